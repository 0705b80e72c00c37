"""The active chain as a graph in memory: numbered transactions, outputs and inputs, each spent output resolved."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater.engine import Progress, silent
from headwater.money.block_index import BlockIndex, IndexedBlock, read_content
from headwater.money.block_layout import (
    MAX_MONEY_SAT,
    BlockLayout,
    BlockLayoutError,
    amounts_sat,
    laid_out,
    merkle_root,
    transaction_ids,
)
from headwater.money.defects import Defects
from headwater.money.undo import Coin, coins_spent
from headwater.money.undo_index import UndoRecord

__all__ = ["ABSENT", "Snapshot", "snapshot_of"]

ABSENT = -1
"""In place of a number: outside of this snapshot, not spent in it, or not resolved."""


def _numbers() -> array[int]:
    return array("q")


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """Transactions of the active chain in its order, so that every parent has a lower number than its children.

    Inputs and outputs are numbered through all transactions; those of transaction `t` are
    `range(input_starts[t], input_starts[t + 1])`, and outputs alike. A coinbase has no inputs.

    Attributes:
        blocks: The blocks that transactions were read from, in the order of the chain.
        merkle_ok: For every block that was read, by hash, whether its transactions give its merkle root.
        txids: Transactions, in the order of the file.
        tx_numbers: Number of a transaction by txid.
        tx_blocks: Place of its block in `blocks`.
        tx_positions: Place of the transaction in its block.
        input_starts: First input of each transaction, and the number of all at the end.
        output_starts: First output of each transaction, and the number of all at the end.
        input_outputs: The output an input spends, or `ABSENT` where it lies outside of this snapshot.
        input_amounts_sat: What it brings in, or `ABSENT` where nothing says.
        input_scripts: Number of the script it spends, or `ABSENT` where nothing says.
        input_txs: The transaction it belongs to.
        outside: Transaction and index of the spent output, for inputs whose output lies outside.
        output_amounts_sat: What an output holds.
        output_scripts: Number of its script.
        output_txs: The transaction it belongs to.
        spent_by: The input that spends it, or `ABSENT`.
        scripts: Scripts by number.
        script_numbers: Number of a script.
    """

    blocks: list[IndexedBlock] = field(default_factory=list)
    merkle_ok: dict[bytes, bool] = field(default_factory=dict)
    txids: list[bytes] = field(default_factory=list)
    tx_numbers: dict[bytes, int] = field(default_factory=dict)
    tx_blocks: array[int] = field(default_factory=_numbers)
    tx_positions: array[int] = field(default_factory=_numbers)
    input_starts: array[int] = field(default_factory=lambda: array("q", [0]))
    output_starts: array[int] = field(default_factory=lambda: array("q", [0]))
    input_outputs: array[int] = field(default_factory=_numbers)
    input_amounts_sat: array[int] = field(default_factory=_numbers)
    input_scripts: array[int] = field(default_factory=_numbers)
    input_txs: array[int] = field(default_factory=_numbers)
    outside: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    output_amounts_sat: array[int] = field(default_factory=_numbers)
    output_scripts: array[int] = field(default_factory=_numbers)
    output_txs: array[int] = field(default_factory=_numbers)
    spent_by: array[int] = field(default_factory=_numbers)
    scripts: list[bytes] = field(default_factory=list)
    script_numbers: dict[bytes, int] = field(default_factory=dict)

    def script_number(self, script: bytes) -> int:
        """The number of a script, given at first sight."""
        number = self.script_numbers.setdefault(script, len(self.scripts))
        if number == len(self.scripts):
            self.scripts.append(script)
        return number

    def is_coinbase(self, tx: int) -> bool:
        """Whether a transaction makes new coins."""
        return self.tx_positions[tx] == 0

    def inputs_of(self, tx: int) -> range:
        """Inputs of a transaction."""
        return range(self.input_starts[tx], self.input_starts[tx + 1])

    def outputs_of(self, tx: int) -> range:
        """Outputs of a transaction."""
        return range(self.output_starts[tx], self.output_starts[tx + 1])

    def output_index(self, output: int) -> int:
        """Place of an output in its transaction."""
        return output - self.output_starts[self.output_txs[output]]

    def is_resolved(self, tx: int) -> bool:
        """Whether the amounts of all inputs of a transaction are known."""
        return all(self.input_amounts_sat[number] != ABSENT for number in self.inputs_of(tx))

    def spent_outpoint(self, number: int) -> tuple[bytes, int]:
        """Transaction and index of the output that an input spends."""
        output = self.input_outputs[number]
        if output == ABSENT:
            return self.outside[number]
        return self.txids[self.output_txs[output]], self.output_index(output)


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
            if intact and not all(0 <= amount_sat <= MAX_MONEY_SAT for amount_sat in amounts):
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
    txids: list[bytes],
    amounts: list[int],
    defects: Defects,
) -> list[int | None]:
    """The numbers given to the block's transactions; None for one that could not be taken."""
    place = len(snapshot.blocks)
    snapshot.blocks.append(block)
    appended: list[int | None] = []
    input_at = output_at = 0
    for position, txid in enumerate(txids):
        input_end = input_at + layout.input_counts[position]
        output_end = output_at + layout.output_counts[position]
        if txid in snapshot.tx_numbers:
            # Two pairs of early coinbases share a txid (BIP-30); the later replaced the earlier, with the same outputs.
            _defect(defects, block, "txid_repeated", f"transaction {txid[::-1].hex()} was seen before; it counts once")
            appended.append(None)
        else:
            tx = len(snapshot.txids)
            appended.append(tx)
            for at in range(input_at if position else input_end, input_end):
                _append_input(snapshot, tx, content, layout.outpoints[at], block, defects)
            for at in range(output_at, output_end):
                script = content[layout.script_starts[at] : layout.script_ends[at]]
                snapshot.output_amounts_sat.append(amounts[at])
                snapshot.output_scripts.append(snapshot.script_number(script))
                snapshot.output_txs.append(tx)
                snapshot.spent_by.append(ABSENT)
            snapshot.txids.append(txid)
            snapshot.tx_numbers[txid] = tx
            snapshot.tx_blocks.append(place)
            snapshot.tx_positions.append(position)
            snapshot.input_starts.append(len(snapshot.input_outputs))
            snapshot.output_starts.append(len(snapshot.output_amounts_sat))
        input_at, output_at = input_end, output_end
    return appended


