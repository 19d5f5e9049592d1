"""Objects of the standard library as they look, and the expressions that make them again."""

from __future__ import annotations

import array
import collections
import copyreg
import datetime as dt
import decimal
import email.message
import enum
import fractions
import functools
import http
import http.cookies
import io
import ipaddress
import operator
import pathlib
import pickle
import random
import re
import subprocess
import time
import types
import urllib.parse
import uuid
import zoneinfo
from typing import Any

import pytest

from persistence.pickles import decode
from persistence.pickles.places import resolve
from persistence.pickles.present import children, expression, preview, text, type_name

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
UTC = dt.timezone.utc

NAMES = {
    "array": array,
    "collections": collections,
    "datetime": dt,
    "decimal": decimal,
    "fractions": fractions,
    "http": http,
    "io": io,
    "ipaddress": ipaddress,
    "operator": operator,
    "pathlib": pathlib,
    "re": re,
    "time": time,
    "types": types,
    "urllib": urllib,
    "uuid": uuid,
    "zoneinfo": zoneinfo,
}

# Each with one line that it looks like.
WRITTEN: list[tuple[Any, str]] = [
    (dt.datetime(2024, 1, 2), "2024-01-02 00:00:00"),  # noqa: DTZ001
    (dt.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2024-01-02 03:04:05.000006 UTC"),
    (dt.datetime(2024, 1, 2, 3, fold=1), "2024-01-02 03:00:00"),  # noqa: DTZ001
    (dt.datetime.min, "0001-01-01 00:00:00"),  # noqa: DTZ901
    (dt.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("UTC")), "2024-07-01 00:00:00 UTC"),
    (dt.date(2024, 1, 2), "2024-01-02"),
    (dt.time(3, 4, 5), "03:04:05"),
    (dt.time(3, tzinfo=UTC, fold=1), "03:00:00 UTC"),
    (dt.timedelta(days=-1, microseconds=3), "-1 day, 0:00:00.000003"),
    (dt.timezone(dt.timedelta(hours=-3)), "UTC-03:00"),
    (dt.timezone(dt.timedelta(hours=1), "CET"), "CET"),
    (time.gmtime(0), "Thu Jan  1 00:00:00 1970"),
    (decimal.Decimal("1.50"), "1.50"),
    (decimal.Decimal("-Infinity"), "-Infinity"),
    (fractions.Fraction(-1, 3), "-1/3"),
    (fractions.Fraction(4), "4"),
    (1 + 2j, "(1+2j)"),
    (complex(-0.0, 1), "(-0+1j)"),
    (complex(float("inf"), 1), "(inf+1j)"),
    (range(1, 10, 2), "range(1, 10, 2)"),
    (slice(None, 5, None), "slice(None, 5, None)"),
    (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
    (ipaddress.ip_address("2001:db8::1"), "2001:db8::1"),
    (ipaddress.ip_network("10.0.0.0/24"), "10.0.0.0/24"),
    (ipaddress.ip_interface("2001:db8::1/64"), "2001:db8::1/64"),
    (pathlib.PurePosixPath("/scratch/job 1"), "/scratch/job 1"),
    (pathlib.PurePosixPath(), "."),
    (pathlib.PureWindowsPath("C:\\data", "x.txt"), "C:\\data\\x.txt"),
    (pathlib.PureWindowsPath("//host/share/x"), "\\\\host\\share\\x"),
    (re.compile("a+\n", re.IGNORECASE | re.MULTILINE), "'a+\\n'  IGNORECASE|MULTILINE"),
    (re.compile("a", re.ASCII), "'a'  ASCII"),
    (re.compile(b"a"), "b'a'"),
    (urllib.parse.urlsplit("http://host/a?b=c#d"), "http://host/a?b=c#d"),
    (http.HTTPStatus.NOT_FOUND, "HTTPStatus.NOT_FOUND  404"),
    (collections.OrderedDict(b=1, a=2), "2 items  OrderedDict({'b': 1, 'a': 2})"),
    (collections.OrderedDict(), "OrderedDict()"),
    (collections.Counter("aab"), "2 items  Counter({'a': 2, 'b': 1})"),
    (collections.deque([1, 2], 5), "2 items  deque([1, 2], 5)"),
    (collections.deque(), "deque([])"),
    (collections.ChainMap({"a": 1}, {"b": 2}), "2 items  ChainMap({'a': 1}, {'b': 2})"),
    (collections.UserDict(a=1), "1 item  UserDict({'a': 1})"),
    (collections.UserList([1]), "1 item  UserList([1])"),
    (types.SimpleNamespace(a=1), "SimpleNamespace(a=1)"),
    (array.array("d", [1.5, 2.5]), "2 items  array('d', [1.5, 2.5])"),
    (array.array("H", []), "array('H', [])"),
    (bytearray(b"ab"), "bytearray(b'ab')"),
    ({1, 2}, "2 items  {1, 2}"),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("value", "line"), WRITTEN, ids=repr)
def test_its_line_is_what_python_says_and_its_expression_makes_it_again(
    value: Any, line: str, protocol: int
) -> None:
    data = pickle.dumps(value, protocol)
    value = pickle.loads(data)  # before protocol 4 dates forget their fold
    root = decode(data).root
    assert preview(root, 1_000) == line
    again = eval(expression(root), {**NAMES, "__builtins__": __builtins__})
    assert type(again) is type(value)
    assert repr(again) == repr(value)
    if not isinstance(value, (slice, complex, types.SimpleNamespace)):
        assert again == value


class Color(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_member_of_an_enumeration_is_shown_as_a_call_or_by_name(protocol: int) -> None:
    root = decode(pickle.dumps(Color.RED, protocol)).root
    assert preview(root) in ("Color(1)", "Color.RED")
    assert type_name(root) == "Color"
    again = eval(expression(root).removeprefix(f"{__name__}."), {"Color": Color})
    assert again is Color.RED


class ByName:
    """Pickled as `getattr(class, name)`, as early releases of 3.11 pickle enumerations."""

    def __init__(self, owner: Any, name: str) -> None:
        self.reduced = (getattr, (owner, name))

    def __reduce__(self) -> Any:
        return self.reduced


class Joined:
    def __reduce__(self) -> Any:
        return operator.or_, (ByName(Access, "READ"), ByName(Access, "WRITE"))


def test_members_by_name_joined_flags_and_bound_methods_look_as_in_python() -> None:
    root = decode(pickle.dumps(ByName(Color, "RED"))).root
    assert (type_name(root), preview(root)) == ("Color", "Color.RED")
    assert expression(root) == f"{__name__}.Color.RED"
    joined = decode(pickle.dumps(Joined())).root
    assert preview(joined) == "Access.READ | Access.WRITE"
    method = decode(pickle.dumps(dt.date(2024, 1, 2).isoformat)).root
    assert preview(method) == "date.isoformat"
    assert expression(method) == "datetime.date(2024, 1, 2).isoformat"


def test_functions_with_arguments_are_shown_as_calls() -> None:
    root = decode(pickle.dumps(functools.partial(int, "10", base=2))).root
    assert preview(root) == "partial(int, '10', base=2)"


def test_exceptions_are_shown_as_in_a_traceback_with_their_notes() -> None:
    def line(error: BaseException) -> str:
        return preview(decode(pickle.dumps(error)).root)

    assert line(ValueError("no such\nqueue")) == "ValueError: no such\\nqueue"
    assert line(KeyError("cores")) == "KeyError: 'cores'"
    assert line(FileNotFoundError(2, "No such file", "x.txt")) == (
        "FileNotFoundError: [Errno 2] No such file: 'x.txt'"
    )
    assert line(RuntimeError()) == "RuntimeError"
    assert line(RuntimeError(["deep"])) == "RuntimeError: <list>"
    assert line(subprocess.CalledProcessError(3, ["make", "all"])) == (
        "CalledProcessError: make all  (exit 3)"
    )
    noted = ValueError("bad")
    noted.__dict__["__notes__"] = ["while submitting"]
    root = decode(pickle.dumps(noted)).root
    assert preview(root) == "ValueError: bad  (1 note)"
    assert text(root) == "ValueError: bad\nwhile submitting"
    assert children(root, 0, 1)[0].path_part == ".__notes__"
    assert expression(root) == "ValueError('bad')"


def test_buffers_iterators_generators_messages_and_cookies_say_what_is_in_them() -> None:
    def line(value: Any) -> str:
        return preview(decode(pickle.dumps(value)).root)

    assert line(io.BytesIO(b"ab")) == "2 bytes  b'ab'"
    assert line(io.StringIO("ab")) == "2 characters  'ab'"
    assert line(iter([1, 2, 3])) == "at 0 of 3 items"
    assert line(random.Random(7)) == "Mersenne Twister, 624 of 624 words used"
    message = email.message.EmailMessage()
    message["Subject"], message["To"] = "done", "me@example.org"
    cookie = http.cookies.SimpleCookie("a=1; b=2")
    assert line(cookie) == "2 items  a=1; b=2"
    old = email.message.Message()
    old["Subject"], old["To"] = "done", "me@example.org"
    assert line(old) == "done  me@example.org"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [value for value, _ in WRITTEN], ids=repr)
def test_a_row_that_is_not_computed_names_the_place_of_its_value(value: Any, protocol: int) -> None:
    decoded = decode(pickle.dumps(value, protocol))
    for child in children(decoded.root, 0, 100):
        if child.is_computed:
            continue
        for path in (child.path_part, child.stored or child.path_part):
            place = resolve(decoded, path)
            assert place.slots
            assert place.slots[-1].get() is child.value, child


class WithKeywords:
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> Any:
        return ("a",), {"b": 2}


def test_keywords_that_an_object_was_made_with_are_rows() -> None:
    decoded = decode(pickle.dumps(WithKeywords(), 4))
    rows = {child.name: child for child in children(decoded.root, 0, 10)}
    assert set(rows) == {"(0)", "(b)"}
    assert all(resolve(decoded, row.path_part).value is row.value for row in rows.values())


class Maker:
    """Pickled as a call of a function of copyreg, as other picklers write it."""

    def __init__(self, function: str, *arguments: Any) -> None:
        self.reduced = (getattr(copyreg, function), (Color, *arguments))

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize(
    ("made", "places"),
    [
        (Maker("__newobj__", "a"), {"(0)": ("(0)", None)}),
        (
            Maker("__newobj_ex__", ("a",), {"b": 2}),
            {"(0)": ("(0)", None), "(b)": ("(b)", "(made with 2)['b']")},
        ),
        (Maker("_reconstructor", int, 7), {"(0)": ("(0)", None)}),
    ],
)
def test_arguments_behind_the_name_of_the_class_are_counted_without_it(
    made: Maker, places: dict[str, tuple[str, str | None]]
) -> None:
    data = pickle.dumps(made, 1).replace(b"tests", b"other")  # else it becomes an opcode
    decoded = decode(data)
    rows = children(decoded.root, 0, 10)
    assert {row.name: (row.path_part, row.stored) for row in rows} == places
    for row in rows:
        place = resolve(decoded, row.path_part)
        assert place.slots
        assert place.slots[-1].get() is row.value
