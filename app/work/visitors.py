"""Tells the window of stores that other programs of the user want it to show."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.work.handover import Door, Visit
from app.work.pool import Lane, Outbox

__all__ = ["Visitors"]


class Visitors(QObject):
    """Waits at a door, on a lane.

    Signals:
        arrived: A `Visit`; whoever is connected answers it.
    """

    arrived = Signal(object)

    def __init__(self, door: Door, parent: QObject | None = None) -> None:
        """Begin to wait.

        Args:
            door: Where; it belongs to this object now.
            parent: Owner.
        """
        super().__init__(parent)
        self._door = door
        self._outbox = Outbox(self)
        self._lane = Lane("visitors", self._outbox)
        self._lane.call(self._wait)

    def renew(self) -> None:
        """Be the window that is asked first: the user has turned to it."""
        self._door.renew()

    def close(self) -> None:
        """Send everybody away from now on."""
        self._outbox.close()
        self._door.close()
        self._lane.close()

    def _wait(self) -> None:
        while (visit := self._door.wait()) is not None:
            self._announce(visit)
            del visit  # whoever drops it hangs up

    def _announce(self, visit: Visit) -> None:
        self._outbox.post(lambda: self.arrived.emit(visit), 0)
