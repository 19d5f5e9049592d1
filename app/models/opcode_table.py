"""The model of the opcode table: a window on the opcodes of one pickle, fetched in pages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from functools import partial
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from app.models.roles import (
    ACCESSIBLE_ROLE,
    ALIGNMENT_ROLE,
    COLOUR_ROLE,
    DISPLAY_ROLE,
    MARK_ROLE,
    ROW_ROLE,
    TOOLTIP_ROLE,
)
from app.work.records import OpcodeRange
from app.work.session import StoreSession
from app.work.task import Task
from persistence.pickles.opcodes import Opcode

__all__ = ["PAGE_SIZE", "TITLES", "OpcodeTableModel", "cells_of"]

PAGE_SIZE = 256
"""Rows that are fetched together."""

TITLES = ("Offset", "Opcode", "Argument", "Memo", "Explanation")

_OFFSET, _OPCODE, _ARGUMENT, _MEMO, _EXPLANATION = range(5)
_KEPT_PAGES = 64
_MOST_WANTED = 16
_STEP = 16_384  # rows by which the table grows; the inspector counts them in some 30 ms
_DEEPEST_SHOWN = 16  # levels by which opcodes are indented
_INDENT = "  "
_WAITING = "…"
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_HORIZONTAL = Qt.Orientation.Horizontal
_NO_INDEX = QModelIndex()

Index = QModelIndex | QPersistentModelIndex


def cells_of(row: Opcode) -> tuple[str, str, str, str, str]:
    """Return what the columns say of an opcode.

    >>> cells_of(Opcode(9, "BINPUT", 2, "3", 1, stored=3, explanation="Store it."))
    ('9', '  BINPUT', '3', '→ 3', 'Store it.')
    """
    memo = ""
    if row.stored is not None:
        memo = f"→ {row.stored}"
    elif row.fetched is not None:
        memo = f"← {row.fetched}"
    name = _INDENT * min(row.depth, _DEEPEST_SHOWN) + (row.name or "(damaged)")
    return str(row.offset), name, row.argument, memo, row.explanation


class OpcodeTableModel(QAbstractTableModel):
    """The opcodes of one object's pickle; only pages that were looked at are in memory.

    How many rows there are is not known before the whole pickle was gone through. The first
    page stands at once, and the table grows while the inspector goes on, a step at a time, so
    that it can answer other questions in between.

    Signals:
        counted: The number of rows, and whether these are all.
        failed: The exception that says why nothing can be listed.
    """

    counted = Signal(int, bool)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session: StoreSession | None = None
        self._id: str | None = None
        self._count = 0
        self._pages: OrderedDict[int, tuple[Opcode, ...]] = OrderedDict()
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._own: range = range(0)
        self._made: range = range(0)
        self._found: frozenset[int] = frozenset()
        self._growing: Task | None = None
        self._fetching: Task | None = None
        self._fetch_timer = QTimer(self)
        self._fetch_timer.setSingleShot(True)
        self._fetch_timer.setInterval(0)
        self._fetch_timer.timeout.connect(self._fetch)

    @property
    def id(self) -> str | None:
        """ID of the object whose opcodes are listed, or None."""
        return self._id

    @property
    def is_complete(self) -> bool:
        """Whether all rows are known."""
        return self._growing is None

    def set_session(self, session: StoreSession | None) -> None:
        """List opcodes of objects of an open store; nothing until `show`."""
        if self._session is not None:
            self._session.closed.disconnect(self._on_closed)
        self.show(None)
        self._session = session
        if session is not None:
            session.closed.connect(self._on_closed)

    def show(self, id_: str | None) -> None:
        """List the opcodes of an object; none for None."""
        self._drop()
        self.beginResetModel()
        self._id = id_
        self._count = 0
        self._pages.clear()
        self._clear_marks()
        self.endResetModel()
        self._begin()

    def refresh(self) -> None:
        """Read the opcodes again, of a pickle that was written; rows stay where they are."""
        self._drop()
        self._pages.clear()
        self._clear_marks()
        self._say_changed(0, self._count - 1)
        self._begin()

    def mark_value(self, found: OpcodeRange | None) -> None:
        """Mark the opcodes that the selected value is made of; None for none."""
        self._clear_marks()
        if found is not None:
            self._own = range(found.first, found.last + 1)
            if found.made_first != found.first:
                self._made = range(found.made_first, found.made_last + 1)
        self._say_changed(0, self._count - 1)

    def mark_offsets(self, offsets: Collection[int]) -> None:
        """Mark the opcodes at some offsets."""
        self._clear_marks()
        self._found = frozenset(offsets)
        self._say_changed(0, self._count - 1)

    def row(self, number: int) -> Opcode | None:
        """Return a row, or None if it is not in memory (it is not fetched by this)."""
        page = self._pages.get(number // PAGE_SIZE)
        within = number % PAGE_SIZE
        return page[within] if page is not None and 0 <= within < len(page) else None

    # Growing: the first page, then step by step, then the exact number

    def _begin(self) -> None:
        if self._session is not None and self._id is not None:
            self._growing = self._session.opcodes(self._id, 0, PAGE_SIZE).then(
                self._on_first_page, self._on_failed
            )

    def _on_first_page(self, rows: tuple[Opcode, ...]) -> None:
        self._keep(0, rows)
        self._say_changed(0, min(self._count, len(rows)) - 1)
        if len(rows) < PAGE_SIZE:
            self._finish(len(rows))
            return
        self._grow(len(rows))
        self._probe(_STEP)

    def _probe(self, row: int) -> None:
        """Have the inspector go on to a row."""
        assert self._session is not None
        assert self._id is not None
        self._growing = self._session.opcodes(self._id, row, 1).then(
            partial(self._on_probed, row), self._on_failed
        )

    def _on_probed(self, row: int, rows: tuple[Opcode, ...]) -> None:
        if rows:
            self._grow(row + 1)
            self._probe(row + _STEP)
        elif self._session is not None and self._id is not None:
            self._growing = self._session.opcode_count(self._id).then(self._finish, self._on_failed)

    def _finish(self, count: int) -> None:
        self._growing = None
        self._grow(count)
        if count < self._count:
            self.beginRemoveRows(_NO_INDEX, count, self._count - 1)
            self._count = count
            self.endRemoveRows()
        self.counted.emit(count, True)

    def _grow(self, count: int) -> None:
        if count > self._count:
            self.beginInsertRows(_NO_INDEX, self._count, count - 1)
            self._count = count
            self.endInsertRows()
        if self._growing is not None:
            self.counted.emit(self._count, False)

    def _on_failed(self, error: Exception) -> None:
        self._drop()
        self.failed.emit(error)

    # Pages as they are looked at

    def _want(self, page: int) -> None:
        if page not in self._wanted:
            self._wanted[page] = None
            if len(self._wanted) > _MOST_WANTED:
                self._wanted.popitem(last=False)  # scrolled past long ago
            if self._fetching is None and not self._fetch_timer.isActive():
                self._fetch_timer.start()

    def _fetch(self) -> None:
        if self._fetching is not None or not self._wanted:
            return
        if self._session is None or self._id is None:
            return
        page, _ = self._wanted.popitem()  # the last one asked for is in view
        self._fetching = self._session.opcodes(self._id, page * PAGE_SIZE, PAGE_SIZE).then(
            partial(self._on_fetched, page), self._on_failed
        )

    def _on_fetched(self, page: int, rows: tuple[Opcode, ...]) -> None:
        self._fetching = None
        self._keep(page, rows)
        self._say_changed(page * PAGE_SIZE, (page + 1) * PAGE_SIZE - 1)
        if self._wanted:
            self._fetch_timer.start()

    def _keep(self, page: int, rows: tuple[Opcode, ...]) -> None:
        self._wanted.pop(page, None)
        self._pages[page] = rows
        self._pages.move_to_end(page)
        while len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)

    def _say_changed(self, first: int, last: int) -> None:
        last = min(last, self._count - 1)
        if first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(TITLES) - 1))

    def _clear_marks(self) -> None:
        self._own = self._made = range(0)
        self._found = frozenset()

    def _drop(self) -> None:
        for task in (self._growing, self._fetching):
            if task is not None:
                task.cancel()
        self._growing = self._fetching = None
        self._wanted.clear()
        self._fetch_timer.stop()

    def _on_closed(self) -> None:
        self.show(None)

    def _mark(self, number: int) -> str | None:
        if number in self._own:
            return "own"
        if number in self._made:
            return "made"
        if self._found:
            row = self.row(number)
            return "found" if row is not None and row.offset in self._found else None
        return None

    # Qt

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = DISPLAY_ROLE
    ) -> Any:
        if orientation != _HORIZONTAL or not 0 <= section < len(TITLES):
            return None
        if role == DISPLAY_ROLE:
            return TITLES[section]
        if role == ALIGNMENT_ROLE:
            return _RIGHT if section == _OFFSET else _LEFT
        return None

    def data(self, index: Index, role: int = DISPLAY_ROLE) -> Any:
        if not index.isValid():
            return None
        number, column = index.row(), index.column()
        if role == ALIGNMENT_ROLE:
            return _RIGHT if column == _OFFSET else _LEFT
        if role == MARK_ROLE:
            return self._mark(number)
        row = self.row(number)
        if row is None:
            if role != DISPLAY_ROLE or number >= self._count:
                return None
            self._want(number // PAGE_SIZE)
            return _WAITING if column == _OFFSET else ""
        if role == DISPLAY_ROLE:
            return cells_of(row)[column]
        if role == ROW_ROLE:
            return row
        if role == TOOLTIP_ROLE:
            return cells_of(row)[column].strip()
        if role == ACCESSIBLE_ROLE:
            return self._spoken(number, row, column)
        if role == COLOUR_ROLE:
            if not row.name:
                return "red"
            return "muted" if column in (_OFFSET, _EXPLANATION) else None
        return None

    def _spoken(self, number: int, row: Opcode, column: int) -> str:
        """Return a cell in words, with what is drawn beside its text."""
        text = f"{TITLES[column]}: {cells_of(row)[column].strip()}"
        if column == _MEMO and row.stored is not None:
            text = f"Stores as memo {row.stored}"
        elif column == _MEMO and row.fetched is not None:
            text = f"Fetches memo {row.fetched}"
        elif column == _OPCODE and (mark := self._mark(number)):
            text += f", {_MARK_WORDS[mark]}"
        return text


_MARK_WORDS = {
    "own": "part of the selected value",
    "made": "makes the selected value, which is fetched elsewhere",
    "found": "does what is selected",
}
