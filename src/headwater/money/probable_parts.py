"""Address clusters that hold or pay as only services do, of a chain that lies in tables."""

from __future__ import annotations

from collections.abc import Collection

import ibis.expr.types as ir

from headwater.money.cluster_parts import ClusterParts
from headwater.money.neighbourhood import ChainTables
from headwater.money.probable_services import Reach
from headwater.money.scripts import SCRIPTS_OF_ANYONE

__all__ = ["probable_by_parts"]


def probable_by_parts(
    near: ChainTables,
    clusters: ClusterParts,
    *,
    min_scripts: int,
    min_payees: int,
    apart_from: Collection[int] = (),
) -> dict[int, Reach]:
    """The clusters that reach as far as stated, by leader; as `probable_services`, which says what counts.

    Who was paid is counted only for clusters whose transactions have as many outputs, which could have paid so many.

    Args:
        near: The chain.
        clusters: Its clusters.
        min_scripts: Scripts of one cluster from which it counts; 0 never.
        min_payees: Clusters paid from which it counts; 0 never.
        apart_from: Leaders of clusters that are known to be somebody's.
    """
    if not (min_scripts or min_payees):
        return {}
    tables = near.tables
    sizes = tables.file(clusters.leaders).group_by("leader").aggregate(scripts=lambda rows: rows.count())
    payers = _payers(near, clusters)
    outputs = tables.table("tx_outputs").filter(lambda row: row.amount_sat > 0)
    paid = outputs.group_by("txid").aggregate(paid=outputs.count())
    far = sizes.filter(sizes.scripts >= min_scripts).select("leader") if min_scripts else None
    if min_payees:
        totals = payers.inner_join(paid, "txid").group_by("payer").aggregate(paid=lambda rows: rows.paid.sum())
        may_pay = totals.filter(totals.paid >= min_payees)
        may_pay = may_pay.select(leader=may_pay.payer)
        far = may_pay if far is None else far.union(may_pay, distinct=True)
    path = near.scratch / "far.parquet"
    tables.write(far, path)
    chosen = tables.file(path)
    some = payers.semi_join(chosen.select(payer=chosen.leader), "payer")
    payees = _led(near, clusters, outputs.select("txid", "script_hex")).select("txid", "leader")
    pairs = some.inner_join(payees.select("txid", payee=payees.leader), "txid").select("payer", "payee").distinct()
    pairs = pairs.filter(pairs.payer != pairs.payee)
    counts = pairs.group_by("payer").aggregate(payees=pairs.count())
    known = sizes.semi_join(chosen, "leader").left_join(counts.select("payees", leader=counts.payer), "leader")
    known = known.select("leader", "scripts", payees=known.payees.fill_null(0))
    rows = tables.result(known, order_by=["leader"]).to_pylist()
    nobodys = _of_anyone(near, clusters)
    return {
        row["leader"]: Reach(scripts=row["scripts"], payees=row["payees"])
        for row in rows
        if ((min_scripts and row["scripts"] >= min_scripts) or (min_payees and row["payees"] >= min_payees))
        and row["leader"] not in apart_from
        and row["leader"] not in nobodys
    }


def _payers(near: ChainTables, clusters: ClusterParts) -> ir.Table:
    """For each transaction with one payer, the clusters that it spends from."""
    alone = near.txs.filter(near.txs.coinjoin == "no").select("txid")
    inputs = near.tables.table("tx_inputs").semi_join(alone, "txid").select("txid", "script_hex")
    led = _led(near, clusters, inputs)
    return led.select("txid", payer=led.leader).distinct()


def _led(near: ChainTables, clusters: ClusterParts, rows: ir.Table) -> ir.Table:
    numbered = rows.inner_join(near.tables.file(clusters.scripts), "script_hex")
    return numbered.inner_join(near.tables.file(clusters.leaders).select("number", "leader"), "number")


def _of_anyone(near: ChainTables, clusters: ClusterParts) -> set[int]:
    """Leaders that are scripts which anybody can spend."""
    asked = near.listed("script_hex", [script.hex() for script in sorted(SCRIPTS_OF_ANYONE)])
    rows = near.tables.file(clusters.scripts).semi_join(asked, "script_hex").select("number")
    return set(near.tables.result(rows, order_by=["number"])["number"].to_pylist())
