"""Adapters never raise: whatever an object of a known class holds, it has some look."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unicodedata import category

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence.errors import StoreError
from persistence.pickles import Global, MissingBuffer, Object, Reference, Result
from persistence.pickles.adapters import adapter_for, built_in_names
from persistence.pickles.present import (
    child_count,
    children,
    expression,
    preview,
    text,
    type_name,
)
from persistence.pickles.views import view

NAMES = built_in_names()
GROUPS: dict[Any, list[str]] = {}  # adapter → the classes that it shows
for _name in NAMES:
    GROUPS.setdefault(adapter_for(_name), []).append(_name)
ADAPTERS = [pytest.param(names, id=names[0]) for names in GROUPS.values()]
MAKERS = (
    "copyreg._reconstructor",
    "copyreg.__newobj__",
    "copyreg.__newobj_ex__",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
    "numpy.ma.core._mareconstruct",
    "numpy._core._internal._convert_to_stringdtype_kwargs",
    "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
    "pandas.core.indexes.base._new_Index",
    "pandas._libs.internals._unpickle_block",
    "pandas.core.internals.managers.BlockManager",
    "pandas._libs.tslibs.timestamps._unpickle_timestamp",
    "pandas._libs.tslibs.timedeltas._timedelta_unpickle",
    "pandas.CategoricalDtype",
    "pytz._p",
    "re._compile",
    "_codecs.encode",
    "array._array_reconstructor",
)
KEYS = [
    "_state",
    "_exitcode",
    "_signal",
    "_messages",
    "timestamp",
    "state_last_changed",
    "int",
    "data",
    "maps",
    "_headers",
    "_mgr",
    "_data",
    "_mask",
    "_codes",
    "_dtype",
    "categories",
    "name",
    "_name",
    "levels",
    "codes",
    "names",
    "start",
    "stop",
    "step",
    "_amount",
    "_unit",
    "_ndarray",
    "coded_value",
    "__notes__",
    "cmd",
    "returncode",
    "0.14.1",
    "axes",
    "blocks",
    "values",
    "mgr_locs",
    "unit",
    "n",
    "x",
    "execution",
    "jobname",
]

HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Categories of characters that could mislead in a line, see `persistence.pickles.texts`."""

_globals: dict[str, Any] = {}


def named(name: str) -> Any:
    if name not in _globals:
        module, _, qualname = name.rpartition(".")
        _globals[name] = Global(
            qualname, (Object,), {"__slots__": (), "module": module, "qualname": qualname}
        )
    return _globals[name]


def made(
    name: str,
    how: str,
    args: tuple[Any, ...],
    states: list[Any],
    items: list[Any],
    pairs: list[tuple[Any, Any]],
) -> Object:
    cls = named(name)
    found: Object = cls(*args) if how == "call" else Object.__new__(cls, *args)
    for state in states:
        found.__setstate__(state)
    if items:
        found.extend(list(items))
    for key, value in pairs:
        found[key] = value
    return found


def dtype(code: Any, state: tuple[Any, ...]) -> Object:
    return made("numpy.dtype", "call", (code, False, True), [state], [], [])


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-2, 12)
    | st.sampled_from([2**63, -(2**63), 2**200, -1, 10**30])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [*KEYS, "f8", "M8", "V8", "U2", "S3", "O8", "latin1", "<", ">", "d", "ns", "F"]
    )
    | st.binary(max_size=16)
    | st.binary(min_size=10, max_size=10)
    | st.builds(bytearray, st.binary(max_size=8))
    | st.builds(lambda: MissingBuffer(b""))
    | st.sampled_from(NAMES).map(named)
    | st.text(max_size=3).map(Reference.to)
)
small = st.integers(0, 3)


def dtypes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.lists(st.sampled_from("nxy"), max_size=3).map(tuple)
    fields = st.dictionaries(st.sampled_from("nxy"), st.tuples(inner, small), max_size=3)
    state = st.tuples(
        small,
        st.sampled_from("<>|"),
        st.none() | st.tuples(inner, st.tuples(small) | small),
        st.none() | names,
        st.none() | fields,
        small,
        small,
        small,
    )
    unit = st.tuples(st.none(), st.tuples(st.sampled_from([b"ns", "D", b"Y", "M", "zz"]), small))
    codes = st.sampled_from(["f8", "i4", "b1", "c8", "M8", "m8", "U1", "S2", "V8", "O8", "V0"])
    return st.builds(
        dtype, codes, state | st.tuples(state, unit).map(lambda two: (*two[0], two[1]))
    )


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    shape = st.lists(small, max_size=3).map(tuple)
    data = st.binary(max_size=64) | st.lists(inner, max_size=4)
    state = st.tuples(small, shape, dtypes(inner), st.booleans(), data)
    masked = st.tuples(
        small, shape, dtypes(inner), st.booleans(), data, st.binary(max_size=9), inner
    )
    backed = st.tuples(inner, inner) | st.tuples(inner, inner, st.just({}))
    return st.builds(
        made,
        st.sampled_from(["numpy._core.multiarray._reconstruct", "numpy.ma.core._mareconstruct",
                         "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked"]),
        st.just("call"),
        st.tuples(st.sampled_from(["numpy.ndarray", "pandas.Categorical", "numpy.ma.MaskedArray",
                                   "pandas.arrays.DatetimeArray"]).map(named)),
        st.lists(state | masked | backed, min_size=1, max_size=1),
        st.just([]),
        st.just([]),
    )  # fmt: skip


