from __future__ import annotations

import pickle

from app.actions.difference import difference
from persistence.store import ABSENT


def test_what_is_the_same_and_what_is_not_stands_side_by_side() -> None:
    before, after = pickle.dumps({"state": "NEW"}), pickle.dumps({"state": "RUNNING", "n": 1})
    lines = {line.name: line for line in difference(before, after).lines}
    assert lines["Type"].before == lines["Type"].after
    assert lines["Size"].before != lines["Size"].after


def test_an_object_that_is_gone_and_one_that_was_not_kept_say_so() -> None:
    lines = {line.name: line for line in difference(None, ABSENT).lines}
    assert lines["Is there"].before == "not kept"
    assert lines["Is there"].after == "no"


def test_a_damaged_pickle_is_described_by_its_error() -> None:
    lines = {line.name: line for line in difference(b"\x80\x04garbage", ABSENT).lines}
    assert "cannot be decoded" in lines["Type"].before
