"""The line that says what is at an address."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from persistence import FilesystemStore, SqlStore, StoreError
from persistence.probe import describe
from persistence.testing import Node

GC3PIE = Path(__file__).parents[1] / "data" / "gc3pie"


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("python3.7/jobs.db", "SQLite database, table store, {n} objects, written by GC3Pie"),
        (
            "python2.7/jobs-table.db#table=campaign",
            "SQLite database, table campaign, {n} objects, written by GC3Pie",
        ),
        ("python3.7/jobs-dir", "Folder, {n} objects, written by GC3Pie"),
        ("python2.7/session", "GC3Pie session, folder, {n} objects, written by GC3Pie"),
    ],
)
def test_stores_of_gc3pie_are_described(place: str, sentence: str) -> None:
    found = describe(f"{GC3PIE}/{place}")
    assert found.sentence == sentence.format(n=found.count)
    assert found.count > 15
    assert bool(found.notices) == ("session" in place)


def test_our_own_stores_are_described(tmp_path: Path) -> None:
    with SqlStore(f"sqlite://{(tmp_path / 'x.db').as_posix()}") as store:
        store.save(Node("a"))
    assert describe(tmp_path / "x.db").sentence == (
        "SQLite database, table store, 1 object, written by Jobshelf"
    )
    with FilesystemStore(tmp_path / "jobs") as files:
        files.save(Node("a"))
    assert describe(tmp_path / "jobs").sentence == "Folder, 1 object"


def test_looking_makes_nothing(tmp_path: Path) -> None:
    for address in (tmp_path / "jobs", f"sqlite://{tmp_path.as_posix()}/deep/x.db"):
        with pytest.raises(StoreError):
            describe(address)
    assert os.listdir(tmp_path) == []


def test_a_folder_of_other_files_is_not_a_store(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"photo{n}.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(StoreError, match="none that was tried is a pickled object"):
        describe(tmp_path)


def test_a_database_without_a_store_names_what_is_missing(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE music (id INTEGER PRIMARY KEY, title TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="store"):
        describe(tmp_path / "x.db")


def test_a_folder_of_damaged_jobs_is_a_store(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"Job.{n}").write_bytes(b"" if n else b"\x80\x04\x95\xff")
    assert describe(tmp_path).sentence == "Folder, 30 objects"


def test_a_folder_of_pickles_as_text_is_a_store(tmp_path: Path) -> None:
    (tmp_path / "Job.1").write_bytes(b"(dp0\nVname\np1\nVx\np2\ns.")
    assert describe(tmp_path).sentence == "Folder, 1 object"


def test_an_empty_file_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").touch()
    with pytest.raises(StoreError, match="is an empty file"):
        describe(tmp_path / "jobs.db")
