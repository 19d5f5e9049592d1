"""Looks off the GUI thread what is at the addresses that a user types."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.work.pool import Lane
from app.work.task import Task
from persistence.probe import Description, describe
from persistence.urls import StoreUrl

__all__ = ["Prober"]


class Prober(QObject):
    """Describes stores without opening them for the window."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lane: Lane | None = None
        self._task: Task | None = None

    def describe(
        self, url: StoreUrl, using: Callable[[StoreUrl], Description | None] = describe
    ) -> Task:
        """Have the store at an address described; a question not answered yet is dropped.

        Args:
            url: The address.
            using: What looks there; the task gives what it returns.
        """
        if self._task is not None and not self._task.is_done:
            # A server that does not answer would hold up every later question.
            self.close()
        if self._lane is None:
            self._lane = Lane("prober")
        self._task = self._lane.submit(lambda _: using(url))
        return self._task

    def close(self) -> None:
        """Drop what is under way."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._lane is not None:
            self._lane.stop()
            self._lane = None
