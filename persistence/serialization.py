"""Object graphs to pickles and back, with external references between the pickles.

A graph is cut at its `Persistable` objects: each becomes a pickle of its own, in which every
other persistable is a persistent ID (`pickle`'s BINPERSID). Neither way recurses from object
to object, so a chain of any length can be saved and loaded.

Loading builds the objects that an object refers to before the object itself. Where objects
refer to each other in a circle this is impossible: then the *shell* of the object, what its
class makes before any state is set, is built first from the opening opcodes of its pickle,
handed to those that refer to it, and filled when its turn comes by the rest of the pickle.
So identities hold in cycles too, for any object that the class can make without its state.

This module runs the code of the caller's own classes, as pickle does. Nothing that only
looks into a store may use it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from persistence.errors import DecodeError, LoadError, SaveError
from persistence.pickles import decode
from persistence.pickles.shell import SHELL, split_at_shell
from persistence.store import Persistable, Record

__all__ = ["Dumped", "GraphWriter", "identity_of", "is_persistable", "load_graph", "set_identity"]

_ID_ATTRIBUTES = ("persistent_id", "_id")
_GC3PIE_MIXIN = ("gc3libs.persistence.serialization", "Persistable")
_NO_ATTRIBUTES = (type, FunctionType, BuiltinFunctionType, ModuleType)
_MISSING = object()

_persistable_types: dict[type, bool] = {Persistable: True}


def is_persistable(obj: Any) -> bool:
    """Whether an object is saved as a record of its own: ours and GC3Pie's `Persistable`."""
    cls = type(obj)
    known = _persistable_types.get(cls)
    if known is None:
        known = issubclass(cls, Persistable) or any(
            (base.__module__, base.__qualname__) == _GC3PIE_MIXIN for base in cls.__mro__
        )
        _persistable_types[cls] = known
    return known


def identity_of(obj: Any) -> str | int | None:
    """Return the persistent ID that an object carries itself, or None.

    What its class carries is not its own: a class can be saved, too.
    """
    if isinstance(obj, _NO_ATTRIBUTES):
        return None
    own = getattr(obj, "__dict__", None)
    if isinstance(own, dict) and "persistent_id" in own:
        value = own["persistent_id"]
    elif hasattr(type(obj), "persistent_id"):  # a slot or a property
        value = getattr(obj, "persistent_id", None)
    else:
        return None
    return value if isinstance(value, (str, int)) else None


def set_identity(obj: Any, pid: str | int) -> None:
    """Let an object carry its persistent ID as `persistent_id` and `_id`, if it can."""
    if isinstance(obj, _NO_ATTRIBUTES):
        return
    for name in _ID_ATTRIBUTES:
        _set(obj, name, pid)


def _set(obj: Any, name: str, value: Any) -> None:
    try:
        setattr(obj, name, value)
    except (AttributeError, TypeError, ValueError):
        if is_persistable(obj):  # a frozen dataclass still has to know its ID
            object.__setattr__(obj, name, value)


# Graph to pickles


@dataclass(frozen=True, slots=True)
class Dumped:
    """One object of a graph, pickled.

    Attributes:
        id_: Its persistent ID.
        data: Its pickle.
        obj: The object itself.
        is_new: Whether it got its ID now, so that nothing can be stored under it.
    """

    id_: str
    data: bytes
    obj: Any
    is_new: bool


