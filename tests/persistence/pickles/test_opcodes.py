"""Opcodes as rows, against `pickletools`."""

from __future__ import annotations

import datetime as dt
import itertools
import pickle
import pickletools
import random
import time
from pathlib import Path
from typing import Any

import pytest

from persistence.pickles.opcodes import UNKNOWN, Opcode, Opcodes, constant, opcodes, scan

DATA = Path(__file__).parents[2] / "data"
HOSTILE = sorted((DATA / "hostile").glob("*.pickle"))
GC3PIE = sorted((DATA / "gc3pie").rglob("jobs-dir/*"))

SHARED = ["shared"]
VALUES: list[Any] = [
    [1, 300, 70_000, -1, 2**40, 2**100, -(2**100), True, None, 1.5, float("inf")],
    ["text", "é\u202e\n", "x" * 300, b"bytes", b"y" * 300, bytearray(b"z")],
    {"a": SHARED, "b": (SHARED, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), "c": {1}},
    [
        frozenset((1, 2)),
        dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc),
        ValueError("x"),
        complex(1, 2),
    ],
]
PICKLES = [
    pytest.param(pickle.dumps(value, protocol), id=f"{index}-{protocol}")
    for index, value in enumerate(VALUES)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
] + [pytest.param(path.read_bytes(), id=f"{path.parts[-3]}-{path.name}") for path in GC3PIE]


def expected(data: bytes) -> list[tuple[str, int]]:
    return [(info.name, offset or 0) for info, _, offset in pickletools.genops(data)]


@pytest.mark.parametrize("data", PICKLES)
def test_rows_are_the_opcodes_that_pickletools_finds(data: bytes) -> None:
    rows = opcodes(data, count=100_000)
    assert [(row.name, row.offset) for row in rows] == expected(data)
    assert sum(row.length for row in rows) == len(data)
    for row, following in itertools.pairwise(rows):
        assert row.offset + row.length == following.offset


