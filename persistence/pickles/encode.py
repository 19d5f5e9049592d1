"""Graphs of nodes back to pickles: the same protocol, sharing, cycles and references.

The C pickler does the work, as the C unpickler does in `decode`. To it, an `Object` is a thing
that says by `reducer_override` how it was made, and a `Global` is a class, which it looks up
by name to see that it is there. It is: a `Global` says that its module is this one, and a name
that is made up for the occasion leads to it (`__getattr__`). In what the C pickler has written
the made-up names are then replaced by the real ones.

What the C pickler would write otherwise than it was, or cannot write at all, is left to
`writer`, which is some twenty times slower and writes everything.
"""

from __future__ import annotations

import copyreg
import pickle
import re
import secrets
from io import BytesIO
from itertools import count
from typing import Any

from persistence.pickles.decode import Pickle
from persistence.pickles.nodes import HOME, Global, Reference, Result, Unhashed
from persistence.pickles.spelling import (
    FIRST_BINARY,
    FIRST_WITH_FRAMES,
    FIRST_WITH_LONG,
    STOP,
    framed,
    global_line,
    has_line,
    text,
)
from persistence.pickles.writer import Writer

__all__ = ["encode"]

_MEMOIZE = b"\x94"
_FRAME = b"\x95"
_HEAD_SIZE = 2  # the PROTO opcode
_LENGTH_WIDTHS = {_FRAME: 8, b"X": 4, b"\x8d": 8, b"B": 4, b"\x8e": 8, b"\x96": 8}
"""Opcodes that the C pickler writes outside of frames, and frames → bytes of their length."""


def encode(pickle: Pickle) -> bytes:
    r"""Return a pickle as bytes: what `decode` takes.

    For every pickle `p` whose classes exist, `pickle.loads(encode(decode(p)))` equals
    `pickle.loads(p)`. What the pickle makes and drops again is not in the graph and is lost.

    Args:
        pickle: A decoded pickle, which may have been edited.

    Raises:
        StoreError: An edit left something in it that no pickle can hold.

    >>> from persistence.pickles import decode
    >>> encode(decode(b"\x80\x02]q\x01(K\x01h\x01e."))
    b'\x80\x02]q\x00(K\x01h\x00e.'
    """
    written = None if pickle.python2 else _written_quickly(pickle)
    if written is None:
        written = Writer(pickle.protocol, python2=pickle.python2).write(pickle.root)
    return written


_FIRST_WITH_KEYWORDS = 4
_SPECIAL = frozenset((Result, Reference, Unhashed))

# What the made-up names lead to. No data can hold them: they are drawn anew in each process.
_TOKEN = secrets.token_hex(12)
_SERIAL_DIGITS = 12
_counter = count()
_made_up: dict[str, Global] = {}

_NAME = f"({_TOKEN}[0-9a-f]{{{_SERIAL_DIGITS}}})".encode()
_NAME_SIZE = len(_TOKEN) + _SERIAL_DIGITS
_ON_LINES = re.compile(f"c{re.escape(HOME)}\n".encode() + _NAME + b"\n")
_ON_STACK = re.compile(
    re.escape(text(HOME, FIRST_WITH_FRAMES) + _MEMOIZE + b"\x8c" + bytes((_NAME_SIZE,)))
    + _NAME
    + re.escape(_MEMOIZE)
)


def __getattr__(name: str) -> Global:
    try:
        return _made_up[name]
    except KeyError:
        raise AttributeError(name) from None


class _Unusual(Exception):
    """Something that the C pickler would write otherwise."""


def _written_quickly(decoded: Pickle) -> bytes | None:
    """Return what the C pickler makes of a graph; None if it cannot do that one."""
    file = BytesIO()
    kind = _ReferringPickler if decoded.references else _Pickler
    pickler = kind(file, decoded.protocol)
    try:
        pickler.dump(decoded.root)
        return _with_real_names(file.getvalue(), pickler.names, decoded.protocol)
    except (_Unusual, RecursionError, ValueError):  # ValueError: an integer is too long
        return None
    finally:
        for name in pickler.names:
            del _made_up[name]


