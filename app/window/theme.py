"""Colours, fonts and the few style rules of the window, derived from the system's palette."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app.resource_files import resource

__all__ = ["GRID", "HUES", "Theme", "apply_appearance", "contrast", "monospace", "theme"]

GRID = 4
"""All distances are multiples of this, in device-independent pixels."""

_LIGHT = {
    QPalette.ColorRole.Window: "#f4f5f7",
    QPalette.ColorRole.WindowText: "#1c2128",
    QPalette.ColorRole.Base: "#ffffff",
    QPalette.ColorRole.AlternateBase: "#f8f9fb",
    QPalette.ColorRole.Text: "#1c2128",
    QPalette.ColorRole.Button: "#fbfbfc",
    QPalette.ColorRole.ButtonText: "#2b313a",
    QPalette.ColorRole.BrightText: "#ffffff",
    QPalette.ColorRole.Highlight: "#2f6bd8",
    QPalette.ColorRole.Accent: "#2f6bd8",
    QPalette.ColorRole.HighlightedText: "#ffffff",
    QPalette.ColorRole.Link: "#1f5fcf",
    QPalette.ColorRole.LinkVisited: "#6b4fc4",
    QPalette.ColorRole.ToolTipBase: "#22272e",
    QPalette.ColorRole.ToolTipText: "#f4f5f7",
    QPalette.ColorRole.PlaceholderText: "#6b7380",
    QPalette.ColorRole.Light: "#ffffff",
    QPalette.ColorRole.Midlight: "#eceef1",
    QPalette.ColorRole.Mid: "#c4c9d1",
    QPalette.ColorRole.Dark: "#a3aab5",
    QPalette.ColorRole.Shadow: "#6a717c",
}
_DARK = {
    QPalette.ColorRole.Window: "#1f2228",
    QPalette.ColorRole.WindowText: "#e4e7ec",
    QPalette.ColorRole.Base: "#17191e",
    QPalette.ColorRole.AlternateBase: "#1b1e23",
    QPalette.ColorRole.Text: "#e4e7ec",
    QPalette.ColorRole.Button: "#2b2f37",
    QPalette.ColorRole.ButtonText: "#d9dde4",
    QPalette.ColorRole.BrightText: "#ffffff",
    QPalette.ColorRole.Highlight: "#3d7bea",
    QPalette.ColorRole.Accent: "#5b93f5",
    QPalette.ColorRole.HighlightedText: "#ffffff",
    QPalette.ColorRole.Link: "#7fabff",
    QPalette.ColorRole.LinkVisited: "#b39dff",
    QPalette.ColorRole.ToolTipBase: "#353a44",
    QPalette.ColorRole.ToolTipText: "#e4e7ec",
    QPalette.ColorRole.PlaceholderText: "#858d9a",
    QPalette.ColorRole.Light: "#3a3f49",
    QPalette.ColorRole.Midlight: "#2f343c",
    QPalette.ColorRole.Mid: "#3b414b",
    QPalette.ColorRole.Dark: "#121418",
    QPalette.ColorRole.Shadow: "#0a0b0d",
}
_DISABLED = (
    QPalette.ColorRole.WindowText,
    QPalette.ColorRole.Text,
    QPalette.ColorRole.ButtonText,
)

# Each has a contrast of 4.5 or more on every ground that rows have (WCAG 2.1, 1.4.3).
_HUES_ON_LIGHT = {
    "grey": "#5a626e",
    "blue": "#1a58bd",
    "green": "#13703a",
    "red": "#b92132",
    "amber": "#8c5000",
    "violet": "#6c3fc0",
    "teal": "#086b70",
}
_HUES_ON_DARK = {
    "grey": "#a6aebb",
    "blue": "#7eadff",
    "green": "#58c983",
    "red": "#ff858c",
    "amber": "#eeb04e",
    "violet": "#bb9cff",
    "teal": "#54c8cd",
}
HUES = tuple(_HUES_ON_LIGHT)
"""The names of the colours that states and marks have."""


@dataclass(frozen=True)
class Theme:
    """The colours of the window for one palette.

    Attributes:
        is_dark: Whether text is light on dark.
        window, base, text, accent: As the palette has them.
        on_accent: For text on the accent.
        muted: For secondary text.
        line: For lines between areas.
        hover: Behind what the mouse is over.
        selection, selection_inactive: Behind selected rows; text keeps its colour there.
        changed: Behind rows that another program has just changed.
    """

    is_dark: bool
    window: QColor
    base: QColor
    text: QColor
    accent: QColor
    on_accent: QColor
    muted: QColor
    line: QColor
    hover: QColor
    selection: QColor
    selection_inactive: QColor
    changed: QColor

    def colour(self, name: str) -> QColor:
        """Return a colour by its name.

        Args:
            name: One of the hues, "accent", "on_accent", "muted" or "text".
        """
        if name in ("accent", "on_accent", "muted", "text"):
            return QColor(getattr(self, name))
        hues = _HUES_ON_DARK if self.is_dark else _HUES_ON_LIGHT
        return QColor(hues.get(name, hues["grey"]))

    def tint(self, name: str, strength: float = 0.12) -> QColor:
        """Return a colour mixed into the background, for a surface."""
        return _mix(self.window, self.colour(name), strength)


def theme() -> Theme:
    """Return the colours that go with the application's palette now."""
    palette = QGuiApplication.palette()
    return _theme(
        *(
            palette.color(role).rgba()
            for role in (
                QPalette.ColorRole.Window,
                QPalette.ColorRole.Base,
                QPalette.ColorRole.Text,
                QPalette.ColorRole.Accent,
            )
        )
    )


