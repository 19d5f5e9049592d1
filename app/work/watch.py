"""The watch: follows a store whose own table is the list, so that nothing has to be read first.

It has the face of `scan.Scan`, and only passes on which objects changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.work.pool import Priority
from app.work.scan import Found, Lanes
from persistence.store import Changes

__all__ = ["Watch"]


class Watch:
    """Tells what changes in one store.

    Attributes:
        done, total: Number of objects.
        is_complete: Whether it is known from when on changes are told.
        can_follow: Whether the store tells what changed.
    """

    def __init__(self, lanes: Lanes) -> None:
        self.done = 0
        self.total = 0
        self.is_complete = False
        self.can_follow = True
        self._lanes = lanes
        self._token: Any = None

    def step(self) -> Found:
        """Find out from where on to look for changes."""
        self._token = self._lanes.on_store(lambda store: store.changes().token, Priority.NORMAL)
        self.done = self.total = self._lanes.on_index(len, Priority.NORMAL)
        self.is_complete = True
        return Found()

    def follow(self) -> Found:
        """Return what changed since the last look."""
        token = self._token
        changes: Changes = self._lanes.on_store(lambda store: store.changes(token), Priority.NORMAL)
        self._token = changes.token
        return Found(changes.changed, changes.removed)

    def pending(self) -> int:
        """Return how many objects changed since the last look, which is still to be taken."""
        token = self._token
        changes: Changes = self._lanes.on_store(
            lambda store: store.changes(token), Priority.BACKGROUND
        )
        return len(changes.changed) + len(changes.removed)

    def absorb(self, ids: Iterable[str]) -> Found:
        """Say of some objects that were written or removed which it is."""
        wanted = list(dict.fromkeys(ids))
        there = self._lanes.on_index(lambda rows: rows.rows(wanted), Priority.NORMAL)
        return Found(
            tuple(id_ for id_ in wanted if id_ in there),
            tuple(id_ for id_ in wanted if id_ not in there),
        )
