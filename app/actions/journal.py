"""The journal: what every changed record held before, on disk before the store is touched.

One SQLite file under the user's data folder, shared by all windows. An *entry* is one act
of the user on one store; its *records* hold each object's bytes before and after.

    pending   written down; the store may or may not have been changed yet
    done      the store holds the bytes "after"
    undone    the store holds the bytes "before" (again)
    failed    the store refused the change, and holds what it held

An entry that is still pending when its store is opened belongs to a program that was
killed (or to one at work): `settle` compares it with what is stored.
A connection lives for one call only, so a journal may be used from any thread.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any

import psutil

from persistence.errors import SaveError
from persistence.store import ABSENT, Edit, Store

__all__ = ["Act", "Deleted", "Entry", "EntryState", "Journal", "JournalRecord"]

_BUSY_SECONDS = 20.0
_FOREIGN_SECONDS = 3600.0  # a pending entry of another machine is left alone for so long
_CLOCK_SECONDS = 2.0  # how exactly the start of a process is known
_VERSIONS = 20
_KILLED = "The program ended in the middle of it."

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,          -- seconds since the epoch, UTC
    touched REAL NOT NULL,       -- when its state changed last
    owner TEXT NOT NULL,         -- "host/process/start" of who changed it last
    store TEXT NOT NULL,         -- address without password
    act TEXT NOT NULL,
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS entry_by_store ON entry (store, id);
CREATE TABLE IF NOT EXISTS record (
    entry INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    name TEXT,
    before BLOB,
    after BLOB,
    further BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (entry, position)
);
CREATE INDEX IF NOT EXISTS record_by_id ON record (id);
"""
_SELECT = """
SELECT entry.id, time, store, act, label, state,
    (SELECT count(*) FROM record WHERE entry = entry.id), reason
FROM entry
"""


class EntryState(Enum):
    """How far an entry of the journal has come."""

    PENDING = "pending"
    DONE = "done"
    UNDONE = "undone"
    FAILED = "failed"


class Act(Enum):
    """What the user did."""

    DELETE = "delete"
    REPLACE = "replace"
    RESTORE = "restore"
    EDIT = "edit"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One object of an entry.

    Attributes:
        id_: Persistent ID.
        before: Its pickle before the act; None for "no object".
        after: Its pickle after the act; None for "no object".
        type: `module.QualifiedName` of the object, as the list showed it.
        name: Its name, as the list showed it, or None.
        further: What the store kept of it beside its pickle: see `Store.further`.
    """

    id_: str
    before: bytes | None
    after: bytes | None
    type: str = ""
    name: str | None = None
    further: bytes = b""

    def edit(self) -> Edit:
        """Return the change that the act makes."""
        expected = ABSENT if self.before is None else self.before
        return Edit(self.id_, self.after, expected, self.further)

    def inverse(self) -> Edit:
        """Return the change that takes the act back."""
        expected = ABSENT if self.after is None else self.after
        return Edit(self.id_, self.before, expected, self.further)


@dataclass(frozen=True, slots=True)
class Entry:
    """One act of the user on one store.

    Attributes:
        key: Number of the entry; later entries have higher ones.
        time: When it was begun (UTC).
        store: Address of the store, without password.
        act: What was done.
        label: What was done, as the user reads it.
        state: How far it has come.
        count: Number of objects.
        reason: Why it failed, or "".
    """

    key: int
    time: datetime
    store: str
    act: Act
    label: str
    state: EntryState
    count: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object that a delete took away, as "Recently Deleted" lists it.

    Attributes:
        entry: Key of the entry that removed it.
        position: Which record of the entry.
        id_, type, name: As the list showed the object.
        size: Bytes of its pickle.
        time: When it was deleted (UTC).
    """

    entry: int
    position: int
    id_: str
    type: str
    name: str | None
    size: int
    time: datetime


