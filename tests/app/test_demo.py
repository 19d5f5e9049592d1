"""The demo store and the process that runs its jobs."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from app.demo import Demo, make_demo
from persistence import Store, make_store
from persistence.pickles import decode


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_demo(tmp_path_factory.mktemp("demo"))


def test_it_has_a_few_hundred_jobs_in_two_campaigns(uri: str) -> None:
    with make_store(uri, read_only=True) as store:
        kinds = Counter(summary.type for summary in store.summaries())
    assert kinds["app.demo_jobs.Campaign"] == 2
    assert 200 < kinds["app.demo_jobs.Job"] < 1000


def test_one_reference_dangles_and_children_are_shared(uri: str) -> None:
    with make_store(uri, read_only=True) as store:
        ids = set(store)
        links = {id_: store.references(id_) for id_ in ids}
        dangling = [target for found in links.values() for target in found if target not in ids]
        shared = [id_ for id_ in ids if id_.startswith("Dataset.")]
        assert len(dangling) == 1
        assert all(len(store.referrers(id_)) > 100 for id_ in shared)


def test_everything_can_be_looked_at_without_its_classes(uri: str, looks_only: list[str]) -> None:
    with make_store(uri, read_only=True) as store:
        for record in store.records():
            assert decode(record.data).root is not None
        types = {summary.type for summary in store.summaries()}
    assert {"gc3libs.Application", "campaign2019.legacy.QueueJob"} <= types


def test_the_runner_really_runs_jobs_and_saves_every_change(tmp_path: Path) -> None:
    demo = Demo.start()
    try:
        with make_store(demo.uri, read_only=True) as store:
            start = _states(store)
            deadline = time.monotonic() + 60
            while _states(store)["TERMINATED"] < start["TERMINATED"] + 3:
                assert time.monotonic() < deadline, "no job was finished"
                time.sleep(0.05)
            assert _states(store)["NEW"] < start["NEW"]
    finally:
        demo.close()
    assert not demo.folder.exists()


def _states(store: Store) -> Counter[str | None]:
    return Counter(summary.state for summary in store.summaries())
