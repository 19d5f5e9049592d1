"""Tool tips that show a text as it is: Qt would take one with tags in it for HTML."""

from __future__ import annotations

from html import escape

__all__ = ["plain"]


def plain(text: str) -> str:
    """Return a text as a tool tip that shows it letter by letter.

    >>> plain("<b>job</b>")
    '<span>&lt;b&gt;job&lt;/b&gt;</span>'
    """
    return f"<span>{escape(text)}</span>" if text else ""
