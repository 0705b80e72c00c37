"""Which countries a lead concerns, each with the evidence for it; language is not evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import phonenumbers

from headwater.engine import Session
from headwater.identities import Networks
from headwater.money import POLICIES

__all__ = ["countries_of", "denied_links", "jurisdictions"]

# How far each kind of evidence speaks for where a person is; printed beside the evidence, never shown as a number.
_STRENGTH = {
    "network addresses of logins": 4,
    "telephone of the account": 3,
    "customer return of a paid link": 2,
    "service that can name a payer": 1,
}


def jurisdictions(tables: Session, networks: Networks) -> Mapping[str, list[dict[str, Any]]]:
    """For each account, its countries with the evidence, the most telling first."""
    found: dict[str, dict[tuple[str, str], tuple[int, str, str]]] = defaultdict(dict)

    def note(account: str, country: str | None, evidence: str, table: str, example: str) -> None:
        if country:
            count, kept_table, kept = found[account].get((country, evidence), (0, table, example))
            found[account][country, evidence] = (count + 1, kept_table, min(kept, example))

    for login in tables.arrow("logins").to_pylist():
        network = networks.range_of(login["network_address"], login["exhibit_id"])
        if network is not None and not network.hides:
            note(login["account_id"], network.country, "network addresses of logins", "logins", login["login_id"])
    for account in tables.arrow("accounts").to_pylist():
        country = _country_of_phone(account["phone"])
        note(account["account_id"], country, "telephone of the account", "accounts", account["account_id"])
    accounts = {row["payment_id"]: row["account_id"] for row in tables.arrow("payments").to_pylist()}
    customers = {row["customer_id"]: row for row in tables.arrow("customers").to_pylist()}
    denied = denied_links(tables)
    for link in tables.arrow("links").to_pylist():
        if link["claim"] == "paid" and link["proposed"] and link["link_id"] not in denied:
            country = customers[link["right_id"]]["country"]
            note(accounts[link["left_id"]], country, "customer return of a paid link", "links", link["link_id"])
    services = {row["service_id"]: row for row in tables.arrow("services").to_pylist()}
    account_of_trace = {t["trace_id"]: t["account_id"] for t in tables.arrow("traces").to_pylist() if t["account_id"]}
    backward = {
        trace["trace_id"]
        for trace in tables.arrow("traces").to_pylist()
        if trace["direction"] == "backward" and trace["policy"] in POLICIES
    }
    for end in tables.arrow("endpoints").to_pylist():
        if end["service_id"] and end["trace_id"] in backward and end["trace_id"] in account_of_trace:
            country = services[end["service_id"]]["country"]
            account_id = account_of_trace[end["trace_id"]]
            note(account_id, country, "service that can name a payer", "endpoints", end["endpoint_id"])
    return {account: _ordered(evidence) for account, evidence in found.items()}


def _ordered(evidence: Mapping[tuple[str, str], tuple[int, str, str]]) -> list[dict[str, Any]]:
    rows = [
        {"country": country, "evidence": kind, "observed": count, "table": table, "example_id": example}
        for (country, kind), (count, table, example) in evidence.items()
    ]
    return sorted(rows, key=lambda r: (-_STRENGTH[str(r["evidence"])], -int(str(r["observed"])), str(r["country"])))


def denied_links(tables: Session) -> set[str]:
    """The links that a person judged negative: nothing is derived from them any more."""
    judged = tables.arrow("judgements").to_pylist()
    return {row["link_id"] for row in judged if row["verdict"] == "negative"}


def countries_of(jurisdiction: Sequence[Mapping[str, Any]]) -> list[str]:
    """The countries in order, each once."""
    return list(dict.fromkeys(str(row["country"]) for row in jurisdiction))


def _country_of_phone(phone: str | None) -> str | None:
    """The country of an international number; a number without its prefix says nothing."""
    if not phone or not phone.strip().startswith("+"):
        return None
    try:
        return str(phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or "") or None
    except phonenumbers.NumberParseException:
        return None
