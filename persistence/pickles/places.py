"""From a path to the value that it leads to, and to where the pickle holds that value.

Rows show values in the way of their classes: `execution.history[0].message` is in the pickle
`execution.history._messages[0][0]`. Both lead to the same place. A place that is only shown,
as what an adapter computed from others, has no slots and cannot be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from persistence.errors import PathError, StoreError
from persistence.pickles import present
from persistence.pickles.decode import Pickle
from persistence.pickles.nodes import Object, Reference
from persistence.pickles.parts import Attributes, Entry, Items, Joined, Members, Pairs, Parts
from persistence.pickles.paths import Attribute, Item, Path, Special, Step, closing, joined
from persistence.pickles.slots import Field, Slot, attribute_key, pair_position, raw_slots
from persistence.pickles.views import View, view

__all__ = ["Follow", "Place", "complete", "resolve", "row_positions", "stored_slots"]

_MOST_SCANNED = 10_000  # rows of a kind that is not known here
_MOST_COMPLETIONS = 50
_PAGE = 500  # rows
_LONGEST_SHOWN = 60  # characters of a value in a message

_KEY, _VALUE = Special("key"), Special("value")
_KEY_FIELDS: dict[Field, Field] = {"value": "key", "pair value": "pair key"}

Follow = Callable[[str], Pickle]
"""Gives the object that is stored under a persistent ID."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a path leads to.

    Attributes:
        pickle: The pickle that it is in; another one than the first, if a reference was
            followed.
        path: The whole path, as it was resolved.
        value: The value; a `View` if it is computed from others.
        slots: The slots from the root of the pickle to the value; None if it is computed.
        id: Persistent ID of the object that it is in, or "" for the one that was given.
    """

    pickle: Pickle
    path: Path
    value: Any
    slots: tuple[Slot, ...] | None
    id: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether the pickle holds this very value, so that it can be changed."""
        return self.slots is not None

    @property
    def stored(self) -> Any:
        """What the pickle holds there, which a `View` may be shown for; None if it is computed."""
        if self.slots is None:
            return None
        return self.slots[-1].get() if self.slots else self.pickle.root


def resolve(pickle: Pickle, path: Path | str, follow: Follow | None = None) -> Place:
    """Return what a path leads to.

    Args:
        pickle: The object that the path starts from.
        path: The path.
        follow: Gives the objects that references stand for; without it a path ends there.

    Raises:
        PathError: It leads nowhere; the message says which step fails, and what is there.

    >>> resolve(Pickle({"a": [1, 2]}, 4, 0), "['a'][-1]").value
    2
    """
    known = Path.parse(path) if isinstance(path, str) else path
    walk = _walked(pickle, known, follow)
    slots = None if walk.slots is None else tuple(walk.slots)
    return Place(walk.pickle, known, _unwrapped(walk.value), slots, walk.id)


def _walked(pickle: Pickle, path: Path, follow: Follow | None) -> _Walk:
    walk = _Walk(pickle, follow)
    for position, step in enumerate(path.steps):
        try:
            walk.take(step)
        except LookupError as error:
            before = joined(map(str, path.steps[:position])) or "the object itself"
            reason = str(error.args[0]) if error.args else walk.nothing(step)
            raise PathError(str(path), f"{before} {reason}", str(step)) from None
    return walk


def stored_slots(pickle: Pickle, path: Path | str) -> tuple[Slot, ...]:
    """Return the slots to a value, or to the innermost one around it that the pickle holds.

    Args:
        pickle: The object that the path starts from.
        path: The path; it may lead to something computed, or go on to what is not there.

    Raises:
        PathError: It is no path.
    """
    walk = _Walk(pickle, None)
    slots: list[Slot] = []
    walk.slots = slots
    for step in (Path.parse(path) if isinstance(path, str) else path).steps:
        try:
            walk.take(step)
        except LookupError:
            break
        if walk.is_computed:
            break  # what it had so far is still in `slots`
    return tuple(slots)


