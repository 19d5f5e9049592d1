from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from app.models.roles import ADDRESS_ROLE
from app.window.theme import contrast
from tests.app.window.conftest import TIMEOUT, Driver
from tests.conftest import DATA

STORES = [
    f"{python}/{name}"
    for python in ("python3.7", "python2.7")
    for name in ("jobs-dir", "jobs.db", "jobs-table.db")
]


def manifest(store: str) -> dict[str, dict[str, object]]:
    folder, name = store.split("/")
    found = json.loads((DATA / "gc3pie" / folder / "manifest.json").read_text())["stores"]
    return dict(found[name])


@pytest.mark.parametrize("store", STORES)
def test_every_object_of_a_gc3pie_store_is_listed(
    driver: Driver, gc3pie: Callable[[str], Path], store: str
) -> None:
    path = gc3pie(store)
    driver.open(f"{path}#table=campaign" if store.endswith("table.db") else path)
    assert sorted(driver.ids()) == sorted(map(str, manifest(store)["listed"]))
    count = len(driver.ids())
    assert driver.window.findChild(QLabel, "countLabel").text().startswith(f"{count} objects")


@pytest.mark.parametrize("python", ["python3.7", "python2.7"])
def test_every_object_of_a_session_is_listed_and_shown_with_its_references(
    driver: Driver, gc3pie: Callable[[str], Path], python: str
) -> None:
    driver.open(gc3pie(f"{python}/session"))
    listed = json.loads((DATA / "gc3pie" / python / "manifest.json").read_text())["session"]
    assert sorted(driver.ids()) == sorted(listed["listed"])
    for id_ in listed["listed"]:
        driver.window.inspector.show_object(id_)
        driver.until(lambda id_=id_: driver.shows(id_))
        node = driver.node()
        assert node is not None
        assert node.kind == "object", id_
        assert set(driver.references()) <= set(listed["listed"]), id_


@pytest.mark.parametrize("store", STORES)
def test_every_object_of_gc3pie_is_shown_as_the_manifest_says(
    driver: Driver, gc3pie: Callable[[str], Path], store: str
) -> None:
    path = gc3pie(store)
    driver.open(f"{path}#table=campaign" if store.endswith("table.db") else path)
    about = manifest(store)
    for id_, expected in about["objects"].items():
        driver.window.inspector.show_object(id_)
        driver.until(lambda id_=id_: driver.shows(id_))
        node = driver.node()
        assert node is not None
        assert (node.type, node.state) == (expected["class"], expected["state"]), id_
        jobname = driver.node(driver.child("jobname"))
        assert jobname is not None
        assert jobname.value == expected["jobname"], id_
        assert sorted(set(driver.references())) == sorted(expected.get("refs", [])), id_
        for link in driver.window.inspector.refers_to.links:
            assert link.exists == (link.id != about.get("dangling")), id_


