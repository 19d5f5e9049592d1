"""What loading a pickle for real would import and call: the answer before anyone does it.

`safety` follows the pickle opcode by opcode, so that it also sees calls whose result is
dropped, and resolves nothing: a class or function is a name, the result of a call is the
call. What is called through others (`getattr`, `operator.methodcaller`, `functools.partial`,
`importlib.import_module`, a method planted in an object's state, a pickle in a pickle) is
followed as far as the arguments are in the pickle itself. How risky a name is: `risks`.

What it cannot tell: what a module does on import, and what a class of the user's does when
it is made. That an import is all a pickle needs to run anything is said with every verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from persistence.errors import DecodeError
from persistence.pickles import guards
from persistence.pickles.calls import Calls, Nested
from persistence.pickles.decode import Pickle
from persistence.pickles.findings import Action, Finding, Ledger
from persistence.pickles.limits import DEFAULT, Limits
from persistence.pickles.risks import Risk

__all__ = ["CAUTION", "Action", "Finding", "Risk", "Safety", "examine", "safety"]

CAUTION = (
    "Importing a module runs all code at its top level, and a class may do anything when it is "
    "made or gets its state: what that is cannot be told from a pickle. No list of dangerous "
    "functions is complete."
)
"""What no verdict can rule out, to be shown with each."""

_DEEPEST_NESTING = 8  # of pickles in pickles
_MODULES_NAMED = 3


@dataclass(frozen=True, slots=True)
class Safety:
    """What loading a pickle would do.

    Attributes:
        verdict: One or two sentences that say the most important part of it.
        findings: All of it, the riskiest first, then in order of appearance.
        omitted: How many places are in no finding, as there are too many kinds of them.
        fault: Why loading it would fail in the end, as a sentence; "" if it would not.
        caution: What cannot be told; "" if nothing but Python's own values are made.
    """

    verdict: str
    findings: tuple[Finding, ...] = ()
    omitted: int = 0
    fault: str = ""
    caution: str = ""

    @property
    def risk(self) -> Risk:
        """The highest risk of all findings."""
        return self.findings[0].risk if self.findings else Risk.HARMLESS


def safety(pickle: Pickle) -> Safety:
    r"""Return what loading a pickle for real would do, without doing any of it.

    >>> from persistence.pickles.decode import decode
    >>> safety(decode(b"cos\nsystem\n(S'rm -rf /'\ntR.")).verdict
    "Loading this would call os.system(b'rm -rf /')."
    """
    return _safety(pickle.data, None)  # it has been decoded: no guard refuses it


def examine(data: bytes, limits: Limits = DEFAULT) -> Safety:
    """Return what loading a pickle would do, also of one that cannot be decoded.

    Args:
        data: The pickle; it may be damaged or hostile.
        limits: Beyond which it is told to use up memory or time.
    """
    return _safety(data, limits)


def _safety(data: bytes, limits: Limits | None) -> Safety:
    ledger = Ledger()
    fault = _follow(data, ledger)
    try:
        if limits is not None:
            guards.check(data, limits)
    except DecodeError as error:
        offset = error.offset or 0
        if _is_exhausting(data, error, fault):
            reason = _sentence(error)
            ledger.add(Risk.SUSPICIOUS, Action.EXHAUST, "this computer", reason, offset)
        elif not fault and data[offset : offset + 1] not in _EXTENSIONS:
            fault = _sentence(error)
    findings = ledger.findings()
    is_plain = all(finding.risk is Risk.HARMLESS for finding in findings)
    caution = "" if is_plain else CAUTION
    return Safety(_verdict(findings, fault), findings, ledger.omitted, fault, caution)


def _is_exhausting(data: bytes, error: DecodeError, fault: str) -> bool:
    """Whether what a guard refuses is more than a pickle that was cut off."""
    if error.limit is None or data[error.offset or 0] == _FRAME:
        return False
    return not fault or error.actual is None or error.actual > _MUCH


def _sentence(error: DecodeError) -> str:
    detail = error.reason.removeprefix("This pickle cannot be decoded: ")
    return detail[:1].upper() + detail[1:]


def _follow(data: bytes, ledger: Ledger) -> str:
    """Follow a pickle, and those that it loads; return why it would fail, or ""."""
    calls = Calls(data, ledger)
    fault = ""
    try:
        calls.follow()
    except DecodeError as error:
        fault = _sentence(error)
    nested = calls.nested
    for _ in range(_DEEPEST_NESTING):
        deeper: list[Nested] = []
        for inner in nested:
            calls = Calls(inner.data, ledger, inner.offset)
            with suppress(DecodeError):  # it need not be a pickle; its load has been noted
                calls.follow()
            deeper += calls.nested
        nested = deeper
    return fault


def _verdict(findings: tuple[Finding, ...], fault: str) -> str:
    would = _would(findings)
    if not fault or would.startswith(Action.EXHAUST.value):
        return f"Loading this would {would}."
    if not findings:
        return f"Loading this would fail: {fault}"
    return f"Loading this would {would}, and then fail: {fault}"


def _would(findings: tuple[Finding, ...]) -> str:
    worst = findings[0].risk if findings else Risk.HARMLESS
    same = [finding for finding in findings if finding.risk is worst]
    if worst >= Risk.SUSPICIOUS:
        first = min(same, key=_importance)
        what = first.what
        if first.action is not Action.CALL or worst is Risk.SUSPICIOUS:
            what += f" ({first.reason.rstrip('.')})"
        others = len(same) - 1
        kind = "dangerous" if worst is Risk.DANGEROUS else "suspicious"
        return f"{what}, and do {_counted(others, f'other {kind} thing')}" if others else what
    if worst is Risk.YOURS:
        return _would_of_yours(same)
    if worst is Risk.STANDARD:
        return "make plain values and objects of known libraries, and do nothing else"
    return "make plain values, and do nothing else"


def _would_of_yours(findings: Iterable[Finding]) -> str:
    modules = [finding.subject for finding in findings if finding.action is Action.IMPORT]
    stored = sum(finding.count for finding in findings if finding.action is Action.REFERENCE)
    parts = []
    if modules:
        named = ", ".join(modules[:_MODULES_NAMED]) + (", …" if modules[_MODULES_NAMED:] else "")
        parts.append(f"import {_counted(len(modules), 'module')} of yours ({named})")
    if stored:
        parts.append(f"load {_counted(stored, 'other stored object')}")
    return f"{' and '.join(parts)}, and call nothing else unusual" if parts else "run code of yours"


def _importance(finding: Finding) -> tuple[int, bool]:
    name = finding.subject.rpartition(".")[2]
    return _ORDER.index(finding.action), name in _LEADS_TO_OTHERS


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


_ORDER = (
    Action.CALL,
    Action.MAKE,
    Action.STATE,
    Action.ITEMS,
    Action.EXHAUST,
    Action.NAME,
    Action.IMPORT,
    Action.REFERENCE,
)
_LEADS_TO_OTHERS = frozenset(
    (
        "getattr",
        "getattr_static",
        "import_module",
        "__import__",
        "locate",
        "resolve_name",
        "loads",
        "attrgetter",
        "methodcaller",
        "partial",
    )
)
_FRAME = 0x95
_MUCH = 2**20  # bytes
_EXTENSIONS = (b"\x82", b"\x83", b"\x84")
