"""The address of a store: a path or a URL, parsed once, printed without its password.

    /home/me/jobs                                  a folder, a SQLite file or a session
    file:///home/me/jobs                           the same
    sqlite:///data/x.db    sqlite:////data/x.db    both the file /data/x.db
    sqlite:campaign.db#table=runs                  relative to the current folder
    postgresql+psycopg://me@db.lab:5432/runs#table=campaign

URLs have percent escapes, plain paths have none. A relative path is made absolute at once.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit

from persistence.errors import StoreError

__all__ = ["MEMORY", "StoreUrl"]

MEMORY = ":memory:"
"""The path of a SQLite database that lives in memory only."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")  # two letters or more: C: is a drive
_DRIVE = re.compile(r"[A-Za-z]:([\\/]|$)")
_TABLE_SUFFIX = re.compile(r"#table=[^#]*$")
_SECRET_KEYS = frozenset({"password", "passwd", "sslpassword", "ssl_key_password"})
_HIDDEN = "***"


@dataclass(frozen=True, eq=False)
class StoreUrl:
    """The parsed address of a store. Equal to every spelling of the same address.

    Attributes:
        scheme: Lower case, with the driver: "file", "sqlite", "postgresql+psycopg".
        path: For files the absolute path in the form of this system; else the part after
            the host, unescaped, without its leading slash for database servers.
        user, password, host: None where not given.
        port: None where not given.
        query: The text after "?", escaped.
        fragment: The text after "#", unescaped.

    >>> url = StoreUrl.parse("postgresql://me:secret@db.lab/runs#table=campaign")
    >>> url.table, url.path
    ('campaign', 'runs')
    >>> str(url)
    'postgresql://me:***@db.lab/runs#table=campaign'
    """

    scheme: str
    path: str = ""
    user: str | None = None
    password: str | None = None
    host: str | None = None
    port: int | None = None
    query: str = ""
    fragment: str = ""

    @classmethod
    def parse(
        cls, address: str | os.PathLike[str] | StoreUrl, *, windows: bool = os.name == "nt"
    ) -> StoreUrl:
        """Parse a path or a URL.

        Args:
            address: What the user typed; surrounding blanks are ignored.
            windows: Whether paths have drive letters.

        Raises:
            StoreError: The address is empty or malformed.
        """
        if isinstance(address, StoreUrl):
            return address
        if isinstance(address, os.PathLike):
            return cls("file", _absolute(os.fspath(address)))
        text = address.strip()
        if not text:
            raise StoreError("The address is empty.", "Give a path or a URL.")
        if "\0" in text:
            raise StoreError("The address contains a NUL character.", "Give a path or a URL.")
        if _DRIVE.match(text) or not _SCHEME.match(text) or os.path.lexists(text):
            return cls._from_path(text)
        scheme = text[: text.index(":")].lower()
        is_local = scheme in ("file", "sqlite") or scheme.startswith("sqlite+")
        try:
            parts = urlsplit(text)
            port = None if is_local else parts.port
        except ValueError as error:
            raise StoreError(f"{_safe(text)!r} is not a valid URL: {error}.") from None
        fragment = unquote(parts.fragment)
        if is_local:
            path = _local_path(parts, scheme, text, windows)
            return cls(scheme, path, query=parts.query, fragment=fragment)
        path = unquote(parts.path)
        return cls(
            scheme,
            path.removeprefix("/") if parts.netloc else path,
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            host=parts.hostname,
            port=port,
            query=parts.query,
            fragment=fragment,
        )

    @classmethod
    def _from_path(cls, text: str) -> StoreUrl:
        table = _TABLE_SUFFIX.search(text)
        if table and not os.path.lexists(text):
            path = _absolute(text[: table.start()])
            return cls("file", path, fragment=table.group()[1:])
        return cls("file", _absolute(text))

    @property
    def base_scheme(self) -> str:
        """The scheme up to the first "+": what a store is registered under."""
        return self.scheme.split("+", 1)[0]

    @property
    def table(self) -> str | None:
        """The table that `#table=NAME` names (the last one wins), or None."""
        names = parse_qs(self.fragment).get("table")
        return names[-1] if names else None

    def with_path(self, path: str | Path) -> StoreUrl:
        """Return the same address at another path."""
        return replace(self, path=str(path))

    def with_scheme(self, scheme: str) -> StoreUrl:
        """Return the same address under another scheme."""
        return replace(self, scheme=scheme)

    def with_password(self) -> str:
        """Return the whole address, with the password: never print or store it."""
        return self._format(hidden=False)

    def __str__(self) -> str:
        return self._format(hidden=True)

    def __repr__(self) -> str:
        return f"StoreUrl({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                other = StoreUrl.parse(other)
            except StoreError:
                return False
        if not isinstance(other, StoreUrl):
            return NotImplemented
        return self.with_password() == other.with_password()

    def __hash__(self) -> int:
        return hash(self.with_password())

    def _format(self, *, hidden: bool) -> str:
        query = _hide_secrets(self.query) if hidden else self.query
        tail = (f"?{query}" if query else "") + (
            f"#{quote(self.fragment, safe='=&/:.-_~ ')}" if self.fragment else ""
        )
        if self.base_scheme in ("file", "sqlite"):
            path = self.path.replace(os.sep, "/")
            slash = "" if path.startswith("/") else "/"
            return f"{self.scheme}://{slash}{quote(path, safe='/:~@+,=')}{tail}"
        account = ""
        if self.user is not None:
            account = quote(self.user, safe="")
            if self.password is not None:
                account += ":" + (_HIDDEN if hidden else quote(self.password, safe=""))
            account += "@"
        host = self.host or ""
        if ":" in host:
            host = f"[{host}]"
        port = "" if self.port is None else f":{self.port}"
        path = quote(self.path, safe="/:~@+,=")
        if account or host or port:
            return f"{self.scheme}://{account}{host}{port}/{path}{tail}"
        return f"{self.scheme}:{path}{tail}"


