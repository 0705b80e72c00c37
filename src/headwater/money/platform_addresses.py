"""Addresses of the platform: derived from the seized descriptors, so that no heuristic is needed to know them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from headwater.engine import DescriptorUnusableError, Session, WatchedScripts, watched_scripts
from headwater.money.defects import Defects
from headwater.money.scripts import address_of
from headwater.schema import table_named

__all__ = ["Derive", "OnChain", "addresses_of_invoices", "derived_addresses", "platform_addresses"]

_DERIVED = pa.schema(
    [
        ("script_hex", pa.string()),
        ("address", pa.string()),
        ("descriptor_id", pa.string()),
        ("address_index", pa.int64()),
        ("is_change", pa.bool_()),
    ]
)


OnChain = Callable[[Collection[bytes]], Collection[bytes]]
"""Of some scripts, those that the chain holds."""

Derive = Callable[[OnChain], Sequence[Mapping[str, Any]]]
"""`derived_addresses` of a case, as soon as one can say what the chain holds."""


def derived_addresses(
    descriptors: Sequence[Mapping[str, Any]],
    on_chain: OnChain,
    *,
    gap_limit: int,
    network: str,
    defects: Defects,
) -> list[dict[str, Any]]:
    """Scripts of the seized descriptors, each once, with the addresses that stand for those that have one.

    A descriptor of many is followed until `gap_limit` indexes in a row are neither prepared by the wallet nor on the
    chain, however far the wallet itself had come: a key that is handed over alone says nothing of how much it was used.
    The chain is asked about all descriptors at once, as often as one of them goes on.

    Args:
        descriptors: Rows of `wallet_descriptors`.
        on_chain: Tells which scripts the snapshot holds.
        gap_limit: Indexes to derive beyond the last that the wallet had prepared or handed out, or the chain knows.
        network: Network of the block files.
        defects: Told of descriptors that cannot be used.

    References:
        BIP 44, "Account discovery" and "Address gap limit" (20 there; the case's is larger).
    """
    branches: list[_Branch] = []
    for row in sorted(descriptors, key=lambda row: (row["is_change"], row["descriptor_id"])):
        try:
            watched = watched_scripts(row["descriptor"])
            end = max(row["range_end"], row["next_index"]) + gap_limit if watched.is_ranged else 1
            made = [_Branch(row=row, watched=watched, number=number, end=end) for number in range(watched.branches)]
            for branch in made:
                branch.derive()
        except DescriptorUnusableError as error:
            defects.add(
                "descriptor_unread",
                f"descriptor {row['descriptor_id']}: {error}",
                exhibit_id=row["exhibit_id"],
                source_table="wallet_descriptors",
            )
            continue
        branches += made
    going = [branch for branch in branches if branch.watched.is_ranged]
    while going:
        asked = {script for branch in going for scripts in branch.unasked() for script in scripts}
        known = on_chain(sorted(asked))
        going = [branch for branch in going if branch.went_on(known, gap_limit)]
    found: dict[str, dict[str, Any]] = {}
    for branch in branches:
        for address in branch.addresses(network):
            found.setdefault(address["script_hex"], address)
    return list(found.values())


@dataclass(slots=True, kw_only=True)
class _Branch:
    """One branch of a descriptor, derived as far as it has been followed.

    Attributes:
        row: The descriptor's row.
        watched: Its scripts.
        number: Which of its branches.
        end: Index to derive up to, that one left out.
        scripts: Those of each index so far.
        asked: For how many of them the chain has been asked.
    """

    row: Mapping[str, Any]
    watched: WatchedScripts
    number: int
    end: int
    scripts: list[tuple[bytes, ...]] = field(default_factory=list)
    asked: int = 0

    def derive(self) -> None:
        while len(self.scripts) < self.end:
            self.scripts.append(tuple(self.watched.at(len(self.scripts), self.number)))

    def unasked(self) -> Sequence[tuple[bytes, ...]]:
        return self.scripts[self.asked :]

    def went_on(self, known: Collection[bytes], gap_limit: int) -> bool:
        """Follow the branch beyond what the chain knows of it; whether there was anything to follow."""
        for index in range(self.asked, len(self.scripts)):
            if any(script in known for script in self.scripts[index]):
                self.end = max(self.end, index + 1 + gap_limit)
        self.asked = len(self.scripts)
        self.derive()
        return self.asked < len(self.scripts)

    def addresses(self, network: str) -> Iterator[dict[str, Any]]:
        for index, scripts in enumerate(self.scripts):
            for script in scripts:
                yield {
                    "script_hex": script.hex(),
                    "address": address_of(script, network),
                    "descriptor_id": self.row["descriptor_id"],
                    "address_index": index,
                    "is_change": bool(self.row["is_change"]) or self.number > 0,
                }


def platform_addresses(
    session: Session, derived: Sequence[Mapping[str, Any]], outputs: pa.Table, defects: Defects
) -> pa.Table:
    """The table `platform_addresses`: what each address was given out for, and what it received.

    Args:
        session: Holds `invoices` and `invoice_addresses`.
        derived: Result of `derived_addresses`.
        outputs: The table `tx_outputs`, or at least its rows about these scripts.
        defects: Told of invoices on addresses that no descriptor derives, and of addresses given out twice.
    """
    invoices = addresses_of_invoices(session)
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


def addresses_of_invoices(session: Session) -> ir.Table:
    """Each address that an invoice was given, with the invoice, its account and its exhibit.

    Args:
        session: Holds `invoices` and `invoice_addresses`.
    """
    columns = ("invoice_id", "account_id", "exhibit_id", "address")
    invoices = session.table("invoices")
    further = session.table("invoice_addresses").select("invoice_id", further_address="address")
    further = further.inner_join(invoices.drop("address"), "invoice_id").rename(address="further_address")
    return invoices.filter(invoices.address.notnull()).select(*columns).union(further.select(*columns), distinct=True)


def _columns(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {name: rows[name] for name in rows.column_names}


def _tell_of_invoices(session: Session, invoices: Any, given_out: Any, addresses: Any, defects: Defects) -> None:  # noqa: ANN401 - Ibis publishes no types
    underived = invoices.anti_join(addresses, "address").select("invoice_id", "exhibit_id", "address")
    for row in session.result(underived, order_by=["invoice_id", "address"]).to_pylist():
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
