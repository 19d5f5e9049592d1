"""The Settings dialog, made from the descriptors of the settings themselves."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.settings import Setting, Settings
from app.window.theme import GRID

__all__ = ["SettingsDialog"]


class SettingsDialog(QDialog):
    """Shows every setting that has a label; a change takes effect at once.

    Signals:
        changed: The attribute name of a setting that has a new value.
    """

    changed = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settingsDialog")
        self.setWindowTitle("Settings")
        self._settings = settings
        form = QFormLayout()
        form.setHorizontalSpacing(4 * GRID)
        form.setVerticalSpacing(2 * GRID)
        for name, setting in Settings.offered().items():
            field = self._field(name, setting)
            field.setObjectName(name)
            field.setToolTip(setting.help)
            if isinstance(field, QCheckBox):
                form.addRow("", field)
            else:
                form.addRow(f"{setting.label}:", field)
            note = QLabel(setting.help, self)
            note.setProperty("quiet", True)
            form.addRow("", note)
        place = QLabel(f"Kept in {settings.path}", self)
        place.setProperty("quiet", True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(4 * GRID)
        column.addLayout(form)
        column.addWidget(place)
        column.addWidget(buttons)

    def _field(self, name: str, setting: Setting[Any]) -> QWidget:
        value = self._settings.value(setting)
        if isinstance(setting.default, bool):
            box = QCheckBox(setting.label, self)
            box.setChecked(value)
            box.toggled.connect(lambda checked: self._set(name, setting, checked))
            return box
        if isinstance(setting.default, str) and not setting.choices:
            edit = QLineEdit(value, self)
            edit.setClearButtonEnabled(True)
            edit.textChanged.connect(lambda text: self._set(name, setting, text.strip()))
            return edit
        choice = QComboBox(self)
        for offered in setting.choices:
            choice.addItem(offered.label, offered.value)
        choice.setCurrentIndex(choice.findData(value))
        choice.activated.connect(lambda row: self._set(name, setting, choice.itemData(row)))
        return choice

    def _set(self, name: str, setting: Setting[Any], value: Any) -> None:
        self._settings.set_value(setting, value)
        self.changed.emit(name)
