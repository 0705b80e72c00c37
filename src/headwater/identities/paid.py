"""How much of each payment passed through each withdrawal that a service booked for a customer."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.engine import StageContext

__all__ = ["TracedShare", "traced_shares"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedShare:
    """A payment and a customer.

    Attributes:
        payment_id: The payment.
        customer_id: The customer whose withdrawals it was made of.
        least_ppm: Share of the payment, in parts per million; the lower of FIFO and pro rata.
    """

    payment_id: str
    customer_id: str
    least_ppm: int


def traced_shares(context: StageContext) -> list[TracedShare]:
    """Shares of payments by customer, in order of ids.

    A backward trace stops at an output of the service; the output just before it on the way to the platform is what the
    service sent. The customer return names that same output, so the join is exact and needs no name.
    """
    traces, flows, endpoints = (context.tables.table(n) for n in ("traces", "trace_flows", "endpoints"))
    returned = context.tables.table("customer_transactions")
    backward = traces.filter((traces.direction == "backward") & traces.payment_id.notnull())
    ended = endpoints.filter(endpoints.stop_reason == "service").select("trace_id", "txid", "output_index").distinct()
    last = flows.inner_join(
        ended,
        [
            flows.trace_id == ended.trace_id,
            flows.to_txid == ended.txid,
            flows.to_output_index == ended.output_index,
        ],
    ).select("trace_id", "from_txid", "from_output_index", "amount_sat")
    sent = returned.filter(returned.direction == "withdrawal").select("txid", "output_index", "customer_id").distinct()
    named = last.inner_join(sent, [last.from_txid == sent.txid, last.from_output_index == sent.output_index])
    joined = named.inner_join(backward, "trace_id").select(
        "payment_id", "customer_id", "policy", "amount_sat", "origin_sat", "trace_id"
    )
    keys = ["payment_id", "customer_id", "policy"]
    summed = joined.group_by(keys).aggregate(traced_sat=joined.amount_sat.sum().cast("int64"))
    origins = backward.group_by(["payment_id", "policy"]).aggregate(origin_sat=backward.origin_sat.sum().cast("int64"))
    rows = context.tables.result(summed.inner_join(origins, ["payment_id", "policy"]), order_by=keys).to_pylist()
    shares: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        share = row["traced_sat"] * 1_000_000 // max(1, row["origin_sat"])  # an output may hold no satoshi at all
        shares.setdefault((row["payment_id"], row["customer_id"]), {})[row["policy"]] = share
    return [
        TracedShare(payment_id=payment, customer_id=customer, least_ppm=min(s.get("fifo", 0), s.get("pro_rata", 0)))
        for (payment, customer), s in sorted(shares.items())
    ]
