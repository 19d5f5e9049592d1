"""The status bar: which store, how it is open, what is under way and what was just done."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStatusBar,
    QWidget,
)

from app.window.elided_label import ElidedLabel
from app.window.theme import GRID

__all__ = ["StatusBar"]

_CHANGE_SHOWN_MS = 12_000


class StatusBar(QStatusBar):
    """Address and mode on the left; progress and the last change on the right.

    Signals:
        undo_requested: The user wants the change back that the bar tells of.
        cancel_requested: The user wants the reading of the store to stop.
        continue_requested: The user wants it to go on.
        work_cancel_requested: The user wants the copy ended whose progress is shown.
    """

    undo_requested = Signal()
    cancel_requested = Signal()
    continue_requested = Signal()
    work_cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setSizeGripEnabled(False)
        self.address = ElidedLabel(self, Qt.TextElideMode.ElideMiddle)
        self.address.setObjectName("storeAddress")
        self.address.setProperty("quiet", True)
        self.progress_text = QLabel(self)
        self.progress_text.setObjectName("progressText")
        self.progress_text.setProperty("quiet", True)
        self._progress = QProgressBar(self)
        self._progress.setTextVisible(False)
        self._progress.setFixedSize(30 * GRID, GRID)
        self.work_text = QLabel(self)
        self.work_text.setObjectName("workText")
        self._work_progress = QProgressBar(self)
        self._work_progress.setTextVisible(False)
        self._work_progress.setFixedSize(30 * GRID, GRID)
        self._work_cancel = QPushButton("&Cancel", self)
        self._work_cancel.setObjectName("workCancel")
        self._work_cancel.setFlat(True)
        self._work_cancel.clicked.connect(self.work_cancel_requested)
        self._stop = QPushButton(self)
        self._stop.setObjectName("indexingStop")
        self._stop.setFlat(True)
        self._stop.clicked.connect(self._on_stop_clicked)
        self._is_stopped = False
        self._done_before = 0
        self.change_text = QLabel(self)
        self.change_text.setObjectName("changeText")
        self.change_text.setTextFormat(Qt.TextFormat.PlainText)
        self._undo = QPushButton("&Undo", self)
        self._undo.setObjectName("changeUndo")
        self._undo.setFlat(True)
        self._undo.clicked.connect(self.undo_requested)
        self._undo.clicked.connect(self.hide_change)
        self._fade = QTimer(self)
        self._fade.setSingleShot(True)
        self._fade.setInterval(_CHANGE_SHOWN_MS)
        self._fade.timeout.connect(self.hide_change)
        self._started = 0.0
        self.setContentsMargins(2 * GRID, 0, GRID, 0)
        self.addWidget(self.address, 1)
        self.addPermanentWidget(self._row(self.progress_text, self._progress, self._stop))
        self.addPermanentWidget(self._row(self.work_text, self._work_progress, self._work_cancel))
        self.addPermanentWidget(self._row(self.change_text, self._undo))
        # Or all that is above would jump whenever the button comes and goes.
        self.setMinimumHeight(self.sizeHint().height())
        self.show_progress(0, 0)
        self.hide_work()
        self.hide_change()

    def show_store(self, address: str, *, read_only: bool, live: bool) -> None:
        """Say which store is open and how."""
        mode = "read-only" if read_only else "read-write"
        self.address.setText(f"{address}  ·  {mode}  ·  {'live' if live else 'paused'}")

    def show_no_store(self) -> None:
        """Say that no store is open."""
        self.address.setText("No store is open")
        self.show_progress(0, 0)
        self.hide_change()

    def show_progress(self, done: int, total: int) -> None:
        """Show how far the reading of the store is; nothing once it is through."""
        under_way = done < total
        for widget in (self.progress_text, self._progress, self._stop):
            widget.setVisible(under_way)
        if not under_way:
            self._started = 0.0
            self._is_stopped = False
            return
        now = time.monotonic()
        if not self._started or self._is_stopped:
            self._started, self._done_before = now, done
            self._is_stopped = False
        seconds = now - self._started
        speed = (done - self._done_before) / seconds if seconds > 1 else 0.0
        text = f"Indexing {100 * done // total} %"
        if speed >= 1:
            text += f"  ·  {speed:,.0f}/s  ·  {_duration((total - done) / speed)} left"
        self.progress_text.setText(text)
        self._progress.setRange(0, total)
        self._progress.setValue(done)
        self._stop.setText("&Cancel")
        self._stop.setToolTip("Stop reading the store; what has been read stays in the list.")

    def _on_stop_clicked(self) -> None:
        if self._is_stopped:
            self.continue_requested.emit()
            return
        self._is_stopped = True
        done, total = self._progress.value(), self._progress.maximum()
        self.progress_text.setText(f"Indexing stopped at {100 * done // max(total, 1)} %")
        self._stop.setText("&Continue")
        self._stop.setToolTip("Read the rest of the store.")
        self.cancel_requested.emit()

    def show_work(self, what: str, done: int, total: int) -> None:
        """Show how far a copy is, with a button that ends it.

        Args:
            what: What is being done: "Copying".
            done: How much of it is.
            total: Of how much; 0 while that is not known.
        """
        self.work_text.setText(f"{what} {100 * done // total} %" if total else f"{what}…")
        self._work_progress.setRange(0, total)
        self._work_progress.setValue(done)
        for widget in (self.work_text, self._work_progress, self._work_cancel):
            widget.show()

    def hide_work(self) -> None:
        """Show that no copy is under way."""
        for widget in (self.work_text, self._work_progress, self._work_cancel):
            widget.hide()

    def show_change(self, text: str, *, undoable: bool) -> None:
        """Say for a while what was done."""
        self.change_text.setText(text)
        self.change_text.show()
        self._undo.setVisible(undoable)
        self._fade.start()

    def hide_change(self) -> None:
        """Stop saying what was done."""
        self._fade.stop()
        self.change_text.hide()
        self._undo.hide()

    def _row(self, *widgets: QWidget) -> QWidget:
        holder = QWidget(self)
        row = QHBoxLayout(holder)
        row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        row.setSpacing(2 * GRID)
        for widget in widgets:
            row.addWidget(widget)
        return holder


def _duration(seconds: float) -> str:
    """Return a duration in the unit a reader wants.

    >>> _duration(12.4), _duration(150)
    ('12 s', '2 min')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
