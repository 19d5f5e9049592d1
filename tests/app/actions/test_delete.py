from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.actions.delete import StoreLinks, plan_deletion, records_to_delete, versions_of
from persistence import FilesystemStore, Persistable, make_store
from persistence.store import Store


class Job(Persistable):
    def __init__(self, *children: Job) -> None:
        super().__init__()
        self.children = list(children)


@pytest.fixture(params=["sqlite", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FilesystemStore(tmp_path / "jobs")
    return make_store(f"sqlite:///{tmp_path}/own.db")


def save(store: Store, job: Job) -> str:
    store.save(job)
    return str(job.persistent_id)


def test_who_refers_to_an_object_is_told_and_what_only_it_leads_to(store: Store) -> None:
    shared, own, deep = Job(), Job(), Job()
    own.children.append(deep)
    first, second = Job(own, shared), Job(shared)
    top = Job(first, second)
    save(store, top)
    with store:
        plan = plan_deletion(StoreLinks(store), [str(first.persistent_id)])
    assert plan.referrers == ((str(top.persistent_id), str(first.persistent_id)),)
    assert set(plan.below) == {str(own.persistent_id), str(deep.persistent_id)}


def test_a_shared_child_goes_when_all_who_refer_to_it_go(store: Store) -> None:
    shared = Job()
    first, second = Job(shared), Job(shared)
    top = Job(first, second)
    id_ = save(store, top)
    with store:
        plan = plan_deletion(StoreLinks(store), [id_])
    assert plan.referrers == ()
    assert set(plan.below) == {str(job.persistent_id) for job in (shared, first, second)}


def test_children_that_refer_to_each_other_and_to_their_parent_go_together(store: Store) -> None:
    one, two = Job(), Job()
    one.children, two.children = [two], [one]
    top = Job(one)
    one.children.append(top)
    id_ = save(store, top)
    with store:
        plan = plan_deletion(StoreLinks(store), [id_])
    assert set(plan.below) == {str(one.persistent_id), str(two.persistent_id)}


def test_what_is_not_there_is_left_out(store: Store) -> None:
    id_ = save(store, Job())
    with store:
        assert plan_deletion(StoreLinks(store), ["nothing.1", id_, id_]).ids == (id_,)


def test_the_version_of_an_object_is_another_one_after_a_write(store: Store) -> None:
    id_ = save(store, Job())
    with store:
        before = versions_of(store, [id_, "nothing.1"])
        store.write(id_, b"\x80\x04N.")
        after = versions_of(store, [id_])
    assert set(before) == {id_}
    assert before != after


def test_records_carry_bytes_and_what_the_list_showed(gc3pie: Callable[[str], Path]) -> None:
    with make_store(gc3pie("python3.7/jobs.db")) as store:
        id_ = store.list()[0]
        (record,) = records_to_delete(store, [id_])
        assert record.before == store.read(id_)
        assert record.after is None
        assert record.type.startswith("gc3libs.")
