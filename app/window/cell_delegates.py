"""How cells are painted: IDs in monospace, states by shape and colour, tree values with marks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.models.columns import COLUMNS, Column
from app.models.roles import COLOUR_ROLE, ID_ROLE, NODE_ROLE, ROW_ROLE
from app.models.states import look_of
from app.window.shapes import draw_shape
from app.window.theme import GRID, monospace, theme
from app.work.records import NodeRow

__all__ = ["NodeDelegate", "RowDelegate", "paint_state"]

Index = QModelIndex | QPersistentModelIndex

_CHANGED_SECONDS = 2.5
_VALUE_COLUMN = 1
_WIDEST_EDITOR = 640  # pixels
_SELECTED = QStyle.StateFlag.State_Selected.value  # as a number: comparing enums is slow
_ACTIVE = QStyle.StateFlag.State_Active.value
_RIGHT = Qt.TextElideMode.ElideRight
_MIDDLE = Qt.TextElideMode.ElideMiddle  # IDs differ at their ends


class RowDelegate(QStyledItemDelegate):
    """Paints the cells of the ID table.

    Qt's own painting asks the model for eight roles of every cell. This one takes the row
    itself and draws its text, so that a full view of a large screen stays within a frame.

    Attributes:
        columns: Those of the model.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns: Sequence[Column] = COLUMNS
        self._changed: dict[str, float] = {}
        self.refresh_fonts()

    def refresh_fonts(self) -> None:
        """Take over fonts and colours of the application."""
        usual, fixed = QApplication.font(), monospace()
        self._usual = (usual, QFontMetrics(usual))
        self._fixed = (fixed, QFontMetrics(fixed))
        self._theme = theme()

    def mark_changed(self, ids: Iterable[str]) -> None:
        """Paint some rows for a moment as changed by others."""
        until = time.monotonic() + _CHANGED_SECONDS
        self._changed.update((id_, until) for id_ in ids)

    def forget_changed(self) -> bool:
        """Drop the marks that are over; return whether any is left."""
        now = time.monotonic()
        self._changed = {id_: until for id_, until in self._changed.items() if until > now}
        return bool(self._changed)

    # Qt

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours, rect, state = self._theme, option.rect, option.state.value
        row = index.data(ROW_ROLE)
        if state & _SELECTED:
            is_active = state & _ACTIVE
            painter.fillRect(rect, colours.selection if is_active else colours.selection_inactive)
        elif row is not None and self._changed and row.id in self._changed:
            painter.fillRect(rect, colours.changed)
        if row is None:
            return
        column = self.columns[index.column()]
        text = column.text(row)
        if not text:
            return
        if column.shows_state:
            paint_state(painter, rect.adjusted(GRID, 0, -GRID, 0), text, option)
            return
        font, metrics = self._fixed if column.is_monospace else self._usual
        room = rect.width() - 2 * GRID
        shown = metrics.elidedText(text, _MIDDLE if column.is_monospace else _RIGHT, room)
        left = rect.x() + GRID
        if column.aligns_right:
            left += room - metrics.horizontalAdvance(shown)
        painter.setFont(font)
        painter.setPen(colours.text if row.is_readable else colours.muted)
        painter.drawText(left, _baseline(rect, self._usual[1]), shown)


