"""What loading a pickle would run: said for every hostile one, and never cried without need."""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import functools
import ipaddress
import itertools
import json
import pickle
import re
import struct
import subprocess
import sys
import time
import types
import uuid
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from persistence import make_store
from persistence.errors import DecodeError
from persistence.pickles import decode
from persistence.pickles.risks import judge
from persistence.pickles.safety import CAUTION, Action, Finding, Risk, Safety, examine, safety

DATA = Path(__file__).parents[2] / "data"
MANIFEST = json.loads((DATA / "hostile" / "manifest.json").read_text("utf-8"))
TOUCH = "touch jobshelf-was-here"

# hostile sample → risk, and what the verdict says of it
SAMPLES = {
    "append-on-call": (Risk.DANGEROUS, f"call os.system('{TOUCH}')"),
    "binbytes8-lie": (Risk.SUSPICIOUS, "use up memory or time (It claims 1,099,511,627,776 bytes"),
    "build-setstate": (Risk.DANGEROUS, f"call os.system('{TOUCH}')"),
    "builtins-exec-python2-name": (Risk.DANGEROUS, "call __builtin__.execfile(b'x.py')"),
    "code-object": (Risk.DANGEROUS, "call types.CodeType()"),
    "deep-calls": (Risk.DANGEROUS, "call os.system()"),
    "deep-persid": (Risk.YOURS, "load 1 other stored object"),
    "dotted-global": (Risk.DANGEROUS, f"call os.path.os.system('{TOUCH}')"),
    "ext-code": (Risk.SUSPICIOUS, "take extension code 1"),
    "getattr-chain": (Risk.DANGEROUS, f"call os.system.__call__('{TOUCH}')"),
    "huge-decimal-text": (Risk.SUSPICIOUS, "use up memory or time"),
    "import-side-effect": (Risk.DANGEROUS, "antigravity"),
    "latin1-python2": (Risk.HARMLESS, "make plain values, and do nothing else"),
    "memo-bomb": (Risk.SUSPICIOUS, "use up memory or time (It puts a value at memo index"),
    "nested-pickle": (Risk.DANGEROUS, f"call os.system(b'{TOUCH}')"),
    "newobj-popen": (Risk.DANGEROUS, f"make an instance of subprocess.Popen('{TOUCH}')"),
    "obj-opcode": (Risk.DANGEROUS, f"call os.system(b'{TOUCH}')"),
    "os-environ-read": (Risk.SUSPICIOUS, "take os.environ"),
    "persid-text-traversal": (Risk.SUSPICIOUS, "load the object '../../../../etc/passwd'"),
    "pop-mark": (Risk.HARMLESS, "fail: It takes a value where there is none at byte 7"),
    "reduce-os-system": (Risk.DANGEROUS, f"call os.system(b'{TOUCH}')"),
    "runpy": (Risk.DANGEROUS, "call runpy._run_code('import os', {})"),
    "self-list": (Risk.HARMLESS, "make plain values, and do nothing else"),
    "stack-underflow": (Risk.HARMLESS, "fail: It takes a value where there is none at byte 2"),
    "truncated": (Risk.HARMLESS, "fail: It ends before it is complete"),
    "unknown-opcode": (Risk.HARMLESS, "fail: There is no opcode 0xff at byte 2"),
}


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def name(module: str, qualname: str) -> bytes:
    return f"c{module}\n{qualname}\n".encode()


def called(callee: bytes, *arguments: bytes) -> bytes:
    return callee + b"(" + b"".join(arguments) + b"tR"


def a_pickle(body: bytes, protocol: int = 4) -> bytes:
    return bytes((0x80, protocol)) + body + b"."


def found(data: bytes, action: Action, subject: str) -> Finding:
    findings = examine(data).findings
    return next(f for f in findings if f.action is action and f.subject == subject)


def of_risk(told: Safety, risk: Risk) -> list[str]:
    return [finding.what for finding in told.findings if finding.risk is risk]


@pytest.mark.parametrize("sample", sorted(MANIFEST))
def test_every_hostile_sample_is_told_for_what_it_would_do(
    sample: str, looks_only: list[str]
) -> None:
    data = (DATA / "hostile" / f"{sample}.pickle").read_bytes()
    risk, says = SAMPLES[sample]
    told = examine(data)
    assert told.risk is risk
    assert says in told.verdict
    assert told.verdict.startswith("Loading this would ")
    try:
        decoded = decode(data)
    except DecodeError:
        return
    assert safety(decoded).findings == tuple(
        finding for finding in told.findings if finding.action is not Action.EXHAUST
    )


