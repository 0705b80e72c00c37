"""The identities stage: three claims, each with its own evidence; nothing follows from a link until a person judges."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from headwater.engine import StageContext
from headwater.identities.contrary import contrary_facts
from headwater.identities.model import Claim, Level, LinkModel, read_model
from headwater.identities.normal import comparable
from headwater.identities.paid import traced_shares
from headwater.identities.pairs import compared_pairs
from headwater.schema import content_id, table_named

__all__ = ["link_records"]

_SIDES = {"held": ("customers", "records"), "used": ("accounts", "records"), "paid": ("payments", "customers")}
_KEYS = {"accounts": "account_id", "customers": "customer_id", "records": "record_id"}
_CLAIM_WORDS = {
    "used": "the account was used by this person",
    "paid": "the payment was made by this customer of the service",
    "held": "the service's customer is this person",
}
KEPT_MBITS = -7_000
"""Pairs below this weight are not kept even as rivals: their odds are worse than 1 to 128."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    claim: str
    left_id: str
    right_id: str
    prior_mbits: int
    levels: tuple[tuple[str, Level], ...]

    @property
    def weight_mbits(self) -> int:
        return self.prior_mbits + sum(level.weight_mbits for _, level in self.levels)


def link_records(context: StageContext) -> dict[str, pa.Table]:
    """The tables `links` and `contrary_facts`."""
    model = read_model()
    weighed = [
        *_compared(context, model.claims["held"]),
        *_compared(context, model.claims["used"]),
        *_paid(context, model.claims["paid"]),
    ]
    limit_ppm = int(str(context.parameters.get("queue_min_probability_ppm", 500_000)))
    links = _links(weighed, model, limit_ppm)
    context.tables.put("links", links)
    return {"links": links, "contrary_facts": contrary_facts(context)}


def _compared(context: StageContext, claim: Claim) -> Iterable[_Weighed]:
    left_table, right_table = _SIDES[claim.name]
    left = _comparable_rows(context, left_table)
    right = _comparable_rows(context, right_table)
    prior = claim.prior_mbits(len(right))
    for pair in compared_pairs(context.tables, claim, left, right):
        yield _Weighed(
            claim=claim.name, left_id=pair.left_id, right_id=pair.right_id, prior_mbits=prior, levels=pair.levels
        )


def _comparable_rows(context: StageContext, table: str) -> Sequence[Mapping[str, Any]]:
    key = _KEYS[table]
    return [comparable(row, row[key]) for row in context.tables.arrow(table).to_pylist()]


def _paid(context: StageContext, claim: Claim) -> Iterable[_Weighed]:
    """Payments and the customers whose withdrawals they were made of."""
    (comparison,) = claim.comparisons
    prior = claim.prior_mbits(context.tables.arrow("customers").num_rows)
    for share in traced_shares(context):
        level = next(lv for lv in comparison.levels if share.least_ppm >= lv.least_percent * 10_000)
        yield _Weighed(
            claim="paid",
            left_id=share.payment_id,
            right_id=share.customer_id,
            prior_mbits=prior,
            levels=((comparison.field, level),),
        )


def _links(weighed: Sequence[_Weighed], model: LinkModel, limit_ppm: int) -> pa.Table:
    """The links, rivals taken into account: an account has one user, a payment one payer, a customer is one person.

    The probability of a link is its odds over one plus the odds of all candidates of the same left row, so that
    two equally good candidates never both look certain.
    """
    kept = [w for w in weighed if w.weight_mbits >= KEPT_MBITS]
    candidates: dict[tuple[str, str], list[_Weighed]] = defaultdict(list)
    for w in kept:
        candidates[w.claim, w.left_id].append(w)
    rows: list[dict[str, Any]] = []
    for w in kept:
        rivals = candidates[w.claim, w.left_id]
        probability = _probability_ppm(w, rivals)
        left_table, right_table = _SIDES[w.claim]
        rows.append(
            {
                "link_id": content_id("lnk", w.claim, w.left_id, w.right_id),
                "claim": w.claim,
                "left_table": left_table,
                "left_id": w.left_id,
                "right_table": right_table,
                "right_id": w.right_id,
                "proposed": probability >= limit_ppm,
                "match_weight_mbits": w.weight_mbits,
                "probability_ppm": probability,
                "comparisons": list(_bars(w)),
                "because": _because(w),
                "model_id": model.model_id,
                "rivals": len(rivals) - 1,
            },
        )
    return table_named("links").rows(rows)


def _bars(w: _Weighed) -> Iterator[dict[str, Any]]:
    """What the weight is made of, one bar after the other."""
    yield {
        "field": "prior",
        "level": "before anything is compared",
        "weight_mbits": w.prior_mbits,
        "rows_with_value": None,
        "sentence": "so seldom is a pair of rows, whatever they say, one of this claim",
    }
    for field, level in w.levels:
        yield {
            "field": field,
            "level": level.name,
            "weight_mbits": level.weight_mbits,
            "rows_with_value": None,
            "sentence": f"{field.replace('_', ' ')}: {level.name}",
        }


def _probability_ppm(wanted: _Weighed, rivals: Sequence[_Weighed]) -> int:
    """Probability among the rivals and none of them, in parts per million; integers, so that no order of sums shows."""
    odds = {w.right_id: _odds(w.weight_mbits) for w in rivals}
    total = _odds(0) + sum(odds.values())
    return odds[wanted.right_id] * 1_000_000 // total


def _odds(mbits: int) -> int:
    """2 to the weight, as an integer scaled by 2**40; weights are capped at 60 bits, where nothing changes any more."""
    capped = max(-40_000, min(60_000, mbits))
    return round(math.pow(2.0, capped / 1000 + 40))


def _because(w: _Weighed) -> str:
    agreeing = [f"{field.replace('_', ' ')}: {level.name}" for field, level in w.levels if level.weight_mbits > 0]
    return f"{_CLAIM_WORDS[w.claim]}, proposed because of {'; '.join(agreeing) or 'nothing that agrees'}"
