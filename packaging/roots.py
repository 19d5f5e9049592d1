"""Bare Debian roots to install packages into, and programs that run there as a user."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from project import BUILD, run

HOME = "/home/tester"
_USER = 4242
_PLACE = BUILD / "roots"
# What installing and removing anything changes.
_NOT_COUNTED = re.compile(
    r"/(proc|sys|dev|run)/|/var/(cache|log|lib/(dpkg|apt))/|/etc/ld\.so\.cache$|/home/tester/"
)


class Command:
    """A program in a root, run there as an ordinary user."""

    def __init__(self, root: "Root", name: str) -> None:
        chroot = shutil.which("chroot") or "chroot"
        self._words = [chroot, f"--userspec={_USER}:{_USER}", str(root.folder), name]
        self._environment = {"HOME": HOME, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def start(self, desktop: object, *arguments: str) -> subprocess.Popen:
        """Start it on a display."""
        environment = {**self._environment, "DISPLAY": desktop.display}
        return subprocess.Popen([*self._words, *arguments], env=environment)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Return its exit status, and what it prints with what it complains of."""
        done = subprocess.run(
            [*self._words, *arguments], env=self._environment, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    def output(self, *arguments: str) -> str:
        """Return what it prints."""
        return subprocess.run(
            [*self._words, *arguments], env=self._environment, check=False, text=True,
            stdout=subprocess.PIPE,
        ).stdout  # fmt: skip


class Root:
    """A folder with a Debian system in it.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> set[str]:
        """Return the paths of all its files that no program made for itself."""
        found = set()
        for place, folders, names in os.walk(self.folder):
            inside = "/" + os.path.relpath(place, self.folder).lstrip(".")
            folders[:] = [name for name in folders if name not in ("proc", "sys")]
            found |= {os.path.join(inside, name) for name in names + folders}
        return {path for path in found if not _NOT_COUNTED.search(path)}

    def copy(self, file: Path, target: str) -> None:
        """Copy a file into it."""
        shutil.copy(file, self.folder / target.lstrip("/"))

    def give(self, file: Path, name: str) -> str:
        """Give the user a copy of a file; return its path there."""
        folder = self.folder / "srv" / "stores"
        folder.mkdir(exist_ok=True)
        shutil.copy(file, folder / name)
        for path in (folder, folder / name):
            os.chown(path, _USER, _USER)
        return f"/srv/stores/{name}"

    def give_damaged(self, file: Path, name: str) -> tuple[str, str]:
        """Give the user a GC3Pie database with half of one job gone; return its path, the job."""
        path = BUILD / name
        shutil.copy(file, path)
        connection = sqlite3.connect(path)
        with connection:
            query = "SELECT id, data FROM store ORDER BY id LIMIT 1 OFFSET 60"
            id_, data = connection.execute(query).fetchone()
            change = "UPDATE store SET data = ? WHERE id = ?"
            connection.execute(change, (data[: len(data) // 2], id_))
        connection.close()
        return self.give(path, name), str(id_)

    def indexed(self) -> list[int]:
        """Return how many objects each index has that the user's windows stored."""
        folder = self.folder / HOME.lstrip("/") / ".cache" / "jobshelf" / "indexes"
        counts = []
        for path in sorted(folder.glob("*.db")):
            connection = sqlite3.connect(path)
            counts += connection.execute("SELECT count(*) FROM entry").fetchone()
            connection.close()
        return counts

    def configure(self, text: str) -> None:
        """Add to the user's settings of Jobshelf, which has run once."""
        file = self.folder / HOME.lstrip("/") / ".config" / "jobshelf" / "jobshelf.ini"
        file.write_text(file.read_text("utf-8") + "\n" + text, "utf-8")

    def give_database(self, name: str) -> str:
        """Give the user a SQLite database that is no job store; return its path there."""
        path = BUILD / name
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE store (id INTEGER PRIMARY KEY, goods TEXT)")
        connection.close()
        return self.give(path, name)

    def has(self, program: str) -> bool:
        """Whether it has a program."""
        return any((self.folder / place / program).exists() for place in ("usr/bin", "bin"))

    def command(self, name: str) -> Command:
        """Return a program of it."""
        return Command(self, name)

    def apt(self, *arguments: str) -> None:
        """Run apt-get in it."""
        run(
            ["chroot", self.folder, "apt-get", "-y", "-qq", "--no-install-recommends", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def bare(name: str) -> Iterator[Root]:
    """Make a bare root, with an ordinary user; remove it at the end."""
    base = _base()
    folder = _PLACE / name
    _remove(folder)
    run(["cp", "-a", base, folder])
    with (folder / "etc/passwd").open("a") as users:
        users.write(f"tester:x:{_USER}:{_USER}::{HOME}:/bin/sh\n")
    with (folder / "etc/group").open("a") as groups:
        groups.write(f"tester:x:{_USER}:\n")
    home = folder / HOME.lstrip("/")
    home.mkdir(mode=0o700, parents=True)
    os.chown(home, _USER, _USER)
    try:
        run(["mount", "-t", "proc", "proc", folder / "proc"])
        run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", folder / "dev/shm"])
        yield Root(folder)
    finally:
        _remove(folder)


def processes_of(folder: Path) -> list[str]:
    """Return the names of the programs that run in a root as children of others there."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                is_inside = os.readlink(entry / "root") == str(folder)
            except OSError:
                continue  # it ended just now
            if is_inside and b"--multiprocessing-fork" in words:
                found.append(Path(os.fsdecode(words[0])).name)
    return found


def _base() -> Path:
    """Make the root that the others are copies of, once."""
    base = _PLACE / "base"
    if (base / "made").exists():
        return base
    _remove(base)
    base.parent.mkdir(parents=True, exist_ok=True)
    mirror, suite, components = _source()
    run(
        ["debootstrap", "--variant=minbase", f"--components={components}", suite, base, mirror],
        stdout=subprocess.DEVNULL,
    )
    # How this machine reaches its mirror: proxies and the like.
    shutil.copytree("/etc/apt/apt.conf.d", base / "etc/apt/apt.conf.d", dirs_exist_ok=True)
    for name in ("resolv.conf", "hosts"):
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), base / "etc" / name)
    Root(base).apt("update")
    (base / "made").touch()
    return base


def _source(settings: Path = Path("/etc/apt")) -> tuple[str, str, str]:
    """Return mirror, suite and components of this machine's own first package source."""
    entries = []  # (address, suite, components)
    for file in sorted(settings.glob("sources.list.d/*.sources")):
        for text in file.read_text().split("\n\n"):
            entry = dict(re.findall(r"^([\w-]+):\s*(.+)$", text, re.MULTILINE))
            if {"URIs", "Suites"} <= entry.keys() and "deb" in entry.get("Types", "deb").split():
                components = entry.get("Components", "main")
                entries.append((entry["URIs"].split()[0], entry["Suites"].split()[0], components))
    for file in (settings / "sources.list", *sorted(settings.glob("sources.list.d/*.list"))):
        text = file.read_text() if file.exists() else ""
        entries += re.findall(
            r"^deb\s+(?:\[.*?\]\s+)?(\S+)\s+(\S+)\s+([^#\n]+)", text, re.MULTILINE
        )
    if not entries:
        raise SystemExit("packaging: apt's sources name no mirror.")
    address, suite, _ = entries[0]
    # Ubuntu has a line for each component.
    names = [
        name
        for place, its_suite, components in entries
        if (place, its_suite) == (address, suite)
        for name in components.split()
    ]
    if address.startswith("mirror+file:"):  # a file with one mirror on a line, the best one first
        address = Path(address.removeprefix("mirror+file:")).read_text().split()[0]
    return address, suite, ",".join(dict.fromkeys(names))


def _remove(folder: Path) -> None:
    for mounted in ("proc", "dev/shm"):
        if (folder / mounted).is_mount():
            subprocess.run(["umount", "-l", folder / mounted], check=False)
    shutil.rmtree(folder, ignore_errors=True)
