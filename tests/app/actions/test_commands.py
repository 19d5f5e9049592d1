from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.actions.commands import ChangeStack, Way, fingerprint
from app.actions.delete import records_to_delete
from app.actions.journal import Act, EntryState, Journal
from app.work.session import StoreSession
from persistence import make_store
from persistence.errors import ConflictError, ReadOnlyError, StoreError
from persistence.store import Store


class Desk:
    """An open store with everything that changes it."""

    def __init__(self, qtbot: QtBot, path: Path, journal: Path, *, read_only: bool = False) -> None:
        self.qtbot = qtbot
        self.path = path
        self.session = StoreSession()
        with qtbot.waitSignal(self.session.opened, timeout=60_000):
            self.session.open(path, read_only)
        assert self.session.info is not None
        self.address = self.session.info.uri
        self.journal = Journal(journal)
        self.stack = ChangeStack(self.journal)
        self.stack.set_session(self.session, self.address)

    def stored(self) -> dict[str, bytes]:
        with make_store(self.path, read_only=True) as store:
            return {record.id_: record.data for record in store.records()}

    def write(self, id_: str, data: bytes) -> None:
        """Change an object as another program would."""
        with make_store(self.path) as store:
            store.write(id_, data)

    def does(self, act: Callable[[], None]) -> None:
        with self.qtbot.waitSignal(self.stack.change_done, timeout=60_000):
            act()

    def refuses(self, act: Callable[[], None]) -> BaseException:
        with self.qtbot.waitSignal(self.stack.change_failed, timeout=60_000) as caught:
            act()
        assert caught.args is not None
        error = caught.args[2]
        assert isinstance(error, BaseException)
        return error

    def delete(self, *ids: str, expected: dict[str, str] | None = None) -> None:
        def read(store: Store) -> list[object]:
            return list(records_to_delete(store, ids))

        self.stack.make(Act.DELETE, "Delete them", ids, read, expected)  # type: ignore[arg-type]

    def states(self) -> list[EntryState]:
        return [entry.state for entry in self.journal.entries(self.address)]


@pytest.fixture(params=["jobs.db", "jobs-dir"])
def desk(
    request: pytest.FixtureRequest,
    qtbot: QtBot,
    gc3pie: Callable[[str], Path],
    tmp_path: Path,
) -> Iterator[Desk]:
    desk = Desk(qtbot, gc3pie(f"python3.7/{request.param}"), tmp_path / "journal.db")
    yield desk
    desk.session.close()


def test_a_delete_is_undone_and_redone_to_the_byte(desk: Desk) -> None:
    before = desk.stored()
    one, two = list(before)[:2]
    desk.does(lambda: desk.delete(one, two))
    after = desk.stored()
    assert set(before) - set(after) == {one, two}
    assert desk.states() == [EntryState.DONE]
    assert (desk.stack.can_undo, desk.stack.can_redo) == (True, False)
    desk.does(desk.stack.undo)
    assert desk.stored() == before
    assert desk.states() == [EntryState.UNDONE]
    assert (desk.stack.can_undo, desk.stack.can_redo) == (False, True)
    desk.does(desk.stack.redo)
    assert desk.stored() == after
    assert desk.states() == [EntryState.DONE]


def test_a_deleted_row_comes_back_with_what_gc3pie_keeps_beside_the_object(
    qtbot: QtBot, gc3pie: Callable[[str], Path], tmp_path: Path
) -> None:
    path = gc3pie("python3.7/jobs.db")

    def rows(statement: str = "SELECT * FROM store ORDER BY id") -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement).fetchall()

    rows("ALTER TABLE store ADD COLUMN owner TEXT NOT NULL DEFAULT 'nobody'")
    rows("UPDATE store SET owner = 'me', state = 'by hand'")
    before = rows()
    one, two = (str(row[0]) for row in before[:2])
    desk = Desk(qtbot, path, tmp_path / "journal.db")
    try:
        desk.does(lambda: desk.delete(one, two))
        desk.does(desk.stack.undo)
        assert rows() == before
        desk.does(desk.stack.redo)
        assert rows() == before[2:]
        desk.stack.set_session(desk.session, desk.address)  # as after a restart
        desk.does(lambda: desk.stack.restore(desk.journal.deleted(desk.address)))
        assert rows() == before
    finally:
        desk.session.close()


