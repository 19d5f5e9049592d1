"""Every way to choose a store: dialog, folder, recent list, demo, drag and drop."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.settings import Settings
from app.window.addresses import icon_of, title_of, without_password
from app.window.icons import icon
from app.window.open_store_dialog import OpenStoreDialog
from app.window.tooltips import plain
from app.work.prober import Prober
from persistence.urls import StoreUrl

__all__ = ["Opening", "address_in"]


def address_in(data: QMimeData) -> str | None:
    """Return the address of a store that was dropped, or None if it is none."""
    for url in data.urls():
        return url.toLocalFile() if url.isLocalFile() else url.toString()
    text = data.text().strip()
    return text if text and "\n" not in text and (":" in text or text.startswith("/")) else None


class Opening(QObject):
    """Asks the user for stores, and remembers which ones were open.

    Signals:
        chosen: The address of a store (text or `StoreUrl`), and whether to open it read-only.
        recent_changed: The list of recent stores is new.
    """

    chosen = Signal(object, bool)
    recent_changed = Signal()

    def __init__(self, settings: Settings, menu: QMenu, window: QWidget) -> None:
        """Make it.

        Args:
            settings: Where recent stores are remembered.
            menu: Open Recent, which is kept filled.
            window: Owning window.
        """
        super().__init__(window)
        self._settings = settings
        self._menu = menu
        self._window = window
        self._prober = Prober(self)
        self._fill_menu()

    def ask(self, address: StoreUrl | str | None = None) -> None:
        """Show the Open Store dialog.

        Args:
            address: What it says at first.
        """
        dialog = OpenStoreDialog(
            self._prober.describe,
            self._settings.recent_stores,
            self._settings.last_folder,
            self._window,
        )
        if address:
            dialog.set_address(address)
        dialog.chosen.connect(self.chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def ask_folder(self) -> None:
        """Let the user choose a folder of jobs."""
        folder = QFileDialog.getExistingDirectory(
            self._window, "Open a Folder of Jobs", self._settings.last_folder
        )
        if folder:
            self._settings.last_folder = str(Path(folder).parent)
            self.chosen.emit(folder, False)

    def remember(self, url: StoreUrl) -> None:
        """Put a store that was opened first in the list of recent ones."""
        address = without_password(str(url))
        self._settings.add_recent_store(address)
        self._settings.last_store = address
        if url.base_scheme in ("file", "sqlite"):
            self._settings.last_folder = str(Path(url.path).parent)
        self._fill_menu()
        self.recent_changed.emit()

    def forget(self, address: str) -> None:
        """Take a store out of the list of recent ones."""
        self._settings.remove_recent_store(without_password(address))
        self._fill_menu()
        self.recent_changed.emit()

    def forget_all(self) -> None:
        """Empty the list of recent stores."""
        self._settings.recent_stores = []
        self._fill_menu()
        self.recent_changed.emit()

    def close(self) -> None:
        """Stop looking at addresses."""
        self._prober.close()

    def _fill_menu(self) -> None:
        self._menu.clear()
        recent = self._settings.recent_stores
        for number, address in enumerate(recent, 1):
            mnemonic = f"&{number} " if number < 10 else ""
            title = title_of(address).replace("&", "&&")
            action = self._menu.addAction(icon(icon_of(address)), f"{mnemonic}{title}")
            action.setToolTip(plain(address))
            action.triggered.connect(
                lambda _=False, address=address: self.chosen.emit(address, False)
            )
        self._menu.setToolTipsVisible(True)
        self._menu.setEnabled(bool(recent))
        if recent:
            self._menu.addSeparator()
            clear = self._menu.addAction(icon("clear"), "&Clear the List")
            clear.triggered.connect(self.forget_all)
