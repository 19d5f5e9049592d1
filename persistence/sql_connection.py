"""Connections to a database: opened by SQLAlchemy, used through the driver's own cursor.

SQLAlchemy Core writes every statement, once, in the dialect of the database; the text then
runs on a cursor of the driver, because executing through SQLAlchemy takes four times as long
as SQLite needs to read a job. For the same reason idle connections are kept in a plain list:
a checkout from SQLAlchemy's pool costs more than two reads.

The drivers are in autocommit mode, and transactions are begun and ended by statements: no
transaction starts behind one's back, on any database.
"""

from __future__ import annotations

import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from operator import itemgetter
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Engine, inspect
from sqlalchemy.engine import Inspector
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from persistence.errors import StoreError
from persistence.sql_errors import is_busy, store_error
from persistence.store import Fault
from persistence.urls import StoreUrl

__all__ = ["Connection", "Database", "Statement"]

Row = tuple[Any, ...]
T = TypeVar("T")

# Connections that a fork left in a child: they are the parent's, and closing them here, or
# letting them be collected, would end its sessions and drop its locks.
_inherited: list[Connection] = []


class Statement(str):
    """The text of a statement, and where its parameters stand in it.

    They are given by name everywhere. SQLite looks names up for each row again, which takes
    longer than inserting the row: it gets them in their order.

    Args:
        text: The statement in the database's dialect.
        order: The names of its parameters in the order of their places; None where the
            driver takes them by name.
    """

    __slots__ = ("text", "values")

    text: str
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]] | None

    def __new__(cls, text: str, order: Sequence[str] | None = None) -> Statement:  # noqa: PYI034
        made = super().__new__(cls, text)
        made.text = text
        if order is None:
            made.values = None
        elif len(order) == 1:
            name = order[0]
            made.values = lambda parameters: (parameters[name],)
        else:
            made.values = itemgetter(*order) if order else lambda _: ()
        return made


