"""The files that desktops read: they agree with the program."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from app import resource_files
from persistence import Persistable, make_store

RESOURCES = Path(__file__).parents[1] / "resources"
TYPES = "{http://www.freedesktop.org/standards/shared-mime-info}"


def type_of(path: Path) -> str | None:
    """Tell the type of a file by the rules of our MIME file, as shared-mime-info would."""
    data = path.read_bytes()[:8192]
    for kind in ET.parse(RESOURCES / "jobshelf-mime.xml").iter(f"{TYPES}mime-type"):
        (outer,) = kind.findall(f"{TYPES}magic/{TYPES}match")
        (inner,) = outer.findall(f"{TYPES}match")
        if matches(data, outer) and matches(data, inner):
            return kind.get("type")
    return None


def matches(data: bytes, match: ET.Element) -> bool:
    value = match.attrib["value"].encode().decode("unicode_escape").encode("latin-1")
    first, _, last = match.attrib["offset"].partition(":")
    return value in data[int(first) : int(last or first) + len(value)]


def test_a_store_of_ours_is_known_by_its_first_bytes_while_it_is_being_written_to(
    tmp_path: Path,
) -> None:
    path = tmp_path / "campaign.db"
    with make_store(path.as_uri().replace("file:", "sqlite:", 1)) as store:
        store.save(Persistable())
        assert type_of(path) == "application/x-jobshelf-store"


@pytest.mark.parametrize("version", ["python2.7", "python3.7"])
def test_a_database_of_gc3pie_is_known_by_its_first_page(
    version: str, gc3pie: Callable[[str], Path]
) -> None:
    assert type_of(gc3pie(f"{version}/jobs.db")) == "application/x-gc3pie-store"


def test_other_databases_are_left_to_other_programs(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE store (id INTEGER PRIMARY KEY, goods TEXT)")
    connection.close()
    assert type_of(path) is None


def test_the_desktop_offers_exactly_the_types_that_are_defined() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(RESOURCES / "jobshelf.desktop", "utf-8")
    offered = set(entry["Desktop Entry"]["MimeType"].strip(";").split(";"))
    tree = ET.parse(RESOURCES / "jobshelf-mime.xml")
    assert offered == {kind.get("type") for kind in tree.iter(f"{TYPES}mime-type")}
    metainfo = ET.parse(RESOURCES / "jobshelf.metainfo.xml")
    assert offered == {kind.text for kind in metainfo.iter("mediatype")}


def test_the_manual_page_has_every_option_of_the_command_line() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "app", "--help"], capture_output=True, text=True, check=True
    ).stdout
    page = (RESOURCES / "jobshelf.1").read_text("utf-8").replace("\\-", "-")
    options = set(re.findall(r"--[a-z-]+", said))
    assert {"--read-only", "--new-window"} <= options
    assert options <= set(re.findall(r"--[a-z-]+", page))


def test_a_bundle_says_which_build_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resource_files.build_number() == ""
    (tmp_path / "build.txt").write_text("20261124.0123456789\n", "ascii")
    monkeypatch.setattr(resource_files, "resource", lambda name: tmp_path / name)
    assert resource_files.build_number() == "20261124.0123456789"
