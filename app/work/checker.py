"""Checks stores and recovers corrupt ones, each on a lane of its own beside the window's store.

The store is opened once more, for reading only, so that a check of an hour keeps nobody from
looking into objects. What is found is handed over as it comes.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.work.pool import Lane
from app.work.task import Progress, Task
from persistence.integrity import Former, Problem, check
from persistence.recovery_report import RecoveryReport
from persistence.registry import make_store
from persistence.sqlite_recovery import recover_sqlite
from persistence.urls import StoreUrl

__all__ = ["Checker", "Recoverer"]


class _Solitary(QObject):
    """Does one long thing at a time on its own lane.

    Signals:
        progressed: How much is done, and of how much (0 if unknown).
        failed: The exception; a `StoreError` is a sentence for the user.
    """

    progressed = Signal(int, int)
    failed = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._lane: Lane | None = None
        self._task: Task | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether something is under way."""
        return self._task is not None

    def cancel(self) -> None:
        """Drop what is under way."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._lane is not None:
            self._lane.stop()
            self._lane = None

    def _do(
        self, work: Callable[[Progress], object], on_result: Callable[[object], object]
    ) -> None:
        self.cancel()
        self._lane = Lane(self._name)
        self._task = self._lane.submit(work)
        self._task.progressed.connect(self._on_progressed)
        self._task.then(on_result, self._on_failed)

    def _end(self) -> None:
        self._task = None
        self.cancel()

    def _on_progressed(self, done: int, total: int) -> None:
        self.progressed.emit(done, total)

    def _on_failed(self, error: BaseException) -> None:
        self._end()
        self.failed.emit(error)


class Checker(_Solitary):
    """Checks one store after the other.

    Signals:
        found: A list of `Problem`s, as they are found.
        finished: The check is through; all it found has been told.
    """

    found = Signal(list)
    finished = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__("check", parent)
        # Filled by the lane, emptied on the GUI thread: a deque is safe for that.
        self._problems: deque[Problem] = deque()

    def start(self, url: StoreUrl, former: Former, *, orphans: bool) -> None:
        """Check the store at an address; a check that is under way is dropped.

        Args:
            url: Its address.
            former: Gives versions that the journal kept; called on the lane.
            orphans: Whether to list what nothing refers to.
        """
        problems: deque[Problem] = deque()
        self._problems = problems

        def work(progress: Progress) -> None:
            with make_store(url, read_only=True, create=False) as store:
                for problem in check(store, progress.report, former=former, orphans=orphans):
                    problems.append(problem)
                    progress.check()

        self._do(work, self._on_finished)

    def _on_progressed(self, done: int, total: int) -> None:
        self._hand_over()
        super()._on_progressed(done, total)

    def _on_finished(self, _: object) -> None:
        self._end()
        self._hand_over()
        self.finished.emit()

    def _on_failed(self, error: BaseException) -> None:
        self._hand_over()
        super()._on_failed(error)

    def _hand_over(self) -> None:
        taken = []
        while self._problems:
            taken.append(self._problems.popleft())
        if taken:
            self.found.emit(taken)


class Recoverer(_Solitary):
    """Recovers corrupt SQLite files into new ones.

    Signals:
        finished: The `RecoveryReport`.
    """

    finished = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__("recovery", parent)

    def start(self, path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        """Recover a file into a new one; a recovery that is under way is dropped."""

        def work(progress: Progress) -> RecoveryReport:
            return recover_sqlite(path, target, progress=progress.report)

        self._do(work, self._on_finished)

    def _on_finished(self, report: object) -> None:
        self._end()
        self.finished.emit(report)
