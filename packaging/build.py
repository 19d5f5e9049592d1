"""Builds what users download, from one frozen bundle, and says how large it is.

    packaging/build                  everything for this system
    packaging/build bundle deb       only some of: wheels, bundle, tar, deb, rpm (Linux),
                                     installer (Windows), dmg (macOS)
    packaging/build --twice          build twice, and see that the same files come out

The first run makes an environment of exact versions in build/packaging. Results go to dist/.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from project import (
    BUILD,
    DIST,
    ROOT,
    build_number,
    epoch,
    machine,
    run,
    version,
    version_numbers,
)

VENV = BUILD / "venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
EXTRAS = "gui,postgresql,mysql,packaging"
# The bundle for Linux does without: see jobshelf.spec.
if sys.platform != "linux":
    EXTRAS += ",keyring"
PARTS = {
    "linux": ["wheels", "bundle", "tar", "deb", "rpm"],
    "win32": ["wheels", "bundle", "installer"],
    "darwin": ["wheels", "bundle", "dmg"],
}
# Programs that the parts need, and the Debian packages they come in.
PROGRAMS = {
    "objdump": ("bundle", "binutils"), "strip": ("bundle", "binutils"),
    "chrpath": ("bundle", "chrpath"), "dpkg-deb": ("deb", "dpkg"),
    "dpkg-shlibdeps": ("deb", "dpkg-dev"), "rpmbuild": ("rpm", "rpm"),
}  # fmt: skip
# What Qt is linked to must be there for its dependencies to be named.
LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0", "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0", "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0", "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1", "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libEGL.so.1": "libegl1", "libGL.so.1": "libgl1", "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3", "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0", "libglib-2.0.so.0": "libglib2.0-0",
}  # fmt: skip


def main(arguments: list[str]) -> int:
    possible = PARTS[sys.platform]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(possible))
    parser.add_argument("--twice", action="store_true", help="prove that builds are reproducible")
    options = parser.parse_args(arguments)
    parts = options.parts or possible
    if wrong := set(parts) - set(possible):
        parser.error(f"not built here: {', '.join(sorted(wrong))}")
    if Path(sys.prefix).resolve() != VENV.resolve():
        prepare(parts)
        os.environ.setdefault("SOURCE_DATE_EPOCH", str(epoch()))
        return subprocess.call([PYTHON, os.path.abspath(__file__), *arguments])
    print(f"Jobshelf {version()}, build {build_number()}, {machine()}", flush=True)
    artefacts = build(parts)
    print_sizes(artefacts)
    return prove(parts, artefacts) if options.twice else 0


def prepare(parts: list[str]) -> None:
    """Install the programs and the Python packages that a build needs."""
    if sys.platform == "linux":
        install_programs(parts)
    wanted = hashlib.sha256(sys.version.encode())
    for file in ("pyproject.toml", "constraints.txt", "packaging/constraints.txt"):
        wanted.update((ROOT / file).read_bytes())
    stamp = VENV / "stamp"
    if stamp.exists() and stamp.read_text() == wanted.hexdigest():
        return
    print("Making the environment of the build …", flush=True)
    run([sys.executable, "-m", "venv", "--clear", VENV])
    constraints = ["-c", "constraints.txt", "-c", "packaging/constraints.txt"]
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # Not editable: the metadata of an editable one would name this folder.
    run([*pip, *constraints, f".[{EXTRAS}]"], cwd=ROOT)
    run([PYTHON, "-m", "pip", "uninstall", "--quiet", "--yes", "jobshelf"])
    stamp.write_text(wanted.hexdigest())


def install_programs(parts: list[str]) -> None:
    """Install what is missing from the system with apt, or say what it is."""
    missing = {
        package
        for program, (part, package) in PROGRAMS.items()
        if part in parts and not shutil.which(program)
    }
    if "bundle" in parts:
        known = subprocess.run(
            ["/sbin/ldconfig", "-p"], check=False, capture_output=True, text=True
        ).stdout
        missing |= {package for library, package in LIBRARIES.items() if library not in known}
    if not missing:
        return
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(missing)]
    if shutil.which("apt-get") and os.geteuid() == 0:
        print(f"Installing {', '.join(sorted(missing))} …", flush=True)
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        quiet = {"stdout": subprocess.DEVNULL, "env": environment}
        if subprocess.call(command, stderr=subprocess.DEVNULL, **quiet) != 0:
            run(["apt-get", "update", "-qq"], **quiet)
            run(command, **quiet)
    else:
        sys.exit(f"Install this first: {' '.join(sorted(missing))}")


def build(parts: list[str]) -> list[Path]:
    """Build some parts in their order; return their files."""
    artefacts = []
    files = build_wheels("wheels" in parts)
    artefacts += files if "wheels" in parts else []
    if "bundle" in parts:
        import bundle

        folder = bundle.freeze()
        print(bundle.describe(folder), flush=True)
    folder = BUILD / "frozen" / "jobshelf"
    if "tar" in parts:
        import archive

        artefacts.append(archive.build(folder, machine()))
    if "deb" in parts:
        import deb

        artefacts.append(deb.build(folder, machine()))
    if "rpm" in parts:
        import rpm

        artefacts.append(rpm.build(folder, machine()))
    if "installer" in parts:
        # A command line of Inno Setup's form: $f is the file, $q a quote.
        sign = os.environ.get("JOBSHELF_SIGN_WINDOWS")
        run(["iscc", "/Qp", f"/DVersion={version()}", f"/DNumbers={version_numbers()}",
             f"/DBundle={folder}", f"/O{DIST}", *(["/DSigned", f"/Ssign={sign}"] if sign else []),
             ROOT / "packaging" / "windows" / "jobshelf.iss"])  # fmt: skip
        artefacts.append(DIST / f"jobshelf-{version()}-windows-{machine()}.exe")
    if "dmg" in parts:
        target = DIST / f"jobshelf-{version()}-macos-{machine()}.dmg"
        application = BUILD / "frozen" / "Jobshelf.app"
        run([ROOT / "packaging" / "macos" / "dmg.sh", application, target])
        artefacts.append(target)
    return artefacts


def build_wheels(are_wanted: bool) -> list[Path]:
    """Build the wheel, and have its metadata in this environment: the bundle reads its version."""
    import wheels

    files = wheels.build()
    if are_wanted:
        wheels.check(files)
    wheel = next(file for file in files if file.suffix == ".whl")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "--no-deps", "--force-reinstall", wheel])
    return files


def print_sizes(artefacts: list[Path]) -> None:
    """Print size and hash of each file."""
    for file in sorted(artefacts):
        print(f"{file.stat().st_size / 1e6:7.2f} MB  {digest(file)}  {file.name}")
    sys.stdout.flush()


def digest(file: Path) -> str:
    """Return a file's SHA-256, hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def prove(parts: list[str], artefacts: list[Path]) -> int:
    """Build again and compare; return the exit status."""
    first = {file.name: digest(file) for file in artefacts}
    bundle = BUILD / "frozen"
    inside = {path.relative_to(bundle): digest(path) for path in _files(bundle)}
    print("Building once more …", flush=True)
    build(parts)
    differing = [name for name, value in first.items() if digest(DIST / name) != value]
    again = {path.relative_to(bundle): digest(path) for path in _files(bundle)}
    differing += [
        str(name) for name in sorted({*inside, *again}) if inside.get(name) != again.get(name)
    ]
    if differing:
        print("The two builds differ in: " + ", ".join(differing))
        return 1
    print(
        f"Both builds gave the same {len(first)} artefacts and {len(inside)} files of the bundle."
    )
    return 0


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
