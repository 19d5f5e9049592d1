"""Literals are read as `ast.literal_eval` reads them, however deep, or refused with the place."""

from __future__ import annotations

import ast
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.errors import LiteralError
from persistence.pickles.literals import plain_text, read_literal

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
# Python reads the `-0j` that it writes as `(-0-0j)`.
parts = st.floats(allow_nan=False, allow_infinity=False).filter(bool)
hashable = st.none() | numbers | st.text() | st.binary()
literals = st.recursive(
    hashable | st.builds(complex, parts, parts),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(hashable, inner)
        | st.sets(hashable, min_size=1, max_size=1)
    ),
)


@given(literals)
def test_what_python_writes_is_read_back(value: Any) -> None:
    assert repr(read_literal(repr(value))) == repr(value)


@pytest.mark.parametrize(
    "text",
    [
        "1", "-1", "- 1", "+1", "0x1f", "0o17", "0b11", "1_000", "1.", "1.5e-3", ".5", "1e400",
        "1j", "1+2j", "-1-2.5j", "-0.0-1j", "'a'", '"it\'s"', "u'x'", "U'x'", r"b'x\xff'",
        r"r'\d'", r"'\d'", r"rb'\a'", r"Br'\a'", "'a' 'b'", "b'a' b'b'", "'''a\nb'c'''",
        '"""a"b"""', r"'\N{BULLET}\u1234\x41\101\
'", "''", "''''''", "[]", "[1,]", "()", "(1)", "((1))", "(1,)", "1,2", "1,", "{}", "{1}", "{1,}",
        "{1:2,}", "{'a':[{'b':(1,(2,))}]}", " [ 1 ,\n 2 ] ", "True", "None", "[-1, +2]",
    ],
)  # fmt: skip
def test_all_forms_of_literals_are_read(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ast.literal_eval(text.strip())
    assert repr(read_literal(text)) == repr(expected)


@pytest.mark.parametrize(
    ("text", "reason", "offset"),
    [
        ("", "there is nothing", 0),
        ("[", r"the bracket '\[' is not closed", 0),
        ("[1, (2]", r"'\]' is not expected", 6),
        ("{1:}", "a key has no value", 3),
        ("{1:2,3}", "a value no key", 6),
        ("{1:2:3}", "':' is not expected", 4),
        ("{1,2:3}", "':' is not expected", 4),
        ("[,]", "',' is not expected", 1),
        ("[1,,2]", "',' is not expected", 3),
        ("1 2", "'2' is not expected", 2),
        ("abc", "the name abc means nothing here", 0),
        ("f(1)", "means nothing here", 3),
        ("[1, 'abc]", "a text that begins there does not end", 3),
        ("f'x'", "the name f means nothing here", 0),
        ("1+2", "only an imaginary number can be added", 2),
        ("-'a'", "a sign stands before what is no number", 1),
        ("{[]:1}", "unhashable type: 'list'", 5),
        ("'a' b'c'", "a text cannot be joined with bytes", 8),
        ("a=1", "'=' is not expected", 1),
        ("9" * 5_000, "too many digits", 0),
        ("1__0", "is no number", 0),
        ("'\\x4'", "unicodeescape", 0),
        ("[" * 1_000, "nested deeper than 500", 500),
        ("lambda: 1", "the name lambda means nothing here", 0),
        ("f(1)(2)", "means nothing here", 3),
        ("[1][0]", r"'\[' is not expected", 3),
        ("\0", "is not expected", 0),
    ],
)
def test_what_is_no_literal_is_refused_with_its_place(text: str, reason: str, offset: int) -> None:
    with pytest.raises(LiteralError, match=reason) as caught:
        read_literal(text)
    assert caught.value.offset == offset


@given(st.text(alphabet="[](){}'\"\\,:=+-.0123456789eEjJxbur_ \nTrueNone", max_size=30))
def test_any_text_is_read_as_python_does_or_refused(text: str) -> None:
    try:
        found = read_literal(text)
    except LiteralError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError):
            # more than one sign, and line breaks without brackets
            return
    assert repr(found) == repr(expected)


@given(st.none() | numbers | st.text() | st.binary() | st.tuples(hashable, hashable))
def test_plain_texts_read_back(value: Any) -> None:
    text = plain_text(value)
    assert text is None or read_literal(text) == value
