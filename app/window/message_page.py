"""A page that stands where content would be: a picture, a sentence and what can be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.window.icons import icon
from app.window.theme import GRID, monospace

__all__ = ["Button", "MessagePage", "chain_of"]

_WIDTH = 560


@dataclass(frozen=True)
class Button:
    """One way out of a message.

    Attributes:
        text: With its mnemonic.
        on_clicked: What it does.
        icon: Name of its icon, or "".
        object_name: By which tests find it, or "".
    """

    text: str
    on_clicked: Callable[[], object]
    icon: str = ""
    object_name: str = ""


class MessagePage(QWidget):
    """Says in one sentence why there is nothing to show, and offers the ways out."""

    def __init__(
        self, icon_name: str, colour: str = "muted", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        # The names, not the icon: one with an engine in Python, kept in a cycle of references,
        # is destroyed twice when the cycle is collected.
        self._icon_name = self._shown_icon = icon_name
        self._colour = colour
        self._picture = QLabel(self)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.title = _label(self)
        self.title.setObjectName("messageTitle")
        self.sentence = _label(self)
        self.sentence.setObjectName("messageSentence")
        self.sentence.setProperty("quiet", True)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(2 * GRID)
        self.details = QPlainTextEdit(self)
        self.details.setObjectName("messageDetails")
        self.details.setReadOnly(True)
        self.details.hide()
        column = QVBoxLayout()
        column.setSpacing(3 * GRID)
        column.addStretch(2)
        for widget in (self._picture, self.title, self.sentence):
            column.addWidget(widget)
        column.addSpacing(GRID)
        column.addLayout(self._buttons)
        column.addWidget(self.details, 1)
        column.addStretch(3)
        # The texts wrap: they need the whole width of a column that is not too wide.
        middle = QWidget(self)
        middle.setLayout(column)
        middle.setMaximumWidth(_WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(6 * GRID, 6 * GRID, 6 * GRID, 6 * GRID)
        row.addStretch(1)
        row.addWidget(middle, 100)
        row.addStretch(1)

    def show_message(
        self,
        title: str,
        sentence: str,
        buttons: Sequence[Button] = (),
        details: str = "",
        icon_name: str = "",
    ) -> None:
        """Fill the page.

        Args:
            title: A few words.
            sentence: What is wrong and what to do.
            buttons: The ways out, the best one first.
            details: Text behind a "Details" button; "" for none.
            icon_name: The picture, where it is not the page's usual one.
        """
        self._shown_icon = icon_name or self._icon_name
        self._draw_picture()
        self.title.setText(title)
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 1.35)
        self.title.setFont(font)
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))
        self.details.hide()
        self.details.setPlainText(details)
        self.details.setFont(monospace(0.95))
        self._fill_buttons(buttons, has_details=bool(details))

    def _fill_buttons(self, buttons: Sequence[Button], *, has_details: bool) -> None:
        while self._buttons.count():
            item = self._buttons.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        self._buttons.addStretch()
        for number, record in enumerate(buttons):
            button = QPushButton(record.text, self)
            button.setObjectName(record.object_name)
            button.setAutoDefault(True)
            button.setDefault(number == 0)
            if record.icon:
                button.setIcon(icon(record.icon, "" if number else "on_accent"))
            button.clicked.connect(record.on_clicked)
            self._buttons.addWidget(button)
        if has_details:
            button = QPushButton("&Details", self)
            button.setObjectName("messageDetailsButton")
            button.setCheckable(True)
            button.toggled.connect(self.details.setVisible)
            self._buttons.addWidget(button)
        self._buttons.addStretch()

    def _draw_picture(self) -> None:
        size = 12 * GRID
        self._picture.setPixmap(icon(self._shown_icon, self._colour).pixmap(size, size))

    # Qt

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self._draw_picture()
        return super().event(event)


def _label(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def chain_of(error: BaseException) -> str:
    """Return an error with what caused it, one a line."""
    lines = []
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__name__}: {cause}")
        cause = cause.__cause__
    return "\n".join(lines)
