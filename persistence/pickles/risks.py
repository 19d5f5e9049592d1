"""What is known about the classes and functions that a pickle can name: how risky each is.

Two lists are not enough. A list of what is forbidden is never complete: each of the scanners
that have one (fickling, picklescan, modelscan) has been passed by one more function of the
standard library that runs what it is given. So what is harmless is listed by full name, and
all else of the standard library is suspicious at least; what is known to run code, commands
or imports is dangerous, by whole modules, with the few exceptions listed. What belongs to
neither is code of the user's, or of a package: nobody here can know what it does.

Names are judged as an unpickler resolves them: `posix` is `os` by another name, protocols
below 3 have the names of Python 2, and a name with dots walks through attributes, so that
`("pathlib", "os.system")` is `os.system`. Nothing is ever imported to find out.
"""

from __future__ import annotations

import builtins
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from enum import IntEnum
from typing import NamedTuple

__all__ = ["Judgement", "Risk", "is_dunder", "is_standard", "judge", "judge_import"]


class Risk(IntEnum):
    """How much harm could be done, from none to any."""

    HARMLESS = 0
    """Values and containers of Python itself."""
    STANDARD = 1
    """Constructors of libraries that are known to make data, and to do no more."""
    YOURS = 2
    """Code of the user's, or of a package: what it does is not known."""
    SUSPICIOUS = 3
    """No usual part of stored data; reaches files, the network, or other functions."""
    DANGEROUS = 4
    """Runs commands or code, or gets at something that does."""


class Judgement(NamedTuple):
    """What is known about one name.

    Attributes:
        risk: How risky it is to call it.
        phrase: What it does, as the rest of a sentence that begins with its name.
        name: The name that it is known by, "module.name".
    """

    risk: Risk
    phrase: str
    name: str


_YOURS = "belongs to a module of yours or to a package: what it does is not known"
_UNUSUAL = "belongs to Python's own library, but is no usual part of stored data"
_DATA = "makes plain data"
_MOST_PARTS = 32  # of a name with dots


def judge(module: str, qualname: str, *, python2_names: bool = False) -> Judgement:
    """Return what is known about a class or function.

    Args:
        module: Its module, as the pickle gives it.
        qualname: Its name there, with dots for what is inside of others; "" for the module.
        python2_names: Whether names of Python 2 are meant, as in protocols 0 to 2.

    >>> judge("posix", "system").risk.name
    'DANGEROUS'
    >>> judge("collections", "OrderedDict").risk.name
    'HARMLESS'
    """
    module, qualname = _python3_name(module, qualname, python2_names)
    module = _without_alias(module)
    found = _lookup(module, qualname)
    parts = qualname.split(".") if qualname else []
    if found.name in _HARMLESS or found.name in _STANDARD:
        return found
    if len(parts) > _MOST_PARTS:
        return _worse(found, Judgement(Risk.DANGEROUS, "has a name made to mislead", found.name))
    for index, part in enumerate(parts):
        if part in _REACHES_ALL:
            phrase = f"reaches through {part} to everything that there is"
            found = _worse(found, Judgement(Risk.DANGEROUS, phrase, found.name))
        elif is_dunder(part):
            phrase = f"takes {part}, an inner part of Python's objects"
            found = _worse(found, Judgement(Risk.SUSPICIOUS, phrase, found.name))
        rest = parts[index + 1 :]
        if (rest and is_standard(part)) or part in _GATES:
            # A module that is an attribute of another one: `numpy.os.system`.
            inner = _lookup(_without_alias(part), ".".join(rest))
            if inner.risk >= Risk.SUSPICIOUS:
                found = _worse(found, inner)
    return found


