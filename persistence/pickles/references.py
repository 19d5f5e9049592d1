"""Whether a pickle has external references at all, told without walking over its opcodes."""

from __future__ import annotations

__all__ = ["may_refer"]

_BINPERSID = b"Q"
# Before BINPERSID stands what pushed its value: an opcode without argument,
_PUSHES = frozenset(b"\x94\x81\x85\x86\x87\x93Rbto)2")
# or one with an argument of some bytes, counted backwards from the reference.
_WITH_ARGUMENT = ((2, frozenset(b"hqK")), (3, frozenset(b"M")), (5, frozenset(b"jrJ")))
_MOST_LOOKED_AT = 1000  # of the bytes that may be BINPERSID; decoding tells sooner then


def may_refer(data: bytes) -> bool:
    """Whether a pickle looks as if it had references.

    Every pickle that a pickler wrote and that has any looks so. Of others that have, such as
    those that `pickletools.optimize` went over, some do not.

    >>> import pickle
    >>> may_refer(pickle.dumps({"title": "Quality of QR codes"}))
    False
    """
    if data[:1] != b"\x80":  # protocols 0 and 1: a reference may be a line of text, too
        return _BINPERSID in data or b"P" in data
    at = data.find(_BINPERSID, 2)
    looked_at = 0
    while at >= 0:
        if data[at - 1] in _PUSHES or any(
            data[max(at - length, 0)] in opcodes for length, opcodes in _WITH_ARGUMENT
        ):
            return True
        looked_at += 1
        if looked_at > _MOST_LOOKED_AT:
            return True
        at = data.find(_BINPERSID, at + 1)
    return False
