"""The inspector process as its asker sees it: it answers, or fails with a sentence, and comes back.

An inspector belongs to one thread. When its process dies, takes too long or too much memory,
the process is ended and a new one is started for the next question.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from app.work import inspector_process, protocol, spawning
from app.work.records import NodeRow
from app.work.task import Cancelled, Progress
from persistence.errors import StoreError
from persistence.summary import Digest

__all__ = ["Bounds", "InspectionError", "Inspector"]

_MIB = 1024 * 1024
_IDLE_MEMORY = 64 * _MIB  # bytes that an inspector has before the first question
_SLICE_SECONDS = 0.05  # how often a question under way is looked after
_PATIENCE_SECONDS = 0.5  # how long a cancelled question may still take
_STARTING_SECONDS = 60.0  # on a machine that is very busy
_ENDING_SECONDS = 2.0
_KNOWN_SIZES = 10_000
_SLOWEST = 5  # times the limit of processor time that may pass on a busy machine

# Starting reaps processes that ended, also those of other threads.
_starting = threading.Lock()


class InspectionError(StoreError):
    """The inspector could not look into an object: it took too long, too much, or died."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an inspector may take.

    Attributes:
        seconds: Processor time for one question.
        seconds_per_mib: The same, more for each MiB of the pickles that it is about.
        memory: Bytes beyond those of an idle inspector.
        kept: Bytes of pickles whose decoded objects are kept.
    """

    seconds: float = 2.0
    seconds_per_mib: float = 0.5
    memory: int = 1024 * _MIB
    kept: int = 64 * _MIB


class Inspector:
    """Asks questions about pickles, in another process."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._lock = threading.Lock()
        self._is_closed = False
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        """Number of the process, or None while there is none."""
        child = self._child
        return None if child is None else child.pid

    def start(self) -> None:
        """Start the process, if there is none, so that it is there for the first question."""
        self._running_child()

    def interrupt(self) -> None:
        """End the process now, and start no other. Any thread may call this."""
        with self._lock:
            self._is_closed = True
            child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """End the process and wait for its end; the inspector is of no use then."""
        self.interrupt()
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def root(self, document: str, data: bytes, progress: Progress | None = None) -> NodeRow:
        """Return the line of an object itself.

        Args:
            document: A name for this version of the object.
            data: Its pickle; b"" if the inspector should have it.
            progress: Ends the question when cancelled.

        Raises:
            Missing: It does not have it.
            DecodeError: The pickle is damaged or hostile.
            InspectionError: The question took too long or too much.
        """
        header, _ = self._ask(protocol.Root(document), data, progress)
        return protocol.row_from_wire(header["result"])

    def children(
        self,
        document: str,
        data: bytes,
        place: tuple[Sequence[int], int, int],
        progress: Progress | None = None,
    ) -> list[NodeRow]:
        """Return some lines below a node, given as (path, first, count). Raises as `root`."""
        path, first, count = place
        request = protocol.Children(document, tuple(path), first, count)
        header, _ = self._ask(request, data, progress)
        return [protocol.row_from_wire(values) for values in header["result"]]

    def text(
        self,
        document: str,
        data: bytes,
        path: Sequence[int],
        part: tuple[int, int],
        progress: Progress | None = None,
    ) -> str:
        """Return a value as text, given which part as (first, most). Raises as `root`."""
        first, limit = part
        request = protocol.Text(document, tuple(path), limit, first)
        _, payload = self._ask(request, data, progress)
        return payload.decode()

    def expression(
        self, document: str, data: bytes, path: Sequence[int], progress: Progress | None = None
    ) -> str:
        """Return a value as a Python expression. Raises as `root`, and if it is very long."""
        _, payload = self._ask(protocol.Expression(document, tuple(path)), data, progress)
        return payload.decode()

    def references(
        self, document: str, data: bytes, progress: Progress | None = None
    ) -> list[tuple[str, str]]:
        """Return the external references: path and ID of each. Raises as `root`."""
        header, _ = self._ask(protocol.References(document), data, progress)
        return [(path, id_) for path, id_ in header["result"]]

    def salvaged_root(
        self, document: str, data: bytes, progress: Progress | None = None
    ) -> NodeRow:
        """Return the line of what can be read of a damaged object. Arguments as `root`.

        Raises:
            DecodeError: Nothing of it can be read.
        """
        header, _ = self._ask(protocol.Salvage(document), data, progress)
        return protocol.row_from_wire(header["result"])

    def told(
        self, request: protocol.DocumentRequest, data: bytes, progress: Progress | None = None
    ) -> Any:
        """Return the JSON values that answer a request. Raises as `root`."""
        header, _ = self._ask(request, data, progress)
        return header["result"]

    def changed(
        self, request: protocol.Changed, data: bytes, progress: Progress | None = None
    ) -> bytes:
        """Return a pickle with a change made. Raises as `root`, and if it cannot be made."""
        _, payload = self._ask(request, data, progress)
        return payload

    def digests(
        self, pickles: Sequence[bytes], progress: Progress | None = None
    ) -> list[Digest | None]:
        """Return what lists show of each pickle; None for one that cannot be decoded."""
        return [_digest(values) for values in self._of_many(protocol.Digests, pickles, progress)]

    def facts(self, pickles: Sequence[bytes], progress: Progress | None = None) -> list[str]:
        """Return the facts of each pickle, as JSON; "{}" for one that cannot be decoded."""
        return [text or "{}" for text in self._of_many(protocol.Facts, pickles, progress)]

    def _of_many(
        self,
        ask: type[protocol.Digests | protocol.Facts],
        pickles: Sequence[bytes],
        progress: Progress | None,
    ) -> list[Any]:
        """Return what is told of each of many pickles; None for one that cannot be decoded.

        A pickle that the process dies of is found by asking for fewer at a time.
        """
        if not pickles:
            return []
        try:
            request = ask(tuple(map(len, pickles)))
            header, _ = self._ask(request, b"".join(pickles), progress)
            return list(header["result"])
        except InspectionError:
            if len(pickles) == 1:
                return [None]
        found: list[Any] = []
        size = -(-len(pickles) // 8)
        for first in range(0, len(pickles), size):
            found += self._of_many(ask, pickles[first : first + size], progress)
        return found

    def _ask(
        self,
        request: protocol.DocumentRequest | protocol.Digests | protocol.Facts,
        payload: bytes,
        progress: Progress | None,
    ) -> tuple[dict[str, Any], bytes]:
        header = protocol.request_to_wire(request)
        try:
            answer, text = self._exchange(header, payload, progress)
        except _Died:
            # Perhaps somebody else ended it, or it died of an earlier question: once more.
            try:
                answer, text = self._exchange(header, payload, progress)
            except _Died:
                raise InspectionError(
                    "The inspector broke down over this object.",
                    "The object itself is as it was. Try again, or export its pickle.",
                ) from None
        if answer.get("missing"):
            raise protocol.Missing
        if "error" in answer:
            raise protocol.error_from_wire(answer["error"])
        if "bug" in answer:
            raise RuntimeError(f"The inspector failed:\n{answer['bug']}")
        return answer, text

    def _exchange(
        self, header: dict[str, Any], payload: bytes, progress: Progress | None
    ) -> tuple[dict[str, Any], bytes]:
        child = self._running_child()
        size = child.size_of(header, payload)
        seconds = self.bounds.seconds + self.bounds.seconds_per_mib * size / _MIB
        try:
            child.wait_until_ready()
            watch = _Watch(child.pid, seconds, self.bounds.memory, progress)
            return child.exchange(header, payload, watch)
        except BaseException as error:
            self._drop(child)
            if self._is_closed:
                raise Cancelled from error
            raise

    def _running_child(self) -> _Child:
        with self._lock:
            if self._is_closed:
                raise Cancelled
            if self._child is None:
                self._child = _Child(self.bounds)
            return self._child

    def _drop(self, child: _Child) -> None:
        with self._lock:
            if self._child is child:
                self._child = None
        child.end()


def _digest(values: list[Any] | None) -> Digest | None:
    if values is None:
        return None
    type_, state, name, references = values
    return Digest(type_, state, name, tuple(references))


class _Died(Exception):
    """The process ended in the middle of a question."""


class _Child:
    """One process, from its start to its end."""

    def __init__(self, bounds: Bounds) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=inspector_process.main,
            args=(theirs, bounds.memory, bounds.kept),
            name="jobshelf inspector",
            daemon=True,
        )
        try:
            with _starting:
                spawning.start(self._process)
        except OSError as error:
            raise StoreError(
                f"The inspector process cannot be started: {error.strerror or error}.",
                "Close other programs and try again.",
            ) from error
        finally:
            theirs.close()  # or its end would never be seen
        assert self._process.pid is not None
        self.pid = self._process.pid
        self._is_ready = False
        self._sizes: dict[str, int] = {}  # of the pickles that it was given, by document

    def size_of(self, header: dict[str, Any], payload: bytes) -> int:
        """Return how many bytes of pickles a request is about, those sent before included."""
        names = [header[key] for key in ("document", "other") if key in header]
        if not names:
            return len(payload)
        if payload:
            if len(self._sizes) >= _KNOWN_SIZES:
                self._sizes.clear()
            self._sizes[names[0]] = len(payload)
        return sum(self._sizes.get(name, 0) for name in names)

    def wait_until_ready(self) -> None:
        """Wait until the process has started: that is no part of the time for a question.

        Raises:
            _Died: It ended before, or takes very long.
        """
        if self._is_ready:
            return
        try:
            if not self._pipe.poll(_STARTING_SECONDS):
                raise _Died
            protocol.receive(self._pipe)
        except (EOFError, OSError) as error:
            raise _Died from error
        self._is_ready = True

    def exchange(
        self, header: dict[str, Any], payload: bytes, watch: _Watch
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and return the answer.

        Raises:
            _Died: The process ended.
        """
        try:
            protocol.send(self._pipe, header, payload)
            while not self._pipe.poll(_SLICE_SECONDS):
                watch.look()
            return protocol.receive(self._pipe)
        except (EOFError, OSError) as error:
            raise _Died from error

    def kill(self) -> None:
        """Have the process end, if it is still there."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process, wait for its end, and close the pipe to it."""
        with _starting:
            self._process.kill()
            self._process.join(_ENDING_SECONDS)
        self._pipe.close()


class _Watch:
    """Judges how long a question takes, and how much memory."""

    def __init__(self, pid: int, seconds: float, memory: int, progress: Progress | None) -> None:
        self._seconds = seconds
        self._memory = memory
        self._progress = progress
        self._began = time.monotonic()
        self._cancelled_at: float | None = None
        try:
            self._process = psutil.Process(pid)
            self._spent = _processor_seconds(self._process)
        except psutil.Error as error:
            raise _Died from error

    def look(self) -> None:
        """Raise what ends the question, if anything does."""
        now = time.monotonic()
        if self._progress is not None and self._progress.is_cancelled:
            self._cancelled_at = self._cancelled_at or now
            if now - self._cancelled_at > _PATIENCE_SECONDS:
                raise Cancelled
        try:
            resident = self._process.memory_info().rss
            spent = _processor_seconds(self._process) - self._spent
        except psutil.Error as error:
            raise _Died from error
        if resident > self._memory + _IDLE_MEMORY:
            raise InspectionError(
                f"Looking into this object takes more than {self._memory // _MIB:,} MiB of memory.",
                "The object itself is as it was; export its pickle to look at it elsewhere.",
            )
        elapsed = now - self._began
        if spent > self._seconds or elapsed > _SLOWEST * self._seconds:
            raise InspectionError(
                f"Looking into this object takes more than {self._seconds:.0f} s.",
                "The object itself is as it was; export its pickle to look at it elsewhere.",
            )


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
