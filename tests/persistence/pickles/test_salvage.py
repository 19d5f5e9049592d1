"""What can be read of pickles that are cut short or damaged."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence import DecodeError
from persistence.pickles import Object, decode
from persistence.pickles.salvage import is_break, salvage

DATA = Path(__file__).parents[2] / "data"
JOBS = sorted((DATA / "gc3pie" / "python3.7" / "jobs-dir").iterdir())[:8]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.binary(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_items_before_the_break_are_kept(protocol: int) -> None:
    whole = {f"key {number}": [number, number + 1] for number in range(50)}
    data = pickle.dumps(whole, protocol=protocol)
    found = decode(salvage(data[: len(data) * 2 // 3]).whole).root
    assert 20 < len(found) < 50
    # The last one may be cut short: an item of it may be missing.
    *complete, last = found.items()
    assert dict(complete) == {key: whole[key] for key, _ in complete}
    assert last[0] in whole


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_break_is_marked_where_the_rest_is_missing(protocol: int) -> None:
    data = pickle.dumps({"a": 1, "b": ["x" * 50, "y" * 50]}, protocol=protocol)
    found = salvage(data[:-30])
    inside = found.pickle.root["b"]
    assert inside[:1] == ["x" * 50]
    assert is_break(inside[-1] if isinstance(inside, list) else None) or is_break(
        found.pickle.root.get("…")
    )
    assert not any(map(is_break, decode(found.whole).root["b"]))


def test_the_outermost_container_says_that_its_rest_is_missing() -> None:
    path = DATA / "gc3pie" / "python3.7" / "jobs-dir" / "Application.10"
    found = salvage(path.read_bytes()[:-900])
    assert is_break(found.pickle.root.attributes()["…"])
    assert "…" not in decode(found.whole).root.attributes()


def test_the_offset_is_that_of_the_byte_in_the_damaged_pickle() -> None:
    data = pickle.dumps({"text": "x" * 100, "more": "y" * 100}, protocol=4)
    place = data.index(b"y" * 100)
    found = salvage(data[: place + 40])
    assert data[found.offset] == pickle.SHORT_BINUNICODE[0]
    assert found.offset == place - 2
    assert found.size == place + 40


def test_a_flipped_byte_breaks_a_pickle_at_its_place() -> None:
    data = bytearray(pickle.dumps({"first": [1, 2, 3], "second": {"k": "value"}}, protocol=2))
    place = bytes(data).index(b"value") - 5
    data[place] = 0xFE  # no opcode
    found = salvage(bytes(data))
    assert found.offset == place
    assert "no opcode" in found.reason
    assert decode(found.whole).root["first"] == [1, 2, 3]


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.name)
def test_a_job_that_is_cut_anywhere_gives_its_class_and_its_first_attributes(
    path: Path, looks_only: list[str]
) -> None:
    data = path.read_bytes()
    whole = decode(data).root
    kept = 0
    for length in range(len(data) // 10, len(data), len(data) // 25):
        root = decode(salvage(data[:length]).whole).root
        assert isinstance(root, Object)
        assert root.cls.name == whole.cls.name
        attributes = root.attributes()
        assert set(attributes) <= set(whole.attributes())
        assert len(attributes) >= kept  # the longer the pickle, the more is kept
        kept = len(attributes)
    assert kept


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x04\x95", b"(", b"no pickle at all", b"."])
def test_what_has_no_value_before_the_break_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError, match="nothing of it can be read"):
        salvage(data)


def test_a_whole_pickle_is_not_salvaged() -> None:
    with pytest.raises(DecodeError, match="not damaged"):
        salvage(pickle.dumps([1]))


def test_an_ordered_dictionary_keeps_the_pairs_that_it_has() -> None:
    data = pickle.dumps(OrderedDict((f"k{n}", "v" * 20) for n in range(30)), protocol=2)
    root = decode(salvage(data[:-200]).whole).root
    assert 10 < len(root.pairs) < 30


@given(values, st.integers(0, 5), st.data())
def test_what_is_salvaged_is_a_pickle_again(
    value: object, protocol: int, data: st.DataObject
) -> None:
    whole = pickle.dumps(value, protocol=protocol)
    length = data.draw(st.integers(0, len(whole) - 1))
    try:
        found = salvage(whole[:length])
    except DecodeError:
        return
    assert found.offset <= length
    decode(found.whole)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_otherwise(data: bytes) -> None:
    try:
        found = salvage(data)
    except DecodeError:
        return
    decode(found.whole)


@pytest.mark.parametrize(
    "path", sorted((DATA / "hostile").glob("*.pickle")), ids=lambda path: path.stem
)
def test_hostile_pickles_are_salvaged_or_refused_within_bounds(path: Path) -> None:
    try:
        found = salvage(path.read_bytes())
    except DecodeError:
        return
    assert found.pickle.size <= path.stat().st_size + 100
