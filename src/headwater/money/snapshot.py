"""The active chain as a graph in memory, read from blocks and undo data, each spent output resolved."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater.engine import Progress, silent
from headwater.money.block_index import BlockIndex, IndexedBlock
from headwater.money.block_layout import TXID_BYTES, as_bytes
from headwater.money.blocks_read import BlockContent, blocks_read, outpoints_at, tell_of_block
from headwater.money.defects import Defects
from headwater.money.snapshot_columns import ABSENT, Snapshot, as_numbers
from headwater.money.undo import SpentCoins, coins_spent
from headwater.money.undo_index import UndoRecord

__all__ = [
    "ABSENT",
    "SeenOutputs",
    "Snapshot",
    "Taken",
    "as_numbers",
    "note_outside",
    "resolve",
    "snapshot_of",
    "take_in",
    "undo_of",
]

_Numbers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What of a block became part of a snapshot.

    Attributes:
        first_tx: Number of its first transaction.
        first_input: Number of its first input.
        is_taken: For each transaction of the block, whether it was taken.
        outpoints: First byte of each input taken.
    """

    first_tx: int
    first_input: int
    is_taken: _Flags
    outpoints: _Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOutputs:
    """For each input taken of a block, what is known of the output that it spends because that output was seen.

    Attributes:
        is_seen: Whether it was seen, and nothing spent it before.
        is_twice: Whether something spent it before.
        amounts_sat: What it holds; anything where it was not seen.
        scripts: Number of its script; anything where it was not seen.
    """

    is_seen: _Flags
    is_twice: _Flags
    amounts_sat: _Numbers
    scripts: _Numbers

    def chosen(self, wanted: _Flags) -> SeenOutputs:
        """That of some of the inputs."""
        return SeenOutputs(
            is_seen=self.is_seen[wanted],
            is_twice=self.is_twice[wanted],
            amounts_sat=self.amounts_sat[wanted],
            scripts=self.scripts[wanted],
        )


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
    for read in blocks_read(index, snapshot.merkle_ok, defects, progress):
        first_tx = len(snapshot.txids)
        numbers = snapshot.txids.numbers_of(read.txids.ravel(), _bounds(len(read.txids)))
        # A number that is not above all before it was given earlier.
        is_taken = numbers > np.maximum.accumulate(np.concatenate(([first_tx - 1], numbers)))[:-1]
        taken = take_in(snapshot, read, is_taken, numbers[is_taken], defects)
        resolve(snapshot, read, taken, _connect(snapshot, read, taken), undo_of(undo, read), defects)
    return snapshot


def undo_of(undo: Mapping[bytes, Sequence[UndoRecord]], read: BlockContent) -> Sequence[UndoRecord]:
    """The undo records that can be a block's own."""
    return undo.get(read.block.header.block_hash, ())


def _bounds(count: int) -> _Numbers:
    """First byte and end of each of so many txids that lie end to end."""
    ends = np.arange(1, count + 1) * TXID_BYTES
    return np.column_stack((ends - TXID_BYTES, ends))


