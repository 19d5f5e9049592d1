"""The same pickle under another persistent ID.

An object knows the ID it is stored under, and GC3Pie refuses one that knows another. To put
one object's content in the place of another, its pickle is rewritten opcode by opcode: where
the value of `persistent_id` has just been made in the state of the root object, it is popped
and the new one pushed. All else stays byte for byte, and so do the indices of the memo. Only
FRAME opcodes are left out: they hold lengths, and no reader needs them.

References to other objects are rewritten in the same way, where an object goes to a store in
which the others have other IDs: before the opcode that takes the ID off the stack.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field

from persistence.errors import StoreError
from persistence.pickles.decode import Pickle, decode
from persistence.pickles.nodes import Object, Reference
from persistence.pickles.opcodes import Place, constant, memo_index, scan
from persistence.pickles.texts import text_of

__all__ = ["with_identity", "with_ids"]

_ID = "persistent_id"
_OTHER_NAME = "_id"  # where `Store.save` leaves the ID as well
_FRAME_SIZE = 9
_FRAME = 0x95
_PERSID, _BINPERSID = ord("P"), ord("Q")
_LONGEST_NAME = 200  # bytes; each character may be an escape of six
_SMALLEST_INT, _LARGEST_INT = -(2**31), 2**31 - 1


def with_identity(data: bytes, id_: str | int) -> bytes:
    """Return a pickle whose root object carries another persistent ID.

    Its `persistent_id` becomes `id_`, or is added; its `_id` becomes `id_` if it has one.

    Args:
        data: The pickle of an object with attributes.
        id_: The ID as the store writes it: GC3Pie's tables have integers.

    Raises:
        DecodeError: The pickle is damaged or hostile.
        StoreError: The root is no object that could carry an ID.

    >>> import pickle
    >>> from types import SimpleNamespace
    >>> pickle.loads(with_identity(pickle.dumps(SimpleNamespace(a=1)), "Job.7"))
    namespace(a=1, persistent_id='Job.7')
    """
    pickle = decode(data)
    if not isinstance(pickle.root, Object) or isinstance(pickle.root, Reference):
        raise _no_carrier()
    trace = _Trace(data)
    insertions = _insertions(pickle.root, trace, _Writer(pickle), id_)
    return _spliced(data, insertions, dict.fromkeys(trace.frames, _FRAME_SIZE), trace.end)


def with_ids(
    pickle: Pickle,
    id_: str | int | None,
    link: Callable[[Reference], str | int | None],
) -> bytes:
    r"""Return a pickle as another store has it, where objects have other persistent IDs.

    The `persistent_id` and `_id` of its root object become `id_` where it has them; nothing
    is added. A pickle in which nothing changes is returned as it is.

    Args:
        pickle: The decoded pickle.
        id_: The new ID of the object itself; None leaves what it has.
        link: Gives for a reference the ID to refer to instead; None leaves it.

    >>> with_ids(decode(b"\x80\x02]q\x00X\x01\x00\x00\x00aQa."), None, lambda reference: 7)
    b'\x80\x02]q\x00X\x01\x00\x00\x00a0J\x07\x00\x00\x00Qa.'
    """
    data, writer = pickle.data, _Writer(pickle)
    insertions: dict[int, bytes] = {}
    left_out: dict[int, int] = {}
    references = iter(pickle.references)
    frames: list[int] = []
    end = len(data)
    for place in scan(data):
        end = place.end
        if place.code == _FRAME:
            frames.append(place.offset)
        elif place.code in (_PERSID, _BINPERSID):
            new = link(next(references))
            if new is None:
                continue
            if place.code == _BINPERSID:
                insertions[place.offset] = _POP + writer.value(new)
            else:
                insertions[place.offset] = writer.reference(new)
                left_out[place.offset] = place.end - place.offset
    if id_ is not None and _carries_identity(pickle):
        trace = _Trace(data)
        for offset, value in _identity_insertions(trace, writer, id_)[0].items():
            # A value that is complete comes before what is put in the place of a reference.
            insertions[offset] = value + insertions.get(offset, b"")
    if not insertions:
        return data
    left_out.update(dict.fromkeys(frames, _FRAME_SIZE))
    return _spliced(data, insertions, left_out, end)


def _spliced(
    data: bytes, insertions: dict[int, bytes], left_out: dict[int, int], end: int
) -> bytes:
    """Return a pickle with insertions at some offsets, and without the bytes at others.

    Args:
        data: The pickle.
        insertions: Offset → what comes there.
        left_out: Offset → how many bytes from there on are left out.
        end: Where the pickle ends.
    """
    written: list[bytes] = []
    at = 0
    for offset in sorted({*insertions, *left_out}):
        written.append(data[at:offset])
        written.append(insertions.get(offset, b""))
        at = offset + left_out.get(offset, 0)
    written.append(data[at:end])
    return b"".join(written)


def _carries_identity(pickle: Pickle) -> bool:
    """Whether the root object may have its persistent ID among its attributes."""
    root = pickle.root
    if not isinstance(root, Object) or isinstance(root, Reference):
        return False
    return _ID in root.attributes()


def _identity_insertions(
    trace: _Trace, writer: _Writer, id_: str | int
) -> tuple[dict[int, bytes], bool]:
    """Return what to insert where for the IDs that the root has, and if it has the first."""
    insertions: dict[int, bytes] = {}
    has_id = False
    for state in trace.root.value.states:
        for dictionary in _dictionaries(state):
            for name, end in dictionary.value.items:
                if name in (_ID, _OTHER_NAME):
                    insertions[end] = _POP + writer.value(id_)
                    has_id = has_id or name == _ID
    return insertions, has_id


def _insertions(root: Object, trace: _Trace, writer: _Writer, id_: str | int) -> dict[int, bytes]:
    """Return what to insert where."""
    insertions, has_id = _identity_insertions(trace, writer, id_)
    if has_id:
        return insertions
    states = trace.root.value.states
    addition = writer.text(_ID) + writer.value(id_) + _SETITEM
    if states:
        attributes = _attributes(states[0])
        if attributes is None:
            raise _no_carrier()
        addition = addition + insertions.get(attributes.end, b"")
        insertions[attributes.end] = addition
    elif _may_have_attributes(root):
        insertions[trace.root.end] = _MARK_DICT + addition + _BUILD
    else:
        raise _no_carrier()
    return insertions


def _no_carrier() -> StoreError:
    return StoreError(
        "This object cannot be stored under another ID: it is not one that has attributes.",
        "Export it, and save it again with a program that has its class.",
    )


def _may_have_attributes(root: Object) -> bool:
    """Whether an object without any state is one that could have attributes."""
    if root.items or root.pairs or root.added or root.kwargs:
        return False
    if root.how == "new":
        return not root.args
    return root.cls.qualname == "_reconstructor" and root.args[2:] == (None,)


@dataclass(eq=False, slots=True)
class _Value:
    """One value that the pickle makes, as far as it matters here.

    Attributes:
        text: What it is, if it is a text.
        is_dict: Whether it is a dictionary.
        parts: What it holds, if it is a tuple.
        items: What was set in it: the key, if it is a text, and where its value is complete.
        states: What its state was set to.
    """

    text: str | None = None
    is_dict: bool = False
    parts: list[_Place] | None = None
    items: list[tuple[str | None, int]] = field(default_factory=list)
    states: list[_Place] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class _Place:
    """A value on the stack.

    Attributes:
        value: The value.
        end: Offset of the opcode after the last one that left it on top of the stack.
    """

    value: _Value
    end: int


def _dictionaries(state: _Place) -> list[_Place]:
    """Return the dictionaries in a state: itself, or those of a pair."""
    places = [state] if state.value.parts is None else state.value.parts
    return [place for place in places if place.value.is_dict]


def _attributes(state: _Place) -> _Place | None:
    """Return the dictionary of an object's attributes that are not in slots, if there is one."""
    place = state if state.value.parts is None else next(iter(state.value.parts), state)
    return place if place.value.is_dict else None


