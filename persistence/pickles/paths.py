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

__all__ = ["attribute", "find_references", "item", "joined", "special"]

_LONGEST_KEY = 200


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
    stack: list[Iterator[tuple[Any, str, Any]]] = [iter((((), "", pickle.root),))]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        before, part, value = step
        path = (before, part)
        if isinstance(value, Reference):
            yield _spelled(path), value
        if isinstance(value, (list, tuple, dict, set, frozenset, Object)) and id(value) not in seen:
            seen.add(id(value))
            stack.append(_steps(path, value, pickle.python2))


def _spelled(path: Any) -> str:
    parts: deque[str] = deque()
    while path:
        path, part = path
        parts.appendleft(part)
    return joined(parts)


def _steps(path: Any, value: Any, python2: bool) -> Iterator[tuple[Any, str, Any]]:
    if isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield path, f"[{index}]", inner
    elif isinstance(value, dict):
        yield from _pair_steps(path, value.items(), python2)
    elif isinstance(value, Object):
        yield from _object_steps(path, value, python2)
    else:
        for index, inner in enumerate(value):
            yield path, special(index), inner


def _pair_steps(
    path: Any, pairs: Iterable[tuple[Any, Any]], python2: bool
) -> Iterator[tuple[Any, str, Any]]:
    for index, (key, inner) in enumerate(pairs):
        if isinstance(key, (Object, tuple, frozenset)):
            yield path, special(f"key {index}"), key
        yield path, item(key, python2=python2), inner


def _object_steps(path: Any, obj: Object, python2: bool) -> Iterator[tuple[Any, str, Any]]:
    for state in obj.states:
        parts = list(plain_state(state))
        for part in parts:
            for name, inner in part.items():
                yield path, attribute(name if type(name) is str else text_of(name)), inner
        if not parts:
            yield path, special("state"), state
    for index, inner in enumerate(obj.items):
        yield path, f"[{index}]", inner
    yield from _pair_steps(path, obj.pairs, python2)
    for index, inner in enumerate(obj.added):
        yield path, special(f"added {index}"), inner
    for index, inner in enumerate(obj.args):
        yield path, special(index), inner
    for name, inner in obj.kwargs.items():
        yield path, special(name), inner
    if isinstance(obj, Result):
        yield path, special("callee"), obj.callee


def _key_text(key: Any, python2: bool) -> str:
    if type(key) is str:
        return shortened(quoted(key[: _LONGEST_KEY + 1]), _LONGEST_KEY)
    if type(key) is bytes and python2:
        return shortened(quoted(text_of(key[: _LONGEST_KEY + 1])), _LONGEST_KEY)
    from persistence.pickles.expressions import render  # it writes paths, too

    return shortened(render(key, _LONGEST_KEY, python2=python2, in_line=True), _LONGEST_KEY)
