r"""Pickles of which a look at their opcodes shows that they ask for nothing dangerous.

`guards` follows the stack of a pickle, which takes several times as long as decoding it.
Nearly all pickles do not need that: expressions that run over the opcodes at C speed (see
`runs`) show that no value can be costly, whatever is on the stack when. `recognise` says
yes only where that is proven; all other pickles are left to `guards`.

The expressions admit only opcodes whose arguments lie inside the pickle, and memo indices of
a few megabytes; no decimal texts, no extension codes. What remains of the dangers that
`guards` lists is what it takes to hash the keys. Be the weight of a value the number of values
that hashing it visits: 1, 2 for an integer of 8 bytes, and for a tuple 1 more than those of
its items.

**Small pickles.** Be M the largest weight so far, plus 1. A tuple that is made of n items, of
which all but one are fresh numbers and texts, adds at most 2·n to M, whatever the other one is
(it may come from the memo); any other tuple of n items makes it at most n times as large. So M
is at most the number of bytes that tuples are made of (no fresh item takes less than a byte
for each of its weight), times the n of all the other tuples. With b bytes for tuples and c
bytes for keys, of which each takes two (to push it and to insert it), the work is at most
b·c/2 times that, and with b + c the size, size²/8 times that. A level of tuples takes two
bytes, so half the size bounds the depth; in larger pickles it is bounded by the number of
bytes that could be opcodes of tuples, and the number of keys by these and the opcodes that get
values from the memo. No more tuples can collide than there are.

Most small pickles are not looked at even so: they have the form of others (see `forms`).

**Large pickles**, see `_Large`: first `guards` walks over as much of the pickle as it takes to
fill the low indices of the memo, and shows that what they hold is light. In the rest nothing
is put there. A tuple of fresh values and values from there is light too; and hardly any others
can be keys.
"""

from __future__ import annotations

from typing import Any

from persistence.errors import DecodeError
from persistence.pickles import runs
from persistence.pickles.forms import Forms
from persistence.pickles.guards import Seen
from persistence.pickles.key_costs import Keys
from persistence.pickles.limits import DEFAULT
from persistence.pickles.walk import Walk

__all__ = ["recognise"]

_SHORTEST = 4
_START = 2  # after PROTO and its argument
_PROTO = 0x80
_STOP = ord(".")
_MARK = ord("(")
_GETS = {ord("h"): 2, ord("j"): 5}  # with their lengths
_BYTE_STRING = ord("U")
_LONG_TUPLE = ord("t")
_TUPLE1, _TUPLE2, _TUPLE3 = 0x85, 0x86, 0x87
_SHORT_TUPLES = (b"\x85", b"\x86", b"\x87")
_LONG_TUPLES = (b"t\x94", b"tq", b"tr")  # put into the memo; others are used at once
_SHORT_TUPLES_OF = {_TUPLE1: 1, _TUPLE2: 2, _TUPLE3: 3}
_PROTOCOLS = frozenset(range(2, 6))
_FIRST_WITH_MEMOIZE = 4
_BYTES = b"B\x8e"

_NOT_COUNTED = bytes(set(range(256)) - set(b"\x85\x86\x87hj"))

# Opcode → how many bytes its length takes.
_COUNTED = {**dict.fromkeys(b"XB", 4), **dict.fromkeys(b"\x8d\x8e\x96", 8)}

_TINY = 1_490  # bytes, of which each level of tuples takes three
_MOST_WORK = 8_000_000  # eight times what `guards` allows for pickles of any size
_SMALL = 64_000
_MOST_TUPLES = 400  # in a small pickle: fewer than may be nested, or have the same hash
_LONG_TUPLE_WEIGHT = 70  # twice 33 items, and 1 for itself, rounded up

_BEGINNING = 2_000  # bytes
_LARGE_BEGINNING = 32_000
_MOST_WORK_AT_BEGINNING = 100_000  # which `guards` allows for pickles of any size
_VERY_LARGE = 500_000
_TOPS = (14, 31, 63, 127, 254)  # third bytes of the highest index that may be put
_LOW = (0, 256, 1024)
_LIGHT = 16  # weight of what is got from the memo again and again
_SHALLOW = 100
_MOST_KEYS = 500  # of each of three kinds; together below limits.key_collisions
_MOST_OTHERS = 200

_PLAIN = {protocol: Seen(protocol, python2=False) for protocol in _PROTOCOLS}

