"""Is a store whole: what is wrong with its objects, and what could be done about it.

`check` reads a store through once and yields a `Problem` for each thing that is not as it
should be, with the repairs that are possible (`repairs` makes them). Pickles are decoded, never
run. Memory does not grow with the store: who refers to whom is kept in a temporary database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from persistence.errors import DecodeError, LoadError, StoreError
from persistence.file_names import BACKUP_SUFFIX, FILE_PREFIX
from persistence.file_transaction import OWN_PREFIX
from persistence.id_map import IDS_PREFIX
from persistence.ledger import Ledger
from persistence.pickles import Object, Pickle, Reference, decode
from persistence.pickles.salvage import salvage
from persistence.session import session_of
from persistence.store import Leftover, Record, Store
from persistence.summary import NOTHING, Digest, digest_of

if TYPE_CHECKING:
    from persistence.session import Session

__all__ = ["Kind", "Problem", "Remedy", "Repair", "Severity", "check"]

_BATCH = 200  # objects that are looked at together
_BATCH_BYTES = 4 * 1024 * 1024
_TEMPORARY_SECONDS = 60.0  # a file that is written now is no leftover
_SESSION_FILES = frozenset(("store.url", "session_ids.txt", "created", "finished"))
_PROBABLY_TEXT = frozenset(range(32, 127)) | {9, 10, 13}

Former = Callable[[str], bytes | None]
"""Gives a version of an object that was kept elsewhere, such as in a journal."""


class Kind(Enum):
    """What is wrong."""

    UNREADABLE = "unreadable object"
    DANGLING = "dangling reference"
    ORPHAN = "orphan"
    WRONG_ID = "wrong ID inside"
    BACKUP = "leftover backup"
    TEMPORARY = "temporary file"
    FOREIGN = "foreign file"
    DAMAGE = "damaged store"
    SCHEMA = "schema"
    DRIFT = "outdated columns"
    CASE = "IDs alike"


class Severity(Enum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


class Remedy(Enum):
    """What a repair does."""

    RESTORE = "restore"
    SALVAGE = "salvage"
    REMOVE = "remove"
    IDENTIFY = "identify"
    UNLINK = "unlink"
    REFER = "refer"
    DISCARD = "discard"
    REWRITE = "rewrite"
    RENAME = "rename"
    RECOVER = "recover"


@dataclass(frozen=True, slots=True)
class Repair:
    """One way to repair a problem.

    Attributes:
        remedy: What is done.
        text: The same for the user: "Restore it from its backup".
        other: For RESTORE "backup" or "former", for REFER the ID to refer to; else "".
    """

    remedy: Remedy
    text: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a store that is not as it should be.

    Attributes:
        id_: The object; `./NAME` for a file that is none; "" for the store itself.
        kind: What is wrong.
        cause: The same in one sentence.
        severity: How bad it is.
        repairs: What can be done, the best first; none where only the user can.
        other: For DANGLING the ID that is missing.
    """

    id_: str
    kind: Kind
    cause: str
    severity: Severity
    repairs: tuple[Repair, ...] = ()
    other: str = ""

    def choosing(self, remedy: Remedy, other: str = "") -> Problem:
        """Return the problem with one of its repairs as the only one.

        Args:
            remedy: Which.
            other: For REFER, the ID to refer to instead.

        Raises:
            ValueError: That repair is not offered.
        """
        for repair in self.repairs:
            if repair.remedy is remedy and (not other or repair.other in ("", other)):
                return replace(self, repairs=(replace(repair, other=other or repair.other),))
        raise ValueError(f"{remedy.value} is not offered for {self.id_!r}: {self.cause}")


