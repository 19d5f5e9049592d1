"""The command line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__, cli, transfers
from persistence import make_store

DATA = Path(__file__).parents[1] / "data"
RESOURCES = Path(__file__).parents[2] / "resources"


def test_an_address_and_options_are_parsed() -> None:
    options = cli.parse(["campaign.db", "--read-only", "--screenshot", "x.png"])
    assert (options.uri, options.read_only, options.screenshot) == ("campaign.db", True, "x.png")
    assert not options.demo
    nothing = cli.parse([])
    assert (nothing.uri, nothing.screenshot, nothing.demo) == (None, None, False)


def test_the_demo_takes_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.parse(["--demo", "x.db"])
    assert raised.value.code == 2
    assert "leave out the URI" in capsys.readouterr().err


def test_version_and_help_need_no_qt() -> None:
    code = "import sys; sys.modules['PySide6'] = None\nfrom app.cli import main\nmain(sys.argv[1:])"
    for option, expected in (("--version", __version__), ("--help", "Nothing that is in a store")):
        done = subprocess.run(
            [sys.executable, "-c", code, option], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert expected in " ".join(done.stdout.split())


def test_without_qt_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert cli.main([]) == 2
    captured = capsys.readouterr()
    assert 'pip install "jobshelf[gui]"' in captured.err
    assert captured.out == ""


# Copying, which needs no window


def jobshelf(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as where there is neither Qt nor a display."""
    code = (
        "import sys; sys.modules['PySide6'] = sys.modules['platformdirs'] = None\n"
        "from app.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_stores_are_copied_exported_and_imported_without_a_window(tmp_path: Path) -> None:
    source = str(DATA / "gc3pie" / "python3.7" / "jobs-dir")
    archive, copied = str(tmp_path / "x.jobshelf"), str(tmp_path / "back.db")
    done = jobshelf("copy", source, str(tmp_path / "new.db"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Copied 122 objects. All 122 were read back and compared.\n"
    done = jobshelf("export", source, archive)
    assert (done.returncode, done.stderr) == (0, "")
    done = jobshelf("import", archive, copied)
    assert (done.returncode, done.stderr) == (0, "")
    with make_store(source, read_only=True) as ours, make_store(copied) as theirs:
        assert theirs.kind == "SQLite database"
        assert {r.id_: r.data for r in theirs.records()} == {r.id_: r.data for r in ours.records()}


def test_chosen_objects_are_copied_with_all_that_they_lead_to(tmp_path: Path) -> None:
    source = str(DATA / "gc3pie" / "python3.7" / "session")
    with make_store(source, read_only=True) as store:
        parent = next(id_ for id_ in store if store.references(id_))
        expected = {parent, *store.references(parent)}
    target = str(tmp_path / "new.db")
    done = jobshelf("copy", source, target, "--id", parent, "--with-references")
    assert done.returncode == 0, done.stderr
    with make_store(target) as store:
        assert expected <= set(store)


def test_what_cannot_be_copied_is_said_in_a_sentence(tmp_path: Path) -> None:
    source = str(DATA / "gc3pie" / "python3.7" / "jobs-dir")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mkv").write_bytes(b"no pickle")
    for arguments, sentence in (
        (("copy", str(tmp_path / "none"), str(tmp_path / "b")), "There is no file or folder"),
        (("copy", source, str(tmp_path / "films")), "none that was tried is a pickled object"),
        (("copy", source, str(tmp_path / "x.jobshelf")), "Export the store to it instead"),
        (("copy", source, source), "cannot be copied onto itself"),
        (("copy", source, str(tmp_path / "b"), "--id", "none"), "There is no object 'none'"),
        (("import", source, str(tmp_path / "b")), "is not a whole archive"),
    ):
        done = jobshelf(*arguments)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("jobshelf: ")
        assert sentence in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_what_was_not_copied_makes_the_exit_status_1(tmp_path: Path) -> None:
    with make_store(tmp_path / "a") as source, make_store(tmp_path / "b") as target:
        source.write("Job.1", b"K\x01.")
        target.write("Job.1", b"K\x02.")
    places = str(tmp_path / "a"), str(tmp_path / "b")
    done = jobshelf("copy", *places)
    assert done.returncode == 1
    assert "has another object 'Job.1' already" in done.stderr
    done = jobshelf("copy", *places, "--on-conflict", "skip")
    assert done.returncode == 1
    assert "another object has the ID (Job.1)" in done.stdout
    assert jobshelf("copy", *places, "--on-conflict", "replace").returncode == 0


def test_stores_are_copied_by_a_program_that_has_no_terminal_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So Python starts a windowed program on Windows.
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    source = str(DATA / "gc3pie" / "python3.7" / "jobs-dir")
    assert cli.main(["copy", source, str(tmp_path / "new.db")]) == 0
    assert cli.main(["copy", str(tmp_path / "nothing"), str(tmp_path / "other.db")]) == 1


def test_a_verb_alone_is_the_name_of_a_store() -> None:
    assert cli.parse(["copy"]).uri == "copy"


@pytest.mark.parametrize("verb", transfers.VERBS)
def test_every_option_of_a_verb_is_in_the_manual(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([verb, "--help"])
    page = (RESOURCES / "jobshelf.1").read_text("utf-8").replace("\\-", "-")
    assert f"jobshelf {verb}" in page
    for option in set(re.findall(r"--[a-z-]+", capsys.readouterr().out)):
        assert option in page
