"""A table of rows that are read and copied: opcodes, findings. Also what paints its cells."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFont, QFontMetrics, QHelpEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolTip,
    QWidget,
)

from app.models.roles import (
    ALIGNMENT_ROLE,
    COLOUR_ROLE,
    DISPLAY_ROLE,
    LOOK_ROLE,
    MARK_ROLE,
    TOOLTIP_ROLE,
)
from app.window.shapes import draw_shape
from app.window.theme import GRID, monospace, theme
from app.window.tooltips import plain

__all__ = ["RowTable", "selected_ranges", "show_plain_tip"]

Index = QModelIndex | QPersistentModelIndex

_MOST_COPIED = 10_000  # rows
_SELECTED = QStyle.StateFlag.State_Selected.value  # as a number: comparing enums is slow
_ACTIVE = QStyle.StateFlag.State_Active.value
_ALIGNED_RIGHT = Qt.AlignmentFlag.AlignRight.value
_MARKS = {"own": ("accent", True), "made": ("violet", False), "found": ("amber", True)}


class RowTable(QTableView):
    """Shows rows of one height that nobody edits.

    Signals:
        chosen: The index that the user pressed Enter on, or double-clicked.
    """

    chosen = Signal(QModelIndex)

    def __init__(
        self, name: str, fixed: Collection[int] = (), parent: QWidget | None = None
    ) -> None:
        """Make the table.

        Args:
            name: Its object name.
            fixed: The columns in a font of fixed width.
            parent: Owning widget.
        """
        super().__init__(parent)
        self.setObjectName(name)
        self._delegate = _Delegate(fixed, self)
        self.setItemDelegate(self._delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns = self.horizontalHeader()
        columns.setObjectName(f"{name}Header")
        columns.setHighlightSections(False)
        columns.setStretchLastSection(True)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.doubleClicked.connect(self.chosen)
        self.refresh_theme()

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        self._delegate.refresh_fonts()
        # One height for all rows: asking each of a million would take seconds.
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 2 * GRID - 1)
        self.viewport().update()

    def show_rows(self, first: int, last: int) -> None:
        """Scroll to some rows, if they are not all in view: to the middle where they fit."""
        model, seen = self.model(), self.viewport().rect()
        ends = [self.visualRect(model.index(row, 0)) for row in (first, last)]
        if all(end.isValid() and seen.contains(end) for end in ends):
            return
        fits = (last - first + 1) * ends[0].height() < seen.height() / 2
        hint = QAbstractItemView.ScrollHint
        self.scrollTo(model.index(first, 0), hint.PositionAtCenter if fits else hint.PositionAtTop)

    def copied_text(self) -> str:
        """Return the selected rows as lines, with tabs between the columns."""
        model = self.model()
        lines: list[str] = []
        for first, last in selected_ranges(self):
            for row in range(first, min(last + 1, first + _MOST_COPIED - len(lines))):
                cells = (model.index(row, column).data() for column in range(model.columnCount()))
                lines.append("\t".join(str(cell or "").strip() for cell in cells))
        return "\n".join(lines)

    def select_current(self) -> None:
        """Select the current row, or the first one, where none is selected."""
        if not self.selectionModel().hasSelection() and self.model().rowCount():
            self.selectRow(max(self.currentIndex().row(), 0))

    # Qt

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.select_current()  # the keyboard is somewhere, and that is seen

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            if self.currentIndex().isValid():
                self.chosen.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        # Home and End lead through the rows: in a list, columns are no places to go to.
        if action in (
            QAbstractItemView.CursorAction.MoveHome,
            QAbstractItemView.CursorAction.MoveEnd,
        ):
            modifiers |= Qt.KeyboardModifier.ControlModifier
        return super().moveCursor(action, modifiers)

    def keyboardSearch(self, search: str) -> None:
        """Do nothing: Qt's own would fetch every row to compare it."""


def selected_ranges(view: QAbstractItemView) -> list[tuple[int, int]]:
    """Return the selected rows of a table as (first, last), in order; never row by row."""
    ranges = list(view.selectionModel().selection())  # type: ignore[call-overload]
    return sorted({(part.top(), part.bottom()) for part in ranges})


def show_plain_tip(event: QHelpEvent, view: QAbstractItemView, index: Index) -> bool:
    """Show the tool tip of a cell letter by letter; Qt would take one with tags for HTML."""
    text = str(index.data(TOOLTIP_ROLE) or "") if index.isValid() else ""
    QToolTip.showText(event.globalPos(), plain(text), view)
    return True


class _Delegate(QStyledItemDelegate):
    """Paints a cell: the mark of its row, its shape, its text."""

    def __init__(self, fixed: Collection[int], parent: QWidget) -> None:
        super().__init__(parent)
        self._fixed = frozenset(fixed)
        self.refresh_fonts()

    def refresh_fonts(self) -> None:
        """Take over fonts and colours of the application."""
        self._fonts = (QApplication.font(), monospace())
        self._metrics = tuple(QFontMetrics(font) for font in self._fonts)
        usual = self._metrics[0]
        self._rise = (usual.ascent() - usual.descent()) / 2
        self._theme = theme()

    def _font(self, column: int) -> tuple[QFont, QFontMetrics]:
        is_fixed = column in self._fixed
        return self._fonts[is_fixed], self._metrics[is_fixed]

    # Qt

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours, rect, state = self._theme, option.rect, option.state.value
        mark = index.data(MARK_ROLE)
        if state & _SELECTED:
            is_active = state & _ACTIVE
            painter.fillRect(rect, colours.selection if is_active else colours.selection_inactive)
        elif mark is not None:
            painter.fillRect(rect, colours.tint(_MARKS[mark][0], 0.13))
        if mark is not None and index.column() == 0:
            hue, is_solid = _MARKS[mark]
            bar = QRectF(rect.x(), rect.y(), 3, rect.height())
            if not is_solid:  # a dotted bar: two dots in each row
                bar = QRectF(rect.x(), rect.y() + 2, 3, rect.height() / 2 - 3)
                painter.fillRect(bar.translated(0, rect.height() / 2), colours.colour(hue))
            painter.fillRect(bar, colours.colour(hue))
        text = str(index.data(DISPLAY_ROLE) or "")
        if not text:
            return
        font, metrics = self._font(index.column())
        left, room = rect.x() + GRID, rect.width() - 2 * GRID
        colour = colours.colour(index.data(COLOUR_ROLE) or "text")
        look = index.data(LOOK_ROLE)
        if look is not None:
            size = metrics.ascent()
            colour = colours.colour(look.colour)
            square = QRectF(left, rect.y() + (rect.height() - size) / 2, size, size)
            draw_shape(painter, look.shape, square, colour)
            left += size + GRID + 2
            room -= size + GRID + 2
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        if int(index.data(ALIGNMENT_ROLE) or 0) & _ALIGNED_RIGHT:
            left += room - metrics.horizontalAdvance(shown)
        painter.setFont(font)
        painter.setPen(colour)
        painter.drawText(QPointF(left, rect.y() + rect.height() / 2 + self._rise), shown)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        _, metrics = self._font(index.column())
        width = metrics.horizontalAdvance(str(index.data(DISPLAY_ROLE) or "")) + 4 * GRID
        return QSize(width, option.fontMetrics.height() + 2 * GRID - 1)

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        return show_plain_tip(event, view, index)
