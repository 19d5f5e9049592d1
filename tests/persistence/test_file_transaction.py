"""Changes of a folder that happen wholly or not at all, whatever fails."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from persistence import Edit, FilesystemStore, files
from persistence.errors import StoreError
from persistence.store import ABSENT
from persistence.testing import Node
from tests.helpers.faults import Disk, Fault, Killed, Way, power_cuts, write_down

LOCK = ".jobshelf-lock.OLD"
Content = dict[str, bytes]


class Numbers:
    """Gives the same IDs every time."""

    def __init__(self, first: int) -> None:
        self.next = first

    def new(self, obj: object) -> str:
        self.next += 1
        return f"Node.{self.next}"


def save_graph(store: FilesystemStore) -> None:
    shared = Node("shared")
    store.save(Node("root", Node("child", shared), shared))


def replace_with_a_child(store: FilesystemStore) -> None:
    store.replace("Node.1", Node("new", Node("its child")))


def replace_one(store: FilesystemStore) -> None:
    store.replace("Node.1", Node("new" * 50))


def change_many(store: FilesystemStore) -> None:
    store.apply(
        [
            Edit("Node.1", None),
            Edit("Node.2", b"N.", store.read("Node.2")),
            Edit("Node.3", None),
            Edit("Node.9", b"I9\n.", ABSENT),
        ]
    )


CHANGES: dict[str, Callable[[FilesystemStore], None]] = {
    "save a graph": save_graph,
    "save one": lambda store: store.write("Node.9", b"I9\n.", ABSENT),
    "replace one": replace_one,
    "replace with a child": replace_with_a_child,
    "remove one": lambda store: store.remove("Node.2"),
    "change many": change_many,
    "remove many": lambda store: store.apply([Edit("Node.1", None), Edit("Node.2", None)]),
    # An interrupted save of GC3Pie left a backup, which is removed with its object.
    "remove one with its backup": lambda store: store.remove("Node.3"),
}


def opened(folder: Path, **options: Any) -> FilesystemStore:
    return FilesystemStore(folder, idfactory=Numbers(100), **options)


def fill(folder: Path) -> None:
    with FilesystemStore(folder, idfactory=Numbers(0)) as store:
        store.save_many([Node("1"), Node("2", Node("3"))])
    shutil.copy(folder / "Node.3", folder / "Node.3.OLD")


def content(folder: Path, **options: Any) -> Content:
    with opened(folder, **options) as store:
        return {record.id_: record.data for record in store.records()}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Disk` knows what is flushed; the real disk need not do it thousands of times."""
    monkeypatch.setattr(files, "_flush", lambda descriptor: None)


@dataclass
class Trial:
    """One change of a folder, and what it leads from and to."""

    change: Callable[[FilesystemStore], None]
    folder: Path
    before: Content
    after: Content
    calls: int

    @contextmanager
    def fresh(self, number: int) -> Iterator[Path]:
        folder = self.folder / str(number)
        shutil.copytree(self.folder / "filled", folder)
        yield folder
        shutil.rmtree(folder)


@pytest.fixture(params=CHANGES)
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Trial:
    change = CHANGES[request.param]
    fill(tmp_path / "filled")
    before = content(tmp_path / "filled")
    shutil.copytree(tmp_path / "filled", tmp_path / "count")
    disk = Disk(tmp_path / "count")
    with disk.in_use(), opened(tmp_path / "count") as store:
        change(store)
    after = content(tmp_path / "count")
    assert before != after
    assert disk.calls >= 2
    return Trial(change, tmp_path, before, after, disk.calls)


def check_whole(trial: Trial, folder: Path) -> Content:
    """Look at a folder, read-only and then for writing; return what is in it."""
    looked = content(folder, read_only=True)  # sees it before any repair
    now = content(folder)
    assert now in (trial.before, trial.after)
    assert looked == now
    names = {path.name for path in folder.iterdir()} - {LOCK, "Node.3.OLD", ".jobshelf-new.OLD"}
    assert names == set(now)
    # Whatever was left behind keeps nobody from writing, and is gone then.
    with opened(folder) as store:
        store.write("Node.7", b"N.")
    names = {path.name for path in folder.iterdir()} - {LOCK, "Node.3.OLD"}
    assert names == {*now, "Node.7"}
    return now


