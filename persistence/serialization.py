"""Object graphs to pickles and back, with external references between the pickles.

A graph is cut at its `Persistable` objects: each becomes a pickle of its own, in which every
other persistable is a persistent ID (`pickle`'s BINPERSID). Neither way recurses from object
to object, so a chain of any length can be saved and loaded.

Loading builds the objects that an object refers to before the object itself. Where objects
refer to each other in a circle this is impossible: then the *shell* of the object, what its
class makes before any state is set, is built first from the opening opcodes of its pickle,
handed to those that refer to it, and filled when its turn comes by the rest of the pickle.
So identities hold in cycles too, for any object that the class can make without its state. An
object that cannot be filled while others are shells (it hashes them, say) waits until they are.

This module runs the code of the caller's own classes, as pickle does. Nothing that only
looks into a store may use it.
"""

from __future__ import annotations

import io
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from persistence.errors import LoadError, SaveError, StoreError
from persistence.persistable import (
    Marks,
    identity_of,
    is_persistable,
    set_identity,
    set_unchanged,
)
from persistence.pickles.shell import SHELL, split_at_shell
from persistence.plain_objects import digest_of_plain
from persistence.reachable import building_order, collect, likely_references, references_in
from persistence.summary import Digest

__all__ = ["Dumped", "GraphWriter", "load_graph"]

_MISSING = object()
_MOST_NESTED_SHELLS = 50  # far below Python's recursion limit

# Graph to pickles


class Dumped(NamedTuple):
    """One object of a graph, pickled.

    Attributes:
        id_: Its persistent ID.
        data: Its pickle.
        obj: The object itself.
        is_new: Whether it got its ID now, so that nothing can be stored under it.
        digest: What lists show of it, if that was clear without decoding the pickle.
    """

    id_: str
    data: bytes
    obj: Any
    is_new: bool
    digest: Digest | None


class GraphWriter:
    """Pickles the objects of a graph, each once, and undoes its marks if saving fails.

    Args:
        new_id: Gives a fresh ID for an object.
        pid: The persistent ID as it is written into pickles.
        is_known: Whether the store had this very object before, so that a record that is
            gone now was removed on purpose.
        existing: Which of some IDs are in the store.
        protocol: The pickle protocol to write.
        referring: Classes whose last object had references, so that the next one may well
            have some, too; it is kept up to date.
        store: Address of the store, for messages.
    """

    def __init__(
        self,
        *,
        new_id: Callable[[Any], str],
        pid: Callable[[str], str | int],
        is_known: Callable[[Any], bool],
        existing: Callable[[Sequence[str]], set[str]],
        protocol: int,
        referring: set[type],
        store: str,
    ) -> None:
        self._new_id = new_id
        self._pid = pid
        self._is_known = is_known
        self._existing = existing
        self._protocol = protocol
        self._referring = referring
        self._store = store
        self._ids: dict[int, str] = {}  # id(obj) → persistent ID, of objects in _objects
        self._objects: list[Any] = []  # keeps every object alive, so that id() stays its own
        self._fresh: set[int] = set()
        self._queue: list[Any] = []  # what is to be written, in the order of discovery
        self._queued: set[int] = set()
        self._unchanged: list[Any] = []
        self._stream = io.BytesIO()
        self._lone = _LonePickler(self._stream, protocol)
        self._marks = Marks()

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
        key = id(obj)
        if key not in self._queued:
            self._queued.add(key)
            self._queue.append(obj)
            self._ids[key] = id_
            self._objects.append(obj)
            self._marks.give(obj, self._pid(id_))
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
                yield self._dump(obj, id_)
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
        self._marks.forget()
        for obj in self._queue:
            set_unchanged(obj)
            yield obj

    def undo(self) -> None:
        """Take back the IDs that were given: nothing was saved."""
        self._marks.restore()

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

    def _dump(self, obj: Any, id_: str) -> Dumped:
        references: list[str | int] = []
        data = self._pickle(obj, id_, references)
        targets = tuple(map(str, dict.fromkeys(references))) if references else ()
        digest = digest_of_plain(obj, targets, self._protocol)
        return Dumped(id_, data, obj, id(obj) in self._fresh, digest)

    def _pickle(self, obj: Any, id_: str, references: list[str | int]) -> bytes:
        try:
            if type(obj) not in self._referring:
                try:
                    return self._pickle_lone(obj)
                except _ReferenceMetError:
                    self._referring.add(type(obj))
            stream = io.BytesIO()
            _Pickler(stream, self._protocol, obj, self._refer, references).dump(obj)
            if not references:
                self._referring.discard(type(obj))
            return stream.getvalue()
        except RecursionError:
            raise SaveError(
                f"Object {id_!r} is nested too deeply to be pickled into {self._store}.",
                "Make its parts Persistable: they are then saved one by one.",
                id_=id_,
                store=self._store,
            ) from None
        except StoreError:  # the store gives no ID for a child
            raise
        except Exception as error:  # whatever the object's own classes raise
            raise SaveError(
                f"Object {id_!r} ({type(obj).__qualname__}) cannot be saved in {self._store}: "
                f"{_words(error)}.",
                "Nothing was saved: leave out or change what cannot be pickled.",
                id_=id_,
                store=self._store,
            ) from error

    def _pickle_lone(self, obj: Any) -> bytes:
        """Pickle an object that has no references; one pickler serves for all of them."""
        self._stream.seek(0)
        self._stream.truncate()
        self._lone.clear_memo()
        self._lone.root = obj
        self._lone.dump(obj)
        return self._stream.getvalue()


