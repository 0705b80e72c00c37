"""What the platform received, and which account, invoice and booked payment each receipt belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.money.defects import Defects
from headwater.money.snapshot import Snapshot

__all__ = ["Receipt", "receipts_of"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An output on a script that the platform gave out.

    Attributes:
        output: Number of the output.
        address: Its address, where the script has one.
        account_id: Account invoiced, where it is one.
        invoice_id: Invoice, where it is one.
        payment_id: Payment that the platform booked for it.
    """

    output: int
    address: str | None
    account_id: str | None
    invoice_id: str | None
    payment_id: str | None


def receipts_of(
    snapshot: Snapshot,
    txids: Sequence[str],
    addresses: Sequence[Row],
    invoices: Sequence[Row],
    invoice_addresses: Sequence[Row],
    payments: Sequence[Row],
    defects: Defects,
) -> list[Receipt]:
    """Receipts on addresses given out, in the order of the chain; change of the platform's own is none.

    Args:
        snapshot: The chain.
        txids: Its transactions as displayed.
        addresses: Rows of `platform_addresses`.
        invoices: Rows of `invoices`.
        invoice_addresses: Each address that an invoice was given, with `invoice_id`.
        payments: Rows of `payments`.
        defects: Told of payments that the platform booked and the chain does not hold.
    """
    given_out = {bytes.fromhex(row["script_hex"]): row for row in addresses if not row["is_change"]}
    by_script = {
        snapshot.script_numbers[script]: row for script, row in given_out.items() if script in snapshot.script_numbers
    }
    addresses_of: dict[str, set[str]] = defaultdict(set)
    for given in invoice_addresses:
        addresses_of[given["invoice_id"]].add(given["address"])
    account_of_invoice = {row["invoice_id"]: row["account_id"] for row in invoices}
    by_txid: dict[str, list[Row]] = defaultdict(list)
    by_invoice: dict[str, list[Row]] = defaultdict(list)
    for payment in sorted(payments, key=lambda row: str(row["payment_id"])):
        if payment["txid"] is not None:
            by_txid[payment["txid"]].append(payment)
        elif payment["invoice_id"] is not None:
            by_invoice[payment["invoice_id"]].append(payment)
    _tell_of_absent(by_txid, frozenset(txids), defects)

    found: list[Receipt] = []
    for output, script in enumerate(snapshot.output_scripts):
        row = by_script.get(script)
        if row is None or not snapshot.output_amounts_sat[output]:
            continue
        booked = [
            payment
            for payment in by_txid.get(txids[snapshot.output_txs[output]], ())
            if not (known := addresses_of.get(payment["invoice_id"])) or row["address"] in known
        ]
        invoice_id: str | None = row["invoice_id"]
        if invoice_id is None:  # an address of several invoices: only a booked payment can say which
            named = sorted({payment["invoice_id"] for payment in booked if payment["invoice_id"] is not None})
            invoice_id = named[0] if len(named) == 1 else None
        settling = [payment for payment in booked if payment["invoice_id"] in {None, invoice_id}]
        if invoice_id is not None and not settling:
            settling = by_invoice.get(invoice_id, [])
        account_id = row["account_id"] if invoice_id is None else account_of_invoice[invoice_id]
        if account_id is None and len({payment["account_id"] for payment in booked}) == 1:
            account_id = booked[0]["account_id"]
        found.append(
            Receipt(
                output=output,
                address=row["address"],
                account_id=account_id,
                invoice_id=invoice_id,
                payment_id=settling[0]["payment_id"] if settling else None,
            )
        )
    return found


def _tell_of_absent(by_txid: Mapping[str, Sequence[Row]], txids: frozenset[str], defects: Defects) -> None:
    for txid in sorted(by_txid):
        if txid not in txids:
            for payment in by_txid[txid]:
                stated = f" (the platform: {payment['status']})" if payment["status"] is not None else ""
                defects.add(
                    "payment_not_on_chain",
                    f"payment {payment['payment_id']}{stated}: its transaction {txid} is not on the active chain here",
                    exhibit_id=payment["exhibit_id"],
                    source_table=payment["source_table"],
                    offset_bytes=payment["source_offset_bytes"],
                    length_bytes=payment["source_length_bytes"],
                )
