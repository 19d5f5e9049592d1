from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.actions.catalogue import ACTIONS
from app.resource_files import resource
from app.window.banner import Banner
from app.window.icons import icon, pixmap
from app.window.report_dialog import ReportDialog, report_of, show_report
from app.window.shapes import SHAPES
from tests.app.window.conftest import Driver


def test_an_unexpected_error_gives_a_report_to_copy_and_only_one(
    driver: Driver, logged_warnings: list[logging.LogRecord]
) -> None:
    try:
        raise ZeroDivisionError("planted")
    except ZeroDivisionError as error:
        report = report_of(type(error), error, error.__traceback__, "1.2")
    show_report(report)
    show_report(report)
    dialogs = [w for w in QApplication.topLevelWidgets() if isinstance(w, ReportDialog)]
    (dialog,) = dialogs
    assert "ZeroDivisionError: planted" in dialog.findChild(QPlainTextEdit).toPlainText()
    next(b for b in dialog.findChildren(QPushButton) if "Copy" in b.text()).click()
    assert QGuiApplication.clipboard().text() == report
    assert "Jobshelf 1.2" in report
    dialog.close()
    assert [record.levelname for record in logged_warnings] == ["ERROR", "ERROR"]
    logged_warnings.clear()


def test_every_icon_that_is_named_exists_and_takes_the_colour_it_is_given(qtbot: QtBot) -> None:
    for path in resource("icons").glob("*.svg"):
        if path.stem in ("jobshelf", "check-white", "chevron-grey"):
            continue
        drawn = pixmap(path.stem, 16, 1.0, QColor("#ff0000")).toImage()
        colours = {
            drawn.pixelColor(x, y).rgb()
            for x in range(16)
            for y in range(16)
            if drawn.pixelColor(x, y).alpha() == 255
        }
        assert colours <= {QColor("#ff0000").rgb()}, path.stem
        assert any(drawn.pixelColor(x, y).alpha() for x in range(16) for y in range(16)), path.stem
    for action in ACTIONS.values():
        if action.icon:
            assert not icon(action.icon).pixmap(QSize(16, 16)).isNull()


def test_a_disabled_icon_is_fainter(qtbot: QtBot) -> None:
    normal = icon("delete").pixmap(QSize(16, 16), QIcon.Mode.Normal).toImage()
    faint = icon("delete").pixmap(QSize(16, 16), QIcon.Mode.Disabled).toImage()
    assert normal != faint


def test_every_state_that_is_known_has_a_shape_that_can_be_drawn() -> None:
    from app.models import states

    assert {look.shape for look in states._LOOKS.values()} <= set(SHAPES)


@pytest.mark.skipif(sys.platform != "linux", reason="only X11 and Wayland can be missing")
@pytest.mark.parametrize("display", [None, ":987"])
def test_without_a_display_the_program_says_what_to_do_and_ends(
    display: str | None, home: Path
) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    if display:
        environment["DISPLAY"] = display
    done = subprocess.run(
        [sys.executable, "-m", "app"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--screenshot" in done.stderr


def test_a_screenshot_needs_no_display(tmp_path: Path, gc3pie: object, home: Path) -> None:
    path = gc3pie("python3.7/jobs.db")  # type: ignore[operator]
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    picture = tmp_path / "window.png"
    done = subprocess.run(
        [sys.executable, "-m", "app", str(path), "--screenshot", str(picture)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    assert "122 objects" in done.stdout
    assert picture.stat().st_size > 20_000


def test_a_banner_offers_the_ways_out_of_its_last_sentence_alone(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    chosen = []
    banner.show_sentence("One?", buttons=[("&Go", lambda: chosen.append("one"))])
    banner.show_sentence("Two?", buttons=[("&Go", lambda: chosen.append("two"))])
    buttons = banner.findChildren(QPushButton, "bannerButton")
    for button in [button for button in buttons if not button.isHidden()]:
        button.click()
    assert chosen == ["two"]
