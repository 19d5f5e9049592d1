"""What can be done to one container or object of a decoded graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from persistence.pickles.nodes import Object, Reference, Result, Unhashed, plain_state
from persistence.pickles.slots import Slot, is_key

__all__ = [
    "copied",
    "deleted",
    "insert_added",
    "insert_item",
    "insert_pair",
    "put",
    "renamed",
    "with_slot",
    "with_values",
]


def copied(value: Any) -> Any:
    """Return a shallow copy of a container, or of an object with its attributes."""
    if not isinstance(value, Object):
        return type(value)(value)
    made: Object
    if isinstance(value, Reference):
        made = Reference.to(value.pid)
    elif isinstance(value, Unhashed):
        made = Unhashed.of(value.container)
    elif isinstance(value, Result):
        made = Result.of(value.callee, value.args)
    else:
        made = value.cls.__new__(value.cls, *value.args)  # type: ignore[arg-type]  # a Global
    made.how = getattr(value, "how", "new")
    made.args, made.kwargs = value.args, value.kwargs
    for name in ("items", "pairs", "added", "order"):
        own = getattr(value, name)
        setattr(made, name, list(own) if type(own) is list else own)
    # The dictionaries of attributes are the object's own, whatever else has them.
    made.states = tuple(_copied_state(state) for state in value.states)
    return made


def _copied_state(state: Any) -> Any:
    plain = {id(part) for part in plain_state(state)}
    if type(state) is tuple:
        return tuple(dict(part) if id(part) in plain else part for part in state)
    return dict(state) if plain else state


def put(slot: Slot, value: Any) -> None:
    """Set what is in a slot of something that can be changed; keys keep their position."""
    owner, field, key = slot.owner, slot.field, slot.key
    if field in ("item", "value"):
        owner[key] = value
    elif field == "member":
        owner.remove(key)
        owner.add(value)
    elif field == "key":
        pairs = [(value if is_key(other, key) else other, inner) for other, inner in owner.items()]
        owner.clear()
        owner.update(pairs)
    elif field == "callee":
        owner.callee = value
    elif field == "pair value":
        owner.pairs[key] = (owner.pairs[key][0], value)
    elif field == "pair key":
        owner.pairs[key] = (value, owner.pairs[key][1])
    elif field == "kwargs":
        owner.kwargs = {**owner.kwargs, key: value}
    else:
        values = list(getattr(owner, field))
        values[key] = value
        is_fixed = type(getattr(owner, field)) is tuple
        setattr(owner, field, tuple(values) if is_fixed else values)


def with_values(owner: Collection[Any], replaced: Mapping[int, Any]) -> Any:
    """Return a tuple or frozen set with other members in the place of some.

    Args:
        owner: The tuple or frozen set.
        replaced: `id` of a member → what is to be in its place.
    """
    return type(owner)(  # type: ignore[call-arg]
        [replaced.get(id(value), value) for value in owner]
    )


def with_slot(slot: Slot, new: Any) -> Any:
    """Return a tuple or frozen set with another value in one of its slots."""
    owner = slot.owner
    if isinstance(owner, tuple):
        return (*owner[: slot.key], new, *owner[slot.key + 1 :])
    return (owner - {slot.key}) | {new}


def insert_item(owner: Any, at: int, value: Any) -> None:
    """Insert a value into a list, or among the items of an object."""
    if isinstance(owner, Object):
        _recount(owner, "items", at, 1)
        owner.items = [*owner.items[:at], value, *owner.items[at:]]
    else:
        owner.insert(at, value)


def insert_pair(owner: Object, pair: tuple[Any, Any]) -> None:
    """Set another key in an object."""
    _recount(owner, "pairs", len(owner.pairs), 1)
    owner.pairs = [*owner.pairs, pair]


def insert_added(owner: Object, value: Any) -> None:
    """Add a value to an object as to a set."""
    _recount(owner, "added", len(owner.added), 1)
    owner.added = [*owner.added, value]


def deleted(owner: Any, slot: Slot) -> None:
    """Take what is in a slot out of its owner, or out of a copy of it."""
    if slot.field in ("item", "value"):
        del owner[slot.key]
    elif slot.field == "member":
        owner.discard(slot.key)
    elif slot.field == "kwargs":
        owner.kwargs = {name: own for name, own in owner.kwargs.items() if name != slot.key}
    else:
        kind: Any = "pairs" if slot.field == "pair value" else slot.field
        _recount(owner, kind, slot.key, -1)
        values = getattr(owner, kind)
        setattr(owner, kind, [*values[: slot.key], *values[slot.key + 1 :]])


def _recount(owner: Object, kind: str, at: int, change: int) -> None:
    """Keep what an object knows of the order in which things came to it."""
    if not owner.order:
        return
    order = list(owner.order)
    before = 0
    last = max((i for i, (own, _) in enumerate(order) if own == kind), default=None)
    for index, (own, count) in enumerate(order):
        if own != kind:
            continue
        if at < before + count or index == last:
            order[index] = (own, count + change)
            break
        before += count
    else:
        order.append((kind, change))  # type: ignore[arg-type]
    owner.order = [(own, count) for own, count in order if count]


def renamed(owner: Any, slot: Slot, new: Any) -> None:
    """Give what is in a slot of an owner, or of a copy of it, another key or name."""
    if slot.field in ("value", "key"):
        pairs = [(new if is_key(own, slot.key) else own, inner) for own, inner in owner.items()]
        owner.clear()
        owner.update(pairs)
    elif slot.field == "kwargs":
        owner.kwargs = {new if n == slot.key else n: own for n, own in owner.kwargs.items()}
    else:
        put(Slot(owner, "pair key", slot.key), new)
