"""The classes of the demo store's jobs: two campaigns of real, short commands."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

from persistence import Persistable

__all__ = ["Campaign", "Dataset", "Grid", "Job", "Priority", "Residue", "Specimens"]


class Priority(enum.Enum):
    """How urgent a job is."""

    LOW = 1
    NORMAL = 5
    URGENT = 9


class Residue(NamedTuple):
    """Where a ligand may bind."""

    name: str
    number: int
    chain: str


@dataclass
class Grid:
    """The box that a docking run searches."""

    centre: tuple[float, float, float]
    spacing: float = 0.375
    points: list[int] = field(default_factory=lambda: [60, 60, 60])


class Dataset(Persistable):
    """Input that many jobs share."""

    def __init__(self, name: str, path: Any, checksum: str) -> None:
        super().__init__()
        self.name = name
        self.path = path
        self.checksum = checksum


class Job(Persistable):
    """One command with its parameters and what came of it."""

    def __init__(self, name: str, command: list[str], **parameters: Any) -> None:
        super().__init__()
        self.name = name
        self.state = "NEW"
        self.command = command
        self.parameters = parameters
        self.priority = Priority.NORMAL
        self.inputs: list[Dataset] = []
        self.parent: Campaign | None = None
        self.after: Job | None = None
        self.returncode: int | None = None
        self.output = ""
        self.history: list[tuple[datetime, str]] = []

    def move_to(self, state: str, when: datetime | None = None) -> None:
        """Change the state and write it into the history."""
        self.history.append((when or datetime.now(timezone.utc), f"{self.state} → {state}"))
        self.state = state
        self.changed = True


class Campaign(Persistable):
    """A sweep: its jobs, and what they have in common."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__()
        self.name = name
        self.owner = owner
        self.started = datetime.now(timezone.utc)
        self.jobs: list[Job] = []
        self.inputs: list[Dataset] = []

    def add(self, job: Job) -> Job:
        """Take a job into the campaign."""
        job.parent = self
        job.inputs = list(self.inputs)
        self.jobs.append(job)
        return job


class Specimens(Persistable):
    """One value of every kind that the inspector knows how to show."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
