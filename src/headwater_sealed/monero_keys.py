"""Keys and addresses of Monero: what a private view key shows of an output, and nothing of who spent it.

The points of Ed25519 are libsodium's, Keccak is pycryptodome's; here they are only put together in Monero's order. A
view key never leaves this module but as public points and hashes that follow from it.

References:
    Zero to Monero, second edition: 4.2 (one-time addresses), 4.3 (subaddresses), 4.4 (integrated addresses), 5.3
    (commitments to amounts). Monero, src/crypto/crypto.cpp (generate_key_derivation, derive_subaddress_public_key,
    derive_view_tag), src/device/device_default.cpp (get_subaddress_spend_public_key, encrypt_payment_id),
    src/ringct/rctOps.cpp (ecdhDecode, genCommitmentMask), src/common/base58.cpp, src/cryptonote_config.h (prefixes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from Crypto.Hash import keccak
from nacl import bindings
from nacl.exceptions import CryptoError

from headwater_sealed.refusal import UnreadableError

__all__ = [
    "Address",
    "Commitment",
    "ViewKey",
    "Wallet",
    "decoded_address",
    "encoded_address",
    "is_point",
    "opened",
    "short_payment_id",
]

_FIELD = 2**255 - 19  # source: RFC 8032, section 5.1
_ORDER = 2**252 + 27742317777372353535851937790883648493  # source: RFC 8032, section 5.1
_IDENTITY = b"\1" + bytes(31)
# source: Monero, src/ringct/rctTypes.h, H = 8 * (the point that the hash of G stands for)
_H = bytes.fromhex("8b655970153799af2aeadc9ff1add0ea6c7251d54154cfa92c173a0dd39c1f94")
_ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BLOCK_DIGITS = (0, 2, 3, 5, 6, 7, 9, 10, 11)  # source: Monero, src/common/base58.cpp: digits of 0 to 8 bytes
# For each network the prefixes of a primary address, of an integrated one and of a subaddress.
_PREFIXES = {"main": (18, 19, 42), "test": (53, 54, 63), "stage": (24, 25, 36)}
_HEX_KEY = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_SUBADDRESS, _PAYMENT_ID_TAIL = b"SubAddr\0", b"\x8d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address, taken apart.

    Attributes:
        network: main, test or stage.
        kind: primary, integrated or subaddress.
        spend_key: Public spend key.
        view_key: Public view key.
    """

    network: str
    kind: str
    spend_key: bytes
    view_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """An amount that was decoded, and whether the commitment on the chain is to just this amount."""

    amount_piconero: int
    agrees: bool


def _keccak(content: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=content).digest()


def _scalar(content: bytes) -> bytes:
    """The hash of the content as a number below the order of the group."""
    return bindings.crypto_core_ed25519_scalar_reduce(_keccak(content) + bytes(32))


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def is_point(encoded: bytes) -> bool:
    """Whether the bytes are the one encoding of a point, as Monero takes it; of whichever order."""
    if len(encoded) != 32:
        return False
    number = int.from_bytes(encoded, "little")
    y, sign = number & ~(1 << 255), number >> 255
    if y >= _FIELD or (sign and y in {1, _FIELD - 1}):
        return False
    try:
        bindings.crypto_core_ed25519_add(encoded, _IDENTITY)
    except CryptoError:
        return False
    return True


def _times(scalar: bytes, point: bytes) -> bytes:
    """The multiple of a point of the prime group; a product that is the identity libsodium does not give."""
    try:
        return bindings.crypto_scalarmult_ed25519_noclamp(scalar, point)
    except CryptoError:
        return _IDENTITY


def _eightfold(point: bytes) -> bytes:
    for _ in range(3):
        point = bindings.crypto_core_ed25519_add(point, point)
    return point


def decoded_address(text: bytes) -> Address | None:
    """What an address says; None if it is none, its check digits among the reasons."""
    content = _from_base58(text)
    if content is None or len(content) not in {69, 77} or _keccak(content[:-4])[:4] != content[-4:]:
        return None
    for network, prefixes in _PREFIXES.items():
        if content[0] in prefixes:
            kind = ("primary", "integrated", "subaddress")[prefixes.index(content[0])]
            if (kind == "integrated") != (len(content) == 77):
                return None
            return Address(network=network, kind=kind, spend_key=content[1:33], view_key=content[33:65])
    return None


def encoded_address(network: str, kind: str, spend_key: bytes, view_key: bytes) -> str:
    """The text of a primary address or a subaddress."""
    prefix = _PREFIXES[network][("primary", "integrated", "subaddress").index(kind)]
    content = bytes([prefix]) + spend_key + view_key
    return _to_base58(content + _keccak(content)[:4])


def _from_base58(text: bytes) -> bytes | None:
    parts = []
    for start in range(0, len(text), 11):
        block = text[start : start + 11]
        if len(block) not in _BLOCK_DIGITS or any(digit not in _ALPHABET for digit in block):
            return None
        number = 0
        for digit in block:
            number = number * 58 + _ALPHABET.index(digit)
        size = _BLOCK_DIGITS.index(len(block))
        if number >> 8 * size:
            return None
        parts.append(number.to_bytes(size, "big"))
    return b"".join(parts)


