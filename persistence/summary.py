"""What a list shows of an object: its type, state, name, size, time and references.

All of it is read from the decoded pickle; no class is imported. The state and the name are
found by what an object has, not by its class, since every user derives classes of their own:
GC3Pie tasks keep their state in `execution._state`, others in an attribute of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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
    "STATE_NAMES",
    "Digest",
    "Summary",
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


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list shows of a stored object.

    Attributes:
        id: Persistent ID.
        type: Its class as "module.QualifiedName", or "" if its pickle cannot be decoded.
        state: Its state, or None if it has none.
        name: Its name, or None if it has none.
        size: Length of its pickle in bytes.
        modified: When it was last written (UTC), or None where the store does not say.
    """

    id: str
    type: str
    state: str | None
    name: str | None
    size: int
    modified: datetime | None


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
        found = Digest("", None, None, ())
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
