"""Stores that keep each object in a row of a table: SQLite, PostgreSQL, MariaDB and MySQL.

A table that GC3Pie made is used as it is (`sql_gc3pie`); where there is none, Jobshelf makes
its own, which lists and searches without decoding objects (`sql_jobshelf`). `sql_schema`
tells them apart, `sql_layout` has what they share. `sql_sqlite` and `sql_server` open
databases, through `sql_connection`; `sql_errors` puts what goes wrong into words.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from persistence.errors import (
    ConflictError,
    DecodeError,
    ObjectNotFound,
    SaveError,
    StoreError,
    one_line,
)
from persistence.records import DEFAULT_PROTOCOL, RecordStore
from persistence.sql_connection import Database
from persistence.sql_errors import Cause, cause_of
from persistence.sql_layout import Layout
from persistence.sql_schema import check_table_name, create_layout, find_layout, missing_table
from persistence.sql_server import ServerDatabase
from persistence.sql_sqlite import Durability, SqliteDatabase
from persistence.store import Changes, Edit, Ids, Record
from persistence.summary import Digest, Summary, digest
from persistence.urls import StoreUrl

__all__ = ["SqlStore"]

_DEFAULT_TABLE = "store"
_ATTEMPTS = 5  # at a change that others' changes made impossible


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

    def _find_layout(self, create: bool) -> Layout:
        layout = find_layout(self._database, self._table)
        if layout is not None:
            return layout
        if not create:
            raise missing_table(self._database, self._table)
        return create_layout(self._database, self._table)

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

    def records(self) -> Iterator[Record]:
        return self._layout.records()

    def summaries(self, ids: Iterable[str | int] | None = None) -> Iterator[Summary]:
        if not self.keeps_summaries:
            return super().summaries(ids)
        return self._layout.summaries(None if ids is None else map(str, ids))

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
        digests = {id_: _digest(data) for id_, data in final.items() if data is not None}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._database.transaction() as connection:
                    self._layout.write(connection, edits, digests)
                return
            except StoreError as error:
                if error.__cause__ is None or not self._may_succeed(error.__cause__, edits):
                    raise
                if attempt == _ATTEMPTS:
                    raise

    def _may_succeed(self, error: BaseException, edits: Sequence[Edit]) -> bool:
        """Whether to try a change again that the database refused."""
        cause = cause_of(error)
        if cause is Cause.REFUSED_ROW:
            conflict = self._layout.conflict(edits)
            if conflict is not None:
                raise conflict from error
        return cause in (Cause.REFUSED_ROW, Cause.CONFLICT)

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
        return Digest("", None, None, ())  # its bytes are kept all the same
