"""Wakes the follower of a store as soon as the store itself says that something changed.

Stores on PostgreSQL do; of all others nothing comes of it, and no thread is started. The
follower looks now and then in any case: what is told here only makes it look sooner.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

from app.work.open_store import OpenStore
from app.work.pool import Lane, Outbox, Priority
from persistence.errors import StoreError
from persistence.store import Watch

__all__ = ["Watcher"]

_WAIT_SECONDS = 0.5  # in which it notices that it was stopped
_PAUSE_SECONDS = 0.1  # after each piece of news: many writers make one look, not many
_LONGEST_PAUSE_SECONDS = 30.0  # before a lost connection is made again


class Watcher:
    """Waits for the news of one open store on a lane of its own, until `stop`.

    Args:
        work: The store.
        outbox: How the GUI thread is reached.
        wake: Called on the GUI thread when something changed.
    """

    def __init__(self, work: OpenStore, outbox: Outbox, wake: Callable[[], object]) -> None:
        self._work = work
        self._outbox = outbox
        self._generation = outbox.generation
        self._wake = wake
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._lane: Lane | None = None
        self._watch: Watch | None = None
        self._failures = 0
        work.on_store(lambda store: store.watch(), Priority.BACKGROUND).add_done_callback(
            self._begin
        )

    def stop(self) -> None:
        """Wait no more; the connection is closed in a moment (GUI thread)."""
        with self._lock:
            self._stopped.set()
            if self._lane is not None:
                self._lane.stop(self._drop)

    def _begin(self, found: Future[Watch | None]) -> None:
        """Go on with the first watch, if the store has any; on the store's lane."""
        if found.cancelled() or found.exception() is not None:
            return  # closed already, or in trouble that the follower meets too
        watch = found.result()
        if watch is None:
            return
        with self._lock:
            if self._stopped.is_set():
                watch.close()
                return
            self._watch = watch
            self._lane = Lane("watch", self._outbox)
            self._lane.call(self._round)

    # On the lane

    def _round(self) -> None:
        try:
            has_news = self._look()
        except StoreError:
            self._drop()
            self._stopped.wait(min(_LONGEST_PAUSE_SECONDS, 2.0**self._failures))
            self._failures += 1
        except CancelledError:
            return
        else:
            self._failures = 0
            if has_news:
                self._outbox.post(self._wake, self._generation)
                self._stopped.wait(_PAUSE_SECONDS)
        assert self._lane is not None
        self._lane.call(self._round)

    def _look(self) -> bool:
        """Wait a little; return whether something changed, or may have."""
        if self._watch is not None:
            return self._watch.wait(_WAIT_SECONDS)
        self._watch = self._work.on_store(lambda store: store.watch()).result()
        return True

    def _drop(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()
