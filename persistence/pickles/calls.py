"""Follows what the opcodes of a pickle would import, call and change."""

from __future__ import annotations

import re
from typing import NamedTuple

from persistence.errors import DecodeError
from persistence.pickles.findings import Action, Ledger
from persistence.pickles.opcodes import Place, constant
from persistence.pickles.risks import Judgement, Risk, is_dunder, judge, judge_import
from persistence.pickles.symbols import (
    CUT,
    KEPT_PARTS,
    LONGEST_NAME,
    LONGEST_PREVIEW,
    Constants,
    Thing,
    Value,
    place_at,
    shown_name,
    title,
)
from persistence.pickles.texts import quoted, shortened, text_of
from persistence.pickles.tracing import Trace

__all__ = ["Calls", "Nested"]

_LONGEST_CHAIN = 20
_FIRST_WITH_PYTHON3_NAMES = 3


class Nested(NamedTuple):
    """A pickle that is loaded by a pickle.

    Attributes:
        data: It.
        offset: Where its first byte is.
    """

    data: bytes
    offset: int


class Calls(Trace["Value"]):
    """Writes down what one pickle would do.

    Args:
        data: The pickle; it may be damaged.
        ledger: Where to write.
        shift: What to add to offsets, for a pickle that is inside of another.

    Attributes:
        nested: The pickles that it would load in turn.
    """

    def __init__(self, data: bytes, ledger: Ledger, shift: int = 0) -> None:
        super().__init__(data)
        self.nested: list[Nested] = []
        self._ledger = ledger
        self._shift = shift
        self._offset = 0  # of the opcode
        self._constants = Constants(data)
        self._judged: dict[tuple[str, str], Judgement] = {}
        self._imports: dict[str, tuple[Risk, str, str]] = {}
        self._seen_nested: set[int] = set()
        self._depth = 0  # of calls that are made by calls
        # Names and where they are; which are called by themselves, which are passed on.
        self._named: dict[tuple[str, str], list[int]] = {}
        self._used: set[tuple[str, str]] = set()
        self._passed_on: set[tuple[str, str]] = set()
        is_binary = data[:1] == b"\x80" and len(data) > 1
        self._python2_names = not is_binary or data[1] < _FIRST_WITH_PYTHON3_NAMES

    def follow(self) -> None:
        """Follow the pickle to its end.

        Raises:
            DecodeError: It is damaged; what comes before has been written down.
        """
        try:
            self.run()
        finally:
            self._write_names()

    # The opcodes.

    def pushed(self, place: Place) -> Value:
        code = place.code
        if code == _GLOBAL:
            self._offset = place.offset
            return self._global(*self._lines(place))
        if code in _CONTAINERS:
            return Thing(_CONTAINERS[code])
        if code in _EXTENSIONS:
            self._offset = place.offset
            number = int.from_bytes(self.data[place.start : place.end], "little")
            return self._extension(number)
        if code == _PERSID:
            self._offset = place.offset
            return self._reference(place.offset)
        if code == _NEXT_BUFFER:
            return Thing("buffer")
        return place.offset

    def made(self, place: Place, operands: list[Value]) -> Value:
        code = place.code
        self._offset = place.offset
        if code in _CONTAINERS:
            thing = Thing(_CONTAINERS[code], self._passed(operands))
            if thing.kind == "dict":
                self._note_planted(thing, operands)
            return thing
        if code == _STACK_GLOBAL:
            return self._stack_global(*operands)
        if code == _BINPERSID:
            return self._reference(operands[0])
        if code == _READONLY_BUFFER:
            return operands[0]
        if code == _REDUCE:
            return self._called(operands[0], self._arguments(operands[1]))
        if code == _INST:
            return self._called(self._global(*self._lines(place)), self._passed(operands))
        if code == _OBJ:
            if not operands:
                raise DecodeError("it makes an instance of nothing", place.offset)
            return self._called(operands[0], self._passed(operands[1:]))
        # NEWOBJ, NEWOBJ_EX
        arguments = self._arguments(operands[1])
        for keywords in operands[2:]:
            arguments += self._arguments(keywords)[1::2]
        return self._instance(operands[0], arguments)

    def changed(self, place: Place, target: Value, operands: list[Value]) -> None:
        self._offset = place.offset
        self._passed(operands)
        if isinstance(target, int):
            return  # not of a kind that could be changed: loading fails here
        if place.code == _BUILD:
            self._build(target, operands[0])
            return
        if target.kind in _PLAIN_KINDS:
            target.parts += operands[: KEPT_PARTS - len(target.parts)]
            target.count += len(operands)
            if target.kind == "dict":
                self._note_planted(target, operands)
            return
        for method in _METHODS.get(place.code, ()):
            if target.planted and method in target.planted:
                self._called(target.planted[method], operands)
        if target.kind == "name":
            self._alter(target, Action.ITEMS)
        else:
            self._write_change(target, Action.ITEMS, "Its own methods take what is put into it.")

    # Names.

    def _global(self, module: str, qualname: str) -> Thing:
        thing = self._name(module, qualname)
        offset = self._offset + self._shift
        self._named.setdefault((thing.module, thing.name), []).append(offset)
        risk, shown, reason = self._import(module)
        self._add(risk, Action.IMPORT, shown, reason)
        return thing

    def _import(self, module: str) -> tuple[Risk, str, str]:
        known = self._imports.get(module)
        if known is None:
            judged = judge_import(module)
            shown = shown_name(module)
            known = self._imports[module] = (judged.risk, shown, f"{shown} {judged.phrase}.")
        return known

    def _name(self, module: str, qualname: str) -> Thing:
        key = (module, qualname)
        judgement = self._judged.get(key)
        if judgement is None:
            judgement = judge(module, qualname, python2_names=self._python2_names)
            if CUT in module or CUT in qualname:
                judgement = judgement._replace(
                    risk=Risk.DANGEROUS, phrase="has a name so long that it must be to mislead"
                )
            self._judged[key] = judgement
        thing = Thing("name", judgement=judgement)
        thing.module, thing.name = key
        return thing

    def _stack_global(self, module: Value, name: Value) -> Value:
        texts = self._constants.text(module), self._constants.text(name)
        if texts[0] is None or texts[1] is None:
            phrase = "is taken by a name that is only made up while loading"
            judgement = Judgement(Risk.DANGEROUS, phrase, "")
            thing = Thing("made", (module, name), judgement)
            shown = f"<{self._constants.shown_all((module, name))}>"
            self._add(Risk.DANGEROUS, Action.NAME, "a computed name", f"It {phrase}.", shown)
            return thing
        return self._global(texts[0], texts[1])

    def _lines(self, place: Place) -> tuple[str, str]:
        lines = self.data[place.start : place.end].split(b"\n")[:2]
        module, name = (shortened(line.decode("utf-8", "replace"), LONGEST_NAME) for line in lines)
        return module, name

    def _extension(self, number: int) -> Thing:
        phrase = "is known to the program that loads it only, and can be any class or function"
        thing = Thing("made", (), Judgement(Risk.SUSPICIOUS, phrase, ""))
        subject = f"extension code {number}"
        self._add(Risk.SUSPICIOUS, Action.NAME, subject, f"Extension code {number} {phrase}.")
        return thing

    def _write_names(self) -> None:
        """Write down the names that are taken and not called: others may call them."""
        for key, offsets in self._named.items():
            judgement = self._judged[key]
            is_taken = key in self._passed_on or key not in self._used
            if not is_taken or judgement.risk is Risk.HARMLESS:
                continue
            subject = shown_name(".".join(part for part in key if part))
            for offset in offsets:
                self._ledger.add(
                    judgement.risk, Action.NAME, subject, f"{subject} {judgement.phrase}.", offset
                )

    # Calls.

    def _called(self, callee: Value, arguments: list[Value]) -> Value:
        """Take note of a call, and of what it calls in turn; return what it gives."""
        if self._depth == _LONGEST_CHAIN:
            phrase = "is called through too many others to be followed"
            return self._write_call(
                Action.CALL, callee, arguments, Judgement(Risk.DANGEROUS, phrase, "")
            )
        self._depth += 1
        try:
            return self._follow_call(callee, arguments)
        finally:
            self._depth -= 1

    def _follow_call(self, callee: Value, arguments: list[Value]) -> Value:
        for _ in range(_LONGEST_CHAIN):
            inner = self._through(callee, arguments)
            if inner is None:
                break
            callee, arguments = inner
        if isinstance(callee, Thing) and callee.kind == "name":
            return self._call_name(callee, arguments)
        risk, phrase = Risk.SUSPICIOUS, "is no function: loading would fail here"
        if isinstance(callee, Thing) and callee.kind in ("made", "reference"):
            risk = max(risk, callee.judgement.risk)
            phrase = "is called without a name of its own: what runs can hardly be told"
        return self._write_call(Action.CALL, callee, arguments, Judgement(risk, phrase, ""))

    def _call_name(self, callee: Thing, arguments: list[Value]) -> Value:
        self._used.add((callee.module, callee.name))
        name = callee.judgement.name
        judgement = callee.judgement
        if name in _ATTRIBUTE_GETTERS and len(arguments) >= 2:
            return self._attribute(callee, arguments)
        if name in _IMPORTERS and arguments:
            module = self._constants.text(arguments[0])
            self._write_call(Action.CALL, callee, arguments, judgement)
            if module is not None:
                return self._global(*module.replace(":", " ", 1).partition(" ")[::2])
            return _made(callee, arguments, judgement)
        if name in _APPLIERS and len(arguments) >= 2:
            self._write_call(Action.CALL, callee, arguments, judgement)
            return self._called(arguments[0], self._arguments(arguments[1]))
        if name in _MAKERS and arguments:
            # The class is the first argument.
            self._write_call(Action.CALL, callee, arguments, judgement)
            return self._instance(arguments[0], arguments[1:])
        if name == "codecs.encode" and len(arguments) > 1:
            codec = self._constants.text(arguments[1]) or ""
            if codec.lower().replace("-", "").replace("_", "") in _PLAIN_CODECS:
                judgement = Judgement(Risk.HARMLESS, "makes bytes of a text", name)
            else:
                judgement = Judgement(
                    Risk.SUSPICIOUS, "decodes or unpacks data, which can hide what follows", name
                )
        elif name == "builtins.type" and len(arguments) == 1:
            judgement = Judgement(Risk.HARMLESS, "gives the class of a value", name)
        elif name in _UNPICKLERS:
            self._unpickle(arguments)
        return self._write_call(Action.CALL, callee, arguments, judgement)

    def _through(self, callee: Value, arguments: list[Value]) -> tuple[Value, list[Value]] | None:
        """Return what is called if one calls what another call gave, if that can be told."""
        maker = callee.maker if isinstance(callee, Thing) else None
        if isinstance(callee, int) or not isinstance(maker, Thing) or maker.kind != "name":
            return None
        how, made_with = maker.judgement.name, callee.parts
        if how == "functools.partial" and made_with:
            return made_with[0], made_with[1:] + arguments
        if how == "operator.attrgetter" and len(made_with) == 1 and arguments:
            return self._getattr, [arguments[0], made_with[0]]
        if how == "operator.methodcaller" and made_with and arguments:
            method = self._attribute(self._getattr, [arguments[0], made_with[0]])
            return method, made_with[1:]
        return None

    @property
    def _getattr(self) -> Thing:
        return self._name("builtins", "getattr")

    def _attribute(self, callee: Thing, arguments: list[Value]) -> Value:
        """Take note of `getattr`."""
        target, name = arguments[0], self._constants.text(arguments[1])
        if name is None:
            phrase = "takes an attribute whose name is only made up while loading"
            judgement = Judgement(Risk.DANGEROUS, phrase, callee.judgement.name)
            return self._write_call(Action.CALL, callee, arguments, judgement)
        if isinstance(target, Thing) and target.kind == "name":
            inner = shortened(f"{target.name}.{name}".lstrip("."), LONGEST_NAME)
            found = self._name(target.module, inner)
            self._used.add((target.module, target.name))
            self._used.add((target.module, inner))
            phrase = f"gives {title(found)}, which {found.judgement.phrase}"
            judgement = Judgement(found.judgement.risk, phrase, callee.judgement.name)
            self._write_call(Action.CALL, callee, arguments, judgement)
            return found
        risk = target.judgement.risk if isinstance(target, Thing) else Risk.STANDARD
        phrase = f"gives the attribute {shown_name(name)} of an object"
        if any(is_dunder(part) for part in name.split(".")):
            risk, phrase = max(risk, Risk.SUSPICIOUS), f"gives {shown_name(name)}, an inner part"
        if isinstance(target, Thing) and target.kind == "made":
            risk = max(risk, Risk.YOURS)
        judgement = Judgement(max(risk, Risk.STANDARD), phrase, callee.judgement.name)
        return self._write_call(Action.CALL, callee, arguments, judgement)

    def _instance(self, cls: Value, arguments: list[Value]) -> Value:
        """Take note that an instance is made by the `__new__` of its class."""
        if isinstance(cls, int) or cls.kind != "name":
            return self._called(cls, arguments)
        self._used.add((cls.module, cls.name))
        judgement = cls.judgement
        if judgement.risk is Risk.YOURS:
            phrase = f"{judgement.phrase}; an instance is made by its __new__"
            judgement = judgement._replace(phrase=phrase)
        return self._write_call(Action.MAKE, cls, arguments, judgement)

    def _write_call(
        self, action: Action, callee: Value, arguments: list[Value], judgement: Judgement
    ) -> Value:
        is_named = isinstance(callee, Thing) and callee.kind == "name"
        subject = title(callee) if is_named else f"the result of {title(callee)}"
        detail = ""
        if judgement.risk >= Risk.SUSPICIOUS and not self._ledger.is_full(judgement.risk):
            # Each such call is shown with its arguments.
            detail = shortened(
                f"{subject}({self._constants.shown_all(arguments)})", LONGEST_PREVIEW
            )
        reason = f"{subject if is_named else 'It'} {judgement.phrase}."
        self._add(judgement.risk, action, subject, reason, detail)
        return _made(callee, arguments, judgement)

    def _unpickle(self, arguments: list[Value]) -> None:
        source = arguments[0] if arguments else None
        if isinstance(source, Thing) and source.judgement.name == "codecs.encode":
            # Protocols below 3 have bytes as a text and the call that encodes it.
            source = source.parts[0]
        if not isinstance(source, int) or source in self._seen_nested:
            return
        self._seen_nested.add(source)
        place = place_at(self.data, source)
        data = constant(self.data, place)
        if isinstance(data, str):
            data = data.encode("latin-1", "replace")
        if isinstance(data, bytes):
            self.nested.append(Nested(data, place.start + self._shift))

    # States and items.

    def _build(self, target: Thing, state: Value) -> None:
        if target.planted and "__setstate__" in target.planted:
            self._called(target.planted["__setstate__"], [state])
            return
        is_tuple = isinstance(state, Thing) and state.kind == "tuple" and state.count > 1
        if target.judgement.name == "functools.partial" and is_tuple:
            # Its state has the function and the arguments anew.
            function, *rest = self._arguments(state)
            target.parts = [function, *self._arguments(rest[0])]
        for part in self._states(state):
            planted = part.planted or {}
            for name, value in planted.items():
                self._plant(target, name, value)
        if target.kind == "name":
            self._alter(target, Action.STATE)
        elif target.kind != "reference":
            reason = "Its __setstate__ runs if its class has one; else attributes are set."
            self._write_change(target, Action.STATE, reason)

    def _states(self, state: Value) -> list[Thing]:
        """Return the dictionaries of attributes that a state is made of."""
        parts = [state]
        if isinstance(state, Thing) and state.kind == "tuple" and state.count == 2:
            parts = state.parts
        return [part for part in parts if isinstance(part, Thing) and part.kind == "dict"]

    def _plant(self, target: Thing, name: str, value: Value) -> None:
        is_callable = isinstance(value, Thing) and value.kind in ("name", "made")
        if name in _CALLED_BY_MACHINE and not is_callable:
            return  # an attribute that only has the name of one
        risk = value.judgement.risk if isinstance(value, Thing) else Risk.HARMLESS
        risk = max(risk, Risk.SUSPICIOUS)
        shown = self._constants.shown(value)
        detail = shortened(f"{title(target)}: {shown_name(name)} = {shown}", LONGEST_PREVIEW)
        reason = f"An attribute {shown_name(name)} of an object is called or used by Python itself."
        self._add(risk, Action.STATE, title(target), reason, detail)
        if is_callable:
            target.planted = {**(target.planted or {}), name: value}

    def _note_planted(self, target: Thing, operands: list[Value]) -> None:
        """Keep the keys of a dictionary that would mean something as attributes."""
        for key, value in zip(operands[::2], operands[1::2], strict=False):
            if isinstance(key, int) and _MAY_MEAN.match(self.data, key):
                name = constant(self.data, place_at(self.data, key), LONGEST_NAME)
                name = text_of(name) if isinstance(name, bytes) else name
                if isinstance(name, str) and (name in _CALLED_BY_MACHINE or is_dunder(name)):
                    target.planted = target.planted or {}
                    target.planted[name[:LONGEST_NAME]] = value

    def _write_change(self, target: Thing, action: Action, reason: str) -> None:
        """Take note that an object gets its contents."""
        risk, name = target.judgement.risk, title(target)
        if risk >= Risk.SUSPICIOUS:
            risk, reason = Risk.SUSPICIOUS, f"It came of a call: {name} {target.judgement.phrase}."
            name = f"what {name} gave"
        self._add(risk, action, name, reason)

    def _alter(self, target: Thing, action: Action) -> None:
        """Take note that a class, function or module itself is changed, for all who use it."""
        # It may be what some other name, harmless by itself, leads to from then on.
        self._used.add((target.module, target.name))
        reason = "It is changed itself, for the whole program that loads it."
        self._add(Risk.DANGEROUS, action, title(target), reason)

    def _reference(self, pid: Value) -> Thing:
        thing = Thing("reference", (pid,))
        shown = self._constants.shown(pid)
        risk = Risk.YOURS
        reason = "The store loads the object of this ID, and all runs that this makes run."
        if self.data[self._offset] == _PERSID:
            place = place_at(self.data, self._offset)
            text: str | None = text_of(self.data[place.start : place.end - 1][:LONGEST_NAME])
            shown = quoted(text or "")
        else:
            text = self._constants.text(pid)
        if text and any(mark in text for mark in ("/", "\\", "..", "\0")):
            risk = Risk.SUSPICIOUS
            reason = "The ID is a path: a store of files could be made to read outside of itself."
        self._add(risk, Action.REFERENCE, shortened(shown, LONGEST_PREVIEW), reason)
        return thing

    # Values.

    def _passed(self, values: list[Value]) -> list[Value]:
        """Return values that are passed on: functions among them may be called by others."""
        for value in values:
            if type(value) is Thing and value.judgement.risk >= Risk.SUSPICIOUS:
                self._passed_on.add((value.module, value.name))
        return values

    def _arguments(self, value: Value) -> list[Value]:
        if isinstance(value, Thing) and value.kind in _PLAIN_KINDS:
            return value.parts[:]
        return [value]

    def _add(self, risk: Risk, action: Action, subject: str, reason: str, detail: str = "") -> None:
        self._ledger.add(risk, action, subject, reason, self._offset + self._shift, detail=detail)


