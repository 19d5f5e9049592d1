"""Hands a store over to a window that is open already, before a second window is started.

Each window listens at an address of its own and leaves a note with it in a folder that only
the user can look into: `DISPLAY-PID.window`, JSON with `address` and `key`. A program that is
started with a store asks these windows one by one, the last used first. Both sides prove that
they have read the note (`multiprocessing.connection`, HMAC), then one JSON message goes each
way; nothing is pickled. Notes that a killed window left are removed by who finds that nobody
listens there. A lock makes "ask all, else listen" one step: two starts at the same moment
give one window.

This module is free of Qt: a program that hands over ends before Qt is loaded.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import socket
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

__all__ = ["Door", "Invitation", "Visit", "hand_over_or_listen"]

_log = logging.getLogger(__name__)

_PATIENCE = 5.0  # seconds that a window has to answer; it may be starting
_LONGEST_MESSAGE = 1 << 16
_LONGEST_ADDRESS = 100  # bytes; of a Unix socket macOS takes 103, Linux 107
_WAITING = 16  # programs that may knock at once

# What a window that goes away, or was never one of ours, does to the line.
_GONE = (EOFError, OSError, AuthenticationError, ValueError, KeyError)


@dataclass(frozen=True, slots=True)
class Invitation:
    """Asks a window to open a store.

    Attributes:
        uri: Address of the store; absolute, as the asker's folder is not the window's.
        read_only: Whether to open it so that nothing can change it.
        only_if_shown: Whether only a window that shows this store already is meant.
    """

    uri: str
    read_only: bool = False
    only_if_shown: bool = False


class Door:
    """The address at which this process listens, until `close`.

    Raises:
        OSError: There is no place where it could listen.
    """

    def __init__(self, folder: Path) -> None:
        name = f"{_display()}-{os.getpid()}"
        self._socket = folder / f"{name}.socket"
        self._note = folder / f"{name}.window"
        self._key = secrets.token_bytes(32)
        self._closed = threading.Event()
        if sys.platform == "win32":
            self._listener = Listener(family="AF_PIPE")
        else:
            self._socket.unlink(missing_ok=True)  # of a process that had our number
            self._listener = Listener(os.fspath(self._socket), "AF_UNIX", _WAITING)
        self._address = str(self._listener.address)
        draft = self._note.with_suffix(".draft")
        draft.touch(0o600)
        draft.write_text(json.dumps({"address": self._address, "key": self._key.hex()}), "utf-8")
        draft.replace(self._note)

    def wait(self) -> Visit | None:
        """Wait for the next visitor who can prove to be the same user; None once closed."""
        while not self._closed.is_set():
            try:
                line = self._listener.accept()
            except OSError as error:
                _log.warning("others cannot reach this window any more: %s", error)
                break
            if self._closed.is_set():
                line.close()
                break
            try:
                deliver_challenge(line, self._key)
                answer_challenge(line, self._key)
                message = json.loads(line.recv_bytes(_LONGEST_MESSAGE))
                return Visit(line, Invitation(**message))
            except (*_GONE, TypeError) as error:
                _log.info("a visitor was sent away: %s", type(error).__name__)
                line.close()
        with suppress(OSError):
            self._listener.close()  # removes the socket
        self._tidy()
        return None

    def renew(self) -> None:
        """Be the first that is asked from now on: the user has turned to this window."""
        with suppress(OSError):
            os.utime(self._note)

    def close(self) -> None:
        """Stop listening; wakes the thread that is in `wait`."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._note.unlink(missing_ok=True)
        with suppress(*_GONE):
            _connect(self._address).close()

    def _tidy(self) -> None:
        """Leave nothing behind after the last window of the user."""
        folder = self._note.parent
        lock = folder / f"{_display()}.lock"
        with suppress(OSError, Timeout):
            with FileLock(lock, timeout=0):
                if not any(folder.glob(f"{_display()}-*.window")):
                    lock.unlink()  # who waits for it meanwhile finds that it is gone, and makes one
            folder.rmdir()  # if it is empty


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who waits for an answer.

    Attributes:
        invitation: What was asked.
    """

    line: Connection
    invitation: Invitation

    def answer(self, accepted: bool) -> None:
        """Say whether the store is shown in this window, and hang up."""
        with suppress(*_GONE):
            self.line.send_bytes(json.dumps({"accepted": accepted}).encode())
        self.line.close()


def hand_over_or_listen(invitation: Invitation | None) -> tuple[bool, Door | None]:
    """Have an open window show a store; else listen for what others want to be shown.

    Args:
        invitation: The store; None if a new window is wanted, whatever is open.

    Returns:
        Whether a window has taken the store over, so that this process is not needed; and
        the door of this process, None if it is not needed or there is no place to listen at.
    """
    try:
        with _alone() as folder:
            if invitation is not None and _hand_over(invitation, folder):
                return True, None
            return False, Door(folder)
    except (OSError, Timeout) as error:
        _log.info("this window cannot be reached by others: %s", error)
        return False, None


def _hand_over(invitation: Invitation, folder: Path) -> bool:
    notes = list(folder.glob(f"{_display()}-*.window"))
    notes.sort(key=_last_use, reverse=True)
    shown = replace(invitation, only_if_shown=True)
    willing = []
    for note in notes:
        match _ask(note, shown):
            case True:
                return True
            case False:
                willing.append(note)
    return any(_ask(note, invitation) for note in willing)


def _ask(note: Path, invitation: Invitation) -> bool | None:
    """Ask the window that left a note; return whether it shows the store, None for no answer."""
    try:
        about = json.loads(note.read_text("utf-8"))
        address, key = about["address"], bytes.fromhex(about["key"])
    except _GONE:
        return None
    try:
        line = _connect(address)
    except (ConnectionRefusedError, FileNotFoundError):
        note.unlink(missing_ok=True)  # its window was killed
        if sys.platform != "win32":
            Path(address).unlink(missing_ok=True)
        return None
    except OSError:
        return None
    with line, suppress(*_GONE):
        if not line.poll(_PATIENCE):
            return None
        answer_challenge(line, key)
        deliver_challenge(line, key)
        line.send_bytes(json.dumps(asdict(invitation)).encode())
        if not line.poll(_PATIENCE):
            return None
        return bool(json.loads(line.recv_bytes(_LONGEST_MESSAGE))["accepted"])
    return None


def _connect(address: str) -> Connection:
    if sys.platform == "win32":
        return Client(address, "AF_PIPE")
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(_PATIENCE)  # a window that hangs does not take calls
        line.connect(address)
        line.setblocking(True)
    except BaseException:
        line.close()
        raise
    return Connection(line.detach())


@contextmanager
def _alone() -> Iterator[Path]:
    """Give the folder of the notes, locked against other starting programs."""
    folder = _folder()
    with FileLock(folder / f"{_display()}.lock", timeout=4 * _PATIENCE):
        yield folder


def _folder() -> Path:
    """Return the folder of the notes, which exists then and is only the user's.

    Raises:
        OSError: There is none.
    """
    if sys.platform == "win32":
        folder = platformdirs.user_data_path("jobshelf", appauthor=False) / "windows"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    problem = OSError("no folder for sockets")
    for parent, name in (
        (os.environ.get("XDG_RUNTIME_DIR"), "jobshelf"),
        (tempfile.gettempdir(), f"jobshelf-{os.geteuid()}"),
    ):
        if not parent:
            continue
        folder = Path(parent, name)
        longest = folder / f"{_display()}-{2**22}.socket"
        if len(os.fsencode(longest)) > _LONGEST_ADDRESS:
            continue
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            status = folder.lstat()
        except OSError as error:
            problem = error
            continue
        # In a folder for all somebody else may have been first.
        is_ours = status.st_uid == os.geteuid() and not status.st_mode & 0o077
        if stat.S_ISDIR(status.st_mode) and is_ours:
            return folder
        problem = PermissionError(f"{folder} is not only ours")
    raise problem


def _display() -> str:
    """Return a name for the screen that windows are on, and for the settings they share."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "SESSIONNAME", "JOBSHELF_HOME")
    text = "\0".join(os.environ.get(name, "") for name in names)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _last_use(note: Path) -> float:
    try:
        return note.stat().st_mtime
    except OSError:  # its window was closed just now
        return 0.0
