"""Transactions: built from coins and payments, and signed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import coincurve

from headwater_synth.chain.encoding import compact_size, counted, double_sha256, hash160, tagged_sha256
from headwater_synth.chain.keys import Key

__all__ = ["Coin", "Transaction", "estimated_vsize", "signed_transaction"]

_VERSION = (2).to_bytes(4, "little")
_SEQUENCE = (0xFFFFFFFD).to_bytes(4, "little")  # may be replaced, as wallets have it now (BIP-125)
_LOCK_TIME_BYTES = 4
_DATA_OUTPUT = b"\x6a"  # OP_RETURN: nobody can ever spend such an output
_SIGN_ALL = (1).to_bytes(4, "little")
_INPUT_VBYTES = {"p2wpkh": 68, "p2pkh": 148, "p2sh-p2wpkh": 91, "p2tr": 58, "p2pk": 114}


@dataclass(slots=True, kw_only=True)
class Coin:
    """An output that its owner can spend.

    Attributes:
        txid: Transaction that made it, in internal order.
        output_index: Its place there.
        amount_sat: Satoshis.
        key: Who can spend it.
        from_coinbase: New coins, to be left alone for 100 blocks.
        height: Block of its transaction; -1 until mined.
    """

    txid: bytes
    output_index: int
    amount_sat: int
    key: Key
    from_coinbase: bool = False
    height: int = -1


@dataclass(slots=True, kw_only=True)
class Transaction:
    """A signed transaction.

    Attributes:
        txid: Digest without witnesses, in internal order.
        wtxid: Digest with witnesses.
        raw: As the network sends it.
        weight: Four for each byte without witnesses, one for each byte of them (BIP-141).
        inputs: Coins spent, in order; none for a coinbase.
        coins: Outputs, in order; None where nobody can spend one.
        amounts_sat: Satoshis of each output.
        scripts: Script of each output.
        kind: What it is for.
    """

    txid: bytes
    wtxid: bytes
    raw: bytes
    weight: int
    inputs: tuple[Coin, ...]
    coins: tuple[Coin | None, ...]
    amounts_sat: tuple[int, ...]
    scripts: tuple[bytes, ...]
    kind: str

    @property
    def fee_sat(self) -> int:
        """What the miner gets; negative for a coinbase."""
        return sum(coin.amount_sat for coin in self.inputs) - sum(self.amounts_sat)


def estimated_vsize(coins: Sequence[Coin], scripts: Sequence[bytes]) -> int:
    """Virtual bytes of a transaction not yet signed, within a few."""
    inputs_vbytes = sum(_INPUT_VBYTES[coin.key.script_kind] for coin in coins)
    return 12 + inputs_vbytes + sum(9 + len(script) for script in scripts)


def _outpoint(coin: Coin) -> bytes:
    return coin.txid + coin.output_index.to_bytes(4, "little")


def _ecdsa(key: Key, digest: bytes) -> bytes:
    signature: bytes = coincurve.PrivateKey(key.secret).sign(digest, hasher=None)
    return signature + b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Digests:
    """What every signature of a transaction commits to."""

    outpoints: bytes
    sequences: bytes
    outputs: bytes
    amounts: bytes
    scripts: bytes
    lock_time: bytes


def _legacy_digest(coins: Sequence[Coin], place: int, outputs: bytes, output_count: int, lock_time: bytes) -> bytes:
    parts = [_VERSION, compact_size(len(coins))]
    for other, coin in enumerate(coins):
        parts += [_outpoint(coin), counted(coin.key.script if other == place else b""), _SEQUENCE]
    parts += [compact_size(output_count), outputs, lock_time, _SIGN_ALL]
    return double_sha256(b"".join(parts))


def _witness_digest(coin: Coin, digests: _Digests) -> bytes:
    """What an input of witness version 0 signs (BIP-143)."""
    script_code = b"\x19\x76\xa9\x14" + hash160(coin.key.public) + b"\x88\xac"
    return double_sha256(
        _VERSION
        + hashlib.sha256(digests.outpoints).digest()
        + hashlib.sha256(digests.sequences).digest()
        + _outpoint(coin)
        + script_code
        + coin.amount_sat.to_bytes(8, "little")
        + _SEQUENCE
        + hashlib.sha256(digests.outputs).digest()
        + digests.lock_time
        + _SIGN_ALL,
    )


def _taproot_digest(place: int, digests: _Digests) -> bytes:
    """What a key path signs by default (BIP-341)."""
    return tagged_sha256(
        "TapSighash",
        b"\x00\x00"
        + _VERSION
        + digests.lock_time
        + digests.outpoints
        + digests.amounts
        + digests.scripts
        + digests.sequences
        + digests.outputs
        + b"\x00"
        + place.to_bytes(4, "little"),
    )


def _unlocked(
    coins: Sequence[Coin], outputs: bytes, output_count: int, lock_time: bytes
) -> list[tuple[bytes, list[bytes]]]:
    """Script and witness of each input."""
    digests = _Digests(
        outpoints=hashlib.sha256(b"".join(_outpoint(coin) for coin in coins)).digest(),
        sequences=hashlib.sha256(_SEQUENCE * len(coins)).digest(),
        outputs=hashlib.sha256(outputs).digest(),
        amounts=hashlib.sha256(b"".join(coin.amount_sat.to_bytes(8, "little") for coin in coins)).digest(),
        scripts=hashlib.sha256(b"".join(counted(coin.key.script) for coin in coins)).digest(),
        lock_time=lock_time,
    )
    unlocked: list[tuple[bytes, list[bytes]]] = []
    for place, coin in enumerate(coins):
        key = coin.key
        if key.script_kind == "p2tr":
            digest = _taproot_digest(place, digests)
            schnorr: bytes = coincurve.PrivateKey(key.secret).sign_schnorr(digest, aux_randomness=bytes(32))
            unlocked.append((b"", [schnorr]))
        elif key.script_kind in {"p2pkh", "p2pk"}:
            signature = _ecdsa(key, _legacy_digest(coins, place, outputs, output_count, lock_time))
            unlocked.append((counted(signature) + (counted(key.public) if key.script_kind == "p2pkh" else b""), []))
        else:
            signature = _ecdsa(key, _witness_digest(coin, digests))
            redeem = counted(b"\x00\x14" + hash160(key.public)) if key.script_kind == "p2sh-p2wpkh" else b""
            unlocked.append((redeem, [signature, key.public]))
    return unlocked


def signed_transaction(
    coins: Sequence[Coin], payments: Sequence[tuple[Key, int]], *, kind: str, lock_height: int = 0
) -> Transaction:
    """The transaction that spends coins on payments; what is left is its fee.

    Args:
        coins: Spent, in this order.
        payments: Key and satoshis of each output, in this order.
        kind: What it is for.
        lock_height: The last block in which it may not stand; 0 for no lock.
    """
    lock_time = lock_height.to_bytes(_LOCK_TIME_BYTES, "little")
    assert sum(coin.amount_sat for coin in coins) >= sum(amount_sat for _, amount_sat in payments)
    outputs = b"".join(amount_sat.to_bytes(8, "little") + counted(key.script) for key, amount_sat in payments)
    unlocked = _unlocked(coins, outputs, len(payments), lock_time)
    inputs = b"".join(
        _outpoint(coin) + counted(script) + _SEQUENCE for coin, (script, _) in zip(coins, unlocked, strict=True)
    )
    body = compact_size(len(coins)) + inputs + compact_size(len(payments)) + outputs
    base = _VERSION + body + lock_time
    txid = double_sha256(base)
    if any(witness for _, witness in unlocked):
        witnesses = b"".join(
            compact_size(len(witness)) + b"".join(counted(part) for part in witness) for _, witness in unlocked
        )
        raw = _VERSION + b"\x00\x01" + body + witnesses + lock_time
        wtxid = double_sha256(raw)
    else:
        raw, wtxid = base, txid
    return Transaction(
        txid=txid,
        wtxid=wtxid,
        raw=raw,
        weight=3 * len(base) + len(raw),
        inputs=tuple(coins),
        coins=tuple(
            None
            if key.script.startswith(_DATA_OUTPUT)
            else Coin(txid=txid, output_index=place, amount_sat=amount_sat, key=key)
            for place, (key, amount_sat) in enumerate(payments)
        ),
        amounts_sat=tuple(amount_sat for _, amount_sat in payments),
        scripts=tuple(key.script for key, _ in payments),
        kind=kind,
    )
