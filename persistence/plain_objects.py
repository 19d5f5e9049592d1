"""What lists show of an object that is being saved, told from the object itself.

Most jobs are plain: their class leaves it to Python how they are pickled, so their attributes
are what the pickle holds. Reading a digest from those takes a twentieth of decoding the
pickle that was just made. Of any other object only its pickle tells.
"""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from persistence.persistable import is_persistable
from persistence.pickles.texts import text_of
from persistence.summary import LONGEST_TEXT, NAME_NAMES, STATE_NAMES, Digest

__all__ = ["digest_of_plain"]

_OLDEST_PROTOCOL = 3
"""Older ones name classes as Python 2 did."""

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a `class` statement
# What may change how objects of a class are pickled.
_HOOKS = (
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__getattribute__",
)
# Values that are pickled as themselves, and are no text.
_NO_TEXTS = frozenset((int, float, bool, complex, list, tuple, dict, set, frozenset))
_MISSING = object()

# Class → its name in pickles, or "" if it is not plain.
_names: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def digest_of_plain(obj: Any, references: tuple[str, ...], protocol: int) -> Digest | None:
    """Return what `digest` says of an object's pickle, or None if only the pickle tells.

    Nothing of the object's own code runs.

    Args:
        obj: The object that was pickled just now.
        references: What its pickle refers to.
        protocol: That of the pickle.
    """
    if protocol < _OLDEST_PROTOCOL:
        return None
    name = _plain_name(obj)
    if not name:
        return None
    attributes: dict[str, Any] = obj.__dict__
    try:
        state = _state_of_execution(attributes, obj)
        if state is None:
            state = _first_text(attributes, STATE_NAMES)
        return Digest(name, state, _first_text(attributes, NAME_NAMES), references)
    except _NotPlainError:
        return None


class _NotPlainError(Exception):
    """Only the pickle tells."""


def _state_of_execution(attributes: Mapping[str, Any], obj: Any) -> str | None:
    execution = attributes.get("execution")  # GC3Pie's Task
    if execution is None or type(execution) in _NO_TEXTS or isinstance(execution, (str, bytes)):
        return None
    if is_persistable(execution) and execution is not obj:
        return None  # a reference
    if not _plain_name(execution):
        raise _NotPlainError
    return _first_text(execution.__dict__, STATE_NAMES)


def _first_text(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value: Any = attributes.get(name)
        kind = type(value)
        if kind is str:
            return str(value[:LONGEST_TEXT])
        if kind is bytes:
            return text_of(value[:LONGEST_TEXT])
        if value is not None and kind not in _NO_TEXTS:
            raise _NotPlainError
    return None


def _plain_name(obj: Any) -> str:
    """Return the name of an object's class, or "" if the object may not be plain."""
    cls = type(obj)
    name = _names.get(cls)
    if name is None:
        name = _names[cls] = f"{cls.__module__}.{cls.__qualname__}" if _is_plain(cls) else ""
    if not name or cls in copyreg.dispatch_table:
        return ""
    own = obj.__dict__
    if "__reduce_ex__" in own or "__reduce__" in own or "__getstate__" in own:
        return ""
    return name


def _is_plain(cls: type) -> bool:
    """Whether objects of a class are pickled as their class and their `__dict__`."""
    *own, last = cls.__mro__
    return (
        last is object
        and bool(own)
        and all(_leaves_pickling_alone(base) for base in own)
        and all(getattr(cls, hook, _MISSING) is getattr(object, hook, _MISSING) for hook in _HOOKS)
    )


def _leaves_pickling_alone(cls: type) -> bool:
    return (
        bool(cls.__flags__ & _HEAP_TYPE)
        and "__slots__" not in cls.__dict__
        and "__getattr__" not in cls.__dict__
        and "__class__" not in cls.__dict__
        and not isinstance(cls.__dict__.get("__dict__"), property)
    )
