"""Copies between stores of every kind, whatever is in the way."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from persistence import (
    ConflictError,
    Edit,
    FilesystemStore,
    LoadError,
    ObjectNotFound,
    Persistable,
    ReadOnlyError,
    Record,
    SqlStore,
    Store,
    StoreError,
    StoreUrl,
    make_store,
)
from persistence.id_map import usual_ids_file
from persistence.transfer import CopyReport, copy, with_references
from tests.helpers.servers import Server

DATA = Path(__file__).parents[1] / "data" / "gc3pie"
KINDS = ["folder", "jobshelf", "gc3pie table"]
GC3PIE = ["jobs-dir", "jobs.db", "jobs-table.db"]


class Node(Persistable):
    def __init__(self, name: str, *children: Any) -> None:
        super().__init__()
        self.name = name
        self.children = list(children)


def gc3pie_table(url: StoreUrl | str) -> str:
    """Make an empty table as GC3Pie does; return its address."""
    address = StoreUrl.parse(url)
    with closing(sqlite3.connect(address.path)) as connection:
        connection.execute(
            f"CREATE TABLE {address.table or 'store'}"
            " (id INTEGER NOT NULL, data BLOB, state VARCHAR(128), PRIMARY KEY (id))"
        )
    return str(address)


def make(kind: str, place: Path) -> Store:
    """Make an empty store of some kind."""
    if kind == "folder":
        place.mkdir()
        return make_store(place)
    url = f"sqlite://{place.as_posix()}"
    return make_store(gc3pie_table(url) if kind == "gc3pie table" else url)


def fill(store: Store) -> str:
    """Save a circle, with a child that two share; return the ID of its first object."""
    shared = Node("shared")
    first = Node("first", shared)
    second = Node("second", first, shared)
    first.children.append(second)
    first.children.append(first.children)  # type: ignore[arg-type]
    return store.save(first)


def check(store: Store, id_: str) -> None:
    """Assert that what `fill` saved comes back."""
    first = store.load(id_)
    shared, second, children = first.children
    assert (first.name, second.name, shared.name) == ("first", "second", "shared")
    assert second.children == [first, shared]
    assert second.children[0] is first
    assert second.children[1] is shared
    assert children is first.children
    assert str(first.persistent_id) == id_


def put(folder: Path, count: int) -> None:
    """Make files as a folder of objects has them, without waiting for the disk each time."""
    for number in range(count):
        (folder / f"Job.{number}").write_bytes(pickle.dumps(number))


def contents(store: Store) -> dict[str, bytes]:
    return {record.id_: record.data for record in store.records()}


def same_but_for_ids(source: Store, target: Store, report: CopyReport) -> None:
    """Assert that two stores list, summarise and link the same objects."""

    def new(id_: str) -> str:
        return report.mapping.get(id_, id_)

    assert sorted(map(new, source.list())) == sorted(target.list())
    some = set(islice(source, 0, None, max(1, len(source) // 5)))
    theirs = {summary.id: summary for summary in target.summaries()}
    for summary in source.summaries():
        there = theirs[new(summary.id)]
        assert (there.type, there.state, there.name) == (summary.type, summary.state, summary.name)
        references = source.references(summary.id)
        assert list(map(new, references)) == target.references(there.id)
        if summary.id in some:
            referrers = source.referrers(summary.id)
            assert sorted(map(new, referrers)) == sorted(target.referrers(there.id))


# Every pair of kinds


@pytest.mark.parametrize("to", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_circle_with_a_shared_child_comes_back_in_every_kind(
    kind: str, to: str, tmp_path: Path
) -> None:
    with make(kind, tmp_path / "a") as source, make(to, tmp_path / "b") as target:
        id_ = fill(source)
        report = copy(source, target)
        assert (report.total, report.copied, report.verified) == (3, 3, 3)
        assert report.is_complete
        assert bool(report.mapping) == (to == "gc3pie table" and kind != to)
        same_but_for_ids(source, target, report)
        check(target, report.mapping.get(id_, id_))


@pytest.mark.parametrize("to", KINDS)
@pytest.mark.parametrize("name", [*GC3PIE, "session"])
@pytest.mark.parametrize("version", ["python3.7", "python2.7"])
def test_what_gc3pie_wrote_arrives_as_the_manifest_says(
    version: str, name: str, to: str, tmp_path: Path, looks_only: list[str]
) -> None:
    manifest = json.loads((DATA / version / "manifest.json").read_text("utf-8"))
    place = (DATA / version / name).as_posix()
    if name.endswith(".db"):
        place = f"sqlite://{place}{'#table=campaign' if 'table' in name else ''}"
    with make_store(place, read_only=True) as source, make(to, tmp_path / "copy") as target:
        report = copy(source, target)
        assert report.is_complete
        same_but_for_ids(source, target, report)
        new = {id_: report.mapping.get(id_, id_) for id_ in source.list()}
        if name == "session":
            assert sorted(new) == sorted(manifest["session"]["listed"])
            return
        objects = manifest["stores"][name]["objects"]
        assert new.keys() == objects.keys()
        for summary in target.summaries():
            (old,) = [id_ for id_ in new if new[id_] == summary.id]
            assert summary.type == objects[old]["class"]
            assert summary.state == objects[old]["state"]
            assert summary.name == objects[old]["jobname"]
            linked = [new.get(id_, id_) for id_ in objects[old].get("refs", [])]
            assert sorted(target.references(summary.id)) == sorted(linked)
        if to != "jobshelf":
            assert report.missing == (manifest["stores"][name]["dangling"],)


def test_pickles_are_kept_byte_for_byte_where_nothing_needs_another_id(tmp_path: Path) -> None:
    for name in GC3PIE:
        table = "#table=campaign" if "table" in name else ""
        scheme = "sqlite://" if name.endswith(".db") else "file://"
        address = f"{scheme}{(DATA / 'python3.7' / name).as_posix()}{table}"
        with (
            make_store(address, read_only=True) as source,
            make("jobshelf", tmp_path / f"{name} copy") as target,
        ):
            copy(source, target)
            assert contents(target) == contents(source)


def test_numbers_become_texts_in_a_folder_and_numbers_again_in_a_table(tmp_path: Path) -> None:
    with (
        make("gc3pie table", tmp_path / "a") as table,
        make("jobshelf", tmp_path / "b") as middle,
        make("folder", tmp_path / "c") as folder,
        make("gc3pie table", tmp_path / "d") as back,
    ):
        id_ = fill(table)
        copy(table, middle)
        copy(middle, folder)
        copy(folder, back)
        assert contents(middle) == contents(table)
        in_folder = [reference.pid for reference in folder.inspect(id_).references]
        assert all(isinstance(pid, str) for pid in in_folder)
        assert folder.inspect(id_).root.attributes()["persistent_id"] == id_
        again = [reference.pid for reference in back.inspect(id_).references]
        assert [str(pid) for pid in again] == in_folder
        assert all(isinstance(pid, int) for pid in again)
        check(back, id_)


def _server_table(server: Server, name: str) -> str:
    blob = "BYTEA" if server.scheme.startswith("postgresql") else "LONGBLOB"
    server.execute(
        f"CREATE TABLE {name} (id INTEGER NOT NULL, data {blob}, state VARCHAR(128),"
        " PRIMARY KEY (id))"
    )
    return server.url(name)


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_servers_take_and_give_objects_of_every_kind(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: Server = request.getfixturevalue(name)
    for kind in KINDS:
        word = kind.split()[0]
        with (
            make(kind, tmp_path / f"source {kind}") as source,
            make_store(server.url(f"copy_of_{word}")) as target,
            make_store(_server_table(server, f"gc3_of_{word}")) as table,
            make(kind, tmp_path / f"back {kind}") as back,
        ):
            id_ = fill(source)
            report = copy(source, target)
            same_but_for_ids(source, target, report)
            check(target, id_)
            ids_file = tmp_path / f"{kind}.ids"
            report = copy(target, table, ids_file=ids_file)
            assert len(report.mapping) == 3  # numbers from SQLite are too large for the column
            same_but_for_ids(target, table, report)
            check(table, report.mapping.get(id_, id_))
            again = copy(target, table, ids_file=ids_file)
            assert (again.copied, again.present) == (0, 3)
            there = report.mapping.get(id_, id_)
            report = copy(table, back)
            assert report.is_complete
            check(back, report.mapping.get(there, there))


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_takes_the_ids_that_it_gives(kind: str, tmp_path: Path) -> None:
    with make(kind, tmp_path / "a") as store:
        fill(store)
        ids = {store.fresh_id("Job") for _ in range(100)}
        assert len(ids) == 100
        assert all(map(store.takes_id, ids))
        assert not ids & set(store.list())
        assert store.takes_id("../x") == (kind == "jobshelf")


# Some objects only


def test_chosen_objects_go_alone_or_with_all_that_they_lead_to(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        id_ = fill(source)
        source.save(Node("other"))
        alone = copy(source, target, [id_])
        assert target.list() == [id_]
        assert sorted(alone.missing) == sorted(set(source.references(id_)))
        wanted = with_references(source, [id_])
        assert len(wanted) == 3
        report = copy(source, target, wanted)
        assert (report.copied, report.present, report.missing) == (2, 1, ())
        check(target, id_)


def test_an_object_that_is_not_there_is_not_looked_for_twice(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        fill(source)
        with pytest.raises(ObjectNotFound, match=r"Node\.0"):
            copy(source, target, [*source.list(), "Node.0"])
        assert target.list() == []


def test_references_lead_to_what_an_earlier_copy_has_brought(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("gc3pie table", tmp_path / "b") as target:
        id_ = fill(source)
        others = [other for other in source.list() if other != id_]
        first = copy(source, target, others)
        assert first.missing == (id_,)
        second = copy(source, target, [id_])
        assert second.missing == ()
        (new,) = second.mapping.values()
        assert set(target.references(new)) == set(first.mapping.values())


# Conflicts


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Two stores, the second with another object under an ID of the first."""
    with make("folder", tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        for number in range(5):
            source.write(f"Job.{number}", pickle.dumps({"n": number}))
        target.write("Job.3", pickle.dumps("another"))
        target.write("Job.4", pickle.dumps({"n": 4}))
        yield source, target


def test_nothing_is_copied_if_another_object_has_an_id(two: tuple[Store, Store]) -> None:
    source, target = two
    before = contents(target)
    with pytest.raises(ConflictError, match=r"another object 'Job\.3'") as caught:
        copy(source, target)
    assert caught.value.found == sha256(before["Job.3"]).hexdigest()
    assert contents(target) == before


def test_other_objects_are_left_if_asked_and_named(two: tuple[Store, Store]) -> None:
    source, target = two
    report = copy(source, target, on_conflict="skip")
    assert (report.copied, report.present, report.replaced, report.kept) == (3, 1, 0, ("Job.3",))
    assert not report.is_complete
    assert target.read("Job.3") == pickle.dumps("another")
    assert "another object has the ID (Job.3)" in report.sentence


def test_other_objects_are_replaced_if_asked(two: tuple[Store, Store]) -> None:
    source, target = two
    report = copy(source, target, on_conflict="replace")
    assert (report.copied, report.present, report.replaced) == (3, 1, 1)
    assert contents(target) == contents(source)
    assert report.is_complete


def test_a_read_only_target_and_the_source_itself_are_refused(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("jobshelf", tmp_path / "b"):
        fill(source)
        with (
            make_store(f"sqlite://{(tmp_path / 'b').as_posix()}", read_only=True) as target,
            pytest.raises(ReadOnlyError),
        ):
            copy(source, target)
        with make_store(tmp_path / "a") as same, pytest.raises(StoreError, match="onto itself"):
            copy(source, same)


# A source in use


def test_what_is_written_while_a_copy_runs_is_copied_again(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        put(tmp_path / "a", 1200)
        with make_store(tmp_path / "a") as other:
            written = False

            def on_progress(done: int, total: int) -> None:
                nonlocal written
                if done > 0 and not written:
                    written = True
                    other.write("Job.0", pickle.dumps("changed"))  # copied already
                    other.write("Job.9999", pickle.dumps("new"))
                    other.remove("Job.1")  # copied already
                    other.remove("Job.1199")  # not yet

            report = copy(source, target, progress=on_progress)
        assert report.changed == ("Job.0",)
        assert set(report.removed) == {"Job.1", "Job.1199"}
        assert report.is_complete
        expected = contents(source)
        expected["Job.1"] = pickle.dumps(1)
        assert contents(target) == expected
        assert report.verified == len(expected)


def test_what_never_stops_changing_is_named(tmp_path: Path) -> None:
    with make("jobshelf", tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        source.write("Job.1", pickle.dumps(0))
        source.write("Job.2", pickle.dumps(0))
        count = 0

        def on_progress(done: int, total: int) -> None:
            nonlocal count
            count += 1
            source.write("Job.1", pickle.dumps(count))

        report = copy(source, target, progress=on_progress)
        assert report.outdated == ("Job.1",)
        assert report.changed == ()
        assert not report.is_complete
        assert "copy again later (Job.1)" in report.sentence


def test_a_copy_beside_a_writer_ends_with_what_the_writer_left(tmp_path: Path) -> None:
    """A thread writes and removes all the time; in the end both stores are the same."""
    with make("jobshelf", tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        source.apply([Edit(f"Job.{number}", pickle.dumps(number)) for number in range(1500)])
        begun, over = threading.Event(), threading.Event()

        def write() -> None:
            with make_store(f"sqlite://{(tmp_path / 'a').as_posix()}") as other:
                begun.wait()
                for number in range(0, 1500, 70):
                    other.write(f"Job.{number}", pickle.dumps(("changed", number)))
            over.set()

        writer = threading.Thread(target=write)
        writer.start()

        def on_progress(done: int, total: int) -> None:
            begun.set()
            if done == total // 2:  # all is written: the rest is catching up, then reading back
                over.wait()

        report = copy(source, target, progress=on_progress)
        writer.join()
        assert report.is_complete
        assert contents(target) == contents(source)


def test_who_changes_the_copy_meanwhile_is_told_on(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        put(tmp_path / "a", 3)

        def on_progress(done: int, total: int) -> None:
            if done == 3:
                target.write("Job.1", pickle.dumps("mine"))

        report = copy(source, target, progress=on_progress)
        assert report.differing == ("Job.1",)
        assert report.verified == 2
        assert not report.is_complete


def test_what_cannot_be_read_or_understood_is_named_and_the_rest_is_copied(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("gc3pie table", tmp_path / "b") as target:
        source.write("Job.1", pickle.dumps(1))
        source.write("Job.2", b"\x80\x04damaged")
        source.write("Job.3", pickle.dumps(3))
        report = copy(source, target)
        assert report.unlinked == ("Job.2",)
        assert report.verified == 3
        assert target.read(report.mapping["Job.2"]) == b"\x80\x04damaged"


def test_an_object_that_the_disk_does_not_give_is_named_and_the_rest_is_copied(
    tmp_path: Path,
) -> None:
    class Failing(FilesystemStore):
        """As on a disk with a bad sector, or with a file that nobody may read."""

        def _read_file(self, id_: str, path: Path) -> Record | None:
            if id_ == "Job.1":
                raise LoadError("It cannot be read.", id_=id_)
            return super()._read_file(id_, path)

    (tmp_path / "a").mkdir()
    put(tmp_path / "a", 3)
    with Failing(tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        report = copy(source, target)
        assert report.unreadable == ("Job.1",)
        assert target.list() == ["Job.0", "Job.2"]
        assert not report.is_complete


def test_what_could_not_be_read_at_first_is_copied_when_it_is_whole(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("gc3pie table", tmp_path / "b") as target:
        put(tmp_path / "a", 3)
        whole = pickle.dumps("whole")
        (tmp_path / "a" / "Job.1").write_bytes(whole[:5])

        def on_progress(done: int, total: int) -> None:
            if done == 3 and source.read("Job.1") != whole:
                (tmp_path / "a" / "Job.1").write_bytes(whole)

        report = copy(source, target, progress=on_progress)
        assert report.is_complete
        assert report.changed == ("Job.1",)
        assert target.read(report.mapping["Job.1"]) == whole


# Ending it, and going on


class _Enough(Exception):
    pass


def test_a_cancelled_copy_goes_on_where_it_was(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("gc3pie table", tmp_path / "b") as target:
        put(tmp_path / "a", 1200)

        def stop(done: int, total: int) -> None:
            if done:
                raise _Enough

        with pytest.raises(_Enough):
            copy(source, target, progress=stop)
        done = len(target)
        assert 0 < done < 1200
        report = copy(source, target)
        assert (report.present, report.copied) == (done, 1200 - done)
        assert len(target) == 1200


_KILLED = """
import os, sys
from persistence import make_store
from persistence.transfer import copy

def progress(done, total):
    print(done, flush=True)
    if done:
        sys.stdin.read()  # until it is killed

copy(make_store(sys.argv[1]), make_store(sys.argv[2]), progress=progress)
"""


@pytest.mark.parametrize("to", KINDS)
def test_a_copy_that_was_killed_goes_on_where_it_was(to: str, tmp_path: Path) -> None:
    with make("jobshelf", tmp_path / "a") as source, make(to, tmp_path / "b") as target:
        nodes = [Node(f"n{number}") for number in range(600)]
        for number, node in enumerate(nodes):
            node.children.append(nodes[number - 1])
        (id_, *_) = source.save_many(nodes)
        command = [sys.executable, "-c", _KILLED, str(source.url), str(target.url)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            done = next(int(line) for line in child.stdout if int(line))
            child.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        assert done == len(target)
        assert 0 < done < 600
        report = copy(source, target)
        assert (report.present, report.copied, report.verified) == (done, 600 - done, 600)
        loaded = target.load(report.mapping.get(id_, id_))
        for _ in range(600):
            (loaded,) = loaded.children
        assert loaded.name == "n0"


def test_two_copies_of_the_same_stores_do_not_give_two_ids_to_an_object(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("gc3pie table", tmp_path / "b") as target:
        fill(source)

        def again(done: int, total: int) -> None:
            with pytest.raises(StoreError, match="is being copied to"):
                copy(source, target)

        report = copy(source, target, progress=again)
        assert report.copied == len(target) == 3


def test_an_ids_file_of_other_stores_or_cut_short_is_not_believed(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("gc3pie table", tmp_path / "b") as target:
        fill(source)
        ids_file = usual_ids_file(source, target)
        assert ids_file is not None
        report = copy(source, target)
        text = ids_file.read_text("utf-8")
        ids_file.write_text(text[:-5], "utf-8")  # the last line was never whole
        with (
            make("gc3pie table", tmp_path / "c") as other,
            pytest.raises(StoreError, match="other"),
        ):
            copy(source, other, ids_file=ids_file)
        again = copy(source, target, on_conflict="skip")
        same = set(again.mapping.items()) & set(report.mapping.items())
        assert len(same) == 2


# Odd IDs


def test_ids_that_name_no_file_are_replaced_in_a_folder(tmp_path: Path) -> None:
    with make("jobshelf", tmp_path / "a") as source, make("folder", tmp_path / "b") as target:
        child = Node("child")
        child.persistent_id = "../outside/Job.7"
        id_ = source.save(Node("root", child))
        report = copy(source, target)
        (new,) = report.mapping.values()
        assert target.references(id_) == [new]
        assert target.load(id_).children[0].name == "child"
        assert not list(tmp_path.rglob("outside"))
        copied_again = copy(source, target)
        assert copied_again.present == 2


def test_further_columns_of_a_gc3pie_table_go_along(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.execute(
                "CREATE TABLE store (id INTEGER NOT NULL, data BLOB, state VARCHAR(128),"
                " queue TEXT, PRIMARY KEY (id))"
            )
    with closing(sqlite3.connect(tmp_path / "a")) as connection, connection:
        connection.execute("INSERT INTO store VALUES (7, ?, 'NEW', 'long')", (pickle.dumps(7),))
    with SqlStore(tmp_path / "a") as source, SqlStore(tmp_path / "b") as target:
        copy(source, target)
    with closing(sqlite3.connect(tmp_path / "b")) as connection:
        assert connection.execute("SELECT id, state, queue FROM store").fetchall() == [
            (7, "NEW", "long")
        ]


def test_a_foreign_store_that_cannot_tell_changes_is_copied_once(tmp_path: Path) -> None:
    class Foreign(FilesystemStore):
        def changes(self, since: Any = None) -> Any:
            raise NotImplementedError

    (tmp_path / "a").mkdir()
    with Foreign(tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        id_ = fill(source)
        assert copy(source, target).is_complete
        check(target, id_)


def test_memory_does_not_grow_with_what_the_objects_hold(tmp_path: Path) -> None:
    """Copies 200 MB under a limit that has room for some batches only."""
    with make("folder", tmp_path / "a") as source:
        for number in range(50):
            source.apply([Edit(f"Job.{number}", pickle.dumps(os.urandom(4 * 1024 * 1024)))])
    script = """
import resource, sys, tracemalloc
from persistence import make_store
from persistence.transfer import copy
with make_store(sys.argv[1]) as source, make_store(sys.argv[2]) as target:
    tracemalloc.start()
    assert copy(source, target).verified == 50
    print(tracemalloc.get_traced_memory()[1])
"""
    address = f"sqlite://{(tmp_path / 'b').as_posix()}"
    done = subprocess.run(
        [sys.executable, "-c", script.replace("resource, ", ""), str(tmp_path / "a"), address],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 80 * 1024 * 1024


def test_progress_never_goes_back_and_ends_at_the_end(tmp_path: Path) -> None:
    with make("folder", tmp_path / "a") as source, make("jobshelf", tmp_path / "b") as target:
        fill(source)
        seen: list[tuple[int, int]] = []
        record: Callable[[int, int], None] = lambda done, total: seen.append((done, total))  # noqa: E731
        copy(source, target, progress=record)
        assert seen == sorted(seen)
        assert seen[-1] == (6, 6)
