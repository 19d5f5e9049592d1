"""Typed values become what a pickle of them decodes to, and come back as the same text."""

from __future__ import annotations

import datetime as dt
import ipaddress
import pickle as pickles
import sys
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persistence.errors import LiteralError
from persistence.pickles import Global, Object, Pickle, Reference, decode, present
from persistence.pickles.alike import bytes_like, global_of, reference_like
from persistence.pickles.classes import class_name
from persistence.pickles.encode import encode
from persistence.pickles.nodes import ByteString
from persistence.pickles.values import edit_text, parse_value

PROTOCOLS = range(pickles.HIGHEST_PROTOCOL + 1)
ZONE = dt.timezone(dt.timedelta(hours=1))


class Colour(Enum):
    RED = 1
    BLUE = 2


TYPED = [
    ("12", 12),
    ("-1.5e3", -1500.0),
    ("inf", float("inf")),
    ("float('-inf')", float("-inf")),
    ("'text'", "text"),
    ("b'bytes'", b"bytes"),
    ("[1, [2, (3, None)], {'a': True}]", [1, [2, (3, None)], {"a": True}]),
    ("(1+2j)", 1 + 2j),
    ("bytearray(b'x')", bytearray(b"x")),
    ("{1, 2}", {1, 2}),
    ("set()", set()),
    ("set([1])", {1}),
    ("frozenset({1, (2,)})", frozenset({1, (2,)})),
    (
        "datetime.datetime(2024, 1, 2, 3, 4, 5, 678)",
        dt.datetime(2024, 1, 2, 3, 4, 5, 678),  # noqa: DTZ001
    ),
    (
        "datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))",
        dt.datetime(2024, 1, 2, tzinfo=ZONE),
    ),
    ("datetime(2024, 1, 2, tzinfo=timezone.utc)", dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)),
    ("date(2024, 1, 2)", dt.date(2024, 1, 2)),
    ("datetime.time(3, 4, fold=1)", dt.time(3, 4, fold=1)),
    ("timedelta(hours=3)", dt.timedelta(hours=3)),
    ("datetime.timezone.utc", dt.timezone.utc),
    ("Decimal('1.50')", Decimal("1.50")),
    ("decimal.Decimal('NaN')", Decimal("NaN")),
    ("Fraction(22, 7)", Fraction(22, 7)),
    ("Fraction('1/3')", Fraction(1, 3)),
    (f"UUID('{uuid.UUID(int=77)}')", uuid.UUID(int=77)),
    ("PurePosixPath('/a/b c')", PurePosixPath("/a/b c")),
    ("PureWindowsPath('C:/a')", PureWindowsPath("C:/a")),
    ("ipaddress.IPv4Address('10.0.0.1')", ipaddress.IPv4Address("10.0.0.1")),
    ("range(0, 10, 2)", range(0, 10, 2)),
    ("slice(1, None)", slice(1, None)),
    ("OrderedDict({'a': 1, 'b': [2]})", OrderedDict(a=1, b=[2])),
    ("collections.OrderedDict([('a', 1)])", OrderedDict(a=1)),
    ("OrderedDict(a=1)", OrderedDict(a=1)),
    ("OrderedDict()", OrderedDict()),
    ("deque([1, 2], maxlen=5)", deque([1, 2], 5)),
    ("collections.deque([1])", deque([1])),
    ("deque()", deque()),
    ("Counter({'a': 2})", Counter(a=2)),
    ("defaultdict(builtins.list, {'a': [1]})", defaultdict(list, a=[1])),
    ("defaultdict(None, {'a': 1})", defaultdict(None, a=1)),
    ("builtins.list", list),
    ("list", list),
    ("defaultdict(list, {'a': [1]})", defaultdict(list, a=[1])),
    ("collections.OrderedDict", OrderedDict),
    ("[Decimal('1'), {date(2024, 1, 2): {1.5}}]", [Decimal(1), {dt.date(2024, 1, 2): {1.5}}]),
    (f"{__name__}.Colour.RED", Colour.RED),
    (f"[{__name__}:Colour]", None),
]  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("text", "expected"), TYPED[:-1])
def test_a_typed_value_loads_as_what_it_says(text: str, expected: Any, protocol: int) -> None:
    value = parse_value(text, protocol=protocol)
    loaded = pickles.loads(encode(Pickle(value, protocol, 0)))
    assert type(loaded) is type(expected)
    assert loaded == expected or repr(loaded) == repr(expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("text", "expected"), TYPED[:-1])
