"""What adapters share: views of values that hold no others, and reading stored values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from persistence.pickles.classes import class_name, short_type
from persistence.pickles.nodes import MissingBuffer, Object
from persistence.pickles.parts import NO_PARTS, Parts
from persistence.pickles.paths import special
from persistence.pickles.texts import escaped, text_of
from persistence.pickles.views import Code, Name, View

__all__ = ["are", "bytes_of", "known_text", "last_state", "leaf", "literal", "valid"]

_Made = TypeVar("_Made")


def leaf(
    value: Object,
    brief: str,
    code: Callable[[], Iterator[Any]],
    shown: Any = None,
    parts: Parts = NO_PARTS,
) -> View:
    """Return the view of an object that one line says in full."""
    return View(
        short_type(value),
        brief=escaped(brief),
        code=code,
        text=lambda: brief,
        value=shown,
        parts=parts,
    )


def literal(value: Object, make: Callable[[], Any]) -> View | None:
    """Show an object of a type whose `repr` is its expression, if it can be made."""
    made = valid(make)
    if made is None:
        return None
    name, opening, rest = repr(made).partition("(")
    source = (Name(name), Code(opening + rest)) if name else (Code(repr(made)),)
    return leaf(value, str(made), lambda: iter(source), made)


def valid(make: Callable[[], _Made]) -> _Made | None:
    """Make a value from stored numbers; None if they are out of range."""
    try:
        return make()
    except (ValueError, OverflowError, TypeError):
        return None


def are(values: Iterable[Any], *types: type) -> bool:
    """Return whether all values are of these very types."""
    return all(type(value) in types for value in values)


def last_state(value: Object) -> str:
    """Return the path from an object to the last state that was set on it."""
    last = len(value.states) - 1
    return special(f"state {last}" if last else "state")


def known_text(value: Any) -> str | None:
    """Return a text, also one of Python 2; None for anything else."""
    if isinstance(value, MissingBuffer):
        return None
    if isinstance(value, bytes):
        return text_of(value)
    return value if isinstance(value, str) else None


def bytes_of(value: Any) -> bytes | None:
    """Return bytes, also where protocols 0 to 2 have them as the encoding of a text."""
    if isinstance(value, MissingBuffer):
        return None
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
