"""Which constructor opens the stores of a URL scheme.

Built-in schemes come first, then the entry points of group `jobshelf.stores` (name: the
scheme, value: the constructor), then whatever a program registers. A constructor is
imported when an address needs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from persistence.errors import StoreError, UnknownSchemeError
from persistence.sqlite_header import is_sqlite_file
from persistence.urls import StoreUrl

if TYPE_CHECKING:
    from persistence.store import Store

__all__ = ["ENTRY_POINT_GROUP", "constructors", "make_store", "open_place", "register"]

ENTRY_POINT_GROUP = "jobshelf.stores"

StoreConstructor = Callable[..., "Store"]

# scheme → constructor, or "module:name" of one
_constructors: dict[str, StoreConstructor | str] = {
    "file": "persistence.registry:_open_path",
    "sqlite": "persistence.sql:SqlStore",
    "postgresql": "persistence.sql:SqlStore",
    "mysql": "persistence.sql:SqlStore",
    "mariadb": "persistence.sql:SqlStore",
}
constructors: Mapping[str, StoreConstructor | str] = MappingProxyType(_constructors)
"""What is registered now: scheme → constructor, or "module:name" of one not yet imported."""


def register(scheme: str, constructor: StoreConstructor) -> None:
    """Have `make_store` open the addresses of a scheme with a constructor.

    An earlier constructor for the scheme is silently overwritten.

    Args:
        scheme: The URL scheme, up to the first "+".
        constructor: Called with the `StoreUrl` and the extra arguments of `make_store`.

    Raises:
        TypeError: The constructor cannot be called.
    """
    if not callable(constructor):
        raise TypeError(f"The constructor for {scheme!r} stores cannot be called: {constructor!r}")
    _constructors[str(scheme).lower()] = constructor


def make_store(uri: str | os.PathLike[str] | StoreUrl, *args: Any, **extra_args: Any) -> Store:
    """Open the store at an address.

    Args:
        uri: A path or a URL. A path opens as what is there: a SQLite file, an archive file, a
            GC3Pie session directory, or else a folder of pickles.
        *args: Passed to the constructor of the store as they are.
        **extra_args: Passed to the constructor of the store as they are.

    Raises:
        UnknownSchemeError: No store is registered for the scheme.
        StoreError: There is no store that can be opened.

    >>> make_store('file:///tmp').__class__.__name__
    'FilesystemStore'
    >>> make_store('/tmp').__class__.__name__
    'FilesystemStore'
    """
    url = StoreUrl.parse(uri)
    return _constructor(url.base_scheme)(url, *args, **extra_args)


def _constructor(scheme: str) -> StoreConstructor:
    found = _constructors.get(scheme)
    if found is None:
        for entry_point in entry_points(group=ENTRY_POINT_GROUP):
            if entry_point.name == scheme:
                found = _load(entry_point)
                break
        else:
            names = {entry_point.name for entry_point in entry_points(group=ENTRY_POINT_GROUP)}
            raise UnknownSchemeError(scheme, tuple(sorted(names | _constructors.keys())))
    if isinstance(found, str):
        module, _, name = found.partition(":")
        found = getattr(import_module(module), name)
    constructor: StoreConstructor = found
    _constructors[scheme] = constructor
    return constructor


def _load(entry_point: EntryPoint) -> StoreConstructor:
    try:
        constructor: StoreConstructor = entry_point.load()
    except (ImportError, AttributeError) as error:
        raise StoreError(
            f"The package that brings stores for {entry_point.name + ':'!r} addresses, "
            f"{entry_point.value!r}, cannot be imported: {error}.",
            "Install it again, or something that it needs.",
        ) from error
    return constructor


def open_place(url: StoreUrl, *args: Any, **extra_args: Any) -> Store:
    """Open what holds objects at a path itself: a SQLite file, an archive, or a folder.

    Raises:
        StoreError: It is another file.
    """
    from persistence.filesystem import FilesystemStore

    path = Path(url.path)
    if is_sqlite_file(path):
        from persistence.sql import SqlStore

        return SqlStore(url.with_scheme("sqlite"), *args, **extra_args)
    if os.path.isfile(path):  # False also where nobody may look
        from persistence.archive import ArchiveStore, is_zip_file

        if is_zip_file(path):
            return ArchiveStore(url, *args, **extra_args)
        try:
            path.open("rb").close()
        except OSError as error:
            raise StoreError(
                f"{path} cannot be read: {error.strerror or error}.",
                "Ask its owner for permission, or open a copy.",
            ) from error
        if not os.path.getsize(path):
            raise StoreError(f"{path} is an empty file.", "Choose the file that holds the jobs.")
        raise StoreError(
            f"{path} is a file, but neither a SQLite database nor a folder of job files.",
            "Open the folder it is in, or the database that holds the jobs.",
        )
    return FilesystemStore(url, *args, **extra_args)


def _open_path(url: StoreUrl, *args: Any, **extra_args: Any) -> Store:
    """Open what is at a path: also a session directory, as the store that it names."""
    from persistence.session import find_session, open_session

    session = find_session(Path(url.path))
    if session is not None:
        return open_session(session, *args, **extra_args)
    return open_place(url, *args, **extra_args)
