"""The contract of every store, for tables in SQL databases."""

from __future__ import annotations

from pathlib import Path

import pytest

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
