"""The command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app import __version__, cli


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
