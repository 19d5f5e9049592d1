"""Which bytes of a pickle made which value, and back.

`Spans` follows the opcodes and notes for each value on the stack from where to where it was
made, and what it was made of; then it walks that record and the decoded graph side by side,
by the paths that rows of the tree show. A value is found by where it is, never by identity:
small numbers and shared texts are one object in many places.

A value that the pickle has once and fetches again from the memo belongs to two ranges: the
one that fetches it at this place, and the one that made it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from math import isnan
from typing import Any, NamedTuple

from persistence.pickles.classes import set_members, shown_args
from persistence.pickles.decode import Pickle
from persistence.pickles.nodes import Object, Result, Unhashed, plain_state
from persistence.pickles.opcodes import UNKNOWN, Place, constant, scan
from persistence.pickles.parts import Entry, Members, Pairs
from persistence.pickles.paths import HOLDING, Special, joined, special, steps
from persistence.pickles.places import stored_slots
from persistence.pickles.slots import spelled
from persistence.pickles.tracing import TO_MARK, Trace

__all__ = ["Span", "Spans", "spans"]


class Span(NamedTuple):
    """Where a value is in a pickle, in bytes.

    Attributes:
        start: First byte of what puts it in its place.
        end: First byte behind that, with what is set in it there.
        made_start: First byte of what made it: the same, unless it is fetched from the memo.
        made_end: First byte behind that.
    """

    start: int
    end: int
    made_start: int
    made_end: int

    @property
    def is_fetched(self) -> bool:
        """Whether it was made elsewhere."""
        return self.start != self.made_start


class _Child(NamedTuple):
    """A value inside of another one.

    Attributes:
        part: What it adds to the path.
        value: The decoded value.
        event: Its event; -1 if it cannot be told which.
        first: The event of its key, if it has one; else the same.
        key: The decoded key, if it has one; `_KEY` if it is one.
    """

    part: str
    value: Any
    event: int
    first: int
    key: Any = UNKNOWN


def spans(pickle: Pickle) -> Spans:
    r"""Return the ranges of bytes of a pickle's values.

    >>> from persistence.pickles.decode import decode
    >>> found = spans(decode(b"](K\x01K\x02e."))
    >>> found.locate("[1]")
    Span(start=4, end=6, made_start=4, made_end=6)
    >>> found.path_at(2)
    '[0]'
    """
    return Spans(pickle)


class Spans:
    """The ranges of bytes of one pickle's values.

    Args:
        pickle: The decoded pickle, as it was decoded: its graph is compared with its bytes.

    Raises:
        DecodeError: It was decoded where an unpickler would have failed.
    """

    def __init__(self, pickle: Pickle) -> None:
        self._pickle = pickle
        self._record = _Record(pickle.data)
        self._root = self._record.run()

    def locate(self, path: str) -> Span:
        """Return the range of the value at a path: what rows show, or the place itself.

        For what has no bytes of its own, such as a row that an adapter computes, it is the
        range of the nearest value around it that has. So it is for an object in a set, which
        has no place there by which it could be told from others.

        Raises:
            PathError: It is no path.
        """
        stored = "".join(spelled(stored_slots(self._pickle, path), self._pickle.python2))
        value, event, at = self._pickle.root, self._root, 0
        while at < len(stored):
            child = self._child(value, event, stored, at)
            if child is None or child.event < 0:
                break
            at += len(child.part)
            value, event = child.value, child.event
        return self._span(event)

    def path_at(self, offset: int) -> str:
        """Return the path of the innermost value that a byte belongs to; "" is the root."""
        record = self._record
        value, event = self._pickle.root, self._root
        start, end = record.starts[event], record.ends[event]
        parts: list[str] = []
        while True:
            for child in self._children(value, event):
                if child.event < 0 or child.key is _KEY:
                    continue  # the tree has no row for a key beside the one for its item
                child_start, child_end = record.starts[child.first], record.ends[child.event]
                is_inside = start <= child_start <= offset < child_end <= end
                if is_inside and child_end - child_start < end - start:
                    break
            else:
                return joined(parts)
            parts.append(child.part)
            value, event, start, end = child.value, child.event, child_start, child_end
            if child.first != event and offset < record.ends[child.first]:
                # In its key, which may be a value with parts of its own.
                if not _has_own_rows(child):
                    return joined(parts)
                parts.append(_KEY)
                value, event, end = child.key, child.first, record.ends[child.first]
            elif _has_own_rows(child):
                parts.append(_VALUE)

    def _span(self, event: int) -> Span:
        record = self._record
        made = record.made_by[event]
        return Span(
            record.starts[event], record.ends[event], record.starts[made], record.ends[made]
        )

    def _child(self, value: Any, event: int, path: str, at: int) -> _Child | None:
        """Return the child that a path goes on to."""
        node = self._node(event)
        if node is None:
            return None
        if type(value) in (list, tuple):
            # Without counting up to it.
            closing = path.index("]", at)
            index = int(path[at + 1 : closing])
            if index >= len(node.parts):
                return None
            inner = node.parts[index]
            return _Child(path[at : closing + 1], value[index], inner, inner)
        for child in self._children(value, event):
            if path.startswith(child.part, at) and _ends_part(path, at + len(child.part)):
                return child
        return self._plain_key(value, node, path[at:])

    def _plain_key(self, value: Any, node: _Node, part: str) -> _Child | None:
        """Return a key that holds nothing, which no path goes on from."""
        number = Special(part[1:-1]).number("key ")
        if number is None or not isinstance(value, (dict, Object)):
            return None
        if isinstance(value, dict):
            keys, events = list(value), self._pairs(node, len(value))
        else:
            keys = [key for key, _ in value.pairs]
            events = _paired(node.pairs if node.is_object else node.parts)
        if number >= min(len(keys), len(events)):
            return None
        return _Child(part, keys[number], events[number][0], events[number][0])

    def _children(self, value: Any, event: int) -> Iterator[_Child]:
        """Iterate over what a value holds, in the order of `paths`."""
        node = self._node(event)
        if node is None:
            return
        if isinstance(value, (set, frozenset)):
            yield from self._members(value, node)
            return
        inner_steps = steps(value, self._pickle.python2)
        for (part, inner), (found, first, key) in zip(
            inner_steps, self._events(value, node), strict=False
        ):
            yield _Child(part, inner, found, first, key)

    # The events of what a value holds, in the order of `paths.steps`.

    def _events(self, value: Any, node: _Node) -> Iterator[tuple[int, int, Any]]:
        if isinstance(value, dict):
            yield from self._pair_events(value.items(), self._pairs(node, len(value)))
        elif isinstance(value, Object):
            yield from self._object_events(value, node)
        else:
            yield from _alone(node.parts)

    def _pair_events(
        self, pairs: Iterable[tuple[Any, Any]], events: Iterable[tuple[int, int]]
    ) -> Iterator[tuple[int, int, Any]]:
        for (key, _), (key_event, event) in zip(pairs, events, strict=False):
            if isinstance(key, HOLDING):
                yield key_event, key_event, _KEY
            yield event, key_event, key

    def _object_events(self, obj: Object, node: _Node) -> Iterator[tuple[int, int, Any]]:
        for found, attributes in reversed(list(self._state_events(obj, node))):
            inner = self._node(found)
            if attributes is None:
                yield found, found, UNKNOWN
            elif inner is not None:
                for key_event, event in self._pairs(inner, len(attributes)):
                    yield event, key_event, UNKNOWN
        if isinstance(obj, Unhashed):
            if obj.container == "dict":
                yield from self._pair_events(obj.pairs, _paired(node.parts))
            else:
                yield from _alone(node.parts)
            return
        yield from _alone(node.items)
        yield from self._pair_events(obj.pairs, _paired(node.pairs))
        yield from _alone(node.added)
        yield from _alone(self._argument_events(obj, node))
        keywords = self._node(node.kwargs)
        if obj.kwargs and keywords is not None:
            for key_event, event in self._pairs(keywords, len(obj.kwargs)):
                yield event, key_event, UNKNOWN
        if isinstance(obj, Result):
            yield node.callee, node.callee, UNKNOWN

    def _state_events(self, obj: Object, node: _Node) -> Iterator[tuple[int, Any]]:
        """Iterate over the parts of states: event, and the attributes if it has some."""
        for state, event in zip(obj.states, node.states, strict=False):
            plain = [id(attributes) for attributes in plain_state(state)]
            if not plain or type(state) is not tuple:
                yield event, state if plain else None
                continue
            whole = self._node(event)
            for inner, found in zip(state, whole.parts if whole else (), strict=False):
                if inner is not None:
                    yield found, inner if id(inner) in plain else None

    def _argument_events(self, obj: Object, node: _Node) -> Iterator[int]:
        whole = 0 if set_members(obj) is not None else shown_args(obj)[1]
        for index, event in enumerate(node.args):
            inner = self._node(event) if index == whole else None
            yield from (event,) if inner is None else inner.parts

    def _node(self, event: int) -> _Node | None:
        return self._record.nodes.get(self._record.made_by[event]) if event >= 0 else None

    def _pairs(self, node: _Node, count: int) -> list[tuple[int, int]]:
        """Return the keys and values of a dictionary as they are in the end."""
        pairs = _paired(node.parts)
        if len(pairs) == count:
            return pairs
        # Keys were set anew: each keeps its place in the order, with its last value.
        kept = {self._record.canonical(pair[0]): pair for pair in pairs}
        return list(kept.values())

    def _members(self, value: Any, node: _Node) -> Iterator[_Child]:
        """Iterate over a set, in which values are told by what they are."""
        events = {self._record.canonical(event): event for event in node.parts}
        children = list(Members(value).slice(0, len(value)))
        found = [events.pop(_canonical(child.value, _look_at_value), -1) for child in children]
        if found.count(-1) == 1 and len(events) == 1:
            found[found.index(-1)] = events.popitem()[1]
        for child, event in zip(children, found, strict=True):
            yield _Child(child.path_part, child.value, event, event)


class _Node:
    """What a value was made of: events, in order of appearance.

    Attributes:
        parts: Of a container: items, members, or keys and values in turn.
        is_frozenset: Whether it is a frozen set.
        is_object: Whether it is no container of Python's own.
        args: Of an object: arguments.
        kwargs: The dictionary of its keyword arguments; -1 if there is none.
        callee: What was called to make it; -1 if it is not known.
        states, items, pairs, added: What was then done to it.
    """

    __slots__ = (
        "added",
        "args",
        "callee",
        "is_frozenset",
        "is_object",
        "items",
        "kwargs",
        "pairs",
        "parts",
        "states",
    )

    def __init__(
        self, parts: Sequence[int] = (), *, is_object: bool = False, is_frozenset: bool = False
    ) -> None:
        self.is_object = is_object
        self.is_frozenset = is_frozenset
        self.parts = array("q", parts) if parts else _NOTHING
        self.args: Sequence[int] = ()
        self.kwargs = self.callee = -1
        # Lists are made where there is something to put into them.
        self.states = self.items = self.pairs = self.added = _NOTHING

    def put(self, name: str, events: Iterable[int]) -> None:
        there: array[int] = getattr(self, name)
        if there is _NOTHING:
            setattr(self, name, array("q", events))
        else:
            there.extend(events)


_NOTHING: array[int] = array("q")


class _Record(Trace[int]):
    """What a pickle makes, value by value. A value on the stack is the number of an event.

    Attributes:
        starts: First byte, by event.
        ends: First byte behind it, by event.
        made_by: The event that made the value, by event: another one if it is fetched.
        nodes: What a value was made of, by the event that made it.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.starts, self.ends, self.made_by = array("q"), array("q"), array("q")
        self.nodes: dict[int, _Node] = {}
        self._known: dict[int, Hashable] = {}

    def pushed(self, place: Place) -> int:
        event = self._event(place.offset, place.end)
        if place.code in _EMPTY:
            self.nodes[event] = _Node()
        elif place.code == _PERSID:
            self.nodes[event] = _Node(is_object=True)
        return event

    def made(self, place: Place, operands: list[int]) -> int:
        code = place.code
        start = self.mark_offset if code in TO_MARK else self.starts[operands[0]]
        event = self._event(start, place.end)
        if code in _CONTAINERS:
            self.nodes[event] = _Node(operands, is_frozenset=code == _FROZENSET)
        elif code not in _LEAVES:
            self.nodes[event] = self._object(code, operands)
        return event

    def _object(self, code: int, operands: list[int]) -> _Node:
        node = _Node(is_object=True)
        if code in (_INST, _BINPERSID):
            node.args = operands if code == _INST else ()
        elif code == _OBJ:
            node.callee, node.args = operands[0], operands[1:]
        else:
            node.callee = operands[0]
            args = self.nodes.get(self.made_by[operands[1]])
            node.args = args.parts if args is not None else ()
            node.kwargs = operands[2] if len(operands) > 2 else -1
        return node

    def changed(self, place: Place, target: int, operands: list[int]) -> None:
        self.ends[target] = place.end
        node = self.nodes.get(self.made_by[target])
        if node is not None:
            node.put("parts" if not node.is_object else _CHANGED[place.code], operands)

    def fetched(self, place: Place, value: int) -> int:
        return self._event(place.offset, place.end, self.made_by[value])

    def stored(self, place: Place, value: int) -> None:
        self.ends[value] = place.end

    def _event(self, start: int, end: int, made_by: int | None = None) -> int:
        event = len(self.starts)
        self.starts.append(start)
        self.ends.append(end)
        self.made_by.append(event if made_by is None else made_by)
        return event

    def canonical(self, event: int) -> Hashable:
        """Return what is equal for the keys of a dictionary that are equal."""
        made = self.made_by[event]
        if made not in self._known:
            self._known[made] = _canonical(made, self._look)
        return self._known[made]

    def _look(self, event: int) -> Any:
        event = self.made_by[event]
        code = self.data[self.starts[event]]
        node = self.nodes.get(event)
        if node is not None and not node.is_object:
            return (frozenset if node.is_frozenset else tuple), list(node.parts)
        if code in _NAMES:
            return "other", event
        value = constant(self.data, next(scan(self.data, self.starts[event])))
        return ("other", event) if value is UNKNOWN or _is_nan(value) else ("constant", value)


