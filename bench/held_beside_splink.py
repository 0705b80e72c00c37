"""Customers linked to people on record, beside Splink in two ways, on one invented case: seconds, precision, recall.

    python bench/held_beside_splink.py [--accounts 5000]

`splink` is what linked these claims before: Splink blocks and compares columns, by a model made by hand, and candidates
of one row share one certainty. `splink on our levels` is handed every pair that our rules compare, with the level of
each comparison as a column, and adds up our model's m and u as independent; only mutual best pairs are kept of these.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from claims_error_rates import Invented, invented
from headwater.engine import Session, StageContext
from headwater.identities import link_records, read_linkage_model
from headwater.identities.linkage.blocks import blocks_of
from headwater.identities.linkage.compare import Comparer
from headwater.identities.linkage.features import features_of
from headwater.identities.linkage.linkage_model import LEVELS
from headwater.identities.linkage.weighed import WeighedPairs
from headwater.identities.normal import comparable

# Name, condition, m and u of each level; a pair without the columns that a comparison needs is not compared by it.
PLAIN: Mapping[str, tuple[tuple[str, ...], Sequence[tuple[str, float, float]]]] = {
    "given": (
        ("given",),
        (
            ("given_l = given_r", 0.78, 0.008),
            ("given_long_l = given_long_r", 0.09, 0.002),
            ("jaro_winkler_similarity(given_long_l, given_long_r) >= 0.86", 0.09, 0.015),
            ("ELSE", 0.04, 0.975),
        ),
    ),
    "date_of_birth": (
        ("date_of_birth",),
        (
            ("date_of_birth_l = date_of_birth_r", 0.88, 0.00006),
            ("date_of_birth_l = date_of_birth_swapped_r", 0.04, 0.00006),
            (
                (
                    "born_year_month_l = born_year_month_r OR born_month_day_l = born_month_day_r "
                    "OR born_year_day_l = born_year_day_r"
                ),
                0.06,
                0.008,
            ),
            ("ELSE", 0.02, 0.99188),
        ),
    ),
    "surname_and_household": (
        ("surname",),
        (
            ("surname_l = surname_r AND street_l = street_r AND postcode_l = postcode_r", 0.5, 0.0015),
            ("surname_l = surname_r AND phone_l = phone_r", 0.08, 0.0003),
            ("surname_l = surname_r", 0.25, 0.006),
            (
                (
                    "jaro_winkler_similarity(surname_l, surname_r) >= 0.86 AND street_l = street_r "
                    "AND postcode_l = postcode_r"
                ),
                0.07,
                0.0002,
            ),
            ("jaro_winkler_similarity(surname_l, surname_r) >= 0.86", 0.06, 0.008),
            ("ELSE", 0.04, 0.984),
        ),
    ),
    "email": (("email",), (("email_l = email_r", 0.55, 0.00002), ("ELSE", 0.45, 0.99998))),
}
BLOCKING = (
    ("date_of_birth",), ("given", "surname"), ("phone",), ("email",), ("surname", "postcode"), ("street", "postcode"),
)  # fmt: skip


def ours(made: Invented) -> Iterable[tuple[str, str]]:
    with _session(made) as session:
        links = link_records(StageContext(tables=session, workers=2))["links"].to_pylist()
    return [(row["left_id"], row["right_id"]) for row in links if row["claim"] == "held" and row["proposed"]]


def splink(made: Invented) -> Iterable[tuple[str, str]]:
    sides = []
    for name, key in (("customers", "customer_id"), ("records", "record_id")):
        rows = [comparable(row, row[key]) for row in made.tables[name].to_pylist()]
        sides.append(pa.table({n: pa.array([row[n] for row in rows], pa.string()) for n in rows[0]}))
    comparisons = [
        {
            "output_column_name": field,
            "comparison_levels": [
                {
                    "sql_condition": " OR ".join(f"{c}_l IS NULL OR {c}_r IS NULL" for c in needs),
                    "label_for_charts": "absent",
                    "is_null_level": True,
                },
                *(_level(*level) for level in levels),
            ],
        }
        for field, (needs, levels) in PLAIN.items()
    ]
    rules = [" AND ".join(f"l.{c} = r.{c}" for c in columns) for columns in BLOCKING]
    prior = 0.2 / sides[1].num_rows
    found = _predicted(sides, comparisons, rules, prior)
    odds: dict[str, dict[str, float]] = defaultdict(dict)
    for left, right, weight in found:
        odds[left][right] = 2.0**weight
    return [(a, b) for a, rivals in odds.items() for b, o in rivals.items() if o / (1 + sum(rivals.values())) >= 0.5]


def splink_on_our_levels(made: Invented) -> Iterable[tuple[str, str]]:
    model = read_linkage_model()
    sides = [made.tables[name].rename_columns({"street_address": "address"}) for name in ("customers", "records")]
    features = features_of(*sides, latest_year=2029)
    blocks = blocks_of(features, model.rules, most_rows=2_000_000 // max(map(len, sides)), threads=2)
    comparer = Comparer(features, blocks, model, model.uses["held"], 2)
    weighed = comparer.pairs(comparer.first_priors(), least_mbits=-(1 << 30), progress=lambda _: None)
    ids = [side[key] for side, key in zip(sides, ("customer_id", "record_id"), strict=True)]
    count = len(weighed.pairs)
    columns = {"unique_id": pa.array([f"{n:09d}" for n in range(count)])}
    columns |= {field: pa.array(weighed.levels[:, n]) for n, field in enumerate(LEVELS)}
    comparisons = [
        {
            "output_column_name": field,
            "comparison_levels": [
                {"sql_condition": f"{field}_l < 0", "label_for_charts": "absent", "is_null_level": True},
                *(
                    _level(f"{field}_l = {k}", level.m_ppm / 1e6, _mean_u(weighed, n, k, level.m_ppm / 1e6))
                    for k, level in enumerate(levels)
                ),
            ],
        }
        for n, (field, levels) in enumerate(model.comparisons.items())
        if (weighed.levels[:, n] >= 0).any()
    ]
    prior = 0.2 / max(map(len, ids))
    found = _predicted([pa.table(columns)] * 2, comparisons, ["l.unique_id = r.unique_id"], prior)
    at, weight = np.array([int(row[0]) for row in found]), np.array([row[2] for row in found])
    pairs = weighed.pairs[at]
    best = weight >= 0
    for side in (0, 1):
        most = np.full(pairs[:, side].max(initial=0) + 1, -np.inf)
        np.maximum.at(most, pairs[:, side], weight)
        best &= weight == most[pairs[:, side]]
    return [(ids[0][int(a)].as_py(), ids[1][int(b)].as_py()) for a, b in pairs[best]]


def _mean_u(weighed: WeighedPairs, field: int, level: int, m: float) -> float:
    """u of a level as it is on average: where it is by frequency, it differs from pair to pair."""
    here = weighed.levels[:, field] == level
    return float(np.exp2(-weighed.weights_mbits[here, field] / 1000).mean() * m) if here.any() else 1e-6


def _predicted(
    sides: Sequence[pa.Table], comparisons: list[dict[str, Any]], rules: Sequence[str], prior: float
) -> list[tuple[str, str, float]]:
    import duckdb
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(duckdb.connect(config={"threads": 2}))
    frames = [api.register(side, table_name=name) for side, name in zip(sides, ("a_left", "b_right"), strict=True)]
    settings = {
        "link_type": "link_only",
        "unique_id_column_name": "unique_id",
        "probability_two_random_records_match": prior,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
        "blocking_rules_to_generate_predictions": [{"blocking_rule": r, "sql_dialect": "duckdb"} for r in rules],
        "comparisons": comparisons,
    }
    linker = Linker(frames, settings, log_level=None)
    rows = linker.inference.predict(threshold_match_probability=0.0).as_pyarrow_table().to_pylist()
    found = []
    for row in rows:
        by_side = {row[f"source_dataset_{s}"]: row[f"unique_id_{s}"] for s in ("l", "r")}
        found.append((by_side["a_left"], by_side["b_right"], row["match_weight"]))
    return found


def _level(condition: str, m: float, u: float) -> dict[str, Any]:
    return {"sql_condition": condition, "label_for_charts": condition, "m_probability": m, "u_probability": u}


def _session(made: Invented) -> Session:
    session = Session({})
    for name in ("customers", "records"):
        session.put(name, made.tables[name])
    return session


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=5_000)
    options = parser.parse_args()
    made = invented(options.accounts)
    ours(made)  # compiles
    for name, way in (("ours", ours), ("splink", splink), ("splink on our levels", splink_on_our_levels)):
        began = time.process_time(), time.monotonic()
        found = list(way(made))
        spent = time.process_time() - began[0], time.monotonic() - began[1]
        right = [(a, b) for a, b in found if made.person_of[a] == made.person_of[b]]
        reached = {a for a, _ in right}
        wanted = made.reachable["held"]
        print(
            f"{name}: {made.tables['customers'].num_rows:,} customers, {made.tables['records'].num_rows:,} records, "
            f"{spent[1]:.1f} s, {spent[0]:.1f} s of processor; {len(found):,} links, "
            f"precision {len(right) / len(found):.4f}, recall {len(reached & wanted) / len(wanted):.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
