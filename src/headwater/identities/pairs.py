"""Blocking and comparison levels by Splink, from settings that are generated from the neutral model."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from headwater.engine import Session
from headwater.identities.model import Claim, Comparison, Level

__all__ = ["Pair", "compared_pairs", "splink_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair that met a blocking rule, with the level each comparison came to.

    Attributes:
        left_id: Left row.
        right_id: Right row.
        levels: For each comparison that could be made, its field and level.
    """

    left_id: str
    right_id: str
    levels: tuple[tuple[str, Level], ...]


def compared_pairs(
    tables: Session, claim: Claim, left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]
) -> list[Pair]:
    """Every pair that a blocking rule brings together, in order of ids.

    Splink does the blocking and says which level each comparison comes to; weights are summed elsewhere, in integers,
    so that they are the same on every engine.

    Args:
        tables: The session whose engine does it.
        claim: Blocking rules and comparisons.
        left: Comparable rows, each with `unique_id`.
        right: Comparable rows, each with `unique_id`.
    """
    if not left or not right:
        return []
    from splink import Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = tables.splink_api()
    names = sorted({name for row in (*left, *right) for name in row})
    frames = [
        api.register(pa.table({n: pa.array([r.get(n) for r in rows], pa.string()) for n in names}), table_name=label)
        for label, rows in (("a_left", left), ("b_right", right))
    ]
    linker = Linker(frames, splink_settings(claim), log_level=None)
    found = linker.inference.predict(threshold_match_probability=0.0).as_pyarrow_table().to_pylist()
    pairs = {}
    for row in found:
        sides = {row["source_dataset_l"]: row["unique_id_l"], row["source_dataset_r"]: row["unique_id_r"]}
        levels = tuple(
            (c.field, level) for c in claim.comparisons if (level := _level(c, row[f"gamma_{c.field}"])) is not None
        )
        pairs[sides["a_left"], sides["b_right"]] = levels
    return [Pair(left_id=k[0], right_id=k[1], levels=levels) for k, levels in sorted(pairs.items())]


def _level(comparison: Comparison, gamma: int) -> Level | None:
    """The level behind Splink's number: highest first, 0 for `otherwise`, -1 for nothing to compare."""
    return None if gamma < 0 else comparison.levels[len(comparison.levels) - 1 - gamma]


def splink_settings(claim: Claim) -> dict[str, Any]:
    """Splink's settings for a claim, with the model's probabilities as its starting and only values."""
    return {
        "link_type": "link_only",
        "unique_id_column_name": "unique_id",
        "retain_intermediate_calculation_columns": True,
        # Splink keeps the levels only together with the columns they were made from.
        "retain_matching_columns": True,
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": " AND ".join(f'l."{c}" = r."{c}"' for c in columns), "sql_dialect": "duckdb"}
            for columns in claim.blocking
        ],
        "comparisons": [_splink_comparison(comparison) for comparison in claim.comparisons],
    }


def _splink_comparison(comparison: Comparison) -> dict[str, Any]:
    absent = " OR ".join(f'"{c}_l" IS NULL OR "{c}_r" IS NULL' for c in comparison.needs)
    null = {"sql_condition": absent, "label_for_charts": "cannot compare", "is_null_level": True}
    levels = [
        {
            "sql_condition": _condition(level),
            "label_for_charts": level.name,
            "m_probability": level.m_ppm / 1_000_000,
            "u_probability": level.u_ppm / 1_000_000,
        }
        for level in comparison.levels
    ]
    return {"output_column_name": comparison.field, "comparison_levels": [null, *levels]}


def _condition(level: Level) -> str:
    """The level's rule in DuckDB's SQL; the column names come from our own model file, never from evidence."""
    equal = [f'"{c}_l" = "{c}_r"' for c in level.columns]
    if level.rule == "equal":
        return " AND ".join(equal)
    if level.rule == "any_equal":
        return " OR ".join(equal)
    if level.rule == "crossed":
        one, other = level.columns
        return f'"{one}_l" = "{other}_r"'
    if level.rule == "similar":
        column = level.columns[0]
        similar = f'jaro_winkler_similarity("{column}_l", "{column}_r") >= {level.least_percent / 100:.2f}'
        return " AND ".join([similar, *(f'"{c}_l" = "{c}_r"' for c in level.also_equal)])
    return "ELSE"
