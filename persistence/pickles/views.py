"""How a decoded value looks: its type, one line, its children, and Python code for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from persistence.pickles.adapters import adapter_for
from persistence.pickles.classes import (
    class_name,
    constructor_args,
    global_name,
    maker_name,
    short_type,
)
from persistence.pickles.keys import pair_parts
from persistence.pickles.nodes import (
    ByteString,
    Global,
    MissingBuffer,
    Object,
    Reference,
    Result,
    Unhashed,
)
from persistence.pickles.parts import (
    NO_PARTS,
    Attributes,
    Child,
    Entry,
    Fields,
    Items,
    Joined,
    Members,
    Pairs,
    Parts,
)
from persistence.pickles.paths import keyword, special, states_apart
from persistence.pickles.texts import escaped, text_of

__all__ = [
    "Adapter",
    "Code",
    "Name",
    "View",
    "call",
    "object_parts",
    "pairs_code",
    "plain_view",
    "separated",
    "view",
]


class Code(str):
    """Python source among the pieces of an expression; all other pieces are values."""

    __slots__ = ()


class Name(Code):
    """The dotted name of a class or function; its module is left out in one-line previews."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class View:
    """How one value looks.

    Attributes:
        type: Short name of its type.
        brief: What it is in one line; None to show the beginning of `code`.
        code: Gives the pieces of a Python expression for it; None if there is none.
        parts: Its children.
        count: How many items it has; its line begins with the number.
        text: Gives all of it as text; None if `brief` or `code` says it.
        value: The plain value it stands for, if it is computed from others.
    """

    type: str
    brief: str | None = None
    code: Callable[[], Iterator[Any]] | None = None
    parts: Parts = NO_PARTS
    count: int = 0
    text: Callable[[], str] | None = None
    value: Any = None


Adapter = Callable[[Object, bool], View | None]
"""Makes the view of an object, given whether its bytes are texts of Python 2; None if the
object is not as the adapter expects, so that it is shown as any other."""


