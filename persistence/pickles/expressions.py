"""Decoded values as Python source, written without recursion and up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from persistence.pickles.classes import (
    class_name,
    constructor_args,
    global_name,
    maker_name,
    short_name,
    short_type,
    source_name,
)
from persistence.pickles.nodes import (
    ByteString,
    Global,
    MissingBuffer,
    Object,
    Reference,
    Result,
    plain_state,
)
from persistence.pickles.parts import Numbers
from persistence.pickles.texts import escaped, quoted, text_of
from persistence.pickles.views import Code, Name, View, pairs_code, separated, view

__all__ = ["render"]

_NESTED_TEXT = 60  # characters of a text inside of something else, where it is looked at
_WIDE_INTEGER = 2_000  # bits; wider ones take long to write in decimal
_END = object()


def render(value: Any, limit: int, *, python2: bool = False, in_line: bool = False) -> str:
    """Return Python source for a value.

    Args:
        value: A decoded value, or a `View`.
        limit: Where to stop, in characters; what was begun then is not complete.
        python2: Whether `bytes` are texts of Python 2.
        in_line: Whether the source is only to be looked at: long texts and the modules of
            classes are left out.
    """
    return _Writer(limit, python2=python2, in_line=in_line).write(value)


class _Writer:
    def __init__(self, limit: int, *, python2: bool, in_line: bool) -> None:
        self._limit = limit
        self._python2 = python2
        self._in_line = in_line

    def write(self, value: Any) -> str:
        written: list[str] = []
        size = 0
        open_ids: set[int] = set()
        # The values stay with their pieces: an `id` is theirs as long as they live.
        under_way: list[tuple[Any, Iterator[Any]]] = [(None, iter((value,)))]
        while under_way and size <= self._limit:
            owner, pieces = under_way[-1]
            piece = next(pieces, _END)
            if piece is _END:
                under_way.pop()
                open_ids.discard(id(owner))
                continue
            source = self._code(piece) if isinstance(piece, Code) else self._scalar(piece)
            if source is None and id(piece) in open_ids:
                source = "..."
            if source is None:
                open_ids.add(id(piece))
                under_way.append((piece, self._pieces(piece)))
            else:
                written.append(source)
                size += len(source)
        return "".join(written)

    def _code(self, piece: Code) -> str:
        if isinstance(piece, Name):
            return piece.rpartition(".")[2] if self._in_line else source_name(piece)
        return str(piece)

    def _scalar(self, value: Any) -> str | None:
        """Return the source of a value that holds no other; None if it does."""
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is int:
            return self._integer(value)
        if kind is float:
            return repr(value) if self._in_line or value - value == 0 else f"float('{value}')"
        if value is None or kind is bool or kind is complex:
            return repr(value)
        if kind is ByteString or (kind is bytes and self._python2):
            return self._text(text_of(value))
        if kind is bytes or kind is bytearray:
            return repr(value[:_NESTED_TEXT]) + "…" if self._is_long(value) else repr(value)
        if isinstance(value, Reference):
            return f"Reference({quoted(value.id)})"
        if isinstance(value, Global):
            return short_name(value) if self._in_line else escaped(source_name(global_name(value)))
        if isinstance(value, MissingBuffer):
            return "<missing buffer>"
        return None

    def _text(self, value: str) -> str:
        return quoted(value[:_NESTED_TEXT]) + "…" if self._is_long(value) else quoted(value)

    def _is_long(self, value: str | bytes | bytearray) -> bool:
        return self._in_line and len(value) > _NESTED_TEXT

    def _integer(self, value: int) -> str:
        bits = value.bit_length()
        if bits <= _WIDE_INTEGER:
            return str(value)
        if self._in_line:
            return f"{hex(value >> (bits - 64))}… ({bits:,} bits)"
        return hex(value)

    def _pieces(self, value: Any) -> Iterator[Any]:
        container = _CONTAINERS.get(type(value))
        if container is not None:
            return container(value)
        shown = view(value, python2=self._python2)
        if shown.code is not None:
            return shown.code()
        if isinstance(value, Object):
            return self._call(value)
        return iter((Code(shown.brief or ""),))

    def _call(self, value: Object) -> Iterator[Any]:
        """Give the pieces of a call of an object's class, attributes as keywords."""
        if isinstance(value, Result) and not maker_name(value):
            yield value.callee
        elif self._in_line:
            yield Code(short_type(value))
        else:
            yield Code(escaped(source_name(class_name(value))))
        yield Code("(")
        yield from separated(self._arguments(value))
        yield Code(")")

    def _arguments(self, value: Object) -> Iterator[tuple[Any, ...]]:
        for argument in constructor_args(value):
            yield (argument,)
        for name, argument in value.kwargs.items():
            yield Code(f"{escaped(name)}="), argument
        for state in value.states:
            is_plain = False
            for part in plain_state(state):
                is_plain = True
                for name, attribute in part.items():
                    known = name if isinstance(name, str) else text_of(name)
                    yield Code(f"{escaped(known)}="), attribute
            if not is_plain and state is not None:
                yield (state,)
        if value.items:
            yield (value.items,)
        if value.pairs:
            yield (View("dict", code=lambda: pairs_code(value.pairs)),)
        if value.added:
            yield (value.added,)


def _list(value: Sequence[Any]) -> Iterator[Any]:
    yield Code("[")
    yield from separated((item,) for item in value)
    yield Code("]")


def _tuple(value: tuple[Any, ...]) -> Iterator[Any]:
    yield Code("(")
    yield from separated((item,) for item in value)
    yield Code(",)" if len(value) == 1 else ")")


def _dict(value: dict[Any, Any]) -> Iterator[Any]:
    return pairs_code(value.items())


def _set(value: set[Any] | frozenset[Any]) -> Iterator[Any]:
    if isinstance(value, frozenset):
        yield Code("frozenset(")
    if value:
        yield Code("{")
        yield from separated((item,) for item in value)
        yield Code("}")
    elif isinstance(value, set):
        yield Code("set()")
    if isinstance(value, frozenset):
        yield Code(")")


_CONTAINERS: dict[type, Callable[[Any], Iterator[Any]]] = {
    list: _list,
    Numbers: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _set,
}
