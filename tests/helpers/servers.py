"""Private database servers for the tests: on loopback, in a temporary folder, unprivileged.

A server is started when the first test asks for it and stopped with the test session; its
data are not flushed to the disk, and gone with the folder. Debian's packages `postgresql`
and `mariadb-server` have the programs; where one is missing, the tests that need it are
skipped and say so.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import TypeVar

import psycopg
import pymysql
import pytest

__all__ = ["MariaDbServer", "PostgreSqlServer", "Server", "ServerMissing", "mariadb", "postgresql"]

# See tests/conftest.py: where packages give the servers, a skip fails continuous integration.
_NEEDS_A_SERVICE = "needs a service: " if sys.platform == "linux" else ""
_START_SECONDS = 60.0
_PROGRAM_PATHS = (
    "/usr/lib/postgresql/*/bin",  # Debian
    "/usr/pgsql-*/bin",  # Red Hat
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/sbin",
    "/opt/homebrew/opt/*/bin",
)


class ServerMissing(Exception):
    """A server cannot be had on this machine; the message says why."""


class Server(ABC):
    """One running database server, with a certificate for 127.0.0.1 but not for localhost.

    Beside the user `jobshelf` there are `reader`, who may connect and no more (but read, on
    MariaDB), with the same password, and `certified`, who needs a client's certificate.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        password: That of the users.
        certificates: Folder with `root.pem`, and `client.pem` and `client.key` of `certified`.
        scheme: Of the addresses of its databases.
        database: The one in which the user may make tables.
    """

    scheme: str
    database: str
    account: str  # of the system, that runs it when the tests are run by root

    def __init__(self) -> None:
        self.port = _free_port()
        self.password = secrets.token_hex(8)
        # Not below pytest's folder: that one is closed to the server's account.
        self._folder = Path(tempfile.mkdtemp(prefix="jobshelf-server-"))
        self._prefix = self._run_as()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.certificates = self._make_certificates()
            self._make()
            self.start()
        except BaseException:
            self.close()
            raise

    def url(
        self,
        table: str | None = None,
        password: str | None = None,
        *,
        user: str = "jobshelf",
        host: str = "127.0.0.1",
        options: str = "",
    ) -> str:
        """Return the address of a table (by default one of its own) in the database.

        Args:
            table: Its name.
            password: Escaped; None for the right one, "" for none at all.
            user, host: Who connects to where.
            options: What follows the question mark.
        """
        table = table or f"jobs_{secrets.token_hex(6)}"
        secret = self.password if password is None else password
        account = f"{user}:{secret}" if secret else user
        query = f"?{options}" if options else ""
        return f"{self.scheme}://{account}@{host}:{self.port}/{self.database}{query}#table={table}"

    @abstractmethod
    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as another program would; return the rows of the last one."""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, *self._command()],
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=self._folder,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerMissing(f"the server does not start: {self._log()}")
            threading.Event().wait(0.05)

    def kill(self) -> None:
        """End it as a crash of the machine would."""
        self._end(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

    def stop(self) -> None:
        """Shut it down as for maintenance; `start` starts it again."""
        self._end(self._stop_signal)

    def close(self) -> None:
        """Stop it and remove its data."""
        self._end(self._stop_signal)
        shutil.rmtree(self._folder, ignore_errors=True)

    _stop_signal = signal.SIGTERM

    @abstractmethod
    def _make(self) -> None:
        """Make its data folder."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return what runs it in the foreground."""

    def _make_certificates(self) -> Path:
        """Make a root certificate, and what it signs: one for the server, one for a client."""
        folder = self._folder / "certificates"
        self._call("mkdir", str(folder))
        openssl = _program("openssl")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        root = ("-CA", str(folder / "root.pem"), "-CAkey", str(folder / "root.key"))
        for name, subject, more in (
            ("root", "Root of tests", ()),
            ("server", "server", (*root, "-addext", "subjectAltName=IP:127.0.0.1")),
            ("client", "certified", root),
        ):
            files = ("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem"))
            about = ("-subj", f"/CN={subject}", "-days", "2")
            self._call(openssl, "req", "-x509", *key, *files, *about, *more)
        # Keys of clients are read by whoever runs the tests, and by nobody else.
        client_key = folder / "client.key"
        if os.name != "nt" and os.geteuid() == 0:
            os.chown(client_key, 0, 0)
        return folder

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except (psycopg.OperationalError, pymysql.OperationalError):
            return False
        return True

    def _run_as(self) -> list[str]:
        """Return what a command begins with, so that it is unprivileged and dies with us."""
        prefix = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        if os.name == "nt" or os.geteuid() != 0:
            return prefix
        import pwd

        for name in (self.account, "nobody"):
            try:
                account = pwd.getpwnam(name)
            except KeyError:
                continue
            if not prefix:
                raise ServerMissing("root cannot start it without the program setpriv")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
            return [*prefix, *ids]
        raise ServerMissing(f"there is no account {self.account!r} to run it")

    def _call(self, *command: str) -> None:
        done = subprocess.run(
            [*self._prefix, *command],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env=self._environment(),
        )
        if done.returncode != 0:
            raise ServerMissing(f"{command[0]} failed: {done.stderr.strip()[-500:]}")

    def _environment(self) -> dict[str, str]:
        # The usual temporary folder may be one that the server's account cannot write to.
        return {**os.environ, "TMPDIR": str(self._folder)}

    def _write(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text, "utf-8")
        path.chmod(0o644)
        return path

    def _end(self, with_signal: int) -> None:
        if self._process is not None:
            self._process.send_signal(with_signal)
            self._process.wait(30)
            self._process = None

    def _log(self) -> str:
        return (self._folder / "log").read_text("utf-8", "replace")[-500:]


