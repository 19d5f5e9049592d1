"""Python literals as people type them, read without recursion and without evaluating anything.

The grammar is that of `ast.literal_eval`, with names and calls by keyword beside it:
`[1, -2.5e3, 'text', b'bytes', {'a': (1,)}, datetime.date(2024, 1, 2)]`. What names and calls
mean, and what containers become, a `Maker` says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import Any, NoReturn

from persistence.errors import LiteralError

__all__ = ["Maker", "plain_text", "read_literal"]

_LONGEST = 10_000_000  # characters
_DEEPEST = 500  # hashing a key takes some of the C stack for each level
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_WIDE_INTEGER = 2_000  # bits; decimal takes quadratic time
_LONGEST_KEY_TUPLE = 8
_END = ""

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>
        (?P<prefix>[uU]|[bB]?[rR]|[rR]?[bB]|)
        (?P<quoted>
            '''(?:[^\\']|\\.|'(?!''))*''' | \"""(?:[^\\"]|\\.|"(?!""))*\"""
            | '[^'\\\n]*(?:\\.[^'\\\n]*)*' | "[^"\\\n]*(?:\\.[^"\\\n]*)*"
        )
    )
    | (?P<number>
        0[xX][0-9a-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+
        | (?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?[jJ]?
    )
    | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
    | (?P<sign>[][(){},:=+-])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ESCAPES = {"": "\n\\'\"abfnrtvxuUN01234567", "b": "\n\\'\"abfnrtvx01234567"}
_CONSTANTS = {"None": None, "True": True, "False": False}
_FLOATS = ("inf", "nan")


class Maker:
    """Makes values of what is read; this one makes plain ones and refuses names and calls.

    Whatever it raises as ValueError or TypeError is reported with the place in the text.
    """

    def text(self, value: str, *, is_explicit: bool) -> Any:
        """Make a text; `is_explicit` says that it was written as `u'…'`."""
        return value

    def data(self, value: bytes) -> Any:
        """Make a byte string."""
        return value

    def number(self, value: complex) -> Any:
        """Make an integer, a float or a complex number."""
        return value

    def container(self, opening: str, items: list[Any]) -> Any:
        """Make a tuple, a list or, for "{", a set."""
        kind = {"(": tuple, "[": list, "{": set}[opening]
        return kind(items)

    def pairs(self, pairs: list[tuple[Any, Any]]) -> Any:
        """Make a dictionary."""
        return dict(pairs)

    def name(self, name: str) -> Any:
        """Make what a dotted name stands for."""
        raise ValueError(f"the name {name} means nothing here")

    def call(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make what a call stands for."""
        raise ValueError(f"{name}(…) means nothing here")


def read_literal(text: str, maker: Maker | None = None) -> Any:
    """Return the value that a literal stands for.

    Args:
        text: The literal; space and line breaks around it and in it do not matter.
        maker: What values are made by.

    Raises:
        LiteralError: It is none; the message says where.

    >>> read_literal("{'a': [1, -2.5], 'b': (1+2j,)}")
    {'a': [1, -2.5], 'b': ((1+2j),)}
    """
    return _Reader(text, maker or Maker()).read()


def plain_text(value: Any) -> str | None:
    """Return the literal of a number, text, byte string or short tuple of such; else None.

    >>> plain_text(("a", 1)), plain_text([])
    ("('a', 1)", None)
    """
    from persistence.pickles.texts import quoted

    kind = type(value)
    if kind is str:
        return quoted(value)
    if kind is int:
        return str(value) if value.bit_length() < _WIDE_INTEGER else None
    if kind is float:
        return None if isnan(value) else repr(value)
    if value is None or kind is bool or kind is bytes:
        return repr(value)
    if kind is tuple and len(value) <= _LONGEST_KEY_TUPLE:
        inner = [None if type(part) is tuple else plain_text(part) for part in value]
        if None in inner:
            return None
        return f"({', '.join(map(str, inner))}{',' if len(inner) == 1 else ''})"
    return None


@dataclass(slots=True)
class _Frame:
    """A bracket that is open.

    Attributes:
        opening: The bracket; "" around everything.
        start: Where it is in the text.
        name: What is called, if it is a call.
        items: The values in it so far; values of a dictionary.
        keys: Keys of a dictionary, or names of keyword arguments.
        is_dict: Whether it is a dictionary; None as long as it may be a set.
        has_comma: Whether there was a comma.
        is_open: Whether a value may come next.
    """

    opening: str
    start: int
    name: str | None = None
    items: list[Any] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    keyword: str | None = None
    is_dict: bool | None = None
    has_comma: bool = False
    is_open: bool = True


