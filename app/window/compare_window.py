"""Two objects side by side, or two versions of one: what differs, and how to get to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.models.comparison_cells import LEFT, RIGHT
from app.models.comparison_tree import ComparisonTreeModel
from app.models.difference_steps import differs
from app.models.roles import ADDRESS_ROLE, ROW_ROLE
from app.window.comparison_view import ComparisonView, SideBySide
from app.window.elided_label import ElidedLabel
from app.window.icons import icon
from app.window.message_page import Button, MessagePage
from app.window.theme import GRID
from app.work.objects import Side
from app.work.records import ComparedRow
from app.work.session import StoreSession
from app.work.task import Task
from persistence.errors import StoreError
from persistence.pickles.texts import escaped

__all__ = ["CompareWindow", "Version"]


@dataclass(frozen=True, slots=True)
class Version:
    """One side of a comparison.

    Attributes:
        title: What the user calls it.
        side: The ID of an object, or the pickle of a version; None where there is none.
        reason: A sentence that says why there is none.
    """

    title: str
    side: Side | None
    reason: str = ""


class CompareWindow(QDialog):
    """Shows how two objects differ. It follows the store as long as that is open."""

    def __init__(
        self, session: StoreSession, left: Version, right: Version, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("compareWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._versions = (left, right)
        self._is_new = True
        self._asking: Task | None = None
        self.model = ComparisonTreeModel(self)
        self.view = ComparisonView(self)
        self.view.setModel(self.model)
        self.view.prepare_columns()
        self.values = SideBySide(self)
        self.count = ElidedLabel(self)
        self.count.setObjectName("compareCount")
        self.count.setProperty("quiet", True)
        self._message = MessagePage("compare", "muted", self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._message)
        self._make_actions()
        self._build()
        self._connect()
        self._compare()
        self.resize(1040, 640)

    def _make_actions(self) -> None:
        self.only = self._action(
            "compareOnly", "&Only Differences", "differences", ("Ctrl+D",), self._set_only
        )
        self.only.setCheckable(True)
        self.previous = self._action(
            "comparePrevious",
            "&Previous Difference",
            "up",
            ("Shift+F7", "Alt+Up"),
            lambda: self._step(forward=False),
        )
        self.next = self._action(
            "compareNext",
            "&Next Difference",
            "down",
            ("F7", "Alt+Down"),
            lambda: self._step(forward=True),
        )
        self.swap = self._action("compareSwap", "&Swap Sides", "swap", ("Ctrl+T",), self._swap)
        copy = QKeySequence(QKeySequence.StandardKey.Copy).toString()
        left, right = "Copy &Left Value", "Copy &Right Value"
        self._copying = [
            self._action("compareCopy", "&Copy Row", "copy", (copy,), self._copy_row),
            self._action(
                "compareCopyPath", "Copy P&ath", "reference", ("Ctrl+Alt+C",), self._copy_path
            ),
            self._action("compareCopyLeft", left, "", (), lambda: self._copy(LEFT)),
            self._action("compareCopyRight", right, "", (), lambda: self._copy(RIGHT)),
        ]

    def _action(
        self,
        name: str,
        text: str,
        icon_name: str,
        keys: tuple[str, ...],
        act: Callable[[], object],
    ) -> QAction:
        action = QAction(text, self)
        action.setObjectName(name)
        action.setShortcuts([QKeySequence(key) for key in keys])
        if icon_name:
            action.setIcon(icon(icon_name))
        words = text.replace("&", "")
        native = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{words} ({native})" if keys else words)
        action.triggered.connect(lambda _checked: act())
        self.addAction(action)
        return action

    def _build(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(2 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        bar.setSpacing(GRID)
        for action, with_text in (
            (self.previous, False),
            (self.next, False),
            (self.only, True),
            (self.swap, True),
        ):
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setIconSize(QSize(4 * GRID, 4 * GRID))
            button.setAccessibleName(action.text().replace("&", ""))
            if with_text:
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            bar.addWidget(button)
        bar.addSpacing(2 * GRID)
        bar.addWidget(self.count, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self._stack, 1)
        column.addWidget(self.values)

    def _connect(self) -> None:
        self.model.shown.connect(self._on_shown)
        self.model.failed.connect(self._on_failed)
        self.model.stepped.connect(self._on_stepped)
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self._session.closed.connect(self.close)
        self._session.objects_changed.connect(self._on_changed)
        self._session.objects_removed.connect(self._on_changed)

    def _compare(self) -> None:
        left, right = self._versions
        self.setWindowTitle(f"{left.title} and {right.title} — Jobshelf")
        missing = next((version for version in self._versions if version.side is None), None)
        if left.side is None or right.side is None:
            assert missing is not None
            self._say_no(f"There is no “{missing.title}” to compare", missing.reason)
            return
        titles = (escaped(left.title), escaped(right.title))
        self.values.set_titles(*titles)
        self.model.compare(self._session, left.side, right.side, titles)

    def _say_no(self, title: str, sentence: str, *, can_retry: bool = False) -> None:
        ways = [Button("&Try Again", self.model.reload, "refresh")] if can_retry else []
        self._message.show_message(title, sentence, ways)
        self._stack.setCurrentWidget(self._message)
        self.values.hide()
        self.count.setText("")
        for action in (self.only, self.next, self.previous, *self._copying):
            action.setEnabled(False)

    def _on_shown(self) -> None:
        root = self.model.root
        if root is None:
            return
        self._stack.setCurrentWidget(self.view)
        self.values.show()
        for action in (self.only, self.next, self.previous, *self._copying):
            action.setEnabled(True)
        self.view.open_again()
        self._say_count()
        if self._is_new:
            self._is_new = False
            top = self.model.index_of(())
            self.view.setCurrentIndex(top)
            self.view.setFocus()
            if not differs(root):
                self.model.step(top, forward=True)

    def _say_count(self) -> None:
        root = self.model.root
        changes = 0 if root is None else root.changes
        if root is not None and not changes and root.status != "same":
            changes = 1
        words = f"{changes:,} difference{'' if changes == 1 else 's'}"
        self.count.setText(words if changes else "They are the same.")

    def _on_failed(self, error: Exception) -> None:
        self._say_no("These two cannot be compared", str(error), can_retry=True)
        if not isinstance(error, StoreError):
            raise error
        left, _ = self._versions
        if left.side is not None:  # which of the two it is: the left one, if alone it fails too
            self._asking = self._session.compared_root(left.side, left.side).then(
                lambda _: self._blame(1), lambda _: self._blame(0)
            )

    def _blame(self, number: int) -> None:
        if self._stack.currentWidget() is self._message:
            self._message.title.setText(f"“{self._versions[number].title}” cannot be compared")

    def _on_changed(self, ids: list[str]) -> None:
        if any(version.side in ids for version in self._versions):
            self.model.reload()

    def _step(self, *, forward: bool) -> None:
        self.model.step(self.view.currentIndex(), forward=forward)

    def _on_stepped(self, index: QModelIndex) -> None:
        self._say_count()
        if index.isValid():
            self.view.setCurrentIndex(index)
            self.view.scrollTo(index)
        elif self.model.root is not None and self.model.root.changes:
            self.count.setText(f"{self.count.text()}  ·  no more in this direction")

    def _on_current_changed(self, current: QModelIndex) -> None:
        row = current.data(ROW_ROLE) if current.isValid() else None
        self.values.show_row(row if isinstance(row, ComparedRow) else None)

    def _set_only(self) -> None:
        self.model.set_only_differences(self.only.isChecked())

    def _swap(self) -> None:
        left, right = self._versions
        self._versions = (right, left)
        self.view.forget_opened()  # lines may stand in another order
        self._is_new = True
        self._compare()

    # Copying

    def _copy_row(self) -> None:
        index = self.view.currentIndex()
        cells = [str(index.siblingAtColumn(column).data() or "") for column in range(4)]
        QGuiApplication.clipboard().setText("\t".join(cells))

    def _copy_path(self) -> None:
        index = self.view.currentIndex()
        QGuiApplication.clipboard().setText(str(index.siblingAtColumn(0).data(ADDRESS_ROLE) or ""))

    def _copy(self, column: int) -> None:
        index = self.view.currentIndex()
        QGuiApplication.clipboard().setText(str(index.siblingAtColumn(column).data() or ""))

    def _show_menu(self, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setObjectName("contextMenu")
        menu.addActions([self.next, self.previous])
        menu.addSeparator()
        menu.addActions(self._copying)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.view.viewport().mapToGlobal(where))

    # Qt

    def done(self, result: int) -> None:
        for signal in (self._session.objects_changed, self._session.objects_removed):
            signal.disconnect(self._on_changed)
        self._session.closed.disconnect(self.close)
        if self._asking is not None:
            self._asking.cancel()
        self.model.clear()  # nothing under way may come back to a window that is gone
        super().done(result)