class NodeDelegate(QStyledItemDelegate):
    """Paints the cells of the object tree: a value, then what its node is marked with."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changed: dict[tuple[str, str], float] = {}
        self.refresh_fonts()

    def mark_changed(self, id_: str, address: str) -> None:
        """Paint the row of a value for a moment as changed."""
        self._changed[id_, address] = time.monotonic() + _CHANGED_SECONDS

    def forget_changed(self) -> bool:
        """Drop the marks that are over; return whether any is left."""
        now = time.monotonic()
        self._changed = {key: until for key, until in self._changed.items() if until > now}
        return bool(self._changed)

    def refresh_fonts(self) -> None:
        """Take over the fonts of the application."""
        self._monospace = monospace()

    # Qt

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        option.state &= ~QStyle.StateFlag.State_HasFocus
        if self._changed and self._is_changed(index):
            option.state &= ~QStyle.StateFlag.State_Selected
            option.backgroundBrush = QBrush(theme().changed)
        colour = index.data(COLOUR_ROLE)
        if index.column() == _VALUE_COLUMN:
            if isinstance(index.data(NODE_ROLE), NodeRow):
                option.text = ""  # drawn by `paint`, piece by piece
        elif index.column() > _VALUE_COLUMN and not colour:
            colour = "muted"
        if colour:
            option.palette.setColor(QPalette.ColorRole.Text, theme().colour(colour))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        node = index.data(NODE_ROLE)
        if index.column() != _VALUE_COLUMN or not isinstance(node, NodeRow):
            return
        text = str(index.data(Qt.ItemDataRole.DisplayRole) or "")
        self.initStyleOption(option, index)
        painter.save()
        painter.setClipRect(option.rect)
        rect = option.rect.adjusted(GRID, 0, -GRID, 0)
        is_reference = node.kind == "reference"
        if is_reference and "dangling" not in node.marks:
            colour = theme().colour("blue")
        else:
            colour = option.palette.text().color()
        rest = ""
        if is_reference:
            text = f"↗ {text}"
        elif node.state:  # its mark stands where the text has its name
            text, _, rest = text.partition(node.state)
        room = QRect(rect)
        if is_reference or node.marks:  # these are worth more than the end of the text
            room.setRight(rect.right() - _width_of_marks(node, option))
        elision = _MIDDLE if is_reference else Qt.TextElideMode.ElideRight
        _take(rect, _draw_text(painter, room, text.rstrip(), self._monospace, colour, elision))
        if node.state:
            _take(rect, paint_state(painter, rect, node.state, option))
        _take(rect, _draw_text(painter, rect, rest.lstrip(), self._monospace, colour))
        for mark, words, hue in _MARKS:
            if mark in node.marks:
                _take(rect, _draw_chip(painter, rect, words, hue, option.font))
        painter.restore()

    def _is_changed(self, index: Index) -> bool:
        node = index.data(NODE_ROLE)
        return isinstance(node, NodeRow) and (index.data(ID_ROLE), node.address) in self._changed

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        # Over the Type column, too: the type stands in the editor.
        rect = QRect(option.rect)
        view = editor.parentWidget()
        if view is not None:
            rect.setRight(min(view.width() - GRID, rect.left() + _WIDEST_EDITOR))
        editor.setGeometry(rect.adjusted(0, 0, 0, 1))

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        size = super().sizeHint(option, index)
        size.setHeight(option.fontMetrics.height() + 2 * GRID - 1)
        return size


_MARKS = (
    ("dangling", "missing", "red"),
    ("cycle", "↻ cycle", "violet"),
    ("shared", "shared", "teal"),
    ("python2", "Python 2", "amber"),
)
"""The marks of a node, the words for them, and their colours."""


def paint_state(painter: QPainter, rect: QRect, state: str, option: QStyleOptionViewItem) -> int:
    """Draw a state's shape and name; return the width that they take.

    Args:
        painter: Where.
        rect: The room there is; the state stands at its left, in the middle of its height.
        state: Its name.
        option: Font and colours of the cell.
    """
    look = look_of(state)
    if rect.width() <= 0:
        return 0
    colour = theme().colour(look.colour)
    size = option.fontMetrics.ascent()
    top = rect.top() + (rect.height() - size) / 2
    draw_shape(painter, look.shape, QRectF(rect.left(), top, size, size), colour)
    gap = size + GRID + 2
    room = rect.adjusted(gap, 0, 0, 0)
    return gap + _draw_text(painter, room, state, QApplication.font(), colour)


def _width_of_marks(node: NodeRow, option: QStyleOptionViewItem) -> int:
    """Return the room that the state and the marks of a node take."""
    metrics = QFontMetrics(QApplication.font())
    width = 0
    if node.state:
        width += option.fontMetrics.ascent() + metrics.horizontalAdvance(node.state) + 4 * GRID
    for mark, words, _ in _MARKS:
        if mark in node.marks:
            width += metrics.horizontalAdvance(words) + 5 * GRID
    return width


def _take(rect: QRect, used: int) -> None:
    """Make a rectangle narrower by what was drawn at its left, and a gap."""
    if used:
        rect.setLeft(rect.left() + used + 2 * GRID)


def _draw_text(
    painter: QPainter,
    rect: QRect,
    text: str,
    font: QFont,
    colour: QColor,
    elision: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> int:
    """Draw one line of text, elided to the room there is; return its width."""
    if rect.width() <= 0 or not text:
        return 0
    painter.setFont(font)
    painter.setPen(colour)
    metrics = painter.fontMetrics()
    shown = metrics.elidedText(text, elision, rect.width())
    # All fonts stand on the baseline of the application's, as in one line of a text.
    painter.drawText(rect.left(), _baseline(rect, QFontMetrics(QApplication.font())), shown)
    return metrics.horizontalAdvance(shown)


def _baseline(rect: QRect, metrics: QFontMetrics) -> int:
    """Return where a line of text stands: rounded as styles do, or neighbours would be off."""
    return rect.top() + (rect.height() - metrics.height()) // 2 + metrics.ascent()


def _draw_chip(painter: QPainter, rect: QRect, text: str, colour: str, font: QFont) -> int:
    """Draw a word in a rounded frame; return its width, or 0 where it does not fit."""
    small = QFont(QApplication.font())
    small.setPointSizeF(max(font.pointSizeF() * 0.85, 6.0))
    painter.setFont(small)
    metrics = painter.fontMetrics()
    width = metrics.horizontalAdvance(text) + 3 * GRID
    if width > rect.width():
        return 0
    height = metrics.height() + 2
    frame = QRectF(rect.left(), rect.top() + (rect.height() - height) / 2, width, height)
    hue = theme().colour(colour)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    surface = QColor(hue)
    surface.setAlphaF(0.14)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(surface)
    painter.drawRoundedRect(frame, height / 2, height / 2)
    painter.setPen(hue)
    painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, text)
    return width
