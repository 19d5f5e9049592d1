"""The columns and indexes of pandas as sequences, read from what pandas pickles.

Columns of one type are together in a block, a numpy array with a row for each column; types
that numpy has not (categories, times with a zone, numbers that may be missing) are arrays of
pandas' own. All of them become sequences of plain values here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from persistence.pickles.adapters.arrays import Array, array_of
from persistence.pickles.adapters.leaves import are, known_text
from persistence.pickles.classes import class_name
from persistence.pickles.nodes import Object
from persistence.pickles.texts import escaped

__all__ = ["Column", "Mapped", "column_of", "index_of", "is_missing"]

_MOST_LEVELS = 64
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Column:
    """The values of a column or index.

    Attributes:
        type: Name of their type.
        values: The values.
        name: Its name, or those of its levels, as far as it has one.
    """

    type: str
    values: Sequence[Any]
    name: Any = None


class Mapped(Sequence[Any]):
    """What a function gives for each position, found when it is looked at."""

    def __init__(self, length: int, value_at: Callable[[int], Any]) -> None:
        self._length = length
        self._value_at = value_at

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._value_at(at) for at in range(*index.indices(self._length))]
        if not 0 <= index < self._length:
            raise IndexError(index)
        return self._value_at(index)


def is_missing(value: Any) -> bool:
    """Return whether a value stands for none: None, NaN, "NaT"."""
    return value is None or value == "NaT" or (type(value) is float and value != value)  # noqa: PLR0124


def column_of(value: Any, depth: int = 0) -> Column | None:
    """Return the values of a one-dimensional array, of numpy or of pandas."""
    if not isinstance(value, Object) or depth > _DEEPEST:
        return None
    name = class_name(value).rpartition(".")[2]
    if name == "ndarray":
        return _flat(array_of(value))
    if name == "Categorical":
        return _categories(value, depth)
    backing = _backing(value)
    if backing is not None:
        element, stored = backing
        inner = _flat(array_of(stored))
        return None if inner is None else Column(_type_name(name, element, inner), inner.values)
    attributes = value.attributes() if value.states else {}
    if "_data" in attributes and "_mask" in attributes:
        return _nullable(attributes["_data"], attributes["_mask"])
    if "_ndarray" in attributes:
        return column_of(attributes["_ndarray"], depth + 1)
    return None


def _flat(array: Array | None) -> Column | None:
    """Return an array as a column, also one of a single row."""
    if array is None or not array.shape:
        return None
    kind = escaped(array.type.name)
    if len(array.shape) == 1:
        return Column(kind, array)
    if len(array.shape) == 2 and array.shape[0] == 1:
        return Column(kind, array[0])
    return None


def _backing(value: Object) -> tuple[Any, Any] | None:
    """Return type and array in the state of an array of pandas over one of numpy.

    `NDArrayBacked` sets `(dtype, array, attributes)`, in some versions the other way round.
    """
    for state in value.states:
        if type(state) is tuple and len(state) >= 2:
            if array_of(state[1]) is not None:
                return state[0], state[1]
            if array_of(state[0]) is not None:
                return state[1], state[0]
    return None


def _type_name(name: str, element: Any, inner: Column) -> str:
    if isinstance(element, Object):
        attributes = element.attributes() if element.states else {}
        kind = class_name(element).rpartition(".")[2]
        if kind == "DatetimeTZDtype":
            unit = known_text(attributes.get("unit")) or "ns"
            return f"datetime64[{escaped(unit)}] UTC"
        if kind == "StringDtype":
            return "string"
    return inner.type


def _categories(value: Object, depth: int) -> Column | None:
    backing = _backing(value)
    if backing is not None:
        element, codes_array = backing
    else:  # before pandas 1.3
        attributes = value.attributes() if value.states else {}
        element, codes_array = attributes.get("_dtype"), attributes.get("_codes")
    codes = _flat(array_of(codes_array))
    if codes is None or not isinstance(element, Object):
        return None
    stored = element.attributes().get("categories") if element.states else None
    categories = index_of(stored, depth + 1)
    if categories is None:
        return None
    known, places = categories.values, codes.values

    def value_at(index: int) -> Any:
        code = places[index]
        return known[code] if type(code) is int and 0 <= code < len(known) else None

    return Column("category", Mapped(len(places), value_at))


def _nullable(data: Any, mask: Any) -> Column | None:
    values, hidden = _flat(array_of(data)), _flat(array_of(mask))
    if values is None or hidden is None or len(values.values) != len(hidden.values):
        return None
    found, is_hidden = values.values, hidden.values
    name = (
        values.type.capitalize() if values.type[:1] != "u" else f"U{values.type[1:].capitalize()}"
    )
    return Column(
        "boolean" if values.type == "bool" else name,
        Mapped(len(found), lambda index: None if is_hidden[index] else found[index]),
    )


# Indexes.


def index_of(value: Any, depth: int = 0) -> Column | None:
    """Return the labels of a pandas index."""
    if not isinstance(value, Object) or depth > _DEEPEST or len(value.args) < 2:
        return None
    about = value.args[1]
    if type(about) is not dict:
        return None
    about = {known_text(key) or "": found for key, found in about.items()}
    kind = class_name(value).rpartition(".")[2]
    if "start" in about and "stop" in about:
        bounds = (about["start"], about["stop"], about.get("step", 1))
        if not are(bounds, int) or not bounds[2] or max(map(abs, bounds)) >= 2**62:
            return None
        return Column("range", range(*bounds), about.get("name"))
    if "levels" in about and "codes" in about:
        return _levels(about, depth)
    found = column_of(about.get("data"), depth + 1) or index_of(about.get("data"), depth + 1)
    if found is None:
        return None
    return Column(
        escaped(kind) if found.type == "object" else found.type, found.values, about.get("name")
    )


def _levels(about: dict[str, Any], depth: int) -> Column | None:
    levels, codes, names = about["levels"], about["codes"], about.get("names")
    if type(levels) not in (list, tuple) or type(codes) not in (list, tuple):
        return None
    if not 0 < len(levels) == len(codes) <= _MOST_LEVELS:
        return None
    labels = [index_of(level, depth + 1) for level in levels]
    places = [_flat(array_of(code)) for code in codes]
    pairs = [
        (label.values, place.values)
        for label, place in zip(labels, places, strict=True)
        if label is not None and place is not None
    ]
    if len(pairs) != len(levels) or len({len(place) for _, place in pairs}) != 1:
        return None

    def value_at(index: int) -> tuple[Any, ...]:
        return tuple(
            known[place[index]]
            if type(place[index]) is int and 0 <= place[index] < len(known)
            else None
            for known, place in pairs
        )

    return Column("levels", Mapped(len(pairs[0][1]), value_at), names)
