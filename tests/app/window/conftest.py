"""The real window on stores that GC3Pie wrote, driven by keys and the mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.main import create_application
from app.models.roles import NODE_ROLE
from app.window.main_window import MainWindow
from app.work.records import NodeRow
from persistence import make_store

TIMEOUT = 60_000


class Driver:
    """What a user does to the window, and what they see."""

    def __init__(self, qtbot: QtBot, window: MainWindow) -> None:
        self.qtbot = qtbot
        self.window = window
        self.table = window.table.view
        self.tree = window.inspector.view

    def open(self, path: Path | str, *, read_only: bool = False) -> None:
        with self.qtbot.waitSignal(self.window.store_opened, timeout=TIMEOUT):
            self.window.open_store(path, read_only)
        self.until(lambda: self.window.session.is_scanned)
        self.until(lambda: self.window.table.total == self.table.model().rowCount() > 0)
        self.until(lambda: self.window.inspector.id_ is not None)
        self.until(lambda: self.shows(str(self.window.inspector.id_)))

    def until(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=TIMEOUT)

    def action(self, name: str) -> QAction:
        found = self.window.findChild(QAction, name)
        assert found is not None, name
        return found

    def key(
        self,
        key: Qt.Key,
        widget: QWidget | None = None,
        *,
        mod: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        self.qtbot.keyClick(widget or QApplication.focusWidget() or self.window, key, mod)

    def type(self, text: str, widget: QWidget) -> None:
        widget.setFocus()
        self.qtbot.keyClicks(widget, text)

    def click_row(self, row: int) -> None:
        place = self.table.visualRect(self.table.model().index(row, 0)).center()
        self.qtbot.mouseClick(self.table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def double_click_node(self, index: QModelIndex) -> None:
        self.tree.scrollTo(index)
        place = self.tree.visualRect(index).center() - QPoint(0, 0)
        for act in (self.qtbot.mouseClick, self.qtbot.mouseDClick):
            act(self.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def row_of(self, id_: str) -> int:
        model = self.window.table.model
        return next(
            row for row in range(model.rowCount()) if model.id_at(model.index(row, 0)) == id_
        )

    def select(self, id_: str) -> None:
        self.until(lambda: id_ in self.ids())  # rows come and go while a store is read
        row = self.row_of(id_)
        self.table.scrollTo(self.table.model().index(row, 0))
        self.click_row(row)
        self.until(lambda: self.shows(id_))

    def shows(self, id_: str) -> bool:
        """Return whether an object stands in the tree (its error, if it is damaged)."""
        node = self.node()
        return node is not None and node.name == id_ and self.tree.currentIndex().isValid()

    def node(self, index: QModelIndex | None = None) -> NodeRow | None:
        index = index if index is not None else self.tree.model().index(0, 0)
        found = index.data(NODE_ROLE) if index.isValid() else None
        return found if isinstance(found, NodeRow) else None

    def child(self, name: str, parent: QModelIndex | None = None) -> QModelIndex:
        """Open a row of the tree, and return the row below it with a name, once it came."""
        model = self.tree.model()
        parent = parent if parent is not None else model.index(0, 0)
        self.tree.expand(parent)

        def find() -> QModelIndex | None:
            for row in range(model.rowCount(parent)):
                index = model.index(row, 0, parent)
                if index.data() == name and self.node(index) is not None:
                    return index
            return None

        self.until(lambda: find() is not None)
        found = find()
        assert found is not None
        return found

    def first_below(self, parent: QModelIndex) -> QModelIndex:
        """Open a row of the tree, and return the first one below it, once it came."""
        self.tree.expand(parent)
        self.until(lambda: self.node(self.tree.model().index(0, 0, parent)))
        return self.tree.model().index(0, 0, parent)

    def references(self) -> list[str]:
        self.until(lambda: "(" in self.window.inspector.tabs.tabText(1))
        return [link.id for link in self.window.inspector.refers_to.links]

    def ids(self) -> list[str]:
        model = self.window.table.model
        return [str(model.id_at(model.index(row, 0))) for row in range(model.rowCount())]


@pytest.fixture
def driver(qtbot: QtBot, home: Path) -> Iterator[Driver]:
    _, window = create_application(["jobshelf"])
    window.resize(1400, 860)
    qtbot.waitExposed(window)
    window.activateWindow()
    yield Driver(qtbot, window)
    window.close()
    window.deleteLater()
    QApplication.processEvents()


def stored_ids(path: Path) -> list[str]:
    with make_store(path, read_only=True) as store:
        return store.list()
