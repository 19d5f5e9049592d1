"""What the user sees and decides of indexes: progress, cancel, making anew, removing."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.models.columns import format_size
from app.settings import Settings, cache_dir
from app.window.status_bar import StatusBar
from app.work.index_files import IndexFolder
from app.work.session import StoreSession

__all__ = ["Indexing", "index_folder"]


def index_folder(settings: Settings) -> IndexFolder | None:
    """Return where indexes are stored, or None where there is no folder for it."""
    try:
        return IndexFolder(cache_dir() / "indexes", settings.index_limit)
    except OSError:
        return None


class Indexing(QObject):
    """Lets the user watch over the index of the open store."""

    def __init__(self, session: StoreSession, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._folder = session.indexes
        self._settings = settings
        self._window = window

    def show_in(self, status: StatusBar) -> None:
        """Have a status bar show how far the reading is, and take what the user decides."""
        self._session.scan_progressed.connect(status.show_progress)
        status.cancel_requested.connect(self._session.pause_scan)
        status.continue_requested.connect(self._session.refresh)

    def apply_settings(self) -> None:
        """Take over how much room indexes may take."""
        if self._folder is not None:
            self._folder.limit = self._settings.index_limit

    def rebuild(self) -> None:
        """Throw the index of the open store away and read the store anew."""
        self._session.rebuild_index()

    def ask_to_remove(self) -> None:
        """Ask whether all stored indexes shall go, and remove them."""
        size = 0 if self._folder is None else self._folder.size()
        box = QMessageBox(self._window)
        box.setObjectName("removeIndexes")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Remove Stored Indexes")
        box.setText(f"Remove the stored indexes of all stores ({format_size(size)})?")
        box.setInformativeText(
            "No store loses anything: a store is read once more when it is opened next. "
            "Indexes that windows use now stay."
        )
        remove = box.addButton("&Remove", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        remove.clicked.connect(self._remove)
        box.open()

    def _remove(self) -> None:
        if self._folder is not None:
            self._folder.remove_all()
