"""Starts processes that run nothing of the program that asks for them."""

from __future__ import annotations

import sys
import threading
from multiprocessing.process import BaseProcess
from types import ModuleType

__all__ = ["start"]

# The main module is put aside for a moment: by one thread at a time.
_starting = threading.Lock()


def start(process: BaseProcess) -> None:
    """Start a process of the "spawn" kind, without the main module.

    A spawned process runs the main module of its parent again. That is whichever script made
    the window: its code is not ours to run, and one that makes the window without asking for
    its own name first would open another one in each process.

    Args:
        process: Its target must not be in the main module.

    Raises:
        OSError: The system starts no more processes.
    """
    with _starting:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = main
