"""What the models tell beyond Qt's own roles, as plain integers (comparing enums is slow)."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt

__all__ = [
    "ACCESSIBLE_ROLE",
    "ADDRESS_ROLE",
    "ALIGNMENT_ROLE",
    "COLOUR_ROLE",
    "DISPLAY_ROLE",
    "ID_ROLE",
    "LOOK_ROLE",
    "MARK_ROLE",
    "NODE_ROLE",
    "ROW_ROLE",
    "TARGET_ROLE",
    "TOOLTIP_ROLE",
]

_USER: Final = int(Qt.ItemDataRole.UserRole)

DISPLAY_ROLE: Final = int(Qt.ItemDataRole.DisplayRole)
TOOLTIP_ROLE: Final = int(Qt.ItemDataRole.ToolTipRole)
ALIGNMENT_ROLE: Final = int(Qt.ItemDataRole.TextAlignmentRole)
ACCESSIBLE_ROLE: Final = int(Qt.ItemDataRole.AccessibleTextRole)

ID_ROLE: Final = _USER + 1
"""In the table the ID of the row's object, in the tree of the object that the row's value is
part of (behind a reference, the one that it names); None while the row is not loaded."""

ROW_ROLE: Final = _USER + 2
"""The `Row` of a table row; None while it is not loaded."""

NODE_ROLE: Final = _USER + 3
"""The `NodeRow` of a tree row; None for one that stands for no value (loading, a chunk). Its
path counts from the object of `ID_ROLE`."""

LOOK_ROLE: Final = _USER + 4
"""The `Look` of the state to draw with this cell, or None."""

COLOUR_ROLE: Final = _USER + 5
"""Name of the colour of the cell's text: "muted", "red"…, or None for the normal one."""

TARGET_ROLE: Final = _USER + 6
"""The ID that a reference row of the tree names, also where it is missing; else None."""

ADDRESS_ROLE: Final = _USER + 7
"""Readable path of a tree row from the object at the top: `tasks[3].execution`."""

MARK_ROLE: Final = _USER + 8
"""How a row of the opcode table belongs to what is selected elsewhere: "own", "made",
"found"; else None."""
