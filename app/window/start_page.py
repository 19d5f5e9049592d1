"""The page without a store: "Open a store to look inside", the recent ones and the demo."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCommandLinkButton,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.window.addresses import icon_of, title_of
from app.window.icons import application_icon, icon
from app.window.theme import GRID

__all__ = ["StartPage"]

_SHOWN = 6
_WIDTH = 520


class StartPage(QWidget):
    """What the window shows until a store is open.

    Signals:
        open_requested: The user wants the Open Store dialog.
        folder_requested: The user wants to choose a folder.
        demo_requested: The user wants the demo store.
        recent_chosen: The address of a recent store.
    """

    open_requested = Signal()
    folder_requested = Signal()
    demo_requested = Signal()
    recent_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("startPage")
        self._picture = QLabel(self)
        self._picture.setPixmap(application_icon().pixmap(18 * GRID, 18 * GRID))
        self._picture.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._title = QLabel("Open a store to look inside", self)
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        hint = QLabel(
            "A SQLite file, a folder of jobs, a GC3Pie session or a database server. "
            "You can also drop one here. Nothing in it is run.",
            self,
        )
        hint.setProperty("quiet", True)
        hint.setWordWrap(True)
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._recent_title = QLabel("Recent stores", self)
        self._recent_title.setProperty("quiet", True)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)

        column = QVBoxLayout()
        column.setSpacing(3 * GRID)
        column.addStretch(2)
        column.addWidget(self._picture)
        column.addWidget(self._title)
        column.addWidget(hint)
        column.addSpacing(2 * GRID)
        column.addLayout(self._make_buttons())
        column.addSpacing(4 * GRID)
        column.addWidget(self._recent_title)
        column.addLayout(self._recent)
        column.addStretch(3)
        middle = QWidget(self)
        middle.setLayout(column)
        middle.setMaximumWidth(_WIDTH)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(middle, 100)
        row.addStretch(1)
        self._enlarge_title()

    def set_recent(self, addresses: list[str]) -> None:
        """Show the recent stores.

        Args:
            addresses: Without passwords, the latest first.
        """
        while self._recent.count():
            item = self._recent.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        for address in addresses[:_SHOWN]:
            button = QCommandLinkButton(title_of(address), address, self)
            button.setObjectName("recentStore")
            button.setIcon(icon(icon_of(address), "accent"))
            button.setIconSize(QSize(5 * GRID, 5 * GRID))
            button.setAccessibleName(f"Open {address}")
            button.clicked.connect(
                lambda _=False, address=address: self.recent_chosen.emit(address)
            )
            self._recent.addWidget(button)
        self._recent_title.setVisible(bool(addresses))

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addStretch()
        for text, name, icon_name, signal in (
            ("&Open Store…", "startOpen", "open", self.open_requested),
            ("Open &Folder…", "startOpenFolder", "folder", self.folder_requested),
            ("Open the &Demo Store", "startDemo", "demo", self.demo_requested),
        ):
            is_first = name == "startOpen"
            button = QPushButton(icon(icon_name, "on_accent" if is_first else ""), text, self)
            button.setObjectName(name)
            button.setAutoDefault(True)
            button.setDefault(is_first)
            button.clicked.connect(signal)
            row.addWidget(button)
            if is_first:
                self.setFocusProxy(button)
        row.addStretch()
        return row

    def _enlarge_title(self) -> None:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        self._title.setFont(font)

    # Qt

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._enlarge_title()