def check(
    store: Store,
    progress: Callable[[int, int], object] | None = None,
    *,
    roots: Collection[str] | None = None,
    former: Former | None = None,
    orphans: bool = False,
) -> Iterator[Problem]:
    """Iterate over what is wrong with a store, while it is read through.

    Args:
        store: The store; it may be read-only, and is not changed.
        progress: Called with the number of objects seen, and of all (0 if unknown); what it
            raises ends the check.
        roots: IDs of the objects that others need not refer to. None: those that
            `session_ids.txt` of a GC3Pie session names, if the store is one of a session.
        former: Gives versions that were kept elsewhere, to restore objects from.
        orphans: Whether objects to which nothing refers are listed, as information, also
            where nobody says what the roots are.

    Raises:
        StoreError: The store cannot be read at all.
    """
    session = session_of(store)
    if roots is None and session is not None:
        roots = frozenset(session.ids())
    with closing(Ledger()) as ledger:
        look = _Look(store, ledger, former, is_session=session is not None)
        yield from look.container()
        yield from look.objects(progress)
        yield from look.leftovers()
        yield from look.case()
        if not look.is_whole:
            return  # who refers to what cannot be told of a part
        yield from look.references(session, roots)
        if roots is not None or orphans:
            yield from look.orphans(roots)


