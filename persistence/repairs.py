"""What can be done about the problems of a store, as changes that can be taken back.

Nothing is written while a repair is worked out: `plan` reads the objects, and gives for each
record that would be changed its bytes before and after. Several problems of one object make one
change. `repair` makes all of them in one transaction; an application writes them into its
journal first. Either way a change is refused if the record is not as it was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from persistence.errors import EditError, PathError, StoreError
from persistence.file_names import AS_FILE, BACKUP_SUFFIX, FILE_PREFIX
from persistence.integrity import Former, Problem, Remedy, Repair
from persistence.pickles import Pickle, decode, encode, find_references, with_identity
from persistence.pickles.edit import Change, apply
from persistence.pickles.salvage import salvage
from persistence.store import ABSENT, Edit, Store

__all__ = ["Plan", "Refusal", "Rewrite", "plan", "repair"]

_MOST_REFERENCES = 100_000  # that are taken out of one object
_IN_LIST = re.compile(r"\[\d+\]$")  # or under a number in a dictionary, or in a tuple
_MOST_NAMES = 1_000  # that are tried for an object that needs another one


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One record before and after a repair.

    Attributes:
        id_: Persistent ID, or `./NAME` for a file.
        before: Its bytes; None for "not there".
        after: Its bytes afterwards; None for "not there".
        further: See `Edit.further`.
    """

    id_: str
    before: bytes | None
    after: bytes | None
    further: bytes = b""

    def edit(self) -> Edit:
        """Return the change."""
        return Edit(
            self.id_, self.after, ABSENT if self.before is None else self.before, self.further
        )

    def inverse(self) -> Edit:
        """Return the change that takes it back."""
        return Edit(
            self.id_, self.before, ABSENT if self.after is None else self.after, self.further
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem that was not repaired.

    Attributes:
        problem: Which.
        reason: Why not, in one sentence.
    """

    problem: Problem
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What repairs come to.

    Attributes:
        rewrites: The records that are changed, each once.
        repaired: The problems that are gone afterwards, each with the repair that was made.
        refused: The problems that stay.
    """

    rewrites: tuple[Rewrite, ...]
    repaired: tuple[tuple[Problem, Repair], ...]
    refused: tuple[Refusal, ...]

    def inverse(self) -> list[Edit]:
        """Return the changes that take all of it back."""
        return [rewrite.inverse() for rewrite in reversed(self.rewrites)]


def plan(store: Store, problems: Iterable[Problem], former: Former | None = None) -> Plan:
    """Work out the repairs of some problems; nothing is written.

    Args:
        store: The store.
        problems: Of each the first repair is made: see `Problem.choosing`.
        former: Gives versions that were kept elsewhere; as for `check`.
    """
    desk = _Desk(store, former)
    repaired: list[tuple[Problem, Repair]] = []
    refused: list[Refusal] = []
    for problem in problems:
        if not problem.repairs:
            refused.append(Refusal(problem, "There is no repair that could be made for you."))
            continue
        chosen = problem.repairs[0]
        try:
            _REMEDIES[chosen.remedy](desk, problem, chosen)
        except StoreError as error:
            desk.drop()
            refused.append(Refusal(problem, str(error)))
        else:
            desk.keep()
            repaired.append((problem, chosen))
    return Plan(desk.rewrites(), tuple(repaired), tuple(refused))


def repair(store: Store, problems: Iterable[Problem], former: Former | None = None) -> Plan:
    """Repair some problems in one transaction; return what was done.

    Args:
        store: The store.
        problems: Of each the first repair is made: see `Problem.choosing`.
        former: Gives versions that were kept elsewhere; as for `check`.

    Raises:
        ConflictError: An object was changed in the meantime; nothing was written.
        ReadOnlyError: The store was opened read-only.
    """
    made = plan(store, problems, former)
    if made.rewrites:
        store.apply([rewrite.edit() for rewrite in made.rewrites])
    return made


class _Desk:
    """The records as they will be, over those of the store.

    What is put counts when `keep` is called; `drop` forgets what was put since then.
    """

    def __init__(self, store: Store, former: Former | None) -> None:
        self.store = store
        self.former = former
        self._before: dict[str, bytes | None] = {}
        self._after: dict[str, bytes | None] = {}
        self._put: dict[str, bytes | None] = {}

    def keep(self) -> None:
        """Have what was put count."""
        self._after.update(self._put)
        self._put.clear()

    def drop(self) -> None:
        """Forget what was put since `keep`."""
        self._put.clear()

    def read(self, id_: str) -> bytes | None:
        """Return the bytes of a record as they will be; None if there will be none."""
        id_ = self._name(id_)
        for written in (self._put, self._after):
            if id_ in written:
                return written[id_]
        if id_ not in self._before:
            found = next((record.data for record in self.store.read_many([id_])), None)
            self._before[id_] = found
        return self._before[id_]

    def there(self, id_: str) -> bytes:
        """Return the bytes of a record that has to be there."""
        data = self.read(id_)
        if data is None:
            raise StoreError("It is no longer there.", "Check the store again.")
        return data

    def put(self, id_: str, data: bytes | None) -> None:
        """Have a record be of some bytes, or not be there."""
        self.read(id_)  # for the bytes that it has now
        self._put[self._name(id_)] = data

    def rewrites(self) -> tuple[Rewrite, ...]:
        """Return the records that were put."""
        removed = [id_ for id_, data in self._after.items() if data is None]
        further = self.store.further(removed)
        return tuple(
            Rewrite(
                id_,
                self._before[id_],
                data,
                AS_FILE if id_.startswith(FILE_PREFIX) else further.get(id_, b""),
            )
            for id_, data in self._after.items()
            if self._before[id_] is not None or data is not None
        )

    def _name(self, id_: str) -> str:
        """Return the ID under which an object was put: maybe as a file."""
        as_file = FILE_PREFIX + id_
        return as_file if as_file in self._put or as_file in self._after else id_


def _restore(desk: _Desk, problem: Problem, chosen: Repair) -> None:
    id_ = problem.other or problem.id_
    if chosen.other == "backup":
        name = FILE_PREFIX + id_
        backup = desk.read(name + BACKUP_SUFFIX)
        if backup is None:
            if desk.read(id_) is not None:
                return  # another problem of the same object has brought it back
            raise StoreError("Its backup is no longer there.", "Check the store again.")
        desk.put(name, backup)
        desk.put(name + BACKUP_SUFFIX, None)
        return
    data = None if desk.former is None else desk.former(id_)
    if data is None:
        raise StoreError("No version of it is kept any more.", "Choose another repair.")
    desk.put(id_, data)


def _salvage(desk: _Desk, problem: Problem, _: Repair) -> None:
    desk.put(problem.id_, salvage(desk.there(problem.id_)).whole)


def _remove(desk: _Desk, problem: Problem, _: Repair) -> None:
    desk.there(problem.id_)
    desk.put(problem.id_, None)


def _discard(desk: _Desk, problem: Problem, chosen: Repair) -> None:
    name = problem.id_
    if chosen.other == "backup":
        name = f"{FILE_PREFIX}{name}{BACKUP_SUFFIX}"
    desk.there(name)
    desk.put(name, None)


def _identify(desk: _Desk, problem: Problem, _: Repair) -> None:
    identity: Callable[[str], str | int] = getattr(desk.store, "identity", str)
    data = with_identity(desk.there(problem.id_), identity(problem.id_))
    desk.put(problem.id_, data)


def _rewrite(desk: _Desk, problem: Problem, _: Repair) -> None:
    desk.put(problem.id_, desk.there(problem.id_))


def _unlink(desk: _Desk, problem: Problem, _: Repair) -> None:
    pickle = decode(desk.there(problem.id_))
    for _number in range(_MOST_REFERENCES):
        path = _path_to(pickle, problem.other)
        if path is None:
            desk.put(problem.id_, encode(pickle))
            return
        pickle = _without(pickle, path)
    raise StoreError(f"It refers to {problem.other!r} at too many places.", "Edit it by hand.")


def _refer(desk: _Desk, problem: Problem, chosen: Repair) -> None:
    if not chosen.other:
        raise StoreError("It is not said what it shall refer to.", "Choose an object.")
    _redirect(desk, problem.id_, problem.other, chosen.other)


def _redirect(desk: _Desk, id_: str, former: str, target: str) -> None:
    pickle = decode(desk.there(id_))
    for _number in range(_MOST_REFERENCES):
        path = _path_to(pickle, former)
        if path is None:
            desk.put(id_, encode(pickle))
            return
        pickle = apply(pickle, Change("refer", path, target))
    raise StoreError(f"It refers to {former!r} at too many places.", "Edit it by hand.")


def _rename(desk: _Desk, problem: Problem, _: Repair) -> None:
    id_ = problem.id_
    data = desk.there(id_)
    fresh = next(
        (
            name
            for name in (f"{id_}-{number}" for number in range(2, _MOST_NAMES))
            if desk.read(name) is None
        ),
        None,
    )
    if fresh is None:
        raise StoreError("No ID was found that it could have.", "Rename it by hand.")
    for referrer in desk.store.referrers(id_):
        if referrer != id_:
            _redirect(desk, referrer, id_, fresh)
    identity: Callable[[str], str | int] = getattr(desk.store, "identity", str)
    desk.put(fresh, with_identity(data, identity(fresh)))
    desk.put(id_, None)


def _recover(_desk: _Desk, _problem: Problem, _chosen: Repair) -> None:
    raise StoreError(
        "A damaged database is not repaired in its place.",
        "Recover what can be read into a new one: Store ▸ Recover Corrupt Database….",
    )


_REMEDIES: dict[Remedy, Callable[[_Desk, Problem, Repair], Any]] = {
    Remedy.RESTORE: _restore,
    Remedy.SALVAGE: _salvage,
    Remedy.REMOVE: _remove,
    Remedy.IDENTIFY: _identify,
    Remedy.UNLINK: _unlink,
    Remedy.REFER: _refer,
    Remedy.DISCARD: _discard,
    Remedy.REWRITE: _rewrite,
    Remedy.RENAME: _rename,
    Remedy.RECOVER: _recover,
}


def _path_to(pickle: Pickle, target: str) -> str | None:
    """Return where an object is referred to last in a pickle, or None."""
    found = None
    for path, reference in find_references(pickle):
        if reference.id == target:
            found = path
    return found


def _without(pickle: Pickle, path: str) -> Pickle:
    """Return a pickle with an item of a list left out, or None in the place of another value."""
    if _IN_LIST.search(path):
        try:
            return apply(pickle, Change("delete", path))
        except (EditError, PathError):
            pass  # a tuple: the others would move up
    return apply(pickle, Change("set", path, "None"))
