"""Asks for another class of an object, of all objects of its class, or another module."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QRadioButton, QVBoxLayout, QWidget

from app.actions.edit import Spot, places_text
from app.window.change_dialog import ChangeDialog, literal_line
from app.window.theme import GRID
from app.work.records import FoundRow
from app.work.session import StoreSession
from app.work.task import Task
from persistence.pickles.edit import Change
from persistence.pickles.search import Query
from persistence.pickles.texts import shortened

__all__ = ["ReclassDialog"]

_MOST_COUNTED = 1_000
_REST_MS = 150


class ReclassDialog(ChangeDialog):
    """Has objects be of a class with another name, as after code has moved."""

    def __init__(self, session: StoreSession, spot: Spot, parent: QWidget | None = None) -> None:
        """Make the dialog.

        Args:
            session: The open store; it counts what would be changed.
            spot: The line of an object.
            parent: Owning window.
        """
        self._session = session
        self._spot = spot
        self._class = spot.row.type
        self._module = self._class.rpartition(".")[0]
        self._task: Task | None = None
        self._count = ""
        what = spot.address or "The object itself"
        super().__init__(
            f"Change Class of {shortened(spot.address or spot.id_, 60)}",
            f"{shortened(what, 60)} is of the class {self._class}. The class need not exist "
            "here; nothing is imported.",
            "&Change",
            parent,
        )
        self.setObjectName("reclassDialog")
        self.this = QRadioButton("&This object only", self)
        self.this.setObjectName("reclassThis")
        self.all = QRadioButton(f"&All of this class in {spot.id_}", self)
        self.all.setObjectName("reclassAll")
        self.module = QRadioButton(f"The whole &module, in {spot.id_}", self)
        self.module.setObjectName("reclassModule")
        self.this.setChecked(True)
        holder = QWidget(self)
        choices = QVBoxLayout(holder)
        choices.setContentsMargins(0, 0, 0, 0)
        choices.setSpacing(GRID)
        for button in (self.this, self.all, self.module):
            choices.addWidget(button)
            button.toggled.connect(self._on_extent_changed)
        self.old = literal_line("reclassOld", self)
        self.old.setText(self._module)
        self.new = literal_line("reclassNew", self)
        self.new.setText(self._class)
        self.form.addRow("Change:", holder)
        self.form.addRow("&Old module:", self.old)
        self.form.addRow("&New name:", self.new)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._count_places)
        self.new.textChanged.connect(self.look)
        self.old.textChanged.connect(lambda _: self._on_old_changed())
        self._on_extent_changed()
        self.new.setFocus()
        self.new.selectAll()

    def change(self) -> Change | None:
        new, old = self.new.text().strip(), self.old.text().strip()
        path = self._spot.address
        if self.module.isChecked():
            is_other = bool(new) and bool(old) and new != old
            return Change("rename_module", "", new, old=old) if is_other else None
        if not new or new == self._class:
            return None
        return Change("reclass_all" if self.all.isChecked() else "reclass", path, new)

    def result_line(self) -> str:
        old = self.old.text().strip() if self.module.isChecked() else self._class
        new = self.new.text().strip() or "…"
        return f"{old} → {new}\n{self._count}".strip()

    def _on_extent_changed(self, *_: object) -> None:
        is_module = self.module.isChecked()
        self.form.setRowVisible(self.old, is_module)
        typed = self.new.text()
        if is_module and typed == self._class:
            self.new.setText(self.old.text())
        elif not is_module and typed == self.old.text():
            self.new.setText(self._class)
        self._on_old_changed()

    def _on_old_changed(self) -> None:
        self._count = "" if self.this.isChecked() else "counting…"
        self.look()
        self._rest.start()

    def _count_places(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self.this.isChecked():
            return
        name = re.escape(self.old.text().strip() if self.module.isChecked() else self._class)
        pattern = rf"\A{name}(\.|\Z)" if self.module.isChecked() else rf"\A{name}\Z"
        query = Query(pattern, is_regex=True, case_sensitive=True)
        self._task = self._session.find(self._spot.id_, query, _MOST_COUNTED).then(
            self._on_counted, lambda error: self._say_count(str(error))
        )

    def _on_counted(self, found: Sequence[FoundRow]) -> None:
        places = tuple(row.address for row in found if row.part == "type")
        if not places:
            self._say_count("Nothing in this object has such a class.")
        elif len(found) >= _MOST_COUNTED:
            self._say_count(f"{len(places):,} places or more: {places_text(places)}.")
        else:
            count = "1 place" if len(places) == 1 else f"{len(places):,} places"
            self._say_count(f"{count}: {places_text(places)}.")

    def _say_count(self, sentence: str) -> None:
        self._task = None
        self._count = sentence
        self.show_result()

    # Qt

    def done(self, result: int) -> None:
        self._rest.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None
        super().done(result)
