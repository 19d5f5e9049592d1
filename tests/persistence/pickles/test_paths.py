"""Paths: read, written, resolved and completed, for every row that is shown."""

from __future__ import annotations

import pickle as pickles
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from enum import Enum
from functools import partial
from pathlib import Path as FilePath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.demo import make_demo
from persistence import make_store
from persistence.errors import DecodeError, PathError
from persistence.pickles import Object, Pickle, Reference, decode, find_references, present
from persistence.pickles.parts import Entry
from persistence.pickles.paths import Attribute, Item, Path, Special, joined, steps
from persistence.pickles.places import Place, complete, resolve
from persistence.pickles.views import View
from tests.persistence.pickles.test_gc3pie_objects import DATA, places

PROTOCOLS = range(pickles.HIGHEST_PROTOCOL + 1)
MOST_ROWS = 3_000


def rows(pickle: Pickle, most: int = MOST_ROWS) -> Iterator[tuple[str, Any]]:
    """Walk over what the tree shows: path and value of each row, the nearest first."""
    python2 = pickle.python2
    waiting = deque([((), pickle.root, (id(pickle.root),))])
    shown = 0
    while waiting and shown < most:
        parts, value, above = waiting.popleft()
        count = present.child_count(value, python2=python2)
        for first in {0, max(0, count - 20)}:
            for child in present.children(value, first, 20, python2=python2):
                shown += 1
                path = (*parts, child.path_part)
                yield joined(path), child.value
                if id(child.value) not in above and len(path) < 12:
                    waiting.append((path, child.value, (*above, id(child.value))))


def is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(other, Entry):
        return one is other.value
    if isinstance(one, View):
        return isinstance(other, View) and present.preview(one) == present.preview(other)
    # numbers that an adapter reads, each time anew
    return type(one) is type(other) and present.expression(one) == present.expression(other)


def check_every_row(pickle: Pickle, most: int = MOST_ROWS) -> int:
    count = 0
    for path, value in rows(pickle, most):
        place = resolve(pickle, path)
        assert str(place.path) == path
        assert is_same(place.value, value), path
        check_slots(place)
        count += 1
    return count


def check_slots(place: Place) -> None:
    """A stored place is where its slots say, whatever is shown there."""
    if place.slots is None:
        return
    owner = place.pickle.root
    for slot in place.slots:
        assert slot.owner is owner or slot.owner == owner
        owner = slot.get()
    assert isinstance(place.value, View) or owner is place.value


class Colour(Enum):
    RED = 1
    BLUE = 2


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Slots:
    __slots__ = ("__dict__", "left", "right")


class Items(list):  # type: ignore[type-arg]
    def __reduce_ex__(self, protocol: Any) -> Any:
        return Items, (), {"a": 1}, iter(["x", "y"]), iter([(0, "pair"), ("k", "v")])


class WithNames:
    def __new__(cls, *args: Any, **names: Any) -> WithNames:  # noqa: PYI034 — as in Python 3.10
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> Any:
        return (1, [2]), {"name": 3, "state": 4, "odd name)": 5}


class OddState:
    def __init__(self, state: Any) -> None:
        self.state = state

    def __getstate__(self) -> Any:
        return self.state

    def __setstate__(self, state: Any) -> None: ...


def everything(protocol: int) -> dict[str, Any]:
    slots = Slots()
    slots.left, slots.right, slots.more = 1, [2], "three"  # type: ignore[attr-defined]
    return {
        "plain": Plain(a=1, _b=[2], **{"odd name": 3, "": 4, "it's (odd)": 5, "ünï": 6}),
        "slots": slots if protocol >= 2 else None,  # older ones cannot
        "both": Items(),
        "names": WithNames(),
        "odd": [OddState((1, 2)), OddState({1: 2}), OddState(({"a": 1}, {2: 3})), OddState("text")],
        "sets": [{"b", "a", 3, 1.5}, frozenset({1, (2, "x")}), set(), {Colour.RED, Colour.BLUE}],
        "keys": {"a": 1, 1: 2, 2.5: 3, None: 4, False: 5, b"x": 6, ("t", 1): 7, "l" * 500: 8},
        "enums": {Colour.RED: 1, Colour.BLUE: 2, Plain: 3},
        "quotes": {"it's": 1, 'say "hi"': 2, "]": 3, "[": 4, "'\\": 5, "\n": 6, "": 7},
        "infinite": {float("inf"): 1, float("nan"): 2, -0.0: 3, (float("nan"), 1): 4, 7**300: 5},
        "nested": {((1, 2), 3): 1, frozenset({1}): 2, ("x" * 300,): 3},
        "ordered": OrderedDict(a=1, b=OrderedDict()),
        "by": defaultdict(list, {"k": [1]}),
        "counts": Counter("hello"),
        "deque": deque([1, [2]], maxlen=5),
        "partial": partial(int, "7", base=8),
        "bytes": [b"raw", bytearray(b"more")],
    }


