"""SQLite database files: how they are opened, for writing, for reading only, and in memory.

A connection trusts nothing in the file: no function or virtual table that the schema names
runs beyond what is harmless (`trusted_schema`, and SQLite's defensive mode where Python can
set it), no trigger runs at all, and no journal beside it is settled that names a file
elsewhere. Read-only connections leave no file behind: a database in WAL mode with no writer
is read as immutable, until a writer appears.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Literal
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool, StaticPool

from persistence.errors import StoreError, StoreMissing
from persistence.files import is_regular_file, make_folder, may, open_regular
from persistence.sql_connection import Connection, Database
from persistence.sql_errors import Cause, cause_of
from persistence.sqlite_header import is_in_wal_mode
from persistence.store import Fault
from persistence.urls import MEMORY, StoreUrl

__all__ = ["Durability", "SqliteDatabase"]

Durability = Literal["full", "normal"]

# EXTRA is FULL for a database in WAL mode. With a rollback journal, as GC3Pie's have, it also
# flushes the folder, without which a power cut may take back the last transaction.
_SYNCHRONOUS: dict[Durability, str] = {"full": "EXTRA", "normal": "NORMAL"}
APPLICATION_ID = int.from_bytes(b"JobS", "big")
"""What tells files that Jobshelf made from other SQLite files (resources/jobshelf-mime.xml)."""

_MOST_FAULTS = 100  # that SQLite lists
# A rollback journal begins with this; where it also ends with it, it names a "super-journal",
# which SQLite removes once it has rolled back (https://sqlite.org/fileformat.html, section 3).
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_SQL_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)

_BUSY_MILLISECONDS = 100  # then `Connection` tries again


class SqliteDatabase(Database):
    """A SQLite database file, or one in memory.

    Args:
        url: Its address; the path is a file, or ":memory:".
        create: Whether to make the file, and the folders above it, if it is not there.
        read_only: Whether to open it so that nothing is written, not even beside it.
        durability: "full" to flush every commit to the disk, "normal" to let a power cut
            (not a crash of the program) take back the last ones.
        patience: Seconds to wait for other writers.

    Attributes:
        is_writable: Whether the file, and the folder it is in, can be written to.

    Raises:
        StoreError: There is no such file, or it cannot be a database.
    """

    _begin = "BEGIN IMMEDIATE"  # take the write lock at once: a later upgrade could fail

    def __init__(
        self,
        url: StoreUrl,
        *,
        create: bool,
        read_only: bool,
        durability: Durability,
        patience: float,
    ) -> None:
        super().__init__(url, url.path, patience)
        self._path = url.path
        self._is_in_memory = url.path == MEMORY
        self._create = create and not read_only
        self._durability = durability
        self.is_writable = True
        if self._is_in_memory:
            self._turn = RLock()
        else:
            self._look_at_file()
        self._read_only = read_only or not self.is_writable
        self.engine = create_engine(
            URL.create("sqlite"),
            creator=self._connect,
            poolclass=StaticPool if self._is_in_memory else NullPool,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            paramstyle="qmark",
        )

    @property
    def kind(self) -> str:
        return "SQLite database"

    def is_empty(self) -> bool:
        """Whether there is no table in the database."""
        with self.connection() as connection:
            return not connection.fetch("SELECT 1 FROM sqlite_master LIMIT 1")

    def type_of(self, name: str) -> str | None:
        with self.connection() as connection:
            for kind, definition in connection.fetch(
                "SELECT type, sql FROM sqlite_master WHERE name = :name COLLATE NOCASE"
                " AND type IN ('table', 'view')",
                {"name": name},
            ):
                words = _SQL_COMMENT.sub(" ", str(definition)).split(None, 2)
                is_virtual = len(words) > 1 and words[1].upper() == "VIRTUAL"
                return "virtual table" if is_virtual else str(kind)
        return None

    def faults(self, tables: Sequence[str]) -> Iterator[Fault]:
        """Run SQLite's own check; look for what runs by itself when a table is changed."""
        with self.connection() as connection:
            for (sentence,) in connection.fetch(f"PRAGMA integrity_check({_MOST_FAULTS})"):
                if sentence != "ok":
                    yield Fault(f"SQLite's check found: {sentence}.", is_damage=True)
            for kind, name, table in connection.fetch(
                "SELECT type, name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
            ):
                if str(table).lower() in {own.lower() for own in tables}:
                    yield Fault(
                        f"A {kind} {name!r} of another program changes or refuses what is written "
                        f"to table {table!r}.",
                        is_damage=False,
                    )

    def triggers(self, tables: Sequence[str]) -> list[str]:
        with self.connection() as connection:
            found = connection.fetch(
                "SELECT name, tbl_name FROM sqlite_master WHERE type='trigger'"
            )
        wanted = {table.lower() for table in tables}
        return sorted(str(name) for name, table in found if str(table).lower() in wanted)

    @contextmanager
    def creating(self, _table: str) -> Iterator[Connection]:
        # Readers and a writer at once need WAL; it stays set in the file. A database that
        # has tables already belongs to another program too: its mode is not ours to change.
        if self.is_empty() and not self._is_in_memory:
            with self.connection() as connection:
                # First, or it would stand in the log: file managers read the file alone.
                connection.fetch(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.fetch("PRAGMA journal_mode = WAL")
        with self.transaction() as connection:
            yield connection

    def open(self) -> Connection:
        identity, content = self._look()
        connection = super().open()
        is_immutable = isinstance(connection.driver, _Immutable)
        connection.stamp = (identity, content) if is_immutable else (identity, None)
        self._create = False  # a file that is removed later is not made again
        return connection

    def is_current(self, connection: Connection) -> bool:
        # What is written to a file that was replaced by another would be lost.
        if not self._read_only and not self._is_in_memory:
            try:
                status = os.stat(self._path)
            except OSError:
                return False
            return connection.stamp == ((status.st_dev, status.st_ino), None)
        identity, content = self._look()
        return connection.stamp in ((identity, None), (identity, content))

    def close(self) -> None:
        if self._is_in_memory:
            self._idle.clear()
            self.engine.dispose()
        else:
            super().close()

    def _give_back(self, connection: Connection) -> None:
        connection.is_usable |= self._is_in_memory  # closing it would lose everything
        super()._give_back(connection)

    def _retry_seconds(self) -> float:
        return self.patience

    def _look_at_file(self) -> None:
        path = Path(self._path)
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            if not self._create:
                raise StoreMissing(
                    f"There is no file {path}.", "Check the spelling of the path."
                ) from None
            self._make_folder(path.parent)
            return
        except OSError as error:
            raise _file_error(path, error) from error
        if stat.S_ISDIR(mode):
            raise StoreError(
                f"{path} is a folder, not a SQLite database.",
                "Give the database file in it; a folder of job files opens by its path alone.",
            )
        if not stat.S_ISREG(mode):
            raise StoreError(f"{path} is not a regular file.", "Choose a SQLite database file.")
        if not may(path, os.R_OK):
            raise StoreError(
                f"You have no permission to read {path}.", "Ask its owner, or open a copy."
            )
        self.is_writable = may(path, os.W_OK) and may(path.parent, os.W_OK)

    def _make_folder(self, folder: Path) -> None:
        try:
            make_folder(folder)
        except OSError as error:
            raise _file_error(folder, error) from error

    def _connect(self) -> sqlite3.Connection:
        if self._is_in_memory:
            return self._open(MEMORY)
        self._refuse_traps_beside()
        if not self._read_only:
            self._refuse_journal_of_others()
            return self._open(self._uri("rwc" if self._create else "rw"))
        leftover = self._leftover()
        if leftover is None and self._is_in_wal_mode():
            return self._open(self._uri("ro", immutable=1), _Immutable)
        try:
            return self._open(self._uri("ro", readonly_shm=1))
        except sqlite3.Error as error:
            if leftover is None or cause_of(error) not in (Cause.CANNOT_OPEN, Cause.READ_ONLY):
                raise
            raise StoreError(
                f"A program ended in the middle of writing to {self._path}: {leftover} holds "
                "what has to be settled before it can be read.",
                "Open it once for writing, or copy both files and open the copy.",
            ) from error

    def _open(
        self, name: str, factory: type[sqlite3.Connection] = sqlite3.Connection
    ) -> sqlite3.Connection:
        connection = sqlite3.connect(
            name,
            factory=factory,
            timeout=self.patience,
            isolation_level=None,
            check_same_thread=False,  # `Database` lends a connection to one thread at a time
            uri=not self._is_in_memory,
        )
        try:
            for pragma in (
                "trusted_schema = OFF",
                f"synchronous = {_SYNCHRONOUS[self._durability]}",
                "fullfsync = ON" if self._durability == "full" else "fullfsync = OFF",
                "cell_size_check = ON",
                "mmap_size = 0",  # a file that another program cuts would end this one
            ):
                connection.execute(f"PRAGMA {pragma}")
            if sys.version_info >= (3, 12):
                connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _uri(self, mode: str, **options: int) -> str:
        path = Path(self._path).as_posix()
        slashes = "//" if path.startswith("/") else "///"
        query = "".join(f"&{name}={value}" for name, value in options.items())
        return f"file:{slashes}{quote(os.fsencode(path), safe='/:')}?mode={mode}{query}"

    def _is_in_wal_mode(self) -> bool:
        try:
            return is_in_wal_mode(self._path)
        except OSError as error:
            raise _file_error(Path(self._path), error) from error

    def _refuse_traps_beside(self) -> None:
        """Refuse what is no file where SQLite keeps one: it would wait for a FIFO for ever."""
        for suffix in ("-journal", "-wal", "-shm"):
            name = self._beside(suffix)
            if os.path.lexists(name) and not is_regular_file(name):
                raise StoreError(
                    f"{name} is not a regular file, but SQLite would use it as one.",
                    "Move it away, or copy the database alone and open the copy.",
                )

    def _refuse_journal_of_others(self) -> None:
        """Refuse to settle a journal that names another file: SQLite would remove that one."""
        name = self._beside("-journal")
        try:
            descriptor = open_regular(name)
            if descriptor is None:
                return
            with os.fdopen(descriptor, "rb") as file:
                is_journal = file.read(len(_JOURNAL_MAGIC)) == _JOURNAL_MAGIC
                file.seek(-min(len(_JOURNAL_MAGIC), os.fstat(descriptor).st_size), os.SEEK_END)
                names_another = file.read() == _JOURNAL_MAGIC
                length = file.tell()
        except OSError as error:
            raise _file_error(Path(name), error) from error
        if is_journal and names_another and length > 2 * len(_JOURNAL_MAGIC):
            raise StoreError(
                f"{name} holds a change of several databases at once, and settling it would "
                "remove a file elsewhere.",
                "Settle it with the program that made it, or open the store read-only.",
            )

    def _beside(self, suffix: str) -> str:
        """Return the name of a file that SQLite keeps beside the database."""
        path = os.path.realpath(self._path) if os.path.islink(self._path) else self._path
        return f"{path}{suffix}"

    def _leftover(self) -> str | None:
        """Return the file with changes that are not yet in the database, if there is one."""
        for name in (self._beside("-wal"), self._beside("-journal")):
            with suppress(OSError):
                if os.stat(name).st_size > 0:
                    return name
        return None

    def _look(self) -> tuple[object, object]:
        """Return which file it is, and what tells whether its content was changed."""
        if self._is_in_memory:
            return None, None
        try:
            status = os.stat(self._path)
        except OSError:
            return None, None
        content = None
        if self._read_only:
            content = status.st_size, status.st_mtime_ns, self._leftover()
        return (status.st_dev, status.st_ino), content


class _Immutable(sqlite3.Connection):
    """A connection that takes its file for unchanging: good only until it is changed."""


def _file_error(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be opened: {error.strerror or error}.",
        "Check the path and your permissions.",
    )
