"""How numbers, names, paths, patterns and functions of the standard library look."""

from __future__ import annotations

import re
import uuid as uuids
from collections.abc import Iterator
from http import HTTPStatus
from ipaddress import ip_address
from itertools import chain
from math import copysign, isfinite
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import urlunsplit

from persistence.pickles.adapters.leaves import are, bytes_of, known_text, last_state, leaf, valid
from persistence.pickles.classes import (
    class_name,
    constructor_args,
    global_name,
    short_name,
    short_type,
)
from persistence.pickles.nodes import Global, Object
from persistence.pickles.parts import Child, Fields
from persistence.pickles.paths import attribute, item, special
from persistence.pickles.texts import escaped, integer_text, quoted
from persistence.pickles.views import (
    Code,
    Name,
    View,
    call,
    object_parts,
    separated,
)

__all__ = [
    "address",
    "complex_number",
    "fraction",
    "joined_flags",
    "member",
    "number",
    "parsed_url",
    "partial",
    "path",
    "pattern",
    "random_state",
    "span",
    "status",
    "type_of",
    "uuid",
]

_FRACTION = re.compile(r"-?\d{1,4000}(/\d{1,4000})?", re.ASCII)
_PARTIAL_STATE = 4
_MEMBER_ARGS = 2  # of `getattr(class, name)`
_RANDOM_STATE = 3
_TWISTER_WORDS = 625  # 624 words, and how many of them are used up
_FLAGS = {
    2: "re.IGNORECASE",
    4: "re.LOCALE",
    8: "re.MULTILINE",
    16: "re.DOTALL",
    32: "re.UNICODE",
    64: "re.VERBOSE",
    128: "re.DEBUG",
    256: "re.ASCII",
}
_UNICODE = 32  # set for every pattern of text unless it is ASCII
_URL_NAMES = {
    "SplitResult": ("scheme", "netloc", "path", "query", "fragment"),
    "ParseResult": ("scheme", "netloc", "path", "params", "query", "fragment"),
    "DefragResult": ("url", "fragment"),
}


# Numbers.


def number(value: Object, python2: bool) -> View | None:
    """Show a `decimal.Decimal`."""
    if len(value.args) != 1:
        return None
    stored = value.args[0]
    brief = integer_text(stored) if type(stored) is int else known_text(stored)
    if brief is None:
        return None
    return leaf(value, brief, call(class_name(value), brief))


def fraction(value: Object, python2: bool) -> View | None:
    """Show a `fractions.Fraction`, which is pickled as a text or as two numbers."""
    numbers: tuple[Any, ...] = value.args
    written = known_text(numbers[0]) if len(numbers) == 1 else None
    if written is not None:
        if not _FRACTION.fullmatch(written):
            return None
        numbers = tuple(int(part) for part in written.split("/"))
    if not numbers or len(numbers) > 2 or not are(numbers, int):
        return None
    shown = numbers[:1] if numbers[1:] == (1,) else numbers  # as `str` shows it
    brief = "/".join(integer_text(part) for part in shown)
    return leaf(value, brief, call(class_name(value), *numbers))


def complex_number(value: Object, python2: bool) -> View | None:
    """Show a `complex`."""
    if not are(value.args, float, int) or not 0 < len(value.args) <= 2:
        return None
    made = valid(lambda: complex(*value.args))
    if made is None:
        return None
    parts = (made.real, made.imag)
    if all(isfinite(part) and (part or copysign(1, part) > 0) for part in parts):
        return leaf(value, str(made), lambda: iter((Code(repr(made)),)), made)
    return leaf(value, str(made), call("complex", *parts), made)  # "nanj" is no expression


def span(value: Object, python2: bool) -> View | None:
    """Show a `range` or a `slice`."""
    if len(value.args) != 3:
        return None
    names = ("start", "stop", "step")
    children = [
        Child(name, value.args[n], attribute(name), special(n)) for n, name in enumerate(names)
    ]
    return View(
        short_type(value), code=call(short_type(value), *value.args), parts=Fields(children)
    )


def random_state(value: Object, python2: bool) -> View | None:
    """Show a `random.Random` without its 624 numbers."""
    state = value.states[-1] if value.states else None
    if type(state) is not tuple or len(state) != _RANDOM_STATE:
        return None
    words = state[1]
    if type(words) is not tuple or len(words) != _TWISTER_WORDS:
        return None
    used = words[-1]
    if type(used) is not int:
        return None
    return View(
        short_type(value),
        brief=f"Mersenne Twister, {integer_text(used)} of {_TWISTER_WORDS - 1} words used",
        parts=object_parts(value, python2),
    )


# Names and addresses.


def uuid(value: Object, python2: bool) -> View | None:
    """Show a `uuid.UUID`."""
    stored = value.attributes().get("int")
    if type(stored) is not int:
        return None
    found = valid(lambda: uuids.UUID(int=stored))
    return None if found is None else leaf(value, str(found), call("uuid.UUID", str(found)))


def address(value: Object, python2: bool) -> View | None:
    """Show an address or network of `ipaddress`."""
    if len(value.args) != 1:
        return None
    stored = value.args[0]
    brief = known_text(stored)
    if brief is None:
        if type(stored) is not int:
            return None
        size = 4 if class_name(value).endswith("4Address") else 16
        packed = valid(lambda: stored.to_bytes(size, "big"))
        if packed is None:
            return None
        brief = str(ip_address(packed))
    return leaf(value, brief, call(class_name(value), brief))


