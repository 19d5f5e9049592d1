"""What the rows of a GC3Pie table hold beside ID and pickle, kept for when they come back.

Further columns are filled by functions that only the program which made the table has. So a
row that is removed can be put back as it was only if their values are kept: as a JSON object
of column name → value, in which bytes are written as {"base64": text}, and what PostgreSQL
gives of a column of JSON or of an array as {"json": value}.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Table, bindparam, insert, select

from persistence.sql_connection import Database

__all__ = ["Further"]

_AS_THEY_ARE = (str, int, float, type(None))


class Further:
    """The columns of a table that no pickle tells.

    Args:
        database: Where the table is.
        table: The table, with all its columns.
        columns: Their names, without those of the ID and the pickle.

    Attributes:
        select: Selects the ID, then their values.
    """

    def __init__(self, database: Database, table: Table, columns: Sequence[str]) -> None:
        self._database = database
        self._table = table
        self._columns = columns
        self._inserts: dict[tuple[str, ...], str] = {}
        self.select: Select[Any] = select(table.c.id, *(table.c[name] for name in columns))

    def pack(self, values: Sequence[Any]) -> bytes:
        """Return the values of a row as bytes."""
        row = dict(zip(self._columns, map(_packed, values), strict=True))
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def insert(self, packed: bytes) -> tuple[str, dict[str, Any]]:
        """Return the statement that inserts a row with them, and its parameters beside
        `id`, `data` and `state`. A column that the table no longer has is left out.
        """
        row = json.loads(packed.decode("utf-8", "surrogatepass"))
        names = tuple(name for name in self._columns if name in row and name != "state")
        if names not in self._inserts:
            parameters: dict[str, Any] = {
                name: bindparam(f"further{n}") for n, name in enumerate(names)
            }
            for name in ("id", "data", "state"):
                parameters[name] = bindparam(name, type_=self._table.c[name].type)
            self._inserts[names] = self._database.compile(
                insert(self._table).inline().values(parameters)
            )
        values = {f"further{n}": _unpacked(row[name]) for n, name in enumerate(names)}
        if "state" in row:
            values["state"] = _unpacked(row["state"])
        return self._inserts[names], values


def _packed(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, (dict, list)):
        return {"json": value}
    # Databases take the texts of what else they give: times, decimal numbers, UUIDs.
    return value if isinstance(value, _AS_THEY_ARE) else str(value)


def _unpacked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "base64" in value:
        return base64.b64decode(value["base64"])
    found = value["json"]
    return json.dumps(found) if isinstance(found, dict) else found
