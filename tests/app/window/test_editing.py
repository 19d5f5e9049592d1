"""Values edited in the tree with keys and mouse, on real stores."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from app.window.compare_window import CompareWindow
from app.window.insert_dialog import InsertDialog
from app.window.object_picker import ObjectPicker
from app.window.reclass_dialog import ReclassDialog
from app.window.rename_dialog import RenameDialog
from app.window.text_dialog import TextDialog
from app.window.value_editor import ValueEditor
from persistence import Edit, FilesystemStore, Persistable, make_store
from persistence.pickles import encode
from persistence.pickles.decode import decode
from persistence.pickles.edit import Change, apply
from tests.app.window.conftest import Driver

SHARED = [1, 2]
JOB: dict[str, Any] = {
    "count": 5,
    "ratio": 1.5,
    "name": "first",
    "done": False,
    "log": "one\ntwo\u00a0three",
    "tags": ["a", "b", "c"],
    "codes": SHARED,
    "again": SHARED,
    "host": None,
}
CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


@pytest.fixture
def path(driver: Driver, tmp_path: Path) -> Path:
    """A store with one plain object, which is shown."""
    path = tmp_path / "jobs"
    with FilesystemStore(path) as store:
        store.apply([Edit("Job.1", pickle.dumps(JOB, 4))])
    driver.open(path)
    return path


def stored(path: Path, id_: str = "Job.1") -> Any:
    return pickle.loads((path / id_).read_bytes())


def go(driver: Driver, index: QModelIndex) -> None:
    driver.tree.setFocus()
    driver.tree.setCurrentIndex(index)
    driver.tree.scrollTo(index)


def open_editor(driver: Driver, index: QModelIndex) -> ValueEditor:
    go(driver, index)
    driver.key(Qt.Key.Key_F2, driver.tree)
    return opened(driver)


def opened(driver: Driver) -> ValueEditor:
    driver.until(lambda: editor(driver) is not None)
    found = editor(driver)
    assert found is not None
    return found


def editor(driver: Driver) -> ValueEditor | None:
    editors = driver.tree.findChildren(ValueEditor)
    return next((found for found in editors if found.isVisible()), None)


def type_over(driver: Driver, field: ValueEditor, text: str) -> None:
    field.line.selectAll()
    driver.type(text, field.line)


def told(driver: Driver) -> str:
    label = driver.window.status.change_text
    return label.text() if label.isVisible() else ""


def said(driver: Driver) -> str:
    bar = driver.window.inspector.edit_bar
    return bar.sentence.text() if bar.isVisible() else ""


def answer(driver: Driver, words: str) -> None:
    bar = driver.window.inspector.edit_bar
    driver.until(lambda: any(words in button.text() for button in _buttons(bar)))
    button = next(button for button in _buttons(bar) if words in button.text())
    driver.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def _buttons(bar: QWidget) -> list[QPushButton]:
    found = bar.findChildren(QPushButton, "bannerButton") if bar.isVisible() else []
    return [button for button in found if button.isVisible()]


def dialog(driver: Driver, kind: type[QWidget]) -> Any:
    def find() -> QWidget | None:
        shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind)]
        return next((w for w in shown if w.isVisible()), None)

    driver.until(lambda: find() is not None)
    return find()


def take(driver: Driver, asked: Any) -> None:
    driver.until(asked.take.isEnabled)
    driver.qtbot.mouseClick(asked.take, Qt.MouseButton.LeftButton)


def undo(driver: Driver) -> None:
    driver.until(driver.action("actionUndo").isEnabled)
    driver.action("actionUndo").trigger()
    driver.until(lambda: told(driver).startswith("Undone"))


def test_a_value_is_edited_undone_and_made_again_by_keys(driver: Driver, path: Path) -> None:
    before = (path / "Job.1").read_bytes()
    index = driver.child("count")
    field = open_editor(driver, index)
    assert field.line.text() == "5"
    assert field.kind.text() == "int"
    type_over(driver, field, "7")
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: told(driver) == "Edited ['count'] of Job.1: 5 → 7")
    assert stored(path) == JOB | {"count": 7}
    after = (path / "Job.1").read_bytes()
    driver.until(lambda: driver.child("count").siblingAtColumn(1).data() == "7")
    assert driver.tree.currentIndex() == driver.child("count")
    assert driver.tree.hasFocus()
    driver.key(Qt.Key.Key_Z, driver.tree, mod=CTRL)
    driver.until(lambda: (path / "Job.1").read_bytes() == before)
    driver.until(driver.action("actionRedo").isEnabled)
    driver.action("actionRedo").trigger()
    driver.until(lambda: (path / "Job.1").read_bytes() == after)
    labels = driver.window.inspector.changes.view
    driver.until(lambda: labels.topLevelItemCount() == 1)
    assert labels.topLevelItem(0).text(1) == "Edit ['count'] of Job.1: 5 → 7"


def test_a_double_click_on_a_value_opens_the_editor_and_escape_leaves_it(
    driver: Driver, path: Path
) -> None:
    driver.double_click_node(driver.child("count"))
    assert editor(driver) is None  # that was its name
    driver.double_click_node(driver.child("count").siblingAtColumn(1))
    field = opened(driver)
    type_over(driver, field, "8")
    driver.key(Qt.Key.Key_Escape, field.line)
    driver.until(lambda: editor(driver) is None)
    assert driver.tree.hasFocus()
    assert stored(path) == JOB


def test_several_values_are_edited_one_after_the_other_without_a_pause(
    driver: Driver, path: Path
) -> None:
    for number in range(3):
        field = open_editor(driver, driver.child("count"))
        type_over(driver, field, str(10 + number))
        driver.key(Qt.Key.Key_Tab, field.line)
        driver.until(lambda: editor(driver) is None)
    driver.until(lambda: stored(path)["count"] == 12)
    assert not driver.window.banner.isVisible()


def test_a_text_is_edited_without_its_quotes(driver: Driver, path: Path) -> None:
    field = open_editor(driver, driver.child("name"))
    assert field.line.text() == "first"
    type_over(driver, field, "5")
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: stored(path)["name"] == "5")


def test_a_text_becomes_another_kind_of_value_only_when_that_is_confirmed(
    driver: Driver, path: Path
) -> None:
    field = open_editor(driver, driver.child("name"))
    driver.key(Qt.Key.Key_T, field.line, mod=CTRL)
    assert field.line.text() == "'first'"
    type_over(driver, field, "5")
    assert field.kind.text() == "str → int"
    driver.key(Qt.Key.Key_Return, field.line)
    assert "becomes int" in field.hint.text()
    assert stored(path) == JOB
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: stored(path)["name"] == 5)


def test_a_whole_number_in_the_place_of_a_float_stays_a_float(driver: Driver, path: Path) -> None:
    field = open_editor(driver, driver.child("ratio"))
    type_over(driver, field, "2")
    assert field.kind.text() == "float"
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: stored(path)["ratio"] == 2)
    assert type(stored(path)["ratio"]) is float


def test_none_becomes_a_value_at_once(driver: Driver, path: Path) -> None:
    field = open_editor(driver, driver.child("host"))
    type_over(driver, field, "'node1'")
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: stored(path)["host"] == "node1")


def test_a_truth_value_is_chosen(driver: Driver, path: Path) -> None:
    field = open_editor(driver, driver.child("done"))
    assert field.box is not None
    driver.key(Qt.Key.Key_Up)
    assert field.line.text() == "True"
    assert editor(driver) is field
    driver.key(Qt.Key.Key_Return)
    driver.until(lambda: stored(path)["done"] is True)


def test_what_is_no_value_is_marked_and_not_written(driver: Driver, path: Path) -> None:
    field = open_editor(driver, driver.child("count"))
    type_over(driver, field, "[1, 2")
    assert field.property("broken")
    assert "not closed" in field.hint.text()
    assert field.hint.isVisible()
    driver.key(Qt.Key.Key_Return, field.line)
    assert editor(driver) is field
    driver.table.setFocus()  # going elsewhere drops it, and says so
    driver.until(lambda: editor(driver) is None)
    assert "was not changed" in said(driver)
    assert stored(path) == JOB


def test_a_value_that_is_clear_is_written_when_the_keyboard_goes_elsewhere(
    driver: Driver, path: Path
) -> None:
    field = open_editor(driver, driver.child("count"))
    type_over(driver, field, "9")
    driver.table.setFocus()
    driver.until(lambda: stored(path)["count"] == 9)
    driver.until(lambda: told(driver))
    assert driver.table.hasFocus()


def test_a_long_text_is_edited_in_lines_and_letter_by_letter(driver: Driver, path: Path) -> None:
    go(driver, driver.child("log"))
    driver.key(Qt.Key.Key_Return, driver.tree)
    asked = dialog(driver, TextDialog)
    assert asked.typed == JOB["log"]
    driver.qtbot.keyClicks(asked.edit, "zero ")
    driver.key(Qt.Key.Key_Return, asked.edit, mod=CTRL)
    driver.until(lambda: stored(path)["log"] == "zero " + JOB["log"])


def test_nothing_is_written_over_what_another_program_wrote_meanwhile(
    driver: Driver, path: Path
) -> None:
    field = open_editor(driver, driver.child("count"))
    type_over(driver, field, "7")
    theirs = pickle.dumps(JOB | {"count": 6}, 4)
    with make_store(path) as store:
        store.write("Job.1", theirs)
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(driver.window.banner.isVisible)
    assert "changed by another program" in driver.window.banner.sentence.text()
    assert (path / "Job.1").read_bytes() == theirs
    assert not driver.action("actionUndo").isEnabled()


def test_what_was_written_meanwhile_behind_a_reference_can_be_compared(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs-dir")
    driver.open(path)
    with make_store(path, read_only=True) as store:
        collection = next(id_ for id_ in store if len(store.references(id_)) > 1)
        target, other = store.references(collection)[:2]
        content = store.read(other)
    driver.select(collection)
    task = driver.child("[0]", driver.child("tasks"))
    field = open_editor(driver, driver.child("jobname", task))
    type_over(driver, field, "renamed")
    driver.until(lambda: driver.window.flow._edited and driver.window.flow._edited.id_ == target)
    with make_store(path) as store:
        store.write(target, content)
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(driver.window.banner.isVisible)
    assert (path / target).read_bytes() == content
    buttons = driver.window.banner.findChildren(QPushButton, "bannerButton")
    next(button for button in buttons if "Difference" in button.text()).click()
    shown = dialog(driver, CompareWindow)
    driver.until(lambda: shown.model.root is not None)  # both versions are there
    assert shown.model.root.changes
    driver.key(Qt.Key.Key_Escape, shown.view)
    driver.until(lambda: not shown.isVisible())


def test_undo_leads_to_the_value_that_it_gives_back(driver: Driver, path: Path) -> None:
    field = open_editor(driver, driver.child("count"))
    type_over(driver, field, "7")
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: stored(path)["count"] == 7)
    go(driver, driver.child("tags"))
    undo(driver)
    driver.until(lambda: driver.tree.currentIndex().data() == "count")
    driver.until(lambda: driver.tree.currentIndex().siblingAtColumn(1).data() == "5")


def test_a_line_that_goes_while_it_is_edited_takes_no_text_with_it_unsaid(
    driver: Driver, path: Path
) -> None:
    field = open_editor(driver, driver.child("[2]", driver.child("tags")))
    type_over(driver, field, "changed")
    theirs = pickle.dumps(JOB | {"tags": ["a"]}, 4)
    with make_store(path) as store:
        store.write("Job.1", theirs)
    driver.action("actionRefresh").trigger()
    driver.until(lambda: editor(driver) is None)
    driver.until(lambda: driver.window.banner.isVisible() or said(driver))
    assert (path / "Job.1").read_bytes() == theirs


def test_a_shared_value_is_changed_everywhere_or_only_here(driver: Driver, path: Path) -> None:
    def edit(value: str) -> None:
        field = open_editor(driver, driver.child("[0]", driver.child("codes")))
        type_over(driver, field, value)
        driver.key(Qt.Key.Key_Return, field.line)
        driver.until(lambda: "2 places" in said(driver))

    edit("7")
    assert "['codes'][0] and ['again'][0]" in said(driver)
    driver.key(Qt.Key.Key_Escape)  # neither
    driver.until(lambda: not said(driver))
    assert stored(path) == JOB
    edit("7")
    answer(driver, "Everywhere")
    driver.until(lambda: stored(path)["again"] == [7, 2])
    assert stored(path)["codes"] is not None
    edit("8")
    answer(driver, "Only Here")
    driver.until(lambda: stored(path)["codes"] == [8, 2])
    assert stored(path)["again"] == [7, 2]


def test_delete_takes_a_value_out_in_the_tree_and_not_the_object(
    driver: Driver, path: Path
) -> None:
    before = (path / "Job.1").read_bytes()
    go(driver, driver.child("[1]", driver.child("tags")))
    driver.key(Qt.Key.Key_Delete, driver.tree)
    driver.until(lambda: told(driver) == "Deleted ['tags'][1] of Job.1")
    assert stored(path)["tags"] == ["a", "c"]
    undo(driver)
    assert (path / "Job.1").read_bytes() == before
    go(driver, driver.tree.model().index(0, 0))
    driver.key(Qt.Key.Key_Delete, driver.tree)
    driver.until(lambda: "Objects are deleted in the table" in said(driver))
    assert (path / "Job.1").exists()


def test_items_are_moved_by_keys_and_the_cursor_goes_with_them(driver: Driver, path: Path) -> None:
    tags = driver.child("tags")
    go(driver, driver.child("[0]", tags))
    driver.key(Qt.Key.Key_Down, driver.tree, mod=ALT)
    driver.until(lambda: stored(path)["tags"] == ["b", "a", "c"])
    driver.until(lambda: driver.tree.currentIndex().data() == "[1]")
    driver.until(lambda: driver.tree.currentIndex().siblingAtColumn(1).data() == "a")
    driver.key(Qt.Key.Key_Up, driver.tree, mod=ALT)
    driver.until(lambda: stored(path)["tags"] == ["a", "b", "c"])
    driver.until(lambda: not driver.window.changes.is_busy)
    driver.until(lambda: driver.tree.currentIndex().data() == "[0]")
    assert not driver.action("actionMoveUp").isEnabled()
    assert driver.action("actionMoveDown").isEnabled()


def test_values_are_appended_and_inserted(driver: Driver, path: Path) -> None:
    go(driver, driver.child("tags"))
    driver.action("actionAppend").trigger()
    asked = dialog(driver, InsertDialog)
    driver.type("'d", asked.value)
    assert asked.note.isVisible()  # no literal yet
    assert not asked.take.isEnabled()
    driver.type("'", asked.value)
    take(driver, asked)
    driver.until(lambda: stored(path)["tags"] == ["a", "b", "c", "d"])
    driver.until(lambda: driver.tree.currentIndex().siblingAtColumn(1).data() == "d")
    go(driver, driver.child("[0]", driver.child("tags")))
    driver.action("actionInsert").trigger()
    asked = dialog(driver, InsertDialog)
    driver.type("'z'", asked.value)
    take(driver, asked)
    driver.until(lambda: stored(path)["tags"] == ["z", "a", "b", "c", "d"])
    go(driver, driver.child("count"))
    driver.action("actionInsert").trigger()
    asked = dialog(driver, InsertDialog)
    driver.type("pressure", asked.name)
    driver.type("1e5", asked.value)
    assert asked.result_text.text() == "['pressure'] = 1e5  (float)"
    take(driver, asked)
    driver.until(lambda: stored(path).get("pressure") == 1e5)
    driver.until(lambda: driver.tree.currentIndex().data() == "pressure")


def test_a_dialog_says_why_a_change_cannot_be_made_and_stays(driver: Driver, path: Path) -> None:
    go(driver, driver.child("count"))
    driver.action("actionRename").trigger()
    asked = dialog(driver, RenameDialog)
    asked.name.selectAll()
    driver.type("name", asked.name)
    take(driver, asked)
    driver.until(lambda: "such a key already" in asked.note.text())
    assert stored(path) == JOB
    asked.name.selectAll()
    driver.type("number", asked.name)
    take(driver, asked)
    driver.until(lambda: stored(path).get("number") == 5)
    assert list(stored(path)) == ["number", *list(JOB)[1:]]
    driver.until(lambda: driver.tree.currentIndex().data() == "number")


def test_a_class_is_changed_with_a_word_on_how_many_places(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs-dir")
    driver.open(path)
    driver.select("Application.3")
    go(driver, driver.tree.model().index(0, 0))
    driver.action("actionReclass").trigger()
    asked = dialog(driver, ReclassDialog)
    asked.module.click()
    asked.new.selectAll()
    driver.type("moved.jobs", asked.new)
    driver.until(lambda: "places: the object itself" in asked.result_text.text())
    take(driver, asked)
    driver.until(lambda: told(driver) == "Renamed module gc3libs to moved.jobs in Application.3")
    with make_store(path, read_only=True) as store:
        (summary,) = store.summaries(["Application.3"])
    assert summary.type == "moved.jobs.Application"
    undo(driver)


def test_a_reference_is_pointed_to_another_object(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs-dir")
    driver.open(path)
    with make_store(path, read_only=True) as store:
        collection = next(id_ for id_ in store if len(store.references(id_)) > 1)
        targets = store.references(collection)
    driver.select(collection)
    go(driver, driver.child("[0]", driver.child("tasks")))
    driver.key(Qt.Key.Key_F2, driver.tree)
    picker = dialog(driver, ObjectPicker)
    driver.until(lambda: picker.model.rowCount() > 0)
    row = next(
        row
        for row in range(picker.model.rowCount())
        if picker.model.id_at(picker.model.index(row, 0)) == targets[1]
    )
    picker.view.select_row(row)
    driver.key(Qt.Key.Key_Return, picker.view)
    driver.until(lambda: told(driver) == f"Pointed tasks[0] of {collection} to {targets[1]}")
    with make_store(path, read_only=True) as store:
        assert store.inspect(collection).references[0].id == targets[1]


def test_a_value_behind_a_reference_is_changed_in_the_object_that_has_it(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs-dir")
    driver.open(path)
    with make_store(path, read_only=True) as store:
        collection = next(id_ for id_ in store if len(store.references(id_)) > 1)
        target = store.references(collection)[0]
    driver.select(collection)
    before = (path / collection).read_bytes()
    task = driver.child("[0]", driver.child("tasks"))
    field = open_editor(driver, driver.child("jobname", task))
    type_over(driver, field, "renamed")
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: told(driver).startswith(f"Edited jobname of {target}"))
    assert (path / collection).read_bytes() == before
    with make_store(path, read_only=True) as store:
        (summary,) = store.summaries([target])
    assert summary.name == "renamed"
    driver.until(lambda: driver.tree.currentIndex().siblingAtColumn(1).data() == "renamed")


def test_the_state_of_a_job_is_chosen_and_the_table_of_gc3pie_follows(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs.db")
    driver.open(path)
    with make_store(path, read_only=True) as store:
        job = next(s.id for s in store.summaries() if s.state == "RUNNING")
    driver.select(job)
    execution = driver.child("execution")
    field = open_editor(driver, driver.child("state", execution))
    assert field.box is not None
    choices = [field.box.itemText(row) for row in range(field.box.count())]
    assert choices[0] == "NEW"
    assert "TERMINATED" in choices
    type_over(driver, field, "STOPPED")
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: told(driver) == f"Edited execution.state of {job}: 'RUNNING' → 'STOPPED'")
    connection = sqlite3.connect(path)
    state, data = connection.execute(
        "SELECT state, data FROM store WHERE id = ?", (job,)
    ).fetchone()
    connection.close()
    assert state == "STOPPED"
    assert encode(decode(data)) == data
    driver.until(lambda: driver.node().state == "STOPPED")  # type: ignore[union-attr]
    assert driver.tree.isExpanded(driver.child("execution"))


def test_what_is_computed_or_cannot_be_typed_says_so(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("Application.3")
    execution = driver.child("execution")
    go(driver, driver.child("returncode", execution))
    driver.key(Qt.Key.Key_Return, driver.tree)
    driver.until(lambda: "computed" in said(driver))
    go(driver, execution)
    driver.key(Qt.Key.Key_F2, driver.tree)
    driver.until(lambda: "cannot be typed" in said(driver))
    assert editor(driver) is None


def test_a_read_only_store_says_why_nothing_can_be_edited(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs.db"), read_only=True)
    for name in ("actionEdit", "actionInsert", "actionDeleteValue", "actionReclass"):
        action = driver.action(name)
        assert not action.isEnabled(), name
        assert "reading only" in action.toolTip()
    go(driver, driver.child("jobname"))
    driver.key(Qt.Key.Key_F2, driver.tree)
    driver.until(lambda: "reading only" in said(driver))
    assert editor(driver) is None


def test_an_edit_is_the_change_that_the_library_makes(driver: Driver, path: Path) -> None:
    before = (path / "Job.1").read_bytes()
    expected = encode(apply(decode(before), Change("set", "['count']", "7")))
    field = open_editor(driver, driver.child("count"))
    type_over(driver, field, "7")
    driver.key(Qt.Key.Key_Return, field.line)
    driver.until(lambda: (path / "Job.1").read_bytes() == expected)


def test_a_state_is_taken_from_the_list_and_escape_takes_none(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs-dir")
    driver.open(path)
    driver.select("Application.3")
    before = (path / "Application.3").read_bytes()
    execution = driver.child("execution")
    field = open_editor(driver, driver.child("state", execution))
    assert field.box is not None
    choices = field.box.view()
    driver.qtbot.mouseClick(
        field.box,
        Qt.MouseButton.LeftButton,
        pos=QPoint(field.box.width() - 8, field.box.height() // 2),
    )
    driver.until(choices.isVisible)
    driver.key(Qt.Key.Key_Down, choices)
    driver.key(Qt.Key.Key_Escape, choices)
    driver.until(lambda: not choices.isVisible())
    assert editor(driver) is field
    assert field.line.text() == "RUNNING"
    assert field.line.hasFocus()
    driver.key(Qt.Key.Key_Down, mod=ALT)
    driver.until(choices.isVisible)
    choices.setCurrentIndex(field.box.model().index(field.box.findText("STOPPED"), 0))
    driver.key(Qt.Key.Key_Return, choices)
    driver.until(lambda: "→ 'STOPPED'" in told(driver))
    undo(driver)
    driver.window.activateWindow()  # no window manager does it here when the list has gone
    driver.until(driver.window.isActiveWindow)
    field = open_editor(driver, driver.child("state", execution))
    driver.key(Qt.Key.Key_Up)
    assert field.line.text() == "SUBMITTED"
    driver.key(Qt.Key.Key_Escape)
    driver.until(lambda: editor(driver) is None)
    assert driver.tree.hasFocus()
    field = open_editor(driver, driver.child("state", execution))
    driver.qtbot.keyClicks(QApplication.focusWidget(), "PAUSED")
    driver.table.setFocus()
    driver.until(lambda: "→ 'PAUSED'" in told(driver))
    undo(driver)
    assert (path / "Application.3").read_bytes() == before


def test_a_reference_can_be_made_to_refer_to_nothing(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs-dir")
    driver.open(path)
    with make_store(path, read_only=True) as store:
        collection = next(id_ for id_ in store if len(store.references(id_)) > 1)
        targets = store.references(collection)
    driver.select(collection)
    go(driver, driver.child("[0]", driver.child("tasks")))
    driver.key(Qt.Key.Key_F2, driver.tree)
    picker = dialog(driver, ObjectPicker)
    driver.qtbot.mouseClick(picker.findChild(QPushButton, "pickNone"), Qt.MouseButton.LeftButton)
    driver.until(lambda: told(driver) == f"Edited tasks[0] of {collection}: {targets[0]} → None")
    with make_store(path, read_only=True) as store:
        assert store.references(collection) == targets[1:]
    undo(driver)
    with make_store(path, read_only=True) as store:
        assert store.references(collection) == targets


class Task(Persistable):
    """A job that knows its ID."""


def test_an_object_gets_another_id_of_its_own_only_after_a_question(
    driver: Driver, tmp_path: Path
) -> None:
    path = tmp_path / "tasks"
    with make_store(path) as store:
        id_ = store.save(Task())
        before = store.read(id_)
    driver.open(path)

    def edit() -> None:
        field = open_editor(driver, driver.child("persistent_id"))
        type_over(driver, field, "Task.4")
        driver.key(Qt.Key.Key_Return, field.line)
        driver.until(lambda: "does not load the object" in said(driver))

    edit()
    driver.key(Qt.Key.Key_Escape)
    driver.until(lambda: not said(driver))
    edit()
    assert (path / id_).read_bytes() == before
    answer(driver, "hange")
    driver.until(lambda: f"Edited persistent_id of {id_}" in told(driver))
    with make_store(path, read_only=True) as store:
        assert store.inspect(id_).root.attributes()["persistent_id"] == "Task.4"
