"""Inner loops over the bytes of one block or one undo record. Every read is checked against the end of the bytes."""

from __future__ import annotations

from typing import Final

import numpy as np

from headwater.compiled import I64, U8, Int, compiled

__all__ = [
    "GOES_ON",
    "IS_CUT",
    "IS_WHOLE",
    "NO_END",
    "TOO_LONG",
    "TOO_MUCH",
    "lay_out",
    "lay_out_coins",
    "scripts_into",
]

_CUT: Final = -1
_LONGEST_SCRIPT_BYTES: Final = 10_000  # source: Bitcoin Core, MAX_SCRIPT_SIZE; longer ones can never be spent
_PLAIN_SCRIPT_OFFSET: Final = 6  # source: Bitcoin Core, compressor.h, nSpecialScripts
_MAX_MONEY_SAT: Final = 21_000_000 * 100_000_000  # source: Bitcoin Core, consensus/amount.h
_LONGEST_NUMBER_BYTES: Final = 10
_LARGEST_BEFORE_ITS_LAST_DIGIT: Final = 1 << 55
"""Numbers beyond would not fit into 63 bits; no amount, height or size that can have been needs so many."""

IS_WHOLE, IS_CUT, GOES_ON, TOO_MUCH, TOO_LONG, NO_END = range(6)


@compiled
def _counted(content: U8, at: Int) -> tuple[Int, Int]:
    """A count in the compact form and the byte after it; (-1, -1) where the content ends before it does.

    A count of more than 63 bits is the largest of 63: neither fits in any content.
    """
    end = len(content)
    if at >= end:
        return _CUT, _CUT
    first = np.int64(content[at])
    if first < 0xFD:
        return first, at + 1
    width = 2 << (first - 0xFD)
    if at + width >= end:
        return _CUT, _CUT
    number = np.uint64(0)
    for byte in range(width):
        number |= np.uint64(content[at + 1 + byte]) << np.uint64(8 * byte)
    return np.int64(min(number, np.uint64((1 << 62) - 1))), at + 1 + width


@compiled
def _skip_witnesses(content: U8, at: Int, inputs: Int) -> Int:
    """The byte after the witnesses of that many inputs, or -1."""
    for _ in range(inputs):
        items, at = _counted(content, at)
        if items < 0:
            return _CUT
        for _ in range(items):
            size, at = _counted(content, at)
            if size < 0 or size > len(content) - at:
                return _CUT
            at += size
    return at


@compiled
def lay_out(  # noqa: C901, PLR0912 - one loop: calls with so many arrays cost more than what they would do
    block: U8,
    at: Int,
    transactions: int,
    bounds: I64,
    counts: I64,
    outpoints: I64,
    outputs: I64,
) -> tuple[int, int, int, Int]:
    """Writes where the parts of a block's transactions lie, and returns how far it came.

    Args:
        block: The bytes.
        at: First byte of the first transaction.
        transactions: How many there are to be.
        bounds: Room for start, body start, body end and end of each transaction.
        counts: Room for inputs and outputs of each.
        outpoints: Room for the first byte of each input: one for every 41 bytes, and one more.
        outputs: Room for the first byte of each output, of its script, and the byte after that: one for every 9 bytes.

    Returns:
        Whole transactions, inputs and outputs in them, and the byte after the last of them.
    """
    length = len(block)
    inputs = spendable = 0
    for tx in range(transactions):
        begins = at
        whole, first_input, first_output = False, inputs, spendable
        while True:  # left by a break as soon as something is cut
            at += 4
            if at >= length:
                break
            has_witness = block[at] == 0 and at + 1 < length and block[at + 1] == 1  # source: BIP-144, marker and flag
            if has_witness:
                at += 2
            bounds[tx, 0], bounds[tx, 1] = begins, at
            count, at = _counted(block, at)
            if count < 0 or count > (length - at) // 41:
                break
            for _ in range(count):
                outpoints[inputs] = at
                size, after = _counted(block, at + 36)
                if size < 0 or size > length - after - 4:
                    break
                at = after + size + 4
                inputs += 1
            if inputs - first_input != count:
                break
            count, at = _counted(block, at)
            if count < 0 or count > (length - at) // 9:
                break
            for _ in range(count):
                outputs[spendable, 0] = at
                size, after = _counted(block, at + 8)
                if size < 0 or size > length - after:
                    break
                at = after + size
                outputs[spendable, 1], outputs[spendable, 2] = after, at
                spendable += 1
            if spendable - first_output != count:
                break
            bounds[tx, 2] = at
            if has_witness:
                at = _skip_witnesses(block, at, inputs - first_input)
                if at < 0:
                    break
            at += 4
            whole = bool(at <= length)
            break
        if not whole:
            return tx, first_input, first_output, begins
        bounds[tx, 3] = at
        counts[tx, 0], counts[tx, 1] = inputs - first_input, spendable - first_output
    return transactions, inputs, spendable, at


