"""Scripts and the addresses that stand for them, by network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from embit.hashes import hash160

from headwater.money.byte_table import ByteTable

__all__ = [
    "ADDRESS_NETWORKS",
    "SCRIPTS_OF_ANYONE",
    "AddressNetwork",
    "address_of",
    "anyone_can_spend",
    "is_each_unspendable",
    "is_unspendable",
    "uncompressed_key",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressNetwork:
    """How a network writes addresses.

    Attributes:
        key_hash_prefix: First byte of a pay-to-key-hash address.
        script_hash_prefix: First byte of a pay-to-script-hash address.
        witness_prefix: What stands before the 1 of a witness address.
    """

    key_hash_prefix: bytes
    script_hash_prefix: bytes
    witness_prefix: str


ADDRESS_NETWORKS: Final = {  # source: Bitcoin Core, kernel/chainparams.cpp, base58Prefixes and bech32_hrp
    "main": AddressNetwork(key_hash_prefix=b"\x00", script_hash_prefix=b"\x05", witness_prefix="bc"),
    "test": AddressNetwork(key_hash_prefix=b"\x6f", script_hash_prefix=b"\xc4", witness_prefix="tb"),
    "signet": AddressNetwork(key_hash_prefix=b"\x6f", script_hash_prefix=b"\xc4", witness_prefix="tb"),
    "regtest": AddressNetwork(key_hash_prefix=b"\x6f", script_hash_prefix=b"\xc4", witness_prefix="bcrt"),
}

_FIELD: Final = 2**256 - 2**32 - 977  # source: SEC 2, secp256k1
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)  # source: BIP-173
_BECH32_CONSTANT: Final = 1  # source: BIP-173, witness version 0
_BECH32M_CONSTANT: Final = 0x2BC830A3  # source: BIP-350, witness versions from 1

_RETURN: Final = 0x6A
_LONGEST_SCRIPT_BYTES: Final = 10_000  # source for both: Bitcoin Core, CScript::IsUnspendable
_TRUE: Final = b"\x51"
SCRIPTS_OF_ANYONE: Final = frozenset(
    (
        b"",
        _TRUE,
        bytes.fromhex("51024e73"),  # source: Bitcoin Core 28, pay to anchor
        b"\x00\x20" + hashlib.sha256(_TRUE).digest(),
        b"\xa9\x14" + hash160(_TRUE) + b"\x87",
    )
)


def anyone_can_spend(script: bytes) -> bool:
    """Whether a script needs no key, so that spending it shows nothing about control."""
    return script in SCRIPTS_OF_ANYONE


def is_unspendable(script: bytes) -> bool:
    """Whether a script can never be spent: it carries data, or is longer than a script may be."""
    return script[:1] == bytes((_RETURN,)) or len(script) > _LONGEST_SCRIPT_BYTES


def is_each_unspendable(scripts: ByteTable) -> npt.NDArray[np.bool_]:
    """For every script of a table what `is_unspendable` says of it."""
    starts, lengths = scripts.starts[:-1], np.diff(scripts.starts)
    unspendable = lengths > _LONGEST_SCRIPT_BYTES
    filled = lengths > 0
    unspendable[filled] |= scripts.content[starts[filled]] == _RETURN
    return unspendable


def address_of(script: bytes, network: str) -> str | None:
    """The address that stands for a script, or None where none does.

    An output to a bare public key has no address of its own; it is given the one of the key's hash, as explorers and
    tag packs do. The scripts stay apart everywhere else.

    Args:
        script: The script of an output.
        network: Key of `ADDRESS_NETWORKS`.
    """
    prefixes = ADDRESS_NETWORKS[network]
    length = len(script)
    if length == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return _base58_check(prefixes.key_hash_prefix + script[3:23])
    if length == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return _base58_check(prefixes.script_hash_prefix + script[2:22])
    if length in {35, 67} and script[0] == length - 2 and script[-1] == 0xAC and _is_key(script[1:-1]):
        return _base58_check(prefixes.key_hash_prefix + hash160(script[1:-1]))
    if 4 <= length <= 42 and script[1] == length - 2 and (script[0] == 0 or 0x51 <= script[0] <= 0x60):
        version = script[0] and script[0] - 0x50
        if version or length in {22, 34}:
            return _witness_address(prefixes.witness_prefix, version, script[2:])
    return None


def uncompressed_key(compressed: bytes) -> bytes:
    """The 65 bytes of a public key.

    Args:
        compressed: Its 33 bytes.

    Raises:
        ValueError: They are no point of the curve.
    """
    x = int.from_bytes(compressed[1:], "big")
    square = (pow(x, 3, _FIELD) + 7) % _FIELD
    y = pow(square, (_FIELD + 1) // 4, _FIELD)
    if x >= _FIELD or y * y % _FIELD != square:
        raise ValueError("a compressed public key is no point of the curve")
    if y & 1 != compressed[0] & 1:
        y = _FIELD - y
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _is_key(key: bytes) -> bool:
    return (len(key) == 33 and key[0] in {2, 3}) or (len(key) == 65 and key[0] in {4, 6, 7})


def _base58_check(payload: bytes) -> str:
    content = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number = int.from_bytes(content, "big")
    letters: list[str] = []
    while number:
        number, letter = divmod(number, 58)
        letters.append(_BASE58[letter])
    zeros = len(content) - len(content.lstrip(b"\x00"))
    return "1" * zeros + "".join(reversed(letters))


def _witness_address(prefix: str, version: int, program: bytes) -> str:
    letters = [version, *_five_bit_groups(program)]
    expanded = [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]
    constant = _BECH32M_CONSTANT if version else _BECH32_CONSTANT
    checksum = _bech32_checksum([*expanded, *letters, 0, 0, 0, 0, 0, 0]) ^ constant
    letters += [checksum >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(_BECH32[letter] for letter in letters)


def _five_bit_groups(content: bytes) -> list[int]:
    bits = len(content) * 8
    padding = -bits % 5
    number = int.from_bytes(content, "big") << padding
    groups = (bits + padding) // 5
    return [number >> 5 * (groups - 1 - place) & 31 for place in range(groups)]


def _bech32_checksum(letters: Iterable[int]) -> int:
    checksum = 1
    for letter in letters:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ letter
        for place, generator in enumerate(_BECH32_GENERATOR):
            if top >> place & 1:
                checksum ^= generator
    return checksum
