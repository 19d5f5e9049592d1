"""The contract of every store, for folders of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from persistence.testing import StoreContract


class TestFilesystemStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self._folder = tmp_path / "jobs"

    def address(self) -> str:
        return f"file://{self._folder.as_posix()}"
