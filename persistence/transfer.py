"""Copies objects between any two stores, a store to one archive file, and back.

Pickles are copied as they are, and so are IDs, wherever the target takes them. A table of
GC3Pie's takes integers only, and what GC3Pie reads from a folder has texts for IDs: there
objects get other IDs, and the references and `persistent_id` in their pickles are rewritten,
opcode by opcode (`pickles.with_ids`), so that nothing is imported or run. All IDs are given
first, then all objects are written: circles are nothing special.

**What a copy of a store in use is.** Objects are read in batches, not at one instant. A copy
asks the source first for a token (`Store.changes`), and when all is copied, what has changed
since: that is copied again, and so on until a round finds nothing new. The target then holds
every object as it was at the moment of that last question, with all that was there. If after
some rounds the source is still being written to, the report names the objects that may be
older than they are in the source (`CopyReport.outdated`). What was removed meanwhile stays
in the target (`CopyReport.removed`). A source that cannot tell what changed is read once.

**What a kill leaves.** Each batch is one transaction of the target. A copy that is begun
again finds what is there already, by comparing bytes, and goes on with the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from persistence.archive import SUFFIX, ArchiveStore, ArchiveWriter
from persistence.copy_report import CopyReport
from persistence.copying import BATCH, Copy, OnConflict, Progress, chunks, present
from persistence.errors import DecodeError, ReadOnlyError, StoreError
from persistence.id_map import IdMap, usual_ids_file
from persistence.pickles import decode
from persistence.probe import check_holds_objects
from persistence.registry import make_store
from persistence.store import Store
from persistence.urls import StoreUrl

__all__ = [
    "CopyReport",
    "OnConflict",
    "copy",
    "export_store",
    "import_store",
    "open_target",
    "with_references",
]

_DATABASE_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3", ".db3"})


def copy(
    source: Store,
    target: Store,
    ids: Iterable[str | int] | None = None,
    *,
    progress: Progress | None = None,
    on_conflict: OnConflict = "refuse",
    ids_file: Path | None = None,
) -> CopyReport:
    """Copy objects from one store to another; see above for a source that is in use.

    Memory grows with the number of IDs, not with what the objects hold.

    Args:
        source: Where the objects are. Nothing is written there.
        target: Where they go.
        ids: Which objects; None for all. What they refer to is copied only if it is named,
            see `with_references`.
        progress: Called with how much is done and of how much, in the thread of the caller.
            What it raises ends the copy between two batches.
        on_conflict: What to do about an ID under which the target has another object:
            "refuse" to copy anything, "skip" it, or "replace" it.
        ids_file: Where the IDs are kept that objects get in a target that does not take
            theirs; None for a file in the target's folder, or beside its SQLite file. For a
            server there is no such place: without a file of its own, such a copy that was
            killed begins anew.

    Raises:
        ConflictError: The target has another object under one of the IDs.
        ObjectNotFound: One of `ids` is not in the source.
        ReadOnlyError: The target cannot be written to.
        StoreError: One of the stores cannot be read or written any more; what was copied so
            far is whole, and a second call goes on from there.
    """
    if target.read_only:
        raise ReadOnlyError(str(target.url))
    if source is target or (source.url is not None and source.url == target.url):
        raise StoreError(
            f"{source.url} cannot be copied onto itself.", "Choose another place for the copy."
        )
    path = ids_file or usual_ids_file(source, target)
    with IdMap(source, target, path) as map_:
        return Copy(source, target, map_, on_conflict, progress).run(ids)


def export_store(
    source: Store,
    path: str | os.PathLike[str],
    ids: Iterable[str | int] | None = None,
    *,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> CopyReport:
    """Copy a store into one archive file; see `persistence.archive` for its format.

    The file appears under its name when it is whole and was read back.

    Args:
        source: The store.
        path: The file.
        ids: Which objects; None for all.
        progress: As for `copy`.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        StoreError: The file is there already, or cannot be written.
    """
    with ArchiveWriter(path, source, overwrite=overwrite) as archive:
        report = copy(source, archive, ids, progress=progress)
        archive.finish()
    return report


def import_store(
    path: str | os.PathLike[str],
    target: Store,
    *,
    progress: Progress | None = None,
    on_conflict: OnConflict = "refuse",
) -> CopyReport:
    """Copy all objects of an archive file into a store; as `copy`, with the same arguments.

    Raises:
        StoreError: The file is no archive, or an object in it is not what it was; nothing
            has been copied then.
    """
    with ArchiveStore(path, read_only=True) as archive:
        for _ in archive.verify():
            if progress is not None:
                progress(0, 2 * len(archive))
        return copy(archive, target, progress=progress, on_conflict=on_conflict)


def open_target(address: str | os.PathLike[str] | StoreUrl) -> Store:
    """Open a store to copy into; it is made if it is not there.

    A path that is not there and ends as databases do (`.db`, `.sqlite`) is a new SQLite file,
    any other one a new folder.

    Args:
        address: Its address.

    Raises:
        StoreError: It cannot be opened, or is a folder of other files.
    """
    url = StoreUrl.parse(address)
    if url.scheme == "file" and not os.path.lexists(url.path):
        suffix = Path(url.path).suffix.lower()
        if suffix == SUFFIX:
            raise StoreError(
                f"{url.path} is the name of an archive, which no store is copied into.",
                "Export the store to it instead.",
            )
        if suffix in _DATABASE_SUFFIXES or url.table is not None:
            url = url.with_scheme("sqlite")
    store = make_store(url)
    try:
        check_holds_objects(store)
    except BaseException:
        store.close()
        raise
    return store


def with_references(source: Store, ids: Iterable[str | int]) -> list[str]:
    """Return some IDs and those of all that these objects lead to, as far as it is there."""
    found = dict.fromkeys(map(str, ids))
    wanted = list(found)
    while wanted:
        reached: dict[str, None] = {}
        for record in source.read_many(wanted):
            try:
                references = decode(record.data).references
            except DecodeError:
                continue  # what it refers to cannot be told
            reached.update((reference.id, None) for reference in references)
        asked = [id_ for id_ in reached if id_ not in found]
        wanted = [id_ for batch in chunks(asked, BATCH) for id_ in present(source, batch)]
        found.update(dict.fromkeys(wanted))
    return list(found)
