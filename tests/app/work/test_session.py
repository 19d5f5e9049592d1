"""A session on real stores: rows, trees, references, changes, errors, and its end."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from app.work.inspector import Bounds, InspectionError
from app.work.query import FilterError
from app.work.records import Row, RowQuery
from app.work.session import StoreSession
from persistence import (
    ABSENT,
    ConflictError,
    DecodeError,
    Edit,
    FilesystemStore,
    LoadError,
    ObjectNotFound,
    ReadOnlyError,
    Record,
    Store,
    StoreError,
    make_store,
    register,
)
from persistence.registry import _constructors
from persistence.store import Changes
from tests.helpers.effort import effort

Answer = Callable[[Any], Any]
Open = Callable[..., StoreSession]

DATA = Path(__file__).parents[2] / "data"
TIMEOUT = 60_000
STORES = [
    (version, name)
    for version in ("python3.7", "python2.7")
    for name in ("jobs-dir", "jobs.db", "jobs-table.db")
]
ALL = RowQuery()


def address(path: Path) -> str:
    return f"sqlite://{path.as_posix()}#table=campaign" if "table" in path.name else str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder store with three plain objects."""
    path = tmp_path / "jobs"
    with FilesystemStore(path) as store:
        store.apply(
            [
                Edit(f"Job.{n}", pickle.dumps({"name": f"job {n}", "state": "NEW", "n": n}))
                for n in (1, 2, 10)
            ]
        )
    return path


def put(path: Path, id_: str, value: Any) -> None:
    """Write as another program would."""
    with FilesystemStore(path) as store:
        store.apply([Edit(id_, pickle.dumps(value))])


def remove(path: Path, id_: str) -> None:
    with FilesystemStore(path) as store:
        store.remove(id_)


@pytest.mark.parametrize(("version", "name"), STORES)
def test_gc3pie_stores_are_listed_and_inspected_as_the_manifest_says(
    version: str, name: str, gc3pie: Callable[[str], Path], open_session: Open, answer: Answer
) -> None:
    path = gc3pie(f"{version}/{name}")
    manifest = json.loads((DATA / "gc3pie" / version / "manifest.json").read_text("utf-8"))
    expected = manifest["stores"][name]
    objects = expected["objects"]
    session = open_session(address(path))
    assert session.info is not None
    assert (session.info.writer, session.info.count) == ("GC3Pie", len(objects))

    rows = answer(session.page(ALL, 0, 1_000))
    assert {row.id: (row.type, row.state, row.name) for row in rows} == {
        id_: (about["class"], about["state"], about["jobname"]) for id_, about in objects.items()
    }
    for id_, about in objects.items():
        root = answer(session.root(id_))
        assert (root.name, root.type, root.state) == (id_, about["class"], about["state"])
        lines = {row.name: row for row in answer(session.children_of(id_, (), 0, 1_000))}
        assert lines["jobname"].value == about["jobname"]
        links = answer(session.references(id_))
        assert sorted({link.id for link in links}) == sorted(about.get("refs", []))
        for link in links:
            assert link.exists == (link.id != expected["dangling"])
            if link.exists:
                target = objects[link.id]
                assert (link.type, link.state, link.name) == (
                    target["class"],
                    target["state"],
                    target["jobname"],
                )
    child = next(refs for about in objects.values() if (refs := about.get("refs")))[0]
    parents = [id_ for id_, about in objects.items() if child in about.get("refs", [])]
    back = answer(session.referrers(child))
    assert sorted(link.id for link in back) == sorted(parents)
    assert all("tasks[" in link.path for link in back)


def test_a_copied_session_directory_opens_and_says_where_its_jobs_are(
    gc3pie: Callable[[str], Path], open_session: Open, answer: Answer
) -> None:
    session = open_session(gc3pie("python3.7/session"))
    assert session.info is not None
    assert session.info.notices
    assert answer(session.count(ALL)) == session.info.count == 18


