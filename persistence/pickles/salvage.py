"""What can be read of a damaged pickle: all up to the opcode at which it breaks.

An unpickler builds from the inside out: where a pickle breaks, most of what it holds is made,
but still lies in pieces on the stack. `salvage` goes through the opcodes up to the break,
looks at what is on the stack then, and adds the opcodes that put it together: items go into
the list or dictionary below their mark, a state to its object. The result is a whole pickle
again, which is decoded as any other, under the same guards.

Where a mark stands above an empty list, it can begin the list's items or a tuple that comes
after it; it is taken for the former, which is far more frequent. FRAME opcodes are left out:
they tell lengths of what is no longer there.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from persistence.errors import DecodeError
from persistence.pickles.decode import Pickle, decode, decode_names
from persistence.pickles.guards import check
from persistence.pickles.limits import DEFAULT, Limits
from persistence.pickles.machine import MARK, Machine
from persistence.pickles.nodes import Global, Object, Unhashed
from persistence.pickles.opcodes import scan

__all__ = ["BREAK", "Salvaged", "is_break", "salvage"]

BREAK = "persistence.pickles.salvage.Break"
"""The class of the value that stands, in `Salvaged.pickle`, where the pickle breaks off."""

_FRAME = 0x95
_FRAME_SIZE = 9  # bytes
_ATTEMPTS = 4  # at finding the last opcode that is sound
_BREAK_OPCODES = b"c" + b"\n".join(part.encode() for part in BREAK.rsplit(".", 1)) + b"\n)\x81"
_ELLIPSIS = b"X\x03\x00\x00\x00\xe2\x80\xa6"  # the text "…", as the key of the break
_STOP = b"."
_NONE = b"N"


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was read of a damaged pickle.

    Attributes:
        pickle: It, with a value of class `BREAK` where the rest is missing.
        whole: The same as a whole pickle, without that value: what could be stored.
        offset: Offset of the first byte that could not be read.
        reason: What is wrong there, as the end of a sentence.
        size: Length of the damaged pickle in bytes.
    """

    pickle: Pickle = field(repr=False)
    whole: bytes = field(repr=False)
    offset: int
    reason: str
    size: int


def salvage(data: bytes, limits: Limits = DEFAULT) -> Salvaged:
    r"""Return what can be read of a pickle that cannot be decoded.

    Args:
        data: The damaged pickle.
        limits: What it may ask for.

    Raises:
        DecodeError: Nothing of it can be read.

    >>> import pickle
    >>> found = salvage(pickle.dumps({"state": "NEW", "count": 12})[:-4])
    >>> decode(found.whole).root, found.offset
    ({'state': 'NEW'}, 36)
    """
    sound, frames, reason = _sound_part(data)
    stack: list[Any] = []
    for _ in range(_ATTEMPTS):
        fault = _first_fault(sound, stack, limits)
        if fault is None:
            break
        at, reason = fault
        sound = sound[:at]
    if all(value is MARK for value in stack):
        raise DecodeError(f"nothing of it can be read: {reason}", _original(len(sound), frames))
    whole = sound + _closing(stack, shows_break=False) + _STOP
    shown = sound + _closing(stack, shows_break=True) + _STOP
    decode(whole, limits)  # what is stored must be sound
    offset = _original(len(sound), frames)
    return Salvaged(decode(shown, limits), whole, offset, reason, len(data))


def is_break(value: Any) -> bool:
    """Whether a value stands for what is missing of a salvaged pickle."""
    return isinstance(value, Object) and f"{value.cls.module}.{value.cls.qualname}" == BREAK


def _sound_part(data: bytes) -> tuple[bytes, list[int], str]:
    """Return the opcodes before the break without frames, where frames were, and the reason."""
    pieces: list[bytes] = []
    frames: list[int] = []  # offsets in what is returned
    kept, at, reason = 0, 0, "it ends before it is complete"
    try:
        for place in scan(data):
            if place.code == _FRAME:
                pieces.append(data[at : place.offset])
                kept += place.offset - at
                frames.append(kept)
                at = place.end
            elif data[place.offset : place.end] == _STOP:
                pieces.append(data[at : place.offset])  # what is wrong is found by the machine
                return b"".join(pieces), frames, "it takes what is not there"
            end = place.end
        end = len(data)
    except DecodeError as error:
        end = len(data) if error.offset is None else error.offset
        reason = _reason(error)
    pieces.append(data[at:end])
    return b"".join(pieces), frames, reason


def _original(offset: int, frames: list[int]) -> int:
    """Return the offset in the damaged pickle of one in what was kept of it."""
    return offset + _FRAME_SIZE * bisect_left(frames, offset)


