"""What works for one open store: its lanes, its index and its processes.

    lane "store"      owns the store: reads, writes, lists
    lane "index"      owns the source of rows: pages, counts, places
    lane "inspector"  owns the inspector process: what is inside objects
    lane "scan"       owns the scanner process: fills the index and follows the store

The source of rows is a table of Jobshelf's own in a SQLite file, or else an index that is
filled from the store.

Only the lanes of the inspector and of the scan wait for others, and only for those of the
store and the index, which wait for nobody.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from app.work.fact_reader import FactReader
from app.work.index import RowIndex
from app.work.index_database import DamagedIndex
from app.work.index_files import IndexFile, IndexFolder
from app.work.inspector import Bounds, Inspector
from app.work.objects import ObjectReader
from app.work.own_rows import OwnRows
from app.work.pool import Lane, Outbox, Priority, close_lanes
from app.work.records import RowQuery, StoreInfo
from app.work.rows import RowSource
from app.work.scan import Lanes, Scan
from app.work.task import Cancelled, Task
from app.work.watch import Watch
from persistence.probe import check_holds_objects
from persistence.registry import make_store
from persistence.store import Store
from persistence.urls import StoreUrl

__all__ = ["OpenStore"]

T = TypeVar("T")


class OpenStore:
    """The threads and processes of one open store; made on the GUI thread.

    Attributes:
        store_lane, index_lane, inspector_lane, scan_lane: See the module.
        scan: Reads the store into the index, and follows it; there once `open` is done.
        objects: Looks into objects; there once `open` is done.
        facts: Reads what is inside objects, for search and columns; as `scan`.
        index_emptied: Called on the lane of the index when it has to be filled anew.
    """

    scan: Scan | Watch
    objects: ObjectReader
    facts: FactReader

    def __init__(self, outbox: Outbox, bounds: Bounds, indexes: IndexFolder | None = None) -> None:
        self.store_lane = Lane("store", outbox)
        self.index_lane = Lane("index", outbox)
        self.inspector_lane = Lane("inspector", outbox)
        self.scan_lane = Lane("scan", outbox)
        self._store: Store | None = None
        self._followed: Store | None = None  # belongs to the lane of the scan
        self._indexes = indexes
        self.index_emptied: Callable[[], object] = lambda: None
        self._listing: Any = None
        self._identity = ""
        self._rows: RowSource | None = None
        # One process is started at once. What it becomes is seen when the store is open: its
        # first rows need a scanner, or else the first object an inspector.
        self._inspector = Inspector(bounds)
        self._scanner = Inspector(bounds)
        self.inspector_lane.call(self._inspector.start)

    def open(self, uri: StoreUrl, *, read_only: bool) -> StoreInfo:
        """Open the store; runs on its lane."""
        store = make_store(uri, create=False, read_only=read_only)
        self._store = store
        self._uri = uri
        check_holds_objects(store)
        lanes = Lanes(self.on_store, self.on_index, self._on_followed)
        keeps_summaries = store.keeps_summaries
        if not keeps_summaries:
            self._inspector, self._scanner = self._scanner, self._inspector
        self._listing = store.listing()
        self._identity = "\n".join((str(store.url or uri), store.kind, store.container))
        self.scan = (
            Scan(lanes, self._scanner, keeps_summaries=keeps_summaries)
            if self._listing is None
            else Watch(lanes)
        )
        self.facts = FactReader(lanes, self._scanner)
        self.objects = ObjectReader(lanes, self._inspector, keeps_summaries=keeps_summaries)
        self.inspector_lane.call(self._inspector.start, Priority.BACKGROUND)
        return StoreInfo(
            uri=str(store.url or uri),
            kind=store.kind,
            container=store.container,
            writer=store.writer,
            read_only=store.read_only,
            notices=tuple(store.notices),
        )

    def on_store(
        self, function: Callable[[Store], T], priority: Priority = Priority.NORMAL
    ) -> Future[T]:
        """Have a function of the store run on its lane."""
        return self.store_lane.call(lambda: function(self.store), priority)

    def _on_followed(self, function: Callable[[Store], T]) -> T:
        """Return what a function of a second opening of the store gives."""
        if self._followed is None:
            self._followed = make_store(self._uri, create=False, read_only=True)
        return function(self._followed)

    def on_index(
        self, function: Callable[[Any], T], priority: Priority = Priority.VISIBLE
    ) -> Future[T]:
        """Have a function of the source of rows run on its lane."""
        self._put_off_preparing()
        return self.index_lane.call(partial(self.with_index, function), priority)

    def ask_index(self, function: Callable[[Any], object]) -> Task:
        """Give what a function of the source of rows returns (GUI thread)."""
        self._put_off_preparing()
        return self.index_lane.submit(lambda _: self.with_index(function), Priority.VISIBLE)

    def prepare_rows(self, query: RowQuery) -> None:
        """Have further pages of a query made quick, when nothing else is to be done."""
        self.index_lane.call(partial(self._prepare_rows, query), Priority.BACKGROUND)

    def _prepare_rows(self, query: RowQuery) -> None:
        if not self.with_index(lambda rows: rows.prepare(query)):
            self.prepare_rows(query)

    def _put_off_preparing(self) -> None:
        if self._rows is not None:
            self._rows.interrupt_preparing()

    @property
    def store(self) -> Store:
        """The store; for functions on its lane."""
        if self._store is None:
            raise Cancelled
        return self._store

    def with_index(self, function: Callable[[Any], T]) -> T:
        """Return what a function of the source of rows gives; for functions on its lane."""
        if self._rows is None:
            self._rows = self._open_rows()
        try:
            return self._asked(self._rows, function)
        except DamagedIndex:
            self._begin_index_anew()
            return self._asked(self._rows, function)

    @staticmethod
    def _asked(rows: RowSource, function: Callable[[Any], T]) -> T:
        with rows.errors_explained():
            try:
                rows.refresh()
                return function(rows)
            except sqlite3.OperationalError as error:
                if str(error) == "interrupted":
                    raise Cancelled from error
                raise

    def clear_index(self) -> None:
        """Throw away what is made from the store; runs on the lane of the index.

        An index is filled anew at once, facts when they are asked for next.
        """
        if isinstance(self._rows, RowIndex):
            self._begin_index_anew()
        elif isinstance(self._rows, OwnRows):
            self._rows.forget_facts()

    def restart_scan(self) -> None:
        """Have the scan begin anew; runs on its lane."""
        if isinstance(self.scan, Scan):
            self.scan.restart()

    def _begin_index_anew(self) -> None:
        assert isinstance(self._rows, RowIndex)
        self._rows.clear()
        self.index_emptied()

    def _open_rows(self) -> RowSource:
        if self._listing is not None:
            return OwnRows(self._listing, self._claim_file)
        return RowIndex(self._claim_file())

    def _claim_file(self) -> IndexFile | None:
        return None if self._indexes is None else self._indexes.claim(self._identity)

    def close(self) -> bool:
        """Cancel all that is under way and end it; return whether it ended in time."""
        for inspector in (self._inspector, self._scanner):
            inspector.interrupt()
        if self._rows is not None:
            self._rows.interrupt()
        return close_lanes(
            (
                (self.scan_lane, self._close_scan),
                (self.inspector_lane, self._inspector.close),
                (self.store_lane, self._close_store),
                (self.index_lane, self._close_rows),
            )
        )

    def _close_scan(self) -> None:
        self._scanner.close()
        followed, self._followed = self._followed, None
        if followed is not None:
            followed.close()

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _close_rows(self) -> None:
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.close()
