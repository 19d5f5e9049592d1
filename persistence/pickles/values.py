"""Values as people type them, made into what a pickle of them decodes to.

Typed values are Python literals, and calls of the standard library's own small types:
`datetime.date(2024, 1, 2)`, `Decimal('1.5')`, `OrderedDict({'a': 1})`. Members of enumerations
are typed by name, `jobs.Colour.RED`, and references as `Reference('Job.7')`. Nothing is
imported for a name that is typed, and only types of the standard library are ever made: they
are pickled here and decoded, so that what is written is what Python itself would write.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import ipaddress
import pathlib
import pickle as pickles
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from typing import Any

from persistence.errors import StoreError
from persistence.pickles import present
from persistence.pickles.alike import (
    DEFAULT_PROTOCOL,
    bytes_like,
    called_again,
    global_of,
    member_of,
    reference_like,
)
from persistence.pickles.classes import (
    BUILT_IN_CLASSES,
    class_name,
    global_name,
    maker_name,
    set_members,
    short_name,
    short_type,
)
from persistence.pickles.decode import decode
from persistence.pickles.literals import Maker, read_literal
from persistence.pickles.nodes import ByteString, Global, Object, Reference, Result
from persistence.pickles.texts import text_of

__all__ = ["edit_text", "parse_value"]

_LONGEST = 100_000  # characters of a value that is edited as text
_FIRST_WITH_BYTES = 3  # protocol
_FIRST_WITH_SETS = 4


def parse_value(
    text: str,
    *,
    like: Any = None,
    python2: bool = False,
    protocol: int = DEFAULT_PROTOCOL,
    reference: Reference | None = None,
) -> Any:
    """Return the decoded value that a text stands for.

    Args:
        text: What was typed.
        like: The value it is to replace, if there is one. It tells what a short name means,
            and which texts of Python 2 are byte strings, and in what encoding.
        python2: Whether texts are to be byte strings as Python 2 had them: all that are
            ASCII or stand where one was, unless they are typed as `u'…'`.
        protocol: The pickle protocol that the value is for.
        reference: One of the pickle's references; new ones have their ID in its form.

    Raises:
        LiteralError: It is no value; the message says where and why.

    >>> parse_value("{'a': Decimal('1.5')}")
    {'a': <Object decimal.Decimal>}
    """
    maker = _Values(like, reference, python2=python2, protocol=protocol)
    return maker.node(read_literal(text, maker), like)


def edit_text(value: Any, *, python2: bool = False, protocol: int = DEFAULT_PROTOCOL) -> str | None:
    """Return the text from which `parse_value` makes an equal value, or None.

    There is none for objects of other classes than those that can be typed, for what is
    long, and for what holds the same list or object twice.

    >>> edit_text([1, "two"]), edit_text([[]] * 2)
    ("[1, 'two']", None)
    """
    try:
        text = present.expression(value, _LONGEST, python2=python2)
        if python2 and type(value) is str and value.isascii():
            text = f"u{text}"
        again = parse_value(text, like=value, python2=python2, protocol=protocol)
    except StoreError:  # it is too long, or no literal
        return None
    return text if _is_equal(value, again, python2) else None


# What values are made by.


@dataclass(frozen=True, slots=True)
class _Typed:
    """A text as it was typed: what it becomes depends on where it stands."""

    value: str
    is_explicit: bool


@dataclass(frozen=True, slots=True)
class _Real:
    """A value of the standard library, to be pickled and decoded."""

    value: Any


class _Values(Maker):
    def __init__(
        self, like: Any, reference: Reference | None, *, python2: bool, protocol: int
    ) -> None:
        self._like = like
        self._reference = like if isinstance(like, Reference) else reference
        self._python2 = python2
        self._protocol = protocol

    def node(self, value: Any, like: Any = None) -> Any:
        """Return what a value becomes where it stands."""
        if isinstance(value, _Typed):
            return self._text_node(value, like)
        if isinstance(value, _Real):
            return self._decoded(value.value)
        if type(value) is complex:
            return self._decoded(value)
        if type(value) is bytes and self._protocol < _FIRST_WITH_BYTES and not self._python2:
            return self._decoded(value)
        return value

    def _text_node(self, typed: _Typed, like: Any) -> Any:
        text = typed.value
        if isinstance(like, ByteString):
            return ByteString(bytes_like(text, like))
        if not self._python2 or typed.is_explicit:
            return text
        if type(like) is bytes:
            return bytes_like(text, like)
        return text.encode() if text.isascii() else text

    def _decoded(self, value: Any) -> Any:
        return decode(pickles.dumps(value, self._protocol)).root

    def text(self, value: str, *, is_explicit: bool) -> Any:
        return _Typed(value, is_explicit)

    def container(self, opening: str, items: list[Any]) -> Any:
        nodes = [self.node(item) for item in items]
        if opening == "{":
            return self._set(set, nodes)
        return tuple(nodes) if opening == "(" else nodes

    def pairs(self, pairs: list[tuple[Any, Any]]) -> Any:
        return {self._key(key): self.node(value) for key, value in pairs}

    def _key(self, key: Any) -> Any:
        node = self.node(key)
        try:
            hash(node)
        except TypeError:
            kind = present.type_name(node)
            raise ValueError(f"a key or member of a set cannot be a {kind}") from None
        return node

    def _set(self, kind: type, nodes: list[Any]) -> Any:
        if self._protocol >= _FIRST_WITH_SETS:
            return kind([self._key(node) for node in nodes])
        made = self._decoded(kind())
        made.args = (nodes,)
        return made

    # Names.

    def name(self, name: str) -> Any:
        if name in ("datetime.timezone.utc", "timezone.utc"):
            return _Real(dt.timezone.utc)
        owner, _, member = name.rpartition(".")
        cls = _class_ofmember_of(self._like)
        if cls is not None and owner in _names_of(cls):
            return member_of(cls, member, self._protocol)
        if isinstance(self._like, Global) and name in _names_of(self._like):
            return self._like
        if name in BUILT_IN_CLASSES:
            return global_of(f"builtins.{name}", self._protocol)
        if not owner:
            raise ValueError(f"{name} is no value; texts stand in quotes, names have a module")
        words = owner.split(".")
        if member.isupper() and len(words) > 1 and words[-1][:1].isupper():
            return member_of(global_of(owner, self._protocol), member, self._protocol)
        return global_of(name, self._protocol)

    def call(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if name == "Reference":
            return self._refer(args, kwargs)
        full = _SHORT_NAMES.get(name, name)
        if full in _COLLECTIONS:
            return _COLLECTIONS[full](self, args, kwargs)
        if full in _REAL:
            plain = [_plain_argument(full, argument) for argument in args]
            named = {key: _plain_argument(full, value) for key, value in kwargs.items()}
            try:
                return _Real(_REAL[full](*plain, **named))
            except ArithmeticError:
                raise ValueError(f"{full}(…) cannot be made of that") from None
        if full in _PATHS:
            return self._path(full, args, kwargs)
        like = self._like
        if _is_bare_call(like) and name in (class_name(like), short_type(like)) and not kwargs:
            return called_again(like, tuple(self.node(argument) for argument in args))
        raise ValueError(f"{name}(…) is no value that can be typed here")

    def _refer(self, args: list[Any], kwargs: dict[str, Any]) -> Reference:
        id_ = args[0] if len(args) == 1 and not kwargs else None
        if type(id_) is int:
            return reference_like(str(id_), self._reference, python2=self._python2)
        if not isinstance(id_, _Typed) or not id_.value:
            raise ValueError("a reference takes one ID: Reference('Job.7')")
        return reference_like(id_.value, self._reference, python2=self._python2)

    def _path(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        texts = [argument.value for argument in args if isinstance(argument, _Typed)]
        if len(texts) != len(args) or kwargs:
            raise ValueError("a path takes texts")
        if name == "pathlib.Path":
            name = class_name(self._like) if isinstance(self._like, Object) else ""
            name = name if name in _PATHS and name != "pathlib.Path" else "pathlib.PosixPath"
        # Later Pythons have another module for them, which earlier ones do not know.
        return global_of(name, self._protocol)(*_PATHS[name](*texts).parts)

    # Collections.

    def _sets(self, kind: type, args: list[Any], kwargs: dict[str, Any]) -> Any:
        members: Any = args[0] if args else []
        members = set_members(members) if isinstance(members, Object) else members
        if len(args) > 1 or kwargs or not isinstance(members, (list, tuple, set, frozenset)):
            raise ValueError(f"{kind.__name__}(…) takes a list, a tuple or a set")
        return self._set(kind, list(members))

    def _mapping(self, kind: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        made = self._decoded(kind())
        factory: tuple[Any, ...] = ()
        if kind is collections.defaultdict and args:
            if args[0] is not None and not isinstance(args[0], (Global, Object)):
                raise ValueError("a defaultdict takes a class or function first, or None")
            factory = () if args[0] is None else (args[0],)
            args = args[1:]
        pairs = self._pairs(args[0]) if args else []
        pairs += [
            (self.node(_Typed(key, False)), self.node(value)) for key, value in kwargs.items()
        ]
        if len(args) > 1:
            raise ValueError(f"{kind.__name__}(…) takes one dictionary")
        if kind is collections.Counter:
            made.args = (dict(pairs),)
            return made
        made.args = factory
        if pairs:
            made.pairs = list(dict(pairs).items())
        return made

    def _pairs(self, given: Any) -> list[tuple[Any, Any]]:
        if type(given) is dict:
            return list(given.items())
        found: list[tuple[Any, Any]] = []
        given_pairs: list[Any] = list(given) if type(given) in (list, tuple) else [None]
        for pair in given_pairs:
            if type(pair) not in (list, tuple) or len(pair) != 2:
                raise ValueError("it takes a dictionary, or a list of pairs")
            found.append((self._key(pair[0]), pair[1]))
        return found

    def _deque(self, kind: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        named = {"iterable": 0, "maxlen": 1}
        given: Any = [[], None]
        for position, value in [
            *enumerate(args),
            *((named.get(k, 2), v) for k, v in kwargs.items()),
        ]:
            if position >= len(given):
                raise ValueError("a deque takes a list and its greatest length")
            given[position] = value
        items, most = given
        if type(items) not in (list, tuple) or (most is not None and type(most) is not int):
            raise ValueError("a deque takes a list and its greatest length")
        made = self._decoded(collections.deque(maxlen=most))
        kept = list(items) if most is None else list(items)[max(0, len(items) - most) :]
        if kept:
            made.items = kept
        return made


_COLLECTIONS: dict[str, Callable[[_Values, list[Any], dict[str, Any]], Any]] = {
    "set": lambda maker, args, kwargs: maker._sets(set, args, kwargs),
    "frozenset": lambda maker, args, kwargs: maker._sets(frozenset, args, kwargs),
    "collections.OrderedDict": lambda maker, args, kwargs: maker._mapping(
        collections.OrderedDict, args, kwargs
    ),
    "collections.defaultdict": lambda maker, args, kwargs: maker._mapping(
        collections.defaultdict, args, kwargs
    ),
    "collections.Counter": lambda maker, args, kwargs: maker._mapping(
        collections.Counter, args, kwargs
    ),
    "collections.deque": lambda maker, args, kwargs: maker._deque(None, args, kwargs),
}


def _float(text: Any) -> float:
    return float(text)


def _bytearray(data: bytes = b"") -> bytearray:
    if type(data) is not bytes:
        raise ValueError("bytearray(…) takes bytes: bytearray(b'…')")
    return bytearray(data)


def _fraction(numerator: Any, denominator: Any = None) -> fractions.Fraction:
    # An exponent would be multiplied out.
    if isinstance(numerator, str) and not re.fullmatch(_FRACTION, numerator):
        raise ValueError("a fraction is written as Fraction('22/7') or Fraction(22, 7)")
    if not isinstance(numerator, (str, int, float)):
        raise ValueError("a fraction is made of integers")
    made: Callable[..., fractions.Fraction] = fractions.Fraction
    return made(numerator, denominator)


_FRACTION = r"\s*[+-]?\d+(?:/\d+|\.\d+)?\s*"

_REAL: dict[str, Callable[..., Any]] = {
    "datetime.datetime": dt.datetime,
    "datetime.date": dt.date,
    "datetime.time": dt.time,
    "datetime.timedelta": dt.timedelta,
    "datetime.timezone": dt.timezone,
    "decimal.Decimal": decimal.Decimal,
    "fractions.Fraction": _fraction,
    "uuid.UUID": uuid.UUID,
    "ipaddress.IPv4Address": ipaddress.IPv4Address,
    "ipaddress.IPv6Address": ipaddress.IPv6Address,
    "ipaddress.IPv4Network": ipaddress.IPv4Network,
    "ipaddress.IPv6Network": ipaddress.IPv6Network,
    "ipaddress.IPv4Interface": ipaddress.IPv4Interface,
    "ipaddress.IPv6Interface": ipaddress.IPv6Interface,
    "float": _float,
    "complex": complex,
    "bytearray": _bytearray,
    "range": range,
    "slice": slice,
}
_PATHS: dict[str, type[pathlib.PurePath]] = {
    "pathlib.Path": pathlib.PurePosixPath,
    "pathlib.PosixPath": pathlib.PurePosixPath,
    "pathlib.WindowsPath": pathlib.PureWindowsPath,
    "pathlib.PurePosixPath": pathlib.PurePosixPath,
    "pathlib.PureWindowsPath": pathlib.PureWindowsPath,
}
_SHORT_NAMES = {
    name.rpartition(".")[2]: name for name in (*_REAL, *_PATHS, *_COLLECTIONS) if "." in name
}


def _plain_argument(name: str, argument: Any) -> Any:
    if isinstance(argument, _Typed):
        return argument.value
    if isinstance(argument, _Real):
        return argument.value
    if isinstance(argument, (Object, Global, list, tuple, dict, set, frozenset)):
        raise ValueError(f"{name} takes numbers and texts")
    return argument


def _is_bare_call(value: Any) -> bool:
    """Whether an object is what a class or function gave for some arguments, and no more."""
    if not isinstance(value, Object) or isinstance(value, Reference) or value.how != "call":
        return False
    return not (value.states or value.items or value.pairs or value.added or value.kwargs)


def _class_ofmember_of(value: Any) -> Any:
    """Return the class that an enumeration's member is of, as its pickle has it, or None."""
    if not _is_bare_call(value):
        return None
    if maker_name(value) == "builtins.getattr" and len(value.args) == 2:
        return value.args[0]
    if len(value.args) != 1:
        return None
    return value.callee if isinstance(value, Result) else value.cls


