"""Changes of a store as undo commands over entries of the journal.

Every change is one job on the store's own thread: its bytes go to the journal, then to the
store, then the journal is told how it went. The undo stack moves only when the job has
reported. A `QUndoStack` calls a command at once and believes it done, therefore
`ChangeCommand.redo` and `undo` do nothing: the work has been done before the stack moves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import partial
from hashlib import sha256

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.actions.journal import Act, Deleted, Entry, EntryState, Journal, JournalRecord
from app.work.session import StoreSession
from persistence.errors import ConflictError, SaveError, StoreError
from persistence.file_names import FILE_PREFIX
from persistence.pickles.texts import escaped
from persistence.store import Edit, Store

__all__ = ["ChangeCommand", "ChangeStack", "Way", "fingerprint", "phrase"]

_log = logging.getLogger(__name__)

ReadRecords = Callable[[Store], Sequence[JournalRecord]]


class Way(Enum):
    """Whether a change is made for the first time, taken back, or made again."""

    DO = "do"
    UNDO = "undo"
    REDO = "redo"


class ChangeCommand(QUndoCommand):
    """One entry of the journal as a step of the undo stack.

    Attributes:
        key: The entry.
        ids: The objects that it changes.
    """

    def __init__(self, key: int, label: str, ids: Sequence[str]) -> None:
        super().__init__(label)
        self.key = key
        self.ids = tuple(ids)

    # Qt

    def redo(self) -> None:
        """Do nothing: the store has been changed before the stack moves."""

    def undo(self) -> None:
        """Do nothing: the store has been changed before the stack moves."""


class ChangeStack(QObject):
    """Makes changes, takes them back and makes them again, one at a time.

    Signals:
        change_started: The IDs of the objects that are about to be changed.
        change_done: A change has been written: its label, the `Way`, and the IDs.
        change_failed: A change was not made: its label, the `Way`, the error.
        moved: What can be undone or redone, or whether a change is under way, is new.
    """

    change_started = Signal(list)
    change_done = Signal(str, object, list)
    change_failed = Signal(str, object, object)
    moved = Signal()

    def __init__(self, journal: Journal, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.journal = journal
        self._stack = QUndoStack(self)
        self._session: StoreSession | None = None
        self._address = ""
        self._is_busy = False

    @property
    def is_busy(self) -> bool:
        """Whether a change is being written."""
        return self._is_busy

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._stack.canUndo()

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to make again."""
        return self._stack.canRedo()

    @property
    def undo_text(self) -> str:
        """The label of the change that undo would take back."""
        return self._stack.undoText()

    @property
    def redo_text(self) -> str:
        """The label of the change that redo would make again."""
        return self._stack.redoText()

    @property
    def address(self) -> str:
        """The address under which the journal knows the store."""
        return self._address

    def set_session(self, session: StoreSession | None, address: str = "") -> None:
        """Work on another store; what could be undone is forgotten (the journal keeps it).

        Args:
            session: An open store, or None.
            address: Its address without password.
        """
        self._session = session
        self._address = address
        self._is_busy = False
        self._stack.clear()
        self.moved.emit()

    def settle(self) -> None:
        """Decide what a program that was killed left pending in this store."""
        if self._session is not None:
            self._session.call(partial(self.journal.settle, self._address))

    def forget_older_than(self, days: int) -> None:
        """Drop what the journal has kept for longer than some days; 0 keeps all."""
        if self._session is not None and days > 0:
            moment = datetime.now(timezone.utc) - timedelta(days=days)
            self._session.call(lambda _: self.journal.forget_before(moment))

    def make(
        self,
        act: Act,
        label: str,
        ids: Sequence[str],
        read: ReadRecords,
        expected: Mapping[str, str] | None = None,
    ) -> None:
        """Make a change.

        Args:
            act: Which.
            label: The same for the user, as "Delete Application.42".
            ids: The objects that it changes.
            read: Gives their bytes before and after; runs on the store's thread.
            expected: Fingerprints of the versions that the user decided on, by ID; where
                another one is stored, the change fails with `ConflictError`.
        """
        if self._session is None or self._is_busy:
            return
        address, journal = self._address, self.journal
        versions = dict(expected or {})

        def work(store: Store) -> int:
            records = read(store)
            _check(store, records, versions)
            key = journal.begin(address, act, label, records)
            edits = [record.edit() for record in records]
            _write(store, edits, journal, key, EntryState.DONE, EntryState.FAILED)
            return key

        def done(key: int) -> None:
            self._stack.push(ChangeCommand(key, label, ids))
            self._finish(label, Way.DO, ids)

        self._set_busy(True)
        self.change_started.emit(list(ids))
        self._session.call(work, ids).then(done, partial(self._fail, label, Way.DO, None))

    def undo(self) -> None:
        """Take the last change back."""
        if self._stack.canUndo():
            self._repeat(self._command(self._stack.index() - 1), Way.UNDO)

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._stack.canRedo():
            self._repeat(self._command(self._stack.index()), Way.REDO)

    def undo_entry(self, entry: Entry) -> None:
        """Take back a change of any age that the journal still has."""
        if self._session is None or self._is_busy:
            return
        for position in range(self._stack.count()):
            if self._command(position).key == entry.key:
                self._repeat(self._command(position), Way.UNDO)
                return
        journal = self.journal

        def found(records: list[JournalRecord]) -> None:
            # Repairs also change files that are no objects: "./NAME".
            ids = [record.id_.removeprefix(FILE_PREFIX) for record in records]
            self._repeat(ChangeCommand(entry.key, entry.label, ids), Way.UNDO)

        self._session.call(lambda _: journal.records(entry.key)).then(
            found, partial(self._fail, entry.label, Way.UNDO, None)
        )

    def restore(self, deleted: Sequence[Deleted]) -> None:
        """Bring deleted objects back as they were."""
        journal = self.journal

        def read(_: Store) -> list[JournalRecord]:
            found = (journal.record(row.entry, row.position) for row in deleted)
            return [
                replace(record, before=None, after=record.before)
                for record in found
                if record is not None
            ]

        ids = [row.id_ for row in deleted]
        if ids:
            self.make(Act.RESTORE, "Restore " + phrase(ids), ids, read)

    def _command(self, position: int) -> ChangeCommand:
        command = self._stack.command(position)
        assert isinstance(command, ChangeCommand)
        return command

    def _repeat(self, command: ChangeCommand, way: Way) -> None:
        """Take an entry back, or make it again."""
        if self._session is None or self._is_busy:
            return
        key, label, ids, journal = command.key, command.text(), command.ids, self.journal
        is_undo = way is Way.UNDO
        states = (EntryState.UNDONE, EntryState.DONE)

        def work(store: Store) -> None:
            records = journal.records(key)
            if not records:
                raise StoreError(
                    f"The journal no longer keeps what “{label}” changed.",
                    "It was dropped after the time that the settings say.",
                )
            journal.mark(key, EntryState.PENDING)
            edits = [record.inverse() if is_undo else record.edit() for record in records]
            _write(store, edits, journal, key, *(states if is_undo else reversed(states)))

        def done(_: object) -> None:
            self._move(command, way)
            self._finish(label, way, ids)

        self._set_busy(True)
        self.change_started.emit(list(ids))
        self._session.call(work, ids).then(done, partial(self._fail, label, way, command))

    def _move(self, command: ChangeCommand, way: Way) -> None:
        index = self._stack.index()
        if way is Way.REDO:
            self._stack.redo()
        elif index and self._command(index - 1).key == command.key:
            self._stack.undo()
        else:  # undone out of order, from the history: the stack must not do it again
            command.setObsolete(True)
        self._drop_obsolete()

    def _finish(self, label: str, way: Way, ids: Sequence[str]) -> None:
        self._set_busy(False)
        self.change_done.emit(label, way, list(ids))

    def _fail(
        self, label: str, way: Way, command: ChangeCommand | None, error: BaseException
    ) -> None:
        # A change that the store refused would be refused again: it leaves the stack. The
        # journal keeps its bytes, so the history and "Recently Deleted" still have it.
        if command is not None:
            command.setObsolete(True)
            self._drop_obsolete()
        self._set_busy(False)
        self.change_failed.emit(label, way, error)

    def _drop_obsolete(self) -> None:
        """Take commands that cannot be repeated off the stack, where they stand next."""
        while self._stack.canUndo() and self._command(self._stack.index() - 1).isObsolete():
            self._stack.undo()
        while self._stack.canRedo() and self._command(self._stack.index()).isObsolete():
            self._stack.redo()

    def _set_busy(self, busy: bool) -> None:
        self._is_busy = busy
        self.moved.emit()


