"""Which part of one value corresponds to which part of another.

Fields go by name, pairs by key, members by what they are. Items of lists go by content: what
is the same at both ends is put aside, what occurs in both stays together, in order as far as
possible (a longest increasing subsequence, as patience sorting gives it), and what is left
between two such anchors is matched with what it has most in common with. All of it takes time
that grows with the number of parts, or with that times its logarithm.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from persistence.pickles.digests import Digests
from persistence.pickles.structure import SINGLE, Group, Kind, contents, groups

__all__ = ["NOTHING", "Pair", "aligned"]

_KINDS: tuple[Kind, ...] = ("fields", "items", "pairs", "members")
_ORDERED = "collections.OrderedDict"
_LOOKED_AT = 64  # parts of a changed item by which it is recognised
_RARE = 8  # items a part may be in and still tell them from others
_NONE = -1


class _Nothing:
    """What stands where a value has no counterpart."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Any = _Nothing()


class Pair(NamedTuple):
    """A part of one value and the one of the other that corresponds to it.

    Attributes:
        group_a, at_a: Where it is in the first; None and -1 if it is not in it.
        group_b, at_b: Where it is in the second.
        is_moved: Whether it has another name, or another place among its neighbours.
    """

    group_a: Group | None
    at_a: int
    group_b: Group | None
    at_b: int
    is_moved: bool = False

    @property
    def a(self) -> Any:
        return NOTHING if self.group_a is None else self.group_a.values[self.at_a]

    @property
    def b(self) -> Any:
        return NOTHING if self.group_b is None else self.group_b.values[self.at_b]


def aligned(a: Any, b: Any, left: Digests, right: Digests) -> Iterator[Pair]:
    """Iterate over the parts of two values that can be compared, in order.

    Args:
        a: One value; `NOTHING` for it gives the parts of the other.
        b: The other, or `NOTHING`.
        left: The digests of the pickle that `a` is in.
        right: The digests of the pickle that `b` is in.
    """
    in_a = {} if a is NOTHING else {group.kind: group for group in groups(a, left.python2)}
    in_b = {} if b is NOTHING else {group.kind: group for group in groups(b, right.python2)}
    for kind in _KINDS:
        one, other = in_a.get(kind), in_b.get(kind)
        if one is None or other is None:
            if one is not None:
                yield from (Pair(one, i, None, _NONE) for i in range(len(one.values)))
            elif other is not None:
                yield from (Pair(None, _NONE, other, j) for j in range(len(other.values)))
        else:
            yield from _aligned_groups(a, b, one, other, left, right)


def _aligned_groups(
    a: Any, b: Any, one: Group, other: Group, left: Digests, right: Digests
) -> Iterator[Pair]:
    numbers_a = list(map(left.number, one.values))
    numbers_b = list(map(right.number, other.values))
    if one.kind == "items":
        if type(a) is type(b) is tuple and len(numbers_a) == len(numbers_b):
            partners = list(range(len(numbers_a)))  # a tuple is a record
        else:
            partners = _Items(one, other, left, right).partners(numbers_a, numbers_b)
        return _merged(one, other, partners, _kept(partners))
    if one.kind == "members":
        partners = _by_occurrence(numbers_a, numbers_b)
        _pair_alike(one, other, left, right, partners)
        return _merged(one, other, partners, set(range(len(partners))))
    if one.kind == "fields":
        keys_a = [left.field_number(key) for key in one.keys or ()]
        keys_b = [right.field_number(key) for key in other.keys or ()]
    else:
        keys_a = list(map(left.number, one.keys or ()))
        keys_b = list(map(right.number, other.keys or ()))
    partners = _by_occurrence(keys_a, keys_b)
    if one.kind == "pairs" and left.label(a) == right.label(b) == _ORDERED:
        in_place = _kept(partners)
    else:
        in_place = {i for i, j in enumerate(partners) if j != _NONE}
    _add_renamed(partners, numbers_a, numbers_b)
    return _merged(one, other, partners, in_place)


