"""Persistent IDs that are unique in time: class name, a dot, and a time-ordered UUID.

The unique part is a UUID of version 7 (RFC 9562) in 32 hexadecimal digits: milliseconds
since 1970, then 74 random bits. No counter is shared, so two machines, two processes or a
restart cannot give the same ID twice, and IDs of one class sort by the time they were given.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import Any

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid6 import uuid7

__all__ = ["is_device", "new_id", "order_key"]

_LONGEST_PREFIX = 80  # characters
_MOST_BYTES = 200  # of them: a file's name has at most 255
# A file named like one of these, with any ending, is a device on Windows.
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[\d¹²³]|LPT[\d¹²³])", re.IGNORECASE)
_UNIQUE = 32  # hexadecimal digits at the end of an ID of ours
_HEXADECIMAL = re.compile(r"[0-9a-f]+")
_DIGITS = "0123456789"
_MOST_DIGITS = 18  # of a number


def new_id(obj: Any) -> str:
    """Return a fresh ID for an object, such as "Application.0199c2b7e0f57d3a8c1e5b9a4f6d2c10".

    >>> new_id(3.14).startswith("float.")
    True
    """
    return f"{_prefix(type(obj).__name__)}.{uuid7().int:032x}"


@lru_cache
def _prefix(class_name: str) -> str:
    letters = re.sub(r"\W", "", class_name)[:_LONGEST_PREFIX]
    prefix = letters.encode()[:_MOST_BYTES].decode(errors="ignore") or "Object"
    return f"_{prefix}" if is_device(prefix) else prefix


def is_device(name: str) -> bool:
    """Whether a name means a device to Windows, in any folder and with any ending.

    >>> is_device("nul.pickle"), is_device("Console")
    (True, False)
    """
    return _DEVICE.fullmatch(name.partition(".")[0].rstrip(" ")) is not None


def order_key(id_: str) -> tuple[str, int, str]:
    """Return what IDs sort by: `Application.9` before `Application.10`.

    >>> sorted(["Job.10", "Job.9", "310", "47"], key=order_key)
    ['47', '310', 'Job.9', 'Job.10']
    """
    if (
        len(id_) > _UNIQUE
        and id_[-_UNIQUE - 1] == "."
        and _HEXADECIMAL.fullmatch(id_, len(id_) - _UNIQUE)
    ):
        return id_, -1, id_  # ours: whole, they sort by time
    digits = len(id_) - len(id_.rstrip(_DIGITS))
    if not digits:
        return id_, -1, id_
    digits = min(digits, _MOST_DIGITS)
    return id_[:-digits], int(id_[-digits:]), id_
