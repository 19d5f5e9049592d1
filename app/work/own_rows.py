"""Rows of a SQLite table that Jobshelf made: the table itself is asked, and nothing is copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.work.conditions import has_trigrams, words_table
from app.work.index_database import is_damage, open_file
from app.work.index_files import IndexFile
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


_FACTS = (
    "CREATE TABLE {}facts (position INTEGER PRIMARY KEY, revision INTEGER NOT NULL,"
    " paths TEXT NOT NULL)"
)
_META = ";\nCREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;\n"


_SCHEMA = _FACTS.format("") + _META
if has_trigrams():
    _SCHEMA += words_table("jobshelf_words", "facts") + ";\n"


class OwnRows(RowSource):
    """The rows of one table, as they are at the moment of each question."""

    _orders = _ORDERS
    _facts_table = "kept.facts"
    _words_table = "kept.jobshelf_words"

    def __init__(
        self, listing: Listing, claim: Callable[[], IndexFile | None] = lambda: None
    ) -> None:
        """Make the source; it connects with `refresh`.

        Args:
            listing: The table.
            claim: Gives the file where facts are stored; None to keep them for this time only.
        """
        super().__init__()
        self._listing = listing
        self._claim = claim
        self._file: IndexFile | None = None
        self._has_facts = False
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
            self._has_facts = False
            prepare_connection(connection)
            self._has_state_index = self._listing.is_indexed

    def close(self) -> None:
        """Close the connection."""
        self._connection = None
        self._listing.close()
        if self._file is not None:
            self._file.release()

    def open_facts(self) -> None:
        if self._has_facts:
            return
        if self._file is None:
            self._file = self._claim()
        path = self._made_file()
        self._db.execute("ATTACH DATABASE ? AS kept", (path,))
        self._db.execute("PRAGMA kept.synchronous = NORMAL")
        if not path:
            self._db.execute(_FACTS.format("kept."))
            if has_trigrams():
                self._db.execute(words_table("kept.jobshelf_words", "facts"))
        # In the temporary database, a name is found before the same one in the store's own.
        self._db.execute("CREATE TEMP VIEW facts AS SELECT * FROM kept.facts")
        self._has_facts = True

    def _made_file(self) -> str:
        """Return the path of the file of facts, "" for one that is nobody else's."""
        if self._file is None or self._file.lock is None:
            return ""
        try:
            open_file(self._file, _SCHEMA).close()
        except (sqlite3.Error, OSError):
            return ""
        return str(self._file.path)

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
            try:
                yield
            except sqlite3.DatabaseError as error:
                if self._has_facts and is_damage(error):
                    self.forget_facts()
                raise

    def forget_facts(self) -> None:
        """Throw the facts away, which can be made again: they or the store are damaged."""
        self._connection = None
        self._has_facts = False
        self._listing.close()
        if self._file is not None and self._file.lock is not None:
            self._file.discard()
