"""Set up what `make run` and `make test` need on this machine, then do it.

Needs a Python and nothing else: no pip, no venv module, no Qt libraries, no display. What
is missing from the system is installed with apt where that is possible (as root), and else
named in one line. A second call finds everything in place and starts at once.

    python packaging/bootstrap.py run [ARGUMENTS OF jobshelf]
    python packaging/bootstrap.py test [ARGUMENTS OF tests/gate.py]

This file also runs on the Pythons that Jobshelf does not support, to say so.
"""

import hashlib
import os
import shutil
import subprocess
import sys

# The Pythons that the tests run on, the preferred one first.
TESTED = [(3, 13), (3, 12), (3, 11), (3, 10)]
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
VENV_PYTHON = os.path.join(BIN, "python.exe" if os.name == "nt" else "python")
EXTRAS = {"run": "gui", "test": "gui,postgresql,mysql,keyring,dev"}
# What builds the project. It is installed with the rest, in exact versions; and pip before 23.1
# forgets its own settings, such as a certificate, where it installs this apart.
BUILDERS = ["hatchling", "editables"]

# What PySide6's wheels expect of a Debian system, for any platform plugin and for X11.
QT_PACKAGES = [
    "fontconfig", "fonts-dejavu-core", "libdbus-1-3", "libegl1", "libfontconfig1", "libgl1",
    "libglib2.0-0", "libxkbcommon0",
    "libx11-xcb1", "libxcb-cursor0", "libxcb-icccm4", "libxcb-image0", "libxcb-keysyms1",
    "libxcb-randr0", "libxcb-render-util0", "libxcb-shape0", "libxcb-xinerama0", "libxcb-xkb1",
    "libxkbcommon-x11-0",
]  # fmt: skip
# Programs that fail where Qt cannot draw at all, or not on an X11 display and with letters.
QT_ALONE = """
from PySide6.QtGui import QGuiApplication
app = QGuiApplication(['probe', '-platform', 'offscreen'])
"""
QT_WITH_X11 = """
import ctypes, pathlib, sys, PySide6
from PySide6.QtGui import QFontDatabase, QGuiApplication
app = QGuiApplication(['probe', '-platform', 'offscreen'])
plugins = pathlib.Path(PySide6.__file__).parent / 'Qt' / 'plugins' / 'platforms'
ctypes.CDLL(str(plugins / 'libqxcb.so'))
sys.exit(not QFontDatabase.families())
"""
TEST_PACKAGES = {
    "Xvfb": "xvfb",
    "xdotool": "xdotool",
    "mariadbd": "mariadb-server",
    "postgres": "postgresql",
}


def main(arguments):
    if not arguments or arguments[0] not in EXTRAS:
        sys.exit(__doc__)
    task = arguments[0]
    if sys.version_info[:2] not in TESTED:
        restart_on_tested_python(arguments)
    os.chdir(ROOT)
    prepare_environment(task)
    prepare_qt(task)
    if task == "test":
        prepare_services()
        sys.exit(call([VENV_PYTHON, os.path.join("tests", "gate.py")] + arguments[1:]))
    sys.exit(run(arguments[1:]))


def run(arguments):
    """Open the demo store, or render it to a picture where there is no display."""
    if not arguments:
        arguments = ["--demo"]
    if not has_display() and "--screenshot" not in arguments:
        say("There is no display: rendering the window to jobshelf-demo.png instead.")
        arguments = arguments + ["--screenshot", "jobshelf-demo.png"]
    environment = dict(os.environ)
    if not has_display():
        environment["QT_QPA_PLATFORM"] = "offscreen"
    if not os.access(os.path.expanduser("~"), os.W_OK):  # a service's user, a container
        environment.setdefault("JOBSHELF_HOME", os.path.join(VENV, "home"))
    return call([VENV_PYTHON, "-m", "app"] + arguments, env=environment)


def has_display():
    if sys.platform in ("win32", "darwin"):
        return True
    if os.environ.get("QT_QPA_PLATFORM"):
        return True  # whoever sets this knows what he wants
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# The Python environment


def restart_on_tested_python(arguments):
    """Go on with a Python that is known to do; without one, with this if it is not too old."""
    for version in TESTED:
        python = shutil.which("python%d.%d" % version)
        if python and call([python, "-c", "pass"], quiet=True) == 0:
            sys.exit(call([python, os.path.abspath(__file__)] + arguments))
    if sys.version_info[:2] < TESTED[-1]:
        sys.exit(
            "Jobshelf needs Python %d.%d or newer; this is %d.%d, and no newer one is on the PATH."
            % (TESTED[-1] + tuple(sys.version_info[:2]))
        )


