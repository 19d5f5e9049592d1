"""The shapes of states, risks and changes: marks that differ in form; colour is never all."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

__all__ = ["SHAPES", "draw_shape"]

_UNIT = 12.0  # the drawings below stand in a square of this size
_LINE = 1.7


def draw_shape(painter: QPainter, name: str, rect: QRectF, colour: QColor) -> None:
    """Draw the mark of a state, a risk or a change.

    Args:
        painter: Where.
        name: One of `SHAPES`; any other draws the circle with a dot.
        rect: The square it fills.
        colour: Of all its lines and surfaces.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    painter.scale(rect.width() / _UNIT, rect.height() / _UNIT)
    pen = QPen(colour, _LINE)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _DRAWINGS.get(name, _target)(painter, colour)
    painter.restore()


def _disc(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(6, 6), 4.0, 4.0)


def _ring(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QPointF(6, 6), 4.0, 4.0)


def _half(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QPointF(6, 6), 4.0, 4.0)
    painter.setBrush(colour)
    painter.drawPie(QRectF(2, 2, 8, 8), -90 * 16, 180 * 16)


def _target(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QPointF(6, 6), 4.3, 4.3)
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(6, 6), 0.8, 0.8)


def _check(painter: QPainter, colour: QColor) -> None:
    painter.drawPolyline(QPolygonF([QPointF(1.8, 6.6), QPointF(4.7, 9.4), QPointF(10.2, 3.0)]))


def _cross(painter: QPainter, colour: QColor) -> None:
    painter.drawLine(QLineF(2.6, 2.6, 9.4, 9.4))
    painter.drawLine(QLineF(9.4, 2.6, 2.6, 9.4))


def _square(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    painter.drawRect(QRectF(2.6, 2.6, 6.8, 6.8))


def _diamond(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    painter.drawPolygon(
        QPolygonF([QPointF(6, 1.6), QPointF(10.4, 6), QPointF(6, 10.4), QPointF(1.6, 6)])
    )


def _triangle(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(3.2, 2), QPointF(10, 6), QPointF(3.2, 10)]))


def _warning(painter: QPainter, colour: QColor) -> None:
    painter.drawPolygon(QPolygonF([QPointF(6, 1.6), QPointF(11, 10.2), QPointF(1, 10.2)]))
    painter.drawLine(QLineF(6, 5, 6, 7))


def _bars(painter: QPainter, colour: QColor) -> None:
    painter.drawLine(QLineF(4, 2.6, 4, 9.4))
    painter.drawLine(QLineF(8, 2.6, 8, 9.4))


def _dots(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for x in (2.0, 6.0, 10.0):
        painter.drawEllipse(QPointF(x, 6), 1.4, 1.4)


def _arrow_up(painter: QPainter, colour: QColor) -> None:
    painter.drawLine(QLineF(6, 10, 6, 2.4))
    painter.drawPolyline(QPolygonF([QPointF(2.8, 5.6), QPointF(6, 2.4), QPointF(9.2, 5.6)]))


def _dash(painter: QPainter, colour: QColor) -> None:
    painter.drawLine(QLineF(2.4, 6, 9.6, 6))


def _stop(painter: QPainter, colour: QColor) -> None:
    corners = ((4, 1.2), (8, 1.2), (10.8, 4), (10.8, 8), (8, 10.8), (4, 10.8), (1.2, 8), (1.2, 4))
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.drawLine(QLineF(4.4, 4.4, 7.6, 7.6))
    painter.drawLine(QLineF(7.6, 4.4, 4.4, 7.6))


def _plus(painter: QPainter, colour: QColor) -> None:
    painter.drawLine(QLineF(6, 2.2, 6, 9.8))
    painter.drawLine(QLineF(2.2, 6, 9.8, 6))


def _minus(painter: QPainter, colour: QColor) -> None:
    painter.drawLine(QLineF(2.2, 6, 9.8, 6))


def _tilde(painter: QPainter, colour: QColor) -> None:
    wave = QPainterPath(QPointF(1.6, 7.2))
    wave.cubicTo(QPointF(3.4, 3.2), QPointF(5, 4.6), QPointF(6, 6))
    wave.cubicTo(QPointF(7, 7.4), QPointF(8.6, 8.8), QPointF(10.4, 4.8))
    painter.drawPath(wave)


def _moved(painter: QPainter, colour: QColor) -> None:
    bow = QPainterPath(QPointF(1.8, 8.6))
    bow.cubicTo(QPointF(1.8, 2), QPointF(9.2, 1.4), QPointF(9.2, 7.6))
    painter.drawPath(bow)
    painter.drawPolyline(QPolygonF([QPointF(6.8, 6.2), QPointF(9.2, 8.8), QPointF(11.2, 6)]))


def _exchange(painter: QPainter, colour: QColor) -> None:
    painter.drawLine(QLineF(1.8, 4, 9.6, 4))
    painter.drawPolyline(QPolygonF([QPointF(7.6, 1.8), QPointF(10, 4), QPointF(7.6, 6.2)]))
    painter.drawLine(QLineF(2.4, 8.6, 10.2, 8.6))
    painter.drawPolyline(QPolygonF([QPointF(4.2, 6.6), QPointF(1.9, 8.6), QPointF(4.2, 10.8)]))


def _dot(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    painter.drawEllipse(QPointF(6, 6), 1.2, 1.2)


_DRAWINGS: dict[str, Callable[[QPainter, QColor], None]] = {
    "disc": _disc,
    "ring": _ring,
    "half": _half,
    "target": _target,
    "check": _check,
    "cross": _cross,
    "square": _square,
    "diamond": _diamond,
    "triangle": _triangle,
    "warning": _warning,
    "bars": _bars,
    "dots": _dots,
    "arrow": _arrow_up,
    "dash": _dash,
    "stop": _stop,
    "plus": _plus,
    "minus": _minus,
    "tilde": _tilde,
    "moved": _moved,
    "exchange": _exchange,
    "dot": _dot,
}

SHAPES = tuple(_DRAWINGS)
"""The names of all shapes."""
