"""What a decoded value is made of, in the groups in which two values can be compared.

A list has items, a dictionary pairs, a set members; an object has fields (its attributes and
what it was made with), and may have any of the others. Nothing is made for a path until it
is asked for: a group spells the part of the path that leads to one of its values.

How an object came to be (by a call or by `__new__`, by which opcode) does not count here,
but of which class it is and with what it was made: pickles of one object in two protocols
are made of the same parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from persistence.pickles.classes import class_name, constructor_args, set_members, shown_args
from persistence.pickles.expressions import render
from persistence.pickles.keys import Pairs, in_order, pair_parts, pair_speller
from persistence.pickles.nodes import (
    ByteString,
    Global,
    MissingBuffer,
    Object,
    Reference,
    Result,
    Unhashed,
)
from persistence.pickles.parts import Fields, Items, Numbers
from persistence.pickles.paths import attribute, joined, keyword, special, states_apart
from persistence.pickles.texts import escaped, text_of
from persistence.pickles.views import View, view

__all__ = [
    "SINGLE",
    "Group",
    "Kind",
    "Trail",
    "contents",
    "groups",
    "has_identity",
    "holds_parts",
    "label",
    "reference_text",
    "single_text",
    "stands_for_one",
    "text_like",
]

Kind = Literal["fields", "items", "pairs", "members"]

SINGLE = frozenset(
    [
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        bytearray,
        ByteString,
        MissingBuffer,
        memoryview,
        Global,
        Reference,
    ]
)
"""Types of values that hold no others, as far as comparing and searching goes."""

_LONGEST_SOURCE = 10_000  # characters of a value that is compared by its source


class Group:
    """Values of one kind in a value, in order.

    Attributes:
        kind: Which kind.
        values: The values.
        keys: For pairs, their keys. For fields, the name of an attribute as a text, and for
            anything else a tuple of its path part, and its name if it has one. None for all
            other kinds.
    """

    __slots__ = ("_spell", "keys", "kind", "values")

    def __init__(
        self,
        kind: Kind,
        values: Sequence[Any],
        keys: Sequence[Any] | None,
        spell: Callable[[int], str],
    ) -> None:
        self.kind = kind
        self.values = values
        self.keys = keys
        self._spell = spell

    def part(self, index: int) -> str:
        """Return the part of a path that leads to one of the values."""
        return self._spell(index)

    def name(self, index: int) -> str:
        """Return what one of the values is called in a tree, without control characters."""
        key = self.keys[index] if self.keys is not None else None
        if type(key) is str and key:
            return escaped(key[:_LONGEST_NAME])
        part = self.part(index)
        return part[1:-1] if self.kind == "pairs" and part.startswith("[") else part


_LONGEST_NAME = 200


class Trail:
    """A place in a graph: the way there from the root, which places below it share.

    Attributes:
        before: The place that holds it; None at the root.
        group: The group there; None at the root.
        index: Position in the group; a negative one is the key of the pair `-1 - index`.
    """

    __slots__ = ("before", "group", "index")

    def __init__(self, before: Trail | None, group: Group | None, index: int) -> None:
        self.before = before
        self.group = group
        self.index = index

    def __str__(self) -> str:
        parts: list[str] = []
        here: Trail | None = self
        while here is not None and here.group is not None:
            if here.index < 0:
                parts.append(special(f"key {-1 - here.index}"))
            else:
                parts.append(here.group.part(here.index))
            here = here.before
        return joined(reversed(parts))


def groups(value: Any, python2: bool) -> list[Group]:
    """Return what a value is made of: at most one group of each kind, no empty ones."""
    kind = type(value)
    if kind is list or kind is tuple:
        return [Group("items", value, None, _item_part)] if value else []
    if kind is dict:
        if not value:
            return []
        return [_pairs(value, list(value), list(value.values()), python2)]
    if kind is set or kind is frozenset:
        return [Group("members", list(in_order(value)), None, special)] if value else []
    if isinstance(value, Object) and kind is not Reference:
        return _object_groups(value, python2)
    return []


def holds_parts(value: Any, python2: bool) -> bool:
    """Whether there are groups of a value that is not shown as one; none are made to know."""
    kind = type(value)
    if kind in SINGLE:
        return False
    if not isinstance(value, Object):
        return bool(value) and kind in _CONTAINERS
    if stands_for_one(value, python2):
        return False
    return bool(value.items or value.pairs or value.added) or bool(groups(value, python2))


def contents(found: Iterable[Group]) -> Iterator[Any]:
    """Iterate over all values in groups; keys that may hold others are among them."""
    for group in found:
        yield from group.values
        if group.kind == "pairs" and group.keys is not None:
            for key in group.keys:
                if type(key) not in SINGLE:
                    yield key


def label(value: Any, python2: bool) -> str:
    """Return of which class a value is, as two values of one class have it in common."""
    return class_name(value, python2=python2)


def stands_for_one(value: Any, python2: bool) -> bool:
    """Whether an object is shown as one value without parts that say more: a date, an array."""
    if not isinstance(value, Object) or type(value) in _SYMBOLS:
        return False
    shown = view(value, python2=python2)
    return _is_one(shown) or _is_array(shown)


def has_identity(value: Any, python2: bool) -> bool:
    """Whether it matters which of two equal values this is: not for what never changes."""
    if type(value) in (tuple, frozenset):
        return False
    if not isinstance(value, Object) or type(value) in _SYMBOLS:
        return True
    return not _is_one(view(value, python2=python2))


def _is_one(shown: View) -> bool:
    if shown.value is not None:
        return True
    # Collections without items have parts of other kinds, only none of them.
    is_leaf = isinstance(shown.parts, Fields) and not shown.parts.children
    return is_leaf and (shown.brief is not None or shown.code is not None)


def _is_array(shown: View) -> bool:
    return isinstance(shown.parts, Items) and isinstance(shown.parts.items, Numbers)


def single_text(value: Any, python2: bool) -> str | None:
    """Return all of a small value as source, to compare it by; None if it is not small."""
    source = render(value, _LONGEST_SOURCE, python2=python2)
    return source if len(source) <= _LONGEST_SOURCE else None


def text_like(value: Any, python2: bool) -> str | None:
    """Return a text, also one that is a byte string of Python 2; None for all else."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is ByteString or (python2 and kind is bytes):
        return text_of(value)
    return None


