"""Rows of Jobshelf's own tables: the same answers as of an index, from the table itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.work.own_rows import OwnRows
from app.work.records import Row, RowQuery
from persistence import Edit, make_store
from persistence.sql import SqlStore
from tests.app.work.test_index import expected

Rows = Callable[..., OwnRows]


def fill(path: Path, rows: list[Row]) -> None:
    """Write rows as a store would, but with any summary."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM store")
        db.executemany(
            "INSERT INTO store VALUES (?, ?, ?, ?, ?, ?, ?, 1, x'4e2e')",
            [
                (seq, row.id, row.type, row.state, row.name, row.size, row.modified)
                for seq, row in enumerate(rows, 1)
            ],
        )
        db.execute("UPDATE store_meta SET change = change + 1, last_seq = ?", (len(rows),))


def job(n: int, **fields: Any) -> Row:
    known = {"type": "lab.Job", "state": "NEW", "name": f"job {n}", "modified": 1.0, "size": 2}
    return Row(f"Job.{n}", **{**known, **fields})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "own.db"
    make_store(f"sqlite://{path.as_posix()}").close()
    return path


@pytest.fixture
def open_rows(path: Path) -> Iterator[Rows]:
    opened: list[tuple[OwnRows, SqlStore]] = []

    def open_(**options: Any) -> OwnRows:
        store = SqlStore(f"sqlite://{path.as_posix()}", **options)
        rows = OwnRows(store.listing())
        rows.refresh()
        opened.append((rows, store))
        return rows

    yield open_
    for rows, store in opened:
        rows.close()
        store.close()


def ids(rows: OwnRows, query: RowQuery = RowQuery()) -> list[str]:  # noqa: B008
    return [row.id for row in rows.page(query, 0, 1_000_000)]


_rows = st.builds(
    Row,
    id=st.builds(lambda prefix, n: f"{prefix}.{n}", st.sampled_from("AbC"), st.integers(0, 120)),
    type=st.sampled_from(["", "gc3libs.Application", "lab.Job", "builtins.dict", "x.y.Job"]),
    state=st.sampled_from([None, "NEW", "RUNNING", "running", "TERMINATED"]),
    name=st.sampled_from([None, "sweep-1", "Sweep-10", "sweep-9", "a b", "100%_x", "'\""]),
    modified=st.floats(0, 2e9),
    size=st.integers(0, 100_000),
)
_filters = st.sampled_from(
    ["", "a", "sweep", "state:running", "type:Job", "type=Job", "size>1k", "-state:NEW", "%_",
     "id=A.1*", "name=sweep*", "name=''", "modified>2001-01-01", "Job -name:1"]
)  # fmt: skip
_queries = st.builds(
    RowQuery,
    text=_filters,
    sort=st.sampled_from(["", "id", "type", "state", "name", "modified", "size"]),
    descending=st.booleans(),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(_rows, max_size=40, unique_by=lambda row: row.id), _queries, st.integers(0, 40))
def test_a_table_answers_as_plain_python_would(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], query: RowQuery, first: int
) -> None:
    path = tmp_path_factory.mktemp("own") / "own.db"
    with SqlStore(f"sqlite://{path.as_posix()}") as store:
        fill(path, rows)
        own = OwnRows(store.listing())
        own.refresh()
        want = expected(rows, query)
        assert own.count(query) == len(want)
        assert own.page(query, first, 7) == tuple(want[first : first + 7])
        places = own.locate(query, [row.id for row in rows])
        assert places == {row.id: number for number, row in enumerate(want)}
        own.close()


@pytest.mark.parametrize("sort", ["", "id", "state", "name"])
@pytest.mark.parametrize("descending", [False, True])
def test_prepared_pages_are_those_that_were_shown_before(
    path: Path, open_rows: Rows, sort: Any, descending: bool
) -> None:
    states = ["NEW", None, "RUNNING"]
    fill(path, [job(n, state=states[n % 3], name=f"j{n % 7}") for n in range(6_000)])
    rows = open_rows()
    query = RowQuery(sort=sort, descending=descending)
    spots = (0, 250, 3_100, 5_800)
    before = [rows.page(query, first, 256) for first in spots]
    places = rows.locate(query, ["Job.5", "Job.4000"])
    assert rows.prepare(query)
    assert [rows.page(query, first, 256) for first in spots] == before
    assert rows.locate(query, ["Job.5", "Job.4000"]) == places
    assert rows.ids(query, [(5_990, 7_000)]) == ids(rows, query)[5_990:]


