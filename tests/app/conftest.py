"""Open sessions, and answers to what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.work.session import StoreSession
from app.work.task import Task

TIMEOUT = 60_000

Answer = Callable[[Task], Any]
OpenSession = Callable[..., StoreSession]


@pytest.fixture
def answer(qtbot: QtBot) -> Answer:
    """Wait for the result of a task and return it, or raise its error."""

    def wait(task: Task) -> Any:
        outcomes: list[tuple[Any, BaseException | None]] = []
        task.then(
            lambda result: outcomes.append((result, None)),
            lambda error: outcomes.append((None, error)),
        )
        qtbot.waitUntil(lambda: bool(outcomes), timeout=TIMEOUT)
        result, error = outcomes[0]
        if error is not None:
            raise error
        return result

    return wait


@pytest.fixture
def open_session(qtbot: QtBot) -> Iterator[OpenSession]:
    """Open a store and return its session, once all of it is in the list."""
    sessions = []

    def open_(
        path: Path | str, *, read_only: bool = False, whole: bool = True, **extra: Any
    ) -> StoreSession:
        session = StoreSession(**extra)
        sessions.append(session)
        with qtbot.waitSignal(session.opened, timeout=TIMEOUT):
            session.open(path, read_only)
        if whole:
            qtbot.waitUntil(lambda: session.is_scanned, timeout=TIMEOUT)
        return session

    yield open_
    for session in sessions:
        session.close()
        session.deleteLater()
