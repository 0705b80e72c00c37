"""What speaks against links: other candidates, households and contacts in common, payers who are not the user."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from headwater.engine import Session
from headwater.identities.facts.rows import FactRows
from headwater.identities.marks import Mark

__all__ = ["link_facts"]

_SHARED = {"phone": "with the same phone", "email": "with the same email", "household": "at the same address"}


def link_facts(
    tables: Session,
    links: Sequence[Mapping[str, Any]],
    own: Mapping[str, Sequence[Mark]],
    bearers: Mapping[tuple[str, str], Sequence[Mark]],
    facts: FactRows,
) -> None:
    """Add `rival_candidate`, `shared_household`, `shared_contact` and `payer_is_not_user`.

    Args:
        tables: Has the payments.
        links: All links.
        own: The marks of each record that a link names.
        bearers: Everybody who has one of these marks.
        facts: Where to.
    """
    for link in links:
        link_id = link["link_id"]
        if link["rivals"]:
            statement = f"{link['rivals']} other candidate(s) stand beside this one"
            facts.add("rival_candidate", statement, table="links", source=link_id, link=link_id)
        others: dict[str, set[str]] = defaultdict(set)
        for mark in own.get(link["right_id"], ()):
            others[mark.kind] |= {
                m.owner[1] for m in bearers[mark.kind, mark.key] if m.owner[0] == "records" and m.owner != mark.owner
            }
        for kind, told in _SHARED.items():
            if found := others[kind]:
                statement = f"{len(found)} other person(s) on record {told}"
                what = "shared_household" if kind == "household" else "shared_contact"
                facts.add(what, statement, table="records", source=min(found), link=link_id)
    _add_payers(tables, links, facts)


def _add_payers(tables: Session, links: Sequence[Mapping[str, Any]], facts: FactRows) -> None:
    """Where the payer and the account's own data lead to different people on record, both links say so."""
    payments = tables.columns("payments", ("payment_id", "account_id"))
    account_of_payment = dict(zip(payments["payment_id"].to_pylist(), payments["account_id"].to_pylist(), strict=True))
    # A case may propose several candidates for one row, by a lower limit; each is looked at.
    people_of_customer: dict[str, set[str]] = defaultdict(set)
    used_by_account: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
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
            facts.add("payer_is_not_user", statement, table="links", source=link["link_id"], link=about["link_id"])
