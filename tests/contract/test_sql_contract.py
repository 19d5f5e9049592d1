"""The contract of every store, for tables in SQL databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from persistence import StoreUrl
from persistence.testing import StoreContract
from tests.helpers.servers import MariaDbServer, PostgreSqlServer, Server


class TestSqliteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self._path = tmp_path / "jobs.db"

    def address(self) -> str:
        return f"sqlite://{self._path.as_posix()}"


class _ServerStore(StoreContract):
    _address: str

    def _use(self, server: Server) -> None:
        self._address = server.url()

    def address(self) -> str:
        return self._address


class TestPostgreSqlStore(_ServerStore):
    @pytest.fixture(autouse=True)
    def _place(self, postgresql: PostgreSqlServer) -> None:
        self._use(postgresql)


class TestMariaDbStore(_ServerStore):
    @pytest.fixture(autouse=True)
    def _place(self, mariadb: MariaDbServer) -> None:
        self._use(mariadb)


class _GC3PieTable(StoreContract):
    """An empty table as GC3Pie makes it: the store is there from the start."""

    def test_a_store_that_is_not_there_is_not_made_by_looking(self) -> None:
        """Does not apply."""

    def table(self, blob: str) -> str:
        return (
            f"CREATE TABLE {StoreUrl.parse(self.address()).table or 'store'}"
            f" (id INTEGER NOT NULL, data {blob}, state VARCHAR(128), PRIMARY KEY (id))"
        )


class TestGC3PieTableInSqlite(_GC3PieTable):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self._path = tmp_path / "jobs.db"
        connection = sqlite3.connect(self._path)
        connection.execute(self.table("BLOB"))
        connection.close()

    def address(self) -> str:
        return f"sqlite://{self._path.as_posix()}"


class TestGC3PieTableInPostgreSql(_GC3PieTable, _ServerStore):
    @pytest.fixture(autouse=True)
    def _place(self, postgresql: PostgreSqlServer) -> None:
        self._use(postgresql)
        postgresql.execute(self.table("BYTEA"))


class TestGC3PieTableInMariaDb(_GC3PieTable, _ServerStore):
    @pytest.fixture(autouse=True)
    def _place(self, mariadb: MariaDbServer) -> None:
        self._use(mariadb)
        mariadb.execute(self.table("BLOB"))