def separated(groups: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Give the pieces of all groups with commas between the groups."""
    is_first = True
    for group in groups:
        if not is_first:
            yield Code(", ")
        is_first = False
        yield from group


def pairs_code(pairs: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
    """Give the pieces of a dictionary of these keys and values."""
    yield Code("{")
    yield from separated((key, Code(": "), item) for key, item in pairs)
    yield Code("}")


def call(name: str, *arguments: Any) -> Callable[[], Iterator[Any]]:
    """Give the pieces of a call of a class or function: `datetime.date(2024, 1, 2)`."""

    def pieces() -> Iterator[Any]:
        yield Name(name)
        yield Code("(")
        yield from separated((argument,) for argument in arguments)
        yield Code(")")

    return pieces


def view(value: Any, *, python2: bool = False) -> View:
    """Return how a value looks."""
    kind = type(value)
    if kind in _SCALARS:
        return _scalar_view(value, python2)
    if kind is list or kind is tuple:
        return View(kind.__name__, parts=Items(value), count=len(value))
    if kind is dict:
        return View("dict", parts=Pairs(value, python2), count=len(value))
    if kind is set or kind is frozenset:
        return View(kind.__name__, parts=Members(value), count=len(value))
    if isinstance(value, Unhashed):
        return _unhashed_view(value, python2)
    if isinstance(value, Object):
        return _object_view(value, python2)
    if isinstance(value, View):
        return value
    if isinstance(value, Entry):
        return _entry_view(value, python2)
    if isinstance(value, Global):
        return View("global", brief=escaped(global_name(value)))
    if isinstance(value, (MissingBuffer, memoryview)):
        return _buffer_view(value)
    return View(escaped(kind.__name__), brief=f"<{escaped(kind.__name__)}>")


def object_parts(
    value: Object, python2: bool, *, with_args: bool = True, with_pairs: bool = True
) -> Parts:
    """Return the children of an object as its pickle gives them.

    Its attributes come first, then what was appended to it or set in it, and then what it
    was made with.
    """
    kinds: list[Parts] = []
    plain: list[dict[Any, Any]] = []
    odd: list[Child] = []
    for part, state, is_plain in states_apart(value):
        if is_plain:
            plain.append(state)
        elif state is not None:
            odd.append(Child(part.replace("(", "").replace(")", ""), state, part))
    if plain:
        kinds.append(Attributes(plain[0] if len(plain) == 1 else value.attributes()))
    if odd:
        kinds.append(Fields(odd))
    if value.items:
        kinds.append(Items(value.items))
    if value.pairs and with_pairs:
        kinds.append(Pairs(value.pairs, python2, by_position=bool(value.items)))
    if value.added:
        kinds.append(Members(value.added, "added "))
    if with_args:
        kinds.append(Fields(_made_with(value, python2)))
    return kinds[0] if len(kinds) == 1 else Joined(kinds)


def _made_with(value: Object, python2: bool) -> list[Child]:
    found = [
        Child(special(index), argument, special(index))
        for index, argument in enumerate(constructor_args(value))
    ]
    keywords = _keywords(value)
    if keywords is not None:
        place = special(f"made with {_KEYWORDS}")
        found += [
            Child(keyword(known), argument, keyword(known), f"{place}{part}")
            for known, (part, _, argument) in zip(
                map(_known_name, keywords), pair_parts(keywords, python2=python2), strict=True
            )
        ]
    found += [
        Child(keyword(name), argument, keyword(name)) for name, argument in value.kwargs.items()
    ]
    if isinstance(value, Result):
        found.append(Child("(callee)", value.callee, special("callee")))
    return found


def _keywords(value: Object) -> dict[str, Any] | None:
    """Return the keyword arguments of what was made by a class and a tuple of arguments."""
    if maker_name(value) != "copyreg.__newobj_ex__" or len(value.args) != _KEYWORDS + 1:
        return None
    found = value.args[_KEYWORDS]
    if type(value.args[1]) is not tuple or type(found) is not dict:
        return None
    return found if all(type(name) in (str, bytes) for name in found) else None


def _known_name(name: str | bytes) -> str:
    return name if isinstance(name, str) else text_of(name)


_KEYWORDS = 2  # the argument of `copyreg.__newobj_ex__` that has them


def _unhashed_view(value: Unhashed, python2: bool) -> View:
    """Return how a dictionary or set looks that Python would refuse to make."""

    def members() -> Iterator[Any]:
        is_frozen = value.container == "frozenset"
        yield Code("frozenset({" if is_frozen else "{")
        yield from separated((member,) for member in value.added)
        yield Code("})" if is_frozen else "}")

    is_dict = value.container == "dict"
    return View(
        value.container,
        brief="keys that cannot be hashed" if is_dict else "members that cannot be hashed",
        code=(lambda: pairs_code(value.pairs)) if is_dict else members,
        parts=Pairs(value.pairs, python2) if is_dict else Members(value.added, "added ", ""),
        count=len(value.pairs) if is_dict else len(value.added),
    )


def _object_view(value: Object, python2: bool) -> View:
    if isinstance(value, Reference):
        return View("reference", brief=escaped(value.id))
    adapter = adapter_for(maker_name(value)) or adapter_for(class_name(value))
    if adapter is not None:
        adapted: View | None = adapter(value, python2)
        if adapted is not None:
            return adapted
    return plain_view(value, python2)


def plain_view(value: Object, python2: bool) -> View:
    """Return how an object looks without an adapter."""
    return View(short_type(value), brief=_task_brief(value), parts=object_parts(value, python2))


def _task_brief(value: Object) -> str | None:
    """Return the name of a GC3Pie task, or of a task of a class derived from one."""
    if not value.states:
        return None
    attributes = value.attributes()
    execution = attributes.get("execution")
    if not isinstance(execution, Object) or class_name(execution) != "gc3libs.Run":
        return None
    name = attributes.get("jobname")
    # Not `view`: a run that is none is shown plainly, and may hold the next one.
    adapter = adapter_for("gc3libs.Run")
    run: View | None = adapter(execution, False) if adapter else None
    brief = (run and run.brief) or ""
    if isinstance(name, bytes):
        name = text_of(name)
    return f"{escaped(name)}  {brief}" if isinstance(name, str) and name else brief


def _scalar_view(value: Any, python2: bool) -> View:
    name = type(value).__name__
    if type(value) is ByteString or (python2 and type(value) is bytes):
        name = "str" if _is_utf8(value) else "str (Latin-1)"
    elif value is None:
        name = "None"
    return View(name)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _entry_view(entry: Entry, python2: bool) -> View:
    return View(
        view(entry.value, python2=python2).type,
        parts=Fields(
            (
                Child("key", entry.key, special("key")),
                Child("value", entry.value, special("value")),
            )
        ),
    )


def _buffer_view(value: MissingBuffer | memoryview) -> View:
    if isinstance(value, MissingBuffer):
        return View("buffer", brief="not in the pickle: it was delivered apart from it")
    return View("buffer", code=lambda: iter((bytes(value),)))


_SCALARS = frozenset((type(None), bool, int, float, complex, str, bytes, bytearray, ByteString))
