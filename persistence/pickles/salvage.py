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
from persistence.pickles.nodes import Global, Object, Reference, Unhashed
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
    if _is_whole(data, limits):
        raise DecodeError("it is not damaged")
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


def _is_whole(data: bytes, limits: Limits) -> bool:
    try:
        decode(data, limits)
    except DecodeError:
        return False
    return True


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
        shows_break: Whether a value is added where the pickle breaks off: to the innermost
            container that is not complete, and to the outermost.
    """
    written: list[bytes] = []
    marker = _BREAK_OPCODES if shows_break else b""
    segments = _segments(stack)
    while len(segments) > 1:
        segment = segments.pop()
        opcode, is_pairs = _container(segment.below)
        if marker and _is_under_way(segment.values):
            written.append(_place_marker(segment.values[-1], marker))
            marker = b""
        written.append(_finished(segment.values))
        if len(segments) == 1 and opcode != _TUPLE and shows_break:
            marker = _BREAK_OPCODES  # the outermost is always seen; what is inside, not always
        if is_pairs:
            written.append(_called(segment.values))
            if len(segment.values) % 2:
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
_TUPLES = (b"\x85", b"\x86", b"\x87")
_TUPLE2 = _TUPLES[1]
_APPEND, _SETITEM, _BUILD, _NEWOBJ, _REDUCE, _POP = b"a", b"s", b"b", b"\x81", b"R", b"0"


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


def _is_under_way(values: list[Any]) -> bool:
    """Whether the last value is the state or are the arguments of the one before."""
    if len(values) < 2:
        return False
    under, top = values[-2:]
    if isinstance(under, Global) and type(top) is tuple:
        return True
    return type(top) is dict and (_is_bare(under) or _has_slots(values))


def _is_bare(value: Any) -> bool:
    """Whether a value is an object that may still get its state."""
    return isinstance(value, Object) and not isinstance(value, Reference) and not value.states


def _has_slots(values: list[Any]) -> bool:
    """Whether the last two values are the two parts of the state of an object with slots."""
    if len(values) < 3 or not _is_bare(values[-3]):
        return False
    return values[-2] is None or type(values[-2]) is dict


def _finished(values: list[Any]) -> bytes:
    """Return the opcodes that make objects whole whose state or arguments are there."""
    written: list[bytes] = []
    while _is_under_way(values):
        if not isinstance(values[-2], Global) and _has_slots(values):
            written.append(_TUPLE2 + _BUILD)
            values.pop()
        else:
            written.append(_joining(values[-2]))
        values.pop()
        if isinstance(values[-1], Global):
            values[-1] = None  # an instance of it
    return b"".join(written)


def _called(values: list[Any]) -> bytes:
    """Return the opcodes that call the class of the last pair, if its arguments lie about.

    Up to three arguments are put into a tuple without a mark.
    """
    for count in range(1, min(len(_TUPLES), len(values) - 1) + 1):
        callee = values[-1 - count]
        if isinstance(callee, Global) and (len(values) - count) % 2 == 0:
            del values[-count:]
            values[-1] = None
            return _TUPLES[count - 1] + _joining(callee)
    return b""


def _joining(under: Any) -> bytes:
    """Return the opcode that applies a class to arguments, or gives an object its state."""
    if not isinstance(under, Global):
        return _BUILD
    # Functions are called, classes make instances: their names tell, almost always.
    return _REDUCE if under.qualname.rsplit(".", 1)[-1][:1] in _LOWER else _NEWOBJ


_LOWER = frozenset("_abcdefghijklmnopqrstuvwxyz")


def _folded(values: list[Any], marker: bytes) -> bytes:
    """Return the opcodes that put the values without a mark together, the last ones first."""
    written: list[bytes] = []
    values = list(values)
    while len(values) > 1:
        if _is_under_way(values):
            if marker and type(values[-1]) is dict:
                written.append(_place_marker(values[-1], marker))
                marker = b""
            written.append(_finished(values))
            continue
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
        elif isinstance(under, Object) and type(top) is tuple:
            written.append(_BUILD)
        else:
            written.append(_TUPLE2)
            values[-2] = ()
        values.pop()
    if marker:
        written.append(_place_marker(values[0], marker))
    return b"".join(written)


def _place_marker(root: Any, marker: bytes) -> bytes:
    """Return the opcodes that put the mark of the break into a value on top of the stack."""
    if type(root) is dict:
        return _ELLIPSIS + marker + _SETITEM
    if type(root) is list:
        return marker + _APPEND
    if isinstance(root, Object):
        return b"}" + _ELLIPSIS + marker + _SETITEM + _BUILD
    if type(root) is tuple:
        return b""  # arguments, which have a fixed number
    return marker + _TUPLE2
