"""Mixed load on one store from many processes, and what each of them did and saw."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from persistence import Edit, make_store
from persistence.errors import ConflictError, ObjectNotFound
from persistence.pickles import Object, decode
from persistence.records import RecordStore
from persistence.store import ABSENT

__all__ = ["COUNTERS", "Report", "counted", "payload", "run_load"]

COUNTERS = tuple(str(2**40 + number) for number in range(3))
"""IDs of the objects that all processes count up."""
_SIZES = (10, 500, 9_000, 70_000)  # bytes: within a page, over several, beyond Python's buffers


@dataclass
class Report:
    """What one process did.

    Attributes:
        done: How often each operation was done.
        counted: How often it counted each counter up.
        kept: IDs of what it saved and did not remove.
        given: All IDs that it got.
        torn: What it saw that was not whole.
    """

    done: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    kept: set[str] = field(default_factory=set)
    given: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)


def payload(number: int, size: int) -> bytes:
    """Return a pickle that tells by itself whether it is whole."""
    return pickle.dumps({"name": str(number), "content": _letter(number) * size}, 2)


def counted(data: bytes) -> int:
    """Return the number in a payload, also in one of `gc3pie_load`.

    Raises:
        Exception: It is not whole.
    """
    root = decode(data).root
    found = root.attributes() if isinstance(root, Object) else root
    number = int(found["name"])
    content = found["content"]
    assert content == _letter(number) * len(content)
    return number


def _letter(number: int) -> str:
    return chr(ord("a") + number % 26)


def run_load(address: str, processes: int, seconds: float, kills: int = 0) -> list[Report]:
    """Have processes do everything to a store at once.

    Args:
        address: The store; it must hold the counters, at zero.
        processes: How many, beside those that are killed.
        seconds: How long.
        kills: How many more there are, that are killed at a random moment; others take
            their places. What these did counts for nothing.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    queue = context.Queue()
    chance = random.Random(7)
    workers = [
        context.Process(target=_work, args=(address, seconds, number, queue))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    until = time.monotonic() + seconds
    for number in range(kills):
        victim = context.Process(target=_harm, args=(address, number))
        victim.start()
        time.sleep(min(chance.uniform(0.5, 1.5), max(until - time.monotonic(), 0.5)))
        assert victim.pid is not None
        os.kill(victim.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        victim.join()
    reports: list[Report] = [queue.get(timeout=seconds + 120) for _ in workers]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return reports


def _harm(address: str, number: int) -> None:
    """Write without end, things that nobody counts, until killed."""
    with make_store(address) as store:
        assert isinstance(store, RecordStore)
        mine = [str(2**41 + 100 * number + n) for n in range(4)]
        while True:
            store.apply([Edit(id_, payload(1, 9_000)) for id_ in mine])
            store.apply([Edit(id_, None) for id_ in mine])
            time.sleep(0.02)  # or SQLite would hardly let anybody else write


def _work(address: str, seconds: float, number: int, queue: Any) -> None:
    chance = random.Random(number)
    report = Report()
    try:
        with make_store(address) as store:
            assert isinstance(store, RecordStore)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                act = chance.choice((_save, _replace, _remove, _count, _count, _list, _read))
                act(store, report, chance)
    except Exception as error:
        report.torn.append(repr(error))
    queue.put(report)


def _save(store: RecordStore, report: Report, chance: random.Random) -> None:
    ids = store.save_many([{"name": "7", "content": "h" * chance.choice(_SIZES)}] * 1)
    report.given += ids
    report.kept.update(ids)
    report.done["saved"] += 1


def _replace(store: RecordStore, report: Report, chance: random.Random) -> None:
    if report.kept:
        id_ = chance.choice(sorted(report.kept))
        store.write(id_, payload(chance.randrange(1000), chance.choice(_SIZES)))
        report.done["replaced"] += 1


def _remove(store: RecordStore, report: Report, chance: random.Random) -> None:
    if len(report.kept) > 5:
        id_ = chance.choice(sorted(report.kept))
        store.remove(id_)
        report.kept.remove(id_)
        report.done["removed"] += 1


def _count(store: RecordStore, report: Report, chance: random.Random) -> None:
    id_ = chance.choice(COUNTERS)
    seen = store.read(id_)
    try:
        store.write(id_, payload(counted(seen) + 1, chance.choice(_SIZES)), expected=seen)
    except ConflictError:
        report.done["refused"] += 1
    else:
        report.counted[id_] += 1
        report.done["counted"] += 1


def _list(store: RecordStore, report: Report, chance: random.Random) -> None:
    ids = store.list()
    if len(set(ids)) < len(ids) or not report.kept | set(COUNTERS) <= set(ids):
        report.torn.append(f"list: {sorted(report.kept - set(ids))}")
    report.done["listed"] += 1


def _read(store: RecordStore, report: Report, chance: random.Random) -> None:
    ids = store.list()
    for id_ in chance.sample(ids, min(len(ids), 5)):
        try:
            data = store.read(id_)
        except ObjectNotFound:
            if id_ in report.kept or id_ in COUNTERS:
                report.torn.append(f"{id_} was not found")
            continue
        try:
            counted(data)
        except Exception as error:
            report.torn.append(f"{id_}: {error!r} in {len(data)} bytes")
        report.done["read"] += 1


def begin(store: RecordStore) -> None:
    """Put the counters into a store."""
    store.apply([Edit(id_, payload(0, 10), ABSENT) for id_ in COUNTERS])


def leftovers(folder: Path) -> list[str]:
    """Return the names of what is in a folder of files and neither object nor lock."""
    return [
        path.name
        for path in folder.iterdir()
        if path.name.startswith(".") and path.name != ".jobshelf-lock.OLD"
    ]
