"""How single values are spelled as opcodes, in each protocol.

The spellings are those of CPython's own picklers, so that a pickle that was read and written
again is what Python would have written. Source: `pickletools` in the standard library.
"""

from __future__ import annotations

import struct

__all__ = [
    "FIRST_BINARY",
    "FIRST_WITH_FRAMES",
    "FIRST_WITH_LONG",
    "STOP",
    "byte_string",
    "bytearray_",
    "bytes_",
    "float_",
    "framed",
    "get",
    "global_line",
    "has_line",
    "integer",
    "put",
    "text",
]

FIRST_BINARY = 1
FIRST_WITH_LONG = 2  # and with NEWOBJ, booleans and short tuples
FIRST_WITH_FRAMES = 4  # and with MEMOIZE, STACK_GLOBAL, sets

STOP = b"."

_SMALLEST_FRAME = 4
_BYTE = 0xFF
_TWO_BYTES = 0xFFFF
_FOUR_BYTES = 0xFFFFFFFF
_SMALLEST_INT, _LARGEST_INT = -(2**31), 2**31 - 1
_LONGEST_DECIMAL = 10_000  # bits; Python refuses to write far longer ones
_V_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "\\\0\n\r\x1a"})


def framed(protocol: int, opcodes: bytes) -> bytes:
    """Return a whole pickle from its opcodes, which end in STOP.

    All of it is one frame where the protocol has frames: they only say how much to read.
    """
    if protocol < FIRST_WITH_LONG:
        return opcodes
    head = b"\x80" + bytes((protocol,))
    if protocol >= FIRST_WITH_FRAMES and len(opcodes) >= _SMALLEST_FRAME:
        head += b"\x95" + len(opcodes).to_bytes(8, "little")
    return head + opcodes


def put(index: int, protocol: int) -> bytes:
    """Return the opcode that keeps the top of the stack in the memo; its next free index."""
    if protocol >= FIRST_WITH_FRAMES:
        return b"\x94"
    if protocol < FIRST_BINARY:
        return b"p%d\n" % index
    return b"q" + bytes((index,)) if index <= _BYTE else b"r" + index.to_bytes(4, "little")


def get(index: int, protocol: int) -> bytes:
    """Return the opcode that pushes what the memo keeps at an index."""
    if protocol < FIRST_BINARY:
        return b"g%d\n" % index
    return b"h" + bytes((index,)) if index <= _BYTE else b"j" + index.to_bytes(4, "little")


def text(value: str, protocol: int) -> bytes:
    """Return the opcode that pushes a text."""
    if protocol < FIRST_BINARY:
        return b"V" + value.translate(_V_ESCAPES).encode("raw-unicode-escape") + b"\n"
    return _counted(
        value.encode("utf-8", "surrogatepass"),
        b"\x8c" if protocol >= FIRST_WITH_FRAMES else None,
        b"X",
        b"\x8d",
    )


def bytes_(value: bytes) -> bytes:
    """Return the opcode that pushes bytes."""
    return _counted(value, b"C", b"B", b"\x8e")


def bytearray_(value: bytearray | memoryview) -> bytes:
    """Return the opcode that pushes a byte array."""
    return b"\x96" + len(value).to_bytes(8, "little") + bytes(value)


def byte_string(value: bytes, protocol: int) -> bytes:
    """Return the opcode that pushes a byte string of Python 2."""
    if protocol < FIRST_BINARY:
        return b"S" + repr(value).removeprefix("b").encode("ascii") + b"\n"
    return _counted(value, b"U", b"T", b"T")


def integer(number: int, protocol: int) -> bytes:
    """Return the opcode that pushes an integer."""
    is_short = _SMALLEST_INT <= number <= _LARGEST_INT
    if protocol < FIRST_BINARY and is_short:
        return b"I%d\n" % number
    if is_short:
        if 0 <= number <= _BYTE:
            return b"K" + bytes((number,))
        if 0 <= number <= _TWO_BYTES:
            return b"M" + number.to_bytes(2, "little")
        return b"J" + number.to_bytes(4, "little", signed=True)
    if protocol < FIRST_WITH_LONG and number.bit_length() <= _LONGEST_DECIMAL:
        return b"L%dL\n" % number
    size = number.bit_length() // 8 + 1
    head = b"\x8a" + bytes((size,)) if size <= _BYTE else b"\x8b" + size.to_bytes(4, "little")
    return head + number.to_bytes(size, "little", signed=True)


def float_(number: float, protocol: int) -> bytes:
    """Return the opcode that pushes a floating-point number."""
    if protocol < FIRST_BINARY:
        return b"F" + repr(number).encode("ascii") + b"\n"
    return b"G" + struct.pack(">d", number)


def has_line(name: str) -> bool:
    """Whether a name can be written on a line of its own, as GLOBAL has it."""
    return "\n" not in name and name.isprintable()


def global_line(module: str, qualname: str) -> bytes:
    """Return the GLOBAL opcode for a class or function; both names must have lines."""
    return f"c{module}\n{qualname}\n".encode()


def _counted(value: bytes, short: bytes | None, usual: bytes, long: bytes) -> bytes:
    size = len(value)
    if size <= _BYTE and short is not None:
        return short + bytes((size,)) + value
    if size <= _FOUR_BYTES:
        return usual + size.to_bytes(4, "little") + value
    return long + size.to_bytes(8, "little") + value
