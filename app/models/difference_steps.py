"""The way from one difference to the next in a comparison that is loaded only in part.

A way is a coroutine: it yields the `ComparedPlace` whose lines it has to know, is sent the
`ComparedPage`, and returns the path of what it found. It asks for lines that differ only, so
that a list of a million equal values costs no more than a short one.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from app.work.records import ComparedPage, ComparedPlace, ComparedRow

__all__ = ["Step", "Way", "differs", "holds_differences", "next_difference", "previous_difference"]

_DEEPEST = 1_000  # levels that are gone down at once; a user can go on from there
_WHOLE = ("added", "removed")  # all below is so too, and is no news


@dataclass(frozen=True, slots=True)
class Step:
    """One line on the way down from the two objects.

    Attributes:
        row: The line.
        number: Which of the lines that differ it is, below the line above; -1 if unknown.
    """

    row: ComparedRow
    number: int = -1


Way: TypeAlias = Generator[ComparedPlace, ComparedPage, "list[Step] | None"]


def differs(row: ComparedRow) -> bool:
    """Whether a line is a difference itself, not only by what it holds."""
    return row.is_moved or (row.status != "same" and not row.is_slight)


def holds_differences(row: ComparedRow) -> bool:
    """Whether there are differences below a line that are told there."""
    return row.has_children and row.changes > 0 and not row.is_repeated and row.status not in _WHOLE


def next_difference(root: ComparedRow, steps: list[Step]) -> Way:
    """Find the difference behind a line, in the order of the tree.

    Args:
        root: The line of the two objects.
        steps: The way down to the line; [] for the objects themselves.
    """
    here = steps[-1].row if steps else root
    if holds_differences(here):
        found = yield from _first_below(steps)
        if found is not None:
            return found
    steps = list(steps)
    while steps:
        step = steps.pop()
        number = yield from _number_behind(steps, step)
        found = yield from _at(steps, number)
        if found is not None:
            return (yield from _settle_first(found))
    return None


def previous_difference(root: ComparedRow, steps: list[Step]) -> Way:
    """Find the difference before a line, in the order of the tree."""
    steps = list(steps)
    while steps:
        step = steps.pop()
        number = step.number
        if number < 0:
            number = yield from _number_behind(steps, step, including=True)
        found = yield from _at(steps, number - 1)
        if found is not None:
            return (yield from _last_in(found))
        if differs(steps[-1].row if steps else root):
            return steps
    return None


def _first_below(steps: list[Step]) -> Way:
    found = yield from _at(steps, 0)
    return None if found is None else (yield from _settle_first(found))


def _settle_first(steps: list[Step]) -> Way:
    """Return the first difference among a line and all below it."""
    for _ in range(_DEEPEST):
        row = steps[-1].row
        if differs(row) or not holds_differences(row):
            break
        found = yield from _at(steps, 0)
        if found is None:
            break
        steps = found
    return steps


def _last_in(steps: list[Step]) -> Way:
    """Return the last difference among a line and all below it."""
    for _ in range(_DEEPEST):
        if not holds_differences(steps[-1].row):
            break
        page = yield _place(steps, 0)
        found = yield from _at(steps, page.count - 1)
        if found is None:
            break
        steps = found
    return steps


def _at(steps: list[Step], number: int) -> Way:
    """Return the way to one of the lines that differ below a line; None if there is none."""
    if number < 0:
        return None
    page = yield _place(steps, number)
    return [*steps, Step(page.rows[0], number)] if page.rows else None


def _number_behind(
    steps: list[Step], step: Step, *, including: bool = False
) -> Generator[ComparedPlace, ComparedPage, int]:
    """Return the number of the first line that differs behind a line (or at it)."""
    if step.number >= 0:
        return step.number if including else step.number + 1
    wanted = step.row.position + (0 if including else 1)
    low, high = 0, (yield _place(steps, 0)).count
    while low < high:
        middle = (low + high) // 2
        page = yield _place(steps, middle)
        if page.rows and page.rows[0].position < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def _place(steps: list[Step], number: int) -> ComparedPlace:
    path = tuple(step.row.position for step in steps)
    return ComparedPlace(path, number, 1, only_differences=True)
