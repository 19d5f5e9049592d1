"""What is typed into an editor, checked without the object."""

from __future__ import annotations

import pytest

from app.actions.draft import Draft
from app.work.records import NodeRow


def draft(literal: str, type_: str = "", *marks: str) -> Draft:
    row = NodeRow("x", literal, type_, 0, (0,), "value", None, frozenset(marks), None, "x")
    return Draft(row, literal)


def test_a_text_is_typed_without_quotes() -> None:
    found = draft("'it'", "str")
    assert found.text == "it"
    assert found.starts_as_text
    assert found.check("5", as_text=True).literal == "'5'"
    assert not found.check("5", as_text=True).changes_type


def test_a_text_with_invisible_characters_is_typed_as_a_literal() -> None:
    for literal in (r"'a\tb'", r"'a\x00'", r"'no\xa0break'"):
        assert not draft(literal, "str").starts_as_text


def test_texts_of_several_lines_and_long_ones_do_not_fit_in_a_cell() -> None:
    assert not draft(r"'a\nb'", "str").fits_in_cell
    assert not draft(repr("x" * 201), "str").fits_in_cell
    assert not draft(repr(list(range(100))), "list").fits_in_cell
    assert draft("[1, 2]", "list").fits_in_cell


def test_another_type_is_told_and_must_be_confirmed() -> None:
    found = draft("5", "int")
    checked = found.check("'5'", as_text=False)
    assert (checked.type, checked.changes_type) == ("str", True)
    assert found.must_confirm(checked)
    assert not found.must_confirm(found.check("6", as_text=False))
    assert not found.must_confirm(found.check("None", as_text=False))


def test_whole_numbers_stay_floats_unless_that_is_not_wanted() -> None:
    found = draft("1.5", "float")
    assert found.check("-2", as_text=False).literal == "-2.0"
    assert found.check("0x10", as_text=False).literal == "16.0"
    assert found.is_whole_in_float("-2")
    kept = found.check("2", as_text=False, keeps_float=False)
    assert (kept.literal, kept.type) == ("2", "int")
    assert found.check("9" * 400, as_text=False).problem


@pytest.mark.parametrize("typed", ["", "import os", "[1", "'a", "1 2", "f(3)"])
def test_what_is_no_value_has_a_problem(typed: str) -> None:
    assert draft("5", "int").check(typed, as_text=False).problem


def test_what_only_the_object_can_tell_is_left_to_it() -> None:
    member = draft("app.demo_jobs.Priority(9)", "app.demo_jobs.Priority")
    checked = member.check("app.demo_jobs.Priority(5)", as_text=False)
    assert not checked.problem
    assert checked.type == ""
    long = "1" + " " * 5_000 + "+"
    assert draft("5", "int").check(long, as_text=False).problem == ""


def test_moments_and_amounts_are_typed_as_calls() -> None:
    moment = draft("datetime.datetime(2024, 1, 2)", "datetime.datetime")
    assert moment.text is None
    checked = moment.check("datetime.datetime(2025, 1, 2, 3)", as_text=False)
    assert (checked.problem, checked.changes_type) == ("", False)
    assert moment.check("datetime.datetime(2025, 13, 2)", as_text=False).problem


def test_the_texts_of_python_2_keep_their_kind() -> None:
    unicode = draft("u'abc'", "unicode")
    assert unicode.text == "abc"
    assert unicode.check("x", as_text=True).literal == "u'x'"
    bytes_ = draft("'abc'", "str", "python2")
    assert bytes_.check("x", as_text=True).literal == "'x'"
    assert not bytes_.check("'x'", as_text=False).changes_type


def test_truth_values_are_offered() -> None:
    assert draft("True", "bool").choices == ("True", "False")
    assert draft("1", "int").choices == ()
