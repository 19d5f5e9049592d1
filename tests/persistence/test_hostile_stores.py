"""A store from a stranger: what it does to whoever opens, reads and changes it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from persistence import make_store
from persistence.errors import StoreError
from persistence.probe import describe
from persistence.records import RecordStore
from tests.helpers.hostile_stores import GOOD, SECRET, ZOO, fingerprint, spring

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the traps are made of what Linux has"),
    pytest.mark.timeout(60),
]

MEMORY = 300 * 1024 * 1024  # bytes more than before


@pytest.fixture(params=ZOO)
def trap(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    """Fail rather than take all of the memory."""
    import resource

    former = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + MEMORY, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, former)


def test_a_hostile_store_is_refused_with_a_sentence_or_shows_what_is_good(
    trap: str, tmp_path: Path, looks_only: list[str]
) -> None:
    address = spring(trap, tmp_path)
    expected = ZOO[trap]
    before = fingerprint(tmp_path)
    for read_only in (True, False):
        if expected.refusal and not (read_only and "journal" in trap):
            with pytest.raises(StoreError, match=expected.refusal) as refused:
                make_store(address, create=False, read_only=read_only)
            check_sentence(refused.value)
            continue
        try:
            with make_store(address, create=False, read_only=read_only) as store:
                assert isinstance(store, RecordStore)
                look_at_everything(store)
                assert expected.ids is None or tuple(store.list()) == expected.ids
                assert store.read_only == (read_only or expected.read_only)
                assert all(notice.isprintable() for notice in store.notices)
        except StoreError as error:
            assert expected.ids is None
            check_sentence(error)
    if "-" not in trap:  # SQLite settles what lies beside a database that is not read-only
        assert fingerprint(tmp_path) == before
    assert fingerprint(tmp_path / "outside") == fingerprint_of(before, "outside")


def test_a_hostile_store_that_is_written_to_changes_nothing_else(trap: str, tmp_path: Path) -> None:
    address = spring(trap, tmp_path)
    expected = ZOO[trap]
    outside = fingerprint(tmp_path / "outside")
    try:
        with make_store(address, create=False) as store:
            assert isinstance(store, RecordStore)
            ids = store.list()
            for id_ in ids[:3]:
                store.write(id_, GOOD)
            new = store.save({"name": "new"})
            assert set(store.list()) == {*ids, new}
            for id_ in store.list():
                store.remove(id_)
            assert store.list() == []
            assert expected.is_writable or expected.ids is None
    except StoreError as error:
        check_sentence(error)
        assert (
            expected.refusal
            or expected.read_only
            or not expected.is_writable
            or (expected.ids is None)
        )
    assert fingerprint(tmp_path / "outside") == outside


def test_a_hostile_store_is_described_or_refused(trap: str, tmp_path: Path) -> None:
    address = spring(trap, tmp_path)
    before = fingerprint(tmp_path)
    try:
        assert describe(address).sentence.isprintable()
    except StoreError as error:
        check_sentence(error)
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize(
    "id_",
    ["../outside/precious", "/etc/hostname", "a/../../outside/precious", "..", ".", "", "\0",
     "Good.1\0", "x" * 10_000, "\ud800", "\u202e", "-1", "1e3", "1; DROP TABLE store", "99" * 40],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["file", "own", "gc3pie"])
def test_no_id_leads_elsewhere(kind: str, id_: str, tmp_path: Path) -> None:
    spring("folder: a link out of the store", tmp_path)
    if kind == "gc3pie":
        address = spring_database(tmp_path)
    else:
        address = str(tmp_path / "jobs") if kind == "file" else f"sqlite://{tmp_path}/own.db"
    outside = fingerprint(tmp_path / "outside")
    with make_store(address) as store:
        before = set(store.list())
        for act in (store.read, store.inspect, store.references, store.remove):
            with pytest.raises(StoreError) as raised:
                act(id_)
            check_sentence(raised.value)
        assert list(store.read_many([id_])) == list(store.summaries([id_])) == []
        assert id_ not in store
        try:
            store.write(id_, SECRET)
        except StoreError as error:
            check_sentence(error)
            assert set(store.list()) == before
        else:
            assert store.read(id_) == SECRET
            assert set(store.list()) == before | {id_}
    assert fingerprint(tmp_path / "outside") == outside


def spring_database(folder: Path) -> str:
    (folder / "more").mkdir()
    return str(spring("database: further columns that are computed", folder / "more"))


def look_at_everything(store: RecordStore) -> None:
    ids = store.list()
    assert len(store) == len(ids)
    token = store.changes().token
    assert store.changes(token).changed == ()
    for id_ in ids:
        assert id_ in store
        for look in (store.read, store.inspect, store.references, store.referrers):
            try:
                found = look(id_)
            except StoreError as error:
                check_sentence(error)
            else:
                assert found != SECRET
    for summary in store.summaries(ids) if store.keeps_summaries else ():
        for text in (summary.type, summary.state, summary.name):
            assert len(text or "") <= 1000
    assert isinstance(store.writer, str)


def check_sentence(error: StoreError) -> None:
    text = str(error)
    assert text.isprintable()
    assert re.search(r"[.!…]$", error.reason), text
    assert len(text) < 2000 or "x" * 10_000 in text


def fingerprint_of(
    whole: dict[str, tuple[int, int, bytes]], folder: str
) -> dict[str, tuple[int, int, bytes]]:
    inner = {
        name.removeprefix(f"{folder}/"): found
        for name, found in whole.items()
        if name.startswith(f"{folder}/")
    }
    return {".": whole[folder], **inner}
