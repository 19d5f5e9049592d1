"""Every row that is not computed leads to its value in the pickle, and back to the row."""

from __future__ import annotations

import base64
import json
import pickle
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.demo import make_demo
from persistence import make_store
from persistence.pickles import Object, Pickle, decode, present
from persistence.pickles.edit import Change, apply
from persistence.pickles.parts import Child, Entry
from persistence.pickles.paths import joined, steps
from persistence.pickles.places import resolve, row_positions
from persistence.pickles.spans import Spans, spans
from persistence.pickles.structure import groups
from persistence.pickles.views import View

DATA = Path(__file__).parents[2] / "data"
MOST_ROWS = 200
DEEPEST = 8


def rows(pickled: Pickle) -> Iterator[tuple[tuple[int, ...], tuple[str, ...], str, Child]]:
    """Walk over what the tree shows: position, parts of its address, raw address, row.

    Below what is computed everything is; the raw address is empty there.
    """
    python2 = pickled.python2
    waiting: deque[tuple[Any, ...]] = deque([((), (), "", pickled.root, (id(pickled.root),))])
    count = 0
    while waiting and count < MOST_ROWS:
        positions, parts, raw, value, above = waiting.popleft()
        children = present.children(value, 0, 30, python2=python2)
        for position, child in enumerate(children):
            count += 1
            here = (*positions, position)
            way = (*parts, child.path_part)
            stored = f"{raw}{child.path_part if child.stored is None else child.stored}"
            yield here, way, stored, child
            if id(child.value) not in above and len(here) < DEEPEST and not child.is_computed:
                waiting.append((here, way, stored, child.value, (*above, id(child.value))))


def check_every_row(pickled: Pickle) -> int:
    """Check the rows of an object; return how many of them can be edited."""
    count = 0
    found: Spans | None = spans(pickled) if pickled.data else None
    for positions, parts, raw, child in rows(pickled):
        address = joined(parts)
        assert row_positions(pickled, address) == positions, address
        place = resolve(pickled, address)
        if child.is_computed:
            assert place.slots is None, address
            assert child.stored is None
            continue
        value = child.value.value if isinstance(child.value, Entry) else child.value
        for way in (address, joined([raw])):
            other = resolve(pickled, way)
            assert other.slots is not None, way
            assert other.slots[-1].get() is place.slots[-1].get(), way  # type: ignore[index]
            assert isinstance(value, View) or other.slots[-1].get() is value, way
            assert row_positions(pickled, way) == positions, (way, address)
            if found is not None and way != address:
                assert found.locate(way) == found.locate(address)
        count += 1
    return count


@pytest.mark.parametrize("version", ["python2.7", "python3.7"])
def test_every_row_of_what_gc3pie_stored_leads_to_its_value_and_back(version: str) -> None:
    with make_store(str(DATA / "gc3pie" / version / "jobs-dir"), read_only=True) as store:
        first = {(one.type, one.state): one.id for one in store.summaries()}
        assert len(first) > 4
        for id_ in first.values():
            assert check_every_row(store.inspect(id_))


@pytest.mark.parametrize("file", sorted(path.name for path in (DATA / "adapters").glob("*.json")))
def test_every_row_of_a_sample_leads_to_its_value_and_back(file: str) -> None:
    for sample in json.loads((DATA / "adapters" / file).read_text("utf-8")):
        check_every_row(decode(base64.b64decode(sample["pickle"])))


def test_every_row_of_the_demo_leads_to_its_value_and_back(tmp_path: Path) -> None:
    with make_store(make_demo(tmp_path)) as store:
        first: dict[str, str] = {summary.type: summary.id for summary in store.summaries()}
        assert len(first) > 4
        for id_ in first.values():
            assert check_every_row(store.inspect(id_))


