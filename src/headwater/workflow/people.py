"""Where people come in: the queue, their judgements, the leads."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import ConfigError, InputError
from headwater.judgements import HUB_CLAIM, MERGE_CLAIM, VERDICTS, Judgement, append
from headwater.leads import explained_lead, outcome_sums, outcomes_of_leads
from headwater.workflow.case import Actor, Case

__all__ = ["judge_link", "lead_explained", "outcome_report", "queued_hubs", "queued_links", "ranked_leads"]

# What a person needs to see of a row to decide; ids and sources are one `explain` away.
_SHOWN = {
    "accounts": ("account_id", "platform_key", "nickname", "email", "phone", "registered_at_utc"),
    "payments": ("payment_id", "platform_key", "account_id", "txid", "amount_sat", "at_utc"),
    "customers": (
        "customer_id",
        "actor",
        "full_name",
        "date_of_birth",
        "street_address",
        "suburb",
        "country",
        "phone",
        "email",
    ),
    "records": (
        "record_id",
        "full_name",
        "date_of_birth",
        "street_address",
        "suburb",
        "country",
        "phone",
        "email",
        "nickname",
    ),
}
_KEYS = {"accounts": "account_id", "payments": "payment_id", "customers": "customer_id", "records": "record_id"}


def queued_links(tables: Session, *, judged: bool = False, claim: str | None = None) -> list[dict[str, Any]]:
    """The proposed links, least certain first, each with both rows and what speaks against it.

    Args:
        tables: The case's tables.
        judged: Whether to include links that have a judgement.
        claim: used, paid or held; None for all.
    """
    if claim not in {None, "used", "paid", "held"}:
        raise ConfigError(f"--claim '{claim}': known are used, paid, held, hub")
    verdicts = {row["link_id"]: row["verdict"] for row in tables.arrow("judgements").to_pylist()}
    against: dict[str, list[str]] = {}
    for fact in tables.arrow("contrary_facts").to_pylist():
        against.setdefault(fact["link_id"] or fact["account_id"], []).append(fact["statement"])
    rows = {name: {row[key]: row for row in tables.arrow(name).to_pylist()} for name, key in _KEYS.items()}
    found = []
    for link in tables.arrow("links").to_pylist():
        is_judged = link["link_id"] in verdicts
        # A link that a person denied is not proposed any more; whoever asks for what was judged sees it.
        if not (is_judged if judged and is_judged else link["proposed"] and not is_judged):
            continue
        if claim and link["claim"] != claim:
            continue
        sides = {
            side: {k: rows[link[f"{side}_table"]][link[f"{side}_id"]][k] for k in _SHOWN[link[f"{side}_table"]]}
            for side in ("left", "right")
        }
        contrary = against.get(link["link_id"], []) + against.get(link["left_id"], [])
        found.append({**link, **sides, "contrary": contrary, "judged": verdicts.get(link["link_id"])})
    return sorted(found, key=lambda link: (abs(link["probability_ppm"] - 500_000), link["link_id"]))


def queued_hubs(tables: Session, *, judged: bool = False) -> list[dict[str, Any]]:
    """The listed hashes that are set aside, those near most items first, each with the lists it is on.

    Args:
        tables: The case's tables.
        judged: Whether to include those that somebody has decided about.
    """
    hubs = [row for row in tables.arrow("media_hubs").to_pylist() if judged or row["standing"] == "undecided"]
    wanted = {hub["entry_id"] for hub in hubs}
    shown = ("reference_name", "reference_version", "category", "series", "victim_identified")
    entries = tables.columns("hash_list_entries", ("entry_id", *shown))
    entries = entries.filter(pc.is_in(entries["entry_id"], value_set=pa.array(sorted(wanted), pa.string())))
    listed = {row["entry_id"]: row for row in entries.to_pylist()}
    found = [{**hub, **{name: listed[hub["entry_id"]][name] for name in shown}} for hub in hubs]
    return sorted(found, key=lambda hub: (-hub["items"], hub["media_hub_id"]))


def judge_link(case: Case, actor: Actor, link_id: str, verdict: str, *, why: str) -> Judgement:
    """Append a person's judgement on a link, on a listed hash that is set aside, or on a transaction that merges.

    Raises:
        ConfigError: The verdict is none of the three, or no reason is given.
        InputError: There is no such link, hub or transaction.
    """
    if verdict not in VERDICTS:
        raise ConfigError(f"'{verdict}' is no judgement; known are {', '.join(VERDICTS)}")
    if not why.strip():
        raise ConfigError("--why must not be empty; a judgement without a reason cannot be defended")
    with case.tables() as tables:
        link = next((row for row in tables.arrow("links").to_pylist() if row["link_id"] == link_id), None)
        hubs = tables.arrow("media_hubs").to_pylist()
        merges = _joins_scripts(tables, link_id)
    hub = next((row for row in hubs if row["media_hub_id"] == link_id), None)
    if hub is not None:
        of_hub = {"claim": HUB_CLAIM, "left_id": hub["pdq"], "right_id": hub["entry_id"]}
        link = {**of_hub, "match_weight_mbits": 0, "model_id": ""}
    if merges:
        link = {"claim": MERGE_CLAIM, "left_id": link_id, "right_id": "", "match_weight_mbits": 0, "model_id": ""}
    if link is None:
        remedy = "copy the id from 'headwater queue', or a txid from 'headwater explain CASE A B'"
        raise InputError(link_id, "no such link or hub, nor a transaction that merges", remedy=remedy)
    judgement = Judgement(
        link_id=link_id,
        claim=link["claim"],
        left_id=link["left_id"],
        right_id=link["right_id"],
        verdict=verdict,
        operator=actor.name,
        why=why,
        seen_weight_mbits=link["match_weight_mbits"],
        model_id=link["model_id"],
        at_utc=case.now(),
    )
    case.register(actor)
    case.record("judged", actor, object_ids=(link_id, judgement.judgement_id), params={"verdict": verdict})
    with case.database.begin() as connection:
        append(connection, judgement)
    return judgement


def _joins_scripts(tables: Session, txid: str) -> bool:
    """Whether a transaction spends from two scripts or more, so that it can merge, or could before it was cut."""
    inputs = tables.arrow("tx_inputs")
    return len(inputs.filter(pc.equal(inputs["txid"], txid))["script_hex"].unique()) > 1


def lead_explained(tables: Session, wanted: str) -> dict[str, Any]:
    """Every rule of a lead, what parts it from its neighbours, what would move it, and what speaks against it.

    Raises:
        InputError: There is no such lead.
    """
    told = explained_lead(tables, wanted)
    rows = tables.arrow("leads")
    [lead] = rows.filter(pc.equal(rows["lead_id"], told["lead_id"])).to_pylist()
    missing = [f"{part['field']} ({part['state']})" for part in lead["completeness"] if part["state"] != "present"]
    shown = {name: lead[name] for name in ("contrary", "jurisdiction", "why_now")}
    outcomes = outcomes_of_leads(tables.arrow("outcomes")).get(told["lead_id"], [])
    return {**told, **shown, "missing": missing, "outcomes": outcomes}


def outcome_report(tables: Session) -> list[dict[str, Any]]:
    """What became of the leads, by tier and by rule, and how often one was right."""
    leads = tables.columns("leads", ["lead_id", "risk_tier", "rules_fired"])
    return outcome_sums(tables.arrow("outcomes"), leads)


def ranked_leads(tables: Session, *, country: str | None = None, unattributed: bool = False) -> list[dict[str, Any]]:
    """The leads in order, with the nickname of each account and what became of it.

    Args:
        tables: The case's tables.
        country: Only leads for which there is evidence of this country.
        unattributed: Only leads for which there is evidence of none.

    Raises:
        ConfigError: Both are asked for.
    """
    if country is not None and unattributed:
        raise ConfigError("--country and --unattributed exclude each other")
    names = {row["account_id"]: row["nickname"] for row in tables.arrow("accounts").to_pylist()}
    outcomes = outcomes_of_leads(tables.arrow("outcomes"))
    leads = [
        {**lead, "nickname": names.get(lead["account_id"]), "outcomes": outcomes.get(lead["lead_id"], [])}
        for lead in tables.arrow("leads").to_pylist()
    ]
    if unattributed:
        return [lead for lead in leads if not lead["jurisdiction"]]
    if country is None:
        return leads
    return [lead for lead in leads if any(part["country"] == country for part in lead["jurisdiction"])]
