"""Which classes have a look of their own, by their global name. Nothing is imported for them.

An adapter is a function that takes an `Object` and makes a `View` of it, or None where the
object is not as it expects. Those of Jobshelf are imported when an object of their class is
first shown.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from persistence.pickles.views import Adapter

__all__ = ["adapter_for", "register_adapter"]

# Module of adapters → names of the adapter, then of the classes and functions that it shows.
_BUILT_IN = {
    "persistence.pickles.adapters.gc3pie": """
        run           gc3libs.Run
        history       gc3libs.utils.History
        identifier    gc3libs.persistence.idfactory.Id gc3libs.persistence.sql.IntId
        url           gc3libs.url.Url
        url_dict      gc3libs.url.UrlKeyDict gc3libs.url.UrlValueDict
        quantity      gc3libs.quantity.Memory gc3libs.quantity.Duration""",
    "persistence.pickles.adapters.standard": """
        moment        datetime.datetime
        clock_time    datetime.time
        date          datetime.date
        duration      datetime.timedelta
        zone          datetime.timezone zoneinfo.ZoneInfo
        struct_time   time.struct_time
        number        decimal.Decimal fractions.Fraction
        complex_number builtins.complex
        uuid          uuid.UUID
        address       ipaddress.IPv4Address ipaddress.IPv6Address ipaddress.IPv4Network
                      ipaddress.IPv6Network ipaddress.IPv4Interface ipaddress.IPv6Interface
        path          pathlib.Path pathlib.PosixPath pathlib.WindowsPath
                      pathlib.PurePosixPath pathlib.PureWindowsPath
        pattern       re.Pattern
        plain_bytes   builtins.bytes builtins.bytearray
        plain_set     builtins.set builtins.frozenset
        span          builtins.range builtins.slice
        mapping       collections.OrderedDict collections.defaultdict collections.Counter
        queue         collections.deque
        partial       functools.partial
        member        builtins.getattr
        number_array  array.array""",
    "persistence.pickles.adapters.arrays": """
        ndarray       numpy.ndarray
        scalar        numpy.generic
        dtype         numpy.dtype""",
}


def _built_in() -> dict[str, Adapter | str]:
    found: dict[str, Adapter | str] = {}
    for module, table in _BUILT_IN.items():
        adapter = ""
        for word in table.split():
            if "." in word:
                found[word] = f"{module}:{adapter}"
            else:
                adapter = word
    return found


# global name → adapter, or "module:function" of one that is not yet imported
_adapters: dict[str, Adapter | str] = _built_in()


def register_adapter(name: str, adapter: Adapter) -> None:
    """Have the objects of a class shown by an adapter; one given earlier is overwritten.

    Args:
        name: Module and qualified name of the class, or of the function that makes them.
        adapter: Makes the view.
    """
    _adapters[name] = adapter


def adapter_for(name: str) -> Adapter | None:
    """Return the adapter for the objects of a class by its name, or None if there is none."""
    found: Any = _adapters.get(name)
    if isinstance(found, str):
        module, _, function = found.partition(":")
        found = getattr(import_module(module), function)
        _adapters[name] = found
    return found  # type: ignore[no-any-return]
