"""Corrupt SQLite stores are read into new ones, and it is said what was lost."""

from __future__ import annotations

import hashlib
import pickle
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence import StoreError, make_store
from persistence.recovery_report import RecoveryReport
from persistence.sqlite_pages import Pages
from persistence.sqlite_recovery import recover_sqlite
from persistence.store import ABSENT, Edit

Copy = Callable[[str], Path]

PAGE = 4096


@pytest.fixture(params=["jobshelf", "gc3pie"])
def healthy(request: pytest.FixtureRequest, tmp_path: Path, gc3pie: Copy) -> Path:
    if request.param == "gc3pie":
        return gc3pie("python3.7/jobs.db")
    return jobshelf_store(tmp_path / "jobs.db")


def jobshelf_store(path: Path, count: int = 300) -> Path:
    """Make a store with small pickles, and with large ones that go over several pages."""
    sizes = random.Random(7)
    with make_store(f"sqlite:///{path}") as store:
        store.apply(
            [
                Edit(
                    f"Job.{n}",
                    pickle.dumps({"n": n, "x": "x" * sizes.choice([50, 900, 12_000])}),
                    ABSENT,
                )
                for n in range(count)
            ]
        )
    return path


def objects(path: Path) -> dict[str, bytes]:
    with make_store(path, read_only=True) as store:
        return {record.id_: record.data for record in store.records()}


def damaged(path: Path, data: bytes) -> Path:
    corrupt = path.with_name("corrupt.db")
    corrupt.write_bytes(data)
    return corrupt


def recovered(path: Path) -> tuple[dict[str, bytes], RecoveryReport]:
    """Recover a file; the file itself stays as it is, and nothing else is left beside it."""
    before = hashlib.sha256(path.read_bytes()).digest()
    target = path.with_name("recovered.db")
    report = recover_sqlite(path, target)
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert not list(path.parent.glob("*.recovering*"))
    assert not list(path.parent.glob("corrupt.db-*"))
    found = objects(target)
    target.unlink()
    return found, report


def test_a_healthy_store_is_copied_in_its_order(healthy: Path) -> None:
    found, report = recovered(healthy)
    assert list(found.items()) == list(objects(healthy).items())
    assert report.is_complete
    assert report.objects == len(found)
    assert "Nothing is known to be lost." in report.text()


def test_without_its_header_a_file_is_read_page_by_page(healthy: Path) -> None:
    truth = objects(healthy)
    corrupt = damaged(healthy, bytes(100) + healthy.read_bytes()[100:])
    found, report = recovered(corrupt)
    assert found == truth
    assert report.objects == len(truth)


def test_without_its_schema_the_table_is_known_by_its_rows(healthy: Path) -> None:
    truth = objects(healthy)
    found, report = recovered(damaged(healthy, bytes(PAGE) + healthy.read_bytes()[PAGE:]))
    assert found == truth
    assert report.loose == len(truth)
    assert "nothing led to" in report.text()


