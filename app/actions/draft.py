"""A value while it is typed: as a text without its quotes, or as a Python literal.

What is typed is checked here, without the object that it is for, so that an editor can tell at
every key. The inspector, which has the object, has the last word (`StoreSession.changed`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.work.records import NodeRow
from persistence.errors import LiteralError
from persistence.pickles import present
from persistence.pickles.values import parse_value

__all__ = ["Checked", "Draft", "key_literal"]

_LONGEST_CHECKED = 4_000  # characters; longer literals are checked when they are committed
_LONGEST_IN_CELL = 200
_UNKNOWN: Any = object()


@dataclass(frozen=True, slots=True)
class Checked:
    """What was typed, as far as it can be told without the object.

    Attributes:
        literal: What it is as a literal.
        type: The class that it has, or "" if that is seen only when it is committed.
        problem: Why it is no value, or "".
        changes_type: Whether the value was of another class.
    """

    literal: str
    type: str = ""
    problem: str = ""
    changes_type: bool = False


class Draft:
    """A value that is being edited.

    Attributes:
        literal: The value as it is stored.
        text: The same without quotes, or None if it is no text.
        type: Its class as it is shown.
        choices: What is offered to choose from, as it would be typed.
    """

    def __init__(self, row: NodeRow, literal: str) -> None:
        self.literal = literal
        self._is_unicode = literal.startswith(("u'", 'u"'))
        self._python2 = "python2" in row.marks or self._is_unicode
        self._value: Any = _UNKNOWN
        self.type = row.type.rpartition(".")[2]
        if len(literal) <= _LONGEST_CHECKED or literal[:1] in "u'\"":
            self._look(literal)
        self.text = _text_in(literal) if isinstance(self._value, (str, bytes)) else None
        self.choices: tuple[str, ...] = ()
        if isinstance(self._value, bool):
            self.choices = ("True", "False")

    @property
    def _like(self) -> Any:
        return None if self._value is _UNKNOWN else self._value

    @property
    def fits_in_cell(self) -> bool:
        """Whether it can be edited in one line."""
        shown = self.literal if self.text is None else self.text
        return len(shown) <= _LONGEST_IN_CELL and "\n" not in shown

    @property
    def starts_as_text(self) -> bool:
        """Whether it is best shown without quotes: a text without special characters."""
        return self.text is not None and self.text.isprintable()

    def literal_of(self, text: str) -> str:
        """Return a text as a literal of the kind that this value is."""
        return f"{'u' if self._is_unicode else ''}{text!r}"

    def text_of(self, literal: str) -> str | None:
        """Return the text that a literal stands for, or None if it is none."""
        return _text_in(literal)

    def check(self, typed: str, *, as_text: bool, keeps_float: bool = True) -> Checked:
        """Check what was typed.

        Args:
            typed: What stands in the editor.
            as_text: Whether it is a text without its quotes.
            keeps_float: Whether a whole number in the place of a float stays a float.
        """
        if as_text:
            return Checked(self.literal_of(typed), self.type)
        typed = typed.strip()
        if not typed:
            return Checked(typed, problem="There is no value; a text stands in quotes: ''.")
        if len(typed) > _LONGEST_CHECKED:
            return Checked(typed)
        try:
            value = parse_value(typed, like=self._like, python2=self._python2)
        except LiteralError as error:
            # What is typed may be clear to who knows the class of the value.
            return Checked(typed, problem=error.reason if self._value is not _UNKNOWN else "")
        if keeps_float and isinstance(self._value, float) and type(value) is int:
            try:
                typed, value = repr(float(value)), float(value)
            except OverflowError:
                return Checked(typed, problem="This number is too large for a float.")
        found = present.type_name(value, python2=self._python2)
        return Checked(typed, found, changes_type=found != self.type)

    def is_whole_in_float(self, typed: str) -> bool:
        """Whether a whole number was typed in the place of a float."""
        if not isinstance(self._value, float):
            return False
        return typed.strip().removeprefix("-").replace("_", "").isdecimal()

    def must_confirm(self, checked: Checked) -> bool:
        """Whether a change of type should be confirmed: not to or from None."""
        return checked.changes_type and "None" not in (self.type, checked.type)

    def _look(self, literal: str) -> None:
        try:
            self._value = parse_value(literal, python2=self._python2)
        except LiteralError:
            return
        self.type = present.type_name(self._value, python2=self._python2)


def _text_in(literal: str) -> str | None:
    try:
        value = parse_value(literal)
    except LiteralError:
        return None
    return value if type(value) is str else None


def key_literal(text: str) -> str:
    """Return what was typed as a key as a literal: a bare word stands for itself.

    >>> key_literal("temperature"), key_literal("'a b'"), key_literal("3")
    ("'temperature'", "'a b'", '3')
    """
    typed = text.strip()
    try:
        parse_value(typed)
    except LiteralError:
        is_words = typed.replace("-", "").replace(" ", "").replace("_", "").isalnum()
        return repr(typed) if is_words else typed
    return typed
