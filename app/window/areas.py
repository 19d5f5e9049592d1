"""Going through the areas of a window by a key."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

__all__ = ["go_to_area"]


def go_to_area(areas: Sequence[QWidget], step: int) -> None:
    """Give the keyboard to the next area that can take it (1), or to the one before (-1).

    Args:
        areas: All areas, in order.
        step: The direction.
    """
    shown = [area for area in areas if area.isVisible() and area.isEnabled()]
    if shown:
        start = -1 if step > 0 else 0
        place = next((n for n, area in enumerate(shown) if area.hasFocus()), start)
        shown[(place + step) % len(shown)].setFocus(Qt.FocusReason.ShortcutFocusReason)
