"""Rows: the questions of the ID table, answered by SQL over the relations `entry` and `link`.

There are two sources of rows: a table of Jobshelf's own, which is asked itself (`own_rows`),
and for every other store an index of it (`index`). A source belongs to one thread, that of its
connection; only `interrupt` and `interrupt_preparing` may be called by others.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

from app.work.conditions import (
    clean,
    fact_at,
    fold,
    has_trigrams,
    stored_id,
    text_of_id,
)
from app.work.rankings import STORE_ORDER, Rankings
from app.work.records import Row, RowQuery, RowWindow
from persistence.errors import StoreError

__all__ = ["RowSource"]

T = TypeVar("T")

_BATCH = 500  # values in one IN (…)
_FEW_RANGES = 16
_FEW_PLACES = 8  # objects that are located one by one
_ROW = "id, type, state, name, modified, size"
_SELECT_ROWS = f"SELECT {_ROW} FROM entry WHERE id IN ({{}})"  # noqa: S608
_BY_ID = "SELECT id, position FROM entry WHERE id IN ({})"
_LACKING = (
    "FROM entry LEFT JOIN facts ON facts.position = entry.position"
    " WHERE (facts.position IS NULL OR facts.revision <> entry.revision)"
)


class RowSource(Rankings):
    """The rows of one store."""

    _has_state_index = True
    _facts_table = "facts"
    _words_table = "jobshelf_words"

    @abstractmethod
    def close(self) -> None:
        """Release the connection."""

    def refresh(self) -> None:
        """Get ready for a question: asked for before each one."""

    @contextmanager
    def errors_explained(self) -> Iterator[None]:
        """Raise errors of SQLite with a sentence that says what to do about them."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"The list of objects cannot be kept in {tempfile.gettempdir()}: {error}.",
                "Free some space there, or set TMPDIR to another folder, and open the store again.",
            ) from error

    def interrupt(self) -> None:
        """Stop the query under way, with an error. Any thread may call this."""
        self._db.interrupt()

    # Questions

    def __len__(self) -> int:
        return int(self._value("SELECT count(*) FROM entry"))

    def __contains__(self, id_: str) -> bool:
        found = self._db.execute("SELECT 1 FROM entry WHERE id = ?", (stored_id(id_),))
        return found.fetchone() is not None

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
        self._get_ready(query)
        with self._moment():
            count = self.count(query) if with_count else None
            pages = {first: self.page(query, first, size) for first in firsts}
            # To number an object that is in a page takes no look at the rows before it.
            wanted = set(ids)
            places = {
                row.id: number
                for first, page in pages.items()
                for number, row in enumerate(page, max(0, first))
                if row.id in wanted
            }
            places |= self.locate(query, [id_ for id_ in ids if id_ not in places])
            return RowWindow(count, pages, places)

    def count(self, query: RowQuery) -> int:
        """Return the number of rows."""
        self._get_ready(query)
        where, values, _ = self._terms(query)
        if not where:
            return len(self)
        ranking = self._ranking(query)
        if ranking is not None:
            return int(self._value(f"SELECT count(*) FROM {ranking.table}"))  # noqa: S608
        statement = f"SELECT count(*) FROM entry {where}"  # noqa: S608 -- values are bound
        return int(self._value(statement, values))

    def page(self, query: RowQuery, first: int, count: int) -> tuple[Row, ...]:
        """Return some rows."""
        self._get_ready(query)
        columns = ", ".join([_ROW, *map(fact_at, query.paths)])
        return tuple(row_of(*values) for values in self._slice(query, first, count, columns))

    def locate(self, query: RowQuery, ids: Sequence[str]) -> dict[str, int]:
        """Return the row numbers of those of some objects that are in a query."""
        if not ids:
            return {}
        self._get_ready(query)
        # By position, not by ID: then an index alone is enough to number all rows.
        by_position = {position: id_ for id_, position in self._select_by_ids(_BY_ID, ids)}
        positions = json.dumps(list(by_position))
        found: Iterable[tuple[Any, Any]]
        ranking = self._ranking(query)
        if ranking is not None:
            statement = (
                f"SELECT position, rank - 1 FROM {ranking.table}"  # noqa: S608
                " WHERE position IN (SELECT value FROM json_each(?))"
            )
            found = self._db.execute(statement, (positions,))
        elif replace(query, paths=()) == STORE_ORDER and len(by_position) <= _FEW_PLACES:
            before = "SELECT count(*) FROM entry WHERE +position < ?"
            found = [(place, self._value(before, (place,))) for place in by_position]
        else:
            where, values, order = self._terms(query)
            if not query.sort:
                order = order.replace("position", "+position").replace("++", "+")
            ranks = f"SELECT position, row_number() OVER (ORDER BY {order}) - 1 AS rank"
            statement = (
                f"SELECT position, rank FROM ({ranks} FROM entry {where})"  # noqa: S608
                " WHERE position IN (SELECT value FROM json_each(?))"
            )
            found = self._db.execute(statement, (*values, positions))
        return {by_position[position]: rank for position, rank in found}

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
        self._get_ready(query)
        with self._moment():
            found = dict(self._numbered(query, ranges))
        if any(found.get(row) != id_ for row, id_ in seen.items()):
            raise StoreError(
                "The list was changed by another program at this moment.",
                "Nothing was done: look at the selection and try again.",
            )
        return list(found.values())

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """Return the rows of those of some objects that are there."""
        return {values[0]: row_of(*values) for values in self._select_by_ids(_SELECT_ROWS, ids)}

    def referrers(self, id_: str) -> list[str]:
        """Return the IDs of the objects that refer to an ID."""
        found = self._db.execute(
            "SELECT id FROM entry WHERE position IN (SELECT source FROM link WHERE target = ?)"
            " ORDER BY position",
            (stored_id(id_),),
        )
        return [text_of_id(value) for (value,) in found]

    def references(self, id_: str) -> list[str]:
        """Return the IDs that an object refers to, each once, in no particular order."""
        found = self._db.execute(
            "SELECT DISTINCT target FROM link"
            " WHERE source = (SELECT position FROM entry WHERE id = ?)",
            (stored_id(id_),),
        )
        return [text_of_id(value) for (value,) in found]

    # What is inside objects

    def lacking_facts(self, after: int, count: int) -> list[tuple[int, str, int]]:
        """Return some objects whose facts are missing or of another version.

        Args:
            after: Those behind this position.
            count: How many at most.

        Returns:
            Position, ID and revision of each, in the order of the store.
        """
        self.open_facts()
        found = self._db.execute(
            f"SELECT entry.position, entry.id, entry.revision {_LACKING}"
            " AND entry.position > ? ORDER BY entry.position LIMIT ?",
            (after, count),
        )
        return [(position, text_of_id(id_), revision) for position, id_, revision in found]

    def count_lacking_facts(self) -> int:
        """Return how many objects have no facts, or those of another version."""
        self.open_facts()
        return int(self._value(f"SELECT count(*) {_LACKING}"))

    def put_facts(self, facts: Sequence[tuple[int, int, str]]) -> None:
        """Keep the facts of some objects: position, revision and JSON of each."""
        self.open_facts()
        self._db.execute("BEGIN")
        try:
            self._forget_words([position for position, _, _ in facts])
            rows = [(position, revision, clean(text)) for position, revision, text in facts]
            self._db.executemany(
                f"INSERT OR REPLACE INTO {self._facts_table} VALUES (?, ?, ?)",  # noqa: S608
                rows,
            )
            if has_trigrams():
                self._db.executemany(
                    f"INSERT INTO {self._words_table} (rowid, paths) VALUES (?, ?)",  # noqa: S608
                    [(position, text) for position, _, text in rows],
                )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        self._facts_put += 1

    def _forget_words(self, positions: Sequence[int]) -> None:
        """Take objects out of the full-text index, which asks for what was put in."""
        if has_trigrams():
            self._db.executemany(
                f"INSERT INTO {self._words_table} (jobshelf_words, rowid, paths)"  # noqa: S608
                f" SELECT 'delete', position, paths FROM {self._facts_table} WHERE position = ?",
                [(position,) for position in positions],
            )

    # How they are answered

    def _numbered(
        self, query: RowQuery, ranges: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, str]]:
        """Iterate over row numbers and IDs in some ranges of rows."""
        wanted = sorted(ranges)
        if len(wanted) <= _FEW_RANGES:
            for first, last in wanted:
                rows = self._slice(query, first, last - first + 1, "id")
                yield from ((number, text_of_id(id_)) for number, (id_,) in enumerate(rows, first))
            return
        numbered = enumerate(self._slice(query, 0, max(last for _, last in wanted) + 1, "id"))
        for first, last in wanted:
            for number, (value,) in _between(numbered, first, last):
                yield number, text_of_id(value)

    def _slice(
        self, query: RowQuery, first: int, count: int, columns: str
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over some rows of a query, in its order.

        The positions are found first: an index is enough for these, and the rows before the
        first one are not read.
        """
        first, count = max(0, first), max(0, count)
        ranking = self._ranking(query)
        if ranking is not None:
            statement = (
                f"SELECT {columns} FROM {ranking.table} CROSS JOIN entry USING (position)"  # noqa: S608
                " WHERE rank > ? AND rank <= ? ORDER BY rank"
            )
            return iter(self._db.execute(statement, (first, first + count)).fetchall())
        where, values, order = self._terms(query)
        if not where and not query.sort:
            return self._slice_of_all(first, count, columns, descending=query.descending)
        if not where and query.sort == "state" and query.descending and self._has_state_index:
            return self._slice_from_last_state(first, count, columns)
        statement = (
            f"SELECT {columns} FROM entry WHERE position IN"  # noqa: S608 -- values are bound
            f" (SELECT position FROM entry {where} ORDER BY {order} LIMIT ? OFFSET ?)"
            f" ORDER BY {order}"
        )
        return iter(self._db.execute(statement, (*values, count, first)).fetchall())

    def _slice_of_all(
        self, first: int, count: int, columns: str, *, descending: bool
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over some of all rows; found from the nearer end."""
        is_near_end = False
        if first > count:
            total = len(self)
            count = max(0, min(count, total - first))
            is_near_end = first > total // 2
            if is_near_end:
                first = total - first - count
        direction = "DESC" if descending != is_near_end else "ASC"
        statement = (
            f"SELECT {columns} FROM entry WHERE position IN"  # noqa: S608 -- values are bound
            f" (SELECT position FROM entry ORDER BY position {direction} LIMIT ? OFFSET ?)"
            f" ORDER BY position {direction}"
        )
        rows = self._db.execute(statement, (count, first)).fetchall()
        return reversed(rows) if is_near_end else iter(rows)

    def _slice_from_last_state(
        self, first: int, count: int, columns: str
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over some rows by state, the last state first, state by state.

        As one query it would sort all rows of a state, to have them in the order of the store.
        """
        state = self._value("SELECT max(state) FROM entry")
        while count:
            # Of objects without a state, which come last, all are left.
            test = "state IS NULL" if state is None else "state = ?"
            values = () if state is None else (state,)
            rows = self._db.execute(
                f"SELECT {columns} FROM entry WHERE position IN"  # noqa: S608 -- values are bound
                f" (SELECT position FROM entry WHERE {test} ORDER BY position LIMIT ? OFFSET ?)"
                " ORDER BY position",
                (*values, count, first),
            ).fetchall()
            yield from rows
            count -= len(rows)
            if state is None:
                return
            if not rows:
                first -= self._value("SELECT count(*) FROM entry WHERE state = ?", values)
            else:
                first = 0
            state = self._value("SELECT max(state) FROM entry WHERE state < ?", values)

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """Have several statements see the rows of one moment."""
        db = self._db
        db.execute("BEGIN")
        try:
            yield
        finally:
            db.execute("COMMIT")

    def _select_by_ids(self, statement: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return what a statement with "IN ({})" selects, some IDs at a time."""
        found: list[tuple[Any, ...]] = []
        unique = list(dict.fromkeys(ids))
        for start in range(0, len(unique), _BATCH):
            batch = [stored_id(id_) for id_ in unique[start : start + _BATCH]]
            marks = ", ".join("?" * len(batch))
            rows = self._db.execute(statement.format(marks), batch)
            found += [(text_of_id(row[0]), *row[1:]) for row in rows]
        return found


def prepare_connection(db: sqlite3.Connection) -> None:
    """Give a connection what the questions need."""
    db.create_function("fold", 1, fold, deterministic=True)


def row_of(
    id_: Any, type_: Any, state: Any, name: Any, modified: Any, size: Any, *values: Any
) -> Row:
    """Return a row of what stands in the columns: in a column of SQLite that may be anything."""
    return Row(
        text_of_id(id_),
        str(type_),
        None if state is None else str(state),
        None if name is None else str(name),
        float(modified) if isinstance(modified, (int, float)) else None,
        size if isinstance(size, int) else 0,
        tuple("" if value is None else str(value) for value in values),
    )


def _between(numbered: Iterator[tuple[int, T]], first: int, last: int) -> Iterator[tuple[int, T]]:
    """Iterate over the items numbered from first to last; drop those before."""
    for number, item in numbered:
        if number >= first:
            yield number, item
            yield from islice(numbered, last - number)
            return
