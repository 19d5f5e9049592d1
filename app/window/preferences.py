"""What the user sets: the Settings dialog, the size of the text, and putting both to work."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from app.settings import Settings
from app.window.change_marks import set_motion_reduced
from app.window.settings_dialog import SettingsDialog
from app.window.theme import apply_appearance

__all__ = ["Preferences"]


class Preferences(QObject):
    """Lets the user set things, and applies them at once.

    Signals:
        live_changed: Whether changes of the store shall be followed.
    """

    live_changed = Signal(bool)

    def __init__(self, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._settings = settings
        self._window = window
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_scheme_changed)
        self.apply("motion")

    def show_dialog(self) -> None:
        """Show the Settings dialog."""
        dialog = SettingsDialog(self._settings, self._window)
        dialog.changed.connect(self.apply)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def zoom(self, step: int) -> None:
        """Make all text one step larger (1) or smaller (-1), or as large as at first (0)."""
        sizes = [choice.value for choice in Settings.text_size.choices]
        place = sizes.index(self._settings.text_size) + step
        size = sizes[min(max(place, 0), len(sizes) - 1)] if step else Settings.text_size.default
        self._settings.text_size = size
        self.apply("text_size")

    def _on_scheme_changed(self) -> None:
        if self._settings.appearance == "system":
            self.apply("appearance")

    def apply(self, name: str) -> None:
        """Put a setting to work.

        Args:
            name: Of the attribute of `Settings`.
        """
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        if name in ("appearance", "text_size"):
            apply_appearance(application, self._settings.appearance, self._settings.text_size)
        elif name == "motion":
            set_motion_reduced(application, self._settings.motion == "reduced")
        elif name == "live":
            self.live_changed.emit(self._settings.live)
