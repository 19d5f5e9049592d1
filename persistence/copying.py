"""One copy of objects between two stores, from giving IDs to reading back: see `transfer`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, Literal, NamedTuple

from persistence.copy_report import CopyReport
from persistence.errors import ConflictError, DecodeError, LoadError, ObjectNotFound
from persistence.id_map import IdMap
from persistence.pickles import Object, Reference, decode, with_ids
from persistence.store import ABSENT, Edit, Record, Store

__all__ = ["BATCH", "Copy", "OnConflict", "Progress", "chunks", "present"]

OnConflict = Literal["refuse", "skip", "replace"]
"""What to do about an ID under which the target has another object."""

Progress = Callable[[int, int], object]

BATCH = 500
"""Objects that are read together, and written in one transaction."""

_BYTES = 8 * 1024 * 1024  # of pickles in a transaction, and at least one
_ROUNDS = 5  # how often what changed meanwhile is copied again
_ATTEMPTS = 5  # at a batch that others write to at the same time
_DIGEST = 32  # bytes of SHA-256
_NOTHING = bytes(_DIGEST)


class _Item(NamedTuple):
    """One object on its way.

    Attributes:
        old, new: Its ID in the source and in the target.
        data: Its pickle as it is to be in the target.
    """

    old: str
    new: str
    data: bytes


class Copy:
    """One run of `transfer.copy`.

    Args:
        source, target: The stores.
        map_: The IDs that objects get in the target.
        on_conflict: What to do about other objects in the target.
        progress: Told how far it is.
    """

    def __init__(
        self,
        source: Store,
        target: Store,
        map_: IdMap,
        on_conflict: OnConflict,
        progress: Progress | None,
    ) -> None:
        self._source = source
        self._target = target
        self._map = map_
        self._on_conflict = on_conflict
        self._progress = progress
        self._ids: list[str] = []
        self._places: dict[str, int] = {}
        self._digests = bytearray()  # by place: SHA-256 of what is in the target, or zeros
        self._looks_inside = True
        self._done = 0
        self._copied = self._replaced = self._present = self._size = self._verified = 0
        self._notes: dict[str, dict[str, None]] = {
            name: {}
            for name in (
                *("kept", "changed", "outdated", "removed", "unreadable", "unlinked"),
                *("missing", "differing"),
            )
        }

    def run(self, ids: Iterable[str | int] | None) -> CopyReport:
        """Copy some objects, or all; see `transfer.copy`."""
        token = self._token()
        self._choose(ids)
        self._looks_inside = ids is not None or self._target.pid_type is not None
        self._report()
        if self._on_conflict == "refuse":
            self._check()
        self._write(self._ids)
        if token is not None:
            self._catch_up(token, follows_all=ids is None)
        self._verify()
        self._look_for_missing()
        for id_ in self._notes["outdated"]:
            self._notes["changed"].pop(id_, None)
        return CopyReport(
            len(self._ids),
            self._copied,
            self._replaced,
            self._present,
            self._size,
            self._verified,
            {id_: self._map.given[id_] for id_ in self._ids if id_ in self._map.given},
            **{name: tuple(found) for name, found in self._notes.items()},
        )

    # What is copied

    def _token(self) -> Any:
        try:
            return self._source.changes().token
        except NotImplementedError:
            return None

    def _choose(self, ids: Iterable[str | int] | None) -> None:
        if ids is None:
            wanted = self._source.list()
        else:
            wanted = list(dict.fromkeys(map(str, ids)))
            for batch in chunks(wanted, BATCH):
                there = set(present(self._source, batch))
                for id_ in batch:
                    if id_ not in there:
                        raise ObjectNotFound(id_, str(self._source.url))
        self._add(wanted)

    def _add(self, ids: Sequence[str]) -> None:
        first = len(self._ids)
        self._ids += ids
        self._places.update(zip(ids, range(first, len(self._ids)), strict=True))
        self._digests += bytes(_DIGEST * len(ids))
        self._map.give(ids)

    # First, what is in the target

    def _check(self) -> None:
        """Refuse to begin if the target has another object under one of the IDs."""
        if not len(self._target):
            return
        for batch in chunks(self._ids, BATCH):
            news = {self._map[id_]: id_ for id_ in batch}
            there = {
                record.id_: sha256(record.data).digest() for record in self._target.read_many(news)
            }
            for item in self._items([news[new] for new in there]):
                if sha256(item.data).digest() != there[item.new]:
                    self._refuse(item, there[item.new])
            self._report()

    def _refuse(self, item: _Item, found: bytes) -> None:
        error = ConflictError(item.new, str(self._target.url), "", found.hex())
        error.reason = f"{self._target.url} has another object {item.new!r} already."
        error.advice = "Choose to skip or to replace what is there, or copy to an empty store."
        raise error

    # Then, all objects

    def _write(self, ids: Iterable[str], *, again: bool = False) -> None:
        for batch in _batches(self._items(ids)):
            self._store(batch)
            if not again:
                self._done += len(batch)
            self._report()

    def _items(self, ids: Iterable[str]) -> Iterator[_Item]:
        """Read objects, as they are to be in the target."""
        for batch in chunks(ids, BATCH):
            found: set[str] = set()
            for record in self._read(batch):
                found.add(record.id_)
                yield _Item(record.id_, self._map[record.id_], self._translated(record))
            for id_ in batch:
                if id_ not in found and id_ not in self._notes["unreadable"]:
                    self._note("removed", id_)

    def _read(self, ids: Sequence[str]) -> Iterator[Record]:
        given: set[str] = set()
        try:
            for record in self._source.read_many(ids):
                given.add(record.id_)
                self._notes["unreadable"].pop(record.id_, None)  # it was, some time before
                yield record
        except LoadError as error:
            if len(ids) == 1:
                self._note("unreadable", error.id_ or ids[0])
                return
            # One by one: the others may well be read.
            for id_ in ids:
                if id_ not in given:
                    yield from self._read([id_])

    def _translated(self, record: Record) -> bytes:
        """Return a pickle with the IDs that objects have in the target."""
        if not self._looks_inside and not self._map.given:
            return record.data
        id_ = record.id_
        try:
            pickle = decode(record.data)
        except DecodeError:
            if self._map.given:
                self._note("unlinked", id_)
            return record.data
        self._notes["unlinked"].pop(id_, None)
        wants = self._target.pid_type

        def link(reference: Reference) -> str | int | None:
            old = reference.id
            if old not in self._places:
                self._note("missing", old)
            new = self._map[old]
            if new == old and (wants is None or _kind_of(reference.pid) in (wants, None)):
                return None
            return self._pid(new)

        new = self._map[id_]
        own = pickle.root.attributes().get("persistent_id") if _is_object(pickle.root) else None
        is_fine = new == id_ and (wants is None or _kind_of(own) in (wants, None))
        return with_ids(pickle, None if is_fine else self._pid(new), link)

    def _pid(self, id_: str) -> str | int:
        """Return an ID as pickles in the target have it."""
        return int(id_) if self._target.pid_type is int and self._target.takes_id(id_) else id_

    def _store(self, batch: list[_Item]) -> None:
        """Write a batch in one transaction, and count."""
        further = self._source.further([item.old for item in batch])
        for attempt in range(1, _ATTEMPTS + 1):
            there = {
                record.id_: record.data
                for record in self._target.read_many([item.new for item in batch])
            }
            edits: list[Edit] = []
            settled: set[str] = set()
            for item in batch:
                found = there.get(item.new)
                if found == item.data:
                    settled.add(item.new)
                elif found is None:
                    edits.append(Edit(item.new, item.data, ABSENT, further.get(item.old, b"")))
                elif self._may_replace(item, found):
                    edits.append(Edit(item.new, item.data, found))
            try:
                if edits:
                    self._target.apply(edits)
            except ConflictError:
                if attempt == _ATTEMPTS:
                    raise
                continue  # another program writes to the target: look again
            break
        written = {edit.id_: edit for edit in edits}
        for item in batch:
            edit = written.get(item.new)
            if edit is not None:
                self._count(item, edit)
            elif item.new in settled and self._digest_of(item.old) == _NOTHING:
                self._present += 1
                self._keep_digest(item)

    def _may_replace(self, item: _Item, found: bytes) -> bool:
        if sha256(found).digest() == self._digest_of(item.old):
            return True  # it is what this copy has written
        if self._on_conflict == "replace":
            return True
        if self._on_conflict == "refuse":
            self._refuse(item, sha256(found).digest())
        self._note("kept", item.new)
        return False

    def _count(self, item: _Item, edit: Edit) -> None:
        if self._digest_of(item.old) == _NOTHING:
            if edit.expected == ABSENT:
                self._copied += 1
            else:
                self._replaced += 1
        self._size += len(item.data)
        self._keep_digest(item)

    # Then, what changed meanwhile

    def _catch_up(self, token: Any, *, follows_all: bool) -> None:
        for number in range(_ROUNDS + 1):
            changes = self._source.changes(token)
            token = changes.token
            known = [id_ for id_ in changes.changed if id_ in self._places]
            new = [id_ for id_ in changes.changed if id_ not in self._places]
            for id_ in changes.removed:
                if id_ in self._places:
                    self._note("removed", id_)
            self._report()
            if not known and not (new and follows_all):
                return
            if number == _ROUNDS:
                for id_ in (*known, *(new if follows_all else ())):
                    self._note("outdated", id_)
                return
            for id_ in known:
                self._notes["removed"].pop(id_, None)  # it is back
                self._note("changed", id_)
            self._write(known, again=True)
            if follows_all and new:
                self._add(new)
                self._write(new)

    # At the end

    def _verify(self) -> None:
        for batch in chunks(self._ids, BATCH):
            expected = {
                self._map[id_]: (id_, digest)
                for id_ in batch
                if (digest := self._digest_of(id_)) != _NOTHING
            }
            for record in self._target.read_many(list(expected)):
                _, digest = expected[record.id_]
                if sha256(record.data).digest() == digest:
                    del expected[record.id_]
                    self._verified += 1
            for id_, _ in expected.values():
                self._note("differing", id_)
            self._done += len(batch)
            self._report()

    def _look_for_missing(self) -> None:
        missing = self._notes["missing"]
        for id_ in [id_ for id_ in missing if id_ in self._places]:
            del missing[id_]  # it came into the source meanwhile
        for batch in chunks(list(missing), BATCH):
            news = {self._map[id_]: id_ for id_ in batch}
            for new in present(self._target, list(news)):
                del missing[news[new]]

    def _digest_of(self, id_: str) -> bytes:
        first = self._places[id_] * _DIGEST
        return bytes(self._digests[first : first + _DIGEST])

    def _keep_digest(self, item: _Item) -> None:
        first = self._places[item.old] * _DIGEST
        self._digests[first : first + _DIGEST] = sha256(item.data).digest()

    def _note(self, what: str, id_: str) -> None:
        self._notes[what][id_] = None

    def _report(self) -> None:
        """Say how much is done: half of it is writing, half of it reading back."""
        if self._progress is not None:
            self._progress(min(self._done, 2 * len(self._ids)), 2 * len(self._ids))


def _is_object(root: Any) -> bool:
    return isinstance(root, Object) and not isinstance(root, Reference)


def _kind_of(pid: Any) -> type[str | int] | None:
    """Return what an ID in a pickle is: a text, an integer, or None for neither.

    GC3Pie's `Id("Application", 42)` is a text, its `IntId(None, 42)` an integer.
    """
    if isinstance(pid, (str, bytes)):
        return str
    if isinstance(pid, int):
        return int
    if isinstance(pid, Object) and len(pid.args) == 2:
        return int if pid.args[0] is None else str
    return None


def present(store: Store, ids: Sequence[str]) -> list[str]:
    """Return which of some IDs are stored, readable or not."""
    try:
        return [record.id_ for record in store.read_many(ids)]
    except LoadError:
        return (
            list(ids) if len(ids) == 1 else [id_ for each in ids for id_ in present(store, [each])]
        )


def chunks(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Split IDs into lists of a length; the last may be shorter."""
    iterator = iter(ids)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    batch: list[_Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) == BATCH or size + len(item.data) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item.data)
    if batch:
        yield batch
