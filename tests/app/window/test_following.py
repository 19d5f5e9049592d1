from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.window.navigation import History, Place
from persistence import make_store
from tests.app.window.conftest import Driver


@pytest.fixture
def path(driver: Driver, gc3pie: Callable[[str], Path]) -> Path:
    path = gc3pie("python3.7/jobs.db")
    driver.open(path)
    return path


def test_what_another_program_writes_is_shown_and_marked_and_the_cursor_stays(
    driver: Driver, path: Path
) -> None:
    shown, written = driver.ids()[2], driver.ids()[4]
    driver.select(shown)
    size = _size(driver, written)
    with make_store(path) as store:
        store.write(written, store.read(written) + b"trailing bytes of no meaning")
    driver.until(lambda: _size(driver, written) == size + 28)
    assert driver.table.marks.strength(written) == 1.0
    assert driver.window.table.current_id == shown
    driver.until(lambda: not driver.table.marks)


def test_the_shown_object_follows_what_is_written_and_open_rows_stay_open(
    driver: Driver, path: Path
) -> None:
    one, other = driver.ids()[2:4]
    driver.select(one)
    driver.tree.setCurrentIndex(driver.child("jobname"))
    before = driver.tree.currentIndex().siblingAtColumn(1).data()
    with make_store(path) as store:
        store.write(one, store.read(other))
    driver.until(lambda: driver.child("jobname").siblingAtColumn(1).data() not in (None, before))
    assert driver.window.inspector.id_ == one
    assert driver.tree.isExpanded(driver.tree.model().index(0, 0))


def test_own_changes_are_not_marked_as_those_of_others(driver: Driver, path: Path) -> None:
    one, other = driver.ids()[2:4]
    driver.select(one)
    with driver.qtbot.waitSignal(driver.window.changes.change_done, timeout=60_000):
        driver.window.flow.replace_by_object(one, other)
    assert not driver.table.marks


def test_paused_means_that_nothing_moves_until_refresh(driver: Driver, path: Path) -> None:
    driver.action("actionLive").trigger()
    assert "paused" in driver.window.status.address.text()
    assert Settings().live is False
    one = driver.ids()[4]
    size = _size(driver, one)
    with make_store(path) as store:
        store.write(one, store.read(one) + b"more")
    driver.key(Qt.Key.Key_F5, driver.table)
    driver.until(lambda: _size(driver, one) == size + 4)


def _size(driver: Driver, id_: str) -> int:
    row = driver.window.table.model.row(driver.row_of(id_))
    assert row is not None
    return row.size


@pytest.mark.parametrize("name", ["table", "tree"])
def test_the_menu_key_opens_what_can_be_done(driver: Driver, path: Path, name: str) -> None:
    view = driver.table if name == "table" else driver.tree
    view.setFocus()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(0, 0), QPoint(0, 0))
    QApplication.sendEvent(view, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert {a.objectName() for a in menu.actions()} & {"actionCopyId", "actionCopyPath"}
    menu.close()


def test_f6_leads_through_the_areas_of_the_window(driver: Driver, path: Path) -> None:
    driver.table.setFocus()
    seen = []
    for _ in range(4):
        driver.key(Qt.Key.Key_F6)
        focus = QApplication.focusWidget()
        assert focus is not None
        seen.append(focus.objectName() or type(focus).__name__)
    assert (seen[0], seen[2:]) == ("objectTree", ["filterEdit", "idTable"])


def test_the_text_grows_and_shrinks_and_is_remembered(driver: Driver, path: Path) -> None:
    before = driver.table.verticalHeader().defaultSectionSize()
    driver.action("actionZoomIn").trigger()
    driver.action("actionZoomIn").trigger()
    assert Settings().text_size == 125
    driver.until(lambda: driver.table.verticalHeader().defaultSectionSize() > before)
    driver.action("actionZoomReset").trigger()
    driver.until(lambda: driver.table.verticalHeader().defaultSectionSize() == before)


def test_everything_can_be_named_by_a_screen_reader(driver: Driver, path: Path) -> None:
    for widget in (driver.table, driver.tree, driver.window.filter_edit):
        assert widget.accessibleName()
    for name in ("actionOpenStore", "actionDelete", "actionBack", "actionForward", "actionLive"):
        assert driver.action(name).toolTip()


def test_back_and_forward_lead_through_places_as_in_a_browser() -> None:
    history = History()
    for id_ in ("a", "b", "b", "c"):
        history.visit(id_)
        history.note((1,) if id_ == "b" else ())
    assert history.back() == Place("b", (1,))
    assert history.back() == Place("a")
    assert history.back() is None
    assert history.forward() == Place("b", (1,))
    history.visit("d")
    assert not history.can_go_forward
    assert history.back() == Place("b", (1,))


def test_a_closed_window_leaves_its_store_as_it_was(
    driver: Driver, path: Path, qtbot: QtBot
) -> None:
    before = path.read_bytes()
    driver.window.close()
    assert driver.window.session.info is None
    assert path.read_bytes() == before
    assert {found.name for found in path.parent.iterdir()} == {path.name}
