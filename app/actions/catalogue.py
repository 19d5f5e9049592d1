"""All actions of the window, in the order of its menus."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence

from app.actions.action import Action, Circumstances

__all__ = ["ACTIONS", "MENUS", "SEPARATOR", "SUBMENUS", "TABLE_MENU", "TREE_MENU", "Menu"]

Key = QKeySequence.StandardKey
Menu = tuple[str, tuple[str, ...]]
"""A title with its mnemonic, and the ids of its entries."""

SEPARATOR = "-"


def _store_is_open(now: Circumstances) -> bool:
    return now.store_is_open


def _objects_are_selected(now: Circumstances) -> bool:
    return now.selected > 0


def _can_delete(now: Circumstances) -> bool:
    return now.store_is_writable and now.selected > 0 and not now.is_busy


def _can_replace(now: Circumstances) -> bool:
    return now.store_is_writable and now.selected == 1 and not now.is_busy


def _why_read_only(now: Circumstances) -> str:
    if not now.store_is_open or now.store_is_writable:
        return ""
    return "The store is open for reading only; nothing in it can be changed."


def _can_copy_store(now: Circumstances) -> bool:
    return now.store_is_open and not now.is_copying


def _why_copying(now: Circumstances) -> str:
    return "A copy is under way; the status bar shows how far it is." if now.is_copying else ""


def _value(
    verb: str, text: str, tip: str, icon: str = "", shortcut: str = "", hint: str = ""
) -> Action:
    """Return an action that changes the current value of the tree."""

    def can(now: Circumstances) -> bool:
        return now.store_is_writable and verb in now.node_verbs

    keys = (shortcut,) if shortcut else ()
    return Action(f"object.{verb}", text, tip, icon, keys, can, hint=hint, why_not=_why_read_only)


def _object_is_shown(now: Circumstances) -> bool:
    return now.object_is_shown


def _node_is_current(now: Circumstances) -> bool:
    return now.node_is_current


_RECORDS = (
    Action("store.open", "&Open Store…", "Open a store of any kind.", "open", (Key.Open,)),
    Action(
        "store.open_folder",
        "Open &Folder…",
        "Open a folder of job files, or a GC3Pie session.",
        "folder",
        ("Ctrl+Shift+O",),
    ),
    Action(
        "store.open_demo",
        "Open &Demo Store",
        "Make a store of example jobs in a temporary folder, and open it.",
        "demo",
    ),
    Action(
        "store.close",
        "&Close Store",
        "Close the store; the window stays.",
        "close",
        (Key.Close,),
        _store_is_open,
    ),
    Action("window.quit", "&Quit", "Close the window.", "quit", ("Ctrl+Q",)),
    Action(
        "edit.undo",
        "&Undo",
        "Take the last change back.",
        "undo",
        (Key.Undo,),
        lambda now: now.can_undo and not now.is_busy,
    ),
    Action(
        "edit.redo",
        "&Redo",
        "Make the change again that was taken back last.",
        "redo",
        (Key.Redo,),
        lambda now: now.can_redo and not now.is_busy,
    ),
    Action(
        "edit.copy",
        "&Copy",
        "Copy the selected value in the tree, or the selected IDs in the table.",
        "copy",
        (Key.Copy,),
        lambda now: now.selected > 0 or now.node_is_current,
    ),
    Action(
        "edit.copy_id",
        "Copy &ID",
        "Copy the IDs of the selected objects.",
        "",
        ("Ctrl+Shift+C",),
        _objects_are_selected,
    ),
    Action(
        "edit.copy_path",
        "Copy &Path",
        "Copy the path of the selected value, such as execution.history[2].",
        "reference",
        ("Ctrl+Alt+C",),
        _node_is_current,
    ),
    Action(
        "edit.copy_value",
        "Copy &Value",
        "Copy the whole text of the selected value.",
        "details",
        (),
        _node_is_current,
    ),
    Action(
        "edit.copy_expression",
        "Copy as P&ython Expression",
        "Copy the selected value as Python source.",
        "python",
        (),
        _node_is_current,
    ),
    Action(
        "edit.select_all",
        "Select &All",
        "Select every object in the table.",
        "",
        (Key.SelectAll,),
        _store_is_open,
    ),
    Action(
        "edit.find",
        "&Find…",
        "Find a text in the object, if the tree has the keyboard; else filter the table.",
        "search",
        (Key.Find,),
        _store_is_open,
    ),
    Action(
        "edit.recently_deleted",
        "Recently &Deleted…",
        "Bring back what was deleted from this store, also before a restart.",
        "restore",
        (),
        _store_is_open,
    ),
    Action(
        "edit.settings", "&Settings…", "Appearance, text size and more.", "settings", ("Ctrl+,",)
    ),
    Action(
        "view.live",
        "&Live: Follow Changes",
        "Show what other programs write to the store as it happens.",
        "live",
        ("Ctrl+L",),
        checkable=True,
    ),
    Action(
        "view.refresh",
        "&Refresh",
        "Read the store again.",
        "refresh",
        (Key.Refresh,),
        _store_is_open,
    ),
    Action(
        "view.panels",
        "&Details and References",
        "Show the panels below the object.",
        "panels",
        ("F4",),
        checkable=True,
    ),
    Action("view.next_area", "&Next Area", "Go to the next area of the window.", "", ("F6",)),
    Action(
        "view.previous_area",
        "Pre&vious Area",
        "Go to the area of the window before this one.",
        "",
        ("Shift+F6",),
    ),
    Action(
        "view.zoom_in", "Larger &Text", "Make all text larger.", "zoom-in", (Key.ZoomIn, "Ctrl+=")
    ),
    Action("view.zoom_out", "&Smaller Text", "Make all text smaller.", "zoom-out", (Key.ZoomOut,)),
    Action(
        "view.zoom_reset",
        "Text at Normal Si&ze",
        "Make all text as large as the system's.",
        "",
        ("Ctrl+0",),
    ),
    Action(
        "object.follow",
        "&Follow Reference",
        "Open the object that the selected reference names.",
        "follow",
        (),
        lambda now: now.node_names_object,
        hint="Enter",
    ),
    Action(
        "object.back",
        "&Back",
        "Show the object that was shown before.",
        "back",
        ("Alt+Left", Key.Back),
        lambda now: now.can_go_back,
    ),
    Action(
        "object.forward",
        "F&orward",
        "Show the object from which Back was used.",
        "forward",
        ("Alt+Right", Key.Forward),
        lambda now: now.can_go_forward,
    ),
    _value("edit", "Edit &Value…", "Type another value in place of this one.", "edit", "F2"),
    _value("insert", "&Insert Value…", "Put a new value into this object or list.", "insert"),
    _value("append", "&Append Value…", "Put a new value at the end of this list or set."),
    _value("rename", "Re&name…", "Give this value another name or key."),
    _value("move_up", "Move &Up", "Move this item up in its list.", hint="Alt+Up"),
    _value("move_down", "Move Do&wn", "Move this item down in its list.", hint="Alt+Down"),
    _value("refer", "Point Reference &To…", "Have this reference name another object.", "follow"),
    _value("reclass", "&Change Class…", "Have this object be of a class with another name."),
    _value(
        "delete_value",
        "Delete Va&lue",
        "Take this value out of its object or list; this can be undone.",
        hint="Del",
    ),
    Action(
        "object.find",
        "Fi&nd in Object…",
        "Find a text in the names, values and types of the object.",
        "search",
        ("Ctrl+Shift+F",),
        _object_is_shown,
    ),
    Action(
        "object.find_next",
        "Find Ne&xt",
        "Go to the next match.",
        "down",
        ("F3",),
        _object_is_shown,
    ),
    Action(
        "object.find_previous",
        "Find Pr&evious",
        "Go to the match before.",
        "up",
        ("Shift+F3",),
        _object_is_shown,
    ),
    Action(
        "object.compare",
        "Co&mpare With…",
        "See two objects side by side: the two selected ones, or this and one to be chosen.",
        "compare",
        ("Ctrl+D",),
        lambda now: now.selected in (1, 2),
    ),
    Action(
        "object.safety",
        "W&hat Would This Run?",
        "See what loading this object for real would import and call. Nothing is run.",
        "safety",
        ("Ctrl+Shift+R",),
        _object_is_shown,
    ),
    Action(
        "object.opcodes",
        "Show O&pcodes",
        "See the bytes that the selected value is made of.",
        "opcodes",
        ("Ctrl+Shift+B",),
        _object_is_shown,
    ),
    Action(
        "object.delete",
        "&Delete Object…",
        "Delete the objects that are selected in the table; this can be undone.",
        "delete",
        (Key.Delete,),
        _can_delete,
        why_not=_why_read_only,
    ),
    Action(
        "object.delete_below",
        "Delete with &Everything Below…",
        "Delete the selected objects and all that only they lead to; this can be undone.",
        "",
        ("Shift+Del",),
        _can_delete,
        why_not=_why_read_only,
    ),
    Action(
        "object.replace",
        "From &Pickle File…",
        "Put the content of a pickle file in place of the selected object.",
        "replace",
        ("Ctrl+E",),
        _can_replace,
        why_not=_why_read_only,
    ),
    Action(
        "object.replace_by_object",
        "With &Another Object's Content…",
        "Put the content of another object of this store in place of the selected one.",
        "object",
        ("Ctrl+Shift+E",),
        _can_replace,
        why_not=_why_read_only,
    ),
    Action(
        "store.check",
        "&Check…",
        "Look for damaged objects, dangling references and leftovers, and repair them.",
        "safety",
        ("Ctrl+Shift+K",),
        _store_is_open,
    ),
    Action(
        "object.copy_to",
        "Copy &Selected Objects To…",
        "Copy the selected objects to another store of any kind, with what they refer to.",
        "",
        (),
        lambda now: _can_copy_store(now) and now.selected > 0,
        why_not=_why_copying,
    ),
    Action(
        "store.copy_to",
        "Copy &Store To…",
        "Copy all objects to another store of any kind, with their IDs and references.",
        "copy",
        (),
        _can_copy_store,
        why_not=_why_copying,
    ),
    Action(
        "store.export",
        "&Export Store…",
        "Copy the whole store into one archive file.",
        "file",
        (),
        _can_copy_store,
        why_not=_why_copying,
    ),
    Action(
        "store.import",
        "&Import…",
        "Copy all objects of an archive file into this store.",
        "insert",
        (),
        lambda now: _can_copy_store(now) and now.store_is_writable,
        why_not=lambda now: _why_read_only(now) or _why_copying(now),
    ),
    Action(
        "store.properties",
        "&Properties…",
        "What kind of store this is, and what is in it.",
        "info",
        ("Alt+Return",),
        _store_is_open,
    ),
    Action(
        "store.rebuild_index",
        "Re&build Index",
        "Throw away what was read of the store for the list and for search, and read it again.",
        "refresh",
        (),
        _store_is_open,
    ),
    Action(
        "store.remove_indexes",
        "&Remove Stored Indexes…",
        "Free the room that the lists of other programs' stores take on this computer.",
    ),
    Action("help.filter", "&Filter Language", "What can be written into the filter.", "search", ()),
    Action("help.shortcuts", "&Keyboard Shortcuts", "All keys.", "keyboard", ("F1",)),
    Action(
        "help.updates",
        "Check for &Updates…",
        "Ask which version is the newest; nothing is downloaded or installed.",
        "refresh",
    ),
    Action("help.about", "&About Jobshelf", "Versions and licences.", "info", ()),
)

ACTIONS = {action.id: action for action in _RECORDS}
"""Every action by its id."""

SUBMENUS = {
    "submenu.recent": "Open &Recent",
    "submenu.columns": "&Columns",
    "submenu.replace": "&Replace",
}
"""Titles of what stands in a menu and is itself one."""

EDIT_ENTRIES = (
    "object.edit",
    "object.refer",
    "object.insert",
    "object.append",
    "object.rename",
    "object.move_up",
    "object.move_down",
    "object.reclass",
    "object.delete_value",
)
"""What changes the current value of the tree, as menus have it."""

MENUS: tuple[Menu, ...] = (
    (
        "&File",
        (
            "store.open",
            "store.open_folder",
            "submenu.recent",
            "store.open_demo",
            SEPARATOR,
            "store.close",
            "window.quit",
        ),
    ),
    (
        "&Edit",
        (
            "edit.undo",
            "edit.redo",
            SEPARATOR,
            "edit.copy",
            "edit.copy_id",
            "edit.copy_path",
            "edit.copy_value",
            "edit.copy_expression",
            SEPARATOR,
            "edit.select_all",
            "edit.find",
            "object.find",
            "object.find_next",
            "object.find_previous",
            SEPARATOR,
            "edit.recently_deleted",
            "edit.settings",
        ),
    ),
    (
        "&View",
        (
            "view.live",
            "view.refresh",
            SEPARATOR,
            "submenu.columns",
            "view.panels",
            "view.next_area",
            "view.previous_area",
            SEPARATOR,
            "view.zoom_in",
            "view.zoom_out",
            "view.zoom_reset",
        ),
    ),
    (
        "&Object",
        (
            "object.follow",
            "object.back",
            "object.forward",
            SEPARATOR,
            *EDIT_ENTRIES,
            SEPARATOR,
            "object.compare",
            "object.safety",
            "object.opcodes",
            SEPARATOR,
            "object.copy_to",
            SEPARATOR,
            "object.delete",
            "object.delete_below",
            "submenu.replace",
        ),
    ),
    (
        "&Store",
        (
            "store.check",
            SEPARATOR,
            "store.copy_to",
            "store.export",
            "store.import",
            SEPARATOR,
            "store.properties",
            SEPARATOR,
            "store.rebuild_index",
            "store.remove_indexes",
        ),
    ),
    ("&Help", ("help.filter", "help.shortcuts", SEPARATOR, "help.updates", "help.about")),
)
"""The menu bar. "submenu.replace" holds the two ways to replace an object."""

TABLE_MENU = (
    "edit.copy_id",
    "object.copy_to",
    SEPARATOR,
    "object.compare",
    "object.safety",
    SEPARATOR,
    "object.delete",
    "object.delete_below",
    "submenu.replace",
)
"""The context menu of the table."""

TREE_MENU = (
    "object.follow",
    "object.back",
    SEPARATOR,
    *EDIT_ENTRIES,
    SEPARATOR,
    "edit.copy_value",
    "edit.copy_path",
    "edit.copy_expression",
    SEPARATOR,
    "object.find",
    "object.safety",
    "object.opcodes",
)
"""The context menu of the tree."""