def monospace(scale: float = 1.0) -> QFont:
    """Return the system's font of fixed width, as large as the application's."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(QGuiApplication.font().pointSizeF() * scale)
    return font


def apply_appearance(application: QApplication, appearance: str, text_size: int) -> None:
    """Set palette, fonts and style rules of the whole application.

    Args:
        application: The application, in Fusion style.
        appearance: "system", "light" or "dark".
        text_size: In percent of the system's size.
    """
    hints = application.styleHints()
    scheme = {
        "light": Qt.ColorScheme.Light,
        "dark": Qt.ColorScheme.Dark,
    }.get(appearance, Qt.ColorScheme.Unknown)
    hints.setColorScheme(scheme)
    dark = appearance == "dark" or (
        appearance == "system" and hints.colorScheme() == Qt.ColorScheme.Dark
    )
    application.setPalette(QPalette())  # back to the system's, to look at it
    if appearance != "system" or _system_has_no_palette(application):
        application.setPalette(_own_palette(_DARK if dark else _LIGHT))
    _scale_text(application, text_size)
    application.setStyleSheet(_style_sheet(theme()))


def _system_has_no_palette(application: QApplication) -> bool:
    """Return whether the desktop leaves all colours to the style."""
    style, current = application.style().standardPalette(), application.palette()
    return all(
        style.color(role) == current.color(role)
        for role in (QPalette.ColorRole.Window, QPalette.ColorRole.Base, QPalette.ColorRole.Text)
    )


def _own_palette(colours: dict[QPalette.ColorRole, str]) -> QPalette:
    palette = QPalette()
    for role, name in colours.items():
        palette.setColor(role, QColor(name))
    text, window = (
        QColor(colours[QPalette.ColorRole.Text]),
        QColor(colours[QPalette.ColorRole.Window]),
    )
    for role in _DISABLED:
        palette.setColor(QPalette.ColorGroup.Disabled, role, _mix(window, text, 0.38))
    palette.setColor(
        QPalette.ColorGroup.Disabled, QPalette.ColorRole.Highlight, _mix(window, text, 0.2)
    )
    return palette


@lru_cache(maxsize=1)
def _system_points() -> float:
    return QGuiApplication.font().pointSizeF()


def _scale_text(application: QApplication, percent: int) -> None:
    font = application.font()
    font.setPointSizeF(_system_points() * percent / 100)
    if font != application.font():
        application.setFont(font)


@lru_cache(maxsize=8)
def _theme(window: int, base: int, text: int, accent: int) -> Theme:
    window_, base_, text_, accent_ = (
        QColor.fromRgba(value) for value in (window, base, text, accent)
    )
    dark = base_.lightness() < text_.lightness()
    hues = _HUES_ON_DARK if dark else _HUES_ON_LIGHT
    return Theme(
        is_dark=dark,
        window=window_,
        base=base_,
        text=text_,
        accent=accent_,
        on_accent=max(
            (QColor("#ffffff"), QColor("#101318")), key=lambda ink: contrast(ink, accent_)
        ),
        muted=_mix(window_, text_, 0.7),
        line=_mix(window_, text_, 0.14),
        hover=_mix(window_, text_, 0.07),
        selection=_mix(base_, accent_, 0.26 if dark else 0.14),
        selection_inactive=_mix(base_, text_, 0.13 if dark else 0.08),
        changed=_mix(base_, QColor(hues["amber"]), 0.18 if dark else 0.14),
    )


def contrast(ink: QColor, ground: QColor) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.1, "contrast ratio")."""
    dark, light = sorted(_luminance(colour) for colour in (ink, ground))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: QColor) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mix(ground: QColor, colour: QColor, share: float) -> QColor:
    return QColor.fromRgbF(
        ground.redF() + (colour.redF() - ground.redF()) * share,
        ground.greenF() + (colour.greenF() - ground.greenF()) * share,
        ground.blueF() + (colour.blueF() - ground.blueF()) * share,
    )


