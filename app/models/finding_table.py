"""What loading a pickle would do, as the rows of a table; how risks look."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.models.roles import (
    ACCESSIBLE_ROLE,
    ALIGNMENT_ROLE,
    COLOUR_ROLE,
    DISPLAY_ROLE,
    LOOK_ROLE,
    ROW_ROLE,
    TOOLTIP_ROLE,
)
from app.models.states import Look
from persistence.pickles.findings import Action, Finding
from persistence.pickles.risks import Risk

__all__ = ["RISK_LOOKS", "RISK_WORDS", "FindingTableModel"]

RISK_WORDS = {
    Risk.HARMLESS: "Harmless",
    Risk.STANDARD: "Known library",
    Risk.YOURS: "Your code",
    Risk.SUSPICIOUS: "Suspicious",
    Risk.DANGEROUS: "Dangerous",
}
"""What each risk is called."""

RISK_LOOKS = {
    Risk.HARMLESS: Look("check", "green"),
    Risk.STANDARD: Look("square", "teal"),
    Risk.YOURS: Look("diamond", "blue"),
    Risk.SUSPICIOUS: Look("warning", "amber"),
    Risk.DANGEROUS: Look("stop", "red"),
}
"""How each risk looks: a shape and a colour each, never a colour alone."""

_TITLES = ("Risk", "What Happens", "To What", "Times", "Why")
_RISK, _ACTION, _SUBJECT, _TIMES, _REASON = range(5)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_NO_INDEX = QModelIndex()

Index = QModelIndex | QPersistentModelIndex


class FindingTableModel(QAbstractTableModel):
    """Findings as rows, in the order they come in: the riskiest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._findings: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is listed."""
        return self._findings

    def set_findings(self, findings: tuple[Finding, ...]) -> None:
        """List other findings."""
        self.beginResetModel()
        self._findings = findings
        self.endResetModel()

    # Qt

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._findings)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = DISPLAY_ROLE
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_TITLES):
            return None
        if role == DISPLAY_ROLE:
            return _TITLES[section]
        if role == ALIGNMENT_ROLE:
            return _RIGHT if section == _TIMES else _LEFT
        return None

    def data(self, index: Index, role: int = DISPLAY_ROLE) -> Any:
        if not index.isValid() or index.row() >= len(self._findings):
            return None
        finding, column = self._findings[index.row()], index.column()
        if role == DISPLAY_ROLE:
            return _text(finding, column)
        if role == TOOLTIP_ROLE:
            return finding.what if column == _SUBJECT else _text(finding, column)
        if role == ACCESSIBLE_ROLE:
            return f"{_TITLES[column]}: {_text(finding, column)}"
        if role == ROW_ROLE:
            return finding
        if role == LOOK_ROLE:
            return RISK_LOOKS[finding.risk] if column == _RISK else None
        if role == COLOUR_ROLE:
            return "muted" if column == _REASON else None
        if role == ALIGNMENT_ROLE:
            return _RIGHT if column == _TIMES else _LEFT
        return None


def _text(finding: Finding, column: int) -> str:
    if column == _RISK:
        return RISK_WORDS[finding.risk]
    if column == _ACTION:
        return _ACTIONS[finding.action]
    if column == _SUBJECT:
        return finding.detail
    return finding.reason if column == _REASON else f"{finding.count:,}"


_ACTIONS = {
    Action.IMPORT: "imports",
    Action.NAME: "takes",
    Action.CALL: "calls",
    Action.MAKE: "makes instances of",
    Action.STATE: "sets the state of",
    Action.ITEMS: "puts items into",
    Action.REFERENCE: "loads the object",
    Action.EXHAUST: "exhausts",
}
