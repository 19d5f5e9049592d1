"""Asks which version of Jobshelf is the newest: one request, only when somebody wants to know.

The answer is what GitHub's "latest release" is: a JSON object with `tag_name` and `html_url`
(https://docs.github.com/en/rest/releases/releases#get-the-latest-release). The request carries
the program's name and version and nothing else; nothing is downloaded or installed.
"""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from importlib import metadata
from ipaddress import ip_address
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request

from app import __version__
from app.resource_files import project_address
from app.work.task import Progress
from persistence.errors import StoreError

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPMessage

__all__ = ["Release", "UpdateError", "default_feed", "newest_release", "version_key"]

_SILENCE_SECONDS = 10.0  # without a byte
_PATIENCE_SECONDS = 20.0  # for all of the answer
_MOST_BYTES = 1_000_000  # GitHub's answers have some thousand
_PIECE_BYTES = 16_384
_SETTINGS = "The address stands in Edit ▸ Settings."
# Where systems keep the certificates they trust, for a Python that was built for another one:
# macOS, Debian, Fedora.
_CERTIFICATES = (
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
)
_PROJECT = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
_VERSION = re.compile(
    r"v?(\d{1,9}(?:\.\d{1,9}){0,5})"
    r"(?:[-_.]?(dev|alpha|beta|preview|pre|rc|a|b|c)[-_.]?(\d{0,9}))?(?:\+[\w.-]*)?",
    re.IGNORECASE,
)
_STAGES = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
_FINAL = 4


class UpdateError(StoreError):
    """Nobody said which version is the newest."""


@dataclass(frozen=True, slots=True)
class Release:
    """The newest version that is published.

    Attributes:
        version: As "1.2.0".
        page: Address of a web page on it, or "".
    """

    version: str
    page: str


def default_feed() -> str:
    """Return the address that is asked where the user has set none; "" if none is known.

    It follows from the address of the project, which is part of an installed bundle or stands
    in the metadata of an installed package.
    """
    addresses = [project_address()]
    with suppress(metadata.PackageNotFoundError):  # a checkout that was never installed
        addresses += metadata.metadata("jobshelf").get_all("Project-URL") or []
    for text in addresses:
        if match := _PROJECT.fullmatch(text.rpartition(",")[2].strip()):
            return f"https://api.github.com/repos/{match[1]}/{match[2]}/releases/latest"
    return ""


def version_key(text: str) -> tuple[tuple[int, ...], int, int] | None:
    """Return what versions are compared by, or None if a text is no version.

    >>> version_key("v1.10") > version_key("1.9.3") > version_key("1.9.3rc1")
    True
    >>> version_key("1.2") == version_key("1.2.0")
    True
    """
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    numbers = [int(number) for number in match[1].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    stage = _STAGES[match[2].lower()] if match[2] else _FINAL
    return tuple(numbers), stage, int(match[3] or 0)


def newest_release(feed: str, progress: Progress) -> Release:
    """Ask for the newest release.

    Args:
        feed: The address to ask; HTTPS, or HTTP on this machine.
        progress: Stops the work when nobody waits any more.

    Raises:
        UpdateError: There is no address, nobody answered, or with something else.
    """
    if not feed:
        raise UpdateError(
            "This copy of Jobshelf does not know where its releases are published.",
            "Type the address into Edit ▸ Settings.",
        )
    if not _is_allowed(feed):
        raise UpdateError(f"{feed} is no HTTPS address.", _SETTINGS)
    host = urlsplit(feed).hostname or ""
    try:
        data = _read(feed, progress)
    except HTTPError as error:
        error.close()
        raise _refusal(host, feed, error.code) from error
    except ImportError as error:
        raise UpdateError(
            "No safe connection can be made: this system has no OpenSSL 3."
        ) from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise UpdateError(_why(host, reason), "Try again later.") from error
    return _release(host, data)


def _read(feed: str, progress: Progress) -> bytes:
    """Return what an address answers with."""
    trust = _trust()  # raises ImportError where HTTPSHandler is missing for the same reason
    handlers = [_Redirects(), urllib.request.HTTPSHandler(context=trust)]
    if _is_here(feed):
        handlers.append(ProxyHandler({}))
    request = Request(feed, headers={"User-Agent": f"Jobshelf/{__version__}"})  # noqa: S310
    until = time.monotonic() + _PATIENCE_SECONDS
    data = b""
    with urllib.request.build_opener(*handlers).open(request, timeout=_SILENCE_SECONDS) as answer:
        while piece := answer.read1(_PIECE_BYTES):
            progress.check()
            data += piece
            if time.monotonic() > until:
                raise TimeoutError
            if len(data) > _MOST_BYTES:
                raise UpdateError(f"{urlsplit(feed).hostname} answers without end.", _SETTINGS)
    return data


def _trust() -> ssl.SSLContext:
    """Return what verifies servers by the certificates that this system trusts."""
    import ssl  # the system may have none

    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not (context.cert_store_stats()["x509_ca"] or places.cafile or places.capath):
        for place in _CERTIFICATES:
            if Path(place).is_file():
                context.load_verify_locations(place)
                break
    return context


class _Redirects(HTTPRedirectHandler):
    """Goes where a server sends it only if that is as safe."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if not _is_allowed(newurl) or (req.type == "https" and urlsplit(newurl).scheme != "https"):
            fp.close()
            raise UpdateError(
                f"{urlsplit(req.full_url).hostname} sends on to {newurl}, which is not safe.",
                _SETTINGS,
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_allowed(address: str) -> bool:
    """Whether nobody on the way can read or change what is said."""
    try:
        parts = urlsplit(address)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port, or no address in brackets
        return False
    return has_host and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(address)))


def _is_here(address: str) -> bool:
    """Whether an address is one of this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(host: str, feed: str, status: int) -> UpdateError:
    if status == HTTPStatus.NOT_FOUND:
        return UpdateError(f"{host} knows no release at {feed}.", _SETTINGS)
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS):
        return UpdateError(f"{host} was asked too often from here.", "Try again in an hour.")
    return UpdateError(f"{host} answered with error {status}.", "Try again later.")


def _why(host: str, error: object) -> str:
    """Return in words why a server could not be asked."""
    message = getattr(error, "verify_message", "")
    if message:
        return f"The certificate of {host} cannot be trusted ({message})."
    if isinstance(error, TimeoutError):
        return f"{host} did not answer in time."
    if isinstance(error, socket.gaierror):
        return f"{host} cannot be found; there may be no network."
    if isinstance(error, OSError) and error.strerror:
        return f"{host} cannot be reached ({error.strerror})."
    return f"{host} cannot be reached ({error or type(error).__name__})."


def _release(host: str, data: bytes) -> Release:
    """Return the release that an answer tells."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        answer = None
    tag = answer.get("tag_name") if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping) or not isinstance(tag, str) or version_key(tag) is None:
        raise UpdateError(f"What {host} answered is no release of Jobshelf.", _SETTINGS)
    page = answer.get("html_url")
    return Release(
        tag.strip().lstrip("vV"), page if isinstance(page, str) and _is_allowed(page) else ""
    )
