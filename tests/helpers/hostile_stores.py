"""Stores from strangers: each kind of trap once, in a folder of its own.

Beside each store lies `outside/precious`, which nothing may change, read or lead to.
"""

from __future__ import annotations

import os
import pickle
import socket
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ZOO", "Trap", "fingerprint", "spring"]

GOOD = pickle.dumps({"name": "good", "state": "NEW"}, 2)
SECRET = b"\x80\x02X\x08\x00\x00\x00preciousq\x00."
_GC3PIE = "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))"
_JOBSHELF = (
    "CREATE TABLE store (seq INTEGER PRIMARY KEY, id VARCHAR(255) NOT NULL UNIQUE, type TEXT,"
    " state TEXT, name TEXT, size INTEGER, saved DOUBLE, change INTEGER, data BLOB)"
)
_META = "CREATE TABLE store_meta (only INTEGER PRIMARY KEY, format, change, last_seq)"
_COMPANIONS = (
    "CREATE TABLE store_references (source, position, target)",
    "CREATE TABLE store_removed (id, change)",
)


@dataclass(frozen=True)
class Trap:
    """A hostile store.

    Attributes:
        set: Makes it in a folder, beside `outside`; returns the address to open.
        refusal: Words of the sentence that says why it is not opened; "" if it is opened.
        ids: What is listed, if it is opened; None where anything may be.
        read_only: Whether it is opened so although nobody asked.
        is_writable: Whether an object can be saved.
    """

    set: Callable[[Path], str | Path]
    refusal: str = ""
    ids: tuple[str, ...] | None = ("Good.1",)
    read_only: bool = False
    is_writable: bool = True


ZOO: dict[str, Trap] = {}
"""What the trap is → the trap."""


def spring(name: str, folder: Path) -> str | Path:
    """Set one trap, and what it is after; return its address."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(SECRET)
    (outside / "Good.1").write_bytes(SECRET)
    return ZOO[name].set(folder)


def fingerprint(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return names, kinds, times of change and contents of all that is in a folder."""
    return dict(_fingerprint(folder))


def _fingerprint(folder: Path) -> Iterator[tuple[str, tuple[int, int, bytes]]]:
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        is_small_file = path.is_file() and not path.is_symlink() and status.st_size < 10**8
        content = path.read_bytes() if is_small_file else b""
        if path.is_symlink():
            content = os.fsencode(os.readlink(path))
        yield str(path.relative_to(folder)), (status.st_mode, status.st_mtime_ns, content)


def _trap(
    name: str,
    refusal: str = "",
    ids: tuple[str, ...] | None = ("Good.1",),
    *,
    read_only: bool = False,
    is_writable: bool = True,
) -> Callable[[Callable[[Path], str | Path]], Callable[[Path], str | Path]]:
    def keep(build: Callable[[Path], str | Path]) -> Callable[[Path], str | Path]:
        ZOO[name] = Trap(build, refusal, ids, read_only, is_writable)
        return build

    return keep


# Folders


def _in_folder(
    name: str,
    build: Callable[[Path], object],
    ids: tuple[str, ...] = ("Good.1",),
    *,
    is_writable: bool = True,
) -> None:
    def set_(folder: Path) -> Path:
        jobs = folder / "jobs"
        jobs.mkdir()
        (jobs / "Good.1").write_bytes(GOOD)
        build(jobs)
        return jobs

    ZOO[name] = Trap(set_, ids=ids, is_writable=is_writable)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is short
    try:
        with closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write(b"\x80\x02")
        file.truncate(size)


def _named(name: str | bytes) -> Callable[[Path], object]:
    def build(jobs: Path) -> None:
        (jobs / os.fsdecode(name)).write_bytes(GOOD)

    return build


def _at_time(seconds: float) -> Callable[[Path], object]:
    return lambda jobs: os.utime(jobs / "Good.1", (seconds, seconds))


def _link(name: str, target: str) -> Callable[[Path], object]:
    return lambda jobs: (jobs / name).symlink_to(target)


def _both(*builds: Callable[[Path], object]) -> Callable[[Path], object]:
    def build(jobs: Path) -> None:
        for one in builds:
            one(jobs)

    return build


