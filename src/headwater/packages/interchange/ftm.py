"""A package as FollowTheMoney entities: accounts, named records, services and the addresses that sheets ask about.

References:
    FollowTheMoney, https://followthemoney.tech: UserAccount, Person, UnknownLink, Organization, CryptoWallet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.packages.interchange.allowed import filled
from headwater.packages.interchange.ids import id_of
from headwater.packages.interchange.shapes import date_text, email_text, network_kind, network_uses, phone_text
from headwater.schema import canonical_json

__all__ = ["ftm_lines"]

Row = Mapping[str, Any]
_TO_THE_SECOND = len("2026-11-03T09:30:00")  # the format has nothing finer, and times are UTC


def ftm_lines(leads: Sequence[Row], requests: Sequence[Row], terms: Row) -> bytes:
    """Entities, one a line, in order of ids.

    A person is in it only where the lead names one, which takes two people's judgements. An address is in it where a
    request sheet asks about it; whose it is, nobody has said, so it has no holder.

    Args:
        leads: As `leads.jsonl` has them.
        requests: Request sheets.
        terms: The case and the terms.
    """
    made: dict[str, dict[str, Any]] = {}
    for lead in leads:
        _account(made, lead, terms)
    for row in requests:
        _put(made, "Organization", {**row, "country": _code(row["country"])}, row["service_id"])
        if row["address"]:
            output = f"output {row['output_index']} of {row['txid']}, {row['output_sat']} satoshis"
            told = f"Request {row['request_id']}: {output}"
            _put(made, "CryptoWallet", {**row, "told": told}, row["address"], row["request_id"])
    return b"".join(canonical_json(made[entity_id]) + b"\n" for entity_id in sorted(made))


def _put(made: dict[str, dict[str, Any]], thing: str, row: Row, *parts: object) -> str:
    entity_id = id_of(f"ftm {thing}", *parts)
    properties = {
        field.name: [str(value)[: _TO_THE_SECOND if field.kind == "time" else None] for value in values]
        for field, values in filled("ftm", thing, row)
    }
    made[entity_id] = {"id": entity_id, "schema": thing, "properties": properties}
    return entity_id


def _account(made: dict[str, dict[str, Any]], lead: Row, terms: Row) -> None:
    account = lead["account"]
    told = [
        f"Lead {lead['lead_id']}, rank {lead['rank']}, tier {lead['risk_tier']}; a hypothesis and no finding of guilt"
    ]
    told += [f"Against: {fact['statement']}" for fact in lead["contrary"]]
    row = {
        **account,
        "case_id": f"platform of case {terms['case_id']}",
        "username": account.get("nickname") or account.get("platform_key") or lead["account_id"],
        "email": email_text(account.get("email")),
        "phone": phone_text(account.get("phone")),
        "network_addresses": [
            use.network_address for use in network_uses(lead["acts"]) if network_kind(use.network_address) is not None
        ],
        "because": [rule["because"] for rule in lead["rules_fired"]],
        "told": list(dict.fromkeys(told)),
    }
    account_id = _put(made, "UserAccount", row, lead["account_id"])
    record = lead["named_record"]
    if record is None:
        return
    shaped = {
        **record,
        "date_of_birth": date_text(record.get("date_of_birth")),
        "country": _code(record.get("country")),
        "email": email_text(record.get("email")),
        "phone": phone_text(record.get("phone")),
    }
    person = _put(made, "Person", shaped, record["record_id"])
    links = [link for link in lead["links"] if link["right_id"] == record["record_id"]]
    used = {
        "subject": person,
        "object": account_id,
        "role": "used the account, as two people judged, each for themselves",
        "because": list(dict.fromkeys(link["because"] for link in links)),
        "link_id": [link["link_id"] for link in links],
    }
    _put(made, "UnknownLink", used, lead["account_id"], record["record_id"])


def _code(country: str | None) -> str | None:
    """A country as FollowTheMoney writes it: two small letters."""
    return country.lower() if country else None
