"""The view of the object tree: keys, double click and context menu."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QTreeView, QWidget

from app.models.roles import NODE_ROLE
from app.window.cell_delegates import NodeDelegate
from app.window.column_widths import ColumnWidths, Wish
from app.window.theme import GRID
from app.work.records import NodeRow

__all__ = ["ObjectTreeView", "node_at"]

_LETTERS = ((14, 30), (20, 400), (8, 17))
"""How many each column shows at least, and wants: all room that is left is the value's."""


def node_at(index: QModelIndex) -> NodeRow | None:
    """Return the node that stands at an index; None for a row that is still loading."""
    node = index.data(NODE_ROLE) if index.isValid() else None
    return node if isinstance(node, NodeRow) else None


class ObjectTreeView(QTreeView):
    """Shows one object as a tree.

    Signals:
        menu_requested: Where on the screen a context menu shall open.
        follow_requested: The user wants to open the object that the current node names.
        retry_requested: The user wants a row read again that could not be shown.
        left: The user wants back to the table.
    """

    menu_requested = Signal(QPoint)
    follow_requested = Signal()
    retry_requested = Signal(QModelIndex)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("objectTree")
        self.setAccessibleName("Parts of the object")
        self.delegate = NodeDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(False)
        self.setAllColumnsShowFocus(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setExpandsOnDoubleClick(False)
        self.setIndentation(4 * GRID)
        self.setTabKeyNavigation(False)
        self.widths: ColumnWidths | None = None
        self.refresh_theme()

    def prepare_columns(self) -> None:
        """Give the columns their first widths; the model must be set."""
        self.widths = ColumnWidths(self, self.header(), self._wishes)
        self.header().setObjectName("objectTreeHeader")
        self.header().setSectionsMovable(False)
        self.header().setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        self.delegate.refresh_fonts()
        if self.widths is not None:
            self.widths.fit()
        self.viewport().update()

    def _wishes(self) -> list[Wish]:
        letter = self.fontMetrics().averageCharWidth()
        return [
            Wish(least * letter, wanted * letter, grows=column == 1)
            for column, (least, wanted) in enumerate(_LETTERS)
        ]

    def _act_on(self, index: QModelIndex) -> None:
        """Follow a reference, try an error again; open or close anything else."""
        node = node_at(index)
        if node is not None and node.kind == "error":
            self.retry_requested.emit(index)
        elif node is not None and node.kind == "reference":
            self.follow_requested.emit()
        elif self.isExpanded(index):
            self.collapse(index)
        else:
            self.expand(index)

    # Qt

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._act_on(self.currentIndex())
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.widths is not None:
            self.widths.fit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            self._act_on(index)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        where = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            where = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        self.menu_requested.emit(where)
        event.accept()
