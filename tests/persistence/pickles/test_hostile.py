"""Pickles that a naive loader would obey, hang on or die of."""

from __future__ import annotations

import copyreg
import json
import os
import pickle
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from persistence.errors import DecodeError
from persistence.pickles import decode, find_references
from persistence.pickles.present import child_count, children, expression, preview, text, type_name
from persistence.summary import digest

HOSTILE = Path(__file__).parents[2] / "data" / "hostile"
MANIFEST = json.loads((HOSTILE / "manifest.json").read_text("utf-8"))
SECONDS = 2.0
ERROR = "report a clear error"

# name → (what it does to a naive loader, the pickle, whether an error is due)
OURS: dict[str, tuple[str, bytes, bool | None]] = {
    "shared-tuple-key": (
        "hashes 2^60 tuples: each holds the one before twice",
        b"\x80\x02}(" + b"K\x01" + b"2\x86" * 60 + b"K\x02u.",
        True,
    ),
    "deep-tuple-key": (
        "recurses 200,000 levels in C when the key is hashed",
        b"\x80\x02}(" + b"K\x01" + b"\x85" * 200_000 + b"K\x02u.",
        True,
    ),
    "deep-tuple-in-set": (
        "the same in a set of protocol 4",
        b"\x80\x04\x8f(K\x01" + b"\x85" * 200_000 + b"\x90.",
        True,
    ),
    "doubling-lists": ("has 2^60 leaves", b"\x80\x02]" + b"q\x01]h\x01ah\x01a" * 60 + b".", False),
    "deep-lists": (
        "recurses 200,000 levels when shown or freed",
        b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
        False,
    ),
    "memo-text": ("allocates a memo of 10^9 entries", b"Np1000000000\n.", True),
    "frame-lie": ("claims a frame of 2^60 bytes", b"\x80\x04\x95" + b"\xff" * 7 + b"\x0fN.", True),
    "unicode-lie": ("claims 4 GiB of text", b"\x80\x02X\xff\xff\xff\xffx.", True),
    "bytearray-lie": ("claims 2^62 bytes", b"\x80\x05\x96" + b"\0" * 7 + b"\x40x.", True),
    "negative-length": ("has a text of negative length", b"\x80\x02T\xff\xff\xff\xffx.", True),
    "long-lie": ("claims an integer of 2 GiB", b"\x80\x02\x8b\xff\xff\xff\x7fx.", True),
    "huge-integer": (
        "an integer of 2 million bits, whose decimal text takes minutes",
        b"\x80\x02\x8b" + struct.pack("<i", 250_000) + b"\x7f" * 250_000 + b".",
        False,
    ),
    "colliding-keys": (
        "integers with one hash, inserted in quadratic time",
        b"\x80\x02}("
        + b"".join(
            b"\x8a\x0b" + (n * (2**61 - 1)).to_bytes(11, "little") + b"N" for n in range(40_000)
        )
        + b"u.",
        True,
    ),
    "many-globals": (
        "names 200,000 classes",
        b"\x80\x02(" + b"".join(b"cm\nc%d\n" % n for n in range(200_000)) + b"l.",
        True,
    ),
    "empty": ("is empty", b"", True),
    "only-stop": ("only stops", b".", True),
    "unhashable-key": ("uses a list as a key", b"\x80\x02}(]K\x01u.", None),
    "dict-key-of-itself": ("a tuple key that holds the dictionary", b"}q\x01(h\x01tN.", None),
    "missing-memo": ("reads what was never put", b"\x80\x02h\x05.", True),
    "out-of-band": ("wants a buffer from outside", b"\x80\x05\x97\x98.", False),
    "setstate-on-a-class": ("sets the state of a class", b"\x80\x02cos\nsystem\n}b.", None),
    "newobj-of-a-value": ("makes an instance of a number", b"\x80\x02K\x01)\x81.", None),
    "bad-utf8": ("has a text that is not UTF-8", b"\x80\x02X\x01\0\0\0\xff.", None),
    "surrogates": ("has a lone surrogate", b"\x80\x02X\x03\0\0\0\xed\xa0\x80.", None),
    "bidi": ("has text that turns a line around", b"\x80\x02X\x04\0\0\0a\xe2\x80\xae.", False),
    "protocol-99": ("claims protocol 99", b"\x80\x63N.", True),
    "nested-ids": (
        "has a persistent ID in a persistent ID, 5,000 times",
        b"\x80\x04\x8c\x01a" + b"Q" * 5_000 + b".",
        False,
    ),
    "nested-ids-in-lists": (
        "has a persistent ID in a list in a persistent ID, 5,000 times",
        b"\x80\x02" + b"]" * 5_000 + b"Qa" * 4_999 + b"Q.",
        False,
    ),
    "put-of-a-mark": ("keeps a mark in the memo", b"\x80\x02(q\x000}]K\x01s.", True),
    "dup-of-a-mark": ("takes a mark twice", b"\x80\x02N(20}]K\x01s.", True),
    "two-marks": ("builds with a mark", b"\x80\x02((tb.", None),
    "class-hook": (
        "names what pickle itself would call",
        b"\x80\x02ccopyreg\n__newobj__\n(cos\nsystem\nX\x02\0\0\0idtR.",
        False,
    ),
    "dunder-name": (
        "asks for an attribute of everything",
        b"\x80\x04\x8c\x08builtins\x8c\x15object.__subclasses__\x93)R.",
        False,
    ),
}  # fmt: skip


