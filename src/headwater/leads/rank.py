"""The leads stage: one lead for each account on which a rule fires, in printed order."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session, StageContext
from headwater.identities import Networks, typed_identifier
from headwater.leads.acts import ACT_TABLES, observed_acts
from headwater.leads.holders import Held, RetentionClocks, held_by_services, lawful_steps, volatile_until
from headwater.leads.jurisdiction import countries_of, denied_links, jurisdictions
from headwater.leads.order import order_key
from headwater.leads.review import review_queue
from headwater.leads.rules import RuleSet, read_rules
from headwater.money import POLICIES
from headwater.schema import content_id, table_named

__all__ = ["rank_leads"]


def rank_leads(context: StageContext) -> dict[str, pa.Table]:
    """The tables `leads`, `lead_acts` and `review_queue`."""
    tables = context.tables
    rules = read_rules()
    networks = Networks(tables)
    # Nobody is pointed at by evidence that is not what was acquired.
    failed = {row["exhibit_id"] for row in tables.arrow("exhibits").to_pylist() if row["integrity"] == "failed"}
    accounts = {
        row["account_id"]: row for row in tables.arrow("accounts").to_pylist() if row["exhibit_id"] not in failed
    }
    fired = _fired(rules, observed_acts(tables))
    acts = _acts(tables, networks)
    # A judgement outlives the run it was given on: one about an account that no dump holds any more makes no lead.
    leading = sorted(fired.keys() & accounts)
    joined = _Joined(tables, networks, acts, leading)
    leads = [joined.lead(rules, accounts[account], fired[account]) for account in leading]
    leads.sort(key=lambda lead: order_key(lead, lead["_latest"]))
    for rank, lead in enumerate(leads, start=1):
        lead["rank"] = rank
        lead.pop("_latest")
    lead_of = {str(lead["account_id"]): str(lead["lead_id"]) for lead in leads}
    rows = (
        {"lead_id": lead_of[account], **act}
        for account, done in sorted(acts.items())
        if account in lead_of
        for act in done
    )
    return {
        "leads": table_named("leads").rows(leads),
        "lead_acts": table_named("lead_acts").rows(rows),
        "review_queue": review_queue(tables, leads, rules),
    }


def _fired(rules: RuleSet, acts: Mapping[str, Mapping[str, tuple[int, str]]]) -> dict[str, list[dict[str, Any]]]:
    """For each account, the rules that fired, strongest first."""
    fired: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for rule in sorted(rules.rules, key=lambda r: r.tier):
        for account, (observed, example) in acts[rule.act].items():
            if observed >= rule.at_least:
                fired[account].append(
                    {
                        "rule": rule.name,
                        "tier": rule.tier,
                        "because": rule.because.replace("{n}", str(observed)),
                        "observed": observed,
                        "table": ACT_TABLES[rule.act].table,
                        "example_id": example,
                    },
                )
    return fired


def _acts(tables: Session, networks: Networks) -> dict[str, list[dict[str, Any]]]:
    """For each account, its acts with time and network address, in order of time."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(
        account: str, act: str, act_id: str, at_utc: dt.datetime | None, noted: Mapping[str, Any] | None = None
    ) -> None:
        if at_utc is not None:
            address = None if noted is None else noted["network_address"]
            network = None if noted is None else networks.range_of(address, noted["exhibit_id"])
            proxy = None if network is None else network.hides
            row = {"act": act, "act_id": act_id, "at_utc": at_utc, "network_address": address, "proxy": proxy}
            found[account].append(row)

    for row in tables.arrow("accounts").to_pylist():
        add(row["account_id"], "registration", row["account_id"], row["registered_at_utc"])
    for row in tables.arrow("logins").to_pylist():
        add(row["account_id"], "login", row["login_id"], row["at_utc"], row)
    for row in tables.arrow("uploads").to_pylist():
        add(row["account_id"], "upload", row["upload_id"], row["at_utc"], row)
    for row in tables.arrow("payments").to_pylist():
        add(row["account_id"], "payment", row["payment_id"], row["at_utc"])
    for acts in found.values():
        acts.sort(key=lambda a: (a["at_utc"], a["act"], a["act_id"]))
    return found


