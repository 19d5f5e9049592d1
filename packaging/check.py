"""Installs, starts, uses and removes the Linux packages as their users will.

    packaging/check             all of it (as root, on Debian or Ubuntu; about 5 minutes)
    packaging/check deb         only some of: lint, deb, rpm, tar, figures

Each package goes into a bare Debian root (debootstrap, minbase: no Python, no Qt), whose mirror
is the one that this machine's apt uses. The window is on a virtual display, and is used with
the keyboard alone; what it copies to the clipboard tells what it shows. Screenshots go to
build/packaging/screenshots.
"""

import argparse
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import desk
import roots
from project import BUILD, DIST, ROOT, output, run

STORE = ROOT / "tests" / "data" / "gc3pie" / "python3.7" / "jobs.db"
SCREENSHOTS = BUILD / "screenshots"
# What tells the type of a file and opens it on a Debian without a desktop.
DESKTOP = ["xdg-utils", "libfile-mimeinfo-perl", "shared-mime-info", "desktop-file-utils"]
PARTS = ["lint", "deb", "rpm", "tar", "figures"]
PROGRAMS = {
    "debootstrap": "debootstrap", "Xvfb": "xvfb", "xdotool": "xdotool", "xclip": "xclip",
    "import": "imagemagick", "rpm2cpio": "rpm2cpio", "cpio": "cpio", "lintian": "lintian",
    "rpmlint": "rpmlint", "desktop-file-validate": "desktop-file-utils",
    "appstreamcli": "appstream",
}  # fmt: skip
LIMITS = {"installed": 120e6, "download": 45e6}  # bytes
SLOWEST_START = 1.2  # times a start with `python -m app`
_UNASKED_SECONDS = 5.0  # longer than a weekly question would wait after the start


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parts = parser.parse_args(arguments).parts or PARTS
    if wrong := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(wrong))}")
    install_programs()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    checks = {"lint": lint, "deb": check_deb, "rpm": check_rpm, "tar": check_tar,
              "figures": figures}  # fmt: skip
    for part in parts:
        began = time.monotonic()
        print(f"== {part}", flush=True)
        checks[part]()
        print(f"   {part} passed in {time.monotonic() - began:.0f} s", flush=True)
    print(f"{len(parts)} passed, 0 failed")
    return 0


def install_programs() -> None:
    """Install what the checks need, with apt."""
    missing = sorted({PROGRAMS[name] for name in PROGRAMS if not shutil.which(name)})
    if missing:
        options = {"env": dict(os.environ, DEBIAN_FRONTEND="noninteractive"),
                   "stdout": subprocess.DEVNULL}  # fmt: skip
        run(["apt-get", "update", "-qq"], **options)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **options)


def artefact(pattern: str) -> Path:
    """Return the one file in dist/ that a pattern names."""
    found = sorted(DIST.glob(pattern))
    if len(found) != 1:
        sys.exit(f"packaging: dist/ has {len(found)} files {pattern}; run packaging/build first.")
    return found[0]


# Each package


def check_deb() -> None:
    """Install with apt, open and inspect a store, hand stores over by their type, purge."""
    package = artefact("*.deb")
    with roots.bare("deb") as root:
        before = root.files()
        root.copy(package, "/srv")
        root.apt("install", f"/srv/{package.name}")
        see(not root.has("python3"), "the root has no Python")
        with desk.desk() as desktop:
            open_and_inspect(desktop, root.command("jobshelf"), root, "deb")
            see(root.indexed() == [jobs_in(STORE)], "an index with all jobs was stored")
            copy_and_archive(root.command("jobshelf"), root)
            check_store(desktop, root)
            ask_for_updates(desktop, root)
            root.apt("install", *DESKTOP)
            open_by_type(desktop, root)
        root.apt("purge", "--autoremove", "jobshelf", *DESKTOP)
        left = {path for path in root.files() - before if not path.startswith("/srv/")}
        see(not left, f"purging leaves nothing behind {sorted(left)[:9]}")


def check_rpm() -> None:
    """Unpack into a bare root that has the libraries the package names, open and inspect."""
    package = artefact("*.rpm")
    with roots.bare("rpm") as root:
        root.apt("install", *libraries_of(artefact("*.deb")))
        contents = subprocess.run(["rpm2cpio", package], check=True, stdout=subprocess.PIPE).stdout
        run(["cpio", "-idm", "--quiet"], input=contents, cwd=root.folder)
        with desk.desk() as desktop:
            open_and_inspect(desktop, root.command("jobshelf"), root, "rpm")