AnyServer = TypeVar("AnyServer", bound=Server)


class PostgreSqlServer(Server):
    scheme = "postgresql"
    database = "postgres"
    account = "postgres"
    _stop_signal = signal.SIGINT  # do not wait for clients

    def _make(self) -> None:
        password = self._write("password", self.password)
        self._call(
            _program("initdb"),
            f"--pgdata={self._folder / 'data'}",
            "--username=jobshelf",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        rules = self._folder / "data" / "pg_hba.conf"
        rules.write_text(
            "hostssl all certified 127.0.0.1/32 cert\n"
            "hostnossl all encrypted 127.0.0.1/32 reject\n" + rules.read_text("utf-8"),
            "utf-8",
        )

    def start(self) -> None:
        super().start()
        if not self.execute("SELECT 1 FROM pg_roles WHERE rolname = 'reader'"):
            self.execute(
                f"CREATE ROLE reader LOGIN PASSWORD '{self.password}'",
                f"CREATE ROLE encrypted LOGIN PASSWORD '{self.password}'",
                "CREATE ROLE certified LOGIN SUPERUSER",
            )

    def _command(self) -> list[str]:
        certificates = self.certificates
        settings = [
            *("fsync=off", "listen_addresses=127.0.0.1", "shared_buffers=16MB", "ssl=on"),
            f"ssl_ca_file={certificates / 'root.pem'}",
            f"ssl_cert_file={certificates / 'server.pem'}",
            f"ssl_key_file={certificates / 'server.key'}",
        ]
        return [
            _program("postgres"),
            *("-D", str(self._folder / "data")),
            *("-p", str(self.port)),
            *("-k", str(self._folder)),
            *(part for setting in settings for part in ("-c", setting)),
        ]

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="jobshelf",
            password=self.password,
            dbname=self.database,
            autocommit=True,
            connect_timeout=5,
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


class MariaDbServer(Server):
    scheme = "mysql"
    database = "jobshelf"
    account = "mysql"

    def _make(self) -> None:
        install = _program("mariadb-install-db", "mysql_install_db")
        self._server = _program("mariadbd", "mysqld")
        self._call(
            install,
            "--no-defaults",
            f"--datadir={self._folder / 'data'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )
        # Text in it is Latin-1 unless a table says otherwise.
        self._init = self._write(
            "init.sql",
            "CREATE DATABASE IF NOT EXISTS jobshelf CHARACTER SET latin1;\n"
            f"CREATE USER IF NOT EXISTS jobshelf@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON jobshelf.* TO jobshelf@'127.0.0.1';\n"
            f"CREATE USER IF NOT EXISTS reader@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
            "GRANT SELECT ON jobshelf.* TO reader@'127.0.0.1';\n"
            "CREATE USER IF NOT EXISTS certified@'127.0.0.1' REQUIRE SUBJECT '/CN=certified';\n"
            "GRANT ALL ON jobshelf.* TO certified@'127.0.0.1';\n",
        )

    def _command(self) -> list[str]:
        return [
            self._server,
            "--no-defaults",
            f"--datadir={self._folder / 'data'}",
            f"--socket={self._folder / 'socket'}",
            f"--pid-file={self._folder / 'pid'}",
            f"--port={self.port}",
            f"--init-file={self._init}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--ssl-ca={self.certificates / 'root.pem'}",
            f"--ssl-cert={self.certificates / 'server.pem'}",
            f"--ssl-key={self.certificates / 'server.key'}",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=16M",
        ]

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        with (
            pymysql.connect(
                host="127.0.0.1",
                port=self.port,
                user="jobshelf",
                password=self.password,
                database=self.database,
                autocommit=True,
                connect_timeout=5,
            ) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSqlServer]:
    """A PostgreSQL server of this test session."""
    yield from _lend(PostgreSqlServer)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDbServer]:
    """A MariaDB server of this test session."""
    yield from _lend(MariaDbServer)


def _lend(kind: type[AnyServer]) -> Iterator[AnyServer]:
    try:
        server = kind()
    except ServerMissing as error:
        pytest.skip(f"{_NEEDS_A_SERVICE}{kind.__name__}: {error}")
    try:
        yield server
    finally:
        server.close()


def _program(*names: str) -> str:
    folders = [path for pattern in _PROGRAM_PATHS for path in sorted(glob(pattern), reverse=True)]
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))
        if found:
            return found
    raise ServerMissing(f"there is no program {names[0]!r}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