_LONG = "L" * 255
_in_folder("folder: a link out of the store", _link("Link.1", "../outside/precious"))
_in_folder("folder: a link to a folder", _link("Link.1", "../outside"))
_in_folder("folder: a link to nothing", _link("Link.1", "../nothing"))
_in_folder("folder: a link to itself", _link("Link.1", "Link.1"))
_in_folder("folder: a link to endless zeros", _link("Link.1", "/dev/zero"))
_in_folder("folder: a backup that is a link", _link("Link.1.OLD", "../outside/precious"))
_in_folder("folder: a FIFO", lambda jobs: os.mkfifo(jobs / "Pipe.1"))
_in_folder("folder: a socket", lambda jobs: _socket(jobs / "Socket.1"))
_in_folder("folder: a folder as an object", lambda jobs: (jobs / "Folder.1").mkdir())
_in_folder(
    "folder: a terabyte of nothing",
    lambda jobs: _sparse(jobs / "Big.1", 10**12),
    ("Big.1", "Good.1"),
)
_in_folder("folder: an empty file", lambda jobs: (jobs / "A.1").touch(), ("A.1", "Good.1"))
_in_folder("folder: a time in the far future", _at_time(2.0**33))
_in_folder("folder: a time beyond all calendars", _at_time(2.0**34 - 1))
_in_folder("folder: a time before 1970", _at_time(-(2.0**31)))
_in_folder("folder: escape codes in a name", _named("A\x1b[2J\r\n.1"), ("A\x1b[2J\r\n.1", "Good.1"))
_in_folder("folder: a reversed name", _named("A\u202etxt.1"), ("A\u202etxt.1", "Good.1"))
_in_folder("folder: a name that is no text", _named(b"A\xff\xfe.1"), ("A\udcff\udcfe.1", "Good.1"))
_in_folder("folder: the longest name", _named(_LONG), ("Good.1", _LONG))
_in_folder("folder: markup as a name", _named("A<b><img src=x>.1"), ("A<b><img src=x>.1", "Good.1"))
_in_folder("folder: a device of Windows", _named("CON"), ("CON", "Good.1"))
_in_folder("folder: backslashes", _named("A\\..\\x.1"), ("A\\..\\x.1", "Good.1"))
_in_folder(
    "folder: the lock is a link",
    _link(".jobshelf-lock.OLD", "../outside/precious"),
    is_writable=False,
)
_in_folder(
    "folder: the lock is a FIFO",
    lambda jobs: os.mkfifo(jobs / ".jobshelf-lock.OLD"),
    is_writable=False,
)
_in_folder("folder: the new file is a link", _link(".jobshelf-new.OLD", "../outside/precious"))
_in_folder("folder: the new file is a FIFO", lambda jobs: os.mkfifo(jobs / ".jobshelf-new.OLD"))
_in_folder(
    "folder: the transaction is a link",
    _link(".jobshelf-transaction.OLD", "../outside"),
    is_writable=False,
)
_in_folder(
    "folder: the transaction removes a file elsewhere",
    _both(
        lambda jobs: (jobs / ".jobshelf-transaction.OLD").mkdir(),
        lambda jobs: (jobs / ".jobshelf-transaction.OLD" / "commit").write_text(
            '{"../outside/precious": false}'
        ),
    ),
    is_writable=False,
)


@_trap("folder: a FIFO in its place", "not a directory|Not a directory|neither", None)
def _(folder: Path) -> Path:
    os.mkfifo(folder / "jobs")
    return folder / "jobs"


@_trap("folder: a device in its place", "Not a directory|neither", None)
def _(folder: Path) -> Path:
    return Path("/dev/zero")


# Sessions


@_trap("session: its address is a FIFO")
def _(folder: Path) -> Path:
    _session(folder, b"")
    (folder / "session" / "store.url").unlink()
    os.mkfifo(folder / "session" / "store.url")
    return folder / "session"


@_trap("session: its list of tasks is a FIFO")
def _(folder: Path) -> Path:
    _session(folder, b"file:///nowhere/jobs")
    (folder / "session" / "session_ids.txt").unlink()
    os.mkfifo(folder / "session" / "session_ids.txt")
    return folder / "session"


@_trap("session: its address leads upwards", "not on this machine", None)
def _(folder: Path) -> Path:
    _session(folder, b"file:///nowhere/x%5C..")
    (folder / "session" / "jobs" / "Good.1").unlink()
    (folder / "session" / "jobs").rmdir()
    return folder / "session"


@_trap("session: its address is a terabyte")
def _(folder: Path) -> Path:
    _session(folder, b"")
    _sparse(folder / "session" / "store.url", 10**12)
    return folder / "session"