def check_tar() -> None:
    """Run from a folder with blanks and foreign letters, as a user who may not write at home."""
    archive = artefact("*.tar.xz")
    with roots.bare("tar") as root:
        root.apt("install", *libraries_of(artefact("*.deb")))
        place = root.folder / "srv" / "Jöb shelf 作業"
        place.mkdir()
        run(["tar", "-xf", archive, "-C", place, "--strip-components=1"])
        home = root.folder / roots.HOME.lstrip("/")
        for path in (home, *home.rglob("*")):
            if path.is_dir():
                path.chmod(0o555)
                os.chown(path, 0, 0)
        with desk.desk() as desktop:
            program = "/" + str((place / "jobshelf").relative_to(root.folder))
            open_and_inspect(desktop, root.command(program), root, "tar")


def libraries_of(package: Path) -> list[str]:
    """Return the names of the packages that a .deb depends on."""
    depends = output(["dpkg-deb", "-f", package, "Depends"])
    return [text.split()[0] for text in depends.split(",")]


def jobs_in(store: Path) -> int:
    """Return how many jobs a GC3Pie database has."""
    connection = sqlite3.connect(store)
    (count,) = connection.execute("SELECT count(*) FROM store").fetchone()
    connection.close()
    return count


# What is done with the program


def open_and_inspect(
    desktop: desk.Desk, program: roots.Command, root: roots.Root, name: str
) -> None:
    """Start on a GC3Pie store, walk into an object with the keyboard, quit."""
    store = root.give(STORE, "jobs.db")
    print(f"   {program.output('--version').strip()}")
    see(program.output("--version").startswith("Jobshelf "), "--version")
    process = program.start(desktop, store)
    window = desktop.wait_for_window("jobs.db", process)
    path, text = desktop.inspect(window)
    see(bool(path and text), f"with the keyboard: {path} is {text[:60]!r}")
    picture = SCREENSHOTS / f"{name}.png"
    desktop.screenshot(picture)
    see(picture.stat().st_size > 20_000, f"a screenshot, {picture}")
    see("jobshelf" in roots.processes_of(root.folder), "the inspector is a process of its own")
    desktop.press("ctrl+q")
    see(process.wait(30) == 0, "quitting with Ctrl+Q ends with 0")


def copy_and_archive(program: roots.Command, root: roots.Root) -> None:
    """Copy a store, export and import it; say what is wrong with an address, with no traceback."""
    store, count = root.give(STORE, "source.db"), jobs_in(STORE)
    archive = "/srv/stores/source.jobshelf"
    for words in (
        ("copy", store, "/srv/stores/folder"),
        ("export", store, archive),
        ("import", archive, "/srv/stores/imported.sqlite"),
    ):
        status, text = program.run(*words)
        wanted = f"Copied {count} objects. All {count} were read back and compared."
        see(status == 0 and text.startswith(wanted), f"{words[0]}: {text}")
    folder = root.folder / "srv" / "stores" / "folder"
    see(len([*folder.iterdir()]) >= count, "the copy in a folder has a file for each")
    for scheme in ("postgresql", "mysql"):
        # Nobody listens at port 1.
        address = f"{scheme}://me@127.0.0.1:1/runs#table=campaign"
        status, text = program.run("copy", address, "/srv/stores/nothing")
        see(
            status == 1 and text.startswith("jobshelf: No database server listens at"),
            f"{scheme}, status {status}: {text}",
        )


def check_store(desktop: desk.Desk, root: roots.Root) -> None:
    """Find the one damaged job of a store with Store, Check, and go to it from there."""
    store, id_ = root.give_damaged(STORE, "damaged.db")
    process = root.command("jobshelf").start(desktop, store)
    window = desktop.wait_for_window("damaged.db", process)
    desktop.press("ctrl+shift+k")
    desktop.wait_until(lambda: bool(desktop.windows("Check damaged.db")), "the Check window")
    (checking,) = desktop.windows("Check damaged.db")

    def leads_to_the_job() -> bool:
        desktop.focus(checking)
        desktop.press("Tab", "Home", "Return")  # until that is in the list of problems
        return desktop.chosen_job(window) == id_

    desktop.wait_until(leads_to_the_job, f"damaged job {id_} among the problems")
    see(True, f"Store, Check finds damaged job {id_} and shows it")
    desktop.screenshot(SCREENSHOTS / "check.png")
    desktop.press("ctrl+q")
    see(process.wait(30) == 0, "quitting after it ends with 0")


