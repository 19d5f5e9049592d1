"""The tree of a comparison and the two values of its current line."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QGridLayout,
    QPlainTextEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from app.models.comparison_cells import CHANGE, LEFT, NAME, RIGHT, change_look
from app.models.comparison_tree import ComparisonTreeModel
from app.models.roles import COLOUR_ROLE, DISPLAY_ROLE, LOOK_ROLE, ROW_ROLE
from app.window.elided_label import ElidedLabel
from app.window.row_table import show_plain_tip
from app.window.shapes import draw_shape
from app.window.theme import GRID, monospace, theme
from app.work.records import ComparedRow

__all__ = ["ComparisonView", "SideBySide"]

Index = QModelIndex | QPersistentModelIndex

_WIDTHS = (250, 290, 290)
_MOST_OPENED = 10_000
_SELECTED = QStyle.StateFlag.State_Selected.value  # as a number: comparing enums is slow
_ACTIVE = QStyle.StateFlag.State_Active.value


class ComparisonView(QTreeView):
    """Shows a comparison; what was opened is opened again when it is loaded anew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compareTree")
        self.setAccessibleName("What differs between the two")
        self.setItemDelegate(_Delegate(self))
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIndentation(4 * GRID)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._opened: set[tuple[int, ...]] = set()
        self._current: tuple[int, ...] | None = None
        self.expanded.connect(self._on_expanded)
        self.collapsed.connect(self._on_collapsed)

    def prepare_columns(self) -> None:
        """Give the columns their first widths; the model must be set."""
        for column, width in enumerate(_WIDTHS):
            self.setColumnWidth(column, width)
        self.header().setObjectName("compareHeader")
        self.header().setSectionsMovable(False)
        self.header().setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        self.model().rowsInserted.connect(self._on_inserted)

    def forget_opened(self) -> None:
        """Open nothing again but the objects themselves."""
        self._opened.clear()
        self._current = None

    def open_again(self) -> None:
        """Open the two objects, and below them what was open before."""
        model = self._comparison()
        self.expand(model.index_of(()))
        if self._current == ():
            self.setCurrentIndex(model.index_of(()))

    def _comparison(self) -> ComparisonTreeModel:
        model = self.model()
        assert isinstance(model, ComparisonTreeModel)
        return model

    def _on_expanded(self, index: QModelIndex) -> None:
        if len(self._opened) < _MOST_OPENED and isinstance(index.data(ROW_ROLE), ComparedRow):
            self._opened.add(self._comparison().path_of(index))

    def _on_collapsed(self, index: QModelIndex) -> None:
        if isinstance(index.data(ROW_ROLE), ComparedRow):
            self._opened.discard(self._comparison().path_of(index))

    def _on_inserted(self, parent: QModelIndex, first: int, last: int) -> None:
        model = self._comparison()
        above = model.path_of(parent)
        for place in range(first, last + 1):
            index = model.index(place, 0, parent)
            row = index.data(ROW_ROLE)
            if not isinstance(row, ComparedRow) or not parent.isValid():
                continue
            path = (*above, row.position)
            if path in self._opened and not self.isExpanded(index):
                self.expand(index)
            if path == self._current and not self.currentIndex().isValid():
                self.setCurrentIndex(index)

    # Qt

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        if isinstance(current.data(ROW_ROLE), ComparedRow):
            self._current = self._comparison().path_of(current)


