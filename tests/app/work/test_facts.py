"""What is inside objects: searched, filtered, sorted and shown in columns, for every store."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.work.index_files import IndexFolder
from app.work.inspector import Inspector
from app.work.records import RowQuery
from app.work.session import StoreSession
from persistence import Edit, FilesystemStore, make_store

Answer = Callable[[Any], Any]
Open = Callable[..., StoreSession]

DATA = Path(__file__).parents[2] / "data"
TIMEOUT = 15_000
KINDS = ["folder", "gc3pie", "own"]


def job(n: int) -> bytes:
    return pickle.dumps(
        {
            "name": f"job {n}",
            "execution": {"returncode": n % 3, "host": f"node-{n:02}.example"},
            "log": ['said "Straße"', "100% \\ done"] if n == 7 else [],
            **({"only": 1.5} if n == 5 else {}),
        },
        2,
    )


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of each kind with twenty jobs, 0 to 19."""
    if request.param == "folder":
        path = tmp_path / "jobs"
        FilesystemStore(path).close()
    else:
        path = tmp_path / "jobs.db"
        if request.param == "gc3pie":
            with closing(sqlite3.connect(path)) as db, db:
                db.execute(
                    "CREATE TABLE store (id INTEGER NOT NULL, data BLOB, state VARCHAR(128),"
                    " PRIMARY KEY (id))"
                )
        else:
            make_store(f"sqlite://{path.as_posix()}").close()
    with make_store(str(path)) as opened:
        opened.apply([Edit(str(n), job(n)) for n in range(20)])
    return path


def matching(session: StoreSession, text: str, answer: Answer, qtbot: QtBot) -> list[int]:
    """Return the numbers of the jobs that match, once all have been looked into."""
    query = RowQuery(text)
    answer(session.page(query, 0, 1))
    lacking = lambda: answer(session.call_index(lambda rows: rows.count_lacking_facts()))  # noqa: E731
    qtbot.waitUntil(lambda: lacking() == 0, timeout=TIMEOUT)
    found = sorted(int(row.id) for row in answer(session.page(query, 0, 1_000)))
    assert answer(session.count(query)) == len(found)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("['execution']['returncode']=2", [2, 5, 8, 11, 14, 17]),
        ("['execution']['returncode']!=0", [n for n in range(20) if n % 3]),
        (
            "['execution']['returncode']>=1 -['execution']['returncode']:2",
            [1, 4, 7, 10, 13, 16, 19],
        ),
        ("['execution']['host']:NODE-1", list(range(10, 20))),
        ("['execution']['host']<node-02", [0, 1]),
        ("['only']=1.5", [5]),
        ("['only']<2", [5]),
        ("-['only']=1.5", [n for n in range(20) if n != 5]),
        ("['only']!=7", [5]),
        ("['never']!=7", []),
        ('"node-13"', [13]),
        ('"said \\"STRASSE\\""', []),
        ('"said \\"straße\\""', [7]),
        ('"100% \\\\ done"', [7]),
        ('"job 1"', [1, *range(10, 20)]),
        ('"node-1" -"node-13" name:job', [n for n in range(10, 20) if n != 13]),
    ],
)
def test_values_inside_objects_are_found(
    store: Path, open_session: Open, answer: Answer, qtbot: QtBot, text: str, expected: list[int]
) -> None:
    assert matching(open_session(store), text, answer, qtbot) == expected


def test_rows_are_sorted_by_an_attribute_and_show_it(
    store: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(store)
    host, code, only = "['execution']['host']", "['execution']['returncode']", "['only']"
    matching(session, f"{host}:node", answer, qtbot)
    rows = answer(session.page(RowQuery(sort=host, descending=True, paths=(host, code)), 0, 2))
    assert [row.values for row in rows] == [("node-19.example", "1"), ("node-18.example", "0")]
    rows = answer(session.page(RowQuery(sort=only, paths=(only,)), 0, 2))
    assert [(row.id, row.values) for row in rows] == [("5", ("1.5",)), ("0", ("",))]


def test_what_is_written_again_is_looked_into_again(
    store: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(store)
    assert matching(session, '"changed"', answer, qtbot) == []
    with make_store(str(store)) as other:
        other.apply([Edit("3", pickle.dumps({"note": "changed"})), Edit("4", None)])
    with qtbot.waitSignal(session.objects_changed, timeout=TIMEOUT):
        session.refresh()
    assert matching(session, '"changed"', answer, qtbot) == [3]
    assert matching(session, '"node-04"', answer, qtbot) == []


def test_what_was_looked_into_is_known_the_next_time(
    store: Path,
    tmp_path: Path,
    open_session: Open,
    answer: Answer,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    indexes = IndexFolder(tmp_path / "indexes", 10**9)
    session = open_session(store, indexes=indexes)
    assert matching(session, '"node-13"', answer, qtbot) == [13]
    session.close()

    def facts(*_: Any) -> list[str]:
        raise AssertionError("it was read again")

    monkeypatch.setattr(Inspector, "facts", facts)
    assert matching(open_session(store, indexes=indexes), '"node-13"', answer, qtbot) == [13]


def test_a_damaged_file_of_facts_is_made_anew(
    tmp_path: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    path = tmp_path / "own.db"
    with make_store(f"sqlite://{path.as_posix()}") as store:
        store.apply([Edit(str(n), job(n)) for n in range(20)])
    indexes = IndexFolder(tmp_path / "indexes", 10**9)
    session = open_session(path, indexes=indexes)
    assert matching(session, '"node-13"', answer, qtbot) == [13]
    session.close()
    (file,) = (tmp_path / "indexes").glob("*.db")
    file.write_bytes(b"x" * file.stat().st_size)
    session = open_session(path, indexes=indexes)
    assert matching(session, '"node-13"', answer, qtbot) == [13]


def test_nothing_is_looked_into_unless_it_is_asked_for(
    store: Path, open_session: Open, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(Inspector, "facts", lambda *args: asked.append(args))
    session = open_session(store)
    assert answer(session.count(RowQuery("job state:NEW"))) == 0
    assert answer(session.count(RowQuery("job"))) == 20
    assert not asked


def test_gc3pies_exit_codes_are_found(
    gc3pie: Callable[[str], Path], open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(gc3pie("python3.7/jobs.db"))
    total = answer(session.count(RowQuery()))
    zero = matching(session, "execution.returncode=0", answer, qtbot)
    other = matching(session, "execution.returncode!=0", answer, qtbot)
    assert zero
    assert other
    assert not set(zero) & set(other)
    assert len(zero) + len(other) <= total


def test_looking_inside_can_be_stopped_and_goes_on(
    store: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(store)
    answer(session.page(RowQuery('"node-13"'), 0, 1))
    session.pause_scan()
    session.refresh()
    assert matching(session, '"node-13"', answer, qtbot) == [13]


def test_what_was_looked_into_is_read_again_when_the_index_is_rebuilt(
    store: Path, open_session: Open, answer: Answer, qtbot: QtBot
) -> None:
    session = open_session(store)
    assert matching(session, '"node-13"', answer, qtbot) == [13]
    session.rebuild_index()
    lacking = session.call_index(lambda rows: rows.count_lacking_facts())
    assert answer(lacking) in (0, 20)  # an index is empty at first
    qtbot.waitUntil(lambda: session.is_scanned, timeout=TIMEOUT)
    assert matching(session, '"node-13"', answer, qtbot) == [13]
