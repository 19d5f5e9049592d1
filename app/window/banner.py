"""A quiet bar across the window: a notice, a conflict, or what was just done with its undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app.window.icons import icon
from app.window.theme import GRID, theme

__all__ = ["Banner", "Mood"]


class Mood(Enum):
    """How much a banner wants to be seen: its icon and its colour."""

    NOTICE = ("info", "blue")
    WARNING = ("warning", "amber")
    FAILURE = ("error", "red")


class Banner(QFrame):
    """One sentence with its ways out; it goes when it is dismissed or acted on.

    Signals:
        dismissed: It was sent away without any of its ways out.
    """

    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAutoFillBackground(True)
        self._mood = Mood.NOTICE
        self._picture = QLabel(self)
        self.sentence = QLabel(self)
        self.sentence.setObjectName("bannerSentence")
        self.sentence.setWordWrap(True)
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(2 * GRID)
        self._dismiss = QToolButton(self)
        self._dismiss.setObjectName("bannerDismiss")
        self._dismiss.setIcon(icon("clear"))
        self._dismiss.setToolTip("Dismiss")
        self._dismiss.setAccessibleName("Dismiss")
        self._dismiss.clicked.connect(self._send_away)
        row = QHBoxLayout(self)
        row.setContentsMargins(3 * GRID, GRID, 2 * GRID, GRID)
        row.setSpacing(2 * GRID)
        row.addWidget(self._picture)
        row.addWidget(self.sentence, 1)
        row.addLayout(self._buttons)
        row.addWidget(self._dismiss)
        self.hide()

    def show_sentence(
        self,
        sentence: str,
        mood: Mood = Mood.NOTICE,
        buttons: Sequence[tuple[str, Callable[[], object]]] = (),
    ) -> None:
        """Show a sentence in place of the one before.

        Args:
            sentence: What happened and what it means.
            mood: How much it wants to be seen.
            buttons: Text and act of each way out; each also dismisses the banner.
        """
        self._mood = mood
        self.sentence.setText(sentence)
        self.setAccessibleName(sentence)
        while self._buttons.count():
            item = self._buttons.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()  # it goes with the pending events, and must not be pressed until then
                widget.deleteLater()
        for text, act in buttons:
            button = QPushButton(text, self)
            button.setObjectName("bannerButton")
            button.setAutoDefault(True)
            button.clicked.connect(self.hide)
            button.clicked.connect(act)
            self._buttons.addWidget(button)
        self._colour()
        self.show()

    def focus_first(self) -> None:
        """Give the keyboard to the first way out."""
        item = self._buttons.itemAt(0)
        widget = item.widget() if item is not None else None
        if widget is not None:
            widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def _send_away(self) -> None:
        self.hide()
        self.dismissed.emit()

    def _colour(self) -> None:
        name, hue = self._mood.value
        self._picture.setPixmap(icon(name, hue).pixmap(QSize(4 * GRID, 4 * GRID)))
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, theme().tint(hue))
        self.setPalette(palette)

    # Qt

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._send_away()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self._colour()
        return super().event(event)
