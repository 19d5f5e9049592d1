"""The index as the user sees it: progress with Cancel, making it anew, removing what is stored."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton

from tests.app.window.conftest import TIMEOUT, Driver


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table as GC3Pie makes it, with so many jobs that reading them takes several steps."""
    path = tmp_path / "jobs.db"
    data = pickle.dumps({"jobname": "sweep", "state": "NEW", "fill": list(range(100))}, 2)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TABLE store (id INTEGER NOT NULL, data BLOB, state VARCHAR(128),"
            " PRIMARY KEY (id))"
        )
        db.executemany("INSERT INTO store VALUES (?, ?, '')", [(n, data) for n in range(9_000)])
    return path


def stop_button(driver: Driver) -> QPushButton:
    button = driver.window.findChild(QPushButton, "indexingStop")
    assert button is not None
    return button


def test_reading_a_store_can_be_stopped_and_goes_on(driver: Driver, table: Path) -> None:
    window, button = driver.window, stop_button(driver)
    window.show()
    window.open_store(table)
    driver.until(button.isVisible)
    assert "Indexing" in window.status.progress_text.text()
    driver.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert "stopped" in window.status.progress_text.text()
    assert button.text() == "&Continue"
    assert not window.session.is_scanned
    driver.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    driver.until(lambda: window.session.is_scanned)
    driver.until(lambda: not button.isVisible())
    driver.until(lambda: window.table.total == 9_000)


def test_an_index_is_made_anew_and_stored_ones_are_removed(
    driver: Driver, table: Path, home: Path
) -> None:
    driver.open(table)
    folder = home / "cache" / "indexes"
    assert len(list(folder.glob("*.db"))) == 1
    with driver.qtbot.waitSignal(
        driver.window.session.scan_progressed,
        timeout=TIMEOUT,
        check_params_cb=lambda done, total: done < total,
    ):
        driver.action("actionRebuildIndex").trigger()
    driver.until(lambda: driver.window.session.is_scanned)
    driver.until(lambda: driver.window.table.total == 9_000)
    driver.window.close_store()
    assert list(folder.glob("*.db"))
    driver.action("actionRemoveIndexes").trigger()
    box = driver.window.findChild(QMessageBox, "removeIndexes")
    assert box is not None
    assert "MB" in box.text() or "kB" in box.text()
    remove = next(b for b in box.buttons() if "Remove" in b.text())
    driver.qtbot.mouseClick(remove, Qt.MouseButton.LeftButton)
    assert not list(folder.glob("*.db"))


def test_no_index_is_stored_if_the_user_wants_none(driver: Driver, table: Path, home: Path) -> None:
    driver.window.settings.index_limit = 0
    driver.open(table)
    assert not list((home / "cache").rglob("*.db"))
