"""Changes of files that happen wholly or not at all, whatever fails."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from persistence import FilesystemStore
from persistence.file_transaction import FileTransaction

BEFORE = {"A.1": b"one.", "A.2": b"two.", "A.3": b"three."}
CHANGES: dict[str, bytes | None] = {"A.1": b"uno.", "A.2": None, "A.4": b"quattro."}
AFTER = {"A.1": b"uno.", "A.3": b"three.", "A.4": b"quattro."}


class PowerLoss(BaseException):
    """The process is gone: nothing of it runs any more."""


class Fault:
    """Counts calls of the functions that change the disk, and fails at the n-th."""

    def __init__(self, at: int, make: Callable[[], BaseException], *, stays: bool) -> None:
        self.at, self.make, self.stays, self.calls = at, make, stays, 0

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self.at or (self.stays and self.calls > self.at):
                raise self.make()
            return function(*args, **kwargs)

        return wrapped


def inject(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    for owner, name in (
        (os, "replace"),
        (os, "fsync"),
        (Path, "open"),
        (Path, "unlink"),
        (Path, "mkdir"),
        (shutil, "rmtree"),
    ):
        monkeypatch.setattr(owner, name, fault.wrap(getattr(owner, name)))


def content(folder: Path) -> dict[str, bytes]:
    with FilesystemStore(folder) as store:
        return {record.id_: record.data for record in store.records()}


def fill(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in BEFORE.items():
        (folder / name).write_bytes(data)


def faults(tmp_path: Path) -> int:
    """Return how many calls a whole transaction makes."""
    fill(tmp_path / "count")
    counting = Fault(0, PowerLoss, stays=False)
    with pytest.MonkeyPatch.context() as patch:
        inject(patch, counting)
        FileTransaction(tmp_path / "count").run(CHANGES)
    assert content(tmp_path / "count") == AFTER
    return counting.calls


def test_power_lost_at_any_call_leaves_the_state_before_or_after(tmp_path: Path) -> None:
    seen = set()
    for n in range(1, faults(tmp_path) + 1):
        folder = tmp_path / str(n)
        fill(folder)
        with pytest.MonkeyPatch.context() as patch:
            inject(patch, Fault(n, PowerLoss, stays=True))
            with pytest.raises(PowerLoss):
                FileTransaction(folder).run(CHANGES)
        with FilesystemStore(folder, read_only=True) as store:  # sees it before any repair
            looked = {record.id_: record.data for record in store.records()}
        now = content(folder)
        assert now in (BEFORE, AFTER)
        assert looked == now
        seen.add(now == AFTER)
        assert {path.name for path in folder.iterdir()} - {".jobshelf-lock.OLD"} == set(now)
    assert seen == {False, True}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_one_refusal_of_the_disk_leaves_the_state_before_or_after(
    tmp_path: Path, code: int
) -> None:
    for n in range(1, faults(tmp_path) + 1):
        folder = tmp_path / str(n)
        fill(folder)
        with pytest.MonkeyPatch.context() as patch:
            inject(patch, Fault(n, lambda: OSError(code, os.strerror(code)), stays=False))
            with contextlib.suppress(OSError):
                FileTransaction(folder).run(CHANGES)
        assert content(folder) in (BEFORE, AFTER)


def test_a_single_file_is_replaced_at_once_or_not_at_all(tmp_path: Path) -> None:
    for n in range(1, 5):
        folder = tmp_path / str(n)
        fill(folder)
        with pytest.MonkeyPatch.context() as patch:
            inject(patch, Fault(n, PowerLoss, stays=True))
            with pytest.raises(PowerLoss):
                FileTransaction(folder).run({"A.1": b"uno."})
        assert content(folder) in (BEFORE, {**BEFORE, "A.1": b"uno."})


def test_other_programs_see_no_file_of_ours_as_an_object(tmp_path: Path) -> None:
    fill(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        inject(patch, Fault(7, PowerLoss, stays=True))
        with pytest.raises(PowerLoss):
            FileTransaction(tmp_path).run(CHANGES)
    # What GC3Pie's FilesystemStore.list returns:
    listed = [name for name in os.listdir(tmp_path) if not name.endswith(".OLD")]
    assert set(listed) <= set(BEFORE) | set(AFTER)
