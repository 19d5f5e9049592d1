"""Cuts down ICU's tables to those that Qt reads: 32 MB, a quarter of the bundle, become 5.

What libQt6Core calls of ICU is in its list of symbols: sorting (ucol), upper and lower case
(u_strTo…, whose tables are in libicuuc), names of time zones (ucal) and converters of encodings
(ucnv). Words for countries, currencies and units, line breaks, spelled numbers, transliteration
and the months' names in all languages are read by other functions. Of time zones and of encodings
only those are left out that Jobshelf has no use for: it shows UTC and the system's time in numbers,
and reads no text but UTF-8 and Latin-1, which need no table.

The library holds one object, icudtNN_dat, of the form "common data": a header, a count, and for
each item the places of its name and its data, sorted by name (ICU, source/common/ucmndata.h).
"""

import re
import struct
import sys
from pathlib import Path

from project import BUILD, output, run

# Functions of ICU that may be called: Qt's calls of others would want tables that are left out.
_CALLS = re.compile(r"(ucol|ucnv|ucal)_\w+|u_strTo(Lower|Upper)|UCNV_\w+_CALLBACK_\w+")
# Items that stay: sorting in all languages, and what is asked for whatever the language.
_KEPT = re.compile(
    r"coll/.*|cnvalias\.icu"
    r"|(root|pool|res_index|icuver|keyTypeData|likelySubtags|metaZones|metadata|numberingSystems"
    r"|supplementalData|timezoneTypes|windowsZones|zoneinfo64)\.res"
)
_ALIGNMENT = 16
_PROBE = """
import ctypes, sys
version, folder = sys.argv[1:]
ctypes.CDLL(f"{folder}/libicudata.so.{version}")
ctypes.CDLL(f"{folder}/libicuuc.so.{version}")
icu = ctypes.CDLL(f"{folder}/libicui18n.so.{version}")
call = lambda name: getattr(icu, f"{name}_{version}")
call("ucol_open").restype = ctypes.c_void_p
text = lambda word: (ctypes.c_uint16 * len(word))(*map(ord, word))
for language, first, second in (("", "a", "b"), ("de", "ö", "z"), ("sv", "z", "ö")):
    status = ctypes.c_int(0)
    sorter = ctypes.c_void_p(call("ucol_open")(language.encode(), ctypes.byref(status)))
    assert status.value <= 0, (language, status.value)
    order = call("ucol_strcoll")(sorter, text(first), len(first), text(second), len(second))
    assert order == -1, (language, first, second, order)
"""


def cut_down(folder: Path) -> None:
    """Put a smaller library of tables in place of a Linux bundle's, and see that it sorts."""
    (library,) = (
        path for path in folder.rglob("libicudata.so.*") if not path.is_symlink()
    )  # a link stands where the loader looks for libraries
    version = library.name.rpartition(".")[2]
    _see_calls(library.parent, version)
    start, size = _place(library, f"icudt{version}_dat")
    data = library.read_bytes()[start : start + size]
    _write_library(library, f"icudt{version}_dat", without(data))
    run([sys.executable, "-c", _PROBE, version, library.parent])


def without(data: bytes) -> bytes:
    """Return common data with the items only that stay."""
    (header,) = struct.unpack_from("<H", data)
    (count,) = struct.unpack_from("<I", data, header)
    places = [struct.unpack_from("<II", data, header + 4 + 8 * index) for index in range(count)]
    ends = [place for _, place in places[1:]] + [len(data) - header]
    kept = []
    for (name_at, item_at), end in zip(places, ends, strict=True):
        name = data[header + name_at : data.index(b"\0", header + name_at)]
        if _KEPT.fullmatch(name.partition(b"/")[2].decode("ascii")):
            kept.append((name + b"\0", data[header + item_at : header + end]))
    table, names, items = struct.pack("<I", len(kept)), b"", b""
    names_at = 4 + 8 * len(kept)
    items_at = _aligned(names_at + sum(len(name) for name, _ in kept))
    for name, item in kept:
        table += struct.pack("<II", names_at + len(names), items_at + len(items))
        names += name
        items += item.ljust(_aligned(len(item)), b"\0")
    return data[:header] + (table + names).ljust(items_at, b"\0") + items


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _see_calls(folder: Path, version: str) -> None:
    """End the build if a library of Qt calls what may want a table that is left out."""
    for library in folder.glob("libQt6*"):
        names = re.findall(
            rf"\*UND\*.*\s(\w+)_{version}$", output(["objdump", "-T", library]), re.MULTILINE
        )
        if wrong := [name for name in names if not _CALLS.fullmatch(name)]:
            sys.exit(
                f"packaging: {library.name} calls {', '.join(wrong)} of ICU (packaging/icu.py)."
            )


def _place(library: Path, symbol: str) -> tuple[int, int]:
    """Return offset and size of an object in a library's file."""
    match = re.search(
        rf"^([0-9a-f]+) .*\.rodata\s+([0-9a-f]+)\s+{symbol}$",
        output(["objdump", "-T", library]),
        re.MULTILINE,
    )
    section = re.search(
        r"\.rodata\s+[0-9a-f]+\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)",
        output(["objdump", "-h", library]),
    )
    if match is None or section is None:
        sys.exit(f"packaging: {library.name} has no {symbol} where ICU puts it.")
    address, size = int(match[1], 16), int(match[2], 16)
    return address - int(section[1], 16) + int(section[2], 16), size


def _write_library(library: Path, symbol: str, data: bytes) -> None:
    """Write a library that has nothing but one object, as ICU's own tool does."""
    folder = BUILD / "icu"
    folder.mkdir(exist_ok=True)
    (folder / "tables").write_bytes(data)
    run(["ld", "-r", "-b", "binary", "-z", "noexecstack", "-o", "raw.o", "tables"], cwd=folder)
    run(
        ["objcopy", "--rename-section", ".data=.rodata,alloc,load,readonly,data,contents",
         "--set-section-alignment", f".rodata={_ALIGNMENT}",
         "--redefine-sym", f"_binary_tables_start={symbol}",
         "--strip-symbol", "_binary_tables_end", "--strip-symbol", "_binary_tables_size",
         "raw.o", "tables.o"],
        cwd=folder,
    )  # fmt: skip
    run(
        ["ld", "-shared", "-s", "-soname", library.name, "--hash-style=both", "-z", "noexecstack",
         "--build-id=none", "-o", "tables.so", "tables.o"],
        cwd=folder,
    )  # fmt: skip
    library.write_bytes((folder / "tables.so").read_bytes())
