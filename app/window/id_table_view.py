"""The view of the ID table: selection, keys and context menu; rows come from the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app.models.columns import COLUMNS, Column
from app.models.id_table import IdTableModel
from app.models.roles import ID_ROLE
from app.window.change_marks import ChangeMarks
from app.window.column_widths import ColumnWidths, Wish, wish_for
from app.window.row_delegate import RowDelegate
from app.window.theme import GRID, monospace
from app.work.records import Row

__all__ = ["IdTableView"]

_TYPE_AHEAD_SECONDS = 1.0
_MEASURED_ROWS = 256
_TITLE_MARGIN = 9 * GRID  # with room for the sign of the order
_LONG_STATES = ("TERMINATED", "TERMINATING")


class IdTableView(QTableView):
    """Shows the objects of a store, one a row.

    Signals:
        menu_requested: Where on the screen a context menu shall open.
        typed_ahead: The beginning of an ID that the user typed.
        entered: The user pressed Enter on a row.
    """

    menu_requested = Signal(QPoint)
    typed_ahead = Signal(str)
    entered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("idTable")
        self.setAccessibleName("Objects of the store")
        self.marks: ChangeMarks[str] = ChangeMarks(self._repaint, self)
        self.delegate = RowDelegate(self.marks, self)
        self.setItemDelegate(self.delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAlternatingRowColors(True)
        self.setTabKeyNavigation(False)  # Tab goes on to the tree
        self.setCornerButtonEnabled(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._typed = ""
        self._typed_at = 0.0
        self.widths: ColumnWidths | None = None
        self._wishes: list[Wish] = []
        self._rows: Callable[[int], Row | None] = lambda _: None
        self._columns: Callable[[], Sequence[Column]] = lambda: COLUMNS
        self._prepare_headers()
        self.refresh_theme()

    def prepare_columns(self, model: IdTableModel) -> None:
        """Have the columns share the width by what stands in the rows of the model."""
        self.setModel(model)
        self._rows = self.delegate.rows = model.row
        self._columns = lambda: model.columns
        model.columnsInserted.connect(self._on_columns_changed)
        model.columnsRemoved.connect(self._on_columns_changed)
        self.widths = ColumnWidths(self, self.horizontalHeader(), lambda: self._wishes)
        model.query_changed.connect(lambda _: self._measure())
        model.count_changed.connect(lambda _: self._measure())

    def forget_content(self) -> None:
        """Measure the columns by the next rows alone: they are of another store."""
        self._wishes = []
        self.marks.clear()

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        self.delegate.refresh_fonts()
        # One height for all rows: asking each of a million would take seconds.
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 2 * GRID)
        self._wishes = []
        self._measure()
        self.viewport().update()

    def mark_changed(self, ids: list[str]) -> None:
        """Highlight for a moment the rows that others changed, and their values that did."""
        changed = set(ids)
        self.marks.add(ids)
        in_view = map(self._rows, self._numbers_in_view())
        self.delegate.note_former({row.id: row for row in in_view if row and row.id in changed})

    def selected_ranges(self) -> list[tuple[int, int]]:
        """Return the selected rows as (first, last), in order; never row by row."""
        ranges = list(self.selectionModel().selection())  # type: ignore[call-overload]
        return sorted({(part.top(), part.bottom()) for part in ranges})

    def select_row(self, row: int) -> None:
        """Make a row the current and only selected one, in view."""
        index = self.model().index(row, max(self.currentIndex().column(), 0))
        self.selectionModel().setCurrentIndex(
            index,
            QItemSelectionModel.SelectionFlag.ClearAndSelect
            | QItemSelectionModel.SelectionFlag.Rows,
        )
        self.scrollTo(index)

    def _prepare_headers(self) -> None:
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns = self.horizontalHeader()
        columns.setObjectName("idTableHeader")
        columns.setSectionsMovable(True)
        columns.setSectionsClickable(True)
        columns.setHighlightSections(False)
        columns.setSortIndicatorShown(True)
        columns.setSortIndicatorClearable(True)
        columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def _measure(self) -> None:
        """Have the columns show what stands in the first rows; none gets narrower by it."""
        rows = [row for row in map(self._rows, range(_MEASURED_ROWS)) if row is not None]
        if not rows or self.widths is None:
            return
        wishes = [self._wish(column, rows) for column in self._columns()]
        if self._wishes:
            pairs = zip(self._wishes, wishes, strict=True)
            wishes = [max(pair, key=lambda wish: wish.wanted) for pair in pairs]
        if wishes != self._wishes:
            self._wishes = wishes
            self.widths.fit()

    def _wish(self, column: Column, rows: list[Row]) -> Wish:
        metrics = QFontMetrics(monospace()) if column.is_monospace else self.fontMetrics()
        title = self.fontMetrics().horizontalAdvance(column.title) + _TITLE_MARGIN
        extra = 4 * GRID
        texts = [column.text(row) for row in rows]
        if column.shows_state:
            extra += metrics.ascent() + 2 * GRID
            texts += _LONG_STATES if any(texts) else ()  # they change all the time
        wish = wish_for(title, texts, metrics, column.letters, extra)
        return replace(wish, grows=column.grows)

    def _numbers_in_view(self) -> range:
        height = self.viewport().height()
        first, last = self.rowAt(0), self.rowAt(height - 1)
        return range(max(first, 0), (last if last >= 0 else self.model().rowCount() - 1) + 1)

    def _repaint(self) -> None:
        self.viewport().update()

    def _on_columns_changed(self) -> None:
        self.delegate.columns = self._columns()
        self.forget_content()
        self._measure()

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        # The delegate takes rows from the model without Qt between: here the model learns
        # which pages are looked at.
        rows = self._numbers_in_view()
        for number in {rows.start, rows.stop - 1} if rows else ():
            self.model().index(number, 0).data(ID_ROLE)
        super().paintEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.entered.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.widths is not None:
            self.widths.fit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        # Qt puts the cursor on the first row, but selects nothing: what is shown and what
        # would be deleted must be the same.
        if self.currentIndex().isValid() and not self.selectionModel().hasSelection():
            self.select_row(self.currentIndex().row())

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        # Home and End lead through the rows: in a list, columns are no places to go to.
        if action in (
            QAbstractItemView.CursorAction.MoveHome,
            QAbstractItemView.CursorAction.MoveEnd,
        ):
            modifiers |= Qt.KeyboardModifier.ControlModifier
        return super().moveCursor(action, modifiers)

    def keyboardSearch(self, search: str) -> None:
        # Qt's own would fetch every row to compare it.
        now = time.monotonic()
        fresh = now - self._typed_at > _TYPE_AHEAD_SECONDS
        self._typed = search if fresh else self._typed + search
        self._typed_at = now
        if self._typed.strip():
            self.typed_ahead.emit(self._typed)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        where = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            where = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).center())
        self.menu_requested.emit(where)
        event.accept()