# Reading and writing.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("a", (Attribute("a"),)),
        (".a.b", (Attribute("a"), Attribute("b"))),
        ("tasks[3]", (Attribute("tasks"), Item("3"))),
        ("[-1]", (Item("-1"),)),
        ("[ 'it''s' ]", (Item("'its'"),)),
        ('p["x"](state)', (Attribute("p"), Item("'x'"), Special("state"))),
        (".('odd name')[0]", (Attribute("odd name"), Item("0"))),
        ("d[Colour(1)]['a]b(']", (Attribute("d"), Item("Colour(1)"), Item("'a]b('"))),
        ("(key 3)(keyword 'a)b')", (Special("key 3"), Special("keyword 'a)b'"))),
    ],
)
def test_a_path_is_read_into_its_steps(text: str, expected: tuple[Any, ...]) -> None:
    path = Path.parse(text)
    assert path.steps == expected
    assert Path.parse(str(path)) == path


@pytest.mark.parametrize(
    "text", ["a..b", "a[", "a[1", "a]", "a b", "[')]", "a.", "a.(b)", ".('a'", "[(])", "1", "a['x"]
)
def test_what_is_no_path_is_told_with_its_place(text: str) -> None:
    with pytest.raises(PathError, match="leads nowhere"):
        Path.parse(text)


@given(st.text())
def test_any_text_is_a_path_that_reads_back_or_an_error(text: str) -> None:
    try:
        path = Path.parse(text)
    except PathError:
        return
    assert Path.parse(str(path)) == path


@given(st.lists(st.text()))
def test_any_names_of_attributes_read_back(names: list[str]) -> None:
    path = Path(tuple(Attribute(name) for name in names))
    assert Path.parse(str(path)) == path


def test_a_path_of_200_000_steps_is_read_and_resolved() -> None:
    root: Any = "innermost"
    for _ in range(200_000):
        root = [root]
    path = "[0]" * 200_000
    place = resolve(Pickle(root, 4, 0), path)
    assert place.value == "innermost"
    assert str(place.path) == path
    while isinstance(root, list):
        root = root.pop()


# Every row resolves.


@pytest.mark.parametrize(("version", "name"), places())
def test_every_row_of_every_gc3pie_object_resolves_to_its_value(version: str, name: str) -> None:
    table = "#table=campaign" if "table" in name else ""
    with make_store(f"{DATA / version / name}{table}", read_only=True) as store:
        checked = sum(check_every_row(store.inspect(id_), 150) for id_ in store)
    assert checked > 1_000


def test_every_row_of_the_demo_resolves_to_its_value(tmp_path: FilePath) -> None:
    uri = make_demo(tmp_path)
    with make_store(uri, read_only=True) as store:
        specimens = [s.id for s in store.summaries() if s.type.endswith("Specimens")]
        for id_ in [*specimens, *store.list()[:20]]:
            check_every_row(store.inspect(id_))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_row_of_every_form_of_pickle_resolves_to_its_value(protocol: int) -> None:
    value = everything(protocol)
    assert check_every_row(decode(pickles.dumps(value, protocol))) > 80


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_step_of_the_walk_resolves_to_its_value(protocol: int) -> None:
    pickle = decode(pickles.dumps(everything(protocol), protocol))
    waiting: list[tuple[tuple[str, ...], Any]] = [((), pickle.root)]
    seen: set[int] = set()
    while waiting:
        parts, value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        for part, inner in steps(value, pickle.python2):
            place = resolve(pickle, joined((*parts, part)))
            assert place.value is inner or isinstance(place.value, View), part
            check_slots(place)
            waiting.append(((*parts, part), inner))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
hashable = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner), max_leaves=5
)
graphs = st.recursive(
    scalars | st.sampled_from(list(Colour)),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(hashable, inner)
        | st.sets(hashable)
        | st.builds(OrderedDict, st.dictionaries(hashable, inner))
        | st.builds(deque, st.lists(inner))
        | st.builds(lambda a: Plain(**a), st.dictionaries(st.text(), inner))
        | st.builds(OddState, inner)
    ),
    max_leaves=15,
)


@settings(deadline=None)
@given(graphs, st.sampled_from(PROTOCOLS))
def test_every_row_of_any_object_resolves_to_its_value(value: Any, protocol: int) -> None:
    check_every_row(decode(pickles.dumps(value, protocol)), 300)


def test_texts_of_python_2_that_read_the_same_are_told_apart() -> None:
    data = {b"a": 1, "a": 2, "\xe9".encode(): 3, b"\xe9": 4, (b"b", 1): 5, ("b", 1): 6, "c": 7}
    pickle = Pickle(data, 2, 0, python2=True)
    assert check_every_row(pickle) >= len(data)
    assert resolve(pickle, "['c']").value == 7


