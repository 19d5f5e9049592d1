"""Which bytes made which value, proven by cutting them out."""

from __future__ import annotations

import collections
import datetime as dt
import pickle
import random
import time
import types
from pathlib import Path
from typing import Any

import pytest

from persistence import make_store
from persistence.pickles import decode
from persistence.pickles.nodes import Object, Reference
from persistence.pickles.paths import find_references
from persistence.pickles.present import children
from persistence.pickles.spans import Span, spans

DATA = Path(__file__).parents[2] / "data"
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Job:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("name", "size")


class Bag(list[Any]):
    pass


def cut(data: bytes, span: Span) -> Any:
    """Load what a span made, and nothing else."""
    return pickle.loads(b"\x80\x05" + data[span.made_start : span.made_end] + b".")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_bytes_of_a_value_make_that_value(protocol: int) -> None:
    job = Job(
        a=1,
        b="two",
        c=[1, 2.5, {"k": (1, 2, 3), 5: ["x", ()]}],
        f={(1, 2): "t", None: True, "a.b[c]": b"bytes" if protocol > 2 else "other"},
        of={"of": 1},
    )
    data = pickle.dumps(job, protocol)
    found = spans(decode(data))
    for path, value in {
        "a": job.a,
        "b": "two",
        "c": job.c,
        "c[0]": 1,
        "c[1]": 2.5,
        "c[2]": {"k": (1, 2, 3), 5: ["x", ()]},
        "c[2]['k']": (1, 2, 3),
        "c[2]['k'][2]": 3,
        "c[2][5][1]": (),
        "f[(1, 2)]": "t",
        "f[None]": True,
        "f['a.b[c]']": job.f["a.b[c]"],
        "of['of']": 1,
    }.items():
        span = found.locate(path)
        assert cut(data, span) == value, path
        assert not span.is_fetched
        assert found.path_at(span.start) in (path, f"{path}[0]", f"{path}['k']", f"{path}[(1, 2)]")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_byte_belongs_to_a_value_that_contains_it(protocol: int) -> None:
    shared = ["shared"]
    slotted = Slotted() if protocol > 1 else Job()
    slotted.name, slotted.size = "s", [1]
    job = Job(
        a=shared, b=shared, c=slotted, d=dt.timedelta(1), e=Bag((1, [2])),
        f=collections.OrderedDict(x=[1], y=2), g={(1, (2, (3, "long" * 9))): {"a": 1}},
        h=types.SimpleNamespace(z=(1, 2)),
    )  # fmt: skip
    job.__dict__["self"] = job
    data = pickle.dumps(job, protocol)
    found = spans(decode(data))
    root = found.locate("")
    assert data[root.end :] == b"."
    for offset in range(root.start, root.end):
        path = found.path_at(offset)
        span = found.locate(path)
        assert root.start <= span.start <= root.end
        # In it, or in the key that leads to it.
        if not span.start <= offset < span.end:
            assert offset < span.start
            assert path


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_value_that_is_fetched_again_has_both_ranges(protocol: int) -> None:
    shared = ["x", ["y"]]
    data = pickle.dumps({"first": shared, "again": shared}, protocol)
    found = spans(decode(data))
    first, again = found.locate("['first']"), found.locate("['again']")
    assert not first.is_fetched
    assert again.is_fetched
    assert (again.made_start, again.made_end) == (first.start, first.end)
    assert data[again.start : again.start + 1] in (b"g", b"h")
    assert cut(data, again) == shared
    assert found.path_at(again.start) == "['again']"
    assert found.path_at(first.start) == "['first']"
    assert found.locate("['again'][1][0]") == found.locate("['first'][1][0]")


def test_small_numbers_and_short_texts_are_told_apart_by_place() -> None:
    data = pickle.dumps([1, 1, "a", "a", (), ()], 2)
    found = spans(decode(data))
    starts = [found.locate(f"[{index}]").start for index in range(6)]
    assert starts == sorted(set(starts))
    assert [found.path_at(start) for start in starts] == [f"[{index}]" for index in range(6)]


def test_a_key_that_is_set_anew_has_the_bytes_of_its_last_value() -> None:
    data = b"\x80\x02}(K\x01K\x02K\x03K\x04G?\xf0\0\0\0\0\0\0K\x09u."
    pickled = decode(data)
    assert pickled.root == {1: 9, 3: 4}
    found = spans(pickled)
    assert cut(data, found.locate("[1]")) == 9
    assert cut(data, found.locate("[3]")) == 4
    assert found.path_at(data.index(b"K\x04")) == "[3]"
    keys = b"\x80\x02}(K\x01K\x02\x86K\x05K\x01K\x02\x86K\x06u."
    assert cut(keys, spans(decode(keys)).locate("[(1, 2)]")) == 6


def test_members_of_a_set_are_found_by_what_they_are() -> None:
    data = pickle.dumps({"z", "y", 5, (1, "t"), frozenset((7,)), None}, 4)
    pickled = decode(data)
    found = spans(pickled)
    for child in children(pickled.root, 0, 10):
        assert cut(data, found.locate(child.path_part)) == child.value
        assert found.path_at(found.locate(child.path_part).end - 1) == child.path_part


