"""What Jobshelf writes into GC3Pie's stores, GC3Pie reads back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from persistence import Edit, make_store
from persistence.pickles import decode, encode, with_identity
from persistence.pickles.edit import Change, apply
from persistence.records import RecordStore
from persistence.transfer import CopyReport, copy
from tests.helpers.gc3pie import (
    gc3pie_python,
    run_in_gc3pie,
    stop_in_gc3pie,
    write_with_gc3pie,
)
from tests.helpers.interop_jobs import Job

DATA = Path(__file__).parents[1] / "data" / "gc3pie"
STORES = ["jobs-dir", "jobs.db", "jobs-table.db"]

_python, _reason = gc3pie_python()
pytestmark = pytest.mark.skipif(_python is None, reason=_reason)


@pytest.fixture(params=STORES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    source = DATA / "python3.7" / request.param
    target = tmp_path / request.param
    if source.is_dir():
        shutil.copytree(source, target)
        return f"file://{target.as_posix()}"
    shutil.copy(source, target)
    table = "#table=campaign" if "table" in request.param else ""
    return f"sqlite://{target.as_posix()}{table}"


def test_gc3pie_loads_what_we_saved_with_the_same_graph(address: str) -> None:
    with make_store(address) as store:
        shared = Job("shared")
        child = Job("child", shared)
        root = Job("root", child, shared, child)
        root_id = store.save(root)
        child_id, shared_id = str(child.persistent_id), str(shared.persistent_id)
        assert store.references(root_id) == [child_id, shared_id]
    found = run_in_gc3pie(address, root_id, child_id)
    assert found[root_id]["children"] == [child_id, shared_id, child_id]
    assert found[root_id]["name"] == "root"
    assert found[root_id]["shared"] == 1
    assert found[child_id]["children"] == [shared_id]


def test_gc3pie_loads_an_object_that_got_another_ones_content(address: str) -> None:
    with make_store(address) as store:
        summaries = {
            summary.id: summary
            for summary in store.summaries()
            if summary.type == "gc3libs.Application"
        }
        target, source = list(summaries)[:2]
        old = store.read(target)
        new = with_identity(store.read(source), store._pid(target))  # type: ignore[attr-defined]
        store.apply([Edit(target, new, old)])
        (now,) = store.summaries([target])
        assert now.name == summaries[source].name
    found = run_in_gc3pie(address, target, source)
    assert found[target]["id"] == target
    assert found[target]["name"] == found[source]["name"] == summaries[source].name
    assert found[target]["state"] == summaries[source].state


def edit(store: RecordStore, id_: str, *changes: Change) -> None:
    """Make changes as the window does: of the stored pickle, with compare-and-swap."""
    old = new = store.read(id_)
    for change in changes:
        new = encode(apply(decode(new), change))
    store.apply([Edit(id_, new, old)])


def test_gc3pie_loads_an_object_with_edited_values(address: str) -> None:
    with make_store(address) as store:
        job = next(s.id for s in store.summaries() if s.state == "RUNNING")
        edit(
            store,
            job,
            Change("set", "execution._state", "'STOPPED'"),
            Change("set", "execution._exitcode", "3"),
            Change("set", "parameters['temperature']", "300.5"),
            Change("insert", "parameters['pressure']", "[1, 'bar']"),
            Change("rename", "parameters['replica']", "'copy'"),
            Change("append", "execution.history", "('looked at', 1700000000.0)"),
        )
        (now,) = store.summaries([job])
        assert now.state == "STOPPED"
    found = run_in_gc3pie(address, job)[job]
    assert found["state"] == "STOPPED"
    assert found["parameters"]["temperature"] == 300.5
    assert found["parameters"]["pressure"] == [1, "bar"]
    assert "replica" not in found["parameters"]
    assert "copy" in found["parameters"]


def test_gc3pie_finds_edited_states_in_its_state_column(address: str) -> None:
    if address.startswith("file:"):
        pytest.skip("a folder has no columns")
    with make_store(address) as store:
        job = next(s.id for s in store.summaries() if s.state == "RUNNING")
        edit(store, job, Change("set", "execution._state", "'TERMINATED'"))
        path, table = str(store.url.path), "campaign" if "#table" in address else "store"
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"SELECT state FROM {table} WHERE id = ?", (job,)).fetchall()
    assert rows == [("TERMINATED",)]


def test_gc3pie_follows_a_reference_that_was_pointed_elsewhere(address: str) -> None:
    with make_store(address) as store:
        present = set(store.list())
        parent = next(
            id_
            for id_ in present
            if len(set(store.references(id_))) > 1 and not _leads_to_missing(store, id_, present)
        )
        targets = store.references(parent)
        edit(store, parent, Change("refer", "tasks[0]", targets[1]))
        assert store.references(parent)[0] == targets[1]
    found = run_in_gc3pie(address, parent)[parent]
    assert found["children"][0] == targets[1]


def test_gc3pie_still_reads_everything_else(address: str) -> None:
    with make_store(address) as store:
        before = set(store.list())
        removed = next(s.id for s in store.summaries() if s.type == "gc3libs.Application")
        store.remove(removed)
        store.save(Job("new"))
        summaries = {summary.id: summary for summary in store.summaries()}
    found = run_in_gc3pie(address)
    assert set(found) == set(summaries)
    assert len(found) == len(before)
    dangling = {id_ for id_, seen in found.items() if "error" in seen}
    for id_, seen in found.items():
        if id_ not in dangling:
            assert (seen["name"], seen["state"]) == (summaries[id_].name, summaries[id_].state)
    with make_store(address) as store:
        for id_ in dangling:  # GC3Pie loads no collection with a missing task
            assert _leads_to_missing(store, id_, set(summaries))


def test_unusual_stores_that_gc3pie_writes_are_seen_as_gc3pie_sees_them(tmp_path: Path) -> None:
    stores = write_with_gc3pie(tmp_path)
    assert len(stores) == 8
    for written, objects in stores.items():
        with make_store(written, read_only=True) as store:
            assert store.notices == []
            assert sorted(store.list()) == sorted(objects)
            for summary in store.summaries():
                expected = objects[summary.id]
                assert summary.type == expected["class"]
                assert (summary.state, summary.name) == (expected["state"], expected["name"])
                assert store.references(summary.id) == expected["references"]
                assert store.inspect(summary.id).root.attributes()
            for target in {id_ for seen in objects.values() for id_ in seen["references"]}:
                referrers = {id_ for id_, seen in objects.items() if target in seen["references"]}
                assert set(store.referrers(target)) == referrers


def test_every_way_to_hold_a_child_is_read_back_by_gc3pie(address: str) -> None:
    with make_store(address) as store:
        shared = Job("shared")
        root = Job("root", shared)
        root.kept = {shared: [shared], "set": {shared}, "frozen": frozenset([shared])}  # type: ignore[attr-defined]
        chain = Job("0")
        for n in range(1, 40):
            chain = Job(str(n), chain)
        root_id, chain_id = store.save_many([root, chain])
        replaced = next(s.id for s in store.summaries() if s.type == "gc3libs.Application")
        store.replace(replaced, Job("in its place", shared))
    found = run_in_gc3pie(address, root_id, chain_id, replaced)
    assert [found[id_]["name"] for id_ in (root_id, chain_id, replaced)] == [
        "root",
        "39",
        "in its place",
    ]
    assert found[replaced]["children"] == found[root_id]["children"] == [str(shared.persistent_id)]


def _leads_to_missing(store: object, id_: str, present: set[str]) -> bool:
    pending, seen = [id_], set()
    while pending:
        current = pending.pop()
        if current not in present:
            return True
        if current not in seen:
            seen.add(current)
            pending += store.references(current)  # type: ignore[attr-defined]
    return False


# Copied stores


def _copy(source: str, target: str) -> CopyReport:
    with make_store(source) as ours, make_store(target) as theirs:
        report = copy(ours, theirs)
        assert report.is_complete
        return report


def test_gc3pie_reads_what_was_copied_to_another_kind_of_its_stores(
    address: str, tmp_path: Path
) -> None:
    """A folder of texts becomes a table of numbers, and a table a folder, by way of our own."""
    middle = f"sqlite://{(tmp_path / 'middle.db').as_posix()}"
    database = tmp_path / "copy.db"
    if address.startswith("file:"):
        target = f"sqlite://{database.as_posix()}"
        with closing(sqlite3.connect(database)) as connection:
            connection.execute(
                "CREATE TABLE store (id INTEGER NOT NULL, data BLOB, state VARCHAR(128),"
                " PRIMARY KEY (id))"
            )
    else:
        (tmp_path / "copy").mkdir()
        target = f"file://{(tmp_path / 'copy').as_posix()}"
    _copy(address, middle)
    report = _copy(middle, target)
    before, after = run_in_gc3pie(address), run_in_gc3pie(target)
    assert len(after) == len(before) > 100
    new = {id_: report.mapping.get(id_, id_) for id_ in before}
    (dangling,) = report.missing
    for id_, seen in before.items():
        there = after[new[id_]]
        if "error" in seen:
            assert "error" in there
            continue
        expected = {
            **seen,
            "id": new[id_],
            "children": [new.get(child, child) for child in seen["children"]],
        }
        assert there == expected
    assert dangling not in before


def test_gc3pie_goes_on_with_a_copied_store(address: str, tmp_path: Path) -> None:
    """What it saves again under a copied object's ID replaces that object."""
    (tmp_path / "copy").mkdir()
    target = f"file://{(tmp_path / 'copy').as_posix()}"
    report = _copy(address, target)
    with make_store(target) as store:
        job = next(s.id for s in store.summaries() if s.state == "RUNNING")
    stop_in_gc3pie(target, job)
    with make_store(target) as store:
        assert len(store) == report.total
        (summary,) = store.summaries([job])
        assert summary.state == "STOPPED"