def judge_import(module: str) -> Judgement:
    """Return what is known about the import of a module."""
    canonical = _without_alias(module)
    if module in _ALWAYS_LOADED:
        return Judgement(Risk.HARMLESS, "is loaded in any case", module)
    if canonical.endswith(".__main__") or _prefix(canonical, _ACTS_ON_IMPORT):
        return Judgement(Risk.DANGEROUS, "acts as soon as it is imported", module)
    if is_standard(module) or module in _OLD_STANDARD or canonical.partition(".")[0] in _LIBRARIES:
        return Judgement(Risk.STANDARD, "is a module of Python's own or of a known library", module)
    parents = [module[:at] for at, letter in enumerate(module[:500]) if letter == "."]
    also = f", and that of {' and '.join(parents[:4])}" if parents else ""
    phrase = f"is yours or a package's: importing it runs the code at its top level{also}"
    return Judgement(Risk.YOURS, phrase, module)


def is_standard(module: str) -> bool:
    """Whether a module belongs to Python's own library, of whatever version."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in _REMOVED


def is_dunder(name: str) -> bool:
    """Whether a name is one of Python's own, such as `__class__`."""
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def _worse(one: Judgement, other: Judgement) -> Judgement:
    return other if other.risk > one.risk else one


def _python3_name(module: str, qualname: str, python2_names: bool) -> tuple[str, str]:
    if python2_names or module in _PYTHON2_ONLY:
        if (module, qualname) in NAME_MAPPING:
            return NAME_MAPPING[module, qualname]
        module = IMPORT_MAPPING.get(module) or _PYTHON2_MODULES.get(module, module)
    return module, qualname


def _without_alias(module: str) -> str:
    if module in _ALIASES:
        return _ALIASES[module]
    if module.startswith("numpy._core"):
        return "numpy.core" + module.removeprefix("numpy._core")
    return module


def _lookup(module: str, qualname: str) -> Judgement:
    """Judge a name by the lists, without looking at the parts of it."""
    name = f"{module}.{qualname}" if qualname else module
    if name in _HARMLESS:
        return Judgement(Risk.HARMLESS, _DATA, name)
    if name in _STANDARD or (module, qualname) in _STANDARD_MAKERS or _is_number(name):
        return Judgement(Risk.STANDARD, _DATA, name)
    if is_standard(module) and _is_exception(qualname) and not _prefix(module, _ACTS_ON_IMPORT):
        return Judgement(Risk.STANDARD, "makes an exception", name)
    prefix = _prefix(name, _KNOWN)
    if prefix:
        risk, phrase = _KNOWN[prefix]
        return Judgement(risk, phrase, name)
    if is_standard(module):
        return Judgement(Risk.SUSPICIOUS, _UNUSUAL, name)
    return Judgement(Risk.YOURS, _YOURS, name)


