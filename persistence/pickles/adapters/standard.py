"""How the standard library's own types look: dates, numbers, paths, collections, patterns.

They are pickled as calls with arguments, which say little: ten bytes for a date and time.
Here they look as they do in Python.
"""

from __future__ import annotations

import datetime as dt
import re
import time
import uuid as uuids
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from itertools import chain
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

from persistence.pickles.classes import class_name, global_name, set_members, short_name, short_type
from persistence.pickles.nodes import Global, Object
from persistence.pickles.parts import (
    Attributes,
    Child,
    Fields,
    Items,
    Joined,
    Members,
    Numbers,
    Pairs,
    Parts,
)
from persistence.pickles.paths import special
from persistence.pickles.texts import escaped, integer_text, quoted, text_of
from persistence.pickles.views import (
    Code,
    Name,
    View,
    call,
    object_parts,
    pairs_code,
    separated,
    view,
)

__all__ = [
    "address",
    "bytes_of",
    "clock_time",
    "complex_number",
    "date",
    "duration",
    "mapping",
    "moment",
    "number",
    "number_array",
    "partial",
    "path",
    "pattern",
    "plain_bytes",
    "plain_set",
    "queue",
    "span",
    "struct_time",
    "uuid",
    "zone",
]

_Made = TypeVar("_Made")

_DATETIME_SIZE, _DATE_SIZE, _TIME_SIZE = 10, 4, 6  # bytes
_FOLD = 0x80
_TIMEDELTA_ARGS = 3
_STRUCT_TIME_FIELDS = 9
_DEQUE_ARGS = 2
_PARTIAL_STATE = 4
_MEMBER_ARGS = 2  # of `getattr(class, name)`
_ARRAY_ARGS = 4
_ALL_FLAGS = 1 << 9
# Machine format code of `array.array` (Modules/arraymodule.c) → layout for `struct`.
_ARRAY_FORMATS = dict(
    enumerate(
        [
            "<B",
            "<b",
            "<H",
            ">H",
            "<h",
            ">h",
            "<I",
            ">I",
            "<i",
            ">i",
            "<Q",
            ">Q",
            "<q",
            ">q",
            "<f",
            ">f",
            "<d",
            ">d",
        ]
    )
)


