"""How GC3Pie's own classes look: runs, histories, IDs, URLs, quantities.

What GC3Pie computes from the stored attributes is computed here in the same way: the return
code of a run is its exit code times 256 plus its signal (as `os.wait` has it), and a message
of a history ends in its local time.
"""

from __future__ import annotations

import time
from typing import Any

from persistence.pickles.nodes import Object, Reference
from persistence.pickles.parts import Attributes, Child, Fields, Items, Joined, Pairs
from persistence.pickles.paths import attribute, item, special
from persistence.pickles.texts import escaped, quoted, text_of
from persistence.pickles.views import Code, View, call, object_parts

__all__ = ["history", "identifier", "quantity", "returncode", "run", "url", "url_dict"]

_LONGEST_SECONDS = 400_000_000_000  # the year 14,645; no clock is far from it
_URL_FIELDS = ("scheme", "netloc", "path", "hostname", "port", "query", "username", "password")
_BEFORE_URL_FIELDS = (None, False)  # `Url(urlstring, force_abs, scheme, …)`


def run(value: Object, python2: bool) -> View | None:
    """Show the execution of a task: its state, and how it ended."""
    attributes = value.attributes()
    stored = attributes.pop("_state", None)
    state = _text(stored)
    if state is None:
        return None
    code = returncode(attributes.get("_exitcode"), attributes.get("_signal"))
    ending = "" if code is None else f"  {_ending(code)}"
    computed = (
        Child("state", stored, attribute("_state")),
        Child("returncode", _returncode_view(code), attribute("returncode")),
    )
    return View(
        "Run",
        brief=f"{escaped(state)}{ending}",
        parts=Joined((Fields(computed), Attributes(attributes))),
    )


def returncode(exitcode: Any, signal: Any) -> int | None:
    """Return the return code of a run, or None if it has none yet.

    >>> returncode(1, 0), returncode(0, 9), returncode(None, None)
    (256, 9, None)
    """
    if type(exitcode) is not int and type(signal) is not int:
        return None
    exit_part = exitcode if type(exitcode) is int else -1
    return (exit_part << 8) | (signal if type(signal) is int else 0)


def _returncode_view(code: int | None) -> View:
    if code is None:
        return View("None", brief="None")
    return View("int", brief=f"{code}  ({_ending(code)})", text=lambda: str(code), value=code)


def _ending(code: int) -> str:
    signal = code & 0x7F
    if signal:
        return f"signal {signal}"
    return f"exit {code >> 8}"


def history(value: Object, python2: bool) -> View | None:
    """Show the messages of a task's history with their local times."""
    messages = value.attributes().get("_messages")
    if type(messages) is not list:
        return None
    return View(
        "History",
        brief="" if messages else "no messages",
        parts=Items(messages, _message_view, stored="._messages"),
        count=len(messages),
        text=lambda: "\n".join(_message_text(message) for message in messages),
    )


def _message_view(message: Any) -> Any:
    if not _is_message(message):
        return message
    names = ("message", "time", "tags")
    return View(
        "message",
        brief=escaped(_message_text(message)),
        parts=Fields(
            [
                Child(name, part, attribute(name), item(index))
                for index, (name, part) in enumerate(zip(names, message, strict=False))
            ]
        ),
        text=lambda: _message_text(message),
        value=_message_text(message),
    )


def _is_message(message: Any) -> bool:
    return (
        type(message) is tuple
        and len(message) >= 2
        and _text(message[0]) is not None
        and type(message[1]) in (int, float)
    )


def _message_text(message: Any) -> str:
    if not _is_message(message):
        return "…"
    seconds = message[1]
    if -_LONGEST_SECONDS < seconds < _LONGEST_SECONDS:
        try:
            when = time.asctime(time.localtime(seconds))
        except (OverflowError, ValueError, OSError):  # before 1970 on Windows
            when = f"{seconds} s"
    else:
        when = f"{float(seconds)} s" if type(seconds) is float else "an unknown time"
    return f"{_text(message[0])} at {when}"


def identifier(value: Object, python2: bool) -> View | None:
    """Show a persistent ID as the text or number it is."""
    if len(value.args) != 2:
        return None
    id_ = Reference.to(value).id
    return View(
        value.cls.qualname,
        brief=escaped(id_),
        code=lambda: iter((Code(id_ if value.args[0] is None else quoted(id_)),)),
        parts=object_parts(value, python2),
        text=lambda: id_,
        value=id_,
    )


def url(value: Object, python2: bool) -> View | None:
    """Show a URL as people write it."""
    if value.args[: len(_BEFORE_URL_FIELDS)] != _BEFORE_URL_FIELDS or value.states:
        return None
    stored = value.args[len(_BEFORE_URL_FIELDS) :]
    fields = dict(zip(_URL_FIELDS, stored, strict=False))
    written = _written_url(fields)
    return View(
        "Url",
        brief=escaped(written),
        code=call("gc3libs.url.Url", written),
        parts=Fields(
            [
                Child(name, part, attribute(name), special(index))
                for index, (name, part) in enumerate(fields.items(), len(_BEFORE_URL_FIELDS))
            ]
        ),
        text=lambda: written,
        value=written,
    )


def _written_url(fields: dict[str, Any]) -> str:
    scheme, netloc, path, query = (
        _text(fields.get(name)) or "" for name in ("scheme", "netloc", "path", "query")
    )
    slash = "/" if path and not path.startswith("/") else ""
    return (
        (f"{scheme}:" if scheme else "")
        + f"//{netloc}{slash}{path}"
        + (f"?{query}" if query else "")
    )


def url_dict(value: Object, python2: bool) -> View | None:
    """Show a dictionary whose keys or values are URLs as a dictionary."""
    if value.args or value.items:
        return None
    pairs = dict(value.pairs)
    return View(
        value.cls.qualname,
        code=call(f"gc3libs.url.{value.cls.qualname}", pairs),
        parts=Joined((Pairs(value.pairs, python2), Attributes(value.attributes()))),
        count=len(pairs),
    )


def quantity(value: Object, python2: bool) -> View | None:
    """Show an amount with its unit: "8 GB"."""
    written = _text(value.args[0]) if value.args else None
    if written is None:
        return None
    return View(
        value.cls.qualname,
        brief=escaped(written),
        code=call(f"gc3libs.quantity.{value.cls.qualname}", written),
        parts=object_parts(value, python2, with_args=False),
        text=lambda: written,
        value=written,
    )


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return text_of(value)
    return value if isinstance(value, str) else None