class _Reader:
    def __init__(self, text: str, maker: Maker) -> None:
        self._text = text
        self._maker = maker
        self._at = 0
        self._frames = [_Frame("", 0)]

    def read(self) -> Any:
        if len(self._text) > _LONGEST:
            self._fail(f"it is longer than {_LONGEST:,} characters")
        tokens = self._tokens()
        kind, word = next(tokens)
        while kind != "end":
            frame = self._frames[-1]
            if word in _CLOSING and frame.is_open:
                self._open(word)
            elif word in (")", "]", "}"):
                self._close(word)
            elif word == "," and not frame.is_open:
                self._comma(frame)
            elif word == ":" and not frame.is_open:
                self._colon(frame)
            elif kind == "text" and frame.is_open:
                kind, word = self._texts(tokens, word)
                continue
            elif kind == "name" and frame.is_open:
                kind, word = self._named(tokens, word)
                continue
            elif (kind == "number" or word in ("+", "-")) and frame.is_open:
                kind, word = self._number(tokens, kind, word)
                continue
            else:
                self._fail(f"{word!r} is not expected")
            kind, word = next(tokens)
        return self._finish()

    def _tokens(self) -> Iterator[tuple[str, str]]:
        after = 0
        while True:
            found = _TOKEN.match(self._text, after)
            if found is None:
                self._at = after
                rest = self._text[after:].lstrip()
                is_text = rest.lstrip("uUbBrR")[:1] in ("'", '"')
                self._fail(
                    "a text that begins there does not end"
                    if is_text
                    else f"{rest[:1]!r} is not expected"
                )
            kind = found.lastgroup or ""
            kind = "text" if kind in ("prefix", "quoted") else kind
            self._at, after = found.start(kind), found.end()
            yield kind, found[kind]

    # Values.

    def _texts(self, tokens: Iterator[tuple[str, str]], word: str) -> tuple[str, str]:
        """Read a text, and those that follow it at once; return the word behind."""
        parts: list[Any] = []
        is_explicit = False
        kind = "text"
        while kind == "text":
            prefix = word[: min(word.find("'") % len(word), word.find('"') % len(word))]
            is_explicit = is_explicit or prefix in ("u", "U")
            parts.append(self._unquoted(prefix.lower(), word))
            kind, word = next(tokens)
        if len({type(part) for part in parts}) > 1:
            self._fail("a text cannot be joined with bytes")
        if isinstance(parts[0], bytes):
            self._add(self._make(self._maker.data, b"".join(parts)))
        else:
            self._add(self._make(self._maker.text, "".join(parts), is_explicit=is_explicit))
        return kind, word

    def _unquoted(self, prefix: str, word: str) -> Any:
        if "r" not in prefix:
            # Python keeps the backslash of an escape that it does not know, and warns.
            known = _KNOWN_ESCAPES["b" if "b" in prefix else ""]
            word = _ESCAPE.sub(lambda m: m[0] if m[1] in known else f"\\{m[0]}", word)
        try:
            return ast.literal_eval(word)  # one text: nothing to recurse into
        except (SyntaxError, ValueError) as error:
            self._fail(f"{error.args[0]}")

    def _number(self, tokens: Iterator[tuple[str, str]], kind: str, word: str) -> tuple[str, str]:
        sign = 1
        while word in ("+", "-"):
            sign = -sign if word == "-" else sign
            kind, word = next(tokens)
        if word in _FLOATS:
            value: Any = sign * float(word)
        elif kind == "number":
            value = self._digits(word)
            value = value if sign == 1 else -value
        else:
            self._fail("a sign stands before what is no number")
        kind, word = next(tokens)
        if word in ("+", "-") and not isinstance(value, complex):
            # The sign of a zero is lost if complex numbers are added to it as they are.
            sign = -1 if word == "-" else 1
            kind, word = next(tokens)
            imaginary = self._digits(word) if kind == "number" else None
            if not isinstance(imaginary, complex):
                self._fail("only an imaginary number can be added")
            value = complex(value, sign * imaginary.imag)
            kind, word = next(tokens)
        self._add(self._make(self._maker.number, value))
        return kind, word

    def _digits(self, word: str) -> Any:
        try:
            return ast.literal_eval(word)
        except (SyntaxError, ValueError, OverflowError):
            self._fail(f"{_beginning(word)} is no number, or one with too many digits")

    def _named(self, tokens: Iterator[tuple[str, str]], name: str) -> tuple[str, str]:
        at = self._at
        kind, word = next(tokens)
        if word == "(":
            self._open("(", name)
            return next(tokens)
        frame = self._frames[-1]
        if word == "=":
            if frame.name is None or frame.keyword or "." in name or name in frame.keys:
                self._fail("'=' is not expected")
            frame.keyword = name
            return next(tokens)
        behind, self._at = self._at, at
        if name in _CONSTANTS:
            self._add(_CONSTANTS[name])
        elif name in _FLOATS:
            self._add(self._make(self._maker.number, float(name)))
        else:
            self._add(self._make(self._maker.name, name))
        self._at = behind
        return kind, word

    # Brackets.

    def _open(self, opening: str, name: str | None = None) -> None:
        if len(self._frames) > _DEEPEST:
            self._fail(f"it is nested deeper than {_DEEPEST} levels")
        self._frames.append(_Frame(opening, self._at, name))

    def _add(self, value: Any) -> None:
        frame = self._frames[-1]
        if frame.keyword is not None:
            frame.keys.append(frame.keyword)
            frame.keyword = None
        elif frame.name is not None and frame.keys:
            self._fail("a positional argument follows one with a name")
        frame.items.append(value)
        frame.is_open = False

    def _comma(self, frame: _Frame) -> None:
        if frame.is_dict and len(frame.keys) > len(frame.items):
            self._fail("a key has no value")
        if frame.opening == "{" and frame.is_dict is None:
            frame.is_dict = False
        if frame.is_dict and len(frame.items) > len(frame.keys):
            self._fail("a value has no key")
        frame.has_comma = frame.is_open = True

    def _colon(self, frame: _Frame) -> None:
        if frame.opening != "{" or frame.is_dict is False or len(frame.keys) == len(frame.items):
            self._fail("':' is not expected")
        if len(frame.items) != len(frame.keys) + 1:
            self._fail("':' is not expected")
        frame.is_dict = frame.is_open = True
        frame.keys.append(frame.items.pop())

    def _close(self, closing: str) -> None:
        frame = self._frames[-1]
        if _CLOSING.get(frame.opening) != closing or frame.keyword:
            self._fail(f"{closing!r} is not expected")
        if frame.is_open and frame.has_comma and not frame.items:
            self._fail("',' is not expected")
        if frame.is_dict and len(frame.keys) != len(frame.items):
            self._fail("a key has no value, or a value no key")
        self._frames.pop()
        self._add(self._closed(frame))

    def _closed(self, frame: _Frame) -> Any:
        if frame.name is not None:
            split = len(frame.items) - len(frame.keys)
            named = dict(zip(frame.keys, frame.items[split:], strict=True))
            return self._make(self._maker.call, frame.name, frame.items[:split], named)
        if frame.opening == "{" and (frame.is_dict or not frame.items):
            pairs = list(zip(frame.keys, frame.items, strict=True))
            return self._make(self._maker.pairs, pairs)
        if frame.opening == "(" and len(frame.items) == 1 and not frame.has_comma:
            return frame.items[0]
        return self._make(self._maker.container, frame.opening, frame.items)

    def _finish(self) -> Any:
        frame = self._frames[-1]
        if frame.opening:
            self._at = frame.start
            self._fail(f"the bracket {frame.opening!r} is not closed")
        if frame.has_comma:
            return self._make(self._maker.container, "(", frame.items)
        if not frame.items:
            self._fail("there is nothing")
        return frame.items[0]

    # Errors.

    def _make(self, make: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return make(*args, **kwargs)
        except LiteralError:
            raise
        except (ValueError, TypeError, ArithmeticError) as error:
            self._fail(str(error).rstrip(".") or type(error).__name__)

    def _fail(self, reason: str) -> NoReturn:
        raise LiteralError(self._text, reason, self._at)


def _beginning(word: str) -> str:
    return word if len(word) <= 20 else f"{word[:20]}…"
