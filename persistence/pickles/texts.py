"""Texts as they may be shown: on one line, with nothing in them that could mislead.

Control characters could move what is written, and bidirectional controls could reverse it
(CVE-2021-42574): both are shown as escapes, as are characters that have no glyph.
"""

from __future__ import annotations

import re
from unicodedata import category

__all__ = ["escaped", "integer_text", "quoted", "shortened", "text_of"]

_LONGEST_DECIMAL = 2_000  # bits; decimal takes quadratic time
_HIDDEN_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN = re.compile(r"[ -~]*")


def escaped(text: str) -> str:
    r"""Return a text with all that has no glyph of its own as escapes.

    >>> escaped("two\nlines\u202e")
    'two\\nlines\\u202e'
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join([_escape(character) for character in text])


def quoted(text: str) -> str:
    r"""Return a text as a Python literal, with all that has no glyph as escapes.

    >>> quoted("it's")
    '"it\'s"'
    """
    quote = '"' if "'" in text and '"' not in text else "'"
    inner = text.replace("\\", "\\\\").replace(quote, "\\" + quote)
    return f"{quote}{escaped(inner)}{quote}"


def shortened(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters, ending in "…" if it was longer."""
    return text if len(text) <= limit else f"{text[: max(limit - 1, 0)]}…"


def text_of(value: bytes) -> str:
    """Return a byte string of Python 2 as text: UTF-8, else Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def integer_text(value: int) -> str:
    """Return an integer in decimal, or in hexadecimal where decimal would take long."""
    if value.bit_length() < _LONGEST_DECIMAL:
        return str(int(value))
    return hex(value)


def _escape(character: str) -> str:
    if " " <= character <= "~":
        return character
    short = _SHORT_ESCAPES.get(character)
    if short is not None:
        return short
    if category(character) not in _HIDDEN_CATEGORIES:
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
