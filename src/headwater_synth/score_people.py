"""Measures of links and leads: who is proposed for what, before anybody has judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headwater.engine import Session
from headwater.identities import blocked_pairs, read_linkage_model
from headwater_synth.score_truth import Measure, Truth, share

__all__ = ["People", "known_people", "lead_measures", "link_measures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who stands behind the rows of a case, by the keys that the truth shares with it.

    Attributes:
        of_row: Table and id -> person, for records and customers.
        of_account: Account id -> person.
        others_of_account: Account id -> other people who used it too, or had it after that person.
        payer_of: Payment id -> person who paid.
        account_key_of: Account id -> key in the truth.
        invoice_key_of: Payment id -> invoice in the truth.
    """

    of_row: dict[tuple[str, str], str]
    of_account: dict[str, str]
    others_of_account: dict[str, frozenset[str]]
    payer_of: dict[str, str]
    account_key_of: dict[str, str]
    invoice_key_of: dict[str, str]

    def used(self, account_id: str, person: str | None) -> bool:
        """Whether a person truly used an account, alone or beside somebody else."""
        others = self.others_of_account.get(account_id, frozenset())
        return person is not None and (self.of_account.get(account_id) == person or person in others)


def known_people(tables: Session, truth: Truth) -> People:
    """Who stands behind the rows of a case."""
    by_key: dict[tuple[str, str], str] = {}
    for person in truth.people:
        for column, table in (("record_keys", "records"), ("customer_keys", "customers")):
            by_key |= {(table, key): person["person_key"] for key in person[column].split(";") if key}
    of_row: dict[tuple[str, str], str] = {}
    for row in tables.arrow("records").to_pylist():
        if (found := by_key.get(("records", row["source_key"]))) is not None:
            of_row["records", row["record_id"]] = found
    for row in tables.arrow("customers").to_pylist():
        if (found := by_key.get(("customers", f"{row['actor']}:{row['source_key']}"))) is not None:
            of_row["customers", row["customer_id"]] = found

    holders = {row["account_key"]: row["person_key"] for row in truth.accounts}
    account_key_of = {row["account_id"]: row["platform_key"] for row in tables.arrow("accounts").to_pylist()}
    invoice_keys = {row["invoice_id"]: row["platform_key"] for row in tables.arrow("invoices").to_pylist()}
    payers = {row["invoice_key"]: row["payer_person_key"] for row in truth.payments}
    invoice_key_of = {
        row["payment_id"]: invoice_keys[row["invoice_id"]]
        for row in tables.arrow("payments").to_pylist()
        if row["invoice_id"] in invoice_keys
    }
    others: dict[str, set[str]] = defaultdict(set)
    for row in truth.facts:
        if row["other_person_key"]:
            others[row["account_key"]].add(row["other_person_key"])
    return People(
        of_row=of_row,
        of_account={account: holders[key] for account, key in account_key_of.items() if key in holders},
        others_of_account={account: frozenset(others[key]) for account, key in account_key_of.items() if key in others},
        payer_of={payment: payers[key] for payment, key in invoice_key_of.items() if key in payers},
        account_key_of=account_key_of,
        invoice_key_of=invoice_key_of,
    )


def _is_right(people: People, claim: str, persons: Mapping[str, str], link: Mapping[str, str]) -> bool:
    """Whether a link leads to the person of its left row; an account may be used by several."""
    person = people.of_row.get((link["right_table"], link["right_id"]))
    if claim == "used":
        return people.used(link["left_id"], person)
    return person is not None and persons.get(link["left_id"]) == person


def link_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """Links as the queue proposes them, nobody having judged any.

    - `links.paid.precision`: of the proposed links of a payment, the share whose customer (or record) is the person
      who truly paid that invoice. `links.paid.recall`: of the payments whose payer is in a customer return, the share
      with such a link.
    - `links.used.precision`: of the proposed links of an account, the share whose record (or customer) is of a person
      who truly used it; some are used by two, or were sold. `links.used.recall`: of the accounts whose person is on
      record and reachable, the share with such a link. Many of these can be reached by a payment alone, and a payer is
      not thereby a user.
      `links.used.own_data_recall`: of the accounts of which the platform itself has something that stands on record of
      their person, the share with such a link.
    - `links.held.precision`: of the proposed links of a customer, the share whose record is of the person whom the
      customer truly is. `links.held.recall`: of the customers who are on record, the share with such a link.
      `links.held.blocking_recall`: of the pairs of a customer and a record of one person, the share that is compared.
    """
    people = known_people(tables, truth)
    columns = ["claim", "left_id", "right_table", "right_id", "proposed"]
    proposed = [row for row in tables.arrow("links").select(columns).to_pylist() if row["proposed"]]

    on_record = {row["person_key"] for row in truth.people if row["record_keys"]}
    in_return = {row["person_key"] for row in truth.people if row["customer_keys"]}
    paid = {row["invoice_key"] for row in truth.payments if row["payer_person_key"] in in_return}
    used = {
        row["account_key"]
        for row in truth.accounts
        if row["identity_reachable"] == "1" and row["person_key"] in on_record
    }
    own = {row["account_key"] for row in truth.accounts if row["own_data_leads"] == "1"}
    customers = {key: person for (table, key), person in people.of_row.items() if table == "customers"}
    held = {key for key, person in customers.items() if person in on_record}
    for claim, persons, keys, reachable in (
        ("paid", people.payer_of, people.invoice_key_of, paid),
        ("used", people.of_account, people.account_key_of, used),
        ("held", customers, {key: key for key in customers}, held),
    ):
        links = [row for row in proposed if row["claim"] == claim]
        right = [row for row in links if _is_right(people, claim, persons, row)]
        reached = {keys[row["left_id"]] for row in right} & reachable
        yield Measure(measure=f"links.{claim}.precision", value=share(len(right), len(links)), n=len(links))
        yield Measure(measure=f"links.{claim}.recall", value=share(len(reached), len(reachable)), n=len(reachable))
        if claim == "used":
            found = {keys[row["left_id"]] for row in right} & own
            yield Measure(measure="links.used.own_data_recall", value=share(len(found), len(own)), n=len(own))
    yield _blocking_recall(tables, people)


