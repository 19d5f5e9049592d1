"""What every job store must do, as tests that a store's author can run on a new store.

Subclass `StoreContract` (or only the capability classes that the store has), say where a
store is kept, and let pytest collect the subclass:

    class TestMyStore(StoreContract):
        @pytest.fixture(autouse=True)
        def place(self, tmp_path):
            self.folder = tmp_path

        def address(self) -> str:
            return f"mine:{self.folder}"

`address` must name the same, at first empty store throughout one test, also from another
process: several of the tests start some.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from persistence.errors import (
    ConflictError,
    LoadError,
    ObjectNotFound,
    ReadOnlyError,
    SaveError,
    StoreError,
)
from persistence.registry import make_store
from persistence.store import ABSENT, Edit, Persistable, Store

__all__ = [
    "BasicContract",
    "ChangesContract",
    "ConcurrentContract",
    "ConflictContract",
    "CrashContract",
    "Node",
    "ReadOnlyContract",
    "ReferencesContract",
    "StoreContract",
]


class Node(Persistable):
    """A job for the tests: a name, a state, and other jobs."""

    def __init__(self, name: str, *children: Any, state: str = "NEW") -> None:
        super().__init__()
        self.name = name
        self.state = state
        self.children = list(children)


class Plain:
    """An object with attributes that is no `Persistable`."""

    def __init__(self, value: Any) -> None:
        self.value = value


@contextmanager
def refused(error: type[BaseException]) -> Iterator[None]:
    """Fail unless the block raises this error."""
    try:
        yield
    except error as raised:
        assert str(raised), "an error must say what is wrong"
    else:
        raise AssertionError(f"{error.__name__} was not raised")


class _Contract:
    def address(self) -> str:
        """Return the URI of the store under test."""
        raise NotImplementedError

    def open(self, **extra_args: Any) -> Store:
        return make_store(self.address(), **extra_args)


class BasicContract(_Contract):
    """Objects go in and come back; IDs; the container protocol; bytes."""

    def test_a_saved_object_comes_back_equal(self) -> None:
        with self.open() as store:
            id_ = store.save(Node("sweep", state="RUNNING"))
            assert isinstance(id_, str)
        with self.open() as store:
            back = store.load(id_)
        assert (type(back), back.name, back.state) == (Node, "sweep", "RUNNING")

    def test_any_picklable_object_can_be_saved(self) -> None:
        values: list[Any] = [{"a": 1}, (1, "two"), 3.5, None, "text", b"bytes", {1, 2}, Node]
        with self.open() as store:
            ids = [store.save(value) for value in values]
            assert len(set(ids)) == len(values)
            assert [store.load(id_) for id_ in ids] == values

    def test_a_saved_object_carries_its_id(self) -> None:
        with self.open() as store:
            for obj in (Node("a"), Plain(1)):
                id_ = store.save(obj)
                carried: Any = obj
                assert str(carried.persistent_id) == str(carried._id) == id_
                back = store.load(id_)
                assert str(back.persistent_id) == id_

    def test_saving_a_class_does_not_mark_it(self) -> None:
        with self.open() as store:
            store.save(Plain)
            assert not hasattr(Plain, "persistent_id")

    def test_saving_again_keeps_the_id_and_rewrites_the_record(self) -> None:
        with self.open() as store:
            node = Node("a")
            id_ = store.save(node)
            node.state = "RUNNING"
            assert store.save(node) == id_
            assert store.load(id_).state == "RUNNING"
            assert store.list() == [id_]

    def test_the_store_is_a_container_of_ids(self) -> None:
        with self.open() as store:
            assert (len(store), store.list(), bool(store)) == (0, [], True)
            ids = [store.save(Node(str(n))) for n in range(12)]
            assert len(store) == 12
            assert sorted(store.list()) == sorted(store) == sorted(ids)
            assert ids[3] in store
            assert "Node.0" not in store

    def test_ids_are_listed_in_the_order_of_saving(self) -> None:
        with self.open() as store:
            ids = [store.save(Node(str(n))) for n in range(30)]
            assert store.list() == ids

    def test_a_removed_object_is_gone_and_its_id_is_not_given_again(self) -> None:
        with self.open() as store:
            given = set()
            for _ in range(20):
                id_ = store.save(Node("a"))
                assert id_ not in given
                given.add(id_)
                store.remove(id_)
                assert id_ not in store
            assert len(store) == 0
        with self.open() as store:
            assert store.save(Node("a")) not in given

    def test_what_is_not_there_cannot_be_loaded_read_replaced_or_removed(self) -> None:
        with self.open() as store:
            id_ = store.save(Node("a"))
            store.remove(id_)
            for use in (store.load, store.read, store.remove, store.inspect, store.references):
                with refused(ObjectNotFound):
                    use(id_)
            with refused(ObjectNotFound):
                store.replace(id_, Node("b"))
            assert id_ not in store

    def test_an_id_that_is_no_id_is_not_found(self) -> None:
        with self.open() as store:
            ids = ("", "../../etc/passwd", "a/b", "a\0b", "no such id", "é" * 300, "\ud800", -1)
            for id_ in ids:
                for use in (store.read, store.load, store.remove):
                    with refused(ObjectNotFound):
                        use(id_)
                with refused(ObjectNotFound):
                    store.replace(id_, Node("a"))
                assert id_ not in store
                assert store.referrers(id_) == []

    def test_replace_keeps_the_id_and_changes_the_object(self) -> None:
        with self.open() as store:
            id_ = store.save(Node("old"))
            other = Node("new")
            store.replace(id_, other)
            assert store.load(id_).name == "new"
            assert str(other.persistent_id) == id_
            assert store.list() == [id_]

    def test_an_object_that_cannot_be_pickled_leaves_no_trace(self) -> None:
        with self.open() as store:
            child = Node("child")
            with refused(SaveError):
                store.save(Node("parent", child, lambda: None))
            assert len(store) == 0
            assert child.changed
            assert not hasattr(child, "persistent_id")

    def test_changed_is_false_after_saving_and_after_loading(self) -> None:
        with self.open() as store:
            node = Node("a")
            id_ = store.save(node)
            assert node.changed is False
            assert store.load(id_).changed is False

    def test_many_objects_are_saved_and_loaded_at_once(self) -> None:
        with self.open() as store:
            shared = Node("shared")
            nodes = [Node(str(n), shared) for n in range(50)]
            ids = store.save_many(nodes)
            assert len(store) == 51
            loaded = store.load_many(ids)
            assert [node.name for node in loaded] == [str(n) for n in range(50)]
            assert len({id(node.children[0]) for node in loaded}) == 1

    def test_the_same_object_saved_twice_at_once_is_one_record(self) -> None:
        with self.open() as store:
            node = Node("a")
            first, second = store.save_many([node, node])
            assert first == second
            assert len(store) == 1

    def test_bytes_are_read_and_written_as_they_are(self) -> None:
        with self.open() as store:
            id_ = store.save(Node("a"))
            data = store.read(id_)
            store.write(id_, data.replace(b"NEW", b"OLD"))
            assert store.read(id_) == data.replace(b"NEW", b"OLD")
            assert store.load(id_).state == "OLD"

    def test_summaries_tell_type_state_name_and_size_without_running_anything(self) -> None:
        with self.open() as store:
            id_ = store.save(Node("sweep", state="RUNNING"))
            (summary,) = store.summaries()
            assert (summary.id, summary.type) == (id_, f"{Node.__module__}.Node")
            assert (summary.state, summary.name) == ("RUNNING", "sweep")
            assert summary.size == len(store.read(id_))
            assert [summary.id for summary in store.summaries([id_, "1"])] == [id_]

    def test_a_closed_store_can_be_closed_again(self) -> None:
        store = self.open()
        store.save(Node("a"))
        store.close()
        store.close()


class ReferencesContract(_Contract):
    """Persistable children are records of their own, and graphs keep their identities."""

    chain_length = 3_000

    def test_children_are_saved_with_their_parent_as_external_references(self) -> None:
        with self.open() as store:
            first, second = Node("1"), Node("2")
            id_ = store.save(Node("parent", first, second))
            ids = [str(first.persistent_id), str(second.persistent_id)]
            assert sorted(store.list()) == sorted([id_, *ids])
            assert store.references(id_) == ids
            assert store.referrers(ids[0]) == [id_]
            assert store.references(ids[0]) == store.referrers(id_) == []
            assert [child.name for child in store.load(id_).children] == ["1", "2"]

    def test_a_shared_child_comes_back_as_one_object(self) -> None:
        with self.open() as store:
            shared = Node("shared")
            id_ = store.save(Node("root", Node("left", shared), Node("right", shared)))
            assert len(store) == 4
            left, right = store.load(id_).children
            assert left.children[0] is right.children[0]

    def test_a_child_that_refers_to_its_parent_comes_back_as_the_same_cycle(self) -> None:
        with self.open() as store:
            child = Node("child")
            parent = Node("parent", child)
            child.children.append(parent)
            id_ = store.save(parent)
            back = store.load(id_)
            assert back.children[0].children[0] is back
            assert (back.name, back.children[0].name) == ("parent", "child")
            other = store.load(str(child.persistent_id))
            assert other.children[0].children[0] is other

    def test_a_root_that_refers_to_itself_comes_back_so(self) -> None:
        with self.open() as store:
            root = Node("root")
            root.children.append(root)
            back = store.load(store.save(root))
            assert back.children[0] is back
            assert len(store) == 1

    def test_a_persistable_can_be_a_dictionary_key(self) -> None:
        with self.open() as store:
            key = Node("key")
            root = Node("root")
            root.children = {key: "value", "again": key}  # type: ignore[assignment]
            back: Any = store.load(store.save(root)).children
            assert back[back["again"]] == "value"

    def test_a_long_chain_needs_no_recursion(self) -> None:
        head = Node("0")
        for n in range(1, self.chain_length):
            head = Node(str(n), head)
        with self.open() as store:
            id_ = store.save(head)
            assert len(store) == self.chain_length
            node, length = store.load(id_), 1
            while node.children:
                (node,) = node.children
                length += 1
            assert (node.name, length) == ("0", self.chain_length)

    def test_an_unchanged_child_is_not_rewritten(self) -> None:
        with self.open() as store:
            child = Node("child")
            parent = Node("parent", child)
            store.save(parent)
            child.name = "renamed"  # without a word: `changed` stays False
            store.save(parent)
            assert store.load(child.persistent_id).name == "child"
            child.changed = True
            store.save(parent)
            assert store.load(child.persistent_id).name == "renamed"

    def test_an_unchanged_child_that_was_removed_stays_removed(self) -> None:
        with self.open() as store:
            child = Node("child")
            parent = Node("parent", child)
            store.save(parent)
            store.remove(child.persistent_id)
            store.save(parent)
            assert str(child.persistent_id) not in store

    def test_a_removed_child_leaves_a_dangling_reference_that_is_told(self) -> None:
        with self.open() as store:
            child = Node("child")
            id_ = store.save(Node("parent", child))
            child_id = str(child.persistent_id)
            store.remove(child_id)
            assert store.references(id_) == [child_id]
            assert store.referrers(child_id) == [id_]
            with refused(LoadError):
                store.load(id_)

    def test_replacing_saves_new_children_too(self) -> None:
        with self.open() as store:
            id_ = store.save(Node("old"))
            store.replace(id_, Node("new", Node("child")))
            assert store.load(id_).children[0].name == "child"
            assert len(store) == 2

    def test_what_is_seen_without_loading_names_the_reference(self) -> None:
        with self.open() as store:
            child = Node("child")
            id_ = store.save(Node("parent", child))
            (reference,) = store.inspect(id_).references
            assert reference.id == str(child.persistent_id)


class ConflictContract(_Contract):
    """Nothing is overwritten that the caller has not seen; several changes are one."""

    def test_write_refuses_when_the_object_changed_since_it_was_read(self) -> None:
        with self.open() as store, self.open() as other:
            id_ = store.save(Node("a"))
            seen = store.read(id_)
            other.write(id_, seen.replace(b"NEW", b"OLD"))
            with refused(ConflictError):
                store.write(id_, seen.replace(b"NEW", b"RUN"), expected=seen)
            assert store.load(id_).state == "OLD"

    def test_write_refuses_when_the_object_was_removed_or_created(self) -> None:
        with self.open() as store:
            id_ = store.save(Node("a"))
            seen = store.read(id_)
            with refused(ConflictError):
                store.write(id_, seen, expected=ABSENT)
            store.remove(id_)
            with refused(ConflictError):
                store.write(id_, seen, expected=seen)
            assert id_ not in store
            store.write(id_, seen, expected=ABSENT)
            assert store.read(id_) == seen

    def test_of_several_changes_all_are_made_or_none(self) -> None:
        with self.open() as store:
            one, two, three = store.save_many([Node("1"), Node("2"), Node("3")])
            seen = {id_: store.read(id_) for id_ in (one, two, three)}
            edits = [
                Edit(one, None, seen[one]),
                Edit(two, seen[two].replace(b"NEW", b"OLD"), seen[two]),
                Edit(three, None, b"something else"),
            ]
            with refused(ConflictError):
                store.apply(edits)
            assert {id_: store.read(id_) for id_ in store} == seen
            store.apply(edits[:2])
            assert one not in store
            assert store.load(two).state == "OLD"

    def test_removing_with_an_edit_what_is_not_there_changes_nothing(self) -> None:
        with self.open() as store:
            one, two = store.save_many([Node("1"), Node("2")])
            store.remove(two)
            with refused(ObjectNotFound):
                store.apply([Edit(one, None), Edit(two, None)])
            assert one in store


class ReadOnlyContract(_Contract):
    """A store opened read-only shows everything and changes nothing."""

    def test_a_read_only_store_refuses_every_change(self) -> None:
        with self.open() as store:
            node = Node("a", Node("child"))
            id_ = store.save(node)
            before = {id_: store.read(id_) for id_ in store}
        with self.open(read_only=True) as store:
            assert store.read_only
            for change in (
                lambda: store.save(Node("b")),
                lambda: store.save_many([Node("b")]),
                lambda: store.replace(id_, Node("b")),
                lambda: store.remove(id_),
                lambda: store.write(id_, before[id_]),
            ):
                with refused(ReadOnlyError):
                    change()
            assert {id_: store.read(id_) for id_ in store} == before
            assert store.load(id_).children[0].name == "child"

    def test_a_store_that_is_not_there_is_not_made_by_looking(self) -> None:
        for options in ({"create": False}, {"create": False, "read_only": True}):
            with refused(StoreError):
                self.open(**options).close()


class ChangesContract(_Contract):
    """A reader can follow what writers do."""

    def test_changes_name_what_was_written_and_removed_since_a_token(self) -> None:
        with self.open() as store, self.open() as other:
            kept, changed, removed = store.save_many([Node("1"), Node("2"), Node("3")])
            start = store.changes()
            assert (start.changed, start.removed) == ((), ())
            node = other.load(changed)
            node.state = "RUNNING"
            other.save(node)
            other.remove(removed)
            added = other.save(Node("4"))
            after = store.changes(start.token)
            assert set(after.changed) == {changed, added}
            assert set(after.removed) == {removed}
            assert kept not in after.changed
            later = store.changes(after.token)
            assert (later.changed, later.removed) == ((), ())


class ConcurrentContract(_Contract):
    """Many processes write at once and lose nothing."""

    processes = 4
    saves = 25

    def test_processes_saving_at_once_never_get_the_same_id(self) -> None:
        self.open().close()
        context = _processes()
        queue = context.Queue()
        workers = [
            context.Process(target=_save_nodes, args=(self.address(), self.saves, queue))
            for _ in range(self.processes)
        ]
        for worker in workers:
            worker.start()
        ids = [id_ for _ in workers for id_ in queue.get(timeout=300)]
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        assert len(set(ids)) == self.processes * self.saves
        with self.open() as store:
            assert sorted(store.list()) == sorted(ids)
            names = [node.name for node in store.load_many(ids)]
            assert sorted(names) == sorted(
                str(n) for n in range(self.saves) for _ in range(self.processes)
            )


class CrashContract(_Contract):
    """A writer killed at any instant leaves each graph whole or not at all."""

    kills = 12
    children = 5
    graphs = 0  # that were found whole

    def test_a_graph_whose_writer_is_killed_is_there_whole_or_not_at_all(self) -> None:
        self.open().close()
        chance = random.Random(2026)
        context = _processes()
        longest = 0.05  # seconds; more where the machine is too busy for one graph in that time
        for _ in range(self.kills):
            reader, writer = context.Pipe(duplex=False)
            worker = context.Process(
                target=_save_graphs, args=(self.address(), self.children, writer)
            )
            worker.start()
            writer.close()
            assert reader.poll(60), "the writer did not start"
            reader.recv()
            time.sleep(chance.random() * longest)
            assert worker.pid is not None
            os.kill(worker.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            worker.join()
            self._check()
            if not self.graphs:
                longest = min(1.5 * longest, 5.0)
        assert self.graphs, "no writer lived long enough to save anything"

    def _check(self) -> None:
        with self.open() as store:
            ids = store.list()
            roots = [node for node in store.load_many(ids) if node.name == "root"]
            assert all(len(root.children) == self.children for root in roots)
            assert len(ids) == len(roots) * (self.children + 1)
            self.graphs += len(roots)
            store.apply([Edit(id_, None) for id_ in ids])


class StoreContract(
    BasicContract,
    ReferencesContract,
    ConflictContract,
    ReadOnlyContract,
    ChangesContract,
    ConcurrentContract,
    CrashContract,
):
    """All of it."""


def _processes() -> Any:
    """Return what starts processes that inherit nothing from this one, fast where it can."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["persistence.filesystem", "persistence.sql", __name__])
    return context


def _save_nodes(address: str, count: int, queue: Any) -> None:
    with make_store(address) as store:
        queue.put([store.save(Node(str(n))) for n in range(count)])


def _save_graphs(address: str, children: int, started: Any) -> None:
    with make_store(address) as store:
        started.send(None)
        while True:
            store.save(Node("root", *(Node("child") for _ in range(children))))
