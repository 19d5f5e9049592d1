"""The verbs of the command line that copy stores: `jobshelf copy`, `export`, `import`.

They need neither Qt nor a display.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from persistence.errors import StoreError
from persistence.registry import make_store
from persistence.store import Store
from persistence.transfer import (
    CopyReport,
    OnConflict,
    copy,
    export_store,
    import_store,
    open_target,
    with_references,
)

__all__ = ["VERBS", "run"]

VERBS = ("copy", "export", "import")

_DONE, _FAILED, _INTERRUPTED = 0, 1, 130
_REPORT_SECONDS = 0.2


def run(arguments: Sequence[str]) -> int:
    """Do what a command line says that begins with one of the verbs; return the exit status.

    0 if all was copied, 1 if not: what is missing is said.
    """
    options = _parser().parse_args(arguments)
    act: Callable[[argparse.Namespace], CopyReport] = options.act
    try:
        report = act(options)
    except StoreError as error:
        _end_line()
        print(f"jobshelf: {error}", file=sys.stderr)  # noqa: T201
        return _FAILED
    except KeyboardInterrupt:
        _end_line()
        print(f"jobshelf: {options.when_interrupted}", file=sys.stderr)  # noqa: T201
        return _INTERRUPTED
    _end_line()
    print(report.sentence)  # noqa: T201
    return _DONE if report.is_complete else _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jobshelf", description="Copy job stores. Nothing that is in a store is executed."
    )
    verbs = parser.add_subparsers(required=True)
    copying = verbs.add_parser(
        "copy",
        help="copy the objects of a store to another one",
        description="Copy the objects of a store to another one of any kind, with their IDs and "
        "references. A copy that was interrupted goes on when it is begun again.",
    )
    copying.add_argument("source", metavar="SOURCE", help="the store to copy")
    copying.add_argument("target", metavar="TARGET", help="where to; made if it is not there")
    copying.add_argument(
        "--id",
        action="append",
        dest="ids",
        metavar="ID",
        help="copy this object only; can be given several times",
    )
    copying.add_argument(
        "--with-references",
        action="store_true",
        help="with --id: copy also all that these objects lead to",
    )
    copying.add_argument(
        "--ids-file",
        type=Path,
        metavar="FILE",
        help="where to keep which ID became which, if the target takes only its own",
    )
    _add_on_conflict(copying)
    again = "interrupted; what was copied is whole, and the same command goes on from there."
    copying.set_defaults(act=_copy, when_interrupted=again)
    exporting = verbs.add_parser(
        "export",
        help="copy a store into one archive file",
        description="Copy all objects of a store into one archive file, a zip file that opens "
        "as a store for reading.",
    )
    exporting.add_argument("source", metavar="SOURCE", help="the store to export")
    exporting.add_argument("file", metavar="FILE", help="the archive to make: NAME.jobshelf")
    exporting.add_argument(
        "--overwrite", action="store_true", help="replace the file if it is there"
    )
    exporting.set_defaults(act=_export, when_interrupted="interrupted; no archive was made.")
    importing = verbs.add_parser(
        "import",
        help="copy all objects of an archive file into a store",
        description="Copy all objects of an archive file into a store of any kind.",
    )
    importing.add_argument("file", metavar="FILE", help="the archive")
    importing.add_argument("target", metavar="TARGET", help="where to; made if it is not there")
    _add_on_conflict(importing)
    importing.set_defaults(act=_import, when_interrupted=again)
    return parser


def _add_on_conflict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--on-conflict",
        choices=get_args(OnConflict),
        default="refuse",
        help="what to do about an ID under which the target has another object "
        "(refuse to copy anything, skip the object, or replace it)",
    )


def _copy(options: argparse.Namespace) -> CopyReport:
    with _source(options.source) as source, open_target(options.target) as target:
        ids = options.ids
        if ids is not None and options.with_references:
            ids = with_references(source, ids)
        return copy(
            source,
            target,
            ids,
            progress=_progress("Copying"),
            on_conflict=options.on_conflict,
            ids_file=options.ids_file,
        )


def _export(options: argparse.Namespace) -> CopyReport:
    with _source(options.source) as source:
        return export_store(
            source, options.file, progress=_progress("Exporting"), overwrite=options.overwrite
        )


def _import(options: argparse.Namespace) -> CopyReport:
    with open_target(options.target) as target:
        return import_store(
            options.file, target, progress=_progress("Importing"), on_conflict=options.on_conflict
        )


def _source(address: str) -> Store:
    return make_store(address, read_only=True, create=False)


def _progress(what: str) -> Callable[[int, int], None] | None:
    """Return what says on the terminal how far the work is; None where there is none."""
    if not _is_at_terminal():
        return None
    said = 0.0

    def say(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _REPORT_SECONDS:
            said = now
            percent = 100 * done // total if total else 0
            print(f"\r{what} {percent} %", end="", file=sys.stderr, flush=True)  # noqa: T201

    return say


def _end_line() -> None:
    """Wipe the line that says how far the work is."""
    if _is_at_terminal():
        print("\r\x1b[K", end="", file=sys.stderr)  # noqa: T201


def _is_at_terminal() -> bool:
    """Whether somebody reads along; a windowed program of Windows has no `stderr` at all."""
    return sys.stderr is not None and sys.stderr.isatty()
