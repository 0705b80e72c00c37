"""CoinJoin verdicts of a chain by parts: what the chain around a transaction adds to what it says by itself.

Three things need more than the transaction: the ancestry of a mix of Whirlpool, for which mixes and their parents are
loaded, some at a time; a person's cut; and whether other transactions show the inputs of a doubtful one to be under
one control, for which the engine joins its inputs with the clusters. What they change lies in a file of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from headwater.engine import ParquetParts, Session
from headwater.money.chain_parts import JoinedChain
from headwater.money.chain_windows import TxFacts
from headwater.money.cluster_parts import ClusterParts, number_scripts, write_leaders
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.coinjoin_lineage import answer_by_lineage
from headwater.money.coinjoin_verdicts import CUT, SHARED_CLUSTER
from headwater.money.neighbourhood import ChainTables

__all__ = ["judged_txs"]

_CHANGED: Final = pa.schema([("txid", pa.string()), ("answer", pa.string()), ("rule", pa.string())])
MIXES_AT_ONCE: Final = 20_000


def judged_txs(chain: JoinedChain, facts: TxFacts, network: str, cut_txids: Collection[str]) -> ir.Table:
    """The rows of `TxFacts.facts`, with the verdicts that the chain gives.

    Args:
        chain: The chain; its session has `tx_inputs` and `tx_outputs`.
        facts: What each transaction says by itself.
        network: Key of `ADDRESS_NETWORKS`.
        cut_txids: Transactions, as displayed, of which a person said that they have several payers.
    """
    changed = _by_lineage(chain, facts)
    changed |= dict.fromkeys((txid.lower() for txid in cut_txids), CUT)
    early = chain.scratch / "changed-early.parquet"
    _write_changed(early, changed)
    txs = _with_changed(chain.tables, facts.facts, early)
    doubtful = txs.filter((txs.coinjoin == "abstain") & txs.input_sat.notnull()).select("txid")
    late = chain.scratch / "changed.parquet"
    with ParquetParts(late, _CHANGED) as file:
        file.write(_changed_rows(changed))
        if chain.tables.backend.to_pyarrow(doubtful.count()).as_py():
            for part in chain.tables.result_parts(_of_one_cluster(chain, facts, network, txs, doubtful)):
                verdicts = [SHARED_CLUSTER] * part.num_rows
                file.write(_changed_rows(dict(zip(part["txid"].to_pylist(), verdicts, strict=True))))
        file.finish()
    return _with_changed(chain.tables, facts.facts, late)


def _by_lineage(chain: JoinedChain, facts: TxFacts) -> dict[str, CoinjoinVerdict]:
    """The verdicts that ancestry changes."""
    changed: dict[str, CoinjoinVerdict] = {}
    near = ChainTables(
        tables=chain.tables, txs=chain.tables.file(facts.facts), blocks=chain.blocks, scratch=chain.scratch
    )
    every = list(facts.pools_sat)
    for first in range(0, len(every), MIXES_AT_ONCE):
        mixes = every[first : first + MIXES_AT_ONCE]
        wanted = near.listed("txid", mixes)
        inputs = chain.tables.table("tx_inputs").semi_join(wanted, "txid")
        parents = chain.tables.result(inputs.select("spent_txid").distinct(), order_by=["spent_txid"])
        there = near.neighbourhood(near.rows_of({*mixes, *parents["spent_txid"].to_pylist()}))
        pools_sat = {tx: facts.pools_sat[txid] for tx, txid in enumerate(there.txids) if txid in facts.pools_sat}
        asked = set(mixes)
        before = list(there.verdicts)
        answer_by_lineage(
            there.snapshot, pools_sat, there.verdicts, [tx for tx in pools_sat if there.txids[tx] in asked]
        )
        changed.update((there.txids[tx], verdict) for tx, verdict in enumerate(there.verdicts) if verdict != before[tx])
    return changed


def _of_one_cluster(chain: JoinedChain, facts: TxFacts, network: str, txs: ir.Table, doubtful: ir.Table) -> ir.Table:
    """The doubtful transactions that spend from one cluster, as others that had one payer show."""
    folder = chain.scratch / "doubtful"
    folder.mkdir()
    parts = ClusterParts(
        tables=chain.tables,
        network=network,
        scripts=folder / "scripts.parquet",
        leaders=folder / "leaders.parquet",
        merges=folder / "merges.parquet",
    )
    count = number_scripts(chain.tables, parts.scripts, facts.further)
    write_leaders(chain.tables, parts, txs, count)
    inputs = chain.tables.table("tx_inputs").semi_join(doubtful, "txid").select("txid", "script_hex")
    led = inputs.inner_join(chain.tables.file(parts.scripts), "script_hex")
    led = led.inner_join(chain.tables.file(parts.leaders), "number").select("txid", "leader")
    found = led.group_by("txid").aggregate(leaders=led.leader.nunique())
    return found.filter(found.leaders == 1).select("txid")


def _with_changed(tables: Session, facts: Path, changed: Path) -> ir.Table:
    own, other = tables.file(facts), tables.file(changed)
    both = own.left_join(other, "txid")
    return both.select(
        *(own[name] for name in own.columns if name not in {"coinjoin", "coinjoin_rule"}),
        coinjoin=ibis.coalesce(other.answer, own.coinjoin),
        coinjoin_rule=ibis.coalesce(other.rule, own.coinjoin_rule),
    )


def _changed_rows(changed: dict[str, CoinjoinVerdict]) -> pa.Table:
    columns = [list(changed), [each.answer for each in changed.values()], [each.rule for each in changed.values()]]
    return pa.table([pa.array(column, type=pa.string()) for column in columns], schema=_CHANGED)


def _write_changed(path: Path, changed: dict[str, CoinjoinVerdict]) -> None:
    with ParquetParts(path, _CHANGED) as file:
        file.write(_changed_rows(changed))
        file.finish()