class _ReferenceMetError(Exception):
    """An object refers to a persistable."""


class _LonePickler(pickle.Pickler):
    """Writes an object that refers to no persistable, or stops at the first it refers to.

    The C pickler asks `persistent_id` about every text and number, which takes longer than
    to write them; it asks `reducer_override` about objects of classes only.
    """

    root: Any = None

    def reducer_override(self, obj: Any) -> Any:
        if is_persistable(obj) and obj is not self.root:
            raise _ReferenceMetError
        return NotImplemented


class _Pickler(pickle.Pickler):
    """Writes a persistent ID in place of every persistable but the root."""

    def __init__(
        self,
        stream: io.BytesIO,
        protocol: int,
        root: Any,
        refer: Callable[[Any], str | int],
        references: list[str | int],
    ) -> None:
        super().__init__(stream, protocol)
        self._root = root
        self._refer = refer
        self._references = references

    def persistent_id(self, obj: Any) -> str | int | None:
        if not is_persistable(obj) or obj is self._root:
            return None
        pid = self._refer(obj)
        self._references.append(pid)
        return pid


# Pickles to graph


def load_graph(
    ids: Sequence[str],
    read_many: Callable[[Iterable[str]], Iterator[tuple[str, bytes]]],
    pid: Callable[[str], str | int],
    store: str,
) -> dict[str, Any]:
    """Load objects and all that they refer to, as one graph.

    Args:
        ids: The objects wanted.
        read_many: Reads IDs and pickles; IDs that are not there are left out.
        pid: The persistent ID as objects carry it.
        store: Address of the store, for messages.

    Returns:
        ID → object, of everything reached; an ID of `ids` that is not stored is missing.

    Raises:
        LoadError: An object cannot be unpickled, or refers to one that is not there.
    """
    for find in (likely_references, references_in):
        pickles, links = collect(ids, read_many, find, store)
        loader = _Loader(pickles, links, pid, store)
        try:
            loader.build(building_order(ids, links) if any(links.values()) else list(pickles))
        except _UnforeseenReferenceError:
            continue
        return loader.objects
    raise AssertionError("decoding a pickle tells all its references")


class _UnforeseenReferenceError(Exception):
    """A pickle has a reference that it did not look like having."""


