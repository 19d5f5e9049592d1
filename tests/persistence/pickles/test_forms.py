"""Forms of pickles are learned from examples, and admit nothing that was not proven."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterable
from typing import Any

import pytest

from persistence.pickles.decode import decode
from persistence.pickles.encode import encode
from persistence.pickles.forms import Forms
from persistence.pickles.guards import Seen, check

ENOUGH = 500  # pickles until a form is learned
AFTER_FRAME = 11
PROTOCOLS = (2, 3, 4, 5)


class Job:
    def __init__(self, number: int, *, steps: int = 3) -> None:
        self.jobname = f"sweep{number:05d}" + "x" * (number % 60)
        self.memory = number * 300
        self.done = [None, True, False, 1.5 * number][number % 4]
        self.pair = (number, "MB")
        self.history = [(f"step {step}", float(number)) for step in range(steps)]
        self.timestamp = {"NEW": 1.0, ("a", number): 2.0}


class Other(Job):
    pass


def pickles(
    protocol: int, numbers: Iterable[int], kind: type[Job] = Job, **more: Any
) -> list[bytes]:
    return [pickle.dumps(kind(number, **more), protocol) for number in numbers]


def taught(examples: Iterable[bytes]) -> Forms:
    forms = Forms()
    for data in examples:
        forms.note(data)
    return forms


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_form_is_learned_from_what_was_proven(protocol: int) -> None:
    examples = pickles(protocol, range(1000, 1000 + ENOUGH))
    assert not any(map(taught(examples[:-1]).has, examples))
    forms = taught(examples)
    assert all(map(forms.has, pickles(protocol, range(3000, 3400))))
    assert not any(map(forms.has, pickles(protocol, range(3000, 3010), Other)))
    assert not any(map(forms.has, pickles(protocol, range(3000, 3010), steps=4)))


def test_several_forms_of_a_class_are_learned_one_after_the_other() -> None:
    forms = Forms()
    for steps in (1, 2, 3, 4, 5):
        for data in pickles(4, range(1000, 1000 + 2 * ENOUGH), steps=steps):
            if not forms.has(data):
                forms.note(data)
    known = [all(map(forms.has, pickles(4, range(9000, 9050), steps=n))) for n in range(1, 6)]
    assert known == [True, True, True, True, False]  # so many are kept


def test_what_has_a_known_form_decodes_as_ever() -> None:
    jobs = [Job(number) for number in range(1000, 1600)]
    for job in jobs:
        root = decode(pickle.dumps(job, 4)).root
        assert pickle.loads(encode(decode(pickle.dumps(job, 4)))).__dict__ == vars(job)
        assert root.attributes()["jobname"] == job.jobname


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_damage_gives_a_known_form_to_what_the_exact_check_refuses(protocol: int) -> None:
    examples = pickles(protocol, range(1000, 1000 + ENOUGH))
    forms = taught(examples)
    chance = random.Random(protocol)
    known = 0
    for _ in range(20_000):
        data = bytearray(chance.choice(examples))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(AFTER_FRAME, len(data))
            piece = chance.choice(
                [
                    b"\x86\x94h\x02",
                    b"r\xff\xff\xff\x7f",
                    b"2\x86",
                    b"\x82\x01",
                    b"U\x01a",
                    b"t",
                    b"K",
                ]
            )
            act = chance.randrange(4)
            if act == 0:
                data[at] = chance.randrange(256)
            elif act == 1:
                data[at : at + chance.randint(1, 4)] = b""
            else:
                data[at : at + (act - 2) * len(piece)] = piece
        if forms.has(bytes(data)):
            known += 1
            seen = check(bytes(data))
            assert seen == Seen(protocol, python2=False)
    assert known > 500  # contents of texts and numbers were hit


def test_forms_of_costly_keys_are_not_learned() -> None:
    def nested(number: int, depth: int) -> bytes:
        key = b"M" + number.to_bytes(2, "little") + b"K\x01\x86" + b"2\x86" * depth
        return b"\x80\x04}\x8c\x25an attribute of a job like any other" + b"}" + key + b"K\x01ss."

    for depth, is_learned in ((3, True), (40, False)):
        examples = [nested(number, depth) for number in range(300, 300 + ENOUGH)]
        assert any(map(taught(examples).has, examples)) is is_learned


def test_what_begins_always_anew_is_not_kept() -> None:
    forms = taught(pickle.dumps([f"{number:030}", number], 4) for number in range(3_000))
    assert len(forms._heads) <= 256
    examples = pickles(4, range(1000, 1000 + ENOUGH))
    for data in examples:
        forms.note(data)
    assert all(map(forms.has, examples))
