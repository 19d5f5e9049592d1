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
from persistence.urls import StoreUrl

__all__ = ["Description", "describe"]

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
        if isinstance(store, FilesystemStore) and count:
            _check_some_are_pickles(store, count)
        return Description(
            kind=f"GC3Pie session, {store.kind}" if is_session else store.kind,
            container=store.container,
            count=count,
            writer=store.writer,
            notices=tuple(store.notices),
        )


def _check_some_are_pickles(store: FilesystemStore, count: int) -> None:
    """Refuse a folder of other files: it would show as a store of broken objects."""
    for record in islice(store.records(), _SAMPLE):
        try:
            decode(record.data)
        except DecodeError:
            continue
        return
    assert store.url is not None
    raise StoreError(
        f"{store.url.path} holds {count:,} files, but none that was tried is a pickled object.",
        "Choose the folder that holds the job files.",
    )
