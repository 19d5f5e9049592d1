"""Repairs of a store as entries of the journal."""

from __future__ import annotations

from collections.abc import Sequence

from app.actions.commands import fingerprint
from app.actions.journal import Journal, JournalRecord
from persistence.errors import DecodeError
from persistence.filesystem import FILE_PREFIX
from persistence.integrity import Former, Problem, Remedy
from persistence.repairs import Plan, Rewrite
from persistence.store import Record
from persistence.summary import digest, summarize

__all__ = ["former_in", "label_of", "objects_of", "records_of", "remedies_of", "versions_in"]


def former_in(journal: Journal, address: str) -> Former:
    """Return what gives the latest sound version of an object that a journal has kept."""

    def former(id_: str) -> bytes | None:
        return next(filter(_is_sound, journal.versions(address, id_)), None)

    return former


def records_of(plan: Plan) -> list[JournalRecord]:
    """Return what a repair writes into the journal."""
    return [_record(rewrite) for rewrite in plan.rewrites]


def objects_of(plan: Plan) -> list[str]:
    """Return the IDs of the objects that a repair changes; files that are none are left out."""
    ids = (rewrite.id_.removeprefix(FILE_PREFIX) for rewrite in plan.rewrites)
    return list(dict.fromkeys(ids))


def versions_in(plan: Plan) -> dict[str, str]:
    """Return the fingerprints of the versions that a repair was worked out for, by ID."""
    return {rewrite.id_: fingerprint(rewrite.before) for rewrite in plan.rewrites}


def remedies_of(problems: Sequence[Problem]) -> list[tuple[Remedy, str, str]]:
    """Return the repairs that all of some problems offer: remedy, text and source of each."""
    if not problems:
        return []
    first, *others = problems
    return [
        (repair.remedy, repair.text, repair.other)
        for repair in first.repairs
        if all(
            any((r.remedy, r.other) == (repair.remedy, repair.other) for r in problem.repairs)
            for problem in others
        )
    ]


def label_of(plan: Plan) -> str:
    """Return a repair as a phrase for undo and for the history."""
    ids = list(dict.fromkeys(problem.id_ for problem, _ in plan.repaired))
    names = [id_.removeprefix(FILE_PREFIX) for id_ in ids if id_]
    if len(names) < 3:
        return "Repair " + " and ".join(names)
    return f"Repair {names[0]} and {len(names) - 1:,} others"


def _record(rewrite: Rewrite) -> JournalRecord:
    data = rewrite.before if rewrite.before is not None else rewrite.after
    about = summarize(Record(rewrite.id_, data or b""))
    return JournalRecord(
        rewrite.id_, rewrite.before, rewrite.after, about.type, about.name, rewrite.further
    )


def _is_sound(data: bytes) -> bool:
    try:
        digest(data)
    except DecodeError:
        return False
    return True
