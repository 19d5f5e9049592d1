"""Chooses another object of the open store: for its content, to compare, to refer to it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.models.id_table import IdTableModel
from app.window.filter_edit import FilterEdit
from app.window.id_table_view import IdTableView
from app.window.theme import GRID
from app.work.records import RowQuery
from app.work.session import StoreSession

__all__ = ["COMPARE", "REPLACE", "ObjectPicker", "Purpose"]


@dataclass(frozen=True, slots=True)
class Purpose:
    """What an object is chosen for.

    Attributes:
        title: Of the dialog.
        sentence: What happens, with "{id}" for the object that it happens to.
        verb: On the button.
        none: On another button, which chooses no object; "" for no such button.
    """

    title: str
    sentence: str
    verb: str
    none: str = ""


REPLACE = Purpose(
    "Replace With Another Object's Content",
    "{id} keeps its ID and gets the content of the object chosen here. It can be undone.",
    "&Replace",
)
COMPARE = Purpose(
    "Compare With Another Object",
    "{id} is shown beside the object chosen here, with what differs between them.",
    "&Compare",
)


class ObjectPicker(QDialog):
    """Lists the objects of the store, with a filter, to choose one.

    Signals:
        picked: The ID of the object that was chosen.
        none_picked: No object is wanted.
    """

    picked = Signal(str)
    none_picked = Signal()

    def __init__(
        self,
        session: StoreSession,
        id_: str,
        purpose: Purpose,
        parent: QWidget | None = None,
    ) -> None:
        """Make the dialog.

        Args:
            session: The open store.
            id_: The object that another one is chosen for; it cannot be chosen itself.
            purpose: What the other one is for.
            parent: Owning window.
        """
        super().__init__(parent)
        self.setObjectName("objectPicker")
        self.setWindowTitle(purpose.title)
        self._id = id_
        sentence = QLabel(purpose.sentence.replace("{id}", id_), self)
        sentence.setWordWrap(True)
        sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.filter = FilterEdit(self)
        self.filter.setObjectName("pickerFilter")
        self.model = IdTableModel(self)
        self.model.set_session(session)
        self.view = IdTableView(self)
        self.view.setObjectName("pickerTable")
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.prepare_columns(self.model)
        self.model.set_query(RowQuery())
        self.filter.filter_changed.connect(
            lambda text: self.model.set_query(RowQuery(text=text.strip()))
        )
        self.filter.left.connect(self.view.setFocus)
        self.model.failed.connect(lambda error: self._complain(str(error)))
        self.model.count_changed.connect(lambda _: self._complain(""))
        self._error = QLabel(self)
        self._error.setWordWrap(True)
        self._error.hide()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self._take = self.buttons.addButton(purpose.verb, QDialogButtonBox.ButtonRole.AcceptRole)
        if purpose.none:
            none = self.buttons.addButton(purpose.none, QDialogButtonBox.ButtonRole.ActionRole)
            none.setObjectName("pickNone")
            none.clicked.connect(self._pick_none)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.view.selectionModel().currentChanged.connect(self._update)
        self.view.entered.connect(self._accept_when_possible)
        self.view.doubleClicked.connect(lambda _: self._accept_when_possible())
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(sentence)
        column.addWidget(self.filter)
        column.addWidget(self._error)
        column.addWidget(self.view, 1)
        column.addWidget(self.buttons)
        self._update()
        self.resize(860, 520)

    @property
    def chosen(self) -> str | None:
        """The ID of the object that was chosen, or None."""
        id_ = self.model.id_at(self.view.currentIndex())
        return id_ if id_ != self._id else None

    def _update(self, *_: object) -> None:
        self._take.setEnabled(self.chosen is not None)

    def _complain(self, sentence: str) -> None:
        self._error.setText(sentence)
        self._error.setVisible(bool(sentence))
        self.filter.set_broken(bool(sentence))

    def _pick_none(self) -> None:
        self.none_picked.emit()
        self.reject()

    def _accept_when_possible(self) -> None:
        if self.chosen is not None:
            self.accept()

    # Qt

    def done(self, result: int) -> None:
        chosen = self.chosen
        if result == QDialog.DialogCode.Accepted and chosen is not None:
            self.picked.emit(chosen)
        self.model.set_session(None)
        super().done(result)
