"""Invented Monero payments from the sender's side, as a node would print their transactions.

References:
    Zero to Monero, second edition, chapters 4 and 5. Monero, src/cryptonote_core/cryptonote_tx_utils.cpp
    (construct_tx_with_tx_key: when outputs have public keys of their own).
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headwater_synth.other_coins.edwards import (
    BASE,
    ORDER,
    added,
    decoded,
    encoded,
    hash_number,
    keccak_256,
    times,
)

__all__ = ["Destination", "Payment", "SeizedWallet", "answer", "block_answer", "coinbase", "printed"]

_H = decoded(bytes.fromhex("8b655970153799af2aeadc9ff1add0ea6c7251d54154cfa92c173a0dd39c1f94"))
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = (0, 2, 3, 5, 6, 7, 9, 10, 11)


def _bytes(number: int) -> bytes:
    return number.to_bytes(32, "little")


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + _varint(number >> 7)


def _base58(content: bytes) -> str:
    text = ""
    for start in range(0, len(content), 8):
        block, digits = content[start : start + 8], ""
        number = int.from_bytes(block, "big")
        while number:
            number, digit = divmod(number, 58)
            digits = _ALPHABET[digit] + digits
        text += digits.rjust(_DIGITS[len(block)], "1")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a payment goes.

    Attributes:
        spend_key: Public spend key.
        view_key: Public view key.
        is_subaddress: Whether it is a subaddress.
        address: Its text.
    """

    spend_key: bytes
    view_key: bytes
    is_subaddress: bool
    address: str


