"""What differs between two decoded pickles."""

from __future__ import annotations

import datetime as dt
import pickle
import time
from collections import Counter, OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persistence import make_store
from persistence.errors import DecodeError
from persistence.pickles import Pickle, decode
from persistence.pickles.comparison import Comparison, Row
from persistence.pickles.diff import Difference, diff
from persistence.pickles.structure import groups, label

DATA = Path(__file__).parents[2] / "data"


class Job:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Renamed(Job):
    pass


class Key:
    def __init__(self, name: str) -> None:
        self.name = name


def decoded(value: Any, protocol: int = 4) -> Pickle:
    # Without its bytes, so that equal ones are gone through all the same.
    return replace(decode(pickle.dumps(value, protocol)), data=b"")


def differences(a: Any, b: Any) -> Difference:
    return diff(decoded(a), decoded(b))


def told(found: Difference) -> list[tuple[str, str | None, str | None]]:
    return [(change.kind, change.path_a, change.path_b) for change in found.changes]


def resolved(found: Pickle, path: str) -> Any:
    """Follow a path by its spelling, as `Group.part` gives it."""
    value, at = found.root, 0
    path = path if path[:1] in ("[", "(", "") else f".{path}"
    while at < len(path):
        fitting = [
            (len(group.part(index)), inner)
            for group in groups(value, found.python2)
            for index, inner in enumerate(group.values)
            if path.startswith(group.part(index), at)
        ]
        length, value = max(fitting, key=lambda pair: pair[0])
        at += length
    return value


# What is told.


def test_equal_values_do_not_differ() -> None:
    found = differences(Job(a=[1, {2: 3}]), Job(a=[1, {2: 3}]))
    assert not found
    assert (found.total, found.slight, found.is_complete) == (0, 0, True)


def test_what_is_new_gone_or_other_is_told_with_both_paths() -> None:
    found = differences(Job(state="NEW", old=1, x=[1]), Job(state="DONE", x=[1, 2], new=2.5))
    assert told(found) == [
        ("changed", "state", "state"),
        ("removed", "old", None),
        ("added", None, "x[1]"),
        ("added", None, "new"),
    ]
    changed = found.changes[0]
    assert changed.a is not None
    assert changed.b is not None
    assert (changed.a.preview, changed.b.preview) == ("NEW", "DONE")
    assert (changed.a.value, changed.b.type) == ("NEW", "str")


def test_an_item_in_another_place_is_moved_and_its_neighbours_are_not() -> None:
    found = differences(["a", "b", "c", "d"], ["b", "c", "d", "a"])
    assert told(found) == [("moved", "[0]", "[3]")]


def test_items_after_an_insertion_are_not_moved() -> None:
    assert told(differences([1, 2, 3], [0, 1, 2, 3])) == [("added", None, "[0]")]
    assert told(differences([0, 1, 2, 3], [1, 2, 3])) == [("removed", "[0]", None)]


def test_a_moved_item_that_changed_a_little_is_recognised() -> None:
    jobs = [Job(name=f"job {n}", number=n, state="NEW") for n in range(4)]
    later = [*jobs[1:], Job(name="job 0", number=0, state="DONE")]
    assert told(differences(jobs, later)) == [
        ("moved", "[0]", "[3]"),
        ("changed", "[0].state", "[3].state"),
    ]


def test_a_changed_item_is_matched_although_others_come_and_go_beside_it() -> None:
    jobs = [Job(name=f"job {n}", number=n, state="NEW") for n in range(3)]
    later = [Job(name="x", number=77, state="NEW"), Job(name="job 1", number=1, state="DONE")]
    assert ("changed", "[1].state", "[1].state") in told(differences(jobs[:2], later))


def test_a_renamed_attribute_or_key_is_moved() -> None:
    assert told(differences(Job(a=[1, 2], b=0), Job(c=[1, 2], b=0))) == [("moved", "a", "c")]
    assert told(differences({"a": "long"}, {"b": "long"})) == [("moved", "['a']", "['b']")]


