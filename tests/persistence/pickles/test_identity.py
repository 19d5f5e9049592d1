"""The same pickle under another persistent ID."""

from __future__ import annotations

import io
import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from persistence.errors import StoreError
from persistence.pickles import Reference, decode, with_identity, with_ids


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


# References, too


class _Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if isinstance(obj, Stored) else None


class Stored:
    """Stored elsewhere, under an ID."""

    def __init__(self, pid: Any) -> None:
        self.pid = pid


def dumped(obj: Any, protocol: int) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, protocol).dump(obj)
    return stream.getvalue()


def loaded(data: bytes) -> Any:
    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid: Any) -> Any:
            return ("stored", pid)

    return Unpickler(io.BytesIO(data)).load()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("new", ["Job.7", "Jöb\n7", 7, 2**62])
def test_references_lead_elsewhere_and_all_else_stays(protocol: int, new: str | int) -> None:
    shared = ["x" * 300]
    ids = ["Job.1", "Job.2"] if protocol == 0 else ["Job.1", 2]
    first, second = map(Stored, ids)
    original = job(persistent_id="Job.0", children=[first, second, first, shared], after=shared)
    data = dumped(original, protocol)

    def link(reference: Reference) -> str | int | None:
        return new if reference.id == "Job.1" else None

    changed = loaded(with_ids(decode(data), new, link))
    kept = ("stored", ids[1])
    assert changed.persistent_id == new
    assert changed.children == [("stored", new), kept, ("stored", new), shared]
    assert changed.children[3] is changed.after


def test_an_id_that_is_an_object_is_replaced_but_can_still_be_fetched() -> None:
    pid = ("Application", 42)  # GC3Pie's are objects made of such a pair
    data = dumped([Stored(pid), Stored(pid), pid], 2)
    changed = with_ids(decode(data), None, lambda _: "Job.7")
    assert loaded(changed) == [("stored", "Job.7"), ("stored", "Job.7"), pid]


def test_what_needs_no_other_ids_is_kept_byte_for_byte() -> None:
    data = dumped(job(persistent_id="Job.0", child=Stored("Job.1")), 4)
    assert with_ids(decode(data), None, lambda _: None) == data
    plain = pickle.dumps(job(name="no ID"), 4)
    assert with_ids(decode(plain), "Job.7", lambda _: 1) == plain


def test_what_is_rewritten_runs_nothing(looks_only: list[str]) -> None:
    state = b"}X\x0d\x00\x00\x00persistent_idX\x01\x00\x00\x00as"
    hostile = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R" + state + b"b."
    changed = with_ids(decode(hostile), "Job.7", lambda _: None)
    assert decode(changed).root.attributes()["persistent_id"] == "Job.7"
