"""What an act of the user is called, which keys start it, and when it can be done.

An `Action` is a record; the window makes a `QAction` of each and connects it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QKeySequence

__all__ = ["Action", "Circumstances"]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is there to act on.

    Attributes:
        store_is_open: A store has been opened.
        store_is_writable: It was opened for writing.
        selected: Number of selected rows of the table.
        object_is_shown: An object stands in the tree.
        node_is_current: A node of the tree is the current one.
        node_names_object: That node is a reference, or the object itself.
        node_verbs: What can be changed at that node, see `app.actions.edit.verbs_at`.
        can_go_back, can_go_forward: There is a place to go to.
        can_undo, can_redo: There is a change to take back, or to make again.
        is_busy: A change is being written.
        is_copying: A copy, an export or an import is under way.
    """

    store_is_open: bool = False
    store_is_writable: bool = False
    selected: int = 0
    object_is_shown: bool = False
    node_is_current: bool = False
    node_names_object: bool = False
    node_verbs: frozenset[str] = frozenset()
    can_go_back: bool = False
    can_go_forward: bool = False
    can_undo: bool = False
    can_redo: bool = False
    is_busy: bool = False
    is_copying: bool = False


def _always(_: Circumstances) -> bool:
    return True


def _no_reason(_: Circumstances) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Action:
    """One act of the user.

    Attributes:
        id: Its stable name, as "object.delete".
        text: As in the menu, with "&" before its mnemonic.
        tip: One sentence on what it does; stands in the status bar and the tooltip.
        icon: Name of its icon, or "".
        shortcuts: The keys that start it: standard keys, or text such as "Alt+Left".
        enabled_when: Whether it can be done.
        checkable: Whether it is a switch.
        hint: A key that a view handles itself, shown in menus.
        why_not: Why it cannot be done, in a sentence, or ""; stands in the tooltip then.
    """

    id: str
    text: str
    tip: str
    icon: str = ""
    shortcuts: tuple[str | QKeySequence.StandardKey, ...] = ()
    enabled_when: Callable[[Circumstances], bool] = _always
    checkable: bool = False
    hint: str = ""
    why_not: Callable[[Circumstances], str] = _no_reason

    @property
    def object_name(self) -> str:
        """The name by which tests and assistive tools find it: "actionDelete".

        >>> Action("store.open", "&Open Store…", "Open a store.").object_name
        'actionOpenStore'
        """
        return "action" + _OBJECT_NAMES.get(self.id, _capitals(self.id.rsplit(".", 1)[-1]))

    @property
    def plain_text(self) -> str:
        """Its text without mnemonic and dots."""
        return self.text.replace("&", "").rstrip("…")

    def key_sequences(self) -> list[QKeySequence]:
        """Return the keys that start it, on this system."""
        sequences: list[QKeySequence] = []
        for shortcut in self.shortcuts:
            if isinstance(shortcut, QKeySequence.StandardKey):
                found = QKeySequence.keyBindings(shortcut)
            else:
                found = [QKeySequence(shortcut)]
            sequences += [sequence for sequence in found if sequence not in sequences]
        return sequences


_OBJECT_NAMES = {
    "object.find": "FindInObject",
    "store.open": "OpenStore",
    "store.open_folder": "OpenFolder",
    "store.open_demo": "OpenDemo",
    "store.check": "CheckStore",
    "store.close": "CloseStore",
    "store.copy_to": "CopyStoreTo",
    "store.export": "ExportStore",
    "store.import": "ImportArchive",
    "store.properties": "StoreProperties",
    "object.copy_to": "CopyObjectsTo",
}


def _capitals(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