# Protocol → the expression for a first look, made when it is needed first.
_first: dict[int, runs.Matcher] = {}

_forms = Forms()


def recognise(data: bytes) -> Seen | None:
    """Return what is to be seen of a pickle, if it is surely within the default limits."""
    if len(data) < _SHORTEST or data[0] != _PROTO or data[1] not in _PROTOCOLS:
        return None
    if len(data) > _SMALL:
        return _Large(data).recognise()
    if _forms.has(data):
        return _PLAIN[data[1]]
    seen = (
        _glance(data)
        or _look_closely(data)
        or (_Large(data).recognise() if len(data) > 4 * _BEGINNING else None)
    )
    if seen and not seen.python2:
        _forms.note(data)
    return seen


def _glance(data: bytes) -> Seen | None:
    """Recognise a small pickle with nothing unusual."""
    protocol = data[1]
    match = _first.get(protocol)
    if match is None:
        match = _first[protocol] = runs.in_any_order(protocol)
    size = len(data)
    most = _MOST_WORK // (size + 8) ** 2 if size <= _TINY else _most_when_counted(data, 0)
    at = _START
    while most:
        at = match(data, at).end()
        opcode = data[at] if at < size else -1
        if opcode == _STOP:
            return _PLAIN[protocol]
        # Tuples that may hold several others.
        if opcode == _TUPLE2:
            most //= 2
        elif opcode == _TUPLE3:
            most //= 3
        else:
            break
        at += 1
    return None


def _most_when_counted(data: bytes, long_tuple: int) -> int:
    """Return by what factor tuples of several others may make weights larger.

    Args:
        data: A small pickle.
        long_tuple: The weight that each tuple back to a mark may add; 0 if there are none.
    """
    candidates = data.translate(None, _NOT_COUNTED)  # one pass, faster than several counts
    short = sum(map(candidates.count, _SHORT_TUPLES))
    long = sum(map(data.count, _LONG_TUPLES)) if long_tuple else 0
    if short + long > _MOST_TUPLES:
        return 0
    keys = short + long + candidates.count(b"h") + candidates.count(b"j")
    weight = 3 + 5 * short + long_tuple * long
    return DEFAULT.key_work * (100_000 + len(data)) // (weight * (keys or 1))


def _look_closely(data: bytes) -> Seen | None:
    """Recognise a small pickle with longer texts, longer tuples, or texts of Python 2."""
    protocol = data[1]
    byte_strings = False
    match = runs.in_any_order(protocol, closely=True)
    most = _most_when_counted(data, _LONG_TUPLE_WEIGHT)
    at = _START
    while most:
        at = match(data, at).end()
        opcode = data[at] if at < len(data) else -1
        if opcode == _STOP:
            return Seen(protocol, python2=byte_strings)
        if opcode in _SHORT_TUPLES_OF:
            most //= _SHORT_TUPLES_OF[opcode]
            at += 1
        elif opcode in _COUNTED and not (byte_strings and opcode in _BYTES):
            at = _after(data, at)
        elif opcode == _BYTE_STRING and not byte_strings:
            byte_strings = True
            match = runs.in_any_order(protocol, closely=True, byte_strings=True)
            at = _START
        else:
            break
        if at < 0:
            break
    return None