def _session(folder: Path, address: bytes) -> None:
    jobs = folder / "session" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "Good.1").write_bytes(GOOD)
    (jobs.parent / "store.url").write_bytes(address)
    (jobs.parent / "session_ids.txt").write_text("Good.1")


# SQLite files


def _in_database(
    name: str,
    *statements: str,
    refusal: str = "",
    ids: tuple[str, ...] | None = ("1",),
    read_only: bool = False,
    is_writable: bool = True,
    table: str = "",
) -> None:
    def set_(folder: Path) -> str:
        path = folder / "store" / "h.db"
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.create_function("evil", -1, lambda *_: 1, deterministic=True)
            connection.create_collation("evil", lambda a, b: (a > b) - (a < b))
            for statement in statements:
                connection.execute(statement.replace(":good", f"x'{GOOD.hex()}'"))
            connection.commit()
        return f"sqlite://{path}{table}"

    ZOO[f"database: {name}"] = Trap(set_, refusal, ids, read_only, is_writable)


_ROW = "INSERT INTO store (id, data, state) VALUES (1, :good, 'NEW')"
_OWN_ROW = "INSERT INTO store VALUES (1, '1', 'builtins.dict', 'NEW', 'good', 9, 1.0, 1, :good)"
_OWN = (_JOBSHELF, _META, *_COMPANIONS, "INSERT INTO store_meta VALUES (1, 1, 1, 1)", _OWN_ROW)
_ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x, x, x FROM n"

for _when in ("INSERT", "UPDATE", "DELETE"):
    _in_database(
        f"a trigger on {_when}",
        _GC3PIE,
        _ROW,
        f"CREATE TRIGGER t AFTER {_when} ON store BEGIN DELETE FROM store; END",
        read_only=True,
    )
_in_database(
    "a trigger that never ends, on a companion",
    *_OWN,
    f"CREATE TRIGGER t BEFORE UPDATE ON Store_Meta BEGIN SELECT max(x) FROM ({_ENDLESS}); END",
    read_only=True,
)
_in_database(
    "a view in place of the table",
    f"CREATE VIEW store (id, data, state) AS {_ENDLESS}",
    refusal="is a view",
)
_in_database(
    "a view in place of the references",
    *_OWN[:2],
    _COMPANIONS[1],
    *_OWN[4:],
    f"CREATE VIEW store_references (source, position, target) AS {_ENDLESS}",
    refusal="is a view",
)
_in_database(
    "a view in place of the counters",
    _JOBSHELF,
    *_COMPANIONS,
    _OWN_ROW,
    "CREATE VIEW store_meta (only, format, change, last_seq) AS SELECT 1, 1, random(), 1",
    refusal="is a view",
)
_in_database(
    "a virtual table in place of the table",
    "CREATE VIRTUAL TABLE store USING fts5(id, data, state)",
    refusal="is a virtual table",
)
_in_database(
    "a virtual table that says it is none",
    "CREATE VIRTUAL TABLE store USING fts5(id, data, state)",
    "PRAGMA writable_schema = ON",
    "UPDATE sqlite_master SET sql = replace(sql, 'CREATE VIRTUAL', 'CREATE/*x*/VIRTUAL')"
    " WHERE name = 'store'",
    refusal="is a virtual table",
)
_in_database(
    "pickles that are computed, a gigabyte each",
    "CREATE TABLE store (id INTEGER PRIMARY KEY, state VARCHAR(128),"
    " data BLOB GENERATED ALWAYS AS (zeroblob(1000000000)))",
    "INSERT INTO store (id) VALUES (1)",
    refusal="is no job store",
)
_in_database(
    "further columns that are computed",
    "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128),"
    " more GENERATED ALWAYS AS (zeroblob(1000000000)))",
    _ROW,
)
_in_database(
    "an index with a function of theirs",
    _GC3PIE,
    _ROW,
    "CREATE INDEX i ON store (evil(id))",
    is_writable=False,
)
_in_database(
    "a default and a check with functions",
    "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128),"
    " more DEFAULT (evil(1)), CHECK (evil(id) OR load_extension('x')))",
    "PRAGMA ignore_check_constraints = ON",
    "INSERT INTO store (id, data, state, more) VALUES (1, :good, 'NEW', 1)",
    is_writable=False,
)
_in_database(
    "an order of theirs",
    _JOBSHELF.replace("NOT NULL UNIQUE", "COLLATE evil UNIQUE"),
    *_OWN[1:],
    ids=None,
    is_writable=False,
)
_in_database(
    "column names of all kinds",
    "CREATE TABLE store (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128),"
    ' "a""b" TEXT, "c\'d" TEXT, "%s:x?" TEXT, "\x1b[2J\u202e" TEXT, "[e]" TEXT, "f;--" TEXT)',
    _ROW,
)
for _number, _name in enumerate(('a"b', "c'd; DROP TABLE store --", "[e]%s", "ü\u00a0x", "-- x")):
    _in_database(
        f"a table name of many kinds, {_number}",
        _GC3PIE.replace("store", '"' + _name.replace('"', '""') + '"'),
        _ROW.replace("store", '"' + _name.replace('"', '""') + '"'),
        table="#table=" + "".join(f"%{byte:02x}" for byte in _name.encode()),
        refusal="cannot be the name" if not _name.isprintable() else "",
    )
