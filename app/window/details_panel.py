"""The Details panel: the whole text of the selected value, with its path, type and length."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.window.elided_label import ElidedLabel
from app.window.icons import icon
from app.window.theme import GRID, monospace
from app.work.records import NodeRow
from app.work.session import StoreSession
from app.work.task import Task

__all__ = ["DetailsPanel"]

_FIRST_PART = 20_000  # characters shown at once
_GROWTH = 16


class DetailsPanel(QWidget):
    """Shows one value in full, or why there is none to show.

    Signals:
        safety_requested: The user wants to know what a broken object would run.
        opcodes_requested: The user wants to see its opcodes.
    """

    safety_requested = Signal()
    opcodes_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("detailsPanel")
        self._session: StoreSession | None = None
        self._task: Task | None = None
        self._where: tuple[str, tuple[int, ...]] | None = None
        self._node: NodeRow | None = None
        self._address = ""
        self._limit = _FIRST_PART
        self._is_new = True
        self.heading = ElidedLabel(self)
        self.heading.setObjectName("detailsHeading")
        self.heading.setProperty("quiet", True)
        self.more = QPushButton("Show &More", self)
        self.more.setObjectName("detailsMore")
        self.more.setAutoDefault(False)
        self.more.clicked.connect(self._show_more)
        self.more.hide()
        self.safety = self._way("detailsSafety", "What Would This &Run?", "safety")
        self.safety.clicked.connect(self.safety_requested)
        self.opcodes = self._way("detailsOpcodes", "Show &Opcodes", "opcodes")
        self.opcodes.clicked.connect(self.opcodes_requested)
        self.text = QPlainTextEdit(self)
        self.text.setObjectName("detailsText")
        self.text.setAccessibleName("Full text of the selected value")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.document().setDocumentMargin(3 * GRID)  # as the heading
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        head = QHBoxLayout()
        head.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, GRID)
        head.addWidget(self.heading, 1)
        head.setSpacing(2 * GRID)
        for button in (self.more, self.safety, self.opcodes):
            head.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.text, 1)
        self.refresh_theme()

    def set_session(self, session: StoreSession | None) -> None:
        """Show values of another store."""
        self._session = session
        self.show_nothing()

    def show_nothing(self) -> None:
        """Show no value."""
        self._forget_task()
        self._where = None
        self.heading.setText("")
        self.text.clear()
        self.more.hide()
        self._offer_ways(offered=False)

    def show_problem(self, sentence: str) -> None:
        """Show why an object cannot be shown, and what can be looked at nevertheless."""
        self.show_error(sentence)
        self._offer_ways(offered=True)

    def show_node(self, where: tuple[str, tuple[int, ...]], node: NodeRow, address: str) -> None:
        """Show the value of a node.

        Args:
            where: ID of its object and path inside that, as `StoreSession.text` takes them.
            node: The node.
            address: Its readable path from the object at the top of the tree.
        """
        self._forget_task()
        if where != self._where:
            self._limit = _FIRST_PART
        self._is_new = where != self._where
        self._offer_ways(offered=False)
        self._where, self._node, self._address = where, node, address
        self._read()

    def show_error(self, sentence: str) -> None:
        """Show in full why a value cannot be shown."""
        self.show_nothing()
        self.heading.setText("This value cannot be shown")
        self.text.setPlainText(sentence)

    def refresh_theme(self) -> None:
        """Take over the fonts of the application."""
        self.text.setFont(monospace())

    def _way(self, name: str, text: str, icon_name: str) -> QPushButton:
        button = QPushButton(icon(icon_name), text, self)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.hide()
        return button

    def _offer_ways(self, *, offered: bool) -> None:
        self.safety.setVisible(offered)
        self.opcodes.setVisible(offered)

    def _show_more(self) -> None:
        self._limit *= _GROWTH
        self._read()

    def _read(self) -> None:
        if self._session is None or self._where is None:
            return
        self._forget_task()
        # One character more than is shown tells whether there is more.
        task = self._session.text(*self._where, self._limit + 1)
        self._task = task.then(self._on_text, self._on_failed)

    def _on_text(self, text: str) -> None:
        self._task = None
        node = self._node
        if node is None:
            return
        is_whole = len(text) <= self._limit
        place = self.text.verticalScrollBar().value()
        if self.text.toPlainText() != text[: self._limit]:
            self.text.setPlainText(text[: self._limit])
        self.text.verticalScrollBar().setValue(0 if self._is_new else place)
        self._is_new = False
        self.more.setVisible(not is_whole)
        length = f"{len(text):,} characters" if is_whole else f"first {self._limit:,} characters"
        parts = [self._address or node.name, node.type, length]
        if node.child_count:
            parts.insert(2, "1 item" if node.child_count == 1 else f"{node.child_count:,} items")
        self.heading.setText("  ·  ".join(part for part in parts if part))

    def _on_failed(self, error: BaseException) -> None:
        self.show_error(str(error))

    def _forget_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
