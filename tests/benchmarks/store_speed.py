"""Print how long stores take to save, load and list jobs, as ratios measured in one run.

    python tests/benchmarks/store_speed.py [--objects N] [--folder DIR] [--files DIR]
                                           [--markdown FILE] [PART ...]

Parts: `single`, `batch`, `list`, `growth`, `files`; all of them if none is given. What is
compared takes turns, and medians count, so that other load on the machine falls on all alike.
"full" and "normal" are durability: flushed to the disk at each save, or surviving the end
of the program only. `--objects` is the size of the large stores (by default 1,000,000, some
1.5 GB on the disk), `--folder` where they are made, `--files` where the files are made: best on
a file system in memory, with as many inodes. GC3Pie runs in its own interpreter, see
`tests/helpers/gc3pie.py`.
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import shutil
import sqlite3
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from peers import PROTOCOL, Floor, Job, Ours, peers  # type: ignore[import-not-found]
from pickle_speed import job as job_attributes  # type: ignore[import-not-found]

from persistence import FilesystemStore, SqlStore

ROUNDS = {"full": 300, "normal": 1500}
IN_A_ROW = 10  # operations of one store before the next one's turn
BATCHES = 15
CHILDREN = 100
FIRST = 200  # rows that a window asks for first


@dataclass
class Line:
    """A line of the table.

    Attributes:
        operation: What was done.
        result: What it took, in words.
        goal: What it should take at most.
        is_reached: Whether it does.
    """

    operation: str
    result: str
    goal: str = ""
    is_reached: bool | None = None


def attributes(number: int) -> dict[str, Any]:
    made = dict(vars(job_attributes(number)))
    del made["persistent_id"], made["changed"]
    return made


def job(number: int) -> Job:
    made = Job()
    vars(made).update(attributes(number), changed=True)
    return made


def seconds(act: Callable[..., Any], *arguments: Any) -> float:
    begun = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - begun


def words(time_: float) -> str:
    return f"{time_ * 1e6:,.0f} µs" if time_ < 0.01 else f"{time_ * 1e3:,.0f} ms"


def ratio_line(operation: str, ours: float, floor: float, goal: float, base: str = "floor") -> Line:
    ratio = ours / floor
    return Line(
        operation,
        f"{ratio:.2f} × {base} ({words(ours)} : {words(floor)})",
        f"≤ {goal} ×",
        ratio <= goal,
    )


# Single objects


def single(folder: Path) -> Iterator[Line]:
    random = Random(1)
    for durability, rounds in ROUNDS.items():
        place = folder / durability
        place.mkdir()
        opened = list(peers(place, durability))
        saves: dict[str, list[float]] = {peer.name: [] for peer in opened}
        loads: dict[str, list[float]] = {peer.name: [] for peer in opened}
        for times, act in (
            (saves, lambda peer, turn: peer.save(attributes(turn))),
            (loads, lambda peer, turn: peer.load(turn)),
        ):
            for turn in range(0, rounds, IN_A_ROW):
                random.shuffle(opened)
                for peer in opened:
                    found = [act(peer, turn + step) for step in range(IN_A_ROW)]
                    # The first finds the processor's caches full of what the others did.
                    times[peer.name].extend(found[1:])
        for peer in opened:
            peer.close()
        for verb, times in (("save", saves), ("load", loads)):
            middle = {name: median(found) for name, found in times.items()}
            ours = middle.pop("Jobshelf")
            title = f"{verb} one, {durability}"
            yield ratio_line(title, ours, middle.pop("floor"), 1.8)
            for name, theirs in middle.items():
                least = {"GC3Pie": 15 if verb == "save" else 10}.get(name, 1)
                is_asked = name == "GC3Pie" or (
                    verb == "save" and name in ("diskcache", "sqlitedict")
                )
                yield Line(
                    f"{title}: {name}",
                    f"{theirs / ours:.1f} × our time ({words(theirs)})",
                    f"≥ {least} ×" if is_asked else "",
                    theirs / ours >= least if is_asked else None,
                )


# Batches and graphs


def batch(folder: Path) -> Iterator[Line]:
    for durability in ROUNDS:
        place = folder / f"batch-{durability}"
        place.mkdir()
        floor, ours = Floor(place, durability), Ours(place, durability)
        times: dict[str, list[float]] = {"floor": [], "ours": [], "row": [], "graph": []}
        for _ in range(BATCHES):
            for name, act in (
                ("floor", floor.write_many),
                ("ours", ours.store.save_many),
            ):
                jobs = [job(n) for n in range(1000)]
                gc.collect()
                times[name].append(seconds(act, jobs))
            jobs = [job(n) for n in range(CHILDREN + 1)]
            gc.collect()
            times["row"].append(seconds(floor.write_many, jobs))
            parent = job(0)
            parent.children = [job(n) for n in range(CHILDREN)]
            gc.collect()
            times["graph"].append(seconds(ours.store.save, parent))
        floor.close()
        ours.close()
        middle = {name: median(found) for name, found in times.items()}
        yield ratio_line(
            f"save 1,000 in one batch, {durability}", middle["ours"], middle["floor"], 1.5
        )
        yield ratio_line(
            f"graph of 1 + {CHILDREN}, {durability}", middle["graph"], middle["row"], 2
        )


# Large stores


def fill(path: Path, count: int) -> None:
    """Make a store of so many objects, unless it is there."""
    if path.exists():
        return
    with SqlStore(path, durability="normal") as store:
        for first in range(0, count, 5000):
            store.save_many([job(n) for n in range(first, min(first + 5000, count))])


def listing(folder: Path, count: int) -> Iterator[Line]:
    path = folder / f"{count}.db"
    fill(path, count)
    statement = "SELECT id, type, state, name, size, saved FROM store ORDER BY seq"
    with closing(sqlite3.connect(path)) as floor, SqlStore(path) as store:
        first = [seconds(lambda: list(islice(store.summaries(), FIRST))) for _ in range(21)]
        yield Line(
            f"first {FIRST} of {count:,} summaries",
            f"{median(first) * 1e3:.1f} ms",
            "< 5 ms",
            median(first) < 0.005,
        )
        raw: list[float] = []
        ours: list[float] = []
        for _ in range(5):
            raw.append(seconds(lambda: _consume(floor.execute(statement))))
            ours.append(seconds(lambda: _consume(store.summaries())))
        yield ratio_line(f"all {count:,} summaries", median(ours), median(raw), 1.3, "SELECT")
        tracemalloc.start()
        peaks = []
        for most in (count // 10, count):
            tracemalloc.reset_peak()
            _consume(islice(store.summaries(), most))
            peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
        yield Line(
            "memory of streaming them",
            f"{peaks[1]:.1f} MB at most ({peaks[0]:.1f} MB for a tenth of them)",
            "flat",
            peaks[1] < 1.5 * peaks[0] + 1,
        )


def _consume(iterator: Any) -> None:
    for _ in iterator:
        pass


def growth(folder: Path, count: int) -> Iterator[Line]:
    small, large = folder / "1000.db", folder / f"{count}.db"
    fill(small, 1000)
    fill(large, count)
    random = Random(4)
    with (
        SqlStore(small, durability="normal") as few,
        SqlStore(large, durability="normal") as many,
    ):
        ids = {store: store.list() for store in (few, many)}
        times: dict[tuple[str, SqlStore], list[float]] = {}
        saved: list[str] = []
        for turn in range(1000):
            for store in (few, many):
                id_ = random.choice(ids[store])
                store.read(id_)  # the page is in memory: the disk is not what is compared
                made = job(turn)
                begun = time.perf_counter()
                new = store.save(made)
                then = time.perf_counter()
                store.load(id_)
                times.setdefault(("save", store), []).append(then - begun)
                times.setdefault(("load", store), []).append(time.perf_counter() - then)
                if store is few:
                    saved.append(new)
        for verb in ("save", "load"):
            yield ratio_line(
                f"{verb} one among {count:,}",
                median(times[verb, many]),
                median(times[verb, few]),
                1.5,
                "among 1,000",
            )
        # So that the small one is small in the next run, too.
        for id_ in saved:
            few.remove(id_)


def files(folder: Path, count: int) -> Iterator[Line]:
    place = folder / f"{count}-files"
    if not place.exists():
        _make_files(place, count)
    with FilesystemStore(place, read_only=True) as store:
        first, every, longest = [], [], []
        for _ in range(3):
            begun = time.perf_counter()
            names = store.names()
            list(islice(names, FIRST))
            then = last = time.perf_counter()
            first.append(then - begun)
            longest_wait = 0.0
            for _name in names:
                now = time.perf_counter()
                longest_wait, last = max(longest_wait, now - last), now
            every.append(last - begun)
            longest.append(longest_wait)
        listed = [seconds(store.list) for _ in range(3)]
    raw = [seconds(_consume, os.scandir(place)) for _ in range(3)]
    yield Line(
        f"first {FIRST} names of {count:,} files",
        f"{median(first) * 1e3:.1f} ms",
        "≤ 80 ms",
        median(first) <= 0.08,
    )
    yield Line(
        "all names, as they come",
        f"{median(every):.2f} s, {median(every) / median(raw):.2f} × os.scandir",
        "≤ 1 s",
        median(every) <= 1,
    )
    yield Line(
        "longest wait for the next name",
        f"{median(longest) * 1e3:.1f} ms",
        "≤ 33 ms",
        median(longest) <= 0.033,
    )
    yield Line("all names, in order", f"{median(listed):.2f} s")
    yield from _growth_of_files(place, count)


def _growth_of_files(place: Path, count: int) -> Iterator[Line]:
    few = place.with_name("1000-files")
    if not few.exists():
        _make_files(few, 1000)
    times: dict[tuple[str, Path], list[float]] = {}
    for turn in range(300):
        for folder in (few, place):
            with FilesystemStore(folder) as store:
                made = job(turn)
                begun = time.perf_counter()
                id_ = store.save(made)
                then = time.perf_counter()
                store.load(id_)
                times.setdefault(("save", folder), []).append(then - begun)
                times.setdefault(("load", folder), []).append(time.perf_counter() - then)
                store.remove(id_)
    for verb in ("save", "load"):
        large, small = median(times[verb, place]), median(times[verb, few])
        yield ratio_line(f"{verb} one among {count:,} files", large, small, 1.5, "among 1,000")


def _make_files(place: Path, count: int) -> None:
    """Make files that are all the same one: a store costs an inode for each name only once."""
    place.mkdir(parents=True)
    made = place.with_name("one-job")
    made.write_bytes(pickle.dumps(job(0), PROTOCOL))
    for number in range(count):
        name = place / f"Job.{number:032x}"
        try:
            os.link(made, name)
        except OSError:  # as many links as a file can have
            made.unlink()
            made.write_bytes(pickle.dumps(job(0), PROTOCOL))
            os.link(made, name)
    made.unlink()


# The table


def table(lines: list[Line]) -> str:
    rows = ["| operation | measured | goal | |", "|---|---|---|---|"]
    for line in lines:
        mark = {True: "✓", False: "not reached", None: ""}[line.is_reached]
        rows.append(f"| {line.operation} | {line.result} | {line.goal} | {mark} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ("single", "batch", "list", "growth", "files")
    parser.add_argument("parts", nargs="*", choices=[[], *names], metavar="PART")
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where large stores are made, and kept")
    parser.add_argument("--files", type=Path, help="where files are made, and kept")
    parser.add_argument("--markdown", type=Path, help="file to write the table to")
    asked = parser.parse_args()
    temporary = Path(tempfile.mkdtemp(prefix="store-speed-"))
    folder = asked.folder or temporary
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Callable[[], Iterator[Line]]] = {
        "single": lambda: single(temporary),
        "batch": lambda: batch(temporary),
        "list": lambda: listing(folder, asked.objects),
        "growth": lambda: growth(folder, asked.objects),
        "files": lambda: files(asked.files or temporary, asked.objects),
    }
    lines: list[Line] = []
    try:
        for name in asked.parts or names:
            for line in parts[name]():
                lines.append(line)
                mark = {True: "ok", False: "NOT REACHED", None: ""}[line.is_reached]
                print(f"{line.operation:38} {line.result:44} {line.goal:8} {mark}", flush=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if asked.markdown:
        asked.markdown.write_text(table(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
