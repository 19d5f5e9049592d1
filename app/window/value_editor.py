"""The editor that opens in a cell of the tree: one line, with the type that it would give."""

from __future__ import annotations

from PySide6.QtCore import SIGNAL, QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent, QMoveEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from app.actions.draft import Checked, Draft
from app.window.theme import GRID, monospace
from app.window.tooltips import plain

__all__ = ["ValueEditor"]

_LONGEST = 1_000_000  # characters; Qt's own bound cuts what is pasted without a word
_COMMITTING = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
_STAYING = (
    Qt.FocusReason.ActiveWindowFocusReason,
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
)
_TEXT_TIP = (
    "The value is a text and is shown without its quotes. Click here, or press Ctrl+T, to type "
    "a value of another kind."
)
_LITERAL_TIP = "The value is typed as in Python: 12.5, 'text', ['a', 'b'], {'key': True}."
_AGAIN_TIP = "Click here, or press Ctrl+T, to edit it as a text without quotes."


class _Choices(QComboBox):
    """A box that tells what was chosen in its list from what the arrow keys passed.

    Signals:
        chosen: Something was chosen in the list.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._is_listed = False
        self.activated.connect(lambda _: self._on_activated())

    def _on_activated(self) -> None:
        if self._is_listed:
            self._is_listed = False
            self.chosen.emit()

    def _forget(self) -> None:
        self._is_listed = False

    # Qt

    def showPopup(self) -> None:
        self._is_listed = True
        super().showPopup()

    def hidePopup(self) -> None:
        super().hidePopup()
        # What was chosen is told just after the list has gone.
        QTimer.singleShot(0, self, self._forget)


class ValueEditor(QFrame):
    """Edits one value: as a text without quotes, or as a Python literal.

    Enter and Tab commit, Escape abandons, and so does going elsewhere with what is no value.
    A value of another type is committed by pressing Enter twice.

    Signals:
        committed: The new value as a literal. The editor stays until it is closed.
        abandoned: The value stays as it is; the sentence says why, or is "".
    """

    committed = Signal(str)
    abandoned = Signal(str)

    def __init__(self, draft: Draft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("valueEditor")
        self.setAutoFillBackground(True)
        self._draft = draft
        self._is_text = draft.starts_as_text
        self._keeps_float = True
        self._is_over = False
        self._asks_again = False
        self._first = self._shown()
        self.line = QLineEdit()
        self.line.setObjectName("valueLine")
        self.line.setAccessibleName("New value")
        self.line.setMaxLength(_LONGEST)
        self.line.setFont(monospace())
        self.box = self._make_box() if draft.choices else None
        self.line.setText(self._first)
        self._quotes = (QLabel("“", self), QLabel("”", self))
        for quote in self._quotes:
            quote.setFont(monospace())
            quote.setProperty("quiet", True)
        self.kind = QToolButton(self)
        self.kind.setObjectName("valueKind")
        self.kind.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hint = QLabel(parent)
        self.hint.setObjectName("valueHint")
        self.hint.setTextFormat(Qt.TextFormat.PlainText)
        self.hint.setWordWrap(True)
        self.hint.hide()
        self.destroyed.connect(self.hint.deleteLater)
        self._lay_out()
        self.line.installEventFilter(self)
        self.line.textChanged.connect(lambda _: self._on_typed())
        self.kind.clicked.connect(self.toggle_kind)
        if self.box is not None:
            # It has the keyboard for its line, and gives that the events past its filters.
            self.box.installEventFilter(self)
            self.box.chosen.connect(self._on_chosen)
        self._look()

    @property
    def checked(self) -> Checked:
        """What stands in the editor now."""
        return self._draft.check(
            self.line.text(), as_text=self._is_text, keeps_float=self._keeps_float
        )

    def start(self) -> None:
        """Take the keyboard, with the whole value selected."""
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.line.selectAll()

    def complain(self, sentence: str) -> None:
        """Say why what was committed is not written; it can be typed again."""
        self._wait(waiting=False)
        self._say(sentence, is_problem=True)
        self.line.setFocus()

    def finish(self) -> None:
        """Do nothing more: the editor is about to be closed."""
        self._is_over = True
        self.hint.hide()

    def leave(self) -> None:
        """Commit what is clear, and abandon what is not: the user goes elsewhere."""
        if self._is_over:
            return
        checked = self.checked
        if self._is_unchanged(checked):
            self._abandon("")
        elif checked.problem:
            self._abandon(f"The value was not changed. {checked.problem}")
        elif self._draft.must_confirm(checked):
            self._abandon(
                f"The value was not changed: it would have become {checked.type}. "
                "Press Enter twice for that."
            )
        else:
            self._wait(waiting=True)
            self.committed.emit(checked.literal)

    def toggle_kind(self) -> None:
        """Go from text to literal and back; from a whole number in a float to an integer."""
        if self._draft.text is None:
            if self._draft.is_whole_in_float(self.line.text()):
                self._keeps_float = not self._keeps_float
                self._on_typed()
            return
        typed = self.line.text()
        if self._is_text:
            self._is_text = False
            self.line.setText(self._draft.literal_of(typed))
        else:
            text = self._draft.text_of(typed)
            if text is None or not text.isprintable():
                self._say("This is no text that can be shown without its quotes.", is_problem=True)
                return
            self._is_text = True
            self.line.setText(text)
        self._on_typed()
        self.line.setFocus()

    def _make_box(self) -> _Choices:
        box = _Choices(self)
        box.setObjectName("valueChoices")
        box.setEditable(True)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        box.addItems(list(self._draft.choices))
        box.setFont(monospace())
        box.setLineEdit(self.line)
        box.setCurrentIndex(box.findText(self._first))
        # A box takes a choice that was typed for chosen when the keyboard leaves, be it for the
        # list of choices.
        QObject.disconnect(self.line, SIGNAL("editingFinished()"), box, None)  # type: ignore[call-overload]
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        return box

    def _lay_out(self) -> None:
        field: QWidget = self.box or self.line
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID // 2, 0, 1, 0)
        row.setSpacing(0)
        row.addWidget(self._quotes[0])
        row.addWidget(field, 1)
        row.addWidget(self._quotes[1])
        row.addWidget(self.kind)
        self.setFocusProxy(field)

    def _shown(self) -> str:
        return self._draft.text or "" if self._is_text else self._draft.literal

    def _on_typed(self) -> None:
        self._asks_again = False
        self._look()

    def _on_chosen(self) -> None:
        if not self._is_over:
            self._commit()

    def _commit(self) -> None:
        """Commit what was typed, if it can be; ask once more where the type is another."""
        checked = self.checked
        if checked.problem:
            self._say(checked.problem, is_problem=True)
        elif self._is_unchanged(checked):
            self._abandon("")
        elif self._draft.must_confirm(checked) and not self._asks_again:
            self._asks_again = True
            self._say(
                f"It was of type {self._draft.type} and becomes {checked.type}. "
                "Press Enter again to write it so.",
                is_problem=False,
            )
        else:
            self._wait(waiting=True)
            self.committed.emit(checked.literal)

    def _abandon(self, sentence: str) -> None:
        if not self._is_over:
            self.finish()
            self.abandoned.emit(sentence)

    def _is_unchanged(self, checked: Checked) -> bool:
        return checked.literal == self._draft.literal or (
            self.line.text() == self._first and self._is_text == self._draft.starts_as_text
        )

    def _wait(self, *, waiting: bool) -> None:
        self._is_over = waiting
        self.line.setReadOnly(waiting)

    # How it looks

    def _look(self) -> None:
        checked = self.checked
        draft = self._draft
        for quote in self._quotes:
            quote.setVisible(self._is_text)
        words = checked.type
        if checked.changes_type:
            words = f"{draft.type} → {checked.type}"
        self.kind.setText(words or draft.type or "value")
        if self._is_text:
            tip = _TEXT_TIP
        elif draft.is_whole_in_float(self.line.text()):
            tip = "A whole number stays a float. Click here, or press Ctrl+T, for an integer."
        else:
            tip = f"{_LITERAL_TIP} {_AGAIN_TIP if draft.text is not None else ''}".strip()
        self.kind.setToolTip(plain(tip))
        self.kind.setAccessibleName(f"Type: {self.kind.text()}")
        _set(self.kind, "changed", value=checked.changes_type)
        self._say(checked.problem, is_problem=True)

    def _say(self, sentence: str, *, is_problem: bool) -> None:
        self.hint.setText(sentence)
        self.line.setAccessibleDescription(sentence)
        _set(self, "broken", value=bool(sentence) and is_problem)
        _set(self.hint, "broken", value=is_problem)
        self.hint.setVisible(bool(sentence))
        self._place_hint()

    def _place_hint(self) -> None:
        """Put the sentence below the editor, or above it where there is no room."""
        around = self.parentWidget()
        if around is None or not self.hint.text():
            return
        if self.hint.parentWidget() is not around:
            self.hint.setParent(around)
            self.hint.show()
        width = min(max(self.width(), 60 * GRID), around.width() - 2 * GRID)
        self.hint.setFixedWidth(width)
        self.hint.adjustSize()
        height = self.hint.heightForWidth(width)
        self.hint.setFixedHeight(max(height, self.hint.sizeHint().height()))
        left = max(min(self.x(), around.width() - width - GRID), GRID)
        below = self.geometry().bottom() + GRID // 2
        is_room = below + self.hint.height() <= around.height()
        top = below if is_room else self.y() - self.hint.height() - GRID // 2
        self.hint.move(QPoint(left, top))
        self.hint.raise_()

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and (_toggles(event) or event.key() == Qt.Key.Key_Escape)
        ):
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._take_key(event)
        if event.type() == QEvent.Type.FocusOut and isinstance(event, QFocusEvent):
            is_gone = event.reason() not in _STAYING and not self._has_keyboard()
            if is_gone:
                self.leave()
        return super().eventFilter(watched, event)

    def _take_key(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape:
            self._abandon("")
        elif event.key() in _COMMITTING:
            if not self._is_over:
                self._commit()
        elif _toggles(event):
            self.toggle_kind()
        else:
            return False
        return True

    def _has_keyboard(self) -> bool:
        now = QApplication.focusWidget()
        if self.box is not None and self.box.view().isVisible():
            return True
        return now is not None and now is not self.line and self.isAncestorOf(now)

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self._place_hint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_hint()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.hint.hide()


def _toggles(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_T and event.modifiers() == Qt.KeyboardModifier.ControlModifier


def _set(widget: QWidget, name: str, *, value: bool) -> None:
    """Set a property that the style sheet looks at, and have it look."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
