"""The demo: a store with two campaigns of jobs, and a process that really runs them.

`Demo.start` makes the store in a temporary folder and starts the runner, which takes the
jobs that are NEW, runs their commands a few at a time, and saves each change of state. It
ends when all jobs are done or when the window, its parent, is gone.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from app.demo_foreign import foreign_objects
from app.demo_jobs import Campaign, Dataset, Grid, Job, Priority, Residue, Specimens
from app.work import spawning
from persistence import ObjectNotFound, Store, make_store

__all__ = ["Demo", "make_demo"]

_AT_ONCE = 3  # jobs that the runner has running
_PACE = 0.4  # seconds between two looks at the running jobs
_SEED = 20261124


@dataclass
class Demo:
    """A demo store and the process that works on it.

    Attributes:
        folder: The temporary folder that holds the store.
        uri: The address of the store.
    """

    folder: Path
    uri: str
    _runner: BaseProcess
    _lifeline: Connection  # the runner ends when this is closed

    @classmethod
    def start(cls) -> Demo:
        """Make a demo store and start running its jobs."""
        folder = Path(tempfile.mkdtemp(prefix="jobshelf-demo-"))
        try:
            uri = make_demo(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        context = multiprocessing.get_context("spawn")
        theirs, ours = context.Pipe(duplex=False)
        runner = context.Process(target=_run, args=(uri, theirs), name="demo runner", daemon=True)
        spawning.start(runner)
        theirs.close()
        return cls(folder, uri, runner, ours)

    def close(self) -> None:
        """End the runner and remove the store."""
        self._lifeline.close()
        self._runner.join(2)
        if self._runner.is_alive():
            self._runner.kill()
            self._runner.join()
        self._runner.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def make_demo(folder: Path) -> str:
    """Make a store with a few hundred jobs.

    Args:
        folder: Where its file goes.

    Returns:
        The address of the store.
    """
    uri = f"sqlite:///{(folder / 'demo.db').as_posix().lstrip('/')}"
    chance = random.Random(_SEED)  # noqa: S311 — not for secrets
    with make_store(uri) as store:
        spin_glass, docking = _spin_glass(chance), _docking(chance)
        lost = Job("calibration, removed", _command(chance, "ok"))
        gallery = _specimens(docking, lost)
        with foreign_objects() as foreign:
            store.save_many([spin_glass, docking, gallery, *foreign])
        store.remove(str(lost.persistent_id))  # leaves a dangling reference
    return uri


# The campaigns


def _spin_glass(chance: random.Random) -> Campaign:
    campaign = Campaign("spin glass, temperature sweep", "rosa")
    campaign.inputs = [
        Dataset("couplings", PurePosixPath("/data/spin/J_L24.npz"), "9f2c41aa"),
        Dataset("seeds", PurePosixPath("/data/spin/seeds.txt"), "01b8e77d"),
    ]
    previous: Job | None = None
    for replica in range(12):
        for step in range(14):
            temperature = 0.4 + 0.1 * step
            job = campaign.add(
                Job(
                    f"L24-T{temperature:.1f}-r{replica:02d}",
                    _command(chance, f"energy {-1.7 + temperature / 5:.4f}"),
                    temperature=round(temperature, 1),
                    replica=replica,
                    sweeps=100_000,
                    lattice=(24, 24, 24),
                )
            )
            job.after = previous if step else None
            previous = job
            _age(job, chance, done=0.75 - 0.06 * replica)
    analysis = campaign.add(Job("finite-size analysis", _command(chance, "Tc 1.102(3)")))
    analysis.priority = Priority.URGENT
    return campaign


def _docking(chance: random.Random) -> Campaign:
    campaign = Campaign("kinase inhibitors, docking", "jun")
    campaign.inputs = [Dataset("receptor", PurePosixPath("/data/dock/2xyz.pdbqt"), "7aa0d94e")]
    for number in range(130):
        job = campaign.add(
            Job(
                f"ligand-{number:04d}",
                _command(chance, f"affinity {-4 - 6 * chance.random():.2f} kcal/mol"),
                ligand=f"ZINC{chance.randrange(10**11):012d}",
                grid=Grid((round(chance.uniform(-20, 20), 2), 4.5, 11.0)),
                exhaustiveness=8,
                pocket=[Residue("LYS", 72, "A"), Residue("ASP", 184, "A")],
            )
        )
        job.priority = chance.choice(list(Priority))
        _age(job, chance, done=0.45)
    return campaign


def _command(chance: random.Random, result: str) -> list[str]:
    """Return a command that takes a moment, prints a result, and sometimes fails."""
    code = f"import time; time.sleep({chance.uniform(0.3, 2.5):.2f}); print({result!r})"
    if chance.random() < 0.08:
        code += "; raise SystemExit('no convergence after 500 iterations')"
    return ["python", "-c", code]


def _age(job: Job, chance: random.Random, done: float) -> None:
    """Give a job the past of one that ran before the demo began, with some probability."""
    if chance.random() >= done:
        return
    when = datetime.now(timezone.utc) - timedelta(hours=chance.uniform(1, 72))
    for state in ("SUBMITTED", "RUNNING"):
        job.move_to(state, when)
        when += timedelta(seconds=chance.uniform(2, 1800))
    fate = chance.random()
    if fate < 0.06:
        job.move_to("STOPPED", when)
        return
    job.move_to("TERMINATED", when)
    job.returncode = 0 if fate < 0.9 else 1
    job.output = "done\n" if job.returncode == 0 else "no convergence after 500 iterations\n"


# One of everything


def _specimens(campaign: Campaign, lost: Job) -> Specimens:
    gallery: Any = Specimens("one of every kind")
    gallery.moment = datetime(2026, 3, 29, 1, 59, 59, 250_000, tzinfo=timezone.utc)
    gallery.day = date(2026, 2, 28)
    gallery.walltime = timedelta(hours=36, minutes=5)
    gallery.price = Decimal("1234.5600")
    gallery.ratio = Fraction(22, 7)
    gallery.impedance = 50 - 3.2j
    gallery.run_id = UUID("0199c2b7-e0f5-7d3a-8c1e-5b9a4f6d2c10")
    gallery.path = PurePosixPath("/scratch/run/job7.d/réplica.log")
    gallery.priority = Priority.URGENT
    gallery.ordered = OrderedDict(NEW=0.0, SUBMITTED=1.5, RUNNING=62.25)
    gallery.recent = deque(["first", "second", "third"], maxlen=10)
    gallery.by_host = defaultdict(list, {"node01": [1, 5], "node02": [2]})
    gallery.counts = Counter(TERMINATED=118, RUNNING=3)
    gallery.grid = Grid((1.0, 2.0, 3.0))
    gallery.residue = Residue("HIS", 57, "B")
    gallery.tags = {"cluster", "gpu"}
    gallery.frozen = frozenset({1, 2, 3})
    gallery.raw = bytes(range(48))
    gallery.buffer = bytearray(b"\x00\xff" * 8)
    gallery.failure = ValueError("temperature must be positive", -3)
    gallery.slice = slice(0, 100, 5)
    gallery.steps = range(0, 1_000_000, 10)
    gallery.huge = 7**400
    gallery.job_class = Job
    gallery.log = "".join(f"step {n}: residual {1 / (n + 1):.3e}\n" for n in range(2_000))
    gallery.series = list(range(100_000))
    gallery.nested = [[[[["five levels down"]]]]]
    gallery.itself = gallery
    gallery.shared = [gallery.grid, gallery.grid]
    gallery.campaign = campaign
    gallery.lost = lost
    gallery.by_job = {job: job.parameters["ligand"] for job in campaign.jobs[:3]}
    return gallery  # type: ignore[no-any-return]


# The runner


def _run(uri: str, lifeline: Connection) -> None:
    """Run the jobs that are NEW, until none is left or the window is gone."""
    with make_store(uri) as store:
        waiting = deque(_new_jobs(store))
        running: list[tuple[Job, subprocess.Popen[str]]] = []
        try:
            while (waiting or running) and not _is_cut(lifeline, _PACE):
                running = [pair for pair in running if not _finish(store, *pair)]
                if waiting and len(running) < _AT_ONCE:
                    _start(store, waiting.popleft(), running)
        finally:
            for _, process in running:
                process.kill()
                process.wait()


def _new_jobs(store: Store) -> list[Job]:
    campaign_type = f"{Campaign.__module__}.{Campaign.__qualname__}"
    roots = [summary.id for summary in store.summaries() if summary.type == campaign_type]
    jobs = [job for campaign in store.load_many(roots) for job in campaign.jobs]
    return [job for job in jobs if job.state == "NEW"]


def _is_cut(lifeline: Connection, seconds: float) -> bool:
    """Wait a moment; return whether the other end was closed meanwhile."""
    return lifeline.poll(seconds)


def _start(store: Store, job: Job, running: list[tuple[Job, subprocess.Popen[str]]]) -> None:
    job.move_to("SUBMITTED")
    if not _save(store, job):
        return
    time.sleep(_PACE / 2)
    command = [sys.executable, *job.command[1:]]
    process = subprocess.Popen(  # noqa: S603 — the commands are our own
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running.append((job, process))
    job.move_to("RUNNING")
    _save(store, job)


def _finish(store: Store, job: Job, process: subprocess.Popen[str]) -> bool:
    """Save what came of a job if its command has ended; return whether it has."""
    if process.poll() is None:
        return False
    job.output = process.communicate()[0]
    job.returncode = process.returncode
    job.move_to("TERMINATED")
    _save(store, job)
    return True


def _save(store: Store, job: Job) -> bool:
    """Save a job in place; return False if the user has deleted it."""
    try:
        store.replace(job.persistent_id, job)
    except ObjectNotFound:
        return False
    return True
