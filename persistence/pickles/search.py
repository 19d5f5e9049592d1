"""Finding what a user looks for in a decoded pickle, one match after the other.

Texts are looked for in the names of attributes, in keys, in the names of classes, and in
values: texts, numbers as they are written, the IDs of references, and dates, paths and the
like as they are shown. Each list or object is gone through once, however many places hold it,
so that the work is bounded by the size of the pickle; nothing is done beyond the match that
is asked for next.

A regular expression of the user's can take a time that grows exponentially with the text it
is tried on ("(a+)+b"), and nothing in Python can interrupt it. It is therefore tried on
pieces of `REGEX_WINDOW` characters, which bounds what a single attempt sees but not how long
it takes: who searches for a user does so in a process that can be killed, as the inspector of
the application is. All other searches take time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from persistence.errors import StoreError
from persistence.pickles.classes import class_name, global_name
from persistence.pickles.decode import Pickle
from persistence.pickles.nodes import ByteString, Global, Object, Reference
from persistence.pickles.present import preview, text
from persistence.pickles.structure import (
    SINGLE,
    Group,
    Trail,
    groups,
    stands_for_one,
    text_like,
)
from persistence.pickles.texts import integer_text

__all__ = ["REGEX_WINDOW", "Match", "Part", "Query", "search"]

Part = Literal["name", "value", "type"]

REGEX_WINDOW = 4_000
"""Characters of a text that a regular expression sees at once."""

REGEX_OVERLAP = 500
"""Characters that two such pieces have in common: a longer match may be missed."""

_PIECE = 1_000_000  # characters of a text that are folded at once
_LONGEST_SHOWN = 10_000  # characters of what a date, a path or the like is shown as


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for.

    Attributes:
        text: A text, or a regular expression in Python's notation.
        is_regex: Whether it is a regular expression.
        whole_word: Whether letters, digits or "_" beside it make it another word.
        case_sensitive: Whether capitals matter.
        parts: Where to look.
    """

    text: str
    is_regex: bool = False
    whole_word: bool = False
    case_sensitive: bool = False
    parts: frozenset[Part] = frozenset(("name", "value", "type"))


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """One place where it was found.

    Attributes:
        part: What of it matched: the name of the attribute or the key under which the value
            is, the value, or the name of its class.
        value: The decoded value there.
        path: Where it is, computed when asked for; as long as the place is deep.
        preview: The value in one line.
    """

    part: Part
    value: Any = field(repr=False)
    _trail: Trail = field(repr=False)
    _python2: bool = field(default=False, repr=False)

    @property
    def path(self) -> str:
        return str(self._trail)

    @property
    def preview(self) -> str:
        return preview(self.value, python2=self._python2)


def search(pickle: Pickle, what: Query | str | Callable[[Any], bool]) -> Iterator[Match]:
    """Iterate over the places in a pickle where something is found, in order.

    Args:
        pickle: The decoded pickle.
        what: A text, whose capitals do not matter; a query; or a function that is given
            each value and says whether it is one.

    Raises:
        StoreError: It is no regular expression, or an empty text.

    >>> pickle = Pickle({"state": "RUNNING", "tasks": [{"state": "NEW"}]}, 4, 0)
    >>> [(match.path, match.part) for match in search(pickle, "run")]
    [("['state']", 'value')]
    >>> [match.path for match in search(pickle, lambda value: value == "NEW")]
    ["['tasks'][0]['state']"]
    """
    if callable(what):
        return _Search(pickle, None, what).matches()
    query = Query(what) if isinstance(what, str) else what
    return _Search(pickle, query, None).matches()


