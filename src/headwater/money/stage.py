"""The stage as a whole: blocks in, tables out."""

from __future__ import annotations

from functools import partial

from headwater.config import Parameters
from headwater.engine import Derived, StageContext
from headwater.money.block_index import BlockIndex, BlockSource, indexed_blocks
from headwater.money.chain_room import chain_room
from headwater.money.chain_tables import (
    blocks_table,
    clusters_tables,
    inputs_table,
    outputs_table,
    shown_txids,
    transactions_table,
)
from headwater.money.change import change_guesses, change_table
from headwater.money.clusters import address_clusters
from headwater.money.coinjoin_verdicts import coinjoin_verdicts
from headwater.money.defects import Defects
from headwater.money.peel import peel_chains, peel_tables
from headwater.money.platform_addresses import Derive, derived_addresses, platform_addresses
from headwater.money.scripts import addresses_of
from headwater.money.snapshot import snapshot_of
from headwater.money.stage_parts import money_by_parts
from headwater.money.trace_all import Chain, further_policies, trace_parameters, trace_receipts
from headwater.money.tx_habits import habits_of
from headwater.money.undo_index import matched_undo
from headwater.schema import table_named

__all__ = ["trace_money"]

_DEFAULTS = Parameters()


def trace_money(context: StageContext) -> dict[str, Derived]:
    """All tables of money, and `defects`: rows about what could not be used.

    Exhibits of the kind `blocks` are read; block files come from the agency's own validating node, so they are parsed
    here and not in a sealed worker. Parameters are `address_gap_limit`, `trace_max_hops` and `trace_dust_sat`. A chain
    that does not fit into the memory that there is goes by parts; the rows are the same.

    Args:
        context: Exhibits, parameters, and the tables `wallet_descriptors`, `invoices`, `invoice_addresses`,
            `payments`, `tags`, `services`, `actors`, `merge_cuts`.

    Raises:
        InputError: An exhibit of blocks is not there or is none.
        ConfigError: `trace_further_policies` names a rule that is none.
    """
    defects = Defects()
    further_policies(trace_parameters(context).trace_further_policies)  # a wrong word is told before hours of work
    index = _index(context, defects)
    derive = partial(
        derived_addresses,
        context.tables.arrow("wallet_descriptors").to_pylist(),
        gap_limit=_parameter(context, "address_gap_limit", _DEFAULTS.address_gap_limit),
        network=index.network,
        defects=defects,
    )
    made: dict[str, Derived]
    room = chain_room(index, context.chain_memory_bytes)
    if context.scratch is not None and index.blocks:
        context.say(room.told())
    if room.fits or context.scratch is None:
        made = _in_memory(context, index, derive, defects)
    else:
        made = money_by_parts(context, index, derive, defects, context.scratch)
    return {**made, "defects": table_named("defects").rows(defects.rows)}


def _in_memory(context: StageContext, index: BlockIndex, derive: Derive, defects: Defects) -> dict[str, Derived]:
    tables = context.tables
    snapshot = snapshot_of(index, matched_undo(index, defects), defects, context.progress)
    txids = shown_txids(snapshot)
    addresses = addresses_of(snapshot.scripts, index.network)
    verdicts = coinjoin_verdicts(snapshot, tables.arrow("merge_cuts")["txid"].to_pylist())
    clusters = address_clusters(snapshot, verdicts)
    outputs = outputs_table(snapshot, txids, addresses)
    numbers = snapshot.script_numbers
    derived = derive(lambda scripts: {script for script in scripts if script in numbers})
    platform = platform_addresses(tables, derived, outputs, defects)
    guesses = change_guesses(snapshot, verdicts, habits_of(snapshot))
    peels, hops = peel_tables(snapshot, peel_chains(snapshot, guesses), txids)
    members, merges = clusters_tables(snapshot, clusters, txids, addresses)
    chain = Chain(
        snapshot=snapshot, txids=txids, addresses=addresses, verdicts=verdicts, clusters=clusters, members=members
    )
    return {
        "blocks": blocks_table(index, snapshot.merkle_ok),
        "transactions": transactions_table(snapshot, txids, verdicts),
        "tx_inputs": inputs_table(snapshot, txids, addresses),
        "tx_outputs": outputs,
        "platform_addresses": platform,
        "address_clusters": members,
        "cluster_merges": merges,
        "change_candidates": change_table(snapshot, guesses, txids),
        "peel_chains": peels,
        "peel_hops": hops,
        **trace_receipts(context, chain, platform, defects),
    }


def _index(context: StageContext, defects: Defects) -> BlockIndex:
    # In the order of the agency's numbers, not of the command line: it decides between copies of a block.
    exhibits = sorted(
        (exhibit.exhibit_id, exhibit.path) for exhibit in context.exhibits if exhibit.exhibit_kind == "blocks"
    )
    return indexed_blocks([BlockSource(exhibit_id=name, path=path) for name, path in exhibits], defects)


def _parameter(context: StageContext, name: str, default: int) -> int:
    value = context.parameters.get(name, default)
    assert isinstance(value, int), f"{name} is a whole number"
    return value
