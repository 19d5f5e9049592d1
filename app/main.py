"""Starts the application: display, style, logs, the window, and what the options ask for."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Protocol

from PySide6.QtCore import (
    QEvent,
    QMessageLogContext,
    QObject,
    Qt,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtGui import QFileOpenEvent, QGuiApplication
from PySide6.QtWidgets import QApplication

from app import __version__
from app.actions.journal import Journal
from app.demo import Demo
from app.display import display_problem
from app.settings import Settings, cache_dir, config_dir, data_dir, log_dir, use_other_home
from app.window.banner import Mood
from app.window.icons import application_icon
from app.window.main_window import MainWindow
from app.window.report_dialog import report_of, show_report
from app.window.screenshot import Screenshot
from app.window.theme import apply_appearance
from app.window.window_memory import FIRST_SIZE
from app.work.handover import Door, Visit
from app.work.pool import Lane
from app.work.visitors import Visitors

__all__ = ["Options", "create_application", "run"]

_log = logging.getLogger("app")

_NO_DISPLAY = 2
_NO_HOME = 2
_NO_STORE = 1
_LOG_BYTES = 1_000_000
_SIGNAL_CHECK_MS = 300
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Options(Protocol):
    """What the command line asks for.

    Attributes:
        uri: Address of the store to open, or None.
        demo: Whether to make a demo store and open that.
        screenshot: Image file to render the window to, or None.
        read_only: Whether the store is opened for reading only.
    """

    uri: str | None
    demo: bool
    screenshot: str | None
    read_only: bool


def create_application(argv: Sequence[str]) -> tuple[QApplication, MainWindow]:
    """Build the application and show its window, without entering the event loop.

    Args:
        argv: The program's name and options for Qt itself.

    Returns:
        The application (the one that runs already, if there is one) and a window without a
        store.
    """
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        QGuiApplication.setDesktopFileName("jobshelf")
        application = QApplication(list(argv))
    application.setApplicationName("Jobshelf")
    application.setApplicationVersion(__version__)
    application.setWindowIcon(application_icon())
    application.setStyle("Fusion")
    settings = Settings()
    apply_appearance(application, settings.appearance, settings.text_size)
    window = MainWindow(settings, Journal(data_dir() / "journal.db"))
    window.show()
    return application, window


def run(options: Options, door: Door | None = None) -> int:
    """Run the application until its window is closed; return the exit status.

    Args:
        options: What the command line asks for.
        door: Where other programs hand stores over to this window; None for nowhere.
    """
    if problem := display_problem():
        if not options.screenshot:
            print(f"jobshelf: {problem}", file=sys.stderr)  # noqa: T201
            return _NO_DISPLAY
        os.environ["QT_QPA_PLATFORM"] = "offscreen"  # a picture needs no display
    try:
        elsewhere = _prepare_folders()
    except OSError as error:
        print(  # noqa: T201
            f"jobshelf: no folder can be made for settings and undo ({error}). Set the "
            "environment variable JOBSHELF_HOME to a folder that can be written.",
            file=sys.stderr,
        )
        return _NO_HOME
    application, window = create_application(sys.argv[:1])
    sys.excepthook = _report
    if elsewhere is not None:
        _say_home(window, elsewhere)
        # A store that is opened takes the banner down.
        window.store_opened.connect(
            lambda _: _say_home(window, elsewhere), Qt.ConnectionType.SingleShotConnection
        )
    wake = _end_on_signals(application)
    opener = _FileOpener(window)
    application.installEventFilter(opener)
    reception = _Reception(application, window, door) if door is not None else None
    demo = _DemoKeeper(window)
    picture = None
    if options.screenshot:
        window.resize(FIRST_SIZE)  # also where the screen is smaller, or there is none
        picture = _Picture(application, window, Path(options.screenshot))
    else:
        window.updates.ask_if_due()
    if options.demo:
        demo.start()
    elif options.uri:
        window.open_store(options.uri, options.read_only)
    elif window.settings.reopen_last and window.settings.last_store:
        window.open_store(window.settings.last_store, options.read_only)
    try:
        status = application.exec()
    finally:
        if reception is not None:
            reception.close()
        demo.close()
        wake.stop()
    return picture.status if picture is not None else status


class _DemoKeeper(QObject):
    """Makes the demo store when it is asked for, and removes it at the end."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._lane: Lane | None = None
        self._demo: Demo | None = None
        window.demo_requested.connect(self.start)

    def start(self) -> None:
        """Open the demo store, which is made first."""
        if self._demo is not None:
            self._window.open_store(self._demo.uri)
        elif self._lane is None:
            self._lane = Lane("demo")
            self._lane.submit(lambda _: Demo.start()).then(self._on_made, self._on_failed)

    def close(self) -> None:
        """End the demo's process and remove its store."""
        if self._lane is not None:
            self._lane.close()
            self._lane = None
        if self._demo is not None:
            self._demo.close()
            self._demo = None

    def _on_made(self, demo: Demo) -> None:
        self._demo = demo
        self._window.open_store(demo.uri)

    def _on_failed(self, error: BaseException) -> None:
        if self._lane is not None:
            self._lane.close()
            self._lane = None
        raise error


