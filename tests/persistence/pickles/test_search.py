"""Finding what a user looks for in a decoded pickle."""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
import pickle
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from persistence import make_store
from persistence.errors import DecodeError, StoreError
from persistence.pickles import Object, Pickle, decode
from persistence.pickles.search import REGEX_WINDOW, Query, search

DATA = Path(__file__).parents[2] / "data"


class Job:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def decoded(value: Any) -> Pickle:
    return decode(pickle.dumps(value))


def found(value: Any, what: Any) -> list[tuple[str, str]]:
    whole = value if isinstance(value, Pickle) else decoded(value)
    return [(match.path, match.part) for match in search(whole, what)]


def test_texts_are_found_in_values_whatever_their_capitals() -> None:
    assert found(Job(state="RUNNING", log=["it is running", "x"]), "Running") == [
        ("state", "value"),
        ("log[0]", "value"),
    ]


def test_names_of_attributes_and_keys_are_found() -> None:
    value = Job(jobname="a", parameters={"jobname": 1, 17: "b", None: 2, (1, "jobname"): 3})
    assert found(value, "jobname") == [
        ("jobname", "name"),
        ("parameters['jobname']", "name"),
        ("parameters(key 3)[1]", "value"),
    ]
    assert found(value, "17") == [("parameters[17]", "name")]


def test_class_names_are_found_with_their_modules() -> None:
    matches = list(search(decoded([Job(a=1)]), f"{Job.__module__}.job"))
    assert [(match.path, match.part) for match in matches] == [("[0]", "type")]
    assert isinstance(matches[0].value, Object)
    assert matches[0].preview == "Job(a=1)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (256, "256"),
        (2.5, "2.5"),
        (True, "true"),
        (None, "none"),
        (b"some text", "text"),
        (dt.datetime(2024, 1, 2, 3, 4, tzinfo=dt.timezone.utc), "2024-01-02 03:04"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (decimal.Decimal("1.50"), "1.50"),
        (pathlib.PurePosixPath("/home/me/x"), "/home/me"),
        (1 + 2j, "1+2j"),
    ],
)
def test_values_are_found_as_they_are_written(value: Any, text: str) -> None:
    assert found({"a": value}, text) == [("['a']", "value")]


def test_references_are_found_by_id() -> None:
    data = b"\x80\x04]X\x06\x00\x00\x00Job.17Qa."
    assert found(decode(data), "job.17") == [("[0]", "value")]


def test_byte_strings_of_python_2_are_texts() -> None:
    data = b"\x80\x02}U\x05stateU\x04\xc3\xa9NEs."
    assert found(decode(data), "éne") == [("['state']", "value")]
    assert found(decode(data), "STATE") == [("['state']", "name")]


def test_binary_data_is_not_taken_for_text() -> None:
    assert found([b"\xff\xfeabc"], "abc") == []


def test_capitals_matter_if_asked() -> None:
    assert found(["New", "NEW"], Query("NEW", case_sensitive=True)) == [("[1]", "value")]
    assert found(["Straße"], "STRASSE") == [("[0]", "value")]


def test_whole_words_are_no_parts_of_others() -> None:
    assert found(["a job", "jobs", "job_1", "Job!"], Query("job", whole_word=True)) == [
        ("[0]", "value"),
        ("[3]", "value"),
    ]


def test_regular_expressions_are_found() -> None:
    assert found(["j12", "j1", "xx"], Query(r"^J\d{2}$", is_regex=True)) == [("[0]", "value")]
    query = Query("a|b", is_regex=True, whole_word=True)
    assert found(["ab", "x a", "b"], query) == [("[1]", "value"), ("[2]", "value")]


@pytest.mark.parametrize("text", ["(", "*a", "(?P<a", "a{2,1}"])
def test_what_is_no_regular_expression_is_said_so(text: str) -> None:
    with pytest.raises(StoreError, match="no regular expression"):
        search(decoded(1), Query(text, is_regex=True))


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(StoreError, match="no text"):
        search(decoded(1), "")


def test_only_the_parts_asked_for_are_looked_at() -> None:
    value = Job(job="job")
    assert found(value, Query("job", parts=frozenset(("name",)))) == [("job", "name")]
    assert found(value, Query("job", parts=frozenset(("type",)))) == [("", "type")]


