"""The claims' candidate pairs as tables: `links` and `linkage_reports`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.identities.claims.bars import NO_COUNT, NOT_MADE, Bar, ClaimPairs
from headwater.identities.claims.proposed import expected, probabilities_ppm, proposed
from headwater.identities.claims.sentences import sentence
from headwater.identities.claims.standing import Denials
from headwater.identities.linkage.linkage_model import LinkageModel
from headwater.identities.linkage.weighed import I64, Priors
from headwater.schema import content_id, table_named

__all__ = ["bar_lists", "fitted_priors", "links_table", "positive_reasons", "reports_table"]

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
            "because": pc.binary_join_element_wise(
                f"{words}, proposed because of ", pc.if_else(pc.equal(reasons, ""), "nothing that agrees", reasons), ""
            ),
            "model_id": [model.model_id] * count,
            "rivals": pa.array(_rivals(pairs)),
            "barred_by": pa.array(barred, pa.string()),
        }
    )


def _rivals(pairs: ClaimPairs) -> I64:
    """For each pair how many others there are of its left row."""
    return np.bincount(pairs.left, minlength=1)[pairs.left].astype(np.int64) - 1


def positive_reasons(pairs: ClaimPairs, joint: str) -> pa.Array:
    """For each pair what speaks for it, in a few words."""
    bars = [bar for bar in pairs.bars if bar.field != "prior"]
    speaks = [np.where((bar.level != NOT_MADE) & (bar.weight_mbits > 0), bar.level, NOT_MADE) for bar in bars]
    if not bars:
        return pa.array([], pa.string())
    alike, inverse = np.unique(np.stack(speaks, axis=1), axis=0, return_inverse=True)
    told = [
        joint.join(
            f"{bar.field.replace('_', ' ')}: {bar.levels[lv]}" for bar, lv in zip(bars, row, strict=True) if lv >= 0
        )
        for row in alike.tolist()
    ]
    return pa.array(told, pa.string()).take(pa.array(inverse.reshape(-1)))


def bar_lists(pairs: ClaimPairs) -> pa.Array:
    """For each pair its bars, as the column `comparisons` has them."""
    kind = table_named("links").arrow.field("comparisons").type
    fields = [kind.value_type.field(n) for n in range(kind.value_type.num_fields)]
    made = [np.flatnonzero(bar.level != NOT_MADE) for bar in pairs.bars]
    of_pair = np.concatenate([np.zeros(0, np.int64), *made])
    parts = [_told(bar, at) for bar, at in zip(pairs.bars, made, strict=True)]
    order = pa.array(np.argsort(of_pair, kind="stable"))
    columns = [
        pa.concat_arrays([pa.array([], field.type), *(part[n].cast(field.type) for part in parts)]).take(order)
        for n, field in enumerate(fields)
    ]
    starts = np.r_[0, np.cumsum(np.bincount(of_pair, minlength=len(pairs.left)))].astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.StructArray.from_arrays(columns, fields=fields)).cast(kind)


def _told(bar: Bar, at: I64) -> tuple[pa.Array, ...]:
    """Of these pairs the bar's field, level, weight, number of rows and sentence; like ones are put into words once."""
    values, reasons = (_encoded(column, at) for column in (bar.values, bar.reasons))
    said = np.stack([bar.level[at], bar.weight_mbits[at], bar.rows_with_value[at], values[1], reasons[1]], axis=1)
    alike, inverse = np.unique(said, axis=0, return_inverse=True)
    sentences = [
        sentence(
            bar.field, bar.levels[level], weight, None if rows == NO_COUNT else rows, bar.of_rows,
            value=values[0][value] if value >= 0 else None, reason=reasons[0][reason] if reason >= 0 else None,
        )
        for level, weight, rows, value, reason in alike.tolist()
    ]  # fmt: skip
    rows = bar.rows_with_value[at]
    return (
        pa.array([bar.field], pa.string()).take(pa.array(np.zeros(len(at), np.int32))),
        pa.array(bar.levels, pa.string()).take(pa.array(bar.level[at])),
        pa.array(bar.weight_mbits[at]),
        pa.array(rows, mask=rows == NO_COUNT),
        pa.array(sentences, pa.string()).take(pa.array(inverse.reshape(-1))),
    )


def _encoded(column: pa.Array | None, at: I64) -> tuple[list[str], I64]:
    """The distinct texts of a column, and for each of these pairs the number of its own; -1 for none."""
    if column is None:
        return [], np.full(len(at), -1, np.int64)
    encoded = column.take(pa.array(at)).dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return encoded.dictionary.to_pylist(), codes.astype(np.int64)


def reports_table(claims: Sequence[ClaimPairs], links: pa.Table, model: LinkageModel) -> pa.Table:
    """The table `linkage_reports`: how each claim went in this case, and how right it is expected to be.

    Args:
        claims: Every claim, with all the pairs that are kept.
        links: The table `links`.
        model: The model.
    """
    return table_named("linkage_reports").rows(_report(pairs, links, model) for pairs in claims)


def fitted_priors(reports: pa.Table) -> dict[str, Priors]:
    """For each claim that compares people, what was expected of a pair.

    Args:
        reports: The table `linkage_reports`.
    """
    return {
        row["claim"]: Priors(
            same_mbits=row["prior_mbits"],
            household_mbits=row["household_prior_mbits"],
            moved_ppm=row["moved_ppm"] or 1,
        )
        for row in reports.to_pylist()
        if row["household_prior_mbits"] is not None
    }


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