def fingerprint(data: bytes | None) -> str:
    """Return what tells one version of an object from another; "" for "no object"."""
    return "" if data is None else sha256(data).hexdigest()


def phrase(ids: Sequence[str]) -> str:
    """Return some IDs as a phrase for a label.

    >>> phrase(["a"]), phrase(["a", "b"]), phrase(["a", "b", "c"])
    ('a', 'a and b', 'a and 2 others')
    """
    if len(ids) < 3:
        return escaped(" and ".join(ids))
    return f"{escaped(ids[0])} and {len(ids) - 1:,} others"


def _check(store: Store, records: Sequence[JournalRecord], versions: Mapping[str, str]) -> None:
    for record in records:
        wanted, found = versions.get(record.id_), fingerprint(record.before)
        if wanted is not None and wanted != found:
            raise ConflictError(record.id_, str(store.url), wanted, found)


def _write(
    store: Store,
    edits: list[Edit],
    journal: Journal,
    key: int,
    state_after: EntryState,
    state_before: EntryState,
) -> None:
    """Change the store, and tell the journal how it went."""
    try:
        store.apply(edits)
    except Exception as error:
        journal.mark(key, state_before, str(error))
        raise
    try:
        journal.mark(key, state_after)
    except SaveError as error:
        # The change is made, and its bytes are safe: it is settled at the next opening.
        _log.warning("Entry %d of the journal stays pending: %s", key, error)
