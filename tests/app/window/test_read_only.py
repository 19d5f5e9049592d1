"""The window on what it may not change: it shows it, offers no change, and touches nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.app.window.conftest import Driver
from tests.conftest import DATA
from tests.helpers.hostile_stores import fingerprint
from tests.helpers.read_only import kept_from_writing, missing


@pytest.mark.parametrize("way", ["asked for", "read-only medium"])
@pytest.mark.parametrize("name", ["jobs-dir", "jobs.db", "jobs-table.db#table=campaign", "session"])
def test_the_window_touches_nothing(driver: Driver, tmp_path: Path, name: str, way: str) -> None:
    if reason := missing(way):
        pytest.skip(reason)
    path, _, table = name.partition("#")
    source, folder = DATA / "gc3pie" / "python3.7" / path, tmp_path / "stores"
    folder.mkdir()
    (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / path)
    try:
        with kept_from_writing(way, folder) as place:
            before = fingerprint(folder)
            address = f"{place / path}#{table}" if table else place / path
            driver.open(address, read_only=way == "asked for")
            info = driver.window.session.info
            assert info is not None
            assert info.read_only
            assert not driver.action("actionDelete").isEnabled()
            assert not driver.action("actionReplace").isEnabled()
            driver.click_row(1)
            driver.action("actionRefresh").trigger()
            driver.until(lambda: driver.window.session.is_scanned)
            driver.window.close_store()
            assert fingerprint(folder) == before
    except PermissionError as error:
        pytest.skip(f"no mounts here: {error}")
