"""What stands for a value while nothing is made: enough to say what would be called.

A constant is the offset of its opcode, so that it costs nothing until someone looks at it;
all else is a `Thing`. Of what a container holds only the first parts are kept: they are
what is shown, and what is passed to functions with a few arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from persistence.pickles.opcodes import UNKNOWN, Place, constant, scan
from persistence.pickles.risks import Judgement, Risk
from persistence.pickles.texts import escaped, integer_text, quoted, shortened, text_of

__all__ = ["CUT", "KEPT_PARTS", "LONGEST_NAME", "LONGEST_PREVIEW", "Constants", "Thing", "Value"]
__all__ += ["place_at", "shown_name", "title"]

KEPT_PARTS = 8
LONGEST_NAME = 500
LONGEST_PREVIEW = 200
CUT = "…"
"""At the end of a name that is longer than any that a class has."""
_LONGEST_TEXT = 80
_DEEPEST_PREVIEW = 3


class Thing:
    """Anything on the stack that is not a constant; constants are their offsets.

    Attributes:
        kind: "name", "made", "reference", "buffer", or the kind of a container.
        judgement: What is known about the name, or about what made it.
        module: Of a name.
        name: Of a name, with dots; "" for a module.
        maker: What was called to make it.
        parts: The first that a container holds, keys and values in turn; the arguments.
        count: How many there are.
        planted: Attributes that the machine itself will call, by name.
    """

    __slots__ = ("count", "judgement", "kind", "maker", "module", "name", "parts", "planted")

    def __init__(self, kind: str, parts: Sequence[Value] = (), judgement: Any = None) -> None:
        self.kind = kind
        self.parts = list(parts[:KEPT_PARTS])
        self.count = len(parts)
        self.judgement: Judgement = judgement or _PLAIN
        self.module = self.name = ""
        self.maker: Value | None = None
        self.planted: dict[str, Value] | None = None


Value = Thing | int
_PLAIN = Judgement(Risk.HARMLESS, "is plain data", "")


class Constants:
    """The constants of one pickle, read when they are looked at.

    Args:
        data: The pickle.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._texts: dict[int, str] = {}  # by offset: many may ask for one long text

    def text(self, value: Value) -> str | None:
        """Return a constant text, also of bytes; None for anything else."""
        if not isinstance(value, int):
            return None
        known = self._texts.get(value)
        if known is None:
            place = place_at(self._data, value)
            found = constant(self._data, place, LONGEST_NAME)
            if isinstance(found, bytes):
                found = text_of(found)
            if not isinstance(found, str):
                return None
            is_cut = place.end - place.start > LONGEST_NAME
            known = self._texts[value] = found + CUT if is_cut else found
        return known

    def shown_all(self, values: Sequence[Value], depth: int = 0) -> str:
        """Return the first of some values in one line."""
        shown: list[str] = []
        length = 0
        for value in values[:KEPT_PARTS]:
            if length > LONGEST_PREVIEW:
                break
            shown.append(self.shown(value, depth))
            length += len(shown[-1])
        return ", ".join(shown)

    def shown(self, value: Value, depth: int = 0) -> str:
        """Return a value in one line, as far as it is short."""
        if isinstance(value, int):
            return self._shown_constant(value)
        if value.kind in ("name", "made") or depth >= _DEEPEST_PREVIEW:
            return title(value) + ("(…)" if value.kind == "made" else "")
        if value.kind == "reference":
            return "a reference"
        if value.kind == "buffer":
            return "a buffer"
        opening, closing = _BRACKETS[value.kind]
        inner = self.shown_all(value.parts, depth + 1)
        if value.kind == "dict" and value.parts:
            inner = f"{self.shown(value.parts[0], depth + 1)}: …"
        more = ", …" if value.count > len(value.parts) and value.kind != "dict" else ""
        only = "," if value.kind == "tuple" and value.count == 1 else ""
        return f"{opening}{inner}{more}{only}{closing}"

    def _shown_constant(self, offset: int) -> str:
        value = constant(self._data, place_at(self._data, offset), _LONGEST_TEXT * 4)
        if isinstance(value, str):
            return shortened(quoted(value[: _LONGEST_TEXT + 1]), _LONGEST_TEXT + 1)
        if isinstance(value, bytes):
            return shortened(repr(value[: _LONGEST_TEXT + 1]), _LONGEST_TEXT + 1)
        if isinstance(value, int) and not isinstance(value, bool):
            return shortened(integer_text(value), _LONGEST_TEXT)
        return "…" if value is UNKNOWN else str(value)


def title(value: Value) -> str:
    """Return what a name is called, or what made a value."""
    for wrapped in range(_DEEPEST_PREVIEW):
        if isinstance(value, int) or value.maker is None:
            if isinstance(value, int) or value.kind != "name":
                return "a call" if wrapped else "a value"
            name = shown_name(".".join(part for part in (value.module, value.name) if part))
            return name if wrapped < 2 else f"calling what {name} gave"
        value = value.maker
    return "many calls"


def shown_name(name: str) -> str:
    """Return a name as it may be shown, of limited length."""
    return shortened(escaped(name[: LONGEST_PREVIEW + 1]), LONGEST_PREVIEW)


def place_at(data: bytes, offset: int) -> Place:
    """Return where the opcode at an offset ends."""
    return next(scan(data, offset))


_BRACKETS = {
    "list": ("[", "]"),
    "tuple": ("(", ")"),
    "dict": ("{", "}"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
}
