"""Keep Python objects ("jobs") in persistent stores, and look into stores without running them.

    >>> from tempfile import TemporaryDirectory
    >>> from types import SimpleNamespace
    >>> with TemporaryDirectory() as folder, make_store(folder) as store:
    ...     id_ = store.save(SimpleNamespace(name="sweep-1", temperature=300))
    ...     job = store.load(id_)
    ...     job.name, store.list() == [id_], store.inspect(id_).root.attributes()["name"]
    ('sweep-1', True, 'sweep-1')

The stores themselves are imported on first use: looking into a pickle needs no database
library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from persistence.errors import (
    ConflictError,
    DecodeError,
    InDoubtError,
    LoadError,
    ObjectNotFound,
    PasswordError,
    ReadOnlyError,
    SaveError,
    StoreError,
    UnknownSchemeError,
)
from persistence.registry import make_store, register
from persistence.store import ABSENT, Changes, Edit, Persistable, Record, Store
from persistence.summary import Summary
from persistence.urls import StoreUrl

if TYPE_CHECKING:
    from persistence.filesystem import FilesystemStore
    from persistence.sql import SqlStore

__all__ = [
    "ABSENT",
    "Changes",
    "ConflictError",
    "DecodeError",
    "Edit",
    "FilesystemStore",
    "InDoubtError",
    "LoadError",
    "ObjectNotFound",
    "PasswordError",
    "Persistable",
    "ReadOnlyError",
    "Record",
    "SaveError",
    "SqlStore",
    "Store",
    "StoreError",
    "StoreUrl",
    "Summary",
    "UnknownSchemeError",
    "make_store",
    "register",
]


def __getattr__(name: str) -> Any:
    if name == "FilesystemStore":
        from persistence.filesystem import FilesystemStore

        return FilesystemStore
    if name == "SqlStore":
        from persistence.sql import SqlStore

        return SqlStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
