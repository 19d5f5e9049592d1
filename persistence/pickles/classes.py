"""Which class a decoded object is an instance of, whatever way its pickle makes it."""

from __future__ import annotations

import builtins
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import Any

from persistence.pickles.nodes import (
    ByteString,
    Global,
    MissingBuffer,
    Object,
    Reference,
    Result,
    Unhashed,
)
from persistence.pickles.texts import escaped

__all__ = [
    "BUILT_IN_CLASSES",
    "class_name",
    "constructor_args",
    "dotted_name",
    "global_name",
    "has_class_in_args",
    "maker_name",
    "python3_name",
    "set_members",
    "short_name",
    "short_type",
    "shown_args",
    "source_name",
]

_UNKNOWN = "result of a call"
_LONGEST_CHAIN = 20  # of `getattr(getattr(…))`

# Functions that make an instance of the class given as their first argument.
_MAKERS = frozenset(
    (
        "copyreg._reconstructor",
        "copyreg.__newobj__",
        "copyreg.__newobj_ex__",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",
        "numpy.ma.core._mareconstruct",
        "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
        "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.datetimes._new_DatetimeIndex",
        "pandas.core.indexes.period._new_PeriodIndex",
        "array._array_reconstructor",
    )
)
# Functions that always make an instance of one class.
_MADE_BY = {
    "_codecs.encode": "builtins.bytes",
    "numpy.core.multiarray.scalar": "numpy.generic",
    "numpy._core.multiarray.scalar": "numpy.generic",
    "numpy.core.numeric._frombuffer": "numpy.ndarray",
    "numpy._core.numeric._frombuffer": "numpy.ndarray",
    "numpy._core._internal._convert_to_stringdtype_kwargs": "numpy.dtypes.StringDType",
    "numpy.random._pickle.__bit_generator_ctor": "numpy.random.BitGenerator",
    "numpy.random._pickle.__generator_ctor": "numpy.random.Generator",
    "numpy.random._pickle.__randomstate_ctor": "numpy.random.RandomState",
    "pandas._libs.tslibs.timestamps._unpickle_timestamp": "pandas.Timestamp",
    "pandas._libs.tslibs.timedeltas._timedelta_unpickle": "pandas.Timedelta",
    "pandas._libs.tslibs.nattype._nat_unpickle": "pandas.NaT",
    "pandas._libs.tslibs.nattype.__nat_unpickle": "pandas.NaT",
    "pytz._p": "pytz.timezone",
    "pytz._UTC": "pytz.timezone",
    "re._compile": "re.Pattern",
    "zoneinfo.ZoneInfo._unpickle": "zoneinfo.ZoneInfo",
    "pathlib._local.PosixPath": "pathlib.PosixPath",
    "pathlib._local.WindowsPath": "pathlib.WindowsPath",
    "pathlib._local.PurePosixPath": "pathlib.PurePosixPath",
    "pathlib._local.PureWindowsPath": "pathlib.PureWindowsPath",
}
# Modules of Python 2 that no one else has; Python 3 names them, too, in protocols 0 to 2.
_PYTHON2_MODULES = frozenset(
    ("__builtin__", "copy_reg", "exceptions", "urlparse", "Cookie", "Queue", "UserDict",
     "UserList", "UserString")
)  # fmt: skip
_SETS = frozenset(("builtins.set", "builtins.frozenset"))
BUILT_IN_CLASSES = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and not name.startswith("_")
)
"""Names that Python has for classes without an import."""
_GETATTR = "builtins.getattr"


def global_name(cls: Global) -> str:
    """Return module and qualified name of a global, in Python 3's names."""
    return ".".join(python3_name(cls))


def short_name(cls: Global) -> str:
    """Return the qualified name of a global without its module, in Python 3's names."""
    return escaped(python3_name(cls)[1])


def python3_name(cls: Global) -> tuple[str, str]:
    """Return module and qualified name of a global, in Python 3's names."""
    module, name = cls.module, cls.qualname
    if module not in _PYTHON2_MODULES:
        return module, name
    return NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))


