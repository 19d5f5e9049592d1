"""The types of the elements of numpy arrays, and reading elements from raw bytes.

A pickled `numpy.dtype` is a call with a short code (`"f8"`) and a state: version, byte order,
subarray, names and fields of a record, size, alignment, flags, and for times their unit
(numpy/core/src/multiarray/descriptor.c, `arraydescr_reduce`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import prod
from struct import Struct
from typing import Any

from persistence.pickles.adapters.leaves import are, bytes_of, known_text
from persistence.pickles.classes import maker_name
from persistence.pickles.nodes import Global, Object
from persistence.pickles.parts import Child, Fields, computed
from persistence.pickles.texts import escaped
from persistence.pickles.views import Code, View, separated

__all__ = ["ElementType", "element_type"]

_DEEPEST = 8
_MOST_FIELDS = 1_000
_LARGEST = 2**31  # bytes of one element; numpy's own limit
_LONGEST_CODE = 12
_NOT_A_TIME = -(2**63)
_SUBARRAY, _NAMES, _FIELDS = 2, 3, 4  # places in the state
_NO_STATE = (3, "<", None, None, None, -1, -1, 0)

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
# Unit of a `datetime64` → nanoseconds.
_NANOSECONDS = {
    "W": 604_800_000_000_000,
    "D": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}


@dataclass(frozen=True, slots=True)
class ElementType:
    """The type of an array's elements.

    Attributes:
        name: As numpy prints it; of a record the names of its fields.
        size: Bytes of one element.
        read: Reads the element at an offset; None for a type that is not known here.
        has_objects: Whether the elements are objects, in a list instead of bytes.
        layout: Layout of real numbers and truth values for `struct`, else "".
        spec: What `numpy.dtype` is called with to have it.
        scalar: Name of the class of a single element in numpy.
    """

    name: str
    size: int
    read: Callable[[bytes, int], Any] | None = None
    has_objects: bool = False
    layout: str = ""
    spec: Any = None
    scalar: str = ""


def element_type(value: Any, depth: int = 0) -> ElementType | None:
    """Return the element type that a pickled `numpy.dtype` describes; None if it is not one."""
    if not isinstance(value, Object) or depth > _DEEPEST:
        return None
    if maker_name(value).endswith("._convert_to_stringdtype_kwargs"):
        return ElementType(
            "StringDType", 16, has_objects=True, spec=Code("numpy.dtypes.StringDType()")
        )
    if not value.args or value.kwargs:
        return None
    state: Any = value.states[-1] if value.states else _NO_STATE
    if type(state) is not tuple or len(state) < len(_NO_STATE):
        return None
    code = _code(value.args[0], state)
    is_big = known_text(state[1]) == ">"
    if code in _NUMBERS:
        return _number_type(code, is_big=is_big)
    kind, digits = code[:1], code[1:]
    if not kind or len(code) > _LONGEST_CODE or not (digits.isdecimal() and digits.isascii()):
        return None
    size = int(digits)
    if size > _LARGEST:
        return None
    if kind == "O":
        return ElementType("object", size, has_objects=True, spec="object", scalar="object_")
    if kind in "mM":
        return _time_type(kind, state[-1], is_big=is_big)
    if kind in "SU":
        return _text_type(kind, size, is_big=is_big)
    if kind == "V" and type(state[_SUBARRAY]) is tuple:
        return _subarray_type(state[_SUBARRAY], depth)
    if kind == "V" and type(state[_NAMES]) is tuple:
        return _record_type(size, state[_NAMES], state[_FIELDS], depth)
    return ElementType(escaped(code), size, spec=code, scalar="void")


def _code(stored: Any, state: tuple[Any, ...]) -> str:
    """Return kind and size: "f8". A class of records stands for bytes of their size."""
    if isinstance(stored, Global):
        size = state[5]
        return f"V{size}" if type(size) is int and 0 <= size <= _LARGEST else ""
    return known_text(stored) or ""


def _number_type(code: str, *, is_big: bool) -> ElementType:
    layout, name = _NUMBERS[code]
    swapped = is_big and code not in ("b1", "i1", "u1")
    full = (">" if swapped else "<") + layout
    number = Struct(full)

    def read(data: bytes, at: int) -> Any:
        parts = number.unpack_from(data, at)
        return parts[0] if len(parts) == 1 else complex(*parts)

    return ElementType(
        f">{code}" if swapped else name,
        number.size,
        read,
        layout=full if len(layout) == 1 else "",
        spec=f">{code}" if swapped else name,
        scalar="bool_" if name == "bool" else name,
    )


def _text_type(kind: str, size: int, *, is_big: bool) -> ElementType:
    name = f"{kind}{size}"
    if kind == "S":
        return ElementType(
            name,
            size,
            lambda data, at: bytes(data[at : at + size]).rstrip(b"\0"),
            spec=name,
            scalar="bytes_",
        )
    encoding = "utf-32-be" if is_big else "utf-32-le"
    return ElementType(
        name,
        4 * size,
        lambda data, at: str(data[at : at + 4 * size], encoding, "replace").rstrip("\0"),
        spec=f">{name}" if is_big else name,
        scalar="str_",
    )


# Times.


def _time_type(kind: str, metadata: Any, *, is_big: bool) -> ElementType | None:
    if type(metadata) is not tuple or len(metadata) != 2 or type(metadata[1]) is not tuple:
        return None
    if len(metadata[1]) < 2:
        return None
    stored, count = metadata[1][:2]
    raw = bytes_of(stored)
    unit = known_text(raw if raw is not None else stored)
    if unit is None or type(count) is not int or not 0 < count < _LARGEST:
        return None
    if not (unit.isalpha() and unit.isascii() and len(unit) < _LONGEST_CODE):
        return None
    number = Struct(">q" if is_big else "<q")

    def read(data: bytes, at: int) -> Any:
        (found,) = number.unpack_from(data, at)
        if found == _NOT_A_TIME:
            return "NaT"
        if kind == "m":
            return _plain(f"{found * count} {unit}", found)
        return _moment(found, count, unit)

    scalar = "timedelta64" if kind == "m" else "datetime64"
    many = "" if count == 1 else str(count)
    name = f"{scalar}[{many}{unit}]"
    spec = f">{kind}8[{many}{unit}]" if is_big else name
    return ElementType(name, number.size, read, spec=spec, scalar=scalar)


def _plain(shown: str, number: int) -> View:
    """Return a view of a count of units, which is written as the number."""
    return View(
        "int", brief=shown, code=lambda: iter((Code(number),)), text=lambda: shown, value=shown
    )


def _moment(stored: int, count: int, unit: str) -> Any:
    """Return the text of a number of units since 1970, as numpy writes it."""
    number = stored * count
    if unit == "Y" and 0 < 1970 + number <= 9999:
        return f"{1970 + number:04}"
    if unit == "M" and 0 < 1970 + number // 12 <= 9999:
        return f"{1970 + number // 12:04}-{number % 12 + 1:02}"
    if unit not in _NANOSECONDS:
        return _plain(f"{number} {unit}", stored)
    microseconds, rest = divmod(number * _NANOSECONDS[unit], 1_000)
    try:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=microseconds)  # noqa: DTZ001
    except OverflowError:
        return _plain(f"{number} {unit}", stored)
    if unit in "DW":
        return moment.date().isoformat()
    return moment.isoformat() + (
        f"{'' if moment.microsecond else '.000000'}{rest:03}" if rest else ""
    )


# Records.


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: ElementType
    offset: int


def _record_type(size: int, names: tuple[Any, ...], stored: Any, depth: int) -> ElementType | None:
    if type(stored) is not dict or not 0 < len(names) <= _MOST_FIELDS or not are(names, str, bytes):
        return None
    fields: list[_Field] = []
    for name in names:
        found = stored.get(name)
        if type(found) is not tuple or len(found) < 2 or type(found[1]) is not int:
            return None
        kind = element_type(found[0], depth + 1)
        if kind is None or kind.has_objects or not 0 <= found[1] <= size - kind.size:
            return None
        fields.append(_Field(known_text(name) or "", kind, found[1]))

    def read(data: bytes, at: int) -> View:
        return _record_view(
            [(field.name, _element(field.type, data, at + field.offset)) for field in fields]
        )

    shown = ", ".join(escaped(field.name) for field in fields)
    return ElementType(f"({shown})", size, read, spec=_record_spec(fields, size), scalar="void")


def _element(kind: ElementType, data: bytes, at: int) -> Any:
    return kind.read(data, at) if kind.read else bytes(data[at : at + kind.size])


def _record_view(values: list[tuple[str, Any]]) -> View:
    def code() -> Iterator[Any]:
        yield Code("(")
        yield from separated((value,) for _, value in values)
        yield Code(",)" if len(values) == 1 else ")")

    return View(
        "record",
        code=code,
        parts=Fields(
            [
                Child(escaped(name), value, computed(name), is_computed=True)
                for name, value in values
            ]
        ),
    )


def _record_spec(fields: list[_Field], size: int) -> Any:
    """Return what `numpy.dtype` makes the record of: pairs, or more where there are gaps."""
    end = 0
    for field in fields:
        if field.offset != end:
            break
        end += field.type.size
    else:
        if end == size:
            return [(field.name, field.type.spec) for field in fields]
    return {
        "names": [field.name for field in fields],
        "formats": [field.type.spec for field in fields],
        "offsets": [field.offset for field in fields],
        "itemsize": size,
    }


def _subarray_type(stored: tuple[Any, ...], depth: int) -> ElementType | None:
    """Return the type of small arrays in a record: `("i4", (2, 3))`."""
    if len(stored) != 2:
        return None
    base = element_type(stored[0], depth + 1)
    shape = (stored[1],) if type(stored[1]) is int else stored[1]
    if base is None or base.has_objects or type(shape) is not tuple or not are(shape, int):
        return None
    if len(shape) > _DEEPEST or not all(0 <= length < _LARGEST for length in shape):
        return None
    total = prod(shape)
    if total * max(base.size, 1) > _LARGEST:
        return None

    def read(data: bytes, at: int) -> Any:
        flat: list[Any] = [_element(base, data, at + n * base.size) for n in range(total)]
        for length in reversed(shape[1:]):
            flat = [flat[n : n + length] for n in range(0, len(flat), max(length, 1))]
        return flat

    lengths = ", ".join(map(str, shape))
    return replace(
        base,
        name=f"{base.name}[{lengths}]",
        size=total * base.size,
        read=read,
        layout="",
        spec=(base.spec, shape),
        scalar="void",
    )
