"""CRC-32C, the checksum of XFS, Btrfs and VHDX, fast enough in Python to check every block that is read.

A CRC is linear: that of a block is the exclusive or of what each byte contributes at its place. The contributions
stand in one table, so a block costs one look-up of a whole array instead of a loop over its bytes.

References:
    RFC 3720, section 12.1: the polynomial, 0x1EDC6F41, reflected.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["crc32c", "crc32c_without", "prepare"]

_POLYNOMIAL = 0x82F63B78
_PIECE_BYTES = 4096


@lru_cache(1)
def _tables() -> npt.NDArray[np.uint32]:
    """For each place in a piece and each byte there, what it contributes to the sum."""
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = np.where(first & 1, (first >> 1) ^ np.uint32(_POLYNOMIAL), first >> 1).astype(np.uint32)
    tables = np.empty((_PIECE_BYTES, 256), dtype=np.uint32)
    tables[-1] = first
    for place in range(_PIECE_BYTES - 2, -1, -1):
        after = tables[place + 1]
        tables[place] = (after >> 8) ^ first[after & 0xFF]
    return tables.reshape(-1)


_PLACES = np.arange(_PIECE_BYTES, dtype=np.intp) * 256


def prepare() -> None:
    """Builds the table before the seal, so that every child has it."""
    _tables()


def crc32c(content: bytes, state: int = 0xFFFFFFFF) -> int:
    """The checksum of the bytes.

    Args:
        content: Any bytes.
        state: What the sum begins with.
    """
    tables = _tables()
    for at in range(0, len(content), _PIECE_BYTES):
        piece = np.frombuffer(content, dtype=np.uint8, count=min(_PIECE_BYTES, len(content) - at), offset=at)
        found = tables[_PLACES[_PIECE_BYTES - len(piece) :] + piece]
        begun = state.to_bytes(4, "little")
        state = state >> 8 * len(piece) if len(piece) < 4 else 0
        for place, value in enumerate(begun[: len(piece)]):
            row = (_PIECE_BYTES - len(piece) + place) * 256
            found[place] = tables[row + (int(piece[place]) ^ value)]
        state ^= int(np.bitwise_xor.reduce(found))
    return state ^ 0xFFFFFFFF


def crc32c_without(content: bytes, at: int) -> int:
    """The checksum of the bytes with the four at `at`, where it is stored, taken as zeros."""
    return crc32c(content[:at] + bytes(4) + content[at + 4 :])