def test_nothing_is_written_when_the_object_changed_since_it_was_read(desk: Desk) -> None:
    before = desk.stored()
    one, two = list(before)[:2]
    seen = {one: fingerprint(before[one])}
    desk.write(one, before[two])
    error = desk.refuses(lambda: desk.delete(one, two, expected=seen))
    assert isinstance(error, ConflictError)
    assert error.id_ == one
    assert set(desk.stored()) == set(before)
    assert not desk.stack.can_undo
    assert desk.states() == []


def test_an_undo_that_would_overwrite_another_program_is_refused_and_leaves_the_stack(
    desk: Desk,
) -> None:
    before = desk.stored()
    one = next(iter(before))
    desk.does(lambda: desk.delete(one))
    desk.write(one, b"\x80\x04N.")
    error = desk.refuses(desk.stack.undo)
    assert isinstance(error, ConflictError)
    assert desk.stored()[one] == b"\x80\x04N."
    assert not desk.stack.can_undo
    assert desk.states() == [EntryState.DONE]  # the journal still has the bytes


def test_what_was_deleted_is_restored_after_a_restart(
    desk: Desk, qtbot: QtBot, tmp_path: Path
) -> None:
    before = desk.stored()
    one = next(iter(before))
    desk.does(lambda: desk.delete(one))
    desk.session.close()
    later = Desk(qtbot, desk.path, tmp_path / "journal.db")
    try:
        later.does(lambda: later.stack.restore(later.journal.deleted(later.address)))
        assert later.stored() == before
        later.does(later.stack.undo)
        assert one not in later.stored()
    finally:
        later.session.close()


def test_an_entry_undone_from_the_history_is_not_undone_again_by_the_stack(desk: Desk) -> None:
    before = desk.stored()
    one, two = list(before)[:2]
    desk.does(lambda: desk.delete(one))
    desk.does(lambda: desk.delete(two))
    first = desk.journal.entries(desk.address)[-1]
    desk.does(lambda: desk.stack.undo_entry(first))
    assert one in desk.stored()
    assert two not in desk.stored()
    desk.does(desk.stack.undo)
    assert desk.stored() == before
    assert not desk.stack.can_undo


def test_a_second_change_waits_until_the_first_is_written(desk: Desk) -> None:
    one, two = list(desk.stored())[:2]

    def both() -> None:
        desk.delete(one)
        assert desk.stack.is_busy
        desk.delete(two)

    desk.does(both)
    assert not desk.stack.is_busy
    assert two in desk.stored()


def test_a_change_that_the_journal_no_longer_keeps_cannot_be_undone(desk: Desk) -> None:
    one = next(iter(desk.stored()))
    desk.does(lambda: desk.delete(one))
    with desk.journal._transaction() as connection:
        connection.execute("DELETE FROM entry")
    error = desk.refuses(desk.stack.undo)
    assert isinstance(error, StoreError)
    assert "no longer keeps" in str(error)


def test_a_read_only_store_refuses_and_the_journal_says_that_it_failed(
    qtbot: QtBot, gc3pie: Callable[[str], Path], tmp_path: Path
) -> None:
    desk = Desk(qtbot, gc3pie("python3.7/jobs.db"), tmp_path / "journal.db", read_only=True)
    try:
        one = next(iter(desk.stored()))
        assert isinstance(desk.refuses(lambda: desk.delete(one)), ReadOnlyError)
        assert desk.states() == [EntryState.FAILED]
        assert one in desk.stored()
    finally:
        desk.session.close()


def test_every_way_of_a_change_is_told_with_its_label_and_ids(desk: Desk) -> None:
    told: list[tuple[str, Way, list[str]]] = []
    desk.stack.change_done.connect(lambda label, way, ids: told.append((label, way, ids)))
    one = next(iter(desk.stored()))
    desk.does(lambda: desk.delete(one))
    desk.does(desk.stack.undo)
    desk.does(desk.stack.redo)
    assert told == [("Delete them", way, [one]) for way in (Way.DO, Way.UNDO, Way.REDO)]
