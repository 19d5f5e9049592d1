"""Marks of what has just changed: strong at first, then fading, then gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from itertools import takewhile
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, QRect, QTimer
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QApplication, QStyle

from app.window.theme import GRID, Theme

__all__ = ["BAR_WIDTH", "ChangeMarks", "is_motion_reduced", "paint_mark", "set_motion_reduced"]

Key = TypeVar("Key", bound=Hashable)

BAR_WIDTH = GRID - 1
"""Pixels of the bar at the left of what is marked: no mark is a colour alone."""

_STRONG_SECONDS = 1.0
_FADING_SECONDS = 1.5
_STEP_MS = 125
_MOST_MARKS = 4_096  # what was marked first goes first; nobody sees so many at once

_REDUCED = "reducedMotion"


def set_motion_reduced(application: QApplication, reduced: bool) -> None:
    """Have nothing fade, whatever the system says; or leave that to the system."""
    application.setProperty(_REDUCED, reduced)


def is_motion_reduced() -> bool:
    """Return whether nothing shall fade: the user or the system does not want motion."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        return False
    hint = QStyle.StyleHint.SH_Widget_Animation_Duration
    return bool(application.property(_REDUCED)) or application.style().styleHint(hint) == 0


class ChangeMarks(QObject, Generic[Key]):
    """Remembers for a moment what changed, and has it painted again as the marks fade."""

    def __init__(self, repaint: Callable[[], object], parent: QObject) -> None:
        """Make an empty set of marks.

        Args:
            repaint: Called a few times a second while marks come and fade, and at their end.
                What is marked is usually painted again at once, because it changed.
            parent: Owner.
        """
        super().__init__(parent)
        self._since: dict[Key, float] = {}
        self._repaint = repaint
        self._has_new = False
        self._timer = QTimer(self)
        self._timer.setInterval(_STEP_MS)
        self._timer.timeout.connect(self._step)

    def __bool__(self) -> bool:
        return bool(self._since)

    def add(self, keys: Iterable[Key]) -> None:
        """Mark some things, as changed now."""
        now = time.monotonic()
        for key in keys:
            self._since.pop(key, None)  # the dict stays in the order of time
            self._since[key] = now
        for key in list(self._since)[: max(0, len(self._since) - _MOST_MARKS)]:
            del self._since[key]
        self._has_new = True
        if self._since and not self._timer.isActive():
            self._timer.start()

    def clear(self) -> None:
        """Drop all marks."""
        self._since.clear()
        self._timer.stop()

    def strength(self, key: Key) -> float:
        """Return how strong the mark of a thing is: 1.0 at first, 0.0 for none."""
        since = self._since.get(key)
        if since is None:
            return 0.0
        age = time.monotonic() - since
        if age < _STRONG_SECONDS:
            return 1.0
        left = 1.0 - (age - _STRONG_SECONDS) / _FADING_SECONDS
        if left <= 0.0:
            return 0.0
        return 1.0 if is_motion_reduced() else left

    def _step(self) -> None:
        over = time.monotonic() - _STRONG_SECONDS - _FADING_SECONDS
        gone = [key for key, _ in takewhile(lambda mark: mark[1] <= over, self._since.items())]
        for key in gone:
            del self._since[key]
        oldest = next(iter(self._since.values()), over)
        is_fading = oldest < over + _FADING_SECONDS and not is_motion_reduced()
        if gone or is_fading or self._has_new:
            self._has_new = False
            self._repaint()
        if not self._since:
            self._timer.stop()


def paint_mark(
    painter: QPainter,
    rect: QRect,
    strength: float,
    colours: Theme,
    *,
    has_bar: bool,
    has_ground: bool = True,
) -> None:
    """Paint the ground of a marked cell.

    Args:
        painter: Where.
        rect: The cell.
        strength: Of the mark, from 0.0 to 1.0.
        colours: Those of the window.
        has_bar: Whether the bar stands at its left.
        has_ground: Whether the cell has nothing else behind its text, as a selection.
    """
    if has_ground:
        painter.fillRect(rect, _faint(colours.changed, strength))
    if has_bar:
        bar = QRect(rect.x(), rect.y(), BAR_WIDTH, rect.height())
        painter.fillRect(bar, _faint(colours.colour("amber"), strength))


def _faint(colour: QColor, strength: float) -> QColor:
    if strength < 1.0:
        colour = QColor(colour)
        colour.setAlphaF(strength)
    return colour
