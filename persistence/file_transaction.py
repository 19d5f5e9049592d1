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
folder first, so it never sees half of a change. A transaction folder that came with a
stranger's store can change this store alone: it names no file elsewhere, and none of its
parts may be a link.

All of this is named `.jobshelf-….OLD`: GC3Pie takes every other file in the folder for an
object. Renames replace the target on every system; flushing a folder is not possible, and
not needed, on Windows.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from persistence.errors import StoreError
from persistence.files import (
    flush_folder,
    is_real_folder,
    is_regular_file,
    open_regular,
    read_bounded,
    write_flushed,
)

__all__ = ["LOCK_NAME", "OWN_PREFIX", "OWN_SUFFIX", "FileTransaction"]

OWN_PREFIX = ".jobshelf-"
OWN_SUFFIX = ".OLD"
LOCK_NAME = f"{OWN_PREFIX}lock{OWN_SUFFIX}"

_FOLDER = f"{OWN_PREFIX}transaction{OWN_SUFFIX}"
_NEW_FILE = f"{OWN_PREFIX}new{OWN_SUFFIX}"
_COMMIT = "commit"
_FILES = "files"
_LONGEST_COMMIT = 512 * 1024 * 1024  # bytes; millions of names
_ELSEWHERE = re.compile(r"[/\0]" if os.name != "nt" else r"[/\\:\0]")


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

    def run(
        self, changes: Mapping[str, bytes | None], check: Callable[[], None] = lambda: None
    ) -> None:
        """Write (bytes) and remove (None) files by name: all of them, or none.

        Args:
            changes: What each file will hold.
            check: Called at the last moment, when all is written but nothing has happened:
                an error that it raises stops the change.

        Raises:
            OSError: The disk refused; the folder is as it was.
            StoreError: The change is made, but the disk may lose it.
        """
        if len(changes) == 1:
            for name, data in changes.items():
                self._change_one(name, data, check)
        elif changes:
            self._prepare(changes, check)
            # It has happened: readers see it, and where the disk refuses to put it in place
            # now, the next writer will, or is told why not.
            with suppress(OSError):
                self.finish()

    def is_pending(self) -> bool:
        """Whether another writer's transaction is under way or was left behind."""
        return os.path.lexists(self._folder)

    def is_foreign(self) -> bool:
        """Whether what is there is no transaction of ours, which nobody can finish."""
        return self._committed() is None

    def pending(self) -> dict[str, Path | None]:
        """Return the committed changes that may not be in place: name → file, or removed.

        There are none in a transaction folder that is not one of ours.

        Raises:
            OSError: The disk refused to tell.
        """
        names = self._committed() or {}
        return {name: self._files / name if kept else None for name, kept in names.items()}

    def finish(self) -> None:
        """Complete a transaction that was committed, discard one that was not.

        Raises:
            OSError: The disk refused; try again later.
            StoreError: What is there is no transaction of ours, and was left alone.
        """
        names = self._committed()
        if names is None:
            raise StoreError(
                f"{self._folder} is in the place of an interrupted change, but is none.",
                "Move it out of the folder, then the store can be changed.",
            )
        for name, is_kept in names.items():
            if not is_kept:
                _unlink(self._directory / name)
            elif is_regular_file(self._files / name):
                os.replace(self._files / name, self._directory / name)
        if names:
            flush_folder(self._directory)
        self._discard()

    def _committed(self) -> dict[str, bool] | None:
        """Return what `commit` lists: nothing where it is missing, None where it is not ours."""
        if not is_real_folder(self._folder):
            return None if os.path.lexists(self._folder) else {}
        if os.path.lexists(self._files) and not is_real_folder(self._files):
            return None
        descriptor = open_regular(self._commit)
        if descriptor is None:
            return None if os.path.lexists(self._commit) else {}
        try:
            names = json.loads(read_bounded(descriptor, _LONGEST_COMMIT))
        except (ValueError, RecursionError):
            return None
        finally:
            os.close(descriptor)
        is_ours = isinstance(names, dict) and all(
            _is_inside(name) and isinstance(kept, bool) for name, kept in names.items()
        )
        return names if is_ours else None

    def _discard(self) -> None:
        _unlink(self._commit)
        shutil.rmtree(self._folder, ignore_errors=True)
        if os.path.lexists(self._folder):
            # Something in it cannot be removed. `commit` must not come back with a power
            # cut: it would undo what is changed from now on.
            flush_folder(self._folder)

    def _change_one(self, name: str, data: bytes | None, check: Callable[[], None]) -> None:
        target = self._directory / name
        if data is None:
            check()
            _unlink(target)
        else:
            new_file = self._directory / _NEW_FILE
            try:
                write_flushed(new_file, data, _permissions(target))
                check()
                os.replace(new_file, target)
            except BaseException:
                with suppress(OSError):  # the next writer removes it
                    _unlink(new_file)
                raise
        try:
            flush_folder(self._directory)
        except OSError as error:
            raise StoreError(
                f"{name!r} in {self._directory} was changed, but the disk reports an error, and "
                f"may lose the change: {error.strerror or error}.",
                "Read it again, and check the disk.",
            ) from error

    def _prepare(self, changes: Mapping[str, bytes | None], check: Callable[[], None]) -> None:
        try:
            os.mkdir(self._folder)
            os.mkdir(self._files)
            for name, data in changes.items():
                if data is not None:
                    mode = _permissions(self._directory / name)
                    write_flushed(self._files / name, data, mode)
            flush_folder(self._files)
            # Parents come before their children in a saved graph: put them in place last,
            # so that other programs find what a new object refers to.
            names = {name: data is not None for name, data in reversed(list(changes.items()))}
            new_commit = self._folder / f"{_COMMIT}.new"
            write_flushed(new_commit, json.dumps(names).encode())
            flush_folder(self._folder)
            flush_folder(self._directory)
            check()
            os.replace(new_commit, self._commit)
            flush_folder(self._folder)
        except BaseException:
            # Nobody was told that it has happened: where the last flush failed, it has not.
            with suppress(OSError):
                self._discard()
            raise


def _is_inside(name: str) -> bool:
    """Whether a name is that of a file of the folder itself, and not what writers rely on.

    Hidden files are changed, too, when a folder is repaired.
    """
    return name not in ("", ".", "..", LOCK_NAME, _FOLDER) and not _ELSEWHERE.search(name)


def _permissions(path: Path) -> int | None:
    """Return the permissions of a regular file, which one in its place gets; or None."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return None
    return stat.S_IMODE(mode) & 0o777 if stat.S_ISREG(mode) else None


def _unlink(path: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
