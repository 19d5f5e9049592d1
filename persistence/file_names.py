"""Which files of a store's folder are objects, and which names objects can have there."""

from __future__ import annotations

import os
import re

from persistence.file_transaction import LOCK_NAME
from persistence.ids import is_device
from persistence.store import Edit

__all__ = [
    "AS_FILE",
    "BACKUP_SUFFIX",
    "FILE_PREFIX",
    "is_file_name",
    "name_for",
    "name_of_file",
    "names_an_object",
]

BACKUP_SUFFIX = ".OLD"
FILE_PREFIX = "./"
"""How the ID of a file begins that is read as what it is, not as an object."""
AS_FILE = b"file"
"""`Edit.further` of an edit whose ID is that of a file: no object is saved so by accident."""

_LONGEST_NAME = 255  # bytes, on all common file systems
_ELSEWHERE = re.compile(r"[/\0]" if os.name != "nt" else r'[/\\\0-\x1f<>:"|?*]|[. ]$')


def names_an_object(name: str) -> bool:
    """Whether a file of this name, if there is one in the folder, is an object."""
    return bool(
        name
        and not name.startswith(".")
        and not name.endswith(BACKUP_SUFFIX)
        and not _ELSEWHERE.search(name)
    )


def name_for(edit: Edit) -> str | None:
    """Return the name of the file that an edit changes, or None if there can be no such file."""
    if edit.further == AS_FILE and edit.id_.startswith(FILE_PREFIX):
        return name_of_file(edit.id_)
    return edit.id_ if is_file_name(edit.id_) else None


def name_of_file(id_: str) -> str | None:
    """Return the name of a file in the folder that is meant by `./NAME`; None for no such one."""
    name = id_.removeprefix(FILE_PREFIX)
    if name in ("", ".", "..", LOCK_NAME) or _ELSEWHERE.search(name):
        return None
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:  # half a character
        return None
    return name if length <= _LONGEST_NAME else None


def is_file_name(id_: str) -> bool:
    """Whether an ID can name a file of the store, on this system and inside the folder."""
    try:
        length = len(os.fsencode(id_))
    except UnicodeEncodeError:  # half a character
        return False
    is_reserved = os.name == "nt" and is_device(id_)
    return length <= _LONGEST_NAME and names_an_object(id_) and not is_reserved
