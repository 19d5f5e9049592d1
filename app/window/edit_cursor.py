"""Brings the cursor of the tree to the value that was changed, once the tree shows it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QTimer

from app.actions.edit import Spot
from app.models.object_tree import ObjectTreeModel
from app.models.roles import ID_ROLE, NODE_ROLE
from app.window.inspector_panel import InspectorPanel
from app.work.records import NodeRow
from app.work.session import StoreSession

__all__ = ["EditCursor"]

_PATIENCE_MS = 4_000
_MOVING = (QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A line of the tree.

    Attributes:
        id_: The object that its value is in.
        address: Readable path of the value in it.
        place: Where in the tree it is, by positions.
    """

    id_: str
    address: str
    place: tuple[int, ...]


class EditCursor(QObject):
    """Waits for a line of the tree, and makes it the current one.

    The tree follows the store by itself, a little later than a change is done, and may put
    new lines in the place of the current one. The first key or click of the user ends it.
    """

    def __init__(self, inspector: InspectorPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._view = inspector.view
        self._model: ObjectTreeModel = inspector.model
        self._session: StoreSession | None = None
        self._wanted: _Wanted | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self.forget)
        self._model.updated.connect(self._look)
        self._view.installEventFilter(self)
        self._view.viewport().installEventFilter(self)

    def set_session(self, session: StoreSession | None) -> None:
        """Look at objects of another store."""
        self.forget()
        self._session = session

    def go_to(self, spot: Spot, address: str) -> None:
        """Highlight a value, and make its line the current one.

        Args:
            spot: A line of the same object.
            address: Readable path of the value; "" for none.
        """
        self.forget()
        if not address or self._session is None:
            return
        self._view.mark_changed(spot.id_, address)

        def found(positions: tuple[int, ...] | None) -> None:
            if positions is not None:
                self._wanted = _Wanted(spot.id_, address, (*spot.top, *positions))
                self._patience.start()
                self._look()

        self._session.positions(spot.id_, address).then(found, lambda _: None)

    def forget(self) -> None:
        """Wait no more."""
        self._wanted = None
        self._patience.stop()

    def _look(self) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        index = self._model.index_of(wanted.place)
        if not index.isValid():
            above = self._model.index_of(wanted.place[:-1])
            if above.isValid():
                self._view.expand(above)
        elif self._is(index, wanted) and index != self._view.currentIndex().siblingAtColumn(0):
            self._view.setCurrentIndex(index)
            self._view.scrollTo(index)

    def _is(self, index: QModelIndex, wanted: _Wanted) -> bool:
        node = index.data(NODE_ROLE)
        is_there = isinstance(node, NodeRow) and node.address == wanted.address
        return is_there and index.data(ID_ROLE) == wanted.id_

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._wanted is not None and event.type() in _MOVING:
            self.forget()
        return super().eventFilter(watched, event)
