"""Measures of what speaks against, and of the people beside a payer: who used an account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from headwater.engine import Session
from headwater_synth.score_people import known_people
from headwater_synth.score_truth import Measure, Truth, share

__all__ = ["FACTS", "OF_TWO", "fact_measures", "rival_measures"]

FACTS = {
    "resold": "resold_account",
    "impossible": "impossible_times",
    "several_users": "several_users",
    "shared": "shared_network_address",
    "proxy": "proxy",
}
"""Names of measures, and the kinds of facts they are about."""

OF_TWO = ("resold_account", "impossible_times", "several_users")
"""Kinds of facts that say that two people used an account."""


def fact_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """Of the accounts of which a fact is true, the share with such a row; and of those with one, the share where it is.

    A fact of two people counts as right on any account that two people used, whichever sign of it was found.
    """
    keys = {row["account_id"]: row["platform_key"] for row in tables.arrow("accounts").to_pylist()}
    columns = tables.columns("contrary_facts", ("account_id", "fact_kind"))
    found: dict[str, set[str]] = defaultdict(set)
    for account, kind in zip(columns["account_id"].to_pylist(), columns["fact_kind"].to_pylist(), strict=True):
        if account is not None:
            found[kind].add(keys.get(account, ""))
    true: dict[str, set[str]] = defaultdict(set)
    for row in truth.facts:
        true[row["fact_kind"]].add(row["account_key"])
    of_two = set().union(*(true[kind] for kind in OF_TWO))
    for name, kind in FACTS.items():
        right = found[kind] & (of_two if kind in OF_TWO else true[kind])
        recalled = found[kind] & true[kind]
        yield Measure(measure=f"facts.{name}.recall", value=share(len(recalled), len(true[kind])), n=len(true[kind]))
        yield Measure(measure=f"facts.{name}.precision", value=share(len(right), len(found[kind])), n=len(found[kind]))


def rival_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """Who is shown beside a payer, and who is named without a judgement.

    - `rivals.recall`: of the pairs of a payer whom an exchange returned and somebody of the same household of whom
      some source has a row, by account, the share that is shown.
    - `rivals.payers_named_as_users`: leads that name a record of somebody who only paid for a relative, or who shares a
      network address with the account and did not use it, before anybody judged.
    """
    people = known_people(tables, truth)
    shown = {
        (
            people.account_key_of.get(row["account_id"], ""),
            people.of_row.get(("customers", row["payer_id"])),
            people.of_row.get((row["other_table"], row["other_id"])),
        )
        for row in tables.columns("rival_hypotheses", ("account_id", "payer_id", "other_table", "other_id")).to_pylist()
    }
    pairs = {(row["account_key"], row["payer_person_key"], row["other_person_key"]) for row in truth.rivals}
    yield Measure(measure="rivals.recall", value=share(len(pairs & shown), len(pairs)), n=len(pairs))

    only_paid = {row["person_key"] for row in truth.people if row["only_paid_for_relative"] == "1"}
    holder = {row["account_key"]: row["person_key"] for row in truth.accounts}
    near = {
        row["account_key"]: {holder[key] for key in row.get("shares_address_with", "").split(";") if key in holder}
        for row in truth.accounts
    }
    leads = tables.columns("leads", ("account_id", "named_record_id")).to_pylist()
    innocents = 0
    for lead in leads:
        named = people.of_row.get(("records", lead["named_record_id"] or ""))
        key = people.account_key_of.get(lead["account_id"], "")
        if named is not None and named != people.of_account.get(lead["account_id"]):
            innocents += named in only_paid or named in near.get(key, ())
    yield Measure(measure="rivals.payers_named_as_users", value=innocents if leads else None, n=len(leads))
