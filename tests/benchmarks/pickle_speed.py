"""Print how long `decode` and `encode` take, as ratios to `pickle.loads` and `pickle.dumps`.

    python tests/benchmarks/pickle_speed.py [JOBS ...]

For different jobs of about 1 KB each, and for lists of that many (by default 12,000, some 6 to
8 MB), in protocols 2, 4 and 5. Everything is measured in turns in the same run and the best
time counts, so that other load on the machine falls on all alike. `loads` and `dumps` have
the classes at hand; `fickling` is shown if it is installed. `writer` is what takes over from
`encode` for the few pickles that the C pickler cannot write.
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
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from persistence.pickles.decode import decode
from persistence.pickles.encode import encode
from persistence.pickles.guards import check
from persistence.pickles.tame import recognise
from persistence.pickles.writer import Writer

PROTOCOLS = (2, 4, 5)
JOBS = (1, 12_000)
SINGLE = 200  # different jobs that are pickled one by one
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


def best(acts: dict[str, Callable[[], Any]], count: int) -> dict[str, float]:
    """Return the shortest time of each act for one of `count` values, in seconds; in turns."""
    times = dict.fromkeys(acts, float("inf"))
    end = time.perf_counter() + SECONDS
    turns = 0
    while turns < 3 or time.perf_counter() < end:
        turns += 1
        for name, act in acts.items():
            gc.collect()
            begun = time.perf_counter()
            act()
            times[name] = min(times[name], (time.perf_counter() - begun) / count)
    return times


def all_of(act: Callable[[Any], Any], values: list[Any]) -> Callable[[], Any]:
    def run() -> None:
        for value in values:
            act(value)

    return run


def readers(pickles: list[bytes]) -> dict[str, Callable[[], Any]]:
    acts: dict[str, Callable[[bytes], Any]] = {
        "loads": pickle.loads,
        "decode": decode,
        "recognise": recognise,
        "check": check,
        "genops": lambda data: deque(pickletools.genops(data), maxlen=0),
    }
    found = {name: all_of(act, pickles) for name, act in acts.items()}
    if len(pickles[0]) < SLOW:
        with contextlib.suppress(ImportError):
            from fickling.fickle import Pickled

            found["fickling"] = all_of(lambda data: Pickled.load(data).ast, pickles)
    return found


def writers(values: list[Any], protocol: int) -> dict[str, Callable[[], Any]]:
    decoded = [decode(pickle.dumps(value, protocol)) for value in values]
    writer = partial(Writer, protocol, python2=False)
    return {
        "dumps": all_of(lambda value: pickle.dumps(value, protocol), values),
        "encode": all_of(encode, decoded),
        "writer": all_of(lambda pickled: writer().write(pickled.root), decoded),
    }


def main(counts: list[int]) -> None:
    print(f"Python {sys.version.split()[0]}: times as multiples of pickle.loads and pickle.dumps")
    print(f"{'jobs':>7}{'protocol':>9}{'bytes':>11}{'loads':>13}{'decode':>8}{'(proof':>8}", end="")
    print(f"{'or walk)':>9}{'genops':>8}{'fickling':>9}{'dumps':>13}{'encode':>8}{'writer':>8}")
    for count in counts:
        jobs = [job(number) for number in range(SINGLE if count == 1 else count)]
        values: list[Any] = jobs if count == 1 else [jobs]
        for protocol in PROTOCOLS:
            pickles = [pickle.dumps(value, protocol) for value in values]
            acts = readers(pickles)
            for _ in range(5 if count == 1 else 1):
                acts["decode"]()  # as in a store of which some objects have been read
            times = best(acts, len(values)) | best(writers(values, protocol), len(values))
            loads, dumps = times["loads"], times["dumps"]
            fickling = times.get("fickling")
            print(f"{count:>7}{protocol:>9}{len(pickles[-1]):>11,}{loads * 1e6:>10,.1f} µs", end="")
            for name, width in [("decode", 8), ("recognise", 8), ("check", 9), ("genops", 8)]:
                print(f"{times[name] / loads:>{width}.2f}", end="")
            print(f"{fickling / loads:>9.0f}" if fickling else f"{'–':>9}", end="")
            print(f"{dumps * 1e6:>10,.1f} µs{times['encode'] / dumps:>8.2f}", end="")
            print(f"{times['writer'] / dumps:>8.1f}", flush=True)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or list(JOBS))