def _style_sheet(colours: Theme) -> str:
    """Return what Fusion's palette cannot say: flat bars, thin lines, quiet headers.

    Items of views are left to Fusion and the delegates: rules on them make painting slow.
    """
    names = {
        "window": colours.window.name(),
        "base": colours.base.name(),
        "text": colours.text.name(),
        "muted": colours.muted.name(),
        "accent": colours.accent.name(),
        "line": colours.line.name(),
        "hover": colours.hover.name(),
        "pressed": _mix(colours.window, colours.text, 0.13).name(),
        "icons": resource("icons").as_posix(),
        "red": colours.colour("red").name(),
        "amber": colours.colour("amber").name(),
        "edge": _mix(colours.window, colours.text, 0.22).name(),
        "alternate": _mix(colours.base, colours.text, 0.025).name(),
        "selection": colours.selection.name(),
        "inactive": colours.selection_inactive.name(),
        "handle": _mix(colours.base, colours.text, 0.28).name(),
        "button": _mix(colours.window, QColor("#ffffff"), 0.06 if colours.is_dark else 0.7).name(),
        "raised": _mix(colours.window, QColor("#ffffff"), 0.1 if colours.is_dark else 1.0).name(),
        "disabled": _mix(colours.window, colours.text, 0.38).name(),
        "on_accent": colours.on_accent.name(),
    }
    return (
        _RULES.replace("{", "{{")
        .replace("}", "}}")
        .replace("<<", "{")
        .replace(">>", "}")
        .format(**names)
    )


