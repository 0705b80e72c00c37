"""Some transactions of a chain that lies in tables, as a snapshot of their own."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine import Session
from headwater.money.binary_columns import from_hex, numbered
from headwater.money.block_index import IndexedBlock
from headwater.money.block_layout import TXID_BYTES
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.snapshot import ABSENT, Snapshot

__all__ = ["ChainTables", "Neighbourhood", "Rows"]

_TX_COLUMNS: Final = (
    "tx",
    "place",
    "position",
    "txid",
    "inputs",
    "outputs",
    "coinjoin",
    "coinjoin_rule",
    "is_coinbase",
    "input_sat",
)
_INPUT_COLUMNS: Final = ("txid", "input_index", "spent_txid", "spent_output_index", "amount_sat", "script_hex")
_OUTPUT_COLUMNS: Final = (
    "txid",
    "output_index",
    "amount_sat",
    "script_hex",
    "spent_by_txid",
    "spent_by_input_index",
)

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """Some transactions, in the order of the chain.

    What they spend, and what spends them, has a number only where it is among them.

    Attributes:
        snapshot: They.
        txids: As displayed.
        verdicts: Of each, whether it joins coins of several people.
    """

    snapshot: Snapshot
    txids: list[str]
    verdicts: list[CoinjoinVerdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the tables about some transactions, each as an Arrow table."""

    txs: pa.Table
    inputs: pa.Table
    outputs: pa.Table

    @classmethod
    def joined(cls, several: Sequence[Rows]) -> Rows:
        """All of them; none has a transaction of another."""
        return cls(
            txs=pa.concat_tables([each.txs for each in several]),
            inputs=pa.concat_tables([each.inputs for each in several]),
            outputs=pa.concat_tables([each.outputs for each in several]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTables:
    """A chain that lies in tables.

    Attributes:
        tables: Has `tx_inputs` and `tx_outputs`.
        txs: Transactions, with `tx`, a number that rises along the chain, and `place`, that of the block.
        blocks: The blocks by their places.
        owned: File of scripts at which traces stop because of whose they are; None for none.
        scratch: Folder for lists of what is asked for.
    """

    tables: Session
    txs: ir.Table
    blocks: list[IndexedBlock]
    scratch: Path
    owned: Path | None = None

    def listed(self, column: str, values: Iterable[str]) -> ir.Table:
        """A list as a table of one column, to be joined with."""
        # A new name each time, because the engine may know a file by its name.
        descriptor, name = tempfile.mkstemp(prefix=f"asked-{column}-", suffix=".parquet", dir=self.scratch)
        os.close(descriptor)
        pq.write_table(pa.table({column: pa.array(values, type=pa.string())}), name)
        return self.tables.file(Path(name))

    def rows_of(self, txids: Iterable[str]) -> Rows:
        """The rows about some transactions; one look through each table."""
        wanted = self.listed("txid", txids)
        inputs, outputs = self.tables.table("tx_inputs"), self.tables.table("tx_outputs")
        made = outputs.semi_join(wanted, "txid").select(*_OUTPUT_COLUMNS)
        if self.owned is not None:
            owned = self.tables.file(self.owned)
            made = made.left_join(owned, "script_hex").select(*_OUTPUT_COLUMNS, is_owned=owned.script_hex.notnull())
        return Rows(
            txs=self._ordered(self.txs.semi_join(wanted, "txid").select(*_TX_COLUMNS), ["tx"]),
            inputs=self._ordered(inputs.semi_join(wanted, "txid").select(*_INPUT_COLUMNS), ["txid", "input_index"]),
            outputs=self._ordered(made, ["txid", "output_index"]),
        )

    def _ordered(self, rows: ir.Table, order: list[str]) -> pa.Table:
        return self.tables.result(rows, order_by=order)

    def neighbourhood(self, rows: Rows) -> Neighbourhood:
        """Transactions as a snapshot."""
        txs = rows.txs.sort_by("tx")
        shown = txs["txid"].combine_chunks()
        snapshot = Snapshot(blocks=self.blocks)
        snapshot.tx_blocks, snapshot.tx_positions = _column(txs["place"]), _column(txs["position"])
        input_starts, output_starts = _starts(txs["inputs"]), _starts(txs["outputs"])
        snapshot.input_starts, snapshot.output_starts = _as_array(input_starts), _as_array(output_starts)
        txids = shown.to_pylist()
        snapshot.txids.numbers_of(*_as_in_files(shown))
        inputs, outputs = int(input_starts[-1]), int(output_starts[-1])

        made_in = _places(rows.outputs["txid"], shown)
        made = output_starts[made_in] + rows.outputs["output_index"].to_numpy()
        spent_in = _places(rows.inputs["txid"], shown)
        spent = input_starts[spent_in] + rows.inputs["input_index"].to_numpy()
        scripts = _script_numbers(snapshot, rows.outputs["script_hex"], rows.inputs["script_hex"])
        snapshot.output_txs = _as_array(np.repeat(np.arange(len(txids)), np.diff(output_starts)))
        snapshot.output_amounts_sat = _filled(outputs, made, rows.outputs["amount_sat"].to_numpy())
        snapshot.output_scripts = _filled(outputs, made, scripts[: len(made)])
        snapshot.input_txs = _as_array(np.repeat(np.arange(len(txids)), np.diff(input_starts)))
        snapshot.input_amounts_sat = _filled(inputs, spent, rows.inputs["amount_sat"].to_numpy())
        snapshot.input_scripts = _filled(inputs, spent, scripts[len(made) :])

        spenders = _places(rows.outputs["spent_by_txid"], shown)
        known = np.nonzero(spenders != ABSENT)[0]
        at = rows.outputs["spent_by_input_index"].fill_null(0).to_numpy()
        numbers = input_starts[spenders[known]] + at[known]
        snapshot.spent_by = _filled(outputs, made[known], numbers)
        snapshot.input_outputs = _filled(inputs, numbers, made[known])
        verdicts = [
            CoinjoinVerdict(answer=answer, rule=rule)
            for answer, rule in zip(txs["coinjoin"].to_pylist(), txs["coinjoin_rule"].to_pylist(), strict=True)
        ]
        return Neighbourhood(snapshot=snapshot, txids=txids, verdicts=verdicts)


def _as_in_files(txids: pa.Array) -> tuple[npt.NDArray[np.uint8], _Numbers]:
    """The bytes of txids in the order of the file, end to end, and the bounds of each."""
    _, _, held = from_hex(txids).buffers()
    octets = np.frombuffer(held, dtype=np.uint8)[: TXID_BYTES * len(txids)].reshape(-1, TXID_BYTES)[:, ::-1].ravel()
    octets.flags.writeable = False  # the same kind of array as that of a block, so that loops are compiled once
    ends = np.arange(1, len(txids) + 1) * TXID_BYTES
    return octets, np.column_stack((ends - TXID_BYTES, ends))


def _script_numbers(snapshot: Snapshot, *columns: pa.ChunkedArray) -> _Numbers:
    """Numbers of the scripts in several columns, one column after the other."""
    joined = pa.chunked_array([chunk for column in columns for chunk in column.chunks], type=pa.string())
    return numbered(from_hex(joined), snapshot.scripts)


def _places(values: pa.ChunkedArray, among: pa.Array) -> _Numbers:
    found: _Numbers = pc.index_in(values, among).fill_null(ABSENT).to_numpy().astype(np.int64)
    return found


def _starts(counts: pa.ChunkedArray) -> _Numbers:
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts.to_numpy())))


def _filled(count: int, places: _Numbers, values: _Numbers) -> array[int]:
    column = np.full(count, ABSENT, dtype=np.int64)
    column[places] = values
    return _as_array(column)


def _column(values: pa.ChunkedArray) -> array[int]:
    return _as_array(values.to_numpy())


def _as_array(numbers: npt.NDArray[np.integer[Any]]) -> array[int]:
    return array("q", numbers.astype(np.int64).tobytes())
