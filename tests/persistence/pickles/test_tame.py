"""What is recognised as harmless at a glance is harmless, and what picklers write is recognised."""

from __future__ import annotations

import pickle
import random
import struct
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persistence.errors import DecodeError
from persistence.pickles import decode as decoded
from persistence.pickles.encode import encode
from persistence.pickles.guards import check
from persistence.pickles.limits import Limits
from persistence.pickles.tame import recognise

BINARY = (2, 3, 4, 5)
SECONDS = 2.0
EXACT = Limits()  # equal to the default, but not the same: nothing is only recognised


class State(Enum):
    NEW = "NEW"


class Run:
    def __init__(self, number: int) -> None:
        self.state = "RUNNING"
        self.history = [("Submitted", 1.5 + number), ("Started", 2.5 + number)]
        self.timestamp = {"NEW": 1.0 * number, "RUNNING": 2.0}


class Job:
    def __init__(self, number: int) -> None:
        self.jobname = f"sweep{number:05d}"
        self.arguments = ["/usr/bin/simulate", "--steps", str(number)]
        self.requested_memory = 2048 + number
        self.changed = False
        self.log = "a line\n" * 10
        self.run = Run(number)
        self.when = datetime(2026, 1, 2, 3, 4, number % 60)  # noqa: DTZ001


def jobs(count: int) -> list[Job]:
    return [Job(number) for number in range(count)]


