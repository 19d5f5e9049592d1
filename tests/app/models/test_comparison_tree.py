"""The comparison model: lines, chunks, only differences, stepping, under the model tester."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.models.comparison_cells import change_look, change_words
from app.models.comparison_tree import ComparisonTreeModel
from app.models.roles import (
    ACCESSIBLE_ROLE,
    ADDRESS_ROLE,
    COLOUR_ROLE,
    LOOK_ROLE,
    ROW_ROLE,
    TOOLTIP_ROLE,
)
from app.window.shapes import SHAPES
from app.work.objects import Side
from app.work.records import ComparedRow
from app.work.session import StoreSession
from persistence import Edit, FilesystemStore
from persistence.pickles.comparison import Cell

TIMEOUT = 60_000
Open = Callable[..., StoreSession]
TITLES = ("before", "after")


@pytest.fixture
def model(qtbot: QtBot) -> Iterator[ComparisonTreeModel]:
    model = ComparisonTreeModel()
    tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Fatal, model
    )
    assert tester is not None
    yield model
    model.clear()


@pytest.fixture
def plain(qtbot: QtBot) -> Iterator[ComparisonTreeModel]:
    """A model without the tester, which reads and expands every row at each signal."""
    model = ComparisonTreeModel()
    yield model
    model.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def write(path: Path, **objects: Any) -> None:
    with FilesystemStore(path) as store:
        store.apply([Edit(f"Job.{name}", pickle.dumps(obj)) for name, obj in objects.items()])


class Tree:
    """A model as a user sees it in a view that is told to expand rows."""

    def __init__(self, model: ComparisonTreeModel, qtbot: QtBot) -> None:
        self.model = model
        self.qtbot = qtbot

    def compare(self, session: StoreSession, left: Side, right: Side) -> QModelIndex:
        with self.qtbot.waitSignal(self.model.shown, timeout=TIMEOUT):
            self.model.compare(session, left, right, TITLES)
        self.expand(self.top)
        return self.top

    @property
    def top(self) -> QModelIndex:
        return self.model.index(0, 0)

    def expand(self, index: QModelIndex) -> None:
        if self.model.canFetchMore(index):
            self.model.fetchMore(index)
        self.qtbot.waitUntil(lambda: self.names(index) not in ([], ["Loading…"]), timeout=TIMEOUT)

    def names(self, parent: QModelIndex) -> list[str]:
        return [self.model.index(n, 0, parent).data() for n in range(self.model.rowCount(parent))]

    def down(self, *names: str) -> QModelIndex:
        index = self.top
        for name in names:
            if not self.names(index):
                self.expand(index)
            index = self.model.index(self.names(index).index(name), 0, index)
        return index

    def cells(self, *names: str) -> list[str]:
        index = self.down(*names)
        return [str(index.siblingAtColumn(column).data()) for column in range(4)]

    def step(self, index: QModelIndex, *, forward: bool = True) -> str | None:
        """Go to the next difference, and return its path on the right (or left)."""
        with self.qtbot.waitSignal(self.model.stepped, timeout=TIMEOUT) as stepped:
            self.model.step(index, forward=forward)
        assert stepped.args is not None
        self.at = stepped.args[0]
        return str(self.at.data(ADDRESS_ROLE)) if self.at.isValid() else None

    def walk(self, *, forward: bool, start: QModelIndex) -> list[str]:
        found: list[str] = []
        self.at = start
        while (path := self.step(self.at, forward=forward)) is not None:
            found.append(path)
            assert len(found) < 100
        return found


@pytest.fixture
def tree(model: ComparisonTreeModel, qtbot: QtBot) -> Tree:
    return Tree(model, qtbot)


@pytest.fixture
def plain_tree(plain: ComparisonTreeModel, qtbot: QtBot) -> Tree:
    return Tree(plain, qtbot)


LEFT = {
    "name": "first",
    "same": [1, 2],
    "codes": [1, 2, 3],
    "deep": {"a": {"x": 1, "y": 2}, "b": 5},
    "gone": (1,),
    "kind": 7,
}
RIGHT = {
    "name": "second",
    "same": [1, 2],
    "codes": [1, 9, 3],
    "deep": {"a": {"x": 1, "y": 3}, "b": 5},
    "kind": "7",
    "new": {"z": 0},
}


def test_two_objects_stand_side_by_side(tree: Tree, folder: Path, open_session: Open) -> None:
    write(folder, a=LEFT, b=RIGHT)
    tree.compare(open_session(folder), "Job.a", "Job.b")
    header = [tree.model.headerData(n, Qt.Orientation.Horizontal) for n in range(4)]
    assert header == ["Name", "before", "after", "Change"]
    assert tree.cells("name") == ["name", "first", "second", "changed"]
    assert tree.cells("kind")[3] == "int → str"
    assert tree.cells("gone")[1:] == ["1 item  (1,)", "", "removed"] or tree.cells("gone")[2] == ""
    assert tree.cells("new")[1] == ""
    assert tree.cells("new")[3] == "added"
    assert "1 change inside" in tree.cells("deep")[3]
    assert tree.cells("same")[3] == "list"
    assert tree.cells("deep", "a", "y")[1:3] == ["2", "3"]
    assert not tree.model.hasChildren(tree.down("name"))


def test_each_change_has_a_shape_and_says_itself_in_words(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, a=LEFT, b=RIGHT)
    tree.compare(open_session(folder), "Job.a", "Job.b")
    looks = {name: tree.down(name).data(LOOK_ROLE) for name in tree.names(tree.top)}
    shapes = {name: None if look is None else look.shape for name, look in looks.items()}
    assert shapes == {
        "name": "tilde",
        "same": None,
        "codes": "dot",
        "deep": "dot",
        "gone": "minus",
        "kind": "tilde",
        "new": "plus",
    }
    assert {shape for shape in shapes.values() if shape} <= set(SHAPES)
    name = tree.down("name")
    assert name.data(ACCESSIBLE_ROLE) == "Name: name"
    assert name.siblingAtColumn(3).data(ACCESSIBLE_ROLE) == "Change: changed"
    assert name.siblingAtColumn(1).data(TOOLTIP_ROLE) == "first\nstr"
    assert tree.down("new").siblingAtColumn(1).data(ACCESSIBLE_ROLE) == "Left: nothing"
    assert tree.down("same").siblingAtColumn(3).data(COLOUR_ROLE) == "muted"


@pytest.mark.parametrize(
    ("status", "is_moved", "is_slight", "shape", "words"),
    [
        ("moved", True, False, "moved", "was [3]"),
        ("changed", True, False, "tilde", "changed, was [3]"),
        ("sharing changed", False, False, "exchange", "shared with other places"),
        ("changed", False, True, None, "written in another way"),
        ("same", False, False, None, ""),
    ],
)
def test_what_happened_to_a_value_is_told(
    status: Any, is_moved: bool, is_slight: bool, shape: str | None, words: str
) -> None:
    former = "[3]" if is_moved else ""
    value = Cell("1", "int", "[0]")
    row = ComparedRow(0, "[0]", former, value, value, status, is_moved, is_slight, 0, False, False)
    look = change_look(row)
    assert (None if look is None else look.shape) == shape
    assert change_words(row) == words


def test_lines_that_are_the_same_are_left_out(tree: Tree, folder: Path, open_session: Open) -> None:
    write(folder, a=LEFT, b=RIGHT)
    tree.compare(open_session(folder), "Job.a", "Job.b")
    position = tree.model.path_of(tree.down("deep"))
    with tree.qtbot.waitSignal(tree.model.shown):
        tree.model.set_only_differences(True)
    tree.expand(tree.top)
    assert "same" not in tree.names(tree.top)
    assert tree.model.path_of(tree.down("deep")) == position
    tree.expand(tree.down("deep"))
    assert tree.names(tree.down("deep")) == ["a"]
    tree.expand(tree.down("new"))
    assert tree.names(tree.down("new")) == ["z"]


def test_steps_lead_from_one_difference_to_the_next_and_back(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, a=LEFT, b=RIGHT)
    tree.compare(open_session(folder), "Job.a", "Job.b")
    names = tree.names(tree.top)
    expected = {
        "name": "['name']",
        "codes": "['codes'][1]",
        "deep": "['deep']['a']['y']",
        "gone": "['gone']",
        "kind": "['kind']",
        "new": "['new']",
    }
    there = [expected[name] for name in names if name in expected]
    for only in (False, True):
        if only:
            with tree.qtbot.waitSignal(tree.model.shown):
                tree.model.set_only_differences(True)
        assert tree.walk(forward=True, start=tree.top) == there
        last = tree.model.index_of(tree.model.path_of(tree.down(names[-1])))
        back = tree.walk(forward=False, start=last)
        assert back == there[::-1][1:] if names[-1] in expected else there[::-1]


def test_a_difference_far_down_a_long_list_is_found_and_loaded(
    plain_tree: Tree, folder: Path, open_session: Open
) -> None:
    tree = plain_tree
    left = list(range(250_000))
    right = [*left]
    right[3] = right[123_456] = right[249_999] = -1
    write(folder, a=left, b=right)
    tree.compare(open_session(folder), "Job.a", "Job.b")
    assert tree.names(tree.top)[0] == "[0 … 999]"
    start = tree.top
    assert tree.walk(forward=True, start=start) == ["[3]", "[123456]", "[249999]"]
    assert tree.step(tree.model.index_of((249_999,)), forward=False) == "[123456]"
    # From a line in the middle that is the same.
    assert tree.step(tree.model.index_of((123_000,)), forward=True) == "[123456]"
    assert tree.step(tree.model.index_of((123_000,)), forward=False) == "[3]"
    with tree.qtbot.waitSignal(tree.model.shown):
        tree.model.set_only_differences(True)
    tree.expand(tree.top)
    assert tree.names(tree.top) == ["[3]", "[123456]", "[249999]"]


def test_many_differences_stand_in_chunks_that_steps_go_through(
    plain_tree: Tree, folder: Path, open_session: Open
) -> None:
    tree = plain_tree
    write(folder, a=[0] * 2_500, b=[1] * 2_500)
    session = open_session(folder)
    tree.compare(session, "Job.a", "Job.b")
    with tree.qtbot.waitSignal(tree.model.shown):
        tree.model.set_only_differences(True)
    tree.expand(tree.top)
    count = len(tree.names(tree.top))
    assert count in (3, 5)  # chunks, also of what is taken for removed and added
    assert tree.step(tree.top) is not None
    first = tree.at
    assert tree.step(first) is not None
    assert tree.at.row() == 1
    assert tree.at.parent() == first.parent()


def test_versions_that_are_not_stored_are_compared(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, a={"n": 1})
    tree.compare(open_session(folder), pickle.dumps({"n": 2}), "Job.a")
    assert tree.cells("n")[1:3] == ["2", "1"]


def test_equal_objects_have_no_difference_to_step_to(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, a=LEFT, b=LEFT)
    top = tree.compare(open_session(folder), "Job.a", "Job.b")
    assert tree.step(top) is None
    assert isinstance(top.data(ROW_ROLE), ComparedRow)


def test_what_cannot_be_decoded_fails_with_a_sentence(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, a=LEFT)
    session = open_session(folder)
    with tree.qtbot.waitSignal(tree.model.failed, timeout=TIMEOUT) as failed:
        tree.model.compare(session, b"\x80\x04(K\x01", "Job.a", TITLES)
    assert failed.args is not None
    assert "cannot be decoded" in str(failed.args[0])
    assert tree.model.rowCount() == 0


def test_the_tree_is_empty_when_the_store_is_closed(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, a=LEFT, b=RIGHT)
    session = open_session(folder)
    tree.compare(session, "Job.a", "Job.b")
    session.close()
    assert tree.model.rowCount() == 0
    assert tree.model.root is None