def test_of_a_torn_page_the_rows_on_other_pages_are_read(healthy: Path) -> None:
    truth = objects(healthy)
    data = bytearray(healthy.read_bytes())
    leaves = list(Pages(bytes(data)).table_leaves())
    torn = leaves[len(leaves) // 2]
    data[(torn - 1) * PAGE : torn * PAGE] = random.Random(1).randbytes(PAGE)
    found, report = recovered(damaged(healthy, bytes(data)))
    assert len(truth) - 60 < len(found) < len(truth)
    assert {id_: truth[id_] for id_ in found} == found
    assert report.ranges or report.pages
    assert not report.is_complete


def test_the_index_of_a_jobshelf_table_names_what_was_lost(tmp_path: Path) -> None:
    healthy = jobshelf_store(tmp_path / "jobs.db")
    truth = objects(healthy)
    data = bytearray(healthy.read_bytes())
    pages = Pages(bytes(data))
    page, names = next(
        (page, [cell.values[1] for cell in pages.cells(page)])
        for page in list(pages.table_leaves())[3:]
        if any(str(cell.values[1]).startswith("Job.") for cell in pages.cells(page))
    )
    data[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    found, report = recovered(damaged(healthy, bytes(data)))
    assert set(report.lost) == set(names) == truth.keys() - found.keys()
    assert names[0] in report.text()


def test_a_file_that_was_cut_gives_what_stands_before_the_cut(healthy: Path) -> None:
    truth = objects(healthy)
    found, report = recovered(damaged(healthy, healthy.read_bytes()[: healthy.stat().st_size // 2]))
    assert len(truth) / 5 < len(found) < len(truth)
    whole = {id_: data for id_, data in found.items() if id_ not in report.incomplete}
    assert whole == {id_: truth[id_] for id_ in whole}
    for id_ in report.incomplete:
        assert truth[id_].startswith(found[id_])


def test_a_log_beside_the_file_is_read_with_it(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    program = (
        "import os, sys\nfrom persistence import make_store\n"
        "store = make_store('sqlite:///' + sys.argv[1])\n"
        "store.save({'n': 1})\nos._exit(0)\n"  # killed: the log stays
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    log = path.with_name("jobs.db-wal")
    assert log.stat().st_size > 0
    before = log.read_bytes()
    report = recover_sqlite(path, tmp_path / "new.db")
    assert report.objects == 1
    assert log.read_bytes() == before


def test_deleted_objects_do_not_come_back_from_free_pages(tmp_path: Path) -> None:
    healthy = jobshelf_store(tmp_path / "jobs.db")
    with make_store(f"sqlite:///{healthy}") as store:
        store.apply([Edit(f"Job.{n}", None) for n in range(100, 300)])
    data = bytearray(healthy.read_bytes())
    # The schema is gone, the list of free pages in the header is not.
    data[100:PAGE] = bytes(PAGE - 100)
    found, _ = recovered(damaged(healthy, bytes(data)))
    assert set(found) == {f"Job.{n}" for n in range(100)}


def test_further_columns_of_a_gc3pie_table_are_kept(gc3pie: Copy, tmp_path: Path) -> None:
    path = gc3pie("python3.7/jobs.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("ALTER TABLE store ADD COLUMN queue TEXT")
        database.execute("UPDATE store SET queue = 'long'")
    corrupt = damaged(path, bytes(100) + path.read_bytes()[100:])
    recover_sqlite(corrupt, tmp_path / "new.db")
    with closing(sqlite3.connect(tmp_path / "new.db")) as database:
        assert database.execute("SELECT DISTINCT queue FROM store").fetchall() == [("long",)]


def test_another_table_is_found_or_can_be_named(gc3pie: Copy, tmp_path: Path) -> None:
    path = gc3pie("python2.7/jobs-table.db")
    assert recover_sqlite(path, tmp_path / "one.db").table == "campaign"
    assert recover_sqlite(path, tmp_path / "two.db", table="campaign").objects == 42


@pytest.mark.parametrize("data", [b"", b"no database at all" * 500, bytes(20_000)])
def test_what_holds_no_objects_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes) -> None:
    corrupt = tmp_path / "corrupt.db"
    corrupt.write_bytes(data)
    with pytest.raises(StoreError):
        recover_sqlite(corrupt, tmp_path / "new.db")
    assert [path.name for path in tmp_path.iterdir()] == ["corrupt.db"]


def test_a_file_that_is_there_is_not_written_over(healthy: Path, tmp_path: Path) -> None:
    target = tmp_path / "taken.db"
    target.write_bytes(b"mine")
    with pytest.raises(StoreError, match="is there already"):
        recover_sqlite(healthy, target)
    assert target.read_bytes() == b"mine"


def test_a_recovery_that_is_cancelled_leaves_nothing(healthy: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        recover_sqlite(healthy, tmp_path / "new.db", progress=stop)
    assert not list(tmp_path.glob("new.db*"))


def test_a_schema_from_a_stranger_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state TEXT)")
        database.execute("INSERT INTO store VALUES (1, ?, 'NEW')", (pickle.dumps({"n": 1}),))
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "UPDATE sqlite_master SET sql = 'CREATE TABLE store (id INTEGER PRIMARY KEY, "
            "data BLOB, state TEXT DEFAULT (zeroblob(1000000000)), CHECK (id IN (SELECT 1)))'"
        )
    report = recover_sqlite(path, tmp_path / "new.db")
    assert report.objects == 1


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_damage_ends_in_a_report_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("recovery")
    healthy = jobshelf_store(folder / "jobs.db", 60)
    truth = objects(healthy)
    content = bytearray(healthy.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.sampled_from([1, 4, 64, 512, PAGE]))
        content[at : at + length] = data.draw(st.randoms()).randbytes(
            len(content[at : at + length])
        )
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    try:
        found, report = recovered(damaged(healthy, bytes(content)))
    except StoreError:
        return
    assert report.objects == len(found)
    assert sum(truth.get(id_) == stored for id_, stored in found.items()) <= len(truth)
