"""Which layout a table has, and what to say of one that has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.engine import Inspector
from sqlalchemy.types import Integer

from persistence.errors import StoreError, StoreMissing
from persistence.sql_connection import Database
from persistence.sql_gc3pie import GC3PieLayout
from persistence.sql_jobshelf import JobshelfLayout
from persistence.sql_layout import Layout
from persistence.sql_tables import COLUMNS, LONGEST_NAME, companions

__all__ = ["check_table_name", "create_layout", "find_layout", "missing_table"]

_GC3PIE_COLUMNS = ("id", "data", "state")
_LONGEST_LIST = 8  # tables named in a message

Columns = Sequence[Mapping[str, Any]]


def check_table_name(name: str) -> None:
    """Refuse what cannot be the name of a table.

    Raises:
        StoreError: It is blank, has control characters, or is reserved.
    """
    if not name.strip() or not name.isprintable():
        raise StoreError(f"{name!r} cannot be the name of a table.", "Write #table=NAME.")
    if name.lower().startswith("sqlite_"):
        raise StoreError(f"{name!r} is a name that SQLite keeps for itself.", "Choose another one.")


def find_layout(database: Database, name: str) -> Layout | None:
    """Return the layout of a table, or None if there is no such table.

    Raises:
        StoreError: What has that name is no table of objects.
    """
    kind = _kind(database, name)
    if kind is None:
        return None
    _refuse_unless_table(database, name, kind)
    columns = database.reflect(lambda inspector: inspector.get_columns(name))
    layout = _layout_of(columns)
    if layout is None:
        names = ", ".join(repr(column["name"]) for column in columns[:_LONGEST_LIST])
        raise StoreError(
            f"Table {name!r} in {database.place} is no job store: it has the columns {names}.",
            f"A job store has at least 'id' (a whole number), 'data' and 'state'. "
            f"{_advice(database, name)}",
        )
    if layout is JobshelfLayout:
        for table in companions(name):
            _refuse_unless_table(database, table, _kind(database, table) or "table")
    return layout(database, name)


def _kind(database: Database, name: str) -> str | None:
    with database.translated():
        return database.type_of(name)


def _refuse_unless_table(database: Database, name: str, kind: str) -> None:
    if kind != "table":
        raise StoreError(
            f"{name!r} in {database.place} is a {kind}, not a table.",
            "Only tables can hold a store.",
        )


def create_layout(database: Database, name: str) -> Layout:
    """Make Jobshelf's own tables for a store, or find those that another process makes.

    Raises:
        StoreError: They cannot be made.
    """
    if len(name.encode()) > LONGEST_NAME:
        raise StoreError(
            f"{name!r} is too long for the name of a new table.",
            f"Choose one of at most {LONGEST_NAME} letters.",
        )
    JobshelfLayout.create(database, name)
    layout = find_layout(database, name)
    assert layout is not None
    return layout


def missing_table(database: Database, name: str) -> StoreMissing:
    """Return the error for a table that is not there: it names those that could be meant."""
    return StoreMissing(f"There is no table {name!r} in {database.place}.", _advice(database, name))


def _advice(database: Database, name: str) -> str:
    found = database.reflect(Inspector.get_multi_columns)
    tables = {table: columns for (_, table), columns in found.items() if table != name}
    stores = sorted(table for table, columns in tables.items() if _layout_of(columns))
    if not stores:
        return "No table in it looks like a job store."
    shown = ", ".join(f"#table={table}" for table in stores[:_LONGEST_LIST])
    return f"Add to the address the table that is meant: {shown}."


def _layout_of(columns: Columns) -> Callable[[Database, str], Layout] | None:
    # What is computed cannot be written, and computing it may take all of the memory.
    by_name = {column["name"].lower(): column for column in columns if "computed" not in column}
    if by_name.keys() >= set(COLUMNS):
        return JobshelfLayout
    if by_name.keys() >= set(_GC3PIE_COLUMNS) and isinstance(by_name["id"]["type"], Integer):
        further = [
            column["name"] for name, column in by_name.items() if name not in _GC3PIE_COLUMNS
        ]
        return partial(GC3PieLayout, further=further)
    return None
