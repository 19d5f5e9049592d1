"""Who gets into a database server, and how: TLS, passwords, and a sentence for each refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from persistence import (
    PasswordError,
    ReadOnlyError,
    SqlStore,
    StoreError,
    StoreUrl,
    passwords,
)
from persistence.testing import Node
from tests.helpers.keyrings import MemoryKeyring
from tests.helpers.servers import PostgreSqlServer, Server


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def _is_encrypted(store: SqlStore) -> bool:
    with store._database.connection() as connection:
        if "PostgreSQL" in store.kind:
            asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            return bool(connection.fetch(asked)[0][0])
        return bool(connection.fetch("SHOW STATUS LIKE 'Ssl_cipher'")[0][1])


class TestEncryption:
    @pytest.mark.parametrize(
        ("options", "is_encrypted"),
        [
            ("", True),
            ("sslmode=disable", False),
            ("sslmode=prefer", True),
            ("sslmode=require", True),
            ("sslmode=require&sslrootcert=ROOT", True),
            ("sslmode=verify-ca&sslrootcert=ROOT", True),
            ("sslmode=verify-full&sslrootcert=ROOT", True),
        ],
    )
    def test_the_mode_in_the_address_decides(
        self, server: Server, options: str, is_encrypted: bool
    ) -> None:
        root = server.certificates / "root.pem"
        url = server.url(options=options.replace("ROOT", root.as_posix()))
        with SqlStore(url) as store:
            assert _is_encrypted(store) is is_encrypted
            store.save(Node("a"))

    @pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
    def test_a_server_that_another_root_has_signed_is_not_believed(
        self, server: Server, mode: str, tmp_path: Path
    ) -> None:
        other = tmp_path / "other.pem"
        other.write_bytes((server.certificates / "client.pem").read_bytes())
        with pytest.raises(StoreError, match="No encrypted connection") as caught:
            SqlStore(server.url(options=f"sslmode={mode}&sslrootcert={other.as_posix()}"))
        assert "sslrootcert" in caught.value.advice

    def test_a_certificate_for_another_host_is_refused_where_the_host_is_verified(
        self, server: Server
    ) -> None:
        root = f"sslrootcert={(server.certificates / 'root.pem').as_posix()}"
        with SqlStore(server.url(host="localhost", options=f"sslmode=verify-ca&{root}")) as store:
            assert _is_encrypted(store)
        with pytest.raises(StoreError, match="No encrypted connection"):
            SqlStore(server.url(host="localhost", options=f"sslmode=verify-full&{root}"))

    def test_a_client_can_prove_itself_by_a_certificate(self, server: Server) -> None:
        folder = server.certificates.as_posix()
        options = f"sslmode=verify-full&sslrootcert={folder}/root.pem"
        own = f"{options}&sslcert={folder}/client.pem&sslkey={folder}/client.key"
        with SqlStore(server.url(user="certified", password="", options=own)) as store:
            store.save(Node("a"))
        with pytest.raises(StoreError):
            SqlStore(server.url(user="certified", password="", options=options))

    @pytest.mark.parametrize(
        "options",
        ["sslmode=verify-full&sslrootcert=NONE", "sslmode=require&sslcert=NONE&sslkey=NONE"],
    )
    def test_files_that_are_not_there_are_reported(
        self, server: Server, options: str, tmp_path: Path
    ) -> None:
        options = options.replace("NONE", (tmp_path / "none.pem").as_posix())
        with pytest.raises(StoreError, match="is not there"):
            SqlStore(server.url(options=options))

    def test_a_mode_that_there_is_not_is_named_with_those_there_are(self, server: Server) -> None:
        with pytest.raises(StoreError, match="sslmode=bogus") as caught:
            SqlStore(server.url(options="sslmode=bogus"))
        assert "verify-full" in caught.value.advice

    def test_who_must_encrypt_is_told_so(self, postgresql: PostgreSqlServer) -> None:
        with pytest.raises(StoreError, match="encrypted connections only") as caught:
            SqlStore(postgresql.url(user="encrypted", options="sslmode=disable"))
        assert "sslmode=require" in caught.value.advice


class TestPasswords:
    def test_who_gives_none_is_asked_for_one(self, server: Server) -> None:
        with pytest.raises(PasswordError, match="asks for a password") as caught:
            SqlStore(server.url(password=""))
        assert (caught.value.was_given, caught.value.can_be_kept) == (False, False)

    def test_a_wrong_one_is_told_from_none(self, server: Server, ring: MemoryKeyring) -> None:
        with pytest.raises(PasswordError, match="refuses to let this user into") as caught:
            SqlStore(server.url(password="wrong"))
        assert caught.value.was_given

    def test_the_environment_may_have_it(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        variable = {"postgresql": "PGPASSWORD", "mysql": "MYSQL_PWD"}[server.scheme]
        monkeypatch.setenv(variable, server.password)
        with SqlStore(server.url(password="")) as store:
            store.save(Node("a"))

    def test_the_password_file_of_postgresql_may_have_it(
        self, postgresql: PostgreSqlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "pgpass"
        file.write_text(f"127.0.0.1:{postgresql.port}:*:jobshelf:{postgresql.password}\n")
        file.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
        with SqlStore(postgresql.url(password="")) as store:
            store.save(Node("a"))

    def test_the_keyring_may_have_it_for_every_database_of_the_server(
        self, server: Server, ring: MemoryKeyring
    ) -> None:
        url = StoreUrl.parse(server.url(password=""))
        with pytest.raises(PasswordError) as caught:
            SqlStore(url)
        assert caught.value.can_be_kept
        passwords.keep(StoreUrl.parse(server.url("other", password="")), server.password)
        assert list(ring.kept.values()) == [server.password]
        with SqlStore(url) as store:
            store.save(Node("a"))
            store.close()
            assert len(store) == 1
        passwords.forget(url)
        assert ring.kept == {}

    def test_one_in_the_keyring_that_is_no_longer_right_is_asked_for_again(
        self, server: Server, ring: MemoryKeyring
    ) -> None:
        url = StoreUrl.parse(server.url(password=""))
        passwords.keep(url, "former")
        with pytest.raises(PasswordError) as caught:
            SqlStore(url)
        assert (caught.value.was_given, caught.value.can_be_kept) == (True, True)

    def test_the_keyring_is_not_asked_by_who_gives_a_password_or_needs_none(
        self, server: Server, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: str) -> str:
            raise AssertionError("the keyring was asked")

        monkeypatch.setattr(ring, "get_password", refuse)
        SqlStore(server.url()).close()
        with pytest.raises(PasswordError):
            SqlStore(server.url(password="wrong"))

    def test_a_keyring_that_refuses_says_so_without_the_password(
        self, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_service: str, _user: str, password: str) -> None:
            raise RuntimeError(f"cannot keep {password}")

        monkeypatch.setattr(ring, "set_password", refuse)
        with pytest.raises(StoreError, match="does not keep the password") as caught:
            passwords.keep(StoreUrl.parse("postgresql://me@db.lab/runs"), "s3cret")
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_without_a_keyring_nothing_is_kept(self) -> None:
        assert not passwords.can_be_kept()
        with pytest.raises(StoreError, match="has no keyring"):
            passwords.keep(StoreUrl.parse("postgresql://me@db.lab/runs"), "s3cret")

    def test_no_process_shows_it(self, server: Server) -> None:
        psutil = pytest.importorskip("psutil")
        with SqlStore(server.url()):
            own = psutil.Process()
            shown = [p.cmdline() for p in (own, *own.children(recursive=True))]
            assert server.password not in str(shown)


class TestRights:
    def test_who_may_not_make_tables_is_told_so(self, server: Server) -> None:
        with pytest.raises(StoreError, match="does not allow this") as caught:
            SqlStore(server.url(user="reader"))
        assert "administrator" in caught.value.advice

    def test_who_may_read_reads_and_is_told_at_the_first_change(self, server: Server) -> None:
        with SqlStore(server.url()) as store:
            id_ = store.save(Node("a"))
            table = store.container.removeprefix("table ")
            if server.scheme == "postgresql":
                for ending in ("", "_references", "_removed", "_meta"):
                    server.execute(f"GRANT SELECT ON {table}{ending} TO reader")
            with SqlStore(server.url(table, user="reader")) as other:
                assert other.load(id_).name == "a"
                assert len(list(other.summaries())) == 1
                with pytest.raises(StoreError, match="does not allow this"):
                    other.remove(id_)

    def test_a_server_that_only_reads_opens_read_only_with_a_notice(
        self, postgresql: PostgreSqlServer
    ) -> None:
        with SqlStore(postgresql.url()) as store:
            id_ = store.save(Node("a"))
            table = store.container.removeprefix("table ")
        options = "options=-c%20default_transaction_read_only%3Don"
        with SqlStore(postgresql.url(table, options=options)) as store:
            assert "only reads, as replicas do" in store.notices[0]
            assert store.load(id_).name == "a"
            with pytest.raises(ReadOnlyError):
                store.remove(id_)

    def test_too_many_connections_are_reported(self, postgresql: PostgreSqlServer) -> None:
        postgresql.execute("ALTER ROLE encrypted CONNECTION LIMIT 0")
        try:
            with pytest.raises(StoreError, match="no more connections"):
                SqlStore(postgresql.url(user="encrypted"))
        finally:
            postgresql.execute("ALTER ROLE encrypted CONNECTION LIMIT -1")
