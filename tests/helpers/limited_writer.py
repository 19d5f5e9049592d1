"""Runs as a program: changes a store in children whose files may not grow beyond n bytes.

The system itself cuts a write short at the n-th byte of any file, then refuses the rest (EFBIG)
or kills the process (SIGXFSZ) there, in the middle of SQLite's commit as in ours: no linker and
no file system of its own is needed. For every n, the store must hold what it held before, or
all of the change. Prints what happened, as JSON.

    python -m tests.helpers.limited_writer KIND refuse|kill FOLDER STEP
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from app.actions.journal import Act, Journal, JournalRecord
from persistence import Edit, make_store
from persistence.errors import StoreError
from persistence.records import RecordStore
from persistence.store import ABSENT

DONE, REFUSED, WRONG = 0, 3, 4
_LARGE = b"\x80\x04B" + (30_000).to_bytes(4, "little") + b"x" * 30_000 + b"."
_SMALL = b"I1\n."
_CEILING = 512 * 1024  # bytes: by then every change here succeeds


class StoreTrial:
    """A change of several objects of a store."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def address(self, folder: Path) -> str:
        return str(folder) if self.kind == "file" else f"sqlite://{folder}/x.db"

    def fill(self, folder: Path) -> None:
        folder.mkdir()
        if self.kind == "gc3pie":
            with closing(sqlite3.connect(folder / "x.db")) as connection:
                connection.execute(
                    "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))"
                )
        with make_store(self.address(folder)) as store:
            store.apply([Edit(id_, _SMALL, ABSENT) for id_ in ("1", "2", "3")])

    def change(self, folder: Path) -> None:
        with make_store(self.address(folder), create=False) as store:
            store.apply(
                [
                    Edit("1", _LARGE, _SMALL),
                    Edit("2", None, _SMALL),
                    Edit("4", _LARGE, ABSENT),
                    Edit("5", _SMALL, ABSENT),
                ]
            )

    def state(self, folder: Path) -> Any:
        with make_store(self.address(folder), create=False) as store:
            assert isinstance(store, RecordStore)
            found = {record.id_: hash(record.data) for record in store.records()}
            store.write("9", _SMALL)  # it can be written to
        if self.kind != "file":
            with closing(sqlite3.connect(folder / "x.db")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return found


class JournalTrial:
    """An entry of the journal of undo."""

    def fill(self, folder: Path) -> None:
        folder.mkdir()
        self.change(folder)

    def change(self, folder: Path) -> None:
        records = [JournalRecord(str(n), _LARGE, _SMALL) for n in range(3)]
        Journal(folder / "journal.db").begin("file:///x", Act.EDIT, "Edit", records)

    def state(self, folder: Path) -> Any:
        journal = Journal(folder / "journal.db")
        entries = journal.entries("file:///x")
        assert all(len(journal.records(entry.key)) == entry.count == 3 for entry in entries)
        return len(entries)


def main(kind: str, way: str, place: str, step: int) -> None:
    trial: Any = JournalTrial() if kind == "journal" else StoreTrial(kind)
    folder = Path(place)
    trial.fill(folder / "filled")
    before = _in_copy(folder, trial.state)
    after = _in_copy(folder, lambda copy: (trial.change(copy), trial.state(copy))[1])
    assert before != after
    seen = {"tried": 0, "done": 0, "refused": 0, "killed": 0, "before": 0, "after": 0}
    for limit in range(0, _CEILING, step):
        outcome, state = _in_copy(folder, lambda copy, n=limit: _attempt(trial, copy, way, n))
        assert state in (before, after), (limit, outcome, state)
        assert state == after or outcome != "done", (limit, outcome)
        seen["tried"] += 1
        seen[outcome] += 1
        seen["after" if state == after else "before"] += 1
        if outcome == "done":
            break
    print(json.dumps(seen))


def _in_copy(folder: Path, function: Callable[[Path], Any]) -> Any:
    copy = folder / "copy"
    shutil.copytree(folder / "filled", copy)
    try:
        return function(copy)
    finally:
        shutil.rmtree(copy)


def _attempt(trial: Any, copy: Path, way: str, limit: int) -> tuple[str, Any]:
    child = os.fork()
    if child == 0:
        os._exit(_limited(trial, copy, way, limit))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGXFSZ, status
        outcome = "killed"
    else:
        code = os.waitstatus_to_exitcode(status)
        assert code in (DONE, REFUSED), (limit, code)
        outcome = "done" if code == DONE else "refused"
    return outcome, trial.state(copy)


def _limited(trial: Any, copy: Path, way: str, limit: int) -> int:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if way == "kill" else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        trial.change(copy)
    except StoreError as error:
        return REFUSED if str(error).isprintable() and error.advice else WRONG
    except BaseException as error:
        sys.stderr.write(f"{limit}: {error!r}\n")
        return WRONG
    return DONE


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