def _look_at_value(value: Any) -> Any:
    if type(value) in (tuple, frozenset):
        return type(value), list(value)
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return ("other", -id(value)) if _is_nan(value) else ("constant", value)
    return "other", -id(value)


def _canonical(root: Any, look: Callable[[Any], Any]) -> Hashable:
    """Return a value as tuples of what `look` says, without recursion."""
    done: list[list[Hashable]] = [[]]
    under_way: list[tuple[Any, list[Any]]] = [(None, [root])]
    while True:
        kind, left = under_way[-1]
        if left:
            found = look(left.pop(0))
            if found[0] in (tuple, frozenset):
                under_way.append(found)
                done.append([])
            else:
                done[-1].append(found)
            continue
        under_way.pop()
        parts = done.pop()
        if kind is None:
            return parts[0]
        done[-1].append((kind, kind(parts)))


def _is_nan(value: Any) -> bool:
    return type(value) is float and isnan(value)  # it is equal to nothing


def _alone(events: Iterable[int]) -> Iterator[tuple[int, int, Any]]:
    for event in events:
        yield event, event, UNKNOWN


def _paired(events: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(events[::2], events[1::2], strict=False))


def _ends_part(path: str, at: int) -> bool:
    return at >= len(path) or path[at - 1] in "])" or path[at] in ".[("


def _has_own_rows(child: _Child) -> bool:
    """Whether the tree shows key and value of an item as two rows below it."""
    if not isinstance(child.key, HOLDING):
        return False
    shown = next(Pairs([(child.key, child.value)]).slice(0, 1))
    return isinstance(shown.value, Entry)


_KEY, _VALUE = special("key"), special("value")  # what the tree has below such an item

_FROZENSET = 0x91
_EMPTY = frozenset(b")]}\x8f")
_CONTAINERS = frozenset(b"ltd\x85\x86\x87\x91")
_PERSID, _BINPERSID, _INST, _OBJ = b"PQio"
_LEAVES = frozenset(b"\x93\x98")
_NAMES = frozenset(b"c\x93\x82\x83\x84\x97")
_CHANGED = {
    ord("b"): "states",
    ord("a"): "items",
    ord("e"): "items",
    ord("s"): "pairs",
    ord("u"): "pairs",
    0x90: "added",
}
