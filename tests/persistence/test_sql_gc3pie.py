"""Tables that GC3Pie made: read and written in place, and never given a number twice."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from persistence import ABSENT, ConflictError, Edit, ObjectNotFound, SaveError, SqlStore
from persistence.testing import Node

VERSIONS = ["python3.7", "python2.7"]
GC3PIE_COUNTER = 10**9
"""More numbers than a user's GC3Pie ever counts up to."""


def query(path: Path, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement, parameters).fetchall()
    finally:
        connection.close()


@pytest.fixture(params=VERSIONS)
def path(request: pytest.FixtureRequest, gc3pie: Callable[[str], Path]) -> Path:
    return gc3pie(f"{request.param}/jobs.db")


class TestTable:
    def test_it_is_opened_as_what_it_is(self, path: Path) -> None:
        with SqlStore(path) as store:
            assert (store.kind, store.container) == ("SQLite database", "table store")
            assert store.writer == "GC3Pie"
            assert not store.keeps_summaries
            assert store.notices == []

    def test_reading_changes_no_byte(self, path: Path) -> None:
        before = sha256(path.read_bytes()).digest()
        with SqlStore(path) as store:
            list(store.records())
            list(store.summaries())
            store.changes(store.changes().token)
            store.references(store.list()[0])
        assert sha256(path.read_bytes()).digest() == before

    def test_its_schema_and_its_journal_mode_stay(self, path: Path) -> None:
        schema = query(path, "SELECT * FROM sqlite_master")
        with SqlStore(path) as store:
            id_ = store.save(Node("a", Node("b")))
            store.remove(id_)
        assert query(path, "SELECT * FROM sqlite_master") == schema
        assert query(path, "PRAGMA journal_mode") == [("delete",)]
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]

    def test_python_2_gets_a_protocol_that_it_reads(self, path: Path) -> None:
        with SqlStore(path) as store:
            is_python2 = store.read(store.list()[0])[1:2] == b"\x02"
            data = store.read(store.save({"a": 1}))
            assert data[1:2] == (b"\x02" if is_python2 else b"\x04")

    def test_rows_are_listed_by_their_numbers(self, path: Path) -> None:
        with SqlStore(path) as store:
            assert store.list() == sorted(store.list(), key=int)

    def test_the_column_of_states_follows_the_objects(self, path: Path) -> None:
        with SqlStore(path) as store:
            running, other, stateless = store.save_many(
                [Node("a", state="RUNNING"), Node("b", state="my own state"), {"c": 1}]
            )
            node = store.load(running)
            node.state = "STOPPED"
            store.save(node)
        states = dict(query(path, "SELECT id, state FROM store"))
        assert states[int(running)] == "STOPPED"
        assert states[int(other)] == states[int(stateless)] == "UNKNOWN"

    def test_states_of_gc3pies_own_objects_come_out_as_it_wrote_them(self, path: Path) -> None:
        before = query(path, "SELECT id, state FROM store ORDER BY id")
        with SqlStore(path) as store:
            store.apply([Edit(record.id_, record.data) for record in store.records()])
        assert query(path, "SELECT id, state FROM store ORDER BY id") == before

    def test_further_columns_keep_what_they_hold(self, path: Path) -> None:
        query(path, "ALTER TABLE store ADD COLUMN owner TEXT DEFAULT 'nobody'")
        query(path, "UPDATE store SET owner = 'me'")
        with SqlStore(path) as store:
            first = store.list()[0]
            store.write(first, pickle.dumps({"new": 1}))
            new = store.save({"a": 1})
        owners = dict(query(path, "SELECT id, owner FROM store"))
        assert (owners[int(first)], owners[int(new)]) == ("me", "nobody")

    def test_a_removed_row_comes_back_with_its_further_columns(self, path: Path) -> None:
        odd = '"the % ""of"" it"'
        query(
            path,
            f"CREATE TABLE runs (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128), {odd} REAL,"
            " owner TEXT NOT NULL, icon BLOB, Key INTEGER, none_yet TEXT,"
            " twice INTEGER GENERATED ALWAYS AS (2 * id) VIRTUAL)",
        )
        values = (7, pickle.dumps({"state": "NEW"}), None, 0.1, "mé\ud7ff", b"\xff\0", 2**62)
        insert = f"INSERT INTO runs (id, data, state, {odd}, owner, icon, Key)"
        query(path, f"{insert} VALUES (?, ?, ?, ?, ?, ?, ?)", *values)
        before = query(path, "SELECT * FROM runs")
        with SqlStore(path, "runs") as store:
            data, further = store.read(7), store.further([7, 8])
            assert list(further) == ["7"]
            store.remove(7)
            with pytest.raises(SaveError, match="owner"):
                store.write(7, data)
        with SqlStore(path, "runs") as store:
            store.apply([Edit("7", data, ABSENT, further["7"])])
        assert query(path, "SELECT * FROM runs") == before
        query(path, "ALTER TABLE runs DROP COLUMN none_yet")
        with SqlStore(path, "runs") as store:
            store.apply([Edit("7", None), Edit("8", data, ABSENT, further["7"])])
            assert store.load(8) == {"state": "NEW"}

    def test_a_row_that_its_table_refuses_is_reported(self, path: Path) -> None:
        query(
            path, "CREATE TABLE strict (id INTEGER PRIMARY KEY, data BLOB, state TEXT, x NOT NULL)"
        )
        with SqlStore(path, "strict") as store, pytest.raises(SaveError, match=r"strict\.x"):
            store.save({"a": 1})

    def test_empty_rows_are_read_and_can_be_removed(self, path: Path) -> None:
        query(path, "INSERT INTO store VALUES (7000, NULL, NULL)")
        with SqlStore(path) as store:
            assert store.read("7000") == b""
            (summary,) = store.summaries(["7000"])
            assert (summary.type, summary.size) == ("", 0)
            store.apply([Edit("7000", None, b"")])
            assert "7000" not in store

    @pytest.mark.parametrize(
        "id_", ["Application.7", "007", "7.0", "+7", " 7", "٧", "9" * 19, "9" * 40, "0x7", "-0"]
    )
    def test_only_whole_numbers_are_ids(self, path: Path, id_: str) -> None:
        with SqlStore(path) as store:
            query(path, "INSERT INTO store VALUES (7, ?, NULL)", pickle.dumps(7))
            assert store.load(7) == store.load("7") == 7
            assert id_ not in store
            with pytest.raises(ObjectNotFound):
                store.read(id_)
            with pytest.raises(SaveError, match="whole number"):
                store.write(id_, pickle.dumps(8))

    def test_pickles_hold_numbers_as_references_and_identities(self, path: Path) -> None:
        with SqlStore(path) as store:
            child = Node("child")
            id_ = store.save(Node("parent", child))
            assert store.inspect(id_).references[0].pid == child.persistent_id
            assert isinstance(child.persistent_id, int)
            assert store.references(id_) == [str(child.persistent_id)]
            assert store.referrers(child.persistent_id) == [id_]


