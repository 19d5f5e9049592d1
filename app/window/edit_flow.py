"""Editing values in the tree from the user's side: which editor opens, or why none does.

Every change goes the same way. The inspector says what has to be known of the value (its
version, its text, where it is seen); an editor or a dialog asks for the new one; an
`EditWriter` makes the change.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QPersistentModelIndex, Signal
from PySide6.QtWidgets import QWidget

from app.actions.commands import ChangeStack
from app.actions.draft import Draft
from app.actions.edit import (
    Spot,
    verbs_at,
)
from app.models.object_tree import ObjectTreeModel
from app.models.states import states_beside
from app.window.change_dialog import ChangeDialog
from app.window.edit_writer import Asker, EditWriter, Wish
from app.window.insert_dialog import InsertDialog
from app.window.inspector_panel import InspectorPanel
from app.window.object_picker import ObjectPicker, Purpose
from app.window.reclass_dialog import ReclassDialog
from app.window.rename_dialog import RenameDialog
from app.window.spots import spot_at
from app.window.text_dialog import TextDialog
from app.window.value_editor import ValueEditor
from app.work.records import Editing
from app.work.session import StoreSession
from persistence.pickles.edit import Change
from persistence.pickles.texts import shortened

__all__ = ["EditFlow"]

_STATE_NAMES = frozenset(("state", "_state"))
_READ_ONLY = "The store is open for reading only; nothing in it can be changed."


class EditFlow(QObject):
    """Leads the user through every change of a value.

    Signals:
        told: A sentence on why nothing was done.
        begun: The object of which a value is going to be changed.
    """

    told = Signal(str)
    begun = Signal(str)

    def __init__(self, stack: ChangeStack, inspector: InspectorPanel, window: QWidget) -> None:
        super().__init__(window)
        self._stack = stack
        self._inspector = inspector
        self._view = inspector.view
        self._model: ObjectTreeModel = inspector.model
        self._bar = inspector.edit_bar
        self._window = window
        self._session: StoreSession | None = None
        self._writer = EditWriter(stack, inspector, self)
        self._editor: ValueEditor | None = None
        self._cell = QPersistentModelIndex()
        self._view.edit_requested.connect(self.edit)
        self._view.delete_requested.connect(self.delete)
        self._view.move_requested.connect(self.move)
        self._bar.dismissed.connect(self._view.setFocus)
        self._writer.told.connect(self.told)
        inspector.object_shown.connect(lambda _: self._bar.hide())
        stack.change_started.connect(lambda _: self._close_editor())

    @property
    def verbs(self) -> frozenset[str]:
        """What can be done at the current line, see `verbs_at`."""
        spot = self._spot()
        return frozenset() if spot is None else verbs_at(spot)

    def handlers(self) -> dict[str, Callable[[], object]]:
        """Return what each action that changes a value does, by its id."""
        return {
            "object.edit": self.edit,
            "object.insert": self.insert,
            "object.append": self.append,
            "object.rename": self.rename,
            "object.move_up": lambda: self.move(-1),
            "object.move_down": lambda: self.move(1),
            "object.refer": self.refer,
            "object.reclass": self.reclass,
            "object.delete_value": self.delete,
        }

    def set_session(self, session: StoreSession | None) -> None:
        """Change objects of another store."""
        self._close_editor()
        self._writer.set_session(session)
        self._session = session

    # The verbs

    def edit(self) -> None:
        """Open an editor for the current value; for a reference, let an object be chosen."""
        if self._editor is not None:
            self._editor.setFocus()
            return
        spot = self._spot_for("edit")
        if spot is None:
            return
        if spot.row.kind == "reference":
            self.refer()
            return
        self._begin(spot, Change("set", spot.address), self._open_editor)

    def insert(self) -> None:
        """Ask for a new value in what the current line is or stands in."""
        spot = self._spot_for("insert")
        container = spot.container if spot is not None else None
        if spot is not None and container is not None:
            at = spot.index if container == spot.holder else None
            self._begin_dialog(
                spot,
                Change("append", container.address),
                lambda: InsertDialog(container, spot.id_, at=at, parent=self._window),
            )

    def append(self) -> None:
        """Ask for a new value at the end of what the current line is or stands in."""
        spot = self._spot_for("append")
        container = spot.container if spot is not None else None
        if spot is not None and container is not None:
            self._begin_dialog(
                spot,
                Change("append", container.address),
                lambda: InsertDialog(container, spot.id_, appends=True, parent=self._window),
            )

    def rename(self) -> None:
        """Ask for another name or key of the current value."""
        spot = self._spot_for("rename")
        if spot is not None:
            change = Change("rename", spot.address)
            self._begin_dialog(spot, change, lambda: RenameDialog(spot, self._window))

    def reclass(self) -> None:
        """Ask for another class of the current object, of others like it, or of a module."""
        spot = self._spot_for("reclass")
        session = self._session
        if spot is not None and session is not None:
            change = Change("reclass", spot.address)
            self._begin_dialog(spot, change, lambda: ReclassDialog(session, spot, self._window))

    def refer(self) -> None:
        """Let the object be chosen that the current reference shall name."""
        spot = self._spot_for("refer")
        if spot is not None:
            self._begin(spot, Change("refer", spot.address), self._open_picker)

    def delete(self) -> None:
        """Take the current value out of what it stands in."""
        spot = self._spot_for("delete_value")
        if spot is not None:
            change = Change("delete", spot.address)
            self._begin(spot, change, partial(self._wish_at_once, change))

    def move(self, step: int) -> None:
        """Move the current item of a list up (-1) or down (1)."""
        spot = self._spot_for("move_up" if step < 0 else "move_down")
        if spot is not None and spot.index is not None and spot.holder is not None:
            change = Change("move", spot.address, str(spot.index + step))
            self._begin(spot, change, partial(self._wish_at_once, change))

    # Before a change

    def _spot(self) -> Spot | None:
        return spot_at(self._model, self._view.currentIndex())

    def _spot_for(self, verb: str) -> Spot | None:
        """Return the current line, or say why a verb cannot be done there."""
        spot = self._spot()
        if spot is None or self._session is None or self._session.info is None:
            return None
        if self._session.info.read_only:
            self._writer.say(_READ_ONLY)
            return None
        if verb not in verbs_at(spot):
            self._writer.say(_WHY_NOT.get(verb, "This cannot be changed."))
            return None
        return spot

    def _begin(self, spot: Spot, change: Change, go: Callable[[Spot, Editing], object]) -> None:
        """Find out what has to be known, once no change is being written."""
        self._bar.hide()
        if self._editor is not None:  # what is typed there comes first
            self._editor.leave()
            return

        def ask() -> None:
            if self._session is not None:
                self.begun.emit(spot.id_)
                path = spot.path if change.verb == "set" else None
                self._session.editing(spot.id_, path, change).then(
                    partial(go, spot), self._writer.on_refused
                )

        self._writer.when_idle(ask)

    def _open_editor(self, spot: Spot, editing: Editing) -> None:
        literal = editing.text
        if literal is None:
            self._writer.say(_cannot_be_typed(spot))
            return
        draft = Draft(spot.row, literal)
        if draft.text is not None and spot.row.name in _STATE_NAMES:
            draft.choices = states_beside(draft.text)
        former = literal if draft.text is None or len(literal) < 100 else spot.row.value
        if not draft.fits_in_cell:
            what = f"{spot.address} of {spot.id_}" if spot.address else spot.id_
            dialog = TextDialog(draft, shortened(what, 80), self._window)
            dialog.committed.connect(partial(self._on_typed, spot, editing, former, dialog))
            dialog.finished.connect(dialog.deleteLater)
            dialog.finished.connect(lambda _: self._view.setFocus())
            dialog.start()
            return
        index = self._view.currentIndex()
        now = self._spot()
        if now is None or (now.id_, now.address) != (spot.id_, spot.address):
            return  # the user has gone on
        editor = ValueEditor(draft, self._view.viewport())
        cell = _Cell(self, editor)
        editor.committed.connect(partial(self._on_typed, spot, editing, former, cell))
        editor.abandoned.connect(self._on_abandoned)
        self._editor = editor
        self._cell = QPersistentModelIndex(index)
        editor.destroyed.connect(self._on_editor_gone)
        self._view.open_editor(index, editor)

    def _begin_dialog(self, spot: Spot, change: Change, make: Callable[[], ChangeDialog]) -> None:
        """Open a dialog, once it is known that the change can be made."""

        def open_(spot: Spot, editing: Editing) -> None:
            dialog = make()
            dialog.committed.connect(partial(self._on_asked, spot, editing, dialog))
            dialog.finished.connect(dialog.deleteLater)
            dialog.finished.connect(lambda _: self._view.setFocus())
            dialog.open()

        self._begin(spot, change, open_)

    def _open_picker(self, spot: Spot, editing: Editing) -> None:
        if self._session is None:
            return
        target = spot.row.target or ""
        purpose = Purpose(
            f"Point {shortened(spot.address, 60)} To",
            f"{spot.address} of {spot.id_} refers to {target}. It will refer to the object "
            "chosen here. It can be undone.",
            "&Point There",
            "Refer to &Nothing",
        )
        picker = ObjectPicker(self._session, target, purpose, self._window)
        picker.picked.connect(partial(self._on_picked, spot, editing))
        nothing = Change("set", spot.address, "None")
        picker.none_picked.connect(lambda: self._writer.make(Wish(spot, nothing, editing, target)))
        picker.finished.connect(picker.deleteLater)
        picker.finished.connect(lambda _: self._view.setFocus())
        picker.open()

    # The change

    def _on_typed(
        self, spot: Spot, editing: Editing, former: str, asker: Asker, literal: str
    ) -> None:
        change = Change("set", spot.address, literal)
        self._writer.make(Wish(spot, change, editing, former, asker))

    def _on_picked(self, spot: Spot, editing: Editing, id_: str) -> None:
        self._writer.make(Wish(spot, Change("refer", spot.address, id_), editing))

    def _on_asked(self, spot: Spot, editing: Editing, dialog: ChangeDialog, change: Change) -> None:
        former = spot.row.type if change.verb == "reclass_all" else ""
        self._writer.make(Wish(spot, change, editing, former, dialog))

    def _wish_at_once(self, change: Change, spot: Spot, editing: Editing) -> None:
        self._writer.make(Wish(spot, change, editing))

    def _on_abandoned(self, sentence: str) -> None:
        self._close_editor()
        if sentence:
            self._writer.say(sentence)

    # The editor in the cell

    def _close_editor(self) -> None:
        editor, self._editor = self._editor, None
        if editor is not None:
            editor.destroyed.disconnect(self._on_editor_gone)
            editor.finish()
            self._view.close_editor(self._cell)

    def _on_editor_gone(self) -> None:
        """Its row was removed, with the editor in it; what it had in it has been committed."""
        self._editor = None


class _Cell:
    """The editor in a cell as one that asks: it may have gone with its row meanwhile."""

    def __init__(self, flow: EditFlow, editor: ValueEditor) -> None:
        self._flow = flow
        self._editor = editor

    def complain(self, sentence: str) -> None:
        """Say why the value is not changed."""
        is_open = self._flow._editor is self._editor
        if is_open and self._editor.isVisible():
            self._editor.complain(sentence)
            return
        if is_open:  # its row was removed; it will be deleted in a moment
            self._flow._close_editor()
        self._flow._writer.say(sentence)

    def finish(self) -> None:
        """Take the editor away."""
        if self._flow._editor is self._editor:
            self._flow._close_editor()


_WHY_NOT = {
    "edit": "What cannot be read cannot be changed either.",
    "delete_value": "Only what stands in an object, a list, a set or a dictionary can be taken "
    "out. Objects are deleted in the table.",
    "move_up": "Only items of a list that are not its first one can be moved up.",
    "move_down": "Only items of a list that are not its last one can be moved down.",
}


def _cannot_be_typed(spot: Spot) -> str:
    what = shortened(spot.address or spot.id_, 80)
    if spot.row.child_count:
        return (
            f"{what} is too large or of a class that cannot be typed. Open it and edit its parts."
        )
    if "cycle" in spot.row.marks:
        return f"{what} is one of the lines above. Edit it there."
    return f"{what} is of a class that cannot be typed as a literal."
