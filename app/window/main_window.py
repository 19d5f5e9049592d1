"""The main window: puts the panels together around one open store."""

from __future__ import annotations

import os
from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QMainWindow,
    QMenu,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app import __version__
from app.actions.action import Circumstances
from app.actions.catalogue import TABLE_MENU, TREE_MENU
from app.actions.commands import ChangeStack
from app.actions.journal import Journal
from app.settings import Settings
from app.window.action_set import ActionSet
from app.window.addresses import window_title, without_password
from app.window.areas import go_to_area
from app.window.banner import Banner, Mood
from app.window.change_flow import ChangeFlow
from app.window.check_flow import CheckFlow
from app.window.columns_menu import ColumnsMenu
from app.window.comparisons import Comparisons
from app.window.copying import Copier
from app.window.edit_flow import EditFlow
from app.window.filter_edit import FilterEdit
from app.window.help_dialogs import AboutDialog, FilterHelp, ShortcutsDialog
from app.window.icons import application_icon
from app.window.indexing import Indexing, index_folder
from app.window.inspector_panel import InspectorPanel
from app.window.message_page import Button
from app.window.opening import Opening, address_in
from app.window.pages import Pages
from app.window.password_prompt import PasswordPrompt
from app.window.preferences import Preferences
from app.window.status_bar import StatusBar
from app.window.store_dialog import StoreDialog
from app.window.table_panel import TablePanel
from app.window.transfer_flow import TransferFlow
from app.window.updates import Updates
from app.window.window_memory import WindowMemory
from app.work.records import StoreInfo
from app.work.session import StoreSession
from persistence.errors import PasswordError, StoreError
from persistence.urls import StoreUrl

__all__ = ["MainWindow"]

_RESTYLING = (
    QEvent.Type.ApplicationPaletteChange,
    QEvent.Type.ApplicationFontChange,
    QEvent.Type.StyleChange,
)


