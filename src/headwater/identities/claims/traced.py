"""What ties payments to what services sent for their customers: the trace, and what both sides noted."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.engine import StageContext

__all__ = ["TracedShare", "noted_pairs", "traced_shares"]


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


def noted_pairs(context: StageContext) -> dict[tuple[str, str], int]:
    """Payments and customers that platform and service tie together by what each noted, with the number of the level.

    0 where the service sent to the address of the payment's invoice, 1 where it booked the transaction that the
    platform noted. It counts where no chain of blocks was there to follow.
    """
    payments, returned = context.tables.table("payments"), context.tables.table("customer_transactions")
    sent = returned.filter(returned.direction == "withdrawal")
    invoices = context.tables.table("invoices").select("invoice_id", invoice_address="address")
    asked = payments.inner_join(invoices, "invoice_id")
    to_address = asked.inner_join(sent, asked.invoice_address == sent.address).select("payment_id", "customer_id")
    noted = payments.filter(payments.txid.notnull())
    by_transaction = noted.inner_join(sent, noted.txid == sent.txid).select("payment_id", "customer_id")
    found: dict[tuple[str, str], int] = {}
    for level, expression in enumerate((to_address, by_transaction)):
        rows = context.tables.result(expression.distinct(), order_by=["payment_id", "customer_id"])
        for pair in zip(rows["payment_id"].to_pylist(), rows["customer_id"].to_pylist(), strict=True):
            found.setdefault(pair, level)
    return found
