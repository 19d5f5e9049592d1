"""Full disks, kills in the middle of a write, and power cuts, on stores of every kind."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from persistence import Edit, FilesystemStore, SqlStore, make_store
from persistence.errors import SaveError, StoreError
from persistence.records import RecordStore
from persistence.sql_sqlite import SqliteDatabase
from persistence.store import ABSENT
from persistence.testing import Node

ROOT = Path(__file__).parents[2]
# JOBSHELF_STRESS=20 tries 20 times as many points.
STRESS = float(os.environ.get("JOBSHELF_STRESS", "1"))
STEP = max(int(2900 / STRESS), 1)  # bytes between the points where a file may not grow


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("way", ["refuse", "kill"])
@pytest.mark.parametrize("kind", ["file", "own", "gc3pie", "journal"])
def test_a_disk_that_ends_at_any_byte_leaves_the_state_before_or_after(
    kind: str, way: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.helpers.limited_writer", kind, way, str(tmp_path)]
    done = subprocess.run(
        [*command, str(STEP)],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)
    print(kind, way, seen)
    assert seen["done"] == 1
    assert seen["tried"] > 5
    assert seen["before"] > 0
    assert seen["killed" if way == "kill" else "refused"] > 3


def content(store: RecordStore) -> dict[str, bytes]:
    return {record.id_: record.data for record in store.records()}


@contextmanager
def pages(most: int) -> Iterator[None]:
    """Have SQLite find the disk full beyond some pages."""
    original = SqliteDatabase._open

    def limited(self: SqliteDatabase, *arguments: Any) -> sqlite3.Connection:
        connection = original(self, *arguments)
        connection.execute(f"PRAGMA max_page_count = {most}")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "_open", limited)
        yield


@pytest.mark.parametrize("layout", ["own", "gc3pie"])
def test_a_database_that_is_full_says_so_and_is_as_it_was(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    if layout == "gc3pie":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))"
            )
    with SqlStore(path) as store:
        store.apply([Edit("1", b"N.", ABSENT), Edit("2", b"N.", ABSENT)])
        before = content(store)
    with closing(sqlite3.connect(path)) as connection:
        ((size,),) = connection.execute("PRAGMA page_count").fetchall()
    refused = 0
    for most in range(size, size + 40):
        with pages(most), SqlStore(path) as store:
            root = Node("root", *(Node("x" * 3000) for _ in range(20)))
            try:
                store.save(root)
            except SaveError as error:
                refused += 1
                assert "no space left" in str(error)
                assert "persistent_id" not in vars(root)
                assert content(store) == before
            else:
                assert len(store) == len(before) + 21
                break
    assert refused > 10


def test_a_log_that_a_power_cut_shortened_holds_whole_transactions_only(tmp_path: Path) -> None:
    path, copy = tmp_path / "x.db", tmp_path / "copy.db"
    SqlStore(path).close()
    empty = path.read_bytes()
    states: list[dict[str, bytes]] = [{}]
    with SqlStore(path) as store:
        for number in range(6):
            store.save(Node(f"{number}", Node("child"), Node("x" * 5000)))
            states.append(content(store))
        store.remove(store.list()[0])
        states.append(content(store))
        assert path.read_bytes() == empty  # all of it is in the log
        log = Path(f"{path}-wal").read_bytes()
    seen = set()
    for cut in [*range(0, len(log), max(int(4999 / STRESS), 1)), len(log)]:
        for rest in (b"", b"\0" * (len(log) - cut), log[cut:][::-1]):
            copy.write_bytes(empty)
            Path(f"{copy}-wal").write_bytes(log[:cut] + rest)
            with SqlStore(copy) as store:
                found = content(store)
            assert found in states
            assert cut < len(log) or found == states[-1]
            seen.add(states.index(found))
    assert len(seen) > 4


def test_two_clocks_that_jump_give_no_id_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "gc3pie.db")) as connection:
        connection.execute(
            "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))"
        )
    real, jump = time.time_ns, [0]
    monkeypatch.setattr(time, "time_ns", lambda: real() + jump[0])
    for place in ("gc3pie.db", "own.db", "folder"):
        seen: set[str] = set()
        scheme = "sqlite" if place.endswith("db") else "file"
        for hours in (0, -24 * 365 * 30, 5, -1, 24 * 365 * 20, 0, -3):
            jump[0] = hours * 3600 * 10**9
            with make_store(f"{scheme}://{tmp_path / place}") as store:
                ids = store.save_many([Node(str(n)) for n in range(20)])
                assert not seen & set(ids)
                seen.update(ids)
                store.remove(ids[-1])


def test_a_file_written_twice_in_one_tick_of_the_clock_is_seen_as_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FilesystemStore(tmp_path) as store:
        store.write("A.1", b"I1\n.")
        status = (tmp_path / "A.1").stat()
        token = store.changes().token
        with (tmp_path / "A.1").open("r+b") as file:  # the same file, of the same size
            file.write(b"I2\n.")
        os.utime(tmp_path / "A.1", ns=(status.st_mtime_ns, status.st_mtime_ns))
        real = os.lstat

        def in_one_tick(path: Any) -> os.stat_result:
            found = real(path)
            return os.stat_result(found[:10], {"st_ctime_ns": 0, "st_mtime_ns": found.st_mtime_ns})

        assert store.changes(token).changed == ("A.1",)
        same = {name: (modified, 0, *rest) for name, (modified, _, *rest) in token.items()}
        monkeypatch.setattr(os, "lstat", in_one_tick)
        assert store.changes(same).changed == ("A.1",)
        again = store.changes().token
        assert store.changes(again).changed == ()


def test_a_store_whose_disk_fails_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with SqlStore(path) as store:
        store.save(1)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\0" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError) as raised, SqlStore(path) as store:
        content(store)
    assert raised.value.advice
