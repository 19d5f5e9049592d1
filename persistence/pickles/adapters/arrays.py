"""How numpy arrays, scalars and types look: shape, element type, statistics, first values.

The values are read from the raw bytes in the pickle when they are looked at; numpy is not
needed. An array is pickled with its state (`numpy.ndarray.__reduce__`: version, shape, dtype,
whether the order is Fortran's, bytes), or from protocol 5 on as `_frombuffer(bytes, dtype,
shape, order)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan, prod
from struct import iter_unpack
from typing import Any, overload

from persistence.pickles.adapters.element_types import ElementType, element_type
from persistence.pickles.adapters.leaves import bytes_of, known_text, last_state
from persistence.pickles.classes import class_name, maker_name
from persistence.pickles.nodes import Global, MissingBuffer, Object
from persistence.pickles.parts import Child, Fields, Items, Joined, Parts, computed
from persistence.pickles.paths import item, special
from persistence.pickles.texts import escaped
from persistence.pickles.views import Code, Name, View, object_parts, separated

__all__ = ["Array", "array_of", "array_view", "dtype", "masked", "ndarray", "random", "scalar"]

_ARRAY_STATE = 5
_MASKED_STATE = 7
_FROM_BUFFER_ARGS = 4
_MOST_DIMENSIONS = 64  # numpy's own limit
_LONGEST = 2**63
_MOST_COUNTED = 1_000_000
"""Elements that are looked at for minimum, maximum and mean; it takes 0.1 s."""


@dataclass(frozen=True, slots=True)
class Array(Sequence[Any]):
    """An array, or a part of one with fewer dimensions.

    Attributes:
        type: Type of the elements.
        shape: Length in each dimension.
        strides: Distance of neighbours in each dimension: bytes, or places in a list.
        data: The elements of the whole array.
        start: Where the first element is.
    """

    type: ElementType
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    data: Any
    start: int = 0

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = self.start + index * self.strides[0]
        inner = Array(self.type, self.shape[1:], self.strides[1:], self.data, start)
        return inner if inner.shape else inner.element()

    def element(self) -> Any:
        """Return the first element."""
        if self.type.has_objects:
            return self.data[self.start]
        if self.type.read is None:
            return bytes(self.data[self.start : self.start + self.type.size])
        return self.type.read(self.data, self.start)


def ndarray(value: Object, python2: bool) -> View | None:
    """Show an array by its shape, element type, statistics and values."""
    array = array_of(value)
    if array is None:
        return _array_elsewhere(value)
    return array_view(array, _class(value), places=_places(value))


def _class(value: Object) -> str:
    return escaped(class_name(value).rpartition(".")[2])


def _is_from_buffer(value: Object) -> bool:
    return maker_name(value).endswith(".numeric._frombuffer")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the parts of an array are, as paths from its object."""

    shape: str
    dtype: str
    data: str
    element: Any


def _places(value: Object) -> _Places:
    if _is_from_buffer(value):
        return _Places(special(2), special(1), special(0), value.args[1])
    state = last_state(value)
    return _Places(state + item(1), state + item(2), state + item(4), value.states[-1][2])


def array_view(array: Array, type_name: str = "ndarray", places: _Places | None = None) -> View:
    """Return how an array looks, or a part of one.

    Args:
        array: The array.
        type_name: What its type is called.
        places: Where its parts are; None if it is part of another one.
    """
    kinds: list[Parts] = []
    if places is not None:
        kinds.append(
            Fields(
                (
                    Child("shape", array.shape, ".shape", places.shape),
                    Child("dtype", places.element, ".dtype", places.dtype),
                )
            )
        )
        if array.type.layout[1:] not in ("", "?") and 0 not in array.shape:
            kinds.append(_Statistics(array))
    if places is not None and array.type.has_objects and len(array.shape) == 1:
        kinds.append(Items(array, place=places.data))
    else:
        kinds.append(Items(array, _row_view, is_computed=True))
    label = View("dtype", code=lambda: iter((Code(", dtype="), array.type.spec)))

    def code() -> Iterator[Any]:
        is_empty = 0 in array.shape and len(array.shape) > 1  # lists do not say in which way
        maker = "matrix" if type_name == "matrix" else "zeros" if is_empty else "array"
        yield Name(f"numpy.{maker}")
        yield Code("(")
        yield array.shape if is_empty else _nested(array)
        yield label
        yield Code(")")

    return View(
        f"{type_name} {array.type.name} {_shape_text(array.shape)}",
        parts=Joined(kinds),
        count=len(array),
        code=code,
    )


def _row_view(row: Any) -> Any:
    return array_view(row, "row") if isinstance(row, Array) else row


