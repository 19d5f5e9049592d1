"""What the window's process and the inspector process say to each other.

A message is two frames on a pipe: a header in JSON, and raw bytes, which may be empty. The
inspector sends texts and numbers only; nothing it sends is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from multiprocessing.connection import Connection
from typing import Any, ClassVar, TypeAlias, get_args

from app.work.records import ComparedRow, NodeRow
from persistence.errors import DecodeError, StoreError
from persistence.pickles.comparison import Cell
from persistence.pickles.edit import Change, Verb
from persistence.pickles.findings import Action, Finding
from persistence.pickles.risks import Risk
from persistence.pickles.safety import Safety as SafetyReport
from persistence.pickles.search import Query

__all__ = [
    "ChangeRequest",
    "Changed",
    "Children",
    "Compare",
    "CompareRoot",
    "Digests",
    "DocumentRequest",
    "EditText",
    "Expression",
    "Facts",
    "Find",
    "Hold",
    "Missing",
    "OpcodeCount",
    "Opcodes",
    "OpcodesOf",
    "Positions",
    "References",
    "Request",
    "Root",
    "Safety",
    "Salvage",
    "SeenAt",
    "Text",
    "ValueAt",
    "compared_from_wire",
    "error_from_wire",
    "error_to_wire",
    "receive",
    "record_to_wire",
    "request_from_wire",
    "request_to_wire",
    "row_from_wire",
    "row_to_wire",
    "safety_from_wire",
    "send",
    "split",
]


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """A question about one decoded object.

    Attributes:
        document: Which object in which version, as the asker names it. Its pickle goes as
            the bytes of the message, or is empty if the inspector should have it.
    """

    verb: ClassVar[str]
    document: str


@dataclass(frozen=True, slots=True)
class Root(DocumentRequest):
    """Asks for the line of the object itself: one row."""

    verb: ClassVar[str] = "root"


@dataclass(frozen=True, slots=True)
class Salvage(DocumentRequest):
    """Asks for the line of what can be read of a damaged object: one row."""

    verb: ClassVar[str] = "salvage"


@dataclass(frozen=True, slots=True)
class Children(DocumentRequest):
    """Asks for some lines below a node: rows."""

    verb: ClassVar[str] = "children"
    path: tuple[int, ...] = ()
    first: int = 0
    count: int = 1000


@dataclass(frozen=True, slots=True)
class Text(DocumentRequest):
    """Asks for a value as text."""

    verb: ClassVar[str] = "text"
    path: tuple[int, ...] = ()
    limit: int = 1_000_000
    first: int = 0


@dataclass(frozen=True, slots=True)
class FindText(DocumentRequest):
    """Asks where in a value's text another one is: a number of characters, or null."""

    verb: ClassVar[str] = "find_text"
    path: tuple[int, ...] = ()
    text: str = ""
    first: int = 0


@dataclass(frozen=True, slots=True)
class Expression(DocumentRequest):
    """Asks for a value as a Python expression."""

    verb: ClassVar[str] = "expression"
    path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class References(DocumentRequest):
    """Asks for the external references: [path, ID] of each."""

    verb: ClassVar[str] = "references"


@dataclass(frozen=True, slots=True)
class EditText(DocumentRequest):
    """Asks for what stands in an editor for a value: a text, or null if it is not typed."""

    verb: ClassVar[str] = "edit_text"
    path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeRequest(DocumentRequest):
    """A question about a change, given field by field as `persistence.pickles.edit.Change`."""

    act: Verb = "set"
    address: str = ""
    value: str = ""
    old: str = ""
    everywhere: bool = True

    @property
    def change(self) -> Change:
        """The change."""
        return Change(self.act, self.address, self.value, self.old, self.everywhere)


@dataclass(frozen=True, slots=True)
class SeenAt(ChangeRequest):
    """Asks where a change would be seen: paths."""

    verb: ClassVar[str] = "seen_at"


