"""The stage by parts: the tables of `stage.trace_money`, row for row, for a chain that does not fit into memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from headwater.engine import Derived, Progress, Session, StageContext, stored_in_order
from headwater.money.block_index import BlockIndex
from headwater.money.chain_parts import JoinedChain, joined_chain
from headwater.money.chain_tables import blocks_table
from headwater.money.chain_windows import resolved_chain
from headwater.money.change_parts import change_by_parts
from headwater.money.cluster_parts import clusters_by_parts
from headwater.money.defects import Defects
from headwater.money.neighbourhood import ChainTables
from headwater.money.platform_addresses import Derive, platform_addresses
from headwater.money.trace_parts import trace_by_parts
from headwater.money.undo_index import matched_undo
from headwater.money.verdict_parts import judged_txs
from headwater.schema import table_named

__all__ = ["money_by_parts"]

_STEPS: Final = "steps: join, resolve, judge, cluster, change, trace"


def money_by_parts(
    context: StageContext, index: BlockIndex, derive: Derive, defects: Defects, scratch: Path
) -> dict[str, Derived]:
    """All tables of money but `defects`.

    Args:
        context: As for `trace_money`.
        index: The blocks.
        derive: Gives the scripts and addresses of the seized descriptors, once it can be told what the chain holds.
        defects: Told of what could not be used.
        scratch: Folder for what lies between; about five times the size of the tables.
    """
    with Session({}, threads=max(1, context.workers), scratch=scratch) as tables:
        chain = joined_chain(tables, index, defects, scratch, context.progress)
        context.progress(_STEPS, 1, 6)
        tables.put("tx_outputs", chain.tx_outputs)
        facts = resolved_chain(context, chain, index, matched_undo(index, defects), defects, _again(context.progress))
        context.progress(_STEPS, 2, 6)
        tables.put("tx_inputs", facts.tx_inputs)
        txs = judged_txs(chain, facts, index.network, context.tables.arrow("merge_cuts")["txid"].to_pylist())
        transactions = stored_in_order(table_named("transactions"), _transaction_parts(chain, txs), scratch)
        tables.put("transactions", transactions)
        context.progress(_STEPS, 3, 6)
        clusters = clusters_by_parts(tables, index.network, scratch, txs=txs, further=facts.further)
        members = context.kept("address_clusters", clusters.address_clusters())
        tables.put("address_clusters", members)
        merges = context.kept("cluster_merges", clusters.cluster_merges())
        context.progress(_STEPS, 4, 6)
        near = ChainTables(tables=tables, txs=txs, blocks=chain.blocks, scratch=scratch)
        derived = derive(lambda scripts: _held(tables, near, scripts))
        received = _received(chain, near, {row["script_hex"] for row in derived})
        platform = platform_addresses(context.tables, derived, received, defects)
        changes = change_by_parts(context, chain, facts, txs)
        context.progress(_STEPS, 5, 6)
        traced = trace_by_parts(context, near, clusters, platform, defects)
        context.progress(_STEPS, 6, 6)
        return {
            "blocks": blocks_table(index, chain.merkle_ok),
            "transactions": transactions,
            "tx_inputs": facts.tx_inputs,
            "tx_outputs": chain.tx_outputs,
            "platform_addresses": platform,
            "address_clusters": members,
            "cluster_merges": merges,
            **changes,
            **traced,
        }


def _again(progress: Progress) -> Progress:
    """For the second reading of what was read before."""
    return lambda counted, done, total: progress(f"{counted} again", done, total)


def _transaction_parts(chain: JoinedChain, txs: ir.Table) -> Iterator[pa.Table]:
    table = table_named("transactions")
    rows = txs.select(*table.arrow.names).order_by(["block_height", "position", "txid"])
    for part in chain.tables.result_parts(rows):
        yield table.part({name: part[name] for name in part.column_names})


def _received(chain: JoinedChain, near: ChainTables, scripts_hex: Collection[str]) -> pa.Table:
    """Outputs to some scripts: script and amount."""
    outputs = chain.tables.table("tx_outputs")
    outputs = outputs.semi_join(near.listed("script_hex", sorted(scripts_hex)), "script_hex")
    rows = chain.tables.result(outputs, order_by=["txid", "output_index"])
    return rows.select(["script_hex", "amount_sat"])


def _held(tables: Session, near: ChainTables, scripts: Collection[bytes]) -> set[bytes]:
    """Of some scripts, those that the chain holds, in an output or in what an input spends."""
    listed = near.listed("script_hex", [script.hex() for script in sorted(scripts)])
    held = [
        tables.table(name).semi_join(listed, "script_hex").select("script_hex") for name in ("tx_outputs", "tx_inputs")
    ]
    rows = tables.result(ibis.union(*held, distinct=True), order_by=["script_hex"])
    return {bytes.fromhex(script) for script in rows["script_hex"].to_pylist()}
