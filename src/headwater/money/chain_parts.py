"""A chain that does not fit into memory: block files to tables, some blocks at a time, joined by the engine.

Blocks are read twice. The first time, outputs and inputs are put down by the names they carry, and the engine says
which input spends which output. The second time, that answer comes beside the blocks in their order, so that amounts
and scripts can be checked against undo data with the same code as in memory; what a block tells is then known, and it
is let go. Neither txids nor scripts are ever held for more than some blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import ParquetParts, Progress, Session, StoredTable, silent, stored_in_order
from headwater.money.binary_columns import (
    addresses_column,
    as_hex,
    numbered,
    shown_txid_column,
    slices_of,
)
from headwater.money.block_index import BlockIndex, IndexedBlock
from headwater.money.block_layout import as_bytes
from headwater.money.blocks_read import BlockContent, blocks_read, outpoints_at
from headwater.money.byte_table import ByteTable
from headwater.money.defects import Defects
from headwater.money.snapshot import SeenOutputs
from headwater.schema import table_named

__all__ = ["JoinedChain", "SeenRows", "joined_chain"]

_TXID: Final = pa.binary(32)
_TXS: Final = pa.schema([("tx", pa.int64()), ("txid", _TXID)])
_OUTPUTS: Final = pa.schema(
    [
        ("txid", _TXID),
        ("output_index", pa.int64()),
        ("tx", pa.int64()),
        ("place", pa.int64()),
        ("amount_sat", pa.int64()),
        ("script", pa.binary()),
    ]
)
_INPUTS: Final = pa.schema(
    [
        ("spent_txid", _TXID),
        ("spent_index", pa.int64()),
        ("number", pa.int64()),
        ("spender", pa.int64()),
        ("spender_txid", _TXID),
        ("input_index", pa.int64()),
    ]
)
_SEEN: Final = pa.schema(
    [("number", pa.int64()), ("is_twice", pa.bool_()), ("amount_sat", pa.int64()), ("script", pa.binary())]
)
_SPENDS: Final = pa.schema([("tx", pa.int64()), ("output_index", pa.int64()), ("spender", pa.int64())])
_REPEATED: Final = pa.schema([("tx", pa.int64())])

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedChain:
    """What of a chain lies in scratch files once the engine has said which input spends which output.

    Transactions are numbered through all blocks that are whole, those whose txid was seen before among them.

    Attributes:
        tables: The session that the files are read through.
        scratch: Folder of the files.
        outputs: File of outputs by the names they carry: txid, index, transaction, block, amount, script.
        seen: File of what inputs spend that was seen, in any order.
        spends: File of which transaction spends which output.
        tx_outputs: The table `tx_outputs`.
        repeated: Numbers of the transactions that do not count, in rising order.
        repeated_file: File of the same.
        blocks: The blocks that transactions were read from, in the order of the chain.
        merkle_ok: For every block by its hash, whether its transactions give its merkle root.
    """

    tables: Session
    scratch: Path
    outputs: Path
    seen: Path
    spends: Path
    tx_outputs: StoredTable
    repeated: _Numbers
    repeated_file: Path
    blocks: list[IndexedBlock] = field(default_factory=list)
    merkle_ok: dict[bytes, bool] = field(default_factory=dict)


def joined_chain(
    tables: Session, index: BlockIndex, defects: Defects, scratch: Path, progress: Progress = silent
) -> JoinedChain:
    """Outputs and inputs of all blocks, joined by the engine.

    Args:
        tables: Session of the engine; its own tables are not touched.
        index: The blocks.
        defects: Told of blocks that cannot be read.
        scratch: Folder for what lies between; about three times the size of the tables.
        progress: Told of blocks read.
    """
    outputs, inputs, txs = (scratch / f"{name}.parquet" for name in ("outputs", "inputs", "txids"))
    blocks: list[IndexedBlock] = []
    merkle_ok: dict[bytes, bool] = {}
    with (
        ParquetParts(outputs, _OUTPUTS) as made,
        ParquetParts(inputs, _INPUTS) as spent,
        ParquetParts(txs, _TXS) as all_txs,
    ):
        tx = number = 0
        for read in blocks_read(index, merkle_ok, defects, progress):
            made.write(_outputs_of(read, tx, len(blocks)))
            spent.write(_inputs_of(read, tx, number))
            all_txs.write(pa.table([np.arange(tx, tx + len(read.txids)), shown_txid_column(read.txids)], schema=_TXS))
            blocks.append(read.block)
            tx += len(read.txids)
            number += len(read.outpoints)
        for file in (made, spent, all_txs):
            file.finish()
    repeated = _repeated(tables, txs)
    without = scratch / "repeated.parquet"
    with ParquetParts(without, _REPEATED) as file:
        file.write(pa.table([repeated], schema=_REPEATED))
        file.finish()
    seen, spends = scratch / "seen.parquet", scratch / "spends.parquet"
    with ParquetParts(seen, _SEEN) as seen_file, ParquetParts(spends, _SPENDS) as spends_file:
        parts = _spending_parts(tables, outputs, inputs, without)
        rows = _outputs_table(parts, seen_file, spends_file, index.network)
        tx_outputs = stored_in_order(table_named("tx_outputs"), rows, scratch)
        seen_file.finish()
        spends_file.finish()
    inputs.unlink()
    txs.unlink()
    return JoinedChain(
        tables=tables,
        scratch=scratch,
        outputs=outputs,
        seen=seen,
        spends=spends,
        tx_outputs=tx_outputs,
        repeated=repeated,
        repeated_file=without,
        blocks=blocks,
        merkle_ok=merkle_ok,
    )


def _outputs_of(read: BlockContent, first_tx: int, place: int) -> pa.Table:
    counts = read.layout.output_counts
    txs = np.repeat(np.arange(len(counts)), counts)
    return pa.table(
        [
            shown_txid_column(read.txids[txs]),
            _within(counts),
            first_tx + txs,
            np.full(len(txs), place),
            read.amounts_sat.astype(np.int64),
            slices_of(as_bytes(read.content), read.layout.script_starts, read.layout.script_ends),
        ],
        schema=_OUTPUTS,
    )


def _inputs_of(read: BlockContent, first_tx: int, first_input: int) -> pa.Table:
    counts = read.input_counts
    txs = np.repeat(np.arange(len(counts)), counts)
    spent_txids, spent_indexes = outpoints_at(read.content, read.outpoints)
    return pa.table(
        [
            shown_txid_column(spent_txids),
            spent_indexes,
            first_input + np.arange(len(txs)),
            first_tx + txs,
            shown_txid_column(read.txids[txs]),
            _within(counts),
        ],
        schema=_INPUTS,
    )


def _within(counts: _Numbers) -> _Numbers:
    """The place of each within its own, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)


