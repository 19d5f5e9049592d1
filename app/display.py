"""Whether a window can be shown here: asked before Qt is started, which would abort."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["display_problem"]

_ADVICE = (
    "Run it on a machine with a desktop, log in with “ssh -X”, or render the window to a file "
    "with --screenshot FILE."
)


def display_problem() -> str:
    """Return why no window can be shown and what to do, as text; "" if one can."""
    if sys.platform in ("win32", "darwin"):
        return ""
    wanted = [name.split(":")[0] for name in os.environ.get("QT_QPA_PLATFORM", "").split(";")]
    known = [name for name in wanted if name in ("xcb", "wayland", "")]
    if len(known) < len(wanted):
        return ""  # "offscreen" and the like need no display
    asks_x11 = "xcb" in known or "" in known
    asks_wayland = "wayland" in known or "" in known
    if asks_wayland and _wayland_answers():
        return ""
    if not (asks_x11 and _x11_answers()):
        name = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        place = f"The display {name!r} does not answer" if name else "There is no display here"
        return f"{place}, so no window can be shown. {_ADVICE}"
    if missing := _missing_library():
        return (
            f"Qt cannot show a window: {missing}. Install Qt's system libraries, on Debian and "
            "Ubuntu with: apt install libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 "
            "libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
        )
    return ""


def _x11_answers() -> bool:
    """Connect as Qt will, with the user's cookie; an X server is more than its socket."""
    if not os.environ.get("DISPLAY"):
        return False
    library = _library("xcb")
    if library is None:
        return False
    library.xcb_connect.restype = ctypes.c_void_p
    library.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    library.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    library.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = library.xcb_connect(None, None)
    if library.xcb_connection_has_error(connection) == 0:
        # Not closed: a server without other clients begins anew when its last one leaves, as
        # Xvfb does, and turns away Qt if that comes meanwhile; Qt would abort.
        return True
    library.xcb_disconnect(connection)
    return False


def _wayland_answers() -> bool:
    if not (os.environ.get("WAYLAND_DISPLAY") or os.environ.get("WAYLAND_SOCKET")):
        return False
    library = _library("wayland-client")
    if library is None:
        return False
    library.wl_display_connect.restype = ctypes.c_void_p
    library.wl_display_connect.argtypes = [ctypes.c_char_p]
    library.wl_display_disconnect.argtypes = [ctypes.c_void_p]
    display = library.wl_display_connect(None)
    if not display:
        return False
    library.wl_display_disconnect(display)
    return True


def _missing_library() -> str:
    """Return what keeps Qt's X11 plugin from being loaded, as the linker says it; or ""."""
    spec = find_spec("PySide6")
    if spec is None or spec.origin is None:
        return ""
    plugin = Path(spec.origin).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    if not plugin.exists():
        return ""  # a Qt of the system, which has its libraries
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        return str(error)
    return ""


def _library(name: str) -> ctypes.CDLL | None:
    for file in (f"lib{name}.so.1", f"lib{name}.so.0", ctypes.util.find_library(name)):
        if file:
            try:
                return ctypes.CDLL(file)
            except OSError:
                continue
    return None
