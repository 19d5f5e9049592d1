"""What works for one open store: its lanes, its index and its processes.

    lane "store"      owns the store: reads, writes, lists
    lane "index"      owns the index: pages, counts, places
    lane "inspector"  owns the inspector process: what is inside objects
    lane "scan"       owns the scanner process: fills the index and follows the store

Only the lanes of the inspector and of the scan wait for others, and only for those of the
store and the index, which wait for nobody.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from app.work.index import RowIndex
from app.work.inspector import Bounds, Inspector
from app.work.objects import ObjectReader
from app.work.pool import Lane, Outbox, Priority, close_lanes
from app.work.records import StoreInfo
from app.work.scan import Lanes, Scan
from app.work.task import Cancelled
from persistence.errors import StoreError
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
        scan: Reads the store into the index; there once `open` is done.
        objects: Looks into objects; there once `open` is done.
    """

    scan: Scan
    objects: ObjectReader

    def __init__(self, outbox: Outbox, bounds: Bounds) -> None:
        self.store_lane = Lane("store", outbox)
        self.index_lane = Lane("index", outbox)
        self.inspector_lane = Lane("inspector", outbox)
        self.scan_lane = Lane("scan", outbox)
        self._store: Store | None = None
        self._index: RowIndex | None = None
        # One process is started at once. What it becomes is seen when the store is open: its
        # first rows need a scanner, or else the first object an inspector.
        self._inspector = Inspector(bounds)
        self._scanner = Inspector(bounds)
        self.inspector_lane.call(self._inspector.start)

    def open(self, uri: StoreUrl, *, read_only: bool) -> StoreInfo:
        """Open the store; runs on its lane."""
        store = make_store(uri, create=False, read_only=read_only)
        self._store = store
        check_holds_objects(store)
        lanes = Lanes(
            lambda function, priority: self.on_store(function, priority).result(),
            lambda function, priority: self.on_index(function, priority).result(),
        )
        keeps_summaries = store.keeps_summaries
        if not keeps_summaries:
            self._inspector, self._scanner = self._scanner, self._inspector
        self.scan = Scan(lanes, self._scanner, keeps_summaries=keeps_summaries)
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

    def on_index(
        self, function: Callable[[RowIndex], T], priority: Priority = Priority.VISIBLE
    ) -> Future[T]:
        """Have a function of the index run on its lane."""
        return self.index_lane.call(partial(self.with_index, function), priority)

    @property
    def store(self) -> Store:
        """The store; for functions on its lane."""
        if self._store is None:
            raise Cancelled
        return self._store

    def with_index(self, function: Callable[[RowIndex], T]) -> T:
        """Return what a function of the index gives; for functions on its lane."""
        try:
            if self._index is None:
                self._index = RowIndex()
            return function(self._index)
        except sqlite3.Error as error:
            if str(error) == "interrupted":
                raise Cancelled from error
            raise StoreError(
                f"The list of objects cannot be kept in {tempfile.gettempdir()}: {error}.",
                "Free some space there, or set TMPDIR to another folder, and open the store again.",
            ) from error

    def close(self) -> bool:
        """Cancel all that is under way and end it; return whether it ended in time."""
        for inspector in (self._inspector, self._scanner):
            inspector.interrupt()
        if self._index is not None:
            self._index.interrupt()
        return close_lanes(
            (
                (self.scan_lane, self._scanner.close),
                (self.inspector_lane, self._inspector.close),
                (self.store_lane, self._close_store),
                (self.index_lane, self._close_index),
            )
        )

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _close_index(self) -> None:
        index, self._index = self._index, None
        if index is not None:
            index.close()
