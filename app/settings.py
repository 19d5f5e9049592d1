"""Where the application keeps its files, and what it remembers between two starts.

Each setting is a typed descriptor on `Settings`; a setting with a label is one that the
Settings dialog offers. The values stand in one INI file, each as JSON text.
"""

from __future__ import annotations

import base64
import binascii
import errno
import json
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import platformdirs
from PySide6.QtCore import QSettings

__all__ = [
    "HOME_VARIABLE",
    "Choice",
    "Setting",
    "Settings",
    "cache_dir",
    "config_dir",
    "data_dir",
    "log_dir",
    "use_other_home",
]

HOME_VARIABLE = "JOBSHELF_HOME"
"""Environment variable: one folder for settings, journal, cache and logs alike."""

_NAME = "jobshelf"
_MAX_RECENT = 12
_FOR_ALL = ("/var/tmp", tempfile.gettempdir())  # noqa: S108 -- what is found there is checked

T = TypeVar("T")


def config_dir() -> Path:
    """Return the folder of the settings, which exists then."""
    return _folder("config", platformdirs.user_config_path(_NAME, appauthor=False))


def data_dir() -> Path:
    """Return the folder of the journal, which exists then."""
    return _folder("data", platformdirs.user_data_path(_NAME, appauthor=False))


def cache_dir() -> Path:
    """Return the folder of what can be computed again, which exists then."""
    return _folder("cache", platformdirs.user_cache_path(_NAME, appauthor=False))


def log_dir() -> Path:
    """Return the folder of the logs, which exists then."""
    return _folder("log", platformdirs.user_log_path(_NAME, appauthor=False))


def _folder(part: str, default: Path) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    folder = Path(home).expanduser().absolute() / part if home else default
    # The journal holds pickles of other people's stores: nobody else may look in.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def use_other_home() -> Path:
    """Keep everything in the system's folder for temporary files that survive a restart.

    For users whose own folder cannot be written to: a service, a full or read-only disk.

    Returns:
        The folder, which is only this user's; `HOME_VARIABLE` names it from now on.

    Raises:
        OSError: That is not possible either, or the user has named a folder.
    """
    if os.name == "nt" or os.environ.get(HOME_VARIABLE):
        raise PermissionError(errno.EACCES, "there is no other folder")
    problem = OSError(errno.ENOENT, "there is no folder for temporary files")
    for parent in _FOR_ALL:
        folder = Path(parent) / f"{_NAME}-home-{os.geteuid()}"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            status = folder.lstat()
        except OSError as error:
            problem = error
            continue
        # Others may write there too, and may have been first.
        is_ours = status.st_uid == os.geteuid() and not status.st_mode & 0o077
        if stat.S_ISDIR(status.st_mode) and is_ours:
            os.environ[HOME_VARIABLE] = str(folder)
            return folder
        problem = PermissionError(errno.EACCES, "it is not only yours", str(folder))
    raise problem


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a setting may have, and how the dialog calls it."""

    value: Any
    label: str


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One remembered value: a descriptor on `Settings`.

    Attributes:
        key: Where it stands in the INI file, as "group/name".
        default: Its value until it is set, and when the file holds nonsense.
        label: What the Settings dialog calls it; "" for what only the program sets.
        help: One sentence on what it does.
        choices: The values offered; empty for any value of the default's type.
        renamed_from: Earlier keys; a value found there is taken over.
    """

    key: str
    default: T
    label: str = ""
    help: str = ""
    choices: tuple[Choice, ...] = ()
    renamed_from: tuple[str, ...] = ()

    @overload
    def __get__(self, owner: None, kind: type[Settings]) -> Setting[T]: ...
    @overload
    def __get__(self, owner: Settings, kind: type[Settings]) -> T: ...
    def __get__(self, owner: Settings | None, kind: type[Settings]) -> Setting[T] | T:
        return self if owner is None else owner.value(self)

    def __set__(self, owner: Settings, value: T) -> None:
        owner.set_value(self, value)


