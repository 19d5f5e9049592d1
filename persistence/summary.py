"""What a list shows of an object: its type, state, name, size, time and references.

All of it is read from the decoded pickle; no class is imported. The state and the name are
found by what an object has, not by its class, since every user derives classes of their own:
GC3Pie tasks keep their state in `execution._state`, others in an attribute of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from persistence.errors import DecodeError
from persistence.pickles import Object, Pickle, decode
from persistence.pickles.classes import class_name
from persistence.pickles.texts import text_of

if TYPE_CHECKING:
    from persistence.store import Record

__all__ = [
    "LONGEST_TEXT",
    "NAME_NAMES",
    "NOTHING",
    "STATE_NAMES",
    "Digest",
    "Summary",
    "as_time",
    "digest",
    "digest_of",
    "summarize",
]

STATE_NAMES = ("state", "status", "_state")
"""Attributes that may hold the state, the first that does counts."""

NAME_NAMES = ("jobname", "job_name", "name", "title", "label")
"""Attributes that may hold the name."""

LONGEST_TEXT = 500
"""Characters of a state or name; the rest of a longer one is left out."""


def _field(number: int) -> Any:
    return property(itemgetter(number))


class Summary(tuple[str, str, "str | None", "str | None", int, Any]):
    """What a list shows of a stored object.

    It is a tuple so that a million rows of a database become summaries at the speed of C:
    `Summary.of_rows` takes them as they are, and a time is made of its seconds when it is
    asked for.

    Attributes:
        id: Persistent ID.
        type: Its class as "module.QualifiedName", or "" if its pickle cannot be decoded.
        state: Its state, or None if it has none.
        name: Its name, or None if it has none.
        size: Length of its pickle in bytes.
        modified: When it was last written (UTC), or None where the store does not say.
    """

    __slots__ = ()

    def __new__(  # noqa: PYI034 - it has no subclasses
        cls,
        id: str,  # noqa: A002
        type: str,  # noqa: A002
        state: str | None,
        name: str | None,
        size: int,
        modified: datetime | float | None,
    ) -> Summary:
        return tuple.__new__(cls, (id, type, state, name, size, modified))

    id: str = _field(0)
    type: str = _field(1)
    state: str | None = _field(2)
    name: str | None = _field(3)
    size: int = _field(4)

    @property
    def modified(self) -> datetime | None:
        modified = self[5]
        return modified if isinstance(modified, datetime) else as_time(modified)

    @classmethod
    def of_rows(cls, rows: Iterable[tuple[Any, ...]]) -> Iterator[Summary]:
        """Make summaries of rows: ID, type, state, name, size, seconds since 1970 (UTC)."""
        return map(partial(tuple.__new__, cls), rows)

    def __repr__(self) -> str:
        names = ("id", "type", "state", "name", "size", "modified")
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"Summary({values})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Summary):
            return NotImplemented
        return self[:5] == other[:5] and self.modified == other.modified

    def __hash__(self) -> int:
        return hash((*self[:5], self.modified))

    def __reduce__(self) -> Any:
        return Summary, tuple(self)


@dataclass(frozen=True, slots=True)
class Digest:
    """What is read from a pickle for lists and for the table of references.

    Attributes:
        type: Class of the object as "module.QualifiedName".
        state: Its state, or None if it has none.
        name: Its name, or None if it has none.
        references: IDs of the objects it refers to, each once, in order of appearance.
    """

    type: str
    state: str | None
    name: str | None
    references: tuple[str, ...]


NOTHING = Digest("", None, None, ())
"""What is read from a pickle that cannot be decoded."""


def as_time(seconds: Any) -> datetime | None:
    """Return a time from seconds since 1970, or None where there is none that makes sense."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def digest(data: bytes) -> Digest:
    """Read a pickle's type, state, name and references.

    Raises:
        DecodeError: It is damaged or hostile.

    >>> import pickle
    >>> digest(pickle.dumps({"name": "sweep-1", "state": "NEW"}))
    Digest(type='builtins.dict', state='NEW', name='sweep-1', references=())
    """
    return digest_of(decode(data))


def digest_of(pickle: Pickle) -> Digest:
    """Read the same from a pickle that is decoded already."""
    root = pickle.root
    attributes = _attributes(root)
    return Digest(
        class_name(root, python2=pickle.python2),
        _state(attributes),
        _first_text(attributes, NAME_NAMES),
        tuple(dict.fromkeys(reference.id for reference in pickle.references)),
    )


def summarize(record: Record) -> Summary:
    """Return the summary of a record; of one that cannot be decoded, with an empty type."""
    try:
        found = digest(record.data)
    except DecodeError:
        found = NOTHING
    return Summary(
        record.id_, found.type, found.state, found.name, len(record.data), record.modified
    )


def _attributes(root: Any) -> Mapping[Any, Any]:
    if isinstance(root, Object):
        return root.attributes()
    return root if type(root) is dict else {}


def _state(attributes: Mapping[Any, Any]) -> str | None:
    execution = attributes.get("execution")  # GC3Pie's Task
    if isinstance(execution, Object):
        state = _first_text(execution.attributes(), STATE_NAMES)
        if state is not None:
            return state
    return _first_text(attributes, STATE_NAMES)


def _first_text(attributes: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = attributes.get(name)
        if value is None:
            continue
        if isinstance(value, Object) and value.args:
            value = value.args[-1]  # a member of an enumeration: by its value, or its name
        if isinstance(value, bytes):
            return text_of(value[:LONGEST_TEXT])
        if isinstance(value, str):
            return value[:LONGEST_TEXT]
    return None
