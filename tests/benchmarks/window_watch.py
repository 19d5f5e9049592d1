"""What the benchmarks of the window look at it with: stalls, paints, ages, memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import psutil
from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView

__all__ = ["Ages", "Heartbeat", "Painted", "memory", "painted_after", "pause", "wait_until"]

PATIENCE = 300.0  # seconds for any one step
MIB = 1024 * 1024

_IDLE = """
import os, sys, threading, time
asked = threading.Event()
def listen():
    for _ in sys.stdin:
        asked.set()
    os._exit(0)  # whoever asked is gone
threading.Thread(target=listen, daemon=True).start()
longest, last = 0.0, time.perf_counter()
while True:
    time.sleep(0.005)
    now = time.perf_counter()
    longest, last = max(longest, now - last - 0.005), now
    if asked.is_set():
        asked.clear()
        print(longest * 1000, flush=True)
        longest, last = 0.0, time.perf_counter()
"""


class Heartbeat(QObject):
    """Measures how long the window's thread did not come back to its events.

    A process that does nothing but sleep measures the same beside it: what other programs on
    the machine take from both.
    """

    BEAT = 5  # milliseconds

    def __init__(self) -> None:
        super().__init__()
        self._idle = subprocess.Popen(
            [sys.executable, "-c", _IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._timer = QTimer(self, interval=self.BEAT, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self.start()

    def start(self) -> None:
        """Begin to measure anew."""
        self.idle()
        self._stalls: list[float] = []
        self._last = time.perf_counter()
        self._timer.start()

    def longest(self) -> float:
        """Return the longest stall since `start`, in milliseconds."""
        self._beat()
        return max(self._stalls) * 1000

    def idle(self) -> float:
        """Return the longest stall of the idle process since `start`, in milliseconds."""
        assert self._idle.stdin is not None
        assert self._idle.stdout is not None
        self._idle.stdin.write("\n")
        self._idle.stdin.flush()
        return float(self._idle.stdout.readline())

    def end(self) -> None:
        """End the idle process."""
        self._timer.stop()
        self._idle.kill()
        self._idle.communicate()

    def _beat(self) -> None:
        now = time.perf_counter()
        self._stalls.append(now - self._last - self.BEAT / 1000)
        self._last = now


class Painted(QObject):
    """Tells when a view has painted what satisfies a condition."""

    def __init__(self, view: QAbstractItemView, condition: Callable[[], object]) -> None:
        super().__init__()
        self.at = 0.0
        self._view = view
        self._condition = condition
        view.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self.at and self._condition():
            self.at = -1.0
            QTimer.singleShot(0, self, self._note)  # when all of it is on the screen
        return False

    def wait(self) -> float:
        """Return when it was painted, by `time.perf_counter`."""
        wait_until(lambda: self.at > 0)
        self._view.viewport().removeEventFilter(self)
        return self.at

    def _note(self) -> None:
        self.at = time.perf_counter()


def wait_until(condition: Callable[[], object]) -> None:
    """Handle events until something is so."""
    if condition():
        return
    loop, until = QEventLoop(), time.monotonic() + PATIENCE
    timer = QTimer(interval=2)
    timer.timeout.connect(lambda: (condition() or time.monotonic() > until) and loop.quit())
    timer.start()
    loop.exec()
    if not condition():
        raise TimeoutError(f"it did not happen within {PATIENCE:.0f} s")


def pause(seconds: float) -> None:
    """Handle events for a time."""
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    loop.exec()


def painted_after(
    view: QAbstractItemView, act: Callable[[], object], condition: Callable[[], object]
) -> float:
    """Return how long it takes from an act until a view has painted something, in ms."""
    watch = Painted(view, condition)
    began = time.perf_counter()
    act()
    view.viewport().update()
    return (watch.wait() - began) * 1000


def memory() -> float:
    """Return the memory that only this process has, in MiB."""
    info = psutil.Process().memory_full_info()
    return float(info.uss) / MIB


class Ages(QObject):
    """Tells how old the newest change is that a view shows, at every beat of 10 ms."""

    def __init__(self, view: QAbstractItemView, newest: Callable[[], float]) -> None:
        super().__init__()
        self._newest = newest
        self._shown = 0.0
        self._ages: list[float] = []
        self._timer = QTimer(self, interval=10, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._note)
        view.viewport().installEventFilter(self)

    def start(self) -> None:
        self._ages.clear()
        self._timer.start()

    def stop(self) -> list[float]:
        """Return the ages in milliseconds."""
        self._timer.stop()
        return self._ages

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._shown = self._newest()
        return False

    def _note(self) -> None:
        self._ages.append((time.time() - self._shown) * 1000)
