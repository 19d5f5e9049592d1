"""The Columns menu: which columns the ID table shows, and the attributes added to them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QMenu, QMessageBox

from app.models.columns import COLUMNS
from app.settings import Settings
from app.window.table_panel import TablePanel
from app.work.query import is_path
from app.work.records import StoreInfo
from app.work.session import StoreSession

__all__ = ["ColumnsMenu"]


class ColumnsMenu(QObject):
    """Keeps a menu with one switch a column in step with the table's header.

    Columns of attributes are each kind of store's own, and remembered for it.
    """

    def __init__(
        self, menu: QMenu, table: TablePanel, session: StoreSession, settings: Settings
    ) -> None:
        super().__init__(table)
        self._menu = menu
        self._table = table
        self._view = table.view
        self._settings = settings
        self._kind = ""
        self._actions: list[QAction] = []
        self._attributes: list[QAction] = []
        for number, column in enumerate(COLUMNS):
            action = menu.addAction(column.title)
            action.setObjectName(f"column_{column.key}")
            action.setCheckable(True)
            action.toggled.connect(
                lambda shown, number=number: self._view.setColumnHidden(number, not shown)
            )
            self._actions.append(action)
        menu.addSeparator()
        self._add = menu.addAction("&Add an Attribute…")
        self._add.setObjectName("addAttributeColumn")
        self._add.triggered.connect(self._ask_path)
        menu.addSeparator()
        menu.addAction("&Reset the Columns").triggered.connect(self._reset)
        menu.aboutToShow.connect(self._read)
        header = self._view.horizontalHeader()
        header.customContextMenuRequested.connect(self._popup)
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)

    def show_attribute(self, path: str) -> None:
        """Add a column of what stands at a path inside the objects."""
        paths = self._paths()
        if self._kind and path not in paths:
            self._set_paths([*paths, path])

    def _paths(self) -> list[str]:
        return list(self._table.model.query.paths)

    def _set_paths(self, paths: list[str]) -> None:
        self._table.model.set_paths(paths)
        self._settings.attribute_columns = {**self._settings.attribute_columns, self._kind: paths}

    def _read(self) -> None:
        shown = [not self._view.isColumnHidden(number) for number in range(len(COLUMNS))]
        for number, action in enumerate(self._actions):
            action.blockSignals(True)
            action.setChecked(shown[number])
            action.blockSignals(False)
            # The ID is what everything else is about.
            action.setEnabled(COLUMNS[number].key != "id")
        self._add.setEnabled(bool(self._kind))
        for action in self._attributes:
            self._menu.removeAction(action)
        self._attributes = [self._switch(path) for path in self._paths()]

    def _switch(self, path: str) -> QAction:
        """Return an entry that takes the column of an attribute away."""
        action = QAction(path.replace("&", "&&"), self._menu)
        action.setObjectName(f"column_{path}")
        action.setCheckable(True)
        action.setChecked(True)
        action.triggered.connect(
            lambda: self._set_paths([known for known in self._paths() if known != path])
        )
        self._menu.insertAction(self._add, action)
        return action

    def _ask_path(self) -> None:
        dialog = QInputDialog(self._table.window())
        dialog.setObjectName("attributeDialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Add an Attribute")
        dialog.setLabelText(
            "Path of the attribute, as “Copy Path” in the tree gives it,\n"
            "for example execution.returncode or arguments[0]:"
        )
        dialog.textValueSelected.connect(self._on_path_chosen)
        dialog.open()

    def _on_path_chosen(self, text: str) -> None:
        path = text.strip().removeprefix(".")
        if is_path(path):
            self.show_attribute(path)
        elif path:
            box = QMessageBox(self._table.window())
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            box.setObjectName("noPath")
            box.setWindowTitle("Add an Attribute")
            box.setText(f"{path} is not the path of an attribute.")
            box.setInformativeText("Select a value in the tree and use “Copy Path”.")
            box.open()

    def _reset(self) -> None:
        header = self._view.horizontalHeader()
        for number in range(len(COLUMNS)):
            self._view.setColumnHidden(number, False)
            header.moveSection(header.visualIndex(number), number)
        if self._view.widths is not None:
            self._view.widths.reset()

    def _popup(self, where: QPoint) -> None:
        self._menu.popup(self._view.horizontalHeader().mapToGlobal(where))

    def _on_opened(self, info: StoreInfo) -> None:
        self._kind = f"{info.writer or 'Other'} {info.kind}"
        remembered: Any = self._settings.attribute_columns.get(self._kind)
        # The file of settings may hold anything.
        paths = remembered if isinstance(remembered, list) else []
        self._table.model.set_paths([path for path in map(str, paths) if is_path(path)])

    def _on_closed(self) -> None:
        self._kind = ""
