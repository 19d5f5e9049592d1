"""Runs in the frozen program before anything else: undoes what the loader did to the environment.

The loader of the bundle sets LD_LIBRARY_PATH for its own sake. The linker has read it by now;
what Jobshelf starts (a browser, a file manager) must not find our libraries there.
"""

import os
import sys

if sys.platform == "linux":
    original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        os.environ["LD_LIBRARY_PATH"] = original
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)
