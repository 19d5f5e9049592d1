"""Help ▸ Check for Updates in the real window, answered by a server on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QPushButton

from app import __version__
from app.window import updates
from app.window.settings_dialog import SettingsDialog
from app.window.updates import UpdateDialog

from .conftest import Driver

PAGE = "https://example.org/releases/9.8.7"
DAY = 86_400


class Server(HTTPServer):
    """Says what the newest version is, and counts who asks."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = 0
        self.version = "9.8.7"
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.address = f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        self.server.may_answer.wait(10)
        self.send_response(200)
        self.end_headers()
        answer = {"tag_name": self.server.version, "html_url": PAGE}
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.may_answer.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def asking(driver: Driver, server: Server, monkeypatch: pytest.MonkeyPatch) -> Driver:
    """A window that would ask the server."""
    monkeypatch.setattr(updates, "__version__", "0.1.0")
    driver.window.settings.release_feed = server.address
    return driver


def ask(driver: Driver) -> UpdateDialog:
    driver.action("actionUpdates").trigger()
    dialog = driver.window.findChild(UpdateDialog)
    assert dialog is not None and dialog.isVisible()
    return dialog


def sentence(dialog: UpdateDialog) -> str:
    return dialog.findChild(QLabel, "updateSentence").text()


def test_a_newer_version_is_said_in_a_sentence_whose_link_the_browser_opens(
    asking: Driver,
) -> None:
    opened: list[QUrl] = []

    class Browser(QObject):
        @Slot(QUrl)
        def open(self, url: QUrl) -> None:
            opened.append(url)

    browser = Browser()
    QDesktopServices.setUrlHandler("https", browser, "open")
    try:
        dialog = ask(asking)
        asking.until(lambda: "9.8.7" in sentence(dialog))
        assert "Jobshelf 9.8.7 is the newest version; this is 0.1.0." in sentence(dialog)
        label = dialog.sentence
        label.setFocus(Qt.FocusReason.TabFocusReason)
        asking.key(Qt.Key.Key_Tab, label)
        asking.key(Qt.Key.Key_Return, label)
        asking.until(lambda: opened)
    finally:
        QDesktopServices.unsetUrlHandler("https")
    assert opened == [QUrl(PAGE)]
    dialog.reject()


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("v0.1.0", "This is the newest version of Jobshelf, 0.1.0."),
        ("0.0.9", "This version, 0.1.0, is newer than the newest release, 0.0.9."),
    ],
)
def test_a_version_that_is_not_newer_is_said_to_be_so(
    asking: Driver, server: Server, version: str, said: str
) -> None:
    server.version = version
    dialog = ask(asking)
    asking.until(lambda: sentence(dialog).startswith(said))
    dialog.reject()


def test_a_failure_is_one_sentence_in_the_dialog(asking: Driver, server: Server) -> None:
    server.version = "<b>nonsense</b>"
    dialog = ask(asking)
    asking.until(lambda: "is no release of Jobshelf" in sentence(dialog))
    dialog.reject()


def test_closing_the_dialog_drops_the_question(asking: Driver, server: Server) -> None:
    server.may_answer.clear()
    dialog = ask(asking)
    asking.until(lambda: server.asked)
    asking.key(Qt.Key.Key_Escape, dialog)
    asking.until(lambda: asking.window.findChild(UpdateDialog) is None)
    server.may_answer.set()
    again = ask(asking)
    asking.until(lambda: "9.8.7" in sentence(again))
    again.reject()


def test_the_window_closes_while_a_server_is_silent(asking: Driver, server: Server) -> None:
    server.may_answer.clear()
    assert due(asking, 8)
    asking.until(lambda: server.asked)
    began = time.monotonic()
    asking.window.close()
    assert time.monotonic() - began < 1


def test_nobody_is_asked_until_the_user_wants_it(asking: Driver, server: Server) -> None:
    asking.window.updates.ask_if_due()
    assert not asking.window.updates._later.isActive()
    assert asking.window.settings.updates_asked == 0
    assert server.asked == 0


def due(driver: Driver, days: float, *, is_on: bool = True) -> bool:
    driver.window.settings.check_weekly = is_on
    driver.window.settings.updates_asked = int(time.time() - days * DAY)
    driver.window.updates._later.setInterval(0)
    driver.window.updates.ask_if_due()
    return driver.window.updates._later.isActive()


def test_once_a_week_is_not_twice_a_week(asking: Driver) -> None:
    assert not due(asking, 6.9)
    assert not due(asking, 8, is_on=False)
    assert due(asking, -400)  # the clock had been wrong
    asking.window.updates.close()


def test_a_newer_version_is_told_in_the_banner_once_a_week(asking: Driver, server: Server) -> None:
    assert due(asking, 7.1)
    banner = asking.window.banner
    asking.until(banner.isVisible)
    assert "9.8.7 is the newest version" in banner.sentence.text()
    asking.window.updates.ask_if_due()
    assert not asking.window.updates._later.isActive()
    banner.findChild(QPushButton, "bannerButton").click()
    dialog = asking.window.findChild(UpdateDialog)
    assert PAGE in sentence(dialog)
    dialog.reject()
    assert server.asked == 1


def test_no_newer_version_and_no_network_are_not_worth_a_word_once_a_week(
    asking: Driver, server: Server
) -> None:
    for version in ("0.1.0", "nonsense"):
        server.version = version
        asked = server.asked
        assert due(asking, 30)
        asking.until(lambda: server.asked > asked and asking.window.updates._lane is None)  # noqa: B023
        assert not asking.window.banner.isVisible()


def test_the_settings_dialog_offers_both_and_is_off_at_first(asking: Driver) -> None:
    asking.window.settings.release_feed = ""
    asking.action("actionSettings").trigger()
    dialog = asking.window.findChild(SettingsDialog)
    box, edit = (
        dialog.findChild(QCheckBox, "check_weekly"),
        dialog.findChild(QLineEdit, "release_feed"),
    )
    assert (box.isChecked(), edit.text()) == (False, "")
    box.click()
    asking.type("https://example.org/latest ", edit)
    dialog.reject()
    assert asking.window.settings.check_weekly
    assert asking.window.settings.release_feed == "https://example.org/latest"


def test_the_dialog_compares_with_the_version_of_this_program() -> None:
    assert updates.__version__ == __version__