def samples() -> list[tuple[str, bytes, bool | None]]:
    given = [
        (name, (HOSTILE / f"{name}.pickle").read_bytes(), _verdict(about["an inspector must"]))
        for name, about in MANIFEST.items()
    ]
    return given + [(name, data, verdict) for name, (_, data, verdict) in OURS.items()]


def _verdict(must: str) -> bool | None:
    return None if " or " in must else must == ERROR


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("data", "must_fail"), [pytest.param(data, v, id=name) for name, data, v in samples()]
)
def test_it_ends_as_it_must_and_nothing_is_run(
    data: bytes, must_fail: bool | None, looks_only: list[str]
) -> None:
    began = time.process_time()
    modules = set(sys.modules)
    try:
        decoded = decode(data)
        seconds = time.process_time() - began
    except DecodeError as error:
        assert must_fail is not False, error
        assert str(error).startswith("This pickle cannot be decoded")
        assert error.offset is None or 0 <= error.offset <= max(len(data), 1)
        seconds = time.process_time() - began
    else:
        assert must_fail is not True
        _look_at(decoded.root, decoded.python2)
        digest(data)
        list(find_references(decoded))
    assert seconds < SECONDS
    # Adapters are loaded when they are needed (one knows the names in `http`); nothing else is.
    own = ("persistence.pickles.adapters", "persistence.pickles.slots", "http")
    new = set(sys.modules) - modules
    assert all(name.startswith(own) for name in new), new
    assert os.listdir() == []


def _look_at(root: object, python2: bool) -> None:
    """Show a value and the first of everything below it, as the window does."""
    pending, shown = [root], 0
    while pending and shown < 20:
        value = pending.pop()
        shown += 1
        for line in (preview(value, python2=python2), type_name(value, python2=python2)):
            assert len(line) < 1_000
            assert line.isprintable() or line == ""
        assert len(text(value, 1_000, python2=python2)) <= 1_001
        count = child_count(value, python2=python2)
        pending += [child.value for child in children(value, 0, min(count, 3), python2=python2)]
        if count > 3:
            pending += [c.value for c in children(value, count - 1, 1, python2=python2)]


def test_memory_stays_bounded_for_all_of_them(tmp_path: Path) -> None:
    for name, data, _ in samples():
        (tmp_path / name).write_bytes(data)
    code = (
        "import os, psutil, sys\n"
        "from persistence.errors import DecodeError\n"
        "from persistence.pickles import decode\n"
        "from persistence.pickles.present import preview\n"
        "for name in sorted(os.listdir(sys.argv[1])):\n"
        "    data = open(os.path.join(sys.argv[1], name), 'rb').read()\n"
        "    try: preview(decode(data).root)\n"
        "    except DecodeError: pass\n"
        "if os.path.exists('/proc/self/status'):\n"
        # getrusage would tell the most that the process took that started this one.
        "    peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "    print(int(peak[0].split()[1]) * 1024)\n"
        "elif sys.platform == 'win32':\n"
        "    print(psutil.Process().memory_info().peak_wset)\n"
        "else:\n"
        "    import resource\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < 512 * 2**20


def test_a_registered_extension_code_brings_in_no_class() -> None:
    class Trap:
        def __reduce__(self) -> str:
            return "Trap"

    copyreg.add_extension(__name__, "EXTENSION", 240)
    try:
        with pytest.raises(DecodeError, match="240"):
            decode(b"\x80\x02\x82\xf0.")
    finally:
        copyreg.remove_extension(__name__, "EXTENSION", 240)


EXTENSION = os.getcwd


def test_the_error_names_the_byte_at_fault() -> None:
    data = pickle.dumps({"a": [1, 2, 3]}, 4)
    for cut in range(2, len(data) - 1):
        with pytest.raises(DecodeError) as raised:
            decode(data[:cut])
        assert raised.value.offset is not None
        assert raised.value.offset <= cut


def test_an_expression_that_would_never_end_is_refused() -> None:
    from persistence.errors import StoreError

    with pytest.raises(StoreError, match="longer than"):
        expression(decode(OURS["doubling-lists"][1]).root, 10_000)
