"""Which constructor opens which address."""

from __future__ import annotations

import sqlite3
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import persistence.registry
from persistence import FilesystemStore, SqlStore, StoreUrl, make_store, register
from persistence.errors import StoreError, UnknownSchemeError


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        persistence.registry, "_constructors", dict(persistence.registry._constructors)
    )


def test_register_and_make_store_are_found_beside_the_interface_too() -> None:
    import persistence.store

    assert persistence.store.register is register
    assert persistence.store.make_store is make_store


def test_a_registered_constructor_gets_the_address_and_all_arguments_as_they_are() -> None:
    calls: list[Any] = []

    def construct(url: StoreUrl, *args: Any, **extra: Any) -> Any:
        calls.append((url, args, extra))
        return "the store"

    register("memo", construct)
    marker = object()
    assert make_store("memo+driver://host/place", 1, marker, protocol=2) == "the store"  # type: ignore[comparison-overlap]
    ((url, args, extra),) = calls
    assert url == "memo+driver://host/place"
    assert args == (1, marker)
    assert extra == {"protocol": 2}


def test_registering_again_silently_overwrites() -> None:
    register("memo", lambda url: "first")  # type: ignore[arg-type, return-value]
    register("memo", lambda url: "second")  # type: ignore[arg-type, return-value]
    assert make_store("memo:x") == "second"  # type: ignore[comparison-overlap]


def test_what_cannot_be_called_is_not_registered() -> None:
    with pytest.raises(TypeError):
        register("memo", "module:Name")  # type: ignore[arg-type]


def test_an_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(UnknownSchemeError) as raised:
        make_store("gopher://host/jobs")
    assert isinstance(raised.value, KeyError)
    assert "gopher" in str(raised.value)
    assert "sqlite" in str(raised.value)


def test_an_entry_point_brings_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("memo", "persistence.filesystem:FilesystemStore", "jobshelf.stores")
    monkeypatch.setattr(persistence.registry, "entry_points", lambda group: [entry])
    assert isinstance(make_store("memo:x"), FilesystemStore)


@pytest.mark.parametrize("value", ["no_such_module:Store", "persistence.filesystem:NoSuchStore"])
def test_an_entry_point_that_cannot_be_imported_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    entry = EntryPoint("memo", value, "jobshelf.stores")
    monkeypatch.setattr(persistence.registry, "entry_points", lambda group: [entry])
    with pytest.raises(StoreError, match="cannot be imported") as raised:
        make_store("memo:x")
    assert value in str(raised.value)


@pytest.mark.parametrize(
    ("scheme", "advice"),
    [
        ("postgresql+pg8000", "write postgresql: alone"),
        ("mysql+mysqlconnector", "write mysql: alone"),
    ],
)
def test_a_driver_that_is_not_installed_is_named_with_a_way_out_that_works(
    scheme: str, advice: str
) -> None:
    with pytest.raises(StoreError, match="which is not installed") as raised:
        make_store(f"{scheme}://me:s3cret@db.lab/runs")
    assert advice in raised.value.advice
    assert "s3cret" not in str(raised.value)


def test_a_path_opens_as_what_is_there(tmp_path: Path) -> None:
    database = tmp_path / "x.anything"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state TEXT)")
    connection.close()
    with make_store(database) as store:
        assert isinstance(store, SqlStore)
    with make_store(str(tmp_path)) as store:
        assert isinstance(store, FilesystemStore)
    with make_store(tmp_path / "not there yet") as store:
        assert isinstance(store, FilesystemStore)


def test_a_file_that_is_no_database_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no store")
    with pytest.raises(StoreError, match="neither a SQLite database nor a folder"):
        make_store(path)


def test_both_slash_forms_of_a_sqlite_address_are_the_same_file(tmp_path: Path) -> None:
    for slashes in ("sqlite://", "sqlite:///"):
        with make_store(f"{slashes}{tmp_path.as_posix()}/deep/x.db") as store:
            store.save(1)
    with make_store(tmp_path / "deep" / "x.db") as store:
        assert len(store) == 2
