"""The tables of the chain: blocks, transactions, inputs, outputs, address clusters and their merges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from headwater.money.block_index import BlockIndex
from headwater.money.clusters import AddressClusters
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.scripts import is_unspendable
from headwater.money.snapshot import ABSENT, Snapshot
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


def blocks_table(index: BlockIndex, snapshot: Snapshot) -> pa.Table:
    """The table `blocks`: those beside the active chain too."""
    return table_named("blocks").rows(
        {
            "block_hash": block.header.block_hash[::-1].hex(),
            "previous_hash": block.header.previous_hash[::-1].hex(),
            "height": block.height,
            "active": block.active,
            "at_utc": datetime.fromtimestamp(block.header.time_s, tz=UTC),
            "transactions": block.transactions,
            "size_bytes": block.length_bytes,
            "merkle_ok": snapshot.merkle_ok[block.header.block_hash],
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
    known = [number for number, amount in enumerate(snapshot.input_amounts_sat) if amount != ABSENT]
    spent = [snapshot.spent_outpoint(number) for number in known]
    scripts = [snapshot.input_scripts[number] for number in known]
    return table_named("tx_inputs").columnar(
        {
            "txid": [txids[snapshot.input_txs[number]] for number in known],
            "input_index": [number - snapshot.input_starts[snapshot.input_txs[number]] for number in known],
            "spent_txid": [txid[::-1].hex() for txid, _ in spent],
            "spent_output_index": [index for _, index in spent],
            "amount_sat": [snapshot.input_amounts_sat[number] for number in known],
            "script_hex": [snapshot.scripts[script].hex() for script in scripts],
            "address": [addresses[script] for script in scripts],
        }
    )


def outputs_table(snapshot: Snapshot, txids: Sequence[str], addresses: Sequence[str | None]) -> pa.Table:
    """The table `tx_outputs`."""
    spenders = [None if number == ABSENT else snapshot.input_txs[number] for number in snapshot.spent_by]
    return table_named("tx_outputs").columnar(
        {
            "txid": [txids[tx] for tx in snapshot.output_txs],
            "output_index": [snapshot.output_index(output) for output in range(len(snapshot.output_txs))],
            "amount_sat": pa.array(snapshot.output_amounts_sat, type=pa.int64()),
            "script_hex": [snapshot.scripts[script].hex() for script in snapshot.output_scripts],
            "address": [addresses[script] for script in snapshot.output_scripts],
            "spent_by_txid": [None if tx is None else txids[tx] for tx in spenders],
            "spent_by_input_index": [
                None if tx is None else number - snapshot.input_starts[tx]
                for tx, number in zip(spenders, snapshot.spent_by, strict=True)
            ],
        }
    )


def clusters_tables(
    snapshot: Snapshot, clusters: AddressClusters, txids: Sequence[str], addresses: Sequence[str | None]
) -> tuple[pa.Table, pa.Table]:
    """The tables `address_clusters` and `cluster_merges`; outputs that nobody can spend belong to nobody."""
    first: dict[int, bytes] = {}
    for number, script in enumerate(snapshot.scripts):
        leader = clusters.leaders[number]
        first[leader] = min(first.get(leader, script), script)
    ids = {leader: content_id("adc", script.hex()) for leader, script in first.items()}
    spendable = [number for number, script in enumerate(snapshot.scripts) if not is_unspendable(script)]
    members = table_named("address_clusters").columnar(
        {
            "address_cluster_id": [ids[clusters.leaders[number]] for number in spendable],
            "script_hex": [snapshot.scripts[number].hex() for number in spendable],
            "address": [addresses[number] for number in spendable],
            "heuristic": [
                "co_spend" if clusters.sizes[clusters.leaders[number]] > 1 else "none" for number in spendable
            ],
        }
    )
    merges = table_named("cluster_merges").columnar(
        {
            "address_cluster_id": [ids[clusters.leaders[script]] for script, _, _ in clusters.merges],
            "script_hex": [snapshot.scripts[script].hex() for script, _, _ in clusters.merges],
            "other_script_hex": [snapshot.scripts[other].hex() for _, other, _ in clusters.merges],
            "txid": [txids[tx] for _, _, tx in clusters.merges],
        }
    )
    return members, merges