def _nested(row: Any) -> Any:
    """Return what is written as the nested lists of an array."""
    if not isinstance(row, Array):
        return row
    if not row.shape:
        return row.element()

    def code() -> Iterator[Any]:
        yield Code("[")
        yield from separated((_nested(inner),) for inner in row)
        yield Code("]")

    return View("list", code=code)


def _shape_text(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{length:,}" for length in shape) or "()"


@dataclass(frozen=True, slots=True)
class _Statistics:
    """Smallest and largest element and mean, worked out when they are looked at."""

    array: Array

    def __len__(self) -> int:
        return 3

    def slice(self, first: int, count: int) -> Iterator[Child]:
        names = ("min", "max", "mean")[first : first + count]
        found = _statistics(self.array) if names else {}
        for name in names:
            yield Child(name, found[name], computed(name), is_computed=True)


def _statistics(array: Array) -> dict[str, View]:
    total = prod(array.shape)
    size = min(total, _MOST_COUNTED) * array.type.size
    data = memoryview(array.data)[array.start : array.start + size]
    numbers = [number for (number,) in iter_unpack(array.type.layout, data)]
    known = [number for number in numbers if number == number]  # noqa: PLR0124  NaN is not
    notes = []
    if len(numbers) < total:
        notes.append(f"of the first {len(numbers):,}")
    if len(known) < len(numbers):
        notes.append(f"without {len(numbers) - len(known):,} NaN")
    found = {"min": min(known), "max": max(known), "mean": _mean(known)} if known else {}
    note = f"  ({', '.join(notes)})" if notes else ""
    return {name: _figure(found.get(name), note) for name in ("min", "max", "mean")}


def _mean(numbers: list[Any]) -> float:
    total = sum(numbers)
    return float(total / len(numbers)) if not isnan(total) else float("nan")


def _figure(number: Any, note: str) -> View:
    shown = "NaN" if number is None else repr(number)
    return View(
        type(number).__name__ if number is not None else "float",
        brief=f"{shown}{note}",
        code=lambda: iter((float("nan") if number is None else number,)),
        text=lambda: shown,
        value=number,
    )


def _array_elsewhere(value: Object) -> View | None:
    """Show an array whose numbers were delivered apart from the pickle (PEP 574)."""
    if not _is_from_buffer(value) or len(value.args) != _FROM_BUFFER_ARGS:
        return None
    buffer, element, shape, _ = value.args
    kind = element_type(element)
    if kind is None or type(shape) is not tuple or not isinstance(buffer, MissingBuffer):
        return None
    children = (
        Child("buffer", buffer, special(0)),
        Child("shape", shape, ".shape", special(2)),
        Child("dtype", element, ".dtype", special(1)),
    )
    return View(f"ndarray {kind.name}", brief="its numbers are not here", parts=Fields(children))


def array_of(value: Any) -> Array | None:
    """Return the array that an object is, or None."""
    if not isinstance(value, Object):
        return None
    if _is_from_buffer(value):
        if len(value.args) != _FROM_BUFFER_ARGS:
            return None
        stored, element, shape, order = value.args
        is_fortran = order in ("F", b"F")
    else:
        state = value.states[-1] if value.states else None
        if type(state) is not tuple or len(state) != _ARRAY_STATE:
            return None
        _, shape, element, is_fortran, stored = state
    return _made_of(stored, element, shape, is_fortran=is_fortran in (True, 1))


def _made_of(stored: Any, element: Any, shape: Any, *, is_fortran: bool) -> Array | None:
    kind = element_type(element)
    if kind is None or type(shape) is not tuple or len(shape) > _MOST_DIMENSIONS:
        return None
    if not all(type(length) is int and 0 <= length < _LONGEST for length in shape):
        return None
    if kind.has_objects:
        data: Any = stored if type(stored) is list else None
    else:  # a copy of many megabytes for each row would be felt
        data = stored if type(stored) is bytearray else bytes_of(stored)
    size = 1 if kind.has_objects else kind.size
    # Where nothing is stored for an element, any number of them would fit in no bytes.
    if data is None or (size == 0 and max(shape, default=0) > 0) or prod(shape) * size > len(data):
        return None
    return Array(kind, shape, _strides(shape, size, is_fortran=is_fortran), data)


def _strides(shape: tuple[int, ...], size: int, *, is_fortran: bool) -> tuple[int, ...]:
    strides = []
    for length in shape if is_fortran else reversed(shape):
        strides.append(size)
        size *= length
    return tuple(strides if is_fortran else reversed(strides))


def masked(value: Object, python2: bool) -> View | None:
    """Show a masked array: its values, "--" where the mask hides one."""
    state = value.states[-1] if value.states else None
    if type(state) is not tuple or len(state) != _MASKED_STATE:
        return None
    _, shape, element, is_fortran, stored, mask, fill = state
    in_fortran = is_fortran in (True, 1)
    array = _made_of(stored, element, shape, is_fortran=in_fortran)
    hidden = bytes_of(mask)
    if array is None or hidden is None or len(hidden) != prod(array.shape) or not array.shape:
        return None
    place = last_state(value)
    flags = Array(_FLAG, array.shape, _strides(array.shape, 1, is_fortran=in_fortran), hidden)
    about = (
        Child("shape", array.shape, ".shape", place + item(1)),
        Child("dtype", element, ".dtype", place + item(2)),
        Child("fill_value", fill, ".fill_value", place + item(6)),
        Child("data", array_view(array, "row"), computed("data"), is_computed=True),
        Child("mask", array_view(flags, "row"), computed("mask"), is_computed=True),
    )

    def code() -> Iterator[Any]:
        yield Name("numpy.ma.masked_array")
        yield Code("(")
        yield _nested(array)
        yield Code(", mask=")
        yield _nested(flags)
        yield Code(", dtype=")
        yield array.type.spec
        yield Code(")")

    parts: list[Parts] = [Fields(about)]
    if len(array.shape) == 1:
        parts.append(Items(_Unmasked(array, flags), is_computed=True))
    count = hidden.count(1)
    return View(
        f"masked array {array.type.name} {_shape_text(array.shape)}",
        brief=f"{count:,} masked",
        code=code,
        parts=Joined(parts),
        count=len(array),
    )


_FLAG = ElementType(
    "bool", 1, lambda data, at: data[at] != 0, layout="<?", spec="bool", scalar="bool_"
)


class _Unmasked(Sequence[Any]):
    """The values of a masked array, with something else for those that are hidden."""

    def __init__(self, values: Array, flags: Array) -> None:
        self._values = values
        self._flags = flags

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        return View("masked", brief="--") if self._flags[index] else self._values[index]


def scalar(value: Object, python2: bool) -> View | None:
    """Show a numpy number, text, time or record."""
    if len(value.args) != 2:
        return None
    kind = element_type(value.args[0])
    if kind is None or kind.read is None or kind.has_objects:
        return None
    data = bytes_of(value.args[1])
    if data is None or len(data) < kind.size:
        return None
    found = kind.read(data, 0)
    if kind.scalar == "void":
        parts = found.parts if isinstance(found, View) else Fields()
        code = _typed_scalar(found, kind)
        return View(kind.name, code=code, parts=parts)
    unit = kind.name.partition("[")[2].rstrip("]")
    arguments: tuple[Any, ...] = (found, unit) if unit else (found,)
    shown = found.brief if isinstance(found, View) else str(found)
    if kind.scalar in ("str_", "bytes_"):
        shown = None
    return View(
        kind.name,
        brief=None if shown is None else escaped(shown),
        code=_scalar_code(f"numpy.{kind.scalar}", arguments),
        value=shown if isinstance(found, View) else found,
    )


def _scalar_code(name: str, arguments: tuple[Any, ...]) -> Any:
    def pieces() -> Iterator[Any]:
        yield Name(name)
        yield Code("(")
        yield from separated((argument,) for argument in arguments)
        yield Code(")")

    return pieces


def _typed_scalar(found: Any, kind: ElementType) -> Any:
    def pieces() -> Iterator[Any]:
        yield Name("numpy.array")
        yield Code("(")
        yield found
        yield Code(", dtype=")
        yield kind.spec
        yield Code(")[()]")

    return pieces


def dtype(value: Object, python2: bool) -> View | None:
    """Show a numpy element type by its name."""
    kind = element_type(value)
    if kind is None:
        return None
    if isinstance(kind.spec, Code):
        return View("dtype", brief=kind.name, code=lambda: iter((kind.spec,)))
    brief = kind.name if isinstance(kind.spec, str) else None
    return View("dtype", brief=brief, code=_scalar_code("numpy.dtype", (kind.spec,)))


def random(value: Object, python2: bool) -> View | None:
    """Show a random number generator of numpy by the algorithm it uses."""
    name, inner = "", value
    for _ in range(4):
        if not inner.args:
            break
        found = inner.args[0]
        if isinstance(found, Global):
            name = found.qualname
        elif not isinstance(found, Object):
            name = known_text(found) or ""
        else:
            inner = found
            continue
        break
    if not name:
        return None
    kind = escaped(class_name(value).rpartition(".")[2])
    return View(kind, brief=escaped(name), parts=object_parts(value, python2))
