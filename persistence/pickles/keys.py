"""How keys of dictionaries and members of sets are named in a path, so that each is found again.

A key stands in a path as its literal, `['temperature']`, or, if it is an object, as the
expression for it, `[Priority(5)]`. Where that would not tell it from another key, or would be
long, its place does: `(value 3)` is the fourth value of a dictionary, `(key 3)` its key.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import isnan
from typing import Any

from persistence.errors import LiteralError
from persistence.pickles.literals import plain_text, read_literal
from persistence.pickles.texts import quoted, text_of

__all__ = [
    "Pairs",
    "canonical_key",
    "find_pair",
    "in_order",
    "pair_parts",
    "pair_speller",
    "spellings",
    "twins",
]

Pairs = Mapping[Any, Any] | Sequence[tuple[Any, Any]]

_INDEX = re.compile("0|[1-9][0-9]{0,18}")
_LONGEST = 200  # characters of a key in a path
_MOST_WRITTEN = 1_000  # keys that are objects; writing one takes some 20 µs
_MOST_COMPARED = 50_000  # keys of pairs, where each could be there twice
_MOST_SORTED = 50_000


def pair_parts(
    pairs: Pairs,
    first: int = 0,
    count: int | None = None,
    *,
    python2: bool = False,
    by_position: bool = False,
) -> Iterator[tuple[str, Any, Any]]:
    """Iterate over some pairs of a dictionary: part of the path, key, value.

    Args:
        pairs: A dictionary, or keys and values that were set in an object.
        first: Position of the first one.
        count: How many; None for all from there on.
        python2: Whether bytes are texts of Python 2.
        by_position: Whether the keys cannot be in paths, as something else is there as well.

    >>> list(pair_parts({"a": 1}))
    [("['a']", 'a', 1)]
    """
    stop = None if count is None else first + count
    if isinstance(pairs, Mapping):
        chosen: Iterable[tuple[Any, Any]] = islice(pairs.items(), first, stop)
    else:
        chosen = islice(pairs, first, stop)
    spell = pair_speller(pairs, python2=python2, by_position=by_position)
    for position, (key, value) in enumerate(chosen, first):
        yield spell(position, key), key, value


def pair_speller(
    pairs: Pairs, *, python2: bool = False, by_position: bool = False
) -> Callable[[int, Any], str]:
    """Return what gives the part of a path for one of some pairs, from position and key.

    The arguments are those of `pair_parts`.
    """
    names = None if by_position else _Names(pairs, python2)

    def spell(position: int, key: Any) -> str:
        text = None if names is None else names.name(key)
        return f"(value {position})" if text is None else f"[{text}]"

    return spell


def find_pair(pairs: Pairs, text: str, *, python2: bool = False) -> tuple[int, Any, Any] | None:
    """Return position, key and value of what a path names by `[text]`, or None.

    Of several with this name it is the last one, as in Python.

    >>> find_pair({"a": 1, "b": 2}, "'b'")
    (1, 'b', 2)
    """
    if isinstance(pairs, dict):
        found = _look_up(pairs, text, python2)
        if found is not None:
            key = next(iter(found))
            # The dictionary's own key: True finds 1.
            position = next(index for index, other in enumerate(pairs) if other == key)
            own = next(islice(pairs, position, None))
            return position, own, pairs[own]
    written = len(pairs) <= _MOST_WRITTEN
    best = None
    for position, (key, value) in enumerate(_items(pairs)):
        known = _plain(key, python2)
        if known is None and written:
            known = _written(key, python2)
        if known == text:
            best = position, key, value
    return best


def canonical_key(text: str) -> str:
    """Return the text of a key in the form that paths have it in.

    >>> canonical_key(' "a" '), canonical_key("Colour(1)")
    ("'a'", 'Colour(1)')
    """
    text = text.strip()
    if _INDEX.fullmatch(text):
        return text
    try:
        plain = plain_text(read_literal(text))
    except LiteralError:
        return text
    return text if plain is None else plain


def in_order(members: Collection[Any]) -> Collection[Any]:
    """Return the members of a set in an order that is the same in every process.

    Sets have no order, and texts in them come out in another one in each process. They are
    sorted as long as that is quick.
    """
    if not isinstance(members, (set, frozenset)) or len(members) > _MOST_SORTED:
        return members
    others = sum(type(member) not in _SORTABLE for member in members)
    if others > _MOST_WRITTEN:
        return sorted(members, key=_order)
    return sorted(members, key=lambda value: _order(value) if _is_sorted(value) else _look(value))


_SORTABLE = frozenset((str, bytes, bool, int, float))


def _is_sorted(value: Any) -> bool:
    return type(value) in _SORTABLE


def _order(value: Any) -> tuple[str, Any]:
    if type(value) in (str, bytes, bool):
        return type(value).__name__, value
    if type(value) is int or (type(value) is float and not isnan(value)):
        return "", value
    return "~", 0  # after all others, in the order of the set


def _look(value: Any) -> tuple[str, Any]:
    from persistence.pickles.expressions import render  # it writes paths, too

    return "~~", render(value, _LONGEST)


class _Names:
    """The names of keys in one dictionary, where none may stand for two."""

    def __init__(self, pairs: Pairs, python2: bool) -> None:
        self._pairs = pairs
        self._python2 = python2
        self._plain: Counter[str | None] | None = None
        self._written: Counter[str | None] | None = None

    def name(self, key: Any) -> str | None:
        """Return the name of a key, or None if only its position tells it from others."""
        text = _plain(key, self._python2)
        if text is not None:
            return text if self._is_single(text, key) else None
        if len(self._pairs) > _MOST_WRITTEN:
            return None
        if self._written is None:
            self._written = Counter(
                _plain(other, self._python2) or _written(other, self._python2)
                for other, _ in _items(self._pairs)
            )
        text = _written(key, self._python2)
        return text if text is not None and self._written[text] == 1 else None

    def _is_single(self, text: str, key: Any) -> bool:
        if isinstance(self._pairs, dict) and len(self._pairs) > _MOST_WRITTEN:
            return not self._python2 or _has_no_twin(self._pairs, key)
        if len(self._pairs) > _MOST_COMPARED:
            return False
        if self._plain is None:
            names = (_plain(other, self._python2) for other, _ in _items(self._pairs))
            self._plain = Counter(names)
        return self._plain[text] == 1


def _items(pairs: Pairs) -> Iterable[tuple[Any, Any]]:
    return pairs.items() if isinstance(pairs, Mapping) else pairs


def _plain(key: Any, python2: bool) -> str | None:
    """Return the literal of a plain key, if it is not long."""
    if type(key) is str:
        text: str | None = quoted(key) if len(key) <= _LONGEST else None
    elif type(key) is bytes and python2:
        text = quoted(text_of(key)) if len(key) <= _LONGEST else None
    elif type(key) is tuple and python2:
        text = plain_text(tuple(_ascii(part) for part in key)) if len(key) <= _LONGEST else None
    else:
        text = plain_text(key)
    return text if text is not None and len(text) <= _LONGEST else None


def _ascii(part: Any) -> Any:
    """Return a byte string of Python 2 as text; unicode ones are none that a path has."""
    if type(part) is bytes and part.isascii():
        return part.decode()
    return () if type(part) in (str, bytes) else part  # no literal has a tuple in a tuple


def _written(key: Any, python2: bool) -> str | None:
    """Return the expression for a key that is an object, if it is short and sound."""
    from persistence.pickles.expressions import render  # it writes paths, too
    from persistence.pickles.paths import closing

    text = render(key, _LONGEST + 1, python2=python2, in_line=True)
    if not text or len(text) > _LONGEST or "…" in text or canonical_key(text) != text:
        return None
    return text if closing(f"[{text}]", 0) == len(text) + 1 else None


def _has_no_twin(pairs: dict[Any, Any], key: Any) -> bool:
    """Whether no other key of Python 2 reads the same: `u'a'` and `'a'`, UTF-8 and Latin-1."""
    if type(key) is tuple:
        return True  # its texts are ASCII byte strings
    if isinstance(key, bytes):
        key = text_of(key)
    if not isinstance(key, str):
        return True
    return sum(other in pairs for other in spellings(key)) == 1


def spellings(text: str) -> list[Any]:
    """Return what Python 2 may have for a text: byte strings, then the text itself."""
    forms: list[Any] = []
    for encoding in ("utf-8", "latin-1"):
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        if data not in forms and text_of(data) == text:
            forms.append(data)
    return [*forms, text]


def _look_up(pairs: dict[Any, Any], text: str, python2: bool) -> tuple[Any] | None:
    """Return the key that a literal stands for, in a tuple, if it is in the dictionary."""
    try:
        key = read_literal(text)
    except LiteralError:
        return None
    if plain_text(key) is None:
        return None
    candidates: list[Any] = [key]
    if python2 and type(key) is str:
        candidates = spellings(key)
    elif python2 and type(key) is tuple:
        in_bytes = tuple(
            part.encode() if type(part) is str and part.isascii() else part for part in key
        )
        candidates = [in_bytes, key]
    for candidate in candidates:
        if candidate in pairs:
            return (candidate,)
    return None


def twins(name: Any) -> list[Any]:
    """Return what reads the same as a text of Python 2; anything else has no twins."""
    if not isinstance(name, (str, bytes)):
        return [name]
    return [name, *spellings(name if isinstance(name, str) else text_of(name))]
