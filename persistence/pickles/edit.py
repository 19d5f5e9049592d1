"""Changes to a decoded object: one record for each act, and what it does to the graph.

A `Change` is plain texts, so that it can be asked for in one process and made in another:
what is changed is said by a path (`paths`), what is put there by a literal (`values`).

    set             put a value in the place of another
    insert          put a value at a new path: an index of a list, which moves the rest up, a
                    new key of a dictionary, a new attribute of an object
    append          put a value at the end of a list, or into a set
    delete          take a value out of its list, dictionary, set or object
    rename          give another name to an attribute, or another key to a value
    move            move an item of a list to another index
    refer           have a reference name another object, by its persistent ID
    reclass         have an object be of another class
    reclass_all     have all that is of its class, or names it, be of another one
    rename_module   have all classes of a module, or of modules below it, be in another one

Objects are often held in several places. `seen_at` says where a change would be seen; it is
made everywhere, or with `everywhere=False` only at its own path: what is shared on the way is
copied then, each container by itself, from the first shared one on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from persistence.errors import EditError, LiteralError, StoreError
from persistence.pickles import present
from persistence.pickles.alike import bytes_like, reference_like
from persistence.pickles.classes import set_members
from persistence.pickles.containers import (
    copied,
    deleted,
    insert_added,
    insert_item,
    insert_pair,
    put,
    renamed,
    with_slot,
)
from persistence.pickles.decode import Pickle
from persistence.pickles.homes import (
    attributes_of,
    has_items,
    has_pairs,
    is_listed,
    may_have_attributes,
    stored_items,
)
from persistence.pickles.keys import twins
from persistence.pickles.nodes import Object, Reference
from persistence.pickles.paths import Attribute, Item, Path, Step
from persistence.pickles.places import resolve
from persistence.pickles.renaming import reclassed, renamed_class, renamed_module
from persistence.pickles.sharing import (
    is_shared,
    places_of,
    references_in,
    shared_from,
    substituted,
)
from persistence.pickles.slots import IMMUTABLE, Slot, is_key, raw_slots
from persistence.pickles.values import parse_value

__all__ = ["Change", "Verb", "apply", "holders", "seen_at"]

Verb = Literal[
    "set", "insert", "append", "delete", "rename", "move", "refer",
    "reclass", "reclass_all", "rename_module",
]  # fmt: skip
_VERBS = frozenset(get_args(Verb))
_MOST_PLACES = 1_000
_LISTED_PAIR = ["args", "item", "item"]  # fields of the slots to a value in a list of pairs


@dataclass(frozen=True, slots=True)
class Change:
    """One change to an object.

    Attributes:
        verb: What is done; see the module.
        path: Where: the value itself; for "insert" the path that the new value is to have;
            for "append" the list or set.
        value: A literal, for "rename" an attribute's new name or a literal key, for "move" an
            index, for "refer" an ID, for the last three a class or module by its name.
        old: For "rename_module", the module that is renamed.
        everywhere: Whether what is shared is changed in all places, or only at this path.
    """

    verb: Verb
    path: str = ""
    value: str = ""
    old: str = ""
    everywhere: bool = True

    def __post_init__(self) -> None:
        if self.verb not in _VERBS:
            raise ValueError(f"there is no change called {self.verb!r}")


def apply(pickle: Pickle, change: Change) -> Pickle:
    """Return a pickle with a change made.

    The graph of the given pickle is used for it and is not what it was afterwards: decode
    again to go back. `size` and `data` of the result are still those of the pickle that was
    decoded; encode and decode it to have its own.

    Raises:
        PathError: The path leads nowhere.
        LiteralError: The new value is none.
        EditError: What is there cannot be changed in this way. Nothing was changed.

    >>> apply(Pickle({"a": [1, 2]}, 4, 0), Change("set", "['a'][0]", "5")).root
    {'a': [5, 2]}
    """
    edit = _Edit(pickle, change)
    try:
        root = edit.made()
    except (ValueError, TypeError) as error:
        if isinstance(error, StoreError):
            raise
        raise edit.refused(str(error)) from error
    return dataclasses.replace(pickle, root=root, references=references_in(root))


def holders(pickle: Pickle, path: Path | str, limit: int = _MOST_PLACES) -> list[str]:
    """Return the paths at which a value is seen, its own first.

    It is seen in several places if it is an object or container that several others hold, or
    if something above it on its path is. For each there is one path, the shortest.

    Raises:
        PathError: The path leads nowhere.
        EditError: What is there is computed, not stored.

    >>> shared = [1]
    >>> holders(Pickle([shared, shared], 4, 0), "[0]")
    ['[0]', '[1]']
    """
    slots = _slots_of(pickle, str(path))
    return _seen(pickle, slots, len(slots), limit)


def seen_at(pickle: Pickle, change: Change, limit: int = _MOST_PLACES) -> list[str]:
    """Return the paths at which a change would be seen; more than one: ask whether everywhere.

    Changes of all objects of a class or module are seen nowhere in particular.

    Raises:
        PathError, EditError: As `apply`.
    """
    if change.verb in ("reclass_all", "rename_module"):
        return []
    path = Path.parse(change.path)
    slots = _slots_of(pickle, str(path.parent if change.verb == "insert" else path))
    is_inside = change.verb in ("delete", "rename", "move")
    return _seen(pickle, slots, len(slots) - is_inside, limit)


def _seen(pickle: Pickle, slots: Sequence[Slot], last: int, limit: int) -> list[str]:
    return places_of(pickle.root, slots, last, python2=pickle.python2, limit=limit)


def _slots_of(pickle: Pickle, path: str) -> tuple[Slot, ...]:
    place = resolve(pickle, path)
    if place.slots is None:
        raise EditError(
            path,
            f"{path} is computed from other values, not stored.",
            "Change the values that it comes from.",
        )
    return place.slots


class _Edit:
    """One change being made."""

    def __init__(self, pickle: Pickle, change: Change) -> None:
        self._pickle = pickle
        self._root = pickle.root
        self._change = change
        self._path = Path.parse(change.path)
        self._value = change.value

    def made(self) -> Any:
        """Make the change; return the new root."""
        change = self._change
        if change.verb == "rename_module":
            return renamed_module(self._root, change.old, change.value)
        if change.verb == "insert":
            return self._insert()
        slots = _slots_of(self._pickle, change.path)
        value = slots[-1].get() if slots else self._root
        if change.verb == "set":
            return self._replace(slots, value, self._parsed(like=value))
        if change.verb == "refer":
            return self._replace(slots, value, self._reference(value))
        if change.verb == "append":
            return self._append(slots, value)
        if change.verb in ("reclass", "reclass_all"):
            return self._reclass(slots, value)
        if not slots:
            raise self.refused("this is the object itself")
        if change.verb == "delete":
            return self._delete(slots)
        return self._rename(slots) if change.verb == "rename" else self._move(slots)

    def refused(self, reason: str) -> EditError:
        """Return the error that says why the change cannot be made."""
        path = self._change.path
        what = path or "The object"
        return EditError(path, f"{what} cannot be changed so: {reason.rstrip('.')}.")

    # Values.

    def _parsed(self, text: str | None = None, like: Any = None) -> Any:
        pickle = self._pickle
        return parse_value(
            self._value if text is None else text,
            like=like,
            python2=pickle.python2,
            protocol=pickle.protocol,
            reference=next(iter(pickle.references), None),
        )

    def _key(self, text: str, like: Any = None) -> Any:
        key = self._parsed(text, like)
        try:
            hash(key)
        except TypeError:
            kind = present.type_name(key, python2=self._pickle.python2)
            raise LiteralError(text, f"a key cannot be a {kind}, which can change") from None
        return key

    def _reference(self, old: Any) -> Reference:
        if not isinstance(old, Reference):
            raise self.refused("this is no reference")
        if not self._value:
            raise self.refused("there is no ID")
        return reference_like(self._value, old, python2=self._pickle.python2)

    # Where.

    def _replace(self, slots: Sequence[Slot], old: Any, new: Any) -> Any:
        """Put a value in the place of another one, where the change says."""
        if not slots:
            return new
        if self._change.everywhere:
            if is_shared(self._root, slots):
                return substituted(self._root, {id(old): new})
            return self._put_everywhere(slots, new)
        return self._put(slots, new, shared_from(self._root, slots, len(slots) - 1))

    def _put_everywhere(self, slots: Sequence[Slot], new: Any) -> Any:
        slot = slots[-1]
        if not isinstance(slot.owner, IMMUTABLE):
            self._check(slot, new)
            put(slot, new)
            return self._root
        return substituted(self._root, {id(slot.owner): with_slot(slot, new)})

    def _put(self, slots: Sequence[Slot], new: Any, first_copied: int | None) -> Any:
        """Put a value in the last of some slots, copying owners from a position on."""
        for position in reversed(range(len(slots))):
            slot = slots[position]
            if isinstance(slot.owner, IMMUTABLE):
                new = with_slot(slot, new)
                continue
            self._check(slot, new)
            if first_copied is None or position < first_copied:
                put(slot, new)
                return self._root
            owner = copied(slot.owner)
            put(Slot(owner, slot.field, slot.key), new)
            new = owner
        return new

    def _check(self, slot: Slot, new: Any) -> None:
        """Raise an error if a key or member cannot be put where it should."""
        if slot.field not in ("key", "member"):
            return
        try:
            is_there = new in slot.owner and not is_key(slot.key, new)
        except TypeError:
            kind = present.type_name(new, python2=self._pickle.python2)
            raise self.refused(f"a key or member cannot be a {kind}, which can change") from None
        if is_there:
            raise self.refused("there is such a key or member already")

    def _changed(self, slots: Sequence[Slot], change: Callable[[Any], None]) -> Any:
        """Change a container, or copies of it and of what is shared above; return the root.

        Args:
            slots: The way to it.
            change: Makes the change; it is given a list for a tuple, a set for a frozen set.
        """
        target = slots[-1].get() if slots else self._root
        first = None
        if not self._change.everywhere:
            first = shared_from(self._root, slots, len(slots))
        if isinstance(target, IMMUTABLE):
            fresh: Any = list(target) if isinstance(target, tuple) else set(target)
            change(fresh)
            fresh = type(target)(fresh)
            if not slots:
                return fresh
            if self._change.everywhere and target:
                return substituted(self._root, {id(target): fresh})
            return self._put(slots, fresh, first)
        if first is None:
            change(target)
            return self._root
        fresh = copied(target)
        change(fresh)
        return self._put(slots, fresh, first)

    # The verbs.

    def _insert(self) -> Any:
        if not self._path.steps:
            raise self.refused("this is the object itself")
        step = self._path.steps[-1]
        slots: Sequence[Slot] = _slots_of(self._pickle, str(self._path.parent))
        target = slots[-1].get() if slots else self._root
        outer = target
        slots, target = self._home(slots, target, step)
        value = self._parsed()
        if isinstance(step, Attribute):
            return self._insert_attribute(slots, target, step.name, value)
        if isinstance(outer, Object) and is_listed(outer, self._pickle.python2):
            return self._insert_listed(slots, target, step, value)
        if not isinstance(step, Item):
            return self._append(slots, target)
        if isinstance(target, dict):
            key = self._key(step.text)
            self._refuse_twin(target, key)
            return self._changed(slots, lambda fresh: fresh.__setitem__(key, value))
        if isinstance(target, (list, tuple)) or (isinstance(target, Object) and has_items(target)):
            size = len(target if isinstance(target, (list, tuple)) else target.items)
            index = step.index
            if index is None or not -size <= index <= size:
                raise self.refused(f"it has {size:,} items")
            at = index + size if index < 0 else index
            return self._changed(slots, lambda fresh: insert_item(fresh, at, value))
        if isinstance(target, Object) and has_pairs(target, self._pickle.python2):
            key = self._key(step.text)
            self._refuse_twin([key for key, _ in target.pairs], key)
            return self._changed(slots, lambda fresh: insert_pair(fresh, (key, value)))
        raise self.refused(f"{self._kind(target)} has no items")

    def _insert_listed(
        self, slots: Sequence[Slot], pairs: list[Any], step: Step, value: Any
    ) -> Any:
        """Append a pair to a list of pairs."""
        if not isinstance(step, Item):
            raise self.refused("it has keys: say which is to be set")
        key = self._key(step.text)
        self._refuse_twin([pair[0] for pair in pairs], key)
        pair = type(pairs[0])((key, value))
        return self._changed(slots, lambda fresh: insert_item(fresh, len(pairs), pair))

    def _refuse_twin(self, keys: Any, key: Any) -> None:
        """Raise an error if there is such a key; in Python 2 also one that reads the same."""
        same = twins(key) if self._pickle.python2 else [key]
        if isinstance(keys, dict):
            is_there = any(twin in keys for twin in same)
        else:
            plain = [own for own in keys if not isinstance(own, (Object, tuple, frozenset))]
            is_there = any(own is key for own in keys) or any(twin in plain for twin in same)
        if is_there:
            raise self.refused("there is such a key already")

    def _insert_attribute(self, slots: Sequence[Slot], obj: Any, name: str, value: Any) -> Any:
        if not isinstance(obj, Object) or isinstance(obj, Reference):
            raise self.refused(f"{self._kind(obj)} has no attributes")
        if name in obj.attributes():
            raise self.refused("there is such an attribute already")
        inner = attributes_of(obj)
        attributes = inner[-1].get() if inner else {}
        key: Any = name
        if self._pickle.python2 and all(type(own) is bytes for own in attributes):
            key = bytes_like(name, b"")
        if inner:
            return self._changed([*slots, *inner], lambda fresh: fresh.__setitem__(key, value))
        if not obj.states and may_have_attributes(obj):
            return self._changed(slots, lambda fresh: fresh.__setstate__({key: value}))
        if len(obj.states) == 1 and type(obj.states[0]) is tuple and obj.states[0][:1] == (None,):
            state = ({key: value}, *obj.states[0][1:])
            return self._changed(slots, lambda fresh: put(Slot(fresh, "states", 0), state))
        raise self.refused("its state is not made of attributes")

    def _append(self, slots: Sequence[Slot], target: Any) -> Any:
        value = self._parsed()
        slots, target = self._home(slots, target, Item("0"))
        if isinstance(target, (set, frozenset)):
            value = self._key(self._value)
            if value in target:
                raise self.refused("it has such a member already")
            return self._changed(slots, lambda fresh: fresh.add(value))
        if isinstance(target, (list, tuple)):
            size = len(target)
        elif isinstance(target, Object) and has_items(target):
            size = len(target.items)
        elif isinstance(target, Object) and target.added:
            return self._changed(slots, lambda fresh: insert_added(fresh, value))
        else:
            raise self.refused(f"{self._kind(target)} is no list or set")
        return self._changed(slots, lambda fresh: insert_item(fresh, size, value))

    def _home(self, slots: Sequence[Slot], target: Any, step: Step) -> tuple[Sequence[Slot], Any]:
        """Return where an object keeps the items that are shown as its own."""
        if not isinstance(target, Object) or isinstance(step, Attribute):
            return slots, target
        inner: list[Slot] = []
        if set_members(target) is not None:
            inner = [Slot(target, "args", 0)] if target.args else []
        else:
            stored = stored_items(target, self._pickle.python2)
            for part in Path.parse(stored).steps if stored else ():
                owner = inner[-1].get() if inner else target
                inner += raw_slots(owner, part, self._pickle.python2) or []
        return ([*slots, *inner], inner[-1].get()) if inner else (slots, target)

    def _delete(self, slots: Sequence[Slot]) -> Any:
        slot = slots[-1]
        if slot.field in ("args", "states", "callee"):
            raise self.refused("an object cannot be made without it; set it to another value")
        if slot.field in ("key", "pair key"):
            raise self.refused("a key cannot be deleted without its value")
        if [own.field for own in slots[-3:]] == _LISTED_PAIR:
            above = _slots_of(self._pickle, str(self._path.parent))
            if len(above) == len(slots) - 3:  # a row for a pair in a list
                slots, slot = slots[:-1], slots[-2]
        return self._changed(slots[:-1], lambda fresh: deleted(fresh, slot))

    def _rename(self, slots: Sequence[Slot]) -> Any:
        slot = slots[-1]
        if slot.field not in ("value", "key", "pair value", "pair key", "kwargs"):
            raise self.refused("it has no name and no key")
        if isinstance(self._path.steps[-1], Attribute) or slot.field == "kwargs":
            new: Any = self._value
            if not new:
                raise self.refused("there is no name")
            if type(slot.key) is bytes:
                new = bytes_like(self._value, slot.key)
            if slot.field == "value" and any(twin in slot.owner for twin in twins(new)):
                raise self.refused("there is such an attribute already")
            if slot.field == "kwargs" and new in slot.owner.kwargs:
                raise self.refused("there is such an argument already")
        else:
            is_pair = slot.field in ("pair value", "pair key")
            old = slot.owner.pairs[slot.key][0] if is_pair else slot.key
            new = self._key(self._value, old)
            self._refuse_twin([k for k, _ in slot.owner.pairs] if is_pair else slot.owner, new)
        return self._changed(slots[:-1], lambda fresh: renamed(fresh, slot, new))

    def _move(self, slots: Sequence[Slot]) -> Any:
        slot = slots[-1]
        is_item = slot.field == "items" or (slot.field == "item" and slot.key is not None)
        if not is_item:
            raise self.refused("it is in no list")
        size = len(slot.owner.items if slot.field == "items" else slot.owner)
        target = Item(self._value.strip()).index
        if target is None or not -size <= target < size:
            raise self.refused(f"{self._value!r} is no index of a list of {size:,} items")
        at = target + size if target < 0 else target

        def move(fresh: Any) -> None:
            items: Any = fresh.items if isinstance(fresh, Object) else fresh
            items.insert(at, items.pop(slot.key))

        return self._changed(slots[:-1], move)

    def _reclass(self, slots: Sequence[Slot], value: Any) -> Any:
        protocol = self._pickle.protocol
        if self._change.verb == "reclass_all":
            return renamed_class(self._root, value, self._value, protocol)
        if not isinstance(value, Object) or isinstance(value, Reference):
            raise self.refused(f"{self._kind(value)} has no class of its own")
        first = None
        if not self._change.everywhere:
            first = shared_from(self._root, slots, len(slots))
        new = reclassed(value if first is None else copied(value), self._value, protocol)
        if new is value:
            return self._root
        return (
            substituted(self._root, {id(value): new})
            if first is None
            else self._put(slots, new, first)
        )

    def _kind(self, value: Any) -> str:
        return present.type_name(value, python2=self._pickle.python2)