class SeizedWallet:
    """An invented wallet.

    Args:
        rng: Gives its keys.
    """

    def __init__(self, rng: random.Random) -> None:
        self._view = rng.randrange(1, ORDER)
        self._spend = rng.randrange(1, ORDER)

    @property
    def private_view_key(self) -> str:
        """The private view key, 64 hexadecimal digits."""
        return _bytes(self._view).hex()

    @property
    def private_spend_key(self) -> str:
        """The private spend key, 64 hexadecimal digits."""
        return _bytes(self._spend).hex()

    def destination(self, account: int = 0, index: int = 0) -> Destination:
        """One of its addresses."""
        if not account and not index:
            spend_key = encoded(times(self._spend, BASE))
            view_key = encoded(times(self._view, BASE))
            prefix = 18
        else:
            numbers = account.to_bytes(4, "little") + index.to_bytes(4, "little")
            shift = hash_number(b"SubAddr\0" + _bytes(self._view) + numbers)
            secret = (self._spend + shift) % ORDER
            spend_key = encoded(times(secret, BASE))
            view_key = encoded(times(self._view * secret % ORDER, BASE))
            prefix = 42
        content = bytes([prefix]) + spend_key + view_key
        text = _base58(content + keccak_256(content)[:4])
        return Destination(spend_key=spend_key, view_key=view_key, is_subaddress=prefix == 42, address=text)

    def integrated_address(self, payment_id: bytes) -> str:
        """The primary address together with a payment id of 8 bytes."""
        primary = self.destination()
        content = bytes([19]) + primary.spend_key + primary.view_key + payment_id
        return _base58(content + keccak_256(content)[:4])


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What a transaction pays to one destination.

    Attributes:
        to: The destination.
        amount_piconero: How much.
        committed_piconero: What its commitment says, where that is another amount.
    """

    to: Destination
    amount_piconero: int
    committed_piconero: int | None = None


def printed(
    rng: random.Random,
    payments: Sequence[Payment],
    *,
    height: int | None,
    at_s: int = 1_700_000_000,
    payment_id: bytes | None = None,
    long_id: bytes | None = None,
    tagged: bool = True,
    kind: int = 6,
    decoys: int = 16,
) -> dict[str, Any]:
    """A transaction of an invented sender, as an element of `txs`.

    Args:
        rng: Gives its keys.
        payments: What it pays, output by output.
        height: Of its block; None while it waits.
        at_s: Time of its block.
        payment_id: 8 bytes, encrypted for the first destination.
        long_id: 32 bytes, in clear.
        tagged: Whether outputs have view tags.
        kind: Of its signature; 3 and below hold masks of their own.
        decoys: Members of its ring, the true one among them.
    """
    secret = rng.randrange(1, ORDER)
    subaddresses = [payment.to for payment in payments if payment.to.is_subaddress]
    own_keys = bool(subaddresses) and len(payments) > 1
    if subaddresses and not own_keys:
        public = encoded(times(secret, decoded(subaddresses[0].spend_key)))
    else:
        public = encoded(times(secret, BASE))
    extra = b"\1" + public
    if payment_id is not None:
        shared = encoded(times(8 * secret, decoded(payments[0].to.view_key)))
        pad = keccak_256(shared + b"\x8d")
        extra += b"\2\x09\1" + bytes(a ^ b for a, b in zip(payment_id, pad, strict=False))
    if long_id is not None:
        extra += b"\2\x21\0" + long_id
    outputs, secrets, commitments, further = [], [], [], []
    for index, payment in enumerate(payments):
        used = secret
        if own_keys:
            used = rng.randrange(1, ORDER)
            point = decoded(payment.to.spend_key) if payment.to.is_subaddress else BASE
            further.append(encoded(times(used, point)))
            used = used if payment.to.is_subaddress else secret
        shared = encoded(times(8 * used, decoded(payment.to.view_key)))
        number = hash_number(shared + _varint(index))
        key = encoded(added(times(number, BASE), decoded(payment.to.spend_key)))
        tag = keccak_256(b"view_tag" + shared + _varint(index))[:1]
        target = {"tagged_key": {"key": key.hex(), "view_tag": tag.hex()}} if tagged else {"key": key.hex()}
        outputs.append({"amount": 0, "target": target})
        told, mask = _hidden(number, payment.amount_piconero, rng, kind)
        secrets.append(told)
        committed = payment.amount_piconero if payment.committed_piconero is None else payment.committed_piconero
        commitments.append(encoded(added(times(mask, BASE), times(committed, _H))).hex())
    if further:
        extra += b"\4" + _varint(len(further)) + b"".join(further)
    body = {
        "version": 2,
        "unlock_time": 0,
        "vin": [{"key": {"amount": 0, "key_offsets": rng.sample(range(1, 90_000), decoys), "k_image": _random(rng)}}],
        "vout": outputs,
        "extra": list(extra),
        "rct_signatures": {"type": kind, "txnFee": 30_720_000, "ecdhInfo": secrets, "outPk": commitments},
    }
    return _told(body, rng, height=height, at_s=at_s)


def _hidden(number: int, amount: int, rng: random.Random, kind: int) -> tuple[dict[str, str], int]:
    """The amount as a transaction holds it, and the mask of its commitment."""
    if kind > 3:
        pad = keccak_256(b"amount" + _bytes(number))
        hidden = bytes(a ^ b for a, b in zip(amount.to_bytes(8, "little"), pad, strict=False))
        return {"trunc_amount": hidden.hex()}, hash_number(b"commitment_mask" + _bytes(number))
    mask = rng.randrange(1, ORDER)
    first = hash_number(_bytes(number))
    second = hash_number(_bytes(first))
    return {
        "mask": _bytes((mask + first) % ORDER).hex(),
        "amount": _bytes((amount + second) % ORDER).hex(),
    }, mask


def coinbase(rng: random.Random, to: Destination, amount_piconero: int, *, height: int) -> dict[str, Any]:
    """A transaction that pays a miner, its amount in clear."""
    secret = rng.randrange(1, ORDER)
    shared = encoded(times(8 * secret, decoded(to.view_key)))
    number = hash_number(shared + b"\0")
    key = encoded(added(times(number, BASE), decoded(to.spend_key)))
    tag = keccak_256(b"view_tag" + shared + b"\0")[:1].hex()
    return {
        "version": 2,
        "unlock_time": height + 60,
        "vin": [{"gen": {"height": height}}],
        "vout": [{"amount": amount_piconero, "target": {"tagged_key": {"key": key.hex(), "view_tag": tag}}}],
        "extra": [1, *encoded(times(secret, BASE))],
        "rct_signatures": {"type": 0},
    }


def _random(rng: random.Random) -> str:
    return rng.randbytes(32).hex()


def _told(body: dict[str, Any], rng: random.Random, *, height: int | None, at_s: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "as_hex": "",
        "as_json": json.dumps(body, indent=2),
        "double_spend_seen": False,
        "in_pool": height is None,
        "tx_hash": _random(rng),
    }
    if height is None:
        return told | {"received_timestamp": at_s, "relayed": True}
    return told | {"block_height": height, "block_timestamp": at_s, "confirmations": 100, "output_indices": []}


def answer(txs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The node's answer to `get_transactions`."""
    return {"credits": 0, "status": "OK", "top_hash": "", "txs": list(txs), "untrusted": False}


def block_answer(rng: random.Random, miner: dict[str, Any], *, height: int, at_s: int) -> dict[str, Any]:
    """The node's answer to `get_block`."""
    txid = _random(rng)
    header = {"hash": _random(rng), "height": height, "miner_tx_hash": txid, "timestamp": at_s}
    block = {"major_version": 16, "minor_version": 16, "timestamp": at_s, "miner_tx": miner, "tx_hashes": []}
    result = {
        "blob": "",
        "block_header": header,
        "json": json.dumps(block, indent=2),
        "miner_tx_hash": txid,
        "status": "OK",
        "tx_hashes": [],
        "untrusted": False,
    }
    return {"id": "0", "jsonrpc": "2.0", "result": result}
