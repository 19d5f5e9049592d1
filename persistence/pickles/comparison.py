"""Two decoded pickles as one tree of rows with two columns, for a window that pages through it.

The tree is never made: rows are computed from the two graphs when they are asked for, and a
row is addressed by the positions of its ancestors and its own, so that an address means the
same in another process that compares the same two pickles.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from persistence.pickles.alignment import NOTHING, Pair, aligned
from persistence.pickles.decode import Pickle
from persistence.pickles.diff import DEFAULT_LIMIT, ChangeKind, Difference, Place, Walk
from persistence.pickles.paths import joined
from persistence.pickles.present import preview, type_name
from persistence.pickles.structure import SINGLE, Group, holds_parts

__all__ = ["Cell", "Comparison", "Row", "Status"]

Status = Literal["same", "added", "removed", "changed", "moved", "type changed", "sharing changed"]

_KEPT_PARTS = 200_000  # rows of nodes that were opened, kept for the next page
_PREVIEW = 200  # characters


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the two values in a row.

    Attributes:
        preview: The value in one line.
        type: Short name of its type.
        path: Where it is in its pickle.
    """

    preview: str
    type: str
    path: str


@dataclass(frozen=True, slots=True)
class Row:
    """Two values that correspond to each other, or one that has no counterpart.

    Attributes:
        position: Its position among all children of its parent.
        name: What it is called; in the second pickle, if it is there.
        former_name: What it is called in the first pickle, if that is another name.
        left, right: The values; None where there is none.
        status: What differs in the value itself, not in what it holds.
        is_moved: Whether it has another name or place; its status may be another one.
        is_slight: Whether only the way differs in which the same value is written.
        changes: How many changes there are in what it holds.
        has_children: Whether it can be opened.
        is_repeated: Whether what it holds also stands elsewhere, and its changes are counted
            there.
    """

    position: int
    name: str
    former_name: str
    left: Cell | None
    right: Cell | None
    status: Status
    is_moved: bool
    is_slight: bool
    changes: int
    has_children: bool
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class _Node:
    """A row that was found: its values, their paths, and the place where they were compared."""

    a: Any
    b: Any
    path_a: str
    path_b: str
    place: Place | None


