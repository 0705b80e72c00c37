"""The tables of tracing: traces, their steps, where they stop, and whom to ask about what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from headwater.money.chain_tables import tx_at_utc
from headwater.money.defects import Defects
from headwater.money.flows import FIFO
from headwater.money.receipts import Receipt
from headwater.money.services import ServiceClaim, ServiceMap
from headwater.money.snapshot import Snapshot
from headwater.money.tracing import BACKWARD, Leaf, Trace
from headwater.schema import content_id, table_named

__all__ = ["TraceTables"]

_SENDERS_NAMED = 5


@dataclass(slots=True, kw_only=True)
class _Request:
    """What is asked about one output of one service, as traces add to it."""

    service: Mapping[str, Any]
    tag: Mapping[str, Any]
    fifo_sat: int = 0
    pro_rata_sat: int = 0
    origins: set[int] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    senders: set[int] = field(default_factory=set)


class TraceTables:
    """Gathers traces as rows.

    Args:
        snapshot: The chain.
        txids: Its transactions as displayed.
        services: The services among its scripts.
        defects: Told of services that no register names.
    """

    def __init__(self, snapshot: Snapshot, txids: Sequence[str], services: ServiceMap, defects: Defects) -> None:
        self._snapshot = snapshot
        self._txids = txids
        self._services = services
        self._defects = defects
        self._traces: list[dict[str, Any]] = []
        self._flows: list[dict[str, Any]] = []
        self._endpoints: list[dict[str, Any]] = []
        self._requests: dict[tuple[str, str, int], _Request] = {}

    def add(self, receipt: Receipt, trace: Trace) -> None:
        """Note one trace of a receipt."""
        txid, index = self._outpoint(trace.origin_output)
        trace_id = content_id("trc", trace.direction, trace.policy, txid, index)
        self._traces.append(
            {
                "trace_id": trace_id,
                "direction": trace.direction,
                "policy": trace.policy,
                "origin_txid": txid,
                "origin_output_index": index,
                "origin_sat": trace.origin_sat,
                "origin_address": receipt.address,
                "account_id": receipt.account_id,
                "invoice_id": receipt.invoice_id,
                "payment_id": receipt.payment_id,
                "fee_sat": trace.fee_sat,
                "endpoints": len(trace.leaves),
            }
        )
        for flow in trace.flows:
            from_txid, from_index = self._outpoint(flow.from_output)
            to_txid, to_index = self._outpoint(flow.to_output)
            self._flows.append(
                {
                    "trace_id": trace_id,
                    "hop": flow.hop,
                    "from_txid": from_txid,
                    "from_output_index": from_index,
                    "to_txid": to_txid,
                    "to_output_index": to_index,
                    "amount_sat": flow.amount_sat,
                }
            )
        for leaf in trace.leaves:
            claim = None
            if leaf.stop_reason == "service":
                claim = self._services.claim(self._snapshot.output_scripts[leaf.output])
                self._ask(receipt, trace, leaf, claim)
            self._add_endpoint(trace_id, leaf, claim)

    def tables(self) -> dict[str, pa.Table]:
        """The tables of everything noted."""
        return {
            "traces": table_named("traces").rows(self._traces),
            "trace_flows": table_named("trace_flows").rows(self._flows),
            "endpoints": table_named("endpoints").rows(self._endpoints),
            "request_sheets": table_named("request_sheets").rows(
                self._sheet(direction, output, request)
                for (_, direction, output), request in sorted(self._requests.items(), key=lambda item: item[0])
            ),
        }

    def _outpoint(self, output: int) -> tuple[str, int]:
        return self._txids[self._snapshot.output_txs[output]], self._snapshot.output_index(output)

    def _address(self, output: int) -> str | None:
        return self._services.addresses[self._snapshot.output_scripts[output]]

    def _add_endpoint(self, trace_id: str, leaf: Leaf, claim: ServiceClaim | None) -> None:
        txid, index = self._outpoint(leaf.output)
        service = None if claim is None else claim.service
        self._endpoints.append(
            {
                "endpoint_id": content_id("end", trace_id, txid, index, leaf.stop_reason),
                "trace_id": trace_id,
                "txid": txid,
                "output_index": index,
                "address": self._address(leaf.output),
                "amount_sat": leaf.amount_sat,
                "hops": leaf.hops,
                "stop_reason": leaf.stop_reason,
                "service_id": None if service is None else service["service_id"],
                "tag_id": None if claim is None else claim.tag["tag_id"],
                "tagged_address": None if claim is None else claim.tag["address"],
                "at_utc": tx_at_utc(self._snapshot, self._snapshot.output_txs[leaf.output]),
            }
        )

    def _ask(self, receipt: Receipt, trace: Trace, leaf: Leaf, claim: ServiceClaim) -> None:
        """Add to what a service is asked.

        Backward, the service knows its own withdrawal: the output that its spending made nearer the platform. Forward,
        it knows what it received.
        """
        if claim.service is None:
            if claim.actor is not None:
                self._defects.add(
                    "service_not_in_register",
                    f"traces end at {claim.actor}, which no register names: country unknown, nobody to ask",
                    reference_name=claim.tag["reference_name"],
                    source_table="tags",
                )
            return
        known = leaf.via_outputs if trace.direction == BACKWARD else ((leaf.output, leaf.amount_sat),)
        for output, amount_sat in known:
            request = self._requests.setdefault(
                (claim.service["service_id"], trace.direction, output), _Request(service=claim.service, tag=claim.tag)
            )
            if claim.tag["tag_id"] < request.tag["tag_id"]:
                request.tag = claim.tag
            if trace.policy == FIFO:
                request.fifo_sat += amount_sat
            else:
                request.pro_rata_sat += amount_sat
            request.origins.add(receipt.output)
            if receipt.account_id is not None:
                request.accounts.add(receipt.account_id)
            if trace.direction != BACKWARD:
                request.senders.update(sender for sender, _ in leaf.via_outputs)

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
            "tag_id": request.tag["tag_id"],
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
