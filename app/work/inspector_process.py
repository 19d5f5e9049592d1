"""The inspector process: it keeps decoded objects and answers questions about them.

It is the only place where pickles are decoded for the window, so that one that is hostile
or huge costs this process and nothing else. It imports neither Qt nor a database library.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import traceback
from collections import OrderedDict
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from app.work import protocol
from app.work.documents import Document
from app.work.records import ComparedPage
from persistence.errors import DecodeError, StoreError
from persistence.facts import facts
from persistence.pickles.comparison import Comparison
from persistence.summary import digest

__all__ = ["main"]


def main(pipe: Connection, memory: int, kept: int) -> None:
    """Answer requests until the other end of the pipe is closed.

    Args:
        pipe: Where requests come from and answers go to.
        memory: Bytes this process may take beyond what it has at the start.
        kept: Bytes of pickles whose decoded objects are kept.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the window to act on
    limit_memory(memory)
    gc.disable()  # decoding makes millions of objects; cycles are collected as they are dropped
    gc.freeze()
    desk = _Desk(kept)
    try:
        protocol.send(pipe, {"ready": True})
    except OSError:
        return
    while True:
        try:
            header, payload = protocol.receive(pipe)
        except (EOFError, OSError, MemoryError):
            return  # the asker is gone, or asks for more than there is room for
        answer, text = _answer(desk, header, payload)
        del payload
        try:
            protocol.send(pipe, answer, text)
        except OSError:
            return


def limit_memory(memory: int) -> None:
    """Have the system refuse memory beyond what is taken now, where it can do that."""
    if sys.platform != "linux":
        return  # macOS ignores the limit and Windows has none: the asker watches there
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = taken + memory
    if hard == resource.RLIM_INFINITY or ceiling < hard:
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, hard))


def _answer(desk: _Desk, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the message that answers a request, whatever happens."""
    try:
        return desk.answer(protocol.request_from_wire(header), payload)
    except protocol.Missing:
        return {"missing": True}, b""
    except StoreError as error:
        return {"error": protocol.error_to_wire(error)}, b""
    except (MemoryError, RecursionError) as error:
        del error
        desk.clear()
        out_of_bounds = DecodeError("it needs more memory than the inspector may take")
        return {"error": protocol.error_to_wire(out_of_bounds)}, b""
    except Exception:  # noqa: BLE001 -- our bug: told in full to the asker, which reports it
        return {"bug": traceback.format_exc()}, b""


class _Desk:
    """The decoded objects at hand, the ones used last are kept longest."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._compared: tuple[str, str, Comparison] | None = None

    def answer(self, request: protocol.Request, payload: bytes) -> tuple[dict[str, Any], bytes]:
        if isinstance(request, protocol.Digests):
            return {"result": list(_digests(payload, request.sizes))}, b""
        if isinstance(request, protocol.Facts):
            return {"result": list(_facts(payload, request.sizes))}, b""
        document = self._document(request, payload)
        match request:
            case protocol.Root():
                return {"result": protocol.row_to_wire(document.root())}, b""
            case protocol.Salvage():
                return {"result": protocol.row_to_wire(document.salvaged_root())}, b""
            case protocol.Children():
                rows = document.children(request.path, request.first, request.count)
                return {"result": [protocol.row_to_wire(row) for row in rows]}, b""
            case protocol.Text():
                return {}, document.text(request.path, request.limit, request.first).encode()
            case protocol.Expression():
                return {}, document.expression(request.path).encode("utf-8", "backslashreplace")
            case protocol.Changed():
                return {}, document.changed(request.change)
            case _:
                return {"result": protocol.record_to_wire(self._told(document, request))}, b""

    def _told(self, document: Document, request: protocol.DocumentRequest) -> Any:
        """Return records, texts and numbers about a document."""
        match request:
            case protocol.References():
                return list(document.references())
            case protocol.FindText():
                return document.find_text(request.path, request.text, request.first)
            case protocol.EditText():
                return document.edit_text(request.path)
            case protocol.SeenAt():
                return document.seen_at(request.change)
            case protocol.Find():
                return document.find(request.query, request.limit)
            case protocol.Positions():
                return document.positions(request.address)
            case protocol.CompareRoot():
                return self._comparison(request.document, request.other).root()
            case protocol.Compare():
                return _page(self._comparison(request.document, request.other), request)
            case protocol.Hold():
                return None  # to be there is all it is asked for
        return _examined(document, request)

    def _comparison(self, name: str, other: str) -> Comparison:
        if self._compared is None or self._compared[:2] != (name, other):
            self._compared = None
            left, right = self._documents.get(name), self._documents.get(other)
            if left is None or right is None:
                raise protocol.Missing
            self._compared = (name, other, Comparison(left.pickle, right.pickle))
        return self._compared[2]

    def clear(self) -> None:
        """Free all decoded objects."""
        self._documents.clear()
        self._compared = None
        gc.collect()

    def _document(self, request: protocol.DocumentRequest, payload: bytes) -> Document:
        name = request.document
        if payload:
            self._make_room(len(payload), request)
            self._documents[name] = Document(payload)
        elif name not in self._documents:
            raise protocol.Missing
        self._documents.move_to_end(name)
        return self._documents[name]

    def _make_room(self, size: int, request: protocol.DocumentRequest) -> None:
        total = size + sum(document.size for document in self._documents.values())
        if total <= self._kept:
            return
        beside = request.beside if isinstance(request, protocol.Hold) else ""
        self._compared = None
        for name in [name for name in self._documents if name != beside]:
            total -= self._documents.pop(name).size
            if total <= self._kept:
                break
        gc.collect()


def _examined(document: Document, request: protocol.DocumentRequest) -> Any:
    """Return what is asked about the pickle as a program."""
    match request:
        case protocol.Safety():
            return document.examination.safety()
        case protocol.OpcodeCount():
            return document.examination.opcode_count()
        case protocol.Opcodes():
            return document.examination.opcodes(request.first, request.count)
        case protocol.OpcodesOf():
            return document.examination.opcodes_of(document.pickle, request.address)
        case protocol.OpcodeAt():
            return document.examination.opcode_at(request.offset)
        case protocol.ValueAt():
            return document.examination.value_at(document.pickle, request.offset)
    raise TypeError(f"nobody answers {request}")


def _page(comparison: Comparison, request: protocol.Compare) -> ComparedPage:
    only = request.only_differences
    rows = comparison.children(request.path, request.first, request.count, only_differences=only)
    return ComparedPage(tuple(rows), comparison.child_count(request.path, only_differences=only))


def _facts(payload: bytes, sizes: tuple[int, ...]) -> Iterator[str | None]:
    for data in protocol.split(payload, sizes):
        try:
            # Without escapes: a search looks for letters as they are.
            yield json.dumps(facts(data), ensure_ascii=False)
        except (MemoryError, RecursionError):
            yield None
    gc.collect()


def _digests(payload: bytes, sizes: tuple[int, ...]) -> Iterator[list[Any] | None]:
    for data in protocol.split(payload, sizes):
        try:
            found = digest(data)
        except (DecodeError, MemoryError, RecursionError):
            yield None
        else:
            yield [found.type, found.state, found.name, found.references]
    gc.collect()