class _Search:
    def __init__(
        self, pickle: Pickle, query: Query | None, predicate: Callable[[Any], bool] | None
    ) -> None:
        self._root = pickle.root
        self._python2 = pickle.python2
        self._predicate = predicate
        self._parts: frozenset[Part] = frozenset() if query is None else query.parts
        self._is_in: Callable[[str], bool] = bool if query is None else _finder(query)

    def matches(self) -> Iterator[Match]:
        seen: set[int] = set()
        root = Trail(None, None, 0)
        yield from self._here(root, self._root)
        stack: list[Iterator[tuple[Trail, Any]]] = []
        if self._opens(self._root, seen):
            stack.append(self._inside(root, self._root))
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                continue
            trail, value = step
            if trail.index >= 0 and self._has_matching_name(trail):
                yield self._match("name", trail, value)
            is_single = type(value) in SINGLE
            if not is_single and id(value) in seen:
                continue
            is_found = False
            for match in self._here(trail, value):
                is_found = is_found or match.part == "value"
                yield match
            if is_single or not self._opens(value, seen):
                continue
            # What is shown as one value and was found as one is not searched for its pieces.
            if is_found and self._predicate is None and stands_for_one(value, self._python2):
                continue
            stack.append(self._inside(trail, value))

    def _opens(self, value: Any, seen: set[int]) -> bool:
        if type(value) in SINGLE:
            return False
        seen.add(id(value))
        return True

    def _inside(self, before: Trail, value: Any) -> Iterator[tuple[Trail, Any]]:
        for group in groups(value, self._python2):
            for index, inner in enumerate(group.values):
                if group.kind == "pairs" and group.keys is not None:
                    key = group.keys[index]
                    if type(key) not in SINGLE:
                        yield Trail(before, group, -1 - index), key
                yield Trail(before, group, index), inner

    def _here(self, trail: Trail, value: Any) -> Iterator[Match]:
        if self._predicate is not None:
            if self._predicate(value):
                yield self._match("value", trail, value)
            return
        if "value" in self._parts and self._has_matching_text(value):
            yield self._match("value", trail, value)
        if "type" in self._parts and self._has_matching_class(value):
            yield self._match("type", trail, value)

    def _match(self, part: Part, trail: Trail, value: Any) -> Match:
        return Match(part, value, trail, self._python2)

    def _has_matching_name(self, trail: Trail) -> bool:
        group = trail.group
        if "name" not in self._parts or group is None or group.keys is None:
            return False
        name = self._name(group, group.keys[trail.index])
        return name is not None and self._is_in(name)

    def _name(self, group: Group, key: Any) -> str | None:
        if type(key) is tuple and group.kind == "fields":
            return key[1] if len(key) > 1 else None  # of a keyword
        return self._text(key)

    def _has_matching_class(self, value: Any) -> bool:
        if not isinstance(value, Object) or type(value) is Reference:
            return False
        return self._is_in(class_name(value, python2=self._python2))

    def _has_matching_text(self, value: Any) -> bool:
        written = self._text(value)
        return written is not None and self._is_in(written)

    def _text(self, value: Any) -> str | None:
        """Return what a value is as text, if it is one value; None if it has none."""
        kind = type(value)
        if kind is str:
            return value  # type: ignore[no-any-return]
        if kind is int:
            return integer_text(value)
        if kind in _AS_WRITTEN:
            return repr(value)
        if kind is bytes or kind is ByteString:
            known = text_like(value, self._python2)
            return known if known is not None else _as_utf8(value)
        if kind is Reference:
            return value.id  # type: ignore[no-any-return]
        if isinstance(value, Global):
            return global_name(value)
        if isinstance(value, Object) and stands_for_one(value, self._python2):
            return text(value, _LONGEST_SHOWN, python2=self._python2)
        return None


_AS_WRITTEN = frozenset((type(None), bool, float, complex))


def _as_utf8(value: bytes) -> str | None:
    # Bytes are mostly numbers of arrays, in which any short text occurs by chance.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _finder(query: Query) -> Callable[[str], bool]:
    """Return a function that says whether a text has what is looked for."""
    if not query.text:
        raise StoreError("There is no text to look for.", "Type what to find.")
    if query.is_regex:
        return _regex_finder(query)
    if query.whole_word:
        word = _compiled(rf"(?<!\w){re.escape(query.text)}(?!\w)", query)
        return lambda written: word.search(written) is not None
    if query.case_sensitive:
        return lambda written: query.text in written
    return _folded_finder(query.text.casefold())


def _folded_finder(folded: str) -> Callable[[str], bool]:
    overlap = len(folded)  # folding makes no text shorter

    def is_in(written: str) -> bool:
        if len(written) <= _PIECE:
            return folded in written.casefold()
        return any(
            folded in written[start : start + _PIECE + overlap].casefold()
            for start in range(0, len(written), _PIECE)
        )

    return is_in


def _regex_finder(query: Query) -> Callable[[str], bool]:
    expression = rf"(?<!\w)(?:{query.text})(?!\w)" if query.whole_word else query.text
    compiled = _compiled(expression, query)

    def is_in(written: str) -> bool:
        size = len(written)
        if size <= REGEX_WINDOW:
            return compiled.search(written) is not None
        step = REGEX_WINDOW - REGEX_OVERLAP
        for start in range(0, size, step):
            end = min(start + REGEX_WINDOW, size)
            found = compiled.search(written, start, end)
            if found is None:
                continue
            if found.end() < end or end == size:
                return True
            # The end of a piece is not the end of the text, which "$" stands for.
            further = min(end + REGEX_OVERLAP, size)
            if compiled.match(written, found.start(), further) is not None:
                return True
        return False

    return is_in


def _compiled(expression: str, query: Query) -> re.Pattern[str]:
    try:
        return re.compile(expression, 0 if query.case_sensitive else re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise StoreError(
            f"{query.text[:200]!r} is no regular expression: {error}.",
            "Correct it, or search for it as plain text.",
        ) from error
