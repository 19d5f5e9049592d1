"""The index: what the ID table needs of every object, in a private temporary SQLite database.

It is filled as the store is read and kept current by what changes. The database has no name:
SQLite makes its file in the system's temporary folder and nobody else can open it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.work.conditions import clean, stored_id, text_of_id
from app.work.records import Row
from app.work.rows import RowSource, prepare_connection
from persistence.ids import order_key

__all__ = ["Entry", "RowIndex"]

_SCHEMA = """
CREATE TABLE entry (
    position INTEGER PRIMARY KEY,  -- rises in the order of the store
    id NOT NULL UNIQUE,            -- text; a blob where it is no valid Unicode
    id_key TEXT NOT NULL,          -- what IDs sort by
    type TEXT NOT NULL,            -- "" for an unreadable object
    type_key TEXT,
    state TEXT,
    name TEXT,
    name_key TEXT,
    modified REAL,                 -- seconds since the epoch
    size INTEGER NOT NULL,         -- bytes
    revision INTEGER NOT NULL      -- differs when the object was written again
);
CREATE TABLE link (target NOT NULL, source INTEGER NOT NULL, PRIMARY KEY (target, source))
    WITHOUT ROWID;
CREATE INDEX link_by_source ON link (source);
-- The list without what it is sorted by: smaller than the table, and in the order of states.
CREATE INDEX listed ON entry (state, position, type, name, size, modified, id);
"""
_CACHE_KIB = 32_768
_ORDERS = {
    "id": ("id_key",),
    "type": ("type_key",),
    "state": ("state",),
    "name": ("name_key",),
    "modified": ("modified",),
    "size": ("size",),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index keeps of one object.

    Attributes:
        row: What the table shows.
        revision: A number that is another one when the object was written again.
        references: IDs of the objects that it refers to, each once.
    """

    row: Row
    revision: int
    references: tuple[str, ...] = ()


class RowIndex(RowSource):
    """The rows of a store that has to be read for them."""

    _orders = _ORDERS

    def __init__(self) -> None:
        super().__init__()
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = MEMORY")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        prepare_connection(self._connection)
        self._connection.executescript(_SCHEMA)
        self._count = 0
        self._last = 0
        self._changes = 0
        self._moves = 0  # changes that put rows between others, or took some away
        self._former: dict[str, int] = {}  # positions of objects that are gone

    @property
    def _db(self) -> sqlite3.Connection:
        return self._connection

    def close(self) -> None:
        """Close the database, which removes its file."""
        self._connection.close()

    def __len__(self) -> int:
        return self._count

    def _version(self, *, order_only: bool) -> object:
        return self._moves if order_only else self._changes

    # Changing it

    def put(self, entries: Sequence[Entry]) -> list[str]:
        """Add or update objects: new ones behind all others, returning ones where they were.

        Returns:
            The IDs that are new or were written again since they were put last.
        """
        known = {
            id_: (position, revision)
            for id_, position, revision in self._select_by_ids(
                "SELECT id, position, revision FROM entry WHERE id IN ({})",
                [entry.row.id for entry in entries],
            )
        }
        written: dict[str, tuple[int, Entry]] = {}
        last, added = self._last, 0
        for entry in entries:
            id_ = entry.row.id
            position, revision = known.get(id_, (0, None))
            if revision == entry.revision:
                continue
            if id_ in written:
                position = written[id_][0]
            elif revision is None:
                position = self._former.pop(id_, 0)
                if position:
                    self._moves += 1
                else:
                    last += 1
                    position = last
                added += 1
            written[id_] = position, entry
        updated = [(known[id_][0],) for id_ in written if id_ in known]
        with self._transaction():
            self._db.executemany("DELETE FROM link WHERE source = ?", updated)
            self._db.executemany(
                "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_values(position, entry) for position, entry in written.values()),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO link VALUES (?, ?)",
                (
                    (stored_id(target), position)
                    for position, entry in written.values()
                    for target in entry.references
                ),
            )
        self._last, self._count = last, self._count + added
        self._changes += bool(written)
        return list(written)

    def remove(self, ids: Iterable[str]) -> list[str]:
        """Drop objects; return the IDs of those that were there."""
        found = self._select_by_ids("SELECT id, position FROM entry WHERE id IN ({})", list(ids))
        positions = [(position,) for _, position in found]
        with self._transaction():
            self._db.executemany("DELETE FROM link WHERE source = ?", positions)
            self._db.executemany("DELETE FROM entry WHERE position = ?", positions)
        self._count -= len(found)
        self._changes += bool(found)
        self._moves += bool(found)
        self._former.update(found)
        return [id_ for id_, _ in found]

    def absent_from(self, ids: Iterable[str]) -> list[str]:
        """Return the IDs in the index that are not among those given."""
        kept = set(ids)
        found = self._db.execute("SELECT id FROM entry ORDER BY position")
        return [id_ for (value,) in found if (id_ := text_of_id(value)) not in kept]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _values(position: int, entry: Entry) -> tuple[Any, ...]:
    row = entry.row
    type_, state, name = clean(row.type), clean(row.state), clean(row.name)
    short = type_.rpartition(".")[2].casefold() if type_ else ""
    return (
        position,
        stored_id(row.id),
        _sort_key(clean(row.id)),
        type_,
        f"{short}\x1f{type_}" if type_ else None,
        state,
        name,
        None if name is None else _sort_key(name.casefold()),
        row.modified,
        row.size,
        entry.revision,
    )


def _sort_key(text: str) -> str:
    """Return a text that sorts as `order_key` does: `Application.9` before `Application.10`."""
    prefix, number, _ = order_key(text)
    return prefix if number < 0 else f"{prefix}\x01{number:018}"
