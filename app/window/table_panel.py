"""The left side: the ID table with its progress line, its filter errors and its count."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.models.id_table import IdTableModel
from app.window.filter_edit import FilterEdit
from app.window.icons import icon
from app.window.id_table_view import IdTableView
from app.window.message_page import Button, MessagePage
from app.window.theme import GRID, theme
from app.work.records import Row
from app.work.session import StoreSession
from app.work.task import Task
from persistence.errors import StoreError

__all__ = ["TablePanel"]

_HELD_KEY_MS = 90


class TablePanel(QWidget):
    """Lists the objects of the open store.

    Signals:
        object_chosen: The ID of the object to show, once the cursor rests on it.
        object_entered: The user wants on to the object that is shown.
        selection_changed: The number of selected rows is new.
    """

    object_chosen = Signal(str)
    object_entered = Signal()
    selection_changed = Signal(int)

    def __init__(self, filter_edit: FilterEdit, parent: QWidget | None = None) -> None:
        """Make the panel.

        Args:
            filter_edit: The filter field, which stands in the toolbar.
            parent: Owning widget.
        """
        super().__init__(parent)
        self._session: StoreSession | None = None
        self._count = 0
        self._wanted_id: str | None = None
        self._left_out: str | None = None  # had the cursor until a filter took its row away
        self._waits_for_row = False
        self._is_fresh = False
        self._place: int | None = None
        self._filter = filter_edit
        self.model = IdTableModel(self)
        self.view = IdTableView(self)
        self.view.prepare_columns(self.model)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_HELD_KEY_MS)
        self._rest.timeout.connect(self._choose_current)
        self._build()
        self._connect()

    @property
    def selected_count(self) -> int:
        """The number of selected rows."""
        return sum(last - first + 1 for first, last in self.view.selected_ranges())

    @property
    def current_id(self) -> str | None:
        """The ID in the current row, where it has been loaded."""
        return self.model.id_at(self.view.currentIndex())

    @property
    def total(self) -> int:
        """The number of objects that are listed."""
        return self._count

    def set_session(self, session: StoreSession | None) -> None:
        """List the objects of a store, or nothing."""
        self._session = session
        self._wanted_id = self._left_out = None
        self._waits_for_row = False
        self._is_fresh = session is not None
        self._count = 0
        self._filter.clear()
        self._say_error("")
        self.view.forget_content()
        self.model.set_session(session)
        self._stack.setCurrentWidget(self.view)
        self.show_progress(0, 0)
        self._say_count()

    def selected_ids(self) -> Task | None:
        """Ask for the IDs of all selected rows; None without a store."""
        return self.model.ids(self.view.selected_ranges())

    def show_object(self, id_: str) -> None:
        """Make the row of an object the current one, if the filter lets it through."""
        if id_ != self.current_id:
            self._rest.stop()  # the row where the cursor still is was not chosen
            self._wanted_id = id_
            self._find_wanted()

    def hold_place(self) -> None:
        """Put the cursor where it is now again, if its row goes with the next change."""
        ranges = self.view.selected_ranges()
        self._place = ranges[0][0] if ranges else None

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        self.view.refresh_theme()

    def show_progress(self, done: int, total: int) -> None:
        """Show how far the store has been read, as a thin line."""
        self._progress.setVisible(done < total)
        self._progress.setRange(0, max(total, 1))
        self._progress.setValue(done)

    def _build(self) -> None:
        self._progress = QProgressBar(self)
        self._progress.setObjectName("tableProgress")
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(GRID // 2)
        self._progress_room = QWidget(self)
        self._progress_room.setFixedHeight(GRID // 2)
        room = QVBoxLayout(self._progress_room)
        room.setContentsMargins(0, 0, 0, 0)
        room.addWidget(self._progress)
        self._error_icon = QLabel(self)
        self._error = QLabel(self)
        self._error.setObjectName("filterError")
        self._error.setWordWrap(True)
        self._error.setTextFormat(Qt.TextFormat.PlainText)
        self._error_row = QWidget(self)
        row = QHBoxLayout(self._error_row)
        row.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        row.setSpacing(2 * GRID)
        row.addWidget(self._error_icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._error, 1)
        self._error_row.hide()
        self._message = MessagePage("search", "muted", self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._message)
        self._count_label = QLabel(self)
        self._count_label.setObjectName("countLabel")
        self._count_label.setProperty("quiet", True)
        self._count_label.setContentsMargins(3 * GRID, GRID, 3 * GRID, GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._progress_room)
        column.addWidget(self._error_row)
        column.addWidget(self._stack, 1)
        column.addWidget(self._count_label)

    def _connect(self) -> None:
        self._filter.filter_changed.connect(self._on_filter_changed)
        self._filter.left.connect(self.view.setFocus)
        self.model.query_changed.connect(lambda _: self._on_query_changed())
        self.model.count_changed.connect(self._on_count_changed)
        self.model.failed.connect(self._on_failed)
        self.model.dataChanged.connect(self._on_data_changed)
        self.view.entered.connect(self._on_entered)
        self.view.doubleClicked.connect(lambda _: self._on_entered())
        self.view.typed_ahead.connect(self._on_typed_ahead)
        self.view.horizontalHeader().sortIndicatorChanged.connect(self._on_sort_chosen)
        selection = self.view.selectionModel()
        selection.selectionChanged.connect(lambda *_: self._on_selection_changed())
        selection.currentChanged.connect(lambda *_: self._rest.start())

    def _on_sort_chosen(self, column: int, order: Qt.SortOrder) -> None:
        self._keep_cursor()
        key = self.model.columns[column].key if column >= 0 else ""
        descending = order == Qt.SortOrder.DescendingOrder
        self.model.set_query(replace(self.model.query, sort=key, descending=descending))

    def _keep_cursor(self) -> None:
        self._wanted_id = self._wanted_id or self.current_id or self._left_out

    def _choose_current(self) -> None:
        id_ = self.current_id
        self._waits_for_row = id_ is None and self.view.currentIndex().isValid()
        if id_ is not None:
            self._wanted_id = self._left_out = None
            self.object_chosen.emit(id_)

    def _say_count(self) -> None:
        if self._session is None:
            self._count_label.setText("")
            return
        kind = "matching object" if self.model.query.text else "object"
        text = f"{self._count:,} {kind}{'' if self._count == 1 else 's'}"
        if selected := self.selected_count:
            text += f"  ·  {selected:,} selected"
        self._count_label.setText(text)

    def _say_error(self, sentence: str) -> None:
        self._error_icon.setPixmap(icon("error", "red").pixmap(4 * GRID, 4 * GRID))
        palette = self._error.palette()
        palette.setColor(self._error.foregroundRole(), theme().colour("red"))
        self._error.setPalette(palette)
        self._error.setText(sentence)
        self._error_row.setVisible(bool(sentence))
        self._filter.set_broken(bool(sentence))

    def _on_filter_changed(self, text: str) -> None:
        self._keep_cursor()
        self.model.set_query(replace(self.model.query, text=text.strip()))

    def _on_query_changed(self) -> None:
        self._say_error("")
        self._keep_cursor()  # the place of its row may have been asked for in the former rows
        self._find_wanted()

    def _on_count_changed(self, count: int) -> None:
        self._count = count
        self._show_count()

    def _show_count(self) -> None:
        """Show the rows, or why there are none."""
        self._say_count()
        if self._count or self._session is None:
            self._stack.setCurrentWidget(self.view)
            if self._count and self._is_fresh:
                self._is_fresh = False
                self.view.select_row(0)
            elif self._place is not None and not self.view.selected_ranges():
                self.view.select_row(min(self._place, self.model.rowCount() - 1))
                self._place = None
        elif self.model.query.text:
            self._message.show_message(
                "No object matches",
                "No ID, name, type or state is as the filter says.",
                [Button("&Clear the Filter", self._filter.clear, "clear")],
                icon_name="search",
            )
            self._stack.setCurrentWidget(self._message)
        elif self._session.is_scanned:
            self._message.show_message(
                "This store is empty",
                "Objects appear here as soon as a program saves some.",
                icon_name="database",
            )
            self._stack.setCurrentWidget(self._message)

    def _find_wanted(self) -> None:
        """Bring the cursor back to its object after the rows were made anew."""
        if self._wanted_id is None:
            return
        task = self.model.locate(self._wanted_id)
        if task is not None:
            task.then(partial(self._on_located, self._wanted_id))

    def _on_located(self, id_: str, row: int | None) -> None:
        if id_ != self._wanted_id:
            return
        self._wanted_id = None
        if row is not None and row < self.model.rowCount():
            self.view.select_row(row)
        else:
            self._left_out = id_

    def _on_data_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        row = self.view.currentIndex().row()
        if self._waits_for_row and first.row() <= row <= last.row():
            self._rest.start()

    def _on_failed(self, error: BaseException) -> None:
        if self._filter.text().strip() and isinstance(error, StoreError):
            self._say_error(str(error))
            return
        self._message.show_message(
            "The objects cannot be listed",
            str(error),
            [Button("&Try Again", lambda: self.model.set_query(self.model.query), "refresh")],
            details=repr(error),
            icon_name="warning",
        )
        self._stack.setCurrentWidget(self._message)

    def _on_selection_changed(self) -> None:
        self._say_count()
        self.selection_changed.emit(self.selected_count)

    def _on_entered(self) -> None:
        self._rest.stop()
        self._choose_current()
        self.object_entered.emit()

    def _on_typed_ahead(self, text: str) -> None:
        """Go to the first row whose ID contains what was typed."""
        if self._session is None:
            return
        wanted = f'id:"{text}"' if '"' not in text else f"id:{text}"
        query = self.model.query
        narrowed = replace(query, text=f"{query.text} {wanted}".strip())

        def found(rows: tuple[Row, ...]) -> None:
            for row in rows:
                self.show_object(row.id)

        self._session.page(narrowed, 0, 1).then(found, lambda _: None)
