"""Whether two decoded pickles are the same graph."""

from __future__ import annotations

import struct
from typing import Any

from persistence.pickles import Global, Object, Pickle, Reference, Result
from persistence.pickles.nodes import ByteString, MissingBuffer, Unhashed


def difference_of_nodes(left: Pickle, right: Pickle) -> str:
    """Say where two decoded graphs differ in values, types or sharing; "" if nowhere."""
    # Protocols 0 and 1 have no opcode that declares them.
    if max(left.protocol, 1) != max(right.protocol, 1):
        return "protocol"
    # Not their order and number: a pickler may write a set's members in any order, and twice;
    # and what is made and dropped again is not written.
    if not {found.id for found in right.references} <= {found.id for found in left.references}:
        return "references"
    kept: list[Any] = []  # an `id` is only one's own while one lives
    partners: dict[int, int] = {}
    back: dict[int, int] = {}
    todo: list[tuple[Any, Any, Any]] = [(left.root, right.root, ())]
    while todo:
        a, b, path = todo.pop()
        if isinstance(a, Global) and a is b:
            continue
        if _kind(a, left) != _kind(b, right):
            return f"{_spelled(path)}: {_kind(a, left)} and {_kind(b, right)}"
        if isinstance(a, float):
            if struct.pack("d", a) != struct.pack("d", b):
                return f"{_spelled(path)}: {a!r} and {b!r}"
            continue
        if isinstance(a, (type(None), bool, int, str, bytes)):
            if a != b:
                return f"{_spelled(path)}: {a!r} and {b!r}"
            continue
        if a == () or a == frozenset():
            continue
        known = partners.get(id(a))
        if (known is None) != (back.get(id(b)) is None) or known not in (None, id(b)):
            return f"{_spelled(path)}: shared otherwise"
        if known is not None:
            continue
        partners[id(a)], back[id(b)] = id(b), id(a)
        parts_a, parts_b = _parts(a), _parts(b)
        kept += (parts_a, parts_b)
        if len(parts_a) != len(parts_b):
            return f"{_spelled(path)}: {len(parts_a)} and {len(parts_b)} parts"
        for index, (inner_a, inner_b) in enumerate(zip(parts_a, parts_b, strict=True)):
            todo.append((inner_a, inner_b, (path, index)))
    return ""


def _kind(value: Any, pickle: Pickle) -> str:
    # Byte strings are marked where there are real bytes beside them.
    is_byte_string = isinstance(value, ByteString) or (type(value) is bytes and pickle.python2)
    return "byte string" if is_byte_string else type(value).__name__


def _spelled(path: Any) -> str:
    parts = []
    while path:
        path, part = path
        parts.append(str(part))
    return "/".join(reversed(parts))


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        if any(isinstance(item, (Object, tuple, frozenset)) for item in value):
            return [len(value)]  # they come in any order
        return sorted(value, key=lambda item: (type(item).__name__, repr(item)))
    if isinstance(value, MissingBuffer):
        return []
    if isinstance(value, bytearray):
        return [value.hex()]
    if isinstance(value, memoryview):
        return [value.obj]
    assert isinstance(value, Object)
    if isinstance(value, Reference):
        return [value.pid]
    parts = [value.how, list(value.args), dict(value.kwargs), list(value.states)]
    parts += [list(value.items), list(value.pairs), list(value.added), list(value.order)]
    if isinstance(value, Result):
        parts.append(value.callee)
    if isinstance(value, Unhashed):
        parts.append(value.container)
    return parts
