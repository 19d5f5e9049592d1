"""Stored indexes: files below the cache folder, one for each store that has to be read for one.

A file is named by the digest of its store's address, and used by one window at a time: who
holds the lock beside it. Another window on the same store starts with a copy of what is in it,
and keeps its own to itself. All files together take a bounded room; those used longest ago go
first. They hold what lists show of objects, so the folder is its owner's alone.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["IndexFile", "IndexFolder"]

_ENDINGS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class IndexFile:
    """The file of one store's index.

    Attributes:
        path: Where it is, or would be.
        identity: What the index is of: an address without password.
        lock: Held as long as the file is ours; None if another window has it.
    """

    path: Path
    identity: str
    lock: FileLock | None

    def discard(self) -> None:
        """Remove the file. Only if it is ours."""
        assert self.lock is not None
        _remove(self.path)

    def release(self) -> None:
        """Let others have the file."""
        if self.lock is not None:
            self.lock.release()


class IndexFolder:
    """Where indexes are stored.

    Args:
        folder: Made when it is needed.
        limit: Bytes that all files together may take; 0 to store none.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self.limit = limit

    def claim(self, identity: str) -> IndexFile | None:
        """Return the file of a store's index, or None where none can be kept."""
        if not self.limit:
            return None
        path = self._folder / f"{sha256(identity.encode()).hexdigest()[:32]}.db"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _locked(path)
            if lock is not None and path.exists():
                os.utime(path)
        except OSError:
            return None  # no room, no permission, no locks: the index is kept for this time only
        self._make_room(keep=path)
        return IndexFile(path, identity, lock)

    def remove_all(self) -> int:
        """Remove all indexes that no window uses; return how many bytes that freed."""
        return sum(_remove_unused(path) for path in self._files())

    def size(self) -> int:
        """Return how many bytes the stored indexes take."""
        return sum(map(_size, self._files()))

    def _make_room(self, keep: Path) -> None:
        files = self._files()
        total = sum(map(_size, files))
        for path in sorted((path for path in files if path != keep), key=_used):
            if total <= self.limit:
                return
            total -= _remove_unused(path)

    def _files(self) -> list[Path]:
        try:
            return list(self._folder.glob("*.db"))
        except OSError:
            return []


def _locked(path: Path) -> FileLock | None:
    """Return the lock of an index, held; None if another window has it."""
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def _remove_unused(path: Path) -> int:
    """Remove an index unless a window uses it; return how many bytes that freed."""
    try:
        lock = _locked(path)
    except OSError:
        return 0
    if lock is None:
        return 0
    size = _size(path)
    _remove(path)
    lock.release()
    with suppress(OSError):
        os.unlink(lock.lock_file)
    return size


def _remove(path: Path) -> None:
    for ending in _ENDINGS:
        with suppress(OSError):
            os.unlink(f"{path}{ending}")


def _size(path: Path) -> int:
    total = 0
    for ending in _ENDINGS:
        with suppress(OSError):
            total += os.stat(f"{path}{ending}").st_size
    return total


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
