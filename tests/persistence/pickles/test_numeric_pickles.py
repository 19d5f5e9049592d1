"""Arrays of numpy and tables of pandas, decoded and written again, load as what they were."""

from __future__ import annotations

import pickle
import pickletools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from persistence.pickles import decode, encode
from persistence.pickles.writer import Writer
from tests.helpers.nodes import difference_of_nodes

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

_SHARED = np.arange(4)
ARRAYS: dict[str, Any] = {
    "numbers": np.linspace(0, 1, 50),
    "integers in columns": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "none": np.zeros((0, 3)),
    "one": np.array(1.5),
    "big endian": np.arange(3, dtype=">i4"),
    "complex": np.array([1j, 2.0]),
    "texts": np.array(["a", "größe"]),
    "objects": np.array([{"a": 1}, None, "x"], dtype=object),
    "records": np.array([(1, 2.5, "x")], dtype=[("n", "i4"), ("x", "f8"), ("t", "U3")]),
    "times": np.array(["2024-01-02", "NaT"], dtype="datetime64[s]"),
    "masked": np.ma.array([1, 2, 3], mask=[False, True, False]),
    "booleans": np.array([True, False]),
    "numbers alone": [np.float64(1.5), np.int32(7), np.bool_(True), np.datetime64("2024-01-02")],
    "dtypes": [np.dtype("f8"), np.dtype([("a", "i4", (2, 2))]), np.dtype("M8[ns]")],
    "shared": [_SHARED, _SHARED],
}
TABLES: dict[str, Any] = {
    "frame": pd.DataFrame({"n": [1, 2], "x": [0.5, None], "t": ["a", "ö"]}),
    "index": pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="id")),
    "levels": pd.DataFrame(
        {"n": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", "i"])
    ),
    "times": pd.Series(pd.date_range("2024-01-02", periods=3, tz="UTC")),
    "categories": pd.Series(["a", "b", "a"], dtype="category"),
    "nothing": pd.DataFrame(),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_load_as_what_they_were(name: str, protocol: int) -> None:
    original = pickle.loads(pickle.dumps(ARRAYS[name], protocol))
    for again in _again(ARRAYS[name], protocol):
        np.testing.assert_equal(again, original)
        assert getattr(again, "dtype", None) == getattr(original, "dtype", None)
        assert getattr(again, "flags", None) == getattr(original, "flags", None)
        if name == "shared":
            assert again[0] is again[1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", TABLES)
def test_tables_load_as_what_they_were(name: str, protocol: int) -> None:
    original = TABLES[name]
    for again in _again(original, protocol):
        if isinstance(original, pd.DataFrame):
            pd.testing.assert_frame_equal(again, original)
        else:
            pd.testing.assert_series_equal(again, original)


def test_buffers_delivered_apart_are_asked_for_again_in_the_same_order() -> None:
    buffers: list[Any] = []
    value = [np.arange(10.0), np.arange(3), bytearray(b"x")]
    data = pickle.dumps(value, 5, buffer_callback=buffers.append)
    written = encode(decode(data))
    assert any(opcode.name == "NEXT_BUFFER" for opcode, _, _ in pickletools.genops(written))
    again = pickle.loads(written, buffers=buffers)
    np.testing.assert_equal(again, value)


def _again(value: Any, protocol: int) -> list[Any]:
    data = pickle.dumps(value, protocol)
    decoded = decode(data)
    written = [encode(decoded), Writer(decoded.protocol, python2=False).write(decoded.root)]
    for one in written:
        assert difference_of_nodes(decoded, decode(one)) == ""
    return [pickle.loads(one) for one in written]
