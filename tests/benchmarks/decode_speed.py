"""Print how long `decode` takes, as ratios to what reads the same pickle otherwise.

    python tests/benchmarks/decode_speed.py [JOBS ...]

For one job object of about 1 KB and for lists of that many (by default 12,000, some 6 to
8 MB), in protocols 2, 4 and 5. Everything is measured in turns in the same run and the best
time counts, so that other load on the machine falls on all alike. `loads` has the classes at
hand; `fickling` is shown if it is installed.
"""

from __future__ import annotations

import contextlib
import gc
import pickle
import pickletools
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from persistence.pickles.decode import decode
from persistence.pickles.guards import check
from persistence.pickles.tame import recognise

PROTOCOLS = (2, 4, 5)
JOBS = (1, 12_000)
SECONDS = 2.0  # for each line
SLOW = 200_000  # bytes; `fickling` would take minutes


class Run:
    """What became of a job."""


class Job:
    """A job as batch programs keep it, with its inputs, parameters and history."""


def job(number: int) -> Job:
    run = Run()
    vars(run).update(
        _state="TERMINATED",
        returncode=0,
        history=[(f"Submitted to slurm at {k}", 1700000000.5 + k) for k in range(4)],
        timestamp={"NEW": 1.0, "SUBMITTED": 2.0, "RUNNING": 3.0, "TERMINATED": 4.0},
        resource="localhost",
        info="ok",
        log="line\n" * 3,
    )
    made = Job()
    vars(made).update(
        jobname=f"sweep{number:05d}",
        arguments=["/usr/bin/simulate", "--temperature", str(300 + number), "--steps", "100000"],
        inputs={"input.dat": f"/home/me/campaign/in/{number}.dat"},
        outputs={"result.h5": f"/home/me/campaign/out/{number}.h5"},
        output_dir=f"/home/me/campaign/out/{number:05d}",
        requested_memory=2048,
        requested_walltime=3600,
        requested_cores=4,
        changed=False,
        persistent_id=f"Job.{number}",
        execution=run,
        parameters={
            "temperature": 300 + number,
            "pressure": 1.5,
            "label": f"x{number}",
            "seeds": [1, 2, 3, number],
        },
        when=datetime(2024, 1, 2, 3, 4, 5),  # noqa: DTZ001
    )
    return made


def best(readers: dict[str, Callable[[bytes], Any]], data: bytes) -> dict[str, float]:
    """Return the shortest time of each reader, in seconds; they take turns."""
    repeats = max(1, 20_000 // len(data))
    times = dict.fromkeys(readers, float("inf"))
    end = time.perf_counter() + SECONDS
    turns = 0
    while turns < 3 or time.perf_counter() < end:
        turns += 1
        for name, read in readers.items():
            gc.collect()
            begun = time.perf_counter()
            for _ in range(repeats):
                result = read(data)
            times[name] = min(times[name], (time.perf_counter() - begun) / repeats)
            del result
    return times


def readers(size: int) -> dict[str, Callable[[bytes], Any]]:
    found: dict[str, Callable[[bytes], Any]] = {
        "loads": pickle.loads,
        "decode": decode,
        "recognise": recognise,
        "check": check,
        "genops": lambda data: deque(pickletools.genops(data), maxlen=0),
    }
    if size < SLOW:
        with contextlib.suppress(ImportError):
            from fickling.fickle import Pickled

            found["fickling"] = lambda data: Pickled.load(data).ast
    return found


def main(counts: list[int]) -> None:
    print(f"Python {sys.version.split()[0]}: times as multiples of pickle.loads")
    print(f"{'jobs':>7}{'protocol':>10}{'bytes':>11}{'loads':>12}", end="")
    print(f"{'decode':>9}{'(proof':>9}{'or walk)':>9}{'genops':>9}{'fickling':>10}")
    for count in counts:
        for protocol in PROTOCOLS:
            data = pickle.dumps(job(1) if count == 1 else [job(n) for n in range(count)], protocol)
            decode(data)
            times = best(readers(len(data)), data)
            loads = times["loads"]
            print(f"{count:>7}{protocol:>10}{len(data):>11,}{loads * 1e6:>9,.1f} µs", end="")
            for name, width in [("decode", 9), ("recognise", 9), ("check", 9), ("genops", 9)]:
                print(f"{times[name] / loads:>{width}.2f}", end="")
            fickling = times.get("fickling")
            print(f"{fickling / loads:>10.0f}" if fickling else f"{'–':>10}", flush=True)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or list(JOBS))
