"""The rows under a value, in slices: nothing is made for rows that nobody looks at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from struct import Struct
from typing import Any, Protocol, overload

from persistence.pickles.keys import in_order, pair_parts
from persistence.pickles.nodes import ByteString, Global, MissingBuffer
from persistence.pickles.paths import HOLDING, attribute, item, special
from persistence.pickles.texts import escaped, text_of

__all__ = [
    "NO_PARTS",
    "Attributes",
    "Child",
    "Entry",
    "Fields",
    "Items",
    "Joined",
    "Members",
    "Numbers",
    "Pairs",
    "Parts",
    "computed",
]


@dataclass(frozen=True, slots=True)
class Child:
    """One row under a value.

    Attributes:
        name: What the row is called, without control characters.
        value: A decoded value, an `Entry`, or a `View` of something that is computed.
        path_part: What it adds to the path of its parent, as people write it: what Python has
            for it (`.message`, `[3]`), if it has something, or else a `computed` one or the
            place of the value.
        stored: Where the pickle has the value, as a path from its parent such as
            `._messages[0]` or `(state)[1]`, if not by `path_part`.
        is_computed: Whether the value is not in the pickle as it is shown, but worked out
            from what is, and so cannot be edited.
    """

    name: str
    value: Any
    path_part: str
    stored: str | None = None
    is_computed: bool = False


def computed(name: str) -> str:
    """Return the part of a path that stands for something that is only computed.

    No argument of a call has a name like it.

    >>> computed("mean")
    '(=mean)'
    """
    return special(f"={name}")


class Parts(Protocol):
    """The children of a value, in order."""

    def __len__(self) -> int:
        """Return how many there are, without making them."""

    def slice(self, first: int, count: int) -> Iterator[Child]:
        """Iterate over `count` children from the position `first` on."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Children that are given one by one."""

    children: Sequence[Child] = ()

    def __len__(self) -> int:
        return len(self.children)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        yield from self.children[first : first + count]


NO_PARTS = Fields()


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of an object as children, by name."""

    values: Mapping[Any, Any]  # by str or bytes

    def __len__(self) -> int:
        return len(self.values)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        for name, value in islice(self.values.items(), first, first + count):
            known = name if isinstance(name, str) else text_of(name)
            yield Child(escaped(known), value, attribute(known))


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a list or tuple as children.

    Attributes:
        items: What holds them.
        view: Returns what an item is shown as; by default itself.
        place: Where the list is, as a path from the value whose children these are.
        is_computed: Whether the items are not in the pickle as they are.
    """

    items: Sequence[Any]
    view: Callable[[Any], Any] | None = None
    place: str = ""
    is_computed: bool = False

    def __len__(self) -> int:
        return len(self.items)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        for index in range(first, min(first + count, len(self.items))):
            value = self.items[index]
            part = item(index)
            yield Child(
                part,
                self.view(value) if self.view else value,
                part,
                f"{self.place}{part}" if self.place else None,
                self.is_computed,
            )


class Numbers(Sequence[Any]):
    """The numbers in some bytes, read when they are looked at.

    Args:
        data: The bytes.
        layout: Their layout, as `struct` has it: "<d".
        shift: Offset in bytes of the first number.
        stride: Bytes from one number to the next.
        count: How many there are; by default all that fit.
    """

    def __init__(
        self,
        data: bytes | memoryview,
        layout: str,
        *,
        shift: int = 0,
        stride: int | None = None,
        count: int | None = None,
    ) -> None:
        self._data = data
        self._number = Struct(layout)
        self._shift = shift
        self._stride = self._number.size if stride is None else stride
        self._count = len(data) // self._number.size if count is None else count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        (number,) = self._number.unpack_from(self._data, self._shift + index * self._stride)
        return number


@dataclass(frozen=True, slots=True)
class Members:
    """What a set holds as children, in the order of `keys.in_order`.

    Attributes:
        members: The members.
        label: What stands before a position in the path of each.
        name: What stands before it in the name of a row; by default the same.
    """

    members: Collection[Any]
    label: str = ""
    name: str | None = None

    def __len__(self) -> int:
        return len(self.members)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        members = islice(in_order(self.members), first, first + count)
        for index, value in enumerate(members, first):
            name = self.label if self.name is None else self.name
            yield Child(f"{name}{index}", value, special(f"{self.label}{index}"))


@dataclass(frozen=True, slots=True)
class Entry:
    """Key and value of a dictionary where the key is worth opening, too."""

    key: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Pairs:
    """The items of a dictionary, or pairs that were set in an object, as children.

    Attributes:
        pairs: The dictionary, or the pairs.
        python2: Whether `bytes` are texts of Python 2.
        place: Where the dictionary is, as a path from the value whose children these are.
        by_position: Whether paths name them by position, as there are items beside them.
        is_listed: Whether there is a list of pairs at the place, instead of a dictionary.
        view: Returns what a value is shown as; by default itself.
    """

    pairs: Mapping[Any, Any] | Sequence[tuple[Any, Any]]
    python2: bool = False
    place: str = ""
    by_position: bool = False
    is_listed: bool = False
    view: Callable[[Any], Any] | None = None

    def __len__(self) -> int:
        return len(self.pairs)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        parts = pair_parts(
            self.pairs, first, count, python2=self.python2, by_position=self.by_position
        )
        for position, (part, key, value) in enumerate(parts, first):
            shown = self.view(value) if self.view else value
            yield Child(
                _key_name(key, self.python2),
                shown if _is_plain(key) else Entry(key, shown),
                part,
                self._stored(position, part),
            )

    def _stored(self, position: int, part: str) -> str | None:
        if self.is_listed:
            return f"{self.place}{item(position)}[1]"
        return f"{self.place}{part}" if self.place else None


@dataclass(frozen=True, slots=True)
class Joined:
    """Several kinds of children, one after the other."""

    kinds: Sequence[Parts]

    def __len__(self) -> int:
        return sum(len(parts) for parts in self.kinds)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        last = first + count
        for parts in self.kinds:
            size = len(parts)
            if first < size and last > 0:
                start = max(first, 0)
                yield from parts.slice(start, min(last, size) - start)
            first -= size
            last -= size


def _is_plain(key: Any) -> bool:
    if isinstance(key, (tuple, frozenset)):
        return len(key) <= _LONGEST_PLAIN_KEY and all(_is_scalar(part) for part in key)
    return _is_scalar(key)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (MissingBuffer, Global, *HOLDING))


_LONGEST_PLAIN_KEY = 8


def _key_name(key: Any, python2: bool) -> str:
    if type(key) is str and key:
        return escaped(key[:_LONGEST_NAME])
    if type(key) is ByteString or (type(key) is bytes and python2):
        return escaped(text_of(key)[:_LONGEST_NAME])
    return item(key, python2=python2)[1:-1]


_LONGEST_NAME = 200
