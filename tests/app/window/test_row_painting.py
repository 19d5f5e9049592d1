"""The table as it is painted: rows far down, marks of changes, and the switch of the live view."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QToolButton

from app.models.roles import ADDRESS_ROLE
from app.settings import Settings
from app.window.change_marks import BAR_WIDTH, is_motion_reduced
from app.window.theme import theme
from persistence import Edit, make_store
from tests.app.window.conftest import Driver


@pytest.fixture
def path(driver: Driver, tmp_path: Path) -> Path:
    path = tmp_path / "many.db"
    with make_store(f"sqlite:///{path}") as store:
        store.apply([Edit(f"Job.{n}", pickle.dumps({"name": f"job {n}"})) for n in range(600)])
    driver.open(path)
    return path


def test_rows_below_the_first_page_are_painted_when_they_are_scrolled_to(
    driver: Driver, path: Path
) -> None:
    driver.table.scrollToBottom()
    driver.until(lambda: driver.window.table.model.row(599) is not None)


def test_a_changed_row_has_a_bar_and_loses_it(driver: Driver, path: Path) -> None:
    _write(path, "Job.7", "another name")
    driver.until(lambda: driver.table.marks.strength("Job.7") == 1.0)
    driver.until(lambda: _name(driver, 7) == "another name")
    assert _left_edge(driver, 7) == theme().colour("amber")
    assert _left_edge(driver, 8) != theme().colour("amber")
    driver.until(lambda: not driver.table.marks)
    driver.until(lambda: _left_edge(driver, 7) != theme().colour("amber"))


def test_marks_do_not_fade_for_who_does_not_want_motion(driver: Driver, path: Path) -> None:
    assert not is_motion_reduced()
    driver.window.settings.motion = "reduced"
    driver.window.preferences.apply("motion")
    assert is_motion_reduced()
    strengths = set()
    driver.table.marks.add(["Job.3"])
    driver.until(lambda: strengths.add(driver.table.marks.strength("Job.3")) or 0.0 in strengths)
    assert strengths == {0.0, 1.0}
    Settings().motion = "system"
    driver.window.preferences.apply("motion")
    assert not is_motion_reduced()


def test_a_paused_view_says_how_much_has_changed_and_shows_it_when_it_goes_on(
    driver: Driver, path: Path
) -> None:
    driver.action("actionLive").trigger()
    _write(path, "Job.7", "another name")
    _write(path, "Job.9", "another name")
    button = next(
        button
        for button in driver.window.findChildren(QToolButton)
        if button.defaultAction() is driver.action("actionLive")
    )
    driver.until(lambda: "2 changed" in button.text())
    assert _name(driver, 7) == "job 7"
    driver.action("actionLive").trigger()
    driver.until(lambda: _name(driver, 7) == "another name")
    driver.until(lambda: button.text() == "Live")


def test_values_that_others_change_are_marked_in_the_tree(driver: Driver, path: Path) -> None:
    driver.select("Job.5")
    driver.until(lambda: driver.shows("Job.5"))
    _write(path, "Job.5", "another name")
    driver.until(lambda: driver.tree.marks)
    address = driver.child("name").data(ADDRESS_ROLE)
    assert driver.tree.marks.strength(("Job.5", address)) == 1.0


def _write(path: Path, id_: str, name: str) -> None:
    with make_store(path) as store:
        store.write(id_, pickle.dumps({"name": name}))


def _name(driver: Driver, number: int) -> str | None:
    row = driver.window.table.model.row(number)
    return None if row is None else row.name


def _left_edge(driver: Driver, number: int) -> QColor:
    """Return the colour that the bar of a row has, or would have."""
    QApplication.processEvents()
    image: QImage = driver.table.viewport().grab().toImage()
    rect = driver.table.visualRect(driver.table.model().index(number, 0))
    ratio = image.devicePixelRatio()
    return image.pixelColor(int((rect.x() + BAR_WIDTH // 2) * ratio), int((rect.y() + 2) * ratio))
