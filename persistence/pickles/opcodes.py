"""The opcodes of a pickle as rows: for whoever wants to see the bytes behind the tree.

An opcode is one byte, followed by an argument of fixed length, by one that is preceded by
its length, or by one or two lines of text. `scan` tells them apart without looking at what
the arguments say, so that it is bounded by the size of the pickle whatever is in it, and
gets as far into a damaged pickle as an unpickler would. `Opcodes` gives rows in pages: one
pass over the pickle, made as far as it is needed, notes where each page begins.
"""

from __future__ import annotations

import codecs
import pickletools
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from persistence.errors import DecodeError
from persistence.pickles.texts import escaped, integer_text, quoted, shortened

__all__ = [
    "READERS",
    "UNKNOWN",
    "Opcode",
    "Opcodes",
    "Place",
    "constant",
    "memo_index",
    "opcodes",
    "scan",
]

UNKNOWN = object()
"""In place of a constant: the opcode pushes something else, or what it says makes no sense."""

_PAGE = 1_024
_LONGEST_ARGUMENT = 120
_LONGEST_INDEX = 20  # digits
_LONGEST_NUMBER = 4_300  # digits; reading a number takes time that grows with the square


class Place(NamedTuple):
    """Where an opcode is.

    Attributes:
        offset: Its own byte.
        code: That byte.
        start: Where its argument begins, behind its length.
        end: Where the next opcode begins.
    """

    offset: int
    code: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Opcode:
    """One row: an opcode, or as the last row what keeps the rest from being read.

    Attributes:
        offset: Its first byte.
        name: Its name in `pickletools`; "" for what is no opcode.
        length: Bytes, with the argument.
        argument: The argument in one line, shortened; "" if there is none.
        depth: How many marks are open around it.
        stored: The memo index that it puts the top of the stack into, if it does.
        fetched: The memo index that it gets, if it does.
        explanation: One sentence: what it does, or what is wrong.
    """

    offset: int
    name: str
    length: int
    argument: str = ""
    depth: int = 0
    stored: int | None = None
    fetched: int | None = None
    explanation: str = ""


def opcodes(data: bytes, first_offset: int = 0, count: int = _PAGE) -> list[Opcode]:
    r"""Return `count` opcodes of a pickle, from the one at an offset on.

    >>> [(row.offset, row.name, row.argument) for row in opcodes(b"K\x07.")]
    [(0, 'BININT1', '7'), (2, 'STOP', '')]
    """
    listing = Opcodes(data)
    return listing.rows(listing.row_at(first_offset), count)


