"""Adapters of others: registered by a program, or declared by an installed distribution."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from persistence.pickles import Object, adapters, decode
from persistence.pickles.adapters import register_adapter
from persistence.pickles.parts import Child, Fields
from persistence.pickles.present import (
    child_count,
    children,
    expression,
    preview,
    text,
    type_name,
)
from persistence.pickles.views import Code, View, call

NAME = "lab.spectra.Spectrum"


class Spectrum:
    def __init__(self) -> None:
        self.unit = "nm"
        self.counts = [3, 4]


Spectrum.__module__, Spectrum.__qualname__ = NAME.rsplit(".", 1)


@pytest.fixture
def spectrum(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give an object of a class that is not here."""
    import types

    module = types.ModuleType("lab.spectra")
    module.Spectrum = Spectrum  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lab", types.ModuleType("lab"))
    monkeypatch.setitem(sys.modules, "lab.spectra", module)
    return decode(pickle.dumps(Spectrum())).root


@pytest.fixture(autouse=True)
def only_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(adapters, "_adapters", dict(adapters._adapters))
    monkeypatch.setattr(adapters, "_searched", True)
    yield


def shown(value: Object, python2: bool) -> View | None:
    counts = value.attributes().get("counts")
    if type(counts) is not list:
        return None
    return View(
        "Spectrum",
        brief=f"{len(counts)} counts",
        code=call(NAME, counts),
        parts=Fields((Child("counts", counts, ".counts"),)),
    )


def test_a_registered_adapter_shows_the_objects_of_its_class(spectrum: Any) -> None:
    assert preview(spectrum) == "Spectrum(unit='nm', counts=[3, 4])"
    register_adapter(NAME, shown)
    assert preview(spectrum) == "2 counts"
    assert expression(spectrum) == "lab.spectra.Spectrum([3, 4])"
    assert [row.name for row in children(spectrum, 0, 10)] == ["counts"]


def test_one_registered_later_takes_the_place_of_one_of_jobshelf() -> None:
    register_adapter("decimal.Decimal", lambda value, python2: View("Decimal", brief="some"))
    import decimal

    assert preview(decode(pickle.dumps(decimal.Decimal(1))).root) == "some"


def test_what_cannot_be_called_is_no_adapter() -> None:
    with pytest.raises(TypeError, match=NAME):
        register_adapter(NAME, "shown")  # type: ignore[arg-type]


def fails(value: Object, python2: bool) -> View | None:
    raise ZeroDivisionError("by mistake")


class FailingParts:
    def __len__(self) -> int:
        return 3

    def slice(self, first: int, count: int) -> Iterator[Child]:
        yield Child("one", 1, ".one")
        raise ZeroDivisionError("in a row")


def failing_code() -> Iterator[Any]:
    yield Code("spectrum(")
    raise ZeroDivisionError("in the code")


def failing_text() -> str:
    raise ZeroDivisionError("in the text")


@pytest.mark.parametrize("adapter", [fails, lambda value, python2: "no view"])
def test_an_adapter_that_fails_is_reported_once_and_its_objects_are_shown_plainly(
    adapter: Any, spectrum: Any, logged_warnings: list[logging.LogRecord]
) -> None:
    register_adapter(NAME, adapter)
    for _ in range(3):
        assert preview(spectrum) == "Spectrum(unit='nm', counts=[3, 4])"
    (record,) = logged_warnings
    assert NAME in record.getMessage()
    logged_warnings.clear()


def test_a_view_that_fails_when_it_is_looked_at_keeps_the_rows_it_promised(
    spectrum: Any, logged_warnings: list[logging.LogRecord]
) -> None:
    register_adapter(
        NAME,
        lambda value, python2: View(
            "Spec\u202etrum", parts=FailingParts(), code=failing_code, text=failing_text
        ),
    )
    assert type_name(spectrum) == "Spec\\u202etrum"
    assert preview(spectrum) == "spectrum(..."
    assert child_count(spectrum) == 3
    rows = children(spectrum, 0, 10)
    assert [row.name for row in rows] == ["one", "row 1", "row 2"]
    assert [row.is_computed for row in rows] == [False, True, True]
    assert len(children(spectrum, 1, 1)) == 1
    assert isinstance(text(spectrum), str)
    assert len(logged_warnings) == 1
    logged_warnings.clear()


