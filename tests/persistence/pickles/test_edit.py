"""Changes to decoded objects: every verb, on every kind of owner, in one place or in all."""

from __future__ import annotations

import json
import pickle as pickles
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persistence import make_store
from persistence.errors import EditError, LiteralError, PathError
from persistence.pickles import Global, Object, Pickle, Reference, decode, present
from persistence.pickles.edit import Change, Verb, apply, holders, seen_at
from persistence.pickles.encode import encode
from persistence.pickles.places import resolve
from persistence.pickles.sharing import references_in
from tests.persistence.pickles.test_gc3pie_objects import DATA
from tests.persistence.pickles.test_paths import rows

PROTOCOLS = range(pickles.HIGHEST_PROTOCOL + 1)


class Job:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and list(vars(self).items()) == list(vars(other).items())

    __hash__ = object.__hash__

    class Inner:
        pass


class Slots:
    __slots__ = ("left", "right")


class Odd:
    def __getstate__(self) -> Any:
        return (1, [2], {"three": 3})

    def __setstate__(self, state: Any) -> None: ...


def decoded(value: Any, protocol: int = 4) -> Pickle:
    return decode(pickles.dumps(value, protocol))


def again(pickle: Pickle) -> Any:
    """Write a pickle and read it; it is the same."""
    read = decode(encode(pickle)).root
    assert present.expression(read) == present.expression(pickle.root)
    return read


# The verbs.


def test_a_change_crosses_processes_as_json() -> None:
    change = Change("insert", "jobs['é']", "'x'", everywhere=False)
    assert Change(**json.loads(json.dumps(asdict(change)))) == change


def test_a_verb_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no change called 'run'"):
        Change("run")  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("before", "verb", "path", "text", "after"),
    [
        ([1, 2], "set", "[0]", "'x'", ["x", 2]),
        ([1, 2], "set", "", "{}", {}),
        ([1, (2, (3, 4))], "set", "[1][1][0]", "5", [1, (2, (5, 4))]),
        ((1, 2), "set", "[-1]", "3", (1, 3)),
        ({"a": 1}, "set", "['a']", "2", {"a": 2}),
        ({"a": 1, 2: 3}, "set", "(key 0)", "'b'", {"b": 1, 2: 3}),
        ({(1, 2): 3}, "set", "(key 0)[1]", "4", {(1, 4): 3}),
        (Job(a=1), "set", "a", "None", Job(a=None)),
        (Job(a=Job(b=[1])), "set", "a.b[0]", "2", Job(a=Job(b=[2]))),
        (OrderedDict(a=1, b=2), "set", "['b']", "3", OrderedDict(a=1, b=3)),
        (deque([1, 2], 5), "set", "[1]", "3", deque([1, 3], 5)),
        (deque([1, 2], 5), "set", ".maxlen", "9", deque([1, 2], 9)),
        (Counter("ab"), "set", "['a']", "7", Counter(a=7, b=1)),
        (defaultdict(list, a=[1]), "set", "['a'][0]", "7", defaultdict(list, a=[7])),
        ([1, 3], "insert", "[1]", "2", [1, 2, 3]),
        ([1], "insert", "[1]", "2", [1, 2]),
        ([], "insert", "[0]", "2", [2]),
        ((1, 3), "insert", "[1]", "2", (1, 2, 3)),
        ((), "insert", "[0]", "2", (2,)),
        ([()], "append", "[0]", "2", [(2,)]),
        ({"a": 1}, "insert", "['b']", "2", {"a": 1, "b": 2}),
        (Job(a=1), "insert", "b", "2", Job(a=1, b=2)),
        (Job(a=1), "insert", ".('odd name')", "2", Job(a=1, **{"odd name": 2})),
        (Job(), "insert", "b", "2", Job(b=2)),
        (OrderedDict(a=1), "insert", "['b']", "2", OrderedDict(a=1, b=2)),
        (OrderedDict(), "insert", "['b']", "2", OrderedDict(b=2)),
        (Counter(a=1), "insert", "['b']", "2", Counter(a=1, b=2)),
        (deque(), "insert", "[0]", "1", deque([1])),
        ([1], "append", "", "2", [1, 2]),
        (deque([1]), "append", "", "2", deque([1, 2])),
        (Job(a=(1,)), "append", "a", "2", Job(a=(1, 2))),
        ({1}, "append", "", "2", {1, 2}),
        (frozenset({1}), "append", "", "2", frozenset({1, 2})),
        ({1, 2}, "delete", "(0)", "", {2}),
        ([frozenset({1, 2})], "delete", "[0](1)", "", [frozenset({1})]),
        ({1, 2}, "set", "(0)", "0", {0, 2}),
        ([1, 2, 3], "delete", "[1]", "", [1, 3]),
        ((1, 2, 3), "delete", "[1]", "", (1, 3)),
        ({"a": 1, "b": 2}, "delete", "['a']", "", {"b": 2}),
        (Job(a=1, b=2), "delete", "a", "", Job(b=2)),
        (OrderedDict(a=1, b=2), "delete", "['a']", "", OrderedDict(b=2)),
        (deque([1, 2]), "delete", "[0]", "", deque([2])),
        ({"a": 1, "b": 2}, "rename", "['a']", "'c'", {"c": 1, "b": 2}),
        ({1: 1, "b": 2}, "rename", "[1]", "(1, 2)", {(1, 2): 1, "b": 2}),
        (Job(a=1, b=2), "rename", "a", "c", Job(c=1, b=2)),
        (OrderedDict(a=1, b=2), "rename", "['a']", "'c'", OrderedDict(c=1, b=2)),
        ([1, 2, 3], "move", "[2]", "0", [3, 1, 2]),
        ([1, 2, 3], "move", "[0]", "-1", [2, 3, 1]),
        ((1, 2, 3), "move", "[0]", "1", (2, 1, 3)),
        (deque([1, 2, 3]), "move", "[2]", "1", deque([1, 3, 2])),
    ],
)
def test_a_change_gives_what_python_would_have_pickled(
    before: Any, verb: Verb, path: str, text: str, after: Any, protocol: int
) -> None:
    pickle = apply(decoded(before, protocol), Change(verb, path, text))
    assert present.expression(pickle.root) == present.expression(decoded(after, protocol).root)
    loaded = pickles.loads(encode(pickle))
    assert type(loaded) is type(after)
    assert loaded == after


