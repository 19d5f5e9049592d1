"""Lanes: threads that each own one resource and do one thing after the other.

A *lane* is a daemon thread with a priority queue. What it finds out reaches the window
through an *outbox*: a QObject on the GUI thread that is told by a queued signal. Workers
touch no other QObject, so none is ever destroyed on a worker's thread.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from enum import IntEnum
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from app.work.task import Cancelled, Progress, Task

__all__ = ["CLOSING_SECONDS", "Lane", "Outbox", "Priority", "Ticket", "close_lanes"]

T = TypeVar("T")

CLOSING_SECONDS = 2.0
"""How long closing waits for work that is under way."""

_DELIVERY_SECONDS = 0.008  # half a frame; the rest is delivered after the pending events


class Priority(IntEnum):
    """What a lane does first."""

    VISIBLE = 0
    NORMAL = 1
    BACKGROUND = 2


class Outbox(QObject):
    """Runs what workers post on the GUI thread, in order; made on that thread.

    Attributes:
        generation: Counts the calls of `renew`; what belongs to an earlier one is dropped.
    """

    _posted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.generation = 0
        self._lock = threading.Lock()
        self._letters: deque[tuple[int, Callable[[], object]]] = deque()
        self._is_announced = False
        self._is_open = True
        self._tasks: dict[int, Task] = {}
        self._keys = itertools.count()
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def post(self, letter: Callable[[], object], generation: int) -> None:
        """Have a function called on the GUI thread. Any thread may call this.

        Args:
            letter: The function.
            generation: What it belongs to; dropped if the outbox was renewed since.
        """
        with self._lock:
            if not self._is_open or generation != self.generation:
                return
            self._letters.append((generation, letter))
            if not self._is_announced:
                self._is_announced = True
                self._posted.emit()

    def open_task(self) -> tuple[Task, Ticket]:
        """Return a new task, kept until it ends, and the worker's side of it (GUI thread)."""
        ticket = Ticket(self, next(self._keys), self.generation)
        task = Task(self.generation, ticket.progress)
        self._tasks[ticket.key] = task
        return task, ticket

    def renew(self) -> None:
        """Begin a new generation: cancel all tasks, drop all that is posted (GUI thread)."""
        with self._lock:
            self.generation += 1
            self._letters.clear()
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            task.cancel()

    def close(self) -> None:
        """Drop everything, now and from now on (GUI thread)."""
        with self._lock:
            self._is_open = False
        self.renew()

    def settle(self, key: int, result: object, error: BaseException | None) -> None:
        """End a task (GUI thread)."""
        task = self._tasks.pop(key, None)
        if task is not None:
            task.deliver(result, error)

    def advance(self, key: int, done: int, total: int) -> None:
        """Pass on the progress of a task (GUI thread)."""
        task = self._tasks.get(key)
        if task is not None:
            task.deliver_progress(done, total)

    def _deliver(self) -> None:
        until = time.monotonic() + _DELIVERY_SECONDS
        try:
            while time.monotonic() < until:
                with self._lock:
                    if not self._letters:
                        return
                    _, letter = self._letters.popleft()
                letter()
        finally:
            with self._lock:
                self._is_announced = bool(self._letters)
                if self._is_announced:
                    self._posted.emit()


class Ticket:
    """The worker's side of a task: it is ended here, once, from any thread.

    Attributes:
        key: Number of the task in its outbox.
        progress: How far it is, and whether it is still wanted.
    """

    def __init__(self, outbox: Outbox, key: int, generation: int) -> None:
        self.key = key
        self.progress = Progress(self._advance)
        self._outbox = outbox
        self._generation = generation

    def succeed(self, result: object) -> None:
        """End the task with a result."""
        self._outbox.post(lambda: self._outbox.settle(self.key, result, None), self._generation)

    def fail(self, error: BaseException) -> None:
        """End the task with an error; quietly if the error is that it was cancelled."""
        if isinstance(error, (Cancelled, CancelledError)):
            self.progress.cancel()
        self._outbox.post(lambda: self._outbox.settle(self.key, None, error), self._generation)

    def run(self, function: Callable[[Progress], object]) -> None:
        """End the task with what a function gives or raises."""
        try:
            self.progress.check()
            result = function(self.progress)
        except Exception as error:  # noqa: BLE001 -- delivered, not swallowed
            self.fail(error)
        else:
            self.succeed(result)

    def _advance(self, done: int, total: int) -> None:
        self._outbox.post(lambda: self._outbox.advance(self.key, done, total), self._generation)


