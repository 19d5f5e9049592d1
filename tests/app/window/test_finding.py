"""The find bar: a text in the object, with options, counted, gone through by keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from app.window.find_bar import FindBar
from tests.app.window.conftest import Driver

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def bar(driver: Driver, gc3pie: Callable[[str], Path]) -> FindBar:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("Application.10")
    driver.tree.setFocus()
    driver.key(Qt.Key.Key_F, driver.tree, mod=CONTROL)
    found = driver.window.inspector.find_bar
    driver.until(found.edit.hasFocus)
    return found


def find(driver: Driver, bar: FindBar, text: str) -> None:
    bar.edit.clear()
    driver.type(text, bar.edit)
    driver.until(lambda: bar.count.text() or bar.error.isVisible())


def place(driver: Driver) -> str:
    return ".".join(driver.window.inspector.breadcrumb.parts[1:])


def test_matches_are_counted_and_the_first_one_is_shown(driver: Driver, bar: FindBar) -> None:
    find(driver, bar, "sweep0007")
    driver.until(lambda: bar.count.text().startswith("1 of "))
    driver.until(lambda: driver.tree.currentIndex().data() == "jobname")
    assert bar.edit.hasFocus()


def test_enter_and_f3_go_through_the_matches_and_around(driver: Driver, bar: FindBar) -> None:
    find(driver, bar, "requested")
    driver.until(lambda: bar.count.text().startswith("1 of "))
    total = len(bar.matches)
    assert total >= 4
    driver.until(lambda: place(driver).startswith("requested"))
    first = place(driver)
    driver.key(Qt.Key.Key_Return, bar.edit)
    driver.until(lambda: bar.count.text() == f"2 of {total}")
    driver.until(lambda: place(driver) not in ("", first))
    second = place(driver)
    driver.key(Qt.Key.Key_F3, driver.window)
    driver.until(lambda: bar.count.text() == f"3 of {total}")
    driver.until(lambda: place(driver) != second)
    driver.key(Qt.Key.Key_F3, driver.window, mod=SHIFT)
    driver.until(lambda: place(driver) == second)
    driver.key(Qt.Key.Key_Return, bar.edit, mod=SHIFT)
    driver.key(Qt.Key.Key_Return, bar.edit, mod=SHIFT)
    driver.until(lambda: bar.count.text() == f"{total} of {total}")


def test_a_match_deep_inside_is_opened(driver: Driver, bar: FindBar) -> None:
    find(driver, bar, "temperature")
    driver.until(lambda: place(driver).startswith("parameters."))


def test_options_narrow_what_matches(driver: Driver, bar: FindBar) -> None:
    find(driver, bar, "REQUESTED")
    driver.until(lambda: bar.matches)
    driver.qtbot.mouseClick(bar.case, Qt.MouseButton.LeftButton)
    driver.until(lambda: bar.count.text() == "No matches")
    driver.qtbot.mouseClick(bar.case, Qt.MouseButton.LeftButton)
    driver.qtbot.mouseClick(bar.word, Qt.MouseButton.LeftButton)
    driver.until(lambda: bar.count.text() == "No matches")
    driver.qtbot.mouseClick(bar.word, Qt.MouseButton.LeftButton)
    driver.qtbot.mouseClick(bar.regex, Qt.MouseButton.LeftButton)
    find(driver, bar, "^jobn.me$")
    driver.until(lambda: bar.count.text() == "1 of 1")


def test_a_wrong_expression_says_so(driver: Driver, bar: FindBar) -> None:
    driver.qtbot.mouseClick(bar.regex, Qt.MouseButton.LeftButton)
    find(driver, bar, "(a")
    driver.until(bar.error.isVisible)
    assert "no regular expression" in bar.error.text()
    driver.type(")", bar.edit)
    driver.until(lambda: not bar.error.isVisible())


def test_escape_closes_the_bar_and_returns_to_the_tree(driver: Driver, bar: FindBar) -> None:
    find(driver, bar, "sweep")
    driver.key(Qt.Key.Key_Escape, bar.edit)
    assert bar.isHidden()
    assert driver.tree.hasFocus()


def test_in_the_table_the_same_key_goes_to_the_filter(driver: Driver, bar: FindBar) -> None:
    driver.key(Qt.Key.Key_Escape, bar.edit)
    driver.table.setFocus()
    driver.key(Qt.Key.Key_F, driver.table, mod=CONTROL)
    driver.until(driver.window.filter_edit.hasFocus)
    driver.key(Qt.Key.Key_F, driver.window.filter_edit, mod=CONTROL | SHIFT)
    driver.until(bar.edit.hasFocus)


def test_another_object_is_searched_when_it_is_shown(driver: Driver, bar: FindBar) -> None:
    find(driver, bar, "sweep0007")
    driver.until(lambda: bar.count.text().startswith("1 of "))
    driver.select("Application.3")
    driver.until(lambda: bar.count.text() == "No matches")
    assert driver.tree.currentIndex().data() == "Application.3"
    driver.window.close_store()
    assert bar.isHidden()
    assert bar.matches == ()
