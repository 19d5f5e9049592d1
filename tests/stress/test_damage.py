"""Flipped bytes and truncations of each kind of store; JOBSHELF_DAMAGES=1000 for a thousand each.

Every one ends in problems that are told, or in nothing to tell; a SQLite file that does not
open is recovered, or refused with a sentence. No crash, no other error, no hang.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from persistence import StoreError, make_store
from persistence.integrity import check
from persistence.sqlite_recovery import recover_sqlite

DATA = Path(__file__).parents[1] / "data" / "gc3pie" / "python3.7"
TIMES = int(os.environ.get("JOBSHELF_DAMAGES", "25"))
USUAL = 1  # the task that GC3Pie's run removed is always referred to

Damage = Callable[[bytes, random.Random], bytes]


def flipped(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def outcome_of(path: Path, opened: Path) -> str:
    try:
        with make_store(opened, read_only=True, create=False) as store:
            problems = list(check(store))
    except StoreError:
        if path.is_dir() or not opened.is_file():
            return "refused"
    else:
        return "told" if len(problems) > USUAL else "nothing to tell"
    target = opened.with_name("recovered.db")
    try:
        recover_sqlite(opened, target)
    except StoreError:
        return "refused, and not recoverable"
    target.unlink()
    return "refused, and recovered"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("damage", [flipped, cut])
def test_a_damaged_sqlite_store_ends_in_a_report(tmp_path: Path, damage: Damage) -> None:
    chance = random.Random(5)
    whole = (DATA / "jobs.db").read_bytes()
    path = tmp_path / "jobs.db"
    outcomes: Counter[str] = Counter()
    for _ in range(TIMES):
        path.write_bytes(damage(whole, chance))
        outcomes[outcome_of(path, path)] += 1
    print(dict(outcomes))
    assert sum(outcomes.values()) == TIMES


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("damage", [flipped, cut])
def test_a_damaged_folder_ends_in_a_report(tmp_path: Path, damage: Damage) -> None:
    chance = random.Random(6)
    folder = tmp_path / "jobs"
    folder.mkdir()
    for path in sorted((DATA / "jobs-dir").iterdir())[:12]:
        shutil.copy(path, folder)
    usual = sum(1 for _ in check(make_store(folder, read_only=True)))
    outcomes: Counter[str] = Counter()
    for _ in range(TIMES):
        path = chance.choice(sorted(folder.iterdir()))
        whole = path.read_bytes()
        path.write_bytes(damage(whole, chance))
        with make_store(folder, read_only=True) as store:
            outcomes["told" if sum(1 for _ in check(store)) != usual else "nothing to tell"] += 1
        path.write_bytes(whole)
    print(dict(outcomes))
    if damage is cut:
        assert outcomes["told"] == TIMES  # every truncation is seen
