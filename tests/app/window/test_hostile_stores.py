"""The window on stores from strangers: it opens them or says why not, and changes nothing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from tests.app.window.conftest import Driver
from tests.helpers.hostile_stores import ZOO, fingerprint, spring

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the traps are made of what Linux has"
)

# One of each kind that shows differently: the library's tests spring all of them.
SHOWN = [
    "folder: a terabyte of nothing",
    "folder: a time beyond all calendars",
    "folder: a reversed name",
    "folder: markup as a name",
    "folder: the transaction removes a file elsewhere",
    "folder: a FIFO in its place",
    "session: its address is a FIFO",
    "database: a trigger on DELETE",
    "database: columns with escape codes in their names",
    "database: states and names that are no lines",
    "database: a name of twenty megabytes",
    "database: an ID that is no text",
    "database: a journal that has a file elsewhere removed",
    "database: its -journal is a FIFO",
]


@pytest.mark.parametrize("trap", SHOWN)
def test_a_hostile_store_is_shown_or_explained(driver: Driver, trap: str, tmp_path: Path) -> None:
    address = spring(trap, tmp_path)
    before, outside = fingerprint(tmp_path), fingerprint(tmp_path / "outside")
    window = driver.window
    banners = window.findChildren(QLabel, "bannerSentence")
    outcome: list[object] = []
    window.store_opened.connect(lambda *_: outcome.append("opened"))
    window.store_failed.connect(outcome.append)
    window.open_store(str(address))
    driver.until(lambda: outcome)
    expected = ZOO[trap].ids
    if outcome[0] == "opened":
        driver.until(lambda: window.session.is_scanned or any(map(QLabel.isVisible, banners)))
        driver.until(
            lambda: expected is None or window.table.total == driver.table.model().rowCount()
        )
        if expected:
            driver.until(lambda: set(driver.ids()) == set(expected))
            for id_ in expected:
                driver.click_row(driver.row_of(id_))
                driver.until(lambda: driver.node() is not None)
    else:
        assert not expected or ZOO[trap].refusal
        assert window.pages.failure.isVisible()
    check_texts(driver)
    assert fingerprint(tmp_path / "outside") == outside
    if "-" not in trap:
        assert fingerprint(tmp_path) == before


@pytest.mark.parametrize(
    "trap",
    [
        "folder: a name that is no text",
        "folder: escape codes in a name",
        "folder: the longest name",
    ],
)
def test_an_object_with_any_name_is_deleted_and_comes_back(
    driver: Driver, trap: str, tmp_path: Path
) -> None:
    address = spring(trap, tmp_path)
    ids = ZOO[trap].ids
    assert ids is not None
    (id_,) = set(ids) - {"Good.1"}
    driver.window.open_store(str(address))
    driver.until(lambda: set(driver.ids()) == set(ids))
    driver.click_row(driver.row_of(id_))
    driver.until(lambda: driver.node() is not None)
    driver.action("actionDelete").trigger()
    driver.until(lambda: driver.ids() == ["Good.1"])
    assert not (tmp_path / "jobs" / id_).exists()
    check_texts(driver)
    driver.until(lambda: driver.action("actionUndo").isEnabled())
    driver.action("actionUndo").trigger()
    driver.until(lambda: set(driver.ids()) == set(ids))
    assert (tmp_path / "jobs" / id_).exists()


def check_texts(driver: Driver) -> None:
    """No text on the screen can move, reverse or hide another, or have a picture read."""
    window = driver.window
    plain, maybe_rich = [window.windowTitle()], []
    for widget in window.findChildren(QWidget):
        if isinstance(widget, QLabel):
            is_plain = widget.textFormat() == Qt.TextFormat.PlainText
            (plain if is_plain else maybe_rich).append(widget.text())
        if isinstance(widget, QAbstractButton):
            plain.append(widget.text())
        plain.append(widget.accessibleName())
        maybe_rich.append(widget.toolTip())
    model = driver.table.model()
    for row in range(model.rowCount()):
        for column in range(model.columnCount()):
            index = model.index(row, column)
            plain.append(str(index.data(Qt.ItemDataRole.DisplayRole) or ""))
            # The view shows it letter by letter.
            plain.append(str(index.data(Qt.ItemDataRole.ToolTipRole) or ""))
    for text in (*plain, *maybe_rich):
        assert re.sub("[\n\u200b\u00a0]", " ", text).isprintable(), repr(text)
    for text in maybe_rich:
        assert "<img" not in text or not GuiQt.mightBeRichText(text), text
