"""Handing a store over to a window that is open: the line between two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.work import handover
from app.work.handover import Door, Invitation, hand_over_or_listen

ROOT = Path(__file__).parents[3]
# Waits at a door and accepts what is asked of it, until its standard input ends.
WINDOW = """
import sys, threading
from app.work.handover import hand_over_or_listen
_, door = hand_over_or_listen(None)
print("listening", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), door.close()), daemon=True).start()
while (visit := door.wait()) is not None:
    print(visit.invitation.uri, visit.invitation.only_if_shown, flush=True)
    visit.answer(not visit.invitation.only_if_shown)
"""
# Hands one store over, or says that it would open a window.
STARTED = """
import sys
from app.work.handover import Invitation, hand_over_or_listen
handed_over, door = hand_over_or_listen(Invitation(sys.argv[1]))
assert "PySide6" not in sys.modules
print("handed over" if handed_over else "window")
"""
# Hands one store over, or is a window until it has had three visitors.
BOTH = """
import sys
from app.work.handover import Invitation, hand_over_or_listen
handed_over, door = hand_over_or_listen(Invitation(sys.argv[1]))
count = 0
while door and count < 3 and (visit := door.wait()):
    visit.answer(not visit.invitation.only_if_shown)
    count += not visit.invitation.only_if_shown
print("handed over" if handed_over else f"window, {count} visitors")
"""


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # A socket's address is short: pytest's folders are too deep for it.
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def window() -> Iterator[subprocess.Popen[str]]:
    process = start()
    yield process
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def start() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WINDOW],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "listening\n"
    return process


def opened(uri: str = "file:///jobs", *, code: str = STARTED, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, uri],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_a_store_is_handed_over_to_the_window_that_is_open(
    window: subprocess.Popen[str],
) -> None:
    assert opened("file:///jobs") == "handed over"
    window.stdin.close()  # type: ignore[union-attr]
    assert window.stdout is not None
    assert window.stdout.read().split("\n")[:2] == ["file:///jobs True", "file:///jobs False"]
    assert window.wait(10) == 0


def test_without_a_window_one_is_opened() -> None:
    assert opened() == "window"


def test_a_window_on_another_display_is_not_reached(window: subprocess.Popen[str]) -> None:
    assert opened(DISPLAY=":99.7") == "window"


def test_what_a_killed_window_left_is_removed(window: subprocess.Popen[str], runtime: Path) -> None:
    window.kill()
    window.wait()
    left = {path.name for path in runtime.glob(f"jobshelf/*-{window.pid}.*")}
    assert {name.partition(".")[2] for name in left} == {"window", "socket"}
    assert opened() == "window"
    assert not list(runtime.glob(f"jobshelf/*-{window.pid}.*"))


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be stopped there")
def test_a_window_that_hangs_does_not_keep_a_new_one_from_opening(
    window: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    window.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(handover, "_PATIENCE", 0.2)
    handed_over, door = hand_over_or_listen(Invitation("file:///jobs"))
    window.send_signal(signal.SIGCONT)
    assert not handed_over
    assert door is not None
    door.close()
    assert door.wait() is None


def test_of_many_started_at_once_one_opens_a_window_and_gets_all_stores() -> None:
    with ThreadPoolExecutor(4) as pool:
        starts = [pool.submit(opened, f"file:///jobs/{number}", code=BOTH) for number in range(4)]
        said = [start.result() for start in starts]
    assert sorted(said)[:3] == ["handed over"] * 3
    (winner,) = (text for text in said if text != "handed over")
    assert winner == "window, 3 visitors"


@pytest.mark.skipif(sys.platform == "win32", reason="there the folder is in the user's profile")
def test_only_the_user_can_look_into_the_folder_which_goes_with_the_last_window(
    runtime: Path,
) -> None:
    _, door = hand_over_or_listen(None)
    assert door is not None
    folder = runtime / "jobshelf"
    assert folder.stat().st_mode & 0o077 == 0
    (note,) = folder.glob("*.window")
    assert note.stat().st_mode & 0o077 == 0
    door.close()
    assert door.wait() is None
    assert not folder.exists(), "the last window left something behind"


@pytest.mark.skipif(sys.platform == "win32", reason="there the folder is in the user's profile")
def test_a_folder_that_others_may_look_into_is_not_used(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover.tempfile, "gettempdir", lambda: str(runtime / "elsewhere"))
    (runtime / "jobshelf").mkdir()
    (runtime / "jobshelf").chmod(0o755)
    assert hand_over_or_listen(None) == (False, None)


def test_a_visitor_without_the_key_is_sent_away(runtime: Path) -> None:
    _, door = hand_over_or_listen(None)
    assert door is not None
    (note,) = runtime.glob("jobshelf/*.window")
    about = json.loads(note.read_text("utf-8"))
    note.write_text(json.dumps({**about, "key": "00" * 32}), "utf-8")
    answers: list[bool | None] = []
    stranger = threading.Thread(
        target=lambda: answers.append(handover._ask(note, Invitation("file:///jobs")))
    )
    stranger.start()
    threading.Thread(target=lambda: (stranger.join(), door.close())).start()
    assert door.wait() is None
    assert answers == [None]


def test_a_door_is_closed_while_somebody_waits_at_it() -> None:
    _, door = hand_over_or_listen(None)
    assert isinstance(door, Door)
    waiting = threading.Thread(target=door.wait)
    waiting.start()
    door.close()
    waiting.join(10)
    assert not waiting.is_alive()
