r"""Pickles that differ from a proven one in nothing but texts and numbers.

A store has many objects of a class, and their pickles mostly have one form: the same opcodes
in the same order, with other texts, numbers and lengths. What a pickle may cost depends on its
form alone (`guards` looks at nothing else), so it has to be proven but once. A form is learned
from pickles that `tame` has recognised, as a regular expression that spells out what they have
in common; matching that takes a third of the time that the proof takes.

Open are only the contents of short texts, of numbers, and of frames; and which of the opcodes
for small numbers and constants there is, as the memo does not tell these apart.
"""

from __future__ import annotations

import pickletools
import re
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from persistence.errors import DecodeError
from persistence.pickles import runs
from persistence.pickles.key_costs import Keys
from persistence.pickles.limits import DEFAULT
from persistence.pickles.walk import Walk

__all__ = ["Forms"]

_HEAD = slice(11, 35)  # after PROTO and FRAME: where the name of the class is
_MOST_HEADS = 256
_MOST_FORMS = 4  # for each head
_LESSON = 500  # pickles to be proven before the next form is learned, as that takes some 5 ms
_REMEMBERED = 12  # of these
_LARGEST = 8_000  # bytes
_USUAL_LENGTH = 48
_NEAR = 8  # other lengths that a text may have
_LONGEST = 255

# Possessive, see `runs`; where Python 3.10 goes back, each byte leaves but one way to go.
_ONLY = b"+" if sys.version_info >= (3, 11) else b""

_SMALL_VALUES = frozenset(
    ("BININT1", "BININT2", "BININT", "BINFLOAT", "NONE", "NEWTRUE", "NEWFALSE")
)
_SMALL_VALUE = rb"(?:K.|M..|J.{4}%b|G.{8}%b|[N\x88\x89])" % (_ONLY, _ONLY)
_FRAME = rb"\x95.{8}" + _ONLY
_TEXTS = {"SHORT_BINUNICODE": (b"\x8c", b""), "BINUNICODE": (b"X", b"\0\0\0")}
_HEADER = {"SHORT_BINUNICODE": 2, "BINUNICODE": 5}  # bytes before a text

Match = Callable[[bytes], Any]


class _Step(NamedTuple):
    """An opcode of a pickle.

    Attributes:
        kind: Its name, if its argument may be another; the same for all small values, which
            take each other's place; else its bytes.
        code: Its bytes.
    """

    kind: str | bytes
    code: bytes


class _Head:
    """What is known of the pickles that begin alike.

    Attributes:
        matches: For each form that was learned, how to match with it, the latest first.
        missed: The latest pickles that had to be proven.
        lesson: How many there were.
    """

    __slots__ = ("lesson", "matches", "missed")

    def __init__(self) -> None:
        self.matches: tuple[Match, ...] = ()
        self.missed: deque[bytes] = deque(maxlen=_REMEMBERED)
        self.lesson = 0


class Forms:
    """The forms that were learned so far; any thread may use it."""

    def __init__(self) -> None:
        self._heads: dict[bytes, _Head] = {}

    def has(self, data: bytes) -> bool:
        """Whether a pickle has a form that was learned."""
        head = self._heads.get(data[_HEAD])
        if head is not None:
            for match in head.matches:
                if match(data):
                    return True
        return False

    def note(self, data: bytes) -> None:
        """Take account of a pickle, without byte strings of Python 2, that was proven harmless."""
        head = self._heads.get(data[_HEAD])
        if head is None:
            if len(self._heads) >= _MOST_HEADS:
                self._heads = {key: head for key, head in self._heads.items() if head.matches}
                if len(self._heads) >= _MOST_HEADS:
                    return
            head = self._heads.setdefault(data[_HEAD], _Head())
        head.missed.append(data)
        head.lesson += 1
        if head.lesson % _LESSON == 0 and len(head.matches) < _MOST_FORMS:
            match = _learned(list(head.missed))
            if match is not None:
                head.matches = (match, *head.matches)


def _learned(examples: Iterable[bytes]) -> Match | None:
    """Return how to match with the most frequent form of some pickles, if they have one."""
    forms: dict[tuple[str | bytes, ...], list[Sequence[_Step]]] = {}
    for data in examples:
        steps = _steps(data) if len(data) <= _LARGEST and _is_light(data) else ()
        if steps:
            forms.setdefault(tuple(step.kind for step in steps), []).append(steps)
    alike = max(forms.values(), key=len, default=[])
    if len(alike) < 2:
        return None
    expression = b"".join(_expression(steps) for steps in zip(*alike, strict=True))
    return re.compile(b"(?s:%b)" % expression).match


def _is_light(data: bytes) -> bool:
    """Whether no pickle of this form asks for more than a pickle of any size may."""
    keys = Keys(0, DEFAULT)
    try:
        Walk(data, DEFAULT, keys).run()
    except DecodeError:
        return False
    return keys.count <= DEFAULT.key_collisions


def _steps(data: bytes) -> Sequence[_Step]:
    """Return the opcodes of a pickle; none if a text in it is damaged."""
    names, offsets = [], []
    try:
        for opcode, _, at in pickletools.genops(data):
            names.append(opcode.name)
            offsets.append(at or 0)
    except ValueError:
        return ()
    steps = []
    for name, at, end in zip(names, offsets, [*offsets[1:], offsets[-1] + 1], strict=True):
        code = data[at:end]
        if name in _SMALL_VALUES:
            steps.append(_Step("small value", code))
        elif name == "FRAME" or (name in _TEXTS and end - at - _HEADER[name] <= _LONGEST):
            steps.append(_Step(name, code))
        else:
            steps.append(_Step(code, code))
    return steps


def _expression(alike: Sequence[_Step]) -> bytes:
    """Return what matches the same opcode of pickles of one form."""
    kind, code = alike[0]
    if kind == "FRAME":
        return _FRAME
    if isinstance(kind, bytes) or all(step.code == code for step in alike):
        return re.escape(code)
    if kind in _TEXTS:
        return _text(kind, [len(step.code) - _HEADER[kind] for step in alike])
    return _SMALL_VALUE


def _text(kind: str, lengths: Sequence[int]) -> bytes:
    """Match a text that is not much longer than those that were seen, or than is usual."""
    near = range(max(0, min(lengths) - _NEAR), min(_LONGEST, max(lengths) + _NEAR) + 1)
    begin, zeros = _TEXTS[kind]
    seen = [length for length, _ in Counter(lengths).most_common()]
    choices = dict.fromkeys((*seen, *near, *range(max(_USUAL_LENGTH, near.start))))
    return b"%b(?:%b)" % (begin, runs.lengths(choices, zeros))
