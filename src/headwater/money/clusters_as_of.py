"""Address clusters as they were at a block height: from the merges of today, each of which names its transaction."""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import InputError, UnreadableInputError
from headwater.money.clusters import sets_in_order
from headwater.schema import content_id, table_named

__all__ = ["VIEWS_BY_HEIGHT", "as_of_height"]

VIEWS_BY_HEIGHT: Final = ("address_clusters", "cluster_merges")
"""The tables that can be had as of a block height."""


def as_of_height(tables: Session, name: str, height: int) -> pa.Table:
    """A table of `VIEWS_BY_HEIGHT` as it was when a block was the last one.

    Merges are made in the order of the chain, each where nothing had joined its two scripts before. So those up to a
    height are a spanning tree of each cluster of that height, and nothing else is needed (Kruskal 1956: the tree of a
    prefix is the prefix of the tree).

    What is a CoinJoin is told by what is known today: a transaction that leads into a mix (`whirlpool_tx0`) is told
    by the mix, which may be of a later block; and what a person cut stays cut.

    Args:
        tables: Has `transactions`, `tx_inputs`, `tx_outputs`, `address_clusters` and `cluster_merges`.
        name: Which table.
        height: The last block to count; blocks after it are as if they had not been.

    Raises:
        UnreadableInputError: Heights are not known, because the chain does not begin at its first block.
        InputError: The chain is not as long.
    """
    txs = tables.table("transactions")
    _refuse_outside(tables, txs, height)
    until = txs.filter(txs.block_height <= height).select("txid")
    spent, made = (tables.table(of).semi_join(until, "txid").select("script_hex") for of in ("tx_inputs", "tx_outputs"))
    seen = ibis.union(spent, made, distinct=True)
    # What nobody can spend stands in no cluster, so the table of today tells which of the scripts count.
    today = tables.table("address_clusters").select("script_hex", "address")
    members = tables.result(today.semi_join(seen, "script_hex"), order_by=["script_hex"])
    proofs = tables.table("cluster_merges").semi_join(until, "txid").select("script_hex", "other_script_hex", "txid")
    merges = tables.result(proofs, order_by=["script_hex", "other_script_hex"])
    scripts = members["script_hex"].combine_chunks()
    ends = [pc.index_in(merges[column], value_set=scripts) for column in ("script_hex", "other_script_hex")]
    lower, other = (numbers.to_numpy().astype(np.int64) for numbers in ends)
    leaders = _leaders(len(scripts), lower, other)
    firsts = scripts.take(pa.array(leaders))
    ids = {first: content_id("adc", first) for first in pc.unique(firsts).to_pylist()}
    if name == "cluster_merges":
        named = {"address_cluster_id": [ids[first] for first in firsts.take(pa.array(lower)).to_pylist()]}
        return table_named(name).columnar(named | {column: merges[column] for column in merges.column_names})
    sizes = np.bincount(leaders, minlength=len(leaders))[leaders]
    return table_named(name).columnar(
        {
            "address_cluster_id": [ids[first] for first in firsts.to_pylist()],
            "script_hex": scripts,
            "address": members["address"],
            "heuristic": ["co_spend" if size > 1 else "none" for size in sizes.tolist()],
        }
    )


def _leaders(scripts: int, lower: np.ndarray, other: np.ndarray) -> np.ndarray:
    from headwater.money.cluster_kernels import join_spent_together, leaders_of  # loads a compiler

    sets = sets_in_order(scripts)
    order, starts = np.arange(len(lower)), np.arange(0, 2 * len(lower) + 1, 2)
    nothing = np.empty(0, dtype=np.int64)
    join_spent_together(
        order,
        starts,
        np.column_stack((lower, other)).ravel(),
        nothing,
        np.empty(0, dtype=np.uint8),
        nothing,
        sets,
        np.empty((0, 3), dtype=np.int64),
    )
    leaders = sets.view(np.int64)
    leaders_of(sets, leaders)
    return leaders


def _refuse_outside(tables: Session, txs: ir.Table, height: int) -> None:
    bounds = txs.aggregate(first=txs.block_height.min(), last=txs.block_height.max())
    [row] = tables.result(bounds, order_by=["first"]).to_pylist()
    if row["first"] is None:
        raise InputError("transactions", "this case has no chain of blocks", remedy="take one in and run it")
    if row["first"] < 0:
        raise UnreadableInputError("transactions", "heights are not known", remedy="take in the chain from its start")
    if not row["first"] <= height <= row["last"]:
        reason = f"the chain of this case has blocks {row['first']} to {row['last']}"
        raise InputError(f"height {height}", reason, remedy="name one of these")
