"""Rows of a SQLite file, read from its pages without SQLite: for files that it refuses to open.

Source: https://www.sqlite.org/fileformat2.html; the sections are named below. Every number
in the file may be wrong here: each is held against the size of the file before it is believed,
and no page is followed twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Cell", "Pages", "Truncated"]

_MAGIC = b"SQLite format 3\0"
_HEADER = 100  # bytes of the database header, at the beginning of page 1 (section 1.3)
_SIZES = tuple(2**power for power in range(9, 17))  # of pages
_USUAL_SIZES = (4096, 1024, 8192, 16384, 32768, 65536, 2048, 512)
_INTERIOR_TABLE, _LEAF_TABLE = 5, 13  # types of pages (section 1.6)
_PAGE_TYPES = frozenset((2, 5, 10, 13))
_PROBED = 16 * 1024 * 1024  # bytes that are looked at to find out how large pages are
_ENCODINGS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}  # section 1.3.13
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type → bytes (section 2.1)
_LARGEST_VARINT = 9
_MOST_COLUMNS = 2_000


class Truncated(Exception):
    """A value that goes on where the file does not."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A row of a table, or what is left of one.

    Attributes:
        rowid: Its number; the column declared INTEGER PRIMARY KEY holds None in its place.
        values: Its columns, in order.
        page: The page it is on; the first is 1.
        is_whole: Whether all of it was there; else the last values are missing or cut short.
    """

    rowid: int
    values: tuple[Any, ...]
    page: int
    is_whole: bool


class Pages:
    """The pages of a SQLite file that is held in memory, or mapped into it.

    Args:
        data: The file.

    Attributes:
        size: Bytes in a page.
        count: Number of pages, the last one maybe cut short.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self.size = self._page_size()
        self.count = -(-len(self._data) // self.size)
        has_header = bytes(self._data[:16]) == _MAGIC
        reserved = self._data[20] if has_header and len(self._data) > 20 else 0
        self._usable = self.size - reserved if self.size - reserved >= 480 else self.size
        code = self._number(56, 4) if has_header and len(self._data) >= _HEADER else 1
        self._encoding = _ENCODINGS.get(code, "utf-8")

    def release(self) -> None:
        """Let go of the file."""
        self._data.release()

    def free(self) -> set[int]:
        """Return the pages that are in no use: what is on them was deleted (section 1.5)."""
        found: set[int] = set()
        if len(self._data) < _HEADER:
            return found
        trunk = self._number(32, 4)
        while 0 < trunk <= self.count and trunk not in found:
            found.add(trunk)
            start = (trunk - 1) * self.size
            if start + 8 > len(self._data):
                break
            length = min(self._number(start + 4, 4), self._usable // 4 - 2)
            for position in range(length):
                at = start + 8 + 4 * position
                if at + 4 > len(self._data):
                    break
                leaf = self._number(at, 4)
                if 0 < leaf <= self.count:
                    found.add(leaf)
            trunk = self._number(start, 4)
        return found

    def leaves(self, root: int) -> tuple[list[int], list[int]]:
        """Return the leaf pages of the table at a root page, in order, and the damaged pages."""
        leaves: list[int] = []
        damaged: list[int] = []
        seen: set[int] = set()
        waiting = [root]
        while waiting:
            page = waiting.pop()
            if page in seen or not 0 < page <= self.count:
                continue
            seen.add(page)
            kind = self.kind(page)
            if kind == _LEAF_TABLE:
                leaves.append(page)
            elif kind == _INTERIOR_TABLE:
                waiting += reversed(self._children(page))
            else:
                damaged.append(page)
        return leaves, damaged

    def kind(self, page: int) -> int | None:
        """Return the type of a page of a b-tree; None for what is none."""
        at = self._header(page)
        return self._data[at] if at < len(self._data) else None

    def table_leaves(self) -> Iterator[int]:
        """Iterate over all pages that say of themselves that they hold rows of a table."""
        return (page for page in range(1, self.count + 1) if self.kind(page) == _LEAF_TABLE)

    def cells(self, page: int) -> Iterator[Cell]:
        """Iterate over the rows on a leaf page of a table; over those that can be read."""
        for start in self._pointers(page, 8):
            try:
                length, at = self._varint(start)
                rowid, at = self._varint(at)
                if not 0 < length <= len(self._data):
                    continue
                payload = self._payload(page, at, length)
                values, is_whole = self._values(payload, length)
            except (Truncated, IndexError, struct.error):
                continue
            if values:
                signed = rowid - 2**64 if rowid >= 2**63 else rowid
                yield Cell(signed, values, page, is_whole)

    # Pages

    def _page_size(self) -> int:
        stated = int.from_bytes(self._data[16:18], "big")
        size = 65536 if stated == 1 else stated
        if bytes(self._data[:16]) == _MAGIC and size in _SIZES:
            return size
        # The header is gone: pages of the right size begin as pages of b-trees do.
        return max(_USUAL_SIZES, key=self._pages_of_size)

    def _pages_of_size(self, size: int) -> int:
        starts = range(size, min(len(self._data), _PROBED), size)
        return sum(self._begins_as_page(start, size) for start in starts)

    def _begins_as_page(self, start: int, size: int) -> bool:
        if start + 8 > len(self._data) or self._data[start] not in _PAGE_TYPES:
            return False
        cells, content = self._number(start + 3, 2), self._number(start + 5, 2) or 65536
        return 8 + 2 * cells <= content <= size

    def _header(self, page: int) -> int:
        """Return the offset of the header of a page."""
        return _HEADER if page == 1 else (page - 1) * self.size

    def _pointers(self, page: int, header: int) -> Iterator[int]:
        """Iterate over the offsets in the file of the cells on a page (section 1.6)."""
        at = self._header(page)
        start, end = (page - 1) * self.size, min(page * self.size, len(self._data))
        if at + header > end:
            return
        count = min(self._number(at + 3, 2), (end - at - header) // 2)
        for position in range(count):
            pointer = start + self._number(at + header + 2 * position, 2)
            if at + header < pointer < end:
                yield pointer

    def _children(self, page: int) -> list[int]:
        at = self._header(page)
        if at + 12 > len(self._data):
            return []
        children = [
            self._number(start, 4)
            for start in self._pointers(page, 12)
            if start + 4 <= len(self._data)
        ]
        return [*children, self._number(at + 8, 4)]

    def _payload(self, page: int, start: int, length: int) -> bytes:
        """Return the payload of a cell, with its overflow pages; less, where one is missing."""
        usable = self._usable
        most = usable - 35
        end = min(page * self.size, len(self._data))
        if length <= most:
            return bytes(self._data[start : min(start + length, end)])
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
        if start + local + 4 > end:
            return bytes(self._data[start:end])
        pieces = [bytes(self._data[start : start + local])]
        missing = length - local
        following = self._number(start + local, 4)
        seen: set[int] = set()
        while missing > 0 and 0 < following <= self.count and following not in seen:
            seen.add(following)
            at = (following - 1) * self.size
            if at + 4 > len(self._data):
                break
            piece = bytes(self._data[at + 4 : at + 4 + min(missing, usable - 4)])
            pieces.append(piece)
            missing -= len(piece)
            if len(piece) < usable - 4 and missing:
                break
            following = self._number(at, 4)
        return b"".join(pieces)

    # Records (section 2.1)

    def _values(self, payload: bytes, length: int) -> tuple[tuple[Any, ...], bool]:
        view = memoryview(payload)
        header, at = _varint(view, 0)
        if not 0 < header <= len(payload):
            raise Truncated
        types: list[int] = []
        while at < header:
            kind, at = _varint(view, at)
            types.append(kind)
            if len(types) > _MOST_COLUMNS:
                raise Truncated
        if at != header or header + sum(map(_width, types)) != length:
            raise Truncated  # no record, whatever it is
        values: list[Any] = []
        for kind in types:
            width = _width(kind)
            piece = payload[at : at + width]
            at += width
            if len(piece) < width and kind < 12:
                break
            values.append(self._value(kind, piece))
        return tuple(values), len(payload) == length

    def _value(self, kind: int, piece: bytes) -> Any:
        if kind == 0:
            return None
        if kind in _INTEGERS:
            return int.from_bytes(piece, "big", signed=True)
        if kind == 7:
            return struct.unpack(">d", piece)[0]
        if kind in (8, 9):
            return kind - 8
        return piece.decode(self._encoding, "replace") if kind % 2 else piece

    # Numbers

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._data[at : at + width], "big")

    def _varint(self, at: int) -> tuple[int, int]:
        return _varint(self._data, at)


def _width(kind: int) -> int:
    """Return how many bytes a value of a serial type takes."""
    if kind in _INTEGERS:
        return _INTEGERS[kind]
    if kind == 7:
        return 8
    return (kind - 12) // 2 if kind >= 12 else 0


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return an integer of 1 to 9 bytes, and where the next thing begins (section 1.6)."""
    value = 0
    for number in range(_LARGEST_VARINT):
        byte = data[at + number]
        if number == _LARGEST_VARINT - 1:
            return (value << 8) | byte, at + _LARGEST_VARINT
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, at + number + 1
    raise AssertionError("unreachable")
