"""The bar that finds a text in the shown object, and leads from one match to the next."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from app.window.icons import icon
from app.window.theme import GRID, theme
from app.work.records import FoundRow
from app.work.session import StoreSession
from app.work.task import Task
from persistence.errors import StoreError
from persistence.pickles.search import Query

__all__ = ["FindBar"]

_TYPING_PAUSE_MS = 180
_MOST = 1_000  # matches
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_SWITCHES = (
    ("findCase", "Aa", "Match &capitals"),
    ("findWord", "W", "&Whole words"),
    ("findRegex", ".*", "&Regular expression"),
)


class FindBar(QWidget):
    """Finds a text in the names, values and types of one object.

    Signals:
        found: Positions of the match to show, from the object down.
        left: The user wants back to the tree.
    """

    found = Signal(tuple)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("findBar")
        self._session: StoreSession | None = None
        self._id: str | None = None
        self._searched: tuple[str | None, Query] | None = None
        self._matches: tuple[FoundRow, ...] = ()
        self._is_cut = False  # whether there are more
        self._place = -1
        self._task: Task | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_TYPING_PAUSE_MS)
        self._pause.timeout.connect(self._search)
        self.edit = QLineEdit(self)
        self.edit.setObjectName("findEdit")
        self.edit.setAccessibleName("Find in this object")
        self.edit.setPlaceholderText("Find in this object")
        self.edit.addAction(
            QAction(icon("search", "muted"), "", self), QLineEdit.ActionPosition.LeadingPosition
        )
        self.edit.setClearButtonEnabled(True)
        self.count = QLabel(self)
        self.count.setObjectName("findCount")
        self.count.setTextFormat(Qt.TextFormat.PlainText)
        self.error = QLabel(self)
        self.error.setObjectName("findError")
        self.error.setTextFormat(Qt.TextFormat.PlainText)
        self.error.setWordWrap(True)
        self.error.hide()
        self.case, self.word, self.regex = (self._switch(*switch) for switch in _SWITCHES)
        self._build()
        self.edit.textChanged.connect(lambda _: self._pause.start())
        self.hide()

    @property
    def matches(self) -> tuple[FoundRow, ...]:
        """What was found."""
        return self._matches

    def set_session(self, session: StoreSession | None) -> None:
        """Find in objects of another store."""
        self._session = session
        self.show_object(None)
        if session is None:
            self.close_bar()

    def show_object(self, id_: str | None) -> None:
        """Find in another object, or again in one that was written; the tree stays put."""
        self._forget_task()
        self._id = id_
        self._searched = None
        self._set_matches(())
        if self.isVisible():
            self._search(go=False)

    def open(self) -> None:
        """Show the bar, and let the user type."""
        self.show()
        self.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.edit.selectAll()
        if self._searched is None:
            self._search(go=False)

    def close_bar(self) -> None:
        """Hide the bar, and forget what is under way."""
        self._pause.stop()
        self._forget_task()
        self.hide()

    def step(self, by: int) -> None:
        """Go to the next match (1) or the one before (-1); after the last comes the first.

        Opens the bar where it is closed, and searches first where that has to be done.
        """
        if self.isHidden() or not self.edit.text():
            self.open()
            return
        if self._pause.isActive() or self._searched != (self._id, self._query()):
            self._search()
        elif self._matches:
            count = len(self._matches)
            start = self._place if self._place >= 0 or by > 0 else 0
            self._go_to((start + by) % count)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        column.addLayout(row)
        column.addWidget(self.error)
        row.addWidget(self.edit, 1)
        for switch in (self.case, self.word, self.regex):
            row.addWidget(switch)
        row.addSpacing(GRID)
        row.addWidget(self.count)
        for name, icon_name, tip, act in (
            ("findPrevious", "up", "Previous match (Shift+F3)", partial(self.step, -1)),
            ("findNext", "down", "Next match (F3)", partial(self.step, 1)),
            ("findClose", "clear", "Close (Esc)", self._leave),
        ):
            button = _button(name, tip, self)
            button.setIcon(icon(icon_name))
            button.clicked.connect(lambda _=False, act=act: act())
            row.addWidget(button)

    def _switch(self, name: str, text: str, tip: str) -> QToolButton:
        button = _button(name, tip.replace("&", ""), self)
        button.setText(text)
        button.setCheckable(True)
        button.toggled.connect(lambda _: self._search())
        return button

    def _query(self) -> Query:
        return Query(
            self.edit.text(),
            is_regex=self.regex.isChecked(),
            whole_word=self.word.isChecked(),
            case_sensitive=self.case.isChecked(),
        )

    def _search(self, *, go: bool = True) -> None:
        """Look for what is typed.

        Args:
            go: Whether to show the first match.
        """
        self._pause.stop()
        self._forget_task()
        query = self._query()
        if self._session is None or self._id is None or not query.text:
            self._searched = None
            self._set_matches(())
            return
        self._searched = (self._id, query)
        # One more than is counted tells whether there are more.
        self._task = self._session.find(self._id, query, _MOST + 1).then(
            partial(self._on_found, go), self._on_failed
        )

    def _on_found(self, go: bool, matches: tuple[FoundRow, ...]) -> None:
        self._task = None
        self._set_matches(matches)
        if matches and go:
            self._go_to(0)

    def _on_failed(self, error: Exception) -> None:
        self._task = None
        self._set_matches(())
        self._complain(str(error))
        if not isinstance(error, StoreError):
            raise error

    def _set_matches(self, matches: tuple[FoundRow, ...]) -> None:
        self._matches = matches[:_MOST]
        self._is_cut = len(matches) > _MOST
        self._place = -1
        self._say_count()

    def _go_to(self, place: int) -> None:
        self._forget_task()
        self._place = place
        self._say_count()
        if self._session is not None and self._id is not None:
            self._task = self._session.positions(self._id, self._matches[place].address).then(
                self._on_positions, self._on_failed
            )

    def _on_positions(self, positions: tuple[int, ...] | None) -> None:
        self._task = None
        if positions is None:
            match = self._matches[self._place]
            self._say(f"{self._count_words()} · in no line of its own: {match.value[:40]}")
        else:
            self.found.emit(positions)

    def _count_words(self) -> str:
        total = f"{len(self._matches):,}{'+' if self._is_cut else ''}"
        if self._place < 0:
            return f"{total} match{'' if total == '1' else 'es'}"
        return f"{self._place + 1:,} of {total}"

    def _say_count(self) -> None:
        if self._matches:
            self._say(self._count_words())
        elif self._searched is not None:
            self._say("No matches", "amber")
        else:
            self._say("")

    def _say(self, words: str, colour: str = "muted") -> None:
        _colour(self.count, colour)
        self.count.setText(words)
        self._complain("")

    def _complain(self, sentence: str) -> None:
        """Say what is wrong with what is typed; "" for nothing."""
        _colour(self.error, "red")
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
        self.edit.setProperty("broken", bool(sentence))
        self.edit.style().polish(self.edit)
        if sentence:
            self.count.setText("")

    def _leave(self) -> None:
        self.close_bar()
        self.left.emit()

    def _forget_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # Qt

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
        elif event.key() in _ENTER and self.edit.hasFocus():
            is_back = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.step(-1 if is_back else 1)
        else:
            super().keyPressEvent(event)


def _colour(label: QLabel, name: str) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.WindowText, theme().colour(name))
    label.setPalette(palette)


def _button(name: str, tip: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setObjectName(name)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setIconSize(QSize(4 * GRID, 4 * GRID))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
