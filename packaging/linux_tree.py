"""The files of the Linux packages, in the places where they are installed."""

import gzip
import os
import shutil
from pathlib import Path

import icons
from project import DESCRIPTION, NAME, ROOT, date, epoch, version

HOME = Path("usr/lib") / NAME
RESOURCES = ROOT / "resources"


def lay_out(bundle: Path, tree: Path) -> None:
    """Make the tree of a package: the bundle, and what makes a desktop know of it."""
    shutil.rmtree(tree, ignore_errors=True)
    copy_bundle(bundle, tree / HOME)
    program = tree / "usr/bin" / NAME
    program.parent.mkdir(parents=True)
    program.symlink_to(f"../lib/{NAME}/{NAME}")
    share = tree / "usr/share"
    install(RESOURCES / "jobshelf.desktop", share / "applications/jobshelf.desktop")
    install(RESOURCES / "jobshelf-mime.xml", share / "mime/packages/jobshelf.xml")
    write(share / "metainfo/org.jobshelf.Jobshelf.metainfo.xml", metainfo().encode())
    write(share / "man/man1/jobshelf.1.gz", compressed(manual()))
    icons.write_hicolor(share / "icons/hicolor")
    settle(tree)


def copy_bundle(bundle: Path, target: Path) -> None:
    """Copy a bundle with its links and modes; what is no program is not executable."""
    shutil.copytree(bundle, target, symlinks=True)
    for path in target.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o755 if path == target / NAME else 0o644)


def metainfo() -> str:
    """Return the AppStream record of this version."""
    text = (RESOURCES / "jobshelf.metainfo.xml").read_text("utf-8")
    return text.replace("@VERSION@", version()).replace("@DATE@", date("%Y-%m-%d"))


def manual() -> bytes:
    """Return the manual page of this version."""
    text = (RESOURCES / "jobshelf.1").read_text("utf-8")
    return text.replace("@VERSION@", version()).replace("@DATE@", date("%Y-%m-%d")).encode()


def description() -> list[str]:
    """Return the lines of the long description."""
    return DESCRIPTION.splitlines()


def compressed(data: bytes) -> bytes:
    """Return data as gzip does it, without a name or a time in it."""
    return gzip.compress(data, 9, mtime=0)


def install(source: Path, target: Path) -> None:
    """Copy a data file to where it is installed."""
    write(target, source.read_bytes())


def write(target: Path, data: bytes) -> None:
    """Write a data file to where it is installed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def settle(tree: Path) -> None:
    """Give all files the time of the build, and all folders and data files the usual modes."""
    for path in sorted(tree.rglob("*"), reverse=True):
        if not path.is_symlink():
            is_program = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if is_program else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)
    tree.chmod(0o755)
    os.utime(tree, (epoch(), epoch()))