def _made(maker: Value, arguments: list[Value], judgement: Judgement) -> Thing:
    thing = Thing("made", arguments, judgement)
    thing.maker = maker
    return thing


_GLOBAL, _STACK_GLOBAL, _PERSID, _BINPERSID = b"c\x93PQ"
_REDUCE, _BUILD, _INST, _OBJ = b"Rbio"
_NEXT_BUFFER, _READONLY_BUFFER = b"\x97\x98"
_EXTENSIONS = frozenset(b"\x82\x83\x84")
_CONTAINERS = {
    **dict.fromkeys(b"]l", "list"),
    **dict.fromkeys(b")t\x85\x86\x87", "tuple"),
    **dict.fromkeys(b"}d", "dict"),
    0x8F: "set",
    0x91: "frozenset",
}
_PLAIN_KINDS = frozenset(_CONTAINERS.values())
# What the machine calls on an object that is no plain list, dictionary or set.
_METHODS = {ord("a"): ("append",), ord("e"): ("extend", "append"), 0x90: ("add",)}
_CALLED_BY_MACHINE = frozenset(("append", "extend", "add", "__setstate__"))
# A key that could be such a name: quick to see, before it is read. Text forms have escapes.
_MAY_MEAN = re.compile(rb"[VS]|[XTU\x8c\x8d].{0,8}(?:__|append|extend|add)", re.DOTALL)

_ATTRIBUTE_GETTERS = frozenset(("builtins.getattr", "inspect.getattr_static"))
_IMPORTERS = frozenset((
    "importlib.import_module", "importlib.__import__", "builtins.__import__", "pydoc.locate",
    "pkgutil.resolve_name",
))  # fmt: skip
_APPLIERS = frozenset(("builtins.apply",))
_MAKERS = frozenset((
    "copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__",
    "numpy.core.multiarray._reconstruct",
))  # fmt: skip
_UNPICKLERS = frozenset(("pickle.loads", "pickle._loads", "dill.loads", "cloudpickle.loads"))
_PLAIN_CODECS = frozenset(("latin1", "iso88591", "ascii", "utf8"))
