"""Fields for the parts of a store's address: one form for files, one for servers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PySide6.QtCore import Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from app.window.theme import GRID
from app.window.tls_fields import TlsFields
from persistence.archive import SUFFIX
from persistence.urls import StoreUrl

__all__ = ["KINDS", "AddressForm", "FileForm", "Kind", "ServerForm", "kind_of"]

HIDDEN_PASSWORD = "***"  # noqa: S105 -- stands for one
"""What `str(StoreUrl)` shows in place of a password."""

_STORES = (
    "Stores (*.db *.sqlite *.sqlite3 *.db3 *.jobshelf);;"
    "Archives (*.jobshelf);;SQLite databases (*.db *.sqlite *.sqlite3 *.db3);;All files (*)"
)
_DATABASES = "SQLite databases (*.db *.sqlite *.sqlite3 *.db3);;All files (*)"
_FILE_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3", ".db3", SUFFIX})


@dataclass(frozen=True)
class Kind:
    """A kind of store that the dialog offers.

    Attributes:
        scheme: Of its addresses.
        title: As in the list.
        icon: Name of its icon.
        port: Where its servers listen by default; 0 for files.
    """

    scheme: str
    title: str
    icon: str
    port: int = 0


KINDS = (
    Kind("sqlite", "SQLite file or archive", "database"),
    Kind("file", "Folder or session", "folder"),
    Kind("postgresql", "PostgreSQL", "server", 5432),
    Kind("mysql", "MySQL or MariaDB", "server", 3306),
)


def kind_of(url: StoreUrl) -> Kind:
    """Return the kind of store that an address most likely names, without looking there."""
    scheme = {"mariadb": "mysql", "postgres": "postgresql"}.get(url.base_scheme, url.base_scheme)
    if scheme == "file" and (url.table or Path(url.path).suffix.lower() in _FILE_SUFFIXES):
        scheme = "sqlite"
    return next((kind for kind in KINDS if kind.scheme == scheme), KINDS[1])


class AddressForm(QWidget):
    """The fields of one kind of address.

    Signals:
        edited: The user changed a field.
    """

    edited = Signal()

    def url(self) -> StoreUrl | None:
        """Return the address that the fields say, or None while they say none."""
        raise NotImplementedError

    def set_url(self, url: StoreUrl) -> None:
        """Fill the fields."""
        raise NotImplementedError


class FileForm(AddressForm):
    """A path, with a browser for it; for a SQLite file also the table."""

    def __init__(
        self, kind: Kind, folder: str, parent: QWidget | None = None, *, may_be_new: bool = False
    ) -> None:
        """Make the fields.

        Args:
            kind: SQLite file or folder.
            folder: Where browsing starts.
            parent: Owning widget.
            may_be_new: Whether a file can be named that is not there yet.
        """
        super().__init__(parent)
        self._kind = kind
        self._may_be_new = may_be_new
        self._folder = folder
        self.path = QLineEdit(self)
        self.path.setObjectName(f"{kind.scheme}Path")
        self.path.setClearButtonEnabled(True)
        self.path.textEdited.connect(self.edited)
        browse = QPushButton("&Browse…", self)
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(self.path, 1)
        row.addWidget(browse)
        form = _form(self)
        is_folder = kind.scheme == "file"
        form.addRow("&Folder:" if is_folder else "&File:", row)
        _name_row(form, row, self.path)
        self.table = QLineEdit(self)
        self.table.setObjectName(f"{kind.scheme}Table")
        self.table.setPlaceholderText("store")
        self.table.textEdited.connect(self.edited)
        if is_folder:
            self.table.hide()
        else:
            form.addRow("&Table:", self.table)

    def url(self) -> StoreUrl | None:
        path = self.path.text().strip()
        if not path:
            return None
        # A path in a field is a path: no escapes, and a colon in it names no scheme.
        path = os.path.abspath(os.path.expanduser(path))
        is_archive = Path(path).suffix.lower() == SUFFIX and not self._may_be_new
        scheme = "file" if is_archive else self._kind.scheme
        return StoreUrl(scheme, path, fragment=_fragment(self.table.text().strip()))

    def set_url(self, url: StoreUrl) -> None:
        self.path.setText(url.path)
        self.table.setText(url.table or "")

    def _browse(self) -> None:
        start = self.path.text() or self._folder
        if self._kind.scheme == "file":
            chosen = QFileDialog.getExistingDirectory(self, "Choose a Folder of Jobs", start)
        elif self._may_be_new:
            chosen, _ = QFileDialog.getSaveFileName(
                self,
                "Choose a SQLite File",
                start,
                _DATABASES,
                options=QFileDialog.Option.DontConfirmOverwrite,  # nothing is overwritten
            )
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, "Choose a File", start, _STORES)
        if chosen:
            self.path.setText(str(Path(chosen)))
            self.edited.emit()


class ServerForm(AddressForm):
    """Host, port, database, account, table and encryption."""

    def __init__(self, kind: Kind, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind = kind
        self._scheme = kind.scheme
        self._query = ""
        self.host = self._line("Host", "localhost")
        self.port = self._line("Port", str(kind.port))
        self.port.setValidator(QIntValidator(1, 65535, self.port))
        self.port.setFixedWidth(24 * GRID)
        self.database = self._line("Database", "")
        self.user = self._line("User", "")
        self.password = self._line("Password", "From the environment or the keyring, or asked for")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.table = self._line("Table", "store")
        place = QHBoxLayout()
        place.setSpacing(2 * GRID)
        place.addWidget(self.host, 1)
        place.addWidget(self.port)
        form = _form(self)
        form.addRow("&Host and port:", place)
        _name_row(form, place, self.host)
        form.addRow("&Database:", self.database)
        form.addRow("&User:", self.user)
        form.addRow("&Password:", self.password)
        form.addRow("&Table:", self.table)
        self.tls = TlsFields(form, kind.scheme, self)
        self.tls.edited.connect(self.edited)

    def url(self) -> StoreUrl | None:
        database = self.database.text().strip()
        if not database:
            return None
        port = self.port.text()
        return StoreUrl(
            self._scheme,
            database,
            user=self.user.text().strip() or None,
            password=self.password.text() or None,
            host=self.host.text().strip() or "localhost",
            port=int(port) if port and int(port) != self._kind.port else None,
            query=self.tls.query(self._query),
            fragment=_fragment(self.table.text().strip()),
        )

    def set_url(self, url: StoreUrl) -> None:
        self._scheme = url.scheme  # keeps the driver that an address names
        self._query = self.tls.take(url.query)
        self.host.setText(url.host or "")
        self.port.setText(str(url.port or ""))
        self.database.setText(url.path)
        self.user.setText(url.user or "")
        if url.password != HIDDEN_PASSWORD:
            self.password.setText(url.password or "")
        self.table.setText(url.table or "")

    def _line(self, name: str, placeholder: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName(f"{self._kind.scheme}{name}")
        line.setPlaceholderText(placeholder)
        line.textEdited.connect(self.edited)
        return line


def _form(parent: QWidget) -> QFormLayout:
    form = QFormLayout(parent)
    form.setContentsMargins(0, 0, 0, 0)
    form.setHorizontalSpacing(3 * GRID)
    form.setVerticalSpacing(2 * GRID)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    return form


def _name_row(form: QFormLayout, row: QHBoxLayout, field: QWidget) -> None:
    """Make the label of a row of several widgets lead to the first of them."""
    label = form.labelForField(row)
    if isinstance(label, QLabel):
        label.setBuddy(field)


def _fragment(table: str) -> str:
    return f"table={quote(table, safe='')}" if table else ""