@dataclass(frozen=True, slots=True)
class Changed(ChangeRequest):
    """Asks for the pickle with a change made: bytes."""

    verb: ClassVar[str] = "changed"


@dataclass(frozen=True, slots=True)
class Find(DocumentRequest):
    """Asks for the places where a text is: `FoundRow` of each, one more than the limit."""

    verb: ClassVar[str] = "find"
    text: str = ""
    is_regex: bool = False
    whole_word: bool = False
    case_sensitive: bool = False
    limit: int = 1_000

    @property
    def query(self) -> Query:
        """What to look for."""
        return Query(self.text, self.is_regex, self.whole_word, self.case_sensitive)


@dataclass(frozen=True, slots=True)
class Positions(DocumentRequest):
    """Asks for the position path of a value, given its address; null if it has no row."""

    verb: ClassVar[str] = "positions"
    address: str = ""


@dataclass(frozen=True, slots=True)
class Safety(DocumentRequest):
    """Asks what loading the pickle would run."""

    verb: ClassVar[str] = "safety"


@dataclass(frozen=True, slots=True)
class OpcodeCount(DocumentRequest):
    """Asks for the number of opcodes."""

    verb: ClassVar[str] = "opcode_count"


@dataclass(frozen=True, slots=True)
class Opcodes(DocumentRequest):
    """Asks for some opcodes: `Opcode` of each, fewer at the end."""

    verb: ClassVar[str] = "opcodes"
    first: int = 0
    count: int = 256


@dataclass(frozen=True, slots=True)
class OpcodesOf(DocumentRequest):
    """Asks which opcodes a value is made of, given its address: an `OpcodeRange`."""

    verb: ClassVar[str] = "opcodes_of"
    address: str = ""


@dataclass(frozen=True, slots=True)
class OpcodeAt(DocumentRequest):
    """Asks for the number of the opcode that the byte at an offset belongs to."""

    verb: ClassVar[str] = "opcode_at"
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ValueAt(DocumentRequest):
    """Asks for the address of the value that the byte at an offset belongs to."""

    verb: ClassVar[str] = "value_at"
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Hold(DocumentRequest):
    """Has the inspector keep a pickle, and another one beside it."""

    verb: ClassVar[str] = "hold"
    beside: str = ""


@dataclass(frozen=True, slots=True)
class CompareRoot(DocumentRequest):
    """Asks for the line of two objects themselves: a `Row` of a comparison.

    Attributes:
        other: The second document, on the right; it must be there.
    """

    verb: ClassVar[str] = "compare_root"
    other: str = ""


@dataclass(frozen=True, slots=True)
class Compare(DocumentRequest):
    """Asks for the lines below one of a comparison with another document: a `ComparedPage`.

    Attributes:
        other: The second document, on the right; it must be there.
        path: Positions from the two objects down to a line.
        first, count: Which of the lines below it.
        only_differences: Whether lines that are the same are left out.
    """

    verb: ClassVar[str] = "compare"
    other: str = ""
    path: tuple[int, ...] = ()
    first: int = 0
    count: int = 256
    only_differences: bool = False


