"""Rankings: the positions of a query in its order, in a temporary table.

Nothing else is kept of the rows between two questions. With a ranking any row of a million is
found by its number, and its number by its position. It counts for nothing as soon as a row has
changed; what it would have said is then worked out.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.work.conditions import Orders, condition_of, order_of
from app.work.query import needs_facts
from app.work.records import COLUMN_KEYS, RowQuery

__all__ = ["STORE_ORDER", "Rankings", "asks_inside"]

STORE_ORDER = RowQuery()
"""All rows in the order of the store."""

_WORTH_RANKING = 5_000  # rows; fewer are sorted in a few milliseconds
_KEPT_RANKINGS = 4
_PAUSE = 2  # times as long as a ranking took, until it is made again: rows may change all the time


@dataclass(slots=True)
class _Ranking:
    """The rows of a query in their order.

    Attributes:
        table: Has `rank`, from 1, and `position`.
        version: What `RowSource._version` was when it was made.
        last: The highest position in it.
        good_until: Until when it is not made again, by the monotonic clock.
    """

    table: str
    version: object
    last: int
    good_until: float


class Rankings(ABC):
    """Orders rows of one connection, and remembers their order as long as it holds."""

    _orders: Orders

    def __init__(self) -> None:
        self._rankings: OrderedDict[RowQuery, _Ranking] = OrderedDict()
        self._rankings_made = 0
        self._preparing = threading.Lock()
        self._is_preparing = False
        self._facts_put = 0  # how often

    @property
    @abstractmethod
    def _db(self) -> sqlite3.Connection:
        """The connection; asked for anew with every statement."""

    @abstractmethod
    def _version(self, *, order_only: bool) -> object:
        """Return what differs when rows changed; or when one has gone, if `order_only`."""

    @abstractmethod
    def count(self, query: RowQuery) -> int:
        """Return the number of rows."""

    def open_facts(self) -> None:
        """Have the relation `facts`, outside of a transaction."""

    def interrupt_preparing(self) -> None:
        """Put off what is only done ahead. Any thread may call this."""
        with self._preparing:
            if self._is_preparing:
                self._db.interrupt()

    def prepare(self, query: RowQuery) -> bool:
        """Make further pages of a query quick, if it has many rows.

        Returns:
            Whether that is settled; False if something more urgent came up.
        """
        query = replace(query, paths=())
        self._get_ready(query)
        is_store_order = query == STORE_ORDER
        version = self._version(order_only=is_store_order), self._facts_put
        known = self._rankings.get(query)
        began = time.monotonic()
        if known is not None and (known.version == version or began < known.good_until):
            return True
        if known is not None:
            self._drop(query)
        if self.count(query) < _WORTH_RANKING:
            return True
        self._rankings_made += 1
        table = f"temp.ranking_{self._rankings_made}"
        where, values, order = self._terms(query)
        if is_store_order:
            order = "+position"  # from an index: the table itself has the pickles between
        self._db.execute(
            f"CREATE TEMP TABLE {table} (rank INTEGER PRIMARY KEY, position INTEGER NOT NULL)"
        )
        with self._preparing:
            self._is_preparing = True
        try:
            self._db.execute(
                f"INSERT INTO {table} (position)"  # noqa: S608 -- values are bound
                f" SELECT position FROM entry {where} ORDER BY {order}",
                values,
            )
        except sqlite3.OperationalError as error:
            self._db.execute(f"DROP TABLE {table}")
            if str(error) == "interrupted":
                return False
            raise
        finally:
            with self._preparing:
                self._is_preparing = False
        now = time.monotonic()
        last = self._value(f"SELECT max(position) FROM {table}")  # noqa: S608
        self._rankings[query] = _Ranking(table, version, last or 0, now + _PAUSE * (now - began))
        while len(self._rankings) > _KEPT_RANKINGS:
            self._drop(next(iter(self._rankings)))
        return True

    def _get_ready(self, query: RowQuery) -> None:
        if asks_inside(query):
            self.open_facts()

    def _terms(self, query: RowQuery) -> tuple[str, list[Any], str]:
        """Return the WHERE of a query, the values to bind, and its order."""
        condition, values = condition_of(query.text)
        order = order_of(query, self._orders, is_filtered=bool(condition))
        return (f"WHERE {condition}" if condition else ""), values, order

    def _ranking(self, query: RowQuery) -> _Ranking | None:
        """Return the ranking of a query, if there is one that still holds."""
        query = replace(query, paths=())
        ranking = self._rankings.get(query)
        if ranking is None:
            return None
        is_store_order = query == STORE_ORDER
        if ranking.version != (self._version(order_only=is_store_order), self._facts_put):
            return None
        if is_store_order:
            self._extend(ranking)
        self._rankings.move_to_end(query)
        return ranking

    def _extend(self, ranking: _Ranking) -> None:
        """Add new rows to the ranking of all in the order of the store, where they come last."""
        last = self._value("SELECT max(position) FROM entry") or 0
        if last > ranking.last:
            self._db.execute(
                f"INSERT INTO {ranking.table} (position)"  # noqa: S608
                " SELECT position FROM entry WHERE position > ? AND position <= ?"
                " ORDER BY position",
                (ranking.last, last),
            )
            ranking.last = last

    def _drop(self, query: RowQuery) -> None:
        self._db.execute(f"DROP TABLE {self._rankings.pop(query).table}")

    def _drop_rankings(self) -> None:
        for query in list(self._rankings):
            self._drop(query)

    def _value(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Return the one value that a statement gives."""
        (value,) = self._db.execute(statement, values).fetchone()
        return value


def asks_inside(query: RowQuery) -> bool:
    """Whether a query asks for what is inside objects."""
    is_path = query.sort not in ("", *COLUMN_KEYS)
    return bool(query.paths) or is_path or needs_facts(query.text)
