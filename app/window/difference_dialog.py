"""What differs between the object as it was read and as it is stored now."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.actions.difference import Difference
from app.window.theme import GRID, monospace, theme
from app.window.tooltips import plain

__all__ = ["DifferenceDialog"]


class DifferenceDialog(QDialog):
    """Shows two versions of an object side by side."""

    def __init__(self, id_: str, difference: Difference, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("differenceDialog")
        self.setWindowTitle(f"What changed in {id_}")
        sentence = QLabel(
            f"{id_} as Jobshelf read it, and as it is in the store now. Nothing was written.", self
        )
        sentence.setWordWrap(True)
        sentence.setTextFormat(Qt.TextFormat.PlainText)
        view = QTreeWidget(self)
        view.setObjectName("differenceView")
        view.setAccessibleName("Differences")
        view.setRootIsDecorated(False)
        view.setHeaderLabels(["", "As it was read", "As it is now"])
        view.header().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for line in difference.lines:
            item = QTreeWidgetItem([line.name, line.before, line.after])
            for column in (1, 2):
                item.setFont(column, monospace())
                item.setToolTip(column, plain(item.text(column)))
                if line.before != line.after:
                    item.setForeground(column, theme().colour("amber"))
            view.addTopLevelItem(item)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column_.setSpacing(3 * GRID)
        column_.addWidget(sentence)
        column_.addWidget(view, 1)
        column_.addWidget(buttons)
        self.resize(720, 380)
