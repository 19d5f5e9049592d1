"""Adapters of others, kept from doing harm by an error: the object is shown as any other.

An adapter's view is made in parts, when they are looked at: each of them is guarded. An error
is logged once for each adapter, not for each of the million objects it may be asked about.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from persistence.pickles.nodes import Object
from persistence.pickles.parts import Child, Parts, computed
from persistence.pickles.texts import escaped
from persistence.pickles.views import Adapter, Code, View, plain_view

__all__ = ["guarded"]

_log = logging.getLogger(__name__)
_LONGEST_NAME = 200


def guarded(name: str, adapter: Adapter) -> Adapter:
    """Return an adapter that gives None where the given one raises an error.

    Args:
        name: The class it is for.
        adapter: The adapter.
    """
    reporter = _Reporter(name)

    def adapt(value: Object, python2: bool) -> View | None:
        try:
            found: Any = adapter(value, python2)
            return None if found is None else _checked(found, value, python2, reporter)
        except MemoryError:
            raise  # it is for the inspector to act on
        except Exception as error:  # noqa: BLE001  whatever a foreign adapter does
            reporter.report(error)
            return None

    return adapt


class _Reporter:
    def __init__(self, name: str) -> None:
        self._name = name
        self._is_reported = False

    def report(self, error: Exception) -> None:
        """Log an error of the adapter, the first time."""
        if self._is_reported:
            return
        self._is_reported = True
        _log.warning(
            "The adapter for %s failed, what it does not show is shown plainly: %s: %s",
            self._name,
            type(error).__name__,
            error,
        )


def _checked(found: Any, value: Object, python2: bool, reporter: _Reporter) -> View:
    if not isinstance(found, View):
        raise TypeError(f"it gave a {type(found).__name__} instead of a View")
    texts: tuple[Any, ...] = (found.type, found.brief or "")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("the type of its view or its line is no text")
    plain = plain_view(value, python2)
    return replace(
        found,
        type=escaped(found.type[:_LONGEST_NAME]),
        brief=None if found.brief is None else escaped(found.brief),
        code=None if found.code is None else _Source(found.code, value, reporter),
        parts=_Parts(found.parts, len(found.parts), reporter),
        count=int(found.count),
        text=None if found.text is None else _Text(found.text, plain, reporter),
    )


@dataclass(frozen=True, slots=True)
class _Source:
    code: Callable[[], Iterator[Any]]
    value: Object
    reporter: _Reporter

    def __call__(self) -> Iterator[Any]:
        try:
            pieces = iter(self.code())
            while True:
                try:
                    piece = next(pieces)
                except StopIteration:
                    return
                # A piece that is the object itself would be asked for its pieces forever.
                yield Code("...") if piece is self.value else piece
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001
            self.reporter.report(error)
            yield Code("...")


@dataclass(frozen=True, slots=True)
class _Text:
    text: Callable[[], str]
    plain: View
    reporter: _Reporter

    def __call__(self) -> str:
        try:
            found: Any = self.text()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001
            self.reporter.report(error)
            found = None
        return found if isinstance(found, str) else self.plain.brief or self.plain.type


@dataclass(frozen=True, slots=True)
class _Parts:
    """Children of which there are always as many as were promised."""

    parts: Parts
    length: int
    reporter: _Reporter

    def __len__(self) -> int:
        return self.length

    def slice(self, first: int, count: int) -> Iterator[Child]:
        wanted = max(min(first + count, self.length) - first, 0)
        found: list[Child] = []
        try:
            for child in islice(self.parts.slice(first, wanted), wanted):
                found.append(_checked_child(child))  # noqa: PERF401  what came before an error stays
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001
            self.reporter.report(error)
        yield from found
        for index in range(first + len(found), first + wanted):
            name = f"row {index}"
            missing = View("missing", brief="the adapter does not give it")
            yield Child(name, missing, computed(name), is_computed=True)


def _checked_child(child: Any) -> Child:
    if not isinstance(child, Child) or not isinstance(child.path_part, str):
        raise TypeError(f"a child of its view is a {type(child).__name__}")
    return replace(child, name=escaped(str(child.name)[:_LONGEST_NAME]))