class Journal:
    """A durable list of what was changed, with the bytes to take it back."""

    def __init__(self, path: Path) -> None:
        """Open a journal.

        Args:
            path: Its SQLite file, which is created on first use; its folder exists.
        """
        self.path = path
        self._prepared = False

    def begin(self, store: str, act: Act, label: str, records: Iterable[JournalRecord]) -> int:
        """Write down, durably, what is about to be done; return the key of the entry.

        Args:
            store: Address of the store, without password.
            act: What will be done.
            label: The same as a phrase for the user.
            records: The objects, with their bytes before and after.

        Raises:
            SaveError: The journal cannot be written: nothing must be changed then.
        """
        now = time.time()
        with self._transaction() as connection:
            key = connection.execute(
                "INSERT INTO entry (time, touched, owner, store, act, label, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    now,
                    now,
                    _this_process(),
                    _kept(store),
                    act.value,
                    _kept(label),
                    EntryState.PENDING.value,
                ),
            ).lastrowid
            assert key is not None
            connection.executemany(
                "INSERT INTO record (entry, position, id, type, name, before, after, further)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        key,
                        position,
                        _kept(record.id_),
                        _kept(record.type),
                        _kept(record.name),
                        record.before,
                        record.after,
                        record.further,
                    )
                    for position, record in enumerate(records)
                ),
            )
        return key

    def mark(self, key: int, state: EntryState, reason: str = "") -> None:
        """Write down how far an entry has come.

        Raises:
            SaveError: The journal cannot be written.
        """
        with self._transaction() as connection:
            connection.execute(
                "UPDATE entry SET state = ?, reason = ?, touched = ?, owner = ? WHERE id = ?",
                (state.value, _kept(reason), time.time(), _this_process(), key),
            )

    def entry(self, key: int) -> Entry | None:
        """Return one entry, or None if it is no longer kept."""
        return next(iter(self._entries("WHERE entry.id = ?", (key,))), None)

    def entries(self, store: str, state: EntryState | None = None) -> list[Entry]:
        """Return the entries of a store, the latest first."""
        if state is None:
            return self._entries("WHERE store = ?", (_kept(store),))
        return self._entries("WHERE store = ? AND state = ?", (_kept(store), state.value))

    def entries_of(self, store: str, id_: str) -> list[Entry]:
        """Return the entries of a store in which an object was changed, the latest first."""
        return self._entries(
            "WHERE store = ? AND entry.id IN (SELECT entry FROM record WHERE record.id = ?)",
            (_kept(store), _kept(id_)),
        )

    def records(self, key: int) -> list[JournalRecord]:
        """Return the objects of an entry, in order."""
        with self._transaction() as connection:
            return [
                _record(row)
                for row in connection.execute(
                    "SELECT id, before, after, type, name, further FROM record WHERE entry = ?"
                    " ORDER BY position",
                    (key,),
                )
            ]

    def record(self, key: int, position: int) -> JournalRecord | None:
        """Return one object of an entry, or None if it is no longer kept."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT id, before, after, type, name, further FROM record"
                " WHERE entry = ? AND position = ?",
                (key, position),
            ).fetchone()
        return _record(row) if row else None

    def versions(self, store: str, id_: str) -> list[bytes]:
        """Return the versions of an object that its latest entries hold."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT before, after FROM record JOIN entry ON entry.id = record.entry"
                " WHERE store = ? AND record.id = ? ORDER BY entry DESC LIMIT ?",
                (_kept(store), _kept(id_), _VERSIONS),
            ).fetchall()
        return [data for row in rows for data in row if data is not None]

    def deleted(self, store: str, limit: int = 1000) -> list[Deleted]:
        """Return what was deleted from a store and not put back by undo, the latest first.

        An object stands in the list once, as it was when it was deleted last.
        """
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT entry, position, record.id, type, name, length(before), max(entry.time)"
                " FROM record JOIN entry ON entry.id = record.entry"
                " WHERE store = ? AND act IN (?, ?) AND state = ? AND before IS NOT NULL"
                " AND after IS NULL AND record.id NOT LIKE './%'"
                " GROUP BY record.id ORDER BY entry DESC, position LIMIT ?",
                (_kept(store), Act.DELETE.value, Act.REPAIR.value, EntryState.DONE.value, limit),
            ).fetchall()
        return [
            Deleted(entry, position, _text(id_), _text(type_), _name(name), size, _moment(begun))
            for entry, position, id_, type_, name, size, begun in rows
        ]

    def settle(self, address: str, store: Store) -> list[Entry]:
        """Decide the pending entries of a store by what the store holds now.

        Those of a program that is still running are left to it.

        Args:
            address: Address of the store, without password, as given to `begin`.
            store: The open store.

        Returns:
            The entries that were settled, with their new states.
        """
        settled = []
        for entry in self.entries(address, EntryState.PENDING):
            if self._is_under_way(entry.key):
                continue
            state = _state_in(store, self.records(entry.key))
            self.mark(entry.key, state, _KILLED)
            settled.append(replace(entry, state=state, reason=_KILLED))
        return settled

    def forget_before(self, moment: datetime) -> int:
        """Drop the entries that were begun before a moment; return how many."""
        with self._transaction() as connection:
            return connection.execute(
                "DELETE FROM entry WHERE time < ? AND state <> ?",
                (moment.timestamp(), EntryState.PENDING.value),
            ).rowcount

    def _entries(self, where: str, values: tuple[object, ...]) -> list[Entry]:
        with self._transaction() as connection:
            rows = connection.execute(
                f"{_SELECT} {where} ORDER BY entry.id DESC", values
            ).fetchall()
        return [
            Entry(
                key,
                _moment(begun),
                _text(store),
                Act(act),
                _text(label),
                EntryState(state),
                count,
                reason,
            )
            for key, begun, store, act, label, state, count, reason in rows
        ]

    def _is_under_way(self, key: int) -> bool:
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT touched, owner FROM entry WHERE id = ?", (key,)
            ).fetchone()
        return row is not None and _is_running(row[1], idle=time.time() - row[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(
                sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
            ) as connection:
                # FULL: the bytes are on the disk before the store is changed, also
                # after a power loss. In WAL mode NORMAL would not promise that.
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                if not self._prepared:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.executescript(_SCHEMA)
                    _add_new_columns(connection)
                    self._prepared = True
                connection.execute("BEGIN")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise SaveError(
                f"The journal {self.path} cannot be used: {error}.",
                "Without it no change is made: free some disk space or check its permissions.",
            ) from error


def _kept(text: str | None) -> str | bytes | None:
    """Return a text as SQLite can hold it: the names of files need not be valid Unicode."""
    if text is None:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def _name(value: str | bytes | None) -> str | None:
    return None if value is None else _text(value)


def _record(row: tuple[Any, ...]) -> JournalRecord:
    id_, before, after, type_, name, further = row
    return JournalRecord(_text(id_), before, after, _text(type_), _name(name), further)


def _add_new_columns(connection: sqlite3.Connection) -> None:
    """Give a journal of an earlier version the column that it has not."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(record)")}
    if "further" not in columns:
        try:
            connection.execute("ALTER TABLE record ADD COLUMN further BLOB NOT NULL DEFAULT x''")
        except sqlite3.OperationalError as error:
            if "duplicate column" not in str(error):  # another window was faster
                raise


def _state_in(store: Store, records: list[JournalRecord]) -> EntryState:
    """Return the state of an entry whose outcome nobody wrote down."""
    stored = {found.id_: found.data for found in store.read_many(r.id_ for r in records)}
    after = sum(stored.get(record.id_) == record.after for record in records)
    before = sum(stored.get(record.id_) == record.before for record in records)
    # Where another program went on writing, neither count is full. "Done" is the safe side:
    # it keeps the bytes offered, and taking it back compares before it writes.
    return EntryState.UNDONE if before > after else EntryState.DONE


def _this_process() -> str:
    return f"{platform.node()}/{os.getpid()}/{psutil.Process().create_time():.0f}"


def _is_running(owner: str, idle: float) -> bool:
    """Return whether another process that wrote an entry may still be at work on it.

    Args:
        owner: What `_this_process` gave there.
        idle: Seconds since the entry was written.
    """
    if owner == _this_process():
        return False
    host, process, start = owner.rsplit("/", 2)
    if host != platform.node():
        return idle < _FOREIGN_SECONDS
    try:
        started: float = psutil.Process(int(process)).create_time()
    except psutil.NoSuchProcess:
        return False
    return abs(started - float(start)) < _CLOCK_SECONDS


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