def test_attributes_in_slots_and_odd_states_are_changed_where_they_are() -> None:
    slots = Slots()
    slots.left, slots.right = 1, [2]
    pickle = apply(decoded([slots, Odd()]), Change("set", "[0].left", "'x'"))
    pickle = apply(pickle, Change("set", "[1](state)[0]", "'y'"))
    pickle = apply(pickle, Change("delete", "[1](state)[2]['three']"))
    pickle = apply(pickle, Change("insert", "[0].more", "3"))
    assert [one.states[0] for one in pickle.root] == [
        ({"more": 3}, {"left": "x", "right": [2]}),
        ("y", [2], {}),
    ]


@pytest.mark.parametrize(
    ("value", "verb", "path", "text", "reason"),
    [
        ([1], "insert", "[3]", "1", "it has 1 items"),
        ([1], "insert", "['x']", "1", "it has 1 items"),
        ({"a": 1}, "insert", "['a']", "1", "there is such a key already"),
        ({"a": 1}, "append", "", "1", "dict is no list or set"),
        ({"a": 1}, "set", "(key 0)", "[]", "a key or member cannot be a list"),
        ({"a": 1, "b": 2}, "set", "(key 0)", "'b'", "there is such a key or member already"),
        ({"a": 1, "b": 2}, "rename", "['a']", "'b'", "there is such a key already"),
        ([1], "rename", "[0]", "'b'", "it has no name and no key"),
        ({"a": 1}, "move", "['a']", "0", "it is in no list"),
        ([1, 2], "move", "[0]", "2", "no index of a list of 2 items"),
        ([1, 2], "move", "[0]", "x", "no index of a list of 2 items"),
        (Job(a=1, b=2), "rename", "a", "b", "there is such an attribute already"),
        (Job(a=1), "insert", "a", "1", "there is such an attribute already"),
        (Job(a=1), "rename", "a", "", "there is no name"),
        ([1], "insert", "a", "1", "list has no attributes"),
        ([1], "delete", "", "", "this is the object itself"),
        ([1], "insert", "", "1", "this is the object itself"),
        ({1}, "append", "", "1", "it has such a member already"),
        ({"a": 1}, "delete", "(key 0)", "", "cannot be deleted without its value"),
        ([range(3)], "delete", "[0](0)", "", "set it to another value"),
        ([1], "refer", "[0]", "Job.1", "this is no reference"),
        ([1], "reclass", "[0]", "a.B", "int has no class of its own"),
        (Job(), "reclass", "", "B", "no name of a class"),
        (Job(), "reclass", "", "a.b c", "no name of a class"),
        (Odd(), "insert", "x", "1", "its state is not made of attributes"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    value: Any, verb: Verb, path: str, text: str, reason: str
) -> None:
    pickle = decoded(value)
    before = present.expression(pickle.root)
    with pytest.raises(EditError, match=reason):
        apply(pickle, Change(verb, path, text))
    assert present.expression(pickle.root) == before


def test_a_typed_key_that_can_change_is_refused() -> None:
    with pytest.raises(LiteralError, match="a key cannot be a list, which can change"):
        apply(decoded({"a": 1}), Change("rename", "['a']", "[1]"))


def test_a_wrong_path_or_value_changes_nothing() -> None:
    pickle = decoded([1])
    with pytest.raises(PathError):
        apply(pickle, Change("set", "[7]", "1"))
    with pytest.raises(LiteralError):
        apply(pickle, Change("set", "[0]", "1 +"))
    assert pickle.root == [1]


# What is shared.


def shared_graph() -> Pickle:
    grid = Job(points=[1, 2], pair=(1, 2))
    return decoded({"grid": grid, "grids": [grid, grid], "other": Job(grid=grid)})


def test_the_places_of_a_shared_value_are_told() -> None:
    pickle = shared_graph()
    assert holders(pickle, "['grid'].points[0]") == [
        "['grid'].points[0]",
        "['grids'][0].points[0]",
        "['grids'][1].points[0]",
        "['other'].grid.points[0]",
    ]
    assert holders(pickle, "['grids'][1]") == [
        "['grids'][1]",
        "['grid']",
        "['grids'][0]",
        "['other'].grid",
    ]
    assert holders(pickle, "['grids']") == ["['grids']"]
    assert len(holders(pickle, "['grid'].points", limit=2)) == 2


def test_a_change_tells_where_it_would_be_seen() -> None:
    pickle = shared_graph()
    assert len(seen_at(pickle, Change("set", "['grids'][0]", "1"))) == 4
    assert len(seen_at(pickle, Change("delete", "['grids'][0]"))) == 1
    assert len(seen_at(pickle, Change("delete", "['grid'].points[0]"))) == 4
    assert len(seen_at(pickle, Change("append", "['grid'].points", "1"))) == 4
    assert len(seen_at(pickle, Change("insert", "['grid'].points[0]", "1"))) == 4
    assert len(seen_at(pickle, Change("insert", "['new']", "1"))) == 1
    assert seen_at(pickle, Change("reclass_all", "['grid']", "a.B")) == []


@pytest.mark.parametrize(
    ("verb", "path", "text"),
    [
        ("set", "['grids'][1].points[0]", "'x'"),
        ("set", "['grids'][1].pair[0]", "'x'"),
        ("set", "['grids'][1]", "'x'"),
        ("append", "['grids'][1].points", "3"),
        ("append", "['grids'][1].pair", "3"),
        ("insert", "['grids'][1].new", "3"),
        ("delete", "['grids'][1].pair", ""),
        ("rename", "['grids'][1].pair", "pear"),
        ("move", "['grids'][1].points[0]", "1"),
        ("reclass", "['grids'][1]", "new.module.Grid"),
    ],
)
def test_a_shared_value_is_changed_everywhere_or_here_alone(
    verb: Verb, path: str, text: str
) -> None:
    before = present.expression(resolve(shared_graph(), "['grid']").value)
    everywhere = apply(shared_graph(), Change(verb, path, text)).root
    places = [everywhere["grid"], *everywhere["grids"], everywhere["other"].attributes()["grid"]]
    after = present.expression(places[0])
    assert after != before
    assert all(place is places[0] for place in places[1:])

    here = apply(shared_graph(), Change(verb, path, text, everywhere=False)).root
    assert here["grid"] is here["grids"][0] is here["other"].attributes()["grid"]
    assert present.expression(here["grid"]) == before
    assert present.expression(here["grids"][1]) == after


def test_a_value_that_is_shared_in_a_shared_one_is_replaced_in_both() -> None:
    points = [1]
    grid = Job(points=points)
    pickle = decoded([grid, grid, points])
    assert holders(pickle, "[1].points") == ["[1].points", "[0].points", "[2]"]
    pickle = apply(pickle, Change("set", "[1].points", "'x'"))
    assert present.expression(pickle.root).count("'x'") == 3


def test_a_copy_shares_no_attributes_with_the_first() -> None:
    pickle = apply(shared_graph(), Change("append", "['grids'][1].points", "3", everywhere=False))
    pickle = apply(pickle, Change("insert", "['grid'].new", "1"))
    assert "new" not in resolve(pickle, "['grids'][1]").value.attributes()


def test_shared_tuples_are_rebuilt_everywhere() -> None:
    pair = (1, 2)
    value = [pair, {"a": pair, (pair, 3): frozenset({pair})}, ((pair,),)]
    pickle = apply(decoded(value), Change("set", "[0][0]", "'x'"))
    new = ("x", 2)
    assert pickle.root == [new, {"a": new, (new, 3): frozenset({new})}, ((new,),)]
    assert pickle.root[0] is pickle.root[2][0][0]

    pickle = apply(decoded(value), Change("set", "[2][0][0][0]", "'x'", everywhere=False))
    assert pickle.root == [pair, {"a": pair, (pair, 3): frozenset({pair})}, ((new,),)]


# Sets are left out: a member that changes is shown at another place.
ordered = st.recursive(
    st.none() | st.integers() | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.tuples(st.text(), st.integers()), inner)
        | st.builds(OrderedDict, st.dictionaries(st.integers(), inner))
        | st.builds(deque, st.lists(inner))
        | st.builds(lambda a: Job(**a), st.dictionaries(st.text(), inner))
    ),
    max_leaves=15,
)


