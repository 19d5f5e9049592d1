"""The table model: pages, queries, rows that move, under the model tester."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.models.columns import COLUMNS
from app.models.id_table import PAGE_SIZE, IdTableModel
from app.models.roles import COLOUR_ROLE, DISPLAY_ROLE, ID_ROLE, LOOK_ROLE, ROW_ROLE
from app.work.query import FilterError
from app.work.records import RowQuery
from app.work.session import StoreSession
from persistence import Edit, FilesystemStore

TIMEOUT = 60_000
Open = Callable[..., StoreSession]
Answer = Callable[[Any], Any]


@pytest.fixture
def model(qtbot: QtBot) -> IdTableModel:
    model = IdTableModel()
    model.tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    yield model
    model.set_session(None)


@pytest.fixture
def plain_model(qtbot: QtBot) -> IdTableModel:
    """A model without the tester, which reads every row at each signal."""
    model = IdTableModel()
    yield model
    model.set_session(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "jobs"
    write(path, {f"Job.{n}": {"state": "NEW", "name": f"job {n}"} for n in range(10, 20)})
    return path


def write(path: Path, objects: dict[str, Any]) -> None:
    with FilesystemStore(path) as store:
        store.apply([Edit(id_, pickle.dumps(value)) for id_, value in objects.items()])


def table(path: Path, count: int) -> Path:
    """Make a table as GC3Pie's, with IDs from 0."""
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE store (id INTEGER NOT NULL, data BLOB, state VARCHAR(128),"
            " PRIMARY KEY (id))"
        )
        data = pickle.dumps({"name": "job"}, 2)
        db.executemany("INSERT INTO store VALUES (?, ?, 'NEW')", [(n, data) for n in range(count)])
    db.close()
    return path


def shown(model: IdTableModel, column: int = 0) -> list[str]:
    return [model.index(row, column).data() for row in range(model.rowCount())]


def show(model: IdTableModel, query: RowQuery, qtbot: QtBot) -> None:
    with qtbot.waitSignal(model.count_changed, timeout=TIMEOUT):
        model.set_query(query)


