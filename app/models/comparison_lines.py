"""The lines of a comparison that are loaded, as a table of numbered lines without any Qt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.models.difference_steps import Step
from app.models.tree_node import ROOT, Kind, Status, chunk_ranges
from app.work.records import ComparedRow

__all__ = ["Line", "LineTable"]


@dataclass(slots=True, eq=False)
class Line:
    """One line of the tree.

    Attributes:
        key: Its number, which the indexes carry; never used again.
        parent: Number of the line above it.
        kind: What it stands for.
        row: What is compared; None for a chunk, a loading or an error line.
        text: What such a line says.
        number: Which of the lines below its parent it is, chunks not counted; the first one
            in it for a chunk.
        span: How many lines a chunk holds.
        place: Which line below its parent it is.
        children: Numbers of the lines below it.
        status: How far these have come.
    """

    key: int
    parent: int
    kind: Kind
    row: ComparedRow | None = None
    text: str = ""
    number: int = 0
    span: int = 0
    place: int = 0
    children: list[int] = field(default_factory=list)
    status: Status = Status.UNKNOWN

    def holds(self, number: int) -> bool:
        """Return whether it is a chunk with one of the lines in it."""
        return self.kind is Kind.CHUNK and self.number <= number < self.number + self.span


class LineTable:
    """The lines by number; numbers are what the indexes of the model carry."""

    def __init__(self) -> None:
        self._last = ROOT
        self._lines: dict[int, Line] = {}
        self.clear()

    def clear(self) -> None:
        """Drop all lines but the one above all, which is not shown."""
        self._lines = {ROOT: Line(ROOT, -1, Kind.ROW, status=Status.LOADED)}

    def __getitem__(self, key: int) -> Line:
        return self._lines[key]

    def get(self, key: int) -> Line | None:
        """Return a line, or None if it was dropped."""
        return self._lines.get(key)

    def top(self) -> Line | None:
        """Return the line of the two objects themselves, if it is there."""
        below = self._lines[ROOT].children
        return self._lines[below[0]] if below else None

    def below(self, line: Line) -> Iterator[Line]:
        """Iterate over the lines directly below one."""
        return (self._lines[key] for key in line.children)

    def new(self, kind: Kind, row: ComparedRow | None = None, text: str = "") -> Line:
        """Return a line that stands nowhere yet."""
        self._last += 1
        return Line(self._last, ROOT, kind, row, text)

    def chunks(self, first: int, count: int) -> list[Line]:
        """Return lines that stand for ranges of so many others."""
        lines = []
        for start, span in chunk_ranges(first, count):
            line = self.new(Kind.CHUNK, text=f"[{start:,} … {start + span - 1:,}]")
            line.number, line.span = start, span
            lines.append(line)
        return lines

    def fill(self, parent: Line, lines: list[Line]) -> None:
        """Put lines below another one, which has none."""
        for place, line in enumerate(lines):
            line.parent, line.place = parent.key, place
            self._lines[line.key] = line
        parent.children = [line.key for line in lines]

    def empty(self, parent: Line) -> None:
        """Drop the lines below one; they have none below them."""
        for key in parent.children:
            del self._lines[key]
        parent.children = []

    def steps(self, line: Line | None, *, only_differences: bool) -> list[Step]:
        """Return the way from the top down to a line.

        Args:
            line: The line; None for the top.
            only_differences: Whether only lines that differ are in the table.
        """
        steps: list[Step] = []
        while line is not None and line.parent > ROOT:
            if line.row is not None:
                steps.append(Step(line.row, line.number if only_differences else -1))
            line = self._lines.get(line.parent)
        return steps[::-1]

    def row_at(self, line: Line, position: int) -> Line | None:
        """Return the row below a line, or in its chunks, that has a position; if it is there."""
        stack = [line]
        while stack:
            for below in self.below(stack.pop()):
                if below.kind is Kind.CHUNK:
                    stack.append(below)
                elif below.row is not None and below.row.position == position:
                    return below
        return None

    def closed_on_way(self, line: Line, number: int) -> Line | None:
        """Return the line or chunk that has to be loaded next to have one of those below.

        Args:
            line: The line above.
            number: Which of the lines below it.
        """
        while line.status is Status.LOADED:
            chunk = next((below for below in self.below(line) if below.holds(number)), None)
            if chunk is None:
                return None
            line = chunk
        return line
