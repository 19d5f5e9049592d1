"""Random pickles: opcodes with arguments that nearly fit, and honest ones cut up and changed."""

from __future__ import annotations

import pickletools
import struct
from random import Random

__all__ = ["mutated", "program"]

_TEXTS = (b"a", b"state", b"os", b"system", b"x" * 40, "é€".encode(), b"")
_NAMES = (
    b"os\nsystem\n",
    b"m\nC\n",
    b"builtins\ngetattr\n",
    b"copy_reg\n_reconstructor\n",
    b"collections\nOrderedDict\n",
    b"datetime\ndatetime\n",
    b"gc3libs\nRun\n",
    b"decimal\nDecimal\n",
    b"__builtin__\nset\n",
    b"numpy.core.multiarray\n_reconstruct\n",
    b"pathlib\nPosixPath\n",
)
_LINES = (
    b"I1\n",
    b"I01\n",
    b"L5L\n",
    b"F1.5\n",
    b"S'a'\n",
    b"Va\\u00e9\n",
    b"p0\n",
    b"p7\n",
    b"g0\n",
    b"PJob.1\n",
)


def program(random: Random, length: int) -> bytes:
    """Return opcodes that keep the stack about right, so that many of them are carried out."""
    written = [b"" if random.random() < 0.2 else b"\x80" + bytes((random.randint(0, 5),))]
    depth, marks, memo = 0, 0, 0
    for _ in range(length):
        roll = random.random()
        if depth < 2 or roll < 0.4:
            written.append(_push(random))
            depth += 1
        elif roll < 0.5:
            written.append(b"(")
            marks += 1
        elif roll < 0.6:
            put = (b"\x94", b"q" + bytes((memo % 256,)), b"r" + struct.pack("<I", memo))
            written.append(random.choice(put))
            memo += 1
        elif roll < 0.7 and memo:
            index = random.randrange(memo)
            written.append(
                random.choice((b"h" + bytes((index % 256,)), b"j" + struct.pack("<I", index)))
            )
            depth += 1
        elif roll < 0.8 and marks:
            written.append(
                random.choice((b"t", b"l", b"d", b"e", b"u", b"\x90", b"\x91", b"1", b"o"))
            )
            marks -= 1
        else:
            written.append(
                random.choice(
                    (
                        b"\x85",
                        b"\x86",
                        b"\x87",
                        b"R",
                        b"\x81",
                        b"\x92",
                        b"\x93",
                        b"b",
                        b"a",
                        b"s",
                        b"Q",
                        b"2",
                        b"0",
                        b"\x98",
                    )
                )
            )
            depth -= random.random() < 0.5
    written.append(b".")
    return b"".join(written)


def _push(random: Random) -> bytes:
    text = random.choice(_TEXTS)
    kinds = (
        lambda: random.choice((b"N", b"\x88", b"\x89", b")", b"]", b"}", b"\x8f", b"\x97")),
        lambda: b"K" + random.randbytes(1),
        lambda: b"J" + random.randbytes(4),
        lambda: b"G" + random.randbytes(8),
        lambda: b"\x8a" + bytes((8,)) + random.randbytes(8),
        lambda: b"\x8c" + bytes((len(text),)) + text,
        lambda: b"X" + struct.pack("<I", len(text)) + text,
        lambda: b"U" + bytes((len(text),)) + text,
        lambda: b"C" + bytes((len(text),)) + text,
        lambda: b"\x96" + struct.pack("<Q", len(text)) + text,
        lambda: b"c" + random.choice(_NAMES),
        lambda: b"(i" + random.choice(_NAMES),
        lambda: random.choice(_LINES),
    )
    return random.choice(kinds)()


def mutated(random: Random, data: bytes, others: list[bytes]) -> bytes:
    """Return a pickle with some of its opcodes dropped, doubled, swapped, or replaced."""
    pieces = _pieces(data)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(pieces))
        roll = random.random()
        if roll < 0.2:
            pieces[at : at + random.randint(1, 4)] = []
        elif roll < 0.4:
            end = at + random.randint(1, 6)
            pieces[at:at] = pieces[at:end]
        elif roll < 0.6:
            other = _pieces(random.choice(others))
            first = random.randrange(len(other))
            pieces[at:at] = other[first : first + random.randint(1, 10)]
        elif roll < 0.8:
            pieces[at:at] = [program(random, random.randint(1, 5))[:-1]]
        else:
            piece = bytearray(pieces[at] or b"N")
            piece[random.randrange(len(piece))] = random.randrange(256)
            pieces[at] = bytes(piece)
        pieces = pieces or [b"N"]
    return b"".join(pieces)


def _pieces(data: bytes) -> list[bytes]:
    """Cut a pickle at its opcodes, and without frames, which would only hold up."""
    starts = []
    try:
        for opcode, _, offset in pickletools.genops(data):
            starts.append((offset or 0, opcode.name))
    except ValueError:
        pass
    ends = [start for start, _ in starts[1:]] + [len(data)] * bool(starts)
    pieces = [
        data[start:end] for (start, name), end in zip(starts, ends, strict=True) if name != "FRAME"
    ]
    return pieces or [data or b"N"]
