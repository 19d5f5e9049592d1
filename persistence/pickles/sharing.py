"""Values that a decoded graph holds in several places: where, and how to replace them in all.

Everything here is bounded by the size of the graph: one pass to count, one to look for the
places of a value, one to replace values everywhere.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from persistence.pickles.containers import put, with_values
from persistence.pickles.nodes import Global, Object, Reference, Result
from persistence.pickles.paths import joined, steps
from persistence.pickles.slots import (
    CONTAINERS,
    IMMUTABLE,
    Slot,
    contained,
    spelled,
)

__all__ = [
    "holding_counts",
    "owners",
    "places_of",
    "references_in",
    "shared_from",
    "substituted",
    "walked",
]

_MOST_LOOKED_AT = 16  # shared values along one path


def is_container(value: Any) -> bool:
    """Whether it matters that a value is the same in several places."""
    if isinstance(value, IMMUTABLE):
        return bool(value)  # the empty ones are the same everywhere
    return isinstance(value, CONTAINERS) and not isinstance(value, Global)


def walked(root: Any) -> Iterator[Any]:
    """Iterate over the containers and objects of a graph, each once, in order of appearance."""
    seen: set[int] = set()
    stack: list[Iterator[Any]] = [iter((root,))]
    while stack:
        for value in stack[-1]:
            if isinstance(value, CONTAINERS) and id(value) not in seen:
                seen.add(id(value))
                yield value
                stack.append(contained(value))
                break
        else:
            stack.pop()


def holding_counts(root: Any) -> Counter[int]:
    """Return in how many slots each container and object of a graph is, by `id`."""
    counts: Counter[int] = Counter((id(root),))
    for owner in walked(root):
        counts.update([id(inner) for inner in contained(owner) if is_container(inner)])
    return counts


def references_in(root: Any) -> tuple[Reference, ...]:
    """Return the references of a graph, in order of appearance."""
    return tuple(value for value in walked(root) if isinstance(value, Reference))


def owners(root: Any, slots: Sequence[Slot]) -> list[Any]:
    """Return the values along a way: the root, then what is in each slot."""
    return [root, *(slot.get() for slot in slots)]


def shared_from(root: Any, slots: Sequence[Slot], last: int) -> int | None:
    """Return the first position on a way, up to the last one, whose value is shared; or None.

    Position 0 is the root, position 1 what is in the first slot. A value counts as shared if
    something holds it that can be reached without going through it.
    """
    return next(_shared(root, slots, last), None)


def is_shared(root: Any, slots: Sequence[Slot]) -> bool:
    """Whether what is at the end of a way is held outside of itself by several."""
    value = slots[-1].get() if slots else root
    if not is_container(value) or holding_counts(root)[id(value)] < 2:
        return False
    return _is_held_outside(root, value)


def places_of(
    root: Any, slots: Sequence[Slot], last: int, *, python2: bool, limit: int
) -> list[str]:
    """Return paths to what is at the end of a way: by the way itself, then by others.

    For each shared value up to the position `last` on the way there is one path through each
    of the slots that hold it.
    """
    found = dict.fromkeys([joined(spelled(slots, python2))])
    values = owners(root, slots)
    for position in _shared(root, slots, last):
        rest = joined(spelled(slots[position:], python2))
        for before in _ways_to(root, values[position], python2):
            found.setdefault(joined((before, _part(rest))))
            if len(found) >= limit:
                return list(found)
    return list(found)


def _part(path: str) -> str:
    return path if not path or path[0] in ".[(" else f".{path}"


def _shared(root: Any, slots: Sequence[Slot], last: int) -> Iterator[int]:
    values = owners(root, slots)
    counts = holding_counts(root)
    candidates = [
        position
        for position in range(1, last + 1)
        if counts[id(values[position])] > 1 and is_container(values[position])
    ]
    for number, position in enumerate(candidates):
        # That takes a pass for each; what is so deeply shared is better taken as shared.
        if number >= _MOST_LOOKED_AT or _is_held_outside(root, values[position]):
            yield position


def _is_held_outside(root: Any, value: Any) -> bool:
    """Whether there are two slots for a value that can be reached without going through it."""
    count = 0
    seen = {id(value)}
    stack = [root]
    while stack:
        for inner in contained(stack.pop()):
            if inner is value:
                count += 1
                if count > 1:
                    return True
            elif isinstance(inner, CONTAINERS) and id(inner) not in seen:
                seen.add(id(inner))
                stack.append(inner)
    return False


def _ways_to(root: Any, value: Any, python2: bool) -> Iterator[str]:
    """Iterate over one path through each slot that holds a value, the shortest first."""
    seen = {id(root), id(value)}
    waiting: deque[tuple[Any, Any]] = deque([(root, None)])
    while waiting:
        owner, way = waiting.popleft()
        if isinstance(owner, Object) and any(_holds(state, value) for state in owner.states):
            yield _written(way)  # attributes are reached without their dictionary
        for part, inner in steps(owner, python2):
            if inner is value:
                yield _written((part, way))
            elif isinstance(inner, CONTAINERS) and id(inner) not in seen:
                seen.add(id(inner))
                waiting.append((inner, (part, way)))


def _holds(state: Any, value: Any) -> bool:
    if type(value) is not dict or type(state) not in (dict, tuple):
        return False
    return state is value or (type(state) is tuple and any(part is value for part in state))


def _written(way: Any) -> str:
    parts: list[str] = []
    while way:
        part, way = way
        parts.append(part)
    return joined(reversed(parts))


# Replacing everywhere.


def substituted(root: Any, replaced: Mapping[int, Any]) -> Any:
    """Put other values in the place of some wherever a graph has them; return its new root.

    What can be changed is changed in place; tuples and frozen sets are made anew, and
    replaced themselves.

    Args:
        root: The graph.
        replaced: `id` of a value in it → the value that is to take its place.
    """
    holders = _holders(root, replaced)
    new = dict(replaced)
    # Tuples hold each other without cycles: each is made when all that is new in it is there.
    waiting_for: Counter[int] = Counter()
    affected: dict[int, Any] = {}
    pending = list(replaced)
    while pending:
        for owner in holders.get(pending.pop(), ()):
            if not isinstance(owner, IMMUTABLE):
                continue
            if id(owner) not in affected:
                affected[id(owner)] = owner
                pending.append(id(owner))
            waiting_for[id(owner)] += 1
    changed: dict[int, Any] = {}
    ready = list(replaced)
    while ready:
        for owner in holders.get(ready.pop(), ()):
            if id(owner) not in affected:
                changed[id(owner)] = owner
                continue
            waiting_for[id(owner)] -= 1
            if waiting_for[id(owner)] == 0 and id(owner) not in new:
                new[id(owner)] = with_values(owner, new)
                ready.append(id(owner))
    # What was put in the place of an object may hold what that object held.
    others = [value for value in replaced.values() if not isinstance(value, IMMUTABLE)]
    for owner in (*changed.values(), *others):
        for slot in list(slots_holding(owner, new)):
            put(slot, new[id(slot.get())])
    return new.get(id(root), root)


def _holders(root: Any, replaced: Mapping[int, Any]) -> dict[int, list[Any]]:
    """Return what holds the values to be replaced, and the tuples and frozen sets: by `id`."""
    found: dict[int, list[Any]] = {}
    for owner in walked(root):
        inside = {
            id(inner)
            for inner in contained(owner)
            if id(inner) in replaced or isinstance(inner, IMMUTABLE)
        }
        for key in inside:
            found.setdefault(key, []).append(owner)
    return found


def slots_holding(owner: Any, wanted: Mapping[int, Any]) -> Iterator[Slot]:
    """Iterate over the slots of something that can be changed that hold certain values."""
    for slot in _own_slots(owner):
        if id(slot.get()) in wanted:
            yield slot


def _own_slots(owner: Any) -> Iterator[Slot]:
    if isinstance(owner, list):
        yield from (Slot(owner, "item", index) for index in range(len(owner)))
    elif isinstance(owner, dict):
        for key in list(owner):
            yield Slot(owner, "value", key)
        for key in list(owner):
            yield Slot(owner, "key", key)
    elif isinstance(owner, set):
        yield from (Slot(owner, "member", member) for member in list(owner))
    elif isinstance(owner, Object):
        if isinstance(owner, Result):
            yield Slot(owner, "callee")
        yield from (Slot(owner, "args", index) for index in range(len(owner.args)))
        yield from (Slot(owner, "kwargs", name) for name in owner.kwargs)
        yield from (Slot(owner, "items", index) for index in range(len(owner.items)))
        for index in range(len(owner.pairs)):
            yield Slot(owner, "pair key", index)
            yield Slot(owner, "pair value", index)
        yield from (Slot(owner, "added", index) for index in range(len(owner.added)))
        yield from (Slot(owner, "states", index) for index in range(len(owner.states)))
