"""What is new in a pickle, in the form that the pickle has such things in."""

from __future__ import annotations

import re
from _compat_pickle import REVERSE_IMPORT_MAPPING, REVERSE_NAME_MAPPING
from typing import Any

from persistence.pickles.decode import decode
from persistence.pickles.nodes import Object, Reference, Result
from persistence.pickles.texts import text_of

__all__ = [
    "DEFAULT_PROTOCOL",
    "bytes_like",
    "called_again",
    "global_of",
    "member_of",
    "reference_like",
]

DEFAULT_PROTOCOL = 4
_NEWEST_WITH_OLD_NAMES = 2  # protocol
_FIRST_WITH_DOTS = 4


def global_of(name: str, protocol: int = DEFAULT_PROTOCOL) -> Any:
    """Return the class or function of a name, as a pickle of a protocol has it.

    Args:
        name: Its module and qualified name. If there is no colon between them, the qualified
            name begins at the first word with a capital, else at the last one.
        protocol: The pickle protocol. Older ones than 4 take a nested class out of the outer
            one by `getattr`; older ones than 3 use Python 2's names where it had others.

    >>> global_of("jobs.sweep:Outer.Inner"), global_of("collections.OrderedDict")
    (<Global jobs.sweep.Outer.Inner>, <Global collections.OrderedDict>)
    """
    module, qualname = _split(name)
    if protocol <= _NEWEST_WITH_OLD_NAMES:
        module, qualname = REVERSE_NAME_MAPPING.get(
            (module, qualname), (REVERSE_IMPORT_MAPPING.get(module, module), qualname)
        )
    first, *others = [qualname] if protocol >= _FIRST_WITH_DOTS else qualname.split(".")
    if "\n" in name:
        raise ValueError("a name cannot have several lines")
    found: Any = decode(b"c" + module.encode() + b"\n" + first.encode() + b"\n.").root
    for inner in others:
        found = member_of(found, inner, protocol)
    return found


def reference_like(id_: str, model: Reference | None, *, python2: bool = False) -> Reference:
    """Return a reference to an ID, in the form that another one has it in.

    Args:
        id_: The ID as stores give it.
        model: The other one; without it the ID is a text.
        python2: Whether a text is a byte string, if there is no model.

    Raises:
        ValueError: The ID cannot be in this form.

    >>> reference_like("12", Reference.to(7)).pid
    12
    """
    pid = bytes(0) if model is None and python2 else "" if model is None else model.pid
    return Reference.to(_pid_like(id_, pid))


def bytes_like(text: str, other: bytes) -> bytes:
    r"""Return a text as a byte string of Python 2, in Latin-1 if another one was in it.

    >>> bytes_like("réplica", b"\xe9"), bytes_like("réplica", b"")
    (b'r\xe9plica', b'r\xc3\xa9plica')
    """
    data = text.encode("utf-8")
    try:
        other.decode()
    except UnicodeDecodeError:
        try:
            in_latin = text.encode("latin-1")
        except UnicodeEncodeError:
            return data
        # Some texts in Latin-1 would be read as UTF-8.
        return in_latin if text_of(in_latin) == text else data
    return data


def _split(name: str) -> tuple[str, str]:
    module, colon, qualname = name.partition(":")
    if not colon:
        words = name.split(".")
        capital = next(
            (i for i, word in enumerate(words) if i and word[:1].isupper()), len(words) - 1
        )
        module, qualname = ".".join(words[:capital]), ".".join(words[capital:])
    if not module or not qualname:
        raise ValueError(f"{name} is no name of a class with its module, such as jobs.Job")
    return module, qualname


def member_of(owner: Any, name: str, protocol: int) -> Object:
    """Return what stands for an attribute of a class: a member of an enumeration."""
    made: Object = global_of("builtins.getattr", protocol)(owner, name)
    return made


def _pid_like(id_: str, pid: Any) -> Any:
    if isinstance(pid, str):
        return id_
    if isinstance(pid, bytes):
        return type(pid)(bytes_like(id_, pid))
    if isinstance(pid, int):
        return _number(id_)
    if isinstance(pid, Object) and len(pid.args) == 2:
        prefix, _ = pid.args
        if prefix is None:
            return _id_object(pid, None, _number(id_))
        before, dot, number = id_.rpartition(".")
        if not dot or not before:
            raise ValueError(f"IDs are of the form {_text(prefix)}.42 here, not {id_}")
        return _id_object(pid, _pid_like(before, prefix), _number(number))
    raise ValueError("the references of this object have IDs of an unknown form")


def _id_object(pid: Object, prefix: Any, number: int) -> Object:
    """Return an ID of GC3Pie, which keeps what it is made from as attributes as well."""
    made = called_again(pid, (prefix, number))
    own = {"_prefix": prefix, "_seqno": number}
    for state in pid.states:
        parts = [
            {name: own.get(_text(name), value) for name, value in part.items()}
            if type(part) is dict
            else part
            for part in (state if type(state) is tuple else (state,))
        ]
        made.__setstate__(tuple(parts) if type(state) is tuple else parts[0])
    return made


def _number(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,30}", text):
        raise ValueError(f"IDs are numbers here, not {text}")
    return int(text)


def _text(value: Any) -> str:
    return text_of(value) if isinstance(value, bytes) else str(value)


def called_again(value: Object, args: tuple[Any, ...]) -> Object:
    """Return an object that is made as another one, but from other arguments."""
    if isinstance(value, Result):
        made: Object = Result.of(value.callee, args)
    else:
        made = value.cls(*args)
    made.how = value.how
    return made
