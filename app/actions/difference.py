"""A short comparison of two versions of an object, for a change that was refused."""

from __future__ import annotations

from dataclasses import dataclass

from persistence.errors import DecodeError
from persistence.store import ABSENT
from persistence.summary import digest

__all__ = ["Difference", "Line", "difference"]

_NOTHING = "—"


@dataclass(frozen=True, slots=True)
class Line:
    """One aspect of an object in both versions.

    Attributes:
        name: Which aspect.
        before, after: What it is there, as text.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Two versions of an object.

    Attributes:
        lines: Their aspects, in a fixed order; those that agree are among them.
    """

    lines: tuple[Line, ...]


def difference(before: bytes | None, after: bytes | None) -> Difference:
    """Compare two versions of an object; nothing in them is run.

    Args:
        before: Its pickle as it was read; `ABSENT` for "no object", None if it was not kept.
        after: Its pickle as it is stored; `ABSENT` for "no object".
    """
    old, new = _aspects(before), _aspects(after)
    return Difference(tuple(Line(name, old[name], new[name]) for name in old))


def _aspects(data: bytes | None) -> dict[str, str]:
    names = ("Is there", "Type", "State", "Name", "Size", "Refers to")
    if data is None:
        return dict.fromkeys(names, "not kept")
    if data == ABSENT:
        return dict(zip(names, ("no", *[_NOTHING] * 5), strict=True))
    size = f"{len(data):,} bytes"
    try:
        found = digest(data)
    except DecodeError as error:
        return dict(
            zip(names, ("yes", str(error), _NOTHING, _NOTHING, size, _NOTHING), strict=True)
        )
    references = ", ".join(found.references) or _NOTHING
    values = ("yes", found.type, found.state or _NOTHING, found.name or _NOTHING, size, references)
    return dict(zip(names, values, strict=True))
