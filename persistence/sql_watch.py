"""Waits for changes of a table on PostgreSQL: each writer says so to who listens (LISTEN, NOTIFY).

What is said carries nothing, and may be lost with a connection: it is a reason to ask
`Store.changes` sooner, never instead. Programs that are not Jobshelf say nothing.
"""

from __future__ import annotations

from hashlib import sha256

from persistence.sql_connection import Connection, Database

__all__ = ["SqlWatch", "channel_of"]


class SqlWatch:
    """Listens on a connection of its own; used by one thread at a time.

    Args:
        database: A PostgreSQL database.
        table: The table of objects.

    Raises:
        StoreError: The server cannot be reached.
    """

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._connection: Connection = database.open()
        try:
            with database.translated():
                self._connection.run(f"LISTEN {channel_of(table)}")
        except BaseException:
            self._connection.close()
            raise

    def wait(self, seconds: float) -> bool:
        """Wait for a change; return whether there was one, now or since the last call.

        Raises:
            StoreError: The connection is lost: make another watch.
        """
        with self._database.translated():
            # All that has come by now is one piece of news.
            return any([*self._connection.driver.notifies(timeout=seconds, stop_after=1)])

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def channel_of(table: str) -> str:
    """Return the name under which changes of a table are told; it needs no quotes.

    >>> channel_of("store")
    'jobshelf_824d80d71985f082'
    """
    return f"jobshelf_{sha256(table.encode()).hexdigest()[:16]}"
