"""What must hold for any bytes whatever that are taken for a pickle."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import islice

from persistence.errors import DecodeError, StoreError
from persistence.pickles import Pickle, decode, encode, find_references, present
from persistence.pickles.comparison import Comparison
from persistence.pickles.opcodes import opcodes
from persistence.pickles.safety import examine, safety
from persistence.pickles.search import search
from persistence.pickles.spans import spans
from persistence.summary import digest_of
from tests.helpers.nodes import difference_of_nodes

__all__ = ["SECONDS", "check"]

SECONDS = 2.0
"""Processor time for each step of the check."""

_SHOWN = 12


def check(data: bytes) -> Pickle | None:
    """Fail unless a pickle, honest or not, is dealt with as it must be.

    Returns:
        What it decodes to; None if it is refused.
    """
    with _Clock("what it would run"):
        examine(data)
    with _Clock("opcodes"):
        opcodes(data, len(data) // 2, 20)
    try:
        with _Clock("decode"):
            decoded = decode(data)
    except DecodeError as error:
        assert error.offset is None or 0 <= error.offset <= max(len(data), 1), error.offset
        return None
    with _Clock("show"):
        _show(decoded)
        digest_of(decoded)
        for _ in islice(find_references(decoded), 100):
            pass
    with _Clock("encode"):
        written = encode(decoded)
    with _Clock("decode again"):
        again = decode(written)
    assert difference_of_nodes(decoded, again) == ""
    with _Clock("safety"):
        safety(decoded)
    with _Clock("search"):
        for match in islice(search(decoded, "a"), 20):
            assert match.preview is not None
    with _Clock("compare"):
        assert Comparison(decoded, again).difference.total == 0
    # Spans are more exact than the unpickler in what they refuse.
    with _Clock("spans"), suppress(DecodeError):
        spans(decoded).path_at(len(data) // 2)
    return decoded


def _show(decoded: Pickle) -> None:
    pending, python2 = [decoded.root], decoded.python2
    for _ in range(_SHOWN):
        if not pending:
            return
        value = pending.pop()
        line = present.preview(value, python2=python2)
        assert line.isprintable()
        assert present.type_name(value, python2=python2).isprintable()
        assert len(present.text(value, 1_000, python2=python2)) <= 1_000
        with suppress(StoreError):  # it is longer
            present.expression(value, 10_000, python2=python2)
        count = present.child_count(value, python2=python2)
        for first in {0, max(count - 2, 0)}:
            pending += [child.value for child in present.children(value, first, 2, python2=python2)]


class _Clock:
    """Fails a step that takes too long."""

    def __init__(self, step: str) -> None:
        self._step = step

    def __enter__(self) -> None:
        self._began = time.process_time()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            spent = time.process_time() - self._began
            assert spent < SECONDS, f"{self._step} took {spent:.1f} s"
