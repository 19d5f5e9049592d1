"""How much a pickle may ask for, in relation to its size, before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that no honest pickle comes near.

    Attributes:
        globals: Distinct classes and functions; each costs about 2 KB of memory.
        memo_index: Largest memo index, or the size of the pickle in bytes if that is more;
            the decoder allocates 16 bytes for each index below it.
        digits: Characters of an integer written as decimal text; reading it takes time
            that grows with the square.
        key_depth: How deep tuples are nested in a dictionary key or set item; each level
            takes some of the C stack when the key is hashed.
        key_work: Values that are hashed for all keys together, shared ones as often as they
            are met, per byte of the pickle; beyond a first `key_work` million.
        key_collisions: Numbers and tuples with one and the same hash that are used as keys;
            inserting them takes time that grows with the square.
    """

    globals: int = 10_000
    memo_index: int = 1_000_000
    digits: int = 4_300
    key_depth: int = 500
    key_work: int = 10
    key_collisions: int = 2_000


DEFAULT = Limits()
