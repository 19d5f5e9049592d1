"""Which ID of one store became which in another, kept in a file while objects are copied.

A store that does not take the IDs of another one gives its own. A copy that is killed and
begun again must find those it gave: otherwise it would copy everything once more. So each is
written here, durably, before the first object is stored under it. The file is one JSON array
`[old, new]` to a line, after a first line that says which stores they are of; it stays, for
later copies of what has changed, and for whoever has old IDs in notes of their own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from persistence.errors import StoreError
from persistence.file_transaction import OWN_PREFIX, OWN_SUFFIX
from persistence.store import Store
from persistence.urls import MEMORY

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["IDS_PREFIX", "IdMap", "usual_ids_file"]

IDS_PREFIX = f"{OWN_PREFIX}ids-"
"""How the name of a file begins that keeps the IDs of a copy, in the folder it was made in."""

_FORMAT = "jobshelf-ids"
_NOT_IN_NAMES = re.compile(r"\W", re.ASCII)


def usual_ids_file(source: Store, target: Store) -> Path | None:
    """Return where the IDs are kept for two stores: beside or in the target, if it is here."""
    if target.url is None or target.url.base_scheme not in ("sqlite", "file"):
        return None
    if target.url.path == MEMORY:
        return None
    pair = sha256(f"{source.url}\n{target.url}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    path = Path(target.url.path)
    if target.url.base_scheme == "file":
        return path / f"{IDS_PREFIX}{pair}{OWN_SUFFIX}"
    return path.with_name(f"{path.name}.jobshelf-ids-{pair}")


class IdMap:
    """The IDs that objects of one store have in another.

    Args:
        source, target: The stores.
        path: The file; it is made when the first ID is given. None keeps nothing.

    Attributes:
        given: ID in the source → ID in the target, where they differ.

    Raises:
        StoreError: The file is of other stores, or another copy is under way.
    """

    def __init__(self, source: Store, target: Store, path: Path | None) -> None:
        self._target = target
        self._path = path
        self._head = {"format": _FORMAT, "source": str(source.url), "target": str(target.url)}
        self._held = ExitStack()
        self._is_held = False
        self.given: dict[str, str] = {}
        if path is not None and path.exists():
            self._hold(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()

    def __getitem__(self, id_: str) -> str:
        """Return the ID in the target; what has no other one there keeps its own."""
        return self.given.get(id_, id_)

    def give(self, ids: Iterable[str]) -> None:
        """Give IDs to those objects whose own the target does not take, and keep them."""
        takes = self._target.takes_id
        wanted = [id_ for id_ in ids if not takes(id_)]
        if wanted and self._path is not None:
            self._hold(self._path)
        new: list[tuple[str, str]] = []
        for id_ in wanted:
            if id_ not in self.given:
                type_name = _NOT_IN_NAMES.sub("", id_.partition(".")[0]) or "Object"
                self.given[id_] = self._target.fresh_id(type_name)
                new.append((id_, self.given[id_]))
        if new and self._path is not None:
            self._append(self._path, new)

    def _hold(self, path: Path) -> None:
        """Read the file, and have no other copy give IDs for the same two stores."""
        if self._is_held:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.with_name(f"{path.stem}-lock{path.suffix}")
            self._held.enter_context(FileLock(lock, timeout=0))
        except Timeout:
            raise StoreError(
                f"{self._head['source']} is being copied to {self._head['target']} already.",
                "Wait for the other program to finish.",
            ) from None
        except OSError as error:
            raise _store_error(path, error) from error
        self._is_held = True
        if path.exists():
            self.given.update(self._read(path))

    def _read(self, path: Path) -> Iterator[tuple[str, str]]:
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                if _parsed(next(lines, "")) != self._head:
                    raise StoreError(
                        f"{path} does not hold the IDs of {self._head['source']} in "
                        f"{self._head['target']}.",
                        "Name another file.",
                    )
                for line in lines:
                    pair = _parsed(line)
                    if isinstance(pair, list) and len(pair) == 2:
                        yield str(pair[0]), str(pair[1])
        except OSError as error:
            raise _store_error(path, error) from error

    def _append(self, path: Path, pairs: list[tuple[str, str]]) -> None:
        is_new = not path.exists()
        # A line that a killed program has cut short is ended first.
        lines = [json.dumps(self._head) if is_new else "", *map(json.dumps, pairs), ""]
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write("\n".join(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _store_error(path, error) from error


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None  # empty, or cut short when its writer was killed: it was not used then


def _store_error(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The IDs that objects get cannot be kept in {path}: {error.strerror or error}.",
        "Nothing was copied: name another file for them.",
    )
