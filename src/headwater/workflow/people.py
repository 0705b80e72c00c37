"""The leads as people read them: in order, explained, and what became of them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from headwater.engine import Session
from headwater.errors import ConfigError, InputError
from headwater.leads import claim_rows, concerned, explained_lead, lead_named, outcome_sums, outcomes_of_leads
from headwater.workflow.case import Case

__all__ = ["lead_explained", "named_lead", "outcome_report", "ranked_leads"]

_SHOWN_OF_LEAD = (
    "contrary",
    "jurisdiction",
    "jurisdiction_version",
    "lead_country",
    "lead_country_margin",
    "shared_with",
    "why_now",
)


def named_lead(case: Case, wanted: str) -> tuple[str, ...]:
    """Ids of the lead and the account that somebody names by a lead, an account or a rank; else what they typed.

    A rank moves with the next run, and is nobody's key: what is recorded is whom it stood for.
    """
    with case.tables() as tables, suppress(InputError):
        lead = lead_named(tables, wanted, columns=["lead_id", "account_id"])
        return lead["lead_id"], lead["account_id"]
    return (wanted,)


def lead_explained(tables: Session, wanted: str) -> dict[str, Any]:
    """Every rule of a lead, what parts it from its neighbours, what would move it, and what speaks against it.

    Raises:
        InputError: There is no such lead.
    """
    told = explained_lead(tables, wanted)
    lead = lead_named(tables, told["lead_id"])
    missing = [f"{part['field']} ({part['state']})" for part in lead["completeness"] if part["state"] != "present"]
    shown = {name: lead[name] for name in _SHOWN_OF_LEAD}
    rivals = tables.keyed("rival_hypotheses", "rival_id", [rival["rival_id"] for rival in lead["rivals"]]).to_pylist()
    reported = tables.keyed("outcomes", "lead_id", [told["lead_id"]])
    outcomes = outcomes_of_leads(reported).get(told["lead_id"], [])
    claims = claim_rows(tables, lead)
    return {**told, **shown, "rivals": rivals, "missing": missing, "outcomes": outcomes, "claims": claims}


def outcome_report(tables: Session) -> list[dict[str, Any]]:
    """What became of the leads, by tier and by rule, and how often one was right."""
    outcomes = tables.arrow("outcomes")
    reported = outcomes["lead_id"].unique().to_pylist()
    leads = tables.keyed("leads", "lead_id", reported, columns=["lead_id", "risk_tier", "rules_fired"])
    return outcome_sums(outcomes, leads)


def ranked_leads(
    tables: Session, *, country: str | None = None, unattributed: bool = False, of_victims: bool = False
) -> list[dict[str, Any]]:
    """The leads in order, with the nickname of each account and what became of it.

    Args:
        tables: The case's tables.
        country: Only leads that this country is proposed to lead or to share.
        unattributed: Only leads for which there is evidence of none.
        of_victims: The leads that stand apart, because somebody stated their subject to be a victim.

    Raises:
        ConfigError: Both are asked for.
    """
    if country is not None and unattributed:
        raise ConfigError("--country and --unattributed exclude each other")
    names = {row["account_id"]: row["nickname"] for row in tables.arrow("accounts").to_pylist()}
    outcomes = outcomes_of_leads(tables.arrow("outcomes"))
    leads = [
        {**lead, "nickname": names.get(lead["account_id"]), "outcomes": outcomes.get(lead["lead_id"], [])}
        for lead in tables.arrow("victim_leads" if of_victims else "leads").to_pylist()
    ]
    if unattributed:
        return [lead for lead in leads if not lead["jurisdiction"]]
    if country is None:
        return leads
    return [lead for lead in leads if country in concerned(lead)]