@pytest.mark.parametrize("protocol", BINARY)
@pytest.mark.parametrize(
    "value",
    [
        Job(1),
        jobs(20),
        jobs(1_000),
        [OrderedDict(a=1), deque([1, 2]), {1, 2}, Decimal("1.5"), State.NEW, b"bytes" * 100],
        [PurePosixPath("/home/me/in.dat"), timedelta(1, 2, 3), datetime.now(timezone.utc)],
        {"x": "text" * 100, "y": (1, 2, 3, 4, 5), "z": [1.5, None, True, 2**40, -1]},
        [1.5] * 10_000,
        list(range(100_000)),
        {f"key{number}": number for number in range(10_000)},
    ],
    ids=["job", "jobs", "many jobs", "standard", "nested", "long", "floats", "integers", "names"],
)
def test_what_picklers_write_is_recognised(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    seen = recognise(data)
    assert seen == check(data)


def test_byte_strings_of_python_2_are_seen() -> None:
    data = b"\x80\x02}q\0(U\x05stateq\x01U\x03NEWq\x02u."
    seen = recognise(data)
    assert seen is not None
    assert seen.python2
    assert recognise(b"\x80\x03(U\x01aC\x01be.") is None  # both kinds: not at a glance


# Hostile pickles: the opcodes between PROTO and STOP.

FILL = b"]" + b"N\x940" * 300  # as many values in the memo as have low indices
FILL2 = b"]" + b"".join(b"Nr%b0" % struct.pack("<I", index) for index in range(300))


def doubling(levels: int, get: Callable[[int], bytes], put: Callable[[int], bytes]) -> bytes:
    made = b")" + put(0) + b"0"
    for level in range(levels):
        made += get(level) * 2 + b"\x86" + put(level + 1) + b"0"
    return made + b"}" + get(levels) + b"Ns"


def memoized(start: int) -> Callable[[int], bytes]:
    return lambda index: b"\x94"


def long_get(start: int) -> Callable[[int], bytes]:
    return lambda index: b"j" + struct.pack("<I", start + index)


def long_put(start: int) -> Callable[[int], bytes]:
    return lambda index: b"r" + struct.pack("<I", start + index)


def collisions(count: int) -> bytes:
    """Return pairs of integers that all have the same hash, as a tuple's hash is computed."""
    mask = 2**64 - 1
    p1, p2, p5 = 11400714785074694791, 14029467366897019727, 2870177450012600261

    def lane(acc: int, value: int) -> int:
        acc = (acc + value * p2) & mask
        acc = ((acc << 31) | (acc >> 33)) & mask
        return (acc * p1) & mask

    inverse1, inverse2 = pow(p1, -1, 2**64), pow(p2, -1, 2**64)
    target = 12345
    pairs = []
    first = 0
    while len(pairs) < count:
        first += 1
        acc = (target * inverse1) & mask
        acc = ((acc >> 31) | (acc << 33)) & mask
        second = ((acc - lane(p5, first)) * inverse2) & mask
        if second < 2**61 - 1:
            pairs.append((first, second))
    assert len({hash(pair) for pair in pairs}) == 1
    made = b""
    for one, two in pairs:
        made += b"J" + struct.pack("<i", one) + b"\x8a\x08" + struct.pack("<q", two) + b"\x86"
    return made


def keyed(items: bytes) -> bytes:
    """Make each pair of `collisions` a key."""
    size = 16
    return b"".join(items[at : at + size] + b"N" for at in range(0, len(items), size))


COLLIDING = collisions(2_500)

HOSTILE = {
    "doubled by BINGET": doubling(60, lambda index: b"h%c" % index, memoized(0)),
    "doubled by LONG_BINGET": doubling(60, long_get(0), memoized(0)),
    "doubled by DUP": b")" + b"2\x86" * 60 + b"}q\x002" + b"Ns",
    "doubled with BINPUT into one index": b")q\0" + b"0h\0h\0\x86q\0" * 60 + b"0}h\0Ns",
    "doubled, and used at once": b")\x940"
    + b"".join(
        b"cm\nn\nh%ch%c\x86\x94R0" % (2 * n and 2 * n - 1, 2 * n and 2 * n - 1) for n in range(40)
    ),
    "tripled": b")\x940"
    + b"".join(b"h%ch%ch%c\x87\x940" % (index, index, index) for index in range(40))
    + b"}h\x28Ns",
    "many times as many by TUPLE": b")\x940"
    + b"".join(b"(" + b"h%c" % index * 20 + b"t\x940" for index in range(20))
    + b"}h\x14Ns",
    "nested by TUPLE1": b"}" + b")" + b"\x85" * 700 + b"Ns",
    "nested with numbers": b"})" + b"K\1\x86" * 700 + b"Ns",
    "nested with texts": b"})" + b"\x8c\1a\x86" * 700 + b"Ns",
    "nested by TUPLE": b"}" + b"(" * 700 + b"t" * 700 + b"Ns",
    "nested by BINPUT into one index": b")q\0" + b"0h\0K\1\x86q\0" * 700 + b"0}h\0Ns",
    "colliding keys": b"}(" + keyed(COLLIDING) + b"u",
    "colliding items of a set": b"\x8f(" + COLLIDING + b"\x90",
    "frozen set": b"(K\1\x91",
    "huge index": b"Nr\0\0\0\x10",
    "huge index as text": b"Np99999999\n",
    "extension": b"\x82\x01",
    "claimed bytes": b"B\xff\xff\xff\x7fa",
    "claimed bytes, 8": b"\x8e" + b"\xff" * 7 + b"\x7fa",
    "claimed byte array": b"\x96" + b"\xff" * 7 + b"\x7fa",
    "decimal text": b"I" + b"9" * 100_000 + b"\n",
    "second PROTO": b"N0\x80\x07N",
    "large: doubled in high indices": FILL + doubling(60, long_get(300), memoized(300)),
    "large: doubled, used at once": FILL
    + b")\x940cm\nn\n\x940"
    + b"".join(
        b"j\x2d\1\0\0" + long_get(n + (300 if n == 0 else 301))(0) * 2 + b"\x86\x94R0"
        for n in range(0, 80, 2)
    ),
    "large: low index put again": FILL2
    + b"]0" * 4_000
    + b")q\0"
    + b"0h\0h\0\x86q\0" * 60
    + b"0}h\0Ns",
    "large: low index put again by LONG_BINPUT": FILL2
    + b"]0" * 4_000
    + b")r\0\0\0\0"
    + b"0h\0h\0\x86r\0\0\0\0" * 60
    + b"0}h\0Ns",
    "large: nested": FILL + b"]" * 9_000 + b"})" + b"K\1\x86" * 700 + b"Ns",
    "large: nested by TUPLE1": FILL + b"]" * 9_000 + b"})" + b"\x85" * 700 + b"Ns",
    "large: nested, each used": FILL + b"]" * 9_000 + b"})" + b"\x94]\x94\x86" * 700 + b"Ns",
    "large: colliding keys": FILL + b"]" * 9_000 + b"}(" + keyed(COLLIDING) + b"u",
    "large: colliding items": FILL + b"]" * 9_000 + b"\x8f(" + COLLIDING + b"\x90",
    "large: colliding, got": FILL
    + b"("
    + COLLIDING.replace(b"\x86", b"\x86\x94")
    + b"e}("
    + b"".join(long_get(301)(n) + b"N" for n in range(2_500))
    + b"u",
    "large: colliding, from one index": FILL2
    + b"]" * 9_000
    + b"}("
    + COLLIDING.replace(b"\x86", b"\x86r\0\x08\0\0Nj\0\x08\0\0N")
    + b"u",
    "large: colliding, from one low index": b"]" * 9_000
    + b"}("
    + COLLIDING.replace(b"\x86", b"\x86q\0Nh\0N")
    + b"u",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", BINARY)
@pytest.mark.parametrize("padding", [b"", b"\x8c\xffSomething" + b"-" * 246 + b"0"])
def test_no_hostile_pickle_is_recognised(name: str, protocol: int, padding: bytes) -> None:
    body = padding * 100 + HOSTILE[name]
    data = b"\x80%c" % protocol + body + b"0" * 3 + b"N."
    begun = time.process_time()
    assert recognise(data) is None
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", BINARY)
def test_a_hostile_pickle_in_a_text_is_only_a_text(name: str, protocol: int) -> None:
    text = b"\x80\x04" + HOSTILE[name] + b"."
    data = b"\x80%cB" % protocol + struct.pack("<I", len(text)) + text + b"."
    assert decoded(data).root == text


def test_no_cut_pickle_is_recognised() -> None:
    for protocol in BINARY:
        data = pickle.dumps(jobs(5), protocol)
        assert recognise(data)
        for end in range(len(data)):
            assert recognise(data[:end]) is None


def outcome(data: bytes, limits: Limits | None = None) -> Any:
    try:
        pickled = decoded(data) if limits is None else decoded(data, limits)
    except DecodeError as error:
        return str(error), error.offset
    return pickled.protocol, pickled.python2, len(pickled.references), encode(pickled)


@pytest.mark.parametrize("protocol", BINARY)
def test_damaged_pickles_come_out_the_same_whether_recognised_or_not(protocol: int) -> None:
    chance = random.Random(protocol)
    originals = [pickle.dumps(value, protocol) for value in (Job(1), jobs(3), jobs(10))]
    recognised = 0
    for round_ in range(2_000):
        data = bytearray(originals[round_ % 3])
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(2, len(data))] = chance.choice(
                (chance.randrange(256), chance.choice(b"(.012BCGJKNRXabehjqrstu}]\x85\x86\x87\x94"))
            )
        damaged = bytes(data)
        recognised += recognise(damaged) is not None
        assert outcome(damaged) == outcome(damaged, EXACT)
    assert recognised > 100


TOKENS = [
    *(bytes([code]) for code in b"N\x88)]}(eusab\x81R\x85\x86\x87t\x940\x8f\x90Q2"),
    *(b"h%c" % index for index in range(6)),
    *(b"q%c" % index for index in range(4)),
    *(b"j%c\0\0\0" % index for index in range(4)),
    *(b"r%c\0\0\0" % index for index in range(4)),
    b"K\1",
    b"\x8c\1a\x94",
    b"X\1\0\0\0aq\1",
    b"U\1a",
    b"C\1b",
    b"cm\nn\n",
    b"\x8a\x08abcdefgh",
    b"\x95\x05" + b"\0" * 7,
]


@settings(max_examples=3_000, deadline=None)
@given(st.sampled_from(BINARY), st.lists(st.sampled_from(TOKENS), max_size=60), st.booleans())
def test_what_is_recognised_and_loads_also_passes_the_exact_check(
    protocol: int, tokens: list[bytes], large: bool
) -> None:
    beginning = (FILL if protocol >= 4 else FILL2) + b"0" + b"]0" * 30_000 + b"(e" if large else b""
    data = b"\x80%c" % protocol + beginning + b"}" + b"".join(tokens) + b"N."
    seen = recognise(data)
    if seen is not None:
        assert outcome(data) == outcome(data, EXACT)