# Names that scanners had to learn, one after the other.
_DANGEROUS = """
    builtins.eval builtins.exec builtins.compile builtins.open builtins.__import__
    __builtin__.eval __builtin__.execfile builtins.breakpoint subprocess.Popen subprocess.run
    _posixsubprocess.fork_exec commands.getoutput popen2.popen3 pty.spawn platform.popen
    multiprocessing.util.spawnv_passfds asyncio.subprocess.create_subprocess_shell
    asyncio.unix_events._UnixSubprocessTransport._start imaplib.IMAP4_stream
    uuid._get_command_stdout webbrowser.open code.interact code.InteractiveInterpreter.runsource
    codeop.compile_command runpy.run_path timeit.timeit cProfile.run profile.run pdb.run
    bdb.Bdb.run trace.Trace.run doctest.debug_script unittest.main pydoc.pipepager pydoc.locate
    marshal.loads types.CodeType types.FunctionType types.LambdaType importlib.import_module
    _frozen_importlib._gcd_import imp.load_source pkgutil.resolve_name zipimport.zipimporter
    site.main site.execsitecustomize venv.create ensurepip.bootstrap pip.main pip._internal.main
    setuptools.setup distutils.file_util.write_file distutils.spawn.spawn ctypes.CDLL
    _ctypes.dlopen pickle.loads _pickle.loads cPickle.loads shelve.open dill.loads joblib.load
    sys.settrace sys.modules gc.get_objects shutil.rmtree socket.socket logging.config.listen
    _io.FileIO io.open lib2to3.pgen2.pgen.ParserGenerator idlelib.pyshell.ModifiedInterpreter
    idlelib.run.Executive.runcode dataclasses._create_fn typing.get_type_hints
    rlcompleter.Completer.attr_matches tkinter.Tcl _interpreters.run_string
    _xxsubinterpreters.run_string numpy.f2py.crackfortran.getlincoef
    numpy.testing._private.utils.runstring numpy.load torch.load torch.hub.load
    torch.storage._load_from_bytes torch.jit.unsupported_tensor_ops.execWrapper
    pandas.read_pickle sympy.sympify yaml.unsafe_load fickling.always_check_safety
    test.support.script_helper.assert_python_ok _osx_support._read_output
    wsgiref.handlers.BaseHandler os._execvpe os.remove os.putenv
"""
_SUSPICIOUS = """
    urllib.request.urlopen http.client.HTTPConnection ftplib.FTP smtplib.SMTP requests.get
    logging.FileHandler tempfile.mkstemp zipfile.ZipFile functools.reduce operator.itemgetter
    itertools.starmap threading.Thread atexit.register signal.signal contextlib.ExitStack
    builtins.getattr builtins.setattr builtins.map builtins.dict.get builtins.print
    _codecs.lookup zlib.decompress base64.b64decode inspect.stack copyreg.add_extension
    os.environ os.listdir json.loads statistics.fmean mymodule.func.__globals_ weakref.finalize
    sched.scheduler.run
"""
DANGEROUS, SUSPICIOUS = _DANGEROUS.split(), _SUSPICIOUS.split()