def test_objects_in_a_set_that_cannot_be_told_apart_are_found_as_the_set() -> None:
    one = b"\x80\x04\x8f(cm\nA\n)\x81K\x07\x90."
    found = spans(decode(one))
    assert one[slice(*found.locate("(1)")[:2])] == b"cm\nA\n)\x81"
    two = b"\x80\x04\x8f(cm\nA\n)\x81cm\nA\n)\x81\x90."
    found = spans(decode(two))
    assert found.locate("(1)") == found.locate("")


def test_parts_of_objects_have_their_bytes() -> None:
    body = (
        b"\x80\x04cm\nA\nK\x01\x8c\x01t\x86}\x8c\x03keyK\x02s\x92"  # NEWOBJ_EX
        b"K\x03a(K\x04K\x05e\x8c\x01kK\x06s(K\x07\x90N}\x8c\x01aK\x08s\x86b."
    )
    pickled = decode(body)
    found = spans(pickled)
    expected = {
        "(0)": 1, "(1)": "t", "(keyword 'key')": 2, "[0]": 3, "[1]": 4, "[2]": 5,
        "(value 0)": 6, "(added 0)": 7, "a": 8,
    }  # fmt: skip
    for path, value in expected.items():
        assert cut(body, found.locate(path)) == value, path
        assert found.path_at(found.locate(path).start) == path
    assert found.locate("['k']") == found.locate("(value 0)")
    assert cut(body, found.locate("(key 0)")) == "k"


def test_arguments_behind_the_name_of_a_class_are_counted_without_it() -> None:
    data = b"\x80\x02ccopyreg\n__newobj__\n(cm\nA\nK\x05K\x06tR."
    found = spans(decode(data))
    for path, value in {"(0)": 5, "(1)": 6}.items():
        assert cut(data, found.locate(path)) == value
        assert found.path_at(found.locate(path).start) == path
    assert data[slice(*found.locate("(made with 0)")[:2])] == b"cm\nA\n"
    data = b"\x80\x02ccopyreg\n__newobj_ex__\n(cm\nA\nK\x05K\x06\x86}U\x01aK\x07stR."
    found = spans(decode(data))
    for path, value in {"(0)": 5, "(1)": 6, "(a)": 7, "(made with 2)['a']": 7}.items():
        assert cut(data, found.locate(path)) == value
    assert found.path_at(data.index(b"K\x06")) == "(1)"


def test_members_of_a_set_that_is_made_by_a_call_have_their_bytes() -> None:
    data = b"\x80\x02c__builtin__\nset\n](K\x05K\x06e\x85R."
    found = spans(decode(data))
    assert cut(data, found.locate("(1)")) == 6
    assert found.path_at(found.locate("(1)").start) == "(1)"


