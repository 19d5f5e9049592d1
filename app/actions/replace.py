"""Putting other content under an ID: of a pickle file, or of another object of the store."""

from __future__ import annotations

from pathlib import Path

from persistence.errors import DecodeError, SaveError, StoreError
from persistence.pickles import decode
from persistence.pickles.identity import with_identity
from persistence.records import RecordStore
from persistence.store import Store

__all__ = ["LARGEST_FILE", "content_of_file", "content_of_object"]

LARGEST_FILE = 1 << 30
"""Bytes: a larger file is taken for a mistake."""


def content_of_file(store: Store, id_: str, path: Path) -> bytes:
    """Return the pickle in a file as it is to be stored under an ID.

    The file is decoded symbolically first: nothing in it is run.

    Args:
        store: Where it will be stored.
        id_: The ID it will have.
        path: A file with one pickle.

    Raises:
        SaveError: The file cannot be read, or is no pickle.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise SaveError(
                f"{path} has {size:,} bytes, more than a stored object may have.",
                "Choose a pickle file.",
                id_=id_,
            )
        data = path.read_bytes()
    except OSError as error:
        raise SaveError(
            f"{path} cannot be read: {error.strerror or error}.", "Choose another file.", id_=id_
        ) from error
    try:
        decode(data)
    except DecodeError as error:
        raise SaveError(f"{path} is not a pickle that can be shown. {error}", id_=id_) from error
    return _as_stored(store, id_, data)


def content_of_object(store: Store, id_: str, other: str) -> bytes:
    """Return the pickle of another object as it is to be stored under an ID.

    Args:
        store: Where both are.
        id_: The ID it will have.
        other: The ID of the object whose content it is.

    Raises:
        ObjectNotFound: The other object is no longer there.
        SaveError: It is no pickle that can be decoded.
    """
    data = store.read(other)
    try:
        decode(data)
    except DecodeError as error:
        raise SaveError(f"The content of {other!r} cannot be shown. {error}", id_=id_) from error
    return _as_stored(store, id_, data)


def _as_stored(store: Store, id_: str, data: bytes) -> bytes:
    """Return a pickle that says inside under which ID it is stored, if it can say any."""
    identity = store.identity(id_) if isinstance(store, RecordStore) else id_
    try:
        # GC3Pie refuses to load an object whose own `persistent_id` is another one.
        return with_identity(data, identity)
    except StoreError:
        return data  # a root without attributes, such as a dictionary, carries no ID
