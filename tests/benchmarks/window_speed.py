"""Print how quick the window is on large stores, beside its goals and beside plain Qt.

    python tests/benchmarks/window_speed.py [--objects N] [--few N] [--markdown FILE] [--keep DIR]

Drives the real window, offscreen and, where there is a display, on that too. The stores are
made in a temporary folder first: one of our own with a million objects, one of GC3Pie's and a
folder with 100,000, and one with very large objects. Baselines are measured in the same run:
a `QStandardItemModel` of as many rows, Qt's own painting of the same cells, an empty window.
A heartbeat every 5 ms tells how long the window stood still meanwhile; an idle process measures
the same, to tell what the machine itself takes.

Memory is that of the window's own process; the inspectors are told apart. What is read "not in
the page cache" is dropped from there before, which only Linux can. Times are those of one try
(it is the first that a user sees), but for painting: the median of 20.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QPixmap, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication, QMainWindow, QTableView

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.main import create_application
from app.models.id_table import IdTableModel
from app.window.id_table_view import IdTableView
from tests.benchmarks import window_stores
from tests.benchmarks.window_watch import (
    Ages,
    Heartbeat,
    memory,
    painted_after,
    pause,
    wait_until,
)

HERE = Path(__file__)
RATE = 1_000  # changes a second
LIVE_SECONDS = 8.0
PAINTED_ROWS, PAINTED_TIMES = 100, 20


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        what: What was done.
        value: How long it took, in milliseconds; or memory in MiB, or a ratio (see `unit`).
        unit: "ms", "MiB", "×" or "/s".
        goal: The most it should be, in the same unit (for "/s" the least); None for none.
        beside: What plain Qt took for the same, or the longest stall of an idle process in the
            same time; None for nothing alike.
        note: What has to be said with it.
    """

    what: str
    value: float
    unit: str = "ms"
    goal: float | None = None
    beside: float | None = None
    note: str = ""


# The measurements


