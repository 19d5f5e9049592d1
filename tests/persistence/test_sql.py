"""Stores in SQL tables: addresses, tables, transactions, threads and processes."""

from __future__ import annotations

import os
import pickle
import sqlite3
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from persistence import (
    ABSENT,
    ConflictError,
    Edit,
    ObjectNotFound,
    ReadOnlyError,
    SaveError,
    SqlStore,
    StoreError,
    StoreUrl,
    make_store,
)
from persistence.sql_connection import Connection
from persistence.testing import Node

PICKLE = pickle.dumps({"state": "NEW", "name": "sweep"})


def query(path: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    with SqlStore(path) as store:
        yield store


class TestAddresses:
    def test_three_and_four_slashes_name_the_same_file(self, path: Path) -> None:
        ids = []
        for slashes in ("sqlite:///", "sqlite:////"):
            with make_store(slashes + path.as_posix().lstrip("/")) as store:
                ids.append(store.save(Node("a")))
        with SqlStore(path) as store:
            assert store.list() == ids

    def test_a_path_a_url_and_a_parsed_url_are_taken(self, path: Path) -> None:
        url = f"sqlite://{path.as_posix()}"
        for address in (path, str(path), url, StoreUrl.parse(url)):
            with SqlStore(address) as store:
                assert store.url == url

    @pytest.mark.parametrize("name", ["50 % of #1?.db", "jöbs.db", "a&b=c.db", "quote'\".db"])
    def test_any_file_name_is_taken(self, tmp_path: Path, name: str) -> None:
        if os.name == "nt" and set(name) & set('?"'):
            pytest.skip("Windows has no such file names")
        with SqlStore(tmp_path / name) as store:
            store.save(Node("a"))
        assert (tmp_path / name).is_file()
        with SqlStore(tmp_path / name, read_only=True) as store:
            assert len(store) == 1

    def test_folders_above_a_new_file_are_made(self, tmp_path: Path) -> None:
        with SqlStore(tmp_path / "deep" / "er" / "jobs.db") as store:
            store.save(Node("a"))
        assert (tmp_path / "deep" / "er" / "jobs.db").is_file()

    def test_options_in_a_sqlite_address_are_refused(self, path: Path) -> None:
        with pytest.raises(StoreError, match="question mark"):
            SqlStore(f"sqlite://{path.as_posix()}?mode=ro")
        assert not path.exists()

    def test_the_table_is_named_by_the_argument_or_the_address_or_is_store(
        self, path: Path
    ) -> None:
        url = f"sqlite://{path.as_posix()}"
        for address, argument, table in (
            (url, None, "store"),
            (f"{url}#table=runs", None, "runs"),
            (f"{url}#table=runs", "campaign", "campaign"),
        ):
            with SqlStore(address, argument) as store:
                assert store.container == f"table {table}"
                id_ = store.save(Node(table))
                assert store.url is not None
                again = str(store.url)
            with make_store(again) as store:
                assert store.list() == [id_]

    @pytest.mark.parametrize("name", ["my jobs", 'a"b`c', "50%:x", "x; DROP TABLE y", "Größe"])
    def test_table_names_are_quoted(self, path: Path, name: str) -> None:
        with SqlStore(path, name) as store:
            id_ = store.save(Node("a", Node("b")))
            store.save(store.load(id_))
            store.remove(store.references(id_)[0])
            assert (len(store), store.container) == (1, f"table {name}")

    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "sqlite_sequence", "t" * 60])
    def test_names_that_no_table_can_have_are_refused(self, path: Path, name: str) -> None:
        with pytest.raises(StoreError):
            SqlStore(path, name)

    def test_arguments_for_other_stores_are_ignored(self, path: Path) -> None:
        with make_store(f"sqlite://{path.as_posix()}", protocol=2, extra_fields={}) as store:
            assert store.read(store.save({"a": 1}))[:2] == b"\x80\x02"

    def test_an_id_factory_gives_the_ids(self, path: Path) -> None:
        class Factory:
            def new(self, obj: Any) -> str:
                return f"{obj['kind']}.7"

        with SqlStore(path, idfactory=Factory()) as store:
            assert store.save({"kind": "Run"}) == "Run.7"

    def test_an_unknown_durability_is_refused(self, path: Path) -> None:
        with pytest.raises(ValueError, match="durability"):
            SqlStore(path, durability="fast")  # type: ignore[arg-type]


