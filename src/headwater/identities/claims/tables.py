"""The claims' candidate pairs as tables: `links` and `linkage_reports`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from headwater.identities.claims.bars import NO_COUNT, NOT_MADE, Bar, ClaimPairs
from headwater.identities.claims.proposed import expected, probabilities_ppm, proposed
from headwater.identities.claims.sentences import sentence
from headwater.identities.claims.standing import Denials
from headwater.identities.linkage.linkage_model import LinkageModel
from headwater.identities.linkage.weighed import I64
from headwater.schema import content_id, table_named

__all__ = ["bar_lists", "links_table", "positive_reasons", "reports_table"]

LINES_PPM = (500_000, 900_000, 950_000, 990_000, 999_000)
"""Probabilities for which a report says how many links there are, and what is expected of them."""
_CLAIM_WORDS = {
    "used": "the account was used by this person",
    "paid": "the payment was made by this customer of the service",
    "held": "the service's customer is this person",
}


def links_table(
    claims: Sequence[ClaimPairs], model: LinkageModel, least_precision_ppm: int, denials: Denials
) -> pa.Table:
    """The table `links`.

    Args:
        claims: The pairs that are kept of each claim.
        model: Stands in each link by its digest.
        least_precision_ppm: Expected share of right ones among those that are proposed.
        denials: What a person denied; it is kept, marked, and not proposed.
    """
    schema = table_named("links")
    parts = [_links(pairs, model, least_precision_ppm, denials) for pairs in claims]
    return schema.checked(pa.concat_tables(parts))


def _links(pairs: ClaimPairs, model: LinkageModel, least_precision_ppm: int, denials: Denials) -> pa.Table:
    sides, count = pairs.sides, len(pairs.left)
    total = pairs.total_mbits
    ppm = probabilities_ppm(total)
    barred = denials.of_pairs(pairs)
    lefts = sides.left_ids.take(pa.array(pairs.left)).to_pylist()
    rights = sides.right_ids.take(pa.array(pairs.right)).to_pylist()
    free = np.array([by is None for by in barred], np.bool_)
    chosen = np.zeros(count, np.bool_)
    chosen[free] = proposed(ppm[free], least_precision_ppm)
    words = _CLAIM_WORDS[sides.claim]
    reasons = positive_reasons(pairs, "; ")
    return table_named("links").part(
        {
            "link_id": [content_id("lnk", sides.claim, one, other) for one, other in zip(lefts, rights, strict=True)],
            "claim": [sides.claim] * count,
            "left_table": [sides.left_table] * count,
            "left_id": lefts,
            "right_table": [sides.right_table] * count,
            "right_id": rights,
            "proposed": pa.array(chosen),
            "match_weight_mbits": pa.array(total),
            "probability_ppm": pa.array(ppm),
            "comparisons": bar_lists(pairs),
            "because": [f"{words}, proposed because of {told or 'nothing that agrees'}" for told in reasons],
            "model_id": [model.model_id] * count,
            "rivals": pa.array(_rivals(pairs)),
            "barred_by": pa.array(barred, pa.string()),
        }
    )


def _rivals(pairs: ClaimPairs) -> I64:
    """For each pair how many others there are of its left row."""
    return np.bincount(pairs.left, minlength=1)[pairs.left].astype(np.int64) - 1


def positive_reasons(pairs: ClaimPairs, joint: str) -> list[str]:
    """For each pair what speaks for it, in a few words."""
    told: list[list[str]] = [[] for _ in range(len(pairs.left))]
    for bar in pairs.bars:
        if bar.field == "prior":
            continue
        words = [f"{bar.field.replace('_', ' ')}: {level}" for level in bar.levels]
        for at in np.flatnonzero((bar.level != NOT_MADE) & (bar.weight_mbits > 0)).tolist():
            told[at].append(words[bar.level[at]])
    return [joint.join(parts) for parts in told]


def bar_lists(pairs: ClaimPairs) -> pa.Array:
    """For each pair its bars, as the column `comparisons` has them."""
    made = np.stack([bar.level != NOT_MADE for bar in pairs.bars], axis=1) if pairs.bars else np.zeros((0, 0), np.bool_)
    starts = np.r_[0, np.cumsum(made.sum(axis=1))].astype(np.int32) if len(made) else np.zeros(1, np.int32)
    places = starts[:-1, None] + np.cumsum(made, axis=1) - made if len(made) else made
    cells: list[tuple[Any, ...]] = [()] * int(starts[-1])
    for n, bar in enumerate(pairs.bars):
        for at in np.flatnonzero(made[:, n]).tolist():
            cells[places[at, n]] = _cells(bar, at)
    kind = table_named("links").arrow.field("comparisons").type
    columns = list(zip(*cells, strict=True)) if cells else [()] * len(kind.value_type)
    fields = [kind.value_type.field(n) for n in range(kind.value_type.num_fields)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)]
    return pa.ListArray.from_arrays(pa.array(starts), pa.StructArray.from_arrays(arrays, fields=fields)).cast(kind)


def _cells(bar: Bar, at: int) -> tuple[str, str, int, int | None, str]:
    level, weight, rows = bar.levels[bar.level[at]], int(bar.weight_mbits[at]), int(bar.rows_with_value[at])
    value = None if bar.values is None else bar.values[at].as_py()
    reason = None if bar.reasons is None else bar.reasons[at].as_py()
    counted = None if rows == NO_COUNT else rows
    told = sentence(bar.field, level, weight, counted, bar.of_rows, value=value, reason=reason)
    return bar.field, level, weight, counted, told


def reports_table(claims: Sequence[ClaimPairs], links: pa.Table, model: LinkageModel) -> pa.Table:
    """The table `linkage_reports`: how each claim went in this case, and how right it is expected to be.

    Args:
        claims: Every claim, with all the pairs that are kept.
        links: The table `links`.
        model: The model.
    """
    return table_named("linkage_reports").rows(_report(pairs, links, model) for pairs in claims)


def _report(pairs: ClaimPairs, links: pa.Table, model: LinkageModel) -> dict[str, Any]:
    sides = pairs.sides
    mine = np.asarray(links["claim"]) == sides.claim
    ppm = np.asarray(links["probability_ppm"])[mine]
    barred = int(np.count_nonzero(np.asarray(links["barred_by"].is_valid())[mine]))
    told = expected(ppm[np.asarray(links["proposed"])[mine]])
    lines = [(line, expected(ppm[ppm >= line])) for line in LINES_PPM]
    return {
        "claim": sides.claim,
        "left_table": sides.left_table,
        "left_rows": len(sides.left_ids),
        "right_table": sides.right_table,
        "right_rows": len(sides.right_ids),
        "rules": [
            {"rule": r.rule, "pairs_compared": r.pairs_compared, "pairs_left_out": r.pairs_left_out}
            for r in pairs.rules
        ],
        "pairs_compared": sum(rule.pairs_compared for rule in pairs.rules),
        "prior_mbits": pairs.same_mbits,
        "household_prior_mbits": pairs.household_mbits,
        "moved_ppm": pairs.moved_ppm,
        "links_kept": int(np.count_nonzero(mine)),
        "lines": [
            {
                "least_probability_ppm": line,
                "links": found.links,
                "expected_precision_ppm": found.precision_ppm,
                "expected_wrong": found.wrong,
            }
            for line, found in lines
        ],
        "links_proposed": told.links,
        "expected_precision_ppm": told.precision_ppm,
        "expected_wrong": told.wrong,
        "links_barred": barred,
        "model_id": model.model_id,
        "model_version": model.version,
    }