def _blocking_recall(tables: Session, people: People) -> Measure:
    """Of the pairs of a customer and a record of one person, how many some rule brings together."""
    records: dict[str, list[str]] = {}
    for (table, key), person in people.of_row.items():
        if table == "records":
            records.setdefault(person, []).append(key)
    pairs = [
        (key, record)
        for (table, key), person in people.of_row.items()
        if table == "customers"
        for record in records.get(person, ())
    ]
    compared = sum(blocked_pairs(tables, read_linkage_model(), pairs))
    return Measure(measure="links.held.blocking_recall", value=share(compared, len(pairs)), n=len(pairs))


def lead_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """Leads as the rules rank them.

    - `leads.origin.worst_rank_percent`: of the accounts that first uploaded media of a scene that no list has and
      whose person can be reached, the worst rank among all leads, in percent of all accounts of the truth; an account
      without a lead has the last rank. n is those accounts.
    - `leads.origin.worst_place_percent`: the same in percent of all leads. `leads.origin.in_first_percent`: the share
      of them among the first 1 % of leads, rounded up. `leads.origin.room_in_first_percent`: the share that would fit
      there, and so the most that any order could reach.
    - `leads.innocents_named`: leads that name a record of somebody else than the account's person, or of somebody who
      only paid for a relative. n is all leads.
    - `leads.high_risk.first_K`, and `leads.by_activity.first_K` and `leads.by_amount_paid.first_K` beside it: see
      `_first_leads`.
    """
    people = known_people(tables, truth)
    yield from _first_leads(tables, truth, people)
    columns = ["rank", "account_id", "named_record_id"]
    leads = tables.arrow("leads").select(columns).to_pylist()
    ranks = {people.account_key_of.get(row["account_id"], ""): row["rank"] for row in leads}
    accounts = len(truth.accounts)
    origins = [
        row["account_key"] for row in truth.accounts if row["is_origin"] == "1" and row["identity_reachable"] == "1"
    ]
    worst = max((ranks.get(key, accounts) for key in origins), default=0)
    value = round(100 * worst / accounts, 3) if origins else None
    yield Measure(measure="leads.origin.worst_rank_percent", value=value, n=len(origins))
    places = [ranks.get(key, len(leads)) for key in origins]
    first = -(-len(leads) // 100)
    value = round(100 * max(places) / len(leads), 3) if origins and leads else None
    yield Measure(measure="leads.origin.worst_place_percent", value=value, n=len(origins))
    found = share(sum(place <= first for place in places), len(origins))
    yield Measure(measure="leads.origin.in_first_percent", value=found, n=len(origins))
    room = share(min(first, len(origins)), len(origins))
    yield Measure(measure="leads.origin.room_in_first_percent", value=room, n=len(origins))

    only_paid = {row["person_key"] for row in truth.people if row["only_paid_for_relative"] == "1"}
    innocents = 0
    for row in leads:
        if row["named_record_id"] is None:
            continue
        named = people.of_row.get(("records", row["named_record_id"]))
        innocents += named in only_paid or not people.used(row["account_id"], named)
    yield Measure(measure="leads.innocents_named", value=innocents if leads else None, n=len(leads))


FIRST = (10, 100, 1_000)


def _first_leads(tables: Session, truth: Truth, people: People) -> Iterator[Measure]:
    """Of the accounts of high risk that the first leads have room for, the share that is among them.

    Of high risk are, in truth, those that first uploaded media of a scene that no list has, and administrators. Beside
    it the same for two orders that need no rules: by dated acts, and by satoshis paid, most first, of all accounts.
    """
    risky = {row["account_key"] for row in truth.accounts if row["is_origin"] == "1" or row["role"] == "administrator"}
    acts: Counter[str] = Counter()
    for name in ("logins", "uploads", "payments"):
        acts.update(tables.columns(name, ["account_id"])["account_id"].to_pylist())
    paid: Counter[str] = Counter()
    for account, amount in zip(
        *(tables.columns("payments", [name])[name].to_pylist() for name in ("account_id", "amount_sat")), strict=True
    ):
        paid[account] += amount or 0
    by_rank = tables.columns("leads", ["account_id", "rank"]).sort_by("rank")["account_id"].to_pylist()
    orders = {"high_risk": by_rank}
    for name, counted in (("by_activity", acts), ("by_amount_paid", paid)):
        orders[name] = [account for _, account in sorted((-counted[key], key) for key in people.account_key_of)]
    for name, order in orders.items():
        keys = [people.account_key_of.get(account, "") for account in order]
        for first in FIRST:
            room = min(first, len(risky))
            value = share(len(risky.intersection(keys[:first])), room)
            yield Measure(measure=f"leads.{name}.first_{first}", value=value, n=room)