class TestInMemory:
    def test_a_store_in_memory_works_from_several_threads(self) -> None:
        with SqlStore("sqlite:///:memory:") as store:
            _in_threads(4, lambda n: [store.save(Node(f"{n}.{k}")) for k in range(20)])
            assert len(store) == 80
            assert len({node.name for node in store.load_many(store.list())}) == 80

    def test_two_stores_in_memory_are_two(self) -> None:
        with SqlStore("sqlite:///:memory:") as one, SqlStore("sqlite:///:memory:") as two:
            one.save(Node("a"))
            assert (len(one), len(two)) == (1, 0)


class TestTransactions:
    def test_a_hundred_thousand_changes_are_made_at_once(self, store: SqlStore) -> None:
        count = 100_000
        store.apply([Edit(f"Job.{n}", PICKLE, ABSENT) for n in range(count)])
        assert len(store) == count
        store.apply([Edit(f"Job.{n}", None, PICKLE if n % 2 else None) for n in range(0, count, 3)])
        assert len(store) == count - len(range(0, count, 3))
        assert store.list()[:3] == ["Job.1", "Job.2", "Job.4"]

    def test_a_conflict_tells_what_was_expected_and_found(self, store: SqlStore) -> None:
        store.write("Job.1", PICKLE)
        for expected in (b"other", ABSENT):
            with pytest.raises(ConflictError) as caught:
                store.apply([Edit("Job.2", PICKLE, ABSENT), Edit("Job.1", PICKLE, expected)])
            assert caught.value.id_ == "Job.1"
            assert caught.value.store == str(store.url)
            assert caught.value.expected == (sha256(expected).hexdigest() if expected else "")
            assert caught.value.found == sha256(PICKLE).hexdigest()
        with pytest.raises(ConflictError) as caught:
            store.write("Job.3", PICKLE, expected=PICKLE)
        assert caught.value.found == ""
        assert store.list() == ["Job.1"]

    def test_an_id_may_be_changed_several_times_at_once(self, store: SqlStore) -> None:
        other = pickle.dumps({"state": "OLD"})
        store.apply([Edit("a", PICKLE, ABSENT), Edit("a", other, PICKLE), Edit("b", PICKLE)])
        assert [store.read("a"), store.read("b")] == [other, PICKLE]
        store.apply([Edit("a", None), Edit("a", PICKLE, ABSENT), Edit("b", None)])
        assert store.read("a") == PICKLE
        assert store.list() == ["a"]
        store.apply([Edit("c", PICKLE), Edit("c", None)])
        assert "c" not in store
        for wrong in (
            [Edit("a", other), Edit("a", other, PICKLE)],
            [Edit("a", None), Edit("a", PICKLE, other)],
        ):
            with pytest.raises(ConflictError):
                store.apply(wrong)
        with pytest.raises(ObjectNotFound):
            store.apply([Edit("a", None), Edit("a", None)])
        assert store.read("a") == PICKLE

    def test_removing_what_must_not_be_there_is_a_contradiction(self, store: SqlStore) -> None:
        store.write("a", PICKLE)
        with pytest.raises(ConflictError):
            store.apply([Edit("a", None, ABSENT)])
        with pytest.raises(ObjectNotFound):
            store.apply([Edit("b", None, ABSENT)])

    def test_no_changes_are_no_transaction(self, store: SqlStore) -> None:
        token = store.changes().token
        store.apply([])
        assert store.changes().token == token

    @pytest.mark.parametrize("id_", ["", "x" * 256, "ends in a blank ", "nul\0", "half \ud800"])
    def test_ids_that_not_every_database_can_keep_are_refused(
        self, store: SqlStore, id_: str
    ) -> None:
        with pytest.raises(SaveError):
            store.write(id_, PICKLE)
        assert id_ not in store
        with pytest.raises(ObjectNotFound):
            store.references(id_)
        assert store.referrers(id_) == []

    def test_ids_differ_in_case(self, store: SqlStore) -> None:
        store.write("job.1", PICKLE, expected=ABSENT)
        store.write("JOB.1", PICKLE, expected=ABSENT)
        assert store.list() == ["job.1", "JOB.1"]

    def test_a_read_only_store_refuses_changes(self, store: SqlStore, path: Path) -> None:
        with SqlStore(path, read_only=True) as reader, pytest.raises(ReadOnlyError):
            reader.write("a", PICKLE)


