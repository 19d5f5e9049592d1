"""Ways to be kept from writing to a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["WAYS", "kept_from_writing", "missing"]

WAYS = ("asked for", "not allowed", "read-only medium")
_NOBODY = 65534


def missing(way: str) -> str:
    """Return why a way cannot be had here, or ""."""
    if way == "asked for":
        return ""
    if os.name == "nt" or os.geteuid() != 0:
        return "only root can become somebody else, and mount"
    if way == "read-only medium" and sys.platform != "linux":
        return "mounts are made as on Linux"
    return ""


@contextmanager
def kept_from_writing(way: str, folder: Path) -> Iterator[Path]:
    """Have nobody of this process write to a folder; yields where it is to be opened.

    Raises:
        PermissionError: This machine does not let even root mount.
    """
    if way == "not allowed":
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        os.seteuid(_NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(0)
    elif way == "read-only medium":
        with _mounted(folder) as mounted:
            yield mounted
    else:
        yield folder


@contextmanager
def _mounted(folder: Path) -> Iterator[Path]:
    medium = folder.with_name(f"{folder.name}-medium")
    medium.mkdir()
    try:
        _run("mount", "--bind", str(folder), str(medium))
        try:
            _run("mount", "-o", "remount,bind,ro", str(medium))
            yield medium
        finally:
            _run("umount", "--lazy", str(medium))
    finally:
        medium.rmdir()


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise PermissionError(str(error)) from error
    if done.returncode != 0:
        raise PermissionError(done.stderr)
