"""The way from a platform's receipt to what a service knows: its hops, the cluster merges and the tag relied upon."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.money import Merge, merge_path

__all__ = ["Hop", "ProofPath", "Proofs", "TagProof"]

Row = Mapping[str, Any]
Outpoint = tuple[str, int]

_BACKWARD: Final = "backward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """An output on the way.

    Attributes:
        txid: Its transaction.
        output_index: Its index.
        amount_sat: Satoshis of the receipt in it, by the policy of the path.
        at_utc: Time of the block.
        coinjoin: What was judged of its transaction: yes, no or abstain.
    """

    txid: str
    output_index: int
    amount_sat: int
    at_utc: dt.datetime
    coinjoin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPath:
    """The way of one receipt by one policy; where it parts, the part with most satoshis is followed.

    Attributes:
        trace_id: The trace.
        policy: Its policy.
        receipt_sat: Satoshis of the receipt.
        amount_sat: Of these, what reaches the service here.
        hops: From the receipt to the output that the service controls.
        stops: Satoshis of the same trace that stop elsewhere, by reason.
    """

    trace_id: str
    policy: str
    receipt_sat: int
    amount_sat: int
    hops: tuple[Hop, ...]
    stops: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagProof:
    """Why an address counts as the service's.

    Attributes:
        tag: The row of `tags` relied upon.
        address: Address of the output that the service controls; None where the script has none.
        merges: Transactions that join it to the tagged address, one after the other; empty where it is tagged itself.
        agreeing: Further tags of the same address and actor.
    """

    tag: Row
    address: str | None
    merges: tuple[str, ...]
    agreeing: int

    @property
    def is_direct(self) -> bool:
        """Whether the very address is tagged."""
        return self.address == str(self.tag["address"])


class Proofs:
    """What the tables hold of the traces that end at some services.

    Args:
        tables: The case's tables.
        service_ids: The services.
    """

    def __init__(self, tables: Session, service_ids: Collection[str]) -> None:
        wanted = pa.array(sorted(service_ids), pa.string())
        ends = tables.chosen("endpoints", lambda part: pc.is_in(part["service_id"], value_set=wanted))
        self._ends = {(row["trace_id"], row["txid"], row["output_index"]): row for row in ends.to_pylist()}
        trace_ids = pc.unique(ends["trace_id"])
        self._traces = {
            row["trace_id"]: row
            for row in tables.chosen("traces", lambda part: pc.is_in(part["trace_id"], value_set=trace_ids)).to_pylist()
        }
        self._stops: dict[str, dict[str, int]] = {}
        for row in tables.chosen(
            "endpoints",
            lambda part: pc.is_in(part["trace_id"], value_set=trace_ids),
            columns=["trace_id", "stop_reason", "amount_sat"],
        ).to_pylist():
            sums = self._stops.setdefault(row["trace_id"], {})
            sums[row["stop_reason"]] = sums.get(row["stop_reason"], 0) + row["amount_sat"]
        self._steps_to: dict[tuple[str, str, int], list[Row]] = {}
        self._steps_from: dict[Outpoint, list[Row]] = {}
        steps = tables.chosen("trace_flows", lambda part: pc.is_in(part["trace_id"], value_set=trace_ids)).to_pylist()
        for step in steps:
            self._steps_to.setdefault((step["trace_id"], step["to_txid"], step["to_output_index"]), []).append(step)
            self._steps_from.setdefault((step["from_txid"], step["from_output_index"]), []).append(step)
        txids = {txid for step in steps for txid in (step["from_txid"], step["to_txid"])}
        self._txs = _transactions(tables, txids | {row["origin_txid"] for row in self._traces.values()})
        self._read_clusters(tables)
        tags = tables.arrow("tags").to_pylist()
        self.tags = {row["tag_id"]: row for row in tags}
        self._same_tags: dict[tuple[str, str], int] = {}
        for tag in tags:
            key = (tag["address"], str(tag["actor"]))
            self._same_tags[key] = self._same_tags.get(key, 0) + 1

    def paths(self, request: Row) -> list[ProofPath]:
        """One way for each receipt and policy of a request, most satoshis first.

        Args:
            request: A row of `request_sheets`.
        """
        output = (request["txid"], request["output_index"])
        found = [
            self._path(end, output, amount_sat)
            for end, amount_sat in self._ends_of(request["service_id"], request["direction"], output)
        ]
        return sorted(found, key=lambda path: (path.policy, -path.amount_sat, path.trace_id))

    def tag_proof(self, request: Row) -> TagProof:
        """Why the service is thought to control its end of a request."""
        output = (request["txid"], request["output_index"])
        ends = [end for end, _ in self._ends_of(request["service_id"], request["direction"], output)]
        # The tag that the request rests on may be that of one of several outputs.
        fitting = [end for end in ends if end["tag_id"] == request["tag_id"]] or ends
        tag = self.tags[request["tag_id"]]
        end = min(fitting, key=lambda row: (row["address"] != tag["address"], row["address"] or "", row["trace_id"]))
        return TagProof(
            tag=tag,
            address=end["address"],
            merges=self._merges(end["address"], tag["address"]),
            agreeing=self._same_tags[tag["address"], str(tag["actor"])] - 1,
        )

    def coinjoin_of(self, txid: str) -> str:
        """What was judged of a transaction of the ways or merges."""
        return str(self._txs[txid]["coinjoin"])

    def _ends_of(self, service_id: str, direction: str, output: Outpoint) -> Iterable[tuple[Row, int]]:
        """The endpoints at a service that lie at an output, or whose satoshis came through it; with these satoshis."""
        if direction != _BACKWARD:
            for (trace_id, txid, index), end in self._ends.items():
                here = (txid, index) == output and end["service_id"] == service_id
                if here and self._traces[trace_id]["direction"] == direction:
                    yield end, end["amount_sat"]
            return
        for step in self._steps_from.get(output, ()):
            end_of_step = self._ends.get((step["trace_id"], step["to_txid"], step["to_output_index"]))
            if end_of_step is None or end_of_step["service_id"] != service_id:
                continue
            if self._traces[step["trace_id"]]["direction"] == direction:
                yield end_of_step, step["amount_sat"]

    def _path(self, end: Row, through: Outpoint, amount_sat: int) -> ProofPath:
        trace = self._traces[end["trace_id"]]
        origin = (trace["origin_txid"], trace["origin_output_index"])
        at, passed_sat = (end["txid"], end["output_index"]), amount_sat
        hops = []
        if at != through:  # backward: from the service's own output to its withdrawal
            hops.append(self._hop(at, passed_sat))
            at = through
        while at != origin:
            step = min(
                self._steps_to[end["trace_id"], at[0], at[1]],
                key=lambda row: (-row["amount_sat"], row["from_txid"], row["from_output_index"]),
            )
            hops.append(self._hop(at, sum(row["amount_sat"] for row in self._steps_to[end["trace_id"], at[0], at[1]])))
            at = (step["from_txid"], step["from_output_index"])
        hops.append(self._hop(origin, trace["origin_sat"]))
        return ProofPath(
            trace_id=end["trace_id"],
            policy=trace["policy"],
            receipt_sat=trace["origin_sat"],
            amount_sat=amount_sat,
            hops=tuple(reversed(hops)),
            stops=dict(sorted(self._stops[end["trace_id"]].items())),
        )

    def _hop(self, output: Outpoint, amount_sat: int) -> Hop:
        row = self._txs[output[0]]
        return Hop(
            txid=output[0],
            output_index=output[1],
            amount_sat=amount_sat,
            at_utc=row["at_utc"],
            coinjoin=row["coinjoin"],
        )

    def _read_clusters(self, tables: Session) -> None:
        """The merges of the clusters in which a tagged address and an endpoint's meet."""
        addresses = {end[name] for end in self._ends.values() for name in ("address", "tagged_address")} - {None}
        wanted = pa.array(sorted(addresses), pa.string())
        members = tables.chosen("address_clusters", lambda part: pc.is_in(part["address"], value_set=wanted))
        self._scripts = {row["address"]: row["script_hex"] for row in members.to_pylist()}
        ids = pc.unique(members["address_cluster_id"])
        merges = tables.chosen("cluster_merges", lambda part: pc.is_in(part["address_cluster_id"], value_set=ids))
        self._merge_rows = [
            Merge(script_hex=row["script_hex"], other_script_hex=row["other_script_hex"], txid=row["txid"])
            for row in merges.to_pylist()
        ]
        self._txs |= _transactions(tables, {merge.txid for merge in self._merge_rows} - self._txs.keys())

    def _merges(self, address: str | None, tagged: str) -> tuple[str, ...]:
        scripts = self._scripts.get(address or ""), self._scripts.get(tagged)
        if scripts[0] is None or scripts[1] is None or address == tagged:
            return ()
        # One transaction can be several steps of the tree of merges; it is one proof.
        return tuple(dict.fromkeys(merge_path(self._merge_rows, scripts[0], scripts[1])))


def _transactions(tables: Session, txids: Iterable[str]) -> dict[str, Row]:
    wanted = pa.array(sorted(txids), pa.string())
    columns: Sequence[str] = ["txid", "at_utc", "coinjoin"]
    rows = tables.chosen("transactions", lambda part: pc.is_in(part["txid"], value_set=wanted), columns=columns)
    return {row["txid"]: row for row in rows.to_pylist()}