def test_all_objects_become_rows_with_all_columns(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(model.count_changed, timeout=TIMEOUT) as counted:
        model.set_session(open_session(folder))
    assert counted.args == [10]
    assert shown(model) == [f"Job.{n}" for n in range(10, 20)]
    assert model.columnCount() == len(COLUMNS)
    index = model.index(3, 2)
    assert (index.data(), index.data(ID_ROLE), index.data(ROW_ROLE).name) == (
        "NEW",
        "Job.13",
        "job 13",
    )
    assert index.data(LOOK_ROLE).shape == "ring"
    assert model.index(3, 0).data(LOOK_ROLE) is None
    assert model.headerData(0, Qt.Orientation.Horizontal) == "ID"
    assert model.index(3, 1).data(COLOUR_ROLE) is None


def test_a_store_that_is_still_being_read_is_not_said_to_be_empty(
    model: IdTableModel, tmp_path: Path, open_session: Open, qtbot: QtBot
) -> None:
    counts: list[int] = []
    model.count_changed.connect(counts.append)
    session = open_session(table(tmp_path / "jobs.db", 3_000), whole=False)
    model.set_session(session)
    qtbot.waitUntil(lambda: session.is_scanned and counts[-1:] == [3_000], timeout=TIMEOUT)
    assert 0 not in counts
    assert counts == sorted(counts)


def test_an_empty_store_has_no_rows_and_says_so(
    model: IdTableModel, tmp_path: Path, open_session: Open, qtbot: QtBot
) -> None:
    (tmp_path / "jobs").mkdir()
    with qtbot.waitSignal(model.count_changed, timeout=TIMEOUT) as counted:
        model.set_session(open_session(tmp_path / "jobs", whole=False))
    assert counted.args == [0]


def test_a_query_filters_and_sorts_and_a_broken_one_leaves_the_rows(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot
) -> None:
    model.set_session(open_session(folder))
    show(model, RowQuery("job -name:15", "name", descending=True), qtbot)
    wanted = [f"Job.{n}" for n in range(19, 9, -1) if n != 15]
    assert shown(model) == wanted
    with qtbot.waitSignal(model.failed, timeout=TIMEOUT) as failed:
        model.set_query(RowQuery('name:"'))
    assert isinstance(failed.args[0], FilterError)
    assert shown(model) == wanted
    assert not model.is_busy


def test_only_the_last_of_several_queries_is_shown(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot
) -> None:
    model.set_session(open_session(folder))
    queries: list[RowQuery] = []
    model.query_changed.connect(queries.append)
    for text in ("1", "11", "12"):
        model.set_query(RowQuery(text))
    qtbot.waitUntil(lambda: bool(queries), timeout=TIMEOUT)
    assert queries == [RowQuery("12")]
    assert shown(model) == ["Job.12"]


def test_rows_far_down_come_when_they_are_looked_at(
    plain_model: IdTableModel, tmp_path: Path, open_session: Open, qtbot: QtBot
) -> None:
    model = plain_model
    count = 10 * PAGE_SIZE + 7
    session = open_session(table(tmp_path / "jobs.db", count))
    model.set_session(session)
    qtbot.waitUntil(lambda: model.rowCount() == count, timeout=TIMEOUT)
    far = model.index(count - 1, 0)
    with qtbot.waitSignal(
        model.dataChanged, timeout=TIMEOUT, check_params_cb=lambda first, *_: first.row() > 2_000
    ):
        assert far.data() == "…"
        assert far.data(ID_ROLE) is None
        assert model.index(count - 1, 1).data() == ""
    assert far.data() == str(count - 1)
    assert model.id_at(far) == str(count - 1)
    assert model.row(5 * PAGE_SIZE) is None


def test_rows_asked_for_during_a_refresh_come_after_it(
    tmp_path: Path, plain_model: IdTableModel, open_session: Open, qtbot: QtBot
) -> None:
    session = open_session(table(tmp_path / "jobs.db", 3 * PAGE_SIZE))
    plain_model.set_session(session)
    last = 3 * PAGE_SIZE - 1
    qtbot.waitUntil(lambda: plain_model.rowCount() == last + 1, timeout=TIMEOUT)
    session.rows_changed.emit()  # the answer drops what was asked for later
    plain_model.index(last, 0).data(DISPLAY_ROLE)
    qtbot.waitUntil(lambda: plain_model.row(last) is not None, timeout=TIMEOUT)


def test_memory_is_bounded_while_all_rows_are_looked_at(
    plain_model: IdTableModel, tmp_path: Path, open_session: Open, qtbot: QtBot
) -> None:
    model = plain_model
    count = 80 * PAGE_SIZE
    model.set_session(open_session(table(tmp_path / "jobs.db", count)))
    qtbot.waitUntil(lambda: model.rowCount() == count, timeout=TIMEOUT)
    for row in range(0, count, PAGE_SIZE):
        index = model.index(row, 0)
        qtbot.waitUntil(lambda index=index: index.data() != "…", timeout=TIMEOUT)
        assert index.data() == str(row)
    assert len(model._pages) <= 64


def test_indexes_stay_with_their_objects_while_others_come_and_go(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot, answer: Answer
) -> None:
    session = open_session(folder)
    model.set_session(session)
    show(model, RowQuery(sort="id"), qtbot)
    selection = QItemSelectionModel(model)
    rows = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for row in (2, 3, 4, 9):
        selection.select(model.index(row, 0), rows)
    current = QPersistentModelIndex(model.index(3, 0))
    gone = QPersistentModelIndex(model.index(4, 0))
    write(folder, {f"Job.{n}": {"state": "RUNNING"} for n in (1, 2, 3, 13, 30)})
    with FilesystemStore(folder) as store:
        store.remove("Job.14")
    with qtbot.waitSignal(session.rows_changed, timeout=TIMEOUT):
        session.refresh()
    qtbot.waitUntil(lambda: model.rowCount() == 13 and shown(model)[0] == "Job.1", timeout=TIMEOUT)
    assert current.data() == "Job.13"
    assert current.row() == 6
    assert not gone.isValid()
    assert sorted(index.data() for index in selection.selectedRows()) == [
        "Job.12",
        "Job.13",
        "Job.19",
    ]
    assert shown(model, 2)[6] == "RUNNING"


def test_a_range_moves_as_a_whole_and_not_by_its_ends_alone(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot
) -> None:
    session = open_session(folder)
    model.set_session(session)
    show(model, RowQuery(sort="id"), qtbot)
    selection = QItemSelectionModel(model)
    selection.select(
        QItemSelection(model.index(0, 0), model.index(9, 5)),
        QItemSelectionModel.SelectionFlag.ClearAndSelect,
    )
    write(folder, {"Job.15.5": {}, "Job.9": {}})
    with FilesystemStore(folder) as store:
        store.remove("Job.12")
    with qtbot.waitSignal(session.rows_changed, timeout=TIMEOUT):
        session.refresh()
    qtbot.waitUntil(lambda: model.rowCount() == 11 and "Job.9" in shown(model), timeout=TIMEOUT)
    assert {index.data() for index in selection.selectedRows()} == {
        f"Job.{n}" for n in range(10, 20) if n != 12
    }


def test_only_rows_that_differ_are_said_to_have_changed(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot
) -> None:
    session = open_session(folder)
    model.set_session(session)
    show(model, RowQuery(sort="id"), qtbot)
    spans: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last: spans.append((first.row(), last.row())))
    write(folder, {"Job.15": {"state": "DONE"}})
    with qtbot.waitSignal(model.dataChanged, timeout=TIMEOUT):
        session.refresh()
    assert spans == [(5, 5)]


