"""The index: what the ID table needs of every object of a store that has no list of its own.

It is filled as the store is read and kept current by what changes. Its SQLite database is a
file of `index_files`, so that the next opening has all rows at once and reads only what was
written since; or it has no name: then SQLite makes its file in the system's temporary folder
and nobody else can open it.

A file is used only if it says that it is the index of this very store, in this very form; any
other one is thrown away. For each object it has a *stamp*, by which the store tells later
whether the object was written again. A commit does not wait for the disk, but the write-ahead
log keeps the file whole whatever happens: at worst the last objects are read once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from app.work.conditions import clean, has_trigrams, stored_id, text_of_id, words_table
from app.work.index_database import DamagedIndex, copy, create, is_damage, open_file
from app.work.index_files import IndexFile
from app.work.records import Row
from app.work.rows import RowSource, prepare_connection
from persistence.errors import StoreError
from persistence.ids import order_key

__all__ = ["DamagedIndex", "Entry", "RowIndex"]

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
    revision INTEGER NOT NULL,     -- differs when the object was written again
    stamp TEXT                     -- what the store says of this version; NULL if unknown
);
CREATE TABLE link (target NOT NULL, source INTEGER NOT NULL, PRIMARY KEY (target, source))
    WITHOUT ROWID;
CREATE INDEX link_by_source ON link (source);
-- The list without what it is sorted by: smaller than the table, and in the order of states.
CREATE INDEX listed ON entry (state, position, type, name, size, modified, id);
CREATE TABLE facts (position INTEGER PRIMARY KEY, revision INTEGER NOT NULL, paths TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
_CACHE_KIB = 16_384
if has_trigrams():
    _SCHEMA += words_table("jobshelf_words", "facts") + ";\n"
_STAMPS_AT_ONCE = 20_000
_ROWS_AT_ONCE = 20
_AT_THE_END = 1 << 40  # from here on are rows that have no place among the others yet
_MARKS = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_ROW = f"INSERT OR REPLACE INTO entry VALUES {_MARKS}"  # noqa: S608
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
        stamp: What the store says of this version of it; None if that is not known.
    """

    row: Row
    revision: int
    references: tuple[str, ...] = ()
    stamp: str | None = None