class _Look:
    """One look through one store.

    Attributes:
        is_whole: Whether all objects could be listed.
    """

    def __init__(
        self, store: Store, ledger: Ledger, former: Former | None, *, is_session: bool
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._former = former
        self._is_session = is_session
        self.is_whole = True

    def container(self) -> Iterator[Problem]:
        """Look at the folder or database itself."""
        try:
            for fault in self._store.faults():
                if fault.is_damage:
                    yield _damage(fault.sentence)
                else:
                    yield Problem("", Kind.SCHEMA, fault.sentence, Severity.WARNING)
        except StoreError as error:
            yield _damage(str(error))

    def objects(self, progress: Callable[[int, int], object] | None) -> Iterator[Problem]:
        """Look at every object by itself, and note what it refers to."""
        try:
            total = len(self._store)
        except (StoreError, NotImplementedError):
            total = 0
        done = 0
        if progress is not None:
            progress(0, total)
        for batch in _batches(self._records()):
            records: list[tuple[Record, Digest]] = []
            noted: list[tuple[str, Collection[str]]] = []
            for item in batch:
                if isinstance(item, Problem):
                    yield item
                    if item.id_:
                        noted.append((item.id_, ()))
                    continue
                try:
                    pickle = decode(item.data)
                except DecodeError as error:
                    noted.append((item.id_, ()))
                    records.append((item, NOTHING))
                    yield from self._unreadable(item, error)
                else:
                    digest = digest_of(pickle)
                    noted.append((item.id_, digest.references))
                    records.append((item, digest))
                    yield from _wrong_id(item.id_, pickle)
            self._ledger.add(noted)
            yield from self._drift(records)
            done += len(batch)
            if progress is not None:
                progress(done, max(done, total))

    def leftovers(self) -> Iterator[Problem]:
        """Look at the files of the folder that are no objects."""
        for leftover in self._store.leftovers():
            name = leftover.name
            if name.startswith(IDS_PREFIX):
                continue  # a copy that is made again needs it
            if name.startswith(OWN_PREFIX):
                yield from _own_leftover(leftover)
            elif leftover.is_file and name.endswith(BACKUP_SUFFIX):
                yield from self._backup(name.removesuffix(BACKUP_SUFFIX))
            elif leftover.is_file:
                cause = "This hidden file is not one of the store's."
                yield Problem(
                    FILE_PREFIX + name, Kind.FOREIGN, cause, Severity.INFORMATION, (_DISCARD,)
                )
            else:
                cause = "This is a folder, a link or a device, which a store does not have."
                yield Problem(FILE_PREFIX + name, Kind.FOREIGN, cause, Severity.INFORMATION)

    def references(
        self, session: Session | None, roots: Collection[str] | None
    ) -> Iterator[Problem]:
        """Look for references that lead nowhere."""
        for source, target in self._ledger.dangling():
            repairs = (*self._restoring(target), _UNLINK, _REFER)
            yield Problem(
                source,
                Kind.DANGLING,
                f"It refers to {target!r}, which is not in the store.",
                Severity.ERROR,
                repairs,
                target,
            )
        for id_ in sorted(roots or ()) if session is not None else ():
            if id_ not in self._ledger:
                cause = f"The session lists {id_!r}, which is not in the store."
                yield Problem(id_, Kind.DANGLING, cause, Severity.ERROR, self._restoring(id_), id_)

    def orphans(self, roots: Collection[str] | None) -> Iterator[Problem]:
        """Look for objects that nothing leads to."""
        for id_ in self._ledger.unreferenced():
            if roots is None:
                cause = "No object refers to it: it is a starting point, or left over."
                yield Problem(id_, Kind.ORPHAN, cause, Severity.INFORMATION)
            elif id_ not in roots:
                cause = "No object refers to it, and it is not one that the session lists."
                yield Problem(id_, Kind.ORPHAN, cause, Severity.WARNING, (_REMOVE,))

    def case(self) -> Iterator[Problem]:
        """Look for IDs that some disks and databases take for one."""
        for first, *others in self._ledger.alike():
            for id_ in others:
                cause = (
                    f"Its ID differs from {first!r} in capitals only: on disks that do not tell "
                    "them apart, one of the two would be lost."
                )
                yield Problem(id_, Kind.CASE, cause, Severity.WARNING, (_RENAME,), first)

    # Objects

    def _records(self) -> Iterator[Record | Problem]:
        """Iterate over all records; over the problem where one cannot be read."""
        last: str | None = None
        try:
            for record in self._store.records():
                last = record.id_
                yield record
        except NotImplementedError:
            pass  # one by one, below
        except LoadError as error:
            if not error.id_:
                yield _damage(str(error))
        except StoreError as error:
            yield _damage(str(error))
        else:
            return
        try:
            ids = self._store.list()
        except NotImplementedError:
            return
        except StoreError as error:
            self.is_whole = False
            yield _damage(f"Only a part of what it holds can be listed. {error}")
            return
        yield from self._one_by_one(ids[ids.index(last) + 1 :] if last in ids else ids)

    def _one_by_one(self, ids: Sequence[str]) -> Iterator[Record | Problem]:
        for start in range(0, len(ids), _BATCH):
            chunk = ids[start : start + _BATCH]
            try:
                yield from list(self._store.read_many(chunk))
            except (StoreError, NotImplementedError):
                for id_ in chunk:
                    try:
                        yield Record(id_, self._store.read(id_))
                    except KeyError:  # removed since it was listed
                        continue
                    except StoreError as error:
                        yield Problem(
                            id_, Kind.UNREADABLE, str(error), Severity.ERROR, self._restoring(id_)
                        )

    def _unreadable(self, record: Record, error: DecodeError) -> Iterator[Problem]:
        id_, data = record.id_, record.data
        if self._is_session and id_ in _SESSION_FILES:
            return
        damage = error.reason.replace("This pickle", "Its pickle", 1)
        cause = damage if data else "It is empty."
        repairs = [*self._restoring(id_)]
        try:
            found = salvage(data)
        except DecodeError:
            if _looks_foreign(data):
                cause = "This file is no pickle: it does not belong to the store."
                yield Problem(id_, Kind.FOREIGN, cause, Severity.WARNING, (_DISCARD_OBJECT,))
                return
        else:
            place = f"byte {found.offset:,} of {len(data):,}"
            cause = f"Its pickle breaks off at {place}: {found.reason}."
            repairs.append(Repair(Remedy.SALVAGE, "Keep what can be read of it"))
        repairs.append(_REMOVE)
        yield Problem(id_, Kind.UNREADABLE, cause, Severity.ERROR, tuple(repairs))

    def _restoring(self, id_: str) -> tuple[Repair, ...]:
        """Return the repairs that bring an object back, the best first."""
        repairs = []
        if _is_readable(self._file(id_ + BACKUP_SUFFIX)):
            repairs.append(Repair(Remedy.RESTORE, "Restore it from its backup", "backup"))
        if self._former is not None and _is_readable(self._former(id_)):
            text = "Restore the version that Jobshelf kept"
            repairs.append(Repair(Remedy.RESTORE, text, "former"))
        return tuple(repairs)

    def _drift(self, records: Sequence[tuple[Record, Digest]]) -> Iterator[Problem]:
        try:
            found = self._store.drift(records)
        except StoreError as error:
            yield _damage(str(error))
            return
        for id_, columns in found.items():
            are = "is" if len(columns) == 1 else "are"
            cause = f"In its row, {_listed(columns)} {are} not what the pickle says."
            yield Problem(id_, Kind.DRIFT, cause, Severity.WARNING, (_REWRITE,))

    # Files

    def _backup(self, id_: str) -> Iterator[Problem]:
        """Look at the backup that an interrupted save of an object left."""
        backup, data = self._file(id_ + BACKUP_SUFFIX), self._file(id_)
        name = f"{FILE_PREFIX}{id_}{BACKUP_SUFFIX}"
        if data is None and _is_readable(backup):
            cause = "Only its backup is there: a save was interrupted."
            repairs = (*self._restoring(id_), _DISCARD_BACKUP)
            yield Problem(id_, Kind.BACKUP, cause, Severity.ERROR, repairs)
        elif data is not None and _is_readable(backup) and not _is_readable(data):
            if not data.endswith(b"."):  # of any other, the object itself was found unreadable
                cause = "It is cut short, and its backup is shown in its place."
                yield Problem(id_, Kind.UNREADABLE, cause, Severity.ERROR, self._restoring(id_))
        else:
            cause = "This is the backup of an interrupted save, which is no longer needed."
            if not _is_readable(backup):
                cause = "This is a backup of an interrupted save that cannot be read."
            yield Problem(name, Kind.BACKUP, cause, Severity.WARNING, (_DISCARD,))

    def _file(self, name: str) -> bytes | None:
        try:
            return next((r.data for r in self._store.read_many([FILE_PREFIX + name])), None)
        except (StoreError, NotImplementedError):
            return None


_REMOVE = Repair(Remedy.REMOVE, "Delete it")
_DISCARD = Repair(Remedy.DISCARD, "Take the file away")
_DISCARD_OBJECT = Repair(Remedy.REMOVE, "Take the file away")
_DISCARD_BACKUP = Repair(Remedy.DISCARD, "Take the backup away", "backup")
_REWRITE = Repair(Remedy.REWRITE, "Write its row anew")
_IDENTIFY = Repair(Remedy.IDENTIFY, "Write the right ID into it")
_UNLINK = Repair(Remedy.UNLINK, "Take the reference out")
_REFER = Repair(Remedy.REFER, "Point it to another object")
_RENAME = Repair(Remedy.RENAME, "Give it an ID of its own")
_RECOVER = Repair(Remedy.RECOVER, "Recover what can be read into a new database")


def _damage(sentence: str) -> Problem:
    return Problem("", Kind.DAMAGE, sentence, Severity.ERROR, (_RECOVER,))


def _batches(items: Iterable[Record | Problem]) -> Iterator[list[Record | Problem]]:
    """Split into lists of a bounded number of objects and bytes."""
    batch: list[Record | Problem] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item.data) if isinstance(item, Record) else 0
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _wrong_id(id_: str, pickle: Pickle) -> Iterator[Problem]:
    root = pickle.root
    if not isinstance(root, Object) or isinstance(root, Reference):
        return
    inside = root.attributes().get("persistent_id")
    if inside is None:
        return
    found = Reference.to(inside).id
    if found != id_:
        cause = f"Inside, it says that its ID is {found!r}."
        yield Problem(id_, Kind.WRONG_ID, cause, Severity.ERROR, (_IDENTIFY,))


def _own_leftover(leftover: Leftover) -> Iterator[Problem]:
    if time.time() - leftover.modified < _TEMPORARY_SECONDS:
        return  # somebody is writing
    name = FILE_PREFIX + leftover.name
    if leftover.is_file:
        cause = "This is a temporary file of a save that was interrupted."
        yield Problem(name, Kind.TEMPORARY, cause, Severity.WARNING, (_DISCARD,))
    else:
        cause = "A change of several files was interrupted; it is finished at the next save."
        yield Problem(name, Kind.TEMPORARY, cause, Severity.INFORMATION)


def _is_readable(data: bytes | None) -> bool:
    if not data:
        return False
    try:
        decode(data)
    except DecodeError:
        return False
    return True


def _looks_foreign(data: bytes) -> bool:
    """Whether data of which no part is a pickle are a text or the like."""
    head = data[:64]
    return bool(head) and head[:1] != b"\x80" and all(byte in _PROBABLY_TEXT for byte in head)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
