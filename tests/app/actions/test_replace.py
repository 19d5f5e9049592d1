from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from app.actions.replace import content_of_file, content_of_object
from persistence import make_store
from persistence.errors import ObjectNotFound, SaveError
from persistence.pickles import Object, decode
from tests.conftest import DATA


def carried_id(data: bytes) -> object:
    root = decode(data).root
    assert isinstance(root, Object)
    return root.attributes()["persistent_id"]


def test_another_objects_content_gets_the_id_it_is_stored_under(
    gc3pie: Callable[[str], Path],
) -> None:
    with make_store(gc3pie("python3.7/jobs-dir")) as store:
        one, other = store.list()[:2]
        data = content_of_object(store, one, other)
        assert str(carried_id(data)) == one


def test_in_a_gc3pie_table_the_id_inside_is_an_integer(gc3pie: Callable[[str], Path]) -> None:
    with make_store(gc3pie("python3.7/jobs.db")) as store:
        one, other = store.list()[:2]
        assert carried_id(content_of_object(store, one, other)) == int(one)


def test_a_pickle_without_attributes_is_stored_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "new.pickle"
    path.write_bytes(pickle.dumps({"a": 1}))
    with make_store(f"sqlite:///{tmp_path}/own.db") as store:
        assert content_of_file(store, "x.1", path) == path.read_bytes()


@pytest.mark.usefixtures("looks_only")
def test_a_hostile_file_is_shown_or_refused_but_never_run(tmp_path: Path) -> None:
    with make_store(f"sqlite:///{tmp_path}/own.db") as store:
        for path in sorted((DATA / "hostile").glob("*.pickle")):
            try:
                assert content_of_file(store, "x.1", path)
            except SaveError as error:
                assert path.name in str(error)
    assert not Path("jobshelf-was-here").exists()


def test_what_is_no_pickle_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no pickle at all")
    with make_store(f"sqlite:///{tmp_path}/own.db") as store:
        with pytest.raises(SaveError, match=r"notes\.txt is not a pickle"):
            content_of_file(store, "x.1", path)
        with pytest.raises(SaveError, match="cannot be read"):
            content_of_file(store, "x.1", tmp_path / "missing.pickle")
        with pytest.raises(ObjectNotFound):
            content_of_object(store, "x.1", "x.2")
