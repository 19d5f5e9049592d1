"""Databases on a server: PostgreSQL, MySQL and MariaDB, and what speaks like them.

Every session is put into a known state: strict (MySQL would otherwise cut values that are
too long), read committed, with a limit on waiting for locks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import create_engine, event, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from persistence.errors import StoreError
from persistence.sql_connection import Connection, Database
from persistence.sql_errors import Cause, cause_of
from persistence.sql_sqlite import Durability
from persistence.urls import StoreUrl

__all__ = ["ServerDatabase"]

_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
_EXTRAS = {"psycopg": "postgresql", "pymysql": "mysql"}  # the drivers that our extras bring
_CONNECT_SECONDS = 10
# Options of the driver, unless the address has them.
_CONNECT_OPTIONS: dict[str, dict[str, Any]] = {
    "psycopg": {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "jobshelf",
        "client_encoding": "utf8",
    },
    "pymysql": {"connect_timeout": _CONNECT_SECONDS, "charset": "utf8mb4"},
}
_WITHOUT_TRANSACTIONS = ("MyISAM", "Aria", "MEMORY", "CSV", "ARCHIVE")  # engines of MySQL
_PING_AFTER = 1.0  # seconds without use, after which a server may have gone unnoticed


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
        super().__init__(url, str(replace(url, fragment="")), patience)
        self._read_only = read_only
        self._durability = durability
        self.engine = self._make_engine(url)
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

    def is_current(self, connection: Connection) -> bool:
        if time.monotonic() - connection.idle_since < _PING_AFTER:
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
            if cause_of(error) is not Cause.CONNECTION_LOST:
                raise
            connection.is_usable = False
            raise StoreError(
                f"The connection to {self.place} was lost in the moment of saving.",
                "The change may be saved or not: refresh, and look before trying again.",
            ) from error

    def _make_engine(self, url: StoreUrl) -> Any:
        dialect, _, driver = url.scheme.partition("+")
        driver = driver or _DRIVERS.get(dialect, "")
        query = {
            key: values[-1] if len(values) == 1 else tuple(values)
            for key, values in parse_qs(url.query, keep_blank_values=True).items()
        }
        options = _CONNECT_OPTIONS.get(driver, {})
        try:
            return create_engine(
                URL.create(
                    f"{dialect}+{driver}" if driver else dialect,
                    username=url.user,
                    password=url.password,
                    host=url.host,
                    port=url.port,
                    database=url.path or None,
                    query=query,
                ),
                connect_args={key: value for key, value in options.items() if key not in query},
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

    def open(self) -> Connection:
        try:
            return super().open()
        except TypeError as error:  # how PyMySQL refuses an option
            raise StoreError(
                f"The driver does not know an option in the address {self.place}: {error}.",
                "Remove it from the part after the question mark.",
            ) from error

    def _prepare_session(self, connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in self._settings():
            cursor.execute(statement)
        cursor.close()

    def _settings(self) -> Iterator[str]:
        seconds = max(1, round(self.patience))
        if self.is_mysql:
            yield "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
            yield "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
            yield f"SET SESSION innodb_lock_wait_timeout = {seconds}"
            yield f"SET SESSION lock_wait_timeout = {seconds}"
            if self._read_only:
                yield "SET SESSION TRANSACTION READ ONLY"
        elif self.engine.dialect.name == "postgresql":
            yield "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED"
            yield f"SET lock_timeout = '{seconds}s'"
            if self._durability == "normal":
                yield "SET synchronous_commit = off"
            if self._read_only:
                yield "SET default_transaction_read_only = on"
