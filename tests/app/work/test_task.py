"""Tasks: one outcome, on the GUI thread, none after cancel."""

from __future__ import annotations

import gc
import threading

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.work.pool import Lane
from app.work.task import Cancelled, Progress, Task
from persistence.errors import StoreError


@pytest.fixture
def lane(qtbot: QtBot) -> Lane:
    lane = Lane("test")
    yield lane
    lane.close()


def test_a_result_comes_on_the_gui_thread_and_later_than_the_call(lane: Lane, qtbot: QtBot) -> None:
    seen = []
    lane.submit(lambda _: threading.current_thread()).then(
        lambda worker: seen.append((worker, threading.current_thread()))
    )
    assert seen == []
    qtbot.waitUntil(lambda: bool(seen))
    (worker, receiver) = seen[0]
    assert worker.name == "jobshelf test"
    assert receiver is threading.main_thread()


def test_an_exception_comes_as_a_failure_and_as_nothing_else(lane: Lane, qtbot: QtBot) -> None:
    results, errors = [], []

    def fail(_: Progress) -> None:
        raise StoreError("no")

    task = lane.submit(fail).then(results.append, errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert (str(errors[0]), results, task.is_done) == ("no", [], True)


def test_a_task_lives_until_its_result_is_delivered(lane: Lane, qtbot: QtBot) -> None:
    seen = []
    go = threading.Event()
    lane.submit(lambda _: go.wait(5)).then(seen.append)
    gc.collect()
    go.set()
    qtbot.waitUntil(lambda: seen == [True])


def test_a_cancelled_task_says_nothing_more(lane: Lane, qtbot: QtBot) -> None:
    seen = []
    go, under_way = threading.Event(), threading.Event()

    def work(progress: Progress) -> None:
        under_way.set()
        go.wait(5)
        progress.check()

    task = lane.submit(work).then(seen.append, seen.append)
    assert under_way.wait(5)
    task.cancel()
    task.cancel()
    go.set()
    after = []
    lane.submit(lambda _: "after").then(after.append)
    qtbot.waitUntil(lambda: after == ["after"])
    assert seen == []
    assert task.is_cancelled
    assert task.is_done


def test_what_was_cancelled_before_its_turn_is_not_done(lane: Lane, qtbot: QtBot) -> None:
    done = []
    go = threading.Event()
    lane.call(lambda: go.wait(5))
    task = lane.submit(lambda _: done.append("first"))
    task.cancel()
    go.set()
    after = []
    lane.submit(lambda _: None).then(after.append)
    qtbot.waitUntil(lambda: after == [None])
    assert done == []


def test_progress_is_passed_on_and_the_last_report_always(lane: Lane, qtbot: QtBot) -> None:
    reports, finished = [], []

    def work(progress: Progress) -> None:
        for done in range(1, 1001):
            progress.report(done, 1000)

    task = lane.submit(work).then(finished.append)
    task.progressed.connect(lambda done, total: reports.append((done, total)))
    qtbot.waitUntil(lambda: bool(finished))
    assert reports[-1] == (1000, 1000)
    assert len(reports) < 100


def test_a_worker_that_reports_learns_that_nobody_waits() -> None:
    progress = Progress()
    progress.report(1, 2)
    progress.cancel()
    with pytest.raises(Cancelled):
        progress.report(2, 2)


def test_a_receiver_that_is_gone_gets_nothing(lane: Lane, qtbot: QtBot) -> None:
    class Receiver(QObject):
        def on_result(self, result: object) -> None:
            raise AssertionError("called")

    receiver = Receiver()
    go = threading.Event()
    task = lane.submit(lambda _: go.wait(5)).then(receiver.on_result)
    after = []
    task.then(after.append)
    receiver.deleteLater()
    del receiver
    qtbot.waitUntil(lambda: True)
    gc.collect()
    go.set()
    qtbot.waitUntil(lambda: after == [True])


def test_only_the_first_outcome_counts(qapp: object) -> None:
    task = Task()
    seen: list[object] = []
    task.then(seen.append, seen.append)
    task.deliver("first")
    task.deliver("second")
    task.deliver(error=StoreError("third"))
    assert seen == ["first"]
