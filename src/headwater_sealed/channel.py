"""The worker's end of the two sockets: one between parent and zygote, one between parent and each child.

Both are Unix socket pairs that the parent made; nothing here listens, connects or has an address. The control socket
carries one small JSON object a packet. The child's socket carries frames (one letter, eight bytes of length, payload);
descriptors follow their request in messages of their own. The parent has the same constants on its side.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from typing import Any

__all__ = [
    "BATCH",
    "DESCRIPTORS_PER_MESSAGE",
    "END",
    "PACKET_BYTES",
    "SCHEMA",
    "SEALED",
    "Control",
    "Endpoint",
    "Reply",
    "receive_request",
]

HEADER = struct.Struct("<cQ")
SEALED, SCHEMA, BATCH, END = b"S", b"H", b"B", b"E"
PACKET_BYTES = 16 * 1024
DESCRIPTORS_PER_MESSAGE = 64

Endpoint = socket.socket
"""A child's end of its socket, made of the inherited descriptor by `Endpoint(fileno=...)`."""


class Control:
    """The zygote's control socket.

    Args:
        descriptor: The inherited socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def fileno(self) -> int:
        """The descriptor, to poll."""
        return self._socket.fileno()

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends one object to the parent."""
        self._socket.send(json.dumps(message).encode())

    def receive(self) -> tuple[dict[str, Any], int | None] | None:
        """The next object of the parent and the descriptor that came with it; None once the parent is gone."""
        packet, descriptors, _flags, _address = socket.recv_fds(self._socket, PACKET_BYTES, 1)
        if not packet:
            return None
        return json.loads(packet), descriptors[0] if descriptors else None


class Reply:
    """Where a child writes; after the seal, the only writable thing it has.

    Args:
        descriptor: Its end of the socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, kind: bytes, payload: bytes | memoryview) -> None:
        """Writes one frame."""
        view = memoryview(payload).cast("B")
        self._write(memoryview(HEADER.pack(kind, len(view))))
        self._write(view)

    def send_object(self, kind: bytes, message: Mapping[str, Any]) -> None:
        """Writes one frame of JSON."""
        self.send(kind, json.dumps(message).encode())

    def _write(self, view: memoryview) -> None:
        # write(2), not send(2): the filter allows no socket call but the one that receives descriptors.
        while view:
            view = view[os.write(self._descriptor, view) :]


def _read_exactly(descriptor: int, size_bytes: int) -> bytes:
    """Exactly so many bytes; reading further could swallow the byte that descriptors travel with."""
    parts: list[bytes] = []
    while size_bytes:
        part = os.read(descriptor, min(size_bytes, 1 << 20))
        if not part:
            raise EOFError("the parent closed the channel")
        parts.append(part)
        size_bytes -= len(part)
    return b"".join(parts)


def receive_request(channel: Endpoint) -> tuple[dict[str, Any], tuple[int, ...]]:
    """The request and the evidence descriptors in its order.

    Args:
        channel: The child's end. It is a socket object that was made before the seal, as making one asks the kernel
            about the socket.
    """
    descriptor = channel.fileno()
    _kind, size_bytes = HEADER.unpack(_read_exactly(descriptor, HEADER.size))
    request: dict[str, Any] = json.loads(_read_exactly(descriptor, size_bytes))
    descriptors: list[int] = []
    while len(descriptors) < request["files"]:
        _byte, received, _flags, _address = socket.recv_fds(channel, 1, DESCRIPTORS_PER_MESSAGE)
        if not received:
            raise EOFError("a descriptor is missing")
        descriptors += received
    return request, tuple(descriptors)
