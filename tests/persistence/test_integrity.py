"""Stores that are really damaged: every kind of problem is found, repaired and taken back."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persistence import StoreError, make_store
from persistence.integrity import Kind, Problem, Remedy, Severity, check
from persistence.repairs import plan, repair
from persistence.store import ABSENT, Edit, Store
from persistence.testing import Node

Copy = Callable[[str], Path]

KNOWN = {"SequentialTaskCollection.63", "186"}  # refer to a task that GC3Pie's run removed


def job(name: str, **attributes: object) -> bytes:
    return pickle.dumps(SimpleNamespace(name=name, **attributes))


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith("lock.OLD")
    }


def found(store: Store, kind: Kind | None = None, **options: object) -> list[Problem]:
    problems = [problem for problem in check(store, **options) if problem.id_ not in KNOWN]  # type: ignore[arg-type]
    return [problem for problem in problems if kind in (None, problem.kind)]


@pytest.fixture
def jobs(gc3pie: Copy) -> Path:
    return gc3pie("python3.7/jobs-dir")


# A store as it should be.


@pytest.mark.parametrize("name", ["python2.7/session", "python3.7/session"])
def test_nothing_is_wrong_with_a_session_that_gc3pie_wrote(
    gc3pie: Copy, name: str, looks_only: list[str]
) -> None:
    with make_store(gc3pie(name), read_only=True) as store:
        assert list(check(store)) == []


@pytest.mark.parametrize("name", ["python3.7/jobs-dir", "python3.7/jobs.db"])
def test_of_gc3pies_stores_only_the_reference_to_the_removed_task_is_told(
    gc3pie: Copy, name: str, looks_only: list[str]
) -> None:
    with make_store(gc3pie(name)) as store:
        (problem,) = check(store)
        assert problem.kind is Kind.DANGLING
        assert problem.other in ("Application.64", "187")
        assert found(store) == []


@pytest.mark.parametrize("address", ["{}/jobs", "sqlite:///{}/jobs.db", "sqlite:///:memory:"])
def test_nothing_is_wrong_with_what_is_saved_here(tmp_path: Path, address: str) -> None:
    with make_store(address.format(tmp_path)) as store:
        child = Node("b")
        store.save_many([Node("a", child), Node("c", child), {"n": 1}])
        assert list(check(store)) == []


def test_progress_is_told_and_can_end_the_check(tmp_path: Path) -> None:
    with make_store(f"sqlite:///{tmp_path}/jobs.db") as store:
        store.apply([Edit(f"Job.{n}", job("a"), ABSENT) for n in range(500)])
        told: list[tuple[int, int]] = []
        list(check(store, lambda done, total: told.append((done, total))))
        assert told[0] == (0, 500)
        assert told[-1] == (500, 500)

        def stop(done: int, total: int) -> None:
            if done:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            list(check(store, stop))


# Objects.


def test_a_job_that_is_cut_short_is_kept_up_to_the_break(jobs: Path) -> None:
    path = jobs / "Application.10"
    path.write_bytes(path.read_bytes()[:-900])
    before = content(jobs)
    with make_store(jobs) as store:
        (problem,) = found(store)
        assert (problem.id_, problem.kind) == ("Application.10", Kind.UNREADABLE)
        assert [repair.remedy for repair in problem.repairs] == [Remedy.SALVAGE, Remedy.REMOVE]
        done = repair(store, [problem])
        assert found(store) == []
        assert "output_dir" in store.inspect("Application.10").root.attributes()
        store.apply(done.inverse())
    assert content(jobs) == before


def test_an_unreadable_job_can_be_deleted(jobs: Path) -> None:
    (jobs / "Application.10").write_bytes(b"")
    with make_store(jobs) as store:
        (problem,) = found(store, Kind.UNREADABLE)
        assert problem.cause == "It is empty."
        repair(store, [problem.choosing(Remedy.REMOVE)])
        assert not (jobs / "Application.10").exists()
        assert [p.kind for p in found(store)] == [Kind.DANGLING]


def test_a_version_that_a_journal_kept_comes_back(jobs: Path) -> None:
    path = jobs / "Application.10"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    kept = {"Application.10": whole}
    with make_store(jobs) as store:
        (problem,) = found(store, former=kept.get)
        assert problem.repairs[0].other == "former"
        repair(store, [problem], kept.get)
    assert path.read_bytes() == whole


def test_a_job_under_a_wrong_id_gets_the_right_one(jobs: Path) -> None:
    shutil.copy(jobs / "Application.12", jobs / "Application.999")
    before = content(jobs)
    with make_store(jobs) as store:
        (problem,) = found(store)
        assert (problem.id_, problem.kind) == ("Application.999", Kind.WRONG_ID)
        assert "'Application.12'" in problem.cause
        done = repair(store, [problem])
        assert found(store) == []
        store.apply(done.inverse())
    assert content(jobs) == before


def test_a_wrong_id_in_a_gc3pie_table_is_replaced_by_a_number(gc3pie: Copy) -> None:
    path = gc3pie("python3.7/jobs.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO store SELECT 5000, data, state FROM store LIMIT 1")
    with make_store(path) as store:
        (problem,) = found(store)
        assert problem.kind is Kind.WRONG_ID
        repair(store, [problem])
        assert found(store) == []
        assert store.inspect("5000").root.attributes()["persistent_id"] == 5000


def test_ids_that_differ_in_capitals_are_told_apart(jobs: Path) -> None:
    shutil.copy(jobs / "Application.12", jobs / "application.12")
    if len(list(jobs.glob("[aA]pplication.12"))) < 2:
        pytest.skip("this disk does not tell capitals apart")
    before = content(jobs)
    with make_store(jobs) as store:
        (problem,) = found(store, Kind.CASE)
        assert {problem.id_, problem.other} == {"Application.12", "application.12"}
        done = repair(store, [problem])
        assert "application.12-2" in store
        assert found(store) == []
        store.apply(done.inverse())
    assert content(jobs) == before


def test_those_who_refer_to_a_renamed_object_refer_to_its_new_id(tmp_path: Path) -> None:
    with make_store(f"sqlite:///{tmp_path}/jobs.db") as store:
        low, high = Node("low"), Node("high")
        low.persistent_id, high.persistent_id = "job.1", "Job.1"
        parent = store.save(Node("parent", low, high))
        (problem,) = found(store, Kind.CASE)
        repair(store, [problem])
        assert sorted(store.references(parent)) == ["Job.1", "job.1-2"]
        assert found(store) == []


# References.


def test_a_dangling_reference_is_taken_out_of_its_list(jobs: Path) -> None:
    before = content(jobs)
    with make_store(jobs) as store:
        (problem,) = check(store)
        count = len(store.references(problem.id_))
        done = repair(store, [problem])
        assert [repair.remedy for _, repair in done.repaired] == [Remedy.UNLINK]
        assert list(check(store)) == []
        assert len(store.references(problem.id_)) == count - 1
        store.apply(done.inverse())
    assert content(jobs) == before


def test_a_dangling_reference_that_is_no_item_becomes_none(tmp_path: Path) -> None:
    with make_store(f"sqlite:///{tmp_path}/jobs.db") as store:
        child = Node("child")
        parent = store.save({"child": child, "again": child, "name": "parent"})
        store.remove(child.persistent_id)
        (problem,) = check(store)
        repair(store, [problem])
        assert store.load(parent) == {"child": None, "again": None, "name": "parent"}


def test_a_dangling_reference_can_be_pointed_to_another_object(jobs: Path) -> None:
    with make_store(jobs) as store:
        (problem,) = check(store)
        repair(store, [problem.choosing(Remedy.REFER, "Application.10")])
        assert "Application.10" in store.references(problem.id_)
        assert list(check(store)) == []


def test_a_row_that_another_program_removed_is_restored_with_its_references(
    tmp_path: Path,
) -> None:
    path = tmp_path / "jobs.db"
    with make_store(f"sqlite:///{path}") as store:
        middle = Node("middle", Node("leaf"))
        store.save(Node("top", middle))
        id_ = str(middle.persistent_id)
        kept = {id_: store.read(id_)}
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM store WHERE id = ?", (id_,))
        problems = list(check(store, former=kept.get))
        assert [p.kind for p in problems] == [Kind.SCHEMA, Kind.DANGLING]
        assert id_ in problems[0].cause
        repair(store, problems[1:], kept.get)
        assert list(check(store)) == []
        assert len(store.references(id_)) == 1


def test_what_a_session_lists_and_what_it_does_not(gc3pie: Copy) -> None:
    session = gc3pie("python3.7/session")
    ids = (session / "session_ids.txt").read_text().split()
    (session / "session_ids.txt").write_text(" ".join([*ids[1:], "Gone.1"]))
    with make_store(session) as store:
        by_kind = {problem.kind: problem for problem in check(store)}
        assert by_kind[Kind.DANGLING].id_ == "Gone.1"
        orphan = by_kind[Kind.ORPHAN]
        assert (orphan.id_, orphan.severity) == (ids[0], Severity.WARNING)
        repair(store, [orphan])
        assert ids[0] not in store


def test_starting_points_are_listed_as_information_when_asked_for(tmp_path: Path) -> None:
    with make_store(f"sqlite:///{tmp_path}/jobs.db") as store:
        top = store.save(Node("top", Node("below")))
        (problem,) = check(store, orphans=True)
        assert (problem.id_, problem.severity) == (top, Severity.INFORMATION)
        assert list(check(store, roots=[top])) == []


# Files.


def test_the_backup_of_an_interrupted_save_takes_the_place_of_what_was_cut(jobs: Path) -> None:
    path, backup = jobs / "Application.10", jobs / "Application.10.OLD"
    whole = path.read_bytes()
    backup.write_bytes(whole)
    path.write_bytes(whole[:300])
    before = content(jobs)
    with make_store(jobs) as store:
        (problem,) = found(store)
        assert problem.kind is Kind.UNREADABLE
        done = repair(store, [problem])
        assert path.read_bytes() == whole
        assert not backup.exists()
        assert found(store) == []
        store.apply(done.inverse())
    assert content(jobs) == before


def test_an_object_of_which_only_the_backup_is_there_comes_back_once(jobs: Path) -> None:
    (jobs / "Application.13").rename(jobs / "Application.13.OLD")
    before = content(jobs)
    with make_store(jobs) as store:
        problems = found(store)
        assert {p.kind for p in problems} == {Kind.BACKUP, Kind.DANGLING}
        done = repair(store, problems)  # both are repaired by the same file
        assert not done.refused
        assert found(store) == []
        store.apply(done.inverse())
    assert content(jobs) == before


def test_leftover_files_are_taken_away_and_can_be_put_back(jobs: Path) -> None:
    (jobs / "Application.10.OLD").write_bytes((jobs / "Application.10").read_bytes())
    (jobs / "Application.11.OLD").write_bytes(b"half a pick")
    (jobs / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (jobs / "README.txt").write_text("These are the jobs of the campaign.\n" * 9)
    temporary = jobs / ".jobshelf-new.OLD"
    temporary.write_bytes(b"\x80\x04")
    os.utime(temporary, (1, 1))
    before = content(jobs)
    with make_store(jobs) as store:
        problems = found(store)
        assert {p.id_: p.kind for p in problems} == {
            "./Application.10.OLD": Kind.BACKUP,
            "./Application.11.OLD": Kind.BACKUP,
            "./.DS_Store": Kind.FOREIGN,
            "README.txt": Kind.FOREIGN,
            "./.jobshelf-new.OLD": Kind.TEMPORARY,
        }
        done = repair(store, problems)
        assert found(store) == []
        assert len(content(jobs)) == len(before) - 5
        store.apply(done.inverse())
    assert content(jobs) == before


def test_a_file_that_is_being_written_is_no_leftover(jobs: Path) -> None:
    (jobs / ".jobshelf-new.OLD").write_bytes(b"\x80\x04")
    with make_store(jobs) as store:
        assert found(store) == []


def test_folders_and_links_are_told_and_left_alone(jobs: Path) -> None:
    (jobs / "results").mkdir()
    with make_store(jobs) as store:
        (problem,) = found(store)
        assert (problem.severity, problem.repairs) == (Severity.INFORMATION, ())
        assert repair(store, [problem]).refused[0].problem is problem
    assert (jobs / "results").is_dir()


def test_no_object_is_saved_as_a_file_of_another_name(jobs: Path) -> None:
    with make_store(jobs) as store:
        stranger = Node("stranger")
        stranger.persistent_id = "./.hidden"
        with pytest.raises(StoreError, match="cannot be the name"):
            store.save(stranger)
        with pytest.raises(StoreError):
            store.apply([Edit("./../escaped", b"N.", None, b"file")])
    assert not (jobs / ".hidden").exists()


# Databases.


def test_columns_that_are_not_what_the_pickle_says_are_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with make_store(f"sqlite:///{path}") as store:
        ids = store.save_many([Node("a", Node("b")), Node("c")])
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE store SET name = 'other', size = 1 WHERE id = ?", (ids[1],))
            database.execute("DELETE FROM store_references")
        problems = list(check(store))
        assert {p.id_: p.cause for p in problems} == {
            ids[0]: "In its row, references is not what the pickle says.",
            ids[1]: "In its row, name and size are not what the pickle says.",
        }
        repair(store, problems)
        assert list(check(store)) == []
        assert next(store.summaries([ids[1]])).name == "c"


def test_a_state_in_a_gc3pie_table_that_is_not_that_of_the_job_is_written_anew(
    gc3pie: Copy,
) -> None:
    path = gc3pie("python3.7/jobs.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE store SET state = 'RUNNING' WHERE state = 'TERMINATED'")
    with make_store(path) as store:
        problems = found(store, Kind.DRIFT)
        assert len(problems) > 10
        repair(store, problems)
        assert found(store) == []


def test_a_trigger_of_another_program_is_told(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with make_store(f"sqlite:///{path}") as store:
        store.save(Node("a"))
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TRIGGER audit AFTER DELETE ON store BEGIN SELECT 1; END")
        (problem,) = check(store)
        assert (problem.kind, problem.severity) == (Kind.SCHEMA, Severity.WARNING)
        assert "'audit'" in problem.cause


def test_torn_pages_are_told_and_no_reference_is_called_dangling_for_them(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with make_store(f"sqlite:///{path}") as store:
        store.apply([Edit(f"Job.{n}", job(f"j{n}", fill="x" * 700), ABSENT) for n in range(200)])
    data = bytearray(path.read_bytes())
    place = data.index(b"j50") // 4096 * 4096
    data[place : place + 4096] = bytes(4096)
    path.write_bytes(data)
    with make_store(f"sqlite:///{path}", read_only=True) as store:
        problems = list(check(store))
        damage = [p for p in problems if p.kind is Kind.DAMAGE]
        assert damage
        assert damage[0].repairs[0].remedy is Remedy.RECOVER
        assert not [p for p in problems if p.kind is Kind.DANGLING]
        (refused, *_) = plan(store, damage).refused
        assert "Recover" in refused.reason


# Repairs.


def test_several_problems_of_one_object_make_one_change(tmp_path: Path) -> None:
    with make_store(tmp_path / "jobs") as store:
        parent = Node("parent", Node("a"), Node("b"))
        id_ = store.save(parent)
        for child in store.references(id_):
            store.remove(child)
        os.rename(tmp_path / "jobs" / id_, tmp_path / "jobs" / "Other.1")
        problems = list(check(store))
        assert sorted(p.kind.name for p in problems) == ["DANGLING", "DANGLING", "WRONG_ID"]
        made = plan(store, problems)
        assert len(made.rewrites) == 1
        store.apply([rewrite.edit() for rewrite in made.rewrites])
        assert list(check(store)) == []


def test_a_repair_is_refused_if_the_object_was_changed_since(tmp_path: Path) -> None:
    with make_store(tmp_path / "jobs") as store:
        id_ = store.save({"child": Node("a")})
        store.remove(store.references(id_)[0])
        made = plan(store, check(store))
        store.apply([Edit(id_, job("changed"))])
        with pytest.raises(StoreError, match="was changed by another program"):
            store.apply([rewrite.edit() for rewrite in made.rewrites])
        assert store.read(id_) == job("changed")


def test_what_was_repaired_meanwhile_is_refused_and_the_rest_is_done(jobs: Path) -> None:
    (jobs / "Application.10.OLD").write_bytes(b"N.")
    (jobs / "Application.11.OLD").write_bytes(b"N.")
    with make_store(jobs) as store:
        problems = found(store)
        (jobs / "Application.10.OLD").unlink()
        done = repair(store, problems)
        assert [refusal.problem.id_ for refusal in done.refused] == ["./Application.10.OLD"]
        assert found(store) == []


def test_a_repair_that_is_not_offered_cannot_be_chosen() -> None:
    problem = Problem("a", Kind.CASE, "It is.", Severity.WARNING)
    with pytest.raises(ValueError, match="not offered"):
        problem.choosing(Remedy.REMOVE)


# Any damage, and any size.


@given(st.data())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_random_damage_to_a_folder_is_told_and_repaired(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("store") / "jobs"
    with make_store(folder) as store:
        children = [Node(f"child {n}", {"n": [n] * 30}) for n in range(4)]
        store.save(Node("top", *children))
        for path in sorted(folder.iterdir()):
            if path.name.endswith(".OLD"):
                continue
            content_ = bytearray(path.read_bytes())
            act = data.draw(st.sampled_from(["keep", "flip", "cut", "remove"]), label=path.name)
            if act == "flip":
                content_[data.draw(st.integers(0, len(content_) - 1))] ^= data.draw(
                    st.integers(1, 255)
                )
                path.write_bytes(content_)
            elif act == "cut":
                path.write_bytes(content_[: data.draw(st.integers(0, len(content_) - 1))])
            elif act == "remove":
                path.unlink()
        before = content(folder)
        made = [repair(store, check(store))]
        for _ in range(5):  # what can be read again may have problems of its own
            made.append(repair(store, check(store)))
        assert [p for p in check(store) if p.severity is Severity.ERROR] == []
        for done in reversed(made):
            store.apply(done.inverse())
        assert content(folder) == before


def test_the_memory_of_a_check_does_not_grow_with_the_store(tmp_path: Path) -> None:
    peaks = []
    for count in (5_000, 50_000):
        path = tmp_path / f"{count}.db"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))"
            )
            data = pickle.dumps({"name": "job", "state": "NEW"})
            database.executemany(
                "INSERT INTO store VALUES (?, ?, 'NEW')", ((n, data) for n in range(1, count + 1))
            )
        with make_store(f"sqlite:///{path}") as store:
            tracemalloc.start()
            assert list(check(store)) == []
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000


def test_a_check_leaves_a_read_only_store_as_it_is(jobs: Path) -> None:
    (jobs / "Application.10.OLD").write_bytes(b"N.")
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in jobs.iterdir()}
    with make_store(jobs, read_only=True) as store:
        assert len(list(check(store))) == 2
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in jobs.iterdir()}
    assert after == before


def test_a_database_whose_tree_leads_in_circles_is_not_read_for_ever(
    gc3pie: Copy,
) -> None:
    data = gc3pie("python3.7/jobs.db")
    with make_store(data, read_only=True) as store:
        layout = store._layout  # type: ignore[attr-defined]
        assert layout.next_after(5, 6) == 6
        for last in (5, 4, None, "six"):
            with pytest.raises(StoreError, match="out of order"):
                layout.next_after(5, last)
