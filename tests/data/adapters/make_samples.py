"""Write pickles of known classes, with what they must look like, for the tests of adapters.

    python make_samples.py OUT.json

Writes what the interpreter that runs it has: the standard library, numpy and pandas if they
are installed. See README.md beside this file.
"""

import base64
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import ipaddress
import json
import os
import pathlib
import pickle
import re
import sys
import uuid

campaign = sys.modules["campaign"] = sys.modules[__name__]


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Mode(enum.IntFlag):
    A = 1
    B = 2


class Kind(str, enum.Enum):
    FAST = "fast"


@dataclasses.dataclass
class Point:
    x: int
    y: int


Pair = collections.namedtuple("Pair", "left right")

for cls in (Color, Level, Access, Mode, Kind, Point, Pair):
    cls.__module__ = "campaign"


def standard():
    """Give names and values whose expression is the same in every version."""
    utc = dt.timezone.utc
    yield "datetime", dt.datetime(2024, 1, 2, 3, 4, 5, 6)
    yield "aware", dt.datetime(2024, 1, 2, tzinfo=utc)
    yield "fold", dt.datetime(2024, 1, 2, 3, fold=1)
    yield "date", dt.date(2024, 1, 2)
    yield "time", dt.time(3, 4, 5)
    yield "timedelta", dt.timedelta(days=1, seconds=2, microseconds=3)
    yield "timezone", dt.timezone(dt.timedelta(hours=1), "CET")
    yield "decimal", decimal.Decimal("1.50")
    yield "fraction", fractions.Fraction(-1, 3)
    yield "path", pathlib.PosixPath("/scratch/run/job 1")
    yield "relative path", pathlib.PurePosixPath("a", "b")
    yield "windows path", pathlib.PureWindowsPath("C:\\data", "x.txt")
    yield "share", pathlib.PureWindowsPath("//server/share/x.txt")
    yield "uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")
    yield "address", ipaddress.ip_address("10.0.0.1")
    yield "network", ipaddress.ip_network("10.0.0.0/24")
    yield "pattern", re.compile("a+", re.I | re.M)
    yield "bytes pattern", re.compile(b"a+")
    yield "color", Color.RED
    yield "level", Level.HIGH
    yield "access", Access.READ
    yield "both", Access.READ | Access.WRITE
    yield "mode", Mode.A | Mode.B
    yield "kind", Kind.FAST
    yield "point", Point(1, 2)
    yield "pair", Pair(1, 2)
    yield "partial", functools.partial(int, "10", base=2)
    yield "ordered", collections.OrderedDict([("b", 1), ("a", 2)])
    yield "defaultdict", collections.defaultdict(list, {"a": [1]})
    yield "counter", collections.Counter("aab")
    yield "deque", collections.deque([1, 2], 5)
    yield "error", ValueError("no such queue")
    yield "os error", FileNotFoundError(2, "No such file or directory", "x.txt")
    yield "complex", 1 + 2j
    yield "range", range(1, 10, 2)
    if sys.version_info >= (3, 9):
        from zoneinfo import ZoneInfo

        yield "zone", ZoneInfo("Europe/Zurich")
    if sys.version_info >= (3, 10):
        slots = dataclasses.make_dataclass(
            "Slots", [("x", int)], slots=True, frozen=True, namespace={"__module__": "campaign"}
        )
        slots.__module__ = "campaign"
        setattr(campaign, "Slots", slots)
        yield "slots", slots(1)
    if sys.version_info >= (3, 11):
        noted = ValueError("bad")
        noted.add_note("while submitting")
        yield "noted", noted
        yield "group", ExceptionGroup("two", [ValueError("a"), OSError("b")])
        Text = enum.StrEnum("Text", {"ONE": "one"}, module="campaign")
        campaign.Text = Text
        yield "text", Text.ONE


def arrays(np):
    """Give names and arrays."""
    yield "floats", np.array([1.5, -2.0, 3.25])
    yield "ints", np.arange(6, dtype="i4").reshape(2, 3)
    yield "fortran", np.asfortranarray(np.arange(6, dtype="i2").reshape(2, 3))
    yield "big endian", np.array([1.5, 2.5], dtype=">f4")
    yield "bools", np.array([True, False])
    yield "complexes", np.array([1 + 2j])
    yield "halves", np.array([0.5, 1.5], dtype="f2")
    yield "nans", np.array([1.0, np.nan, 3.0])
    yield "empty", np.zeros((0, 3))
    yield "zero d", np.array(7, dtype="u1")
    yield "strings", np.array(["ab", "c"])
    yield "bytes", np.array([b"ab", b"c"])
    yield "objects", np.array([{"a": 1}, None], dtype=object)
    yield "dates", np.array(["2024-01-02", "NaT"], dtype="M8[D]")
    yield "spans", np.array([5, -1], dtype="m8[ns]")
    yield "records", np.array([(1, 2.5, b"x")], dtype=[("n", "<i4"), ("x", "<f8"), ("s", "S3")])
    yield "subarrays", np.array([([1, 2],)], dtype=[("xy", "<i4", (2,))])
    yield "masked", np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    yield "matrix", np.matrix([[1, 2], [3, 4]])
    yield "recarray", np.rec.array([(1, 2.5)], dtype=[("n", "<i4"), ("x", "<f8")])
    yield "contiguous part", np.arange(10)[2:5]
    if hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType"):
        yield "variable strings", np.array(["ab", "longer than others"], dtype=np.dtypes.StringDType())


