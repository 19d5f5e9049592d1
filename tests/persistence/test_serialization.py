"""Object graphs to pickles and back, through every way of making an object."""

from __future__ import annotations

import copyreg
import pickle
import sys
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from persistence import DecodeError, FilesystemStore, LoadError, Persistable, SaveError
from persistence.testing import Node, refused


@pytest.fixture(params=range(pickle.HIGHEST_PROTOCOL + 1))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FilesystemStore:
    return FilesystemStore(tmp_path, protocol=request.param)


class Slotted(Persistable):
    __slots__ = ("peer",)


class Listed(Persistable, list):  # type: ignore[type-arg]
    pass


class Mapped(Persistable, OrderedDict):  # type: ignore[type-arg]
    pass


class WithState(Persistable):
    def __getstate__(self) -> Any:
        return {"saved": self.__dict__.copy()}

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state["saved"])
        self.was_set = True


class Keyworded(Persistable):
    def __new__(cls, *, size: int) -> Any:
        self = super().__new__(cls)
        self.size = size
        return self

    def __init__(self, *, size: int) -> None:
        super().__init__()

    def __getnewargs_ex__(self) -> Any:
        return (), {"size": self.size}


class Reduced(Persistable):
    def __reduce__(self) -> Any:
        return Reduced, (), self.__dict__


@dataclass(frozen=True, eq=False)
class Frozen(Persistable):
    peers: list[Any] = field(default_factory=list)


def ring(*members: Any) -> Any:
    """Let each member refer to the next, and the last to the first."""
    for member, following in zip(members, (*members[1:], members[0]), strict=True):
        if isinstance(member, list):
            member.append(following)
        elif isinstance(member, OrderedDict):
            member["peer"] = following
        elif isinstance(member, Frozen):
            member.peers.append(following)
        else:
            member.peer = following
    return members[0]


def peer_of(member: Any) -> Any:
    if isinstance(member, list):
        return member[0]
    if isinstance(member, OrderedDict):
        return member["peer"]
    return member.peers[0] if isinstance(member, Frozen) else member.peer


def test_a_circle_of_differently_made_objects_comes_back_as_that_circle(
    store: FilesystemStore,
) -> None:
    if store._protocol < 2:
        pytest.skip("slots and keyword construction need protocol 2")
    kinds = [Slotted, Listed, WithState, Mapped, Reduced, Frozen]
    members = [kind() for kind in kinds]
    id_ = store.save(ring(*members, Keyworded(size=3)))
    start = member = store.load(id_)
    seen = []
    for _ in range(len(kinds) + 1):
        seen.append(type(member))
        member = peer_of(member)
    assert member is start
    assert seen == [*kinds, Keyworded]


def test_a_pair_that_refer_to_each_other_comes_back_in_every_protocol(
    store: FilesystemStore,
) -> None:
    id_ = store.save(ring(Node("a"), WithState()))
    a = store.load(id_)
    assert a.peer.peer is a
    assert a.peer.was_set


def test_many_children_that_refer_to_their_parent(store: FilesystemStore) -> None:
    parent = Node("parent", *(Node(str(n)) for n in range(30)))
    for child in parent.children:
        child.children = [parent, parent.children[0]]
    back = store.load(store.save(parent))
    assert all(child.children[0] is back for child in back.children)
    assert all(child.children[1] is back.children[0] for child in back.children)


def test_children_deep_inside_other_objects_are_found(store: FilesystemStore) -> None:
    child = Node("child")
    id_ = store.save({"queue": deque([(child, [child])]), child: 1})
    back = store.load(id_)
    (again, (twice,)) = back["queue"][0]
    assert again is twice
    assert back[again] == 1


class Locked(Persistable):
    def __init__(self, partner: Any) -> None:
        super().__init__()
        self.partner = partner

    def __reduce__(self) -> Any:
        return Locked, (self.partner,)


def test_objects_that_need_each_other_to_be_made_are_an_error_and_not_a_hang(
    store: FilesystemStore,
) -> None:
    one, two = Locked(None), Locked(None)
    one.partner, two.partner = two, one
    id_ = store.save(one)
    with refused(LoadError):
        store.load(id_)


@pytest.mark.parametrize("start", range(5))
def test_a_circle_through_what_objects_are_made_of_comes_back_from_every_start(
    store: FilesystemStore, start: int
) -> None:
    first = Node("closes the circle")
    members: list[Any] = [first]
    for _ in range(4):
        members.append(Locked(members[-1]))
    first.partner = members[-1]
    back = member = store.load(store.save(members[start]))
    for _ in members:
        member = member.partner
    assert member is back


