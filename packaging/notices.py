"""The licences of all that is in a bundle, collected from what is installed where it is built.

Python packages carry theirs in their metadata, Python itself in its library folder, Debian's
packages in /usr/share/doc. What carries none (Qt, the libraries inside wheels) stands in a
table here, by the names of its files, with its text in licences/; a file that nothing accounts for
ends the build.
"""

import re
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path, PurePath

from project import NAME, ROOT

LICENCES = ROOT / "packaging" / "licences"

# What wheels and installers of Python contain without saying so, by file name:
# (pattern, what it is, its licence, where its source is published, its texts in licences/)
_QT_TEXTS = ("LGPL-3.0", "GPL-3.0", "In-Qt")
INSIDE = [
    (r"(lib)?(Qt6?\w*|q\w+|bradient|(xdg|qt)-shell|compose\w+|ibus\w+)",
     "Qt", "LGPL-3.0-only", "https://download.qt.io/official_releases/qt/", _QT_TEXTS),
    (r"(lib)?(Qt\w+|pyside6\w*|shiboken6?\w*)", "PySide6", "LGPL-3.0-only",
     "https://download.qt.io/official_releases/QtForPython/", _QT_TEXTS),
    (r"(lib)?icu\w+", "ICU", "Unicode-3.0", "https://github.com/unicode-org/icu", ("ICU",)),
    (r"(lib)?(ssl|crypto)", "OpenSSL", "Apache-2.0", "https://openssl-library.org/source/",
     ("Apache-2.0",)),
    (r"(lib)?pq", "PostgreSQL (libpq)", "PostgreSQL", "https://www.postgresql.org/ftp/source/",
     ("PostgreSQL",)),
    (r"(lib)?(krb5|gssapi_krb5|k5crypto|krb5support|com_err)", "MIT Kerberos and its com_err",
     "MIT", "https://kerberos.org/dist/", ("Kerberos",)),
    (r"(lib)?(ldap|lber)", "OpenLDAP", "OLDAP-2.8", "https://www.openldap.org/software/download/",
     ("OpenLDAP",)),
    (r"(lib)?sasl2", "Cyrus SASL", "BSD-4-Clause-UC", "https://github.com/cyrusimap/cyrus-sasl",
     ("Cyrus-SASL",)),
    (r"(lib)?keyutils", "keyutils", "LGPL-2.1-or-later",
     "https://git.kernel.org/pub/scm/linux/kernel/git/dhowells/keyutils.git",
     ("LGPL-2.1", "keyutils")),
    (r"(lib)?crypt", "libxcrypt", "LGPL-2.1-or-later", "https://github.com/besser82/libxcrypt",
     ("LGPL-2.1", "libxcrypt")),
    (r"(lib)?sqlite3", "SQLite", "blessing (public domain)", "https://sqlite.org/download.html",
     ()),
    (r"(lib)?z(lib1?)?", "zlib", "Zlib", "https://zlib.net/", ("In-Qt",)),
    (r"(lib)?ffi", "libffi", "MIT", "https://github.com/libffi/libffi", ("libffi",)),
    (r"vcruntime\w*|msvcp\w*|concrt\w*|ucrtbase|api-ms-win\S*", "Microsoft Visual C++ runtime",
     "Microsoft's terms for redistributable files", "https://visualstudio.microsoft.com/", ()),
]  # fmt: skip
_RULE = "=" * 80
# What builders of wheels and of Windows add to a name: libcrypto-3-x64-0a1b2c3d.dll, libpq.5.dylib.
_ADDED = r"(-\d+)?(-x64)?(-[0-9a-f]{6,})?(\..*)?"


def collect(binaries: list[tuple[str, str]], modules: list[str]) -> str:
    """Return the notices as one text.

    Args:
        binaries: Libraries of the bundle: (place in it, file that it was copied from).
        modules: Names of the Python modules in it.
    """
    packages = Path(sysconfig.get_path("purelib"))
    python = Path(sys.base_prefix).resolve()
    parts = [_own(), _python(), _loader()]
    parts += map(_distribution, _distributions(modules))
    texts = {"In-Python", "LGPL-3.0", "GPL-3.0"}  # of Python; psycopg's refers to both
    inside: dict[str, list[str]] = {}
    debian: dict[str, list[str]] = {}
    for target, source in sorted(binaries):
        place = Path(source).resolve()
        if _is_module(place, packages, python):
            continue  # built from the sources of its package, whose notice is there
        if package := _debian_package(place):
            debian.setdefault(package, []).append(place.name)
        else:
            title, needed = _known(PurePath(target).name)
            inside.setdefault(title, []).append(PurePath(target).name)
            texts.update(needed)
    for title, files in sorted(inside.items()):
        parts.append(f"{title}\n\nFiles: {', '.join(sorted(set(files)))}")
    for package, files in sorted(debian.items()):
        text = Path(f"/usr/share/doc/{package}/copyright").read_text("utf-8", "replace")
        parts.append(f"{package} (Debian)\n\nFiles: {', '.join(sorted(set(files)))}\n\n{text}")
    parts += (
        f"The text of {name}\n\n{(LICENCES / f'{name}.txt').read_text('utf-8')}"
        for name in sorted(texts)
    )
    return f"\n\n{_RULE}\n".join(part.strip() for part in parts) + "\n"


