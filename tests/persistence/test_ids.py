"""IDs that are never given twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.ids import new_id, order_key


class Job:
    pass


def test_an_id_is_the_class_name_and_a_part_that_grows_with_time() -> None:
    ids = [new_id(Job()) for _ in range(10_000)]
    assert all(id_.startswith("Job.") for id_ in ids)
    assert len(set(ids)) == len(ids)
    assert sorted(ids) == ids


@pytest.mark.parametrize(
    "name", ["Con", "nul", "COM1", "a/b", "..", "<lambda>", "x" * 500, "é", "界" * 90]
)
def test_any_class_name_gives_an_id_that_can_name_a_file(name: str) -> None:
    id_ = new_id(type(name, (), {})())
    prefix = id_.split(".")[0]
    assert prefix
    assert prefix.lower() not in ("con", "nul", "com1")
    assert not set('/\\<>:"|?*') & set(id_)
    assert len(id_.encode()) <= 255 - len(".OLD")


def test_numbers_in_ids_are_ordered_as_numbers() -> None:
    ids = ["B.1", "A.10", "A.9", "10", "9", "A", "A.9x"]
    assert sorted(ids, key=order_key) == ["9", "10", "A", "A.9", "A.10", "A.9x", "B.1"]


@given(st.lists(st.text()))
def test_every_text_has_its_place_in_the_order(ids: list[str]) -> None:
    once = sorted(ids, key=order_key)
    backwards = list(reversed(once))
    assert sorted(backwards, key=order_key) == once


def test_ids_of_ours_are_ordered_by_time_whatever_digits_they_end_in() -> None:
    ids = [f"Job.{number:032x}" for number in (0x7A0F, 0x7A10, 0x7A1A, 0x9999, 0xFFFF)]
    assert sorted(ids[1:] + ids[:1], key=order_key) == ids