class GraphWriter:
    """Pickles the objects of a graph, each once, and undoes its marks if saving fails.

    Args:
        new_id: Gives a fresh ID for an object.
        pid: The persistent ID as it is written into pickles.
        is_known: Whether the store had this very object before, so that a record that is
            gone now was removed on purpose.
        existing: Which of some IDs are in the store.
        protocol: The pickle protocol to write.
    """

    def __init__(
        self,
        *,
        new_id: Callable[[Any], str],
        pid: Callable[[str], str | int],
        is_known: Callable[[Any], bool],
        existing: Callable[[Sequence[str]], set[str]],
        protocol: int,
    ) -> None:
        self._new_id = new_id
        self._pid = pid
        self._is_known = is_known
        self._existing = existing
        self._protocol = protocol
        self._ids: dict[int, str] = {}  # id(obj) → persistent ID, of objects in _objects
        self._objects: list[Any] = []  # keeps every object alive, so that id() stays its own
        self._fresh: set[int] = set()
        self._queue: list[Any] = []  # what is to be written, in the order of discovery
        self._queued: set[int] = set()
        self._unchanged: list[Any] = []
        self._former: list[tuple[Any, str, Any]] = []  # (object, attribute, former value)

    def add(self, obj: Any, id_: str | None = None) -> str:
        """Take an object to save, under its own ID or a given one; return the ID."""
        if id_ is None:
            id_ = self._ids.get(id(obj))
        if id_ is None:
            own = identity_of(obj)
            id_ = None if own is None else str(own)
        if id_ is None:
            id_ = self._new_id(obj)
            self._fresh.add(id(obj))
        if id(obj) not in self._queued:
            self._queued.add(id(obj))
            self._queue.append(obj)
            self._give(obj, id_)
        return id_

    def dump(self) -> Iterator[Dumped]:
        """Pickle everything that was added and all changed persistables it leads to.

        Raises:
            SaveError: An object cannot be pickled.
        """
        position = 0
        while True:
            while position < len(self._queue):
                obj = self._queue[position]
                position += 1
                id_ = self._ids[id(obj)]
                yield Dumped(id_, self._pickle(obj, id_), obj, id(obj) in self._fresh)
            if not self._unchanged:
                return
            # Unchanged objects that were never in this store came from another one.
            candidates, self._unchanged = self._unchanged, []
            stored = self._existing([self._ids[id(obj)] for obj in candidates])
            for obj in candidates:
                if self._ids[id(obj)] not in stored:
                    self.add(obj)

    def committed(self) -> Iterator[Any]:
        """Mark everything written as unchanged; iterate over those objects."""
        self._former.clear()
        for obj in self._queue:
            if getattr(obj, "changed", None):
                _set(obj, "changed", False)
            yield obj

    def undo(self) -> None:
        """Take back the IDs that were given: nothing was saved."""
        for obj, name, value in reversed(self._former):
            if value is not _MISSING:
                _set(obj, name, value)
            elif name in getattr(obj, "__dict__", ()):
                del obj.__dict__[name]
        self._former.clear()

    def _give(self, obj: Any, id_: str) -> None:
        self._ids[id(obj)] = id_
        self._objects.append(obj)
        own = getattr(obj, "__dict__", {})
        for name in _ID_ATTRIBUTES:
            self._former.append((obj, name, own.get(name, _MISSING)))
        set_identity(obj, self._pid(id_))

    def _refer(self, obj: Any) -> str | int:
        """Return the persistent ID of a child, which is queued if it has to be written."""
        id_ = self._ids.get(id(obj))
        if id_ is None:
            own = identity_of(obj)
            if own is None or getattr(obj, "changed", True):
                id_ = self.add(obj)
            else:
                id_ = str(own)
                self._ids[id(obj)] = id_
                self._objects.append(obj)
                if not self._is_known(obj):
                    self._unchanged.append(obj)
        return self._pid(id_)

    def _pickle(self, obj: Any, id_: str) -> bytes:
        stream = io.BytesIO()
        try:
            _Pickler(stream, self._protocol, obj, self._refer).dump(obj)
        except RecursionError:
            raise SaveError(
                f"Object {id_!r} is nested too deeply to be pickled.",
                "Make its parts Persistable: they are then saved one by one.",
                id_=id_,
            ) from None
        except (pickle.PicklingError, AttributeError, TypeError, ValueError) as error:
            raise SaveError(
                f"Object {id_!r} ({type(obj).__qualname__}) cannot be pickled: {error}.",
                "Nothing was saved.",
                id_=id_,
            ) from error
        return stream.getvalue()


class _Pickler(pickle.Pickler):
    """Writes a persistent ID in place of every persistable but the root."""

    def __init__(
        self, stream: io.BytesIO, protocol: int, root: Any, refer: Callable[[Any], str | int]
    ) -> None:
        super().__init__(stream, protocol)
        self._root = root
        self._refer = refer

    def persistent_id(self, obj: Any) -> str | int | None:
        if not is_persistable(obj) or obj is self._root:
            return None
        return self._refer(obj)


# Pickles to graph


def load_graph(
    ids: Sequence[str],
    read_many: Callable[[Iterable[str]], Iterator[Record]],
    pid: Callable[[str], str | int],
) -> dict[str, Any]:
    """Load objects and all that they refer to, as one graph.

    Args:
        ids: The objects wanted.
        read_many: Reads records; IDs that are not there are left out.
        pid: The persistent ID as objects carry it.

    Returns:
        ID → object, of everything reached; an ID of `ids` that is not stored is missing.

    Raises:
        LoadError: An object cannot be unpickled, or refers to one that is not there.
    """
    pickles, links = _collect(ids, read_many)
    order, in_cycles = _building_order(ids, links)
    loader = _Loader(pickles, pid, in_cycles)
    for id_ in order:
        loader.build(id_)
    return loader.objects


def _collect(
    ids: Iterable[str], read_many: Callable[[Iterable[str]], Iterator[Record]]
) -> tuple[dict[str, bytes], dict[str, list[str]]]:
    """Read every record that can be reached; return pickles and references by ID."""
    pickles: dict[str, bytes] = {}
    links: dict[str, list[str]] = {}
    wanted = list(dict.fromkeys(ids))
    while wanted:
        reached: dict[str, None] = {}
        for record in read_many(wanted):
            pickles[record.id_] = record.data
            links[record.id_] = found = _references(record)
            reached.update(dict.fromkeys(found))
        asked = set(wanted)
        wanted = [id_ for id_ in reached if id_ not in pickles and id_ not in asked]
    return pickles, links


