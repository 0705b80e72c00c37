"""An invented node's state as LND keeps it in bbolt, with the secrets that such a state holds.

References:
    LND, channeldb: invoices.go, channel.go, payments.go, codec.go. Go, time.MarshalBinary.
"""

from __future__ import annotations

import random
import struct

from headwater_synth.other_coins.lightning import MadeNode
from headwater_synth.other_coins.stores import bolt_file

__all__ = ["lnd_state"]

_BEGAN_S = 1_700_000_000
_GO_EPOCH_S = 62_135_596_800
_VERSION = 33


def _time(at_s: int | None) -> bytes:
    return struct.pack(">Bqih", 1, 0 if at_s is None else at_s + _GO_EPOCH_S, 0, -1)


def _tlv(*parts: tuple[int, bytes]) -> bytes:
    def size(length: int) -> bytes:
        return bytes([length]) if length < 0xFD else b"\xfd" + length.to_bytes(2, "big")

    return b"".join(size(kind) + size(len(content)) + content for kind, content in parts)


def _long(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _channel(rng: random.Random, made: MadeNode, number: int) -> tuple[bytes, bytes, bytes]:
    """The other node's key, the output, and what is kept of a channel."""
    node, txid = b"\3" + rng.randbytes(32), rng.randbytes(32)
    made.funding.append((txid[::-1].hex(), number))
    point = txid + number.to_bytes(4, "big")
    short = 800_000 << 40 | 5 << 16 | number
    head = b"\xfd\x01\x0c" + bytes(32) + point + _long(short) + bytes([0, number % 2]) + b"\0" + bytes(7)
    return node, point, head + node + _long(2_000_000 + number) + _long(0) * 2 + made.secret(rng)


def lnd_state(rng: random.Random, *, invoices: int = 4, version: int = _VERSION, elements_a_page: int = 64) -> MadeNode:
    """A node with invoices, three payments, and three channels: one open, two closed, of which one is kept in full."""
    made = MadeNode()
    kept: dict[bytes, bytes] = {}
    index: dict[bytes, bytes] = {b"nik": invoices.to_bytes(4, "big")}
    for number in range(invoices):
        digest, key = rng.randbytes(32), number.to_bytes(4, "big")
        index[digest] = key
        made.invoices.append((digest.hex(), ""))
        paid = number % 4 == 1
        body = _tlv(
            (0, f"Membership {number}".encode()),
            (1, b"lnbcrt" + made.secret(rng).hex().encode()),
            (2, _time(_BEGAN_S + number)),
            (3, _time(_BEGAN_S + 600 if paid else None)),
            (6, made.secret(rng)),
            (7, _long(number * 1000)),
            (9, _long(3600 * 10**9)),
            (10, made.secret(rng)),
            (12, bytes([number % 4])),
            (13, _long(number * 1000 if paid else 0)),
        )
        kept[key] = _long(len(body)) + body + rng.randbytes(20)
    payments = {}
    for number in range(3):
        digest = rng.randbytes(32)
        created = digest + _long(5_000 + number) + _long((_BEGAN_S + number) * 10**9)
        request = b"lnbcrt" + made.secret(rng).hex().encode()
        attempts: dict[bytes, bytes] = {b"ai" + _long(1): made.secret(rng)}
        of_hash: dict[bytes, bytes | dict[bytes, bytes]] = {
            b"payment-creation-info": created + len(request).to_bytes(4, "big") + request,
            b"payment-sequence-key": _long(number),
            b"payment-htlcs-bucket": attempts,
        }
        if number == 0:
            attempts[b"si" + _long(1)] = made.secret(rng)
        if number == 1:
            of_hash[b"payment-fail-info"] = b"\1"
        payments[digest] = of_hash
    channels = [_channel(rng, made, number) for number in range(3)]
    node, point, kept_of_channel = channels[0]
    ended = channels[2]
    closed = ended[1] + _long(0) + bytes(32) + rng.randbytes(32) + bytes(4) + ended[0] + _long(900) + bytes(18)
    made.content = bolt_file(
        {
            b"metadata": {b"dbp": version.to_bytes(4, "big")},
            b"invoices": {**kept, b"paymenthashes": index},
            b"payments-root-bucket": payments,
            b"open-chan-bucket": {
                node: {
                    bytes(32): {point: {b"chan-info-key": kept_of_channel, b"revocation-state-key": made.secret(rng)}}
                }
            },
            b"historical-chan-bucket": {channels[1][1]: {b"chan-info-key": channels[1][2]}},
            b"closed-chan-bucket": {ended[1]: closed, channels[1][1]: b"known from the bucket above"},
        },
        elements_a_page=elements_a_page,
    )
    return made
