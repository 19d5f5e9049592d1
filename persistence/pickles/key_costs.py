"""What a pickle's dictionary keys and set items cost to hash, told without hashing them.

Hashing a tuple hashes all that is in it, each time, and by recursion: tuples nested in each
other cost C stack, tuples that hold the same ones over and over cost time, and keys that were
made to have one and the same hash cost time that grows with the square.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import Any, NamedTuple

from persistence.errors import DecodeError
from persistence.pickles.limits import Limits

__all__ = ["Key", "Keys", "combined"]


class Key(NamedTuple):
    """What a value costs as a dictionary key.

    Attributes:
        depth: How deep tuples and frozen sets are nested in it.
        weight: How many values hashing and comparing it visits.
        value: The value, with None in place of texts and objects; kept when needed only.
    """

    depth: int
    weight: int
    value: Any = None


class Keys:
    """Judges the keys of all dictionaries and sets of one pickle."""

    def __init__(self, size: int, limits: Limits, *, with_values: bool = False) -> None:
        self.count = 0
        self.with_values = with_values
        self._limits = limits
        self.work = 0
        self._most_work = limits.key_work * (100_000 + size)
        self._same_hash: dict[int, set[bytes]] = {}

    def use(self, keys: Iterable[Key | None], offset: int) -> None:
        """Take the keys that the opcode at an offset inserts."""
        deepest = self._limits.key_depth
        for key in keys:
            if key is None:
                continue
            self.count += 1
            self.work += key.weight
            if key.depth > deepest:
                raise DecodeError(
                    "it has a dictionary key with too many levels",
                    offset,
                    limit=deepest,
                    actual=key.depth,
                )
            if self.work > self._most_work:
                raise DecodeError(
                    "its dictionary keys hold the same values too many times",
                    offset,
                    limit=self._most_work,
                    actual=self.work,
                )
            if self.with_values:
                self._collide(key.value, offset)

    def _collide(self, value: Any, offset: int) -> None:
        # Their bytes in a set, instead of themselves, have hashes that cannot be foreseen.
        values = self._same_hash.setdefault(hash(value), set())
        values.add(marshal.dumps(value, 2))
        if len(values) > self._limits.key_collisions:
            raise DecodeError(
                "its dictionary keys were made to collide",
                offset,
                limit=self._limits.key_collisions,
                actual=len(values),
            )


def combined(items: list[Key | None], keys: Keys) -> Key:
    """Return what a tuple or frozen set of these items costs."""
    count = len(items)
    if items.count(None) == count and count < len(_LEAVES) and not keys.with_values:
        return _LEAVES[count]
    depth = 0
    weight = 1
    for item in items:
        if item is None:
            weight += 1
        else:
            weight += item.weight
            depth = max(depth, item.depth)
    value = None
    if keys.with_values:
        value = tuple([None if item is None else item.value for item in items])
    return Key(depth + 1, weight, value)


_LEAVES = tuple(Key(1, count + 1) for count in range(16))
