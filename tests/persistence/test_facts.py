"""Facts: what of an object is searched, and how much of it at most."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.facts import LONGEST_FACTS, facts

HOSTILE = sorted((Path(__file__).parents[1] / "data" / "hostile").glob("*.pickle"))


def test_plain_values_are_found_by_their_paths() -> None:
    data = pickle.dumps({"a": 1, "b": [2.5, None, True], "c": {"d": "x"}, 7: b"bytes", "e": 2**80})
    assert facts(data) == {
        "['a']": 1,
        "['b'][0]": 2.5,
        "['b'][1]": "None",
        "['b'][2]": "True",
        "['c']['d']": "x",
        "[7]": "bytes",
        "['e']": "a very large number",
    }


def test_numbers_that_json_cannot_hold_become_text() -> None:
    assert facts(pickle.dumps([float("inf"), float("nan")])) == {"[0]": "inf", "[1]": "nan"}


def test_paths_that_no_query_could_name_are_left_out() -> None:
    assert facts(pickle.dumps({'quo"te': 1, "back\\slash": 2, "fine": 3})) == {"['fine']": 3}


def test_a_value_that_contains_itself_ends() -> None:
    circle: list[object] = [1]
    circle.append(circle)
    assert facts(pickle.dumps(circle)) == {"[0]": 1}


@given(st.lists(st.text(max_size=2_000), max_size=60))
def test_facts_of_one_object_stay_within_their_bound(texts: list[str]) -> None:
    found = facts(pickle.dumps(texts))
    total = sum(len(path) + len(str(value)) for path, value in found.items())
    assert total <= LONGEST_FACTS + 1_000  # the last one may go beyond


def test_many_items_are_not_all_visited() -> None:
    assert len(facts(pickle.dumps(list(range(100_000))))) < 1_000


def test_what_cannot_be_decoded_has_no_facts() -> None:
    assert facts(b"not a pickle") == {}


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_pickles_give_few_facts_or_none(path: Path) -> None:
    assert len(facts(path.read_bytes())) <= LONGEST_FACTS