def prepare_environment(task):
    """Make the virtual environment and install into it, unless both are up to date."""
    mark = fingerprint()
    if installed_for(mark) >= set(EXTRAS[task].split(",")):
        return
    if not os.path.exists(VENV_PYTHON) or not pip_works():
        make_environment()
    say("Installing Jobshelf and what it needs into .venv (once) …")
    pip = [VENV_PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    project = ["--no-build-isolation", "-e", ".[%s]" % EXTRAS[task]]
    for wanted in (BUILDERS, project):
        if call(pip + ["-c", "constraints.txt"] + wanted, env=pip_environment()) != 0:
            sys.exit("The packages could not be installed: see pip's message above.")
    with open(stamp_path(), "w") as stamp:
        stamp.write("%s %s\n" % (mark, EXTRAS[task]))


def fingerprint():
    """Return what the environment depends on: the project's files, and the Python."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(ROOT.encode())
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def stamp_path():
    return os.path.join(VENV, "jobshelf-stamp")


def installed_for(mark):
    try:
        with open(stamp_path()) as stamp:
            found, extras = stamp.read().split()
    except (OSError, ValueError):
        return set()
    return set(extras.split(",")) if found == mark and os.path.exists(VENV_PYTHON) else set()


def pip_works():
    same_python = [VENV_PYTHON, "-c", "import sys; sys.exit(sys.version != %r)" % sys.version]
    return (
        call(same_python, quiet=True) == 0
        and call([VENV_PYTHON, "-m", "pip", "--version"], quiet=True) == 0
    )


def pip_environment():
    environment = dict(os.environ)
    environment.setdefault("PIP_ROOT_USER_ACTION", "ignore")
    return environment


def make_environment():
    """Make .venv with pip in it, by whatever means this Python has."""
    shutil.rmtree(VENV, ignore_errors=True)
    if call([sys.executable, "-m", "venv", VENV], quiet=True) == 0 and pip_works():
        return
    package = "python%d.%d-venv" % sys.version_info[:2]
    shutil.rmtree(VENV, ignore_errors=True)
    if apt([package]) or apt(["python3-venv"]):
        if call([sys.executable, "-m", "venv", VENV], quiet=True) == 0 and pip_works():
            return
        shutil.rmtree(VENV, ignore_errors=True)
    if call([sys.executable, "-m", "virtualenv", VENV], quiet=True) == 0 and pip_works():
        return
    sys.exit(
        "This Python cannot make virtual environments. Install that with:\n"
        "    sudo apt-get install %s" % package
    )


# The system


def prepare_qt(task):
    """See that Qt starts; the libraries it links to are not part of its wheel."""
    if sys.platform != "linux" or os.path.exists(qt_stamp()):
        return
    if qt_starts(QT_WITH_X11) or (apt(QT_PACKAGES) and qt_starts(QT_WITH_X11)):
        with open(qt_stamp(), "w"):
            pass
        return
    say("Qt's system libraries are missing: sudo apt-get install " + " ".join(QT_PACKAGES))
    if task == "run" and not qt_starts(QT_ALONE):
        sys.exit(1)


def qt_stamp():
    return os.path.join(VENV, "jobshelf-qt-stamp")


def qt_starts(code):
    return call([VENV_PYTHON, "-c", code], quiet=True) == 0


def prepare_services():
    """Install the servers and the virtual display that tests start for themselves."""
    missing = [package for program, package in TEST_PACKAGES.items() if not has_program(program)]
    if missing and sys.platform == "linux" and not apt(missing):
        say("Tests that need %s will be skipped." % ", ".join(missing))


def has_program(name):
    if shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin"):
        return True
    # Debian keeps PostgreSQL's server programs off the PATH.
    versions = "/usr/lib/postgresql"
    return (
        name == "postgres"
        and os.path.isdir(versions)
        and any(
            os.path.exists(os.path.join(versions, version, "bin", "postgres"))
            for version in os.listdir(versions)
        )
    )


def apt(packages):
    """Install Debian packages if that is possible here; return whether it worked."""
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    say("Installing from the system's packages: %s …" % " ".join(packages))
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    # Without this a server package starts its server.
    environment["RUNLEVEL"] = "1"
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"] + packages
    if call(install, quiet=True, env=environment) == 0:
        return True
    call(["apt-get", "update", "-qq"], quiet=True, env=environment)
    return call(install, quiet=True, env=environment) == 0


def call(command, quiet=False, env=None):
    """Run a command and return its exit status."""
    sink = subprocess.DEVNULL if quiet else None
    try:
        return subprocess.call(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=env)
    except OSError as error:
        if not quiet:
            say(str(error))
        return 127
    except KeyboardInterrupt:
        return 130


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