@settings(deadline=None)
@given(ordered, ordered, st.data())
def test_a_change_here_alone_is_seen_here_alone(one: Any, other: Any, data: st.DataObject) -> None:
    value = [one, (one, other), {"a": other, "b": [one, other]}]
    pickle = decoded(value)
    paths = [path for path, _ in rows(pickle, 200) if resolve(pickle, path).is_stored]
    path = data.draw(st.sampled_from(paths))
    if resolve(pickle, path).slots[-1].field in ("key", "pair key", "member"):  # type: ignore[index]
        return
    pickle = apply(pickle, Change("set", path, "'a mark'", everywhere=False))
    marked = [path for path, value in rows(pickle, 2_000) if value == "a mark"]
    assert marked == [path]
    again = apply(decoded(value), Change("set", path, "'a mark'"))
    everywhere = [path for path, value in rows(again, 2_000) if value == "a mark"]
    assert set(everywhere) >= set(holders(decoded(value), path)) >= {path}
    for changed in (pickle, again):
        after = decode(encode(changed))
        assert present.expression(after.root) == present.expression(changed.root)


def test_an_object_that_holds_itself_is_not_shared_for_that() -> None:
    job = Job(name="x")
    job.itself = job  # type: ignore[attr-defined]
    pickle = decoded([job])
    assert holders(pickle, "[0].name") == ["[0].name"]
    here = apply(pickle, Change("set", "[0].name", "'y'", everywhere=False)).root[0]
    assert here.attributes()["itself"] is here


