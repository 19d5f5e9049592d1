"""Object graphs for tests: random ones of every form that pickles, and whether two are alike."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict, defaultdict, deque, namedtuple
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from random import Random
from typing import Any
from uuid import UUID

Point = namedtuple("Point", "x y")  # noqa: PYI024 — pickled as one


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Plain:
    """Attributes in a dictionary."""


class Slotted:
    __slots__ = ("a", "b")


class SlottedToo(Slotted):
    """Attributes in slots and in a dictionary."""


class NewArgs:
    def __new__(cls, *args: Any) -> NewArgs:  # noqa: PYI034
        self = super().__new__(cls)
        self.args = args
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.args


class NewArgsEx:
    def __new__(cls, *args: Any, **kwargs: Any) -> NewArgsEx:  # noqa: PYI034
        self = super().__new__(cls)
        self.args, self.kwargs = args, kwargs
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return self.args, self.kwargs


class CustomState:
    """A state that is no dictionary."""

    value: Any = None

    def __getstate__(self) -> Any:
        return ["state", self.value]

    def __setstate__(self, state: Any) -> None:
        self.value = state[1]


class Reduced:
    def __init__(self, *args: Any) -> None:
        self.args = args
        self.extra: Any = None

    def __reduce__(self) -> Any:
        return Reduced, self.args, {"extra": self.extra}


class Everything(list):
    """Made by a call, with items, pairs and a state."""

    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.args = args
        self.pairs: dict[Any, Any] = {}

    def __setitem__(self, key: Any, value: Any) -> None:
        self.pairs[key] = value

    def __reduce__(self) -> Any:
        state = {name: value for name, value in vars(self).items() if name != "pairs"}
        return Everything, self.args, state, iter(list(self)), iter(self.pairs.items())


class MyList(list):
    pass


class MyDict(dict):
    pass


class MySet(set):
    pass


class MyInt(int):
    pass


class MyStr(str):
    __slots__ = ()


class Named:
    """Pickled as a global."""

    def __reduce__(self) -> str:
        return "THE_NAMED"


THE_NAMED = Named()


class Stored:
    """Pickled as a persistent ID."""

    def __init__(self, pid: Any) -> None:
        self.pid = pid


def make_graph(random: Random, size: int = 30) -> Any:
    """Make a graph with sharing and cycles: some things that can be filled, filled with all."""
    return _Maker(random, size).graph()


class _Maker:
    def __init__(self, random: Random, size: int) -> None:
        self._random = random
        self._size = size
        self._pool: list[Any] = []

    def graph(self) -> Any:
        count = self._random.randint(0, self._size)
        fillable = [self._empty() for _ in range(count)]
        self._pool += fillable
        for thing in fillable:
            self._fill(thing)
        return self._random.choice(self._pool) if self._pool else self._atom()

    def value(self, depth: int = 0) -> Any:
        """Return something: new, or one that is elsewhere in the graph, too."""
        roll = self._random.random()
        if self._pool and roll < 0.35:
            return self._random.choice(self._pool)
        if roll < 0.75 or depth > 3:
            made = self._atom()
        else:
            made = self._random.choice(self._COMPOUND)(self, depth + 1)
        if self._random.random() < 0.3:
            self._pool.append(made)
        return made

    def _atom(self) -> Any:
        return self._random.choice(self._ATOMS)(self._random)

    def _key(self, depth: int = 0) -> Any:
        """Return something that hashes by value, or by identity."""
        roll = self._random.random()
        if roll < 0.7 or depth > 2:
            return self._random.choice(self._ATOMS)(self._random)
        if roll < 0.8:
            return self._object()
        keys = [self._key(depth + 1) for _ in range(self._random.randint(0, 3))]
        return tuple(keys) if roll < 0.9 else frozenset(keys)

    def _object(self) -> Any:
        return self._random.choice((Plain, Slotted, CustomState))()

    def _empty(self) -> Any:
        kinds = (list, dict, set, Plain, Slotted, SlottedToo, CustomState, MyList, MyDict, MySet)
        more = (OrderedDict, deque, lambda: defaultdict(list), Everything, Reduced, NewArgs)
        return self._random.choice(kinds + more)()

    def _several(self) -> range:
        return range(self._random.choice((0, 1, 1, 2, 3, 5)))

    def _fill(self, thing: Any) -> None:
        if isinstance(thing, Everything):
            thing.pairs = {self._key(): self.value() for _ in self._several()}
        if isinstance(thing, (list, deque)):
            thing.extend([self.value() for _ in self._several()])
        elif isinstance(thing, dict):
            thing.update({self._key(): self.value() for _ in self._several()})
        elif isinstance(thing, set):
            thing.update([self._key() for _ in self._several()])
        if isinstance(thing, Slotted):
            thing.a, thing.b = self.value(), self.value()
        elif isinstance(thing, CustomState):
            thing.value = self.value()
        elif isinstance(thing, Reduced):
            thing.extra = self.value()
        if isinstance(thing, (Plain, SlottedToo, MyList, MyDict, MySet, Everything, NewArgs)):
            for name in ("a", "name", "größe", "_private")[: self._random.randint(0, 4)]:
                if not (isinstance(thing, Slotted) and name == "a"):
                    setattr(thing, name, self.value())

    _ATOMS = (
        lambda random: None,
        lambda random: random.random() < 0.5,
        lambda random: random.randint(-300, 70_000),
        lambda random: random.getrandbits(random.choice((31, 32, 63, 64, 200, 3_000))),
        lambda random: -random.getrandbits(80),
        lambda random: random.choice((0.0, -0.0, 1e300, 0.1, math.inf, -math.inf, 5e-324)),
        lambda random: random.gauss(0, 1),
        lambda random: "".join(random.choices("abc\n\\\0 é€\ud800🎉'\"", k=random.randint(0, 8))),
        lambda random: random.choice(("", "state", "x" * 300, "jobname", "é" * 200)),
        lambda random: random.choice((b"", b"\0\xff", b"bytes", b"y" * 300)),
        lambda random: complex(random.random(), -1),
        lambda random: random.choice(list(Colour)),
        lambda random: random.choice((Flags.A, Flags.A | Flags.B)),
        lambda random: random.choice((int, dict, Plain, Colour, make_graph, len, Ellipsis)),
        lambda random: datetime(2024, 1, random.randint(1, 28), 3, 4, 5, 6, timezone.utc),
        lambda random: random.choice((date(2024, 2, 3), timedelta(days=1, microseconds=7))),
        lambda random: random.choice((Decimal("1.50"), Fraction(1, 3), UUID(int=7))),
        lambda random: random.choice((PurePosixPath("/a/b"), range(3), MyInt(7), MyStr("my"))),
        lambda random: THE_NAMED,
    )

    _COMPOUND = (
        lambda self, depth: tuple(self.value(depth) for _ in self._several()),
        lambda self, depth: [self.value(depth) for _ in self._several()],
        lambda self, depth: {self._key(): self.value(depth) for _ in self._several()},
        lambda self, depth: {self._key() for _ in self._several()},
        lambda self, depth: frozenset(self._key() for _ in self._several()),
        lambda self, depth: bytearray(b"array"),
        lambda self, depth: NewArgs(*[self._key() for _ in self._several()]),
        lambda self, depth: NewArgsEx(self._key(), name=self._key()),
        lambda self, depth: Reduced(*[self._key() for _ in self._several()]),
        lambda self, depth: Point(self.value(depth), self.value(depth)),
        lambda self, depth: ValueError(self._key(), 3),
        lambda self, depth: slice(1, None, 2),
        lambda self, depth: Stored(self._random.choice(("Job.7", "a/b", "Job.8"))),
    )


def are_alike(left: Any, right: Any) -> str:
    """Say where two loaded graphs differ in values, types or identities; "" if nowhere."""
    kept: list[Any] = []  # an `id` is only one's own while one lives
    partners: dict[int, int] = {}
    back: dict[int, int] = {}
    todo: list[tuple[Any, Any, str]] = [(left, right, "root")]
    while todo:
        a, b, path = todo.pop()
        if type(a) is not type(b):
            return f"{path}: {type(a).__name__} and {type(b).__name__}"
        if _is_plain(a):
            if not (a == b and repr(a) == repr(b)) and not (a != a and b != b):
                return f"{path}: {a!r} and {b!r}"
            continue
        if type(a) not in (tuple, frozenset) or a:
            known = partners.get(id(a))
            if (known is None) != (back.get(id(b)) is None) or known not in (None, id(b)):
                return f"{path}: shared otherwise"
            if known is not None:
                continue
            partners[id(a)], back[id(b)] = id(b), id(a)
        parts_a, parts_b = _parts(a), _parts(b)
        kept += (parts_a, parts_b)
        if len(parts_a) != len(parts_b):
            return f"{path}: {len(parts_a)} and {len(parts_b)} parts"
        for (name, inner_a), (_, inner_b) in zip(parts_a, parts_b, strict=True):
            todo.append((inner_a, inner_b, f"{path}/{name}"))
    return ""


_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, range, slice)
_VALUES = (enum.Enum, date, timedelta, Decimal, Fraction, UUID, PurePosixPath, type, Named)


def _is_plain(value: Any) -> bool:
    return (
        isinstance(value, (*_PLAIN, *_VALUES))
        or value is Ellipsis
        or type(value).__name__ in ("function", "builtin_function_or_method")
    )


def _parts(value: Any) -> list[tuple[str, Any]]:
    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        for index, (key, inner) in enumerate(value.items()):
            parts += [(f"key{index}", key), (f"value{index}", inner)]
    elif isinstance(value, (list, tuple, deque)):
        parts += [(str(index), inner) for index, inner in enumerate(value)]
    elif isinstance(value, (set, frozenset)):
        # Sets have no order: those of values compare as such, the others by their numbers.
        hashed = [inner for inner in value if _is_plain(inner)]
        parts += [("set", sorted(map(repr, hashed))), ("others", len(value) - len(hashed))]
    if isinstance(value, BaseException):
        parts.append(("args", value.args))
    if isinstance(value, Stored):
        return [("pid", value.pid)]
    for cls in type(value).__mro__:
        for name in getattr(cls, "__slots__", ()):
            if isinstance(name, str) and hasattr(value, name) and cls.__module__ == __name__:
                parts.append((name, getattr(value, name)))
    parts += sorted(getattr(value, "__dict__", {}).items(), key=lambda item: item[0])
    return parts
