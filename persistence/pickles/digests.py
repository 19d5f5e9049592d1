"""Numbers for values, the same for two values that are made of the same.

Each distinct value gets the next free number, found by what it is made of: a text by itself,
a list by the numbers of its items. Two graphs numbered with the same `Numbering` can be
compared piece by piece by comparing integers. Nothing but real equality makes two numbers
equal, so that no crafted collision can; with one exception: what a value holds that is still
being numbered, because it is part of a cycle, counts as "the rest of a cycle", whatever it is.
Whoever needs to know goes through the two graphs; to find what corresponds it is enough.

Floats are told apart by their bits, so that 0.0 and -0.0 differ, but all NaN are one. `True`,
1 and 1.0 are three values. A byte string of Python 2 is the text that it is.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import count
from math import isnan
from secrets import randbits
from struct import Struct
from typing import Any

from persistence.pickles.classes import global_name
from persistence.pickles.decode import Pickle
from persistence.pickles.nodes import (
    ByteString,
    Global,
    MissingBuffer,
    Object,
    Reference,
    Result,
    Unhashed,
)
from persistence.pickles.structure import (
    SINGLE,
    Group,
    contents,
    groups,
    label,
    reference_text,
)
from persistence.pickles.texts import text_of

__all__ = ["Digests", "Numbering"]

_UNDER_WAY = -1
_DOUBLE = Struct("<d")
_LARGEST_HASHED_AS_ITSELF = 2**60
_SMALL = 16  # items of a tuple that is looked through when it is met again


class Numbering:
    """The numbers given so far. Each kind of value has a table of its own."""

    def __init__(self) -> None:
        # The first one is of no matter, but if it were known, lists of numbers could be chosen
        # that all have one hash.
        fresh = count(randbits(32)).__next__
        self.texts: dict[str, int] = defaultdict(fresh)
        self.integers: dict[int, int] = defaultdict(fresh)
        self.others: dict[Any, int] = defaultdict(fresh)


class Digests:
    """The numbers of all values in a pickle, and which of them share or are shared.

    Attributes:
        python2: Whether bytes in the pickle are texts of Python 2.
        count: How many values are in it that may hold others.
        size: How many values they hold, all together.
    """

    def __init__(self, pickle: Pickle, numbering: Numbering) -> None:
        self.python2 = pickle.python2
        self.size = 0
        self._root = pickle.root  # an `id` holds as long as what it is of
        self._texts = numbering.texts
        self._integers = numbering.integers
        self._others = numbering.others
        self._single = self._single_numbers()
        self._plain_labels: dict[type, str] = {}
        self._labels: dict[tuple[type, Any], str] = {}  # by maker, and class it is told
        self._ordinals: dict[int, int] = {}
        self._numbers = array("q")
        self._parents = array("q")
        self._tangled = bytearray()
        self._shared = bytearray()
        self._number_all(pickle.root)

    @property
    def count(self) -> int:
        return len(self._numbers)

    def number(self, value: Any) -> int:
        """Return the number of a value in the pickle."""
        kind = type(value)
        if kind is str:
            return self._texts[value]
        single = self._single.get(kind)
        if single is not None:
            return single(value)
        return self._numbers[self._ordinals[id(value)]]

    def ordinal(self, value: Any) -> int:
        """Return the position of a value among all that may hold others."""
        return self._ordinals[id(value)]

    def is_tangled(self, value: Any) -> bool:
        """Whether anything in a value, or itself, is held in more than one place."""
        return bool(self._tangled[self._ordinals[id(value)]])

    def is_shared(self, value: Any) -> bool:
        """Whether a value is held in more than one place."""
        return bool(self._shared[self._ordinals[id(value)]])

    def label(self, value: Any) -> str:
        """Return of which class a value is."""
        plain = self._plain_labels.get(type(value))
        if plain is not None:
            return plain
        if isinstance(value, (Result, Unhashed)):
            return label(value, self.python2)
        if not isinstance(value, Object):
            plain = self._plain_labels[type(value)] = label(value, self.python2)
            return plain
        first = value.args[0] if value.args and type(value.args[0]) is Global else None
        known = self._labels.get((type(value), first))
        if known is None:
            known = self._labels[type(value), first] = label(value, self.python2)
        return known

    def field_number(self, name: Any) -> int:
        """Return the number of the name of a field."""
        return self._others[name]

    def _number_all(self, root: Any) -> None:
        if type(root) in SINGLE:
            return
        ordinals, numbers = self._ordinals, self._numbers
        stack = [self._begun(root, _UNDER_WAY)]
        while stack:
            ordinal, value, found, inner = stack[-1]
            for child in inner:
                if type(child) in SINGLE:
                    continue
                known = ordinals.get(id(child))
                if known is None:
                    stack.append(self._begun(child, ordinal))
                    break
                if not _is_plain_tuple(child):
                    self._shared[known] = 1
                    self._tangle(known)
                    self._tangle(ordinal)
            else:
                numbers[ordinal] = self._others[self._key(value, found)]
                stack.pop()

    def _begun(self, value: Any, parent: int) -> tuple[int, Any, list[Group], Iterator[Any]]:
        ordinal = len(self._numbers)
        self._ordinals[id(value)] = ordinal
        self._numbers.append(_UNDER_WAY)
        self._parents.append(parent)
        self._tangled.append(0)
        self._shared.append(0)
        found = groups(value, self.python2)
        self.size += 1 + sum(len(group.values) for group in found)
        return ordinal, value, found, contents(found)

    def _tangle(self, ordinal: int) -> None:
        # What holds something tangled is tangled: whoever is marked has all above marked.
        while ordinal >= 0 and not self._tangled[ordinal]:
            self._tangled[ordinal] = 1
            ordinal = self._parents[ordinal]

    def _key(self, value: Any, found: list[Group]) -> tuple[Any, ...]:
        """Return what a value is made of, as far as its number goes."""
        key: list[Any] = [self.label(value)]
        number = self.number
        for group in found:
            inner = [number(value) for value in group.values]
            if group.kind == "fields":
                names = [self._others[name] for name in group.keys or ()]
                inner = [part for pair in sorted(zip(names, inner, strict=True)) for part in pair]
            elif group.kind == "pairs":
                keys = [number(key) for key in group.keys or ()]
                inner = [part for pair in sorted(zip(keys, inner, strict=True)) for part in pair]
            elif group.kind == "members":
                inner.sort()
            key += (group.kind, tuple(inner))
        return tuple(key)

    def _single_numbers(self) -> dict[type, Callable[[Any], int]]:
        texts, others = self._texts, self._others
        return {
            type(None): lambda _: others[None,],
            bool: lambda value: others["bool", value],
            int: self._integer,
            float: lambda value: others["float", _bits(value)],
            complex: lambda value: others["complex", _bits(value.real), _bits(value.imag)],
            bytes: (
                (lambda value: texts[text_of(value)])
                if self.python2
                else (lambda value: others["bytes", value])
            ),
            ByteString: lambda value: texts[text_of(value)],
            bytearray: lambda value: others["bytearray", _content(value)],
            memoryview: lambda value: others["buffer", _content(value)],
            MissingBuffer: lambda _: others["missing",],
            Global: lambda value: others["global", global_name(value)],
            Reference: lambda value: others["reference", reference_text(value)],
        }

    def _integer(self, value: int) -> int:
        if -_LARGEST_HASHED_AS_ITSELF < value < _LARGEST_HASHED_AS_ITSELF:
            return self._integers[value]
        # Wide integers can be chosen to have one hash; their bytes cannot.
        size = value.bit_length() // 8 + 1
        return self._others["int", value.to_bytes(size, "little", signed=True)]


def _bits(value: float) -> bytes:
    return b"" if isnan(value) else _DOUBLE.pack(value)


def _content(value: bytearray | memoryview) -> tuple[int, bytes]:
    return len(value), blake2b(value).digest()


def _is_plain_tuple(value: Any) -> bool:
    """Whether a value is one of which nobody can tell where it is shared."""
    return (
        type(value) is tuple
        and len(value) <= _SMALL
        and all(type(item) in SINGLE for item in value)
    )
