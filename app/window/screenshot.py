"""Renders the main window to an image file, once it shows something worth seeing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QModelIndex, QObject, QTimer, Signal

from app.models.roles import NODE_ROLE, ROW_ROLE
from app.window.main_window import MainWindow
from app.work.records import NodeRow, Row

__all__ = ["Screenshot", "screenshot"]

_STEP_MS = 40
_QUIET_STEPS = 8  # how often nothing may have moved before the picture is taken
_SECONDS = 30.0
_LOOKED_AT = 40  # rows among which an interesting object is looked for


def screenshot(window: MainWindow, path: Path) -> bool:
    """Write the window as it is now to an image file; return whether that succeeded.

    Args:
        window: A window that is shown.
        path: The file; its suffix names the format.
    """
    return window.grab().save(str(path))


class Screenshot(QObject):
    """Waits for the rows, selects an object, opens some of its parts, and takes the picture.

    Signals:
        taken: Whether the image was written.
    """

    taken = Signal(bool)

    def __init__(self, window: MainWindow, path: Path) -> None:
        """Start waiting.

        Args:
            window: A window that is shown, and opens a store.
            path: The image file; its suffix names the format.
        """
        super().__init__(window)
        self._window = window
        self._path = path
        self._until = time.monotonic() + _SECONDS
        self._steps: list[Callable[[], bool]] = [
            self._rows_have_come,
            self._tree_has_come,
            self._parts_are_open,
            self._parts_have_come,
        ]
        self._quiet = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_STEP_MS)
        self._timer.timeout.connect(self._advance)
        self._timer.start()
        window.store_failed.connect(lambda _: self._steps.clear())

    def _advance(self) -> None:
        if time.monotonic() > self._until:
            self._steps.clear()
        elif self._steps:
            if self._steps[0]():
                self._steps.pop(0)
            return
        self._quiet += 1
        if self._quiet >= _QUIET_STEPS:
            self._timer.stop()
            self.taken.emit(screenshot(self._window, self._path))

    def _rows_have_come(self) -> bool:
        """Select an object that others can be reached from, once rows are there."""
        view, model = self._window.table.view, self._window.table.model
        count = min(model.rowCount(), _LOOKED_AT)
        rows = [model.index(number, 0).data(ROW_ROLE) for number in range(count)]
        known = [row for row in rows if isinstance(row, Row)]
        session = self._window.session
        if not known or not session.is_scanned:
            return False
        best = max(
            known, key=lambda row: ("Collection" in row.type or "Campaign" in row.type, row.size)
        )
        view.select_row(rows.index(best))
        return True

    def _tree_has_come(self) -> bool:
        return self._node(self._root()) is not None and self._child_count() > 0

    def _parts_are_open(self) -> bool:
        """Open the execution record and the first list of references."""
        view, model, root = self._window.inspector.view, self._window.inspector.model, self._root()
        opened = 0
        for number in range(model.rowCount(root)):
            index = model.index(number, 0, root)
            node = self._node(index)
            if node is None:
                return False
            if node.name in ("tasks", "execution", "jobs") and node.child_count:
                view.expand(index)
                opened += 1
        if opened == 0 and model.rowCount(root):
            view.expand(model.index(0, 0, root))
        return True

    def _parts_have_come(self) -> bool:
        """Wait for what was opened, and for the text below the tree."""
        view, model, root = self._window.inspector.view, self._window.inspector.model, self._root()
        nodes = [model.index(number, 0, root) for number in range(model.rowCount(root))]
        first = [model.index(0, 0, index) for index in nodes if view.isExpanded(index)]
        return bool(self._window.inspector.details.text.toPlainText()) and all(
            self._node(index) is not None or model.hasChildren(index) for index in first
        )

    def _root(self) -> QModelIndex:
        return self._window.inspector.model.index(0, 0, QModelIndex())

    def _child_count(self) -> int:
        return self._window.inspector.model.rowCount(self._root())

    def _node(self, index: QModelIndex) -> NodeRow | None:
        node = index.data(NODE_ROLE) if index.isValid() else None
        return node if isinstance(node, NodeRow) else None
