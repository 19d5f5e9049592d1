from __future__ import annotations

from collections import Counter

import pytest
from pytestqt.qtbot import QtBot

from app.actions.action import Circumstances
from app.actions.catalogue import ACTIONS, MENUS, SEPARATOR, SUBMENUS


def test_every_action_stands_in_a_menu() -> None:
    shown = {entry for _, entries in MENUS for entry in entries}
    shown |= {"object.replace", "object.replace_by_object"}  # in the Replace submenu
    assert set(ACTIONS) == shown - {SEPARATOR} - set(SUBMENUS)


def test_no_two_actions_share_a_key_or_a_name(qtbot: QtBot) -> None:
    keys = Counter(
        keys.toString() for action in ACTIONS.values() for keys in action.key_sequences()
    )
    assert [key for key, count in keys.items() if count > 1] == []
    names = Counter(action.object_name for action in ACTIONS.values())
    assert [name for name, count in names.items() if count > 1] == []


def test_no_two_entries_of_a_menu_share_a_mnemonic() -> None:
    for title, entries in MENUS:
        texts = [
            ACTIONS[e].text if e in ACTIONS else SUBMENUS[e] for e in entries if e != SEPARATOR
        ]
        mnemonics = Counter(text[text.index("&") + 1].lower() for text in texts)
        assert [key for key, count in mnemonics.items() if count > 1] == [], title


@pytest.mark.parametrize(
    ("id_", "name"),
    [
        ("store.open", "actionOpenStore"),
        ("object.delete", "actionDelete"),
        ("object.replace", "actionReplace"),
        ("edit.undo", "actionUndo"),
        ("edit.redo", "actionRedo"),
        ("view.refresh", "actionRefresh"),
        ("object.back", "actionBack"),
        ("object.forward", "actionForward"),
        ("object.follow", "actionFollow"),
    ],
)
def test_the_names_that_tests_and_assistive_tools_rely_on_are_stable(id_: str, name: str) -> None:
    assert ACTIONS[id_].object_name == name


def test_nothing_that_changes_a_store_is_offered_for_one_that_is_read_only() -> None:
    now = Circumstances(store_is_open=True, store_is_writable=False, selected=1)
    for id_ in (
        "object.delete",
        "object.delete_below",
        "object.replace",
        "object.replace_by_object",
    ):
        assert not ACTIONS[id_].enabled_when(now)
