"""Database errors, of every driver, as one of Jobshelf's: a sentence and the way out.

SQLite tells what happened by a message, PostgreSQL by a SQLSTATE (but for failed
connections), MySQL and MariaDB by a number. Each is looked up in a table of causes; what is
in none keeps the database's own words.
"""

from __future__ import annotations

import re
import sqlite3
from enum import Enum, auto

from persistence.errors import PasswordError, ReadOnlyError, SaveError, StoreError

__all__ = ["LOST", "Cause", "cause_of", "is_busy", "is_damage", "store_error"]


class Cause(Enum):
    """What a database error means to a user."""

    BUSY = auto()
    CONFLICT = auto()
    REFUSED_ROW = auto()
    READ_ONLY = auto()
    DISK_FULL = auto()
    DISK_FAULT = auto()
    DAMAGED = auto()
    NO_DATABASE_FILE = auto()
    CANNOT_OPEN = auto()
    TOO_LARGE = auto()
    UNKNOWN_HOST = auto()
    REFUSED = auto()
    UNREACHABLE = auto()
    TLS = auto()
    TLS_WANTED = auto()
    PASSWORD_WANTED = auto()
    LOGIN_REFUSED = auto()
    NOT_ADMITTED = auto()
    NO_SUCH_DATABASE = auto()
    NOT_ALLOWED = auto()
    CONNECTION_LOST = auto()
    SHUTTING_DOWN = auto()
    TOO_SLOW = auto()
    TOO_MANY = auto()
    GONE = auto()
    OTHER = auto()


LOST = frozenset({Cause.CONNECTION_LOST, Cause.SHUTTING_DOWN})
"""What ends a connection: the transaction in it, if it was not being committed, is undone."""

