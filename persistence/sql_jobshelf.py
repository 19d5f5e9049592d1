"""Jobshelf's own tables of objects, readable by any SQL tool.

For a store in table `store`:

| table              | columns                                                              |
|--------------------|----------------------------------------------------------------------|
| `store`            | `seq` (counts up in insertion order), `id`, `type`, `state`, `name`,  |
|                    | `size` (bytes), `saved` (seconds since 1970, UTC), `change`, `data`   |
| `store_references` | `source` refers to `target`, as its reference number `position`      |
| `store_removed`    | `id` was removed by change number `change`                            |
| `store_meta`       | one row: `format` (1), `change`, `last_seq`                           |

`change` in a row is the number of the transaction that wrote it. Every transaction begins by
counting up `change` in `store_meta`, and so holds that row's lock until it commits: numbers
become visible in their order. A reader that has seen change 7 has seen all up to 7; with
numbers from a sequence or a clock, 7 could commit before 6, and 6 would be missed.

`data` comes last in a row, so that SQLite reads the other columns without it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.mysql import LONGBLOB
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import quoted_name

from persistence.errors import ObjectNotFound, StoreError
from persistence.ids import new_id
from persistence.sql_connection import Connection, Database
from persistence.sql_layout import ByIds, Layout, Saved, as_time, chunks, first_rows
from persistence.store import ABSENT, Changes, Edit, Fault
from persistence.summary import Summary

__all__ = ["COLUMNS", "LONGEST_NAME", "JobshelfLayout"]

COLUMNS = ("seq", "id", "type", "state", "name", "size", "saved", "change", "data")
"""The columns of a table of objects."""

_FORMAT = 1
_SHOWN = ("id", "type", "state", "name", "size", "saved")
_LONGEST_ID = 255  # characters: four bytes each still fit into MySQL's keys
_LONGEST_TEXT = 1000  # characters of a type, a state or a name
_ELLIPSIS = "…"
_CHUNK = 500
_MOST_STRAYS = 100  # that a check lists
LONGEST_NAME = 63 - len("_references")
"""Bytes in the name of a new table: PostgreSQL cuts longer ones to 63."""

_integer = BigInteger().with_variant(Integer, "sqlite")
_id_text = String(_LONGEST_ID)
_mysql: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


class _Tables:
    """The tables of one store."""

    def __init__(self, name: str) -> None:
        metadata = MetaData()
        self.objects = Table(
            quoted_name(name, quote=True),
            metadata,
            Column("seq", _integer, primary_key=True, autoincrement=False),
            Column("id", _id_text, nullable=False, unique=True),
            Column("type", Text, nullable=False),
            Column("state", Text),
            Column("name", Text),
            Column("size", _integer, nullable=False),
            Column("saved", Double, nullable=False),
            Column("change", _integer, nullable=False),
            Column(
                "data", LargeBinary().with_variant(LONGBLOB, "mysql", "mariadb"), nullable=False
            ),
            **_mysql,
        )
        self.references = Table(
            quoted_name(f"{name}_references", quote=True),
            metadata,
            Column("source", _id_text, primary_key=True),
            Column("position", Integer, primary_key=True, autoincrement=False),
            Column("target", _id_text, nullable=False),
            sqlite_with_rowid=False,
            **_mysql,
        )
        self.removed = Table(
            quoted_name(f"{name}_removed", quote=True),
            metadata,
            Column("id", _id_text, primary_key=True),
            Column("change", _integer, nullable=False),
            sqlite_with_rowid=False,
            **_mysql,
        )
        self.meta = Table(
            quoted_name(f"{name}_meta", quote=True),
            metadata,
            Column("only", Integer, primary_key=True, autoincrement=False),
            Column("format", Integer, nullable=False),
            Column("change", _integer, nullable=False),
            Column("last_seq", _integer, nullable=False),
            **_mysql,
        )
        self.indexes = (
            Index(_quoted(name, "changed"), self.objects.c.change),
            Index(_quoted(name, "targets"), self.references.c.target),
            Index(_quoted(name, "removals"), self.removed.c.change),
        )

    def create(self, database: Database, connection: Connection) -> None:
        """Make the tables, the one of objects last: where it is, everything is."""
        for table in (self.references, self.removed, self.meta):
            connection.run(database.compile(CreateTable(table, if_not_exists=True)))
        if not connection.fetch(database.compile(select(self.meta.c.only))):
            row = {"only": "1", "format": str(_FORMAT), "change": "0", "last_seq": "0"}
            values: dict[str, Any] = {name: literal_column(value) for name, value in row.items()}
            connection.run(database.compile(insert(self.meta).values(values)))
        connection.run(database.compile(CreateTable(self.objects)))
        for index in self.indexes:
            connection.run(database.compile(CreateIndex(index)))


class JobshelfLayout(Layout):
    """Tables that Jobshelf made."""

    writer = "Jobshelf"
    keeps_summaries = True

    def __init__(self, database: Database, name: str) -> None:
        self._tables = tables = _Tables(name)
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
        compile_ = database.compile
        shown = [objects.c[name] for name in _SHOWN]
        since = bindparam("since", type_=BigInteger)
        now = bindparam("now", type_=BigInteger)
        id_ = bindparam("id", type_=_id_text)

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
        self._select_summaries_after = compile_(
            first_rows(
                select(objects.c.seq, *shown).where(objects.c.seq > since).order_by(objects.c.seq),
                _CHUNK,
            )
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
        self._check_format()

    @staticmethod
    def create(database: Database, name: str) -> None:
        """Make the tables, unless another process did so in the meantime."""
        with database.creating(name) as connection:
            if database.type_of(name) is None:
                _Tables(name).create(database, connection)

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
        if ids is not None:
            for chunk in chunks(ids, _CHUNK):
                yield from self._summaries_of([key for key in map(self.key, chunk) if key])
            return
        last = -1
        while True:
            with self._database.connection() as connection:
                rows = connection.fetch(self._select_summaries_after, {"since": last})
            yield from (_summary(row[1:]) for row in rows)
            if len(rows) < _CHUNK:
                return
            last = self.next_after(last, rows[-1][0])

    def references(self, id_: str) -> list[str]:
        with self._database.connection() as connection:
            key = self.key(id_)
            if key is None or not self._present(connection, [id_], self._select_sizes):
                raise ObjectNotFound(id_, self._database.address)
            return [row[0] for row in connection.fetch(self._select_targets, {"id": key})]

    def referrers(self, id_: str) -> list[str]:
        with self._database.connection() as connection:
            rows = connection.fetch(self._select_sources, {"id": _clean(id_, _LONGEST_ID)})
        return [row[0] for row in rows]

    @property
    def tables(self) -> tuple[str, ...]:
        tables = self._tables
        return tuple(
            table.name for table in (tables.objects, tables.references, tables.removed, tables.meta)
        )

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

    def _summaries_of(self, keys: list[str]) -> Iterator[Summary]:
        if not keys:
            return
        with self._database.connection() as connection:
            rows = self._rows(connection, self._select_summaries_of, keys)
        found = {row[0]: row for row in rows}
        for key in keys:
            if key in found:
                yield _summary(found[key])

    def _start(self, connection: Connection, most_new: int) -> None:
        connection.run(self._count_change, {"most_new": most_new})

    def _save(
        self,
        connection: Connection,
        new: list[Saved],
        changed: list[Saved],
        removed: list[str],
    ) -> None:
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
                {"source": saved.id_, "position": position, "target": _clean(target, _LONGEST_ID)}
                for saved in (*changed, *new)
                for position, target in enumerate(saved.digest.references)
            ],
        )

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
        if format_ > _FORMAT:
            raise StoreError(
                f"Table {self.name!r} in {self._database.place} has format {format_}, "
                f"which this version of Jobshelf does not know.",
                "Install a newer version.",
            )

    def _flaw(self, id_: str) -> str:
        """Return what is wrong with an ID, as the end of a sentence, or ""."""
        if not id_:
            return "an ID has at least one character"
        if len(id_) > _LONGEST_ID:
            return f"an ID has at most {_LONGEST_ID} characters"
        if id_.endswith(" "):
            return "an ID does not end in a blank"  # MySQL ignores it in comparisons
        if id_ != _clean(id_, _LONGEST_ID):
            return "an ID has no NUL characters or halves of characters"
        return ""


def _quoted(name: str, ending: str) -> quoted_name:
    return quoted_name(f"{name}_{ending}", quote=True)


def _summary(row: tuple[Any, ...]) -> Summary:
    id_, type_, state, name, size, saved = row
    return Summary(
        str(id_),  # any value may stand in a column of SQLite
        str(type_),
        None if state is None else str(state),
        None if name is None else str(name),
        size if isinstance(size, int) else 0,
        as_time(saved),
    )


def _row(saved: Saved, now: float, change: int) -> dict[str, Any]:
    digest = saved.digest
    return {
        "id": saved.id_,
        "type": _clean(digest.type),
        "state": None if digest.state is None else _clean(digest.state),
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
    wanted = [_clean(target, _LONGEST_ID) for target in saved.digest.references]
    return (*wrong, "references") if targets != wanted else tuple(wrong)


def _clean(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text as every database can keep it: no NUL, no surrogates, not too long.

    An ID that had to be changed for this names nothing that could be stored here.
    """
    if len(text) > longest:
        text = text[: longest - 1] + _ELLIPSIS
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
