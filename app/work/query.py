"""The filter language of the ID table: text to frozen terms.

A filter is a list of terms separated by blanks; an object has to match all of them.

    sweep                    contained in ID, name, type or state, in any case
    "two words"              the same, or contained in any value or path inside the object
    state:RUNNING            the state is RUNNING, in any case
    type:Application         contained in one column: id, type, state or name
    name=sweep-1  name!=x    exactly, or not, the whole text of a column ("" for none)
    id=Application.4*        begins with; an ID exactly so, all else in any case
    size>10k  size<=1.5MiB   bytes; k, M, G count thousands, Ki, Mi, Gi count 1,024
    execution.returncode!=0  an attribute by its path: = != : (contains) > >= < <=
    .jobname:sweep           a path of one name begins with a dot
    modified>2026-11-01      later than that day; also 2026-11, 2026-11-01T14:30, local time
    -state:NEW  -word        not
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from persistence.errors import StoreError

__all__ = [
    "Anywhere",
    "Attribute",
    "Begins",
    "Between",
    "Equals",
    "FilterError",
    "Has",
    "Term",
    "is_path",
    "needs_facts",
    "parse",
]


class FilterError(StoreError):
    """A filter that cannot be understood; the message says which part of it, and what would be."""


@dataclass(frozen=True, slots=True)
class Has:
    """A text is contained in a column, in any case.

    Attributes:
        text: What is looked for; "" is contained in everything.
        column: "id", "type", "state" or "name"; None for any of these.
        negated: Whether objects that match are left out.
    """

    text: str
    column: str | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Anywhere:
    """A text is contained in ID, name, type or state, or in a value or path of the object.

    Attributes:
        text: What is looked for, in any case.
        negated: Whether objects that match are left out.
    """

    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value at a path inside the object compares so with a text; one without it never does.

    Attributes:
        path: As the tree shows it: `execution.returncode`, `arguments[0]`.
        operator: "=", "!=", ":" for contains, ">", ">=", "<" or "<=". Numbers are compared
            as numbers, all else as text, in any case.
        text: What it is compared with.
        negated: Whether objects that match are left out.
    """

    path: str
    operator: str
    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Equals:
    """A column is exactly a text; a state in any case, a type with or without its module.

    Attributes:
        text: The text; "" stands for "none" too.
        column: "id", "type", "state" or "name".
        negated: Whether objects that match are left out.
    """

    text: str
    column: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Begins:
    """A column begins with a text; an ID in exactly this case, all else in any.

    Attributes:
        text: The text.
        column: "id", "type", "state" or "name".
        negated: Whether objects that match are left out.
    """

    text: str
    column: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """A column of numbers is in an interval; objects without a number are in none.

    Attributes:
        column: "size" in bytes, or "modified" in seconds since the epoch.
        low: The least value inside.
        high: The least value above.
        negated: Whether objects that match are left out.
    """

    column: str
    low: float = -math.inf
    high: float = math.inf
    negated: bool = False


Term = Has | Anywhere | Attribute | Equals | Begins | Between

_KEY = r"""\[(?:'[^'"\\]*'|-?\d+)\]"""
_PATH = re.compile(rf"(?:[^\W\d]\w*|{_KEY})(?:\.\w+|{_KEY})*")
_FIELD = re.compile(rf"(\.?{_PATH.pattern})(!=|>=|<=|=|:|>|<)")
_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(?:([kmgt])(i?))?b?", re.IGNORECASE)
_COLUMNS = ("id", "type", "state", "name", "modified", "size")
_TIME_FORMATS: tuple[tuple[str, timedelta | None], ...] = (
    ("%Y-%m-%d", timedelta(days=1)),
    ("%Y-%m-%dT%H:%M", timedelta(minutes=1)),
    ("%Y-%m-%dT%H:%M:%S", timedelta(seconds=1)),
    ("%Y-%m", None),
)


def parse(text: str) -> tuple[Term, ...]:
    """Return the terms of a filter, in order.

    Raises:
        FilterError: A column, figure or date is not known as such, or a quote is not closed.

    >>> parse('state:RUNNING -"old one"')[1]
    Has(text='old one', column=None, negated=True)
    """
    terms: list[Term] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return tuple(terms)
        term, at = _term(text, at)
        terms.append(term)


