"""The Details panel: the whole text of the selected value, with its path, type and length."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
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

_PART = 50_000  # characters shown at once: laying them out takes half a frame
_WORTH_FINDING = 1_000


class DetailsPanel(QWidget):
    """Shows one value, or why there is none to show; a long text in parts.

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
        self._first = 0  # character that the part begins with
        self._shown = ""
        self._wanted: tuple[int, int] | None = None  # what is to be selected: first, length
        self._searching: Task | None = None
        self._is_new = True
        self.heading = ElidedLabel(self)
        self.heading.setObjectName("detailsHeading")
        self.heading.setProperty("quiet", True)
        self.search = QLineEdit(self)
        self.search.setObjectName("detailsFind")
        self.search.setAccessibleName("Find in this text")
        self.search.setPlaceholderText("Find in this text")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(50 * GRID)
        self.search.returnPressed.connect(self._find_next)
        self.search.textEdited.connect(lambda _: self._say_found(found=True))
        self.search.hide()
        self.less = self._way("detailsLess", "&Previous Part", "back")
        self.less.clicked.connect(lambda: self._show_part(self._first - _PART))
        self.more = self._way("detailsMore", "&Next Part", "forward")
        self.more.clicked.connect(lambda: self._show_part(self._first + _PART))
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
        for widget in (self.search, self.less, self.more, self.safety, self.opcodes):
            head.addWidget(widget)
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
        self._shown = ""
        self._wanted = None
        for widget in (self.search, self.less, self.more):
            widget.hide()
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
            self._first = 0
            self._wanted = None
        self._is_new = where != self._where
        self._offer_ways(offered=False)
        self._where, self._node, self._address = where, node, address
        self._read()

    def has_keyboard(self) -> bool:
        """Return whether the keyboard is in the text, or in the field to find something in it."""
        return self.text.hasFocus() or self.search.hasFocus()

    def open_find(self) -> None:
        """Let the user find something in the text."""
        self.search.show()
        self.search.setFocus()
        self.search.selectAll()

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

    def _show_part(self, first: int) -> None:
        self._first = max(0, first)
        self._is_new = True
        self._read()

    def _read(self) -> None:
        if self._session is None or self._where is None:
            return
        self._forget_task()
        # One character more than is shown tells whether there is more.
        task = self._session.text(*self._where, _PART + 1, self._first)
        self._task = task.then(self._on_text, self._on_failed)

    def _on_text(self, text: str) -> None:
        self._task = None
        node = self._node
        if node is None:
            return
        if not text and self._first:  # it was written again, and is shorter now
            self._show_part(0)
            return
        is_last = len(text) <= _PART
        shown = text[:_PART]
        place = self.text.verticalScrollBar().value()
        if self._shown != shown or self._is_new:
            self._shown = shown
            self.text.setPlainText(shown)
        self.text.verticalScrollBar().setValue(0 if self._is_new else place)
        self._is_new = False
        self.more.setVisible(not is_last)
        self.less.setVisible(self._first > 0)
        if len(shown) > _WORTH_FINDING or self._first:
            self.search.show()
        last = self._first + len(shown)
        parts = [self._address or node.name, node.type, f"{last:,} characters"]
        if self._first or not is_last:  # the buttons leave little room: what differs goes first
            parts = [f"characters {self._first + 1:,} – {last:,}", *parts[:2]]
        if node.child_count:
            parts.insert(2, "1 item" if node.child_count == 1 else f"{node.child_count:,} items")
        self.heading.setText("  ·  ".join(part for part in parts if part))
        self._select_found()

    # Finding something in it

    def _find_next(self) -> None:
        wanted = self.search.text()
        if not wanted or self._session is None or self._where is None:
            return
        if self._searching is not None:
            self._searching.cancel()
        after = self._first if self._wanted is None else self._wanted[0] + 1
        self._searching = self._session.find_text(*self._where, wanted, after).then(
            partial(self._on_found, len(wanted)), lambda _: self._say_found(found=False)
        )

    def _on_found(self, length: int, place: int | None) -> None:
        self._searching = None
        self._say_found(found=place is not None)
        if place is None:
            return
        self._wanted = place, length
        if self._first <= place and place + length <= self._first + len(self._shown):
            self._select_found()
        else:
            self._show_part(place - place % _PART if place % _PART + length < _PART else place)

    def _select_found(self) -> None:
        if self._wanted is None:
            return
        first = self._wanted[0] - self._first
        cursor = self.text.textCursor()
        cursor.setPosition(_units(self._shown[:first]))
        end = _units(self._shown[: first + self._wanted[1]])
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        self.text.setTextCursor(cursor)
        self.text.ensureCursorVisible()

    def _say_found(self, *, found: bool) -> None:
        if bool(self.search.property("broken")) == found:
            self.search.setProperty("broken", not found)
            self.search.style().unpolish(self.search)
            self.search.style().polish(self.search)
        self.search.setToolTip("" if found else "This is nowhere in the text.")

    def _on_failed(self, error: BaseException) -> None:
        self.show_error(str(error))

    def _forget_task(self) -> None:
        for task in (self._task, self._searching):
            if task is not None:
                task.cancel()
        self._task = self._searching = None


def _units(text: str) -> int:
    """Return how long a text is in a `QPlainTextEdit`: in UTF-16, ends of lines being one."""
    return len(text.replace("\r\n", "\n").encode("utf-16-le", "surrogatepass")) // 2