def test_a_rename_is_not_guessed_where_the_content_is_not_unique() -> None:
    found = differences({"a": 1, "b": 1}, {"b": 1, "c": 1})
    assert Counter(found.counts) == {"removed": 1, "added": 1}


def test_the_order_counts_for_ordered_dictionaries_only() -> None:
    assert not differences({"a": 1, "b": 2}, {"b": 2, "a": 1})
    found = differences(
        OrderedDict([("a", 1), ("b", 2), ("c", 3)]), OrderedDict([("c", 3), ("a", 1), ("b", 2)])
    )
    assert told(found) == [("moved", "['c']", "['c']")]


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        (1, True, "type changed"),
        (1, 1.0, "type changed"),
        (0.0, -0.0, "changed"),
        ("1", 1, "type changed"),
        (b"a", "a", "type changed"),
        ([1], (1,), "type changed"),
        ({"a": 1}, OrderedDict(a=1), "type changed"),
        (2**100, 2**100 + 1, "changed"),
        (None, [], "type changed"),
        (frozenset("a"), {"a"}, "type changed"),
    ],
)
def test_values_that_python_may_call_equal_are_told_apart(a: Any, b: Any, kind: str) -> None:
    assert [change.kind for change in differences([a], [b]).changes] == [kind]
    assert [change.kind for change in differences(a, b).changes] == [kind]


def test_nan_is_equal_to_nan() -> None:
    nan = float("nan")
    assert not differences(
        [nan, complex(nan, 1), {nan: 1}], [float("nan"), complex(nan, 1), {nan: 1}]
    )


def test_an_object_of_another_class_is_compared_all_the_same() -> None:
    found = differences(Job(a=1, b=2), Renamed(a=1, b=3))
    assert told(found) == [("type changed", "", ""), ("changed", "b", "b")]


def test_a_date_is_one_value() -> None:
    found = differences(Job(at=dt.date(2024, 1, 2)), Job(at=dt.date(2024, 1, 3)))
    assert told(found) == [("changed", "at", "at")]
    assert found.changes[0].b is not None
    assert found.changes[0].b.preview == "2024-01-03"


def test_keys_that_are_objects_correspond_by_content() -> None:
    found = differences({Key("a"): 1, Key("b"): 2}, {Key("b"): 3, Key("a"): 1})
    assert [change.kind for change in found.changes] == ["changed"]


def test_sets_are_compared_by_members() -> None:
    found = differences({1, 2, "x"}, {2, "x", 3})
    assert Counter(found.counts) == {"removed": 1, "added": 1}


@pytest.mark.parametrize("protocol", range(6))
def test_the_protocol_makes_no_difference(protocol: int) -> None:
    value = Job(
        a={1, 2},
        b=[dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)],
        c=b"\xff",
        d=OrderedDict(x=1),
        e=1 + 2j,
    )
    found = diff(decoded(value, protocol), decoded(value, 4))
    assert found.total == 0


# Texts of Python 2.

PYTHON2 = b"\x80\x02}(U\x05stateU\x03NEWU\x04nameU\x01au."


def test_byte_strings_of_python_2_are_texts() -> None:
    found = diff(decode(PYTHON2), decode(PYTHON2.replace(b"NEW", b"OLD")))
    assert told(found) == [("changed", "['state']", "['state']")]


def test_that_a_text_was_a_byte_string_is_told_gently() -> None:
    found = diff(decode(PYTHON2), decoded({"state": "NEW", "name": "b"}))
    assert told(found) == [
        ("changed", "['name']", "['name']"),
        ("type changed", "['state']", "['state']"),
    ]
    assert [change.is_slight for change in found.changes] == [False, True]
    assert (found.total, found.slight) == (1, 1)


# Identity.


