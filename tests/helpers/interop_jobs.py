"""A class of jobs that GC3Pie's interpreter replaces by its own when it loads them."""

from __future__ import annotations

from typing import Any

from persistence import Persistable


class Job(Persistable):
    def __init__(self, name: str, *children: Any) -> None:
        super().__init__()
        self.name = name
        self.children = list(children)