@compiled
def _variable(undo: U8, at: Int) -> tuple[Int, Int, int]:
    """A number in base 128, each continued digit off by one (serialize.h, VARINT), the byte after it, and its state."""
    number = np.int64(0)
    for _ in range(_LONGEST_NUMBER_BYTES):
        if at >= len(undo):
            return 0, at, IS_CUT
        byte = np.int64(undo[at])
        at += 1
        if number > _LARGEST_BEFORE_ITS_LAST_DIGIT:
            break
        number = (number << 7) | (byte & 0x7F)
        if byte < 0x80:
            return number, at, IS_WHOLE
        number += 1
    return 0, at, NO_END


@compiled
def _amount(compressed: Int) -> Int:
    """Satoshis from their compressed form (compressor.cpp, DecompressAmount); -1 for more than there can be."""
    if compressed == 0:
        return 0
    compressed -= 1
    exponent = compressed % 10
    compressed //= 10
    if exponent < 9:
        digit = compressed % 9 + 1
        compressed = compressed // 9 * 10 + digit
    else:
        compressed += 1
    for _ in range(exponent):
        if compressed > _MAX_MONEY_SAT:
            return -1
        compressed *= 10
    return compressed if compressed <= _MAX_MONEY_SAT else -1


@compiled
def lay_out_coins(  # noqa: C901, PLR0911 - one loop, left wherever the bytes make no sense
    undo: U8, counts: I64, amounts: I64, coins: I64
) -> tuple[Int, int, Int, int]:
    """Writes what an undo record says, and returns transactions, coins, the byte after them, and a state.

    Args:
        undo: The bytes.
        counts: Room for the inputs of each transaction: one for every byte.
        amounts: Room for the satoshis of each coin: one for every 3 bytes, and one more.
        coins: Room for the kind of each, the first byte of what stands for its script, and its length.
    """
    told = 0
    transactions, at = _counted(undo, 0)
    if transactions < 0 or transactions > len(undo):
        return 0, 0, 0, IS_CUT
    for tx in range(transactions):
        inputs, at = _counted(undo, at)
        if inputs < 0 or inputs > (len(undo) - at) // 3:
            return tx, told, at, IS_CUT
        counts[tx] = inputs
        for _ in range(inputs):
            code, at, state = _variable(undo, at)
            if state == IS_WHOLE and code > 1:  # a height above 0 is followed by a byte that old versions used (undo.h)
                code, at, state = _variable(undo, at)
            if state != IS_WHOLE:
                return tx, told, at, state
            compressed, at, state = _variable(undo, at)
            if state != IS_WHOLE:
                return tx, told, at, state
            amounts[told] = _amount(compressed)
            if amounts[told] < 0:
                return tx, told, at, TOO_MUCH
            kind, at, state = _variable(undo, at)
            if state != IS_WHOLE:
                return tx, told, at, state
            size = kind - _PLAIN_SCRIPT_OFFSET
            if size < 0:
                size = 20 if kind < 2 else 32
            elif size > _LONGEST_SCRIPT_BYTES:
                return tx, told, at, TOO_LONG
            if size > len(undo) - at:
                return tx, told, at, IS_CUT
            coins[told, 0], coins[told, 1], coins[told, 2] = kind, at, size
            at += size
            told += 1
    return transactions, told, at, IS_WHOLE if at == len(undo) else GOES_ON


@compiled
def scripts_into(undo: U8, coins: I64, content: U8, bounds: I64) -> None:
    """Writes the script of each coin into one array of bytes, and where each begins and ends.

    A script that pays to a whole public key is left open between its first two bytes and its last: the other coordinate
    has to be computed.

    Args:
        undo: The bytes that `lay_out_coins` went through.
        coins: What it wrote.
        content: Room for all scripts: 35 bytes for each coin more than the record has.
        bounds: Room for the start and end of each.
    """
    end = 0
    for coin in range(len(coins)):
        kind, at, size = coins[coin, 0], coins[coin, 1], coins[coin, 2]
        bounds[coin, 0] = end
        if kind >= _PLAIN_SCRIPT_OFFSET:
            content[end : end + size] = undo[at : at + size]
            end += size
        elif kind == 0:
            content[end], content[end + 1], content[end + 2] = 0x76, 0xA9, 0x14
            content[end + 3 : end + 23] = undo[at : at + 20]
            content[end + 23], content[end + 24] = 0x88, 0xAC
            end += 25
        elif kind == 1:
            content[end], content[end + 1], content[end + 22] = 0xA9, 0x14, 0x87
            content[end + 2 : end + 22] = undo[at : at + 20]
            end += 23
        elif kind < 4:
            content[end], content[end + 1], content[end + 34] = 0x21, kind, 0xAC
            content[end + 2 : end + 34] = undo[at : at + 32]
            end += 35
        else:
            content[end], content[end + 1], content[end + 66] = 0x41, kind, 0xAC
            content[end + 2 : end + 34] = undo[at : at + 32]
            end += 67
        bounds[coin, 1] = end