def take_in(
    snapshot: Snapshot, read: BlockContent, is_taken: _Flags, numbers: _Numbers | None, defects: Defects
) -> Taken:
    """Append the transactions of a block, their outputs, and inputs of which it is not known yet what they bring in.

    Args:
        snapshot: Takes them.
        read: The block.
        is_taken: For each of its transactions, whether it is the first with its txid.
        numbers: Those that the snapshot gave the transactions taken; None if it is to give them now.
        defects: Told of those that are not.
    """
    block, layout = read.block, read.layout
    for position in np.nonzero(~is_taken)[0].tolist():
        # Two pairs of early coinbases share a txid (BIP-30); the later replaced the earlier, with the same outputs.
        reason = f"transaction {read.txids[position, ::-1].tobytes().hex()} was seen before; it counts once"
        tell_of_block(defects, block, "txid_repeated", reason)
    if numbers is None:
        numbers = snapshot.txids.numbers_of(read.txids.ravel(), _bounds(len(is_taken))[is_taken])
    first_tx, first_input = len(snapshot.tx_blocks), len(snapshot.input_txs)
    place = len(snapshot.blocks)
    snapshot.blocks.append(block)
    input_counts = read.input_counts
    outputs_taken = np.repeat(is_taken, layout.output_counts)
    _extend(snapshot.tx_blocks, np.full(len(numbers), place))
    _extend(snapshot.tx_positions, np.nonzero(is_taken)[0])
    _extend(snapshot.input_starts, first_input + np.cumsum(input_counts[is_taken]))
    _extend(snapshot.output_starts, len(snapshot.output_txs) + np.cumsum(layout.output_counts[is_taken]))
    _extend(snapshot.output_amounts_sat, read.amounts_sat[outputs_taken])
    bounds = np.column_stack((layout.script_starts[outputs_taken], layout.script_ends[outputs_taken]))
    _extend(snapshot.output_scripts, snapshot.scripts.numbers_of(as_bytes(read.content), bounds))
    _extend(snapshot.output_txs, np.repeat(numbers, layout.output_counts[is_taken]))
    _extend(snapshot.spent_by, np.full(len(bounds), ABSENT))
    _extend(snapshot.input_txs, np.repeat(numbers, input_counts[is_taken]))
    unknown = np.full(int(input_counts[is_taken].sum()), ABSENT)
    for column in (snapshot.input_outputs, snapshot.input_amounts_sat, snapshot.input_scripts):
        _extend(column, unknown)
    return Taken(
        first_tx=first_tx,
        first_input=first_input,
        is_taken=is_taken,
        outpoints=read.outpoints[np.repeat(is_taken, input_counts)],
    )


def _connect(snapshot: Snapshot, read: BlockContent, taken: Taken) -> SeenOutputs:
    """Note which outputs the inputs of a block spend; they come after all that the snapshot has."""
    from headwater.money.snapshot_kernels import connect  # loads a compiler

    held, outpoints, first_input = as_bytes(read.content), taken.outpoints, taken.first_input
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
    is_seen = outputs != ABSENT
    note_outside(snapshot, read, taken, ~is_seen)
    as_numbers(snapshot.input_outputs)[first_input:] = outputs
    amounts, scripts = np.full_like(outputs, ABSENT), np.full_like(outputs, ABSENT)
    amounts[is_seen] = as_numbers(snapshot.output_amounts_sat)[outputs[is_seen]]
    scripts[is_seen] = as_numbers(snapshot.output_scripts)[outputs[is_seen]]
    return SeenOutputs(is_seen=is_seen, is_twice=is_twice > 0, amounts_sat=amounts, scripts=scripts)


def note_outside(snapshot: Snapshot, read: BlockContent, taken: Taken, are_outside: _Flags) -> None:
    """Keep by name which outputs some inputs of a block spend, because the snapshot has no number for them."""
    outside = np.nonzero(are_outside)[0]
    if len(outside):
        txids, indexes = outpoints_at(read.content, taken.outpoints[outside])
        snapshot.outside.add(outside + taken.first_input, txids, indexes)


