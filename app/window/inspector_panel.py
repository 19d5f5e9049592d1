"""The right side: one object as a tree, its address, and the panels about the selected node."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions.journal import Journal
from app.models.object_tree import ObjectTreeModel
from app.models.roles import ADDRESS_ROLE, ID_ROLE
from app.window.banner import Banner
from app.window.breadcrumb import Breadcrumb
from app.window.find_bar import FindBar
from app.window.inspector_tabs import InspectorTabs
from app.window.message_page import MessagePage
from app.window.navigation import History, Place
from app.window.object_tree_view import ObjectTreeView, node_at
from app.window.theme import GRID
from app.work.records import NodeRow
from app.work.session import StoreSession
from app.work.task import Task
from persistence.pickles.texts import escaped

__all__ = ["InspectorPanel"]


class InspectorPanel(QWidget):
    """Shows one object of the open store.

    Signals:
        object_shown: The ID of the object that stands in the tree now.
        moved: The current node, or what back and forward lead to, is new.
    """

    object_shown = Signal(str)
    moved = Signal()

    def __init__(self, journal: Journal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session: StoreSession | None = None
        self._history = History()
        self._lookup: Task | None = None
        self._wanted_path: tuple[int, ...] = ()
        self.model = ObjectTreeModel(self)
        self.view = ObjectTreeView(self)
        self.view.setModel(self.model)
        self.view.prepare_columns()
        self.tabs = InspectorTabs(journal, self)
        self.details = self.tabs.details
        self.refers_to = self.tabs.refers_to
        self.referred_by = self.tabs.referred_by
        self.changes = self.tabs.changes
        self.safety = self.tabs.safety
        self.opcodes = self.tabs.opcodes
        self.find_bar = FindBar(self)
        self.breadcrumb = Breadcrumb(self)
        self.edit_bar = Banner(self)
        self.edit_bar.setObjectName("editBar")
        self._build()
        self._connect()
        self._show_nothing()

    @property
    def id_(self) -> str | None:
        """The ID of the object that is shown, or None."""
        return self._history.current.id_ if self._history.current else None

    @property
    def node(self) -> NodeRow | None:
        """The current node of the tree, or None."""
        is_shown = self._stack.currentWidget() is self.view
        return node_at(self.view.currentIndex()) if is_shown else None

    @property
    def can_go_back(self) -> bool:
        """Whether another object was shown before."""
        return self._history.can_go_back

    @property
    def can_go_forward(self) -> bool:
        """Whether Back was used."""
        return self._history.can_go_forward

    def add_header_actions(self, before: list[QAction], after: list[QAction]) -> None:
        """Put buttons beside the address.

        Args:
            before: Left of it.
            after: Right of it.
        """
        for place, action in enumerate(before):
            self._header.insertWidget(place, _button(action, self))
        for action in after:
            button = _button(action, self)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            self._header.addWidget(button)

    def set_session(self, session: StoreSession | None, address: str = "") -> None:
        """Show objects of another store.

        Args:
            session: The open store, or None.
            address: Its address without password.
        """
        self._session = session
        self._history.clear()
        self.model.set_session(session)
        self.tabs.set_session(session, address)
        self.find_bar.set_session(session)
        self._show_nothing()

    def show_object(self, id_: str) -> None:
        """Show an object, and remember the place that was shown before."""
        if id_ != self.id_:
            self._history.visit(id_)
            self._show(Place(id_))

    def reload(self) -> None:
        """Read the shown object again; the current node stays where it can."""
        if self._history.current is not None:
            self._show(self._history.current)

    def take_changes(self, ids: list[str]) -> None:
        """Bring up to date what is shown of objects that were written."""
        self.opcodes.take_changes(ids)
        if self.id_ not in ids:
            return
        if self._stack.currentWidget() is self._message:  # it was gone, and is there again
            self.reload()
            return
        self.tabs.refresh(self.id_)
        self.find_bar.show_object(self.id_)

    def back(self) -> None:
        """Show the place that was shown before."""
        if (place := self._history.back()) is not None:
            self._show(place)

    def forward(self) -> None:
        """Show the place from which Back was used."""
        if (place := self._history.forward()) is not None:
            self._show(place)

    def follow(self) -> None:
        """Open the object that the current node names."""
        node = self.node
        if node is not None and node.target and "dangling" not in node.marks:
            self.show_object(node.target)

    def set_panels_visible(self, visible: bool) -> None:
        """Show or hide the panels below the tree."""
        self.tabs.setVisible(visible)

    def show_find_bar(self) -> None:
        """Let the user find a text in the object."""
        if self.id_ is not None:
            self.find_bar.open()

    def has_keyboard(self) -> bool:
        """Return whether the tree, or the bar above it, has the keyboard."""
        focus = QApplication.focusWidget()
        if focus is None or not self.isAncestorOf(focus):
            return False
        return not self.tabs.isAncestorOf(focus)

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        self.view.refresh_theme()
        self.tabs.refresh_theme()

    def _build(self) -> None:
        head = QWidget(self)
        head.setObjectName("inspectorHeader")
        self._header = QHBoxLayout(head)
        self._header.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        self._header.setSpacing(GRID)
        self._header.addWidget(self.breadcrumb, 1)
        self._message = MessagePage("object", "muted", self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._message)
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.setObjectName("inspectorSplitter")
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self._stack)
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.splitter.setSizes([460, 260])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.edit_bar)
        column.addWidget(self.find_bar)
        column.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        self.view.follow_requested.connect(self.follow)
        self.view.retry_requested.connect(self.model.retry)
        self.model.shown.connect(self._on_shown)
        self.model.failed.connect(self._on_failed)
        self.model.dataChanged.connect(self._on_data_changed)
        self.model.revealed.connect(self._on_revealed)
        self.model.removed.connect(self._on_removed)
        self.model.value_changed.connect(self.view.mark_changed)
        self.breadcrumb.chosen.connect(self._on_part_chosen)
        self.tabs.followed.connect(self.show_object)
        self.opcodes.value_chosen.connect(self._on_value_chosen)
        self.find_bar.found.connect(self.model.reveal)
        self.find_bar.left.connect(self.view.setFocus)

    def _show(self, place: Place) -> None:
        self._stack.setCurrentWidget(self.view)
        self._forget_lookup()
        self._wanted_path = place.path
        self.breadcrumb.set_parts([place.id_])
        self.details.show_nothing()
        self.model.show(place.id_)
        self.tabs.show_object(place.id_)
        self.find_bar.show_object(place.id_)
        self.object_shown.emit(place.id_)
        self.moved.emit()

    def _show_nothing(self) -> None:
        self._message.show_message(
            "No object is selected", "Select one in the table to see what is in it."
        )
        self._stack.setCurrentWidget(self._message)
        self.breadcrumb.set_parts([])
        self.details.show_nothing()
        self.moved.emit()

    def _on_shown(self, _: str) -> None:
        """Open the object, and go on to the node that was selected at this place before."""
        root = self.model.index(0, 0, QModelIndex())
        self.view.expand(root)
        if self._wanted_path:
            self.model.reveal(self._wanted_path)
        elif not self.view.currentIndex().isValid():
            self.view.setCurrentIndex(root)

    def _on_revealed(self, index: QModelIndex) -> None:
        self._wanted_path = ()
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)

    def _on_removed(self, id_: str) -> None:
        self._message.show_message(
            f"{escaped(id_)} is no longer in the store", "It was removed while you looked at it."
        )
        self._stack.setCurrentWidget(self._message)
        self.details.show_nothing()
        self.moved.emit()

    def _on_failed(self, _id: str, _error: Exception) -> None:
        top = self.model.index(0, 0)
        self.view.setCurrentIndex(top)
        self.view.expand(top)  # what can be read of it, if anything can

    def _on_current_changed(self, current: QModelIndex) -> None:
        node, where = node_at(current), self.model.object_of(current)
        chain = _chain(current)
        if node is not None and self.id_ is not None:
            if not self._wanted_path:
                self._history.note(self.model.address_of(current))
            names = [str(index.data() or "") for index in chain]
            self.breadcrumb.set_parts([self.id_, *names[1:]])
            if node.kind == "error":
                self.tabs.show_problem(str(current.data(ID_ROLE) or self.id_), node.value)
            elif where is not None:
                self.tabs.show_node(where, node, str(current.data(ADDRESS_ROLE) or ""))
            else:
                self.details.show_nothing()
        self.moved.emit()

    def _on_data_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        current = self.view.currentIndex()
        if first.parent() == current.parent() and first.row() <= current.row() <= last.row():
            self._on_current_changed(current)

    def _on_value_chosen(self, id_: str, address: str) -> None:
        """Go to the value that an opcode belongs to, in the lines of the same object."""
        current = self.view.currentIndex()
        where = self.model.object_of(current)
        if self._session is None or id_ not in (self.id_, where and where[0]):
            return
        above: tuple[int, ...] = ()  # the way to the object, if it is behind a reference
        if where is not None and where[0] == id_ != self.id_:
            whole = self.model.address_of(current)
            above = whole[: len(whole) - len(where[1])]
        self._forget_lookup()
        self._lookup = self._session.positions(id_, address).then(
            lambda path: None if path is None else self.model.reveal((*above, *path)),
            lambda _: None,
        )

    def _forget_lookup(self) -> None:
        if self._lookup is not None:
            self._lookup.cancel()
            self._lookup = None

    def _on_part_chosen(self, steps: int) -> None:
        chain = _chain(self.view.currentIndex())
        if steps < len(chain):
            self.view.setCurrentIndex(chain[steps])
            self.view.scrollTo(chain[steps])
            self.view.setFocus()


def _chain(index: QModelIndex) -> list[QModelIndex]:
    """Return the indexes from the root of the tree down to one."""
    chain: list[QModelIndex] = []
    index = index.siblingAtColumn(0)
    while index.isValid():
        chain.insert(0, index)
        index = index.parent()
    return chain


def _button(action: QAction, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setDefaultAction(action)
    button.setAutoRaise(True)
    return button
