"""A whole store in one file, which any zip tool opens.

An archive (`NAME.jobshelf`) is a zip file (with the zip64 extensions where it needs them) of

    objects/0000001.pickle, …   the pickles, byte for byte, stored or deflated
    objects.jsonl               one JSON object for each pickle, in the order of the store
    manifest.json               what this is, and of which store

A line of `objects.jsonl` has `id` (persistent ID, a text), `file` (number of the pickle's
entry), `size` (bytes), `sha256` (of the pickle, hex), `type`, `state`, `name` (as lists show
them; null for none), `references` (IDs) and, for an object of a GC3Pie table with further
columns, `further` (what they hold, see `sql_further`). `manifest.json` has `format`
("jobshelf-archive"), `version` (1), `count` and `size` (of all pickles), `index_sha256` (of
`objects.jsonl`, hex), `created` (UTC, ISO 8601), `program`, and `source` with `address`
(without password), `kind`, `container` and `writer`. An entry under `objects/` that no line
names is left over from an object that changed while it was exported.

What a stranger put into an archive cannot hurt: its names are never used as paths, no entry
holds more than 100 times its size in the file, and an object whose bytes are not those of its
digest is not given out.
"""

from __future__ import annotations

import json
import os
import secrets
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Any, NoReturn

from persistence.errors import DecodeError, LoadError, ReadOnlyError, StoreError
from persistence.files import flush_folder
from persistence.pickles.texts import escaped, shortened
from persistence.records import RecordStore
from persistence.store import Changes, Edit, Ids, Record, Store
from persistence.summary import Digest, Summary, digest
from persistence.urls import StoreUrl

__all__ = ["SUFFIX", "ArchiveStore", "ArchiveWriter", "is_zip_file"]

SUFFIX = ".jobshelf"
"""What the names of archives end with."""

_FORMAT = "jobshelf-archive"
_VERSION = 1
_MANIFEST = "manifest.json"
_INDEX = "objects.jsonl"
_ENTRY = "objects/{:07d}.pickle"
_HEAD = b"PK\x03\x04"
_MOST_RATIO = 100  # bytes of content for each byte in the file
_SLACK = 10_000  # bytes of content that may be in whatever little
_LONGEST_MANIFEST = 64 * 1024
_LONGEST_LINE = 16 * 1024 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1  # bit of the flags of an entry
_DIGEST = 32  # bytes of SHA-256
_LONGEST_SHOWN = 500  # characters


