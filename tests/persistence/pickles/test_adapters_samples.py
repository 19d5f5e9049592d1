"""What several versions of Python, numpy, pandas and GC3Pie wrote, as it is shown."""

from __future__ import annotations

import ast
import base64
import datetime as dt
import decimal
import fractions
import functools
import ipaddress
import json
import math
import pathlib
import re
import uuid
from collections import Counter, OrderedDict, deque
from pathlib import Path
from typing import Any

import pytest

from persistence.pickles import Object, Pickle, decode
from persistence.pickles.present import (
    child_count,
    children,
    expression,
    preview,
    text,
    type_name,
)

DATA = Path(__file__).parents[2] / "data" / "adapters"
FILES = sorted(path.name for path in DATA.glob("*.json"))
WITH_NUMPY = [name for name in FILES if "numpy" in name]


def samples(file: str, kind: str) -> list[dict[str, Any]]:
    found = json.loads((DATA / file).read_text("utf-8"))
    return [sample for sample in found if sample["name"].startswith(kind)]


def decoded(sample: dict[str, Any]) -> Pickle:
    return decode(base64.b64decode(sample["pickle"]))


def rows(value: Any) -> dict[str, Any]:
    return {child.name: child for child in children(value, 0, 1_000)}


# What the classes of the samples are called in the `repr` that was written down, and where
# that is no expression, the expression that is shown.
NAMES = {
    "datetime": dt,
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "UUID": uuid.UUID,
    "IPv4Address": ipaddress.IPv4Address,
    "IPv4Network": ipaddress.IPv4Network,
    "PurePosixPath": pathlib.PurePosixPath,
    "PureWindowsPath": pathlib.PureWindowsPath,
    "OrderedDict": OrderedDict,
    "Counter": Counter,
    "deque": deque,
    "re": re,
}
FULL_NAMES = {
    **NAMES,
    "decimal": decimal,
    "fractions": fractions,
    "uuid": uuid,
    "ipaddress": ipaddress,
    "pathlib": pathlib,
    "collections": __import__("collections"),
    "functools": functools,
}
SHOWN = {
    "path": "pathlib.PosixPath('/scratch/run/job 1')",
    "color": "campaign.Color(1)",
    "level": "campaign.Level(3)",
    "access": "campaign.Access(1)",
    "both": "campaign.Access(3)",
    "mode": "campaign.Mode(3)",
    "kind": "campaign.Kind('fast')",
    "text": "campaign.Text('one')",
    "point": "campaign.Point(x=1, y=2)",
    "pair": "campaign.Pair(1, 2)",
    "slots": "campaign.Slots([1])",
    "partial": "functools.partial(int, '10', base=2)",
    "defaultdict": "collections.defaultdict(list, {'a': [1]})",
    "error": "ValueError('no such queue')",
    "os error": "FileNotFoundError(2, 'No such file or directory', 'x.txt')",
    "noted": "ValueError('bad')",
    "group": "ExceptionGroup('two', [ValueError('a'), OSError('b')])",
    "zone": "zoneinfo.ZoneInfo('Europe/Zurich')",
}


@pytest.mark.parametrize("file", [name for name in FILES if name.startswith("python")])
def test_objects_of_the_standard_library_look_the_same_from_every_version(file: str) -> None:
    for sample in samples(file, ""):
        name = sample["name"]
        if name.startswith(("array ", "numpy ", "pandas ")):
            continue
        if name == "pair" and sample["protocol"] < 2:
            continue  # its fields are in a tuple there
        if name == "os error" and sample["protocol"] < 3:
            continue  # is called by the name it had in Python 2, an OSError
        shown = expression(decoded(sample).root)
        if name in SHOWN:
            assert shown == SHOWN[name], sample
        elif not (name == "fold" and sample["protocol"] < 4):
            assert eval(shown, FULL_NAMES) == eval(sample["repr"], NAMES), sample


def nested(value: Any) -> Any:
    """Return the rows of an array as lists."""
    found = []
    for child in children(value, 0, 100):
        if child.name.startswith("["):
            deeper = child_count(child.value)
            found.append(nested(child.value) if deeper else child.value)
    return found


