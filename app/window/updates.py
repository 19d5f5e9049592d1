"""Help ▸ Check for Updates: asks when it is told to, and says the answer in one sentence."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app import __version__
from app.settings import Settings
from app.window.banner import Banner
from app.window.theme import GRID
from app.work.pool import Lane
from app.work.task import Progress, Task
from persistence.errors import StoreError

if TYPE_CHECKING:
    from app.work.updates import Release

__all__ = ["UpdateDialog", "Updates"]

_WEEK_SECONDS = 7 * 86_400
_AFTER_START_MS = 3_000  # when the store that was asked for is there
_WIDTH = 460


class Updates(QObject):
    """Asks for the newest version: when the user wants it, or once a week if that is set."""

    def __init__(self, settings: Settings, banner: Banner, window: QWidget) -> None:
        """Make it; nothing is asked yet.

        Args:
            settings: Whom to ask, and when that was done last.
            banner: Where a newer version is told that nobody asked for just now.
            window: Owning window.
        """
        super().__init__(window)
        self._settings = settings
        self._banner = banner
        self._window = window
        self._lane: Lane | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_AFTER_START_MS)
        self._later.timeout.connect(self._ask_quietly)

    def ask(self) -> None:
        """Show a dialog that says what the newest version is."""
        dialog = UpdateDialog(self._window)
        task = self._start()
        task.then(dialog.show_release, dialog.show_failure)
        task.then(self._end, self._end)
        dialog.finished.connect(task.cancel)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def ask_if_due(self) -> None:
        """Ask soon and quietly, if the user wants that once a week and a week has passed."""
        passed = time.time() - self._settings.updates_asked
        # A clock that was set back must not put this off for years.
        if self._settings.check_weekly and not 0 <= passed < _WEEK_SECONDS:
            self._later.start()

    def close(self) -> None:
        """Drop a question that is not answered yet."""
        self._later.stop()
        self._end()

    def _ask_quietly(self) -> None:
        self._start().then(self._on_told, self._end)  # who has no network need not read it

    def _on_told(self, release: Release) -> None:
        self._end()
        if _is_newer(release.version):
            self._banner.show_sentence(
                _sentence(release.version),
                buttons=[("&Show…", lambda: self._show(release))],
            )

    def _show(self, release: Release) -> None:
        dialog = UpdateDialog(self._window)
        dialog.show_release(release)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _start(self) -> Task:
        self.close()
        # Before there is an answer: who is offline at every start still asks once a week.
        self._settings.updates_asked = int(time.time())
        feed = self._settings.release_feed
        self._lane = Lane("updates")
        return self._lane.submit(lambda progress: _newest(feed, progress))

    def _end(self, _outcome: object = None) -> None:
        if self._lane is not None:
            self._lane.stop()  # a server that does not answer holds nobody up
            self._lane = None


class UpdateDialog(QDialog):
    """Waits for the answer, and says it in one sentence with a link."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("updateDialog")
        self.setWindowTitle("Check for Updates")
        self.sentence = QLabel("Asking for the newest version…", self)
        self.sentence.setObjectName("updateSentence")
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.RichText)
        self.sentence.setOpenExternalLinks(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.sentence.setMinimumWidth(_WIDTH)
        self._waiting = QProgressBar(self)
        self._waiting.setRange(0, 0)
        self._waiting.setTextVisible(False)
        note = QLabel(
            "Only the name and the version of this program are sent; nothing is installed.", self
        )
        note.setProperty("quiet", True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(self.sentence)
        column.addWidget(self._waiting)
        column.addWidget(note)
        column.addWidget(buttons)

    def show_release(self, release: Release) -> None:
        """Say which version is the newest."""
        link = f' <a href="{escape(release.page)}">See its page</a>.' if release.page else ""
        self._say(escape(_sentence(release.version)) + link)

    def show_failure(self, error: BaseException) -> None:
        """Say why nobody told."""
        if not isinstance(error, StoreError):
            self.reject()
            raise error
        self._say(escape(str(error)))

    def _say(self, html: str) -> None:
        self._waiting.hide()
        self.sentence.setText(html)
        self.sentence.setAccessibleName(self.sentence.text())


def _newest(feed: str, progress: Progress) -> Release:
    from app.work.updates import default_feed, newest_release  # HTTP and TLS: only when needed

    return newest_release(feed or default_feed(), progress)


def _is_newer(version: str) -> bool:
    from app.work.updates import version_key

    there, here = version_key(version), version_key(__version__)
    return there is not None and (here is None or there > here)


def _sentence(version: str) -> str:
    from app.work.updates import version_key

    if _is_newer(version):
        return f"Jobshelf {version} is the newest version; this is {__version__}."
    if version_key(version) == version_key(__version__):
        return f"This is the newest version of Jobshelf, {__version__}."
    return f"This version, {__version__}, is newer than the newest release, {version}."
