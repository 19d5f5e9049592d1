"""Every object that GC3Pie wrote, as it is shown, against what GC3Pie put in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from persistence import make_store
from persistence.pickles import Pickle, find_references
from persistence.pickles.present import children, preview, text, type_name

DATA = Path(__file__).parents[2] / "data" / "gc3pie"


def places() -> list[tuple[str, str]]:
    return [
        (version, name)
        for version in ("python3.7", "python2.7")
        for name in ("jobs-dir", "jobs.db", "jobs-table.db")
    ]


class Shown:
    """An object as a user sees it: rows below rows, found by name."""

    def __init__(self, pickle: Pickle, value: Any) -> None:
        self._pickle = pickle
        self.value = value

    def __getitem__(self, name: str) -> Shown:
        return {child.name: child for child in self.rows()}[name]  # type: ignore[return-value]

    def rows(self) -> list[Any]:
        found = children(self.value, 0, 10_000, python2=self._pickle.python2)
        return [_named(self._pickle, child) for child in found]

    @property
    def line(self) -> str:
        return preview(self.value, 1_000, python2=self._pickle.python2)

    @property
    def text(self) -> str:
        return text(self.value, python2=self._pickle.python2)


class _Row(Shown):
    name = ""


def _named(pickle: Pickle, child: Any) -> _Row:
    row = _Row(pickle, child.value)
    row.name = child.name
    return row


@pytest.mark.parametrize(("version", "name"), places())
def test_every_object_is_shown_as_what_it_was(
    version: str, name: str, looks_only: list[str]
) -> None:
    manifest = json.loads((DATA / version / "manifest.json").read_text("utf-8"))
    objects = manifest["stores"][name]["objects"]
    table = "#table=campaign" if "table" in name else ""
    with make_store(f"{DATA / version / name}{table}", read_only=True) as store:
        for id_, about in objects.items():
            pickle = store.inspect(id_)
            shown = Shown(pickle, pickle.root)
            python2 = pickle.python2
            assert about["class"].endswith(type_name(pickle.root, python2=python2))
            assert shown["jobname"].text == about["jobname"]
            execution = shown["execution"]
            assert execution["state"].text == about["state"]
            assert execution["returncode"].text == str(about["returncode"])
            history = [row.text for row in execution["history"].rows()]
            assert history == about["history"]
            if "parameters" in about:
                parameters = {r.name.strip("'"): r.text for r in shown["parameters"].rows()}
                assert parameters == {k: str(v) for k, v in about["parameters"].items()}
                assert [r.text for r in shown["arguments"].rows()] == about["arguments"]
                assert shown["output_dir"].text == about["output_dir"]
            references = dict(find_references(pickle))
            assert sorted(r.id for r in references.values()) == sorted(about.get("refs", []))
            assert all(path.startswith("tasks[") for path in references)
