"""Evidence of a country: the only things that jurisdiction may read, each with the columns it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import phonenumbers

from headwater.leads.acts import ActTables
from headwater.money import POLICIES
from headwater.references import iban_country

__all__ = ["BY_DATABASE", "BY_LIST", "EVIDENCE_TABLES", "NETWORK_READS", "Evidence"]

BY_LIST = "network addresses, by a list"
BY_DATABASE = "network addresses, by a database"

NETWORK_READS = tuple(
    f"{table}.{column}"
    for table, key in (("logins", "login_id"), ("uploads", "upload_id"))
    for column in (key, "account_id", "network_address", "exhibit_id")
)
"""What network addresses are read from; lists, databases and access logs say what an address is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A kind of evidence that is a column of a table.

    Attributes:
        reads: Every `table.column` it is computed from; it is given no other.
        table: Table of the example row.
        rows: From the case's tables to rows (account_id, stated, example_id).
        country_of: From what is stated to a country; None where it says none.
    """

    reads: tuple[str, ...]
    table: str
    rows: Callable[[ActTables], ir.Table]
    country_of: Callable[[str], str | None]


def _phone_of_account(tables: ActTables) -> ir.Table:
    return tables.table("accounts").select("account_id", stated="phone", example_id="account_id")


def _iban_of_account(tables: ActTables) -> ir.Table:
    kept = tables.table("identifiers")
    kept = kept.filter(kept.identifier_kind.lower() == "iban")
    return kept.select("account_id", stated="value", example_id="identifier_id")


def _iban_of_judged(tables: ActTables) -> ir.Table:
    judged = tables.table("judgements")
    positive = judged.filter((judged.claim == "used") & (judged.verdict == "positive"))
    people = positive.group_by("left_id").aggregate(people=ibis._.count(), record_id=ibis._.right_id.min())
    noted = tables.table("record_identifiers")
    noted = noted.filter(noted.identifier_kind == "iban")
    # Where two people are judged to have used one account, neither has.
    joined = people.filter(people.people == 1).inner_join(noted, "record_id")
    return joined.select(account_id="left_id", stated="value", example_id="record_identifier_id")


def _payers(tables: ActTables) -> ir.Table:
    """Account, customer and link of each payment that a customer is proposed to have made, and nobody denied."""
    links, judged, payments = (tables.table(name) for name in ("links", "judgements", "payments"))
    paid = links.filter((links.claim == "paid") & links.proposed)
    kept = paid.anti_join(judged.filter(judged.verdict == "negative"), "link_id")
    joined = kept.inner_join(payments, kept.left_id == payments.payment_id)
    return joined.select("account_id", "link_id", customer_id="right_id")


def _customer(tables: ActTables) -> ir.Table:
    joined = _payers(tables).inner_join(tables.table("customers"), "customer_id")
    return joined.select("account_id", stated="country", example_id="link_id")


def _phone_of_customer(tables: ActTables) -> ir.Table:
    payers = _payers(tables).select("account_id", "customer_id").distinct()
    joined = payers.inner_join(tables.table("customers"), "customer_id")
    return joined.select("account_id", stated="phone", example_id="customer_id")


def _iban_of_customer(tables: ActTables) -> ir.Table:
    noted = tables.table("customer_identifiers")
    noted = noted.filter(noted.identifier_kind == "iban")
    payers = _payers(tables).select("account_id", "customer_id").distinct()
    joined = payers.inner_join(noted, "customer_id")
    return joined.select("account_id", stated="value", example_id="customer_identifier_id")


def _service(tables: ActTables) -> ir.Table:
    traces, endpoints, services = (tables.table(name) for name in ("traces", "endpoints", "services"))
    backward = traces.filter((traces.direction == "backward") & traces.policy.isin(POLICIES))
    backward = backward.filter(backward.account_id.notnull()).select("trace_id", "account_id")
    joined = endpoints.inner_join(backward, "trace_id").inner_join(services, "service_id")
    return joined.select("account_id", stated="country", example_id="endpoint_id")


def _country_of_phone(phone: str) -> str | None:
    """The country of an international number; a number without its prefix says nothing."""
    if not phone.strip().startswith("+"):
        return None
    try:
        return str(phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or "") or None
    except phonenumbers.NumberParseException:
        return None


def _as_stated(country: str) -> str | None:
    return country or None


_PAYERS = (
    "links.link_id",
    "links.claim",
    "links.left_id",
    "links.right_id",
    "links.proposed",
    "judgements.link_id",
    "judgements.verdict",
    "payments.payment_id",
    "payments.account_id",
)

EVIDENCE_TABLES: Mapping[str, Evidence] = {
    "telephone of the account": Evidence(
        reads=("accounts.account_id", "accounts.phone"),
        table="accounts",
        rows=_phone_of_account,
        country_of=_country_of_phone,
    ),
    "IBAN of the account": Evidence(
        reads=(
            "identifiers.identifier_id",
            "identifiers.account_id",
            "identifiers.identifier_kind",
            "identifiers.value",
        ),
        table="identifiers",
        rows=_iban_of_account,
        country_of=iban_country,
    ),
    "IBAN of the person judged to have used the account": Evidence(
        reads=(
            "judgements.claim",
            "judgements.verdict",
            "judgements.left_id",
            "judgements.right_id",
            "record_identifiers.record_identifier_id",
            "record_identifiers.record_id",
            "record_identifiers.identifier_kind",
            "record_identifiers.value",
        ),
        table="record_identifiers",
        rows=_iban_of_judged,
        country_of=iban_country,
    ),
    "customer return of a paid link": Evidence(
        reads=(*_PAYERS, "customers.customer_id", "customers.country"),
        table="links",
        rows=_customer,
        country_of=_as_stated,
    ),
    "IBAN of a paying customer": Evidence(
        reads=(
            *_PAYERS,
            "customer_identifiers.customer_identifier_id",
            "customer_identifiers.customer_id",
            "customer_identifiers.identifier_kind",
            "customer_identifiers.value",
        ),
        table="customer_identifiers",
        rows=_iban_of_customer,
        country_of=iban_country,
    ),
    "telephone of a paying customer": Evidence(
        reads=(*_PAYERS, "customers.customer_id", "customers.phone"),
        table="customers",
        rows=_phone_of_customer,
        country_of=_country_of_phone,
    ),
    "service that can name a payer": Evidence(
        reads=(
            "traces.trace_id",
            "traces.direction",
            "traces.policy",
            "traces.account_id",
            "endpoints.endpoint_id",
            "endpoints.trace_id",
            "endpoints.service_id",
            "services.service_id",
            "services.country",
        ),
        table="endpoints",
        rows=_service,
        country_of=_as_stated,
    ),
}
"""Every kind of evidence besides network addresses."""
