"""Archive files: what is exported comes back, and what a stranger made of one hurts nobody."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from persistence import (
    Edit,
    LoadError,
    ReadOnlyError,
    Store,
    StoreError,
    make_store,
)
from persistence.archive import ArchiveStore, ArchiveWriter
from persistence.probe import describe
from persistence.transfer import CopyReport, copy, export_store, import_store

DATA = Path(__file__).parents[1] / "data"
GC3PIE = DATA / "gc3pie" / "python3.7"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of three objects, of which one refers to another."""
    path = tmp_path / "jobs.jobshelf"
    with make_store(f"sqlite://{(tmp_path / 'jobs.db').as_posix()}") as store:
        store.apply(
            [
                Edit("Job.1", pickle.dumps({"name": "one", "state": "NEW"})),
                Edit("Job.2", b"\x80\x02X\x05\x00\x00\x00Job.1Q."),
                Edit("../../Job.3", pickle.dumps(b"x" * 1_000_000)),
            ]
        )
        export_store(store, path)
    return path


def contents(store: Store) -> dict[str, bytes]:
    return {record.id_: record.data for record in store.records()}


# What comes back


@pytest.mark.parametrize("name", ["jobs-dir", "jobs.db", "jobs-table.db", "session"])
def test_a_store_of_gc3pie_comes_back_from_an_archive(
    name: str, tmp_path: Path, looks_only: list[str]
) -> None:
    place = (GC3PIE / name).as_posix()
    if name.endswith(".db"):
        place = f"sqlite://{place}{'#table=campaign' if 'table' in name else ''}"
    seen: list[tuple[int, int]] = []
    with make_store(place, read_only=True) as source:
        report = export_store(
            source, tmp_path / "x.jobshelf", progress=lambda *done: seen.append(done)
        )
        assert report.verified == report.total == len(source)
        assert seen[-1] == (2 * len(source), 2 * len(source))
        with make_store(tmp_path / "x.jobshelf") as archive:
            assert archive.list() == source.list()
            assert contents(archive) == contents(source)
            for ours, theirs in zip(archive.summaries(), source.summaries(), strict=True):
                assert (ours.id, ours.type, ours.state, ours.name, ours.size) == (
                    theirs.id,
                    theirs.type,
                    theirs.state,
                    theirs.name,
                    theirs.size,
                )
            some = source.list()[0]
            assert archive.references(some) == source.references(some)
        with make_store(f"sqlite://{(tmp_path / 'back.db').as_posix()}") as target:
            assert import_store(tmp_path / "x.jobshelf", target).is_complete
            assert contents(target) == contents(source)


def test_an_archive_opens_as_a_store_that_cannot_be_changed(archive: Path) -> None:
    assert describe(archive).sentence.startswith("Archive file, export of sqlite:///")
    with make_store(archive) as store:
        assert store.read_only
        assert "import it" in store.notices[0]
        assert [summary.name for summary in store.summaries(["Job.1"])] == ["one"]
        assert store.referrers("Job.1") == ["Job.2"]
        assert "Job.2" in store
        assert "Job.9" not in store
        with pytest.raises(ReadOnlyError):
            store.write("Job.1", b"N.")
        with pytest.raises(ReadOnlyError):
            store.save([])
        token = store.changes().token
        assert store.changes(token).changed == ()
    with make_store(archive, read_only=True) as store:
        assert store.notices == []


