"""Asks for a new value: where it goes, and what it is."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QLabel, QSpinBox, QWidget

from app.actions.draft import key_literal
from app.actions.edit import Container, Place, place_in
from app.window.change_dialog import ChangeDialog, literal_line
from persistence.errors import LiteralError
from persistence.pickles import present
from persistence.pickles.edit import Change
from persistence.pickles.texts import shortened
from persistence.pickles.values import parse_value

__all__ = ["InsertDialog"]

_LONGEST_CHECKED = 4_000  # characters
_LONGEST_SHOWN = 300
_WORDS = {Place.ATTRIBUTE: "Attribute", Place.KEY: "Key", Place.POSITION: "Position"}


class InsertDialog(ChangeDialog):
    """Puts a value into an object, a dictionary or a list; or at the end of a list or set."""

    def __init__(
        self,
        container: Container,
        id_: str,
        *,
        at: int | None = None,
        appends: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """Make the dialog.

        Args:
            container: What the value goes into.
            id_: The object that this is in.
            at: The position that is offered; at the end by default.
            appends: Whether the value goes to the end, and no place is asked for.
            parent: Owning window.
        """
        what = f"{container.address} of {id_}" if container.address else id_
        verb = "Append to" if appends else "Insert Into"
        super().__init__(
            f"{verb} {shortened(what, 60)}",
            "Type the value as in Python: 12.5, 'text', ['a', 'b'], {'key': True}.",
            "&Append" if appends else "&Insert",
            parent,
        )
        self.setObjectName("insertDialog")
        self._container = container
        self._appends = appends
        self.kind = QComboBox(self)
        self.kind.setObjectName("insertKind")
        for place in container.places:
            self.kind.addItem(_WORDS[place], place)
        self.name = literal_line("insertName", self)
        self.position = QSpinBox(self)
        self.position.setObjectName("insertPosition")
        self.position.setRange(0, max(container.size, 0))
        self.position.setValue(container.size if at is None else at)
        self.value = literal_line("insertValue", self)
        if not appends:
            if self.kind.count() > 1:
                self.form.addRow("&As:", self.kind)
            self.form.addRow("&Name:", self.name)
            self.form.addRow("&Position:", self.position)
        self.form.addRow("&Value:", self.value)
        for field in (self.kind, self.name, self.position):
            field.setVisible(not appends)
        self.kind.setVisible(not appends and self.kind.count() > 1)
        if at is not None and Place.POSITION in container.places:
            self.kind.setCurrentIndex(container.places.index(Place.POSITION))
        self.kind.currentIndexChanged.connect(self._on_kind_changed)
        self.name.textChanged.connect(self.look)
        self.position.valueChanged.connect(self.look)
        self.value.textChanged.connect(self.look)
        self._on_kind_changed()
        (self.name if self._place in (Place.ATTRIBUTE, Place.KEY) else self.value).setFocus()

    def change(self) -> Change | None:
        value = self.value.text().strip()
        path = self._path()
        if not value or path is None or self._value_problem():
            return None
        if self._appends:
            return Change("append", path, value)
        return Change("insert", path, value)

    def result_line(self) -> str:
        path, value = self._path(), self.value.text().strip()
        if path is None:
            return ""
        try:
            kind = present.type_name(parse_value(value[:_LONGEST_CHECKED]))
        except LiteralError:
            kind = "…"
        shown = shortened(value, _LONGEST_SHOWN) or "…"
        if self._appends:
            return f"{path or 'the object'} + {shown}  ({kind})"
        return f"{path} = {shown}  ({kind})"

    def problem(self) -> str:
        return self._value_problem() if self.value.text().strip() else ""

    @property
    def _place(self) -> Place | None:
        place = self.kind.currentData()
        return None if self._appends or place is None else Place(place)

    def _path(self) -> str | None:
        """Return the path that the change is to have, or None while there is no name."""
        place = self._place
        if place is None:
            return self._container.address
        text = str(self.position.value()) if place is Place.POSITION else self.name.text().strip()
        if not text:
            return None
        return place_in(self._container, place, key_literal(text) if place is Place.KEY else text)

    def _value_problem(self) -> str:
        value = self.value.text().strip()
        if len(value) > _LONGEST_CHECKED:
            return ""
        try:
            parse_value(value)
        except LiteralError as error:
            return error.reason
        return ""

    def _on_kind_changed(self, *_: object) -> None:
        if not self._appends:
            has_position = self._place is Place.POSITION
            self.form.setRowVisible(self.name, not has_position)
            self.form.setRowVisible(self.position, has_position)
            label = self.form.labelForField(self.name)
            if isinstance(label, QLabel):
                label.setText("&Key:" if self._place is Place.KEY else "&Name:")
        self.look()