class TestNumbers:
    def test_they_are_out_of_reach_of_gc3pies_counter(self, path: Path) -> None:
        with SqlStore(path) as store:
            for _ in range(3):
                assert GC3PIE_COUNTER < int(store.save({"a": 1})) < 2**63

    def test_they_grow(self, path: Path) -> None:
        with SqlStore(path) as store:
            known = set(store.list())
            ids = [store.save({"n": n}) for n in range(50)]
            ids += store.save_many([{"n": n} for n in range(1000)])
            assert [id_ for id_ in store.list() if id_ not in known] == ids

    def test_they_go_on_where_they_were_when_the_clock_is_set_back(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with SqlStore(path) as store:
            last = int(store.save({"a": 1}))
        for seconds in (0, 1_600_000_000):
            monkeypatch.setattr("persistence.sql_gc3pie.time.time_ns", lambda s=seconds: s * 10**9)
            with SqlStore(path) as store:
                new = int(store.save({"b": 1}))
                assert new > last
                last = new

    def test_they_are_ours_even_if_the_clock_never_was_right(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("persistence.sql_gc3pie.time.time_ns", lambda: 0)
        with SqlStore(path) as store:
            assert int(store.save({"a": 1})) > GC3PIE_COUNTER

    def test_a_foreign_row_with_the_largest_number_does_not_stop_them(self, path: Path) -> None:
        query(path, "INSERT INTO store VALUES (?, ?, NULL)", 2**63 - 1, pickle.dumps(1))
        with SqlStore(path) as store:
            assert store.load(store.save({"a": 1})) == {"a": 1}

    def test_one_that_another_process_drew_too_is_drawn_again(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("persistence.sql_gc3pie.time.time_ns", lambda: 1_800_000_000 * 10**9)
        monkeypatch.setattr("persistence.sql_gc3pie.secrets.randbits", lambda bits: 5)
        with SqlStore(path) as one, SqlStore(path) as other:
            ids = [one.save({"b": 0}), other.save({"b": 1})]
            taken = one.save_many([{"n": 1}, {"n": 2}])
            child = Node("child")
            parent = Node("parent", child)
            id_ = other.save(parent)  # its first two numbers are taken now
            assert len({*ids, *taken, id_, str(child.persistent_id)}) == 6
            assert one.load(id_).children[0].name == "child"
            assert one.load_many(taken) == [{"n": 1}, {"n": 2}]

    def test_an_object_with_an_id_of_another_store_says_what_to_do(self, path: Path) -> None:
        node = Node("a")
        with SqlStore("sqlite:///:memory:") as other, SqlStore(path) as store:
            other.save(node)
            with pytest.raises(SaveError, match="persistent_id"):
                store.save(node)


class TestChanges:
    def test_a_write_by_gc3pie_is_noticed(self, path: Path) -> None:
        with SqlStore(path) as store:
            first, second, *_ = store.list()
            token = store.changes().token
            assert store.changes(token).token is token  # nothing was read again
            query(path, "UPDATE store SET data = ? WHERE id = ?", pickle.dumps(1), int(first))
            query(path, "DELETE FROM store WHERE id = ?", int(second))
            query(path, "INSERT INTO store VALUES (9000, ?, NULL)", pickle.dumps(2))
            changes = store.changes(token)
            assert set(changes.changed) == {first, "9000"}
            assert changes.removed == (second,)
            assert store.changes(changes.token).changed == ()

    def test_a_write_that_changes_no_pickle_is_no_change(self, path: Path) -> None:
        with SqlStore(path) as store:
            token = store.changes().token
            query(path, "UPDATE store SET state = 'UNKNOWN'")
            changes = store.changes(token)
            assert (changes.changed, changes.removed) == ((), ())

    def test_a_token_outlives_the_connection_that_gave_it(self, path: Path) -> None:
        with SqlStore(path) as store:
            token = store.changes().token
            store.pre_fork()
            new = store.save({"a": 1})
            assert store.changes(token).changed == (new,)
        with SqlStore(path) as store:
            assert store.changes(token).changed == (new,)

    def test_a_conflict_with_gc3pie_is_refused(self, path: Path) -> None:
        with SqlStore(path) as store:
            id_ = store.list()[0]
            seen = store.read(id_)
            query(path, "UPDATE store SET data = ? WHERE id = ?", pickle.dumps(1), int(id_))
            with pytest.raises(ConflictError):
                store.apply([Edit("9001", seen, ABSENT), Edit(id_, None, seen)])
            assert store.load(id_) == 1
            assert "9001" not in store
