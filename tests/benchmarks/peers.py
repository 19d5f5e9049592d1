"""The stores that `store_speed` compares: each saves and loads single jobs, and says how long.

`floor` is what no library on SQLite can beat by much: `pickle` and one statement of `sqlite3`
on a table of IDs and pickles, under an ID from `uuid4`. The others are used as their manuals
say, at the setting asked for where they have one; those that are not installed are left out.
"""

from __future__ import annotations

import json
import pickle
import shelve
import sqlite3
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from persistence import Persistable, SqlStore
from tests.helpers.gc3pie import gc3pie_python

PROTOCOL = 4  # what SqlStore writes
_TIMER = Path(__file__).parents[1] / "helpers" / "gc3pie_timer.py"


class Job(Persistable):
    """A job as batch programs keep it."""


class Peer(ABC):
    """A store of single objects.

    Args:
        folder: Where it may keep its files.
        durability: "full" to survive a power cut, "normal" to survive the program's end.
    """

    name: str
    settings: tuple[str, ...] = ("full", "normal")

    def __init__(self, folder: Path, durability: str) -> None:
        self.ids: list[Any] = []

    @abstractmethod
    def write(self, obj: Any) -> Any:
        """Save an object under a new ID; return the ID."""

    @abstractmethod
    def read(self, id_: Any) -> Any:
        """Load the object of an ID."""

    def save(self, attributes: dict[str, Any]) -> float:
        """Save a job; return the time it took, in seconds."""
        obj = self.job(attributes)
        begun = time.perf_counter()
        id_ = self.write(obj)
        seconds = time.perf_counter() - begun
        self.ids.append(id_)
        return seconds

    def load(self, number: int) -> float:
        """Load one of the jobs saved; return the time it took, in seconds."""
        id_ = self.ids[number % len(self.ids)]
        begun = time.perf_counter()
        obj = self.read(id_)
        seconds = time.perf_counter() - begun
        assert obj.jobname
        return seconds

    def job(self, attributes: dict[str, Any]) -> Any:
        made = Job()
        vars(made).update(attributes, changed=True)
        return made

    def close(self) -> None:
        pass


class Ours(Peer):
    name = "Jobshelf"

    def __init__(self, folder: Path, durability: str) -> None:
        super().__init__(folder, durability)
        self.store = SqlStore(folder / "jobshelf.db", durability=durability)  # type: ignore[arg-type]

    def write(self, obj: Any) -> Any:
        return self.store.save(obj)

    def read(self, id_: Any) -> Any:
        return self.store.load(id_)

    def close(self) -> None:
        self.store.close()