def _to_base58(content: bytes) -> str:
    parts = []
    for start in range(0, len(content), 8):
        block = content[start : start + 8]
        number, digits = int.from_bytes(block, "big"), bytearray()
        for _ in range(_BLOCK_DIGITS[len(block)]):
            number, digit = divmod(number, 58)
            digits.append(_ALPHABET[digit])
        parts.append(bytes(reversed(digits)))
    return b"".join(parts).decode("ascii")


class ViewKey:
    """A private view key.

    Args:
        secret: Its 32 bytes.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "ViewKey(withheld)"

    @classmethod
    def found_in(cls, text: bytes, address: Address) -> ViewKey:
        """The key in a text that belongs to the address; what else of 64 digits stands there is not looked at.

        Raises:
            UnreadableError: None of the text does.
        """
        for digits in _HEX_KEY.findall(text):
            secret = bytes.fromhex(digits.decode("ascii"))
            if 0 < int.from_bytes(secret, "little") < _ORDER and _public(secret) == address.view_key:
                return cls(secret)
        raise UnreadableError(
            "no private view key of this address was given: 64 hexadecimal digits whose public key is in the address"
        )

    def derivation(self, point: bytes) -> bytes | None:
        """What view key and transaction's public key give together, 8 * key * point; None if that is no point."""
        return _times(self._secret, _eightfold(point)) if is_point(point) else None

    def subaddress_spend_key(self, spend_key: bytes, account: int, index: int) -> bytes:
        """The public spend key of a subaddress."""
        numbers = account.to_bytes(4, "little") + index.to_bytes(4, "little")
        shift = _public(_scalar(_SUBADDRESS + self._secret + numbers))
        return bindings.crypto_core_ed25519_add(spend_key, shift)

    def public_view_key(self, subaddress_spend_key: bytes) -> bytes:
        """The public view key of a subaddress."""
        return _times(self._secret, subaddress_spend_key)


def _public(secret: bytes) -> bytes:
    return bindings.crypto_scalarmult_ed25519_base_noclamp(secret)


class Wallet:
    """A primary address, its view key, and a range of subaddresses.

    Args:
        address: The primary address.
        key: Its private view key.
        accounts: How many accounts, from 0.
        indices: How many addresses of each, from 0.
    """

    def __init__(self, address: Address, key: ViewKey, *, accounts: int, indices: int) -> None:
        self._address = address
        self._key = key
        self._places: dict[bytes, tuple[int, int]] = {address.spend_key: (0, 0)}
        for account in range(accounts):
            for index in range(indices):
                if account or index:
                    spend_key = key.subaddress_spend_key(address.spend_key, account, index)
                    self._places[spend_key] = account, index

    def derivations(self, keys: list[bytes]) -> Iterator[bytes]:
        """The derivation for each public key that is a point."""
        for key in keys:
            if (found := self._key.derivation(key)) is not None:
                yield found

    def place(self, derivation: bytes, index: int, output_key: bytes, view_tag: bytes | None) -> tuple[int, int] | None:
        """Account and index of the address that an output was made for; None if it is none of the wallet's."""
        if view_tag is not None and _keccak(b"view_tag" + derivation + _varint(index))[:1] != view_tag:
            return None
        if not is_point(output_key):
            return None
        shift = _public(_scalar(derivation + _varint(index)))
        return self._places.get(bindings.crypto_core_ed25519_sub(output_key, shift))

    def address_at(self, account: int, index: int) -> str:
        """The text of one of its addresses."""
        if not account and not index:
            return encoded_address(self._address.network, "primary", self._address.spend_key, self._address.view_key)
        spend_key = self._key.subaddress_spend_key(self._address.spend_key, account, index)
        view_key = self._key.public_view_key(spend_key)
        return encoded_address(self._address.network, "subaddress", spend_key, view_key)


def short_payment_id(derivation: bytes, encrypted: bytes) -> bytes:
    """The payment id of 8 bytes that a transaction holds encrypted."""
    pad = _keccak(derivation + _PAYMENT_ID_TAIL)
    return bytes(left ^ right for left, right in zip(encrypted, pad, strict=False))


def opened(derivation: bytes, index: int, amount: bytes, mask: bytes | None, commitment: bytes) -> Commitment:
    """The amount of an output, and whether the commitment is to it: C = mask * G + amount * H.

    Args:
        derivation: Of the transaction's public key.
        index: Of the output.
        amount: As the transaction holds it: 8 bytes, or 32 where it holds the mask too.
        mask: 32 bytes, encrypted; None where it follows from the key.
        commitment: Of the output.
    """
    shared = _scalar(derivation + _varint(index))
    if mask is None:
        pad = _keccak(b"amount" + shared)
        number = int.from_bytes(bytes(left ^ right for left, right in zip(amount[:8], pad, strict=False)), "little")
        blinding = _scalar(b"commitment_mask" + shared)
    else:
        first = _scalar(shared)
        second = _scalar(first)
        blinding = bindings.crypto_core_ed25519_scalar_sub(mask, first)
        plain = bindings.crypto_core_ed25519_scalar_sub(amount, second)
        number = int.from_bytes(plain[:8], "little")
    return Commitment(amount_piconero=number, agrees=_committed(number, blinding) == commitment)


def _committed(amount: int, blinding: bytes) -> bytes:
    hidden = _public(blinding) if any(blinding) else _IDENTITY
    valued = _times(amount.to_bytes(32, "little"), _H) if amount else _IDENTITY
    return bindings.crypto_core_ed25519_add(hidden, valued)
