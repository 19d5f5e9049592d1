"""Pickles to graphs of nodes, at the speed of `pickle.loads`, running and importing nothing.

The C unpickler does the work. It asks `find_class` for every class and function by name and
gets a `Global`, which only records what is done with it; it asks `persistent_load` for every
persistent ID and gets a `Reference`. What could still hurt (memory and time that a few bytes
can ask for) is refused beforehand by `guards`.

Where the C unpickler gives up, `machine` goes over the pickle again, opcode by opcode: it
finds the byte at fault, and it gets through pickles that the C unpickler cannot do with
symbols, such as an instance of a class that was itself made by a call. It also takes those
of which the C unpickler would not tell all that is needed to write them again.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, ClassVar

from persistence.errors import DecodeError
from persistence.pickles import guards
from persistence.pickles.limits import DEFAULT, Limits
from persistence.pickles.machine import Machine
from persistence.pickles.nodes import Global, MissingBuffer, Reference

__all__ = ["Pickle", "decode"]

_KEPT_GLOBALS = 4_096
_FIRST_WITH_FRAMES = 4
_FRAME = b"\x95"


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
    data = bytes(data)
    seen = guards.check(data, limits)
    names = _Names(limits)
    references: list[Reference] = []
    if seen.is_intricate:
        root = _decode_slowly(data, names, references, is_mixed=seen.is_mixed)
    else:
        try:
            root = _Unpickler(_framed(data, seen.protocol), names, references).load()
        except Exception as error:  # noqa: BLE001 — whatever a damaged pickle makes C code raise
            references.clear()
            root = _decode_slowly(data, names, references, error=error)
    return Pickle(root, seen.protocol, len(data), tuple(references), seen.python2, data)


def _framed(data: bytes, protocol: int) -> bytes:
    # The unpickler reads a frame at once, and a file without frames in small pieces, which
    # takes three times as long. Frames came with protocol 4, but are taken in any.
    if protocol >= _FIRST_WITH_FRAMES:
        return data
    return _FRAME + len(data).to_bytes(8, "little") + data


def _decode_slowly(
    data: bytes,
    names: _Names,
    references: list[Reference],
    *,
    is_mixed: bool = False,
    error: Exception | None = None,
) -> Any:
    machine = Machine(data, names.find, references)
    try:
        return machine.load(is_mixed=is_mixed)
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


class _Unpickler(pickle.Unpickler):
    """The C unpickler, given nodes instead of classes and stored objects."""

    def __init__(self, data: bytes, names: _Names, references: list[Reference]) -> None:
        super().__init__(
            BytesIO(data), fix_imports=False, encoding="bytes", buffers=iter(MissingBuffer, None)
        )
        self._names = names.known
        self._make = names.make
        self._references = references

    def find_class(self, module: str, name: str) -> Global:
        found = self._names.get((module, name))
        return self._make(module, name) if found is None else found

    def persistent_load(self, pid: Any) -> Reference:
        reference = Reference.to(pid)
        self._references.append(reference)
        return reference


class _Names:
    """The globals by name, shared between decodes: making one takes 10 µs and 2 KB."""

    _shared: ClassVar[dict[tuple[str, str], Global]] = {}

    def __init__(self, limits: Limits) -> None:
        if len(_Names._shared) > _KEPT_GLOBALS:
            # A new table, so that a decode in another thread keeps on finding its own.
            _Names._shared = {}
        self.known = _Names._shared
        self._left = limits.globals
        self._limit = limits.globals

    def make(self, module: str, name: str) -> Global:
        """Make the global of a name that is not known yet."""
        if self._left == 0:
            raise DecodeError(
                f"it names more than {self._limit:,} classes and functions", limit=self._limit
            )
        self._left -= 1
        return self.known.setdefault((module, name), Global.named(module, name))

    def find(self, module: str, name: str) -> Global:
        """Return the global of a name."""
        found = self.known.get((module, name))
        return self.make(module, name) if found is None else found