def test_a_dangling_reference_is_marked_and_others_show_type_and_state(
    gc3pie: Callable[[str], Path], open_session: Open, answer: Answer
) -> None:
    session = open_session(gc3pie("python3.7/jobs-dir"))
    (parent,) = answer(session.referrers("Application.64"))
    tasks = next(
        row for row in answer(session.children_of(parent.id, (), 0, 99)) if row.name == "tasks"
    )
    lines = answer(session.children_of(parent.id, tasks.path, 0, 1_000))
    dangling = [row for row in lines if "dangling" in row.marks]
    assert [row.target for row in dangling] == ["Application.64"]
    others = [row for row in lines if row.target and not row.marks]
    assert others
    assert all(row.type and row.state for row in others)
    assert parent.path == dangling[0].address


def test_rows_are_sorted_filtered_and_found(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    session = open_session(folder)
    by_id = RowQuery(sort="id", descending=True)
    assert [row.id for row in answer(session.page(by_id, 0, 9))] == ["Job.10", "Job.2", "Job.1"]
    assert answer(session.locate(by_id, "Job.2")) == 1
    assert answer(session.locate(by_id, "Job.3")) is None
    assert answer(session.ids(by_id, [(0, 0), (2, 2)])) == ["Job.10", "Job.1"]
    assert answer(session.count(RowQuery("job -10"))) == 2
    assert list(answer(session.rows(["Job.1", "Job.9"]))) == ["Job.1"]
    window = answer(session.window(by_id, [0, 2], 2, ["Job.10", "Job.9"]))
    assert (window.count, window.places) == (3, {"Job.10": 0})
    assert [row.id for row in window.pages[2]] == ["Job.1"]
    with pytest.raises(FilterError):
        answer(session.count(RowQuery('"')))


def test_text_expression_and_bytes_are_given(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    session = open_session(folder)
    assert answer(session.text("Job.2", (0,))) == "job 2"
    assert answer(session.expression("Job.2", ())) == "{'name': 'job 2', 'state': 'NEW', 'n': 2}"
    found = answer(session.read(["Job.2", "Job.9"]))
    assert {id_: pickle.loads(data)["n"] for id_, data in found.items()} == {"Job.2": 2}


def test_objects_that_are_missing_damaged_or_empty_fail_with_a_sentence(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    (folder / "Bad.1").write_bytes(b"\x80\x04]")
    (folder / "Bad.2").write_bytes(b"")
    session = open_session(folder)
    with pytest.raises(ObjectNotFound, match=r"Job\.9"):
        answer(session.root("Job.9"))
    for id_ in ("Bad.1", "Bad.2"):
        with pytest.raises(DecodeError):
            answer(session.root(id_))
    rows = {row.id: row for row in answer(session.page(ALL, 0, 9))}
    assert not rows["Bad.1"].is_readable
    assert rows["Job.1"].is_readable


def test_hostile_objects_are_listed_and_looked_into_without_being_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_session: Open, answer: Answer,
    looks_only: list[str],
) -> None:  # fmt: skip
    path = tmp_path / "hostile"
    path.mkdir()
    for sample in sorted((DATA / "hostile").glob("*.pickle")):
        (path / sample.stem).write_bytes(sample.read_bytes())
    elsewhere = tmp_path / "here"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    session = open_session(path)
    manifest = json.loads((DATA / "hostile" / "manifest.json").read_text("utf-8"))
    assert session.info is not None
    assert session.info.count == len(manifest)
    for id_, rule in manifest.items():
        began = effort()
        try:
            root = answer(session.root(id_))
            answer(session.children_of(id_, (), 0, 1_000))
            answer(session.references(id_))
            answer(session.text(id_, ()))
        except DecodeError:
            outcome = "report a clear error"
        else:
            assert root.name == id_
            outcome = "show a tree"
        assert outcome in rule["an inspector must"], id_
        assert effort() - began < 2, id_
    assert not list(elsewhere.iterdir())
    assert not list(path.glob("jobshelf*"))


def test_what_others_write_appears_while_the_session_is_live(
    folder: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(folder)
    changed: list[str] = []
    removed: list[str] = []
    session.objects_changed.connect(changed.extend)
    session.objects_removed.connect(removed.extend)
    assert answer(session.root("Job.1")).state == "NEW"
    session.set_live(True)
    with qtbot.waitSignal(session.rows_changed, timeout=TIMEOUT):
        put(folder, "Job.1", {"state": "DONE"})
        put(folder, "Job.11", {"state": "NEW"})
        remove(folder, "Job.2")
    qtbot.waitUntil(lambda: set(changed) >= {"Job.1", "Job.11"} and "Job.2" in removed)
    rows = answer(session.page(ALL, 0, 9))
    assert [(row.id, row.state) for row in rows] == [
        ("Job.1", "DONE"),
        ("Job.10", "NEW"),
        ("Job.11", "NEW"),
    ]
    assert answer(session.root("Job.1")).state == "DONE"
    assert "Job.10" not in changed


def test_a_paused_session_looks_only_when_told_to(
    folder: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(folder)
    session.set_live(True)
    changed: list[str] = []
    session.objects_changed.connect(changed.extend)
    put(folder, "Job.3", {})
    qtbot.waitUntil(lambda: changed == ["Job.3"], timeout=TIMEOUT)
    session.set_live(False)
    put(folder, "Job.4", {})
    waiting: list[int] = []
    session.waiting_changed.connect(waiting.append)
    qtbot.waitUntil(lambda: waiting == [1], timeout=TIMEOUT)
    assert answer(session.count(ALL)) == 4
    put(folder, "Job.5", {})
    qtbot.waitUntil(lambda: waiting == [1, 2], timeout=TIMEOUT)
    with qtbot.waitSignal(session.objects_changed, timeout=TIMEOUT):
        session.refresh()
    assert answer(session.count(ALL)) == 6
    assert waiting[-1] == 0
    assert not session.is_live


def test_a_live_session_keeps_looking(folder: Path, open_session: Open, qtbot: QtBot) -> None:
    session = open_session(folder)
    session.set_live(True)
    changed: list[str] = []
    session.objects_changed.connect(changed.extend)
    for n in (20, 21, 22):
        put(folder, f"Job.{n}", n)
        qtbot.waitUntil(lambda n=n: f"Job.{n}" in changed, timeout=TIMEOUT)


def test_a_change_is_in_the_list_when_its_task_finishes(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    session = open_session(folder)
    changed: list[str] = []
    removed: list[str] = []
    session.objects_changed.connect(changed.extend)
    session.objects_removed.connect(removed.extend)
    old = answer(session.read(["Job.1"]))["Job.1"]
    edits = [
        Edit("Job.1", pickle.dumps({"state": "DONE"}), old),
        Edit("Job.2", None),
        Edit("Job.3", pickle.dumps({"state": "RUNNING"}), ABSENT),
    ]
    assert answer(session.root("Job.1")).state == "NEW"
    answer(session.apply(edits))
    assert answer(session.root("Job.1")).state == "DONE"
    assert (sorted(changed), removed) == (["Job.1", "Job.3"], ["Job.2"])
    assert {row.id: row.state for row in answer(session.page(ALL, 0, 9))} == {
        "Job.1": "DONE",
        "Job.3": "RUNNING",
        "Job.10": "NEW",
    }


def test_a_refused_change_fails_and_shows_what_is_there(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    session = open_session(folder)
    put(folder, "Job.1", {"state": "DONE"})
    with pytest.raises(ConflictError):
        answer(session.apply([Edit("Job.1", None, pickle.dumps("other"))]))
    assert answer(session.rows(["Job.1"]))["Job.1"].state == "DONE"


def test_a_store_opened_read_only_refuses_changes(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    session = open_session(folder, read_only=True)
    assert session.info is not None
    assert session.info.read_only
    with pytest.raises(ReadOnlyError):
        answer(session.apply([Edit("Job.1", None)]))


def test_other_work_runs_on_the_thread_of_the_store_with_progress(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    session = open_session(folder)
    assert answer(session.call(lambda store: (len(store), threading.current_thread().name))) == (
        3,
        "jobshelf store",
    )
    reports: list[tuple[int, int]] = []
    task = session.call_with_progress(lambda store, progress: progress.report(3, 3))
    task.progressed.connect(lambda done, total: reports.append((done, total)))
    answer(task)
    assert reports == [(3, 3)]


def test_a_jobshelf_table_is_listed_from_its_own_summaries(
    tmp_path: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    path = tmp_path / "own.db"
    url = f"sqlite://{path.as_posix()}"
    with make_store(url) as store:
        ids = store.save_many({"name": f"job {n}", "state": "NEW"} for n in range(3_000))
    session = open_session(url)
    assert answer(session.count(ALL)) == 3_000
    assert [row.id for row in answer(session.page(ALL, 2_995, 10))] == ids[2_995:]
    assert len(multiprocessing.active_children()) <= 1, "a scanner was started for nothing"
    with make_store(url) as store:
        store.replace(ids[0], {"state": "DONE"})
        store.remove(ids[1])
    with qtbot.waitSignal(session.objects_removed, timeout=TIMEOUT):
        session.refresh()
    assert answer(session.rows(ids[:2]))[ids[0]].state == "DONE"
    assert answer(session.count(ALL)) == 2_999


def test_first_rows_are_there_long_before_the_last(
    tmp_path: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    path = tmp_path / "many.db"
    with sqlite3.connect(path) as db:  # as GC3Pie makes it
        db.execute(
            "CREATE TABLE store (id INTEGER NOT NULL, data BLOB, state VARCHAR(128),"
            " PRIMARY KEY (id))"
        )
        data = pickle.dumps({"name": "job", "state": "NEW", "fill": list(range(100))}, 2)
        db.executemany("INSERT INTO store VALUES (?, ?, 'NEW')", [(n, data) for n in range(8_000)])
    db.close()
    session = open_session(path, whole=False)
    progress: list[tuple[int, int]] = []
    session.scan_progressed.connect(lambda done, total: progress.append((done, total)))
    with qtbot.waitSignal(session.rows_changed, timeout=TIMEOUT):
        pass
    page = answer(session.page(RowQuery(sort="id"), 0, 10))
    assert [row.id for row in page] == [str(n) for n in range(10)]
    assert answer(session.root("7999")).type == "dict"
    assert not session.is_scanned
    qtbot.waitUntil(lambda: session.is_scanned, timeout=TIMEOUT)
    assert progress[0][0] <= 256
    assert {total for _, total in progress[1:]} == {8_000}
    assert progress[-1] == (8_000, 8_000)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert answer(session.count(ALL)) == 8_000


def test_opening_what_is_not_there_fails_with_a_sentence_and_makes_nothing(
    tmp_path: Path, qtbot: QtBot
) -> None:
    session = StoreSession()
    for missing in (tmp_path / "no-folder", f"sqlite://{(tmp_path / 'no.db').as_posix()}", "x:/"):
        with qtbot.waitSignal(session.open_failed, timeout=TIMEOUT) as failed:
            session.open(missing)
        assert isinstance(failed.args[0], StoreError)
        assert session.info is None
    assert not list(tmp_path.iterdir())


def test_questions_without_a_store_fail(qtbot: QtBot, answer: Answer) -> None:
    session = StoreSession()
    for ask in (
        lambda: session.count(ALL),
        lambda: session.root("x"),
        lambda: session.read(["x"]),
    ):
        with pytest.raises(StoreError, match="No store is open"):
            answer(ask())


def test_closing_cancels_tasks_and_ends_threads_and_processes_at_once(
    folder: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(folder)
    session.set_live(True)
    answer(session.root("Job.1"))
    seen: list[object] = []
    tasks = [session.count(ALL), session.root("Job.2"), session.call(len)]
    for task in tasks:
        task.then(seen.append, seen.append)
    with qtbot.waitSignal(session.closed, timeout=10_000):
        session.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("jobshelf")]
    assert multiprocessing.active_children() == []
    session.close()
    QCoreApplication.processEvents()  # whatever was under way would arrive now
    assert seen == []
    assert all(task.is_cancelled for task in tasks)


def test_a_session_can_be_opened_again_and_drops_what_was_asked_before(
    folder: Path, gc3pie: Callable[[str], Path], open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(folder)
    seen: list[object] = []
    old = session.page(ALL, 0, 9).then(seen.append, seen.append)
    with qtbot.waitSignal(session.opened, timeout=TIMEOUT):
        session.open(gc3pie("python3.7/jobs.db"))
    qtbot.waitUntil(lambda: session.is_scanned, timeout=TIMEOUT)
    assert answer(session.count(ALL)) == 122
    assert seen == []
    assert session.count(ALL).generation > old.generation


def test_a_broken_down_inspector_comes_back_and_goes_on(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    session = open_session(folder)
    answer(session.root("Job.1"))
    for child in multiprocessing.active_children():
        child.kill()
        child.join()
    lines = answer(session.children_of("Job.1", (), 0, 9))
    assert [row.name for row in lines] == ["name", "state", "n"]


def test_an_object_that_takes_too_long_is_an_error_and_others_are_not(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    put(folder, "Heavy.1", [(n, str(n)) for n in range(600_000)])
    session = open_session(folder, bounds=Bounds(seconds=0.2, seconds_per_mib=0.0))
    heavy, light = session.root("Heavy.1"), session.root("Job.1")
    with pytest.raises(InspectionError) as error:
        answer(heavy)
    assert error.value.advice
    assert answer(light).state == "NEW"
    rows = {row.id: row.is_readable for row in answer(session.page(ALL, 0, 9))}
    assert rows == {"Heavy.1": False, "Job.1": True, "Job.2": True, "Job.10": True}


class Moody(Store):
    """A third-party store that has `list` and `read` only, and fails when it is told to."""

    objects: ClassVar[dict[str, bytes]] = {}
    failure: Exception | None = None
    can_follow = False

    def load(self, id_: str | int) -> Any:
        raise AssertionError("nothing is loaded to be looked at")

    def save(self, obj: Any) -> str:
        raise NotImplementedError

    def replace(self, id_: str | int, obj: Any) -> None:
        raise NotImplementedError

    def remove(self, id_: str | int) -> None:
        raise NotImplementedError

    def list(self, **extra_args: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return [*self.objects]

    def read(self, id_: str | int) -> bytes:
        if id_ not in self.objects:
            raise ObjectNotFound(str(id_), "moody")
        return self.objects[str(id_)]

    def changes(self, since: Any = None) -> Changes:
        if not self.can_follow:
            return super().changes(since)
        if self.failure is not None:
            raise self.failure
        return Changes(1)


class ReadingMoody(Moody):
    """One that gives its records too."""

    def records(self) -> Iterator[Record]:
        for id_ in self.list():
            yield Record(id_, self.objects[id_])


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> type[Moody]:
    monkeypatch.setitem(_constructors, "moody", Moody)

    class Fresh(ReadingMoody):
        objects: ClassVar = {f"Job.{n}": pickle.dumps({"state": "NEW"}) for n in range(3)}

    register("moody", lambda url, **extra: Fresh(url))
    return Fresh


def test_a_store_that_can_only_list_and_read_is_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    monkeypatch.setitem(_constructors, "moody", lambda url, **extra: Moody(url))
    monkeypatch.setattr(Moody, "objects", {"a": pickle.dumps(1), "b": pickle.dumps([2])})
    session = open_session("moody:x")
    assert session.info is not None
    assert not session.info.can_follow
    assert [row.id for row in answer(session.page(ALL, 0, 9))] == ["a", "b"]
    assert answer(session.root("b")).type == "list"
    monkeypatch.setattr(Moody, "objects", {"b": pickle.dumps([3]), "c": pickle.dumps(4)})
    with qtbot.waitSignals([session.objects_changed, session.objects_removed], timeout=TIMEOUT):
        session.refresh()
    assert [row.id for row in answer(session.page(ALL, 0, 9))] == ["b", "c"]


def test_a_store_in_trouble_is_tried_again_until_it_recovers(
    moody: type[Moody], open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    moody.can_follow = True
    session = open_session("moody:x")
    sentences: list[str] = []
    session.trouble.connect(sentences.append)
    moody.failure = StoreError("The database is locked.", "Wait.")
    session.set_live(True)
    qtbot.waitUntil(lambda: len(sentences) >= 2, timeout=TIMEOUT)
    assert sentences[0] == "The database is locked. Wait."
    assert answer(session.count(ALL)) == 3, "the list is still there"
    moody.failure = None
    with qtbot.waitSignal(session.recovered, timeout=TIMEOUT):
        pass


def test_a_scan_that_fails_begins_again(moody: type[Moody], qtbot: QtBot, answer: Answer) -> None:
    session = StoreSession()
    moody.failure = StoreError("The server went away.")
    with qtbot.waitSignal(session.trouble, timeout=TIMEOUT) as trouble:
        session.open("moody:x")
    assert trouble.args == ["The server went away."]
    moody.failure = None
    with qtbot.waitSignal(session.recovered, timeout=TIMEOUT):
        pass
    qtbot.waitUntil(lambda: session.is_scanned, timeout=TIMEOUT)
    assert answer(session.count(ALL)) == 3
    session.close()


def test_a_bug_in_a_store_is_not_mistaken_for_trouble(moody: type[Moody], qtbot: QtBot) -> None:
    session = StoreSession()
    moody.failure = ZeroDivisionError("bug")
    with qtbot.captureExceptions() as exceptions:
        session.open("moody:x")
        qtbot.waitUntil(lambda: bool(exceptions), timeout=TIMEOUT)
    assert exceptions[0][0] is ZeroDivisionError
    session.close()


def test_closing_does_not_wait_long_for_a_store_that_hangs(
    moody: type[Moody], qtbot: QtBot
) -> None:
    go = threading.Event()
    session = StoreSession()
    with qtbot.waitSignal(session.opened, timeout=TIMEOUT):
        session.open("moody:x")
    session.call(lambda _: go.wait(30))
    qtbot.waitUntil(lambda: True)
    began = time.monotonic()
    session.close()
    assert time.monotonic() - began < 15
    go.set()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_ids_that_are_no_valid_unicode_are_listed_and_opened(
    folder: Path, open_session: Open, answer: Answer
) -> None:
    odd = os.fsdecode(b"Job.\xe9")
    (folder / odd).write_bytes(pickle.dumps({"state": "NEW"}))
    session = open_session(folder)
    assert odd in {row.id for row in answer(session.page(ALL, 0, 9))}
    assert answer(session.root(odd)).name == "Job.\\udce9"


def test_memory_of_all_processes_stays_small_on_a_store_of_real_jobs(
    gc3pie: Callable[[str], Path], open_session: Open, answer: Answer
) -> None:
    session = open_session(gc3pie("python3.7/jobs.db"))
    for row in answer(session.page(ALL, 0, 999)):
        assert isinstance(row, Row)
        answer(session.root(row.id))
    for child in psutil.Process().children():
        assert child.memory_info().rss < 512 * 1024 * 1024


def test_one_file_that_may_not_be_read_hides_no_other(
    folder: Path, open_session: Open, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    closed = ids[1]
    really_open = os.open

    def open_(path: str | Path, *arguments: Any, **options: Any) -> int:
        if Path(path).name == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really_open(path, *arguments, **options)

    monkeypatch.setattr("persistence.filesystem.os.open", open_)
    session = open_session(folder)
    rows = {row.id: row.is_readable for row in answer(session.page(ALL, 0, 9))}
    assert rows == {id_: id_ != closed for id_ in ids}
    with pytest.raises(LoadError, match="Permission denied"):
        answer(session.root(closed))