class Lane:
    """A thread that does one thing after the other, the most urgent first.

    >>> lane = Lane("sums")
    >>> lane.call(lambda: 1 + 1).result()
    2
    >>> lane.close()
    True
    """

    def __init__(self, name: str, outbox: Outbox | None = None) -> None:
        """Start the thread.

        Args:
            name: What it is called in debuggers.
            outbox: Where the results of `submit` are posted; None for one of its own, for
                which the lane must be made on the GUI thread.
        """
        self._outbox = outbox
        self._owns_outbox = outbox is None
        self._condition = threading.Condition()
        self._queue: list[tuple[Priority, int, Callable[[], object], Future[object]]] = []
        self._numbers = itertools.count()
        self._is_closing = False
        self._last: Callable[[], object] | None = None
        self._thread = threading.Thread(target=self._work, name=f"jobshelf {name}", daemon=True)
        self._thread.start()

    def submit(
        self, function: Callable[[Progress], object], priority: Priority = Priority.NORMAL
    ) -> Task:
        """Have a function run on the lane; its result comes through a task (GUI thread)."""
        if self._outbox is None:
            self._outbox = Outbox()
        task, ticket = self._outbox.open_task()
        self.call(lambda: ticket.run(function), priority)
        return task

    def call(self, function: Callable[[], T], priority: Priority = Priority.NORMAL) -> Future[T]:
        """Have a function run on the lane; any thread but the GUI thread may wait for it."""
        future: Future[T] = Future()
        with self._condition:
            if self._is_closing:
                future.cancel()
            else:
                item = (priority, next(self._numbers), function, future)
                heapq.heappush(self._queue, item)  # type: ignore[misc]
                self._condition.notify()
        return future

    def stop(self, last: Callable[[], object] | None = None) -> None:
        """Drop what waits, and end the thread after what it is doing; do not wait for it.

        Args:
            last: Run on the lane at the very end: closes what the lane owns.
        """
        with self._condition:
            self._is_closing = True
            self._last = last or self._last
            dropped, self._queue = self._queue, []
            self._condition.notify()
        for *_, future in dropped:
            future.cancel()
        if self._owns_outbox and self._outbox is not None:
            self._outbox.close()

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread after `stop`; return whether it ended in time."""
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def close(self, last: Callable[[], object] | None = None) -> bool:
        """Stop, and wait as long as closing may take; return whether the thread ended."""
        self.stop(last)
        return self.join(CLOSING_SECONDS)

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._is_closing:
                    self._condition.wait()
                if self._is_closing:
                    break
                *_, function, future = heapq.heappop(self._queue)
            _run(function, future)
            del function, future  # they would hold their results until the next one comes
        if self._last is not None:
            _run(self._last, Future())


def close_lanes(lanes: Iterable[tuple[Lane, Callable[[], object] | None]]) -> bool:
    """Stop several lanes at once, each with its last act; return whether all ended in time."""
    lanes = list(lanes)
    for lane, last in lanes:
        lane.stop(last)
    until = time.monotonic() + CLOSING_SECONDS
    ended = [lane.join(until - time.monotonic()) for lane, _ in lanes]
    return all(ended)


def _run(function: Callable[[], object], future: Future[object]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 -- raised again for whoever waits
        future.set_exception(error)
    else:
        future.set_result(result)