@pytest.mark.parametrize("data", PICKLES)
def test_constants_are_those_that_pickletools_reads(data: bytes) -> None:
    places = {place.offset: place for place in scan(data)}
    for info, argument, offset in pickletools.genops(data):
        read = constant(data, places[offset or 0])
        if info.name in ("NONE", "NEWTRUE", "NEWFALSE"):
            assert read is {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[info.name]
        elif info.name.endswith("STRING"):
            assert read == str(argument).encode("latin-1")
        elif read is not UNKNOWN:
            assert read == argument


@pytest.mark.parametrize("data", PICKLES)
def test_memo_indices_are_those_that_pickletools_follows(data: bytes) -> None:
    stored: set[int] = set()
    rows = opcodes(data, count=100_000)
    for row, (info, argument, _) in zip(rows, pickletools.genops(data), strict=True):
        if info.name == "MEMOIZE":
            argument = len(stored)
        if info.name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            assert (row.stored, row.fetched) == (argument, None)
            stored.add(argument)
        elif "GET" in info.name:
            assert (row.stored, row.fetched) == (None, argument)
        else:
            assert (row.stored, row.fetched) == (None, None)


def test_memo_indices_out_of_order_are_counted_as_an_unpickler_does() -> None:
    # Put at 1, 3, 0, then the fourth, which is not the fifth, and one that is there already.
    data = b"\x80\x04Nq\x01q\x03q\x00\x94\x94q\x04\x94."
    memo: dict[int, None] = {}
    for row in opcodes(data)[2:-1]:
        if row.name == "MEMOIZE":
            assert row.stored == len(memo)
        assert row.stored is not None
        memo[row.stored] = None


@pytest.mark.parametrize("seed", range(5))
def test_any_page_is_what_a_listing_of_everything_has_there(seed: int) -> None:
    chance = random.Random(seed)
    body = bytearray(b"\x80\x04")
    for _ in range(5_000):
        put = chance.choice((b"\x94", b"q" + bytes((chance.randrange(256),)), b"(", b"1", b""))
        body += b"N" + put
    data = bytes(body) + b"."
    whole = opcodes(data, count=1_000_000)
    memo: set[int] = set()
    for row in whole:
        if row.name == "MEMOIZE":
            assert row.stored == len(memo)
        if row.stored is not None:
            memo.add(row.stored)
    listing = Opcodes(data)
    for _ in range(20):
        first = chance.randrange(len(whole) + 10)
        assert listing.rows(first, 7) == whole[first : first + 7]
    assert len(listing) == len(whole)


def test_a_byte_belongs_to_the_row_of_its_opcode() -> None:
    data = pickle.dumps(list(range(3_000)), 2)
    listing = Opcodes(data)
    rows = listing.rows(0, 10_000)
    for row_number in (0, 1, 2, 1_023, 1_024, 1_025, 2_500, len(rows) - 1):
        row = rows[row_number]
        for offset in range(row.offset, row.offset + row.length):
            assert listing.row_at(offset) == row_number
    assert listing.row_at(len(data) + 100) == len(rows) - 1
    assert opcodes(data, 4_000, 3) == rows[listing.row_at(4_000) :][:3]


def test_depth_is_the_number_of_open_marks() -> None:
    data = b"((K\x01tK\x02l."
    assert [(row.name, row.depth) for row in opcodes(data)] == [
        ("MARK", 0),
        ("MARK", 1),
        ("BININT1", 2),
        ("TUPLE", 1),
        ("BININT1", 1),
        ("LIST", 0),
        ("STOP", 0),
    ]


def test_pages_that_begin_behind_a_mark_know_of_it() -> None:
    data = b"N0" * 511 + b"N(" + b"N" * 2_000 + b"l."
    assert Opcodes(data).rows(1_024, 1)[0].depth == 1
    assert Opcodes(data).rows(3_000, 1)[0].depth == 1


@pytest.mark.parametrize(
    ("body", "argument"),
    [
        (b"K\x07", "7"),
        (b"cos\nsystem\n", "os system"),
        (b"\x8c\x03a\nb", "'a\\nb'"),
        (b"X\x04\x00\x00\x00a\xe2\x80\xae", "'a\\u202e'"),
        (b"C\x02\xff\x00", "b'\\xff\\x00'"),
        (b"I01\n", "01"),
        (b"Lnot a number\n", "not a number"),
        (b"\x8a\x00", "0"),
        (b"\x80\x02", "2"),
        (b"]", ""),
        (b"N", ""),
        (b"h\x09", "9"),
        (b"\x82\x07", "7"),
        (b"X\x02\x00\x00\x00\xff\xfe", "b'\\xff\\xfe'"),
        (b"P../etc\n", "../etc"),
        (b"G\x7f\xf0\x00\x00\x00\x00\x00\x00", "inf"),
    ],
)
def test_arguments_are_shown_in_one_safe_line(body: bytes, argument: str) -> None:
    assert opcodes(body + b".")[0].argument == argument


def test_byte_strings_of_python_2_are_read_as_unpicklers_read_them() -> None:
    for line in (b"'a\\x00b\\n'", b'"it\'s"', b"'\xd7\xff'", b"''"):
        data = b"S" + line + b"\n."
        assert constant(data, next(scan(data))) == pickle.loads(data, encoding="bytes")
    for line in (b"a", b"'a", b"'", b""):
        data = b"S" + line + b"\n."
        assert constant(data, next(scan(data))) is UNKNOWN


def test_long_arguments_are_shortened_without_being_read() -> None:
    size = 20_000_000
    for code in (b"X", b"B", b"T", b"\x8b"):
        data = code + size.to_bytes(4, "little") + bytes(size) + b"."
        began = time.process_time()
        first, last = opcodes(data)
        assert time.process_time() - began < 1
        assert len(first.argument) <= 120
        assert (first.length, last.name) == (size + 5, "STOP")


def test_a_text_that_is_cut_within_a_character_is_shown() -> None:
    text = "é" * 1_000
    for shift in ("", "x"):
        encoded = (shift + text).encode()
        data = b"X" + len(encoded).to_bytes(4, "little") + encoded + b"."
        assert opcodes(data)[0].argument.startswith(f"'{shift}ééé")


def test_every_opcode_is_explained_in_one_sentence() -> None:
    for info in pickletools.opcodes:
        (row,) = Opcodes(info.code.encode("latin-1") + b"1\n1\n1\n1\n" + b"\0" * 20).rows(0, 1)
        if row.name:
            assert row.explanation.endswith(".")
            assert "\n" not in row.explanation


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_damaged_pickles_are_listed_up_to_the_break(path: Path) -> None:
    data = path.read_bytes()
    rows = opcodes(data, count=100_000)
    assert rows
    for row in rows:
        assert row.argument == "" or row.argument.isprintable()
    names = [row.name for row in rows]
    assert "" not in names[:-1]
    assert names[-1] in ("", "STOP")


def test_the_last_row_says_what_is_wrong() -> None:
    assert opcodes(b"\x80\x04K\x01\xff.")[-1] == Opcode(
        4, "", 2, explanation="This pickle cannot be decoded: there is no opcode 0xff at byte 4."
    )
    assert "ends before it is complete" in opcodes(b"")[-1].explanation
    assert "ends before it is complete" in opcodes(b"N")[-1].explanation
    assert "ends before it is complete" in opcodes(b"cos\nsyst")[-1].explanation
    assert "claims 9 bytes where 1 are left" in opcodes(b"N\x8c\x09a")[-1].explanation


def test_every_cut_is_listed_up_to_it() -> None:
    data = pickle.dumps(VALUES, 2)
    whole = opcodes(data, count=10_000)
    for cut in range(len(data)):
        *rows, last = opcodes(data[:cut], count=10_000)
        assert rows == whole[: len(rows)]
        assert last.name == ""
        assert last.offset <= cut


def test_a_million_opcodes_are_paged_quickly() -> None:
    data = b"(" + b"K\x01\x94" * 500_000 + b"l."
    listing = Opcodes(data)
    assert len(listing) == 1_000_003
    began = time.process_time()
    for first in range(0, 1_000_000, 100_000):
        rows = listing.rows(first, 50)
        assert listing.row_at(rows[0].offset) == first
    assert time.process_time() - began < 1