def test_what_rows_show_elsewhere_than_it_is_has_its_bytes() -> None:
    data = b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'a'\naI1\naa(lp2\nS'b'\naI2\naatR."
    found = spans(decode(data))
    assert cut(data, found.locate("['b']")) == 2
    assert found.locate("['b']") == found.locate("(0)[1][1]")
    assert found.locate("['b'].real") == found.locate("['b']")


def test_a_state_that_is_no_dictionary_has_a_path() -> None:
    data = b"\x80\x02cm\nA\n)\x81(K\x01K\x02tb."
    found = spans(decode(data))
    assert data[slice(*found.locate("(state)")[:2])] == b"(K\x01K\x02t"
    assert found.path_at(data.index(b"K\x02")) == "(state)[1]"
    assert found.path_at(data.index(b"tb.")) == "(state)"


def test_of_attributes_that_are_set_twice_the_last_counts() -> None:
    data = b"\x80\x02cm\nA\n)\x81}U\x01aK\x01sb}U\x01aK\x02sb."
    pickled = decode(data)
    assert pickled.root.attributes() == {"a": 2}
    found = spans(pickled)
    assert cut(data, found.locate("a")) == 2
    assert cut(data, found.locate("(state 0)['a']")) == 1
    assert found.path_at(data.index(b"K\x01")) == "(state 0)['a']"
    assert found.path_at(data.index(b"K\x02")) == "a"


def test_instances_and_results_of_results_are_followed() -> None:
    data = b"(K\x01K\x02ia\nb\n."
    assert cut(data, spans(decode(data)).locate("(1)")) == 2
    data = b"(ca\nb\nK\x01K\x02o."
    assert cut(data, spans(decode(data)).locate("(1)")) == 2
    data = b"\x80\x02ca\nb\n)RK\x05\x85R."
    found = spans(decode(data))
    assert cut(data, found.locate("(0)")) == 5
    assert data[slice(*found.locate("(callee)")[:2])] == b"ca\nb\n)R"


def test_rows_without_bytes_of_their_own_are_found_as_what_they_belong_to() -> None:
    data = pickle.dumps([dt.date(2024, 1, 2), 5], 4)
    found = spans(decode(data))
    assert found.locate("[0].nothing.like[3]") == found.locate("[0]")
    assert found.locate("[7]") == found.locate("")


def test_keys_with_rows_of_their_own_are_found() -> None:
    data = b"\x80\x02}cm\nA\n)\x81}U\x01xK\x05sbK\x07s."
    pickled = decode(data)
    (child,) = children(pickled.root, 0, 5)
    found = spans(pickled)
    key = f"{child.path_part}(key)"
    assert data[slice(*found.locate(key)[:2])] == b"cm\nA\n)\x81}U\x01xK\x05sb"
    assert cut(data, found.locate(f"{key}.x")) == 5
    assert cut(data, found.locate(f"{child.path_part}(value)")) == 7
    assert found.path_at(data.index(b"K\x05")) == f"{key}.x"
    assert found.path_at(data.index(b"K\x07")) == f"{child.path_part}(value)"


def test_what_is_dropped_belongs_to_what_is_around_it() -> None:
    data = b"\x80\x02](K\x01cos\nsystem\n)R0K\x02e."
    found = spans(decode(data))
    assert found.path_at(data.index(b"cos")) == ""
    assert found.path_at(0) == ""
    assert found.path_at(len(data) - 1) == ""
    assert cut(data, found.locate("[1]")) == 2


@pytest.mark.parametrize("version", ["python3.7", "python2.7"])
def test_every_value_that_gc3pie_wrote_is_found(version: str) -> None:
    with make_store(str(DATA / "gc3pie" / version / "jobs-dir"), read_only=True) as store:
        for id_ in store.list():
            pickled = store.inspect(id_)
            data, found = pickled.data, spans(pickled)
            state = found.locate("execution._state")
            assert b"state" not in data[state.start : state.end].lower()
            executed = found.locate("execution")
            assert executed.start < state.start < state.end <= executed.end
            name = found.locate("jobname")
            text = pickled.root.attributes()["jobname"]
            text = text if isinstance(text, bytes) else text.encode()
            assert text in data[name.made_start : name.made_end]
            for path, reference in find_references(pickled):
                span = found.locate(path)
                assert data[span.made_start : span.made_end].rstrip(b"\x94")[-1:] == b"Q"
                assert isinstance(reference, Reference)
                assert found.path_at(span.end - 1) == path


@pytest.mark.parametrize("seed", range(20))
def test_any_graph_is_found_part_by_part(seed: int) -> None:
    chance = random.Random(seed)
    made: list[Any] = [chance.randrange(9), "text", 2.5]

    def some(count: int) -> list[Any]:
        return [chance.choice(made) for _ in range(count)]

    for step in range(40):
        kind = chance.randrange(6)
        size = chance.randrange(5)
        if kind == 0:
            made.append(some(size))
        elif kind == 1:
            made.append(tuple(some(size)))
        elif kind == 2:
            made.append(dict(zip(map(str, range(size)), some(size), strict=True)))
        elif kind == 3:
            made.append(Job(**{f"a{n}": value for n, value in enumerate(some(size))}))
        elif kind == 4:
            made.append(Bag(some(size)))
        else:
            made.append(step)
    data = pickle.dumps(made, seed % 6)
    pickled = decode(data)
    found = spans(pickled)
    pending: list[tuple[str, Any]] = [("", pickled.root)]
    looked = 0
    while pending and looked < 2_000:
        path, value = pending.pop(chance.randrange(len(pending)))
        looked += 1
        span = found.locate(path)
        code = data[span.made_start : span.made_end]
        if type(value) in (int, str, float):
            assert cut(data, span) == value
        elif isinstance(value, list):
            assert code.lstrip(b"(")[:1] in (b"]", b"l")
        elif isinstance(value, Object):
            assert any(part in code for part in (b"\x81", b"R"))
        pending += [
            (path + child.path_part, child.value)
            for child in children(value, 0, 50)
            if not isinstance(value, Object) or child.path_part[0] in ".["
        ]


def test_deep_and_wide_pickles_take_no_longer_than_they_are_long() -> None:
    deep = b"\x80\x02" + b"]" * 100_001 + b"a" * 100_000 + b"."
    found = spans(decode(deep))
    began = time.process_time()
    path = found.path_at(50_000)
    assert len(path) == 3 * (50_000 - 2)
    assert found.locate(path).start == 50_000
    assert time.process_time() - began < 5
    wide = pickle.dumps([{"a": n} for n in range(50_000)], 4)
    found = spans(decode(wide))
    span = found.locate("[49999]['a']")
    assert cut(wide, span) == 49_999
    assert found.path_at(span.start) == "[49999]['a']"
    shared = b"\x80\x02]" + b"q\x01]h\x01ah\x01a" * 20_000 + b"."
    assert spans(decode(shared)).path_at(len(shared) - 3) != ""


def test_a_cycle_is_found_once_around() -> None:
    data = b"\x80\x02]q\x00h\x00a."
    found = spans(decode(data))
    assert found.path_at(5) == "[0]"
    again = found.locate("[0][0][0]")
    assert (again.start, again.made_start, again.is_fetched) == (5, 2, True)
