"""The database in a stored index: how it is made, and by what it is known to be the right one."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from app.work.conditions import clean
from app.work.index_files import IndexFile
from persistence.errors import StoreError

__all__ = ["DamagedIndex", "copy", "create", "is_damage", "is_index_of", "open_file"]

_FORMAT = 1
_APPLICATION_ID = int.from_bytes(b"JobI", "big")
_CHECKPOINT_PAGES = 8_192


class DamagedIndex(StoreError):
    """The file of an index is not what was written to it."""


def open_file(file: IndexFile, script: str) -> sqlite3.Connection:
    """Open a stored index; begin a new one where it is missing or not what it should be."""
    for is_new in (False, True):
        if is_new:
            file.discard()
        db = sqlite3.connect(file.path, isolation_level=None, timeout=1.0)
        try:
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            if is_new:
                create(db, file.identity, script)
            if is_index_of(db, file.identity, script):
                return db
        except sqlite3.DatabaseError:
            if is_new:
                db.close()
                raise
        db.close()
    raise sqlite3.OperationalError("the index cannot be stored")


def copy(file: IndexFile, script: str, into: sqlite3.Connection) -> bool:
    """Take over what another window has read so far; return whether there was something."""
    name = f"{file.path.as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(name, uri=True, timeout=1.0)) as theirs:
            if not is_index_of(theirs, file.identity, script):
                return False
            theirs.backup(into)
            into.execute("PRAGMA journal_mode = MEMORY")
            return True
    except sqlite3.Error:
        return False


def create(db: sqlite3.Connection, identity: str, script: str) -> None:
    """Make the tables of an index, in one transaction."""
    """Make the tables of an index, in one transaction."""
    db.execute("BEGIN")
    for statement in script.split(";\n"):
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES ('identity', ?)", (clean(identity),))
    db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {_FORMAT}")
    db.execute("COMMIT")


def is_index_of(db: sqlite3.Connection, identity: str, script: str) -> bool:
    """Whether a database is the index of a store, and has nothing else in it."""
    if db.execute("PRAGMA application_id").fetchone() != (_APPLICATION_ID,):
        return False
    if db.execute("PRAGMA user_version").fetchone() != (_FORMAT,):
        return False
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        create(model, identity, script)
        if _schema_of(db) != _schema_of(model):
            return False
    found = db.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
    return bool(found == (clean(identity),))


def _schema_of(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return names and definitions of all that is in a database."""
    return sorted(
        (str(name), str(sql)) for name, sql in db.execute("SELECT name, sql FROM sqlite_master")
    )


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether SQLite says that a file is not a whole database."""
    text = str(error)
    return "malformed" in text or "not a database" in text