def _term(text: str, at: int) -> tuple[Term, int]:
    negated = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
    if negated:
        at += 1
    field = _FIELD.match(text, at)
    if field is None:
        is_quoted = text[at] == '"'
        value, at = _value(text, at)
        return (Anywhere(value, negated) if is_quoted else Has(value, None, negated)), at
    is_quoted = text[field.end() : field.end() + 1] == '"'
    value, at = _value(text, field.end())
    term = _field_term(field[1], field[2], value, negated)
    if isinstance(term, Equals) and value.endswith("*") and not is_quoted:
        term = Begins(value[:-1], term.column, term.negated)
    return term, at


def _value(text: str, at: int) -> tuple[str, int]:
    """Return the word or quoted text that begins at an offset, and where it ends."""
    if at == len(text) or text[at] != '"':
        end = at
        while end < len(text) and not text[end].isspace():
            end += 1
        return text[at:end], end
    parts = []
    at += 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        parts.append(text[at])
        at += 1
    if at == len(text):
        raise FilterError("A quotation mark is not closed.", 'Put one more " at the end.')
    return "".join(parts), at + 1


def is_path(text: str) -> bool:
    """Whether a text is the path of an attribute, as the tree shows it.

    >>> is_path("execution.returncode"), is_path("arguments[0]"), is_path("two words")
    (True, True, False)
    """
    return _PATH.fullmatch(text) is not None


def needs_facts(text: str) -> bool:
    """Whether a filter asks for what is inside objects; a broken one asks for nothing."""
    try:
        return any(isinstance(term, Anywhere | Attribute) for term in parse(text))
    except FilterError:
        return False


def _field_term(column: str, operator: str, value: str, negated: bool) -> Term:
    if "." in column or "[" in column:
        if not value:
            return Has("", None, negated)  # the value is still to be typed
        return Attribute(column.removeprefix("."), operator, value, negated)
    column = column.lower()
    if column not in _COLUMNS:
        raise FilterError(
            f"There is no column {column!r}.",
            f"Known are {', '.join(_COLUMNS)}; an attribute of that name is .{column}. "
            "Put a text with such a sign in quotation marks.",
        )
    if operator == "!=":
        operator, negated = "=", not negated
    if column in _INTERVALS:
        if not value and operator == ":":
            return Has("", None, negated)  # the value is still to be typed
        low, high = _bounds(operator, *_INTERVALS[column](value))
        return Between(column, low, high, negated)
    if operator == "=" or (operator == ":" and column == "state" and value):
        return Equals(value, column, negated)
    if operator == ":":
        return Has(value, column, negated)
    raise FilterError(
        f"The column {column!r} holds text and cannot be compared with {operator!r}.",
        f"Write {column}:{value or 'text'} or {column}={value or 'text'}.",
    )


def _bounds(operator: str, start: float, end: float) -> tuple[float, float]:
    """Return the interval that an operator makes of a value that spans from start to end."""
    bounds: dict[str, tuple[float, float]] = {
        ">": (end, math.inf),
        ">=": (start, math.inf),
        "<": (-math.inf, start),
        "<=": (-math.inf, end),
    }
    return bounds.get(operator, (start, end))


def _size_interval(value: str) -> tuple[float, float]:
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise FilterError(
            f"{value!r} is not a size.", "Write bytes, or 10k, 1.5M, 2GiB; for example size>10k."
        )
    figure, prefix, binary = match.groups()
    power = "kmgt".index(prefix.lower()) + 1 if prefix else 0
    size = float(figure) * (1024 if binary else 1000) ** power
    return size, math.nextafter(size, math.inf)


def _time_interval(value: str) -> tuple[float, float]:
    text = value.strip().replace(" ", "T", 1)
    for pattern, span in _TIME_FORMATS:
        try:
            start = datetime.strptime(text, pattern)  # noqa: DTZ007 -- local time, as it is shown
            end = start + span if span else _next_month(start)
            return start.timestamp(), end.timestamp()
        except (ValueError, OverflowError, OSError):
            continue
    raise FilterError(
        f"{value!r} is not a date.",
        "Write 2026-11-01, 2026-11 or 2026-11-01T14:30; for example modified>2026-11-01.",
    )


_INTERVALS = {"size": _size_interval, "modified": _time_interval}


def _next_month(day: datetime) -> datetime:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