class Opcodes:
    """The opcodes of one pickle, by row.

    Args:
        data: The pickle; damaged ones are listed up to where they break.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._first_puts: dict[int, int] = {}  # memo index out of order → where it came first
        self._bookmarks = [_State()]  # at every row that is a multiple of the page
        self._count = 0
        self._is_complete = False
        self._state = _State()
        self._pass = self._run(self._state)

    def __len__(self) -> int:
        """Return how many rows there are; looks at the whole pickle."""
        self._read_to(None)
        return self._count

    def rows(self, first: int, count: int) -> list[Opcode]:
        """Return `count` rows from the row `first` on, fewer at the end."""
        first = max(first, 0)
        self._read_to(first)
        page = min(first // _PAGE, len(self._bookmarks) - 1)
        rows = self._run(self._bookmarks[page].copy())
        start = first - page * _PAGE
        return [_row(self._data, found) for found in islice(rows, start, start + max(count, 0))]

    def row_at(self, offset: int) -> int:
        """Return the number of the row that a byte belongs to; the last row for those behind."""
        while not self._is_complete and self._bookmarks[-1].offset <= offset:
            self._read_to(self._count + _PAGE)
        page = bisect_right(self._bookmarks, offset, key=lambda state: state.offset) - 1
        page = max(page, 0)
        row = page * _PAGE - 1
        for found in self._run(self._bookmarks[page].copy()):
            if found.place.offset > offset:
                break
            row += 1
        return max(row, 0)

    def _read_to(self, row: int | None) -> None:
        """Go on with the pass until a row is known, or None for all of them."""
        while not self._is_complete and (row is None or self._count <= row):
            found = next(self._pass, None)
            if found is None:
                self._is_complete = True
                return
            self._count += 1
            if self._count % _PAGE == 0:
                bookmark = self._state.copy()
                bookmark.offset = found.place.end
                self._bookmarks.append(bookmark)

    def _run(self, state: _State) -> Iterator[_Found]:
        """Iterate over the opcodes from a bookmark on, keeping its state up to date."""
        data, first_puts = self._data, self._first_puts
        try:
            for place in scan(data, state.offset):
                stored = fetched = None
                code = place.code
                if code in _CLOSES_MARK:
                    state.depth = max(state.depth - 1, 0)
                depth = state.depth
                if code in _PUTS:
                    stored = memo_index(data, place)
                    state.put(stored, place.offset, first_puts)
                elif code == _MEMOIZE:
                    stored = state.memo_size()
                    state.put(stored, place.offset, first_puts)
                elif code in _GETS:
                    fetched = memo_index(data, place)
                elif code == _MARK:
                    state.depth += 1
                yield _Found(place, depth, stored, fetched)
        except DecodeError as error:
            offset = error.offset or 0
            yield _Found(Place(offset, -1, offset, len(data)), state.depth, fault=str(error))


class _Found(NamedTuple):
    """An opcode on the way, before it is put in words."""

    place: Place
    depth: int
    stored: int | None = None
    fetched: int | None = None
    fault: str = ""


class _State:
    """What is known before a row: marks that are open, and which memo indices are taken.

    The indices from `low` to `high` are, as they come in order almost always; those out of
    order are `strays` many, and known by where they came first.
    """

    __slots__ = ("depth", "high", "low", "offset", "strays")

    def __init__(self) -> None:
        self.offset = self.depth = self.low = self.high = self.strays = 0

    def copy(self) -> _State:
        twin = _State()
        for name in self.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def memo_size(self) -> int:
        return self.high - self.low + self.strays

    def put(self, index: int | None, offset: int, first_puts: dict[int, int]) -> None:
        if index is None or self.low <= index < self.high:
            return
        if self.low == self.high and not self.strays:
            self.low = self.high = index
        if index != self.high:
            self.strays += first_puts.setdefault(index, offset) == offset
            return
        self.high += 1
        while first_puts.get(self.high, offset) < offset:
            self.high += 1
            self.strays -= 1


def scan(data: bytes, offset: int = 0) -> Iterator[Place]:
    """Iterate over the opcodes of a pickle up to STOP, from the one at an offset on.

    Raises:
        DecodeError: The pickle is cut short, or there is no opcode of that number.
    """
    lengths, size = _LENGTHS, len(data)
    new = tuple.__new__  # takes half the time of `Place`, for each of millions
    while offset < size:
        code = data[offset]
        length = lengths[code]
        start = offset + 1
        if length >= 0:
            end = start + length
        elif length == _NO_OPCODE:
            raise DecodeError(f"there is no opcode {code:#04x}", offset)
        elif length >= _TWO_LINES:
            end = data.find(b"\n", start) + 1
            if end and length == _TWO_LINES:
                end = data.find(b"\n", end) + 1
            end = end or size + 1
        else:
            width, is_signed = _WIDTHS[length]
            start += width
            counted = int.from_bytes(data[offset + 1 : start], "little", signed=is_signed)
            if start <= size and not 0 <= counted <= size - start:
                raise DecodeError(
                    f"it claims {counted:,} bytes where {size - start:,} are left",
                    offset,
                    limit=size - start,
                    actual=counted,
                )
            end = start + counted
        if end > size:
            raise DecodeError("it ends before it is complete", offset)
        yield new(Place, (offset, code, start, end))
        if code == _STOP:
            return
        offset = end
    raise DecodeError("it ends before it is complete", size)


def constant(data: bytes, place: Place, limit: int | None = None) -> Any:
    """Return the number, text or bytes that an opcode pushes; else `UNKNOWN`.

    Args:
        data: The pickle.
        place: Where the opcode is.
        limit: How many bytes of a text are enough.
    """
    read = READERS.get(place.code)
    if read is None:
        return UNKNOWN
    end = place.end if limit is None else min(place.end, place.start + limit)
    if end < place.end and read is _utf8:
        read = _beginning
    try:
        return read(data[place.start : end])
    except (ValueError, DeprecationWarning, struct.error):
        return UNKNOWN


def memo_index(data: bytes, place: Place) -> int | None:
    """Return the memo index that an opcode puts to or gets from; None if it makes no sense."""
    argument = data[place.start : place.end]
    if place.code not in _LINES:
        return _little(argument)
    digits = argument.strip()
    return int(digits) if digits.isdigit() and len(digits) <= _LONGEST_INDEX else None


# How constants are written.


def _text_integer(line: bytes) -> int:
    digits = line.strip()
    if digits in _TEXT_BOOLEANS:
        return _TEXT_BOOLEANS[digits]
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("it is too long")
    return int(digits.rstrip(b"L"), 0)


def _utf8(text: bytes) -> str:
    return text.decode("utf-8", "surrogatepass")


def _beginning(text: bytes) -> str:
    try:
        return _utf8(text)
    except UnicodeDecodeError as error:
        # The end of a beginning may cut a character in two.
        if error.reason != "unexpected end of data":
            raise
        return _utf8(text[: error.start])


def _text_bytes(line: bytes) -> bytes:
    text = line.strip()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise ValueError("it has no quotes")
    return codecs.escape_decode(text[1:-1])[0]  # as unpicklers do: not ASCII alone


def _little(argument: bytes) -> int:
    return int.from_bytes(argument, "little")


def _little_signed(argument: bytes) -> int:
    return int.from_bytes(argument, "little", signed=True)


_TEXT_BOOLEANS = {b"00": False, b"01": True}
READERS: dict[int, Any] = {
    ord("N"): lambda _: None,
    0x88: lambda _: True,
    0x89: lambda _: False,
    ord("I"): _text_integer,
    ord("L"): _text_integer,
    ord("K"): ord,
    ord("M"): _little,
    ord("J"): _little_signed,
    0x8A: _little_signed,
    0x8B: _little_signed,
    ord("F"): float,
    ord("G"): lambda argument: struct.unpack(">d", argument)[0],
    ord("S"): _text_bytes,
    ord("T"): bytes,
    ord("U"): bytes,
    ord("V"): lambda line: line.removesuffix(b"\n").decode("raw-unicode-escape"),
    **dict.fromkeys(b"X\x8c\x8d", _utf8),
    **dict.fromkeys(b"CB\x8e\x96", bytes),
}
"""Opcode → what reads the constant that it pushes from its argument; raises ValueError or
struct.error where that makes no sense."""

# How rows are told.


def _row(data: bytes, found: _Found) -> Opcode:
    place = found.place
    length = place.end - place.offset
    if found.fault:
        return Opcode(place.offset, "", length, depth=found.depth, explanation=found.fault)
    info = _INFO[place.code]
    return Opcode(
        place.offset,
        info.name,
        length,
        _argument_text(data, place),
        found.depth,
        found.stored,
        found.fetched,
        _explanation(place.code),
    )


def _argument_text(data: bytes, place: Place) -> str:
    if place.code in _LINES:
        # As it is: it need not make sense.
        line = data[place.start : min(place.end, place.start + _LONGEST_ARGUMENT + 2)]
        text = line.rstrip(b"\n").replace(b"\n", b" ").decode("utf-8", "backslashreplace")
        return shortened(escaped(text), _LONGEST_ARGUMENT)
    value = constant(data, place, _LONGEST_ARGUMENT * 4)
    if value is UNKNOWN:
        if place.start == place.end:
            return ""
        if place.code in _COUNTED_TEXTS:
            end = min(place.end, place.start + _LONGEST_ARGUMENT)
            return shortened(repr(data[place.start : end]), _LONGEST_ARGUMENT)
        return str(_little(data[place.start : place.end]))
    if isinstance(value, str):
        is_cut = place.end - place.start > _LONGEST_ARGUMENT * 4
        text = quoted(value) + ("…" if is_cut else "")
    elif type(value) is bytes:
        text = repr(value)
    elif isinstance(value, int) and place.code in _COUNTED_INTEGERS:
        bits = 8 * (place.end - place.start)
        text = integer_text(value) if bits <= _LONGEST_ARGUMENT * 32 else f"{bits:,} bits"
    elif place.start == place.end:
        return ""
    else:
        text = str(value)
    return shortened(text, _LONGEST_ARGUMENT)


@cache
def _explanation(code: int) -> str:
    first, point, _ = " ".join(_INFO[code].doc.split()).partition(". ")
    return first + point.strip()


def _codes(*names: str) -> frozenset[int]:
    return frozenset(ord(info.code) for info in pickletools.opcodes if info.name in names)


_MARK, _MEMOIZE, _STOP = ord("("), 0x94, ord(".")
_PUTS = _codes("PUT", "BINPUT", "LONG_BINPUT")
_GETS = _codes("GET", "BINGET", "LONG_BINGET")
_CLOSES_MARK = frozenset(
    ord(info.code)
    for info in pickletools.opcodes
    if pickletools.markobject in info.stack_before or info.name == "POP_MARK"
)
_COUNTED_INTEGERS = _codes("LONG1", "LONG4")

# Opcode → how long its argument is, or how to find out. The negative numbers of
# `pickletools` stand for a line, and for lengths of 1, 4 (signed, unsigned) and 8 bytes.
_TWO_LINES, _NO_OPCODE = -2, -9
_WIDTHS = {-12: (1, False), -13: (4, True), -14: (4, False), -15: (8, False)}


def _length(info: pickletools.OpcodeInfo) -> int:
    if info.arg is None:
        return 0
    if info.arg.n == pickletools.UP_TO_NEWLINE:
        return _TWO_LINES if info.name in ("GLOBAL", "INST") else -1
    return info.arg.n if info.arg.n >= 0 else info.arg.n - 10


_INFO = {ord(info.code): info for info in pickletools.opcodes}
_KNOWN = {ord(info.code): _length(info) for info in pickletools.opcodes}
_LENGTHS = [_KNOWN.get(code, _NO_OPCODE) for code in range(256)]
_LINES = frozenset(code for code, length in _KNOWN.items() if length in (-1, _TWO_LINES))
_COUNTED_TEXTS = frozenset(code for code, length in _KNOWN.items() if length in _WIDTHS)
