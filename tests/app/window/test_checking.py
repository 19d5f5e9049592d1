"""Checking a store in the window: what is found, repaired, undone; corrupt databases."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QLabel, QPlainTextEdit, QPushButton

from app.window.check_window import CheckWindow
from app.window.compare_window import CompareWindow
from app.window.recovery_dialog import RecoveryDialog
from app.window.repair_dialog import RepairDialog
from persistence import make_store
from persistence.integrity import Kind, Remedy
from persistence.store import ABSENT, Edit
from tests.app.window.conftest import Driver

Copy = Callable[[str], Path]


def top_level(kind: type[QDialog]) -> QDialog | None:
    return next(
        (w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()), None
    )


def shown(driver: Driver, kind: type[QDialog]) -> QDialog:
    driver.until(lambda: top_level(kind))
    found = top_level(kind)
    assert found is not None
    return found


def press(dialog: QDialog, name: str) -> None:
    button = dialog.findChild(QPushButton, name)
    assert button is not None, name
    assert button.isEnabled(), name
    button.click()


def checked(driver: Driver) -> CheckWindow:
    driver.action("actionCheckStore").trigger()
    window = shown(driver, CheckWindow)
    assert isinstance(window, CheckWindow)
    through(driver, window)
    return window


def through(driver: Driver, window: CheckWindow) -> None:
    driver.until(lambda: "through" in window.status.text())


def select(window: CheckWindow, *kinds: Kind) -> None:
    window.view.clearSelection()
    model = window.view.selectionModel()
    for row, problem in enumerate(window.model.problems):
        if problem.kind in kinds:
            index = window.model.index(row, 0)
            model.setCurrentIndex(index, model.SelectionFlag.Select | model.SelectionFlag.Rows)


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if "lock" not in p.name}


@pytest.fixture
def damaged(gc3pie: Copy) -> Path:
    folder = gc3pie("python3.7/jobs-dir")
    (folder / "Application.10").write_bytes((folder / "Application.10").read_bytes()[:-900])
    shutil.copy(folder / "Application.12", folder / "Application.999")
    (folder / "Application.14.OLD").write_bytes(b"half a pick")
    return folder


def test_a_healthy_store_is_told_to_be_so(driver: Driver, gc3pie: Copy) -> None:
    driver.open(gc3pie("python3.7/session"))
    window = checked(driver)
    assert window.status.text() == "The check is through: nothing is wrong with the store."
    assert window.model.rowCount() == 0
    window.close()


def test_problems_are_listed_with_their_objects_and_repairs(driver: Driver, damaged: Path) -> None:
    driver.open(damaged)
    window = checked(driver)
    rows = {
        str(window.model.index(row, 1).data()): [
            str(window.model.index(row, column).data()) for column in (0, 3)
        ]
        for row in range(window.model.rowCount())
    }
    assert rows.keys() == {
        "Application.10",
        "Application.999",
        "Application.14.OLD",
        "SequentialTaskCollection.63",
    }
    assert rows["Application.999"] == ["Wrong ID inside", "Write the right ID into it"]
    assert "4 problems found" in window.status.text()
    kinds = window.findChild(QComboBox, "checkKinds")
    assert kinds is not None
    kinds.setCurrentIndex(kinds.findText("Wrong ID inside (1)"))
    kinds.activated.emit(kinds.currentIndex())
    assert window.model.rowCount() == 1
    window.close()


def test_a_selected_problem_shows_its_object_in_the_tree(driver: Driver, damaged: Path) -> None:
    driver.open(damaged)
    window = checked(driver)
    select(window, Kind.WRONG_ID)
    driver.until(lambda: driver.shows("Application.999"))
    assert "'Application.12'" in window.cause.text()
    window.close()


def test_a_repair_is_previewed_made_as_one_step_and_undone(driver: Driver, damaged: Path) -> None:
    before = content(damaged)
    driver.open(damaged)
    window = checked(driver)
    select(window, Kind.WRONG_ID)
    press(window, "checkRepair")
    dialog = shown(driver, RepairDialog)
    sentence = dialog.findChild(QLabel, "repairSentence")
    assert sentence is not None
    assert sentence.text().startswith("1 record is changed")
    assert content(damaged) == before  # nothing is done before it is decided
    press(dialog, "repairCompare")
    comparison = shown(driver, CompareWindow)
    driver.until(lambda: "Application.999" in str(comparison.windowTitle()))
    comparison.close()
    press(dialog, "repairTake")
    driver.until(lambda: driver.window.changes.can_undo)
    assert driver.window.changes.undo_text == "Repair Application.999"
    through(driver, window)
    assert Kind.WRONG_ID not in window.model.counts
    driver.action("actionUndo").trigger()
    driver.until(lambda: not driver.window.changes.can_undo)
    assert content(damaged) == before
    driver.until(lambda: window.model.counts[Kind.WRONG_ID] == 1)
    window.close()


def test_files_and_objects_are_repaired_together_also_after_a_restart(
    driver: Driver, damaged: Path
) -> None:
    before = content(damaged)
    driver.open(damaged)
    window = checked(driver)
    select(window, Kind.BACKUP)
    press(window, "checkRepair")
    press(shown(driver, RepairDialog), "repairTake")
    driver.until(lambda: not (damaged / "Application.14.OLD").exists())
    driver.until(lambda: driver.window.changes.can_undo)
    through(driver, window)
    window.close()
    driver.open(damaged)  # what could be undone is only in the journal now
    journal, address = driver.window.changes.journal, driver.window.changes.address
    driver.window.changes.undo_entry(journal.entries(address)[0])
    driver.until((damaged / "Application.14.OLD").exists)
    driver.until(lambda: not driver.window.changes.is_busy)
    assert content(damaged) == before


def test_a_kept_version_is_offered_for_an_object_that_was_damaged_since(
    driver: Driver, gc3pie: Copy
) -> None:
    folder = gc3pie("python3.7/jobs-dir")
    whole = (folder / "Application.10").read_bytes()
    driver.open(folder)
    driver.window.flow.replace_by_object("Application.10", "Application.11")
    driver.until(lambda: driver.window.changes.can_undo)
    replaced = (folder / "Application.10").read_bytes()
    (folder / "Application.10").write_bytes(whole[:500])
    window = checked(driver)
    select(window, Kind.UNREADABLE)
    assert window.remedies.currentText() == "Restore the version that Jobshelf kept"
    press(window, "checkRepair")
    press(shown(driver, RepairDialog), "repairTake")
    driver.until(lambda: (folder / "Application.10").read_bytes() in (whole, replaced))
    through(driver, window)
    driver.until(lambda: not driver.window.changes.is_busy)
    window.close()


def test_a_dangling_reference_is_pointed_to_an_object_that_is_chosen(
    driver: Driver, damaged: Path
) -> None:
    driver.open(damaged)
    window = checked(driver)
    select(window, Kind.DANGLING)
    window.remedies.setCurrentIndex(window.remedies.findText("Point it to another object"))
    (problem,) = window.selected()
    driver.window.checks._refer([problem.choosing(Remedy.REFER)], "Application.11")
    press(shown(driver, RepairDialog), "repairTake")
    driver.until(lambda: driver.window.changes.can_undo)
    through(driver, window)
    with make_store(damaged, read_only=True) as store:
        assert "Application.11" in store.references("SequentialTaskCollection.63")
    window.close()


def test_all_problems_are_repaired_in_one_step_each_in_the_best_way(
    driver: Driver, damaged: Path
) -> None:
    before = content(damaged)
    driver.open(damaged)
    window = checked(driver)
    window.view.selectAll()
    assert window.remedies.currentText() == "The best repair of each"
    press(window, "checkRepair")
    press(shown(driver, RepairDialog), "repairTake")
    driver.until(lambda: driver.window.changes.can_undo)
    through(driver, window)
    assert window.model.rowCount() == 0
    driver.action("actionUndo").trigger()
    driver.until(lambda: not driver.window.changes.can_undo and not driver.window.changes.is_busy)
    assert content(damaged) == before
    through(driver, window)
    window.close()


def test_a_damaged_object_is_shown_up_to_the_break(driver: Driver, damaged: Path) -> None:
    data = pickle.dumps({"first": [1, 2], "text": "x" * 300, "last": 3})
    (damaged / "Plain.1").write_bytes(data[:-100])
    driver.open(damaged)
    driver.select("Plain.1")
    top = driver.tree.model().index(0, 0)
    driver.until(lambda: driver.tree.model().rowCount(top) == 2)
    node, broken = driver.node(top), driver.node(driver.child("text"))
    assert node is not None
    assert broken is not None
    assert node.kind == broken.kind == "error"
    assert "cannot be decoded" in node.value
    assert "breaks off here" in broken.value
    first = driver.node(driver.child("first"))
    assert first is not None
    assert "[1, 2]" in first.value
    assert "salvaged" in first.marks
    for index in (top, driver.child("first")):
        driver.tree.setCurrentIndex(index)
        assert not driver.action("actionEdit").isEnabled()
        assert not driver.action("actionInsert").isEnabled()


def test_a_read_only_store_is_checked_and_not_repaired(driver: Driver, damaged: Path) -> None:
    driver.open(damaged, read_only=True)
    window = checked(driver)
    select(window, Kind.WRONG_ID)
    assert not window.repair.isEnabled()
    assert "reading only" in window.repair.toolTip()
    window.close()


def test_the_check_window_closes_with_the_store(driver: Driver, damaged: Path) -> None:
    driver.open(damaged)
    checked(driver)
    driver.window.close_store()
    driver.until(lambda: top_level(CheckWindow) is None)
    assert driver.window.checks.window is None


def test_a_check_can_be_cancelled_and_begun_again(driver: Driver, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with make_store(f"sqlite:///{path}") as store:
        data = pickle.dumps({"name": "job", "list": list(range(2_000))})
        store.apply([Edit(f"Job.{n}", data, ABSENT) for n in range(2_000)])
    driver.open(path)
    driver.action("actionCheckStore").trigger()
    window = shown(driver, CheckWindow)
    assert isinstance(window, CheckWindow)
    press(window, "checkCancel")
    assert window.banner.sentence.text() == "The check was cancelled."
    press(window, "checkAgain")
    through(driver, window)
    window.close()


@pytest.mark.parametrize("destroyed", [100, 16])
def test_a_corrupt_database_that_cannot_be_opened_is_recovered_and_opened(
    driver: Driver, gc3pie: Copy, destroyed: int
) -> None:
    path = gc3pie("python3.7/jobs.db")
    corrupt = b"\xff" * destroyed + path.read_bytes()[destroyed:]
    path.write_bytes(corrupt)
    with driver.qtbot.waitSignal(driver.window.store_failed, timeout=15_000):
        driver.window.open_store(path)
    assert driver.window.findChild(QPushButton, "recoverButton") is not None
    target = path.with_name("recovered.db")
    driver.window.checks.recover_into(path, target)
    dialog = shown(driver, RecoveryDialog)
    report = dialog.findChild(QPlainTextEdit, "recoveryReport")
    assert report is not None
    driver.until(report.toPlainText)
    assert "122 objects recovered" in report.toPlainText()
    assert path.read_bytes() == corrupt
    with driver.qtbot.waitSignal(driver.window.store_opened, timeout=15_000):
        press(dialog, "recoveryOpen")
    driver.until(lambda: driver.window.table.total == 122)


def test_other_failures_to_open_offer_no_recovery(driver: Driver, tmp_path: Path) -> None:
    with driver.qtbot.waitSignal(driver.window.store_failed, timeout=15_000):
        driver.window.open_store(tmp_path / "nothing.db")
    assert driver.window.findChild(QPushButton, "recoverButton") is None
