"""Which records a graph is made of, and in which order its objects are made.

Told from the pickles alone; nothing is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from persistence.errors import DecodeError, LoadError
from persistence.pickles import decode
from persistence.pickles.references import may_refer

__all__ = ["building_order", "collect", "likely_references", "references_in"]


def collect(
    ids: Iterable[str],
    read_many: Callable[[Iterable[str]], Iterator[tuple[str, bytes]]],
    find: Callable[[str, bytes, str], list[str]],
    store: str,
) -> tuple[dict[str, bytes], dict[str, list[str]]]:
    """Read every record that can be reached; return pickles and references by ID."""
    pickles: dict[str, bytes] = {}
    links: dict[str, list[str]] = {}
    wanted = list(dict.fromkeys(ids))
    while wanted:
        reached: dict[str, None] = {}
        for id_, data in read_many(wanted):
            pickles[id_] = data
            links[id_] = found = find(id_, data, store)
            if found:
                reached.update(dict.fromkeys(found))
        if not reached:
            break
        asked = set(wanted)
        wanted = [id_ for id_ in reached if id_ not in pickles and id_ not in asked]
    return pickles, links


def likely_references(id_: str, data: bytes, store: str) -> list[str]:
    """Return what an object refers to, if its pickle looks as if it referred to anything."""
    return references_in(id_, data, store) if may_refer(data) else []


def references_in(id_: str, data: bytes, store: str) -> list[str]:
    """Return what an object refers to.

    Raises:
        LoadError: Its pickle cannot be decoded.
    """
    try:
        return [reference.id for reference in decode(data).references]
    except DecodeError as error:
        raise LoadError(
            f"Object {id_!r} in {store} cannot be loaded: {error.reason}",
            "`read` gives its bytes as they are.",
            id_=id_,
            store=store,
        ) from error


def building_order(roots: Iterable[str], links: dict[str, list[str]]) -> list[str]:
    """Order objects so that those referred to come first, but for cycles.

    A depth-first walk with its own stack.
    """
    order: list[str] = []
    seen: set[str] = set()
    for root in roots:
        if root in seen or root not in links:
            continue
        seen.add(root)
        stack = [(root, iter(links[root]))]
        while stack:
            id_, children = stack[-1]
            for child in children:
                if child not in seen and child in links:
                    seen.add(child)
                    stack.append((child, iter(links[child])))
                    break
            else:
                order.append(id_)
                stack.pop()
    return order
