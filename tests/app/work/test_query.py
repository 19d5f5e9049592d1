"""The filter language: what is understood, and the sentence for what is not."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.work.query import Anywhere, Attribute, Begins, Between, Equals, FilterError, Has, parse

INFINITY = float("inf")


def local(*parts: int) -> float:
    return datetime(*parts).timestamp()  # noqa: DTZ001 -- what a user means


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("   ", ()),
        ("sweep", (Has("sweep"),)),
        ("two words", (Has("two"), Has("words"))),
        ('"two words"', (Anywhere("two words"),)),
        ("execution.returncode!=0", (Attribute("execution.returncode", "!=", "0"),)),
        ("-arguments[0]:true", (Attribute("arguments[0]", ":", "true", negated=True),)),
        ("['a b'].c>=1.5", (Attribute("['a b'].c", ">=", "1.5"),)),
        (".jobname=sweep", (Attribute("jobname", "=", "sweep"),)),
        ("execution.returncode:", (Has(""),)),
        ('"say \\"hi\\" \\\\ \\n"', (Anywhere('say "hi" \\ \\n'),)),
        ("-word", (Has("word", negated=True),)),
        ('-"two words"', (Anywhere("two words", negated=True),)),
        ("- word", (Has("-"), Has("word"))),
        ("a-b", (Has("a-b"),)),
        ("state:running", (Equals("running", "state"),)),
        ("STATE:running", (Equals("running", "state"),)),
        ("-state:NEW", (Equals("NEW", "state", negated=True),)),
        ("type:Application", (Has("Application", "type"),)),
        ('id:"Application.4 2"', (Has("Application.4 2", "id"),)),
        ("name=sweep-1", (Equals("sweep-1", "name"),)),
        ("name!=sweep-1", (Equals("sweep-1", "name", negated=True),)),
        ("-name!=x", (Equals("x", "name"),)),
        ('name=""', (Equals("", "name"),)),
        ("name:a:b=c", (Has("a:b=c", "name"),)),
        ("id=Job.4*", (Begins("Job.4", "id"),)),
        ("-name!=x*", (Begins("x", "name"),)),
        ('name="x*"', (Equals("x*", "name"),)),
        ("state:", (Has("", "state"),)),
        ("size:", (Has(""),)),
        ("size>10k", (Between("size", low=10_000.000000000002),)),
        ("size>=10k", (Between("size", low=10_000),)),
        ("size<1.5MiB", (Between("size", high=1.5 * 1024**2),)),
        ("size<=.5", (Between("size", high=0.5000000000000001),)),
        ("-size<2GB", (Between("size", high=2_000_000_000, negated=True),)),
    ],
)
def test_a_filter_is_understood(text: str, terms: tuple[object, ...]) -> None:
    assert parse(text) == terms


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("modified>2026-11-01", local(2026, 11, 2), INFINITY),
        ("modified>=2026-11-01", local(2026, 11, 1), INFINITY),
        ("modified<2026-11-01", -INFINITY, local(2026, 11, 1)),
        ("modified<=2026-11-01", -INFINITY, local(2026, 11, 2)),
        ("modified:2026-11-01", local(2026, 11, 1), local(2026, 11, 2)),
        ("modified=2026-12", local(2026, 12, 1), local(2027, 1, 1)),
        ("modified>2026-11-01T14:30", local(2026, 11, 1, 14, 31), INFINITY),
        ('modified<"2026-11-01 14:30:15"', -INFINITY, local(2026, 11, 1, 14, 30, 15)),
    ],
)
def test_a_date_stands_for_all_the_time_in_it(text: str, low: float, high: float) -> None:
    assert parse(text) == (Between("modified", low, high),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour:red", "no column 'colour'"),
        ("http://host", "quotation marks"),
        ('"open', "not closed"),
        ('name:"open', "not closed"),
        ("size>big", "'big' is not a size"),
        ("size>1.2.3", "not a size"),
        ("modified>yesterday", "not a date"),
        ("modified:2026-13-01", "not a date"),
        ("modified>", "not a date"),
        ("state>RUNNING", "cannot be compared with '>'"),
        ("id>=5", "id:5 or id=5"),
    ],
)
def test_what_is_not_understood_gets_a_sentence(text: str, says: str) -> None:
    with pytest.raises(FilterError) as error:
        parse(text)
    assert says in str(error.value)
    assert error.value.advice


@given(st.text(max_size=60))
def test_any_text_gives_terms_or_a_sentence(text: str) -> None:
    try:
        terms = parse(text)
    except FilterError as error:
        assert str(error)
    else:
        assert all(
            isinstance(term, Has | Anywhere | Attribute | Equals | Begins | Between)
            for term in terms
        )


@given(st.lists(st.text(min_size=1, max_size=10), max_size=5), st.booleans())
def test_quoted_texts_come_back_as_they_were(texts: list[str], negated: bool) -> None:
    sign = "-" if negated else ""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    written = " ".join(f'{sign}"{text}"' for text in quoted)
    assert parse(written) == tuple(Anywhere(text, negated=negated) for text in texts)


@given(
    st.lists(
        st.sampled_from(
            ["state:NEW", '-"a b"', "size>1k", "type=X", "modified<2026-01-01", "plain", "name:"]
        ),
        max_size=6,
    )
)
def test_terms_are_understood_one_by_one(parts: list[str]) -> None:
    assert parse("  ".join(parts)) == tuple(term for part in parts for term in parse(part))