def test_memory_that_runs_out_in_an_adapter_is_not_its_fault(spectrum: Any) -> None:
    def greedy(value: Object, python2: bool) -> View | None:
        raise MemoryError

    register_adapter(NAME, greedy)
    with pytest.raises(MemoryError):
        preview(spectrum)


# Entry points of an installed distribution, in a process of its own.

ADAPTER = """
import sys
from persistence.pickles.views import View
print("imported", __name__)
def spectrum(value, python2):
    return View("Spectrum", brief="shown by lab_adapters")
"""
LOOK = """
import logging, sys
logging.basicConfig(format="%(message)s", stream=sys.stdout)
from persistence.pickles import decode
from persistence.pickles.present import preview
for data in DATA:
    for _ in range(2):
        print(preview(decode(data).root))
print(sorted(name for name in sys.modules if name.startswith("lab")))
"""


def looked_at(tmp_path: Path, entry_points: str, data: list[bytes]) -> list[str]:
    """Install a distribution `lab-adapters` and show some pickles; return the lines printed."""
    about = tmp_path / "lab_adapters-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-adapters\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[jobshelf.adapters]\n{entry_points}\n")
    (tmp_path / "lab_adapters.py").write_text(ADAPTER)
    (tmp_path / "lab.py").write_text("raise AssertionError('a pickle imported this')")
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", f"DATA = {data!r}\nimport sys\n{LOOK}"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def of_class(module: str, name: str) -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")\x81."


def test_an_installed_adapter_is_imported_when_its_class_is_first_shown(tmp_path: Path) -> None:
    lines = looked_at(
        tmp_path,
        "lab.Spectrum = lab_adapters:spectrum",
        [of_class("lab", "Other"), of_class("lab", "Spectrum")],
    )
    assert lines == [
        "Other()",
        "Other()",
        "imported lab_adapters",
        "shown by lab_adapters",
        "shown by lab_adapters",
        "['lab_adapters']",
    ]


def test_no_pickle_can_have_an_adapter_imported_that_it_was_not_declared_for(
    tmp_path: Path,
) -> None:
    lines = looked_at(
        tmp_path,
        "lab.Spectrum = lab_adapters:spectrum",
        [of_class("lab_adapters", "spectrum"), of_class("jobshelf.adapters", "lab.Spectrum")],
    )
    assert lines[-1] == "[]"


@pytest.mark.parametrize("value", ["lab_adapters:missing", "lab:Spectrum", "nowhere:spectrum"])
def test_an_installed_adapter_that_cannot_be_imported_is_reported_once_and_skipped(
    tmp_path: Path, value: str
) -> None:
    lines = looked_at(tmp_path, f"lab.Spectrum = {value}", [of_class("lab", "Spectrum")])
    lines = [line for line in lines if line != "imported lab_adapters"]
    assert lines[0].startswith(f"The adapter {value} for lab.Spectrum is skipped: ")
    assert lines[1:3] == ["Spectrum()", "Spectrum()"]


def test_an_installed_adapter_takes_no_class_from_jobshelf(tmp_path: Path) -> None:
    from decimal import Decimal

    lines = looked_at(
        tmp_path, "decimal.Decimal = lab_adapters:spectrum", [pickle.dumps(Decimal(1))]
    )
    assert lines == ["1", "1", "[]"]


def test_the_example_of_the_documentation_works(spectrum: Any) -> None:
    page = (Path(__file__).parents[3] / "docs" / "adapters.md").read_text("utf-8")
    source, registration = (part.partition("```")[0] for part in page.split("```python")[1:3])
    names: dict[str, Any] = {}
    exec(source, names)
    exec(registration, names)
    assert preview(spectrum) == "2 counts, in nm"
    assert expression(spectrum) == "lab.spectra.Spectrum([3, 4], 'nm')"
    assert [(row.name, row.is_computed) for row in children(spectrum, 0, 9)] == [
        ("counts", False),
        ("last channel", True),
    ]
