"""Stores that keep each object in a row of a table: SQLite, PostgreSQL, MariaDB and MySQL.

A table that GC3Pie made is used as it is (`sql_gc3pie`); where there is none, Jobshelf makes
its own, which lists and searches without decoding objects (`sql_jobshelf`). `sql_schema`
tells them apart, `sql_layout` has what they share. `sql_sqlite` and `sql_server` open
databases, through `sql_connection`; `sql_errors` puts what goes wrong into words.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from persistence.errors import (
    ConflictError,
    DecodeError,
    InDoubtError,
    ObjectNotFound,
    SaveError,
    StoreError,
    one_line,
)
from persistence.records import DEFAULT_PROTOCOL, RecordStore
from persistence.serialization import Dumped
from persistence.sql_connection import Connection, Database
from persistence.sql_errors import LOST, Cause, cause_of
from persistence.sql_jobshelf import JobshelfLayout
from persistence.sql_layout import Layout, Page, Saved
from persistence.sql_listing import Listing
from persistence.sql_schema import check_table_name, create_layout, find_layout, missing_table
from persistence.sql_server import ServerDatabase
from persistence.sql_sqlite import Durability, SqliteDatabase
from persistence.sql_watch import SqlWatch
from persistence.store import ABSENT, Changes, Edit, Fault, Ids, Record
from persistence.summary import NOTHING, Digest, Summary, digest
from persistence.urls import MEMORY, StoreUrl

if TYPE_CHECKING:
    from typing import TypeGuard

__all__ = ["SqlStore"]

_DEFAULT_TABLE = "store"
_ATTEMPTS = 8  # at a change that others' changes made impossible
_AS_IT_IS = (Cause.NOT_ALLOWED, Cause.READ_ONLY, Cause.BUSY)
_FIRST_PAUSE_SECONDS = 0.005  # before the second attempt, at most; twice as long each time


class SqlStore(RecordStore):
    """Saves and loads objects in a table of a SQL database, one row each.

    It can be used from several threads, and from a child process after a fork.

    Args:
        url: `sqlite:`, `postgresql:`, `mysql:` or `mariadb:` address, also with a driver
            (`postgresql+psycopg:`), or the path of a SQLite file.
        table_name: The table; None for the one that `#table=` in the address names, or
            else `store`.
        idfactory: Gives IDs by `new(obj)`, as GC3Pie's `IdFactory`; None for our own.
        protocol: The pickle protocol to write; None for 4, or for 2 in a table that Python 2
            has written into.
        create: Whether to make the table, and the SQLite file, if it is not there.
        read_only: Refuse every change, and write nothing, not even beside a SQLite file.
        durability: "full": a saved object survives a power cut. "normal": it survives the
            end of the program, but a power cut may take back the last transactions (SQLite
            in WAL mode, PostgreSQL; on MySQL the server alone decides).
        timeout: Seconds that a change waits for other writers before it gives up.
        **extra_args: Ignored; other stores take more. So is `extra_fields` of GC3Pie's
            `SqlStore`: further columns of its tables keep what they hold.

    Raises:
        StoreError: The database cannot be opened, or has no such table, or the table is no
            job store; the message says which.

    >>> with SqlStore("sqlite:///:memory:") as store:
    ...     id_ = store.save({"temperature": 300})
    ...     store.load(id_), store.list() == [id_], id_ in store, len(store)
    ({'temperature': 300}, True, True, 1)
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | StoreUrl,
        table_name: str | None = None,
        idfactory: Any = None,
        protocol: int | None = None,
        *,
        create: bool = True,
        read_only: bool = False,
        durability: Durability = "full",
        timeout: float = 30.0,
        **extra_args: Any,
    ) -> None:
        if durability not in ("full", "normal"):
            raise ValueError(f"durability is 'full' or 'normal', not {durability!r}")
        address = StoreUrl.parse(url)
        self._table = table_name if table_name is not None else address.table or _DEFAULT_TABLE
        check_table_name(self._table)
        address = _with_table(address, self._table)
        super().__init__(address, read_only=read_only)
        self._idfactory = idfactory
        self._given_protocol = protocol
        self._database = self._open_database(address, create, durability, timeout)
        try:
            self._layout = self._find_layout(create and not self.read_only)
        except BaseException:
            self._database.close()
            raise
        self.keeps_summaries = self._layout.keeps_summaries
        self._is_complete = False
        self.pid_type = self._layout.pid_type
        if isinstance(self._database, ServerDatabase) and not self.read_only:
            self._note_replica(self._database)
        triggers = self._database.triggers(self._layout.tables)
        if triggers and not self.read_only:
            self.read_only = True
            self.notices.append(
                f"Trigger {triggers[0]!r} in the database would do more than what is asked when "
                "an object is written: opened read-only. DROP TRIGGER changes that."
            )
        if not self._database.has_transactions(self._table):
            self.read_only = True
            self.notices.append(
                f"Table {self._table!r} has no transactions, so a change could be left half done: "
                "opened read-only. ALTER TABLE … ENGINE=InnoDB changes that."
            )

    def _open_database(
        self, url: StoreUrl, create: bool, durability: Durability, patience: float
    ) -> Database:
        if url.base_scheme != "sqlite":
            return ServerDatabase(
                url, read_only=self.read_only, durability=durability, patience=patience
            )
        if url.query:
            raise StoreError(
                f"{url} has options after a question mark, which SQLite addresses do not take.",
                "Remove them; a question mark in a file's name is written %3F.",
            )
        database = SqliteDatabase(
            url,
            create=create,
            read_only=self.read_only,
            durability=durability,
            patience=patience,
        )
        if not database.is_writable and not self.read_only:
            self.read_only = True
            self.notices.append(one_line(f"{url.path} is not writable for you: opened read-only."))
        return database

    def _note_replica(self, database: ServerDatabase) -> None:
        if not database.takes_changes:
            self.read_only = True
            self.notices.append(
                f"The server of {database.place} only reads, as replicas do: opened read-only. "
                "Connect to its primary server to change objects."
            )

    def _find_layout(self, create: bool) -> Layout:
        layout = find_layout(self._database, self._table)
        if layout is not None:
            if create and isinstance(layout, JobshelfLayout):
                self._migrate(layout)
            return layout
        if not create:
            raise missing_table(self._database, self._table)
        return create_layout(self._database, self._table)

    def _migrate(self, layout: JobshelfLayout) -> None:
        """Bring tables to the present format, where that can be done now; else use them so."""
        try:
            layout.migrate()
        except StoreError as error:
            if error.__cause__ is None or cause_of(error.__cause__) not in _AS_IT_IS:
                raise

    def _is_own_file(self, layout: Layout) -> TypeGuard[JobshelfLayout]:
        """Whether it is a table of Jobshelf's own in a SQLite file."""
        return isinstance(layout, JobshelfLayout) and isinstance(self._database, SqliteDatabase)

    def listing(self) -> Listing | None:
        if not self._is_own_file(self._layout) or self._database.place == MEMORY:
            return None
        assert isinstance(self._database, SqliteDatabase)
        return Listing(self._database, self._table)

    @property
    def kind(self) -> str:
        return self._database.kind

    @property
    def container(self) -> str:
        return f"table {self._table}"

    @property
    def writer(self) -> str:
        return self._layout.writer

    # What is there

    def list(self, **extra_args: Any) -> Ids:
        """Return the IDs of all objects in insertion order (of a GC3Pie table, ascending)."""
        return self._layout.ids()

    def __len__(self) -> int:
        return self._layout.count()

    def read_many(self, ids: Iterable[str | int]) -> Iterator[Record]:
        return self._layout.read(map(str, ids))

    def _pickles(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return self._layout.pickles(ids)

    def records(self) -> Iterator[Record]:
        return self._layout.records()

    def summaries(self, ids: Iterable[str | int] | None = None) -> Iterator[Summary]:
        if not self.keeps_summaries:
            return super().summaries(ids)
        return self._layout.summaries(None if ids is None else map(str, ids))

    def page(
        self,
        *,
        state: str | None = None,
        type_: str | None = None,
        after: int = -1,
        count: int = 256,
    ) -> Page:
        """Return some objects in insertion order, found by an index of the database.

        Unlike an offset, `after` costs nothing on the last page, and skips or repeats no
        object while others are saved and removed.

        Args:
            state: Only objects in this state; None for all.
            type_: Only objects of this type; None for all.
            after: `Page.after` of the page before; the first page without it.
            count: The most objects to return, at least 1.

        Raises:
            NotImplementedError: The table is GC3Pie's, which tells neither type nor name.
        """
        if not self.keeps_summaries:
            self._not_supported("give pages of its objects")
        return self._layout.page(state, type_, after, count)

    def references(self, id_: str | int) -> Ids:
        if not self.keeps_summaries:
            return super().references(id_)
        return self._layout.references(str(id_))

    def referrers(self, id_: str | int) -> Ids:
        if not self.keeps_summaries:
            return super().referrers(id_)
        return self._layout.referrers(str(id_))

    def further(self, ids: Iterable[str | int]) -> dict[str, bytes]:
        return self._layout.further(map(str, ids))

    def changes(self, since: Any = None) -> Changes:
        return self._layout.changes(since)

    def takes_id(self, id_: str) -> bool:
        return self._layout.takes(id_)

    def faults(self) -> Iterator[Fault]:
        yield from self._database.faults(self._layout.tables)
        yield from self._layout.faults()

    def drift(self, records: Sequence[tuple[Record, Digest]]) -> dict[str, tuple[str, ...]]:
        return self._layout.drift(
            [Saved(record.id_, record.data, digest) for record, digest in records]
        )

    def watch(self) -> SqlWatch | None:
        is_told = isinstance(self._layout, JobshelfLayout) and self._database.can_notify
        return SqlWatch(self._database, self._table) if is_told else None

    def stamps(self, token: Any, ids: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        return self._layout.stamps(token, ids)

    def _has(self, ids: Sequence[str]) -> set[str]:
        return self._layout.present(ids)

    # Changing it

    def save_many(self, objs: Iterable[Any]) -> Ids:
        objs = [*objs]
        for _ in range(_ATTEMPTS - 1):
            try:
                return super().save_many(objs)
            except ConflictError:
                # Only a new object is expected not to be there: another process drew the
                # same random number in the same microsecond. Draw again.
                continue
        return super().save_many(objs)

    def apply(self, edits: Sequence[Edit]) -> None:
        self._apply(edits, {})

    def _apply(self, edits: Sequence[Edit], digests: Mapping[str, Digest | None]) -> None:
        self._refuse_if_read_only()
        for edit in edits:
            if self._layout.key(edit.id_) is None:
                if edit.data is None:
                    raise ObjectNotFound(edit.id_, self._address)
                raise SaveError(
                    f"An object cannot be stored under {edit.id_!r} in {self._address}: "
                    f"{self._layout.refusal(edit.id_)}.",
                    "Save it under another ID, or remove its `persistent_id` to get a new one.",
                    id_=edit.id_,
                    store=self._address,
                )
        if not edits:
            return
        # Decoded before the transaction begins: other writers wait for the disk only.
        final = {edit.id_: edit.data for edit in edits}
        found = {
            id_: digests.get(id_) or _digest(data)
            for id_, data in final.items()
            if data is not None
        }
        self._try(lambda connection: self._layout.write(connection, edits, found), lambda: edits)

    def _store(self, graph: Sequence[Dumped]) -> None:
        key = self._layout.key
        is_new = all(new.is_new and key(new.id_) is not None for new in graph)
        if not is_new or len({new.id_ for new in graph}) < len(graph):
            super()._store(graph)
            return
        saved = [Saved(new.id_, new.data, new.digest or _digest(new.data)) for new in graph]
        self._try(
            lambda connection: self._layout.insert(connection, saved),
            lambda: [Edit(new.id_, new.data, ABSENT) for new in graph],
        )

    def _try(
        self, change: Callable[[Connection], object], edits: Callable[[], Sequence[Edit]]
    ) -> None:
        """Make a change in a transaction, again if others' changes made it impossible."""
        for attempt in range(1, _ATTEMPTS + 1):
            mark = None
            try:
                with self._database.transaction() as connection:
                    if attempt > 1:
                        self._layout.tidy(connection, edits())
                    mark = change(connection)
                    if not self._is_complete:
                        self._layout.complete(connection)
                self._is_complete = True
                return
            except InDoubtError:
                was_done = self._was_done(mark)
                if was_done:
                    return
                if was_done is None or attempt == _ATTEMPTS:
                    raise
            except StoreError as error:
                if error.__cause__ is None or not self._may_succeed(error.__cause__, edits()):
                    raise
                if attempt == _ATTEMPTS:
                    raise
                # Who met in a deadlock must not meet again at once.
                time.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311

    def _was_done(self, mark: object) -> bool | None:
        """Whether a transaction was committed; None if there is nobody to tell."""
        try:
            return self._layout.was_done(mark)
        except StoreError:
            return None

    def _may_succeed(self, error: BaseException, edits: Sequence[Edit]) -> bool:
        """Whether to try a change again that the database refused."""
        cause = cause_of(error)
        if cause is Cause.REFUSED_ROW:
            conflict = self._layout.conflict(edits)
            if conflict is not None:
                raise conflict from error
        return cause in (Cause.REFUSED_ROW, Cause.CONFLICT, *LOST)

    def _new_id(self, obj: Any) -> str:
        return (
            self._layout.new_id(obj) if self._idfactory is None else str(self._idfactory.new(obj))
        )

    def _pid(self, id_: str) -> str | int:
        return self._layout.pid(id_)

    @cached_property
    def _protocol(self) -> int:
        if self._given_protocol is not None:
            return self._given_protocol
        for record in self.records():
            if record.data[:1] != b"\x80" or record.data[1:2] < b"\x03":
                return 2  # what Python 2 reads
            break
        return DEFAULT_PROTOCOL

    # Connections

    def pre_fork(self) -> None:
        """Close all connections; they are opened again when they are needed."""
        self.close()

    def close(self) -> None:
        self._layout.close()
        self._database.close()


def _with_table(url: StoreUrl, table: str) -> StoreUrl:
    """Return the address as one of a database, that names the table."""
    if url.scheme == "file":
        url = url.with_scheme("sqlite")
    if table == (url.table or _DEFAULT_TABLE):
        return url
    return replace(url, fragment=urlencode({"table": table}))


def _digest(data: bytes) -> Digest:
    try:
        return digest(data)
    except DecodeError:
        return NOTHING  # its bytes are kept all the same