_in_database(
    "other tables with escape codes in their names",
    'CREATE TABLE "\x1b[2J\u202e\n" (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))',
    refusal="no table",
)
_in_database(
    "columns with escape codes in their names",
    'CREATE TABLE store ("\x1b[2J\u202e\n" TEXT)',
    refusal="is no job store",
)
_in_database(
    "states and names that are no lines",
    *_OWN[:-1],
    "INSERT INTO store VALUES (1, 'A' || char(27, 10, 8238), 'a' || char(27), 'b' || char(8238),"
    " 'c' || char(10), 9, 1.0, 1, :good)",
    ids=("A\x1b\n\u202e",),
)
_in_database(
    "a name of twenty megabytes",
    *_OWN[:-1],
    "INSERT INTO store VALUES (1, '1', hex(zeroblob(10000000)), hex(zeroblob(10000000)),"
    " hex(zeroblob(10000000)), 9, 1.0, 1, :good)",
)
_in_database(
    "times and sizes that are none",
    *_OWN[:-1],
    "INSERT INTO store VALUES (1, '1', 'dict', 'NEW', 'x', -1, 9e999, 1, :good)",
)
_in_database(
    "an ID that is no text",
    *_OWN[:-1],
    "INSERT INTO store VALUES (1, CAST(x'ff41' AS TEXT), 'dict', 'NEW', 'x', 9, 1.0, 1, :good)",
    ids=None,
)


@_trap("database: a journal that has a file elsewhere removed", "several databases", None)
def _(folder: Path) -> str:
    path = _database(folder)
    page = path.read_bytes()[:4096]
    nonce, magic = 7, bytes.fromhex("d9d505f920a163d7")
    checksum = (nonce + sum(page[i] for i in range(4096 - 200, 0, -200))) & 0xFFFFFFFF
    header = magic + struct.pack(">IIIII", 1, nonce, path.stat().st_size // 4096, 512, 4096)
    record = struct.pack(">I", 1) + page + struct.pack(">I", checksum)
    name = os.fsencode(folder / "outside" / "precious")
    tail = struct.pack(">I", 2**30 // 4096 + 1) + name
    tail += struct.pack(">II", len(name), sum(name)) + magic
    Path(f"{path}-journal").write_bytes(header.ljust(512, b"\0") + record + tail)
    return f"sqlite://{path}"


def _beside(suffix: str, build: Callable[[Path], object]) -> Callable[[Path], str | Path]:
    def set_(folder: Path) -> str:
        path = _database(folder)
        build(Path(f"{path}{suffix}"))
        return f"sqlite://{path}"

    return set_


def _database(folder: Path, *more: str) -> Path:
    path = folder / "store" / "h.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        for statement in (*more, _GC3PIE, _ROW.replace(":good", f"x'{GOOD.hex()}'")):
            connection.execute(statement)
        connection.commit()
    return path


for _suffix in ("-journal", "-wal", "-shm"):
    for _what, _build in {
        "a link": lambda path: path.symlink_to("../outside/precious"),
        "a FIFO": os.mkfifo,
        "a folder": lambda path: path.mkdir(),
    }.items():
        ZOO[f"database: its {_suffix} is {_what}"] = Trap(
            _beside(_suffix, _build), ids=None, is_writable=False
        )


@_trap("database: a link to endless zeros", "not a regular file", None)
def _(folder: Path) -> str:
    (folder / "h.db").symlink_to("/dev/zero")
    return f"sqlite://{folder / 'h.db'}"


@_trap("database: a terabyte of nothing", "not a SQLite database|damaged|cannot be", None)
def _(folder: Path) -> str:
    _sparse(folder / "h.db", 10**12)
    return f"sqlite://{folder / 'h.db'}"
