"""Two objects, and versions of one, side by side in a window of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from app.models.roles import ROW_ROLE
from app.window.compare_window import CompareWindow, Version
from app.window.object_picker import ObjectPicker
from app.work.records import ComparedRow
from persistence import make_store
from tests.app.window.conftest import Driver
from tests.conftest import DATA

A, B = "Application.10", "Application.3"
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
STORE = "python3.7/jobs-dir"


def window_of(driver: Driver) -> CompareWindow:
    driver.until(lambda: shown(CompareWindow))
    found = shown(CompareWindow)
    assert isinstance(found, CompareWindow)
    driver.until(lambda: found.model.root is not None)
    return found


def shown(kind: type[QWidget]) -> QWidget | None:
    return next(
        (w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()), None
    )


def close(driver: Driver, window: CompareWindow) -> None:
    driver.key(Qt.Key.Key_Escape, window.view)
    driver.until(lambda: shown(CompareWindow) is None)


def current(window: CompareWindow) -> str:
    row = window.view.currentIndex().data(ROW_ROLE)
    return row.right.path if isinstance(row, ComparedRow) and row.right is not None else ""


def test_two_selected_objects_are_compared_at_once(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie(STORE))
    first, second = driver.ids()[:2]
    driver.click_row(0)
    driver.key(Qt.Key.Key_Down, driver.table, mod=SHIFT)
    driver.until(driver.action("actionCompare").isEnabled)
    driver.key(Qt.Key.Key_D, driver.table, mod=CONTROL)
    window = window_of(driver)
    assert first in window.windowTitle()
    assert second in window.windowTitle()
    assert "difference" in window.count.text()
    driver.until(lambda: current(window))
    close(driver, window)


def test_one_object_is_compared_with_one_that_is_chosen(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie(STORE))
    driver.select(A)
    driver.action("actionCompare").trigger()
    driver.until(lambda: shown(ObjectPicker))
    picker = shown(ObjectPicker)
    assert isinstance(picker, ObjectPicker)
    assert "Compare" in picker.windowTitle()
    driver.type(f'id:"{B}"', picker.filter)
    driver.until(lambda: picker.model.id_at(picker.model.index(0, 0)) == B)
    picker.view.select_row(0)
    driver.until(lambda: picker.chosen == B)
    driver.key(Qt.Key.Key_Return, picker.view)
    window = window_of(driver)
    header = window.model.headerData(2, Qt.Orientation.Horizontal)
    assert header == B
    close(driver, window)


def test_keys_lead_through_the_differences(driver: Driver, gc3pie: Callable[[str], Path]) -> None:
    driver.open(gc3pie(STORE))
    driver.window.comparisons.compare_two(A, B)
    window = window_of(driver)
    driver.until(lambda: current(window))
    first = current(window)
    driver.key(Qt.Key.Key_F7, window.view)
    driver.until(lambda: current(window) != first)
    second = current(window)
    driver.key(Qt.Key.Key_F7, window.view, mod=SHIFT)
    driver.until(lambda: current(window) == first)
    driver.key(Qt.Key.Key_Down, window.view, mod=Qt.KeyboardModifier.AltModifier)
    driver.until(lambda: current(window) == second)
    assert second in window.values.headings[1].text()
    assert window.values.texts[0].toPlainText() != window.values.texts[1].toPlainText()
    close(driver, window)


def test_only_differences_and_swapping_sides(driver: Driver, gc3pie: Callable[[str], Path]) -> None:
    driver.open(gc3pie(STORE))
    driver.window.comparisons.compare_two(A, B)
    window = window_of(driver)
    model = window.model
    top = model.index_of(())
    driver.until(lambda: model.rowCount(top) > 5)
    everything = model.rowCount(top)
    driver.key(Qt.Key.Key_D, window.view, mod=CONTROL)
    driver.until(lambda: 1 < model.rowCount(model.index_of(())) < everything)
    assert window.only.isChecked()
    window.swap.trigger()
    driver.until(lambda: model.headerData(1, Qt.Orientation.Horizontal) == B)
    driver.until(lambda: current(window))
    close(driver, window)


def test_paths_and_values_are_copied(driver: Driver, gc3pie: Callable[[str], Path]) -> None:
    driver.open(gc3pie(STORE))
    driver.window.comparisons.compare_two(A, B)
    window = window_of(driver)
    driver.until(lambda: current(window))
    clipboard = QGuiApplication.clipboard()
    window.findChild(type(window.swap), "compareCopyPath").trigger()
    assert clipboard.text() == current(window)
    driver.key(Qt.Key.Key_C, window.view, mod=CONTROL)
    assert clipboard.text().count("\t") == 3
    close(driver, window)


def test_a_comparison_follows_the_store(driver: Driver, gc3pie: Callable[[str], Path]) -> None:
    path = gc3pie(STORE)
    driver.open(path)
    driver.window.comparisons.compare_two(A, B)
    window = window_of(driver)
    with make_store(path) as store:
        store.write(A, (path / B).read_bytes())
    driver.window.session.refresh()
    driver.until(lambda: window.count.text() == "They are the same.")
    close(driver, window)


def test_what_cannot_be_compared_says_so_in_a_sentence(
    driver: Driver, gc3pie: Callable[[str], Path]
) -> None:
    driver.open(gc3pie(STORE))
    damaged = (DATA / "hostile" / "truncated.pickle").read_bytes()
    for version, words in (
        (Version("the damaged one", damaged), "cannot be decoded"),
        (Version("the large one", None, "It was too large to be kept."), "too large"),
        (Version("Nobody.1", "Nobody.1"), "Nobody.1"),
    ):
        driver.window.comparisons.show(version, Version(A, A))
        driver.until(lambda: shown(CompareWindow))
        window = shown(CompareWindow)
        assert isinstance(window, CompareWindow)
        message = window._message
        driver.until(message.isVisible)
        assert words in message.sentence.text()
        assert not window.next.isEnabled()
        driver.key(Qt.Key.Key_Escape, window)
        driver.until(lambda: shown(CompareWindow) is None)


def test_the_history_shows_what_a_change_did(driver: Driver, gc3pie: Callable[[str], Path]) -> None:
    driver.open(gc3pie(STORE))
    inspector = driver.window.inspector
    driver.select(A)
    driver.window.flow.replace_by_object(A, B)
    inspector.tabs.setCurrentWidget(inspector.changes)
    button = None

    def found() -> bool:
        nonlocal button
        button = inspector.changes.findChild(QPushButton, "historyCompare")
        return button is not None and button.isVisible()

    driver.until(found)
    assert button is not None
    driver.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    window = window_of(driver)
    assert "before" in window.windowTitle()
    driver.until(lambda: "difference" in window.count.text())
    close(driver, window)


def test_comparisons_close_with_the_store(driver: Driver, gc3pie: Callable[[str], Path]) -> None:
    driver.open(gc3pie(STORE))
    driver.window.comparisons.compare_two(A, B)
    window_of(driver)
    driver.window.close_store()
    driver.until(lambda: shown(CompareWindow) is None)
