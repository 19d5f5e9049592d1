"""Starts the application: `python -m app [URI]`.

The inspector processes import this module again: it must stay free of Qt.
"""

from __future__ import annotations

import multiprocessing
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()
    from app.cli import main

    sys.exit(main())