_RULES = """
QMainWindow::separator { background: <<line>>; width: 1px; height: 1px; }
QToolBar { border: 0; border-bottom: 1px solid <<line>>; padding: 4px 8px; spacing: 4px; }
QToolBar::separator { background: <<line>>; width: 1px; margin: 4px; }
QToolButton { border: 1px solid transparent; border-radius: 6px; padding: 4px; }
QToolButton:hover { background: <<hover>>; }
QToolButton:pressed { background: <<pressed>>; }
QToolButton:checked { background: <<hover>>; border-color: <<line>>; }
QToolButton:focus { border-color: <<accent>>; }
QToolButton::menu-indicator { image: none; }
QPushButton {
    background: <<button>>; border: 1px solid <<edge>>; border-radius: 6px; padding: 4px 12px;
    min-height: 18px;
}
QPushButton:hover { background: <<raised>>; }
QPushButton:pressed { background: <<pressed>>; }
QPushButton:focus { border-color: <<accent>>; }
QPushButton:default { background: <<accent>>; border-color: <<accent>>; color: <<on_accent>>; }
QPushButton:default:hover, QPushButton:default:focus { border-color: <<text>>; }
QPushButton:disabled {
    background: transparent; border-color: <<line>>; color: <<disabled>>;
}
QPushButton[flat="true"] {
    background: transparent; border-color: transparent; color: <<accent>>; padding: 0 8px;
}
QPushButton[flat="true"]:disabled { color: <<disabled>>; }
QPushButton[flat="true"]:hover { background: <<hover>>; }
QPushButton[flat="true"]:focus { border-color: <<accent>>; }
QLineEdit, QComboBox {
    border: 1px solid <<edge>>; border-radius: 5px; padding: 3px 6px; background: <<base>>;
    color: <<text>>; selection-background-color: <<accent>>;
    selection-color: <<on_accent>>; min-height: 18px;
}
QLineEdit:focus, QComboBox:focus { border-color: <<accent>>; }
QLineEdit:disabled, QComboBox:disabled { color: <<disabled>>; border-color: <<line>>; }
QComboBox::drop-down { border: 0; width: 20px; }
QComboBox::down-arrow { image: url("<<icons>>/chevron-grey.svg"); width: 14px; height: 14px; }
QCheckBox { spacing: 8px; }
QCheckBox::indicator {
    width: 14px; height: 14px; border: 1px solid <<edge>>; border-radius: 4px;
    background: <<base>>;
}
QCheckBox::indicator:focus { border-color: <<accent>>; }
QCheckBox::indicator:checked {
    background: <<accent>>; border-color: <<accent>>; image: url("<<icons>>/check-white.svg");
}
QLineEdit[broken="true"], QPlainTextEdit[broken="true"] { border-color: <<red>>; }
QRadioButton { spacing: 8px; }
QRadioButton::indicator {
    width: 12px; height: 12px; border: 1px solid <<edge>>; border-radius: 7px;
    background: <<base>>;
}
QRadioButton::indicator:focus { border-color: <<accent>>; }
QRadioButton::indicator:checked {
    width: 6px; height: 6px; border: 4px solid <<accent>>; background: <<on_accent>>;
}
QFrame#valueEditor { background: <<base>>; border: 1px solid <<accent>>; border-radius: 4px; }
QFrame#valueEditor[broken="true"] { border-color: <<red>>; }
QFrame#valueEditor QLineEdit, QFrame#valueEditor QComboBox {
    border: 0; border-radius: 0; padding: 0 2px; min-height: 0; background: transparent;
}
QFrame#valueEditor QToolButton { border-radius: 3px; padding: 0 6px; color: <<muted>>; }
QFrame#valueEditor QToolButton[changed="true"] { color: <<amber>>; }
QLabel#valueHint {
    background: <<raised>>; color: <<text>>; border: 1px solid <<edge>>; border-radius: 4px;
    padding: 4px 8px;
}
QLabel#valueHint[broken="true"] { border-color: <<red>>; color: <<red>>; }
QFrame#separator { background: <<line>>; border: 0; max-height: 1px; min-height: 1px; }
QMenuBar { border-bottom: 1px solid <<line>>; }
QStatusBar { border-top: 1px solid <<line>>; padding: 2px 8px; }
QStatusBar::item { border: 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QSplitter::handle { background: <<line>>; }
QSplitter::handle:hover { background: <<accent>>; }
QHeaderView { background: <<window>>; border: 0; }
QHeaderView::section {
    background: <<window>>; color: <<muted>>; border: 0; padding: 5px 4px;
    border-bottom: 1px solid <<line>>; border-right: 1px solid <<line>>;
}
QHeaderView::section:hover { color: <<text>>; }
QTableView, QTreeView, QListView {
    border: 0; background: <<base>>; alternate-background-color: <<alternate>>; color: <<text>>;
    selection-background-color: <<inactive>>; selection-color: <<text>>;
}
QTableView:active, QTreeView:active, QListView:active {
    selection-background-color: <<selection>>;
}
QFrame#framed { border: 1px solid <<line>>; border-radius: 6px; background: <<base>>; }
QDialog QTableView, QDialog QListView, QDialog QPlainTextEdit {
    border: 1px solid <<edge>>; border-radius: 4px;
}
QScrollBar { background: transparent; border: 0; margin: 0; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle {
    background: <<handle>>; border: 3px solid transparent; border-radius: 6px;
    background-clip: padding;
}
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: <<muted>>; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: <<base>>; border: 0; }
QTabWidget::pane { border: 0; border-top: 1px solid <<line>>; }
QTabBar { background: <<window>>; }
QTabBar::tab {
    background: transparent; color: <<muted>>; border: 0; padding: 8px 12px 6px 12px;
    border-bottom: 2px solid transparent;
}
QTabBar::tab:hover { color: <<text>>; }
QTabBar::tab:selected { color: <<text>>; border-bottom: 2px solid <<accent>>; }
QTabBar::tab:focus { color: <<accent>>; }
QLineEdit#filterEdit {
    border: 1px solid <<edge>>; border-radius: 6px; padding: 4px 6px; background: <<base>>;
}
QLineEdit#filterEdit:focus { border-color: <<accent>>; }
QLineEdit#filterEdit[broken="true"], QLineEdit#findEdit[broken="true"],
QLineEdit#detailsFind[broken="true"] { border-color: <<red>>; }
QPlainTextEdit#detailsText { border: 0; }
QLabel[quiet="true"], QToolButton[quiet="true"] { color: <<muted>>; }
"""
