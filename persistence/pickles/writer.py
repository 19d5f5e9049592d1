"""The pickle machine the other way round, in Python: every graph of nodes to opcodes.

It writes what CPython's pickler does, in the same order, and also what that one cannot:
byte strings and instances of Python 2, keys that cannot be hashed, buffers that are absent,
opcodes beyond the protocol that a pickle declares, and graphs of any depth.

An object may be among its own arguments, in something that is filled after it was made: a
`set` of protocol 2, say, is made from a list, and its members may know the set. Then the
members are made first, then the list and the set, and the states of the members are set last:
the call gets its arguments as they were when the pickle was first written.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from persistence.errors import StoreError
from persistence.pickles import spelling
from persistence.pickles.nodes import (
    ByteString,
    Global,
    MissingBuffer,
    Object,
    Reference,
    Result,
    Unhashed,
)
from persistence.pickles.spelling import FIRST_BINARY, FIRST_WITH_FRAMES, FIRST_WITH_LONG

__all__ = ["Writer"]

_BATCH = 1_000  # items between a MARK and its opcode, as CPython has it
_SHORT_TUPLES = (b"\x85", b"\x86", b"\x87")

_Saving = Iterator[Any]
"""The writing of one value under way: gives the values to write next, one by one."""


@dataclass(frozen=True, slots=True)
class _Fill:
    """Asks for what was put into an object or container after it was made."""

    target: Any


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far the writing was when something began.

    Attributes:
        written, memo, opened, deferred: Sizes of these lists and tables.
        fillings: How many objects were being filled.
        depth: How many values were under way.
    """

    written: int
    memo: int
    opened: int
    deferred: int
    fillings: int
    depth: int


