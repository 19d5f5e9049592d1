"""Addresses of stores: parsed, made absolute, printed without passwords."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.errors import StoreError
from persistence.urls import MEMORY, StoreUrl


@pytest.mark.parametrize(
    ("address", "scheme", "path"),
    [
        ("/data/jobs", "file", "/data/jobs"),
        ("file:///data/jobs", "file", "/data/jobs"),
        ("file:/data/jobs", "file", "/data/jobs"),
        ("file://localhost/data/jobs", "file", "/data/jobs"),
        ("FILE:///data/jobs", "file", "/data/jobs"),
        ("file:///data/my%20jobs%23", "file", "/data/my jobs#"),
        ("/data/my%20jobs", "file", "/data/my%20jobs"),
        ("sqlite:///data/x.db", "sqlite", "/data/x.db"),
        ("sqlite:////data/x.db", "sqlite", "/data/x.db"),
        ("sqlite:///data/x.db?mode=ro", "sqlite", "/data/x.db"),
        ("sqlite:///r%C3%A9plica.db", "sqlite", "/réplica.db"),
        ("sqlite:///:memory:", "sqlite", MEMORY),
        ("sqlite://:memory:", "sqlite", MEMORY),
        ("  /data/jobs\n", "file", "/data/jobs"),
    ],
)
def test_local_addresses_name_an_absolute_path(address: str, scheme: str, path: str) -> None:
    url = StoreUrl.parse(address, windows=False)
    assert (url.scheme, url.path) == (scheme, path)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///C:/jobs", "C:/jobs"),
        ("sqlite:///C:/data/x.db", "C:/data/x.db"),
        ("sqlite:////C:/data/x.db", "C:/data/x.db"),
        ("file://C:/jobs", "C:/jobs"),
        ("file://server/share/jobs", "//server/share/jobs"),
    ],
)
def test_on_windows_urls_may_have_drive_letters(address: str, path: str) -> None:
    assert StoreUrl.parse(address, windows=True).path == path


def test_a_drive_letter_is_not_a_scheme() -> None:
    assert StoreUrl.parse("C:\\jobs").scheme == "file"


def test_relative_paths_are_resolved_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    urls = [StoreUrl.parse(a) for a in ("jobs/x", "file:jobs/x", "sqlite:jobs/x", Path("jobs/x"))]
    monkeypatch.chdir("/")
    assert {url.path for url in urls} == {str(tmp_path / "jobs" / "x")}


def test_the_home_folder_can_be_written_as_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert StoreUrl.parse("~/jobs").path == str(tmp_path / "jobs")


def test_a_file_whose_name_looks_like_a_url_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run:1").mkdir()
    monkeypatch.chdir(tmp_path)
    assert StoreUrl.parse("run:1").path == str(tmp_path / "run:1")


def test_the_table_is_named_in_the_fragment() -> None:
    assert StoreUrl.parse("sqlite:///x.db#table=runs").table == "runs"
    assert StoreUrl.parse("sqlite:///x.db#table=a&table=b").table == "b"
    assert StoreUrl.parse("sqlite:///x.db#table=my%20runs").table == "my runs"
    assert StoreUrl.parse("/data/x.db#table=runs").table == "runs"
    assert StoreUrl.parse("/data/x.db").table is None
    assert StoreUrl.parse("/data/x#1.db").path.endswith("x#1.db")


def test_server_addresses_have_an_account_a_host_and_a_database() -> None:
    url = StoreUrl.parse("postgresql+psycopg://me:p%40ss@db.lab:5433/runs?sslmode=require#table=t")
    assert (url.scheme, url.base_scheme) == ("postgresql+psycopg", "postgresql")
    assert (url.user, url.password, url.host, url.port) == ("me", "p@ss", "db.lab", 5433)
    assert (url.path, url.query, url.table) == ("runs", "sslmode=require", "t")


def test_no_password_is_printed() -> None:
    url = StoreUrl.parse("mysql://me:s3cret@h/db?password=s3cret&charset=utf8")
    for shown in (str(url), repr(url), f"{url}"):
        assert "s3cret" not in shown
        assert "***" in shown
    assert "s3cret" in url.with_password()
    assert StoreUrl.parse(url.with_password()) == url


def test_equal_addresses_are_equal_however_they_are_written() -> None:
    assert StoreUrl.parse("sqlite:///x.db") == StoreUrl.parse("sqlite:////x.db")
    assert StoreUrl.parse("file:///tmp") == "file:///tmp"
    assert StoreUrl.parse("file:///tmp") == "/tmp"
    assert StoreUrl.parse("file:///tmp") != "sqlite:///tmp"
    assert len({StoreUrl.parse("/tmp"), StoreUrl.parse("file:///tmp")}) == 1


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("/data\0", "NUL"),
        ("sqlite://", "names no file"),
        ("file://tmp/jobs", "file:///tmp/jobs"),
        ("postgresql://me:s3cret@host:port/db", "not a valid URL"),
        ("postgresql://me:s3cret@x@host:port/db", "not a valid URL"),
        ("postgresql://me:x@s3cret@host:port/db", "not a valid URL"),
        ("postgresql://host:port/db?user=me&PassWord=s3cret", "not a valid URL"),
        ("postgresql://[::1/db", "not a valid URL"),
        ("sqlite://me:s3cret@host/x.db", "sqlite:///host/x.db"),
        ("file://me:s3cret@host/jobs", "file:///host/jobs"),
    ],
)
def test_a_malformed_address_gets_a_sentence(address: str, hint: str) -> None:
    with pytest.raises(StoreError) as raised:
        StoreUrl.parse(address, windows=False)
    assert hint in str(raised.value)
    assert "s3cret" not in str(raised.value)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    st.sampled_from(["file", "sqlite"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)
def test_what_is_printed_parses_to_the_same_address(path: str, scheme: str, table: str) -> None:
    name = path.replace("/", "_").replace("\\", "_")
    url = StoreUrl(scheme, str(Path("/").absolute() / "d" / name))
    if url.path.rsplit("/", 1)[-1] in (".", ".."):
        return
    assert StoreUrl.parse(str(url)) == url


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
)
def test_accounts_survive_printing_and_parsing(user: str, password: str) -> None:
    url = StoreUrl("postgresql", "runs", user=user, password=password, host="db.lab", port=1)
    assert StoreUrl.parse(url.with_password()) == url
    if len(password) > 3 and password not in "postgresql://db.lab:1/runs" + user:
        assert StoreUrl.parse(str(url)).password == "***"
