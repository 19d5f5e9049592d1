"""Reads what is inside objects, for search and for columns of attributes.

That takes longer than listing objects, so it is done for a store only once it is asked for. As
the scan it runs in short steps on the scan's lane. Which objects are left is asked of the rows
themselves, so it goes on after a kill where it was, and reads again only what was written.
"""

from __future__ import annotations

from app.work.entries import readable_records
from app.work.inspector import Inspector
from app.work.pool import Priority
from app.work.scan import Lanes

__all__ = ["FactReader"]

_STEP_ROWS = 400


class FactReader:
    """Fills the facts of one store.

    Attributes:
        done: How many objects have been read since `begin`.
        total: How many there were to read then.
    """

    def __init__(self, lanes: Lanes, scanner: Inspector) -> None:
        self.done = 0
        self.total = 0
        self._lanes = lanes
        self._scanner = scanner
        self._after = 0

    def begin(self) -> None:
        """Find out how many objects are to be read."""
        self.done, self._after = 0, 0
        self.total = self._lanes.on_index(
            lambda rows: rows.count_lacking_facts(), Priority.BACKGROUND
        )

    def step(self) -> bool:
        """Read some more objects; return whether any are left."""
        after = self._after
        lacking: list[tuple[int, str, int]] = self._lanes.on_index(
            lambda rows: rows.lacking_facts(after, _STEP_ROWS), Priority.BACKGROUND
        )
        if not lacking:
            self.done = self.total
            return False
        ids = [id_ for _, id_, _ in lacking]
        records = self._lanes.on_store(
            lambda store: list(readable_records(store, ids)), Priority.BACKGROUND
        )
        texts = self._scanner.facts([record.data for record in records])
        found = {record.id_: text for record, text in zip(records, texts, strict=True)}
        # One that is gone by now gets none: the list will say so.
        facts = [(position, revision, found.get(id_, "{}")) for position, id_, revision in lacking]
        self._lanes.on_index(lambda rows: rows.put_facts(facts), Priority.NORMAL)
        self._after = lacking[-1][0]
        self.done += len(lacking)
        self.total = max(self.total, self.done)
        return True
