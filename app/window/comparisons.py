"""Opens comparisons: asks for the other object, and keeps the windows as long as the store."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.window.compare_window import CompareWindow, Version
from app.window.object_picker import COMPARE, ObjectPicker
from app.work.session import StoreSession

__all__ = ["Comparisons"]


class Comparisons(QObject):
    """Shows objects of the open store beside each other."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._session: StoreSession | None = None

    def set_session(self, session: StoreSession | None) -> None:
        """Compare objects of another store; windows of the former one close with it."""
        self._session = session

    def compare(self, ids: list[str]) -> None:
        """Compare two objects, or one with another that the user chooses."""
        if self._session is None or not ids:
            return
        if len(ids) > 1:
            self.compare_two(ids[0], ids[1])
            return
        picker = ObjectPicker(self._session, ids[0], COMPARE, self._window)
        picker.picked.connect(partial(self.compare_two, ids[0]))
        picker.finished.connect(picker.deleteLater)
        picker.open()

    def compare_two(self, left: str, right: str) -> None:
        """Show two objects beside each other."""
        self.show(Version(left, left), Version(right, right))

    def show(self, left: Version, right: Version) -> None:
        """Show two versions of objects beside each other."""
        if self._session is not None:
            CompareWindow(self._session, left, right, self._window).show()
