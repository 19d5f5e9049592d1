from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.main import create_application
from app.settings import Settings
from app.window.addresses import without_password
from app.window.open_store_dialog import OpenStoreDialog
from app.work.prober import Prober
from persistence import make_store
from persistence.transfer import export_store
from persistence.urls import StoreUrl
from tests.app.window.conftest import TIMEOUT, Driver


def test_without_a_store_the_window_offers_to_open_one(driver: Driver) -> None:
    start = driver.window.pages.start
    assert start.isVisible()
    assert {b.objectName() for b in start.findChildren(QPushButton)} >= {
        "startOpen",
        "startOpenFolder",
        "startDemo",
    }
    assert not driver.action("actionDelete").isEnabled()


def test_wrong_addresses_are_explained_where_the_content_would_be(
    driver: Driver, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.db"
    foreign.write_text("this is not a database")
    empty = tmp_path / "empty.db"
    with sqlite3.connect(empty) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    for address in (
        tmp_path / "missing.db",
        f"sqlite:///{foreign}",
        f"sqlite:///{empty}#table=nothing",
        "gopher://old/store",
        f"sqlite:///{tmp_path / 'missing.db'}",
    ):
        with driver.qtbot.waitSignal(driver.window.store_failed, timeout=TIMEOUT):
            driver.window.open_store(address)
        page = driver.window.pages.failure
        assert page.isVisible()
        assert page.sentence.text().endswith("."), address
        assert page.findChild(QPushButton, "retryButton") is not None
        assert driver.window.session.info is None
    assert not (tmp_path / "missing.db").exists()


def test_try_again_opens_what_has_come_meanwhile(
    driver: Driver, tmp_path: Path, gc3pie: Callable[[str], Path]
) -> None:
    missing = tmp_path / "later.db"
    with driver.qtbot.waitSignal(driver.window.store_failed, timeout=TIMEOUT):
        driver.window.open_store(missing)
    gc3pie("python3.7/jobs.db").rename(missing)
    with driver.qtbot.waitSignal(driver.window.store_opened, timeout=TIMEOUT):
        driver.window.pages.failure.findChild(QPushButton, "retryButton").click()


def test_a_copied_session_opens_with_a_notice_about_the_missing_place(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/session"))
    assert driver.window.notice.isVisible()
    assert driver.window.notice.sentence.text().endswith(".")


def test_a_file_that_is_dropped_on_the_window_is_opened(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(gc3pie("python3.7/jobs.db")))])
    enter = QDragEnterEvent(
        driver.window.rect().center(),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(driver.window, enter)
    assert enter.isAccepted()
    drop = QDropEvent(
        QPointF(driver.window.rect().center()),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with driver.qtbot.waitSignal(driver.window.store_opened, timeout=TIMEOUT):
        QApplication.sendEvent(driver.window, drop)


def test_what_was_opened_is_recent_and_opens_again_from_the_menu(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs.db")
    driver.open(path)
    assert driver.window.settings.recent_stores == [f"file://{path}"]
    driver.action("actionCloseStore").trigger()
    assert driver.window.session.info is None
    menu = driver.window.actions_.submenu("submenu.recent")
    with driver.qtbot.waitSignal(driver.window.store_opened, timeout=TIMEOUT):
        menu.actions()[0].trigger()
    menu.actions()[-1].trigger()
    assert driver.window.settings.recent_stores == []


@pytest.mark.parametrize(
    "address",
    ["postgresql://me:secret@db.lab/runs", "postgresql://me@db.lab/runs?password=secret"],
)
def test_no_password_is_remembered_or_shown(driver: Driver, address: str) -> None:
    assert "secret" not in without_password(address)
    driver.window.opening.remember(StoreUrl.parse(address))
    driver.window.settings.sync()
    assert "secret" not in driver.window.settings.path.read_text()


@pytest.fixture
def dialog(qtbot: QtBot, home: Path) -> OpenStoreDialog:
    prober = Prober()
    dialog = OpenStoreDialog(prober.describe, ["file:///recent/jobs"])
    prober.setParent(dialog)
    dialog.destroyed.connect(prober.close)
    qtbot.addWidget(dialog)
    dialog.show()
    yield dialog  # type: ignore[misc]
    dialog.reject()
    prober.close()


def test_the_dialog_says_what_is_at_an_address_while_it_is_typed(
    dialog: OpenStoreDialog, qtbot: QtBot, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs.db")
    qtbot.keyClicks(dialog.address, str(path))
    qtbot.waitUntil(lambda: "122 objects" in dialog.preview.text(), timeout=TIMEOUT)
    assert dialog.preview.text() == "SQLite database, table store, 122 objects, written by GC3Pie"
    assert dialog.kinds.currentRow() == 0
    qtbot.keyClicks(dialog.address, "x")
    qtbot.waitUntil(lambda: "jobs.dbx" in dialog.preview.text(), timeout=TIMEOUT)
    assert dialog.preview.text().endswith(".")


def test_fields_and_address_stay_in_step_and_the_password_is_never_shown(
    dialog: OpenStoreDialog, qtbot: QtBot
) -> None:
    dialog.set_address("postgresql+psycopg://me:secret@localhost:1/runs#table=campaign")
    assert dialog.kinds.currentItem().text() == "PostgreSQL"
    assert dialog.address.text() == "postgresql+psycopg://me:***@localhost:1/runs#table=campaign"
    form = dialog._forms[2]
    qtbot.keyClicks(form.table, "s")  # type: ignore[attr-defined]
    assert dialog.address.text().endswith("#table=campaigns")
    assert "secret" not in dialog.address.text()
    assert dialog.url is not None
    assert dialog.url.password == "secret"
    assert dialog.url.scheme == "postgresql+psycopg"


def test_window_columns_and_recent_stores_are_remembered(
    qtbot: QtBot, gc3pie: Callable[[str], Path]
) -> None:
    _, window = create_application([])
    first = Driver(qtbot, window)
    first.open(gc3pie("python3.7/jobs.db"))
    window.resize(780, 600)
    window.table.view.setColumnHidden(3, True)
    window.table.view.horizontalHeader().moveSection(5, 1)
    window.table.view.setColumnWidth(0, 321)
    window.close()
    _, again = create_application([])
    try:
        assert (again.width(), again.height()) == (780, 600)
        assert again.table.view.isColumnHidden(3)
        assert again.table.view.horizontalHeader().visualIndex(5) == 1
        assert again.table.view.columnWidth(0) == 321
        assert Settings().recent_stores
    finally:
        again.close()


def test_light_and_dark_differ_and_text_can_be_read_in_both(driver: Driver) -> None:
    seen = []
    for appearance in ("light", "dark"):
        driver.window.settings.appearance = appearance
        driver.window.preferences.apply("appearance")
        image = driver.window.grab().toImage()
        seen.append(image.pixelColor(5, image.height() // 2).lightness())
        palette = driver.window.palette()
        contrast = abs(
            palette.windowText().color().lightness() - palette.window().color().lightness()
        )
        assert contrast > 120
    assert seen[0] > 200 > 60 > seen[1]
    driver.window.settings.appearance = "system"
    driver.window.preferences.apply("appearance")


def test_a_folder_of_other_files_is_refused_with_a_sentence(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    with driver.qtbot.waitSignal(driver.window.store_failed, timeout=TIMEOUT) as failed:
        driver.window.open_store(tmp_path)
    assert "none that was tried is a pickled object" in str(failed.args[0])
    assert driver.window.pages.failure.isVisible()


def test_who_waits_for_a_locked_store_is_told_why(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    path = gc3pie("python3.7/jobs.db")
    window = driver.window
    window.pages.slowly.setInterval(10)
    window.opening.ask(str(path))
    dialog = window.findChild(OpenStoreDialog)
    assert dialog is not None
    driver.until(lambda: "122 objects" in dialog.preview.text())
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        dialog._slow.setInterval(10)
        dialog._look()
        driver.until(lambda: "locked" in dialog.preview.text())
        dialog.reject()
        window.open_store(path)
        driver.until(lambda: "locked" in window.pages.wait.sentence.text())
    finally:
        connection.close()
    driver.until(lambda: window.session.info is not None)


def test_an_archive_is_a_file_to_open_in_the_dialog(
    driver: Driver, gc3pie: Callable[[str], Path], tmp_path: Path
) -> None:
    with make_store(gc3pie("python3.7/jobs-dir"), read_only=True) as store:
        export_store(store, tmp_path / "jobs.jobshelf")
    driver.action("actionOpenStore").trigger()
    dialog = driver.window.findChild(OpenStoreDialog)
    assert isinstance(dialog, OpenStoreDialog)
    dialog.set_address(str(tmp_path / "jobs.jobshelf"))
    driver.until(lambda: "Archive file, export of file:" in dialog.preview.text())
    driver.type("x", dialog._stack.currentWidget().path)  # type: ignore[attr-defined]
    driver.key(Qt.Key.Key_Backspace)
    driver.until(lambda: "Archive file, export of file:" in dialog.preview.text())
    with driver.qtbot.waitSignal(driver.window.store_opened, timeout=15_000):
        dialog.accept()
    driver.until(lambda: driver.window.table.total == 122)
