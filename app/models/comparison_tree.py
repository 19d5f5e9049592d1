"""The model of a comparison: two objects, or versions of one, as one tree with two columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from app.models.comparison_cells import TITLES, cell
from app.models.comparison_lines import Line, LineTable
from app.models.difference_steps import (
    Step,
    Way,
    holds_differences,
    next_difference,
    previous_difference,
)
from app.models.roles import DISPLAY_ROLE
from app.models.tree_loader import PATIENCE_MS
from app.models.tree_node import CHUNK, ROOT, Kind, Status
from app.work.objects import Side
from app.work.records import ComparedPage, ComparedPlace, ComparedRow
from app.work.session import StoreSession
from app.work.task import Task

__all__ = ["ComparisonTreeModel"]

_HORIZONTAL = Qt.Orientation.Horizontal
_NO_INDEX = QModelIndex()
_LEAF = Qt.ItemFlag.ItemNeverHasChildren
_WHOLE = ("added", "removed", "type changed", "changed")

Index = QModelIndex | QPersistentModelIndex
Path = tuple[int, ...]


class ComparisonTreeModel(QAbstractItemModel):
    """Two objects side by side, loaded as far as they are looked at.

    There is one row at the top, the two objects themselves. A *path* is the positions on the
    way down from it, as in `ComparedPlace`.

    Signals:
        shown: The row at the top is there; those below it are loaded when it is expanded.
        failed: The exception that says why the two cannot be compared.
        stepped: The index of the difference that `step` found; invalid if there is none.
    """

    shown = Signal()
    failed = Signal(object)
    stepped = Signal(QModelIndex)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session: StoreSession | None = None
        self._sides: tuple[Side, Side] | None = None
        self._titles = ("Left", "Right")
        self._only_differences = False
        self._table = LineTable()
        self._asking: Task | None = None
        self._tasks: dict[int, Task] = {}
        self._walking: Task | None = None
        self._wanted: list[Step] | None = None  # the way to a line that is to be loaded
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._show_loading)

    @property
    def root(self) -> ComparedRow | None:
        """The row of the two objects themselves, or None before `shown`."""
        top = self._table.top()
        return None if top is None else top.row

    @property
    def only_differences(self) -> bool:
        """Whether lines that are the same are left out."""
        return self._only_differences

    def compare(
        self, session: StoreSession, left: Side, right: Side, titles: tuple[str, str]
    ) -> None:
        """Compare two objects.

        Args:
            session: The open store.
            left: An ID, or the pickle of a version.
            right: The same.
            titles: What the two are called.
        """
        self._set_session(session)
        self._sides, self._titles = (left, right), titles
        self.headerDataChanged.emit(_HORIZONTAL, 1, 2)
        self.reload()

    def clear(self) -> None:
        """Show nothing, and forget the store."""
        self._set_session(None)
        self._sides = None
        self._forget()
        self._refill(None)

    def reload(self) -> None:
        """Compare again; what is shown stays until the answer is there."""
        self._forget()
        if self._session is not None and self._sides is not None:
            self._asking = self._session.compared_root(*self._sides).then(
                self._on_root, self._on_failed
            )

    def set_only_differences(self, only: bool) -> None:
        """Leave out lines that are the same, or do not. All but the top is loaded again."""
        if only == self._only_differences:
            return
        self._only_differences = only
        row = self.root
        self._drop_tasks()
        if row is not None:
            self._refill(row)
            self.shown.emit()

    def path_of(self, index: Index) -> Path:
        """Return the path of a row; chunks do not count."""
        return tuple(step.row.position for step in self._way_to(self._line(index)))

    def index_of(self, path: Sequence[int]) -> QModelIndex:
        """Return the row at a path, or an invalid index if it is not loaded."""
        line = self._table.top()
        for position in path:
            line = None if line is None else self._table.row_at(line, position)
        return QModelIndex() if line is None else self._index(line)

    def step(self, index: Index, *, forward: bool) -> None:
        """Go from a row to the difference behind or before it; ends with `stepped`."""
        root = self.root
        if root is None:
            return
        self._drop_walk()
        way = next_difference if forward else previous_difference
        self._walk(way(root, self._way_to(self._line(index))), None)

    # Comparing

    def _set_session(self, session: StoreSession | None) -> None:
        if self._session is not None:
            self._session.closed.disconnect(self.clear)
        self._session = session
        if session is not None:
            session.closed.connect(self.clear)

    def _on_root(self, row: ComparedRow) -> None:
        self._asking = None
        self._refill(row)
        self.shown.emit()

    def _on_failed(self, error: Exception) -> None:
        self._forget()
        self._refill(None)
        self.failed.emit(error)

    def _refill(self, row: ComparedRow | None) -> None:
        self.beginResetModel()
        self._table.clear()
        if row is not None:
            self._table.fill(self._table[ROOT], [self._table.new(Kind.ROW, row)])
        self.endResetModel()

    def _forget(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        self._drop_tasks()

    def _drop_tasks(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._patience.stop()
        self._drop_walk()

    def _drop_walk(self) -> None:
        self._wanted = None
        if self._walking is not None:
            self._walking.cancel()
            self._walking = None

    # Loading what is below a line

    def _load(self, line: Line) -> None:
        assert self._session is not None
        assert self._sides is not None
        if line.kind is Kind.CHUNK and line.span > CHUNK:
            self._set_below(line, self._table.chunks(line.number, line.span))
            return
        line.status = Status.LOADING
        first, count = (line.number, line.span) if line.kind is Kind.CHUNK else (0, CHUNK)
        path = tuple(step.row.position for step in self._way_to(line))
        place = ComparedPlace(path, first, count, self._only_differences)
        self._tasks[line.key] = self._session.compared(*self._sides, place).then(
            partial(self._on_page, line.key), partial(self._on_page_failed, line.key)
        )
        if not self._patience.isActive():
            self._patience.start()

    def _on_page(self, key: int, page: ComparedPage) -> None:
        line = self._table.get(key)
        if line is None:
            return
        if line.kind is Kind.ROW and page.count > CHUNK:
            self._set_below(line, self._table.chunks(0, page.count))
            return
        lines = [self._table.new(Kind.ROW, row) for row in page.rows]
        for number, below in enumerate(lines, line.number if line.kind is Kind.CHUNK else 0):
            below.number = number
        self._set_below(line, lines)

    def _on_page_failed(self, key: int, error: Exception) -> None:
        line = self._table.get(key)
        if line is not None:
            self._set_below(line, [self._table.new(Kind.ERROR, text=str(error))])

    def _set_below(self, line: Line, below: list[Line]) -> None:
        """Put lines below another one, in the place of a loading line."""
        self._tasks.pop(line.key, None)
        self._take_away(line)
        line.status = Status.LOADED
        if below:
            self.beginInsertRows(self._index(line), 0, len(below) - 1)
            self._table.fill(line, below)
            self.endInsertRows()
        self._go_on()

    def _show_loading(self) -> None:
        for key in list(self._tasks):
            line = self._table.get(key)
            if line is not None and not line.children:
                self.beginInsertRows(self._index(line), 0, 0)
                self._table.fill(line, [self._table.new(Kind.LOADING, text="Loading…")])
                self.endInsertRows()

    def _take_away(self, line: Line) -> None:
        if line.children:
            self.beginRemoveRows(self._index(line), 0, len(line.children) - 1)
            self._table.empty(line)  # a loading line, which has nothing below it
            self.endRemoveRows()

    # Stepping: first find the way, then load what is on it

    def _walk(self, way: Way, page: ComparedPage | None) -> None:
        """Go on with a way to a difference, and ask for what it wants to know next."""
        self._walking = None
        if self._session is None or self._sides is None:
            return
        try:
            place = next(way) if page is None else way.send(page)
        except StopIteration as end:
            self._wanted = end.value
            if self._wanted is None:
                self.stepped.emit(QModelIndex())
            else:
                self._go_on()
            return
        self._walking = self._session.compared(*self._sides, place).then(
            partial(self._walk, way), self._on_walk_failed
        )

    def _on_walk_failed(self, error: Exception) -> None:
        self._walking = None
        self._on_failed(error)

    def _go_on(self) -> None:
        """Load the next line on the way to the one that is wanted, or tell that it is there."""
        steps, self._wanted = self._wanted, None
        line = self._table.top()
        if steps is None or line is None:
            return
        for step in steps:
            below = self._table.row_at(line, step.row.position)
            while below is None:
                closed = self._table.closed_on_way(line, self._number_of(step))
                if closed is None:
                    break
                if closed.status is Status.UNKNOWN:
                    self._load(closed)
                if closed.status is Status.LOADING:
                    self._wanted = steps  # its lines will lead here again
                    return
                below = self._table.row_at(line, step.row.position)
            if below is None:
                break  # as far as there is
            line = below
        self.stepped.emit(self._index(line))

    # Lines and indexes

    def _way_to(self, line: Line | None) -> list[Step]:
        return self._table.steps(line, only_differences=self._only_differences)

    def _number_of(self, step: Step) -> int:
        """Return which of the lines that are shown below its parent a step leads to."""
        return step.number if self._only_differences else step.row.position

    def _line(self, index: Index) -> Line | None:
        return self._table.get(index.internalId()) if index.isValid() else None

    def _index(self, line: Line) -> QModelIndex:
        return QModelIndex() if line.key == ROOT else self.createIndex(line.place, 0, line.key)

    def _can_expand(self, line: Line) -> bool:
        if line.kind is Kind.CHUNK:
            return True
        row = line.row
        if row is None or not row.has_children:
            return False
        return not self._only_differences or holds_differences(row) or row.status in _WHOLE

    # Qt

    def index(self, row: int, column: int, parent: Index = _NO_INDEX) -> QModelIndex:
        above = self._table.get(parent.internalId() if parent.isValid() else ROOT)
        if above is None or not 0 <= row < len(above.children) or not 0 <= column < len(TITLES):
            return QModelIndex()
        return self.createIndex(row, column, above.children[row])

    def parent(self, index: Index = _NO_INDEX) -> Any:
        line = self._line(index)
        above = None if line is None else self._table.get(line.parent)
        return QModelIndex() if above is None else self._index(above)

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        if parent.isValid() and parent.column() > 0:
            return 0
        line = self._table.get(parent.internalId() if parent.isValid() else ROOT)
        return 0 if line is None else len(line.children)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        return len(TITLES)

    def hasChildren(self, parent: Index = _NO_INDEX) -> bool:
        if not parent.isValid():
            return bool(self._table[ROOT].children)
        line = self._line(parent)
        if line is None or parent.column() > 0:
            return False
        if line.status is Status.LOADED:
            return bool(line.children)
        return self._can_expand(line)

    def canFetchMore(self, parent: Index) -> bool:
        line = self._line(parent)
        return (
            line is not None
            and parent.column() == 0
            and line.status is Status.UNKNOWN
            and self._can_expand(line)
            and self._session is not None
        )

    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent):
            self._load(self._table[parent.internalId()])

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        line = self._line(index)
        return flags if line is None or self._can_expand(line) else flags | _LEAF

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = DISPLAY_ROLE
    ) -> Any:
        if orientation != _HORIZONTAL or role != DISPLAY_ROLE or not 0 <= section < len(TITLES):
            return None
        return self._titles[section - 1] if section in (1, 2) else TITLES[section]

    def data(self, index: Index, role: int = DISPLAY_ROLE) -> Any:
        line = self._line(index)
        if line is None:
            return None
        is_top = line.parent == ROOT
        return cell(line.row, line.text, line.kind, index.column(), role, is_top=is_top)
