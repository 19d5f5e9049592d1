"""A corrupt SQLite store, read as far as it goes into a new one.

The file is copied, with the log beside it, and the copy is read in two ways:

1. by SQLite itself, from the first row on to where it fails, and from the last row back;
2. page by page (`sqlite_pages`): the leaves that the table's tree still leads to, then those
   that nothing leads to any more but whose rows look like objects. Pages that the file lists as
   free are left out: what is on them was deleted.

What SQLite reads counts more than what the pages say. The source is never opened for writing;
the new database is complete, or is not there.
"""

from __future__ import annotations

import mmap
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from persistence.errors import DecodeError, StoreError
from persistence.pickles import decode
from persistence.recovery_report import RecoveryReport
from persistence.registry import make_store
from persistence.sql_tables import COLUMNS
from persistence.sqlite_header import copy_file
from persistence.sqlite_pages import Cell, Pages
from persistence.store import ABSENT, Edit, Store
from persistence.urls import StoreUrl

__all__ = ["recover_sqlite"]

_BATCH = 200  # objects written together
_BATCH_BYTES = 8 * 1024 * 1024
_MOST_NAMED = 10_000  # IDs in a report
_GC3PIE_COLUMNS = ("id", "data", "state")
_DEFAULT_TABLE = "store"
_BEFORE_ALL = -(2**63)  # no row has this number

_Progress = Callable[[int, int], object]


def recover_sqlite(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    table: str | None = None,
    progress: _Progress | None = None,
) -> RecoveryReport:
    """Read what can be read of a corrupt SQLite store into a new one.

    Args:
        path: The corrupt file; it is only read.
        target: The new database file, which must not be there yet.
        table: The table of objects; None for the one that looks like one.
        progress: Called with the pages that were looked at, and the number of all; what it
            raises ends the recovery, and no new database is left.

    Raises:
        StoreError: Nothing in the file looks like a store, or the new one cannot be written.
    """
    source, made = Path(path), Path(target)
    if os.path.lexists(made):
        raise StoreError(f"{made} is there already.", "Choose the name of a new file.")
    partial = made.with_name(f"{made.name}.recovering")
    report = RecoveryReport(str(source), str(made), table or _DEFAULT_TABLE)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jobshelf-")))
        stack.callback(_remove, partial)
        try:
            copy = _copied(source, folder)
            pages = stack.enter_context(_mapped(copy))
            shape = _shape(copy, pages, table)
            report.table = shape.table
            writer = _Writer(shape, partial, report)
            stack.enter_context(closing(writer))
            _recover(copy, pages, shape, writer, progress or _no_progress)
            writer.finish()
            writer.close()
            os.replace(partial, made)
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreError(
                f"{source} cannot be recovered: {reason}.", "Check the disk and your permissions."
            ) from error
    return report


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the table of objects looks like.

    Attributes:
        table: Its name.
        columns: The names of its columns, in order.
        root: The page at which its tree begins; 0 if that is not known.
        is_own: Whether it is Jobshelf's, not GC3Pie's.
    """

    table: str
    columns: tuple[str, ...]
    root: int
    is_own: bool

    @property
    def alias(self) -> str:
        """The column that is the row's number."""
        return "seq" if self.is_own else "id"

    def row(self, cell: Cell) -> _Row | None:
        """Return a row of a page as one of the table; None if it is none."""
        if len(cell.values) > len(self.columns) or (
            cell.is_whole and len(cell.values) < len(_GC3PIE_COLUMNS)
        ):
            return None
        values = dict(zip(self.columns, cell.values, strict=False))
        if values.get(self.alias) is not None:
            return None
        values[self.alias] = cell.rowid
        return self.made(values, is_whole=cell.is_whole)

    def made(self, values: dict[str, Any], *, is_whole: bool = True) -> _Row | None:
        """Return a row of the table, or None if it is none."""
        id_, data = values.get("id"), values.get("data")
        if not isinstance(data, bytes) or not data:
            return None
        if self.is_own:
            is_one = isinstance(id_, str) and id_ and isinstance(values.get("type"), str)
        else:
            is_one = isinstance(id_, int) and isinstance(values.get("state"), (str, type(None)))
        return _Row(str(id_), values, is_whole) if is_one else None


