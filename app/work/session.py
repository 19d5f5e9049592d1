"""One open store: everything the window asks of it, answered by tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.work.entries import read_records
from app.work.follower import Follower
from app.work.index_files import IndexFolder
from app.work.inspector import Bounds
from app.work.objects import ObjectReader, Side
from app.work.open_store import OpenStore
from app.work.pool import Outbox, Priority
from app.work.rankings import asks_inside
from app.work.records import ComparedPlace, Link, NodeRow, Row, RowQuery, RowWindow, StoreInfo
from app.work.rows import RowSource
from app.work.task import Progress, Task
from app.work.watcher import Watcher
from persistence.errors import StoreError
from persistence.pickles.edit import Change
from persistence.pickles.search import Query
from persistence.store import Edit, Store
from persistence.urls import StoreUrl

__all__ = [
    "Link",
    "NodeRow",
    "Row",
    "RowQuery",
    "RowWindow",
    "StoreInfo",
    "StoreSession",
]

T = TypeVar("T")

_REST_MS = 250  # without a question; then further pages of the rows shown are made quick


class StoreSession(QObject):
    """An open store, with the threads and processes that work for it.

    Lives on the GUI thread, and never blocks it. Every question gives a `Task`; its result is
    what the method's description says.

    Signals:
        opened: The `StoreInfo`; the first rows follow.
        open_failed: The exception that says why there is no store.
        closed: The session was closed; its tasks are cancelled.
        rows_changed: Pages, counts and places of queries may be different now. A few times a
            second at most.
        scan_progressed: How many objects the list knows, and of how many (0 if not known
            yet). Both are equal at the end.
        objects_changed: The IDs of objects that were written, by us or others. What is
            shown of their insides is out of date.
        objects_removed: The IDs of objects that are gone.
        waiting_changed: How many objects others have changed that are not shown, because the
            session is not live.
        trouble: A sentence: the store cannot be followed at the moment, and is tried again.
        recovered: The store answers again.

    Attributes:
        indexes: Where indexes of stores are kept, or None.
    """

    opened = Signal(object)
    open_failed = Signal(object)
    closed = Signal()
    rows_changed = Signal()
    scan_progressed = Signal(int, int)
    objects_changed = Signal(list)
    objects_removed = Signal(list)
    waiting_changed = Signal(int)
    trouble = Signal(str)
    recovered = Signal()

    def __init__(
        self,
        parent: QObject | None = None,
        bounds: Bounds | None = None,
        indexes: IndexFolder | None = None,
    ) -> None:
        """Make a session with nothing open.

        Args:
            parent: Owner.
            bounds: What looking into one object may take, if other than usual.
            indexes: Where indexes of stores are kept; None to keep none.
        """
        super().__init__(parent)
        self.indexes = indexes
        self._bounds = bounds or Bounds()
        self._outbox = Outbox(self)
        self._open_store: OpenStore | None = None
        self._follower: Follower | None = None
        self._watcher: Watcher | None = None
        self._info: StoreInfo | None = None
        self._is_live = False
        self._asked = RowQuery()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._on_rest)

    @property
    def info(self) -> StoreInfo | None:
        """What is open, or None before `opened` and after `close`."""
        return self._info

    @property
    def is_scanned(self) -> bool:
        """Whether the list knows all objects and references."""
        return self._follower is not None and self._follower.is_scanned

    @property
    def is_live(self) -> bool:
        """Whether the store is looked at all the time for what other programs change."""
        return self._is_live

    @property
    def waiting(self) -> int:
        """How many objects others have changed that are not shown, while it is not live."""
        return 0 if self._follower is None else self._follower.waiting

    def open(self, uri: str | os.PathLike[str] | StoreUrl, read_only: bool = False) -> None:
        """Open the store at an address, creating nothing; what was open is closed first.

        Ends with `opened` or `open_failed`.
        """
        self.close()
        work = OpenStore(self._outbox, self._bounds, self.indexes)
        self._open_store = work
        work.store_lane.submit(
            lambda _: work.open(StoreUrl.parse(uri), read_only=read_only), Priority.VISIBLE
        ).then(self._on_opened, self._on_open_failed)

    def close(self) -> None:
        """Close the store: cancel all tasks, wait 2 s at most, end the processes."""
        work, self._open_store = self._open_store, None
        if work is None:
            return
        self._rest.stop()
        was_open, self._info = self._info is not None, None
        if self._follower is not None:
            self._follower.stop()
            self._follower = None
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        self._outbox.renew()
        work.close()
        if was_open:
            self.closed.emit()

    def refresh(self) -> None:
        """Look now for what other programs changed."""
        if self._follower is not None:
            self._follower.look_now()

    def set_live(self, live: bool) -> None:
        """Look all the time for what other programs changed; or only count it meanwhile."""
        self._is_live = live
        if self._follower is not None:
            self._follower.set_live(live)

    def pause_scan(self) -> None:
        """Read no further for the list; `refresh` goes on. What has been read is kept."""
        if self._follower is not None:
            self._follower.pause()

    def rebuild_index(self) -> None:
        """Throw the index of the store away and read the store anew, if it needs an index."""
        if self._open_store is not None and self._info is not None:
            self._open_store.index_lane.call(self._open_store.clear_index)

    # Rows of the ID table

    def page(self, query: RowQuery, first: int, count: int) -> Task:
        """Give some rows of a query: a tuple of `Row`, fewer at the end."""
        self._look_inside(query)
        return self._ask_index(lambda index: index.page(query, first, count))

    def count(self, query: RowQuery) -> Task:
        """Give the number of rows of a query."""
        return self._ask_index(lambda index: index.count(query))

    def locate(self, query: RowQuery, id_: str) -> Task:
        """Give the row number of an object in a query, or None if it is not in it."""
        return self._ask_index(lambda index: index.locate(query, [id_]).get(id_))

    def ids(
        self,
        query: RowQuery,
        ranges: Sequence[tuple[int, int]],
        seen: Mapping[int, str] = MappingProxyType({}),
    ) -> Task:
        """Give the IDs in some ranges of rows (first, last; both included), as a list.

        It fails if rows are no longer those that the asker sees (row number → ID).
        """
        return self._ask_index(lambda index: index.ids(query, ranges, seen))

    def window(
        self,
        query: RowQuery,
        firsts: Sequence[int],
        size: int,
        ids: Iterable[str] = (),
        *,
        with_count: bool = True,
    ) -> Task:
        """Give the `RowWindow` of a query: several pages, the count and places at once.

        Args:
            query: Which rows.
            firsts: The row numbers at which the pages begin.
            size: Rows in a page.
            ids: The objects whose row numbers are wanted.
            with_count: Whether to count.
        """
        self._look_inside(query)
        wanted = list(ids)
        task = self._ask_index(
            lambda index: index.window(query, firsts, size, wanted, with_count=with_count)
        )
        if self._open_store is not None:
            self._asked = query
            self._rest.start()
        return task

    def rows(self, ids: Iterable[str]) -> Task:
        """Give the rows of some objects, as a dict from ID; those not listed are left out."""
        wanted = list(ids)
        return self._ask_index(lambda index: index.rows(wanted))

    def call_index(self, function: Callable[[RowSource], T]) -> Task:
        """Give what a function of the index returns; it runs on the index's own thread."""
        return self._ask_index(function)

    # Looking into objects

    def root(self, id_: str) -> Task:
        """Give the `NodeRow` of an object itself; fails with the sentence if it is unreadable."""
        return self._ask_inspector(lambda objects, progress: objects.root(id_, progress))

    def version(self, id_: str, longest: int) -> Task:
        """Give the SHA-256 of an object's pickle, and the pickle unless it is longer: a tuple."""
        return self._ask_inspector(lambda objects, _: objects.version(id_, longest))

    def salvaged_root(self, id_: str) -> Task:
        """Give the `NodeRow` of what can be read of a damaged object, of kind "error".

        What is below it is given by `children_of`. It fails if nothing can be read.
        """
        return self._ask_inspector(lambda objects, progress: objects.salvaged_root(id_, progress))

    def children_of(self, id_: str, path: Sequence[int], first: int, count: int) -> Task:
        """Give some lines below a node of an object: a tuple of `NodeRow`."""
        place = (tuple(path), first, count)
        return self._ask_inspector(lambda objects, progress: objects.children(id_, place, progress))

    def text(self, id_: str, path: Sequence[int], limit: int = 1_000_000, first: int = 0) -> Task:
        """Give a value as text, from a character on and up to a number of them."""
        return self._ask_inspector(
            lambda objects, progress: objects.text(id_, tuple(path), (first, limit), progress)
        )

    def find_text(self, id_: str, path: Sequence[int], wanted: str, first: int = 0) -> Task:
        """Give where in a value's text another one is, from a character on, or before; or None."""
        return self._ask_inspector(
            lambda objects, progress: objects.find_text(id_, tuple(path), wanted, first, progress)
        )

    def expression(self, id_: str, path: Sequence[int]) -> Task:
        """Give a value as a Python expression, for "Copy as Python"."""
        return self._ask_inspector(
            lambda objects, progress: objects.expression(id_, tuple(path), progress)
        )

    def references(self, id_: str) -> Task:
        """Give what an object refers to: a tuple of `Link`, in order of appearance."""
        return self._ask_inspector(
            lambda objects, progress: objects.references(id_, progress), Priority.NORMAL
        )

    def referrers(self, id_: str) -> Task:
        """Give what refers to an ID: a tuple of `Link`, in the order of the store.

        While the store is being scanned (`is_scanned`) it is what is known so far.
        """
        return self._ask_inspector(
            lambda objects, progress: objects.referrers(id_, progress), Priority.NORMAL
        )

    def edit_text(self, id_: str, path: Sequence[int]) -> Task:
        """Give what stands in an editor for a value: a literal; None if it cannot be typed."""
        return self._ask_inspector(
            lambda objects, progress: objects.edit_text(id_, tuple(path), progress)
        )

    def seen_at(self, id_: str, change: Change) -> Task:
        """Give the paths at which a change would be seen; fails if it cannot be made."""
        return self._ask_inspector(lambda objects, progress: objects.seen_at(id_, change, progress))

    def editing(self, id_: str, path: Sequence[int] | None, change: Change) -> Task:
        """Give what has to be known before a value is changed: an `Editing`.

        Args:
            id_: The object.
            path: Where in it the value is, by positions; None if its text is not wanted.
            change: What shall be done there; its value may still be missing.
        """
        return self._ask_inspector(
            lambda objects, progress: objects.editing(id_, path, change, progress)
        )

    def changed(self, id_: str, change: Change) -> Task:
        """Give the pickle of an object as it is stored and as it would be: a pair of bytes.

        Nothing is written. It fails if the change cannot be made.
        """
        return self._ask_inspector(lambda objects, progress: objects.changed(id_, change, progress))

    def find(self, id_: str, query: Query, limit: int = 1_000) -> Task:
        """Give the places in an object where something is found: a tuple of `FoundRow`."""
        return self._ask_inspector(
            lambda objects, progress: objects.find(id_, query, limit, progress)
        )

    def positions(self, id_: str, address: str) -> Task:
        """Give the path of the value at a readable address; None if no line shows it."""
        return self._ask_inspector(
            lambda objects, progress: objects.positions(id_, address, progress)
        )

    def safety(self, id_: str) -> Task:
        """Give what loading an object for real would run: a `Safety`; also of a damaged one."""
        return self._ask_inspector(
            lambda objects, progress: objects.safety(id_, progress), Priority.NORMAL
        )

    def opcode_count(self, id_: str) -> Task:
        """Give how many opcodes the pickle of an object has."""
        return self._ask_inspector(lambda objects, progress: objects.opcode_count(id_, progress))

    def opcodes(self, id_: str, first: int, count: int) -> Task:
        """Give some opcodes of the pickle of an object: a tuple of `Opcode`."""
        return self._ask_inspector(
            lambda objects, progress: objects.opcodes(id_, first, count, progress)
        )

    def opcodes_of(self, id_: str, address: str) -> Task:
        """Give the `OpcodeRange` that a value is made of."""
        return self._ask_inspector(
            lambda objects, progress: objects.opcodes_of(id_, address, progress), Priority.NORMAL
        )

    def opcode_at(self, id_: str, offset: int) -> Task:
        """Give the number of the opcode that a byte of the pickle belongs to."""
        return self._ask_inspector(
            lambda objects, progress: objects.opcode_at(id_, offset, progress), Priority.NORMAL
        )

    def value_at(self, id_: str, offset: int) -> Task:
        """Give the readable address of the value that a byte of the pickle belongs to."""
        return self._ask_inspector(
            lambda objects, progress: objects.value_at(id_, offset, progress), Priority.NORMAL
        )

    def compared_root(self, left: Side, right: Side) -> Task:
        """Give the line of two objects themselves, compared: a `ComparedRow`.

        Args:
            left: An ID, or the pickle of a version of an object.
            right: The same.
        """
        return self._ask_inspector(
            lambda objects, progress: objects.compared_root(left, right, progress)
        )

    def compared(self, left: Side, right: Side, place: ComparedPlace) -> Task:
        """Give some lines below one of a comparison: a `ComparedPage`."""
        return self._ask_inspector(
            lambda objects, progress: objects.compared(left, right, place, progress)
        )

    # Bytes and changes

    def read(self, ids: Iterable[str]) -> Task:
        """Give the pickles of some objects, as a dict from ID; those not there are left out."""
        wanted = list(ids)
        return self.call(
            lambda store: {record.id_: record.data for record in read_records(store, wanted)}
        )

    def apply(self, edits: Sequence[Edit]) -> Task:
        """Change the store in one transaction; the list knows it when the task finishes.

        Fails with what `Store.apply` raises; nothing was written then.
        """
        return self.call(lambda store: store.apply(edits), [edit.id_ for edit in edits])

    def call(self, function: Callable[[Store], Any], changes: Iterable[str] = ()) -> Task:
        """Give what a function of the store returns; it runs on the store's own thread.

        Args:
            function: Called with the store, which it must not keep.
            changes: IDs that it writes or removes: the list and the tree are brought up to
                date with these before the task finishes.
        """
        return self.call_with_progress(lambda store, _: function(store), changes)

    def call_with_progress(
        self, function: Callable[[Store, Progress], Any], changes: Iterable[str] = ()
    ) -> Task:
        """As `call`, for a long act: the function reports to its `Progress` and heeds it."""
        work, follower = self._open_store, self._follower
        if work is None or follower is None:
            return self._refused()
        task, ticket = self._outbox.open_task()
        changed = list(changes)

        def act(store: Store) -> None:
            try:
                ticket.progress.check()
                result = function(store, ticket.progress)
            except Exception as error:  # noqa: BLE001 -- delivered with the task
                follower.absorb(changed, then=partial(ticket.fail, error))
            else:
                follower.absorb(changed, then=partial(ticket.succeed, result))

        work.on_store(act)
        return task

    def _ask_index(self, question: Callable[[RowSource], T]) -> Task:
        work = self._open_store
        if work is None:
            return self._refused()
        return work.ask_index(question)

    def _ask_inspector(
        self,
        question: Callable[[ObjectReader, Progress], T],
        priority: Priority = Priority.VISIBLE,
    ) -> Task:
        work = self._open_store
        if work is None or self._info is None:
            return self._refused()
        return work.inspector_lane.submit(
            lambda progress: question(work.objects, progress), priority
        )

    def _refused(self) -> Task:
        task, ticket = self._outbox.open_task()
        ticket.fail(StoreError("No store is open."))
        return task

    def _look_inside(self, query: RowQuery) -> None:
        """Have what is inside objects read, if a query asks for it."""
        if self._follower is not None and asks_inside(query):
            self._follower.want_facts()

    def _on_rest(self) -> None:
        if self._open_store is not None:
            self._open_store.prepare_rows(self._asked)

    def _on_opened(self, info: StoreInfo) -> None:
        assert self._open_store is not None
        self._info = info
        follower = Follower(self._open_store, self._outbox, self)
        follower.progressed.connect(self.scan_progressed)
        follower.objects_changed.connect(self.objects_changed)
        follower.objects_removed.connect(self.objects_removed)
        follower.rows_changed.connect(self.rows_changed)
        follower.waiting_changed.connect(self.waiting_changed)
        follower.scanned.connect(self._on_scanned)
        follower.trouble.connect(self.trouble)
        follower.recovered.connect(self.recovered)
        self._follower = follower
        generation = self._outbox.generation
        self._open_store.index_emptied = lambda: self._outbox.post(follower.start_again, generation)
        self.opened.emit(info)
        if self._follower is follower:  # a slot may have closed or reopened the session
            follower.set_live(self._is_live)
            follower.start()
            self._watcher = Watcher(self._open_store, self._outbox, self._on_news)

    def _on_open_failed(self, error: Exception) -> None:
        self.close()
        self.open_failed.emit(error)

    def _on_news(self) -> None:
        if self._is_live:
            self.refresh()

    def _on_scanned(self, count: int, can_follow: bool) -> None:
        if self._info is not None:
            self._info = replace(self._info, count=count, can_follow=can_follow)