def path(value: Object, python2: bool) -> View | None:
    """Show a path of `pathlib`, which is pickled as its parts."""
    parts = [known_text(part) for part in value.args]
    if None in parts:
        return None
    name = class_name(value)
    # Pure paths touch no file system; Python 3.13 pickles what a path was made of.
    kind: type[PurePath] = PureWindowsPath if "Windows" in name else PurePosixPath
    found = valid(lambda: kind(*[part for part in parts if part is not None]))
    if found is None:
        return None
    return leaf(value, str(found), call(name, str(found)), str(found))


def parsed_url(value: Object, python2: bool) -> View | None:
    """Show what `urllib.parse` made of a URL as that URL."""
    kind = class_name(value).rpartition(".")[2]
    names = _URL_NAMES.get(kind.removesuffix("Bytes"), ())
    stored = constructor_args(value)
    is_inside = len(stored) == 1 and type(stored[0]) is tuple  # protocols 0 and 1
    if is_inside:
        stored = stored[0]
    texts = [known_text(part) for part in stored]
    if len(texts) != len(names) or None in texts:
        return None
    written = [part or "" for part in texts]
    if len(written) == len(_URL_NAMES["ParseResult"]):
        params = written.pop(3)
        written[2] += f";{params}" if params else ""
    if len(written) == 2:
        brief = f"{written[0]}#{written[1]}" if written[1] else written[0]
    else:
        found = valid(lambda: urlunsplit(written))
        if found is None:
            return None
        brief = str(found)
    children = [
        Child(name, part, attribute(name), special(0) + item(n) if is_inside else special(n))
        for n, (name, part) in enumerate(zip(names, stored, strict=True))
    ]
    return leaf(value, brief, call(class_name(value), *stored), brief, Fields(children))


def pattern(value: Object, python2: bool) -> View | None:
    """Show a compiled regular expression."""
    if not 0 < len(value.args) <= 2:
        return None
    source = value.args[0]
    stored = bytes_of(source)
    written = source if isinstance(source, str) else stored
    flags = value.args[1] if len(value.args) > 1 else 0
    if written is None or type(flags) is not int or flags < 0 or flags >= 2 * max(_FLAGS):
        return None
    if isinstance(written, str):
        flags &= ~_UNICODE
    names = [name for bit, name in _FLAGS.items() if flags & bit]
    if flags & ~sum(_FLAGS):
        return None
    shown = quoted(written) if isinstance(written, str) else repr(written)
    short = "|".join(name.removeprefix("re.") for name in names)
    arguments = (written, Code(" | ".join(names))) if names else (written,)
    return View(
        "Pattern",
        brief=f"{shown}  {short}".rstrip(),
        code=call("re.compile", *arguments),
        parts=Fields((Child("pattern", source, ".pattern", special(0)),)),
    )


# Classes, their members, and functions.


def member(value: Object, python2: bool) -> View | None:
    """Show what is taken out of a class or object.

    So early releases of 3.11 pickle members of enumerations, and all pickle bound methods.
    """
    if len(value.args) != _MEMBER_ARGS:
        return None
    owner, name = value.args[0], known_text(value.args[1])
    if name is None or not name.isidentifier():
        return None
    if not isinstance(owner, Global):
        if not isinstance(owner, Object):
            return None
        return View(
            "method",
            brief=escaped(f"{short_type(owner)}.{name}"),
            code=lambda: iter((owner, Code(f".{escaped(name)}"))),
            parts=object_parts(value, python2),
        )
    return View(
        short_name(owner),
        brief=escaped(f"{short_name(owner)}.{name}"),
        code=lambda: iter((Name(escaped(global_name(owner))), Code(f".{escaped(name)}"))),
        parts=object_parts(value, python2),
    )


def joined_flags(value: Object, python2: bool) -> View | None:
    """Show several flags in one, as some releases of 3.11 pickle them."""
    if len(value.args) != 2:
        return None
    left, right = value.args
    return View(
        "flags",
        code=lambda: iter((left, Code(" | "), right)),
        parts=object_parts(value, python2),
    )


def status(value: Object, python2: bool) -> View | None:
    """Show a `http.HTTPStatus` by its name."""
    if len(value.args) != 1 or type(value.args[0]) is not int:
        return None
    found = valid(lambda: HTTPStatus(value.args[0]))
    if found is None:
        return None
    name = f"HTTPStatus.{found.name}"
    return View(
        "HTTPStatus",
        brief=f"{name}  {found.value}",
        code=lambda: iter((Name(f"http.{name}"),)),
        value=found.value,
        parts=object_parts(value, python2),
    )


def type_of(value: Object, python2: bool) -> View | None:
    """Show the class of None, and of other values that have no name for it."""
    if len(value.args) != 1 or (isinstance(value.args[0], Object)):
        return None
    return View("type", code=call("type", value.args[0]), parts=object_parts(value, python2))


def partial(value: Object, python2: bool) -> View | None:
    """Show a `functools.partial`."""
    state = value.states[-1] if value.states else None
    if type(state) is not tuple or len(state) != _PARTIAL_STATE:
        return None
    function, args, keywords, attributes = state
    if type(args) is not tuple or type(keywords) is not dict:
        return None
    place = last_state(value)
    children = [
        Child(name, part, attribute(name), place + item(n))
        for n, (name, part) in enumerate(zip(("func", "args", "keywords"), state, strict=False))
    ]
    if attributes:
        children.append(Child("__dict__", attributes, ".__dict__", place + item(3)))
    return View(
        "partial",
        code=lambda: _partial_code(function, args, keywords),
        parts=Fields(children),
    )


def _partial_code(function: Any, args: tuple[Any, ...], keywords: dict[Any, Any]) -> Iterator[Any]:
    yield Name("functools.partial")
    yield Code("(")
    named = (
        (Code(f"{escaped(known_text(name) or '…')}="), value) for name, value in keywords.items()
    )
    yield from separated(chain([(function,)], ((argument,) for argument in args), named))
    yield Code(")")
