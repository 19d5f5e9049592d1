"""The tree model: lines, chunks, references, cycles, errors, changes, under the model tester."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.models.object_tree import ObjectTreeModel
from app.models.roles import (
    ACCESSIBLE_ROLE,
    ADDRESS_ROLE,
    COLOUR_ROLE,
    ID_ROLE,
    LOOK_ROLE,
    NODE_ROLE,
    TARGET_ROLE,
    TOOLTIP_ROLE,
)
from app.models.tree_node import chunk_ranges
from app.work.session import StoreSession
from persistence import DecodeError, Edit, FilesystemStore, ObjectNotFound
from persistence.testing import Node

TIMEOUT = 60_000
Open = Callable[..., StoreSession]


@pytest.fixture
def model(qtbot: QtBot) -> ObjectTreeModel:
    model = ObjectTreeModel()
    model.tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    yield model
    model.set_session(None)


@pytest.fixture
def plain_model(qtbot: QtBot) -> ObjectTreeModel:
    """A model without the tester, which reads and expands every row at each signal."""
    model = ObjectTreeModel()
    yield model
    model.set_session(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def write(path: Path, objects: dict[str, Any]) -> None:
    with FilesystemStore(path) as store:
        store.apply([Edit(id_, pickle.dumps(value)) for id_, value in objects.items()])


def save(path: Path, *objs: Any) -> list[str]:
    with FilesystemStore(path) as store:
        return store.save_many(objs)


class Tree:
    """A model as a user sees it in a view that is told to expand rows."""

    def __init__(self, model: ObjectTreeModel, qtbot: QtBot) -> None:
        self.model = model
        self.qtbot = qtbot

    def show(self, session: StoreSession, id_: str) -> QModelIndex:
        if self.model._session is not session:
            self.model.set_session(session)
        with self.qtbot.waitSignal(self.model.shown, timeout=TIMEOUT) as shown:
            self.model.show(id_)
        assert shown.args == [id_]
        return self.top

    @property
    def top(self) -> QModelIndex:
        return self.model.index(0, 0)

    def expand(self, index: QModelIndex) -> None:
        assert self.model.hasChildren(index)
        if self.model.canFetchMore(index):
            self.model.fetchMore(index)
        self.until(lambda: self.names(index) and self.names(index) != ["Loading…"])

    def until(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=TIMEOUT)

    def names(self, parent: QModelIndex) -> list[str]:
        return [self.model.index(n, 0, parent).data() for n in range(self.model.rowCount(parent))]

    def child(self, parent: QModelIndex, name: str) -> QModelIndex:
        return self.model.index(self.names(parent).index(name), 0, parent)

    def down(self, *names: str) -> QModelIndex:
        index = self.top
        for name in names:
            if not self.names(index):
                self.expand(index)
            index = self.child(index, name)
        return index

    def value(self, index: QModelIndex) -> str:
        return str(index.siblingAtColumn(1).data())


@pytest.fixture
def tree(model: ObjectTreeModel, qtbot: QtBot) -> Tree:
    return Tree(model, qtbot)


@pytest.fixture
def plain_tree(plain_model: ObjectTreeModel, qtbot: QtBot) -> Tree:
    return Tree(plain_model, qtbot)


def test_an_object_stands_at_the_top_with_its_first_level(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, {"Job.1": {"state": "NEW", "steps": [1, {"deep": (2,)}]}})
    top = tree.show(open_session(folder), "Job.1")
    model = tree.model
    assert model.rowCount() == 1
    assert top.data() == "Job.1"
    assert top.data(LOOK_ROLE) is None
    assert top.siblingAtColumn(1).data(LOOK_ROLE).shape == "ring"
    assert tree.names(top) == ["state", "steps"]
    assert not model.canFetchMore(top)
    assert not model.hasChildren(tree.child(top, "state"))
    steps = tree.child(top, "steps")
    tree.expand(steps)
    assert tree.names(steps) == ["[0]", "[1]"]
    deep = tree.down("steps", "[1]", "deep", "[0]")
    assert tree.value(deep) == "2"
    assert deep.data(ADDRESS_ROLE) == "['steps'][1]['deep'][0]"
    assert deep.data(TOOLTIP_ROLE) == "['steps'][1]['deep'][0]"
    assert model.object_of(deep) == ("Job.1", (1, 1, 0, 0))
    assert model.address_of(deep) == (1, 1, 0, 0)
    assert model.index_of((1, 1, 0, 0)) == deep
    assert not model.index_of((1, 1, 7)).isValid()
    assert [model.headerData(n, Qt.Orientation.Horizontal) for n in range(3)] == [
        "Name",
        "Value",
        "Type",
    ]


def test_references_expand_in_place_to_the_object_that_they_name(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    child = Node("child", state="RUNNING")
    child.parameters = {"a": [1, 2]}
    (parent_id,) = save(folder, Node("parent", child))
    child_id = str(child.persistent_id)
    tree.show(open_session(folder), parent_id)
    reference = tree.down("children", "[0]")
    node = reference.data(NODE_ROLE)
    assert (node.kind, node.target, node.state) == ("reference", child_id, "RUNNING")
    assert reference.data(TARGET_ROLE) == child_id
    assert reference.siblingAtColumn(2).data() == "Node"
    assert reference.siblingAtColumn(1).data(LOOK_ROLE).shape == "disc"
    assert "refers to" in reference.siblingAtColumn(1).data(ACCESSIBLE_ROLE)
    assert reference.data(ID_ROLE) == parent_id
    inner = tree.down("children", "[0]", "parameters", "a", "[1]")
    assert tree.value(inner) == "2"
    assert inner.data(ID_ROLE) == child_id
    id_, path = tree.model.object_of(inner)
    assert id_ == child_id
    assert inner.data(ADDRESS_ROLE) == "children[0].parameters['a'][1]"
    assert tree.model.index_of(tree.model.address_of(inner)) == inner
    assert len(path) == 3


def test_cycles_through_references_and_inside_objects_are_marked_and_stop(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    parent, child = Node("parent"), Node("child")
    parent.children, child.children = [child], [parent]
    parent.me = parent
    loop: list[Any] = []
    loop.append(loop)
    parent.loop = loop
    (parent_id,) = save(folder, parent)
    tree.show(open_session(folder), parent_id)
    for place in (("children", "[0]", "children", "[0]"), ("me",), ("loop", "[0]")):
        index = tree.down(*place)
        assert "cycle" in index.data(NODE_ROLE).marks, place
        assert not tree.model.hasChildren(index)
        assert not tree.model.canFetchMore(index)
        assert index.flags() & Qt.ItemFlag.ItemNeverHasChildren


def test_a_dangling_reference_is_red_and_says_so(
    tree: Tree, gc3pie: Callable[[str], Path], open_session: Open, answer: Callable[[Any], Any]
) -> None:
    session = open_session(gc3pie("python3.7/jobs-dir"))
    (parent,) = answer(session.referrers("Application.64"))
    tree.show(session, parent.id)
    tasks = tree.down("tasks")
    tree.expand(tasks)
    indexes = [tree.model.index(n, 0, tasks) for n in range(tree.model.rowCount(tasks))]
    (dangling,) = [i for i in indexes if i.data(TARGET_ROLE) == "Application.64"]
    value = dangling.siblingAtColumn(1)
    assert "dangling" in dangling.data(NODE_ROLE).marks
    assert value.data(COLOUR_ROLE) == "red"
    assert "missing" in value.data(ACCESSIBLE_ROLE)
    assert dangling.siblingAtColumn(2).data() == "reference"
    assert not tree.model.hasChildren(dangling)


def test_long_containers_come_in_chunks(plain_tree: Tree, folder: Path, open_session: Open) -> None:
    write(folder, {"Long.1": {"items": list(range(2_500))}, "Long.2": list(range(1_001))})
    tree = plain_tree
    session = open_session(folder)
    tree.show(session, "Long.1")
    items = tree.down("items")
    tree.expand(items)
    assert tree.names(items) == ["[0 … 999]", "[1,000 … 1,999]", "[2,000 … 2,499]"]
    chunk = tree.child(items, "[2,000 … 2,499]")
    assert chunk.data(NODE_ROLE) is None
    assert tree.model.object_of(chunk) is None
    tree.expand(chunk)
    tree.until(lambda: tree.model.rowCount(chunk) == 500)
    last = tree.model.index(499, 0, chunk)
    assert tree.value(last) == "2499"
    assert tree.model.address_of(last) == (0, 2_499)
    assert tree.model.index_of((0, 2_499)) == last
    top = tree.show(session, "Long.2")
    assert tree.names(top) == ["[0 … 999]", "[1,000 … 1,000]"]


@pytest.mark.parametrize("count", [1, 1_000, 1_001, 999_999, 1_000_000, 1_000_001, 10**9, 10**12])
def test_chunks_cover_everything_and_are_never_too_many(count: int) -> None:
    ranges = list(chunk_ranges(0, count))
    assert len(ranges) <= 1_000
    assert ranges[0][0] == 0
    assert sum(span for _, span in ranges) == count
    assert all(a + span == b for (a, span), (b, _) in pairwise(ranges))


def test_a_line_far_down_is_revealed_through_chunks_and_references(
    plain_tree: Tree, folder: Path, open_session: Open
) -> None:
    tree = plain_tree
    child = Node("child")
    child.items = list(range(5_000))
    (parent_id,) = save(folder, Node("parent", child))
    session = open_session(folder)
    tree.show(session, parent_id)
    target = tree.down("children", "[0]", "items")
    address = (*tree.model.address_of(target), 4_321)
    tree.model.show(parent_id)
    with tree.qtbot.waitSignal(tree.model.revealed, timeout=TIMEOUT) as revealed:
        tree.model.reveal(address)
    index = revealed.args[0]
    assert tree.value(index) == "4321"
    assert tree.model.address_of(index) == address
    with tree.qtbot.waitSignal(tree.model.revealed, timeout=TIMEOUT) as revealed:
        tree.model.reveal((*address[:2], 99))
    assert tree.model.address_of(revealed.args[0]) == address[:2]


def test_the_first_lines_come_before_the_others_and_none_counts_as_changed(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, {"Long.1": {"items": list(range(90)), "more": 1}})
    session = open_session(folder)
    changed: list[str] = []
    tree.model.value_changed.connect(lambda _, address: changed.append(address))
    tree.show(session, "Long.1")
    items = tree.down("items")
    counts: list[int] = []
    tree.model.rowsInserted.connect(lambda *_: counts.append(tree.model.rowCount(items)))
    tree.expand(items)
    tree.until(lambda: counts[-2:] == [64, 90])  # maybe after "Loading…"
    assert tree.value(tree.child(items, "[89]")) == "89"
    assert changed == []


def test_values_that_are_written_anew_are_told(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, {"Job.1": {"state": "NEW", "name": "one"}})
    session = open_session(folder)
    session.set_live(True)
    changed: list[tuple[str, str]] = []
    tree.model.value_changed.connect(lambda *change: changed.append(change))
    tree.show(session, "Job.1")
    address = tree.down("state").data(ADDRESS_ROLE)
    write(folder, {"Job.1": {"state": "DONE", "name": "one"}})
    tree.until(lambda: ("Job.1", address) in changed)
    assert tree.value(tree.down("state")) == "DONE"
    assert ("Job.1", tree.down("name").data(ADDRESS_ROLE)) not in changed


def test_an_object_that_cannot_be_shown_is_an_error_row_and_can_be_retried(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, {"Job.1": {"a": 1}})
    (folder / "Bad.1").write_bytes(b"\x80\x04]")
    session = open_session(folder)
    tree.model.set_session(session)
    with tree.qtbot.waitSignal(tree.model.failed, timeout=TIMEOUT) as failed:
        tree.model.show("Bad.1")
    assert failed.args[0] == "Bad.1"
    assert isinstance(failed.args[1], DecodeError)
    node = tree.top.data(NODE_ROLE)
    assert (node.kind, node.name) == ("error", "Bad.1")
    assert tree.top.siblingAtColumn(1).data(COLOUR_ROLE) == "red"
    write(folder, {"Bad.1": {"good": 1}})
    with tree.qtbot.waitSignal(tree.model.shown, timeout=TIMEOUT):
        tree.model.retry(tree.top)
    assert tree.names(tree.top) == ["good"]


def test_an_error_below_a_row_is_tried_again_when_it_is_expanded_again(
    plain_tree: Tree, folder: Path, open_session: Open
) -> None:
    tree = plain_tree
    child = Node("child")
    (parent_id,) = save(folder, Node("parent", child))
    child_file = folder / str(child.persistent_id)
    data = child_file.read_bytes()
    session = open_session(folder)
    tree.show(session, parent_id)
    reference = tree.down("children", "[0]")
    child_file.write_bytes(b"\x80\x04]")
    tree.expand(reference)
    error = tree.model.index(0, 0, reference)
    assert error.data(NODE_ROLE).kind == "error"
    assert "cannot be decoded" in tree.value(error)
    assert not tree.model.canFetchMore(reference), "a view would try without end"
    child_file.write_bytes(data)
    tree.model.retry(error)
    tree.until(lambda: "name" in tree.names(reference))
    child_file.write_bytes(b"\x80\x04]")
    tree.show(session, parent_id)
    session._open_store.objects.forget([str(child.persistent_id)])
    reference = tree.down("children", "[0]")
    tree.expand(reference)
    child_file.write_bytes(data)
    tree.model.on_collapsed(reference)
    tree.expand(reference)
    assert "name" in tree.names(reference)


def test_an_object_that_is_missing_fails(tree: Tree, folder: Path, open_session: Open) -> None:
    write(folder, {"Job.1": 1})
    tree.model.set_session(open_session(folder))
    with tree.qtbot.waitSignal(tree.model.failed, timeout=TIMEOUT) as failed:
        tree.model.show("Job.2")
    assert isinstance(failed.args[1], ObjectNotFound)


def test_a_changed_object_is_brought_up_to_date_and_stays_expanded(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    before = {"a": 1, "gone": 2, "deep": {"list": [1, 2, 3], "n": 1}, "last": 0}
    after = {"a": 5, "new": 7, "deep": {"list": [1, 9, 3, 4], "n": 1}, "last": 0}
    write(folder, {"Job.1": before})
    session = open_session(folder)
    tree.show(session, "Job.1")
    second = QPersistentModelIndex(tree.down("deep", "list", "[1]"))
    last = QPersistentModelIndex(tree.down("last"))
    gone = QPersistentModelIndex(tree.down("gone"))
    write(folder, {"Job.1": after})
    session.refresh()
    tree.until(lambda: tree.names(tree.down("deep", "list")) == ["[0]", "[1]", "[2]", "[3]"])
    assert tree.names(tree.top) == ["a", "new", "deep", "last"]
    assert tree.value(tree.down("a")) == "5"
    assert tree.value(QModelIndex(second)) == "9"
    assert QModelIndex(last) == tree.down("last")
    assert not gone.isValid()
    assert tree.model.object_of(QModelIndex(second)) == ("Job.1", (2, 0, 1))


def test_a_changed_object_is_brought_up_to_date_behind_references_too(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    child = Node("child")
    child.data = {"x": [1]}
    (parent_id,) = save(folder, Node("parent", child))
    session = open_session(folder)
    tree.show(session, parent_id)
    held = QPersistentModelIndex(tree.down("children", "[0]", "data", "x", "[0]"))
    child.data = {"x": [2]}
    child.state = "DONE"
    child.changed = True
    save(folder, child)
    session.refresh()
    tree.until(lambda: tree.value(QModelIndex(held)) == "2")
    reference = tree.down("children", "[0]")
    tree.until(lambda: reference.data(NODE_ROLE).state == "DONE")


def test_a_container_that_empties_and_fills_is_followed(
    plain_tree: Tree, folder: Path, open_session: Open
) -> None:
    tree = plain_tree
    write(folder, {"Job.1": {"a": [1], "b": 1}})
    session = open_session(folder)
    tree.show(session, "Job.1")
    tree.down("a", "[0]")
    write(folder, {"Job.1": {"a": [], "b": [1, 2]}})
    session.refresh()
    tree.until(lambda: not tree.model.hasChildren(tree.down("a")))
    assert tree.names(tree.down("b")) == []
    tree.expand(tree.down("b"))
    assert tree.names(tree.down("b")) == ["[0]", "[1]"]
    write(folder, {"Job.1": "plain"})
    session.refresh()
    tree.until(lambda: tree.value(tree.top) == "plain")
    assert not tree.model.hasChildren(tree.top)


def test_a_container_that_grows_long_is_shown_in_chunks_from_then_on(
    plain_tree: Tree, folder: Path, open_session: Open
) -> None:
    tree = plain_tree
    write(folder, {"Job.1": {"a": list(range(900))}})
    session = open_session(folder)
    tree.show(session, "Job.1")
    tree.down("a", "[0]")
    write(folder, {"Job.1": {"a": list(range(1_500))}})
    session.refresh()
    tree.until(lambda: tree.names(tree.down("a")) == ["[0 … 999]", "[1,000 … 1,499]"])
    tree.down("a", "[1,000 … 1,499]", "[1000]")
    write(folder, {"Job.1": {"a": [*range(1_400), *["x"] * 100]}})
    session.refresh()
    chunk = tree.down("a", "[1,000 … 1,499]")
    tree.until(lambda: tree.value(tree.model.index(450, 0, chunk)) == "x")


def test_a_removed_target_dangles_and_one_that_returns_does_not(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    child = Node("child")
    (parent_id,) = save(folder, Node("parent", child))
    child_id = str(child.persistent_id)
    data = (folder / child_id).read_bytes()
    session = open_session(folder)
    tree.show(session, parent_id)
    tree.down("children", "[0]", "name")
    with FilesystemStore(folder) as store:
        store.remove(child_id)
    session.refresh()
    tree.until(lambda: "dangling" in tree.down("children", "[0]").data(NODE_ROLE).marks)
    assert not tree.model.hasChildren(tree.down("children", "[0]"))
    with FilesystemStore(folder) as store:
        store.apply([Edit(child_id, data)])
    session.refresh()
    tree.until(lambda: tree.model.hasChildren(tree.down("children", "[0]")))
    tree.down("children", "[0]", "name")


def test_the_removal_of_the_object_shown_is_told_and_its_lines_stay(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, {"Job.1": {"a": 1}, "Job.2": 2})
    session = open_session(folder)
    tree.show(session, "Job.1")
    with FilesystemStore(folder) as store:
        store.remove("Job.1")
    with tree.qtbot.waitSignal(tree.model.removed, timeout=TIMEOUT) as removed:
        session.refresh()
    assert removed.args == ["Job.1"]
    assert tree.names(tree.top) == ["a"]


def test_another_object_frees_what_was_loaded(tree: Tree, folder: Path, open_session: Open) -> None:
    write(folder, {"Job.1": {"a": list(range(500))}, "Job.2": {"b": 1}})
    session = open_session(folder)
    tree.show(session, "Job.1")
    tree.down("a", "[0]")
    for _ in range(3):
        tree.show(session, "Job.2")
        assert len(tree.model._table) == 3
    tree.model.show(None)
    assert tree.model.rowCount() == 0
    assert tree.model.id is None


def test_only_the_last_object_asked_for_is_shown(
    tree: Tree, folder: Path, open_session: Open
) -> None:
    write(folder, {f"Job.{n}": {"n": n} for n in range(5)})
    tree.model.set_session(open_session(folder))
    shown: list[str] = []
    tree.model.shown.connect(shown.append)
    for n in range(5):
        tree.model.show(f"Job.{n}")
    tree.until(lambda: shown)
    assert shown == ["Job.4"]
    assert tree.value(tree.down("n")) == "4"


def test_lines_that_take_long_are_announced(
    plain_tree: Tree, folder: Path, open_session: Open
) -> None:
    tree = plain_tree
    write(folder, {"Job.1": {"a": {"b": 1}}})
    session = open_session(folder)
    tree.show(session, "Job.1")
    go, under_way = threading.Event(), threading.Event()
    session._open_store.inspector_lane.call(lambda: (under_way.set(), go.wait(20)))
    assert under_way.wait(5)
    row = tree.down("a")
    tree.model.fetchMore(row)
    tree.until(lambda: tree.names(row) == ["Loading…"])
    assert tree.model.index(0, 0, row).data(NODE_ROLE) is None
    tree.model.show("Job.1")
    tree.until(lambda: tree.value(tree.top) == "Loading…")
    go.set()
    tree.until(lambda: tree.names(tree.top) == ["a"])


def test_closing_the_session_empties_the_tree(tree: Tree, folder: Path, open_session: Open) -> None:
    write(folder, {"Job.1": {"a": [1]}})
    session = open_session(folder)
    tree.show(session, "Job.1")
    tree.model.fetchMore(tree.down("a"))
    session.close()
    assert tree.model.rowCount() == 0
    assert not tree.model.index(0, 0).isValid()
    assert tree.model.data(QModelIndex()) is None


def test_every_hostile_object_can_be_shown_and_expanded(
    plain_tree: Tree, tmp_path: Path, open_session: Open, looks_only: list[str]
) -> None:
    tree = plain_tree
    path = tmp_path / "hostile"
    path.mkdir()
    samples = sorted((Path(__file__).parents[2] / "data" / "hostile").glob("*.pickle"))
    for sample in samples:
        (path / sample.stem).write_bytes(sample.read_bytes())
    session = open_session(path)
    tree.model.set_session(session)
    for sample in samples:
        with tree.qtbot.waitSignal(tree.model.modelReset, timeout=TIMEOUT):
            tree.model.show(sample.stem)
        index, depth = tree.top, 0
        while tree.model.hasChildren(index) and depth < 50:
            tree.expand(index)
            index, depth = tree.model.index(0, 0, index), depth + 1
            for column in range(3):
                text = index.siblingAtColumn(column).data()
                assert text.isprintable(), (sample.stem, text)
    assert not Path("jobshelf-was-here").exists()
