"""The second reading of a chain by parts: some blocks at a time become a small snapshot, and that becomes rows.

A window is a `Snapshot` of some blocks, with all that their inputs bring in, and without a number for any output spent.
What one transaction says by itself is reckoned from it by the code that serves a whole snapshot: the rows of the
tables, its CoinJoin verdict, its two outputs and what of them the rules of change can tell without the chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Derived, ParquetParts, Progress, StageContext, silent
from headwater.money.binary_columns import slices_of
from headwater.money.block_index import BlockIndex
from headwater.money.blocks_read import blocks_read
from headwater.money.chain_parts import JoinedChain, SeenRows
from headwater.money.chain_tables import inputs_table, shown_txids, transactions_table
from headwater.money.change import Pairs
from headwater.money.coinjoin_verdicts import own_answers
from headwater.money.defects import Defects
from headwater.money.scripts import addresses_of
from headwater.money.snapshot import ABSENT, Snapshot, as_numbers, note_outside, resolve, take_in, undo_of
from headwater.money.tx_habits import TxHabits, habits_in_block
from headwater.money.undo_index import UndoRecord
from headwater.schema import table_named

__all__ = ["LOCAL_RULES", "PAIRS", "TxFacts", "resolved_chain"]

WINDOW_ENDS: Final = 1 << 16
"""Inputs and outputs of a window; one block may have more."""

_FACTS: Final = pa.schema(
    [
        ("tx", pa.int64()),
        ("place", pa.int64()),
        ("fee_rate", pa.int64()),
        ("has_lock_time", pa.bool_()),
        *table_named("transactions").arrow,
    ]
)
LOCAL_RULES: Final = ("reused", "kind", "odd", "small")
"""Columns of `TxFacts.pairs` for `Pairs.local_holds`."""
PAIRS: Final = pa.schema(
    [
        ("tx", pa.int64()),
        ("txid", pa.string()),
        ("inputs", pa.int64()),
        ("came_in_sat", pa.int64()),
        *((f"{name}_{side}", pa.int64()) for side in (0, 1) for name in ("output_index", "amount_sat")),
        *((f"{name}_{side}", pa.bool_()) for side in (0, 1) for name in LOCAL_RULES),
    ]
)
_OUTSIDE: Final = pa.schema([("script", pa.binary()), ("place", pa.int64())])
_FURTHER: Final = pa.schema([("script_hex", pa.string())])

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TxFacts:
    """What of a chain lies in scratch files once all inputs are resolved.

    Attributes:
        tx_inputs: The table `tx_inputs`.
        facts: File of the rows of `transactions`, with number, place of the block, fee rate and lock time; what it says
            of CoinJoins is what each transaction says by itself.
        pairs: File of transactions with two spendable outputs, for the rules of change.
        outside: File of scripts spent from that were not seen before, with the place of the block.
        further: File of scripts that no row of a table has, and that the chain has all the same.
        pools_sat: The pool of each transaction in the shape of a mix of Whirlpool, by txid as displayed.
    """

    tx_inputs: Derived
    facts: Path
    pairs: Path
    outside: Path
    further: Path
    pools_sat: Mapping[str, int]


@dataclass(slots=True, kw_only=True)
class _Window:
    """Some blocks.

    Attributes:
        snapshot: They.
        txs: Number of each transaction in the whole chain.
        places: Place of each block in the whole chain.
        habits: Of its transactions, block by block.
        is_seen: For its inputs, block by block, whether what they spend was seen before.
    """

    snapshot: Snapshot = field(default_factory=Snapshot)
    txs: list[_Numbers] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    habits: list[TxHabits] = field(default_factory=list)
    is_seen: list[npt.NDArray[np.bool_]] = field(default_factory=list)

    @property
    def ends(self) -> int:
        """Inputs and outputs."""
        return len(self.snapshot.input_txs) + len(self.snapshot.output_txs)


def resolved_chain(
    context: StageContext,
    chain: JoinedChain,
    index: BlockIndex,
    undo: Mapping[bytes, Sequence[UndoRecord]],
    defects: Defects,
    progress: Progress = silent,
) -> TxFacts:
    """Amount and script of every input, from what was seen and from undo data, and what follows from a transaction.

    Args:
        context: Takes the rows of `tx_inputs`.
        chain: Result of the first reading.
        index: The blocks.
        undo: Undo records that can belong to a block, by its hash.
        defects: Told of spent outputs that cannot be resolved.
        progress: Told of blocks read.
    """
    names = ("facts", "pairs", "outside", "further")
    facts, pairs, outside, further = (chain.scratch / f"{name}.parquet" for name in names)
    pools_sat: dict[str, int] = {}
    with (
        ParquetParts(facts, _FACTS) as fact_file,
        ParquetParts(pairs, PAIRS) as pair_file,
        ParquetParts(outside, _OUTSIDE) as outside_file,
        ParquetParts(further, _FURTHER) as further_file,
    ):

        def input_parts() -> Iterator[pa.Table]:
            for window in _windows(chain, index, undo, defects, progress):
                snapshot, txids = window.snapshot, shown_txids(window.snapshot)
                answers = own_answers(snapshot)
                pools_sat.update((txids[tx], pool_sat) for tx, pool_sat in answers.pools_sat.items())
                found = Pairs(snapshot)
                rows = transactions_table(snapshot, txids, answers.verdicts)
                fact_file.write(_facts_of(window, rows, txids, found.fees_sat))
                pair_file.write(_pairs_of(window, found, txids))
                outside_file.write(_outside_of(window))
                further_file.write(_further_of(snapshot))
                yield inputs_table(snapshot, txids, addresses_of(snapshot.scripts, index.network))

        tx_inputs = context.kept("tx_inputs", input_parts())
        for file in (fact_file, pair_file, outside_file, further_file):
            file.finish()
    return TxFacts(tx_inputs=tx_inputs, facts=facts, pairs=pairs, outside=outside, further=further, pools_sat=pools_sat)


def _windows(
    chain: JoinedChain,
    index: BlockIndex,
    undo: Mapping[bytes, Sequence[UndoRecord]],
    defects: Defects,
    progress: Progress,
) -> Iterator[_Window]:
    rows = SeenRows(chain)
    window = _Window()
    tx = first_input = 0
    for place, read in enumerate(blocks_read(index, chain.merkle_ok, defects, progress)):
        count, inputs = len(read.txids), len(read.outpoints)
        low, high = np.searchsorted(chain.repeated, (tx, tx + count))
        is_taken = np.ones(count, dtype=np.bool_)
        is_taken[chain.repeated[low:high] - tx] = False
        snapshot = window.snapshot
        seen = rows.of_block(first_input, inputs, snapshot.scripts)
        seen = seen.chosen(np.repeat(is_taken, read.input_counts))
        taken = take_in(snapshot, read, is_taken, None, defects)
        note_outside(snapshot, read, taken, np.ones(len(taken.outpoints), dtype=np.bool_))
        resolve(snapshot, read, taken, seen, undo_of(undo, read), defects)
        window.txs.append(np.nonzero(is_taken)[0] + tx)
        window.places.append(place)
        window.habits.append(habits_in_block(read.content, read.layout).chosen(is_taken))
        window.is_seen.append(seen.is_seen)
        tx, first_input = tx + count, first_input + inputs
        if window.ends >= WINDOW_ENDS:
            yield window
            window = _Window()
    rows.finish()
    if window.txs:
        yield window


def _facts_of(window: _Window, rows: pa.Table, txids: Sequence[str], fees_sat: _Numbers) -> pa.Table:
    """The rows of transactions beside what else is known of each, in the order of the chain."""
    # Rows come in the order of their table; where heights are not known, that is not the order of the chain.
    order = pc.index_in(pa.array(txids, type=pa.string()), rows["txid"].combine_chunks())
    habits = TxHabits(
        lock_times=np.concatenate([each.lock_times for each in window.habits]),
        virtual_bytes=np.concatenate([each.virtual_bytes for each in window.habits]),
    )
    columns = [
        pa.array(np.concatenate(window.txs)),
        pa.array(np.asarray(window.places)[as_numbers(window.snapshot.tx_blocks)]),
        pa.array(habits.fee_rates(fees_sat)),
        pa.array(habits.lock_times > 0),
        *rows.take(order).columns,
    ]
    return pa.table(columns, schema=_FACTS).combine_chunks()


def _pairs_of(window: _Window, found: Pairs, txids: Sequence[str]) -> pa.Table:
    snapshot = window.snapshot
    starts, amounts = as_numbers(snapshot.output_starts), as_numbers(snapshot.output_amounts_sat)
    input_starts = as_numbers(snapshot.input_starts)
    firsts = input_starts[found.txs]
    columns: dict[str, object] = {
        "tx": np.concatenate(window.txs)[found.txs],
        "txid": pa.array(txids, type=pa.string()).take(pa.array(found.txs)),
        "inputs": input_starts[found.txs + 1] - firsts,
        "came_in_sat": as_numbers(snapshot.input_amounts_sat)[firsts],
    }
    for side in (0, 1):
        outputs = found.outputs[:, side]
        columns[f"output_index_{side}"] = outputs - starts[found.txs]
        columns[f"amount_sat_{side}"] = amounts[outputs]
        columns |= {f"{name}_{side}": found.local_holds[place, :, side] for place, name in enumerate(LOCAL_RULES)}
    return pa.table([columns[name] for name in PAIRS.names], schema=PAIRS)


def _outside_of(window: _Window) -> pa.Table:
    """Scripts of inputs whose output was not seen before, each with the place of its block."""
    snapshot = window.snapshot
    scripts = as_numbers(snapshot.input_scripts)
    wanted = ~np.concatenate(window.is_seen) & (scripts != ABSENT)
    places = np.asarray(window.places)[as_numbers(snapshot.tx_blocks)][as_numbers(snapshot.input_txs)[wanted]]
    starts = snapshot.scripts.starts
    numbers = scripts[wanted]
    return pa.table(
        [slices_of(snapshot.scripts.content, starts[numbers], starts[numbers + 1]), places], schema=_OUTSIDE
    )


def _further_of(snapshot: Snapshot) -> pa.Table:
    """Scripts that undo data told of and that no row has: those of inputs that were refused."""
    is_there = np.zeros(len(snapshot.scripts), dtype=np.bool_)
    is_there[as_numbers(snapshot.output_scripts)] = True
    scripts = as_numbers(snapshot.input_scripts)
    is_there[scripts[scripts != ABSENT]] = True
    shown = [snapshot.scripts[number].hex() for number in np.nonzero(~is_there)[0].tolist()]
    return pa.table([pa.array(shown, type=pa.string())], schema=_FURTHER)
