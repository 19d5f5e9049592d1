"""How moments, durations and intervals of pandas look: as numbers they tell little."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from persistence.pickles.adapters.dates import zone_text
from persistence.pickles.adapters.leaves import are, known_text
from persistence.pickles.nodes import Object
from persistence.pickles.texts import escaped, integer_text
from persistence.pickles.views import Code, View, call, object_parts

__all__ = ["interval", "not_a_time", "span", "timestamp"]

# Code of a resolution (pandas/_libs/tslibs, `NPY_DATETIMEUNIT`) → nanoseconds.
_UNITS = {7: 1_000_000_000, 8: 1_000_000, 9: 1_000, 10: 1}
_NEW, _DEFAULT_UNIT = 3, 10


def timestamp(value: Object, python2: bool) -> View | None:
    """Show a `pandas.Timestamp`, which is pickled as a number since 1970 and its unit."""
    args = value.args
    if not args or type(args[0]) is not int or len(args) < 3:
        return None
    unit = args[_NEW] if len(args) > _NEW else _DEFAULT_UNIT
    if type(unit) is not int or unit not in _UNITS or not -(2**63) < args[0] < 2**63:
        return None
    seconds, nanoseconds = divmod(args[0] * _UNITS[unit], 1_000_000_000)
    try:
        moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001
    except OverflowError:
        return None
    written = str(moment) + (f".{nanoseconds:09}".rstrip("0") if nanoseconds else "")
    zone = args[2]
    if zone is None:
        code, brief = call("pandas.Timestamp", written), written
    else:
        # What is stored is the time in UTC, in whatever zone it is shown.
        name = zone_text(zone)
        code = call("pandas.Timestamp", written, Code("tz='UTC'"))
        if name != "UTC":
            code = _in_zone(written, zone)
        brief = f"{written} UTC" + ("" if name == "UTC" else f", in {name}")
    return View(
        "Timestamp",
        brief=escaped(brief),
        code=code,
        text=lambda: brief,
        value=written,
        parts=object_parts(value, python2),
    )


def _in_zone(written: str, zone: Any) -> Any:
    def pieces() -> Iterator[Any]:
        yield from call("pandas.Timestamp", written, Code("tz='UTC'"))()
        yield Code(".tz_convert(")
        yield zone
        yield Code(")")

    return pieces


def span(value: Object, python2: bool) -> View | None:
    """Show a `pandas.Timedelta`."""
    args = value.args
    if not are(args, int) or not 0 < len(args) <= 2:
        return None
    unit = args[1] if len(args) > 1 else _DEFAULT_UNIT
    if unit not in _UNITS or not -(2**63) < args[0] < 2**63:
        return None
    total = args[0] * _UNITS[unit]
    days, rest = divmod(total, 86_400_000_000_000)
    seconds, nanoseconds = divmod(rest, 1_000_000_000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    written = f"{days} days {clock}" + (f".{nanoseconds:09}".rstrip("0") if nanoseconds else "")
    arguments = (written,) if days >= 0 else (total, "ns")
    return View(
        "Timedelta",
        brief=written,
        code=call("pandas.Timedelta", *arguments),
        value=written,
        parts=object_parts(value, python2),
    )


def not_a_time(value: Object, python2: bool) -> View | None:
    """Show `pandas.NaT`."""
    return View("NaTType", brief="NaT", code=lambda: iter((Code("pandas.NaT"),)))


def interval(value: Object, python2: bool) -> View | None:
    """Show a `pandas.Interval`."""
    if len(value.args) != 3 or known_text(value.args[2]) is None:
        return None
    left, right, closed = value.args[0], value.args[1], known_text(value.args[2])
    return View(
        "Interval",
        brief=f"{'[' if closed in ('left', 'both') else '('}{_bound(left)}, {_bound(right)}"
        f"{']' if closed in ('right', 'both') else ')'}",
        code=call("pandas.Interval", *value.args),
        parts=object_parts(value, python2),
    )


def _bound(value: Any) -> str:
    if type(value) is int:
        return integer_text(value)
    return repr(value) if type(value) is float else "…"
