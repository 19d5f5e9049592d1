from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from app.window.compare_window import CompareWindow
from app.window.delete_dialog import DeleteDialog
from app.window.recently_deleted_dialog import RecentlyDeletedDialog
from persistence import make_store
from tests.app.window.conftest import Driver, stored_ids

LEAF = "Application.3"


@pytest.fixture
def path(driver: Driver, gc3pie: Callable[[str], Path]) -> Path:
    path = gc3pie("python3.7/jobs-dir")
    driver.open(path)
    return path


def lonely(path: Path) -> str:
    """Return an object that nothing refers to."""
    with make_store(path, read_only=True) as store:
        return next(id_ for id_ in store if not store.referrers(id_))


def referred(path: Path) -> str:
    with make_store(path, read_only=True) as store:
        return next(id_ for id_ in store if store.referrers(id_))


def answer(driver: Driver, button: str) -> None:
    """Wait for the question of the delete dialog, and click one of its buttons."""
    driver.until(lambda: _dialog(DeleteDialog) is not None)
    dialog = _dialog(DeleteDialog)
    assert isinstance(dialog, DeleteDialog)
    driver.qtbot.mouseClick(dialog.findChild(QPushButton, button), Qt.MouseButton.LeftButton)


def told(driver: Driver) -> str:
    label = driver.window.status.change_text
    return label.text() if label.isVisible() else ""


def test_delete_undo_and_redo_by_keys(driver: Driver, path: Path) -> None:
    id_ = lonely(path)
    before = (path / id_).read_bytes()
    driver.select(id_)
    driver.key(Qt.Key.Key_Delete, driver.table)
    driver.until(lambda: id_ not in driver.ids())
    assert id_ not in stored_ids(path)
    driver.until(lambda: told(driver) == f"Deleted {id_}")
    assert f"Delete {id_}" in driver.action("actionUndo").text()
    driver.key(Qt.Key.Key_Z, driver.table, mod=Qt.KeyboardModifier.ControlModifier)
    driver.until(lambda: id_ in driver.ids())
    assert (path / id_).read_bytes() == before
    driver.until(driver.action("actionRedo").isEnabled)
    driver.action("actionRedo").trigger()
    driver.until(lambda: id_ not in driver.ids())
    assert id_ not in stored_ids(path)


def test_the_bar_that_tells_of_a_change_takes_it_back(driver: Driver, path: Path) -> None:
    id_ = lonely(path)
    driver.select(id_)
    driver.action("actionDelete").trigger()
    driver.until(lambda: told(driver))
    button = driver.window.findChild(QPushButton, "changeUndo")
    driver.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    driver.until(lambda: id_ in stored_ids(path))
    driver.until(lambda: id_ in driver.ids())


def test_deleting_what_others_refer_to_asks_first(driver: Driver, path: Path) -> None:
    id_ = referred(path)
    driver.select(id_)
    driver.action("actionDelete").trigger()
    driver.until(lambda: _dialog(DeleteDialog) is not None)
    driver.key(Qt.Key.Key_Escape, _dialog(DeleteDialog))
    driver.until(lambda: _dialog(DeleteDialog) is None)
    assert id_ in stored_ids(path)
    driver.action("actionDelete").trigger()
    answer(driver, "deleteThese")
    driver.until(lambda: id_ not in driver.ids())


def test_deleting_with_everything_below_takes_what_only_it_leads_to(
    driver: Driver, path: Path
) -> None:
    with make_store(path, read_only=True) as store:
        parent = next(id_ for id_ in store if store.references(id_) and not store.referrers(id_))
        below = [id_ for id_ in store.references(parent) if store.referrers(id_) == [parent]]
    driver.select(parent)
    driver.action("actionDeleteBelow").trigger()
    driver.until(lambda: parent not in driver.ids())
    left = set(stored_ids(path))
    assert not left & {parent, *below}
    driver.until(driver.action("actionUndo").isEnabled)
    driver.action("actionUndo").trigger()
    driver.until(lambda: parent in driver.ids())
    assert {parent, *below} & set(stored_ids(path)) >= {parent}


def test_several_selected_objects_are_deleted_in_one_step(driver: Driver, path: Path) -> None:
    before = stored_ids(path)
    driver.click_row(0)
    driver.key(Qt.Key.Key_End, driver.table, mod=Qt.KeyboardModifier.ShiftModifier)
    driver.until(lambda: driver.window.table.selected_count == len(before))
    driver.action("actionDelete").trigger()
    driver.until(lambda: stored_ids(path) == [])
    driver.until(driver.action("actionUndo").isEnabled)
    driver.action("actionUndo").trigger()
    driver.until(lambda: sorted(driver.ids()) == sorted(before))