class MainWindow(QMainWindow):
    """One window on one store.

    Signals:
        store_opened: The address of the store that is open now, without password.
        store_failed: The exception that says why a store could not be opened.
        demo_requested: The user wants a demo store.
        quit_requested: The window was closed.
    """

    store_opened = Signal(str)
    store_failed = Signal(object)
    demo_requested = Signal()
    quit_requested = Signal()

    def __init__(self, settings: Settings, journal: Journal) -> None:
        super().__init__()
        self.setObjectName("MainWindow")
        self.setWindowIcon(application_icon())
        self.setAcceptDrops(True)
        self.settings = settings
        self._restyle = QTimer(self)
        self._restyle.setSingleShot(True)
        self._url: StoreUrl | str | None = None
        self._read_only = False
        self.session = StoreSession(self, indexes=index_folder(settings))
        self.indexing = Indexing(self.session, settings, self)
        self.changes = ChangeStack(journal, self)
        self.filter_edit = FilterEdit(self)
        self.table = TablePanel(self.filter_edit, self)
        self.inspector = InspectorPanel(journal, self)
        self.notice = Banner(self)
        self.banner = Banner(self)
        self.flow = ChangeFlow(self.changes, self.banner, self)
        self.edits = EditFlow(self.changes, self.inspector, self)
        self.status = StatusBar(self)
        self.transfers = TransferFlow(self.session, self.table, self.banner, self.status, self)
        self.comparisons = Comparisons(self)
        self.checks = CheckFlow(self.changes, self.comparisons, self)
        self.preferences = Preferences(settings, self)
        self.updates = Updates(settings, self.banner, self)
        self.copier = Copier(self.table, self.inspector, self)
        self.actions_ = ActionSet(self, self._handlers())
        self.opening = Opening(settings, self.actions_.submenu("submenu.recent"), self)
        self.passwords = PasswordPrompt(self.session, self)
        menu = self.actions_.submenu("submenu.columns")
        ColumnsMenu(menu, self.table, self.session, settings)
        self._build()
        self._memory = WindowMemory(settings, self, self._splitter, self.table, self.inspector)
        self._memory.restore()
        self._connect()
        self._show_panels(settings.panels_visible)
        self._show_start()

    def open_store(self, uri: str | os.PathLike[str] | StoreUrl, read_only: bool = False) -> None:
        """Open a store in this window; ends with `store_opened` or `store_failed`.

        Args:
            uri: Its address: a path or a URL.
            read_only: Whether nothing may be changed.
        """
        self.close_store()
        self._url = uri if isinstance(uri, (str, StoreUrl)) else os.fspath(uri)
        self._read_only = read_only
        self.pages.expect(without_password(str(self._url)))
        self.indexing.apply_settings()
        self.session.open(uri, read_only)

    def shows(self, uri: str, read_only: bool = False) -> bool:
        """Whether a store is open in this window, and as well guarded as is asked for."""
        is_guarded = self._read_only or not read_only
        return self.session.info is not None and is_guarded and StoreUrl.parse(uri) == self._url

    def close_store(self) -> None:
        """Close the store; the window shows what can be opened."""
        self._bind(None)
        self.session.close()
        self._url = None
        self._show_start()

    def _handlers(self) -> dict[str, Callable[..., object]]:
        """Return what each action does, by its id."""
        return {
            "store.open": self._ask_store,
            "store.open_folder": lambda: self.opening.ask_folder(),  # noqa: PLW0108 -- made later
            "store.open_demo": self.demo_requested.emit,
            "store.close": self.close_store,
            "store.check": self.checks.show,
            "store.properties": self._show_properties,
            "store.rebuild_index": self.indexing.rebuild,
            "store.remove_indexes": self.indexing.ask_to_remove,
            "window.quit": self.close,
            "edit.undo": self.changes.undo,
            "edit.redo": self.changes.redo,
            "edit.copy": self.copier.copy,
            "edit.copy_id": self.copier.copy_ids,
            "edit.copy_path": self.copier.copy_path,
            "edit.copy_value": self.copier.copy_value,
            "edit.copy_expression": self.copier.copy_expression,
            "edit.select_all": self.table.view.selectAll,
            "edit.find": self._find,
            "edit.recently_deleted": self.flow.show_recently_deleted,
            "edit.settings": self.preferences.show_dialog,
            "view.live": self._set_live,
            "view.refresh": self.refresh,
            "view.panels": self._show_panels,
            "view.next_area": lambda: self._go_to_area(1),
            "view.previous_area": lambda: self._go_to_area(-1),
            "view.zoom_in": lambda: self.preferences.zoom(1),
            "view.zoom_out": lambda: self.preferences.zoom(-1),
            "view.zoom_reset": lambda: self.preferences.zoom(0),
            "object.follow": self.inspector.follow,
            "object.back": self.inspector.back,
            "object.forward": self.inspector.forward,
            **self.edits.handlers(),
            **self.transfers.handlers(),
            "object.find": self.inspector.show_find_bar,
            "object.find_next": lambda: self.inspector.find_bar.step(1),
            "object.find_previous": lambda: self.inspector.find_bar.step(-1),
            "object.compare": self._compare,
            "object.safety": lambda: self._show_tab(self.inspector.safety),
            "object.opcodes": lambda: self._show_tab(self.inspector.opcodes),
            "object.delete": lambda: self._delete(with_below=False),
            "object.delete_below": lambda: self._delete(with_below=True),
            "object.replace": lambda: self._with_current(self.flow.replace_from_file),
            "object.replace_by_object": lambda: self._with_current(self.flow.replace_from_object),
            "help.filter": lambda: self._show_dialog(FilterHelp(self)),
            "help.shortcuts": lambda: self._show_dialog(ShortcutsDialog(self)),
            "help.updates": self.updates.ask,
            "help.about": lambda: self._show_dialog(AboutDialog(__version__, self)),
        }

    def _build(self) -> None:
        self.actions_.fill_menu_bar(self.menuBar())
        self.addToolBar(self.actions_.make_toolbar(self.filter_edit))
        self.inspector.add_header_actions(
            [self.actions_["object.back"], self.actions_["object.forward"]],
            [self.actions_["edit.copy_path"]],
        )
        self.setStatusBar(self.status)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setObjectName("mainSplitter")
        self._splitter.setHandleWidth(1)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self.table)
        self._splitter.addWidget(self.inspector)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes([772, 628])
        self.pages = Pages(self._splitter, self)
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        column.addWidget(self.banner)
        column.addWidget(self.pages, 1)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        self._restyle.timeout.connect(self.table.refresh_theme)
        self._restyle.timeout.connect(self.inspector.refresh_theme)
        self.pages.cancelled.connect(self.close_store)
        session = self.session
        session.opened.connect(self._on_opened)
        session.open_failed.connect(self._on_open_failed)
        session.scan_progressed.connect(self.table.show_progress)
        self.indexing.show_in(self.status)
        session.objects_changed.connect(self._on_objects_changed)
        session.waiting_changed.connect(lambda _: self._say_store())
        session.trouble.connect(lambda text: self.banner.show_sentence(text, Mood.WARNING))
        session.recovered.connect(self.banner.hide)
        self.opening.chosen.connect(self.open_store)
        self.passwords.entered.connect(self._open_with_password)
        self.passwords.failed.connect(self._on_failed)
        self.opening.recent_changed.connect(self._fill_start)
        start = self.pages.start
        start.open_requested.connect(self._ask_store)
        start.folder_requested.connect(self.opening.ask_folder)
        start.demo_requested.connect(self.demo_requested)
        start.recent_chosen.connect(self.open_store)
        self.filter_edit.help_requested.connect(self.actions_["help.filter"].trigger)
        self.table.object_chosen.connect(self.inspector.show_object)
        self.table.object_entered.connect(self.inspector.view.setFocus)
        self.table.selection_changed.connect(lambda _: self._update_actions())
        self.table.view.menu_requested.connect(lambda where: self._show_menu(TABLE_MENU, where))
        self.inspector.view.menu_requested.connect(lambda where: self._show_menu(TREE_MENU, where))
        self.inspector.view.left.connect(self.table.view.setFocus)
        self.inspector.object_shown.connect(self._on_object_shown)
        self.inspector.moved.connect(self._update_actions)
        self.inspector.changes.undo_requested.connect(self.changes.undo_entry)
        self.changes.moved.connect(self._update_actions)
        self.transfers.moved.connect(self._update_actions)
        self.transfers.open_requested.connect(self.open_store)
        self.changes.moved.connect(self.inspector.changes.refresh)
        self.flow.told.connect(lambda text, undo: self.status.show_change(text, undoable=undo))
        self.flow.refresh_requested.connect(self.refresh)
        self.edits.begun.connect(self.flow.note_edited)
        self.edits.told.connect(lambda text: self.status.show_change(text, undoable=False))
        self.flow.comparison_requested.connect(self.comparisons.show)
        self.checks.object_chosen.connect(self.inspector.show_object)
        self.checks.open_requested.connect(self.open_store)
        self.inspector.changes.comparison_requested.connect(self.comparisons.show)
        self.preferences.live_changed.connect(self._set_live)
        self.copier.copied.connect(lambda text: self.status.show_change(text, undoable=False))
        self.copier.failed.connect(self._on_failed)
        self.status.undo_requested.connect(self.changes.undo)

    def _bind(self, info: StoreInfo | None) -> None:
        """Give the open store, or none, to all parts of the window."""
        session = self.session if info is not None else None
        address = info.uri if info is not None else ""
        self.changes.set_session(session, address)
        self.flow.set_session(session)
        self.edits.set_session(session)
        self.transfers.set_store(self._url if info is not None else None)
        self.checks.set_session(session, self._url)
        self.comparisons.set_session(session)
        self.copier.set_session(session)
        self.inspector.set_session(session, address)
        self.table.set_session(session)
        self.notice.hide()
        self.banner.hide()
        self._update_actions()

    def _on_opened(self, info: StoreInfo) -> None:
        self._bind(info)
        self.pages.show_store()
        self.setWindowTitle(window_title(info.uri, read_only=info.read_only))
        self.setWindowFilePath("")
        if info.notices:
            self.notice.show_sentence(" ".join(info.notices))
        self.session.set_live(self.settings.live)
        self._say_store()
        self.changes.settle()
        self.changes.forget_older_than(self.settings.journal_days)
        if self._url is not None:
            self.opening.remember(StoreUrl.parse(self._url))
        self.table.view.setFocus()
        self.store_opened.emit(info.uri)

    def _on_open_failed(self, error: BaseException) -> None:
        url = self._url
        self._bind(None)
        self._url = url
        self.pages.show_failure(
            without_password(str(url)) or str(url),
            error,
            [
                Button("&Try Again", self._retry, "refresh", "retryButton"),
                *self.checks.ways_out(url, error),
                Button("&Edit Address…", lambda: self.opening.ask(url), "open", "editButton"),
                Button("&Back", self.close_store, "back", "startButton"),
            ],
        )
        if isinstance(error, PasswordError) and url is not None:
            self.passwords.ask(error, StoreUrl.parse(url))
        self.store_failed.emit(error)
        if not isinstance(error, StoreError):
            raise error

    def _retry(self) -> None:
        if self._url is not None:
            self.open_store(self._url, self._read_only)

    def _open_with_password(self, url: StoreUrl) -> None:
        # The window goes on knowing the address without it.
        self.pages.expect(without_password(str(url)))
        self.session.open(url, self._read_only)

    def _on_objects_changed(self, ids: list[str]) -> None:
        self.table.view.mark_changed(self.flow.take_own_changes(ids))
        if self.inspector.id_ in ids:
            self.flow.note_seen(self.inspector.id_)
        self.inspector.take_changes(ids)

    def _on_object_shown(self, id_: str) -> None:
        self.flow.note_seen(id_)
        self.table.show_object(id_)

    def _on_failed(self, error: BaseException) -> None:
        if not isinstance(error, StoreError):
            raise error
        self.banner.show_sentence(str(error), Mood.FAILURE)

    def refresh(self) -> None:
        """Look now for what other programs changed."""
        self.banner.hide()
        self.session.refresh()

    def _show_start(self) -> None:
        self.setWindowTitle("Jobshelf")
        self._say_store()
        self._fill_start()
        self.pages.show_start()
        self._update_actions()

    def _fill_start(self) -> None:
        self.pages.start.set_recent(self.settings.recent_stores)

    def _say_store(self) -> None:
        info, live = self.session.info, self.settings.live
        is_following = live and info is not None and info.can_follow
        self.actions_.show_live(live, is_following=is_following, waiting=self.session.waiting)
        if info is None:
            self.status.show_no_store()
        else:
            self.status.show_store(info.uri, read_only=info.read_only, live=is_following)

    def _update_actions(self) -> None:
        info, node = self.session.info, self.inspector.node
        self.actions_.update(
            Circumstances(
                store_is_open=info is not None,
                store_is_writable=info is not None and not info.read_only,
                selected=self.table.selected_count,
                object_is_shown=self.inspector.id_ is not None,
                node_is_current=node is not None,
                node_names_object=node is not None
                and node.target is not None
                and "dangling" not in node.marks,
                node_verbs=self.edits.verbs,
                can_go_back=self.inspector.can_go_back,
                can_go_forward=self.inspector.can_go_forward,
                can_undo=self.changes.can_undo,
                can_redo=self.changes.can_redo,
                is_busy=self.changes.is_busy,
                is_copying=self.transfers.is_busy,
            ),
            self.changes.undo_text,
            self.changes.redo_text,
        )
        self.filter_edit.setEnabled(info is not None)

    def _set_live(self, live: bool) -> None:
        self.settings.live = live
        self.session.set_live(live)
        self._say_store()

    def _show_panels(self, visible: bool) -> None:
        self.settings.panels_visible = visible
        self.actions_["view.panels"].setChecked(visible)
        self.inspector.set_panels_visible(visible)

    def _go_to_area(self, step: int) -> None:
        inspector = self.inspector
        areas = (self.filter_edit, self.table.view, inspector.view, inspector.tabs.tabBar())
        go_to_area(areas, step)

    def _ask_store(self) -> None:
        self.opening.ask()

    def _find(self) -> None:
        if self.inspector.details.has_keyboard():
            self.inspector.details.open_find()
            return
        if self.inspector.has_keyboard():
            self.inspector.show_find_bar()
            return
        self.filter_edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_edit.selectAll()

    def _delete(self, *, with_below: bool) -> None:
        task = self.table.selected_ids()
        if task is not None:
            self.table.hold_place()
            task.then(lambda ids: self.flow.delete(ids, with_below=with_below), self._on_failed)

    def _compare(self) -> None:
        task = self.table.selected_ids()
        if task is not None:
            task.then(self.comparisons.compare, self._on_failed)

    def _show_tab(self, panel: QWidget) -> None:
        self._show_panels(visible=True)
        self.inspector.tabs.show_panel(panel)

    def _with_current(self, act: Callable[[str], object]) -> None:
        """Do something with the one selected object."""
        task = self.table.selected_ids()
        if task is not None:
            task.then(lambda ids: act(ids[0]) if len(ids) == 1 else None, self._on_failed)

    def _show_menu(self, entries: tuple[str, ...], where: QPoint) -> None:
        menu = QMenu(self)
        menu.setObjectName("contextMenu")
        menu.setToolTipsVisible(True)  # they say why something cannot be done
        self.actions_.fill_menu(menu, entries)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def _show_properties(self) -> None:
        if self.session.info is not None:
            self._show_dialog(StoreDialog(self.session.info, self.table.total, self))

    def _show_dialog(self, dialog: QWidget) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowModality(Qt.WindowModality.WindowModal)
        dialog.show()

    # Qt

    def event(self, event: QEvent) -> bool:
        if event.type() in _RESTYLING:
            self._restyle.start()  # several come together, and some before the palette is set
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._memory.save()
        self.opening.close()
        self.transfers.close()
        self.updates.close()
        self._bind(None)
        self.session.close()
        super().closeEvent(event)
        self.quit_requested.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if address_in(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        address = address_in(event.mimeData())
        if address is not None:
            event.acceptProposedAction()
            # Not now: the program that is dragged from waits for the end of this event.
            QTimer.singleShot(0, self, lambda: self.open_store(address))
