"""Transactions as a Monero node prints them: answers to `get_transactions` (decoded as JSON) and to `get_block`.

References:
    Monero, docs of the daemon's RPC (get_transactions, get_block); src/cryptonote_basic/tx_extra.h (fields of `extra`),
    src/ringct/rctTypes.h (kinds of signature, ecdhInfo).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater_sealed.answers import printed_values

__all__ = ["Extra", "Output", "Remark", "Transaction", "printed_transactions"]

_PADDING, _PUBLIC_KEY, _NONCE, _MERGE_MINING, _FURTHER_KEYS, _MYSTERIOUS = 0, 1, 2, 3, 4, 0xDE
_LONG_ID, _SHORT_ID = 0, 1
_MASKED_TYPES = {1, 2, 3}  # RCTTypeFull, RCTTypeSimple, RCTTypeBulletproof: mask and amount of 32 bytes each
_SHORT_TYPES = {4, 5, 6}  # RCTTypeBulletproof2, RCTTypeCLSAG, RCTTypeBulletproofPlus: 8 bytes of amount
_MAX_INT = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output.

    Attributes:
        key: Its one-time key.
        view_tag: Its view tag, where it has one.
        plain_amount: Its amount, where it is written in clear.
        amount: Its amount encrypted; 8 or 32 bytes.
        mask: Its mask encrypted, where the transaction holds it.
        commitment: To the amount, where that is encrypted.
    """

    key: bytes
    view_tag: bytes | None = None
    plain_amount: int | None = None
    amount: bytes = b""
    mask: bytes | None = None
    commitment: bytes = b""


@dataclass(slots=True, kw_only=True)
class Extra:
    """What the field `extra` holds.

    Attributes:
        keys: Public keys of the transaction.
        further_keys: For each output one, where they are there.
        short_id: Payment id of 8 bytes, encrypted.
        long_id: Payment id of 32 bytes, in clear.
        whole: Whether it could be read to its end.
    """

    keys: list[bytes] = field(default_factory=list)
    further_keys: list[bytes] = field(default_factory=list)
    short_id: bytes | None = None
    long_id: bytes | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction.

    Attributes:
        number: Its place in the file, from 0.
        txid: As the node says it.
        block_height: Of its block; None while it waits.
        at_s: Time of its block in seconds; None while it waits.
        is_coinbase: Whether it pays a miner.
        unlock_time: As it stands there; None for one that fits no column.
        outputs: In order.
        extra: Its further fields.
    """

    number: int
    txid: str
    block_height: int | None
    at_s: int | None
    is_coinbase: bool
    unlock_time: int | None
    outputs: Sequence[Output]
    extra: Extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something of an answer that could not be read, or that the node says of it.

    Attributes:
        number: The transaction's place in the file, where it is about one.
        code: In one word.
        reason: In words.
    """

    number: int | None
    code: str
    reason: str


def printed_transactions(text: str) -> Iterator[Transaction | Remark]:
    """What one file holds: one answer, or several one behind the other.

    Raises:
        UnreadableError: There is a place from which on it is no JSON.
    """
    number = 0
    for answer in _answers(text):
        for found in _of_answer(answer, number):
            number += isinstance(found, Transaction) or found.number is not None
            yield found


def _answers(text: str) -> Iterator[Any]:
    """The answers; a list holds several, and lists in it are none."""
    for value in printed_values(text):
        yield from value if isinstance(value, list) else [value]


def _of_answer(answer: Any, number: int) -> Iterator[Transaction | Remark]:  # noqa: ANN401  # JSON
    if isinstance(answer, Mapping) and isinstance(answer.get("result"), Mapping):
        answer = answer["result"]
    if not isinstance(answer, Mapping):
        yield Remark(number=None, code="monero_answer_not_read", reason="it is no answer of a node")
        return
    yield from _said(answer)
    if "miner_tx_hash" in answer and "json" in answer:
        yield _of_block(answer, number)
        return
    listed = answer.get("txs") or []
    if not isinstance(listed, list):
        yield Remark(number=None, code="monero_answer_not_read", reason="its `txs` is no list")
        return
    for told in listed:
        found = _told(told, number)
        yield found
        number += 1


def _said(answer: Mapping[str, Any]) -> Iterator[Remark]:
    """What the node says against its own answer."""
    status = answer.get("status")
    if status != "OK":
        said = status if isinstance(status, str) and status.isascii() else "nothing"
        yield Remark(number=None, code="monero_answer_not_ok", reason=f"the node's status is {said[:60]}, not OK")
    if answer.get("untrusted"):
        reason = (
            "the node had the answer from another one, which it does not trust; ask a node that has the whole chain"
        )
        yield Remark(number=None, code="monero_answer_untrusted", reason=reason)
    missed = answer.get("missed_tx")
    if isinstance(missed, list) and missed:
        reason = f"{len(missed)} transaction(s) that were asked for are unknown to the node"
        yield Remark(number=None, code="monero_transactions_missed", reason=reason)
    if not answer.get("txs") and answer.get("txs_as_json"):
        reason = "transactions without their ids and heights (`txs_as_json` alone); ask for `txs`"
        yield Remark(number=None, code="monero_answer_not_read", reason=reason)


