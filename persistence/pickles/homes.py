"""Where an object keeps the attributes and items that are shown as its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from persistence.pickles.classes import maker_name
from persistence.pickles.nodes import Object, plain_state
from persistence.pickles.parts import Items, Joined, Pairs
from persistence.pickles.slots import Slot
from persistence.pickles.views import view

__all__ = [
    "attributes_of",
    "has_items",
    "has_pairs",
    "is_listed",
    "may_have_attributes",
    "stored_items",
]


def attributes_of(obj: Object) -> list[Slot]:
    """Return the slots of the dictionary with the attributes that are not in `__slots__`."""
    for index, state in enumerate(obj.states):
        plain = next(iter(plain_state(state)), None)
        if type(state) is dict and plain is state:
            return [Slot(obj, "states", index)]
        if plain is not None and type(state) is tuple and state[0] is plain:
            return [Slot(obj, "states", index), Slot(state, "item", 0)]
    return []


def may_have_attributes(obj: Object) -> bool:
    """Whether an object without any state is one that could have attributes."""
    if obj.items or obj.pairs or obj.added or obj.kwargs:
        return False
    if maker_name(obj) == "copyreg._reconstructor":
        return obj.args[2:] == (None,)
    return obj.how == "instance" or (obj.how == "new" and not obj.args)


def _kinds(value: Object, python2: bool) -> Sequence[Any]:
    parts = view(value, python2=python2).parts
    return parts.kinds if isinstance(parts, Joined) else (parts,)


def stored_items(value: Object, python2: bool) -> str | None:
    """Return where an adapter says that the items or pairs of an object are."""
    for parts in _kinds(value, python2):
        if isinstance(parts, (Items, Pairs)):
            return parts.place or None
    return None


def is_listed(value: Object, python2: bool) -> bool:
    """Whether an object is shown as a dictionary, but keeps a list of pairs."""
    return any(isinstance(parts, Pairs) and parts.is_listed for parts in _kinds(value, python2))


def has_items(value: Object) -> bool:
    """Whether an object is shown as a list, or has had items appended."""
    return bool(value.items) or any(
        isinstance(parts, Items) and type(parts.items) in (list, tuple)
        for parts in _kinds(value, python2=False)
    )


def has_pairs(value: Object, python2: bool) -> bool:
    """Whether an object is shown as a dictionary, or has had keys set."""
    return bool(value.pairs) or any(isinstance(parts, Pairs) for parts in _kinds(value, python2))
