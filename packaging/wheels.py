"""Builds the wheel and the sdist, and sees that both hold and do what they should."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from project import BUILD, DIST, ROOT, epoch, output, run, version

_NOT_WANTED = ("__pycache__", ".pyc", ".venv", "/build/", "/dist/")
# Uses the library as a program would, in an environment without Qt.
_LIBRARY = """
import importlib.util, sys
from persistence import Persistable, make_store
assert importlib.util.find_spec("PySide6") is None, "Qt came along"
with make_store("sqlite:///" + sys.argv[1]) as store:
    id_ = store.save(Persistable())
    assert store.list() == [id_]
    print("library alone:", store.inspect(id_).root is not None)
"""


def build() -> list[Path]:
    """Build both; return their files."""
    DIST.mkdir(exist_ok=True)
    for old in DIST.glob("jobshelf-*"):
        if old.name.endswith((".whl", f"{version()}.tar.gz")):
            old.unlink()
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(epoch()))
    run(
        [sys.executable, "-m", "hatchling", "build", "-d", DIST],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return [*DIST.glob("jobshelf-*.whl"), *DIST.glob(f"jobshelf-{version()}.tar.gz")]


def check(files: list[Path]) -> None:
    """See that the metadata is valid, the contents are right, and both can be installed."""
    print(output([sys.executable, "-m", "twine", "check", "--strict", *files]).strip())
    for file in files:
        names = contents(file)
        print(f"{file.name}: {len(names)} files")
        wrong = [name for name in names if any(part in f"/{name}" for part in _NOT_WANTED)]
        wanted = ["persistence/py.typed", "icons/jobshelf.svg"]
        missing = [part for part in wanted if not any(name.endswith(part) for name in names)]
        if wrong or missing:
            sys.exit(f"packaging: {file.name}: unwanted {wrong}, missing {missing}")
    for file in files:
        install(file)


def contents(file: Path) -> list[str]:
    """Return the names of the files in a wheel or an sdist."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    with tarfile.open(file) as archive:
        return [member.name for member in archive if member.isfile()]


def install(file: Path) -> None:
    """Install a file into a clean environment, without Qt, and use the library there."""
    place = BUILD / "clean"
    run([sys.executable, "-m", "venv", "--clear", place])
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "-c", ROOT / "constraints.txt", file], stderr=subprocess.DEVNULL)
    database = place / "store.db"
    print(f"{file.name}:", output([python, "-I", "-c", _LIBRARY, database]).strip())
    print(f"{file.name}:", output([python, "-m", "app", "--version"]).strip())