@dataclass(frozen=True, slots=True)
class _Row:
    """One object of the table."""

    id_: str
    values: dict[str, Any]
    is_whole: bool


# Reading


def _copied(source: Path, folder: Path) -> Path:
    """Copy a database with its log; have SQLite put the two together, if it can."""
    if not os.path.isfile(source):
        raise StoreError(f"There is no file {source}.", "Check the spelling of the path.")
    copy = folder / "copy.db"
    copy_file(source, copy)
    for ending in ("-wal", "-journal"):
        log = f"{source}{ending}"
        if os.path.isfile(log):
            shutil.copyfile(log, f"{copy}{ending}")
    with suppress(sqlite3.Error), closing(_connect(copy)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return copy


@contextmanager
def _mapped(path: Path) -> Iterator[Pages]:
    """Give the pages of a file, which is not read into memory for it."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise StoreError(
                "The file is empty.", "There is nothing to recover: look for a backup."
            )
        with (
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            pages = Pages(view)
            try:
                yield pages
            finally:
                pages.release()


def _connect(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.as_posix()), safe='/:')}?mode=rw"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _shape(copy: Path, pages: Pages, table: str | None) -> _Shape:
    """Return what the table of objects looks like, from the schema or else from its rows."""
    found = [shape for shape in map(_shape_of, _schema(copy, pages)) if shape is not None]
    if table is not None:
        found = [shape for shape in found if shape.table.lower() == table.lower()]
    if found:
        return next((shape for shape in found if shape.table == _DEFAULT_TABLE), found[0])
    name = table or _DEFAULT_TABLE
    guesses = (_Shape(name, COLUMNS, 0, True), _Shape(name, _GC3PIE_COLUMNS, 0, False))
    counts = [0, 0]
    for page in pages.table_leaves():
        for cell in pages.cells(page):
            for number, guess in enumerate(guesses):
                is_one = len(cell.values) == len(guess.columns) and guess.row(cell) is not None
                counts[number] += is_one
    best = max((0, 1), key=counts.__getitem__)
    if not counts[best]:
        raise StoreError(
            "Nothing in the file looks like a stored object.",
            "Look for a backup of it; it may not be a job store at all.",
        )
    return guesses[best]


def _schema(copy: Path, pages: Pages) -> list[tuple[str, int, str]]:
    """Return name, root page and definition of the tables."""
    with suppress(sqlite3.Error), closing(_connect(copy)) as connection:
        return [
            (str(name), int(root), str(sql))
            for name, root, sql in connection.execute(
                "SELECT name, rootpage, sql FROM sqlite_master WHERE type = 'table'"
            )
            if root and sql
        ]
    leaves, _ = pages.leaves(1)
    rows = (cell.values for page in leaves for cell in pages.cells(page))
    return [
        (values[1], values[3], values[4])
        for values in rows
        if len(values) == 5
        and values[0] == "table"
        and isinstance(values[1], str)
        and isinstance(values[3], int)
        and isinstance(values[4], str)
    ]


def _shape_of(entry: tuple[str, int, str]) -> _Shape | None:
    name, root, sql = entry
    # Only a plain definition is read: one with a SELECT would be run.
    if not sql.upper().startswith("CREATE TABLE") or "SELECT" in sql.upper():
        return None
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        try:
            connection.execute(sql)
            rows = connection.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
        except (sqlite3.Error, sqlite3.Warning):
            return None
    columns = tuple(row[1].lower() for row in rows)
    if set(columns) >= set(COLUMNS):
        return _Shape(name, columns, root, True)
    if set(columns) >= set(_GC3PIE_COLUMNS):
        return _Shape(name, columns, root, False)
    return None


def _recover(copy: Path, pages: Pages, shape: _Shape, writer: _Writer, progress: _Progress) -> None:
    report = writer.report
    looked, total = 0, pages.count
    progress(0, total)
    is_all = False
    with suppress(sqlite3.Error), closing(_connect(copy)) as connection:
        is_all = _read_by_sqlite(connection, shape, writer, report)
        named = _named_by_index(connection, shape) if shape.is_own else iter(())
        report.lost += named
    reachable, damaged = pages.leaves(shape.root) if shape.root else ([], [])
    report.pages += damaged
    free = pages.free()
    if not is_all:
        for page in reachable:
            looked += 1
            progress(min(looked, total), total)
            writer.add(_rows(pages, page, shape))
        seen = {*reachable, *free}
        before = len(writer.ids)
        for page in pages.table_leaves():
            looked += 1
            progress(min(looked, total), total)
            if page not in seen:
                writer.add(_rows(pages, page, shape, strict=True))
        writer.flush()
        report.loose = len(writer.ids) - before
    writer.flush()
    report.lost[:] = [id_ for id_ in report.lost if id_ not in writer.ids][:_MOST_NAMED]
    progress(total, total)


def _rows(pages: Pages, page: int, shape: _Shape, *, strict: bool = False) -> Iterator[_Row]:
    for cell in pages.cells(page):
        if strict and cell.is_whole and len(cell.values) != len(shape.columns):
            continue
        row = shape.row(cell)
        if row is not None:
            yield row


def _read_by_sqlite(
    connection: sqlite3.Connection, shape: _Shape, writer: _Writer, report: RecoveryReport
) -> bool:
    """Read the rows before the damage and those after it; return whether that was all."""
    last = _read_on(connection, shape, writer, None)
    if last is None:
        return True
    table = _quoted(shape.table)
    first_after: int | None = None
    try:
        for (rowid,) in connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid DESC"):
            if rowid <= last:
                break
            first_after = rowid
    except sqlite3.Error:
        pass
    if first_after is None:
        rows = "no row" if last == _BEFORE_ALL else f"nothing behind row number {last}"
        report.notes.append(f"SQLite itself could read {rows}.")
        return False
    report.ranges.append((last, first_after))
    while first_after is not None:
        stopped = _read_on(connection, shape, writer, first_after - 1)
        first_after = None if stopped is None or stopped < first_after else stopped + 1
    return False


def _read_on(
    connection: sqlite3.Connection, shape: _Shape, writer: _Writer, after: int | None
) -> int | None:
    """Read rows in order; return the number of the last one before SQLite failed, or None."""
    names = ", ".join(map(_quoted, shape.columns))
    last = _BEFORE_ALL if after is None else after
    try:
        cursor = connection.execute(
            f"SELECT rowid, {names} FROM {_quoted(shape.table)} WHERE rowid > ? ORDER BY rowid",
            (last,),
        )
        for rowid, *values in cursor:
            row = shape.made(dict(zip(shape.columns, values, strict=True)))
            if row is not None:
                writer.add([row])
            last = rowid
    except sqlite3.Error:
        return last
    return None


def _named_by_index(connection: sqlite3.Connection, shape: _Shape) -> Iterator[str]:
    """Iterate over the IDs in the index of the table, as far as it can be read."""
    table = _quoted(shape.table)
    try:
        for (id_,) in connection.execute(f"SELECT id FROM {table} ORDER BY id"):
            if isinstance(id_, str):
                yield id_
    except sqlite3.Error:
        return


# Writing


class _Writer:
    """Writes rows into the new database, each ID once.

    Attributes:
        ids: What has been written or waits to be.
        report: Takes what is to be said of the rows.
    """

    def __init__(self, shape: _Shape, path: Path, report: RecoveryReport) -> None:
        self.ids: set[str] = set()
        self.report = report
        self._shape = shape
        self._path = path
        self._waiting: list[_Row] = []
        self._bytes = 0
        self._store: Store | None = None
        self._plain: sqlite3.Connection | None = None
        self._origin = sqlite3.connect("", isolation_level=None)
        self._origin.execute("CREATE TABLE origin (id TEXT, seq INTEGER, saved REAL)")
        if shape.is_own:
            fragment = "" if shape.table == _DEFAULT_TABLE else f"table={quote(shape.table)}"
            self._store = make_store(StoreUrl("sqlite", str(path), fragment=fragment))
        else:
            self._plain = sqlite3.connect(path, isolation_level=None)
            columns = ", ".join(_definition(name) for name in shape.columns)
            self._plain.execute(f"CREATE TABLE {_quoted(shape.table)} ({columns})")

    def add(self, rows: Iterable[_Row]) -> None:
        """Take some rows; those that are there already are left out."""
        for row in rows:
            if row.id_ in self.ids:
                continue
            self.ids.add(row.id_)
            self._note(row)
            self._waiting.append(row)
            self._bytes += len(row.values["data"])
            if len(self._waiting) >= _BATCH or self._bytes >= _BATCH_BYTES:
                self.flush()

    def flush(self) -> None:
        """Write what waits."""
        rows, self._waiting, self._bytes = self._waiting, [], 0
        if self._store is not None:
            self._write_own(rows)
        else:
            self._write_plain(rows)

    def finish(self) -> None:
        """Write the rest, and put the rows into their former order."""
        self.flush()
        if self._store is None:
            return
        self._store.close()
        table = _quoted(self._shape.table)
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(f"UPDATE {table} SET seq = -seq")
            for id_, seq, saved in self._origin.execute("SELECT id, seq, saved FROM origin"):
                connection.execute(
                    f"UPDATE OR IGNORE {table} SET seq = ?, saved = ? WHERE id = ?",
                    (seq, saved, id_),
                )
            connection.execute(
                f"UPDATE {table} SET seq = (SELECT max(seq) FROM {table}) - seq WHERE seq < 0"
            )
            meta = _quoted(f"{self._shape.table}_meta")
            connection.execute(
                f"UPDATE {meta} SET last_seq = max(0, coalesce((SELECT max(seq) FROM {table}), 0))"
            )

    def close(self) -> None:
        """Close what is open. Closing twice does nothing."""
        self._origin.close()
        if self._store is not None:
            self._store.close()
        if self._plain is not None:
            self._plain.close()

    def _note(self, row: _Row) -> None:
        report = self.report
        report.objects += 1
        if not row.is_whole:
            report.incomplete.append(row.id_)
            return
        try:
            decode(row.values["data"])
        except DecodeError:
            report.unreadable.append(row.id_)

    def _write_own(self, rows: Sequence[_Row]) -> None:
        assert self._store is not None
        try:
            self._store.apply([Edit(row.id_, row.values["data"], ABSENT) for row in rows])
        except StoreError as error:
            if len(rows) > 1:  # which one is it?
                for row in rows:
                    self._write_own([row])
                return
            self.report.objects -= 1
            self.report.notes.append(f"{rows[0].id_!r} could not be stored: {error.reason}")
            return
        self._origin.executemany(
            "INSERT INTO origin VALUES (?, ?, ?)",
            [
                (row.id_, row.values["seq"], saved)
                for row in rows
                if isinstance(saved := row.values.get("saved"), float)
            ],
        )

    def _write_plain(self, rows: Sequence[_Row]) -> None:
        assert self._plain is not None
        names = self._shape.columns
        marks = ", ".join("?" for _ in names)
        self._plain.execute("BEGIN")
        self._plain.executemany(
            f"INSERT INTO {_quoted(self._shape.table)} VALUES ({marks})",
            [tuple(row.values.get(name) for name in names) for row in rows],
        )
        self._plain.execute("COMMIT")


def _definition(column: str) -> str:
    kinds = {"id": "INTEGER PRIMARY KEY", "data": "BLOB", "state": "VARCHAR(128)"}
    return f"{_quoted(column)} {kinds.get(column, '')}".strip()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{ending}").unlink(missing_ok=True)


def _no_progress(_done: int, _total: int) -> None:
    """Nobody wants to know."""
