"""Pickles that once broke the engine, and some new ones (see `tests/fuzz/run.py`)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.checks import check
from tests.fuzz.programs import mutated, program
from tests.fuzz.run import seeds

CASES = sorted((Path(__file__).parents[2] / "data" / "fuzz").glob("*.pickle"))
TRIED = 2_000


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_was_found_by_fuzzing_stays_mended(path: Path) -> None:
    check(path.read_bytes())


def test_random_programs_and_changed_pickles_are_dealt_with() -> None:
    known, source = seeds(), random.Random(20)
    decoded = 0
    for number in range(TRIED):
        if number % 2:
            data = program(source, source.randint(1, 60))
        else:
            data = mutated(source, source.choice(known), known)
        decoded += check(data) is not None
    assert decoded > TRIED // 50