def test_a_selected_row_is_shown_in_the_tree_and_its_values_in_full(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("Application.10")
    name = driver.child("jobname")
    driver.tree.setCurrentIndex(name)
    details = driver.window.inspector.details
    node = driver.node(name)
    assert node is not None
    driver.until(lambda: "jobname" in details.heading.text())
    assert details.text.toPlainText()
    assert driver.window.inspector.breadcrumb.parts == ["Application.10", "jobname"]


def test_arrow_keys_alone_lead_from_the_table_into_a_value_and_back(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.table.setFocus()
    driver.key(Qt.Key.Key_Home, driver.table)
    driver.key(Qt.Key.Key_Down, driver.table)
    second = driver.ids()[1]
    driver.until(lambda: driver.shows(second))
    driver.key(Qt.Key.Key_Return, driver.table)
    assert driver.tree.hasFocus()
    driver.until(lambda: driver.tree.model().rowCount(driver.tree.model().index(0, 0)) > 1)
    driver.key(Qt.Key.Key_Down, driver.tree)
    assert driver.tree.currentIndex().data(ADDRESS_ROLE)
    driver.key(Qt.Key.Key_Escape, driver.tree)
    assert driver.table.hasFocus()


def test_a_reference_is_followed_and_back_and_forward_return(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    parent = next(id_ for id_ in driver.ids() if id_.startswith("SequentialTaskCollection"))
    driver.select(parent)
    first = driver.first_below(driver.child("tasks"))
    node = driver.node(first)
    assert node is not None
    assert node.kind == "reference"
    driver.tree.setCurrentIndex(first)
    driver.tree.setFocus()
    driver.key(Qt.Key.Key_Return, driver.tree)
    driver.until(lambda: driver.shows(str(node.target)))
    driver.until(lambda: driver.window.table.current_id == node.target)
    assert driver.action("actionBack").isEnabled()
    driver.action("actionBack").trigger()
    driver.until(lambda: driver.window.inspector.id_ == parent)
    driver.until(lambda: driver.window.inspector.breadcrumb.parts[:2] == [parent, "tasks"])
    driver.action("actionForward").trigger()
    driver.until(lambda: driver.window.inspector.id_ == node.target)


def test_a_reference_expands_in_place_and_shows_what_it_names(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    parent = next(id_ for id_ in driver.ids() if id_.startswith("SequentialTaskCollection"))
    driver.select(parent)
    first = driver.first_below(driver.child("tasks"))
    inside = driver.child("jobname", first)
    driver.tree.setCurrentIndex(inside)
    assert driver.window.inspector.id_ == parent
    heading = driver.window.inspector.details.heading
    driver.until(lambda: "tasks[0].jobname" in heading.text())


def test_a_missing_object_is_marked_and_not_followed(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    dangling = str(manifest("python3.7/jobs-dir")["dangling"])
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.window.inspector.show_object(next(iter(_who_refers_to(driver, dangling))))
    driver.until(lambda: dangling in driver.references())
    links = {link.id: link for link in driver.window.inspector.refers_to.links}
    assert not links[dangling].exists


def _who_refers_to(driver: Driver, id_: str) -> list[str]:
    task = driver.window.session.referrers(id_)
    with driver.qtbot.waitSignal(task.finished) as caught:
        pass
    assert caught.args is not None
    return [link.id for link in caught.args[0]]


def test_a_filter_narrows_the_table_and_escape_brings_all_back(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    everything = len(driver.ids())
    driver.qtbot.keyClick(driver.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    driver.until(driver.window.filter_edit.hasFocus)
    driver.type("type:Sequential", driver.window.filter_edit)
    driver.until(lambda: 0 < len(driver.ids()) < everything)
    assert all(id_.startswith("Sequential") for id_ in driver.ids())
    driver.key(Qt.Key.Key_Escape, driver.window.filter_edit)
    driver.until(lambda: len(driver.ids()) == everything)


def test_a_broken_filter_says_so_in_a_sentence_and_leaves_the_rows(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    before = driver.ids()
    driver.type("size>", driver.window.filter_edit)
    error = driver.window.findChild(QLabel, "filterError")
    driver.until(error.isVisible)
    assert error.text().endswith(".")
    assert driver.ids() == before
    driver.window.filter_edit.clear()
    driver.until(lambda: not error.isVisible())


def test_a_filter_without_matches_offers_to_clear_it(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.type("nothing is called so", driver.window.filter_edit)
    driver.until(lambda: not driver.table.isVisible())


def test_a_click_on_a_header_sorts_and_the_cursor_stays_on_its_object(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select(driver.ids()[3])
    id_ = driver.window.inspector.id_
    header = driver.table.horizontalHeader()
    before = driver.ids()
    place = header.viewport().rect().center()
    place.setX(header.sectionPosition(2) + 10)
    driver.qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    driver.until(lambda: driver.ids() != before)
    driver.until(lambda: driver.window.table.current_id == id_)


def test_typing_in_the_table_goes_to_the_object(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.type("Sequential", driver.table)
    driver.until(lambda: str(driver.window.inspector.id_).startswith("Sequential"))


def test_ids_paths_values_and_expressions_are_copied(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    clipboard = QGuiApplication.clipboard()
    driver.select("Application.10")
    driver.action("actionCopyId").trigger()
    driver.until(lambda: clipboard.text() == "Application.10")
    driver.tree.setCurrentIndex(driver.child("jobname"))
    driver.action("actionCopyPath").trigger()
    assert clipboard.text() == "jobname"
    driver.action("actionCopyExpression").trigger()
    driver.until(lambda: clipboard.text()[:1] in "'\"")
    quoted = clipboard.text()
    driver.action("actionCopyValue").trigger()
    driver.until(lambda: clipboard.text() == quoted.strip("'\""))


@pytest.mark.usefixtures("looks_only")
def test_hostile_objects_are_shown_or_explained_and_never_run(
    driver: Driver, tmp_path: Path
) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    for source in (DATA / "hostile").glob("*.pickle"):
        (folder / source.stem).write_bytes(source.read_bytes())
    driver.open(folder)
    model = driver.window.inspector.model
    for id_ in driver.ids():
        if id_ == driver.window.inspector.id_:
            continue
        with driver.qtbot.waitSignal(model.modelReset, timeout=TIMEOUT):
            driver.click_row(driver.row_of(id_))
        driver.until(driver.node)
        assert model.id == id_
    assert not Path("jobshelf-was-here").exists()
    assert not (folder / "jobshelf-was-here").exists()


def test_why_an_object_cannot_be_shown_stands_in_the_details(
    driver: Driver, tmp_path: Path
) -> None:
    (tmp_path / "Job.1").write_bytes(b"\x80\x04\x95\xff")
    driver.open(tmp_path)
    details = driver.window.inspector.details
    assert "This pickle cannot be decoded" in details.text.toPlainText()
    assert details.heading.text() == "This value cannot be shown"


def test_the_cursor_comes_back_when_the_filter_that_hid_it_is_cleared(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("SequentialTaskCollection.1")
    driver.type("name:sweep0001", driver.window.filter_edit)
    driver.until(lambda: driver.ids() == ["Application.4"])
    assert driver.window.table.selected_count == 0
    assert driver.window.inspector.id_ == "SequentialTaskCollection.1"
    driver.key(Qt.Key.Key_Escape, driver.window.filter_edit)
    driver.until(lambda: driver.window.table.selected_count == 1)
    assert driver.window.table.current_id == "SequentialTaskCollection.1"


def test_going_to_the_table_by_key_selects_what_it_shows(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("SequentialTaskCollection.1")
    driver.type("name:sweep0001", driver.window.filter_edit)
    driver.until(lambda: driver.ids() == ["Application.4"])
    driver.key(Qt.Key.Key_F6)
    driver.until(lambda: driver.window.inspector.id_ == "Application.4")
    assert driver.window.table.selected_count == 1


def test_the_cells_of_a_line_stand_on_one_baseline(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    view = driver.window.inspector.view
    index = driver.child("stdin")
    image = view.viewport().grab().toImage()
    ground = image.pixelColor(view.visualRect(index).topRight() - QPoint(2, 0))

    def lowest_ink(column: int) -> int:
        rect = view.visualRect(index.siblingAtColumn(column))
        return max(
            y
            for y in range(rect.height())
            for x in range(rect.width())
            if contrast(image.pixelColor(rect.x() + x, rect.y() + y), ground) > 2
        )

    assert len({lowest_ink(column) for column in range(3)}) == 1


def test_back_right_after_a_row_was_reached_is_not_undone_by_that_row(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("Application.5")
    driver.table.select_row(driver.row_of("Application.7"))
    driver.window.inspector.show_object("Application.5")
    driver.window.inspector.show_object("Application.9")
    driver.action("actionBack").trigger()
    driver.until(lambda: driver.window.table.current_id == "Application.5")
    driver.until(lambda: not driver.window.table._rest.isActive())
    assert driver.window.inspector.id_ == "Application.5"
    assert driver.action("actionForward").isEnabled()
