"""How exceptions look: as the last line of a traceback, with their notes and attributes."""

from __future__ import annotations

from typing import Any

from persistence.pickles.adapters.leaves import known_text
from persistence.pickles.classes import class_name, short_type
from persistence.pickles.nodes import Object
from persistence.pickles.texts import escaped, integer_text, quoted
from persistence.pickles.views import View, call, object_parts

__all__ = ["exception", "failed_command"]

_LONGEST = 1_000
"""Characters of a message that are looked at for one line."""


def exception(value: Object, python2: bool) -> View | None:
    """Show an exception of the standard library by its message."""
    if value.items or value.pairs or value.added:
        return None
    name = short_type(value)
    message = _message(name, value.args)
    notes = value.attributes().get("__notes__")
    if type(notes) is list and notes:
        message += f"  ({len(notes):,} note{'s' if len(notes) > 1 else ''})"
    return View(
        name,
        brief=f"{name}: {message}" if message else name,
        code=call(class_name(value).removeprefix("builtins."), *value.args),
        parts=object_parts(value, python2),
        text=lambda: _text(value),
    )


def _message(name: str, args: tuple[Any, ...]) -> str:
    """Return what `str` gives for an exception, as far as it is told by plain values."""
    if not args:
        return ""
    first = known_text(args[0])
    if name.endswith("ExceptionGroup") and len(args) == 2 and type(args[1]) in (list, tuple):
        count = len(args[1])
        return f"{_short(args[0])} ({count:,} sub-exception{'s' if count != 1 else ''})"
    if len(args) == 1:
        if first is not None and name == "KeyError":
            return quoted(first[:_LONGEST])
        return _short(args[0])
    if type(args[0]) is int and known_text(args[1]) is not None:  # an OSError
        file = known_text(args[2]) if len(args) > 2 else None
        at = f": {quoted(file[:_LONGEST])}" if file is not None else ""
        return f"[Errno {integer_text(args[0])}] {_short(args[1])}{at}"
    return ", ".join(_short(argument) for argument in args[:5])


def _short(value: Any) -> str:
    """Return a value in one line; of what holds others, only its type."""
    known = known_text(value)
    if known is not None:
        return escaped(known[:_LONGEST])
    if type(value) is int:
        return integer_text(value)
    if value is None or type(value) in (float, bool):
        return repr(value)
    return f"<{escaped(class_name(value).rpartition('.')[2])}>"


def _text(value: Object) -> str:
    """Return the message in full, and the notes below it as a traceback has them."""
    name = class_name(value).removeprefix("builtins.")
    args = value.args
    whole = known_text(args[0]) if len(args) == 1 else _message(name, args)
    lines = [f"{name}: {whole}" if whole else name]
    notes = value.attributes().get("__notes__")
    if type(notes) is list:
        lines += [known_text(note) or _short(note) for note in notes]
    return "\n".join(lines)


def failed_command(value: Object, python2: bool) -> View | None:
    """Show a `subprocess.CalledProcessError` or `TimeoutExpired` by the command."""
    attributes = value.attributes()
    command = attributes.get("cmd", value.args[1] if len(value.args) > 1 else None)
    if type(command) is list and all(isinstance(word, str) for word in command):
        shown = " ".join(word[:_LONGEST] for word in command[:20])
    else:
        shown = known_text(command) or ""
    if not shown:
        return None
    code = attributes.get("returncode", value.args[0] if value.args else None)
    ending = f"exit {code}" if type(code) is int and abs(code) < 2**31 else "timed out"
    return View(
        short_type(value),
        brief=f"{short_type(value)}: {escaped(shown[:_LONGEST])}  ({ending})",
        parts=object_parts(value, python2),
    )
