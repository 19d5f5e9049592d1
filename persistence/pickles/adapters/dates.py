"""How dates, times, durations and time zones look.

They are pickled as calls with arguments that say little: ten bytes for a date and time
(Lib/_pydatetime.py, `_getstate`). Here they look as they do in Python.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from persistence.pickles.adapters.leaves import are, bytes_of, known_text, leaf, literal, valid
from persistence.pickles.classes import class_name, short_type
from persistence.pickles.nodes import Object
from persistence.pickles.parts import Child, Fields
from persistence.pickles.paths import special
from persistence.pickles.texts import escaped
from persistence.pickles.views import Code, Name, View, call

__all__ = [
    "clock_time",
    "date",
    "duration",
    "moment",
    "pytz_zone",
    "struct_time",
    "zone",
    "zone_text",
]

_DATETIME_SIZE, _DATE_SIZE, _TIME_SIZE = 10, 4, 6  # bytes
_FOLD = 0x80
_TIMEDELTA_ARGS = 3
_STRUCT_TIME_FIELDS = 9


def moment(value: Object, python2: bool) -> View | None:
    """Show a `datetime.datetime`."""
    state = bytes_of(value.args[0]) if value.args else None
    if state is None or len(state) != _DATETIME_SIZE:
        return None
    high, low, month, day, hour, minute, second = state[:7]
    naive = valid(
        lambda: dt.datetime(  # noqa: DTZ001 — its time zone comes beside it
            high * 256 + low,
            month & ~_FOLD,
            day,
            hour,
            minute,
            second,
            int.from_bytes(state[7:], "big"),
            fold=month >> 7,
        )
    )
    return None if naive is None else _with_zone(value, naive, python2)


def clock_time(value: Object, python2: bool) -> View | None:
    """Show a `datetime.time`."""
    state = bytes_of(value.args[0]) if value.args else None
    if state is None or len(state) != _TIME_SIZE:
        return None
    hour, minute, second = state[:3]
    naive = valid(
        lambda: dt.time(
            hour & ~_FOLD, minute, second, int.from_bytes(state[3:], "big"), fold=hour >> 7
        )
    )
    return None if naive is None else _with_zone(value, naive, python2)


def _with_zone(value: Object, naive: dt.datetime | dt.time, python2: bool) -> View:
    name, _, rest = repr(naive).partition("(")  # "datetime.datetime(2024, 1, 2, 3, 4)"
    if len(value.args) == 1:
        source = (Name(name), Code(f"({rest}"))
        return leaf(value, str(naive), lambda: iter(source), naive)
    stored = value.args[1]
    pieces: list[Any] = [Name(name), Code(f"({rest[:-1]}, tzinfo="), stored, Code(")")]
    brief = f"{naive} {zone_text(stored)}"
    return leaf(
        value,
        brief,
        lambda: iter(pieces),
        naive,
        Fields((Child("tzinfo", stored, ".tzinfo", special(1)),)),
    )


def zone_text(value: Any) -> str:
    """Return a time zone in one line; of one that is not known, its type.

    It asks no other adapter, which could follow zones of zones without end.
    """
    found = None
    if isinstance(value, Object):
        name = class_name(value)
        if name in _ZONES:
            found = zone(value, python2=False)
        elif name == "pytz.timezone":
            found = pytz_zone(value, python2=False)
    if found is not None and found.brief:
        return found.brief
    return short_type(value) if isinstance(value, Object) else class_name(value)


_ZONES = frozenset(("datetime.timezone", "zoneinfo.ZoneInfo"))


def date(value: Object, python2: bool) -> View | None:
    """Show a `datetime.date`."""
    state = bytes_of(value.args[0]) if value.args else None
    if state is None or len(state) != _DATE_SIZE:
        return None
    return literal(value, lambda: dt.date(state[0] * 256 + state[1], state[2], state[3]))


def duration(value: Object, python2: bool) -> View | None:
    """Show a `datetime.timedelta`."""
    found = _timedelta(value)
    return None if found is None else literal(value, lambda: found)


def _timedelta(value: Any) -> dt.timedelta | None:
    if not isinstance(value, Object) or class_name(value) != "datetime.timedelta":
        return None
    if not are(value.args, int) or len(value.args) > _TIMEDELTA_ARGS:
        return None
    return valid(lambda: dt.timedelta(*value.args))


def zone(value: Object, python2: bool) -> View | None:
    """Show a `datetime.timezone` or a `zoneinfo.ZoneInfo`."""
    if not value.args:
        return None
    key = known_text(value.args[0])
    if key is not None:
        return leaf(value, key, call(class_name(value), key), key)
    offset = _timedelta(value.args[0])
    if offset is None:
        return None
    found = valid(lambda: dt.timezone(offset))
    if found is None:
        return None
    name = known_text(value.args[1]) if len(value.args) > 1 else None
    if name is not None:
        return leaf(value, name, call("datetime.timezone", value.args[0], name), found)
    if not offset:
        return leaf(value, "UTC", lambda: iter((Name("datetime.timezone.utc"),)), found)
    return leaf(value, str(found), call("datetime.timezone", value.args[0]), found)


def pytz_zone(value: Object, python2: bool) -> View | None:
    """Show a time zone of the package pytz, which older pandas use."""
    name = known_text(value.args[0]) if value.args else "UTC"
    if name is None:
        return None
    return View(
        "timezone", brief=escaped(name), code=call("pytz.timezone", name), text=lambda: name
    )


def struct_time(value: Object, python2: bool) -> View | None:
    """Show a `time.struct_time`."""
    fields = value.args[0] if value.args else None
    if type(fields) is not tuple or not are(fields, int) or len(fields) < _STRUCT_TIME_FIELDS:
        return None
    brief = valid(lambda: time.asctime(fields[:_STRUCT_TIME_FIELDS]))
    if brief is None:
        return None
    return leaf(value, brief, call("time.struct_time", fields[:_STRUCT_TIME_FIELDS]), fields)
