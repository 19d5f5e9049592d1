"""GC3Pie's table of objects, read and written in place.

    CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128), …)

`id` is the number that GC3Pie's `IntId` counts up, `data` the pickle, `state` the execution
state of a task or UNKNOWN. Further columns, which GC3Pie fills by functions of the object
(`extra_fields`), keep what they hold when a row is changed here, and a row that was removed
can come back with them. Source: `gc3libs.persistence.sql` of GC3Pie 2.6.

**New IDs.** GC3Pie counts up from 1, per user and not per table, and overwrites a row whose
number comes up again without a word. So our numbers start where its counter never gets, and
are never given twice: in SQLite, where integers have 63 bits, a number is the time in
microseconds and 12 random bits; on servers, where the column has 32 bits, a table of our own
counts up from 2**30.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import quoted_name

from persistence.sql_connection import Connection, Database
from persistence.sql_errors import Cause, cause_of
from persistence.sql_further import Further
from persistence.sql_layout import Layout, Saved, as_bytes, chunks
from persistence.store import Changes

__all__ = ["GC3PieLayout"]

_COLUMNS = ("id", "data", "state")
_NO_STATE = "UNKNOWN"
# `gc3libs.Run.State`
_STATES = frozenset(
    ("NEW", "RUNNING", "STOPPED", "SUBMITTED", "TERMINATED", "TERMINATING", _NO_STATE)
)
_LARGEST = 2**63 - 1
_LARGEST_ON_SERVERS = 2**31 - 1  # as GC3Pie makes the column


class GC3PieLayout(Layout):
    """A table that GC3Pie made, or could have made."""

    writer = "GC3Pie"
    keeps_summaries = False
    pid_type = int

    def __init__(self, database: Database, name: str, further: Sequence[str] = ()) -> None:
        table = Table(
            quoted_name(name, quote=True),
            MetaData(),
            # Wider than it is on servers: an ID that is asked for may be any number.
            Column("id", BigInteger, primary_key=True, autoincrement=False),
            Column("data", LargeBinary),
            Column("state", String(128)),
            *(Column(quoted_name(column, quote=True)) for column in further),
        )
        super().__init__(database, table, order=table.c.id, size=func.length(table.c.data))
        self._insert_row = self._compile_insert(_COLUMNS)
        self._further = Further(database, table, ("state", *further))
        self._select_further = self._by_ids(self._further.select)
        self._select_states = self._by_ids(select(table.c.id, table.c.state))
        self._update_row = self._compile_update(_COLUMNS[1:])
        self._delete_row = self._compile_delete(table.c.id)
        is_sqlite = database.engine.dialect.name == "sqlite"
        self._largest = _LARGEST if is_sqlite else _LARGEST_ON_SERVERS
        largest = database.compile(select(func.max(table.c.id)))
        self._numbers = (
            _TimedNumbers(database, largest)
            if is_sqlite
            else _CountedNumbers(database, name, largest)
        )
        self._watch = _Watch(database) if is_sqlite else None
        # The server computes checksums, so that no pickle travels for it.
        self._select_sums = (
            "" if is_sqlite else database.compile(select(table.c.id, func.md5(table.c.data)))
        )

    def key(self, id_: str) -> int | None:
        digits = id_[1:] if id_[:1] == "-" else id_
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
            return None
        number = int(id_)
        return number if abs(number) <= _LARGEST and str(number) == id_ else None

    def takes(self, id_: str) -> bool:
        key = self.key(id_)
        return key is not None and abs(key) <= self._largest

    def refusal(self, id_: str) -> str:
        return "IDs in a table of GC3Pie's are whole numbers"

    def new_id(self, obj: Any) -> str:
        return str(self._numbers.next())

    def further(self, ids: Iterable[str]) -> dict[str, bytes]:
        found = {}
        for chunk in chunks(ids, 500):
            keys = [key for key in map(self.key, chunk) if key is not None]
            if keys:
                with self._database.connection() as connection:
                    rows = self._rows(connection, self._select_further, keys)
                found.update({str(key): self._further.pack(values) for key, *values in rows})
        return found

    def changes(self, since: Any) -> Changes:
        """Compare checksums of all pickles, unless SQLite says that nothing was committed."""
        version = None if self._watch is None else self._watch.version()
        if since is not None and version is not None and since.version == version:
            return Changes(since)
        sums = self._checksums()
        token = _Seen(version, sums)
        if since is None:
            return Changes(token)
        return Changes(
            token,
            changed=tuple(str(key) for key in sums if sums[key] != since.sums.get(key)),
            removed=tuple(str(key) for key in since.sums if key not in sums),
        )

    def drift(self, saved: Sequence[Saved]) -> dict[str, tuple[str, ...]]:
        keys = {key: item for item in saved if (key := self.key(item.id_)) is not None}
        found: dict[str, tuple[str, ...]] = {}
        for chunk in chunks(keys, 500):
            with self._database.connection() as connection:
                for key, state in self._rows(connection, self._select_states, chunk):
                    item = keys[key]
                    # GC3Pie looks for states of tasks only; what else has one may say so or not.
                    if item.digest.state in _STATES and state not in (item.digest.state, _NO_STATE):
                        found[item.id_] = ("state",)
        return found

    def stamps(self, token: Any, ids: Iterable[str] | None) -> Iterator[tuple[str, str]]:
        """Iterate over IDs with the checksums of their pickles."""
        for id_ in token.sums if ids is None else ids:
            sum_ = token.sums.get(id_)
            if sum_ is not None:
                yield id_, sum_.hex() if isinstance(sum_, bytes) else sum_

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()

    def _checksums(self) -> dict[str, bytes | str]:
        if not self._select_sums:
            return {
                str(key): blake2b(as_bytes(data), digest_size=8).digest()
                for rows in self.record_rows()
                for key, data, _ in rows
            }
        with self._database.connection() as connection:
            return {str(key): sum_ or "" for key, sum_ in connection.fetch(self._select_sums)}

    def _start(self, connection: Connection, most_new: int) -> None:
        """Nothing: the rows themselves are locked."""

    def _save(
        self,
        connection: Connection,
        new: list[Saved],
        changed: list[Saved],
        removed: list[str],
    ) -> None:
        connection.run_many(self._delete_row, [{"key": self.key(id_)} for id_ in removed])
        connection.run_many(self._update_row, [self._row(saved, "key") for saved in changed])
        plain = [self._row(saved, "id") for saved in new if not saved.further]
        connection.run_many(self._insert_row, plain)
        for saved in new:
            if saved.further:
                statement, values = self._further.insert(saved.further)
                connection.run(statement, {**self._row(saved, "id"), **values})

    def _row(self, saved: Saved, key: str) -> dict[str, Any]:
        state = saved.digest.state if saved.digest.state in _STATES else _NO_STATE
        return {key: self.key(saved.id_), "data": saved.data, "state": state}


@dataclass(frozen=True)
class _Seen:
    """A token of `GC3PieLayout.changes`.

    Attributes:
        version: Which connection saw it, and its count of others' commits; None where
            there is no such count.
        sums: Checksum of every pickle, by ID.
    """

    version: tuple[object, int] | None
    sums: dict[str, bytes | str] = field(repr=False)


class _Watch:
    """A connection that only asks how often others, ours included, have committed.

    SQLite's `data_version` means something within one connection that writes nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._connection: Connection | None = None
        self._identity: object = None

    def version(self) -> tuple[object, int]:
        with self._lock:
            connection = self._connection
            if (
                connection is None
                or connection.is_inherited
                or not self._database.is_current(connection)
            ):
                self._close()
                self._connection = connection = self._database.open()
                self._identity = object()
            with self._database.translated():
                ((count,),) = connection.fetch("PRAGMA data_version")
            return self._identity, count

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _TimedNumbers:
    """Numbers of 63 bits: microseconds since 2020, then 12 random bits; each larger."""

    _EPOCH = 1_577_836_800_000_000  # 2020-01-01 UTC, in microseconds since 1970
    _RANDOM_BITS = 12
    _FIRST = 2**32  # microseconds; above all numbers of GC3Pie's even with a wrong clock
    _OURS = 2**62  # a larger number in the table is not ours: the year is 2056

    def __init__(self, database: Database, select_largest: str) -> None:
        self._database = database
        self._select_largest = select_largest
        self._lock = Lock()
        self._last: int | None = None  # microseconds

    def next(self) -> int:
        with self._lock:
            last = self._last_stored() if self._last is None else self._last
            now = time.time_ns() // 1000 - self._EPOCH
            self._last = max(now, last + 1)
            return (self._last << self._RANDOM_BITS) | secrets.randbits(self._RANDOM_BITS)

    def _last_stored(self) -> int:
        """Return the time in the largest number stored: the clock may have been set back."""
        with self._database.connection() as connection:
            ((largest,),) = connection.fetch(self._select_largest)
        is_ours = isinstance(largest, int) and largest < self._OURS
        return max(self._FIRST, largest >> self._RANDOM_BITS if is_ours else 0)


