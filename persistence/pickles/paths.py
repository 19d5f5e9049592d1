"""Where a value is in a decoded object, as a path that people can read.

A path is what would be written in Python behind the object: `execution.history[2]`,
`parameters['temperature']`, `tasks[3]`. What Python has no notation for stands in round
brackets: the third positional argument an object was made with is `(2)`, its state, if it is
no dictionary of attributes, is `(state)`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from persistence.pickles.decode import Pickle
from persistence.pickles.nodes import Object, Reference, Result, plain_state
from persistence.pickles.texts import escaped, quoted, shortened, text_of

__all__ = ["attribute", "find_references", "item", "joined", "special", "steps"]

_LONGEST_KEY = 200
_END: Any = ("", object())
_WITH_STEPS = (list, tuple, dict, set, frozenset, Object)


def attribute(name: str) -> str:
    """Return the part of a path that stands for an attribute."""
    return f".{name}" if name.isidentifier() else f".({quoted(name)})"


def item(key: Any, *, python2: bool = False) -> str:
    """Return the part of a path that stands for an item of a list or dictionary."""
    return f"[{_key_text(key, python2)}]"


def special(name: str | int) -> str:
    """Return the part of a path that stands for something Python has no notation for."""
    return f"({escaped(str(name))})"


def joined(parts: Iterable[str]) -> str:
    """Return a path from its parts.

    >>> joined([attribute("tasks"), item(3), attribute("jobname")])
    'tasks[3].jobname'
    """
    return "".join(parts).removeprefix(".")


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
        part, value = next(inner, _END)
        if value is _END[1]:
            stack.pop()
            continue
        path = (before, part)
        if isinstance(value, Reference):
            yield _spelled(path), value
        if isinstance(value, _WITH_STEPS) and id(value) not in seen:
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
        for index, inner in enumerate(value):
            yield special(index), inner


def _pair_steps(pairs: Iterable[tuple[Any, Any]], python2: bool) -> Iterator[tuple[str, Any]]:
    for index, (key, inner) in enumerate(pairs):
        if isinstance(key, (Object, tuple, frozenset)):
            yield special(f"key {index}"), key
        yield item(key, python2=python2), inner


def _object_steps(obj: Object, python2: bool) -> Iterator[tuple[str, Any]]:
    for state in obj.states:
        parts = list(plain_state(state))
        for part in parts:
            for name, inner in part.items():
                yield attribute(name if type(name) is str else text_of(name)), inner
        if not parts:
            yield special("state"), state
    for index, inner in enumerate(obj.items):
        yield f"[{index}]", inner
    yield from _pair_steps(obj.pairs, python2)
    for index, inner in enumerate(obj.added):
        yield special(f"added {index}"), inner
    for index, inner in enumerate(obj.args):
        yield special(index), inner
    for name, inner in obj.kwargs.items():
        yield special(name), inner
    if isinstance(obj, Result):
        yield special("callee"), obj.callee


def _key_text(key: Any, python2: bool) -> str:
    if type(key) is str:
        return shortened(quoted(key[: _LONGEST_KEY + 1]), _LONGEST_KEY)
    if type(key) is bytes and python2:
        return shortened(quoted(text_of(key[: _LONGEST_KEY + 1])), _LONGEST_KEY)
    from persistence.pickles.expressions import render  # it writes paths, too

    return shortened(render(key, _LONGEST_KEY, python2=python2, in_line=True), _LONGEST_KEY)
