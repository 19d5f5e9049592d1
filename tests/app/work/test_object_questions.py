"""Questions about what is inside objects, asked of a session: edits, places, opcodes, others."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.work.inspector import Bounds, Inspector
from app.work.objects import ObjectReader
from app.work.records import ComparedPlace, NodeRow
from app.work.scan import Lanes
from app.work.session import StoreSession
from app.work.task import Progress
from persistence import DecodeError, Edit, FilesystemStore, StoreError
from persistence.pickles.edit import Change
from persistence.pickles.risks import Risk
from persistence.pickles.search import Query

Answer = Callable[[Any], Any]
Open = Callable[..., StoreSession]

SHARED = [1, 2]
OBJECTS: dict[str, Any] = {
    "Job.1": {"name": "first", "state": "NEW", "codes": SHARED, "again": SHARED, "x": 1.5},
    "Job.2": {"name": "second", "state": "NEW", "codes": [1, 3], "again": [1, 2], "x": 1.5},
}
HOSTILE = b"cos\nsystem\n(S'true'\ntR."


@pytest.fixture
def session(tmp_path: Path, open_session: Open) -> StoreSession:
    path = tmp_path / "jobs"
    with FilesystemStore(path) as store:
        edits = [Edit(id_, pickle.dumps(value, 4)) for id_, value in OBJECTS.items()]
        store.apply([*edits, Edit("Job.3", HOSTILE), Edit("Job.4", b"\x80\x04(K\x01")])
    return open_session(path)


def test_a_changed_pickle_is_told_and_nothing_is_written(
    session: StoreSession, answer: Answer
) -> None:
    before, after = answer(session.changed("Job.1", Change("set", "['state']", "'DONE'")))
    assert pickle.loads(before) == OBJECTS["Job.1"]
    assert pickle.loads(after) == OBJECTS["Job.1"] | {"state": "DONE"}
    assert answer(session.read(["Job.1"])) == {"Job.1": before}
    # The object that is shown is still the one that is stored.
    assert "'NEW'" in answer(session.expression("Job.1", ()))


def test_a_change_that_cannot_be_made_says_why(session: StoreSession, answer: Answer) -> None:
    for change in (
        Change("set", "['state']", "import os"),
        Change("set", "['nothing']", "1"),
        Change("move", "['state']", "3"),
    ):
        with pytest.raises(StoreError):
            answer(session.changed("Job.1", change))


def test_what_is_shared_is_changed_everywhere_or_here_alone(
    session: StoreSession, answer: Answer
) -> None:
    change = Change("set", "['codes'][0]", "7")
    assert answer(session.seen_at("Job.1", change)) == ("['codes'][0]", "['again'][0]")
    assert answer(session.seen_at("Job.2", change)) == ("['codes'][0]",)
    _, everywhere = answer(session.changed("Job.1", change))
    assert pickle.loads(everywhere)["again"] == [7, 2]
    here = Change("set", "['codes'][0]", "7", everywhere=False)
    _, alone = answer(session.changed("Job.1", here))
    assert pickle.loads(alone)["codes"] == [7, 2]
    assert pickle.loads(alone)["again"] == [1, 2]


def test_an_editor_gets_what_can_be_typed(session: StoreSession, answer: Answer) -> None:
    rows = answer(session.children_of("Job.1", (), 0, 10))
    by_name = {row.name: row.path for row in rows}
    assert answer(session.edit_text("Job.1", by_name["state"])) == "'NEW'"
    assert answer(session.edit_text("Job.1", by_name["x"])) == "1.5"


def test_texts_are_found_with_their_places(session: StoreSession, answer: Answer) -> None:
    found = answer(session.find("Job.1", Query("new")))
    assert [(row.address, row.part, row.value) for row in found] == [("['state']", "value", "NEW")]
    rows = answer(session.children_of("Job.1", (), 0, 10))
    position = next(row.path for row in rows if row.name == "state")
    assert answer(session.positions("Job.1", "['state']")) == position
    assert answer(session.positions("Job.1", "['codes'][1]")) == (2, 1)
    assert answer(session.positions("Job.1", "['nothing']")) is None
    assert len(answer(session.find("Job.1", Query("s"), limit=1))) == 1
    with pytest.raises(StoreError):
        answer(session.find("Job.1", Query("(", is_regex=True)))


def test_what_a_pickle_would_run_is_told_and_not_run(
    session: StoreSession, answer: Answer, tmp_path: Path
) -> None:
    hostile = answer(session.safety("Job.3"))
    assert hostile.risk is Risk.DANGEROUS
    assert "os.system" in hostile.verdict
    assert answer(session.safety("Job.1")).risk is Risk.HARMLESS
    assert answer(session.safety("Job.4")).fault
    assert not (tmp_path / "jobshelf-was-here").exists()


def test_opcodes_are_listed_and_lead_to_values_and_back(
    session: StoreSession, answer: Answer
) -> None:
    count = answer(session.opcode_count("Job.1"))
    rows = answer(session.opcodes("Job.1", 0, 1_000))
    assert len(rows) == count
    assert (rows[0].name, rows[-1].name) == ("PROTO", "STOP")
    found = answer(session.opcodes_of("Job.1", "['state']"))
    assert any(row.argument == "'NEW'" for row in rows[found.first : found.last + 1])
    offset = next(row.offset for row in rows if row.argument == "'NEW'")
    assert answer(session.value_at("Job.1", offset)) == "['state']"
    assert rows[answer(session.opcode_at("Job.1", offset))].offset == offset
    # Those of a damaged pickle are listed up to where it breaks.
    assert answer(session.opcodes("Job.4", 0, 10))[-1].explanation
    with pytest.raises(DecodeError):
        answer(session.value_at("Job.4", 0))


def test_two_objects_are_compared_line_by_line(session: StoreSession, answer: Answer) -> None:
    root = answer(session.compared_root("Job.1", "Job.2"))
    assert root.changes
    page = answer(session.compared("Job.1", "Job.2", ComparedPlace(only_differences=True)))
    names = {row.name for row in page.rows}
    assert {"name", "codes"} <= names
    assert "state" not in names
    whole = answer(session.compared("Job.1", "Job.2", ComparedPlace()))
    assert whole.count == len(whole.rows) == len(OBJECTS["Job.1"])
    codes = next(row for row in whole.rows if row.name == "codes")
    inner = answer(session.compared("Job.1", "Job.2", ComparedPlace((codes.position,))))
    assert inner.count


def test_an_object_is_compared_with_a_version_that_is_not_stored(
    session: StoreSession, answer: Answer
) -> None:
    version = pickle.dumps(OBJECTS["Job.1"] | {"state": "DONE"}, 4)
    page = answer(session.compared(version, "Job.1", ComparedPlace(only_differences=True)))
    assert [(row.name, row.left.preview, row.right.preview) for row in page.rows] == [
        ("state", "DONE", "NEW")
    ]
    with pytest.raises(DecodeError):
        answer(session.compared_root("Job.1", "Job.4"))


def test_objects_too_large_to_be_kept_together_are_still_compared(
    tmp_path: Path, open_session: Open, answer: Answer
) -> None:
    path = tmp_path / "large"
    with FilesystemStore(path) as store:
        store.apply([Edit(f"Job.{n}", pickle.dumps([n, os.urandom(100_000)])) for n in (1, 2)])
    session = open_session(path, bounds=Bounds(kept=150_000))
    for _ in range(2):
        answer(session.root("Job.1"))
        assert answer(session.compared("Job.1", "Job.2", ComparedPlace())).count == 2


def test_what_has_to_be_known_before_a_change_is_of_one_version(
    session: StoreSession, answer: Answer, tmp_path: Path
) -> None:
    rows = answer(session.children_of("Job.1", (), 0, 10))
    codes = next(row for row in rows if row.name == "codes")
    change = Change("set", "['codes'][0]")
    found = answer(session.editing("Job.1", (*codes.path, 0), change))
    assert found.version == sha256(pickle.dumps(OBJECTS["Job.1"], 4)).hexdigest()
    assert found.text == "1"
    assert found.places == ("['codes'][0]", "['again'][0]")
    assert answer(session.editing("Job.1", None, Change("append", "['codes']"))).text is None
    # It is the version that is shown, also when another one is stored.
    with FilesystemStore(tmp_path / "jobs") as store:
        store.write("Job.1", pickle.dumps(OBJECTS["Job.2"], 4))
    assert answer(session.editing("Job.1", (*codes.path, 0), change)) == found
    with pytest.raises(StoreError):
        answer(session.editing("Job.1", (0,), Change("set", "['nothing']")))


def test_a_question_about_large_objects_may_take_longer_also_when_they_are_there_already(
    tmp_path: Path, open_session: Open, answer: Answer
) -> None:
    path = tmp_path / "large"
    jobs = [{"n": number, "s": str(number)} for number in range(25_000)]
    with FilesystemStore(path) as store:
        store.apply([Edit(f"Job.{n}", pickle.dumps([*jobs, n])) for n in (1, 2)])
    session = open_session(path, bounds=Bounds(seconds=0.1, seconds_per_mib=30))
    root = answer(session.compared_root("Job.1", "Job.2"))
    assert root.changes == 1


def test_an_object_written_while_it_was_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FilesystemStore(tmp_path / "jobs") as store, closing(Inspector()) as inspector:
        store.write("Job.1", pickle.dumps({"state": "NEW"}, 4))
        lanes = Lanes(
            lambda ask, _: _answered(ask(store)),
            lambda ask, _: _answered({}),
            lambda ask: ask(store),
        )
        objects = ObjectReader(lanes, inspector, keeps_summaries=False)
        answer = inspector.root

        def late_answer(*arguments: Any) -> NodeRow:
            row = answer(*arguments)
            monkeypatch.undo()
            store.write("Job.1", pickle.dumps({"state": "DONE"}, 4))
            objects.forget(["Job.1"])
            return row

        monkeypatch.setattr(inspector, "root", late_answer)
        assert objects.root("Job.1", Progress()).state == "NEW"
        assert objects.root("Job.1", Progress()).state == "DONE"


def _answered(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future
