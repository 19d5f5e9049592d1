"""A table of objects: what Jobshelf's own layout and GC3Pie's have in common.

Both have a column of IDs, one of pickles and one to order by; a layout says which, what else
it keeps of an object, and which IDs it takes. Reading goes in chunks of a bounded number of
bytes, each a statement of its own: no cursor stays open on a database that others write to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    LargeBinary,
    Select,
    Table,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal_column,
    null,
    select,
    update,
)

from persistence.errors import ConflictError, ObjectNotFound, StoreError
from persistence.sql_connection import Connection, Database
from persistence.store import ABSENT, Changes, Edit, Fault, Record
from persistence.summary import Digest, Summary, as_time

__all__ = ["ByIds", "Layout", "Page", "Saved", "as_bytes", "chunks", "first_rows"]

Key = str | int

_CHUNK = 500  # IDs in one statement; SQLite before 3.32 takes 999 parameters
_IN_SIZES = (1, 4, 20, 100, _CHUNK)  # lists are filled up to one of these: few statements
_WINDOW = 1000  # rows whose sizes are looked at together
_BYTES = 4 * 1024 * 1024  # of pickles that are read together
_BEFORE_ALL = -(2**63)


class Saved(NamedTuple):
    """One object to write.

    Attributes:
        id_: Its persistent ID.
        data: Its pickle.
        digest: What the pickle holds.
        further: What a removed row had beside its pickle, for one that comes back.
    """

    id_: str
    data: bytes
    digest: Digest
    further: bytes = b""


class Page(NamedTuple):
    """Some objects of a store, in insertion order.

    Attributes:
        summaries: What lists show of them.
        after: Where the next page begins, for `page`; None if there is none.
    """

    summaries: tuple[Summary, ...]
    after: int | None


class Layout(ABC):
    """How objects are kept in one table.

    Args:
        database: Where the table is.
        table: The table; its columns `id` and `data` hold IDs and pickles.
        order: The column that rows are listed by; unique.
        size: The length of the pickle, in bytes.
        saved: When the row was written, in seconds since 1970 (UTC), if the table says.

    Attributes:
        name: The table's name.
        tables: The names of all tables that hold the store.
        writer: Whose layout it is.
        keeps_summaries: Whether type, state and name are columns.
        pid_type: See `Store.pid_type`.
    """

    writer: ClassVar[str]
    keeps_summaries: ClassVar[bool]
    pid_type: ClassVar[type[str | int] | None] = None

    def __init__(
        self,
        database: Database,
        table: Table,
        *,
        order: ColumnElement[Any],
        size: ColumnElement[Any],
        saved: ColumnElement[Any] | None = None,
    ) -> None:
        self._database = database
        self._table = table
        self.name = table.name
        self.tables: tuple[str, ...] = (table.name,)
        id_: ColumnElement[Any] = table.c.id
        data: ColumnElement[Any] = table.c.data
        if database.engine.dialect.name == "sqlite":
            data = cast(data, LargeBinary)  # SQLite lets any row hold a value of any type
        record = (id_, data, null() if saved is None else saved)
        after = order > bindparam("after", type_=BigInteger)
        span = order.between(
            bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger)
        )
        compile_ = database.compile
        self._select_ids = compile_(select(id_).order_by(order))
        self._select_count = compile_(select(func.count()).select_from(table))
        self._select_window = compile_(
            first_rows(select(order, size).where(after).order_by(order), _WINDOW)
        )
        self._select_span = compile_(select(*record).where(span).order_by(order))
        self._select_records = self._by_ids(select(*record))
        self._select_pickles = self._by_ids(select(id_, data))
        self._select_sizes = self._by_ids(select(id_, size))
        # In order: two that lock the same rows must not each wait for the other.
        self._lock_sizes = self._by_ids(select(id_, size).order_by(id_).with_for_update())
        self._lock_data = self._by_ids(select(id_, data).order_by(id_).with_for_update())

    # IDs

    @abstractmethod
    def key(self, id_: str) -> Key | None:
        """Return the value of the column `id` for an ID, or None if no row can have it."""

    def takes(self, id_: str) -> bool:
        """Whether an object could be stored under an ID."""
        return self.key(id_) is not None

    @abstractmethod
    def refusal(self, id_: str) -> str:
        """Return why an ID cannot be stored here, as the end of a sentence."""

    @abstractmethod
    def new_id(self, obj: Any) -> str:
        """Return an ID that was never given before in this table."""

    def pid(self, id_: str) -> Key:
        """Return an ID as it is written into pickles."""
        key = self.key(id_)
        return id_ if key is None else key

    # Reading

    def ids(self) -> list[str]:
        with self._database.connection() as connection:
            return [str(row[0]) for row in connection.fetch(self._select_ids)]

    def count(self) -> int:
        with self._database.connection() as connection:
            return int(connection.fetch(self._select_count)[0][0])

    def present(self, ids: Iterable[str]) -> set[str]:
        """Return which of some IDs are stored."""
        with self._database.connection() as connection:
            return self._present(connection, ids, self._select_sizes)

    def read(self, ids: Iterable[str]) -> Iterator[Record]:
        """Iterate over the records of some IDs, in their order."""
        for chunk in chunks(ids, _CHUNK):
            keys = [key for key in map(self.key, chunk) if key is not None]
            for group in self._groups(keys):
                with self._database.connection() as connection:
                    rows = self._rows(connection, self._select_records, group)
                found = {row[0]: row for row in rows}
                for key in group:
                    if key in found:
                        yield _record(found[key])

    def pickles(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Iterate over IDs and pickles of some IDs, in their order."""
        ids = [*ids]
        if len(ids) == 1:
            key = self.key(ids[0])
            if key is not None:
                with self._database.connection() as connection:
                    rows = connection.fetch(self._select_pickles[1], {"k0": key})
                for _, data in rows:
                    yield ids[0], as_bytes(data)
            return
        for chunk in chunks(ids, _CHUNK):
            keys = [key for key in map(self.key, chunk) if key is not None]
            for group in self._groups(keys):
                with self._database.connection() as connection:
                    found = dict(self._rows(connection, self._select_pickles, group))
                for key in group:
                    if key in found:
                        yield str(key), as_bytes(found[key])

    def records(self) -> Iterator[Record]:
        """Iterate over all records, in the order of `ids`."""
        for rows in self.record_rows():
            yield from map(_record, rows)

    def record_rows(self) -> Iterator[list[tuple[Any, ...]]]:
        """Iterate over the rows of all records, some at a time: ID, pickle, when it was saved."""
        after = _BEFORE_ALL
        while True:
            with self._database.connection() as connection:
                window = connection.fetch(self._select_window, {"after": after})
            if not window:
                return
            for group in _grouped(window):
                span = {"first": group[0], "last": group[-1]}
                with self._database.connection() as connection:
                    rows = connection.fetch(self._select_span, span)
                yield rows
            after = self.next_after(after, window[-1][0])

    def next_after(self, after: int, last: Any) -> int:
        """Return where to go on reading from; a damaged tree can lead in circles.

        Raises:
            StoreError: It does.
        """
        if isinstance(last, int) and last > after:
            return last
        raise StoreError(
            f"Table {self.name!r} in {self._database.place} gives its rows out of order.",
            "The database is damaged: recover what can be read into a new one.",
        )

    def further(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Return what rows hold that is not made from their pickles, by ID."""
        return {}

    @abstractmethod
    def changes(self, since: Any) -> Changes: ...

    # What a check asks.

    def faults(self) -> Iterator[Fault]:
        """Iterate over what is wrong with the tables."""
        return iter(())

    @abstractmethod
    def drift(self, saved: Sequence[Saved]) -> dict[str, tuple[str, ...]]:
        """Return which columns of some objects are not what their pickles say, by ID."""

    def stamps(self, token: Any, ids: Iterable[str] | None) -> Iterator[tuple[str, str]]:
        """Iterate over what a token knows of objects, if it knows single ones."""
        raise NotImplementedError

    # Only where keeps_summaries is True.

    def summaries(self, ids: Iterable[str] | None) -> Iterator[Summary]:
        raise NotImplementedError

    def page(self, state: str | None, type_: str | None, after: int, count: int) -> Page:
        raise NotImplementedError

    def references(self, id_: str) -> list[str]:
        raise NotImplementedError

    def referrers(self, id_: str) -> list[str]:
        raise NotImplementedError

    # Writing

    def write(
        self, connection: Connection, edits: Sequence[Edit], digests: Mapping[str, Digest]
    ) -> object:
        """Make several changes, in a transaction that the caller has begun.

        Args:
            connection: In the transaction.
            edits: The changes; their IDs are ones that the table takes.
            digests: What the pickles hold that are there in the end, by ID.

        Returns:
            What `was_done` knows the transaction by.

        Raises:
            ConflictError, ObjectNotFound: The transaction must be rolled back.
        """
        self._start(connection, len(edits))
        stored = self._check(connection, edits)
        new: list[Saved] = []
        changed: list[Saved] = []
        removed: list[str] = []
        for id_, edit in {edit.id_: edit for edit in edits}.items():
            if edit.data is not None:
                saved = Saved(id_, edit.data, digests[id_], edit.further)
                (changed if id_ in stored else new).append(saved)
            elif id_ in stored:
                removed.append(id_)
        return self._save(connection, new, changed, removed)

    def was_done(self, mark: object) -> bool | None:
        """Find out if a transaction whose commit got no answer was committed.

        Args:
            mark: What `write` returned in it.

        Returns:
            None if it cannot be told.
        """
        return None

    def insert(self, connection: Connection, new: list[Saved]) -> object:
        """Add objects whose IDs were given just now, in a transaction that is begun.

        Returns:
            What `was_done` knows the transaction by.
        """
        self._start(connection, len(new))
        return self._save(connection, new, [], [])

    def conflict(self, edits: Sequence[Edit]) -> ConflictError | None:
        """Return which of the edits cannot be because there is such an object already."""
        new = [edit.id_ for edit in edits if edit.expected == ABSENT]
        for record in self.read(new):
            return self._conflict(record.id_, ABSENT, record.data)
        return None

    def complete(self, connection: Connection) -> None:
        """Add what tables of earlier versions lack, if it is quickly done; in a transaction."""

    def tidy(self, connection: Connection, edits: Sequence[Edit]) -> None:
        """Remove what programs left that removed only the objects' own rows."""

    def close(self) -> None:
        """Release what the layout itself holds open."""

    @abstractmethod
    def _start(self, connection: Connection, most_new: int) -> None:
        """Begin a change of at most so many new rows: called first in the transaction."""

    @abstractmethod
    def _save(
        self,
        connection: Connection,
        new: list[Saved],
        changed: list[Saved],
        removed: list[str],
    ) -> object:
        """Insert, update and delete rows; which ones is settled. Return as `write` does."""

    def _check(self, connection: Connection, edits: Sequence[Edit]) -> set[str]:
        """Compare what is stored with what is expected; return which IDs are stored.

        A new object is not looked up: the table refuses a second row of its ID.
        """
        first: dict[str, Edit] = {}
        for edit in edits:
            first.setdefault(edit.id_, edit)
        others = [edit.id_ for edit in first.values() if edit.expected is None]
        compared = [
            edit.id_ for edit in first.values() if edit.expected is not None and not _is_new(edit)
        ]
        stored = self._present(connection, others, self._lock_sizes)
        for id_, data in self._stored_data(connection, compared):
            if data != first[id_].expected:
                raise self._conflict(id_, first[id_].expected, data)
            stored.add(id_)
        present: dict[str, bytes | None] = {}  # after the edits so far, of IDs edited twice
        for edit in edits:
            if edit is first[edit.id_]:
                is_there = edit.id_ in stored
                if edit.expected and not is_there:
                    raise self._conflict(edit.id_, edit.expected, None)
            else:
                now = present[edit.id_]
                is_there = now is not None
                if edit.expected is not None and edit.expected != (now or ABSENT):
                    raise self._conflict(edit.id_, edit.expected, now)
            if edit.data is None and not is_there:
                raise ObjectNotFound(edit.id_, self._database.address)
            present[edit.id_] = edit.data
        return stored

    def _stored_data(self, connection: Connection, ids: list[str]) -> Iterator[tuple[str, bytes]]:
        by_key = {self.pid(id_): id_ for id_ in ids}
        for chunk in chunks(by_key, _CHUNK):
            sizes = dict(self._rows(connection, self._lock_sizes, chunk))
            for group in _grouped([(key, sizes.get(key)) for key in chunk]):
                for key, data in self._rows(connection, self._lock_data, group):
                    yield by_key[key], as_bytes(data)

    def _present(self, connection: Connection, ids: Iterable[str], statements: ByIds) -> set[str]:
        by_key = {key: id_ for id_ in ids if (key := self.key(id_)) is not None}
        found: set[str] = set()
        for chunk in chunks(by_key, _CHUNK):
            found.update(by_key[row[0]] for row in self._rows(connection, statements, chunk))
        return found

    def _conflict(self, id_: str, expected: bytes | None, found: bytes | None) -> ConflictError:
        return ConflictError(
            id_,
            self._database.address,
            sha256(expected).hexdigest() if expected else "",
            "" if found is None else sha256(found).hexdigest(),
        )

    # Statements

    def _by_ids(self, statement: Select[Any]) -> ByIds:
        return ByIds(self._database, statement, self._table.c.id)

    def _rows(
        self, connection: Connection, statements: ByIds, keys: Sequence[Key]
    ) -> list[tuple[Any, ...]]:
        """Run a statement on up to `_CHUNK` keys."""
        if len(keys) == 1:
            return connection.fetch(statements[1], {"k0": keys[0]})
        size = next(size for size in _IN_SIZES if size >= len(keys))
        padded = [*keys, *[keys[-1]] * (size - len(keys))]
        return connection.fetch(statements[size], {f"k{n}": key for n, key in enumerate(padded)})

    def _groups(self, keys: list[Key]) -> Iterator[list[Any]]:
        """Split up to `_CHUNK` keys into groups whose pickles are read together."""
        if len(keys) <= 1:
            return iter([keys] if keys else [])
        with self._database.connection() as connection:
            sizes = dict(self._rows(connection, self._select_sizes, keys))
        return _grouped([(key, sizes.get(key)) for key in keys])

    def _compile_insert(self, columns: Iterable[str], table: Table | None = None) -> str:
        table = self._table if table is None else table
        values = {name: bindparam(name, type_=table.c[name].type) for name in columns}
        return self._database.compile(insert(table).inline().values(values))

    def _compile_update(self, columns: Iterable[str]) -> str:
        values = {name: bindparam(name, type_=self._table.c[name].type) for name in columns}
        key = bindparam("key", type_=self._table.c.id.type)
        return self._database.compile(
            update(self._table).where(self._table.c.id == key).values(values)
        )

    def _compile_delete(self, column: Column[Any]) -> str:
        key = bindparam("key", type_=self._table.c.id.type)
        return self._database.compile(delete(column.table).where(column == key))


class ByIds(dict[int, str]):
    """A statement restricted to n IDs: n → its text, written when first asked for."""

    def __init__(self, database: Database, statement: Select[Any], column: Column[Any]) -> None:
        super().__init__()
        self._database = database
        self._statement = statement
        self._column = column

    def __missing__(self, size: int) -> str:
        keys = [bindparam(f"k{n}", type_=self._column.type) for n in range(size)]
        text = self._database.compile(self._statement.where(self._column.in_(keys)))
        self[size] = text
        return text


def first_rows(statement: Select[Any], count: int) -> Select[Any]:
    """Return a query cut to its first rows; the count stands in its text."""
    # Without an offset, SQLAlchemy writes one for SQLite, as a parameter.
    return statement.limit(literal_column(str(count))).offset(literal_column("0"))


def chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Split into lists of a length (the last may be shorter)."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _is_new(edit: Edit) -> bool:
    return edit.expected == ABSENT and edit.data is not None


def _grouped(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[Any]]:
    """Split keys with sizes into lists of up to `_BYTES` in all, and at least one key."""
    group: list[Any] = []
    total = 0
    for key, size in rows:
        if group and total + (size or 0) > _BYTES:
            yield group
            group, total = [], 0
        group.append(key)
        total += size or 0
    if group:
        yield group


def _record(row: tuple[Any, ...]) -> Record:
    id_, data, saved = row
    return Record(str(id_), as_bytes(data), as_time(saved))


def as_bytes(value: Any) -> bytes:
    """Return a pickle as it stands in a column."""
    return value if type(value) is bytes else bytes(value or b"")