@pytest.mark.parametrize("file", WITH_NUMPY)
def test_arrays_have_the_shape_type_values_and_statistics_that_numpy_gives(file: str) -> None:
    for sample in samples(file, "array "):
        root = decoded(sample).root
        found = rows(root)
        assert list(found["shape"].value) == sample["shape"], sample
        dtype = preview(found["dtype"].value).replace("'", '"')
        if not sample["dtype"].startswith(("[", "(", "StringDType")):
            assert dtype == sample["dtype"].removeprefix("<").removeprefix("|"), sample
        if "masked" in sample["name"]:
            assert preview(root) == "3 items  1 masked"
            assert [preview(found[f"[{n}]"].value) for n in range(3)] == ["1", "--", "3"]
            continue
        assert ("min" in found) == ("min" in sample), sample
        for name in ("min", "max", "mean"):
            if name in sample:
                assert float(text(found[name].value)) == pytest.approx(sample[name]), sample
                assert found[name].is_computed
        if "values" in sample and sample["shape"]:
            expected = json.dumps(sample["values"])
            assert json.dumps(nested(root)) == expected or sample["name"] == "array empty"


@pytest.mark.parametrize("file", WITH_NUMPY)
def test_elements_that_are_no_numbers_are_shown_as_numpy_shows_them(file: str) -> None:
    expected = {
        "array strings": "2 items  array(['ab', 'c'], dtype='U2')",
        "array bytes": "2 items  array([b'ab', b'c'], dtype='S2')",
        "array objects": "2 items  array([{'a': 1}, None], dtype='object')",
        "array dates": "2 items  array(['2024-01-02', 'NaT'], dtype='datetime64[D]')",
        "array spans": "2 items  array([5, -1], dtype='timedelta64[ns]')",
        "array subarrays": "1 item  array([([1, 2],)], dtype=[('xy', ('int32', (2,)))])",
        "array recarray": "1 item  array([(1, 2.5)], dtype=[('n', 'int32'), ('x', 'float64')])",
        "array empty": "zeros((0, 3), dtype='float64')",
        "array zero d": "array(7, dtype='uint8')",
        "array matrix": "2 items  matrix([[1, 2], [3, 4]], dtype='int64')",
        "numpy float64": "1.5",
        "numpy int32": "7",
        "numpy bool_": "True",
        "numpy str_": "str_('ab')",
        "numpy bytes_": "bytes_(b'ab')",
        "numpy datetime64": "2024-01-02T03:04:05",
        "numpy timedelta64": "5 ns",
        "numpy dtype": "float64",
        "numpy big dtype": ">i2",
        "numpy RandomState": "MT19937",
        "numpy Generator": "PCG64",
    }
    seen = set()
    for sample in samples(file, ""):
        if sample["name"] in expected:
            seen.add(sample["name"])
            assert preview(decoded(sample).root) == expected[sample["name"]], sample["protocol"]
    assert seen == expected.keys()


@pytest.mark.parametrize("file", WITH_NUMPY)
def test_the_objects_in_an_array_are_where_their_path_says(file: str) -> None:
    for sample in samples(file, "array objects"):
        root = decoded(sample).root
        found = rows(root)["[0]"]
        assert not found.is_computed
        assert found.path_part == "[0]"
        assert found.stored == "(state)[4][0]"
        assert root.states[-1][4][0] is found.value


@pytest.mark.parametrize("file", WITH_NUMPY)
def test_tables_have_the_rows_columns_and_values_that_pandas_gives(file: str) -> None:
    for sample in samples(file, "pandas "):
        if "columns" not in sample:
            continue
        root = decoded(sample).root
        height, width = sample["shape"]
        assert type_name(root) == "DataFrame"
        assert preview(root).startswith(f"{height:,} row"), sample
        found = rows(root)
        names = [child.name for child in children(root, 0, width)]
        assert names == sample["columns"], sample
        for name in names:
            assert child_count(found[name].value) == height
            assert found[name].is_computed
        assert child_count(found["rows"].value) == height
        ast.parse(expression(root))  # whatever is in it, it is an expression
        # Each text and number that pandas prints is in the table that is shown.
        shown = text(root)
        for word in re.findall(r"\b[a-z]{1,2}\b|\b\d+\.\d+\b", sample["repr"]):
            assert word in shown or word in ("d", "h"), (sample["name"], word, shown)


