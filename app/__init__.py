"""The Jobshelf application: a window on persistent job stores."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("jobshelf")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0"
