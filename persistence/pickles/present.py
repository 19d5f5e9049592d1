"""How decoded values are shown: type, one line, children, full text and Python expression.

These functions take any value of a decoded pickle, and the computed values among the
children they give. They never recurse and never take longer than what they give is long,
whatever the value: graphs may be cyclic, share parts 2^60 times or be 200,000 levels deep.
Every line they give is free of control and bidirectional characters.

`python2` says whether `bytes` in the pickle are texts of Python 2 (`Pickle.python2`).
"""

from __future__ import annotations

from typing import Any

from persistence.errors import StoreError
from persistence.pickles.expressions import render
from persistence.pickles.nodes import ByteString
from persistence.pickles.parts import Child, Entry
from persistence.pickles.texts import escaped, quoted, shortened, text_of
from persistence.pickles.views import view

__all__ = [
    "Child",
    "child_count",
    "children",
    "expression",
    "preview",
    "text",
    "type_name",
]

PREVIEW_LIMIT = 200
TEXT_LIMIT = 1_000_000


def type_name(value: Any, *, python2: bool = False) -> str:
    """Return the short name of a value's type, such as "Application" or "dict"."""
    return view(value, python2=python2).type


def preview(value: Any, limit: int = PREVIEW_LIMIT, *, python2: bool = False) -> str:
    r"""Return a value in one line of at most `limit` characters.

    >>> preview([1, "two"])
    "2 items  [1, 'two']"
    >>> preview("a\u202eb")
    'a\\u202eb'
    """
    value = _unwrapped(value)
    if isinstance(value, str):
        return _text_line(value, limit)
    if isinstance(value, ByteString) or (python2 and type(value) is bytes):
        return _text_line(text_of(value), limit)
    shown = view(value, python2=python2)
    brief = shown.brief
    if brief is None:
        brief = render(value, limit, python2=python2, in_line=True) or ""
    if shown.count:
        brief = f"{shown.count:,} item{'s' if shown.count > 1 else ''}  {brief}".rstrip()
    return shortened(brief, limit)


def child_count(value: Any, *, python2: bool = False) -> int:
    """Return how many children a value has."""
    return len(view(value, python2=python2).parts)


def children(value: Any, first: int, count: int, *, python2: bool = False) -> list[Child]:
    """Return `count` children of a value from the position `first` on.

    >>> [(child.name, child.value) for child in children({"a": 1, "b": 2}, 1, 10)]
    [('b', 2)]
    """
    return list(view(value, python2=python2).parts.slice(max(first, 0), max(count, 0)))


def text(value: Any, limit: int = TEXT_LIMIT, *, first: int = 0, python2: bool = False) -> str:
    """Return a value as text of at most `limit` characters from the `first` on.

    A string is given as it is.

    Lone surrogates, which no encoding can carry, become escapes.
    """
    value = _unwrapped(value)
    if isinstance(value, str):
        full = value[first : first + limit + 1]
    elif isinstance(value, ByteString) or (python2 and type(value) is bytes):
        full = text_of(value)[first : first + limit + 1]
    else:
        shown = view(value, python2=python2)
        if shown.text is not None:
            full = shown.text()
        elif shown.brief is not None and shown.code is None:
            full = shown.brief
        else:
            full = render(value, first + limit, python2=python2)
        full = full[first:]
    return shortened(full, limit).encode("utf-8", "backslashreplace").decode("utf-8")


def expression(value: Any, limit: int = TEXT_LIMIT, *, python2: bool = False) -> str:
    """Return a Python expression for a value.

    Objects are written as a call of their class with their attributes as keywords; what
    holds itself is written as "..." inside of itself.

    Raises:
        StoreError: It would be longer than `limit` characters.

    >>> expression({"a": (1, 2.5)})
    "{'a': (1, 2.5)}"
    """
    written = render(_unwrapped(value), limit, python2=python2)
    if len(written) > limit:
        raise StoreError(
            f"This value is longer than {limit:,} characters as a Python expression.",
            "Copy a part of it.",
        )
    return written


def _unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, Entry) else value


def _text_line(value: str, limit: int) -> str:
    beginning = value[: limit + 1]
    is_visible = beginning == beginning.strip() and beginning
    return shortened(escaped(beginning) if is_visible else quoted(beginning), limit)
