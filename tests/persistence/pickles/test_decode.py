"""Pickles of all protocols, decoded without their classes."""

from __future__ import annotations

import pickle
from collections import OrderedDict, deque
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.pickles import Global, Object, Reference, decode

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(min_size=0),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


class Colour(Enum):
    RED = 1


class Job:
    def __init__(self) -> None:
        self.state = "NEW"


@given(plain, st.sampled_from([3, 4, 5]))
def test_plain_values_decode_to_themselves(value: Any, protocol: int) -> None:
    decoded = decode(pickle.dumps(value, protocol))
    assert decoded.root == value
    assert decoded.protocol == protocol


@given(plain)
def test_every_cut_and_every_flipped_byte_ends_in_a_tree_or_an_error(value: Any) -> None:
    from persistence.errors import DecodeError

    data = pickle.dumps([value, Job()], 4)
    for position in range(0, len(data), 3):
        for damaged in (
            data[:position],
            data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :],
        ):
            try:
                decode(damaged)
            except DecodeError as error:
                assert str(error)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_object_is_its_class_and_its_attributes(protocol: int) -> None:
    root = decode(pickle.dumps(Job(), protocol)).root
    assert isinstance(root, Object)
    assert root.attributes() == {"state": "NEW"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_shared_and_what_holds_itself_stays_so(protocol: int) -> None:
    shared: list[Any] = []
    value = [shared, {"again": shared}]
    value.append(value)
    root = decode(pickle.dumps(value, protocol)).root
    assert root[0] is root[1]["again"]
    assert root[2] is root


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_items_and_pairs_of_objects_are_recorded(protocol: int) -> None:
    root = decode(pickle.dumps([OrderedDict(a=1, b=2), deque([1, 2, 3])], protocol)).root
    ordered, queue = root
    assert list(ordered.pairs) == [("a", 1), ("b", 2)]
    assert list(queue.items) == [1, 2, 3] or queue.args[0] == [1, 2, 3]


def test_classes_are_named_and_not_looked_up(looks_only: list[str]) -> None:
    root = decode(b"\x80\x02cno.such.module\nClass.Inner\n.").root
    assert isinstance(root, Global)
    assert (root.module, root.qualname, root.name) == (
        "no.such.module",
        "Class.Inner",
        "no.such.module.Class.Inner",
    )


def test_references_are_recorded_in_order_whatever_an_id_is_made_of() -> None:
    decoded = decode(
        b"\x80\x02](X\x05\0\0\0Job.1QK\x07Q"
        b"cgc3libs.persistence.idfactory\nId\nX\x03\0\0\0JobK\x09\x86\x81Q"
        b"cgc3libs.persistence.sql\nIntId\nNK\x0b\x86\x81Qe."
    )
    assert [reference.id for reference in decoded.references] == ["Job.1", "7", "Job.9", "11"]
    assert all(isinstance(value, Reference) for value in decoded.root)


def test_byte_strings_of_python_2_keep_their_bytes() -> None:
    decoded = decode(b"\x80\x02U\x04caf\xe9.")
    assert decoded.python2
    assert decoded.root == b"caf\xe9"
    assert not decode(pickle.dumps("café", 2)).python2


def test_equal_looking_objects_stay_different_keys() -> None:
    key = b"cm\nKey\nK\x01\x85\x81"
    root = decode(b"\x80\x02}(" + key + b"K\x01" + key + b"K\x02u.").root
    assert len(root) == 2


@pytest.mark.parametrize(
    "value",
    [Decimal("1.50"), datetime(2026, 1, 1, tzinfo=timezone.utc), Colour.RED, {1, 2}, 1 + 2j],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_values_of_the_standard_library_can_be_shown(value: Any, protocol: int) -> None:
    from persistence.pickles.present import expression, preview, type_name

    root = decode(pickle.dumps(value, protocol)).root
    assert type_name(root) == type(value).__name__
    assert preview(root)
    assert expression(root)


def test_a_member_of_an_enumeration_pickled_by_early_python_311_is_shown_by_its_name() -> None:
    from persistence.pickles.present import expression, preview, type_name

    root = decode(b"\x80\x04cbuiltins\ngetattr\ncshop\nColour\n\x8c\x03RED\x86R.").root
    assert type_name(root) == "Colour"
    assert preview(root) == "Colour.RED"
    assert expression(root) == "shop.Colour.RED"


def test_garbage_collection_is_paused_only_while_a_large_pickle_is_decoded() -> None:
    import gc

    from persistence.errors import DecodeError

    data = pickle.dumps([Job() for _ in range(5_000)], 4)
    assert gc.isenabled()
    decode(data)
    with pytest.raises(DecodeError):
        decode(data[:-1])
    assert gc.isenabled()
    gc.disable()
    try:
        decode(data)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_the_program_has_frozen_stays_so() -> None:
    import gc

    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        decode(pickle.dumps([Job() for _ in range(5_000)], 4))
        assert gc.get_freeze_count() > 0.9 * frozen
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_follows_a_pickle_is_not_read(protocol: int) -> None:
    data = pickle.dumps([Job(), "x" * 300], protocol)
    assert len(decode(data + data[:-1]).root) == 2
    assert decode(bytearray(data)).data == data


def test_one_name_is_one_global_however_many_there_are() -> None:
    names = "".join(f"cmodule\nName{number}\n0" for number in range(6_000))
    data = b"\x80\x02" + names.encode() + b"cmodule\nName0\ncmodule\nName0\n\x86."
    first, second = decode(data).root
    assert first is second
