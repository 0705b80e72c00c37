"""Which account the platform's own table names an invoice of its Lightning node for."""

from __future__ import annotations

from headwater.evidence.gather import Gathered

__all__ = ["INVOICE_IDENTIFIERS", "join_invoice_accounts"]

INVOICE_IDENTIFIERS = ("payment_hash", "invoice_label")
"""Kinds of `identifiers` by which a mapping names an invoice of the node; nothing else joins them."""

_INVOICE = ("lightning_invoice_id", "payment_hash", "label")
_NAMED = ("identifier_id", "account_id", "identifier_kind", "value")


def join_invoice_accounts(gathered: Gathered) -> None:
    """Takes in a row for each invoice that a row of the platform names, by payment hash or by label, as it is written.

    A value that is only like another one, or a label that several nodes gave, joins nothing less than all it names: the
    table says what the platform wrote, not who paid.
    """
    named: dict[tuple[str, str], list[str]] = {}
    for part in gathered.parts("lightning_invoices", _INVOICE):
        for row in part.to_pylist():
            named.setdefault(("payment_hash", row["payment_hash"]), []).append(row["lightning_invoice_id"])
            if row["label"] is not None:
                named.setdefault(("invoice_label", row["label"]), []).append(row["lightning_invoice_id"])
    if not named:
        return
    for part in gathered.parts("identifiers", _NAMED):
        rows = []
        for row in part.to_pylist():
            kind, value = row["identifier_kind"], row["value"]
            value = value.lower() if kind == "payment_hash" else value
            fixed = {"identifier_id": row["identifier_id"], "account_id": row["account_id"], "named_by": kind}
            rows += [{"lightning_invoice_id": one, **fixed} for one in named.get((kind, value), ())]
        gathered.add_rows("lightning_invoice_accounts", rows)