@pytest.mark.parametrize("query", [RowQuery(), RowQuery(sort="name"), RowQuery("job")])
def test_a_prepared_query_sees_what_is_written_afterwards(
    path: Path, open_rows: Rows, query: RowQuery
) -> None:
    fill(path, [job(n) for n in range(6_000)])
    rows = open_rows()
    assert rows.prepare(query)
    with SqlStore(path) as store:
        (new,) = store.save_many([{"name": "job 99999"}])
        store.remove("Job.3")
    shown = ids(rows, query)
    assert new in shown
    assert "Job.3" not in shown
    assert len(shown) == rows.count(query) == 6_000
    assert rows.locate(query, [new, "Job.3"]) == {new: shown.index(new)}


def test_preparing_gives_way_to_a_question(path: Path, open_rows: Rows) -> None:
    fill(path, [job(n) for n in range(6_000)])
    rows = open_rows()
    rows.interrupt_preparing()  # nothing is under way: nothing happens
    assert len(ids(rows)) == 6_000
    rows._db.set_progress_handler(lambda: rows._is_preparing, 1_000)  # as an interrupt would
    assert not rows.prepare(RowQuery(sort="name"))
    rows._db.set_progress_handler(None, 0)
    assert rows.prepare(RowQuery(sort="name"))
    assert len(ids(rows, RowQuery(sort="name"))) == 6_000


def test_references_are_found_from_both_ends(path: Path, open_rows: Rows) -> None:
    with SqlStore(path) as store:
        store.apply([Edit("Job.1", b"N."), Edit("Job.2", b"N.")])
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "INSERT INTO store_references VALUES (?, ?, ?)",
            [("Job.1", 0, "Job.2"), ("Job.1", 1, "Job.9")],
        )
    rows = open_rows()
    assert sorted(rows.references("Job.1")) == ["Job.2", "Job.9"]
    assert rows.referrers("Job.9") == ["Job.1"]
    assert "Job.9" not in rows
    assert "Job.2" in rows


def test_nothing_is_written_to_a_table_that_is_only_looked_at(path: Path, open_rows: Rows) -> None:
    fill(path, [job(n) for n in range(6_000)])
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    rows = open_rows(read_only=True)
    assert rows.prepare(RowQuery(sort="name"))
    assert rows.page(RowQuery(sort="name"), 0, 1)[0].id == "Job.0"
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_file_that_was_replaced_is_seen(path: Path, tmp_path: Path, open_rows: Rows) -> None:
    fill(path, [job(n) for n in range(3)])
    rows = open_rows(read_only=True)
    assert len(rows) == 3
    other = tmp_path / "other.db"
    with SqlStore(other):
        fill(other, [job(7)])
    other.replace(path)
    rows.refresh()
    assert ids(rows) == ["Job.7"]


def test_junk_in_a_column_is_shown_and_not_tripped_over(path: Path, open_rows: Rows) -> None:
    fill(path, [job(1)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE store SET type = x'ff', state = 5, name = 1.5, size = 'x', saved = 'y'")
    (row,) = open_rows().page(RowQuery(sort="type"), 0, 10)
    assert (row.state, row.name, row.modified, row.size) == ("5", "1.5", None, 0)


def test_a_small_table_of_an_earlier_version_gets_the_index_of_lists_when_it_is_changed(
    path: Path, open_rows: Rows
) -> None:
    def has_index() -> bool:
        with closing(sqlite3.connect(path)) as db, db:
            found = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'store_listed'")
            return bool(found.fetchall())

    fill(path, [job(n) for n in range(3)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP INDEX store_listed")
    assert len(open_rows().page(RowQuery(sort="state", descending=True), 0, 9)) == 3
    assert not has_index()  # who only looks changes nothing
    with SqlStore(path) as store:
        store.save({"name": "a job"})
    assert has_index()
    assert len(open_rows().page(RowQuery(sort="state", descending=True), 0, 9)) == 4
