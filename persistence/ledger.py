"""Which objects a store has and which refer to which, for stores of any size.

The answer to "which references lead nowhere" needs all objects at once. They are kept in a
temporary database of SQLite, which goes to the disk beyond a few megabytes, and is gone with
its connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

__all__ = ["Ledger"]

_CACHE_KILOBYTES = 16_000
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE object (id BLOB PRIMARY KEY, folded BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE link (target BLOB, source BLOB, PRIMARY KEY (target, source)) WITHOUT ROWID;
"""


class Ledger:
    """Takes objects with what they refer to, and tells what does not fit together."""

    def __init__(self) -> None:
        # Made by whoever checks, and maybe closed by another thread that cancelled it.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.executescript(_SCHEMA)
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")

    def add(self, items: Iterable[tuple[str, Collection[str]]]) -> None:
        """Take objects: the ID of each, and the IDs that it refers to."""
        items = list(items)
        self._connection.executemany(
            "INSERT OR IGNORE INTO object VALUES (?, ?)",
            [(_key(id_), _key(id_.casefold())) for id_, _ in items],
        )
        self._connection.executemany(
            "INSERT OR IGNORE INTO link VALUES (?, ?)",
            [(_key(target), _key(id_)) for id_, targets in items for target in targets],
        )

    def __contains__(self, id_: str) -> bool:
        found = self._connection.execute("SELECT 1 FROM object WHERE id = ?", (_key(id_),))
        return found.fetchone() is not None

    def dangling(self) -> Iterator[tuple[str, str]]:
        """Iterate over (source, target) of the references that lead nowhere."""
        for source, target in self._connection.execute(
            "SELECT source, target FROM link"
            " WHERE NOT EXISTS (SELECT 1 FROM object WHERE id = target)"
        ):
            yield _id(source), _id(target)

    def unreferenced(self) -> Iterator[str]:
        """Iterate over the objects that no other refers to."""
        for (id_,) in self._connection.execute(
            "SELECT id FROM object WHERE NOT EXISTS"
            " (SELECT 1 FROM link WHERE target = id AND source <> id)"
        ):
            yield _id(id_)

    def alike(self) -> Iterator[tuple[str, ...]]:
        """Iterate over the groups of IDs that differ in case only."""
        rows = self._connection.execute("SELECT folded, id FROM object ORDER BY folded, id")
        for _, group in groupby(rows, key=itemgetter(0)):
            ids = tuple(_id(id_) for _, id_ in group)
            if len(ids) > 1:
                yield ids

    def close(self) -> None:
        """Drop everything."""
        self._connection.close()


def _key(id_: str) -> bytes:
    return id_.encode("utf-8", "surrogatepass")  # names of files may have halves of characters


def _id(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")
