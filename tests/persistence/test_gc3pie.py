"""Every object of the stores that GC3Pie wrote, against what GC3Pie put in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from persistence import Store, make_store
from persistence.session import find_session

DATA = Path(__file__).parents[1] / "data" / "gc3pie"
VERSIONS = ["python3.7", "python2.7"]
STORES = ["jobs-dir", "jobs.db", "jobs-table.db"]


def manifest(version: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DATA / version / "manifest.json").read_text("utf-8"))
    return content


def address(version: str, name: str) -> str:
    path = (DATA / version / name).as_posix()
    if not name.endswith(".db"):
        return path
    return f"sqlite://{path}" + ("#table=campaign" if "table" in name else "")


def opened(version: str, name: str) -> Store:
    return make_store(address(version, name), read_only=True)


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("version", VERSIONS)
class TestStores:
    def test_all_objects_are_listed(self, version: str, name: str) -> None:
        expected = manifest(version)["stores"][name]
        with opened(version, name) as store:
            assert sorted(store.list()) == sorted(expected["listed"])
            assert len(store) == len(expected["listed"])

    def test_summaries_agree(self, version: str, name: str) -> None:
        expected = manifest(version)["stores"][name]["objects"]
        with opened(version, name) as store:
            summaries = {summary.id: summary for summary in store.summaries()}
            sizes = {record.id_: len(record.data) for record in store.records()}
        assert summaries.keys() == expected.keys()
        for id_, summary in summaries.items():
            about = expected[id_]
            assert (summary.type, summary.state, summary.name, summary.size) == (
                about["class"],
                about["state"],
                about["jobname"],
                sizes[id_],
            )

    def test_references_agree_and_referrers_are_their_reverse(
        self, version: str, name: str
    ) -> None:
        expected = manifest(version)["stores"][name]
        with opened(version, name) as store:
            for id_, about in expected["objects"].items():
                assert sorted(store.references(id_)) == sorted(about.get("refs", []))
            child = next(refs for o in expected["objects"].values() if (refs := o.get("refs")))[0]
            parents = [i for i, o in expected["objects"].items() if child in o.get("refs", [])]
            assert sorted(store.referrers(child)) == sorted(parents)

    def test_the_dangling_reference_is_told(self, version: str, name: str) -> None:
        dangling = manifest(version)["stores"][name]["dangling"]
        with opened(version, name) as store:
            assert dangling not in store
            (referrer,) = store.referrers(dangling)
            assert dangling in store.references(referrer)

    def test_new_ids_fit_the_store(self, version: str, name: str, tmp_path: Path) -> None:
        source = DATA / version / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
        table = "#table=campaign" if "table" in name else ""
        scheme = "sqlite" if name.endswith(".db") else "file"
        with make_store(f"{scheme}://{(tmp_path / name).as_posix()}{table}") as store:
            ids = [store.save({"n": n}) for n in range(20)]
            assert len(set(ids)) == 20
            if scheme == "sqlite":
                assert all(id_.isdigit() for id_ in ids)
            assert store.load_many(ids) == [{"n": n} for n in range(20)]
            assert store.load(int(ids[0]) if scheme == "sqlite" else ids[0]) == {"n": 0}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_opens_as_its_store(version: str) -> None:
    expected = manifest(version)["session"]
    session = find_session(DATA / version / "session")
    assert session is not None
    assert sorted(session.ids()) == sorted(expected["ids"])
    with opened(version, "session") as store:
        assert sorted(store.list()) == sorted(expected["listed"])
        (notice,) = store.notices
        assert "not on this machine" in notice
        for id_ in store:
            assert set(store.references(id_)) <= set(store.list())
