"""What is inside the objects of a store, asked of the inspector, with what references lead to.

The inspector sees one object at a time and only its bytes; here those are read from the store
when it needs them, and what the store knows of the objects at the other end is put in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar

from app.work import protocol
from app.work.entries import entries_of, read_records
from app.work.inspector import Inspector
from app.work.pool import Priority
from app.work.records import (
    ComparedPage,
    ComparedPlace,
    ComparedRow,
    Editing,
    FoundRow,
    Link,
    NodeRow,
    OpcodeRange,
    Row,
)
from app.work.scan import Lanes
from app.work.task import Progress
from persistence.errors import DecodeError, StoreError
from persistence.pickles.edit import Change
from persistence.pickles.opcodes import Opcode
from persistence.pickles.safety import Safety
from persistence.pickles.search import Query
from persistence.pickles.texts import escaped
from persistence.store import Record, Store
from persistence.summary import Summary

__all__ = ["ObjectReader", "Side"]

T = TypeVar("T")
Side: TypeAlias = str | bytes
"""One side of a comparison: the ID of an object, or the pickle of a version of one."""

_KEPT_NAMES = 10_000
_LINKS_WITH_PATH = 100  # referrers that are decoded to see where in them the reference is


class ObjectReader:
    """Answers questions about objects. Belongs to the lane of the inspector."""

    def __init__(self, lanes: Lanes, inspector: Inspector, *, keeps_summaries: bool) -> None:
        self._lanes = lanes
        self._inspector = inspector
        self._keeps_summaries = keeps_summaries
        self._names: dict[str, str] = {}  # ID → the version that the inspector was given
        self._reading: str | None = None  # the object of the question, unless it was written since
        self._versions = itertools.count(1)

    def forget(self, ids: Iterable[str]) -> None:
        """Have objects read again when they are asked for next. Any thread may call this."""
        for id_ in ids:
            if id_ == self._reading:
                self._reading = None
            self._names.pop(id_, None)

    def root(self, id_: str, progress: Progress) -> NodeRow:
        """Return the line of an object itself."""
        was_known = id_ in self._names
        try:
            row = self._root(id_, progress)
        except DecodeError:
            if not was_known:
                raise
            # What was salvaged of a damaged object is kept; it may have been repaired since.
            self.forget([id_])
            row = self._root(id_, progress)
        (row,) = self._with_targets([replace(row, name=escaped(id_))])
        return row

    def salvaged_root(self, id_: str, progress: Progress) -> NodeRow:
        """Return the line of what can be read of a damaged object."""
        row = self._ask(id_, lambda name, data: self._inspector.salvaged_root(name, data, progress))
        return replace(row, name=escaped(id_))

    def children(
        self, id_: str, place: tuple[Sequence[int], int, int], progress: Progress
    ) -> tuple[NodeRow, ...]:
        """Return some lines below a node, given as (path, first, count)."""
        rows = self._ask(
            id_, lambda name, data: self._inspector.children(name, data, place, progress)
        )
        return tuple(self._with_targets(rows))

    def text(self, id_: str, path: Sequence[int], part: tuple[int, int], progress: Progress) -> str:
        """Return a part of a value as text, given as (first, most) in characters."""
        return self._ask(
            id_, lambda name, data: self._inspector.text(name, data, path, part, progress)
        )

    def find_text(
        self, id_: str, path: Sequence[int], wanted: str, first: int, progress: Progress
    ) -> int | None:
        """Return where in a value's text another one is, or None."""
        ask = partial(protocol.FindText, path=tuple(path), text=wanted, first=first)
        place: int | None = self._told(id_, ask, progress)
        return place

    def expression(self, id_: str, path: Sequence[int], progress: Progress) -> str:
        """Return a value as a Python expression."""
        return self._ask(
            id_, lambda name, data: self._inspector.expression(name, data, path, progress)
        )

    def edit_text(self, id_: str, path: Sequence[int], progress: Progress) -> str | None:
        """Return what stands in an editor for a value; None if it cannot be typed."""
        text: str | None = self._told(id_, partial(protocol.EditText, path=tuple(path)), progress)
        return text

    def seen_at(self, id_: str, change: Change, progress: Progress) -> tuple[str, ...]:
        """Return the paths at which a change would be seen."""
        return tuple(self._told(id_, partial(protocol.SeenAt, **_fields(change)), progress))

    def editing(
        self, id_: str, path: Sequence[int] | None, change: Change, progress: Progress
    ) -> Editing:
        """Return what has to be known before a change, all of one version of the object."""

        def ask(name: str, data: bytes) -> Editing:
            seen = protocol.SeenAt(name, **_fields(change))
            places = self._inspector.told(seen, data, progress)
            text = None
            if path is not None:
                asked = protocol.EditText(name, path=tuple(path))
                text = self._inspector.told(asked, data, progress)
            return Editing(_version_in(name), text, tuple(places))

        return self._ask(id_, ask)

    def changed(self, id_: str, change: Change, progress: Progress) -> tuple[bytes, bytes]:
        """Return the pickle of an object as it is stored, and with a change made."""
        data = self._read(id_)
        request = protocol.Changed(self._new_name(id_, data), **_fields(change))
        return data, self._inspector.changed(request, data, progress)

    def find(self, id_: str, query: Query, limit: int, progress: Progress) -> tuple[FoundRow, ...]:
        """Return the places in an object where something is found, at most so many."""
        ask = partial(
            protocol.Find,
            text=query.text,
            is_regex=query.is_regex,
            whole_word=query.whole_word,
            case_sensitive=query.case_sensitive,
            limit=limit,
        )
        return tuple(FoundRow(*values) for values in self._told(id_, ask, progress))

    def positions(self, id_: str, address: str, progress: Progress) -> tuple[int, ...] | None:
        """Return the position path of the value at an address; None if no line shows it."""
        found = self._told(id_, partial(protocol.Positions, address=address), progress)
        return None if found is None else tuple(found)

    def safety(self, id_: str, progress: Progress) -> Safety:
        """Return what loading an object for real would run; also of a damaged one."""
        return protocol.safety_from_wire(self._told(id_, protocol.Safety, progress))

    def opcode_count(self, id_: str, progress: Progress) -> int:
        """Return how many opcodes the pickle of an object has."""
        count: int = self._told(id_, protocol.OpcodeCount, progress)
        return count

    def opcodes(self, id_: str, first: int, count: int, progress: Progress) -> tuple[Opcode, ...]:
        """Return some opcodes of the pickle of an object, fewer at the end."""
        found = self._told(id_, partial(protocol.Opcodes, first=first, count=count), progress)
        return tuple(Opcode(*values) for values in found)

    def opcodes_of(self, id_: str, address: str, progress: Progress) -> OpcodeRange:
        """Return which opcodes a value is made of."""
        ask = partial(protocol.OpcodesOf, address=address)
        return OpcodeRange(*self._told(id_, ask, progress))

    def opcode_at(self, id_: str, offset: int, progress: Progress) -> int:
        """Return the number of the opcode that a byte of the pickle belongs to."""
        number: int = self._told(id_, partial(protocol.OpcodeAt, offset=offset), progress)
        return number

    def value_at(self, id_: str, offset: int, progress: Progress) -> str:
        """Return the address of the value that a byte of the pickle belongs to."""
        address: str = self._told(id_, partial(protocol.ValueAt, offset=offset), progress)
        return address

    def compared_root(self, left: Side, right: Side, progress: Progress) -> ComparedRow:
        """Return the line of two objects themselves, compared."""
        found = self._compared(left, right, protocol.CompareRoot, progress)
        return protocol.compared_from_wire(found)

    def compared(
        self, left: Side, right: Side, place: ComparedPlace, progress: Progress
    ) -> ComparedPage:
        """Return some lines below one of a comparison."""
        ask = partial(protocol.Compare, **_fields(place))
        rows, count = self._compared(left, right, ask, progress)
        return ComparedPage(tuple(map(protocol.compared_from_wire, rows)), count)

    def references(self, id_: str, progress: Progress) -> tuple[Link, ...]:
        """Return what an object refers to, in order of appearance."""
        found = self._references(id_, progress)
        rows = self._rows([target for _, target in found])
        return tuple(_link(target, path, rows.get(target)) for path, target in found)

    def referrers(self, id_: str, progress: Progress) -> tuple[Link, ...]:
        """Return what refers to an object, as far as the store or the index knows it."""
        ids: list[str]
        if self._keeps_summaries:
            ids = self._lanes.on_store(lambda store: store.referrers(id_), Priority.VISIBLE)
        else:
            ids = self._lanes.on_index(lambda index: index.referrers(id_), Priority.VISIBLE)
        rows = self._rows(ids)
        return tuple(
            _link(
                source,
                self._path_to(id_, source, progress) if number < _LINKS_WITH_PATH else "",
                rows.get(source),
            )
            for number, source in enumerate(ids)
        )

    def version(self, id_: str, longest: int) -> tuple[str, bytes | None]:
        """Return which version of an object there is.

        Args:
            id_: The object.
            longest: Bytes of a pickle that is given too.

        Returns:
            The SHA-256 of its pickle, "" for no object; and the pickle, None if it is longer.
            A longer one that the inspector was given is not read once more for it.
        """
        name = self._names.get(id_)
        row = self._rows([id_]).get(id_)
        if name is not None and row is not None and row.size > longest:
            return _version_in(name), None
        data: bytes | None = self._lanes.on_store(
            lambda store: next((record.data for record in read_records(store, [id_])), None),
            Priority.VISIBLE,
        )
        if data is None:
            return "", None
        return sha256(data).hexdigest(), data if len(data) <= longest else None

    def _root(self, id_: str, progress: Progress) -> NodeRow:
        return self._ask(id_, lambda name, data: self._inspector.root(name, data, progress))

    def _told(
        self, id_: str, ask: Callable[[str], protocol.DocumentRequest], progress: Progress
    ) -> Any:
        """Return the JSON values that answer a request about an object."""
        return self._ask(id_, lambda name, data: self._inspector.told(ask(name), data, progress))

    def _compared(
        self,
        left: Side,
        right: Side,
        ask: Callable[..., protocol.DocumentRequest],
        progress: Progress,
    ) -> Any:
        """Return the JSON values that answer a request about two objects."""
        left_name, right_name = self._name(left), self._name(right)
        if left_name and right_name:
            with suppress(protocol.Missing):
                return self._inspector.told(ask(left_name, other=right_name), b"", progress)
        left_name = self._held(left, "", progress)
        right_name = self._held(right, left_name, progress)
        return self._inspector.told(ask(left_name, other=right_name), b"", progress)

    def _name(self, side: Side) -> str | None:
        """Return the name by which the inspector may know an object or a version."""
        if isinstance(side, bytes):
            return f"version {sha256(side).hexdigest()}"
        return self._names.get(side)

    def _held(self, side: Side, beside: str, progress: Progress) -> str:
        """Have the inspector hold an object or a version; return the name it has there."""
        if isinstance(side, bytes):
            name, data = f"version {sha256(side).hexdigest()}", side
        else:
            data = self._read(side)
            name = self._new_name(side, data)
        self._inspector.told(protocol.Hold(name, beside), data, progress)
        if isinstance(side, str):
            self._note_name(side, name)
        return name

    def _ask(self, id_: str, question: Callable[[str, bytes], T]) -> T:
        """Ask the inspector, who gets the object's pickle if it does not have it (any more)."""
        name = self._names.get(id_)
        if name is not None:
            try:
                return question(name, b"")
            except protocol.Missing:
                pass
        data = self._read(id_)
        name = self._new_name(id_, data)
        answer = question(name, data)
        self._note_name(id_, name)
        return answer

    def _read(self, id_: str) -> bytes:
        self._reading = id_
        data: bytes = self._lanes.on_store(lambda store: store.read(id_), Priority.VISIBLE)
        if not data:
            raise DecodeError("it is empty")
        return data

    def _new_name(self, id_: str, data: bytes) -> str:
        return f"{next(self._versions)} {sha256(data).hexdigest()} {id_}"

    def _note_name(self, id_: str, name: str) -> None:
        """Remember the version that was read last, unless it was written since."""
        if len(self._names) >= _KEPT_NAMES:
            self._names.clear()
        self._names[id_] = name
        if id_ != self._reading:  # asked last: it may be forgotten at this very moment
            self._names.pop(id_, None)

    def _references(self, id_: str, progress: Progress) -> list[tuple[str, str]]:
        return self._ask(id_, lambda name, data: self._inspector.references(name, data, progress))

    def _path_to(self, id_: str, source: str, progress: Progress) -> str:
        """Return where in an object another is referred to first, or "" if that is not seen."""
        progress.check()
        try:
            return next((path for path, to in self._references(source, progress) if to == id_), "")
        except StoreError:
            return ""  # it was removed or damaged a moment ago

    def _with_targets(self, rows: list[NodeRow]) -> list[NodeRow]:
        """Return lines with what the references among them lead to."""
        targets = self._rows([row.target for row in rows if row.target is not None])
        return [
            row if row.target is None else _with_target(row, targets.get(row.target))
            for row in rows
        ]

    def _rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """Return the rows of those of some objects that exist."""
        if not ids:
            return {}
        found: dict[str, Row] = self._lanes.on_index(
            lambda index: index.rows(ids), Priority.VISIBLE
        )
        unknown = [id_ for id_ in dict.fromkeys(ids) if id_ not in found]
        if unknown:
            # New, or not read yet; the store knows. It is gone if it does not.
            items = self._lanes.on_store(
                lambda store: self._items(store, unknown), Priority.VISIBLE
            )
            found |= {entry.row.id: entry.row for entry in entries_of(items, self._inspector)}
        return found

    def _items(self, store: Store, ids: Sequence[str]) -> list[Summary | Record]:
        if self._keeps_summaries:
            return list(store.summaries(ids))
        return list(read_records(store, ids))


def _version_in(name: str) -> str:
    """Return the SHA-256 that a name of `ObjectReader._new_name` has in it."""
    return name.split(" ", 2)[1]


def _fields(record: Any) -> dict[str, Any]:
    """Return the fields of a record as arguments of a request."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    if isinstance(record, Change):
        values["act"], values["address"] = values.pop("verb"), values.pop("path")
    return values


def _with_target(row: NodeRow, target: Row | None) -> NodeRow:
    if target is None:
        return replace(row, marks=row.marks | {"dangling"})
    state = None if target.state is None else escaped(target.state)
    return replace(row, type=escaped(target.type), state=state)


def _link(id_: str, path: str, row: Row | None) -> Link:
    if row is None:
        return Link(id_, path, "", None, None, exists=False)
    return Link(id_, path, row.type, row.state, row.name, exists=True)
