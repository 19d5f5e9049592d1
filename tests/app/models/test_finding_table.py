"""Findings as rows, under the model tester."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from app.models.finding_table import RISK_LOOKS, RISK_WORDS, FindingTableModel
from app.models.roles import ACCESSIBLE_ROLE, LOOK_ROLE, ROW_ROLE, TOOLTIP_ROLE
from persistence.pickles.findings import Action, Finding
from persistence.pickles.risks import Risk
from persistence.pickles.safety import examine
from tests.conftest import DATA


def test_findings_are_rows_with_risk_act_name_times_and_reason(qtbot: QtBot) -> None:
    model = FindingTableModel()
    tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Fatal, model
    )
    assert tester is not None
    found = examine((DATA / "hostile" / "reduce-os-system.pickle").read_bytes()).findings
    model.set_findings(found)
    assert model.rowCount() == len(found)
    titles = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(model.columnCount())]
    assert titles == ["Risk", "What Happens", "To What", "Times", "Why"]
    cells = [str(model.index(0, column).data()) for column in range(5)]
    assert cells[:2] == ["Dangerous", "calls"]
    assert cells[2].startswith("os.system(")
    assert cells[3] == "1"
    assert cells[4].endswith(".")
    assert model.index(0, 0).data(LOOK_ROLE) == RISK_LOOKS[Risk.DANGEROUS]
    assert model.index(0, 2).data(TOOLTIP_ROLE).startswith("call os.system")
    assert model.index(0, 0).data(ACCESSIBLE_ROLE) == "Risk: Dangerous"
    assert isinstance(model.index(0, 0).data(ROW_ROLE), Finding)
    model.set_findings(())
    assert model.rowCount(QModelIndex()) == 0


def test_every_act_and_every_risk_has_words(qtbot: QtBot) -> None:
    model = FindingTableModel()
    model.set_findings(
        tuple(Finding(risk, act, "n", "n", "r.", (0,), 1) for act in Action for risk in Risk)
    )
    words = {model.index(row, 1).data() for row in range(model.rowCount())}
    assert len(words) == len(Action)
    assert set(RISK_WORDS) == set(RISK_LOOKS) == set(Risk)
