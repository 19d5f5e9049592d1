"""Chooses another object of the open store: for its content, a reference, a comparison."""

from __future__ import annotations

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

__all__ = ["ObjectPicker"]


class ObjectPicker(QDialog):
    """Lists the objects of the store, with a filter, to choose one.

    Signals:
        picked: The ID of the object that was chosen.
    """

    picked = Signal(str)

    def __init__(
        self,
        session: StoreSession,
        id_: str,
        parent: QWidget | None = None,
        *,
        title: str = "Replace With Another Object's Content",
        sentence: str = "",
        take: str = "&Replace",
    ) -> None:
        """Make the dialog.

        Args:
            session: The open store.
            id_: The object that cannot be chosen: the one that will get other content.
            parent: Owning window.
            title: Title of the dialog.
            sentence: What will be done with the chosen object; by default that the first one
                gets its content.
            take: Text of the button.
        """
        super().__init__(parent)
        self.setObjectName("objectPicker")
        self.setWindowTitle(title)
        self._id = id_
        intention = QLabel(
            sentence
            or f"{id_} keeps its ID and gets the content of the object chosen here. "
            "It can be undone.",
            self,
        )
        intention.setWordWrap(True)
        intention.setTextFormat(Qt.TextFormat.PlainText)
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
        self._take = self.buttons.addButton(take, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.view.selectionModel().currentChanged.connect(self._update)
        self.view.entered.connect(self._accept_when_possible)
        self.view.doubleClicked.connect(lambda _: self._accept_when_possible())
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(intention)
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