def test_changing_a_cycle_at_one_path_alone_goes_round_once() -> None:
    one, other = Job(), Job()
    one.other, other.other = other, one  # type: ignore[attr-defined]
    pickle = decoded([one, other])
    assert len(holders(pickle, "[0].other")) > 1
    pickle = apply(pickle, Change("insert", "[0].name", "'x'", everywhere=False))
    assert "name" in pickle.root[0].attributes()
    assert "name" not in pickle.root[0].attributes()["other"].attributes()["other"].attributes()


def test_large_deep_and_much_shared_graphs_are_changed_in_linear_time() -> None:
    root: Any = ["innermost"]
    for _ in range(100_000):
        root = [root]
    deep = Pickle(root, 4, 0)
    path = "[0]" * 100_001
    assert holders(deep, path) == [path]
    deep = apply(deep, Change("set", path, "'new'", everywhere=False))
    assert resolve(deep, path).value == "new"
    value = deep.root
    while isinstance(value, list):
        value = value.pop()

    much: Any = (1,)
    for _ in range(60):
        much = (much, much)
    pickle = apply(Pickle([much], 4, 0), Change("set", "[0]" * 62, "2"))
    value = pickle.root[0]
    for _ in range(60):
        assert value[0] is value[1]
        value = value[0]
    assert value == (2,)


