"""How much work something was, told the same on a busy machine as on an idle one."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil

__all__ = ["effort"]


def effort() -> float:
    """Return the processor time, in seconds, of this process and of those that it started."""
    times = os.times()
    seconds = times.user + times.system + times.children_user + times.children_system
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            used = child.cpu_times()
            seconds += used.user + used.system
    return seconds
