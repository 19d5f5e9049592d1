"""The scan: a store is read into the index once, first rows first, and then followed.

A store that keeps summaries gives them; of any other the bytes are read and digested in a
process of their own, the scanner. All of this runs on the scan's own lane, in short steps, and
asks the lanes of the store and of the index for what they own.

An index that was stored by an earlier opening is compared with the store instead, by the stamps
of its objects or by the moment up to which it was read, and only what differs is read again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import chain, islice
from typing import Any

from app.work.entries import entries_of, readable_records
from app.work.index import Entry, RowIndex
from app.work.inspector import Inspector
from app.work.pool import Priority
from persistence.errors import LoadError
from persistence.ids import order_key
from persistence.store import Changes, Record, Store
from persistence.summary import Summary

__all__ = ["Found", "Lanes", "Scan"]

_FIRST_ROWS = 256
_FIRST_SECONDS = 0.05
_STEP_ROWS = 500
_STEP_SECONDS = 0.1
_STEP_BYTES = 8 * 1024 * 1024
_ABSORBED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Lanes:
    """How the scan reaches what other threads own.

    Attributes:
        store: Has a function of the store run.
        index: Has a function of the source of rows run.
        on_followed: Runs a function of a second opening of the store, on the scan's own lane:
            to look at all objects for changes may take long, and the user waits for the store.
    """

    store: Callable[[Callable[[Store], Any], Priority], Future[Any]]
    index: Callable[[Callable[[Any], Any], Priority], Future[Any]]
    on_followed: Callable[[Callable[[Store], Any]], Any]

    def on_store(self, function: Callable[[Store], Any], priority: Priority) -> Any:
        """Return what a function of the store gives."""
        return self.store(function, priority).result()

    def on_index(self, function: Callable[[Any], Any], priority: Priority) -> Any:
        """Return what a function of the source of rows gives."""
        return self.index(function, priority).result()


@dataclass(frozen=True, slots=True)
class Found:
    """What a step of the scan, or a look at what changed, brought.

    Attributes:
        changed: IDs of objects that are new or were written again.
        removed: IDs of objects that are gone.
    """

    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)

    def __add__(self, other: Found) -> Found:
        return Found(self.changed + other.changed, self.removed + other.removed)


class Scan:
    """Reads one store into one index, and then what changes in it.

    Attributes:
        done: Number of objects read so far.
        total: Number of objects, or 0 while that is not known.
        is_complete: Whether all have been read.
        can_follow: Whether the store tells what changed; known once the scan has begun.
    """

    def __init__(self, lanes: Lanes, scanner: Inspector, *, keeps_summaries: bool) -> None:
        self.done = 0
        self.total = 0
        self.is_complete = False
        self.can_follow = True
        self._lanes = lanes
        self._scanner = scanner
        self._keeps_summaries = keeps_summaries
        self._token: Any = None
        self._items: Iterator[Summary | Record] | None = None
        self._left: list[str] | None = None  # IDs to read, the next ones last
        self._has_token = False
        self._ahead: Future[_Taken] | None = None  # the objects after those being digested
        self._putting: Future[list[str]] | None = None  # those before
        self._fresher: set[str] = set()  # read again since those ahead were asked for
        self._lists_late = False
        self._first_ids: list[str] = []
        self._beginnings = 0

    def step(self) -> Found:
        """Read some more objects; the first call, and one after an error, begins anew.

        Returns:
            What has changed since it was read.
        """
        try:
            if self._left is not None:
                return self._read_left()
            if self._items is None:
                found = None if self._beginnings else self._resume()
                return self._begin() if found is None else found
            if not self._has_token:
                return self._take_token()
            return self._go_on()
        except BaseException:
            self._stop()
            raise

    def restart(self) -> None:
        """Have the next step begin anew: the index is empty again."""
        self._stop()
        self._beginnings = 0
        self.is_complete = False

    def _stop(self) -> None:
        self._items = self._left = self._ahead = self._putting = None

    def follow(self) -> Found:
        """Read what changed since the last look."""
        if not self.can_follow:
            return self._read_again() if self.is_complete else Found()
        token = self._token
        changes: Changes = self._lanes.on_followed(lambda store: store.changes(token))
        self._token = changes.token
        try:
            found = self._absorb((*changes.changed, *changes.removed))
        except BaseException:
            self._token = token
            raise
        if changes.token != token:
            self._keep_token()
        return found

    def pending(self) -> int:
        """Return how many objects changed since the last look, which is still to be taken."""
        token = self._token
        changes: Changes = self._lanes.on_followed(lambda store: store.changes(token))
        return len(changes.changed) + len(changes.removed)

    def absorb(self, ids: Iterable[str]) -> Found:
        """Read some objects again that were written or removed."""
        wanted = list(ids)
        self._fresher.update(wanted)
        return self._absorb(wanted, is_stamped=False)

    # An index from an earlier opening

    def _resume(self) -> Found | None:
        """Find out what a stored index lacks; None if there is nothing to go on from."""
        if not self._lanes.on_index(len, Priority.NORMAL):
            return None
        since = self._lanes.on_index(lambda index: index.token, Priority.NORMAL)
        try:
            left = self._since_stamps() if since is None else self._since_moment(int(since))
        except (NotImplementedError, ValueError):
            self._lanes.on_index(lambda index: index.clear(), Priority.NORMAL)
            return None
        self._has_token = True
        self._beginnings = 1
        self._left = left[::-1]
        self.total = max(self._lanes.on_index(len, Priority.NORMAL), len(left))
        self.done = self.total - len(left)
        return Found()

    def _since_moment(self, token: int) -> list[str]:
        """Return the IDs of what was written or removed since a moment."""
        changes: Changes = self._lanes.on_followed(lambda store: store.changes(token))
        if not isinstance(changes.token, int):
            raise ValueError("it is another kind of store by now")
        self._token = changes.token
        return [*changes.changed, *changes.removed]

    def _since_stamps(self) -> list[str]:
        """Return the IDs of what is not as the stamps in the index say; drop what is gone."""
        self._token = self._lanes.on_followed(lambda store: store.changes().token)
        known = dict(self._stored_stamps())
        left: list[str] = []
        stamps = self._lanes.on_store(lambda store: store.stamps(self._token), Priority.NORMAL)
        for id_, stamp in stamps:  # of the token alone: the store has nothing to do with it
            if known.pop(id_, None) != stamp:
                left.append(id_)
        for start in range(0, len(gone := list(known)), _STEP_ROWS):
            self._lanes.on_index(
                partial(_remove, ids=gone[start : start + _STEP_ROWS]), Priority.NORMAL
            )
        return left

    def _stored_stamps(self) -> Iterator[tuple[str, str | None]]:
        after = 0
        while True:
            rows, after = self._lanes.on_index(
                partial(_stamps_after, position=after), Priority.BACKGROUND
            )
            if not rows:
                return
            yield from rows

    def _read_left(self) -> Found:
        """Read some of what a stored index lacks."""
        assert self._left is not None
        batch = [self._left.pop() for _ in range(min(len(self._left), _ABSORBED_AT_ONCE))]
        found = self._absorb(batch)
        self.done += len(batch)
        if self._left:
            return found
        self._left = None
        return found + self._complete()

    def _begin(self) -> Found:
        self.done = 0
        self._beginnings += 1
        keeps_summaries = self._keeps_summaries
        self._has_token = False
        self._lists_late = self._lanes.on_store(lambda store: store.lists_late, Priority.NORMAL)
        if self._lists_late and self._beginnings == 1:
            self._items = self._lanes.on_store(_some_records, Priority.NORMAL)
            entries = entries_of(self._take_first(), self._scanner)
            self._lanes.on_index(lambda index: index.put_at_end(entries), Priority.NORMAL)
            self.done = len(entries)
            return Found()
        self._items = self._lanes.on_store(
            lambda store: iter(store.summaries() if keeps_summaries else _all_records(store)),
            Priority.NORMAL,
        )
        first = self._take_first()
        self._first_ids = [_id_of(item) for item in first]
        self._put(entries_of(first, self._scanner))
        return self._found()

    def _take_first(self) -> list[Summary | Record]:
        return self._take(_FIRST_ROWS, _FIRST_SECONDS).result().items

    def _take_token(self) -> Found:
        """Find out where to go on from when all is read: this may look at every object."""
        try:
            self._token = self._lanes.on_followed(lambda store: store.changes().token)
        except NotImplementedError:
            self.can_follow = False
        self._has_token = True
        if self._lists_late and self._beginnings == 1:
            self._begin_in_order()
        else:
            self.total = self._lanes.on_store(len, Priority.NORMAL)
        return Found()

    def _begin_in_order(self) -> None:
        """Read all after the first rows, which are not the first in the order of the store."""
        self.done = 0
        stamps = self._lanes.on_store(lambda store: store.stamps(self._token), Priority.NORMAL)
        ids = [id_ for id_, _ in stamps]  # of the token alone: the store has nothing to do with it
        in_order = _in_order(ids)
        self.total = len(ids)
        self._items = self._lanes.on_store(
            lambda store: _records_of(store, in_order), Priority.NORMAL
        )

    def _go_on(self) -> Found:
        """Digest some objects while the next are read and the former put into the index."""
        taken = (self._ahead or self._take(_STEP_ROWS, _STEP_SECONDS)).result()
        items = [item for item in taken.items if _id_of(item) not in self._fresher]
        self._ahead = None if taken.is_last else self._take(_STEP_ROWS, _STEP_SECONDS)
        entries = entries_of(items, self._scanner, taken.stamps)
        found = self._found()
        self._put(entries)
        if not taken.is_last:
            return found
        found += self._found()
        self._items = None
        # What was read before the token was taken may have changed unnoticed.
        found += self._absorb(self._first_ids)
        return found + self._complete()

    def _complete(self) -> Found:
        found = self.follow()
        self._keep_token()
        self.is_complete = True
        self.total = self.done = self._lanes.on_index(len, Priority.NORMAL)
        return found

    def _keep_token(self) -> None:
        """Note up to which moment the index is complete, if the store counts such."""
        if isinstance(self._token, int):
            self._lanes.on_index(
                lambda index: setattr(index, "token", str(self._token)), Priority.NORMAL
            )

    def _take(self, most: int, seconds: float) -> Future[_Taken]:
        """Have the next objects read."""
        items, token = self._items, self._token if self._has_token else None
        assert items is not None
        self._fresher.clear()
        return self._lanes.store(
            lambda store: _take(items, most, seconds, partial(_stamps, store, token)),
            Priority.BACKGROUND,
        )

    def _put(self, entries: Sequence[Entry]) -> None:
        """Have objects put into the index."""
        self._putting = self._lanes.index(partial(_put, entries=entries), Priority.NORMAL)
        self.done += len(entries)
        self.total = max(self.total, self.done) if self.total else 0

    def _found(self) -> Found:
        """Wait until what was given to the index last is in it; return what that changed."""
        putting, self._putting = self._putting, None
        changed = [] if putting is None else putting.result()
        # At first everything is new, which is not worth telling.
        return Found(tuple(changed)) if self._beginnings > 1 else Found()

    def _absorb(self, ids: Iterable[str], *, is_stamped: bool = True) -> Found:
        wanted = list(dict.fromkeys(ids))
        changed: list[str] = []
        removed: list[str] = []
        for start in range(0, len(wanted), _ABSORBED_AT_ONCE):
            batch = wanted[start : start + _ABSORBED_AT_ONCE]
            entries = self._entries(batch, self._token if is_stamped else None)
            there = {entry.row.id for entry in entries}
            gone = [id_ for id_ in batch if id_ not in there]
            changed += self._lanes.on_index(partial(_put, entries=entries), Priority.NORMAL)
            removed += self._lanes.on_index(partial(_remove, ids=gone), Priority.NORMAL)
        return Found(tuple(changed), tuple(removed))

    def _entries(self, ids: Sequence[str], token: Any) -> list[Entry]:
        """Read objects, with what a token says of them."""
        keeps_summaries = self._keeps_summaries

        def read(store: Store) -> _Taken:
            items = store.summaries(ids) if keeps_summaries else readable_records(store, ids)
            return _Taken(list(items), is_last=False, stamps=_stamps(store, token, ids))

        taken: _Taken = self._lanes.on_store(read, Priority.NORMAL)
        return entries_of(taken.items, self._scanner, taken.stamps)

    def _read_again(self) -> Found:
        """Look at all objects of a store that cannot tell what changed."""
        ids: list[str] = self._lanes.on_store(lambda store: store.list(), Priority.NORMAL)
        gone: list[str] = self._lanes.on_index(
            lambda index: index.absent_from(ids), Priority.NORMAL
        )
        return self._absorb([*ids, *gone])


@dataclass(frozen=True, slots=True)
class _Taken:
    """Some objects of the store.

    Attributes:
        items: What was read of them.
        is_last: Whether there are no more.
        stamps: What the store says of their versions, by ID.
    """

    items: list[Summary | Record]
    is_last: bool
    stamps: Mapping[str, str]


def _put(index: RowIndex, entries: Sequence[Entry]) -> list[str]:
    return index.put(entries)


def _stamps_after(index: RowIndex, position: int) -> tuple[list[tuple[str, str | None]], int]:
    return index.stamps_after(position)


def _remove(index: RowIndex, ids: Sequence[str]) -> list[str]:
    return index.remove(ids)


def _some_records(store: Store) -> Iterator[Record]:
    return readable_records(store, islice(store.names(), _FIRST_ROWS))


def _in_order(ids: Sequence[str]) -> Iterator[str]:
    """Iterate over IDs in their order; no thread waits for the interpreter while all are sorted."""
    runs = (ids[start : start + _STEP_ROWS] for start in range(0, len(ids), _STEP_ROWS))
    return merge(*(sorted(run, key=order_key) for run in runs), key=order_key)


def _records_of(store: Store, ids: Iterator[str]) -> Iterator[Record]:
    batches = iter(lambda: list(islice(ids, _ABSORBED_AT_ONCE)), [])
    return chain.from_iterable(readable_records(store, batch) for batch in batches)


def _all_records(store: Store) -> Iterator[Record]:
    try:
        yield from store.records()
    except NotImplementedError:
        yield from readable_records(store, store.list())
    except LoadError as error:  # one of many; those before it are read
        yield Record(error.id_, b"")
        ids = store.list()
        yield from readable_records(store, ids[ids.index(error.id_) + 1 :])


def _take(
    items: Iterator[Summary | Record],
    most: int,
    seconds: float,
    stamps: Callable[[list[str]], Mapping[str, str]],
) -> _Taken:
    taken: list[Summary | Record] = []
    size = 0
    until = time.monotonic() + seconds
    is_last = True
    for item in items:
        taken.append(item)
        size += len(item.data) if isinstance(item, Record) else 0
        if len(taken) >= most or size >= _STEP_BYTES or time.monotonic() > until:
            is_last = False
            break
    return _Taken(taken, is_last, stamps([_id_of(item) for item in taken]))


def _stamps(store: Store, token: Any, ids: Sequence[str]) -> Mapping[str, str]:
    """Return what a token says of objects that were read after it was taken."""
    if token is None or isinstance(token, int):
        return {}
    try:
        return dict(store.stamps(token, ids))
    except NotImplementedError:
        return {}


def _id_of(item: Summary | Record) -> str:
    return item.id if isinstance(item, Summary) else item.id_
