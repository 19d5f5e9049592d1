"""What a pickle would do when it is loaded, one finding for all that is alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from persistence.pickles.risks import Risk

__all__ = ["Action", "Finding", "Ledger"]

_MOST_OFFSETS = 100
_MOST_FINDINGS = 1_000  # of one risk


class Action(Enum):
    """What happens."""

    IMPORT = "import"
    NAME = "take"
    CALL = "call"
    MAKE = "make an instance of"
    STATE = "set the state of"
    ITEMS = "put items into"
    REFERENCE = "load the object"
    EXHAUST = "use up memory or time"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that loading a pickle would do.

    Attributes:
        risk: How risky it is.
        action: What happens.
        subject: The name of what it happens to: a module, class, function, or persistent ID.
        detail: The subject with its arguments, in one line of limited length.
        reason: One sentence: why it is as risky as that.
        offsets: Where in the pickle, in bytes; the first 100 places.
        count: How many places there are.
    """

    risk: Risk
    action: Action
    subject: str
    detail: str
    reason: str
    offsets: tuple[int, ...]
    count: int

    @property
    def what(self) -> str:
        """What happens, as a part of a sentence: "call os.system('ls')"."""
        if self.action is Action.EXHAUST:
            return "use up memory or time"
        return f"{self.action.value} {self.detail}"


@dataclass(slots=True)
class _Entry:
    risk: Risk
    detail: str
    reason: str
    offsets: list[int] = field(default_factory=list)
    count: int = 0


class Ledger:
    """Collects findings, those that are alike as one.

    Attributes:
        omitted: How many places were not kept, as there are too many kinds of their risk.
    """

    def __init__(self) -> None:
        self.omitted = 0
        self._entries: dict[tuple[Action, str, str], _Entry] = {}
        self._counts = dict.fromkeys(Risk, 0)

    def add(
        self,
        risk: Risk,
        action: Action,
        subject: str,
        reason: str,
        offset: int,
        *,
        detail: str = "",
    ) -> None:
        """Take note of something that happens at an offset.

        Args:
            risk: How risky it is.
            action: What happens.
            subject: To what.
            reason: Why it is as risky as that.
            offset: Where.
            detail: The subject with its arguments; findings that differ in it are kept apart.
        """
        key = (action, subject, detail)
        entry = self._entries.get(key)
        if entry is None:
            if self._counts[risk] == _MOST_FINDINGS:
                self.omitted += 1
                return
            self._counts[risk] += 1
            entry = self._entries[key] = _Entry(risk, detail or subject, reason)
        elif risk > entry.risk:
            entry.risk, entry.reason = risk, reason
        entry.count += 1
        if len(entry.offsets) < _MOST_OFFSETS:
            entry.offsets.append(offset)

    def is_full(self, risk: Risk) -> bool:
        """Whether there are so many kinds of a risk that new ones are only counted."""
        return self._counts[risk] >= _MOST_FINDINGS

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found: the riskiest first, and in order of appearance."""
        found = [
            Finding(
                entry.risk,
                action,
                subject,
                entry.detail,
                entry.reason,
                tuple(entry.offsets),
                entry.count,
            )
            for (action, subject, _), entry in self._entries.items()
        ]
        found.sort(key=lambda finding: (-finding.risk, finding.offsets[0]))
        return tuple(found)
