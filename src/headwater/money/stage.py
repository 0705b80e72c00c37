"""The stage as a whole: blocks in, tables out."""

from __future__ import annotations

import pyarrow as pa

from headwater.config import Parameters
from headwater.engine import StageContext
from headwater.money.block_index import BlockIndex, BlockSource, indexed_blocks
from headwater.money.chain_tables import (
    blocks_table,
    clusters_tables,
    inputs_table,
    outputs_table,
    shown_txids,
    transactions_table,
)
from headwater.money.change import change_guesses, change_table
from headwater.money.clusters import address_clusters, coinjoin_verdicts
from headwater.money.defects import Defects
from headwater.money.peel import peel_chains, peel_tables
from headwater.money.platform_addresses import derived_addresses, platform_addresses
from headwater.money.scripts import addresses_of
from headwater.money.snapshot import Snapshot, snapshot_of
from headwater.money.trace_all import Chain, trace_receipts
from headwater.money.tx_habits import habits_of
from headwater.money.undo_index import matched_undo
from headwater.schema import table_named

__all__ = ["trace_money"]

_DEFAULTS = Parameters()


def trace_money(context: StageContext) -> dict[str, pa.Table]:
    """All tables of money, and `defects`: rows about what could not be used.

    Exhibits of the kind `blocks` are read; block files come from the agency's own validating node, so they are parsed
    here and not in a sealed worker. Parameters are `address_gap_limit`, `trace_max_hops` and `trace_dust_sat`.

    Args:
        context: Exhibits, parameters, and the tables `wallet_descriptors`, `invoices`, `invoice_addresses`,
            `payments`, `tags`, `services`, `actors`, `merge_cuts`.

    Raises:
        InputError: An exhibit of blocks is not there or is none.
        ConfigError: `trace_further_policies` names a rule that is none.
    """
    defects = Defects()
    tables = context.tables
    index, snapshot = _chain(context, defects)
    txids = shown_txids(snapshot)
    addresses = addresses_of(snapshot.scripts, index.network)
    verdicts = coinjoin_verdicts(snapshot, tables.arrow("merge_cuts")["txid"].to_pylist())
    clusters = address_clusters(snapshot, verdicts)
    outputs = outputs_table(snapshot, txids, addresses)
    derived = derived_addresses(
        tables.arrow("wallet_descriptors").to_pylist(),
        gap_limit=_parameter(context, "address_gap_limit", _DEFAULTS.address_gap_limit),
        network=index.network,
        on_chain=snapshot.script_numbers,
        defects=defects,
    )
    platform = platform_addresses(tables, derived, outputs, defects)
    guesses = change_guesses(snapshot, verdicts, habits_of(snapshot))
    peels, hops = peel_tables(snapshot, peel_chains(snapshot, guesses), txids)
    members, merges = clusters_tables(snapshot, clusters, txids, addresses)
    chain = Chain(
        snapshot=snapshot, txids=txids, addresses=addresses, verdicts=verdicts, clusters=clusters, members=members
    )
    traced = trace_receipts(context, chain, platform, defects)
    return {
        "blocks": blocks_table(index, snapshot),
        "transactions": transactions_table(snapshot, txids, verdicts),
        "tx_inputs": inputs_table(snapshot, txids, addresses),
        "tx_outputs": outputs,
        "platform_addresses": platform,
        "address_clusters": members,
        "cluster_merges": merges,
        "change_candidates": change_table(snapshot, guesses, txids),
        "peel_chains": peels,
        "peel_hops": hops,
        **traced,
        "defects": table_named("defects").rows(defects.rows),
    }


def _chain(context: StageContext, defects: Defects) -> tuple[BlockIndex, Snapshot]:
    # In the order of the agency's numbers, not of the command line: it decides between copies of a block.
    exhibits = sorted(
        (exhibit.exhibit_id, exhibit.path) for exhibit in context.exhibits if exhibit.exhibit_kind == "blocks"
    )
    index = indexed_blocks([BlockSource(exhibit_id=name, path=path) for name, path in exhibits], defects)
    return index, snapshot_of(index, matched_undo(index, defects), defects, context.progress)


def _parameter(context: StageContext, name: str, default: int) -> int:
    value = context.parameters.get(name, default)
    assert isinstance(value, int), f"{name} is a whole number"
    return value
