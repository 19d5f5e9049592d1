"""Folders of pickles: what counts as an object, and what happens to the rest."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import pytest

from persistence import ConflictError, FilesystemStore, ObjectNotFound, SaveError, StoreError
from persistence.testing import Node


@pytest.fixture
def store(tmp_path: Path) -> FilesystemStore:
    return FilesystemStore(tmp_path / "jobs")


def test_each_object_is_a_file_named_by_its_id(store: FilesystemStore, tmp_path: Path) -> None:
    id_ = store.save(Node("a"))
    data = (tmp_path / "jobs" / id_).read_bytes()
    assert data == store.read(id_)
    assert pickle.loads(data).name == "a"


def test_backups_and_hidden_files_are_not_listed(store: FilesystemStore, tmp_path: Path) -> None:
    id_ = store.save(Node("a"))
    folder = tmp_path / "jobs"
    (folder / f"{id_}.OLD").write_bytes(b"N.")
    (folder / "Gone.1.OLD").write_bytes(b"N.")
    (folder / ".hidden").write_bytes(b"N.")
    (folder / "subfolder").mkdir()
    assert store.list() == [id_]
    assert len(store) == 1


def test_the_backup_of_an_interrupted_save_serves_when_the_file_is_missing_or_cut_short(
    store: FilesystemStore, tmp_path: Path
) -> None:
    folder = tmp_path / "jobs"
    id_ = store.save(Node("a"))
    whole = store.read(id_)
    (folder / id_).rename(folder / f"{id_}.OLD")
    assert store.load(id_).name == "a"
    (folder / id_).write_bytes(whole[:-10])
    assert store.read(id_) == whole
    (folder / id_).write_bytes(b"")
    assert store.load(id_).name == "a"
    store.remove(id_)
    assert id_ not in store, "the backup must not bring a removed object back"


@pytest.mark.skipif(os.name == "nt", reason="symbolic links and FIFOs need POSIX")
def test_links_devices_and_pipes_are_neither_listed_nor_opened(
    store: FilesystemStore, tmp_path: Path
) -> None:
    store.save(Node("a"))
    secret = tmp_path / "secret"
    secret.write_bytes(b"N.")
    folder = tmp_path / "jobs"
    (folder / "Link.1").symlink_to(secret)
    os.mkfifo(folder / "Pipe.1")
    assert len(store.list()) == 1
    for id_ in ("Link.1", "Pipe.1"):
        with pytest.raises(ObjectNotFound):
            store.read(id_)


@pytest.mark.parametrize(
    "id_", ["../x", "a/b", "/a", "..", ".", "", "x.OLD", ".x", "a\0b", "é" * 200, "\udc41\ud800"]
)
def test_nothing_is_written_under_an_id_that_is_no_file_name(
    store: FilesystemStore, tmp_path: Path, id_: str
) -> None:
    with pytest.raises(SaveError):
        store.write(id_, b"N.")
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "jobs"])


def test_the_folder_is_made_when_the_first_object_is_saved(tmp_path: Path) -> None:
    store = FilesystemStore(tmp_path / "a" / "b")
    assert store.list() == []
    assert not (tmp_path / "a").exists()
    store.save(1)
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_is_not_there_or_is_a_file_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no file or folder"):
        FilesystemStore(tmp_path / "missing", create=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Open the folder that holds"):
        FilesystemStore(tmp_path / "file")


def test_looking_at_a_store_leaves_every_byte_of_its_folder_alone(
    store: FilesystemStore, tmp_path: Path
) -> None:
    ids = store.save_many([Node("a"), Node("b")])
    folder = tmp_path / "jobs"
    shutil.copytree(folder, tmp_path / "copy")
    stamp = os.stat(folder).st_mtime_ns
    with FilesystemStore(folder, read_only=True) as reader:
        reader.load_many(ids)
        list(reader.records())
        reader.changes()
        reader.referrers(ids[0])
    assert os.stat(folder).st_mtime_ns == stamp
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "copy").iterdir()
    }


def test_ids_of_a_given_factory_are_used(tmp_path: Path) -> None:
    class Factory:
        def new(self, obj: object) -> str:
            return f"{type(obj).__name__}.17"

    with FilesystemStore(tmp_path, Factory()) as store:
        assert store.save(Node("a")) == "Node.17"
        with pytest.raises(ConflictError):
            store.save(Node("b"))
        assert store.load("Node.17").name == "a"


def test_a_folder_written_by_python_2_is_written_so_that_python_2_reads_it(tmp_path: Path) -> None:
    (tmp_path / "Old.1").write_bytes(pickle.dumps({}, 2))
    with FilesystemStore(tmp_path) as store:
        assert store.read(store.save(Node("a")))[:2] == b"\x80\x02"


def test_names_come_before_the_folder_is_read_to_its_end(tmp_path: Path) -> None:
    with FilesystemStore(tmp_path) as store:
        ids = {store.save(number) for number in range(20)}
        names = store.names()
        first = next(names)
        assert {first, *names} == ids == {*store.list()}
