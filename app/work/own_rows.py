"""Rows of a SQLite table that Jobshelf made: the table itself is asked, and nothing is copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from app.work.rows import RowSource, prepare_connection
from persistence.sql_listing import Listing

__all__ = ["OwnRows"]

_DIGITS = "'0123456789'"
_SHORT_TYPE = "lower(substr(type, 1 + length(rtrim(type, replace(type, '.', '')))))"
# A number at the end counts by its length first: `Job.9` before `Job.10`.
_ORDERS = {
    "id": (f"rtrim(id, {_DIGITS})", "length(id)", "id"),
    "type": (f"CASE WHEN type <> '' THEN {_SHORT_TYPE} END", "type"),
    "state": ("state",),
    "name": (f"rtrim(lower(name), {_DIGITS})", "length(name)", "lower(name)"),
    "modified": ("modified",),
    "size": ("size",),
}


class OwnRows(RowSource):
    """The rows of one table, as they are at the moment of each question."""

    _orders = _ORDERS

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self._listing = listing
        self._connection: sqlite3.Connection | None = None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            self.refresh()
            assert self._connection is not None
        return self._connection

    def refresh(self) -> None:
        """Have the next questions see the file that is there now.

        Raises:
            StoreError: It cannot be opened.
        """
        connection = self._listing.connection()
        if connection is not self._connection:
            self._rankings.clear()  # they went with the former connection
            self._connection = connection
            prepare_connection(connection)
            self._has_state_index = self._listing.is_indexed

    def close(self) -> None:
        """Close the connection."""
        self._connection = None
        self._listing.close()

    def interrupt(self) -> None:
        """Stop the query under way, with an error. Any thread may call this."""
        if self._connection is not None:
            self._connection.interrupt()

    def _version(self, *, order_only: bool) -> object:
        if order_only:
            return self._value(self._listing.removals)
        return self._value("PRAGMA data_version")

    @contextmanager
    def errors_explained(self) -> Iterator[None]:
        with self._listing.translated():
            yield
