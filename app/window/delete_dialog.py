"""The question before objects are deleted that others refer to."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.actions.commands import phrase
from app.actions.delete import DeletionPlan
from app.window.icons import icon
from app.window.theme import GRID, monospace
from persistence.pickles.texts import escaped

__all__ = ["DeleteAnswer", "DeleteDialog"]

_SHOWN = 500


class DeleteAnswer(Enum):
    """What the user decided."""

    NOT = "not"
    THESE = "these"
    WITH_BELOW = "with everything below"


class DeleteDialog(QDialog):
    """Says who refers to what is to be deleted, and what stands below it."""

    def __init__(self, plan: DeletionPlan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("deleteDialog")
        self.setWindowTitle("Delete")
        self.answer = DeleteAnswer.NOT
        picture = QLabel(self)
        picture.setPixmap(icon("warning", "amber").pixmap(8 * GRID, 8 * GRID))
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        title = QLabel(f"Delete {phrase(plan.ids)}?", self)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        title.setFont(font)
        title.setWordWrap(True)
        title.setTextFormat(Qt.TextFormat.PlainText)
        sentence = QLabel(_sentence(plan), self)
        sentence.setObjectName("deleteSentence")
        sentence.setWordWrap(True)
        right = QVBoxLayout()
        right.setSpacing(2 * GRID)
        right.addWidget(title)
        right.addWidget(sentence)
        if plan.referrers:
            right.addWidget(self._make_list(plan), 1)
        note = QLabel("It can be undone, also after a restart.", self)
        note.setProperty("quiet", True)
        right.addWidget(note)
        row = QHBoxLayout()
        row.setSpacing(4 * GRID)
        row.addWidget(picture)
        row.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(4 * GRID)
        column.addLayout(row, 1)
        column.addWidget(self._make_buttons(plan))
        self.resize(560, 340 if plan.referrers else 180)

    def _make_list(self, plan: DeletionPlan) -> QListWidget:
        referrers = QListWidget(self)
        referrers.setObjectName("referrerList")
        referrers.setAccessibleName("Objects that refer to what is to be deleted")
        referrers.setFont(monospace())
        referrers.addItems([escaped(f"{who}  →  {what}") for who, what in plan.referrers[:_SHOWN]])
        if len(plan.referrers) > _SHOWN:
            referrers.addItem(f"… and {len(plan.referrers) - _SHOWN:,} more")
        return referrers

    def _make_buttons(self, plan: DeletionPlan) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        buttons.rejected.connect(self.reject)
        cancel = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        delete = QPushButton("&Delete", self)
        delete.setObjectName("deleteThese")
        delete.clicked.connect(lambda: self._decide(DeleteAnswer.THESE))
        buttons.addButton(delete, QDialogButtonBox.ButtonRole.AcceptRole)
        if plan.below:
            count = len(plan.ids) + len(plan.below)
            more = QPushButton(f"Delete with &Everything Below It ({count:,})", self)
            more.setObjectName("deleteWithBelow")
            more.setToolTip("Also what only these objects lead to.")
            more.clicked.connect(lambda: self._decide(DeleteAnswer.WITH_BELOW))
            buttons.addButton(more, QDialogButtonBox.ButtonRole.AcceptRole)
        cancel.setDefault(True)
        cancel.setFocus()
        return buttons

    def _decide(self, answer: DeleteAnswer) -> None:
        self.answer = answer
        self.accept()


def _sentence(plan: DeletionPlan) -> str:
    parts = []
    what = "it" if len(plan.ids) == 1 else "them"
    if plan.referrers:
        who = {referrer for referrer, _ in plan.referrers}
        count = "1 object refers" if len(who) == 1 else f"{len(who):,} objects refer"
        parts.append(f"{count} to {what}, and would then refer to something that is missing.")
    if plan.below:
        below = (
            "1 further object" if len(plan.below) == 1 else f"{len(plan.below):,} further objects"
        )
        parts.append(f"{below} can be reached only through {what}.")
    return " ".join(parts)
