"""What is opened read-only stays as it is: every name, byte and time in its folder."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from persistence import Edit, SqlStore, make_store
from persistence.errors import ReadOnlyError, StoreError
from persistence.probe import describe
from persistence.records import RecordStore
from persistence.testing import Node
from tests.conftest import DATA
from tests.helpers.hostile_stores import fingerprint
from tests.helpers.read_only import WAYS, kept_from_writing, missing

_KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from persistence import Edit, SqlStore
store = SqlStore({database!r})
store.apply([Edit("X.1", b"N."), Edit("X.2", b"N.")])
os.kill(os.getpid(), signal.SIGKILL)
"""
_LIVING = """
import sys
sys.path[:0] = {path!r}
from persistence import SqlStore
with SqlStore({database!r}) as store:
    store.write("X.1", b"N.")
    print("written", flush=True)
    input()
"""
_HALF_DONE = """
import os, signal, sqlite3
connection = sqlite3.connect({database!r}, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE store SET data = randomblob(50000)")
os.kill(os.getpid(), signal.SIGKILL)
"""


def _own_folder(folder: Path) -> str:
    with make_store(folder / "jobs") as store:
        store.save_many([Node("root", Node("child")), {"n": 1}])
    return "jobs"


def _interrupted_folder(folder: Path) -> str:
    _own_folder(folder)
    transaction = folder / "jobs" / ".jobshelf-transaction.OLD"
    (transaction / "files").mkdir(parents=True)
    (transaction / "files" / "Job.9").write_bytes(b"N.")
    (transaction / "commit").write_text('{"Job.9": true}')
    return "jobs"


def _own_database(folder: Path) -> str:
    with SqlStore(folder / "x.db") as store:
        store.save_many([Node("root", Node("child")), {"n": 1}])
    return "x.db"


def _log_of_a_killed_writer(folder: Path) -> str:
    _own_database(folder)
    script = _KILLED.format(path=sys.path, database=str(folder / "x.db"))
    subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert (folder / "x.db-wal").stat().st_size > 0
    return "x.db"


def _database_in_use(folder: Path) -> str:
    _own_database(folder)
    script = _LIVING.format(path=sys.path, database=str(folder / "x.db"))
    writer = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    _living.append(writer)
    assert writer.stdout is not None
    assert writer.stdout.readline()
    return "x.db"


def _gc3pie_table_in_wal_mode(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "x.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE runs (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))"
        )
        connection.execute("INSERT INTO runs VALUES (1, x'4e2e', 'NEW')")
        connection.commit()
    return "x.db#table=runs"


_living: list[subprocess.Popen[bytes]] = []
_OURS: dict[str, Callable[[Path], str]] = {
    "a folder": _own_folder,
    "a folder with an interrupted change": _interrupted_folder,
    "a database": _own_database,
    "a database with the log of a killed writer": _log_of_a_killed_writer,
    "a database that is being written": _database_in_use,
    "a GC3Pie table in WAL mode": _gc3pie_table_in_wal_mode,
}
_OF_GC3PIE = {
    f"{version}/{name}": f"{name}{table}"
    for version in ("python2.7", "python3.7")
    for name, table in (
        ("jobs-dir", ""),
        ("jobs.db", ""),
        ("jobs-table.db", "#table=campaign"),
        ("session", ""),
    )
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may look into: those of pytest are closed."""
    above = Path(tempfile.mkdtemp())
    above.chmod(0o755)
    (above / "stores").mkdir()
    yield above / "stores"
    while _living:
        _living.pop().communicate(b"\n", timeout=60)
    shutil.rmtree(above)


@pytest.fixture(params=[*_OURS, *_OF_GC3PIE])
def address(request: pytest.FixtureRequest, folder: Path) -> str:
    """The address of a store in `folder`, relative to it."""
    if request.param in _OURS:
        return _OURS[request.param](folder)
    source = DATA / "gc3pie" / request.param
    (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / source.name)
    return _OF_GC3PIE[request.param]


@pytest.mark.parametrize("way", WAYS)
def test_looking_touches_nothing(way: str, address: str, folder: Path) -> None:
    if reason := missing(way):
        pytest.skip(reason)
    try:
        with kept_from_writing(way, folder) as place:
            before = fingerprint(folder)
            assert describe(f"{place}/{address}").count > 0
            with make_store(
                f"{place}/{address}", create=False, read_only=way == "asked for"
            ) as store:
                assert isinstance(store, RecordStore)
                assert store.read_only
                assert way == "asked for" or any("read-only" in text for text in store.notices)
                look_at_everything(store)
                try_to_change(store)
            after = fingerprint(folder)
    except PermissionError as error:
        pytest.skip(f"no mounts here: {error}")
    assert after == before


def look_at_everything(store: RecordStore) -> None:
    ids = store.list()
    assert ids
    assert len(store) == len(ids)
    assert [record.id_ for record in store.records()] == ids
    assert [summary.id for summary in store.summaries()] == ids
    token = store.changes().token
    assert store.changes(token).changed == ()
    for id_ in ids[:5]:
        assert id_ in store
        store.inspect(id_)
        store.references(id_)
    store.referrers(ids[0])
    store.further(ids)
    assert isinstance(store.writer, str)


def try_to_change(store: RecordStore) -> None:
    id_ = store.list()[0]
    for change in (
        lambda: store.save({"new": 1}),
        lambda: store.remove(id_),
        lambda: store.write(id_, b"N."),
        lambda: store.apply([Edit(id_, None), Edit("9", b"N.")]),
    ):
        with pytest.raises(ReadOnlyError):
            change()


@pytest.mark.parametrize("way", WAYS)
def test_a_half_done_change_of_gc3pie_is_not_shown_as_if_it_were_whole(
    way: str, folder: Path
) -> None:
    if reason := missing(way):
        pytest.skip(reason)
    shutil.copy(DATA / "gc3pie" / "python3.7" / "jobs.db", folder / "jobs.db")
    script = _HALF_DONE.format(database=str(folder / "jobs.db"))
    subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert (folder / "jobs.db-journal").stat().st_size > 0
    try:
        with kept_from_writing(way, folder) as place:
            before = fingerprint(folder)
            with pytest.raises(StoreError, match=r"jobs\.db-journal") as raised:
                make_store(place / "jobs.db", create=False, read_only=way == "asked for")
            assert "copy both files" in raised.value.advice
            assert fingerprint(folder) == before
    except PermissionError as error:
        pytest.skip(f"no mounts here: {error}")


def test_a_log_beside_a_link_to_a_database_is_read_too(folder: Path) -> None:
    (folder / "real").mkdir()
    name = _log_of_a_killed_writer(folder / "real")
    (folder / "link.db").symlink_to(folder / "real" / name)
    with SqlStore(folder / "link.db", read_only=True) as store:
        assert "X.1" in store