def _references(record: Record) -> list[str]:
    if b"Q" not in record.data and b"P" not in record.data:  # the two opcodes of references
        return []
    try:
        return [reference.id for reference in decode(record.data).references]
    except DecodeError as error:
        raise LoadError(
            f"Object {record.id_!r} cannot be loaded: {error.reason}", error.advice, id_=record.id_
        ) from error


def _building_order(
    roots: Iterable[str], links: dict[str, list[str]]
) -> tuple[list[str], set[str]]:
    """Order objects so that those referred to come first; return those needed before, too.

    A depth-first walk with its own stack: an object still on the stack when it is reached
    again is part of a cycle.
    """
    order: list[str] = []
    in_cycles: set[str] = set()
    state: dict[str, bool] = {}  # False while on the stack, True when done
    for root in roots:
        if root in state or root not in links:
            continue
        state[root] = False
        stack = [(root, iter(links[root]))]
        while stack:
            id_, children = stack[-1]
            for child in children:
                if child not in state:
                    if child in links:
                        state[child] = False
                        stack.append((child, iter(links[child])))
                        break
                elif not state[child]:
                    in_cycles.add(child)
            else:
                state[id_] = True
                order.append(id_)
                stack.pop()
    return order, in_cycles


class _Loader:
    """Unpickles records into one graph, in an order in which that works."""

    def __init__(
        self,
        pickles: dict[str, bytes],
        pid: Callable[[str], str | int],
        in_cycles: set[str],
    ) -> None:
        self._pickles = pickles
        self._pid = pid
        self._in_cycles = in_cycles
        self._shells: dict[str, Any] = {}
        self.objects: dict[str, Any] = {}

    def build(self, id_: str) -> None:
        data = self._pickles[id_]
        if id_ in self._shells:
            shell = self._shells[id_]
            obj = self._unpickle(id_, split_at_shell(data).filling, shell)
            if obj is not shell:
                raise LoadError(
                    f"Object {id_!r} is part of a circle of references and is replaced by "
                    "another object while it is unpickled.",
                    "It cannot be loaded whole; inspect it instead.",
                    id_=id_,
                )
        else:
            obj = self._unpickle(id_, data, None)
        self._settle(obj, id_)
        self.objects[id_] = obj

    def _settle(self, obj: Any, id_: str) -> None:
        """Let a loaded object say what it is: stored under this ID, and unchanged."""
        pid = self._pid(id_)
        if is_persistable(obj):
            if identity_of(obj) != pid:
                set_identity(obj, pid)
            if getattr(obj, "changed", False):
                _set(obj, "changed", False)
        elif identity_of(obj) not in (None, pid):
            set_identity(obj, pid)

    def _unpickle(self, id_: str, data: bytes, shell: Any) -> Any:
        def resolve(value: Any) -> Any:
            if shell is not None and isinstance(value, str) and value == SHELL:
                return shell
            return self._resolve(str(value), id_)

        try:
            return _unpickle(data, resolve)
        except LoadError:
            raise
        except ModuleNotFoundError as error:
            raise LoadError(
                f"Object {id_!r} cannot be loaded: there is no module {error.name!r} here.",
                "Install what wrote it, or look at it with `inspect`, which needs no classes.",
                id_=id_,
            ) from error
        except Exception as error:  # whatever the object's own classes raise
            raise LoadError(
                f"Object {id_!r} cannot be loaded: {type(error).__name__}: {error}.",
                "Look at it with `inspect`, which runs none of its code.",
                id_=id_,
            ) from error

    def _resolve(self, wanted: str, by: str) -> Any:
        obj = self.objects.get(wanted, _MISSING)
        if obj is _MISSING:
            obj = self._shells.get(wanted, _MISSING)
        if obj is not _MISSING:
            return obj
        if wanted not in self._pickles:
            raise LoadError(
                f"Object {by!r} refers to {wanted!r}, which is not in the store.",
                "Look at it with `inspect`, or remove the reference.",
                id_=by,
            )
        if wanted not in self._in_cycles:
            raise LoadError(
                f"Objects {by!r} and {wanted!r} each need the other to be made first.", id_=by
            )
        self._shells[wanted] = shell = self._unpickle(
            wanted, split_at_shell(self._pickles[wanted]).making, None
        )
        return shell


class _Unpickler(pickle.Unpickler):
    """Asks a function for the object that a persistent ID stands for."""

    def __init__(self, data: bytes, encoding: str, resolve: Callable[[Any], Any]) -> None:
        stream: Any = io.BytesIO(data)
        if data[2:3] != pickle.FRAME:
            # Without frames the unpickler asks for each opcode: let it read ahead (2 × faster).
            stream = io.BufferedReader(stream, max(len(data), 1))
        super().__init__(stream, encoding=encoding)
        self._resolve = resolve

    def persistent_load(self, pid: Any) -> Any:
        return self._resolve(pid)


def _unpickle(data: bytes, resolve: Callable[[Any], Any]) -> Any:
    try:
        return _Unpickler(data, "utf-8", resolve).load()
    except UnicodeDecodeError:  # byte strings of Python 2 in an older encoding
        return _Unpickler(data, "latin-1", resolve).load()
