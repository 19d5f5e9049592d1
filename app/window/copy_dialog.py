"""The question where a store, or some of its objects, shall be copied to."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.window.address_form import KINDS, AddressForm, FileForm, ServerForm
from app.window.icons import icon
from app.window.theme import GRID, theme
from app.work.task import Task
from persistence.probe import Description
from persistence.urls import StoreUrl

__all__ = ["CopyDialog"]

_TYPING_PAUSE_MS = 300
_TITLES = {"sqlite": "SQLite file", "file": "Folder"}  # nothing is copied into an archive


class CopyDialog(QDialog):
    """Asks for the address of a store to copy to, which need not be there yet.

    Signals:
        chosen: The address (a `StoreUrl`, with its password), and whether to copy also what
            the objects refer to.
    """

    chosen = Signal(object, bool)

    def __init__(
        self,
        what: str,
        describe: Callable[[StoreUrl], Task],
        folder: str = "",
        parent: QWidget | None = None,
        *,
        is_selection: bool = False,
    ) -> None:
        """Make the dialog.

        Args:
            what: What is copied: "the whole store", "Job.1", "3 objects".
            describe: Starts to look what is at an address; the task gives a `Description`, or
                None where a store can be made.
            folder: Where browsing for files starts.
            parent: Owning window.
            is_selection: Whether to ask about what the objects refer to.
        """
        super().__init__(parent)
        self.setObjectName("copyDialog")
        self.setWindowTitle("Copy Objects To" if is_selection else "Copy Store To")
        self._describe = describe
        self._task: Task | None = None
        self._url: StoreUrl | None = None
        self._forms: list[AddressForm] = [
            ServerForm(kind, self) if kind.port else FileForm(kind, folder, self, may_be_new=True)
            for kind in KINDS
        ]
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_TYPING_PAUSE_MS)
        self._pause.timeout.connect(self._look)
        self._build(what, is_selection=is_selection)
        self._on_edited()

    @property
    def form(self) -> AddressForm:
        """The fields of the kind of store that is chosen."""
        form = self._stack.currentWidget()
        assert isinstance(form, AddressForm)
        return form

    def _build(self, what: str, *, is_selection: bool) -> None:
        title = QLabel(f"Copy {what} to another store", self)
        title.setTextFormat(Qt.TextFormat.PlainText)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        title.setFont(font)
        title.setWordWrap(True)
        note = QLabel(
            "IDs and references are kept. A copy that was interrupted goes on when it is begun "
            "again.",
            self,
        )
        note.setProperty("quiet", True)
        note.setWordWrap(True)
        self.kinds = QComboBox(self)
        self.kinds.setObjectName("copyKind")
        for kind in KINDS:
            self.kinds.addItem(icon(kind.icon), _TITLES.get(kind.scheme, kind.title))
        self.kinds.currentIndexChanged.connect(self._on_kind_chosen)
        first = QFormLayout()
        first.setHorizontalSpacing(3 * GRID)
        first.addRow("&Kind of store:", self.kinds)
        self._stack = QStackedWidget(self)
        for form in self._forms:
            form.edited.connect(self._on_edited)
            self._stack.addWidget(form)
        self.with_references = QCheckBox("Copy also everything &referred to", self)
        self.with_references.setObjectName("copyReferences")
        self.with_references.setChecked(is_selection)
        self.with_references.setVisible(is_selection)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self._copy = QPushButton("&Copy", self)
        self._copy.setObjectName("copyButton")
        self._copy.setDefault(True)
        self._buttons.addButton(self._copy, QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(4 * GRID)
        column.addWidget(title)
        column.addWidget(note)
        column.addLayout(first)
        column.addWidget(self._stack)
        column.addLayout(self._make_preview())
        column.addWidget(self.with_references)
        column.addStretch(1)
        column.addWidget(self._buttons)
        self.resize(640, 460)

    def _make_preview(self) -> QHBoxLayout:
        self._preview_icon = QLabel(self)
        self._preview_icon.setFixedWidth(4 * GRID)
        self.preview = QLabel(self)
        self.preview.setObjectName("copyPreview")
        self.preview.setTextFormat(Qt.TextFormat.PlainText)
        self.preview.setWordWrap(True)
        self.preview.setMinimumHeight(3 * self.fontMetrics().lineSpacing())
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(self._preview_icon)
        row.addWidget(self.preview, 1)
        return row

    def _on_kind_chosen(self, row: int) -> None:
        self._stack.setCurrentIndex(row)
        self._on_edited()

    def _on_edited(self) -> None:
        self._forget_task()
        self._url = self.form.url()
        self._copy.setEnabled(False)
        if self._url is None:
            self._pause.stop()
            self._say("info", "muted", "Name a store. It is made if it is not there.")
            return
        self._say("search", "muted", "Looking…")
        self._pause.start()

    def _look(self) -> None:
        if self._url is not None:
            self._task = self._describe(self._url).then(self._on_described, self._on_not_described)

    def _on_described(self, description: Description | None) -> None:
        self._task = None
        if description is None:
            self._say("insert", "green", "There is no store yet: it will be made.")
        else:
            self._say(
                "success", "green", f"There is already: {description.sentence}. It is added to."
            )
        self._copy.setEnabled(True)

    def _on_not_described(self, error: BaseException) -> None:
        self._task = None
        self._say("error", "red", str(error))

    def _forget_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _say(self, icon_name: str, colour: str, text: str) -> None:
        self._preview_icon.setPixmap(icon(icon_name, colour).pixmap(4 * GRID, 4 * GRID))
        self.preview.setText(text)
        palette = self.preview.palette()
        shown = colour if colour in ("red", "muted") else "text"
        palette.setColor(self.preview.foregroundRole(), theme().colour(shown))
        self.preview.setPalette(palette)

    # Qt

    def done(self, result: int) -> None:
        self._pause.stop()
        self._forget_task()
        super().done(result)
        if result == QDialog.DialogCode.Accepted and self._url is not None:
            self.chosen.emit(self._url, self.with_references.isChecked())
