"""The lines of the object tree, as a table of numbered nodes without any Qt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from app.work.records import NodeRow

__all__ = [
    "CHUNK",
    "FIRST_LINES",
    "ROOT",
    "Kind",
    "NodeTable",
    "Status",
    "TreeNode",
    "chunk_ranges",
]

CHUNK = 1_000
"""Most lines below one node; what has more shows ranges of lines first."""

FIRST_LINES = 64
"""Lines that are fetched before the others below a node: more than a view shows at once."""

ROOT = 0
"""Number of the node above all, which is not shown."""


class Kind(Enum):
    """What a line stands for."""

    ROW = "row"
    CHUNK = "chunk"
    LOADING = "loading"
    ERROR = "error"


class Status(Enum):
    """How far the lines below a node have come."""

    UNKNOWN = "unknown"
    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class TreeNode:
    """One line.

    Attributes:
        key: Its number, never used again while the table lives.
        parent: Number of the line above it.
        kind: What it stands for.
        row: What is shown; for a chunk, a loading or an error line, made up here.
        object_id: The object whose value it is: behind a reference another one than above.
        position: Which child of its parent's value it is; for a chunk the first one in it.
        span: How many children a chunk covers.
        place: Which line below its parent it is.
        children: Numbers of the lines below it.
        status: How far these have come.
        is_outdated: Whether they must be loaded again.
    """

    key: int
    parent: int
    kind: Kind
    row: NodeRow
    object_id: str
    position: int = 0
    span: int = 0
    place: int = 0
    children: list[int] = field(default_factory=list)
    status: Status = Status.UNKNOWN
    is_outdated: bool = False

    @property
    def is_reference(self) -> bool:
        """Whether it names another object."""
        return self.kind is Kind.ROW and self.row.kind == "reference"

    @property
    def can_expand(self) -> bool:
        """Whether there is something below it."""
        if self.kind is Kind.CHUNK:
            return True
        if self.kind is not Kind.ROW or "cycle" in self.row.marks:
            return False
        if self.row.kind == "reference":
            return "dangling" not in self.row.marks
        return self.row.child_count > 0


class NodeTable:
    """The nodes by number; numbers are what the indexes of the model carry."""

    def __init__(self) -> None:
        self._nodes: dict[int, TreeNode] = {}
        self._last = ROOT
        self.clear()

    def clear(self) -> None:
        """Drop all nodes but the one above all."""
        root_row = NodeRow("", "", "", 0, (), "value")
        self._nodes = {ROOT: TreeNode(ROOT, -1, Kind.ROW, root_row, "", status=Status.LOADED)}

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, key: int) -> TreeNode:
        return self._nodes[key]

    def get(self, key: int) -> TreeNode | None:
        """Return a node, or None if it was dropped."""
        return self._nodes.get(key)

    def new(self, kind: Kind, row: NodeRow, object_id: str, position: int = 0) -> TreeNode:
        """Return a node that stands nowhere yet."""
        self._last += 1
        return TreeNode(self._last, ROOT, kind, row, object_id, position)

    def insert(self, parent: TreeNode, place: int, nodes: list[TreeNode]) -> None:
        """Put nodes below another one."""
        for node in nodes:
            node.parent = parent.key
            self._nodes[node.key] = node
        parent.children[place:place] = [node.key for node in nodes]
        self._number(parent, place)

    def remove(self, parent: TreeNode, first: int, count: int) -> None:
        """Drop nodes below another one, with all below them."""
        stack = parent.children[first : first + count]
        del parent.children[first : first + count]
        self._number(parent, first)
        while stack:
            node = self._nodes.pop(stack.pop())
            stack += node.children

    def below(self, node: TreeNode) -> Iterator[TreeNode]:
        """Iterate over the lines directly below a node."""
        return (self._nodes[key] for key in node.children)

    def above(self, node: TreeNode) -> Iterator[TreeNode]:
        """Iterate over the lines above a node, the nearest first."""
        while node.parent > ROOT:
            node = self._nodes[node.parent]
            yield node

    def all(self) -> Iterator[TreeNode]:
        """Iterate over all nodes but the one above all, in no particular order."""
        return (node for key, node in self._nodes.items() if key != ROOT)

    def source(self, node: TreeNode) -> tuple[str, tuple[int, ...]]:
        """Return the object whose children are the lines below a node, and the path in it."""
        path: list[int] = []
        current = node
        while True:
            if current.is_reference:
                return current.row.target or "", tuple(reversed(path))
            if current.parent == ROOT:
                return current.object_id, tuple(reversed(path))
            if current.kind is Kind.ROW:
                path.append(current.position)
            current = self._nodes[current.parent]

    def path(self, node: TreeNode) -> tuple[int, ...]:
        """Return the positions from its object's root down to a node."""
        if node.parent == ROOT:
            return ()
        _, above = self.source(self._nodes[node.parent])
        return (*above, node.position) if node.kind is Kind.ROW else above

    def address(self, node: TreeNode) -> tuple[int, ...]:
        """Return the positions from the top of the tree down to a node, through references."""
        steps = [node, *self.above(node)]
        positions = [step.position for step in steps[:-1] if step.kind is Kind.ROW]
        return tuple(reversed(positions))

    def readable(self, node: TreeNode) -> str:
        """Return the readable path from the top of the tree, through references."""
        parts = [node.row.address] if node.kind is Kind.ROW else []
        parts += [above.row.address for above in self.above(node) if above.is_reference]
        written = ""
        for part in reversed(parts):
            joint = "." if written and part and part[0] not in "[(" else ""
            written += joint + part
        return written

    def ancestor_ids(self, node: TreeNode) -> set[str]:
        """Return the IDs of the objects that a node is inside of, its own included."""
        return {node.object_id, *(above.object_id for above in self.above(node))}

    def _number(self, parent: TreeNode, first: int) -> None:
        for place in range(first, len(parent.children)):
            self._nodes[parent.children[place]].place = place


def chunk_ranges(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Iterate over the ranges (first, count) that so many lines are shown in; at most CHUNK.

    >>> list(chunk_ranges(0, 2_500))
    [(0, 1000), (1000, 1000), (2000, 500)]
    >>> len(list(chunk_ranges(0, 5_000_000)))
    5
    """
    span = CHUNK
    while span * CHUNK < count:
        span *= CHUNK
    for start in range(first, first + count, span):
        yield start, min(span, first + count - start)
