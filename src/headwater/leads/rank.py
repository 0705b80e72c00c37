"""The leads stage: one lead for each account on which a rule fires, in printed order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Derived, Session, StageContext, stored_in_order
from headwater.leads.acts import observed_acts
from headwater.leads.against import FACT_COLUMNS, RIVAL_COLUMNS, facts_by_account, rivals_by_account
from headwater.leads.by_place import NOWHERE, Numbers, RowsByPlace, in_order_of, places_of
from headwater.leads.completeness import completeness, deconfliction_fields
from headwater.leads.dated_acts import DatedActs
from headwater.leads.firing import FiredRules
from headwater.leads.holders import Held, RetentionClocks, first_to_delete, held_by_services, lawful_steps
from headwater.leads.jurisdiction import pieces_of_evidence, proposed, read_jurisdiction
from headwater.leads.reasons import why_now
from headwater.leads.review import RankedLeads, review_queue
from headwater.leads.rules import RuleSet, read_rules
from headwater.leads.subjects import UNCLASSIFIED, VICTIM, stated_categories
from headwater.money import POLICIES
from headwater.schema import content_id, content_ids, table_named

__all__ = ["rank_leads"]

_BATCH_LEADS: Final = 8_192
_ACCOUNT: Final = ("account_id", "exhibit_id", "nickname", "email", "phone", "pgp_fingerprint")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def rank_leads(context: StageContext) -> dict[str, Derived]:
    """The tables `leads`, `victim_leads`, `lead_acts` and `review_queue`.

    Memory holds columns of all accounts, and the rows of a few leads.
    """
    tables = context.tables
    rules = read_rules()
    accounts = _accounts(tables)
    ids = accounts["account_id"].combine_chunks()
    fired = FiredRules(rules, observed_acts(tables), ids)
    acts = DatedActs(tables, ids)
    order = fired.order(acts)
    lead_ids = pa.array(content_ids("led", (), ids.take(pa.array(order)).to_pylist()), pa.string())
    categories = stated_categories(tables)
    victims = pc.is_in(
        lead_ids, value_set=pa.array([of for of, said in categories.items() if said == VICTIM], pa.string())
    )
    apart = victims.to_numpy(zero_copy_only=False)
    # Those of victims come last and make a table of their own, with ranks of their own.
    places = np.concatenate([np.flatnonzero(~apart), np.flatnonzero(apart)])
    order, lead_ids, others = order[places], lead_ids.take(pa.array(places)), int(np.count_nonzero(~apart))
    place_of_account = np.full(len(ids), NOWHERE, np.int64)
    place_of_account[order] = np.arange(len(order))
    joined = _Joined(tables, rules, accounts, fired, acts, order, place_of_account, categories)
    ranked = RankedLeads(
        accounts=ids.take(pa.array(order[:others])), lead_ids=lead_ids[:others], tiers=fired.tier[order[:others]]
    )
    of_others = np.where(place_of_account < others, place_of_account, NOWHERE)
    return {
        "leads": _in_rank_order(context, "leads", joined.parts(0, others, lead_ids)),
        "victim_leads": _in_rank_order(context, "victim_leads", joined.parts(others, len(order), lead_ids)),
        "lead_acts": context.kept("lead_acts", acts.lead_acts(lead_ids, of_others)),
        "review_queue": review_queue(tables, ranked, rules),
    }


def _in_rank_order(context: StageContext, name: str, rows: Iterator[list[dict[str, Any]]]) -> Derived:
    table = table_named(name)
    parts = (table.rows(part) for part in rows)
    if context.scratch is None:
        return table.checked(pa.concat_tables([table.empty(), *parts]))
    return stored_in_order(table, parts, context.scratch)


def _accounts(tables: Session) -> pa.Table:
    """The accounts in order of their ids; nobody is pointed at by evidence that is not what was acquired."""
    failed = [row["exhibit_id"] for row in tables.arrow("exhibits").to_pylist() if row["integrity"] == "failed"]
    accounts = tables.columns("accounts", _ACCOUNT)
    kept = pc.invert(pc.is_in(accounts["exhibit_id"], value_set=pa.array(failed, pa.string())))
    return in_order_of(accounts.filter(kept), "account_id")


class _Joined:
    """What the other stages say of accounts, as columns, and the leads made of them."""

    def __init__(
        self,
        tables: Session,
        rules: RuleSet,
        accounts: pa.Table,
        fired: FiredRules,
        acts: DatedActs,
        order: Numbers,
        place_of_account: Numbers,
        categories: Mapping[str, str],
    ) -> None:
        ids = accounts["account_id"].combine_chunks()

        def places(rows: pa.Table) -> Numbers:
            account = places_of(rows["account_id"], ids)
            return np.where(account == NOWHERE, NOWHERE, place_of_account[account]) if len(ids) else account

        self._rules = rules
        self._categories = categories
        self._countries = read_jurisdiction()
        self._clocks = RetentionClocks(tables)
        self._accounts, self._order = accounts, order
        self._fired, self._acts = fired, acts
        self._rules_fired = fired.by_place(place_of_account)
        self._pieces = pieces_of_evidence(tables, acts, ids, place_of_account, self._countries)
        self._access = RowsByPlace(*acts.access_lines(place_of_account))
        self._services = {row["service_id"]: row for row in tables.arrow("services").to_pylist()}
        asked = _services_by_account(tables)
        self._asked = RowsByPlace(places(asked), asked)
        against, beside = facts_by_account(tables), rivals_by_account(tables)
        self._against = RowsByPlace(places(against), against)
        self._beside = RowsByPlace(places(beside), beside)
        self._paid = _true_at(places(tables.columns("payments", ["account_id"])), len(order))
        self._has_customer = _true_at(places(_with_customer(tables)), len(order))
        self._named = _named(tables)

    def parts(self, begin: int, end: int, lead_ids: pa.Array) -> Iterator[list[dict[str, Any]]]:
        """The leads of these places, a few at a time, ranked from 1."""
        for first in range(begin, end, _BATCH_LEADS):
            yield list(self._leads(first, min(first + _BATCH_LEADS, end), lead_ids, before=begin))

    def _leads(self, begin: int, end: int, lead_ids: pa.Array, *, before: int) -> Iterator[dict[str, Any]]:
        """The leads of these places, in order of rank, which is their place after so many."""
        here = self._order[begin:end]
        accounts = self._accounts.take(pa.array(here)).to_pylist()
        of_place = {
            name: rows.within(begin, end)
            for name, rows in (
                ("fired", self._rules_fired),
                ("pieces", self._pieces),
                ("access", self._access),
                ("asked", self._asked),
                ("against", self._against),
                ("beside", self._beside),
            )
        }
        for place, lead_id, account in zip(range(begin, end), lead_ids[begin:end].to_pylist(), accounts, strict=True):
            rows = {name: found.get(place, []) for name, found in of_place.items()}
            category = self._categories.get(lead_id, UNCLASSIFIED)
            lead = {"lead_id": lead_id, "rank": place + 1 - before, "data_subject_category": category}
            yield lead | self._lead(place, account, rows)

    def _lead(self, place: int, account: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
        account_id = str(account["account_id"])
        number = int(self._order[place])
        fired = [self._fired.told(row) for row in rows["fired"]]
        names = {rule["rule"] for rule in fired}
        jurisdiction = proposed(rows["pieces"], self._countries)
        holders = [*held_by_services(self._services, rows["asked"]), *_held_by_access(rows["access"])]
        deletion = first_to_delete(holders, self._clocks)
        latest = _at(int(self._acts.latest_us[number])) if self._acts.has_dated_act[number] else None
        named = self._named.get(account_id)
        return {
            "risk_tier": fired[0]["tier"],
            "account_id": account_id,
            "rules_version": self._rules.version,
            "rules_fired": fired,
            "rules_not_fired": [rule.name for rule in self._rules.rules if rule.name not in names],
            "jurisdiction": jurisdiction.pieces,
            "jurisdiction_version": self._countries.version,
            "lead_country": jurisdiction.lead_country,
            "lead_country_margin": jurisdiction.margin,
            "shared_with": jurisdiction.shared_with,
            "why_now": why_now(fired, deletion, latest, _at(self._acts.platform_latest_us)),
            "latest_act_at_utc": latest,
            "completeness": completeness(
                account,
                has_open_address=bool(self._acts.has_open_address[number]),
                paid=bool(self._paid[place]),
                has_customer=bool(self._has_customer[place]),
                asked=bool(rows["asked"]),
                is_judged=named is not None,
            ),
            "next_lawful_steps": list(lawful_steps(holders, jurisdiction.lead_country)),
            "volatile_until_utc": None if deletion is None else deletion[1],
            "assertion_kind": "assessed" if named is not None else "computed",
            "named_record_id": named,
            "contrary": [{name: row[name] for name in FACT_COLUMNS} for row in rows["against"]],
            "rivals": [{name: row[name] for name in RIVAL_COLUMNS} for row in rows["beside"]],
            "deconfliction_key": content_id("dcf", *deconfliction_fields(account)),
        }


def _at(at_us: int | None) -> dt.datetime | None:
    return None if at_us is None else _EPOCH + dt.timedelta(microseconds=at_us)


def _true_at(places: Numbers, count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    found = np.zeros(count, bool)
    found[places[places != NOWHERE]] = True
    return found


def _held_by_access(rows: list[dict[str, Any]]) -> Iterator[Held]:
    """Access providers, the latest used first."""
    for row in rows:
        yield Held(holder=row["holder"], country=row["country"], kind="access", since=row["since"])


def _named(tables: Session) -> dict[str, str]:
    """A person is named by a positive judgement only, and none where two are, or where the record is gone."""
    judged = tables.table("judgements")
    positive = judged.filter((judged.claim == "used") & (judged.verdict == "positive"))
    people = positive.group_by("left_id").aggregate(people=ibis._.right_id.nunique(), record_id=ibis._.right_id.min())
    there = people.filter(people.people == 1).semi_join(tables.table("records"), "record_id")
    rows = tables.result(there.select("left_id", "record_id"), order_by=["left_id"]).to_pylist()
    return {row["left_id"]: row["record_id"] for row in rows}


def _services_by_account(tables: Session) -> pa.Table:
    """Rows (account_id, service_id, since): the services that payments came from, with the first time."""
    traces, endpoints = tables.table("traces"), tables.table("endpoints")
    backward = traces.filter((traces.direction == "backward") & traces.policy.isin(POLICIES))
    backward = backward.filter(backward.account_id.notnull()).select("trace_id", "account_id")
    ends = endpoints.filter(endpoints.service_id.notnull()).inner_join(backward, "trace_id")
    first = ends.group_by(["account_id", "service_id"]).aggregate(since=ibis._.at_utc.min())
    return tables.result(first, order_by=["account_id", "service_id"])


def _with_customer(tables: Session) -> pa.Table:
    """Rows (account_id): those for which a customer is proposed to have paid, and nobody denied it."""
    links, judged, payments = (tables.table(name) for name in ("links", "judgements", "payments"))
    paid = links.filter((links.claim == "paid") & links.proposed)
    kept = paid.anti_join(judged.filter(judged.verdict == "negative"), "link_id")
    joined = kept.inner_join(payments, kept.left_id == payments.payment_id)
    return tables.result(joined.select("account_id").distinct(), order_by=["account_id"])
