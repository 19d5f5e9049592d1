"""The inspector process: it answers, it is bounded, and it comes back."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.work.inspector import Bounds, InspectionError, Inspector
from app.work.protocol import Missing
from app.work.task import Cancelled, Progress
from persistence.errors import DecodeError
from tests.helpers.effort import effort

HOSTILE = Path(__file__).parents[2] / "data" / "hostile"
SAMPLES = sorted(HOSTILE.glob("*.pickle"))
EXPECTED = json.loads((HOSTILE / "manifest.json").read_text("utf-8"))
MIB = 1024 * 1024


@pytest.fixture
def inspector() -> Iterator[Inspector]:
    inspector = Inspector()
    yield inspector
    inspector.close()


def heavy(count: int = 400_000) -> bytes:
    """A pickle whose decoding takes about a second, and 100 MB, for each 400,000 items."""
    return pickle.dumps([(n, str(n)) for n in range(count)])


def test_every_hostile_sample_ends_as_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where a command would leave its mark
    inspector = Inspector()
    try:
        inspector.start()
        pid = inspector.pid
        for sample in SAMPLES:
            began = effort()
            outcome = outcome_of(inspector, sample)
            assert outcome in EXPECTED[sample.stem]["an inspector must"], sample.stem
            assert effort() - began < 2, sample.stem
            assert inspector.pid == pid, f"the process died of {sample.stem}"
            assert psutil.Process(pid).memory_info().rss < 512 * MIB, sample.stem
    finally:
        inspector.close()
    assert not list(tmp_path.iterdir())


def outcome_of(inspector: Inspector, sample: Path) -> str:
    try:
        row = inspector.root(sample.stem, sample.read_bytes())
        inspector.children(sample.stem, b"", ((), 0, 100))
        inspector.references(sample.stem, b"")
        inspector.text(sample.stem, b"", (), (0, 10_000))
    except DecodeError as error:
        assert str(error)
        return "report a clear error"
    assert row.value.isprintable()
    return "show a tree"


def test_all_hostile_samples_are_digested_together(inspector: Inspector) -> None:
    digests = inspector.digests([sample.read_bytes() for sample in SAMPLES])
    readable = {
        sample.stem for sample, found in zip(SAMPLES, digests, strict=True) if found is not None
    }
    for name, rule in EXPECTED.items():
        if rule["an inspector must"] == "show a tree":
            assert name in readable
        if rule["an inspector must"] == "report a clear error":
            assert name not in readable


def test_the_process_imports_neither_qt_nor_a_database() -> None:
    code = (
        "import sys, app.work.inspector_process;"
        "print(sorted({'PySide6', 'sqlalchemy', 'sqlite3', 'psutil'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.strip() == "[]"


def test_an_object_is_sent_once_and_asked_about_often(inspector: Inspector) -> None:
    with pytest.raises(Missing):
        inspector.root("1", b"")
    inspector.root("1", pickle.dumps({"a": [1, 2]}))
    (row,) = inspector.children("1", b"", ((), 0, 10))
    assert row.name == "a"
    assert inspector.text("1", b"", (0, 1), (0, 10)) == "2"
    assert inspector.expression("1", b"", (0,)) == "[1, 2]"


def test_what_was_not_used_for_long_is_dropped_for_what_is_new() -> None:
    inspector = Inspector(Bounds(kept=3_000))
    try:
        data = pickle.dumps("x" * 1_000)
        for name in ("a", "b"):
            inspector.root(name, data)
        inspector.root("a", b"")
        inspector.root("c", data)
        inspector.root("a", b"")
        with pytest.raises(Missing):
            inspector.root("b", b"")
        inspector.root("huge", pickle.dumps("x" * 10_000))
        with pytest.raises(Missing):
            inspector.root("a", b"")
        inspector.root("huge", b"")
    finally:
        inspector.close()


def test_an_object_that_takes_too_long_is_given_up_and_the_process_comes_back() -> None:
    inspector = Inspector(Bounds(seconds=0.1, seconds_per_mib=0.0))
    try:
        inspector.root("1", pickle.dumps(1))
        pid = inspector.pid
        data = heavy(2_000_000)
        began = effort()
        with pytest.raises(InspectionError, match="more than 0 s") as error:
            inspector.root("2", data)
        assert error.value.advice
        assert effort() - began < 2
        assert pid is not None
        assert not psutil.pid_exists(pid)
        assert inspector.root("3", pickle.dumps("alive")).value == "alive"
        assert inspector.pid != pid
    finally:
        inspector.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is the system's only on Linux")
def test_an_object_that_needs_too_much_memory_is_refused_and_the_process_lives_on() -> None:
    inspector = Inspector(Bounds(memory=40 * MIB))
    try:
        inspector.root("1", pickle.dumps("small"))
        pid = inspector.pid
        with pytest.raises(DecodeError, match="memory"):
            inspector.root("2", heavy())
        assert inspector.root("3", pickle.dumps("alive")).value == "alive"
        assert inspector.pid == pid
    finally:
        inspector.close()


def test_the_asker_watches_the_memory_where_the_system_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inspector = Inspector()
    try:
        inspector.root("1", pickle.dumps("small"))  # under the usual limit of the system
        inspector.bounds = Bounds(memory=8 * MIB)
        with pytest.raises(InspectionError, match="8 MiB"):
            inspector.root("2", heavy(1_200_000))
        inspector.bounds = Bounds()
        assert inspector.root("3", pickle.dumps("alive")).value == "alive"
    finally:
        inspector.close()


def test_a_process_that_was_killed_idle_is_not_noticed(inspector: Inspector) -> None:
    inspector.root("1", pickle.dumps("first"))
    assert inspector.pid is not None
    psutil.Process(inspector.pid).kill()
    assert inspector.root("2", pickle.dumps("second")).value == "second"
    with pytest.raises(Missing):
        inspector.root("1", b"")


def test_a_question_whose_process_is_killed_once_is_answered_by_the_next(
    inspector: Inspector,
) -> None:
    inspector.start()
    pid = inspector.pid
    assert pid is not None
    data = heavy()
    killer = threading.Thread(target=lambda: _kill_when_busy(pid))
    killer.start()
    assert inspector.root("1", data).child_count == 400_000
    killer.join()
    assert inspector.pid != pid


def _kill_when_busy(pid: int) -> None:
    process = psutil.Process(pid)
    idle = process.cpu_times().user
    deadline = time.monotonic() + 10
    while process.cpu_times().user < idle + 0.05 and time.monotonic() < deadline:
        threading.Event().wait(0.002)
    process.kill()


def test_a_question_that_always_kills_the_process_fails_with_a_sentence() -> None:
    inspector = Inspector(Bounds(memory=40 * MIB, seconds=10))
    try:
        with pytest.raises(InspectionError) as error:
            inspector.root("1", pickle.dumps(b"\0" * (200 * MIB)))
        assert error.value.advice
        assert inspector.root("2", pickle.dumps("alive")).value == "alive"
    finally:
        inspector.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is the system's only on Linux")
def test_the_one_pickle_that_kills_the_process_is_found_among_many() -> None:
    inspector = Inspector(Bounds(memory=40 * MIB, seconds=10))
    try:
        many = [pickle.dumps({"name": str(n)}) for n in range(100)]
        many[37] = pickle.dumps(b"\0" * (200 * MIB))
        digests = inspector.digests(many)
        assert digests[37] is None
        assert [d.name for n, d in enumerate(digests) if d is not None] == [
            str(n) for n in range(100) if n != 37
        ]
    finally:
        inspector.close()


def test_a_cancelled_question_is_given_up_soon(inspector: Inspector) -> None:
    progress = Progress()
    progress.cancel()
    inspector.start()
    data = heavy(2_000_000)
    began = effort()
    with pytest.raises(Cancelled):
        inspector.root("1", data, progress)
    assert effort() - began < 2


def test_closing_from_another_thread_ends_the_question_under_way() -> None:
    inspector = Inspector()
    inspector.start()
    pid = inspector.pid
    data = heavy(2_000_000)
    outcomes: list[BaseException] = []

    def ask() -> None:
        try:
            inspector.root("1", data)
        except BaseException as error:
            outcomes.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while psutil.Process(pid).cpu_percent(0.05) < 1 and asking.is_alive():
        pass
    inspector.interrupt()
    asking.join(5)
    assert isinstance(outcomes[0], Cancelled)
    with pytest.raises(Cancelled):
        inspector.start()
    inspector.close()
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_ctrl_c_does_not_end_the_process(inspector: Inspector) -> None:
    inspector.root("1", pickle.dumps(1))
    assert inspector.pid is not None
    os.kill(inspector.pid, signal.SIGINT)
    assert inspector.root("1", b"").value == "1"


def test_the_process_ends_with_the_one_that_asks(tmp_path: Path) -> None:
    script = tmp_path / "asker.py"
    script.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path.cwd())!r})\n"
        "from app.work.inspector import Inspector\n"
        "if __name__ == '__main__':\n"
        "    inspector = Inspector()\n"
        "    inspector.root('1', b'I1\\n.')\n"
        "    print(inspector.pid, flush=True)\n"
        "    os._exit(1)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    psutil.wait_procs([_process(int(done.stdout))], timeout=30)
    assert not _is_running(int(done.stdout))


def _process(pid: int) -> Any:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return psutil.Process()  # it ended already; waited for in vain, and only in the first call


def _is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_the_process_runs_nothing_of_the_program_that_asks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"  # as people write them: it works as soon as it is read
    script.write_text(
        "from app.work.inspector import Inspector\n"
        "print('script')\n"
        "inspector = Inspector()\n"
        "inspector.start()\n"
        "print('asked', flush=True)\n"
        "inspector.close()\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["script", "asked"], "")
