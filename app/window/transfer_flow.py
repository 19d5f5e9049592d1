"""Copying from the user's side: where to, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.actions.commands import phrase
from app.settings import data_dir
from app.window.addresses import title_of
from app.window.banner import Banner, Mood
from app.window.copy_dialog import CopyDialog
from app.window.status_bar import StatusBar
from app.window.table_panel import TablePanel
from app.work.prober import Prober
from app.work.session import StoreSession
from app.work.task import Task
from app.work.transfer import Transfer, TransferLane, Verb, describe_target
from persistence.archive import SUFFIX
from persistence.errors import ConflictError, StoreError
from persistence.transfer import CopyReport
from persistence.urls import StoreUrl

__all__ = ["TransferFlow"]

_ARCHIVES = f"Archives (*{SUFFIX});;All files (*)"
_SAID = {Verb.COPY: "copied", Verb.EXPORT: "exported", Verb.IMPORT: "imported"}
_GOES_ON = (
    "Stopped. What was copied is whole; the same copy goes on from there when it is begun again."
)
_STOPPED = {
    Verb.COPY: _GOES_ON,
    Verb.EXPORT: "Stopped. No archive was made.",
    Verb.IMPORT: _GOES_ON,
}


class TransferFlow(QObject):
    """Leads the user through copying, exporting and importing; one at a time.

    Signals:
        moved: A transfer began or ended.
        open_requested: The address of the store that was made.
    """

    moved = Signal()
    open_requested = Signal(object)

    def __init__(
        self,
        session: StoreSession,
        table: TablePanel,
        banner: Banner,
        status: StatusBar,
        window: QWidget,
    ) -> None:
        """Make it.

        Args:
            session: Is told to look at what was imported.
            table: The table whose selected objects can be copied.
            banner: Where it is said what came of a transfer.
            status: Where it is shown how far one is, and can be ended.
            window: Owning window.
        """
        super().__init__(window)
        self._session = session
        self._table = table
        self._banner = banner
        self._status = status
        self._window = window
        self._prober = Prober(self)
        self._lane = TransferLane(self)
        self._task: Task | None = None
        self._verb = Verb.COPY
        self._url: StoreUrl | None = None
        status.work_cancel_requested.connect(self.cancel)

    @property
    def is_busy(self) -> bool:
        """Whether a transfer is under way."""
        return self._task is not None

    def handlers(self) -> dict[str, Callable[..., object]]:
        """Return what each of its actions does, by its id."""
        return {
            "store.copy_to": self.copy_store,
            "store.export": self.export_store,
            "store.import": self.import_archive,
            "object.copy_to": self.copy_selected,
        }

    def set_store(self, url: StoreUrl | str | None) -> None:
        """Work for another store, or none; a transfer that is under way goes on.

        Args:
            url: Its address, with the password.
        """
        self._url = None if url is None else StoreUrl.parse(url)

    def copy_store(self) -> None:
        """Ask where the whole store shall go, and copy it."""
        self._ask("the whole store", None)

    def copy_selected(self) -> None:
        """Ask where the selected objects shall go, and copy them."""
        task = self._table.selected_ids()
        if task is not None:
            task.then(lambda ids: self._ask(phrase(ids), tuple(ids)), self._on_failed)

    def export_store(self) -> None:
        """Ask for the name of an archive, and make it."""
        if self._url is None:
            return
        name = Path(title_of(str(self._url))).stem + SUFFIX
        path, _ = QFileDialog.getSaveFileName(
            self._window,
            "Export the Store",
            str(Path(self._folder) / name),
            _ARCHIVES,
        )
        if path:
            self._start(Transfer(Verb.EXPORT, self._url, StoreUrl("file", str(Path(path)))))

    def import_archive(self) -> None:
        """Ask for an archive, and copy its objects into the store."""
        if self._url is None:
            return
        path, _ = QFileDialog.getOpenFileName(
            self._window, "Import an Archive", self._folder, _ARCHIVES
        )
        if path:
            self._start(Transfer(Verb.IMPORT, StoreUrl("file", str(Path(path))), self._url))

    def cancel(self) -> None:
        """End what is under way; what was copied stays."""
        if self._task is None:
            return
        verb = self._verb
        self._task.cancel()
        self._end()
        self._banner.show_sentence(_STOPPED[verb])

    def close(self) -> None:
        """End what is under way, and wait for it a little."""
        self._prober.close()
        self._lane.close()

    @property
    def _folder(self) -> str:
        """Where browsing for files starts: where the open store is."""
        is_here = self._url is not None and self._url.base_scheme in ("file", "sqlite")
        return str(Path(self._url.path).parent) if is_here and self._url else ""

    def _ask(self, what: str, ids: tuple[str, ...] | None) -> None:
        if self._url is None or ids == ():
            return
        dialog = CopyDialog(
            what,
            partial(self._prober.describe, using=describe_target),
            self._folder,
            self._window,
            is_selection=ids is not None,
        )
        dialog.chosen.connect(partial(self._copy, self._url, ids))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _copy(
        self, source: StoreUrl, ids: tuple[str, ...] | None, target: StoreUrl, follows: bool
    ) -> None:
        self._start(
            Transfer(
                Verb.COPY,
                source,
                target,
                ids,
                with_references=follows,
                ids_folder=data_dir() / "transfers",
            )
        )

    def _start(self, transfer: Transfer) -> None:
        if self._task is not None:
            return
        self._banner.hide()
        self._verb = transfer.verb
        self._task = self._lane.start(transfer)
        self._task.then(
            partial(self._on_done, transfer), partial(self._on_transfer_failed, transfer)
        )
        self._task.progressed.connect(partial(self._show, transfer.verb))
        self._show(transfer.verb, 0, 0)
        self.moved.emit()

    def _show(self, verb: Verb, done: int, total: int) -> None:
        if self._task is not None:
            self._status.show_work(verb.value, done, total)

    def _end(self) -> None:
        self._task = None
        self._status.hide_work()
        self.moved.emit()

    def _on_done(self, transfer: Transfer, report: CopyReport) -> None:
        self._end()
        place = title_of(str(transfer.target))
        sentence = report.told(_SAID[transfer.verb].capitalize(), place)
        if transfer.verb is Verb.IMPORT:
            self._session.refresh()
        mood = Mood.NOTICE if report.is_complete else Mood.WARNING
        buttons: list[tuple[str, Callable[[], object]]] = []
        if transfer.verb is not Verb.IMPORT:
            name = "&Open the Archive" if transfer.verb is Verb.EXPORT else "&Open the Copy"
            buttons.append((name, lambda: self.open_requested.emit(transfer.target)))
        self._banner.show_sentence(sentence, mood, buttons)

    def _on_transfer_failed(self, transfer: Transfer, error: BaseException) -> None:
        self._end()
        if not isinstance(error, StoreError):
            raise error
        if isinstance(error, ConflictError) and not transfer.skips_others:
            self._banner.show_sentence(
                f"{error.reason} Nothing was {_SAID[transfer.verb]}.",
                Mood.WARNING,
                [
                    (
                        "&Leave Out What Is There",
                        lambda: self._start(replace(transfer, skips_others=True)),
                    )
                ],
            )
            return
        self._banner.show_sentence(str(error), Mood.FAILURE)

    def _on_failed(self, error: BaseException) -> None:
        if not isinstance(error, StoreError):
            raise error
        self._banner.show_sentence(str(error), Mood.FAILURE)
