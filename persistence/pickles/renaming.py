"""Other classes for the objects of a graph, for code that moved: `old.Job` → `new.Job`.

A class is named by a pickle in several ways: objects are instances of it, it is an argument
of the function that makes them (`copyreg._reconstructor`), it is taken out of another one by
`getattr`, or it is a value by itself. Names of Python 2 are names of what they are in
Python 3: `__builtin__.set` is `builtins.set`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from persistence.pickles.alike import global_of
from persistence.pickles.classes import dotted_name, has_class_in_args, maker_name, python3_name
from persistence.pickles.nodes import Global, Object, Reference, Result
from persistence.pickles.sharing import substituted, walked
from persistence.pickles.slots import contained

__all__ = ["reclassed", "renamed_class", "renamed_module"]

_FIRST_WITH_DOTS = 4  # protocol in which a name may have dots


def reclassed(value: Object, name: str, protocol: int) -> Object:
    """Make an object one of another class; return it, or what must take its place.

    Args:
        value: The object.
        name: Module and qualified name of the class. The qualified name has as many words as
            that of the object's class, or is what follows a colon.
        protocol: Of the pickle.

    Raises:
        ValueError: It is no name of a class, or the object is what a function gave.
    """
    if has_class_in_args(value):
        value.args = (_class_like(value.args[0], name, protocol), *value.args[1:])
        return value
    cls = _class_like(value.callee if isinstance(value, Result) else value.cls, name, protocol)
    return _of_class(value, cls)


def renamed_class(root: Any, like: Any, name: str, protocol: int) -> Any:
    """Give a class another name wherever a graph has it; return the new root.

    Args:
        root: The graph.
        like: An object of the class, or the class.
        name: As for `reclassed`.
        protocol: Of the pickle.
    """
    old = _class_of(like)
    if old is None or not dotted_name(old):
        raise ValueError("its class has no name")
    full = dotted_name(old)
    words = full.split(".")
    _check(name)
    new = _with_colon(name, _words_of(old))

    def renamed(module: str, qualname: str) -> str | None:
        own = f"{module}.{qualname}"
        if own != full and not own.startswith(f"{full}."):
            return None
        if own == full:
            return new
        # A class in the class moves along.
        return f"{new}.{'.'.join(own.split('.')[len(words) :])}"

    return _renamed(root, renamed, protocol)


def renamed_module(root: Any, old: str, new: str) -> Any:
    """Give a module, and those below it, another name wherever a graph has them."""
    _check(f"{old}.x")
    _check(f"{new}.x")
    found = False

    def renamed(module: str, qualname: str) -> str | None:
        nonlocal found
        if module != old and not module.startswith(f"{old}."):
            return None
        found = True
        return f"{new}{module[len(old) :]}:{qualname}"

    # A module has no dots in its classes' names that matter here: 4 keeps them as they are.
    made = _renamed(root, renamed, _FIRST_WITH_DOTS)
    if not found:
        raise ValueError(f"nothing in it is of the module {old}")
    return made


def _renamed(root: Any, renamed: Callable[[str, str], str | None], protocol: int) -> Any:
    """Replace classes by others, given for module and qualified name if they are renamed."""
    names: dict[int, Any] = {}

    def other(cls: Global) -> Any:
        if id(cls) not in names:
            name = renamed(cls.module, cls.qualname) or renamed(*python3_name(cls))
            names[id(cls)] = None if name is None else _fitting(name, cls, protocol)
        return names[id(cls)]

    replaced: dict[int, Any] = {}
    for value in list(walked(root)):
        for inner in contained(value):
            if isinstance(inner, Global) and other(inner) is not None:
                replaced[id(inner)] = other(inner)
        if _is_nested(value):
            name = _nested_name(value, renamed)
            if name is not None:
                replaced[id(value)] = global_of(name, protocol)
        elif isinstance(value, Object) and not isinstance(value, (Reference, Result)):
            new = other(value.cls)
            made = value if new is None else _of_class(value, new)
            if made is not value:
                replaced[id(value)] = made
    if isinstance(root, Global) and other(root) is not None:
        return other(root)
    return substituted(root, replaced) if replaced else root


def _is_nested(value: Any) -> bool:
    """Whether an object stands for a class that is taken out of another one."""
    return (
        isinstance(value, Object)
        and not isinstance(value, (Reference, Result))
        and maker_name(value) == "builtins.getattr"
        and bool(dotted_name(value))
    )


def _nested_name(value: Object, renamed: Callable[[str, str], str | None]) -> str | None:
    outer: Any = value
    while isinstance(outer, Object):
        outer = outer.args[0]
    module, _ = python3_name(outer)
    name = renamed(module, dotted_name(value)[len(module) + 1 :])
    # If the outer class moves, this one is taken out of it there.
    return None if name is None or renamed(*python3_name(outer)) is not None else name


def _fitting(name: str, cls: Global, protocol: int) -> Any:
    keeps_dots = "." in cls.qualname
    return global_of(name, _FIRST_WITH_DOTS if keeps_dots else protocol)


def _of_class(value: Any, cls: Any) -> Object:
    """Return an object with another class, which its pickle has by name or makes."""
    if isinstance(value, Result):
        value.callee = cls
        return value
    if isinstance(cls, Global):
        value.__class__ = cls
        return value  # type: ignore[no-any-return]
    made = Result.of(cls, value.args, value.kwargs, "call" if value.how == "call" else "new")
    made.kwargs = value.kwargs
    for name in ("items", "pairs", "added", "order", "states"):
        setattr(made, name, getattr(value, name))
    return made


def _class_of(value: Any) -> Any:
    if isinstance(value, Global):
        return value
    if not isinstance(value, Object) or isinstance(value, Reference):
        return None
    if has_class_in_args(value):
        return value.args[0]
    return value.callee if isinstance(value, Result) else value.cls


def _class_like(old: Any, name: str, protocol: int) -> Any:
    _check(name)
    return global_of(_with_colon(name, _words_of(old)), protocol)


def _words_of(cls: Any) -> int:
    """Return how many words the qualified name of a class has."""
    count = 0
    while not isinstance(cls, Global) and dotted_name(cls):
        cls = cls.args[0]
        count += 1
    return count + (cls.qualname.count(".") + 1 if isinstance(cls, Global) else 1)


def _with_colon(name: str, words: int) -> str:
    """Return a name with a colon before its last words, if it has none."""
    if ":" in name:
        return name
    parts = name.split(".")
    if len(parts) <= words:
        raise ValueError(f"{name} is no name of a class with its module, such as jobs.Job")
    return f"{'.'.join(parts[:-words])}:{'.'.join(parts[-words:])}"


def _check(name: str) -> None:
    parts = name.replace(":", ".").split(".")
    if len(parts) < 2 or name.count(":") > 1 or not all(part.isidentifier() for part in parts):
        raise ValueError(f"{name} is no name of a class with its module, such as jobs.Job")
