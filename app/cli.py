"""The command line: `jobshelf [URI]`, or `jobshelf copy|export|import …` (`transfers`).

Qt is imported only once it is clear that a window is wanted and can be shown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from app import __version__
from app.resource_files import build_number
from app.transfers import VERBS
from app.transfers import run as run_verb
from persistence.errors import StoreError
from persistence.urls import StoreUrl

if TYPE_CHECKING:
    from app.work.handover import Door

__all__ = ["main", "parse"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the application; return its exit status.

    Args:
        arguments: The command line without the program's name; None for the real one.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) > 1 and given[0] in VERBS:  # alone, such a word is the name of a store
        return run_verb(given)
    options = parse(given)
    if find_spec("PySide6") is None:
        print(  # noqa: T201
            "jobshelf: the window needs PySide6, which is not installed here. Install it "
            'with: pip install "jobshelf[gui]"',
            file=sys.stderr,
        )
        return 2
    handed_over, door = (False, None) if options.screenshot else _hand_over(options)
    if handed_over:
        print("The store is shown in the window that is open already.")  # noqa: T201
        return 0
    from app.main import run

    return run(options, door)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line.

    Returns:
        `uri` (None or the address of a store), `demo`, `read_only`, `new_window` (booleans)
        and `screenshot` (None or the path of a PNG file).
    """
    parser = argparse.ArgumentParser(
        prog="jobshelf",
        description="Open, inspect, edit and repair persistent job stores. Nothing that is "
        "in a store is ever executed.",
        epilog="Examples: jobshelf campaign.db — jobshelf ~/jobs — "
        "jobshelf 'sqlite:///data/x.db#table=runs' — jobshelf postgresql://me@db.lab/runs. "
        "Without a window: jobshelf copy SOURCE TARGET, jobshelf export SOURCE FILE, jobshelf "
        "import FILE TARGET; each has its own --help.",
    )
    parser.add_argument(
        "uri",
        nargs="?",
        metavar="URI",
        help="the store to open: a folder, a SQLite file, a GC3Pie session or a URL",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="make a store with a few hundred jobs in a temporary folder, and run them",
    )
    parser.add_argument(
        "--read-only", action="store_true", help="open the store so that nothing can change it"
    )
    parser.add_argument(
        "--new-window",
        action="store_true",
        help="open a window of its own, whatever other windows there are",
    )
    parser.add_argument(
        "--screenshot",
        metavar="FILE",
        help="render the window to a PNG file, say what it shows, and exit",
    )
    build = f" (build {number})" if (number := build_number()) else ""
    parser.add_argument("--version", action="version", version=f"Jobshelf {__version__}{build}")
    options = parser.parse_args(arguments)
    if options.demo and options.uri:
        parser.error("--demo makes its own store: leave out the URI")
    return options


def _hand_over(options: argparse.Namespace) -> tuple[bool, Door | None]:
    """Have an open window show the store, unless a window of its own is wanted."""
    from app.work.handover import Invitation, hand_over_or_listen

    invitation = None
    if options.uri and not options.new_window:
        with suppress(StoreError):  # the window says what is wrong with the address
            uri = StoreUrl.parse(options.uri).with_password()
            invitation = Invitation(uri, options.read_only)
    return hand_over_or_listen(invitation)
