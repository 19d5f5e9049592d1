"""What all of Jobshelf's own stores do alike, on records of bytes.

A subclass reads, lists and changes records; this class turns objects into records and back,
and answers questions about objects from their bytes, running nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

from persistence.errors import ConflictError, DecodeError, ObjectNotFound, ReadOnlyError
from persistence.pickles import Pickle, decode
from persistence.serialization import Dumped, GraphWriter, load_graph
from persistence.store import ABSENT, Changes, Edit, Ids, Objects, Record, Store
from persistence.summary import Digest, Summary, summarize
from persistence.urls import StoreUrl

__all__ = ["DEFAULT_PROTOCOL", "RecordStore"]

DEFAULT_PROTOCOL = 4
"""The newest pickle protocol that every Python with GC3Pie (3.4 and later) reads."""


class RecordStore(Store):
    """A store of pickled records."""

    def __init__(self, url: StoreUrl | str | None = None, *, read_only: bool = False) -> None:
        super().__init__(url, read_only=read_only)
        # Objects that this store loaded or saved, by id(): an object in here whose record is
        # gone was removed on purpose, and is not written again because a parent is saved.
        self._known: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self._referring: set[type] = set()  # classes whose last object had references

    @abstractmethod
    def list(self, **extra_args: Any) -> Ids:
        """Return the IDs of all objects, in insertion order where the store knows it."""

    @abstractmethod
    def read_many(self, ids: Iterable[str | int]) -> Iterator[Record]: ...

    @abstractmethod
    def records(self) -> Iterator[Record]: ...

    @abstractmethod
    def apply(self, edits: Sequence[Edit]) -> None: ...

    @abstractmethod
    def changes(self, since: Any = None) -> Changes: ...

    @abstractmethod
    def _new_id(self, obj: Any) -> str:
        """Return an ID that was never given in this store before."""

    @abstractmethod
    def _has(self, ids: Sequence[str]) -> set[str]:
        """Return which of some IDs are stored."""

    def _pid(self, id_: str) -> str | int:
        """Return an ID as it is written into pickles and carried by objects."""
        return id_

    def identity(self, id_: str) -> str | int:
        """Return an ID as the objects of this store carry it: an integer in a GC3Pie table."""
        return self._pid(id_)

    @cached_property
    def _protocol(self) -> int:
        """The pickle protocol that objects are written with."""
        return DEFAULT_PROTOCOL

    @cached_property
    def _address(self) -> str:
        return str(self.url) if self.url is not None else type(self).__name__

    def fresh_id(self, type_name: str = "Object") -> str:
        return self._new_id(type(type_name, (), {})())

    # Objects

    def save(self, obj: Any) -> str:
        return self.save_many([obj])[0]

    def save_many(self, objs: Iterable[Any]) -> Ids:
        writer = self._writer()
        try:
            ids = [writer.add(obj) for obj in objs]
            self._store([*writer.dump()])
        except BaseException:
            writer.undo()
            raise
        self._remember(writer.committed())
        return ids

    def replace(self, id_: str | int, obj: Any) -> None:
        id_ = str(id_)
        self._refuse_if_read_only()
        while True:
            stored = self.read(id_)
            writer = self._writer()
            try:
                writer.add(obj, id_)
                edits, digests = [], {}
                for dumped in writer.dump():
                    fresh = ABSENT if dumped.is_new else None
                    expected = stored if dumped.id_ == id_ else fresh
                    edits.append(Edit(dumped.id_, dumped.data, expected))
                    digests[dumped.id_] = dumped.digest
                self._apply(edits, digests)
            except ConflictError as conflict:
                writer.undo()
                if conflict.id_ != id_:
                    raise
                # Written or removed in between: read again, and find out which.
            except BaseException:
                writer.undo()
                raise
            else:
                self._remember(writer.committed())
                return

    def load(self, id_: str | int) -> Any:
        return self.load_many([id_])[0]

    def load_many(self, ids: Iterable[str | int]) -> Objects:
        wanted = [str(id_) for id_ in ids]
        loaded = load_graph(wanted, self._pickles, self._pid, self._address)
        for id_ in wanted:
            if id_ not in loaded:
                raise ObjectNotFound(id_, self._address)
        self._remember(loaded.values())
        return [loaded[id_] for id_ in wanted]

    def remove(self, id_: str | int) -> None:
        self.apply([Edit(str(id_), None)])

    # Records

    def read(self, id_: str | int) -> bytes:
        for record in self.read_many([id_]):
            return record.data
        raise ObjectNotFound(str(id_), self._address)

    def inspect(self, id_: str | int) -> Pickle:
        data = self.read(id_)
        try:
            return decode(data)
        except DecodeError as error:
            error.name_object(str(id_), self._address)
            raise

    def summaries(self, ids: Iterable[str | int] | None = None) -> Iterator[Summary]:
        return map(summarize, self.records() if ids is None else self.read_many(ids))

    def references(self, id_: str | int) -> Ids:
        return list(dict.fromkeys(reference.id for reference in self.inspect(id_).references))

    def referrers(self, id_: str | int) -> Ids:
        id_ = str(id_)
        found = []
        for record in self.records():
            try:
                references = decode(record.data).references
            except DecodeError:
                continue  # an unreadable object has no references that could be told
            if any(reference.id == id_ for reference in references):
                found.append(record.id_)
        return found

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, (str, int)) and bool(self._has([str(id_)]))

    def _pickles(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Iterate over IDs and pickles of some IDs; those not there are left out."""
        return ((record.id_, record.data) for record in self.read_many(ids))

    def _store(self, graph: Sequence[Dumped]) -> None:
        """Write the objects of a graph, each over what is stored under its ID, or all new."""
        edits = [Edit(new.id_, new.data, ABSENT if new.is_new else None) for new in graph]
        self._apply(edits, {new.id_: new.digest for new in graph})

    def _apply(self, edits: Sequence[Edit], digests: Mapping[str, Digest | None]) -> None:
        """Make changes of objects whose digests may be known, by ID."""
        self.apply(edits)

    def _refuse_if_read_only(self) -> None:
        if self.read_only:
            raise ReadOnlyError(self._address)

    def _writer(self) -> GraphWriter:
        self._refuse_if_read_only()
        return GraphWriter(
            new_id=self._new_id,
            pid=self._pid,
            is_known=lambda obj: self._known.get(id(obj)) is obj,
            existing=self._has,
            protocol=self._protocol,
            referring=self._referring,
            store=self._address,
        )

    def _remember(self, objs: Iterable[Any]) -> None:
        for obj in objs:
            try:
                self._known[id(obj)] = obj
            except TypeError:
                continue  # a dict, a number: cannot be referred to weakly, nor be a child
