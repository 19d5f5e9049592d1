"""Summaries made of rows are those made of values."""

from __future__ import annotations

import pickle
from datetime import datetime, timezone

import pytest

from persistence import Summary


def test_a_row_becomes_the_summary_that_its_values_make() -> None:
    time = datetime(2024, 5, 6, 7, 8, 9, 500_000, tzinfo=timezone.utc)
    (of_row,) = Summary.of_rows([("Job.1", "m.Job", "NEW", None, 5, time.timestamp())])
    made = Summary(id="Job.1", type="m.Job", state="NEW", name=None, size=5, modified=time)
    assert of_row == made
    assert hash(of_row) == hash(made)
    assert repr(of_row) == repr(made)
    assert of_row.modified == time
    assert pickle.loads(pickle.dumps(of_row)) == made
    assert of_row != (*made[:], 1)


@pytest.mark.parametrize("seconds", [None, 1e300, float("nan"), "text"])
def test_a_time_that_makes_no_sense_is_none(seconds: object) -> None:
    (summary,) = Summary.of_rows([("1", "m.Job", None, None, 0, seconds)])
    assert summary.modified is None
