"""Copies of stores, exports and imports, off the GUI thread and on stores of their own."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path

from PySide6.QtCore import QObject

from app.work.pool import Lane
from app.work.task import Progress, Task
from persistence.errors import StoreMissing
from persistence.probe import Description, describe
from persistence.registry import make_store
from persistence.transfer import (
    CopyReport,
    copy,
    export_store,
    import_store,
    open_target,
    with_references,
)
from persistence.urls import StoreUrl

__all__ = ["Transfer", "TransferLane", "Verb", "describe_target"]

_LOCAL = ("file", "sqlite")


class Verb(Enum):
    """What is done, as the window says it."""

    COPY = "Copying"
    EXPORT = "Exporting"
    IMPORT = "Importing"


@dataclass(frozen=True)
class Transfer:
    """What is to be copied where.

    Attributes:
        verb: What is done.
        source, target: Addresses with their passwords; of an archive, its path.
        ids: Which objects; None for all.
        with_references: Whether to copy also all that these lead to.
        skips_others: Whether an object stays behind whose ID another one has in the target;
            else nothing is copied then.
        ids_folder: Where the IDs are kept that objects get on a server.
    """

    verb: Verb
    source: StoreUrl
    target: StoreUrl
    ids: tuple[str, ...] | None = None
    with_references: bool = False
    skips_others: bool = False
    ids_folder: Path | None = None


class TransferLane(QObject):
    """Carries out one transfer at a time."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lane: Lane | None = None
        self._task: Task | None = None

    def start(self, transfer: Transfer) -> Task:
        """Begin a transfer; the task gives its `CopyReport`, and stops between two batches."""
        if self._lane is None:
            self._lane = Lane("transfer")
        self._task = self._lane.submit(lambda progress: _carry_out(transfer, progress))
        return self._task

    def close(self) -> None:
        """End what is under way; it can be begun again and then goes on."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._lane is not None:
            self._lane.close()
            self._lane = None


def describe_target(url: StoreUrl) -> Description | None:
    """Say what store is at an address; None if there is none, but one can be made.

    Raises:
        StoreError: What is there is no store, or cannot be reached.
    """
    try:
        return describe(url)
    except StoreMissing:
        return None


def _carry_out(transfer: Transfer, progress: Progress) -> CopyReport:
    with ExitStack() as stores:
        if transfer.verb is Verb.IMPORT:
            target = stores.enter_context(open_target(transfer.target))
            return import_store(
                transfer.source.path,
                target,
                progress=progress.report,
                on_conflict="skip" if transfer.skips_others else "refuse",
            )
        source = stores.enter_context(make_store(transfer.source, read_only=True, create=False))
        if transfer.verb is Verb.EXPORT:
            # The dialog for the file's name has asked whether another one may go.
            return export_store(
                source, transfer.target.path, progress=progress.report, overwrite=True
            )
        ids = transfer.ids
        if ids is not None and transfer.with_references:
            ids = tuple(with_references(source, ids))
        target = stores.enter_context(open_target(transfer.target))
        return copy(
            source,
            target,
            ids,
            progress=progress.report,
            on_conflict="skip" if transfer.skips_others else "refuse",
            ids_file=_ids_file(transfer),
        )


def _ids_file(transfer: Transfer) -> Path | None:
    """Return where the IDs are kept for a server, which has no folder for them."""
    if transfer.target.base_scheme in _LOCAL or transfer.ids_folder is None:
        return None
    pair = f"{transfer.source}\n{transfer.target}"
    return transfer.ids_folder / f"ids-{sha256(pair.encode()).hexdigest()[:16]}"
