"""Asking for the newest version: of servers on this machine, and of some that are no good."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from app.work import updates
from app.work.task import Cancelled, Progress
from app.work.updates import Release, UpdateError, default_feed, newest_release, version_key

PAGE = "https://example.org/releases/v9.8.7"
GOOD = {"tag_name": "v9.8.7", "html_url": PAGE, "prerelease": False}


class Feed(ThreadingHTTPServer):
    """A server on this machine that answers everything alike, and keeps what it was asked."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.pieces: Callable[[], Iterator[bytes]] = lambda: iter([json.dumps(GOOD).encode()])
        self.address = f"http://127.0.0.1:{self.server_port}/releases/latest"

    def answer(self, value: Any) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.pieces = lambda: iter([data])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: Feed

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in self.server.pieces():
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture
def feed() -> Iterator[Feed]:
    with Feed() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def refusal(address: str) -> str:
    with pytest.raises(UpdateError) as caught:
        newest_release(address, Progress())
    return str(caught.value)


def test_the_newest_release_is_what_the_server_says(feed: Feed) -> None:
    assert newest_release(feed.address, Progress()) == Release("9.8.7", PAGE)


def test_a_request_tells_nothing_but_the_program_and_its_version(feed: Feed) -> None:
    newest_release(feed.address, Progress())
    ((path, headers),) = feed.requests
    assert path == "/releases/latest"
    assert headers == {
        "Accept-Encoding": "identity",
        "Host": f"127.0.0.1:{feed.server_port}",
        "User-Agent": f"Jobshelf/{__version__}",
        "Connection": "close",
    }


@pytest.mark.parametrize(
    "page", ["http://example.org/", "file:///etc/passwd", "javascript:alert(1)", 7, None]
)
def test_a_page_that_is_no_https_address_is_no_link(feed: Feed, page: object) -> None:
    feed.answer({"tag_name": "1.0", "html_url": page})
    assert newest_release(feed.address, Progress()) == Release("1.0", "")


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>", b"", b"\xff\xfe", b"[" * 100_000, [], [GOOD], {}, {"tag_name": 3},
        {"tag_name": "nightly"}, {"tag_name": "<b>1.0</b>"}, {"tag_name": "1" * 1_000},
    ],
)  # fmt: skip
def test_an_answer_that_is_no_release_is_said_to_be_none(feed: Feed, answer: object) -> None:
    feed.answer(answer)
    assert "is no release of Jobshelf" in refusal(feed.address)


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "knows no release"), (403, "too often"), (429, "too often"), (500, "error 500")],
)
def test_a_refusal_of_the_server_is_one_sentence(feed: Feed, status: int, said: str) -> None:
    feed.status = status
    assert said in refusal(feed.address)


@pytest.mark.parametrize(
    "address",
    ["http://example.org/", "ftp://example.org/", "file:///etc/passwd", "example.org", "https://",
     "https://[::1", "https://x:port/", "http://localhost.example.org/"],
)  # fmt: skip
def test_only_https_is_asked_but_on_this_machine(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("it connects"))
    assert "is no HTTPS address" in refusal(address)


def test_without_an_address_the_user_is_told_where_to_type_it() -> None:
    assert "Edit ▸ Settings" in refusal("")


@pytest.mark.parametrize("target", ["http://example.org/latest", "ftp://example.org/latest"])
def test_a_server_that_sends_on_to_an_unsafe_address_is_not_followed(
    feed: Feed, target: str
) -> None:
    feed.status, feed.headers = 302, {"Location": target}
    assert "not safe" in refusal(feed.address)


def test_a_server_that_sends_on_in_a_circle_is_not_followed_for_ever(feed: Feed) -> None:
    feed.status, feed.headers = 302, {"Location": feed.address}
    assert "error 302" in refusal(feed.address)
    assert len(feed.requests) < 20


def test_a_server_that_is_not_there_is_said_to_be_out_of_reach() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        assert "127.0.0.1 cannot be reached" in refusal(address)


def test_a_name_that_nobody_knows_is_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert "there may be no network" in refusal("https://releases.invalid/")


