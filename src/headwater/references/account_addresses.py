"""Addresses of chains that keep accounts, in the one form in which headwater writes them.

References:
    EIP-55, "Mixed-case checksum address encoding".
    TRON protocol, "Account": 0x41 and the last twenty bytes of the Keccak-256 of the public key, in base58 with check.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from embit import base58
from embit.base import EmbitError

from headwater.references.keccak import keccak_256
from headwater.references.rows import BadRowError

__all__ = ["CHAINS", "NATIVE", "account_address", "account_of_public_key", "chain_named", "is_nobody"]

ETHEREUM: Final = "ethereum"
TRON: Final = "tron"
CHAINS: Final = (ETHEREUM, TRON)
"""The chains whose transfers are read."""

NATIVE: Final = "native"
"""Stands for the contract of a token where the coin of the chain itself is meant."""

_NAMES: Final = {
    **dict.fromkeys(("ethereum", "eth", "erc20", "erc-20"), ETHEREUM),
    **dict.fromkeys(("tron", "trx", "trc20", "trc-20"), TRON),
}
_HEX: Final = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})", re.ASCII)
_TRON_HEX: Final = re.compile(r"(?:0[xX])?41([0-9a-fA-F]{40})", re.ASCII)
_TRON_PREFIX: Final = b"\x41"
_NOBODY: Final = bytes(20)
_KNOWN_AT_ONCE: Final = 1 << 18


def chain_named(word: str) -> str | None:
    """The chain that a word of tags and tables names, or None.

    Example:
        >>> chain_named("TRX"), chain_named("BTC")
        ('tron', None)
    """
    return _NAMES.get(word.strip().lower())


@lru_cache(maxsize=_KNOWN_AT_ONCE)
def account_address(chain: str, text: str) -> str:
    """The address as headwater writes it: of Ethereum with the mixed case of EIP-55, of TRON in base58.

    Args:
        chain: One of `CHAINS`.
        text: With or without 0x; of TRON base58, or the hex form that begins with 41.

    Raises:
        BadRowError: It is none, or its checksum does not fit it: one wrong letter makes another's address.

    Example:
        >>> account_address("ethereum", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
        '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
    """
    written = text.strip()
    if chain == TRON:
        return _tron(_tron_account(written))
    found = _HEX.fullmatch(written)
    if found is None:
        raise BadRowError(f"{written[:44]!r} is no address of {chain}")
    digits = found[1]
    summed = _eip_55(bytes.fromhex(digits))
    # In one case only there is no checksum to be wrong (EIP-55, "Adoption").
    if digits not in {digits.lower(), digits.upper(), summed[2:]}:
        raise BadRowError(f"{written[:44]!r}: its checksum (EIP-55) does not fit it")
    return summed


def account_of_public_key(chain: str, key: bytes) -> str:
    """The address of a public key.

    Args:
        chain: One of `CHAINS`.
        key: Uncompressed, 64 bytes, without the leading 04.
    """
    account = keccak_256(key)[-20:]
    return _tron(account) if chain == TRON else _eip_55(account)


def is_nobody(chain: str, address: str) -> bool:
    """Whether an address as written here is the one of zeros, which issues and burns."""
    return address == (_tron(_NOBODY) if chain == TRON else _eip_55(_NOBODY))


def _tron_account(text: str) -> bytes:
    found = _TRON_HEX.fullmatch(text)
    if found is not None:
        return bytes.fromhex(found[1])
    try:
        decoded = base58.decode_check(text)
    except (EmbitError, ValueError, KeyError, IndexError):
        raise BadRowError(f"{text[:44]!r} is no address of tron, or its checksum does not fit it") from None
    if len(decoded) != 21 or decoded[:1] != _TRON_PREFIX:
        raise BadRowError(f"{text[:44]!r} is an address of another chain than tron")
    return bytes(decoded[1:])


@lru_cache(maxsize=_KNOWN_AT_ONCE)
def _tron(account: bytes) -> str:
    return str(base58.encode_check(_TRON_PREFIX + account))


@lru_cache(maxsize=_KNOWN_AT_ONCE)
def _eip_55(account: bytes) -> str:
    digits = account.hex()
    digest = keccak_256(digits.encode("ascii")).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, digest, strict=False)
    )
