"""What a copy between two stores did, for programs and as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from persistence.pickles.texts import escaped, shortened

__all__ = ["CopyReport"]

_LONGEST_ID = 100  # characters of an ID in a sentence


@dataclass(frozen=True)
class CopyReport:
    """What a copy did.

    Attributes:
        total: How many objects were to be copied.
        copied: How many were not in the target before.
        replaced: How many were written over others in the target.
        present: How many were in the target already, with the same bytes.
        size: Bytes of the pickles written.
        verified: How many were read back from the target and are what was to be written.
        mapping: ID in the source → ID in the target, where they differ.
        kept: IDs in the target of other objects that were left there instead.
        changed: Objects that were written by others meanwhile and have been copied again.
        outdated: Objects that may be newer in the source than in the target.
        removed: Objects that were removed from the source meanwhile.
        unreadable: Objects that the source could not give: they are not in the target.
        unlinked: Damaged objects that were copied as they are, with their old references.
        missing: What the copied objects refer to and the target does not have. Of a whole
            store that is copied byte by byte this is not looked up.
        differing: Objects that are not in the target as they were written: another program
            has changed them, or the disk is at fault.
    """

    total: int
    copied: int = 0
    replaced: int = 0
    present: int = 0
    size: int = 0
    verified: int = 0
    mapping: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the target has every object, as it is in the source, and can link it."""
        return not (
            self.kept or self.outdated or self.unreadable or self.unlinked or self.differing
        )

    @property
    def sentence(self) -> str:
        """What was done, in a sentence or a few.

        >>> CopyReport(3, copied=2, present=1, verified=3).sentence
        'Copied 2 objects; 1 was there already. All 3 were read back and compared.'
        """
        return self.told()

    def told(self, verb: str = "Copied", place: str = "") -> str:
        """Say what was done, in a sentence or a few.

        Args:
            verb: What it is called: "Exported".
            place: Where to: "jobs.db", or "".
        """
        to = f" to {place}" if place else ""
        parts = [f"{verb} {_objects(self.copied)}{to}"]
        if self.replaced:
            parts.append(f"{self.replaced:,} replaced others")
        if self.present:
            parts.append(f"{self.present:,} {_was(self.present)} there already")
        sentences = ["; ".join(parts) + "."]
        if self.mapping:
            sentences.append(f"{_objects(len(self.mapping), first=True)} got new IDs.")
        if self.verified == self.total:
            sentences.append(f"All {self.verified:,} were read back and compared.")
        else:
            sentences.append(f"{self.verified:,} of {self.total:,} were read back and compared.")
        for ids, what in (
            (self.kept, "not copied, as another object has the ID"),
            (self.unreadable, "not copied, as the store cannot read them"),
            (self.unlinked, "damaged and copied as they are"),
            (self.outdated, "still being written by another program: copy again later"),
            (self.differing, "not in the target as they were written: check its disk"),
            (self.missing, "referred to, but not in the target"),
        ):
            if ids:
                sentences.append(f"{len(ids):,} {what} ({_some(ids)}).")
        return " ".join(sentences)


def _objects(count: int, *, first: bool = False) -> str:
    if count == 1:
        return "One object" if first else "1 object"
    return f"{count:,} objects"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(escaped(shortened(id_, _LONGEST_ID)) for id_ in ids[:3])
    return shown if len(ids) <= 3 else f"{shown}, …"
