"""What is inside the objects of a store, asked of the inspector, with what references lead to.

The inspector sees one object at a time and only its bytes; here those are read from the store
when it needs them, and what the store knows of the objects at the other end is put in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from app.work import protocol
from app.work.inspector import Inspector
from app.work.pool import Priority
from app.work.records import Link, NodeRow, Row
from app.work.scan import Lanes, entries_of, read_records
from app.work.task import Progress
from persistence.errors import DecodeError, StoreError
from persistence.pickles.texts import escaped
from persistence.store import Record, Store
from persistence.summary import Summary

__all__ = ["ObjectReader"]

T = TypeVar("T")

_KEPT_NAMES = 10_000
_LINKS_WITH_PATH = 100  # referrers that are decoded to see where in them the reference is


class ObjectReader:
    """Answers questions about objects. Belongs to the lane of the inspector."""

    def __init__(self, lanes: Lanes, inspector: Inspector, *, keeps_summaries: bool) -> None:
        self._lanes = lanes
        self._inspector = inspector
        self._keeps_summaries = keeps_summaries
        self._names: dict[str, str] = {}  # ID → the version that the inspector was given
        self._versions = itertools.count(1)

    def forget(self, ids: Iterable[str]) -> None:
        """Have objects read again when they are asked for next. Any thread may call this."""
        for id_ in ids:
            self._names.pop(id_, None)

    def root(self, id_: str, progress: Progress) -> NodeRow:
        """Return the line of an object itself."""
        row = self._ask(id_, lambda name, data: self._inspector.root(name, data, progress))
        (row,) = self._with_targets([replace(row, name=escaped(id_))])
        return row

    def children(
        self, id_: str, place: tuple[Sequence[int], int, int], progress: Progress
    ) -> tuple[NodeRow, ...]:
        """Return some lines below a node, given as (path, first, count)."""
        rows = self._ask(
            id_, lambda name, data: self._inspector.children(name, data, place, progress)
        )
        return tuple(self._with_targets(rows))

    def text(self, id_: str, path: Sequence[int], limit: int, progress: Progress) -> str:
        """Return a value as text of at most so many characters."""
        return self._ask(
            id_, lambda name, data: self._inspector.text(name, data, path, limit, progress)
        )

    def expression(self, id_: str, path: Sequence[int], progress: Progress) -> str:
        """Return a value as a Python expression."""
        return self._ask(
            id_, lambda name, data: self._inspector.expression(name, data, path, progress)
        )

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

    def _ask(self, id_: str, question: Callable[[str, bytes], T]) -> T:
        """Ask the inspector, who gets the object's pickle if it does not have it (any more)."""
        name = self._names.get(id_)
        if name is not None:
            try:
                return question(name, b"")
            except protocol.Missing:
                pass
        data: bytes = self._lanes.on_store(lambda store: store.read(id_), Priority.VISIBLE)
        if not data:
            raise DecodeError("it is empty")
        if len(self._names) >= _KEPT_NAMES:
            self._names.clear()
        name = f"{next(self._versions)} {id_}"
        answer = question(name, data)
        self._names[id_] = name
        return answer

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


def _with_target(row: NodeRow, target: Row | None) -> NodeRow:
    if target is None:
        return replace(row, marks=row.marks | {"dangling"})
    state = None if target.state is None else escaped(target.state)
    return replace(row, type=escaped(target.type), state=state)


def _link(id_: str, path: str, row: Row | None) -> Link:
    if row is None:
        return Link(id_, path, "", None, None, exists=False)
    return Link(id_, path, row.type, row.state, row.name, exists=True)
