"""Guards around every test, and the stores that tests work on.

Whatever a test leaves behind or lets happen unseen fails it: log entries from WARNING up,
Qt messages (by pytest-qt, see `qt_log_level_fail`), windows, threads, child processes.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.keyrings import no_keyring, ring  # noqa: F401  the same
from tests.helpers.servers import mariadb, postgresql  # noqa: F401  fixtures for every test

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

DATA = Path(__file__).parent / "data"
# They run in GC3Pie's own interpreter.
collect_ignore = [
    "helpers/gc3pie_load.py",
    "helpers/gc3pie_reader.py",
    "helpers/gc3pie_timer.py",
    "helpers/gc3pie_writer.py",
]

SERVICE = "needs a service: "
"""How the reason of a skip begins that continuous integration does not accept."""

_PATIENCE = 5.0  # seconds that threads and processes get to end
_IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


# Promise 1: nothing shown is ever executed.

_looking = threading.local()
_resolved: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and getattr(_looking, "on", False):
        _resolved.append(".".join(map(str, arguments[-2:])))
        raise AssertionError(f"a class of a pickle was resolved: {_resolved[-1]}")


sys.addaudithook(_audit)


@pytest.fixture
def looks_only() -> Iterator[list[str]]:
    """Fail the test if any class of a pickle is looked up in this thread."""
    _resolved.clear()
    _looking.on = True
    try:
        yield _resolved
    finally:
        _looking.on = False
    assert not _resolved, f"classes of a pickle were resolved: {_resolved}"


# What every test gets.


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep settings, journal, cache and logs of the application in a folder of the test."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("JOBSHELF_HOME", str(folder))
    return folder


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def logged_warnings(request: pytest.FixtureRequest) -> Iterator[list[logging.LogRecord]]:
    """Fail on log entries from WARNING up; a test that expects some clears this list."""
    handler = _Warnings()
    logging.getLogger().addHandler(handler)
    yield handler.records
    logging.getLogger().removeHandler(handler)
    unexpected = [r.getMessage() for r in handler.records if not r.name.startswith("asyncio")]
    assert not unexpected, f"logged: {unexpected}"


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail on windows, threads and child processes that outlive the test."""
    before = set(threading.enumerate())
    yield
    _wait_until(lambda: not (_new_threads(before) or multiprocessing.active_children()))
    assert not _new_threads(before), "threads were left behind"
    assert not multiprocessing.active_children(), "processes were left behind"
    assert not _visible_windows(), "windows were left open"


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and not thread.name.startswith(("execnet", "QueueFeederThread"))
    ]


def _visible_windows() -> list[Any]:
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None or widgets.QApplication.instance() is None:
        return []
    return [widget for widget in widgets.QApplication.topLevelWidgets() if widget.isVisible()]


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition() and time.monotonic() < deadline:
        gc.collect()
        threading.Event().wait(0.01)


# Stores to work on.


@pytest.fixture
def gc3pie(tmp_path: Path) -> Callable[[str], Path]:
    """Copy a store that GC3Pie wrote ("python3.7/jobs.db") to where it may be changed."""

    def copy(name: str) -> Path:
        source, target = DATA / "gc3pie" / name, tmp_path / Path(name).name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
        return target

    return copy


# Skips that are no excuse where everything can be installed.


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and SERVICE in report.longrepr[2]:
        _missing_services.append(report.longrepr[2].partition(SERVICE)[2])


_missing_services: list[str] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _IN_CI and _missing_services and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _IN_CI and _missing_services:
        terminalreporter.write_sep("=", "skipped for want of a service, which CI must have")
        for reason in sorted(set(_missing_services)):
            terminalreporter.write_line(reason)
