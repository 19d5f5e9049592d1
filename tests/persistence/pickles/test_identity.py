"""The same pickle under another persistent ID."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from persistence.errors import StoreError
from persistence.pickles import decode, with_identity


class Slotted:
    __slots__ = ("name", "persistent_id")


class Job:
    pass


PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def job(**attributes: Any) -> Job:
    made = Job()
    made.__dict__.update(attributes)
    return made


@pytest.mark.parametrize("load", [pickle.loads, pickle._loads])  # type: ignore[attr-defined]
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("new", ["Job.7", 7, 2**62])
@pytest.mark.parametrize("former", [{}, {"persistent_id": "Job.1"}, {"persistent_id": 1, "_id": 1}])
def test_the_object_carries_the_new_id_and_is_the_same_else(
    load: Any, protocol: int, new: str | int, former: dict[str, Any]
) -> None:
    shared = ["x" * 300]
    original = job(first=shared, **former, after=shared, itself=None, table={1: shared})
    original.__dict__["itself"] = original
    changed = load(with_identity(pickle.dumps(original, protocol), new))
    assert changed.persistent_id == new
    assert hasattr(changed, "_id") == ("_id" in former)
    assert changed.itself is changed
    assert changed.first == shared
    assert changed.after is changed.first
    assert changed.table[1] is changed.first


def test_an_id_inside_another_object_stays() -> None:
    inner = SimpleNamespace(persistent_id="Inner.1")
    data = pickle.dumps(job(persistent_id="Job.1", inner=inner))
    changed = pickle.loads(with_identity(data, "Job.2"))
    assert (changed.persistent_id, changed.inner.persistent_id) == ("Job.2", "Inner.1")


def test_slots_carry_an_id_too() -> None:
    made = Slotted()
    made.name, made.persistent_id = "a", "Slotted.1"
    changed = pickle.loads(with_identity(pickle.dumps(made), "Slotted.2"))
    assert (changed.name, changed.persistent_id) == ("a", "Slotted.2")


@pytest.mark.parametrize("value", [1, "text", [1, 2], {"a": 1}, None])
def test_what_cannot_carry_an_id_is_refused(value: Any) -> None:
    with pytest.raises(StoreError):
        with_identity(pickle.dumps(value), "X.1")


def test_python_2_pickles_stay_such_that_python_2_reads_them() -> None:
    data = (
        b"\x80\x02cgc3libs\nApplication\nq\x01)\x81q\x02}q\x03(U\rpersistent_idq\x04"
        b"U\x01aq\x05U\x04nameq\x06h\x05ub."
    )
    changed = with_identity(data, "Application.9")
    decoded = decode(changed)
    assert decoded.python2
    assert decoded.protocol == 2
    assert decoded.root.attributes() == {"persistent_id": b"Application.9", "name": b"a"}
