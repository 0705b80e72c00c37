"""How far judgements and probabilities can be relied upon: measured by known answers, by repeats, by outcomes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from headwater.engine import Session
from headwater.judgements import (
    Agreement,
    Judgement,
    KnownAnswers,
    Share,
    agreement_with_others,
    agreement_with_self,
    is_about_link,
    known_answers,
    same_person,
    share_of,
)
from headwater.leads import standing_outcomes

__all__ = ["AgreementReport", "agreement_report"]

_BANDS_PPM: Final = (0, 500_000, 750_000, 900_000, 990_000, 999_000)
"""Least probability of each band; the last ends at certainty."""

_MILLION: Final = 1_000_000
_RIGHT: Final = frozenset({"child_safeguarded", "payer_identified"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementReport:
    """What was measured.

    Attributes:
        known: For each person, how pairs of known answer were judged, and what follows for that person's positives.
        repeated: For each person and each two people, how judgements of one pair go together.
        bands: For each band of probability, what the model expected of its links and what came of them.
        known_pairs: Pairs of known answer in the case.
        known_pairs_shown: Those of them that the model would propose, so that the queue can show them.
    """

    known: list[dict[str, Any]]
    repeated: list[dict[str, Any]]
    bands: list[dict[str, Any]]
    known_pairs: int
    known_pairs_shown: int


def agreement_report(tables: Session, judgements: Sequence[Judgement]) -> AgreementReport:
    """What known answers, repeats and outcomes say of judgements and of the model.

    Args:
        tables: The case's tables.
        judgements: All of them, in order.
    """
    pairs = tables.arrow("known_pairs").to_pylist()
    answers = {("known", pair["left_id"], pair["right_id"]): pair["answer"] for pair in pairs}
    links = {
        row["link_id"]: row
        for row in tables.columns(
            "links", ["link_id", "claim", "left_id", "right_id", "proposed", "probability_ppm"]
        ).to_pylist()
    }
    expected = _expected_ppm(links, judgements)
    known_links = tables.columns("known_links", ["proposed", "known_pair_id"]).to_pylist()
    return AgreementReport(
        known=[
            _known_row(found, expected.get(same_person(found.operator))) for found in known_answers(judgements, answers)
        ],
        repeated=[
            *(_agreement_row("with_self", found) for found in agreement_with_self(judgements)),
            *(_agreement_row("with_other", found) for found in agreement_with_others(judgements)),
        ],
        bands=_bands(tables, links),
        known_pairs=len(pairs),
        known_pairs_shown=sum(row["proposed"] and row["known_pair_id"] is not None for row in known_links),
    )


def _expected_ppm(links: Mapping[str, Mapping[str, Any]], judgements: Sequence[Judgement]) -> dict[str, int]:
    """For each person, the mean probability of the links that they judged."""
    probability = {(row["claim"], row["left_id"], row["right_id"]): row["probability_ppm"] for row in links.values()}
    given: dict[str, dict[tuple[str, str, str], int]] = defaultdict(dict)
    for judgement in judgements:
        if is_about_link(judgement) and judgement.subject in probability:
            given[judgement.person][judgement.subject] = probability[judgement.subject]
    return {person: sum(seen.values()) // len(seen) for person, seen in given.items()}


def _known_row(found: KnownAnswers, expected_ppm: int | None) -> dict[str, Any]:
    return {
        "measure": "known_answers",
        "operator": found.operator,
        "same_right": found.same_right,
        "same_wrong": found.same_wrong,
        "different_right": found.different_right,
        "different_wrong": found.different_wrong,
        "unsure": found.unsure,
        **_share_columns("right", found.right),
        "expected_ppm": expected_ppm,
        **_share_columns("positives_right", found.precision(expected_ppm)),
    }


def _share_columns(name: str, share: Share) -> dict[str, int | None]:
    return {f"{name}_ppm": share.ppm, f"{name}_least_ppm": share.least_ppm, f"{name}_most_ppm": share.most_ppm}


def _agreement_row(measure: str, found: Agreement) -> dict[str, Any]:
    return {
        "measure": measure,
        "operator": found.operator,
        "other": found.other,
        "pairs": found.pairs,
        "agreed": found.agreed,
        **_share_columns("agreed", share_of(found.agreed, found.pairs)),
        "kappa_ppm": found.kappa_ppm,
    }


@dataclass(slots=True)
class _Band:
    probabilities: list[int] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[bool] = field(default_factory=Counter)
    right: int = 0
    wrong: int = 0


def _bands(tables: Session, links: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By claim and probability, the links proposed, what the model expected and what judgements and outcomes say."""
    verdicts = {row["link_id"]: row["verdict"] for row in tables.arrow("judgements").to_pylist()}
    told = dict(_links_told_of(tables, links, verdicts))
    bands: dict[tuple[str, int], _Band] = {}
    for link_id, link in links.items():
        if not link["proposed"]:
            continue
        least = max(bound for bound in _BANDS_PPM if bound <= link["probability_ppm"])
        band = bands.setdefault((link["claim"], least), _Band())
        band.probabilities.append(link["probability_ppm"])
        verdict = verdicts.get(link_id)
        if verdict is not None:
            band.verdicts[verdict] += 1
        if link_id in told:
            band.outcomes[told[link_id]] += 1
        # What came of a link outranks what somebody said of it.
        right = told.get(link_id, {"positive": True, "negative": False}.get(verdict or ""))
        band.right += right is True
        band.wrong += right is False
    return [_band_row(claim, least, band) for (claim, least), band in sorted(bands.items())]


def _band_row(claim: str, least: int, band: _Band) -> dict[str, Any]:
    observed = share_of(band.right, band.right + band.wrong)
    return {
        "measure": "probability_band",
        "claim": claim,
        "least_ppm": least,
        "below_ppm": next((bound for bound in _BANDS_PPM if bound > least), _MILLION),
        "links": len(band.probabilities),
        "expected_ppm": sum(band.probabilities) // len(band.probabilities),
        "judged_positive": band.verdicts["positive"],
        "judged_negative": band.verdicts["negative"],
        "judged_unsure": band.verdicts["unsure"],
        "outcome_right": band.outcomes[True],
        "outcome_wrong": band.outcomes[False],
        **_share_columns("observed", observed),
    }


def _links_told_of(
    tables: Session, links: Mapping[str, Mapping[str, Any]], verdicts: Mapping[str, str]
) -> Iterator[tuple[str, bool]]:
    """The links on which a reported lead rested, and whether it led to the right person.

    These are the links of the lead's account and of its payments that were judged positive: others named nobody to
    whoever worked on the lead. No action says nothing of either.
    """
    account_of = {
        row["lead_id"]: row["account_id"] for row in tables.columns("leads", ["lead_id", "account_id"]).to_pylist()
    }
    payer_of = dict(_pairs(tables.columns("payments", ["payment_id", "account_id"])))
    right: dict[str, bool] = {}
    for lead, outcome in standing_outcomes(tables.arrow("outcomes")).items():
        if lead in account_of and outcome != "no_action":
            right[account_of[lead]] = outcome in _RIGHT
    for link_id, link in links.items():
        account = payer_of.get(link["left_id"], link["left_id"])
        if account in right and verdicts.get(link_id) == "positive":
            yield link_id, right[account]


def _pairs(rows: pa.Table) -> Iterator[tuple[str, str]]:
    one, other = rows.column_names
    return zip(rows[one].to_pylist(), rows[other].to_pylist(), strict=True)
