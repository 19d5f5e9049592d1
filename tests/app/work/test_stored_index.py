"""Stored indexes: found again, kept current, never trusted blindly, and bounded."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.work.index import Entry, RowIndex
from app.work.index_files import IndexFolder
from app.work.inspector import Inspector
from app.work.records import Row, RowQuery
from app.work.session import StoreSession
from persistence import Edit, FilesystemStore, make_store

Answer = Callable[[Any], Any]
Open = Callable[..., StoreSession]

ALL = RowQuery()
TIMEOUT = 15_000
_GC3PIE = "CREATE TABLE store (id INTEGER NOT NULL, data BLOB, state VARCHAR(128), PRIMARY KEY(id))"


@pytest.fixture
def indexes(tmp_path: Path) -> IndexFolder:
    return IndexFolder(tmp_path / "indexes", 10**9)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The pickles that were given to the scanner."""
    seen: list[bytes] = []
    digests = Inspector.digests

    def counting(self: Inspector, pickles: Any, progress: Any = None) -> Any:
        seen.extend(pickles)
        return digests(self, pickles, progress)

    monkeypatch.setattr(Inspector, "digests", counting)
    return seen


def job(n: int, **more: Any) -> bytes:
    return pickle.dumps({"name": f"job {n}", "state": "NEW", **more}, 2)


def make(tmp_path: Path, kind: str, count: int = 40) -> Path:
    if kind == "folder":
        path = tmp_path / "jobs"
        with FilesystemStore(path) as store:
            store.apply([Edit(f"Job.{n}", job(n)) for n in range(count)])
        return path
    path = tmp_path / "jobs.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(_GC3PIE)
        db.executemany("INSERT INTO store VALUES (?, ?, '')", [(n, job(n)) for n in range(count)])
    return path


def names(session: StoreSession, answer: Answer) -> dict[str, str]:
    return {row.id: row.name for row in answer(session.page(ALL, 0, 1_000))}


def entry(id_: str, **fields: Any) -> Entry:
    known = {"type": "lab.Job", "state": None, "name": None, "modified": None, "size": 10}
    return Entry(Row(id_, **{**known, **fields}), 1, ("other",), "stamp")


@pytest.mark.parametrize("kind", ["folder", "table"])
def test_only_what_changed_meanwhile_is_read_again(
    kind: str,
    tmp_path: Path,
    indexes: IndexFolder,
    open_session: Open,
    answer: Answer,
    decoded: list[bytes],
) -> None:
    path = make(tmp_path, kind)
    session = open_session(path, indexes=indexes)
    before = names(session, answer)
    assert len(decoded) >= 40
    session.close()
    prefix = "Job." if kind == "folder" else ""
    with make_store(str(path)) as store:
        store.apply(
            [
                Edit(f"{prefix}3", job(3, name="other", more=1)),
                Edit(f"{prefix}4", None),
                Edit(f"{prefix}99", job(99)),
            ]
        )
    decoded.clear()
    session = open_session(path, indexes=indexes)
    assert sorted(pickle.loads(data)["name"] for data in decoded) == ["job 99", "other"]
    expected = {**before, f"{prefix}3": "other", f"{prefix}99": "job 99"}
    del expected[f"{prefix}4"]
    assert names(session, answer) == expected
    assert answer(session.count(ALL)) == 40
    session.close()
    decoded.clear()
    assert names(open_session(path, indexes=indexes), answer) == expected
    assert not decoded


def test_stored_rows_are_there_before_the_store_is_looked_through(
    tmp_path: Path,
    indexes: IndexFolder,
    open_session: Open,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = make(tmp_path, "folder")
    open_session(path, indexes=indexes).close()
    session = open_session(path, indexes=indexes, whole=False)
    session.pause_scan()
    assert answer(session.count(ALL)) == 40
    assert not session.is_scanned


def test_a_scan_that_was_cut_short_goes_on_where_it_was(
    tmp_path: Path,
    indexes: IndexFolder,
    open_session: Open,
    answer: Answer,
    decoded: list[bytes],
    qtbot: QtBot,
) -> None:
    path = make(tmp_path, "table", 9_000)
    session = open_session(path, indexes=indexes, whole=False)
    with qtbot.waitSignal(
        session.scan_progressed, check_params_cb=lambda done, total: 2_000 < done < total
    ):
        pass
    session.pause_scan()
    paused = answer(session.count(ALL))
    assert not session.is_scanned
    session.close()
    assert paused < 9_000
    decoded.clear()
    session = open_session(path, indexes=indexes)
    assert answer(session.count(ALL)) == 9_000
    assert len(decoded) <= 9_000 - 2_000 + 256


def test_a_paused_scan_goes_on_when_told_to(
    tmp_path: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(make(tmp_path, "table", 5_000), whole=False)
    session.pause_scan()
    session.refresh()
    qtbot.waitUntil(lambda: session.is_scanned, timeout=TIMEOUT)
    assert answer(session.count(ALL)) == 5_000


def test_two_windows_on_one_store_share_what_is_there_and_not_the_file(
    tmp_path: Path, indexes: IndexFolder, open_session: Open, answer: Answer, decoded: list[bytes]
) -> None:
    path = make(tmp_path, "folder")
    first = open_session(path, indexes=indexes)
    decoded.clear()
    second = open_session(path, indexes=indexes)
    assert not decoded
    assert names(second, answer) == names(first, answer)
    with FilesystemStore(path) as store:
        store.apply([Edit("Job.99", job(99))])
    for session in (first, second):
        session.refresh()
        answer(session.call(lambda _: None, ["Job.99"]))
        assert answer(session.count(ALL)) == 41


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database", b"SQLite format 3\0" + bytes(4_000)],
    ids=["empty", "text", "broken"],
)
def test_a_file_that_is_no_index_is_thrown_away(
    content: bytes, tmp_path: Path, indexes: IndexFolder, open_session: Open, answer: Answer
) -> None:
    path = make(tmp_path, "folder")
    open_session(path, indexes=indexes).close()
    (file,) = (tmp_path / "indexes").glob("*.db")
    file.write_bytes(content)
    assert len(names(open_session(path, indexes=indexes), answer)) == 40


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 5",
        "UPDATE meta SET value = 'other' WHERE key = 'identity'",
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END",
        "ALTER TABLE entry ADD COLUMN more",
    ],
)
def test_an_index_of_another_form_or_store_is_not_used(
    statement: str, indexes: IndexFolder
) -> None:
    file = indexes.claim("here")
    index = RowIndex(file)
    index.put([entry("a")])
    index.close()
    assert file is not None
    index = RowIndex(indexes.claim("here"))
    assert len(index) == 1
    index.close()
    with closing(sqlite3.connect(file.path)) as db, db:
        db.execute(statement)
    index = RowIndex(indexes.claim("here"))
    assert len(index) == 0
    index.put([entry("b")])
    assert "b" in index
    index.close()


