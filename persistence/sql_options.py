"""What the address of a database on a server may ask for: time-outs and TLS, by the same names.

    postgresql://me@db.lab/runs?sslmode=verify-full&sslrootcert=/etc/lab-ca.pem&connect_timeout=5

| option              | meaning                                                                  |
|---------------------|--------------------------------------------------------------------------|
| `connect_timeout`   | seconds to wait for the server to answer at all                          |
| `statement_timeout` | seconds that one statement may take; 0 for no limit                      |
| `lock_timeout`      | seconds that a change waits for other writers                            |
| `sslmode`           | one of `TLS_MODES`                                                       |
| `sslrootcert`       | file with the certificates that are trusted; `system` for the system's   |
| `sslcert`, `sslkey` | files with the client's certificate and its private key                  |
| `sslpassword`       | opens the private key                                                    |

The names and the meaning of `ssl…` are libpq's
(https://www.postgresql.org/docs/current/libpq-ssl.html); for PyMySQL they are translated. All
other options go to the driver as they are.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from persistence.errors import StoreError
from persistence.urls import StoreUrl

__all__ = ["CONNECT_SECONDS", "STATEMENT_SECONDS", "TLS_MODES", "ServerOptions"]

CONNECT_SECONDS = 10.0
"""How long a server may take to answer, unless the address says otherwise."""

STATEMENT_SECONDS = 300.0
"""How long one statement may take, unless the address says otherwise."""

TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

_TLS_KEYS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword")
_LONGEST_SECONDS = 86_400.0
_SYSTEM = "system"
# A connection whose other end is gone without a word is given up within about a minute: the
# first question comes after 30 s of silence. (Seconds, but for the last: milliseconds.)
_KEEPALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_GRACE_SECONDS = 30.0  # that the server has to end a statement itself


@dataclass(frozen=True)
class ServerOptions:
    """The options of one address.

    Attributes:
        connect_timeout, statement_timeout, lock_timeout: Seconds; see the module.
        tls: What the address says of TLS, by the names of libpq.
        others: Options of the driver itself.
    """

    connect_timeout: float
    statement_timeout: float
    lock_timeout: float
    tls: Mapping[str, str]
    others: Mapping[str, Any]

    @classmethod
    def of(cls, url: StoreUrl, place: str, patience: float) -> ServerOptions:
        """Read the options of an address.

        Args:
            url: The address.
            place: What messages call it.
            patience: Seconds to wait for other writers, unless the address says otherwise.

        Raises:
            StoreError: A value makes no sense.
        """
        given = parse_qs(url.query, keep_blank_values=True)
        seconds = {
            name: _seconds(name, given.pop(name, [str(default)])[-1], place)
            for name, default in (
                ("connect_timeout", CONNECT_SECONDS),
                ("statement_timeout", STATEMENT_SECONDS),
                ("lock_timeout", patience),
            )
        }
        tls = {key: given.pop(key)[-1] for key in _TLS_KEYS if key in given}
        mode = tls.get("sslmode", "prefer")
        if mode not in TLS_MODES:
            raise StoreError(
                f"{place} asks for sslmode={mode}, which there is not.",
                f"Write one of {', '.join(TLS_MODES)}.",
            )
        for key in ("sslrootcert", "sslcert", "sslkey"):
            path = tls.get(key, _SYSTEM)
            if path != _SYSTEM and not os.path.isfile(path):  # libpq does without some silently
                raise StoreError(
                    f"The file {path!r} ({key}) is not there.",
                    f"Check the path after {key}= in the address.",
                )
        others = {
            key: values[-1] if len(values) == 1 else tuple(values) for key, values in given.items()
        }
        return cls(**seconds, tls=tls, others=others)

    def of_driver(self, driver: str, place: str) -> dict[str, Any]:
        """Return what a driver's `connect` takes for these options.

        Raises:
            StoreError: A certificate cannot be read.
        """
        if driver == "psycopg":
            own: dict[str, Any] = {
                # libpq counts whole seconds, and takes 0 for no limit.
                "connect_timeout": max(1, round(self.connect_timeout)),
                "application_name": "jobshelf",
                "client_encoding": "utf8",
                **_KEEPALIVE,
                **self.tls,
            }
        elif driver == "pymysql":
            own = {
                # The second bounds the greeting; see `answer_seconds` for what comes later.
                "connect_timeout": max(1, round(self.connect_timeout)),
                "read_timeout": max(1, round(self.connect_timeout)),
                "charset": "utf8mb4",
                **self._tls_of_pymysql(place),
            }
        else:
            own = dict(self.tls)
        return {key: value for key, value in own.items() if key not in self.others}

    @property
    def answer_seconds(self) -> float | None:
        """After how long PyMySQL takes a silent server for gone; it has no other means."""
        if not self.statement_timeout:
            return None
        return max(self.statement_timeout, self.lock_timeout) + _GRACE_SECONDS

    def _tls_of_pymysql(self, place: str) -> dict[str, Any]:
        mode, root = self.tls.get("sslmode", "prefer"), self.tls.get("sslrootcert")
        if mode == "disable":
            return {"ssl_disabled": True}
        if mode in ("allow", "prefer") and not self.tls.keys() & {"sslcert", "sslrootcert"}:
            return {}  # PyMySQL encrypts by itself, if the server can
        try:
            context = ssl.create_default_context(cafile=None if root == _SYSTEM else root)
            context.check_hostname = mode == "verify-full"
            # As libpq does: "require" verifies where there is something to verify with.
            if not (mode.startswith("verify-") or (mode == "require" and root)):
                context.verify_mode = ssl.CERT_NONE
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as PyMySQL: MySQL's own lack keys
            if "sslcert" in self.tls:
                context.load_cert_chain(
                    self.tls["sslcert"], self.tls.get("sslkey"), self.tls.get("sslpassword") or ""
                )
        except (OSError, ssl.SSLError) as error:
            raise StoreError(
                f"A certificate or key that the address {place} names cannot be used: "
                f"{getattr(error, 'reason', None) or error.strerror or error}.",
                "Check the paths after sslrootcert=, sslcert= and sslkey=.",
            ) from error
        return {"ssl": context}


def _seconds(name: str, text: str, place: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_SECONDS:
        raise StoreError(
            f"{place} asks for {name}={text}, which is no number of seconds.",
            f"Write {name}=30, for example.",
        )
    return seconds
