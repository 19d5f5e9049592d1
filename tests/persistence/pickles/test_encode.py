"""What is decoded and written again loads as what it was, identities included."""

from __future__ import annotations

import os
import pickle
import pickletools
import random
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persistence import make_store
from persistence.errors import DecodeError, StoreError
from persistence.pickles import decode, encode
from persistence.pickles.writer import Writer
from tests.helpers.graphs import Plain, Stored, are_alike, make_graph
from tests.helpers.nodes import difference_of_nodes

DATA = Path(__file__).parents[2] / "data"
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
CASES = int(os.environ.get("JOBSHELF_ROUND_TRIPS", "100000"))
CASES_AT_ONCE = 200


class Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if type(obj) is Stored else None


class Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Stored:
        return Stored(pid)


def dumps(value: Any, protocol: int) -> bytes:
    file = BytesIO()
    Pickler(file, protocol).dump(value)
    return file.getvalue()


def loads(data: bytes, **options: Any) -> Any:
    return Unpickler(BytesIO(data), **options).load()


def assert_round_trip(data: bytes, **options: Any) -> None:
    decoded = decode(data)
    written = encode(decoded)
    slowly = Writer(decoded.protocol, python2=decoded.python2).write(decoded.root)
    for again in (written, slowly):
        assert difference_of_nodes(decoded, decode(again)) == ""
        assert are_alike(loads(data, **options), loads(again, **options)) == ""


