"""What is wrong with a store, as the rows of a table that can be filtered by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex

from app.models.roles import (
    ACCESSIBLE_ROLE,
    COLOUR_ROLE,
    DISPLAY_ROLE,
    LOOK_ROLE,
    ROW_ROLE,
    TOOLTIP_ROLE,
)
from app.models.states import Look
from persistence.file_names import FILE_PREFIX
from persistence.integrity import Kind, Problem, Severity
from persistence.pickles.texts import escaped

__all__ = ["KIND_WORDS", "MOST_LISTED", "SEVERITY_LOOKS", "ProblemTableModel"]

MOST_LISTED = 20_000
"""Problems of one kind that are listed; more are counted."""

KIND_WORDS = {
    Kind.UNREADABLE: "Unreadable",
    Kind.DANGLING: "Dangling reference",
    Kind.ORPHAN: "Nothing refers to it",
    Kind.WRONG_ID: "Wrong ID inside",
    Kind.BACKUP: "Leftover backup",
    Kind.TEMPORARY: "Temporary file",
    Kind.FOREIGN: "Foreign file",
    Kind.DAMAGE: "Damaged store",
    Kind.SCHEMA: "Database schema",
    Kind.DRIFT: "Outdated columns",
    Kind.CASE: "IDs alike",
}
"""What each kind is called."""

SEVERITY_LOOKS = {
    Severity.ERROR: Look("stop", "red"),
    Severity.WARNING: Look("warning", "amber"),
    Severity.INFORMATION: Look("ring", "blue"),
}
"""How bad it is, as a shape and a colour."""

_TITLES = ("Problem", "Object", "Cause", "Repair")
_KIND, _OBJECT, _CAUSE, _REPAIR = range(4)
_THE_STORE = "(the store)"
_NO_INDEX = QModelIndex()

Index = QModelIndex | QPersistentModelIndex


class ProblemTableModel(QAbstractTableModel):
    """Problems as rows, in the order they are found."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: list[Problem] = []
        self._shown: list[Problem] = []
        self._kind: Kind | None = None
        self.counts: Counter[Kind] = Counter()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems that are listed, whatever the filter."""
        return tuple(self._all)

    def problem_at(self, row: int) -> Problem:
        """Return the problem in a row."""
        return self._shown[row]

    def clear(self) -> None:
        """List nothing."""
        self.beginResetModel()
        self._all, self._shown = [], []
        self.counts.clear()
        self.endResetModel()

    def add(self, problems: Sequence[Problem]) -> None:
        """List some more."""
        fresh: list[Problem] = []
        for problem in problems:
            self.counts[problem.kind] += 1
            if self.counts[problem.kind] <= MOST_LISTED:
                fresh.append(problem)
        self._all += fresh
        seen = [problem for problem in fresh if self._kind in (None, problem.kind)]
        if seen:
            first = len(self._shown)
            self.beginInsertRows(_NO_INDEX, first, first + len(seen) - 1)
            self._shown += seen
            self.endInsertRows()

    def show_kind(self, kind: Kind | None) -> None:
        """Show the problems of one kind only; all for None."""
        if kind is not self._kind:
            self.beginResetModel()
            self._kind = kind
            self._shown = [problem for problem in self._all if kind in (None, problem.kind)]
            self.endResetModel()

    # Qt

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Any, role: int = DISPLAY_ROLE) -> Any:
        is_title = orientation.value == 1 and role == DISPLAY_ROLE
        return _TITLES[section] if is_title and 0 <= section < len(_TITLES) else None

    def data(self, index: Index, role: int = DISPLAY_ROLE) -> Any:
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        problem, column = self._shown[index.row()], index.column()
        if role in (DISPLAY_ROLE, TOOLTIP_ROLE):
            return _text(problem, column)
        if role == ACCESSIBLE_ROLE:
            return f"{_TITLES[column]}: {_text(problem, column)}"
        if role == ROW_ROLE:
            return problem
        if role == LOOK_ROLE:
            return SEVERITY_LOOKS[problem.severity] if column == _KIND else None
        if role == COLOUR_ROLE:
            return "muted" if column == _REPAIR else None
        return None


def _text(problem: Problem, column: int) -> str:
    if column == _KIND:
        return KIND_WORDS[problem.kind]
    if column == _OBJECT:
        return escaped(problem.id_.removeprefix(FILE_PREFIX)) or _THE_STORE
    if column == _CAUSE:
        return escaped(problem.cause)
    return problem.repairs[0].text if problem.repairs else "–"