class Settings:
    """What the application remembers, in `jobshelf.ini` in the configuration folder."""

    appearance = Setting(
        "view/appearance",
        "system",
        "Appearance",
        "Light or dark; “As the system” follows the desktop.",
        (Choice("system", "As the system"), Choice("light", "Light"), Choice("dark", "Dark")),
    )
    text_size = Setting(
        "view/text_size",
        100,
        "Text size",
        "Size of all text, relative to the system's.",
        tuple(
            Choice(percent, f"{percent} %") for percent in (80, 90, 100, 110, 125, 150, 175, 200)
        ),
    )
    live = Setting(
        "view/live",
        True,
        "Follow changes",
        "Show what other programs write to the store while it is open.",
    )
    motion = Setting(
        "view/motion",
        "system",
        "Motion",
        "The marks of changes fade out; with “Reduced” they stand still and go.",
        (Choice("system", "As the system"), Choice("reduced", "Reduced")),
    )
    reopen_last = Setting(
        "start/reopen_last",
        False,
        "Open the last store at start",
        "Start with the store that was open when the window was closed.",
    )
    journal_days = Setting(
        "journal/days",
        180,
        "Keep deleted objects for",
        "How long “Recently Deleted” can bring an object back.",
        (
            Choice(30, "30 days"),
            Choice(180, "180 days"),
            Choice(365, "a year"),
            Choice(0, "ever"),
        ),
    )

    check_weekly = Setting(
        "updates/weekly",
        False,
        "Check for updates once a week",
        "When Jobshelf starts, ask for the newest version. Nothing is downloaded or installed.",
    )
    release_feed = Setting(
        "updates/feed",
        "",
        "Updates are told by",
        "An HTTPS address that answers as GitHub does; empty for that of the project.",
    )

    index_limit = Setting(
        "index/limit",
        2_000_000_000,
        "Room for stored indexes",
        "What the lists of other programs' stores may take on this computer; the oldest go first.",
        (
            Choice(0, "store none"),
            Choice(500_000_000, "500 MB"),
            Choice(2_000_000_000, "2 GB"),
            Choice(10_000_000_000, "10 GB"),
        ),
    )

    recent_stores: Setting[list[str]] = Setting("open/recent", [])
    last_folder = Setting("open/folder", "")
    updates_asked = Setting("updates/asked", 0)  # seconds since 1970, UTC
    last_store = Setting("open/last", "")
    window_geometry = Setting("window/geometry", b"")
    main_splitter = Setting("window/main_splitter", b"")
    inspector_splitter = Setting("window/inspector_splitter", b"")
    table_header = Setting("window/table_header", b"")
    table_widths: Setting[dict[str, int]] = Setting("window/table_widths", {})
    tree_widths: Setting[dict[str, int]] = Setting("window/tree_widths", {})
    attribute_columns: Setting[dict[str, list[str]]] = Setting("window/attribute_columns", {})
    panel_tab = Setting("window/panel_tab", 0)
    panels_visible = Setting("window/panels_visible", True)

    def __init__(self, path: Path | None = None) -> None:
        """Open the settings.

        Args:
            path: The INI file; by default the user's.
        """
        self.path = path if path is not None else config_dir() / "jobshelf.ini"
        self._file = QSettings(str(self.path), QSettings.Format.IniFormat)

    @classmethod
    def offered(cls) -> dict[str, Setting[Any]]:
        """Return the settings that the user may set, by attribute name, in order."""
        return {
            name: setting
            for name, setting in vars(cls).items()
            if isinstance(setting, Setting) and setting.label
        }

    def value(self, setting: Setting[T]) -> T:
        """Return the value of a setting, or its default where there is no valid one."""
        for key in (setting.key, *setting.renamed_from):
            if not self._file.contains(key):
                continue
            value = _decode(self._file.value(key), setting.default)
            if value is not None and (
                not setting.choices or value in [choice.value for choice in setting.choices]
            ):
                return value
        return setting.default

    def set_value(self, setting: Setting[T], value: T) -> None:
        """Remember a value."""
        self._file.setValue(setting.key, _encode(value))

    def sync(self) -> None:
        """Write what was set to the file now."""
        self._file.sync()

    def add_recent_store(self, address: str) -> None:
        """Put an address first in the list of recent stores.

        Args:
            address: Without password.
        """
        rest = [known for known in self.recent_stores if known != address]
        self.recent_stores = [address, *rest][:_MAX_RECENT]

    def remove_recent_store(self, address: str) -> None:
        """Take an address out of the list of recent stores."""
        self.recent_stores = [known for known in self.recent_stores if known != address]


def _encode(value: object) -> str:
    if isinstance(value, bytes):
        return json.dumps(base64.b64encode(value).decode("ascii"))
    return json.dumps(value)


def _decode(text: object, default: T) -> T | None:
    """Return the value that `_encode` wrote, or None if it is not of the default's type."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
        if isinstance(default, bytes) and isinstance(value, str):
            value = base64.b64decode(value, validate=True)
    except (json.JSONDecodeError, binascii.Error, RecursionError):
        return None
    if type(value) is not type(default):
        return None
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        return None
    return value
