"""Jobshelf's own SQLite tables as two relations that any SQL may ask: `entry` and `link`.

| relation | columns                                                                          |
|----------|----------------------------------------------------------------------------------|
| `entry`  | `position` (rises in insertion order), `id`, `type`, `state`, `name`, `modified`  |
|          | (seconds since 1970, UTC), `size` (bytes), `revision` (differs when written again) |
| `link`   | the object at position `source` refers to the ID `target`                         |

They are temporary views on a connection of their own, so nothing is copied, and what they show
is what is stored at that moment. Every statement should be short: while it runs it reads one
state of the database, whose log cannot be cut meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from persistence.sql_connection import Connection
from persistence.sql_sqlite import SqliteDatabase

__all__ = ["Listing"]

_PATIENCE_MILLISECONDS = 5_000


class Listing:
    """One table of objects; used by one thread at a time.

    Args:
        database: Where the table is; a file.
        table: Its name.
    """

    def __init__(self, database: SqliteDatabase, table: str) -> None:
        self._database = database
        self._table = table
        self._connection: Connection | None = None

    def connection(self) -> sqlite3.Connection:
        """Return the connection: a new one if the file is another one than before.

        Raises:
            StoreError: The database cannot be opened.
        """
        connection = self._connection
        if connection is None or not self._database.is_current(connection):
            self.close()
            self._connection = connection = self._database.open()
            with self.translated():
                self._prepare(connection)
        driver: sqlite3.Connection = connection.driver
        return driver

    @property
    def is_indexed(self) -> bool:
        """Whether an index has all that lists show; large tables of earlier versions lack it."""
        statement = "SELECT 1 FROM main.sqlite_master WHERE type = 'index' AND name = ?"
        found = self.connection().execute(statement, (f"{self._table}_listed",))
        return found.fetchone() is not None

    @property
    def removals(self) -> str:
        """A query of one number that is another one after an object was removed."""
        return f"SELECT max(change) FROM main.{_quoted(self._table + '_removed')}"  # noqa: S608

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise errors of SQLite as those of the store."""
        with self._database.translated():
            yield

    def close(self) -> None:
        """Close the connection; the next question opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _prepare(self, connection: Connection) -> None:
        objects = f"main.{_quoted(self._table)}"
        references = f"main.{_quoted(self._table + '_references')}"
        entry = (
            "SELECT seq AS position, id, type, state, name, saved AS modified, size,"
            " change AS revision FROM"
        )
        link = "SELECT r.target AS target, o.seq AS source FROM"
        connection.run(f"PRAGMA busy_timeout = {_PATIENCE_MILLISECONDS}")
        connection.run(f"CREATE TEMP VIEW entry AS {entry} {objects}")
        connection.run(
            f"CREATE TEMP VIEW link AS {link} {references} AS r JOIN {objects} AS o"
            " ON o.id = r.source"
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