def test_keys_that_were_set_twice_are_told_apart() -> None:
    ordered = decode(pickles.dumps(OrderedDict(a=1))).root
    ordered.pairs += [("b", 2), ("a", 3)]
    pickle = Pickle(ordered, 4, 0)
    assert [path for path, _ in rows(pickle)] == ["(value 0)", "['b']", "(value 2)"]
    check_every_row(pickle)
    assert resolve(pickle, "['a']").value == 3


def test_members_of_a_set_keep_their_place_in_another_process() -> None:
    forwards = decode(pickles.dumps({Colour.RED, Colour.BLUE, "x", None}))
    names = [present.preview(resolve(forwards, f"({i})").value) for i in range(4)]
    assert names == ["x", "None", "Colour(1)", "Colour(2)"]


@pytest.mark.parametrize("sample", sorted((DATA.parent / "hostile").glob("*.pickle")), ids=str)
def test_every_row_of_every_hostile_sample_resolves_to_its_value(sample: FilePath) -> None:
    try:
        pickle = decode(sample.read_bytes())
    except DecodeError:
        return
    check_every_row(pickle, 500)


def test_keys_that_cannot_be_hashed_have_their_place() -> None:
    pickle = decode(b"}(]K\x01X\x01\x00\x00\x00aK\x02u.")
    assert [path for path, _ in rows(pickle)][:2] == ["[[]]", "['a']"]
    check_every_row(pickle)
    assert resolve(pickle, "[[]](key)").value == []


# What is shown in another way than it is stored.


def gc3pie_task() -> Pickle:
    with make_store(DATA / "python3.7" / "jobs-dir", read_only=True) as store:
        return store.inspect("Application.4")


def test_a_message_of_a_history_is_where_the_pickle_has_it() -> None:
    task = gc3pie_task()
    shown = resolve(task, "execution.history[-1].message")
    stored = resolve(task, "execution.history._messages[-1][0]")
    assert shown.value is stored.value
    assert shown.slots == stored.slots
    assert shown.is_stored


def test_what_is_computed_resolves_and_is_not_stored() -> None:
    place = resolve(gc3pie_task(), "execution.returncode")
    assert isinstance(place.value, View)
    assert not place.is_stored


def test_a_path_goes_on_through_references(tmp_path: FilePath) -> None:
    with make_store(DATA / "python3.7" / "jobs-dir", read_only=True) as store:
        root = next(id_ for id_ in store if store.references(id_))
        pickle = store.inspect(root)
        place = resolve(pickle, "tasks[1].jobname", store.inspect)
        assert place.value == resolve(store.inspect(place.id), "jobname").value
        assert place.id == store.references(root)[1]
        assert complete(pickle, "tasks[1].job", store.inspect) == ["tasks[1].jobname"]
        assert complete(pickle, "tasks[1].job") == []
        with pytest.raises(PathError, match=r"is a reference to .*, which is not followed"):
            resolve(pickle, "tasks[1].jobname")


def test_references_are_found_where_their_paths_lead() -> None:
    root = {"a": [Reference.to("Job.1")], "s": (Reference.to("Job.2"),)}
    pickle = Pickle(root, 4, 0)
    for path, reference in find_references(pickle):
        assert resolve(pickle, path).value is reference


# Errors and completion.


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("jobname.x", r"jobname is 'sweep0003'.*, which has nothing in it|jobname is"),
        ("arguments[99]", r"arguments has \d items"),
        ("nothing", r"the object itself \(Application\) has no attribute nothing"),
        ("parameters['x']", r"parameters \(dict\) has no item \['x'\]"),
        ("execution.history[99].message", r"execution.history \(History\) has no item \[99\]"),
        ("tags(7)", r"tags"),
    ],
)
def test_an_error_says_which_step_fails_and_what_is_there(path: str, reason: str) -> None:
    with pytest.raises(PathError, match=reason) as caught:
        resolve(gc3pie_task(), path)
    assert caught.value.path == path


def test_paths_are_completed_step_by_step() -> None:
    task = gc3pie_task()
    assert "execution" in complete(task, "")
    assert complete(task, "EXEC") == ["execution"]
    assert complete(task, "execution.h") == ["execution.history"]
    assert complete(task, "execution.history[1") == ["execution.history[1]"]
    assert complete(task, "parameters['t") == ["parameters['temperature']"]
    assert complete(task, 'parameters["t') == ["parameters['temperature']"]
    odd = Pickle(decode(pickles.dumps(Plain(**{"odd name": [1], "ab": 2}))).root, 4, 0)
    assert complete(odd, ".('odd") == [".('odd name')"]
    assert complete(odd, ".('odd name')[") == [".('odd name')[0]"]
    assert complete(odd, "a") == ["ab"]
    assert complete(task, "nothing.x") == []
    assert complete(task, "a]b") == []
    assert len(complete(task, "", limit=3)) == 3


def test_resolving_runs_nothing(looks_only: list[str]) -> None:
    pickle = decode(b"cos\nsystem\n(S'true'\ntR.")
    assert isinstance(resolve(pickle, "").value, Object)
    assert resolve(pickle, "(0)").value == b"true"
