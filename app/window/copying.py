"""Copies IDs, paths, values and Python expressions to the clipboard."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QApplication

from app.models.roles import ADDRESS_ROLE
from app.window.inspector_panel import InspectorPanel
from app.window.row_table import RowTable
from app.window.table_panel import TablePanel
from app.work.session import StoreSession
from app.work.task import Task

__all__ = ["Copier"]

_LONGEST = 50_000_000  # characters of one value


class Copier(QObject):
    """Puts what is selected on the clipboard.

    Signals:
        copied: A sentence on what was copied.
        failed: The exception that says why nothing was.
    """

    copied = Signal(str)
    failed = Signal(object)

    def __init__(self, table: TablePanel, inspector: InspectorPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._table = table
        self._inspector = inspector
        self._session: StoreSession | None = None

    def set_session(self, session: StoreSession | None) -> None:
        """Copy from another store."""
        self._session = session

    def copy(self) -> None:
        """Copy what has the keyboard: the value in the tree, the IDs, the cell of a list."""
        focus = QApplication.focusWidget()
        views = (self._table.view, self._inspector.view)
        if focus is self._inspector.opcodes.view:
            self._copy_opcodes()
        elif isinstance(focus, RowTable):
            self._put_lines(focus.copied_text())
        elif isinstance(focus, QAbstractItemView) and focus not in views:
            text = str(focus.currentIndex().data() or "")
            self._put(text, f"Copied {text}")
        elif self._inspector.view.hasFocus() or not self._table.selected_count:
            self.copy_value()
        else:
            self.copy_ids()

    def copy_ids(self) -> None:
        """Copy the IDs of the selected rows, one a line."""
        task = self._table.selected_ids()
        if task is not None:
            task.then(self._on_ids, self.failed.emit)

    def copy_path(self) -> None:
        """Copy the path of the current node."""
        index = self._current()
        path = str(index.data(ADDRESS_ROLE) or "") or self._inspector.id_ or ""
        self._put(path, f"Copied {path}")

    def copy_value(self) -> None:
        """Copy the whole text of the current node."""
        where = self._inspector.model.object_of(self._current())
        if where is not None and self._session is not None:
            self._take(self._session.text(*where, _LONGEST), "value")

    def copy_expression(self) -> None:
        """Copy the current node as a Python expression."""
        where = self._inspector.model.object_of(self._current())
        if where is not None and self._session is not None:
            self._take(self._session.expression(*where), "Python expression")

    def _copy_opcodes(self) -> None:
        panel = self._inspector.opcodes
        task = panel.copied_rows()
        if task is not None:
            task.then(lambda rows: self._put_lines(panel.copied_text(rows)), self.failed.emit)

    def _put_lines(self, lines: str) -> None:
        count = lines.count("\n") + 1
        self._put(lines, f"Copied {count:,} row{'' if count == 1 else 's'}")

    def _current(self) -> QModelIndex:
        return self._inspector.view.currentIndex()

    def _take(self, task: Task, what: str) -> None:
        task.then(self._putting(what), self.failed.emit)

    def _putting(self, what: str) -> Callable[[str], None]:
        def put(text: str) -> None:
            self._put(text, f"Copied the {what}: {len(text):,} characters")

        return put

    def _on_ids(self, ids: list[str]) -> None:
        self._put("\n".join(ids), f"Copied {ids[0] if len(ids) == 1 else f'{len(ids):,} IDs'}")

    def _put(self, text: str, sentence: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.copied.emit(sentence)