def complete(
    pickle: Pickle, text: str, follow: Follow | None = None, limit: int = _MOST_COMPLETIONS
) -> list[str]:
    """Return paths that begin like a text that is being typed.

    Each goes one step further than what the text has in full. Names match without regard to
    case; brackets match from their opening on.

    >>> complete(Pickle({"jobs": [1], "john": 2}, 4, 0), "['jo")
    ["['jobs']", "['john']"]
    """
    split = _last_step(text)
    start, begun = text[:split], text[split:]
    try:
        walk = _walked(pickle, Path.parse(start), follow)
        walk.enter_reference()
    except StoreError:
        return []  # what is begun so leads nowhere
    begun = begun.removeprefix(".").casefold()
    if begun.startswith('["'):
        begun = "['" + begun[2:]
    found: list[str] = []
    for part in _shown_parts(walk):
        if part.removeprefix(".").casefold().startswith(begun):
            found.append(joined((start, part)))
            if len(found) == limit:
                break
    return found


def _last_step(text: str) -> int:
    """Return where the last step of a text begins, complete or not."""
    at = last = 0
    while at < len(text):
        last = at
        at += text[at] == "."
        if text[at : at + 1] in ("[", "("):
            end = closing(text, at)
            if end < 0:
                return last
            at = last = end + 1
        else:
            while at < len(text) and text[at] not in ".[(":
                at += 1
    return last


def _shown_parts(walk: _Walk) -> Iterator[str]:
    python2 = walk.pickle.python2
    count = min(present.child_count(walk.value, python2=python2), _MOST_SCANNED)
    for first in range(0, count, _PAGE):
        for child in present.children(walk.value, first, _PAGE, python2=python2):
            yield child.path_part


class _Walk:
    """A walk along a path.

    Attributes:
        pickle, id: The pickle it is in, and the ID it was followed by.
        value: What is shown there.
        slots: The way through the pickle so far; None if `value` is computed.
    """

    def __init__(self, pickle: Pickle, follow: Follow | None) -> None:
        self.id = ""
        self._follow = follow
        self._enter(pickle)

    def _enter(self, pickle: Pickle) -> None:
        self.pickle = pickle
        self.value: Any = pickle.root
        self.slots: list[Slot] | None = []
        # What the pickle has where a view is shown in its place.
        self._stored: Any = pickle.root

    @property
    def is_computed(self) -> bool:
        """Whether it has come to something that is computed."""
        return self.slots is None

    def enter_reference(self) -> None:
        """Go on in the object that a reference stands for, if references are followed."""
        if isinstance(self.value, Reference) and self._follow is not None:
            self.id = self.value.id
            self._enter(self._follow(self.id))

    def take(self, step: Step) -> None:
        """Take a step; raises LookupError with what is wrong, if that can be told."""
        self.enter_reference()
        python2 = self.pickle.python2
        if step in (_KEY, _VALUE) and self._take_of_pair(step):
            return
        self.value = _unwrapped(self.value)
        raw = raw_slots(self._stored, step, python2)
        row = None
        if isinstance(self.value, (Object, View)):
            row = find_row(view(self.value, python2=python2).parts, step, python2)
        if row is None:
            # What no row shows can be reached all the same.
            if not raw:
                raise LookupError
            self._go(raw, raw[-1].get())
            return
        shown = _unwrapped(row.value)
        if row.is_computed:
            raw = None
        elif row.stored is not None:
            raw = self._along(row.stored)
        if raw and not isinstance(shown, View) and raw[-1].get() is not shown:
            raw = None  # it is another value that has this place
        if raw:
            self._go(raw, row.value)
        else:
            self.slots = None
            self.value, self._stored = row.value, shown

    def _along(self, stored: str) -> list[Slot] | None:
        """Return the slots that an adapter says a row is read from."""
        found: list[Slot] = []
        value = self._stored
        for step in Path.parse(stored).steps:
            raw = raw_slots(value, step, self.pickle.python2)
            if not raw:
                return None
            found += raw
            value = raw[-1].get()
        return found

    def _go(self, slots: list[Slot], shown: Any) -> None:
        self.value = shown
        self._stored = slots[-1].get()
        if self.slots is not None:
            self.slots += slots

    def _take_of_pair(self, step: Step) -> bool:
        """Go on to key or value, if a path to both leads here."""
        last = self.slots[-1] if self.slots else None
        has_key = last is not None and last.field in _KEY_FIELDS
        if isinstance(self.value, Entry):
            self.value = self.value.key if step == _KEY else self.value.value
            if last is None:
                self._stored = self.value
        elif not has_key:
            return False
        if step == _KEY and last is not None and self.slots:
            if has_key:
                self.slots[-1] = Slot(last.owner, _KEY_FIELDS[last.field], last.key)
            else:  # of a pair in a list of pairs
                self.slots[-1] = Slot(last.owner, "item", 0)
            self.value = self._stored = self.slots[-1].get()
        return True

    def nothing(self, step: Step) -> str:
        """Say what is where a step fails."""
        value = self.value
        python2 = self.pickle.python2
        kind = present.type_name(value, python2=python2)
        if isinstance(value, Reference):
            return f"is a reference to {value.id}, which is not followed"
        if isinstance(step, Item) and step.index is not None and type(value) in (list, tuple):
            return f"has {len(value):,} items"
        if present.child_count(value, python2=python2) == 0:
            shown = present.preview(value, _LONGEST_SHOWN, python2=python2)
            return f"is {shown} ({kind}), which has nothing in it"
        what = {Attribute: "attribute", Item: "item"}.get(type(step), "part")
        name = step.name if isinstance(step, Attribute) else str(step)
        return f"({kind}) has no {what} {name}"


