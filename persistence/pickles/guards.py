"""What a pickle may not ask for: checked before it is decoded, without building anything.

A few bytes can make the C unpickler, whatever classes it is given, take gigabytes, minutes
or the whole process. `check` walks over the opcodes and refuses a pickle that would

- put into the memo at a huge index: the memo is an array, allocated up to twice the index;
- claim texts or bytes that are longer than the pickle: they are allocated before being read;
- use tuples nested deeper than the C stack allows as dictionary keys: hashing them recurses;
- use tuples as keys that hold the same tuples over and over: hashing does not notice that
  they are shared, and visits 2^60 of them if they double 60 times;
- use many keys that were computed to have one and the same hash;
- write an integer as a long decimal text, which takes quadratic time to read;
- use an extension code, which stands for a class only in the process that registered it.

`walk` goes over the pickle for it.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from itertools import islice

from persistence.pickles.key_costs import Keys
from persistence.pickles.limits import DEFAULT, Limits
from persistence.pickles.walk import Walk

__all__ = ["Seen", "check"]

_FIRST_OPCODES = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """What was met on the way.

    Attributes:
        protocol: The protocol that is declared; else 1 if it has binary opcodes, or 0.
        python2: Whether there are byte strings of Python 2, and no bytes of Python 3.
        is_mixed: Whether there are both.
        has_instances: Whether there are instances made as Python 2 makes them.
    """

    protocol: int
    python2: bool
    is_mixed: bool = False
    has_instances: bool = False

    @property
    def is_intricate(self) -> bool:
        """Whether only `machine` keeps apart all that is in it."""
        return self.is_mixed or self.has_instances


def check(data: bytes, limits: Limits = DEFAULT) -> Seen:
    """Refuse a pickle that asks for more than the limits allow.

    Raises:
        DecodeError: It does, or it is cut short, or it is no pickle.
    """
    walk = Walk(data, limits, Keys(len(data), limits))
    walk.run()
    if walk.keys.count > limits.key_collisions:
        # Enough costly keys to collide: once more, now with their values.
        Walk(data, limits, Keys(len(data), limits, with_values=True)).run()
    protocol = walk.protocol
    if protocol is None:
        protocol = int(walk.is_binary or _begins_binary(data))
    is_mixed = walk.has_byte_strings and walk.has_bytes
    return Seen(
        protocol,
        python2=walk.has_byte_strings and not walk.has_bytes,
        is_mixed=is_mixed,
        has_instances=walk.has_instances,
    )


def _begins_binary(data: bytes) -> bool:
    """Whether one of the first opcodes is not of protocol 0."""
    try:
        opcodes = list(islice(pickletools.genops(data), _FIRST_OPCODES))
    except ValueError:
        return False  # it is damaged, as the unpickler will say
    return any(opcode.proto for opcode, _, _ in opcodes)
