"""What the window's process and the inspector process say to each other.

A message is two frames on a pipe: a header in JSON, and raw bytes, which may be empty. The
inspector sends texts and numbers only; nothing it sends is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection
from typing import Any, ClassVar, TypeAlias

from app.work.records import NodeRow
from persistence.errors import DecodeError, StoreError

__all__ = [
    "Children",
    "Digests",
    "DocumentRequest",
    "Expression",
    "Missing",
    "References",
    "Request",
    "Root",
    "Text",
    "error_from_wire",
    "error_to_wire",
    "receive",
    "request_from_wire",
    "request_to_wire",
    "row_from_wire",
    "row_to_wire",
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

    document: str


@dataclass(frozen=True, slots=True)
class Root(DocumentRequest):
    """Asks for the line of the object itself: one row."""

    verb: ClassVar[str] = "root"


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
class Digests:
    """Asks for type, state, name and references of many pickles; null for one unreadable.

    Attributes:
        sizes: Lengths of the pickles, which follow one after the other as bytes.
    """

    verb: ClassVar[str] = "digests"
    sizes: tuple[int, ...] = ()


Request: TypeAlias = Root | Children | Text | Expression | References | Digests

_REQUESTS: dict[str, Callable[..., Request]] = {
    kind.verb: kind for kind in (Root, Children, Text, Expression, References, Digests)
}


class Missing(Exception):
    """The inspector does not have the document (any more): its pickle must be sent again."""


def request_to_wire(request: Request) -> dict[str, Any]:
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
