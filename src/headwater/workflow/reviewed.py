"""Pairs as a person is shown them: both rows, what speaks against, other candidates, and what the weight is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from headwater.errors import IntegrityError
from headwater.identities import KNOWN_LEFT_TABLES, known_rows
from headwater.schema import table_named
from headwater.workflow.review_rows import ReviewRows

__all__ = ["SHOWN_COLUMNS", "reviewed_pairs"]

# What a person needs to see of a row to decide; ids and sources are one `explain` away.
_PERSON = ("full_name", "date_of_birth", "street_address", "suburb", "country", "phone", "email")
SHOWN_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "accounts": ("account_id", "platform_key", "nickname", "email", "phone", "registered_at_utc"),
    "payments": ("payment_id", "platform_key", "account_id", "txid", "amount_sat", "at_utc"),
    "customers": ("customer_id", "actor", *_PERSON),
    "records": ("record_id", *_PERSON, "nickname"),
}
"""By table whose rows are compared, what is shown of a row; the key comes first."""

_OF_LINK: Final = ("link_id", "claim", "left_table", "left_id", "right_table", "right_id")


def reviewed_pairs(found_by: ReviewRows, link_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The pairs of these ids in that order, each with both rows, what speaks against it, its bars and its rivals.

    Links of the case and pairs of known answer alike; an id of neither is left out.
    """
    wanted = set(link_ids)
    links = _with_rivals(found_by, "links", wanted) + _with_rivals(found_by, "known_links", wanted)
    rows = _rows_of(found_by, links)
    against = _contrary(found_by, links)
    beside: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for rival in found_by.rows("rival_hypotheses", "link_id", wanted):
        beside[rival["link_id"]].append(rival)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for link in links:
        groups[link["claim"], link["left_id"]].append(link)
    found = {link["link_id"]: link for link in links}
    return [
        _pair(found[link_id], groups[found[link_id]["claim"], found[link_id]["left_id"]], rows, against)
        | {"beside": beside[link_id]}
        for link_id in link_ids
        if link_id in found
    ]


def _with_rivals(found_by: ReviewRows, name: str, wanted: set[str]) -> list[dict[str, Any]]:
    """The rows of these ids and of the other candidates of their left rows, as rows of `links`."""
    lefts = {row["left_id"] for row in found_by.rows(name, "link_id", wanted, ("link_id", "left_id"))}
    rows = found_by.rows(name, "left_id", lefts) if lefts else []
    if name == "links":
        return rows
    return [{**row, "left_table": KNOWN_LEFT_TABLES[row["claim"]], "right_table": "records"} for row in rows]


def _rows_of(found_by: ReviewRows, links: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """What is shown of each row that a link names, by table and id."""
    ids: dict[str, set[str]] = defaultdict(set)
    for link in links:
        for side in ("left", "right"):
            ids[link[f"{side}_table"]].add(link[f"{side}_id"])
    known = known_rows(found_by.arrow("known_pairs"))
    found = {}
    for table, wanted in ids.items():
        key, *_ = table_named(table).key
        for row in found_by.rows(table, key, wanted, SHOWN_COLUMNS[table]):
            found[table, row[key]] = row
        for row_id in wanted & known.get(table, {}).keys():
            found[table, row_id] = {name: known[table][row_id].get(name) for name in SHOWN_COLUMNS[table]}
    return found


def _contrary(found_by: ReviewRows, links: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What speaks against a link, or against who used an account, by the id of either."""
    against: dict[str, list[str]] = defaultdict(list)
    ids = {link["link_id"] for link in links}
    for fact in found_by.rows("contrary_facts", "link_id", ids):
        against[fact["link_id"]].append(fact["statement"])
    lefts = {link["left_id"] for link in links}
    for fact in found_by.rows("contrary_facts", "account_id", lefts):
        if not fact["link_id"]:
            against[fact["account_id"]].append(fact["statement"])
    return against


def _pair(
    link: Mapping[str, Any],
    candidates: Sequence[Mapping[str, Any]],
    rows: Mapping[tuple[str, str], Mapping[str, Any]],
    against: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    sums = accumulate(bar["weight_mbits"] for bar in link["comparisons"])
    others = sorted(
        (other for other in candidates if other["link_id"] != link["link_id"]),
        key=lambda other: (-other["match_weight_mbits"], other["link_id"]),
    )
    contrary = link.get("contrary")
    if contrary is None:
        contrary = [*against.get(link["link_id"], ()), *against.get(link["left_id"], ())]
    return {
        **{name: link[name] for name in _OF_LINK},
        "contrary": list(contrary),
        "left": _row_of(rows, link, "left"),
        "right": _row_of(rows, link, "right"),
        "candidates": [_candidate(link, other, rows) for other in others],
        "comparisons": [{**bar, "sum_mbits": total} for bar, total in zip(link["comparisons"], sums, strict=True)],
        "match_weight_mbits": link["match_weight_mbits"],
        "probability_ppm": link["probability_ppm"],
        "because": link["because"],
        "model_id": link["model_id"],
    }


def _row_of(rows: Mapping[tuple[str, str], Mapping[str, Any]], link: Mapping[str, Any], side: str) -> dict[str, Any]:
    table, row_id = link[f"{side}_table"], link[f"{side}_id"]
    if (table, row_id) not in rows:
        told = f"{link['link_id']}: its row {row_id} is not in {table}"
        raise IntegrityError(f"{told}; run 'headwater verify', and find out who changed either table")
    return dict(rows[table, row_id])


def _candidate(
    link: Mapping[str, Any], other: Mapping[str, Any], rows: Mapping[tuple[str, str], Mapping[str, Any]]
) -> dict[str, Any]:
    """Another candidate for the same left row, with each field in which it stands better or worse."""
    here = {bar["field"]: bar for bar in link["comparisons"]}
    there = {bar["field"]: bar for bar in other["comparisons"]}
    differs = []
    for field in dict.fromkeys((*here, *there)):
        weights = [bars[field]["weight_mbits"] if field in bars else 0 for bars in (here, there)]
        if weights[0] != weights[1]:
            level = there[field]["level"] if field in there else "not compared"
            differs.append({"field": field, "level": level, "better_by_mbits": weights[1] - weights[0]})
    return {
        "link_id": other["link_id"],
        "right_id": other["right_id"],
        "right": _row_of(rows, other, "right"),
        "match_weight_mbits": other["match_weight_mbits"],
        "probability_ppm": other["probability_ppm"],
        "differs": differs,
    }
