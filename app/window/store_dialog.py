"""The properties of the open store."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from app.window.theme import GRID, monospace
from app.work.records import StoreInfo

__all__ = ["StoreDialog"]


class StoreDialog(QDialog):
    """Says what kind of store is open, and what is to be known about it."""

    def __init__(self, info: StoreInfo, count: int, parent: QWidget | None = None) -> None:
        """Make the dialog.

        Args:
            info: What the store said when it was opened.
            count: Number of objects now.
            parent: Owning window.
        """
        super().__init__(parent)
        self.setObjectName("storeDialog")
        self.setWindowTitle("Store Properties")
        form = QFormLayout()
        form.setHorizontalSpacing(4 * GRID)
        form.setVerticalSpacing(2 * GRID)
        for title, text in (
            ("Address", info.uri),
            ("Kind", info.kind),
            ("Part", info.container),
            ("Written by", info.writer or "unknown"),
            ("Objects", f"{count:,}"),
            ("Open for", "reading only" if info.read_only else "reading and writing"),
        ):
            if text:
                form.addRow(f"{title}:", self._value(text, is_address=title == "Address"))
        for number, notice in enumerate(info.notices):
            form.addRow("" if number else "Notices:", self._value(notice))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(4 * GRID)
        column.addLayout(form, 1)
        column.addWidget(buttons)
        self.setMinimumWidth(560)

    def _value(self, text: str, *, is_address: bool = False) -> QLabel:
        label = QLabel(text, self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        if is_address:
            label.setFont(monospace())
        return label