def _prefix(name: str, known: dict[str, tuple[Risk, str]] | frozenset[str]) -> str:
    """Return the longest beginning of a dotted name that is known, or ""."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def _is_exception(qualname: str) -> bool:
    return (
        qualname[:1].isupper()
        and qualname.isalpha()
        and qualname.endswith(("Error", "Exception", "Warning", "Expired", "Interrupt"))
    )


def _is_number(name: str) -> bool:
    return name.startswith("numpy.") and name[6:].rstrip("0123456789_") in _NUMPY_NUMBERS


def _names(module: str, names: str) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for name in names.split())


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Modules by another name. The C parts of modules are reached by theirs.
_ALIASES = {
    "posix": "os", "nt": "os", "__builtin__": "builtins", "__builtins__": "builtins",
    "_io": "io", "_pyio": "io", "_pickle": "pickle", "cPickle": "pickle",
    "_operator": "operator", "_functools": "functools", "_socket": "socket", "_ssl": "ssl",
    "_ctypes": "ctypes", "_collections": "collections", "_datetime": "datetime",
    "_pydatetime": "datetime", "_decimal": "decimal", "_pydecimal": "decimal",
    "_random": "random", "_signal": "signal", "_sqlite3": "sqlite3", "_asyncio": "asyncio",
    "_imp": "imp", "_frozen_importlib": "importlib", "_frozen_importlib_external": "importlib",
    "_posixsubprocess": "subprocess", "_winreg": "winreg", "_codecs": "codecs",
    "pathlib._local": "pathlib", "pathlib._abc": "pathlib", "copy_reg": "copyreg",
    "_elementtree": "xml.etree.ElementTree", "_weakref": "weakref", "_tkinter": "tkinter",
    "posixpath": "os.path", "ntpath": "os.path", "dill._dill": "dill",
    "cloudpickle.cloudpickle": "cloudpickle", "cloudpickle.cloudpickle_fast": "cloudpickle",
}  # fmt: skip
_PYTHON2_MODULES = {"popen2": "subprocess", "compiler": "code", "new": "types.FunctionType"}
_PYTHON2_ONLY = frozenset(("__builtin__", "copy_reg", "exceptions", "UserDict", "UserList"))
_REMOVED = _words(
    "asynchat asyncore cgi cgitb crypt distutils imp lib2to3 mailcap "
    "nntplib pipes smtpd spwd telnetlib test uu xdrlib _bootsubprocess "
    "_interpreters _xxsubinterpreters _testcapi _testinternalcapi "
    "__builtin__ copy_reg exceptions cPickle UserDict UserList"
)  # from versions of Python other than this one, or left out of its list
_OLD_STANDARD = frozenset(IMPORT_MAPPING)
_LIBRARIES = frozenset(("numpy", "pandas", "pytz", "dateutil"))
_ALWAYS_LOADED = _words("builtins __builtin__ exceptions _codecs codecs copyreg copy_reg")
_ACTS_ON_IMPORT = frozenset(("antigravity", "this", "idlelib.idle", "turtledemo", "sitecustomize"))

# Modules that others have as attributes, and that lead everywhere.
_GATES = _words(
    "os sys subprocess builtins posix nt importlib shutil socket ctypes pty runpy pickle marshal"
)
_REACHES_ALL = _words(
    "__builtins__ __globals__ __subclasses__ __loader__ __import__ __code__ __closure__ "
    "__self__ __base__ __bases__ __mro__ mro f_globals f_locals f_builtins gi_frame cr_frame "
    "tb_frame func_globals func_code __getattribute__ __dict__ __spec__"
)

_HARMLESS = (
    _names(
        "builtins",
        "object int float complex bool str bytes bytearray list tuple dict set frozenset slice "
        "range memoryview long unicode basestring xrange NoneType Ellipsis NotImplemented "
        "StandardError",
    )
    | frozenset(
        f"builtins.{name}"
        for name, value in vars(builtins).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    )
    | _names("collections", "OrderedDict defaultdict deque Counter ChainMap")
    | _names("collections", "UserDict UserList UserString")
)
_STANDARD = (
    _names("datetime", "datetime date time timedelta timezone tzinfo")
    | _names("decimal", "Decimal Context")
    | _names("fractions", "Fraction")
    | _names("uuid", "UUID SafeUUID")
    | _names("pathlib", "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath")
    | _names(
        "ipaddress",
        "IPv4Address IPv6Address IPv4Network IPv6Network IPv4Interface IPv6Interface",
    )
    | _names("copyreg", "_reconstructor __newobj__ __newobj_ex__")
    | _names("array", "array _array_reconstructor")
    | _names("types", "SimpleNamespace GenericAlias UnionType")
    | _names("zoneinfo", "ZoneInfo ZoneInfo._unpickle")
    | _names("time", "struct_time")
    | _names("random", "Random")
    | _names("re", "_compile")
    | _names("io", "BytesIO StringIO")
    | _names("os", "stat_result terminal_size statvfs_result times_result uname_result")
    | _names("enum", "Enum IntEnum Flag IntFlag StrEnum")
    | _names("functools", "partial")
    | _names("logging", "getLogger")
    | _names("argparse", "Namespace")
    | _names("optparse", "Values")
    | _names("xml.etree.ElementTree", "Element ElementTree")
    | _names("urllib.parse", "ParseResult SplitResult ParseResultBytes SplitResultBytes")
    | _names("string", "Template")
    | _names("subprocess", "CompletedProcess CalledProcessError TimeoutExpired")
    | _names("email.message", "Message EmailMessage")
    | _names("sched", "Event")
    | _names("inspect", "Signature Parameter BoundArguments _ParameterKind")
    | _names("numpy", "ndarray dtype matrix recarray record void generic bool str_ bytes_")
    | _names("numpy", "datetime64 timedelta64 object_")
    | _names("numpy.core.multiarray", "_reconstruct scalar")
    | _names("numpy.core.numeric", "_frombuffer")
    | _names("numpy.ma.core", "MaskedArray MaskedConstant _mareconstruct")
    | _names("numpy.random._pickle", "__randomstate_ctor __generator_ctor __bit_generator_ctor")
    | _names("pandas.core.frame", "DataFrame")
    | _names("pandas.core.series", "Series")
    | _names("pandas.core.internals.managers", "BlockManager SingleBlockManager")
    | _names("pandas.core.internals.blocks", "new_block")
    | _names("pandas._libs.internals", "_unpickle_block BlockManager")
    | _names("pandas._libs.tslibs.timestamps", "_unpickle_timestamp")
    | _names("pandas._libs.tslibs.timedeltas", "_timedelta_unpickle")
    | _names("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")
    | _names("pandas.core.indexes.base", "_new_Index Index")
    | _names("pandas.core.indexes.range", "RangeIndex")
    | _names("pandas.core.indexes.datetimes", "_new_DatetimeIndex DatetimeIndex")
    | _names("pandas.core.indexes.multi", "MultiIndex")
    | _names("pandas.core.arrays.datetimes", "DatetimeArray")
    | _names("pytz", "_UTC _p")
    | _names("dateutil.tz.tz", "tzutc tzlocal tzoffset")
)
_STANDARD_MAKERS = frozenset((("codecs", "encode"),))  # judged by its arguments
_NUMPY_NUMBERS = frozenset(("int", "uint", "float", "complex", "bool", "longdouble", "clongdouble"))

_RUNS_COMMANDS = "runs commands of the operating system"
_RUNS_CODE = "runs Python code that it is given"
_IMPORTS = "gets at any module and all that is in it, by names given as text"
_LOADS_NATIVE = "loads and calls native code"
_UNPICKLES = "loads another pickle, which can run anything in turn"
_INSTALLS = "installs packages, whose code runs"
_DELETES = "deletes, moves or overwrites files"
_INTERPRETER = "reaches into the interpreter itself"
_CONNECTS = "opens connections over the network"
_READS_SYSTEM = "reads what the system and the environment hold"
_FILES = "reads or writes files"
_CALLS = "calls what it is given, or does so later"
_ATTRIBUTES = "gets at objects by names given as text"
_HIDES = "decodes or unpacks data, which can hide what follows"
_INSPECTS = "reaches into frames, code and classes"

_BY_RISK: dict[Risk, dict[str, str]] = {
    Risk.DANGEROUS: {
        _RUNS_COMMANDS: "os subprocess pty multiprocessing asyncio "
        "pipes _winapi msvcrt winreg _osx_support _aix_support _bootsubprocess "
        "imaplib.IMAP4_stream uuid._get_command_stdout uuid._popen platform.popen "
        "platform._syscmd_file pexpect sh plumbum fabric invoke test.support "
        "ctypes.util mailcap",
        _RUNS_CODE: "builtins.eval builtins.exec builtins.compile builtins.execfile "
        "builtins.input builtins.breakpoint code codeop runpy timeit cProfile profile pdb bdb "
        "trace doctest unittest pydoc marshal cgitb rlcompleter idlelib lib2to3 compileall "
        "py_compile _interpreters _xxsubinterpreters interpreters concurrent.interpreters "
        "_testcapi _testinternalcapi tkinter dataclasses._create_fn "
        "dataclasses.make_dataclass "
        "typing.get_type_hints typing.ForwardRef typing._eval_type inspect.get_annotations "
        "logging.config xmlrpc.server wsgiref turtle sqlite3.connect gettext.c2py "
        "numpy.f2py numpy.testing numpy.distutils pandas.eval "
        "sympy.sympify sympy.parsing numexpr IPython torch.jit torch._dynamo torch._inductor "
        "torch.hub torch.utils.cpp_extension torch.utils.model_zoo keras.layers.Lambda",
        "makes code and functions of bytecode that is in the pickle": "types.CodeType "
        "types.FunctionType types.LambdaType types.MethodType types.ModuleType types.new_class",
        "opens a web browser": "webbrowser antigravity",
        _IMPORTS: "builtins.__import__ importlib imp pkgutil zipimport modulefinder site "
        "sitecustomize usercustomize pkg_resources builtins.globals builtins.locals "
        "encodings.search_function",
        _LOADS_NATIVE: "ctypes cffi _cffi_backend numpy.ctypeslib",
        _UNPICKLES: "pickle shelve dill cloudpickle joblib jsonpickle klepto torch.load "
        "torch.serialization torch.storage._load_from_bytes numpy.load numpy.lib.npyio "
        "numpy.lib.format pandas.read_pickle pandas.io.pickle yaml.load yaml.unsafe_load "
        "yaml.full_load yaml.load_all ruamel.yaml",
        _INSTALLS: "pip ensurepip venv setuptools distutils wheel virtualenv conda",
        _INTERPRETER: "sys gc fickling picklescan modelscan",
        _DELETES: "shutil",
        _CONNECTS: "socket ssl",
        _FILES: "builtins.open builtins.file io.open io.open_code io.FileIO codecs.open",
    },
    Risk.SUSPICIOUS: {
        _READS_SYSTEM: "os.environ os.environb os.getenv os.getenvb os.getcwd os.getcwdb "
        "os.listdir os.scandir os.stat os.lstat os.walk os.getpid os.getppid os.getuid "
        "os.getlogin os.uname os.cpu_count os.urandom os.access os.path os.fspath sys.version "
        "sys.version_info sys.platform sys.maxsize sys.byteorder platform getpass pwd grp spwd "
        "locale sysconfig",
        _CONNECTS: "http urllib ftplib smtplib poplib imaplib nntplib telnetlib "
        "xmlrpc socketserver asyncore asynchat smtpd select selectors cgi requests aiohttp "
        "httpx urllib3 paramiko websocket websockets boto3 torch.distributed",
        _FILES: "io fileinput tempfile glob linecache zipfile tarfile gzip bz2 lzma mmap sqlite3 "
        "dbm filecmp mailbox netrc plistlib pathlib logging configparser csv fcntl "
        "numpy.fromfile numpy.save numpy.memmap pandas.io pandas.read_csv",
        _CALLS: "functools operator itertools contextlib threading _thread concurrent sched "
        "signal atexit weakref builtins.map builtins.filter builtins.sorted builtins.min "
        "builtins.max builtins.iter builtins.reduce builtins.apply builtins.next builtins.sum "
        "builtins.any builtins.all builtins.property numpy.vectorize numpy.frompyfunc "
        "numpy.apply_along_axis",
        _ATTRIBUTES: "builtins.getattr builtins.setattr builtins.delattr builtins.hasattr "
        "builtins.vars builtins.dir builtins.super builtins.type inspect.getattr_static string",
        _HIDES: "codecs encodings zlib base64 binascii quopri uu",
        _INSPECTS: "inspect traceback types dis ast opcode symtable tracemalloc faulthandler",
        "ends or holds up the program": "builtins.exit builtins.quit resource time",
        "changes how all later pickles are loaded": "copyreg",
    },
}
_KNOWN: dict[str, tuple[Risk, str]] = {
    name: (risk, phrase)
    for risk, phrases in _BY_RISK.items()
    for phrase, names in phrases.items()
    for name in names.split()
}
