"""The import walls hold, and would be seen to fall."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"


# What import-linter cannot tell, or only for whole packages: module → who alone imports it.
ALONE = {
    "sqlalchemy": ("persistence/sql",),
    "pickle": ("persistence/pickles/", "persistence/serialization.py"),
    "pickletools": ("persistence/pickles/",),
    "PySide6.QtWidgets": ("app/window/", "app/actions/", "app/main.py"),
    "threading": ("app/work/", "persistence/"),  # the library locks, but starts no thread
    "multiprocessing": ("app/work/", "app/__main__.py", "app/demo.py", "persistence/testing.py"),
}


def imported(source: str) -> set[str]:
    """Return the modules that a source file imports, by their full names."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def trespassers(folder: Path) -> list[str]:
    found = []
    for path in [*folder.glob("persistence/**/*.py"), *folder.glob("app/**/*.py")]:
        name = path.relative_to(folder).as_posix()
        for module in imported(path.read_text("utf-8")):
            for wall, allowed in ALONE.items():
                if (module == wall or module.startswith(f"{wall}.")) and not name.startswith(
                    allowed
                ):
                    found.append(f"{name} imports {module}")
    return found


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "", "SYSTEMROOT": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("app", "persistence"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_walls_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "violation"),
    [
        ("persistence/ids.py", "import PySide6.QtCore"),
        ("persistence/summary.py", "import persistence.serialization"),
        ("app/models/columns.py", "import app.window.theme"),
        ("app/work/task.py", "import app.models.columns"),
        ("app/work/task.py", "import pickle"),
    ],
)
def test_a_planted_violation_is_found(copy: Path, module: str, violation: str) -> None:
    with (copy / module).open("a") as file:
        file.write(f"\n{violation}  # noqa\n")
    done = lint(copy)
    assert done.returncode != 0, done.stdout
    assert "broken" in done.stdout.lower()


def test_only_those_import_a_module_who_may() -> None:
    assert trespassers(ROOT) == []


@pytest.mark.parametrize(
    ("module", "violation"),
    [
        ("app/models/columns.py", "from PySide6 import QtWidgets"),
        ("app/models/columns.py", "from PySide6.QtWidgets import QLabel"),
        ("persistence/records.py", "import sqlalchemy.orm"),
        ("persistence/filesystem.py", "from pickle import loads"),
        ("app/window/theme.py", "import threading"),
    ],
)
def test_a_planted_trespasser_is_found(copy: Path, module: str, violation: str) -> None:
    with (copy / module).open("a") as file:
        file.write(f"\n{violation}\n")
    found = trespassers(copy)
    assert found
    assert all(each.startswith(module) for each in found)


def test_looking_at_a_pickle_imports_no_database_and_no_qt() -> None:
    code = (
        "import sys, persistence.pickles, persistence.summary\n"
        "heavy = {'sqlalchemy', 'PySide6', 'filelock'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_the_tripwire_goes_off(looks_only: list[str]) -> None:
    import pickle

    with pytest.raises(AssertionError, match="resolved"):
        pickle.loads(b"cos\ngetcwd\n.")
    looks_only.clear()
    from tests import conftest

    conftest._resolved.clear()
