"""Columns share the width of their view by what stands in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QHeaderView, QTableView, QTreeView

from app.models.columns import COLUMNS
from app.settings import Settings
from app.window.column_widths import Wish, shared
from app.window.theme import monospace
from persistence import SqlStore
from persistence.testing import Node
from tests.app.window.conftest import Driver

ID, TYPE, STATE, NAME, MODIFIED, SIZE = range(len(COLUMNS))

wishes = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 300), st.booleans()).map(
        lambda parts: Wish(min(parts[:2]), max(parts[:2]), parts[2])
    ),
    max_size=8,
)


@given(wishes, st.integers(0, 3000))
def test_no_column_gets_less_than_it_needs_nor_all_more_than_there_is(
    asked: list[Wish], room: int
) -> None:
    widths = shared(asked, room)
    assert all(width >= wish.least for width, wish in zip(widths, asked, strict=True))
    assert sum(widths) <= max(room, sum(wish.least for wish in asked))
    if any(wish.grows for wish in asked):
        assert sum(widths) >= min(room, sum(wish.wanted for wish in asked))


def filled(view: QTableView | QTreeView, header: QHeaderView) -> bool:
    return header.length() == view.viewport().width()


def widths_of(driver: Driver) -> list[int]:
    return [driver.table.columnWidth(column) for column in range(len(COLUMNS))]


def test_the_columns_fill_the_table_at_every_width(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    tree = driver.window.inspector.view
    for width in (1900, 1500, 2200):
        driver.window.resize(width, 800)
        driver.until(lambda: filled(driver.table, driver.table.horizontalHeader()))
        driver.until(lambda: filled(tree, tree.header()))


def test_an_id_is_whole_where_there_is_room_for_it(driver: Driver, tmp_path: Path) -> None:
    with SqlStore(f"sqlite://{(tmp_path / 'x.db').as_posix()}") as store:
        id_ = store.save(Node("a name that is somewhat longer than most"))
    driver.window.resize(1900, 900)
    driver.open(tmp_path / "x.db")
    widths = widths_of(driver)
    assert widths[ID] > QFontMetrics(monospace()).horizontalAdvance(id_)
    assert widths[NAME] > driver.table.fontMetrics().horizontalAdvance("a name that is somewhat")
    assert widths[SIZE] < 120


def test_a_column_without_content_is_as_wide_as_its_title(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs.db"))  # GC3Pie's tables know no times
    assert widths_of(driver)[MODIFIED] < widths_of(driver)[TYPE]


def test_a_width_that_the_user_set_stays_also_after_a_restart(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    header = driver.table.horizontalHeader()
    border = QPoint(header.sectionViewportPosition(TYPE) - 1, header.height() // 2)
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(header.viewport(), left, pos=border)
    QTest.mouseMove(header.viewport(), border + QPoint(30, 0))
    QTest.mouseMove(header.viewport(), border + QPoint(60, 0))
    QTest.mouseRelease(header.viewport(), left, pos=border + QPoint(60, 0))
    chosen = driver.table.columnWidth(ID)
    driver.until(lambda: filled(driver.table, header))
    driver.window.resize(1500, 800)
    driver.until(lambda: filled(driver.table, header))
    assert driver.table.columnWidth(ID) == chosen
    driver.window.close()
    assert Settings().table_widths == {str(ID): chosen}
    driver.window.actions_.submenu("submenu.columns").actions()[-1].trigger()  # reset
    assert driver.table.widths is not None
    assert driver.table.widths.set_by_user == {}
    assert filled(driver.table, header)


@pytest.mark.parametrize("nonsense", [{"x": 1}, {"0": "wide"}, {"0": -5}])
def test_nonsense_in_the_settings_sets_no_width(
    driver: Driver, nonsense: dict[str, object]
) -> None:
    widths = driver.table.widths
    assert widths is not None
    widths.restore(nonsense)
    assert widths.set_by_user == {}
