"""The Safety panel: what loading the object for real would run, asked before anyone does it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.models.finding_table import RISK_LOOKS, RISK_WORDS, FindingTableModel
from app.models.roles import ROW_ROLE
from app.models.states import Look
from app.window.message_page import Button, MessagePage
from app.window.row_table import RowTable
from app.window.shapes import draw_shape
from app.window.theme import GRID, theme
from app.work.session import StoreSession
from app.work.task import Task
from persistence.pickles.findings import Finding
from persistence.pickles.safety import Safety

__all__ = ["SafetyPanel"]

_WIDTHS = (122, 132, 200, 52)
_SUBJECT = 2


class SafetyPanel(QWidget):
    """Tells what loading one object would import and call; nothing is read while it is hidden.

    Signals:
        places_chosen: Offsets in the object's pickle at which the chosen finding stands.
        opcodes_requested: The user wants to see the opcodes at these offsets.
    """

    places_chosen = Signal(tuple)
    opcodes_requested = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("safetyPanel")
        self._session: StoreSession | None = None
        self._id: str | None = None
        self._is_told = False
        self._task: Task | None = None
        self.model = FindingTableModel(self)
        self.view = RowTable("safetyFindings", fixed=(_SUBJECT,), parent=self)
        self.view.setAccessibleName("What loading this object would do, the riskiest first")
        self.view.setModel(self.model)
        for column, width in enumerate(_WIDTHS):
            self.view.setColumnWidth(column, width)
        self.verdict = _Verdict(self)
        self.opcodes = QPushButton("Show &Opcodes", self)
        self.opcodes.setObjectName("safetyOpcodes")
        self.opcodes.setAutoDefault(False)
        self.opcodes.setFlat(True)
        self.opcodes.setEnabled(False)
        self.opcodes.setToolTip("See the bytes that do what is selected")
        self.reason = _text("safetyReason", self)
        self.reason.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        self.reason.hide()
        self._message = MessagePage("error", "red", self)
        self._pages = QStackedWidget(self)
        self._build()
        self.view.chosen.connect(lambda _: self._ask_opcodes())
        self.view.selectionModel().currentRowChanged.connect(self._on_row_changed)
        self.opcodes.clicked.connect(self._ask_opcodes)

    def set_session(self, session: StoreSession | None) -> None:
        """Tell of objects of another store."""
        self._session = session
        self.show_object(None)

    def show_object(self, id_: str | None) -> None:
        """Tell of an object; of nothing for None."""
        self._forget_task()
        is_new = id_ != self._id
        self._id, self._is_told = id_, False
        if is_new or id_ is None:
            self.model.set_findings(())
            self._pages.setCurrentWidget(self._nothing)
        self._catch_up()

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        self.view.refresh_theme()
        self.verdict.refresh_theme()

    def _build(self) -> None:
        self._nothing = QWidget(self)
        told = QWidget(self)
        column = QVBoxLayout(told)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.verdict)
        column.addWidget(self.view, 1)
        column.addWidget(self.reason)
        self.verdict.add_button(self.opcodes)
        self._told = told
        for page in (self._nothing, told, self._message):
            self._pages.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)

    def _catch_up(self) -> None:
        """Ask, if anybody can see the answer."""
        if self._is_told or self._task is not None or not self.isVisible():
            return
        if self._session is not None and self._id is not None:
            self._task = self._session.safety(self._id).then(self._on_told, self._on_failed)

    def _on_told(self, found: Safety) -> None:
        self._task = None
        self._is_told = True
        self.verdict.show_safety(found)
        if found.findings != self.model.findings:
            self.model.set_findings(found.findings)
        self._pages.setCurrentWidget(self._told)
        if self.view.hasFocus():
            self.view.select_current()

    def _on_failed(self, error: Exception) -> None:
        self._task = None
        self._message.show_message(
            "This object cannot be looked into", str(error), [Button("&Try Again", self._retry)]
        )
        self._pages.setCurrentWidget(self._message)

    def _retry(self) -> None:
        self.show_object(self._id)

    def _on_row_changed(self, current: QModelIndex) -> None:
        finding = current.data(ROW_ROLE) if current.isValid() else None
        self.opcodes.setEnabled(isinstance(finding, Finding))
        self.reason.setVisible(isinstance(finding, Finding))
        if isinstance(finding, Finding):
            what = finding.what[:1].upper() + finding.what[1:]
            self.reason.setText(f"{what}. {finding.reason}")
            self.places_chosen.emit(finding.offsets)

    def _ask_opcodes(self) -> None:
        finding = self.view.currentIndex().data(ROW_ROLE)
        if isinstance(finding, Finding):
            self.opcodes_requested.emit(finding.offsets)

    def _forget_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._catch_up()


class _Verdict(QFrame):
    """The answer in one sentence, on the colour and with the shape of its risk."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("safetyVerdict")
        self.setAutoFillBackground(True)
        self._look = Look("check", "green")
        self._mark = _Mark(self)
        self.word = _text("safetyRisk", self)
        self.sentence = _text("safetySentence", self)
        self.caution = _text("safetyCaution", self)
        self.caution.setProperty("quiet", True)
        self._buttons = QHBoxLayout()
        grid = QGridLayout(self)
        grid.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID)
        grid.addWidget(self._mark, 0, 0)
        grid.addWidget(self.word, 0, 1)
        grid.addLayout(self._buttons, 0, 2)
        grid.addWidget(self.sentence, 1, 1, 1, 2)
        grid.addWidget(self.caution, 2, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        self.refresh_theme()

    def add_button(self, button: QPushButton) -> None:
        """Put a button into the corner."""
        self._buttons.addWidget(button)

    def show_safety(self, found: Safety) -> None:
        """Say what was found."""
        self._look = RISK_LOOKS[found.risk]
        self.word.setText(RISK_WORDS[found.risk])
        self.sentence.setText(found.verdict)
        notes = [found.caution]
        if found.omitted:
            notes.insert(0, f"{found.omitted:,} more places are not listed.")
        self.caution.setText(" ".join(note for note in notes if note))
        self.caution.setVisible(bool(self.caution.text()))
        self.setAccessibleName(f"{self.word.text()}. {found.verdict}")
        self._colour()
        self._claim_height()

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        font = self.font()
        font.setBold(True)
        self.word.setFont(font)
        self._colour()

    def _colour(self) -> None:
        self._mark.look = self._look
        self._mark.update()
        palette = QPalette()
        palette.setColor(QPalette.ColorRole.Window, theme().tint(self._look.colour))
        self.setPalette(palette)
        words = QPalette(palette)
        words.setColor(QPalette.ColorRole.WindowText, theme().colour(self._look.colour))
        self.word.setPalette(words)

    def _claim_height(self) -> None:
        # In a low panel the list of findings would get the room that these words need.
        self.setMinimumHeight(max(self.heightForWidth(self.width()), 0))

    # Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self._claim_height()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ApplicationPaletteChange:
            self._colour()
        return super().event(event)


class _Mark(QWidget):
    """The shape of a risk."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.look = Look("check", "green")
        self.setSizePolicy(self.sizePolicy().Policy.Fixed, self.sizePolicy().Policy.Fixed)

    # Qt

    def sizeHint(self) -> QSize:
        side = QFontMetrics(self.font()).height()
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        side = min(self.width(), self.height())
        draw_shape(
            painter, self.look.shape, QRectF(0, 0, side, side), theme().colour(self.look.colour)
        )
        painter.end()


def _text(name: str, parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse
        | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label