def resolve(
    snapshot: Snapshot,
    read: BlockContent,
    taken: Taken,
    seen: SeenOutputs,
    candidates: Sequence[UndoRecord],
    defects: Defects,
) -> None:
    """Amount and script of every output a block spent: from its undo data, checked against outputs seen.

    Args:
        snapshot: Has the block's transactions last, and takes what their inputs bring in.
        read: The block.
        taken: What of it the snapshot has.
        seen: What is known of the outputs that were seen.
        candidates: Undo records that can be its own.
        defects: Told of what does not fit together.
    """
    block = read.block

    def shown(place: int) -> str:
        txids, indexes = outpoints_at(read.content, taken.outpoints[place : place + 1])
        return f"{txids[0, ::-1].tobytes().hex()}:{indexes[0]}"

    for place in np.nonzero(seen.is_twice)[0].tolist():
        tell_of_block(defects, block, "spent_twice", f"output {shown(place)} was spent before")
    if len(taken.is_taken) < 2:
        return
    coins, disagreeing = _best_undo(snapshot, block, taken, seen, candidates, defects)
    if coins is None:
        reason = "no undo record fits; spent outputs are known where they were seen"
        tell_of_block(defects, block, "undo_missing", reason)
    for place in disagreeing:
        reason = f"undo data and output {shown(place)} disagree; the output as seen is used"
        tell_of_block(defects, block, "undo_disagrees", reason)
    # An output seen is covered by its txid; undo data is covered by a checksum only.
    is_seen = seen.is_seen
    amounts = as_numbers(snapshot.input_amounts_sat)[taken.first_input :]
    scripts = as_numbers(snapshot.input_scripts)[taken.first_input :]
    amounts[is_seen] = seen.amounts_sat[is_seen]
    scripts[is_seen] = seen.scripts[is_seen]
    if coins is not None:
        amounts[~is_seen] = coins.amounts_sat[~is_seen]
        scripts[~is_seen] = snapshot.scripts.numbers_of(coins.scripts, coins.bounds[~is_seen])
    else:
        for place in np.nonzero(~is_seen)[0].tolist():
            number = taken.first_input + place
            tx = snapshot.input_txs[number]
            tell_of_block(
                defects,
                block,
                "spent_output_unresolved",
                f"input {number - snapshot.input_starts[tx]} of transaction {snapshot.txids[tx][::-1].hex()} spends "
                f"{shown(place)}, which neither undo data nor these blocks hold",
            )
    _refuse_overspending(snapshot, block, taken.first_tx, defects)


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
        if snapshot.is_coinbase(tx):
            continue
        inputs = snapshot.inputs_of(tx)
        input_sat = sum(snapshot.input_amounts_sat[number] for number in inputs)
        output_sat = sum(snapshot.output_amounts_sat[number] for number in snapshot.outputs_of(tx))
        reason = f"transaction {snapshot.txids[tx][::-1].hex()} takes in {input_sat} and pays out {output_sat} satoshis"
        tell_of_block(defects, block, "more_out_than_in", reason)
        for number in inputs:
            snapshot.input_amounts_sat[number] = snapshot.input_scripts[number] = ABSENT


def _best_undo(
    snapshot: Snapshot,
    block: IndexedBlock,
    taken: Taken,
    seen: SeenOutputs,
    candidates: Sequence[UndoRecord],
    defects: Defects,
) -> tuple[SpentCoins | None, list[int]]:
    """The coins of the record that fits best, of transactions taken; and the inputs where outputs seen disagree."""
    best: SpentCoins | None = None
    least: list[int] = []
    expected = np.diff(as_numbers(snapshot.input_starts)[taken.first_tx :])[int(taken.is_taken[0]) :]
    is_seen = seen.is_seen
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
        if coins is None or len(coins.counts) != len(taken.is_taken) - 1:
            continue
        coins = _of_taken(coins, taken.is_taken[1:])
        if not np.array_equal(coins.counts, expected):
            continue
        agrees = coins.amounts_sat[is_seen] == seen.amounts_sat[is_seen]
        agrees &= snapshot.scripts.found(coins.scripts, coins.bounds[is_seen]) == seen.scripts[is_seen]
        disagreeing = np.nonzero(is_seen)[0][~agrees].tolist()
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


def _extend(column: array[int], numbers: _Numbers) -> None:
    content = numbers.astype(np.int64, copy=False).tobytes()
    try:
        column.frombytes(content)
    except BufferError:
        # The first call of a loop compiles it, and what the compiler raises and catches within itself keeps the frames
        # of its callers, with their arrays over this column, until it is collected.
        gc.collect()
        column.frombytes(content)
