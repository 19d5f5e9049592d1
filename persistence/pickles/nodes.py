"""What a decoded pickle is made of, besides Python's own plain values.

Numbers, texts, bytes, lists, tuples, dictionaries and sets of a pickle are decoded as
themselves. All else stands for something that is not there and is never called for:

- a `Global` is a reference to a class or function, by its name;
- an `Object` records how an instance was made and what was then done to it;
- a `Reference` is a persistent ID, the place of an object stored elsewhere;
- a `MissingBuffer` is data that was to be delivered outside the pickle (PEP 574);
- an `Unhashed` is a dictionary or set with keys that Python refuses, such as lists;
- a `ByteString` is a `str` of Python 2 in a pickle that also has real bytes.

A `Global` is itself a class and an `Object` its instance, because the C unpickler accepts
only real classes where a pickle says "make an instance of this class". What the unpickler
does to an object (set its state, append items, set keys) arrives at the special methods of
`Object`, which only take notes. Objects are equal to nothing but themselves, so that a
dictionary keeps each of them as a key of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal

from persistence.pickles.texts import integer_text, text_of

__all__ = [
    "HOME",
    "ByteString",
    "Global",
    "MissingBuffer",
    "Object",
    "Reference",
    "Result",
    "Unhashed",
    "plain_state",
]

_Step = Literal["items", "pairs", "added", "states"]
_USUAL_ORDER: tuple[_Step, ...] = ("items", "pairs", "added", "states")
_NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})

HOME = "persistence.pickles.encode"
"""The module in which `pickle` finds every `Global` by a made-up name, to write it."""


class Global(type):
    """A reference to a class or function by name; calling it records the call.

    Attributes:
        module: Name of its module, as the pickle gives it (Python 2 names stay).
        qualname: Its name in the module, with dots for nested ones.
    """

    module: str
    qualname: str

    @classmethod
    def named(cls, module: str, qualname: str) -> Global:
        """Make a reference to a class or function."""
        home = HOME.encode().decode()  # a new text each time: see `encode`
        names = {"__slots__": (), "__module__": home, "module": module, "qualname": qualname}
        return cls("Object", (Object,), names)

    def __call__(cls, *args: Any, **kwargs: Any) -> Object:
        # As in `Object.__new__`, which it does not call: the unpickler spends a large part of
        # its time in these two.
        made: Object = object.__new__(cls)  # type: ignore[arg-type]  # made of Object
        made.how = "call"
        made.args = args
        made.kwargs = kwargs or _NO_KEYWORDS
        made.states = made.items = made.pairs = made.added = made.order = ()
        return made

    @property
    def name(cls) -> str:
        """Module and qualified name, such as "collections.OrderedDict"."""
        return f"{cls.module}.{cls.qualname}"

    def __repr__(cls) -> str:
        return f"<Global {cls.name}>"


class Object(metaclass=Global):
    """An instance: how it was made, and what was then done to it.

    Attributes:
        how: "new" if its class made it from the arguments (`cls.__new__(cls, *args)`),
            "call" if a class or function was called and gave it, "instance" if it was made
            as Python 2 makes instances: by a call, or without arguments like "new".
        args: Positional arguments.
        kwargs: Keyword arguments.
        states: The states set on it, in order; almost always none or one.
        items: What was appended to it, in order.
        pairs: Keys and values set in it, in order.
        added: What was added to it as to a set, in order.
        order: Empty if all items came first, then all pairs, what was added, and the states,
            as all picklers write it; else which of these came when, with numbers.
    """

    module = ""
    qualname = "Object"

    __slots__ = ("added", "args", "how", "items", "kwargs", "order", "pairs", "states")

    how: Literal["new", "call", "instance"]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    states: tuple[Any, ...] | list[Any]
    items: list[Any] | tuple[()]
    pairs: list[tuple[Any, Any]] | tuple[()]
    added: list[Any] | tuple[()]
    order: list[tuple[_Step, int]] | tuple[()]

    def __new__(cls, *args: Any, **kwargs: Any) -> Object:  # noqa: PYI034 — Global makes them
        self = object.__new__(cls)
        self.how = "new"
        self.args = args
        self.kwargs = kwargs or _NO_KEYWORDS
        self.states = self.items = self.pairs = self.added = self.order = ()
        return self

    @property
    def cls(self) -> Global:
        """The class or function that made it."""
        return type(self)

    def attributes(self) -> dict[str, Any]:
        """Return its attributes, as far as its states are plain: name → value.

        A state is plain if it is a dictionary, or a pair of dictionaries (or None), as
        objects with `__slots__` have it.
        """
        merged: dict[str, Any] = {}
        for state in self.states:
            for part in plain_state(state):
                for name, value in part.items():
                    merged[name if type(name) is str else text_of(name)] = value
        return merged

    # What the unpickler does to an object.

    def __setstate__(self, state: Any) -> None:
        if not self.states:
            self.states = (state,)
            if self.order:
                self._note("states", 1)
            return
        if self.order:
            self._note("states", 1)
        if type(self.states) is list:
            self.states.append(state)
        else:
            self.states = [*self.states, state]

    def extend(self, items: list[Any]) -> None:
        """Record that items were appended."""
        if self.states or self.pairs or self.added:
            self._note("items", len(items))
        if self.items:
            self.items.extend(items)
        else:
            self.items = items  # the unpickler's own list, made for this call

    def append(self, item: Any) -> None:
        """Record that an item was appended."""
        self.extend([item])

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.states or self.added:
            self._note("pairs", 1)
        if self.pairs:
            self.pairs.append((key, value))
        else:
            self.pairs = [(key, value)]

    def add(self, item: Any) -> None:
        """Record that an item was added as to a set."""
        if self.states:
            self._note("added", 1)
        if self.added:
            self.added.append(item)
        else:
            self.added = [item]

    def _note(self, kind: _Step, count: int) -> None:
        if not self.order:
            # It is unusual from here on; what is there came in the usual one.
            self.order = [
                (done, len(getattr(self, done))) for done in _USUAL_ORDER if getattr(self, done)
            ]
        if self.order and self.order[-1][0] == kind:
            count += self.order.pop()[1]
        self.order.append((kind, count))

    def __call__(self, *args: Any, **kwargs: Any) -> Result:
        return Result.of(self, args, kwargs)

    def __repr__(self) -> str:
        return f"<Object {type(self).name}>"


class Result(Object):
    """What came of calling something that is not a global, but was made in the pickle.

    Attributes:
        callee: The object or reference that was called, or whose instance this is.
    """

    module = ""
    qualname = "Result"

    __slots__ = ("callee",)

    callee: Any

    @classmethod
    def of(
        cls,
        callee: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any] = _NO_KEYWORDS,
        how: Literal["new", "call", "instance"] = "call",
    ) -> Result:
        """Record a call of `callee`, or with `how="new"` an instance of it."""
        self = Object.__new__(cls, *args, **kwargs)
        assert isinstance(self, Result)
        self.how = how
        self.callee = callee
        return self


class Reference(Object):
    """A persistent ID in place of an object that is stored on its own.

    Attributes:
        pid: The ID as it is in the pickle: a text, a number, or an object that is one.
    """

    module = ""
    qualname = "Reference"

    __slots__ = ("pid",)

    pid: Any

    @classmethod
    def to(cls, pid: Any) -> Reference:
        """Record a reference to a persistent ID."""
        self = Object.__new__(cls)
        assert isinstance(self, Reference)
        self.pid = pid
        return self

    @property
    def id(self) -> str:
        """The persistent ID as stores give it.

        GC3Pie writes IDs as objects: `Id("Application", 42)` is "Application.42" and
        `IntId(None, 42)` is "42".
        """
        pid = self.pid
        if isinstance(pid, str):
            return pid
        if isinstance(pid, bytes):
            return text_of(pid)
        if isinstance(pid, int):
            return integer_text(pid)
        if isinstance(pid, Object) and len(pid.args) == 2:
            prefix, number = pid.args
            if isinstance(number, int) and not isinstance(number, bool):
                if prefix is None:
                    return integer_text(number)
                if isinstance(prefix, bytes):
                    prefix = text_of(prefix)
                if isinstance(prefix, str):
                    return f"{prefix}.{integer_text(number)}"
        return _text_of_unknown(pid)

    def __repr__(self) -> str:
        return f"<Reference {self.id}>"


class Unhashed(Object):
    """A dictionary or set with keys that cannot be hashed; loading it for real would fail.

    Its contents are in `pairs`, or for a set in `added`.

    Attributes:
        container: Which one it is.
    """

    module = ""
    qualname = "Unhashed"

    __slots__ = ("container",)

    container: Literal["dict", "set", "frozenset"]

    @classmethod
    def of(cls, container: Literal["dict", "set", "frozenset"]) -> Unhashed:
        """Make an empty one."""
        self = Object.__new__(cls)
        assert isinstance(self, Unhashed)
        self.container = container
        return self

    def __repr__(self) -> str:
        return f"<Unhashed {self.container}>"


class ByteString(bytes):
    """A `str` of Python 2, in a pickle that has `bytes` as well."""

    __slots__ = ()


class MissingBuffer(bytearray):
    """Data that was kept outside the pickle and is not here. Equal only to itself."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:  # type: ignore[override] # it never changes
        return object.__hash__(self)

    def __repr__(self) -> str:
        return "<MissingBuffer>"


def plain_state(state: Any) -> Iterator[dict[Any, Any]]:
    """Iterate over the dictionaries of attributes that a state is made of."""
    parts: Iterable[Any] = (state,)
    if type(state) is tuple and len(state) == 2:
        parts = state
        if not all(part is None or type(part) is dict for part in parts):
            return
    for part in parts:
        if type(part) is dict and all(type(name) in _NAME_TYPES for name in part):
            yield part


_NAME_TYPES = frozenset((str, bytes, ByteString))


def _text_of_unknown(pid: Any) -> str:
    """Return a persistent ID of no known kind in one line.

    One that holds references, whose IDs may hold references in turn, is told by its class.
    """
    from persistence.pickles.classes import class_name  # they look at nodes, too
    from persistence.pickles.present import preview
    from persistence.pickles.slots import contained
    from persistence.pickles.texts import escaped

    found = [pid]
    for value in found:  # it grows on the way
        if isinstance(value, Reference) or len(found) > _MOST_IN_ID:
            return f"<{escaped(class_name(pid))}>"
        found.extend(islice(contained(value), _MOST_IN_ID + 1 - len(found)))
    return preview(pid)


_MOST_IN_ID = 200  # values that are looked at; no ID that is shown has so many
