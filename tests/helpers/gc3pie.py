"""GC3Pie itself, in an interpreter of its own, as the judge of what we write.

GC3Pie 2.6.8 installs on Python 3.9 with `setuptools<60` and `SQLAlchemy<1.4`. Where such an
interpreter is found, an environment with it is made once, under the user's cache folder.
Set JOBSHELF_GC3PIE_PYTHON to one that has GC3Pie already.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

__all__ = ["gc3pie_python", "run_in_gc3pie", "stop_in_gc3pie", "write_with_gc3pie"]

_READER = Path(__file__).with_name("gc3pie_reader.py")
_WRITER = Path(__file__).with_name("gc3pie_writer.py")
_PACKAGES = ["gc3pie==2.6.8", "SQLAlchemy<1.4"]


@lru_cache
def gc3pie_python() -> tuple[str | None, str]:
    """Return an interpreter that imports GC3Pie, or None and the reason why there is none."""
    given = os.environ.get("JOBSHELF_GC3PIE_PYTHON")
    if given:
        return (given, "") if _imports(given) else (None, f"{given} does not import gc3libs")
    home = Path(platformdirs.user_cache_dir("jobshelf-tests", appauthor=False)) / "gc3pie"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if _imports(str(python)):
        return str(python), ""
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        return _install(home, python)


def _install(home: Path, python: Path) -> tuple[str | None, str]:
    if _imports(str(python)):
        return str(python), ""  # another test process was faster
    base = next(filter(_can_make_environments, _pythons()), None)
    if base is None:
        return None, "there is no Python 3.9 here that could run GC3Pie 2.6.8"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [base, "-m", "venv", "--clear", str(home)],
        [*install, "setuptools<60", "wheel"],
        [*install, *_PACKAGES],
    ):
        if not _runs(command):
            return None, f"GC3Pie 2.6.8 could not be installed: {' '.join(command)} failed"
    return (str(python), "") if _imports(str(python)) else (None, "GC3Pie does not import")


def run_in_gc3pie(url: str, *ids: str) -> dict[str, Any]:
    """Load objects of a store with GC3Pie; return what it found, by ID.

    Args:
        url: The store's address, as GC3Pie takes it.
        *ids: The objects to load; all that GC3Pie lists when there are none.
    """
    return _run(_READER, url, *ids)


def stop_in_gc3pie(url: str, *ids: str) -> None:
    """Have GC3Pie load jobs of a store, set their state to STOPPED and save them again."""
    _run(_READER, "--stop", url, *ids)


def write_with_gc3pie(folder: Path) -> dict[str, dict[str, Any]]:
    """Have GC3Pie write unusual stores into a folder; return what is in each, by address."""
    return _run(_WRITER, str(folder))


def _run(script: Path, *arguments: str) -> dict[str, Any]:
    python, reason = gc3pie_python()
    assert python is not None, reason
    done = subprocess.run(
        [python, str(script), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _pythons() -> Iterator[str]:
    """Iterate over what may be a Python 3.9: on the PATH, beside this one, or of pyenv."""
    on_path = shutil.which("python3.9")
    if on_path:
        yield on_path
    for versions in (Path(sys.base_prefix).parent, Path.home() / ".pyenv" / "versions"):
        for python in versions.glob("*3.9*/bin/python3.9"):
            yield str(python)


def _can_make_environments(python: str) -> bool:
    return _runs([python, "-c", "import venv, ensurepip"])


def _imports(python: str) -> bool:
    return _runs([python, "-c", "import gc3libs.persistence"])


def _runs(command: list[str]) -> bool:
    try:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        return (
            subprocess.run(
                command, capture_output=True, timeout=300, check=False, env=environment
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    sys.exit(0 if gc3pie_python()[0] else 1)
