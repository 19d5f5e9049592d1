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
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from persistence.errors import (
    ConflictError,
    LoadError,
    ObjectNotFound,
    SaveError,
    StoreError,
    StoreMissing,
)
from persistence.file_transaction import LOCK_NAME, FileTransaction
from persistence.ids import new_id, order_key
from persistence.records import DEFAULT_PROTOCOL, RecordStore
from persistence.store import ABSENT, Changes, Edit, Ids, Leftover, Record
from persistence.urls import StoreUrl

__all__ = ["AS_FILE", "BACKUP_SUFFIX", "FILE_PREFIX", "FilesystemStore"]

BACKUP_SUFFIX = ".OLD"
FILE_PREFIX = "./"
"""How the ID of a file begins that is read as what it is, not as an object."""
AS_FILE = b"file"
"""`Edit.further` of an edit whose ID is that of a file: no object is saved so by accident."""

_LOCK_SECONDS = 30.0
_LONGEST_NAME = 255  # bytes, on all common file systems
_NOT_IN_NAMES = re.compile(r"[/\\\0-\x1f]" if os.name != "nt" else r'[/\\\0-\x1f<>:"|?*]|[. ]$')
# Neither follow a link out of the store, nor wait for the other end of a FIFO.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_STOP = b"."  # every whole pickle ends with this opcode
_SAMPLE = 20  # files looked at to tell whose store a folder is


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
            raise _store_error(self._directory, "opened", error) from error
        else:
            if not self.read_only and not os.access(self._directory, os.W_OK):
                self.read_only = True
                self.notices.append(f"{self._directory} is not writable for you: opened read-only.")

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
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    name = entry.name
                    if (
                        not name.startswith(".")
                        and not name.endswith(BACKUP_SUFFIX)
                        and entry.is_file(follow_symlinks=False)
                    ):
                        yield name
        except FileNotFoundError:
            return
        except OSError as error:
            raise _store_error(self._directory, "listed", error) from error

    def leftovers(self) -> Iterator[Leftover]:
        """Iterate over what is in the folder and holds no object, the lock left out."""
        self._settle()
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    is_file = entry.is_file(follow_symlinks=False)
                    is_object = is_file and _is_file_name(entry.name)
                    if not is_object and entry.name != LOCK_NAME:
                        modified = entry.stat(follow_symlinks=False).st_mtime
                        yield Leftover(entry.name, is_file, modified)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _store_error(self._directory, "listed", error) from error

    def read_many(self, ids: Iterable[str | int]) -> Iterator[Record]:
        pending = self._settle()
        for id_ in map(str, ids):
            record = self._read(id_, pending)
            if record is not None:
                yield record

    def records(self) -> Iterator[Record]:
        return self.read_many(self.list())

    def takes_id(self, id_: str) -> bool:
        return _is_file_name(id_)

    def changes(self, since: Any = None) -> Changes:
        """Compare the files' times and sizes with those of the last call."""
        self._settle()
        stamps: dict[str, tuple[int, int, int]] = {}
        for name in self._names():
            try:
                status = os.lstat(self._directory / name)
            except OSError:
                continue  # removed since it was listed
            stamps[name] = (status.st_mtime_ns, status.st_size, status.st_ino)
        if since is None:
            return Changes(stamps)
        return Changes(
            stamps,
            changed=tuple(name for name in stamps if stamps[name] != since.get(name)),
            removed=tuple(name for name in since if name not in stamps),
        )

    def stamps(self, token: Any, ids: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        """Iterate over IDs with time and size of their files.

        Not with their numbers: network file systems give new ones with every mount.
        """
        for id_ in token if ids is None else ids:
            stamp = token.get(id_)
            if stamp is not None:
                modified, size, _ = stamp
                yield id_, f"{modified} {size}"

    def _has(self, ids: Sequence[str]) -> set[str]:
        pending = self._settle()
        return {id_ for id_ in ids if self._read(id_, pending) is not None}

    def _settle(self) -> dict[str, Path | None]:
        """Finish what a killed writer left; return what a living one has still to do."""
        if not self._transaction.is_pending():
            return {}
        if not self.read_only:
            try:
                with self._lock.acquire(timeout=0):
                    self._transaction.finish()
                    return {}
            except Timeout:
                pass  # its writer is alive
            except OSError as error:
                raise _store_error(self._directory, "repaired", error) from error
        return self._transaction.pending()

    def _read(self, id_: str, pending: dict[str, Path | None]) -> Record | None:
        if id_.startswith(FILE_PREFIX):
            name = _name_of_file(id_)
            return None if name is None else self._read_file(id_, self._directory / name)
        if not _is_file_name(id_):
            return None
        if id_ in pending:
            moved = pending[id_]
            if moved is None:
                return None
            record = self._read_file(id_, moved)
            if record is not None:
                return record
        record = self._read_file(id_, self._directory / id_)
        if record is None or not record.data.endswith(_STOP):
            backup = self._read_file(id_, self._directory / f"{id_}{BACKUP_SUFFIX}")
            return backup or record
        return record

    def _read_file(self, id_: str, path: Path) -> Record | None:
        try:
            descriptor = os.open(path, _OPEN_FLAGS)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
                return None  # a link, a FIFO, a folder: none of them is an object
            if os.path.isdir(path):  # Windows refuses to open a folder
                return None
            raise _load_error(id_, path, error) from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                os.close(descriptor)
                return None
            with os.fdopen(descriptor, "rb") as file:
                data = file.read()
        except OSError as error:
            raise _load_error(id_, path, error) from error
        return Record(id_, data, datetime.fromtimestamp(status.st_mtime, timezone.utc))

    # Changing it

    def apply(self, edits: Sequence[Edit]) -> None:
        self._refuse_if_read_only()
        for edit in edits:
            if _name_for(edit) is None:
                if edit.data is None:
                    raise ObjectNotFound(edit.id_, self._address)
                raise SaveError(
                    f"{edit.id_!r} cannot be the name of a file in {self._directory}.",
                    "Save the object under an ID without slashes or control characters.",
                    id_=edit.id_,
                    store=self._address,
                )
        if not edits:
            return
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with self._lock:
                if self._transaction.is_pending():
                    self._transaction.finish()
                changes: dict[str, bytes | None] = {}
                objects: Ids = []
                for edit in edits:
                    name = _name_for(edit)
                    assert name is not None  # looked at above
                    self._check(edit, name, changes)
                    changes[name] = edit.data
                    if edit.data is None and name == edit.id_:
                        objects.append(name)
                self._drop_backups(objects, changes)
                self._transaction.run(changes)
        except Timeout:
            raise StoreError(
                f"{self._directory} is locked by another program for over {_LOCK_SECONDS:.0f} s.",
                "Nothing was written: try again when it is done.",
            ) from None
        except OSError as error:
            raise _store_error(self._directory, "written to", error) from error

    def _check(self, edit: Edit, name: str, changes: dict[str, bytes | None]) -> None:
        """Refuse an edit whose record is not as expected."""
        if name in changes:
            found = changes[name]
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

    def _drop_backups(self, removed: Ids, changes: dict[str, bytes | None]) -> None:
        """Have the backup of a removed object removed with it: it would come back."""
        for id_ in [id_ for id_ in removed if changes[id_] is None]:
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


def _name_for(edit: Edit) -> str | None:
    """Return the name of the file that an edit changes, or None if there can be no such file."""
    if edit.further == AS_FILE and edit.id_.startswith(FILE_PREFIX):
        return _name_of_file(edit.id_)
    return edit.id_ if _is_file_name(edit.id_) else None


def _name_of_file(id_: str) -> str | None:
    """Return the name of a file in the folder that is meant by `./NAME`; None for no such one."""
    name = id_.removeprefix(FILE_PREFIX)
    if name in ("", ".", "..", LOCK_NAME) or _NOT_IN_NAMES.search(name):
        return None
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:  # half a character
        return None
    return name if length <= _LONGEST_NAME else None


def _is_file_name(id_: str) -> bool:
    """Whether an ID can name a file of the store, on this system and inside the folder."""
    try:
        length = len(os.fsencode(id_))
    except UnicodeEncodeError:  # half a character
        return False
    return (
        0 < length <= _LONGEST_NAME - len(BACKUP_SUFFIX)
        and not id_.startswith(".")
        and not id_.endswith(BACKUP_SUFFIX)
        and not _NOT_IN_NAMES.search(id_)
    )


def _load_error(id_: str, path: Path, error: OSError) -> LoadError:
    """Return the error of one object whose file cannot be read; the others may well be."""
    cause = _store_error(path, "read", error)
    return LoadError(cause.reason, cause.advice, id_=id_)


def _store_error(path: Path, what: str, error: OSError) -> StoreError:
    advice = {
        errno.EACCES: "Ask its owner for permission, or open a copy.",
        errno.EPERM: "Ask its owner for permission, or open a copy.",
        errno.ENOSPC: "Nothing was written: free some space on the disk and try again.",
        errno.EDQUOT: "Nothing was written: your disk quota is used up.",
        errno.EROFS: "It is on a read-only medium: open a copy.",
        errno.ENOTDIR: "Open the folder that holds the job files.",
    }.get(error.errno or 0, "Check the path and the disk it is on.")
    return StoreError(f"{path} cannot be {what}: {error.strerror or error}.", advice)
