"""Blocks as `getblock` of Bitcoin Core prints them, rewritten as what its files would hold, and read as these are.

A block of verbosity 2 or 3 says everything of a block, witnesses too where the node printed them. Rewritten, it has to
meet the same checks as a block file: proof of work, and the merkle root of txids that are computed anew. At verbosity 3
it also says what its inputs spent, which is rewritten as undo data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO, Final

from headwater.money.block_layout import block_hash

__all__ = [
    "BlockExportError",
    "export_network",
    "exported_block",
    "exported_undo",
    "is_export",
    "object_spans",
    "rewritten",
]

LONGEST_EXPORT_BYTES: Final = 128 << 20
"""A block of 4 MB prints as some 30 MB; what is longer is no block."""
_STEP_BYTES: Final = 1 << 20
_TOKENS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*"|["{}]', re.DOTALL)
_SATOSHIS: Final = 100_000_000
_NETWORK_OF_ADDRESS: Final = {b"bcrt1": "regtest", b"tb1": "test", b"bc1": "main"}
_ADDRESS: Final = re.compile(rb'[";](bcrt1|tb1|bc1)[0-9a-z]{6}')

Block = Mapping[str, Any]


class BlockExportError(ValueError):
    """An exported object is no block, or not all of one."""


def is_export(head: bytes) -> bool:
    """Whether a file that begins so is an export: a block begins with its version, which is no text."""
    return head.lstrip()[:1] in {b"{", b"["}


def export_network(head: bytes) -> str:
    """The network of the first witness addresses in an export; main where there is none.

    Args:
        head: Some megabyte of its beginning.
    """
    found = _ADDRESS.search(head)
    return "main" if found is None else _NETWORK_OF_ADDRESS[found[1]]


def object_spans(stream: BinaryIO) -> Iterator[tuple[int, int | None]]:
    """Where the outermost objects of an export lie, each on a line, in one list, or spread over lines.

    Yields:
        The first byte of each and its length, which is None for one that does not end, or not within reason.
    """
    begins, held, depth, start, at = 0, b"", 0, 0, 0
    while step := stream.read(_STEP_BYTES):
        held += step
        while True:
            token = _TOKENS.search(held, at)
            if token is None or token[0] == b'"':
                # A string that has no end yet is looked at again with what follows.
                at = len(held) if token is None else token.start()
                break
            at = token.end()
            if token[0] == b"{":
                start = token.start() if depth == 0 else start
                depth += 1
            elif token[0] == b"}" and depth:
                depth -= 1
                if depth == 0:
                    yield begins + start, at - start
        gone = start if depth else at
        if len(held) - gone > LONGEST_EXPORT_BYTES:
            yield begins + gone, None
            return
        begins, held, start, at = begins + gone, held[gone:], 0, at - gone
    if depth:
        yield begins + start, None


def exported_block(content: bytes) -> bytes:
    """The block that an exported object says, as its file would hold it.

    Raises:
        BlockExportError: The object is no block, or its header does not give the hash that it states.
    """
    return rewritten(_parsed(content))


def rewritten(block: Block) -> bytes:
    """As `exported_block`, of an object that is parsed already."""
    try:
        header = (
            _number(block["version"], 4)
            + bytes.fromhex(block.get("previousblockhash") or "00" * 32)[::-1]
            + bytes.fromhex(block["merkleroot"])[::-1]
            + _number(block["time"], 4)
            + bytes.fromhex(block["bits"])[::-1]
            + _number(block["nonce"], 4)
        )
        stated = bytes.fromhex(block["hash"])[::-1]
        transactions = [_transaction(each) for each in block["tx"]]
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise BlockExportError(f"not a block of verbosity 2 or 3: {type(error).__name__} {error}") from None
    if block_hash(header) != stated or len(header) != 80:
        raise BlockExportError("its header does not give the hash that it states")
    return header + _counted(len(transactions)) + b"".join(transactions)


def exported_undo(content: bytes) -> bytes | None:
    """What the inputs of an exported block spent, as an undo record; None where it does not say so of all of them.

    Raises:
        BlockExportError: The object is no block.
    """
    block = _parsed(content)
    try:
        spending = [[each.get("prevout") for each in transaction["vin"]] for transaction in block["tx"][1:]]
        if any(coin is None for coins in spending for coin in coins):
            return None
        records = [_counted(len(coins)) + b"".join(map(_coin, coins)) for coins in spending]
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise BlockExportError(f"what it spends is not told whole: {type(error).__name__} {error}") from None
    return _counted(len(spending)) + b"".join(records)


def _parsed(content: bytes) -> Block:
    try:
        block = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BlockExportError(f"not JSON: {type(error).__name__}") from None
    if not isinstance(block, dict):
        raise BlockExportError("not an object")
    # What answers come in where they are fetched by other means than the node's own program.
    inner = block.get("result")
    return inner if isinstance(inner, dict) else block


def _transaction(transaction: Mapping[str, Any]) -> bytes:
    parts = [_counted(len(transaction["vin"]))]
    for spent in transaction["vin"]:
        if "coinbase" in spent:
            outpoint, unlocking = bytes(32) + b"\xff" * 4, bytes.fromhex(spent["coinbase"])
        else:
            outpoint = bytes.fromhex(spent["txid"])[::-1] + _number(spent["vout"], 4)
            unlocking = bytes.fromhex(spent["scriptSig"]["hex"])
        parts += [outpoint, _counted(len(unlocking)), unlocking, _number(spent["sequence"], 4)]
    parts.append(_counted(len(transaction["vout"])))
    for paid in transaction["vout"]:
        script = bytes.fromhex(paid["scriptPubKey"]["hex"])
        amount_sat = paid["value_sat"] if "value_sat" in paid else _satoshis(paid["value"])
        parts += [_number(amount_sat, 8), _counted(len(script)), script]
    stacks = [spent.get("txinwitness") or [] for spent in transaction["vin"]]
    marker = b""
    if any(stacks):  # no txid covers them, but they count for the size that a fee is reckoned by
        marker = b"\x00\x01"  # source: BIP-144, marker and flag
        parts += [_witness([bytes.fromhex(each) for each in stack]) for stack in stacks]
    return _number(transaction["version"], 4) + marker + b"".join(parts) + _number(transaction["locktime"], 4)


def _witness(stack: Sequence[bytes]) -> bytes:
    return _counted(len(stack)) + b"".join(_counted(len(each)) + each for each in stack)


def _satoshis(coins: Decimal | int) -> int:
    amount = Decimal(coins) * _SATOSHIS
    if amount != int(amount):
        raise ValueError("an amount has more than eight places")
    return int(amount)


def _number(value: int, width: int) -> bytes:
    """A number as it lies in blocks; versions may be negative."""
    if not -(1 << 8 * width - 1) <= value < 1 << 8 * width:
        raise ValueError(f"{value!r} is no number of {width} bytes")
    return (value % (1 << 8 * width)).to_bytes(width, "little")


def _counted(number: int) -> bytes:
    """A count in the compact form (Bitcoin developer reference, "CompactSize unsigned integers")."""
    if number < 0xFD:
        return bytes((number,))
    width = 2 if number <= 0xFFFF else 4
    return bytes((0xFD if width == 2 else 0xFE,)) + number.to_bytes(width, "little")


def _coin(spent: Mapping[str, Any]) -> bytes:
    """A coin as it lies in undo data, its height left out (undo.h, compressor.h)."""
    script = bytes.fromhex(spent["scriptPubKey"]["hex"])
    return b"\x00" + _variable(_compressed(_satoshis(spent["value"]))) + _variable(len(script) + 6) + script


def _compressed(amount_sat: int) -> int:
    """Satoshis in their compressed form (compressor.cpp, CompressAmount)."""
    if amount_sat == 0:
        return 0
    exponent = 0
    while exponent < 9 and amount_sat % 10 == 0:
        amount_sat //= 10
        exponent += 1
    if exponent < 9:
        amount_sat, digit = divmod(amount_sat, 10)
        return (amount_sat * 9 + digit - 1) * 10 + exponent + 1
    return (amount_sat - 1) * 10 + 10


def _variable(number: int) -> bytes:
    """A number in base 128, most significant first, each continued digit off by one (serialize.h, VARINT)."""
    if number < 0:
        raise ValueError("a number below zero")
    digits = [number & 0x7F]
    while number > 0x7F:
        number = (number >> 7) - 1
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))