def numpy_others(np):
    yield "float64", np.float64(1.5)
    yield "int32", np.int32(7)
    yield "bool_", np.bool_(True)
    yield "str_", np.str_("ab")
    yield "bytes_", np.bytes_(b"ab")
    yield "complex128", np.complex128(1 + 2j)
    yield "datetime64", np.datetime64("2024-01-02T03:04:05")
    yield "timedelta64", np.timedelta64(5, "ns")
    yield "record", np.array([(1, 2.5)], dtype=[("n", "<i4"), ("x", "<f8")])[0]
    yield "dtype", np.dtype("f8")
    yield "big dtype", np.dtype(">i2")
    yield "record dtype", np.dtype([("n", "<i4"), ("x", "<f8")])
    yield "RandomState", np.random.RandomState(7)
    yield "Generator", np.random.default_rng(7)
    yield "ufunc", np.sin


def frames(pd, np):
    """Give names and pandas objects."""
    mixed = pd.DataFrame(
        {
            "job": ["a", "b", None],
            "cores": [1, 2, 4],
            "hours": [0.5, np.nan, 2.0],
            "done": [True, False, True],
            "more": [3, 2, 1],
        }
    )
    yield "frame", mixed
    yield "indexed", pd.DataFrame({"x": [1, 2]}, index=["u", "v"])
    yield "times", pd.DataFrame(
        {"x": [1.0, 2.0]}, index=pd.date_range("2024-01-01", periods=2, freq="D")
    )
    yield "zoned", pd.DataFrame({"t": pd.date_range("2024-01-01", periods=2, tz="Europe/Zurich")})
    yield "categories", pd.DataFrame({"c": pd.Categorical(["lo", "hi", "lo"])})
    yield "nullable", pd.DataFrame({"n": pd.array([1, None, 3], dtype="Int64")})
    yield "spans", pd.DataFrame({"d": pd.to_timedelta([1, 2], unit="h")})
    yield "text", pd.DataFrame({"s": pd.array(["x", None], dtype="string")})
    yield "empty", pd.DataFrame({"a": [], "b": []})
    yield "two levels", mixed[["job", "cores", "hours"]].set_index(["cores", "hours"])
    yield "series", pd.Series([1.5, 2.5], name="load")
    yield "named index", pd.Series([1, 2], index=pd.Index(["p", "q"], name="host"))
    yield "index", pd.Index(["a", "b"], name="host")
    yield "int index", pd.Index([3, 1, 2])
    yield "range index", pd.RangeIndex(2, 10, 2)
    yield "date index", pd.date_range("2024-01-01", periods=3, freq="D")
    yield "multi index", pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["l", "n"])
    yield "categorical", pd.Categorical(["lo", "hi", None])
    yield "timestamp", pd.Timestamp("2024-01-02 03:04:05")
    yield "zoned timestamp", pd.Timestamp("2024-01-02 03:04:05", tz="UTC")
    yield "timedelta", pd.Timedelta("1 days 02:00:00")
    yield "not a time", pd.NaT
    yield "not available", pd.NA
    yield "interval", pd.Interval(0, 1)
    yield "period", pd.Period("2024-01", freq="M")


def sample(name, value, protocols, **about):
    for protocol in protocols:
        data = base64.b64encode(pickle.dumps(value, protocol)).decode()
        yield {"name": name, "protocol": protocol, "pickle": data, **about}


def about_array(np, array):
    about = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind in "iuf" and array.size:
        numbers = np.ma.compressed(array) if np.ma.isMaskedArray(array) else array
        numbers = numbers[~np.isnan(numbers)]
        about["min"] = numbers.min().item()
        about["max"] = numbers.max().item()
        about["mean"] = float(numbers.mean(dtype="f8"))
    if array.dtype.kind in "iufb":
        about["values"] = array.tolist()
    return about


def main(out):
    samples = []
    for name, value in standard():
        samples += sample(name, value, (0, 2, 4), repr=repr(value))
    try:
        import numpy as np
    except ImportError:
        pass
    else:
        for name, value in arrays(np):
            samples += sample(f"array {name}", value, (2, 5), **about_array(np, value))
        for name, value in numpy_others(np):
            samples += sample(f"numpy {name}", value, (2, 5), repr=repr(value))
    try:
        import pandas as pd
    except ImportError:
        pass
    else:
        for name, value in frames(pd, np):
            about = {"repr": repr(value)}
            if isinstance(value, pd.DataFrame):
                about.update(shape=list(value.shape), columns=[str(c) for c in value.columns])
            samples += sample(f"pandas {name}", value, (2, 5), **about)
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        json.dump(samples, file, indent=0, ensure_ascii=True)
        file.write("\n")


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    main(sys.argv[1])
