"""How the columns of a view share its width: by their content, until the user sets one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHeaderView, QTableView, QTreeView

from app.window.theme import GRID

__all__ = ["ColumnWidths", "Wish", "shared", "wish_for"]

_SETTLING_MS = 200
_MEASURED = 4  # the longest texts of a column, by letters; which is widest is measured


@dataclass(frozen=True, slots=True)
class Wish:
    """How wide a column wants to be, in pixels.

    Attributes:
        least: Narrower than this it is of no use.
        wanted: Shows all that stands in it.
        grows: Whether it takes the room that is left over.
    """

    least: int
    wanted: int
    grows: bool = False

    def cut(self, most: int) -> int:
        """Return the width where none may be wider than `most` without need."""
        return max(self.least, min(self.wanted, most))


def wish_for(
    title: int, texts: Iterable[str], metrics: QFontMetrics, letters: tuple[int, int], extra: int
) -> Wish:
    """Return the wish of a column by what stands in it.

    Args:
        title: The width that its title takes in the header.
        texts: What stands in it.
        metrics: Of its font.
        letters: How many letters it shows at least, and at most at first.
        extra: Pixels beside the text.
    """
    found = {text for text in texts if text}
    if not found:
        return Wish(title, title)
    least, most = (count * metrics.averageCharWidth() + extra for count in letters)
    widest = max(metrics.horizontalAdvance(t) for t in nlargest(_MEASURED, found, key=len)) + extra
    wanted = max(title, min(widest, most))
    return Wish(min(max(least, title), wanted), wanted)


def shared(wishes: Sequence[Wish], room: int) -> list[int]:
    """Return the widths of columns that share some room; the widest give way first.

    >>> shared([Wish(40, 90), Wish(40, 300), Wish(50, 50, grows=True)], 600)
    [90, 300, 210]
    >>> shared([Wish(40, 90), Wish(40, 300), Wish(50, 50, grows=True)], 240)
    [90, 100, 50]
    """
    widths = [wish.wanted for wish in wishes]
    if sum(widths) > room:
        low, high = 0, max(widths)
        while low < high:
            most = (low + high + 1) // 2
            if sum(wish.cut(most) for wish in wishes) <= room:
                low = most
            else:
                high = most - 1
        widths = [wish.cut(low) for wish in wishes]
    growing = [place for place, wish in enumerate(wishes) if wish.grows]
    if growing and room > sum(widths):
        widths[growing[-1]] += room - sum(widths)
    return widths


class ColumnWidths(QObject):
    """Fills a view with its columns; one whose width the user set keeps it.

    The view calls `fit` when it was resized, and when other content wants other widths. It is
    no event filter: one written in Python may be called while the view is being destroyed.
    """

    def __init__(
        self,
        view: QTableView | QTreeView,
        header: QHeaderView,
        wishes: Callable[[], Sequence[Wish]],
    ) -> None:
        """Take over the widths.

        Args:
            view: The view.
            header: Its header; it must have its model.
            wishes: Tells how wide each column wants to be.
        """
        super().__init__(view)
        self._view = view
        self._header = header
        self._wishes = wishes
        self._set_by_user: dict[int, int] = {}
        self._is_fitting = False
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(8 * GRID)
        header.sectionResized.connect(self._on_resized)
        # While a border is dragged, nothing else shall move.
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLING_MS)
        self._settle.timeout.connect(self.fit)
        self.fit()

    @property
    def set_by_user(self) -> dict[str, int]:
        """The widths that the user set, in pixels, by the number of the column."""
        return {str(column): width for column, width in self._set_by_user.items()}

    def restore(self, set_by_user: Mapping[str, object]) -> None:
        """Take over the widths that the user set before; nonsense is left out."""
        self._set_by_user = {
            int(column): width
            for column, width in set_by_user.items()
            if column.isdecimal() and isinstance(width, int) and width > 0
        }
        self._header.setStretchLastSection(False)  # a header's saved state brings its own
        self.fit()

    def reset(self) -> None:
        """Forget what the user set."""
        self.restore({})

    def fit(self) -> None:
        """Share the width of the view among its columns now."""
        wishes = list(self._wishes())
        shown = [
            column for column in range(len(wishes)) if not self._header.isSectionHidden(column)
        ]
        for column in shown:
            if (width := self._set_by_user.get(column)) is not None:
                wishes[column] = Wish(width, width)
        self._is_fitting = True
        try:
            widths = shared([wishes[column] for column in shown], self._view.viewport().width())
            for column, width in zip(shown, widths, strict=True):
                self._header.resizeSection(column, width)
        finally:
            self._is_fitting = False

    def _on_resized(self, column: int, before: int, after: int) -> None:
        if self._is_fitting:
            return
        if before and after:  # else it is hidden, or shown again
            self._set_by_user[column] = after
        self._settle.start()
