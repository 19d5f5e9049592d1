"""What can be changed at a line of the object tree, and what a change is called.

A *spot* is a line of the tree with what it stands in. What is typed there is in `draft`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.actions.journal import JournalRecord
from app.work.records import NodeRow
from persistence.errors import StoreError
from persistence.pickles.edit import Change
from persistence.pickles.paths import Attribute, Item, Path, Special, Step, attribute, joined
from persistence.pickles.texts import escaped, shortened
from persistence.store import Record
from persistence.summary import summarize

__all__ = [
    "Container",
    "Place",
    "Spot",
    "changes_own_id",
    "label_of",
    "path_after",
    "place_in",
    "places_text",
    "record_of",
    "verbs_at",
]

_LONGEST_IN_LABEL = 40
_SEQUENCES = frozenset(("list", "tuple", "deque"))
_SETS = frozenset(("set", "frozenset"))
_MAPPINGS = frozenset(("dict", "OrderedDict", "defaultdict", "Counter"))
_OWN_ID = ("persistent_id", "_id")
_SHOWN_PLACES = 3


class Place(Enum):
    """How a new value is put into a container."""

    ATTRIBUTE = "attribute"
    KEY = "key"
    POSITION = "position"


@dataclass(frozen=True, slots=True)
class Container:
    """What values can be put into.

    Attributes:
        address: Its readable path in its object, "" for the object itself.
        type: Its class.
        size: Number of lines below it.
    """

    address: str
    type: str
    size: int

    @property
    def places(self) -> tuple[Place, ...]:
        """How a new value can be put into it; the most likely first."""
        short = self.type.rpartition(".")[2]
        if short in _SEQUENCES:
            return (Place.POSITION,)
        if short in _MAPPINGS:
            return (Place.KEY,)
        if short in _SETS:
            return ()
        return (Place.ATTRIBUTE, Place.KEY, Place.POSITION)


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of the object tree.

    Attributes:
        id_: The object that its value is in.
        path: Where in it, by positions.
        row: The line.
        holder: What it stands in; None for an object itself.
        top: Address of the object in the tree, which is behind references if not ().
    """

    id_: str
    path: tuple[int, ...]
    row: NodeRow
    holder: Container | None = None
    top: tuple[int, ...] = ()

    @property
    def address(self) -> str:
        """Its readable path in its object."""
        return self.row.address

    @property
    def step(self) -> Step | None:
        """The last step of its path; None for an object itself."""
        try:
            return Path.parse(self.row.address).steps[-1]
        except (StoreError, IndexError):
            return None

    @property
    def container(self) -> Container | None:
        """What a new value would be put into: what it is itself, or what it stands in."""
        row = self.row
        short = row.type.rpartition(".")[2]
        is_container = row.kind == "object" and "cycle" not in row.marks
        if is_container and (row.child_count or short in _SEQUENCES | _SETS | _MAPPINGS):
            return Container(row.address, row.type, row.child_count)
        return self.holder

    @property
    def index(self) -> int | None:
        """Its index, if it is an item of a list."""
        step = self.step
        is_item = isinstance(step, Item) and self.row.name == str(step)
        return step.index if is_item and isinstance(step, Item) else None

    @property
    def is_leaf(self) -> bool:
        """Whether it is a value with no lines below it."""
        row = self.row
        return row.child_count == 0 and row.kind in ("value", "object") and "cycle" not in row.marks


def verbs_at(spot: Spot) -> frozenset[str]:
    """Return what can be done at a line: names of actions without "object."."""
    row = spot.row
    if row.kind == "error" or "salvaged" in row.marks:
        return frozenset()
    verbs = {"edit"}
    container = spot.container
    if container is not None:
        verbs |= {"insert"} if container.places else set()
        if container.places != (Place.KEY,):
            verbs.add("append")
    if row.kind == "reference":
        verbs.add("refer")
    elif row.kind == "object" and "." in row.type:
        verbs.add("reclass")
    if spot.holder is not None and "computed" not in row.marks:
        verbs |= _verbs_inside(spot, spot.holder)
    return frozenset(verbs)


