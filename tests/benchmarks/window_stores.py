"""Large stores for the benchmarks of the window, made in seconds, and a program that changes one.

    python tests/benchmarks/window_stores.py FILE COUNT RATE SECONDS

changes objects of a store that `make_own` made, so many a second, ten times a second or more:
each time one of the first `VIEW` objects and some of all others. The name of a changed object
is when it was written, in seconds since the epoch, so that a window that shows it can tell how
old what it shows is.
"""

from __future__ import annotations

import os
import pickle
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from persistence import make_store

__all__ = ["STATES", "VIEW", "forget_pages", "make_folder", "make_gc3pie", "make_large_objects",
           "make_own", "rows", "stamp_of"]  # fmt: skip

STATES = ("NEW", "SUBMITTED", "RUNNING", "STOPPED", "TERMINATING", "TERMINATED", "UNKNOWN")
VIEW = 40
"""How many of the first objects the changing program changes again and again."""

_STEP = 0.02  # seconds
_BATCH = 20_000
_TYPE = "campaign.jobs.Application"
_NAME = "sweep0000000"
_STAMP = "at "


class Run:
    """What became of a job."""


class Application:
    """A job as batch programs keep it."""


def make_own(path: Path, count: int) -> None:
    """Make a SQLite store of Jobshelf's own with so many objects of about 1 KB."""
    with make_store(f"sqlite:///{path}"):
        pass
    now = time.time()
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO store VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?)",
            (
                (number, id_, type_, state, name, len(data), now - count + number, data)
                for number, (id_, type_, state, name, data) in enumerate(rows(count), 1)
            ),
        )
        db.execute("UPDATE store_meta SET change = 1, last_seq = ?", (count,))
    db.close()
    _settle(path)


def make_gc3pie(path: Path, count: int) -> None:
    """Make a SQLite store as GC3Pie makes them."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))")
        db.executemany(
            "INSERT INTO store VALUES (?, ?, ?)",
            ((number, row[4], row[2]) for number, row in enumerate(rows(count), 1)),
        )
    db.close()
    _settle(path)


def make_folder(path: Path, count: int) -> None:
    """Make a folder of job files."""
    path.mkdir()
    for id_, *_, data in rows(count):
        (path / id_).write_bytes(data)


def make_large_objects(path: Path) -> None:
    """Make a store with a list of a million, an object of 8 MB, and a text of 100 MB."""
    with make_store(f"sqlite:///{path}") as store:
        store.save_many(
            [list(range(1_000_000)), _jobs(8 * 1024 * 1024), "line of output\n" * 7_000_000]
        )


def rows(count: int) -> Iterator[tuple[str, str, str, str, bytes]]:
    """Iterate over so many objects: ID, type, state, name, pickle."""
    template = pickle.dumps(_job(0), protocol=4)
    for number in range(1, count + 1):
        name = f"sweep{number:07}"
        data = template.replace(_NAME.encode(), name.encode())
        yield f"Application.{number}", _TYPE, STATES[number % len(STATES)], name, data


def stamp_of(name: str) -> float:
    """Return when the object of a name was written by the changing program, or 0."""
    return float(name.removeprefix(_STAMP)) if name.startswith(_STAMP) else 0.0


def forget_pages(path: Path) -> bool:
    """Have a file read from the disk when it is read next; return whether that can be had."""
    if not hasattr(os, "posix_fadvise"):
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    return True


def change(path: Path, count: int, rate: int, seconds: float) -> None:
    """Change so many objects a second, as a job runner does: several in each transaction."""
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.execute("PRAGMA synchronous = NORMAL")
    began, done, turn = time.monotonic(), 0, 0
    while (now := time.monotonic()) - began < seconds:
        wanted = int((now - began) * rate)
        if wanted > done:
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE store_meta SET change = change + 1")
            ((number,),) = db.execute("SELECT change FROM store_meta").fetchall()
            written = time.time()
            name = f"{_STAMP}{written:.6f}"
            chosen = [turn % VIEW + 1]
            chosen += [random.randint(1, count) for _ in range(wanted - done - 1)]
            turn += 1
            db.executemany(
                "UPDATE store SET name = ?, state = ?, saved = ?, change = ? WHERE seq = ?",
                [(name, random.choice(STATES), written, number, seq) for seq in chosen],
            )
            db.execute("COMMIT")
            done = wanted
        time.sleep(_STEP)
    db.close()
    print(done)


def _job(number: int) -> Application:
    run = Run()
    vars(run).update(
        _state="TERMINATED",
        returncode=0,
        history=[(f"Submitted to slurm at {k}", 1700000000.5 + k) for k in range(4)],
        timestamp={"NEW": 1.0, "SUBMITTED": 2.0, "RUNNING": 3.0, "TERMINATED": 4.0},
        resource="localhost",
        log="line\n" * 3,
    )
    made = Application()
    vars(made).update(
        jobname=f"sweep{number:07}",
        arguments=["/usr/bin/simulate", "--temperature", str(300 + number), "--steps", "100000"],
        inputs={"input.dat": f"/home/me/campaign/in/{number}.dat"},
        outputs={"result.h5": f"/home/me/campaign/out/{number}.h5"},
        requested_memory=2048,
        requested_cores=4,
        execution=run,
        parameters={"temperature": 300 + number, "pressure": 1.5, "seeds": [1, 2, 3, number]},
    )
    return made


def _jobs(size: int) -> list[Application]:
    sample = 1_000  # what is the same in all is written once
    each = len(pickle.dumps([_job(n) for n in range(sample)], protocol=4)) / sample
    return [_job(number) for number in range(int(size / each))]


def _settle(path: Path) -> None:
    """Leave one file, as a store has that nobody writes to."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


if __name__ == "__main__":
    change(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
