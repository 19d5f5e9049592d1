"""Messages go over a pipe and come out as they were; nothing is unpickled."""

from __future__ import annotations

import multiprocessing

import pytest

from app.work import protocol
from app.work.records import NodeRow
from persistence.errors import DecodeError, StoreError
from persistence.pickles import decode

ROW = NodeRow(
    "parent", "Job.1", "lab.Job", 0, (3, 0, 12), "reference", "J\udce9b.1",
    frozenset({"cycle", "shared"}), "NEW", "tasks[3].parent",
)  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    [
        protocol.Root("1 Job.1"),
        protocol.Children("1 Job.1", (1, 2), 5, 10),
        protocol.Text("1 J\udce9b.1", (1,), 99),
        protocol.Expression("1 Job.1", ()),
        protocol.References("1 Job.1"),
        protocol.Digests((1, 2, 3)),
    ],
)
def test_requests_go_over_a_pipe_with_their_bytes(request_: protocol.Request) -> None:
    ours, theirs = multiprocessing.Pipe()
    protocol.send(ours, protocol.request_to_wire(request_), b"bytes\0")
    header, payload = protocol.receive(theirs)
    assert protocol.request_from_wire(header) == request_
    assert payload == b"bytes\0"
    ours.close()
    with pytest.raises(EOFError):
        protocol.receive(theirs)
    theirs.close()


def test_rows_come_out_as_they_were() -> None:
    ours, theirs = multiprocessing.Pipe()
    protocol.send(ours, {"result": protocol.row_to_wire(ROW)})
    header, _ = protocol.receive(theirs)
    assert protocol.row_from_wire(header["result"]) == ROW
    ours.close()
    theirs.close()


def test_errors_keep_their_sentence_and_their_place() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(b"\x80\x04]")
    back = protocol.error_from_wire(protocol.error_to_wire(caught.value))
    assert isinstance(back, DecodeError)
    assert str(back) == str(caught.value)
    assert back.offset == caught.value.offset
    other = protocol.error_from_wire(protocol.error_to_wire(StoreError("Bad.", "Go away.")))
    assert (type(other), str(other)) == (StoreError, "Bad. Go away.")


def test_pickles_are_told_apart_by_their_sizes() -> None:
    assert list(protocol.split(b"aabbbc", (2, 3, 0, 1))) == [b"aa", b"bbb", b"", b"c"]
