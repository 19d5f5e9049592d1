"""What the cells of the ID table say."""

from __future__ import annotations

from datetime import datetime

import pytest

from app.models.columns import COLUMNS, format_size, format_time, short_type
from app.models.states import look_of
from app.work.records import Row

ROW = Row("Job.1", "lab.jobs.Job", "NEW", "sweep", 0.0, 1_234)
TEXTS = {column.key: column.text for column in COLUMNS}
HINTS = {column.key: column.hint for column in COLUMNS}


def test_every_column_says_something_of_an_ordinary_object() -> None:
    noon = datetime(2026, 11, 1, 12, 0, 5).timestamp()  # noqa: DTZ001 -- local time is shown
    row = Row("Job.1", "lab.jobs.Job", "NEW", "sweep", noon, 1_234)
    assert {key: text(row) for key, text in TEXTS.items()} == {
        "id": "Job.1",
        "type": "Job",
        "state": "NEW",
        "name": "sweep",
        "modified": "2026-11-01 12:00:05",
        "size": "1.2 kB",
    }
    assert HINTS["type"](row) == "lab.jobs.Job"
    assert HINTS["size"](row) == "1,234 bytes"
    assert HINTS["modified"](row).startswith("2026-11-01 12:00:05 ")


def test_an_object_of_which_nothing_is_known_has_empty_cells() -> None:
    row = Row("Job.1", "", None, None, None, 0)
    assert [text(row) for key, text in TEXTS.items() if key != "id"] == [
        "unreadable", "", "", "", "0 B",
    ]  # fmt: skip
    assert "damaged" in HINTS["type"](row)


def test_nothing_in_a_cell_can_hide_or_reverse_text() -> None:
    row = Row("a\u202eb\n", "x.y\u202e", "N\x1b[1m", "n\x00\ud800", None, 1)
    for text in (*TEXTS.values(), *HINTS.values()):
        assert text(row).isprintable()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (9_949, "9.9 kB"), (9_950, "10 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"),
        (10**9, "1.0 GB"), (10**12, "1.0 TB"), (10**15, "1000.0 TB"),
    ],
)  # fmt: skip
def test_sizes_have_two_or_three_figures(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize("seconds", [None, 1e300, float("nan"), float("inf")])
def test_a_time_that_is_none_is_empty(seconds: float | None) -> None:
    assert format_time(seconds) == ""


def test_classes_are_shown_without_their_module() -> None:
    assert [short_type(t) for t in ("a.b.C", "dict", "")] == ["C", "dict", ""]


def test_each_state_of_gc3pie_has_a_look_of_its_own() -> None:
    states = ["NEW", "SUBMITTED", "RUNNING", "STOPPED", "TERMINATING", "TERMINATED", "UNKNOWN"]
    looks = [look_of(state) for state in states]
    assert len({look.shape for look in looks}) == len(states)


def test_states_that_mean_the_same_look_the_same_in_any_spelling() -> None:
    assert look_of("in progress") == look_of("IN-PROGRESS") == look_of("RUNNING")
    assert look_of("canceled") == look_of("CANCELLED")
    assert look_of("") == look_of("anything else")
