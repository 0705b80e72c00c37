"""Addresses of the platform: derived from the seized descriptors, so that no heuristic is needed to know them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ibis
import pyarrow as pa
from embit.base import EmbitError
from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum

from headwater.engine import Session
from headwater.errors import HeadwaterError
from headwater.money.defects import Defects
from headwater.money.scripts import address_of
from headwater.schema import table_named

__all__ = ["derived_addresses", "platform_addresses"]

_DERIVED = pa.schema(
    [
        ("script_hex", pa.string()),
        ("address", pa.string()),
        ("descriptor_id", pa.string()),
        ("address_index", pa.int64()),
        ("is_change", pa.bool_()),
    ]
)


def derived_addresses(
    descriptors: Sequence[Mapping[str, Any]], *, gap_limit: int, network: str, defects: Defects
) -> list[dict[str, Any]]:
    """Scripts and addresses of the seized descriptors, each script once.

    Args:
        descriptors: Rows of `wallet_descriptors`.
        gap_limit: Addresses to derive beyond the last that the wallet had prepared or handed out.
        network: Network of the block files.
        defects: Told of descriptors that cannot be used.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(descriptors, key=lambda row: (row["is_change"], row["descriptor_id"])):
        try:
            for address in _derived_from(row, gap_limit, network):
                found.setdefault(address["script_hex"], address)
        except _UnusableError as error:
            defects.add(
                "descriptor_unread",
                f"descriptor {row['descriptor_id']}: {error}",
                exhibit_id=row["exhibit_id"],
                source_table="wallet_descriptors",
            )
    return list(found.values())


class _UnusableError(HeadwaterError):
    """A descriptor that becomes a defect; its text never holds any of the descriptor's, which may be a key."""


def _derived_from(row: Mapping[str, Any], gap_limit: int, network: str) -> Iterator[dict[str, Any]]:
    """The addresses of one descriptor.

    Raises:
        _UnusableError: It cannot be used.
    """
    text, _, checksum = row["descriptor"].partition("#")
    try:
        fits = not checksum or add_checksum(text) == row["descriptor"]
        descriptor = Descriptor.from_string(text)
        private = any(key.is_private for key in descriptor.keys)
        ranged = descriptor.is_wildcard
    except (EmbitError, ValueError, IndexError, KeyError):
        raise _UnusableError("it cannot be parsed") from None
    if not fits:
        raise _UnusableError("its checksum does not fit it")
    if private:
        raise _UnusableError("it holds a private key, which this table may not")
    end = max(row["range_end"], row["next_index"]) + gap_limit if ranged else 1
    for branch in range(descriptor.num_branches):
        for index in range(end):
            script = descriptor.derive(index, branch_index=branch).script_pubkey().data
            address = address_of(script, network)
            if address is None:
                raise _UnusableError("its scripts have no addresses")
            yield {
                "script_hex": script.hex(),
                "address": address,
                "descriptor_id": row["descriptor_id"],
                "address_index": index,
                "is_change": bool(row["is_change"]) or branch > 0,
            }


def platform_addresses(
    session: Session, derived: Sequence[Mapping[str, Any]], outputs: pa.Table, defects: Defects
) -> pa.Table:
    """The table `platform_addresses`: what each address was given out for, and what it received.

    Args:
        session: Holds `invoices`.
        derived: Result of `derived_addresses`.
        outputs: The table `tx_outputs`, or at least its rows about these scripts.
        defects: Told of invoices on addresses that no descriptor derives, and of addresses given out twice.
    """
    invoices = session.table("invoices").filter(lambda table: table.address.notnull())
    given_out = invoices.group_by("address").aggregate(
        invoice_id=invoices.invoice_id.min(),
        account_id=invoices.account_id.min(),
        invoices=invoices.invoice_id.nunique(),
        accounts=invoices.account_id.nunique(),
    )
    received = ibis.memtable(outputs.select(["script_hex", "amount_sat"]))
    received = received.group_by("script_hex").aggregate(received_sat=received.amount_sat.sum().cast("int64"))
    addresses = ibis.memtable(pa.Table.from_pylist([dict(row) for row in derived], schema=_DERIVED))
    joined = addresses.left_join(given_out, "address").left_join(received, "script_hex")
    joined = joined.select(
        "script_hex",
        "address",
        "descriptor_id",
        "address_index",
        "is_change",
        invoice_id=ibis.ifelse(joined.invoices == 1, joined.invoice_id, ibis.null("string")),
        account_id=ibis.ifelse(joined.accounts == 1, joined.account_id, ibis.null("string")),
        received_sat=joined.received_sat.fill_null(0),
    )
    _tell_of_invoices(session, invoices, given_out, addresses, defects)
    table = table_named("platform_addresses")
    return table.columnar(_columns(session.result(joined, order_by=["script_hex"])))


def _columns(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {name: rows[name] for name in rows.column_names}


def _tell_of_invoices(session: Session, invoices: Any, given_out: Any, addresses: Any, defects: Defects) -> None:  # noqa: ANN401 - Ibis publishes no types
    underived = invoices.anti_join(addresses, "address").select("invoice_id", "exhibit_id", "address")
    for row in session.result(underived, order_by=["invoice_id"]).to_pylist():
        defects.add(
            "address_not_derived",
            f"invoice {row['invoice_id']}: no seized descriptor derives its address; it is not followed",
            exhibit_id=row["exhibit_id"],
            source_table="invoices",
        )
    repeated = given_out.filter(given_out.invoices > 1).select("address", "invoices")
    for row in session.result(repeated, order_by=["address"]).to_pylist():
        defects.add(
            "address_given_out_again",
            f"address {row['address']} was given out for {row['invoices']} invoices; the address alone names none",
            source_table="invoices",
        )
