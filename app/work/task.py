"""A piece of background work, as the window holds it: result, failure, progress, cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

__all__ = ["Cancelled", "Progress", "Task"]

_REPORT_SECONDS = 0.05


class Cancelled(Exception):
    """The work was cancelled; raised in the thread that does it."""


class Progress:
    """The worker's side of a task: how far it is, and whether it is still wanted."""

    def __init__(self, report: Callable[[int, int], None] | None = None) -> None:
        self._report = report
        self._cancelled = threading.Event()
        self._reported = 0.0

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for the result any more."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the worker to stop. Any thread may call this."""
        self._cancelled.set()

    def check(self) -> None:
        """Stop here if the task was cancelled.

        Raises:
            Cancelled: It was.
        """
        if self._cancelled.is_set():
            raise Cancelled

    def report(self, done: int, total: int) -> None:
        """Say how far the work is; passed on twenty times a second at most, and at the end.

        Raises:
            Cancelled: The task was cancelled.
        """
        self.check()
        now = time.monotonic()
        if self._report is not None and (done >= total or now - self._reported >= _REPORT_SECONDS):
            self._reported = now
            self._report(done, total)


class Task(QObject):
    """Background work that was asked for. Lives on the GUI thread; kept alive until it ends.

    Exactly one of `finished` and `failed` is emitted, on the GUI thread, later than the call
    that gave the task; none of them after `cancel`, and none if the session or lane that does
    the work was closed or reopened in the meantime. A slot that is a method of a deleted
    QObject is not called.

    Signals:
        finished: The result.
        failed: The exception; a `StoreError` is a sentence for the user, any other a bug.
        progressed: How much is done, and of how much (0 if unknown).

    Attributes:
        generation: Which opening of the session (or lane) the task belongs to.
    """

    finished = Signal(object)
    failed = Signal(object)
    progressed = Signal(int, int)

    def __init__(self, generation: int = 0, progress: Progress | None = None) -> None:
        super().__init__()
        self.generation = generation
        self._progress = progress or Progress()
        self._is_done = False

    @property
    def is_done(self) -> bool:
        """Whether it has finished, failed or been cancelled."""
        return self._is_done

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called before the result came."""
        return self._progress.is_cancelled

    def cancel(self) -> None:
        """Drop the result, and stop the work where that is possible. Twice does nothing."""
        if not self._is_done:
            self._is_done = True
            self._progress.cancel()

    def then(
        self,
        on_result: Callable[[Any], object],
        on_error: Callable[[Any], object] | None = None,
    ) -> Task:
        """Connect `finished`, and `failed` if given; return the task itself."""
        self.finished.connect(on_result)
        if on_error is not None:
            self.failed.connect(on_error)
        return self

    def deliver(self, result: object = None, error: BaseException | None = None) -> None:
        """Emit the outcome, unless there was one already. For the lane that did the work."""
        if self._is_done:
            return
        self._is_done = True
        if error is None:
            self.finished.emit(result)
        else:
            self.failed.emit(error)

    def deliver_progress(self, done: int, total: int) -> None:
        """Emit `progressed`, unless the task is over. For the lane that does the work."""
        if not self._is_done:
            self.progressed.emit(done, total)