def reference_text(value: Reference) -> str:
    """Return a text that is the same for references to the same object only."""
    if isinstance(value.pid, Object) and not _is_usual(value.pid):
        return render(value.pid, _LONGEST_SOURCE)
    return value.id


def _is_usual(pid: Object) -> bool:
    return len(pid.args) == 2 and all(type(part) in SINGLE for part in pid.args)


def _item_part(index: int) -> str:
    return f"[{index}]"


def _pairs(
    pairs: Pairs, keys: list[Any], values: list[Any], python2: bool, *, by_position: bool = False
) -> Group:
    spell = pair_speller(pairs, python2=python2, by_position=by_position)
    return Group("pairs", values, keys, lambda index: spell(index, keys[index]))


def _object_groups(value: Object, python2: bool) -> list[Group]:
    names: list[Any] = []
    values: list[Any] = []
    _add_states(value, names, values, python2)
    members = set_members(value)
    if members is None:
        _add_made_with(value, names, values)
    found: list[Group] = []
    if values:
        found.append(Group("fields", values, names, lambda index: _field_part(names[index])))
    if value.items:
        found.append(Group("items", value.items, None, _item_part))
    if value.pairs:
        keys = [key for key, _ in value.pairs]
        inner = [inner for _, inner in value.pairs]
        by_position = bool(value.items)
        found.append(_pairs(value.pairs, keys, inner, python2, by_position=by_position))
    if value.added:
        found.append(Group("members", value.added, None, _added_part))
    elif members:
        found.append(Group("members", members, None, special))
    return found


def _add_states(value: Object, names: list[Any], values: list[Any], python2: bool) -> None:
    parts = list(states_apart(value))
    for position, (path, state, is_plain) in enumerate(parts):
        if not is_plain:
            if state is not None:
                names.append((path,))
                values.append(state)
            continue
        own: list[Any] = [name if type(name) is str else text_of(name) for name in state]
        if len(parts) > 1:
            # What a later state sets again is no attribute any more.
            later = {
                name if type(name) is str else text_of(name)
                for _, other, other_is_plain in parts[position + 1 :]
                if other_is_plain
                for name in other
            }
            spelled = pair_parts(state, python2=python2)
            own = [
                (f"{path}{part}",) if name in later else name
                for name, (part, _, _) in zip(own, spelled, strict=True)
            ]
        names += own
        values += state.values()


def _add_made_with(value: Object, names: list[Any], values: list[Any]) -> None:
    for index, argument in enumerate(constructor_args(value)):
        names.append((special(index),))
        values.append(argument)
    if shown_args(value)[1] is not None:  # keywords for `__new__` come after its arguments
        for index, argument in enumerate(value.args[2:], 2):
            names.append((special(f"made with {index}"),))
            values.append(argument)
    for name, argument in value.kwargs.items():
        names.append((keyword(name), name))
        values.append(argument)
    if isinstance(value, Result):
        names.append((special("callee"),))
        values.append(value.callee)


def _field_part(name: Any) -> str:
    return attribute(name) if type(name) is str else name[0]


def _added_part(index: int) -> str:
    return special(f"added {index}")


_CONTAINERS = frozenset((list, tuple, dict, set, frozenset))
_SYMBOLS = frozenset((Reference, Unhashed, Result))