# Classes.


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_object_is_made_one_of_another_class(protocol: int) -> None:
    pickle = decoded([Job(a=1), Job(b=2)], protocol)
    pickle = apply(pickle, Change("reclass", "[0]", "new.module.Task"))
    again(pickle)
    first, second = pickle.root
    assert present.expression(first) == "new.module.Task(a=1)"
    assert present.type_name(second) == "Job"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_of_a_class_are_made_of_another(protocol: int) -> None:
    job = Job(b=2)
    pickle = decoded([Job(a=job), job, Job, Job.Inner(), {Job: (Job,)}], protocol)
    pickle = apply(pickle, Change("reclass_all", "[1]", "new.module.Task"))
    root = present.expression(again(pickle))
    assert "Job" not in root
    assert "new.module.Task(b=2), new.module.Task, new.module.Task.Inner()" in root
    assert resolve(pickle, "[0].a").value is pickle.root[1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_nested_class_is_moved(protocol: int) -> None:
    inner = Job.Inner()
    inner.itself = inner  # type: ignore[attr-defined]
    pickle = decoded([inner, Job()], protocol)
    pickle = apply(pickle, Change("reclass_all", "[0]", "new.module:Other"))
    again(pickle)
    assert present.expression(pickle.root[0]).startswith("new.module.Other(")
    assert resolve(pickle, "[0].itself").value is pickle.root[0]
    assert present.type_name(pickle.root[1]) == "Job"
    pickle = apply(decoded([inner], protocol), Change("reclass", "[0]", "a.b.C.D"))
    assert present.type_name(pickle.root[0]) in ("C.D", "D")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_module_is_renamed_in_all_classes_of_it(protocol: int) -> None:
    pickle = decoded([Job(a=1), Job.Inner(), Job, OrderedDict()], protocol)
    here = __name__
    pickle = apply(pickle, Change("rename_module", value="moved.there", old=here))
    root = present.expression(again(pickle))
    assert here not in root
    assert root == (
        "[moved.there.Job(a=1), moved.there.Job.Inner(), moved.there.Job, "
        "collections.OrderedDict()]"
    )
    pickle = apply(pickle, Change("rename_module", value="elsewhere", old="moved"))
    assert "elsewhere.there.Job(a=1)" in present.expression(pickle.root)
    with pytest.raises(EditError, match="nothing in it is of the module unknown"):
        apply(pickle, Change("rename_module", value="x", old="unknown"))


def test_names_of_python_2_are_names_of_python_3() -> None:
    pickle = decoded([{1}, ValueError("x")], 2)
    pickle = apply(pickle, Change("rename_module", value="mine", old="builtins"))
    assert [one.cls.name for one in pickle.root] == ["mine.set", "mine.ValueError"]


# References.


def test_a_reference_is_pointed_elsewhere_in_the_form_it_has() -> None:
    old, number = Reference.to("Job.1"), Reference.to(7)
    pickle = Pickle([old, number, old], 4, 0, (old, number))
    pickle = apply(pickle, Change("refer", "[1]", "8"))
    pickle = apply(pickle, Change("refer", "[2]", "Job.2", everywhere=False))
    assert [r.pid for r in pickle.root] == ["Job.1", 8, "Job.2"]
    assert [r.pid for r in pickle.references] == ["Job.1", 8, "Job.2"]
    pickle = apply(pickle, Change("append", "", "Reference('Job.3')"))
    assert [r.pid for r in pickle.references] == ["Job.1", 8, "Job.2", "Job.3"]
    pickle = apply(pickle, Change("delete", "[0]"))
    assert [r.id for r in pickle.references] == ["8", "Job.2", "Job.3"]
    with pytest.raises(EditError, match="IDs are numbers here"):
        apply(pickle, Change("refer", "[0]", "Job.9"))


@pytest.mark.parametrize("version", ["python3.7", "python2.7"])
@pytest.mark.parametrize(("name", "new"), [("jobs-dir", "Application.77"), ("jobs.db", "77")])
def test_a_reference_of_gc3pie_keeps_its_form(version: str, name: str, new: str) -> None:
    with make_store(DATA / version / name, read_only=True) as store:
        id_ = next(id_ for id_ in store if store.references(id_))
        pickle, other = store.inspect(id_), store.inspect(id_)
        assert references_in(pickle.root) == pickle.references
    old = pickle.references[1]
    pickle = apply(pickle, Change("refer", "tasks[1]", new))
    reference = pickle.references[1]
    assert reference.id == new
    assert len(pickle.references) == len(other.references)
    assert reference.pid.cls is old.pid.cls
    assert reference.pid.how == old.pid.how
    assert [type(arg) for arg in reference.pid.args] == [type(arg) for arg in old.pid.args]
    for before, after in zip(old.pid.states, reference.pid.states, strict=True):
        assert type(before) is type(after)
        assert str(after).replace("77", "") == str(before).replace(str(old.pid.args[1]), "")
    assert isinstance(reference.pid, Object)


# GC3Pie's objects, computed values, Python 2.


@pytest.mark.parametrize("version", ["python3.7", "python2.7"])
def test_a_task_of_gc3pie_is_changed(version: str) -> None:
    with make_store(DATA / version / "jobs-dir", read_only=True) as store:
        pickle = store.inspect("Application.4")
    kind = bytes if pickle.python2 else str
    changes = [
        Change("set", "execution._state", "'NEW'"),
        Change("set", "execution.history[0].message", "'begun'"),
        Change("delete", "execution.history[-1]"),
        Change("insert", "parameters['depth']", "5"),
        Change("rename", "parameters['temperature']", "'heat'"),
        Change("insert", "note", "'checked'"),
    ]
    count = len(resolve(pickle, "execution.history._messages").value)
    for change in changes:
        assert len(seen_at(pickle, change)) == 1
        pickle = apply(pickle, change)
    state = resolve(pickle, "execution._state").value
    assert type(state) is kind
    assert present.text(state, python2=pickle.python2) == "NEW"
    assert present.text(
        resolve(pickle, "execution.history[0]").value, python2=pickle.python2
    ).startswith("begun at ")
    assert len(resolve(pickle, "execution.history._messages").value) == count - 1
    assert all(type(key) is kind for key in resolve(pickle, "parameters").value)
    assert "note" in pickle.root.attributes()
    assert resolve(pickle, "parameters['heat']").value > 0
    with pytest.raises(EditError, match=r"execution\.returncode is computed"):
        apply(pickle, Change("set", "execution.returncode", "0"))


def test_an_edited_pickle_keeps_size_and_bytes_of_the_one_that_was_decoded() -> None:
    pickle = decoded([1])
    after = apply(pickle, Change("append", "", "2"))
    assert (after.size, after.data, after.protocol) == (pickle.size, pickle.data, 4)


def test_editing_runs_nothing(looks_only: list[str]) -> None:
    pickle = decode(b"cos\nsystem\n(S'true'\ntR.")
    pickle = apply(pickle, Change("set", "(0)", "'false'"))
    assert pickle.root.args == (b"false",)
    pickle = apply(pickle, Change("reclass", "", "builtins.print"))
    assert isinstance(pickle.root.cls, Global)
    with pytest.raises(LiteralError, match="no value that can be typed"):
        apply(pickle, Change("set", "(0)", "os.system('true')"))
