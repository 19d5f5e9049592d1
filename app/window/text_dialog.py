"""A dialog for a value that is too long for a cell: texts of several lines, long literals."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.actions.draft import Checked, Draft
from app.window.theme import GRID, monospace
from app.window.tooltips import plain

__all__ = ["TextDialog"]

_PARAGRAPH = "\u2029"  # what Qt has between the lines of a text


class TextDialog(QDialog):
    """Edits one value in several lines.

    Signals:
        committed: The new value as a literal. The dialog stays until it is closed.
        abandoned: The value stays as it is.
    """

    committed = Signal(str)
    abandoned = Signal(str)

    def __init__(self, draft: Draft, what: str, parent: QWidget | None = None) -> None:
        """Make the dialog.

        Args:
            draft: The value.
            what: The value's path and object, for the title.
            parent: Owning window.
        """
        super().__init__(parent)
        self.setObjectName("textDialog")
        self.setWindowTitle(f"Edit {what}")
        self._draft = draft
        self._is_over = False
        self._asks_again = False
        self.edit = QPlainTextEdit(self)
        self.edit.setObjectName("valueText")
        self.edit.setAccessibleName("New value")
        self.edit.setFont(monospace())
        self.edit.setTabChangesFocus(False)
        self.edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.kind = QCheckBox("Type it as a Python &literal, with quotes", self)
        self.kind.setObjectName("valueIsLiteral")
        self.note = QLabel(self)
        self.note.setObjectName("valueNote")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.count = QLabel(self)
        self.count.setProperty("quiet", True)
        is_shown = draft.text is not None and self._shows(draft.text)
        self.kind.setChecked(not is_shown)
        self.kind.setVisible(draft.text is not None)
        if draft.text is not None and not is_shown:
            self.kind.setEnabled(False)
            self.kind.setToolTip("The text has characters that cannot be shown as themselves.")
        if not is_shown:
            self.edit.setPlainText(draft.literal)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self._take = self.buttons.addButton("&Change", QDialogButtonBox.ButtonRole.AcceptRole)
        self._take.setObjectName("valueTake")
        self._take.setToolTip("Ctrl+Enter")
        self._take.setDefault(True)
        self.buttons.accepted.connect(self._commit)
        self.buttons.rejected.connect(self.reject)
        for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            keys = QKeySequence(Qt.KeyboardModifier.ControlModifier | key)
            QShortcut(keys, self).activated.connect(self._commit)
        self.kind.clicked.connect(self._on_kind_clicked)
        self.edit.textChanged.connect(self._on_typed)
        self._lay_out()
        self._look()

    @property
    def is_text(self) -> bool:
        """Whether what stands there is a text without its quotes."""
        return not self.kind.isChecked()

    @property
    def typed(self) -> str:
        """What stands there, letter by letter."""
        # `toPlainText` would make spaces of no-break spaces.
        return self.edit.document().toRawText().replace(_PARAGRAPH, "\n")

    def start(self) -> None:
        """Open, with the keyboard in the text."""
        self.edit.setFocus()
        self.edit.moveCursor(QTextCursor.MoveOperation.Start)
        self.open()

    def complain(self, sentence: str) -> None:
        """Say why what was committed is not written; it can be typed again."""
        self.edit.setReadOnly(False)
        self._say(sentence, is_problem=True)

    def finish(self) -> None:
        """Close: the value is written."""
        self._is_over = True
        self.accept()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.kind)
        row.addStretch(1)
        row.addWidget(self.count)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(self.edit, 1)
        column.addWidget(self.note)
        column.addLayout(row)
        column.addWidget(self.buttons)
        self.resize(720, 460)

    def _shows(self, text: str) -> bool:
        """Put a text there; return whether it can stand there: Qt changes some characters."""
        self.edit.setPlainText(text)
        return self.typed == text

    def _checked(self) -> Checked:
        return self._draft.check(self.typed, as_text=self.is_text)

    def _on_typed(self) -> None:
        self._asks_again = False
        self._look()

    def _on_kind_clicked(self) -> None:
        typed = self.typed
        if not self.is_text:
            self.edit.setPlainText(self._draft.literal_of(typed))
            return
        text = self._draft.text_of(typed)
        if text is None or not self._shows(text):
            self.kind.setChecked(True)
            self.edit.setPlainText(typed)
            self._say("This is no text that can be shown without its quotes.", is_problem=True)

    def _look(self) -> None:
        checked = self._checked()
        kind = checked.type or self._draft.type
        if checked.changes_type:
            kind = f"{self._draft.type} → {checked.type}"
        self.count.setText(f"{kind}  ·  {len(self.typed):,} characters")
        self._say(checked.problem, is_problem=True)

    def _commit(self) -> None:
        checked = self._checked()
        if checked.problem:
            self._say(checked.problem, is_problem=True)
        elif checked.literal == self._draft.literal:
            self.reject()
        elif self._draft.must_confirm(checked) and not self._asks_again:
            self._asks_again = True
            self._say(
                f"It was of type {self._draft.type} and becomes {checked.type}. "
                "Press Change again to write it so.",
                is_problem=False,
            )
        else:
            self.edit.setReadOnly(True)
            self.committed.emit(checked.literal)

    def _say(self, sentence: str, *, is_problem: bool) -> None:
        self.note.setText(sentence)
        self.note.setVisible(bool(sentence))
        self.edit.setToolTip(plain(sentence))
        is_broken = bool(sentence) and is_problem
        if self.edit.property("broken") != is_broken:
            self.edit.setProperty("broken", is_broken)
            self.edit.style().unpolish(self.edit)
            self.edit.style().polish(self.edit)

    # Qt

    def done(self, result: int) -> None:
        super().done(result)
        if not self._is_over:
            self._is_over = True
            self.abandoned.emit("")