@pytest.mark.parametrize("way", [Way.KILLED, Way.KILLED_AFTER, Way.SHORT])
def test_a_kill_at_any_call_leaves_the_state_before_or_after(trial: Trial, way: Way) -> None:
    seen = set()
    for n in range(1, trial.calls + 1):
        with trial.fresh(n) as folder:
            disk = Disk(folder, Fault(n, way))
            with disk.in_use(), opened(folder) as store:
                try:
                    trial.change(store)
                except (Killed, StoreError):
                    acknowledged = False
                else:
                    acknowledged = True
            now = check_whole(trial, folder)
            assert now == trial.after or not acknowledged
            seen.add(now == trial.after)
    assert True in seen or way is Way.SHORT


@pytest.mark.parametrize(
    ("code", "stays"),
    [(errno.ENOSPC, True), (errno.EIO, False), (errno.EACCES, False), (errno.EROFS, True)],
    ids=["full", "faulty once", "not allowed once", "read-only from then on"],
)
@pytest.mark.parametrize("way", [Way.REFUSED, Way.REPORTED])
def test_a_disk_that_refuses_any_call_leaves_the_state_before_or_after(
    trial: Trial, code: int, stays: bool, way: Way
) -> None:
    for n in range(1, trial.calls + 1):
        with trial.fresh(n) as folder:
            disk = Disk(folder, Fault(n, way, code, stays))
            with disk.in_use(), opened(folder) as store:
                try:
                    trial.change(store)
                except StoreError as error:
                    acknowledged = False
                    assert str(folder) in str(error)
                    assert error.advice
                    assert "\n" not in str(error)
                else:
                    acknowledged = True
            now = check_whole(trial, folder)
            assert now == trial.after or not acknowledged


def test_a_power_cut_at_any_moment_leaves_the_state_before_or_after(trial: Trial) -> None:
    folder = trial.folder / "recorded"
    fill(folder)
    disk = Disk(folder)
    with disk.in_use(), opened(folder) as store:
        trial.change(store)
        done = len(disk.steps)
        store.write("Node.8", b"N.")  # what follows must not bring back what was before
    seen, cuts = set(), 0
    later = {**trial.after, "Node.8": b"N."}
    for count in range(len(disk.steps) + 1):
        for left in power_cuts(disk, count):
            cuts += 1
            copy = trial.folder / "cut"
            write_down(left, copy)
            looked, now = content(copy, read_only=True), content(copy)
            assert looked == now
            if count < done:
                assert now in (trial.before, trial.after)
            elif count < len(disk.steps):
                assert now in (trial.after, later)
            else:
                assert now == later
            seen.add(now == trial.before)
            shutil.rmtree(copy)
    assert seen == {True, False}
    assert cuts > len(disk.steps)


def test_other_programs_see_no_file_of_ours_as_an_object(trial: Trial) -> None:
    for n in range(1, trial.calls + 1):
        with trial.fresh(n) as folder:
            disk = Disk(folder, Fault(n, Way.KILLED))
            with disk.in_use(), opened(folder) as store, pytest.raises(Killed):
                trial.change(store)
            # What GC3Pie's FilesystemStore.list returns:
            listed = {name for name in os.listdir(folder) if not name.endswith(".OLD")}
            assert listed <= set(trial.before) | set(trial.after)


def test_a_folder_made_for_a_store_outlives_a_power_cut(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with disk.in_use(), FilesystemStore(tmp_path / "a" / "b") as store:
        store.write("A.1", b"N.")
    for number, left in enumerate(power_cuts(disk, len(disk.steps))):
        write_down(left, tmp_path / f"cut{number}")
        assert content(tmp_path / f"cut{number}" / "a" / "b") == {"A.1": b"N."}


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("Windows has other permissions")
    with FilesystemStore(tmp_path) as store:
        store.apply([Edit("A.1", b"N."), Edit("A.2", b"N.")])
        for name in ("A.1", "A.2"):
            (tmp_path / name).chmod(0o600)
        store.write("A.1", b"I1\n.")
        store.apply([Edit("A.1", b"I2\n."), Edit("A.2", b"I2\n.")])
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("A.1", "A.2")] == [0o600] * 2


