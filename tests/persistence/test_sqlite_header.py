"""Looking at the header of a SQLite file, beside programs that use it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from persistence.sqlite_header import is_in_wal_mode, is_sqlite_file


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_database_is_known_by_its_first_bytes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "jobs.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE store (id)")
    connection.close()
    for _ in range(2):
        assert is_sqlite_file(path)
        assert is_in_wal_mode(path) == (mode == "wal")
    assert [entry.name for entry in tmp_path.iterdir()] == ["jobs.db"]


def test_other_things_are_no_databases(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"SQLite is not what this file is")
    empty = tmp_path / "empty"
    empty.touch()
    for path in (text, empty, tmp_path, tmp_path / "nothing"):
        assert not is_sqlite_file(path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert not is_sqlite_file(tmp_path / "pipe")


def test_looking_at_a_file_drops_no_lock_that_is_held_on_it(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE store (id)")
    connection.execute("BEGIN EXCLUSIVE")
    assert is_sqlite_file(path)
    assert not is_in_wal_mode(path)
    other = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN EXCLUSIVE')"
    )
    done = subprocess.run(
        [sys.executable, "-c", other, str(path)], capture_output=True, text=True, check=False
    )
    assert "database is locked" in done.stderr
    connection.close()
