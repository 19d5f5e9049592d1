"""Check, repair and recovery from the user's side: the Check window, the preview, the dialogs."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.actions.commands import ChangeStack, Way
from app.actions.journal import Act
from app.actions.repair import former_in, label_of, objects_of, records_of
from app.window.addresses import title_of
from app.window.banner import Mood
from app.window.check_window import CheckWindow
from app.window.comparisons import Comparisons
from app.window.message_page import Button
from app.window.object_picker import ObjectPicker, Purpose
from app.window.recovery_dialog import RecoveryDialog
from app.window.repair_dialog import RepairDialog
from app.work.checker import Checker
from app.work.session import StoreSession
from persistence.errors import StoreError
from persistence.integrity import Problem, Remedy
from persistence.repairs import Plan, plan
from persistence.sql_errors import is_damage
from persistence.sqlite_header import is_sqlite_file
from persistence.urls import StoreUrl

__all__ = ["CheckFlow"]

_REPAIR = "Repair "  # how the labels of repairs begin
_ENDINGS = (".db", ".sqlite", ".sqlite3")
_REFER = Purpose(
    "Point a Dangling Reference to Another Object",
    "What {id} refers to is not in the store: choose what it shall refer to.",
    "&Choose",
)


class CheckFlow(QObject):
    """Checks the open store, and does what the user decides about its problems.

    Signals:
        object_chosen: The ID of an object that the user wants to see.
        open_requested: The path of a recovered database that the user wants to open.
    """

    object_chosen = Signal(str)
    open_requested = Signal(str)

    def __init__(self, stack: ChangeStack, comparisons: Comparisons, window: QWidget) -> None:
        """Make it.

        Args:
            stack: Makes the changes.
            comparisons: Shows records before and after a repair.
            window: Main window.
        """
        super().__init__(window)
        self._comparisons = comparisons
        self._stack = stack
        self._owner = window
        self._session: StoreSession | None = None
        self._url: StoreUrl | None = None
        self._checker = Checker(self)
        self.window: CheckWindow | None = None
        self._checker.found.connect(self._on_found)
        self._checker.progressed.connect(self._on_progressed)
        self._checker.finished.connect(self._on_finished)
        self._checker.failed.connect(self._on_check_failed)
        stack.change_done.connect(self._on_change_done)
        stack.change_failed.connect(self._on_change_failed)

    def set_session(self, session: StoreSession | None, url: StoreUrl | str | None) -> None:
        """Check another store.

        Args:
            session: The open store, or None.
            url: Its address as it was given, with a password if it has one.
        """
        self._checker.cancel()
        if self.window is not None:
            self.window.close()
        self._session = session
        self._url = None if session is None or url is None else StoreUrl.parse(url)

    def show(self) -> None:
        """Show the Check window, and begin to check."""
        if self._session is None or self._session.info is None:
            return
        if self.window is None:
            info = self._session.info
            window = CheckWindow(
                title_of(info.uri), can_write=not info.read_only, parent=self._owner
            )
            window.check_requested.connect(self._start)
            window.cancelled.connect(self._cancel)
            window.object_chosen.connect(self.object_chosen)
            window.repair_requested.connect(self.repair)
            window.recover_requested.connect(self._recover_open)
            window.finished.connect(self._on_closed)
            self.window = window
            window.show()
            self._start(orphans=False)
        self.window.raise_()
        self.window.activateWindow()

    def repair(self, problems: list[Problem]) -> None:
        """Work out some repairs, and ask before they are made."""
        if self._session is None or not problems:
            return
        if problems[0].repairs[0].remedy is Remedy.REFER:
            picker = ObjectPicker(self._session, problems[0].id_, _REFER, self.window)
            picker.picked.connect(partial(self._refer, problems))
            picker.finished.connect(picker.deleteLater)
            picker.open()
            return
        self._plan(problems)

    def ways_out(self, url: StoreUrl | str | None, error: BaseException) -> list[Button]:
        """Return what can be done about a store that cannot be opened: recover it."""
        path = _damaged_file(url, error)
        if path is None:
            return []
        return [Button("&Recover…", partial(self.recover, path), "restore", "recoverButton")]

    def recover(self, path: Path) -> None:
        """Let the user choose a new file, and recover a corrupt database into it."""
        suggested = path.with_name(f"{path.stem}-recovered{path.suffix or '.db'}")
        chosen, _ = QFileDialog.getSaveFileName(
            self._owner,
            "Recover Into a New Database",
            str(suggested),
            "SQLite databases (*.db *.sqlite *.sqlite3);;All files (*)",
            # A new file is asked for: nothing is ever written over.
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if chosen:
            self.recover_into(path, Path(chosen))

    def recover_into(self, path: Path, target: Path) -> None:
        """Recover a corrupt database into a new file, and show what came of it."""
        dialog = RecoveryDialog(path, target, self._owner)
        dialog.open_requested.connect(self.open_requested)
        dialog.open()

    # The check

    def _start(self, orphans: bool) -> None:
        if self._url is None or self.window is None:
            return
        self.window.begin()
        former = former_in(self._stack.journal, self._stack.address)
        self._checker.start(self._url, former, orphans=orphans)

    def _cancel(self) -> None:
        if self._checker.is_at_work:
            self._checker.cancel()
            if self.window is not None:
                self.window.end("The check was cancelled.")

    def _on_found(self, problems: list[Problem]) -> None:
        if self.window is not None:
            self.window.add(problems)

    def _on_progressed(self, done: int, total: int) -> None:
        if self.window is not None:
            self.window.show_progress(done, total)

    def _on_finished(self) -> None:
        if self.window is not None:
            self.window.end()

    def _on_check_failed(self, error: BaseException) -> None:
        if not isinstance(error, StoreError):
            raise error
        if self.window is not None:
            self.window.end(str(error))

    def _on_closed(self) -> None:
        self._checker.cancel()
        self.window = None

    # Repairs

    def _refer(self, problems: list[Problem], target: str) -> None:
        self._plan(
            [
                replace(p, repairs=(replace(p.repairs[0], other=target),))
                for p in problems
                if target != p.other
            ]
        )

    def _plan(self, problems: list[Problem]) -> None:
        if self._session is None:
            return
        former = former_in(self._stack.journal, self._stack.address)
        self._session.call(lambda store: plan(store, problems, former)).then(
            self._on_planned, self._on_failed
        )

    def _on_planned(self, made: Plan) -> None:
        if self.window is None:
            return
        dialog = RepairDialog(made, self.window)
        dialog.comparison_requested.connect(self._comparisons.show)
        dialog.accepted.connect(partial(self._make, made))
        dialog.finished.connect(dialog.deleteLater)
        dialog.show()  # not modal: comparisons are looked at beside it

    def _make(self, made: Plan) -> None:
        self._stack.make(Act.REPAIR, label_of(made), objects_of(made), lambda _: records_of(made))

    def _on_change_done(self, label: str, _way: Way, _ids: list[str]) -> None:
        if self.window is not None and label.startswith(_REPAIR):
            self._start(self.window.orphans.isChecked())

    def _on_change_failed(self, label: str, _way: Way, error: BaseException) -> None:
        if label.startswith(_REPAIR):
            self._on_failed(error)

    def _on_failed(self, error: BaseException) -> None:
        if not isinstance(error, StoreError):
            raise error
        if self.window is not None:
            self.window.banner.show_sentence(str(error), Mood.FAILURE)

    def _recover_open(self) -> None:
        if self._url is not None:
            self.recover(Path(self._url.path))


def _damaged_file(url: StoreUrl | str | None, error: BaseException) -> Path | None:
    """Return the file that is a corrupt database, if that is why it cannot be opened."""
    try:
        address = None if url is None else StoreUrl.parse(url)
    except StoreError:
        return None
    if address is None or address.base_scheme not in ("file", "sqlite"):
        return None
    path = Path(address.path)
    if not os.path.isfile(path):
        return None
    # Without its header it is known by its name only.
    is_headless = path.suffix.lower() in _ENDINGS and not is_sqlite_file(path)
    return path if is_damage(error) or is_headless else None
