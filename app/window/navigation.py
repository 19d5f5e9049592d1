"""Back and forward, as in a browser: which object was shown, and which node in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["History", "Place"]

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A place to come back to.

    Attributes:
        id_: Persistent ID of the object.
        path: Child positions of the selected node, from the root of the tree.
    """

    id_: str
    path: tuple[int, ...] = ()


class History:
    """The places that were visited, and where among them the user stands."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._current = -1

    @property
    def current(self) -> Place | None:
        """Where the user is, or None before the first visit."""
        return self._places[self._current] if self._places else None

    @property
    def can_go_back(self) -> bool:
        """Whether there is a place before this one."""
        return self._current > 0

    @property
    def can_go_forward(self) -> bool:
        """Whether the user went back from a place."""
        return self._current + 1 < len(self._places)

    def visit(self, id_: str) -> None:
        """Go to an object; what could be reached by forward is forgotten."""
        if self.current is not None and self.current.id_ == id_:
            return
        del self._places[self._current + 1 :]
        self._places.append(Place(id_))
        del self._places[:-_LONGEST]
        self._current = len(self._places) - 1

    def note(self, path: tuple[int, ...]) -> None:
        """Remember which node is selected at the current place."""
        if self._places:
            self._places[self._current] = replace(self._places[self._current], path=path)

    def back(self) -> Place | None:
        """Go one place back and return it, or None if there is none."""
        if not self.can_go_back:
            return None
        self._current -= 1
        return self._places[self._current]

    def forward(self) -> Place | None:
        """Go one place forward and return it, or None if there is none."""
        if not self.can_go_forward:
            return None
        self._current += 1
        return self._places[self._current]

    def clear(self) -> None:
        """Forget all places."""
        self._places.clear()
        self._current = -1