class _Trace:
    """What the opcodes of a sound pickle do to the root object, and where.

    Attributes:
        root: The value that was pickled.
        end: Length of the pickle up to and with its STOP opcode.
        frames: Offsets of the FRAME opcodes.
    """

    def __init__(self, data: bytes) -> None:
        self.frames: set[int] = set()
        self._stack: list[_Place | None] = []  # None is a mark
        self._memo: dict[int, _Value] = {}
        self._data = data
        for place in scan(data):
            opcode = _INFO[place.code]
            if opcode.name == "FRAME":
                self.frames.add(place.offset)
            if opcode.name != "STOP":
                self._do(opcode, place)
                if self._stack and self._stack[-1] is not None:
                    self._stack[-1].end = place.end
            self.end = place.end
        root = self._stack[-1]
        assert root is not None  # the pickle has been decoded
        self.root = root

    def _do(self, opcode: pickletools.OpcodeInfo, place: Place) -> None:
        name = opcode.name
        stack = self._stack
        if name in ("GET", "BINGET", "LONG_BINGET"):
            self._push(self._memo[self._index(place)])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            top = stack[-1]
            assert top is not None
            index = len(self._memo) if name == "MEMOIZE" else self._index(place)
            self._memo[index] = top.value
        elif name == "DUP":
            top = stack[-1]
            assert top is not None
            self._push(top.value)
        elif name == "MARK":
            stack.append(None)
        elif name == "POP":
            stack.pop()
        else:
            self._give(opcode, place, self._take(opcode))

    def _index(self, place: Place) -> int:
        index = memo_index(self._data, place)
        assert index is not None  # the pickle has been decoded
        return index

    def _push(self, value: _Value) -> None:
        self._stack.append(_Place(value, 0))

    def _take(self, opcode: pickletools.OpcodeInfo) -> list[_Place]:
        """Pop what an opcode uses; what is below a mark comes first."""
        count = len(opcode.stack_before)
        if pickletools.markobject not in opcode.stack_before:
            taken = self._stack[len(self._stack) - count :]
            del self._stack[len(self._stack) - count :]
            return [place for place in taken if place is not None]
        mark = len(self._stack) - 1
        while self._stack[mark] is not None:
            mark -= 1
        first = mark - opcode.stack_before.index(pickletools.markobject)
        taken = self._stack[first:]
        del self._stack[first:]
        return [place for place in taken if place is not None]

    def _give(self, opcode: pickletools.OpcodeInfo, place: Place, taken: list[_Place]) -> None:
        name = opcode.name
        if name in _CHANGES:
            target, *values = taken
            if name == "BUILD":
                target.value.states += values
            elif name in ("SETITEM", "SETITEMS"):
                _set_items(target.value, values)
            self._stack.append(target)
        elif name.startswith(("TUPLE", "EMPTY_TUPLE")):
            self._push(_Value(parts=taken))
        elif name in ("EMPTY_DICT", "DICT"):
            value = _Value(is_dict=True)
            _set_items(value, taken)
            self._push(value)
        elif name in _TEXTS:
            self._push(_Value(text=self._text(place)))
        else:
            for _ in opcode.stack_after:
                self._push(_Value())

    def _text(self, place: Place) -> str | None:
        """Return a text that may be a name of an attribute; None for longer ones."""
        if place.end - place.start > _LONGEST_NAME:
            return None
        text = constant(self._data, place)
        if isinstance(text, bytes):
            return text_of(text)
        return text if isinstance(text, str) else None


