"""The columns of the ID table, each a value that says how to name, show and sort itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from app.work.records import Row, SortColumn
from persistence.pickles.texts import escaped

__all__ = ["COLUMNS", "Column", "attribute_column", "format_size", "format_time", "short_type"]

_UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the ID table.

    Attributes:
        key: Its name in filters and settings, and what it sorts by; a path for an attribute.
        title: Its name for the user.
        text: What a row shows in it.
        hint: What its tool tip says, or "" for none.
        letters: How many it shows at least, and at most at first.
        aligns_right: Whether it holds figures.
        is_monospace: Whether it holds IDs.
        shows_state: Whether the mark of the state stands before its text.
        grows: Whether it takes room that no other column needs.
    """

    key: SortColumn
    title: str
    text: Callable[[Row], str]
    hint: Callable[[Row], str]
    letters: tuple[int, int]
    aligns_right: bool = False
    is_monospace: bool = False
    shows_state: bool = False
    grows: bool = False


def short_type(type_: str) -> str:
    """Return a class without its module.

    >>> short_type("gc3libs.workflow.ParallelTaskCollection")
    'ParallelTaskCollection'
    """
    return type_.rpartition(".")[2]


def format_size(size: int) -> str:
    """Return a number of bytes for the eye, in steps of 1,000.

    >>> [format_size(size) for size in (0, 999, 1_234, 12_345, 8_388_608)]
    ['0 B', '999 B', '1.2 kB', '12 kB', '8.4 MB']
    """
    if size < 1_000:
        return f"{size} B"
    figure = float(size)
    for unit in ("kB", "MB", "GB"):
        figure /= 1_000
        if figure < 999.5:
            return f"{figure:.1f} {unit}" if figure < 9.95 else f"{figure:.0f} {unit}"
    return f"{figure / 1_000:.1f} TB"


@lru_cache(4_096)  # the same rows are painted many times, and this is most of it
def format_time(seconds: float | None, *, exact: bool = False) -> str:
    """Return a moment as local time: "2026-11-24 14:22:05", exact with the UTC offset."""
    if seconds is None:
        return ""
    try:
        moment = datetime.fromtimestamp(seconds).astimezone()
    except (OverflowError, OSError, ValueError):
        return ""  # a file's time may be anything
    return moment.strftime("%Y-%m-%d %H:%M:%S %z" if exact else "%Y-%m-%d %H:%M:%S")


def _type_text(row: Row) -> str:
    return escaped(short_type(row.type)) if row.is_readable else _UNREADABLE


def _type_hint(row: Row) -> str:
    return escaped(row.type) or "The pickle of this object is damaged or not a pickle."


def attribute_column(path: str, place: int) -> Column:
    """Return a column of what stands at a path inside objects.

    Args:
        path: As the tree shows it: `execution.returncode`.
        place: Its place in `Row.values`.
    """

    def text(row: Row) -> str:
        return escaped(row.values[place]) if place < len(row.values) else ""

    return Column(path, escaped(path), text, text, (8, 32))


COLUMNS: tuple[Column, ...] = (
    Column(
        "id",
        "ID",
        lambda row: escaped(row.id),
        lambda row: escaped(row.id),
        (16, 42),
        is_monospace=True,
    ),
    Column("type", "Type", _type_text, _type_hint, (12, 32)),
    Column(
        "state",
        "State",
        lambda row: escaped(row.state or ""),
        lambda row: escaped(row.state or ""),
        (18, 18),
        shows_state=True,
    ),
    Column(
        "name",
        "Name",
        lambda row: escaped(row.name or ""),
        lambda row: escaped(row.name or ""),
        (12, 60),
        grows=True,
    ),
    Column(
        "modified",
        "Modified",
        lambda row: format_time(row.modified),
        lambda row: format_time(row.modified, exact=True),
        (19, 24),
    ),
    Column(
        "size",
        "Size",
        lambda row: format_size(row.size),
        lambda row: f"{row.size:,} bytes",
        (8, 12),
        aligns_right=True,
    ),
)
"""The columns every store has."""
