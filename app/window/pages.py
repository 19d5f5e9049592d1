"""What fills the main window: the open store, or what is shown in its place.

Without a store that is the start page; while one is being opened, if it takes a while, a page
that says so; and after a failure what went wrong, with the ways out.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.window.addresses import title_of
from app.window.message_page import Button, MessagePage, chain_of
from app.window.start_page import StartPage

__all__ = ["Pages"]

_OPENING_SHOWN_AFTER_MS = 250
_SLOW_AFTER_MS = 3_000


class Pages(QStackedWidget):
    """The pages, one at a time.

    Signals:
        cancelled: The user does not want to wait for the store that is being opened.

    Attributes:
        start: What can be opened.
        failure: Why a store cannot be opened.
        wait: That one is being opened.
        slowly: Runs until it is said why that takes long.
    """

    cancelled = Signal()

    def __init__(self, store_view: QWidget, parent: QWidget | None = None) -> None:
        """Make the pages.

        Args:
            store_view: What shows an open store.
            parent: Owning window.
        """
        super().__init__(parent)
        self.start = StartPage(self)
        self._store_view = store_view
        self.failure = MessagePage("error", "red", self)
        self.failure.setObjectName("errorPage")
        self.wait = MessagePage("database", "muted", self)
        self._address = ""
        for page in (self.start, store_view, self.failure, self.wait):
            self.addWidget(page)
        self._soon = self._timer(_OPENING_SHOWN_AFTER_MS)
        self._soon.timeout.connect(self._show_wait)
        self.slowly = self._timer(_SLOW_AFTER_MS)
        self.slowly.timeout.connect(self._explain_wait)

    def expect(self, address: str) -> None:
        """Say in a moment, if nothing else is shown by then, that a store is being opened.

        Args:
            address: Its address without password.
        """
        self._address = address
        self._soon.start()

    def show_start(self) -> None:
        """Show what can be opened."""
        self._show(self.start)
        self.start.setFocus()

    def show_store(self) -> None:
        """Show the open store."""
        self._show(self._store_view)

    def show_failure(self, address: str, error: BaseException, ways: Sequence[Button]) -> None:
        """Say why a store cannot be opened.

        Args:
            address: Its address without password.
            error: Why.
            ways: The ways out.
        """
        self.failure.show_message(
            f"{title_of(address)} cannot be opened",
            str(error),
            ways,
            details=f"{address}\n\n{chain_of(error)}",
        )
        self._show(self.failure)

    def _show(self, page: QWidget) -> None:
        self._soon.stop()
        self.slowly.stop()
        self.setCurrentWidget(page)

    def _show_wait(self) -> None:
        cancel = Button("&Cancel", self.cancelled.emit, "clear", "cancelOpening")
        self.wait.show_message("Opening…", self._address, [cancel])
        self._show(self.wait)
        self.slowly.start()

    def _explain_wait(self) -> None:
        self.wait.sentence.setText(
            f"{self._address} does not answer yet. It may be far away, or locked by a program "
            "that is writing to it."
        )

    def _timer(self, milliseconds: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        return timer