def open_by_type(desktop: desk.Desk, root: roots.Root) -> None:
    """Open stores as a file manager does: the first starts a window, the next reaches it."""
    first, second = root.give(STORE, "first.db"), root.give(STORE, "second.db")
    archive, other = "/srv/stores/source.jobshelf", root.give_database("other.db")
    query = root.command("xdg-mime")
    kind = query.output("query", "filetype", first).strip()
    see(kind == "application/x-gc3pie-store", "a GC3Pie store is known by its content")
    opened_by = query.output("query", "default", kind).strip()
    see(opened_by == "jobshelf.desktop", "and is Jobshelf's to open")
    kind = query.output("query", "filetype", archive).strip()
    opened_by = query.output("query", "default", kind).strip()
    see(
        (kind, opened_by) == ("application/x-jobshelf-archive", "jobshelf.desktop"),
        "so is an archive",
    )
    kind = query.output("query", "filetype", other).strip()
    see(
        "jobshelf" not in query.output("query", "default", kind),
        f"another database ({kind}) is not",
    )
    opener = root.command("xdg-open")
    started = opener.start(desktop, first)
    window = desktop.wait_for_window("first.db", started)
    again = opener.start(desktop, second)
    desktop.wait_until(lambda: "second.db" in desktop.title(window), "the store in the window")
    see(again.wait(30) == 0, "the second xdg-open is done")
    again = opener.start(desktop, archive)
    desktop.wait_until(lambda: "source.jobshelf" in desktop.title(window), "the archive there")
    see(again.wait(30) == 0, "so is that of the archive")
    path, text = desktop.inspect(window)
    see(bool(path and text), f"in the archive: {path} is {text[:60]!r}")
    see(len(desktop.windows("Jobshelf")) == 1, "there is one window")
    desktop.focus(window)
    desktop.press("ctrl+q")
    see(started.wait(30) == 0, "quitting ends it")


def ask_for_updates(desktop: desk.Desk, root: roots.Root) -> None:
    """See that nobody is asked for a newer version until the user wants it, and then over TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        root.configure(f'[updates]\nfeed="\\"https://127.0.0.1:{server.getsockname()[1]}/\\""\n')
        process = root.command("jobshelf").start(desktop)
        window = desktop.wait_for_window("Jobshelf", process)
        server.settimeout(_UNASKED_SECONDS)
        with suppress(TimeoutError):
            server.accept()
            see(False, "it asked before it was told to")
        desktop.focus(window)
        desktop.press("alt+h", "u")
        server.settimeout(30)
        line, _ = server.accept()
        with line:
            line.settimeout(30)
            # https://www.rfc-editor.org/rfc/rfc8446#section-5.1: a record of a handshake
            see(
                line.recv(2) == b"\x16\x03",
                "Help, Check for Updates asks, over TLS, only when told",
            )
        desktop.wait_until(lambda: bool(desktop.windows("Check for Updates")), "what came of it")
        desktop.press("Escape")
        desktop.wait_until(lambda: not desktop.windows("Check for Updates"), "the dialog to go")
        desktop.focus(window)
        desktop.press("ctrl+q")
        see(process.wait(30) == 0, "quitting after it ends with 0")


# Texts and figures


def lint() -> None:
    """Ask the checkers of each kind of file; errors end the check."""
    import build

    tree = BUILD / "deb" / "usr" / "share"
    run(["desktop-file-validate", tree / "applications" / "jobshelf.desktop"])
    run(["appstreamcli", "validate", "--no-net", *sorted((tree / "metainfo").glob("*.xml"))])
    run(["lintian", "--fail-on", "error", "--allow-root", artefact("*.deb")])
    schema = [build.PYTHON.with_name("check-jsonschema"), "--builtin-schema"]
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    run([*schema, "vendor.github-workflows", *workflows])
    run(["rpmlint", "-c", ROOT / "packaging" / "rpmlint.toml", artefact("*.rpm")])


def figures() -> None:
    """Measure sizes, and a cold start against `python -m app`."""
    import build
    import bundle

    folder = BUILD / "frozen" / "jobshelf"
    print(bundle.describe(folder))
    installed = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    see(installed <= LIMITS["installed"], f"installed: {installed / 1e6:.1f} MB")
    for pattern in ("*.deb", "*.rpm", "*.tar.xz"):
        size = artefact(pattern).stat().st_size
        see(size <= LIMITS["download"], f"download {pattern}: {size / 1e6:.1f} MB")
    with desk.desk() as desktop, tempfile.TemporaryDirectory() as home:
        environment = {**desktop.environment, "JOBSHELF_HOME": home}
        frozen, python = [], []
        for _ in range(5):
            frozen.append(seconds_to_window(desktop, [folder / "jobshelf"], environment))
            python.append(seconds_to_window(desktop, [build.PYTHON, "-m", "app"], environment))
    ratio = min(frozen) / min(python)
    see(ratio <= SLOWEST_START,
        f"start to window: {min(frozen):.2f} s frozen, {min(python):.2f} s with Python,"
        f" ratio {ratio:.2f}")  # fmt: skip


def seconds_to_window(
    desktop: desk.Desk, command: list[object], environment: dict[str, str]
) -> float:
    """Start a program with nothing of it in the system's cache; return when its window is up."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    began = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, env=environment)
    desktop.wait_for_window("Jobshelf", process)
    seconds = time.monotonic() - began
    process.terminate()
    process.wait(30)
    return seconds


def see(is_so: bool, what: str) -> None:
    """Print what was seen; end the check if it was not so."""
    if not is_so:
        sys.exit(f"packaging: not so: {what}")
    print(f"   {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
