"""The index: what the ID table needs of every object, in a private temporary SQLite database.

It is filled as the store is read and kept current by what changes. The database has no name:
SQLite makes its file in the system's temporary folder and nobody else can open it. An index
belongs to one thread, that of the connection; only `interrupt` may be called by others.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

from app.work.query import Between, Equals, Term, parse
from app.work.records import Row, RowQuery, RowWindow
from persistence.errors import StoreError
from persistence.ids import order_key

__all__ = ["Entry", "RowIndex"]

T = TypeVar("T")

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
CREATE INDEX in_order ON entry (position);  -- far smaller than the table, to count rows on
"""
_CACHE_KIB = 32_768
_BATCH = 500  # values in one IN (…)
_FEW_RANGES = 16
_WORTH_AN_INDEX = 5_000  # rows; fewer are sorted in a few milliseconds
_ROW = "id, type, state, name, modified, size"
_SELECT_ROWS = f"SELECT {_ROW} FROM entry WHERE id IN ({{}})"  # noqa: S608
_KEYS = {
    "id": "id_key",
    "type": "type_key",
    "state": "state",
    "name": "name_key",
    "modified": "modified",
    "size": "size",
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


class RowIndex:
    """The rows of one store."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = MEMORY")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._db.create_function("fold", 1, _fold, deterministic=True)
        self._db.executescript(_SCHEMA)
        self._count = 0
        self._last = 0
        self._former: dict[str, int] = {}  # positions of objects that are gone
        self._sorted_by: set[tuple[str, bool]] = set()

    def close(self) -> None:
        """Close the database, which removes its file."""
        self._db.close()

    def interrupt(self) -> None:
        """Stop the query under way, with an error. Any thread may call this."""
        self._db.interrupt()

    def __len__(self) -> int:
        return self._count

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
                if not position:
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
                    (_stored(target), position)
                    for position, entry in written.values()
                    for target in entry.references
                ),
            )
        self._last, self._count = last, self._count + added
        return list(written)

    def remove(self, ids: Iterable[str]) -> list[str]:
        """Drop objects; return the IDs of those that were there."""
        found = self._select_by_ids("SELECT id, position FROM entry WHERE id IN ({})", list(ids))
        positions = [(position,) for _, position in found]
        with self._transaction():
            self._db.executemany("DELETE FROM link WHERE source = ?", positions)
            self._db.executemany("DELETE FROM entry WHERE position = ?", positions)
        self._count -= len(found)
        self._former.update(found)
        return [id_ for id_, _ in found]

    def absent_from(self, ids: Iterable[str]) -> list[str]:
        """Return the IDs in the index that are not among those given."""
        kept = set(ids)
        found = self._db.execute("SELECT id FROM entry ORDER BY position")
        return [id_ for (value,) in found if (id_ := _id(value)) not in kept]

    def prepare(self, query: RowQuery) -> None:
        """Make further pages of a sorted query quick, if it has many rows."""
        order = (query.sort, query.descending)
        if not query.sort or order in self._sorted_by or self._count < _WORTH_AN_INDEX:
            return
        direction = "desc" if query.descending else "asc"
        self._db.execute(f"CREATE INDEX by_{query.sort}_{direction} ON entry ({_order(query)})")
        self._sorted_by.add(order)

    # Reading it

    def window(
        self,
        query: RowQuery,
        firsts: Iterable[int],
        size: int,
        ids: Sequence[str] = (),
        *,
        with_count: bool,
    ) -> RowWindow:
        """Return several pages, the number of rows and the places of some objects.

        Raises:
            FilterError: The filter cannot be understood.
        """
        return RowWindow(
            self.count(query) if with_count else None,
            {first: self.page(query, first, size) for first in firsts},
            self.locate(query, ids),
        )

    def count(self, query: RowQuery) -> int:
        """Return the number of rows."""
        where, values = _where(query.text)
        if not where:
            return self._count
        statement = f"SELECT count(*) FROM entry {where}"  # noqa: S608 -- values are bound
        (count,) = self._db.execute(statement, values).fetchone()
        return int(count)

    def page(self, query: RowQuery, first: int, count: int) -> tuple[Row, ...]:
        """Return some rows."""
        return tuple(_row(*values) for values in self._slice(query, first, count, _ROW))

    def locate(self, query: RowQuery, ids: Sequence[str]) -> dict[str, int]:
        """Return the row numbers of those of some objects that are in a query."""
        if not ids:
            return {}
        where, values = _where(query.text)
        # By position, not by ID: then an index alone is enough to number all rows.
        ids_by_position = {
            position: id_
            for id_, position in self._select_by_ids(
                "SELECT id, position FROM entry WHERE id IN ({})", ids
            )
        }
        ranks = f"SELECT position, row_number() OVER (ORDER BY {_order(query)}) - 1 AS rank"
        statement = (
            f"SELECT position, rank FROM ({ranks} FROM entry {where})"  # noqa: S608
            " WHERE position IN (SELECT value FROM json_each(?))"
        )
        found = self._db.execute(statement, (*values, json.dumps(list(ids_by_position))))
        return {ids_by_position[position]: rank for position, rank in found}

    def ids(
        self,
        query: RowQuery,
        ranges: Sequence[tuple[int, int]],
        seen: Mapping[int, str] = MappingProxyType({}),
    ) -> list[str]:
        """Return the IDs in some ranges of rows (first, last).

        Args:
            query: Which rows.
            ranges: The first and the last row of each range.
            seen: What the asker sees in some of these rows: row number → ID.

        Raises:
            StoreError: Rows have moved since, so that others would be meant.
        """
        found = dict(self._numbered(query, ranges))
        if any(found.get(row) != id_ for row, id_ in seen.items()):
            raise StoreError(
                "The list was changed by another program at this moment.",
                "Nothing was done: look at the selection and try again.",
            )
        return list(found.values())

    def _numbered(
        self, query: RowQuery, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, str]]:
        """Iterate over row numbers and IDs in some ranges of rows."""
        wanted = sorted(ranges)
        if len(wanted) <= _FEW_RANGES:
            for first, last in wanted:
                rows = self._slice(query, first, last - first + 1, "id")
                yield from ((number, _id(value)) for number, (value,) in enumerate(rows, first))
            return
        numbered = enumerate(self._slice(query, 0, max(last for _, last in wanted) + 1, "id"))
        for first, last in wanted:
            for number, (value,) in _between(numbered, first, last):
                yield number, _id(value)

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """Return the rows of those of some objects that are there."""
        return {values[0]: _row(*values) for values in self._select_by_ids(_SELECT_ROWS, ids)}

    def referrers(self, id_: str) -> list[str]:
        """Return the IDs of the objects that refer to an ID."""
        found = self._db.execute(
            "SELECT id FROM entry WHERE position IN (SELECT source FROM link WHERE target = ?)"
            " ORDER BY position",
            (_stored(id_),),
        )
        return [_id(value) for (value,) in found]

    def references(self, id_: str) -> list[str]:
        """Return the IDs that an object refers to, each once, in no particular order."""
        found = self._db.execute(
            "SELECT target FROM link WHERE source = (SELECT position FROM entry WHERE id = ?)",
            (_stored(id_),),
        )
        return [_id(value) for (value,) in found]

    def __contains__(self, id_: str) -> bool:
        found = self._db.execute("SELECT 1 FROM entry WHERE id = ?", (_stored(id_),))
        return found.fetchone() is not None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _slice(
        self, query: RowQuery, first: int, count: int, columns: str
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over some rows of a query, in its order.

        The positions are found first: an index is enough for these, and the rows before the
        first one are not read.
        """
        where, values = _where(query.text)
        order = _order(query)
        statement = (
            f"SELECT {columns} FROM entry WHERE position IN"  # noqa: S608 -- values are bound
            f" (SELECT position FROM entry {where} ORDER BY {order} LIMIT ? OFFSET ?)"
            f" ORDER BY {order}"
        )
        return iter(self._db.execute(statement, (*values, max(0, count), max(0, first))).fetchall())

    def _select_by_ids(self, statement: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return what a statement with "IN ({})" selects, some IDs at a time."""
        found: list[tuple[Any, ...]] = []
        unique = list(dict.fromkeys(ids))
        for start in range(0, len(unique), _BATCH):
            batch = [_stored(id_) for id_ in unique[start : start + _BATCH]]
            marks = ", ".join("?" * len(batch))
            rows = self._db.execute(statement.format(marks), batch)
            found += [(_id(row[0]), *row[1:]) for row in rows]
        return found


def _between(numbered: Iterator[tuple[int, T]], first: int, last: int) -> Iterator[tuple[int, T]]:
    """Iterate over the items numbered from first to last; drop those before."""
    for number, item in numbered:
        if number >= first:
            yield number, item
            yield from islice(numbered, last - number)
            return


def _values(position: int, entry: Entry) -> tuple[Any, ...]:
    row = entry.row
    type_, state, name = _clean(row.type), _clean(row.state), _clean(row.name)
    short = type_.rpartition(".")[2].casefold() if type_ else ""
    return (
        position,
        _stored(row.id),
        _sort_key(_clean(row.id)),
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


def _row(
    id_: Any, type_: str, state: str | None, name: str | None, modified: float | None, size: int
) -> Row:
    return Row(_id(id_), type_, state, name, modified, size)


def _stored(id_: str) -> str | bytes:
    """Return an ID as SQLite can hold it: file names need not be valid Unicode."""
    if id_.isascii():
        return id_
    try:
        id_.encode()
    except UnicodeEncodeError:
        return id_.encode("utf-8", "surrogatepass")
    return id_


def _id(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def _clean(text: Any) -> Any:
    """Return a text (or None) without what SQLite could not hold."""
    if text is None:
        return None
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\0", "\\0")


def _fold(value: Any) -> str:
    return "" if value is None else str(_id(value)).casefold()


def _order(query: RowQuery) -> str:
    """Return the terms to order by: stable, and what has no value last."""
    direction = " DESC" if query.descending else ""
    if not query.sort:
        return f"position{direction}"
    key = _KEYS[query.sort]
    nulls = "" if key in ("id_key", "size") else f"{key} IS NULL, "
    return f"{nulls}{key}{direction}, position"


def _where(text: str) -> tuple[str, list[Any]]:
    """Return the condition that a filter is, with the values to bind."""
    conditions: list[str] = []
    values: list[Any] = []
    for term in parse(text):
        condition, bound = _condition(term)
        conditions.append(f"NOT ({condition})" if term.negated else condition)
        values += bound
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values


def _condition(term: Term) -> tuple[str, list[Any]]:
    """Return a condition that is never NULL, without the negation."""
    if isinstance(term, Between):
        low, high = term.low, term.high
        bound = [low if math.isfinite(low) else -1e308, high if math.isfinite(high) else 1e308]
        return f"({term.column} IS NOT NULL AND {term.column} >= ? AND {term.column} < ?)", bound
    needle = _clean(term.text)
    if isinstance(term, Equals):
        return _equality(term.column, needle)
    lower, needle = _folding(needle)
    columns = [term.column] if term.column else ["id", "name", "type", "state"]
    condition = " OR ".join(f"instr({lower.format(column)}, ?) > 0" for column in columns)
    return f"({condition})", [needle] * len(columns)


def _folding(text: str) -> tuple[str, str]:
    """Return how to make a column free of case, and the text likewise."""
    if text.isascii():
        return "lower(ifnull({}, ''))", text.lower()  # far quicker than a function of ours
    return "fold({})", text.casefold()


def _equality(column: str, text: str) -> tuple[str, list[Any]]:
    if column == "state":
        folding, needle = _folding(text)
        return f"{folding.format('state')} = ?", [needle]
    if column == "type" and text:
        return "(type = ? OR substr(type, -length(?) - 1) = '.' || ?)", [text, text, text]
    if column == "id":
        return "id = ?", [_stored(text)]
    return f"ifnull({column}, '') = ?", [text]
