"""The History panel: what Jobshelf changed in the shown object, each with its undo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.actions.journal import Entry, EntryState, Journal, JournalRecord
from app.window.column_widths import ColumnWidths, Wish
from app.window.compare_window import Version
from app.window.icons import icon
from app.window.tooltips import plain
from app.work.session import StoreSession
from app.work.task import Task
from persistence.store import Store

__all__ = ["HistoryPanel", "when"]

_WORDS = {
    EntryState.PENDING: "being written",
    EntryState.DONE: "done",
    EntryState.UNDONE: "taken back",
    EntryState.FAILED: "not made",
}
_SHOWN = 200
_LETTERS = (22, 18, 14, 12, 15)  # that the columns show at least


def when(moment: datetime) -> str:
    """Return a time as the user reads it, in local time."""
    local = moment.astimezone()
    if local.date() == datetime.now(local.tzinfo).date():
        return f"Today {local:%H:%M:%S}"
    return f"{local:%Y-%m-%d %H:%M}"


class HistoryPanel(QWidget):
    """Lists the journal's entries about one object.

    Signals:
        undo_requested: An entry that the user wants to be taken back.
        comparison_requested: Two `Version`s of the object that the user wants to see beside
            each other: as it was before an entry, and as it is stored.
    """

    undo_requested = Signal(object)
    comparison_requested = Signal(object, object)

    def __init__(self, journal: Journal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("historyPanel")
        self._journal = journal
        self._session: StoreSession | None = None
        self._address = ""
        self._id: str | None = None
        self._task: Task | None = None
        self._entries: tuple[Entry, ...] = ()
        self.view = _View(self)
        self.view.setObjectName("historyView")
        self.view.setAccessibleName("What Jobshelf changed in this object")
        self.view.setRootIsDecorated(False)
        self.view.setUniformRowHeights(True)
        self.view.setAllColumnsShowFocus(True)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setHeaderLabels(["When", "What", "State", "", ""])
        self.view.widths = ColumnWidths(self.view, self.view.header(), self._wishes)
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

    def set_session(self, session: StoreSession | None, address: str = "") -> None:
        """Show the entries of another store.

        Args:
            session: The open store, or None.
            address: Its address without password, as the journal knows it.
        """
        self._session, self._address = session, address
        self.show_object(None)

    def show_object(self, id_: str | None) -> None:
        """Show the entries about an object; nothing for None."""
        self._id = id_
        self.refresh()

    def refresh(self) -> None:
        """Read the journal again."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._session is None or self._id is None:
            self._show(())
            self._empty.setText("")
            return
        journal, address, id_ = self._journal, self._address, self._id
        task = self._session.call(lambda _: journal.entries_of(address, id_)[:_SHOWN])
        self._task = task.then(self._on_entries, self._on_failed)

    def _wishes(self) -> list[Wish]:
        letter = self.view.fontMetrics().averageCharWidth()
        widths = [count * letter for count in _LETTERS]
        return [Wish(width, width, grows=column == 1) for column, width in enumerate(widths)]

    def _show(self, entries: Sequence[Entry]) -> None:
        if tuple(entries) == self._entries and entries:
            return
        self._entries = tuple(entries)
        self.view.clear()
        for entry in entries:
            words = _WORDS[entry.state]
            item = QTreeWidgetItem([when(entry.time), entry.label, words, "", ""])
            if entry.reason:
                item.setToolTip(2, plain(entry.reason))
            self.view.addTopLevelItem(item)
            if entry.state is EntryState.DONE:
                button = QPushButton(icon("undo"), "Undo", self.view)
                button.setFlat(True)
                button.setAccessibleName(f"Undo {entry.label}")
                button.clicked.connect(partial(self.undo_requested.emit, entry))
                self.view.setItemWidget(item, 3, button)
            compare = QPushButton(icon("compare"), "Compare", self.view)
            compare.setObjectName("historyCompare")
            compare.setFlat(True)
            compare.setToolTip("See what differs between the object before this and now")
            compare.setAccessibleName(f"Compare with the object before “{entry.label}”")
            compare.clicked.connect(partial(self._compare, entry))
            self.view.setItemWidget(item, 4, compare)
        self._stack.setCurrentWidget(self.view if entries else self._empty)

    def _compare(self, entry: Entry) -> None:
        """Find the version before an entry in the journal, or after it where there was none."""
        if self._session is None or self._id is None:
            return
        journal, id_ = self._journal, self._id

        def find(_: Store) -> JournalRecord | None:
            records = journal.records(entry.key)
            return next((record for record in records if record.id_ == id_), None)

        self._session.call(find).then(partial(self._on_found, entry, id_), self._on_failed)

    def _on_found(self, entry: Entry, id_: str, record: JournalRecord | None) -> None:
        before = None if record is None else record.before
        after = None if record is None else record.after
        word, data = ("after", after) if before is None else ("before", before)
        self.comparison_requested.emit(
            Version(f"{id_} {word} “{entry.label}”", data, "The journal no longer has it."),
            Version(f"{id_} as it is stored", id_),
        )

    def _on_entries(self, entries: list[Entry]) -> None:
        self._task = None
        self._empty.setText("Jobshelf has not changed this object.")
        self._show(entries)

    def _on_failed(self, error: BaseException) -> None:
        self._task = None
        self._show(())
        self._empty.setText(str(error))


class _View(QTreeWidget):
    """A view that its columns fill."""

    widths: ColumnWidths | None = None

    # Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.widths is not None:
            self.widths.fit()
