"""The slots of a decoded graph: which value holds which, and where.

A step of a path may go through several slots: an attribute is in a dictionary, which is in
the state of an object. Lists, dictionaries, sets and objects can have their slots changed in
place; tuples and frozen sets are made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from persistence.pickles.classes import set_members, shown_args
from persistence.pickles.keys import find_pair, in_order, pair_parts, spellings
from persistence.pickles.nodes import Object, Reference, Result, plain_state
from persistence.pickles.paths import Attribute, Item, Special, Step, attribute, keyword, special
from persistence.pickles.texts import text_of

__all__ = [
    "CONTAINERS",
    "IMMUTABLE",
    "Field",
    "Slot",
    "attribute_key",
    "contained",
    "is_key",
    "pair_position",
    "raw_slots",
    "spelled",
]

CONTAINERS = (list, tuple, dict, set, frozenset, Object)
IMMUTABLE = (tuple, frozenset)

Field = Literal[
    "item", "value", "key", "member",
    "args", "kwargs", "states", "items", "pair value", "pair key", "added", "callee",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an owner holds a value directly.

    Attributes:
        owner: A list, tuple, dictionary, set or object.
        field: Which part of it; the longer half of the names is for objects.
        key: Index, key, name or member; None for a callee.
    """

    owner: Any
    field: Field
    key: Any = None

    def get(self) -> Any:
        """Return what is in the slot."""
        owner, key = self.owner, self.key
        if self.field in ("item", "value"):
            return owner[key]
        if self.field in ("key", "member"):
            return key
        if self.field == "callee":
            return owner.callee
        if self.field == "pair value":
            return owner.pairs[key][1]
        if self.field == "pair key":
            return owner.pairs[key][0]
        return getattr(owner, self.field)[key]


# From steps to slots.


def raw_slots(value: Any, step: Step, python2: bool) -> list[Slot] | None:
    """Return the slots that a step goes through in the pickle, or None."""
    if isinstance(value, Reference):
        return None
    if isinstance(value, Object):
        return _object_slots(value, step, python2)
    if isinstance(value, (list, tuple)):
        index = step.index if isinstance(step, Item) else None
        return None if index is None else _indexed(value, "item", len(value), index)
    if isinstance(value, dict):
        return _dict_slots(value, step, python2)
    if isinstance(value, (set, frozenset)) and isinstance(step, Special):
        position = step.number()
        if position is not None and position < len(value):
            return [Slot(value, "member", next(islice(in_order(value), position, None)))]
    return None


def _indexed(owner: Any, field: Field, size: int, index: int) -> list[Slot] | None:
    position = index + size if index < 0 else index
    return [Slot(owner, field, position)] if 0 <= position < size else None


def _dict_slots(value: dict[Any, Any], step: Step, python2: bool) -> list[Slot] | None:
    position = pair_position(value, step, python2)
    if position is not None and position < len(value):
        return [Slot(value, "value", next(islice(value, position, None)))]
    position = step.number("key ") if isinstance(step, Special) else None
    if position is not None and position < len(value):
        return [Slot(value, "key", next(islice(value, position, None)))]
    return None


def pair_position(pairs: Any, step: Step, python2: bool) -> int | None:
    """Return the position of the pair that a step leads to, or None."""
    if isinstance(step, Item):
        found = find_pair(pairs, step.text, python2=python2)
        return None if found is None else found[0]
    return step.number("value ") if isinstance(step, Special) else None


def _object_slots(obj: Object, step: Step, python2: bool) -> list[Slot] | None:
    if isinstance(step, Attribute):
        return _attribute_slots(obj, step.name)
    if isinstance(step, Item):
        if obj.items and step.index is not None:
            return _indexed(obj, "items", len(obj.items), step.index)
        position = pair_position(obj.pairs, step, python2)
        return None if position is None else [Slot(obj, "pair value", position)]
    if step.text == "callee" and isinstance(obj, Result):
        return [Slot(obj, "callee")]
    for label, field, size in (
        ("value ", "pair value", len(obj.pairs)),
        ("key ", "pair key", len(obj.pairs)),
        ("added ", "added", len(obj.added)),
        ("state ", "states", len(obj.states)),
        ("made with ", "args", len(obj.args)),
    ):
        number = step.number(label)
        if number is not None:
            return _indexed(obj, field, size, number)  # type: ignore[arg-type]
    if step.text == "state":
        return _odd_state(obj)
    number = step.number()
    if number is not None:
        return _argument_slots(obj, number)
    for name in obj.kwargs:
        if keyword(name) == str(step):
            return [Slot(obj, "kwargs", name)]
    return None


def _odd_state(obj: Object) -> list[Slot] | None:
    return [Slot(obj, "states", 0)] if len(obj.states) == 1 else None


