"""A display of its own for a program under test, with real keys and pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import SERVICE

__all__ = ["Desktop", "virtual_desktop"]

_PATIENCE = 60.0  # seconds


class Desktop:
    """A virtual X display.

    Attributes:
        display: What DISPLAY has to be for programs that shall appear on it.
    """

    def __init__(self, display: str) -> None:
        self.display = display
        self.environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}

    def windows(self, title: str) -> list[str]:
        """Return the visible windows whose title contains a text, the newest last."""
        found = self._xdotool("search", "--onlyvisible", "--name", title, check=False)
        return found.split()

    def wait_for_window(self, title: str) -> str:
        """Wait for a window and give it the keyboard (there is no window manager)."""
        wait_until(lambda: bool(self.windows(title)), f"a window {title!r}")
        window = self.windows(title)[-1]
        self._xdotool("windowfocus", "--sync", window)
        return window

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, as a person at the keyboard."""
        self._xdotool("key", "--delay", "60", *keys)

    def type(self, text: str) -> None:
        """Type a text."""
        self._xdotool("type", "--delay", "20", text)

    def title(self, window: str) -> str:
        """Return the title of a window."""
        return self._xdotool("getwindowname", window).strip()

    def _xdotool(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["xdotool", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=check,
        )
        return done.stdout


@contextmanager
def virtual_desktop() -> Iterator[Desktop]:
    """Start an X server without a screen; skip where there is none."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{SERVICE}{program} is not installed")
    receiver, sender = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(sender), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=[sender],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(sender)
    try:
        with os.fdopen(receiver) as numbers:
            number = numbers.readline().strip()
            assert number, "Xvfb ended before it had a display"
            yield Desktop(f":{number}")
    finally:
        server.terminate()
        server.wait()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something to happen in another process; fail if it does not."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what}: waited {_PATIENCE:.0f} s in vain"
        time.sleep(0.05)