def _first_fault(sound: bytes, stack: list[Any], limits: Limits) -> tuple[int, str] | None:
    """Return offset and reason of the first fault before the end, or None; fill the stack."""
    stack.clear()
    machine = Machine(sound, decode_names(limits), [])
    try:
        check(sound + _STOP, limits)
        machine.load()
    except Exception as error:  # noqa: BLE001 — whatever damaged values make code raise
        at = error.offset if isinstance(error, DecodeError) else machine.offset
        if at is not None and at < len(sound):
            return at, _reason(error)
    stack += machine.stack
    return None


def _reason(error: Exception) -> str:
    if not isinstance(error, DecodeError):
        return str(error).strip().rstrip(".") or type(error).__name__
    reason = error.reason.partition(": ")[2].rstrip(".")
    return reason.rpartition(" at byte ")[0] or reason


class _Segment:
    """The values above one mark, and what is below that mark."""

    def __init__(self, below: Any, values: list[Any]) -> None:
        self.below = below
        self.values = values


def _closing(stack: list[Any], *, shows_break: bool) -> bytes:
    """Return the opcodes that make one value of what is on the stack.

    Args:
        stack: Values and marks.
        shows_break: Whether a value is added where the pickle breaks off.
    """
    written: list[bytes] = []
    marker = _BREAK_OPCODES if shows_break else b""
    segments = _segments(stack)
    while len(segments) > 1:
        segment = segments.pop()
        opcode, is_pairs = _container(segment.below)
        height = len(segment.values)
        if is_pairs:
            if height % 2:
                written.append(marker or b"0")  # the value of the last key, or no such key
            elif marker:
                written.append(_ELLIPSIS + marker)
        else:
            written.append(marker)
        marker = b""
        written.append(opcode)
        if opcode == _TUPLE:
            segments[-1].values.append(())
    written.append(_folded(segments[0].values, marker))
    return b"".join(written)


_TUPLE = b"t"
_APPENDS = b"e"
_SETITEMS = b"u"
_ADDITEMS = b"\x90"
_TUPLE1, _TUPLE2 = b"\x85", b"\x86"
_APPEND, _SETITEM, _BUILD, _NEWOBJ, _POP = b"a", b"s", b"b", b"\x81", b"0"


def _segments(stack: list[Any]) -> list[_Segment]:
    segments = [_Segment(None, [])]
    for value in stack:
        if value is MARK:
            above = segments[-1].values
            segments.append(_Segment(above[-1] if above else None, []))
        else:
            segments[-1].values.append(value)
    return segments


def _container(below: Any) -> tuple[bytes, bool]:
    """Return the opcode that puts values where they belong, and whether they come in pairs."""
    if type(below) is dict or (isinstance(below, Unhashed) and below.container == "dict"):
        return _SETITEMS, True
    if type(below) is list:
        return _APPENDS, False
    if type(below) is set or isinstance(below, Unhashed):
        return _ADDITEMS, False
    if isinstance(below, Object) and not below.states:
        is_mapping = "dict" in below.cls.qualname.lower() or "counter" in below.cls.qualname.lower()
        return (_SETITEMS, True) if is_mapping else (_APPENDS, False)
    return _TUPLE, False


def _folded(values: list[Any], marker: bytes) -> bytes:
    """Return the opcodes that put the values without a mark together, the last ones first."""
    written: list[bytes] = []
    values = list(values)
    while len(values) > 1:
        top, under = values[-1], values[-2]
        third = values[-3] if len(values) > 2 else None
        if type(third) is dict or isinstance(third, Unhashed):
            written.append(_SETITEM)  # dictionary, key, value
            values.pop()
        elif type(under) is list:
            written.append(_APPEND)
        elif type(under) is dict or isinstance(under, Unhashed):
            # A key without its value.
            written.append(marker + _SETITEM if marker else _POP)
            marker = b""
        elif isinstance(under, Object) and type(top) in (dict, tuple):
            written.append(_BUILD)
        elif isinstance(under, Global) and type(top) is tuple:
            written.append(_NEWOBJ)
            values[-2] = None  # an instance of it
        else:
            written.append(_TUPLE2)
            values[-2] = ()
        values.pop()
    if marker:
        written.append(_root_marker(values[0], marker))
    return b"".join(written)


def _root_marker(root: Any, marker: bytes) -> bytes:
    if type(root) is dict:
        return _ELLIPSIS + marker + _SETITEM
    if type(root) is list:
        return marker + _APPEND
    if isinstance(root, Object):
        return b"}" + _ELLIPSIS + marker + _SETITEM + _BUILD
    return marker + _TUPLE2