def test_two_lists_where_one_was_shared_are_a_change_of_sharing() -> None:
    shared = [1]
    found = differences(Job(a=shared, b=shared), Job(a=[1], b=[1]))
    assert told(found) == [("sharing changed", "b", "b")]
    assert found.changes[0].twin_a is not None
    assert found.changes[0].twin_a.path == "a"
    assert found.changes[0].twin_b is None
    assert Counter(differences([[1], [1]], [shared, shared]).counts) == {"sharing changed": 1}


def test_what_never_changes_may_be_shared_or_not() -> None:
    moment, pair = dt.date(2024, 1, 2), (1, 2)
    other = dt.date(2024, 1, 2)
    assert not differences([moment, moment, pair, pair], [moment, other, (1, 2), (1, int("2"))])


def test_a_pointer_to_another_item_is_one_change() -> None:
    one, two = Job(n=1), Job(n=2)
    found = differences(Job(current=one, jobs=[one, two]), Job(current=two, jobs=[one, two]))
    assert told(found) == [("sharing changed", "current", "current")]


def test_cycles_end() -> None:
    itself: list[Any] = []
    itself.append(itself)
    outer: list[Any] = [[]]
    outer[0].append(outer)
    assert not differences(itself, itself)
    assert told(differences(itself, outer)) == [("sharing changed", "[0]", "[0]")]
    parent = Job(n=1, children=[])
    parent.__dict__["children"] += [Job(n=n, parent=parent) for n in range(3)]
    other = decoded(parent)
    parent.__dict__["children"][1].n = 9
    assert told(diff(other, decoded(parent))) == [("changed", "children[1].n", "children[1].n")]


# Bounds.


def test_changes_beyond_the_limit_are_counted() -> None:
    found = diff(decoded(list(range(100))), decoded([str(n) for n in range(100)]), limit=10)
    assert (len(found.changes), found.total, found.is_complete) == (10, 100, False)


def deep(leaf: bytes) -> bytes:
    return b"\x80\x02" + b"]" * 200_000 + leaf + b"a" * 200_000 + b"."


def doubling(leaf: bytes) -> bytes:
    lists = (
        b"]q%c(h%ch%ce" % (level + 1, level, level)  # each holds the one before twice
        for level in range(60)
    )
    return b"\x80\x02]q\x00" + leaf + b"a" + b"".join(lists) + b"."


def test_graphs_may_be_200_000_levels_deep() -> None:
    found = diff(decode(deep(b"K\x01")), decode(deep(b"K\x02")))
    assert [change.kind for change in found.changes] == ["changed"]
    assert found.changes[0].path_a == "[0]" * 200_000


def test_a_list_on_two_to_the_60_paths_is_compared_once() -> None:
    found = diff(decode(doubling(b"K\x01")), decode(doubling(b"K\x02")))
    assert told(found) == [("changed", "[0]" * 61, "[0]" * 61)]


def test_circles_of_different_lengths_end() -> None:
    def ring(size: int) -> list[Any]:
        first: list[Any] = [0]
        here = first
        for _ in range(size - 1):
            here.append([0])
            here = here[1]
        here.append(first)
        return first

    found = differences(ring(101), ring(103))
    assert set(found.counts) == {"sharing changed"}


def test_a_large_shared_list_against_many_small_ones_is_bounded() -> None:
    shared = list(range(20_000))
    started = time.process_time()
    found = differences([shared] * 20_000, [[n] for n in range(20_000)])
    assert found.counts["sharing changed"] == 19_999
    assert time.process_time() - started < 60  # all pairs of items would take an hour


@pytest.mark.parametrize("kind", ["changed", "reversed", "objects", "no likes"])
def test_time_grows_with_the_size_and_not_with_its_square(kind: str) -> None:
    def seconds(count: int) -> float:
        a, b = _lists(kind, count)
        left, right = decoded(a), decoded(b)
        started = time.process_time()
        diff(left, right)
        return time.process_time() - started

    few = min(seconds(2_000) for _ in range(3))
    assert seconds(16_000) < 8 * 3 * few + 0.1


