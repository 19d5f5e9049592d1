"""Facts: the plain values in an object, by their paths, for search and for columns.

    {"jobname": "sweep-7", "execution.returncode": 1, "arguments[0]": "/bin/true"}

Numbers stay numbers; everything else is text, as it is shown (`None`, `True`, the ID that a
reference names). An object gives so many characters of facts at most, those nearest to it
first: that bounds what an index of a million objects takes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Any, TypeAlias

from persistence.errors import DecodeError
from persistence.pickles import Object, Pickle, Reference, decode
from persistence.pickles.adapters.gc3pie import returncode
from persistence.pickles.paths import attribute, item
from persistence.pickles.texts import text_of

__all__ = ["LONGEST_FACTS", "Fact", "facts", "facts_of"]

Fact: TypeAlias = int | float | str

LONGEST_FACTS = 4_000
"""Characters of paths and values of one object."""

_LONGEST_VALUE = 500
_LONGEST_PATH = 200
_MOST_VISITED = 2_000
_LARGEST = 2**63 - 1


def facts(data: bytes) -> dict[str, Fact]:
    """Read the facts of a pickle; none of one that cannot be decoded.

    >>> import pickle
    >>> facts(pickle.dumps({"name": "sweep-1", "tries": 3, "hosts": ["a", None]}))
    {"['name']": 'sweep-1', "['tries']": 3, "['hosts'][0]": 'a', "['hosts'][1]": 'None'}
    """
    try:
        return facts_of(decode(data))
    except DecodeError:
        return {}


def facts_of(pickle: Pickle) -> dict[str, Fact]:
    """Read the same from a pickle that is decoded already."""
    found: dict[str, Fact] = {}
    room, left = LONGEST_FACTS, _MOST_VISITED
    pending: deque[tuple[str, Any]] = deque([("", pickle.root)])
    seen: set[int] = set()
    while pending and room > 0:
        path, value = pending.popleft()
        fact = _fact(value)
        if fact is not None:
            room -= len(path) + (len(fact) if type(fact) is str else 8)
            found[path.removeprefix(".")] = fact
        elif id(value) not in seen:  # a value that stands at several places counts at the first
            seen.add(id(value))
            for step, part in _parts(value):
                left -= 1
                if left < 0:
                    break
                longer = path + step
                # A quotation mark could not be told from the end of the path in a query.
                if len(longer) <= _LONGEST_PATH and '"' not in longer and "\\" not in longer:
                    pending.append((longer, part))
    return found


def _fact(value: Any) -> Fact | None:
    """Return a plain value; None for one that may have parts."""
    kind = type(value)
    if kind is str:
        return str(value[:_LONGEST_VALUE])
    if kind is int:
        return int(value) if -_LARGEST <= value <= _LARGEST else "a very large number"
    if kind is float:
        return float(value) if math.isfinite(value) else str(value)
    if value is None or kind is bool:
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return text_of(bytes(value[:_LONGEST_VALUE]))
    if isinstance(value, Reference):
        return str(value.id)[:_LONGEST_VALUE]
    if isinstance(value, str):  # Python 2's byte strings, marked
        return str(value[:_LONGEST_VALUE])
    return None


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    """Return the parts of a value, each with its step of a path."""
    if isinstance(value, Object):
        attributes = value.attributes()
        parts = [(attribute(name), part) for name, part in attributes.items()]
        if "_exitcode" in attributes:  # GC3Pie's Run works this out
            code = returncode(attributes["_exitcode"], attributes.get("_signal"))
            parts.append((".returncode", code))
        if not parts and value.args:
            return [("", value.args[-1])]  # a member of an enumeration: by its value, or its name
        parts += [(item(number), part) for number, part in enumerate(value.items)]
        parts += [(item(key), part) for key, part in value.pairs if type(key) in (str, int)]
        return parts
    if isinstance(value, dict):
        return [(item(key), part) for key, part in value.items() if type(key) in (str, int)]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [(item(number), part) for number, part in enumerate(value)]
    return ()