def test_a_server_that_is_silent_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(updates, "_SILENCE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert "did not answer in time" in refusal(address)


def test_a_server_that_answers_drop_by_drop_is_waited_for_only_so_long(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "_PATIENCE_SECONDS", 0.2)
    is_over = threading.Event()

    def drops() -> Iterator[bytes]:
        while not is_over.wait(0.01):
            yield b" "

    feed.pieces = drops
    try:
        assert "did not answer in time" in refusal(feed.address)
    finally:
        is_over.set()


def test_an_answer_without_end_is_not_kept(feed: Feed) -> None:
    feed.pieces = lambda: iter(lambda: b" " * 65_536, None)
    assert "answers without end" in refusal(feed.address)


def test_a_question_that_nobody_waits_for_is_dropped(feed: Feed) -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        newest_release(feed.address, progress)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a key with a certificate that it signed itself, for "localhost"."""
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificate with OpenSSL")
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", path, "-out", path.with_suffix(".crt")],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def safe_feed(feed: Feed, certificate: Path) -> Feed:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    feed.socket = context.wrap_socket(feed.socket, server_side=True)
    feed.address = f"https://localhost:{feed.server_port}/releases/latest"
    return feed


def test_a_server_whose_certificate_nobody_vouches_for_is_not_believed(safe_feed: Feed) -> None:
    assert "certificate of localhost cannot be trusted" in refusal(safe_feed.address)
    assert not safe_feed.requests


def test_a_server_with_a_certificate_for_another_name_is_not_believed(
    safe_feed: Feed, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert "cannot be trusted" in refusal(safe_feed.address.replace("localhost", "127.0.0.1"))


def test_a_server_that_the_system_trusts_is_asked(
    safe_feed: Feed, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert newest_release(safe_feed.address, Progress()).version == "9.8.7"


def test_a_server_does_not_send_on_from_a_safe_to_an_unsafe_line(
    safe_feed: Feed, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    safe_feed.status, safe_feed.headers = 302, {"Location": "http://127.0.0.1:9/"}
    assert "not safe" in refusal(safe_feed.address)


@pytest.mark.parametrize(
    "project",
    ["https://github.com/some-lab/jobshelf", "https://github.com/some-lab/jobshelf.git",
     "https://github.com/some-lab/jobshelf/"],
)  # fmt: skip
def test_the_address_to_ask_follows_from_that_of_the_project(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "project_address", lambda: project)
    assert default_feed() == "https://api.github.com/repos/some-lab/jobshelf/releases/latest"


@pytest.mark.parametrize(
    ("project", "asked"),
    [
        ("Source, https://github.com/a/b", "https://api.github.com/repos/a/b/releases/latest"),
        ("Source, https://git.lab.example/a/b", ""),
        ("Source, https://github.com.example.org/a/b", ""),
    ],
)
def test_without_a_bundle_the_metadata_of_the_package_tells_the_project(
    project: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Message()
    package["Project-URL"] = project
    monkeypatch.setattr(updates, "project_address", lambda: "")
    monkeypatch.setattr(updates.metadata, "metadata", lambda _: package)
    assert default_feed() == asked


@pytest.mark.parametrize(
    ("newer", "older"),
    [("0.10.0", "0.9.9"), ("1.0", "1.0rc1"), ("1.0rc2", "1.0rc1"), ("1.0rc1", "1.0-beta.3"),
     ("1.0b1", "1.0a9"), ("1.0a1", "1.0.dev5"), ("v2", "1.99.99"), ("1.0.1", "1.0")],
)  # fmt: skip
def test_versions_are_ordered_by_their_numbers(newer: str, older: str) -> None:
    first, second = version_key(newer), version_key(older)
    assert first is not None and second is not None
    assert first > second


@pytest.mark.parametrize("text", ["", "v", "latest", "1.0 or so", "1..0", "1.0<b>", "9" * 20])
def test_what_is_no_version_is_not_taken_for_one(text: str) -> None:
    assert version_key(text) is None
