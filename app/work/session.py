"""One open store: everything the window asks of it, answered by tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.work.records import Link, NodeRow, Row, RowQuery, RowWindow, StoreInfo
from app.work.task import Progress, Task
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
        objects_changed: The IDs of objects that were written, by us or others. Their trees are out of
            date.
        objects_removed: The IDs of objects that are gone.
        trouble: A sentence: the store cannot be followed at the moment, and is tried again.
        recovered: The store answers again.
    """

    opened = Signal(object)
    open_failed = Signal(object)
    closed = Signal()
    rows_changed = Signal()
    scan_progressed = Signal(int, int)
    objects_changed = Signal(list)
    objects_removed = Signal(list)
    trouble = Signal(str)
    recovered = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)

    @property
    def info(self) -> StoreInfo | None:
        """What is open, or None before `opened` and after `close`."""
        raise NotImplementedError

    @property
    def is_scanned(self) -> bool:
        """Whether the list knows all objects and references."""
        raise NotImplementedError

    @property
    def is_live(self) -> bool:
        """Whether the store is looked at every second for what other programs change."""
        raise NotImplementedError

    def open(self, uri: str | os.PathLike[str] | StoreUrl, read_only: bool = False) -> None:
        """Open the store at an address, creating nothing; what was open is closed first.

        Ends with `opened` or `open_failed`.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the store: cancel all tasks, wait 2 s at most, end the processes."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Look now for what other programs changed."""
        raise NotImplementedError

    def set_live(self, live: bool) -> None:
        """Look every second for what other programs changed, or stop doing so."""
        raise NotImplementedError

    # Rows of the ID table

    def page(self, query: RowQuery, first: int, count: int) -> Task:
        """Give some rows of a query: a tuple of `Row`, fewer at the end."""
        raise NotImplementedError

    def count(self, query: RowQuery) -> Task:
        """Give the number of rows of a query."""
        raise NotImplementedError

    def locate(self, query: RowQuery, id_: str) -> Task:
        """Give the row number of an object in a query, or None if it is not in it."""
        raise NotImplementedError

    def ids(self, query: RowQuery, ranges: Sequence[tuple[int, int]]) -> Task:
        """Give the IDs in some ranges of rows (first, last; both included), as a list."""
        raise NotImplementedError

    def window(
        self, query: RowQuery, firsts: Sequence[int], size: int, ids: Iterable[str] = (),
        *, with_count: bool = True,
    ) -> Task:
        """Give the `RowWindow` of a query: several pages, the count and places at once.

        Args:
            query: Which rows.
            firsts: The row numbers at which the pages begin.
            size: Rows in a page.
            ids: The objects whose row numbers are wanted.
            with_count: Whether to count.
        """
        raise NotImplementedError

    def rows(self, ids: Iterable[str]) -> Task:
        """Give the rows of some objects, as a dict from ID; those not listed are left out."""
        raise NotImplementedError

    # Looking into objects

    def root(self, id_: str) -> Task:
        """Give the `NodeRow` of an object itself; fails with the sentence if it is unreadable."""
        raise NotImplementedError

    def children(self, id_: str, path: Sequence[int], first: int, count: int) -> Task:
        """Give some lines below a node of an object: a tuple of `NodeRow`."""
        raise NotImplementedError

    def text(self, id_: str, path: Sequence[int], limit: int = 1_000_000) -> Task:
        """Give a value as text, in full up to a number of characters."""
        raise NotImplementedError

    def expression(self, id_: str, path: Sequence[int]) -> Task:
        """Give a value as a Python expression, for "Copy as Python"."""
        raise NotImplementedError

    def references(self, id_: str) -> Task:
        """Give what an object refers to: a tuple of `Link`, in order of appearance."""
        raise NotImplementedError

    def referrers(self, id_: str) -> Task:
        """Give what refers to an ID: a tuple of `Link`, in the order of the store.

        While the store is being scanned (`is_scanned`) it is what is known so far.
        """
        raise NotImplementedError

    # Bytes and changes

    def read(self, ids: Iterable[str]) -> Task:
        """Give the pickles of some objects, as a dict from ID; those not there are left out."""
        raise NotImplementedError

    def apply(self, edits: Sequence[Edit]) -> Task:
        """Change the store in one transaction; the list knows it when the task finishes.

        Fails with what `Store.apply` raises; nothing was written then.
        """
        raise NotImplementedError

    def call(self, function: Callable[[Store], Any], changes: Iterable[str] = ()) -> Task:
        """Give what a function of the store returns; it runs on the store's own thread.

        Args:
            function: Called with the store, which it must not keep.
            changes: IDs that it writes or removes: the list and the tree are brought up to
                date with these before the task finishes.
        """
        raise NotImplementedError

    def call_with_progress(
        self, function: Callable[[Store, Progress], Any], changes: Iterable[str] = ()
    ) -> Task:
        """As `call`, for a long act: the function reports to its `Progress` and heeds it."""
        raise NotImplementedError
