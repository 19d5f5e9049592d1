"""One pass over the opcodes of a pickle, keeping only what tells what it may cost.

The walk follows the stack and the memo of the pickle machine, but keeps of each value only
what makes it a costly key (`key_costs.Key`), and None for all others: texts and objects hash in
constant time, to values that nobody can foresee. It does not judge whether the pickle is
sound otherwise: where it is not, the unpickler stops at that opcode or before, so the walk
may go on with any state of the stack, or stop. What is refused and why is told by `guards`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from persistence.errors import DecodeError
from persistence.pickles.key_costs import Key, Keys, combined
from persistence.pickles.limits import Limits

__all__ = ["Walk"]

_HIGHEST_PROTOCOL = 5
_SMALL_INTEGER = 7  # bytes; shorter integers all have different hashes
_INDEX_DIGITS = 20


class Walk:
    """One pass over the opcodes of a pickle.

    Attributes:
        keys: What judges the keys.
        protocol: What the PROTO opcode says, or None if there is none.
        is_binary: Whether there are opcodes of protocol 1 and above.
        has_byte_strings: Whether there are opcodes for the `str` of Python 2.
        has_bytes: Whether there are opcodes for `bytes`.
        has_instances: Whether there are opcodes for instances of Python 2.
    """

    def __init__(self, data: bytes, limits: Limits, keys: Keys) -> None:
        self.keys = keys
        self.protocol: int | None = None
        self.is_binary = False
        self.has_byte_strings = False
        self.has_bytes = False
        self.has_instances = False
        self._at = 0
        self._data = data
        self._limits = limits
        self._last_index = max(limits.memo_index, len(data))
        self.stack: list[Key | None] = []
        self._marks: list[int] = []  # heights of the stack
        self.memo: list[Key | None] = []
        self.holes: set[int] = set()  # indices of the memo that were not put

    def run(self, end: int = sys.maxsize) -> int:  # noqa: C901, PLR0912, PLR0915
        """Walk up to the STOP opcode, or to where the unpickler will stop by itself.

        Args:
            end: Stop also before the first MARK that is not before this offset; the next
                call goes on there.

        Returns:
            The offset where it stopped.
        """
        # One loop over locals, the most frequent opcodes first: every decode goes through
        # it, and a function call for each opcode would make it several times slower.
        data, stack, marks, memo, holes = (
            self._data,
            self.stack,
            self._marks,
            self.memo,
            self.holes,
        )
        push, memoize = stack.append, memo.append
        keys = self.keys
        plain = _PLAIN_BUT_INTEGERS if keys.with_values else _PLAIN
        at = self._at
        try:
            while True:
                opcode = data[at]
                size = plain[opcode]
                if size:  # pushes a value that is no costly key
                    push(None)
                    at += size
                elif opcode == 0x8C:  # SHORT_BINUNICODE
                    push(None)
                    at += 2 + data[at + 1]
                    if data[at] == 0x94 and not holes:  # and MEMOIZE, nearly always
                        memoize(None)
                        at += 1
                elif opcode == 0x58:  # BINUNICODE
                    push(None)
                    at = self._counted(at, 4)
                    if data[at] == 0x71 and data[at + 1] == len(memo):  # and BINPUT
                        memoize(None)
                        at += 2
                elif opcode == 0x94 and not holes:  # MEMOIZE
                    memoize(stack[-1])
                    at += 1
                elif opcode == 0x68:  # BINGET
                    push(memo[data[at + 1]])
                    at += 2
                elif opcode == 0x28:  # MARK
                    if at >= end:
                        self._at = at
                        return at
                    marks.append(len(stack))
                    at += 1
                elif 0x85 <= opcode <= 0x87:  # TUPLE1, TUPLE2, TUPLE3
                    first = 0x84 - opcode
                    stack[first:] = (combined(stack[first:], keys),)
                    at += 1
                elif opcode == 0x75:  # SETITEMS
                    mark = marks.pop()
                    used = stack[mark::2]
                    if used.count(None) != len(used):
                        keys.use(used, at)
                    del stack[mark:]
                    at += 1
                elif opcode in (0x62, 0x61):  # BUILD, APPEND
                    stack.pop()
                    at += 1
                elif opcode in _TWO_TO_ONE:
                    stack.pop()
                    stack[-1] = None
                    at += 1
                elif opcode == 0x71:  # BINPUT
                    index = data[at + 1]
                    if index == len(memo):
                        memoize(stack[-1])
                    else:
                        self._put(index, at)
                    at += 2
                elif opcode == 0x73:  # SETITEM
                    if stack[-2] is not None:
                        keys.use(stack[-2:-1], at)
                    del stack[-2:]
                    at += 1
                elif opcode == 0x74:  # TUPLE
                    mark = marks.pop()
                    stack[mark:] = (combined(stack[mark:], keys),)
                    at += 1
                elif opcode == 0x65:  # APPENDS
                    del stack[marks.pop() :]
                    at += 1
                elif opcode == 0x2E:  # STOP
                    return at
                else:
                    at = _RARE[opcode](self, at)
        except IndexError:
            # Beyond the data; else beyond the stack, the marks or the memo.
            if at + 1 >= len(data):
                raise DecodeError("it ends before it is complete", len(data)) from None
            return at
        except KeyError:
            raise DecodeError(f"there is no opcode {data[at]:#04x}", at) from None

    # One method for each less frequent kind of opcode: its offset → that of the next one.

    def _put(self, index: int, at: int) -> None:
        memo = self.memo
        if index > self._last_index:
            raise DecodeError(
                f"it puts a value at memo index {index:,}",
                at,
                limit=self._last_index,
                actual=index,
            )
        if index < len(memo):
            memo[index] = self.stack[-1]
            self.holes.discard(index)
            return
        self.holes.update(range(len(memo), index))
        memo.extend([None] * (index - len(memo)))
        memo.append(self.stack[-1])

    def _memoize(self, at: int) -> int:
        # The index is the number of values put so far, whatever theirs were.
        self._put(len(self.memo) - len(self.holes), at)
        return at + 1

    def _long_put(self, at: int) -> int:
        self.is_binary = True
        self._put(self._number(at, 4), at)
        return at + 5

    def _text_put(self, at: int) -> int:
        index, after = self._text_index(at)
        self._put(index, at)
        return after

    def _long_get(self, at: int) -> int:
        self.stack.append(self.memo[self._number(at, 4)])
        return at + 5

    def _text_get(self, at: int) -> int:
        index, after = self._text_index(at)
        self.stack.append(self.memo[index])
        return after

    def _text_index(self, at: int) -> tuple[int, int]:
        after = self._line(at)
        line = self._data[at + 1 : after - 1]
        if len(line) > _INDEX_DIGITS or not line.isdigit():
            raise DecodeError("it has a memo index that is no number", at)
        return int(line), after

    def _counted(self, at: int, width: int) -> int:
        """Pass over an argument that is preceded by its length in `width` bytes."""
        size = self._number(at, width)
        start = at + 1 + width
        if size > len(self._data) - start:
            raise DecodeError(
                f"it claims {size:,} bytes where {max(len(self._data) - start, 0):,} are left",
                at,
                limit=len(self._data) - start,
                actual=size,
            )
        return start + size

    def _counted1(self, at: int) -> int:
        self.stack.append(None)
        return at + 2 + self._data[at + 1]

    def _counted4(self, at: int) -> int:
        self.stack.append(None)
        self.is_binary = True
        return self._counted(at, 4)

    def _counted8(self, at: int) -> int:
        self.stack.append(None)
        return self._counted(at, 8)

    def _bytes1(self, at: int) -> int:
        self.has_bytes = True
        return self._counted1(at)

    def _bytes4(self, at: int) -> int:
        self.has_bytes = True
        return self._counted4(at)

    def _bytes8(self, at: int) -> int:
        self.has_bytes = True
        return self._counted8(at)

    def _byte_string1(self, at: int) -> int:
        self.is_binary = self.has_byte_strings = True
        return self._counted1(at)

    def _byte_string4(self, at: int) -> int:
        self.has_byte_strings = True
        return self._counted4(at)

    def _byte_string_line(self, at: int) -> int:
        self.has_byte_strings = True
        return self._line_value(at)

    def _line_value(self, at: int) -> int:
        self.stack.append(None)
        return self._line(at)

    def _global(self, at: int) -> int:
        self.stack.append(None)
        return self._line(self._line(at) - 1)

    def _instance(self, at: int) -> int:
        self.has_instances = True
        del self.stack[self._marks.pop() :]
        return self._global(at)

    def _persistent_id(self, at: int) -> int:
        self.stack[-1] = None
        return at + 1

    def _integer1(self, at: int) -> int:
        after = at + 2 + self._data[at + 1]
        self._integer(self._data[at + 2 : after])
        return after

    def _integer4(self, at: int) -> int:
        after = self._counted(at, 4)
        self._integer(self._data[at + 5 : after])
        return after

    def _integer_line(self, at: int) -> int:
        after = self._line(at)
        digits = self._data[at + 1 : after - 1].rstrip(b"L")
        if len(digits) > self._limits.digits:
            raise DecodeError(
                "it has an integer as a text that is too long",
                at,
                limit=self._limits.digits,
                actual=len(digits),
            )
        try:
            value = int(digits, 0 if digits[:1] != b"0" or b"x" in digits else 10)
        except ValueError:
            value = 0  # the unpickler will stop here
        self._integer(value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
        return after

    def _small_integer(self, at: int) -> int:
        after = at + _PLAIN[self._data[at]]
        if self._data[at] == _BININT:
            self._integer(self._data[at + 1 : after])
        else:
            self._integer(self._data[at + 1 : after] + b"\0")
        return after

    def _integer(self, argument: bytes) -> None:
        weight = 1 + len(argument) // 8
        if self.keys.with_values:
            value = int.from_bytes(argument, "little", signed=True)
            self.stack.append(Key(0, weight, value))
        else:
            self.stack.append(Key(0, weight) if len(argument) > _SMALL_INTEGER else None)

    def _pop(self, at: int) -> int:
        if self._marks and self._marks[-1] == len(self.stack):
            self._marks.pop()
        else:
            self.stack.pop()
        return at + 1

    def _pop_mark(self, at: int) -> int:
        del self.stack[self._marks.pop() :]
        return at + 1

    def _duplicate(self, at: int) -> int:
        self.stack.append(self.stack[-1])
        return at + 1

    def _from_mark(self, at: int) -> int:
        self.stack[self._marks.pop() :] = (None,)
        return at + 1

    def _object(self, at: int) -> int:
        self.has_instances = True
        return self._from_mark(at)

    def _dict(self, at: int) -> int:
        self.keys.use(self.stack[self._marks[-1] :: 2], at)
        return self._from_mark(at)

    def _add_items(self, at: int) -> int:
        self.keys.use(self.stack[self._marks[-1] :], at)
        return self._pop_mark(at)

    def _frozen_set(self, at: int) -> int:
        mark = self._marks.pop()
        items = self.stack[mark:]
        self.keys.use(items, at)
        self.stack[mark:] = (combined(items, self.keys),)
        return at + 1

    def _new_with_keywords(self, at: int) -> int:
        del self.stack[-2:]
        self.stack[-1] = None
        return at + 1

    def _nothing(self, at: int) -> int:
        return at + 1

    def _frame(self, at: int) -> int:
        self._counted(at, 8)
        return at + 9

    def _protocol(self, at: int) -> int:
        protocol = self._data[at + 1]
        if protocol > _HIGHEST_PROTOCOL:
            raise DecodeError(f"it is written in an unknown protocol, {protocol},", at)
        if self.protocol is None:
            self.protocol = protocol
        return at + 2

    def _extension(self, at: int) -> int:
        width = {0x82: 1, 0x83: 2, 0x84: 4}[self._data[at]]
        raise DecodeError(
            f"it uses extension code {self._number(at, width)}, which only the program that "
            "wrote it can tell the class of,",
            at,
        )

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._data[at + 1 : at + 1 + width], "little")

    def _line(self, at: int) -> int:
        """Return the offset after the line that follows the byte at an offset."""
        after = self._data.find(b"\n", at + 1) + 1
        if not after:
            raise DecodeError("it ends before it is complete", len(self._data))
        return after


_BININT = ord("J")
_INTEGERS = {_BININT: 5, ord("K"): 2, ord("M"): 3}

# Opcode → its length with its argument, if all it does is push a value that costs nothing
# as a key; 0 for all others.
_PLAIN_SIZES = {
    **dict.fromkeys(b"N\x88\x89])}\x8f\x97", 1),
    ord("G"): 9,
    **_INTEGERS,
}
_PLAIN = bytes(_PLAIN_SIZES.get(opcode, 0) for opcode in range(256))
_PLAIN_BUT_INTEGERS = bytes(0 if opcode in _INTEGERS else _PLAIN[opcode] for opcode in range(256))

_TWO_TO_ONE = frozenset(b"\x81R\x93")  # NEWOBJ, REDUCE, STACK_GLOBAL

_RARE: dict[int, Callable[[Walk, int], int]] = {
    **dict.fromkeys(b"JKM", Walk._small_integer),
    **dict.fromkeys(b"U", Walk._byte_string1),
    **dict.fromkeys(b"\x8d\x96", Walk._counted8),
    **dict.fromkeys(b"T", Walk._byte_string4),
    **dict.fromkeys(b"S", Walk._byte_string_line),
    **dict.fromkeys(b"VFP", Walk._line_value),
    **dict.fromkeys(b"IL", Walk._integer_line),
    **dict.fromkeys(b"\x82\x83\x84", Walk._extension),
    0x80: Walk._protocol,
    0x8A: Walk._integer1,
    0x8B: Walk._integer4,
    0x90: Walk._add_items,
    0x91: Walk._frozen_set,
    0x92: Walk._new_with_keywords,
    0x94: Walk._memoize,
    0x95: Walk._frame,
    0x98: Walk._nothing,
    0x8E: Walk._bytes8,
    ord("0"): Walk._pop,
    ord("1"): Walk._pop_mark,
    ord("2"): Walk._duplicate,
    ord("B"): Walk._bytes4,
    ord("C"): Walk._bytes1,
    ord("Q"): Walk._persistent_id,
    ord("X"): Walk._counted4,
    ord("c"): Walk._global,
    ord("d"): Walk._dict,
    ord("g"): Walk._text_get,
    ord("i"): Walk._instance,
    ord("j"): Walk._long_get,
    ord("l"): Walk._from_mark,
    ord("o"): Walk._object,
    ord("p"): Walk._text_put,
    ord("r"): Walk._long_put,
}
