"""The scan of a store into an index, step by step, with what happens between two steps."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.work.index import RowIndex
from app.work.inspector import Inspector
from app.work.records import RowQuery
from app.work.scan import Lanes, Scan
from persistence import Edit, FilesystemStore, Store, make_store

COUNT = 5_000  # more than two steps


@pytest.fixture
def scanner() -> Iterator[Inspector]:
    with closing(Inspector()) as inspector:
        yield inspector


@pytest.fixture
def index() -> Iterator[RowIndex]:
    with closing(RowIndex()) as index:
        yield index


def scan_of(store: Store, index: RowIndex, scanner: Inspector) -> Scan:
    lanes = Lanes(_at_once(store), _at_once(index), lambda ask: ask(store))
    return Scan(lanes, scanner, keeps_summaries=False)


def test_an_object_written_while_it_was_read_ahead_is_listed_as_it_is_now(
    tmp_path: Path, index: RowIndex, scanner: Inspector
) -> None:
    with _table(tmp_path) as store:
        scan = scan_of(store, index, scanner)
        while scan.done < 2_000:
            scan.step()
        changed, removed = str(scan.done + 10), str(scan.done + 11)
        assert not index.rows([changed, removed])  # read by now, and not yet listed
        store.write(changed, _pickled("DONE"))
        store.remove(removed)
        scan.absorb([changed, removed])
        scan.step()
        assert index.rows([changed, removed])[changed].state == "DONE"
        assert removed not in index
        while not scan.is_complete:
            scan.step()
        assert len(index) == COUNT - 1


def test_a_folder_shows_first_rows_before_it_is_listed_and_ends_in_order(
    tmp_path: Path, index: RowIndex, scanner: Inspector
) -> None:
    with FilesystemStore(tmp_path / "jobs") as store:
        ids = [f"Job.{number}" for number in range(COUNT)]
        store.apply([Edit(id_, _pickled("NEW")) for id_ in ids])
        scan = scan_of(store, index, scanner)
        scan.step()
        assert 0 < scan.done == len(index) < COUNT
        while not scan.is_complete:
            scan.step()
        assert [row.id for row in index.page(RowQuery(), 0, COUNT)] == ids
        assert scan.done == scan.total == len(index) == COUNT


def test_a_file_made_while_the_first_rows_are_shown_is_listed(
    tmp_path: Path, index: RowIndex, scanner: Inspector
) -> None:
    with FilesystemStore(tmp_path / "jobs") as store:
        store.apply([Edit(f"Job.{number}", _pickled("NEW")) for number in range(10)])
        scan = scan_of(store, index, scanner)
        scan.step()
        store.write("Job.10", _pickled("NEW"))
        scan.step()
        store.write("Job.11", _pickled("NEW"))
        while not scan.is_complete:
            scan.step()
        assert {"Job.10", "Job.11"} <= {row.id for row in index.page(RowQuery(), 0, 20)}


def _table(folder: Path) -> Store:
    rows = [(number, _pickled("NEW")) for number in range(1, COUNT + 1)]
    with closing(sqlite3.connect(folder / "jobs.db")) as db, db:
        db.execute("CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))")
        db.executemany("INSERT INTO store VALUES (?, ?, 'NEW')", rows)
    return make_store(f"sqlite:///{folder / 'jobs.db'}")


def _pickled(state: str) -> bytes:
    return pickle.dumps({"state": state}, 4)


def _at_once(owned: Any) -> Callable[..., Future[Any]]:
    """Return what a lane is asked through; it answers before it returns."""

    def ask(function: Callable[[Any], Any], _: object) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(owned))
        except Exception as error:
            future.set_exception(error)
        return future

    return ask
