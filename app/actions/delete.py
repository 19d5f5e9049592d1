"""What a delete would leave behind: who refers to the objects, and what only they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.actions.commands import fingerprint
from app.actions.journal import JournalRecord
from persistence.errors import DecodeError
from persistence.store import Store
from persistence.summary import digest, summarize

__all__ = ["DeletionPlan", "plan_deletion", "records_to_delete"]


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What is to be known before objects are deleted.

    Attributes:
        ids: The objects, as far as they are stored.
        referrers: (who, what): each object that would refer to a missing one, and that one.
            Objects that go with it are not among them.
        below: Further objects that only these lead to, through any number of references.
        versions: The fingerprint of each of them, as it was when the plan was made.
    """

    ids: tuple[str, ...]
    referrers: tuple[tuple[str, str], ...]
    below: tuple[str, ...]
    versions: Mapping[str, str] = field(default_factory=dict)


def plan_deletion(store: Store, ids: Sequence[str]) -> DeletionPlan:
    """Find out what a delete would leave behind. Runs on the store's own thread.

    Args:
        store: The open store.
        ids: What is to be deleted.
    """
    links = _Links(store)
    chosen = tuple(id_ for id_ in dict.fromkeys(ids) if id_ in store)
    inside = set(chosen)
    referrers = tuple(
        (who, id_) for id_ in chosen for who in links.referrers(id_) if who not in inside
    )
    below = _below(store, links, chosen)
    versions = {
        record.id_: fingerprint(record.data) for record in store.read_many((*chosen, *below))
    }
    return DeletionPlan(chosen, referrers, below, versions)


def records_to_delete(store: Store, ids: Iterable[str]) -> list[JournalRecord]:
    """Return what a delete of some objects writes into the journal: their bytes."""
    found = []
    for record in store.read_many(ids):
        summary = summarize(record)
        found.append(JournalRecord(record.id_, record.data, None, summary.type, summary.name))
    return found


def _below(store: Store, links: _Links, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return what can be reached from some objects, and from nothing else."""
    reached = dict.fromkeys(chosen)
    waiting = list(chosen)
    while waiting:
        for target in links.references(waiting.pop()):
            if target not in reached and target in store:
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


class _Links:
    """References of a store in both directions, read at most once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._forward: dict[str, tuple[str, ...]] | None = None
        self._backward: dict[str, list[str]] = {}

    def references(self, id_: str) -> Iterable[str]:
        if self._store.keeps_summaries:
            return self._store.references(id_)
        return self._read().get(id_, ())

    def referrers(self, id_: str) -> Iterable[str]:
        if self._store.keeps_summaries:
            return self._store.referrers(id_)
        self._read()
        return self._backward.get(id_, ())

    def _read(self) -> dict[str, tuple[str, ...]]:
        if self._forward is None:
            # A store without an index is read through once, not once for every object.
            self._forward = {}
            for record in self._store.records():
                try:
                    references = digest(record.data).references
                except DecodeError:
                    continue  # an unreadable object refers to nothing that could be told
                self._forward[record.id_] = references
                for target in references:
                    self._backward.setdefault(target, []).append(record.id_)
        return self._forward