# Parts of messages that SQLite (https://sqlite.org/rescode.html) and libpq write in English
# always: the former has numbers only from Python 3.11 on, the latter none for connections.
_BY_MESSAGE = (
    ("database is locked", Cause.BUSY),
    ("table is locked", Cause.BUSY),
    ("locking protocol", Cause.BUSY),
    ("constraint failed", Cause.REFUSED_ROW),
    ("attempt to write a readonly database", Cause.READ_ONLY),
    ("database or disk is full", Cause.DISK_FULL),
    ("disk I/O error", Cause.DISK_FAULT),
    ("database disk image is malformed", Cause.DAMAGED),
    ("malformed database schema", Cause.DAMAGED),
    ("Could not decode to UTF-8", Cause.DAMAGED),
    ("file is not a database", Cause.NO_DATABASE_FILE),
    ("unable to open database file", Cause.CANNOT_OPEN),
    ("string or blob too big", Cause.TOO_LARGE),
    ("no such table", Cause.GONE),
    ("certificate", Cause.TLS),
    ("server does not support SSL", Cause.TLS),
    ("SSL error", Cause.TLS),
    ("[SSL", Cause.TLS),
    ("no encryption", Cause.TLS_WANTED),
    ("no pg_hba.conf entry", Cause.NOT_ADMITTED),
    ("pg_hba.conf rejects", Cause.NOT_ADMITTED),
    ("too many clients", Cause.TOO_MANY),
    ("too many connections", Cause.TOO_MANY),
    ("remaining connection slots", Cause.TOO_MANY),
    ("permission denied for", Cause.NOT_ALLOWED),
    ('database "', Cause.NO_SUCH_DATABASE),
    ('role "', Cause.LOGIN_REFUSED),
    ("no password supplied", Cause.PASSWORD_WANTED),
    ("using password: NO", Cause.PASSWORD_WANTED),
    ("authentication failed", Cause.LOGIN_REFUSED),
    ("the database system is", Cause.SHUTTING_DOWN),
    ("could not translate host name", Cause.UNKNOWN_HOST),
    ("failed to resolve host", Cause.UNKNOWN_HOST),
    ("Name or service not known", Cause.UNKNOWN_HOST),
    ("getaddrinfo failed", Cause.UNKNOWN_HOST),
    ("nodename nor servname", Cause.UNKNOWN_HOST),
    ("Connection refused", Cause.REFUSED),
    ("actively refused it", Cause.REFUSED),
    ("No such file or directory", Cause.UNREACHABLE),
    ("timeout expired", Cause.UNREACHABLE),
    ("connection timeout", Cause.UNREACHABLE),
    ("the connection is closed", Cause.CONNECTION_LOST),
    ("the connection is lost", Cause.CONNECTION_LOST),
    ("server closed the connection", Cause.CONNECTION_LOST),
    ("connection to server", Cause.UNREACHABLE),
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html; a class has two characters.
_BY_SQLSTATE = {
    "55P03": Cause.BUSY,
    "57014": Cause.TOO_SLOW,
    "25P03": Cause.CONNECTION_LOST,  # idle in a transaction for too long
    "40": Cause.CONFLICT,
    "23": Cause.REFUSED_ROW,
    "22": Cause.TOO_LARGE,
    "25006": Cause.READ_ONLY,
    "42501": Cause.NOT_ALLOWED,
    "42P01": Cause.GONE,
    "53100": Cause.DISK_FULL,
    "53300": Cause.TOO_MANY,
    "54": Cause.TOO_LARGE,
    "58": Cause.DISK_FAULT,
    "XX001": Cause.DAMAGED,
    "XX002": Cause.DAMAGED,
    "28": Cause.LOGIN_REFUSED,
    "3D": Cause.NO_SUCH_DATABASE,
    "08": Cause.CONNECTION_LOST,
    "57P01": Cause.SHUTTING_DOWN,
    "57P03": Cause.SHUTTING_DOWN,
    "57P": Cause.CONNECTION_LOST,
}

# https://mariadb.com/kb/en/mariadb-error-code-reference/; from 2000 on the client's own.
_BY_NUMBER = {
    0: Cause.CONNECTION_LOST,  # PyMySQL's word for a connection that it has closed
    1021: Cause.DISK_FULL,
    1040: Cause.TOO_MANY,
    1044: Cause.NOT_ALLOWED,
    1045: Cause.LOGIN_REFUSED,
    1049: Cause.NO_SUCH_DATABASE,
    1053: Cause.SHUTTING_DOWN,
    1129: Cause.NOT_ADMITTED,
    1130: Cause.NOT_ADMITTED,
    1203: Cause.TOO_MANY,
    1226: Cause.TOO_MANY,
    1062: Cause.REFUSED_ROW,
    1048: Cause.REFUSED_ROW,
    1114: Cause.DISK_FULL,
    1142: Cause.NOT_ALLOWED,
    1146: Cause.GONE,
    1153: Cause.TOO_LARGE,
    1194: Cause.DAMAGED,
    1205: Cause.BUSY,
    1213: Cause.CONFLICT,
    1264: Cause.TOO_LARGE,
    1290: Cause.READ_ONLY,
    1364: Cause.REFUSED_ROW,
    1406: Cause.TOO_LARGE,
    1451: Cause.REFUSED_ROW,
    1452: Cause.REFUSED_ROW,
    1698: Cause.LOGIN_REFUSED,
    1792: Cause.READ_ONLY,
    1836: Cause.READ_ONLY,
    1927: Cause.CONNECTION_LOST,
    1969: Cause.TOO_SLOW,
    2002: Cause.UNREACHABLE,
    2003: Cause.UNREACHABLE,
    2005: Cause.UNKNOWN_HOST,
    2006: Cause.CONNECTION_LOST,
    2013: Cause.CONNECTION_LOST,
    2026: Cause.TLS,
    2055: Cause.CONNECTION_LOST,
    3024: Cause.TOO_SLOW,
    3159: Cause.TLS_WANTED,
    4025: Cause.REFUSED_ROW,
}

# Numbers that PyMySQL gives to many things; its words say which.
_VAGUE = (Cause.OTHER, Cause.UNREACHABLE, Cause.LOGIN_REFUSED)

# What libpq says before what matters.
_OPENING = re.compile(r"^connection (?:failed|is bad): |connection to server .* failed: |FATAL: +")

# Sentences; {place} is the store, {words} what the database said.
_SENTENCES: dict[Cause, tuple[type[StoreError], str, str]] = {
    Cause.BUSY: (
        StoreError,
        "{place} is locked by another program, and stayed so for {patience:g} s.",
        "Nothing was written: try again when the other program is done.",
    ),
    Cause.CONFLICT: (
        StoreError,
        "Other programs changed {place} at the same moment, several times over.",
        "Nothing was written: try again.",
    ),
    Cause.REFUSED_ROW: (
        SaveError,
        "The table in {place} does not take the object: {words}.",
        "Nothing was written: look at the table's constraints.",
    ),
    Cause.DISK_FULL: (
        SaveError,
        "There is no space left on the disk of {place}.",
        "Nothing was written: free some space and try again.",
    ),
    Cause.DISK_FAULT: (
        StoreError,
        "The disk of {place} reports an error: {words}.",
        "Copy the store to another disk, and check this one.",
    ),
    Cause.DAMAGED: (
        StoreError,
        "{place} is damaged: {words}.",
        "Make a copy of the file now, and recover what is readable with `sqlite3 FILE .recover`.",
    ),
    Cause.NO_DATABASE_FILE: (
        StoreError,
        "{place} is not a SQLite database (or it is encrypted).",
        "Choose the file that holds the jobs; a folder of job files is opened as a folder.",
    ),
    Cause.CANNOT_OPEN: (
        StoreError,
        "{place} cannot be opened.",
        "Check that the folder exists and that you may read and write it.",
    ),
    Cause.TOO_LARGE: (
        SaveError,
        "{place} does not take a value of this size: {words}.",
        "Nothing was written: save a smaller object, or into another store.",
    ),
    Cause.UNKNOWN_HOST: (
        StoreError,
        "The host of {place} is not known: {words}.",
        "Check how it is written, and that this machine is on the network that knows it.",
    ),
    Cause.REFUSED: (
        StoreError,
        "No database server listens at {place}: the connection was refused.",
        "Check host and port, that the server is running, and that it listens on the network.",
    ),
    Cause.UNREACHABLE: (
        StoreError,
        "The server of {place} cannot be reached: {words}.",
        "Check its name and port, that it is running, and that no firewall is between.",
    ),
    Cause.TLS: (
        StoreError,
        "No encrypted connection to {place} can be made: {words}.",
        "Check sslmode and sslrootcert in the address, and the certificate of the server.",
    ),
    Cause.TLS_WANTED: (
        StoreError,
        "The server takes encrypted connections only to {place}.",
        "Add ?sslmode=require to the address, or choose it under Encryption.",
    ),
    Cause.PASSWORD_WANTED: (
        PasswordError,
        "The server asks for a password for {place}.",
        "Enter it when you are asked, or see docs/servers.md for where it can be kept.",
    ),
    Cause.LOGIN_REFUSED: (
        PasswordError,
        "The server refuses to let this user into {place}.",
        "Check the user name and the password.",
    ),
    Cause.NOT_ADMITTED: (
        StoreError,
        "The server does not let this user or this machine into {place}: {words}.",
        "Ask its administrator for an entry in pg_hba.conf, or for a user of this host.",
    ),
    Cause.NO_SUCH_DATABASE: (
        StoreError,
        "The server of {place} says: {words}.",
        "Check the user, and the database's name after the host; it must be made first.",
    ),
    Cause.NOT_ALLOWED: (
        StoreError,
        "The server does not allow this in {place}: {words}.",
        "Ask the administrator of the database for the permission.",
    ),
    Cause.CONNECTION_LOST: (
        StoreError,
        "The connection to {place} was lost.",
        "Try again: a new connection is made.",
    ),
    Cause.SHUTTING_DOWN: (
        StoreError,
        "The server of {place} takes no requests at the moment: {words}.",
        "Try again in a moment: nothing that was reported as saved is lost.",
    ),
    Cause.TOO_SLOW: (
        StoreError,
        "The server of {place} took longer than {limit:g} s, and was told to stop.",
        "Nothing was written: try again, or add ?statement_timeout=SECONDS to the address.",
    ),
    Cause.TOO_MANY: (
        StoreError,
        "The server of {place} takes no more connections.",
        "Close other programs that use it, or try again later.",
    ),
    Cause.GONE: (
        StoreError,
        "The table of {place} is gone: {words}.",
        "Another program removed it: open the store again.",
    ),
    Cause.OTHER: (StoreError, "{place} cannot be used: {words}.", ""),
}


def cause_of(error: BaseException) -> Cause:
    """Return what a driver's error means."""
    if getattr(getattr(error, "pgconn", None), "needs_password", False):
        return Cause.PASSWORD_WANTED  # libpq tells, whatever language the server speaks
    number = error.args[0] if error.args else None
    found = Cause.OTHER
    if isinstance(number, int):
        found = _BY_NUMBER.get(number, Cause.OTHER)
    elif isinstance(
        sqlstate := getattr(error, "sqlstate", None) or getattr(error, "pgcode", None), str
    ):
        parts = (sqlstate[:length] for length in (5, 3, 2))
        return next((_BY_SQLSTATE[part] for part in parts if part in _BY_SQLSTATE), Cause.OTHER)
    if found not in _VAGUE:
        return found
    text = str(error)
    return next((cause for part, cause in _BY_MESSAGE if part in text), found)


def is_damage(error: BaseException) -> bool:
    """Whether an error, or what caused it, says that a database file is damaged."""
    cause: BaseException | None = error
    while cause is not None:
        is_sqlite = isinstance(cause, sqlite3.DatabaseError)
        if is_sqlite and cause_of(cause) in (Cause.DAMAGED, Cause.NO_DATABASE_FILE):
            return True
        cause = cause.__cause__
    return False


def is_busy(error: BaseException) -> bool:
    """Whether SQLite found the database locked, so that trying again may help."""
    return isinstance(error, sqlite3.OperationalError) and cause_of(error) is Cause.BUSY


def store_error(
    error: BaseException,
    place: str,
    *,
    patience: float = 0.0,
    limit: float = 0.0,
    secret: str | None = None,
) -> StoreError:
    """Return the error to raise in place of a driver's.

    Args:
        error: What the driver raised.
        place: The store, without password.
        patience: Seconds that locks were waited for.
        limit: Seconds that a statement may take.
        secret: A password that must not appear, whatever the driver wrote.
    """
    cause = cause_of(error)
    if cause is Cause.READ_ONLY:
        return ReadOnlyError(place, "the database is read-only")
    kind, sentence, advice = _SENTENCES[cause]
    reason = sentence.format(
        place=place, words=_words(error, secret), patience=patience, limit=limit
    )
    if kind is PasswordError:
        return PasswordError(reason, advice, place, was_given=cause is Cause.LOGIN_REFUSED)
    return kind(reason, advice)


def _words(error: BaseException, secret: str | None) -> str:
    """Return what the database said, in one line without an end mark."""
    is_numbered = len(error.args) > 1 and isinstance(error.args[0], int)
    text = str(error.args[1] if is_numbered else error)
    if secret:
        text = text.replace(secret, "***")
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return _OPENING.sub("", line).rstrip(".") or type(error).__name__
