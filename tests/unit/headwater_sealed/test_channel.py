"""Frames and descriptors over a socket pair, read on the parent's side as they were written on the child's."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headwater.evidence.sealed_channel import ChildEndedError, ChildSocket
from headwater_sealed.channel import BATCH, END, HEADER, SEALED, Reply, receive_request


@pytest.fixture
def ends() -> Iterator[tuple[ChildSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with closing(ChildSocket(ours, wall_s=5.0)) as parent, theirs:
        yield parent, theirs


def test_frames_arrive_as_they_were_sent(ends: tuple[ChildSocket, socket.socket]):
    parent, child = ends
    reply = Reply(child.fileno())
    reply.send(BATCH, b"")
    reply.send(BATCH, memoryview(b"payload"))
    reply.send_object(END, {"a": 1})
    received = [parent.receive({BATCH: 100, END: 100}) for _ in range(3)]
    assert received == [(BATCH, b""), (BATCH, b"payload"), (END, b'{"a": 1}')]


def test_a_request_brings_its_descriptors_in_order(ends: tuple[ChildSocket, socket.socket], tmp_path: Path):
    parent, child = ends
    files = []
    for index in range(70):
        (tmp_path / str(index)).write_bytes(str(index).encode())
        files.append(os.open(tmp_path / str(index), os.O_RDONLY))
    parent.send_request({"job": "echo", "parameters": {"wide": "x" * 10_000}}, files)
    request, descriptors = receive_request(child)
    try:
        assert request["parameters"]["wide"] == "x" * 10_000
        assert [os.pread(one, 9, 0) for one in descriptors] == [str(index).encode() for index in range(70)]
    finally:
        for one in (*files, *descriptors):
            os.close(one)


def test_a_frame_out_of_turn_is_refused(ends: tuple[ChildSocket, socket.socket]):
    parent, child = ends
    Reply(child.fileno()).send(BATCH, b"too early")
    with pytest.raises(ChildEndedError, match="out of turn"):
        parent.receive({SEALED: 100})


def test_a_frame_is_refused_by_its_announced_size(ends: tuple[ChildSocket, socket.socket]):
    parent, child = ends
    child.send(HEADER.pack(BATCH, 101))
    with pytest.raises(ChildEndedError, match="reply too large"):
        parent.receive({BATCH: 100})


@pytest.mark.parametrize("sent", [b"", HEADER.pack(BATCH, 5)[:4], HEADER.pack(BATCH, 5) + b"1234"])
def test_a_reply_cut_short_is_noticed(ends: tuple[ChildSocket, socket.socket], sent: bytes):
    parent, child = ends
    child.send(sent)
    child.shutdown(socket.SHUT_WR)
    with pytest.raises(ChildEndedError, match="cut short") as caught:
        parent.receive({BATCH: 100})
    assert caught.value.silent


def test_waiting_is_limited_over_all_frames():
    ours, child = socket.socketpair()
    with closing(ChildSocket(ours, wall_s=0.05)) as parent, child:
        with pytest.raises(ChildEndedError, match=r"time limit of 0\.05 s"):
            parent.receive({BATCH: 100})
        Reply(child.fileno()).send(BATCH, b"too late")
        with pytest.raises(ChildEndedError, match=r"time limit of 0\.05 s"):
            parent.receive({BATCH: 100})


def test_a_child_whose_parent_is_gone_ends():
    ours, child = socket.socketpair()
    with child:
        ours.close()
        with pytest.raises(EOFError):
            receive_request(child)
