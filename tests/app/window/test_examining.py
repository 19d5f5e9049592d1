"""What an object would run, and its opcodes, in the real window."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication

from app.models.finding_table import RISK_LOOKS, RISK_WORDS
from app.models.roles import LOOK_ROLE, MARK_ROLE, ROW_ROLE
from app.window.opcodes_panel import OpcodesPanel
from app.window.safety_panel import SafetyPanel
from app.window.shapes import SHAPES
from persistence import Edit, FilesystemStore
from persistence.pickles.findings import Finding
from persistence.pickles.opcodes import Opcode
from persistence.pickles.risks import Risk
from tests.app.window.conftest import Driver
from tests.conftest import DATA

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
HOSTILE = ("reduce-os-system", "truncated", "getattr-chain", "nested-pickle", "unknown-opcode")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # where a pickle that was run would leave its trace
    path = tmp_path / "hostile"
    with FilesystemStore(path) as store:
        folder = DATA / "hostile"
        store.apply([Edit(f"X.{n}", (folder / f"{n}.pickle").read_bytes()) for n in HOSTILE])
    return path


def safety_of(driver: Driver, id_: str) -> SafetyPanel:
    driver.select(id_)
    driver.action("actionSafety").trigger()
    panel = driver.window.inspector.safety
    driver.until(lambda: panel._is_told)
    return panel


def opcodes_of(driver: Driver) -> OpcodesPanel:
    driver.action("actionOpcodes").trigger()
    panel = driver.window.inspector.opcodes
    driver.until(lambda: panel.model.rowCount() and panel.model.is_complete)
    return panel


def marked(driver: Driver, panel: OpcodesPanel) -> list[Opcode]:
    """Return the marked opcodes, once they have come."""
    model = panel.model

    def rows() -> list[int]:
        count = range(model.rowCount())
        return [row for row in count if model.index(row, 0).data(MARK_ROLE) == "own"]

    def found() -> list[Opcode]:
        for row in rows():
            model.index(row, 0).data()
        known = [model.row(row) for row in rows()]
        return [row for row in known if row is not None]

    driver.until(lambda: rows() and len(found()) == len(rows()))
    return found()


def test_the_verdict_on_a_job_names_its_modules_and_lists_what_happens(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    panel = safety_of(driver, "Application.10")
    assert panel.verdict.word.text() == RISK_WORDS[Risk.YOURS]
    assert "gc3libs" in panel.verdict.sentence.text()
    assert "cannot be told" in panel.verdict.caution.text()
    assert panel.model.rowCount() > 3
    cell = panel.model.index(0, 0)
    assert cell.data(LOOK_ROLE) == RISK_LOOKS[Risk.YOURS]
    flags = panel.verdict.sentence.textInteractionFlags()
    assert flags & Qt.TextInteractionFlag.TextSelectableByKeyboard


def test_each_risk_has_a_shape_of_its_own() -> None:
    shapes = {look.shape for look in RISK_LOOKS.values()}
    assert len(shapes) == len(Risk)
    assert shapes <= set(SHAPES)


def test_a_hostile_pickle_is_called_dangerous_and_not_run(
    driver: Driver, hostile: Path, tmp_path: Path
) -> None:
    driver.open(hostile)
    panel = safety_of(driver, "X.reduce-os-system")
    assert panel.verdict.word.text() == RISK_WORDS[Risk.DANGEROUS]
    assert "os.system" in panel.verdict.sentence.text()
    for name in HOSTILE:
        safety_of(driver, f"X.{name}")
    assert not list(tmp_path.rglob("jobshelf-was-here"))


def test_nothing_is_asked_while_the_panels_are_hidden(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    inspector = driver.window.inspector
    inspector.tabs.setCurrentIndex(0)
    driver.select("Application.10")
    assert inspector.safety._task is None
    assert inspector.opcodes.model.id is None
    inspector.tabs.setCurrentWidget(inspector.safety)
    driver.until(lambda: inspector.safety._is_told)


def test_a_finding_leads_to_its_opcodes(driver: Driver, hostile: Path) -> None:
    driver.open(hostile)
    panel = safety_of(driver, "X.reduce-os-system")
    assert panel.view.hasFocus()
    driver.key(Qt.Key.Key_Down, panel.view)
    driver.key(Qt.Key.Key_Up, panel.view)
    finding = panel.view.currentIndex().data(ROW_ROLE)
    assert isinstance(finding, Finding)
    assert finding.reason in panel.reason.text()
    driver.key(Qt.Key.Key_Return, panel.view)
    opcodes = driver.window.inspector.opcodes
    driver.until(lambda: opcodes.view.isVisible() and opcodes.model.is_complete)
    model = opcodes.model

    def found() -> list[int]:
        rows = range(model.rowCount())
        return [row for row in rows if model.index(row, 0).data(MARK_ROLE) == "found"]

    driver.until(found)
    offsets = [row.offset for row in map(model.row, found()) if row is not None]
    assert offsets == list(finding.offsets)


def test_findings_are_copied_as_lines(driver: Driver, hostile: Path) -> None:
    driver.open(hostile)
    panel = safety_of(driver, "X.reduce-os-system")
    panel.view.selectAll()
    driver.key(Qt.Key.Key_C, panel.view, mod=CONTROL)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == panel.model.rowCount()
    assert lines[0].startswith("Dangerous\tcalls\tos.system(")


def test_a_pickle_that_cannot_be_decoded_offers_both_panels(driver: Driver, hostile: Path) -> None:
    driver.open(hostile)
    inspector = driver.window.inspector
    inspector.tabs.setCurrentIndex(0)
    driver.select("X.truncated")
    details = inspector.details
    driver.until(lambda: "cannot be decoded" in details.text.toPlainText())
    assert details.safety.isVisible()
    driver.qtbot.mouseClick(details.safety, Qt.MouseButton.LeftButton)
    driver.until(lambda: inspector.safety._is_told)
    assert "would fail" in inspector.safety.verdict.sentence.text()
    opcodes = opcodes_of(driver)
    last = opcodes.model.rowCount() - 1
    assert "(damaged)" in str(opcodes.model.index(last, 1).data())
    seen = opcodes.view.viewport().rect()
    driver.until(lambda: seen.contains(opcodes.view.visualRect(opcodes.model.index(last, 0))))
    driver.select("X.reduce-os-system")
    assert not details.safety.isVisible()


def test_opcodes_follow_the_selection_in_the_tree(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("Application.10")
    panel = opcodes_of(driver)
    driver.tree.setCurrentIndex(driver.child("jobname"))
    assert any("sweep" in row.argument for row in marked(driver, panel))
    driver.until(lambda: "jobname" in panel.heading.text())
    first = next(
        row
        for row in range(panel.model.rowCount())
        if panel.model.index(row, 0).data(MARK_ROLE) == "own"
    )
    shown = panel.view.visualRect(panel.model.index(first, 0))
    assert panel.view.viewport().rect().contains(shown), "it is scrolled to"
    driver.tree.setCurrentIndex(driver.child("output_dir"))
    driver.until(lambda: any("scratch" in row.argument for row in marked(driver, panel)))


def test_an_opcode_leads_to_its_value_in_the_tree(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("Application.10")
    panel = opcodes_of(driver)
    driver.tree.setCurrentIndex(driver.child("jobname"))
    marked(driver, panel)
    model = panel.model
    row = next(n for n in range(model.rowCount()) if model.index(n, 0).data(MARK_ROLE) == "own")
    driver.tree.setCurrentIndex(driver.tree.model().index(0, 0))
    panel.view.setFocus()
    panel.view.selectRow(row)
    driver.until(lambda: panel.bytes.text().startswith("0x"))
    assert "sweep" in panel.bytes.text()
    driver.key(Qt.Key.Key_Return, panel.view)
    driver.until(lambda: driver.tree.currentIndex().data() == "jobname")


def test_an_opcode_behind_a_reference_leads_to_the_line_below_it(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    parent = "SequentialTaskCollection.1"
    driver.select(parent)
    first = driver.first_below(driver.child("tasks"))
    driver.tree.setCurrentIndex(driver.child("jobname", first))
    panel = opcodes_of(driver)
    rows = marked(driver, panel)
    model = panel.model
    number = next(n for n in range(model.rowCount()) if model.row(n) == rows[0])
    driver.tree.setCurrentIndex(driver.child("execution", first))
    panel.view.selectRow(number)
    driver.key(Qt.Key.Key_Return, panel.view)
    driver.until(lambda: driver.tree.currentIndex().data() == "jobname")
    assert driver.tree.currentIndex().parent() == first
    assert driver.window.inspector.id_ == parent


def test_opcodes_are_copied_as_lines(driver: Driver, gc3pie: Callable[[str], Path]) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    driver.select("Application.10")
    panel = opcodes_of(driver)
    panel.view.selectAll()
    driver.key(Qt.Key.Key_C, panel.view, mod=CONTROL)
    count = panel.model.rowCount()
    driver.until(lambda: len(QGuiApplication.clipboard().text().splitlines()) == count)
    assert QGuiApplication.clipboard().text().startswith("0\tPROTO\t")


def test_panels_are_empty_after_the_store_was_closed(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie("python3.7/jobs-dir"))
    panel = safety_of(driver, "Application.10")
    opcodes = opcodes_of(driver)
    driver.window.close_store()
    assert panel.model.rowCount() == 0
    assert opcodes.model.rowCount() == 0
    assert opcodes.heading.text() == ""


def test_a_million_opcodes_do_not_stall_the_window(
    driver: Driver, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    path = tmp_path / "large"
    data = pickle.dumps([str(number) for number in range(500_000)], 2)
    with FilesystemStore(path) as store:
        store.apply([Edit("Large.1", data)])
    driver.open(path)
    inspector = driver.window.inspector
    gaps = [0.0]
    last = [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now

    heart = QTimer(driver.window)
    heart.setInterval(5)
    heart.timeout.connect(beat)
    heart.start()
    last[0] = time.perf_counter()
    inspector.tabs.show_panel(inspector.opcodes)
    model = inspector.opcodes.model
    driver.qtbot.waitUntil(lambda: model.rowCount() > 0 and model.is_complete, timeout=60_000)
    inspector.opcodes.view.scrollToBottom()
    driver.until(lambda: model.row(model.rowCount() - 1) is not None)
    heart.stop()
    record_property("longest_gap_ms", round(1000 * max(gaps)))
    print(f"{model.rowCount():,} opcodes, longest gap of the window {1000 * max(gaps):.0f} ms")
    assert model.rowCount() > 990_000
    assert max(gaps) < 0.25
