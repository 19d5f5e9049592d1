"""A virtual display, and a person at it who has a keyboard, a clipboard and a camera."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 60.0  # seconds


class Desk:
    """A virtual X display.

    Attributes:
        display: What DISPLAY has to be for programs that shall appear on it.
        environment: That of programs of this machine.
    """

    def __init__(self, display: str) -> None:
        self.display = display
        self.environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}

    def windows(self, title: str) -> list[str]:
        """Return the visible windows whose title contains a text."""
        return self._run("xdotool", "search", "--onlyvisible", "--name", title).split()

    def title(self, window: str) -> str:
        """Return the title of a window."""
        return self._run("xdotool", "getwindowname", window).strip()

    def wait_for_window(self, title: str, process: subprocess.Popen) -> str:
        """Wait for a window and give it the keyboard (there is no window manager)."""

        def is_there() -> bool:
            if process.poll() is not None:
                raise SystemExit(f"packaging: it ended with {process.returncode} before a window")
            return bool(self.windows(title))

        self.wait_until(is_there, f"a window {title!r}")
        window = self.windows(title)[-1]
        self.focus(window)
        return window

    def focus(self, window: str) -> None:
        """Give a window the keyboard."""
        self._run("xdotool", "windowfocus", "--sync", window)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        self._run("xdotool", "key", "--delay", "80", *keys)

    def clipboard(self) -> str:
        """Return the text that was copied last."""
        return self._run("xclip", "-selection", "clipboard", "-o")

    def chosen_job(self, window: str) -> str:
        """Return the ID of the job that is selected in a window."""
        self.focus(window)
        return self._copied("ctrl+shift+c")

    def inspect(self, window: str) -> tuple[str, str]:
        """Go to a job, into its tree and down to a value; return its path and its text."""
        self.focus(window)
        # Down: to the next job. Return: into its tree. Right and Down: to its first values.
        self.wait_until(lambda: bool(self._copied("ctrl+shift+c", "Down")), "a job's ID")
        self.press("Return")
        id_ = self.clipboard()
        self.wait_until(
            lambda: self._copied("ctrl+alt+c", "Right", "Down") not in ("", id_), "a value's path"
        )
        path = self.clipboard()
        self.wait_until(lambda: self._copied("ctrl+c") not in ("", path), f"the value of {path}")
        return path, self.clipboard()

    def _copied(self, copy: str, *keys: str) -> str:
        self.press(*keys, copy)
        time.sleep(0.3)  # the clipboard is filled by another process, which says nothing
        return self.clipboard()

    def screenshot(self, target: Path) -> None:
        """Take a picture of the whole display."""
        self._run("import", "-window", "root", str(target))

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something to happen; end the check if it does not."""
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"packaging: {what}: waited {_PATIENCE:.0f} s in vain")
            time.sleep(0.05)

    def _run(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.environment, check=False, text=True, timeout=_PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ).stdout  # fmt: skip


@contextmanager
def desk() -> Iterator[Desk]:
    """Start an X server without a screen.

    It would begin anew whenever its last client leaves, and turn away who comes meanwhile.
    """
    receiver, sender = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(sender), "-screen", "0", "1400x900x24", "-nolisten", "tcp",
         "-ac", "-noreset"],
        pass_fds=[sender], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(sender)
    try:
        with os.fdopen(receiver) as numbers:
            yield Desk(f":{numbers.readline().strip()}")
    finally:
        server.terminate()
        server.wait()
