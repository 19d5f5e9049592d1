"""How pandas tables, series and indexes look: as tables, with their first values.

The forms are those of pandas 1, 2 and 3: a `DataFrame` has a `BlockManager` as `_mgr`
(`_data` before 1.1) with the blocks and the two axes; a `Series` has one with one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from persistence.pickles.adapters.arrays import Array, array_of
from persistence.pickles.adapters.columns import Column, Mapped, column_of, index_of, is_missing
from persistence.pickles.adapters.leaves import known_text
from persistence.pickles.classes import class_name, constructor_args
from persistence.pickles.nodes import Object
from persistence.pickles.parts import Child, Fields, Items, Joined, Parts, computed
from persistence.pickles.paths import attribute, item
from persistence.pickles.texts import escaped, integer_text, quoted, shortened
from persistence.pickles.views import Code, View, call, object_parts

__all__ = ["extension_array", "frame", "index", "series"]

_MOST_COLUMNS = 100_000
_SHOWN_COLUMNS = 12
_SHOWN_ROWS = 50
_WIDEST = 24  # characters of a value in a table
_MANAGER_STATE = 4
_BLOCKS = "0.14.1"  # the version of pandas that made this form


@dataclass(frozen=True, slots=True)
class _Table:
    """A table: labels of its columns and rows, and the columns.

    Attributes:
        labels: Label of each column.
        columns: The columns in order; None for one that cannot be read here.
        rows: Labels of the rows.
    """

    labels: Sequence[Any]
    columns: Sequence[Column | None]
    rows: Column

    def cell(self, row: int, column: int) -> Any:
        """Return one value."""
        found = self.columns[column]
        return View("unknown", brief="?") if found is None else found.values[row]


def frame(value: Object, python2: bool) -> View | None:
    """Show a `DataFrame` by its columns and rows."""
    attributes = value.attributes() if value.states else {}
    name = "_mgr" if "_mgr" in attributes else "_data"
    table = _table(attributes.get(name))
    if table is None:
        return None
    height, width = len(table.rows.values), len(table.columns)
    labels = ", ".join(_label(label) for label in table.labels[:_SHOWN_COLUMNS])
    more = ", …" if width > _SHOWN_COLUMNS else ""
    size = f"{height:,} row{_s(height)} × {width:,} column{_s(width)}"
    rest = {key: part for key, part in attributes.items() if key != name}
    parts: tuple[Parts, ...] = (
        _Columns(table),
        Fields(
            (
                Child("rows", _rows_view(table), computed("rows"), is_computed=True),
                Child("index", _column_view(table.rows), computed("index"), is_computed=True),
                Child(name, attributes[name], attribute(name)),
                *(Child(escaped(key), part, attribute(key)) for key, part in rest.items()),
            )
        ),
    )
    return View(
        "DataFrame",
        brief=f"{size}  {labels}{more}",
        code=lambda: _frame_code(table),
        parts=Joined(parts),
        text=lambda: _written(table),
    )


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _frame_code(table: _Table) -> Iterator[Any]:
    columns = View("dict", code=lambda: _columns_code(table))
    yield from call("pandas.DataFrame", columns, *_index_argument(table.rows))()


def _index_argument(rows: Column) -> tuple[View, ...]:
    """Return the argument for labels of rows, unless they are the usual 0, 1, 2, …"""
    labels = rows.values
    if isinstance(labels, range) and labels == range(len(labels)):
        return ()
    return (View("index", code=lambda: iter((Code("index="), _list_view(labels)))),)


def _columns_code(table: _Table) -> Iterator[Any]:
    yield Code("{")
    for index, label in enumerate(table.labels):
        yield Code(", " if index else "")
        yield label
        yield Code(": ")
        column = table.columns[index]
        yield _values_view(column) if column is not None else Code("...")
    yield Code("}")


def _values_view(column: Column) -> View:
    """Return what gives values of their type: lists give pandas numbers, texts and dates."""
    kind, listed = column.type, _list_view(column.values)
    if kind == "category":
        return View(kind, code=call("pandas.Categorical", listed))
    if kind.endswith(" UTC"):
        return View(kind, code=call("pandas.to_datetime", listed, Code("utc=True")))
    if kind.startswith(("datetime64[", "timedelta64[")):
        return View(kind, code=call("numpy.array", listed, Code(f"dtype={quoted(kind)}")))
    if kind == "boolean" or (kind[:1].isupper() and kind[-1:].isdecimal()):  # "Int64"
        return View(kind, code=call("pandas.array", listed, Code(f"dtype={quoted(kind)}")))
    return listed


def _list_view(values: Sequence[Any]) -> View:
    def code() -> Iterator[Any]:
        yield Code("[")
        for index, value in enumerate(values):
            yield Code(", " if index else "")
            yield value
        yield Code("]")

    return View("list", code=code)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a table as children."""

    table: _Table

    def __len__(self) -> int:
        return len(self.table.columns)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        table = self.table
        for index in range(first, min(first + count, len(table.columns))):
            label = table.labels[index]
            known = label if isinstance(label, (str, int)) else _label(label)
            column = table.columns[index]
            shown = View("unknown", brief="its values cannot be read here")
            if column is not None:
                shown = _column_view(column)
            yield Child(_label(label), shown, item(known), is_computed=True)


