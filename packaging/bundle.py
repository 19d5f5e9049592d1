"""Freezes the program, cleans the result of traces of this machine, and says what is big in it."""

import os
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

import icu
import libraries
from project import BUILD, ROOT, build_number, epoch, run

# Why the largest files are in the bundle, by a part of their name.
_REASONS = {
    "icudata": "ICU's tables of how languages sort (of 32 MB, see icu.py)",
    "Qt6Gui": "Qt: drawing, text, windows", "Qt6Widgets": "Qt: the widgets",
    "Qt6Core": "Qt: strings, events, models, threads",
    "jobshelf": "the loader and all Python modules, compressed",
    "QtWidgets": "PySide6's bindings of the widgets", "QtGui": "PySide6's bindings of Qt Gui",
    "QtCore": "PySide6's bindings of Qt Core", "libcrypto": "OpenSSL for TLS to PostgreSQL servers",
    "libpython": "Python itself", "icui18n": "ICU, which Qt Core is linked to",
    "icuuc": "ICU, which Qt Core is linked to", "base_library": "modules Python starts with",
    "sqlite3": "SQLite, of a known version", "WaylandClient": "Qt on Wayland",
    "unicodedata": "Unicode's names and properties for Python",
}  # fmt: skip


def freeze() -> Path:
    """Freeze the program; return the folder of the bundle (macOS: of the application)."""
    shutil.rmtree(BUILD / "frozen", ignore_errors=True)
    environment = dict(
        os.environ,
        SOURCE_DATE_EPOCH=str(epoch()),
        PYTHONHASHSEED="1",  # the order of sets would be that of the modules in the archive
        JOBSHELF_BUILD=build_number(),
        PYINSTALLER_CONFIG_DIR=str(BUILD / "cache"),
    )
    run(
        [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN",
         "--distpath", BUILD / "frozen", "--workpath", BUILD / "work",
         ROOT / "packaging" / "jobshelf.spec"],
        cwd=ROOT, env=environment,
    )  # fmt: skip
    application = BUILD / "frozen" / "Jobshelf.app"
    folder = application if application.exists() else BUILD / "frozen" / "jobshelf"
    if sys.platform == "linux":
        icu.cut_down(folder)
        libraries.remove_run_paths(folder)
        _forget_prefix(folder)
    found = traces(folder)
    if found:
        sys.exit("packaging: paths of this machine are in the bundle:\n  " + "\n  ".join(found))
    return folder


def traces(folder: Path) -> list[str]:
    """Return what in a bundle names a folder of the machine it was built on."""
    wanted = [place.encode() for place in _places()]
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found += [f"{path.relative_to(folder)}: {place!r}" for place in wanted if place in data]
    for name, data in _archived(folder):
        found += [f"module {name}: {place!r}" for place in wanted if place in data]
    return found


def describe(folder: Path) -> str:
    """Return the size of a bundle and of its ten largest files, with the reason for each."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    total = sum(path.stat().st_size for path in files)
    lines = [f"installed: {total / 1e6:.1f} MB in {len(files)} files; the ten largest:"]
    for path in sorted(files, key=lambda path: -path.stat().st_size)[:10]:
        reason = next((why for part, why in _REASONS.items() if part in path.name), "?")
        lines.append(f"  {path.stat().st_size / 1e6:6.1f} MB  {path.name}: {reason}")
    return "\n".join(lines)


def _places() -> list[str]:
    """Return the folders that nobody else has: the checkout, the Python, the home."""
    places = {str(ROOT), str(BUILD), sys.prefix, sys.base_prefix, sysconfig.get_path("purelib")}
    places.add(os.path.expanduser("~"))
    return sorted(place for place in places if place not in ("/", "/usr", "/root", "/usr/local"))


def _forget_prefix(folder: Path) -> None:
    """Write /usr over the prefix that is compiled into Python, padded with slashes.

    The frozen program tells Python where its modules are: nothing reads this text. It is of
    the same length, so that everything stays where it is, and of the same end: the linker
    lets strings share their ends, such as that of ".../versions/3.11.7" and of sys.version.
    """
    prefix = sys.base_prefix.encode()
    if prefix.startswith(b"/usr"):
        return
    parent, _, name = prefix.rpartition(b"/")
    padded = b"/usr".ljust(len(parent), b"/") + b"/" + name
    for path in libraries.elf_files(folder):
        data = path.read_bytes()
        if prefix in data:
            path.write_bytes(data.replace(prefix, padded))


def _archived(folder: Path) -> list[tuple[str, bytes]]:
    """Return the compressed modules inside the program."""
    from PyInstaller.archive.readers import CArchiveReader

    program = next(
        path for path in folder.rglob("jobshelf*") if path.is_file() and path.suffix in ("", ".exe")
    )
    archive = CArchiveReader(str(program))
    entries = []
    for name, entry in archive.toc.items():
        if entry[-1] == "z":
            modules = archive.open_embedded_archive(name)
            entries += [
                (module, modules.extract(module, raw=True) or b"") for module in modules.toc
            ]
        else:
            entries.append((name, archive.extract(name)))
    for path in folder.rglob("*.zip"):
        with zipfile.ZipFile(path) as modules:
            entries += [(name, modules.read(name)) for name in modules.namelist()]
    return entries