def _merged(one: Group, other: Group, partners: list[int], in_place: set[int]) -> Iterator[Pair]:
    """Give all pairs in the order of the first value, what is new or moved where it is now."""
    # What is in place but in another order (pairs of a dictionary) goes with the first value.
    back = {j: i for i, j in enumerate(partners) if j != _NONE}
    count_b = len(other.values)
    next_b = 0

    def up_to(end: int) -> Iterator[Pair]:
        for j in range(next_b, end):
            i = back.get(j, _NONE)
            if i == _NONE:
                yield Pair(None, _NONE, other, j)
            elif i not in in_place:
                yield Pair(one, i, other, j, True)

    for i, j in enumerate(partners):
        if j == _NONE:
            yield Pair(one, i, None, _NONE)
        elif i in in_place:
            if j >= next_b:
                yield from up_to(j)
                next_b = j + 1
            yield Pair(one, i, other, j)
    yield from up_to(count_b)


def _by_occurrence(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """Match the first of a number with the first, the second with the second, and so on."""
    if a == b:
        return list(range(len(a)))
    places: dict[int, list[int]] = defaultdict(list)
    for j in range(len(b) - 1, -1, -1):
        places[b[j]].append(j)
    partners = []
    for number in a:
        found = places.get(number)
        partners.append(found.pop() if found else _NONE)
    return partners


def _add_renamed(partners: list[int], a: list[int], b: list[int]) -> None:
    """Match what has another name and a content that nothing else on either side has."""
    lost = [i for i, j in enumerate(partners) if j == _NONE]
    matched = set(partners)
    gained = {b[j]: j for j in range(len(b)) if j not in matched}
    if not lost or not gained:
        return
    count_a, count_b = Counter(a), Counter(b)
    for i in lost:
        j = gained.get(a[i], _NONE)
        if j != _NONE and count_a[a[i]] == count_b[a[i]] == 1:
            partners[i] = j


def _kept(partners: list[int]) -> set[int]:
    """Return a largest set of positions whose partners are in order."""
    if all(i == j for i, j in enumerate(partners)):
        return set(range(len(partners)))
    last: list[int] = []  # smallest partner that a sequence of this length can end with
    ends: list[int] = []  # and whose partner that is
    before = [_NONE] * len(partners)
    for i, j in enumerate(partners):
        if j == _NONE:
            continue
        length = len(last) if not last or j > last[-1] else bisect_left(last, j)
        if length == len(last):
            last.append(j)
            ends.append(i)
        else:
            last[length] = j
            ends[length] = i
        before[i] = ends[length - 1] if length else _NONE
    kept: set[int] = set()
    at = ends[-1] if ends else _NONE
    while at != _NONE:
        kept.add(at)
        at = before[at]
    return kept


def _certain(partners: list[int]) -> list[int]:
    """Return the positions that every largest set with partners in order has.

    Which of several largest sets is taken depends on which list comes first; this does not.
    """
    at = [i for i, j in enumerate(partners) if j != _NONE]
    upward = _lengths([partners[i] for i in at])
    downward = _lengths([-partners[i] for i in reversed(at)])[::-1]
    longest = max(upward, default=0)
    ranked = [
        (rank, i)
        for rank, rest, i in zip(upward, downward, at, strict=True)
        if rank + rest == longest + 1
    ]
    rivals = Counter(rank for rank, _ in ranked)
    return [i for rank, i in ranked if rivals[rank] == 1]


def _lengths(numbers: list[int]) -> list[int]:
    """Return how long an increasing subsequence can be that ends with each number."""
    last: list[int] = []
    lengths = []
    for number in numbers:
        at = bisect_left(last, number)
        last[at : at + 1] = [number]
        lengths.append(at + 1)
    return lengths


class _Items:
    """Two lists whose items are to be matched."""

    def __init__(self, one: Group, other: Group, left: Digests, right: Digests) -> None:
        self._one, self._other = one, other
        self._left, self._right = left, right

    def partners(self, a: list[int], b: list[int]) -> list[int]:
        shorter = min(len(a), len(b))
        head = next((i for i in range(shorter) if a[i] != b[i]), shorter)
        most = shorter - head
        tail = next((k for k in range(most) if a[-1 - k] != b[-1 - k]), most)
        end_a, end_b = len(a) - tail, len(b) - tail
        if len(a) == len(b) and end_a - head <= 1:
            return list(range(len(a)))  # nothing or a single item differs
        middle = [
            j if j == _NONE else j + head for j in _by_occurrence(a[head:end_a], b[head:end_b])
        ]
        partners = [*range(head), *middle, *range(end_b, len(b))]
        self._match_between(partners, head, end_a, end_b)
        return partners

    def _match_between(self, partners: list[int], head: int, end_a: int, end_b: int) -> None:
        """Match what is left between anchors that stay in place."""
        anchors = [head - 1, *(i for i in _certain(partners) if head <= i < end_a), end_a]
        matched = set(partners)
        lost = [i for i in range(head, end_a) if partners[i] == _NONE]
        gained = [j for j in range(head, end_b) if j not in matched]
        at_lost = at_gained = 0
        for anchor in anchors[1:]:
            stop_b = end_b if anchor == end_a else partners[anchor]
            first_lost, first_gained = at_lost, at_gained
            while at_lost < len(lost) and lost[at_lost] < anchor:
                at_lost += 1
            while at_gained < len(gained) and gained[at_gained] < stop_b:
                at_gained += 1
            self._match_gap(partners, lost[first_lost:at_lost], gained[first_gained:at_gained])
        _pair_alike(self._one, self._other, self._left, self._right, partners)

    def _match_gap(self, partners: list[int], lost: list[int], gained: list[int]) -> None:
        if not lost or not gained:
            return
        if len(lost) == len(gained) == 1:
            partners[lost[0]] = gained[0]
            return
        for i, j in _most_alike(
            {i: self._one.values[i] for i in lost},
            {j: self._other.values[j] for j in gained},
            self._left,
            self._right,
        ):
            partners[i] = j
        taken = {partners[i] for i in lost}
        lost = [i for i in lost if partners[i] == _NONE]
        gained = [j for j in gained if j not in taken]
        if len(lost) == len(gained):
            for i, j in zip(lost, gained, strict=True):
                partners[i] = j
            return
        waiting: dict[str, list[int]] = defaultdict(list)
        for j in reversed(gained):
            waiting[self._class(self._right, self._other.values[j])].append(j)
        for i in lost:
            found = waiting.get(self._class(self._left, self._one.values[i]))
            if found:
                partners[i] = found.pop()

    def _class(self, digests: Digests, value: Any) -> str:
        return "" if type(value) in SINGLE else digests.label(value)


def _pair_alike(
    one: Group, other: Group, left: Digests, right: Digests, partners: list[int]
) -> None:
    matched = set(partners)
    lost = {i: one.values[i] for i, j in enumerate(partners) if j == _NONE}
    gained = {j: value for j, value in enumerate(other.values) if j not in matched}
    if lost and gained:
        for i, j in _most_alike(lost, gained, left, right, is_half=True):
            partners[i] = j


def _most_alike(
    lost: dict[int, Any],
    gained: dict[int, Any],
    left: Digests,
    right: Digests,
    *,
    is_half: bool = False,
) -> list[tuple[int, int]]:
    """Match values of one class that have most parts in common, which few others have.

    With `is_half`, that must be half of what one of them has, or more.
    """
    holders_a, sizes_a = _holders(lost, left)
    holders_b, sizes_b = _holders(gained, right)
    votes: Counter[tuple[int, int]] = Counter()
    for part, in_a in holders_a.items():
        in_b = holders_b.get(part, ())
        if len(in_a) <= _RARE and len(in_b) <= _RARE:
            votes.update((i, j) for i in in_a for j in in_b)
    # The order does not depend on which of the two comes first.
    order = sorted(votes, key=lambda pair: (-votes[pair], sum(pair), abs(pair[0] - pair[1])))
    found: list[tuple[int, int]] = []
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    for i, j in order:
        if is_half and 2 * votes[i, j] < min(sizes_a[i], sizes_b[j]):
            continue
        if i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            found.append((i, j))
    return found


def _holders(
    values: dict[int, Any], digests: Digests
) -> tuple[dict[tuple[str, int], list[int]], dict[int, int]]:
    """Return which values hold a part, and how many parts each has.

    The first is by class of the holder and number of the part.
    """
    sizes: dict[int, int] = {}
    holders: dict[tuple[str, int], list[int]] = defaultdict(list)
    for position, value in values.items():
        if type(value) in SINGLE:
            continue
        name = digests.label(value)
        inner = islice(contents(groups(value, digests.python2)), _LOOKED_AT)
        numbers = {digests.number(part) for part in inner}
        sizes[position] = len(numbers)
        for number in numbers:
            holders[name, number].append(position)
    return holders, sizes
