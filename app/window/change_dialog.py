"""What the small dialogs that ask for a change have in common: fields, what comes of it, a note."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.window.theme import GRID, monospace, theme
from persistence.pickles.edit import Change

__all__ = ["ChangeDialog", "literal_line"]


class ChangeDialog(QDialog):
    """Asks for a change. A subclass puts in the fields, and says what comes of them.

    Signals:
        committed: The `Change`. The dialog stays until it is closed.
    """

    committed = Signal(object)

    def __init__(self, title: str, sentence: str, take: str, parent: QWidget | None) -> None:
        """Make the dialog.

        Args:
            title: Title.
            sentence: What the change is about.
            take: Text of the button that makes it.
            parent: Owning window.
        """
        super().__init__(parent)
        self.setWindowTitle(title)
        intention = QLabel(sentence, self)
        intention.setTextFormat(Qt.TextFormat.PlainText)
        intention.setWordWrap(True)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(4 * GRID)
        self.form.setVerticalSpacing(2 * GRID)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.result_text = QLabel(self)
        self.result_text.setObjectName("changeResult")
        self.result_text.setFont(monospace())
        self.result_text.setTextFormat(Qt.TextFormat.PlainText)
        self.result_text.setWordWrap(True)
        self.note = QLabel(self)
        self.note.setObjectName("changeNote")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.take = self.buttons.addButton(take, QDialogButtonBox.ButtonRole.AcceptRole)
        self.take.setObjectName("changeTake")
        self.take.setDefault(True)
        self.buttons.accepted.connect(self._commit)
        self.buttons.rejected.connect(self.reject)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.setSizeConstraint(QVBoxLayout.SizeConstraint.SetMinimumSize)
        column.addWidget(intention)
        column.addLayout(self.form)
        column.addWidget(self.result_text)
        column.addWidget(self.note)
        column.addStretch(1)
        column.addWidget(self.buttons)
        self.setMinimumWidth(120 * GRID)

    def change(self) -> Change | None:
        """Return the change that the fields stand for, or None while they stand for none."""
        raise NotImplementedError

    def result_line(self) -> str:
        """Return what comes of it, in one line."""
        raise NotImplementedError

    def problem(self) -> str:
        """Return why the fields stand for no change, or ""."""
        return ""

    def look(self, *_: object) -> None:
        """Say what comes of what stands in the fields now."""
        self.complain(self.problem())
        self.take.setEnabled(self.change() is not None)
        self.show_result()

    def show_result(self) -> None:
        """Say what comes of it, with room for all lines of it."""
        self.result_text.setText(self.result_line())
        self._grow()

    def complain(self, sentence: str) -> None:
        """Say why what was committed is not written; it can be changed."""
        self.note.setText(sentence)
        self.note.setVisible(bool(sentence))
        palette = self.note.palette()
        palette.setColor(self.note.foregroundRole(), theme().colour("red"))
        self.note.setPalette(palette)
        self.take.setEnabled(True)
        self._grow()

    def finish(self) -> None:
        """Close: the change is written."""
        self.accept()

    def _grow(self) -> None:
        """Make room for texts that take more lines now: a layout would press the fields."""
        needed = self._column.totalHeightForWidth(self.width())
        if needed > self.height():
            self.resize(self.width(), needed)

    def _commit(self) -> None:
        change = self.change()
        if change is not None:
            self.take.setEnabled(False)
            self.committed.emit(change)


def literal_line(name: str, parent: QWidget) -> QLineEdit:
    """Return a field for a literal or a name."""
    line = QLineEdit(parent)
    line.setObjectName(name)
    line.setFont(monospace())
    line.setMaxLength(1_000_000)
    return line
