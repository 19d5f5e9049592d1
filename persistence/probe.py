"""What is at an address: looked up without making, changing or running anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from persistence.errors import DecodeError, StoreError
from persistence.filesystem import FilesystemStore
from persistence.pickles import decode
from persistence.registry import make_store
from persistence.session import find_session
from persistence.store import Store
from persistence.urls import StoreUrl

__all__ = ["Description", "check_holds_objects", "describe"]

_HEAD = 64 * 1024  # bytes: a folder of films must not be read to say that it is one
_HIGHEST_PROTOCOL = 5
_SAMPLE = 20  # files that are tried before a folder is said to hold no objects


@dataclass(frozen=True)
class Description:
    """What is at an address.

    Attributes:
        kind: "SQLite database", "folder", "GC3Pie session"…
        container: Which part of it: "table campaign", or "".
        count: The number of objects.
        writer: "GC3Pie", "Jobshelf", or "" where it cannot be told.
        notices: What the user should know before opening it.
    """

    kind: str
    container: str
    count: int
    writer: str
    notices: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it in one line.

        >>> Description("SQLite database", "table store", 124, "GC3Pie").sentence
        'SQLite database, table store, 124 objects, written by GC3Pie'
        """
        count = "1 object" if self.count == 1 else f"{self.count:,} objects"
        parts = [self.kind[:1].upper() + self.kind[1:], self.container, count]
        if self.writer:
            parts.append(f"written by {self.writer}")
        return ", ".join(part for part in parts if part)


def describe(uri: str | os.PathLike[str] | StoreUrl) -> Description:
    """Say what store is at an address.

    Raises:
        StoreError: There is none, or it cannot be read; the message says which and why.
    """
    url = StoreUrl.parse(uri)
    is_session = url.scheme == "file" and find_session(Path(url.path)) is not None
    with make_store(url, read_only=True, create=False) as store:
        count = len(store)
        check_holds_objects(store)
        return Description(
            kind=f"GC3Pie session, {store.kind}" if is_session else store.kind,
            container=store.container,
            count=count,
            writer=store.writer,
            notices=tuple(store.notices),
        )


def check_holds_objects(store: Store) -> None:
    """Refuse a folder of other files: it would show as a store of broken objects.

    Files that are empty or damaged do not make a folder a foreign one, if any begins as a
    pickle does: a store that a full disk has cut must open to be repaired.

    Args:
        store: The store; only a `FilesystemStore` can be a folder of anything.

    Raises:
        StoreError: None of the files that were tried is a pickle, or the beginning of one.
    """
    if not isinstance(store, FilesystemStore):
        return
    assert store.url is not None
    tried = [_head(Path(store.url.path) / id_) for id_ in islice(store.names(), _SAMPLE)]
    if any(map(_begins_as_pickle, tried)) or not any(tried) or any(map(_is_pickle, tried)):
        return
    raise StoreError(
        f"{store.url.path} holds {len(store):,} files, but none that was tried is a pickled "
        "object.",
        "Choose the folder that holds the job files.",
    )


def _head(path: Path) -> bytes:
    """Return what a file begins with; nothing of one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _begins_as_pickle(data: bytes) -> bool:
    """Return whether data begin as pickles of protocol 2 and later do."""
    return data[:1] == b"\x80" and len(data) > 1 and 2 <= data[1] <= _HIGHEST_PROTOCOL


def _is_pickle(data: bytes) -> bool:
    """Return whether data are a pickle; those of protocols 0 and 1 are told by nothing else."""
    try:
        decode(data)
    except DecodeError:
        return False
    return True
