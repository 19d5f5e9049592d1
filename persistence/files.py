"""Files that survive a power cut, and reading that leads to no other place.

What is written is flushed to the disk before a name leads to it, and the folder of a new name
is flushed before anybody is told that it is there. What is read is a regular file of bounded
size: a link could lead out of a store, a FIFO would wait for its other end, and a file of a
terabyte may take no space on the disk and all of the memory.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

from persistence.errors import LoadError, StoreError

__all__ = [
    "LARGEST_OBJECT",
    "flush_folder",
    "is_real_folder",
    "is_regular_file",
    "load_error",
    "make_folder",
    "may",
    "open_regular",
    "read_bounded",
    "store_error",
    "write_flushed",
]

LARGEST_OBJECT = 1_000_000_000
"""Bytes of a pickle that are read: as many as SQLite keeps in one value."""

# Neither follow a link out of the store, nor wait for the other end of a FIFO.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_WRITE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
# What opening something else than a regular file gives: a link, a socket, a folder.
_NO_FILE = frozenset((errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR, errno.ENODEV))
# Some network file systems cannot flush a folder, and need not.
_NO_FLUSH = frozenset((errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.ENOSYS))
_PIECE = 16 * 1024 * 1024  # bytes in one write


def open_regular(path: str | os.PathLike[str]) -> int | None:
    """Open a regular file for reading; return its descriptor, or None if there is none.

    Raises:
        OSError: There is one, but it cannot be opened.
    """
    try:
        descriptor = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in _NO_FILE or os.path.isdir(path):  # Windows refuses to open a folder
            return None
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def read_bounded(descriptor: int, longest: int) -> bytes:
    """Return all bytes of an open file.

    Raises:
        OSError: They cannot be read, or are more than `longest` (EFBIG).
    """
    size = os.fstat(descriptor).st_size
    if size > longest:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    data = os.read(descriptor, size + 1)
    pieces = [data]
    while data:  # a network may give less than it was asked for, and writers go on
        data = os.read(descriptor, max(size - sum(map(len, pieces)), 0) + 1)
        pieces.append(data)
        if sum(map(len, pieces)) > longest:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return pieces[0] if len(pieces) == 2 else b"".join(pieces)


def may(path: str | os.PathLike[str], mode: int) -> bool:
    """Whether this process may do something with a file: `os.R_OK`, `os.W_OK`."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def is_regular_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a regular file, and not a link to one."""
    return _has_kind(path, stat.S_IFREG)


def is_real_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder, and not a link to one."""
    return _has_kind(path, stat.S_IFDIR)


def _has_kind(path: str | os.PathLike[str], kind: int) -> bool:
    try:
        return stat.S_IFMT(os.lstat(path).st_mode) == kind
    except OSError:
        return False


def write_flushed(path: Path, data: bytes, mode: int | None = None) -> None:
    """Make a file and have it on the disk; what an interrupted write left there is replaced.

    Args:
        path: Where; the caller flushes the folder.
        data: What.
        mode: Permissions; None for those that new files get.
    """
    _remove_leftover(path)
    descriptor = os.open(path, _WRITE, 0o666)
    try:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest[:_PIECE]) :]
        _flush(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftover(path: Path) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError:
        if not is_real_folder(path):
            raise
        os.rmdir(path)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, so that a power cut leaves them.

    Raises:
        OSError: It cannot be made.
    """
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        if path == path.parent:
            break
        path = path.parent
    for folder in reversed(missing):
        try:
            os.mkdir(folder)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise
        flush_folder(folder.parent)


def flush_folder(path: Path) -> None:
    """Have the names in a folder on the disk: not possible, and not needed, on Windows."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _flush(descriptor)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise
    finally:
        os.close(descriptor)


def _flush(descriptor: int) -> None:
    if sys.platform == "darwin":  # where `fsync` leaves the data in the drive's memory
        import fcntl

        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError:
            pass  # a file system that does not know it
        else:
            return
    os.fsync(descriptor)


def load_error(id_: str, path: Path, error: OSError) -> LoadError:
    """Return the error of one object whose file cannot be read; the others may well be."""
    cause = store_error(path, "read", error)
    return LoadError(cause.reason, cause.advice, id_=id_)


def store_error(path: Path, what: str, error: OSError) -> StoreError:
    """Return the error of a folder or file that cannot be read or written to, with the way out."""
    advice = {
        errno.EACCES: "Ask its owner for permission, or open a copy.",
        errno.EPERM: "Ask its owner for permission, or open a copy.",
        errno.ENOSPC: "Free some space on the disk and try again.",
        errno.EDQUOT: "Your disk quota is used up: free some space and try again.",
        errno.EROFS: "It is on a read-only medium: open a copy.",
        errno.EFBIG: "Its size is no object's: look at the file with another program.",
        errno.EISDIR: "A folder is in the place of a file: move it away.",
        errno.ENOTDIR: "Open the folder that holds the job files.",
    }.get(error.errno or 0, "Check the path and the disk it is on.")
    return StoreError(f"{path} cannot be {what}: {error.strerror or error}.", advice)
