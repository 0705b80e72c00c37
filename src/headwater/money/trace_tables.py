"""The tables of tracing: traces, their steps, where they stop, and whom to ask about what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from headwater.money.chain_tables import tx_at_utc
from headwater.money.defects import Defects
from headwater.money.flows import FIFO, POLICIES
from headwater.money.receipts import Receipt
from headwater.money.services import ServiceClaim, ServiceMap
from headwater.money.snapshot import Snapshot
from headwater.money.stops import BACKWARD, STOP_REASONS, code_of
from headwater.money.traced import Flows, Leaves, Traces
from headwater.schema import content_id, table_named

__all__ = ["TraceTables"]

_SENDERS_NAMED: Final = 5
_CLAIMED: Final = (code_of("service"), code_of("bridge"))
_PROBABLE: Final = code_of("probable_service")
_BOUND_COLUMNS: Final = (
    "txid",
    "output_index",
    "address",
    "stop_reason",
    "service_id",
    "tag_id",
    "tag_is_later",
    "cluster_scripts",
    "cluster_payees",
)


@dataclass(slots=True, kw_only=True)
class _Request:
    """What is asked about one output of one service, as traces add to it."""

    service: Mapping[str, Any]
    claim: ServiceClaim
    fifo_sat: int = 0
    pro_rata_sat: int = 0
    origins: set[int] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    senders: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passed:
    """Satoshis of a receipt that end at a service."""

    direction: str
    policy: str
    output: int
    amount_sat: int
    via_outputs: Sequence[tuple[int, int]]


class TraceTables:
    """Gathers traces as rows.

    Args:
        snapshot: The chain.
        txids: Its transactions as displayed.
        services: The services among its scripts.
        cluster_ids: Id of each cluster with a tag, by leader.
        defects: Told of services that no register names.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        txids: Sequence[str],
        services: ServiceMap,
        cluster_ids: Mapping[int, str],
        defects: Defects,
    ) -> None:
        self._snapshot = snapshot
        self._txids = txids
        self._services = services
        self._cluster_ids = cluster_ids
        self._defects = defects
        self._amounts_sat = np.asarray(snapshot.output_amounts_sat, dtype=np.int64)
        self._output_txs = np.asarray(snapshot.output_txs, dtype=np.int64)
        self._indexes = np.arange(len(self._output_txs)) - np.asarray(snapshot.output_starts)[self._output_txs]
        self._shown = pa.array(txids, type=pa.string())
        self._traces: list[dict[str, Any]] = []
        self._flows: list[dict[str, pa.Array]] = []
        self._endpoints: list[dict[str, Any]] = []
        self._bounds: list[dict[str, Any]] = []
        self._requests: dict[tuple[str, str, int], _Request] = {}

    def add(self, receipts: Sequence[Receipt], traces: Traces) -> None:
        """Note the traces of receipts, in their order."""
        trace_ids = []
        counts = np.bincount(traces.leaves.traces, minlength=len(receipts)).tolist()
        origins_sat = traces.origin_sat.tolist()
        columns = (origins_sat, traces.fee_sat.tolist(), counts)
        for receipt, origin_sat, fee_sat, endpoints in zip(receipts, *columns, strict=True):
            txid, index = self._outpoint(receipt.output)
            trace_ids.append(content_id("trc", traces.direction, traces.policy, txid, index))
            self._traces.append(
                {
                    "trace_id": trace_ids[-1],
                    "direction": traces.direction,
                    "policy": traces.policy,
                    "origin_txid": txid,
                    "origin_output_index": index,
                    "origin_sat": origin_sat,
                    "origin_address": receipt.address,
                    "account_id": receipt.account_id,
                    "invoice_id": receipt.invoice_id,
                    "payment_id": receipt.payment_id,
                    "fee_sat": fee_sat,
                    "endpoints": endpoints,
                }
            )
        self._flows.append(self._flow_columns(pa.array(trace_ids, type=pa.string()), traces.flows))
        via = traces.via()
        for at, output, code, amount_sat, hops in _rows_of(traces.leaves):
            claim = self._claim(output, code)
            if claim is not None and traces.policy in POLICIES:
                passed = _Passed(
                    direction=traces.direction,
                    policy=traces.policy,
                    output=output,
                    amount_sat=amount_sat,
                    via_outputs=via[at, output],
                )
                self._ask(receipts[at], passed, claim)
            txid, index = self._outpoint(output)
            self._endpoints.append(
                {
                    "endpoint_id": content_id("end", trace_ids[at], txid, index, STOP_REASONS[code]),
                    "trace_id": trace_ids[at],
                    "amount_sat": amount_sat,
                    "bound_sat": min(int(self._amounts_sat[output]), origins_sat[at]),
                    "hops": hops,
                    **self._stop(output, code, claim),
                }
            )

    def add_bounds(self, receipts: Sequence[Receipt], direction: str, bounds: Leaves) -> None:
        """Note where the satoshis of receipts, in their order, can end by any rule."""
        for at, output, code, bound_sat, hops in _rows_of(bounds):
            origin_txid, origin_index = self._outpoint(receipts[at].output)
            txid, index = self._outpoint(output)
            stop = self._stop(output, code, self._claim(output, code))
            self._bounds.append(
                {
                    "bound_id": content_id(
                        "bnd", direction, origin_txid, origin_index, txid, index, STOP_REASONS[code]
                    ),
                    "direction": direction,
                    "origin_txid": origin_txid,
                    "origin_output_index": origin_index,
                    "bound_sat": bound_sat,
                    "hops": hops,
                    **{name: stop[name] for name in _BOUND_COLUMNS},
                }
            )

    def tables(self) -> dict[str, pa.Table]:
        """The tables of everything noted."""
        flows = [table_named("trace_flows").part(columns) for columns in self._flows]
        return {
            "traces": table_named("traces").rows(self._traces),
            "trace_flows": table_named("trace_flows").checked(
                pa.concat_tables(flows) if flows else table_named("trace_flows").empty()
            ),
            "endpoints": table_named("endpoints").rows(self._endpoints),
            "trace_bounds": table_named("trace_bounds").rows(self._bounds),
            "request_sheets": table_named("request_sheets").rows(
                self._sheet(direction, output, request)
                for (_, direction, output), request in sorted(self._requests.items(), key=lambda item: item[0])
            ),
        }

    def _flow_columns(self, trace_ids: pa.Array, flows: Flows) -> dict[str, pa.Array]:
        return {
            "trace_id": trace_ids.take(pa.array(flows.traces)),
            "hop": pa.array(flows.hops),
            "from_txid": self._shown.take(pa.array(self._output_txs[flows.from_outputs])),
            "from_output_index": pa.array(self._indexes[flows.from_outputs]),
            "to_txid": self._shown.take(pa.array(self._output_txs[flows.to_outputs])),
            "to_output_index": pa.array(self._indexes[flows.to_outputs]),
            "amount_sat": pa.array(flows.amounts_sat),
        }

    def _claim(self, output: int, code: int) -> ServiceClaim | None:
        return self._services.claim(self._snapshot.output_scripts[output]) if code in _CLAIMED else None

    def _outpoint(self, output: int) -> tuple[str, int]:
        return self._txids[self._snapshot.output_txs[output]], self._snapshot.output_index(output)

    def _address(self, output: int) -> str | None:
        return self._services.addresses[self._snapshot.output_scripts[output]]

    def _stop(self, output: int, code: int, claim: ServiceClaim | None) -> dict[str, Any]:
        """What is said of the output where a trace stops, whatever of the origin is there."""
        txid, index = self._outpoint(output)
        service = None if claim is None else claim.service
        leader = self._services.leaders[self._snapshot.output_scripts[output]]
        reach = self._services.probable[leader] if code == _PROBABLE else None
        return {
            "txid": txid,
            "output_index": index,
            "address": self._address(output),
            "stop_reason": STOP_REASONS[code],
            "service_id": None if service is None else service["service_id"],
            "tag_id": None if claim is None else claim.tag["tag_id"],
            "tagged_address": None if claim is None else claim.tag["address"],
            "tag_is_later": None if claim is None else claim.tag_is_later,
            "address_cluster_id": None if claim is None else self._cluster_ids[leader],
            "tags": None if claim is None else claim.tags,
            "cluster_scripts": None if reach is None else reach.scripts,
            "cluster_payees": None if reach is None else reach.payees,
            "at_utc": tx_at_utc(self._snapshot, self._snapshot.output_txs[output]),
        }

    def _ask(self, receipt: Receipt, passed: _Passed, claim: ServiceClaim) -> None:
        """Add to what a service is asked.

        Backward, the service knows its own withdrawal: the output that its spending made nearer the platform. Forward,
        it knows what it received.
        """
        if claim.service is None:
            if claim.actor is not None:
                self._defects.add(
                    "service_not_in_register",
                    f"traces end at {claim.actor}, which no register names: country unknown, nobody to ask"
                    f"{self._services.told_of(claim.actor)}",
                    reference_name=claim.tag["reference_name"],
                    source_table="tags",
                )
            return
        known = passed.via_outputs if passed.direction == BACKWARD else ((passed.output, passed.amount_sat),)
        for output, amount_sat in known:
            request = self._requests.setdefault(
                (claim.service["service_id"], passed.direction, output), _Request(service=claim.service, claim=claim)
            )
            request.claim = min(request.claim, claim, key=lambda each: (bool(each.tag_is_later), each.tag["tag_id"]))
            if passed.policy == FIFO:
                request.fifo_sat += amount_sat
            else:
                request.pro_rata_sat += amount_sat
            request.origins.add(receipt.output)
            if receipt.account_id is not None:
                request.accounts.add(receipt.account_id)
            if passed.direction != BACKWARD:
                request.senders.update(sender for sender, _ in passed.via_outputs)

    def _sheet(self, direction: str, output: int, request: _Request) -> dict[str, Any]:
        service = request.service
        txid, index = self._outpoint(output)
        output_sat = self._snapshot.output_amounts_sat[output]
        return {
            "request_id": content_id("req", service["service_id"], txid, index, direction),
            "service_id": service["service_id"],
            "actor": service["actor"],
            "service_name": service["name"],
            "country": service["country"],
            "legal_contact": service["legal_contact"],
            "direction": direction,
            "question": self._question(direction, output, request),
            "txid": txid,
            "output_index": index,
            "address": self._address(output),
            "output_sat": output_sat,
            # Coins that the platform paid to itself belong to two traces; an output never holds more than it holds.
            "fifo_sat": min(request.fifo_sat, output_sat),
            "pro_rata_sat": min(request.pro_rata_sat, output_sat),
            "at_utc": tx_at_utc(self._snapshot, self._snapshot.output_txs[output]),
            "traces": len(request.origins),
            "accounts": len(request.accounts),
            "tag_id": request.claim.tag["tag_id"],
            "tag_is_later": request.claim.tag_is_later,
        }

    def _question(self, direction: str, output: int, request: _Request) -> str:
        txid, index = self._outpoint(output)
        address = self._address(output) or "a script without an address"
        output_sat = self._snapshot.output_amounts_sat[output]
        at_utc = tx_at_utc(self._snapshot, self._snapshot.output_txs[output])
        place = (
            f"output {index} of transaction {txid}, {output_sat} satoshis, in the block of {at_utc:%Y-%m-%d %H:%M} UTC"
        )
        wanted = "Please give the customer's records, the account's deposits and withdrawals, and its logins."
        if direction == BACKWARD:
            return f"Which customer's account was debited for the withdrawal to {address} ({place})? {wanted}"
        senders = sorted(self._outpoint(sender) for sender in request.senders)
        named = ", ".join(f"{sender}:{at}" for sender, at in senders[:_SENDERS_NAMED])
        more = f" and {len(senders) - _SENDERS_NAMED} more" if len(senders) > _SENDERS_NAMED else ""
        return (
            f"Which customer's account was credited with what arrived at {address} ({place})? If it collects deposits "
            f"of several customers, those concerned are the outputs {named}{more} that its transaction spends. {wanted}"
        )


def _rows_of(leaves: Leaves) -> Iterator[tuple[int, int, int, int, int]]:
    """Trace, output, code of the reason, satoshis and hops of each leaf."""
    columns = (leaves.traces, leaves.outputs, leaves.codes, leaves.amounts_sat, leaves.hops)
    return zip(*(column.tolist() for column in columns), strict=True)
