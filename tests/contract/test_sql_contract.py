"""The contract of every store, for tables in SQL databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from persistence.testing import StoreContract


class TestSqliteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self._path = tmp_path / "jobs.db"

    def address(self) -> str:
        return f"sqlite://{self._path.as_posix()}"
