"""The interface of every job store, and the mix-in that marks an object as stored by its ID.

`Store` follows `gc3libs.persistence.store` name for name and adds what an inspector needs.
A third-party store has to provide `load`, `save`, `replace` and `remove` only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Protocol, TypeAlias

from persistence.pickles import Pickle
from persistence.registry import make_store, register
from persistence.summary import Digest, Summary
from persistence.urls import StoreUrl

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "ABSENT",
    "Changes",
    "Edit",
    "Fault",
    "Ids",
    "Leftover",
    "Objects",
    "Persistable",
    "Record",
    "Store",
    "Watch",
    "make_store",
    "register",
]

ABSENT = b""
"""As the expected bytes of an `Edit`: there must be no object. (No pickle is empty.)"""


# The method `list` hides the type of that name inside a store's class.
Ids: TypeAlias = list[str]
Objects: TypeAlias = list[Any]


class Persistable:
    """Marks an object that is kept as a record of its own and referred to by its ID.

    An object that holds a `Persistable` is saved with an external reference in its place.
    Two persistables are equal when they are the same object; set `changed` to True (the
    default) to have an object written again when one that refers to it is saved.

    Attributes:
        changed: False when the stored record is known to be up to date.
        persistent_id: The ID it is stored under (absent until it is saved).

    >>> class Job(Persistable):
    ...     pass
    >>> Job().changed
    True
    """

    changed: bool
    persistent_id: str | int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.changed = True
        if "persistent_id" in kwargs:
            self.persistent_id = kwargs.pop("persistent_id")
        super().__init__(*args, **kwargs)

    def __str__(self) -> str:
        id_ = self.__dict__.get("persistent_id")
        return super().__str__() if id_ is None else str(id_)


@dataclass(frozen=True, slots=True)
class Record:
    """One stored object as bytes.

    Attributes:
        id_: Persistent ID.
        data: Its pickle.
        modified: When it was last written (UTC), or None where the store does not say.
    """

    id_: str
    data: bytes
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one record, for `Store.apply`.

    Attributes:
        id_: Persistent ID.
        data: The new pickle; None removes the record.
        expected: The pickle that must be stored now; `ABSENT` for "no record";
            None to write whatever is there.
        further: What `Store.further` gave of the record before it was removed: it is
            stored again with a record that is made anew.
    """

    id_: str
    data: bytes | None
    expected: bytes | None = None
    further: bytes = b""


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in a store since a token was taken.

    Attributes:
        token: Where the next call of `Store.changes` goes on from. Opaque.
        changed: IDs of objects that were written, each once.
        removed: IDs of objects that are no longer there, each once.
    """

    token: Any
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something in a store's folder that is no object.

    Attributes:
        name: Its name in the folder.
        is_file: Whether it is a regular file: not a folder, a link or a device.
        modified: When it was last written, in seconds since 1970.
    """

    name: str
    is_file: bool
    modified: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with what holds the objects, not with one of them.

    Attributes:
        sentence: What.
        is_damage: Whether objects may be lost; else it only is not as it should be.
    """

    sentence: str
    is_damage: bool


class Watch(Protocol):
    """Waits for changes of a store, so that nobody has to ask all the time.

    A change may go unnoticed: ask `Store.changes` now and then all the same.
    """

    def wait(self, seconds: float) -> bool:
        """Wait for a change; return whether there was one, now or since the last call.

        Raises:
            StoreError: It waits no more; close it, and make another one later.
        """

    def close(self) -> None:
        """End it."""


class Store(ABC):
    """A place that keeps pickled objects under unique IDs.

    Attributes:
        url: The address of the store, or None for one that has none.
        read_only: Whether every change is refused with `ReadOnlyError`.
        notices: Sentences the user should read about how the store was opened.
        keeps_summaries: Whether `summaries` reads columns, decoding no object.
        pid_type: What GC3Pie needs the persistent IDs in the pickles of such a store to be:
            texts in a folder, integers in its tables. None where only Jobshelf reads.
    """

    keeps_summaries = False
    pid_type: type[str | int] | None = None

    def __init__(self, url: StoreUrl | str | None = None, *, read_only: bool = False) -> None:
        self.url = StoreUrl.parse(url) if isinstance(url, str) else url
        self.read_only = read_only
        self.notices: Ids = []

    @property
    def kind(self) -> str:
        """What holds the objects: "SQLite database", "folder"."""
        return f"{type(self).__name__}"

    @property
    def container(self) -> str:
        """Which part of it holds them: "table campaign", or ""."""
        return ""

    @property
    def writer(self) -> str:
        """Whose layout or objects these are: "GC3Pie", "Jobshelf", or "" if unknown."""
        return ""

    # The interface of gc3libs.persistence.store.

    def pre_fork(self) -> None:
        """Close what a child process must not share; called before `os.fork`."""

    def post_fork(self) -> None:
        """Restore what `pre_fork` suspended; called in the parent and in the child."""

    def invalidate_cache(self) -> None:
        """Make the next `load` read from the store again. (Every load does.)"""

    def list(self, **extra_args: Any) -> Ids:
        """Return the IDs of all objects, in insertion order where the store knows it.

        Raises:
            NotImplementedError: This kind of store cannot list.
        """
        self._not_supported("list its objects")

    lists_late: ClassVar[bool] = False
    """Whether `list` and `records` look at all names before they give the first."""

    def names(self) -> Iterator[str]:
        """Iterate over the IDs of all objects, each once, in no particular order.

        The first come before the store has found the last, where it can be so.
        """
        return iter(self.list())

    @abstractmethod
    def load(self, id_: str | int) -> Any:
        """Return the object saved under an ID, with all that it refers to.

        This runs the code of the object's own classes: use `inspect` to look without.

        Raises:
            ObjectNotFound: There is no such object.
            LoadError: It, or an object it refers to, cannot be brought back.
        """

    @abstractmethod
    def save(self, obj: Any) -> str:
        """Save an object and every changed `Persistable` it leads to; return its ID.

        The whole graph is saved, or nothing. An object that has a `persistent_id` is
        saved under that one.

        Raises:
            SaveError: It cannot be pickled or written; the store is as it was.
            ReadOnlyError: The store was opened read-only.
        """

    @abstractmethod
    def replace(self, id_: str | int, obj: Any) -> None:
        """Save `obj` in place of the object stored under `id_`.

        Raises:
            ObjectNotFound: There is no such object.
            SaveError: It cannot be pickled or written; the store is as it was.
            ReadOnlyError: The store was opened read-only.
        """

    @abstractmethod
    def remove(self, id_: str | int) -> None:
        """Remove the object stored under an ID; what it refers to stays.

        Raises:
            ObjectNotFound: There is no such object.
            ReadOnlyError: The store was opened read-only.
        """

    # What Jobshelf adds.

    def close(self) -> None:
        """Release files and connections. Closing twice does nothing."""

    def save_many(self, objs: Iterable[Any]) -> Ids:
        """Save several objects in one transaction; return their IDs in order."""
        return [self.save(obj) for obj in objs]

    def load_many(self, ids: Iterable[str | int]) -> Objects:
        """Load several objects, in order; what they share is shared between them."""
        return [self.load(id_) for id_ in ids]

    def read(self, id_: str | int) -> bytes:
        """Return the pickle stored under an ID.

        Raises:
            ObjectNotFound: There is no such object.
        """
        self._not_supported("give the bytes of an object")

    def read_many(self, ids: Iterable[str | int]) -> Iterator[Record]:
        """Iterate over the records of some IDs, in order; those not there are left out."""
        self._not_supported("give the bytes of its objects")

    def records(self) -> Iterator[Record]:
        """Iterate over all records, in the order of `list`, without keeping them."""
        self._not_supported("give the bytes of its objects")

    def write(self, id_: str | int, data: bytes, expected: bytes | None = None) -> None:
        """Store a pickle under an ID, if what is there now is what the caller expects.

        Args:
            id_: Persistent ID.
            data: The pickle; it is stored as it is.
            expected: The bytes that were read; `ABSENT` for "no object"; None to write
                whatever is there.

        Raises:
            ConflictError: Other bytes are stored; nothing was written.
            ReadOnlyError: The store was opened read-only.
        """
        self.apply([Edit(str(id_), data, expected)])

    def further(self, ids: Iterable[str | int]) -> dict[str, bytes]:
        """Return what is stored of some objects beside their pickles, by ID.

        It would be lost when they are removed: further columns of a GC3Pie table. The form
        is the store's own, for `Edit.further`. Most stores keep no such thing.
        """
        return {}

    def apply(self, edits: Sequence[Edit]) -> None:
        """Make several changes in one transaction: all of them or none.

        Raises:
            ConflictError: One of the records is not as expected; nothing was written.
            ObjectNotFound: A record to remove is not there; nothing was written.
            ReadOnlyError: The store was opened read-only.
        """
        self._not_supported("change its objects by bytes")

    def takes_id(self, id_: str) -> bool:
        """Whether an object could be stored under an ID here; a GC3Pie table takes integers."""
        return True

    def fresh_id(self, type_name: str = "Object") -> str:
        """Return an ID that was never given in this store before.

        Args:
            type_name: The class of the object; IDs of some stores begin with it.
        """
        self._not_supported("give IDs")

    def inspect(self, id_: str | int) -> Pickle:
        """Return the decoded tree of an object; nothing is imported or executed.

        Raises:
            ObjectNotFound: There is no such object.
            DecodeError: Its pickle is damaged or hostile.
        """
        self._not_supported("show an object without running it")

    def summaries(self, ids: Iterable[str | int] | None = None) -> Iterator[Summary]:
        """Iterate over what a list shows of each object (of all, or of some IDs)."""
        self._not_supported("summarise its objects")

    def listing(self) -> Any:
        """Return the `sql_listing.Listing` of what lists show, or None if SQL cannot ask for it.

        It is the caller's to close, and may be used by another thread than the store.
        """
        return None

    def references(self, id_: str | int) -> Ids:
        """Return the IDs an object refers to, each once, in order of appearance.

        Raises:
            ObjectNotFound: There is no such object.
        """
        self._not_supported("tell what an object refers to")

    def referrers(self, id_: str | int) -> Ids:
        """Return the IDs of the objects that refer to an ID, also if nothing has that ID."""
        self._not_supported("tell what refers to an object")

    def changes(self, since: Any = None) -> Changes:
        """Return what was written and removed since a token of an earlier call.

        Args:
            since: `Changes.token` of an earlier call; None for a first token.
        """
        self._not_supported("tell what changed")

    # What `integrity.check` asks.

    def faults(self) -> Iterator[Fault]:
        """Iterate over what is wrong with the folder or database itself."""
        return iter(())

    def leftovers(self) -> Iterator[Leftover]:
        """Iterate over what is in the store's folder and holds no object."""
        return iter(())

    def drift(self, records: Sequence[tuple[Record, Digest]]) -> dict[str, tuple[str, ...]]:
        """Return which columns say something else than the pickles of some objects, by ID.

        Args:
            records: The objects, each with what its pickle says.
        """
        return {}

    def watch(self) -> Watch | None:
        """Return what waits for changes, or None where only asking `changes` again tells them.

        It is the caller's to close, and may be used by another thread than the store.
        """
        return None

    def stamps(self, token: Any, ids: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        """Iterate over IDs and what a token knows of each: a text that can be kept.

        It is another one when the object was written again, also when another program asks.

        Args:
            token: `Changes.token`.
            ids: The objects; None for all that were there when the token was taken. Of one
                that was not, nothing is given.

        Raises:
            NotImplementedError: The tokens of this store know single objects not, but a
                moment: they are whole numbers.
        """
        self._not_supported("tell versions of its objects apart by its tokens")

    def __len__(self) -> int:
        return len(self.list())

    def __iter__(self) -> Iterator[str]:
        return iter(self.list())

    def __contains__(self, id_: object) -> bool:
        return str(id_) in self.list()

    def __bool__(self) -> bool:
        return True  # an empty store is still a store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _not_supported(self, what: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} cannot {what}.")