def is_zip_file(path: Path) -> bool:
    """Whether a file begins as an archive does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


class ArchiveStore(RecordStore):
    """An archive file, opened to look inside or to copy from it.

    Args:
        path: The file, as a path or a `file:` URL.
        read_only: Nothing can be changed in an archive; False has the notices say so.
        **extra_args: Ignored; other stores take more.

    Attributes:
        source: Address of the store that was exported, without password.

    Raises:
        StoreError: The file is no archive, is damaged, or asks for too much.
    """

    keeps_summaries = True

    def __init__(
        self,
        path: str | os.PathLike[str] | StoreUrl,
        *args: Any,
        read_only: bool = False,
        **extra_args: Any,
    ) -> None:
        super().__init__(StoreUrl.parse(path), read_only=True)
        assert self.url is not None
        self._path = Path(self.url.path)
        if not read_only:
            self.notices.append(
                f"{self._path.name} is an archive, so nothing in it can be changed: import it "
                "into a store to work with its objects."
            )
        self._numbers: dict[str, int] = {}  # ID → line of the index
        self._entries = array("Q")  # by line: the number of its entry
        self._lines = array("Q")  # by line: where it begins
        self._digests = bytearray()  # by line
        self._lock = Lock()  # of the next file's position
        self._index: IO[bytes] = TemporaryFile()  # noqa: SIM115 — closed with the store
        try:
            self._zip = zipfile.ZipFile(self._path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            self._index.close()
            self._refuse(str(error), error)
        try:
            self._check_entries()
            manifest = self._read_manifest()
            source = manifest["source"]
            self._written_by = _shown(source.get("writer"))
            self.source = _shown(source.get("address"))
            self._read_index(manifest)
        except BaseException:
            self.close()
            raise

    @property
    def kind(self) -> str:
        return "archive file"

    @property
    def container(self) -> str:
        return f"export of {self.source}" if self.source else ""

    @property
    def writer(self) -> str:
        return self._written_by

    # Opening it

    def _check_entries(self) -> None:
        """Refuse what could make a small file a large one, before anything is read."""
        packed = 0
        for info in self._zip.infolist():
            packed += info.compress_size
            if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
                self._refuse("it is encrypted or packed in an unusual way")
            if info.file_size > _MOST_RATIO * info.compress_size + _SLACK:
                self._refuse(f"{info.filename!r} claims to hold far more than there is in the file")
        if packed > os.path.getsize(self._path):
            self._refuse("its entries overlap")

    def _read_manifest(self) -> dict[str, Any]:
        try:
            with self._zip.open(_MANIFEST) as file:
                manifest = json.loads(file.read(_LONGEST_MANIFEST))
        except KeyError:
            self._refuse(f"it has no {_MANIFEST}")
        except (ValueError, RecursionError, OSError, zipfile.BadZipFile, zlib.error) as error:
            self._refuse(f"its {_MANIFEST} cannot be read", error)
        if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
            self._refuse(f"its {_MANIFEST} is of something else")
        version = manifest.get("version")
        if not isinstance(version, int) or version > _VERSION:
            raise StoreError(
                f"{self._path} is an archive of version {version!r}, which this version of "
                "Jobshelf does not know.",
                "Install a newer version.",
            )
        if not isinstance(manifest.get("source"), dict):
            manifest["source"] = {}
        return manifest

    def _read_index(self, manifest: dict[str, Any]) -> None:
        """Note where each object is, and keep the lines in a file that can be read anywhere."""
        found = sha256()
        offset = 0
        try:
            with self._zip.open(_INDEX) as file:
                while line := file.readline(_LONGEST_LINE + 1):
                    if len(line) > _LONGEST_LINE:
                        self._refuse(f"a line of its {_INDEX} is too long")
                    found.update(line)
                    self._index.write(line)
                    self._take_line(line, offset)
                    offset += len(line)
        except KeyError:
            self._refuse(f"it has no {_INDEX}")
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            self._refuse(f"its {_INDEX} cannot be read", error)
        if found.hexdigest() != manifest.get("index_sha256"):
            self._refuse(f"its {_INDEX} is not what the manifest says")
        if len(self._numbers) != manifest.get("count"):
            self._refuse("it does not have as many objects as its manifest says")

    def _take_line(self, line: bytes, offset: int) -> None:
        try:
            entry = json.loads(line)
            id_, number, size = entry["id"], entry["file"], entry["size"]
            digest_ = bytes.fromhex(entry["sha256"])
            is_sound = isinstance(id_, str) and type(number) is int and len(digest_) == _DIGEST
            is_sound = is_sound and 0 < number < 2**63 and id_ not in self._numbers
            is_there = is_sound and self._zip.getinfo(_ENTRY.format(number)).file_size == size
        except (ValueError, TypeError, KeyError, RecursionError):
            is_there = False
        if not is_there:
            self._refuse(f"line {len(self._numbers) + 1:,} of its {_INDEX} makes no sense")
        self._numbers[id_] = len(self._entries)
        self._entries.append(number)
        self._lines.append(offset)
        self._digests += digest_

    def _refuse(self, why: str, error: BaseException | None = None) -> NoReturn:
        raise StoreError(
            f"{self._path} is not a whole archive of Jobshelf: {why.rstrip('.')}.",
            "Export the store again, or fetch another copy of the file.",
        ) from error

    # What is there

    def list(self, **extra_args: Any) -> Ids:
        return list(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def read_many(self, ids: Iterable[str | int]) -> Iterator[Record]:
        for id_ in map(str, ids):
            if id_ in self._numbers:
                yield Record(id_, self._read_entry(id_))

    def records(self) -> Iterator[Record]:
        return self.read_many(self._numbers)

    def summaries(self, ids: Iterable[str | int] | None = None) -> Iterator[Summary]:
        for id_ in self._numbers if ids is None else map(str, ids):
            if id_ in self._numbers:
                line = self._line(id_)
                state, name = line.get("state"), line.get("name")
                yield Summary(
                    id_,
                    str(line.get("type", "")),
                    None if state is None else str(state),
                    None if name is None else str(name),
                    int(line["size"]),
                    None,
                )

    def further(self, ids: Iterable[str | int]) -> dict[str, bytes]:
        found = {}
        for id_ in map(str, ids):
            if id_ in self._numbers:
                further = self._line(id_).get("further")
                if isinstance(further, str):
                    found[id_] = further.encode("utf-8", "surrogatepass")
        return found

    def changes(self, since: Any = None) -> Changes:
        """Nothing ever changes: a new archive of the same name is another file."""
        return Changes(0)

    def verify(self) -> Iterator[int]:
        """Compare all objects with their digests; iterate over how many were.

        Raises:
            StoreError: One is not what it was when it was exported.
        """
        for number, id_ in enumerate(self._numbers, 1):
            self._read_entry(id_)
            yield number

    def apply(self, edits: Sequence[Edit]) -> None:
        raise ReadOnlyError(str(self.url), "it is an archive")

    def close(self) -> None:
        self._zip.close()
        self._index.close()

    def _has(self, ids: Sequence[str]) -> set[str]:
        return {id_ for id_ in ids if id_ in self._numbers}

    def _new_id(self, obj: Any) -> str:
        raise ReadOnlyError(str(self.url), "it is an archive")

    def _line(self, id_: str) -> dict[str, Any]:
        number = self._numbers[id_]
        with self._lock:
            self._index.seek(self._lines[number])
            line: dict[str, Any] = json.loads(self._index.readline())
        return line

    def _read_entry(self, id_: str) -> bytes:
        number = self._numbers[id_]
        try:
            data = self._zip.read(_ENTRY.format(self._entries[number]))
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise LoadError(
                f"Object {id_!r} cannot be read from {self._path}: {error}.",
                "Fetch another copy of the file.",
                id_=id_,
                store=str(self.url),
            ) from error
        first = number * _DIGEST
        if sha256(data).digest() != self._digests[first : first + _DIGEST]:
            raise LoadError(
                f"Object {id_!r} in {self._path} is not what was exported: its bytes have "
                "another SHA-256 than the archive says.",
                "Fetch another copy of the file.",
                id_=id_,
                store=str(self.url),
            )
        return data


class ArchiveWriter(RecordStore):
    """A new archive, to be copied into: `finish` puts it in its place.

    Args:
        path: The file to make.
        source: The store that is exported.
        overwrite: Whether it may take the place of a file that is there.

    Raises:
        StoreError: There is such a file already, or none can be made.
    """

    def __init__(
        self, path: str | os.PathLike[str], source: Store, *, overwrite: bool = False
    ) -> None:
        super().__init__(StoreUrl("file", os.path.abspath(path)))
        self._path = Path(os.path.abspath(path))
        self._overwrite = overwrite
        self._source = source
        self._refuse_if_there()
        self._part = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.part")
        self._lines: IO[bytes] = TemporaryFile()  # noqa: SIM115 — closed with the writer
        self._where: dict[str, tuple[int, int]] = {}  # ID → its entry, and its line's offset
        self._count = 0
        self._size = 0
        try:
            self._zip = zipfile.ZipFile(self._part, "x", zipfile.ZIP_DEFLATED)
        except OSError as error:
            self._lines.close()
            raise self._error(error) from error

    def _refuse_if_there(self) -> None:
        if os.path.lexists(self._path) and not self._overwrite:
            raise StoreError(f"{self._path} is there already.", "Choose another name.")

    def finish(self) -> None:
        """Write what the archive holds, and give it its name."""
        try:
            self._write_index()
            self._zip.close()
            with self._part.open("r+b") as file:
                os.fsync(file.fileno())
            self._refuse_if_there()
            os.replace(self._part, self._path)
            flush_folder(self._path.parent)
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Drop what is not finished."""
        self._lines.close()
        with suppress(ValueError, OSError):
            self._zip.close()
        self._part.unlink(missing_ok=True)

    def list(self, **extra_args: Any) -> Ids:
        return list(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def read_many(self, ids: Iterable[str | int]) -> Iterator[Record]:
        for id_ in map(str, ids):
            if id_ in self._where:
                yield Record(id_, self._zip.read(_ENTRY.format(self._where[id_][0])))

    def records(self) -> Iterator[Record]:
        return self.read_many(self._where)

    def changes(self, since: Any = None) -> Changes:
        return Changes(0)

    def apply(self, edits: Sequence[Edit]) -> None:
        """Add objects. (One that is there already gets a second entry, which counts.)"""
        try:
            for edit in edits:
                if edit.data is not None:
                    self._add(edit.id_, edit.data, edit.further)
        except OSError as error:
            raise self._error(error) from error

    def _has(self, ids: Sequence[str]) -> set[str]:
        return {id_ for id_ in ids if id_ in self._where}

    def _new_id(self, obj: Any) -> str:
        raise ReadOnlyError(str(self.url), "objects are only copied into an archive")

    def _add(self, id_: str, data: bytes, further: bytes) -> None:
        self._count += 1
        self._zip.writestr(_ENTRY.format(self._count), data, _method_for(data))
        try:
            found = digest(data)
        except DecodeError:
            found = Digest("", None, None, ())
        line: dict[str, Any] = {
            "id": id_,
            "file": self._count,
            "size": len(data),
            "sha256": sha256(data).hexdigest(),
            "type": found.type,
            "state": found.state,
            "name": found.name,
            "references": found.references,
        }
        if further:
            line["further"] = further.decode("utf-8", "surrogatepass")
        self._where[id_] = (self._count, self._lines.seek(0, os.SEEK_END))
        self._lines.write(json.dumps(line).encode("ascii") + b"\n")

    def _write_index(self) -> None:
        found = sha256()
        with self._zip.open(_INDEX, "w", force_zip64=True) as file:
            for _, offset in self._where.values():
                self._lines.seek(offset)
                line = self._lines.readline()
                self._size += json.loads(line)["size"]
                found.update(line)
                file.write(line)
        source = self._source
        manifest = {
            "format": _FORMAT,
            "version": _VERSION,
            "count": len(self._where),
            "size": self._size,
            "index_sha256": found.hexdigest(),
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "program": "Jobshelf",
            "source": {
                "address": str(source.url or ""),
                "kind": source.kind,
                "container": source.container,
                "writer": source.writer,
            },
        }
        text = json.dumps(manifest, indent=2) + "\n"
        self._zip.writestr(_MANIFEST, text, zipfile.ZIP_STORED)

    def _error(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._path} cannot be written: {error.strerror or error}.",
            "Choose another folder, or free some space on the disk.",
        )


def _shown(value: Any) -> str:
    """Return what a stranger's manifest says as a text that can be shown."""
    return escaped(shortened(value, _LONGEST_SHOWN)) if isinstance(value, str) else ""


def _method_for(data: bytes) -> int:
    """Return how a pickle is kept: as it is, where packing it would look like a trap."""
    if len(data) <= _SLACK:
        return zipfile.ZIP_DEFLATED
    is_suspicious = len(data) > _MOST_RATIO * len(zlib.compress(data))
    return zipfile.ZIP_STORED if is_suspicious else zipfile.ZIP_DEFLATED