def test_an_archive_is_what_the_documentation_says(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as zip_:
        assert zip_.testzip() is None
        manifest = json.loads(zip_.read("manifest.json"))
        index = zip_.read("objects.jsonl")
        assert manifest["format"] == "jobshelf-archive"
        assert manifest["version"] == 1
        assert manifest["count"] == 3
        assert manifest["index_sha256"] == sha256(index).hexdigest()
        assert manifest["source"]["writer"] == "Jobshelf"
        for line in map(json.loads, index.splitlines()):
            data = zip_.read(f"objects/{line['file']:07d}.pickle")
            assert len(data) == line["size"]
            assert sha256(data).hexdigest() == line["sha256"]
        zip_.extractall(tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names == {"manifest.json", "objects.jsonl", *(f"000000{n}.pickle" for n in (1, 2, 3))}


def test_an_object_that_changes_during_the_export_is_in_it_as_it_was_last(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with make_store(tmp_path / "a") as source:
        for number in range(3):
            source.write(f"Job.{number}", pickle.dumps(number))

        def on_progress(done: int, total: int) -> None:
            if done == 3 and source.read("Job.1") == pickle.dumps(1):
                source.write("Job.1", pickle.dumps("new"))

        report = export_store(source, tmp_path / "x.jobshelf", progress=on_progress)
        assert report.changed == ("Job.1",)
        with make_store(tmp_path / "x.jobshelf") as archive:
            assert contents(archive) == contents(source)


def test_a_whole_file_is_there_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "x.jobshelf"
    with make_store(tmp_path / "a") as source:
        source.write("Job.1", pickle.dumps(1))

        def stop(done: int, total: int) -> None:
            assert not path.exists()
            if done:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export_store(source, path, progress=stop)
        assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
        export_store(source, path)
        with pytest.raises(StoreError, match="is there already"):
            export_store(source, path)
        export_store(source, path, overwrite=True)
        with pytest.raises(StoreError, match="cannot be written"):
            export_store(source, tmp_path / "none" / "x.jobshelf")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "x.jobshelf"]


def test_further_columns_survive_an_archive(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    for name in ("a.db", "b.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection, connection:
            connection.execute(
                "CREATE TABLE store (id INTEGER NOT NULL, data BLOB, state VARCHAR(128),"
                " queue TEXT, PRIMARY KEY (id))"
            )
            if name == "a.db":
                row = (pickle.dumps(7),)
                connection.execute("INSERT INTO store VALUES (7, ?, 'NEW', 'löng')", row)
    with make_store(tmp_path / "a.db") as source:
        export_store(source, tmp_path / "x.jobshelf")
    with make_store(tmp_path / "b.db") as target:
        import_store(tmp_path / "x.jobshelf", target)
    with closing(sqlite3.connect(tmp_path / "b.db")) as connection:
        rows = connection.execute("SELECT id, state, queue FROM store").fetchall()
    assert rows == [(7, "NEW", "löng")]


def test_a_very_repetitive_object_does_not_look_like_a_trap(archive: Path) -> None:
    with zipfile.ZipFile(archive) as zip_:
        assert zip_.getinfo("objects/0000003.pickle").compress_type == zipfile.ZIP_STORED
    with make_store(archive) as store:
        assert store.read("../../Job.3") == pickle.dumps(b"x" * 1_000_000)


# What a stranger made


def changed(
    archive: Path,
    *,
    index: Callable[[list[dict[str, Any]]], object] | None = None,
    manifest: Callable[[dict[str, Any]], object] | None = None,
    entries: dict[str, bytes] | None = None,
    without: str = "",
    honest: bool = True,
) -> Path:
    """Write an archive anew with something in it changed, and the sum of its index made right."""
    other = archive.with_name("hostile.jobshelf")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        lines = [json.loads(line) for line in old.read("objects.jsonl").splitlines()]
        if index is not None:
            index(lines)
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        about = json.loads(old.read("manifest.json"))
        if honest:
            about["index_sha256"] = sha256(text).hexdigest()
        if manifest is not None:
            manifest(about)
        held = {name: old.read(name) for name in old.namelist()}
        held.update({"objects.jsonl": text, "manifest.json": json.dumps(about).encode()})
        held.update(entries or {})
        for name, data in held.items():
            if name != without:
                method = zipfile.ZIP_STORED if len(data) > 100_000 else zipfile.ZIP_DEFLATED
                new.writestr(name, data, method)
    return other


def refused(path: Path, why: str) -> None:
    with pytest.raises(StoreError, match=why):
        ArchiveStore(path)


@pytest.mark.parametrize(
    "change",
    [
        {"file": 99},
        {"file": "../../etc/passwd"},
        {"file": -1},
        {"file": True},
        {"file": 10**30},
        {"size": 5},
        {"size": None},
        {"sha256": "00"},
        {"sha256": 7},
        {"id": None},
        {"id": "Job.2"},
        {"id": ["Job.1"]},
    ],
)
def test_a_line_that_makes_no_sense_is_refused(archive: Path, change: dict[str, Any]) -> None:
    refused(changed(archive, index=lambda lines: lines[0].update(change)), "line [12] of its")


def test_what_is_no_archive_is_refused_in_a_sentence(archive: Path, tmp_path: Path) -> None:
    refused(changed(archive, without="manifest.json"), r"it has no manifest\.json")
    refused(changed(archive, without="objects.jsonl"), r"it has no objects\.jsonl")
    refused(changed(archive, without="objects/0000001.pickle"), "line 1 of its")
    refused(changed(archive, entries={"manifest.json": b"[]"}), "of something else")
    refused(changed(archive, entries={"manifest.json": b"[" * 9_000}), "cannot be read")
    refused(changed(archive, entries={"manifest.json": b"\xff"}), "cannot be read")
    refused(changed(archive, manifest=lambda it: it.update(version=2)), "a newer version")
    refused(changed(archive, manifest=lambda it: it.update(version="1")), "a newer version")
    refused(changed(archive, manifest=lambda it: it.update(count=4)), "as many objects")
    refused(changed(archive, index=lambda lines: lines.pop(), honest=False), "is not what")
    deep = b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    index_sum = sha256(deep).hexdigest()
    refused(
        changed(
            archive,
            entries={"objects.jsonl": deep},
            manifest=lambda it: it.update(index_sha256=index_sum),
        ),
        "line 1 of its",
    )
    (tmp_path / "empty.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(StoreError, match="not a whole archive"):
        make_store(tmp_path / "empty.zip")


def test_a_cut_archive_is_refused_at_every_length(archive: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    cut = tmp_path / "cut.jobshelf"
    for length in range(4, len(data), max(1, len(data) // 60)):
        cut.write_bytes(data[:length])
        refused(cut, "not a whole archive")


def test_changed_bytes_are_refused_or_told_never_believed(archive: Path, tmp_path: Path) -> None:
    good = archive.read_bytes()
    with make_store(archive) as store:
        expected = contents(store)
    flipped = tmp_path / "flipped.jobshelf"
    told = 0
    for place in range(0, len(good), max(1, len(good) // 400)):
        data = bytearray(good)
        data[place] ^= 0x41
        flipped.write_bytes(data)
        try:
            with ArchiveStore(flipped) as store:
                for id_ in store.list():
                    assert store.read(id_) == expected[id_]
        except StoreError:
            told += 1
    assert told > 100


def test_a_wrong_digest_keeps_everything_from_being_imported(archive: Path, tmp_path: Path) -> None:
    bad = changed(archive, entries={"objects/0000002.pickle": b"\x80\x02X\x05\x00\x00\x00Job.9Q."})
    with (
        make_store(f"sqlite://{(tmp_path / 'target.db').as_posix()}") as target,
        pytest.raises(LoadError, match=r"'Job\.2' in .* is not what was exported"),
    ):
        import_store(bad, target)
    with make_store(tmp_path / "target.db") as target:
        assert target.list() == []
    with make_store(bad) as store:  # the others can be looked at
        assert store.read("Job.1") == pickle.dumps({"name": "one", "state": "NEW"})


def test_ids_of_an_archive_write_nothing_outside(archive: Path, tmp_path: Path) -> None:
    def rename(lines: list[dict[str, Any]]) -> None:
        lines[0]["id"], lines[1]["id"] = "/tmp/x", "..\\..\\x"

    before = set(tmp_path.iterdir())
    hostile = changed(archive, index=rename)
    (tmp_path / "in").mkdir()
    with make_store(tmp_path / "in") as target:
        report = import_store(hostile, target)
        assert report.verified == 3
        assert all("/" not in id_ for id_ in target)
    assert set(tmp_path.iterdir()) == {*before, hostile, tmp_path / "in"}


def test_what_a_stranger_wrote_is_shown_without_control_characters(
    archive: Path, tmp_path: Path
) -> None:
    evil = "\x1b]0;owned\x07\u202e\ud800"

    def rename(lines: list[dict[str, Any]]) -> None:
        lines[0]["id"] = evil

    hostile = changed(
        archive,
        index=rename,
        manifest=lambda it: it["source"].update(address=evil, writer=[evil]),
    )
    with make_store(hostile) as store:
        assert store.writer == ""
        assert store.container == r"export of \x1b]0;owned\x07\u202e\ud800"
    with make_store(f"sqlite://{(tmp_path / 'in.db').as_posix()}") as target:
        target.write("Job.2", pickle.dumps("another"))
        report = import_store(hostile, target, on_conflict="skip")
        assert report.sentence.isprintable()
        assert evil not in target
        assert evil in report.mapping
    looped = CopyReport(1, missing=(evil,)).sentence
    assert looped.isprintable()


def test_a_bomb_is_refused_before_it_is_unpacked(archive: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.jobshelf"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as zip_:
        zip_.writestr("objects/0000001.pickle", b"\0" * 100_000_000)
    assert bomb.stat().st_size < 200_000
    refused(bomb, "claims to hold far more")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_LZMA) as zip_:
        zip_.writestr("objects/0000001.pickle", b"\0" * 100_000)
    refused(bomb, "packed in an unusual way")


def test_entries_that_share_their_bytes_are_refused(archive: Path) -> None:
    """The bomb of David Fifield: many entries of the central directory, one file."""
    overlapping = archive.with_name("overlapping.jobshelf")
    with zipfile.ZipFile(overlapping, "w") as zip_:
        zip_.writestr("objects/0000001.pickle", os.urandom(100_000))
        first = zip_.getinfo("objects/0000001.pickle")
        for number in range(2, 50):
            twin = zipfile.ZipInfo(f"objects/{number:07d}.pickle")
            for name in ("CRC", "compress_size", "file_size", "header_offset", "compress_type"):
                setattr(twin, name, getattr(first, name))
            zip_.filelist.append(twin)
    refused(overlapping, "its entries overlap")


def test_an_entry_that_lies_about_its_size_is_told(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as zip_:
        size = zip_.getinfo("objects/0000001.pickle").file_size
    directory = data.rfind(b"PK\x01\x02", 0, data.rfind(b"objects/0000001.pickle"))
    assert int.from_bytes(data[directory + 24 : directory + 28], "little") == size
    data[directory + 24 : directory + 28] = (size - 1).to_bytes(4, "little")
    archive.write_bytes(data)
    refused(archive, "line 1 of its")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no FIFOs")
def test_a_fifo_is_no_archive_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jobshelf")
    with pytest.raises(StoreError):
        make_store(tmp_path / "x.jobshelf", create=False)


def test_a_writer_takes_copies_only(archive: Path, tmp_path: Path) -> None:
    with (
        make_store(archive) as source,
        ArchiveWriter(tmp_path / "new.jobshelf", source) as writer,
    ):
        assert copy(source, writer).copied == 3
        assert writer.list() == source.list()
        assert "Job.1" in writer
        assert contents(writer) == contents(source)
        with pytest.raises(ReadOnlyError):
            writer.save([])
    assert not (tmp_path / "new.jobshelf").exists()


def test_an_export_that_is_killed_leaves_no_file_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "Job.1").write_bytes(pickle.dumps(1))
    script = (
        "import os, sys; from persistence import make_store\n"
        "from persistence.transfer import export_store\n"
        "export_store(make_store(sys.argv[1]), sys.argv[2],"
        " progress=lambda done, total: done and os._exit(9))"
    )
    path = tmp_path / "x.jobshelf"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a"), str(path)], check=False
    )
    assert done.returncode == 9
    assert not path.exists()
    with make_store(tmp_path / "a") as source:
        assert export_store(source, path).verified == 1


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
def test_a_full_disk_leaves_no_archive_and_no_part_of_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(5):
        (tmp_path / "a" / f"Job.{number}").write_bytes(pickle.dumps(os.urandom(100_000)))
    script = (
        "import resource, sys; from persistence import StoreError, make_store\n"
        "from persistence.transfer import export_store\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "try: export_store(make_store(sys.argv[1], read_only=True), sys.argv[2])\n"
        "except StoreError as error: print(error)"
    )
    path = tmp_path / "x.jobshelf"
    for limit in (100, 250_000, 500_300, 500_900):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "a"), str(path), str(limit)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "cannot be written: File too large" in done.stdout, limit
        assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
