"""The Help menu's dialogs in an installed bundle and in a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.window import help_dialogs
from app.window.help_dialogs import AboutDialog, LicencesDialog


def test_a_checkout_has_no_button_for_notices_that_are_not_there(qtbot: QtBot) -> None:
    dialog = AboutDialog("1.2.3")
    qtbot.addWidget(dialog)
    assert "Jobshelf 1.2.3" in dialog.findChildren(QLabel)[0].text()
    assert dialog.findChild(QPushButton, "licencesButton") is None


def test_a_bundle_says_its_build_and_shows_the_notices_it_was_built_with(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "third-party-notices.txt").write_text("Qt: LGPL-3.0-only ▸", "utf-8")
    monkeypatch.setattr(help_dialogs, "resource", lambda name: tmp_path / name)
    monkeypatch.setattr(help_dialogs, "build_number", lambda: "20261124.0123456789")
    dialog = AboutDialog("1.2.3")
    qtbot.addWidget(dialog)
    dialog.show()
    assert any("20261124.0123456789" in label.text() for label in dialog.findChildren(QLabel))
    dialog.findChild(QPushButton, "licencesButton").click()
    shown = dialog.findChild(LicencesDialog)
    assert shown.isVisible()
    assert shown.findChild(QPlainTextEdit).toPlainText() == "Qt: LGPL-3.0-only ▸"
    shown.reject()
    dialog.reject()
