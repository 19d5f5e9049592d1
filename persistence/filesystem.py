"""Stores that keep each object in a file of its own: GC3Pie's format, and Jobshelf's.

A file is named by its object's ID and holds its pickle. `ID.OLD` is the former file that an
interrupted save of GC3Pie left behind: it is not listed, and serves when `ID` itself is
missing or cut short. Jobshelf replaces files by renaming new ones over them; see
`file_transaction` for changes of several files. Source: `gc3libs.persistence.filesystem` of
GC3Pie 2.6.

Files that hold no object, and those of objects as they are on the disk, are records too, under
the ID `./NAME`, which no object can have: what repairs the folder reads and changes them so,
together with objects and in one transaction.
"""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from functools import cached_property
from hashlib import blake2b, sha256
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from filelock import FileLock, Timeout

from persistence.errors import (
    ConflictError,
    DecodeError,
    LoadError,
    ObjectNotFound,
    SaveError,
    StoreError,
    StoreMissing,
    one_line,
)
from persistence.file_names import (
    BACKUP_SUFFIX,
    FILE_PREFIX,
    is_file_name,
    name_for,
    name_of_file,
    names_an_object,
)
from persistence.file_transaction import LOCK_NAME, FileTransaction
from persistence.files import (
    LARGEST_OBJECT,
    is_regular_file,
    load_error,
    make_folder,
    may,
    open_regular,
    read_bounded,
    store_error,
)
from persistence.ids import new_id, order_key
from persistence.pickles import decode
from persistence.records import DEFAULT_PROTOCOL, RecordStore
from persistence.store import ABSENT, Changes, Edit, Ids, Leftover, Record
from persistence.urls import StoreUrl

__all__ = ["FilesystemStore"]

_LOCK_SECONDS = 30.0
_STOP = b"."  # every whole pickle ends with this opcode
_SAMPLE = 20  # files looked at to tell whose store a folder is
_RACY = 2.0  # seconds: how coarse the times of files may be
_RACY_NS = int(_RACY * 1e9)
_WRITING = 0.1  # seconds for which a writer may not have closed a file
_PAUSE = 0.005  # seconds
_MISSES = 4  # looks at a file that is not there, until it is said not to be
_TRIES = 20  # at a file that GC3Pie is writing over and over
_TRIES_AT_EMPTY = 200  # a small file is empty until its writer closes it, which may have to wait


_Stamp: TypeAlias = "tuple[int, int, int, int, bytes]"
"""What tells that a file was written since.

The times of its last change and of that of its status, in nanoseconds; bytes; which file it is;
and the checksum of its content, if it was written so lately that another write might leave all
the rest as it is, else b"". A plain tuple: a million of any other class stop all threads for
the time that the garbage collector takes to look at them.
"""


