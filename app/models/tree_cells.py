"""What each cell of the object tree says, by role."""

from __future__ import annotations

from typing import Any

from app.models.columns import short_type
from app.models.roles import (
    ACCESSIBLE_ROLE,
    ADDRESS_ROLE,
    COLOUR_ROLE,
    DISPLAY_ROLE,
    ID_ROLE,
    LOOK_ROLE,
    NODE_ROLE,
    TARGET_ROLE,
    TOOLTIP_ROLE,
)
from app.models.states import look_of
from app.models.tree_node import Kind, NodeTable, TreeNode

__all__ = ["TITLES", "cell"]

TITLES = ("Name", "Value", "Type")
_NAME, _VALUE, _TYPE = range(3)


def cell(table: NodeTable, node: TreeNode, column: int, role: int) -> Any:
    """Return what one cell says, or None."""
    if role == DISPLAY_ROLE:
        return _text(node, column)
    if role == NODE_ROLE:
        return node.row if node.kind in (Kind.ROW, Kind.ERROR) else None
    if role == LOOK_ROLE:
        return look_of(node.row.state) if column == _VALUE and node.row.state else None
    if role == COLOUR_ROLE:
        return _colour(node, column)
    if role == ID_ROLE:
        return node.object_id
    if role == TARGET_ROLE:
        return node.row.target
    if role == TOOLTIP_ROLE:
        return _hint(table, node, column)
    if role == ADDRESS_ROLE:
        return table.readable(node)
    if role == ACCESSIBLE_ROLE:
        return _spoken(node, column)
    return None


def _text(node: TreeNode, column: int) -> str:
    if column == _NAME:
        return node.row.name
    if column == _VALUE:
        return node.row.value
    if node.row.kind == "reference" and not node.row.type:
        return "reference"
    return short_type(node.row.type)


def _hint(table: NodeTable, node: TreeNode, column: int) -> str:
    if column == _NAME:
        return table.readable(node) or node.row.name
    return _spoken(node, column) if column == _VALUE else node.row.type


def _colour(node: TreeNode, column: int) -> str | None:
    if node.row.kind == "error" or "dangling" in node.row.marks:
        return "red" if column == _VALUE else None
    is_quiet = node.kind in (Kind.LOADING, Kind.CHUNK) or "computed" in node.row.marks
    return "muted" if column == _TYPE or is_quiet else None


def _spoken(node: TreeNode, column: int) -> str:
    """Return a cell in words, with what is drawn beside its text."""
    parts = [_text(node, column)]
    if column == _VALUE:
        if node.row.kind == "reference":
            parts.insert(0, "refers to")
        if node.row.state:
            parts.append(node.row.state)
        parts += [words for mark, words in _MARKS if mark in node.row.marks]
    return ", ".join(part for part in parts if part).replace("refers to, ", "refers to ")


_MARKS = (
    ("dangling", "missing in the store"),
    ("computed", "worked out from what is stored"),
    ("cycle", "is one of the lines above"),
    ("shared", "stands at several places"),
    ("python2", "byte string of Python 2"),
    ("truncated", "shortened"),
)