class _Large:
    """The proof for a large pickle.

    Low are the indices of the memo below 1,024, or 256 if there are not as many values at the
    beginning, or none. `guards` walks over that, so it is known that what they hold has a
    weight of at most 16. In the rest, the work for each byte is at most 10, as `guards`
    allows, because the values that can be keys are

    - got from a low index, or from one at the beginning: weight 16, at least 2 bytes;
    - flat tuples, as `runs.with_flat_tuples` calls them: weight 49 for 7 bytes; if these
      are got from the memo, weight 49 for 5 bytes;
    - other tuples, which may hold others: each of their parts is on the stack but once, and so
      paid for, unless it was got from a high index. So there may be no such tuple in a pickle
      that gets values from there.

    They can be nested as deeply as what is at the beginning, once more for a flat tuple, and
    as often as there are other tuples which are not used directly after they are made.

    There are not too many keys with the same hash, because all together are few: what is at
    the beginning; flat tuples that may be keys, if they are different; those that are got
    from high indices (not more than are got there, nor than there are tuples);
    other tuples; longer integers.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._protocol = data[1]
        self._low = 256
        self._byte_strings = False
        self._flat: set[bytes] = set()  # flat tuples that may be keys
        self._high: set[bytes | int] = set()  # which values were got from high indices
        self._others = 0
        self._has_others = False
        self._gets_any = False

    def recognise(self) -> Seen | None:
        """Return what is to be seen of it, if all this holds."""
        data = self._data
        at = self._walk_over_beginning()
        if at < 0:
            return None
        self._choose_expressions()
        try:
            while True:
                at = self._match(data, at).end()
                opcode = data[at]
                if opcode == _STOP:
                    return Seen(self._protocol, python2=self._byte_strings)
                if opcode in _GETS and not self._value(data, at):
                    at = self._get(at)
                elif opcode in _COUNTED:
                    if self._byte_strings and opcode in _BYTES:
                        return None
                    at = _after(data, at)
                else:
                    at = self._tuple(at)
                if at < 0:
                    return None
        except IndexError:
            return None

    def _choose_expressions(self) -> None:
        options: dict[str, Any] = {"low": self._low, "byte_strings": self._byte_strings}
        self._match = runs.with_flat_tuples(
            self._protocol, top=self._top(), high=self._gets_any, **options
        )
        self._used = runs.used_tuple(self._protocol, low=self._low).match
        self._ahead = runs.tuple_ahead(self._protocol, **options)
        values = runs.plain_value(self._protocol, **options)
        self._value, self._values = values.match, values.findall

    def _top(self) -> int:
        # In steps, as an expression is compiled for each.
        most = min(len(self._data) >> 16, 255)
        return max([top for top in _TOPS if top < most], default=_TOPS[0])

    def _walk_over_beginning(self) -> int:
        """Let `guards` walk up to the first mark beyond; returns its offset, or -1."""
        data = self._data
        walk = Walk(data, DEFAULT, Keys(len(data), DEFAULT))
        size = _LARGE_BEGINNING if len(data) >= _VERY_LARGE else _BEGINNING
        try:
            at = walk.run(size)
            while len(walk.memo) < self._low and at < len(data) // 4 and data[at] == _MARK:
                at = walk.run(at + size)
        except DecodeError:
            return -1
        if walk.holes or data[at] != _MARK:
            return -1
        self._low = max(low for low in _LOW if low <= len(walk.memo))
        keys = [key for key in (*walk.memo, *walk.stack) if key is not None]
        if (
            len(keys) + walk.keys.count > _MOST_KEYS
            or walk.keys.work > _MOST_WORK_AT_BEGINNING
            or any(key.weight > _LIGHT or key.depth > _SHALLOW for key in keys)
        ):
            return -1
        self._byte_strings = walk.has_byte_strings
        if walk.has_byte_strings and walk.has_bytes:
            return -1
        return at

    def _get(self, at: int) -> int:
        """Pass over getting a value from a high index, or return -1."""
        after = at + _GETS[self._data[at]]
        # Where values can be put at the same index again, each time may give another one.
        self._high.add(self._data[at:after] if self._protocol >= _FIRST_WITH_MEMOIZE else at)
        if self._has_others:
            return -1
        if len(self._high) > _MOST_KEYS:
            if sum(map(self._data.count, _SHORT_TUPLES)) > _MOST_KEYS:
                return -1
            self._gets_any = True
            self._choose_expressions()
        return after

    def _tuple(self, at: int) -> int:
        """Pass over values and the tuple of them that may be a key, or return -1."""
        used = self._used(self._data, at)
        if used:
            self._has_others = True
            return -1 if self._high else used.end()
        ahead = self._ahead(self._data, at)
        before, after, opcode, use = ahead.groups()
        if opcode is None:
            return ahead.end() if ahead.end() > at else -1
        values = self._values((before or b"") + after)
        count = opcode[0] - _TUPLE1 + 1
        if opcode[0] != _LONG_TUPLE and len(values) >= count:
            if not use:
                self._flat.add(opcode + b"".join(values[-count:]))
        else:
            self._has_others = True
            self._others += not use
        if (
            len(self._flat) > _MOST_KEYS
            or self._others > _MOST_OTHERS
            or (self._has_others and self._high)
        ):
            return -1
        return ahead.end()


def _after(data: bytes, at: int) -> int:
    """Return the offset after an argument that is preceded by its length, or -1."""
    start = at + 1 + _COUNTED[data[at]]
    after = start + int.from_bytes(data[at + 1 : start], "little")
    return after if after < len(data) else -1
