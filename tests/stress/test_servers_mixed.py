"""Many processes change the same objects on a server at once: nothing is lost, nothing half."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from persistence import ConflictError, Edit, ObjectNotFound, SqlStore, StoreUrl
from persistence.testing import Node
from tests.helpers.servers import PostgreSqlServer, Server

PROCESSES = 3
ROUNDS = 40
# More, by hand: JOBSHELF_STRESS_SECONDS=60 with eight processes.
SECONDS = float(os.environ.get("JOBSHELF_STRESS_SECONDS", "0"))
COUNTERS = 6
CHILDREN = 3


@dataclass
class Work:
    """What one process did.

    Attributes:
        counted: How often it counted up which object.
        refused: Changes that another process was quicker with.
        graphs: Roots that it saved and left.
        seen: Graphs that it saw, whole.
        acts: All that it did.
    """

    counted: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    graphs: list[str] = field(default_factory=list)
    seen: int = 0
    acts: int = 0


def _work(address: str, counters: list[str], seed: int, start: Any, queue: Any) -> None:
    work = Work()
    try:
        with SqlStore(address) as store:
            start.wait(60)
            _act(store, counters, random.Random(seed), work)
    except BaseException as error:
        queue.put(repr(error))
        raise
    queue.put(work)


def _act(store: SqlStore, counters: list[str], chance: random.Random, work: Work) -> None:
    until = time.monotonic() + SECONDS
    while work.acts < ROUNDS or time.monotonic() < until:
        act = chance.random()
        if act < 0.6:
            _count_up(store, chance.sample(counters, 3), work)
        elif act < 0.8:
            root = Node("root", *(Node(f"child {n}") for n in range(CHILDREN)))
            work.graphs.append(store.save(root))
        elif act < 0.9 and work.graphs:
            _remove(store, work.graphs.pop(0))
        else:
            _look(store, work)
        work.acts += 1


def _count_up(store: SqlStore, ids: list[str], work: Work) -> None:
    """Count up several objects, in any order: locks are asked for crosswise."""
    read = {record.id_: record.data for record in store.read_many(ids)}
    edits = [Edit(id_, pickle.dumps([pickle.loads(read[id_])[0] + 1]), read[id_]) for id_ in ids]
    try:
        store.apply(edits)
    except ConflictError:
        work.refused += 1
    else:
        work.counted.update(ids)


def _remove(store: SqlStore, root: str) -> None:
    store.apply([Edit(id_, None) for id_ in (*store.references(root), root)])


def _look(store: SqlStore, work: Work) -> None:
    """Load whole graphs of anybody's; the one that is removed meanwhile is not there at all."""
    for id_ in store.list()[-8:]:
        try:
            is_root = "root" in store.read(id_).decode("latin-1")
            children = store.references(id_) if is_root else []
        except ObjectNotFound:
            continue
        missing = [child for child in children if child not in store]
        assert not missing or id_ not in store, f"{id_} has lost {missing}"
        work.seen += bool(children) and not missing


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("layout", ["own", "gc3pie"])
def test_no_change_is_lost_and_no_graph_is_half(server: Server, layout: str) -> None:
    address = server.url()
    if layout == "gc3pie":
        blob = "BYTEA" if isinstance(server, PostgreSqlServer) else "BLOB"
        server.execute(
            f"CREATE TABLE {StoreUrl.parse(address).table}"
            f" (id INTEGER NOT NULL PRIMARY KEY, data {blob}, state VARCHAR(128))"
        )
    with SqlStore(address) as store:
        counters = store.save_many([[0] for _ in range(COUNTERS)])
    context = multiprocessing.get_context("spawn")
    queue, processes = context.Queue(), 8 if SECONDS else PROCESSES
    start = context.Barrier(processes)
    workers = [
        context.Process(target=_work, args=(address, counters, seed, start, queue))
        for seed in range(processes)
    ]
    for worker in workers:
        worker.start()
    done = [queue.get(timeout=SECONDS + 60) for _ in workers]
    for worker in workers:
        worker.join()
    assert [work for work in done if not isinstance(work, Work)] == []
    with SqlStore(address, read_only=True) as store:
        counted = sum((work.counted for work in done), Counter[str]())
        assert {id_: store.load(id_) for id_ in counters} == {
            id_: [counted[id_]] for id_ in counters
        }
        graphs = [root for work in done for root in work.graphs]
        assert len(store) == COUNTERS + len(graphs) * (CHILDREN + 1)
        for root in graphs:
            assert len(store.load(root).children) == CHILDREN
    assert sum(work.refused for work in done), "nobody met anybody: the test shows nothing"
    print(
        f"{server.scheme} {layout}: {sum(work.acts for work in done)} acts, "
        f"{sum(counted.values())} counted up, {sum(work.refused for work in done)} refused, "
        f"{len(graphs)} graphs left, {sum(work.seen for work in done)} seen whole"
    )