def test_a_long_circle_through_what_objects_are_made_of_needs_no_recursion(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    first = Node("closes the circle")
    last: Any = first
    for _ in range(1500):
        last = Locked(last)
    first.partner = last
    for start in (first, last):
        back = member = store.load(store.save(start))
        for _ in range(1501):
            member = member.partner
        assert member is back


class Keyed(Persistable):
    """Has a hash only once it has its state."""

    def __init__(self, key: str, owner: Any) -> None:
        super().__init__()
        self.key = key
        self.owner = owner

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and self.key == other.key


def test_keys_that_refer_to_their_dictionary_come_back_from_either_end(
    store: FilesystemStore,
) -> None:
    owner = Node("owner")
    keys = [Keyed(str(n), owner) for n in range(5)]
    owner.values = {key: int(key.key) for key in keys}
    owner.bag = set(keys)
    owner.queue = Listed([owner, *keys])
    owner.queue.owner = owner
    for start in (owner, keys[3], owner.queue):
        id_ = store.save(start)
        found = store.load(id_)
        back = found if start is owner else found.owner
        assert back.name == "owner"
        assert len(back.values) == len(back.bag) == 5
        assert all(key.owner is back for key in back.values)
        assert all(back.values[key] == int(key.key) for key in back.bag)
        assert list(back.queue) == [back, *back.values]
        assert all(one is two for one, two in zip(back.queue, [back, *back.values], strict=True))


def test_an_error_while_loading_names_the_object_the_store_and_the_way_out(
    store: FilesystemStore,
) -> None:
    parent = Node("parent", Node("child"))
    id_ = store.save(parent)
    store.remove(parent.children[0].persistent_id)
    with pytest.raises(LoadError) as raised:
        store.load(id_)
    error = pickle.loads(pickle.dumps(raised.value))
    assert (error.id_, error.store) == (id_, str(store.url))
    assert id_ in str(error)
    assert str(store.url) in str(error)
    assert error.advice


def test_a_damaged_object_is_named_by_every_way_of_looking_at_it(store: FilesystemStore) -> None:
    store.write("Job.1", b"\x80\x04QQQ")
    for look, kind in ((store.load, LoadError), (store.inspect, DecodeError)):
        with pytest.raises(kind) as raised:
            look("Job.1")
        error = pickle.loads(pickle.dumps(raised.value))
        assert (error.id_, error.store) == ("Job.1", str(store.url))
        assert "Job.1" in str(error)
        assert str(store.url) in str(error)
        assert error.advice


def test_a_class_that_is_gone_is_named(store: FilesystemStore) -> None:
    module = type(sys)("vanished")
    cls = type("Job", (Persistable,), {"__module__": "vanished"})
    module.Job = cls  # type: ignore[attr-defined]
    sys.modules["vanished"] = module
    try:
        id_ = store.save(cls())
    finally:
        del sys.modules["vanished"]
    with pytest.raises(LoadError, match="vanished"):
        store.load(id_)


def test_what_is_nested_too_deeply_to_pickle_is_a_save_error(store: FilesystemStore) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with refused(SaveError):
        store.save(deep)
    assert store.list() == []


class Angry:
    def __reduce__(self) -> Any:
        raise OSError("disk of the job is gone")


def test_any_error_of_a_class_while_pickling_takes_the_ids_back(store: FilesystemStore) -> None:
    child = Node("child")
    with pytest.raises(SaveError, match="disk of the job is gone") as raised:
        store.save(Node("parent", child, Angry()))
    assert raised.value.store == str(store.url)
    assert str(store.url) in str(raised.value)
    assert not hasattr(child, "persistent_id")
    assert store.list() == []


def test_an_unchanged_child_of_another_store_is_copied_with_its_parent(
    store: FilesystemStore, tmp_path: Path
) -> None:
    id_ = store.save(Node("parent", Node("child", Node("grandchild"))))
    with FilesystemStore(tmp_path / "other") as other:
        other.save(store.load(id_))
        assert len(other) == 3
        assert other.load(id_).children[0].children[0].name == "grandchild"


def test_python_2_byte_strings_load_whatever_their_encoding(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path)
    store.write("utf8", b"\x80\x02U\x05caf\xc3\xa9.")
    store.write("latin1", b"\x80\x02U\x04caf\xe9.")
    assert store.load_many(["utf8", "latin1"]) == ["café", "café"]


def test_a_registered_reducer_is_used(store: FilesystemStore) -> None:
    copyreg.pickle(Unreducible, lambda obj: (Unreducible, (obj.value,)))  # type: ignore[arg-type, return-value]
    try:
        assert store.load(store.save(Unreducible(7))).value == 7
    finally:
        del copyreg.dispatch_table[Unreducible]


class Unreducible:
    def __init__(self, value: int) -> None:
        self.value = value

    def __getstate__(self) -> Any:
        raise TypeError("has no state")


def test_a_chain_of_100_000_objects_is_saved_and_loaded(tmp_path: Path) -> None:
    from persistence import SqlStore

    head = Node("0")
    for n in range(1, 100_000):
        head = Node(str(n), head)
    with SqlStore(f"sqlite://{(tmp_path / 'x.db').as_posix()}") as sql:
        node = sql.load(sql.save(head))
        for n in range(99_999, 0, -1):
            assert node.name == str(n)
            (node,) = node.children
