"""The pickle machine without its values: for what follows a pickle opcode by opcode.

`Trace` keeps the stack, the marks and the memo as an unpickler does; what stands for a
value is for its subclasses to say. Nothing is built, hashed or copied that the pickle
describes, so that a trace gets through pickles that would bring a decoder down, and its
cost is bounded by the number of opcodes.
"""

from __future__ import annotations

import pickletools
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from persistence.errors import DecodeError
from persistence.pickles.opcodes import UNKNOWN, Place, constant, scan

__all__ = ["CHANGES", "TO_MARK", "Trace"]

Value = TypeVar("Value")


class Trace(ABC, Generic[Value]):
    """Follows one pickle.

    Args:
        data: The pickle; it may be damaged.

    Attributes:
        mark_offset: Where the MARK is that the last opcode took all values from.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.mark_offset = 0
        self._stack: list[Value] = []
        self._marks: list[int] = []  # heights of the stack
        self._mark_offsets: list[int] = []
        self._memo: dict[int, Value] = {}

    # What subclasses say.

    @abstractmethod
    def pushed(self, place: Place) -> Value:
        """Return what stands for a value that an opcode makes of its argument alone."""

    @abstractmethod
    def made(self, place: Place, operands: list[Value]) -> Value:
        """Return what stands for a value that an opcode makes of others.

        Args:
            place: Where the opcode is.
            operands: What it takes from the stack, the lowest first.
        """

    @abstractmethod
    def changed(self, place: Place, target: Value, operands: list[Value]) -> None:
        """Take note that an opcode changes a value: one of `CHANGES`."""

    def fetched(self, place: Place, value: Value) -> Value:
        """Return what stands for a value that is taken once more: GET, DUP."""
        return value

    def stored(self, place: Place, value: Value) -> None:
        """Take note that the top of the stack was put into the memo."""

    # The machine.

    def run(self) -> Value:
        """Follow the pickle up to STOP, and return what it leaves on the stack.

        Raises:
            DecodeError: It is damaged; all up to there has been followed.
        """
        stack, operands_of = self._stack, _OPERANDS
        for place in scan(self.data):
            code = place.code
            count = operands_of[code]
            if count == 0:
                stack.append(self.pushed(place))
            elif count > 0:
                stack.append(self.made(place, self._take(count, place)))
            elif count == _TO_MARK:
                stack.append(self.made(place, self._take_to_mark(place)))
            elif code in CHANGES:
                operands = (
                    self._take_to_mark(place)
                    if code in _CHANGES_TO_MARK
                    else self._take(2 if code == _SETITEM else 1, place)
                )
                self.changed(place, self._top(place), operands)
            elif code == _STOP:
                return self._take(1, place)[0]
            else:
                self._handle(place)
        raise DecodeError("it ends before it is complete", len(self.data))

    def _handle(self, place: Place) -> None:
        code, stack = place.code, self._stack
        if code == _MEMOIZE:
            self._memo[len(self._memo)] = top = self._top(place)
            self.stored(place, top)
        elif code in _PUTS:
            self._memo[self._index(place)] = top = self._top(place)
            self.stored(place, top)
        elif code in _GETS:
            index = self._index(place)
            if index not in self._memo:
                raise DecodeError(f"it gets memo {index}, which was not put", place.offset)
            stack.append(self.fetched(place, self._memo[index]))
        elif code == _MARK:
            self._marks.append(len(stack))
            self._mark_offsets.append(place.offset)
        elif code == _POP:
            if self._marks and self._marks[-1] == len(stack):
                self._marks.pop()
                self._mark_offsets.pop()
            else:
                self._take(1, place)
        elif code == _POP_MARK:
            self._take_to_mark(place)
        elif code == _DUP:
            stack.append(self.fetched(place, self._top(place)))

    def _index(self, place: Place) -> int:
        argument = self.data[place.start : place.end]
        if place.code not in _TEXT_INDEX:
            return int.from_bytes(argument, "little")
        value = constant(self.data, place._replace(code=_INT))
        if value is UNKNOWN or value < 0:
            raise DecodeError("it has a memo index that is no number", place.offset)
        return int(value)

    def _top(self, place: Place) -> Value:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise DecodeError("it takes a value where there is none", place.offset)
        return self._stack[-1]

    def _take(self, count: int, place: Place) -> list[Value]:
        stack = self._stack
        first = len(stack) - count
        if first < (self._marks[-1] if self._marks else 0):
            raise DecodeError("it takes a value where there is none", place.offset)
        taken = stack[first:]
        del stack[first:]
        return taken

    def _take_to_mark(self, place: Place) -> list[Value]:
        if not self._marks:
            raise DecodeError(
                "it takes all values from a mark on where there is none", place.offset
            )
        first = self._marks.pop()
        self.mark_offset = self._mark_offsets.pop()
        taken = self._stack[first:]
        del self._stack[first:]
        return taken


_MARK, _POP, _POP_MARK, _DUP, _STOP = b"(012."
_MEMOIZE, _SETITEM, _INT = 0x94, ord("s"), ord("I")
_PUTS, _GETS = frozenset(b"pqr"), frozenset(b"ghj")
_TEXT_INDEX = frozenset(b"pg")

CHANGES = frozenset(b"baesu\x90")
"""BUILD, APPEND, APPENDS, SETITEM, SETITEMS and ADDITEMS: they change the value below."""

_CHANGES_TO_MARK = frozenset(b"eu\x90")
TO_MARK = frozenset(
    ord(info.code) for info in pickletools.opcodes if pickletools.markobject in info.stack_before
)
"""Opcodes that take all values from a mark on."""

_MACHINE = frozenset(b"(012.\x94pqrghj\x80\x95")  # the machine's own, PROTO and FRAME

# Opcode → how many values it takes and makes one of; the machine's own take part in nothing.
_TO_MARK, _OWN = -1, -2


def _operands(info: pickletools.OpcodeInfo) -> int:
    code = ord(info.code)
    if code in CHANGES or code in _MACHINE:
        return _OWN
    return _TO_MARK if pickletools.markobject in info.stack_before else len(info.stack_before)


_KNOWN = {ord(info.code): _operands(info) for info in pickletools.opcodes}
_OPERANDS = [_KNOWN.get(code, _OWN) for code in range(256)]