class TestATransactionOfAStranger:
    """A store that was downloaded may come with a transaction folder."""

    @pytest.fixture
    def jobs(self, tmp_path: Path) -> Path:
        folder = tmp_path / "jobs"
        fill(folder)
        (tmp_path / "precious").write_text("mine")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "Node.1").write_text("mine")
        return folder

    def commit(self, jobs: Path, names: object) -> Path:
        transaction = jobs / ".jobshelf-transaction.OLD"
        (transaction / "files").mkdir(parents=True)
        text = names if isinstance(names, str) else json.dumps(names)
        (transaction / "commit").write_text(text)
        return transaction

    def check_untouched(self, jobs: Path) -> None:
        before = content(jobs, read_only=True)
        with opened(jobs) as store:
            assert {record.id_: record.data for record in store.records()} == before
            with pytest.raises(StoreError, match="interrupted change"):
                store.write("Node.1", b"N.")
        assert set(before) == {"Node.1", "Node.2", "Node.3"}
        assert (jobs.parent / "precious").read_text() == "mine"
        assert (jobs.parent / "elsewhere" / "Node.1").read_text() == "mine"

    @pytest.mark.parametrize(
        "names",
        [
            {"../precious": False},
            {"../precious": True},
            {"/etc/hostname": True},
            {"": True},
            {"..": False},
            {".": True},
            {"Node.1\0": False},
            {"Node.1": None},
            {"Node.1": "x"},
            ["Node.1"],
            "{",
            "[" * 100_000,
            '"\ud800',
            "7",
        ],
        ids=str,
    )
    def test_names_no_file_elsewhere(self, jobs: Path, names: object) -> None:
        if isinstance(names, str):
            names = names.encode("utf-8", "replace").decode()
        self.commit(jobs, names)
        self.check_untouched(jobs)

    def test_is_not_followed_where_it_is_a_link(self, jobs: Path) -> None:
        real = self.commit(jobs, {"Node.1": False})
        real.rename(jobs.parent / "moved")
        real.symlink_to(jobs.parent / "moved")
        self.check_untouched(jobs)
        assert (jobs.parent / "moved" / "commit").exists()

    def test_takes_no_files_through_a_link(self, jobs: Path) -> None:
        transaction = self.commit(jobs, {"Node.1": True})
        (transaction / "files").rmdir()
        (transaction / "files").symlink_to(jobs.parent / "elsewhere")
        self.check_untouched(jobs)

    def test_moves_no_link_into_the_store(self, jobs: Path) -> None:
        transaction = self.commit(jobs, {"Node.1": True})
        (transaction / "files" / "Node.1").symlink_to(jobs.parent / "precious")
        before = (jobs / "Node.1").read_bytes()
        with opened(jobs) as store:
            store.write("Node.2", b"N.")
        assert (jobs / "Node.1").read_bytes() == before

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")
    def test_waits_for_nobody(self, jobs: Path) -> None:
        transaction = self.commit(jobs, {})
        (transaction / "commit").unlink()
        os.mkfifo(transaction / "commit")
        self.check_untouched(jobs)

    @pytest.mark.parametrize("name", [".jobshelf-new.OLD", LOCK])
    def test_nothing_is_written_through_a_link(self, jobs: Path, name: str) -> None:
        (jobs / name).unlink(missing_ok=True)
        (jobs / name).symlink_to(jobs.parent / "precious")
        with opened(jobs) as store:
            if name == LOCK:
                with pytest.raises(StoreError, match="cannot be locked"):
                    store.write("Node.1", b"N.")
            else:
                store.write("Node.1", b"N.")
                assert (jobs / "Node.1").read_bytes() == b"N."
        assert (jobs.parent / "precious").read_text() == "mine"
