"""How numpy arrays, scalars and types look: shape, element type and first values.

The values are read from the raw bytes in the pickle (`numpy.ndarray.__reduce__`: version,
shape, dtype, whether the order is Fortran's, bytes) when they are looked at; numpy is not
needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import prod
from struct import Struct
from typing import Any, overload

from persistence.pickles.adapters.standard import bytes_of
from persistence.pickles.classes import maker_name
from persistence.pickles.nodes import MissingBuffer, Object
from persistence.pickles.parts import Child, Fields, Items, Joined
from persistence.pickles.texts import escaped, text_of
from persistence.pickles.views import Code, Name, View, call, separated

__all__ = ["Array", "array_of", "array_view", "dtype", "ndarray", "scalar"]

_ARRAY_STATE = 5
_FROM_BUFFER_ARGS = 4
_MOST_DIMENSIONS = 64  # numpy's own limit
_DEEPEST_DTYPE = 8
_NOT_A_TIME = -(2**63)

# Kind and size of an element → layout for `struct`, name.
_NUMBERS = {
    "b1": ("?", "bool"),
    "i1": ("b", "int8"),
    "i2": ("h", "int16"),
    "i4": ("i", "int32"),
    "i8": ("q", "int64"),
    "u1": ("B", "uint8"),
    "u2": ("H", "uint16"),
    "u4": ("I", "uint32"),
    "u8": ("Q", "uint64"),
    "f2": ("e", "float16"),
    "f4": ("f", "float32"),
    "f8": ("d", "float64"),
    "c8": ("ff", "complex64"),
    "c16": ("dd", "complex128"),
}
# Unit of a `datetime64` → microseconds, as a fraction.
_UNITS = {
    "W": (604_800_000_000, 1),
    "D": (86_400_000_000, 1),
    "h": (3_600_000_000, 1),
    "m": (60_000_000, 1),
    "s": (1_000_000, 1),
    "ms": (1_000, 1),
    "us": (1, 1),
    "ns": (1, 1_000),
    "ps": (1, 1_000_000),
}


@dataclass(frozen=True, slots=True)
class _Type:
    """The type of an array's elements.

    Attributes:
        name: As numpy prints it.
        size: Bytes of one element.
        read: Reads the element at an offset; None for a type that is not known here.
        has_objects: Whether the elements are objects, in a list instead of bytes.
    """

    name: str
    size: int
    read: Callable[[bytes, int], Any] | None = None
    has_objects: bool = False


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

    type: _Type
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
    """Show an array by its shape, element type and first values."""
    array = array_of(value)
    if array is None:
        return _array_elsewhere(value)
    return array_view(array)


def array_view(array: Array, type_name: str = "ndarray") -> View:
    """Return how an array looks, or a part of one."""
    about = (
        Child("shape", array.shape, ".shape"),
        Child("dtype", View("dtype", brief=escaped(array.type.name)), ".dtype"),
    )
    label = View("dtype", code=lambda: iter((Code(f", dtype={array.type.name!r}"),)))

    def code() -> Iterator[Any]:
        yield Name("numpy.array")
        yield Code("(")
        yield _nested(array)
        yield label
        yield Code(")")

    return View(
        f"{type_name} {array.type.name} {_shape_text(array.shape)}",
        parts=Joined((Items(array, _row_view), Fields(about))),
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


def _array_elsewhere(value: Object) -> View | None:
    """Show an array whose numbers were delivered apart from the pickle (PEP 574)."""
    if len(value.args) != _FROM_BUFFER_ARGS or not isinstance(value.args[0], MissingBuffer):
        return None
    buffer, element, shape, _ = value.args
    kind = _type_of(element)
    if kind is None or type(shape) is not tuple:
        return None
    children = (
        Child("buffer", buffer, "(0)"),
        Child("shape", shape, ".shape", "(2)"),
        Child("dtype", element, ".dtype", "(1)"),
    )
    return View(f"ndarray {kind.name}", brief="its numbers are not here", parts=Fields(children))


def array_of(value: Any) -> Array | None:
    """Return the array that an object is, or None."""
    if not isinstance(value, Object):
        return None
    if maker_name(value).endswith("numeric._frombuffer"):
        if len(value.args) != _FROM_BUFFER_ARGS:
            return None
        stored, element, shape, order = value.args
        is_fortran = order in ("F", b"F")
    else:
        state = value.states[-1] if value.states else None
        if type(state) is not tuple or len(state) != _ARRAY_STATE:
            return None
        _, shape, element, is_fortran, stored = state
    kind = _type_of(element)
    if kind is None or type(shape) is not tuple or len(shape) > _MOST_DIMENSIONS:
        return None
    if not all(type(length) is int and length >= 0 for length in shape):
        return None
    data = stored if kind.has_objects and type(stored) is list else bytes_of(stored)
    if data is None or isinstance(stored, MissingBuffer):
        return None
    size = 1 if kind.has_objects else kind.size
    if prod(shape) * size > len(data) or (kind.has_objects and type(data) is not list):
        return None
    return Array(kind, shape, _strides(shape, size, is_fortran=bool(is_fortran)), data)


def _strides(shape: tuple[int, ...], size: int, *, is_fortran: bool) -> tuple[int, ...]:
    strides = []
    for length in shape if is_fortran else reversed(shape):
        strides.append(size)
        size *= length
    return tuple(strides if is_fortran else reversed(strides))


def scalar(value: Object, python2: bool) -> View | None:
    """Show a numpy number."""
    if len(value.args) != 2:
        return None
    kind = _type_of(value.args[0])
    data = value.args[1] if kind and kind.has_objects else bytes_of(value.args[1])
    if kind is None or kind.read is None or data is None or len(data) < kind.size:
        return None
    number = kind.read(data, 0)
    return View(
        kind.name,
        brief=None if isinstance(number, (str, bytes, tuple)) else str(number),
        code=call(f"numpy.{kind.name}", number),
        value=number,
    )


def dtype(value: Object, python2: bool) -> View | None:
    """Show a numpy element type by its name."""
    kind = _type_of(value)
    if kind is None:
        return None
    return View("dtype", brief=escaped(kind.name), code=call("numpy.dtype", kind.name))


def _type_of(value: Any, depth: int = 0) -> _Type | None:
    """Return the element type that a pickled `numpy.dtype` describes."""
    if not isinstance(value, Object) or not value.args or depth > _DEEPEST_DTYPE:
        return None
    code = value.args[0]
    code = text_of(code) if isinstance(code, bytes) else code
    state = value.states[-1] if value.states else ()
    if not isinstance(code, str) or type(state) is not tuple:
        return None
    order = state[1] if len(state) > 1 else "<"
    big = order in (">", b">")
    if code in _NUMBERS:
        return _number_type(code, big=big)
    kind, size = code[:1], int(code[1:]) if code[1:].isdigit() and len(code) < 12 else -1
    if kind == "O":
        return _Type("object", size, has_objects=True)
    if kind in "mM" and kind:
        return _time_type(kind, state, big=big)
    if kind == "S" and size >= 0:
        return _Type(code, size, lambda data, at: bytes(data[at : at + size]).rstrip(b"\0"))
    if kind == "U" and size >= 0:
        encoding = "utf-32-be" if big else "utf-32-le"
        return _Type(
            code,
            4 * size,
            lambda data, at: str(data[at : at + 4 * size], encoding, "replace").rstrip("\0"),
        )
    if kind == "V" and len(state) > 4 and type(state[3]) is tuple:
        return _record_type(size, state[3], state[4], depth)
    return _Type(escaped(code), size) if size > 0 else None


def _number_type(code: str, *, big: bool) -> _Type:
    layout, name = _NUMBERS[code]
    number = Struct((">" if big else "<") + layout)

    def read(data: bytes, at: int) -> Any:
        parts = number.unpack_from(data, at)
        return parts[0] if len(parts) == 1 else complex(*parts)

    return _Type(name, number.size, read)


def _time_type(kind: str, state: tuple[Any, ...], *, big: bool) -> _Type | None:
    metadata = state[-1]
    try:
        unit, count = metadata[1][:2]
    except (TypeError, IndexError, ValueError, KeyError):
        return None
    raw = bytes_of(unit)
    unit = text_of(raw) if raw is not None else unit
    if not isinstance(unit, str) or type(count) is not int:
        return None
    number = Struct(">q" if big else "<q")

    def read(data: bytes, at: int) -> str:
        (stored,) = number.unpack_from(data, at)
        if stored == _NOT_A_TIME:
            return "NaT"
        if kind == "m":
            return f"{stored * count} {unit}"
        return _moment(stored * count, unit)

    name = "timedelta64" if kind == "m" else "datetime64"
    return _Type(f"{name}[{escaped(unit)}]", number.size, read)


def _moment(stored: int, unit: str) -> str:
    """Return the text of a number of units since 1970."""
    if unit == "Y":
        return str(1970 + stored)
    if unit == "M":
        return f"{1970 + stored // 12}-{stored % 12 + 1:02}"
    numerator, denominator = _UNITS.get(unit, (0, 1))
    try:
        moment = datetime(1970, 1, 1) + timedelta(  # noqa: DTZ001  (numpy's have no zone)
            microseconds=stored * numerator // denominator
        )
    except OverflowError:
        return f"{stored} {unit}"
    return moment.date().isoformat() if unit in "DW" else moment.isoformat()


def _record_type(size: int, names: tuple[Any, ...], fields: Any, depth: int) -> _Type | None:
    if type(fields) is not dict or not names:
        return None
    readers: list[tuple[str, _Type, int]] = []
    for name in names:
        found = fields.get(name)
        if type(found) is not tuple or len(found) < 2 or type(found[1]) is not int:
            return None
        kind = _type_of(found[0], depth + 1)
        if kind is None or kind.read is None or not 0 <= found[1] <= size - kind.size:
            return None
        readers.append((text_of(name) if isinstance(name, bytes) else str(name), kind, found[1]))

    def read(data: bytes, at: int) -> dict[str, Any]:
        return {name: kind.read(data, at + shift) for name, kind, shift in readers if kind.read}

    return _Type(f"({', '.join(escaped(name) for name, _, _ in readers)})", size, read)
