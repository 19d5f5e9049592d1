"""What a delete would leave behind: who refers to the objects, and what only they lead to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.actions.commands import fingerprint
from app.actions.journal import JournalRecord
from persistence.errors import DecodeError
from persistence.store import Store
from persistence.summary import digest, summarize

__all__ = [
    "DeletionPlan",
    "Links",
    "StoreLinks",
    "plan_deletion",
    "records_to_delete",
    "versions_of",
]


class Links(Protocol):
    """Who refers to whom in a store; `app.work.index.RowIndex` is one."""

    def __contains__(self, id_: str) -> bool: ...

    def references(self, id_: str) -> Collection[str]:
        """Return the IDs that an object refers to."""

    def referrers(self, id_: str) -> Collection[str]:
        """Return the IDs of the objects that refer to an ID."""


class StoreLinks:
    """The links of a store for which there is no index yet; it is read through once."""

    def __init__(self, store: Store) -> None:
        self._forward: dict[str, tuple[str, ...]] = {}
        self._backward: dict[str, list[str]] = {}
        for record in store.records():
            try:
                references = digest(record.data).references
            except DecodeError:
                references = ()  # what an unreadable object refers to cannot be told
            self._forward[record.id_] = references
            for target in references:
                self._backward.setdefault(target, []).append(record.id_)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._forward

    def references(self, id_: str) -> Collection[str]:
        """Return the IDs that an object refers to."""
        return self._forward.get(id_, ())

    def referrers(self, id_: str) -> Collection[str]:
        """Return the IDs of the objects that refer to an ID."""
        return self._backward.get(id_, ())


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What is to be known before objects are deleted.

    Attributes:
        ids: The objects, as far as they are stored.
        referrers: (who, what): each object that would refer to a missing one, and that one.
            Objects that go with it are not among them.
        below: Further objects that only these lead to, through any number of references.
    """

    ids: tuple[str, ...]
    referrers: tuple[tuple[str, str], ...]
    below: tuple[str, ...]


def plan_deletion(links: Links, ids: Sequence[str]) -> DeletionPlan:
    """Find out what a delete would leave behind.

    Args:
        links: Who refers to whom.
        ids: What is to be deleted.
    """
    chosen = tuple(id_ for id_ in dict.fromkeys(ids) if id_ in links)
    inside = set(chosen)
    referrers = tuple(
        (who, id_) for id_ in chosen for who in links.referrers(id_) if who not in inside
    )
    return DeletionPlan(chosen, referrers, _below(links, chosen))


def versions_of(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """Return the fingerprints of the stored versions of some objects, by ID."""
    return {record.id_: fingerprint(record.data) for record in store.read_many(ids)}


def records_to_delete(store: Store, ids: Iterable[str]) -> list[JournalRecord]:
    """Return what a delete of some objects writes into the journal: all that is stored."""
    ids = [*ids]
    further = store.further(ids)
    found = []
    for record in store.read_many(ids):
        about = summarize(record)
        kept = further.get(record.id_, b"")
        found.append(JournalRecord(record.id_, record.data, None, about.type, about.name, kept))
    return found


def _below(links: Links, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return what can be reached from some objects, and from nothing else."""
    reached = dict.fromkeys(chosen)
    waiting = list(chosen)
    while waiting:
        for target in links.references(waiting.pop()):
            if target not in reached and target in links:
                reached[target] = None
                waiting.append(target)
    # What an object that stays refers to stays too, and all that it leads to.
    roots = set(chosen)
    staying = [
        id_
        for id_ in reached
        if id_ not in roots and any(who not in reached for who in links.referrers(id_))
    ]
    while staying:
        id_ = staying.pop()
        if id_ in reached and id_ not in roots:
            del reached[id_]
            staying += [target for target in links.references(id_) if target in reached]
    return tuple(id_ for id_ in reached if id_ not in roots)
