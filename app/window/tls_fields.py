"""Fields for how the connection to a server is encrypted: mode and certificates."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from app.window.theme import GRID

__all__ = ["TlsFields"]

# What the options of an address mean: `persistence/sql_options.py`.
_MODES = (
    ("", "If the server can"),
    ("require", "Always"),
    ("verify-ca", "Always, and verify the certificate"),
    ("verify-full", "Always, and verify certificate and host"),
    ("disable", "Never"),
)
_FILES = (
    ("sslrootcert", "Root &certificate:", "Those that the driver knows"),
    ("sslcert", "C&lient certificate:", "None"),
    ("sslkey", "Client &key:", "None"),
)


class TlsFields(QObject):
    """Rows in a form of fields.

    Signals:
        edited: The user changed one.
    """

    edited = Signal()

    def __init__(self, form: QFormLayout, prefix: str, parent: QWidget) -> None:
        """Add the rows.

        Args:
            form: Where they go.
            prefix: What their object names begin with.
            parent: Owning widget.
        """
        super().__init__(parent)
        self._form = form
        self._window = parent
        self.mode = QComboBox(parent)
        self.mode.setObjectName(f"{prefix}Encryption")
        for mode, text in _MODES:
            self.mode.addItem(text, mode)
        self.mode.currentIndexChanged.connect(self._show_rows)
        self.mode.activated.connect(self.edited)
        form.addRow("&Encryption:", self.mode)
        self.files: dict[str, QLineEdit] = {}
        self._rows: dict[str, QHBoxLayout] = {}
        for key, label, placeholder in _FILES:
            self._add_file(key, label, placeholder, prefix)
        self._show_rows()

    def query(self, others: str) -> str:
        """Return the options of an address: some others, and what the fields say."""
        own = {"sslmode": self.mode.currentData()}
        if own["sslmode"] != "disable":
            own |= {key: line.text().strip() for key, line in self.files.items()}
        return urlencode(
            [*_split(others)[0], *((key, value) for key, value in own.items() if value)], safe="/:"
        )

    def take(self, query: str) -> str:
        """Fill the fields from the options of an address; return the other options."""
        others, own = _split(query)
        mode = own.get("sslmode", "")
        known = self.mode.findData(mode)
        if known < 0:  # "prefer", "allow": the address may say so, and keeps it
            self.mode.addItem(mode, mode)
            known = self.mode.count() - 1
        self.mode.setCurrentIndex(known)
        for key, line in self.files.items():
            line.setText(own.get(key, ""))
        self._show_rows()
        return urlencode(others, safe="/:")

    def _add_file(self, key: str, label: str, placeholder: str, prefix: str) -> None:
        line = QLineEdit(self._window)
        line.setObjectName(f"{prefix}{key}")
        line.setPlaceholderText(placeholder)
        line.textEdited.connect(self.edited)
        browse = QPushButton("…", self._window)
        browse.setAutoDefault(False)
        browse.setFixedWidth(10 * GRID)
        browse.setAccessibleName(f"Browse: {label.replace('&', '')}")
        browse.clicked.connect(lambda: self._browse(line, label))
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(line, 1)
        row.addWidget(browse)
        self._form.addRow(label, row)
        title = self._form.labelForField(row)
        if isinstance(title, QLabel):
            title.setBuddy(line)
        self.files[key] = line
        self._rows[key] = row

    def _show_rows(self) -> None:
        """Show the rows of files where there is a choice: most servers need none."""
        is_chosen = self.mode.currentData() not in ("", "disable")
        for key, row in self._rows.items():
            self._form.setRowVisible(row, is_chosen or bool(self.files[key].text()))

    def _browse(self, line: QLineEdit, label: str) -> None:
        title = label.replace("&", "").rstrip(":")
        chosen, _ = QFileDialog.getOpenFileName(
            self._window,
            title,
            line.text(),
            "Certificates and keys (*.pem *.crt *.cer *.key);;All files (*)",
        )
        if chosen:
            line.setText(chosen)
            self.edited.emit()


def _split(query: str) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return the options that the fields do not show, and those that they do."""
    keys = {"sslmode", *(key for key, *_ in _FILES)}
    pairs = parse_qsl(query, keep_blank_values=True)
    return [pair for pair in pairs if pair[0] not in keys], {
        key: value for key, value in pairs if key in keys
    }
