"""Where the data files are: in a checkout, an installed package or a frozen bundle."""

from __future__ import annotations

from pathlib import Path

__all__ = ["build_number", "project_address", "resource"]

_APP = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Return the path of a data file.

    Args:
        name: Its path below `resources`, with slashes.
    """
    # A wheel carries the folder inside the package; a checkout and a bundle beside it.
    packaged = _APP / "resources" / name
    return packaged if packaged.exists() else _APP.parent / "resources" / name


def build_number() -> str:
    """Return the day and commit of an installed bundle, as "20261124.0123456789"; else ""."""
    return _line("build.txt")


def project_address() -> str:
    """Return the web address of the project that an installed bundle was built by; else ""."""
    return _line("project.txt")


def _line(name: str) -> str:
    try:
        return resource(name).read_text("ascii").strip()
    except OSError:
        return ""
