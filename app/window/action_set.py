"""The window's `QAction`s, made from the action records, with its menus and toolbar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QMainWindow,
    QMenu,
    QMenuBar,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from app.actions.action import Action, Circumstances
from app.actions.catalogue import ACTIONS, MENUS, SEPARATOR, SUBMENUS
from app.window.icons import icon
from app.window.theme import GRID

__all__ = ["ActionSet"]

_REPLACE = ("object.replace", "object.replace_by_object")


class ActionSet:
    """Every action of the window, by its id."""

    def __init__(self, window: QMainWindow, handlers: Mapping[str, Callable[..., object]]) -> None:
        """Make the actions.

        Args:
            window: Where their keys work.
            handlers: What each does, by id; one for every action there is.
        """
        self._window = window
        self._actions: dict[str, QAction] = {}
        self._menus: dict[str, QMenu] = {}
        for id_, record in ACTIONS.items():
            self._actions[id_] = self._make(record, handlers[id_])

    def __getitem__(self, id_: str) -> QAction:
        return self._actions[id_]

    def submenu(self, id_: str) -> QMenu:
        """Return a submenu; its entries are filled by whoever knows them."""
        if id_ not in self._menus:
            menu = QMenu(SUBMENUS[id_], self._window)
            menu.setObjectName(id_)
            self._menus[id_] = menu
            if id_ == "submenu.replace":
                menu.setIcon(icon("replace"))
                menu.addActions([self._actions[entry] for entry in _REPLACE])
        return self._menus[id_]

    def fill_menu_bar(self, bar: QMenuBar) -> None:
        """Put all menus into the menu bar."""
        for title, entries in MENUS:
            menu = bar.addMenu(title)
            menu.setToolTipsVisible(title == "&Object")  # it says why not
            self.fill_menu(menu, entries)

    def fill_menu(self, menu: QMenu, entries: Iterable[str]) -> None:
        """Put actions, separators and submenus into a menu."""
        for entry in entries:
            if entry == SEPARATOR:
                menu.addSeparator()
            elif entry in SUBMENUS:
                menu.addMenu(self.submenu(entry))
            else:
                menu.addAction(self._actions[entry])

    def make_toolbar(self, filter_edit: QWidget) -> QToolBar:
        """Return the toolbar: opening and following, undo, the filter, the columns."""
        bar = QToolBar("Toolbar", self._window)
        bar.setObjectName("toolBar")
        bar.setMovable(False)
        bar.setFloatable(False)
        bar.setIconSize(QSize(5 * GRID, 5 * GRID))
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        for id_ in ("store.open", "view.live"):
            bar.addAction(self._actions[id_])
            self._show_text(bar, self._actions[id_])
        bar.addAction(self._actions["view.refresh"])
        bar.addSeparator()
        for id_ in ("edit.undo", "edit.redo", "object.delete"):
            bar.addAction(self._actions[id_])
        bar.addSeparator()
        filter_edit.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        bar.addWidget(filter_edit)
        columns = QToolButton(bar)
        columns.setObjectName("columnsButton")
        columns.setText("Columns")
        columns.setIcon(icon("columns"))
        columns.setToolTip("Choose the columns of the table")
        columns.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        columns.setMenu(self.submenu("submenu.columns"))
        columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        columns.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        bar.addWidget(columns)
        return bar

    def update(self, now: Circumstances, undo_text: str, redo_text: str) -> None:
        """Enable what can be done now.

        Args:
            now: What is there to act on.
            undo_text: The change that undo would take back, or "".
            redo_text: The change that redo would make again, or "".
        """
        for id_, record in ACTIONS.items():
            self._actions[id_].setEnabled(record.enabled_when(now))
            reason = record.why_not(now)
            self._actions[id_].setToolTip(reason or _tooltip(self._actions[id_], record.tip))
        self.submenu("submenu.replace").setEnabled(
            any(self._actions[entry].isEnabled() for entry in _REPLACE)
        )
        for id_, text in (("edit.undo", undo_text), ("edit.redo", redo_text)):
            record, action = ACTIONS[id_], self._actions[id_]
            label = text.replace("&", "&&")
            action.setText(f"{record.text} {label}".strip())
            action.setIconText(record.plain_text)
            action.setToolTip(_tooltip(action, f"{record.plain_text} {text}".strip()))

    def show_live(self, live: bool, *, is_following: bool, waiting: int = 0) -> None:
        """Draw the switch of the live view as it stands.

        Args:
            live: Whether changes shall be followed.
            is_following: Whether there is a store whose changes are followed.
            waiting: How many objects have changed that are not shown yet.
        """
        action = self._actions["view.live"]
        action.setChecked(live)
        paused = f"Paused  ·  {waiting:,} changed" if waiting else "Paused"
        action.setIconText("Live" if live else paused)
        colour = "green" if is_following else "muted"
        action.setIcon(icon("live", colour) if live else icon("pause", "amber"))

    def _make(self, record: Action, handler: Callable[..., object]) -> QAction:
        action = QAction(f"{record.text}\t{record.hint}".strip(), self._window)
        action.setObjectName(record.object_name)
        action.setShortcuts(record.key_sequences())
        action.setStatusTip("")
        action.setCheckable(record.checkable)
        action.setIconText(record.plain_text)
        if record.icon:
            action.setIcon(icon(record.icon))
        action.setToolTip(_tooltip(action, record.tip))
        if record.id == "window.quit":
            action.setMenuRole(QAction.MenuRole.QuitRole)
        elif record.id == "edit.settings":
            action.setMenuRole(QAction.MenuRole.PreferencesRole)
        elif record.id == "help.about":
            action.setMenuRole(QAction.MenuRole.AboutRole)
        else:
            action.setMenuRole(QAction.MenuRole.NoRole)
        if record.checkable:
            action.triggered.connect(handler)
        else:
            action.triggered.connect(lambda _checked: handler())
        self._window.addAction(action)
        return action

    def _show_text(self, bar: QToolBar, action: QAction) -> None:
        button = bar.widgetForAction(action)
        assert isinstance(button, QToolButton)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)


def _tooltip(action: QAction, text: str) -> str:
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    return f"{text} ({keys})" if keys else text
