"""Scripts and the addresses that stand for them, by network."""

from __future__ import annotations

import hashlib
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
    "addresses_of",
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

_WRITTEN_AT_ONCE: Final = 1 << 16
_FIELD: Final = 2**256 - 2**32 - 977  # source: SEC 2, secp256k1

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
    """The address that stands for a script, or None where none does; see `addresses_of`."""
    table = ByteTable()
    table.append(script)
    return addresses_of(table, network)[0]


def addresses_of(scripts: ByteTable, network: str) -> list[str | None]:
    """The addresses that stand for the scripts of a table, by number; None where none does.

    An output to a bare public key has no address of its own; it is given the one of the key's hash, as explorers and
    tag packs do. The scripts stay apart everywhere else.

    Args:
        scripts: The scripts.
        network: Key of `ADDRESS_NETWORKS`.
    """
    from headwater.money.address_kernels import IS_KEY, LONGEST_ADDRESS, write_addresses  # loads a compiler

    prefixes = ADDRESS_NETWORKS[network]
    key_prefix, script_prefix = prefixes.key_hash_prefix[0], prefixes.script_hash_prefix[0]
    witness_prefix = np.frombuffer(prefixes.witness_prefix.encode(), dtype=np.uint8)
    content, starts = scripts.content, scripts.starts
    addresses: list[str | None] = []
    keys: list[int] = []
    for first in range(0, len(scripts), _WRITTEN_AT_ONCE):
        lengths = np.empty(min(_WRITTEN_AT_ONCE, len(scripts) - first), dtype=np.int64)
        letters = np.zeros((len(lengths), LONGEST_ADDRESS), dtype=np.uint8)
        write_addresses(content, starts, first, key_prefix, script_prefix, witness_prefix, letters, lengths)
        keys += (np.nonzero(lengths == IS_KEY)[0] + first).tolist()
        text = letters.tobytes().decode("ascii")
        ends = (np.arange(len(lengths)) * LONGEST_ADDRESS + np.maximum(lengths, 0)).tolist()
        addresses += [text[place * LONGEST_ADDRESS : end] or None for place, end in enumerate(ends)]
    if keys:
        hashed = ByteTable()
        places = [hashed.append(b"\x76\xa9\x14" + hash160(scripts[key][1:-1]) + b"\x88\xac") for key in keys]
        shown = addresses_of(hashed, network)
        for key, place in zip(keys, places, strict=True):
            addresses[key] = shown[place]
    return addresses


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
