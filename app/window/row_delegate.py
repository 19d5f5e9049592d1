"""How the cells of the ID table are painted: IDs in monospace, states by shape and colour.

A full view has close to a thousand cells and has to be painted within a frame. Qt's own
painting asks the model for eight roles of every cell and measures every text; this takes the
row itself, draws its text, and keeps what is the same the next time: the pictures of the
states' shapes, and texts that had to be cut to the room there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.models.columns import COLUMNS, Column
from app.models.roles import DISPLAY_ROLE
from app.models.states import look_of
from app.window.change_marks import ChangeMarks, paint_mark
from app.window.shapes import draw_shape
from app.window.theme import GRID, monospace, theme
from app.work.records import Row

__all__ = ["RowDelegate"]

Index = QModelIndex | QPersistentModelIndex

_SELECTED = QStyle.StateFlag.State_Selected.value  # as a number: comparing enums is slow
_ACTIVE = QStyle.StateFlag.State_Active.value
_RIGHT = Qt.TextElideMode.ElideRight
_MIDDLE = Qt.TextElideMode.ElideMiddle  # IDs differ at their ends
_KEPT_TEXTS = 4_096
_TELLING = ("type", "state", "name")  # that time and size differ is nothing new


class _Lines:
    """Cuts texts in one font to the room there is."""

    def __init__(self, font: QFont) -> None:
        self.font = font
        self.metrics = QFontMetrics(font)
        self._letters: dict[str, int] = {}
        self._cut: dict[tuple[str, int], str] = {}

    def cut(self, text: str, room: int, mode: Qt.TextElideMode) -> str:
        """Return a text as it fits into so many pixels."""
        letters = self._letters
        try:
            width = sum(map(letters.__getitem__, text))
        except KeyError:
            for letter in text:
                letters[letter] = self.metrics.horizontalAdvance(letter) + 1
            width = sum(map(letters.__getitem__, text))
        if width <= room:
            return text  # measuring it exactly takes ten times as long
        shown = self._cut.get((text, room))
        if shown is None:
            if len(self._cut) >= _KEPT_TEXTS:
                self._cut.clear()
            shown = self._cut[text, room] = self.metrics.elidedText(text, mode, room)
        return shown


class RowDelegate(QStyledItemDelegate):
    """Paints the cells of the ID table.

    Attributes:
        columns: Those of the model.
        rows: Gives a row of the model by its number, or None while it is not there.
    """

    def __init__(self, marks: ChangeMarks[str], view: QWidget) -> None:
        """Make the delegate.

        Args:
            marks: Which objects have just changed, by ID.
            view: The view that it paints in, and its owner.
        """
        super().__init__(view)
        self._view = view
        self.columns: Sequence[Column] = COLUMNS
        self.rows: Callable[[int], Row | None] = lambda _: None
        self._marks = marks
        self._former: dict[str, Row] = {}
        self._pictures: dict[str, QPixmap] = {}
        self.refresh_fonts()

    def refresh_fonts(self) -> None:
        """Take over fonts and colours of the application."""
        usual = QApplication.font()
        strong = QFont(usual)
        strong.setBold(True)
        self._usual = _Lines(usual)
        self._strong = _Lines(strong)
        self._fixed = _Lines(monospace())
        self._theme = theme()
        self._text, self._muted = self._theme.text, self._theme.muted
        self._pictures.clear()
        self._height = self._base = 0

    def note_former(self, rows: dict[str, Row]) -> None:
        """Remember what rows said before they changed, to show which of their values did."""
        self._former = {id_: row for id_, row in self._former.items() if self._marks.strength(id_)}
        for id_, row in rows.items():
            self._former.setdefault(id_, row)

    def _rise(self, height: int) -> int:
        """Return where lines of text stand in a row; all on the baseline of the usual font."""
        if height != self._height:
            metrics = self._usual.metrics
            self._height = height
            self._base = (height - metrics.height()) // 2 + metrics.ascent()
        return self._base

    # Qt

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        rect, state = option.rect, option.state.value
        number, place = index.row(), index.column()
        row = self.rows(number)
        lines = self._usual
        column = self.columns[place]
        is_selected = state & _SELECTED
        if is_selected:
            colours = self._theme
            is_active = state & _ACTIVE
            painter.fillRect(rect, colours.selection if is_active else colours.selection_inactive)
        if row is None:
            text = index.data(DISPLAY_ROLE)  # asking for it has the row fetched
            painter.setPen(self._muted)
            painter.drawText(rect.x() + GRID, rect.y() + self._rise(rect.height()), text)
            return
        text = column.text(row)
        if self._marks and (strength := self._marks.strength(row.id)):
            paint_mark(
                painter, rect, strength, self._theme, has_bar=place == 0, has_ground=not is_selected
            )
            former = self._former.get(row.id)
            if former is not None and column.key in _TELLING and column.text(former) != text:
                lines = self._strong
        if not text:
            return
        left, room = rect.x() + GRID, rect.width() - 2 * GRID
        if column.shows_state:
            colour = self._theme.colour(look_of(text).colour)
            gap = self._draw_shape(painter, rect, text)
            left, room = left + gap, room - gap
            shown = lines.cut(text, room, _RIGHT)
        elif column.is_monospace:
            lines, colour = self._fixed, self._text if row.is_readable else self._muted
            shown = lines.cut(text, room, _MIDDLE)
        else:
            colour = self._text if row.is_readable else self._muted
            shown = lines.cut(text, room, _RIGHT)
        if column.aligns_right:
            left += room - lines.metrics.horizontalAdvance(shown)
        painter.setFont(lines.font)
        painter.setPen(colour)
        painter.drawText(left, rect.y() + self._rise(rect.height()), shown)

    def _draw_shape(self, painter: QPainter, rect: QRect, state: str) -> int:
        """Draw the mark of a state; return the width it takes."""
        size = self._usual.metrics.ascent()
        picture = self._pictures.get(state)
        ratio = self._view.devicePixelRatioF()
        if picture is None or picture.devicePixelRatio() != ratio:
            picture = QPixmap(round(size * ratio), round(size * ratio))
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            look = look_of(state)
            brush = QPainter(picture)
            draw_shape(brush, look.shape, QRectF(0, 0, size, size), self._theme.colour(look.colour))
            brush.end()
            if len(self._pictures) >= _KEPT_TEXTS:
                self._pictures.clear()
            self._pictures[state] = picture
        painter.drawPixmap(rect.x() + GRID, rect.y() + (rect.height() - size) // 2, picture)
        return size + GRID + 2
