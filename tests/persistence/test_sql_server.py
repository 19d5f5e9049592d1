"""Stores on real PostgreSQL and MariaDB servers."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from persistence import (
    ABSENT,
    ConflictError,
    Edit,
    ReadOnlyError,
    SaveError,
    SqlStore,
    StoreError,
    StoreUrl,
    make_store,
)
from persistence.integrity import Kind, check
from persistence.repairs import repair
from persistence.sql_connection import Connection
from persistence.testing import Node
from tests.helpers.servers import MariaDbServer, PostgreSqlServer, Server

BLOB = {"postgresql": "BYTEA", "mysql": "BLOB"}
GC3PIE_COUNTER = 10**9


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def url(server: Server) -> str:
    return server.url()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    with SqlStore(url) as store:
        yield store


@pytest.fixture
def gc3pie_table(server: Server, url: str) -> str:
    """Make the table that GC3Pie makes; return its name."""
    table = StoreUrl.parse(url).table
    assert table is not None
    server.execute(
        f"CREATE TABLE {table} (id INTEGER NOT NULL PRIMARY KEY,"
        f" data {BLOB[server.scheme]}, state VARCHAR(128))"
    )
    return table


class TestOwnTables:
    def test_the_store_says_what_it_is(self, server: Server, store: SqlStore) -> None:
        names = {"postgresql": "PostgreSQL database", "mysql": "MariaDB database"}
        assert store.kind == names[server.scheme]
        assert (store.writer, store.keeps_summaries) == ("Jobshelf", True)

    def test_texts_of_every_language_come_back(self, store: SqlStore) -> None:
        names = ["Größe", "工作", "عمل", "🧪 sweep", "a\0b", "half \ud800", "%s :x ?", "q'\"`\\"]
        ids = store.save_many([Node(name) for name in names])
        shown = [summary.name for summary in store.summaries(ids)]
        assert shown[:4] == names[:4]
        assert shown[6:] == names[6:]
        assert [node.name for node in store.load_many(ids)] == names

    def test_ids_of_every_language_are_told_apart(self, store: SqlStore) -> None:
        ids = ["job.1", "JOB.1", "jöb.1", "job.1 x", "100%", "%s", "q'\"`\\", "工作.1"]
        data = {id_: pickle.dumps(id_) for id_ in ids}
        store.apply([Edit(id_, data[id_], ABSENT) for id_ in ids])
        assert store.list() == ids
        assert {record.id_: record.data for record in store.read_many(ids)} == data
        assert "job.1 " not in store

    def test_large_objects_come_back_whole(self, store: SqlStore) -> None:
        job = {"data": bytes(range(256)) * 20_000}
        id_ = store.save(job)
        assert store.load(id_) == job
        assert [record.id_ for record in store.records()] == [id_]

    def test_thousands_of_changes_are_made_at_once(self, store: SqlStore) -> None:
        data = pickle.dumps({"name": "a"})
        store.apply([Edit(f"Job.{n}", data, ABSENT) for n in range(3000)])
        store.apply([Edit(f"Job.{n}", None, data) for n in range(0, 3000, 2)])
        assert len(store) == 1500
        assert store.list()[:2] == ["Job.1", "Job.3"]

    def test_threads_that_make_the_same_tables_at_once_make_one(self, url: str) -> None:
        errors: list[BaseException] = []

        def save() -> None:
            try:
                with SqlStore(url) as store:
                    store.save(Node("a"))
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=save) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        with SqlStore(url) as store:
            assert len(store) == 6

    def test_a_reader_misses_no_commit_of_writers_at_once(self, url: str) -> None:
        """The first writer has its number of change, but commits while others wait."""
        with SqlStore(url) as slow, SqlStore(url) as quick, SqlStore(url) as reader:
            token = reader.changes().token
            writing, go_on = threading.Event(), threading.Event()
            commit = slow._database._commit

            def wait_and_commit(connection: Connection) -> None:
                writing.set()
                go_on.wait()
                commit(connection)

            slow._database._commit = wait_and_commit  # type: ignore[method-assign]
            ids: list[str] = []
            threads = [
                threading.Thread(target=lambda s=s: ids.append(s.save(Node("a"))))
                for s in (slow, quick)
            ]
            threads[0].start()
            writing.wait()
            threads[1].start()
            seen = [reader.changes(token)]
            go_on.set()
            for thread in threads:
                thread.join()
            seen.append(reader.changes(seen[0].token))
            assert seen[0].changed == ()
            assert set(seen[1].changed) == set(ids)

    def test_a_lock_that_is_not_released_is_reported(self, server: Server, url: str) -> None:
        with SqlStore(url, timeout=1) as store, SqlStore(url, timeout=1) as other:
            with other._database.transaction() as connection:
                connection.run(other._layout._count_change, {"most_new": 1})  # type: ignore[attr-defined]
                with pytest.raises(StoreError, match="locked by another program"):
                    store.save(Node("a"))
            store.save(Node("a"))

    def test_a_change_that_met_anothers_is_tried_again(
        self, store: SqlStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        insert = store._layout.insert
        met = [psycopg.errors.DeadlockDetected(), psycopg.errors.SerializationFailure()]

        def meet(*args: Any) -> None:
            insert(*args)
            if met:
                error: Any = store._database.engine.dialect.loaded_dbapi.OperationalError()
                error.sqlstate = met.pop().sqlstate
                raise error

        monkeypatch.setattr(store._layout, "insert", meet)
        store.save(Node("a"))
        assert (len(store), met) == (1, [])

    def test_a_read_only_store_writes_nothing(self, server: Server, url: str) -> None:
        with SqlStore(url) as store:
            id_ = store.save(Node("a", Node("b")))
        with SqlStore(url, read_only=True) as store:
            assert store.load(id_).children[0].name == "b"
            assert len(list(store.summaries())) == len(list(store.records())) == 2
            with pytest.raises(ReadOnlyError):
                store.remove(id_)
            with pytest.raises(ReadOnlyError), store._database.transaction() as connection:
                connection.run(store._layout._count_change, {"most_new": 1})  # type: ignore[attr-defined]

    def test_looking_makes_nothing(self, server: Server, url: str) -> None:
        for options in ({"create": False}, {"read_only": True}):
            with pytest.raises(StoreError, match="There is no table"):
                SqlStore(url, **options)  # type: ignore[arg-type]
        with pytest.raises(StoreError, match="There is no table"):
            SqlStore(url, read_only=True)

    def test_a_view_is_no_store(self, server: Server, url: str) -> None:
        view = StoreUrl.parse(url).table
        with SqlStore(url, f"{view}_x"):
            server.execute(f"CREATE VIEW {view} AS SELECT * FROM {view}_x")
        with pytest.raises(StoreError, match="is a view"):
            SqlStore(url)

    def test_a_missing_table_names_those_that_look_like_stores(
        self, server: Server, gc3pie_table: str
    ) -> None:
        with pytest.raises(StoreError) as caught:
            SqlStore(server.url("nothing_like_it"), create=False)
        assert "There is no table 'nothing_like_it'" in str(caught.value)
        assert "#table=" in caught.value.advice


class TestPages:
    def test_pages_hold_what_is_asked_for_in_insertion_order(self, store: SqlStore) -> None:
        states = ["NEW", "RUNNING", "Größe %_"]
        nodes = [Node(f"n{n}", state=states[n % 3]) for n in range(30)]
        ids = store.save_many(nodes)
        for n, state in enumerate(states):
            found, after = [], -1
            while after is not None:
                page = store.page(state=state, after=after, count=4)
                assert len(page.summaries) <= 4
                found += [summary.id for summary in page.summaries]
                after = page.after  # type: ignore[assignment]
            assert found == ids[n::3]
        kind = page.summaries[0].type
        assert [s.id for s in store.page(type_=kind, state="NEW").summaries] == ids[::3]
        assert store.page(type_="no.Such").summaries == ()
        assert [s.id for s in store.page(count=30).summaries] == ids
        assert store.page(count=30).after is None

    def test_removing_and_saving_between_pages_neither_skips_nor_repeats(
        self, store: SqlStore
    ) -> None:
        ids = store.save_many([Node(f"n{n}") for n in range(6)])
        first = store.page(count=3)
        store.remove(ids[0])
        late = store.save(Node("late"))
        assert first.after is not None
        second = store.page(after=first.after, count=9)
        assert [summary.id for summary in second.summaries] == [*ids[3:], late]

    def test_the_database_finds_them_by_an_index(self, postgresql: PostgreSqlServer) -> None:
        with SqlStore(postgresql.url()) as store:
            store.save(Node("a"))
            table = store.container.removeprefix("table ")
            plan = postgresql.execute(
                "SET enable_seqscan = off",
                "SET enable_sort = off",
                f"EXPLAIN SELECT id FROM {table} WHERE state = 'NEW' AND seq > 5"
                " ORDER BY seq LIMIT 10",
            )
            assert f"{table}_states" in str(plan)

    def test_a_table_of_gc3pie_has_none(self, url: str, gc3pie_table: str) -> None:
        with SqlStore(url) as store, pytest.raises(NotImplementedError):
            store.page()


class TestFormats:
    @pytest.fixture
    def earlier(self, server: Server, url: str) -> str:
        """Make a table as the first format has it, with a state that is too long for an index."""
        with SqlStore(url) as store:
            store.save(Node("a", state="NEW"))
            table = store.container.removeprefix("table ")
        on = "" if server.scheme == "postgresql" else f" ON {table}"
        server.execute(
            f"DROP INDEX {table}_states{on}",
            f"DROP INDEX {table}_types{on}",
            f"UPDATE {table} SET state = REPEAT('é', 900)",
            f"UPDATE {table}_meta SET format = 1",
        )
        return table

    def _format(self, server: Server, table: str) -> object:
        return server.execute(f"SELECT format FROM {table}_meta")[0][0]

    def test_an_earlier_one_is_used_as_it_is_by_who_only_looks_or_edits(
        self, server: Server, url: str, earlier: str
    ) -> None:
        for options in ({"read_only": True}, {"create": False}):
            with SqlStore(url, **options) as store:  # type: ignore[arg-type]
                assert len(store.page().summaries) == 1
        assert self._format(server, earlier) == 1

    def test_an_earlier_one_is_brought_up_to_date_by_who_saves(
        self, server: Server, url: str, earlier: str
    ) -> None:
        with SqlStore(url) as store:
            (summary,) = store.page().summaries
            assert summary.state == "é" * 499 + "…"
            assert store.page(state=summary.state).summaries == (summary,)
        assert self._format(server, earlier) == 2
        SqlStore(url).close()

    def test_who_may_not_change_an_earlier_one_uses_it_as_it_is(
        self, server: Server, url: str, earlier: str
    ) -> None:
        if server.scheme == "postgresql":
            for ending in ("", "_references", "_removed", "_meta"):
                server.execute(f"GRANT SELECT ON {earlier}{ending} TO reader")
        with SqlStore(server.url(earlier, user="reader")) as store:
            assert len(store) == 1
        assert self._format(server, earlier) == 1

    def test_a_later_one_is_refused_with_a_sentence(self, server: Server, url: str) -> None:
        with SqlStore(url) as store:
            table = store.container.removeprefix("table ")
        server.execute(f"UPDATE {table}_meta SET format = 3")
        with pytest.raises(StoreError, match="Install a newer version"):
            SqlStore(url)


class TestWatching:
    def test_whoever_waits_on_postgresql_is_woken_by_each_change_of_its_own_table_only(
        self, postgresql: PostgreSqlServer
    ) -> None:
        with SqlStore(postgresql.url()) as store, SqlStore(postgresql.url()) as other:
            watch = store.watch()
            assert watch is not None
            other.save(Node("elsewhere"))
            assert not watch.wait(0.1)
            ids = store.save_many([Node("a"), Node("b")])
            assert watch.wait(10)
            assert not watch.wait(0)
            with pytest.raises(ConflictError):
                store.write(ids[0], b"N.", ABSENT)
            assert not watch.wait(0.1)
            store.remove(ids[0])
            assert watch.wait(10)
            watch.close()

    def test_a_watch_whose_connection_is_lost_says_so(self, postgresql: PostgreSqlServer) -> None:
        with SqlStore(postgresql.url()) as store:
            watch = store.watch()
            assert watch is not None
            pid = watch._connection.driver.info.backend_pid
            postgresql.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
            with pytest.raises(StoreError):
                watch.wait(10)
            watch.close()

    def test_where_nobody_tells_of_changes_there_is_no_watch(
        self, mariadb: MariaDbServer, url: str, gc3pie_table: str
    ) -> None:
        for address in (mariadb.url(), url, "sqlite:///:memory:"):
            with SqlStore(address) as store:
                assert store.watch() is None


class TestTablesOfGC3Pie:
    def test_they_are_read_and_written_in_place(
        self, server: Server, url: str, gc3pie_table: str
    ) -> None:
        with SqlStore(url) as store:
            assert store.writer == "GC3Pie"
            child = Node("child", state="RUNNING")
            id_ = store.save(Node("parent", child))
            assert store.references(id_) == [str(child.persistent_id)]
            assert store.load(id_).children[0].state == "RUNNING"
            child.state = "STOPPED"
            store.save(child)
            store.remove(id_)
        rows = server.execute(f"SELECT id, state FROM {gc3pie_table}")
        assert rows == [(child.persistent_id, "STOPPED")]

    def test_a_removed_row_comes_back_with_its_further_columns(
        self, server: Server, url: str, gc3pie_table: str
    ) -> None:
        columns = {
            "owner": ("VARCHAR(20) NOT NULL", "'mé'"),
            "since": ("TIMESTAMP NOT NULL", "'2026-11-24 22:15:00'"),
            "price": ("DECIMAL(10, 2)", "12.50"),
            "ok": ("BOOLEAN", "TRUE"),
            "about": ("JSON", """'{"tags": ["a", "b"]}'"""),
            "icon": ("BYTEA" if "postgresql" in url else "BLOB", "'ab'"),
        }
        for name, (kind, value) in columns.items():
            server.execute(f"ALTER TABLE {gc3pie_table} ADD COLUMN {name} {kind} DEFAULT {value}")
        with SqlStore(url) as store:
            id_ = store.save({"a": 1})
            shown = f"SELECT id, state, {', '.join(columns)} FROM {gc3pie_table}"
            before = server.execute(shown)
            for name in columns:
                server.execute(f"ALTER TABLE {gc3pie_table} ALTER COLUMN {name} DROP DEFAULT")
            data, further = store.read(id_), store.further([id_])[id_]
            store.remove(id_)
            store.apply([Edit(id_, data, ABSENT, further)])
        assert server.execute(shown) == before

    def test_numbers_fit_the_column_and_are_never_given_twice(
        self, url: str, gc3pie_table: str
    ) -> None:
        with SqlStore(url) as one, SqlStore(url) as other:
            given = []
            for _ in range(30):
                for store in (one, other):
                    id_ = store.save({"a": 1})
                    given.append(int(id_))
                    store.remove(id_)
            given += map(int, one.save_many([{"n": n} for n in range(100)]))
        with SqlStore(url) as store:
            given.append(int(store.save({"a": 1})))
        assert len(set(given)) == len(given)
        assert all(GC3PIE_COUNTER < number < 2**31 for number in given)

    def test_numbers_begin_above_those_that_are_there(
        self, server: Server, url: str, gc3pie_table: str
    ) -> None:
        server.execute(f"INSERT INTO {gc3pie_table} (id) VALUES ({2**30 + 5000})")
        with SqlStore(url) as store:
            assert int(store.save({"a": 1})) > 2**30 + 5000

    def test_any_number_may_be_asked_for(self, url: str, gc3pie_table: str) -> None:
        with SqlStore(url) as store:
            assert store.list() == [] == list(store.records())
            assert 2**31 not in store
            assert 2**63 not in store
            with pytest.raises(SaveError):
                store.write(2**31, pickle.dumps(1))

    def test_what_is_too_long_for_the_column_is_refused_and_not_cut(
        self, mariadb: MariaDbServer
    ) -> None:
        url = mariadb.url()
        mariadb.execute(
            f"CREATE TABLE {StoreUrl.parse(url).table}"
            " (id INTEGER NOT NULL PRIMARY KEY, data BLOB, state VARCHAR(128))"
        )
        with SqlStore(url) as store:
            with pytest.raises(SaveError, match="too long"):
                store.save({"data": bytes(70_000)})
            assert len(store) == 0

    def test_a_table_without_transactions_is_only_read(self, mariadb: MariaDbServer) -> None:
        url = mariadb.url()
        table = StoreUrl.parse(url).table
        mariadb.execute(
            f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))"
            " ENGINE=MyISAM",
            f"INSERT INTO {table} VALUES (7, 'N.', 'NEW')",
        )
        with SqlStore(url) as store:
            assert store.load("7") is None
            assert "no transactions" in store.notices[0]
            with pytest.raises(ReadOnlyError):
                store.remove("7")

    def test_writes_by_gc3pie_are_noticed_and_not_overwritten(
        self, server: Server, url: str, gc3pie_table: str
    ) -> None:
        with SqlStore(url) as store:
            first, second, third = store.save_many([{"n": n} for n in range(3)])
            seen = store.read(first)
            token = store.changes().token
            server.execute(
                f"UPDATE {gc3pie_table} SET data = 'other' WHERE id = {first}",
                f"DELETE FROM {gc3pie_table} WHERE id = {second}",
            )
            changes = store.changes(token)
            assert (changes.changed, changes.removed) == ((first,), (second,))
            with pytest.raises(ConflictError):
                store.apply([Edit(third, None), Edit(first, None, seen)])
            assert store.list() == [first, third]


class TestConnections:
    def test_a_wrong_password_is_not_repeated(self, server: Server) -> None:
        wrong = "Ver-y#Se:cr@t"
        address = str(StoreUrl.parse(server.url(password="Ver-y%23Se%3Acr%40t")))
        assert wrong not in address
        with pytest.raises(StoreError) as caught:
            SqlStore(server.url(password="Ver-y%23Se%3Acr%40t"))
        assert "refuses to let this user into" in str(caught.value)
        assert wrong not in str(caught.value)
        assert "Se%3Acr" not in str(caught.value)

    def test_a_server_that_is_not_there(self, server: Server) -> None:
        nowhere = server.url().replace(f":{server.port}/", ":1/")
        with pytest.raises(StoreError, match="No database server listens") as caught:
            SqlStore(nowhere)
        assert server.password not in str(caught.value)

    def test_a_host_that_is_not_there(self, server: Server) -> None:
        nowhere = server.url().replace("127.0.0.1", "no.such.host.invalid")
        with pytest.raises(StoreError, match="is not known"):
            SqlStore(nowhere)

    def test_a_database_that_is_not_there(self, server: Server) -> None:
        with pytest.raises(StoreError, match=r"does not exist|does not allow"):
            SqlStore(server.url().replace(f"/{server.database}#", "/nothing#"))

    def test_options_that_the_driver_does_not_know(self, server: Server) -> None:
        with pytest.raises(StoreError) as caught:
            SqlStore(server.url().replace("#", "?colour=blue#"))
        assert "colour" in str(caught.value)

    def test_options_of_the_driver_are_passed_on(self, server: Server) -> None:
        options = {"postgresql": "application_name=runner", "mysql": "program_name=runner"}
        url = server.url().replace("#", f"?{options[server.scheme]}#")
        with make_store(url) as store:
            assert len(store) == 0

    @pytest.mark.parametrize(
        ("scheme", "package", "extra"),
        [("postgresql", "psycopg", "postgresql"), ("mysql", "pymysql", "mysql")],
    )
    def test_a_missing_driver_names_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, scheme: str, package: str, extra: str
    ) -> None:
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(StoreError) as caught:
            SqlStore(f"{scheme}://me:secret@localhost/jobs")
        assert f"pip install jobshelf[{extra}]" in str(caught.value)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("scheme", ["oraclee", "postgresql+nothing"])
    def test_databases_and_drivers_that_nobody_knows(self, scheme: str) -> None:
        with pytest.raises(StoreError, match="not known"):
            SqlStore(f"{scheme}://localhost/jobs")

    def test_a_server_that_only_speaks_like_postgresql_is_named(
        self, postgresql: PostgreSqlServer
    ) -> None:
        """CockroachDB says so of itself; here a database of PostgreSQL pretends to."""
        name = f"pretender_{id(self)}"
        postgresql.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(
            host="127.0.0.1",
            port=postgresql.port,
            user="jobshelf",
            password=postgresql.password,
            dbname=name,
            options="-c allow_system_table_mods=on",
        ) as connection:
            connection.execute(
                "CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql"
                " AS $$ SELECT 'CockroachDB CCL v25.1.0 (x86_64-pc-linux-gnu)' $$"
            )
        with pytest.raises(StoreError, match="'CockroachDB CCL") as caught:
            SqlStore(postgresql.url().replace("/postgres#", f"/{name}#"))
        assert "docs/servers.md" in caught.value.advice

    def test_closing_a_store_ends_its_sessions(self, postgresql: PostgreSqlServer) -> None:
        url = postgresql.url().replace("#", "?application_name=closing#")
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closing'"
        with SqlStore(url) as store:
            store.save(Node("a"))
            assert postgresql.execute(count)[0][0]
        for _ in range(100):  # the server takes a moment
            if postgresql.execute(count) == [(0,)]:
                break
        else:
            raise AssertionError("sessions were left open")

    @pytest.mark.parametrize(("durability", "setting"), [("full", "on"), ("normal", "off")])
    def test_commits_are_flushed_unless_it_is_asked_otherwise(
        self, postgresql: PostgreSqlServer, durability: Any, setting: str
    ) -> None:
        with (
            SqlStore(postgresql.url(), durability=durability) as store,
            store._database.connection() as connection,
        ):
            assert connection.fetch("SHOW synchronous_commit") == [(setting,)]


def test_a_check_finds_drifted_columns_and_a_repair_writes_them_anew(
    server: Server, store: SqlStore, url: str
) -> None:
    table = StoreUrl.parse(url).table
    ids = store.save_many([Node("a", Node("b")), Node("c")])
    assert list(check(store)) == []
    server.execute(f"UPDATE {table} SET name = 'other' WHERE id = '{ids[1]}'")
    server.execute(f"DELETE FROM {table}_references")
    problems = list(check(store))
    assert {problem.id_ for problem in problems} == set(ids)
    repair(store, problems)
    assert list(check(store)) == []


def test_references_of_a_row_that_was_removed_do_not_keep_it_from_coming_back(
    server: Server, store: SqlStore, url: str
) -> None:
    table = StoreUrl.parse(url).table
    middle = Node("middle", Node("leaf"))
    store.save(Node("top", middle))
    id_ = str(middle.persistent_id)
    kept = {id_: store.read(id_)}
    server.execute(f"DELETE FROM {table} WHERE id = '{id_}'")
    stray, dangling = check(store, former=kept.get)
    assert (stray.kind, dangling.kind) == (Kind.SCHEMA, Kind.DANGLING)
    repair(store, [dangling], kept.get)
    assert list(check(store)) == []