def _local_path(parts: SplitResult, scheme: str, text: str, windows: bool) -> str:
    """Return the absolute path that a `file:` or `sqlite:` URL names."""
    path = unquote(parts.path)
    host = parts.netloc
    if MEMORY in (path.lstrip("/"), host):
        return MEMORY
    if windows and host and _DRIVE.match(host + "/"):  # file://C:/jobs
        path, host = f"{host}{path}", ""
    if host not in ("", "localhost"):
        if windows and scheme == "file":
            return f"//{host}{path}"
        host = host.rpartition("@")[2]  # a password may stand before it
        raise StoreError(
            f"{_safe(text)!r} names a host {host!r}, but {scheme}: addresses are on this machine.",
            f"Write three slashes: {scheme}:///{host}{path}.",
        )
    if not path:
        raise StoreError(
            f"{_safe(text)!r} names no file.", f"Write the path after {scheme}:, with slashes."
        )
    if path.startswith("/"):
        path = "/" + path.lstrip("/")
        if windows and _DRIVE.match(path[1:]):
            path = path[1:]
    return path if windows and os.name != "nt" else _absolute(path)


def _absolute(path: str) -> str:
    if path.startswith("~") and not os.path.lexists(path):
        path = os.path.expanduser(path)
    return os.path.abspath(path)


def _hide_secrets(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    if not any(key.lower() in _SECRET_KEYS for key, _ in pairs):
        return query
    return urlencode(
        [(key, _HIDDEN if key.lower() in _SECRET_KEYS else value) for key, value in pairs],
        safe="*",
    )


def _safe(text: str) -> str:
    """Return an address that could not be parsed, without what may be its password."""
    text = re.sub(r"(//[^/@:]*:).*@", rf"\1{_HIDDEN}@", text)
    secrets = "|".join(_SECRET_KEYS)
    return re.sub(rf"(?i)\b({secrets})=[^&#]*", rf"\1={_HIDDEN}", text)