def holding(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    attributes = st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    state = (
        attributes
        | st.tuples(st.none(), attributes)
        | st.lists(inner, max_size=7).map(tuple)
        | st.lists(inner, max_size=3)
        | inner
    )
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=7).map(tuple)
        | attributes
        | dtypes(inner)
        | arrays(inner)
        | st.builds(
            made,
            st.sampled_from(NAMES + MAKERS),
            st.sampled_from(["call", "new"]),
            st.lists(inner, max_size=5).map(tuple),
            st.lists(state, max_size=2),
            st.lists(inner, max_size=2),
            st.lists(st.tuples(scalars, inner), max_size=2),
        )
    )


values = st.recursive(scalars, holding, max_leaves=8)
anything = st.fixed_dictionaries(
    {
        "how": st.sampled_from(["call", "new"]),
        "args": st.lists(values, max_size=5).map(tuple)
        | st.tuples(st.sampled_from(NAMES).map(named), values, values),
        "states": st.lists(
            st.dictionaries(st.sampled_from(KEYS), values, max_size=5)
            | st.lists(values, max_size=7).map(tuple)
            | values,
            max_size=2,
        ),
        "items": st.lists(values, max_size=3),
        "pairs": st.lists(st.tuples(scalars, values), max_size=3),
    }
)


def look_at(root: Any, python2: bool) -> None:
    """Show a value and what is below it, in every way there is."""
    pending, shown = [root], 0
    while pending and shown < 40:
        value = pending.pop()
        shown += 1
        for line in (preview(value, python2=python2), type_name(value, python2=python2)):
            assert not HIDDEN.intersection(map(category, line)), line
        text(value, 1_000, python2=python2)
        with suppress(StoreError):  # it may be long
            expression(value, 2_000, python2=python2)
        count = child_count(value, python2=python2)
        rows = children(value, 0, 4, python2=python2)
        assert len(rows) == min(count, 4)
        assert len(children(value, max(count - 1, 0), 5, python2=python2)) == min(count, 1)
        for row in rows:
            assert not HIDDEN.intersection(map(category, row.name)), row
        pending += [row.value for row in rows]


@pytest.mark.parametrize("names", ADAPTERS)
@given(st.data(), anything, st.booleans())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_object_of_a_known_class_has_a_look_whatever_is_in_it(
    names: list[str], data: st.DataObject, about: dict[str, Any], python2: bool
) -> None:
    look_at(made(data.draw(st.sampled_from(names)), **about), python2)


@given(values, st.booleans())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_graph_of_known_classes_has_a_look(value: Any, python2: bool) -> None:
    look_at(value, python2)


@pytest.fixture
def unwound() -> Iterator[None]:
    """Free deep graphs at once, not in some other test."""
    yield
    gc.collect()


@pytest.mark.parametrize("names", ADAPTERS)
@pytest.mark.usefixtures("unwound")
def test_objects_inside_each_other_a_thousand_times_have_a_look(names: list[str]) -> None:
    name = names[0]
    by_args: Any = None
    by_state: Any = None
    by_pair: Any = None
    for _ in range(2_000):
        by_args = made(name, "call", (by_args,), [], [], [])
        by_state = made(name, "new", (), [dict.fromkeys(KEYS, by_state)], [], [])
        by_pair = made(name, "new", (), [(by_pair, by_pair, by_pair)], [], [("a", by_pair)])
    for value in (by_args, by_state, by_pair):
        preview(value), type_name(value), text(value, 1_000)
        child_count(value), children(value, 0, 3)


@pytest.mark.parametrize("name", NAMES)
def test_an_object_that_holds_itself_has_a_look(name: str) -> None:
    value = made(name, "new", (), [], [], [])
    value.args = (value, value)
    value.__setstate__(dict.fromkeys(KEYS, value))
    value["a"] = value
    look_at(value, python2=False)


def test_each_name_of_the_table_has_an_adapter_that_takes_what_it_is_for() -> None:
    for name in NAMES:
        adapter = adapter_for(name)
        assert callable(adapter), name
        assert view(made(name, "new", (), [], [], [])).type, name
    assert adapter_for("campaign.Job") is None
    assert isinstance(Result.of(named(NAMES[0]), ()), Object)
