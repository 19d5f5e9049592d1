"""Whether a pickle has references."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import pytest

from persistence.errors import LoadError
from persistence.pickles.references import may_refer
from persistence.serialization import load_graph


class Target:
    pass


def with_references(targets: dict[int, Any], value: Any, protocol: int) -> bytes:
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return targets.get(id(obj))

    stream = io.BytesIO()
    Pickler(stream, protocol).dump(value)
    return stream.getvalue()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "make",
    [lambda n: f"Job.{n}", lambda n: n, lambda n: n + 300, lambda n: n + 10**6],
    ids=["text", "one byte", "two bytes", "four bytes"],
)
def test_every_pickle_of_a_pickler_that_has_references_looks_so(
    protocol: int, make: Callable[[int], Any]
) -> None:
    children = [Target() for _ in range(300)]
    targets = {id(child): make(n) for n, child in enumerate(children)}
    for child in children:
        assert may_refer(with_references(targets, {"child": child}, protocol))
    assert may_refer(with_references(targets, children, protocol))
    same = dict.fromkeys(targets, targets[id(children[0])])
    assert may_refer(with_references(same, children[-1:], protocol))


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_full_of_the_letter_does_not_look_so(protocol: int) -> None:
    assert not may_refer(pickle.dumps({"QQ": "QUEUE " * 100, "q": ["Q", "PQ"]}, protocol))


def test_a_reference_that_could_not_be_seen_is_found_when_it_is_met() -> None:
    child = Target()
    seen = with_references({id(child): "1"}, ["Q", child], 2)
    hidden = pickletools.optimize(seen)
    assert may_refer(seen)
    assert not may_refer(hidden)
    stored = {"0": hidden, "1": pickle.dumps("the child")}

    def read_many(ids: Any) -> Any:
        return ((id_, stored[id_]) for id_ in ids if id_ in stored)

    assert load_graph(["0"], read_many, str, "here")["0"] == ["Q", "the child"]
    del stored["1"]
    with pytest.raises(LoadError, match="refers to '1', which is not there"):
        load_graph(["0"], read_many, str, "here")
