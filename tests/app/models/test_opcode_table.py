"""The opcode table: pages, growing, marks, damaged pickles, changes, under the model tester."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.models.opcode_table import PAGE_SIZE, OpcodeTableModel
from app.models.roles import ACCESSIBLE_ROLE, COLOUR_ROLE, MARK_ROLE, ROW_ROLE
from app.work.records import OpcodeRange
from app.work.session import StoreSession
from persistence import Edit, FilesystemStore
from persistence.pickles.opcodes import Opcode, opcodes

TIMEOUT = 60_000
Open = Callable[..., StoreSession]
LONG = pickle.dumps([str(number) for number in range(20_000)], 2)


@pytest.fixture
def model(qtbot: QtBot) -> Iterator[OpcodeTableModel]:
    model = OpcodeTableModel()
    tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Fatal, model
    )
    assert tester is not None
    yield model
    model.set_session(None)


@pytest.fixture
def plain(qtbot: QtBot) -> Iterator[OpcodeTableModel]:
    """A model without the tester, which reads every row at each signal."""
    model = OpcodeTableModel()
    yield model
    model.set_session(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def write(path: Path, **objects: bytes) -> None:
    with FilesystemStore(path) as store:
        store.apply([Edit(f"Job.{name}", data) for name, data in objects.items()])


def show(qtbot: QtBot, model: OpcodeTableModel, session: StoreSession, id_: str) -> None:
    model.set_session(session)
    model.show(id_)
    qtbot.waitUntil(lambda: model.rowCount() > 0 and model.is_complete, timeout=TIMEOUT)


def text(qtbot: QtBot, model: OpcodeTableModel, row: int, column: int) -> str:
    model.index(row, column).data()
    qtbot.waitUntil(lambda: model.row(row) is not None, timeout=TIMEOUT)
    return str(model.index(row, column).data())


def test_each_opcode_is_a_row_with_offset_argument_memo_and_explanation(
    qtbot: QtBot, model: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    data = pickle.dumps({"a": [7, "x"], "b": "x"}, 2)
    write(folder, a=data)
    show(qtbot, model, open_session(folder), "Job.a")
    expected = opcodes(data)
    assert model.rowCount() == len(expected)
    shown = [str(model.index(row, 1).data()) for row in range(model.rowCount())]
    assert [name.strip() for name in shown] == [row.name for row in expected]
    assert any(name.startswith("  ") for name in shown), "what a mark encloses is indented"
    offsets = [int(str(model.index(row, 0).data())) for row in range(model.rowCount())]
    assert offsets == [row.offset for row in expected]
    memo = [str(model.index(row, 3).data()) for row in range(model.rowCount())]
    assert "→ 0" in memo
    assert "Stores as memo 0" in {
        model.index(row, 3).data(ACCESSIBLE_ROLE) for row in range(model.rowCount())
    }
    assert str(model.index(0, 4).data()).endswith(".")


def test_a_long_pickle_is_shown_at_once_and_grows_to_its_end(
    qtbot: QtBot, plain: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    write(folder, a=LONG)
    session = open_session(folder)
    counts: list[tuple[int, bool]] = []
    plain.counted.connect(lambda count, whole: counts.append((count, whole)))
    show(qtbot, plain, session, "Job.a")
    expected = len(opcodes(LONG, 0, 10**9))
    assert counts[0] == (PAGE_SIZE, False)
    assert counts[-1] == (expected, True)
    assert len(counts) > 3, "it grew in steps"
    assert text(qtbot, plain, expected - 1, 1).strip() == "STOP"
    assert len(plain._pages) <= 64


def test_pages_that_nobody_looks_at_are_dropped(
    qtbot: QtBot, plain: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    write(folder, a=LONG)
    show(qtbot, plain, open_session(folder), "Job.a")
    for row in range(0, plain.rowCount(), PAGE_SIZE):
        text(qtbot, plain, row, 0)
    assert len(plain._pages) <= 64


def test_a_damaged_pickle_is_listed_up_to_the_break_with_the_error_as_last_row(
    qtbot: QtBot, model: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    write(folder, a=b"\x80\x04(K\x01\xffK\x02.")
    show(qtbot, model, open_session(folder), "Job.a")
    last = model.rowCount() - 1
    assert str(model.index(last, 1).data()).strip() == "(damaged)"
    assert model.index(last, 1).data(COLOUR_ROLE) == "red"
    assert "opcode" in str(model.index(last, 4).data())
    assert isinstance(model.index(last, 4).data(ROW_ROLE), Opcode)


def test_the_opcodes_of_a_value_are_marked_and_where_it_was_made_too(
    qtbot: QtBot, model: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    write(folder, a=pickle.dumps([1, 2, 3, 4, 5], 2))
    show(qtbot, model, open_session(folder), "Job.a")
    model.mark_value(OpcodeRange(5, 6, 1, 2))
    marks = [model.index(row, 0).data(MARK_ROLE) for row in range(model.rowCount())]
    assert marks[:8] == [None, "made", "made", None, None, "own", "own", None]
    assert "part of the selected value" in str(model.index(5, 1).data(ACCESSIBLE_ROLE))
    offset = model.row(3).offset if model.row(3) is not None else -1  # type: ignore[union-attr]
    model.mark_offsets([offset])
    marks = [model.index(row, 0).data(MARK_ROLE) for row in range(model.rowCount())]
    assert [row for row, mark in enumerate(marks) if mark] == [3]
    model.mark_value(None)
    assert model.index(3, 0).data(MARK_ROLE) is None


def test_a_pickle_that_is_written_again_is_read_again_in_place(
    qtbot: QtBot, plain: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    write(folder, a=LONG)
    session = open_session(folder)
    show(qtbot, plain, session, "Job.a")
    before = plain.rowCount()
    short = pickle.dumps([1, 2], 2)
    with qtbot.waitSignal(session.objects_changed, timeout=TIMEOUT):
        session.apply([Edit("Job.a", short)])
    plain.refresh()
    assert plain.rowCount() == before, "rows stay until the answer is there"
    qtbot.waitUntil(lambda: plain.rowCount() == len(opcodes(short)), timeout=TIMEOUT)


def test_what_is_under_way_is_dropped_when_another_object_is_shown(
    qtbot: QtBot, plain: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    short = pickle.dumps([1, 2], 2)
    write(folder, a=LONG, b=short)
    session = open_session(folder)
    plain.set_session(session)
    plain.show("Job.a")
    asked = plain._growing
    assert asked is not None
    plain.show("Job.b")
    assert asked.is_cancelled
    qtbot.waitUntil(lambda: plain.rowCount() == len(opcodes(short)), timeout=TIMEOUT)
    assert plain.is_complete


def test_the_table_is_empty_when_the_store_is_closed(
    qtbot: QtBot, plain: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    write(folder, a=LONG)
    session = open_session(folder)
    show(qtbot, plain, session, "Job.a")
    session.close()
    assert plain.rowCount() == 0
    assert plain.id is None


def test_an_object_that_is_not_there_fails_with_its_sentence(
    qtbot: QtBot, model: OpcodeTableModel, folder: Path, open_session: Open
) -> None:
    write(folder, a=LONG)
    model.set_session(open_session(folder))
    with qtbot.waitSignal(model.failed, timeout=TIMEOUT) as failed:
        model.show("Job.z")
    assert failed.args is not None
    assert "Job.z" in str(failed.args[0])
    assert model.rowCount() == 0
