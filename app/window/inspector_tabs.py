"""The panels below the tree, one a tab, about the object and the value that is selected."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabWidget, QWidget

from app.actions.journal import Journal
from app.window.details_panel import DetailsPanel
from app.window.history_panel import HistoryPanel
from app.window.opcodes_panel import OpcodesPanel
from app.window.references_panel import ReferencesPanel
from app.window.safety_panel import SafetyPanel
from app.work.records import NodeRow
from app.work.session import StoreSession

__all__ = ["InspectorTabs"]


class InspectorTabs(QTabWidget):
    """Details, references, history, safety and opcodes of the object in the tree.

    Signals:
        followed: The ID of an object the user wants to see.
    """

    followed = Signal(str)

    def __init__(self, journal: Journal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectorTabs")
        self.setDocumentMode(True)
        self.details = DetailsPanel(self)
        self.refers_to = ReferencesPanel(incoming=False, parent=self)
        self.referred_by = ReferencesPanel(incoming=True, parent=self)
        self.changes = HistoryPanel(journal, self)
        self.safety = SafetyPanel(self)
        self.opcodes = OpcodesPanel(self)
        for panel, title, tip in (
            (self.details, "Details", "The whole text of the selected value"),
            (self.refers_to, "Refers to", "What this object refers to"),
            (self.referred_by, "Referred to by", "What refers to this object"),
            (self.changes, "History", "What Jobshelf changed in this object"),
            (self.safety, "Safety", "What would loading this object run?"),
            (self.opcodes, "Opcodes", "The pickle of this object as a program"),
        ):
            self.setTabToolTip(self.addTab(panel, title), tip)
        for links, title in ((self.refers_to, "Refers to"), (self.referred_by, "Referred to by")):
            links.followed.connect(self.followed)
            links.counted.connect(partial(self._on_counted, links, title))
        self.details.safety_requested.connect(self._opener(self.safety))
        self.details.opcodes_requested.connect(self._opener(self.opcodes))
        self.safety.places_chosen.connect(self.opcodes.show_places)
        self.safety.opcodes_requested.connect(self._on_opcodes_requested)

    def set_session(self, session: StoreSession | None, address: str) -> None:
        """Tell of objects of another store.

        Args:
            session: The open store, or None.
            address: Its address without password.
        """
        for panel in (self.details, self.refers_to, self.referred_by, self.safety, self.opcodes):
            panel.set_session(session)
        self.changes.set_session(session, address)

    def show_object(self, id_: str) -> None:
        """Tell of another object, and of no value in it yet."""
        self.details.show_nothing()
        self.opcodes.show_value(id_)
        self.changes.show_object(id_)
        for panel in (self.refers_to, self.referred_by, self.safety):
            panel.show_object(id_)

    def refresh(self, id_: str) -> None:
        """Ask again about an object that was written."""
        for panel in (self.refers_to, self.referred_by, self.safety):
            panel.show_object(id_)
        self.changes.refresh()

    def show_node(self, where: tuple[str, tuple[int, ...]], node: NodeRow, address: str) -> None:
        """Tell of a value.

        Args:
            where: ID of its object and path inside that.
            node: Its line of the tree.
            address: Its readable path from the object at the top of the tree.
        """
        self.details.show_node(where, node, address)
        self.opcodes.show_value(where[0], node.address)

    def show_problem(self, id_: str, sentence: str) -> None:
        """Tell why an object has no values to show; its opcodes can be seen nevertheless."""
        self.details.show_problem(sentence)
        self.opcodes.show_break(id_)

    def show_panel(self, panel: QWidget) -> None:
        """Bring a panel to the front, with the keyboard in it."""
        self.show()
        self.setCurrentWidget(panel)
        if panel is self.safety:
            self.safety.view.setFocus()
        elif panel is self.opcodes:
            self.opcodes.view.setFocus()

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        for panel in (self.details, self.safety, self.opcodes):
            panel.refresh_theme()

    def _opener(self, panel: QWidget) -> Callable[[], None]:
        return partial(self.show_panel, panel)

    def _on_counted(self, panel: QWidget, title: str, count: int) -> None:
        text = title if count < 0 else f"{title} ({count:,})"
        self.setTabText(self.indexOf(panel), text)

    def _on_opcodes_requested(self, offsets: tuple[int, ...]) -> None:
        self.show_panel(self.opcodes)
        self.opcodes.show_places(offsets)
