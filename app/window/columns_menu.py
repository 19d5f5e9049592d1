"""The Columns menu: which columns the ID table shows."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from app.models.columns import COLUMNS
from app.window.id_table_view import IdTableView

__all__ = ["ColumnsMenu"]


class ColumnsMenu(QObject):
    """Keeps a menu with one switch a column in step with the table's header."""

    def __init__(self, menu: QMenu, view: IdTableView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._menu = menu
        self._view = view
        self._actions: list[QAction] = []
        for number, column in enumerate(COLUMNS):
            action = menu.addAction(column.title)
            action.setObjectName(f"column_{column.key}")
            action.setCheckable(True)
            action.toggled.connect(
                lambda shown, number=number: self._view.setColumnHidden(number, not shown)
            )
            self._actions.append(action)
        menu.addSeparator()
        menu.addAction("&Reset the Columns").triggered.connect(self._reset)
        menu.aboutToShow.connect(self._read)
        header = view.horizontalHeader()
        header.customContextMenuRequested.connect(self._popup)

    def _read(self) -> None:
        shown = [not self._view.isColumnHidden(number) for number in range(len(COLUMNS))]
        for number, action in enumerate(self._actions):
            action.blockSignals(True)
            action.setChecked(shown[number])
            action.blockSignals(False)
            # The ID is what everything else is about.
            action.setEnabled(COLUMNS[number].key != "id")

    def _reset(self) -> None:
        header = self._view.horizontalHeader()
        for number in range(len(COLUMNS)):
            self._view.setColumnHidden(number, False)
            header.moveSection(header.visualIndex(number), number)
        if self._view.widths is not None:
            self._view.widths.reset()

    def _popup(self, where: QPoint) -> None:
        self._menu.popup(self._view.horizontalHeader().mapToGlobal(where))
