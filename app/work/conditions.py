"""Filters and orders of the ID table as SQL over one relation, `entry`.

Every source of rows has that relation with the columns `position` (unique, rises in the order
of the store), `id`, `type`, `state`, `name`, `modified` and `size`; what is inside objects is
in another one, `facts`, as a JSON object of values by their paths. Text is compared without a
function of ours wherever it is ASCII: SQLite then works through a million rows without taking
the interpreter's lock once.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import lru_cache
from typing import Any

from app.work.query import Anywhere, Attribute, Begins, Between, Equals, Term, parse
from app.work.records import RowQuery

__all__ = [
    "Orders",
    "clean",
    "condition_of",
    "fact_at",
    "fold",
    "has_trigrams",
    "order_of",
    "stored_id",
    "text_of_id",
    "words_table",
]

Orders = Mapping[str, tuple[str, ...]]
"""Column → the terms that rows are sorted by, the first of them NULL where there is no value."""

_LONGEST_PATTERN = 10_000  # bytes; SQLite refuses longer ones in LIKE at 50,000
_SEARCHED = ("id", "name", "type", "state")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?")
_GRAM = 3
_MOST_GRAMS = 24
_LAST = "\U0010ffff"  # no text in use goes on with it


def condition_of(text: str) -> tuple[str, list[Any]]:
    """Return a filter as a condition, "" for none, and the values to bind.

    Raises:
        FilterError: The filter cannot be understood.
    """
    conditions: list[str] = []
    values: list[Any] = []
    for term in parse(text):
        condition, bound = _condition(term)
        conditions.append(f"NOT ({condition})" if term.negated else condition)
        values += bound
    return " AND ".join(conditions), values


def order_of(query: RowQuery, orders: Orders, *, is_filtered: bool) -> str:
    """Return the terms to order by: stable, and what has no value last."""
    direction = " DESC" if query.descending else ""
    if not query.sort:
        # The sign keeps SQLite from reading the table in its order, pickles and all, where
        # it can find the few rows that match in an index and sort these.
        return f"{'+' if is_filtered else ''}position{direction}"
    first, *others = orders.get(query.sort) or (fact_at(query.sort),)
    terms = [f"{first} DESC" if query.descending else f"{first} NULLS LAST"]
    terms += [f"{term}{direction}" for term in others]
    return ", ".join([*terms, "position"])


def fact_at(path: str) -> str:
    """Return the value at a path of each row of `entry`, as a term."""
    value = _extracted(path)
    return f"(SELECT {value} FROM facts WHERE facts.position = entry.position)"  # noqa: S608


@lru_cache(maxsize=1)
def has_trigrams() -> bool:
    """Whether this SQLite can look texts up by their trigrams: 3.34 and later, with FTS5."""
    with closing(sqlite3.connect(":memory:")) as db:
        try:
            db.execute(words_table("jobshelf_words", "facts"))
        except sqlite3.OperationalError:
            return False
        return True


def words_table(name: str, content: str) -> str:
    """Return the statement that makes the full-text index of facts."""
    return (
        f"CREATE VIRTUAL TABLE {name} USING fts5 (paths, content = '{content}',"
        " content_rowid = 'position', tokenize = 'trigram', detail = none)"
    )


def clean(text: Any) -> Any:
    """Return a text (or None) without what SQLite could not hold."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\0", "\\0")


def stored_id(id_: str) -> str | bytes:
    """Return an ID as SQLite can hold it: file names need not be valid Unicode."""
    if id_.isascii():
        return id_
    try:
        id_.encode()
    except UnicodeEncodeError:
        return id_.encode("utf-8", "surrogatepass")
    return id_


