"""Drives the scan of an open store from the GUI thread, and then follows the store.

The steps themselves run on the lane of the scan; here is when they run, what the window is
told of them, and how often a store in trouble is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from app.work.open_store import OpenStore
from app.work.pool import Outbox, Priority
from app.work.scan import Found
from persistence.errors import StoreError

__all__ = ["Follower"]

_IDLE_SECONDS = 0.5  # between two looks when nothing happens
_BUSY_SECONDS = 0.04  # after a look that found something
_PAUSED_SECONDS = 1.0  # between two counts of what waits while the view is paused
_FIRST_WAIT_SECONDS = 1.0  # after a look that failed; twice as long each time
_LONGEST_WAIT_SECONDS = 30.0
_SHARE = 2  # a look that takes long is followed by a pause this many times longer
_ROWS_SECONDS = 0.04


class Follower(QObject):
    """Follows one open store; lives on the GUI thread.

    Signals:
        progressed: Objects read, and of how many (0 if unknown).
        scanned: Number of objects, and whether the store tells what changes.
        rows_changed, objects_changed, objects_removed, waiting_changed, trouble, recovered:
            As those of the session.
    """

    progressed = Signal(int, int)
    scanned = Signal(int, bool)
    rows_changed = Signal()
    objects_changed = Signal(list)
    objects_removed = Signal(list)
    waiting_changed = Signal(int)
    trouble = Signal(str)
    recovered = Signal()

    def __init__(self, work: OpenStore, outbox: Outbox, parent: QObject) -> None:
        super().__init__(parent)
        self.is_scanned = False
        self.waiting = 0  # changes that are not shown while nothing is followed
        self._work = work
        self._scan = work.scan
        self._outbox = outbox
        self._generation = outbox.generation
        self._is_live = False
        self._is_stopped = False
        self._is_looking = False
        self._wants_look = False
        self._failures = 0
        self._pause = _IDLE_SECONDS
        self._wants_facts = False
        self._reads_facts = False
        self._puts_off_facts = False
        self._chain = 0  # of steps; those of a former one end
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.timeout.connect(self.look_now)
        self._count_timer = QTimer(self)
        self._count_timer.setSingleShot(True)
        self._count_timer.timeout.connect(self._count_waiting)
        self._rows_timer = QTimer(self)
        self._rows_timer.setSingleShot(True)
        self._rows_timer.setInterval(int(_ROWS_SECONDS * 1000))
        self._rows_timer.timeout.connect(self._say_rows)
        self._rows_said = 0.0

    def start(self) -> None:
        """Read the whole store."""
        self._chain += 1
        self._is_looking = True
        self._work.scan_lane.call(partial(self._step, self._chain), Priority.NORMAL)

    def pause(self) -> None:
        """Read no further until `start` or `look_now`; what has been read is kept."""
        self._puts_off_facts = self._reads_facts
        self._wants_facts = False
        if not self.is_scanned:
            self._chain += 1
            self._is_looking = False
            self._look_timer.stop()

    def start_again(self) -> None:
        """Read the whole store once more: the index is empty."""
        self.is_scanned = False
        self._wants_look = False
        self._look_timer.stop()
        self._work.scan_lane.call(self._work.restart_scan, Priority.NORMAL)
        self.start()

    def want_facts(self) -> None:
        """Have what is inside objects read too, once all are listed, and kept current."""
        self._wants_facts = True
        self._read_facts()

    def stop(self) -> None:
        """Follow no more; the object is deleted when the pending events are done."""
        self._is_stopped = True
        for timer in (self._look_timer, self._count_timer, self._rows_timer):
            timer.stop()
        self.deleteLater()

    def set_live(self, live: bool) -> None:
        """Look all the time; or only when told to, and count meanwhile what is not shown."""
        self._is_live = live
        if not self.is_scanned:
            return
        if live:
            self._count_timer.stop()
            if not self._is_looking and not self._look_timer.isActive():
                self._look_in(0)
        elif not self._failures:
            self._look_timer.stop()
            self._count_in(_PAUSED_SECONDS)

    def look_now(self) -> None:
        """Look for what changed; once more afterwards if that is under way."""
        self._look_timer.stop()
        self._count_timer.stop()
        if self._puts_off_facts:
            self._puts_off_facts = False
            self.want_facts()
        if self._is_looking:
            self._wants_look = self.is_scanned
            return
        if not self.is_scanned:
            self.start()
            return
        self._is_looking = True
        self._work.scan_lane.call(self._look, Priority.NORMAL)

    def absorb(self, ids: Sequence[str], then: Callable[[], None]) -> None:
        """Read some objects again that were written or removed. Any thread may call this.

        Args:
            ids: The objects.
            then: Called on the scan's lane when the window was told of them, or at once if
                there are none.
        """
        if ids:
            self._work.scan_lane.call(partial(self._absorb, ids, then), Priority.VISIBLE)
        else:
            then()

    # On the lane of the scan

    def _step(self, chain: int) -> None:
        if chain != self._chain:
            return
        try:
            found = self._scan.step()
        except Exception as error:  # noqa: BLE001 -- told on the GUI thread
            self._post(partial(self._on_failed, error, chain))
            return
        self._work.objects.forget((*found.changed, *found.removed))
        done, total, is_complete = self._scan.done, self._scan.total, self._scan.is_complete
        self._post(partial(self._on_stepped, chain, done, total, found, is_complete))
        if not is_complete:
            self._work.scan_lane.call(partial(self._step, chain), Priority.BACKGROUND)

    def _begin_facts(self) -> None:
        try:
            self._work.facts.begin()
        except Exception as error:  # noqa: BLE001 -- told on the GUI thread
            self._post(partial(self._on_facts_failed, error))
        else:
            self._step_facts()

    def _step_facts(self) -> None:
        facts = self._work.facts
        try:
            goes_on = self._wants_facts and facts.step()
        except Exception as error:  # noqa: BLE001 -- told on the GUI thread
            self._post(partial(self._on_facts_failed, error))
            return
        self._post(partial(self._on_facts, facts.done, facts.total, goes_on))
        if goes_on:
            self._work.scan_lane.call(self._step_facts, Priority.BACKGROUND)

    def _look(self) -> None:
        began = time.monotonic()
        try:
            found = self._scan.follow()
        except Exception as error:  # noqa: BLE001 -- told on the GUI thread
            self._post(partial(self._on_failed, error))
            return
        self._work.objects.forget((*found.changed, *found.removed))
        self._post(partial(self._on_looked, found, time.monotonic() - began))

    def _count(self) -> None:
        began = time.monotonic()
        count: int | None
        try:
            count = self._scan.pending()
        except (StoreError, OSError, NotImplementedError):
            count = None  # the next look will say what is wrong
        self._post(partial(self._on_counted, count, time.monotonic() - began))

    def _absorb(self, ids: Sequence[str], then: Callable[[], None]) -> None:
        self._work.objects.forget(ids)
        try:
            found = self._scan.absorb(ids)
        except StoreError as error:
            # What was to be done is done; the next look brings the list up to date.
            self._post(partial(self.trouble.emit, str(error)))
        else:
            self._post(partial(self._tell, found))
        then()

    def _post(self, letter: Callable[[], object]) -> None:
        self._outbox.post(letter, self._generation)

    # On the GUI thread

    def _read_facts(self) -> None:
        if self._wants_facts and self.is_scanned and not self._reads_facts:
            self._reads_facts = True
            self._work.scan_lane.call(self._begin_facts, Priority.BACKGROUND)

    def _on_facts(self, done: int, total: int, goes_on: bool) -> None:
        self._reads_facts = goes_on
        if done or not self._wants_facts:
            self._announce_rows()
        if self._wants_facts:
            self.progressed.emit(done, total)

    def _on_facts_failed(self, error: Exception) -> None:
        self._reads_facts = False
        self._on_failed(error)

    def _on_stepped(
        self, chain: int, done: int, total: int, found: Found, is_complete: bool
    ) -> None:
        self._on_recovered()
        self._tell(found)
        self._announce_rows()
        if chain != self._chain:
            return
        self.progressed.emit(done, total)
        if is_complete:
            self._is_looking = False
            self.is_scanned = True
            self.scanned.emit(done, self._scan.can_follow)
            self._read_facts()
            if self._is_live:
                self._look_in(_IDLE_SECONDS)
            else:
                self._count_in(_PAUSED_SECONDS)

    def _on_looked(self, found: Found, seconds: float) -> None:
        self._is_looking = False
        self._on_recovered()
        self._say_waiting(0)
        self._tell(found)
        self._pause = _BUSY_SECONDS if found else min(2 * self._pause, _IDLE_SECONDS)
        if self._wants_look:
            self._wants_look = False
            self.look_now()
        elif self._is_live:
            self._look_in(max(self._pause, _SHARE * seconds))
        else:
            self._count_in(_PAUSED_SECONDS)

    def _count_in(self, seconds: float) -> None:
        if not self._is_stopped and self._scan.can_follow:
            self._count_timer.start(int(seconds * 1000))

    def _count_waiting(self) -> None:
        if not self._is_live and not self._is_looking:
            self._work.scan_lane.call(self._count, Priority.BACKGROUND)

    def _on_counted(self, count: int | None, seconds: float) -> None:
        if self._is_live or self._is_looking:
            return  # what was counted is shown now
        if count is None:
            self._count_in(_LONGEST_WAIT_SECONDS)
            return
        self._say_waiting(count)
        self._count_in(max(_PAUSED_SECONDS, _SHARE * seconds))

    def _say_waiting(self, count: int) -> None:
        if count != self.waiting:
            self.waiting = count
            self.waiting_changed.emit(count)

    def _on_failed(self, error: Exception, chain: int | None = None) -> None:
        if chain not in (None, self._chain):
            return
        self._is_looking = self._wants_look = False
        if not isinstance(error, (StoreError, OSError, NotImplementedError)):
            raise error
        self._failures += 1
        self.trouble.emit(str(error))
        if isinstance(error, NotImplementedError):
            return  # it will not be able to the next time either
        wait = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** (self._failures - 1))
        if self._is_live or not self.is_scanned:
            self._look_in(wait)

    def _look_in(self, seconds: float) -> None:
        # A slot of a signal emitted just before may have closed the session.
        if not self._is_stopped:
            self._look_timer.start(int(seconds * 1000))

    def _on_recovered(self) -> None:
        if self._failures:
            self._failures = 0
            self.recovered.emit()

    def _tell(self, found: Found) -> None:
        if found.changed:
            self.objects_changed.emit(list(found.changed))
        if found.removed:
            self.objects_removed.emit(list(found.removed))
        if found:
            self._announce_rows()
            self._read_facts()

    def _announce_rows(self) -> None:
        """Emit `rows_changed` now, or in a moment if it was emitted just before."""
        if self._rows_timer.isActive():
            return
        if time.monotonic() - self._rows_said >= _ROWS_SECONDS:
            self._say_rows()
        else:
            self._rows_timer.start()

    def _say_rows(self) -> None:
        self._rows_said = time.monotonic()
        self.rows_changed.emit()
