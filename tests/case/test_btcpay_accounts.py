"""A payment processor's database beside the platform's own, from the dumps to traces that name an account."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from headwater_synth.chain import ROUTES, ChainPlan, ChainResult, PlannedInvoice, build_chain, write_blocks

START_S = 1_700_000_000
INVOICES = 8
REPLACED = hashlib.sha256(b"a payment that another one replaced").hexdigest()

MAPPING = """
version: 1
application: invented shop with BTCPay Server
tables:
  - table: members
    binds: accounts
    because: one row for each registration
    key: mid
    columns:
      nickname: {column: nick}
      email: {column: mail}
      role: {literal: member}
  - table: public.Invoices
    binds: invoices
    because: the processor's invoices; OrderId is the number of the shop's own order, which names the member
    key: Id
    columns:
      account: {column: OrderId, via: {table: orders, key: order_no, take: mid}, joins: members}
      issued_at_utc: {column: Created, unit: datetime_zoned}
      amount_cents: {column: Amount, unit: currency_units}
      currency: {column: Currency}
      status: {column: Status, values: {Settled: paid, Expired: expired, New: open}}
  - table: public.AddressInvoices
    binds: invoice_addresses
    because: all addresses of an invoice; the processor gives a new one out when a part was paid
    where: {column: PaymentMethodId, equals: BTC-CHAIN}
    columns:
      invoice: {column: InvoiceDataId, joins: public.Invoices}
      address: {column: Address, before: '#'}
  - table: public.Payments
    binds: payments
    because: every payment that the processor saw, also those that it stopped counting
    where: {column: PaymentMethodId, equals: BTC-CHAIN}
    key: Id
    columns:
      account:
        column: InvoiceDataId
        via:
          - {table: public.Invoices, key: Id, take: OrderId}
          - {table: orders, key: order_no, take: mid}
        joins: members
      invoice: {column: InvoiceDataId, joins: public.Invoices}
      txid: {column: Id, before: '-'}
      amount_sat: {column: Amount, unit: btc}
      at_utc: {column: Created, unit: datetime_zoned}
      status: {column: Status, values: {Settled: settled, Processing: processing, Unaccounted: replaced}}
  - table: public.Invoices
    binds: identifiers
    because: the address that the buyer typed into the form of the processor
    columns:
      account: {column: OrderId, via: {table: orders, key: order_no, take: mid}, joins: members}
      identifier_kind: {literal: email}
      value: {column: Blob2->metadata->buyerEmail}
"""

BY_EMAIL = MAPPING.replace(
    "account: {column: OrderId, via: {table: orders, key: order_no, take: mid}, joins: members}",
    "account: {column: Blob2->metadata->buyerEmail, via: {table: members, key: mail, take: mid}, joins: members}",
).replace(
    """          - {table: public.Invoices, key: Id, take: OrderId}
          - {table: orders, key: order_no, take: mid}
""",
    """          - {table: public.Invoices, key: Id, take: Blob2->metadata->buyerEmail}
          - {table: members, key: mail, take: mid}
