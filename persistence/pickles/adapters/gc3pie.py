"""How GC3Pie's own classes look: runs, histories, IDs, URLs, quantities.

What GC3Pie computes from the stored attributes is computed here in the same way: the return
code of a run is its exit code times 256 plus its signal (as `os.wait` has it), and a message
of a history ends in its local time.
"""

from __future__ import annotations

import time
from typing import Any

from persistence.pickles.adapters.leaves import known_text
from persistence.pickles.classes import class_name, constructor_args, short_type
from persistence.pickles.nodes import Object, Reference
from persistence.pickles.parts import Attributes, Child, Fields, Items, Joined, Pairs, Parts
from persistence.pickles.paths import attribute, item, special
from persistence.pickles.texts import escaped, integer_text, quoted
from persistence.pickles.views import Code, View, call, object_parts, pairs_code

__all__ = ["history", "identifier", "quantity", "returncode", "run", "struct", "url", "url_dict"]

_TIMES = ("timestamp", "state_last_changed")
# What GC3Pie means by signals that no system has (gc3libs, `Run.Signals`), and common ones.
_SIGNALS = {
    1: "SIGHUP",
    2: "SIGINT",
    3: "SIGQUIT",
    4: "SIGILL",
    6: "SIGABRT",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    13: "SIGPIPE",
    14: "SIGALRM",
    15: "SIGTERM",
    120: "lost: the remote site knows nothing of it",
    121: "cancelled by the user",
    122: "killed by the batch system",
    123: "staging of data failed",
    124: "remote error",
    125: "submission failed",
}
_EXACT = 2**53
_LONGEST_SECONDS = 400_000_000_000  # the year 14,645; no clock is far from it
_URL_FIELDS = (
    "scheme", "netloc", "path", "hostname", "port", "query", "username", "password", "fragment",
)  # fmt: skip
_BEFORE_URL_FIELDS = (None, False)  # `Url(urlstring, force_abs, scheme, …)`


def run(value: Object, python2: bool) -> View | None:
    """Show the execution of a task: its state, and how it ended."""
    attributes = value.attributes()
    stored = attributes.pop("_state", None)
    state = known_text(stored)
    if state is None:
        return None
    code = returncode(attributes.get("_exitcode"), attributes.get("_signal"))
    ending = "" if code is None else f"  {_ending(code)}"
    parts: list[Parts] = [
        Fields(
            (
                Child("state", stored, attribute("state"), attribute("_state")),
                Child(
                    "returncode",
                    _returncode_view(code),
                    attribute("returncode"),
                    is_computed=True,
                ),
            )
        )
    ]
    times = [_timed(name, attributes.pop(name, None)) for name in _TIMES]
    parts += [Fields([child for child in times if child is not None]), Attributes(attributes)]
    return View("Run", brief=f"{escaped(state)}{ending}", parts=Joined(parts))


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
    written = integer_text(code)
    return View(
        "int",
        brief=f"{written}  ({_ending(code)})",
        code=lambda: iter((code,)),
        text=lambda: written,
        value=code,
    )


def _ending(code: int) -> str:
    """Say how a run ended, as `os.WTERMSIG` and `os.WEXITSTATUS` have it.

    The signals from 120 on are none of the system's: GC3Pie says by them what went wrong.

    >>> _ending(256), _ending(9), _ending(121)
    ('exit 1', 'signal 9, SIGKILL', 'signal 121, cancelled by the user')
    """
    signal = code & 0x7F
    if not signal:
        return f"exit {integer_text(code >> 8)}"
    meaning = _SIGNALS.get(signal)
    return f"signal {signal}, {meaning}" if meaning else f"signal {signal}"


def _timed(name: str, value: Any) -> Child | None:
    """Return the row of a time, or of times by name, with what the clock said."""
    if value is None:
        return None
    if isinstance(value, Object) and value.pairs and not value.args:
        return Child(name, _times_view(value), attribute(name))
    return Child(name, _time_view(value), attribute(name))


def _times_view(value: Object) -> View:
    return View(
        short_type(value),
        code=call(class_name(value), View("dict", code=lambda: pairs_code(value.pairs))),
        parts=Pairs(value.pairs, view=_time_view),
        count=len(value.pairs),
    )


def _time_view(value: Any) -> Any:
    """Return a time in seconds as what the clock said; the number stays what it is."""
    when = _clock(value)
    if when is None:
        return value
    number = repr(value)
    return View(
        type(value).__name__,
        brief=f"{number}  ({when})",
        code=lambda: iter((value,)),
        text=lambda: number,
        value=value,
    )


