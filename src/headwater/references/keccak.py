"""Keccak-256, as Ethereum has it: the sponge of SHA-3 with the padding of before the standard.

No locked library has it, and OpenSSL does so from version 3.2 only (docs/adr/0026). Tests hold the permutation to
`hashlib.sha3_256`, which differs in one byte of padding.

References:
    Bertoni, Daemen, Peeters, Van Assche, "The Keccak reference", version 3.0 (2011), 1.2 and 1.3.
    FIPS PUB 202 (2015), 3.2 and B.2.
"""

from __future__ import annotations

from typing import Final

__all__ = ["keccak_256", "sponge_256"]

_RATE_BYTES: Final = 136  # 1600 bits less twice 256
_LANES: Final = 25
_MASK: Final = (1 << 64) - 1


def _constants() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Round constants from the LFSR x^8+x^6+x^5+x^4+1, and the offset by which each lane is turned."""
    rounds, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        rounds.append(constant)
    offsets, x, y = [0] * _LANES, 1, 0
    for step in range(24):
        offsets[x + 5 * y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(rounds), tuple(offsets)


_ROUNDS, _OFFSETS = _constants()


def keccak_256(message: bytes) -> bytes:
    """The digest, 32 bytes.

    Example:
        >>> keccak_256(b"").hex()[:16]
        'c5d2460186f7233c'
    """
    return sponge_256(message, 0x01)


def sponge_256(message: bytes, first_padding_byte: int) -> bytes:
    """The digest of the sponge of 256 bits with a padding: 0x01 for Keccak, 0x06 for SHA-3."""
    padding = bytearray(_RATE_BYTES - len(message) % _RATE_BYTES)
    padding[0] = first_padding_byte
    padding[-1] |= 0x80
    padded = message + bytes(padding)
    lanes = [0] * _LANES
    for start in range(0, len(padded), _RATE_BYTES):
        for lane in range(_RATE_BYTES // 8):
            at = start + 8 * lane
            lanes[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    for constant in _ROUNDS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [columns[(x + 4) % 5] ^ _turned(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * _LANES
        for x in range(5):
            for y in range(5):
                lane = x + 5 * y
                moved[y + 5 * ((2 * x + 3 * y) % 5)] = _turned(lanes[lane] ^ mixed[x], _OFFSETS[lane])
        lanes = [
            moved[lane] ^ (~moved[lane // 5 * 5 + (lane + 1) % 5] & moved[lane // 5 * 5 + (lane + 2) % 5])
            for lane in range(_LANES)
        ]
        lanes[0] ^= constant
    return lanes


def _turned(lane: int, bits: int) -> int:
    return (lane << bits | lane >> (64 - bits)) & _MASK
