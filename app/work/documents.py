"""One decoded object, as lines of a tree. Lives in the inspector process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any

from app.work.examination import Examination
from app.work.records import FoundRow, NodeKind, NodeRow
from persistence.errors import DecodeError, StoreError
from persistence.pickles import Global, Object, Pickle, Reference, decode, encode, present
from persistence.pickles.classes import class_name
from persistence.pickles.edit import Change, apply, seen_at
from persistence.pickles.nodes import ByteString
from persistence.pickles.paths import find_references, joined
from persistence.pickles.places import row_positions
from persistence.pickles.salvage import is_break, salvage
from persistence.pickles.search import Query, search
from persistence.pickles.texts import escaped
from persistence.pickles.values import edit_text
from persistence.summary import digest_of

__all__ = ["Document"]

_BREAK = "The pickle breaks off here; the rest cannot be read."
_KEPT_PATHS = 4_096
_MOST_WALKED = 100_000  # values; looking for shared ones takes some 10 ms then
_MUTABLE = (list, dict, set, Object)


class Document:
    """A decoded pickle, and where in it its values are.

    Attributes:
        size: Length of the pickle in bytes.
        examination: The pickle as a program, also if it cannot be decoded.
    """

    def __init__(self, data: bytes) -> None:
        """Keep a pickle; it is decoded when it is asked about first."""
        self.size = len(data)
        self.examination = Examination(data)
        self._data = data
        # A path's values from the root down, and its readable parts.
        self._places: dict[tuple[int, ...], _Place] = {}
        self._shared: frozenset[int] | None = None
        self._is_salvaged = False

    @cached_property
    def pickle(self) -> Pickle:
        """What it decodes to.

        Raises:
            DecodeError: It is damaged or hostile. So it is with all that asks for values.
        """
        return decode(self._data)

    @cached_property
    def shown(self) -> Pickle:
        """What it decodes to; of a damaged one, what can be read up to the break.

        Raises:
            DecodeError: Nothing of it can be read.
        """
        try:
            return self.pickle
        except DecodeError as error:
            try:
                salvaged = salvage(self._data)
            except DecodeError:
                raise error from None
        self._is_salvaged = True
        return salvaged.pickle

    @property
    def _python2(self) -> bool:
        return self.shown.python2

    def root(self) -> NodeRow:
        """Return the line of the object itself; its name is for the asker to put in."""
        digest = digest_of(self.pickle)
        row = self._row("", self.pickle.root, (), "", ())
        return NodeRow(
            row.name, row.value, row.type, row.child_count, (), row.kind, row.target, row.marks,
            None if digest.state is None else escaped(digest.state),
        )  # fmt: skip

    def salvaged_root(self) -> NodeRow:
        """Return the line of what can be read of a damaged object.

        Raises:
            DecodeError: Nothing of it can be read.
        """
        row = self._row("", self.shown.root, (), "", ())
        return replace(row, kind="error")

    def children(self, path: Sequence[int], first: int, count: int) -> Iterator[NodeRow]:
        """Iterate over some lines below a node."""
        place = self._place(tuple(path))
        if place.is_cycle:
            return
        found = present.children(place.value, first, count, python2=self._python2)
        for position, child in enumerate(found, first):
            yield self._row(
                child.name,
                child.value,
                (*path, position),
                joined([*place.parts, child.path_part]),
                place.values,
                is_computed=place.is_computed or child.is_computed,
            )

    def text(self, path: Sequence[int], limit: int, first: int = 0) -> str:
        """Return a value as text of at most so many characters, from the `first` on."""
        value = self._place(tuple(path)).value
        return present.text(value, limit, first=first, python2=self._python2)

    def find_text(self, path: Sequence[int], wanted: str, first: int) -> int | None:
        """Return where in a value's text another one is, in any case: from `first` on, or before.

        None if it is nowhere in a string, or in the first million characters of another value.
        """
        value = self._place(tuple(path)).value
        is_text = isinstance(value, (str, bytes, ByteString))
        limit = max(len(value), present.TEXT_LIMIT) if is_text else present.TEXT_LIMIT
        whole = present.text(value, limit, python2=self._python2)
        pattern = re.compile(re.escape(wanted), re.IGNORECASE)
        match = pattern.search(whole, first) or pattern.search(whole)
        return None if match is None else match.start()

    def expression(self, path: Sequence[int]) -> str:
        """Return a value as a Python expression.

        Raises:
            StoreError: It would be very long.
        """
        return present.expression(self._place(tuple(path)).value, python2=self._python2)

    def edit_text(self, path: Sequence[int]) -> str | None:
        """Return what stands in an editor for a value; None if it cannot be typed."""
        value = self._place(tuple(path)).value
        return edit_text(value, python2=self._python2, protocol=self.shown.protocol)

    def seen_at(self, change: Change) -> list[str]:
        """Return the paths at which a change would be seen.

        Raises:
            StoreError: It cannot be made.
        """
        return seen_at(self.pickle, change)

    def changed(self, change: Change) -> bytes:
        """Return the pickle with a change made; this document stays what it is.

        Raises:
            StoreError: It cannot be made.
        """
        written = encode(apply(decode(self._data), change))
        decode(written)  # nothing is written that could not be read again
        return written

    def find(self, query: Query, limit: int) -> list[FoundRow]:
        """Return the places where something is found, at most so many.

        Raises:
            StoreError: The query is none.
        """
        return [
            FoundRow(
                match.path,
                match.part,
                match.preview,
                present.type_name(match.value, python2=self._python2),
            )
            for match in islice(search(self.shown, query), limit)
        ]

    def positions(self, address: str) -> tuple[int, ...] | None:
        """Return the position path of the value at an address; None if no line shows it."""
        return row_positions(self.shown, address)

    def references(self) -> Iterator[tuple[str, str]]:
        """Iterate over the external references: path and ID."""
        if not self.pickle.references:
            return  # looking for their paths walks over everything
        for path, reference in find_references(self.pickle):
            yield path, reference.id

    def _row(
        self,
        name: str,
        value: Any,
        path: tuple[int, ...],
        address: str,
        above: tuple[Any, ...],
        *,
        is_computed: bool = False,
    ) -> NodeRow:
        if self._is_salvaged and is_break(value):
            return NodeRow(name, _BREAK, "", 0, path, "error", address=address)
        marks = {"computed"} if is_computed else set()
        if self._is_salvaged:
            marks.add("salvaged")
        line = present.preview(value, python2=self._python2)
        if len(line) >= present.PREVIEW_LIMIT and line.endswith("…"):
            marks.add("truncated")
        if isinstance(value, Reference):
            return NodeRow(
                name, line, "", 0, path, "reference", value.id, frozenset(marks), None, address
            )
        child_count = present.child_count(value, python2=self._python2)
        if child_count and _is_among(value, above):
            marks.add("cycle")
            child_count = 0
        elif path and isinstance(value, _MUTABLE) and id(value) in self._shared_ids():
            marks.add("shared")
        if isinstance(value, ByteString) or (self._python2 and type(value) is bytes):
            marks.add("python2")
        kind: NodeKind = "object" if child_count or isinstance(value, _MUTABLE) else "value"
        return NodeRow(
            name, line, self._type(value), child_count, path, kind, None, frozenset(marks), None,
            address,
        )  # fmt: skip

    def _type(self, value: Any) -> str:
        """Return the class with its module, where that is what the value looks like."""
        short = present.type_name(value, python2=self._python2)
        if not isinstance(value, Object):
            return short
        full = escaped(class_name(value, python2=self._python2)).removeprefix("builtins.")
        return full if full.endswith(f".{short}") else short

    def _place(self, path: tuple[int, ...]) -> _Place:
        """Return what is at a path, going on from the longest part of it that is known."""
        known = len(path)
        while known and path[:known] not in self._places:
            known -= 1
        place = self._places[path[:known]] if known else _Place((self.shown.root,), ())
        if len(self._places) + len(path) - known > _KEPT_PATHS:
            self._places.clear()
        for depth in range(known, len(path)):
            found = present.children(place.value, path[depth], 1, python2=self._python2)
            if not found or path[depth] < 0 or place.is_cycle:
                raise StoreError(
                    "This value is no longer there: the object was changed.", "Refresh the object."
                )
            place = _Place(
                (*place.values, found[0].value),
                (*place.parts, found[0].path_part),
                is_computed=place.is_computed or found[0].is_computed,
            )
            self._places[path[: depth + 1]] = place
        return place

    def _shared_ids(self) -> frozenset[int]:
        if self._shared is None:
            self._shared = _shared_in(self.shown.root)
        return self._shared


class _Place:
    """A value and the way to it.

    Attributes:
        values: The values from the root down to it.
        parts: What its readable path is made of.
        is_computed: Whether it is worked out from what is in the pickle.
    """

    __slots__ = ("is_computed", "parts", "values")

    def __init__(
        self, values: tuple[Any, ...], parts: tuple[str, ...], *, is_computed: bool = False
    ) -> None:
        self.values = values
        self.parts = parts
        self.is_computed = is_computed

    @property
    def value(self) -> Any:
        return self.values[-1]

    @property
    def is_cycle(self) -> bool:
        return isinstance(self.value, (*_MUTABLE, tuple, frozenset)) and _is_among(
            self.value, self.values[:-1]
        )


def _is_among(value: Any, others: Sequence[Any]) -> bool:
    return any(value is other for other in others)


def _shared_in(root: Any) -> frozenset[int]:
    """Return the id() of what can be changed and stands at several places of a graph.

    Nothing, if the graph is so large that looking for it would take long.
    """
    seen: set[int] = set()
    shared: set[int] = set()
    stack = [root]
    walked = 0
    while stack:
        value = stack.pop()
        walked += 1
        if walked > _MOST_WALKED:
            return frozenset()
        if isinstance(value, (Reference, Global)) or not isinstance(
            value, (*_MUTABLE, tuple, frozenset)
        ):
            continue
        if id(value) in seen:
            if isinstance(value, _MUTABLE):
                shared.add(id(value))
            continue
        seen.add(id(value))
        stack.extend(_parts(value))
    return frozenset(shared)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, Object):
        for parts in (value.args, value.states, value.items, value.added, value.kwargs.values()):
            yield from parts
        for pair in value.pairs:
            yield from pair
    else:
        yield from value
