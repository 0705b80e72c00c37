"""What speaks against a link, or against one person having used an account: rows of their own, shown first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from headwater.engine import StageContext
from headwater.identities.networks import Networks, plain_address
from headwater.identities.normal import comparable
from headwater.schema import content_id, table_named

__all__ = ["contrary_facts"]


def contrary_facts(context: StageContext) -> pa.Table:
    """The table `contrary_facts`."""
    rows = [
        *_network_addresses(context),
        *_links(context),
    ]
    unique = {row["fact_id"]: row for row in rows}
    return table_named("contrary_facts").rows(unique.values())


def _fact(
    kind: str, statement: str, *, table: str, source: str, account: str | None = None, link: str | None = None
) -> dict[str, Any]:
    return {
        "fact_id": content_id("fct", kind, account or "", link or "", table, source, statement),
        "fact_kind": kind,
        "account_id": account,
        "link_id": link,
        "statement": statement,
        "source_table": table,
        "source_id": source,
    }


def _network_addresses(context: StageContext) -> Iterator[dict[str, Any]]:
    """Addresses that hide who used them, and addresses that several accounts used."""
    networks = Networks(context.tables)
    users: dict[str, dict[str, str]] = defaultdict(dict)
    barred: dict[tuple[str, str], str] = {}
    for login in context.tables.arrow("logins").to_pylist():
        if not login["network_address"]:
            continue
        text = plain_address(login["network_address"])
        if networks.is_single_client(login["exhibit_id"], text):
            barred.setdefault((text, login["account_id"]), login["login_id"])
        else:
            users[text].setdefault(login["account_id"], login["login_id"])
    for (text, account), login in sorted(barred.items()):
        statement = f"{text} makes nearly all requests in an access log of the server: it stands for every visitor"
        yield _fact("single_client_log", statement, table="logins", source=login, account=account)
    for text in sorted(users):
        network = networks.range_of(text)
        for account, login in sorted(users[text].items()):
            if network is not None and network.hides:
                statement = f"{text} belongs to a {network.kind} range: it does not say who logged in"
                yield _fact("proxy", statement, table=network.table, source=network.network_id, account=account)
            elif len(users[text]) > 1:
                others = len(users[text]) - 1
                statement = f"{others} other account(s) logged in from {text}: a household or a shared line is possible"
                yield _fact("shared_network_address", statement, table="logins", source=login, account=account)


def _links(context: StageContext) -> Iterator[dict[str, Any]]:  # noqa: C901 - one pass, one kind of fact after the other
    """Rival candidates; households and contacts that several people on record share; payers who are not the user."""
    records = {
        row["record_id"]: comparable(row, row["record_id"]) for row in context.tables.arrow("records").to_pylist()
    }
    households: dict[tuple[str, str], list[str]] = defaultdict(list)
    contacts: dict[str, list[str]] = defaultdict(list)
    for record_id, row in records.items():
        if row["street"] and row["postcode"]:
            households[row["street"], row["postcode"]].append(record_id)
        for field in ("phone", "email"):
            if row[field]:
                contacts[str(row[field])].append(record_id)
    links = context.tables.arrow("links").to_pylist()
    for link in links:
        if link["rivals"]:
            statement = f"{link['rivals']} other candidate(s) stand beside this one"
            yield _fact("rival_candidate", statement, table="links", source=link["link_id"], link=link["link_id"])
        record = records.get(link["right_id"])
        if record is None:
            continue
        together = households.get((record["street"] or "", record["postcode"] or ""), [])
        if len(together) > 1:
            other = next(r for r in together if r != link["right_id"])
            statement = f"{len(together) - 1} other person(s) on record at the same address"
            yield _fact("shared_household", statement, table="records", source=other, link=link["link_id"])
        for field in ("phone", "email"):
            same = contacts.get(record[field] or "", [])
            if len(same) > 1:
                other = next(r for r in same if r != link["right_id"])
                statement = f"{len(same) - 1} other person(s) on record with the same {field}"
                yield _fact("shared_contact", statement, table="records", source=other, link=link["link_id"])
    yield from _payer_and_user(context, links)


def _payer_and_user(context: StageContext, links: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Where the payer and the account's own data lead to different people on record, both links say so."""
    account_of_payment = {row["payment_id"]: row["account_id"] for row in context.tables.arrow("payments").to_pylist()}
    # A case may propose several candidates for one row, by a lower limit; each is looked at.
    people_of_customer: dict[str, set[str]] = defaultdict(set)
    used_by_account: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in links:
        if row["claim"] == "held" and row["proposed"]:
            people_of_customer[row["left_id"]].add(row["right_id"])
        elif row["claim"] == "used" and row["proposed"]:
            used_by_account[row["left_id"]].append(row)
    for link in links:
        if link["claim"] != "paid" or not link["proposed"]:
            continue
        payers = people_of_customer.get(link["right_id"], set())
        others = [u for u in used_by_account[account_of_payment[link["left_id"]]] if u["right_id"] not in payers]
        if not payers or not others:
            continue
        statement = (
            "the payer's record and the record that fits the account are two people: a payer is not thereby a user"
        )
        for about in (link, *others):
            yield _fact("payer_is_not_user", statement, table="links", source=link["link_id"], link=about["link_id"])
