"""Change and peel chains of a chain by parts: the engine joins pairs of outputs with what became of them.

Memory holds three numbers for each transaction in a file that the system maps, which are touched in the order of the
chain, and what the engine holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater.engine import Derived, ParquetParts, StageContext
from headwater.money.chain_parts import JoinedChain
from headwater.money.chain_windows import LOCAL_RULES, TxFacts
from headwater.money.change import NEITHER, ChangeGuesses, candidate_rows, named_change
from headwater.money.peel import HOP_RULES, LEAST_HOPS, remainders
from headwater.schema import content_ids, table_named

__all__ = ["change_by_parts"]

_HOPS: Final = pa.schema(
    [
        ("head", pa.int64()),
        ("hop", pa.int64()),
        ("tx", pa.int64()),
        ("following", pa.int64()),
        ("txid", pa.string()),
        ("rule", pa.string()),
        ("came_in_sat", pa.int64()),
        ("output_index", pa.int64()),
        ("remainder_sat", pa.int64()),
        ("rejected_output_index", pa.int64()),
        ("peeled_sat", pa.int64()),
    ]
)
_STOPPED: Final = pa.schema([("following", pa.int64()), ("stop_reason", pa.string())])

_Numbers = npt.NDArray[np.int64]


def change_by_parts(context: StageContext, chain: JoinedChain, facts: TxFacts, txs: ir.Table) -> dict[str, Derived]:
    """The tables `change_candidates`, `peel_chains` and `peel_hops`.

    Args:
        context: Takes the rows.
        chain: The chain.
        facts: What each transaction says by itself.
        txs: Result of `judged_txs`.
    """
    hops, stopped = chain.scratch / "hops.parquet", chain.scratch / "stopped.parquet"
    count = int(chain.tables.backend.to_pyarrow(txs.tx.max()).as_py() or 0) + 1
    walk = _Walk.begun(count, chain.scratch)
    with ParquetParts(hops, _HOPS) as hop_file, ParquetParts(stopped, _STOPPED) as stopped_file:

        def parts() -> Iterator[pa.Table]:
            for part in chain.tables.result_parts(_pairs(chain, facts, txs)):
                guesses, indexes, amounts = _guessed(part)
                walk.add(part, guesses, indexes, amounts, hop_file, stopped_file)
                yield candidate_rows(guesses, part["txid"].combine_chunks(), indexes, amounts)

        candidates = context.kept("change_candidates", parts())
        hop_file.finish()
        stopped_file.finish()
    return {
        "change_candidates": candidates,
        "peel_chains": context.kept("peel_chains", _chain_parts(chain, hops, stopped)),
        "peel_hops": context.kept("peel_hops", _hop_parts(chain, hops)),
    }


def _pairs(chain: JoinedChain, facts: TxFacts, txs: ir.Table) -> ir.Table:
    """The pairs of transactions with one payer, each output with what became of it, in the order of the chain."""
    tables = chain.tables
    habits = txs.filter(txs.coinjoin == "no").select("tx", "fee_rate", "has_lock_time")
    rows = tables.file(facts.pairs).inner_join(habits, "tx")
    for side in (0, 1):
        spends, spending, fresh = tables.file(chain.spends), txs, _fresh(chain, facts)
        spends = spends.select("spender", **{"tx": spends.tx, f"output_index_{side}": spends.output_index})
        spends = spends.left_join(
            spending.select(spender=spending.tx, rate=spending.fee_rate, lock=spending.has_lock_time), "spender"
        )
        spends = spends.select(
            "tx",
            f"output_index_{side}",
            **{f"{name}_{side}": spends[name] for name in ("spender", "rate", "lock")},
        )
        fresh = fresh.select(
            "tx", **{f"output_index_{side}": fresh.output_index, f"is_fresh_{side}": ibis.literal(value=True)}
        )
        for more in (spends, fresh):
            joined = rows.left_join(more, ["tx", f"output_index_{side}"])
            rows = joined.select(*rows.columns, *(name for name in more.columns if name not in rows.columns))
    return rows.order_by("tx")


def _fresh(chain: JoinedChain, facts: TxFacts) -> ir.Table:
    """Outputs that are the first that their script received, by blocks: order within one is no evidence."""
    tables = chain.tables
    none = tables.file(chain.repeated_file)
    received = tables.file(chain.outputs).anti_join(none, "tx")
    by_block = received.group_by(["script", "place"]).aggregate(
        times=received.count(), tx=received.tx.min(), output_index=received.output_index.min()
    )
    first = by_block.group_by("script").aggregate(
        first=by_block.place.min(),
        times=by_block.times.argmin(by_block.place),
        tx=by_block.tx.argmin(by_block.place),
        output_index=by_block.output_index.argmin(by_block.place),
    )
    outside = tables.file(facts.outside)
    outside = outside.group_by("script").aggregate(since=outside.place.min())
    both = first.filter(first.times == 1).left_join(outside, "script")
    return both.filter(both.since.isnull() | (both.since > both.first)).select("tx", "output_index")


def _guessed(part: pa.Table) -> tuple[ChangeGuesses, _Numbers, _Numbers]:
    """What the rules say of pairs, and indexes and amounts of their outputs."""

    def both(name: str, absent: object = None) -> npt.NDArray[np.generic]:
        columns = [part[f"{name}_{side}"] for side in (0, 1)]
        return np.column_stack([(c if absent is None else c.fill_null(absent)).to_numpy() for c in columns])

    indexes, amounts = both("output_index").astype(np.int64), both("amount_sat").astype(np.int64)
    spenders = both("spender", NEITHER)
    named = named_change(
        np.stack([both(name).astype(bool) for name in LOCAL_RULES]),
        is_fresh=both("is_fresh", absent=False).astype(bool),
        is_spent=(spenders != NEITHER).all(axis=1),
        locks=part["has_lock_time"].to_numpy(),
        spending_locks=both("lock", absent=False).astype(bool),
        rates=part["fee_rate"].to_numpy(),
        spending_rates=both("rate", 0).astype(np.int64),
    )
    outputs = np.arange(2 * part.num_rows).reshape(-1, 2)
    return ChangeGuesses(txs=np.arange(part.num_rows), outputs=outputs, named=named), indexes, amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """Peel chains, followed hop by hop as transactions come in their order.

    Attributes:
        heads: For each transaction, the first of the chain that leads to it, if one does.
        depths: How many hops lead to it.
    """

    heads: npt.NDArray[np.int64]
    depths: npt.NDArray[np.int32]

    @classmethod
    def begun(cls, count: int, scratch: Path) -> _Walk:
        # Mapped files: what was touched long ago need not stay in memory, and a chain goes on soon or never.
        heads = np.memmap(scratch / "heads", dtype=np.int64, mode="w+", shape=(count,))
        depths = np.memmap(scratch / "depths", dtype=np.int32, mode="w+", shape=(count,))
        return cls(heads=heads, depths=depths)

    def add(
        self,
        part: pa.Table,
        guesses: ChangeGuesses,
        indexes: _Numbers,
        amounts: _Numbers,
        hops: ParquetParts,
        stopped: ParquetParts,
    ) -> None:
        """Note the hops among some pairs, and those that are none although only a choice is lacking."""
        came_in = part["came_in_sat"].to_numpy()
        named, spoken_by = remainders(guesses, amounts, came_in)
        single = part["inputs"].to_numpy() == 1
        txs = part["tx"].to_numpy()
        no_choice = np.nonzero(single & (named == NEITHER))[0]
        reasons = np.where(guesses.disputed[no_choice], "rules_conflict", "no_rule").tolist()
        stopped.write(pa.table([pa.array(txs[no_choice]), pa.array(reasons, type=pa.string())], schema=_STOPPED))
        at = np.nonzero(single & (named != NEITHER))[0]
        choice = named[at].astype(np.int64)
        spenders = np.column_stack([part[f"spender_{side}"].fill_null(NEITHER).to_numpy() for side in (0, 1)])
        following = spenders[at, choice]
        heads, depths = [], []
        for tx, after in zip(txs[at].tolist(), following.tolist(), strict=True):
            depth = int(self.depths[tx])
            head = int(self.heads[tx]) if depth else tx
            heads.append(head)
            depths.append(depth + 1)
            if after != NEITHER:
                self.heads[after], self.depths[after] = head, depth + 1
        hops.write(
            pa.table(
                [
                    pa.array(heads, type=pa.int64()),
                    pa.array(depths, type=pa.int64()),
                    pa.array(txs[at]),
                    pa.array(following),
                    part["txid"].combine_chunks().take(pa.array(at)),
                    pa.array([HOP_RULES[rule] for rule in spoken_by[at].tolist()], type=pa.string()),
                    pa.array(came_in[at]),
                    pa.array(indexes[at, choice]),
                    pa.array(amounts[at, choice]),
                    pa.array(indexes[at, 1 - choice]),
                    pa.array(amounts[at, 1 - choice]),
                ],
                schema=_HOPS,
            )
        )


def _long_enough(chain: JoinedChain, hops: Path) -> ir.Table:
    """First transaction and number of hops of each chain."""
    every = chain.tables.file(hops)
    lengths = every.group_by("head").aggregate(hops=every.count(), peeled_sat=every.peeled_sat.sum().cast("int64"))
    lengths = lengths.filter(lengths.hops >= LEAST_HOPS)
    first = every.filter(every.hop == 1).select("head", "came_in_sat", first_txid=every.txid)
    return lengths.inner_join(first, "head")


def _chain_parts(chain: JoinedChain, hops: Path, stopped: Path) -> Iterator[pa.Table]:
    heads, last, reasons = _long_enough(chain, hops), chain.tables.file(hops), chain.tables.file(stopped)
    last = last.select("head", "following", "remainder_sat", hops=last.hop, last_txid=last.txid)
    rows = heads.inner_join(last, ["head", "hops"]).left_join(reasons, "following")
    rows = rows.select(
        "first_txid",
        "last_txid",
        "hops",
        "peeled_sat",
        "remainder_sat",
        input_sat=rows.came_in_sat,
        stop_reason=ibis.ifelse(rows.following == NEITHER, "unspent", rows.stop_reason.fill_null("not_a_peel")),
    )
    for part in chain.tables.result_parts(rows):
        made = {name: part[name] for name in part.column_names}
        yield table_named("peel_chains").part({"peel_chain_id": _chain_ids(part["first_txid"]), **made})


def _hop_parts(chain: JoinedChain, hops: Path) -> Iterator[pa.Table]:
    heads = _long_enough(chain, hops)
    rows = chain.tables.file(hops).inner_join(heads.select("head", "first_txid"), "head")
    rows = rows.select(
        "first_txid", "hop", "txid", "rule", "output_index", "remainder_sat", "rejected_output_index", "peeled_sat"
    )
    for part in chain.tables.result_parts(rows):
        made = {name: part[name] for name in part.column_names if name != "first_txid"}
        yield table_named("peel_hops").part({"peel_chain_id": _chain_ids(part["first_txid"]), **made})


def _chain_ids(first_txids: pa.ChunkedArray) -> pa.Array:
    return pa.array(content_ids("pel", (), first_txids.to_pylist()), type=pa.string())
