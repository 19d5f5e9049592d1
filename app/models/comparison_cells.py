"""What each cell of a comparison says, by role, and how what happened to a value looks."""

from __future__ import annotations

from typing import Any

from app.models.roles import (
    ACCESSIBLE_ROLE,
    ADDRESS_ROLE,
    COLOUR_ROLE,
    DISPLAY_ROLE,
    LOOK_ROLE,
    ROW_ROLE,
    TOOLTIP_ROLE,
)
from app.models.states import Look
from app.models.tree_node import Kind
from app.work.records import ComparedRow

__all__ = ["CHANGE", "LEFT", "NAME", "RIGHT", "TITLES", "cell", "change_look", "change_words"]

TITLES = ("Name", "Left", "Right", "Change")
NAME, LEFT, RIGHT, CHANGE = range(4)

_LOOKS = {
    "added": Look("plus", "green"),
    "removed": Look("minus", "red"),
    "changed": Look("tilde", "amber"),
    "type changed": Look("tilde", "amber"),
    "moved": Look("moved", "blue"),
    "sharing changed": Look("exchange", "violet"),
}
_HOLDS = Look("dot", "amber")


def change_look(row: ComparedRow) -> Look | None:
    """Return how a line is marked; None for one that is the same."""
    if row.status == "same" or (row.is_slight and not row.is_moved):
        if row.is_moved:
            return _LOOKS["moved"]
        return _HOLDS if row.changes and not row.is_repeated else None
    return _LOOKS["moved"] if row.is_slight else _LOOKS[row.status]


def change_words(row: ComparedRow) -> str:
    """Return what happened to a value, in words."""
    words = []
    left, right = row.left, row.right
    if row.status == "type changed" and left is not None and right is not None:
        words.append(f"{left.type} → {right.type}")
    elif row.is_slight:
        words.append("written in another way")
    elif row.status == "sharing changed":
        words.append("shared with other places")
    elif row.status not in ("same", "moved"):
        words.append(row.status)
    if row.is_moved:
        words.append(f"was {row.former_name}" if row.former_name else "moved")
    if row.is_repeated and row.changes:
        words.append("compared elsewhere")
    elif row.changes and row.has_children and row.status not in ("added", "removed"):
        words.append(f"{row.changes:,} change{'' if row.changes == 1 else 's'} inside")
    return ", ".join(words)


def cell(
    row: ComparedRow | None, text: str, kind: Kind, column: int, role: int, *, is_top: bool
) -> Any:
    """Return what one cell says, or None.

    Args:
        row: The line; None for one that is no comparison.
        text: What such a line says.
        kind: What the line stands for.
        column: Which cell.
        role: What is asked for.
        is_top: Whether it is the line of the two objects themselves.
    """
    if row is None:
        if column == NAME and role in (DISPLAY_ROLE, TOOLTIP_ROLE, ACCESSIBLE_ROLE):
            return text
        if role == COLOUR_ROLE:
            return "red" if kind is Kind.ERROR else "muted"
        return None
    if role == DISPLAY_ROLE:
        return _text(row, column, is_top=is_top)
    if role == ROW_ROLE:
        return row
    if role == LOOK_ROLE:
        return change_look(row) if column == NAME else None
    if role == COLOUR_ROLE:
        return "muted" if column == CHANGE and change_look(row) is None else None
    if role == TOOLTIP_ROLE:
        return _hint(row, column, is_top=is_top)
    if role == ACCESSIBLE_ROLE:
        return f"{TITLES[column]}: {_text(row, column, is_top=is_top) or 'nothing'}"
    if role == ADDRESS_ROLE:
        found = row.left if column == LEFT and row.left is not None else row.right or row.left
        return "" if found is None else found.path
    return None


def _text(row: ComparedRow, column: int, *, is_top: bool) -> str:
    if column == NAME:
        return "object" if is_top else row.name
    if column == CHANGE:
        found = row.right or row.left
        return change_words(row) or ("" if found is None else found.type)
    value = row.left if column == LEFT else row.right
    return "" if value is None else value.preview


def _hint(row: ComparedRow, column: int, *, is_top: bool) -> str:
    value = row.left if column == LEFT else row.right
    if column in (LEFT, RIGHT):
        return "" if value is None else f"{value.preview}\n{value.type}"
    if column == NAME:
        found = row.right or row.left
        return _text(row, NAME, is_top=is_top) if found is None else found.path or row.name
    return _text(row, column, is_top=is_top)