class _CountedNumbers:
    """Numbers of 31 bits from a table of our own, taken in blocks."""

    _FIRST = 2**30
    _LARGEST_BLOCK = 1024

    def __init__(self, database: Database, name: str, select_largest: str) -> None:
        self._database = database
        self._name = name
        self._select_largest = select_largest
        self._lock = Lock()
        self._block = iter(range(0))
        self._block_size = 1
        self._table = counters = Table(
            "jobshelf_ids",
            MetaData(),
            Column("table_name", String(255), primary_key=True),
            Column("next_id", BigInteger, nullable=False),
            mysql_engine="InnoDB",
            mysql_charset="utf8mb4",
            mysql_collate="utf8mb4_bin",
        )
        is_ours = counters.c.table_name == bindparam("name", type_=String)
        count = bindparam("count", type_=BigInteger)
        self._advance = database.compile(
            update(counters).where(is_ours).values(next_id=counters.c.next_id + count)
        )
        self._select_next = database.compile(select(counters.c.next_id).where(is_ours))

    def next(self) -> int:
        with self._lock:
            number = next(self._block, None)
            if number is None:
                self._block = iter(self._reserve(self._block_size))
                # An unused rest is lost when the program ends: blocks grow with its needs.
                self._block_size = min(2 * self._block_size, self._LARGEST_BLOCK)
                number = next(self._block)
            return number

    def _reserve(self, count: int) -> range:
        end = self._counter(count)
        if end is None:
            self._make_counter()
            end = self._counter(count)
            assert end is not None
        return range(end - count, end)

    def _counter(self, count: int) -> int | None:
        """Advance the counter and return it, or None where there is none yet."""
        try:
            with self._database.transaction() as connection:
                connection.run(self._advance, {"name": self._name, "count": count})
                rows = connection.fetch(self._select_next, {"name": self._name})
        except Exception as error:
            if error.__cause__ is not None and cause_of(error.__cause__) is Cause.GONE:
                return None
            raise
        return rows[0][0] if rows else None

    def _make_counter(self) -> None:
        compile_ = self._database.compile
        with self._database.creating("jobshelf_ids") as connection:
            connection.run(compile_(CreateTable(self._table, if_not_exists=True)))
            if connection.fetch(self._select_next, {"name": self._name}):
                return
            ((largest,),) = connection.fetch(self._select_largest)
            first = max(self._FIRST, (largest or 0) + 1)
            connection.run(
                compile_(
                    insert(self._table).values(
                        table_name=bindparam("name", type_=String),
                        next_id=literal_column(str(first)),
                    )
                ),
                {"name": self._name},
            )