def _name_text(name: Any) -> str:
    return text_of(name) if isinstance(name, bytes) else str(name)


def _names_of(cls: Any) -> tuple[str, ...]:
    if isinstance(cls, Global):
        return global_name(cls), short_name(cls)
    if isinstance(cls, Object) and maker_name(cls) == "builtins.getattr":
        name = ".".join(_name_text(part) for part in cls.args[1:])
        return tuple(f"{outer}.{name}" for outer in _names_of(cls.args[0]))
    return ()


# Whether a value came back.


def _is_equal(value: Any, again: Any, python2: bool) -> bool:
    pending = [(value, again)]
    seen: set[int] = set()
    while pending:
        one, other = pending.pop()
        if isinstance(one, _MUTABLE) and not _is_leaf(one):
            if id(one) in seen:
                return False  # what was the same would be two
            seen.add(id(one))
        inner = _matched(one, other, python2)
        if inner is None:
            return False
        pending += inner
    return True


_MUTABLE = (list, dict, set, bytearray, Object)


def _matched(one: Any, other: Any, python2: bool) -> list[tuple[Any, Any]] | None:
    """Return the parts of two values that must be equal for them to be so; None if they differ."""
    if isinstance(one, Object):
        if not isinstance(other, Object) or class_name(one) != class_name(other):
            return None
        codes = [present.expression(value, python2=python2) for value in (one, other)]
        pairs = [*zip(one.items, other.items, strict=False)]
        pairs += zip(one.pairs, other.pairs, strict=False)
        return pairs if codes[0] == codes[1] else None
    if type(one) is not type(other):
        return None
    if isinstance(one, (list, tuple)):
        return list(zip(one, other, strict=True)) if len(one) == len(other) else None
    if isinstance(one, dict):
        same_size = len(one) == len(other)
        return list(zip(one.items(), other.items(), strict=True)) if same_size else None
    if isinstance(one, (set, frozenset)) and any(
        isinstance(member, (Object, tuple, frozenset)) for member in one
    ):
        return None  # objects are equal to nothing but themselves
    is_same = one == other or (type(one) is float and isnan(one) and isnan(other))
    return [] if is_same else None


def _is_leaf(value: Any) -> bool:
    return isinstance(value, Object) and present.child_count(value) == 0
