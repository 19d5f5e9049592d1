from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from app.actions.journal import Act, EntryState, Journal, JournalRecord
from persistence import make_store
from persistence.errors import SaveError

STORE = "sqlite:///tmp/x.db"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


def test_a_journal_of_before_further_columns_were_kept_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    old = Journal(path).begin(STORE, Act.DELETE, "Delete a", [JournalRecord("a", b"1", None)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE record DROP COLUMN further")
    journal = Journal(path)
    assert journal.records(old) == [JournalRecord("a", b"1", None)]
    record = JournalRecord("b", b"2", None, further=b"kept beside it")
    key = journal.begin(STORE, Act.DELETE, "Delete b", [record])
    assert journal.records(key) == [record]
    assert journal.record(key, 0) == record


def test_an_entry_is_pending_until_it_is_marked(journal: Journal) -> None:
    key = journal.begin(
        STORE, Act.DELETE, "Delete a", [JournalRecord("a", b"old", None, "m.A", "n")]
    )
    entry = journal.entry(key)
    assert entry is not None
    assert (entry.state, entry.count, entry.label) == (EntryState.PENDING, 1, "Delete a")
    journal.mark(key, EntryState.DONE)
    assert journal.entries(STORE, EntryState.PENDING) == []
    assert [found.key for found in journal.entries(STORE, EntryState.DONE)] == [key]


def test_records_come_back_in_order_with_their_bytes(journal: Journal) -> None:
    records = [JournalRecord(f"id{n}", bytes([n]), None if n % 2 else b"x") for n in range(20)]
    key = journal.begin(STORE, Act.REPLACE, "many", records)
    assert journal.records(key) == records
    assert journal.record(key, 7) == records[7]
    assert journal.record(key, 99) is None


def test_an_edit_expects_what_was_there_and_its_inverse_what_was_written() -> None:
    record = JournalRecord("a", b"old", None)
    assert (record.edit().data, record.edit().expected) == (None, b"old")
    assert (record.inverse().data, record.inverse().expected) == (b"old", b"")


def test_entries_of_another_store_are_not_mixed_in(journal: Journal) -> None:
    mine = journal.begin(STORE, Act.DELETE, "mine", [JournalRecord("a", b"1", None)])
    journal.begin("sqlite:///tmp/y.db", Act.DELETE, "theirs", [JournalRecord("a", b"2", None)])
    assert [entry.key for entry in journal.entries_of(STORE, "a")] == [mine]
    assert journal.entries_of(STORE, "b") == []


def test_an_object_is_listed_as_deleted_once_and_not_after_an_undo(journal: Journal) -> None:
    for data in (b"first", b"second"):
        key = journal.begin(STORE, Act.DELETE, "Delete a", [JournalRecord("a", data, None, "m.A")])
        journal.mark(key, EntryState.DONE)
    (row,) = journal.deleted(STORE)
    assert (row.id_, row.size, row.entry) == ("a", len(b"second"), key)
    journal.mark(key, EntryState.UNDONE)
    (row,) = journal.deleted(STORE)
    assert row.size == len(b"first")


def test_the_versions_of_an_object_are_those_of_its_entries(journal: Journal) -> None:
    journal.begin(STORE, Act.REPLACE, "Replace a", [JournalRecord("a", b"1", b"2")])
    journal.begin(STORE, Act.DELETE, "Delete a", [JournalRecord("a", b"3", None)])
    assert journal.versions(STORE, "a") == [b"3", b"1", b"2"]


def test_old_entries_are_dropped_with_their_records_but_pending_ones_stay(
    journal: Journal,
) -> None:
    done = journal.begin(STORE, Act.DELETE, "done", [JournalRecord("a", b"1", None)])
    journal.mark(done, EntryState.DONE)
    pending = journal.begin(STORE, Act.DELETE, "pending", [JournalRecord("b", b"2", None)])
    assert journal.forget_before(datetime.now(timezone.utc) - timedelta(days=1)) == 0
    assert journal.forget_before(datetime.now(timezone.utc) + timedelta(days=1)) == 1
    assert journal.entry(done) is None
    assert journal.records(done) == []
    assert journal.entry(pending) is not None


def test_the_bytes_are_synchronised_before_the_store_may_change(journal: Journal) -> None:
    journal.begin(STORE, Act.DELETE, "Delete a", [JournalRecord("a", b"1", None)])
    with journal._transaction() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_journal_that_cannot_be_written_says_so_before_anything_is_changed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    path.write_text("this is no database, and long enough for SQLite to notice that" * 20)
    with pytest.raises(SaveError, match="cannot be used"):
        Journal(path).begin(STORE, Act.DELETE, "Delete a", [])


def _die_between_journal_and_store(journal: str, uri: str, id_: str, store_first: bool) -> None:
    with make_store(uri) as store:
        before = store.read(id_)
        record = JournalRecord(id_, before, None)
        Journal(Path(journal)).begin(str(store.url), Act.DELETE, f"Delete {id_}", [record])
        if store_first:
            store.apply([record.edit()])
        os._exit(9)


@pytest.mark.parametrize(
    ("changed", "state"), [(True, EntryState.DONE), (False, EntryState.UNDONE)]
)
def test_an_entry_of_a_killed_program_is_settled_by_what_the_store_holds(
    journal: Journal, gc3pie: Callable[[str], Path], changed: bool, state: EntryState
) -> None:
    path = gc3pie("python3.7/jobs.db")
    with make_store(path) as store:
        id_ = store.list()[0]
        address = str(store.url)
    context = multiprocessing.get_context("spawn")
    process = context.Process(
        target=_die_between_journal_and_store, args=(str(journal.path), str(path), id_, changed)
    )
    process.start()
    process.join()
    assert process.exitcode == 9
    with make_store(path) as store:
        (settled,) = journal.settle(address, store)
        assert settled.state is state
        assert (id_ in store) is not changed
    assert journal.entries(address, EntryState.PENDING) == []


def test_an_entry_of_a_running_program_is_left_to_it(
    journal: Journal, gc3pie: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_store(gc3pie("python3.7/jobs.db")) as store:
        journal.begin(str(store.url), Act.DELETE, "theirs", [JournalRecord("1", b"x", None)])
        parent = f"/{os.getppid()}/"
        with sqlite3.connect(journal.path) as connection:
            (owner,) = connection.execute("SELECT owner FROM entry").fetchone()
            host = owner.split("/")[0]
            import psutil

            start = f"{psutil.Process(os.getppid()).create_time():.0f}"
            connection.execute("UPDATE entry SET owner = ?", (host + parent + start,))
        connection.close()
        assert journal.settle(str(store.url), store) == []
