"""The tables that Jobshelf keeps objects in; `sql_jobshelf` says what stands in them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    inspect,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.mysql import LONGBLOB
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import quoted_name

from persistence.sql_connection import Connection, Database

__all__ = [
    "COLUMNS",
    "ELLIPSIS",
    "LONGEST_ID",
    "LONGEST_KEY",
    "LONGEST_NAME",
    "JobshelfTables",
    "companions",
    "format_of",
    "id_text",
]

COLUMNS = ("seq", "id", "type", "state", "name", "size", "saved", "change", "data")
"""The columns of a table of objects."""

LONGEST_NAME = 63 - len("_references")
"""Bytes in the name of a new table: PostgreSQL cuts longer ones to 63."""

_FORMATS = {"sqlite": 1}
_FORMAT_OF_SERVERS = 2
LONGEST_ID = 255  # characters: four bytes each still fit into MySQL's keys
LONGEST_KEY = 500  # characters of a type or a state: with four bytes each they can be indexed
ELLIPSIS = "…"
_LISTED = ("state", "seq", "type", "name", "size", "saved", "id")
_dots: Any = literal_column(f"'{ELLIPSIS}'")
_integer = BigInteger().with_variant(Integer, "sqlite")
id_text = String(LONGEST_ID)
_mysql: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def companions(name: str) -> tuple[str, ...]:
    """Return the names of all tables of a store."""
    return name, f"{name}_references", f"{name}_removed", f"{name}_meta"


class JobshelfTables:
    """The tables of one store."""

    def __init__(self, name: str) -> None:
        metadata = MetaData()
        self.objects = Table(
            quoted_name(name, quote=True),
            metadata,
            Column("seq", _integer, primary_key=True, autoincrement=False),
            Column("id", id_text, nullable=False, unique=True),
            Column("type", Text, nullable=False),
            Column("state", Text),
            Column("name", Text),
            Column("size", _integer, nullable=False),
            Column("saved", Double, nullable=False),
            Column("change", _integer, nullable=False),
            Column(
                "data", LargeBinary().with_variant(LONGBLOB, "mysql", "mariadb"), nullable=False
            ),
            **_mysql,
        )
        self.references = Table(
            quoted_name(f"{name}_references", quote=True),
            metadata,
            Column("source", id_text, primary_key=True),
            Column("position", Integer, primary_key=True, autoincrement=False),
            Column("target", id_text, nullable=False),
            sqlite_with_rowid=False,
            **_mysql,
        )
        self.removed = Table(
            quoted_name(f"{name}_removed", quote=True),
            metadata,
            Column("id", id_text, primary_key=True),
            Column("change", _integer, nullable=False),
            sqlite_with_rowid=False,
            **_mysql,
        )
        self.meta = Table(
            quoted_name(f"{name}_meta", quote=True),
            metadata,
            Column("only", Integer, primary_key=True, autoincrement=False),
            Column("format", Integer, nullable=False),
            Column("change", _integer, nullable=False),
            Column("last_seq", _integer, nullable=False),
            **_mysql,
        )
        self.indexes = (
            Index(_quoted(name, "changed"), self.objects.c.change),
            Index(_quoted(name, "targets"), self.references.c.target),
            Index(_quoted(name, "removals"), self.removed.c.change),
        )
        self.keys = tuple(
            Index(
                _quoted(name, f"{column}s"),
                self.objects.c[column],
                self.objects.c.seq,
                mysql_length={column: LONGEST_KEY},
                mariadb_length={column: LONGEST_KEY},
            )
            for column in ("state", "type")
        )
        # Only in SQLite: servers bound the length of a key, and read rows without `data`.
        self.listed = Index(_quoted(name, "listed"), *(self.objects.c[c] for c in _LISTED))

    def create(self, database: Database, connection: Connection) -> None:
        """Make the tables, the one of objects last: where it is, everything is."""
        for table in (self.references, self.removed, self.meta):
            connection.run(database.compile(CreateTable(table, if_not_exists=True)))
        if not connection.fetch(database.compile(select(self.meta.c.only))):
            row = {"only": "1", "format": str(format_of(database)), "change": "0", "last_seq": "0"}
            values: dict[str, Any] = {name: literal_column(value) for name, value in row.items()}
            connection.run(database.compile(insert(self.meta).values(values)))
        connection.run(database.compile(CreateTable(self.objects)))
        for index in self.indexes:
            connection.run(database.compile(CreateIndex(index)))
        if format_of(database) == _FORMAT_OF_SERVERS:
            for index in self.keys:
                connection.run(database.compile(CreateIndex(index)))
        else:
            self.create_listed(database, connection)

    def migrate(self, database: Database, connection: Connection) -> None:
        """Bring tables of format 1 on a server to format 2; may be done twice."""
        objects = self.objects
        present = {index["name"] for index in inspect(database.engine).get_indexes(objects.name)}
        for column in (objects.c.state, objects.c.type):
            cut = func.concat(func.left(column, literal_column(str(LONGEST_KEY - 1))), _dots)
            too_long = func.char_length(column) > literal_column(str(LONGEST_KEY))
            connection.run(
                database.compile(update(objects).where(too_long).values({column.name: cut}))
            )
        for index in self.keys:
            if index.name not in present:
                connection.run(database.compile(CreateIndex(index)))
        number: Any = literal_column(str(_FORMAT_OF_SERVERS))
        connection.run(database.compile(update(self.meta).values(format=number)))

    def has_listed(self, connection: Connection) -> bool:
        """Whether SQLite has the index that lists are read from."""
        found = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = :name"
        return bool(connection.fetch(found, {"name": str(self.listed.name)}))

    def create_listed(self, database: Database, connection: Connection) -> None:
        """Make the index that lists are read from, unless it is there."""
        connection.run(database.compile(CreateIndex(self.listed, if_not_exists=True)))


def format_of(database: Database) -> int:
    """Return the format of the tables that are made in a database."""
    return _FORMATS.get(database.engine.dialect.name, _FORMAT_OF_SERVERS)


def _quoted(name: str, ending: str) -> quoted_name:
    return quoted_name(f"{name}_{ending}", quote=True)
