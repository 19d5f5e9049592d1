"""How the standard library's containers look: bytes, sets, mappings, queues, arrays, buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from persistence.pickles.adapters.leaves import bytes_of, known_text, last_state
from persistence.pickles.classes import class_name, constructor_args, set_members, short_type
from persistence.pickles.nodes import Object
from persistence.pickles.parts import (
    NO_PARTS,
    Attributes,
    Child,
    Fields,
    Items,
    Joined,
    Members,
    Numbers,
    Pairs,
    Parts,
)
from persistence.pickles.paths import attribute, item, special
from persistence.pickles.texts import escaped, integer_text, quoted
from persistence.pickles.views import Code, View, call, object_parts, pairs_code, separated

__all__ = [
    "buffer",
    "chain_map",
    "iterator",
    "mapping",
    "number_array",
    "plain_bytes",
    "plain_set",
    "queue",
    "user_container",
]

_DEQUE_ARGS = 2
_ARRAY_ARGS = 4
_BUFFER_STATE = 3
_PREVIEW = 200  # characters
# Machine format code of `array.array` (Modules/arraymodule.c) → layout for `struct`.
_ARRAY_FORMATS: dict[Any, str] = {
    number: f"{order}{kind}"
    for number, (order, kind) in enumerate(
        [("<", "B"), ("<", "b"), *((order, kind) for kind in "HhIiQqfd" for order in "<>")]
    )
}
_TEXT_FORMATS = {18: "utf-16-le", 19: "utf-16-be", 20: "utf-32-le", 21: "utf-32-be"}


def plain_bytes(value: Object, python2: bool) -> View | None:
    """Show the `bytes` or `bytearray` of protocols 0 to 2."""
    name = class_name(value)
    if value.states or value.items:
        return None
    found = _bytearray_content(value) if name == "builtins.bytearray" else bytes_of(value)
    if found is None:
        return None
    shown = bytearray(found) if name == "builtins.bytearray" else found
    return View(short_type(value), code=lambda: iter((shown,)), value=shown)


def _bytearray_content(value: Object) -> bytes | None:
    if not value.args:
        return b""
    if type(value.args[0]) is str and len(value.args) == 2:  # Python 2: text and encoding
        try:
            return value.args[0].encode("latin-1")
        except UnicodeEncodeError:
            return None
    return bytes_of(value.args[0])


def plain_set(value: Object, python2: bool) -> View | None:
    """Show the `set` or `frozenset` of protocols 0 to 3."""
    members = set_members(value)
    if members is None:
        return None
    name = short_type(value)

    def code() -> Iterator[Any]:
        is_frozen = name == "frozenset"
        yield Code(f"{name}(" if is_frozen or not members else "")
        if members:
            yield Code("{")
            yield from separated((member,) for member in members)
            yield Code("}")
        yield Code(")" if is_frozen or not members else "")

    return View(
        name,
        code=code,
        parts=Members(members),
        count=len(members),
    )


def mapping(value: Object, python2: bool) -> View | None:
    """Show an `OrderedDict`, a `defaultdict` or a `Counter`."""
    name = class_name(value)
    if value.items or value.added:
        return None
    args = constructor_args(value)
    stored: Parts = Pairs(value.pairs, python2)
    pairs: Sequence[Any] | Mapping[Any, Any] = value.pairs
    if not pairs and args and type(args[-1]) is dict:
        pairs = args[-1]
        stored = Pairs(pairs, python2, special(len(args) - 1))
        args = args[:-1]
    elif not pairs and args and _is_pair_list(args[-1]):  # Python 2
        pairs = [(key, inner) for key, inner in args[-1]]
        stored = Pairs(pairs, python2, special(len(args) - 1), is_listed=True)
        args = args[:-1]
    if len(args) > 1 or (args and name != "collections.defaultdict"):
        return None
    kinds = [stored]
    if args:
        kinds.append(Fields((Child("default_factory", args[0], ".default_factory", special(0)),)))
    if value.states:
        kinds.append(object_parts(value, python2, with_args=False, with_pairs=False))
    listed = pairs.items() if isinstance(pairs, Mapping) else pairs
    content = View("dict", code=lambda: pairs_code(listed))
    arguments = (*args, content) if pairs else args
    if pairs and not args and name == "collections.defaultdict":
        arguments = (None, content)  # without a factory it is not pickled with one
    return View(
        short_type(value), code=call(name, *arguments), parts=Joined(kinds), count=len(pairs)
    )


def _is_pair_list(value: Any) -> bool:
    return (
        type(value) is list
        and bool(value)
        and all(type(pair) in (list, tuple) and len(pair) == 2 for pair in value)
    )


def chain_map(value: Object, python2: bool) -> View | None:
    """Show a `collections.ChainMap`."""
    maps = value.attributes().get("maps")
    if type(maps) is not list or constructor_args(value):
        return None
    return View(
        "ChainMap",
        code=call("collections.ChainMap", *maps),
        parts=Items(maps, place=attribute("maps")),
        count=len(maps),
    )


def user_container(value: Object, python2: bool) -> View | None:
    """Show a `UserDict`, `UserList` or `UserString` as what is in it."""
    attributes = value.attributes()
    data = attributes.pop("data", None)
    name = class_name(value)
    if constructor_args(value) or value.items or value.pairs:
        return None
    parts: Parts
    if type(data) is dict and name.endswith("UserDict"):
        parts = Pairs(data, python2, attribute("data"))
    elif type(data) is list and name.endswith("UserList"):
        parts = Items(data, place=attribute("data"))
    elif type(data) in (str, bytes) and name.endswith("UserString"):
        return View(
            "UserString", code=call(name, data), parts=object_parts(value, python2), value=data
        )
    else:
        return None
    if attributes:
        parts = Joined((parts, Attributes(attributes)))
    return View(short_type(value), code=call(name, data), parts=parts, count=len(data))


def queue(value: Object, python2: bool) -> View | None:
    """Show a `collections.deque`."""
    if value.states or value.pairs or len(value.args) > _DEQUE_ARGS:
        return None
    limit = value.args[1:]
    items = value.items or (value.args[0] if value.args else ())
    if type(items) not in (list, tuple):
        return None
    place = "" if value.items else special(0)
    extra = (Fields((Child("maxlen", limit[0], ".maxlen", special(1)),)),) if limit else ()
    return View(
        "deque",
        code=call("collections.deque", items or [], *limit),
        parts=Joined((Items(items, place=place), *extra)),
        count=len(items),
    )


def number_array(value: Object, python2: bool) -> View | None:
    """Show an `array.array` by its numbers."""
    args = value.args
    if len(args) == 2 and type(args[1]) in (list, str):
        kind, numbers = args
        parts: Parts = Items(numbers, place=special(1)) if type(numbers) is list else NO_PARTS
    elif len(args) == _ARRAY_ARGS and type(args[2]) is int:
        kind, data = args[1], bytes_of(args[3])
        if data is None:
            return None
        if args[2] in _TEXT_FORMATS:
            numbers, parts = str(data, _TEXT_FORMATS[args[2]], "replace"), NO_PARTS
        elif args[2] in _ARRAY_FORMATS:
            numbers = Numbers(data, _ARRAY_FORMATS[args[2]])
            parts = Items(numbers, is_computed=True)
        else:
            return None
    else:
        return None
    kind = known_text(kind)
    if kind is None:
        return None
    return View("array", code=call("array.array", kind, numbers), parts=parts, count=len(numbers))


def iterator(value: Object, python2: bool) -> View | None:
    """Show an iterator over a list or tuple, and how far it has come."""
    if len(value.args) != 1 or type(value.args[0]) not in (list, tuple):
        return None
    items = value.args[0]
    state = value.states[-1] if value.states else 0
    if type(state) is not int or len(value.states) > 1:
        return None
    return View(
        "iterator",
        brief=f"at {integer_text(state)} of {len(items):,} items",
        parts=object_parts(value, python2),
    )


def buffer(value: Object, python2: bool) -> View | None:
    """Show an `io.BytesIO` or `io.StringIO` by its content."""
    state = value.states[-1] if value.states else None
    if type(state) is not tuple or len(state) < _BUFFER_STATE or constructor_args(value):
        return None
    content = state[0] if isinstance(state[0], str) else bytes_of(state[0])
    if content is None:
        return None
    name = "StringIO" if isinstance(content, str) else "BytesIO"
    start = content[:_PREVIEW]
    brief = quoted(start) if isinstance(start, str) else escaped(repr(start))
    places = ("value", *(("newline", "position") if name == "StringIO" else ("position",)))
    children = [
        Child(label, part, last_state(value) + item(n))
        for n, (label, part) in enumerate(zip(places, state, strict=False))
    ]
    return View(
        name,
        brief=f"{len(content):,} {'characters' if name == 'StringIO' else 'bytes'}  {brief}",
        code=call(f"io.{name}", content),
        parts=Fields(children),
    )