def _attribute_slots(obj: Object, name: str) -> list[Slot] | None:
    for index in reversed(range(len(obj.states))):
        state = obj.states[index]
        for attributes in reversed(list(plain_state(state))):
            key = attribute_key(attributes, name)
            if key is None:
                continue
            slots = [Slot(obj, "states", index)]
            if type(state) is tuple:
                place = next(i for i, part in enumerate(state) if part is attributes)
                slots.append(Slot(state, "item", place))
            return [*slots, Slot(attributes, "value", key)]
    return None


def attribute_key(attributes: Mapping[Any, Any], name: str) -> str | bytes | None:
    """Return the key that an attribute has in a dictionary of them, or None."""
    return next((key for key in (name, *spellings(name)) if key in attributes), None)


def _argument_slots(obj: Object, number: int) -> list[Slot] | None:
    members = set_members(obj)
    if members is not None:
        inner = _indexed(members, "item", len(members), number)
        return None if inner is None else [Slot(obj, "args", 0), *inner]
    first, inside = shown_args(obj)
    if inside is not None:
        found = _indexed(obj.args[inside], "item", len(obj.args[inside]), number)
        return None if found is None else [Slot(obj, "args", inside), *found]
    return _indexed(obj, "args", len(obj.args), first + number)


# What a value holds.


def contained(value: Any) -> Iterator[Any]:
    """Iterate over what a value holds directly, in the order in which it is pickled."""
    if isinstance(value, (list, tuple, set, frozenset)):
        yield from value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield inner
    elif isinstance(value, Object) and not isinstance(value, Reference):
        if isinstance(value, Result):
            yield value.callee
        yield from value.args
        yield from value.kwargs.values()
        done: dict[Any, int] = {"items": 0, "pairs": 0, "added": 0, "states": 0}
        for kind, count in value.order or [(kind, len(getattr(value, kind))) for kind in done]:
            for step in getattr(value, kind)[done[kind] : done[kind] + count]:
                if kind == "pairs":
                    yield from step
                else:
                    yield step
            done[kind] += count


def is_key(own: Any, key: Any) -> bool:
    """Whether a dictionary's own key is one that was found in it."""
    if own is key:
        return True
    # One of Python 2 is found by bytes.
    return isinstance(own, (str, bytes)) and isinstance(key, (str, bytes)) and own == key


# Writing.


def spelled(slots: Sequence[Slot], python2: bool) -> list[str]:
    """Return the parts of a path that leads through slots."""
    parts: list[str] = []
    at = 0
    while at < len(slots):
        slot = slots[at]
        part, used = None, 1
        if slot.field == "states":
            part, used = _attribute_part(slots[at : at + 3])
        elif slot.field == "args" and at + 1 < len(slots):
            part, used = _argument_part(slot, slots[at + 1])
        parts.append(_part(slot, python2) if part is None else part)
        at += 1 if part is None else used
    return parts


def _attribute_part(slots: Sequence[Slot]) -> tuple[str | None, int]:
    """Return the part for an attribute, and how many slots it takes."""
    state = slots[0].get()
    used = 2 if type(state) is dict else 3
    if len(slots) < used or slots[used - 1].field != "value":
        return None, 0
    if not any(part is slots[used - 1].owner for part in plain_state(state)):
        return None, 0
    key = slots[used - 1].key
    name = key if type(key) is str else text_of(key)
    found = _attribute_slots(slots[0].owner, name)
    if found is None or found[-1].owner is not slots[used - 1].owner:
        return None, 0  # a later state sets it again
    return attribute(name), used


def _argument_part(slot: Slot, inner: Slot) -> tuple[str | None, int]:
    if inner.field != "item":
        return None, 0
    is_inside = set_members(slot.owner) is not None or shown_args(slot.owner)[1] == slot.key
    return (special(inner.key), 2) if is_inside else (None, 0)


def _part(slot: Slot, python2: bool) -> str:
    owner, field, key = slot.owner, slot.field, slot.key
    if field in ("item", "items"):
        return f"[{key}]"
    if field in ("value", "key"):
        position = next(index for index, other in enumerate(owner) if is_key(other, key))
        if field == "key":
            return special(f"key {position}")
        return next(pair_parts(owner, position, 1, python2=python2))[0]
    if field == "member":
        order = enumerate(in_order(owner))
        return special(next(index for index, member in order if member is key))
    if field == "pair value":
        by_position = bool(owner.items)
        found = pair_parts(owner.pairs, key, 1, python2=python2, by_position=by_position)
        return next(found)[0]
    if field == "args":
        first, inside = shown_args(owner)
        is_shown = set_members(owner) is None and inside is None and key >= first
        return special(key - first) if is_shown else special(f"made with {key}")
    if field == "kwargs":
        return keyword(key)
    if field == "states" and len(owner.states) == 1:
        return special("state")
    label = {"pair key": "key", "states": "state"}.get(field, field)
    return special("callee") if field == "callee" else special(f"{label} {key}")
