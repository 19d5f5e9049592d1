"""The slow machine takes what the C unpickler takes, and refuses what that refuses."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from persistence.errors import DecodeError
from persistence.pickles import decode, with_identity
from persistence.pickles.machine import Machine
from persistence.pickles.nodes import ByteString, Global, Reference, Unhashed
from persistence.pickles.places import resolve
from persistence.pickles.present import children, expression, preview, text, type_name
from persistence.pickles.shell import split_at_shell

UNHASHED = b"0}]K\x01s"  # drops what is there and makes a dictionary with a list as its key
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def machine(data: bytes) -> Any:
    references: list[Reference] = []
    return Machine(data, Global.named, references).load()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_machine_reads_what_pickle_writes(protocol: int) -> None:
    value = [
        None, True, False, 0, 255, 65_535, -1, 2**31, -(2**70), 1.5, "é\n\\ud800", "x" * 300,
        (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1], {}, {"a": 1},
    ]  # fmt: skip
    value.append(value[:3])
    if protocol > 2:
        value += [b"", b"x" * 300]
    if protocol > 3:
        value += [{1, 2}, frozenset((1, 2))]
    if protocol > 4:
        value.append(bytearray(b"x"))
    found = machine(pickle.dumps(value, protocol))
    assert found == value
    assert [type(part) for part in found] == [type(part) for part in value]


@pytest.mark.parametrize(
    "start",
    [
        b"(q\x00", b"(r\0\0\0\0", b"(p0\n", b"\x80\x04(\x94", b"N(2", b"(q\x00K\x01t",
        b"N(a", b"NN(s", b"N(}b",
        b"N(\x86", b"q\x00", b"2",
    ],
)  # fmt: skip
def test_a_mark_is_no_value(start: bytes) -> None:
    data = start + UNHASHED + b"."
    with pytest.raises((pickle.UnpicklingError, IndexError)):
        pickle.loads(start + b".")
    with pytest.raises(DecodeError):
        decode(data)
    with pytest.raises((ValueError, IndexError, AttributeError, DecodeError)):
        machine(data)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"S'\xe9'\n", b"\xe9"),
        (b'S"\\x00\\n"\n', b"\x00\n"),
        (b"I 7\n", 7),
        (b"I01\n", True),
        (b"L7L\n", 7),
        (b"F1e3\n", 1000.0),
    ],
)
def test_lines_are_read_as_the_c_unpickler_reads_them(line: bytes, value: Any) -> None:
    assert pickle.loads(line + b".", encoding="bytes") == value
    assert decode(line + b".").root == value
    pair = decode(b"(" + line + b"}]K\x01st.").root
    assert pair[0] == value
    assert isinstance(pair[1], Unhashed)


@pytest.mark.parametrize(
    "line",
    [b"I1\0\xff\n", b"I\xa01\n", b"I\n", b"Ix\n", b"L\xb2\n", b"F\xff\n", b"S\xff\n", b"V\\u1\n",
     b"p-1\n", b"g\xb2\n", b"X\x01\0\0\0\xff", b"X\x01\0\0\0\xc3"],
)  # fmt: skip
def test_what_makes_no_sense_is_a_decode_error(line: bytes) -> None:
    for data in (b"(N" + line + b"}]K\x01st.", b"N" + line + b"\x85."):
        try:
            decode(data)
        except DecodeError as error:
            assert error.offset is not None


@pytest.mark.parametrize("line", [b"S'\xe9'\n", b"I1\0\xff\n", b"V\xe9\n"])
def test_lines_that_are_not_ascii_are_stepped_over(line: bytes) -> None:
    data = b"cm\nA\n)\x81}(S'persistent_id'\nS'Job.1'\nS'x'\n" + line + b"ub."
    changed = with_identity(data, "Job.2")
    assert line in changed
    assert decode(changed).root.attributes()["persistent_id"] == b"Job.2"
    split = split_at_shell(data)
    assert split.making == b"cm\nA\n)\x81."
    assert line in split.filling


# How what only the machine can read looks.


def test_a_dictionary_with_keys_that_cannot_be_hashed_looks_like_one() -> None:
    pickled = decode(b"\x80\x02}(]K\x01aK\x02U\x01aK\x03u.")
    root = pickled.root
    assert isinstance(root, Unhashed)
    assert type_name(root) == "dict"
    assert preview(root) == "2 items  keys that cannot be hashed"
    assert expression(root, python2=True) == "{[1]: 2, 'a': 3}"
    rows = children(root, 0, 10, python2=True)
    assert [(row.name, row.path_part) for row in rows] == [("[1]", "[[1]]"), ("a", "['a']")]
    key, value = children(rows[0].value, 0, 10)
    assert (key.name, key.value, value.value) == ("key", [1], 2)
    assert resolve(pickled, "[[1]](key)[0]").value == 1
    assert resolve(pickled, "['a']").value == 3


def test_a_set_with_members_that_cannot_be_hashed_looks_like_one() -> None:
    for code, kind, source in (
        (b"\x8f(]K\x01e\x90", "set", "{[], 1}"),
        (b"(]K\x01\x91", "frozenset", "frozenset({[], 1})"),
    ):
        pickled = decode(b"\x80\x04" + code.replace(b"]K\x01e", b"]K\x01") + b".")
        assert type_name(pickled.root) == kind
        assert preview(pickled.root) == "2 items  members that cannot be hashed"
        assert text(pickled.root) == source
        rows = children(pickled.root, 0, 10)
        assert [row.name for row in rows] == ["0", "1"]
        assert [resolve(pickled, row.path_part).value for row in rows] == [[], 1]


def test_a_byte_string_beside_bytes_looks_like_a_text() -> None:
    pickled = decode(b"\x80\x03(U\x02\xc3\xa9C\x01x}U\x01kK\x05sU\x01\xe9t.")
    shown, plain, mapping, latin = pickled.root
    assert isinstance(shown, ByteString)
    assert (type_name(shown), preview(shown), text(shown)) == ("str", "é", "é")
    assert (type_name(plain), preview(plain)) == ("bytes", "b'x'")
    assert (type_name(latin), preview(latin)) == ("str (Latin-1)", "é")
    assert expression(pickled.root) == "('é', b'x', {'k': 5}, 'é')"
    (row,) = children(mapping, 0, 5)
    assert row.name == "k"
    assert resolve(pickled, "[2]['k']").value == 5


def test_attributes_named_by_byte_strings_beside_bytes_are_attributes() -> None:
    pickled = decode(b"\x80\x03cm\nA\n)\x81}(U\x01aC\x01xU\x01bK\x05ub.")
    assert [row.path_part for row in children(pickled.root, 0, 5)] == [".a", ".b"]
    place = resolve(pickled, "b")
    assert place.value == 5
    assert place.slots
