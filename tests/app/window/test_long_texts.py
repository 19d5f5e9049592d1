"""Texts of many million characters: shown in parts, and searched as a whole."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from persistence import Edit, make_store
from tests.app.window.conftest import Driver

_LINES = 200_000


@pytest.fixture
def path(driver: Driver, tmp_path: Path) -> Path:
    path = tmp_path / "logs.db"
    text = "".join(f"line {n:07}\n" for n in range(_LINES))
    with make_store(f"sqlite:///{path}") as store:
        store.apply([Edit("Log.1", pickle.dumps({"log": f"{text}😀 the End"}))])
    driver.open(path)
    driver.tree.setCurrentIndex(driver.child("log"))
    driver.until(lambda: driver.window.inspector.details.text.toPlainText().startswith("line 0"))
    return path


def test_a_long_text_is_shown_in_parts(driver: Driver, path: Path) -> None:
    details = driver.window.inspector.details
    assert len(details.text.toPlainText()) == 50_000
    assert "characters 1 – 50,000" in details.heading.text()
    assert not details.less.isVisible()
    details.more.click()
    driver.until(lambda: "characters 50,001 – 100,000" in details.heading.text())
    details.less.click()
    driver.until(lambda: "characters 1 – 50,000" in details.heading.text())


def test_what_is_far_down_in_a_text_is_found_and_selected(driver: Driver, path: Path) -> None:
    details = driver.window.inspector.details
    details.text.setFocus()
    driver.action("actionFind").trigger()
    driver.until(details.search.hasFocus)
    driver.type("the end", details.search)
    driver.key(Qt.Key.Key_Return, details.search)
    driver.until(lambda: details.text.textCursor().selectedText() == "the End")
    assert not details.more.isVisible()
    details.search.clear()
    driver.type("line 01", details.search)
    driver.key(Qt.Key.Key_Return, details.search)
    driver.until(lambda: details.text.textCursor().selectedText() == "line 01")
    place = details.text.textCursor().position()
    driver.key(Qt.Key.Key_Return, details.search)
    driver.until(lambda: details.text.textCursor().position() == place + 13)
    details.search.clear()
    driver.type("nowhere", details.search)
    driver.key(Qt.Key.Key_Return, details.search)
    driver.until(lambda: details.search.property("broken"))
