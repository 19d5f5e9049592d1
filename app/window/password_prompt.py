"""Asks for the password of a database server, and has the keyring of the system keep it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.window.theme import GRID
from app.work.session import StoreSession
from persistence import passwords
from persistence.errors import PasswordError
from persistence.urls import StoreUrl

__all__ = ["PasswordDialog", "PasswordPrompt"]


class PasswordDialog(QDialog):
    """One field for a password.

    Signals:
        entered: The password, and whether the keyring shall keep it.
    """

    entered = Signal(str, bool)

    def __init__(self, error: PasswordError, url: StoreUrl, parent: QWidget | None = None) -> None:
        """Make the dialog.

        Args:
            error: Why there must be one.
            url: Where it is for.
            parent: Owning window.
        """
        super().__init__(parent)
        self.setObjectName("passwordDialog")
        self.setWindowTitle("Password")
        sentence = QLabel(error.reason, self)
        sentence.setObjectName("passwordSentence")
        sentence.setTextFormat(Qt.TextFormat.PlainText)
        sentence.setWordWrap(True)
        sentence.setMinimumWidth(90 * GRID)
        self.password = QLineEdit(self)
        self.password.setObjectName("passwordEdit")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self._remember = QCheckBox("&Remember it in the keyring of this system", self)
        self._remember.setObjectName("rememberBox")
        self._remember.setVisible(error.can_be_kept)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setText("&Open")
        self._ok.setEnabled(False)
        self.password.textChanged.connect(lambda text: self._ok.setEnabled(bool(text)))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.setHorizontalSpacing(3 * GRID)
        form.addRow(f"&Password of {url.user or 'this user'}:", self.password)
        column = QVBoxLayout(self)
        column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        column.setSpacing(4 * GRID)
        column.addWidget(sentence)
        column.addLayout(form)
        column.addWidget(self._remember)
        column.addWidget(buttons)
        self.password.setFocus()

    # Qt

    def done(self, result: int) -> None:
        text, remember = self.password.text(), self._remember.isChecked()
        self.password.clear()
        super().done(result)
        if result == QDialog.DialogCode.Accepted and text:
            self.entered.emit(text, remember)


class PasswordPrompt(QObject):
    """Asks when a server wants a password; keeps one that proved right, if the user wishes.

    Signals:
        entered: The address to open, a `StoreUrl` with its password.
        failed: The exception that says why a password was not kept.
    """

    entered = Signal(object)
    failed = Signal(object)

    def __init__(self, session: StoreSession, window: QWidget) -> None:
        """Make it.

        Args:
            session: What opens the store.
            window: Owning window.
        """
        super().__init__(window)
        self._session = session
        self._window = window
        self._to_keep: StoreUrl | None = None
        session.opened.connect(self._on_opened)
        session.open_failed.connect(self._forget)

    def ask(self, error: PasswordError, url: StoreUrl) -> None:
        """Ask for the password of an address."""
        dialog = PasswordDialog(error, url, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.entered.connect(lambda text, keep: self._on_entered(url, text, keep=keep))
        dialog.open()

    def _on_entered(self, url: StoreUrl, password: str, *, keep: bool) -> None:
        url = replace(url, password=password)
        self._to_keep = url if keep else None
        self.entered.emit(url)

    def _on_opened(self) -> None:
        url = self._to_keep
        self._forget()
        if url is not None and url.password:
            password = url.password
            # On the lane of the store: the system may ask the user to unlock the keyring.
            self._session.call(lambda _: passwords.keep(url, password)).failed.connect(self.failed)

    def _forget(self) -> None:
        self._to_keep = None
