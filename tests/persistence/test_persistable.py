"""What objects carry of their records: an ID, and whether they changed."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any

import pytest

from persistence import FilesystemStore, Persistable, SaveError
from persistence.testing import Node


@pytest.fixture
def store(tmp_path: Path) -> FilesystemStore:
    return FilesystemStore(tmp_path / "jobs")


class Refusing:
    def __setattr__(self, name: str, value: Any) -> None:
        raise RuntimeError("this object is sealed")


class RefusingChild(Refusing, Persistable):
    def __init__(self) -> None:
        self.__dict__["changed"] = True


class InSlots:
    __slots__ = ("_id", "content", "persistent_id")

    def __init__(self, content: Any) -> None:
        self.content = content


class ManyInOne(Persistable):
    persistent_id = "the same for all"


class Colour(enum.Enum):
    RED = "red"


class Watched:
    def __init__(self, changed: Any) -> None:
        self.changed = changed


def test_an_object_that_refuses_attributes_with_any_error_is_saved(store: FilesystemStore) -> None:
    assert isinstance(store.load(store.save(Refusing())), Refusing)


def test_a_child_that_refuses_attributes_keeps_its_id_and_is_one_object(
    store: FilesystemStore,
) -> None:
    child = RefusingChild()
    first, second = store.load_many(store.save_many([[child, child], [child]]))
    assert first[0] is first[1] is second[0]
    assert first[0].persistent_id == child.persistent_id
    assert child.changed is False
    assert len(store) == 3


def test_an_object_with_slots_for_its_id_carries_it(store: FilesystemStore) -> None:
    obj = InSlots("a")
    id_ = store.save(obj)
    assert obj.persistent_id == obj._id == id_
    obj.content = "b"
    assert store.save(obj) == id_
    assert store.load(id_).content == "b"


def test_what_could_not_be_saved_carries_what_it_did_before(store: FilesystemStore) -> None:
    new = InSlots(lambda: None)
    with pytest.raises(SaveError):
        store.save(new)
    assert not hasattr(new, "persistent_id")
    assert not hasattr(new, "_id")
    old = InSlots("a")
    id_ = store.save(old)
    old.content = lambda: None
    with pytest.raises(SaveError):
        store.save(old)
    assert old.persistent_id == old._id == id_


def test_an_id_of_the_class_is_not_the_id_of_each_object(store: FilesystemStore) -> None:
    one, two = store.save_many([ManyInOne(), ManyInOne()])
    assert one != two


def test_a_member_of_an_enumeration_is_not_marked(store: FilesystemStore) -> None:
    assert store.load(store.save(Colour.RED)) is Colour.RED
    assert not hasattr(Colour.RED, "persistent_id")


def test_what_another_class_calls_changed_is_left_alone(store: FilesystemStore) -> None:
    files = Watched(["a.txt"])
    assert store.load(store.save(files)).changed == ["a.txt"]
    assert files.changed == ["a.txt"]
    flagged = Watched(True)
    store.save(flagged)
    assert flagged.changed is False, "as GC3Pie does"


def test_a_change_is_not_forgotten_when_the_record_could_not_be_written(
    store: FilesystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = Node("parent", Node("child"))
    store.save(parent)
    for node in (parent, *parent.children):
        node.changed = True

    def fails(edits: Any) -> None:
        raise SaveError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "apply", fails)
        with pytest.raises(SaveError):
            store.save(parent)
    assert parent.changed is True
    assert parent.children[0].changed is True
    parent.children[0].name = "grown"
    store.save(parent)
    assert store.load(str(parent.persistent_id)).children[0].name == "grown"