def test_an_index_that_turns_out_to_be_damaged_is_made_anew(
    tmp_path: Path, indexes: IndexFolder, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    path = make(tmp_path, "folder", 400)
    open_session(path, indexes=indexes).close()
    (file,) = (tmp_path / "indexes").glob("*.db")
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.seek(2 * 4096)
        stream.write(os.urandom(size - 2 * 4096))  # the schema and the first page stay
    session = open_session(path, indexes=indexes, whole=False)
    qtbot.waitUntil(lambda: session.is_scanned, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: answer(session.count(ALL)) == 400, timeout=TIMEOUT)
    assert len(names(session, answer)) == 400


def test_an_index_can_be_made_anew(
    tmp_path: Path,
    indexes: IndexFolder,
    open_session: Open,
    answer: Answer,
    decoded: list[bytes],
    qtbot: QtBot,
) -> None:
    session = open_session(make(tmp_path, "folder"), indexes=indexes)
    decoded.clear()
    session.rebuild_index()
    qtbot.waitUntil(lambda: len(decoded) >= 40 and session.is_scanned, timeout=TIMEOUT)
    assert len(names(session, answer)) == 40


def test_the_oldest_indexes_make_room_for_a_new_one(tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path / "indexes", 150_000)
    for number in range(6):
        file = folder.claim(f"store {number}")
        assert file is not None
        index = RowIndex(file)
        index.put([entry(f"{number}.{n}") for n in range(300)])
        index.close()
        os.utime(file.path, (number, number))
    last = folder.claim("one more")
    assert last is not None
    last.release()
    assert folder.size() <= 150_000
    again = folder.claim("store 5")
    assert again is not None
    assert again.path.exists(), "the one used last is kept longest"
    again.release()


def test_all_indexes_can_be_removed_but_those_in_use(tmp_path: Path, indexes: IndexFolder) -> None:
    used = RowIndex(indexes.claim("used"))
    used.put([entry("a")])
    unused = RowIndex(indexes.claim("unused"))
    unused.put([entry("b")])
    unused.close()
    assert indexes.remove_all() > 0
    assert len(list((tmp_path / "indexes").glob("*.db"))) == 1
    assert used.rows(["a"])
    used.close()


def test_no_index_is_stored_where_none_may_be(tmp_path: Path) -> None:
    assert IndexFolder(tmp_path / "indexes", 0).claim("here") is None
    assert not (tmp_path / "indexes").exists()
    (tmp_path / "file").write_bytes(b"")
    assert IndexFolder(tmp_path / "file" / "indexes", 100).claim("here") is None


def _write_and_die(folder: Path) -> None:
    index = RowIndex(IndexFolder(folder, 10**9).claim("here"))
    index.put([entry(f"Job.{n}") for n in range(500)])
    index._db.execute("BEGIN")
    index._db.execute("DELETE FROM entry")
    os._exit(1)


def test_an_index_survives_the_kill_of_its_window(tmp_path: Path, indexes: IndexFolder) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_write_and_die, args=(tmp_path / "indexes",)
    )
    process.start()
    process.join()
    index = RowIndex(indexes.claim("here"))
    assert len(index) == 500
    assert index.referrers("other")[0] == "Job.0"
    index.close()


def test_a_stored_index_knows_no_password(tmp_path: Path, open_session: Open) -> None:
    indexes = IndexFolder(tmp_path / "indexes", 10**9)
    file = indexes.claim("postgresql://lab:***@db/jobs")
    assert file is not None
    assert "lab" not in file.path.name
    index = RowIndex(file)
    index.close()
    assert b"secret" not in file.path.read_bytes()
