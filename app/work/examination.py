"""One pickle as a program: its opcodes, and what it would run. Lives in the inspector process."""

from __future__ import annotations

from functools import cached_property

from app.work.records import OpcodeRange
from persistence.pickles import Pickle
from persistence.pickles.opcodes import Opcode, Opcodes
from persistence.pickles.safety import Safety, examine
from persistence.pickles.spans import Spans

__all__ = ["Examination"]


class Examination:
    """The opcodes of a pickle, which may be damaged, and what is told from them."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def safety(self) -> Safety:
        """Return what loading the pickle would run."""
        return examine(self._data)

    def opcode_count(self) -> int:
        """Return how many opcodes there are."""
        return len(self._opcodes)

    def opcodes(self, first: int, count: int) -> list[Opcode]:
        """Return some opcodes, fewer at the end."""
        return self._opcodes.rows(first, count)

    def opcodes_of(self, pickle: Pickle, address: str) -> OpcodeRange:
        """Return which opcodes a value is made of."""
        span = self._spans_of(pickle).locate(address)
        start, made_start = self._opcodes.row_at(span.start), self._opcodes.row_at(span.made_start)
        end, made_end = self._opcodes.row_at(span.end - 1), self._opcodes.row_at(span.made_end - 1)
        return OpcodeRange(start, end, made_start, made_end)

    def opcode_at(self, offset: int) -> int:
        """Return the number of the opcode that a byte belongs to."""
        return self._opcodes.row_at(offset)

    def value_at(self, pickle: Pickle, offset: int) -> str:
        """Return the address of the value that a byte belongs to."""
        return self._spans_of(pickle).path_at(offset)

    @cached_property
    def _opcodes(self) -> Opcodes:
        return Opcodes(self._data)

    def _spans_of(self, pickle: Pickle) -> Spans:
        if self._spans is None:
            self._spans = Spans(pickle)
        return self._spans

    _spans: Spans | None = None
