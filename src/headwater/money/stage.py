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
from headwater.money.receipts import receipts_of
from headwater.money.scripts import address_of
from headwater.money.services import ServiceMap, service_map
from headwater.money.snapshot import Snapshot, snapshot_of
from headwater.money.trace_tables import TraceTables
from headwater.money.tracing import StopRules, Tracer
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
        context: Exhibits, parameters, and the tables `wallet_descriptors`, `invoices`, `payments`, `tags`, `services`,
            `merge_cuts`.

    Raises:
        InputError: An exhibit of blocks is not there or is none.
    """
    defects = Defects()
    tables = context.tables
    index, snapshot = _chain(context, defects)
    txids = shown_txids(snapshot)
    addresses = [address_of(script, index.network) for script in snapshot.scripts]
    verdicts = coinjoin_verdicts(snapshot, tables.arrow("merge_cuts")["txid"].to_pylist())
    clusters = address_clusters(snapshot, verdicts)
    outputs = outputs_table(snapshot, txids, addresses)
    derived = derived_addresses(
        tables.arrow("wallet_descriptors").to_pylist(),
        gap_limit=_parameter(context, "address_gap_limit", _DEFAULTS.address_gap_limit),
        network=index.network,
        defects=defects,
    )
    platform = platform_addresses(tables, derived, outputs, defects)
    services = service_map(
        clusters, addresses, tables.arrow("tags").to_pylist(), tables.arrow("services").to_pylist(), defects
    )
    _tell_of_platform_at_service(snapshot, platform, services, defects)

    tracer = Tracer(
        snapshot,
        verdicts,
        StopRules(
            service_scripts=services.scripts,
            max_hops=_parameter(context, "trace_max_hops", _DEFAULTS.trace_max_hops),
            dust_sat=_parameter(context, "trace_dust_sat", _DEFAULTS.trace_dust_sat),
        ),
    )
    receipts = receipts_of(
        snapshot,
        txids,
        platform.to_pylist(),
        tables.arrow("invoices").to_pylist(),
        tables.arrow("payments").to_pylist(),
        defects,
    )
    traced = TraceTables(snapshot, txids, services, defects)
    for done, receipt in enumerate(receipts):
        for trace in tracer.traces_of(receipt.output):
            traced.add(receipt, trace)
        context.progress("receipts", done + 1, len(receipts))
    guesses = change_guesses(snapshot, verdicts, habits_of(snapshot))
    chains, hops = peel_tables(snapshot, peel_chains(snapshot, guesses), txids)
    members, merges = clusters_tables(snapshot, clusters, txids, addresses)
    return {
        "blocks": blocks_table(index, snapshot),
        "transactions": transactions_table(snapshot, txids, verdicts),
        "tx_inputs": inputs_table(snapshot, txids, addresses),
        "tx_outputs": outputs,
        "platform_addresses": platform,
        "address_clusters": members,
        "cluster_merges": merges,
        "change_candidates": change_table(snapshot, guesses, txids),
        "peel_chains": chains,
        "peel_hops": hops,
        **traced.tables(),
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


def _tell_of_platform_at_service(
    snapshot: Snapshot, platform: pa.Table, services: ServiceMap, defects: Defects
) -> None:
    """Say so where an address cluster holds the platform's addresses and a service's: one of the two is wrong."""
    found: dict[int, list[str]] = {}
    for script_hex, address in zip(platform["script_hex"].to_pylist(), platform["address"].to_pylist(), strict=True):
        number = snapshot.script_numbers.get(bytes.fromhex(script_hex))
        if number is not None and services.leaders[number] in services.by_cluster:
            found.setdefault(services.leaders[number], []).append(address)
    for leader, addresses in sorted(found.items(), key=lambda item: item[1]):
        tag = services.by_cluster[leader][0]
        defects.add(
            "platform_at_service",
            f"tag {tag['tag_id']} and {len(addresses)} derived platform addresses, first {addresses[0]}, meet in one "
            "address cluster: look at its merges before relying on either",
            reference_name=tag["reference_name"],
            source_table="tags",
        )
