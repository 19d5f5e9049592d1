"""A decoded object as lines: names, previews, marks, paths."""

from __future__ import annotations

import array
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.work.documents import Document
from app.work.records import NodeRow
from persistence.errors import DecodeError, StoreError
from persistence.summary import digest


def document(value: Any, protocol: int = 4) -> Document:
    return Document(pickle.dumps(value, protocol))


def below(found: Document, path: tuple[int, ...] = ()) -> dict[str, NodeRow]:
    return {row.name: row for row in found.children(path, 0, 1_000)}


def test_an_object_is_a_line_with_its_class_and_its_state() -> None:
    row = document(SimpleNamespace(state="NEW", a=1)).root()
    assert (row.kind, row.type, row.state, row.child_count) == (
        "object",
        "types.SimpleNamespace",
        "NEW",
        2,
    )


def test_lines_have_names_values_types_and_paths() -> None:
    found = document({"a": [1, {"b c": "x"}], "n": None})
    lines = below(found)
    assert lines["n"] == NodeRow("n", "None", "None", 0, (1,), "value", address="['n']")
    inner = below(found, (0, 1))["b c"]
    assert (inner.value, inner.type, inner.path) == ("x", "str", (0, 1, 0))
    assert inner.address == "['a'][1]['b c']"


def test_what_is_computed_and_what_is_below_it_is_marked() -> None:
    found = document(array.array("d", [1.5, 2.5]))
    assert ["computed" in line.marks for line in below(found).values()] == [True, True]
    run = (
        b"\x80\x02cgc3libs\nRun\n)\x81}(U\x06_stateU\x03NEWU\x09_exitcodeK\x01U\x07_signalK\x00ub."
    )
    lines = below(Document(run))
    marked = {name for name, line in lines.items() if "computed" in line.marks}
    assert marked == {"returncode"}
    assert lines["state"].address == "state"


def test_lines_come_in_slices_of_long_containers() -> None:
    found = document(list(range(5_000)))
    rows = list(found.children((), 4_990, 100))
    assert [row.value for row in rows] == [str(n) for n in range(4_990, 5_000)]
    assert rows[0].path == (4_990,)


def test_a_container_in_itself_is_marked_and_has_nothing_below() -> None:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    found = document(loop)
    again = below(found, (1,))["again"]
    assert "cycle" in again.marks
    assert again.child_count == 0
    assert list(found.children(again.path, 0, 10)) == []
    with pytest.raises(StoreError):
        list(found.children((*again.path, 0), 0, 10))


def test_what_stands_at_two_places_is_marked_shared_but_not_equal_constants() -> None:
    both = {"x": 1}
    lines = below(document({"a": both, "b": both, "c": {"x": 1}, "d": (), "e": ()}))
    assert [name for name, row in lines.items() if "shared" in row.marks] == ["a", "b"]


def test_the_object_itself_is_not_marked_shared_because_a_part_leads_back_to_it() -> None:
    job = SimpleNamespace(name="a")
    job.run = SimpleNamespace(owner=job)
    assert document(job).root().marks == frozenset()


def test_byte_strings_of_python_2_are_marked(gc3pie: Callable[[str], Path]) -> None:
    folder = gc3pie("python2.7/jobs-dir")
    data = (folder / "Application.3").read_bytes()
    lines = below(Document(data))
    assert lines["jobname"].type == "str"
    assert "python2" in lines["jobname"].marks


def test_long_previews_are_marked_shortened() -> None:
    lines = below(document({"long": "x" * 1_000, "short": "…"}))
    assert "truncated" in lines["long"].marks
    assert len(lines["long"].value) <= 200
    assert lines["short"].marks == frozenset()


def test_references_are_lines_that_name_their_object(gc3pie: Callable[[str], Path]) -> None:
    folder = gc3pie("python3.7/jobs-dir")
    data = next(folder.glob("ParallelTaskCollection.*")).read_bytes()
    found = Document(data)
    references = list(found.references())
    assert tuple(dict.fromkeys(id_ for _, id_ in references)) == digest(data).references
    tasks = below(found)["tasks"]
    lines = [row for row in found.children(tasks.path, 0, 100) if row.kind == "reference"]
    assert (lines[0].address, lines[0].target) in references
    assert lines[0].child_count == 0


def test_texts_and_expressions_are_given_in_full_up_to_a_limit() -> None:
    found = document({"a": "line\n" * 100, "b": {"x": (1, 2.5)}})
    assert found.text((0,), 1_000) == "line\n" * 100
    assert len(found.text((0,), 20)) == 20
    assert found.expression((1,)) == "{'x': (1, 2.5)}"


def test_a_place_that_is_not_there_says_so() -> None:
    found = document([1])
    for path in ((1,), (-1,), (0, 0)):
        with pytest.raises(StoreError, match="no longer there"):
            found.text(path, 10)


def test_many_places_can_be_visited_without_keeping_them_all() -> None:
    deep: Any = "end"
    for _ in range(300):
        deep = [deep]
    found = document([deep] * 3)
    for start in range(3):
        assert found.text((start, *[0] * 300), 10) == "end"
    wide = document([[n] for n in range(6_000)])
    assert [wide.text((n, 0), 10) for n in range(6_000)] == [str(n) for n in range(6_000)]


def test_a_damaged_pickle_is_refused_with_the_place() -> None:
    with pytest.raises(DecodeError) as error:
        Document(b"\x80\x04]").root()
    assert error.value.offset is not None


def test_a_long_text_is_given_and_searched_in_parts() -> None:
    found = Document(pickle.dumps(["abc" * 100_000 + "Needle" + "xyz", {"k": "needle"}]))
    assert found.text((0,), 3, 299_999) == "cN…"
    assert found.text((0,), 100, 300_000) == "Needlexyz"
    assert found.text((0,), 100, 900_000) == ""
    assert found.find_text((0,), "needle", 0) == 300_000
    assert found.find_text((0,), "abc", 299_998) == 0  # from the beginning again
    assert found.find_text((0,), "[abc]", 0) is None
    assert found.find_text((1,), "NEEDLE", 0) == found.text((1,), 100).index("needle")
