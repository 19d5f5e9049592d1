"""The Opcodes panel: the pickle of an object as the program that it is, beside its values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.models.opcode_table import OpcodeTableModel, cells_of
from app.models.roles import ROW_ROLE
from app.window.elided_label import ElidedLabel
from app.window.message_page import MessagePage
from app.window.row_table import RowTable, selected_ranges
from app.window.theme import GRID, monospace
from app.work.inspector import InspectionError
from app.work.records import OpcodeRange
from app.work.session import StoreSession
from app.work.task import Task
from persistence.errors import StoreError
from persistence.pickles.opcodes import Opcode
from persistence.pickles.texts import escaped

__all__ = ["OpcodesPanel", "hex_line"]

_LETTERS = (8, 20, 25, 7)  # width of the columns but the last
_BYTES_SHOWN = 16
_MOST_COPIED = 100_000  # rows
_NOTHING = (None, "")
_HINT = "Select an opcode to see its bytes; Enter goes to its value."


def hex_line(offset: int, data: bytes, length: int) -> str:
    r"""Return bytes as a line of a hex dump.

    Args:
        offset: Where they are.
        data: The first of them.
        length: How many there are.

    >>> hex_line(26, b"K\x07", 2)
    '0x0000001a   4b 07   |K.|'
    """
    shown = data[:_BYTES_SHOWN]
    letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in shown)
    more = f"   … {length:,} bytes" if length > len(shown) else ""
    return f"{offset:#010x}   {shown.hex(' ')}   |{letters}|{more}"


class OpcodesPanel(QWidget):
    """Lists the opcodes of one object; nothing is read while it is hidden.

    Signals:
        value_chosen: ID and address of the value that the user went to from an opcode.
    """

    value_chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("opcodesPanel")
        self._session: StoreSession | None = None
        self._wanted: tuple[str | None, str] = _NOTHING  # the value that is selected
        self._shown: tuple[str | None, str] = _NOTHING
        self._is_unanswerable = False  # whether looking for values of this object is in vain
        self._is_broken = False  # whether to go to the end as soon as it is known
        self._words = ""  # what is said of the selected value
        self._places: tuple[int, ...] = ()
        self._rows_in_wait: tuple[int, int] | None = None
        self._asking: Task | None = None
        self._reading: Task | None = None
        self.model = OpcodeTableModel(self)
        self.view = RowTable("opcodeTable", fixed=range(4), parent=self)
        self.view.setAccessibleName("Opcodes of the object's pickle")
        self.view.setModel(self.model)
        self.heading = ElidedLabel(self)
        self.heading.setObjectName("opcodesHeading")
        self.heading.setProperty("quiet", True)
        self.bytes = _line("opcodeBytes", self)
        self._message = MessagePage("error", "red", self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._message)
        self._build()
        self._connect()
        self.refresh_theme()

    def set_session(self, session: StoreSession | None) -> None:
        """List opcodes of objects of another store."""
        self._session = session
        self.model.set_session(session)
        self.show_value(None)

    def show_value(self, id_: str | None, address: str = "") -> None:
        """Mark the opcodes of a value.

        Args:
            id_: The object that it is in; None for no object.
            address: Its address in there; "" for the object itself.
        """
        self._wanted = (id_, address)
        self._is_broken = False
        self._places = ()
        self._catch_up()

    def show_break(self, id_: str) -> None:
        """Show where the pickle of an object breaks: its last row."""
        self.show_value(id_)
        self._is_broken = True
        if self.model.is_complete:
            self._on_counted()

    def show_places(self, offsets: Sequence[int]) -> None:
        """Mark the opcodes at some offsets of the object that is selected."""
        self._places = tuple(offsets)
        self._is_broken = False
        self._shown = (self._shown[0], "\0")  # to be marked anew in any case
        self._catch_up()

    def take_changes(self, ids: Sequence[str]) -> None:
        """Read again what was written."""
        if self.model.id in ids:
            self._forget()
            self._is_unanswerable = False
            self._shown = _NOTHING
            self.model.refresh()
            self._catch_up()

    def copied_rows(self) -> Task | None:
        """Ask for the selected rows, to copy them: a tuple of `Opcode`; None for no rows."""
        ranges = selected_ranges(self.view)
        if not ranges or self._session is None or self.model.id is None:
            return None
        # Rows between two selected parts are left out when the answer is there.
        first, last = ranges[0][0], ranges[-1][1]
        return self._session.opcodes(self.model.id, first, min(last - first + 1, _MOST_COPIED))

    def copied_text(self, rows: Sequence[Opcode]) -> str:
        """Return the selected ones of the rows that `copied_rows` gave, as lines with tabs."""
        ranges = selected_ranges(self.view)
        first = ranges[0][0] if ranges else 0
        return "\n".join(
            "\t".join(cell.strip() for cell in cells_of(row))
            for number, row in enumerate(rows, first)
            if any(start <= number <= end for start, end in ranges)
        )

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        self.view.refresh_theme()
        self.bytes.setFont(monospace(0.95))
        letter = QFontMetrics(monospace()).averageCharWidth()
        for column, letters in enumerate(_LETTERS):
            self.view.setColumnWidth(column, letters * letter + 3 * GRID)

    def _build(self) -> None:
        head, foot = QHBoxLayout(), QHBoxLayout()
        head.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, GRID)
        head.addWidget(self.heading, 1)
        foot.setContentsMargins(3 * GRID, GRID, 3 * GRID, GRID)
        foot.addWidget(self.bytes, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._stack, 1)
        column.addLayout(foot)

    def _connect(self) -> None:
        self.view.chosen.connect(self._on_chosen)
        self.view.selectionModel().currentRowChanged.connect(self._on_row_changed)
        self.model.counted.connect(lambda *_: self._on_counted())
        self.model.failed.connect(self._on_failed)
        self.model.dataChanged.connect(self._on_data_changed)

    def _catch_up(self) -> None:
        """Show what is wanted, if anybody can see it."""
        id_, _ = self._wanted
        if id_ is None:
            self._forget()
            self._shown = _NOTHING
            self.model.show(None)
            self._say("")
            self.bytes.setText("")
            return
        if not self.isVisible() or self._session is None:
            return
        if id_ != self.model.id:
            self._forget()
            self._is_unanswerable = False
            self._stack.setCurrentWidget(self.view)
            self.model.show(id_)
            self.bytes.setText(_HINT)
        elif self._shown == self._wanted:
            return
        self._shown = self._wanted
        self._mark()

    def _mark(self) -> None:
        id_, address = self._wanted
        assert id_ is not None
        assert self._session is not None
        self._drop_question()
        self._rows_in_wait = None
        if self._places:
            self.model.mark_offsets(self._places)
            self._asking = self._session.opcode_at(id_, self._places[0]).then(
                self._on_place, self._on_unanswered
            )
        elif address and not self._is_unanswerable:
            self._asking = self._session.opcodes_of(id_, address).then(
                self._on_range, self._on_unanswered
            )
        else:  # all of them belong to the object itself
            self.model.mark_value(None)
        self._say("")

    def _on_range(self, found: OpcodeRange) -> None:
        self._asking = None
        self.model.mark_value(found)
        count = found.last - found.first + 1
        words = f"{count:,} opcode{'' if count == 1 else 's'}"
        if found.made_first != found.first:
            words += " from the memo, made at the dotted bar"
        self._say(words)
        self._scroll_to(found.first, found.last)

    def _on_place(self, row: int) -> None:
        self._asking = None
        self._scroll_to(row, row)

    def _scroll_to(self, first: int, last: int) -> None:
        """Scroll to some rows as soon as the table has grown to the first one."""
        count = self.model.rowCount()
        self._rows_in_wait = None if first < count else (first, last)
        if first < count:
            self.view.show_rows(first, min(last, count - 1))

    def _on_counted(self) -> None:
        self._say_count()
        count = self.model.rowCount()
        if self._rows_in_wait is not None:
            self._scroll_to(*self._rows_in_wait)
        elif self._is_broken and self._is_listed():
            self._is_broken = False
            self._scroll_to(count - 1, count - 1)

    def _is_listed(self) -> bool:
        """Whether all opcodes of the object that is selected are there."""
        is_whole = self.model.is_complete and self.model.rowCount() > 0
        return is_whole and self.model.id == self._wanted[0]

    def _on_unanswered(self, error: Exception) -> None:
        """Leave the marks out: the pickle is damaged, or too large to be followed in time."""
        self._asking = None
        self.model.mark_value(None)
        if isinstance(error, InspectionError):
            self._is_unanswerable = True  # asking again would end the inspector again
            self._say("too large to tell which opcodes belong to which value")
        elif not isinstance(error, StoreError):
            raise error

    def _on_failed(self, error: Exception) -> None:
        self._message.show_message("The opcodes cannot be listed", str(error))
        self._stack.setCurrentWidget(self._message)
        self._say("")

    def _say(self, words: str) -> None:
        self._words = words
        self._say_count()

    def _say_count(self) -> None:
        id_, address = self._shown
        if id_ is None:
            self.heading.setText("")
            return
        count = self.model.rowCount()
        more = "" if self.model.is_complete else " so far…"
        of = escaped(id_)
        if not self._places and address.strip("\0"):
            of += f"  ·  {address}"
        parts = [of, self._words, f"{count:,} opcodes in all{more}" if count else ""]
        self.heading.setText("  ·  ".join(part for part in parts if part))

    # From an opcode to its bytes, and to its value

    def _on_row_changed(self, current: QModelIndex) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        row = current.data(ROW_ROLE) if current.isValid() else None
        id_ = self.model.id
        if not isinstance(row, Opcode) or self._session is None or id_ is None:
            self.bytes.setText(_HINT if id_ is not None else "")
            return
        offset, length = row.offset, row.length
        self._reading = self._session.call(
            lambda store: store.read(id_)[offset : offset + min(length, _BYTES_SHOWN)]
        ).then(partial(self._on_bytes, row), lambda _: self.bytes.setText(_HINT))

    def _on_bytes(self, row: Opcode, data: bytes) -> None:
        self._reading = None
        self.bytes.setText(hex_line(row.offset, data, row.length))

    def _on_data_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        current = self.view.currentIndex()
        if self.bytes.text() == _HINT and first.row() <= current.row() <= last.row():
            self._on_row_changed(current)

    def _on_chosen(self, index: QModelIndex) -> None:
        row, id_ = index.data(ROW_ROLE), self.model.id
        if not isinstance(row, Opcode) or self._session is None or id_ is None:
            return
        self._drop_question()
        self._asking = self._session.value_at(id_, row.offset).then(
            partial(self._on_value, id_), self._on_no_value
        )

    def _on_value(self, id_: str, address: str) -> None:
        self._asking = None
        self.value_chosen.emit(id_, address)

    def _on_no_value(self, error: Exception) -> None:
        self._asking = None
        if not isinstance(error, StoreError):
            raise error
        self._say(str(error))

    def _forget(self) -> None:
        self._drop_question()
        self._rows_in_wait = None
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _drop_question(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._catch_up()


def _line(name: str, parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setObjectName(name)
    label.setProperty("quiet", True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    # A long path must not keep the panel from being narrow.
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