LISTED = b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'a'\naI1\naa(lp2\nS'b'\naI2\naatR."
"""An ordered dictionary as Python 2 writes it: with a list of lists."""


def test_pairs_in_a_list_are_edited_as_those_of_a_dictionary() -> None:
    pickled = decode(LISTED)
    assert check_every_row(pickled) == 2
    assert row_positions(pickled, "(0)[1][1]") == (1,)
    made = apply(pickled, Change("set", "['b']", "5"))
    assert isinstance(made.root, Object)
    assert made.root.args == ([[b"a", 1], [b"b", 5]],)
    made = apply(decode(LISTED), Change("insert", "['c']", "3"))
    assert made.root.args == ([[b"a", 1], [b"b", 2], [b"c", 3]],)
    made = apply(decode(LISTED), Change("delete", "['a']"))
    assert made.root.args == ([[b"b", 2]],)


STATES_TWICE = b"\x80\x02cm\nA\n)\x81}U\x01aK\x01sb}(U\x01aK\x02U\x01bK\x03ub."
WITH_ALL = (
    b"\x80\x04cm\nA\nK\x01\x8c\x01t\x86}\x8c\x03keyK\x02s\x92"
    b"K\x03a(K\x04K\x05e\x8c\x01kK\x06s(K\x07\x90N}\x8c\x01aK\x08s\x86b."
)
MADE = b"\x80\x02ccopyreg\n__newobj_ex__\n(cm\nA\nK\x05K\x06\x86}U\x01aK\x07stR."
SET_BY_CALL = b"\x80\x02c__builtin__\nset\n](K\x05K\x06e\x85R."
KEYS = b"\x80\x02}(cm\nA\n)\x81}U\x01xK\x05sbK\x07](K\x01eK\x02u."


@pytest.mark.parametrize("data", [STATES_TWICE, WITH_ALL, MADE, SET_BY_CALL, KEYS, LISTED])
def test_what_searches_and_comparisons_find_is_where_they_say(data: bytes) -> None:
    pickled = decode(data)
    found = spans(pickled)
    waiting: list[tuple[str, Any]] = [("", pickled.root)]
    count = 0
    while waiting:
        path, value = waiting.pop()
        inner = [*steps(value, pickled.python2)]
        inner += [
            (group.part(index), part)
            for group in groups(value, pickled.python2)
            for index, part in enumerate(group.values)
        ]
        for part, below in inner:
            place = resolve(pickled, joined([path, part]))
            assert place.slots, part
            assert place.slots[-1].get() is below, part
            span = found.locate(joined([path, part]))
            assert span != found.locate(path) or not path, part
            count += 1
            waiting.append((f"{path}{part}", below))
    assert count > 2


def test_members_of_a_set_are_at_one_position_everywhere() -> None:
    members = {f"name {n}" for n in range(50)} | {3, 1, 2, None, (1, 2), frozenset("ab")}
    pickled = decode(pickle.dumps(members, 4))
    found = spans(pickled)
    (group,) = groups(pickled.root, python2=False)
    rows_of_set = present.children(pickled.root, 0, 100)
    stepped = list(steps(pickled.root))
    assert len(rows_of_set) == len(members)
    for position, row in enumerate(rows_of_set):
        part = f"({position})"
        assert row.path_part == part
        assert stepped[position] == (part, row.value)
        assert group.part(position) == part
        assert group.values[position] is row.value
        assert resolve(pickled, part).value is row.value
        span = found.locate(part)
        assert pickle.loads(b"\x80\x04" + pickled.data[span.start : span.end] + b".") == row.value


def test_negative_positions_lead_to_rows() -> None:
    pickled = decode(pickle.dumps({"a": [1, [2, 3]]}))
    assert row_positions(pickled, "['a'][-1][-2]") == (0, 1, 0)


def test_a_key_with_rows_of_its_own_is_found_by_its_position_too() -> None:
    pickled = decode(b"\x80\x02}cm\nA\n)\x81}U\x01xK\x05sbK\x07s.")
    assert row_positions(pickled, "(key 0).x") == (0, 0, 0)
    assert row_positions(pickled, "(key 0)") == (0, 0)
    assert check_every_row(pickled) == 4


def test_a_path_that_no_row_shows_leads_to_none() -> None:
    pickled = decode(pickle.dumps({"a": [1]}))
    for path in ("['b']", "['a'][1]", "['a'][0].x", "(key 0)", "['a'](0)"):
        assert row_positions(pickled, path) is None, path


def test_a_long_path_leads_to_its_row_in_little_time() -> None:
    deep = decode(b"\x80\x02" + b"]" * 100_001 + b"a" * 100_000 + b".")
    assert row_positions(deep, "[0]" * 100_000) == (0,) * 100_000