class _Pickler(pickle.Pickler):
    """The C pickler, told how nodes are made.

    Attributes:
        names: The made-up names of classes and functions that it has written.
    """

    def __init__(self, file: BytesIO, protocol: int) -> None:
        super().__init__(file, protocol, fix_imports=False)
        self.names: list[str] = []
        self._protocol = protocol
        self._made: set[int] = set()

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is Global:
            return self._name_for(obj)
        if type(kind) is not Global or obj.order or obj.added:
            raise _Unusual
        if obj.args:
            if id(obj) in self._made:
                raise _Unusual  # it is among its own arguments
            self._made.add(id(obj))
        state = None
        if obj.states:
            if len(obj.states) > 1 or obj.states[0] is None:
                raise _Unusual  # None would be taken for no state
            state = obj.states[0]
        make, args = self._making(kind, obj)
        items = iter(obj.items) if obj.items else None
        pairs = iter(obj.pairs) if obj.pairs else None
        return make, args, state, items, pairs

    def _making(self, kind: Any, obj: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return a callable and its arguments: how the object is made."""
        if obj.how == "call" and kind not in _SPECIAL:
            return kind, obj.args
        if obj.how == "call" and kind is Result:
            return obj.callee, obj.args
        if obj.how == "new" and kind not in _SPECIAL and self._protocol >= FIRST_WITH_LONG:
            # The C pickler knows these functions by name, and has opcodes for them.
            if not obj.kwargs:
                return copyreg.__newobj__, (kind, *obj.args)  # type: ignore[attr-defined]
            if self._protocol >= _FIRST_WITH_KEYWORDS:
                arguments = (kind, obj.args, dict(obj.kwargs))
                return copyreg.__newobj_ex__, arguments  # type: ignore[attr-defined]
        raise _Unusual

    def _name_for(self, cls: Global) -> str:
        if self._protocol < FIRST_WITH_FRAMES and not (
            has_line(cls.module) and has_line(cls.qualname)
        ):
            raise _Unusual
        name = f"{_TOKEN}{next(_counter):0{_SERIAL_DIGITS}x}"
        self.names.append(name)
        _made_up[name] = cls
        return name


class _ReferringPickler(_Pickler):
    """The same for graphs with references; being asked about each value takes time."""

    def __init__(self, file: BytesIO, protocol: int) -> None:
        super().__init__(file, protocol)
        self._referred: set[int] = set()

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is not Reference:
            return None
        pid = obj.pid
        is_writable = pid is not None and (
            self._protocol >= FIRST_BINARY or (type(pid) is str and pid.isascii() and has_line(pid))
        )
        if not is_writable or id(obj) in self._referred:
            raise _Unusual  # the C pickler does not keep a reference in the memo
        self._referred.add(id(obj))
        return pid


def _with_real_names(data: bytes, names: list[str], protocol: int) -> bytes | None:
    """Replace the made-up names; None if they are not found as they should be."""
    if not names:
        return data
    if protocol < FIRST_WITH_FRAMES:
        written, count_ = _ON_LINES.subn(_real_line, data)
    else:
        opcodes = _without_frames(data)
        if opcodes is None:
            return None
        opcodes, count_ = _ON_STACK.subn(_real_names, opcodes)
        written = framed(protocol, opcodes)
    return written if count_ == len(names) else None


def _real_line(found: re.Match[bytes]) -> bytes:
    cls = _made_up[found[1].decode()]
    return global_line(cls.module, cls.qualname)


def _real_names(found: re.Match[bytes]) -> bytes:
    cls = _made_up[found[1].decode()]
    return b"".join(
        (
            text(cls.module, FIRST_WITH_FRAMES),
            _MEMOIZE,
            text(cls.qualname, FIRST_WITH_FRAMES),
            _MEMOIZE,
        )
    )


def _without_frames(data: bytes) -> bytes | None:
    """Return the opcodes of what the C pickler has written; None if that is not clear.

    It puts long texts and bytes between frames, and a few bytes that are too short for one.
    """
    parts = []
    at = _HEAD_SIZE
    while at < len(data):
        opcode = data[at : at + 1]
        start, width = at, _LENGTH_WIDTHS.get(opcode)
        if width is not None:
            at += 1 + width + int.from_bytes(data[at + 1 : at + 1 + width], "little")
            if opcode == _FRAME:
                start += 1 + width
        elif opcode in (_MEMOIZE, STOP):
            at += 1
        else:
            return None
        parts.append(data[start:at])
    return parts[0] if len(parts) == 1 else b"".join(parts)
