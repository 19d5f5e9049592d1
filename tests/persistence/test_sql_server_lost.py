"""Servers that go away: connections are made anew, and no change is made twice or half."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pymysql
import pytest

from persistence import InDoubtError, ObjectNotFound, SqlStore, StoreError
from persistence.sql_connection import Connection
from persistence.testing import Node
from tests.helpers.servers import PostgreSqlServer, Server

Run = Callable[..., None]


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgreSqlServer]:
    """A server that no other tests need."""
    server = PostgreSqlServer()
    yield server
    server.close()


def _end_session(server: Server, connection: Connection) -> None:
    if isinstance(server, PostgreSqlServer):
        pid = connection.driver.info.backend_pid
        assert server.execute(f"SELECT pg_terminate_backend({pid}, 5000)") == [(True,)]
    else:
        server.execute(f"KILL {connection.driver.thread_id()}")


class _AtCommit:
    """Does something once, before or after the first COMMIT."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[Connection, Run], None]):
        self._act: Callable[[Connection, Run], None] | None = act
        self._run = Connection.run
        monkeypatch.setattr(Connection, "run", lambda *args: self.run(*args))  # noqa: PLW0108 -- binds

    def run(self, connection: Connection, statement: str, parameters: Any = None) -> None:
        act, run = self._act, self._run
        if act is not None and statement == "COMMIT":
            self._act = None
            act(connection, run)
        else:
            run(connection, statement, parameters)


def _lost(server: Server) -> Exception:
    if isinstance(server, PostgreSqlServer):
        return psycopg.OperationalError("server closed the connection unexpectedly")
    return pymysql.OperationalError(2013, "Lost connection to MySQL server during query")


