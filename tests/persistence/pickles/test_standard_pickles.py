"""The pickles of CPython's own tests and of the standard library's classes, there and back."""

from __future__ import annotations

import array
import codecs
import collections
import contextlib
import datetime as dt
import decimal
import email.message
import enum
import fractions
import functools
import http.cookies
import ipaddress
import itertools
import operator
import pathlib
import pickle
import random
import re
import ssl
import sys
import time
import types
import unittest
import urllib.parse
import urllib.request
import uuid
import zipfile
import zoneinfo
from typing import Any

import pytest

from persistence.errors import DecodeError
from persistence.pickles import decode, encode
from persistence.pickles.writer import Writer
from tests.helpers.graphs import Colour, Flags, Point, are_alike
from tests.helpers.nodes import difference_of_nodes

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def test_the_pickles_of_cpythons_own_tests_load_as_what_they_were() -> None:
    pickletester = pytest.importorskip("test.pickletester", reason="no test package here")
    tried = 0
    for data in sorted(_pickles_in(pickletester)):
        try:
            decoded = decode(data)
        except DecodeError:
            with pytest.raises(Exception):  # noqa: B017 — for real it fails as well
                pickle.loads(data)
            continue
        assert difference_of_nodes(decoded, decode(encode(decoded))) == "", data
        for encoding in ("ASCII", "bytes", "latin-1"):
            try:
                loaded = pickle.loads(data, encoding=encoding)
            except Exception:
                continue  # of a class that is not there any more
            again = pickle.loads(encode(decoded), encoding=encoding)
            assert are_alike(loaded, again) == "", data
            tried += 1
    assert tried > 100


def _pickles_in(module: types.ModuleType) -> set[bytes]:
    """Return what looks like a pickle among the constants of a module and its functions."""
    found = set()
    todo: list[Any] = list(vars(module).values())
    while todo:
        value = todo.pop()
        if isinstance(value, bytes) and value.endswith(b"."):
            found.add(value)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            todo += vars(value).values()
        elif isinstance(value, types.FunctionType):
            todo += value.__code__.co_consts
        elif isinstance(value, tuple):
            todo += value
    return found


def test_what_cpythons_own_tests_pickle_loads_as_what_it_was() -> None:
    pickletester = pytest.importorskip("test.pickletester", reason="no test package here")
    values = [pickletester.create_data(), *vars(pickletester).values()]
    for cls in pickletester.myclasses:
        for arguments in ((1,), ([1, 2],), ({"a": 1},), (b"x",)):
            with contextlib.suppress(TypeError, ValueError):
                values.append(cls(*arguments))
    tried = 0
    for protocol in PROTOCOLS:
        for value in values:
            try:
                data = pickle.dumps(value, protocol)
                loaded = pickle.loads(data)
            except Exception:
                continue  # it does not pickle
            assert are_alike(loaded, pickle.loads(encode(decode(data)))) == "", value
            tried += 1
    assert tried > 500


class Record(collections.abc.Mapping[str, int]):
    def __getitem__(self, name: str) -> int:
        return {"a": 1}[name]

    def __iter__(self) -> Any:
        return iter(("a",))

    def __len__(self) -> int:
        return 1


class Small(enum.IntEnum):
    ONE = 1


def _message() -> email.message.Message:
    message = email.message.Message()
    message["Subject"] = "sweep"
    return message


def _rng() -> random.Random:
    return random.Random(7)


STANDARD: dict[str, Any] = {
    "array": array.array("d", [1.5, -2.0]),
    "array of characters": array.array("b", b"abc"),
    "bytearray": bytearray(b"\0\xff" * 200),
    "bytes": b"\0\xff" * 200,
    "chain": collections.ChainMap({"a": 1}, {"b": 2}),
    "codec": codecs.lookup("utf-8").name,
    "complex": complex(1.5, -0.0),
    "counter": collections.Counter("abca"),
    "cookie": http.cookies.SimpleCookie("a=b"),
    "cycle": itertools.count(3, 2) if sys.version_info < (3, 14) else 0,
    "date": dt.date(2024, 2, 29),
    "datetime": dt.datetime(2024, 1, 2, 3, 4, 5, 6),  # noqa: DTZ001 — there are such
    "datetime with zone": dt.datetime(2024, 1, 2, fold=1, tzinfo=dt.timezone.utc),
    "decimal": decimal.Decimal("-1.50"),
    "decimal context": decimal.Context(prec=5),
    "default": collections.defaultdict(list, a=[1]),
    "deque": collections.deque([1, 2], maxlen=5),
    "ellipsis": [Ellipsis, NotImplemented, None],
    "enum": [Colour.RED, Flags.A | Flags.B, Small.ONE, re.IGNORECASE | re.MULTILINE],
    "exception": ValueError("wrong", 3),
    "exception group": OSError(2, "no such file", "x"),
    "fraction": fractions.Fraction(-1, 3),
    "frozen": frozenset([1, "a", (2, 3)]),
    "function": [len, print, pickle.dumps],
    "address": [ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8")],
    "big integers": [0, -1, 255, 256, 65_535, 65_536, 2**31 - 1, -(2**31), 2**31, 10**100],
    "mapping": Record(),
    "message": _message(),
    "method": [[].append, "abc".upper, pathlib.PurePath("a").with_suffix],
    "namespace": types.SimpleNamespace(a=1, b=[2]),
    "named tuple": Point(1, [2]),
    "operator": [operator.itemgetter(1, 2), operator.attrgetter("a.b"), operator.methodcaller("f")],
    "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
    "partial": functools.partial(int, "7", base=8),
    "path": [pathlib.PurePosixPath("/a/b"), pathlib.PureWindowsPath("C:/x"), pathlib.Path("c")],
    "pattern": re.compile(r"a(b)+", re.IGNORECASE),
    "random": _rng(),
    "range": range(1, 10, 3),
    "reversed": [reversed([1, 2]), iter((1, 2)), iter({"a": 1})],
    "set": {1, "a", (2, 3)},
    "slice": slice(1, None, -1),
    "struct time": time.gmtime(0),
    "ssl": ssl.TLSVersion.TLSv1_2,
    "time": dt.time(1, 2, 3, 4),
    "timedelta": dt.timedelta(-1, 2, 3),
    "timezone": dt.timezone(dt.timedelta(hours=2), "X"),
    "test": unittest.FunctionTestCase(print),
    "types": [int, type(None), type(Ellipsis), type, Exception, collections.OrderedDict],
    "url": [urllib.parse.urlparse("https://a/b?c#d"), urllib.parse.urlsplit("a:b")],
    "user containers": [
        collections.UserDict(a=1),
        collections.UserList([1]),
        collections.UserString("s"),
    ],
    "uuid": uuid.UUID(int=7),
    "zip": zipfile.ZipInfo("a.txt"),
    "zone": zoneinfo.ZoneInfo("UTC"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", STANDARD)
def test_classes_of_the_standard_library_load_as_what_they_were(name: str) -> None:
    value = STANDARD[name]
    tried = 0
    for protocol in PROTOCOLS:
        try:
            data = pickle.dumps(value, protocol)
        except (TypeError, pickle.PicklingError):  # slots in protocol 0
            continue
        decoded = decode(data)
        for written in (encode(decoded), Writer(protocol, python2=False).write(decoded.root)):
            assert difference_of_nodes(decoded, decode(written)) == ""
            assert pickle.dumps(pickle.loads(written), 4) == pickle.dumps(pickle.loads(data), 4)
        tried += 1
    assert tried
