"""Sixteen processes, and two hundred killed writers, on both kinds of store."""

from __future__ import annotations

from pathlib import Path

import pytest

from persistence.testing import ConcurrentContract, CrashContract


class _Stress(ConcurrentContract, CrashContract):
    processes = 16
    saves = 500
    kills = 200

    scheme = "file"

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self._path = tmp_path / "store"

    def address(self) -> str:
        return f"{self.scheme}://{self._path.as_posix()}"


class TestFiles(_Stress):
    pass


class TestSqlite(_Stress):
    scheme = "sqlite"