@pytest.mark.parametrize("file", WITH_NUMPY)
def test_columns_that_a_list_would_give_another_type_are_written_with_it(file: str) -> None:
    written = {s["name"]: expression(decoded(s).root) for s in samples(file, "pandas ")}
    unit = "us" if "pandas3" in file else "ns"
    assert written["pandas nullable"] == (
        "pandas.DataFrame({'n': pandas.array([1, None, 3], dtype='Int64')})"
    )
    assert f"dtype='timedelta64[{unit}]'" in written["pandas spans"]
    assert written["pandas categories"] == (
        "pandas.DataFrame({'c': pandas.Categorical(['lo', 'hi', 'lo'])})"
    )
    assert written["pandas indexed"] == "pandas.DataFrame({'x': [1, 2]}, index=['u', 'v'])"


@pytest.mark.parametrize("file", WITH_NUMPY)
def test_a_row_of_a_table_has_a_value_for_each_column(file: str) -> None:
    (sample, *_) = samples(file, "pandas frame")
    root = decoded(sample).root
    table = rows(rows(root)["rows"].value)
    assert list(table) == ["0", "1", "2"]
    first = {name: child.value for name, child in rows(table["0"].value).items()}
    assert first == {"job": "a", "cores": 1, "hours": 0.5, "done": True, "more": 3}
    second = rows(table["1"].value)
    assert math.isnan(second["hours"].value)
    assert preview(table["0"].value) == "a  1  0.5  True  3"
    assert text(root).splitlines()[0].split() == ["job", "cores", "hours", "done", "more"]


@pytest.mark.parametrize("file", WITH_NUMPY)
def test_series_indexes_and_times_of_pandas_are_shown_by_their_values(file: str) -> None:
    expected = {
        "pandas series": "2 items  load: [1.5, 2.5]",
        "pandas named index": "2 items  [1, 2]",
        "pandas index": "2 items  [a, b]  host",
        "pandas int index": "3 items  [3, 1, 2]",
        "pandas range index": "RangeIndex(2, 10, 2)",
        "pandas multi index": "2 items  [(a, 1), (b, 2)]",
        "pandas categorical": "3 items  [lo, hi, –]",
        "pandas timestamp": "2024-01-02 03:04:05",
        "pandas zoned timestamp": "2024-01-02 03:04:05 UTC",
        "pandas timedelta": "1 days 02:00:00",
        "pandas not a time": "NaT",
        "pandas interval": "(0, 1]",
    }
    seen = set()
    for sample in samples(file, "pandas "):
        if sample["name"] in expected:
            seen.add(sample["name"])
            assert preview(decoded(sample).root) == expected[sample["name"]], sample
        if sample["name"] == "pandas date index":
            assert preview(decoded(sample).root).startswith("3 items  [2024-01-01")
    assert seen == expected.keys()


def test_gc3pie_says_of_its_own_objects_what_is_shown() -> None:
    for sample in samples("gc3pie2.6.8.json", "gc3pie "):
        root = decoded(sample).root
        if "line" in sample:
            assert preview(root) == sample["line"], sample
        if "count" in sample:
            assert (preview(root).startswith("1 item")) == (sample["count"] == 1), sample
        if "returncode" in sample:
            row = rows(root)["returncode"]
            assert row.is_computed
            assert text(row.value) == str(sample["returncode"]), sample


def test_every_row_of_a_sample_that_is_not_computed_is_a_part_of_the_pickle() -> None:
    for file in FILES:
        for sample in samples(file, ""):
            pickle = decoded(sample)
            known = {id(value) for value in parts_of(pickle.root)}
            if not isinstance(pickle.root, Object):
                continue
            for child in children(pickle.root, 0, 50, python2=pickle.python2):
                # A view of a raw value (a time, a message) stands for it: it is not computed.
                is_view = type(child.value).__name__ in ("View", "Entry")
                assert child.is_computed or is_view or id(child.value) in known, (sample, child)


def parts_of(root: Any) -> list[Any]:
    found: list[Any] = []
    pending, seen = [root], set()
    while pending:
        value = pending.pop()
        found.append(value)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Object):
            pending += [*value.args, *value.kwargs.values(), *value.states, *value.items]
            pending += [*(part for pair in value.pairs for part in pair), *value.added]
        elif isinstance(value, dict):
            pending += [*value, *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            pending += value
    return found
