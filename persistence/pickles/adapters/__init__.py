"""Which classes have a look of their own, by their global name. Nothing is imported for them.

An adapter is a function that takes an `Object` and makes a `View` of it, or None where the
object is not as it expects. Those of Jobshelf are imported when an object of their class is
first shown. Further ones come from installed distributions that declare the entry point
group `jobshelf.adapters` (name: the class, value: the adapter), or from `register_adapter`;
docs/adapters.md shows how.

What is in a pickle never decides what is imported: it can only choose among adapters that
Jobshelf has, that somebody installed for this purpose, or that the program registered.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from persistence.pickles.adapters.table import BUILT_IN

if TYPE_CHECKING:
    from persistence.pickles.views import Adapter

__all__ = ["ENTRY_POINT_GROUP", "adapter_for", "built_in_names", "register_adapter"]

ENTRY_POINT_GROUP = "jobshelf.adapters"

_log = logging.getLogger(__name__)


def _built_in() -> dict[str, str]:
    found: dict[str, str] = {}
    for module, table in BUILT_IN.items():
        adapter = ""
        for word in table.split():
            if "." in word:
                found[word] = f"{module}:{adapter}"
            else:
                adapter = word
    return found


# global name → adapter; "module:function" of one of Jobshelf's, or the entry point of
# another's, that is not yet imported; None if it could not be.
_adapters: dict[str, Adapter | str | EntryPoint | None] = {**_built_in()}
_searched = False


def built_in_names() -> tuple[str, ...]:
    """Return the classes and functions whose objects Jobshelf itself has adapters for."""
    return tuple(_built_in())


def register_adapter(name: str, adapter: Adapter) -> None:
    """Have the objects of a class shown by an adapter; one given earlier is overwritten.

    If the adapter raises an error, or what it gives is no view, this is logged once and the
    object is shown as any other.

    Args:
        name: Module and qualified name of the class, or of the function that makes them.
        adapter: Makes the view.

    Raises:
        TypeError: The adapter cannot be called.
    """
    if not callable(adapter):
        raise TypeError(f"The adapter for {name!r} cannot be called: {adapter!r}")
    from persistence.pickles.adapters.guarded import guarded

    _adapters[name] = guarded(name, adapter)


def adapter_for(name: str) -> Adapter | None:
    """Return the adapter for the objects of a class by its name, or None if there is none."""
    if not _searched:
        _search()
    found: Any = _adapters.get(name)
    if isinstance(found, str):
        module, _, function = found.partition(":")
        found = getattr(import_module(module), function)
        _adapters[name] = found
    elif isinstance(found, EntryPoint):
        found = _loaded(name, found)
    return found  # type: ignore[no-any-return]


def _search() -> None:
    """Note the entry points of all installed distributions; none is imported yet."""
    global _searched  # noqa: PLW0603  they are looked for once in a process
    _searched = True
    try:
        found = entry_points(group=ENTRY_POINT_GROUP)
    except Exception as error:  # noqa: BLE001  a damaged distribution can raise anything
        _log.warning("Installed adapters cannot be found: %s: %s", type(error).__name__, error)
        return
    for entry_point in found:
        _adapters.setdefault(entry_point.name, entry_point)


def _loaded(name: str, entry_point: EntryPoint) -> Adapter | None:
    """Import another's adapter; one that cannot be is reported and never tried again."""
    _adapters[name] = None
    try:
        register_adapter(name, entry_point.load())
    except Exception as error:  # noqa: BLE001  whatever a foreign module does when imported
        _log.warning(
            "The adapter %s for %s is skipped: %s: %s",
            entry_point.value,
            name,
            type(error).__name__,
            error,
        )
    return _adapters[name]  # type: ignore[return-value]
