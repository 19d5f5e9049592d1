"""What a store gives of its objects, and what the index keeps of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType

from app.work.index import Entry
from app.work.inspector import Inspector
from app.work.records import Row
from persistence.errors import LoadError, ObjectNotFound
from persistence.store import Record, Store
from persistence.summary import NOTHING, Digest, Summary

__all__ = ["entries_of", "read_records", "readable_records"]


def entries_of(
    items: Sequence[Summary | Record],
    scanner: Inspector,
    stamps: Mapping[str, str] = MappingProxyType({}),
) -> list[Entry]:
    """Return what the index keeps of some objects; their pickles are digested by the scanner.

    Args:
        items: The objects.
        scanner: Who digests pickles.
        stamps: What the store says of these versions, by ID.
    """
    records = [item for item in items if isinstance(item, Record)]
    if not records:
        summaries = [item for item in items if isinstance(item, Summary)]
        return [_entry_of_summary(summary, stamps.get(summary.id)) for summary in summaries]
    digests = scanner.digests([record.data for record in records])
    return [
        _entry_of_record(record, digest, stamps.get(record.id_))
        for record, digest in zip(records, digests, strict=True)
    ]


def readable_records(store: Store, ids: Iterable[str]) -> Iterator[Record]:
    """Iterate over the records of some IDs; one that cannot be read comes without bytes.

    A store that says in a `LoadError` which one that is reads them in the order of the IDs.
    """
    left = list(ids)
    while left:
        try:
            yield from read_records(store, left)
        except LoadError as error:
            if error.id_ not in left:
                raise
            yield Record(error.id_, b"")
            left = left[left.index(error.id_) + 1 :]
        else:
            return


def read_records(store: Store, ids: Iterable[str]) -> Iterator[Record]:
    """Iterate over the records of some IDs; a store needs `read` only."""
    try:
        yield from store.read_many(ids)
    except NotImplementedError:
        for id_ in ids:
            try:
                yield Record(id_, store.read(id_))
            except ObjectNotFound:
                continue


def _entry_of_summary(summary: Summary, stamp: str | None) -> Entry:
    row = Row(
        summary.id,
        summary.type,
        summary.state,
        summary.name,
        None if summary.modified is None else summary.modified.timestamp(),
        summary.size,
    )
    return Entry(row, _revision(repr(row).encode("utf-8", "surrogatepass")), stamp=stamp)


def _entry_of_record(record: Record, digest: Digest | None, stamp: str | None) -> Entry:
    modified = None if record.modified is None else record.modified.timestamp()
    known = digest or NOTHING
    row = Row(record.id_, known.type, known.state, known.name, modified, len(record.data))
    return Entry(row, _revision(record.data, modified), known.references, stamp)


def _revision(data: bytes, modified: float | None = None) -> int:
    """Return a number by which versions of an object are told apart, today and tomorrow."""
    digest = blake2b(data, digest_size=8, salt=repr(modified).encode()[:16])
    return int.from_bytes(digest.digest(), "big", signed=True)
