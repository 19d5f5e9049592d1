"""Packs the Linux tree as a .deb, with the dependencies that Debian's own tool derives."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import libraries
import linux_tree
from project import BUILD, DIST, MAINTAINER, NAME, ROOT, SUMMARY, date, epoch, output, run, version

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
# Used without being linked to: keyboard maps (libxkbcommon), and the two that tell a desktop
# of new types and icons, which have triggers and so need no scripts in this package.
_DATA = ["xkb-data"]
_RECOMMENDS = [
    "hicolor-icon-theme", "shared-mime-info", "desktop-file-utils", "xdg-utils", "ca-certificates",
]  # fmt: skip
_OVERRIDES = """\
# Small modules that call nothing of the C library, as Python builds them.
jobshelf: library-not-linked-against-libc *lib-dynload*
# The bundle is one folder that is tested as a whole, the same for all distributions: it has the
# libraries of the wheels it is made of. Those that are the system's business are dependencies.
jobshelf: embedded-library *
# Relative paths within the bundle, as Qt's and psycopg's wheels have them.
jobshelf: custom-library-search-path RUNPATH $ORIGIN* *
jobshelf: custom-library-search-path RPATH $ORIGIN* *
"""


def build(bundle: Path, machine: str) -> Path:
    """Build the package; return its file."""
    tree = BUILD / "deb"
    linux_tree.lay_out(bundle, tree)
    documents = tree / "usr/share/doc" / NAME
    linux_tree.write(documents / "copyright", copyright_file())
    linux_tree.write(documents / "changelog.gz", linux_tree.compressed(changelog()))
    linux_tree.write(tree / "usr/share/lintian/overrides" / NAME, _OVERRIDES.encode())
    linux_tree.settle(tree)
    control = tree / "DEBIAN"
    linux_tree.write(control / "control", control_file(tree, _MACHINES[machine]).encode())
    linux_tree.write(control / "md5sums", sums(tree).encode())
    linux_tree.settle(control)
    DIST.mkdir(exist_ok=True)
    package = DIST / f"{NAME}_{version()}_{_MACHINES[machine]}.deb"
    run(
        [
            "dpkg-deb",
            "--root-owner-group",
            "-Zxz",
            "-z6",
            "--threads-max=1",
            "--build",
            tree,
            package,
        ],
        env=dict(os.environ, SOURCE_DATE_EPOCH=str(epoch())),
        stdout=subprocess.DEVNULL,
    )
    return package


def control_file(tree: Path, architecture: str) -> str:
    """Return the package's record."""
    size = sum(
        -(-path.lstat().st_size // 1024) for path in tree.rglob("*") if "DEBIAN" not in path.parts
    )
    depends = ", ".join(sorted([*shared_libraries(tree), *_DATA]))
    long = "\n".join(f" {line}" for line in linux_tree.description())
    return f"""\
Package: {NAME}
Version: {version()}
Architecture: {architecture}
Maintainer: {MAINTAINER}
Installed-Size: {size}
Depends: {depends}
Recommends: {", ".join(_RECOMMENDS)}
Section: science
Priority: optional
Description: {SUMMARY[0].lower()}{SUMMARY[1:]}
{long}
"""


def shared_libraries(tree: Path) -> list[str]:
    """Return the packages, with versions, that the bundle's files are linked to."""
    home = tree / linux_tree.HOME
    folder = BUILD / "shlibdeps"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "debian").mkdir(parents=True)
    (folder / "debian/control").write_text(
        f"Source: {NAME}\n\nPackage: {NAME}\nArchitecture: any\n"
    )
    inside = sorted({path.parent for path in libraries.elf_files(home)})
    command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", "--warnings=0"]
    command += [f"-l{path}" for path in inside]
    command += [f"-e{path}" for path in libraries.elf_files(home)]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    match = re.search(r"^shlibs:Depends=(.*)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or match is None:
        sys.exit(f"packaging: dpkg-shlibdeps failed:\n{done.stderr}")
    # The tool also counts libraries that are inside the bundle, as if they were the system's.
    owners = {_owner(library) for library in libraries.system_needs(home)} - {""}
    packages = [text for text in match.group(1).split(", ") if text.split()[0] in owners]
    if missing := owners - {text.split()[0] for text in packages}:
        sys.exit(f"packaging: nothing says which versions are needed of {', '.join(missing)}.")
    return packages


def _owner(library: str) -> str:
    """Return the Debian package that a library of the system comes in."""
    known = output(["/sbin/ldconfig", "-p"])
    match = re.search(rf"^\s+{re.escape(library)} \(.*64\b.* => (\S+)", known, re.MULTILINE)
    if match is None:
        return ""  # the dynamic linker itself, which comes with the C library
    real = os.path.realpath(match.group(1))
    for name in (match.group(1), real, real.removeprefix("/usr")):  # /usr was merged later
        done = subprocess.run(
            ["dpkg-query", "-S", name], check=False, capture_output=True, text=True
        )
        if done.returncode == 0:
            return done.stdout.partition(":")[0]
    sys.exit(f"packaging: {library} is of no package.")


def copyright_file() -> bytes:
    """Return Debian's copyright file: ours, and where all others are."""
    licence = "\n".join(
        f" {line}" if line.strip() else " ."
        for line in (ROOT / "LICENSE").read_text("utf-8").split("\n\n", 1)[1].strip().splitlines()
    )
    owner = re.search(r"Copyright.*", (ROOT / "LICENSE").read_text("utf-8"))
    return f"""\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Jobshelf
Comment:
 The libraries in the bundle have licences of their own. All of them, with their texts, are in
 /{linux_tree.HOME}/_internal/resources/third-party-notices.txt, which Help, About shows.
 Qt, PySide6 and psycopg are under the LGPL: /usr/share/common-licenses/LGPL-3.

Files: *
Copyright: {owner.group(0).removeprefix("Copyright (c) ") if owner else "Jobshelf contributors"}
License: Expat
{licence}
""".encode()


def changelog() -> bytes:
    """Return Debian's form of a changelog, which names the version."""
    return f"""\
{NAME} ({version()}) stable; urgency=medium

  * What is new in this version stands in CHANGELOG.md of the source.

 -- {MAINTAINER}  {date("%a, %d %b %Y %H:%M:%S +0000")}
""".encode()


def sums(tree: Path) -> str:
    """Return the MD5 sums of the package's files, as dpkg --verify reads them."""
    lines = []
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.parts:
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            lines.append(f"{digest}  {path.relative_to(tree)}\n")
    return "".join(lines)
