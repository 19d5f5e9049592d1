"""Jobshelf's own tables of objects, readable by any SQL tool.

For a store in table `store`:

| table              | columns                                                              |
|--------------------|----------------------------------------------------------------------|
| `store`            | `seq` (counts up in insertion order), `id`, `type`, `state`, `name`,  |
|                    | `size` (bytes), `saved` (seconds since 1970, UTC), `change`, `data`   |
| `store_references` | `source` refers to `target`, as its reference number `position`      |
| `store_removed`    | `id` was removed by change number `change`                            |
| `store_meta`       | one row: `format`, `change`, `last_seq`                               |

`change` in a row is the number of the transaction that wrote it. Every transaction begins by
counting up `change` in `store_meta`, and so holds that row's lock until it commits: numbers
become visible in their order. A reader that has seen change 7 has seen all up to 7; with
numbers from a sequence or a clock, 7 could commit before 6, and 6 would be missed.

Formats: 1, and 2 on servers, which has indexes by state and by type for `page`. A table of format
1 is used as it is by who may not or does not want to change it, and else brought to format 2.

`data` comes last in a row, so that SQLite reads the other columns without it. In SQLite the
index `store_listed` holds all of them once more: lists, sorted and filtered ones too, are read
from it alone. A large table from before there was that index goes without it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    String,
    Text,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    select,
    update,
)

from persistence.errors import ObjectNotFound, StoreError
from persistence.ids import new_id
from persistence.sql_connection import Connection, Database
from persistence.sql_layout import ByIds, Layout, Page, Saved, chunks, first_rows
from persistence.sql_tables import (
    COLUMNS,
    ELLIPSIS,
    LONGEST_ID,
    LONGEST_KEY,
    JobshelfTables,
    companions,
    format_of,
    id_text,
)
from persistence.sql_watch import channel_of
from persistence.store import ABSENT, Changes, Edit, Fault
from persistence.summary import Summary

__all__ = ["JobshelfLayout"]

_SHOWN = ("id", "type", "state", "name", "size", "saved")
_CUT = ("type", "state", "name")
_LONGEST_TEXT = 1000  # characters of a type, a state or a name
_CHUNK = 500
_MOST_STRAYS = 100  # that a check lists
_FIRST_SEQ = -(2**63)
_FIRST_SPAN = 256  # rows that are read together at first, at most; then twice as many
_LARGEST_SPAN = 1024
_INDEXED_AT_ONCE = 20_000  # rows; an index of these is made in a tenth of a second


class _Mark(NamedTuple):
    """What a transaction can be told by from all others.

    Attributes:
        change: Its number.
        saved: The time in the rows that it wrote; None if it wrote none.
        removed: The IDs it removed.
    """

    change: int
    saved: float | None
    removed: frozenset[str]


class JobshelfLayout(Layout):
    """Tables that Jobshelf made."""

    writer = "Jobshelf"
    keeps_summaries = True

    def __init__(self, database: Database, name: str) -> None:
        self._tables = tables = JobshelfTables(name)
        objects, references, removed, meta = (
            tables.objects,
            tables.references,
            tables.removed,
            tables.meta,
        )
        is_sqlite = database.engine.dialect.name == "sqlite"
        super().__init__(
            database,
            objects,
            order=objects.c.seq,
            # SQLite has the length at hand, and no file can lie about it.
            size=func.length(objects.c.data) if is_sqlite else objects.c.size,
            saved=objects.c.saved,
        )
        self.tables = companions(name)
        compile_ = database.compile
        shown: list[ColumnElement[Any]] = [objects.c[name] for name in _SHOWN]
        if is_sqlite:
            shown = list(map(_as_declared, shown))
        since = bindparam("since", type_=BigInteger)
        now = bindparam("now", type_=BigInteger)
        id_ = bindparam("id", type_=id_text)

        self._notify = f"NOTIFY {channel_of(name)}" if database.can_notify else ""
        self._insert_row = self._compile_insert(COLUMNS)
        self._update_row = self._compile_update([c for c in COLUMNS if c not in ("seq", "id")])
        self._delete_row = self._compile_delete(objects.c.id)
        self._insert_reference = self._compile_insert(("source", "position", "target"), references)
        self._delete_references = self._compile_delete(references.c.source)
        self._insert_removed = self._compile_insert(("id", "change"), removed)
        self._delete_removed = self._compile_delete(removed.c.id)

        self._count_change = compile_(
            update(meta).values(
                change=meta.c.change + literal_column("1"),
                last_seq=meta.c.last_seq + bindparam("most_new", type_=BigInteger),
            )
        )
        self._select_meta = compile_(select(meta.c.format, meta.c.change, meta.c.last_seq))

        self._select_changed = compile_(
            select(objects.c.id)
            .where(objects.c.change > since, objects.c.change <= now)
            .order_by(objects.c.change, objects.c.seq)
        )
        is_back = exists().where(objects.c.id == removed.c.id)
        self._select_removed = compile_(
            select(removed.c.id)
            .where(removed.c.change > since, removed.c.change <= now, ~is_back)
            .order_by(removed.c.change)
        )
        number = bindparam("number", type_=BigInteger)
        self._lock_change = compile_(select(meta.c.change).with_for_update())
        self._select_saved_by = compile_(
            first_rows(select(objects.c.saved).where(objects.c.change == number), 1)
        )
        self._select_removed_by = compile_(
            first_rows(select(removed.c.id).where(removed.c.change == number), 1)
        )
        self._select_next_seq = compile_(
            select(func.min(objects.c.seq)).where(objects.c.seq >= since)
        )
        self._select_summaries = compile_(
            select(*shown)
            .where(objects.c.seq >= since, objects.c.seq <= now)
            .order_by(objects.c.seq)
        )
        self._select_summaries_of = self._by_ids(select(*shown))
        self._select_targets = compile_(
            select(references.c.target)
            .where(references.c.source == id_)
            .order_by(references.c.position)
        )
        self._select_links = ByIds(
            database,
            select(references.c.source, references.c.target).order_by(
                references.c.source, references.c.position
            ),
            references.c.source,
        )
        self._select_strays = compile_(
            first_rows(
                select(references.c.source)
                .distinct()
                .where(~exists().where(objects.c.id == references.c.source)),
                _MOST_STRAYS,
            )
        )
        self._select_sources = compile_(
            select(objects.c.id)
            .join(references, references.c.source == objects.c.id)
            .where(references.c.target == id_)
            .order_by(objects.c.seq)
        )
        self._format = 0
        self._select_pages: dict[tuple[str | int, ...], str] = {}
        self._check_format()

    def complete(self, connection: Connection) -> None:
        if self._database.engine.dialect.name != "sqlite" or self._tables.has_listed(connection):
            return
        _, _, last_seq = self._meta(connection)
        if last_seq <= _INDEXED_AT_ONCE:
            self._tables.create_listed(self._database, connection)

    @staticmethod
    def create(database: Database, name: str) -> None:
        """Make the tables, unless another process did so in the meantime."""
        with database.creating(name) as connection:
            if database.type_of(name) is None:
                JobshelfTables(name).create(database, connection)

    def migrate(self) -> None:
        """Bring tables of an earlier format to the present one.

        Raises:
            StoreError: This user may not; the tables are as they were, and can be used.
        """
        if self._format >= format_of(self._database):
            return
        with self._database.creating(self.name) as connection:
            if self._meta(connection)[0] < format_of(self._database):
                self._tables.migrate(self._database, connection)
        self._format = format_of(self._database)

    def key(self, id_: str) -> str | None:
        return None if self._flaw(id_) else id_

    def refusal(self, id_: str) -> str:
        return self._flaw(id_) or "it is fine"

    def new_id(self, obj: Any) -> str:
        return new_id(obj)

    def changes(self, since: Any) -> Changes:
        with self._database.connection() as connection:
            _, now, _ = self._meta(connection)
            if since is None or since == now:
                return Changes(now)
            # A number from the future: the database was put back to an earlier copy.
            span = {"since": since if since < now else -1, "now": now}
            changed = connection.fetch(self._select_changed, span)
            removed = connection.fetch(self._select_removed, span)
        return Changes(now, tuple(row[0] for row in changed), tuple(row[0] for row in removed))

    def summaries(self, ids: Iterable[str] | None) -> Iterator[Summary]:
        if ids is None:
            return chain.from_iterable(map(Summary.of_rows, self._shown_rows()))
        return chain.from_iterable(map(self._summaries_of, chunks(ids, _CHUNK)))

    def page(self, state: str | None, type_: str | None, after: int, count: int) -> Page:
        given = {"state": state, "type": type_}
        values = {name: _clean(text, LONGEST_KEY) for name, text in given.items() if text}
        question: tuple[str | int, ...] = (*values, count)
        if question not in self._select_pages:
            columns = self._table.c
            statement = select(*(columns[name] for name in _SHOWN), columns.seq).where(
                columns.seq > bindparam("after", type_=BigInteger),
                *(columns[name] == bindparam(name, type_=Text) for name in values),
            )
            # One more than is shown says if there is another page.
            self._select_pages[question] = self._database.compile(
                first_rows(statement.order_by(columns.seq), count + 1)
            )
        text = self._select_pages[question]
        with self._database.connection() as connection:
            rows = connection.fetch(text, {"after": after, **values})
        shown = rows[:count]
        is_last = len(rows) <= count
        return Page(
            tuple(Summary.of_rows([row[:-1] for row in shown])),
            None if is_last else int(shown[-1][-1]),
        )

    def references(self, id_: str) -> list[str]:
        with self._database.connection() as connection:
            key = self.key(id_)
            if key is None or not self._present(connection, [id_], self._select_sizes):
                raise ObjectNotFound(id_, self._database.address)
            return [row[0] for row in connection.fetch(self._select_targets, {"id": key})]

    def referrers(self, id_: str) -> list[str]:
        with self._database.connection() as connection:
            rows = connection.fetch(self._select_sources, {"id": _clean(id_, LONGEST_ID)})
        return [row[0] for row in rows]

    def faults(self) -> Iterator[Fault]:
        with self._database.connection() as connection:
            strays = connection.fetch(self._select_strays)
        for (source,) in strays:
            yield Fault(
                f"Table {self._tables.references.name!r} still has references of {source!r}, which "
                "another program removed; they go when an object is saved under that ID.",
                is_damage=False,
            )

    def drift(self, saved: Sequence[Saved]) -> dict[str, tuple[str, ...]]:
        items = {item.id_: item for item in saved if self.key(item.id_) is not None}
        found: dict[str, tuple[str, ...]] = {}
        for chunk in chunks(items, _CHUNK):
            with self._database.connection() as connection:
                rows = self._rows(connection, self._select_summaries_of, chunk)
                links: dict[str, list[str]] = {}
                for source, target in self._rows(connection, self._select_links, chunk):
                    links.setdefault(source, []).append(target)
            for id_, *stored in rows:
                wrong = _drifted(items[id_], stored, links.get(id_, []))
                if wrong:
                    found[id_] = wrong
        return found

    def tidy(self, connection: Connection, edits: Sequence[Edit]) -> None:
        ids = [edit.id_ for edit in edits if edit.expected == ABSENT]
        present = self._present(connection, ids, self._select_sizes)
        strays = [{"key": id_} for id_ in ids if id_ not in present]
        connection.run_many(self._delete_references, strays)

    def _shown_rows(self) -> Iterator[list[tuple[Any, ...]]]:
        """Iterate over what lists show of all objects, many at a time."""
        # Whole ranges of `seq`, so that rows need not carry it: they become summaries as they
        # are. The first range is small, because a window waits for it.
        since, span = _FIRST_SEQ, _FIRST_SPAN
        while True:
            with self._database.connection() as connection:
                ((found,),) = connection.fetch(self._select_next_seq, {"since": since})
                if found is None:
                    return
                first = self.next_after(since - 1, found)
                rows = connection.fetch(
                    self._select_summaries, {"since": first, "now": first + span - 1}
                )
            yield rows
            since = first + span
            span = min(2 * span, _LARGEST_SPAN)

    def _summaries_of(self, ids: list[str]) -> Iterator[Summary]:
        keys = [key for key in map(self.key, ids) if key]
        if not keys:
            return iter(())
        with self._database.connection() as connection:
            rows = self._rows(connection, self._select_summaries_of, keys)
        found = {summary.id: summary for summary in Summary.of_rows(rows)}
        return (found[key] for key in keys if key in found)

    def _start(self, connection: Connection, most_new: int) -> None:
        connection.run(self._count_change, {"most_new": most_new})
        if self._notify:
            connection.run(self._notify)  # told when the transaction is committed

    def _save(
        self,
        connection: Connection,
        new: list[Saved],
        changed: list[Saved],
        removed: list[str],
    ) -> _Mark:
        _, change, last_seq = self._meta(connection)
        now = time.time()
        if removed:
            gone = [{"key": id_} for id_ in removed]
            connection.run_many(self._delete_row, gone)
            connection.run_many(self._delete_references, gone)
            connection.run_many(self._delete_removed, gone)  # from an earlier life of the ID
            connection.run_many(
                self._insert_removed, [{"id": id_, "change": change} for id_ in removed]
            )
        if changed:
            rows = [_row(saved, now, change) for saved in changed]
            connection.run_many(self._update_row, [{**row, "key": row["id"]} for row in rows])
            connection.run_many(self._delete_references, [{"key": row["id"]} for row in rows])
        if new:
            rows = [_row(saved, now, change) for saved in new]
            # As many numbers are reserved as there could be new rows: the last ones are used.
            for seq, row in enumerate(rows, last_seq + 1 - len(rows)):
                row["seq"] = seq
            connection.run_many(self._insert_row, rows)
        connection.run_many(
            self._insert_reference,
            [
                {"source": saved.id_, "position": position, "target": _clean(target, LONGEST_ID)}
                for saved in (*changed, *new)
                for position, target in enumerate(saved.digest.references)
            ],
        )
        return _Mark(change, now if new or changed else None, frozenset(removed))

    def was_done(self, mark: object) -> bool | None:
        assert isinstance(mark, _Mark)
        with self._database.transaction() as connection:
            # Waits for the end of the transaction, if the server does not know yet that
            # nobody waits for its answer.
            change = int(connection.fetch(self._lock_change)[0][0])
            if change < mark.change:
                return False
            number = {"number": mark.change}
            saved = connection.fetch(self._select_saved_by, number)
            removed = connection.fetch(self._select_removed_by, number)
        if saved:
            return bool(saved[0][0] == mark.saved)
        if removed and mark.saved is None:
            return removed[0][0] in mark.removed
        return None  # others have written over all of it, whoever wrote it

    def _meta(self, connection: Connection) -> tuple[int, int, int]:
        """Return format, change and last_seq."""
        for row in connection.fetch(self._select_meta):
            if all(isinstance(value, int) for value in row):
                format_, change, last_seq = row
                return format_, change, last_seq
        raise StoreError(
            f"Table {self.name + '_meta'!r} in {self._database.place} lacks its one row.",
            "The store is damaged: copy its objects into a new one.",
        )

    def _check_format(self) -> None:
        with self._database.connection() as connection:
            format_, _, _ = self._meta(connection)
        self._format = format_
        if format_ > format_of(self._database):
            raise StoreError(
                f"Table {self.name!r} in {self._database.place} has format {format_}, "
                f"which this version of Jobshelf does not know.",
                "Install a newer version.",
            )

    def _flaw(self, id_: str) -> str:
        """Return what is wrong with an ID, as the end of a sentence, or ""."""
        if 0 < len(id_) <= LONGEST_ID and id_.isascii() and id_.isprintable() and id_[-1] != " ":
            return ""
        if not id_:
            return "an ID has at least one character"
        if len(id_) > LONGEST_ID:
            return f"an ID has at most {LONGEST_ID} characters"
        if id_.endswith(" "):
            return "an ID does not end in a blank"  # MySQL ignores it in comparisons
        if id_ != _clean(id_, LONGEST_ID):
            return "an ID has no NUL characters or halves of characters"
        return ""


def _as_declared(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column of SQLite, in which any value may stand, as texts or whole numbers."""
    kind = func.typeof(column)
    if isinstance(column.type, (Text, String)):
        is_bytes = kind == literal_column("'blob'")
        if column.name in _CUT:  # a stranger's text of any length would fill the memory
            column = func.substr(column, literal_column("1"), literal_column(str(_LONGEST_TEXT)))
        return case((is_bytes, func.quote(column)), else_=cast(column, Text))
    if isinstance(column.type, Integer):
        return case((kind == literal_column("'integer'"), column), else_=literal_column("0"))
    return column  # `Summary.modified` makes a time of what it can


def _row(saved: Saved, now: float, change: int) -> dict[str, Any]:
    digest = saved.digest
    return {
        "id": saved.id_,
        "type": _clean(digest.type, LONGEST_KEY),
        "state": None if digest.state is None else _clean(digest.state, LONGEST_KEY),
        "name": None if digest.name is None else _clean(digest.name),
        "size": len(saved.data),
        "saved": now,
        "change": change,
        "data": saved.data,
    }


def _drifted(saved: Saved, stored: Sequence[Any], targets: list[str]) -> tuple[str, ...]:
    """Return the columns of a row that are not what would be written."""
    row = _row(saved, 0, 0)
    names = _SHOWN[1:-1]
    wrong = [name for name, value in zip(names, stored, strict=False) if value != row[name]]
    wanted = [_clean(target, LONGEST_ID) for target in saved.digest.references]
    return (*wrong, "references") if targets != wanted else tuple(wrong)


def _clean(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text as every database can keep it: no NUL, no surrogates, not too long.

    An ID that had to be changed for this names nothing that could be stored here.
    """
    if len(text) > longest:
        text = text[: longest - 1] + ELLIPSIS
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
