"""Columns of attributes: added, filled, sorted by, remembered for each kind of store."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMessageBox

from app.models.columns import COLUMNS
from persistence import Edit, FilesystemStore
from tests.app.window.conftest import Driver

NEW = len(COLUMNS)


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    path = tmp_path / "jobs"
    with FilesystemStore(path) as store:
        store.apply(
            [Edit(f"Job.{n}", pickle.dumps({"tries": 9 - n, "host": f"h{n}"})) for n in range(6)]
        )
    return path


def add(driver: Driver, path: str) -> None:
    driver.window.actions_.submenu("submenu.columns").aboutToShow.emit()
    driver.action("addAttributeColumn").trigger()
    dialogs = driver.window.findChildren(QInputDialog, "attributeDialog")
    (dialog,) = (dialog for dialog in dialogs if dialog.isVisible())
    dialog.setTextValue(path)
    dialog.accept()


def shown(driver: Driver, column: int) -> list[Any]:
    model = driver.window.table.model
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_an_attribute_becomes_a_column_that_is_sorted_by(driver: Driver, jobs: Path) -> None:
    driver.open(jobs)
    add(driver, "['tries']")
    assert driver.table.model().headerData(NEW, Qt.Orientation.Horizontal) == "['tries']"
    driver.until(lambda: shown(driver, NEW) == ["9", "8", "7", "6", "5", "4"])
    driver.table.horizontalHeader().setSortIndicator(NEW, Qt.SortOrder.AscendingOrder)
    driver.until(lambda: shown(driver, NEW) == ["4", "5", "6", "7", "8", "9"])
    assert driver.ids() == [f"Job.{n}" for n in (5, 4, 3, 2, 1, 0)]
    driver.window.show()
    driver.table.viewport().grab()  # painting it fails no test of Qt's


def test_columns_of_attributes_come_back_and_go(driver: Driver, jobs: Path) -> None:
    driver.open(jobs)
    add(driver, "['tries']")
    add(driver, "['host']")
    add(driver, "['host']")
    driver.until(lambda: shown(driver, NEW + 1) == [f"h{n}" for n in range(6)])
    assert driver.table.model().columnCount() == NEW + 2
    driver.window.close_store()
    driver.open(jobs)
    driver.until(lambda: shown(driver, NEW + 1) == [f"h{n}" for n in range(6)])
    driver.window.actions_.submenu("submenu.columns").aboutToShow.emit()
    driver.action("column_['tries']").trigger()
    assert driver.table.model().columnCount() == NEW + 1
    driver.until(lambda: shown(driver, NEW) == [f"h{n}" for n in range(6)])
    assert list(driver.window.settings.attribute_columns.values()) == [["['host']"]]


def test_what_is_no_path_gets_a_sentence(driver: Driver, jobs: Path) -> None:
    driver.open(jobs)
    add(driver, "two words")
    box = driver.window.findChild(QMessageBox, "noPath")
    assert box is not None
    assert "two words" in box.text()
    box.close()
    assert driver.table.model().columnCount() == NEW