def _lists(kind: str, count: int) -> tuple[Any, Any]:
    if kind == "changed":
        return list(range(count)), list(range(0, 2 * count, 2))
    if kind == "reversed":
        return list(range(count)), list(range(count))[::-1]
    if kind == "objects":
        jobs = [{"name": f"job {n}", "state": "NEW", "number": n} for n in range(count)]
        return jobs, [dict(job, state="DONE") for job in jobs[::-1]]
    return [[n, 0] for n in range(count)], [[-n, 1] for n in range(count - 1)]


@pytest.mark.parametrize("path", sorted((DATA / "hostile").glob("*.pickle")), ids=lambda p: p.stem)
def test_hostile_pickles_are_compared_without_running_them(
    path: Path, looks_only: list[str]
) -> None:
    try:
        one = decode(path.read_bytes())
    except DecodeError:
        return
    assert not diff(one, replace(decode(path.read_bytes()), data=b""))
    assert diff(one, decoded({"another": "value"}))
    rows = Comparison(one, decoded([1])).children((), 0, 100)
    assert all(isinstance(row, Row) for row in rows)


# Real objects.


@pytest.mark.parametrize("version", ["python3.7", "python2.7"])
def test_one_changed_attribute_of_a_gc3pie_object_is_found(
    version: str, looks_only: list[str]
) -> None:
    with make_store(str(DATA / "gc3pie" / version / "jobs-dir"), read_only=True) as store:
        found = [store.read(id_) for id_ in store.list()]
    changed = 0
    for data in found:
        assert not diff(decode(data), replace(decode(data), data=b""))
        other = data.replace(b"TERMINATED", b"TERMINATEX")
        differing = diff(decode(data), decode(other))
        if other != data:
            changed += 1
            assert "execution._state" in [change.path_a for change in differing.changes]
            # The times of the states are kept under their names: that is a renamed key.
            assert set(differing.counts) <= {"changed", "moved"}
    assert changed >= 5


# Whatever they hold.

SINGLES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text("ab", max_size=2)
)
VALUES = st.recursive(
    SINGLES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(inner, inner),
        st.dictionaries(st.text("abc", max_size=1), inner, max_size=4),
        st.frozensets(SINGLES, max_size=3),
        st.dictionaries(st.sampled_from(["x", "y", "z"]), inner).map(lambda d: Job(**d)),
    ),
    max_leaves=25,
)


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_nothing_differs_from_itself(value: Any) -> None:
    for protocol in (0, 2, 5):
        assert diff(decoded(value, 4), decoded(value, protocol)).total == 0


@given(VALUES, VALUES)
@settings(max_examples=500, deadline=None)
def test_paths_lead_to_values_that_differ(a: Any, b: Any) -> None:
    left, right = decoded(a), decoded(b)
    found = diff(left, right)
    for change in found.changes:
        for side, whole in ((change.a, left), (change.b, right)):
            if side is not None and not isinstance(side.value, float):
                there = resolved(whole, side.path)
                assert there is side.value or there == side.value
        if change.kind == "changed":
            assert change.a is not None
            assert change.b is not None
            assert diff(Pickle(change.a.value, 4, 0), Pickle(change.b.value, 4, 0)).total == 1
        if change.kind == "type changed":
            assert change.a is not None
            assert change.b is not None
            assert label(change.a.value, False) != label(change.b.value, False)
    if found.total == 0:
        assert not diff(right, left)


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
@settings(max_examples=500, deadline=None)
def test_counts_are_the_same_from_both_sides(a: list[int], b: list[int]) -> None:
    forth, back = differences(a, b).counts, differences(b, a).counts
    mirrored = {"added": "removed", "removed": "added"}
    assert forth == {mirrored.get(kind, kind): count for kind, count in back.items()}
    # All of one is accounted for, and all of the other.
    assert forth.get("removed", 0) - forth.get("added", 0) == len(a) - len(b)


# Side by side.


def rows(compared: Comparison, path: tuple[int, ...] = (), **options: Any) -> list[Row]:
    return compared.children(path, 0, 1_000, **options)


