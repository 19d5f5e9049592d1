"""The view of the object tree: keys, double click and context menu."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QTreeView, QWidget

from app.models.roles import NODE_ROLE
from app.window.cell_delegates import NodeDelegate
from app.window.change_marks import ChangeMarks
from app.window.column_widths import ColumnWidths, Wish
from app.window.theme import GRID
from app.window.value_editor import ValueEditor
from app.work.records import NodeRow

__all__ = ["ObjectTreeView", "node_at"]

_LETTERS = ((14, 30), (20, 400), (8, 17))
"""How many each column shows at least, and wants: all room that is left is the value's."""
_VALUE_COLUMN = 1
_MOVES = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


def _modifiers(event: QKeyEvent) -> Qt.KeyboardModifier:
    return event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier


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
        edit_requested: The user wants to change the current value.
        delete_requested: The user wants the current value taken out.
        move_requested: The user wants the current item moved: -1 for up, 1 for down.
        left: The user wants back to the table.
    """

    menu_requested = Signal(QPoint)
    follow_requested = Signal()
    retry_requested = Signal(QModelIndex)
    edit_requested = Signal()
    delete_requested = Signal()
    move_requested = Signal(int)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("objectTree")
        self.setAccessibleName("Parts of the object")
        self.marks: ChangeMarks[tuple[str, str]] = ChangeMarks(self._repaint, self)
        self.delegate = NodeDelegate(self.marks, self)
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

    def open_editor(self, index: QModelIndex, editor: ValueEditor) -> None:
        """Put an editor in the place of the value in a row, and give it the keyboard."""
        cell = index.siblingAtColumn(_VALUE_COLUMN)
        self.scrollTo(cell)
        self.setIndexWidget(cell, editor)
        self.updateEditorGeometries()
        editor.start()

    def close_editor(self, index: QModelIndex | QPersistentModelIndex) -> None:
        """Take the editor of a row away."""
        if index.isValid():
            had_keyboard = self.isAncestorOf(QApplication.focusWidget() or self.window())
            cell = index.sibling(index.row(), _VALUE_COLUMN)
            if had_keyboard:
                self.setFocus()
            editor = self.indexWidget(cell)
            if editor is not None:
                editor.hide()  # it is deleted a little later
            self.setIndexWidget(cell, None)  # type: ignore[arg-type]  # Qt takes none

    def mark_changed(self, id_: str, address: str) -> None:
        """Highlight for a moment a value that was changed.

        Args:
            id_: The object.
            address: Readable path of the value in it.
        """
        self.marks.add([(id_, address)])

    def _repaint(self) -> None:
        self.viewport().update()

    def _wishes(self) -> list[Wish]:
        letter = self.fontMetrics().averageCharWidth()
        return [
            Wish(least * letter, wanted * letter, grows=column == 1)
            for column, (least, wanted) in enumerate(_LETTERS)
        ]

    def _act_on(self, index: QModelIndex) -> None:
        """Follow a reference, try an error again, edit a value; open or close anything else."""
        node = node_at(index)
        if node is not None and node.kind == "error":
            self.retry_requested.emit(index)
        elif node is not None and node.kind == "reference":
            self.follow_requested.emit()
        elif node is not None and self._is_plain(node):
            self.edit_requested.emit()
        elif self.isExpanded(index):
            self.collapse(index)
        else:
            self.expand(index)

    def _is_plain(self, node: NodeRow) -> bool:
        return node.kind != "reference" and node.child_count == 0 and "cycle" not in node.marks

    # Qt

    def event(self, event: QEvent) -> bool:
        # In the table this key deletes objects, in the tree the value that is selected.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Delete
            and not _modifiers(event)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), _modifiers(event)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not modifiers:
            self._act_on(self.currentIndex())
        elif key == Qt.Key.Key_F2:
            self.edit_requested.emit()
        elif key == Qt.Key.Key_Delete and not modifiers:
            self.delete_requested.emit()
        elif key in _MOVES and modifiers == Qt.KeyboardModifier.AltModifier:
            self.move_requested.emit(_MOVES[Qt.Key(key)])
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
        if event.button() != Qt.MouseButton.LeftButton or not index.isValid():
            return
        node = node_at(index)
        # On its name a value that has nothing to open does nothing.
        if node is None or node.kind == "error" or not self._is_plain(node):
            self._act_on(index)
        elif index.column() == _VALUE_COLUMN:
            self.edit_requested.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        where = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            where = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        self.menu_requested.emit(where)
        event.accept()
