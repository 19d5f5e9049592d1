"""Makes the changes of values that the user has asked for: a question, one command, the cursor.

The inspector makes the changed pickle. Where the value is seen at several places, a bar above
the tree asks whether all are meant. What is written is one undo command, and only if the object
still is of the version that the user saw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from app.actions.commands import ChangeStack, Way
from app.actions.edit import Spot, changes_own_id, label_of, path_after, places_text, record_of
from app.actions.journal import Act
from app.window.banner import Mood
from app.window.edit_cursor import EditCursor
from app.window.inspector_panel import InspectorPanel
from app.work.records import Editing
from app.work.session import StoreSession
from persistence.errors import StoreError
from persistence.pickles.edit import Change
from persistence.pickles.texts import escaped

__all__ = ["Asker", "EditWriter", "Wish"]

_MOST_MADE = 200  # changes of which the places are remembered


class Asker(Protocol):
    """What asked for a change, and waits to hear what came of it."""

    def complain(self, sentence: str) -> None:
        """Say why it is not made."""

    def finish(self) -> None:
        """Go: it will be made."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A change that the user wants.

    Attributes:
        spot: The line.
        change: The change.
        editing: What was known of the value when it was asked for.
        former: The value that was there, for the label.
        asker: What asked for it, or None.
    """

    spot: Spot
    change: Change
    editing: Editing
    former: str = ""
    asker: Asker | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    """A change that was made.

    Attributes:
        shown: The object at the top of the tree then.
        wish: The change.
    """

    shown: str | None
    wish: Wish


class EditWriter(QObject):
    """Makes changes of values, one at a time.

    Signals:
        told: A sentence on why nothing was done.
    """

    told = Signal(str)

    def __init__(self, stack: ChangeStack, inspector: InspectorPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._stack = stack
        self._inspector = inspector
        self._view = inspector.view
        self._bar = inspector.edit_bar
        self._session: StoreSession | None = None
        self._cursor = EditCursor(inspector, self)
        self._waiting: list[Callable[[], object]] = []
        self._writing: Wish | None = None
        self._made: dict[str, _Made] = {}
        stack.moved.connect(self._go_on)
        stack.change_done.connect(lambda label, way, _: self._on_done(label, way))
        stack.change_failed.connect(lambda *_: self._forget_writing())

    def set_session(self, session: StoreSession | None) -> None:
        """Change objects of another store."""
        self._bar.hide()
        self._waiting.clear()
        self._made.clear()
        self._forget_writing()
        self._cursor.set_session(session)
        self._session = session

    def make(self, wish: Wish) -> None:
        """Make a change; ask first where it is not clear what is meant, or that it is meant."""
        if changes_own_id(wish.change, wish.spot.id_):
            self._finish(wish)
            name = wish.change.path
            self._bar.show_sentence(
                f"{name} is what the object itself takes for its ID. If it differs from "
                f"{escaped(wish.spot.id_)}, GC3Pie does not load the object. Change it?",
                Mood.NOTICE,
                [
                    ("C&hange", partial(self._answer, self._make, replace(wish, asker=None))),
                    ("&Cancel", self._view.setFocus),
                ],
            )
            self._bar.focus_first()
            return
        self._make(wish)

    def _make(self, wish: Wish) -> None:
        if self._session is None:
            return
        is_shared = len(wish.editing.places) > 1
        go = partial(self._ask_where if is_shared else self._write, wish)
        self._session.changed(wish.spot.id_, wish.change).then(
            go, partial(self._on_impossible, wish)
        )

    def when_idle(self, act: Callable[[], object]) -> None:
        """Do something now, or when the change that is being written is through."""
        self._waiting.append(act)
        self._go_on()

    def say(self, sentence: str) -> None:
        """Say above the tree why something is not done."""
        self._bar.show_sentence(sentence, Mood.NOTICE)

    def on_refused(self, error: BaseException) -> None:
        """Say above the tree what an error says."""
        if not isinstance(error, StoreError):
            raise error
        self.say(str(error))

    def _ask_where(self, wish: Wish, pair: tuple[bytes, bytes]) -> None:
        """Ask whether a shared value is meant at all of its places."""
        self._finish(wish)
        editing = wish.editing
        alone = Wish(
            wish.spot,
            replace(wish.change, everywhere=False),
            replace(editing, places=()),
            wish.former,
        )
        self._bar.show_sentence(
            f"This is seen at {len(editing.places):,} places: {places_text(editing.places)}. "
            "Change it everywhere?",
            Mood.NOTICE,
            [
                (
                    "&Everywhere",
                    partial(self._answer, self._write, replace(wish, asker=None), pair),
                ),
                ("&Only Here", partial(self._answer, self._make, alone)),
                ("&Cancel", self._view.setFocus),
            ],
        )
        self._bar.focus_first()

    def _answer(self, act: Callable[..., None], *arguments: object) -> None:
        self._view.setFocus()
        act(*arguments)

    def _write(self, wish: Wish, pair: tuple[bytes, bytes]) -> None:
        self._finish(wish)
        before, after = pair
        if before == after:
            self.told.emit("Nothing is different")
            return
        id_, version = wish.spot.id_, wish.editing.version
        label = label_of(wish.change, escaped(id_), wish.former)

        def write() -> None:
            self._writing = wish
            self._stack.make(
                Act.EDIT,
                label,
                [id_],
                lambda _: [record_of(id_, before, after)],
                {id_: version},
            )

        self.when_idle(write)

    def _on_done(self, label: str, way: Way) -> None:
        """Go to the value: where it is now, or where it was if the change was taken back."""
        wish = self._writing
        self._forget_writing()
        if wish is not None:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            self._made[label] = _Made(self._inspector.id_, wish)
        made = self._made.get(label)
        if made is not None and made.shown == self._inspector.id_:
            spot = made.wish.spot
            is_undone = way is Way.UNDO
            there = spot.address if is_undone else path_after(spot, made.wish.change)
            self._cursor.go_to(spot, there)

    def _forget_writing(self) -> None:
        self._writing = None

    def _finish(self, wish: Wish) -> None:
        if wish.asker is not None:
            wish.asker.finish()

    def _on_impossible(self, wish: Wish, error: BaseException) -> None:
        if wish.asker is not None and isinstance(error, StoreError):
            wish.asker.complain(str(error))
        else:
            self.on_refused(error)

    def _go_on(self) -> None:
        while self._waiting and not self._stack.is_busy:
            self._waiting.pop(0)()
