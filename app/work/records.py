"""The frozen records that cross from the background threads to the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from persistence.pickles.comparison import Row as ComparedRow
from persistence.pickles.search import Part

__all__ = [
    "COLUMN_KEYS",
    "ComparedPage",
    "ComparedPlace",
    "ComparedRow",
    "Editing",
    "FoundRow",
    "Link",
    "NodeKind",
    "NodeRow",
    "OpcodeRange",
    "Row",
    "RowQuery",
    "RowWindow",
    "SortColumn",
    "StoreInfo",
]

COLUMN_KEYS = ("id", "type", "state", "name", "modified", "size")
"""The columns that every store has."""

SortColumn: TypeAlias = str
"""One of these, the path of an attribute, or "" for the order of the store."""

NodeKind = Literal["value", "object", "reference", "error"]


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What the window says about an open store.

    Attributes:
        uri: Its address without password.
        kind: "SQLite database", "folder", "PostgreSQL database"…
        container: Which part of it: "table campaign", or "".
        writer: "GC3Pie", "Jobshelf", or "" where it cannot be told.
        read_only: Whether nothing can be changed.
        count: Number of objects, or None while that is not known.
        notices: Sentences the user should read about how the store was opened.
        can_follow: Whether the store can tell what changed (live view).
    """

    uri: str
    kind: str
    container: str
    writer: str
    read_only: bool
    count: int | None = None
    notices: tuple[str, ...] = ()
    can_follow: bool = True


@dataclass(frozen=True, slots=True)
class Editing:
    """What has to be known before a value is changed.

    Attributes:
        version: SHA-256 of the pickle that the rest is about, hex.
        text: What stands in an editor for the value, a literal; None if it cannot be typed.
        places: The paths at which the change would be seen; more than one: ask.
    """

    version: str
    text: str | None
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One object, as the ID table lists it.

    Attributes:
        id: Persistent ID.
        type: `module.QualifiedName` of the object's class; "" if its pickle is unreadable.
        state: Its state as text, or None if it has none.
        name: Its name, or None if it has none.
        modified: When it was last written, in seconds since the epoch, or None if unknown.
        size: Length of its pickle in bytes.
        values: What stands at the paths that were asked for, as text; "" where nothing does.
    """

    id: str
    type: str
    state: str | None
    name: str | None
    modified: float | None
    size: int
    values: tuple[str, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Whether the object's pickle could be decoded."""
        return bool(self.type)


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which objects the ID table shows, in which order.

    Attributes:
        text: A filter, see `app.work.query`; "" for all objects.
        sort: The column to sort by; "" for the order of the store.
        descending: Whether the highest comes first. Objects without a value come last both
            ways, and equal ones stay in the order of the store.
        paths: Attributes that are shown with each object.
    """

    text: str = ""
    sort: SortColumn = ""
    descending: bool = False
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowWindow:
    """What a table shows of a query at one moment.

    Attributes:
        count: Number of objects that match, or None if that was not asked for.
        pages: First row number → the rows from there, for each page that was asked for.
        places: ID → row number, for each ID asked for that matches.
    """

    count: int | None
    pages: dict[int, tuple[Row, ...]]
    places: dict[str, int]


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One line of the object tree.

    Attributes:
        name: Attribute name, key or position; the ID for the object itself.
        value: A preview on one line, without control characters.
        type: `module.QualifiedName` of the value's class; of the object that it names for a
            reference, or "" if that is missing.
        child_count: How many lines there are below; 0 for a reference, whose lines are
            those of the object that it names.
        path: Positions among the children, from the object's root down to here.
        kind: "object" for an object and for a container, "reference" for an external
            reference, "error" for a value that cannot be shown, "value" for all others.
        target: The ID that a reference names, else None.
        marks: Some of "computed" (it is worked out from what is stored, and cannot be
            edited), "cycle" (an ancestor of itself), "dangling" (the object that it names is
            missing), "salvaged" (it is what can be read of a damaged object, and cannot be
            edited), "shared" (it stands at several places), "python2" (a byte string of
            Python 2, shown as text), "truncated" (the preview is cut).
        state: The state of an object, or of the object that a reference names, or None.
        address: Readable path, such as `execution.history[2]`; "" for the object itself.
    """

    name: str
    value: str
    type: str
    child_count: int
    path: tuple[int, ...]
    kind: NodeKind
    target: str | None = None
    marks: frozenset[str] = frozenset()
    state: str | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """One external reference between two objects, seen from one of them.

    Attributes:
        id: ID of the object at the other end.
        path: Where the reference stands in the object that holds it: `tasks[3]`; "" where
            that was not looked up.
        type: `module.QualifiedName` of the object at the other end; "" if unknown.
        state: Its state, or None.
        name: Its name, or None.
        exists: Whether it is in the store.
    """

    id: str
    path: str
    type: str
    state: str | None
    name: str | None
    exists: bool


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One place in an object where a text was found.

    Attributes:
        address: Readable path, such as `execution.history[2]`.
        part: Whether the name, the value or its type matched.
        value: A preview of the value on one line, without control characters.
        type: Short name of its type.
    """

    address: str
    part: Part
    value: str
    type: str


@dataclass(frozen=True, slots=True)
class OpcodeRange:
    """The opcodes that a value is made of.

    Attributes:
        first, last: Numbers of the first and the last opcode, both included.
        made_first, made_last: The same for where the value was made, which are others if it
            is fetched from the memo here.
    """

    first: int
    last: int
    made_first: int
    made_last: int


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """Some lines below one of a comparison.

    Attributes:
        rows: The lines.
        count: How many there are in all.
    """

    rows: tuple[ComparedRow, ...]
    count: int


@dataclass(frozen=True, slots=True)
class ComparedPlace:
    """Which lines of a comparison.

    Attributes:
        path: Positions from the two objects down to the line above them.
        first, count: Which of the lines below that.
        only_differences: Whether lines that are the same are left out.
    """

    path: tuple[int, ...] = ()
    first: int = 0
    count: int = 256
    only_differences: bool = False
