"""A label that shows as much of its text as there is room for, and all of it as a tool tip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QWidget

from app.window.tooltips import plain

__all__ = ["ElidedLabel"]


class ElidedLabel(QLabel):
    """One line of plain text that never asks for more width than there is.

    `text` is the whole text; what is cut off is marked by an ellipsis.
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        elision: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(parent)
        self._elision = elision
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def shown_text(self) -> str:
        """What there is room for."""
        room = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), self._elision, room)

    # Qt

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.shown_text
        self.setToolTip(plain(self.text()) if shown != self.text() else "")
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            QStyle.visualAlignment(self.layoutDirection(), self.alignment()).value,
            self.palette(),
            self.isEnabled(),
            shown,
            QPalette.ColorRole.WindowText,
        )