class _Joined:
    """What the other stages say of an account, looked up by account."""

    def __init__(
        self, tables: Session, networks: Networks, acts: Mapping[str, list[dict[str, Any]]], leading: Collection[str]
    ) -> None:
        self._networks = networks
        self._clocks = RetentionClocks(tables)
        self._acts = acts
        self._seized = max((a[-1]["at_utc"] for a in acts.values()), default=None)
        self._jurisdiction = jurisdictions(tables, networks)
        self._services = {row["service_id"]: row for row in tables.arrow("services").to_pylist()}
        self._links: dict[str, list[str]] = defaultdict(list)
        self._named: dict[str, str] = {}
        payments = {row["payment_id"]: row["account_id"] for row in tables.arrow("payments").to_pylist()}
        self._paid: set[str] = set()
        self._has_customer: set[str] = set()
        denied = denied_links(tables)
        payers: dict[str, set[str]] = defaultdict(set)
        links = tables.arrow("links").to_pylist()
        for link in links:
            account = payments.get(link["left_id"]) if link["claim"] == "paid" else link["left_id"]
            if account is not None and link["claim"] in {"used", "paid"} and link["proposed"]:
                self._links[account].append(link["link_id"])
                if link["claim"] == "paid":
                    payers[link["right_id"]].add(account)
                    if link["link_id"] not in denied:
                        self._has_customer.add(account)
        # What speaks against who a payer is concerns the account that was paid for.
        for link in links:
            if link["claim"] == "held" and link["proposed"]:
                for account in payers.get(link["left_id"], ()):
                    self._links[account].append(link["link_id"])
        self._paid.update(payments.values())
        self._judge(tables)
        self._asked = self._services_by_account(tables)
        self._contrary = self._facts(tables, leading)
        self._rivals = _rivals(tables, leading)

    def _judge(self, tables: Session) -> None:
        """A person is named by a positive judgement only, and none where two are, or where the record is gone."""
        records = set(tables.arrow("records")["record_id"].to_pylist())
        positive: dict[str, set[str]] = defaultdict(set)
        for row in tables.arrow("judgements").to_pylist():
            if row["claim"] == "used" and row["verdict"] == "positive":
                positive[row["left_id"]].add(row["right_id"])
        self._named = {
            account: person for account, people in positive.items() for person in people & records if len(people) == 1
        }

    def _services_by_account(self, tables: Session) -> dict[str, dict[str, dt.datetime]]:
        """For each account, the services its payments came from, with the first time."""
        traces = {t["trace_id"]: t for t in tables.arrow("traces").to_pylist() if t["policy"] in POLICIES}
        asked: dict[str, dict[str, dt.datetime]] = defaultdict(dict)
        for end in tables.arrow("endpoints").to_pylist():
            trace = traces.get(end["trace_id"])
            if trace is not None and end["service_id"] and trace["direction"] == "backward" and trace["account_id"]:
                held = asked[trace["account_id"]]
                held[end["service_id"]] = min(held.get(end["service_id"], end["at_utc"]), end["at_utc"])
        return asked

    def _facts(self, tables: Session, accounts: Collection[str]) -> dict[str, list[dict[str, str]]]:
        """For each account, what speaks against: its own facts and those of its proposed links, in order of words."""
        accounts_of: dict[str, list[str]] = defaultdict(list)
        for account in accounts:
            for link in self._links.get(account, ()):
                accounts_of[link].append(account)
        facts: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        for column, wanted in (("account_id", accounts), ("link_id", accounts_of.keys())):
            for row in _chosen(tables, "contrary_facts", column, wanted):
                for account in (row["account_id"],) if column == "account_id" else accounts_of[row["link_id"]]:
                    facts[account][row["fact_id"]] = {name: row[name] for name in _FACT}
        by_words = itemgetter("statement", "fact_id")
        return {account: sorted(found.values(), key=by_words) for account, found in facts.items()}

    def lead(self, rules: RuleSet, account: Mapping[str, Any], fired: list[dict[str, Any]]) -> dict[str, Any]:
        """The lead on an account."""
        account_id = str(account["account_id"])
        acts = self._acts.get(account_id, [])
        jurisdiction = self._jurisdiction.get(account_id, [])
        countries = countries_of(jurisdiction)
        holders = list(self._holders(account_id, acts))
        latest = acts[-1]["at_utc"] if acts else None
        names = {rule["rule"] for rule in fired}
        return {
            "lead_id": content_id("led", account_id),
            "risk_tier": min(rule["tier"] for rule in fired),
            "account_id": account_id,
            "rules_version": rules.version,
            "rules_fired": fired,
            "rules_not_fired": [rule.name for rule in rules.rules if rule.name not in names],
            "jurisdiction": jurisdiction,
            "lead_country": countries[0] if countries else None,
            "why_now": self._why_now(latest),
            "completeness": self._completeness(account, acts),
            "next_lawful_steps": list(lawful_steps(holders, countries[0] if countries else None)),
            "volatile_until_utc": volatile_until(holders, self._clocks),
            "data_subject_category": "unclassified",
            "assertion_kind": "assessed" if account_id in self._named else "computed",
            "named_record_id": self._named.get(account_id),
            "contrary": self._contrary.get(account_id, []),
            "rivals": self._rivals.get(account_id, []),
            "deconfliction_key": _deconfliction_key(account),
            "_latest": latest,
        }

    def _why_now(self, latest: dt.datetime | None) -> str:
        if latest is None or self._seized is None:
            return "no dated act is on record"
        days = (self._seized - latest).days
        return f"last act {days} day(s) before the platform's last, on {latest:%Y-%m-%d}"

    def _completeness(self, account: Mapping[str, Any], acts: list[dict[str, Any]]) -> list[dict[str, str]]:
        account_id = account["account_id"]
        own_address = any(act["network_address"] and not act["proxy"] for act in acts)
        paid = account_id in self._paid
        states = {
            "nickname": _state(account["nickname"]),
            "email": _state(account["email"]),
            "phone": _state(account["phone"]),
            "pgp_fingerprint": _state(account["pgp_fingerprint"]),
            "network_address_not_hidden": _state(own_address),
            "payment": _state(paid),
            # Not asked for yet is another thing than not there.
            "customer_of_service": "present"
            if account_id in self._has_customer
            else "not_collected"
            if self._asked.get(account_id)
            else "absent",
            "subscriber_of_network_address": "not_collected" if own_address else "absent",
            "judged_identity": _state(account_id in self._named),
        }
        return [{"field": field, "state": state} for field, state in states.items()]

    def _holders(self, account_id: str, acts: list[dict[str, Any]]) -> Iterator[Held]:
        """Who holds data about the account: services of payers first, then access providers, the latest used first."""
        yield from held_by_services(self._services, self._asked.get(account_id, {}))
        seen: set[tuple[str, str]] = set()
        for act in reversed(acts):
            network = self._networks.range_of(act["network_address"])
            if network is None or act["proxy"] or network.holder is None:
                continue
            holder = (network.holder, network.country or "unknown")
            if holder not in seen:
                seen.add(holder)
                yield Held(holder=holder[0], country=holder[1], kind="access", since=act["at_utc"])