class Floor(Peer):
    name = "floor"

    def __init__(self, folder: Path, durability: str) -> None:
        super().__init__(folder, durability)
        self.connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute(f"PRAGMA synchronous = {durability}")
        self.connection.execute("CREATE TABLE jobs (id TEXT PRIMARY KEY, data BLOB)")

    def write(self, obj: Any) -> Any:
        id_ = uuid4().hex
        self.connection.execute("INSERT INTO jobs VALUES (?, ?)", self.row(id_, obj))
        return id_

    def write_many(self, objs: list[Any]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        rows = [self.row(uuid4().hex, obj) for obj in objs]
        self.connection.executemany("INSERT INTO jobs VALUES (?, ?)", rows)
        self.connection.execute("COMMIT")

    def row(self, id_: str, obj: Any) -> tuple[str, bytes]:
        return id_, pickle.dumps(obj, PROTOCOL)

    def read(self, id_: Any) -> Any:
        cursor = self.connection.execute("SELECT data FROM jobs WHERE id = ?", (id_,))
        return pickle.loads(cursor.fetchone()[0])

    def close(self) -> None:
        self.connection.close()


class DiskCache(Peer):
    name = "diskcache"

    def __init__(self, folder: Path, durability: str) -> None:
        super().__init__(folder, durability)
        import diskcache

        level = {"normal": 1, "full": 2}[durability]
        self.cache = diskcache.Cache(
            str(folder / "diskcache"), sqlite_synchronous=level, eviction_policy="none"
        )

    def write(self, obj: Any) -> Any:
        id_ = uuid4().hex
        self.cache[id_] = obj
        return id_

    def read(self, id_: Any) -> Any:
        return self.cache[id_]

    def close(self) -> None:
        self.cache.close()


class SqliteDict(Peer):
    name = "sqlitedict"
    settings = ("normal",)  # it sets `synchronous = OFF` itself

    def __init__(self, folder: Path, durability: str) -> None:
        super().__init__(folder, durability)
        import sqlitedict

        self.table = sqlitedict.SqliteDict(str(folder / "sqlitedict.db"), journal_mode="WAL")

    def write(self, obj: Any) -> Any:
        id_ = uuid4().hex
        self.table[id_] = obj
        self.table.commit()
        return id_

    def read(self, id_: Any) -> Any:
        return self.table[id_]

    def close(self) -> None:
        self.table.close()


class Zodb(Peer):
    name = "ZODB"
    settings = ("full",)  # it flushes every transaction

    def __init__(self, folder: Path, durability: str) -> None:
        super().__init__(folder, durability)
        import persistent
        import transaction
        import ZODB
        from BTrees.OOBTree import OOBTree

        class ZodbJob(persistent.Persistent):
            pass

        ZodbJob.__qualname__ = "ZodbJob"
        globals()["ZodbJob"] = self.job_class = ZodbJob
        self.transaction = transaction
        self.database = ZODB.DB(str(folder / "zodb.fs"))
        self.connection = self.database.open()
        self.connection.root.jobs = OOBTree()
        transaction.commit()

    def job(self, attributes: dict[str, Any]) -> Any:
        made = self.job_class()
        for name, value in attributes.items():
            setattr(made, name, value)
        return made

    def write(self, obj: Any) -> Any:
        id_ = uuid4().hex
        self.connection.root.jobs[id_] = obj
        self.transaction.commit()
        obj._p_deactivate()
        return id_

    def read(self, id_: Any) -> Any:
        obj = self.connection.root.jobs[id_]
        obj._p_deactivate()  # out of the cache: the others read from the disk, too
        obj._p_activate()
        return obj

    def close(self) -> None:
        self.connection.close()
        self.database.close()


class Shelve(Peer):
    name = "shelve"
    settings = ("normal",)

    def __init__(self, folder: Path, durability: str) -> None:
        super().__init__(folder, durability)
        self.shelf = shelve.open(str(folder / "shelf"), protocol=PROTOCOL)  # noqa: SIM115

    def write(self, obj: Any) -> Any:
        id_ = uuid4().hex
        self.shelf[id_] = obj
        self.shelf.sync()
        return id_

    def read(self, id_: Any) -> Any:
        return self.shelf[id_]

    def close(self) -> None:
        self.shelf.close()


class GC3Pie(Peer):
    name = "GC3Pie"

    def __init__(self, folder: Path, durability: str) -> None:
        super().__init__(folder, durability)
        python, reason = gc3pie_python()
        if python is None:
            raise ImportError(reason)
        self.arguments = [python, str(_TIMER), f"sqlite:///{folder / 'gc3pie.db'}", durability]
        self.process: subprocess.Popen[str] | None = None

    def write(self, obj: Any) -> Any:
        raise NotImplementedError

    def read(self, id_: Any) -> Any:
        raise NotImplementedError

    def save(self, attributes: dict[str, Any]) -> float:
        if self.process is None:
            plain = json.dumps(attributes, default=str)
            self.process = subprocess.Popen(
                [*self.arguments, plain], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self._ask("save", 0)

    def load(self, number: int) -> float:
        return self._ask("load", number)

    def _ask(self, verb: str, number: int) -> float:
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{verb} {number}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        if self.process is not None:
            self.process.communicate()


def peers(folder: Path, durability: str) -> Iterator[Peer]:
    """Open all stores that can be had at a setting, the floor and ours first."""
    for kind in (Floor, Ours, DiskCache, SqliteDict, Zodb, Shelve, GC3Pie):
        if durability in kind.settings:
            with suppress(ImportError):
                yield kind(folder, durability)