class Comparison:
    """Two decoded pickles, compared.

    >>> compared = Comparison(Pickle({"n": 1, "m": 2}, 4, 0), Pickle({"n": 3, "m": 2}, 4, 0))
    >>> compared.root().changes
    1
    >>> [(row.name, row.left.preview, row.right.preview) for row in
    ...  compared.children((), 0, 10, only_differences=True)]
    [('n', '1', '3')]
    """

    def __init__(self, a: Pickle, b: Pickle, limit: int = DEFAULT_LIMIT) -> None:
        """Compare two pickles.

        Args:
            a: One pickle, on the left.
            b: The other.
            limit: How many changes to keep for `difference`.
        """
        self._walk = Walk(a, b, limit)
        self._parts: OrderedDict[tuple[int, int], list[Pair]] = OrderedDict()
        self._differing: dict[tuple[int, int], list[int]] = {}
        self._kept = 0

    @property
    def difference(self) -> Difference:
        """The changes as a list."""
        return self._walk.difference()

    def root(self) -> Row:
        """Return the row of the two pickled values."""
        node = self._root()
        place = node.place
        return Row(
            position=0,
            name="",
            former_name="",
            left=self._cell(node.a, "", is_left=True),
            right=self._cell(node.b, "", is_left=False),
            status="same" if place is None else place.status or "same",
            is_moved=False,
            is_slight=place is not None and place.is_slight,
            changes=0 if place is None else place.changes,
            has_children=self._has_children(node),
            is_repeated=False,
        )

    def child_count(self, path: Sequence[int], *, only_differences: bool = False) -> int:
        """Return how many children a row has.

        Args:
            path: The positions of its ancestors below the root, and its own.
            only_differences: Whether to count only those that differ, or hold what differs.

        Raises:
            IndexError: There is no such row.
        """
        node = self._node(path)
        return len(self._differing_in(node) if only_differences else self._pairs(node))

    def children(
        self, path: Sequence[int], first: int, count: int, *, only_differences: bool = False
    ) -> list[Row]:
        """Return `count` children of a row, from the one with the number `first` on.

        Args:
            path: The positions of its ancestors below the root, and its own.
            first: Number of the first among those that are counted.
            count: How many at most.
            only_differences: Whether to leave out those that neither differ nor hold what
                differs. Their positions stay the same.

        Raises:
            IndexError: There is no such row.
        """
        node = self._node(path)
        pairs = self._pairs(node)
        first = max(first, 0)
        positions: Sequence[int] = range(len(pairs))
        if only_differences:
            positions = self._differing_in(node)
        return [
            self._row(node, position, pairs[position])
            for position in positions[first : first + max(count, 0)]
        ]

    def _root(self) -> _Node:
        return _Node(self._walk.a.root, self._walk.b.root, "", "", self._walk.root)

    def _node(self, path: Sequence[int]) -> _Node:
        a, b, place = self._walk.a.root, self._walk.b.root, self._walk.root
        node = _Node(a, b, "", "", place)
        parts_a: list[str] = []
        parts_b: list[str] = []
        for position in path:
            pairs = self._pairs(node)
            if not 0 <= position < len(pairs):
                raise IndexError(f"there is no row {tuple(path)}")
            pair = pairs[position]
            parts_a.append(_part(pair.group_a, pair.at_a))
            parts_b.append(_part(pair.group_b, pair.at_b))
            node = _Node(pair.a, pair.b, "", "", self._walk.place(pair.a, pair.b))
        return _Node(node.a, node.b, "".join(parts_a), "".join(parts_b), node.place)

    def _pairs(self, node: _Node) -> list[Pair]:
        """Return the children of a row; those of the rows opened last are kept."""
        key = _key(node)
        found = self._parts.get(key)
        if found is not None:
            self._parts.move_to_end(key)
            return found
        found = self._aligned(node)
        self._parts[key] = found
        self._kept += len(found)
        while self._kept > _KEPT_PARTS and len(self._parts) > 1:
            dropped, pairs = self._parts.popitem(last=False)
            self._differing.pop(dropped, None)
            self._kept -= len(pairs)
        return found

    def _aligned(self, node: _Node) -> list[Pair]:
        a, b = node.a, node.b
        if not self._has_children(node):
            return []
        left, right = self._walk.left, self._walk.right
        is_alone = a is NOTHING or b is NOTHING
        if is_alone or self._walk.relation(a, b).is_open:
            return list(aligned(a, b, left, right))
        # They have nothing in common: all of one, then all of the other.
        apart: list[Pair] = []
        if holds_parts(a, left.python2):
            apart += aligned(a, NOTHING, left, right)
        if holds_parts(b, right.python2):
            apart += aligned(NOTHING, b, left, right)
        return apart

    def _differing_in(self, node: _Node) -> list[int]:
        key = _key(node)
        found = self._differing.get(key)
        if found is None:
            pairs = self._pairs(node)
            found = [position for position, pair in enumerate(pairs) if self._differs(node, pair)]
            self._differing[key] = found
        return found

    def _differs(self, node: _Node, pair: Pair) -> bool:
        if pair.is_moved:
            return True
        status, is_slight = self._status(pair)
        if status != "same":
            return not is_slight
        place = self._walk.place(pair.a, pair.b)
        return place is not None and place.changes > 0 and not _is_repeated(node, pair, place)

    def _status(self, pair: Pair) -> tuple[Status, bool]:
        a, b = pair.a, pair.b
        if a is NOTHING:
            return "added", False
        if b is NOTHING:
            return "removed", False
        status: ChangeKind | Literal[""] = ""
        is_slight = False
        place = self._walk.place(a, b)
        if place is not None:
            status, is_slight = place.status, place.is_slight
        elif type(a) in SINGLE or type(b) in SINGLE:
            status, is_slight, _ = self._walk.relation(a, b)
        return status or ("moved" if pair.is_moved else "same"), is_slight

    def _row(self, parent: _Node, position: int, pair: Pair) -> Row:
        a, b = pair.a, pair.b
        name_a = "" if pair.group_a is None else pair.group_a.name(pair.at_a)
        name_b = "" if pair.group_b is None else pair.group_b.name(pair.at_b)
        path_a = parent.path_a + _part(pair.group_a, pair.at_a)
        path_b = parent.path_b + _part(pair.group_b, pair.at_b)
        place = self._walk.place(a, b)
        status, is_slight = self._status(pair)
        return Row(
            position=position,
            name=name_b or name_a,
            former_name=name_a if name_b and name_a != name_b else "",
            left=self._cell(a, path_a, is_left=True),
            right=self._cell(b, path_b, is_left=False),
            status=status,
            is_moved=pair.is_moved,
            is_slight=is_slight,
            changes=0 if place is None else place.changes,
            has_children=self._has_children(_Node(a, b, "", "", place)),
            is_repeated=place is not None and _is_repeated(parent, pair, place),
        )

    def _cell(self, value: Any, path: str, *, is_left: bool) -> Cell | None:
        if value is NOTHING:
            return None
        python2 = self._walk.a.python2 if is_left else self._walk.b.python2
        return Cell(
            preview(value, _PREVIEW, python2=python2),
            type_name(value, python2=python2),
            joined((path,)),
        )

    def _has_children(self, node: _Node) -> bool:
        place = node.place
        if place is not None and not place.is_open and place.status in _CLOSED:
            return False  # what it holds was compared where it first stands
        walk = self._walk
        return any(
            value is not NOTHING and holds_parts(value, python2)
            for value, python2 in ((node.a, walk.a.python2), (node.b, walk.b.python2))
        )


_CLOSED = frozenset(("sharing changed", "changed"))


def _key(node: _Node) -> tuple[int, int]:
    # What the roots hold lives as long as they do; there is only one `NOTHING`.
    return id(node.a), id(node.b)


def _part(group: Group | None, at: int) -> str:
    return "" if group is None else group.part(at)


def _is_repeated(parent: _Node, pair: Pair, place: Place) -> bool:
    """Whether a pair was compared in another place than here."""
    met = place.pair
    if met is None or place.before is None:
        return True  # the roots
    if parent.place is not place.before:
        return True
    kind = None if met.group_a is None else met.group_a.kind
    here = None if pair.group_a is None else pair.group_a.kind
    return (met.at_a, met.at_b, kind) != (pair.at_a, pair.at_b, here)
