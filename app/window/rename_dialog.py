"""Asks for another name of an attribute, or another key of a value."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.actions.draft import key_literal
from app.actions.edit import Spot
from app.window.change_dialog import ChangeDialog, literal_line
from persistence.pickles.edit import Change
from persistence.pickles.paths import Attribute, Item
from persistence.pickles.texts import shortened

__all__ = ["RenameDialog"]


class RenameDialog(ChangeDialog):
    """Gives an attribute another name, or a value another key."""

    def __init__(self, spot: Spot, parent: QWidget | None = None) -> None:
        """Make the dialog.

        Args:
            spot: The line of the value.
            parent: Owning window.
        """
        step = spot.step
        self._is_key = isinstance(step, Item)
        self._former = step.text if isinstance(step, Item) else ""
        if isinstance(step, Attribute):
            self._former = step.name
        self._address = spot.address
        kind = "key" if self._is_key else "name"
        super().__init__(
            f"Rename {shortened(spot.address, 60)}",
            f"The value stays what it is and gets another {kind}.",
            "&Rename",
            parent,
        )
        self.setObjectName("renameDialog")
        self.name = literal_line("renameName", self)
        self.name.setText(self._former)
        self.name.selectAll()
        self.form.addRow("&Key:" if self._is_key else "&Name:", self.name)
        self.name.textChanged.connect(self.look)
        self.look()
        self.name.setFocus()

    def change(self) -> Change | None:
        new = self._new()
        if not new or new == self._former:
            return None
        return Change("rename", self._address, new)

    def result_line(self) -> str:
        if self.change() is None:
            return ""
        return f"{shortened(self._former, 100)} → {shortened(self._new(), 100)}"

    def _new(self) -> str:
        typed = self.name.text()
        return key_literal(typed) if self._is_key else typed.strip()
