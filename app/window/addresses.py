"""How the address of a store looks in titles, menus and lists: short, and without password."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from persistence.errors import StoreError
from persistence.urls import StoreUrl

__all__ = ["icon_of", "title_of", "window_title", "without_password"]


def without_password(address: str) -> str:
    """Return an address as it may be remembered: with no password, not even a hidden one."""
    try:
        return str(replace(StoreUrl.parse(address), password=None))
    except StoreError:
        return ""


def title_of(address: str) -> str:
    """Return the short name of a store: its file, folder or database.

    >>> title_of("sqlite:///home/me/campaign.db#table=runs")
    'campaign.db (runs)'
    """
    try:
        url = StoreUrl.parse(address)
    except StoreError:
        return address
    name = Path(url.path).name or url.path or str(url)
    if url.host:
        name = f"{name} on {url.host}"
    return f"{name} ({url.table})" if url.table else name


def window_title(address: str, *, read_only: bool) -> str:
    """Return the title of the window on a store."""
    mode = " (read-only)" if read_only else ""
    return f"{title_of(address)}{mode} — Jobshelf"


def icon_of(address: str) -> str:
    """Return the name of the icon for a kind of store."""
    scheme = address.split(":", 1)[0].split("+", 1)[0]
    if scheme in ("postgresql", "mysql", "mariadb"):
        return "server"
    if scheme == "sqlite" or Path(address).suffix in (".db", ".sqlite", ".sqlite3"):
        return "database"
    return "folder"
