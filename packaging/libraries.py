"""Which libraries of the system a bundle needs, as its files themselves say it.

The record of a library and of the versions of its symbols is in each ELF file; `objdump -p`
prints it. What the dynamic linker would look for outside of the bundle is a dependency.
"""

import re
import subprocess
from pathlib import Path

from project import output

_MAGIC = b"\x7fELF"


def elf_files(folder: Path) -> list[Path]:
    """Return the programs and libraries in a folder, sorted."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and _starts_with(path, _MAGIC)
    ]


def needed_by(path: Path) -> dict[str, set[str]]:
    """Return the libraries that a file is linked to, each with the symbol versions it wants."""
    needs: dict[str, set[str]] = {}
    wanted: set[str] = set()
    for line in output(["objdump", "-p", path]).splitlines():
        if match := re.match(r"\s+NEEDED\s+(\S+)", line):
            needs.setdefault(match.group(1), set())
        elif match := re.match(r"\s+required from (\S+):", line):
            wanted = needs.setdefault(match.group(1), set())
        elif match := re.match(r"\s+0x[0-9a-f]+ 0x00 \d+ (\S+)", line):
            wanted.add(match.group(1))
    return needs


def system_needs(folder: Path) -> dict[str, set[str]]:
    """Return what a bundle needs of the system: library → versions of its symbols."""
    inside = {path.name for path in folder.rglob("*")}
    needs: dict[str, set[str]] = {}
    for path in elf_files(folder):
        for library, versions in needed_by(path).items():
            if library not in inside:
                needs.setdefault(library, set()).update(versions)
    return dict(sorted(needs.items()))


def newest(versions: set[str], prefix: str) -> str:
    """Return the highest version among symbols such as GLIBC_2.34; "" if there is none."""
    numbers = [
        tuple(map(int, version.removeprefix(prefix).split(".")))
        for version in versions
        if re.fullmatch(re.escape(prefix) + r"[\d.]+", version)
    ]
    return ".".join(map(str, max(numbers))) if numbers else ""


def remove_run_paths(folder: Path) -> int:
    """Take absolute library paths out of a bundle's files; return how many had one.

    A Python that was built into a home folder looks there for its libraries, and so would the
    copy on another machine, whoever that folder belongs to. The loader of the bundle says
    where its libraries are.
    """
    count = 0
    for path in elf_files(folder):
        found = re.search(r"\b(?:RPATH|RUNPATH)\s+(/\S+)", output(["objdump", "-p", path]))
        if found:
            subprocess.run(["chrpath", "--delete", str(path)], check=True, capture_output=True)
            count += 1
    return count


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