@settings(max_examples=max(CASES // CASES_AT_ONCE, 1), deadline=None)
@given(st.integers(min_value=0, max_value=2**63))
def test_random_graphs_load_as_what_they_were(seed: int) -> None:
    for number in range(CASES_AT_ONCE):
        source = random.Random(seed * CASES_AT_ONCE + number)
        graph = make_graph(source)
        try:
            data = dumps(graph, source.choice(PROTOCOLS))
        except (TypeError, RecursionError):  # slots, and lists in themselves, need protocol 2
            data = dumps(graph, source.choice(PROTOCOLS[2:]))
        decoded = decode(data)
        written = encode(decoded)
        wrong = are_alike(loads(data), loads(written))
        assert not wrong, (seed, number, wrong)
        wrong = difference_of_nodes(decoded, decode(written))
        assert not wrong, (seed, number, wrong)


def test_the_slow_writer_writes_the_same_graphs() -> None:
    for seed in range(3_000):
        graph = make_graph(random.Random(seed))
        assert_round_trip(dumps(graph, 2 + seed % 4))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_ordinary_object_is_written_as_pickle_writes_it(protocol: int) -> None:
    job = Plain()
    job.jobname, job.state = "sweep-1", {"when": 1.5, "codes": [0, 1], "size": 10**30}
    data = pickle.dumps(job, protocol)
    decoded = decode(data)
    # The names of modules are not shared between classes; there is only one here.
    assert encode(decoded) == data
    assert Writer(protocol, python2=False).write(decoded.root) == data


PYTHON2 = {
    "an instance of a class of old": b"(i__main__\nOld\np0\n(dp1\nS'a'\np2\nI1\nsb.",
    "one with arguments": b"(I7\ni__main__\nOld\np0\n.",
    "in binary": b"(c__main__\nOld\nq\x00oq\x01}q\x02U\x01aq\x03K\x01sb.",
    "texts that are not ASCII": b"\x80\x02U\x03\xe4\xf6\xfcq\x01X\x02\x00\x00\x00\xc3\xa4\x86.",
    "a long one": b"\x80\x02T\x2c\x01\x00\x00" + b"x" * 300 + b".",
    "quotes": b"S'it\\'s \\\\ \\x00\\n\"'\n.",
    "a byte string beside bytes": b"\x80\x03U\x01aC\x01a\x86.",
    "a reference on a line": b"(lp0\nPJob.7\na.",
}


@pytest.mark.parametrize("name", PYTHON2)
def test_what_python_2_wrote_stays_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import __main__

    class Old:
        def __init__(self, *args: Any) -> None:
            self.args = args

    monkeypatch.setattr(__main__, "Old", Old, raising=False)
    monkeypatch.setattr(Old, "__module__", "__main__")
    data = PYTHON2[name]
    for encoding in ("latin-1", "bytes"):
        assert_round_trip(data, encoding=encoding)
    opcodes = {opcode.name for opcode, _, _ in pickletools.genops(data)}
    kept = {opcode.name for opcode, _, _ in pickletools.genops(encode(decode(data)))}
    characteristic = {"INST", "OBJ", "STRING", "SHORT_BINSTRING", "BINSTRING", "PERSID"}
    assert opcodes & characteristic == kept & characteristic


ODD = {
    "a dictionary with a list as key": b"\x80\x04}\x94(]\x94K\x01K\x02K\x03uh\x00\x86.",
    "one that was shared before": b"\x80\x04]\x94(}\x94h\x01(]K\x01uh\x01e.",
    "a set with a dictionary": b"\x80\x04\x8f\x94(}K\x01\x90.",
    "a frozen set with a list": b"\x80\x04(]K\x01\x91\x94h\x00\x86.",
    "a dictionary made at once": b"(]K\x01d.",
    "two states": b"\x80\x02cm\nC\n)\x81}X\x01\x00\x00\x00aK\x01sb}b.",
    "the state None": b"\x80\x02cm\nC\n)\x81Nb.",
    "a state between items": b"\x80\x02cm\nC\n)\x81K\x01a}bK\x02aK\x03K\x04sK\x05aNb.",
    "what is added as to a set": b"\x80\x04cm\nC\n)\x81(K\x01K\x02\x90}b(K\x03\x90.",
    "a call of a result": b"\x80\x02cm\nf\n)R)R}b.",
    "an instance of a result": b"\x80\x02cm\nf\n)R(K\x01t\x81.",
    "keywords": b"\x80\x02cm\nC\n)}X\x01\x00\x00\x00aK\x01s\x92.",
    "absent buffers": b"\x80\x05\x97\x94\x97\x98h\x00\x87.",
    "a read-only byte array": b"\x80\x05\x96\x02\0\0\0\0\0\0\0ab\x98.",
    "a shared reference": b"\x80\x02X\x01\x00\x00\x00aQq\x01h\x01\x86.",
    "a reference to None": b"\x80\x02NQ.",
    "a reference that is a number, in protocol 0": b"I7\nQ.",
    "a name with a line feed": b"\x80\x04\x8c\x03a\nb\x8c\x01c\x93.",
    "newer opcodes than declared": b"\x80\x02\x8f(K\x01\x90C\x01x\x96\x01\0\0\0\0\0\0\0y\x87.",
    "a new object in protocol 0": b"cm\nC\n(t\x81.",
    "huge integers in protocol 0": b"\x8b\xd0\x07\0\0" + b"\x7f" * 2_000 + b".",
    "a long text": b"\x80\x04X\x70\x11\x01\0" + b"t" * 70_000 + b"\x94cm\nC\n\x86\x94.",
    "negative zero and infinity": b"\x80\x02G\x80\0\0\0\0\0\0\0F-inf\n\x86.",
}


@pytest.mark.parametrize("name", ODD)
def test_what_no_pickler_writes_is_written_as_it_was(name: str) -> None:
    decoded = decode(ODD[name])
    again = decode(encode(decoded))
    assert difference_of_nodes(decoded, again) == ""


def test_an_object_among_its_own_arguments_gets_them_complete() -> None:
    # As a set of protocol 2 whose member knows the set: it is made from a list.
    data = pickle.dumps(_knowing_set(), 2)
    loaded = loads(encode(decode(data)))
    (member,) = loaded
    assert member.owner is loaded


def _knowing_set() -> set[Any]:
    member = Plain()
    member.owner = {member}
    return member.owner


def test_an_object_made_of_itself_alone_is_refused() -> None:
    decoded = decode(b"\x80\x02cm\nf\n)R.")
    decoded.root.args = ((decoded.root,),)
    with pytest.raises(StoreError, match="made from itself"):
        encode(decoded)


def test_a_value_that_no_pickle_has_is_refused() -> None:
    decoded = decode(b"\x80\x02]K\x01a.")
    decoded.root.append(object())
    with pytest.raises(StoreError, match="type object"):
        encode(decoded)


@pytest.mark.parametrize("name", sorted(path.stem for path in (DATA / "hostile").glob("*.pickle")))
def test_hostile_pickles_are_written_as_they_were(name: str) -> None:
    data = (DATA / "hostile" / f"{name}.pickle").read_bytes()
    try:
        decoded = decode(data)
    except DecodeError:
        pytest.skip("it cannot be decoded, as it must not")
    assert difference_of_nodes(decoded, decode(encode(decoded))) == ""


def test_every_object_of_gc3pie_is_written_as_it_was() -> None:
    count = 0
    for place in ("python3.7", "python2.7"):
        for path in sorted((DATA / "gc3pie" / place).iterdir()):
            try:
                store = make_store(path, read_only=True)
            except StoreError:
                continue  # a manifest, or a file beside a session
            with store:
                for id_ in store:
                    decoded = decode(store.read(id_))
                    assert difference_of_nodes(decoded, decode(encode(decoded))) == "", id_
                    count += 1
    assert count > 100


def test_a_graph_of_a_million_nodes_and_one_200000_levels_deep_are_written_and_freed() -> None:
    wide = [[number, str(number)] for number in range(350_000)]
    assert loads(encode(decode(pickle.dumps(wide, 4)))) == wide
    for opening, closing in ((b"]\x94", b"a"), (b"cm\nC\n)\x81\x94", b"b"), (b"]", b"\x85")):
        data = b"\x80\x04" + opening * 200_000 + b"N" + closing * 200_000 + b"."
        if closing == b"\x85":
            data = b"\x80\x04N" + closing * 200_000 + b"."
        decoded = decode(data)
        written = encode(decoded)
        assert decode(written).size == len(written)