def test_a_typed_value_is_what_python_pickles(text: str, expected: Any, protocol: int) -> None:
    real = decode(pickles.dumps(expected, protocol)).root
    value = parse_value(text, protocol=protocol)
    if not isinstance(expected, Enum):  # by name, as all versions of Python load it
        assert class_name(value) == class_name(real)
        assert shape(value) == shape(real)


def shape(value: Any) -> Any:
    """What a value is made of, in a form that can be compared."""
    if isinstance(value, Global):
        return value
    if isinstance(value, Object):
        args = [shape(arg) for arg in value.args]
        if class_name(value).startswith("pathlib"):
            args = [present.preview(value)]
        rest = (value.states, value.items, value.added, dict(value.kwargs))
        pairs = [(shape(k), shape(v)) for k, v in value.pairs]
        name = class_name(value)
        return name, value.how, args, *(shape(list(one)) for one in rest[:3]), pairs
    if isinstance(value, (list, tuple)):
        return type(value), [shape(inner) for inner in value]
    if isinstance(value, dict):
        return [(shape(key), shape(inner)) for key, inner in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value), {repr(shape(inner)) for inner in value}
    return type(value), repr(value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("text", "expected"), TYPED[:-2])
def test_the_text_to_edit_a_value_gives_it_back(text: str, expected: Any, protocol: int) -> None:
    real = decode(pickles.dumps(expected, protocol)).root
    edited = edit_text(real, protocol=protocol)
    if edited is None:
        members = present.children(real, 0, 100)
        assert any(isinstance(child.value, (tuple, Object)) for child in members)  # of a set
        return
    again = parse_value(edited, like=real, protocol=protocol)
    loaded = pickles.loads(encode(Pickle(again, protocol, 0)))
    assert loaded == expected or repr(loaded) == repr(expected)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
        | st.datetimes() | st.dates() | st.timedeltas() | st.decimals() | st.fractions()
        | st.uuids(),
        lambda inner: (
            st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
            | st.builds(OrderedDict, st.dictionaries(st.integers(), inner))
            | st.builds(deque, st.lists(inner))
        ),
        max_leaves=10,
    ),
    st.sampled_from([4, 5]),
)  # fmt: skip
def test_any_value_that_can_be_typed_comes_back(value: Any, protocol: int) -> None:
    real = decode(pickles.dumps(value, protocol)).root
    text = edit_text(real, protocol=protocol)
    if text is None:
        return
    again = parse_value(text, like=real, protocol=protocol)
    loaded = pickles.loads(encode(Pickle(again, protocol, 0)))
    assert repr(loaded) == repr(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("abc", "texts stand in quotes, names have a module"),
        ("{[1]: 2}", "a key or member of a set cannot be a list"),
        ("{{}}", "a key or member of a set cannot be a dict"),
        ("date(2024, 13, 1)", "month must be in 1..12"),
        ("os.system('x')", r"os.system\(…\) is no value that can be typed here"),
        ("__import__('os')", "is no value that can be typed here"),
        ("Fraction('1e999999999')", "a fraction is written as"),
        ("bytearray(10000000000)", r"bytearray\(…\) takes bytes"),
        ("Decimal('x')", "cannot be made of that"),
        ("Decimal([1])", "takes numbers and texts"),
        ("datetime(2024, 1, 2, tzinfo=OrderedDict())", "takes numbers and texts"),
        ("Reference()", "a reference takes one ID"),
        ("Reference([1])", "a reference takes one ID"),
        ("Path(1)", "a path takes texts"),
        ("set(1)", "takes a list, a tuple or a set"),
        ("OrderedDict([1])", "a dictionary, or a list of pairs"),
        ("OrderedDict({}, {})", "takes one dictionary"),
        ("deque(1)", "a list and its greatest length"),
        ("deque([], 1, 2)", "a list and its greatest length"),
        ("deque(x=1)", "a list and its greatest length"),
        ("timedelta(days=10**9)", "is not expected"),
        ("timedelta(days=9999999999)", "cannot be made of that"),
        ("defaultdict({})", "takes a class or function first"),
        ("x.", "is not expected"),
    ],
)
def test_what_is_no_value_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(LiteralError, match=reason):
        parse_value(text)


def test_nothing_that_is_typed_is_imported(looks_only: list[str]) -> None:
    assert "antigravity" not in sys.modules
    assert isinstance(parse_value("antigravity.Class"), Global)
    assert isinstance(parse_value("antigravity.Colour.RED"), Object)
    assert "antigravity" not in sys.modules


