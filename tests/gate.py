"""The whole gate, step by step: format, lint, types, import walls, tests.

Runs all steps also after one has failed, so that one run tells everything; exits with 0
only if all passed. Arguments are passed to pytest, and then only the tests are run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CHECKS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy"],
    "import walls": ["importlinter.cli"],
}
# The GUI and everything that starts many processes shares two cores with the rest.
TESTS = ["pytest", "-q", "-n", os.environ.get("JOBSHELF_TEST_PROCESSES", "auto")]


def main(arguments: list[str]) -> int:
    os.chdir(ROOT)
    environment = dict(os.environ, QT_QPA_PLATFORM="offscreen", PYTHONPATH="")
    failed = []
    for name, command in ({} if arguments else CHECKS).items():
        began = time.monotonic()
        status = subprocess.call(_python(command), env=environment)
        print(
            f"{name}: {'passed' if status == 0 else 'FAILED'} in {time.monotonic() - began:.1f} s"
        )
        sys.stdout.flush()
        if status != 0:
            failed.append(name)
    if subprocess.call(_python(TESTS) + arguments, env=environment) != 0:
        failed.append("tests")
    if failed:
        print(f"The gate is closed: {', '.join(failed)} failed.")
    return 1 if failed else 0


def _python(command: list[str]) -> list[str]:
    if command[0] == "importlinter.cli":
        code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
        return [sys.executable, "-c", code]
    return [sys.executable, "-m", *command]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
