"""Databases on a server: PostgreSQL, MySQL and MariaDB, and what speaks like them.

Every session is put into a known state: strict (MySQL would otherwise cut values that are
too long), read committed, with a limit on waiting for locks.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from typing import Any

from sqlalchemy import create_engine, event, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from persistence import passwords
from persistence.errors import InDoubtError, PasswordError, StoreError
from persistence.sql_connection import Connection, Database
from persistence.sql_errors import LOST, cause_of
from persistence.sql_options import ServerOptions
from persistence.sql_sqlite import Durability
from persistence.urls import StoreUrl

__all__ = ["ServerDatabase"]

_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
_EXTRAS = {"psycopg": "postgresql", "pymysql": "mysql"}  # the drivers that our extras bring
_WITHOUT_TRANSACTIONS = ("MyISAM", "Aria", "MEMORY", "CSV", "ARCHIVE")  # engines of MySQL
_PING_AFTER = 1.0  # seconds without use, after which a server may have gone unnoticed
# Asks whether a socket has something to read; only select is there on every system.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class ServerDatabase(Database):
    """A database on a server.

    Args:
        url: Its address.
        read_only: Whether the sessions refuse every change.
        durability: "full" for the server's default; "normal" lets PostgreSQL answer before a
            commit is on its disk. (On MySQL this is a setting of the server alone.)
        patience: Seconds to wait for other writers.

    Raises:
        StoreError: The driver is not installed, or the address has options it does not know.
    """

    def __init__(
        self, url: StoreUrl, *, read_only: bool, durability: Durability, patience: float
    ) -> None:
        place = str(replace(url, fragment=""))
        self._options = ServerOptions.of(url, place, patience)
        super().__init__(url, place, self._options.lock_timeout)
        self.limit = self._options.statement_timeout
        self._url = url
        self._read_only = read_only
        self._durability = durability
        self._secret = url.password or self._password_of_environment()
        self.engine = self._make_engine(url)
        event.listen(self.engine, "do_connect", self._add_password)
        event.listen(self.engine, "connect", self._prepare_session)
        with self.connection():
            pass  # fails now, if it does

    @property
    def kind(self) -> str:
        dialect = self.engine.dialect
        if dialect.name == "mysql":
            return "MariaDB database" if getattr(dialect, "is_mariadb", False) else "MySQL database"
        return {"postgresql": "PostgreSQL database"}.get(dialect.name, f"{dialect.name} database")

    @property
    def is_mysql(self) -> bool:
        """Whether it is MySQL or MariaDB: tables are made outside transactions."""
        return self.engine.dialect.name in ("mysql", "mariadb")

    @cached_property
    def can_notify(self) -> bool:
        """Whether sessions can wait for what others say (LISTEN), through this driver.

        YugabyteDB got that late (https://github.com/yugabyte/yugabyte-db/issues/1872), and
        before could not even say anything: there, windows look every second.
        """
        dialect = self.engine.dialect
        if dialect.name != "postgresql" or dialect.driver != "psycopg":
            return False
        with self.connection() as connection:
            return "-YB-" not in (connection.driver.info.parameter_status("server_version") or "")

    def type_of(self, name: str) -> str | None:
        inspector = inspect(self.engine)
        if name in inspector.get_table_names():
            return "table"
        return "view" if name in inspector.get_view_names() else None

    def has_transactions(self, table: str) -> bool:
        if not self.is_mysql:
            return True
        with self.translated():
            options = inspect(self.engine).get_table_options(table)
        return options.get("mysql_engine") not in _WITHOUT_TRANSACTIONS

    @contextmanager
    def creating(self, table: str) -> Iterator[Connection]:
        digest = sha256(table.encode()).hexdigest()
        if not self.is_mysql:
            with self.transaction() as connection:
                number = int(digest[:15], 16)
                connection.fetch(f"SELECT pg_advisory_xact_lock({number})")
                yield connection
            return
        name = f"jobshelf-{digest[:32]}"
        with self.connection() as connection:
            connection.fetch(f"SELECT GET_LOCK('{name}', {self.patience:.0f})")
            try:
                yield connection
            finally:
                connection.fetch(f"SELECT RELEASE_LOCK('{name}')")

    @property
    def takes_changes(self) -> bool:
        """Whether the server lets anything be changed: a replica does not."""
        with self.connection() as connection:
            if self.is_mysql:
                return connection.fetch("SELECT @@global.read_only")[0][0] in (0, "OFF")
            if self.engine.dialect.name == "postgresql":
                return bool(connection.fetch("SHOW transaction_read_only")[0][0] == "off")
        return True

    def is_current(self, connection: Connection) -> bool:
        is_rested = time.monotonic() - connection.idle_since >= _PING_AFTER
        if not is_rested and not _has_news(connection.driver):
            return True
        try:
            return bool(self.engine.dialect.do_ping(connection.driver))
        except self._driver_errors():
            return False

    def _give_back(self, connection: Connection) -> None:
        connection.idle_since = time.monotonic()
        super()._give_back(connection)

    def _commit(self, connection: Connection) -> None:
        try:
            super()._commit(connection)
        except self._driver_errors() as error:
            if cause_of(error) not in LOST:
                raise
            connection.is_usable = False
            raise InDoubtError(self.place) from error

    def open(self) -> Connection:
        try:
            return self._connect()
        except PasswordError as error:
            kept = None if self._secret else passwords.find(self._url)
            if kept is None:
                error.can_be_kept = passwords.can_be_kept()
                raise
        self._secret = kept
        try:
            return self._connect()
        except PasswordError as error:
            self._secret = None
            error.can_be_kept = True
            raise

    def _connect(self) -> Connection:
        try:
            return super().open()
        except AssertionError as error:  # SQLAlchemy's, of a version that it cannot read
            if "version" not in str(error):
                raise
            raise StoreError(
                f"The server of {self.place} speaks PostgreSQL's language, but is none: {error}.",
                "Jobshelf knows PostgreSQL and what is built on it: see docs/servers.md.",
            ) from error
        except TypeError as error:  # how PyMySQL refuses an option
            raise StoreError(
                f"The driver does not know an option in the address {self.place}: {error}.",
                "Remove it from the part after the question mark.",
            ) from error

    def _password_of_environment(self) -> str | None:
        """Return the password that the environment has; libpq finds PostgreSQL's by itself."""
        is_mysql = self._url.base_scheme in ("mysql", "mariadb")
        return os.environ.get("MYSQL_PWD") if is_mysql else None

    def _add_password(
        self, _dialect: Any, _record: Any, _positional: list[Any], named: dict[str, Any]
    ) -> None:
        if self._secret is not None:
            named["password"] = self._secret

    def _make_engine(self, url: StoreUrl) -> Any:
        dialect, _, driver = url.scheme.partition("+")
        driver = driver or _DRIVERS.get(dialect, "")
        try:
            return create_engine(
                URL.create(
                    f"{dialect}+{driver}" if driver else dialect,
                    username=url.user,
                    host=url.host,
                    port=url.port,
                    database=url.path or None,
                    query=self._options.others,
                ),
                connect_args=self._options.of_driver(driver, self.place),
                poolclass=NullPool,
                pool_reset_on_return=None,
                isolation_level="AUTOCOMMIT",
                paramstyle="pyformat",
            )
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(str(error.name))
            raise StoreError(
                f"{self.place} needs the package {error.name!r}, which is not installed.",
                f"Install it: pip install jobshelf[{extra}]"
                if extra
                else f"Install it, or write {dialect}: alone to use another driver.",
            ) from error
        except NoSuchModuleError as error:
            raise StoreError(
                f"{self.place} names a database or driver that is not known: {url.scheme}.",
                "Write postgresql:, mysql: or sqlite:.",
            ) from error
        except (ArgumentError, TypeError, ValueError) as error:
            raise StoreError(f"The address {self.place} is not accepted: {error}.") from error

    def _prepare_session(self, connection: Any, _record: Any) -> None:
        if hasattr(connection, "_read_timeout"):  # PyMySQL gives no way to change it
            connection._read_timeout = self._options.answer_seconds
        cursor = connection.cursor()
        for statement in self._settings(connection):
            cursor.execute(statement)
        cursor.close()

    def _settings(self, driver: Any) -> Iterator[str]:
        seconds = max(1, round(self.patience))
        if self.is_mysql:
            yield "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
            yield "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
            yield f"SET SESSION innodb_lock_wait_timeout = {seconds}"
            yield f"SET SESSION lock_wait_timeout = {seconds}"
            # SQLAlchemy does not know yet which of the two it is.
            if "MariaDB" in str(getattr(driver, "server_version", "")):
                yield f"SET SESSION max_statement_time = {self.limit}"
            else:  # MySQL limits queries only
                yield f"SET SESSION max_execution_time = {round(self.limit * 1000)}"
            if self._read_only:
                yield "SET SESSION TRANSACTION READ ONLY"
        elif self.engine.dialect.name == "postgresql":
            yield "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED"
            yield f"SET lock_timeout = '{seconds}s'"
            yield f"SET statement_timeout = {round(self.limit * 1000)}"
            if self._durability == "normal":
                yield "SET synchronous_commit = off"
            if self._read_only:
                yield "SET default_transaction_read_only = on"


def _has_news(driver: Any) -> bool:
    """Whether the server has said something on an idle connection: mostly that it ends it."""
    socket = driver if hasattr(driver, "fileno") else getattr(driver, "_sock", None)
    if socket is None:
        return False
    try:
        with _Selector() as selector:
            selector.register(socket, selectors.EVENT_READ)
            return bool(selector.select(0))
    except (OSError, ValueError):  # it is closed
        return True