def _repeated(tables: Session, txs: Path) -> _Numbers:
    """Numbers of the transactions whose txid an earlier one has."""
    every = tables.file(txs)
    several = every.group_by("txid").aggregate(first=every.tx.min(), times=every.count())
    several = several.filter(several.times > 1)
    later = every.inner_join(several, "txid").filter(lambda row: row.tx > row.first).select("tx")
    numbers: _Numbers = tables.result(later, order_by=["tx"])["tx"].to_numpy()
    return numbers


def _spending_parts(tables: Session, outputs: Path, inputs: Path, without: Path) -> Iterator[pa.Table]:
    """Every output beside each input that spends it, in the order of outputs and then of inputs."""
    none = tables.file(without)
    made, spent = tables.file(outputs).anti_join(none, "tx"), tables.file(inputs)
    spent = spent.anti_join(none.select(spender=none.tx), "spender")
    # No block spends ahead: an output that comes later is another's, and this one lies outside.
    is_spent = [made.txid == spent.spent_txid, made.output_index == spent.spent_index, made.tx < spent.spender]
    both = made.left_join(spent, is_spent)
    rows = both.select(
        "txid", "output_index", "tx", "amount_sat", "script", "number", "spender", "spender_txid", "input_index"
    )
    # An output that nothing spends has one row, so that it does not matter where absent numbers come.
    return tables.result_parts(rows.order_by(["txid", "output_index", ibis.asc("number")]))