def source_name(name: str) -> str:
    """Return the full name of a class as it stands in source: that of a built-in is short.

    >>> source_name("builtins.int"), source_name("decimal.Decimal")
    ('int', 'decimal.Decimal')
    """
    short = name.removeprefix("builtins.")
    return short if short in BUILT_IN_CLASSES else name


def maker_name(value: Object) -> str:
    """Return the name of the class or function that made an object, or "" if it has none."""
    return dotted_name(value.callee if isinstance(value, Result) else value.cls)


def class_name(value: Any, *, python2: bool = False) -> str:
    """Return the class of a decoded value as "module.QualifiedName".

    For what a function returned that is not known, it is the name of the function.

    Args:
        value: Any value of a decoded pickle.
        python2: Whether `bytes` in this pickle are the `str` of Python 2.

    >>> class_name([1])
    'builtins.list'
    """
    if isinstance(value, Reference):
        return "reference"
    if isinstance(value, Unhashed):
        return f"builtins.{value.container}"
    if isinstance(value, Object):
        name = maker_name(value)
        if name in _MAKERS and value.args and dotted_name(value.args[0]):
            return dotted_name(value.args[0])
        return _MADE_BY.get(name, name) or _UNKNOWN
    if isinstance(value, Global):
        return "builtins.type"
    if isinstance(value, (MissingBuffer, memoryview)):
        return "pickle.PickleBuffer"
    if isinstance(value, ByteString) or (python2 and type(value) is bytes):
        return "builtins.str"
    return f"builtins.{type(value).__name__}"


def short_type(value: Object) -> str:
    """Return the name of an object's class without its module."""
    name = class_name(value)
    cls = value.args[0] if maker_name(value) in _MAKERS and value.args else value.cls
    if isinstance(cls, Global) and name == global_name(cls):
        return short_name(cls)  # nested classes keep the name of the outer one
    return escaped(name.rpartition(".")[2])


def constructor_args(value: Object) -> tuple[Any, ...]:
    """Return the arguments an object was made with, without those that name its class."""
    first, inside = shown_args(value)
    shown: tuple[Any, ...] = value.args[first:] if inside is None else value.args[inside]
    return shown


def shown_args(value: Object) -> tuple[int, int | None]:
    """Return which arguments an object was made with do not only say how it is made.

    It is the position of the first one, and the position of the one that holds them all as
    a tuple, or None.
    """
    args = value.args
    maker = maker_name(value)
    if maker not in _MAKERS or not args:
        return 0, None
    if maker == "copyreg._reconstructor":
        return 3 if args[2:] == (None,) else 2, None
    if maker == "copyreg.__newobj_ex__" and len(args) == 3 and type(args[1]) is tuple:
        return len(args), 1
    return 1, None


def set_members(value: Object) -> list[Any] | tuple[Any, ...] | None:
    """Return what is in a set that protocols 0 to 3 make by a call; None if it is no such."""
    if len(value.args) > 1 or value.kwargs or maker_name(value) not in _SETS:
        return None
    if value.states or value.items or value.pairs or value.added:
        return None
    members = value.args[0] if value.args else []
    return members if type(members) in (list, tuple) else None


def has_class_in_args(value: Object) -> bool:
    """Whether an object is made by a function that is given its class, and that is known."""
    return maker_name(value) in _MAKERS and bool(value.args) and bool(dotted_name(value.args[0]))


def dotted_name(maker: Any) -> str:
    """Return the name of a global, also where `getattr` takes it out of another one.

    It is "" for everything else.
    """
    names: list[str] = []
    for _ in range(_LONGEST_CHAIN):
        if isinstance(maker, Global):
            names.append(global_name(maker))
            return ".".join(reversed(names))
        if not isinstance(maker, Object) or isinstance(maker, Result) or len(maker.args) != 2:
            break
        if global_name(maker.cls) != _GETATTR or not isinstance(maker.args[1], (str, bytes)):
            break
        name = maker.args[1]
        names.append(name if isinstance(name, str) else name.decode("latin-1"))
        maker = maker.args[0]
    return ""
