"""The dialog for an error that is ours: says so, and gives a report to copy."""

from __future__ import annotations

import logging
import platform
import traceback
from types import TracebackType

import PySide6
from PySide6.QtCore import QCoreApplication, Qt, QThread, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QMainWindow,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.window.theme import GRID, monospace

__all__ = ["ReportDialog", "report_of", "show_report"]

_log = logging.getLogger(__name__)


class ReportDialog(QDialog):
    """Shows what went wrong in the program itself."""

    def __init__(self, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reportDialog")
        self.setWindowTitle("Jobshelf made a mistake")
        self._report = report
        sentence = QLabel(
            "Something unexpected happened in Jobshelf itself. Your store is as it was after the "
            "last change that was reported as done. Please send this report with a word on what "
            "you did.",
            self,
        )
        sentence.setWordWrap(True)
        text = QPlainTextEdit(report, self)
        text.setObjectName("reportText")
        text.setReadOnly(True)
        text.setFont(monospace(0.95))
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton("&Copy Report", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(report))
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(sentence)
        column.addWidget(text, 1)
        column.addWidget(buttons)
        self.resize(720, 420)


def report_of(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None, version: str
) -> str:
    """Return a report on an error, with the versions that matter."""
    return (
        f"Jobshelf {version} · Python {platform.python_version()} · Qt {qVersion()} · "
        f"PySide6 {PySide6.__version__} · {platform.platform()}\n\n"
        + "".join(traceback.format_exception(kind, error, trace))
    )


def show_report(report: str) -> None:
    """Show a report once, without blocking; only log it where no window can be shown."""
    _log.error("%s", report)
    application = QCoreApplication.instance()
    if not isinstance(application, QApplication):
        return
    if QThread.currentThread() is not application.thread():
        return
    # An error that repeats must not bury the screen in dialogs.
    if not any(isinstance(window, ReportDialog) for window in application.topLevelWidgets()):
        _open(report)


def _open(report: str) -> None:
    dialog = ReportDialog(report, QApplication.activeWindow() or _main_window())
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()


def _main_window() -> QWidget | None:
    windows = QApplication.topLevelWidgets()
    return next((w for w in windows if isinstance(w, QMainWindow) and w.isVisible()), None)