def test_rows_stand_side_by_side() -> None:
    compared = Comparison(
        decoded(Job(name="a", state="NEW", gone=1)), decoded(Job(name="a", state="DONE", new=[2]))
    )
    assert compared.root().changes == 3
    assert compared.root().has_children
    shown = [
        (row.name, row.left and row.left.preview, row.right and row.right.preview, row.status)
        for row in rows(compared)
    ]
    assert shown == [
        ("name", "a", "a", "same"),
        ("state", "NEW", "DONE", "changed"),
        ("gone", "1", None, "removed"),
        ("new", None, "1 item  [2]", "added"),
    ]
    assert [row.status for row in rows(compared, (3,))] == ["added"]


def test_only_what_differs_keeps_its_position() -> None:
    items: list[Any] = list(range(1_000))
    later = [*items[:500], [1], *items[501:]]
    compared = Comparison(decoded({"x": 1, "items": items}), decoded({"x": 1, "items": later}))
    (row,) = rows(compared, only_differences=True)
    assert (row.name, row.position, row.changes) == ("items", 1, 1)
    (inner,) = rows(compared, (1,), only_differences=True)
    assert (inner.name, inner.position, inner.status) == ("[500]", 500, "type changed")
    assert inner.right is not None
    assert inner.right.path == "['items'][500]"
    assert compared.child_count((1,)) == 1_000
    assert compared.child_count((1,), only_differences=True) == 1
    assert [row.name for row in compared.children((1,), 990, 5)] == [
        f"[{n}]" for n in range(990, 995)
    ]


def test_moved_rows_tell_their_former_name() -> None:
    compared = Comparison(decoded(["a", "b", "c"]), decoded(["b", "c", "a"]))
    moved = rows(compared)[-1]
    assert (moved.name, moved.former_name, moved.is_moved) == ("[2]", "[0]", True)
    assert moved.left is not None
    assert moved.left.path == "[0]"


def test_a_shared_part_counts_its_changes_once_and_says_where_it_is_repeated() -> None:
    old, new = [1], [2]
    compared = Comparison(decoded([old, old]), decoded([new, new]))
    first, second = rows(compared)
    assert compared.root().changes == 1
    assert (first.changes, first.is_repeated) == (1, False)
    assert (second.changes, second.is_repeated) == (1, True)
    assert [row.name for row in rows(compared, only_differences=True)] == ["[0]"]


def test_dates_are_rows_without_children() -> None:
    day = dt.date(2024, 1, 2)
    compared = Comparison(decoded([day, [day]]), decoded([day, [day, 1]]))
    assert [row.has_children for row in rows(compared)] == [False, True]


def test_the_same_pickle_twice_has_rows_that_are_all_the_same() -> None:
    one = decode(pickle.dumps({"a": [1]}))
    compared = Comparison(one, one)
    assert (compared.root().status, compared.root().changes) == ("same", 0)
    assert [row.status for row in rows(compared, (0,))] == ["same"]
    assert rows(compared, only_differences=True) == []


def test_a_row_that_is_not_there_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Comparison(decoded([1]), decoded([2])).children((4,), 0, 1)


@given(VALUES, VALUES)
@settings(max_examples=200, deadline=None)
def test_the_rows_that_differ_are_as_many_as_the_changes_say(a: Any, b: Any) -> None:
    compared = Comparison(decoded(a), decoded(b))
    root = compared.root()
    found = int(root.status != "same" and not root.is_slight) + _count(compared, (), root)
    assert found == compared.difference.total


def _count(compared: Comparison, path: tuple[int, ...], parent: Row) -> int:
    """Count the changes in the rows that differ; what has nothing in common is one change."""
    if not parent.changes:
        return 0
    total = 0
    for row in rows(compared, path, only_differences=True):
        total += row.is_moved
        if row.status not in ("same", "moved"):
            total += 1
        if row.left is not None and row.right is not None:
            total += _count(compared, (*path, row.position), row)
    assert total == parent.changes
    return total