def bytes_of(value: Any) -> bytes | None:
    """Return bytes, also where protocols 0 to 2 have them as the encoding of a text."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, Object) and value.cls.name == "_codecs.encode" and value.args:
        encoded, *encoding = value.args
        if isinstance(encoded, str) and encoding in (["latin1"], [b"latin1"]):
            try:
                return encoded.encode("latin-1")
            except UnicodeEncodeError:
                return None
    if isinstance(value, Object) and class_name(value) == "builtins.bytes" and not value.args:
        return b""
    return None


# Dates and times (their pickled form: Lib/_pydatetime.py, `_getstate`).


def moment(value: Object, python2: bool) -> View | None:
    """Show a `datetime.datetime`."""
    state = bytes_of(value.args[0]) if value.args else None
    if state is None or len(state) != _DATETIME_SIZE:
        return None
    high, low, month, day, hour, minute, second = state[:7]
    naive = _valid(
        lambda: dt.datetime(  # noqa: DTZ001 — its time zone comes beside it
            high * 256 + low,
            month & ~_FOLD,
            day,
            hour,
            minute,
            second,
            int.from_bytes(state[7:], "big"),
            fold=month >> 7,
        )
    )
    return None if naive is None else _with_zone(value, naive, python2)


def clock_time(value: Object, python2: bool) -> View | None:
    """Show a `datetime.time`."""
    state = bytes_of(value.args[0]) if value.args else None
    if state is None or len(state) != _TIME_SIZE:
        return None
    hour, minute, second = state[:3]
    naive = _valid(
        lambda: dt.time(
            hour & ~_FOLD, minute, second, int.from_bytes(state[3:], "big"), fold=hour >> 7
        )
    )
    return None if naive is None else _with_zone(value, naive, python2)


def _with_zone(value: Object, naive: dt.datetime | dt.time, python2: bool) -> View:
    name, _, rest = repr(naive).partition("(")  # "datetime.datetime(2024, 1, 2, 3, 4)"
    pieces: list[Any] = [Name(name), Code(f"({rest[:-1]}")]
    brief = str(naive)
    if len(value.args) > 1:
        zone = value.args[1]
        brief = f"{brief} {view(zone, python2=python2).brief or short_type(zone)}"
        pieces += [Code(", tzinfo="), zone]
    pieces.append(Code(")"))
    return _leaf(value, brief, lambda: iter(pieces), naive)


def date(value: Object, python2: bool) -> View | None:
    """Show a `datetime.date`."""
    state = bytes_of(value.args[0]) if value.args else None
    if state is None or len(state) != _DATE_SIZE:
        return None
    return _literal(value, lambda: dt.date(state[0] * 256 + state[1], state[2], state[3]))


def duration(value: Object, python2: bool) -> View | None:
    """Show a `datetime.timedelta`."""
    if not _are(value.args, int) or len(value.args) > _TIMEDELTA_ARGS:
        return None
    return _literal(value, lambda: dt.timedelta(*value.args))


def zone(value: Object, python2: bool) -> View | None:
    """Show a `datetime.timezone` or a `zoneinfo.ZoneInfo`."""
    if not value.args:
        return None
    if isinstance(value.args[0], str):
        return _leaf(value, value.args[0], call(class_name(value), value.args[0]), value.args[0])
    offset = view(value.args[0], python2=python2).value
    if not isinstance(offset, dt.timedelta):
        return None
    found = _valid(lambda: dt.timezone(offset))
    if found is None:
        return None
    name = value.args[1] if len(value.args) > 1 else None
    brief = name if isinstance(name, str) else str(found)
    return _leaf(value, brief, call("datetime.timezone", *value.args), found)


def struct_time(value: Object, python2: bool) -> View | None:
    """Show a `time.struct_time`."""
    fields = value.args[0] if value.args else None
    if type(fields) is not tuple or not _are(fields, int) or len(fields) < _STRUCT_TIME_FIELDS:
        return None
    brief = _valid(lambda: time.asctime(fields[:_STRUCT_TIME_FIELDS]))
    return None if brief is None else _leaf(value, brief, call("time.struct_time", fields), fields)


# Numbers and names.


def number(value: Object, python2: bool) -> View | None:
    """Show a `decimal.Decimal` or a `fractions.Fraction`."""
    if _are(value.args, int) and value.args:
        brief = "/".join(integer_text(argument) for argument in value.args)
    elif len(value.args) == 1 and isinstance(value.args[0], (str, bytes)):
        brief = _text(value.args[0])
    else:
        return None
    return _leaf(value, brief, call(class_name(value), *value.args))


def complex_number(value: Object, python2: bool) -> View | None:
    """Show a `complex`."""
    if not _are(value.args, float, int) or not value.args:
        return None
    return _literal(value, lambda: complex(*value.args))


def uuid(value: Object, python2: bool) -> View | None:
    """Show a `uuid.UUID`."""
    stored = value.attributes().get("int")
    if not isinstance(stored, int):
        return None
    found = _valid(lambda: uuids.UUID(int=stored))
    return None if found is None else _leaf(value, str(found), call("uuid.UUID", str(found)))


def address(value: Object, python2: bool) -> View | None:
    """Show an address or network of `ipaddress`."""
    if len(value.args) != 1:
        return None
    stored = value.args[0]
    if isinstance(stored, str):
        brief = stored
    elif isinstance(stored, int):
        size = 4 if class_name(value).endswith("4Address") else 16
        packed = _valid(lambda: stored.to_bytes(size, "big"))
        if packed is None:
            return None
        brief = str(ip_address(packed))
    else:
        return None
    return _leaf(value, brief, call(class_name(value), brief))


def path(value: Object, python2: bool) -> View | None:
    """Show a path of `pathlib`, which is pickled as its parts."""
    if not value.args or not _are(value.args, str, bytes):
        return None
    name = class_name(value)
    # Pure paths touch no file system; Python 3.13 pickles what a path was made of.
    kind = PureWindowsPath if "Windows" in name else PurePosixPath
    brief = str(kind(*(_text(part) for part in value.args)))
    return _leaf(value, brief, call(name, brief), brief)


def pattern(value: Object, python2: bool) -> View | None:
    """Show a compiled regular expression."""
    if not value.args or not isinstance(value.args[0], (str, bytes)):
        return None
    flags = value.args[1] if len(value.args) > 1 else 0
    meaning = str(re.RegexFlag(flags)) if isinstance(flags, int) and 0 < flags < _ALL_FLAGS else ""
    return View(
        "Pattern",
        brief=f"{quoted(_text(value.args[0]))}  {meaning}".rstrip(),
        code=call("re.compile", *value.args),
    )


# Collections.


def plain_bytes(value: Object, python2: bool) -> View | None:
    """Show the `bytes` or `bytearray` of protocols 0 to 2."""
    name = class_name(value)
    if name == "builtins.bytearray":
        found = bytes_of(value.args[0]) if value.args else b""
    else:
        found = bytes_of(value)
    if found is None:
        return None
    shown = bytearray(found) if name == "builtins.bytearray" else found
    return View(short_type(value), code=lambda: iter((shown,)), value=shown)


def plain_set(value: Object, python2: bool) -> View | None:
    """Show the `set` or `frozenset` of protocols 0 to 3."""
    members = set_members(value)
    if members is None:
        return None
    return View(
        short_type(value),
        code=call(short_type(value), members) if members else call(short_type(value)),
        parts=Members(members),
        count=len(members),
    )


def span(value: Object, python2: bool) -> View | None:
    """Show a `range` or a `slice`."""
    if not value.args:
        return None
    return View(short_type(value), code=call(short_type(value), *value.args))


def mapping(value: Object, python2: bool) -> View | None:
    """Show an `OrderedDict`, a `defaultdict` or a `Counter`."""
    name = class_name(value)
    stored: Any = value.pairs
    place = None
    factory = value.args
    if value.args and type(value.args[-1]) is dict and not value.pairs:
        stored, factory = value.args[-1], value.args[:-1]
        place = special(len(factory))
    if len(factory) > 1 or value.items:
        return None
    kinds: list[Parts] = [Pairs(stored, python2, stored=place)]
    if factory:
        kinds.append(Fields((Child("default_factory", factory[0], ".default_factory", "(0)"),)))
    if value.states:
        kinds.append(Attributes(value.attributes()))
    items = stored.items() if type(stored) is dict else stored
    pairs = View("dict", code=lambda: pairs_code(items))
    arguments: tuple[Any, ...] = (*factory, pairs) if stored else factory
    if stored and not factory and name == "collections.defaultdict":
        arguments = (None, pairs)  # without a factory it is not pickled with one
    return View(
        short_type(value), code=call(name, *arguments), parts=Joined(kinds), count=len(stored)
    )


def queue(value: Object, python2: bool) -> View | None:
    """Show a `collections.deque`."""
    if value.states or len(value.args) > _DEQUE_ARGS:
        return None
    limit = value.args[1:]
    items = value.items or (value.args[0] if value.args else ())
    if type(items) not in (list, tuple):
        return None
    extra = (Fields((Child("maxlen", limit[0], ".maxlen", "(1)"),)),) if limit else ()
    return View(
        "deque",
        code=call("collections.deque", items, *limit),
        parts=Joined((Items(items, stored=None if value.items else "(0)"), *extra)),
        count=len(items),
    )


def member(value: Object, python2: bool) -> View | None:
    """Show what is taken out of a class: so early releases of 3.11 pickle enumerations."""
    if len(value.args) != _MEMBER_ARGS or not isinstance(value.args[0], Global):
        return None
    cls, name = value.args
    if not isinstance(name, str) or not name.isidentifier():
        return None
    return View(
        short_name(cls),
        brief=f"{short_name(cls)}.{name}",
        code=lambda: iter((Name(f"{global_name(cls)}.{name}"),)),
        parts=object_parts(value, python2),
    )


def partial(value: Object, python2: bool) -> View | None:
    """Show a `functools.partial`."""
    state = value.states[-1] if value.states else None
    if type(state) is not tuple or len(state) != _PARTIAL_STATE:
        return None
    function, args, keywords, _ = state
    if type(args) is not tuple or type(keywords) is not dict:
        return None
    children = (
        Child("func", function, ".func", "(state)[0]"),
        Child("args", args, ".args", "(state)[1]"),
        Child("keywords", keywords, ".keywords", "(state)[2]"),
    )
    return View(
        "partial",
        code=lambda: _partial_code(function, args, keywords),
        parts=Fields(children),
    )


def _partial_code(function: Any, args: tuple[Any, ...], keywords: dict[Any, Any]) -> Iterator[Any]:
    yield Name("functools.partial")
    yield Code("(")
    named = ((Code(f"{escaped(str(name))}="), value) for name, value in keywords.items())
    yield from separated(chain([(function,)], ((argument,) for argument in args), named))
    yield Code(")")


def number_array(value: Object, python2: bool) -> View | None:
    """Show an `array.array` by its numbers."""
    args = value.args
    if len(args) == 2 and type(args[1]) is list:
        kind, numbers = args
        place = "(1)"
    elif len(args) == _ARRAY_ARGS and args[2] in _ARRAY_FORMATS:
        data = bytes_of(args[3])
        if data is None:
            return None
        kind, numbers = args[1], Numbers(data, _ARRAY_FORMATS[args[2]])
        place = None
    else:
        return None
    return View(
        "array",
        code=call("array.array", kind, numbers),
        parts=Items(numbers, stored=place),
        count=len(numbers),
    )


# Helpers.


def _literal(value: Object, make: Callable[[], Any]) -> View | None:
    """Show an object of a type whose `repr` is its expression, if it can be made."""
    made = _valid(make)
    if made is None:
        return None
    name, opening, rest = repr(made).partition("(")
    source = (Name(name), Code(opening + rest)) if name else (Code(repr(made)),)
    return _leaf(value, str(made), lambda: iter(source), made)


def _leaf(value: Object, brief: str, code: Callable[[], Iterator[Any]], shown: Any = None) -> View:
    return View(short_type(value), brief=escaped(brief), code=code, text=lambda: brief, value=shown)


def _valid(make: Callable[[], _Made]) -> _Made | None:
    """Make a value from stored numbers; None if they are out of range."""
    try:
        return make()
    except (ValueError, OverflowError, TypeError):
        return None


def _are(values: Iterable[Any], *types: type) -> bool:
    return all(type(value) in types for value in values)


def _text(value: str | bytes) -> str:
    return text_of(value) if isinstance(value, bytes) else value