def test_a_function_is_given_each_value_once() -> None:
    shared = [1, 300]
    given: list[Any] = []

    def is_large(value: Any) -> bool:
        given.append(value)
        return type(value) is int and value > 200

    assert found(Job(a=shared, b=shared, c=400), is_large) == [("a[1]", "value"), ("c", "value")]
    assert sum(type(value) is list for value in given) == 1


def test_a_shared_value_is_searched_once_but_found_under_both_names() -> None:
    shared = ["text"]
    assert found(Job(text_1=shared, text_2=shared), "text") == [
        ("text_1", "name"),
        ("text_1[0]", "value"),
        ("text_2", "name"),
    ]


def test_nothing_is_searched_beyond_what_is_asked_for() -> None:
    given: list[Any] = []
    matches = search(decoded(list(range(1_000))), lambda value: bool(given.append(value)) or True)
    next(matches)
    next(matches)
    assert len(given) == 2


def test_cycles_and_depth_and_two_to_the_60_paths_end() -> None:
    itself: list[Any] = ["x"]
    itself.append(itself)
    assert found(itself, "x") == [("[0]", "value")]
    deep = decode(b"\x80\x02" + b"]" * 200_000 + b"X\x01\x00\x00\x00x" + b"a" * 200_000 + b".")
    assert found(deep, "x") == [("[0]" * 200_000, "value")]
    lists = (b"]q%c(h%ch%ce" % (level + 1, level, level) for level in range(60))
    assert len(found(decode(b"\x80\x02]q\x00K\x07a" + b"".join(lists) + b"."), "7")) == 1


@pytest.mark.parametrize("what", ["Needle", Query("needle", whole_word=True)])
def test_a_text_of_100_mb_is_searched_without_a_copy_of_it(what: Any) -> None:
    whole = Pickle(["x" * 100_000_000 + " needle"], 4, 0)
    tracemalloc.start()
    try:
        assert found(whole, what) == [("[0]", "value")]
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_what_lies_across_two_pieces_of_a_long_text_is_found() -> None:
    for shift in range(-8, 9):
        text = "x" * (1_000_000 + shift) + "needle" + "y" * 100
        assert found(Pickle([text], 4, 0), "NEEDLE") == [("[0]", "value")]
        text = "x" * (REGEX_WINDOW + shift) + "needle" + "y" * 100
        assert found(Pickle([text], 4, 0), Query("ne+dl", is_regex=True)) == [("[0]", "value")]


def test_the_end_of_a_piece_is_not_the_end_of_a_text() -> None:
    text = "x" * 3 * REGEX_WINDOW
    assert found(Pickle([text + "y"], 4, 0), Query("x$", is_regex=True)) == []
    assert found(Pickle([text], 4, 0), Query("x$", is_regex=True)) == [("[0]", "value")]
    assert found(Pickle([text], 4, 0), Query("^x", is_regex=True)) == [("[0]", "value")]


def test_an_expression_of_quadratic_time_is_bounded_by_the_pieces() -> None:
    text = "a" * 100_000
    started = time.process_time()
    assert found(Pickle([text], 4, 0), Query("a+b", is_regex=True)) == []
    assert time.process_time() - started < 60  # on the whole text it takes many minutes


@pytest.mark.parametrize("path", sorted((DATA / "hostile").glob("*.pickle")), ids=lambda p: p.stem)
def test_hostile_pickles_are_searched_without_running_them(
    path: Path, looks_only: list[str]
) -> None:
    try:
        whole = decode(path.read_bytes())
    except DecodeError:
        return
    for what in ("e", Query("s.s", is_regex=True), lambda value: True):
        matches = list(search(whole, what))
        assert all(isinstance(match.path, str) for match in matches[:100])


@pytest.mark.parametrize("version", ["python3.7", "python2.7"])
def test_the_state_of_a_gc3pie_object_is_found(version: str, looks_only: list[str]) -> None:
    with make_store(str(DATA / "gc3pie" / version / "jobs-dir"), read_only=True) as store:
        places = [
            (match.path, match.part)
            for id_ in store.list()
            for match in search(store.inspect(id_), Query("TERMINATED", case_sensitive=True))
        ]
    assert ("execution._state", "value") in places
