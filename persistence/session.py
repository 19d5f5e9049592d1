"""GC3Pie session directories: a campaign's task list and the address of its store.

A session directory holds `store.url` (the address of the store), `session_ids.txt` (the IDs
of the campaign's top-level tasks, separated by blanks), and the empty or one-line files
`created` and `finished` whose modification times say when. Source: `gc3libs.session` of
GC3Pie 2.6.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from persistence.errors import StoreError, one_line
from persistence.files import open_regular
from persistence.registry import make_store, open_place
from persistence.sqlite_header import is_sqlite_file
from persistence.urls import StoreUrl

if TYPE_CHECKING:
    from persistence.store import Store

__all__ = ["Session", "find_session", "open_session", "session_of"]

_URL_FILE = "store.url"
_IDS_FILE = "session_ids.txt"
_LONGEST_FILE = 64 * 1024 * 1024  # bytes; a million IDs of 60 characters


@dataclass(frozen=True)
class Session:
    """A session directory.

    Attributes:
        directory: Where it is.
        address: What `store.url` says, which may name a place that no longer exists.
    """

    directory: Path
    address: str

    def ids(self) -> list[str]:
        """Return the IDs of the top-level tasks, as GC3Pie wrote them."""
        return _read(self.directory / _IDS_FILE).split()

    @property
    def created(self) -> datetime | None:
        """When the session began (UTC), or None where that is not recorded."""
        return _time_of(self.directory / "created")

    @property
    def finished(self) -> datetime | None:
        """When the session ended (UTC), or None while it has not."""
        return _time_of(self.directory / "finished")


def find_session(directory: Path) -> Session | None:
    """Return the session that a folder is, or None if it is none."""
    # `isfile` is False also where nobody may look.
    if not any(os.path.isfile(directory / name) for name in (_URL_FILE, _IDS_FILE)):
        return None
    return Session(directory, _read(directory / _URL_FILE).strip())


def session_of(store: Store) -> Session | None:
    """Return the session whose objects a folder or file holds, or None if it is none's."""
    if store.url is None or store.url.base_scheme not in ("file", "sqlite"):
        return None
    path = Path(store.url.path)
    for directory in (path, path.parent):
        session = find_session(directory)
        if session is None:
            continue
        try:
            named = StoreUrl.parse(session.address).path
        except StoreError:
            continue
        if PurePosixPath(named).name == path.name or PureWindowsPath(named).name == path.name:
            return session
    return None


def open_session(session: Session, *args: Any, **extra_args: Any) -> Store:
    """Open the store of a session.

    Where `store.url` names a place that is not here (the directory was copied from another
    machine), a folder `jobs` or a database in the session directory is opened instead, and
    the store's `notices` say so.

    Raises:
        StoreError: There is no store at the address, and none in the directory.
    """
    url: StoreUrl | None = None
    try:
        url = StoreUrl.parse(session.address)
        # GC3Pie escapes nothing: a percent sign may be one.
        as_written = StoreUrl.parse(session.address.replace("%", "%25"))
    except StoreError as error:
        reason = f"{_URL_FILE} in {session.directory} is missing or damaged: {error.reason}"
    else:
        for candidate in (url, as_written):
            if candidate.base_scheme not in ("file", "sqlite"):
                return make_store(candidate, *args, **extra_args)
            if os.path.exists(candidate.path):
                return _open(candidate, *args, **extra_args)
        reason = f"{_URL_FILE} names {url}, which is not on this machine."
    beside = _store_beside(session.directory, "" if url is None else url.path)
    if beside is None:
        raise StoreError(
            reason,
            f"Copy the jobs into {session.directory / 'jobs'}, or open their store itself.",
        )
    if url is not None and url.fragment and is_sqlite_file(beside):
        found = StoreUrl("sqlite", str(beside), fragment=url.fragment)
    else:
        found = StoreUrl.parse(beside)
    store = _open(found, *args, **extra_args)
    store.notices.append(one_line(f"{reason} Opened {beside.name!r} beside it instead."))
    return store


def _open(url: StoreUrl, *args: Any, **extra_args: Any) -> Store:
    # Not `make_store`: a session that names itself, or another session, names a folder.
    opens = open_place if url.base_scheme == "file" else make_store
    return opens(url, *args, **extra_args)


def _store_beside(directory: Path, former_path: str) -> Path | None:
    """Return the folder or database in a session directory that was its store."""
    names = [PurePosixPath(former_path).name, PureWindowsPath(former_path).name, "jobs"]
    candidates = [directory / name for name in dict.fromkeys(names) if name not in ("", "..")]
    with suppress(OSError):  # a folder may let its files be opened, but not listed
        candidates += sorted(path for path in directory.iterdir() if is_sqlite_file(path))
    for candidate in candidates:
        if os.path.isdir(candidate) or is_sqlite_file(candidate):
            return candidate
    return None


def _read(path: Path) -> str:
    try:
        descriptor = open_regular(os.path.realpath(path))
        if descriptor is None:
            return ""
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_LONGEST_FILE).decode("utf-8", "replace")
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read: {error.strerror}.", "Check the permissions of the folder."
        ) from error


def _time_of(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    except OSError:
        return None