class _Loader:
    """Unpickles records into one graph.

    Args:
        pickles: Everything that can be reached.
        links: What each of it refers to, also what is not there.
        pid: The persistent ID as objects carry it.
        store: Address of the store, for messages.

    Attributes:
        objects: What is whole.
    """

    def __init__(
        self,
        pickles: dict[str, bytes],
        links: dict[str, list[str]],
        pid: Callable[[str], str | int],
        store: str,
    ) -> None:
        self._pickles = pickles
        self._links = links
        self._pid = pid
        self._store = store
        self._shells: dict[str, Any] = {}
        self._making: set[str] = set()
        self.objects: dict[str, Any] = {}

    def build(self, order: list[str]) -> None:
        """Build all objects, in an order in which most find whole what they refer to."""
        while order:
            waiting: list[str] = []
            first: LoadError | None = None
            for id_ in order:
                try:
                    self._build_one(id_)
                except LoadError as error:
                    if not self._may_wait(id_):
                        raise
                    waiting.append(id_)
                    first = first or error
            if first is not None and len(waiting) == len(order):
                raise first
            order = waiting

    def _may_wait(self, id_: str) -> bool:
        """Whether an object that cannot be built refers to others that are not whole yet."""
        return any(
            other != id_ and other not in self.objects and other in self._pickles
            for other in self._links[id_]
        )

    def _build_one(self, id_: str) -> None:
        data = self._pickles[id_]
        obj = None if id_ in self._shells else self._unpickle(id_, data, None)
        if id_ in self._shells:  # maybe since just now: something that was needed needs it
            obj = self._fill(id_, data)
        self._settle(obj, id_)
        self.objects[id_] = obj

    def _fill(self, id_: str, data: bytes) -> Any:
        shell = self._shells[id_]
        length = _length(shell)
        try:
            obj = self._unpickle(id_, split_at_shell(data).filling, shell)
        except LoadError:
            for _ in range(length, _length(shell)):
                shell.pop()  # the next try will append it again
            raise
        if obj is not shell:
            raise LoadError(
                f"Object {id_!r} in {self._store} is part of a circle of references and is "
                "replaced by another object while it is unpickled.",
                "It cannot be loaded whole; inspect it instead.",
                id_=id_,
                store=self._store,
            )
        return obj

    def _settle(self, obj: Any, id_: str) -> None:
        """Let a loaded object say what it is: stored under this ID, and unchanged."""
        pid = self._pid(id_)
        if is_persistable(obj):
            if identity_of(obj) != pid:
                set_identity(obj, pid)
            set_unchanged(obj)
        elif identity_of(obj) not in (None, pid):
            set_identity(obj, pid)

    def _unpickle(self, id_: str, data: bytes, shell: Any) -> Any:
        def resolve(value: Any) -> Any:
            if shell is not None and isinstance(value, str) and value == SHELL:
                return shell
            return self._resolve(str(value), id_)

        try:
            if not self._links[id_]:
                # An unforeseen reference, bytes of Python 2, damage: all is tried again below.
                with suppress(pickle.UnpicklingError, UnicodeDecodeError):
                    return pickle.loads(data, encoding="utf-8")
            return _unpickle(data, resolve)
        except (LoadError, _UnforeseenReferenceError):
            raise
        except ModuleNotFoundError as error:
            raise LoadError(
                f"Object {id_!r} in {self._store} cannot be loaded: there is no module "
                f"{error.name!r} here.",
                "Install what wrote it, or look at it with `inspect`, which needs no classes.",
                id_=id_,
                store=self._store,
            ) from error
        except Exception as error:  # whatever the object's own classes raise
            raise LoadError(
                f"Object {id_!r} in {self._store} cannot be loaded: {_words(error)}.",
                "Look at it with `inspect`, which runs none of its code.",
                id_=id_,
                store=self._store,
            ) from error

    def _resolve(self, wanted: str, by: str) -> Any:
        obj = self.objects.get(wanted, _MISSING)
        if obj is _MISSING:
            obj = self._shells.get(wanted, _MISSING)
        if obj is not _MISSING:
            return obj
        if wanted not in self._links[by]:
            raise _UnforeseenReferenceError
        if wanted not in self._pickles:
            raise LoadError(
                f"Object {by!r} in {self._store} refers to {wanted!r}, which is not there.",
                "Look at it with `inspect`, or remove the reference.",
                id_=by,
                store=self._store,
            )
        if wanted in self._making or len(self._making) >= _MOST_NESTED_SHELLS:
            raise LoadError(
                f"Objects {by!r} and {wanted!r} in {self._store} each need the other to be made "
                "first.",
                "Look at them with `inspect`; to be loaded, one must set the other as its state.",
                id_=by,
                store=self._store,
            )
        self._making.add(wanted)
        try:
            making = split_at_shell(self._pickles[wanted]).making
            self._shells[wanted] = shell = self._unpickle(wanted, making, None)
        finally:
            self._making.remove(wanted)
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


def _length(obj: Any) -> int:
    """Return the length of what is filled by appending; of everything else, 0."""
    if isinstance(obj, list):
        return list.__len__(obj)
    return deque.__len__(obj) if isinstance(obj, deque) else 0


def _words(error: Exception) -> str:
    """Return what an error says, without a mark at its end."""
    return f"{type(error).__name__}: {error}".rstrip(".: ")