_FACT = ("fact_id", "fact_kind", "statement", "source_table", "source_id")


def _rivals(tables: Session, accounts: Collection[str]) -> dict[str, list[dict[str, str]]]:
    """For each account, the other people beside its payers, in order of ids."""
    rivals: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in _chosen(tables, "rival_hypotheses", "account_id", accounts):
        shared = ", ".join(dict.fromkeys(one["shared_kind"].replace("_", " ") for one in row["shared"]))
        told = {name: row[name] for name in ("rival_id", "link_id", "other_table", "other_id")}
        statement = f"somebody else shares with the payer: {shared}; either may have used the account"
        rivals[row["account_id"]].append({**told, "statement": statement})
    return rivals


def _chosen(tables: Session, name: str, column: str, values: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of a table whose column is one of the values."""
    wanted = pa.array(sorted(values), pa.string())
    rows: list[dict[str, Any]] = tables.chosen(name, lambda part: pc.is_in(part[column], value_set=wanted)).to_pylist()
    return rows


def _state(value: object) -> str:
    return "present" if value else "absent"


_ACCOUNT_KINDS = {"nickname": "nickname", "email": "email", "phone": "phone", "pgp_fingerprint": "pgp"}
"""Columns of an account to the kind of identifier in them, in the order in which the key is made of them."""


def _deconfliction_key(account: Mapping[str, Any]) -> str:
    """Digest of the account's identifiers, normalised, in a fixed order; the same wherever they are found.

    An account without any is known by its own id alone: two of them have nothing in common.
    """
    identifiers = [typed_identifier(kind, account[name]) or "" for name, kind in _ACCOUNT_KINDS.items()]
    return content_id("dcf", *identifiers) if any(identifiers) else content_id("dcf", str(account["account_id"]))
