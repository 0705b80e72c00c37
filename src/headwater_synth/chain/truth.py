"""The truth about a chain, as CSV files kept apart from the evidence."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from headwater_synth.chain.result import ChainResult

__all__ = ["write_truth"]

_FLOW_COLUMNS = (
    "direction",
    "policy",
    "origin_txid",
    "origin_output_index",
    "endpoint_txid",
    "endpoint_output_index",
    "endpoint_kind",
    "service_actor",
    "amount_sat",
)
_PAYMENT_COLUMNS = (
    "invoice_key",
    "account_key",
    "payer_person_key",
    "is_relative",
    "route",
    "exchange",
    "txid",
    "output_index",
    "amount_sat",
)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_truth(result: ChainResult, directory: Path, *, person_of_account: Callable[[int], int] | None = None) -> None:
    """Write `addresses.csv`, `transactions.csv`, `flows.csv` and `payments.csv`.

    Args:
        result: The chain.
        directory: Where; made if absent.
        person_of_account: Gives the person who uses an account; without it nobody is said to pay for a relative.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _write(
        directory / "addresses.csv",
        ("address", "script_hex", "owner", "kind", "cluster_expected"),
        ((holder.address, holder.script_hex, holder.owner, holder.kind, holder.owner) for holder in result.holders),
    )
    _write(directory / "transactions.csv", ("txid", "kind"), result.transaction_kinds.items())
    _write(
        directory / "flows.csv",
        _FLOW_COLUMNS,
        (
            ["" if (value := getattr(flow, column)) is None else value for column in _FLOW_COLUMNS]
            for flow in result.flows
        ),
    )
    rows: list[Sequence[object]] = []
    for invoice in result.plan.invoices:
        if invoice.invoice_key not in result.payment_txid:
            continue
        txid, output_index = result.payment_txid[invoice.invoice_key]
        payer = invoice.payer_person_key
        person = payer if person_of_account is None else person_of_account(invoice.account_key)
        rows.append(
            (
                invoice.invoice_key,
                invoice.account_key,
                payer,
                int(person != payer),
                invoice.route,
                invoice.exchange or "",
                txid,
                output_index,
                invoice.amount_sat,
            ),
        )
    _write(directory / "payments.csv", _PAYMENT_COLUMNS, rows)