def _unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, Entry) else value


# What rows show.


def row_positions(pickle: Pickle, path: str) -> tuple[int, ...] | None:
    """Return the way to a value by positions among rows, as `present.children` gives them.

    Args:
        pickle: The object.
        path: What `path_part` of the rows on the way make, or what they say in `stored`.

    Returns:
        The position of each row on the way from the object itself; None if no row shows the
        value.
    """
    way = _Way(Path.parse(path))
    value: Any = pickle.root
    positions: list[int] = []
    at = 0
    while at < len(way.steps):
        if isinstance(value, Entry) and way.steps[at] not in (_KEY, _VALUE):
            positions.append(_VALUE_ROW)
            value = value.value
        found = _row_on(view(value, python2=pickle.python2).parts, way, at)
        if found is None:
            return None
        positions.append(found.position)
        at, value = found.behind, found.value
        if found.is_to_key and isinstance(value, Entry):
            positions.append(_KEY_ROW)
            value = value.key
    return tuple(positions)


_KEY_ROW, _VALUE_ROW = 0, 1  # below an `Entry`


class _Way:
    """A path in a form in which it can be compared with parts of many steps."""

    def __init__(self, path: Path) -> None:
        self.steps = path.steps
        parts = [str(step) for step in path.steps]
        self._text = "".join(parts)
        self._starts = list(accumulate(map(len, parts), initial=0))
        self._steps_by_start = {start: step for step, start in enumerate(self._starts)}

    def past(self, part: str | None, at: int) -> int:
        """Return the number of the step behind a part that begins with a step, or 0."""
        if not part or not self._text.startswith(part, self._starts[at]):
            return 0
        return self._steps_by_start.get(self._starts[at] + len(part), 0)


class _Row(NamedTuple):
    """A row that a path leads to.

    Attributes:
        position: Its position.
        behind: The number of the step behind those that lead to it.
        value: Its value.
        is_to_key: Whether the path leads to the key of the pair in this row.
    """

    position: int
    behind: int
    value: Any
    is_to_key: bool = False


