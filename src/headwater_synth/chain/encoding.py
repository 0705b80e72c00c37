"""Bytes and texts of Bitcoin: digests, counted lists, numbers of Core's files, addresses."""

from __future__ import annotations

import hashlib

from embit.hashes import ripemd160

__all__ = [
    "address_of",
    "base58_check",
    "compact_size",
    "compressed_amount",
    "compressed_script",
    "counted",
    "double_sha256",
    "hash160",
    "shown",
    "tagged_sha256",
    "varint",
]

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)  # source: BIP-173
_BECH32_CONSTANT = {0: 1}  # source: BIP-173 for version 0
_BECH32M_CONSTANT = 0x2BC830A3  # source: BIP-350 for version 1 and above
_HUMAN_READABLE_PART = "bcrt"  # regtest
_PUBKEY_HASH_PREFIX = b"\x6f"  # regtest, base58
_SCRIPT_HASH_PREFIX = b"\xc4"  # regtest, base58


def double_sha256(message: bytes) -> bytes:
    """SHA-256 of the SHA-256 of some bytes."""
    return hashlib.sha256(hashlib.sha256(message).digest()).digest()


def hash160(message: bytes) -> bytes:
    """RIPEMD-160 of the SHA-256 of some bytes."""
    digest: bytes = ripemd160(hashlib.sha256(message).digest())
    return digest


def tagged_sha256(tag: str, message: bytes) -> bytes:
    """A digest that is kept apart by its tag (BIP-340)."""
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + message).digest()


def shown(digest: bytes) -> str:
    """A transaction id or block hash as people see it: hexadecimal, last byte first."""
    return digest[::-1].hex()


def compact_size(number: int) -> bytes:
    """A length as the network writes it."""
    if number < 0xFD:
        return bytes((number,))
    if number <= 0xFFFF:
        return b"\xfd" + number.to_bytes(2, "little")
    if number <= 0xFFFFFFFF:
        return b"\xfe" + number.to_bytes(4, "little")
    return b"\xff" + number.to_bytes(8, "little")


def counted(content: bytes) -> bytes:
    """Bytes behind their length."""
    return compact_size(len(content)) + content


def varint(number: int) -> bytes:
    """A number as Core's own files write it: groups of seven bits, highest first, each length used once."""
    groups = [number & 0x7F]
    while number > 0x7F:
        number = (number >> 7) - 1
        groups.append((number & 0x7F) | 0x80)
    return bytes(reversed(groups))


def compressed_amount(amount_sat: int) -> int:
    """An amount as undo data hold it: round sums become small numbers."""
    if amount_sat == 0:
        return 0
    tens = 0
    while tens < 9 and amount_sat % 10 == 0:
        amount_sat //= 10
        tens += 1
    if tens == 9:
        return 10 * amount_sat
    head, last_digit = divmod(amount_sat, 10)
    return 1 + 10 * (9 * head + last_digit - 1) + tens


def compressed_script(script: bytes) -> bytes:
    """A script as undo data hold it: a byte and a digest for old forms, else its length plus six and itself."""
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return b"\x00" + script[3:23]
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return b"\x01" + script[2:22]
    if len(script) == 35 and script[0] == 33 and script[1] in {2, 3} and script[34] == 0xAC:
        return script[1:34]
    return varint(len(script) + 6) + script


def base58_check(payload: bytes) -> str:
    """Bytes in base 58 with four bytes of checksum."""
    content = payload + double_sha256(payload)[:4]
    number = int.from_bytes(content, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_BASE58[digit])
    leading = len(content) - len(content.lstrip(b"\x00"))
    return "1" * leading + "".join(reversed(digits))


def _bech32_polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            if top >> bit & 1:
                checksum ^= generator
    return checksum


def _segwit_address(version: int, program: bytes) -> str:
    length_bits = len(program) * 8
    padding_bits = -length_bits % 5
    number = int.from_bytes(program, "big") << padding_bits
    groups = (length_bits + padding_bits) // 5
    content = [version] + [number >> 5 * (groups - 1 - place) & 31 for place in range(groups)]
    part = [ord(letter) >> 5 for letter in _HUMAN_READABLE_PART] + [0]
    part += [ord(letter) & 31 for letter in _HUMAN_READABLE_PART]
    residue = _bech32_polymod(part + content + [0] * 6) ^ _BECH32_CONSTANT.get(version, _BECH32M_CONSTANT)
    content += [residue >> 5 * (5 - place) & 31 for place in range(6)]
    return _HUMAN_READABLE_PART + "1" + "".join(_BECH32[value] for value in content)


def address_of(script: bytes) -> str | None:
    """The regtest address of a script; None where it has none."""
    if len(script) == 22 and script[:2] == b"\x00\x14":
        return _segwit_address(0, script[2:])
    if len(script) == 34 and script[:2] == b"\x51\x20":
        return _segwit_address(1, script[2:])
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14":
        return base58_check(_PUBKEY_HASH_PREFIX + script[3:23])
    if len(script) == 23 and script[:2] == b"\xa9\x14":
        return base58_check(_SCRIPT_HASH_PREFIX + script[2:22])
    return None
