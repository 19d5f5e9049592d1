"""What was recovered of a corrupt store, and what was lost, as a record and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["RecoveryReport"]


@dataclass(slots=True)
class RecoveryReport:
    """What was recovered, and what was lost.

    Attributes:
        source: The corrupt file.
        target: The new database.
        table: Name of the table.
        objects: How many objects were recovered.
        loose: How many of these were on pages that nothing led to any more: among them may be
            some that had been deleted, or former versions.
        incomplete: IDs of objects whose pickle is cut short; it was kept.
        unreadable: IDs of objects whose pickle is whole and cannot be decoded; it was kept.
        lost: IDs of objects that the table's index still names and that were not found.
        ranges: Row numbers between which SQLite could read nothing, both excluded; what of
            them stood on readable pages was recovered.
        pages: Numbers of pages that should be part of the table and cannot be read.
        notes: Further sentences.
    """

    source: str
    target: str
    table: str
    objects: int = 0
    loose: int = 0
    incomplete: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is known to be lost."""
        return not (self.incomplete or self.unreadable or self.lost or self.ranges or self.pages)

    def text(self) -> str:
        """Return the report as lines for a user."""
        lines = [f"{_count(self.objects, 'object')} recovered from table {self.table!r}."]
        if self.is_complete:
            lines.append("Nothing is known to be lost.")
        for ids, what in (
            (self.lost, "lost"),
            (self.incomplete, "cut short; what is left of the pickle was kept"),
            (self.unreadable, "damaged; the pickle was kept as it is"),
        ):
            if ids:
                lines.append(f"{_count(len(ids), 'object')} {what}: {_some(ids)}.")
        for first, last in self.ranges:
            lines.append(f"SQLite could not read the rows between number {first} and {last}.")
        if self.pages:
            pages = _some([str(page) for page in self.pages])
            lines.append(f"{_count(len(self.pages), 'page')} unreadable: {pages}.")
        if self.loose:
            lines.append(
                f"{_count(self.loose, 'object')} stood on pages that nothing led to: some of them "
                "may have been deleted before, or be former versions."
            )
        return "\n".join([*lines, *self.notes])


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _some(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} others"
