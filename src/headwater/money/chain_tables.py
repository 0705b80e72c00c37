"""The tables of the chain: blocks, transactions, inputs, outputs, address clusters and their merges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.money.block_index import BlockIndex
from headwater.money.clusters import AddressClusters
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.scripts import is_each_unspendable
from headwater.money.snapshot import ABSENT, Snapshot, as_numbers
from headwater.schema import content_id, table_named

__all__ = [
    "blocks_table",
    "clusters_tables",
    "inputs_table",
    "outputs_table",
    "shown_txids",
    "transactions_table",
    "tx_at_utc",
]


def shown_txids(snapshot: Snapshot) -> list[str]:
    """The txid of each transaction as displayed: in hex, last byte first."""
    return [txid[::-1].hex() for txid in snapshot.txids]


def tx_at_utc(snapshot: Snapshot, tx: int) -> datetime:
    """The time that the header of a transaction's block states."""
    return datetime.fromtimestamp(snapshot.blocks[snapshot.tx_blocks[tx]].header.time_s, tz=UTC)


def blocks_table(index: BlockIndex, merkle_ok: Mapping[bytes, bool]) -> pa.Table:
    """The table `blocks`: those beside the active chain too.

    Args:
        index: The blocks.
        merkle_ok: For each of them by its hash, whether its transactions give its merkle root.
    """
    return table_named("blocks").rows(
        {
            "block_hash": block.header.block_hash[::-1].hex(),
            "previous_hash": block.header.previous_hash[::-1].hex(),
            "height": block.height,
            "active": block.active,
            "at_utc": datetime.fromtimestamp(block.header.time_s, tz=UTC),
            "transactions": block.transactions,
            "size_bytes": block.length_bytes,
            "merkle_ok": merkle_ok[block.header.block_hash],
            "exhibit_id": block.exhibit_id,
            "file_name": block.file.name,
            "file_offset_bytes": block.offset_bytes,
        }
        for block in index.blocks
    )


def transactions_table(snapshot: Snapshot, txids: Sequence[str], verdicts: Sequence[CoinjoinVerdict]) -> pa.Table:
    """The table `transactions`; amounts in are absent where a spent output could not be resolved.

    Raises:
        AssertionError: Satoshis in are not satoshis out and fee (I9).
    """
    hashes = [block.header.block_hash[::-1].hex() for block in snapshot.blocks]
    rows: list[dict[str, Any]] = []
    for tx, txid in enumerate(txids):
        block = snapshot.tx_blocks[tx]
        output_sat = sum(snapshot.output_amounts_sat[output] for output in snapshot.outputs_of(tx))
        input_sat: int | None = None
        if snapshot.is_coinbase(tx):
            input_sat = output_sat
        elif snapshot.is_resolved(tx):
            input_sat = sum(snapshot.input_amounts_sat[number] for number in snapshot.inputs_of(tx))
        fee_sat = None if input_sat is None else input_sat - output_sat
        assert fee_sat is None or fee_sat >= 0, "a transaction pays out more than it takes in"
        rows.append(
            {
                "txid": txid,
                "block_hash": hashes[block],
                "block_height": snapshot.blocks[block].height,
                "position": snapshot.tx_positions[tx],
                "at_utc": tx_at_utc(snapshot, tx),
                "is_coinbase": snapshot.is_coinbase(tx),
                "inputs": len(snapshot.inputs_of(tx)),
                "outputs": len(snapshot.outputs_of(tx)),
                "input_sat": input_sat,
                "output_sat": output_sat,
                "fee_sat": fee_sat,
                "coinjoin": verdicts[tx].answer,
                "coinjoin_rule": verdicts[tx].rule,
            }
        )
    return table_named("transactions").rows(rows)