def _clock(seconds: Any) -> str | None:
    if type(seconds) not in (int, float) or not 0 < seconds < _LONGEST_SECONDS:
        return None
    try:
        return time.asctime(time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return None


def history(value: Object, python2: bool) -> View | None:
    """Show the messages of a task's history with their local times."""
    messages = value.attributes().get("_messages")
    if type(messages) is not list:
        return None
    return View(
        "History",
        brief="" if messages else "no messages",
        parts=Items(messages, _message_view, attribute("_messages")),
        count=len(messages),
        text=lambda: "\n".join(_message_text(message) for message in messages),
    )


def _message_view(message: Any) -> Any:
    if not _is_message(message):
        return message
    names = ("message", "time", "tags")
    written = _message_text(message)
    shown = (message[0], _time_view(message[1]), *message[2:])
    return View(
        "message",
        brief=escaped(written),
        code=lambda: iter((message,)),
        parts=Fields(
            [
                Child(name, part, attribute(name), item(n))
                for n, (name, part) in enumerate(zip(names, shown, strict=False))
            ]
        ),
        text=lambda: written,
        value=written,
    )


def _is_message(message: Any) -> bool:
    return (
        type(message) is tuple
        and len(message) >= 2
        and known_text(message[0]) is not None
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
    return f"{known_text(message[0])} at {when}"


def identifier(value: Object, python2: bool) -> View | None:
    """Show a persistent ID as the text or number it is."""
    if len(value.args) != 2 or type(value.args[1]) is not int:
        return None
    if value.args[0] is not None and known_text(value.args[0]) is None:
        return None  # `Reference.id` would ask for its look again
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
    if len(stored) > len(_URL_FIELDS):
        return None
    fields = dict(zip(_URL_FIELDS, stored, strict=False))
    written = _written_url(fields)
    return View(
        "Url",
        brief=escaped(written),
        code=call("gc3libs.url.Url", written),
        parts=Fields(
            [
                Child(name, part, attribute(name), special(n))
                for n, (name, part) in enumerate(fields.items(), len(_BEFORE_URL_FIELDS))
            ]
        ),
        text=lambda: written,
        value=written,
    )


def _written_url(fields: dict[str, Any]) -> str:
    scheme, netloc, path, query, fragment = (
        known_text(fields.get(name)) or ""
        for name in ("scheme", "netloc", "path", "query", "fragment")
    )
    slash = "/" if path and not path.startswith("/") else ""
    return (
        (f"{scheme}:" if scheme else "")
        + f"//{netloc}{slash}{path}"
        + (f"?{query}" if query else "")
        + (f"#{fragment}" if fragment else "")
    )


def url_dict(value: Object, python2: bool) -> View | None:
    """Show a dictionary whose keys or values are URLs as a dictionary."""
    if constructor_args(value) or value.items or value.added:
        return None
    pairs = View("dict", code=lambda: pairs_code(value.pairs))
    return View(
        short_type(value),
        code=call(class_name(value), *((pairs,) if value.pairs else ())),
        parts=Joined((Pairs(value.pairs, python2), Attributes(value.attributes()))),
        count=len(value.pairs),
    )


def struct(value: Object, python2: bool) -> View | None:
    """Show a dictionary whose items are attributes, too."""
    attributes = value.attributes()
    if constructor_args(value) or value.items or value.pairs:
        return None
    return View(
        short_type(value),
        code=call(class_name(value), attributes),
        parts=Attributes(attributes),
        count=len(attributes),
    )


def quantity(value: Object, python2: bool) -> View | None:
    """Show an amount with its unit: "8 GB".

    The text that it is made with has whole units only ("1 GB" for 1.5 GB); the exact amount
    is in its state, as a number of base units, as is that of its unit.
    """
    written = known_text(value.args[0]) if value.args else None
    if written is None:
        return None
    attributes = value.attributes()
    exact = _amount(attributes, written) or written
    return View(
        short_type(value),
        brief=escaped(exact),
        code=call(class_name(value), exact),
        parts=object_parts(value, python2),
        text=lambda: exact,
        value=exact,
    )


def _amount(attributes: dict[str, Any], written: str) -> str | None:
    stored, unit = attributes.get("_amount"), attributes.get("_unit")
    if not isinstance(unit, Object) or type(stored) not in (int, float):
        return None
    about = unit.attributes()
    size = about.get("_amount")
    name = known_text(about.get("_name")) or written.partition(" ")[2]
    if type(size) not in (int, float) or not size:
        return None
    try:
        amount = stored / size
    except OverflowError:
        return None
    whole = amount == amount // 1 and abs(amount) < _EXACT
    return f"{int(amount) if whole else repr(float(amount))} {name}"