def _outputs_table(
    parts: Iterator[pa.Table], seen: ParquetParts, spends: ParquetParts, network: str
) -> Iterator[pa.Table]:
    """The rows of `tx_outputs`, part by part; on the way, what each input spends is written for the second reading."""
    last: tuple[int, int] | None = None
    for part in parts:
        if not part.num_rows:
            continue
        txs, indexes = part["tx"].to_numpy(), part["output_index"].to_numpy()
        begins = np.ones(len(txs), dtype=np.bool_)
        begins[1:] = (txs[1:] != txs[:-1]) | (indexes[1:] != indexes[:-1])
        begins[0] = last != (int(txs[0]), int(indexes[0]))
        last = int(txs[-1]), int(indexes[-1])
        is_spent = part["number"].is_valid().to_numpy()
        spent = part.filter(pa.array(is_spent))
        seen.write(
            pa.table(
                [
                    spent["number"].combine_chunks(),
                    pa.array(~begins[is_spent]),
                    spent["amount_sat"].combine_chunks(),
                    spent["script"].combine_chunks().cast(pa.binary()),
                ],
                schema=_SEEN,
            )
        )
        first = part.filter(pa.array(begins & is_spent)).select(["tx", "output_index", "spender"])
        spends.write(first.cast(_SPENDS).combine_chunks())
        rows = part.filter(pa.array(begins))
        yield table_named("tx_outputs").part(
            {
                "txid": as_hex(rows["txid"]),
                "output_index": rows["output_index"],
                "amount_sat": rows["amount_sat"],
                "script_hex": as_hex(rows["script"]),
                "address": addresses_column(rows["script"], network),
                "spent_by_txid": as_hex(rows["spender_txid"]),
                "spent_by_input_index": rows["input_index"],
            }
        )


class SeenRows:
    """What inputs spend that was seen, handed out block by block in the order of the chain.

    Args:
        chain: Says where it lies. Its session must not be asked anything else until all is handed out.
    """

    def __init__(self, chain: JoinedChain) -> None:
        self._parts = chain.tables.result_parts(chain.tables.file(chain.seen).order_by("number"))
        self._held = _SEEN.empty_table()
        self._is_over = False

    def of_block(self, first_input: int, inputs: int, scripts: ByteTable) -> SeenOutputs:
        """What each of the next inputs spends.

        Args:
            first_input: Number of the first of them.
            inputs: How many.
            scripts: Gives numbers to scripts.
        """
        end = first_input + inputs
        while not self._is_over and (not self._held.num_rows or self._held["number"][-1].as_py() < end):
            part = next(self._parts, None)
            if part is None:
                self._is_over = True
            elif part.num_rows:
                self._held = pa.concat_tables([self._held, part.cast(_SEEN)]).combine_chunks()
        count = int(np.searchsorted(self._held["number"].to_numpy(), end))
        rows, self._held = self._held.slice(0, count), self._held.slice(count)
        is_twice = np.zeros(inputs, dtype=np.bool_)
        is_seen = np.zeros(inputs, dtype=np.bool_)
        amounts, numbers = np.full(inputs, -1, dtype=np.int64), np.full(inputs, -1, dtype=np.int64)
        is_twice[rows.filter(rows["is_twice"])["number"].to_numpy() - first_input] = True
        once = rows.filter(pc.invert(rows["is_twice"]))
        places = once["number"].to_numpy() - first_input
        is_seen[places] = True
        amounts[places] = once["amount_sat"].to_numpy()
        numbers[places] = numbered(once["script"], scripts)
        return SeenOutputs(is_seen=is_seen, is_twice=is_twice, amounts_sat=amounts, scripts=numbers)

    def finish(self) -> None:
        """Read to the end, so that the session can be asked again."""
        for _ in self._parts:
            pass
