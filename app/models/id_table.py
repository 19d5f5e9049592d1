"""The model of the ID table: a window on the rows of a query, fetched in pages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from app.models.columns import COLUMNS, Column, attribute_column
from app.models.roles import (
    ACCESSIBLE_ROLE,
    ALIGNMENT_ROLE,
    COLOUR_ROLE,
    DISPLAY_ROLE,
    ID_ROLE,
    LOOK_ROLE,
    ROW_ROLE,
    TOOLTIP_ROLE,
)
from app.models.states import look_of
from app.work.records import Row, RowQuery, RowWindow
from app.work.session import StoreSession
from app.work.task import Task

__all__ = ["PAGE_SIZE", "IdTableModel"]

PAGE_SIZE = 256
"""Rows that are fetched together."""

_KEPT_PAGES = 64
_PAGES_IN_VIEW = 4
_MOST_WANTED = 16
_MOST_COMPARED = 64  # selected ranges whose rows are compared with those that are seen
_MOST_HELD = 4_096  # selected rows that follow their objects
_WAITING = "…"
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_HORIZONTAL = Qt.Orientation.Horizontal
_NO_INDEX = QModelIndex()

Index = QModelIndex | QPersistentModelIndex


class IdTableModel(QAbstractTableModel):
    """Objects as rows; only the pages that were looked at last are in memory.

    Rows follow what happens in the store: selected and current indexes stay with their
    objects while other rows come and go.

    Signals:
        count_changed: The number of rows that match; also when it is the same after a query.
        failed: The exception of a query that cannot be answered (a broken filter); the rows
            of the former query stay.
        busy_changed: Whether a new query waits for its first rows.
        query_changed: The `RowQuery` that the rows are now those of.
    """

    count_changed = Signal(int)
    failed = Signal(object)
    busy_changed = Signal(bool)
    query_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns: tuple[Column, ...] = COLUMNS
        self._session: StoreSession | None = None
        self._query = RowQuery()  # asked for last
        self._shown = self._query  # the one that the rows are of
        self._count = 0
        self._pages: OrderedDict[int, tuple[Row, ...]] = OrderedDict()
        self._ids: dict[int, str] = {}  # of rows that are held, but not in a page
        self._located: set[str] = set()  # IDs whose places the refresh under way asked for
        self._seen = 0  # the page that was looked at last
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._coming: list[int] = []  # pages that are being fetched
        self._beginning: Task | None = None
        self._counting: Task | None = None
        self._fetching: Task | None = None
        self._refreshing: Task | None = None
        self._is_stale = False
        # Views ask for rows one by one as they paint; their pages are asked for together.
        self._fetch_timer = QTimer(self)
        self._fetch_timer.setSingleShot(True)
        self._fetch_timer.setInterval(0)
        self._fetch_timer.timeout.connect(self._fetch)

    @property
    def query(self) -> RowQuery:
        """What was asked for last."""
        return self._query

    @property
    def is_busy(self) -> bool:
        """Whether a new query waits for its first rows."""
        return self._beginning is not None

    def set_session(self, session: StoreSession | None) -> None:
        """Show the objects of an open store, or nothing."""
        if self._session is not None:
            self._session.rows_changed.disconnect(self._on_rows_changed)
            self._session.closed.disconnect(self._clear)
        self._session = session
        self._clear()
        if session is not None:
            session.rows_changed.connect(self._on_rows_changed)
            session.closed.connect(self._clear)
            self.set_query(self._query)

    def set_query(self, query: RowQuery) -> None:
        """Show the rows of another query; those of the former one stay until they come."""
        self._query = query
        self._drop("_beginning", "_counting")
        if self._session is None:
            return
        self._beginning = self._session.window(query, [0], PAGE_SIZE, with_count=False).then(
            self._on_begun, self._on_failed
        )
        self.busy_changed.emit(True)

    def set_paths(self, paths: Sequence[str]) -> None:
        """Show what stands at some paths inside the objects, in columns behind the others."""
        paths = tuple(paths)
        if paths == self._query.paths:
            return
        first, former = len(COLUMNS), len(self.columns) - len(COLUMNS)
        # What stands at the same place in both stays; the values of others are not known yet.
        kept = 0
        while kept < min(former, len(paths)) and paths[kept] == self._query.paths[kept]:
            kept += 1
        if former > kept:
            self.beginRemoveColumns(QModelIndex(), first + kept, first + former - 1)
            self.columns = self.columns[: first + kept]
            self._pages = OrderedDict(
                (page, tuple(replace(row, values=row.values[:kept]) for row in rows))
                for page, rows in self._pages.items()
            )
            self.endRemoveColumns()
        if len(paths) > kept:
            self.beginInsertColumns(QModelIndex(), first + kept, first + len(paths) - 1)
            self.columns += tuple(attribute_column(paths[n], n) for n in range(kept, len(paths)))
            self.endInsertColumns()
        is_known = self._query.sort in ("", *(column.key for column in self.columns))
        sort = self._query.sort if is_known else ""
        self.set_query(replace(self._query, paths=paths, sort=sort))

    def row(self, number: int) -> Row | None:
        """Return a row, or None if it is not in memory (it is not fetched by this)."""
        page = self._pages.get(number // PAGE_SIZE)
        within = number % PAGE_SIZE
        return page[within] if page is not None and within < len(page) else None

    def id_at(self, index: Index) -> str | None:
        """Return the ID of a row, or None if it is not in memory."""
        if not index.isValid():
            return None
        row = self.row(index.row())
        return self._ids.get(index.row()) if row is None else row.id

    def locate(self, id_: str) -> Task | None:
        """Have the row number of an object found in the rows shown (None: no store)."""
        return None if self._session is None else self._session.locate(self._shown, id_)

    def ids(self, ranges: Sequence[tuple[int, int]]) -> Task | None:
        """Have the IDs in ranges of rows (first, last) found, from `QItemSelection` ranges.

        It fails if rows that the user sees are other objects by now.
        """
        if self._session is None:
            return None
        seen = {
            number: row.id
            for page, rows in self._pages.items()
            for number, row in enumerate(rows, page * PAGE_SIZE)
            if any(first <= number <= last for first, last in ranges[:_MOST_COMPARED])
        }
        return self._session.ids(self._shown, ranges, seen)

    # A new query: its first page, then its count

    def _on_begun(self, window: RowWindow) -> None:
        self._beginning = None
        self._drop("_fetching", "_refreshing")
        rows = window.pages[0]
        self.beginResetModel()
        self._shown = self._query
        self._pages.clear()
        self._wanted.clear()
        self._ids.clear()
        self._pages[0] = rows
        self._count = len(rows)
        self.endResetModel()
        self.query_changed.emit(self._shown)
        self.busy_changed.emit(False)
        if len(rows) < PAGE_SIZE:
            self._say_count()
            self._refresh_if_stale()
        elif self._session is not None:
            task = self._session.count(self._shown)
            self._counting = task.then(self._on_counted, self._on_failed)

    def _on_counted(self, count: int) -> None:
        self._counting = None
        self._resize(count)
        self._say_count()
        self._refresh_if_stale()

    def _on_failed(self, error: Exception) -> None:
        was_busy = self._beginning is not None
        self._drop("_beginning", "_counting", "_fetching", "_refreshing")
        if was_busy:
            self.busy_changed.emit(False)
        self.failed.emit(error)

    # Pages as they are looked at

    def _want(self, page: int) -> None:
        if page not in self._wanted:
            self._wanted[page] = None
            if len(self._wanted) > _MOST_WANTED:
                self._wanted.popitem(last=False)  # scrolled past long ago
            if self._fetching is None and not self._fetch_timer.isActive():
                self._fetch_timer.start()

    def _waiting(self, index: Index, role: int) -> Any:
        """Return what a row shows until it is there."""
        if role == DISPLAY_ROLE:
            self._want(index.row() // PAGE_SIZE)
            return _WAITING if index.column() == 0 else ""
        return self._ids.get(index.row()) if role == ID_ROLE else None

    def _fetch(self) -> None:
        if self._fetching is not None or not self._wanted or self._session is None:
            return
        # The last ones asked for are those in view.
        count = min(len(self._wanted), _PAGES_IN_VIEW)
        self._coming = [self._wanted.popitem()[0] for _ in range(count)]
        self._fetching = self._session.window(
            self._shown, [page * PAGE_SIZE for page in self._coming], PAGE_SIZE, with_count=False
        ).then(self._on_fetched, self._on_failed)

    def _on_fetched(self, window: RowWindow) -> None:
        self._fetching = None
        for first, rows in window.pages.items():
            self._keep(first // PAGE_SIZE, rows)
            self._say_changed(first, first + PAGE_SIZE - 1)
        if self._wanted:
            self._fetch_timer.start()

    def _keep(self, page: int, rows: tuple[Row, ...]) -> None:
        self._pages[page] = rows
        self._pages.move_to_end(page)
        while len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)

    def _say_changed(self, first: int, last: int) -> None:
        last = min(last, self._count - 1)
        if first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, self.columnCount() - 1))

    # Rows that change in the store

    def _on_rows_changed(self) -> None:
        self._is_stale = True
        self._refresh_if_stale()

    def _refresh_if_stale(self) -> None:
        if (
            not self._is_stale
            or self._session is None
            or self._beginning is not None
            or self._counting is not None
            or self._refreshing is not None
        ):
            return
        self._is_stale = False
        pages = list(self._pages)[-_PAGES_IN_VIEW:] or [0]
        self._located = set(self._held_ids().values())
        self._refreshing = self._session.window(
            self._shown, [page * PAGE_SIZE for page in pages], PAGE_SIZE, self._located
        ).then(self._on_refreshed, self._on_failed)

    def _held_ids(self) -> dict[int, str]:
        """Return row number → ID of the rows that indexes are held of, and of those between.

        Of a selected range only the ends are held, but all of it has to move.
        """
        rows = [index.row() for index in self.persistentIndexList()]
        held: dict[int, str] = {}
        if rows:
            first, last = min(rows), max(rows)
            held.update((row, id_) for row, id_ in self._ids.items() if first <= row <= last)
            for page, found in self._pages.items():
                start = page * PAGE_SIZE
                held.update(
                    (number, row.id)
                    for number, row in enumerate(found, start)
                    if first <= number <= last
                )
        return dict(list(held.items())[-_MOST_HELD:])

    def _on_refreshed(self, window: RowWindow) -> None:
        self._refreshing = None
        if not self._located.issuperset(self._held_ids().values()):
            self._is_stale = True  # others were selected meanwhile
            self._refresh_if_stale()
            return
        if self._fetching is not None:
            self._drop("_fetching")  # of the rows as they were; nobody would ask once more
            self._wanted.update(dict.fromkeys(reversed(self._coming)))
        count = window.count or 0
        if count > self._count:
            self._resize(count)
        self._move(window)
        if count < self._count:
            self._resize(count)
        self._say_count()
        self._refresh_if_stale()
        if self._wanted:
            self._fetch_timer.start()

    def _move(self, window: RowWindow) -> None:
        """Take over new pages; let the indexes that somebody holds go where their rows went."""
        held = self._held_ids()
        if all(window.places.get(id_) == number for number, id_ in held.items()):
            self._take(window)
            return
        self.layoutAboutToBeChanged.emit()
        # Selections hold an index of every row from here on.
        before = self.persistentIndexList()
        after = []
        for index in before:
            # One that is not known is let go, lest it stand for another object.
            row = window.places.get(held.get(index.row(), ""))
            after.append(QModelIndex() if row is None else self.index(row, index.column()))
        self._take(window)
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _take(self, window: RowWindow) -> None:
        """Replace all pages, and say which rows in view look different now."""
        former = self._pages
        self._pages = OrderedDict()
        self._ids = {row: id_ for id_, row in window.places.items()}
        for first, rows in window.pages.items():
            self._keep(first // PAGE_SIZE, rows)
            self._wanted.pop(first // PAGE_SIZE, None)
            known = former.get(first // PAGE_SIZE, ())
            changed = [
                within
                for within, row in enumerate(rows)
                if within >= len(known) or known[within] != row
            ]
            if changed:
                self._say_changed(first + changed[0], first + changed[-1])

    def _resize(self, count: int) -> None:
        if count > self._count:
            self.beginInsertRows(QModelIndex(), self._count, count - 1)
            self._count = count
            self.endInsertRows()
        elif count < self._count:
            self.beginRemoveRows(QModelIndex(), count, self._count - 1)
            self._count = count
            self.endRemoveRows()

    def _say_count(self) -> None:
        # A store whose first objects are still being read is not empty.
        if self._count or self._session is None or self._session.is_scanned:
            self.count_changed.emit(self._count)

    def _clear(self) -> None:
        was_busy = self.is_busy
        self._drop("_beginning", "_counting", "_fetching", "_refreshing")
        self._fetch_timer.stop()
        self.beginResetModel()
        self._is_stale = False
        self._count = 0
        self._pages.clear()
        self._ids.clear()
        self._wanted.clear()
        self.endResetModel()
        if was_busy:
            self.busy_changed.emit(False)
        if self._session is None:
            self.count_changed.emit(0)

    def _drop(self, *names: str) -> None:
        for name in names:
            task: Task | None = getattr(self, name)
            if task is not None:
                task.cancel()
                setattr(self, name, None)

    # Qt

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = DISPLAY_ROLE
    ) -> Any:
        if orientation != _HORIZONTAL or not 0 <= section < len(self.columns):
            return None
        if role == DISPLAY_ROLE:
            return self.columns[section].title
        if role == ALIGNMENT_ROLE:
            return _RIGHT if self.columns[section].aligns_right else _LEFT
        return None

    def data(self, index: Index, role: int = DISPLAY_ROLE) -> Any:
        if not index.isValid():
            return None
        number = index.row()
        column = self.columns[index.column()]
        if role == ALIGNMENT_ROLE:
            return _RIGHT if column.aligns_right else _LEFT
        number_of_page = number // PAGE_SIZE
        page = self._pages.get(number_of_page)
        if page is None or number % PAGE_SIZE >= len(page):
            return self._waiting(index, role)
        if number_of_page != self._seen:
            self._seen = number_of_page
            self._pages.move_to_end(number_of_page)
        row = page[number % PAGE_SIZE]
        if role == DISPLAY_ROLE:
            return column.text(row)
        if role == ID_ROLE:
            return row.id
        if role == ROW_ROLE:
            return row
        if role == TOOLTIP_ROLE:
            return column.hint(row)
        if role == LOOK_ROLE:
            return look_of(row.state) if column.shows_state and row.state else None
        if role == COLOUR_ROLE:
            return "muted" if column.key == "type" and not row.is_readable else None
        if role == ACCESSIBLE_ROLE:
            return f"{column.title}: {column.text(row)}"
        return None
