"""PySide6 must not lose references to True and None.

PySide6 6.12.0 on Python 3.10 and 3.11 loses one `True` for each signal emission and one
`None` for each void call: after some thousands the interpreter aborts.
"""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QObject, Signal

CALLS = 1_000
SLACK = 100  # what the interpreter and the test itself may hold more or less


class Emitter(QObject):
    changed = Signal(bool)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="True and None no longer count")
@pytest.mark.skipif(
    sys.getrefcount(True) > 2**29, reason="True and None are immortal in this Python"
)
def test_emitting_a_signal_keeps_the_references_to_true(qapp: object) -> None:
    emitter = Emitter()
    seen = []
    emitter.changed.connect(seen.append)
    before = sys.getrefcount(True)
    for _ in range(CALLS):
        emitter.changed.emit(True)
    seen.clear()
    assert abs(sys.getrefcount(True) - before) < SLACK


@pytest.mark.skipif(
    sys.getrefcount(None) > 2**29, reason="True and None are immortal in this Python"
)
def test_calling_a_void_method_keeps_the_references_to_none(qapp: object) -> None:
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        thing.setObjectName("name")
    assert abs(sys.getrefcount(None) - before) < SLACK
