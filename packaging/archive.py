"""Packs the bundle as a .tar.xz that runs from any folder, without root."""

import io
import lzma
import shutil
import tarfile
from pathlib import Path

import libraries
import linux_tree
from project import BUILD, DIST, NAME, ROOT, epoch, version


def build(bundle: Path, machine: str) -> Path:
    """Build the archive; return its file."""
    name = f"{NAME}-{version()}-linux-{machine}"
    tree = BUILD / "archive" / name
    shutil.rmtree(tree.parent, ignore_errors=True)
    linux_tree.copy_bundle(bundle, tree)
    linux_tree.write(tree / "README.txt", readme(tree).encode())
    linux_tree.install(ROOT / "LICENSE", tree / "LICENSE.txt")
    linux_tree.settle(tree)
    DIST.mkdir(exist_ok=True)
    target = DIST / f"{name}.tar.xz"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in [tree, *sorted(tree.rglob("*"))]:
            archive.add(path, str(path.relative_to(tree.parent)), recursive=False, filter=_plain)
    target.write_bytes(lzma.compress(data.getvalue(), preset=6))
    return target


def readme(tree: Path) -> str:
    """Return what a user of the archive has to know."""
    needs = libraries.system_needs(tree)
    glibc = libraries.newest(set().union(*needs.values()), "GLIBC_")
    names = ", ".join(library for library in needs if not library.startswith("ld-linux"))
    return f"""\
Jobshelf {version()}

    ./{NAME}                   opens the window
    ./{NAME} STORE             opens a store: a folder, a SQLite file or a URL
    ./{NAME} --help

This folder can stand anywhere, and needs neither root nor Python. It needs Linux with glibc
{glibc} or newer, a display (X11 or Wayland) and these libraries of the system, which desktops
have: {names}.

Settings and undo go to ~/.config and ~/.local/share, or all into the folder that the
environment variable JOBSHELF_HOME names. To remove Jobshelf, delete this folder.

Licences: LICENSE.txt, and _internal/resources/third-party-notices.txt for what is inside.
"""


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = epoch()
    return entry