def _append_input(snapshot: Snapshot, tx: int, content: bytes, at: int, block: IndexedBlock, defects: Defects) -> None:
    number = len(snapshot.input_outputs)
    spent_txid, spent_index = content[at : at + 32], int.from_bytes(content[at + 32 : at + 36], "little")
    spent_tx = snapshot.tx_numbers.get(spent_txid)
    output = ABSENT
    if spent_tx is not None and spent_index < len(snapshot.outputs_of(spent_tx)):
        output = snapshot.output_starts[spent_tx] + spent_index
        if snapshot.spent_by[output] == ABSENT:
            snapshot.spent_by[output] = number
        else:
            output = ABSENT
            _defect(defects, block, "spent_twice", f"output {spent_txid[::-1].hex()}:{spent_index} was spent before")
    if output == ABSENT:
        snapshot.outside[number] = (spent_txid, spent_index)
    snapshot.input_outputs.append(output)
    snapshot.input_amounts_sat.append(ABSENT)
    snapshot.input_scripts.append(ABSENT)
    snapshot.input_txs.append(tx)


def _resolve(
    snapshot: Snapshot,
    block: IndexedBlock,
    appended: list[int | None],
    candidates: Sequence[UndoRecord],
    defects: Defects,
) -> None:
    """Amount and script of every output the block spent: from its undo data, checked against outputs seen."""
    spending = appended[1:]
    if not spending:
        return
    coins, disagreeing = _best_undo(snapshot, block, spending, candidates, defects)
    if coins is None:
        _defect(defects, block, "undo_missing", "no undo record fits; spent outputs are known where they were seen")
    for number in disagreeing:
        spent_txid, spent_index = snapshot.spent_outpoint(number)
        reason = f"undo data and output {spent_txid[::-1].hex()}:{spent_index} disagree; the output as seen is used"
        _defect(defects, block, "undo_disagrees", reason)
    for place, tx in enumerate(spending):
        if tx is None:
            continue
        for turn, number in enumerate(snapshot.inputs_of(tx)):
            output = snapshot.input_outputs[number]
            if output != ABSENT:  # an output seen is covered by its txid; undo data is covered by a checksum only
                snapshot.input_amounts_sat[number] = snapshot.output_amounts_sat[output]
                snapshot.input_scripts[number] = snapshot.output_scripts[output]
            elif coins is not None:
                amount_sat, script = coins[place][turn]
                snapshot.input_amounts_sat[number] = amount_sat
                snapshot.input_scripts[number] = snapshot.script_number(script)
            else:
                spent_txid, spent_index = snapshot.outside[number]
                _defect(
                    defects,
                    block,
                    "spent_output_unresolved",
                    f"input {turn} of transaction {snapshot.txids[tx][::-1].hex()} spends "
                    f"{spent_txid[::-1].hex()}:{spent_index}, which neither undo data nor these blocks hold",
                )
        _refuse_overspending(snapshot, block, tx, defects)


def _refuse_overspending(snapshot: Snapshot, block: IndexedBlock, tx: int, defects: Defects) -> None:
    """Take a transaction's inputs for unresolved if they bring in less than goes out: no valid block has such."""
    inputs = snapshot.inputs_of(tx)
    if not snapshot.is_resolved(tx):
        return
    input_sat = sum(snapshot.input_amounts_sat[number] for number in inputs)
    output_sat = sum(snapshot.output_amounts_sat[number] for number in snapshot.outputs_of(tx))
    if input_sat < output_sat:
        reason = f"transaction {snapshot.txids[tx][::-1].hex()} takes in {input_sat} and pays out {output_sat} satoshis"
        _defect(defects, block, "more_out_than_in", reason)
        for number in inputs:
            snapshot.input_amounts_sat[number] = snapshot.input_scripts[number] = ABSENT


def _best_undo(
    snapshot: Snapshot,
    block: IndexedBlock,
    spending: Sequence[int | None],
    candidates: Sequence[UndoRecord],
    defects: Defects,
) -> tuple[list[list[Coin]] | None, list[int]]:
    """The coins of the record that fits best, and the inputs where it disagrees with outputs seen."""
    best: list[list[Coin]] | None = None
    least: list[int] = []
    for record in candidates:
        try:
            coins = coins_spent(read_content(record.file, record.offset_bytes, record.length_bytes))
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
        if any(
            tx is not None and len(spent) != len(snapshot.inputs_of(tx))
            for tx, spent in zip(spending, coins, strict=True)
        ):
            continue
        disagreeing = [
            number
            for tx, spent in zip(spending, coins, strict=True)
            if tx is not None
            for number, coin in zip(snapshot.inputs_of(tx), spent, strict=True)
            if not _agrees(snapshot, number, coin)
        ]
        if best is None or len(disagreeing) < len(least):
            best, least = coins, disagreeing
    return best, least


def _agrees(snapshot: Snapshot, number: int, coin: Coin) -> bool:
    output = snapshot.input_outputs[number]
    if output == ABSENT:
        return True
    return coin == (snapshot.output_amounts_sat[output], snapshot.scripts[snapshot.output_scripts[output]])