class Bench:
    """The window, and what is measured on it."""

    def __init__(self, folder: Path, objects: int) -> None:
        self.folder = folder
        self.objects = objects
        _, self.window = create_application(["window_speed"])
        self.window.resize(1400, 900)
        self.table = self.window.table.view
        self.model = self.window.table.model
        self.tree = self.window.inspector.view
        self.heart = Heartbeat()
        self.results: list[Result] = []
        wait_until(self.window.isVisible)
        pause(0.3)
        self.empty = memory()

    def add(self, *values: Any, **named: Any) -> None:
        """Keep a result."""
        result = Result(*values, **named)
        self.results.append(result)
        print(f"{result.what}: {_figure(result)}", file=sys.stderr, flush=True)

    def _add_stall(self, what: str) -> None:
        self.add(what, self.heart.longest(), "ms", 50, beside=self.heart.idle())

    def run(self) -> None:
        """Measure everything."""
        plain, plain_memory = plain_model(self.objects)
        self.add("the machine: other programs make what follows longer by", busyness(), "×")
        self._opening(plain, plain_memory)
        self._queries()
        self._painting()
        self._live()
        self._tree()
        self._foreign()
        self.add("the machine: the same at the end", busyness(), "×")
        self.heart.end()
        self.window.close()

    def _open(self, name: str) -> float:
        """Open a store; return how long it takes until its first rows are painted, in ms."""
        return painted_after(
            self.table,
            lambda: self.window.open_store(self.folder / name),
            lambda: self.model.rowCount() and self.model.row(0),
        )

    def _close(self) -> None:
        self.window.close_store()
        pause(0.3)

    def _opening(self, plain: float, plain_memory: float) -> None:
        path = self.folder / "own.db"
        if window_stores.forget_pages(path):
            took = self._open("own.db")
            self.add("open: first rows, not in the page cache", took, "ms", 120, plain)
            self._close()
        self._open("own.db")
        wait_until(lambda: self.model.rowCount() == self.objects)
        self._close()
        path.read_bytes()
        self.heart.start()
        began = time.perf_counter()
        self.add("open: first rows, in the page cache", self._open("own.db"), "ms", 60, plain)
        wait_until(lambda: self.model.rowCount() == self.objects)
        took = (time.perf_counter() - began) * 1000
        self.add("open: all rows can be scrolled to", took, "ms", 600, plain)
        wait_until(lambda: self.window.session.is_scanned)
        self._add_stall("open: longest stall")
        pause(0.5)
        last = self.objects - 1
        took = painted_after(self.table, self.table.scrollToBottom, lambda: self.model.row(last))
        self.add("jump to the last row", took, "ms", 30)
        self.add("memory above the empty window", memory() - self.empty, "MiB", 25, plain_memory)
        self.heart.start()
        began = time.perf_counter()
        bar = self.table.verticalScrollBar()
        steps = 200
        for step in range(steps + 1):
            bar.setValue(bar.maximum() * step // steps)
            QApplication.processEvents()
        wait_until(lambda: self.model.row(last))
        self.add(f"scroll through in {steps} steps", (time.perf_counter() - began) * 1000, "ms")
        self._add_stall("scroll through: longest stall")

    def _queries(self) -> None:
        header = self.table.horizontalHeader()
        state = next(i for i, c in enumerate(self.model.columns) if c.key == "state")
        self.heart.start()
        took = self._query(lambda: header.setSortIndicator(state, Qt.SortOrder.AscendingOrder))
        self.add("sort by state: first rows", took, "ms", 60)
        pause(1.0)
        self._add_stall("sort by state: longest stall")
        self.add("memory after sorting", memory() - self.empty, "MiB", 60)
        self._query(lambda: header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder))
        for text, what, goal in (
            ("777", "substring filter: first rows", 200),
            ("id:Application.77", "prefix filter: first rows", 50),
        ):
            self.heart.start()
            took = self._query(lambda text=text: self._filter(text))
            self.add(what, took, "ms", goal)
            pause(1.0)
            self._add_stall(f"{what.partition(':')[0]}: longest stall")
            self._query(self.window.filter_edit.clear)
            wait_until(lambda: self.model.rowCount() == self.objects)

    def _filter(self, text: str) -> None:
        self.window.filter_edit.setText(text)
        self.window.filter_edit.filter_changed.emit(text)  # as after the pause in typing

    def _query(self, act: Callable[[], object]) -> float:
        """Return how long the first rows of another query take, in ms."""
        seen: list[object] = []
        connection = self.model.query_changed.connect(seen.append)
        took = painted_after(self.table, act, lambda: seen)
        self.model.query_changed.disconnect(connection)
        return took

    def _painting(self) -> None:
        """Paint many rows of all columns, and the same texts with Qt's own delegate."""
        view, plain = IdTableView(), QTableView()
        model = IdTableModel(view)
        view.prepare_columns(model)
        model.set_session(self.window.session)
        wait_until(lambda: model.row(PAINTED_ROWS))
        columns, height = model.columnCount(), view.verticalHeader().defaultSectionSize()
        texts = QStandardItemModel(PAINTED_ROWS, columns, plain)
        for row in range(PAINTED_ROWS):
            for column in range(columns):
                text = str(model.index(row, column).data() or "")
                texts.setItem(row, column, QStandardItem(text))
        plain.setModel(texts)
        plain.verticalHeader().setDefaultSectionSize(height)
        medians = [self._time_to_paint(each, height) for each in (view, plain)]
        self.add(f"paint {PAINTED_ROWS} rows × {columns} columns", medians[0], "ms", 12, medians[1])

    def _time_to_paint(self, view: QTableView, height: int) -> float:
        view.resize(1200, PAINTED_ROWS * height + 60)
        view.show()
        QApplication.processEvents()
        picture = QPixmap(view.viewport().size())
        taken = []
        for _ in range(PAINTED_TIMES):
            began = time.perf_counter()
            view.viewport().render(picture)
            taken.append((time.perf_counter() - began) * 1000)
        view.close()
        if isinstance(view, IdTableView):
            view.model().set_session(None)
        view.deleteLater()
        return statistics.median(taken)

    def _live(self) -> None:
        """Look on while another program changes the store, with an object open in the tree."""
        wait_until(lambda: self.window.session.is_scanned)
        view = self.table
        view.scrollToTop()
        pause(0.5)
        watch = Ages(view, self._newest)
        writer = subprocess.Popen(
            [sys.executable, window_stores.__file__, self.folder / "own.db", str(self.objects),
             str(RATE), str(LIVE_SECONDS)],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        wait_until(lambda: self._newest() > 0)
        pause(1.0)
        self.heart.start()
        watch.start()
        wait_until(lambda: writer.poll() is not None)
        stall, idle, ages = self.heart.longest(), self.heart.idle(), watch.stop()
        done = int(writer.communicate()[0])
        rate = done / LIVE_SECONDS
        note = f"{rate:,.0f} changes/s, seen {len(ages)} times"
        self.add("live: age of what is seen, median", statistics.median(ages), "ms", 150, note=note)
        worst = statistics.quantiles(ages, n=100)[-1] if len(ages) > 1 else ages[0]
        self.add("live: age of what is seen, 99th of 100", worst)
        self.add("live: longest stall", stall, "ms", 50, beside=idle)
        self._close()

    def _newest(self) -> float:
        """Return when the newest of the first rows was written, by the clock; 0 for none."""
        first = [self.model.row(number) for number in range(window_stores.VIEW)]
        return max(window_stores.stamp_of(row.name or "") if row else 0.0 for row in first)

    def _tree(self) -> None:
        """Show a list of a million, an object of 8 MB and a text of 100 MB."""
        inspector, tree = self.window.inspector, self.tree
        self._open("large.db")
        wait_until(lambda: self.window.session.is_scanned and self.model.rowCount() == 3)
        ids = [self.model.row(number).id for number in range(3)]
        for id_, what in zip(ids, ("a list of 1,000,000", "8 MB", "a text of 100 MB"), strict=True):
            self.heart.start()
            shown: list[str] = []
            connection = inspector.model.shown.connect(shown.append)
            took = painted_after(
                tree,
                lambda id_=id_: inspector.show_object(id_),
                lambda id_=id_, shown=shown: id_ in shown,
            )
            inspector.model.shown.disconnect(connection)
            self.add(f"tree: show {what}", took)
            self._expand(what)
            self._add_stall(f"tree: {what}, longest stall")
        wait_until(inspector.details.text.toPlainText)
        self._close()

    def _expand(self, what: str) -> None:
        """Expand the first line below the top that can be."""
        model = self.window.inspector.model
        top = model.index(0, 0, QModelIndex())
        below = model.index(0, 0, top)
        if not below.isValid() or not model.hasChildren(below):
            return
        self.tree.collapse(top)
        took = painted_after(
            self.tree, lambda: self.tree.expand(top), lambda: self.tree.isExpanded(top)
        )
        self.add(f"tree: expand {what}", took, "ms", 40)
        took = painted_after(
            self.tree, lambda: self.tree.expand(below), lambda: model.rowCount(below) > 0
        )
        self.add(f"tree: expand a part of {what}", took, "ms", 40)

    def _foreign(self) -> None:
        """Open stores that keep no summaries, and wait until they are indexed."""
        for name, what in (("gc3pie.db", "GC3Pie table"), ("folder", "folder")):
            self.heart.start()
            self.add(f"{what}: first rows", self._open(name), "ms", 80)
            began = time.perf_counter()
            wait_until(lambda: self.window.session.is_scanned)
            rate = self.model.rowCount() / (time.perf_counter() - began)
            self.add(f"{what}: indexing", rate, "/s", 20_000)
            self._add_stall(f"{what}: longest stall while indexing")
            self._close()


# In processes of their own


def plain_model(rows: int) -> tuple[float, float]:
    """Return what a `QStandardItemModel` of so many rows takes, in ms and MiB.

    Measured with a tenth of the rows: each takes as long as the one before.
    """
    command = [sys.executable, HERE, "--plain", str(rows // 10)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took, more = map(float, done.stdout.split()[-2:])
    return took * 10, more * 10


def fill_plain_model(rows: int) -> None:
    """Show a `QStandardItemModel` and print what it took, in ms and MiB."""
    application, view = QApplication([]), QTableView()
    model = QStandardItemModel(0, 6, view)
    before, began = memory(), time.perf_counter()
    for id_, type_, state, name, data in window_stores.rows(rows):
        texts = (id_, type_, state, name, "2026-11-25 12:00:00", f"{len(data)} B")
        model.appendRow([QStandardItem(text) for text in texts])
    view.setModel(model)
    view.show()
    application.processEvents()
    print((time.perf_counter() - began) * 1000, memory() - before)


def busyness() -> float:
    """Return how many times longer than on a machine of its own work takes here now."""
    wall, spent = time.perf_counter(), time.process_time()
    while time.process_time() - spent < 0.5:
        sum(range(10_000))
    return (time.perf_counter() - wall) / (time.process_time() - spent)


def time_to_window(kind: str, folder: Path) -> float:
    """Return how long a new process takes until its window is painted, in ms."""
    began = time.time()
    done = subprocess.run(
        [sys.executable, HERE, "--start", kind, folder], capture_output=True, text=True, check=True
    )
    return (float(done.stdout.split()[-1]) - began) * 1000


def start(kind: str, folder: Path) -> None:
    """Show a window, print when it is painted, and end; runs in a process of its own."""
    if kind == "empty":
        application, window, view = QApplication([]), QMainWindow(), QTableView()
        window.setCentralWidget(view)
        window.resize(1400, 900)
        window.show()
        painted_after(view, window.show, lambda: True)
    else:
        application, shown = create_application(["window_speed"])
        model = shown.table.model
        painted_after(
            shown.table.view,
            lambda: shown.open_store(folder / "demo.db"),
            lambda: model.rowCount() and model.row(0),
        )
    print(time.time(), flush=True)
    os._exit(0 if application else 1)  # what is left to do is no part of starting


# The table


def measure(platform: str, folder: Path, objects: int) -> list[Result]:
    """Return what another process measures on a Qt platform."""
    environment = {**os.environ, "QT_QPA_PLATFORM": platform}
    with tempfile.TemporaryDirectory() as home:
        environment["JOBSHELF_HOME"] = home
        done = subprocess.run(
            [sys.executable, HERE, "--measure", folder, "--objects", str(objects)],
            env=environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    return [Result(**values) for values in json.loads(done.stdout.splitlines()[-1])]


def started(folder: Path) -> Result:
    """Return how long a cold start takes, the best of three, as times an empty window."""
    best = {kind: min(time_to_window(kind, folder) for _ in range(3)) for kind in ("empty", "full")}
    note = f"{best['full']:.0f} ms, an empty window {best['empty']:.0f} ms"
    return Result("start to the demo's first rows", best["full"] / best["empty"], "×", 3, note=note)


def table(results: dict[str, list[Result]]) -> str:
    """Return the results as a table in Markdown."""
    lines = [
        "| | goal | " + " | ".join(results) + " | plain Qt, or an idle process | |",
        "|---|---:|",
    ]
    lines[1] += "---:|" * (len(results) + 1) + "---|"
    for each in zip(*results.values(), strict=True):
        first = each[0]
        goal = "" if first.goal is None else f"{'≥' if first.unit == '/s' else '≤'} {first.goal:,}"
        values = [_figure(result) for result in each]
        beside = "" if first.beside is None else f"{first.beside:,.0f} {first.unit}"
        cells = (first.what, goal, *values, beside, first.note)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(result: Result) -> str:
    digits = 1 if result.value < 100 and result.unit != "/s" else 0
    text = f"{result.value:,.{digits}f} {result.unit}"
    if result.goal is None:
        return text
    is_met = result.value >= result.goal if result.unit == "/s" else result.value <= result.goal
    return text if is_met else f"**{text}**"


def make_stores(folder: Path, objects: int, few: int) -> None:
    """Make the stores that are not there yet."""
    for name, make in (
        ("own.db", lambda path: window_stores.make_own(path, objects)),
        ("gc3pie.db", lambda path: window_stores.make_gc3pie(path, few)),
        ("folder", lambda path: window_stores.make_folder(path, few)),
        ("large.db", window_stores.make_large_objects),
        ("demo.db", lambda path: window_stores.make_own(path, 100)),
    ):
        if not (folder / name).exists():
            print(f"making {name} …", file=sys.stderr, flush=True)
            make(folder / name)


def main() -> None:
    """Make the stores, measure on each platform, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=1_000_000, help="in the store of our own")
    parser.add_argument("--few", type=int, default=100_000, help="in the stores of others")
    parser.add_argument("--markdown", type=Path, help="a file to write the table to as well")
    parser.add_argument("--keep", type=Path, help="a folder for the stores, to be used again")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plain", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--start", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.start:
        start(options.start[0], Path(options.start[1]))
        return
    if options.plain:
        fill_plain_model(options.plain)
        return
    if options.measure:
        bench = Bench(options.measure, options.objects)
        bench.run()
        print(json.dumps([asdict(result) for result in bench.results]))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = options.keep or Path(made)
        folder.mkdir(exist_ok=True)
        make_stores(folder, options.objects, options.few)
        platforms = ["offscreen"]
        if os.environ.get("DISPLAY"):
            platforms.append("xcb")
        results = {}
        for platform in platforms:
            os.environ["QT_QPA_PLATFORM"] = platform
            results[platform] = [
                *measure(platform, folder, options.objects),
                started(folder),
            ]
        text = table(results)
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n")


if __name__ == "__main__":
    main()