def test_an_object_that_another_program_changed_is_not_deleted(driver: Driver, path: Path) -> None:
    id_ = lonely(path)
    driver.action("actionLive").setChecked(True)
    driver.action("actionLive").trigger()  # paused
    driver.select(id_)
    driver.until(lambda: driver.window.flow._seen and driver.window.flow._seen.id_ == id_)
    other = next(found for found in stored_ids(path) if found != id_)
    content = (path / other).read_bytes()
    with make_store(path) as store:
        store.write(id_, content)
    driver.action("actionDelete").trigger()
    driver.until(driver.window.banner.isVisible)
    assert "changed by another program" in driver.window.banner.sentence.text()
    assert (path / id_).read_bytes() == content
    buttons = driver.window.banner.findChildren(QPushButton, "bannerButton")
    next(b for b in buttons if "Difference" in b.text()).click()
    driver.until(lambda: _dialog(CompareWindow) is not None)
    driver.key(Qt.Key.Key_Escape, _dialog(CompareWindow))


def _dialog(kind: type[QWidget]) -> QWidget | None:
    return next(
        (w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()), None
    )


def test_an_object_is_replaced_by_a_pickle_file_and_back(
    driver: Driver, path: Path, tmp_path: Path
) -> None:
    id_ = lonely(path)
    before = (path / id_).read_bytes()
    new = tmp_path / "new.pickle"
    new.write_bytes(pickle.dumps({"answer": 42}))
    driver.select(id_)
    driver.window.flow.replace_by_file(id_, new)
    driver.until(lambda: (path / id_).read_bytes() == new.read_bytes())
    driver.until(lambda: driver.node() is not None and "dict" in driver.node().type)  # type: ignore[union-attr]
    driver.until(driver.action("actionUndo").isEnabled)
    driver.action("actionUndo").trigger()
    driver.until(lambda: (path / id_).read_bytes() == before)


def test_a_file_that_is_no_pickle_is_refused_with_a_sentence(
    driver: Driver, path: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a pickle")
    id_ = lonely(path)
    before = (path / id_).read_bytes()
    driver.select(id_)
    driver.window.flow.replace_by_file(id_, notes)
    driver.until(driver.window.banner.isVisible)
    assert "notes.txt" in driver.window.banner.sentence.text()
    assert (path / id_).read_bytes() == before


def test_an_object_is_replaced_by_anothers_content_but_keeps_its_id(
    driver: Driver, path: Path
) -> None:
    id_ = lonely(path)
    other = next(found for found in stored_ids(path) if found != id_)
    driver.select(id_)
    driver.window.flow.replace_by_object(id_, other)
    driver.until(lambda: told(driver) == f"Replaced {id_}")
    with make_store(path, read_only=True) as store:
        root = store.inspect(id_).root
        assert str(root.attributes()["persistent_id"]) == id_


def test_recently_deleted_brings_an_object_back_after_a_restart(driver: Driver, path: Path) -> None:
    id_ = lonely(path)
    before = (path / id_).read_bytes()
    driver.select(id_)
    driver.action("actionDelete").trigger()
    driver.until(lambda: id_ not in driver.ids())
    driver.window.close_store()
    driver.open(path)
    driver.action("actionRecentlyDeleted").trigger()
    driver.until(lambda: _dialog(RecentlyDeletedDialog) is not None)
    dialog = _dialog(RecentlyDeletedDialog)
    assert isinstance(dialog, RecentlyDeletedDialog)
    driver.qtbot.mouseClick(
        dialog.findChild(QPushButton, "restoreButton"), Qt.MouseButton.LeftButton
    )
    driver.until(lambda: id_ in driver.ids())
    assert (path / id_).read_bytes() == before


def test_the_history_of_an_object_shows_its_changes_and_takes_one_back(
    driver: Driver, path: Path, tmp_path: Path
) -> None:
    id_ = lonely(path)
    before = (path / id_).read_bytes()
    new = tmp_path / "new.pickle"
    new.write_bytes(pickle.dumps([1, 2, 3]))
    driver.select(id_)
    driver.window.flow.replace_by_file(id_, new)
    view = driver.window.inspector.changes.view
    driver.until(lambda: view.topLevelItemCount() == 1)
    driver.window.inspector.tabs.setCurrentIndex(3)
    assert view.topLevelItem(0).text(1) == f"Replace {id_}"
    driver.until(lambda: view.findChildren(QPushButton))
    driver.until(lambda: not driver.window.changes.is_busy)
    view.findChildren(QPushButton)[0].click()
    driver.until(lambda: (path / id_).read_bytes() == before)
    assert not driver.action("actionUndo").isEnabled()


def test_a_read_only_store_offers_no_change(driver: Driver, gc3pie: Callable[[str], Path]) -> None:
    driver.open(gc3pie("python3.7/jobs.db"), read_only=True)
    for name in ("actionDelete", "actionDeleteBelow", "actionReplace", "actionUndo"):
        assert not driver.action(name).isEnabled(), name
    assert "read-only" in driver.window.status.address.text()
    assert "read-only" in driver.window.windowTitle()