class TestReading:
    def test_records_are_read_in_the_order_asked_for(self, store: SqlStore) -> None:
        ids = store.save_many([Node(str(n)) for n in range(1200)])
        wanted = [*reversed(ids), "nothing", ids[5], "../etc/passwd", ids[5]]
        assert [record.id_ for record in store.read_many(wanted)] == [
            id_ for id_ in wanted if id_ in set(ids)
        ]
        assert [record.id_ for record in store.records()] == ids

    def test_large_pickles_are_read_a_few_at_a_time(
        self, store: SqlStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = store.save_many([{"data": bytes(n * 1000)} for n in range(60)])
        monkeypatch.setattr("persistence.sql_layout._BYTES", 100_000)
        largest = 0
        run = Connection.fetch

        def measured(self: Connection, *args: Any) -> list[tuple[Any, ...]]:
            nonlocal largest
            rows = run(self, *args)
            read = sum(len(value) for row in rows for value in row if isinstance(value, bytes))
            largest = max(largest, read)
            return rows

        monkeypatch.setattr(Connection, "fetch", measured)
        for records in (store.records(), store.read_many(ids)):
            assert [record.id_ for record in records] == ids
        store.apply([Edit(id_, None, store.read(id_)) for id_ in ids])
        assert 50_000 < largest <= 100_000

    def test_a_reader_holds_no_lock_between_records(self, tmp_path: Path) -> None:
        path = tmp_path / "gc3pie.db"
        query(path, "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))")
        with SqlStore(path, timeout=0.2) as store, SqlStore(path, timeout=0.2) as writer:
            store.save_many([{"n": n} for n in range(50)])
            for iterator in (store.records(), store.read_many(store.list()), store.summaries()):
                next(iterator)
                writer.save({"written": "meanwhile"})

    def test_records_tell_when_they_were_written(self, store: SqlStore) -> None:
        store.save(Node("a"))
        (record,) = store.records()
        (summary,) = store.summaries()
        assert record.modified is not None
        assert record.modified == summary.modified
        assert record.modified.tzinfo is not None


class TestThreadsAndProcesses:
    def test_threads_share_a_store(self, store: SqlStore) -> None:
        _in_threads(8, lambda n: [store.load(store.save(Node(f"{n}.{k}"))) for k in range(25)])
        assert len(store) == 200

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
    def test_parent_and_child_go_on_after_a_fork(self, store: SqlStore) -> None:
        store.save(Node("before"))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                store.save(Node("in the child"))
                status = 0
            finally:
                os._exit(status)
        store.save(Node("in the parent"))
        assert os.waitpid(child, 0)[1] == 0
        names = {node.name for node in store.load_many(store.list())}
        assert names == {"before", "in the child", "in the parent"}

    def test_a_store_works_on_after_pre_fork(self, store: SqlStore) -> None:
        id_ = store.save(Node("a"))
        store.pre_fork()
        store.post_fork()
        assert store.load(id_).name == "a"


def _in_threads(count: int, work: Any) -> None:
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