@dataclass(frozen=True, slots=True)
class Digests:
    """Asks for type, state, name and references of many pickles; null for one unreadable.

    Attributes:
        sizes: Lengths of the pickles, which follow one after the other as bytes.
    """

    verb: ClassVar[str] = "digests"
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Asks for the facts of many pickles, as JSON objects; null for one unreadable.

    Attributes:
        sizes: Lengths of the pickles, which follow one after the other as bytes.
    """

    verb: ClassVar[str] = "facts"
    sizes: tuple[int, ...] = ()


Request: TypeAlias = (
    Root
    | Salvage
    | Children
    | Text
    | FindText
    | Expression
    | References
    | EditText
    | SeenAt
    | Changed
    | Find
    | Positions
    | Safety
    | OpcodeCount
    | Opcodes
    | OpcodesOf
    | OpcodeAt
    | ValueAt
    | Hold
    | CompareRoot
    | Compare
    | Digests
    | Facts
)

_REQUESTS: dict[str, Callable[..., Request]] = {kind.verb: kind for kind in get_args(Request)}


class Missing(Exception):
    """The inspector does not have the document (any more): its pickle must be sent again."""


def request_to_wire(request: DocumentRequest | Digests | Facts) -> dict[str, Any]:
    """Return a request as the header of a message."""
    values = {field.name: getattr(request, field.name) for field in fields(request)}
    return {"verb": request.verb, **values}


def request_from_wire(header: dict[str, Any]) -> Request:
    """Return the request that a header is."""
    kind = _REQUESTS[header.pop("verb")]
    return kind(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in header.items()
        }
    )


def send(pipe: Connection, header: dict[str, Any], payload: bytes | bytearray = b"") -> None:
    """Send one message."""
    pipe.send_bytes(json.dumps(header, separators=(",", ":")).encode("ascii"))
    pipe.send_bytes(payload)


def receive(pipe: Connection) -> tuple[dict[str, Any], bytes]:
    """Wait for one message and return its header and its bytes.

    Raises:
        EOFError: The other end is closed.
    """
    header: dict[str, Any] = json.loads(pipe.recv_bytes())
    return header, pipe.recv_bytes()


def split(payload: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Iterate over the pickles that were sent one after the other."""
    at = 0
    for size in sizes:
        yield payload[at : at + size]
        at += size


def row_to_wire(row: NodeRow) -> list[Any]:
    """Return a line of the tree as JSON values."""
    return [
        row.name, row.value, row.type, row.child_count, row.path, row.kind, row.target,
        sorted(row.marks), row.state, row.address,
    ]  # fmt: skip


def row_from_wire(values: list[Any]) -> NodeRow:
    """Return the line that JSON values stand for."""
    name, value, type_, child_count, path, kind, target, marks, state, address = values
    return NodeRow(
        name, value, type_, child_count, tuple(path), kind, target, frozenset(marks), state, address
    )


def record_to_wire(record: Any) -> Any:
    """Return a frozen record, or a sequence of such, as JSON values: its fields in order."""
    if is_dataclass(record):
        return [record_to_wire(getattr(record, field.name)) for field in fields(record)]
    if isinstance(record, Enum):
        return record.value
    if isinstance(record, (list, tuple)):
        return [record_to_wire(part) for part in record]
    return record


def safety_from_wire(values: list[Any]) -> SafetyReport:
    """Return what loading a pickle would run from JSON values."""
    verdict, findings, omitted, fault, caution = values
    return SafetyReport(verdict, tuple(map(_finding, findings)), omitted, fault, caution)


def _finding(values: list[Any]) -> Finding:
    risk, action, subject, detail, reason, offsets, count = values
    return Finding(Risk(risk), Action(action), subject, detail, reason, tuple(offsets), count)


def compared_from_wire(values: list[Any]) -> ComparedRow:
    """Return a line of a comparison from JSON values."""
    position, name, former_name, left, right, *rest = values
    left, right = (None if cell is None else Cell(*cell) for cell in (left, right))
    return ComparedRow(position, name, former_name, left, right, *rest)


def error_to_wire(error: StoreError) -> dict[str, Any]:
    """Return an error of the library as JSON values."""
    wire: dict[str, Any] = {"reason": error.reason, "advice": error.advice}
    if isinstance(error, DecodeError):
        wire |= {"offset": error.offset, "limit": error.limit, "actual": error.actual}
    return wire


def error_from_wire(wire: dict[str, Any]) -> StoreError:
    """Return the error that JSON values stand for."""
    if "offset" not in wire:
        return StoreError(wire["reason"], wire["advice"])
    error = DecodeError("", wire["offset"], limit=wire["limit"], actual=wire["actual"])
    error.reason, error.advice = wire["reason"], wire["advice"]  # composed on the other side
    error.args = (error.reason, error.advice)
    return error
