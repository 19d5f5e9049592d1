"""The address of the selected node as a row of buttons: Application.42 ▸ execution ▸ history."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from app.window.icons import icon
from app.window.theme import GRID, monospace
from app.window.tooltips import plain
from persistence.pickles.texts import escaped

__all__ = ["Breadcrumb"]

_LONGEST_PART = 28  # characters
_LONGEST_ID = 44


class Breadcrumb(QWidget):
    """Shows where the selected node is, and leads to what is above it.

    Signals:
        chosen: How many steps below the object the clicked part is; 0 for the object.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("breadcrumb")
        self.setAccessibleName("Path of the selected value")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._parts: list[str] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)

    @property
    def parts(self) -> list[str]:
        """The names from the object down to the selected node."""
        return list(self._parts)

    def set_parts(self, parts: list[str]) -> None:
        """Show a path.

        Args:
            parts: The names from the object down to the selected node.
        """
        parts = [escaped(part) for part in parts]
        if parts != self._parts:
            self._parts = parts
            self._fill()

    def _fill(self) -> None:
        while self._row.count():
            item = self._row.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        shown = _fitting(self._parts, self.width(), QFontMetrics(monospace()))
        for place, (steps, text) in enumerate(shown):
            if place:
                self._row.addWidget(self._arrow())
            self._row.addWidget(self._button(steps, text))
        self._row.addStretch(1)

    def _button(self, steps: int, text: str) -> QWidget:
        button = QToolButton(self)
        button.setText(text)
        button.setFont(monospace())
        button.setToolTip(plain(self._parts[steps]))
        button.setAccessibleName(f"Go to {self._parts[steps]}")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if steps < len(self._parts) - 1:
            button.setProperty("quiet", True)
        button.clicked.connect(lambda: self.chosen.emit(steps))
        return button

    def _arrow(self) -> QWidget:
        arrow = QLabel(self)
        arrow.setPixmap(icon("chevron-right", "muted").pixmap(QSize(3 * GRID, 3 * GRID)))
        return arrow

    # Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fill()


def _fitting(parts: list[str], width: int, metrics: QFontMetrics) -> list[tuple[int, str]]:
    """Return which parts to show, as (steps, text): the object and as many last ones as fit."""
    if not parts:
        return []
    longest = [_LONGEST_ID, *[_LONGEST_PART] * len(parts)]
    texts = [_cut(part, most) for part, most in zip(parts, longest, strict=False)]
    widths = [metrics.horizontalAdvance(text) + 7 * GRID for text in texts]
    last: list[tuple[int, str]] = []
    room = width - widths[0]
    for steps in range(len(parts) - 1, 0, -1):
        room -= widths[steps]
        if room < 0 and last:
            # What was left out is reached by its nearest shown neighbour's parent.
            last.insert(0, (steps, "…"))
            break
        last.insert(0, (steps, texts[steps]))
    return [(0, texts[0]), *last]


def _cut(text: str, longest: int) -> str:
    """Return a text with its middle left out if it is longer than it may be."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