def _verbs_inside(spot: Spot, holder: Container) -> set[str]:
    step, index = spot.step, spot.index
    if isinstance(step, Special):
        is_member = holder.type in _SETS or step.text.startswith(("added", "value "))
        return {"delete_value"} if is_member else set()
    if not isinstance(step, (Attribute, Item)):
        return set()
    if index is None:
        return {"delete_value", "rename"}
    verbs = {"delete_value"}
    verbs |= {"move_up"} if index > 0 else set()
    # Some classes show more than their items: the count is only an upper bound.
    verbs |= {"move_down"} if index + 1 < holder.size else set()
    return verbs


def changes_own_id(change: Change, id_: str) -> bool:
    """Whether an object would take another ID for its own than the one it is stored under.

    >>> changes_own_id(Change("set", "persistent_id", "'Job.2'"), "Job.1")
    True
    >>> changes_own_id(Change("set", "persistent_id", "'Job.1'"), "Job.1")
    False
    """
    if change.path not in _OWN_ID or change.verb not in ("set", "delete", "rename"):
        return False
    return change.verb != "set" or change.value.strip("'\"") != id_


def place_in(container: Container, place: Place, text: str) -> str:
    """Return the path that a new value is to have.

    Args:
        container: What it is put into.
        place: How `text` is meant.
        text: A name, a key as a literal, or an index.

    >>> place_in(Container("jobs", "dict", 3), Place.KEY, "'a'")
    "jobs['a']"
    >>> place_in(Container("", "app.Job", 3), Place.ATTRIBUTE, "name")
    'name'
    """
    part = attribute(text) if place is Place.ATTRIBUTE else f"[{text}]"
    return joined((container.address, part))


def path_after(spot: Spot, change: Change) -> str:
    """Return where the value is that a change has put somewhere, or "" if that is not known."""
    container, holder = spot.container, spot.holder
    if change.verb == "insert":
        return change.path
    if change.verb == "append" and container is not None:
        return joined((change.path, f"[{container.size}]"))
    if change.verb == "move" and holder is not None:
        return joined((holder.address, f"[{change.value}]"))
    if change.verb == "rename" and holder is not None:
        is_name = isinstance(spot.step, Attribute)
        return place_in(holder, Place.ATTRIBUTE if is_name else Place.KEY, change.value)
    return "" if change.verb == "delete" else spot.address


def places_text(places: tuple[str, ...]) -> str:
    """Return some paths as a phrase.

    >>> places_text(("a[0]", "b[0]"))
    'a[0] and b[0]'
    """
    shown = [shortened(place or "the object itself", 60) for place in places[:_SHOWN_PLACES]]
    if len(places) > _SHOWN_PLACES:
        return ", ".join(shown) + f" and {len(places) - _SHOWN_PLACES:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def label_of(change: Change, id_: str, former: str = "") -> str:
    """Return what a change is called in menus and in the history.

    Args:
        change: The change.
        id_: The object that is changed.
        former: The value that was there, as text.

    >>> label_of(Change("set", "execution.returncode", "1"), "Job.42", "0")
    'Edit execution.returncode of Job.42: 0 → 1'
    >>> label_of(Change("delete", "tags[2]"), "Job.42")
    'Delete tags[2] of Job.42'
    """
    address = shortened(change.path, 2 * _LONGEST_IN_LABEL)
    what = f"{address} of {id_}" if address else id_
    old, new = _in_label(former), _in_label(change.value)
    text = {
        "set": f"Edit {what}: {old} → {new}" if old else f"Edit {what}: {new}",
        "insert": f"Insert {address} in {id_}: {new}",
        "append": f"Append to {what}: {new}",
        "delete": f"Delete {what}",
        "rename": f"Rename {what} to {new}",
        "move": f"Move {what} to [{new}]",
        "refer": f"Point {what} to {new}",
        "reclass": f"Change class of {what} to {new}",
        "reclass_all": f"Change class {old} to {new} in {id_}",
        "rename_module": f"Rename module {_in_label(change.old)} to {new} in {id_}",
    }[change.verb]
    return text if change.everywhere else f"{text} (only here)"


def _in_label(text: str) -> str:
    return shortened(escaped(text[: 2 * _LONGEST_IN_LABEL]), _LONGEST_IN_LABEL)


def record_of(id_: str, before: bytes, after: bytes) -> JournalRecord:
    """Return what an edit writes into the journal.

    Args:
        id_: The object.
        before: Its pickle, as it was read for the change.
        after: The same with the change made.
    """
    summary = summarize(Record(id_, before))
    return JournalRecord(id_, before, after, summary.type, summary.name)
