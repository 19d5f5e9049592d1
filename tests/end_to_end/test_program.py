"""The program as a user starts it: a process, a display, keys, pictures."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from persistence import make_store
from tests.helpers.desktop import Desktop, virtual_desktop, wait_until

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"


@pytest.fixture(scope="module")
def desktop() -> Iterator[Desktop]:
    with virtual_desktop() as desktop:
        yield desktop


def jobshelf(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def picture_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def gc3pie_places() -> Iterator[tuple[str, int]]:
    for version in ("python3.7", "python2.7"):
        manifest = json.loads((DATA / "gc3pie" / version / "manifest.json").read_text("utf-8"))
        for name, about in manifest["stores"].items():
            table = "#table=campaign" if "table" in name else ""
            yield f"{version}/{name}{table}", len(about["listed"])
        yield f"{version}/session", len(manifest["session"]["listed"])


@pytest.mark.parametrize(("place", "count"), list(gc3pie_places()))
def test_every_gc3pie_store_is_rendered_to_a_picture(
    place: str, count: int, tmp_path: Path
) -> None:
    target = tmp_path / "window.png"
    done = jobshelf(f"{DATA}/gc3pie/{place}", "--read-only", "--screenshot", str(target))
    assert done.returncode == 0, done.stderr
    assert f"{count:,} objects" in done.stdout
    assert done.stderr == ""
    width, height = picture_size(target)
    assert width >= 1000
    assert height >= 600


def test_the_demo_is_rendered_without_any_display(tmp_path: Path) -> None:
    target = tmp_path / "demo.png"
    done = jobshelf("--demo", "--screenshot", str(target), DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 0, done.stderr
    assert "objects" in done.stdout
    picture_size(target)


def test_an_address_without_a_store_is_an_error_that_says_why(tmp_path: Path) -> None:
    done = jobshelf(str(tmp_path / "missing"), "--screenshot", str(tmp_path / "x.png"))
    assert done.returncode == 1
    assert "missing" in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_one_sentence_says_what_to_do() -> None:
    done = jobshelf(DISPLAY="", WAYLAND_DISPLAY="", QT_QPA_PLATFORM="")
    assert done.returncode == 2
    assert "--screenshot" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_is_deleted_and_brought_back_with_the_keyboard_alone(
    desktop: Desktop, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs.db")

    def stored() -> set[str]:
        with make_store(path, read_only=True) as store:
            return set(store)

    everything = stored()
    program = subprocess.Popen(
        [sys.executable, "-m", "app", str(path)], cwd=ROOT, env=desktop.environment
    )
    try:
        window = desktop.wait_for_window("jobs.db")
        assert "Jobshelf" in desktop.title(window)
        desktop.press("ctrl+f")
        desktop.type("campaign")
        desktop.press("Return")
        wait_until(
            lambda: _press_and_look(desktop, "Down", "Delete", stored) < everything, "delete"
        )
        (gone,) = everything - stored()
        desktop.wait_for_window("jobs.db")
        desktop.press("ctrl+z")
        wait_until(lambda: stored() == everything, f"undo of deleting {gone}")
        desktop.press("ctrl+q")
        assert program.wait(30) == 0
    finally:
        program.kill()
        program.wait()


def _press_and_look(
    desktop: Desktop, first: str, second: str, look: Callable[[], set[str]]
) -> set[str]:
    desktop.press(first, second)
    return look()


def test_a_store_that_is_opened_elsewhere_is_shown_in_the_window_that_is_open(
    desktop: Desktop, gc3pie: Callable[[str], Path]
) -> None:
    first = gc3pie("python3.7/jobs.db")
    second = Path(shutil.copy(first, first.with_name("other.db")))
    command = [sys.executable, "-m", "app"]
    program = subprocess.Popen([*command, str(first)], cwd=ROOT, env=desktop.environment)
    other = None
    try:
        window = desktop.wait_for_window("jobs.db")
        started = subprocess.run(
            [*command, "other.db"], cwd=second.parent, timeout=60, capture_output=True, text=True,
            env={**desktop.environment, "PYTHONPATH": str(ROOT)}, check=True,
        )  # fmt: skip
        assert "in the window that is open already" in started.stdout
        wait_until(lambda: "other" in desktop.title(window), "the other store in that window")
        other = subprocess.Popen(
            [*command, "--new-window", str(first)], cwd=ROOT, env=desktop.environment
        )
        assert desktop.wait_for_window("jobs.db") != window
        assert "other" in desktop.title(window)
    finally:
        for process in (program, other):
            if process is not None:
                process.terminate()
                process.wait()


def test_the_demo_opens_on_the_display_and_its_jobs_go_on(desktop: Desktop, tmp_path: Path) -> None:
    environment = {**desktop.environment, "TMPDIR": str(tmp_path)}
    program = subprocess.Popen([sys.executable, "-m", "app", "--demo"], cwd=ROOT, env=environment)
    try:
        window = desktop.wait_for_window("demo.db")
        (database,) = tmp_path.glob("jobshelf-demo-*/demo.db")

        def finished() -> int:
            with make_store(database, read_only=True) as store:
                return sum(summary.state == "TERMINATED" for summary in store.summaries())

        at_first = finished()
        wait_until(lambda: finished() > at_first, "a job of the demo to be finished")
        desktop.press("ctrl+q")
        assert program.wait(30) == 0
        assert window
    finally:
        program.kill()
        program.wait()
    assert not list(tmp_path.glob("jobshelf-demo-*")), "the demo's folder was left behind"
