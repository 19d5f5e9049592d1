"""Line icons, drawn from SVG in the colour that the palette has at the moment of painting."""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.resource_files import resource
from app.window.theme import theme

__all__ = ["application_icon", "icon", "pixmap"]


def icon(name: str, colour: str = "") -> QIcon:
    """Return an icon that follows the palette.

    Args:
        name: Of a file in `resources/icons`, without its suffix.
        colour: Name of a colour of the theme; by default that of text on buttons.
    """
    return QIcon(_Engine(name, colour))


def pixmap(name: str, size: int, ratio: float, colour: QColor) -> QPixmap:
    """Return an icon as pixels.

    Args:
        name: Of a file in `resources/icons`, without its suffix.
        size: Width and height, in device-independent pixels.
        ratio: Device pixels for each of them.
        colour: Of all its lines.
    """
    return _drawn(name, size, ratio, colour.name(QColor.NameFormat.HexArgb))


def application_icon() -> QIcon:
    """Return the icon of the application, in its own colours."""
    return QIcon(str(resource("icons/jobshelf.svg")))


@cache
def _source(name: str) -> str:
    return resource(f"icons/{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=512)
def _drawn(name: str, size: int, ratio: float, colour: str) -> QPixmap:
    drawn = QPixmap(QSize(size, size) * ratio)
    drawn.setDevicePixelRatio(ratio)
    drawn.fill(Qt.GlobalColor.transparent)
    opaque = QColor(colour)
    text = _source(name).replace("currentColor", opaque.name())
    painter = QPainter(drawn)
    painter.setOpacity(opaque.alphaF())
    QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return drawn


class _Engine(QIconEngine):
    """Draws one SVG file in a colour of the current palette."""

    def __init__(self, name: str, colour: str) -> None:
        super().__init__()
        self._name = name
        self._colour = colour
        _source(name)  # a missing file is noticed here, not while painting

    # Qt

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        size = min(rect.width(), rect.height())
        left = rect.x() + (rect.width() - size) // 2
        top = rect.y() + (rect.height() - size) // 2
        ratio = painter.device().devicePixelRatio()
        painter.drawPixmap(QPoint(left, top), self._pixmap(size, ratio, mode))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self._pixmap(min(size.width(), size.height()), 1.0, mode)

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        return self._pixmap(round(min(size.width(), size.height()) / scale), scale, mode)

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._colour)

    def _pixmap(self, size: int, ratio: float, mode: QIcon.Mode) -> QPixmap:
        palette = QGuiApplication.palette()
        if mode == QIcon.Mode.Disabled:
            colour = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.ButtonText)
        elif self._colour:
            colour = theme().colour(self._colour)
        else:
            colour = palette.color(QPalette.ColorRole.ButtonText)
        return pixmap(self._name, max(size, 1), ratio, colour)