# What a value replaces.


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("member", "nested"), [(Colour.BLUE, "Colour"), (Colour.RED, "Colour")])
def test_a_member_of_an_enumeration_is_typed_by_its_short_name(
    member: Any, nested: str, protocol: int
) -> None:
    like = decode(pickles.dumps(member, protocol)).root
    value = parse_value(f"{nested}.RED", like=like, protocol=protocol)
    assert pickles.loads(encode(Pickle(value, protocol, 0))) is Colour.RED
    assert parse_value(edit_text(value) or "", like=value).args[1] == "RED"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_object_that_a_call_gave_is_typed_as_the_call(protocol: int) -> None:
    like = decode(pickles.dumps(Colour.BLUE, protocol)).root
    text = edit_text(like, protocol=protocol)
    assert text == f"{__name__}.Colour(2)"
    value = parse_value(text.replace("2", "1"), like=like)
    assert pickles.loads(encode(Pickle(value, protocol, 0))) is Colour.RED
    with pytest.raises(LiteralError):
        parse_value(text)


def test_a_path_stays_of_the_system_it_is_of() -> None:
    windows = global_of("pathlib.WindowsPath")("C:\\", "a")
    assert parse_value("Path('C:/b')", like=windows).cls.name == "pathlib.WindowsPath"
    assert parse_value("Path('/b')").args == ("/", "b")
    assert parse_value("Path('/b')").cls.name == "pathlib.PosixPath"


def test_texts_of_python_2_stay_what_they_were() -> None:
    def typed(text: str, like: Any = None) -> Any:
        return parse_value(text, like=like, python2=True, protocol=2)

    assert typed("'abc'") == b"abc"
    assert typed("'é'") == "é"
    assert typed("'é'", b"x") == "é".encode()
    assert typed("'é'", "ü".encode("latin-1")) == b"\xe9"
    assert typed("u'abc'") == "abc"
    assert typed("['a', u'b', {'c': b'd'}]") == [b"a", "b", {b"c": b"d"}]
    assert type(parse_value("'é'", like=ByteString(b"x"))) is ByteString
    for value in (b"abc", "abc", "é", "é".encode(), b"\xe9", [b"a", {b"k": 1}], b"it's"):
        text = edit_text(value, python2=True, protocol=2)
        assert text is not None
        again = typed(text, value)
        assert (type(again), again) == (type(value), value)


def test_latin_1_that_reads_as_utf_8_is_written_as_utf_8() -> None:
    assert bytes_like("Ã©", b"\xe9") == "Ã©".encode()
    assert bytes_like("€", b"\xe9") == "€".encode()


def test_what_is_the_same_list_twice_is_not_edited_as_text() -> None:
    inner: list[int] = []
    assert edit_text([inner, inner]) is None
    inner.append(inner)  # type: ignore[arg-type]
    assert edit_text(inner) is None
    assert edit_text("x" * 200_000) is None
    assert edit_text(decode(pickles.dumps(ValueError("x"))).root) is not None
    assert edit_text(decode(pickles.dumps(pickles.Pickler)).root) == "_pickle.Pickler"


# Names and references.


def test_a_name_is_taken_apart_at_its_first_capital() -> None:
    assert global_of("a.b.Outer.Inner").qualname == "Outer.Inner"
    assert global_of("a.b.function").qualname == "function"
    assert global_of("a:b.c").qualname == "b.c"
    assert global_of("a.B", 2) is global_of("a.B", 4)
    assert global_of("collections.Counter") is decode(pickles.dumps(Counter)).root
    assert global_of("builtins.set", 2).name == "__builtin__.set"
    assert class_name(global_of("a.Outer.Inner", 2)(1)) == "a.Outer.Inner"


@pytest.mark.parametrize(
    ("pid", "id_", "expected"),
    [("Job.1", "Job.2", "Job.2"), (b"Job.1", "Job.2", b"Job.2"), (1, "2", 2), (1, "-2", -2)],
)
def test_a_reference_has_its_id_in_the_form_of_another(pid: Any, id_: str, expected: Any) -> None:
    found = reference_like(id_, Reference.to(pid)).pid
    assert (type(found), found) == (type(expected), expected)
    typed = parse_value(f"Reference('{id_}')", reference=Reference.to(pid))
    assert typed.pid == expected


def test_an_id_that_does_not_fit_the_form_is_refused() -> None:
    with pytest.raises(LiteralError, match=r"IDs are numbers here, not Job\.2"):
        parse_value("Reference('Job.2')", reference=Reference.to(1))
    id_ = global_of("gc3libs.persistence.idfactory.Id")("Job", 1)
    with pytest.raises(ValueError, match=r"IDs are of the form Job\.42 here, not 7"):
        reference_like("7", Reference.to(id_))
    with pytest.raises(ValueError, match="of an unknown form"):
        reference_like("7", Reference.to((1, 2)))
