"""The shell of a pickled object: what its class makes before any state is set.

Objects that refer to each other in a circle cannot be unpickled one after the other. Their
pickles are cut where the object at the bottom of the stack has just been made: the opening
makes the bare object, and the rest fills it when what it refers to is there.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass

from persistence.errors import DecodeError
from persistence.pickles.opcodes import scan

__all__ = ["SHELL", "ShellSplit", "split_at_shell"]

SHELL = "\0jobshelf shell"
"""The persistent ID that stands for the shell in the rest of a pickle."""


@dataclass(frozen=True, slots=True)
class ShellSplit:
    """A pickle cut where its root object has been made and has no state yet.

    Attributes:
        making: A pickle of the bare root object.
        filling: The whole pickle, in which the root object is the persistent ID `SHELL`.
    """

    making: bytes
    filling: bytes


_MAKING = {
    "NEWOBJ": b"00",
    "NEWOBJ_EX": b"000",
    "REDUCE": b"00",
    "OBJ": b"1",
    "INST": b"1",
    "EMPTY_LIST": b"",
    "EMPTY_DICT": b"",
    "EMPTY_SET": b"",
}
"""Opcodes that make an object → opcodes that drop what they would have taken instead."""

_REFERENCE = b"X" + len(SHELL).to_bytes(4, "little") + SHELL.encode() + b"Q"


def split_at_shell(data: bytes) -> ShellSplit:
    """Find where the object at the bottom of the stack is made, and cut there.

    FRAME opcodes are left out: they only say how much to read ahead.

    Raises:
        DecodeError: No object is ever alone on the stack.
    """
    opening: list[bytes] = []
    depths: list[int] = []  # the stack depth at each open MARK
    depth = 0
    for place in scan(data):
        opcode = _INFO[place.code]
        source = b"" if opcode.name == "FRAME" else data[place.offset : place.end]
        depth = _depth_after(opcode, depth, depths)
        if depth == 1 and opcode.name in _MAKING:
            head, rest = b"".join(opening), data[place.end :]
            return ShellSplit(
                making=head + source + b".",
                filling=head + _MAKING[opcode.name] + _REFERENCE + rest,
            )
        opening.append(source)
    raise DecodeError("it makes no object")


def _depth_after(opcode: pickletools.OpcodeInfo, depth: int, depths: list[int]) -> int:
    if opcode.name == "MARK":
        depths.append(depth)
        return depth
    before, after = opcode.stack_before, opcode.stack_after
    if pickletools.markobject in before:
        depth = depths.pop() if depths else 0
        depth -= before.index(pickletools.markobject)
    else:
        depth -= len(before)
    return depth + len(after)


_INFO = {ord(info.code): info for info in pickletools.opcodes}
