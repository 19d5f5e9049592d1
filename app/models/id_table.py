"""The model of the ID table: a window on the rows of a query, fetched in pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Signal

from app.models.columns import COLUMNS, Column
from app.work.records import Row, RowQuery
from app.work.session import StoreSession
from app.work.task import Task

__all__ = ["IdTableModel"]

_Index = QModelIndex | QPersistentModelIndex


class IdTableModel(QAbstractTableModel):
    """Objects as rows; only the pages that are looked at are in memory.

    Signals:
        count_changed: The number of rows that match.
        failed: The exception of a query that cannot be answered (a broken filter); the rows
            of the former query stay.
        busy_changed: Whether a new query waits for its first rows.
        query_changed: The `RowQuery` that the rows are now those of.
    """

    count_changed = Signal(int)
    failed = Signal(object)
    busy_changed = Signal(bool)
    query_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns: tuple[Column, ...] = COLUMNS

    @property
    def query(self) -> RowQuery:
        """What was asked for last."""
        raise NotImplementedError

    def set_session(self, session: StoreSession | None) -> None:
        """Show the objects of an open store, or nothing."""
        raise NotImplementedError

    def set_query(self, query: RowQuery) -> None:
        """Show the rows of another query; `sort` does the same for a header click."""
        raise NotImplementedError

    def row(self, number: int) -> Row | None:
        """Return a row, or None if it is not in memory (it is not fetched by this)."""
        raise NotImplementedError

    def id_at(self, index: _Index) -> str | None:
        """Return the ID of a row, or None if it is not in memory."""
        raise NotImplementedError

    def locate(self, id_: str) -> Task | None:
        """Have the row number of an object found in the present query (None: no store)."""
        raise NotImplementedError

    def ids(self, ranges: Sequence[tuple[int, int]]) -> Task | None:
        """Have the IDs in ranges of rows (first, last) found, from `QItemSelection` ranges."""
        raise NotImplementedError
