"""The errors of a job store: one class per cause, each with the sentence a user reads.

Every class carries fields, composes its message from them, says in `advice` what to do
next, and survives pickling (errors cross process boundaries). A message names the store
by its address without password. What a stranger's store has named may stand in it, so it is
one line, with nothing in it that could move or reverse what is written.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ConflictError",
    "DecodeError",
    "EditError",
    "InDoubtError",
    "LiteralError",
    "LoadError",
    "ObjectNotFound",
    "PasswordError",
    "PathError",
    "ReadOnlyError",
    "SaveError",
    "StoreError",
    "StoreMissing",
    "UnknownSchemeError",
    "one_line",
]

_LONGEST_SHOWN = 200  # characters of a path in a message


def one_line(text: str) -> str:
    r"""Return a text with its control and bidirectional characters as escapes.

    >>> one_line("jobs\x1b[2J\u202e")
    'jobs\\x1b[2J\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class StoreError(Exception):
    """Something outside this program keeps a store from doing what was asked.

    Attributes:
        reason: One sentence: what is wrong, naming the object and the store.
        advice: One sentence: the way out, or "" where there is none to give.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        reason, advice = one_line(reason), one_line(advice)
        super().__init__(reason, advice)
        self.reason = reason
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.reason} {self.advice}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses take other arguments than `args` holds: rebuild from the fields.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[StoreError], args: tuple[Any, ...], fields: dict[str, Any]) -> StoreError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(fields)
    return error


class ObjectNotFound(StoreError, KeyError):
    """The store holds no object under this ID.

    Attributes:
        id_: The persistent ID that was asked for.
        store: Address of the store, without password.
    """

    def __init__(self, id_: str, store: str) -> None:
        super().__init__(
            f"There is no object {id_!r} in {store}.",
            "It may have been removed: list the store again.",
        )
        self.id_ = id_
        self.store = store


class LoadError(StoreError):
    """A stored object cannot be brought back.

    Attributes:
        id_: The persistent ID of the object that was being loaded.
        store: Address of the store, without password.
    """

    def __init__(self, reason: str, advice: str = "", *, id_: str = "", store: str = "") -> None:
        super().__init__(reason, advice)
        self.id_ = id_
        self.store = store


class SaveError(StoreError):
    """An object cannot be saved; the store is as it was.

    Attributes:
        id_: The persistent ID of the object, or "" if it has none yet.
        store: Address of the store, without password, or "" where it is not the store's fault.
    """

    def __init__(self, reason: str, advice: str = "", *, id_: str = "", store: str = "") -> None:
        super().__init__(reason, advice)
        self.id_ = id_
        self.store = store


class ConflictError(StoreError):
    """The stored bytes are not the ones the caller had read; nothing was written.

    Attributes:
        id_: Persistent ID.
        store: Address of the store, without password.
        expected: SHA-256 of the pickle the caller had read, hex; "" for "no object".
        found: SHA-256 of the pickle that is stored, hex; "" for "no object".
    """

    def __init__(self, id_: str, store: str, expected: str, found: str) -> None:
        happened = "was removed" if not found else "was changed" if expected else "was created"
        super().__init__(
            f"Object {id_!r} in {store} {happened} by another program since it was read.",
            "Nothing was written: refresh, compare and decide again.",
        )
        self.id_ = id_
        self.store = store
        self.expected = expected
        self.found = found


class ReadOnlyError(StoreError):
    """The store was opened for reading only.

    Attributes:
        store: Address of the store, without password.
    """

    def __init__(self, store: str, why: str = "it was opened read-only") -> None:
        super().__init__(
            f"{store} cannot be changed: {why}.", "Open it again with permission to write."
        )
        self.store = store


class StoreMissing(StoreError):
    """There is no store at an address, but one could be made there."""


class PasswordError(StoreError):
    """A server wants a password, or another one than it was given.

    Attributes:
        store: Address of the store, without password.
        was_given: Whether there was a password, in the address or elsewhere.
        can_be_kept: Whether this system has a keyring that could keep one.
    """

    def __init__(self, reason: str, advice: str, store: str, *, was_given: bool) -> None:
        super().__init__(reason, advice)
        self.store = store
        self.was_given = was_given
        self.can_be_kept = False


class InDoubtError(StoreError):
    """The connection broke in the moment of saving: the change may be stored or not.

    All of it is stored, or nothing. Reading the objects again tells.
    """

    def __init__(self, store: str) -> None:
        super().__init__(
            f"The connection to {store} was lost in the moment of saving.",
            "The change may be saved or not: refresh, and look before trying again.",
        )


class UnknownSchemeError(StoreError, KeyError):
    """No constructor is registered for the scheme of a store address.

    Attributes:
        scheme: The scheme that is unknown.
        known: The schemes that are known, sorted.
    """

    def __init__(self, scheme: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"No store is known for addresses that begin with {scheme + ':'!r}.",
            f"Known are: {', '.join(known)}.",
        )
        self.scheme = scheme
        self.known = known


class DecodeError(StoreError):
    """A pickle is damaged, or asks for more than its size allows.

    Attributes:
        offset: Byte offset of the opcode at fault, or None where it cannot be told.
        limit: The bound that was passed, or None.
        actual: What the pickle asked for, or None.
        id_: The persistent ID of the object, or "" where only its bytes are known.
        store: Address of the store, without password, or "".
    """

    def __init__(
        self,
        reason: str,
        offset: int | None = None,
        *,
        limit: int | None = None,
        actual: int | None = None,
    ) -> None:
        place = "" if offset is None else f" at byte {offset}"
        super().__init__(f"This pickle cannot be decoded: {reason}{place}.")
        self.offset = offset
        self.limit = limit
        self.actual = actual
        self.id_ = ""
        self.store = ""

    def name_object(self, id_: str, store: str) -> None:
        """Say in the message which stored object this is about."""
        self.reason = one_line(self.reason.replace("This pickle", f"Object {id_!r} in {store}", 1))
        self.advice = "`read` gives its bytes as they are."
        self.args = (self.reason, self.advice)
        self.id_ = id_
        self.store = store


class PathError(StoreError, ValueError):
    """A path into an object is none, or leads nowhere.

    Attributes:
        path: The path, as it was given.
        step: The part of it that failed, or "" if it cannot be read at all.
    """

    def __init__(self, path: str, reason: str, step: str = "") -> None:
        shown = path if len(path) <= _LONGEST_SHOWN else f"{path[:_LONGEST_SHOWN]}…"
        super().__init__(f"The path {shown!r} leads nowhere: {reason}.")
        self.path = path
        self.step = step


class LiteralError(StoreError, ValueError):
    """A text that was typed is no value.

    Attributes:
        text: The text.
        offset: Where it is at fault, in characters.
    """

    def __init__(self, text: str, reason: str, offset: int = 0) -> None:
        place = f" (at character {offset + 1})" if offset else ""
        super().__init__(
            f"This is no value: {reason}{place}.",
            "Write it as in Python: 12.5, 'text', ['a', 'b'], {'key': True}.",
        )
        self.text = text
        self.offset = offset


class EditError(StoreError):
    """An object cannot be changed in the way that was asked for; it is as it was.

    Attributes:
        path: The path of what was to be changed.
    """

    def __init__(self, path: str, reason: str, advice: str = "") -> None:
        super().__init__(reason, advice)
        self.path = path
