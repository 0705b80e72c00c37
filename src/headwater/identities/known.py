"""Pairs of known answer, weighed by the model as if their rows were in the case; no link comes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa

from headwater.engine import StageContext
from headwater.identities.claims import fitted_priors
from headwater.identities.link import link_records
from headwater.schema import table_named

__all__ = ["KNOWN_LEFT_TABLES", "known_rows", "weighed_known_pairs"]

KNOWN_LEFT_TABLES: Final[Mapping[str, str]] = {"used": "accounts", "held": "customers"}
"""By claim of a pair of known answer, the table that its left row would be in; its right row would be in `records`."""

_KEYS = {"accounts": ("account_id", "platform_key"), "customers": ("customer_id", "source_key")}


def known_rows(known_pairs: pa.Table) -> dict[str, dict[str, dict[str, Any]]]:
    """For each table, the rows that pairs of known answer would have in it, by id.

    Args:
        known_pairs: The table `known_pairs`.
    """
    rows: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for pair in known_pairs.to_pylist():
        table = KNOWN_LEFT_TABLES[pair["claim"]]
        row_id, number = _KEYS[table]
        left = _cells(pair, "left_")
        rows[table][pair["left_id"]] = {row_id: pair["left_id"], **left, number: left["key"] or ""}
        rows["records"][pair["right_id"]] = {"record_id": pair["right_id"], **_cells(pair, "right_")}
    return dict(rows)


def _cells(pair: Mapping[str, Any], side: str) -> dict[str, Any]:
    return {
        name.removeprefix(side): value for name, value in pair.items() if name.startswith(side) and name != f"{side}id"
    }


def weighed_known_pairs(context: StageContext, reports: pa.Table) -> pa.Table:
    """The table `known_links`: what the model says of each pair of known answer, and of its rivals.

    The case is linked once more with the rows of these pairs among its own, so that they are weighed by the same model
    with the same priors as every link beside which they are shown. Of what comes out, only they are kept.

    Args:
        context: The stage's; afterwards its tables hold those rows too, so that this is the last thing it does.
        reports: The table `linkage_reports` of the case without them.
    """
    schema = table_named("known_links")
    pairs = context.tables.arrow("known_pairs")
    if not pairs.num_rows:
        return schema.empty()
    known = known_rows(pairs)
    for table, rows in known.items():
        own = context.tables.arrow(table)
        context.tables.put(table, pa.concat_tables([own, _like_own(own, table, rows.values())]))
    # What is expected of a pair follows from how many rows there are, and is shown: it is that of the case.
    made = link_records(context, priors=fitted_priors(reports))
    against: dict[str, list[str]] = defaultdict(list)
    for fact in made["contrary_facts"].to_pylist():
        against[fact["link_id"] or fact["account_id"]].append(fact["statement"])
    pair_ids = {(pair["claim"], pair["left_id"], pair["right_id"]): pair["known_pair_id"] for pair in pairs.to_pylist()}
    lefts = {left for _, left, _ in pair_ids}
    kept = (row for row in made["links"].to_pylist() if row["left_id"] in lefts)
    columns = {column.name for column in schema.columns}
    return schema.rows(
        {
            **{name: value for name, value in row.items() if name in columns},
            "known_pair_id": pair_ids.get((row["claim"], row["left_id"], row["right_id"])),
            "contrary": against[row["link_id"]] + against[row["left_id"]],
        }
        for row in kept
    )


def _like_own(own: pa.Table, table: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """These rows as rows of the table; what they do not say and may not be absent is as in its first row.

    Of a table without a row there are none: there are no links of its own that they could stand among.
    """
    schema = table_named(table)
    if not own.num_rows:
        return schema.empty()
    [first] = own.slice(0, 1).to_pylist()
    like = {column.name: None if column.nullable else first[column.name] for column in schema.columns}
    return schema.rows({**like, **{name: value for name, value in row.items() if name in like}} for row in rows)
