"""Tracing in a chain that lies in tables: what traces can reach is loaded layer by layer, and traced as in memory.

The stop rules that do not depend on the trace decide which way is worth loading: whose the output is, whether the next
transaction is or may be a CoinJoin, new coins, unspent, unresolved, and the limit of hops. Limits of time and of dust
depend on the origin; without them, more is loaded than is traced. What is loaded has all that these rules look at, so
that the traces are those of the whole chain.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headwater.engine import Progress, StageContext
from headwater.money.cluster_parts import ClusterParts
from headwater.money.clusters import AddressClusters
from headwater.money.defects import Defects
from headwater.money.neighbourhood import ChainTables, Rows
from headwater.money.probable_parts import probable_by_parts
from headwater.money.probable_services import Reach
from headwater.money.scripts import addresses_of
from headwater.money.services import service_map, tagged_address
from headwater.money.snapshot import Snapshot
from headwater.money.stops import BACKWARD, DIRECTIONS
from headwater.money.trace_all import Chain, trace_parameters, trace_receipts
from headwater.schema import table_named

__all__ = ["trace_by_parts"]

_Outpoint = tuple[str, int]


def trace_by_parts(
    context: StageContext, near: ChainTables, clusters: ClusterParts, platform: pa.Table, defects: Defects
) -> dict[str, pa.Table]:
    """The tables of `trace_receipts`, from the part of the chain that traces can reach.

    Args:
        context: Parameters, and the tables `invoices`, `payments`, `tags`, `services` and `actors`.
        near: The chain; its session has `address_clusters` too.
        clusters: Its address clusters.
        platform: The table `platform_addresses`.
        defects: Told of what does not fit together.

    Raises:
        ConfigError: `trace_further_policies` names a rule that is none.
    """
    parameters = trace_parameters(context)
    tags = context.tables.arrow("tags").to_pylist()
    members = _members(near, tags, platform)
    leaders = _leaders_of(near, clusters, members["script_hex"].to_pylist())
    own = set(platform["script_hex"].to_pylist())
    probable = probable_by_parts(
        near,
        clusters,
        min_scripts=parameters.trace_service_min_scripts,
        min_payees=parameters.trace_service_min_payees,
        apart_from={leader for script_hex, leader in leaders.items() if script_hex in own},
    )
    owned = _write_owned(context, near, clusters, members, leaders, probable)
    reach = _Reach(near=replace(near, owned=owned), max_hops=parameters.trace_max_hops, progress=context.progress)
    origins = _origins(near, platform)
    for direction in DIRECTIONS:
        reach.follow(direction, origins)
    payments = context.tables.arrow("payments")["txid"].to_pylist()
    reach.load({txid for txid in payments if txid is not None})
    there = near.neighbourhood(reach.rows())
    snapshot = there.snapshot
    for script_hex in members["script_hex"].to_pylist():
        snapshot.script_number(bytes.fromhex(script_hex))
    found, by_leader = _clusters_of(snapshot, near, clusters)
    chain = Chain(
        snapshot=snapshot,
        txids=there.txids,
        addresses=addresses_of(snapshot.scripts, clusters.network),
        verdicts=there.verdicts,
        clusters=found,
        members=members,
        probable={by_leader[leader]: known for leader, known in probable.items() if leader in by_leader},
    )
    return trace_receipts(context, chain, platform, defects)


def _members(near: ChainTables, tags: Sequence[Mapping[str, Any]], platform: pa.Table) -> pa.Table:
    """Rows of `address_clusters` about addresses that have a tag and about the platform's own."""
    rows = near.tables.table("address_clusters")
    tagged = near.listed("address", {tagged_address(tag) for tag in tags})
    own = near.listed("script_hex", platform["script_hex"].to_pylist())
    both = rows.semi_join(tagged, "address").union(rows.semi_join(own, "script_hex"), distinct=True)
    return near.tables.result(both, order_by=["script_hex"]).cast(table_named("address_clusters").arrow)


def _leaders_of(near: ChainTables, clusters: ClusterParts, scripts_hex: Iterable[str]) -> dict[str, int]:
    """The leader of the cluster of each script that is on the chain."""
    asked = near.listed("script_hex", scripts_hex)
    rows = near.tables.file(clusters.scripts).semi_join(asked, "script_hex")
    rows = rows.inner_join(near.tables.file(clusters.leaders), "number").select("script_hex", "leader")
    found = near.tables.result(rows, order_by=["script_hex"])
    return dict(zip(found["script_hex"].to_pylist(), found["leader"].to_pylist(), strict=True))


def _write_owned(
    context: StageContext,
    near: ChainTables,
    clusters: ClusterParts,
    members: pa.Table,
    leaders: Mapping[str, int],
    probable: Mapping[int, Reach],
) -> Path:
    """The file, now written, of the scripts of clusters that no trace goes through."""
    scripts_hex = members["script_hex"].to_pylist()
    told = service_map(
        AddressClusters(
            leaders=array("q", [leaders[script_hex] for script_hex in scripts_hex]),
            sizes=array("q"),
            proofs=np.zeros((0, 3), dtype=np.int64),
        ),
        members["address"].to_pylist(),
        context.tables.arrow("tags").to_pylist(),
        context.tables.arrow("services").to_pylist(),
        Defects(),  # told once more, and then for good, when all that traces reach is there
        actors=context.tables.arrow("actors").to_pylist(),
    )
    owned = sorted({*told.by_cluster, *told.bridges, *probable})
    pq.write_table(pa.table({"leader": pa.array(owned, type=pa.int64())}), near.scratch / "owned-leaders.parquet")
    rows = near.tables.file(clusters.leaders)
    rows = rows.semi_join(near.tables.file(near.scratch / "owned-leaders.parquet"), "leader")
    rows = rows.inner_join(near.tables.file(clusters.scripts), "number").select("script_hex")
    path = near.scratch / "owned.parquet"
    near.tables.write(rows, path)
    return path


