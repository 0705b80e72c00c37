"""The active chain as a graph in memory, read from blocks and undo data, each spent output resolved."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater.engine import Progress, silent
from headwater.money.block_index import BlockIndex, IndexedBlock, read_content
from headwater.money.block_layout import (
    MAX_MONEY_SAT,
    TXID_BYTES,
    BlockLayout,
    BlockLayoutError,
    amounts_sat,
    as_bytes,
    laid_out,
    merkle_root,
    transaction_ids,
)
from headwater.money.defects import Defects
from headwater.money.snapshot_columns import ABSENT, Snapshot, as_numbers
from headwater.money.undo import SpentCoins, coins_spent
from headwater.money.undo_index import UndoRecord

__all__ = ["ABSENT", "Snapshot", "as_numbers", "snapshot_of"]

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Appended:
    """What of a block became part of the snapshot.

    Attributes:
        first_tx: Number of its first transaction.
        first_input: Number of its first input.
        is_taken: For each transaction of the block, whether it was taken.
    """

    first_tx: int
    first_input: int
    is_taken: npt.NDArray[np.bool_]


def snapshot_of(
    index: BlockIndex,
    undo: Mapping[bytes, Sequence[UndoRecord]],
    defects: Defects,
    progress: Progress = silent,
) -> Snapshot:
    """The snapshot of a block index; one block at a time is in memory.

    Args:
        index: The blocks.
        undo: Undo records that can belong to a block, by its hash.
        defects: Told of blocks that cannot be read and of spent outputs that cannot be resolved.
        progress: Told of blocks read.
    """
    snapshot = Snapshot()
    order = [*index.active, *(block for block in index.blocks if not block.active)]
    for done, block in enumerate(order):
        content = read_content(block.file, block.offset_bytes, block.length_bytes)
        try:
            layout = laid_out(content)
            txids = transaction_ids(content, layout)
            amounts = amounts_sat(content, layout)
            intact = merkle_root(txids) == block.header.merkle_root
            reason = "its transactions do not give its merkle root"
            if intact and len(amounts) and not (amounts.min() >= 0 and amounts.max() <= MAX_MONEY_SAT):
                intact, reason = False, "an output holds more than there can be"
        except BlockLayoutError as error:
            intact, reason = False, str(error)
        snapshot.merkle_ok[block.header.block_hash] = intact
        if not intact:
            _defect(defects, block, "block_damaged", f"{reason}; its transactions are left out")
        elif block.active:
            appended = _append(snapshot, block, content, layout, txids, amounts, defects)
            _resolve(snapshot, block, appended, undo.get(block.header.block_hash, ()), defects)
        progress("blocks", done + 1, len(order))
    return snapshot


def _defect(defects: Defects, block: IndexedBlock, code: str, reason: str) -> None:
    defects.add(
        code,
        f"block {block.header.block_hash[::-1].hex()}: {reason}",
        exhibit_id=block.exhibit_id,
        path=block.file.name,
        offset_bytes=block.offset_bytes,
        length_bytes=block.length_bytes,
    )


def _append(
    snapshot: Snapshot,
    block: IndexedBlock,
    content: bytes,
    layout: BlockLayout,
    txids: npt.NDArray[np.uint8],
    amounts: _Numbers,
    defects: Defects,
) -> _Appended:
    first_tx, first_input = len(snapshot.txids), len(snapshot.input_outputs)
    ends = np.arange(1, len(txids) + 1) * TXID_BYTES
    numbers = snapshot.txids.numbers_of(txids.ravel(), np.column_stack((ends - TXID_BYTES, ends)))
    # A number that is not above all before it was given earlier.
    is_taken = numbers > np.maximum.accumulate(np.concatenate(([first_tx - 1], numbers)))[:-1]
    for position in np.nonzero(~is_taken)[0].tolist():
        # Two pairs of early coinbases share a txid (BIP-30); the later replaced the earlier, with the same outputs.
        reason = f"transaction {txids[position, ::-1].tobytes().hex()} was seen before; it counts once"
        _defect(defects, block, "txid_repeated", reason)
    place = len(snapshot.blocks)
    snapshot.blocks.append(block)
    input_counts = layout.input_counts.copy()
    input_counts[0] = 0  # a coinbase spends nothing
    inputs_taken = np.repeat(is_taken, layout.input_counts)
    inputs_taken[: layout.input_counts[0]] = False
    outputs_taken = np.repeat(is_taken, layout.output_counts)
    taken = numbers[is_taken]
    _extend(snapshot.tx_blocks, np.full(len(taken), place))
    _extend(snapshot.tx_positions, np.nonzero(is_taken)[0])
    _extend(snapshot.input_starts, first_input + np.cumsum(input_counts[is_taken]))
    _extend(snapshot.output_starts, len(snapshot.output_txs) + np.cumsum(layout.output_counts[is_taken]))
    _extend(snapshot.output_amounts_sat, amounts[outputs_taken])
    bounds = np.column_stack((layout.script_starts[outputs_taken], layout.script_ends[outputs_taken]))
    _extend(snapshot.output_scripts, snapshot.scripts.numbers_of(as_bytes(content), bounds))
    _extend(snapshot.output_txs, np.repeat(taken, layout.output_counts[is_taken]))
    _extend(snapshot.spent_by, np.full(len(bounds), ABSENT))
    _extend(snapshot.input_txs, np.repeat(taken, input_counts[is_taken]))
    _connect(snapshot, block, content, layout.outpoints[inputs_taken], first_input, defects)
    return _Appended(first_tx=first_tx, first_input=first_input, is_taken=is_taken)


def _connect(
    snapshot: Snapshot,
    block: IndexedBlock,
    content: bytes,
    outpoints: _Numbers,
    first_input: int,
    defects: Defects,
) -> None:
    """Note which outputs the inputs of a block spend; they come after all that the snapshot has."""
    from headwater.money.snapshot_kernels import connect  # loads a compiler

    held = as_bytes(content)
    spent = snapshot.txids.found(held, np.column_stack((outpoints, outpoints + TXID_BYTES)))
    indexes, outputs = np.empty_like(outpoints), np.empty_like(outpoints)
    is_twice = np.empty(len(outpoints), dtype=np.uint8)
    connect(
        held,
        outpoints,
        as_numbers(snapshot.input_txs)[first_input:],
        spent,
        first_input,
        as_numbers(snapshot.output_starts),
        as_numbers(snapshot.spent_by),
        indexes,
        outputs,
        is_twice,
    )
    outside = np.nonzero(outputs == ABSENT)[0]
    if len(outside):
        txids = held[outpoints[outside, None] + np.arange(TXID_BYTES)]
        snapshot.outside.add(outside + first_input, txids, indexes[outside])
    _extend(snapshot.input_outputs, outputs)
    _extend(snapshot.input_amounts_sat, np.full(len(outputs), ABSENT))
    _extend(snapshot.input_scripts, np.full(len(outputs), ABSENT))
    for place in np.nonzero(is_twice)[0].tolist():
        shown = _shown(snapshot, first_input + place)
        _defect(defects, block, "spent_twice", f"output {shown} was spent before")


def _resolve(
    snapshot: Snapshot,
    block: IndexedBlock,
    appended: _Appended,
    candidates: Sequence[UndoRecord],
    defects: Defects,
) -> None:
    """Amount and script of every output the block spent: from its undo data, checked against outputs seen."""
    if len(appended.is_taken) < 2:
        return
    coins, disagreeing = _best_undo(snapshot, block, appended, candidates, defects)
    if coins is None:
        _defect(defects, block, "undo_missing", "no undo record fits; spent outputs are known where they were seen")
    for number in disagreeing:
        reason = f"undo data and output {_shown(snapshot, number)} disagree; the output as seen is used"
        _defect(defects, block, "undo_disagrees", reason)
    # An output seen is covered by its txid; undo data is covered by a checksum only.
    outputs = as_numbers(snapshot.input_outputs)[appended.first_input :]
    is_seen = outputs != ABSENT
    amounts = as_numbers(snapshot.input_amounts_sat)[appended.first_input :]
    scripts = as_numbers(snapshot.input_scripts)[appended.first_input :]
    amounts[is_seen] = as_numbers(snapshot.output_amounts_sat)[outputs[is_seen]]
    scripts[is_seen] = as_numbers(snapshot.output_scripts)[outputs[is_seen]]
    if coins is not None:
        amounts[~is_seen] = coins.amounts_sat[~is_seen]
        scripts[~is_seen] = snapshot.scripts.numbers_of(coins.scripts, coins.bounds[~is_seen])
    else:
        for place in np.nonzero(~is_seen)[0].tolist():
            number = appended.first_input + place
            tx = snapshot.input_txs[number]
            _defect(
                defects,
                block,
                "spent_output_unresolved",
                f"input {number - snapshot.input_starts[tx]} of transaction {snapshot.txids[tx][::-1].hex()} spends "
                f"{_shown(snapshot, number)}, which neither undo data nor these blocks hold",
            )
    _refuse_overspending(snapshot, block, appended.first_tx + int(appended.is_taken[0]), defects)


def _refuse_overspending(snapshot: Snapshot, block: IndexedBlock, first_tx: int, defects: Defects) -> None:
    """Take the inputs of a transaction for unresolved if they bring in less than goes out: no valid block has such."""
    from headwater.money.snapshot_kernels import overspending  # loads a compiler

    flags = np.empty(len(snapshot.txids) - first_tx, dtype=np.uint8)
    overspending(
        first_tx,
        len(snapshot.txids),
        as_numbers(snapshot.input_starts),
        as_numbers(snapshot.input_amounts_sat),
        as_numbers(snapshot.output_starts),
        as_numbers(snapshot.output_amounts_sat),
        flags,
    )
    for tx in (np.nonzero(flags)[0] + first_tx).tolist():
        inputs = snapshot.inputs_of(tx)
        input_sat = sum(snapshot.input_amounts_sat[number] for number in inputs)
        output_sat = sum(snapshot.output_amounts_sat[number] for number in snapshot.outputs_of(tx))
        reason = f"transaction {snapshot.txids[tx][::-1].hex()} takes in {input_sat} and pays out {output_sat} satoshis"
        _defect(defects, block, "more_out_than_in", reason)
        for number in inputs:
            snapshot.input_amounts_sat[number] = snapshot.input_scripts[number] = ABSENT


def _best_undo(
    snapshot: Snapshot,
    block: IndexedBlock,
    appended: _Appended,
    candidates: Sequence[UndoRecord],
    defects: Defects,
) -> tuple[SpentCoins | None, list[int]]:
    """The coins of the record that fits best, of transactions taken; and the inputs where outputs seen disagree."""
    best: SpentCoins | None = None
    least: list[int] = []
    expected = np.diff(as_numbers(snapshot.input_starts)[appended.first_tx :])[int(appended.is_taken[0]) :]
    outputs = as_numbers(snapshot.input_outputs)[appended.first_input :]
    is_seen = outputs != ABSENT
    for record in candidates:
        try:
            content = record.content()
            coins = None if content is None else coins_spent(content)
        except ValueError as error:
            defects.add(
                "undo_damaged",
                str(error),
                exhibit_id=block.exhibit_id,
                path=record.file.name,
                offset_bytes=record.offset_bytes,
                length_bytes=record.length_bytes,
            )
            continue
        if coins is None or len(coins.counts) != len(appended.is_taken) - 1:
            continue
        coins = _of_taken(coins, appended.is_taken[1:])
        if not np.array_equal(coins.counts, expected):
            continue
        agrees = coins.amounts_sat[is_seen] == as_numbers(snapshot.output_amounts_sat)[outputs[is_seen]]
        scripts = snapshot.scripts.found(coins.scripts, coins.bounds[is_seen])
        agrees &= scripts == as_numbers(snapshot.output_scripts)[outputs[is_seen]]
        disagreeing = (np.nonzero(is_seen)[0][~agrees] + appended.first_input).tolist()
        if best is None or len(disagreeing) < len(least):
            best, least = coins, disagreeing
    return best, least


def _of_taken(coins: SpentCoins, is_taken: npt.NDArray[np.bool_]) -> SpentCoins:
    """The coins of some of the transactions only."""
    if is_taken.all():
        return coins
    kept = np.repeat(is_taken, coins.counts)
    return SpentCoins(
        counts=coins.counts[is_taken],
        amounts_sat=coins.amounts_sat[kept],
        scripts=coins.scripts,
        bounds=coins.bounds[kept],
    )


def _shown(snapshot: Snapshot, number: int) -> str:
    """The output that an input spends, as displayed."""
    txid, index = snapshot.spent_outpoint(number)
    return f"{txid[::-1].hex()}:{index}"


def _extend(column: array[int], numbers: _Numbers) -> None:
    content = numbers.astype(np.int64, copy=False).tobytes()
    try:
        column.frombytes(content)
    except BufferError:
        # The first call of a loop compiles it, and what the compiler raises and catches within itself keeps the frames
        # of its callers, with their arrays over this column, until it is collected.
        gc.collect()
        column.frombytes(content)
