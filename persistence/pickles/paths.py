"""Where a value is in a decoded object, as a path that people can read.

A path is what would be written in Python behind the object: `execution.history[2]`,
`parameters['temperature']`, `tasks[3]`. What Python has no notation for stands in round
brackets:

    .('odd name')   an attribute whose name is no identifier
    (2)             the third positional argument an object was made with; the third member
                    of a set
    (name)          a keyword argument; (keyword 'odd name') if it is no usual name
    (state)         the state of an object, if it is no dictionary of attributes;
                    (state 1) if it has several
    (added 2)       what was added to an object as to a set
    (value 3)       a value of a dictionary by its position, (key 3) its key: see `keys`
    (key), (value)  key and value behind a path to both
    (made with 0)   an argument that says only how an object is made
    (callee)        what was called to make it
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from persistence.errors import LiteralError, PathError
from persistence.pickles.classes import set_members, shown_args
from persistence.pickles.decode import Pickle
from persistence.pickles.keys import canonical_key, in_order, pair_parts
from persistence.pickles.literals import read_literal
from persistence.pickles.nodes import Object, Reference, Result, plain_state
from persistence.pickles.texts import escaped, quoted, shortened, text_of

__all__ = [
    "HOLDING",
    "Attribute",
    "Item",
    "Path",
    "Special",
    "Step",
    "attribute",
    "closing",
    "find_references",
    "item",
    "joined",
    "keyword",
    "special",
    "states_apart",
    "steps",
]

_LONGEST_KEY = 200
_NAME = re.compile(r"[^\W\d]\w*")
_BRACKETS = re.compile(r"""[][(){}]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|['"]""", re.DOTALL)
_OPENING = {")": "(", "]": "[", "}": "{"}
_TAKEN = frozenset(("callee", "key", "state", "value"))  # words in round brackets
_END: Any = object()
HOLDING = (list, tuple, dict, set, frozenset, Object)
"""Types of values that may hold others."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A step to an attribute, by its name."""

    name: str

    def __str__(self) -> str:
        return attribute(self.name)


@dataclass(frozen=True, slots=True)
class Item:
    """A step to an item of a list or dictionary: the index or key as it is written."""

    text: str

    def __str__(self) -> str:
        return f"[{self.text}]"

    @property
    def index(self) -> int | None:
        """The index it is in a list, or None."""
        digits = self.text.removeprefix("-")
        return int(self.text) if digits.isdecimal() and len(digits) < _LONGEST_NUMBER else None


@dataclass(frozen=True, slots=True)
class Special:
    """A step to something that Python has no notation for: what is in the brackets."""

    text: str

    def __str__(self) -> str:
        return f"({self.text})"

    def number(self, label: str = "") -> int | None:
        """Return the number behind a label, or None if it is another one."""
        digits = self.text.removeprefix(label)
        is_number = len(digits) + len(label) == len(self.text) and digits.isdecimal()
        return int(digits) if is_number and len(digits) < _LONGEST_NUMBER else None


_LONGEST_NUMBER = 20  # digits

Step = Attribute | Item | Special


@dataclass(frozen=True, slots=True)
class Path:
    """The way from an object to a value in it.

    Attributes:
        steps: From the outermost to the innermost; none for the object itself.
    """

    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Path:
        """Read a path.

        Raises:
            PathError: It is none.

        >>> str(Path.parse('tasks[ 3 ].jobs["a"]'))
        "tasks[3].jobs['a']"
        """
        return cls(tuple(_parsed(text)))

    def __str__(self) -> str:
        return joined(str(step) for step in self.steps)

    @property
    def parent(self) -> Path:
        """The path of what the last step starts from."""
        return Path(self.steps[:-1])

    def then(self, step: Step) -> Path:
        """Return the path that goes one step further."""
        return Path((*self.steps, step))


def attribute(name: str) -> str:
    """Return the part of a path that stands for an attribute."""
    return f".{name}" if _NAME.fullmatch(name) else f".({quoted(name)})"


def item(key: Any, *, python2: bool = False) -> str:
    """Return the part of a path that stands for an item of a list or dictionary."""
    return f"[{_key_text(key, python2)}]"


def special(name: str | int) -> str:
    """Return the part of a path that stands for something Python has no notation for."""
    return f"({escaped(str(name))})"


def keyword(name: str) -> str:
    """Return the part of a path that stands for an argument with a name."""
    if _NAME.fullmatch(name) and name not in _TAKEN:
        return special(name)
    return f"(keyword {quoted(name)})"


def joined(parts: Iterable[str]) -> str:
    """Return a path from its parts.

    >>> joined([attribute("tasks"), item(3), attribute("jobname")])
    'tasks[3].jobname'
    """
    path = "".join(parts)
    return path if path.startswith(".(") else path.removeprefix(".")


def closing(text: str, start: int) -> int:
    """Return where the bracket is closed that opens at a position, or -1."""
    opened: list[str] = []
    for found in _BRACKETS.finditer(text, start):
        token = found[0]
        if token in ("(", "[", "{"):
            opened.append(token)
        elif token in _OPENING:
            if not opened or opened.pop() != _OPENING[token]:
                return -1
            if not opened:
                return found.start()
        elif len(token) == 1:
            return -1  # a text that does not end
    return -1


def _parsed(text: str) -> Iterator[Step]:
    at = 0
    while at < len(text):
        start = at
        if text[at] == "." or (at == 0 and text[at] not in "[("):
            at += text[at] == "."
            name = _NAME.match(text, at)
            if name is not None:
                at = name.end()
                yield Attribute(name[0])
                continue
            end = closing(text, at) if text[at : at + 1] == "(" else -1
            yield Attribute(_quoted_name(text, at, end))
        elif text[at] in "[(":
            end = closing(text, at)
            if end < 0:
                raise PathError(text, f"the bracket at character {at + 1} is not closed")
            inner = text[at + 1 : end]
            yield Special(inner.strip()) if text[at] == "(" else Item(canonical_key(inner))
        else:
            raise PathError(text, f"{text[start]!r} at character {start + 1} is not expected")
        at = end + 1


def _quoted_name(text: str, at: int, end: int) -> str:
    try:
        name = read_literal(text[at + 1 : end]) if end > 0 else None
    except LiteralError:
        name = None
    if not isinstance(name, str):
        raise PathError(text, f"there is no name of an attribute at character {at + 1}")
    return name


def find_references(pickle: Pickle) -> Iterator[tuple[str, Reference]]:
    """Iterate over the references in a pickle, with the path of each.

    A list or object that is met in several places is searched once, so that the work is
    bounded by the size of the pickle.

    >>> list(find_references(Pickle([1, Reference.to("Job.7")], 4, 0)))
    [('[1]', <Reference Job.7>)]
    """
    seen: set[int] = set()
    # A path under way is its last part and the path before it: deep ones share their start.
    stack: list[tuple[Any, Iterator[tuple[str, Any]]]] = [((), iter((("", pickle.root),)))]
    while stack:
        before, inner = stack[-1]
        step = next(inner, _END)
        if step is _END:
            stack.pop()
            continue
        part, value = step
        path = (before, part)
        if isinstance(value, Reference):
            yield _spelled(path), value
        if isinstance(value, HOLDING) and id(value) not in seen:
            seen.add(id(value))
            stack.append((path, steps(value, pickle.python2)))


def _spelled(path: Any) -> str:
    parts: deque[str] = deque()
    while path:
        path, part = path
        parts.appendleft(part)
    return joined(parts)


def steps(value: Any, python2: bool = False) -> Iterator[tuple[str, Any]]:
    """Iterate over what a value holds as the pickle has it: part of the path, inner value.

    Keys of dictionaries are among them where they could hold something themselves. Values
    without parts, such as texts, hold nothing.

    >>> list(steps({"a": [1]}))
    [("['a']", [1])]
    """
    if isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield f"[{index}]", inner
    elif isinstance(value, dict):
        yield from _pair_steps(value.items(), python2)
    elif isinstance(value, Object):
        yield from _object_steps(value, python2)
    elif isinstance(value, (set, frozenset)):
        for index, inner in enumerate(in_order(value)):
            yield special(index), inner


def _pair_steps(
    pairs: Any, python2: bool, *, by_position: bool = False
) -> Iterator[tuple[str, Any]]:
    parts = pair_parts(pairs, python2=python2, by_position=by_position)
    for index, (part, key, inner) in enumerate(parts):
        if isinstance(key, HOLDING):
            yield special(f"key {index}"), key
        yield part, inner


def _object_steps(obj: Object, python2: bool) -> Iterator[tuple[str, Any]]:
    later: set[str] = set()  # attributes that are set again
    for path, state, is_plain in reversed(list(states_apart(obj))):
        if not is_plain:
            yield path, state
            continue
        names = [name if type(name) is str else text_of(name) for name in state]
        if later.isdisjoint(names):
            yield from zip(map(attribute, names), state.values(), strict=True)
        else:
            own = pair_parts(state, python2=python2)
            for name, (part, _, inner) in zip(names, own, strict=True):
                yield (f"{path}{part}" if name in later else attribute(name)), inner
        later.update(names)
    for index, inner in enumerate(obj.items):
        yield f"[{index}]", inner
    yield from _pair_steps(obj.pairs, python2, by_position=bool(obj.items))
    for index, inner in enumerate(obj.added):
        yield special(f"added {index}"), inner
    yield from _argument_steps(obj)
    for name, inner in obj.kwargs.items():
        yield keyword(name), inner
    if isinstance(obj, Result):
        yield special("callee"), obj.callee


def states_apart(obj: Object) -> Iterator[tuple[str, Any, bool]]:
    """Iterate over the parts of an object's states: path, value, whether it has attributes."""
    for index, state in enumerate(obj.states):
        path = special("state" if len(obj.states) == 1 else f"state {index}")
        plain = {id(attributes) for attributes in plain_state(state)}
        if not plain or type(state) is not tuple:
            yield path, state, bool(plain)
            continue
        for place, inner in enumerate(state):
            if inner is not None:
                yield f"{path}[{place}]", inner, id(inner) in plain


def _argument_steps(obj: Object) -> Iterator[tuple[str, Any]]:
    members = set_members(obj)
    if members is not None:
        for index, inner in enumerate(members):
            yield special(index), inner
        return
    first, inside = shown_args(obj)
    for index, inner in enumerate(obj.args):
        if index == inside:
            for position, argument in enumerate(inner):
                yield special(position), argument
        elif index < first:
            yield special(f"made with {index}"), inner
        else:
            yield special(index - first), inner


def _key_text(key: Any, python2: bool) -> str:
    if type(key) is str:
        return shortened(quoted(key[: _LONGEST_KEY + 1]), _LONGEST_KEY)
    if type(key) is bytes and python2:
        return shortened(quoted(text_of(key[: _LONGEST_KEY + 1])), _LONGEST_KEY)
    from persistence.pickles.expressions import render  # it writes paths, too

    return shortened(render(key, _LONGEST_KEY, python2=python2, in_line=True), _LONGEST_KEY)
