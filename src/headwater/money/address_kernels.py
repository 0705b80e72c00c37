"""Inner loops of writing addresses: most of the time that a plain reader of blocks spends goes there."""

from __future__ import annotations

from typing import Final

import numpy as np

from headwater.compiled import I64, U8, U32, U64, Int, compiled
from headwater.money.digest_kernels import digest_twice

__all__ = ["IS_KEY", "LONGEST_ADDRESS", "write_addresses"]

LONGEST_ADDRESS: Final = 90  # source: BIP-173
IS_KEY: Final = -1
"""In place of a length: a bare public key, whose address takes another digest and is left to the caller."""

_BASE58: Final = np.frombuffer(b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", dtype=np.uint8)
_BECH32: Final = np.frombuffer(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l", dtype=np.uint8)
_GENERATOR: Final = np.array([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3], dtype=np.uint64)
_BECH32_CONSTANT: Final = np.uint64(1)  # source: BIP-173, witness version 0
_BECH32M_CONSTANT: Final = np.uint64(0x2BC830A3)  # source: BIP-350, witness versions from 1
_FIVE_DIGITS: Final = np.uint64(58**5)
_CONTENT_BYTES: Final = 25
_LIMBS: Final = 7


@compiled
def _write_base58(content: U8, limbs: U64, into: U8) -> int:
    """Writes 25 bytes in base 58, each zero byte at their beginning as a digit of its own; how many letters."""
    limbs[:] = 0
    for place in range(_CONTENT_BYTES):
        limb = (place + 3) // 4
        limbs[limb] = (limbs[limb] << np.uint64(8)) | np.uint64(content[place])
    digits = 5 * _LIMBS
    for group in range(_LIMBS):
        rest = np.uint64(0)
        for limb in range(_LIMBS):
            whole = (rest << np.uint64(32)) | limbs[limb]
            limbs[limb] = whole // _FIVE_DIGITS
            rest = whole - limbs[limb] * _FIVE_DIGITS
        for digit in range(5):
            into[digits - 5 * group - digit - 1] = np.uint8(rest % np.uint64(58))
            rest //= np.uint64(58)
    zeros = 0
    while zeros < _CONTENT_BYTES and content[zeros] == 0:
        zeros += 1
    first = 0
    while first < digits and into[first] == 0:
        first += 1
    length = zeros + digits - first
    # Letters move to the left or stay: there are never more zero bytes than zero digits.
    for place in range(length):
        into[place] = _BASE58[0] if place < zeros else _BASE58[into[first + place - zeros]]
    return length


@compiled
def _write_hashed(
    prefix: int, content: U8, start: Int, room: U8, tail: U8, state: U32, digest: U8, limbs: U64, into: U8
) -> int:
    """Writes the address of a digest of 20 bytes with its checksum; how many letters."""
    room[0] = prefix
    room[1:21] = content[start : start + 20]
    digest_twice(room, 0, 21, tail, state, digest)
    room[21:25] = digest[:4]
    return _write_base58(room, limbs, into)


@compiled
def _mixed(checksum: np.uint64, letter: np.uint64) -> np.uint64:
    """The checksum of BIP-173 with one letter more."""
    top = checksum >> np.uint64(25)
    checksum = ((checksum & np.uint64(0x1FFFFFF)) << np.uint64(5)) ^ letter
    for place in range(5):
        if (top >> np.uint64(place)) & np.uint64(1):
            checksum ^= _GENERATOR[place]
    return checksum


@compiled
def _write_witness(prefix: U8, version: Int, content: U8, start: Int, end: Int, into: U8) -> int:
    """Writes the address of a witness program; how many letters."""
    checksum = np.uint64(1)
    for letter in prefix:
        checksum = _mixed(checksum, np.uint64(letter >> 5))
    checksum = _mixed(checksum, np.uint64(0))
    for place in range(len(prefix)):
        checksum = _mixed(checksum, np.uint64(prefix[place] & 31))
        into[place] = prefix[place]
    told = len(prefix)
    into[told], into[told + 1] = 0x31, _BECH32[version]
    checksum = _mixed(checksum, np.uint64(version))
    told += 2
    held, bits = np.uint64(0), 0
    for at in range(start, end + 1):
        if at < end:
            held = ((held << np.uint64(8)) | np.uint64(content[at])) & np.uint64(0xFFF)
            bits += 8
        elif bits:  # the last letter is filled up with zeros
            held <<= np.uint64(5 - bits)
            bits = 5
        while bits >= 5:
            bits -= 5
            letter = (held >> np.uint64(bits)) & np.uint64(31)
            checksum = _mixed(checksum, letter)
            into[told] = _BECH32[letter]
            told += 1
    for _ in range(6):
        checksum = _mixed(checksum, np.uint64(0))
    checksum ^= _BECH32M_CONSTANT if version else _BECH32_CONSTANT
    for place in range(6):
        into[told + place] = _BECH32[(checksum >> np.uint64(5 * (5 - place))) & np.uint64(31)]
    return told + 6


@compiled
def write_addresses(  # noqa: C901 - one loop over the kinds of script
    content: U8,
    starts: I64,
    first: int,
    key_prefix: int,
    script_prefix: int,
    witness_prefix: U8,
    into: U8,
    lengths: I64,
) -> None:
    """Writes the address of each script from `first` on, and its length: 0 for none, or `IS_KEY`.

    Args:
        content: Bytes of all scripts.
        starts: Where each begins, and where the last ends.
        first: The script to begin with.
        key_prefix: Byte before the hash of a key.
        script_prefix: Byte before the hash of a script.
        witness_prefix: Letters before the 1 of a witness address, at most four.
        into: Room for `LONGEST_ADDRESS` letters of each.
        lengths: Room for the lengths.
    """
    tail, state = np.empty(128, dtype=np.uint8), np.empty(8, dtype=np.uint32)
    room, digest, limbs = np.empty(25, dtype=np.uint8), np.empty(32, dtype=np.uint8), np.empty(_LIMBS, dtype=np.uint64)
    for place in range(len(lengths)):
        at, end = starts[first + place], starts[first + place + 1]
        length, written = end - at, 0
        if length == 25 and content[at] == 0x76 and content[at + 1] == 0xA9 and content[at + 2] == 0x14:
            if content[at + 23] == 0x88 and content[at + 24] == 0xAC:
                written = _write_hashed(key_prefix, content, at + 3, room, tail, state, digest, limbs, into[place])
        elif length == 23 and content[at] == 0xA9 and content[at + 1] == 0x14 and content[at + 22] == 0x87:
            written = _write_hashed(script_prefix, content, at + 2, room, tail, state, digest, limbs, into[place])
        elif (length in (35, 67)) and content[at] == length - 2 and content[end - 1] == 0xAC:
            mark = content[at + 1]
            if (mark in (2, 3)) if length == 35 else (mark in (4, 6, 7)):
                written = IS_KEY
        if not written and 4 <= length <= 42 and content[at + 1] == length - 2:
            version = np.int64(content[at])
            if version == 0:
                if length in (22, 34):
                    written = _write_witness(witness_prefix, 0, content, at + 2, end, into[place])
            elif 0x51 <= version <= 0x60:
                written = _write_witness(witness_prefix, version - 0x50, content, at + 2, end, into[place])
        lengths[place] = written
