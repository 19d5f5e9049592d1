"""Lanes: order, priority, closing; outboxes: order and generations."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import pytest
from pytestqt.qtbot import QtBot

from app.work.pool import Lane, Outbox, Priority, close_lanes


def busy(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def test_urgent_work_goes_before_what_waits_and_equals_keep_their_order() -> None:
    lane = Lane("test")
    go = threading.Event()
    done: list[str] = []
    lane.call(lambda: go.wait(5))
    for priority, name in (
        (Priority.BACKGROUND, "b1"),
        (Priority.NORMAL, "n1"),
        (Priority.VISIBLE, "v1"),
        (Priority.NORMAL, "n2"),
        (Priority.VISIBLE, "v2"),
    ):
        lane.call(lambda name=name: done.append(name), priority)
    go.set()
    lane.call(lambda: None, Priority.BACKGROUND).result(5)
    assert done == ["v1", "v2", "n1", "n2", "b1"]
    assert lane.close()


def test_a_failure_is_raised_for_whoever_waits_and_the_lane_goes_on() -> None:
    lane = Lane("test")
    with pytest.raises(ZeroDivisionError):
        lane.call(lambda: 1 // 0).result(5)
    assert lane.call(lambda: 2).result(5) == 2
    assert lane.close()


def test_stopping_drops_what_waits_and_ends_with_the_last_act() -> None:
    lane = Lane("test")
    go, under_way = threading.Event(), threading.Event()
    done = []
    lane.call(lambda: (under_way.set(), go.wait(5)))
    dropped = lane.call(lambda: done.append("dropped"))
    assert under_way.wait(5)
    lane.stop(lambda: done.append("last"))
    with pytest.raises(CancelledError):
        dropped.result(5)
    with pytest.raises(CancelledError):
        lane.call(lambda: None).result(5)
    go.set()
    assert lane.join(5)
    assert done == ["last"]


def test_closing_does_not_wait_forever_for_work_that_hangs() -> None:
    go, under_way = threading.Event(), threading.Event()
    lanes = [Lane("one"), Lane("two")]
    for lane in lanes:
        lane.call(lambda: (under_way.set(), go.wait(20)))
    assert under_way.wait(5)
    began = time.monotonic()
    assert not close_lanes((lane, None) for lane in lanes)
    assert time.monotonic() - began < 15
    go.set()
    assert all(lane.join(5) for lane in lanes)


def test_what_workers_post_arrives_in_order(qtbot: QtBot) -> None:
    outbox = Outbox()
    seen: list[int] = []
    generation = outbox.generation
    posting = threading.Thread(
        target=lambda: [
            outbox.post(lambda number=number: seen.append(number), generation)
            for number in range(5_000)
        ]
    )
    posting.start()
    qtbot.waitUntil(lambda: len(seen) == 5_000)
    posting.join()
    assert seen == list(range(5_000))
    outbox.close()


def test_a_letter_that_fails_does_not_hold_up_the_others(qtbot: QtBot) -> None:
    outbox = Outbox()
    seen: list[str] = []

    def fail() -> None:
        raise RuntimeError("letter")

    with qtbot.captureExceptions() as exceptions:
        outbox.post(fail, outbox.generation)
        outbox.post(lambda: seen.append("next"), outbox.generation)
        qtbot.waitUntil(lambda: seen == ["next"])
    assert [str(value) for _, value, _ in exceptions] == ["letter"]
    outbox.close()


def test_a_new_generation_cancels_tasks_and_drops_letters(qtbot: QtBot) -> None:
    outbox = Outbox()
    seen: list[object] = []
    old = outbox.generation
    task, ticket = outbox.open_task()
    task.then(seen.append, seen.append)
    outbox.post(lambda: seen.append("old"), old)
    outbox.renew()
    outbox.post(lambda: seen.append("late"), old)
    ticket.succeed("result")
    assert task.is_cancelled
    assert task.generation == old
    outbox.post(lambda: seen.append("new"), outbox.generation)
    qtbot.waitUntil(lambda: seen == ["new"])
    outbox.close()


def test_a_closed_outbox_takes_nothing(qtbot: QtBot) -> None:
    outbox = Outbox()
    seen: list[str] = []
    outbox.close()
    outbox.post(lambda: seen.append("late"), outbox.generation)
    other = Outbox()
    other.post(lambda: seen.append("other"), other.generation)
    qtbot.waitUntil(lambda: seen == ["other"])
    other.close()


def test_the_window_stays_alive_while_very_much_is_delivered(qtbot: QtBot) -> None:
    outbox = Outbox()
    seen: list[int] = []
    for number in range(200):
        outbox.post(lambda number=number: (busy(0.002), seen.append(number)), 0)
    outbox._deliver()
    assert 0 < len(seen) < 50
    qtbot.waitUntil(lambda: len(seen) == 200)
    outbox.close()
