"""Fetches the lines of the object tree from a session, and again where an object changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from app.models.tree_node import (
    CHUNK,
    FIRST_LINES,
    ROOT,
    Kind,
    NodeTable,
    Status,
    TreeNode,
    chunk_ranges,
)
from app.work.records import NodeRow, Row
from app.work.session import StoreSession
from app.work.task import Task
from persistence.pickles.texts import escaped

__all__ = ["PATIENCE_MS", "TreeEdits", "TreeLoader"]

PATIENCE_MS = 100
"""How long lines may take before "Loading…" is shown in their place: most take far less."""

_LOADING = NodeRow("Loading…", "", "", 0, (), "value")


class TreeEdits(Protocol):
    """How the loader changes the tree: the model tells its views of each act."""

    def insert(self, parent: TreeNode, place: int, nodes: list[TreeNode]) -> None:
        """Put lines below another one."""

    def remove(self, parent: TreeNode, first: int, count: int) -> None:
        """Drop lines below another one."""

    def touch(self, node: TreeNode) -> None:
        """Tell that a line looks different now."""


class TreeLoader(QObject):
    """Loads what is below the nodes of a table.

    Signals:
        loaded: Number of a node whose lines have come, or could not be had.
        changed: Number of a node that says something else than before, or is new among lines
            that were there: the object was written again.
    """

    loaded = Signal(int)
    changed = Signal(int)

    def __init__(self, table: NodeTable, edits: TreeEdits, parent: QObject) -> None:
        super().__init__(parent)
        self._table = table
        self._edits = edits
        self._session: StoreSession | None = None
        self._tasks: dict[int, Task] = {}
        self._begun: set[int] = set()  # nodes whose first lines are there, and no others
        self._lookup: Task | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._show_loading)

    def set_session(self, session: StoreSession | None) -> None:
        """Load from another store."""
        self.clear()
        self._session = session

    def clear(self) -> None:
        """Forget all that is under way; the table is cleared by its owner."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._begun.clear()
        if self._lookup is not None:
            self._lookup.cancel()
            self._lookup = None
        self._patience.stop()

    def load(self, node: TreeNode) -> None:
        """Load what is below a node, if that is not there or under way."""
        if self._session is None or node.status in (Status.LOADING, Status.LOADED):
            return
        self.release(node)
        self._ask(node)
        if not self._patience.isActive():
            self._patience.start()

    def release(self, node: TreeNode) -> None:
        """Drop the error line below a node, so that it can be loaded again."""
        if node.status is Status.FAILED:
            self._edits.remove(node, 0, len(node.children))
            node.status = Status.UNKNOWN

    def rows_as_nodes(
        self, parent: TreeNode, rows: Sequence[NodeRow], first: int
    ) -> list[TreeNode]:
        """Return lines as nodes that can be put below another one.

        Args:
            parent: The node.
            rows: The lines.
            first: Position of the first one among the children of the parent's value.
        """
        object_id, _ = self._table.source(parent)
        inside = self._table.ancestor_ids(parent) | {object_id}
        return [
            self._table.new(Kind.ROW, _with_cycle(row, inside), object_id, position)
            for position, row in enumerate(rows, first)
        ]

    def lines_below(self, parent: TreeNode, first: int, count: int) -> list[TreeNode]:
        """Return the chunks of a long container as nodes."""
        object_id, _ = self._table.source(parent)
        nodes = []
        for start, span in chunk_ranges(first, count):
            name = f"[{start:,} … {start + span - 1:,}]"
            row = NodeRow(name, "", "", span, (), "value")
            node = self._table.new(Kind.CHUNK, row, object_id, start)
            node.span = span
            nodes.append(node)
        return nodes

    # Loading

    def _ask(self, node: TreeNode) -> None:
        """Ask for what is below a node; behind a reference, for the object first."""
        assert self._session is not None
        node.status = Status.LOADING
        node.is_outdated = False
        if node.is_reference:
            object_id, _ = self._table.source(node)
            task = self._session.root(object_id).then(
                partial(self._on_target, node.key), partial(self._on_failed, node.key)
            )
            self._tasks[node.key] = task
            return
        first, count = _extent(node)
        if count > CHUNK:
            self._put(node, self.lines_below(node, first, count))
            return
        has_lines = any(line.kind is Kind.ROW for line in self._table.below(node))
        self._ask_lines(node, first, count if has_lines else min(count, FIRST_LINES), count)

    def complete(self, node: TreeNode) -> None:
        """Load all lines below a node that has the first ones."""
        node.status = Status.LOADING
        self._begun.add(node.key)
        first, count = _extent(node)
        self._ask_lines(node, first, count, count)

    def _ask_lines(self, node: TreeNode, first: int, count: int, total: int) -> None:
        assert self._session is not None
        object_id, path = self._table.source(node)
        self._tasks[node.key] = self._session.children_of(object_id, path, first, count).then(
            partial(self._on_rows, node.key, first, total), partial(self._on_failed, node.key)
        )

    def _on_target(self, key: int, root: NodeRow) -> None:
        """Go on from the object that a reference names to what is in it."""
        node = self._table.get(key)
        if node is None or self._session is None:
            return
        if root.child_count > CHUNK:
            self._put(node, self.lines_below(node, 0, root.child_count))
            return
        self._ask_lines(node, 0, CHUNK, 0)

    def _on_rows(self, key: int, first: int, total: int, rows: tuple[NodeRow, ...]) -> None:
        node = self._table.get(key)
        if node is None:
            return
        is_beginning = len(rows) == FIRST_LINES < total
        status = Status.LOADING if is_beginning else Status.LOADED
        self._put(node, self.rows_as_nodes(node, rows, first), status)
        if is_beginning and self._is_there(node) and key not in self._tasks:
            self.complete(node)

    def _on_failed(self, key: int, error: Exception) -> None:
        node = self._table.get(key)
        if node is not None:
            row = NodeRow("Not shown", str(error), "", 0, (), "error")
            object_id, _ = self._table.source(node)
            self._put(node, [self._table.new(Kind.ERROR, row, object_id)], Status.FAILED)

    def _put(self, node: TreeNode, fresh: list[TreeNode], status: Status = Status.LOADED) -> None:
        """Let new lines take the place of those below a node; lines of the same name stay."""
        self._tasks.pop(node.key, None)
        former = list(self._table.below(node))
        was_loaded = node.key not in self._begun and any(line.kind is Kind.ROW for line in former)
        self._begun.discard(node.key)
        head = _common(former, fresh)
        tail = _common(former[head:][::-1], fresh[head:][::-1])
        gone = len(former) - head - tail
        added = fresh[head : len(fresh) - tail]
        if gone:
            self._edits.remove(node, head, gone)
        if added and self._is_there(node):
            self._edits.insert(node, head, added)
            for line in added if was_loaded else ():
                self.changed.emit(line.key)
        if not self._is_there(node):
            return  # somebody who was told of the new lines shows another object now
        node.status = status
        kept = [*zip(former[:head], fresh[:head], strict=True)]
        if tail:
            kept += zip(former[-tail:], fresh[-tail:], strict=True)
        for old, new in kept:
            if self._is_there(old):
                self._update(old, new)
        if node.is_outdated and self._is_there(node):
            self._ask(node)
        self.loaded.emit(node.key)

    def _is_there(self, node: TreeNode) -> bool:
        return self._table.get(node.key) is node

    def _update(self, node: TreeNode, fresh: TreeNode) -> None:
        """Have a line say what a newer one says, and what is below it as well."""
        node.position = fresh.position
        if node.can_expand != fresh.can_expand or node.row.target != fresh.row.target:
            self._swap(node, fresh)
            return
        if node.row != fresh.row:
            if node.row.child_count != fresh.row.child_count and node.status is not Status.UNKNOWN:
                node.is_outdated = True  # what is below it was asked for by the former count
            says_other = node.row.value != fresh.row.value or node.row.type != fresh.row.type
            node.row = fresh.row
            self._edits.touch(node)
            if says_other:
                self.changed.emit(node.key)
        if node.is_outdated and node.status is Status.FAILED:
            self.release(node)
        elif node.is_outdated and node.status is Status.LOADED:
            self._ask(node)

    def _swap(self, node: TreeNode, fresh: TreeNode) -> None:
        """Put a line in the place of another one, and of all that is below that.

        Views ask once whether a line can be expanded: it cannot just say otherwise.
        """
        parent, place = self._table[node.parent], node.place
        self._edits.remove(parent, place, 1)
        if self._is_there(parent):
            self._edits.insert(parent, place, [fresh])

    def _show_loading(self) -> None:
        for key in list(self._tasks):
            node = self._table.get(key)
            if node is not None and not node.children:
                self._edits.insert(node, 0, [self._table.new(Kind.LOADING, _LOADING, "")])

    # What changed in the store

    def refresh(self, ids: Collection[str]) -> None:
        """Load again, from the object's own line on, what is shown of some objects."""
        if self._session is None:
            return
        outdated = [
            node
            for node in self._table.all()
            if node.status is not Status.UNKNOWN and self._table.source(node)[0] in ids
        ]
        for node in outdated:
            node.is_outdated = True
        for node in outdated:
            # Lines further down follow when those above them have come.
            above = self._table.get(node.parent)
            is_first = node.is_reference or above is None or above.key == ROOT
            if is_first and node.status is Status.LOADED and self._is_there(node):
                self._ask(node)
            elif is_first:
                self.release(node)

    def refresh_targets(self, ids: Collection[str]) -> None:
        """Have references to some objects say what these are like now."""
        wanted = {node.row.target for node in self._table.all() if node.row.target in ids}
        if self._session is None or not wanted:
            return
        if self._lookup is not None:
            self._lookup.cancel()
        known = [id_ for id_ in wanted if id_ is not None]
        self._lookup = self._session.rows(known).then(partial(self._on_targets, known))

    def _on_targets(self, ids: Sequence[str], rows: dict[str, Row]) -> None:
        self._lookup = None
        for node in list(self._table.all()):
            target = node.row.target
            if target is None or target not in ids or not self._is_there(node):
                continue
            fresh = self._table.new(
                Kind.ROW, _with_target(node.row, rows.get(target)), node.object_id, node.position
            )
            self._update(node, fresh)


def _extent(node: TreeNode) -> tuple[int, int]:
    """Return the positions (first, count) of what is below a node."""
    return (node.position, node.span) if node.kind is Kind.CHUNK else (0, node.row.child_count)


def _common(former: Sequence[TreeNode], fresh: Sequence[TreeNode]) -> int:
    """Return how many lines at the beginning stand for the same."""
    count = 0
    for old, new in zip(former, fresh, strict=False):
        if old.kind is not new.kind or old.row.name != new.row.name:
            break
        if old.kind in (Kind.LOADING, Kind.ERROR):
            break
        count += 1
    return count


def _with_cycle(row: NodeRow, inside: Collection[str]) -> NodeRow:
    if row.target is None or row.target not in inside:
        return row
    return replace(row, marks=row.marks | {"cycle"})


def _with_target(row: NodeRow, target: Row | None) -> NodeRow:
    if target is None:
        return replace(row, type="", state=None, marks=row.marks | {"dangling"})
    return replace(
        row,
        type=escaped(target.type),
        state=None if target.state is None else escaped(target.state),
        marks=row.marks - {"dangling"},
    )
