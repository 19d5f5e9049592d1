"""Many processes at once, and writers that are killed, on every kind of store.

JOBSHELF_STRESS=20 runs twenty times as long, with more processes.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from persistence import make_store
from persistence.records import RecordStore
from persistence.testing import ConcurrentContract, CrashContract
from tests.conftest import DATA
from tests.helpers.gc3pie import gc3pie_python
from tests.helpers.load import COUNTERS, Report, begin, counted, leftovers, run_load

STRESS = float(os.environ.get("JOBSHELF_STRESS", "1"))
PROCESSES = 3 if STRESS <= 1 else 8
SECONDS = 2.0 * STRESS
KINDS = ("file", "own", "gc3pie.db", "gc3pie folder")


class _Stress(ConcurrentContract, CrashContract):
    processes = 16
    saves = 500
    kills = 200

    scheme = "file"

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self._path = tmp_path / "store"

    def address(self) -> str:
        return f"{self.scheme}://{self._path.as_posix()}"


class TestFiles(_Stress):
    pass


class TestSqlite(_Stress):
    scheme = "sqlite"


@pytest.fixture(params=KINDS)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store: new, or one that GC3Pie wrote, without what is in it."""
    place = tmp_path / "store"
    if request.param == "gc3pie.db":
        shutil.copy(DATA / "gc3pie" / "python3.7" / "jobs.db", place)
        with closing(sqlite3.connect(place)) as connection:
            connection.execute("DELETE FROM store")
            connection.commit()
    elif request.param == "gc3pie folder":
        shutil.copytree(DATA / "gc3pie" / "python3.7" / "jobs-dir", place)
        for path in place.iterdir():
            path.unlink()
    scheme = "file" if request.param in ("file", "gc3pie folder") else "sqlite"
    return f"{scheme}://{place.as_posix()}"


def opened(address: str) -> RecordStore:
    store = make_store(address)
    assert isinstance(store, RecordStore)
    return store


def check(address: str, reports: list[Report], others: Iterable[str] = ()) -> Counter[str]:
    """Compare what a store holds with what its writers say; return what they did."""
    torn = [text for report in reports for text in report.torn]
    assert not torn, torn[:5]
    given = [id_ for report in reports for id_ in report.given]
    assert len(set(given)) == len(given), "an ID was given twice"
    kept = {id_ for report in reports for id_ in report.kept}
    with opened(address) as store:
        for id_ in COUNTERS:
            # Every count that was acknowledged is in it: no update was lost.
            assert counted(store.read(id_)) == sum(r.counted[id_] for r in reports)
        found = {id_ for id_ in store.list() if not 2**41 <= _number(id_) < 2**42}
        assert found == kept | {*COUNTERS, *others}
        for record in store.read_many(kept):
            counted(record.data)
    path = Path(address.split("://")[1])
    if path.is_dir():
        assert leftovers(path) == []
    else:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    done: Counter[str] = sum((report.done for report in reports), Counter())
    print(f"\n{path.name}: {dict(done)}")
    return done


def _number(id_: str) -> int:
    return int(id_) if id_.isdigit() else 0


def test_a_mixed_load_loses_no_update_and_shows_no_half(address: str) -> None:
    with opened(address) as store:
        begin(store)
    done = check(address, run_load(address, PROCESSES, SECONDS, kills=int(2 * STRESS)))
    assert done["counted"] > 0
    assert done["saved"] > 0
    assert done["read"] > 0


_python, _reason = gc3pie_python()


@pytest.fixture
def home_of_gc3pie(tmp_path: Path) -> Iterator[dict[str, str]]:
    """GC3Pie counts its IDs in a file of the user's."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    yield {**environment, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.skipif(_python is None, reason=_reason)
@pytest.mark.parametrize("address", ["gc3pie.db", "gc3pie folder"], indirect=True)
def test_gc3pie_and_we_write_to_one_store(address: str, home_of_gc3pie: dict[str, str]) -> None:
    with opened(address) as store:
        begin(store)
    assert _python is not None
    script = Path(__file__).parents[1] / "helpers" / "gc3pie_load.py"
    with subprocess.Popen(
        [_python, str(script), address, str(2 * SECONDS + 1)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=home_of_gc3pie,
    ) as writer:
        try:
            assert writer.stdout is not None
            started = writer.stdout.readline()
            assert started, writer.communicate()[1][-2000:]
            theirs = set(json.loads(started))
            with opened(address) as store:
                reports = run_load(address, PROCESSES - 1, SECONDS / 2)
                seen = _watch(store, theirs, SECONDS / 2)
            output, errors = writer.communicate(timeout=120)
            assert writer.returncode == 0, errors[-2000:]
        finally:
            writer.kill()
    left = json.loads(output)
    check(address, reports, set(left["jobs"]))
    assert set(left["jobs"]) == theirs
    with opened(address) as store:
        assert {id_: counted(store.read(id_)) for id_ in theirs} == left["jobs"]
    assert left["writes"] > 5
    assert seen > 5


def _watch(store: RecordStore, ids: set[str], seconds: float) -> int:
    """Read what GC3Pie writes: always there, always whole, never an older one again."""
    last = dict.fromkeys(ids, 0)
    looks = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for id_ in ids:
            number = counted(store.read(id_))
            assert number >= last[id_]
            last[id_] = number
            looks += 1
    return looks