class Writer:
    """Writes one graph.

    Args:
        protocol: The pickle protocol, 0–5.
        python2: Whether `bytes` are the `str` of Python 2.
    """

    def __init__(self, protocol: int, *, python2: bool) -> None:
        self._protocol = protocol
        self._python2 = python2
        self._empty_dict = b"}" if protocol >= FIRST_BINARY else b"(d"
        self._written: list[bytes] = []
        self._emit = self._written.append
        self._memo: dict[int, int] = {}
        # Objects and tuples whose contents are being written, by `id`, and since when.
        self._open: dict[int, _Mark] = {}
        self._calls: list[tuple[Any, _Mark]] = []  # the objects among them, outermost first
        self._fillings: list[tuple[Any, _Mark]] = []  # what is being filled
        # What is to be filled when something else has been made: the `id` of that, and it.
        self._deferred: list[tuple[int, Any]] = []
        self._under_way: list[_Saving] = []
        self._kept: list[Any] = []  # what was made here: an `id` is its own while it lives
        self._atoms: dict[type, Callable[[Any], bytes]] = {
            type(None): lambda _: b"N",
            bool: self._boolean,
            int: lambda number: spelling.integer(number, protocol),
            float: lambda number: spelling.float_(number, protocol),
        }
        self._leaves: dict[type, Callable[[Any], bytes]] = {
            str: lambda value: spelling.text(value, protocol),
            bytes: self._byte_string if python2 else spelling.bytes_,
            ByteString: self._byte_string,
            bytearray: spelling.bytearray_,
            MissingBuffer: lambda _: b"\x97",
        }
        self._containers: dict[type, Callable[[Any], _Saving]] = {
            list: self._list,
            tuple: self._tuple,
            dict: self._dict,
            set: self._set,
            frozenset: self._frozenset,
            memoryview: self._memoryview,
            Global: self._global,
            Reference: self._reference,
            Unhashed: self._unhashed,
        }

    def write(self, root: Any) -> bytes:
        """Return the pickle of a graph.

        Raises:
            StoreError: It holds something that no pickle can.
        """
        # Not by recursion: graphs may be deeper than any stack.
        under_way = self._under_way
        under_way.append(iter((root,)))
        while under_way:
            try:
                value = next(under_way[-1])
            except StopIteration:
                under_way.pop()
                if self._fillings and self._fillings[-1][1].depth == len(under_way):
                    self._fillings.pop()
                continue
            kind = type(value)
            atom = self._atoms.get(kind)
            if atom is not None:
                self._emit(atom(value))
                continue
            index = self._memo.get(id(value))
            if index is not None:
                self._emit(spelling.get(index, self._protocol))
                continue
            leaf = self._leaves.get(kind)
            if leaf is not None:
                self._emit(leaf(value))
                self._memoize(value)
            elif kind is _Fill:
                self._fillings.append((value.target, self._mark()))
                under_way.append(self._filling(value.target))
            elif not self._put_off(value):
                under_way.append(self._container(kind, value))
        self._emit(spelling.STOP)
        return spelling.framed(self._protocol, b"".join(self._written))

    def _mark(self) -> _Mark:
        return _Mark(
            len(self._written), len(self._memo), len(self._open), len(self._deferred),
            len(self._fillings), len(self._under_way),
        )  # fmt: skip

    def _put_off(self, value: Any) -> bool:
        """If an object is met among its own arguments, go on without what led to it.

        What led to it is that something was being filled: this is taken back, and done when
        the object has been made. Returns False if nothing was.
        """
        opened = self._open.get(id(value))
        if opened is None or not isinstance(value, Object):
            return False
        led_here = self._filling_since(opened)
        if led_here is None:
            return False
        filled, since = led_here
        while self._calls[-1][1].depth > since.depth:
            self._calls.pop()
        del self._written[since.written :]
        for table, size in ((self._memo, since.memo), (self._open, since.opened)):
            while len(table) > size:
                table.popitem()
        del self._deferred[since.deferred :]
        del self._fillings[since.fillings :]
        del self._under_way[since.depth :]
        self._deferred.append((id(value), filled))
        return True

    def _filling_since(self, opened: _Mark) -> tuple[Any, _Mark] | None:
        """Return what best waits until a call has been made; None if nothing is being filled.

        It is the outermost thing being filled. But a list or dictionary that is the argument
        of a call is filled before that call, which may copy it, if anything else can wait.
        """
        calls = [(obj, mark.fillings) for obj, mark in self._calls if mark.depth >= opened.depth]
        calls.append((opened, len(self._fillings)))
        for (obj, first), (_, last) in pairwise(calls):
            for filling in self._fillings[first:last]:
                if isinstance(filling[0], Object) or not _is_among(filling[0], obj.args):
                    return filling
        first, last = calls[0][1], calls[-1][1]
        return self._fillings[first] if last > first else None

    def _container(self, kind: type, value: Any) -> _Saving:
        save = self._containers.get(kind)
        if save is None:
            if not isinstance(value, Object):
                raise StoreError(
                    f"A value of type {kind.__name__} cannot be written into a pickle.",
                    "Undo the edit that put it there.",
                )
            save = self._object
        return save(value)

    def _memoize(self, value: Any) -> None:
        index = len(self._memo)
        self._memo[id(value)] = index
        self._emit(spelling.put(index, self._protocol))

    def _boolean(self, value: bool) -> bytes:
        if self._protocol < FIRST_WITH_LONG:
            return b"I01\n" if value else b"I00\n"
        return b"\x88" if value else b"\x89"

    def _byte_string(self, value: bytes) -> bytes:
        return spelling.byte_string(value, self._protocol)

    # Containers: each can be met inside of itself from where it is in the memo on.

    def _list(self, value: list[Any]) -> _Saving:
        self._emit(b"]" if self._protocol >= FIRST_BINARY else b"(l")
        self._memoize(value)
        if value:
            yield _Fill(value)

    def _dict(self, value: dict[Any, Any]) -> _Saving:
        self._emit(self._empty_dict)
        self._memoize(value)
        if value:
            yield _Fill(value)

    def _set(self, value: set[Any]) -> _Saving:
        self._emit(b"\x8f")
        self._memoize(value)
        if value:
            yield _Fill(value)

    def _unhashed(self, value: Unhashed) -> _Saving:
        if value.container == "frozenset":
            yield from self._closed(value, value.added, b"\x91")
            return
        self._emit(self._empty_dict if value.container == "dict" else b"\x8f")
        self._memoize(value)
        yield _Fill(value)

    def _frozenset(self, value: frozenset[Any]) -> _Saving:
        yield from self._closed(value, value, b"\x91")

    def _tuple(self, value: tuple[Any, ...]) -> _Saving:
        if not value:
            self._emit(b")" if self._protocol >= FIRST_BINARY else b"(t")
        elif len(value) <= len(_SHORT_TUPLES) and self._protocol >= FIRST_WITH_LONG:
            self._enter(value)
            yield from value
            self._close(value, _SHORT_TUPLES[len(value) - 1], len(value))
        else:
            yield from self._closed(value, value, b"t")

    def _closed(
        self, value: Any, items: Iterable[Any], opcode: bytes
    ) -> Generator[Any, None, bool]:
        """Write something that is made at once from its items; return as `_close` does."""
        self._enter(value)
        self._emit(b"(")
        count = 0
        for item in items:
            count += 1
            yield item
        return self._close(value, opcode, count, with_mark=True)

    def _enter(self, value: Any) -> None:
        """Begin to write what will be in the memo only when its contents are written."""
        opened = self._open.get(id(value))
        if opened is not None and opened.memo == len(self._memo):
            # Met in itself, and nothing between was one that can be filled later.
            raise StoreError(
                "An object that is made from itself cannot be written into a pickle.",
                "Undo the edit that put it there.",
            )
        mark = self._open[id(value)] = self._mark()
        if isinstance(value, Object):
            self._calls.append((value, mark))

    def _close(self, value: Any, opcode: bytes, count: int, *, with_mark: bool = False) -> bool:
        """Make something of the items on the stack, unless it was made among them.

        Returns:
            Whether it was made now.
        """
        if isinstance(value, Object):
            self._calls.pop()
        index = self._memo.get(id(value))
        if index is None:
            self._emit(opcode)
            self._memoize(value)
            return True
        if with_mark and self._protocol >= FIRST_BINARY:
            self._emit(b"1")
        else:
            self._emit(b"0" * (count + with_mark))
        self._emit(spelling.get(index, self._protocol))
        return False

    def _batches(self, items: Iterable[Any], one: bytes | None, many: bytes) -> _Saving:
        """Add items to what is on top of the stack."""
        rest = iter(items)
        if self._protocol < FIRST_BINARY and one is not None:
            for item in rest:
                yield item
                self._emit(one)
            return
        while batch := list(islice(rest, _BATCH)):
            if len(batch) == 1 and one is not None:
                yield batch[0]
                self._emit(one)
            else:
                self._emit(b"(")
                yield from batch
                self._emit(many)

    def _pairs(self, pairs: Iterable[tuple[Any, Any]]) -> _Saving:
        """Set items in what is on top of the stack."""
        rest = iter(pairs)
        size = _BATCH if self._protocol >= FIRST_BINARY else 1
        while batch := list(islice(rest, size)):
            if len(batch) == 1:
                yield from batch[0]
                self._emit(b"s")
            else:
                self._emit(b"(")
                for pair in batch:
                    yield from pair
                self._emit(b"u")

    # What stands for something that is not here.

    def _global(self, value: Global) -> _Saving:
        module, qualname = value.module, value.qualname
        if self._protocol >= FIRST_WITH_FRAMES or not (
            spelling.has_line(module) and spelling.has_line(qualname)
        ):
            # There is no other spelling for some names, whatever protocol is declared.
            yield module
            yield qualname
            self._emit(b"\x93")
        else:
            self._emit(spelling.global_line(module, qualname))
        self._memoize(value)

    def _reference(self, value: Reference) -> _Saving:
        pid = value.pid
        if self._protocol < FIRST_BINARY and type(pid) is str and _is_plain_line(pid):
            self._emit(b"P" + pid.encode("ascii") + b"\n")
        else:
            yield pid
            self._emit(b"Q")
        self._memoize(value)

    def _memoryview(self, value: memoryview) -> _Saving:
        # What was made read-only in the pickle; its object is a buffer or a byte array.
        yield value.obj
        self._emit(b"\x98")
        self._memoize(value)

    def _object(self, value: Object) -> _Saving:
        make: Any = value.callee if isinstance(value, Result) else value.cls
        if value.how == "instance":
            is_made = yield from self._instance(value, make)
        else:
            self._enter(value)
            yield make
            yield value.args
            if value.how == "call":
                is_made = self._close(value, b"R", 2)
            elif not value.kwargs:
                is_made = self._close(value, b"\x81", 2)
            else:
                self._kept.append(dict(value.kwargs))
                yield self._kept[-1]
                is_made = self._close(value, b"\x92", 3)
        if not is_made:
            return
        yield _Fill(value)
        for waited_for, other in [*self._deferred]:
            if waited_for == id(value):
                yield other
                yield _Fill(other)
                self._emit(b"0")

    def _instance(self, value: Object, make: Any) -> Generator[Any, None, bool]:
        if self._protocol < FIRST_BINARY and isinstance(make, Global):
            lines = spelling.global_line(make.module, make.qualname)[1:]
            return (yield from self._closed(value, value.args, b"i" + lines))
        return (yield from self._closed(value, (make, *value.args), b"o"))

    def _filling(self, value: Any) -> _Saving:
        """Do to something what was done to it after it was made."""
        if isinstance(value, list):
            yield from self._batches(value, b"a", b"e")
        elif isinstance(value, dict):
            yield from self._pairs(value.items())
        elif isinstance(value, set):
            yield from self._batches(value, None, b"\x90")
        elif value.order:
            yield from self._ordered_filling(value)
        else:
            yield from self._batches(value.items, b"a", b"e")
            yield from self._pairs(value.pairs)
            yield from self._batches(value.added, None, b"\x90")
            for state in value.states:
                yield state
                self._emit(b"b")

    def _ordered_filling(self, value: Object) -> _Saving:
        items, pairs = iter(value.items), iter(value.pairs)
        added, states = iter(value.added), iter(value.states)
        for step, count in value.order:
            if step == "items":
                yield from self._batches(islice(items, count), b"a", b"e")
            elif step == "pairs":
                yield from self._pairs(islice(pairs, count))
            elif step == "added":
                yield from self._batches(islice(added, count), None, b"\x90")
            else:
                for state in islice(states, count):
                    yield state
                    self._emit(b"b")


def _is_among(value: Any, values: Iterable[Any]) -> bool:
    return any(value is other for other in values)


def _is_plain_line(pid: str) -> bool:
    return pid.isascii() and spelling.has_line(pid)
