"""Pickles to graphs of nodes, at the speed of `pickle.loads`, running and importing nothing.

The C unpickler does the work. It asks `find_class` for every class and function by name and
gets a `Global`, which only records what is done with it; it asks `persistent_load` for every
persistent ID and gets a `Reference`. What could still hurt (memory and time that a few bytes
can ask for) is refused beforehand: nearly all pickles are seen at a glance to be harmless
(`tame`), `guards` decides on the others.

Where the C unpickler gives up, `machine` goes over the pickle again, opcode by opcode: it
finds the byte at fault, and it gets through pickles that the C unpickler cannot do with
symbols, such as an instance of a class that was itself made by a call. It also takes those
of which the C unpickler would not tell all that is needed to write them again.
"""

from __future__ import annotations

import functools
import gc
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from persistence.errors import DecodeError
from persistence.pickles.guards import Seen, check
from persistence.pickles.limits import DEFAULT, Limits
from persistence.pickles.machine import Machine
from persistence.pickles.nodes import Global, MissingBuffer, Reference
from persistence.pickles.tame import recognise

__all__ = ["Pickle", "decode", "decode_names"]

_KEPT_GLOBALS = 4_096
_SMALL = 20_000  # bytes: too few for many classes, or for garbage collection to matter
_FROZEN_BY_PROGRAM = 1_000  # objects; Python 3.12 itself freezes some 400 at its start


@dataclass(frozen=True, slots=True)
class Pickle:
    """A decoded pickle.

    Attributes:
        root: The value that was pickled.
        protocol: The pickle protocol (0–5) it is written in.
        size: Length of the pickle in bytes.
        references: The persistent IDs in it, in order of appearance.
        python2: Whether its `bytes` are texts that Python 2 wrote as byte strings.
        data: The bytes that were decoded.
    """

    root: Any = field(repr=False)  # it may be deeper than repr can go
    protocol: int
    size: int
    references: tuple[Reference, ...] = field(default=(), repr=False)
    python2: bool = False
    data: bytes = field(default=b"", repr=False)


def decode(data: bytes, limits: Limits = DEFAULT) -> Pickle:
    r"""Return what a pickle holds, without importing or executing anything.

    Args:
        data: The pickle; what follows its STOP opcode is ignored.
        limits: What it may ask for.

    Raises:
        DecodeError: It is damaged, or asks for more than the limits allow.

    >>> decode(b"cos\nsystem\n(S'rm -rf /'\ntR.").root
    <Object os.system>
    """
    if type(data) is not bytes:
        data = bytes(data)
    references: Sequence[Reference]
    tame = recognise(data) if limits is DEFAULT else None
    seen = tame or check(data, limits)
    if seen.is_intricate:
        root, references = _decode_slowly(data, limits, is_mixed=seen.is_mixed)
        return _pickle(root, seen, data, references)
    try:
        if len(data) > _SMALL:
            root, references = _load_large(data, limits)
        elif tame:
            unpickler = _Unpickler(_Source((None, data)), fix_imports=False, encoding="bytes")
            root, references = unpickler.load(), unpickler.references
        else:
            root, references = _load(data, limits)
    except Exception as error:  # noqa: BLE001 — whatever a damaged pickle makes C code raise
        if tame:
            check(data, limits)  # says exactly what is wrong, where that is its part
        root, references = _decode_slowly(data, limits, error=error)
    return _pickle(root, seen, data, references)


def decode_names(limits: Limits) -> Callable[[str, str], Global]:
    """Return what gives the globals of one pickle by module and name, up to their limit."""
    return _Names(limits).find


def _pickle(root: Any, seen: Seen, data: bytes, references: Sequence[Reference]) -> Pickle:
    # Its own constructor takes 1.5 µs, as it is frozen: as long as decoding 200 bytes.
    made = object.__new__(Pickle)
    _set_root(made, root)
    _set_protocol(made, seen.protocol)
    _set_size(made, len(data))
    _set_references(made, tuple(references))
    _set_python2(made, seen.python2)
    _set_data(made, data)
    return made


_set_root, _set_protocol, _set_size, _set_references, _set_python2, _set_data = (
    getattr(Pickle, each.name).__set__ for each in fields(Pickle)
)


def _load(data: bytes, limits: Limits) -> tuple[Any, Sequence[Reference]]:
    unpickler = _LimitedUnpickler(data, limits)
    return unpickler.load(), unpickler.references


def _load_large(data: bytes, limits: Limits) -> tuple[Any, Sequence[Reference]]:
    """Load with the cyclic garbage collector paused.

    It would go over all that was decoded again and again, for longer than decoding takes. Then
    all is moved to the oldest generation in one step: a look at what is new would otherwise
    take place at the next occasion, and find that a million objects are still in use. What a
    program has frozen (`gc.freeze`) is left so, at the price of that look.
    """
    if not gc.isenabled():
        return _load(data, limits)
    gc.disable()
    try:
        return _load(data, limits)
    finally:
        if gc.get_freeze_count() < _FROZEN_BY_PROGRAM:
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def _decode_slowly(
    data: bytes, limits: Limits, *, is_mixed: bool = False, error: Exception | None = None
) -> tuple[Any, list[Reference]]:
    references: list[Reference] = []
    machine = Machine(data, _Names(limits).find, references)
    try:
        return machine.load(is_mixed=is_mixed), references
    except Exception as fault:
        if isinstance(fault, DecodeError):
            raise
        raise DecodeError(_reason(fault), machine.offset) from error


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, EOFError):
        return "it ends before it is complete"
    return str(error).strip().rstrip(".") or type(error).__name__


class _Source(list[Any]):
    """A file for the unpickler, made of None and a pickle.

    Asked for the first byte, it gives all (`pop(1)`); the unpickler takes what it wants from
    that, as if it read from memory, and does not need to ask again and again for pieces, which
    takes up to three times as long. Asked again, it raises an error: the pickle is cut short.
    """

    __slots__ = ()

    read = list.pop

    def readline(self) -> bytes:
        raise EOFError


@functools.lru_cache(maxsize=_KEPT_GLOBALS)
def _global(module: str, name: str) -> Global:
    """Return the global of a name; they are kept, as making one takes 10 µs and 2 KB."""
    return Global.named(module, name)


class _Unpickler(pickle.Unpickler):
    """The C unpickler, given nodes instead of classes and stored objects."""

    references: list[Reference] | tuple[()] = ()

    find_class = staticmethod(_global)

    def persistent_load(self, pid: Any) -> Reference:
        reference = Reference.to(pid)
        if self.references:
            self.references.append(reference)
        else:
            self.references = [reference]
        return reference


class _LimitedUnpickler(_Unpickler):
    """For pickles that may name too many classes, or miss buffers."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        super().__init__(
            _Source((None, data)),
            fix_imports=False,
            encoding="bytes",
            buffers=iter(MissingBuffer, None),
        )
        self._names = _Names(limits)

    def find_class(self, module: str, name: str) -> Global:  # type: ignore[override]
        return self._names.find(module, name)


class _Names:
    """The globals of one pickle by name, up to a number of them."""

    def __init__(self, limits: Limits) -> None:
        self._known: dict[tuple[str, str], Global] = {}
        self._limit = limits.globals

    def find(self, module: str, name: str) -> Global:
        """Return the global of a name."""
        found = self._known.get((module, name))
        if found is None:
            if len(self._known) >= self._limit:
                raise DecodeError(
                    f"it names more than {self._limit:,} classes and functions",
                    limit=self._limit,
                )
            found = self._known[module, name] = _global(module, name)
        return found