def _column_view(column: Column) -> View:
    values = column.values
    return View(
        column.type,
        code=lambda: iter((_list_view(values),)),
        parts=Items(values, is_computed=True),
        count=len(values),
    )


def _rows_view(table: _Table) -> View:
    height = len(table.rows.values)
    return View(
        "rows",
        brief="" if height else "no rows",
        parts=_Rows(table),
        count=height,
        text=lambda: _written(table),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a table as children, each with a value for each column."""

    table: _Table

    def __len__(self) -> int:
        return len(self.table.rows.values)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        table = self.table
        for row in range(first, min(first + count, len(self))):
            label = table.rows.values[row]
            yield Child(
                _label(label), _row_view(table, row), computed(f"row {row}"), is_computed=True
            )


def _row_view(table: _Table, row: int) -> View:
    width = len(table.columns)
    brief = "  ".join(
        _cell(table.cell(row, column)) for column in range(min(width, _SHOWN_COLUMNS))
    )
    return View(
        "row",
        brief=brief + ("  …" if width > _SHOWN_COLUMNS else ""),
        parts=_Cells(table, row),
    )


@dataclass(frozen=True, slots=True)
class _Cells:
    """The values in a row of a table as children."""

    table: _Table
    row: int

    def __len__(self) -> int:
        return len(self.table.columns)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        for column in range(first, min(first + count, len(self))):
            label = self.table.labels[column]
            known = label if isinstance(label, (str, int)) else _label(label)
            yield Child(
                _label(label), self.table.cell(self.row, column), item(known), is_computed=True
            )


def _label(value: Any) -> str:
    """Return the label of a row or column on one line."""
    if type(value) is tuple:
        return f"({', '.join(_cell(part) for part in value)})"
    return _cell(value)


def _cell(value: Any) -> str:
    """Return a value in a table on one line; of what holds others, only its type."""
    if isinstance(value, View):
        return shortened(value.brief or value.type, _WIDEST)
    if is_missing(value):
        return "–" if value is None else "NaN" if value != "NaT" else "NaT"
    known = known_text(value)
    if known is not None:
        return shortened(escaped(known[: _WIDEST + 1]), _WIDEST)
    if type(value) is int:
        return shortened(integer_text(value), _WIDEST)
    if type(value) in (float, bool, complex):
        return repr(value)
    return f"<{escaped(class_name(value).rpartition('.')[2])}>"


def _written(table: _Table) -> str:
    """Return the first rows and columns as aligned text."""
    height, width = len(table.rows.values), len(table.columns)
    shown = range(min(width, _SHOWN_COLUMNS))
    lines = [["", *(_label(table.labels[column]) for column in shown)]]
    lines += [
        [_label(table.rows.values[row]), *(_cell(table.cell(row, column)) for column in shown)]
        for row in range(min(height, _SHOWN_ROWS))
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = [
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)),
            ]
        )
        for line in lines
    ]
    if height > _SHOWN_ROWS or width > _SHOWN_COLUMNS:
        written.append("…")
    return "\n".join([*(line.rstrip() for line in written), f"{height:,} rows × {width:,} columns"])


# Reading the blocks.


def _table(manager: Any) -> _Table | None:
    found = _blocks(manager)
    if found is None:
        return None
    axes, blocks = found
    if type(axes) is not list or len(axes) != 2:
        return None
    labels, rows = index_of(axes[0]), index_of(axes[1])
    if labels is None or rows is None or len(labels.values) > _MOST_COLUMNS:
        return None
    width, height = len(labels.values), len(rows.values)
    found_in: dict[int, tuple[Any, Array | None, int]] = {}
    left = width
    for values, places in blocks:
        positions = _positions(places, width)
        if positions is None or len(positions) > left:
            return None
        left -= len(positions)
        array = array_of(values)
        for row, position in enumerate(positions):
            found_in[position] = (values, array, row)

    def column_at(index: int) -> Column | None:
        found = found_in.get(index)
        return None if found is None else _checked(_column_in(*found), height)

    return _Table(labels.values, Mapped(width, column_at), rows)


def _column_in(values: Any, array: Array | None, row: int) -> Column | None:
    if array is not None and len(array.shape) == 2:
        return Column(escaped(array.type.name), array[row]) if row < len(array) else None
    return column_of(values) if row == 0 else None


def _checked(column: Column | None, height: int) -> Column | None:
    return column if column is not None and len(column.values) == height else None


def _blocks(manager: Any) -> tuple[Any, list[tuple[Any, Any]]] | None:
    """Return the axes, and values and places of each block."""
    if not isinstance(manager, Object):
        return None
    args = constructor_args(manager)
    if len(args) == 2 and type(args[0]) is tuple:  # from pandas 1.3 on
        blocks = [block.args[:2] for block in args[0] if isinstance(block, Object)]
        if len(blocks) != len(args[0]) or not all(len(block) == 2 for block in blocks):
            return None
        return args[1], [(block[0], block[1]) for block in blocks]
    state = manager.states[-1] if manager.states else None
    if type(state) is not tuple or len(state) != _MANAGER_STATE or type(state[3]) is not dict:
        return None
    about = state[3].get(_BLOCKS, state[3].get(_BLOCKS.encode()))
    if type(about) is not dict:
        return None
    axes, stored = about.get("axes"), about.get("blocks")
    if type(stored) is not list or not all(type(block) is dict for block in stored):
        return None
    return axes, [(block.get("values"), block.get("mgr_locs")) for block in stored]


def _positions(places: Any, width: int) -> Sequence[int] | None:
    """Return which columns a block has: a slice, or an array of numbers."""
    if isinstance(places, Object) and class_name(places) == "builtins.slice":
        bounds = places.args
        if len(bounds) != 3 or not all(part is None or type(part) is int for part in bounds):
            return None
        if bounds[2] == 0:
            return None
        return range(*slice(*bounds).indices(width))
    array = array_of(places)
    if array is None or len(array.shape) != 1 or len(array) > width:
        return None
    found = list(array)
    if not all(type(position) is int and 0 <= position < width for position in found):
        return None
    return found


def series(value: Object, python2: bool) -> View | None:
    """Show a `Series` by its labels and values."""
    attributes = value.attributes() if value.states else {}
    name = "_mgr" if "_mgr" in attributes else "_data"
    found = _blocks(attributes.get(name))
    if found is None or type(found[0]) is not list or not found[0] or len(found[1]) != 1:
        return None
    rows, column = index_of(found[0][0]), column_of(found[1][0][0])
    if rows is None or column is None or len(rows.values) != len(column.values):
        return None
    title = known_text(attributes.get("_name", attributes.get("name")))
    rest = [Child(escaped(key), part, attribute(key)) for key, part in attributes.items()]
    labels, values = rows.values, column.values
    shown = [_cell(part) for part in islice(values, _SHOWN_COLUMNS)]
    return View(
        f"Series {column.type} {len(values):,}",
        brief=(f"{escaped(title)}: " if title else "") + _listed(shown, len(values)),
        code=lambda: _series_code(rows, column, title),
        parts=Joined((_Labelled(labels, values), Fields(rest))),
        count=len(values),
        text=lambda: "\n".join(
            f"{_label(label)}  {_cell(part)}"
            for label, part in islice(zip(labels, values, strict=True), _SHOWN_ROWS)
        ),
    )


def _listed(shown: list[str], count: int) -> str:
    return f"[{', '.join(shown)}{', …' if count > len(shown) else ''}]"


def _series_code(rows: Column, column: Column, title: str | None) -> Iterator[Any]:
    named = (Code(f"name={quoted(title)}"),) if title else ()
    yield from call("pandas.Series", _values_view(column), *_index_argument(rows), *named)()


@dataclass(frozen=True, slots=True)
class _Labelled:
    """Values as children that are called by a label each."""

    labels: Sequence[Any]
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.values)

    def slice(self, first: int, count: int) -> Iterator[Child]:
        for index in range(first, min(first + count, len(self.values))):
            yield Child(
                _label(self.labels[index]), self.values[index], item(index), is_computed=True
            )


def index(value: Object, python2: bool) -> View | None:
    """Show an index by its labels."""
    found = index_of(value)
    if found is None:
        return None
    kind = escaped(class_name(value).rpartition(".")[2])
    if isinstance(found.values, range):
        bounds = found.values
        return View(
            kind,
            code=call("pandas.RangeIndex", bounds.start, bounds.stop, bounds.step),
            parts=object_parts(value, python2),
        )
    shown = [_label(part) for part in islice(found.values, _SHOWN_COLUMNS)]
    name = known_text(found.name)
    values = found.values
    maker = "pandas.MultiIndex.from_tuples" if found.type == "levels" else f"pandas.{kind}"
    is_span = found.type.startswith("timedelta64[")
    listed = _values_view(found) if is_span else _list_view(values)
    arguments = [Code("tz='UTC'")] if found.type.endswith(" UTC") else []
    arguments += [Code(f"name={quoted(name)}")] if name else []
    if kind in ("Int64Index", "UInt64Index", "Float64Index"):
        maker = "pandas.Index"
    return View(
        kind,
        brief=_listed(shown, len(values)) + (f"  {escaped(name)}" if name else ""),
        code=call(maker, listed, *arguments),
        parts=Joined((Items(values, is_computed=True), object_parts(value, python2))),
        count=len(values),
    )


def extension_array(value: Object, python2: bool) -> View | None:
    """Show an array of pandas' own: categories, times, numbers that may be missing."""
    found = column_of(value)
    if found is None:
        return None
    kind = escaped(class_name(value).rpartition(".")[2])
    shown = [_cell(part) for part in islice(found.values, _SHOWN_COLUMNS)]
    values = found.values
    written = _values_view(found)
    if written.type == "list":
        written = View(
            kind, code=call("pandas.array", written, Code(f"dtype={quoted(found.type)}"))
        )
    return View(
        kind,
        brief=_listed(shown, len(values)),
        code=lambda: iter((written,)),
        parts=Joined((Items(values, is_computed=True), object_parts(value, python2))),
        count=len(values),
    )