# What has passed one scanner or another: name → pickle, what one of the riskiest findings says.
PASSED = {
    "a module by its C name": (called(name("posix", "system"), text("x")), "posix.system('x')"),
    "the module of Windows": (called(name("nt", "system"), text("x")), "nt.system('x')"),
    "a name with dots": (called(name("pathlib", "os.system")), "pathlib.os.system()"),
    "a module of a known package": (called(name("numpy", "os.system")), "numpy.os.system()"),
    "modules by way of a package": (
        name("numpy", "core._internal.sys.modules"),
        "numpy.core._internal.sys.modules",
    ),
    "builtins of a module": (name("numpy", "__builtins__"), "numpy.__builtins__"),
    "the result is dropped": (called(name("os", "system"), text("x")) + b"0N", "os.system('x')"),
    "an INST opcode": (b"(" + text("x") + b"ios\nsystem\n", "os.system('x')"),
    "an OBJ opcode": (b"(" + name("pty", "spawn") + text("x") + b"o", "pty.spawn('x')"),
    "an OBJ opcode, dropped": (b"(" + name("os", "abort") + b"o0N", "os.abort()"),
    "memo with mixed puts": (
        text("os") + b"q\x00" + text("system") + b"q\x01"
        + text("torch") + b"\x94" + text("_rebuild") + b"\x94" + b"0000"
        + b"h\x00h\x01\x93" + text("x") + b"\x85R",
        "os.system('x')",
    ),
    "names that are bytes": (b"C\x02osC\x06system\x93)R", "os.system()"),
    "names that come of calls": (
        called(name("builtins", "str"), text("os")) + text("system") + b"\x93)R",
        "<builtins.str(…), 'system'>",
    ),
    "a planted append": (
        name("types", "SimpleNamespace") + b")R}" + text("append") + name("os", "system")
        + b"sb" + text("x") + b"a",
        "os.system('x')",
    ),
    "a planted extend": (
        name("types", "SimpleNamespace") + b")R}" + text("extend") + name("os", "system")
        + b"sb(" + text("x") + b"e",
        "os.system('x')",
    ),
    "a planted add, in slots": (
        name("my", "A") + b")\x81N}" + text("add") + name("os", "system") + b"s\x86b("
        + text("x") + b"\x90",
        "os.system('x')",
    ),
    "attributes set on a function": (
        name("numpy", "prod") + b"N}" + text("a") + text("os") + b"s\x86b", "numpy.prod",
    ),
    "functools.partial": (
        called(called(name("functools", "partial"), name("os", "system"), text("x"))),
        "os.system('x')",
    ),
    "functools.partial by its state": (
        called(name("functools", "partial"), name("builtins", "len"))
        + b"(" + name("os", "system") + text("x") + b"\x85}Ntb" + b")R",
        "os.system('x')",
    ),
    "operator.attrgetter": (
        called(
            called(
                called(name("operator", "attrgetter"), text("system")),
                called(name("importlib", "import_module"), text("os")),
            ),
            text("x"),
        ),
        "os.system('x')",
    ),
    "operator.methodcaller": (
        called(
            called(name("_operator", "methodcaller"), text("system"), text("x")),
            called(name("pydoc", "locate"), text("os")),
        ),
        "os.system('x')",
    ),
    "pkgutil.resolve_name": (
        called(called(name("pkgutil", "resolve_name"), text("os:system")), text("x")),
        "os.system('x')",
    ),
    "inspect.getattr_static": (
        called(
            called(
                name("inspect", "getattr_static"),
                called(name("builtins", "__import__"), text("os")),
                text("system"),
            ),
            text("x"),
        ),
        "os.system('x')",
    ),
    "a function in an argument": (
        called(name("builtins", "map"), name("os", "system"), b"](" + text("x") + b"e"),
        "os.system",
    ),
    "a class as a cover": (
        called(name("copyreg", "__newobj__"), name("subprocess", "Popen"), text("x")),
        "subprocess.Popen('x')",
    ),
    "a pickle in a pickle of old": (
        called(name("pickle", "loads"), called(name("_codecs", "encode"), text("cos\nabort\n)R."),
               text("latin1"))),
        "os.abort()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("trick", PASSED)
def test_what_has_passed_scanners_is_dangerous_here(trick: str, looks_only: list[str]) -> None:
    body, says = PASSED[trick]
    told = examine(a_pickle(body))
    assert told.risk is Risk.DANGEROUS
    assert any(says in what for what in of_risk(told, Risk.DANGEROUS)), told.findings


@pytest.mark.parametrize("dotted", DANGEROUS)
def test_what_runs_code_commands_or_imports_is_dangerous(dotted: str) -> None:
    module, _, qualname = dotted.rpartition(".")
    assert judge(module, qualname, python2_names=True).risk is Risk.DANGEROUS


@pytest.mark.parametrize("dotted", SUSPICIOUS)
def test_the_rest_of_the_standard_library_is_suspicious_unless_it_is_known(dotted: str) -> None:
    module, _, qualname = dotted.rpartition(".")
    expected = Risk.YOURS if module.startswith("mymodule") else Risk.SUSPICIOUS
    assert judge(module, qualname).risk is expected


def test_the_whole_standard_library_is_nobodys_code() -> None:
    for module in sys.stdlib_module_names:
        assert judge(module, "something_new").risk >= Risk.SUSPICIOUS
        assert judge(module, "Sub.something_new").risk >= Risk.SUSPICIOUS


def test_names_that_only_look_alike_are_the_users() -> None:
    for module, qualname in [
        ("my_os", "system"),
        ("analysis.profile", "Profile"),
        ("lab.code", "Code.Inner"),
        ("jobs", "system"),
        ("commands", "Command"),  # of protocol 3 and later: no name of Python 2
    ]:
        assert judge(module, qualname).risk is Risk.YOURS
    assert judge("commands", "getoutput", python2_names=True).risk is Risk.DANGEROUS


class Colour(enum.Enum):
    RED = 1


class Job:
    class Part:
        pass

    def run(self) -> None:
        """Do nothing."""


HARMLESS: list[Any] = [
    None, True, 1, 2**100, 1.5, "text", b"bytes", bytearray(b"x"), [1, [2]], (1, 2), {"a": {1}},
    {1, 2}, frozenset((1,)), slice(1), complex(1, 2), range(3), int, type(None), ...,
    NotImplemented,
    ValueError("x"), OSError(2, "x"), collections.OrderedDict(a=1), collections.Counter("aa"),
    collections.defaultdict(list), collections.deque((1,)),
]  # fmt: skip
STANDARD: list[Any] = [
    dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc), dt.timedelta(1),
    decimal.Decimal("1.5"), uuid.UUID(int=1), PurePosixPath("/a"), ipaddress.ip_address("::1"),
    array.array("i", (1,)), types.SimpleNamespace(a=1), re.compile("a"),
    functools.partial(int, base=3), subprocess.CalledProcessError(1, "a"), time.gmtime(0),
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_alarm_for_what_people_store(protocol: int) -> None:
    for value in HARMLESS:
        told = examine(pickle.dumps(value, protocol))
        assert told.risk <= Risk.STANDARD, (value, told)
        assert told.fault == ""
    for value in STANDARD:
        assert examine(pickle.dumps(value, protocol)).risk is Risk.STANDARD, value
    for value in (Colour.RED, Job(), Job.Part(), Job().run, functools.partial(Job)):
        told = examine(pickle.dumps(value, protocol))
        assert told.risk is Risk.YOURS, (value, told)
        assert told.caution == CAUTION
        assert f"import 1 module of yours ({__name__})" in told.verdict


def test_plain_values_need_no_caution() -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        told = examine(pickle.dumps([1, "a", {"b": b"c"}], protocol))
        assert (told.risk, told.caution) == (Risk.HARMLESS, "")
        assert told.verdict == "Loading this would make plain values, and do nothing else."


@pytest.mark.parametrize(
    "store",
    [
        f"{version}/{name}"
        for version, name in itertools.product(
            ("python3.7", "python2.7"), ("jobs-dir", "jobs.db", "jobs-table.db#table=campaign")
        )
    ],
)
def test_what_gc3pie_wrote_runs_gc3pie_and_nothing_else(store: str, looks_only: list[str]) -> None:
    with make_store(f"{DATA / 'gc3pie'}/{store}", read_only=True) as opened:
        ids = list(opened.list())
        assert ids
        for id_ in ids:
            told = safety(opened.inspect(id_))
            assert told.risk is Risk.YOURS
            assert told.fault == ""
            assert told.verdict.startswith("Loading this would import ")
            assert "modules of yours" in told.verdict
            imported = [f.subject for f in told.findings if f.action is Action.IMPORT]
            assert all(module.startswith(("gc3libs", "collections")) for module in imported)


# What a finding says.


def test_findings_of_a_kind_are_one_with_their_places() -> None:
    body = b"(" + (name("my.jobs", "Job") + b")\x81}" + text("a") + b"K\x01sb") * 3 + b"l"
    data = a_pickle(body, 2)
    made = found(data, Action.MAKE, "my.jobs.Job")
    assert made.count == 3
    assert [data[offset] for offset in made.offsets] == [0x81] * 3
    states = found(data, Action.STATE, "my.jobs.Job")
    assert [data[offset : offset + 1] for offset in states.offsets] == [b"b"] * 3
    imported = found(data, Action.IMPORT, "my.jobs")
    assert imported.reason == (
        "my.jobs is yours or a package's: importing it runs the code at its top level, "
        "and that of my."
    )
    assert (imported.count, imported.what) == (3, "import my.jobs")


def test_calls_with_other_arguments_are_told_apart() -> None:
    body = b"".join(called(name("os", "system"), text(command)) + b"0" for command in "aab")
    told = examine(a_pickle(body + b"N"))
    calls = {f.detail: f.count for f in told.findings if f.action is Action.CALL}
    assert calls == {"os.system('a')": 2, "os.system('b')": 1}
    assert told.verdict == (
        "Loading this would call os.system('a'), and do 1 other dangerous thing."
    )


def test_a_function_that_is_only_called_is_not_said_to_be_taken_as_well() -> None:
    told = examine(a_pickle(called(name("os", "getcwd"))))
    assert of_risk(told, Risk.SUSPICIOUS) == ["call os.getcwd()"]
    assert of_risk(examine(a_pickle(name("os", "getcwd"))), Risk.SUSPICIOUS) == ["take os.getcwd"]


def test_a_function_that_is_called_and_passed_on_is_said_to_be_taken() -> None:
    body = b"(" + name("os", "getcwd") + b"q\x00)Rh\x00l"
    told = examine(a_pickle(body))
    assert of_risk(told, Risk.SUSPICIOUS) == ["take os.getcwd", "call os.getcwd()"]


def test_offsets_of_a_nested_pickle_are_those_of_the_outer_one() -> None:
    inner = b"cos\nabort\n)R."
    data = a_pickle(called(name("pickle", "loads"), b"C" + bytes((len(inner),)) + inner))
    (offset,) = found(data, Action.CALL, "os.abort").offsets
    assert data[offset : offset + 2] == b"R."


def test_the_codec_decides_about_an_encoded_text() -> None:
    def risk(codec: str) -> Risk:
        return examine(a_pickle(called(name("_codecs", "encode"), text("a"), text(codec)))).risk

    assert risk("latin1") is Risk.HARMLESS
    assert risk("rot13") is Risk.SUSPICIOUS
    assert risk("my_own_codec") is Risk.SUSPICIOUS


def test_what_is_shown_of_a_call_is_one_line_without_tricks() -> None:
    data = a_pickle(called(name("os", "system"), text("a\n\u202eb" + "x" * 10_000)))
    detail = found(data, Action.CALL, "os.system").detail
    assert "a\\n\\u202eb" in detail
    assert detail.isprintable()
    assert len(detail) <= 200


def test_a_damaged_pickle_is_told_up_to_where_it_breaks() -> None:
    told = examine(a_pickle(called(name("os", "system"), text("x")))[:-1] + b"\xff")
    assert told.risk is Risk.DANGEROUS
    assert told.verdict.startswith("Loading this would call os.system('x'), and then fail: ")
    assert told.fault.startswith("There is no opcode 0xff")


# Bounds.


def test_no_flood_of_harmless_names_hides_a_dangerous_one() -> None:
    body = b"(" + b"".join(b"cm%d\nc\n" % n for n in range(20_000))
    told = examine(a_pickle(body + called(name("os", "system"), text("x")) + b"l"))
    assert told.findings[0].what == "call os.system('x')"
    assert told.omitted > 0
    assert len(told.findings) <= 5_000


LONG = {
    "deep lists": b"]" * 200_000 + b"a" * 199_999,
    "deep tuples": b"K\x01" + b"\x85" * 200_000,
    "lists with 2^50,000 leaves": b"]" + b"q\x01]h\x01ah\x01a" * 50_000,
    "a chain of calls": name("os", "system") + b")R" * 50_000,
    "a chain of getattr": b"".join(
        (
            name("builtins", "getattr") + b"q\x00" + b"h\x00" * 20_000,
            name("a", "b") + (text("c") + b"\x86R") * 20_000,
        )
    ),
    "partials of partials": b"".join(
        (
            name("functools", "partial") + b"q\x00h\x00\x85R",
            b"q\x01h\x00h\x01\x85R" * 20_000 + b")R",
        )
    ),
    "apply of apply": b"".join(
        (
            name("builtins", "apply") + b"q\x00",
            b"\x85q\x01h\x00h\x01\x86" * 20_000 + b"q\x020h\x00h\x02R",
        )
    ),
    "a name of a megabyte, again and again": (
        text("a." * 500_000) + b"q\x00" + b"h\x00h\x00\x930" * 20_000
    ),
    "a name of a hundred thousand parts": (
        text("os") + text("path." * 100_000 + "system") + b"\x93)R"
    ),
    "a pickle in each pickle": functools.reduce(
        lambda inner, _: (
            called(name("pickle", "loads"), b"B" + struct.pack("<I", len(inner)) + inner) + b"."
        ),
        range(2_000),
        b"N.",
    ),
}


@pytest.mark.parametrize("what", LONG)
def test_it_takes_no_longer_than_the_pickle_is_long(what: str) -> None:
    began = time.process_time()
    assert examine(a_pickle(LONG[what])).verdict
    assert time.process_time() - began < 5


def test_a_name_that_no_class_has_is_dangerous() -> None:
    told = examine(a_pickle(text("os") + text("path." * 1_000 + "system") + b"\x93)R"))
    assert told.risk is Risk.DANGEROUS
