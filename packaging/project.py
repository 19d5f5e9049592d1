"""What every step of a build must agree on: names, version, date, places."""

import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "packaging"
DIST = ROOT / "dist"

NAME = "jobshelf"
# Both kinds of package must name somebody who can be written to: whoever publishes them.
MAINTAINER = os.environ.get("JOBSHELF_MAINTAINER") or "Jobshelf contributors <contact@jobshelf.org>"
SUMMARY = "Open, inspect, edit and repair persistent job stores"
DESCRIPTION = """\
Programs that run campaigns of batch jobs, such as GC3Pie, keep each job as a
pickled Python object in a folder of files or in a SQL table. Jobshelf opens
such a store and shows every job, its state, its parameters and what it refers
to. It needs none of the classes of these programs, imports nothing and
executes nothing that is in a store. It also compares, edits and repairs jobs,
and copies stores of any kind to any other kind or into one archive file, in
its window or by a command.
"""


def version() -> str:
    """Return the version that pyproject.toml states."""
    for line in (ROOT / "pyproject.toml").read_text("utf-8").splitlines():
        if line.startswith("version = "):
            return line.split('"')[1]
    raise SystemExit("pyproject.toml states no version.")


def version_numbers() -> str:
    """Return the version without what follows its numbers, such as "0.2.0" of "0.2.0rc1"."""
    numbers = re.match(r"\d+(\.\d+){0,3}", version())
    return numbers.group() if numbers else "0"


def epoch() -> int:
    """Return the time that all built files carry: seconds since 1970.

    SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/), else the
    time of the last commit.
    """
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    return int(_git("log", "-1", "--format=%ct") or 0)


def date(form: str) -> str:
    """Return the date of the build in a form of `time.strftime`, UTC."""
    return time.strftime(form, time.gmtime(epoch()))


def build_number() -> str:
    """Return what tells two builds of one version apart: the day and the commit."""
    commit = os.environ.get("JOBSHELF_COMMIT") or _git("rev-parse", "--short=10", "HEAD")
    return f"{date('%Y%m%d')}.{commit or 'unknown'}"


def project_address() -> str:
    """Return the web address of the project that builds this, which updates are asked of; or "".

    JOBSHELF_PROJECT, else the repository that runs GitHub's workflow: whoever publishes a fork
    gets the releases of the fork.
    """
    if given := os.environ.get("JOBSHELF_PROJECT"):
        return given
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    return f"https://github.com/{repository}" if repository else ""


def machine() -> str:
    """Return the processor's name as kernels call it, such as x86_64."""
    return {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def run(command: list[object], **options: object) -> None:
    """Run a command; end the build if it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, check=False, **options)
    except FileNotFoundError:
        sys.exit(f"packaging: {words[0]} is not installed.")
    if done.returncode != 0:
        sys.exit(f"packaging: failed: {' '.join(words)}")


def output(command: list[object]) -> str:
    """Return what a command prints; end the build if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"packaging: failed: {' '.join(words)}\n{done.stderr}")
    return done.stdout


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], check=False, capture_output=True, text=True
        )
    except OSError:  # no git: an unpacked sdist
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
