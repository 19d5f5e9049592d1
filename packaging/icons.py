"""The application's icon in the forms that desktops ask for, drawn from its SVG by Qt."""

import struct
from pathlib import Path

from project import ROOT
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SVG = ROOT / "resources" / "icons" / "jobshelf.svg"
HICOLOR_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
_ICO_SIZES = (16, 24, 32, 48, 64, 256)
# Apple's four-letter names of PNG images by their size in pixels.
_ICNS_KINDS = {128: b"ic07", 256: b"ic08", 512: b"ic09", 1024: b"ic10"}


def png(size: int) -> bytes:
    """Return the icon as a square PNG picture with so many pixels on a side."""
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(SVG)).render(painter)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(data.data())


def write_hicolor(folder: Path) -> None:
    """Write the icon into a folder of the hicolor theme, in all its sizes and as SVG."""
    for size in HICOLOR_SIZES:
        for context, name in (("apps", "jobshelf"), ("mimetypes", "application-x-jobshelf-store")):
            _write(folder / f"{size}x{size}" / context / f"{name}.png", png(size))
    _write(folder / "scalable" / "apps" / "jobshelf.svg", SVG.read_bytes())
    _write(folder / "scalable" / "mimetypes" / "application-x-jobshelf-store.svg", SVG.read_bytes())


def write_ico(path: Path) -> None:
    """Write an icon file of Windows: a directory of PNG pictures."""
    pictures = [(size, png(size)) for size in _ICO_SIZES]
    offset = 6 + 16 * len(pictures)
    directory = struct.pack("<HHH", 0, 1, len(pictures))
    for size, data in pictures:
        side = size % 256  # 0 stands for 256
        directory += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(data), offset)
        offset += len(data)
    _write(path, directory + b"".join(data for _, data in pictures))


def write_icns(path: Path) -> None:
    """Write an icon file of macOS: named chunks, each a PNG picture."""
    chunks = b""
    for size, kind in _ICNS_KINDS.items():
        data = png(size)
        chunks += kind + struct.pack(">I", len(data) + 8) + data
    _write(path, b"icns" + struct.pack(">I", len(chunks) + 8) + chunks)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
