"""What differs between two decoded pickles, by structure and with regard to identity.

Both graphs are gone through side by side. Parts that correspond to each other are found by
name, key or content (`alignment`); each pair of containers is compared once, however many
places hold it, so that cycles end and 2^60 paths to one list cost nothing. Where the first
graph has one object and the second has two of the same content, or the other way round, that
is a difference, too: changing one of them would not have the same effect.

Compared is what the values are: their classes, what they hold and, for objects, what they
were made with. The protocol, and how a pickle makes a value of these, are not.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from persistence.pickles.alignment import NOTHING, Pair, aligned
from persistence.pickles.decode import Pickle
from persistence.pickles.digests import Digests, Numbering
from persistence.pickles.nodes import Object
from persistence.pickles.paths import joined
from persistence.pickles.present import preview, type_name
from persistence.pickles.structure import (
    SINGLE,
    groups,
    has_identity,
    single_text,
    stands_for_one,
    text_like,
)

__all__ = ["Change", "ChangeKind", "Difference", "Place", "Side", "Walk", "diff"]

ChangeKind = Literal["added", "removed", "changed", "moved", "type changed", "sharing changed"]

DEFAULT_LIMIT = 1_000
_REPEATED_WORK = 4  # times the size of both graphs, for pairs of which one was compared before
_LEAST_REPEATED_WORK = 10_000
_FEW = 64


class Place:
    """A pair of containers in both graphs, in the place where it was first met.

    Attributes:
        before: The pair that holds it; None at the roots.
        pair: How the two correspond; None at the roots.
        status: What differs in the pair itself, "" for nothing.
        is_slight: Whether that is only how the same value is written.
        is_open: Whether what it holds was compared here.
        changes: How many changes there are in what it holds.
    """

    __slots__ = ("before", "changes", "is_open", "is_slight", "pair", "status")

    def __init__(self, before: Place | None, pair: Pair | None) -> None:
        self.before = before
        self.pair = pair
        self.status: ChangeKind | Literal[""] = ""
        self.is_slight = False
        self.is_open = False
        self.changes = 0


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A value in one of the two pickles, and where it is.

    Attributes:
        value: The decoded value.
        path: Where it is, computed when asked for.
        preview: It in one line.
        type: Short name of its type.
    """

    value: Any = field(repr=False)
    _before: Place | None = field(repr=False)
    _pair: Pair | None = field(repr=False)
    _is_left: bool = field(repr=False)
    _python2: bool = field(repr=False)

    @property
    def path(self) -> str:
        parts: list[str] = []
        pair, before = self._pair, self._before
        while pair is not None:
            if self._is_left and pair.group_a is not None:
                parts.append(pair.group_a.part(pair.at_a))
            elif pair.group_b is not None:
                parts.append(pair.group_b.part(pair.at_b))
            pair, before = (before.pair, before.before) if before else (None, None)
        return joined(reversed(parts))

    @property
    def preview(self) -> str:
        return preview(self.value, python2=self._python2)

    @property
    def type(self) -> str:
        return type_name(self.value, python2=self._python2)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One difference.

    Attributes:
        kind: What it is. "moved" is the same content in another place of a list, or under
            another name; what also changed inside of it is told by further changes.
        a, b: What is there on each side; None for what is not.
        is_slight: Whether the value is the same and is only written in another way: a text
            that is a byte string of Python 2 on one side.
        twin_a, twin_b: Where sharing changed: another place with the very object, on the side
            (or both) where there is one.
    """

    kind: ChangeKind
    a: Side | None
    b: Side | None
    is_slight: bool = False
    twin_a: Side | None = None
    twin_b: Side | None = None

    @property
    def path_a(self) -> str | None:
        """Where it is in the first pickle; None if it is not in it."""
        return None if self.a is None else self.a.path

    @property
    def path_b(self) -> str | None:
        """Where it is in the second pickle; None if it is not in it."""
        return None if self.b is None else self.b.path


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """All that differs between two pickles; it is false if nothing does.

    Attributes:
        changes: The changes, the slight ones last, up to the limit.
        counts: How many there are of each kind, all of them; slight ones are left out.
        slight: How many slight ones there are.
    """

    changes: tuple[Change, ...]
    counts: Mapping[ChangeKind, int]
    slight: int

    @property
    def total(self) -> int:
        """How many changes there are, without the slight ones."""
        return sum(self.counts.values())

    @property
    def is_complete(self) -> bool:
        """Whether all changes are listed."""
        return len(self.changes) == self.total + self.slight

    def __bool__(self) -> bool:
        return bool(self.counts) or self.slight > 0


def diff(a: Pickle, b: Pickle, limit: int = DEFAULT_LIMIT) -> Difference:
    """Return what differs between two decoded pickles.

    The time it takes grows with the size of both, and with the number of parts of a value
    times its logarithm where they are in another order.

    Args:
        a: One pickle.
        b: The other.
        limit: How many changes to list; all are counted.

    >>> before = Pickle({"state": "NEW", "tries": [1, 2]}, 4, 0)
    >>> after = Pickle({"state": "DONE", "tries": [2, 1, 3]}, 4, 0)
    >>> [(change.kind, change.path_a, change.path_b) for change in diff(before, after).changes]
    [('changed', "['state']", "['state']"), ('moved', "['tries'][0]", "['tries'][1]"), \
('added', None, "['tries'][2]")]
    """
    return Walk(a, b, limit).difference()


class Relation(NamedTuple):
    """How two values differ by themselves, and whether what they hold can be compared."""

    status: ChangeKind | Literal[""]
    is_slight: bool = False
    is_open: bool = False


class Walk:
    """Both graphs gone through side by side, and what was found.

    Args:
        a, b: The pickles.
        limit: How many changes to keep.

    Attributes:
        root: The place of both roots; None if nothing had to be compared.
    """

    def __init__(self, a: Pickle, b: Pickle, limit: int) -> None:
        self.a, self.b = a, b
        self.root: Place | None = None
        self._limit = limit
        self._numbering = Numbering()
        self._changes: list[Change] = []
        self._slight: list[Change] = []
        self._counts: Counter[ChangeKind] = Counter()
        self._slight_count = 0
        self._places: list[Place] = []
        self._others: dict[int, Place] = {}  # of pairs of which one has another partner
        self._put_off: deque[tuple[Place, Pair]] = deque()
        self._stack: list[tuple[Place, Pair | Iterator[Pair]]] = []
        if a.root is not b.root and not (a.data and a.data == b.data):
            self._go()

    @cached_property
    def left(self) -> Digests:
        """The digests of the first pickle."""
        return Digests(self.a, self._numbering)

    @cached_property
    def right(self) -> Digests:
        """The digests of the second pickle."""
        return Digests(self.b, self._numbering)

    def difference(self) -> Difference:
        """Return what was found."""
        listed = (self._changes + self._slight)[: self._limit]
        return Difference(tuple(listed), MappingProxyType(dict(self._counts)), self._slight_count)

    def relation(self, x: Any, y: Any) -> Relation:
        """Return how two values differ by themselves."""
        left, right = self.left, self.right
        if type(x) in SINGLE or type(y) in SINGLE:
            return self._single_relation(x, y)
        is_one = stands_for_one(x, left.python2), stands_for_one(y, right.python2)
        if left.label(x) == right.label(y):
            if not all(is_one):
                return Relation("", is_open=True)
            if left.number(x) == right.number(y):
                return Relation("")
            source = single_text(x, left.python2)
            is_same = source is not None and source == single_text(y, right.python2)
            return Relation("changed", is_same)
        kinds_x = {group.kind for group in groups(x, left.python2)}
        kinds_y = {group.kind for group in groups(y, right.python2)}
        are_objects = isinstance(x, Object) and isinstance(y, Object)
        is_open = not any(is_one) and (are_objects or bool(kinds_x & kinds_y))
        return Relation("type changed", is_open=is_open)

    def place(self, x: Any, y: Any) -> Place | None:
        """Return where a pair of containers was compared; None if there was no need to."""
        if self.root is None or x is NOTHING or y is NOTHING:
            return None
        if type(x) in SINGLE or type(y) in SINGLE:
            return None
        at_x, at_y = self.left.ordinal(x), self.right.ordinal(y)
        found = self._first_a[at_x]
        if found is not None and found is self._first_b[at_y]:
            return found
        return self._others.get(at_x * self.right.count + at_y)

    def _single_relation(self, x: Any, y: Any) -> Relation:
        left, right = self.left, self.right
        if type(x) is type(y) and left.number(x) == right.number(y):
            return Relation("")
        text_x, text_y = text_like(x, left.python2), text_like(y, right.python2)
        if text_x is not None and text_y is not None:
            if text_x == text_y:
                return Relation("type changed", is_slight=True)
            return Relation("changed")
        if type(x) is type(y) is bytes and x == y:
            return Relation("type changed", is_slight=True)
        if left.label(x) != right.label(y):
            return Relation("type changed")
        source = None if type(x) is type(y) else single_text(x, left.python2)
        return Relation("changed", source is not None and source == single_text(y, right.python2))

    def _go(self) -> None:
        x, y = self.a.root, self.b.root
        # The place where each value was first met; for one without a number, nothing.
        self._first_a: list[Place | None] = [None] * self.left.count
        self._first_b: list[Place | None] = [None] * self.right.count
        spare = _REPEATED_WORK * (self.left.size + self.right.size)
        self._spare = max(spare, _LEAST_REPEATED_WORK)
        self.root = self._placed(None, None)
        if type(x) not in SINGLE and type(y) not in SINGLE:
            self._first_a[self.left.ordinal(x)] = self.root
            self._first_b[self.right.ordinal(y)] = self.root
        self._open(self.root, x, y)
        while self._stack or self._put_off:
            if not self._stack:
                place, pair = self._put_off.popleft()
                self._compare(place, pair, is_last=True)
                continue
            place, following = self._stack.pop()
            if isinstance(following, Pair):
                self._meet(place, following)
                continue
            pair_or_end = next(following, None)
            if pair_or_end is not None:
                self._stack.append((place, following))
                self._meet(place, pair_or_end)
        for place in reversed(self._places):
            if place.before is not None:
                place.before.changes += place.changes

    def _meet(self, parent: Place, pair: Pair) -> None:
        x, y = pair.a, pair.b
        if x is NOTHING:
            self._report("added", parent, pair)
        elif y is NOTHING:
            self._report("removed", parent, pair)
        else:
            if pair.is_moved:
                self._report("moved", parent, pair)
            if type(x) in SINGLE or type(y) in SINGLE:
                found = self._single_relation(x, y)
                if found.status:
                    self._report(found.status, parent, pair, is_slight=found.is_slight)
            else:
                self._compare(parent, pair)

    def _compare(self, parent: Place, pair: Pair, *, is_last: bool = False) -> None:
        """Compare two containers, unless that was done or there is nothing to be found."""
        left, right = self.left, self.right
        x, y = pair.a, pair.b
        is_equal = left.number(x) == right.number(y)
        if is_equal and not left.is_tangled(x) and not right.is_tangled(y):
            return
        at_x, at_y = left.ordinal(x), right.ordinal(y)
        first_x, first_y = self._first_a[at_x], self._first_b[at_y]
        if first_x is None and first_y is None:
            if not (is_equal or is_last) and left.is_shared(x) and right.is_shared(y):
                # They may be two that come to stand in each other's place here, while each
                # has its like elsewhere: that is to be found first.
                self._put_off.append((parent, pair))
                return
            place = self._first_a[at_x] = self._first_b[at_y] = self._placed(parent, pair)
            self._open(place, x, y)
            return
        key = at_x * right.count + at_y
        if first_x is first_y or key in self._others:
            return
        place = self._others[key] = self._placed(parent, pair)
        matters = has_identity(x, left.python2) and has_identity(y, right.python2)
        if matters:
            self._report_sharing(place, first_x, first_y)
        if first_x is None:
            self._first_a[at_x] = place
        elif first_y is None:
            self._first_b[at_y] = place
        elif matters:
            return  # what they hold was compared with what stands elsewhere
        self._spare -= _size(x, left) + _size(y, right)
        if self._spare >= 0:
            self._open(place, x, y)
        elif not is_equal:
            place.status = place.status or "changed"
            self._report("changed", parent, pair)

    def _open(self, place: Place, x: Any, y: Any) -> None:
        found = self.relation(x, y)
        if found.status:
            place.status = place.status or found.status
            place.is_slight = found.is_slight
            self._report(found.status, place.before, place.pair, is_slight=found.is_slight)
        if found.is_open:
            place.is_open = True
            pairs = aligned(x, y, self.left, self.right)
            beginning = list(islice(pairs, _FEW))
            if len(beginning) < _FEW:
                # A chain of small values leaves nothing behind on the stack, however long.
                self._stack.extend((place, pair) for pair in reversed(beginning))
            else:
                self._stack.append((place, chain(beginning, pairs)))

    def _placed(self, before: Place | None, pair: Pair | None) -> Place:
        place = Place(before, pair)
        self._places.append(place)
        return place

    def _report_sharing(self, place: Place, first_x: Place | None, first_y: Place | None) -> None:
        assert place.pair is not None
        place.status = "sharing changed"
        x, y = place.pair.a, place.pair.b
        twin_a = None if first_x is None else self._side(x, first_x.before, first_x.pair, True)
        twin_b = None if first_y is None else self._side(y, first_y.before, first_y.pair, False)
        self._report("sharing changed", place.before, place.pair, twins=(twin_a, twin_b))

    def _report(
        self,
        kind: ChangeKind,
        before: Place | None,
        pair: Pair | None,
        *,
        is_slight: bool = False,
        twins: tuple[Side | None, Side | None] = (None, None),
    ) -> None:
        if is_slight:
            self._slight_count += 1
        else:
            self._counts[kind] += 1
            if before is not None:
                before.changes += 1
        kept = self._slight if is_slight else self._changes
        if len(kept) < self._limit:
            x = self.a.root if pair is None else pair.a
            y = self.b.root if pair is None else pair.b
            side_a = None if x is NOTHING else self._side(x, before, pair, True)
            side_b = None if y is NOTHING else self._side(y, before, pair, False)
            kept.append(Change(kind, side_a, side_b, is_slight, *twins))

    def _side(self, value: Any, before: Place | None, pair: Pair | None, is_left: bool) -> Side:
        python2 = self.a.python2 if is_left else self.b.python2
        return Side(value, before, pair, is_left, python2)


def _size(value: Any, digests: Digests) -> int:
    return 1 + sum(len(group.values) for group in groups(value, digests.python2))