def _origins(near: ChainTables, platform: pa.Table) -> set[_Outpoint]:
    """Outputs of value on addresses that the platform gave out."""
    given_out = platform.filter(pa.array([not each for each in platform["is_change"].to_pylist()], type=pa.bool_()))
    outputs = near.tables.table("tx_outputs").filter(lambda row: row.amount_sat > 0)
    outputs = outputs.semi_join(near.listed("script_hex", given_out["script_hex"].to_pylist()), "script_hex")
    found = near.tables.result(outputs.select("txid", "output_index"), order_by=["txid", "output_index"])
    return set(zip(found["txid"].to_pylist(), found["output_index"].to_pylist(), strict=True))


@dataclass(slots=True, kw_only=True)
class _Reach:
    """What traces can reach, as it is loaded.

    Attributes:
        near: The chain.
        max_hops: Transactions to follow at most.
        progress: Told of layers.
        loaded: Rows of transactions, layer by layer.
        txids: The transactions asked for.
        passing: Those that a trace can go through.
        spends: For each of them, the outputs that it spends.
        pays: For each of them, its outputs.
        spenders: For each output loaded that is spent, by what.
        owned: Outputs loaded at which a trace stops because of whose they are.
    """

    near: ChainTables
    max_hops: int
    progress: Progress
    loaded: list[Rows] = field(default_factory=list)
    txids: set[str] = field(default_factory=set)
    passing: set[str] = field(default_factory=set)
    spends: dict[str, list[_Outpoint]] = field(default_factory=dict)
    pays: dict[str, list[_Outpoint]] = field(default_factory=dict)
    spenders: dict[_Outpoint, str] = field(default_factory=dict)
    owned: set[_Outpoint] = field(default_factory=set)

    def follow(self, direction: str, origins: Iterable[_Outpoint]) -> None:
        """Load all that traces from some outputs can reach one way."""
        step: Callable[[set[_Outpoint]], Iterable[_Outpoint]] = self._back if direction == BACKWARD else self._forth
        layer = seen = set(origins)
        self.load({txid for txid, _ in layer})
        for hops in range(self.max_hops + 1):
            # At the origin itself nobody's tag is asked.
            reached = set(step(layer if hops == 0 else layer - self.owned))
            self.progress(f"layers {direction}", hops, self.max_hops)
            if hops == self.max_hops or not reached - seen:
                break
            layer = reached - seen
            seen = seen | layer
            self.load({txid for txid, _ in layer})

    def _back(self, layer: set[_Outpoint]) -> Iterable[_Outpoint]:
        for txid in {txid for txid, _ in layer} & self.passing:
            yield from self.spends.get(txid, ())

    def _forth(self, layer: set[_Outpoint]) -> Iterable[_Outpoint]:
        spending = {self.spenders[outpoint] for outpoint in layer if outpoint in self.spenders}
        self.load(spending)
        for txid in spending & self.passing:
            yield from self.pays[txid]

    def load(self, txids: set[str]) -> None:
        """Load transactions, each once; those that are not on the chain are none."""
        new = txids - self.txids
        if not new:
            return
        self.txids |= new
        rows = self.near.rows_of(sorted(new))
        self.loaded.append(rows)
        columns = ("txid", "coinjoin", "is_coinbase", "input_sat")
        for txid, coinjoin, is_coinbase, input_sat in _rows(rows.txs, columns):
            if coinjoin == "no" and not is_coinbase and input_sat is not None:
                self.passing.add(txid)
        for txid, *spent in _rows(rows.inputs, ("txid", "spent_txid", "spent_output_index")):
            self.spends.setdefault(txid, []).append((spent[0], spent[1]))
        for txid, index, spender in _rows(rows.outputs, ("txid", "output_index", "spent_by_txid")):
            self.pays.setdefault(txid, []).append((txid, index))
            if spender is not None:
                self.spenders[txid, index] = spender
        owned = rows.outputs.filter(rows.outputs["is_owned"])
        self.owned.update(_rows(owned, ("txid", "output_index")))

    def rows(self) -> Rows:
        """All that was loaded."""
        return Rows.joined(self.loaded or [self.near.rows_of([])])


def _rows(table: pa.Table, columns: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(table[name].to_pylist() for name in columns), strict=True)


def _clusters_of(
    snapshot: Snapshot, near: ChainTables, clusters: ClusterParts
) -> tuple[AddressClusters, dict[int, int]]:
    """The clusters of the scripts of a snapshot, and the number that leads each of them here."""
    scripts_hex = [script.hex() for script in snapshot.scripts]
    leaders = _leaders_of(near, clusters, scripts_hex)
    by_leader: dict[int, int] = {}
    here = [by_leader.setdefault(leaders[script_hex], number) for number, script_hex in enumerate(scripts_hex)]
    sizes = np.bincount(np.array(here, dtype=np.int64), minlength=len(here))
    found = AddressClusters(
        leaders=array("q", here), sizes=array("q", sizes.tolist()), proofs=np.zeros((0, 3), dtype=np.int64)
    )
    return found, by_leader
