"""How messages and cookies of the standard library look: by their headers."""

from __future__ import annotations

from typing import Any

from persistence.pickles.adapters.leaves import known_text
from persistence.pickles.classes import class_name, constructor_args, short_type
from persistence.pickles.nodes import Object
from persistence.pickles.parts import Attributes, Child, Fields, Joined
from persistence.pickles.paths import attribute, item
from persistence.pickles.texts import escaped
from persistence.pickles.views import View, object_parts

__all__ = ["cookies", "message"]

_SHOWN = 12
_LONGEST = 200


def message(value: Object, python2: bool) -> View | None:
    """Show an e-mail message by its headers."""
    attributes = value.attributes()
    headers = attributes.pop("_headers", None)
    if type(headers) is not list or constructor_args(value) or value.pairs:
        return None
    children = []
    named: dict[str, str] = {}
    for index, pair in enumerate(headers):
        if type(pair) is not tuple or len(pair) != 2:
            return None
        name = known_text(pair[0])
        if name is None:
            return None
        place = f"{attribute('_headers')}{item(index)}[1]"
        children.append(Child(escaped(name[:_LONGEST]), pair[1], place))
        named.setdefault(name.lower(), known_text(pair[1]) or "")
    told = [named[key][:_LONGEST] for key in ("subject", "from", "to") if named.get(key)]
    return View(
        short_type(value),
        brief=escaped("  ".join(told)),
        parts=Joined((Fields(children), Attributes(attributes))),
    )


def cookies(value: Object, python2: bool) -> View | None:
    """Show cookies by their names and values."""
    if value.args or value.items or not value.pairs:
        return None
    shown = []
    for key, morsel in value.pairs[:_SHOWN]:
        name, found = known_text(key), _coded(morsel)
        if name is None or found is None:
            return None
        shown.append(f"{name[:_LONGEST]}={found[:_LONGEST]}")
    return View(
        short_type(value),
        brief=escaped("; ".join(shown)) + ("; …" if len(value.pairs) > _SHOWN else ""),
        parts=object_parts(value, python2),
        count=len(value.pairs),
    )


def _coded(morsel: Any) -> str | None:
    if not isinstance(morsel, Object) or not class_name(morsel).endswith("Morsel"):
        return None
    return known_text(morsel.attributes().get("coded_value"))
