"""Passwords of database servers in the keyring of the system: macOS Keychain, GNOME, KDE, Windows.

The package `keyring` (extra `keyring`) reaches it. Without the package, or without a keyring,
nothing is found and nothing can be kept. A password is kept for a user on a server, not for a
database: that is how servers know it.
"""

from __future__ import annotations

from typing import Any

from persistence.errors import StoreError
from persistence.urls import StoreUrl

__all__ = ["can_be_kept", "find", "forget", "keep"]

_SERVICE = "Jobshelf"
_PORTS = {"postgresql": 5432, "mysql": 3306}


def find(url: StoreUrl) -> str | None:
    """Return the password that is kept for the user and the server of an address, if any.

    The system may ask the user to unlock the keyring: do not call this on a GUI thread.
    """
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        found = keyring.get_password(_SERVICE, account_of(url))
    except Exception:  # noqa: BLE001 -- locked, refused, broken: then there is none
        return None
    return found if isinstance(found, str) else None


def keep(url: StoreUrl, password: str) -> None:
    """Keep a password for the user and the server of an address.

    Raises:
        StoreError: There is no keyring, or it refuses.
    """
    keyring = _keyring()
    if keyring is None:
        raise StoreError(
            "The password is not kept: this system has no keyring that Jobshelf can use.",
            "Install one with pip install jobshelf[keyring], or use ~/.pgpass.",
        )
    try:
        keyring.set_password(_SERVICE, account_of(url), password)
    except Exception as error:  # noqa: BLE001 -- backends raise what they like
        raise StoreError(
            f"The keyring of the system does not keep the password: {type(error).__name__}.",
            "Unlock it and try again, or enter the password each time.",
        ) from None  # what the backend says may hold the password


def forget(url: StoreUrl) -> None:
    """Remove the password that is kept for the user and the server of an address, if any."""
    keyring = _keyring()
    if keyring is not None and find(url) is not None:
        keyring.delete_password(_SERVICE, account_of(url))


def can_be_kept() -> bool:
    """Whether this system has a keyring that can be used."""
    return _keyring() is not None


def account_of(url: StoreUrl) -> str:
    """Return under which name the password of an address is kept.

    >>> account_of(StoreUrl.parse("mariadb+pymysql://me@db.lab/runs#table=x"))
    'mysql://me@db.lab:3306'
    """
    scheme = {"mariadb": "mysql"}.get(url.base_scheme, url.base_scheme)
    port = url.port or _PORTS.get(scheme, 0)
    return f"{scheme}://{url.user or ''}@{url.host or 'localhost'}:{port}"


def _keyring() -> Any:
    """Return the module `keyring` if it is installed and has something to keep secrets in."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return None
    backend = keyring.get_keyring()
    return None if isinstance(backend, (fail.Keyring, null.Keyring)) else keyring