def text_of_id(value: Any) -> str:
    """Return what `stored_id` was made of."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else str(value)


def fold(value: Any) -> str:
    """Return a value free of case; known to SQL by this name."""
    return "" if value is None else text_of_id(value).casefold()


def _condition(term: Term) -> tuple[str, list[Any]]:
    """Return a condition that is never NULL, without the negation."""
    if isinstance(term, Between):
        low, high = term.low, term.high
        bound = [low if math.isfinite(low) else -1e308, high if math.isfinite(high) else 1e308]
        return f"({term.column} IS NOT NULL AND {term.column} >= ? AND {term.column} < ?)", bound
    needle = clean(term.text)
    if isinstance(term, Attribute):
        return _comparison(term.path, term.operator, needle)
    if isinstance(term, Anywhere):
        return _anywhere(needle)
    if isinstance(term, Equals):
        return _equality(term.column, needle)
    if isinstance(term, Begins):
        return _beginning(term.column, needle)
    return _containment((term.column,) if term.column else _SEARCHED, needle)


def _containment(columns: tuple[str, ...], text: str) -> tuple[str, list[Any]]:
    if not text:
        return "1", []
    if not text.isascii():
        test, needle = "instr(fold({}), ?) > 0", text.casefold()
    elif len(text) > _LONGEST_PATTERN:
        test, needle = "instr(lower(ifnull({}, '')), ?) > 0", text.lower()
    else:
        # LIKE ignores the case of ASCII, and is twice as quick as `instr` of `lower`.
        test, needle = "ifnull({} LIKE ? ESCAPE '\\', 0)", f"%{_literal(text)}%"
    condition = " OR ".join(test.format(column) for column in columns)
    return f"({condition})", [needle] * len(columns)


def _anywhere(text: str) -> tuple[str, list[Any]]:
    shown, values = _containment(_SEARCHED, text)
    written = json.dumps(text, ensure_ascii=False)[1:-1]  # as it stands between quotation marks
    inside, more = _containment(("paths",), written)
    if written.isascii() and len(written) >= _GRAM and has_trigrams():
        # Few objects have all these; whether in this order is seen in the text itself.
        having = "SELECT rowid FROM jobshelf_words WHERE jobshelf_words MATCH ?"
        inside = f"position IN ({having}) AND {inside}"
        more = [_grams(written), *more]
    return (
        f"({shown} OR position IN (SELECT position FROM facts WHERE {inside}))",  # noqa: S608
        [*values, *more],
    )


def _grams(text: str) -> str:
    """Return the first trigrams of a text as an expression of FTS5."""
    starts = range(min(len(text) - _GRAM + 1, _MOST_GRAMS))
    grams = dict.fromkeys(text[start : start + _GRAM].replace('"', '""') for start in starts)
    return " AND ".join(f'"{gram}"' for gram in grams)


def _comparison(path: str, operator: str, text: str) -> tuple[str, list[Any]]:
    value = "value"
    number = float(text) if _NUMBER.fullmatch(text) else None
    is_number = f"typeof({value}) IN ('integer', 'real')"
    values: list[Any]
    if operator == ":":
        test, values = _containment((value,), text)
    elif operator in ("=", "!="):
        test, values = f"CAST({value} AS TEXT) = ? COLLATE NOCASE", [text]
        if number is not None:
            test, values = f"({test} OR ({is_number} AND {value} = ?))", [text, number]
        if operator == "!=":
            test = f"{value} IS NOT NULL AND NOT ({test})"
    elif number is not None:
        test, values = f"{is_number} AND {value} {operator} ?", [number]
    else:
        test, values = f"typeof({value}) = 'text' AND {value} {operator} ? COLLATE NOCASE", [text]
    # The limit keeps SQLite from working the value out anew wherever it is compared.
    found = f"SELECT position, {_extracted(path)} AS value FROM facts LIMIT -1"  # noqa: S608
    return f"position IN (SELECT position FROM ({found}) WHERE {test})", values  # noqa: S608


def _extracted(path: str) -> str:
    """Return the value at a path as a term over `facts`; the path stands in it as a literal."""
    literal = path.replace('"', "").replace("\0", "").replace("'", "''")
    return f"json_extract(paths, '$.\"{literal}\"')"


def _beginning(column: str, text: str) -> tuple[str, list[Any]]:
    if column == "id":
        return "(id >= ? AND id < ?)", [text, text + _LAST]  # as an index finds it
    if not text.isascii() or len(text) > _LONGEST_PATTERN:
        folded = text.casefold()
        return f"substr(fold({column}), 1, ?) = ?", [len(folded), folded]
    return f"ifnull({column} LIKE ? ESCAPE '\\', 0)", [f"{_literal(text)}%"]


def _literal(text: str) -> str:
    """Return a text as a pattern of LIKE that is contained in the same text only."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _equality(column: str, text: str) -> tuple[str, list[Any]]:
    if column == "state":
        if text.isascii():
            return "ifnull(state, '') = ? COLLATE NOCASE", [text]
        return "fold(state) = ?", [text.casefold()]
    if column == "type" and text:
        return "(type = ? OR substr(type, -length(?) - 1) = '.' || ?)", [text, text, text]
    if column == "id":
        return "id = ?", [stored_id(text)]
    return f"ifnull({column}, '') = ?", [text]