""",
)


@pytest.fixture(scope="module")
def chain() -> ChainResult:
    invoices = tuple(
        PlannedInvoice(
            invoice_key=number + 1,
            account_key=number // 2 + 1,
            amount_sat=200_000 + number,
            amount_cents=2_500,
            currency="EUR",
            issued_at_s=START_S + number * 600,
            paid_at_s=None if number == INVOICES - 1 else START_S + number * 600 + 900,
            payer_person_key=number // 4 + 1,
            route=ROUTES[number % len(ROUTES)],
            exchange=None if ROUTES[number % len(ROUTES)] == "self_funded" else "Alder Exchange",
        )
        for number in range(INVOICES)
    )
    plan = ChainPlan(
        seed=3, invoices=invoices, exchanges=("Alder Exchange",), blocks=145, start_s=START_S, spacing_s=600
    )
    return build_chain(plan)


def order_of(number: int) -> int:
    """Addresses 1 and 2 are of one order, of which first a part was paid; the others have one each."""
    return 1 if number <= 2 else number


def member_of(order: int) -> int:
    return order // 2 + 1


def platform_dump() -> str:
    members = ",".join(f"({n},'member{n}','member{n}@shop.test')" for n in range(1, 6))
    orders = ",".join(f"('order-{n}',{member_of(n)})" for n in range(1, INVOICES + 1) if n != 2)
    return (
        "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n"
        "CREATE TABLE `members` (`mid` int NOT NULL, `nick` varchar(40), `mail` varchar(60)) DEFAULT CHARSET=utf8mb4;\n"
        f"INSERT INTO `members` VALUES {members};\n"
        "CREATE TABLE `orders` (`order_no` varchar(20) NOT NULL, `mid` int NOT NULL) DEFAULT CHARSET=utf8mb4;\n"
        f"INSERT INTO `orders` VALUES {orders};\n"
        "-- Dump completed on 2026-01-01  0:00:00\n"
    )


def processor_dump(chain: ChainResult) -> str:
    scheme = re.search(r"tpub[1-9A-HJ-NP-Za-km-z]+", chain.wallet.external)
    assert scheme is not None
    stores = [("shop", json.dumps({"BTC-CHAIN": {"accountDerivation": scheme[0]}}))]
    invoices, addresses, payments = [], [], []
    for number, address in chain.invoice_address.items():
        order = order_of(number)
        addresses.append((address, f"inv{order}", "BTC-CHAIN"))
        if number == order:
            status = "Settled" if number in chain.payment_txid else "Expired"
            metadata = {"orderId": f"order-{order}", "buyerEmail": f"member{member_of(order)}@shop.test"}
            blob = json.dumps({"metadata": metadata})
            row = (f"inv{order}", "2026-01-05 10:00:00+02", f"order-{order}", status, "25.00", "EUR", "shop", blob)
            invoices.append(row)
        if number in chain.payment_txid:
            txid, index = chain.payment_txid[number]
            payments.append((f"{txid}-{index}", f"inv{order}", "BTC-CHAIN", "0.002", "Settled"))
    payments.append((f"{REPLACED}-0", "inv3", "BTC-CHAIN", "0.002", "Unaccounted"))
    payments.append(("11" * 32, "inv3", "BTC-LN", "0.001", "Settled"))
    addresses.append(("22" * 32, "inv3", "BTC-LN"))

    def copy(table: str, columns: str, rows: list[tuple[str, ...]]) -> str:
        declared = ",\n".join(f"    {column} text" for column in columns.split(", "))
        lines = "".join("\t".join(cell.replace("\\", "\\\\") for cell in row) + "\n" for row in rows)
        head = f'CREATE TABLE public."{table}" (\n{declared}\n);\n'
        return f'{head}COPY public."{table}" ({columns}) FROM stdin;\n{lines}\\.\n\n'

    dated = [(*row, "2026-01-05 11:00:00+02") for row in payments]
    return (
        "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n"
        + copy("Stores", '"Id", "DerivationStrategies"', stores)
        + copy(
            "Invoices",
            '"Id", "Created", "OrderId", "Status", "Amount", "Currency", "StoreDataId", "Blob2"',
            invoices,
        )
        + copy("AddressInvoices", '"Address", "InvoiceDataId", "PaymentMethodId"', addresses)
        + copy("Payments", '"Id", "InvoiceDataId", "PaymentMethodId", "Amount", "Status", "Created"', dated)
        + "--\n-- PostgreSQL database dump complete\n--\n"
    )


@pytest.mark.parametrize("mapping", [MAPPING, BY_EMAIL], ids=["by order", "by e-mail"])
def test_accounts_are_joined_from_the_dumps_to_the_traces(
    tmp_path: Path, headwater: Any, chain: ChainResult, mapping: str
) -> None:
    server, case = tmp_path / "server", tmp_path / "case"
    server.mkdir()
    (server / "shop.sql").write_text(platform_dump())
    (server / "btcpay.sql").write_text(processor_dump(chain))
    (tmp_path / "mapping.yaml").write_text(mapping)
    write_blocks(chain, tmp_path / "blocks")
    for step in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, server, "--exhibit", "EX-1", "--allow-unsealed"),
        ("evidence", "add", case, tmp_path / "blocks", "--exhibit", "EX-2", "--allow-unsealed"),
        ("map", case, "--approve", tmp_path / "mapping.yaml"),
        ("run", case, "--until", "money", "--allow-unsealed"),
        ("verify", case),
    ):
        done = headwater(*step)
        assert done.status == 0, (step, done.out, done.err)

    def shown(table: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = headwater("show", case, table, "--json").rows
        return rows

    accounts = {row["account_id"]: row["platform_key"] for row in shown("accounts")}
    invoices = {row["invoice_id"]: row for row in shown("invoices")}
    assert Counter(row["status"] for row in invoices.values()) == {"paid": INVOICES - 2, "expired": 1}
    addresses = {row["address"]: row for row in shown("platform_addresses")}
    for number, address in chain.invoice_address.items():
        row = addresses[address]
        assert invoices[row["invoice_id"]]["platform_key"] == f"inv{order_of(number)}"
        assert accounts[row["account_id"]] == str(member_of(order_of(number)))
        assert (row["received_sat"] > 0) == (number in chain.payment_txid)

    payments = {row["payment_id"]: row for row in shown("payments")}
    assert Counter(row["status"] for row in payments.values()) == {"settled": INVOICES - 1, "replaced": 1}
    number_of = {txid: number for number, (txid, _) in chain.payment_txid.items()}
    traces = [row for row in shown("traces") if row["policy"] == "fifo" and row["direction"] == "backward"]
    assert len(traces) == INVOICES - 1
    for row in traces:
        number = number_of[row["origin_txid"]]
        assert accounts[row["account_id"]] == str(member_of(order_of(number)))
        assert payments[row["payment_id"]]["txid"] == row["origin_txid"]
    emails = {(accounts[row["account_id"]], row["value"]) for row in shown("identifiers")}
    assert emails == {
        (str(n), f"member{n}@shop.test") for n in {member_of(order_of(i)) for i in range(1, INVOICES + 1)}
    }

    told = [(row["code"], row["reason"]) for row in shown("defects")]
    assert [code for code, _ in told] == ["payment_not_on_chain"]
    assert "(the platform: replaced)" in told[0][1]
    assert REPLACED in told[0][1]
