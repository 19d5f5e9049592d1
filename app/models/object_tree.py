"""The model of the object tree: an object, its values, and the objects that it refers to."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Signal

from app.work.session import StoreSession

__all__ = ["ObjectTreeModel"]

_Index = QModelIndex | QPersistentModelIndex


class ObjectTreeModel(QAbstractItemModel):
    """An object as a tree with the columns Name, Value and Type.

    There is one row at the top, the object itself, and below it what is expanded. A row's
    *address* is the positions among children on the way to it from that row, through
    references into other objects: `(3, 0)` is the first line of the fourth value.

    Signals:
        shown: The ID of the object that is now in the tree, with its first level loaded.
        failed: ID and exception: it cannot be shown; the tree has an error row instead.
        revealed: The index at the address given to `reveal`, or the deepest that exists.
        removed: The ID of the object shown: it was removed from the store.
    """

    shown = Signal(str)
    failed = Signal(str, object)
    revealed = Signal(QModelIndex)
    removed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)

    @property
    def id(self) -> str | None:
        """ID of the object at the top, or None if the tree is empty."""
        raise NotImplementedError

    def set_session(self, session: StoreSession | None) -> None:
        """Show objects of an open store; the tree is empty until `show`."""
        raise NotImplementedError

    def show(self, id_: str | None) -> None:
        """Put another object at the top (or none); what was loaded before is freed."""
        raise NotImplementedError

    def retry(self, index: _Index) -> None:
        """Load again what ended in an error row: the row itself or the one above it."""
        raise NotImplementedError

    def address_of(self, index: _Index) -> tuple[int, ...]:
        """Return the address of a row; chunks of long containers do not count."""
        raise NotImplementedError

    def index_of(self, address: tuple[int, ...]) -> QModelIndex:
        """Return the row at an address, or an invalid index if it is not loaded."""
        raise NotImplementedError

    def reveal(self, address: tuple[int, ...]) -> None:
        """Load what is needed to have a row at an address; ends with `revealed`."""
        raise NotImplementedError

    def object_of(self, index: _Index) -> tuple[str, tuple[int, ...]] | None:
        """Return where a row's value is: the ID of the object and the path inside it.

        This is what `StoreSession.text` and `expression` take. None for rows that stand for
        no value (loading, error, chunk).
        """
        raise NotImplementedError