def _own() -> str:
    return f"""Jobshelf and what is in its installers

Jobshelf is under the MIT licence:

{(ROOT / "LICENSE").read_text("utf-8")}
Icons:

{(ROOT / "resources" / "icons" / "LICENSE").read_text("utf-8")}
Qt, PySide6 and psycopg are under the LGPL. They are used unchanged, as libraries in files of
their own, which you may replace by others of the same interface. Their sources are published
at the addresses below under the version numbers that Help, About shows. The licences of other
works inside Qt are listed at https://doc.qt.io/qt-6/licenses-used-in-qt.html. Of ICU's tables,
which Linux packages bring for Qt, those that sort texts are kept and most others left out."""


def _python() -> str:
    stdlib = Path(sysconfig.get_path("stdlib"))
    # Windows' installer puts the text beside python.exe, Debian keeps it in its documentation.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (
        stdlib / "LICENSE.txt",
        Path(sys.base_prefix) / "LICENSE.txt",
        Path(f"/usr/share/doc/{version}/copyright"),
        Path(f"/usr/share/doc/lib{version}-stdlib/copyright"),
    ):
        if place.is_file():
            return f"Python {sys.version.split()[0]}: PSF-2.0\n\n{place.read_text('utf-8')}"
    sys.exit("packaging: the licence of this Python is not where it is installed.")


def _loader() -> str:
    text = metadata.distribution("pyinstaller").metadata["License"]
    return f"The loader of the program: PyInstaller {metadata.version('pyinstaller')}: {text}"


def _distributions(modules: list[str]) -> list[str]:
    by_module = metadata.packages_distributions()
    tops = {name.partition(".")[0] for name in modules}
    found = {name for top in tops for name in by_module.get(top, ())}
    return sorted(found - {NAME, "pyinstaller"}, key=str.lower)


def _distribution(name: str) -> str:
    about = metadata.distribution(name)
    licence = about.metadata.get("License-Expression") or about.metadata.get("License") or ""
    addresses = [about.metadata.get("Home-page") or ""]
    addresses += about.metadata.get_all("Project-URL") or []
    address = next((text.split(",")[-1].strip() for text in addresses if text), "")
    texts = [
        file.locate().read_text("utf-8")
        for file in about.files or ()
        if ".dist-info" in str(file)
        and file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE"))
    ]
    if not texts and "LGPL-3.0-only" not in licence:  # PySide6's wheels: that text comes with Qt
        sys.exit(f"packaging: {name} does not bring the text of its licence.")
    head = f"{about.metadata['Name']} {about.version}: {licence.splitlines()[0] if licence else ''}"
    return "\n\n".join([f"{head}\n{address}", *texts])


def _is_module(place: Path, packages: Path, python: Path) -> bool:
    """Whether a file is a compiled module of a package or of Python, or Python itself."""
    if place.is_relative_to(packages.resolve()):
        folder = place.relative_to(packages.resolve()).parts[0]
        is_qt = folder in ("PySide6", "shiboken6")
        return not is_qt and not folder.endswith(".libs") and ".dylibs" not in place.parts
    in_python = place.is_relative_to(python) and python != Path("/usr")
    is_own = place.name.lower().startswith(("libpython", "python3")) or place.suffix == ".pyd"
    return is_own or (in_python and "lib-dynload" in place.parts) or place.name == "Python"


def _debian_package(place: Path) -> str:
    """Return the Debian package that a file belongs to; "" if none."""
    if sys.platform != "linux":
        return ""
    for name in (str(place), str(place).removeprefix("/usr")):  # as it was before /usr merged
        try:
            done = subprocess.run(
                ["dpkg-query", "-S", name], check=False, capture_output=True, text=True
            )
        except OSError:
            return ""
        if done.returncode == 0:
            return done.stdout.partition(":")[0]
    return ""


def _known(file: str) -> tuple[str, tuple[str, ...]]:
    """Return the notice on a library by its name, and the names of the texts it refers to."""
    for pattern, what, licence, address, texts in INSIDE:
        if re.fullmatch(f"(?:{pattern}){_ADDED}", file, re.IGNORECASE):
            return f"{what}: {licence}\n{address}", texts
    sys.exit(f"packaging: nothing says under which licence {file} is (packaging/notices.py).")
