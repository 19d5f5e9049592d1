"""The filter field: takes the query language and says when it is broken."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from app.window.icons import icon

__all__ = ["FilterEdit"]

_TYPING_PAUSE_MS = 180


class FilterEdit(QLineEdit):
    """A line for the filter.

    Signals:
        filter_changed: The text to filter by, once the user pauses.
        left: The user wants on to the table.
        help_requested: The user wants to know the language.
    """

    filter_changed = Signal(str)
    left = Signal()
    help_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filterEdit")
        self.setAccessibleName("Filter")
        self.setPlaceholderText('Filter: state:RUNNING type:Application size>10000 "text"')
        self.setToolTip(
            "Words that ID, name, type or state contain; state:…, size>…, execution.returncode=…;"
            ' "…" for a text inside the objects'
        )
        self.addAction(
            QAction(icon("search", "muted"), "", self), self.ActionPosition.LeadingPosition
        )
        help_ = QAction(icon("help", "muted"), "Filter language", self)
        help_.triggered.connect(self.help_requested)
        self.addAction(help_, self.ActionPosition.TrailingPosition)
        self.setClearButtonEnabled(True)
        self._said = ""
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_TYPING_PAUSE_MS)
        self._pause.timeout.connect(self._say)
        self.textChanged.connect(self._on_text_changed)

    def set_broken(self, broken: bool) -> None:
        """Show whether the text is a filter."""
        if self.property("broken") != broken:
            self.setProperty("broken", broken)
            self.style().unpolish(self)
            self.style().polish(self)

    def _on_text_changed(self, text: str) -> None:
        if text:
            self._pause.start()
        else:
            self._say()  # all rows again: there is nothing more to type

    def _say(self) -> None:
        self._pause.stop()
        if self.text() != self._said:
            self._said = self.text()
            self.filter_changed.emit(self._said)

    # Qt

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (
            Qt.Key.Key_Escape,
            Qt.Key.Key_Down,
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
        ):
            self._say()
            self.left.emit()
        else:
            super().keyPressEvent(event)
