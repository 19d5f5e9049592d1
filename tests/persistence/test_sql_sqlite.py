"""SQLite files: what is no store, reading without a trace, locks, crashes, durability."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from persistence import ReadOnlyError, SqlStore, StoreError
from persistence.sql_sqlite import Durability, SqliteDatabase
from persistence.testing import Node

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def python() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start Python code in other processes, which say when they are ready."""
    processes = []

    def start(code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def files_in(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


class TestWhatIsNoStore:
    """Each is refused in one sentence, and left as it is."""

    def refused(self, path: Path, *parts: str, create: bool = False) -> None:
        before = files_in(path.parent) if path.is_file() else None
        for read_only in (False, True):
            with pytest.raises(StoreError) as caught:
                SqlStore(path, read_only=read_only, create=create)
            for part in parts:
                assert part in str(caught.value)
            assert path.name in str(caught.value)
        if before is not None:
            assert files_in(path.parent) == before

    def test_a_missing_file_is_not_made(self, path: Path) -> None:
        self.refused(path, "There is no file")
        assert not path.exists()

    def test_a_missing_folder_is_not_made(self, tmp_path: Path) -> None:
        self.refused(tmp_path / "deep" / "jobs.db", "There is no file")
        assert list(tmp_path.iterdir()) == []

    def test_a_folder(self, tmp_path: Path) -> None:
        self.refused(tmp_path, "is a folder", create=True)

    @pytest.mark.parametrize("content", [b"hello", b"hello " * 1000, b"\x80\x04N." * 300])
    def test_a_file_of_something_else(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.refused(path, "is not a SQLite database")
        with pytest.raises(StoreError, match="is not a SQLite database"):
            SqlStore(path)
        assert path.read_bytes() == content

    def test_a_damaged_database(self, path: Path) -> None:
        with SqlStore(path) as store:
            store.save_many([Node(str(n)) for n in range(500)])
        content = path.read_bytes()
        path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
        with pytest.raises(StoreError, match="damaged"):
            list(SqlStore(path, read_only=True).records())

    def test_an_empty_file_has_no_table(self, path: Path) -> None:
        path.touch()
        self.refused(path, "There is no table 'store'", "No table in it looks like a job store")

    def test_a_missing_table_names_those_that_look_like_stores(self, path: Path) -> None:
        execute(
            path,
            "CREATE TABLE music (id INTEGER PRIMARY KEY, title TEXT)",
            "CREATE TABLE campaign (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))",
        )
        with SqlStore(path, "own") as store:
            store.save(Node("a"))
        self.refused(path, "There is no table 'store'", "#table=campaign, #table=own.")

    def test_a_table_of_something_else(self, path: Path) -> None:
        execute(path, "CREATE TABLE store (id INTEGER PRIMARY KEY, title TEXT)")
        self.refused(path, "is no job store", "'id', 'title'", create=True)

    def test_a_table_whose_ids_are_no_numbers(self, path: Path) -> None:
        execute(path, "CREATE TABLE store (id TEXT PRIMARY KEY, data BLOB, state TEXT)")
        self.refused(path, "is no job store", "a whole number")

    def test_a_view_in_place_of_a_table(self, path: Path) -> None:
        execute(
            path,
            "CREATE TABLE jobs (id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128))",
            "CREATE VIEW store AS SELECT * FROM jobs",
        )
        self.refused(path, "is a view", create=True)

    def test_a_virtual_table_in_place_of_a_table(self, path: Path) -> None:
        try:
            execute(path, "CREATE VIRTUAL TABLE store USING fts5(id, data, state)")
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no FTS5")
        self.refused(path, "is a virtual table", create=True)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only where there are named pipes")
    def test_a_named_pipe_is_not_waited_for(self, path: Path) -> None:
        os.mkfifo(path)
        with pytest.raises(StoreError, match="not a regular file"):
            SqlStore(path)

    def test_a_format_of_the_future(self, path: Path) -> None:
        SqlStore(path).close()
        execute(path, "UPDATE store_meta SET format = 2")
        with pytest.raises(StoreError, match="newer version"):
            SqlStore(path)

    @pytest.mark.parametrize("value", ["NULL", "'many'"])
    def test_a_store_without_its_counter(self, path: Path, value: str) -> None:
        SqlStore(path).close()
        execute(
            path,
            "DROP TABLE store_meta",
            "CREATE TABLE store_meta (only, format, change, last_seq)",
            f"INSERT INTO store_meta VALUES (1, 1, {value}, 0)",
        )
        with pytest.raises(StoreError, match="store_meta"):
            SqlStore(path)

    def test_values_of_any_type_in_any_column_are_shown_somehow(self, path: Path) -> None:
        """SQLite keeps what it is given: a stranger's file need not hold what it says."""
        with SqlStore(path) as store:
            ids = store.save_many([Node("a"), Node("b"), Node("c")])
        execute(
            path,
            f"UPDATE store SET data = 'text', size = 'large', saved = 'now' WHERE id = '{ids[0]}'",
            f"UPDATE store SET data = 7, type = x'ff', saved = 1e300 WHERE id = '{ids[1]}'",
            f"UPDATE store SET id = 42, name = 3.5, size = 1e9 WHERE id = '{ids[2]}'",
        )
        with SqlStore(path) as store:
            assert [summary.id for summary in store.summaries()] == [*ids[:2], "42"]
            assert [record.data for record in store.records()][:2] == [b"text", b"7"]
            assert [record.modified for record in store.records()][:2] == [None, None]


class TestReadOnly:
    """Nothing is written, and nothing appears or vanishes beside the file."""

    @pytest.fixture
    def filled(self, path: Path) -> Path:
        with SqlStore(path) as store:
            store.save(Node("a", Node("b")))
        assert files_in(path.parent).keys() == {path.name}
        return path

    def read(self, path: Path) -> list[str]:
        with SqlStore(path, read_only=True) as store:
            names = [str(summary.name) for summary in store.summaries()]
            token = store.changes().token
            store.changes(token)
            assert len(names) == len(store) == len(store.list()) == len(list(store.records()))
            with pytest.raises(ReadOnlyError):
                store.save(Node("c"))
        return names

    def test_no_file_appears_beside_a_store_in_wal_mode(self, filled: Path) -> None:
        before = files_in(filled.parent)
        with SqlStore(filled, read_only=True) as store:
            assert len(store) == 2
            assert files_in(filled.parent) == before
        assert self.read(filled) == ["a", "b"]
        assert files_in(filled.parent) == before

    def test_no_file_appears_beside_a_table_of_gc3pie(self, gc3pie: Callable[[str], Path]) -> None:
        path = gc3pie("python3.7/jobs.db")
        before = files_in(path.parent)
        self.read(path)
        assert files_in(path.parent) == before

    def test_a_reader_follows_a_writer_that_comes_later(self, filled: Path) -> None:
        with SqlStore(filled, read_only=True) as reader:
            start = reader.changes()
            with SqlStore(filled) as writer:
                new = writer.save(Node("new"))
                assert reader.changes(start.token).changed == (new,)
                writer.save(Node("newer"))
                assert len(reader) == 4
            assert len(reader) == 4
            with SqlStore(filled) as writer:
                writer.save(Node("newest"))
            assert len(reader) == 5
        with SqlStore(filled) as writer:
            assert len(writer) == 5
        assert files_in(filled.parent).keys() == {filled.name}

    def test_changes_of_a_killed_writer_are_read_from_its_log(
        self, path: Path, python: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        writer = python(
            "from persistence import SqlStore; from persistence.testing import Node\n"
            f"SqlStore({str(path)!r}).save(Node('a')); print('saved', flush=True); input()"
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "saved\n"
        writer.kill()
        writer.wait()
        before = files_in(path.parent)
        assert before.keys() == {"jobs.db", "jobs.db-wal", "jobs.db-shm"}
        assert self.read(path) == ["a"]
        assert files_in(path.parent) == before
        (path.parent / "jobs.db-shm").unlink()
        with pytest.raises(StoreError, match="Open it once for writing"):
            SqlStore(path, read_only=True)

    def test_a_half_written_table_of_gc3pie_is_not_read_as_if_it_were_whole(
        self, path: Path, python: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        columns = "id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128)"
        execute(path, f"CREATE TABLE store ({columns})")
        with SqlStore(path) as store:
            store.save_many([Node(str(n)) for n in range(100)])
        writer = python(
            "import sqlite3\n"
            f"connection = sqlite3.connect({str(path)!r})\n"
            "connection.execute('PRAGMA cache_size = 2')\n"
            "connection.execute('UPDATE store SET data = randomblob(9000)')\n"
            "print('written', flush=True); input()\n"
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        writer.kill()
        writer.wait()
        before = files_in(path.parent)
        with pytest.raises(StoreError, match=r"jobs\.db-journal"):
            SqlStore(path, read_only=True)
        assert files_in(path.parent) == before
        with SqlStore(path) as store:
            assert len({node.name for node in store.load_many(store.list())}) == 100
        assert files_in(path.parent).keys() == {path.name}

    @pytest.mark.skipif(
        os.name == "nt" or os.geteuid() != 0, reason="only root can become somebody else"
    )
    @pytest.mark.parametrize("protected", ["file", "folder"])
    def test_what_may_not_be_written_is_opened_read_only_and_says_so(self, protected: str) -> None:
        folder = Path(tempfile.mkdtemp())  # that of the test is closed to others
        path = folder / "jobs.db"
        try:
            with SqlStore(path) as store:
                store.save(Node("a"))
            folder.chmod(0o777 if protected == "file" else 0o755)
            path.chmod(0o644 if protected == "file" else 0o666)
            os.seteuid(65534)
            try:
                with SqlStore(path) as store:
                    assert store.read_only
                    assert "opened read-only" in store.notices[0]
                    assert len(store) == 1
                    with pytest.raises(ReadOnlyError):
                        store.save(Node("b"))
            finally:
                os.seteuid(0)
            assert files_in(folder).keys() == {"jobs.db"}
        finally:
            shutil.rmtree(folder)

    @pytest.mark.skipif(
        os.name == "nt" or os.geteuid() != 0, reason="only root can become somebody else"
    )
    def test_what_may_not_be_read_is_refused(self) -> None:
        folder = Path(tempfile.mkdtemp())
        try:
            SqlStore(folder / "jobs.db").close()
            (folder / "jobs.db").chmod(0)
            for path, part in (
                (folder / "jobs.db", "permission to read"),
                (folder / "new.db", "cannot be opened"),
                (folder / "new" / "jobs.db", "cannot be opened"),
            ):
                folder.chmod(0o755)
                os.seteuid(65534)
                try:
                    with pytest.raises(StoreError, match=part):
                        SqlStore(path)
                finally:
                    os.seteuid(0)
        finally:
            shutil.rmtree(folder)


class TestFilesThatChangeHands:
    def test_a_file_that_is_replaced_by_another_is_opened_anew(self, tmp_path: Path) -> None:
        path, backup = tmp_path / "jobs.db", tmp_path / "backup.db"
        with SqlStore(backup) as store:
            kept = store.save(Node("kept"))
        with SqlStore(path) as store:
            store.save(Node("former"))
            store.pre_fork()  # nothing of it is in a log
            assert len(store) == 1
            os.replace(backup, path)
            new = store.save(Node("new"))
            assert store.list() == [kept, new]
        with SqlStore(path) as store:
            assert store.list() == [kept, new]

    def test_a_file_that_is_removed_is_not_made_again_empty(self, path: Path) -> None:
        with SqlStore(path) as store:
            store.save(Node("a"))
            path.unlink()
            with pytest.raises(StoreError, match="cannot be opened"):
                store.save(Node("b"))
        assert not path.exists()


class TestLocks:
    @pytest.mark.parametrize("is_gc3pie", [True, False])
    def test_a_lock_that_is_not_released_is_reported(self, path: Path, is_gc3pie: bool) -> None:
        if is_gc3pie:
            columns = "id INTEGER PRIMARY KEY, data BLOB, state VARCHAR(128)"
            execute(path, f"CREATE TABLE store ({columns})")
        with SqlStore(path, timeout=0.3) as store:
            id_ = store.save({"a": 1})
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match=r"locked by another program.* 0\.3 s"):
                store.save({"b": 2})
            assert store.load(id_) == {"a": 1}  # reading goes on
            other.execute("ROLLBACK")
            other.close()
            store.save({"b": 2})
            assert len(store) == 2

    def test_opening_waits_until_a_writer_is_done(
        self, gc3pie: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = gc3pie("python3.7/jobs.db")
        writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        look, is_done = SqliteDatabase.type_of, threading.Event()

        def finish() -> None:
            is_done.set()
            writer.execute("COMMIT")

        def begin_writing_after(database: SqliteDatabase, name: str) -> str | None:
            kind = look(database, name)
            writer.execute("BEGIN EXCLUSIVE")
            threading.Timer(0.5, finish).start()  # longer than SQLite itself waits
            return kind

        monkeypatch.setattr(SqliteDatabase, "type_of", begin_writing_after)
        with SqlStore(path) as store:
            assert is_done.is_set()
            assert len(store) > 0
        writer.close()

    def test_a_writer_waits_until_another_is_done(self, path: Path) -> None:
        with SqlStore(path) as store:
            other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")
            timer = threading.Timer(0.5, other.execute, ["COMMIT"])
            timer.start()
            store.save(Node("a"))
            assert timer.finished.is_set()
            timer.join()
            other.close()

    def test_processes_that_make_the_same_store_at_once_make_one(
        self, path: Path, python: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        code = (
            "from persistence import SqlStore; from persistence.testing import Node\n"
            "print('ready', flush=True); input()\n"
            f"store = SqlStore({str(path)!r})\n"
            "for n in range(20): store.save(Node(str(n)))\n"
        )
        processes = [python(code) for _ in range(6)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert [process.wait(60) for process in processes] == [0] * 6
        with SqlStore(path) as store:
            assert len(store) == 120

    def test_a_transaction_of_a_killed_process_is_undone_and_its_lock_released(
        self, path: Path, python: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        writer = python(
            "from persistence import SqlStore, Edit, ABSENT\n"
            f"store = SqlStore({str(path)!r}); store.write('whole', b'N.')\n"
            "commit = store._database._commit\n"
            "def stop(connection): print('writing', flush=True); input()\n"
            "store._database._commit = stop\n"
            "store.apply([Edit(f'half.{n}', b'N.', ABSENT) for n in range(5000)])\n"
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        with SqlStore(path, timeout=0.1) as store:
            assert store.list() == ["whole"]
            with pytest.raises(StoreError, match="locked"):
                store.write("other", b"N.")
        writer.kill()
        writer.wait()
        with SqlStore(path) as store:
            store.write("other", b"N.")
            assert store.list() == ["whole", "other"]


class TestSettings:
    @pytest.mark.parametrize(("durability", "level"), [("full", 3), ("normal", 1)])
    def test_commits_are_flushed_unless_it_is_asked_otherwise(
        self, path: Path, durability: Durability, level: int
    ) -> None:
        with SqlStore(path, durability=durability) as store, store._database.connection() as lent:
            assert lent.fetch("PRAGMA synchronous") == [(level,)]
            assert lent.fetch("PRAGMA journal_mode") == [("wal",)]
            assert lent.fetch("PRAGMA trusted_schema") == [(0,)]
        if durability == "full":
            with SqlStore(path) as store, store._database.connection() as lent:
                assert lent.fetch("PRAGMA synchronous") == [(level,)]

    def test_a_new_table_leaves_the_mode_of_a_database_that_others_use(self, path: Path) -> None:
        execute(path, "CREATE TABLE others (id INTEGER PRIMARY KEY)")
        with SqlStore(path) as store:
            store.save(Node("a"))
            assert files_in(path.parent).keys() == {path.name}

    def test_a_schema_of_a_stranger_runs_no_functions_of_ours(self, path: Path) -> None:
        SqlStore(path).close()
        execute(
            path,
            "CREATE TRIGGER bomb AFTER INSERT ON store BEGIN"
            " SELECT writefile('jobshelf-was-here', 'x'); END",
        )
        with SqlStore(path) as store, pytest.raises(StoreError):
            store.save(Node("a"))
        assert not Path("jobshelf-was-here").exists()