class _Picture(QObject):
    """Takes the picture that was asked for, says what it shows, and ends the application.

    Attributes:
        status: Exit status of the program.
    """

    def __init__(self, application: QApplication, window: MainWindow, path: Path) -> None:
        super().__init__(window)
        self._application = application
        self._window = window
        self._path = path
        self.status = 0
        window.store_failed.connect(self._on_failed)
        Screenshot(window, path).taken.connect(self._on_taken)

    def _on_failed(self, error: BaseException) -> None:
        self.status = _NO_STORE
        print(f"jobshelf: {error}", file=sys.stderr)  # noqa: T201

    def _on_taken(self, written: bool) -> None:
        info = self._window.session.info
        if not written:
            print(f"jobshelf: {self._path} cannot be written.", file=sys.stderr)  # noqa: T201
            self.status = _NO_STORE
        elif info is None:
            print(f"{self._path}: the window, with no store open")  # noqa: T201
        else:
            shown = self._window.inspector.id_
            print(  # noqa: T201
                f"{self._path}: {info.uri}, {self._window.table.total:,} objects, showing {shown}"
            )
        self._window.close()
        self._application.quit()


class _FileOpener(QObject):
    """Opens files that the desktop hands to the running application (macOS)."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent):
            url = event.url()
            self._window.open_store(url.toLocalFile() if url.isLocalFile() else url.toString())
            return True
        return super().eventFilter(watched, event)


class _Reception(QObject):
    """Shows the stores that the user opens elsewhere: in a file manager, in a terminal."""

    def __init__(self, application: QApplication, window: MainWindow, door: Door) -> None:
        super().__init__(window)
        self._window = window
        self._visitors = Visitors(door, self)
        self._visitors.arrived.connect(self._on_arrived)
        application.applicationStateChanged.connect(self._on_state_changed)

    def close(self) -> None:
        """Show no more of them."""
        self._visitors.close()

    def _on_arrived(self, visit: Visit) -> None:
        wanted = visit.invitation
        is_shown = self._window.shows(wanted.uri, wanted.read_only)
        # A dialog asks about the store that is open: that store stays.
        can_open = not wanted.only_if_shown and QApplication.activeModalWidget() is None
        visit.answer(is_shown or can_open)
        if can_open and not is_shown:
            self._window.open_store(wanted.uri, wanted.read_only)
        if is_shown or can_open:
            self._window.setWindowState(
                self._window.windowState() & ~Qt.WindowState.WindowMinimized
            )
            self._window.raise_()
            self._window.activateWindow()

    def _on_state_changed(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive:
            self._visitors.renew()


def _prepare_folders() -> Path | None:
    """See that there is a place for logs, settings and undo; return it if it is not the usual."""
    folders = (log_dir, data_dir, config_dir, cache_dir)
    elsewhere = None
    try:
        for folder in folders:
            if not os.access(folder(), os.W_OK):
                raise PermissionError(errno.EACCES, "it cannot be written to", str(folder()))
    except OSError:
        elsewhere = use_other_home()
    _start_logging()
    data_dir()
    return elsewhere


def _say_home(window: MainWindow, folder: Path) -> None:
    window.banner.show_sentence(
        f"Your home folder cannot be written to: settings and undo are kept in {folder}.",
        Mood.WARNING,
    )


def _start_logging() -> None:
    """Log to a file that is kept small, without the content of any object."""
    handler = RotatingFileHandler(
        log_dir() / "jobshelf.log", maxBytes=_LOG_BYTES, backupCount=3, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    qInstallMessageHandler(_log_qt_message)


def _log_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    logging.getLogger("qt").log(
        _LEVELS.get(kind, logging.WARNING), "%s (%s)", message, context.category
    )


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that nothing expected; the program goes on."""
    if issubclass(kind, KeyboardInterrupt):
        QApplication.quit()
        return
    show_report(report_of(kind, error, trace, __version__))


def _end_on_signals(application: QApplication) -> QTimer:
    """Close the window on Ctrl+C and on a polite kill."""

    def close(*_: object) -> None:
        application.closeAllWindows()
        application.quit()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, close)
    # Python handles a signal between two of its instructions: Qt has to let it run some.
    timer = QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(_SIGNAL_CHECK_MS)
    return timer