def test_rows_come_and_go_while_the_store_is_live(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot
) -> None:
    session = open_session(folder)
    session.set_live(True)
    model.set_session(session)
    show(model, RowQuery("state:NEW", "id"), qtbot)
    held = QPersistentModelIndex(model.index(9, 0))
    for n in range(10, 14):
        write(folder, {f"Job.{n}": {"state": "DONE"}, f"Job.{n - 10}": {"state": "NEW"}})
        wanted = [*range(n - 9), *range(n + 1, 20)]
        qtbot.waitUntil(
            lambda wanted=wanted: shown(model) == [f"Job.{m}" for m in wanted], timeout=TIMEOUT
        )
        assert held.data() == "Job.19"


def test_closing_the_session_empties_the_table(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot
) -> None:
    session = open_session(folder)
    model.set_session(session)
    show(model, RowQuery(), qtbot)
    session.close()
    assert model.rowCount() == 0
    model.set_session(None)
    assert model.ids([(0, 1)]) is None
    assert model.locate("Job.10") is None
    assert not model.index(0, 0).isValid()
    assert model.data(QModelIndex(), DISPLAY_ROLE) is None


def test_places_and_ids_are_asked_of_the_rows_shown(
    model: IdTableModel, folder: Path, open_session: Open, qtbot: QtBot, answer: Answer
) -> None:
    model.set_session(open_session(folder))
    show(model, RowQuery(sort="id", descending=True), qtbot)
    assert answer(model.locate("Job.18")) == 1
    assert answer(model.ids([(0, 1)])) == ["Job.19", "Job.18"]


def test_columns_of_attributes_come_and_go_under_the_validator(
    folder: Path, open_session: Open, model: IdTableModel, qtbot: QtBot
) -> None:
    write(folder, {f"Job.{n}": {"a": n, "b": -n} for n in range(4)})
    model.set_session(open_session(folder))
    first = len(COLUMNS)
    model.set_paths(["['a']", "['b']"])
    qtbot.waitUntil(lambda: "3" in shown(model, first) and "-3" in shown(model, first + 1))
    show(model, RowQuery(sort="['b']", paths=("['a']", "['b']")), qtbot)
    qtbot.waitUntil(lambda: shown(model, first)[:1] == ["3"])
    model.set_paths(["['b']"])
    assert model.columnCount() == first + 1
    qtbot.waitUntil(lambda: shown(model, first)[:1] == ["-3"])
    model.set_paths([])
    assert model.columnCount() == first
    assert model.query.sort == ""
    qtbot.waitUntil(lambda: not model.is_busy)
