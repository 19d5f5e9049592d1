r"""Regular expressions that run over the opcodes of a pickle, at a few nanoseconds each.

A pickle is a sequence of opcodes that each say how long their argument is, so it can be read
in one way only. The expressions here match whole opcodes one after another, from where an
opcode begins; where one stops, the next opcode begins, and it is one that was left out.
What they let pass, and why that is safe, is told by `tame`, which uses them.

They are written for how CPython's `re` works: alternatives that begin with a literal byte are
passed over in 2 ns, a group that is repeated or optional costs 10 ns and a class of bytes with
a `*` next to nothing. So lengths are written out, the frequent ones first, and opcodes without
arguments are taken in runs after each opcode that has one.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterable
from typing import cast

__all__ = [
    "Matcher",
    "in_any_order",
    "lengths",
    "plain_value",
    "tuple_ahead",
    "used_tuple",
    "with_flat_tuples",
]

# A match from an offset on.
Matcher = Callable[[bytes, int], re.Match[bytes]]

# Possessive: what was matched is not gone back to. Python 3.10 has it not; there, loops are
# bounded, so that what it keeps in order to go back stays small.
_ONLY = b"+" if sys.version_info >= (3, 11) else b""
_REPEATED = b"*+" if _ONLY else b"{0,5000}"
_RUN = b"+" + _ONLY if _ONLY else b"{1,500}"

_SHORT = [*range(5, 16), 3, 4, *range(16, 33), 2, 1]
_TOP = 14  # third byte of the highest index in the memo: 983,039
_INTEGER_LENGTHS = range(9)  # bytes; of those there are at most 17 with the same hash

# Opcodes without an argument, but tuples, MEMOIZE and those that push a constant.
_BUILDING = rb"}\](uebsaR\x81\x93\x8f\x90Q"
_MEMOIZE = rb"\x94"
_CONSTANTS = rb"N\x88\x89)"
_TUPLES = rb"\x85-\x87"


def _exactly(count: int) -> bytes:
    return b"." * count if count < 2 else b".{%d}%b" % (count, _ONLY)


def lengths(counts: Iterable[int], more: bytes = b"") -> bytes:
    """Match a byte that is one of some counts, then `more`, then as many bytes as it says."""
    return b"|".join(rb"\x%02x%b%b" % (count, more, _exactly(count)) for count in counts)


def _any_length(more: bytes = b"", low: int = 0, high: int = 256) -> bytes:
    """Match a byte and as many others as it says; halving takes 8 steps to find its length."""
    if high - low <= 8:
        return b"(?:%b)" % lengths(range(low, high), more)
    middle = (low + high) // 2
    return rb"(?:(?=[\x%02x-\x%02x])%b|%b)" % (
        low,
        middle - 1,
        _any_length(more, low, middle),
        _any_length(more, middle, high),
    )


_NUMBERS = rb"K.%b|G.{8}%b%b|M..%b|J.{4}%b%b"
_NAMES = rb"c[^\n]*%b\n[^\n]*%b\n" % (_ONLY, _ONLY)
_LOW_GETS = {0: b"", 256: b"|h.", 1024: rb"|h.|j.[\0-\x03]\0\0"}
_FRAME = rb"\x95.{8}" + _ONLY


def _always(expression: re.Pattern[bytes]) -> Matcher:
    """Return how to match with an expression that matches nothing where nothing else."""
    return cast("Matcher", expression.match)


class _Dialect:
    """How the picklers of a protocol write texts and put values into the memo.

    Attributes:
        text: Matches a short text, and the put after it if that is an opcode of its own.
        other_text: Matches the texts that `text` does not.
        memoize: MEMOIZE, for a class of bytes, or empty.
        put: Matches a put, or is empty where that is MEMOIZE.
        put_after: Matches a put or nothing.
        plain: Matches a plain value and its put.
        rare: Matches integers of up to 8 bytes, and bytes if there are no byte strings.
        begins: Matches what a plain value, or `h`, begins with.
    """

    def __init__(self, protocol: int, *, byte_strings: bool, low: int = 0, top: int = _TOP) -> None:
        if protocol >= 4:
            self.memoize = _MEMOIZE
            self.put = b""
            self.put_after = rb"\x94?" + _ONLY
            self.text = rb"\x8c(?:%b)" % lengths(_SHORT)
            self.other_text = rb"\x8c" + _any_length()
            texts = self.text + self.put_after
            short = rb"\x8c[\x01-\x20]"
        else:
            self.memoize = b""
            self.put = {
                0: rb"q.|r..[\0-\x%02x]\0",
                256: rb"r(?:.[\x01-\xff]|..(?=[^\0]))[\0-\x%02x]\0",
                1024: rb"r(?:.[\x04-\xff]|..(?=[^\0]))[\0-\x%02x]\0",
            }[low] % top
            self.put_after = b"(?:%b|)" % self.put
            start = rb"X(?:%b)" % lengths(_SHORT, rb"\0\0\0")
            self.text = start + b"q."
            self.other_text = b"%b|X%b" % (start, _any_length(rb"\0\0\0"))
            short = rb"X[\x01-\x20]\0"
            if byte_strings:
                start = b"(?:U(?:%b)|%b)" % (lengths(_SHORT), start)
                self.text = start + b"q."
                self.other_text += b"|U" + _any_length()
                short += rb"|U[\x01-\x20]"
            texts = start + self.put_after
        numbers = _NUMBERS % (b"", _ONLY, b"", b"", _ONLY, b"")
        self.plain = b"%b|%b|[%b]" % (texts, numbers, _CONSTANTS)
        self.begins = rb"%b|\x8a[\0-\x08]|[KGMJ%b]" % (short, _CONSTANTS)
        self.rare = rb"\x8a(?:%b)" % lengths(_INTEGER_LENGTHS)
        self.plain += b"|" + self.rare
        if not byte_strings:
            self.plain += b"|C(?:%b)%b" % (lengths(_SHORT), self.put_after)
            self.begins += rb"|C[\x01-\x20]"
            self.rare += b"|C" + _any_length()

    def then(self, opcodes: bytes) -> bytes:
        """Match a put or one of these opcodes."""
        if self.memoize:
            return b"[%b%b]" % (self.memoize, opcodes)
        return b"(?:%b|[%b])" % (self.put, opcodes)


@functools.cache
def in_any_order(protocol: int, *, closely: bool = False, byte_strings: bool = False) -> Matcher:
    """Match opcodes in any order: nearly all that picklers write, but those that `tame` counts.

    Of tuples, those of one item that are used directly, and pairs with a number at the end.
    Left out are also STOP, DUP, frozen sets, and all of the text protocols.

    Args:
        protocol: Which picklers' texts and puts to expect.
        closely: Also match other tuples of which all items but one are fresh plain values;
            those back to a mark with up to 33 items. It takes longer.
        byte_strings: Also match the texts of Python 2, but not bytes.
    """
    dialect = _Dialect(protocol, byte_strings=byte_strings)
    pair = rb"\x86?" + _ONLY
    building = _BUILDING.replace(b"(", b"") if closely else _BUILDING
    run = b"[%b%b%b0]" % (dialect.memoize, building, _CONSTANTS)
    alternatives = [
        dialect.text,
        b"h.",
        _NUMBERS % (pair, _ONLY, pair, pair, _ONLY, pair),
        rb"j.{4}" + _ONLY,
        run,
        *([dialect.put] if dialect.put else []),
        rb"\x85%b[R\x81]" % dialect.put_after,
        dialect.rare,
        dialect.other_text,
        _NAMES,
        _FRAME,
    ]
    if closely:
        plain = dialect.plain
        alternatives[:0] = [
            rb"(?:%b)(?:\x86|h.\x86|(?:%b)[\x86\x87]|)" % (plain, plain),
            rb"\((?:%b){0,16}(?:h.(?:%b){0,16}|)t%b" % (plain, plain, dialect.then(rb"R\x81")),
            rb"\(",
        ]
    body = b"(?:%b)%b*%b" % (b"|".join(alternatives), run, _ONLY)
    return _always(re.compile(b"(?s:%b)%b" % (body, _REPEATED)))


@functools.cache
def with_flat_tuples(
    protocol: int, *, low: int, top: int = _TOP, byte_strings: bool = False, high: bool = False
) -> Matcher:
    """Match opcodes whose tuples are flat, and no keys.

    A flat tuple holds numbers, texts, bytes, constants, the empty tuple, and values from low
    indices of the memo; these directly precede its opcode. It is no key where it is used
    directly after it was made, or where only plain values and flat tuples follow it up to an
    APPENDS. Those of three items are left out, as they are rare; so are puts into low indices,
    all opcodes that `in_any_order` leaves out, and POP. It stops before a flat tuple that may
    be a key, where its plain values begin.

    Args:
        protocol: Which picklers' texts and puts to expect.
        low: Indices of the memo below this are low; 0, 256 or 1024.
        top: Put at indices below 65,536 times this, plus 1.
        byte_strings: Also match the texts of Python 2.
        high: Also match getting values from other indices of the memo.
    """
    dialect = _Dialect(protocol, byte_strings=byte_strings, low=low, top=top)
    value = _value(dialect, low)
    begins = dialect.begins + _LOW_GETS[low]
    put = dialect.put_after
    item = rb"(?:%b)(?:[%b]%b)?" % (value, _TUPLES, put)
    use = rb"%b(?:(?=[R\x81basue])|(?:%b)%b(?=e))" % (put, item, _RUN)
    end = rb"(?![%b\x95])" % _TUPLES
    end_of_one = rb"(?![%b\x95]|%b)" % (_TUPLES, begins)
    flat = rb"(?:%b)(?:(?:%b)%b(?:[\x85\x86]%b|%b)|\x85%b|%b)" % (
        *(value, value, _RUN, use),
        *(end if _ONLY else end_of_one, use, end_of_one),
    )
    run = b"[%b%b]" % (dialect.memoize, _BUILDING)
    alternatives = [flat, run]
    if dialect.put:
        alternatives.append(dialect.put)
    if high:
        alternatives.append(b"h.|j.{4}" + _ONLY)
    if not _ONLY:
        alternatives.append(b"(?:%b){64}" % value)
    alternatives += [dialect.rare, dialect.other_text, _NAMES]
    body = b"(?:%b)%b*%b" % (b"|".join(alternatives), run, _ONLY)
    return _always(re.compile(b"(?s:%b)%b" % (body, _REPEATED)))


@functools.cache
def tuple_ahead(protocol: int, *, low: int, byte_strings: bool = False) -> Matcher:
    r"""Match plain values, a FRAME among them, and a tuple after them, if there is one.

    Group 1 and 2 are the values before and after the FRAME, or 2 all of them; 3 is the opcode
    of the tuple; 4 is the opcode that uses it directly, if that is REDUCE, NEWOBJ or BUILD.
    """
    dialect = _Dialect(protocol, byte_strings=byte_strings, low=low)
    values = b"((?:%b){0,600})" % _value(dialect, low)
    return _always(
        re.compile(
            rb"(?s:(?:%b\x95.{8})?%b(?:([%bt])%b([R\x81basue]?))?)"
            % (values, values, _TUPLES, dialect.put_after)
        )
    )


@functools.cache
def used_tuple(protocol: int, *, low: int) -> re.Pattern[bytes]:
    """Match a tuple, whatever it is made of, and what uses it directly."""
    put = _Dialect(protocol, byte_strings=False, low=low).put_after
    return re.compile(rb"(?s:[%bt]%b[R\x81basue])" % (_TUPLES, put))


@functools.cache
def plain_value(protocol: int, *, low: int, byte_strings: bool = False) -> re.Pattern[bytes]:
    """Match one plain value, or getting one from a low index of the memo."""
    dialect = _Dialect(protocol, byte_strings=byte_strings, low=low)
    return re.compile(b"(?s:%b)" % _value(dialect, low))


def _value(dialect: _Dialect, low: int) -> bytes:
    """Match a plain value or getting one from a low index of the memo."""
    return dialect.plain + _LOW_GETS[low]