class Connection:
    """One connection, used by one thread at a time.

    Args:
        pooled: What SQLAlchemy's pool gave.
        patience: Seconds to try again a statement that finds a SQLite database locked.

    Attributes:
        driver: The driver's connection.
        is_usable: Whether it may be used again: no error of the driver has hit it.
        stamp: What `Database.is_current` compares; None where it need not.
        idle_since: When it was last used, by the monotonic clock.
    """

    __slots__ = (
        "_cursor",
        "_patience",
        "_pid",
        "_pooled",
        "driver",
        "idle_since",
        "is_usable",
        "stamp",
    )

    def __init__(self, pooled: Any, patience: float) -> None:
        self._pooled = pooled
        self._patience = patience
        self._pid = os.getpid()
        self.driver = pooled.driver_connection
        self._cursor = self.driver.cursor()
        self.is_usable = True
        self.stamp: object = None
        self.idle_since = 0.0

    def fetch(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement and return all its rows."""
        self.run(statement, parameters)
        rows: list[Row] = self._cursor.fetchall()
        return rows

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that gives no rows."""
        values: Any = parameters or ()
        if type(statement) is Statement:
            if parameters and statement.values is not None:
                values = statement.values(parameters)
            statement = statement.text
        try:
            self._cursor.execute(statement, values)
        except Exception as error:
            if not is_busy(error):
                raise
            self._run_again(statement, values)

    def run_many(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each of some rows of parameters."""
        if len(rows) == 1:
            self.run(statement, rows[0])
        elif rows:
            values: Any = rows
            if type(statement) is Statement:
                if statement.values is not None:
                    values = map(statement.values, rows)
                statement = statement.text
            self._cursor.executemany(statement, values)

    @property
    def is_inherited(self) -> bool:
        """Whether it was opened by another process, before a fork."""
        return self._pid != os.getpid()

    def close(self) -> None:
        """Close it, or leave it alone if it is another process's."""
        if self.is_inherited:
            _inherited.append(self)
            return
        with suppress(Exception):  # the server may be gone already
            self._cursor.close()
            self._pooled.close()

    def _run_again(self, statement: str, values: Any) -> None:
        # SQLite's own waiting backs off to 100 ms between tries: beside writers that hold
        # the lock nearly all the time, some process would miss every gap for minutes.
        deadline = time.monotonic() + self._patience
        while True:
            time.sleep(random.uniform(0.0005, 0.005))  # noqa: S311 - no secret
            try:
                self._cursor.execute(statement, values)
                return
            except Exception as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise


class Database(ABC):
    """The database of a store: its connections, its dialect, its errors.

    Attributes:
        engine: SQLAlchemy's engine, for reflection.
        address: That of the store, without password.
        place: What messages call the database: its path, or its address without the table.
        patience: Seconds that a change waits for other writers.
        limit: Seconds that one statement may take; 0 for no limit.
    """

    engine: Engine
    _begin = "BEGIN"

    def __init__(self, url: StoreUrl, place: str, patience: float) -> None:
        self.address = str(url)
        self.place = place
        self.patience = patience
        self.limit = 0.0
        self._secret = url.password
        self._idle: list[Connection] = []
        # A database in memory has one connection, and the threads take turns.
        self._turn: AbstractContextManager[Any] = nullcontext()

    @property
    @abstractmethod
    def kind(self) -> str:
        """What users call it: "SQLite database", "PostgreSQL database"."""

    def compile(self, statement: ClauseElement | ExecutableDDLElement) -> Statement:
        """Return a statement in the database's dialect."""
        compiled = statement.compile(dialect=self.engine.dialect)
        values = getattr(compiled, "params", None) or {}
        assert all(value is None for value in values.values()), "a constant is not in the text"
        order = compiled.positiontup if isinstance(compiled, SQLCompiler) else None
        return Statement(str(compiled), order)

    def connection(self) -> AbstractContextManager[Connection]:
        """Lend a connection; errors of the driver are raised as those of the store."""
        return _Loan(self)

    def transaction(self) -> AbstractContextManager[Connection]:
        """Lend a connection inside a transaction: committed at the end, or undone."""
        return _Transaction(self)

    @property
    def can_notify(self) -> bool:
        """Whether writers can tell those who wait: `sql_watch`."""
        return False

    @abstractmethod
    def creating(self, table: str) -> AbstractContextManager[Connection]:
        """Lend a connection while no other process makes the same tables."""

    @abstractmethod
    def type_of(self, name: str) -> str | None:
        """Return what a name stands for: "table", "view", "virtual table", or None."""

    def faults(self, _tables: Sequence[str]) -> Iterator[Fault]:
        """Iterate over what is wrong with the database, as far as it can tell that itself."""
        return iter(())

    def triggers(self, _tables: Sequence[str]) -> list[str]:
        """Return the names of a stranger's programs that run when a table is changed.

        A server's administrator says who may make them there: they are trusted.
        """
        return []

    def has_transactions(self, _table: str) -> bool:
        """Whether changes of a table can be undone."""
        return True

    def error(self, error: BaseException) -> StoreError:
        """Return the store's error for one of the driver or of SQLAlchemy."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        return store_error(
            cause, self.place, patience=self.patience, limit=self.limit, secret=self._secret
        )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise errors of the driver and of SQLAlchemy as those of the store."""
        with self._turn:
            try:
                yield
            except (DBAPIError, self._driver_errors()) as error:
                raise self.error(error) from error

    def reflect(self, look: Callable[[Inspector], T]) -> T:
        """Return what SQLAlchemy finds out about tables; waits for writers as statements do."""
        deadline = time.monotonic() + self._retry_seconds()
        while True:
            try:
                with self._turn:
                    return look(inspect(self.engine))
            except (DBAPIError, self._driver_errors()) as error:
                cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
                if not is_busy(cause) or time.monotonic() > deadline:
                    raise self.error(error) from error
            time.sleep(random.uniform(0.0005, 0.005))  # noqa: S311 - no secret

    def close(self) -> None:
        """Close all idle connections; those in use are closed when they come back."""
        while self._idle:
            self._idle.pop().close()
        self.engine.dispose()

    def open(self) -> Connection:
        """Open a connection that is the caller's to close."""
        with self.translated():
            return Connection(self.engine.raw_connection(), self._retry_seconds())

    @abstractmethod
    def is_current(self, connection: Connection) -> bool:
        """Whether an idle connection is alive and shows what is in the database now."""

    def _commit(self, connection: Connection) -> None:
        connection.run("COMMIT")

    def _retry_seconds(self) -> float:
        return 0.0

    def _driver_errors(self) -> type[BaseException]:
        errors: type[BaseException] = self.engine.dialect.loaded_dbapi.Error
        return errors

    def _take(self) -> Connection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self.open()
            if not connection.is_inherited and self.is_current(connection):
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        if connection.is_usable:
            self._idle.append(connection)
        else:
            connection.close()


# Written as classes: entering and leaving a generator takes as long as reading a row.


class _Loan:
    """Lends a connection of a database for the time of a `with`."""

    __slots__ = ("_connection", "_database")

    _connection: Connection

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Connection:
        database = self._database
        database._turn.__enter__()
        try:
            self._connection = database._take()
        except BaseException:
            database._turn.__exit__(None, None, None)
            raise
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        database, connection = self._database, self._connection
        try:
            if error is None:
                return
            if isinstance(error, database._driver_errors()):
                connection.is_usable = False
                raise database.error(error) from error
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                connection.is_usable = False  # maybe in the middle of an answer
        finally:
            database._give_back(connection)
            database._turn.__exit__(None, None, None)


class _Transaction(_Loan):
    """The same, and a transaction that ends with it."""

    __slots__ = ()

    def __enter__(self) -> Connection:
        connection = super().__enter__()
        try:
            connection.run(self._database._begin)
        except BaseException as error:
            super().__exit__(type(error), error, error.__traceback__)
            raise
        return connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._database._commit(self._connection)
            except BaseException as failure:
                self._undo()
                super().__exit__(type(failure), failure, failure.__traceback__)
                raise
        else:
            self._undo()
        super().__exit__(kind, error, traceback)

    def _undo(self) -> None:
        try:
            self._connection.run("ROLLBACK")
        except Exception:  # noqa: BLE001 - lost, and the change with it
            self._connection.is_usable = False