class SideBySide(QWidget):
    """The two values of one line, with where they are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compareValues")
        self._titles = ("", "")
        grid = QGridLayout(self)
        grid.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 3 * GRID)
        grid.setHorizontalSpacing(3 * GRID)
        grid.setVerticalSpacing(GRID)
        self.headings = (ElidedLabel(self), ElidedLabel(self))
        self.texts = (QPlainTextEdit(self), QPlainTextEdit(self))
        for column, (heading, text) in enumerate(zip(self.headings, self.texts, strict=True)):
            side = ("Left", "Right")[column]
            heading.setObjectName(f"compare{side}Heading")
            heading.setProperty("quiet", True)
            text.setObjectName(f"compare{side}Value")
            text.setAccessibleName(f"Value on the {side.lower()}")
            text.setReadOnly(True)
            text.setTabChangesFocus(True)
            text.setFont(monospace())
            text.setFixedHeight(4 * QFontMetrics(monospace()).height())
            grid.addWidget(heading, 0, column)
            grid.addWidget(text, 1, column)
            grid.setColumnStretch(column, 1)

    def set_titles(self, left: str, right: str) -> None:
        """Say what the two are called."""
        self._titles = (left, right)

    def show_row(self, row: ComparedRow | None) -> None:
        """Show the values of a line."""
        sides = (None, None) if row is None else (row.left, row.right)
        for heading, text, title, side in zip(
            self.headings, self.texts, self._titles, sides, strict=True
        ):
            parts = [title] if side is None else [title, side.path, side.type]
            heading.setText("  ·  ".join(part for part in parts if part))
            text.setPlainText("" if side is None else side.preview)
            text.setPlaceholderText("" if row is None else "not there")


class _Delegate(QStyledItemDelegate):
    """Paints the cells of a comparison: on the side that differs, a surface in its colour."""

    # Qt

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours, rect, state = theme(), option.rect, option.state.value
        column, row = index.column(), index.data(ROW_ROLE)
        if state & _SELECTED:
            is_active = state & _ACTIVE
            painter.fillRect(rect, colours.selection if is_active else colours.selection_inactive)
        text = str(index.data(DISPLAY_ROLE) or "")
        look = change_look(row) if isinstance(row, ComparedRow) else None
        is_side = column in (LEFT, RIGHT)
        if is_side and isinstance(row, ComparedRow) and look is not None and look.shape != "dot":
            self._paint_surface(painter, rect, text, row, look.colour)
        elif is_side and isinstance(row, ComparedRow) and not text:
            return
        name = index.data(COLOUR_ROLE)
        left = rect.x() + GRID
        if column == NAME and (mark := index.data(LOOK_ROLE)) is not None:
            size = option.fontMetrics.ascent()
            square = QRectF(left, rect.y() + (rect.height() - size) / 2, size, size)
            draw_shape(painter, mark.shape, square, colours.colour(mark.colour))
        if column == NAME:  # names stand in one line, marked or not
            left += option.fontMetrics.ascent() + GRID + 2
        colour = colours.colour(name or "text")
        if column == CHANGE and look is not None:
            colour = colours.colour("muted" if look.shape == "dot" else look.colour)
        font = monospace() if is_side else QApplication.font()
        room = QRect(left, rect.y(), rect.right() - left - GRID, rect.height())
        painter.setFont(font)
        painter.setPen(colour)
        painter.drawText(*_placed(room, text, font))

    def _paint_surface(
        self, painter: QPainter, rect: QRect, text: str, row: ComparedRow, hue: str
    ) -> None:
        """Fill a cell, stronger behind the part of its text that the other one has not."""
        colours = theme()
        surface = colours.colour(hue)
        surface.setAlphaF(0.10 if text else 0.04)
        painter.fillRect(rect.adjusted(0, 0, -1, 0), surface)
        if row.status != "changed" or row.left is None or row.right is None or row.is_slight:
            return
        first, last = _differing(text, row.left.preview, row.right.preview)
        if first == 0 and last == len(text):
            return
        metrics = QFontMetrics(monospace())
        start = rect.x() + GRID + metrics.horizontalAdvance(text[:first])
        width = max(metrics.horizontalAdvance(text[first:last]), 2)
        surface.setAlphaF(0.26)
        part = QRectF(start, rect.y() + 3, width, rect.height() - 6)
        painter.save()
        painter.setClipRect(rect)
        painter.fillRect(part, surface)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        size = super().sizeHint(option, index)
        size.setHeight(option.fontMetrics.height() + 2 * GRID - 1)
        return size

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        return show_plain_tip(event, view, index)


def _differing(text: str, left: str, right: str) -> tuple[int, int]:
    """Return where in one of two texts the part is that the other one has not.

    >>> _differing("run-42.log", "run-41.log", "run-42.log")
    (5, 6)
    """
    shortest = min(len(left), len(right))
    first = 0
    while first < shortest and left[first] == right[first]:
        first += 1
    last = 0
    while last < shortest - first and left[-1 - last] == right[-1 - last]:
        last += 1
    return first, len(text) - last


def _placed(room: QRect, text: str, font: QFont) -> tuple[QPointF, str]:
    """Return where a text stands in a cell, and as much of it as there is room for."""
    usual = QFontMetrics(QApplication.font())
    baseline = room.y() + (room.height() + usual.ascent() - usual.descent()) / 2
    shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, room.width())
    return QPointF(room.x(), baseline), shown
