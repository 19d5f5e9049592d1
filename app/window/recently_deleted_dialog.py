"""The Recently Deleted dialog: objects that Jobshelf removed and can bring back."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.actions.journal import Deleted
from app.window.history_panel import when
from app.window.icons import icon
from app.window.theme import GRID, monospace
from app.window.tooltips import plain
from persistence.pickles.texts import escaped

__all__ = ["RecentlyDeletedDialog"]

_ROW = Qt.ItemDataRole.UserRole


class RecentlyDeletedDialog(QDialog):
    """Lists what was deleted from the open store.

    Signals:
        restore_requested: The `Deleted` rows that the user wants back.
    """

    restore_requested = Signal(list)

    def __init__(
        self, deleted: Sequence[Deleted], *, can_write: bool, parent: QWidget | None = None
    ) -> None:
        """Make the dialog.

        Args:
            deleted: The rows, the latest first.
            can_write: Whether the store can be changed.
            parent: Owning window.
        """
        super().__init__(parent)
        self.setObjectName("recentlyDeletedDialog")
        self.setWindowTitle("Recently Deleted")
        self._can_write = can_write
        self._search = QLineEdit(self)
        self._search.setPlaceholderText("Find")
        self._search.setClearButtonEnabled(True)
        self._search.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self._search.textChanged.connect(self._narrow)
        self.view = QTreeWidget(self)
        self.view.setObjectName("deletedView")
        self.view.setAccessibleName("Deleted objects")
        self.view.setRootIsDecorated(False)
        self.view.setUniformRowHeights(True)
        self.view.setAllColumnsShowFocus(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setHeaderLabels(["ID", "Type", "Name", "Size", "Deleted"])
        for column, width in enumerate((220, 160, 150, 80, 140)):
            self.view.setColumnWidth(column, width)
        self._items = [_item(row) for row in deleted]
        self.view.addTopLevelItems(self._items)
        self.view.itemSelectionChanged.connect(self._update)
        self.view.itemActivated.connect(lambda *_: self._restore())
        self._note = QLabel(self)
        self._note.setProperty("quiet", True)
        self._note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        self._restore_button = buttons.addButton("&Restore", QDialogButtonBox.ButtonRole.ActionRole)
        self._restore_button.setObjectName("restoreButton")
        self._restore_button.clicked.connect(self._restore)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column_.setSpacing(3 * GRID)
        column_.addWidget(self._search)
        column_.addWidget(self.view, 1)
        column_.addWidget(self._note)
        column_.addWidget(buttons)
        if self._items:
            self.view.setCurrentItem(self._items[0])
        self._update()
        self.resize(820, 460)

    def _narrow(self, text: str) -> None:
        wanted = text.casefold()
        for item in self._items:
            texts = (item.text(column).casefold() for column in range(3))
            item.setHidden(not any(wanted in found for found in texts))

    def _update(self) -> None:
        count = len(self.view.selectedItems())
        self._restore_button.setEnabled(self._can_write and count > 0)
        if not self._items:
            note = "Nothing that Jobshelf deleted from this store is missing from it."
        elif not self._can_write:
            note = "The store is open read-only: open it for writing to bring objects back."
        else:
            note = "Restoring puts an object back under its ID, as it was when it was deleted."
        self._note.setText(note)

    def _restore(self) -> None:
        rows = [item.data(0, _ROW) for item in self.view.selectedItems() if not item.isHidden()]
        if rows and self._can_write:
            self.restore_requested.emit(rows)
            self.accept()


def _item(row: Deleted) -> QTreeWidgetItem:
    short = row.type.rsplit(".", 1)[-1]
    item = QTreeWidgetItem(
        [escaped(row.id_), escaped(short), escaped(row.name or ""), f"{row.size:,}", when(row.time)]
    )
    item.setToolTip(1, plain(escaped(row.type)))
    item.setFont(0, monospace())
    item.setTextAlignment(3, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setData(0, _ROW, row)
    return item
