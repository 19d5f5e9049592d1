"""Delete, replace, restore and undo from the user's side: questions, banners, what was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.actions.commands import ChangeStack, Way, fingerprint, phrase
from app.actions.delete import (
    DeletionPlan,
    StoreLinks,
    plan_deletion,
    records_to_delete,
    versions_of,
)
from app.actions.journal import Act, Deleted, JournalRecord
from app.actions.replace import content_of_file, content_of_object
from app.window.banner import Banner, Mood
from app.window.compare_window import Version
from app.window.delete_dialog import DeleteAnswer, DeleteDialog
from app.window.object_picker import REPLACE, ObjectPicker
from app.window.recently_deleted_dialog import RecentlyDeletedDialog
from app.work.session import StoreSession
from persistence.errors import ConflictError, ObjectNotFound, StoreError
from persistence.pickles.texts import escaped
from persistence.store import Store

__all__ = ["ChangeFlow"]

_LARGEST_KEPT = 4 * 1024 * 1024  # bytes of the version that is looked at
_PAST = {
    "Append": "Appended",
    "Change": "Changed",
    "Delete": "Deleted",
    "Edit": "Edited",
    "Insert": "Inserted",
    "Move": "Moved",
    "Point": "Pointed",
    "Rename": "Renamed",
    "Repair": "Repaired",
    "Replace": "Replaced",
    "Restore": "Restored",
}


class ChangeFlow(QObject):
    """Leads the user through every change of the open store.

    Signals:
        told: What was done, and whether it can be undone.
        refresh_requested: The user wants to see the store as it is now.
        comparison_requested: Two `Version`s of an object that the user wants to see beside
            each other: as it was read, and as it is stored.
    """

    told = Signal(str, bool)
    refresh_requested = Signal()
    comparison_requested = Signal(object, object)

    def __init__(self, stack: ChangeStack, banner: Banner, window: QWidget) -> None:
        super().__init__(window)
        self._stack = stack
        self._banner = banner
        self._window = window
        self._session: StoreSession | None = None
        self._folder = ""
        self._seen: _Version | None = None
        self._former: _Version | None = None
        self._edited: _Version | None = None
        self._own_changes: set[str] = set()
        stack.change_started.connect(self._own_changes.update)
        stack.change_done.connect(self._on_done)
        stack.change_failed.connect(self._on_failed)

    def set_session(self, session: StoreSession | None) -> None:
        """Change objects of another store."""
        self._session = session
        self._seen = self._former = self._edited = None
        self._own_changes.clear()

    def note_seen(self, id_: str) -> None:
        """Remember the version of an object that the user looks at now."""
        if self._seen is not None and self._seen.id_ == id_:
            self._former = self._seen
        self._seen = None
        if self._session is not None:
            self._session.version(id_, _LARGEST_KEPT).then(
                lambda found: self._on_version(_Version(id_, *found)), lambda _: None
            )

    def note_edited(self, id_: str) -> None:
        """Remember the version of an object of which a value is edited, for a comparison."""
        if self._session is not None:
            self._session.version(id_, _LARGEST_KEPT).then(
                lambda found: self._on_edited_version(_Version(id_, *found)), lambda _: None
            )

    def take_own_changes(self, ids: list[str]) -> list[str]:
        """Return which of some changed objects were changed by others than this window."""
        others = [id_ for id_ in ids if id_ not in self._own_changes]
        self._own_changes.difference_update(ids)
        return others

    def delete(self, ids: list[str], *, with_below: bool = False) -> None:
        """Delete objects; ask first where others refer to them.

        Args:
            ids: What to delete.
            with_below: Whether also what only they lead to.
        """
        if self._session is None or not ids:
            return
        if self._session.is_scanned:
            task = self._session.call_index(lambda index: plan_deletion(index, ids))
        else:
            task = self._session.call(lambda store: plan_deletion(StoreLinks(store), ids))
        task.then(partial(self._on_planned, with_below), partial(self._on_failed, "Delete", Way.DO))

    def replace_from_file(self, id_: str) -> None:
        """Let the user choose a pickle file as the new content of an object."""
        chosen, _ = QFileDialog.getOpenFileName(
            self._window,
            f"Replace {escaped(id_)} From a Pickle File",
            self._folder,
            "Pickle files (*.pickle *.pkl *.p);;All files (*)",
        )
        if chosen:
            self._folder = str(Path(chosen).parent)
            self.replace_by_file(id_, Path(chosen))

    def replace_by_file(self, id_: str, path: Path) -> None:
        """Put the content of a pickle file in place of an object."""
        self._replace(id_, lambda store: content_of_file(store, id_, path))

    def replace_from_object(self, id_: str) -> None:
        """Let the user choose another object whose content this one gets."""
        if self._session is None:
            return
        picker = ObjectPicker(self._session, id_, REPLACE, self._window)
        picker.picked.connect(partial(self.replace_by_object, id_))
        picker.finished.connect(picker.deleteLater)
        picker.open()

    def replace_by_object(self, id_: str, other: str) -> None:
        """Put the content of another object in place of an object."""
        self._replace(id_, lambda store: content_of_object(store, id_, other))

    def show_recently_deleted(self) -> None:
        """Offer to bring deleted objects back."""
        if self._session is None:
            return
        journal, address = self._stack.journal, self._stack.address

        def find(store: Store) -> list[Deleted]:
            return [row for row in journal.deleted(address) if row.id_ not in store]

        self._session.call(find).then(
            self._on_deleted_found, partial(self._on_failed, "Recently Deleted", Way.DO)
        )

    def _on_planned(self, with_below: bool, plan: DeletionPlan) -> None:
        if not plan.ids or self._session is None:
            self.refresh_requested.emit()
            return
        ids = plan.ids + plan.below
        self._session.call(lambda store: versions_of(store, ids)).then(
            partial(self._decide, with_below, plan),
            partial(self._on_failed, "Delete", Way.DO),
        )

    def _decide(self, with_below: bool, plan: DeletionPlan, versions: dict[str, str]) -> None:
        """Ask where that is needed, and delete the versions that were there before asking."""
        if not plan.referrers:
            self._delete(plan.ids + (plan.below if with_below else ()), versions)
            return
        dialog = DeleteDialog(plan, self._window)

        def decided() -> None:
            dialog.deleteLater()
            if dialog.answer is DeleteAnswer.WITH_BELOW:
                self._delete(plan.ids + plan.below, versions)
            elif dialog.answer is DeleteAnswer.THESE:
                self._delete(plan.ids, versions)

        dialog.finished.connect(lambda _: decided())
        dialog.open()

    def _delete(self, ids: tuple[str, ...], versions: dict[str, str]) -> None:
        self._stack.make(
            Act.DELETE,
            "Delete " + phrase(ids),
            ids,
            lambda store: records_to_delete(store, ids),
            {**versions, **self._expected(ids)},
        )

    def _replace(self, id_: str, content: Callable[[Store], bytes]) -> None:
        def read(store: Store) -> list[JournalRecord]:
            after = content(store)
            found = records_to_delete(store, [id_])
            if not found:
                raise ObjectNotFound(id_, str(store.url))
            return [replace(record, after=after) for record in found]

        self._stack.make(Act.REPLACE, f"Replace {escaped(id_)}", [id_], read, self._expected([id_]))

    def _expected(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the version that the user looks at, if it is one of some objects."""
        seen = self._seen
        return {seen.id_: seen.fingerprint} if seen is not None and seen.id_ in ids else {}

    def _on_version(self, version: _Version) -> None:
        self._seen = version

    def _on_edited_version(self, version: _Version) -> None:
        self._edited = version

    def _on_deleted_found(self, rows: list[Deleted]) -> None:
        if self._session is None:
            return
        info = self._session.info
        can_write = info is not None and not info.read_only
        dialog = RecentlyDeletedDialog(rows, can_write=can_write, parent=self._window)
        dialog.restore_requested.connect(self._stack.restore)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_done(self, label: str, way: Way, ids: list[str]) -> None:
        verb, _, rest = label.partition(" ")
        if way is Way.UNDO:
            self.told.emit(f"Undone: {label}", False)
            return
        what = rest if len(ids) < 3 else f"{len(ids):,} objects"
        self.told.emit(f"{_PAST.get(verb, verb)} {what}", True)

    def _on_failed(self, label: str, way: Way, error: BaseException) -> None:
        if isinstance(error, ConflictError):
            self._show_conflict(label, way, error)
        elif isinstance(error, StoreError):
            self._banner.show_sentence(f"{_said(label, way)} was not done. {error}", Mood.FAILURE)
        else:
            raise error

    def _show_conflict(self, label: str, way: Way, error: ConflictError) -> None:
        self._banner.show_sentence(
            f"{_said(label, way)} was not done. {error}",
            Mood.WARNING,
            [
                ("&Refresh", self.refresh_requested.emit),
                ("See &Difference", partial(self._show_difference, error.id_, error.expected)),
            ],
        )

    def _show_difference(self, id_: str, expected: str) -> None:
        if self._session is None:
            return
        journal, address = self._stack.journal, self._stack.address
        versions = (self._seen, self._former, self._edited)
        looked_at = [v for v in versions if v is not None and v.id_ == id_]

        def find(_: Store) -> bytes | None:
            known = journal.versions(address, id_)
            known += [version.data for version in looked_at if version.data is not None]
            return next((data for data in known if fingerprint(data) == expected), None)

        self._session.call(find).then(partial(self._compare, id_, expected))

    def _compare(self, id_: str, expected: str, data: bytes | None) -> None:
        reason = "It was too large to be kept." if expected else "There was no such object."
        self.comparison_requested.emit(
            Version(f"{id_} as it was read", data, reason), Version(f"{id_} as it is stored", id_)
        )


@dataclass(frozen=True, slots=True)
class _Version:
    """A version of an object.

    Attributes:
        id_: Persistent ID.
        fingerprint: Of its pickle; "" for "no object".
        data: Its pickle; None where it is too large to be kept.
    """

    id_: str
    fingerprint: str
    data: bytes | None


def _said(label: str, way: Way) -> str:
    return {Way.DO: label, Way.UNDO: f"Undo of “{label}”", Way.REDO: f"Redo of “{label}”"}[way]