def _set_items(target: _Value, values: list[_Place]) -> None:
    for key, value in zip(values[::2], values[1::2], strict=False):
        target.items.append((key.value.text, value.end))


class _Writer:
    """Writes values with the opcodes that suit a pickle's protocol and its reader."""

    def __init__(self, pickle: Pickle) -> None:
        self._protocol = pickle.protocol
        self._python2 = pickle.python2

    def value(self, id_: str | int) -> bytes:
        return self._integer(id_) if isinstance(id_, int) else self.text(id_)

    def reference(self, id_: str | int) -> bytes:
        """Return a reference in the place of one that the pickle has in a line of text."""
        if isinstance(id_, str) and id_.isascii() and "\n" not in id_:
            return b"P" + id_.encode("ascii") + b"\n"
        return self.value(id_) + b"Q"

    def text(self, text: str) -> bytes:
        # Python 2 has its names as byte strings; a text that is none of ASCII is unicode there.
        is_byte_string = self._python2 and text.isascii()
        if self._protocol == 0:
            if is_byte_string:
                return b"S" + repr(text).encode("ascii") + b"\n"
            escaped = text.replace("\\", "\\u005c").replace("\n", "\\u000a")
            return b"V" + escaped.encode("raw-unicode-escape") + b"\n"
        if is_byte_string:
            return b"T" + len(text).to_bytes(4, "little") + text.encode("ascii")
        encoded = text.encode("utf-8", "surrogatepass")
        return b"X" + len(encoded).to_bytes(4, "little") + encoded

    def _integer(self, number: int) -> bytes:
        if self._protocol > 0 and _SMALLEST_INT <= number <= _LARGEST_INT:
            return b"J" + number.to_bytes(4, "little", signed=True)
        if self._python2 or self._protocol < 2:
            return b"L%dL\n" % number
        size = number.bit_length() // 8 + 1
        return b"\x8a" + bytes((size,)) + number.to_bytes(size, "little", signed=True)


_POP = b"0"
_SETITEM = b"s"
_BUILD = b"b"
_MARK_DICT = b"(d"  # an empty dictionary in every protocol

_INFO = {ord(info.code): info for info in pickletools.opcodes}
_CHANGES = frozenset(("BUILD", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"))
_TEXTS = frozenset(
    [
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
    ]
)
