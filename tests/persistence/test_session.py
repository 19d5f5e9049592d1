"""GC3Pie session directories open as their store, also after they were copied."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from persistence import FilesystemStore, SqlStore, StoreError, make_store
from persistence.session import find_session
from persistence.testing import Node


def session(folder: Path, url: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "store.url").write_text(url + "\n")
    (folder / "session_ids.txt").write_text("Job.1\nJob.2\n")
    (folder / "created").touch()
    return folder


def test_the_store_that_the_session_names_is_opened(tmp_path: Path) -> None:
    jobs = tmp_path / "elsewhere"
    with FilesystemStore(jobs) as store:
        id_ = store.save(Node("a"))
    folder = session(tmp_path / "session", jobs.as_uri())
    with make_store(folder) as store:
        assert store.list() == [id_]
        assert store.notices == []


@pytest.mark.parametrize("name", ["jobs", "runs"])
def test_a_copied_session_opens_the_folder_beside_it_and_says_so(tmp_path: Path, name: str) -> None:
    folder = session(tmp_path / "session", f"file:///scratch/gone/{name}")
    with FilesystemStore(folder / name) as store:
        id_ = store.save(Node("a"))
    with make_store(folder) as store:
        assert store.list() == [id_]
        (notice,) = store.notices
        assert "/scratch/gone" in notice
        assert name in notice


def test_a_percent_sign_in_the_address_may_be_one(tmp_path: Path) -> None:
    jobs = tmp_path / "50%25 done" / "jobs"
    with FilesystemStore(jobs) as store:
        id_ = store.save(Node("a"))
    # GC3Pie 2.6.8 writes paths into `store.url` as they are.
    folder = session(tmp_path / "session", f"file://{jobs.as_posix()}")
    with make_store(folder) as opened:
        assert opened.list() == [id_]
        assert opened.notices == []


def test_a_copied_session_opens_the_database_and_table_beside_it(tmp_path: Path) -> None:
    folder = session(tmp_path / "session", "sqlite:////scratch/gone/x.db#table=runs")
    with SqlStore(f"sqlite://{(folder / 'x.db').as_posix()}", "runs") as store:
        id_ = store.save(Node("a"))
    with make_store(folder) as store:
        assert isinstance(store, SqlStore)
        assert store.list() == [id_]
        assert store.notices


def test_a_session_without_any_store_says_what_is_missing(tmp_path: Path) -> None:
    folder = session(tmp_path / "session", "file:///scratch/gone/jobs")
    with pytest.raises(StoreError, match="not on this machine"):
        make_store(folder)


def test_a_session_with_a_damaged_address_falls_back_to_its_jobs(tmp_path: Path) -> None:
    folder = session(tmp_path / "session", "")
    (folder / "jobs").mkdir()
    with make_store(folder) as store:
        assert "damaged" in store.notices[0]


def test_a_session_whose_address_is_lost_falls_back_to_its_jobs(tmp_path: Path) -> None:
    folder = session(tmp_path / "session", "file:///x")
    (folder / "store.url").unlink()
    with FilesystemStore(folder / "jobs") as store:
        id_ = store.save(Node("a"))
    with make_store(folder) as opened:
        assert opened.list() == [id_]
        assert "missing" in opened.notices[0]


def test_a_session_that_keeps_its_jobs_beside_its_own_files_opens_as_that_folder(
    tmp_path: Path,
) -> None:
    folder = session(tmp_path / "session", (tmp_path / "session").as_uri())
    with FilesystemStore(folder) as store:
        id_ = store.save(Node("a"))
    with make_store(folder) as opened:
        assert id_ in opened
        assert opened.load(id_).name == "a"


def test_sessions_that_name_each_other_are_no_endless_loop(tmp_path: Path) -> None:
    one = session(tmp_path / "one", (tmp_path / "two").as_uri())
    session(tmp_path / "two", one.as_uri())
    with make_store(one) as store:
        assert store.url == (tmp_path / "two").as_uri()


def test_a_session_tells_its_tasks_and_times(tmp_path: Path) -> None:
    found = find_session(session(tmp_path / "session", "file:///x"))
    assert found is not None
    assert found.ids() == ["Job.1", "Job.2"]
    assert found.created is not None
    assert found.finished is None
    assert find_session(tmp_path) is None


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root can become somebody else"
)
def test_what_nobody_else_may_look_into_gets_a_sentence() -> None:
    folder = Path(tempfile.mkdtemp())  # that of the test is closed to others
    try:
        folder.chmod(0o755)
        closed = session(folder / "closed", "file:///nowhere")
        closed.chmod(0o700)
        (folder / "file").write_text("jobs")
        (folder / "file").chmod(0o600)
        leads_nowhere = session(folder / "open", (closed / "jobs").as_uri())
        os.seteuid(65534)
        try:
            for path, part in (
                (closed, "cannot be opened: Permission denied"),
                (closed / "jobs", "cannot be opened: Permission denied"),
                (folder / "file", "cannot be read: Permission denied"),
                (leads_nowhere, "not on this machine"),
            ):
                with pytest.raises(StoreError, match=part):
                    make_store(path, create=False)
        finally:
            os.seteuid(0)
    finally:
        shutil.rmtree(folder)
