"""The Check window: what is wrong with the open store, and what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.actions.repair import Choice, choices_for
from app.models.problem_table import KIND_WORDS, MOST_LISTED, ProblemTableModel
from app.models.roles import ROW_ROLE
from app.window.banner import Banner, Mood
from app.window.row_table import RowTable, selected_ranges
from app.window.theme import GRID
from persistence.file_names import FILE_PREFIX
from persistence.integrity import Kind, Problem, Remedy

__all__ = ["CheckWindow"]

_WIDTHS = (170, 230, 400)
_OBJECT = 1
_CHOICE = Qt.ItemDataRole.UserRole


class CheckWindow(QDialog):
    """Lists problems as they are found; the window behind it stays in use.

    Signals:
        check_requested: Check (again); whether also what nothing refers to is wanted.
        cancelled: Stop the check.
        object_chosen: The ID of an object that the user wants to see.
        repair_requested: The `Problem`s to repair, each with the one repair that was chosen.
        recover_requested: Recover the corrupt database.
    """

    check_requested = Signal(bool)
    cancelled = Signal()
    object_chosen = Signal(str)
    repair_requested = Signal(list)
    recover_requested = Signal()

    def __init__(self, title: str, *, can_write: bool, parent: QWidget | None = None) -> None:
        """Make the window.

        Args:
            title: What the user calls the store.
            can_write: Whether it can be changed.
            parent: Main window.
        """
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("checkWindow")
        self.setWindowTitle(f"Check {title}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._can_write = can_write
        self._is_busy = False
        self.model = ProblemTableModel(self)
        self.banner = Banner(self)
        self.status = QLabel(self)
        self.status.setObjectName("checkStatus")
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.progress = QProgressBar(self)
        self.progress.setObjectName("checkProgress")
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(2 * GRID)
        self.again = _button("&Check Again", "checkAgain", self)
        self.stop = _button("&Cancel", "checkCancel", self)
        self.orphans = QCheckBox("Also list objects that &nothing refers to", self)
        self.orphans.setObjectName("checkOrphans")
        self.kinds = QComboBox(self)
        self.kinds.setObjectName("checkKinds")
        self.kinds.setAccessibleName("Kinds of problems that are shown")
        self.view = RowTable("checkProblems", fixed=(_OBJECT,), parent=self)
        self.view.setAccessibleName("Problems of the store")
        self.view.setModel(self.model)
        for column, width in enumerate(_WIDTHS):
            self.view.setColumnWidth(column, width)
        self.cause = QLabel(self)
        self.cause.setObjectName("checkCause")
        self.cause.setTextFormat(Qt.TextFormat.PlainText)
        self.cause.setWordWrap(True)
        self.remedies = QComboBox(self)
        self.remedies.setObjectName("checkRemedies")
        self.remedies.setAccessibleName("How the selected problems are repaired")
        self.remedies.setMinimumWidth(80 * GRID)
        self.repair = _button("&Repair Selected…", "checkRepair", self)
        self.recover = _button("Recover Corrupt &Database…", "checkRecover", self)
        self.recover.hide()
        self._build()
        self._connect()
        self._fill_kinds()
        self._update()
        self.resize(1060, 560)

    def begin(self) -> None:
        """Show that a check has begun: what was found before is gone."""
        self._is_busy = True
        self.model.clear()
        self.recover.hide()
        self.banner.hide()
        self.progress.setRange(0, 0)
        self.status.setText("Checking…")
        self._fill_kinds()
        self._update()

    def show_progress(self, done: int, total: int) -> None:
        """Show how far the check is."""
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        of = f" of {total:,}" if total else ""
        self.status.setText(f"Checking: {done:,}{of} objects, {self._found_text()}")

    def add(self, problems: list[Problem]) -> None:
        """List what was found."""
        self.model.add(problems)
        self.recover.setVisible(
            self.recover.isVisible()
            or any(r.remedy is Remedy.RECOVER for p in problems for r in p.repairs)
        )
        self._fill_kinds()
        self._update()

    def end(self, sentence: str = "") -> None:
        """Show that the check is over.

        Args:
            sentence: Why it ended early; "" if it is through.
        """
        self._is_busy = False
        if sentence:
            self.status.setText(f"Not everything was checked: {self._found_text()}")
            self.banner.show_sentence(sentence, Mood.WARNING)
        elif self.model.counts:
            self.status.setText(f"The check is through: {self._found_text()}")
        else:
            self.status.setText("The check is through: nothing is wrong with the store.")
        self._update()

    def selected(self) -> list[Problem]:
        """Return the selected problems."""
        return [
            self.model.problem_at(row)
            for first, last in selected_ranges(self.view)
            for row in range(first, last + 1)
        ]

    def refresh_theme(self) -> None:
        """Take over palette and fonts of the application."""
        self.view.refresh_theme()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        head.addWidget(self.status, 1)
        for widget in (self.orphans, self.kinds, self.stop, self.again):
            head.addWidget(widget)
        foot = QHBoxLayout()
        foot.setSpacing(2 * GRID)
        for widget in (self.remedies, self.repair):
            foot.addWidget(widget)
        foot.addStretch(1)
        foot.addWidget(self.recover)
        close = _button("C&lose", "checkClose", self)
        close.clicked.connect(self.close)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        column.setSpacing(2 * GRID)
        column.addLayout(head)
        column.addWidget(self.progress)
        column.addWidget(self.banner)
        column.addWidget(self.view, 1)
        column.addWidget(self.cause)
        column.addLayout(foot)

    def _connect(self) -> None:
        self.again.clicked.connect(lambda: self.check_requested.emit(self.orphans.isChecked()))
        self.orphans.clicked.connect(lambda: self.check_requested.emit(self.orphans.isChecked()))
        self.stop.clicked.connect(self.cancelled)
        self.recover.clicked.connect(self.recover_requested)
        self.repair.clicked.connect(self._request_repair)
        self.kinds.activated.connect(self._show_kind)
        self.view.chosen.connect(self._show_object)
        self.view.selectionModel().currentRowChanged.connect(self._on_row_changed)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._update())
        self.model.modelReset.connect(self._update)

    def _found_text(self) -> str:
        count = sum(self.model.counts.values())
        unlisted = sum(max(0, number - MOST_LISTED) for number in self.model.counts.values())
        text = "1 problem found." if count == 1 else f"{count:,} problems found."
        return f"{text} {unlisted:,} of them are not listed." if unlisted else text

    def _fill_kinds(self) -> None:
        chosen = self.kinds.currentData(_CHOICE)
        self.kinds.clear()
        self.kinds.addItem(f"All problems ({sum(self.model.counts.values()):,})", None)
        for kind, count in self.model.counts.items():
            self.kinds.addItem(f"{KIND_WORDS[kind]} ({count:,})", kind)
            if kind is chosen:
                self.kinds.setCurrentIndex(self.kinds.count() - 1)
        if self.kinds.currentData(_CHOICE) is not chosen:
            self.model.show_kind(None)

    def _show_kind(self) -> None:
        kind = self.kinds.currentData(_CHOICE)
        self.model.show_kind(kind if isinstance(kind, Kind) else None)

    def _update(self) -> None:
        """Offer what can be done with the selection."""
        self.stop.setVisible(self._is_busy)
        self.again.setVisible(not self._is_busy)
        self.progress.setVisible(self._is_busy)
        problems = self.selected()
        offered = choices_for(problems)
        chosen = self.remedies.currentData(_CHOICE)
        self.remedies.clear()
        for choice in offered:
            self.remedies.addItem(choice.text, choice)
        if not problems:
            self.remedies.setPlaceholderText("Select problems to repair")
        elif not offered:
            self.remedies.setPlaceholderText("There is no repair that fits all of the selection")
        first = 0 if offered else -1
        self.remedies.setCurrentIndex(offered.index(chosen) if chosen in offered else first)
        self.remedies.setEnabled(bool(offered))
        self.repair.setEnabled(self._can_write and bool(offered))
        self.repair.setToolTip(
            "See exactly what would be changed, and decide"
            if self._can_write
            else "The store is open for reading only; nothing in it can be changed."
        )
        if not problems:
            self.cause.setText("")

    def _on_row_changed(self, current: QModelIndex) -> None:
        problem = current.data(ROW_ROLE) if current.isValid() else None
        if isinstance(problem, Problem):
            self.cause.setText(
                f"{problem.id_.removeprefix(FILE_PREFIX)}: {problem.cause}"
                if problem.id_
                else problem.cause
            )
            self._show_object(current)

    def _show_object(self, index: QModelIndex) -> None:
        problem = index.data(ROW_ROLE)
        if isinstance(problem, Problem) and problem.id_ and not problem.id_.startswith(FILE_PREFIX):
            self.object_chosen.emit(problem.id_)

    def _request_repair(self) -> None:
        choice = self.remedies.currentData(_CHOICE)
        if isinstance(choice, Choice):
            self.repair_requested.emit(choice.of(self.selected()))


def _button(text: str, name: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setObjectName(name)
    button.setAutoDefault(False)
    return button
