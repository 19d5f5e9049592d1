"""A disk that fails, is cut short, or loses power at the n-th call, for every n.

`Disk` stands between the code under test and the calls by which Python changes files, without
any help of the linker or of root. It counts what is done in one folder, writes it down, and
lets one call fail in one `Way`. What it wrote down is replayed into fresh folders as a power
cut at any moment may leave it:

- the content of a file is on the disk when the file was flushed; else it may be as it was at
  the last flush, cut in the middle, or there;
- a name (made, replaced, removed) is on the disk when its folder was flushed; of all others
  each may be there or not, in any combination;
- a rename is one such change: the file systems that people use never lose both names.

A kill is the same with nothing lost: what a process handed to the system stays.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from persistence import files

__all__ = ["Disk", "Fault", "Killed", "Step", "Way", "power_cuts", "write_down"]

_HARMLESS = "lock"  # files whose names have this in them are not part of the content
_COMBINATIONS = 4  # drawn at random beside all the simple ones


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class Way(Enum):
    """How a call goes wrong."""

    REFUSED = "refused"  # nothing is done
    REPORTED = "reported"  # it is done, and an error is reported all the same
    SHORT = "short"  # half of the bytes are written, and the next write is refused
    KILLED = "killed"  # the process ends before it
    KILLED_AFTER = "killed after"  # the process ends after it


@dataclass
class Fault:
    """What goes wrong, and when.

    Attributes:
        at: The number of the call, from 1.
        way: How.
        code: The error, for those that report one.
        stays: Whether every later call is refused, too: a disk that is full or dead.
    """

    at: int
    way: Way
    code: int = errno.ENOSPC
    stays: bool = False


@dataclass(frozen=True)
class Step:
    """One change of the folder.

    Attributes:
        kind: "make", "write", "flush", "rename", "remove", "folder", "flush folder".
        path: What of, relative to the folder.
        file: Which file: a number that stays with it when it is renamed.
        data: What was written.
        former: The name before a rename.
    """

    kind: str
    path: str
    file: int = 0
    data: bytes = b""
    former: str = ""


class Disk:
    """Counts, records and disturbs the changes of one folder."""

    def __init__(self, folder: Path, fault: Fault | None = None) -> None:
        self.folder = folder
        self.fault = fault
        self.calls = 0
        self.steps: list[Step] = []
        self._files: dict[str, int] = {}
        self._open: dict[int, str] = {}
        self._is_full = False
        self._number = 0
        self.before: dict[str, bytes | None] = _content(folder)
        for name, data in self.before.items():
            if data is not None:
                self._files[name] = self._next()

    @contextmanager
    def in_use(self) -> Iterator[Disk]:
        """Have all calls of this process pass through here."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("open", "write", "close"):
                patch.setattr(os, name, self._on_descriptor(name, getattr(os, name)))
            patch.setattr(files, "_flush", self._on_descriptor("flush", files._flush))
            for name in ("unlink", "mkdir", "rmdir", "replace"):
                patch.setattr(os, name, self._on_path(name, getattr(os, name)))
            patch.setattr(shutil, "rmtree", _remove_tree)
            yield self

    # The calls

    def _on_descriptor(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def opened(path: Any, flags: int, *more: Any, **options: Any) -> int:
            relative = self._relative(path)
            if relative is None:
                return int(call(path, flags, *more, **options))
            is_new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
            if not is_new:
                descriptor = int(call(path, flags, *more, **options))
                self._open[descriptor] = relative
                return descriptor
            descriptor = int(self._disturbed(lambda: call(path, flags, *more, **options)))
            self._open[descriptor] = relative
            self._files[relative] = self._next()
            self._record("make", relative)
            self._end_if_killed()
            return descriptor

        def written(descriptor: int, data: Any) -> int:
            relative = self._open.get(descriptor)
            if relative is None:
                return int(call(descriptor, data))
            is_short = self._is_due(Way.SHORT) and len(data) > 1
            part = data[: len(data) // 2] if is_short else data
            count = int(self._disturbed(lambda: call(descriptor, part)))
            self._is_full = self._is_full or is_short
            self._record("write", relative, data=bytes(part[:count]))
            self._end_if_killed()
            return count

        def flushed(descriptor: int) -> None:
            relative = self._open.get(descriptor)
            if relative is None:
                return call(descriptor)
            self._disturbed(lambda: None)  # no test takes the power of the real disk
            is_folder = relative not in self._files
            self._record("flush folder" if is_folder else "flush", relative)
            return self._end_if_killed()

        def closed(descriptor: int) -> None:
            self._open.pop(descriptor, None)
            call(descriptor)

        return {"open": opened, "write": written, "flush": flushed, "close": closed}[name]

    def _on_path(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def changed(path: Any, *more: Any, **options: Any) -> None:
            relative = self._relative(more[0] if name == "replace" else path)
            is_there = name == "mkdir" or os.path.lexists(path)
            if relative is None or not is_there:
                return call(path, *more, **options)
            self._disturbed(lambda: call(path, *more, **options))
            if name == "replace":
                former = str(self._relative(path))
                self._files[relative] = self._files.pop(former)
                self._record("rename", relative, former=former)
            elif name == "mkdir":
                self._record("folder", relative)
            else:
                self._record("remove", relative)
                self._files.pop(relative, None)
            return self._end_if_killed()

        return changed

    def _disturbed(self, call: Callable[[], Any]) -> Any:
        """Count a call and make it, unless it is to fail."""
        self.calls += 1
        fault = self.fault
        if self._is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if fault is None or self.calls < fault.at:
            return call()
        if self.calls > fault.at:
            if fault.way in (Way.KILLED, Way.KILLED_AFTER):
                raise Killed
            if fault.stays:
                raise OSError(fault.code, os.strerror(fault.code))
            return call()
        if fault.way is Way.KILLED:
            raise Killed
        if fault.way is Way.REFUSED:
            raise OSError(fault.code, os.strerror(fault.code))
        done = call()
        if fault.way is Way.REPORTED:
            raise OSError(fault.code, os.strerror(fault.code))
        return done

    def _is_due(self, way: Way) -> bool:
        return self.fault is not None and self.fault.way is way and self.calls + 1 == self.fault.at

    def _end_if_killed(self) -> None:
        fault = self.fault
        if fault is not None and fault.way is Way.KILLED_AFTER and self.calls == fault.at:
            raise Killed

    def _record(self, kind: str, path: str, data: bytes = b"", former: str = "") -> None:
        self.steps.append(Step(kind, path, self._files.get(path, 0), data, former))

    def _relative(self, path: Any) -> str | None:
        if not isinstance(path, (str, os.PathLike)):
            return None
        try:
            relative = Path(path).relative_to(self.folder).as_posix()
        except ValueError:
            return None
        return None if _HARMLESS in relative else relative

    def _next(self) -> int:
        self._number += 1
        return self._number


# What a power cut leaves


def power_cuts(disk: Disk, count: int) -> Iterator[dict[str, bytes | None]]:
    """Iterate over what may be on the disk if the power goes after so many steps.

    Yields:
        Contents by name, None for a folder; each different one once.
    """
    steps = disk.steps[:count]
    loose = [
        number
        for number, step in enumerate(steps)
        if step.kind in ("make", "rename", "remove", "folder")
        and not any(
            later.kind == "flush folder" and later.path == _parent(step.path)
            for later in steps[number + 1 :]
        )
    ]
    chance = random.Random(count)
    kept = [set(loose), set()]
    kept += [{one} for one in loose]
    kept += [set(loose) - {one} for one in loose]
    kept += [set(loose[:length]) for length in range(2, len(loose))]
    kept += [{n for n in loose if chance.random() < 0.5} for _ in range(_COMBINATIONS)]
    seen = set()
    for names in kept:
        dropped = set(loose) - names
        for share in (0.0, 0.5, 1.0):
            content = _replayed(disk, steps, dropped, share)
            key = tuple(sorted(content.items(), key=lambda item: item[0]))
            if key not in seen:
                seen.add(key)
                yield content


def _replayed(
    disk: Disk, steps: list[Step], dropped: set[int], share: float
) -> dict[str, bytes | None]:
    names: dict[str, int | None] = {}
    flushed: dict[int, bytes] = {}
    for number, (name, data) in enumerate(
        (item for item in disk.before.items() if item[1] is not None), start=1
    ):
        names[name], flushed[number] = number, data or b""
    names.update({name: None for name, data in disk.before.items() if data is None})
    written = dict(flushed)
    for number, step in enumerate(steps):
        if step.kind == "write":
            written[step.file] = written.get(step.file, b"") + step.data
        elif step.kind == "flush":
            flushed[step.file] = written.get(step.file, b"")
        elif number in dropped:
            continue
        elif step.kind == "make":
            names[step.path] = step.file
        elif step.kind == "folder":
            names[step.path] = None
        elif step.kind == "rename":
            if names.get(step.former) == step.file:
                del names[step.former]
            names[step.path] = step.file
        elif step.kind == "remove":
            names.pop(step.path, None)
            for inner in [name for name in names if name.startswith(f"{step.path}/")]:
                del names[inner]
    content: dict[str, bytes | None] = {}
    for name, file in names.items():
        above = [parent.as_posix() for parent in Path(name).parents if parent.name]
        if not all(folder in names for folder in above):
            continue  # its folder is lost
        if file is None:
            content[name] = None
            continue
        safe, all_ = flushed.get(file, b""), written.get(file, b"")
        content[name] = all_ if safe == all_ else all_[: int(len(all_) * share)]
    return content


def write_down(content: dict[str, bytes | None], folder: Path) -> None:
    """Make a folder with a content."""
    folder.mkdir()
    for name in sorted(content):
        data = content[name]
        if data is None:
            (folder / name).mkdir(parents=True, exist_ok=True)
        else:
            (folder / name).write_bytes(data)


def _content(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if _HARMLESS not in path.name
    }


def _parent(name: str) -> str:
    return Path(name).parent.as_posix()


def _remove_tree(path: Any, ignore_errors: bool = False, **_: Any) -> None:
    """What `shutil.rmtree` does, by calls that are counted."""
    try:
        for name in os.listdir(path):
            inner = os.path.join(path, name)
            if os.path.isdir(inner) and not os.path.islink(inner):
                _remove_tree(inner, ignore_errors)
            else:
                os.unlink(inner)
        os.rmdir(path)
    except OSError:
        if not ignore_errors:
            raise
