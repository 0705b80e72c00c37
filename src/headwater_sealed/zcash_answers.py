"""The job `read_zcash_answers`: shielded payments in, as the seized wallet's own program has printed them.

Nothing is decrypted here: there is no library for it that headwater has, and none is made. The program that the wallet
belongs to knows its keys; what it prints is taken in, and of that only what came in.

References:
    Zcash, zcashd RPC: z_listreceivedbyaddress, z_viewtransaction. ZIP 302 (memos: text, none, or other bytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.answers import answer_text, printed_values
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit, Rows, field
from headwater_sealed.sources import Sources
from headwater_sealed.wallet_records import may_hold_key

__all__ = ["ZCASH_SCHEMA", "read_zcash_answers"]

ZCASH_SCHEMA = pa.schema(
    [
        field("kind", pa.string()),  # receipt or defect
        field("number", pa.int64(), nullable=True),
        field("txid", pa.string(), nullable=True),
        field("pool", pa.string(), nullable=True),
        field("output_index", pa.int64(), nullable=True),
        field("joinsplit_index", pa.int64(), nullable=True),
        field("address", pa.string(), nullable=True),
        field("amount_zat", pa.int64(), nullable=True),
        field("block_height", pa.int64(), nullable=True),
        field("at_s", pa.int64(), nullable=True),
        field("is_change", pa.bool_(), nullable=True),
        field("memo", pa.string(), nullable=True),
        field("printed_by", pa.string(), nullable=True),
        field("code", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)

_ZAT = 100_000_000
_MAX_ZAT = 21_000_000 * _ZAT  # source: Zcash protocol specification, 5.3, MAX_MONEY
_POOLS = frozenset({"sprout", "sapling", "orchard"})
_TXID = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"[A-Za-z0-9]{20,600}")
# Spending and viewing keys as they are written. source: Zcash protocol specification, 5.6; ZIP 316, "uview" and "uivk".
_KEYS = re.compile(r"secret-extended-key-|zxviews|zivk|uview|uivk|(?<![A-Za-z0-9])SK[1-9A-HJ-NP-Za-km-z]{50}")
_LAST_TEXT_BYTE = 0xF4  # source: ZIP 302: a first byte up to here begins a text
_MAX_MEMO_CHARACTERS = 1024
_LATEST_S = 2**40
_MAX_INT = 2**63 - 1


def read_zcash_answers(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """A record for each output that came in, and each defect.

    Args:
        files: The file, or the image that holds it.
        parameters: `entries` with the one file, if it is in an image.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    rows = Rows(ZCASH_SCHEMA, emit)
    number = 0
    try:
        for value in printed_values(answer_text(Sources(files, parameters).open(entries[0]))):
            for entry in _entries(value):
                _take(entry, number, rows)
                number += 1
    except UnreadableError as error:
        rows.add(kind="defect", code="zcash_answer_not_read", reason=error.reason)
    rows.close()


def _entries(value: Any) -> Iterator[Any]:  # noqa: ANN401  # JSON
    """The entries of what was printed: an answer, or a list of entries or of answers, which are lists themselves."""
    for answer in value if isinstance(value, list) else [value]:
        inner = answer["result"] if isinstance(answer, Mapping) and "result" in answer else answer
        yield from inner if isinstance(inner, list) else [inner]


def _take(entry: Any, number: int, rows: Rows) -> None:  # noqa: ANN401  # JSON
    try:
        if isinstance(entry["txid"], str) and isinstance(entry.get("outputs"), list):
            told = [_viewed(entry, output) for output in entry["outputs"] if not _is_outgoing(output)]
        else:
            told = [_listed(entry)]
    except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError):
        reason = f"entry {number} does not have the form that the program prints"
        rows.add(kind="defect", number=number, code="zcash_entry_not_read", reason=reason)
        return
    for row in told:
        memo = row["memo"]
        if memo is not None and (len(memo) > _MAX_MEMO_CHARACTERS or _KEYS.search(memo) or may_hold_key(memo)):
            reason = f"entry {number}: a memo may hold a private key or a seed; it is withheld"
            rows.add(kind="defect", number=number, txid=row["txid"], code="memo_withheld", reason=reason)
            row["memo"] = None
        rows.add(kind="receipt", number=number, **row)


def _is_outgoing(output: Mapping[str, Any]) -> bool:
    return bool(output.get("outgoing"))


def _viewed(entry: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """An output of `z_viewtransaction`."""
    change = output.get("walletInternal")
    return _common(entry, output, pool=output.get("type") or output.get("pool")) | {
        "output_index": _count(output[_first(output, "output", "jsOutput", "action")]),
        "joinsplit_index": _count(output["js"]) if "js" in output else None,
        "amount_zat": _zat(output.get("valueZat"), output.get("value")),
        "is_change": change if isinstance(change, bool) else None,
        "printed_by": "z_viewtransaction",
    }


def _listed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of `z_listreceivedbyaddress`."""
    change = entry.get("change")
    pool = entry.get("pool") or ("sprout" if "jsoutindex" in entry else None)
    return _common(entry, entry, pool=pool) | {
        "output_index": _count(entry[_first(entry, "outindex", "jsoutindex")]),
        "joinsplit_index": _count(entry["jsindex"]) if "jsindex" in entry else None,
        "amount_zat": _zat(entry.get("amountZat"), entry.get("amount")),
        "is_change": change if isinstance(change, bool) else None,
        "printed_by": "z_listreceivedbyaddress",
    }


def _common(entry: Mapping[str, Any], output: Mapping[str, Any], *, pool: object) -> dict[str, Any]:
    if not _TXID.fullmatch(entry["txid"]):
        raise ValueError
    height, at_s = entry.get("blockheight"), entry.get("blocktime")
    address = output.get("address")
    if address is not None and not _ADDRESS.fullmatch(address):
        raise ValueError
    return {
        "txid": entry["txid"],
        "pool": pool if pool in _POOLS else "unknown",
        "address": address,
        "block_height": _count(height) if height else None,
        "at_s": _count(at_s) if at_s and at_s < _LATEST_S else None,
        "memo": _memo(output),
    }


def _first(told: Mapping[str, Any], *names: str) -> str:
    return next(name for name in names if name in told) if any(name in told for name in names) else names[0]


def _count(number: object) -> int:
    if type(number) is not int or not 0 <= number <= _MAX_INT:
        raise ValueError
    return number


def _zat(whole: object, decimal: object) -> int:
    """The amount, exactly: in whole zatoshis where it is printed so, else from its decimal digits as they read."""
    if whole is not None:
        found = _count(whole)
    else:
        if isinstance(decimal, bool) or not isinstance(decimal, int | float | str):
            raise ValueError
        # The shortest digits of a float are the eight that were printed.
        amount = Decimal(str(decimal)) * _ZAT
        found = int(amount)
        if found != amount:
            raise ValueError
    if not 0 <= found <= _MAX_ZAT:
        raise ValueError
    return found


def _memo(output: Mapping[str, Any]) -> str | None:
    told = output.get("memoStr")
    if isinstance(told, str):
        return told or None
    raw = bytes.fromhex(output.get("memo") or "")
    if not raw or raw[0] > _LAST_TEXT_BYTE:
        return None
    try:
        return raw.rstrip(b"\0").decode("utf-8") or None
    except UnicodeDecodeError:
        return None
