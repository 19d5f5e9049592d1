"""The Open Store dialog: fields for every kind of store, and a line that says what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.window.address_form import (
    HIDDEN_PASSWORD,
    KINDS,
    AddressForm,
    FileForm,
    ServerForm,
    kind_of,
)
from app.window.addresses import icon_of, title_of
from app.window.icons import icon
from app.window.theme import GRID, theme
from app.window.tooltips import plain
from app.work.task import Task
from persistence.errors import PasswordError, StoreError
from persistence.probe import Description
from persistence.urls import StoreUrl

__all__ = ["OpenStoreDialog"]

_TYPING_PAUSE_MS = 300
_SLOW_AFTER_MS = 3_000


class OpenStoreDialog(QDialog):
    """Asks for the address of a store.

    Signals:
        chosen: The address (a `StoreUrl`, with its password), and whether to open it
            read-only.
    """

    chosen = Signal(object, bool)

    def __init__(
        self,
        describe: Callable[[StoreUrl], Task],
        recent: list[str],
        folder: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """Make the dialog.

        Args:
            describe: Starts to look what is at an address; the task gives a `Description`.
            recent: Addresses of recent stores, without passwords, the latest first.
            folder: Where browsing for files starts.
            parent: Owning window.
        """
        super().__init__(parent)
        self.setObjectName("openStoreDialog")
        self.setWindowTitle("Open Store")
        self._describe = describe
        self._task: Task | None = None
        self._url: StoreUrl | None = None
        self._forms: list[AddressForm] = [
            ServerForm(kind, self) if kind.port else FileForm(kind, folder, self) for kind in KINDS
        ]
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_TYPING_PAUSE_MS)
        self._pause.timeout.connect(self._look)
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(_SLOW_AFTER_MS)
        self._slow.timeout.connect(self._explain)
        self._build(recent)
        self._on_fields_edited()

    @property
    def url(self) -> StoreUrl | None:
        """The address that was chosen, with its password, or None."""
        return self._url

    @property
    def read_only(self) -> bool:
        """Whether the store shall be opened for reading only."""
        return self._read_only.isChecked()

    def set_address(self, address: StoreUrl | str) -> None:
        """Fill the dialog with an address."""
        self.address.setText(str(address))
        if isinstance(address, StoreUrl):
            self._take(address)
        else:
            self._on_address_edited()
        self._hide_password()

    def _build(self, recent: list[str]) -> None:
        self.address = QLineEdit(self)
        self.address.setObjectName("addressEdit")
        self.address.setPlaceholderText("A path or a URL, such as sqlite:///home/me/campaign.db")
        self.address.setClearButtonEnabled(True)
        self.address.textEdited.connect(self._on_address_edited)
        self.address.editingFinished.connect(self._hide_password)
        address_label = QLabel("&Address:", self)
        address_label.setBuddy(self.address)
        self._read_only = QCheckBox("Open &read-only: nothing can be changed", self)
        self._read_only.setObjectName("readOnlyBox")
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel, self
        )
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        line = QFrame(self)
        line.setObjectName("separator")

        right = QVBoxLayout()
        right.setSpacing(3 * GRID)
        right.addWidget(self._make_stack())
        right.addStretch(1)
        right.addWidget(line)
        right.addWidget(address_label)
        right.addWidget(self.address)
        right.addLayout(self._make_preview())
        right.addWidget(self._read_only)
        row = QHBoxLayout()
        row.setSpacing(5 * GRID)
        row.addLayout(self._make_lists(recent))
        row.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(4 * GRID)
        column.addLayout(row, 1)
        column.addWidget(self._buttons)
        self.resize(820, 560)

    def _make_lists(self, recent: list[str]) -> QVBoxLayout:
        self.kinds = QListWidget(self)
        self.kinds.setObjectName("kindList")
        self.kinds.setAccessibleName("Kind of store")
        for kind in KINDS:
            self.kinds.addItem(QListWidgetItem(icon(kind.icon), kind.title))
        self.kinds.setCurrentRow(0)
        self.kinds.currentRowChanged.connect(self._on_kind_chosen)
        self.recent = QListWidget(self)
        self.recent.setObjectName("recentList")
        self.recent.setAccessibleName("Recent stores")
        for address in recent:
            item = QListWidgetItem(icon(icon_of(address)), title_of(address))
            item.setToolTip(plain(address))
            item.setData(Qt.ItemDataRole.UserRole, address)
            self.recent.addItem(item)
        self.recent.itemClicked.connect(self._on_recent_chosen)
        self.recent.itemActivated.connect(self._on_recent_chosen)
        self.recent.itemDoubleClicked.connect(lambda _: self._accept_when_possible())
        row_height = self.fontMetrics().height() + 3 * GRID
        for view in (self.kinds, self.recent):
            view.setFixedWidth(55 * GRID)
            view.setUniformItemSizes(True)
            view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
            for number in range(view.count()):
                view.item(number).setSizeHint(QSize(0, row_height))
        self.kinds.setFixedHeight(row_height * len(KINDS) + 2 * self.kinds.frameWidth())
        recent_label = QLabel("Recent stores", self)
        recent_label.setProperty("quiet", True)
        column = QVBoxLayout()
        column.setSpacing(2 * GRID)
        column.addWidget(self.kinds)
        column.addSpacing(GRID)
        column.addWidget(recent_label)
        column.addWidget(self.recent, 1)
        recent_label.setVisible(bool(recent))
        self.recent.setVisible(bool(recent))
        if not recent:
            column.addStretch(1)
        return column

    def _make_stack(self) -> QStackedWidget:
        self._stack = QStackedWidget(self)
        for form in self._forms:
            form.edited.connect(self._on_fields_edited)
            self._stack.addWidget(form)
        return self._stack

    def _make_preview(self) -> QHBoxLayout:
        self._preview_icon = QLabel(self)
        self._preview_icon.setFixedSize(4 * GRID, 4 * GRID)
        self.preview = QLabel(self)
        self.preview.setObjectName("previewLabel")
        self.preview.setWordWrap(True)
        self.preview.setTextFormat(Qt.TextFormat.PlainText)
        self.preview.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.preview.setMinimumHeight(self.fontMetrics().lineSpacing() * 3)
        self.preview.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._busy = QProgressBar(self)
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setFixedSize(20 * GRID, GRID)
        self._retry = QPushButton("&Try Again", self)
        self._retry.setAutoDefault(False)
        self._retry.clicked.connect(self._look)
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(self._preview_icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.preview, 1)
        row.addWidget(self._busy, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._retry, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _on_kind_chosen(self, row: int) -> None:
        self._stack.setCurrentIndex(row)
        self._on_fields_edited()

    def _on_recent_chosen(self, item: QListWidgetItem) -> None:
        self.set_address(item.data(Qt.ItemDataRole.UserRole))
        form = self._stack.currentWidget()
        if isinstance(form, ServerForm) and form.user.text():
            form.password.setFocus()

    def _on_fields_edited(self) -> None:
        form = self._stack.currentWidget()
        assert isinstance(form, AddressForm)
        self._url = form.url()
        self.address.setText(str(self._url) if self._url else "")
        self._look_soon()

    def _on_address_edited(self) -> None:
        text = self.address.text()
        if not text.strip():
            self._url = None
            self._look_soon()
            return
        try:
            url = StoreUrl.parse(text)
        except StoreError as error:
            self._url = None
            self._pause.stop()
            self._forget_task()
            self._say("error", "red", str(error))
            return
        self._take(url)

    def _take(self, url: StoreUrl) -> None:
        """Put an address into the fields, and the fields of its kind in front."""
        row = KINDS.index(kind_of(url))
        self.kinds.blockSignals(True)
        self.kinds.setCurrentRow(row)
        self.kinds.blockSignals(False)
        self._stack.setCurrentIndex(row)
        form = self._forms[row]
        form.set_url(url)
        if isinstance(form, ServerForm) and url.password == HIDDEN_PASSWORD:
            url = replace(url, password=form.password.text() or None)
        self._url = url
        self._look_soon()

    def _hide_password(self) -> None:
        if self._url is not None and self._url.password:
            self.address.setText(str(self._url))

    def _look_soon(self) -> None:
        self._forget_task()
        self._set_can_open(False)
        if self._url is None:
            self._pause.stop()
            self._say("info", "muted", "Choose a store, or write its address.")
            return
        self._say("search", "muted", "Looking…", busy=True)
        self._pause.start()

    def _look(self) -> None:
        self._forget_task()
        if self._url is None:
            return
        self._say("search", "muted", "Looking…", busy=True)
        self._task = self._describe(self._url).then(self._on_described, self._on_not_described)

        self._slow.start()

    def _explain(self) -> None:
        if self._task is not None:
            sentence = "Still looking: it is far away, or locked by a program that is writing."
            self._say("search", "muted", sentence, busy=True)

    def _on_described(self, description: Description) -> None:
        self._task = None
        if description.notices:
            self._say(
                "warning", "amber", " ".join((description.sentence + ".", *description.notices))
            )
        else:
            self._say("success", "green", description.sentence)
        self._set_can_open(True)

    def _on_not_described(self, error: BaseException) -> None:
        self._task = None
        if isinstance(error, PasswordError) and not error.was_given:
            self._say("info", "muted", f"{error.reason} It is asked for when you open the store.")
            self._set_can_open(True)
            return
        self._say("error", "red", str(error), can_retry=True)

    def _forget_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _say(
        self, icon_name: str, colour: str, text: str, *, busy: bool = False, can_retry: bool = False
    ) -> None:
        self._preview_icon.setPixmap(icon(icon_name, colour).pixmap(4 * GRID, 4 * GRID))
        self.preview.setText(text)
        palette = self.preview.palette()
        palette.setColor(
            self.preview.foregroundRole(),
            theme().colour(colour if colour in ("red", "muted") else "text"),
        )
        self.preview.setPalette(palette)
        self._busy.setVisible(busy)
        self._retry.setVisible(can_retry)

    def _set_can_open(self, possible: bool) -> None:
        self._buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(possible)

    def _accept_when_possible(self) -> None:
        if self._buttons.button(QDialogButtonBox.StandardButton.Open).isEnabled():
            self.accept()

    # Qt

    def done(self, result: int) -> None:
        self._pause.stop()
        self._slow.stop()
        self._forget_task()
        super().done(result)
        if result == QDialog.DialogCode.Accepted and self._url is not None:
            self.chosen.emit(self._url, self.read_only)
