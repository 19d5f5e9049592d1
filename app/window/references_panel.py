"""The panels "Refers to" and "Referred to by": the objects at the other end of references."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QStackedWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from app.window.cell_delegates import paint_state
from app.window.column_widths import ColumnWidths, Wish, wish_for
from app.window.theme import GRID, monospace, theme
from app.window.tooltips import plain
from app.work.records import Link
from app.work.session import StoreSession
from app.work.task import Task

__all__ = ["ReferencesPanel"]

Index = QModelIndex | QPersistentModelIndex
_COLUMNS = ("Object", "Path", "Type", "State", "Name")
_LETTERS = ((14, 42), (8, 24), (10, 28), (12, 18), (8, 40))
_MEASURED = 200  # links
_STATE = 3
_MONOSPACE = 2  # the first columns


class ReferencesPanel(QWidget):
    """Lists references of one direction.

    Signals:
        counted: How many there are; -1 while that is not known.
        followed: The ID of an object the user wants to see.
    """

    counted = Signal(int)
    followed = Signal(str)

    def __init__(self, *, incoming: bool, parent: QWidget | None = None) -> None:
        """Make the panel.

        Args:
            incoming: True for "Referred to by".
            parent: Owning widget.
        """
        super().__init__(parent)
        self._incoming = incoming
        self.setObjectName("referredByPanel" if incoming else "refersToPanel")
        self._session: StoreSession | None = None
        self._task: Task | None = None
        self._id: str | None = None
        self._model = _LinkModel(self)
        self.view = _View(self)
        self.view.setObjectName("referredByView" if incoming else "refersToView")
        self.view.setAccessibleName("Referred to by" if incoming else "Refers to")
        self.view.setModel(self._model)
        self.view.setItemDelegate(_LinkDelegate(self.view))
        self.view.setRootIsDecorated(False)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.view.setUniformRowHeights(True)
        self.view.setAllColumnsShowFocus(True)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.widths = ColumnWidths(self.view, self.view.header(), self._wishes)
        self.view.activated.connect(self._on_activated)
        self._empty = QLabel(self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("quiet", True)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(0, 0, 0, 0)
        column_.addWidget(self._stack)

    @property
    def links(self) -> tuple[Link, ...]:
        """What is listed."""
        return self._model.links

    def set_session(self, session: StoreSession | None) -> None:
        """List references of another store."""
        self._session = session
        self.show_object(None)

    def show_object(self, id_: str | None) -> None:
        """List the references of an object; nothing for None."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if id_ != self._id:  # asked again for the same one, the former answer stays meanwhile
            self._id = id_
            self.counted.emit(-1)
        if id_ is None or self._session is None:
            self._show_links(())
            self._empty.setText("")
            return
        ask = self._session.referrers if self._incoming else self._session.references
        self._task = ask(id_).then(self._on_links, self._on_failed)

    def _show_links(self, links: tuple[Link, ...]) -> None:
        self._model.set_links(links)
        if self.view.widths is not None:
            self.view.widths.fit()
        self._stack.setCurrentWidget(self.view if links else self._empty)

    def _wishes(self) -> list[Wish]:
        usual, fixed = self.view.fontMetrics(), QFontMetrics(monospace())
        wishes = []
        for column, (title, letters) in enumerate(zip(_COLUMNS, _LETTERS, strict=True)):
            texts = [self._model.text(link, column) for link in self._model.links[:_MEASURED]]
            extra = 4 * GRID + (usual.ascent() + 2 * GRID if column == _STATE else 0)
            metrics = fixed if column < _MONOSPACE else usual
            head = usual.horizontalAdvance(title) + 4 * GRID
            wishes.append(wish_for(head, texts, metrics, letters, extra))
        return [*wishes[:-1], replace(wishes[-1], grows=True)]

    def _on_links(self, links: tuple[Link, ...]) -> None:
        self._task = None
        if links != self._model.links or not links:
            self._show_links(links)
        self._empty.setText(
            "No object of this store refers to it."
            if self._incoming
            else "It refers to no other object."
        )
        self.counted.emit(len(links))

    def _on_failed(self, error: BaseException) -> None:
        self._task = None
        self._show_links(())
        self._empty.setText(str(error))

    def _on_activated(self, index: QModelIndex) -> None:
        link = self._model.links[index.row()]
        if link.exists:
            self.followed.emit(link.id)


class _View(QTreeView):
    """A view that its columns fill."""

    widths: ColumnWidths | None = None

    # Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.widths is not None:
            self.widths.fit()


class _LinkModel(QAbstractTableModel):
    """References as rows."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.links: tuple[Link, ...] = ()

    def set_links(self, links: tuple[Link, ...]) -> None:
        self.beginResetModel()
        self.links = links
        self.endResetModel()

    def text(self, link: Link, column: int) -> str:
        """Return what a reference says in a column."""
        short = link.type.rsplit(".", 1)[-1]
        state = (link.state or "") if link.exists else "missing"
        return (link.id, link.path, short, state, link.name or "")[column]

    # Qt

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 -- Qt's signature
        return 0 if parent.isValid() else len(self.links)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 -- Qt's signature
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        if not index.isValid():
            return None
        link = self.links[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(link, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(
                link.type if link.exists else f"There is no object {link.id} in this store."
            )
        if role == Qt.ItemDataRole.ForegroundRole and not link.exists:
            return theme().colour("red")
        if role == Qt.ItemDataRole.FontRole and index.column() < _MONOSPACE:
            return monospace()
        return None


class _LinkDelegate(QStyledItemDelegate):
    """Paints the state of the other object as the ID table does."""

    # Qt

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        model = index.model()
        if index.column() != _STATE or not isinstance(model, _LinkModel):
            return
        link = model.links[index.row()]
        if link.exists and link.state:
            self.initStyleOption(option, index)
            paint_state(painter, option.rect.adjusted(GRID, 0, -GRID, 0), link.state, option)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        size = super().sizeHint(option, index)
        size.setHeight(option.fontMetrics.height() + 2 * GRID - 1)
        return size

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        model = index.model()
        if index.column() != _STATE or not isinstance(model, _LinkModel):
            return
        if model.links[index.row()].exists:
            option.text = ""
