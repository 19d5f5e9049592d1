"""The pickle machine in Python: slower than the C unpickler, but it knows where it is.

It takes what the C unpickler cannot: instances of classes that are themselves the result of
a call (`getattr(module, "Outer.Inner")`, classes that cloudpickle carries inside the pickle)
or of a persistent ID, and dictionaries and sets whose keys cannot be hashed. It keeps apart
what the C unpickler makes the same of: byte strings of Python 2 and bytes, instances of
classes of old and of new. And where a pickle is at fault, `Machine.offset` is the opcode.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, Literal

from persistence.pickles.nodes import (
    ByteString,
    Global,
    MissingBuffer,
    Object,
    Reference,
    Result,
    Unhashed,
)
from persistence.pickles.opcodes import READERS, Place, memo_index, scan

__all__ = ["MARK", "Machine"]

MARK = object()
"""What a MARK opcode leaves on the stack."""


class Machine:
    """Decodes one pickle that `guards.check` has passed.

    Args:
        data: The pickle.
        find: Gives the global of a module and a name.
        references: Takes the persistent IDs, in order of appearance.

    Attributes:
        offset: Where the opcode begins that is being executed.
        stack: The values that are not yet put together; `MARK` for marks.
    """

    def __init__(
        self, data: bytes, find: Callable[[str, str], Global], references: list[Reference]
    ) -> None:
        self.offset = 0
        self._data = data
        self._find = find
        self._references = references
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._byte_string: type[bytes] = bytes
        # The dictionaries and sets, and where each was made, by `id`.
        self._made_at: dict[int, tuple[Any, int]] = {}
        self._unhashed: set[int] = set()  # offsets of those with keys that cannot be hashed

    def load(self, *, is_mixed: bool = False) -> Any:
        """Return what was pickled; raises whatever error its values cause.

        Args:
            is_mixed: Whether there are byte strings of Python 2 as well as bytes.
        """
        self._byte_string = ByteString if is_mixed else bytes
        root = self._run()
        if self._unhashed:
            # Others may already have held these before their keys came: make them anew.
            self._references.clear()
            self.stack.clear()
            self._memo.clear()
            self._made_at.clear()
            root = self._run()
        return root

    def _run(self) -> Any:
        data, push = self._data, self.stack.append
        read, act = READERS, _ACTIONS  # local names: this runs for every opcode
        for place in scan(data):
            self.offset, code, start, end = place
            if code in act:
                act[code](self, place)
            elif code in read:
                push(read[code](data[start:end]))
            elif code == _STOP:
                return self._pop()
        raise EOFError

    # The stack and the memo.

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is MARK:
            raise ValueError("it takes a value where there is only a mark")
        return value

    def _pop_to_mark(self) -> list[Any]:
        position = len(self.stack) - 1
        while self.stack[position] is not MARK:
            position -= 1
        values = self.stack[position + 1 :]
        del self.stack[position:]
        return values

    def _top(self) -> Any:
        value = self.stack[-1]
        if value is MARK:
            raise ValueError("it takes a value where there is only a mark")
        return value

    def _do_mark(self, _: Place) -> None:
        self.stack.append(MARK)

    def _do_pop(self, _: Place) -> None:
        self.stack.pop()

    def _do_pop_mark(self, _: Place) -> None:
        self._pop_to_mark()

    def _do_dup(self, _: Place) -> None:
        self.stack.append(self._top())

    def _do_memoize(self, _: Place) -> None:
        self._memo[len(self._memo)] = self._top()

    def _do_put(self, place: Place) -> None:
        self._memo[self._index(place)] = self._top()

    _do_binput = _do_long_binput = _do_put

    def _do_get(self, place: Place) -> None:
        index = self._index(place)
        if index not in self._memo:
            raise ValueError(f"it gets memo {index}, which was not put")
        self.stack.append(self._memo[index])

    _do_binget = _do_long_binget = _do_get

    def _index(self, place: Place) -> int:
        index = memo_index(self._data, place)
        if index is None:
            raise ValueError("its argument is no index of the memo")
        return index

    # Texts and names.

    def _do_string(self, place: Place) -> None:
        text = READERS[place.code](self._data[place.start : place.end])
        self.stack.append(self._byte_string(text))

    _do_binstring = _do_short_binstring = _do_string

    def _do_bytearray8(self, place: Place) -> None:
        self.stack.append(bytearray(self._data[place.start : place.end]))

    def _do_global(self, place: Place) -> None:
        module, name = self._lines(place)
        self.stack.append(self._find(module.decode(), name.decode()))

    def _do_stack_global(self, _: Place) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise ValueError("it names a class or function by something that is not a text")
        self.stack.append(self._find(module, name))

    def _do_persid(self, place: Place) -> None:
        self._refer(self._lines(place)[0].decode("ascii"))

    def _do_binpersid(self, _: Place) -> None:
        self._refer(self._pop())

    def _refer(self, pid: Any) -> None:
        reference = Reference.to(pid)
        self._references.append(reference)
        self.stack.append(reference)

    def _lines(self, place: Place) -> list[bytes]:
        return self._data[place.start : place.end - 1].split(b"\n")

    # Containers.

    def _do_empty_dict(self, _: Place) -> None:
        self.stack.append(self._hashed(dict, "dict"))

    def _do_empty_set(self, _: Place) -> None:
        self.stack.append(self._hashed(set, "set"))

    def _do_empty_list(self, _: Place) -> None:
        self.stack.append([])

    def _do_empty_tuple(self, _: Place) -> None:
        self.stack.append(())

    def _do_tuple(self, _: Place) -> None:
        self.stack.append(tuple(self._pop_to_mark()))

    def _do_tuple1(self, _: Place) -> None:
        self.stack.append((self._pop(),))

    def _do_tuple2(self, _: Place) -> None:
        last, first = self._pop(), self._pop()
        self.stack.append((first, last))

    def _do_tuple3(self, _: Place) -> None:
        last, middle, first = self._pop(), self._pop(), self._pop()
        self.stack.append((first, middle, last))

    def _do_list(self, _: Place) -> None:
        self.stack.append(self._pop_to_mark())

    def _do_dict(self, _: Place) -> None:
        items = self._pop_to_mark()
        self.stack.append(self._hashed(dict, "dict"))
        self._set_items(items)

    def _do_frozenset(self, _: Place) -> None:
        items = self._pop_to_mark()
        try:
            self.stack.append(frozenset(items))
        except (TypeError, ValueError):
            unhashed = Unhashed.of("frozenset")
            unhashed.added = items
            self.stack.append(unhashed)

    def _do_append(self, _: Place) -> None:
        item = self._pop()
        self.stack[-1].extend([item])

    def _do_appends(self, _: Place) -> None:
        items = self._pop_to_mark()
        self.stack[-1].extend(items)

    def _do_setitem(self, _: Place) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _do_setitems(self, _: Place) -> None:
        self._set_items(self._pop_to_mark())

    def _do_additems(self, _: Place) -> None:
        items = self._pop_to_mark()
        target = self.stack[-1]
        for item in items:
            try:
                target.add(item)
            except (TypeError, ValueError):
                self._note_unhashed(target)

    def _set_items(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise ValueError("it sets a key without a value")
        target = self.stack[-1]
        for position in range(0, len(items), 2):
            try:
                target[items[position]] = items[position + 1]
            except (TypeError, ValueError):
                self._note_unhashed(target)

    def _hashed(self, make: Callable[[], Any], kind: Literal["dict", "set"]) -> Any:
        """Make an empty dictionary or set, or what stands for one with keys of any kind."""
        made = Unhashed.of(kind) if self.offset in self._unhashed else make()
        self._made_at[id(made)] = (made, self.offset)
        return made

    def _note_unhashed(self, target: Any) -> None:
        """Go on from an item that a dictionary or set refused; raise for anything else."""
        made = self._made_at.get(id(target))
        if made is None:
            raise  # noqa: PLE0704 — called where an error is being handled
        self._unhashed.add(made[1])

    def _do_next_buffer(self, _: Place) -> None:
        self.stack.append(MissingBuffer())

    def _do_readonly_buffer(self, _: Place) -> None:
        view = memoryview(self._pop())
        self.stack.append(view.obj if view.readonly else view.toreadonly())

    # Objects.

    def _do_reduce(self, _: Place) -> None:
        args, callee = self._pop(), self._pop()
        self.stack.append(_make(callee, _tuple(args), {}, "call"))

    def _do_newobj(self, _: Place) -> None:
        args, cls = self._pop(), self._pop()
        self.stack.append(_make(cls, _tuple(args), {}, "new"))

    def _do_newobj_ex(self, _: Place) -> None:
        kwargs, args, cls = self._pop(), self._pop(), self._pop()
        if type(kwargs) is not dict or not all(type(name) is str for name in kwargs):
            raise ValueError("its keyword arguments are not a dictionary of names")
        self.stack.append(_make(cls, _tuple(args), kwargs, "new"))

    def _do_obj(self, _: Place) -> None:
        cls, *args = self._pop_to_mark()
        self.stack.append(_make(cls, tuple(args), {}, "instance"))

    def _do_inst(self, place: Place) -> None:
        module, name = self._lines(place)
        args = self._pop_to_mark()
        cls = self._find(module.decode(), name.decode())
        self.stack.append(_make(cls, tuple(args), {}, "instance"))

    def _do_build(self, _: Place) -> None:
        state, obj = self._pop(), self._top()
        if not isinstance(obj, Object):
            raise ValueError(f"it sets the state of {_article(obj)}")
        obj.__setstate__(state)


_How = Literal["new", "call", "instance"]


def _make(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any], how: _How) -> Any:
    if isinstance(cls, Global):
        made: Object = cls.__new__(cls, *args, **kwargs)  # type: ignore[arg-type]
        made.how = how
        return made
    if isinstance(cls, Object):
        return Result.of(cls, args, kwargs or {}, how)
    raise ValueError(f"it calls {_article(cls)}")


def _tuple(args: Any) -> tuple[Any, ...]:
    if type(args) is not tuple:
        raise ValueError(f"it calls with {_article(args)} in place of a tuple of arguments")
    return args


def _article(value: Any) -> str:
    return "a class" if isinstance(value, Global) else f"a value of type {type(value).__name__}"


_NAMES = {ord(info.code): info.name for info in pickletools.opcodes}
_ACTIONS: dict[int, Callable[[Machine, Place], None]] = {
    code: getattr(Machine, f"_do_{name.lower()}")
    for code, name in _NAMES.items()
    if hasattr(Machine, f"_do_{name.lower()}")
}
_STOP = ord(".")