def _of_block(answer: Mapping[str, Any], number: int) -> Transaction | Remark:
    """The transaction that pays the miner of a block; the others are named there by their ids alone."""
    header = answer.get("block_header")
    try:
        block = json.loads(answer["json"])
        return _transaction(
            block["miner_tx"],
            number,
            txid=_hex(answer["miner_tx_hash"], 32).hex(),
            height=_count(header["height"]) if isinstance(header, Mapping) else None,
            at_s=_count(header["timestamp"]) if isinstance(header, Mapping) else None,
        )
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return _unread(number)


def _told(told: Any, number: int) -> Transaction | Remark:  # noqa: ANN401  # JSON
    try:
        if not told.get("as_json"):
            reason = "printed without its JSON; ask with `decode_as_json`"
            return Remark(number=number, code="monero_transaction_not_read", reason=reason)
        waits = bool(told.get("in_pool"))
        return _transaction(
            json.loads(told["as_json"]),
            number,
            txid=_hex(told["tx_hash"], 32).hex(),
            height=None if waits else _count(told["block_height"]),
            at_s=None if waits else _count(told["block_timestamp"]),
        )
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return _unread(number)


def _unread(number: int) -> Remark:
    reason = "it does not have the form of a transaction that a node prints"
    return Remark(number=number, code="monero_transaction_not_read", reason=reason)


def _transaction(
    body: Mapping[str, Any], number: int, *, txid: str, height: int | None, at_s: int | None
) -> Transaction:
    is_coinbase = any("gen" in source for source in body["vin"])
    signed = body.get("rct_signatures") or {}
    kind = _count(signed.get("type", 0))
    if not kind and not is_coinbase and _count(body["version"]) > 1:
        raise ValueError  # without its signature's part the amounts are not there, and 0 stands in their place
    outputs = []
    for index, output in enumerate(body["vout"]):
        target = output["target"]
        tagged = target.get("tagged_key")
        key = _hex(tagged["key"] if tagged else target["key"], 32)
        tag = _hex(tagged["view_tag"], 1) if tagged else None
        if is_coinbase or not kind:
            outputs.append(Output(key=key, view_tag=tag, plain_amount=_count(output["amount"])))
            continue
        secret = signed["ecdhInfo"][index]
        commitment = _hex(signed["outPk"][index], 32)
        if kind in _SHORT_TYPES:
            amount = _hex(secret.get("trunc_amount") or secret["amount"], None)[:8]
            if len(amount) != 8:
                raise ValueError
            outputs.append(Output(key=key, view_tag=tag, amount=amount, commitment=commitment))
        elif kind in _MASKED_TYPES:
            amount, mask = _hex(secret["amount"], 32), _hex(secret["mask"], 32)
            outputs.append(Output(key=key, view_tag=tag, amount=amount, mask=mask, commitment=commitment))
        else:
            raise ValueError
    unlock, extra = _count(body["unlock_time"]), body["extra"]
    if not isinstance(extra, list):  # of a number bytes would make as many zeros
        raise TypeError
    return Transaction(
        number=number,
        txid=txid,
        block_height=height,
        at_s=at_s,
        is_coinbase=is_coinbase,
        unlock_time=unlock if unlock <= _MAX_INT else None,
        outputs=outputs,
        extra=_extra(bytes(extra)),
    )


def _hex(text: str, size: int | None) -> bytes:
    content = bytes.fromhex(text)
    if size is not None and len(content) != size:
        raise ValueError
    return content


def _count(number: int) -> int:
    if type(number) is not int or not 0 <= number < 2**64:
        raise ValueError
    return number


def _extra(content: bytes) -> Extra:
    """The fields, up to the first that cannot be read: what stands before it still counts, as a wallet has it."""
    found = Extra()
    at = 0
    try:
        while at < len(content):
            at = _field(content, at, found)
    except (IndexError, ValueError):
        found.whole = False
    return found


def _field(content: bytes, at: int, found: Extra) -> int:
    """Takes one field; the place behind it."""
    kind, at = content[at], at + 1
    if kind == _PADDING:
        if any(content[at:]):
            raise ValueError
        return len(content)
    if kind == _PUBLIC_KEY:
        found.keys.append(_taken(content, at, 32))
        return at + 32
    size, at = _varint(content, at)
    if kind == _FURTHER_KEYS:
        found.further_keys = [_taken(content, at + 32 * place, 32) for place in range(min(size, len(content)))]
        return at + 32 * size
    if kind not in {_NONCE, _MERGE_MINING, _MYSTERIOUS}:
        raise ValueError
    nonce = _taken(content, at, size)
    if kind == _NONCE and nonce[:1] == bytes([_LONG_ID]) and size == 33:
        found.long_id = nonce[1:]
    elif kind == _NONCE and nonce[:1] == bytes([_SHORT_ID]) and size == 9:
        found.short_id = nonce[1:]
    return at + size


def _taken(content: bytes, at: int, size: int) -> bytes:
    part = content[at : at + size]
    if len(part) != size:
        raise IndexError
    return part


def _varint(content: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
        if shift > 63:
            raise ValueError
