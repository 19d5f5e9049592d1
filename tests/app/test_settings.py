from __future__ import annotations

import os
from pathlib import Path

import pytest

from app import settings
from app.settings import Setting, Settings, cache_dir, config_dir, data_dir, log_dir


def test_every_folder_lies_in_the_one_that_the_environment_names(home: Path) -> None:
    assert {config_dir(), data_dir(), cache_dir(), log_dir()} == {
        home / name for name in ("config", "data", "cache", "log")
    }


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JOBSHELF_HOME", "")
    monkeypatch.setattr(settings, "_FOR_ALL", (str(tmp_path),))
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="there a user's profile can be written to")
def test_a_user_who_may_not_write_at_home_has_a_folder_elsewhere(shared: Path) -> None:
    folder = settings.use_other_home()
    assert folder.parent == shared
    assert folder.stat().st_mode & 0o077 == 0
    assert data_dir() == folder / "data"


@pytest.mark.skipif(os.name == "nt", reason="there a user's profile can be written to")
def test_a_folder_elsewhere_that_others_can_look_into_is_not_taken(shared: Path) -> None:
    settings.use_other_home().chmod(0o755)
    os.environ["JOBSHELF_HOME"] = ""
    with pytest.raises(PermissionError, match="not only yours"):
        settings.use_other_home()


def test_a_folder_that_the_user_named_is_not_replaced_by_another(home: Path) -> None:
    with pytest.raises(PermissionError):
        settings.use_other_home()


def test_values_come_back_after_a_restart() -> None:
    first = Settings()
    first.live = False
    first.recent_stores = ["file:///a"]
    first.window_geometry = b"\x00\xff geometry"
    first.text_size = 125
    first.sync()
    again = Settings()
    assert (again.live, again.recent_stores, again.window_geometry, again.text_size) == (
        False,
        ["file:///a"],
        b"\x00\xff geometry",
        125,
    )


@pytest.mark.parametrize("text", ["[1, 2", '"yes"', "3", "null", "[[]]"])
def test_nonsense_in_the_file_gives_the_default(text: str) -> None:
    settings = Settings()
    for setting in (Settings.live, Settings.text_size, Settings.recent_stores, Settings.appearance):
        settings._file.setValue(setting.key, text)
        assert settings.value(setting) == setting.default


def test_a_setting_that_was_renamed_keeps_its_value() -> None:
    settings = Settings()
    settings._file.setValue("old/name", "7")
    assert settings.value(Setting("new/name", 1, renamed_from=("old/name",))) == 7


def test_recent_stores_are_unique_the_latest_first_and_not_too_many() -> None:
    settings = Settings()
    for number in range(30):
        settings.add_recent_store(f"file:///{number % 20}")
    assert settings.recent_stores[:2] == ["file:///9", "file:///8"]
    assert len(settings.recent_stores) == len(set(settings.recent_stores)) == 12
    settings.remove_recent_store("file:///9")
    assert settings.recent_stores[0] == "file:///8"


def test_every_setting_that_is_offered_explains_itself() -> None:
    for setting in Settings.offered().values():
        assert setting.help.endswith(".")
        assert isinstance(setting.default, (bool, str)) or setting.choices
