"""The question before a repair: exactly which records change, and how."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.window.compare_window import Version
from app.window.theme import GRID, monospace
from persistence.file_names import FILE_PREFIX
from persistence.pickles.texts import escaped
from persistence.repairs import Plan, Rewrite

__all__ = ["RepairDialog"]

_REWRITE = Qt.ItemDataRole.UserRole
_SHOWN = 2_000


class RepairDialog(QDialog):
    """Lists the records that a repair changes, each to be compared before and after.

    Signals:
        comparison_requested: Two `Version`s of a record.
    """

    comparison_requested = Signal(object, object)

    def __init__(self, plan: Plan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("repairDialog")
        self.setWindowTitle("Repair")
        sentence = QLabel(_sentence(plan), self)
        sentence.setObjectName("repairSentence")
        sentence.setTextFormat(Qt.TextFormat.PlainText)
        sentence.setWordWrap(True)
        self.view = QTreeWidget(self)
        self.view.setObjectName("repairRecords")
        self.view.setAccessibleName("What is changed")
        self.view.setRootIsDecorated(False)
        self.view.setUniformRowHeights(True)
        self.view.setAllColumnsShowFocus(True)
        self.view.setHeaderLabels(["Object", "What Happens", "Before", "After"])
        for column, width in enumerate((240, 260, 110, 110)):
            self.view.setColumnWidth(column, width)
        self._fill(plan)
        note = QLabel(
            "It can be undone, also after a restart: the journal keeps what was there.", self
        )
        note.setProperty("quiet", True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.compare = buttons.addButton("&Compare…", QDialogButtonBox.ButtonRole.ActionRole)
        self.compare.setObjectName("repairCompare")
        self.compare.setToolTip("See the selected object before and after the repair")
        self.compare.clicked.connect(self._compare)
        take = buttons.addButton("&Repair", QDialogButtonBox.ButtonRole.AcceptRole)
        take.setObjectName("repairTake")
        take.setEnabled(bool(plan.rewrites))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.view.currentItemChanged.connect(lambda *_: self._update())
        self.view.itemActivated.connect(lambda *_: self._compare())
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column_.setSpacing(3 * GRID)
        for widget in (sentence, self.view, note, buttons):
            column_.addWidget(widget, 1 if widget is self.view else 0)
        first = self.view.topLevelItem(0)
        if first is not None:
            self.view.setCurrentItem(first)
        self._update()
        self.resize(780, 420)

    def _fill(self, plan: Plan) -> None:
        said: dict[str, list[str]] = {}
        for problem, repair in plan.repaired:
            said.setdefault(problem.id_.removeprefix(FILE_PREFIX), []).append(repair.text)
        for rewrite in plan.rewrites[:_SHOWN]:
            name = rewrite.id_.removeprefix(FILE_PREFIX)
            what = "; ".join(dict.fromkeys(said.get(name, ()))) or _act(rewrite)
            item = QTreeWidgetItem(
                [escaped(name), what, _size(rewrite.before), _size(rewrite.after)]
            )
            item.setFont(0, monospace())
            item.setToolTip(1, what)
            item.setData(0, _REWRITE, rewrite)
            self.view.addTopLevelItem(item)
        if len(plan.rewrites) > _SHOWN:
            self.view.addTopLevelItem(
                QTreeWidgetItem([f"… and {len(plan.rewrites) - _SHOWN:,} more"])
            )
        for refusal in plan.refused:
            item = QTreeWidgetItem(
                [escaped(refusal.problem.id_), f"Not repaired: {refusal.reason}", "", ""]
            )
            item.setFont(0, monospace())
            item.setToolTip(1, refusal.reason)
            self.view.addTopLevelItem(item)

    def _current(self) -> Rewrite | None:
        item = self.view.currentItem()
        rewrite = item.data(0, _REWRITE) if item is not None else None
        return rewrite if isinstance(rewrite, Rewrite) else None

    def _update(self) -> None:
        self.compare.setEnabled(self._current() is not None)

    def _compare(self) -> None:
        rewrite = self._current()
        if rewrite is not None:
            name = rewrite.id_.removeprefix(FILE_PREFIX)
            gone = "There is no such object."
            self.comparison_requested.emit(
                Version(f"{name} now", rewrite.before, gone),
                Version(f"{name} after the repair", rewrite.after, gone),
            )


def _sentence(plan: Plan) -> str:
    count = len(plan.rewrites)
    records = "1 record is" if count == 1 else f"{count:,} records are"
    text = f"{records} changed, in one step that can be undone."
    if plan.refused:
        number = len(plan.refused)
        text += f" {number:,} problem{'' if number == 1 else 's'} cannot be repaired in this way."
    return text


def _act(rewrite: Rewrite) -> str:
    if rewrite.after is None:
        return "It is taken away"
    return "It is made" if rewrite.before is None else "It is changed"


def _size(data: bytes | None) -> str:
    return "not there" if data is None else f"{len(data):,} bytes"
