"""LZNT1, by which NTFS compresses content: chunks of 4,096 bytes, each packed or not.

References:
    [MS-XCA] 2.5, LZNT1 algorithm details.
"""

from __future__ import annotations

import struct

from headwater_sealed.refusal import UnreadableError

__all__ = ["CHUNK_BYTES", "unpacked"]

CHUNK_BYTES = 4096
"""What a chunk holds when it is unpacked."""


def _length_bits() -> tuple[int, ...]:
    """For each place in a chunk, how many of the sixteen bits of a copy are its length."""
    bits = []
    for place in range(CHUNK_BYTES + 1):
        count = 12
        reach = place - 1
        while reach >= 16:
            count -= 1
            reach >>= 1
        bits.append(count)
    return tuple(bits)


_LENGTH_BITS = _length_bits()


def unpacked(packed: bytes, size_bytes: int) -> bytes:
    """The content of chunks one behind the other; what is not there, up to `size_bytes`, is zeros.

    A chunk that gives less than it should is filled with zeros, as the writer leaves out the end of a file.

    Raises:
        UnreadableError: The chunks are damaged.
    """
    whole = bytearray()
    at = 0
    while at + 2 <= len(packed) and len(whole) < size_bytes:
        head = struct.unpack_from("<H", packed, at)[0]
        if head == 0:
            break
        length = (head & 0xFFF) + 1
        chunk = packed[at + 2 : at + 2 + length]
        if len(chunk) != length:
            raise UnreadableError("compressed content ends early")
        content = _chunk(chunk) if head & 0x8000 else chunk
        whole += content
        whole += bytes(-len(whole) % CHUNK_BYTES)
        at += 2 + length
    whole += bytes(max(0, size_bytes - len(whole)))
    return bytes(whole[:size_bytes])


def _chunk(packed: bytes) -> bytearray:
    whole = bytearray()
    at, end = 0, len(packed)
    while at < end:
        flags = packed[at]
        at += 1
        if not flags:
            # Eight bytes as they are: most of what does not repeat.
            whole += packed[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if at >= end:
                break
            if not flags >> bit & 1:
                whole.append(packed[at])
                at += 1
                continue
            at = _copied(whole, packed, at)
    if len(whole) > CHUNK_BYTES:
        raise UnreadableError("compressed content is damaged: a chunk is too long")
    return whole


def _copied(whole: bytearray, packed: bytes, at: int) -> int:
    """Appends what the copy at `at` repeats, and tells where the next item begins."""
    reached = len(whole)
    if at + 2 > len(packed) or not 0 < reached < CHUNK_BYTES:
        raise UnreadableError("compressed content is damaged: a copy without anything before it")
    copy = packed[at] | packed[at + 1] << 8
    bits = _LENGTH_BITS[reached]
    back = (copy >> bits) + 1
    length = (copy & (1 << bits) - 1) + 3
    if back > reached:
        raise UnreadableError("compressed content is damaged: a copy from before its chunk")
    if back >= length:
        whole += whole[reached - back : reached - back + length]
    else:
        part = whole[reached - back :]
        whole += (part * (length // back + 1))[:length]
    return at + 2
