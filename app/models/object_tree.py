"""The model of the object tree: an object, its values, and the objects that it refers to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from app.models.roles import DISPLAY_ROLE
from app.models.tree_cells import TITLES, cell
from app.models.tree_loader import PATIENCE_MS, TreeLoader
from app.models.tree_node import CHUNK, FIRST_LINES, ROOT, Kind, NodeTable, Status, TreeNode
from app.work.records import NodeRow
from app.work.session import StoreSession
from app.work.task import Task
from persistence.errors import DecodeError
from persistence.pickles.texts import escaped

__all__ = ["ObjectTreeModel"]

_HORIZONTAL = Qt.Orientation.Horizontal
_NO_INDEX = QModelIndex()
_BRANCH = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
_LEAF = _BRANCH | Qt.ItemFlag.ItemNeverHasChildren

Index = QModelIndex | QPersistentModelIndex


class ObjectTreeModel(QAbstractItemModel):
    """An object as a tree with the columns Name, Value and Type.

    There is one row at the top, the object itself, and below it what is expanded. A row's
    *address* is the positions among children on the way to it from that row, through
    references into other objects: `(3, 0)` is the first line of the fourth value.

    What is loaded follows the store: when an object is written again its lines are brought
    up to date, and those that are still there stay expanded and selected.

    Signals:
        shown: The ID of the object that is now in the tree, with its first level loaded.
        failed: ID and exception: it cannot be shown; the tree has an error row instead.
        revealed: The index at the address given to `reveal`, or the deepest that exists.
        removed: The ID of the object shown: it was removed from the store.
        updated: Lines below some row have come, for the first time or again.
        value_changed: ID of an object and readable path of a value in it that is another one
            than before: the object was written again.
    """

    shown = Signal(str)
    failed = Signal(str, object)
    revealed = Signal(QModelIndex)
    removed = Signal(str)
    updated = Signal()
    value_changed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session: StoreSession | None = None
        self._id: str | None = None
        self._table = NodeTable()
        self._loader = TreeLoader(self._table, _Edits(self, self._table), self)
        self._loader.loaded.connect(self._go_on_revealing)
        self._loader.loaded.connect(lambda _: self.updated.emit())
        self._loader.changed.connect(self._say_value_changed)
        self._asking: Task | None = None
        self._revealing: tuple[int, ...] | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._show_loading)

    @property
    def id(self) -> str | None:
        """ID of the object at the top, or None if the tree is empty."""
        return self._id

    def set_session(self, session: StoreSession | None) -> None:
        """Show objects of an open store; the tree is empty until `show`."""
        if self._session is not None:
            self._session.objects_changed.disconnect(self._on_objects_changed)
            self._session.objects_removed.disconnect(self._on_objects_removed)
            self._session.closed.disconnect(self._on_closed)
        self.show(None)
        self._session = session
        self._loader.set_session(session)
        if session is not None:
            session.objects_changed.connect(self._on_objects_changed)
            session.objects_removed.connect(self._on_objects_removed)
            session.closed.connect(self._on_closed)

    def show(self, id_: str | None) -> None:
        """Put another object at the top (or none); what was loaded before is freed.

        The former object stays until the first lines of the new one are there, or for a
        moment.
        """
        self._forget_question()
        self._revealing = None
        self._id = id_
        if id_ is None or self._session is None:
            self._fill(None)
            return
        self._asking = self._session.root(id_).then(
            partial(self._on_root, id_), partial(self._on_root_failed, id_)
        )
        self._patience.start()

    def retry(self, index: Index) -> None:
        """Load again what ended in an error row: that row itself, or the one above it."""
        node = self._node(index)
        if node is not None and node.row.kind == "error" and node.parent == ROOT:
            self.show(self._id)
            return
        if node is not None and node.kind is Kind.ERROR:
            node = self._table[node.parent]
        if node is not None and node.status is Status.FAILED:
            self._loader.load(node)

    def on_collapsed(self, index: QModelIndex) -> None:
        """Forget the error below a row, so that expanding it tries again."""
        node = self._node(index)
        if node is not None:
            self._loader.release(node)

    def address_of(self, index: Index) -> tuple[int, ...]:
        """Return the address of a row; chunks of long containers do not count."""
        node = self._node(index)
        return () if node is None else self._table.address(node)

    def index_of(self, address: tuple[int, ...]) -> QModelIndex:
        """Return the row at an address, or an invalid index if it is not loaded."""
        node, missing = self._find(address)
        return QModelIndex() if node is None or missing else self._index(node)

    def reveal(self, address: tuple[int, ...]) -> None:
        """Load what is needed to have a row at an address; ends with `revealed`."""
        self._revealing = tuple(address)
        if self._asking is None:
            self._go_on_revealing()

    def object_of(self, index: Index) -> tuple[str, tuple[int, ...]] | None:
        """Return where a row's value is: the ID of the object and the path inside it.

        This is what `StoreSession.text` and `expression` take. None for rows that stand for
        no value (loading, error, chunk).
        """
        node = self._node(index)
        if node is None or node.kind is not Kind.ROW:
            return None
        return node.object_id, self._table.path(node)

    # Showing an object: its own line, then those below it, then both at once

    def _on_root(self, id_: str, row: NodeRow) -> None:
        assert self._session is not None
        if 0 < row.child_count <= CHUNK:
            count = min(row.child_count, FIRST_LINES)
            self._asking = self._session.children_of(id_, (), 0, count).then(
                partial(self._on_first_level, row), partial(self._on_root_failed, id_)
            )
        else:
            self._on_first_level(row, ())

    def _on_first_level(self, row: NodeRow, rows: tuple[NodeRow, ...]) -> None:
        self._forget_question()
        assert self._id is not None
        top = self._table.new(Kind.ROW, row, self._id)
        self._fill(top, partial(self._fill_first_level, top, rows))
        if len(rows) == FIRST_LINES < row.child_count:
            self._loader.complete(top)
        self.shown.emit(self._id)
        self._go_on_revealing()

    def _fill_first_level(self, top: TreeNode, rows: tuple[NodeRow, ...]) -> None:
        if top.row.child_count > CHUNK:
            nodes = self._loader.lines_below(top, 0, top.row.child_count)
        else:
            nodes = self._loader.rows_as_nodes(top, rows, 0)
        self._table.insert(top, 0, nodes)
        if not top.is_reference:
            top.status = Status.LOADED

    def _on_root_failed(self, id_: str, error: Exception) -> None:
        self._forget_question()
        self._revealing = None
        if isinstance(error, DecodeError) and self._session is not None:
            self._asking = self._session.salvaged_root(id_).then(
                partial(self._on_salvaged, id_, error),
                partial(self._show_failure, id_, error),
            )
        else:
            self._show_failure(id_, error)

    def _on_salvaged(self, id_: str, error: Exception, row: NodeRow) -> None:
        """Show below the error what can be read of a damaged object."""
        assert self._session is not None
        count = min(row.child_count, CHUNK)
        if not count:
            self._show_failure(id_, error)
            return
        self._asking = self._session.children_of(id_, (), 0, count).then(
            partial(self._show_salvaged, id_, error, row),
            partial(self._show_failure, id_, error),
        )

    def _show_salvaged(
        self, id_: str, error: Exception, row: NodeRow, rows: tuple[NodeRow, ...]
    ) -> None:
        self._forget_question()
        top = self._table.new(Kind.ROW, replace(row, value=str(error)), id_)
        self._fill(top, partial(self._fill_first_level, top, rows))
        self.failed.emit(id_, error)

    def _show_failure(self, id_: str, error: Exception, _: object = None) -> None:
        self._forget_question()
        row = NodeRow(escaped(id_), str(error), "", 0, (), "error")
        self._fill(self._table.new(Kind.ERROR, row, id_))
        self.failed.emit(id_, error)

    def _show_loading(self) -> None:
        if self._id is not None:
            row = NodeRow(escaped(self._id), "Loading…", "", 0, (), "value")
            self._fill(self._table.new(Kind.LOADING, row, self._id))

    def _fill(self, top: TreeNode | None, more: Callable[[], None] | None = None) -> None:
        """Begin a new tree with a line at the top, or none."""
        self.beginResetModel()
        self._loader.clear()
        self._table.clear()
        if top is not None:
            self._table.insert(self._table[ROOT], 0, [top])
        if more is not None:
            more()
        self.endResetModel()

    def _forget_question(self) -> None:
        self._patience.stop()
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    # Finding a row by its address

    def _find(self, address: tuple[int, ...]) -> tuple[TreeNode | None, tuple[int, ...]]:
        """Return the deepest node that is there on the way to an address, and what is left."""
        below_root = self._table[ROOT].children
        if not below_root:
            return None, address
        node = self._table[below_root[0]]
        while address:
            step = self._child_at(node, address[0])
            if step is None:
                break
            node = step
            if node.kind is Kind.ROW:
                address = address[1:]
        return node, address

    def _child_at(self, node: TreeNode, position: int) -> TreeNode | None:
        """Return the line below a node that is, or has in it, the child at a position."""
        for child in self._table.below(node):
            end = child.position + (child.span if child.kind is Kind.CHUNK else 1)
            if child.kind in (Kind.ROW, Kind.CHUNK) and child.position <= position < end:
                return child
        return None

    def _go_on_revealing(self, _: int = ROOT) -> None:
        if self._revealing is None or self._asking is not None:
            return
        address, self._revealing = self._revealing, None  # chunks are there at once, and told
        node, missing = self._find(address)
        while node is not None and missing and self.canFetchMore(self._index(node)):
            self._loader.load(node)
            node, missing = self._find(address)
        if node is not None and missing and node.status is Status.LOADING:
            self._revealing = address  # its lines will lead here again
            return
        self.revealed.emit(QModelIndex() if node is None else self._index(node))

    # What changed in the store

    def _on_objects_changed(self, ids: list[str]) -> None:
        changed = set(ids)
        self._loader.refresh_targets(changed)
        if self._id in changed:
            self._read_again(changed)
        else:
            self._loader.refresh(changed)

    def _on_objects_removed(self, ids: list[str]) -> None:
        self._loader.refresh_targets(set(ids))
        if self._id is not None and self._id in ids:
            self.removed.emit(self._id)

    def _read_again(self, changed: set[str]) -> None:
        """Bring the line at the top up to date, and then what is below it."""
        assert self._id is not None
        assert self._session is not None
        tops = self._table[ROOT].children
        if self._asking is not None or not tops or self._table[tops[0]].kind is not Kind.ROW:
            self.show(self._id)
            return
        self._asking = self._session.root(self._id).then(
            partial(self._on_root_again, changed), partial(self._on_root_failed, self._id)
        )

    def _on_root_again(self, changed: set[str], row: NodeRow) -> None:
        self._asking = None
        top = self._table[self._table[ROOT].children[0]]
        if bool(row.child_count) != bool(top.row.child_count) or row.kind != top.row.kind:
            self.show(self._id)
            return
        top.row = row
        self._say_changed(top)
        self._loader.refresh(changed)

    def _say_value_changed(self, key: int) -> None:
        node = self._table.get(key)
        if node is not None and node.kind is Kind.ROW:
            self.value_changed.emit(node.object_id, node.row.address)

    def _on_closed(self) -> None:
        self.show(None)

    # Nodes and indexes

    def _node(self, index: Index) -> TreeNode | None:
        return self._table.get(index.internalId()) if index.isValid() else None

    def _index(self, node: TreeNode, column: int = 0) -> QModelIndex:
        if node.key == ROOT:
            return QModelIndex()
        return self.createIndex(node.place, column, node.key)

    def _say_changed(self, node: TreeNode) -> None:
        self.dataChanged.emit(self._index(node), self._index(node, len(TITLES) - 1))

    # Qt

    def index(self, row: int, column: int, parent: Index = _NO_INDEX) -> QModelIndex:
        above = self._table.get(parent.internalId() if parent.isValid() else ROOT)
        if above is None or not 0 <= row < len(above.children) or not 0 <= column < len(TITLES):
            return QModelIndex()
        return self.createIndex(row, column, above.children[row])

    def parent(self, index: Index = _NO_INDEX) -> Any:
        node = self._node(index)
        above = None if node is None else self._table.get(node.parent)
        return QModelIndex() if above is None else self._index(above)

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        if parent.isValid() and parent.column() > 0:
            return 0
        node = self._table.get(parent.internalId() if parent.isValid() else ROOT)
        return 0 if node is None else len(node.children)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        return len(TITLES)

    def hasChildren(self, parent: Index = _NO_INDEX) -> bool:
        if not parent.isValid():
            return bool(self._table[ROOT].children)
        node = self._node(parent)
        if node is None or parent.column() > 0:
            return False
        if node.status is Status.LOADED:
            return bool(node.children)
        return node.can_expand

    def canFetchMore(self, parent: Index) -> bool:
        node = self._node(parent)
        return (
            node is not None
            and parent.column() == 0
            and node.status is Status.UNKNOWN
            and node.can_expand
            and self._session is not None
        )

    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent):
            self._loader.load(self._table[parent.internalId()])

    def flags(self, index: Index) -> Qt.ItemFlag:
        node = self._node(index)
        if node is None:
            return Qt.ItemFlag.NoItemFlags
        return _BRANCH if node.can_expand else _LEAF  # made once: views ask for every line

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = DISPLAY_ROLE
    ) -> Any:
        if orientation == _HORIZONTAL and role == DISPLAY_ROLE and 0 <= section < len(TITLES):
            return TITLES[section]
        return None

    def data(self, index: Index, role: int = DISPLAY_ROLE) -> Any:
        node = self._node(index)
        return None if node is None else cell(self._table, node, index.column(), role)


class _Edits:
    """Changes the table and tells the views of the model."""

    def __init__(self, model: ObjectTreeModel, table: NodeTable) -> None:
        self._model = model
        self._table = table

    def insert(self, parent: TreeNode, place: int, nodes: list[TreeNode]) -> None:
        """Put lines below another one."""
        above = self._model._index(parent)
        self._model.beginInsertRows(above, place, place + len(nodes) - 1)
        self._table.insert(parent, place, nodes)
        self._model.endInsertRows()

    def remove(self, parent: TreeNode, first: int, count: int) -> None:
        """Drop lines below another one."""
        above = self._model._index(parent)
        self._model.beginRemoveRows(above, first, first + count - 1)
        self._table.remove(parent, first, count)
        self._model.endRemoveRows()

    def touch(self, node: TreeNode) -> None:
        """Tell that a line looks different now."""
        self._model._say_changed(node)
