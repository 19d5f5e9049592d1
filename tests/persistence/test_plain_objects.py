"""What is told of an object without its pickle is what its pickle tells."""

from __future__ import annotations

import copyreg
import enum
import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence import Persistable, SqlStore
from persistence.plain_objects import digest_of_plain
from persistence.summary import digest


class Bare:
    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


class Job(Persistable):
    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        vars(self).update(attributes)


class State(enum.Enum):
    DONE = "done"


class Text(str):
    __slots__ = ()


class WithGetstate(Bare):
    def __getstate__(self) -> Any:
        return {"state": "another"}


class WithReduce(Bare):
    def __reduce__(self) -> Any:
        return Bare, (), {"state": "another"}


class WithSlots(Bare):
    __slots__ = ("name",)


class WithGetattr(Bare):
    def __getattr__(self, name: str) -> Any:
        if name == "__getstate__":
            return lambda: {"state": "another"}
        raise AttributeError(name)


class OfDict(dict[str, Any]):
    pass


class Registered(Bare):
    pass


def _another(obj: Any) -> Any:
    return Bare, (), {"state": "another"}


VALUES: list[Any] = [
    None,
    "RUNNING",
    "x" * 2000,
    "\ud800",
    b"caf\xe9",
    3,
    2.5,
    True,
    ["RUNNING"],
    {"state": "RUNNING"},
    State.DONE,
    Text("RUNNING"),
    Bare(),
    Bare(_state="inner"),
    WithGetstate(_state="inner"),
    datetime(2024, 1, 2, tzinfo=timezone.utc),
    Bare,
    len,
    Path("x"),
]
_NAMES = ["execution", "state", "status", "_state", "jobname", "name", "title", "other"]


@given(
    st.sampled_from([Bare, Job]),
    st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(VALUES)),
    st.integers(0, 5),
)
def test_it_is_what_the_pickle_says(
    make: Callable[..., Any], attributes: dict[str, Any], protocol: int
) -> None:
    obj = make(**attributes)
    found = digest_of_plain(obj, (), protocol)
    assert found is None or found == digest(pickle.dumps(obj, protocol))


@pytest.mark.parametrize("make", [Bare, Job])
def test_it_is_told_of_jobs_as_they_are(make: Callable[..., Any]) -> None:
    obj = make(name="sweep", execution=Bare(_state="RUNNING"), when=datetime.now(timezone.utc))
    found = digest_of_plain(obj, ("Job.1",), 4)
    assert found is not None
    assert (found.state, found.name, found.references) == ("RUNNING", "sweep", ("Job.1",))


def test_it_is_not_told_of_what_says_itself_how_it_is_pickled() -> None:
    own = Bare(state="NEW")
    vars(own)["__reduce_ex__"] = lambda _protocol: (Bare, (), {"state": "another"})
    with_slots = WithSlots(state="NEW")
    with_slots.name = "in a slot"
    others: list[Any] = [
        WithGetstate(state="NEW"),
        WithReduce(state="NEW"),
        WithGetattr(state="NEW"),
        OfDict(state="NEW"),
        {"state": "NEW"},
        Bare,
        "NEW",
    ]
    for obj in (own, with_slots, *others):
        assert digest_of_plain(obj, (), 4) is None, obj


def test_a_class_registered_later_is_no_longer_plain() -> None:
    obj = Registered(state="NEW")
    assert digest_of_plain(obj, (), 4) is not None
    copyreg.pickle(Registered, _another)  # type: ignore[arg-type]
    try:
        assert digest_of_plain(obj, (), 4) is None
    finally:
        del copyreg.dispatch_table[Registered]


def test_a_store_says_the_same_of_a_graph_as_its_pickles(tmp_path: Path) -> None:
    child = Job(name="child", state="NEW")
    parent = Job(name="parent", first=child, again=[child, Job(name="second")], state=State.DONE)
    with SqlStore(tmp_path / "x.db") as store:
        store.save(parent)
        for summary in store.summaries():
            told = digest(store.read(summary.id))
            assert (summary.type, summary.state, summary.name) == (
                told.type,
                told.state,
                told.name,
            )
            assert store.references(summary.id) == list(told.references)
        assert len(store) == 3
