"""The recovery of a corrupt database: how far it is, then what was recovered and what was lost."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.window.theme import GRID
from app.work.checker import Recoverer
from persistence.errors import StoreError
from persistence.recovery_report import RecoveryReport

__all__ = ["RecoveryDialog"]


class RecoveryDialog(QDialog):
    """Recovers one file into another one, and shows the report.

    Signals:
        open_requested: The path of the new database, which the user wants to open.
    """

    open_requested = Signal(str)

    def __init__(self, path: Path, target: Path, parent: QWidget | None = None) -> None:
        """Make the dialog; it begins at once.

        Args:
            path: The corrupt file, which is only read.
            target: The new one.
            parent: Owning window.
        """
        super().__init__(parent)
        self.setObjectName("recoveryDialog")
        self.setWindowTitle("Recover Corrupt Database")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._target = target
        self.sentence = QLabel(f"Reading what can be read of {path.name}…", self)
        self.sentence.setObjectName("recoverySentence")
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setWordWrap(True)
        self.progress = QProgressBar(self)
        self.progress.setObjectName("recoveryProgress")
        self.progress.setRange(0, 0)
        self.report = QPlainTextEdit(self)
        self.report.setObjectName("recoveryReport")
        self.report.setAccessibleName("What was recovered, and what was lost")
        self.report.setReadOnly(True)
        self.report.hide()
        self._note = QLabel(f"{path} itself is only read; it stays as it is.", self)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setWordWrap(True)
        self._note.setProperty("quiet", True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        buttons.rejected.connect(self.close)
        self._close = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        self.open_button = buttons.addButton(
            "&Open the New Database", QDialogButtonBox.ButtonRole.ActionRole
        )
        self.open_button.setObjectName("recoveryOpen")
        self.open_button.clicked.connect(self._open)
        self.open_button.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(self.sentence)
        column.addWidget(self.progress)
        column.addWidget(self.report, 1)
        column.addWidget(self._note)
        column.addStretch(0)
        column.addWidget(buttons)
        self.resize(620, 320)
        self._recoverer = Recoverer(self)
        self._recoverer.progressed.connect(self._on_progressed)
        self._recoverer.finished.connect(self._on_finished)
        self._recoverer.failed.connect(self._on_failed)
        self._recoverer.start(path, target)

    def _on_progressed(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _on_finished(self, report: RecoveryReport) -> None:
        lost = "." if report.is_complete else "; not everything could be read."
        count = "1 object was" if report.objects == 1 else f"{report.objects:,} objects were"
        self._end(f"{count} recovered into {self._target.name}{lost}")
        self.report.setPlainText(report.text())
        self.report.show()
        self.open_button.show()
        self.open_button.setDefault(True)
        self.open_button.setFocus()

    def _on_failed(self, error: BaseException) -> None:
        self._end(str(error))
        if not isinstance(error, StoreError):
            raise error

    def _end(self, sentence: str) -> None:
        self.progress.hide()
        self.sentence.setText(sentence)
        self._close.setText("&Close")

    def _open(self) -> None:
        self.open_requested.emit(str(self._target))
        self.close()

    # Qt

    def closeEvent(self, event: QCloseEvent) -> None:
        self._recoverer.cancel()
        super().closeEvent(event)