class FilesystemStore(RecordStore):
    """Saves and loads objects in a folder, one file each.

    Args:
        directory: The folder, as a path or a `file:` URL; made when first written to.
        idfactory: Gives IDs by `new(obj)`, as GC3Pie's `IdFactory`; None for our own.
        protocol: The pickle protocol to write; None for 4, or for what Python 2 wrote into
            the folder, 2.
        read_only: Refuse every change, and touch nothing.
        create: Whether a folder that is not there is an empty store (it is made when an
            object is saved) rather than an error.
        **extra_args: Ignored; other stores take more.

    Raises:
        StoreError: The folder cannot be read, or is not there and `create` is False.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, FilesystemStore(folder) as store:
    ...     id_ = store.save({"temperature": 300})
    ...     store.load(id_), store.list() == [id_], id_ in store, len(store)
    ({'temperature': 300}, True, True, 1)
    """

    pid_type = str
    lists_late = True

    def __init__(
        self,
        directory: str | os.PathLike[str] | StoreUrl,
        idfactory: Any = None,
        protocol: int | None = None,
        *,
        read_only: bool = False,
        create: bool = True,
        **extra_args: Any,
    ) -> None:
        super().__init__(StoreUrl.parse(directory), read_only=read_only)
        assert self.url is not None
        self._directory = Path(self.url.path)
        self._idfactory = idfactory
        self._given_protocol = protocol
        self._transaction = FileTransaction(self._directory)
        self._lock = FileLock(self._directory / LOCK_NAME, timeout=_LOCK_SECONDS)
        self._check_directory(create)

    def _check_directory(self, create: bool) -> None:
        try:
            with os.scandir(self._directory):
                pass
        except FileNotFoundError:
            if not create:
                raise StoreMissing(
                    f"There is no file or folder {self._directory}.",
                    "Check the spelling of the path.",
                ) from None
        except OSError as error:
            raise store_error(self._directory, "opened", error) from error
        else:
            if not self.read_only and not may(self._directory, os.W_OK):
                self.read_only = True
                self.notices.append(
                    one_line(f"{self._directory} is not writable for you: opened read-only.")
                )

    @property
    def kind(self) -> str:
        return "folder"

    @property
    def writer(self) -> str:
        """Who wrote the first objects: "GC3Pie" where they name its modules, else ""."""
        for id_ in islice(self._names(), _SAMPLE):
            try:
                is_gc3pie = any(b"gc3libs" in record.data for record in self.read_many([id_]))
            except LoadError:
                continue  # that it cannot be read is said where it is shown
            if is_gc3pie:
                return "GC3Pie"
        return ""

    # What is there

    def list(self, **extra_args: Any) -> Ids:
        """Return the IDs of all objects: by class, then by number or time of creation."""
        return sorted(self.names(), key=order_key)

    def names(self) -> Iterator[str]:
        """Iterate over the IDs of all objects as the folder gives them: in no order."""
        pending = self._settle()
        if not pending:
            yield from self._names()
            return
        new = {name for name, path in pending.items() if path is not None}
        for name in self._names():
            if pending.get(name, name) is not None:
                new.discard(name)
                yield name
        yield from new

    def __len__(self) -> int:
        return sum(1 for _ in self.names())

    def _names(self) -> Iterator[str]:
        return (name for name, _ in self._files())

    def _files(self) -> Iterator[tuple[str, str]]:
        """Iterate over the names of the files that hold objects, and where they are."""
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    name = entry.name
                    if names_an_object(name) and entry.is_file(follow_symlinks=False):
                        yield name, entry.path
        except FileNotFoundError:
            return
        except OSError as error:
            raise store_error(self._directory, "listed", error) from error

    def leftovers(self) -> Iterator[Leftover]:
        """Iterate over what is in the folder and holds no object, the lock left out."""
        self._settle()
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    is_file = entry.is_file(follow_symlinks=False)
                    is_object = is_file and is_file_name(entry.name)
                    if not is_object and entry.name != LOCK_NAME:
                        modified = entry.stat(follow_symlinks=False).st_mtime
                        yield Leftover(entry.name, is_file, modified)
        except FileNotFoundError:
            return
        except OSError as error:
            raise store_error(self._directory, "listed", error) from error

    def read_many(self, ids: Iterable[str | int]) -> Iterator[Record]:
        pending = self._settle()
        for id_ in map(str, ids):
            record = self._read(id_, pending)
            if record is not None:
                yield record

    def records(self) -> Iterator[Record]:
        return self.read_many(self.list())

    def takes_id(self, id_: str) -> bool:
        return is_file_name(id_)

    def changes(self, since: Any = None) -> Changes:
        """Compare the files' times and sizes with those of the last call."""
        self._settle()
        known: dict[str, _Stamp] = {} if since is None else since
        stamps: dict[str, _Stamp] = {}
        changed = []
        for name, path in self._files():
            before = known.get(name)
            now = self._stamp(name, path, before)
            if now is None:
                continue
            stamps[name] = now
            if now is not before and (before is None or self._is_written(name, before, now)):
                changed.append(name)
        if since is None:
            return Changes(stamps)
        removed = tuple(name for name in known if name not in stamps)
        return Changes(stamps, tuple(dict.fromkeys(changed)), removed)

    def stamps(self, token: Any, ids: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        """Iterate over IDs with time and size of their files.

        Not with their numbers: network file systems give new ones with every mount.
        """
        for id_ in token if ids is None else ids:
            stamp = token.get(id_)
            if stamp is not None:
                modified, _, size, *_ = stamp
                yield id_, f"{modified} {size}"

    def _stamp(self, name: str, path: str, before: _Stamp | None) -> _Stamp | None:
        """Return the stamp of a file.

        Args:
            name: Its name.
            path: Where it is.
            before: An earlier stamp of it, which is returned itself where it still holds.

        Returns:
            None if it was removed since it was listed.
        """
        try:
            status = os.lstat(path)  # what the folder says of its files may be old on Windows
        except OSError:
            return None
        modified = status.st_mtime_ns
        is_racy = -_RACY_NS < time.time_ns() - modified < _RACY_NS
        stamp = (modified, status.st_ctime_ns, status.st_size, status.st_ino)
        if not is_racy and before is not None and before == (*stamp, b""):
            return before
        return (*stamp, self._sum(name) if is_racy else b"")

    def _is_written(self, name: str, before: _Stamp, now: _Stamp) -> bool:
        if before[:-1] != now[:-1]:
            return True
        former_sum, sum_ = before[-1], now[-1]
        return former_sum != b"" and former_sum != (sum_ or self._sum(name))

    def _sum(self, name: str) -> bytes:
        try:
            record = self._read_file(name, self._directory / name)
        except LoadError:
            return b"unreadable"
        return b"missing" if record is None else blake2b(record.data, digest_size=8).digest()

    def _has(self, ids: Sequence[str]) -> set[str]:
        pending = self._settle()
        return {id_ for id_ in ids if self._is_there(id_, pending)}

    def _is_there(self, id_: str, pending: dict[str, Path | None]) -> bool:
        """Whether there is such an object, even if it cannot be read."""
        if not is_file_name(id_):
            return False
        if id_ in pending:
            return pending[id_] is not None
        path = self._directory / id_
        return any(map(is_regular_file, (path, Path(f"{path}{BACKUP_SUFFIX}"))))

    def _settle(self) -> dict[str, Path | None]:
        """Finish what a killed writer left; return what a living one has still to do."""
        if not self._transaction.is_pending():
            return {}
        try:
            if self._transaction.is_foreign():
                return {}
            if not self.read_only:
                # Its writer may be alive. If the disk refuses, it can be read all the same;
                # whoever writes is told.
                with suppress(Timeout, OSError, StoreError), self._locked(0.0):
                    self._transaction.finish()
                    return {}
            return self._transaction.pending()
        except OSError as error:
            raise store_error(self._directory, "read", error) from error

    def _read(self, id_: str, pending: dict[str, Path | None]) -> Record | None:
        if id_.startswith(FILE_PREFIX):
            name = name_of_file(id_)
            return None if name is None else self._read_file(id_, self._directory / name)
        if not is_file_name(id_):
            return None
        if id_ in pending:
            moved = pending[id_]
            if moved is None:
                return None
            record = self._read_file(id_, moved)
            if record is not None:
                return record
        # As texts: to join two paths takes as long as to read the file.
        path = os.path.join(self._directory, id_)
        backup_path = path + BACKUP_SUFFIX
        # GC3Pie moves a file aside, opens the new one, writes, removes the former, and only
        # then closes the new one: for a moment there is nothing, or a part, and no backup.
        attempt = 0
        while True:
            record = self._read_file(id_, path)
            has_backup = os.path.lexists(backup_path)
            age = _age(record)
            if record is not None and record.data.endswith(_STOP):
                is_sure = not has_backup and age > _WRITING
                if is_sure or _is_whole(record.data):
                    return record
            backup = self._read_file(id_, backup_path) if has_backup else None
            if backup is not None:
                return backup
            is_being_written = record is not None and age <= _RACY
            tries = _MISSES
            if is_being_written:
                tries = _TRIES if record and record.data else _TRIES_AT_EMPTY
            if attempt >= tries:
                return record
            if is_being_written:
                time.sleep(_PAUSE)
            attempt += 1

    def _read_file(self, id_: str, path: str | Path) -> Record | None:
        try:
            descriptor = open_regular(path)
            if descriptor is None:
                return None
            try:
                data = read_bounded(descriptor, LARGEST_OBJECT)
                modified = os.fstat(descriptor).st_mtime
            finally:
                os.close(descriptor)
        except OSError as error:
            raise load_error(id_, Path(path), error) from error
        except MemoryError as error:
            too_large = OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            raise load_error(id_, Path(path), too_large) from error
        return Record(id_, data, _time(modified))

    # Changing it

    def apply(self, edits: Sequence[Edit]) -> None:
        self._refuse_if_read_only()
        for edit in edits:
            if name_for(edit) is None:
                if edit.data is None:
                    raise ObjectNotFound(edit.id_, self._address)
                raise SaveError(
                    f"{edit.id_!r} cannot be the name of a file in {self._directory}.",
                    "Save it under another ID: a short one without slashes or a dot before it.",
                    id_=edit.id_,
                    store=self._address,
                )
        if not edits:
            return
        try:
            make_folder(self._directory)
            with self._locked(_LOCK_SECONDS):
                if self._transaction.is_pending():
                    self._transaction.finish()
                named = [(edit, name_for(edit) or "") for edit in edits]
                seen = {name: self._look(name) for _, name in named}
                changes = self._checked(named)
                self._drop_backups(named, changes)
                self._transaction.run(changes, lambda: self._check_again(named, seen))
        except Timeout:
            raise StoreError(
                f"{self._directory} is locked by another program for over {_LOCK_SECONDS:.0f} s.",
                "Nothing was written: try again when it is done.",
            ) from None
        except OSError as error:
            raise store_error(self._directory, "written to", error) from error

    @contextmanager
    def _locked(self, patience: float) -> Iterator[None]:
        """Hold the folder's lock.

        Raises:
            Timeout: Another program held it for so many seconds.
            StoreError, OSError: It cannot be locked at all.
        """
        path = self._directory / LOCK_NAME
        if os.path.lexists(path) and not is_regular_file(path):
            raise StoreError(
                f"{path} is not a file, so the store cannot be locked.",
                "Remove it, then the store can be changed.",
            )
        try:
            lock = self._lock.acquire(timeout=patience)
        except NotImplementedError as error:
            raise StoreError(
                f"The file system of {self._directory} has no locks, so programs that write at "
                "the same time would harm each other.",
                "Copy the store to a local disk.",
            ) from error
        with lock:
            yield

    def _look(self, id_: str) -> tuple[int, ...] | None:
        """Return what tells whether another program that takes no lock writes to a file."""
        try:
            status = os.lstat(self._directory / id_)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino

    def _check_again(
        self, named: Sequence[tuple[Edit, str]], seen: dict[str, tuple[int, ...] | None]
    ) -> None:
        """Refuse what GC3Pie, which takes no lock, wrote over while we wrote beside it."""
        if any(self._look(name) != looked for name, looked in seen.items()):
            self._checked(named)

    def _checked(self, named: Sequence[tuple[Edit, str]]) -> dict[str, bytes | None]:
        """Return what is to be in the files in the end, by their names.

        Raises:
            ConflictError, ObjectNotFound: A record is not as an edit expects it.
        """
        changes: dict[str, bytes | None] = {}
        for edit, name in named:
            self._check(edit, name, changes)
            changes[name] = edit.data
        return changes

    def _check(self, edit: Edit, name: str, changes: dict[str, bytes | None]) -> None:
        """Refuse an edit whose record is not as expected."""
        is_object = name == edit.id_
        if name in changes:
            found = changes[name]
        elif is_object and not self._is_there(name, {}):
            found = None
        elif is_object and edit.expected is None:
            found = b""
        else:
            record = self._read(edit.id_, {})
            found = None if record is None else record.data
        if edit.expected is not None and (found or ABSENT) != edit.expected:
            raise ConflictError(
                edit.id_,
                self._address,
                sha256(edit.expected).hexdigest() if edit.expected else "",
                "" if found is None else sha256(found).hexdigest(),
            )
        if edit.data is None and found is None:
            raise ObjectNotFound(edit.id_, self._address)

    def _drop_backups(
        self, named: Sequence[tuple[Edit, str]], changes: dict[str, bytes | None]
    ) -> None:
        """Have the backup of a removed object removed with it: it would come back."""
        for id_ in [edit.id_ for edit, name in named if name == edit.id_ and changes[name] is None]:
            backup = f"{id_}{BACKUP_SUFFIX}"
            if os.path.lexists(self._directory / backup):
                changes[backup] = None

    def _new_id(self, obj: Any) -> str:
        return new_id(obj) if self._idfactory is None else str(self._idfactory.new(obj))

    @cached_property
    def _protocol(self) -> int:
        if self._given_protocol is not None:
            return self._given_protocol
        for record in self.read_many(islice(self._names(), 1)):
            if record.data[:1] != b"\x80" or record.data[1:2] < b"\x03":
                return 2  # what Python 2 reads
        return DEFAULT_PROTOCOL


def _is_whole(data: bytes) -> bool:
    """Whether data are a pickle to its end, or at least not one that was cut."""
    if not data.endswith(_STOP):
        return False
    try:
        decode(data)
    except DecodeError:
        return False
    return True


def _age(record: Record | None) -> float:
    """Return how long ago a file was written, in seconds; much where its time makes no sense."""
    if record is None or record.modified is None:
        return math.inf
    return abs(time.time() - record.modified.timestamp())


def _time(seconds: float) -> datetime | None:
    """Return a file's time, or None where it makes no sense: anybody can set it."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
