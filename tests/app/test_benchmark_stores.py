"""The stores that the benchmarks of the window make by hand are stores as any other."""

from __future__ import annotations

from pathlib import Path

from persistence import make_store
from persistence.summary import Summary
from tests.benchmarks import window_stores


def test_a_large_store_of_our_own_is_one_and_tells_what_is_changed_in_it(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    window_stores.make_own(path, 50)
    with make_store(path) as store:
        assert store.keeps_summaries
        summaries: list[Summary] = list(store.summaries())
        assert [summary.id for summary in summaries] == store.list()
        assert summaries[41].id == "Application.42"
        assert summaries[41].name == "sweep0000042"
        assert store.read("Application.42").count(b"sweep0000042") == 1
        token = store.changes().token
        window_stores.change(path, 50, 1_000, 0.1)
        changes = store.changes(token)
        assert "Application.1" in changes.changed
        (changed,) = store.summaries(["Application.1"])
        assert window_stores.stamp_of(changed.name or "") > 0
        assert changed.modified is not None


def test_stores_as_of_others_hold_the_same_objects(tmp_path: Path) -> None:
    window_stores.make_gc3pie(tmp_path / "gc3pie.db", 5)
    window_stores.make_folder(tmp_path / "folder", 5)
    with make_store(tmp_path / "gc3pie.db") as table, make_store(tmp_path / "folder") as folder:
        assert table.list() == ["1", "2", "3", "4", "5"]
        assert folder.list() == [f"Application.{number}" for number in range(1, 6)]
        assert [*map(table.read, table.list())] == [*map(folder.read, folder.list())]