def inputs_table(snapshot: Snapshot, txids: Sequence[str], addresses: Sequence[str | None]) -> pa.Table:
    """The table `tx_inputs`: inputs whose spent output is known; each of the others is a defect."""
    amounts = as_numbers(snapshot.input_amounts_sat)
    known = np.nonzero(amounts != ABSENT)[0]
    outputs, txs = as_numbers(snapshot.input_outputs)[known], as_numbers(snapshot.input_txs)[known]
    scripts = as_numbers(snapshot.input_scripts)[known]
    spent_txs = as_numbers(snapshot.output_txs)[np.maximum(outputs, 0)] if len(snapshot.output_txs) else outputs
    indexes = outputs - as_numbers(snapshot.output_starts)[spent_txs]
    spent_txids = _taken(pa.array(txids, type=pa.string()), np.where(outputs == ABSENT, ABSENT, spent_txs))
    outside = np.nonzero(outputs == ABSENT)[0]
    if len(outside):
        spent = [snapshot.outside[number] for number in known[outside].tolist()]
        indexes[outside] = [index for _, index in spent]
        shown = pa.array([txid[::-1].hex() for txid, _ in spent], type=pa.string())
        spent_txids = pc.replace_with_mask(spent_txids, pa.array(outputs == ABSENT), shown)
    return table_named("tx_inputs").columnar(
        {
            "txid": _taken(pa.array(txids, type=pa.string()), txs),
            "input_index": pa.array(known - as_numbers(snapshot.input_starts)[txs]),
            "spent_txid": spent_txids,
            "spent_output_index": pa.array(indexes),
            "amount_sat": pa.array(amounts[known]),
            "script_hex": _taken(_scripts_hex(snapshot), scripts),
            "address": _taken(pa.array(addresses, type=pa.string()), scripts),
        }
    )


def outputs_table(snapshot: Snapshot, txids: Sequence[str], addresses: Sequence[str | None]) -> pa.Table:
    """The table `tx_outputs`."""
    txs, scripts = as_numbers(snapshot.output_txs), as_numbers(snapshot.output_scripts)
    spent_by = as_numbers(snapshot.spent_by)
    spenders = np.full(len(txs), ABSENT)
    is_spent = spent_by != ABSENT
    spenders[is_spent] = as_numbers(snapshot.input_txs)[spent_by[is_spent]]
    places = spent_by - as_numbers(snapshot.input_starts)[np.maximum(spenders, 0)]
    shown = pa.array(txids, type=pa.string())
    return table_named("tx_outputs").columnar(
        {
            "txid": _taken(shown, txs),
            "output_index": pa.array(np.arange(len(txs)) - as_numbers(snapshot.output_starts)[txs]),
            "amount_sat": pa.array(as_numbers(snapshot.output_amounts_sat)),
            "script_hex": _taken(_scripts_hex(snapshot), scripts),
            "address": _taken(pa.array(addresses, type=pa.string()), scripts),
            "spent_by_txid": _taken(shown, spenders),
            "spent_by_input_index": pa.array(places, mask=~is_spent),
        }
    )


def _scripts_hex(snapshot: Snapshot) -> pa.Array:
    return pa.array([script.hex() for script in snapshot.scripts], type=pa.string())


def _taken(values: pa.Array, numbers: npt.NDArray[np.integer[Any]]) -> pa.Array:
    """The values with these numbers; absent for `ABSENT`."""
    return values.take(pa.array(numbers, mask=numbers == ABSENT))


def clusters_tables(
    snapshot: Snapshot, clusters: AddressClusters, txids: Sequence[str], addresses: Sequence[str | None]
) -> tuple[pa.Table, pa.Table]:
    """The tables `address_clusters` and `cluster_merges`; outputs that nobody can spend belong to nobody."""
    first: dict[int, bytes] = {}
    for number, script in enumerate(snapshot.scripts):
        leader = clusters.leaders[number]
        first[leader] = min(first.get(leader, script), script)
    ids = {leader: content_id("adc", script.hex()) for leader, script in first.items()}
    spendable = np.nonzero(~is_each_unspendable(snapshot.scripts))[0].tolist()
    scripts_hex, proofs = _scripts_hex(snapshot), clusters.proofs
    members = table_named("address_clusters").columnar(
        {
            "address_cluster_id": [ids[clusters.leaders[number]] for number in spendable],
            "script_hex": _taken(scripts_hex, np.array(spendable, dtype=np.int64)),
            "address": [addresses[number] for number in spendable],
            "heuristic": [
                "co_spend" if clusters.sizes[clusters.leaders[number]] > 1 else "none" for number in spendable
            ],
        }
    )
    merges = table_named("cluster_merges").columnar(
        {
            "address_cluster_id": [ids[clusters.leaders[script]] for script in proofs[:, 0].tolist()],
            "script_hex": _taken(scripts_hex, proofs[:, 0]),
            "other_script_hex": _taken(scripts_hex, proofs[:, 1]),
            "txid": _taken(pa.array(txids, type=pa.string()), proofs[:, 2]),
        }
    )
    return members, merges
