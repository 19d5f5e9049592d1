"""Atomic, durable changes of several files in one folder.

A single file is written to a temporary name, flushed to the disk and renamed. Several files
go through a *transaction folder* beside them:

1. every new file is written there and flushed to the disk;
2. the file `commit`, which lists all changes, appears by a rename: from now on the change
   has happened, whoever dies;
3. the new files are renamed to their places, removed ones are unlinked; doing this again
   does no harm;
4. `commit` and then the transaction folder are removed.

Whoever next holds the folder's lock finishes a transaction that has `commit` and discards
one that has not. A reader that finds `commit` looks up changed files in the transaction
folder first, so it never sees half of a change.

All of this is named `.jobshelf-….OLD`: GC3Pie takes every other file in the folder for an
object. Renames replace the target on every system; flushing a folder is not possible, and
not needed, on Windows.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["LOCK_NAME", "OWN_PREFIX", "OWN_SUFFIX", "FileTransaction", "flush_folder"]

OWN_PREFIX = ".jobshelf-"
OWN_SUFFIX = ".OLD"
LOCK_NAME = f"{OWN_PREFIX}lock{OWN_SUFFIX}"

_FOLDER = f"{OWN_PREFIX}transaction{OWN_SUFFIX}"
_NEW_FILE = f"{OWN_PREFIX}new{OWN_SUFFIX}"
_COMMIT = "commit"
_FILES = "files"


class FileTransaction:
    """Changes files of one folder; the caller holds the folder's lock while writing.

    Args:
        directory: The folder whose files are changed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._folder = directory / _FOLDER
        self._commit = self._folder / _COMMIT
        self._files = self._folder / _FILES

    def run(self, changes: Mapping[str, bytes | None]) -> None:
        """Write (bytes) and remove (None) files by name: all of them, or none.

        Raises:
            OSError: The disk refused; the folder is as it was.
        """
        if len(changes) == 1:
            for name, data in changes.items():
                self._change_one(name, data)
        elif changes:
            self._prepare(changes)
            self.finish()

    def is_pending(self) -> bool:
        """Whether another writer's transaction is under way or was left behind."""
        return self._folder.exists()

    def pending(self) -> dict[str, Path | None]:
        """Return the committed changes that may not be in place: name → file, or removed."""
        try:
            names = json.loads(self._commit.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return {name: self._files / name if kept else None for name, kept in names.items()}

    def finish(self) -> None:
        """Complete a transaction that was committed, discard one that was not."""
        for name, source in self.pending().items():
            if source is None:
                (self._directory / name).unlink(missing_ok=True)
            elif source.exists():
                os.replace(source, self._directory / name)
        flush_folder(self._directory)
        self._commit.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _change_one(self, name: str, data: bytes | None) -> None:
        target = self._directory / name
        if data is None:
            target.unlink(missing_ok=True)
        else:
            new_file = self._directory / _NEW_FILE
            try:
                _write_flushed(new_file, data)
                os.replace(new_file, target)
            except BaseException:
                new_file.unlink(missing_ok=True)
                raise
        flush_folder(self._directory)

    def _prepare(self, changes: Mapping[str, bytes | None]) -> None:
        try:
            self._files.mkdir(parents=True)
            for name, data in changes.items():
                if data is not None:
                    _write_flushed(self._files / name, data)
            flush_folder(self._files)
            # Parents come before their children in a saved graph: put them in place last,
            # so that other programs find what a new object refers to.
            names = {name: data is not None for name, data in reversed(list(changes.items()))}
            new_commit = self._folder / f"{_COMMIT}.new"
            _write_flushed(new_commit, json.dumps(names).encode())
            os.replace(new_commit, self._commit)
            flush_folder(self._folder)
            flush_folder(self._directory)
        except BaseException:
            # Without `commit` nothing has happened; with it, everything has.
            if not self._commit.exists():
                shutil.rmtree(self._folder, ignore_errors=True)
            raise


def _write_flushed(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(path: Path) -> None:
    """Have the names in a folder survive a power cut, where the system needs to be told."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
