"""The index against plain Python: filters, order, pages, places."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.work.index import Entry, RowIndex
from app.work.query import Begins, Between, Equals, FilterError, Has, Term, parse
from app.work.records import Row, RowQuery
from persistence.errors import StoreError
from persistence.ids import order_key

COLUMNS = ("id", "type", "state", "name", "modified", "size")


@pytest.fixture
def index() -> Iterator[RowIndex]:
    index = RowIndex()
    yield index
    index.close()


def row(id_: str, **fields: Any) -> Row:
    known = {"type": "lab.Job", "state": None, "name": None, "modified": None, "size": 10}
    return Row(id_, **{**known, **fields})


def entry(id_: str, revision: int = 1, references: tuple[str, ...] = (), **fields: Any) -> Entry:
    return Entry(row(id_, **fields), revision, references)


def fill(index: RowIndex, *ids: str) -> None:
    index.put([entry(id_) for id_ in ids])


def ids(index: RowIndex, query: RowQuery = RowQuery()) -> list[str]:  # noqa: B008
    return [found.id for found in index.page(query, 0, 1_000_000)]


# What a filter and an order mean, written once more and plainly.


def lower(text: str) -> str:
    return text.translate(str.maketrans(string.ascii_uppercase, string.ascii_lowercase))


def contains(value: str | None, text: str) -> bool:
    if text.isascii():
        return text.lower() in lower(value or "")
    return text.casefold() in (value or "").casefold()


def matches(term: Term, found: Row) -> bool:
    if isinstance(term, Between):
        number = getattr(found, term.column)
        matched = number is not None and term.low <= number < term.high
    elif isinstance(term, Has):
        columns = [term.column] if term.column else ["id", "name", "type", "state"]
        matched = any(contains(getattr(found, column), term.text) for column in columns)
    elif isinstance(term, Begins):
        value = getattr(found, term.column) or ""
        if term.column == "id":
            matched = value.startswith(term.text)
        else:
            matched = contains(value[: len(term.text)], term.text)
    else:
        value = getattr(found, term.column) or ""
        if term.column == "state":
            matched = len(value) == len(term.text) and contains(value, term.text)
        elif term.column == "type" and term.text:
            matched = value == term.text or value.endswith(f".{term.text}")
        else:
            matched = value == term.text
    return matched != term.negated


def sort_key(found: Row, column: str) -> Any:
    value = getattr(found, column)
    if column == "id":
        return order_key(value)[:2]
    if column == "name" and value is not None:
        return order_key(value.casefold())[:2]
    if column == "type":
        return (value.rpartition(".")[2].casefold(), value) if value else None
    return value


def expected(rows: list[Row], query: RowQuery) -> list[Row]:
    terms = parse(query.text)
    found = [each for each in rows if all(matches(term, each) for term in terms)]
    if not query.sort:
        return found[::-1] if query.descending else found
    known = [each for each in found if sort_key(each, query.sort) is not None]
    unknown = [each for each in found if sort_key(each, query.sort) is None]
    if query.descending:
        # Equal ones stay in the order of the store.
        known.sort(key=lambda each: sort_key(each, query.sort), reverse=True)  # is stable, too
        return [*known, *unknown]
    return [*sorted(known, key=lambda each: sort_key(each, query.sort)), *unknown]


_texts = st.one_of(
    st.sampled_from(
        ["sweep-1", "Sweep-10", "sweep-9", "Straße", "ΣΊΣΥΦΟΣ", "a b", "100%_x", "'\""]
    ),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8),
)
_rows = st.builds(
    Row,
    id=st.one_of(
        st.builds(lambda prefix, n: f"{prefix}.{n}", st.sampled_from("AbC"), st.integers(0, 120)),
        st.integers(0, 300).map(str),
    ),
    type=st.sampled_from(["", "gc3libs.Application", "lab.Job", "builtins.dict", "x.y.Job"]),
    state=st.sampled_from([None, "NEW", "RUNNING", "running", "TERMINATED"]),
    name=st.none() | _texts,
    modified=st.none() | st.floats(0, 2e9),
    size=st.integers(0, 100_000),
)
_filters = st.sampled_from(
    ["", "", "sweep", "STRASSE", "straße", "σίσυφος", "state:running", "-state:NEW", "type:job",
     "type=Job", "type!=lab.Job", "name=sweep-9", 'name=""', "id:1", "-1", "size>10k", "-size<=500",
     "modified>2001-09-10", "-modified<2001-09-10", "state: a", "% _ '", "state= type:appl",
     "id=A*", "name=s*", "name=STRASSE*", "-type=lab*"]
)  # fmt: skip
_queries = st.builds(
    RowQuery,
    text=_filters,
    sort=st.sampled_from(["", *COLUMNS]),
    descending=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_rows, max_size=60, unique_by=lambda each: each.id), _queries, st.data())
def test_pages_counts_and_places_are_those_of_a_plain_sort(
    rows: list[Row], query: RowQuery, data: st.DataObject
) -> None:
    index = RowIndex()
    for start in range(0, len(rows), 7):
        index.put([Entry(each, 1) for each in rows[start : start + 7]])
    wanted = expected(rows, query)
    assert index.count(query) == len(wanted)
    assert list(index.page(query, 0, 100)) == wanted
    first, size = data.draw(st.integers(0, 60)), data.draw(st.integers(0, 20))
    window = index.window(query, [first], size, [each.id for each in rows], with_count=True)
    assert window.count == len(wanted)
    assert list(window.pages[first]) == wanted[first : first + size]
    assert window.places == {each.id: number for number, each in enumerate(wanted)}
    index.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(_rows, min_size=1, max_size=60, unique_by=lambda each: each.id),
    _queries,
    st.lists(st.tuples(st.integers(0, 70), st.integers(0, 10)), max_size=40),
)
def test_the_ids_in_ranges_are_those_of_the_rows(
    rows: list[Row], query: RowQuery, spans: list[tuple[int, int]]
) -> None:
    ranges, end = [], 0
    for gap, length in spans:
        ranges.append((end + gap, end + gap + length))
        end += gap + length + 1
    index = RowIndex()
    index.put([Entry(each, 1) for each in rows])
    wanted = [each.id for each in expected(rows, query)]
    assert index.ids(query, ranges) == [id_ for a, b in ranges for id_ in wanted[a : b + 1]]
    index.close()


def test_numbers_in_ids_sort_as_numbers(index: RowIndex) -> None:
    fill(index, "Job.10", "Job.9", "310", "47", "Job.100")
    assert ids(index, RowQuery(sort="id")) == ["47", "310", "Job.9", "Job.10", "Job.100"]


def test_large_sorted_queries_stay_right_when_their_index_is_made_and_used(index: RowIndex) -> None:
    rows = [row(f"Job.{n}", state=[None, "B", "A"][n % 3], size=n % 7) for n in range(6_000)]
    index.put([Entry(each, 1) for each in rows])
    for query in (RowQuery(sort="state"), RowQuery(sort="state", descending=True)):
        wanted = expected(rows, query)
        for _ in range(2):
            assert list(index.page(query, 5_900, 256)) == wanted[5_900:]
            assert list(index.page(query, 2_990, 20)) == wanted[2_990:3_010]
            index.prepare(query)
            index.prepare(query)


def test_only_objects_that_were_written_again_are_told(index: RowIndex) -> None:
    assert index.put([entry("A.1"), entry("A.2")]) == ["A.1", "A.2"]
    assert index.put([entry("A.1"), entry("A.2", revision=2, state="NEW"), entry("A.3")]) == [
        "A.2",
        "A.3",
    ]
    assert ids(index) == ["A.1", "A.2", "A.3"]
    assert index.rows(["A.2", "A.9"]) == {"A.2": row("A.2", state="NEW")}
    assert len(index) == 3


def test_an_object_that_comes_twice_at_once_is_listed_once(index: RowIndex) -> None:
    index.put([entry("A.1", 1, state="NEW"), entry("A.1", 2, state="DONE")])
    assert [found.state for found in index.page(RowQuery(), 0, 9)] == ["DONE"]
    assert index.count(RowQuery()) == 1


def test_removed_objects_are_gone_and_others_keep_their_order(index: RowIndex) -> None:
    fill(index, "A.1", "A.2", "A.3")
    assert index.remove(["A.2", "A.9"]) == ["A.2"]
    fill(index, "A.4", "A.2")
    assert ids(index) == ["A.1", "A.2", "A.3", "A.4"]
    assert index.count(RowQuery()) == 4
    assert index.absent_from(["A.1", "A.4"]) == ["A.2", "A.3"]


def test_references_are_found_from_the_other_end(index: RowIndex) -> None:
    index.put([entry("P.1", references=("A.1", "A.2")), entry("P.2", references=("A.1",))])
    assert index.referrers("A.1") == ["P.1", "P.2"]
    index.put([entry("P.1", 2, references=("A.2",))])
    assert index.referrers("A.1") == ["P.2"]
    index.remove(["P.2"])
    assert index.referrers("A.1") == []
    assert index.referrers("A.2") == ["P.1"]


def test_ids_and_names_that_are_no_valid_unicode_are_kept(index: RowIndex) -> None:
    odd = "J\udce9b.1"
    index.put([entry(odd, name="n\ud800", state="\0x", references=(odd,))])
    (found,) = index.page(RowQuery(sort="name"), 0, 9)
    assert found.id == odd
    assert found.name == "n\\ud800"
    assert index.locate(RowQuery(), [odd]) == {odd: 0}
    assert index.referrers(odd) == [odd]
    assert index.remove([odd]) == [odd]


def test_a_broken_filter_fails_every_question_with_its_sentence(index: RowIndex) -> None:
    broken = RowQuery('"open')
    for ask in (
        lambda: index.count(broken),
        lambda: index.page(broken, 0, 1),
        lambda: index.ids(broken, [(0, 1)]),
        lambda: index.locate(broken, ["A"]),
    ):
        with pytest.raises(FilterError):
            ask()


def test_a_filter_cannot_break_out_of_its_value(index: RowIndex) -> None:
    fill(index, "A.1")
    for text in ("'; DROP TABLE entry; --", "id:')", 'name:"\' OR 1=1"', "type=?"):
        assert index.count(RowQuery(text)) == 0
    assert index.count(RowQuery()) == 1


def test_dates_are_compared_in_local_time(index: RowIndex) -> None:
    noon = datetime(2026, 11, 1, 12).timestamp()  # noqa: DTZ001 -- what a user means
    index.put([entry("A.1", modified=noon), entry("A.2")])
    assert ids(index, RowQuery("modified:2026-11-01")) == ["A.1"]
    assert ids(index, RowQuery("modified>2026-11-01")) == []
    assert ids(index, RowQuery("-modified>2026-11-01")) == ["A.1", "A.2"]


def test_an_index_leaves_no_file_behind(index: RowIndex, tmp_path: Any) -> None:
    names = {path for _, _, path in index._db.execute("PRAGMA database_list")}
    assert names == {""}


def test_equals_on_a_state_ignores_its_case_only(index: RowIndex) -> None:
    index.put([entry("A.1", state="Running"), entry("A.2", state="RUNNING_UP")])
    assert parse("state:running") == (Equals("running", "state"),)
    assert ids(index, RowQuery("state:running")) == ["A.1"]


def test_ids_are_not_given_for_rows_that_the_asker_sees_as_others(index: RowIndex) -> None:
    fill(index, *(f"Job.{n}" for n in range(5)))
    assert index.ids(RowQuery(), [(1, 2)], {1: "Job.1", 2: "Job.2"}) == ["Job.1", "Job.2"]
    index.remove(["Job.0"])
    with pytest.raises(StoreError, match="changed by another program"):
        index.ids(RowQuery(), [(1, 2)], {1: "Job.1"})


def test_an_object_that_returns_is_where_it_was(index: RowIndex) -> None:
    fill(index, *(f"Job.{n}" for n in range(5)))
    index.remove(["Job.1", "Job.3"])
    fill(index, "Job.9", "Job.3")
    assert ids(index) == ["Job.0", "Job.2", "Job.3", "Job.4", "Job.9"]
    assert index.count(RowQuery()) == len(index) == 5


def test_rows_at_the_end_get_their_places_when_they_are_put(index: RowIndex) -> None:
    index.put_at_end([entry("c"), entry("a", references=("b",))])
    assert ids(index) == ["c", "a"]
    index.put([entry("a", references=("b",)), entry("b")])
    assert ids(index) == ["a", "b", "c"]
    assert index.referrers("b") == ["a"]
    index.put([entry("c"), entry("d")])
    assert ids(index) == ["a", "b", "c", "d"]
    assert len(index) == 4
