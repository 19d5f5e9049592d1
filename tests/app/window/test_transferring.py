"""Copying, exporting and importing in the window, on stores that GC3Pie wrote."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from app.window.copy_dialog import CopyDialog
from app.window.transfer_flow import TransferFlow
from app.work.transfer import Transfer, Verb, describe_target
from persistence import StoreUrl, make_store
from persistence.transfer import export_store
from tests.app.window.conftest import Driver
from tests.helpers.servers import PostgreSqlServer


def contents(address: Path | str) -> dict[str, bytes]:
    with make_store(address, read_only=True) as store:
        return {record.id_: record.data for record in store.records()}


def dialog_of(driver: Driver, action: str) -> CopyDialog:
    driver.action(action).trigger()
    driver.until(lambda: driver.window.findChild(CopyDialog) is not None)
    dialog = driver.window.findChild(CopyDialog)
    assert isinstance(dialog, CopyDialog)
    return dialog


def button(dialog: CopyDialog) -> QPushButton:
    found = dialog.findChild(QPushButton, "copyButton")
    assert isinstance(found, QPushButton)
    return found


def sentence(driver: Driver) -> str:
    return driver.window.banner.sentence.text() if driver.window.banner.isVisible() else ""


def press_banner(driver: Driver, text: str) -> None:
    (wanted,) = [
        found
        for found in driver.window.banner.findChildren(QPushButton, "bannerButton")
        if found.isVisible() and found.text().replace("&", "") == text
    ]
    driver.qtbot.mouseClick(wanted, Qt.MouseButton.LeftButton)


def test_a_store_is_copied_and_the_copy_can_be_opened(
    driver: Driver, gc3pie: Callable[[str], Path], tmp_path: Path
) -> None:
    source = gc3pie("python3.7/jobs-dir")
    driver.open(source)
    dialog = dialog_of(driver, "actionCopyStoreTo")
    assert not button(dialog).isEnabled()
    assert not dialog.with_references.isVisible()
    target = tmp_path / "copy.db"
    driver.type(str(target), dialog.form.path)  # type: ignore[attr-defined]
    driver.until(lambda: button(dialog).isEnabled())
    assert "it will be made" in dialog.preview.text()
    assert not target.exists()
    driver.qtbot.mouseClick(button(dialog), Qt.MouseButton.LeftButton)
    driver.until(lambda: "Copied 122 objects to copy.db" in sentence(driver))
    assert "All 122 were read back" in sentence(driver)
    assert contents(target) == contents(source)
    assert not driver.window.status.work_text.isVisible()
    with driver.qtbot.waitSignal(driver.window.store_opened, timeout=15_000):
        press_banner(driver, "Open the Copy")
    assert driver.window.session.info is not None
    assert driver.window.session.info.uri.endswith("/copy.db")
    driver.until(lambda: driver.window.session.is_scanned)


def test_selected_objects_are_copied_with_what_they_refer_to(
    driver: Driver, gc3pie: Callable[[str], Path], tmp_path: Path
) -> None:
    source = gc3pie("python3.7/session")
    driver.open(source)
    with make_store(source, read_only=True) as store:
        parent = next(id_ for id_ in store if store.references(id_))
        children = store.references(parent)
    driver.select(parent)
    dialog = dialog_of(driver, "actionCopyObjectsTo")
    assert dialog.with_references.isChecked()
    dialog.kinds.setCurrentIndex(1)
    driver.type(str(tmp_path / "new"), dialog.form.path)  # type: ignore[attr-defined]
    driver.until(lambda: button(dialog).isEnabled())
    driver.key(Qt.Key.Key_Return, dialog)
    driver.until(lambda: "objects to new" in sentence(driver))
    assert contents(tmp_path / "new").keys() == {parent, *children}


def test_the_dialog_says_what_is_there_and_refuses_what_is_no_store(
    driver: Driver, gc3pie: Callable[[str], Path], tmp_path: Path
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    gc3pie("python3.7/jobs.db")
    dialog = dialog_of(driver, "actionCopyStoreTo")
    driver.type(str(tmp_path / "jobs.db"), dialog.form.path)  # type: ignore[attr-defined]
    driver.until(lambda: button(dialog).isEnabled())
    assert "There is already: SQLite database, table store, 122 objects" in dialog.preview.text()
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mkv").write_bytes(b"no pickle")
    dialog.kinds.setCurrentIndex(1)
    assert not button(dialog).isEnabled()
    driver.type(str(tmp_path / "films"), dialog.form.path)  # type: ignore[attr-defined]
    driver.until(lambda: "none that was tried" in dialog.preview.text())
    assert not button(dialog).isEnabled()
    driver.key(Qt.Key.Key_Escape, dialog)
    driver.until(lambda: driver.window.findChild(CopyDialog) is None)


def test_a_store_is_exported_and_imported(
    driver: Driver,
    gc3pie: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, archive = gc3pie("python3.7/jobs.db"), tmp_path / "jobs.jobshelf"
    proposed: list[str] = []

    def save_name(parent: object, title: str, path: str, *rest: object) -> tuple[str, str]:
        proposed.append(path)
        return str(archive), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", save_name)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(archive), ""))
    driver.open(source)
    driver.action("actionExportStore").trigger()
    driver.until(lambda: "Exported 122 objects to jobs.jobshelf" in sentence(driver))
    assert proposed == [str(archive)]
    with driver.qtbot.waitSignal(driver.window.store_opened, timeout=15_000):
        press_banner(driver, "Open the Archive")
    assert "is an archive" in driver.window.notice.sentence.text()
    assert not driver.action("actionImportArchive").isEnabled()
    assert "reading only" in driver.action("actionImportArchive").toolTip()
    driver.until(lambda: driver.window.table.total == 122)
    target = tmp_path / "empty.db"
    with make_store(f"sqlite://{target.as_posix()}") as store:
        store.write("1", pickle.dumps("mine"))
    driver.open(target)
    driver.action("actionImportArchive").trigger()
    driver.until(lambda: "Imported 122 objects to empty.db" in sentence(driver))
    driver.until(lambda: driver.window.table.total == 123)
    assert {**contents(source), "1": pickle.dumps("mine")} == contents(target)


def test_a_conflict_copies_nothing_until_the_user_decides(
    driver: Driver, tmp_path: Path, gc3pie: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "x.jobshelf"
    source = gc3pie("python3.7/jobs-dir")
    with make_store(source, read_only=True) as store:
        export_store(store, archive)
    before = contents(source)
    taken = next(iter(before))
    changed = pickle.dumps({"changed": True})
    with make_store(source) as store:
        store.write(taken, changed)
        missing = next(id_ for id_ in before if id_ != taken)
        store.remove(missing)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(archive), ""))
    driver.open(source)
    driver.action("actionImportArchive").trigger()
    driver.until(lambda: f"has another object {taken!r} already" in sentence(driver))
    assert missing not in contents(source)
    press_banner(driver, "Leave Out What Is There")
    driver.until(lambda: "another object has the ID" in sentence(driver))
    assert contents(source) == {**before, taken: changed}


def test_progress_is_shown_and_a_copy_can_be_stopped(
    driver: Driver, gc3pie: Callable[[str], Path], tmp_path: Path
) -> None:
    source = tmp_path / "many"
    source.mkdir()
    for number in range(1200):
        (source / f"Job.{number}").write_bytes(pickle.dumps(number))
    driver.open(source)
    flow = driver.window.findChild(TransferFlow)
    assert isinstance(flow, TransferFlow)
    target = tmp_path / "copy"
    flow._start(Transfer(Verb.COPY, StoreUrl.parse(source), StoreUrl.parse(target)))
    assert not driver.action("actionCopyStoreTo").isEnabled()
    assert "A copy is under way" in driver.action("actionCopyStoreTo").toolTip()
    driver.until(lambda: "%" in driver.window.status.work_text.text() and target.exists())
    stop = driver.window.status.findChild(QPushButton, "workCancel")
    assert isinstance(stop, QPushButton)
    driver.qtbot.mouseClick(stop, Qt.MouseButton.LeftButton)
    assert "goes on from there" in sentence(driver)
    assert driver.action("actionCopyStoreTo").isEnabled()
    assert not stop.isVisible()
    done = Transfer(Verb.COPY, StoreUrl.parse(source), StoreUrl.parse(target))
    flow._start(done)
    driver.until(lambda: "objects to copy" in sentence(driver))
    assert len(contents(target)) == 1200


def test_a_stopped_export_leaves_no_file(driver: Driver, tmp_path: Path) -> None:
    source = tmp_path / "many"
    source.mkdir()
    for number in range(1200):
        (source / f"Job.{number}").write_bytes(pickle.dumps(number))
    driver.open(source)
    flow, archive = driver.window.transfers, tmp_path / "x.jobshelf"
    flow._start(Transfer(Verb.EXPORT, StoreUrl.parse(source), StoreUrl("file", str(archive))))
    driver.until(lambda: "Exporting" in driver.window.status.work_text.text())
    flow.cancel()
    assert "No archive was made" in sentence(driver)
    driver.until(lambda: not [path for path in tmp_path.iterdir() if path.name.endswith(".part")])
    assert not archive.exists()


def test_closing_the_window_ends_a_copy(driver: Driver, tmp_path: Path) -> None:
    source = tmp_path / "many"
    source.mkdir()
    for number in range(1200):
        (source / f"Job.{number}").write_bytes(pickle.dumps(number))
    driver.open(source)
    target = tmp_path / "copy"
    flow = driver.window.transfers
    flow._start(Transfer(Verb.COPY, StoreUrl.parse(source), StoreUrl.parse(target)))
    driver.until(target.exists)
    driver.window.close()
    assert len(contents(target)) < 1200


def test_a_failure_is_said_in_the_banner(
    driver: Driver, gc3pie: Callable[[str], Path], tmp_path: Path
) -> None:
    source = gc3pie("python3.7/jobs-dir")
    driver.open(source)
    flow = driver.window.transfers
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04")
    url = StoreUrl.parse(source)
    flow._start(Transfer(Verb.IMPORT, StoreUrl.parse(tmp_path / "no.zip"), url))
    driver.until(lambda: "is not a whole archive" in sentence(driver))
    flow._start(Transfer(Verb.COPY, url, url))
    driver.until(lambda: "cannot be copied onto itself" in sentence(driver))


def test_a_target_on_a_server_may_have_no_table_yet(
    qtbot: QtBot, postgresql: PostgreSqlServer
) -> None:
    assert describe_target(StoreUrl.parse(postgresql.url("not_there_yet"))) is None
