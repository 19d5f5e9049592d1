"""What is written can be read, in light and dark, on every ground it stands on."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.window.elided_label import ElidedLabel
from app.window.theme import HUES, apply_appearance, contrast, theme

READABLE = 4.5  # WCAG 2.1, level AA


@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_every_ground(
    qapp: QApplication, appearance: str
) -> None:
    try:
        apply_appearance(qapp, appearance, 100)
        now = theme()
        grounds = (now.base, now.window, now.selection, now.selection_inactive, now.changed)
        for name in (*HUES, "muted", "text"):
            for ground in grounds:
                assert contrast(now.colour(name), ground) >= READABLE, (name, ground.name())
        assert contrast(now.on_accent, now.accent) >= READABLE
        placeholder = qapp.palette().placeholderText().color()
        assert contrast(placeholder, now.base) >= READABLE
    finally:
        apply_appearance(qapp, "system", 100)


def test_a_label_says_by_dots_that_it_says_more(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.setText("sqlite:///a/path/that/is/longer/than/its/window.db")
    label.resize(120, 20)
    label.show()
    qtbot.waitExposed(label)
    assert label.shown_text.endswith("…")
    qtbot.waitUntil(lambda: label.toolTip() != "")
    label.resize(900, 20)
    qtbot.waitUntil(lambda: label.toolTip() == "")
    assert label.shown_text == label.text()
