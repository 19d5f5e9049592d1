"""The dialogs of the Help menu: filter language, keyboard shortcuts, about."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from html import escape
from importlib import metadata

import PySide6
from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QFontDatabase, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.actions.action import Action
from app.actions.catalogue import ACTIONS, MENUS
from app.resource_files import build_number, resource
from app.window.icons import application_icon
from app.window.theme import GRID, theme

__all__ = ["AboutDialog", "FilterHelp", "LicencesDialog", "ShortcutsDialog"]

_NOTICES = "third-party-notices.txt"

_FILTER_FORMS = (
    ("sweep", "ID, name, type or state contains “sweep”, in any case"),
    ('"two words"', "the same, and in any value or path inside the object"),
    ("execution.returncode!=0", "an attribute by its path; also = : > >= < <="),
    ("state:RUNNING", "the state is RUNNING"),
    ("type:Application", "the type contains “application”; so for id: and name:"),
    ("name=sweep-1", "the name is exactly this; != for any other; name=sweep* for a beginning"),
    ("size>10k", "larger than 10,000 bytes; also <, >=, <=; k, M, Ki, Mi"),
    ("modified>2026-11-01", "written after that day; also 2026-11-01T14:30"),
    ("-state:NEW", "not so"),
)

_KEYS_OF_VIEWS = (
    ("Up, Down, Page Up, Page Down", "Move; in the table the object is shown at once"),
    ("Left, Right", "Close and open a row of the tree"),
    ("Enter", "In the table: go to the tree. In the tree: follow the reference, edit the value"),
    ("Delete", "In the table: delete the objects. In the tree: take the value out"),
    ("Alt+Up, Alt+Down", "In the tree: move an item of a list"),
    ("Ctrl+T", "In an editor: from text without quotes to any value, and back"),
    ("Escape", "In the filter: clear it. Elsewhere: back to the table"),
    ("Menu key", "What can be done with the current row"),
)


class _Page(QDialog):
    """A dialog that shows rich text and can be closed."""

    def __init__(self, title: str, name: str, html: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        text = QLabel(html, self)
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setWordWrap(True)
        text.setOpenExternalLinks(True)
        text.setAlignment(Qt.AlignmentFlag.AlignTop)
        text.setMargin(GRID)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        area = QScrollArea(self)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(text)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.buttons.rejected.connect(self.reject)
        self.row = QHBoxLayout()
        self.row.setSpacing(4 * GRID)
        self.row.addWidget(area, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addLayout(self.row)
        column.addWidget(self.buttons)


class FilterHelp(_Page):
    """What can be written into the filter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        html = "<p>Terms stand side by side; an object must match all of them.</p>" + _table(
            _FILTER_FORMS
        )
        super().__init__("Filter Language", "filterHelp", html, parent)
        self.resize(600, 380)


class ShortcutsDialog(_Page):
    """All keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        parts = []
        for title, ids in MENUS:
            rows = [
                (
                    _keys(ACTIONS[id_]),
                    ACTIONS[id_].plain_text,
                )
                for id_ in ids
                if id_ in ACTIONS and ACTIONS[id_].shortcuts
            ]
            if rows:
                parts.append(f"<h4>{escape(title.replace('&', ''))}</h4>{_table(rows)}")
        parts.append(f"<h4>Table and tree</h4>{_table(_KEYS_OF_VIEWS)}")
        super().__init__("Keyboard Shortcuts", "shortcutsDialog", "".join(parts), parent)
        self.resize(620, 600)


class AboutDialog(_Page):
    """Versions and licences."""

    def __init__(self, version: str, parent: QWidget | None = None) -> None:
        packages = [
            (name, f"{found} · {licence}")
            for name, licence in (
                ("SQLAlchemy", "MIT"),
                ("psycopg", "LGPL-3.0"),
                ("PyMySQL", "MIT"),
                ("platformdirs", "MIT"),
                ("psutil", "BSD-3-Clause"),
                ("filelock", "MIT"),
            )
            if (found := _installed(name))
        ]
        html = (
            f"<h2>Jobshelf {escape(version)}</h2>"
            + (f"<p>Build {escape(number)}</p>" if (number := build_number()) else "")
            + "<p>Open, inspect, edit and repair persistent job stores.<br>"
            "Nothing that is shown is ever run.</p>"
            "<p>MIT licence. Icons: MIT licence.</p>"
            + _table(
                [
                    ("Python", f"{platform.python_version()} · PSF-2.0"),
                    ("Qt", f"{qVersion()} · LGPL-3.0"),
                    ("PySide6", f"{PySide6.__version__} · LGPL-3.0"),
                    *packages,
                    ("System", f"{platform.platform(terse=True)} · {sys.platform}"),
                ]
            )
        )
        super().__init__("About Jobshelf", "aboutDialog", html, parent)
        picture = QLabel(self)
        picture.setPixmap(application_icon().pixmap(16 * GRID, 16 * GRID))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.row.insertWidget(0, picture)
        if resource(_NOTICES).is_file():  # a bundle brings what it names; else pip installed it
            licences = self.buttons.addButton("&Licences…", QDialogButtonBox.ButtonRole.ActionRole)
            licences.setObjectName("licencesButton")
            licences.clicked.connect(self._show_licences)
        self.resize(520, 400)

    def _show_licences(self) -> None:
        dialog = LicencesDialog(self)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class LicencesDialog(QDialog):
    """The licences of all that is in the bundle, as they were collected when it was built."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("licencesDialog")
        self.setWindowTitle("Licences")
        text = QPlainTextEdit(resource(_NOTICES).read_text("utf-8"), self)
        text.setReadOnly(True)
        text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(text)
        column.addWidget(buttons)
        self.resize(760, 600)


def _keys(action: Action) -> str:
    """Return the first key of an action; the others are habits of other systems."""
    return action.key_sequences()[0].toString(QKeySequence.SequenceFormat.NativeText)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    """Return an HTML table of (what, meaning) pairs."""
    muted = theme().muted.name()
    return (
        '<table cellspacing="0" cellpadding="3">'
        + "".join(
            f'<tr><td style="white-space:pre"><b>{escape(what)}</b>&nbsp;&nbsp;</td>'
            f'<td style="color:{muted}">{escape(meaning)}</td></tr>'
            for what, meaning in rows
        )
        + "</table>"
    )


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
