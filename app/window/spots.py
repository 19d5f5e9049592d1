"""From a row of the tree to what can be changed there."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex

from app.actions.edit import Container, Spot
from app.models.object_tree import ObjectTreeModel
from app.models.roles import NODE_ROLE
from app.work.records import NodeRow

__all__ = ["spot_at"]


def spot_at(model: ObjectTreeModel, index: QModelIndex) -> Spot | None:
    """Return what stands in a row; None for one that stands for no value."""
    row, where = index.data(NODE_ROLE) if index.isValid() else None, model.object_of(index)
    if not isinstance(row, NodeRow) or where is None:
        return None
    id_, path = where
    address = model.address_of(index)
    top = address[: len(address) - len(path)]
    return Spot(id_, path, row, _holder(model, index) if path else None, top)


def _holder(model: ObjectTreeModel, index: QModelIndex) -> Container | None:
    above = index.siblingAtColumn(0).parent()
    while above.isValid() and not isinstance(above.data(NODE_ROLE), NodeRow):
        above = above.parent()  # a range of a long list
    holder = above.data(NODE_ROLE) if above.isValid() else None
    if not isinstance(holder, NodeRow):
        return None
    if holder.kind == "reference":  # its lines are those of the object that it names
        return Container("", holder.type, model.rowCount(above))
    return Container(holder.address, holder.type, holder.child_count)