class RowIndex(RowSource):
    """The rows of a store that has to be read for them."""

    _orders = _ORDERS

    def __init__(self, file: IndexFile | None = None) -> None:
        """Open the index.

        Args:
            file: Where it is stored; None for one that is kept for this time only.
        """
        super().__init__()
        self._file = file
        self._connection = self._open()
        self._count: int
        self._last: int
        self._changes = 0
        self._moves = 0  # changes that put rows between others, or took some away
        self._former: dict[str, int] = {}  # positions of objects that are gone
        self._take_stock()

    @property
    def _db(self) -> sqlite3.Connection:
        return self._connection

    @property
    def is_stored(self) -> bool:
        """Whether it is there when the store is opened next."""
        return self._file is not None and self._file.lock is not None

    def close(self) -> None:
        """Close the database; one without a name is gone then."""
        with suppress(sqlite3.Error):
            # An interrupt that hit no query would hit the merging of the log into the file.
            self._connection.execute("SELECT 1").fetchone()
        self._connection.close()
        if self._file is not None:
            self._file.release()

    def clear(self) -> None:
        """Throw away all that is in it, damaged or not."""
        self._connection.close()
        self._rankings.clear()
        self._former.clear()
        if self._file is not None and self._file.lock is not None:
            self._file.discard()
        self._connection = self._open(take_copy=False)
        self._changes += 1
        self._moves += 1
        self._take_stock()

    def _open(self, *, take_copy: bool = True) -> sqlite3.Connection:
        file = self._file
        if file is not None and file.lock is not None:
            try:
                db = open_file(file, _SCHEMA)
                _prepare(db)
                return db
            except (sqlite3.Error, OSError):
                pass  # a full or failing disk; there may be room in another place
        db = sqlite3.connect("", isolation_level=None)
        db.execute("PRAGMA journal_mode = MEMORY")
        db.execute("PRAGMA synchronous = OFF")
        if file is None or not take_copy or not copy(file, _SCHEMA, db):
            create(db, "" if file is None else file.identity, _SCHEMA)
        _prepare(db)
        return db

    def _take_stock(self) -> None:
        self._count = self._value("SELECT count(*) FROM entry")
        self._last = self._value(
            f"SELECT ifnull(max(position), 0) FROM entry WHERE position < {_AT_THE_END}"  # noqa: S608
        )

    @contextmanager
    def errors_explained(self) -> Iterator[None]:
        try:
            with super().errors_explained():
                yield
        except StoreError as error:
            cause = error.__cause__
            if isinstance(cause, sqlite3.DatabaseError) and is_damage(cause):
                raise DamagedIndex(
                    "The stored index of this store is damaged.", "It is made anew."
                ) from cause
            raise

    def __len__(self) -> int:
        return self._count

    def _version(self, *, order_only: bool) -> object:
        return self._moves if order_only else self._changes

    # Changing it

    def put_at_end(self, entries: Sequence[Entry]) -> None:
        """Show some objects of an empty index until `put` gives them their places."""
        with self._transaction():
            rows = [_values(_AT_THE_END + n, entry) for n, entry in enumerate(entries)]
            self._put_rows(rows)
        self._take_stock()
        self._changes += 1

    def put(self, entries: Sequence[Entry]) -> list[str]:
        """Add or update objects: new ones behind all others, returning ones where they were.

        Returns:
            The IDs that are new or were written again since they were put last.
        """
        known = {
            id_: (position, revision, stamp)
            for id_, position, revision, stamp in self._select_by_ids(
                "SELECT id, position, revision, stamp FROM entry WHERE id IN ({})",
                [entry.row.id for entry in entries],
            )
        }
        written: dict[str, tuple[int, Entry]] = {}
        restamped: list[tuple[str, int]] = []
        last, added = self._last, 0
        for entry in entries:
            id_ = entry.row.id
            position, revision, stamp = known.get(id_, (0, None, None))
            if position >= _AT_THE_END and id_ not in written:
                last += 1
                position = last
                self._moves += 1
            elif revision == entry.revision:
                if entry.stamp is not None and entry.stamp != stamp:
                    restamped.append((entry.stamp, position))
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
            self._db.executemany("UPDATE entry SET stamp = ? WHERE position = ?", restamped)
            self._db.executemany("DELETE FROM link WHERE source = ?", updated)
            self._put_rows([_values(position, entry) for position, entry in written.values()])
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

    def _put_rows(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add or replace rows, several with each statement.

        Between two steps of a statement other threads get the interpreter: to change hands for
        each row takes as long as the row.
        """
        whole = len(rows) - len(rows) % _ROWS_AT_ONCE
        groups = (rows[first : first + _ROWS_AT_ONCE] for first in range(0, whole, _ROWS_AT_ONCE))
        self._db.executemany(
            f"{_PUT_ROW}{f', {_MARKS}' * (_ROWS_AT_ONCE - 1)}",
            (tuple(chain.from_iterable(group)) for group in groups),
        )
        self._db.executemany(_PUT_ROW, rows[whole:])

    def remove(self, ids: Iterable[str]) -> list[str]:
        """Drop objects; return the IDs of those that were there."""
        found = self._select_by_ids("SELECT id, position FROM entry WHERE id IN ({})", list(ids))
        positions = [(position,) for _, position in found]
        with self._transaction():
            self._db.executemany("DELETE FROM link WHERE source = ?", positions)
            self._db.executemany("DELETE FROM entry WHERE position = ?", positions)
            self._forget_words([position for (position,) in positions])
            self._db.executemany("DELETE FROM facts WHERE position = ?", positions)
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

    def stamps_after(self, position: int) -> tuple[list[tuple[str, str | None]], int]:
        """Return some IDs with their stamps behind a position, and the position of the last."""
        rows = self._db.execute(
            "SELECT position, id, stamp FROM entry WHERE position > ? ORDER BY position LIMIT ?",
            (position, _STAMPS_AT_ONCE),
        ).fetchall()
        found = [(text_of_id(id_), stamp) for _, id_, stamp in rows]
        return found, rows[-1][0] if rows else position

    @property
    def token(self) -> str | None:
        """Where to go on from in a store that tells changes from a point in time on."""
        found = self._db.execute("SELECT value FROM meta WHERE key = 'token'").fetchone()
        return None if found is None else str(found[0])

    @token.setter
    def token(self, token: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('token', ?)", (token,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _prepare(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    prepare_connection(db)


def _values(position: int, entry: Entry) -> tuple[Any, ...]:
    row = entry.row
    type_, type_key = _type_and_key(row.type)
    state, name = clean(row.state), clean(row.name)
    return (
        position,
        stored_id(row.id),
        _sort_key(clean(row.id)),
        type_,
        type_key,
        state,
        name,
        None if name is None else _sort_key(name.casefold()),
        row.modified,
        row.size,
        entry.revision,
        entry.stamp,
    )


@lru_cache(maxsize=1_024)
def _type_and_key(type_: str) -> tuple[str, str | None]:
    """Return a type as it is stored, and what it sorts by; there are not many."""
    type_ = clean(type_)
    short = type_.rpartition(".")[2].casefold()
    return type_, f"{short}\x1f{type_}" if type_ else None


def _sort_key(text: str) -> str:
    """Return a text that sorts as `order_key` does: `Application.9` before `Application.10`."""
    prefix, number, _ = order_key(text)
    return prefix if number < 0 else f"{prefix}\x01{number:018}"
