"""What can be changed at a line of the tree, and what a change is called."""

from __future__ import annotations

import pickle

import pytest

from app.actions.edit import (
    Container,
    Place,
    Spot,
    label_of,
    path_after,
    place_in,
    places_text,
    record_of,
    verbs_at,
)
from app.work.records import NodeRow
from persistence.pickles.edit import Change


def row(name: str, type_: str, address: str, count: int = 0, kind: str = "value") -> NodeRow:
    return NodeRow(name, "", type_, count, (0,), kind, None, frozenset(), None, address)  # type: ignore[arg-type]


def spot(line: NodeRow, holder: Container | None = None) -> Spot:
    return Spot("Job.1", line.path, line, holder)


def test_items_of_a_list_can_be_moved_but_not_renamed() -> None:
    tags = Container("tags", "list", 3)
    middle = verbs_at(spot(row("[1]", "str", "tags[1]"), tags))
    assert middle == {"edit", "insert", "append", "delete_value", "move_up", "move_down"}
    assert "move_up" not in verbs_at(spot(row("[0]", "str", "tags[0]"), tags))
    assert "move_down" not in verbs_at(spot(row("[2]", "str", "tags[2]"), tags))


def test_numbers_as_keys_of_a_dictionary_are_no_positions() -> None:
    codes = Container("codes", "dict", 3)
    found = verbs_at(spot(row("1", "str", "codes[1]"), codes))
    assert found == {"edit", "insert", "delete_value", "rename"}


def test_attributes_can_be_renamed_and_objects_get_new_ones() -> None:
    job = Container("", "jobs.Job", 4)
    assert verbs_at(spot(row("name", "str", "name"), job)) >= {"edit", "rename", "delete_value"}
    assert job.places == (Place.ATTRIBUTE, Place.KEY, Place.POSITION)


def test_members_of_a_set_can_be_taken_out_and_arguments_cannot() -> None:
    member = verbs_at(spot(row("0", "str", "tags(0)"), Container("tags", "set", 2)))
    assert "delete_value" in member
    assert "insert" not in member
    argument = row("(0)", "int", "priority(0)")
    assert "delete_value" not in verbs_at(spot(argument, Container("priority", "a.Priority", 1)))


def test_the_object_itself_cannot_be_taken_out_of_anything() -> None:
    root = NodeRow("Job.1", "", "jobs.Job", 4, (), "object")
    assert verbs_at(spot(root)) == {"edit", "insert", "append", "reclass"}


def test_what_cannot_be_read_offers_nothing_and_what_is_computed_only_a_reason() -> None:
    assert not verbs_at(spot(row("x", "", "x", kind="error"), Container("", "a.B", 1)))
    computed = NodeRow("code", "1", "int", 0, (1,), "value", None, frozenset(("computed",)))
    found = verbs_at(spot(computed, Container("", "list", 1)))
    assert found <= {"edit", "insert", "append"}


@pytest.mark.parametrize(
    ("change", "former", "label"),
    [
        (Change("set", "a", "'y'"), "'x'", "Edit a of Job.1: 'x' → 'y'"),
        (Change("set", "a", "1", everywhere=False), "0", "Edit a of Job.1: 0 → 1 (only here)"),
        (Change("set", "", "{}"), "", "Edit Job.1: {}"),
        (Change("insert", "a['k']", "1"), "", "Insert a['k'] in Job.1: 1"),
        (Change("append", "a", "1"), "", "Append to a of Job.1: 1"),
        (Change("delete", "a[0]"), "", "Delete a[0] of Job.1"),
        (Change("rename", "a", "b"), "", "Rename a of Job.1 to b"),
        (Change("move", "a[0]", "1"), "", "Move a[0] of Job.1 to [1]"),
        (Change("refer", "next", "Job.2"), "", "Point next of Job.1 to Job.2"),
        (Change("reclass", "", "b.Job"), "", "Change class of Job.1 to b.Job"),
        (Change("reclass_all", "x", "b.Job"), "a.Job", "Change class a.Job to b.Job in Job.1"),
        (Change("rename_module", "", "b", old="a"), "", "Rename module a to b in Job.1"),
    ],
)
def test_a_change_is_called_what_it_does(change: Change, former: str, label: str) -> None:
    assert label_of(change, "Job.1", former) == label


def test_a_long_value_is_shortened_in_a_label_and_kept_on_one_line() -> None:
    label = label_of(Change("set", "log", repr("x\n" * 500)), "Job.1", "old\nline")
    assert len(label) < 120
    assert "\n" not in label


def test_the_path_that_a_value_has_afterwards_is_known() -> None:
    tags = Container("tags", "list", 3)
    item = spot(row("[1]", "str", "tags[1]"), tags)
    assert path_after(item, Change("move", "tags[1]", "2")) == "tags[2]"
    assert path_after(item, Change("append", "tags", "1")) == "tags[3]"
    assert path_after(item, Change("set", "tags[1]", "1")) == "tags[1]"
    assert path_after(item, Change("delete", "tags[1]")) == ""
    name = spot(row("name", "str", "name"), Container("", "jobs.Job", 3))
    assert path_after(name, Change("rename", "name", "odd name")) == ".('odd name')"
    key = spot(row("a", "int", "codes['a']"), Container("codes", "dict", 3))
    assert path_after(key, Change("rename", "codes['a']", "'b'")) == "codes['b']"


def test_new_values_get_a_path_in_what_they_are_put_into() -> None:
    assert place_in(Container("a.b", "list", 1), Place.POSITION, "1") == "a.b[1]"
    assert place_in(Container("", "dict", 1), Place.KEY, "'k'") == "['k']"


def test_many_places_are_counted_after_the_first_ones() -> None:
    assert places_text(("a",)) == "a"
    assert places_text(tuple("abcde")) == "a, b, c and 2 more"


def test_the_journal_gets_both_versions_and_what_the_object_was() -> None:
    before, after = pickle.dumps({"a": 1}), pickle.dumps({"a": 2})
    record = record_of("Job.1", before, after)
    assert (record.before, record.after, record.type) == (before, after, "builtins.dict")
