"""Repairs of a store as entries of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.actions.journal import Journal, JournalRecord
from persistence.errors import DecodeError
from persistence.file_names import FILE_PREFIX
from persistence.integrity import Former, Problem, Remedy
from persistence.repairs import Plan, Rewrite
from persistence.store import Record
from persistence.summary import digest, summarize

__all__ = ["Choice", "choices_for", "former_in", "label_of", "objects_of", "records_of"]


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


@dataclass(frozen=True, slots=True)
class Choice:
    """A repair that some problems can have in common.

    Attributes:
        text: What the user calls it.
        remedy: Which; None for the best repair of each.
        other: As in `Repair.other`.
    """

    text: str
    remedy: Remedy | None = None
    other: str = ""

    def of(self, problems: Sequence[Problem]) -> list[Problem]:
        """Return the problems with this repair chosen."""
        if self.remedy is None:
            return [problem for problem in problems if _can_be_repaired(problem)]
        return [problem.choosing(self.remedy, self.other) for problem in problems]


def choices_for(problems: Sequence[Problem]) -> list[Choice]:
    """Return the repairs that some problems have in common, the best first."""
    if not problems:
        return []
    first, *others = problems
    common = [
        Choice(repair.text, repair.remedy, repair.other)
        for repair in first.repairs
        if repair.remedy is not Remedy.RECOVER
        and all(
            any((r.remedy, r.other) == (repair.remedy, repair.other) for r in problem.repairs)
            for problem in others
        )
    ]
    best = {problem.repairs[:1] for problem in problems if _can_be_repaired(problem)}
    if len(best) > 1:
        return [Choice("The best repair of each"), *common]
    return common


def _can_be_repaired(problem: Problem) -> bool:
    return bool(problem.repairs) and problem.repairs[0].remedy is not Remedy.RECOVER


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
