"""Which objects are records of their own, and the marks they carry: their ID, and `changed`.

An object is marked if it lets itself be: any object can be stored, whatever its class makes
of attributes.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from persistence.store import Persistable

__all__ = ["Marks", "identity_of", "is_persistable", "set_identity", "set_unchanged"]

_ID_ATTRIBUTES = ("persistent_id", "_id")
_GC3PIE_MIXIN = ("gc3libs.persistence.serialization", "Persistable")
# What a whole program shares is not marked: every other store would find the mark.
_NO_ATTRIBUTES = (type, FunctionType, BuiltinFunctionType, ModuleType, Enum)
_MISSING = object()

_persistable_types: dict[type, bool] = {Persistable: True}
# Class → whether its objects take attributes as Python's own do: into their `__dict__`.
_simple_types: dict[type, bool] = {}


def is_persistable(obj: Any) -> bool:
    """Whether an object is saved as a record of its own: ours and GC3Pie's `Persistable`."""
    cls = type(obj)
    known = _persistable_types.get(cls)
    if known is None:
        known = issubclass(cls, Persistable) or any(
            (base.__module__, base.__qualname__) == _GC3PIE_MIXIN for base in cls.__mro__
        )
        _persistable_types[cls] = known
    return known


def identity_of(obj: Any) -> str | int | None:
    """Return the persistent ID that an object carries itself, or None.

    What its class carries is not its own: all its objects would be one record.
    """
    if _is_simple(obj):
        value = obj.__dict__.get("persistent_id")
        return value if isinstance(value, (str, int)) else None
    if isinstance(obj, _NO_ATTRIBUTES):
        return None
    value = _own(obj, "persistent_id")
    return value if isinstance(value, (str, int)) else None


def set_identity(obj: Any, pid: str | int) -> None:
    """Let an object carry its persistent ID as `persistent_id` and `_id`, if it can."""
    if _is_simple(obj):
        obj.persistent_id = obj._id = pid
        return
    if isinstance(obj, _NO_ATTRIBUTES):
        return
    for name in _ID_ATTRIBUTES:
        _set(obj, name, pid)


def set_unchanged(obj: Any) -> None:
    """Mark a stored object as unchanged, if it says that it is changed.

    `changed` of an object that is no `Persistable` may mean something else.
    """
    if _is_simple(obj):
        own = obj.__dict__.get("changed")
        if own is True:
            obj.changed = False
            return
        if own is False:
            return
    changed = getattr(obj, "changed", None) if is_persistable(obj) else _own(obj, "changed")
    if changed is True or (is_persistable(obj) and changed):
        _set(obj, "changed", False)


class Marks:
    """The IDs that objects carried before saving gave them one.

    Attributes are put back in the order opposite to that in which they were kept.
    """

    def __init__(self) -> None:
        self._former: list[tuple[Any, str, Any]] = []

    def give(self, obj: Any, pid: str | int) -> None:
        """Let an object carry an ID, if it can, and remember what it carried before."""
        if _is_simple(obj):
            own = obj.__dict__
            self._former.append((obj, "persistent_id", own.get("persistent_id", _MISSING)))
            self._former.append((obj, "_id", own.get("_id", _MISSING)))
            obj.persistent_id = obj._id = pid
        elif not isinstance(obj, _NO_ATTRIBUTES):
            self._former += [(obj, name, _own(obj, name)) for name in _ID_ATTRIBUTES]
            set_identity(obj, pid)

    def restore(self) -> None:
        """Let all objects carry what they did, and forget them."""
        for obj, name, value in reversed(self._former):
            if value is _MISSING:
                _unset(obj, name)
            else:
                _set(obj, name, value)
        self._former.clear()

    def forget(self) -> None:
        """Let all objects keep the IDs they have now."""
        self._former.clear()


def _is_simple(obj: Any) -> bool:
    cls: Any = type(obj)
    known = _simple_types.get(cls)
    if known is None:
        known = _simple_types[cls] = (
            cls.__setattr__ is object.__setattr__
            and cls.__getattribute__ is object.__getattribute__
            and cls.__dictoffset__ != 0
            and not issubclass(cls, _NO_ATTRIBUTES)
            and not any(
                hasattr(type(getattr(cls, name, None)), "__set__")
                for name in (*_ID_ATTRIBUTES, "changed")
            )
            and not any("__class__" in base.__dict__ for base in cls.__mro__[:-1])
        )
    return known


def _own(obj: Any, name: str) -> Any:
    """Return an attribute that is the object's own: in its `__dict__`, a slot or a property."""
    own = getattr(obj, "__dict__", None)
    if isinstance(own, dict) and name in own:
        return own[name]
    if hasattr(type(getattr(type(obj), name, None)), "__set__"):
        return getattr(obj, name, _MISSING)
    return _MISSING


def _set(obj: Any, name: str, value: Any) -> None:
    try:
        setattr(obj, name, value)
    except Exception:  # noqa: BLE001 - a class refuses attributes as it likes
        if is_persistable(obj):  # a frozen dataclass still has to know its ID
            object.__setattr__(obj, name, value)


def _unset(obj: Any, name: str) -> None:
    try:
        delattr(obj, name)
    except Exception:  # noqa: BLE001 - as above; or it was never set
        with suppress(Exception):
            object.__delattr__(obj, name)