def _row_on(parts: Parts, way: _Way, at: int) -> _Row | None:
    """Return the row that a path goes on to at a step."""
    if isinstance(parts, Joined):
        before = 0
        for kind in parts.kinds:
            found = _row_on(kind, way, at)
            if found is not None:
                return found._replace(position=before + found.position)
            before += len(kind)
        return None
    if not isinstance(parts, (Attributes, Items, Members, Pairs)):
        return _row_among(parts, way, at)
    found = _row_at(parts, way, at)
    if found is None and isinstance(parts, (Items, Pairs)):
        inside = way.past(parts.place, at)
        if inside and isinstance(parts, Pairs) and parts.is_listed:
            return _row_in_list(parts, way, inside)
        return _row_at(parts, way, inside) if inside else None
    return found


def _row_at(parts: _Known, way: _Way, at: int) -> _Row | None:
    step = way.steps[at] if at < len(way.steps) else None
    position = None if step is None else _position(parts, step)
    if position is None:
        return None
    child = next(parts.slice(position, 1))
    is_to_key = isinstance(parts, Pairs) and _is_to_key(step)
    if is_to_key and not isinstance(child.value, Entry):
        return None  # the key has no row of its own
    return _Row(position, at + 1, child.value, is_to_key)


def _row_in_list(parts: Pairs, way: _Way, at: int) -> _Row | None:
    """Return the row for the key or value of a pair in a list of pairs."""
    numbers = [step.index for step in way.steps[at : at + 2] if isinstance(step, Item)]
    if len(numbers) != 2 or numbers[1] not in (0, 1):
        return None
    position = numbers[0]
    if position is None or not 0 <= position < len(parts):
        return None
    child = next(parts.slice(position, 1))
    if numbers[1] == 0 and not isinstance(child.value, Entry):
        return None
    return _Row(position, at + 2, child.value, numbers[1] == 0)


def _row_among(parts: Parts, way: _Way, at: int) -> _Row | None:
    for position, child in enumerate(parts.slice(0, min(len(parts), _MOST_SCANNED))):
        behind = max(way.past(child.path_part, at), way.past(child.stored, at))
        if behind:
            return _Row(position, behind, child.value)
    return None


_Known = Attributes | Items | Members | Pairs


def find_row(parts: Parts, step: Step, python2: bool) -> present.Child | None:
    """Return the row that a step leads to, or None."""
    kinds = parts.kinds if isinstance(parts, Joined) else (parts,)
    for kind in kinds:
        found = find_row(kind, step, python2) if isinstance(kind, Joined) else _row(kind, step)
        if found is not None:
            return found
    return None


def _row(parts: Parts, step: Step) -> present.Child | None:
    if not isinstance(parts, (Attributes, Items, Members, Pairs)):
        return _scanned(parts, step, min(len(parts), _MOST_SCANNED))
    if isinstance(parts, Attributes):  # without counting up to it
        key = attribute_key(parts.values, step.name) if isinstance(step, Attribute) else None
        return None if key is None else present.Child("", parts.values[key], str(step))
    if isinstance(parts, Pairs) and _is_to_key(step):
        return None  # its row is below the one for its pair
    position = _position(parts, step)
    return None if position is None else next(parts.slice(position, 1))


def _is_to_key(step: Step | None) -> bool:
    return isinstance(step, Special) and step.number("key ") is not None


def _position(parts: _Known, step: Step) -> int | None:
    """Return the position of the row that a step leads to, or None."""
    position: int | None = None
    if isinstance(parts, Items):
        position = step.index if isinstance(step, Item) else None
        if position is not None and position < 0:
            position += len(parts)
    elif isinstance(parts, Members):
        position = step.number(parts.label) if isinstance(step, Special) else None
    elif isinstance(parts, Attributes):
        key = attribute_key(parts.values, step.name) if isinstance(step, Attribute) else None
        if key is not None:
            position = next(at for at, name in enumerate(parts.values) if name == key)
    elif not (parts.by_position and isinstance(step, Item) and step.index is not None):
        position = pair_position(parts.pairs, step, parts.python2)
        if position is None and isinstance(step, Special):
            position = step.number("key ")
    return position if position is not None and 0 <= position < len(parts) else None


def _scanned(parts: Parts, step: Step, count: int) -> present.Child | None:
    part = str(step)
    for child in parts.slice(0, count):
        if child.path_part == part:
            return child
    return None