class TestRestart:
    def test_a_store_goes_on_when_its_server_was_restarted_meanwhile(
        self, mortal: PostgreSqlServer
    ) -> None:
        with SqlStore(mortal.url()) as store:
            id_ = store.save(Node("a"))
            mortal.stop()
            mortal.start()
            assert store.load(id_).name == "a"
            mortal.stop()
            mortal.start()
            store.save(Node("b"))
            assert len(store) == 2

    def test_while_it_is_down_each_request_says_so(self, mortal: PostgreSqlServer) -> None:
        with SqlStore(mortal.url()) as store:
            id_ = store.save(Node("a"))
            mortal.stop()
            for act in (lambda: store.load(id_), lambda: store.save(Node("b"))):
                with pytest.raises(StoreError, match="No database server listens"):
                    act()
            mortal.start()
            assert store.load(id_).name == "a"
            assert len(store) == 1

    def test_a_server_that_stops_in_the_moment_of_saving_leaves_doubt_and_says_so(
        self, mortal: PostgreSqlServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with SqlStore(mortal.url()) as store:

            def stop(connection: Connection, run: Run) -> None:
                mortal.stop()
                run(connection, "COMMIT")

            _AtCommit(monkeypatch, stop)
            with pytest.raises(InDoubtError, match="in the moment of saving"):
                store.save(Node("a"))
            mortal.start()
            assert len(store) == 0


class TestDoubt:
    def test_a_change_that_was_not_committed_is_made_once_more(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with SqlStore(server.url()) as store:

            def lose(connection: Connection, run: Run) -> None:
                _end_session(server, connection)
                run(connection, "COMMIT")

            _AtCommit(monkeypatch, lose)
            id_ = store.save(Node("a"))
            assert store.list() == [id_]

    def test_a_change_that_was_committed_is_not_made_twice(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lose_the_answer(connection: Connection, run: Run) -> None:
            run(connection, "COMMIT")
            raise _lost(server)

        with SqlStore(server.url()) as store:
            _AtCommit(monkeypatch, lose_the_answer)
            id_ = store.save(Node("a"))
            assert store.list() == [id_]
            before = store.changes().token
            _AtCommit(monkeypatch, lose_the_answer)
            store.remove(id_)
            assert store.changes().token == before + 1
            with pytest.raises(ObjectNotFound):
                store.remove(id_)

    def test_anothers_change_is_not_taken_for_ones_own(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with SqlStore(server.url()) as store, SqlStore(store.url) as other:

            def be_overtaken(connection: Connection, run: Run) -> None:
                _end_session(server, connection)
                other.save(Node("other"))
                run(connection, "COMMIT")

            _AtCommit(monkeypatch, be_overtaken)
            id_ = store.save(Node("own"))
            assert len(store) == 2
            assert store.load(id_).name == "own"

    def test_what_others_have_written_over_is_left_in_doubt(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with SqlStore(server.url()) as store, SqlStore(store.url) as other:
            id_ = store.save(Node("first"))

            def be_written_over(connection: Connection, run: Run) -> None:
                run(connection, "COMMIT")
                other.replace(id_, Node("third"))
                raise _lost(server)

            _AtCommit(monkeypatch, be_written_over)
            with pytest.raises(InDoubtError):
                store.replace(id_, Node("second"))
            assert store.load(id_).name == "third"


class TestIdleConnections:
    def test_one_that_the_server_ended_is_replaced_before_it_is_used(self, server: Server) -> None:
        with SqlStore(server.url()) as store:
            for _ in range(3):
                with store._database.connection() as connection:
                    pass
                _end_session(server, connection)
                _wait_for_the_end(connection)
                assert len(store) == 0

    def test_one_that_has_rested_is_asked_first(
        self, postgresql: PostgreSqlServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("persistence.sql_server._has_news", lambda _: False)
        monkeypatch.setattr("persistence.sql_server._PING_AFTER", 0.0)
        with SqlStore(postgresql.url()) as store:
            with store._database.connection() as connection:
                pass
            _end_session(postgresql, connection)
            assert len(store) == 0


def _wait_for_the_end(connection: Connection) -> None:
    """Wait until the network has brought the news; it does so without being asked."""
    driver = connection.driver
    file = driver.fileno() if hasattr(driver, "fileno") else driver._sock.fileno()
    with socket.socket(fileno=os.dup(file)) as copy:
        copy.settimeout(5)
        assert copy.recv(1, socket.MSG_PEEK) is not None


class TestTimeouts:
    def test_a_statement_that_takes_too_long_is_ended_by_the_server(self, server: Server) -> None:
        with SqlStore(server.url(options="statement_timeout=0.2")) as store:
            slow = {"postgresql": "SELECT pg_sleep(30)", "mysql": "SELECT SLEEP(30)"}
            began = time.monotonic()
            with (
                pytest.raises(StoreError, match=r"took longer than 0\.2 s"),
                store._database.connection() as connection,
            ):
                connection.fetch(slow[server.scheme])
                # MariaDB's SLEEP gives 1 when it is cut short, and the next statement fails.
                connection.fetch("SELECT COUNT(*) FROM seq_1_to_1000000000")
            assert time.monotonic() - began < 10
            assert len(store) == 0

    def test_a_lock_is_waited_for_as_long_as_the_address_says(self, server: Server) -> None:
        with SqlStore(server.url(options="lock_timeout=1"), timeout=60) as store:
            assert store._database.patience == 1

    @pytest.mark.parametrize("text", ["soon", "-1", "1e9", "nan"])
    def test_a_time_that_makes_no_sense_is_refused(self, server: Server, text: str) -> None:
        with pytest.raises(StoreError, match="no number of seconds"):
            SqlStore(server.url(options=f"connect_timeout={text}"))

    def test_a_server_that_does_not_answer_is_given_up(self, server: Server) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            url = server.url(options="connect_timeout=1").replace(
                f":{server.port}/", f":{silent.getsockname()[1]}/"
            )
            began = time.monotonic()
            with pytest.raises(StoreError):
                SqlStore(url)
            assert time.monotonic() - began < 10


def _lock_and_tell(url: str, line: Any) -> None:
    with SqlStore(url) as store, store._database.transaction() as connection:
        connection.run(store._layout._count_change, {"most_new": 1})  # type: ignore[attr-defined]
        line.send("locked")
        line.recv()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_client_leaves_no_lock(server: Server) -> None:
    with SqlStore(server.url(), timeout=20) as store:
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        other = context.Process(
            target=_lock_and_tell,
            args=(store.url.with_password(), theirs),  # type: ignore[union-attr]
        )
        other.start()
        assert ours.poll(60)
        other.kill()
        other.join()
        store.save(Node("a"))
        assert len(store) == 1
