"""Remembers where the window, its splitters and its columns stood."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHeaderView, QMainWindow, QSplitter

from app.settings import Settings
from app.window.inspector_panel import InspectorPanel
from app.window.table_panel import TablePanel

__all__ = ["FIRST_SIZE", "WindowMemory"]

FIRST_SIZE = QSize(1400, 860)


class WindowMemory:
    """Saves and restores the layout of the main window."""

    def __init__(
        self,
        settings: Settings,
        window: QMainWindow,
        splitter: QSplitter,
        table: TablePanel,
        inspector: InspectorPanel,
    ) -> None:
        self._settings = settings
        self._window = window
        self._splitter = splitter
        self._table = table
        self._inspector = inspector

    def restore(self) -> None:
        """Put everything where it stood; what was never saved stays at its first place."""
        settings = self._settings
        if not (
            settings.window_geometry
            and self._window.restoreGeometry(QByteArray(settings.window_geometry))
        ):
            room = QGuiApplication.primaryScreen().availableSize()
            self._window.resize(FIRST_SIZE.boundedTo(room))
        for splitter, state in (
            (self._splitter, settings.main_splitter),
            (self._inspector.splitter, settings.inspector_splitter),
        ):
            if state:
                splitter.restoreState(QByteArray(state))
        if settings.table_header:
            _restore_header(self._table.view.horizontalHeader(), settings.table_header)
        for widths, set_by_user in (
            (self._table.view.widths, settings.table_widths),
            (self._inspector.view.widths, settings.tree_widths),
        ):
            if widths is not None:
                widths.restore(set_by_user)
        self._inspector.tabs.setCurrentIndex(settings.panel_tab)
        self._inspector.set_panels_visible(settings.panels_visible)

    def save(self) -> None:
        """Remember where everything stands."""
        settings = self._settings
        settings.window_geometry = bytes(self._window.saveGeometry().data())
        settings.main_splitter = bytes(self._splitter.saveState().data())
        settings.inspector_splitter = bytes(self._inspector.splitter.saveState().data())
        self._table.model.set_paths(())  # those are each kind of store's own
        settings.table_header = bytes(self._table.view.horizontalHeader().saveState().data())
        for widths, setting in (
            (self._table.view.widths, Settings.table_widths),
            (self._inspector.view.widths, Settings.tree_widths),
        ):
            if widths is not None:
                settings.set_value(setting, widths.set_by_user)
        settings.panel_tab = self._inspector.tabs.currentIndex()
        settings.sync()


def _restore_header(header: QHeaderView, state: bytes) -> None:
    """Restore order, widths and visibility; a state that hides every column is ignored."""
    before = header.saveState()
    header.restoreState(QByteArray(state))
    if header.count() and header.hiddenSectionCount() >= header.count():
        header.restoreState(before)
