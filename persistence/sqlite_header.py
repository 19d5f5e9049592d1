"""The first bytes of SQLite files, read without disturbing those who use them.

On POSIX systems a process that closes a file loses all its locks on it, also those that
SQLite took through another descriptor: another program could then remove the log that this
one is writing to (https://sqlite.org/howtocorrupt.html, section 2.2). So the descriptor of
every SQLite file that was looked at is kept open, one for each file.

Source of the format: https://sqlite.org/fileformat.html, section 1.3.
"""

from __future__ import annotations

import os
import shutil

__all__ = ["copy_file", "is_in_wal_mode", "is_sqlite_file"]

_MAGIC = b"SQLite format 3\0"
_READ_VERSION = 19  # offset
_WAL = 2
_PIECE = 1024 * 1024  # bytes

_kept_open: dict[tuple[int, int], int] = {}  # (device, inode) → descriptor


def is_sqlite_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a regular file that begins as every SQLite 3 database does."""
    if not os.path.isfile(path):  # a FIFO would block the open
        return False
    try:
        return _header(path).startswith(_MAGIC)
    except OSError:
        return False


def is_in_wal_mode(path: str | os.PathLike[str]) -> bool:
    """Whether a database keeps its changes in a log: SQLite would make one to find out.

    Raises:
        OSError: The file cannot be read.
    """
    header = _header(path)
    return header.startswith(_MAGIC) and header[_READ_VERSION:] == bytes([_WAL])


def copy_file(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Copy a SQLite file, whatever is left of it.

    Raises:
        OSError: It cannot be read, or the copy cannot be written.
    """
    if os.name == "nt":
        shutil.copyfile(path, target)
        return
    _header(path)
    status = os.stat(path)
    kept = _kept_open.get((status.st_dev, status.st_ino))
    # What does not begin as a database is locked by nobody, and may be closed again.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK) if kept is None else kept
    try:
        with open(target, "wb") as file:
            at = 0
            while piece := os.pread(descriptor, _PIECE, at):
                file.write(piece)
                at += len(piece)
    finally:
        if kept is None:
            os.close(descriptor)


def _header(path: str | os.PathLike[str]) -> bytes:
    length = _READ_VERSION + 1
    if os.name == "nt":
        with open(path, "rb") as file:
            return file.read(length)
    status = os.stat(path)
    kept = _kept_open.get((status.st_dev, status.st_ino))
    if kept is not None:
        return os.pread(kept, length, 0)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    header = os.pread(descriptor, length, 0)
    if header.startswith(_MAGIC):
        status = os.fstat(descriptor)
        _kept_open[status.st_dev, status.st_ino] = descriptor
    else:
        os.close(descriptor)
    return header
