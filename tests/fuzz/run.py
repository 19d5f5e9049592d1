"""Fuzz the pickle engine: look for pickles that make it crash, hang, or contradict itself.

    python tests/fuzz/run.py --seconds 600
    python tests/fuzz/run.py --seconds 600 --coverage     # guided by coverage, needs atheris

What fails is written to `tests/data/fuzz` under the hash of its bytes, where the test
`tests/persistence/pickles/test_fuzz_cases.py` finds it from then on. Ends with 1 if anything
failed. `pip install atheris` gives the guided mode (Linux and macOS).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import traceback
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

CASES = ROOT / "tests" / "data" / "fuzz"
_MEMORY_MIB = 512
_LARGEST_SEED = 20_000  # bytes


def main() -> int:
    """Fuzz for a while; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers")
    parser.add_argument("--coverage", action="store_true", help="guided by coverage (atheris)")
    options = parser.parse_args()
    limit_memory()
    if options.coverage:
        return guided(options.seconds)
    return unguided(options.seconds, options.seed)


def limit_memory() -> None:
    """Let the system refuse what would take more than an inspector has."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (taken + _MEMORY_MIB * 2**20,) * 2)


def seeds() -> list[bytes]:
    """Return the honest and hostile pickles of the tests, the small ones."""
    found = [path.read_bytes() for path in (ROOT / "tests" / "data").rglob("*.pickle")]
    for folder in (ROOT / "tests" / "data" / "gc3pie").glob("*/jobs-dir"):
        found += [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()][:20]
    return [data for data in found if 0 < len(data) <= _LARGEST_SEED]


def unguided(seconds: float, seed: int | None) -> int:
    """Try random programs and changed pickles."""
    from tests.fuzz.checks import check
    from tests.fuzz.programs import mutated, program

    known = seeds()
    seed = int(time.time()) if seed is None else seed
    random = Random(seed)
    print(f"seed {seed}, {len(known)} pickles to begin with")
    end = time.monotonic() + seconds
    tried = decoded = failed = 0
    while time.monotonic() < end:
        if random.random() < 0.5:
            data = program(random, random.randint(1, 60))
        else:
            data = mutated(random, random.choice(known), known)
        tried += 1
        try:
            decoded += check(data) is not None
        except MemoryError:
            failed += keep(data, "it took too much memory")
        except Exception:
            failed += keep(data, traceback.format_exc())
    print(f"{tried:,} tried, {decoded:,} decoded, {failed} failed")
    return int(failed > 0)


def keep(data: bytes, why: str) -> int:
    """Write a pickle that failed into the folder of cases."""
    CASES.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(data).hexdigest()[:16]
    (CASES / f"{name}.pickle").write_bytes(data)
    print(f"{name}: {why}", flush=True)
    return 1


def guided(seconds: float) -> int:
    """Let coverage lead to new pickles; stops at the first that fails."""
    import atheris

    with atheris.instrument_imports(include=["persistence.pickles"]):
        from tests.fuzz.checks import check
    from tests.fuzz.programs import mutated, program

    known = seeds()
    corpus = ROOT / "build" / "fuzz"
    corpus.mkdir(parents=True, exist_ok=True)
    for data in known:
        (corpus / hashlib.sha256(data).hexdigest()).write_bytes(data)

    def try_one(data: bytes) -> None:
        try:
            check(data)
        except BaseException:
            keep(data, traceback.format_exc())
            raise

    def change(data: bytes, size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.3:
            return atheris.Mutate(data, size)
        fresh = mutated(random, data or program(random, 20), known)
        return fresh[:size]

    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={seconds:.0f}",
        f"-rss_limit_mb={_MEMORY_MIB * 2}",
        f"-max_len={_LARGEST_SEED}",
        "-timeout=20",
        "-artifact_prefix=build/fuzz-",
    ]
    atheris.Setup(arguments, try_one, custom_mutator=change)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
